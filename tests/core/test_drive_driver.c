/* The driver against a server that does what a test says, over each transport. Each offered request
 * comes back exactly once: `collect` asserts it everywhere. */
#include "base/memory.h"
#include "drive/curl/curl.h"
#include "drive/endpoint.h"
#include "drive_support.h"
#include "skip_support.h"
#include "sweep.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

/* What the tests run over. */
static const mt_transport_kind *transport;

static int is_direct(void) {
    return transport == &mt_transport_direct;
}

static drive *drive_new(void) {
    return drive_over(transport);
}

/* Connections that only the start made use of: libcurl keeps none that has served no request. */
static int probes(void) {
    return !is_direct();
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

/* A request that could not be made: not sent, and ended when it would have been. */
static void test_an_unmade_request(void **state) {
    (void)state;
    static const char why[] = "no\nprompt";
    for (int has_slot = 0; has_slot < 2; has_slot++) {
        drive *d = drive_new();
        d->options.slots = 1;
        begin(d, answer_stream);
        start(d);
        int64_t due = has_slot ? MT_NEVER : mt_now_ns() + 50 * ms;
        mt_outgoing *unmade = mt_outgoing_new(sizeof why - 1);
        memcpy(unmade->bytes, why, sizeof why - 1);
        unmade->failure = MT_FAILURE_ADAPTER;
        unmade->ticket = d->offered++;
        unmade->due_ns = due;
        offer(d, unmade);
        offer(d, request(d, due, 10)); /* its slot is free again */
        collect(d);
        mt_exchange *e = &d->exchanges[0];
        assert_string_equal("adapter_error", mt_failure_name((mt_failure)e->failure));
        assert_string_equal("no?prompt", e->text);
        assert_true(e->begun_ns >= e->due_ns && e->end_ns == e->begun_ns);
        assert_true(e->sent_ns == MT_NEVER && e->first_byte_ns == MT_NEVER);
        assert_int_equal(0, e->bytes_sent);
        assert_true(has_slot || e->due_ns == due);
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[1].failure);
        mt_driver_load load;
        mt_driver_look(d->driver, &load);
        assert_int_equal(0, load.waiting);
        assert_int_equal(2, load.ended);
        end(d);
    }
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
    assert_int_equal(d->length, e->bytes_sent);
    end(d);
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

/* --- failures by name --------------------------------------------------------------------------- */

#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define JSON_HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n\r\n"

static int say_text_and_stall(server *s, int fd, int number) {
    (void)number;
    server_say(fd, s->text);
    server_stall(fd);
    return 0;
}

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

/* --- connections -------------------------------------------------------------------------------- */

/* As real servers do: a hundred requests a connection, the last one with Connection: close. */
static int answer_a_hundred(server *s, int fd, int number) {
    (void)s;
    char text[1024];
    snprintf(text, sizeof text, HEAD "%sContent-Length: %zu\r\n\r\n%s",
             number == 100 ? "Connection: close\r\n" : "", strlen(STREAM), STREAM);
    server_say(fd, text);
    return number < 100;
}

/* Closes after each answer without having said so. */
static int answer_and_close(server *s, int fd, int number) {
    (void)answer_stream(s, fd, number);
    return 0;
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

static int answer_slowly(server *s, int fd, int number) {
    (void)number;
    sleep_ms(60);
    return answer_stream(s, fd, number);
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

/* --- what is read -------------------------------------------------------------------------------- */

/* An answer in two parts, cut one byte later each time. */
static int answer_cut(server *s, int fd, int number) {
    (void)number;
    size_t cut = (size_t)atomic_load(&s->requests);
    server_write(fd, s->text, cut);
    sleep_ms(1);
    server_say(fd, s->text + cut);
    return 1;
}

static int answer_bytes(server *s, int fd, int number) {
    (void)number;
    for (const char *at = s->text; *at; at++)
        server_write(fd, at, 1);
    return 1;
}

static void compare_split(drive *d, uint64_t requests) {
    for (uint64_t i = 0; i < requests; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(MT_FAILURE_NONE, e->failure);
        assert_int_equal(200, e->status);
        assert_int_equal(2, e->contents);
        assert_int_equal(1, e->gap_count);
        assert_int_equal(5, e->events);
        assert_int_equal(7, e->prompt_tokens);
        assert_int_equal(4, e->cached_tokens);
        if (is_direct()) /* libcurl does not count the framing of chunks */
            assert_int_equal(strlen(d->server.text), e->bytes_received);
        assert_int_equal(MT_SAW_DONE | MT_SAW_FINISH, e->noted & (MT_SAW_DONE | MT_SAW_FINISH));
    }
    assert_int_equal(1 + probes(), d->server.accepted);
}

static void test_split_anywhere(void **state) {
    (void)state;
    char text[1024], chunks[] = "HTTP/1.1 100 Continue\r\n\r\n" CHUNKED "%zx;ext=1\r\n%s\r\n"
                                "%zx\r\n%s\r\n0\r\nTrailer: yes\r\n\r\n";
    static const char one[] = EVENT("a") ": a comment\r\nevent: x\r\ndata:{\"choices\":[{\"text\"",
                      two[] = ":\"b\"}]}\r\n\r\n" FINISH USAGE DONE;
    snprintf(text, sizeof text, chunks, strlen(one), one, strlen(two), two);
    drive *d = drive_new();
    begin(d, answer_cut);
    d->server.text = text;
    d->options.slots = 1;
    start(d);
    for (size_t i = 1; i < strlen(text); i++)
        offer(d, request(d, MT_NEVER, 10));
    collect(d);
    compare_split(d, strlen(text) - 1);
    end(d);

    d = drive_new();
    begin(d, answer_bytes);
    d->server.text = text;
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    compare_split(d, 1);
    end(d);
}

/* Answers of a real server (llama.cpp), where they are there. */
static void test_real_answers(void **state) {
    (void)state;
    static const struct {
        const char *file;
        int failure, status, has_stream;
    } files[] = {
        {"chat_stream_usage", MT_FAILURE_NONE, 200, 1},
        {"chat_whole", MT_FAILURE_NONE, 200, 0},
        {"completions_stream_ids", MT_FAILURE_NONE, 200, 1},
        {"completions_whole", MT_FAILURE_NONE, 200, 0},
        {"unknown_field", MT_FAILURE_NONE, 200, 0},
        {"bad_json", MT_FAILURE_STATUS, 500, 0},
        {"not_found", MT_FAILURE_STATUS, 404, 0},
        {"too_long", MT_FAILURE_NONE, 200, 1},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64], text[4096];
        snprintf(name, sizeof name, "streams/%s.http", files[i].file);
        FILE *file = fopen(real_data(name), "rb");
        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        drive *d = drive_one(say_text, text);
        mt_exchange *e = &d->exchanges[0];
        if (e->failure != files[i].failure || e->status != files[i].status)
            fail_msg("%s: %s %d '%s'", name, mt_failure_name((mt_failure)e->failure), e->status,
                     e->text);
        assert_int_equal(files[i].has_stream, (e->noted & MT_WAS_STREAM) != 0);
        if (e->failure == MT_FAILURE_NONE)
            assert_true(e->contents > 0 && e->completion_tokens > 0 && e->prompt_tokens > 0);
        else
            assert_true(strlen(e->text) > 5);
        mt_driver_load load;
        mt_driver_look(d->driver, &load);
        assert_int_equal(1, load.connections); /* kept */
        end(d);
    }
}

#define REASONING "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n"
#define ENDS(reason) "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define ZEROS "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\n"

/* What gateways and engines say of an answer that is not so. */
static void test_doubtful_answers(void **state) {
    (void)state;
    static const struct {
        const char *events, *text;
        int failure, has_reasoning;
        int64_t prompt, completion;
    } rows[] = {
        {EVENT("a") ZEROS FINISH DONE, "", MT_FAILURE_NONE, 0, MT_COUNT_ABSENT, MT_COUNT_ABSENT},
        {EVENT("a") ZEROS FINISH USAGE DONE, "", MT_FAILURE_NONE, 0, 7, 3},
        {REASONING EVENT("a") FINISH DONE, "", MT_FAILURE_NONE, 1, MT_COUNT_ABSENT,
         MT_COUNT_ABSENT},
        {EVENT("a") ENDS("abort") USAGE DONE, "finish_reason abort", MT_FAILURE_ERROR_EVENT, 0, 7,
         3},
        {EVENT("a") ENDS("error") DONE, "finish_reason error", MT_FAILURE_ERROR_EVENT, 0,
         MT_COUNT_ABSENT, MT_COUNT_ABSENT},
        {EVENT("a") ENDS("insufficient_system_resource") DONE,
         "finish_reason insufficient_system_resource", MT_FAILURE_OVERLOAD, 0, MT_COUNT_ABSENT,
         MT_COUNT_ABSENT},
        {ENDS("stop") ZEROS DONE, "", MT_FAILURE_NO_CONTENT, 0, MT_COUNT_ABSENT, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        snprintf(text, sizeof text, HEAD "\r\n%s", rows[i].events);
        drive *d = drive_one(say_text_and_close, text);
        mt_exchange *e = &d->exchanges[0];
        if (e->failure != rows[i].failure || strcmp(e->text, rows[i].text) != 0)
            fail_msg("row %d: %s '%s'", (int)i, mt_failure_name((mt_failure)e->failure), e->text);
        assert_int_equal(rows[i].has_reasoning, (e->noted & MT_SAW_REASONING) != 0);
        assert_int_equal(rows[i].prompt, e->prompt_tokens);
        assert_int_equal(rows[i].completion, e->completion_tokens);
        end(d);
    }
}

static int answer_paced(server *s, int fd, int number) {
    (void)s;
    (void)number;
    server_say(fd, HEAD "\r\n");
    for (int i = 0; i < 4; i++) {
        sleep_ms(80);
        server_say(fd, i == 3 ? EVENT("a") EVENT("b") FINISH DONE : EVENT("a"));
    }
    return 0;
}

/* The answer's text is kept where it is wanted. */
static void test_texts(void **state) {
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        drive *d = drive_new();
        d->options.want_texts = wanted;
        begin(d, answer_paced);
        start(d);
        offer(d, request(d, mt_now_ns(), 10));
        collect(d);
        mt_exchange *e = &d->exchanges[0];
        assert_int_equal(wanted ? 5 : 0, e->answer_length);
        assert_int_equal(wanted, e->answer != NULL);
        if (wanted)
            assert_memory_equal("aaaab", e->answer, 5);
        end(d);
    }
}

static void test_gaps(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_paced);
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    mt_exchange *e = &d->exchanges[0];
    assert_int_equal(5, e->contents);
    assert_int_equal(1, e->together);
    assert_int_equal(4, e->gap_count);
    for (int i = 0; i < 3; i++)
        assert_true(e->gaps[i] > 100000); /* 10 ms */
    assert_int_equal(0, e->gaps[3]);
    int64_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += e->gaps[i] * (int64_t)100;
    assert_true(llabs(sum - (e->last_content_ns - e->first_content_ns)) <= 4 * 50);
    assert_int_equal(e->gaps[0],
                     (uint32_t)((e->second_content_ns - e->first_content_ns + 50) / 100));
    assert_true(e->first_content_ns - e->first_byte_ns > 10 * ms);
    end(d);
}

/* --- when ---------------------------------------------------------------------------------------- */

static int answer_counting(server *s, int fd, int number) {
    int now = atomic_fetch_add(&s->busy, 1) + 1;
    for (int most = s->busiest;
         now > most && !atomic_compare_exchange_weak(&s->busiest, &most, now);) {
    }
    sleep_ms(3);
    atomic_fetch_sub(&s->busy, 1);
    return answer_stream(s, fd, number);
}

static void test_slots(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_counting);
    d->options.slots = 4;
    start(d);
    for (int i = 0; i < 100; i++)
        offer(d, request(d, MT_NEVER, 10));
    collect(d);
    assert_int_equal(4, d->server.busiest);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
        assert_int_equal(d->exchanges[i].begun_ns, d->exchanges[i].due_ns);
        if (i > 0) /* in the order of their offers */
            assert_true(d->exchanges[i - 1].begun_ns <= d->exchanges[i].begun_ns);
    }
    end(d);
}

static void test_starved(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    start(d);
    offer(d, request(d, mt_now_ns() - ms, 10));
    offer(d, request(d, mt_now_ns() + 50 * ms, 10));
    collect(d);
    assert_true(d->exchanges[0].noted & MT_WAS_STARVED);
    assert_false(d->exchanges[1].noted & MT_WAS_STARVED);
    end(d);
}

static void test_cancelled_after(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, say_text_and_stall);
    d->server.text = HEAD "\r\n" EVENT("a");
    d->options.slots = 1;
    start(d);
    for (int i = 0; i < 3; i++) {
        mt_outgoing *prepared = request(d, i < 2 ? mt_now_ns() + i * 20 * ms : MT_NEVER, 10);
        prepared->cancel_after_ns = 400 * ms; /* time enough for what comes before */
        offer(d, prepared);
    }
    collect(d);
    for (int i = 0; i < 3; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(MT_FAILURE_CANCELLED_AFTER, e->failure);
        assert_true(e->end_ns - e->due_ns >= 400 * ms);
        assert_int_equal(1, e->contents); /* what came before is kept */
    }
    end(d);
}

static void test_stop_sending(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, say_text_and_stall);
    d->server.text = HEAD "\r\n" EVENT("a");
    d->options.slots = 1;
    start(d);
    for (int i = 0; i < 4; i++) /* 0 and 1 leave, 2 and 3 wait for the slot */
        offer(d, request(d, i == 0 ? mt_now_ns() : MT_NEVER, 10));
    for (int i = 4; i < 8; i++)
        offer(d, request(d, mt_now_ns() + 3600000 * ms, 10));
    while (d->server.requests < 2)
        sleep_ms(1);
    mt_driver_stop_sending(d->driver, mt_now_ns() + 3600000 * ms, MT_FAILURE_CANCELLED_RUN_END);
    int64_t until = mt_now_ns() + 50 * ms;
    mt_driver_stop_sending(d->driver, until, MT_FAILURE_CANCELLED_INTERRUPT);
    offer(d, request(d, mt_now_ns(), 10)); /* too late */
    collect(d);
    for (int i = 0; i < 9; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(i < 2 ? MT_FAILURE_CANCELLED_INTERRUPT : MT_FAILURE_NOT_SENT, e->failure);
        assert_true(i < 2 ? e->end_ns >= until : e->begun_ns == MT_NEVER);
    }
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(2, load.begun);
    assert_int_equal(2, load.ended);
    assert_int_equal(0, load.waiting);
    end(d);
}

/* What is in flight may end within the grace. */
static void test_grace(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_slowly);
    start(d);
    for (int i = 0; i < 5; i++)
        offer(d, request(d, mt_now_ns(), 10));
    while (d->server.requests < 5)
        sleep_ms(1);
    mt_driver_stop_sending(d->driver, mt_now_ns() + 3600000 * ms, MT_FAILURE_CANCELLED_RUN_END);
    collect(d);
    for (int i = 0; i < 5; i++)
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
    end(d);
}

static void on_signal(int number) {
    (void)number;
}

static void *send_signal(void *thread) {
    sleep_ms(50);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
    return NULL;
}

static void test_waiting(void **state) {
    (void)state;
    const int64_t long_ns = 30000 * ms;
    drive *d = drive_new();
    begin(d, answer_slowly);
    start(d);
    int64_t before = mt_now_ns();
    mt_driver_wait(d->driver, before + 30 * ms); /* until a time */
    assert_true(mt_now_ns() >= before + 30 * ms);
    offer(d, request(d, mt_now_ns(), 10));
    while (take_all(d) == 0) /* until a result */
        mt_driver_wait(d->driver, before + long_ns);
    assert_true(mt_now_ns() < before + long_ns);

    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t self = pthread_self(), other;
    pthread_create(&other, NULL, send_signal, &self);
    mt_driver_wait(d->driver, before + long_ns); /* until a signal */
    assert_true(mt_now_ns() < before + long_ns);
    pthread_join(other, NULL);
    end(d);
}

/* Ended in the midst of everything, nothing is lost from memory (the sanitizers see). */
static void test_free_at_any_time(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        drive *d = drive_new();
        begin(d, i % 2 ? say_text_and_stall : answer_stream);
        d->server.text = HEAD "\r\n" EVENT("a") EVENT("b");
        d->options.slots = 2;
        start(d);
        for (int j = 0; j < 40; j++)
            offer(d, request(d, j % 3 ? mt_now_ns() + j * ms : MT_NEVER, 10));
        sleep_ms(i);
        end(d);
    }
}

/* All kinds of ends in some order. */
static int answer_anyhow(server *s, int fd, int number) {
    static const char *const texts[] = {HEAD "\r\n" EVENT("a"),
                                        JSON_HEAD("429 Busy") "{}",
                                        CHUNKED "zz\r\n",
                                        "HTTP/1.1 200 OK\r\nCont",
                                        "",
                                        "<html>"};
    unsigned draw = (unsigned)atomic_load(&s->requests) * 2654435761u >> 20;
    unsigned kind = draw % 16;
    if (kind < 8)
        return kind < 2 ? answer_and_close(s, fd, number) : answer_stream(s, fd, number);
    server_say(fd, texts[kind % 6]);
    if (draw & 256)
        server_will_reset(fd);
    if (draw & 512)
        server_stall(fd);
    return 0;
}

static void test_whatever_happens(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_anyhow);
    d->options.slots = 8;
    d->options.first_timeout_ns = 30 * ms;
    d->options.gap_timeout_ns = 20 * ms;
    d->options.total_timeout_ns = 50 * ms;
    start(d);
    int64_t now = mt_now_ns();
    for (int i = 0; i < 900; i++) {
        mt_outgoing *prepared =
            request(d, i % 3 ? now + i * 7919 % 400 * ms : MT_NEVER, (size_t)(i * 31 % 5000));
        prepared->cancel_after_ns = i % 5 ? 0 : 5 * ms;
        offer(d, prepared);
    }
    sleep_ms(300);
    mt_driver_stop_sending(d->driver, mt_now_ns() + 10 * ms, MT_FAILURE_CANCELLED_RUN_END);
    collect(d);
    int kinds[MT_FAILURES] = {0}, different = 0;
    for (uint64_t i = 0; i < d->offered; i++) {
        mt_exchange *e = &d->exchanges[i];
        different += kinds[e->failure]++ == 0;
        assert_true(e->end_ns != MT_NEVER);
        assert_int_equal(e->failure == MT_FAILURE_NOT_SENT, e->begun_ns == MT_NEVER);
        assert_true(e->contents == 0 || e->gap_count == e->contents - 1);
    }
    assert_true(different > 5);
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(load.begun, load.ended);
    assert_int_equal(d->offered, load.begun + (uint64_t)kinds[MT_FAILURE_NOT_SENT]);
    assert_int_equal(0, load.waiting);
    end(d);
}

/* --- the ring and memory -------------------------------------------------------------------------- */

static void test_the_ring_is_bounded(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.ring_bytes = 10000;
    start(d);
    int64_t due = mt_now_ns() + 30 * ms;
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        mt_outgoing *prepared = request(d, due, 3000);
        while (!mt_driver_offer(d->driver, prepared)) {
            refused++;
            mt_driver_wait(d->driver, mt_now_ns() + 1000 * ms);
            (void)take_all(d);
        }
    }
    assert_true(refused >= 1 && refused < 4000); /* it waits */
    collect(d);
    offer(d, request(d, mt_now_ns() + 5 * ms, 50000)); /* alone it may be as large as it likes */
    collect(d);
    end(d);
}

static void test_no_memory_at_the_start(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.connections = 2;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_driver_free(mt_driver_start(&d->options, &all.error));
        all.code = all.error.code;
    }
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    end(d);
}

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

static void test_memory_runs_out_for_a_while(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.slots = 5;
    start(d);
    mt_outgoing *requests[50];
    for (int i = 0; i < 50; i++)
        requests[i] = request(d, i % 2 ? mt_now_ns() + i * ms : MT_NEVER, 10);
    mt_memory_fail_at(1, 1);
    for (int i = 0; i < 50; i++)
        offer(d, requests[i]);
    sleep_ms(60);
    assert_int_equal(0, take_all(d));
    mt_memory_fail_at(0, 0);
    collect(d);
    for (int i = 0; i < 50; i++)
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
    end(d);
}

static int use_curl(void **state) {
    (void)state;
    transport = &mt_transport_curl;
    return 0;
}

static int use_direct(void **state) {
    (void)state;
    transport = &mt_transport_direct;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream),
        cmocka_unit_test(test_an_unmade_request),
        cmocka_unit_test(test_many_on_time),
        cmocka_unit_test(test_failures_by_name),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_a_connection_that_is_not_accepted),
        cmocka_unit_test(test_failures_to_connect),
        cmocka_unit_test(test_no_start),
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(test_a_stale_connection_is_no_failure),
        cmocka_unit_test(test_connections_opened_ahead),
        cmocka_unit_test(test_old_connections),
        cmocka_unit_test(test_two_endpoints),
        cmocka_unit_test(test_a_large_request),
        cmocka_unit_test(test_split_anywhere),
        cmocka_unit_test(test_real_answers),
        cmocka_unit_test(test_doubtful_answers),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_cancelled_after),
        cmocka_unit_test(test_stop_sending),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_free_at_any_time),
        cmocka_unit_test(test_whatever_happens),
        cmocka_unit_test(test_the_ring_is_bounded),
        cmocka_unit_test(test_no_memory_at_the_start),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_memory_runs_out_for_a_while),
    };
    int failed = cmocka_run_group_tests_name("direct", tests, use_direct, NULL);
    return failed + cmocka_run_group_tests_name("curl", tests, use_curl, NULL);
}
