/* Writing traces: one request a line, in the fixed order timestamp, input_length, output_length,
 * hash_ids, session_id, delay, stream, extra; absent members left out. */
#ifndef MT_TRACE_WRITER_H
#define MT_TRACE_WRITER_H

#include "base/error.h"
#include "base/output.h"
#include "trace/record.h"

typedef struct mt_trace_format {
    int compact;          /* "," and ":" instead of ", " and ": " (extra stays as it is) */
    int timestamp_digits; /* 0..6: at most so many digits of a millisecond, rounded half away from
                             zero; trailing zeros are not written */
} mt_trace_format;

/* Bytes that writing *request needs at most, its newline included. */
size_t mt_request_bound(const mt_request *request);

/* Writes the line, newline included, to `to` (at least mt_request_bound bytes, all of which may be
 * written); returns its end. */
char *mt_request_write(const mt_request *request, const mt_trace_format *format, char *to);

/* mt_request_write into an output. */
mt_code mt_trace_write(mt_output *output, const mt_request *request, const mt_trace_format *format,
                       mt_error *error);

/* A number's decimal digits; returns the end (at most 20 bytes). The first 20 bytes of `to` may be
 * written whatever the number. */
char *mt_write_u64(uint64_t value, char *to);

/* Nanoseconds as milliseconds with at most `digits` decimals (0..6); returns the end. The first 24
 * bytes of `to` may be written. */
char *mt_write_milliseconds(int64_t nanoseconds, int digits, char *to);

#endif
