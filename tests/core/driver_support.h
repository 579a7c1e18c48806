/* A driver over the transport that a group of tests runs over: each group once over ours and once over libcurl. */
#ifndef DRIVER_SUPPORT_H
#define DRIVER_SUPPORT_H

#include "drive/curl/curl.h"
#include "drive_support.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the tests run over. */
static const mt_transport_kind *transport;

static inline int use_curl(void **state) {
    (void)state;
    transport = &mt_transport_curl;
    return 0;
}

static inline int use_direct(void **state) {
    (void)state;
    transport = &mt_transport_direct;
    return 0;
}

static inline int is_direct(void) {
    return transport == &mt_transport_direct;
}

static inline drive *drive_new(void) {
    return drive_over(transport);
}

/* Connections that only the start made use of: libcurl keeps none that has served no request. */
static inline int probes(void) {
    return !is_direct();
}

/* One request to a server that answers so; the exchange stays in d->exchanges[0]. */
static inline drive *drive_one(server_answer *answer, const char *text) {
    drive *d = drive_new();
    begin(d, answer);
    d->server.text = text;
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    return d;
}

/* --- failures by name --------------------------------------------------------------------------- */

#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define JSON_HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n\r\n"

static inline int say_text_and_stall(server *s, int fd, int number) {
    (void)number;
    server_say(fd, s->text);
    server_stall(fd);
    return 0;
}

/* --- connections -------------------------------------------------------------------------------- */

/* Closes after each answer without having said so. */
static inline int answer_and_close(server *s, int fd, int number) {
    (void)answer_stream(s, fd, number);
    return 0;
}

static inline int answer_slowly(server *s, int fd, int number) {
    (void)number;
    sleep_ms(60);
    return answer_stream(s, fd, number);
}

#endif
