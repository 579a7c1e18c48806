/* When chains begin: families (prefix/model/families.h) change places. */
#include "base/memory.h"
#include "prefix/gaps/gaps.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_state.h"

#include <stdlib.h>
#include <string.h>

enum { SPREAD = 64 };     /* requests, by which a family may move */
enum { MOVED_PART = 20 }; /* of the time that it lasts */
enum { FEW = 16 };        /* chains in a stretch, which deal too little */
enum { TIED_PART = 8 };   /* of the time to its neighbours, by which a member may move */

mt_code mt_reuse_starts_begin(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    mt_code code = mt_model_families(model, chains->families, error);
    if (code)
        return code;
    mt_model_sort_families(model, chains->families, chains->sorts);
    for (size_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        int64_t *lasts = &chains->lasts[chains->families[c]];
        int64_t end = chains->times[chain->first + chain->count - 1];
        int64_t here = end - model->chains[chains->families[c]].start_ns;
        *lasts = here > *lasts ? here : *lasts;
    }
    for (size_t t = 0; t < model->count; t++)
        if (model->turns[t].origin < MT_FROM_BEFORE)
            chains->has_branch[model->turns[t].origin] = 1;
    return MT_OK;
}

static void swap(int64_t *one, int64_t *other) {
    int64_t time = *one;
    *one = *other;
    *other = time;
}

/* Moves the starts of a family's members by up to a part of the time to the chains beside them: in
 * order still, and on the source's grid. */
static void move_members(mt_reuse_chains *chains) {
    for (size_t c = 1; c + 1 < chains->model->chain_count; c++) {
        if (chains->families[c] == c)
            continue;
        int64_t *start = &chains->starts[c];
        int64_t before = *start - start[-1], after = start[1] - *start;
        double most = (double)(before < after ? before : after) / TIED_PART;
        double by = (2 * mt_random_uniform(&chains->random) - 1) * most;
        if (chains->grid > 0 && most > 0)
            *start += (int64_t)(by / (double)chains->grid) * chains->grid;
    }
}

typedef struct kin {
    uint32_t family, origin, known, chain;
} kin;

static int by_origin(const void *a, const void *b) {
    const kin *one = a, *other = b;
    if (one->family != other->family)
        return one->family < other->family ? -1 : 1;
    if (one->origin != other->origin)
        return one->origin < other->origin ? -1 : 1;
    if (one->known != other->known)
        return one->known < other->known ? -1 : 1;
    return (one->chain > other->chain) - (one->chain < other->chain);
}

/* Members of one turn, from which nobody goes on, exchange their starts with others of their family
 * that share the same: only what is their own changes places. */
static mt_code deal_members(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    kin *list = mt_allocate(model->chain_count, sizeof *list);
    size_t count = 0;
    if (!list)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t c = 0; c < model->chain_count; c++) {
        uint32_t turn = model->chains[c].first, origin = model->turns[turn].origin;
        if (chains->families[c] != c && model->chains[c].count == 1 && origin < MT_FROM_BEFORE &&
            !chains->has_branch[turn])
            list[count++] = (kin){chains->families[c], origin, chains->depths[turn].known, c};
    }
    qsort(list, count, sizeof *list, by_origin);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && end < begin + MT_LONGEST_STRETCH &&
                              list[end].family == list[begin].family &&
                              list[end].origin == list[begin].origin &&
                              list[end].known == list[begin].known;)
            end++;
        for (size_t i = end; i > begin + 1; i--) {
            size_t with = begin + mt_random_below(&chains->random, i - begin);
            swap(&chains->starts[list[i - 1].chain], &chains->starts[list[with].chain]);
        }
    }
    mt_free(list);
    return MT_OK;
}

/* Deals the families that begin at chains[begin..end), and are of the sort of `first`, to their
 * starts. */
static void deal_sort(mt_reuse_chains *chains, size_t begin, size_t first, size_t end) {
    size_t members[MT_LONGEST_STRETCH], found = 0;
    for (size_t c = begin; c < end; c++)
        if (chains->families[c] == c && chains->sorts[c] == chains->sorts[first]) {
            if (c < first)
                return; /* has been dealt */
            members[found++] = c;
        }
    for (size_t i = found; i > 1; i--) {
        size_t with = mt_random_below(&chains->random, i);
        swap(&chains->moved[members[i - 1]], &chains->moved[members[with]]);
    }
}

/* Those of single requests, or all others. */
static void deal_families(mt_reuse_chains *chains, int singles) {
    size_t all = chains->model->chain_count;
    size_t stretch = mt_model_stretch(chains->model, singles ? MT_FAMILY_SINGLE : MT_FAMILY_LONG);
    for (size_t begin = 0; begin < all && stretch > 1; begin += stretch) {
        size_t end = begin + stretch < all ? begin + stretch : all;
        for (size_t first = begin; first < end; first++)
            if (chains->families[first] == first &&
                singles == (chains->sorts[first] == MT_FAMILY_SINGLE))
                deal_sort(chains, begin, first, end);
    }
}

/* Where stretches are short, what lasts moves a little. */
static void move_families(mt_reuse_chains *chains) {
    double spread = SPREAD * (double)chains->lap_length / (double)chains->model->count;
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        if (chains->families[c] != c || chains->sorts[c] == MT_FAMILY_SINGLE || chains->grid == 0)
            continue;
        double most = (double)chains->lasts[c] / MOVED_PART;
        double by = (2 * mt_random_uniform(&chains->random) - 1) * (most < spread ? most : spread);
        int64_t moved = chains->moved[c] + (int64_t)(by / (double)chains->grid) * chains->grid;
        chains->moved[c] = moved < 0 ? -moved : moved;
    }
}

/* No family lasts beyond the end of the source: what would is moved back by twice as much. */
static void keep_end(mt_reuse_chains *chains) {
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        int64_t beyond = chains->moved[c] + chains->lasts[c] - chains->last;
        if (chains->families[c] == c && beyond > 0)
            chains->moved[c] -= 2 * beyond < chains->moved[c] ? 2 * beyond : beyond;
    }
}

/* Another realisation of the families' starts, that bunches alike (prefix/gaps/gaps.h). */
static mt_code resample_starts(mt_reuse_chains *chains, mt_error *error) {
    size_t count = 0, next = 0, all = chains->model->chain_count;
    int64_t *gaps_ns = mt_allocate(all, sizeof *gaps_ns), before = chains->moved[0];
    if (!gaps_ns)
        return mt_fail_memory(error, "synthesiser");
    for (size_t c = 0; c < all; c++)
        if (chains->families[c] == c) {
            gaps_ns[count++] = chains->moved[c] - before;
            before = chains->moved[c];
        }
    mt_gaps *gaps =
        mt_gaps_new(MT_GAPS_SOURCE, gaps_ns, count, mt_random_u64(&chains->random), error);
    mt_code code = gaps ? MT_OK : mt_code_of(error);
    for (; next < all && !code; next++)
        if (chains->families[next] == next)
            code = mt_gaps_next(gaps, &chains->moved[next], error);
    mt_gaps_free(gaps);
    mt_free(gaps_ns);
    return code;
}

mt_code mt_reuse_deal_starts(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    size_t all = model->chain_count;
    for (size_t c = 0; c < all; c++)
        chains->starts[c] = model->chains[c].start_ns;
    int is_few = mt_model_stretch(model, MT_FAMILY_LONG) < FEW;
    move_members(chains);
    mt_code code = deal_members(chains, error);
    memcpy(chains->moved, chains->starts, all * sizeof *chains->moved);
    if (code == MT_OK && chains->resample)
        code = resample_starts(chains, error);
    if (code)
        return code;
    deal_families(chains, 1);
    deal_families(chains, 0);
    if (is_few)
        move_families(chains);
    keep_end(chains);
    for (size_t c = all; c-- > 0;) { /* a family's first chain comes last */
        size_t family = chains->families[c];
        chains->starts[c] += chains->moved[family] - chains->starts[family];
    }
    return MT_OK;
}
