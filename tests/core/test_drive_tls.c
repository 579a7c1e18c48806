/* The driver over https:// and through a proxy: what only the transport through libcurl does. */
#include "base/memory.h"
#include "drive/curl/curl.h"
#include "tls_front.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST = 1024 };
static const int64_t ms = 1000000;
static const char good_name[] = "DNS:localhost,IP:127.0.0.1";

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define EVENT(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
#define STREAM EVENT("a") EVENT("b") FINISH "data: [DONE]\n\n"

typedef struct secure {
    server server;
    tls_front front;
    mt_driver_options options;
    mt_driver *driver;
    char url[64], ca_file[64];
    const char *urls[1];
    uint64_t offered;
    mt_exchange exchanges[MOST];
} secure;

/* A server that answers so, behind TLS with a certificate for that name, which is trusted. */
static secure *secure_new(server_answer *answer, const char *text, const char *name) {
    secure *s = calloc(1, sizeof *s);
    server_start(&s->server, answer);
    s->server.text = text;
    tls_front_start(&s->front, 0, s->server.port, name);
    snprintf(s->url, sizeof s->url, "https://localhost:%d", s->front.port);
    snprintf(s->ca_file, sizeof s->ca_file, "/tmp/moontide-tls-%d.pem", (int)getpid());
    tls_front_write_certificate(&s->front, s->ca_file);
    s->urls[0] = s->url;
    s->options = mt_driver_defaults();
    s->options.urls = s->urls;
    s->options.url_count = 1;
    s->options.transport = &mt_transport_curl;
    s->options.ca_file = s->ca_file;
    return s;
}

static void start(secure *s) {
    mt_error error;
    s->driver = mt_driver_start(&s->options, &error);
    if (!s->driver)
        fail_msg("%s", error.message);
}

static void offer(secure *s, int64_t due_ns, size_t body) {
    char head[256];
    int length = snprintf(head, sizeof head,
                          "POST /v1/completions HTTP/1.1\r\nHost: there\r\nX-Empty:\r\n"
                          "Content-Length: %zu\r\n\r\n",
                          body);
    mt_outgoing *prepared = mt_outgoing_new((size_t)length + body);
    memcpy(prepared->bytes, head, (size_t)length);
    memset(prepared->bytes + length, 'x', body);
    prepared->head_length = (size_t)length;
    prepared->due_ns = due_ns;
    prepared->ticket = s->offered++;
    assert_int_equal(1, mt_driver_offer(s->driver, prepared));
}

static void collect(secure *s) {
    int64_t patience = mt_now_ns() + 20000 * ms;
    uint64_t back = 0;
    for (uint64_t i = 0; i < s->offered; i++)
        back += s->exchanges[i].end_ns != 0;
    while (back < s->offered) {
        assert_true(mt_now_ns() < patience);
        mt_driver_wait(s->driver, mt_now_ns() + 100 * ms);
        for (mt_exchange e; mt_driver_take(s->driver, &e); back++) {
            assert_int_equal(0, s->exchanges[e.ticket].end_ns);
            s->exchanges[e.ticket] = e;
        }
    }
}

static mt_exchange *drive_one(secure *s) {
    offer(s, mt_now_ns(), 10);
    collect(s);
    return &s->exchanges[s->offered - 1];
}

static void end(secure *s) {
    mt_driver_free(s->driver);
    tls_front_end(&s->front);
    server_end(&s->server);
    unlink(s->ca_file);
    free(s);
}

static int say(server *s, int fd, int number) {
    (void)number;
    server_say(fd, s->text);
    return 1;
}

static int say_and_close(server *s, int fd, int number) {
    (void)say(s, fd, number);
    return 0;
}

static int say_and_reset(server *s, int fd, int number) {
    (void)say(s, fd, number);
    sleep_ms(20);
    server_will_reset(fd);
    return 0;
}

static int answer_whole(server *s, int fd, int number) {
    (void)s;
    (void)number;
    char text[1024];
    snprintf(text, sizeof text, HEAD "Content-Length: %zu\r\n\r\n%s", strlen(STREAM), STREAM);
    server_say(fd, text);
    return 1;
}

/* --- certificates ------------------------------------------------------------------------------- */

static void expect_no_start(secure *s, const char *message) {
    mt_error error = {0};
    s->driver = mt_driver_start(&s->options, &error);
    assert_null(s->driver);
    assert_int_equal(MT_ERROR_IO, error.code);
    if (!strstr(error.message, message))
        fail_msg("%s", error.message);
}

static void test_a_trusted_certificate(void **state) {
    (void)state;
    secure *s = secure_new(answer_whole, NULL, good_name);
    start(s);
    mt_exchange *e = drive_one(s);
    assert_int_equal(MT_FAILURE_NONE, e->failure);
    assert_int_equal(2, e->contents);
    assert_true(e->begun_ns <= e->sent_ns && e->sent_ns <= e->first_byte_ns);
    assert_int_equal(0, e->noted & MT_HAS_KERNEL_STAMPS);
    assert_true(e->bytes_sent > 10);
    end(s);
}

static void test_certificates_that_are_not_taken(void **state) {
    (void)state;
    secure *s = secure_new(answer_whole, NULL, "DNS:elsewhere");
    expect_no_start(s, "no alternative certificate subject name matches");
    s->options.ca_file = NULL; /* the system's */
    expect_no_start(s, "no connection: SSL certificate problem");
    s->options.ca_file = "/nowhere.pem";
    expect_no_start(s, "/nowhere.pem: no certificates can be read from there");
    s->options.ca_file = NULL;
    s->options.is_insecure = 1;
    start(s);
    assert_int_equal(MT_FAILURE_NONE, drive_one(s)->failure);
    end(s);
}

/* In mid-run: it is a failure with a name, and libcurl's words. */
static void test_another_certificate_later(void **state) {
    (void)state;
    secure *s = secure_new(answer_whole, NULL, good_name);
    start(s);
    int port = s->front.port;
    tls_front_end(&s->front);
    tls_front_start(&s->front, port, s->server.port, good_name); /* with a key of its own */
    mt_exchange *e = drive_one(s);
    assert_string_equal("tls", mt_failure_name((mt_failure)e->failure));
    assert_non_null(strstr(e->text, "SSL certificate problem"));
    assert_int_equal(MT_NEVER, e->sent_ns);
    assert_int_equal(0, s->server.requests);
    mt_driver_load load;
    mt_driver_look(s->driver, &load);
    assert_int_equal(1, load.handshakes_failed);
    end(s);
}

static void test_no_tls_there(void **state) {
    (void)state;
    secure *s = secure_new(say_and_close, "HTTP/1.1 400 Bad Request\r\n\r\n", good_name);
    s->server.reads_heads_only = 1;
    start(s);
    int port = s->front.port;
    tls_front_end(&s->front);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(listener, 5));
    offer(s, mt_now_ns(), 10);
    int fd = accept(listener, NULL, NULL);
    server_say(fd, s->server.text);
    collect(s);
    assert_int_equal(MT_FAILURE_TLS, s->exchanges[0].failure);
    close(fd);
    close(listener);
    tls_front_start(&s->front, 0, s->server.port, good_name); /* for `end` */
    end(s);
}

/* --- connections -------------------------------------------------------------------------------- */

static void test_connections_are_kept(void **state) {
    (void)state;
    secure *s = secure_new(answer_whole, NULL, good_name);
    s->options.slots = 1;
    start(s);
    for (int i = 0; i < 100; i++)
        offer(s, MT_NEVER, 1000);
    collect(s);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(MT_FAILURE_NONE, s->exchanges[i].failure);
        assert_int_equal(i > 0, (s->exchanges[i].noted & MT_WAS_REUSED) != 0);
    }
    assert_int_equal(2, s->front.accepted); /* one more that the start tried */
    end(s);
}

/* More than one pool holds. */
static int answer_slowly(server *s, int fd, int number) {
    sleep_ms(300);
    return answer_whole(s, fd, number);
}

static void test_many_at_once(void **state) {
    (void)state;
    secure *s = secure_new(answer_slowly, NULL, good_name);
    s->options.connections = 150;
    start(s);
    mt_driver_load load;
    mt_driver_look(s->driver, &load);
    assert_int_equal(150, load.connections);
    assert_int_equal(0, load.handshakes_failed);
    int64_t now = mt_now_ns();
    for (int i = 0; i < 300; i++)
        offer(s, now, 100);
    collect(s);
    for (int i = 0; i < 300; i++)
        assert_int_equal(MT_FAILURE_NONE, s->exchanges[i].failure);
    mt_driver_look(s->driver, &load);
    assert_int_equal(301, load.connections_opened);
    assert_true(s->front.resumed > 0); /* TLS sessions are taken up again */
    end(s);
}

static void test_a_stale_connection_is_no_failure(void **state) {
    (void)state;
    secure *s = secure_new(say_and_close, HEAD "Content-Length: 0\r\n\r\n", good_name);
    s->options.slots = 1;
    start(s);
    for (int i = 0; i < 30; i++)
        offer(s, MT_NEVER, 100);
    collect(s);
    for (int i = 0; i < 30; i++)
        assert_int_equal(MT_FAILURE_NO_CONTENT, s->exchanges[i].failure);
    assert_int_equal(30, s->server.requests);
    end(s);
}

/* --- ends --------------------------------------------------------------------------------------- */

static void test_ends(void **state) {
    (void)state;
    static const struct {
        server_answer *answer;
        const char *says, *name;
        int is_rude;
    } cases[] = {
        {say_and_close, HEAD "\r\n" STREAM, "ok", 0},
        {say_and_close, HEAD "\r\n" STREAM, "ok", 1}, /* the stream said that it was at its end */
        {say_and_close, HEAD "\r\n" EVENT("a"), "truncated", 0},
        {say_and_close, HEAD "\r\n" EVENT("a") FINISH, "ok", 0},
        {say_and_close, HEAD "\r\n" EVENT("a"), "truncated", 1},
        {say_and_close, HEAD "Content-Length: 900\r\n\r\n" EVENT("a"), "closed_mid_event", 0},
        {say_and_close, HEAD "Content-Length: 900\r\n\r\n" EVENT("a"), "closed_mid_event", 1},
        {say_and_close, "HTTP/1.1 200 OK\r\nConte", "reset_in_header", 0},
        {say_and_close, "HTTP/1.1 200 OK\r\nConte", "reset_in_header", 1},
        {say_and_close, "", "closed_before_byte", 0},
        {say_and_close, "", "closed_before_byte", 1},
        {say_and_reset, "", "reset_before_byte", 0},
        {say_and_reset, HEAD "\r\n" EVENT("a"), "reset_mid_stream", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        secure *s = secure_new(cases[i].answer, cases[i].says, good_name);
        start(s);
        atomic_store(&s->front.ends_rudely, cases[i].is_rude);
        mt_exchange *e = drive_one(s);
        const char *name = mt_failure_name((mt_failure)e->failure);
        if (strcmp(cases[i].name, name) != 0)
            fail_msg("%zu: %s: %s '%s'", i, cases[i].says, name, e->text);
        if (cases[i].answer == say_and_reset)
            assert_int_equal(ECONNRESET, e->os_error);
        end(s);
    }
}

/* --- proxies ------------------------------------------------------------------------------------ */

static char asked[4096];

static void note_head(const char *head) {
    snprintf(asked, sizeof asked, "%s", head);
}

/* What is for http:// it is asked for whole; this one answers by itself. */
static void test_a_proxy(void **state) {
    (void)state;
    secure *s = secure_new(answer_whole, NULL, good_name);
    s->server.sees_head = note_head;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", s->server.port);
    setenv("http_proxy", proxy, 1);
    snprintf(s->url, sizeof s->url, "http://nowhere.invalid/v1");
    start(s);
    assert_int_equal(MT_FAILURE_NONE, drive_one(s)->failure);
    assert_non_null(strstr(asked, "POST http://nowhere.invalid/v1/completions HTTP/1.1\r\n"));
    assert_non_null(strstr(asked, "\r\nHost: there\r\n"));
    assert_non_null(strstr(asked, "\r\nX-Empty:\r\n"));
    assert_null(strstr(asked, "Accept"));
    assert_null(strstr(asked, "Content-Type"));
    assert_null(strstr(asked, "Expect"));
    unsetenv("http_proxy");
    end(s);
}

/* One that refuses to connect. */
static void test_a_proxy_that_refuses(void **state) {
    (void)state;
    secure *s =
        secure_new(say_and_close, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", good_name);
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", s->server.port);
    setenv("https_proxy", proxy, 1);
    expect_no_start(s, "no connection: CONNECT tunnel failed, response 403");
    unsetenv("https_proxy");
    end(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_trusted_certificate),
        cmocka_unit_test(test_certificates_that_are_not_taken),
        cmocka_unit_test(test_another_certificate_later),
        cmocka_unit_test(test_no_tls_there),
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_a_stale_connection_is_no_failure),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_a_proxy),
        cmocka_unit_test(test_a_proxy_that_refuses),
    };
    signal(SIGPIPE, SIG_IGN); /* the server's */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
