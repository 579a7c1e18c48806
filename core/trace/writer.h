/* Writing requests, in one of several output formats. To add a format: a function that writes one
 * request, one that says how long that can become, and an entry in the list in writer.c. */
#ifndef MT_TRACE_WRITER_H
#define MT_TRACE_WRITER_H

#include "base/error.h"
#include "base/file/output.h"
#include "trace/record.h"

typedef struct mt_trace_format mt_trace_format;

typedef struct mt_format_kind {
    const char *name; /* as options and messages call it */
    /* Bytes that writing *request needs at most. */
    size_t (*bound)(const mt_request *request);
    /* Writes the request to `to`, of whose `bound` bytes all may be written; returns its end. */
    char *(*write)(const mt_request *request, const mt_trace_format *format, char *to);
} mt_format_kind;

/* All there are, ended by NULL; the first is the one that is meant where nothing is said: "jsonl",
 * a line of JSON a request in the fixed order timestamp, input_length, output_length, hash_ids,
 * session_id, delay, stream, extra, absent members left out. */
extern const mt_format_kind *const mt_format_kinds[];

struct mt_trace_format {
    int compact;          /* "," and ":" instead of ", " and ": " (extra stays as it is) */
    int timestamp_digits; /* 0..6: at most so many digits of a millisecond, rounded half away from
                             zero; trailing zeros are not written */
    const mt_format_kind *kind; /* NULL: the first of mt_format_kinds */
};

/* Bytes that mt_request_write needs at most. */
size_t mt_request_bound(const mt_request *request, const mt_trace_format *format);

/* Writes the request to `to` (at least mt_request_bound bytes, all of which may be written);
 * returns its end. */
char *mt_request_write(const mt_request *request, const mt_trace_format *format, char *to);

/* Are ids written as their text where that is known, so that nobody looks at them? */
int mt_writes_ids_text(const mt_trace_format *format);

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
