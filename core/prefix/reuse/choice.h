/* Which prefix a request goes back to. Private to the reuse method (prefix/reuse/reuse.h).
 *
 * A candidate is judged by what caches would make of the request there: at each size of the grid,
 * how many of its blocks would hit, against how many are to. How far the two differ, over the
 * logarithm of the sizes and as a share of the shared blocks, is the mean error of log distance. To
 * it is added what the choice does to the sums of all errors so far, size by size (error diffusion,
 * after Floyd and Steinberg, "An adaptive algorithm for spatial grayscale", 1976), so that errors
 * cannot add up; the same for blocks that come back for the first time; and how differently far the
 * prefix goes on. */
#ifndef MT_PREFIX_REUSE_CHOICE_H
#define MT_PREFIX_REUSE_CHOICE_H

#include "prefix/reuse/history.h"
#include "prefix/reuse/items.h"

typedef struct mt_reuse_errors {
    float hits[MT_REUSE_SIZES]; /* blocks that hit, made less wanted */
    float first_return;         /* blocks that came back for the first time, made less wanted */
    float tolerated;            /* blocks: an error of this size is nothing to fight for */
} mt_reuse_errors;

/* Errors are judged against what has been made: by the end of lap number `laps` (>= 1). */
void mt_reuse_errors_tolerate(mt_reuse_errors *errors, const mt_reuse_items *items, uint64_t laps);

/* What the choice of `slot` for `item` costs; about 0.3 is a good one. */
float mt_reuse_cost(const mt_reuse_history *history, const mt_reuse_items *items,
                    const mt_reuse_errors *errors, const mt_reuse_item *item, uint32_t slot);

/* The cheapest slot near the item's distance, MT_NO_SLOT when nobody owns a block that deep. *cost
 * is what it costs, *fit the part of it that waiting may mend: hits; INFINITY without a slot. */
uint32_t mt_reuse_choose(mt_reuse_history *history, const mt_reuse_items *items,
                         const mt_reuse_errors *errors, const mt_reuse_item *item, float *cost,
                         float *fit);

/* Adds what the choice does to the errors. MT_NO_SLOT: none of its shared blocks will hit. */
void mt_reuse_errors_add(mt_reuse_errors *errors, const mt_reuse_history *history,
                         const mt_reuse_items *items, const mt_reuse_item *item, uint32_t slot);

#endif
