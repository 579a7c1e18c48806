#include "trace/copy.h"

#include <math.h>

int mt_scale_time(int64_t nanoseconds, double ratio, int64_t *scaled) {
    /* A long double holds 64 bits where a double would change large times. */
    long double value = roundl((long double)nanoseconds / (long double)ratio);
    if (!(value > -9223372036854775808.0L && value < 9223372036854775808.0L))
        return -1;
    *scaled = (int64_t)value;
    return 0;
}

/* Is the request inside the window? 1, 0, or -1 when the window's conditions are not met. */
static int in_window(const mt_copy_options *options, const mt_trace_reader *reader,
                     const mt_request *request, int64_t *before, mt_error *error) {
    if (!(request->has & MT_HAS_TIME)) {
        mt_fail_at(error, MT_ERROR_INPUT, mt_trace_name(reader), request->line, 0,
                   "no timestamp, which a window of time needs");
        return -1;
    }
    if (request->time_ns < *before) {
        char now[32], then[32];
        *mt_write_milliseconds(request->time_ns, 6, now) = '\0';
        *mt_write_milliseconds(*before, 6, then) = '\0';
        mt_fail_at(error, MT_ERROR_INPUT, mt_trace_name(reader), request->line, 0,
                   "timestamp %s is smaller than the %s before it: a window of time needs a trace "
                   "in the order of its times",
                   now, then);
        return -1;
    }
    *before = request->time_ns;
    return request->time_ns >= options->start_ns && request->time_ns < options->end_ns;
}

static mt_code scale(mt_request *request, double ratio, const mt_trace_reader *reader,
                     mt_error *error) {
    if (mt_scale_time(request->time_ns, ratio, &request->time_ns) == 0 &&
        mt_scale_time(request->delay_ns, ratio, &request->delay_ns) == 0)
        return MT_OK;
    return mt_fail_at(error, MT_ERROR_VALUE, mt_trace_name(reader), request->line, 0,
                      "divided by the speed ratio %g, the time is more than 292 years", ratio);
}

mt_code mt_trace_copy(mt_trace_reader *reader, mt_output *output, const mt_copy_options *options,
                      uint64_t *written, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    int64_t before = INT64_MIN;
    *written = 0;
    if (!(options->speed_ratio > 0 && isfinite(options->speed_ratio)))
        return mt_fail(report, MT_ERROR_VALUE, "the speed ratio must be a positive number, not %g",
                       options->speed_ratio);
    while (*written < options->limit) {
        int status = mt_trace_next(reader, &request, report);
        if (status == 0)
            return MT_OK;
        if (status < 0)
            return report->code;
        if (options->has_window) {
            int inside = in_window(options, reader, &request, &before, report);
            if (inside < 0)
                return report->code;
            if (!inside)
                continue;
        }
        if (options->speed_ratio != 1 &&
            scale(&request, options->speed_ratio, reader, report) != MT_OK)
            return report->code;
        mt_code code = mt_trace_write(output, &request, &options->format, report);
        if (code != MT_OK)
            return code;
        ++*written;
    }
    return MT_OK;
}
