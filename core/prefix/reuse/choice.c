#include "prefix/reuse/choice.h"

#include "base/assert.h"

#include "prefix/reuse/lanes.h"

#include <math.h>

enum { CANDIDATES = 32 };

/* Weights, found by trying on traces of very different kinds. */
static const float of_errors = 8, of_first_return = 0.5F, of_beyond = 0.5F;

static const double tolerated_share = 0.0005; /* of the blocks of a lap */

void mt_reuse_errors_tolerate(mt_reuse_errors *errors, const mt_reuse_items *items, uint64_t laps) {
    double tolerated = items->blocks * (double)laps * tolerated_share;
    errors->tolerated = (float)fmax(1, fmax(tolerated, items->mean_blocks));
}

/* Blocks that are to hit at each size. */
static void wanted_hits(const mt_reuse_items *items, const mt_reuse_item *item,
                        float wanted[MT_REUSE_SIZES]) {
    float blocks = 0;
    uint32_t size = 0;
    for (uint32_t k = 0; k < item->run_count; k++) {
        const mt_reuse_run *run = &items->runs[item->run_begin + k];
        while (size < run->size)
            wanted[size++] = blocks;
        blocks = (float)run->end;
    }
    while (size < MT_REUSE_SIZES)
        wanted[size++] = blocks;
}

/* Mean error of log distance, and what becomes of the sums of errors. */
static float cost_of_hits(const mt_reuse_items *items, const mt_reuse_errors *errors,
                          const float *hits, const float *wanted, float blocks) {
    mt_lanes apart = {0}, growth = {0};
    for (int j = 0; j < MT_REUSE_SIZES; j += MT_LANES) {
        mt_lanes more = mt_lanes_of(&hits[j]) - mt_lanes_of(&wanted[j]);
        mt_lanes so_far = mt_lanes_of(&errors->hits[j]);
        apart += mt_lanes_of(&items->weights[j]) * mt_lanes_absolute(more);
        growth += (so_far + so_far + more) * more;
    }
    return mt_lanes_sum(apart) / blocks +
           of_errors * mt_lanes_sum(growth) / (MT_REUSE_SIZES * errors->tolerated * blocks);
}

/* *of_hits: the part of the cost that is about hits. */
static float cost_against(const mt_reuse_history *history, const mt_reuse_items *items,
                          const mt_reuse_errors *errors, const mt_reuse_item *item, uint32_t slot,
                          const float *wanted, float *of_hits) {
    float hits[MT_REUSE_SIZES], blocks = (float)item->shared;
    mt_reuse_hits(history, slot, item->shared, hits);
    float cost = *of_hits = cost_of_hits(items, errors, hits, wanted, blocks);
    float goes_on = (float)(history->slots[slot].core - item->shared);
    if (goes_on != (float)item->beyond)
        cost += of_beyond * fabsf(logf((1 + goes_on) / (1 + (float)item->beyond)));
    float first = (float)mt_reuse_first_return(history, slot, item->shared);
    float more = first - (float)item->first_return;
    return cost + of_first_return * (2 * errors->first_return + more) * more /
                      (errors->tolerated * blocks);
}

float mt_reuse_cost(const mt_reuse_history *history, const mt_reuse_items *items,
                    const mt_reuse_errors *errors, const mt_reuse_item *item, uint32_t slot) {
    float wanted[MT_REUSE_SIZES];
    wanted_hits(items, item, wanted);
    float of_hits;
    return cost_against(history, items, errors, item, slot, wanted, &of_hits);
}

/* About which slot was touched `distance` ago: between those that the grid keeps. */
static uint32_t slot_at(const mt_reuse_history *history, const mt_reuse_items *items,
                        const mt_reuse_item *item) {
    uint32_t size = items->runs[item->run_begin + item->run_count - 1].size;
    if (size >= MT_REUSE_SIZES)
        size = MT_REUSE_SIZES - 1;
    double above = (double)items->sizes[size],
           below = size > 0 ? (double)items->sizes[size - 1] : 0;
    double oldest = history->oldest[size];
    double newest = size > 0 ? history->oldest[size - 1] : history->slot_count;
    double share = above > below ? (item->distance - below) / (above - below) : 1;
    double slot = newest + (oldest - newest) * (share > 1 ? 1 : share);
    double last = (double)history->slot_count - 1;
    return (uint32_t)(slot < 0 ? 0 : slot > last ? last : slot);
}

uint32_t mt_reuse_choose(mt_reuse_history *history, const mt_reuse_items *items,
                         const mt_reuse_errors *errors, const mt_reuse_item *item, float *cost,
                         float *fit) {
    uint32_t found[CANDIDATES], best = MT_NO_SLOT, count = 0;
    float wanted[MT_REUSE_SIZES];
    *cost = *fit = INFINITY;
    if (history->slot_count > 0)
        count = mt_reuse_nearest(history, slot_at(history, items, item), item->shared, CANDIDATES,
                                 found);
    wanted_hits(items, item, wanted);
    for (uint32_t k = 0; k < count; k++) {
        mt_assert(history->slots[found[k]].low < item->shared &&
                  item->shared <= history->slots[found[k]].core);
        float of_hits,
            here = cost_against(history, items, errors, item, found[k], wanted, &of_hits);
        if (here < *cost) {
            *cost = here;
            *fit = of_hits;
            best = found[k];
        }
    }
    return best;
}

void mt_reuse_errors_add(mt_reuse_errors *errors, const mt_reuse_history *history,
                         const mt_reuse_items *items, const mt_reuse_item *item, uint32_t slot) {
    float hits[MT_REUSE_SIZES] = {0}, wanted[MT_REUSE_SIZES], first = 0;
    if (slot != MT_NO_SLOT) {
        mt_reuse_hits(history, slot, item->shared, hits);
        first = (float)mt_reuse_first_return(history, slot, item->shared);
    }
    wanted_hits(items, item, wanted);
    for (int j = 0; j < MT_REUSE_SIZES; j++)
        errors->hits[j] += hits[j] - wanted[j];
    errors->first_return += first - (float)item->first_return;
}
