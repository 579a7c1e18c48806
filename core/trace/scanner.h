/* The one scanner for trace lines: strict RFC 8259, fields in any order, any white space, duplicate
 * keys refused among ours, 64-bit integers exact, times exact to six digits of a millisecond (read
 * from the decimal text, never through a double; further digits are rounded, half away from zero),
 * unknown members kept as bytes. It checks form only: JSON, types, sign (lengths, ids, times and
 * delays are not negative), 64-bit range. A member of ours that is null counts as absent. Integers
 * may be written 5.0 or 5e3 when whole, names with escapes. Strings must be UTF-8.
 *
 * Ours are timestamp, input_length, output_length, hash_ids, session_id (a string or a number),
 * delay and stream. Names of sessions and streams are compared as strings: one that is written with
 * escapes becomes the token that mt_json_normalise makes of it. A number is never a string: 7 and
 * "7" are two sessions. A `stream` that is no string (a
 * request body's `true`) and `turn`, which the record has but never writes, are other members: what
 * was read is not lost. */
#ifndef MT_TRACE_SCANNER_H
#define MT_TRACE_SCANNER_H

#include "base/error.h"
#include "trace/record.h"

/* What timestamps and delays are written in. A trace has milliseconds; others are mistakes that the
 * reader can be told of. */
typedef enum mt_time_unit {
    MT_UNIT_MILLISECONDS,
    MT_UNIT_SECONDS,
    MT_UNIT_MICROSECONDS,
    MT_UNIT_NANOSECONDS,
    MT_TIME_UNITS
} mt_time_unit;

/* Reusable storage of one scanner: zero it, scan many lines, free it. With is_fixed the ids are the caller's,
 * also to free, and do not grow: lines with as many fail with MT_ERROR_MEMORY. */
typedef struct mt_scan_buffer {
    mt_time_unit unit; /* the caller's to set */
    int is_fixed;      /* the same */
    int leaves_ids;    /* the same: ids may be left as text (trace/record.h) */
    uint64_t *ids;
    size_t id_capacity;
    char *extra, *session, *stream; /* the names only where they were written with escapes */
    size_t extra_capacity, session_capacity, stream_capacity;
} mt_scan_buffer;

/* Scans one line (length bytes; at least 64 further readable bytes follow, the first '\n') into
 * *request, whose spans and ids point into text or buffer. request->line is left alone. On failure
 * fills error's column (1-based byte) and message, the offending text quoted and cut; source and
 * line are the caller's to add. MT_OK, MT_ERROR_INPUT or MT_ERROR_MEMORY. */
mt_code mt_scan_request(const char *text, size_t length, mt_scan_buffer *buffer,
                        mt_request *request, mt_error *error);

void mt_scan_buffer_free(mt_scan_buffer *buffer);

#endif
