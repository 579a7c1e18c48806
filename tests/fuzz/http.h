/* For fuzz targets of messages: what a parser says of bytes, however they are split. */
#ifndef MT_TESTS_FUZZ_HTTP_H
#define MT_TESTS_FUZZ_HTTP_H

#include "drive/http/message.h"

#include <stdlib.h>
#include <string.h>

/* All that came of some bytes: messages one after another, as long as they keep the connection. */
typedef struct heard {
    size_t messages, bodies; /* whole ones; bytes of all bodies */
    uint64_t sum;            /* of all bodies' bytes, in their order */
    size_t used;             /* bytes before the first that was not looked at */
    int last;                /* of mt_http_close, or MT_HTTP_BAD before it */
    mt_http http;            /* of the last message */
} heard;

/* Hands over the bytes in pieces of 1 to `piece` bytes (0: in one). */
static heard listen(int kind, const uint8_t *data, size_t size, size_t piece) {
    heard got = {0};
    int is_over = 0;
    mt_http_begin(&got.http, kind);
    for (size_t at = 0; at < size && !is_over;) {
        size_t length = piece == 0 ? size : 1 + (at * 7 + size) % piece;
        length = length < size - at ? length : size - at;
        char *bytes = malloc(length); /* of its own: the sanitizer sees a read beyond */
        memcpy(bytes, data + at, length);
        mt_span unread = {bytes, length}, body;
        int what;
        while (!is_over && (what = mt_http_next(&got.http, &unread, &body)) != MT_HTTP_MORE) {
            if (what == MT_HTTP_BAD)
                is_over = 1;
            else if (what == MT_HTTP_END) {
                got.messages++;
                is_over = !got.http.keeps_alive;
                if (!is_over)
                    mt_http_begin(&got.http, kind);
            } else if (what == MT_HTTP_BODY) {
                if (body.length == 0 || body.text < bytes ||
                    body.text + body.length > bytes + length)
                    abort();
                got.bodies += body.length;
                for (size_t i = 0; i < body.length; i++)
                    got.sum = got.sum * 1099511628211u + (uint8_t)body.text[i];
            }
        }
        if (!is_over && unread.length != 0)
            abort();
        at += length;
        got.used = at - unread.length;
        free(bytes);
    }
    got.last = is_over && got.http.problem ? MT_HTTP_BAD : mt_http_close(&got.http);
    return got;
}

static inline int heard_same(const heard *a, const heard *b) {
    return a->messages == b->messages && a->bodies == b->bodies && a->sum == b->sum &&
           a->last == b->last && a->http.problem == b->http.problem &&
           a->http.status == b->http.status && a->http.content_length == b->http.content_length &&
           a->http.content_type == b->http.content_type &&
           a->http.is_chunked == b->http.is_chunked && a->http.method == b->http.method &&
           a->http.retry_after_s == b->http.retry_after_s &&
           a->http.keeps_alive == b->http.keeps_alive && a->http.expects == b->http.expects &&
           strcmp(a->http.target, b->http.target) == 0;
}

static inline void check_all_splits(int kind, const uint8_t *data, size_t size) {
    heard whole = listen(kind, data, size, 0);
    for (size_t piece = 1; piece <= 16; piece = piece * 3 - 1) {
        heard parts = listen(kind, data, size, piece);
        if (!heard_same(&whole, &parts))
            abort();
    }
    if (whole.bodies > size || (whole.last == MT_HTTP_BAD) != (whole.http.problem != MT_HTTP_FINE))
        abort();
}

#endif
