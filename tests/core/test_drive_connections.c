/* The driver's connections, over each transport: kept, stale, opened ahead, of several endpoints; a large request. */
#include "drive_support.h"
#include "driver_support.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* As real servers do: a hundred requests a connection, the last one with Connection: close. */
static int answer_a_hundred(server *s, int fd, int number) {
    (void)s;
    char text[1024];
    snprintf(text, sizeof text, HEAD "%sContent-Length: %zu\r\n\r\n%s",
             number == 100 ? "Connection: close\r\n" : "", strlen(STREAM), STREAM);
    server_say(fd, text);
    return number < 100;
}

/* One after the other. */
static drive *drive_in_turn(server_answer *answer, int requests) {
    drive *d = drive_new();
    begin(d, answer);
    d->options.slots = 1;
    start(d);
    for (int i = 0; i < requests; i++)
        offer(d, request(d, MT_NEVER, 10));
    collect(d);
    for (int i = 0; i < requests; i++)
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
    assert_int_equal(requests, d->server.requests);
    return d;
}

static void test_connections_are_kept(void **state) {
    (void)state;
    drive *d = drive_in_turn(answer_a_hundred, 250);
    assert_int_equal(3 + probes(), d->server.accepted);
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(3 + probes(), load.connections_opened);
    assert_int_equal(1, load.connections);
    assert_int_equal(0, load.resent);
    end(d);
}

static void test_a_stale_connection_is_no_failure(void **state) {
    (void)state;
    drive *d = drive_in_turn(answer_and_close, 50);
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    uint64_t resent = 0;
    for (int i = 0; i < 50; i++) {
        resent += (d->exchanges[i].noted & MT_WAS_RESENT) != 0;
        assert_true(d->exchanges[i].begun_ns <= d->exchanges[i].sent_ns);
    }
    assert_int_equal(resent, load.resent);
    assert_int_equal(50 + probes(), d->server.accepted);
    end(d);
}

static void test_connections_opened_ahead(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.connections = 300; /* more than may shake hands at once */
    start(d);
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(301 - probes(), load.connections);
    int64_t now = mt_now_ns();
    for (int i = 0; i < 300; i++)
        offer(d, request(d, now, 10));
    collect(d);
    mt_driver_look(d->driver, &load);
    assert_int_equal(301, load.connections_opened);
    for (int i = 0; i < 300; i++)
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
    end(d);
}

/* After 4 s none is used again. They are closed a few at a time, so that nobody waits for that. */
static void test_old_connections(void **state) {
    (void)state;
    if (!is_direct())
        return;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.connections = 40;
    start(d);
    sleep_ms(4100);
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    uint64_t opened = load.connections_opened;
    for (int i = 0; i < 10; i++) {
        offer(d, request(d, mt_now_ns(), 10));
        collect(d);
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
        assert_int_equal(i > 0 ? MT_WAS_REUSED : 0, d->exchanges[i].noted & MT_WAS_REUSED);
        mt_driver_look(d->driver, &load);
        if (i == 0)
            assert_in_range(load.connections, 30, 40);
    }
    assert_int_equal(opened + 1, load.connections_opened);
    assert_int_equal(1, load.connections);
    end(d);
}

static void test_two_endpoints(void **state) {
    (void)state;
    drive *d = drive_new();
    server other = {.text = JSON_HEAD("500 Other") "{}"};
    server_start(&other, say_text_and_close);
    begin(d, answer_stream);
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%d/v1", other.port);
    const char *urls[] = {d->url, url};
    d->options.urls = urls;
    d->options.url_count = 2;
    start(d);
    for (int i = 0; i < 20; i++) {
        mt_outgoing *prepared = request(d, mt_now_ns(), 10);
        prepared->endpoint = (uint16_t)(i % 2);
        offer(d, prepared);
    }
    collect(d);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(i % 2, d->exchanges[i].endpoint);
        assert_int_equal(i % 2 ? 500 : 200, d->exchanges[i].status);
    }
    end(d);
    server_end(&other);
}

static int answer_too_large(server *s, int fd, int number) {
    (void)s;
    (void)number;
    server_say(fd, JSON_HEAD("413 Too Large") "{\"error\":\"too large\"}");
    return 0;
}

/* A request larger than the kernel takes at once is sent when its last byte was taken. */
static void test_a_large_request(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_slowly);
    start(d);
    offer(d, request(d, mt_now_ns(), 32 << 20));
    collect(d);
    mt_exchange *e = &d->exchanges[0];
    assert_int_equal(MT_FAILURE_NONE, e->failure);
    assert_int_equal(d->length, e->bytes_sent);
    assert_true(e->sent_ns <= e->first_byte_ns);
    end(d);

    /* An answer that comes before the request is through is an answer. */
    d = drive_new();
    begin(d, NULL);
    d->server.answer = answer_too_large;
    d->server.reads_heads_only = 1;
    start(d);
    offer(d, request(d, mt_now_ns(), 8 << 20));
    collect(d);
    /* libcurl looks for none once it could not send. */
    if (is_direct() || d->exchanges[0].failure != MT_FAILURE_RESET_BEFORE_BYTE) {
        assert_int_equal(MT_FAILURE_STATUS, d->exchanges[0].failure);
        assert_int_equal(413, d->exchanges[0].status);
    }
    end(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(test_a_stale_connection_is_no_failure),
        cmocka_unit_test(test_connections_opened_ahead),
        cmocka_unit_test(test_old_connections),
        cmocka_unit_test(test_two_endpoints),
        cmocka_unit_test(test_a_large_request),
    };
    int failed = cmocka_run_group_tests_name("direct", tests, use_direct, NULL);
    return failed + cmocka_run_group_tests_name("curl", tests, use_curl, NULL);
}
