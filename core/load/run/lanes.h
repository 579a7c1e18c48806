/* The streams of a plan merged: whose event comes next. */
#ifndef MT_LOAD_RUN_LANES_H
#define MT_LOAD_RUN_LANES_H

#include "load/run/lane.h"

/* Zero it, open it, close it; close it also after a failure. */
typedef struct mt_run_lanes {
    mt_lane *lanes; /* one a stream */
    size_t count;
    mt_lane **heap; /* those that still have an event, soonest first; equal times by rank */
    size_t waiting;
} mt_run_lanes;

/* Opens a lane for every stream, each with its first event in hand. The plan must live longer. */
mt_code mt_run_lanes_open(mt_run_lanes *lanes, const mt_plan *plan, const mt_run_options *options,
                          mt_error *error);

/* The lane with the next event; NULL when all are at their end. */
static inline mt_lane *mt_run_lanes_soonest(const mt_run_lanes *lanes) {
    return lanes->waiting > 0 ? lanes->heap[0] : NULL;
}

/* Replaces the event of the soonest lane by its next one. */
mt_code mt_run_lanes_advance(mt_run_lanes *lanes, mt_error *error);

void mt_run_lanes_close(mt_run_lanes *lanes);

#endif
