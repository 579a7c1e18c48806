#include "prefix/model/families.h"

#include "base/memory.h"
#include "prefix/model/chains.h"

#include <math.h>

enum { HOT = 8 };          /* one in so many chains branches off it: all the time */
enum { SOON = 256 };       /* requests, at least, in which it was touched before; and */
enum { SOON_MOVES = 8 };   /* times as many as a family moves by: later than that, it may */
enum { STRETCHES = 64 };   /* of a trace, at least, or */
enum { LEAST_SINGLE = 4 }; /* chains in one */

/* The first chain of chain c's family; the way there gets shorter. */
static uint32_t find(uint32_t *families, uint32_t c) {
    while (families[c] != c)
        c = families[c] = families[families[c]];
    return c;
}

static void unite(uint32_t *families, uint32_t a, uint32_t b) {
    a = find(families, a);
    b = find(families, b);
    families[a > b ? a : b] = a > b ? b : a;
}

static const mt_description *first_of(const mt_model *model, const mt_model_chain *chain) {
    return &model->descriptions[model->turns[chain->first].description];
}

/* Does a chain that goes on from a turn with so many branches belong to whoever was there
 * before? */
static int is_tied(const mt_model *model, const mt_description *first, uint32_t branches,
                   double soon_blocks) {
    if ((double)first->elapsed > soon_blocks)
        return 0;
    return branches < MT_MANY_BRANCHES ||
           (branches < model->chain_count / HOT &&
            2 * (uint64_t)first->shared >= mt_description_blocks(first));
}

static mt_code find_families(const mt_model *model, double soon, uint32_t *families,
                             mt_error *error) {
    uint32_t *branches = mt_allocate_zero(model->count, sizeof *branches);
    uint32_t *last = mt_allocate(model->count, sizeof *last); /* chain to go on from each turn */
    mt_code code = MT_OK;
    if (!branches || !last) {
        code = mt_fail_memory(error, "chains of a model");
        goto done;
    }
    double soon_blocks = 0;
    for (size_t i = 0; i < model->count; i++)
        soon_blocks +=
            soon * (double)mt_description_blocks(&model->descriptions[i]) / (double)model->count;
    for (uint32_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        uint32_t origin = model->turns[chain->first].origin;
        families[c] = c;
        if (origin < MT_FROM_BEFORE)
            branches[origin]++;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
            last[t] = c;
    }
    for (uint32_t c = 0; c < model->chain_count; c++) {
        uint32_t origin = model->turns[model->chains[c].first].origin;
        if (origin >= MT_FROM_BEFORE)
            continue;
        if (is_tied(model, first_of(model, &model->chains[c]), branches[origin], soon_blocks))
            unite(families, c, last[origin]);
        last[origin] = c;
    }
    for (uint32_t c = 0; c < model->chain_count; c++)
        families[c] = find(families, c);
done:
    mt_free(branches);
    mt_free(last);
    return code;
}

mt_code mt_model_families(const mt_model *model, uint32_t *families, mt_error *error) {
    double moved = (double)mt_model_stretch(model, MT_FAMILY_LONG) * (double)model->count /
                   (double)model->chain_count;
    return find_families(model, moved * SOON_MOVES > SOON ? moved * SOON_MOVES : SOON, families,
                         error);
}

mt_code mt_model_trees(const mt_model *model, uint32_t *trees, mt_error *error) {
    return find_families(model, INFINITY, trees, error);
}

static int64_t end_of(const mt_model *model, const mt_model_chain *chain) {
    int64_t end = chain->start_ns;
    for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
        end += model->turns[t].gap_ns;
    return end;
}

/* Above 0, and one more for every doubling. */
static uint8_t logarithm(int64_t ns) {
    uint8_t bits = 0;
    for (; ns > 0; ns >>= 1)
        bits++;
    return bits;
}

void mt_model_sort_families(const mt_model *model, const uint32_t *families, uint8_t *sorts) {
    for (uint32_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        int64_t lasts = end_of(model, chain) - model->chains[families[c]].start_ns;
        uint8_t sort = families[c] != c || chain->count > 1
                           ? (uint8_t)(MT_FAMILY_LONG + logarithm(lasts))
                           : MT_FAMILY_SINGLE;
        sorts[c] = MT_FAMILY_SINGLE;
        if (sort > sorts[families[c]])
            sorts[families[c]] = sort;
    }
    for (uint32_t c = 0; c < model->chain_count; c++)
        sorts[c] = sorts[families[c]];
}

size_t mt_model_stretch(const mt_model *model, uint8_t sort) {
    size_t chains = model->chain_count / STRETCHES;
    size_t least = sort == MT_FAMILY_SINGLE ? LEAST_SINGLE : 1;
    return chains < least ? least : chains > MT_LONGEST_STRETCH ? MT_LONGEST_STRETCH : chains;
}
