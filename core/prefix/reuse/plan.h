/* Who comes back to whom, and what begins when: the plan of one lap through all items. Private to
 * the reuse method (prefix/reuse/reuse.h).
 *
 * In the source, the request that comes back to where another one's returning blocks end fits it:
 * its shared part is as long, and as many requests had been there before. So items are matched by
 * (shared blocks, visits): what is left behind, against what comes back. The model does not say who
 * came back to whom, only how many there were of each kind; the match is drawn anew for every lap.
 * Visits are first exchanged among items that are alike (the same blocks, about the same visits and
 * distance), so that a prefix that many requests share is not asked for in the source's order.
 * Where a choice is left, no item gets a successor that would come too late for the lap, and
 * items whose own successors take longest choose first (the longest-processing-time rule: Graham,
 * "Bounds on multiprocessing timing anomalies", 1969).
 *
 * An item that is nobody's successor is in the *deck*: the first request of a prefix, or a request
 * that turns off in the middle of one. The deck is dealt in an order that leaves each item enough
 * time for all that follows from it. */
#ifndef MT_PREFIX_REUSE_PLAN_H
#define MT_PREFIX_REUSE_PLAN_H

#include "base/error.h"
#include "prefix/reuse/items.h"
#include "random/generator.h"

#define MT_NO_ITEM UINT32_MAX

typedef struct mt_reuse_plan {
    const mt_reuse_items *items;
    uint32_t *successor; /* by item: who comes back to its end, or MT_NO_ITEM */
    uint32_t *deck;      /* items in the order in which they are dealt */
    uint32_t deck_count;
    struct mt_reuse_matching *matching;
} mt_reuse_plan;

/* *plan must be zero; free it with mt_reuse_plan_free, on failure too. items must live longer. */
mt_code mt_reuse_plan_open(mt_reuse_plan *plan, const mt_reuse_items *items, mt_error *error);

/* Plans a lap anew. MT_ERROR_INTERRUPTED on Ctrl-C. */
mt_code mt_reuse_plan_lap(mt_reuse_plan *plan, mt_random *random, mt_error *error);

void mt_reuse_plan_free(mt_reuse_plan *plan);

#endif
