/* Streams of requests by the time of their next one: a heap of their numbers, equal times in the
 * order of the numbers. Private to this room. */
#ifndef MT_TRACE_STEP_BY_TIME_H
#define MT_TRACE_STEP_BY_TIME_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Zero it, start it, free it. */
typedef struct mt_by_time {
    int64_t *times_ns; /* of each stream's next request; the caller keeps them */
    size_t *heap;      /* numbers of the streams that have one; heap[0] comes next */
    size_t waiting;    /* how many */
} mt_by_time;

/* For `count` streams, all times at INT64_MIN, none waiting. */
mt_code mt_by_time_start(mt_by_time *by_time, size_t count, mt_error *error);

/* Stream `number`, whose time is set, has a next request. Call mt_by_time_order after the last. */
void mt_by_time_add(mt_by_time *by_time, size_t number);
void mt_by_time_order(mt_by_time *by_time);

/* The stream at heap[0] has gone on to its next request, its time set, or has no more. */
void mt_by_time_advance(mt_by_time *by_time, int has_more);

void mt_by_time_free(mt_by_time *by_time);

#endif
