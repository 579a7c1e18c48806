/* The streams of a plan merged: whose event comes next, as far as is known. */
#ifndef MT_LOAD_RUN_LANES_H
#define MT_LOAD_RUN_LANES_H

#include "load/run/lane.h"

/* A lane in the heap, with what it is compared by: a merge of thousands reads no lane but the first. */
typedef struct mt_waiting_lane {
    double time;
    size_t rank;
    mt_lane *lane;
} mt_waiting_lane;

/* Zero it, open it, close it; close it also after a failure. */
typedef struct mt_run_lanes {
    mt_lane *lanes; /* one a stream */
    size_t count;
    mt_waiting_lane *heap; /* those that still have an event, soonest first; equal times by rank */
    size_t *places;        /* in the heap, by lane, plus 1; 0: it has no next event */
    size_t waiting;
} mt_run_lanes;

/* Opens a lane for every stream. The plan must live longer. */
mt_code mt_run_lanes_open(mt_run_lanes *lanes, const mt_plan *plan, const mt_run_options *options,
                          mt_error *error);

/* The lane with the next event; NULL when none has one. */
static inline mt_lane *mt_run_lanes_soonest(const mt_run_lanes *lanes) {
    return lanes->waiting > 0 ? lanes->heap[0].lane : NULL;
}

/* Looks anew when the lane's next event comes: to be called when one was taken, and when an answer
 * has settled one. */
mt_code mt_run_lanes_look(mt_run_lanes *lanes, mt_lane *lane, mt_error *error);

void mt_run_lanes_close(mt_run_lanes *lanes);

#endif
