/* The driver against a server that does what a test says. Each offered request comes back exactly
 * once: `collect` asserts it everywhere. */
#include "drive/driver.h"
#include "base/memory.h"
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
    const char *urls[1];
    uint64_t offered;
    mt_exchange exchanges[MOST]; /* by ticket */
    int counts[MOST];            /* how often each came back */
} drive;

static void begin(drive *d, server_answer *answer) {
    server_start(&d->server, answer);
    snprintf(d->url, sizeof d->url, "http://127.0.0.1:%d", d->server.port);
    d->urls[0] = d->url;
    d->options.urls = d->urls;
    d->options.url_count = 1;
}

static drive *drive_new(void) {
    drive *d = calloc(1, sizeof *d);
    d->options = mt_driver_defaults();
    d->options.want_gaps = 1;
    return d;
}

static void start(drive *d) {
    mt_error error;
    d->driver = mt_driver_start(&d->options, &error);
    if (!d->driver)
        fail_msg("%s", error.message);
}

static mt_prepared *request(drive *d, int64_t due_ns, size_t body) {
    char head[256];
    int length = snprintf(head, sizeof head,
                          "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                          "Content-Length: %zu\r\n\r\n",
                          body);
    mt_prepared *prepared = mt_prepared_new((size_t)length + body);
    memcpy(prepared->bytes, head, (size_t)length);
    memset(prepared->bytes + length, 'x', body);
    prepared->head_length = (size_t)length;
    prepared->due_ns = due_ns;
    prepared->ticket = d->offered++;
    assert_true(prepared->ticket < MOST);
    return prepared;
}

static void offer(drive *d, mt_prepared *prepared) {
    assert_int_equal(1, mt_driver_offer(d->driver, prepared));
}

static uint64_t take_all(drive *d) {
    uint64_t taken = 0;
    for (mt_exchange exchange; mt_driver_take(d->driver, &exchange); taken++) {
        assert_true(exchange.ticket < d->offered);
        assert_int_equal(0, d->counts[exchange.ticket]++);
        d->exchanges[exchange.ticket] = exchange;
    }
    return taken;
}

/* Waits until all that was offered has come back, once each. */
static void collect(drive *d) {
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

static void end(drive *d) {
    mt_driver_free(d->driver);
    server_end(&d->server);
    for (uint64_t i = 0; i < d->offered; i++)
        mt_free(d->exchanges[i].gaps);
    free(d);
}

/* One request to a server that answers so; the exchange stays in d->exchanges[0]. */
static drive *drive_one(server_answer *answer, const char *text) {
    drive *d = drive_new();
    begin(d, answer);
    d->server.text = text;
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    return d;
}

static int say_text(server *s, int fd, int number) {
    (void)number;
    server_say(fd, s->text);
    return 1;
}

static int say_text_and_close(server *s, int fd, int number) {
    (void)say_text(s, fd, number);
    return 0;
}

static void test_a_stream(void **state) {
    (void)state;
    drive *d = drive_one(say_text_and_close, HEAD "\r\n" STREAM);
    mt_exchange *e = &d->exchanges[0];
    assert_string_equal("ok", mt_failure_name((mt_failure)e->failure));
    assert_int_equal(200, e->status);
    assert_int_equal(3, e->contents);
    assert_int_equal(6, e->events);
    assert_int_equal(2, e->together);
    assert_int_equal(2, e->gap_count);
    assert_int_equal(7, e->prompt_tokens);
    assert_int_equal(3, e->completion_tokens);
    assert_int_equal(4, e->cached_tokens);
    assert_int_equal(MT_COUNT_ABSENT, e->reasoning_tokens);
    assert_int_equal(MT_SAW_DONE | MT_SAW_FINISH | MT_WAS_STREAM,
                     e->noted & (MT_SAW_DONE | MT_SAW_FINISH | MT_WAS_STREAM));
    assert_true(e->due_ns <= e->begun_ns && e->begun_ns <= e->sent_ns);
    assert_true(e->begun_ns <= e->first_byte_ns && e->first_byte_ns <= e->first_event_ns);
    assert_true(e->first_event_ns <= e->first_content_ns);
    assert_true(e->first_content_ns <= e->second_content_ns);
    assert_true(e->second_content_ns <= e->last_content_ns && e->last_content_ns <= e->end_ns);
    assert_int_equal(strlen(HEAD "\r\n" STREAM), e->bytes_received);
    end(d);
}

static int answer_stream(server *s, int fd, int number) {
    (void)s;
    (void)number;
    char text[1024];
    snprintf(text, sizeof text, HEAD "Content-Length: %zu\r\n\r\n%s", strlen(STREAM), STREAM);
    server_say(fd, text);
    return 1;
}

static void test_many_on_time(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    start(d);
    int64_t now = mt_now_ns();
    for (int i = 0; i < 200; i++)
        offer(d, request(d, now + (i ^ 5) * ms, 2000)); /* not quite in order */
    collect(d);
    for (int i = 0; i < 200; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(MT_FAILURE_NONE, e->failure);
        assert_int_equal(now + (i ^ 5) * ms, e->due_ns);
        assert_true(e->begun_ns >= e->due_ns);
        assert_true(e->sent_ns >= e->begun_ns);
    }
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(200, load.offered);
    assert_int_equal(200, load.begun);
    assert_int_equal(200, load.ended);
    assert_int_equal(0, load.waiting);
    assert_true(load.connections_opened < 200);
    end(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream),
        cmocka_unit_test(test_many_on_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
