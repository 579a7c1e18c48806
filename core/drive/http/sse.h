/* Server-sent events (the HTML standard, "Server-sent events"), taken from a body as its pieces
 * come. Lines end in LF, CRLF or CR; a byte order mark is passed over, as are comments, `id:` and
 * `retry:`; several data lines of an event are joined with LF.
 *
 *     mt_sse sse = {0};
 *     while ((what = mt_sse_next(&sse, &piece, &data)) == MT_SSE_EVENT)
 *         ... data ...
 *     mt_sse_free(&sse);
 *
 * An event that lies whole in a piece is not copied, and nothing is allocated for it. */
#ifndef MT_DRIVE_HTTP_SSE_H
#define MT_DRIVE_HTTP_SSE_H

#include "base/span.h"

#include <stdint.h>

/* Bytes of one event's data. */
#define MT_SSE_LIMIT ((size_t)64 << 20)

enum { MT_SSE_MORE = 0, MT_SSE_EVENT = 1, MT_SSE_TOO_LONG = -1, MT_SSE_NO_MEMORY = -2 };

/* Zero it first. */
typedef struct mt_sse {
    uint8_t is_error;    /* the event just given is of type "error" (`event: error`), or was written
                             as a line `error: ...` */
    uint8_t has_data;    /* private from here on: a data line of this event is in `text` */
    uint8_t is_after_cr; /* a LF now belongs to the CR before it */
    uint8_t has_begun;   /* the first line was read */
    uint8_t is_given;    /* `text` was given to the caller, and may go */
    uint8_t says_error;  /* this event will be an error */
    char *text;          /* the data of this event so far, then the part of a line */
    size_t data_length, length, capacity;
} mt_sse;

/* Takes bytes from the front of *piece until an event is whole: MT_SSE_EVENT with its data, which
 * is valid until the next call and while the piece is; MT_SSE_MORE when the piece is used up. A
 * failure is the end. */
int mt_sse_next(mt_sse *sse, mt_span *piece, mt_span *data);

/* The stream has ended: 1 when that was inside an event. Its data as far as it came is in *data,
 * which is empty when no data line had begun. */
int mt_sse_end(mt_sse *sse, mt_span *data);

/* Frees what it holds, after which it is zero again. */
void mt_sse_free(mt_sse *sse);

#endif
