/* Streams of requests by the time of their next one, equal times in the order of their numbers.
 * Private to this room. */
#ifndef MT_TRACE_STEP_BY_TIME_H
#define MT_TRACE_STEP_BY_TIME_H

#include "base/heap.h"

/* A stream that has a next request. */
typedef struct mt_due {
    int64_t time_ns; /* of that request; one without a time keeps that of the one before it */
    size_t number;   /* of the stream */
} mt_due;

static inline int mt_due_sooner(const mt_due *a, const mt_due *b) {
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->number < b->number);
}

MT_HEAP(mt_by_time, mt_due, mt_due_sooner)

/* The stream that comes first has gone on to its next request, its time set, or has no more. */
static inline void mt_by_time_advance(mt_by_time *by_time, int has_more) {
    if (has_more)
        mt_by_time_sift_down(by_time, 0);
    else
        mt_by_time_pop(by_time);
}

#endif
