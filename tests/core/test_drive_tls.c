/* The driver over https:// and through a proxy: what only the transport through libcurl does. */
#include "drive/curl/curl.h"
#include "drive_support.h"
#include "skip_support.h"
#include "tls_front.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const char good_name[] = "DNS:localhost,IP:127.0.0.1";

/* A drive whose server stands behind TLS. */
typedef struct secure {
    drive *drive;
    tls_front front;
    char ca_file[64];
} secure;

/* A server that answers so, behind TLS with a certificate for that name, which is trusted. */
static secure *secure_new(server_answer *answer, const char *text, const char *name) {
    secure *s = calloc(1, sizeof *s);
    drive *d = s->drive = drive_over(&mt_transport_curl);
    begin(d, answer);
    d->server.text = text;
    d->head = "POST /v1/completions HTTP/1.1\r\nHost: there\r\nX-Empty:\r\n";
    tls_front_start(&s->front, 0, d->server.port, name);
    snprintf(d->url, sizeof d->url, "https://localhost:%d", s->front.port);
    snprintf(s->ca_file, sizeof s->ca_file, "/tmp/moontide-tls-%d.pem", (int)getpid());
    tls_front_write_certificate(&s->front, s->ca_file);
    d->options.ca_file = s->ca_file;
    return s;
}

static mt_exchange *drive_one(secure *s) {
    offer(s->drive, request(s->drive, mt_now_ns(), 10));
    collect(s->drive);
    return &s->drive->exchanges[s->drive->offered - 1];
}

static void end_secure(secure *s) {
    mt_driver_free(s->drive->driver);
    s->drive->driver = NULL;
    tls_front_end(&s->front);
    unlink(s->ca_file);
    end(s->drive);
    free(s);
}

/* --- certificates ------------------------------------------------------------------------------- */

static void expect_no_start(secure *s, const char *message) {
    mt_error error = {0};
    s->drive->driver = mt_driver_start(&s->drive->options, &error);
    assert_null(s->drive->driver);
    assert_int_equal(MT_ERROR_IO, error.code);
    if (!strstr(error.message, message))
        fail_msg("%s", error.message);
}

static void test_a_trusted_certificate(void **state) {
    (void)state;
    secure *s = secure_new(answer_stream, NULL, good_name);
    start(s->drive);
    mt_exchange *e = drive_one(s);
    assert_int_equal(MT_FAILURE_NONE, e->failure);
    assert_int_equal(3, e->contents);
    assert_true(e->begun_ns <= e->sent_ns && e->sent_ns <= e->first_byte_ns);
    assert_int_equal(0, e->noted & MT_HAS_KERNEL_STAMPS);
    assert_true(e->bytes_sent > 10);
    end_secure(s);
}

static void test_certificates_that_are_not_taken(void **state) {
    (void)state;
    secure *s = secure_new(answer_stream, NULL, "DNS:elsewhere");
    expect_no_start(s, "no alternative certificate subject name matches");
    s->drive->options.ca_file = NULL; /* the system's */
    expect_no_start(s, "no connection: SSL certificate problem");
    s->drive->options.ca_file = "/nowhere.pem";
    expect_no_start(s, "/nowhere.pem: no certificates can be read from there");
    s->drive->options.ca_file = NULL;
    s->drive->options.is_insecure = 1;
    start(s->drive);
    assert_int_equal(MT_FAILURE_NONE, drive_one(s)->failure);
    end_secure(s);
}

/* In mid-run: it is a failure with a name, and libcurl's words. */
static void test_another_certificate_later(void **state) {
    (void)state;
    secure *s = secure_new(answer_stream, NULL, good_name);
    start(s->drive);
    int port = s->front.port;
    tls_front_end(&s->front);
    tls_front_start(&s->front, port, s->drive->server.port, good_name); /* with a key of its own */
    mt_exchange *e = drive_one(s);
    assert_string_equal("tls", mt_failure_name((mt_failure)e->failure));
    assert_non_null(strstr(e->text, "SSL certificate problem"));
    assert_int_equal(MT_NEVER, e->sent_ns);
    assert_int_equal(0, s->drive->server.requests);
    mt_driver_load load;
    mt_driver_look(s->drive->driver, &load);
    assert_int_equal(1, load.handshakes_failed);
    end_secure(s);
}

static void test_no_tls_there(void **state) {
    (void)state;
    secure *s = secure_new(say_text_and_close, "HTTP/1.1 400 Bad Request\r\n\r\n", good_name);
    s->drive->server.reads_heads_only = 1;
    start(s->drive);
    int port = s->front.port;
    tls_front_end(&s->front);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(listener, 5));
    offer(s->drive, request(s->drive, mt_now_ns(), 10));
    int fd = accept(listener, NULL, NULL);
    server_say(fd, s->drive->server.text);
    collect(s->drive);
    assert_int_equal(MT_FAILURE_TLS, s->drive->exchanges[0].failure);
    close(fd);
    close(listener);
    tls_front_start(&s->front, 0, s->drive->server.port, good_name); /* for `end` */
    end_secure(s);
}

/* --- connections -------------------------------------------------------------------------------- */

static void test_connections_are_kept(void **state) {
    (void)state;
    secure *s = secure_new(answer_stream, NULL, good_name);
    s->drive->options.slots = 1;
    start(s->drive);
    for (int i = 0; i < 100; i++)
        offer(s->drive, request(s->drive, MT_NEVER, 1000));
    collect(s->drive);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(MT_FAILURE_NONE, s->drive->exchanges[i].failure);
        assert_int_equal(i > 0, (s->drive->exchanges[i].noted & MT_WAS_REUSED) != 0);
    }
    assert_int_equal(2, s->front.accepted); /* one more that the start tried */
    end_secure(s);
}

enum { AHEAD = 130, MANY = 260 };
static _Atomic int awaited;

/* Once so many requests have come as are awaited: each of them has a connection of its own. */
static int answer_when_all_are_there(server *s, int fd, int number) {
    while (s->requests < awaited)
        sleep_ms(20);
    return answer_stream(s, fd, number);
}

/* Was more to be done here in the last minute than the processors can? Unknown is no. */
static int is_busy(void) {
    double load;
    return getloadavg(&load, 1) == 1 && load > (double)sysconf(_SC_NPROCESSORS_ONLN);
}

/* More than one pool holds. A machine that is busy may have no time for that many handshakes in the ten seconds that
 * each may take: then again, and a few times in vain it says nothing. */
static void test_many_at_once(void **state) {
    (void)state;
    secure *s = NULL;
    mt_driver_load load = {.handshakes_failed = 1};
    int64_t took = 0;
    for (int tries = 0; tries < 3 && load.handshakes_failed > 0; tries++) {
        if (s)
            end_secure(s);
        s = secure_new(answer_when_all_are_there, NULL, good_name);
        s->drive->options.connections = AHEAD;
        took = -mt_now_ns();
        start(s->drive);
        took += mt_now_ns();
        mt_driver_look(s->drive->driver, &load);
    }
    if (load.handshakes_failed > 0 && took > 9000 * ms && is_busy()) {
        end_secure(s);
        skip_because("no time for %d handshakes in ten seconds", AHEAD);
    }
    assert_int_equal(AHEAD, load.connections);
    assert_int_equal(0, load.handshakes_failed);
    awaited = s->drive->server.requests + MANY;
    int64_t now = mt_now_ns();
    for (int i = 0; i < MANY; i++)
        offer(s->drive, request(s->drive, now, 100));
    collect(s->drive);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(MT_FAILURE_NONE, s->drive->exchanges[i].failure);
    mt_driver_look(s->drive->driver, &load);
    /* One more that the start tried, and perhaps a few that took too long to be used again. */
    assert_in_range(load.connections_opened, MANY + 1, MANY + MANY / 10);
    assert_true(s->front.resumed > 0); /* TLS sessions are taken up again */
    end_secure(s);
}

static void test_a_stale_connection_is_no_failure(void **state) {
    (void)state;
    secure *s = secure_new(say_text_and_close, HEAD "Content-Length: 0\r\n\r\n", good_name);
    s->drive->options.slots = 1;
    start(s->drive);
    for (int i = 0; i < 30; i++)
        offer(s->drive, request(s->drive, MT_NEVER, 100));
    collect(s->drive);
    for (int i = 0; i < 30; i++)
        assert_int_equal(MT_FAILURE_NO_CONTENT, s->drive->exchanges[i].failure);
    assert_int_equal(30, s->drive->server.requests);
    end_secure(s);
}

/* --- ends --------------------------------------------------------------------------------------- */

static void test_ends(void **state) {
    (void)state;
    static const struct {
        server_answer *answer;
        const char *says, *name;
        int is_rude;
    } cases[] = {
        {say_text_and_close, HEAD "\r\n" STREAM, "ok", 0},
        {say_text_and_close, HEAD "\r\n" STREAM, "ok",
         1}, /* the stream said that it was at its end */
        {say_text_and_close, HEAD "\r\n" EVENT("a"), "truncated", 0},
        {say_text_and_close, HEAD "\r\n" EVENT("a") FINISH, "ok", 0},
        {say_text_and_close, HEAD "\r\n" EVENT("a"), "truncated", 1},
        {say_text_and_close, HEAD "Content-Length: 900\r\n\r\n" EVENT("a"), "closed_mid_event", 0},
        {say_text_and_close, HEAD "Content-Length: 900\r\n\r\n" EVENT("a"), "closed_mid_event", 1},
        {say_text_and_close, "HTTP/1.1 200 OK\r\nConte", "reset_in_header", 0},
        {say_text_and_close, "HTTP/1.1 200 OK\r\nConte", "reset_in_header", 1},
        {say_text_and_close, "", "closed_before_byte", 0},
        {say_text_and_close, "", "closed_before_byte", 1},
        {say_text_and_reset, "", "reset_before_byte", 0},
        {say_text_and_reset, HEAD "\r\n" EVENT("a"), "reset_mid_stream", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        secure *s = secure_new(cases[i].answer, cases[i].says, good_name);
        start(s->drive);
        atomic_store(&s->front.ends_rudely, cases[i].is_rude);
        mt_exchange *e = drive_one(s);
        const char *name = mt_failure_name((mt_failure)e->failure);
        if (strcmp(cases[i].name, name) != 0)
            fail_msg("%zu: %s: %s '%s'", i, cases[i].says, name, e->text);
        if (cases[i].answer == say_text_and_reset)
            assert_int_equal(ECONNRESET, e->os_error);
        end_secure(s);
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
    secure *s = secure_new(answer_stream, NULL, good_name);
    s->drive->server.sees_head = note_head;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", s->drive->server.port);
    setenv("http_proxy", proxy, 1);
    snprintf(s->drive->url, sizeof s->drive->url, "http://nowhere.invalid/v1");
    start(s->drive);
    assert_int_equal(MT_FAILURE_NONE, drive_one(s)->failure);
    assert_non_null(strstr(asked, "POST http://nowhere.invalid/v1/completions HTTP/1.1\r\n"));
    assert_non_null(strstr(asked, "\r\nHost: there\r\n"));
    assert_non_null(strstr(asked, "\r\nX-Empty:\r\n"));
    assert_null(strstr(asked, "Accept"));
    assert_null(strstr(asked, "Content-Type"));
    assert_null(strstr(asked, "Expect"));
    unsetenv("http_proxy");
    end_secure(s);
}

/* One that refuses to connect. */
static void test_a_proxy_that_refuses(void **state) {
    (void)state;
    secure *s =
        secure_new(say_text_and_close, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", good_name);
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", s->drive->server.port);
    setenv("https_proxy", proxy, 1);
    expect_no_start(s, "no connection: CONNECT tunnel failed, response 403");
    unsetenv("https_proxy");
    end_secure(s);
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
