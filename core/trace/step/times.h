/* How long a trace is, for steps that go on after its end. Private to this folder. */
#ifndef MT_TRACE_STEP_TIMES_H
#define MT_TRACE_STEP_TIMES_H

#include "trace/source/source.h"

/* The times that a trace spans, as they pass. */
typedef struct mt_span_of_time {
    uint64_t count;
    int64_t first_ns, last_ns; /* earliest and latest */
} mt_span_of_time;

void mt_span_of_time_add(mt_span_of_time *span, const mt_request *request);

/* The mean gap between requests, 0 when there are fewer than two. Rounded to whole milliseconds if
 * it is 10 ms or more, because generated traces have whole-millisecond times. */
int64_t mt_mean_gap(const mt_span_of_time *span);

#endif
