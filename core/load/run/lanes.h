/* The streams of a plan merged: whose event comes next. */
#ifndef MT_LOAD_RUN_LANES_H
#define MT_LOAD_RUN_LANES_H

#include "base/heap.h"
#include "load/run/lane.h"

static inline int mt_lane_sooner(mt_lane *const *a, mt_lane *const *b) {
    double time = (*a)->event.time, other = (*b)->event.time;
    return time < other || (time == other && (*a)->rank < (*b)->rank);
}

MT_HEAP(mt_lane_heap, mt_lane *, mt_lane_sooner) // NOLINT(bugprone-sizeof-expression): of a pointer

/* Zero it, open it, close it; close it also after a failure. */
typedef struct mt_run_lanes {
    mt_lane *lanes; /* one a stream */
    size_t count;
    mt_lane_heap waiting; /* those that still have an event; equal times by rank */
} mt_run_lanes;

/* Opens a lane for every stream, each with its first event in hand. The plan must live longer. */
mt_code mt_run_lanes_open(mt_run_lanes *lanes, const mt_plan *plan, const mt_run_options *options,
                          mt_error *error);

/* The lane with the next event; NULL when all are at their end. */
static inline mt_lane *mt_run_lanes_soonest(const mt_run_lanes *lanes) {
    return lanes->waiting.count > 0 ? lanes->waiting.items[0] : NULL;
}

/* Replaces the event of the soonest lane by its next one. */
mt_code mt_run_lanes_advance(mt_run_lanes *lanes, mt_error *error);

void mt_run_lanes_close(mt_run_lanes *lanes);

#endif
