/* What steps know of times: how long a trace is, and that it is not in their order. Private to this
 * folder. */
#ifndef MT_TRACE_STEP_TIMES_H
#define MT_TRACE_STEP_TIMES_H

#include "base/error.h"
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

/* Refuses a request of the source that is earlier than before_ns, a time that came before it:
 * `need` says what needs the order and how to have it. -1. */
int mt_fail_order(const mt_source *source, const mt_request *request, int64_t before_ns,
                  const char *need, mt_error *error);

#endif
