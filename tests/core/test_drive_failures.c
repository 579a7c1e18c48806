/* The driver where a server fails it, over each transport: the name of each failure, and what takes too long or
 * cannot be reached. */
#include "drive/endpoint.h"
#include "drive_support.h"
#include "driver_support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

/* --- failures by name --------------------------------------------------------------------------- */

/* What a server says before it closes or resets, and what the driver calls it. */
static const struct {
    const char *says, *name, *text;
    int resets;
} ends[] = {
    {"", "closed_before_byte", "", 0},
    {"", "reset_before_byte", "", 1},
    {"HTTP/1.1 200 OK\r\nContent-", "reset_in_header", "closed in the header", 0},
    {"HTTP/1.1 200 OK\r\nContent-", "reset_in_header", "", 1},
    {HEAD "\r\n" EVENT("a"), "reset_mid_stream", "", 1},
    {HEAD "\r\n" STREAM, "ok", "", 1}, /* the stream said that it was at its end */
    {HEAD "\r\n" EVENT("a") "data: {\"cho", "closed_mid_event", "", 0},
    {HEAD "Content-Length: 1000\r\n\r\n" EVENT("a"), "closed_mid_event", "", 0},
    {CHUNKED "ff\r\n" EVENT("a"), "closed_mid_event", "", 0},
    {CHUNKED "8\r\n: ping\n\n\r\n", "truncated", "", 0},
    {JSON_HEAD("200 OK") "{\"choices\":[", "malformed", "{\"choices\":[", 0},
    {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
     "90\r\n\r\n{\"choices\":[",
     "closed_mid_event", "", 0},
    {"HTTP/1.1 100 Continue\r\n\r\n", "closed_before_byte", "closed without a byte", 0},
    {"SSH-2.0-OpenSSH_9.2\r\n", "not_http", "not HTTP", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "not_http", "a bad Content-Length", 0},
    {CHUNKED "no size\r\n", "bad_chunk_size", "a bad chunk size", 0},
    {JSON_HEAD("404 Not Found") "{\"error\":{\"message\":\"no such model\",\"code\":404}}",
     "status", "no such model", 0},
    {JSON_HEAD("404 Not Found") "{\"error\":\"no such model\"}", "status", "no such model", 0},
    {"HTTP/1.1 500 Internal\r\nContent-Type: text/plain\r\n\r\nOops\n", "status", "Oops", 0},
    {"HTTP/1.1 301 Moved\r\nLocation: /else\r\n\r\n", "status", "", 0},
    {JSON_HEAD("429 Too Many Requests") "{}", "overload", "{}", 0},
    {JSON_HEAD("503 Unavailable"), "overload", "", 0},
    {JSON_HEAD("529 Overloaded"), "overload", "", 0},
    {HEAD
     "\r\n" EVENT("a") "data: {\"error\":{\"message\":\"out of blocks\",\"code\":500}}\n\n" DONE,
     "error_event", "out of blocks", 0},
    {HEAD "\r\ndata: {\"error\":{\"message\":\"queue full\",\"code\":503}}\n\n" DONE, "overload",
     "queue full", 0},
    {JSON_HEAD("200 OK") "{\"error\":{\"message\":\"out of blocks\"}}", "error_event",
     "out of blocks", 0},
    {HEAD "\r\ndata: {\"error\":{\"message\":\"first\"}}\n\n", "error_event", "first", 1},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>hello</html>", "malformed",
     "<html>hello</html>", 0},
    {"HTTP/1.1 200 OK\r\n\r\n<html>hello</html>", "malformed", "<html>hello</html>", 0},
    {HEAD "\r\ndata: {\"choices\":\n\n" DONE, "malformed", "{\"choices\":", 0},
    {HEAD "\r\n" EVENT("a"), "truncated", "", 0},
    {HEAD "\r\n" EVENT("a") FINISH, "ok", "", 0},
    {HEAD "\r\n" FINISH DONE, "no_content", "", 0},
    {HEAD "Content-Length: 0\r\n\r\n", "no_content", "", 0},
    {JSON_HEAD(
         "200 OK") "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}],"
                   "\"usage\":{\"prompt_tokens\":7}}",
     "ok", "", 0},
    {JSON_HEAD(
         "200 OK") "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":null}]}",
     "truncated", "", 0},
    {JSON_HEAD("200 OK") "{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}", "ok", "", 0},
    {JSON_HEAD("200 OK") "{\"choices\":[]}", "no_content", "", 0},
    {"HTTP/1.1 200 OK\r\n\r\n" STREAM, "ok", "", 0}, /* a stream without its type */
    {"HTTP/1.1 100 Continue\r\n\r\n" HEAD "\r\n" STREAM, "ok", "", 0},
};

/* The same over libcurl, where it sees or says something else. */
static const struct {
    const char *says, *name, *text;
} curl_ends[] = {
    {CHUNKED "ff\r\n" EVENT("a"), "truncated", ""},
    {"SSH-2.0-OpenSSH_9.2\r\n", "not_http", "Received HTTP/0.9 when not allowed"},
    {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "not_http",
     "Invalid Content-Length: value"},
};

static void expect_end(size_t i, const mt_exchange *e) {
    const char *name = ends[i].name, *text = ends[i].text;
    for (size_t j = 0; !is_direct() && j < sizeof curl_ends / sizeof *curl_ends; j++)
        if (strcmp(curl_ends[j].says, ends[i].says) == 0) {
            name = curl_ends[j].name;
            text = curl_ends[j].text;
        }
    if (strcmp(name, mt_failure_name((mt_failure)e->failure)) != 0 || strcmp(text, e->text) != 0)
        fail_msg("%s: %s '%s'", ends[i].says, mt_failure_name((mt_failure)e->failure), e->text);
}

static void test_failures_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        drive *d =
            drive_one(ends[i].resets ? say_text_and_reset : say_text_and_close, ends[i].says);
        mt_exchange *e = &d->exchanges[0];
        const char *name = mt_failure_name((mt_failure)e->failure);
        expect_end(i, e);
        if (ends[i].resets && strcmp(name, "ok") != 0 && strcmp(name, "error_event") != 0)
            assert_int_equal(ECONNRESET, e->os_error);
        int is_before_byte = e->first_byte_ns == MT_NEVER;
        assert_int_equal(is_before_byte, ends[i].says[0] == '\0');
        /* Direct, the first connection was open before, so that a request which dies before a byte is
         * sent once more, and only then. */
        int is_resent = is_before_byte && is_direct();
        assert_int_equal(is_resent, (e->noted & MT_WAS_RESENT) != 0);
        assert_int_equal(1 + is_resent, d->server.requests);
        assert_true(e->begun_ns <= e->end_ns);
        end(d);
    }
}

static drive *drive_stalled(const char *text, int64_t mt_driver_options_at) {
    drive *d = drive_new();
    begin(d, say_text_and_stall);
    d->server.text = text;
    *(int64_t *)((char *)&d->options + mt_driver_options_at) = 60 * ms;
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    assert_true(d->exchanges[0].end_ns - d->exchanges[0].begun_ns >= 60 * ms);
    return d;
}

static void test_timeouts(void **state) {
    (void)state;
    const struct {
        const char *says;
        size_t option;
        mt_failure failure;
    } cases[] = {
        {"", offsetof(mt_driver_options, first_timeout_ns), MT_FAILURE_FIRST_TIMEOUT},
        {HEAD, offsetof(mt_driver_options, gap_timeout_ns), MT_FAILURE_GAP_TIMEOUT},
        {HEAD "\r\n" EVENT("a"), offsetof(mt_driver_options, gap_timeout_ns),
         MT_FAILURE_GAP_TIMEOUT},
        {HEAD "\r\n" EVENT("a"), offsetof(mt_driver_options, total_timeout_ns),
         MT_FAILURE_TOTAL_TIMEOUT},
        {"", offsetof(mt_driver_options, total_timeout_ns), MT_FAILURE_TOTAL_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        drive *d = drive_stalled(cases[i].says, (int64_t)cases[i].option);
        assert_int_equal(cases[i].failure, d->exchanges[0].failure);
        assert_int_equal(1, d->server.requests);
        end(d);
    }
}

/* The queue of connections that nobody accepts has room for one, which is made before the start (and
 * which libcurl does not keep). */
static void test_a_connection_that_is_not_accepted(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, say_text);
    server_end(&d->server);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)d->server.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(fd, 0));
    d->options.connect_timeout_ns = 80 * ms;
    d->options.first_timeout_ns = 40 * ms;
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    assert_int_equal(is_direct() ? MT_FAILURE_FIRST_TIMEOUT : MT_FAILURE_CONNECT_TIMEOUT,
                     d->exchanges[0].failure);
    assert_int_equal(MT_FAILURE_CONNECT_TIMEOUT, d->exchanges[1].failure);
    assert_int_equal(MT_NEVER, d->exchanges[1].sent_ns);
    close(fd);
    server_start(&d->server, say_text); /* for `end` */
    end(d);
}

static void test_failures_to_connect(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, say_text_and_stall);
    d->server.text = "";
    start(d);
    struct rlimit limit, low;
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 3;
    offer(d, request(d, mt_now_ns(), 10)); /* goes out on the connection that there is */
    while (d->server.requests == 0)
        sleep_ms(1);
    setrlimit(RLIMIT_NOFILE, &low);
    offer(d, request(d, mt_now_ns(), 10));
    while (take_all(d) == 0)
        mt_driver_wait(d->driver, mt_now_ns() + 100 * ms);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(MT_FAILURE_NO_DESCRIPTOR, d->exchanges[1].failure);
    assert_int_equal(EMFILE, d->exchanges[1].os_error);

    /* The first request's connection closes. Direct, it was open before: it is sent again, in vain. */
    server_end(&d->server);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    assert_int_equal(is_direct() ? MT_FAILURE_REFUSED : MT_FAILURE_CLOSED_BEFORE_BYTE,
                     d->exchanges[0].failure);
    assert_int_equal(is_direct(), (d->exchanges[0].noted & MT_WAS_RESENT) != 0);
    assert_int_equal(MT_FAILURE_REFUSED, d->exchanges[2].failure);
    assert_int_equal(ECONNREFUSED, d->exchanges[2].os_error);
    server_start(&d->server, say_text);
    end(d);

    assert_int_equal(MT_FAILURE_PORTS_USED_UP, mt_connect_failure(EADDRNOTAVAIL));
    assert_int_equal(MT_FAILURE_UNREACHABLE, mt_connect_failure(ENETUNREACH));
    assert_int_equal(MT_FAILURE_UNREACHABLE, mt_connect_failure(EHOSTUNREACH));
    assert_int_equal(MT_FAILURE_CONNECT_TIMEOUT, mt_connect_failure(ETIMEDOUT));
}

typedef struct no_start {
    const char *url, *message;
    mt_code code;
} no_start;

static void test_no_start(void **state) {
    (void)state;
    const no_start cases[] = {
        {"http://127.0.0.1:1", "http://127.0.0.1:1: no connection: Connection refused",
         MT_ERROR_IO},
        is_direct()
            ? (no_start){"https://127.0.0.1:1", "https:// needs the transport curl", MT_ERROR_VALUE}
            : (no_start){"https://127.0.0.1:1",
                         "https://127.0.0.1:1: no connection: Connection refused", MT_ERROR_IO},
        {"127.0.0.1", "http", MT_ERROR_VALUE},
        {"http://nowhere.invalid", "the name 'nowhere.invalid' has no address", MT_ERROR_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mt_driver_options options = mt_driver_defaults();
        options.urls = &cases[i].url;
        options.url_count = 1;
        options.transport = transport;
        mt_error error;
        assert_null(mt_driver_start(&options, &error));
        assert_int_equal(cases[i].code, error.code);
        if (!strstr(error.message, cases[i].message))
            fail_msg("%s", error.message);
    }
}

/* --- the ring and memory -------------------------------------------------------------------------- */

static void test_descriptors(void **state) {
    (void)state;
    struct rlimit before, limit;
    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = 128;
    setrlimit(RLIMIT_NOFILE, &limit);
    int most = mt_descriptor_limit();
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(before.rlim_max, limit.rlim_cur);
    if (before.rlim_max >= 256 && before.rlim_max <= INT32_MAX)
        assert_int_equal(before.rlim_max - 64, most);
    setrlimit(RLIMIT_NOFILE, &before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_by_name),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_a_connection_that_is_not_accepted),
        cmocka_unit_test(test_failures_to_connect),
        cmocka_unit_test(test_no_start),
        cmocka_unit_test(test_descriptors),
    };
    int failed = cmocka_run_group_tests_name("direct", tests, use_direct, NULL);
    return failed + cmocka_run_group_tests_name("curl", tests, use_curl, NULL);
}
