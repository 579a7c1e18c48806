/* A trace from a reader to an output: a window of it, a part of it, faster or slower. */
#ifndef MT_TRACE_COPY_H
#define MT_TRACE_COPY_H

#include "base/output.h"
#include "trace/reader.h"
#include "trace/writer.h"

typedef struct mt_copy_options {
    int has_window;           /* only requests with start_ns <= time < end_ns: all must have a time
                                 then, and times must not decrease */
    int64_t start_ns, end_ns; /* on the trace's own clock */
    uint64_t limit;           /* stop after so many requests written; UINT64_MAX: none */
    double speed_ratio;       /* > 0: times and delays are divided by it, rounded to nanoseconds */
    mt_trace_format format;
} mt_copy_options;

/* Copies until the reader's end or the limit. *written counts the requests handed to output, on
 * failure too. Times are not moved to start at 0. MT_ERROR_INPUT with file and line when a window's
 * conditions are not met; MT_ERROR_VALUE when speed_ratio is not positive or makes a time larger
 * than 64 bits of nanoseconds. */
mt_code mt_trace_copy(mt_trace_reader *reader, mt_output *output, const mt_copy_options *options,
                      uint64_t *written, mt_error *error);

/* nanoseconds / ratio, rounded half away from zero; 0, or -1 when it does not fit. */
int mt_scale_time(int64_t nanoseconds, double ratio, int64_t *scaled);

#endif
