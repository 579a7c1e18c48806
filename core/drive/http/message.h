/* One HTTP/1.1 message after another, answers or requests (RFC 9110, RFC 9112), parsed as the bytes
 * come: any split of them gives the same result, nothing is allocated and nothing is copied but a
 * header line that a read has cut in two.
 *
 *     mt_http_begin(&http, MT_HTTP_ANSWER);
 *     for (mt_span unread = {bytes, length};;)
 *         switch (mt_http_next(&http, &unread, &body)) {
 *         case MT_HTTP_MORE: wait for bytes, or mt_http_close() when there will be none
 *         case MT_HTTP_HEAD: the header is whole: status, content_type, ...
 *         case MT_HTTP_BODY: `body` is a piece of it, inside `bytes`; never empty
 *         case MT_HTTP_END:  what is left in `unread` belongs to the next message: begin again
 *         case MT_HTTP_BAD:  http.problem says what; nothing more will come
 *         }
 *
 * Lines may end in a bare LF. Answers of status 1xx but 101 are passed over. Chunk extensions and
 * trailers are passed over. An answer to HEAD is not for this parser. */
#ifndef MT_DRIVE_HTTP_MESSAGE_H
#define MT_DRIVE_HTTP_MESSAGE_H

#include "base/span.h"

#include <stdint.h>

enum { MT_HTTP_ANSWER, MT_HTTP_REQUEST };

enum { MT_HTTP_MORE, MT_HTTP_HEAD, MT_HTTP_BODY, MT_HTTP_END, MT_HTTP_BAD };

typedef enum mt_http_problem {
    MT_HTTP_FINE,
    MT_HTTP_NOT_HTTP,        /* the first line is none of HTTP/1.x */
    MT_HTTP_BAD_HEADER,      /* a header line without a name and a colon, or a folded one */
    MT_HTTP_HEADER_TOO_LONG, /* over MT_HTTP_HEADER_LIMIT; a request line over MT_HTTP_LINE */
    MT_HTTP_BAD_LENGTH,      /* Content-Length is no number, or two of them differ */
    MT_HTTP_BAD_ENCODING,    /* a Transfer-Encoding other than chunked */
    MT_HTTP_BAD_CHUNK,       /* no chunk size where one must be, or no line end after a chunk */
    MT_HTTP_CLOSED_BEFORE_BYTE,
    MT_HTTP_CLOSED_IN_HEADER,
    MT_HTTP_CLOSED_IN_BODY,
    MT_HTTP_PROBLEMS
} mt_http_problem;

typedef enum mt_http_content {
    MT_HTTP_CONTENT_OTHER, /* or none said */
    MT_HTTP_CONTENT_EVENTS,
    MT_HTTP_CONTENT_JSON,
    MT_HTTP_CONTENT_HTML
} mt_http_content;

typedef enum mt_http_method {
    MT_HTTP_METHOD_OTHER,
    MT_HTTP_METHOD_GET,
    MT_HTTP_METHOD_HEAD,
    MT_HTTP_METHOD_POST
} mt_http_method;

enum {
    MT_HTTP_HEADER_LIMIT = 65536, /* bytes of a header, of a chunk's size line, of trailers */
    MT_HTTP_LINE = 128,           /* bytes of a line that are looked at */
    MT_HTTP_TARGET = 96           /* of a request's target that are kept, with the final zero */
};

/* Read only; what stands above `state` holds from MT_HTTP_HEAD on. */
typedef struct mt_http {
    int64_t content_length;      /* bytes; -1: not said */
    int64_t retry_after_s;       /* seconds; -1: not said, or as a date */
    uint16_t status;             /* an answer's */
    uint8_t content_type;        /* mt_http_content */
    uint8_t method;              /* a request's: mt_http_method */
    uint8_t is_chunked;          /* the body comes in chunks */
    uint8_t keeps_alive;         /* the connection serves a next message */
    uint8_t expects;             /* a request waits for "100 Continue" */
    uint8_t problem;             /* mt_http_problem */
    uint8_t state, kind;         /* private, from here on */
    uint8_t line_length;         /* bytes in `line` */
    uint32_t header_bytes;       /* since the header, chunk line or trailers began */
    uint64_t left;               /* bytes of the body or chunk still to come */
    char target[MT_HTTP_TARGET]; /* a request's, cut, terminated */
    char line[MT_HTTP_LINE];     /* a line's beginning, while its end is not there yet */
} mt_http;

/* Ready for the first byte of a message. */
void mt_http_begin(mt_http *http, int kind);

/* Takes bytes from the front of *unread and says what they were, one thing a call. */
int mt_http_next(mt_http *http, mt_span *unread, mt_span *body);

/* The connection was closed: MT_HTTP_END when the message was whole or ended by that, else
 * MT_HTTP_BAD with a problem that tells where. */
int mt_http_close(mt_http *http);

/* The kind that a Content-Type's value says; parameters (charset) are passed over. */
mt_http_content mt_http_content_of(mt_span value);

/* "not HTTP", "closed in the header", ...; never NULL. */
const char *mt_http_problem_text(mt_http_problem problem);

#endif
