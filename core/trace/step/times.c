#include "trace/step/times.h"

void mt_span_of_time_add(mt_span_of_time *span, const mt_request *request) {
    if (!(request->has & MT_HAS_TIME))
        return;
    if (span->count == 0 || request->time_ns < span->first_ns)
        span->first_ns = request->time_ns;
    if (span->count == 0 || request->time_ns > span->last_ns)
        span->last_ns = request->time_ns;
    span->count++;
}

int64_t mt_mean_gap(const mt_span_of_time *span) {
    static const int64_t millisecond = 1000000;
    if (span->count < 2)
        return 0;
    int64_t gap = (span->last_ns - span->first_ns) / (int64_t)(span->count - 1);
    return gap < 10 * millisecond ? gap : (gap + millisecond / 2) / millisecond * millisecond;
}
