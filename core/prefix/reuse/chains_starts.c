/* When chains begin: families (prefix/model/families.h) change places. */
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_state.h"

#include <math.h>
#include <string.h>

enum { MOVED_PART = 20 }; /* of the time that it lasts, by which a family may move; */
enum { MOST_PARTS = 40 }; /* the fewer there are at once, the less: each matters more */
enum { SPREAD = 64 };     /* requests, by which what begins may move; where many run at once, */
enum { NEAR = 4 };        /* so many for each of them, or */
enum { STRETCHES = 128 }; /* such a part of the trace, if that is more */

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
    for (size_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        int64_t lasts = chains->times[chain->first + chain->count - 1] - chain->start_ns;
        chains->at_once += (double)lasts / ((double)chains->last + 1);
    }
    return mt_reuse_members_begin(chains, error);
}

double mt_reuse_start_spread(const mt_reuse_chains *chains) {
    double requests = SPREAD, count = (double)chains->model->count;
    if (chains->at_once >= MT_REUSE_MANY) {
        double near = NEAR * chains->at_once, part = count / STRETCHES;
        requests = fmax(SPREAD, fmin(near, part));
    }
    return requests * (double)chains->lap_length / count;
}

/* On the source's grid; ticks of its clock where it has one. */
int64_t mt_reuse_jitter(mt_reuse_chains *chains, double most_ns) {
    double by = (2 * mt_random_uniform(&chains->random) - 1) * most_ns;
    int64_t step = chains->grid;
    if (step > 0 && chains->clock.period_ns > step)
        step = (chains->clock.period_ns + step / 2) / step * step;
    return step > 0 ? (int64_t)(by / (double)step) * step : 0;
}

static void swap(int64_t *one, int64_t *other) {
    int64_t time = *one;
    *one = *other;
    *other = time;
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

/* Those of single requests, or all others. The first stretch ends with chain `first`, exclusive. */
static void deal_families(mt_reuse_chains *chains, int singles, size_t first) {
    size_t all = chains->model->chain_count;
    size_t stretch = mt_model_stretch(chains->model, singles ? MT_FAMILY_SINGLE : MT_FAMILY_LONG);
    for (size_t begin = 0, end; begin < all && stretch > 1; begin = end) {
        end = begin == 0 && first > 0 ? first : begin + stretch;
        end = end < all ? end : all;
        for (size_t c = begin; c < end; c++)
            if (chains->families[c] == c && singles == (chains->sorts[c] == MT_FAMILY_SINGLE))
                deal_sort(chains, begin, c, end);
    }
}

/* The same in other stretches. In one a request finds its old neighbour again once in so many
 * times, in two more rarely. */
static void deal_across(mt_reuse_chains *chains, int singles) {
    size_t stretch = mt_model_stretch(chains->model, singles ? MT_FAMILY_SINGLE : MT_FAMILY_LONG);
    deal_families(chains, singles, 1 + mt_random_below(&chains->random, stretch));
}

typedef struct begin {
    int64_t time;
    uint32_t family;
} begin;

/* Families that begin near each other change places, whatever their sort. */
static mt_code exchange_near(mt_reuse_chains *chains, mt_error *error) {
    size_t all = chains->model->chain_count, count = 0;
    double spread = mt_reuse_start_spread(chains);
    begin *begins = mt_allocate(all, sizeof *begins);
    if (!begins)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t c = 0; c < all; c++)
        if (chains->families[c] == c)
            begins[count++] = (begin){chains->moved[c], c};
    mt_code code = mt_sort_by_number(begins, count, sizeof *begins, error);
    double most = mt_random_uniform(&chains->random) * spread;
    for (size_t i = 0, end; i < count && !code; i = end) {
        for (end = i + 1; end < count && (double)(begins[end].time - begins[i].time) <= most;)
            end++;
        for (size_t k = end; k > i + 1; k--) {
            size_t with = i + mt_random_below(&chains->random, k - i);
            swap(&chains->moved[begins[k - 1].family], &chains->moved[begins[with].family]);
        }
        most = spread;
    }
    mt_free(begins);
    return code;
}

/* Where stretches are short, what lasts moves a little. */
static void move_families(mt_reuse_chains *chains) {
    double spread = mt_reuse_start_spread(chains);
    double parts = fmax(MOVED_PART, fmin(MOST_PARTS, MOVED_PART * MT_REUSE_MANY / chains->at_once));
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        if (chains->families[c] != c || chains->sorts[c] == MT_FAMILY_SINGLE)
            continue;
        double most = (double)chains->lasts[c] / parts;
        int64_t moved = chains->moved[c] + mt_reuse_jitter(chains, most < spread ? most : spread);
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

int mt_reuse_is_few(const mt_reuse_chains *chains) {
    enum { FEW = 16 };
    return mt_model_stretch(chains->model, MT_FAMILY_LONG) < FEW;
}

mt_code mt_reuse_deal_starts(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    size_t all = model->chain_count;
    for (size_t c = 0; c < all; c++)
        chains->starts[c] = model->chains[c].start_ns;
    int is_few = mt_reuse_is_few(chains);
    mt_code code = mt_reuse_move_members(chains, error);
    if (code == MT_OK)
        code = mt_reuse_deal_members(chains, error);
    memcpy(chains->moved, chains->starts, all * sizeof *chains->moved);
    if (code)
        return code;
    deal_families(chains, 1, 0);
    deal_families(chains, 0, 0);
    if (chains->at_once >= MT_REUSE_MANY) {
        code = exchange_near(chains, error);
    } else if (!is_few) {
        deal_across(chains, 1);
        deal_across(chains, 0);
    }
    if (code)
        return code;
    if (is_few)
        move_families(chains);
    keep_end(chains);
    for (size_t c = all; c-- > 0;) { /* a family's first chain comes last */
        size_t family = chains->families[c];
        chains->starts[c] += chains->moved[family] - chains->starts[family];
    }
    return MT_OK;
}
