/* A driver against a server that does what a test says: begin, start, offer, collect, end. Each offered
 * request comes back exactly once: `collect` asserts it everywhere. */
#ifndef DRIVE_SUPPORT_H
#define DRIVE_SUPPORT_H

#include "base/memory.h"
#include "drive/transport.h"
#include "drive_server.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST = 4096 };
static const int64_t ms = 1000000;

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define EVENT(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,"                \
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
#define DONE "data: [DONE]\n\n"
#define STREAM EVENT(" a") EVENT(" b") EVENT(" c") FINISH USAGE DONE

typedef struct drive {
    server server;
    mt_driver_options options;
    mt_driver *driver;
    char url[64];
    const char *head; /* of a request, to which its length is added */
    const char *urls[1];
    uint64_t offered;
    size_t length;               /* of the last request */
    mt_exchange exchanges[MOST]; /* by ticket */
    int counts[MOST];            /* how often each came back */
} drive;

static inline drive *drive_over(const mt_transport_kind *transport) {
    drive *d = calloc(1, sizeof *d);
    d->head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n";
    d->options = mt_driver_defaults();
    d->options.want_gaps = 1;
    d->options.transport = transport;
    return d;
}

static inline void begin(drive *d, server_answer *answer) {
    server_start(&d->server, answer);
    snprintf(d->url, sizeof d->url, "http://127.0.0.1:%d", d->server.port);
    d->urls[0] = d->url;
    d->options.urls = d->urls;
    d->options.url_count = 1;
}

static inline void start(drive *d) {
    mt_error error;
    d->driver = mt_driver_start(&d->options, &error);
    if (!d->driver)
        fail_msg("%s", error.message);
}

static inline mt_outgoing *request(drive *d, int64_t due_ns, size_t body) {
    char head[256];
    int length = snprintf(head, sizeof head, "%sContent-Length: %zu\r\n\r\n", d->head, body);
    mt_outgoing *prepared = mt_outgoing_new((size_t)length + body);
    memcpy(prepared->bytes, head, (size_t)length);
    memset(prepared->bytes + length, 'x', body);
    prepared->head_length = (size_t)length;
    prepared->due_ns = due_ns;
    prepared->ticket = d->offered++;
    d->length = prepared->length;
    assert_true(prepared->ticket < MOST);
    return prepared;
}

static inline void offer(drive *d, mt_outgoing *prepared) {
    assert_int_equal(1, mt_driver_offer(d->driver, prepared));
}

static inline uint64_t take_all(drive *d) {
    uint64_t taken = 0;
    for (mt_exchange exchange; mt_driver_take(d->driver, &exchange); taken++) {
        assert_true(exchange.ticket < d->offered);
        assert_int_equal(0, d->counts[exchange.ticket]++);
        d->exchanges[exchange.ticket] = exchange;
    }
    return taken;
}

/* Waits until all that was offered has come back, once each. */
static inline void collect(drive *d) {
    int64_t patience = mt_now_ns() + 20000 * ms;
    uint64_t back = 0;
    for (uint64_t i = 0; i < d->offered; i++)
        back += d->counts[i] > 0;
    while ((back += take_all(d)) < d->offered) {
        assert_true(mt_now_ns() < patience);
        mt_driver_wait(d->driver, mt_now_ns() + 100 * ms);
    }
    for (uint64_t i = 0; i < d->offered; i++)
        assert_int_equal(1, d->counts[i]);
}

static inline void end(drive *d) {
    mt_driver_free(d->driver);
    server_end(&d->server);
    for (uint64_t i = 0; i < d->offered; i++)
        mt_free(d->exchanges[i].gaps), mt_free(d->exchanges[i].answer);
    free(d);
}

/* ---- what servers do ---- */

static inline int say_text(server *s, int fd, int number) {
    (void)number;
    server_say(fd, s->text);
    return 1;
}

static inline int say_text_and_close(server *s, int fd, int number) {
    (void)say_text(s, fd, number);
    return 0;
}

static inline int say_text_and_reset(server *s, int fd, int number) {
    (void)number;
    server_say(fd, s->text);
    sleep_ms(20); /* what was said is read first */
    server_will_reset(fd);
    return 0;
}

static inline int answer_stream(server *s, int fd, int number) {
    (void)s;
    (void)number;
    char text[1024];
    snprintf(text, sizeof text, HEAD "Content-Length: %zu\r\n\r\n%s", strlen(STREAM), STREAM);
    server_say(fd, text);
    return 1;
}

#endif
