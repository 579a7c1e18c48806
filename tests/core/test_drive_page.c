/* The page: what it answers, who may stop the work, and readers of every pace, none of whom holds anybody
 * up. All of it by sockets on loopback. */
#include "drive/page/page.h"
#include "drive/page/state.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "drive/driver.h"
#include "drive_server.h" /* sleep_ms */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#define TOKEN "a-token_of.the~test"
#define HTML "<!DOCTYPE html><p>a page"

static mt_page *begin(int guards_all) {
    mt_error error = {0};
    mt_page_options options = {.host = "127.0.0.1",
                               .token = TOKEN,
                               .guards_all = guards_all,
                               .html = {HTML, sizeof HTML - 1}};
    mt_page *page = mt_page_open(&options, &error);
    if (!page)
        fail_msg("%s", error.message);
    return page;
}

static int connect_to(const mt_page *page) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(mt_page_port(page))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 60};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* All that comes until the connection is closed, terminated. */
static char *read_all(int fd) {
    size_t length = 0, room = 1 << 16;
    char *text = malloc(room);
    for (ssize_t got; (got = recv(fd, text + length, room - length - 1, 0)) > 0 ||
                      (got < 0 && errno == EINTR);) {
        length += got > 0 ? (size_t)got : 0;
        if (room - length < 1 << 15)
            text = realloc(text, room *= 2);
    }
    text[length] = '\0';
    close(fd);
    return text;
}

static char *ask(const mt_page *page, const char *request) {
    int fd = connect_to(page);
    server_say(fd, request);
    return read_all(fd);
}

static void answers(const mt_page *page, const char *line, const char *status, const char *end) {
    char request[256];
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: a\r\n\r\n", line);
    char *text = ask(page, request);
    if (strncmp(text, "HTTP/1.1 ", 9) != 0 || strncmp(text + 9, status, strlen(status)) != 0)
        fail_msg("%s: %s", line, text);
    size_t length = strlen(text), end_length = strlen(end);
    if (length < end_length || strcmp(text + length - end_length, end) != 0)
        fail_msg("%s: %s", line, text);
    free(text);
}

static void test_answers(void **state) {
    (void)state;
    mt_page *page = begin(0);
    assert_int_equal(mt_page_show(page, (mt_span){"a_metric 1\n", 11}, NULL), MT_OK);
    answers(page, "GET /", "200", "\r\n\r\n" HTML);
    answers(page, "GET /?token=x", "200", "\r\n\r\n" HTML);
    answers(page, "HEAD /", "200", "\r\n\r\n");
    answers(page, "GET /metrics", "200", "\r\n\r\na_metric 1\n");
    answers(page, "HEAD /metrics", "200", "\r\n\r\n");
    answers(page, "GET /favicon.ico", "204", "");
    answers(page, "GET /nothing", "404", "");
    answers(page, "GET /eventsx", "404", "");
    answers(page, "POST /", "405", "");
    answers(page, "DELETE /events", "405", "");
    answers(page, "GET /stop?token=" TOKEN, "405", "");
    answers(page, "nonsense", "400", "");
    char *text = ask(page, "GET / HTTP/1.1\r\nnot a header\r\n\r\n");
    assert_non_null(strstr(text, "400 Bad Request"));
    free(text);
    text = ask(page, "GET / HTTP/1.1\r\n\r\n");
    assert_non_null(strstr(text, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(text, "X-Frame-Options: DENY\r\n"));
    free(text);
    mt_page_free(page, 0);
    page = begin(1);
    answers(page, "GET /", "403", "");
    answers(page, "GET /events", "403", "");
    answers(page, "GET /metrics?token=" TOKEN "x", "403", "");
    answers(page, "GET /?token=" TOKEN, "200", HTML);
    answers(page, "GET /metrics?token=" TOKEN "&x=1", "200", "");
    mt_page_free(page, 0);
}

static void on_signal(int number) {
    (void)number;
    mt_interrupt_flag++;
}

static void comes_to(int wanted) {
    for (int i = 0; i < 60000 && mt_interrupt_flag != wanted; i++)
        sleep_ms(1);
    assert_int_equal(mt_interrupt_flag, wanted);
}

/* Only the token stops, as the signal does, and never once too often; a process that ignores the signal is
 * stopped as well. */
static void test_stop(void **state) {
    (void)state;
    mt_page *page = begin(0);
    int patience = mt_interrupt_patience;
    mt_interrupt_patience = 2;
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigaction(SIGINT, &action, &before);
    answers(page, "POST /stop", "403", "");
    answers(page, "POST /stop?token=", "403", "");
    answers(page, "POST /stop?token=a-token_of.the~tesT", "403", "");
    answers(page, "POST /stop?token=a-token_of.the~tes", "403", "");
    answers(page, "POST /stop?x=1&token=" TOKEN, "403", "");
    assert_int_equal(mt_interrupt_flag, 0);
    answers(page, "POST /stop?token=" TOKEN, "200", "");
    comes_to(1);
    action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, NULL);
    answers(page, "POST /stop?token=" TOKEN, "200", "");
    comes_to(2);
    answers(page, "POST /stop?token=" TOKEN, "200", "");
    assert_int_equal(mt_interrupt_flag, 2);
    sigaction(SIGINT, &before, NULL);
    mt_interrupt_flag = 0;
    mt_interrupt_patience = patience;
    mt_page_free(page, 0);
}

static void say(mt_page *page, const char *name, int number, size_t length) {
    char *json = malloc(length + 32);
    int head = sprintf(json, "{\"n\":%d,\"x\":\"", number);
    memset(json + head, 'x', length);
    memcpy(json + head + length, "\"}", 3);
    assert_int_equal(mt_page_say(page, name, (mt_span){json, strlen(json)}, NULL), MT_OK);
    free(json);
}

static void wait_for_listeners(mt_page *page, int wanted) {
    for (int i = 0; i < 60000 && mt_page_listeners(page) != wanted; i++)
        sleep_ms(1);
    assert_int_equal(mt_page_listeners(page), wanted);
}

static int listen_to(mt_page *page) {
    int fd = connect_to(page);
    server_say(fd, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    return fd;
}

/* Who comes late hears what was said before, and all hear what is said afterwards, in order. */
static void test_events(void **state) {
    (void)state;
    mt_page *page = begin(0);
    say(page, "begin", 0, 1);
    say(page, NULL, 1, 1);
    int early = listen_to(page);
    wait_for_listeners(page, 1);
    say(page, NULL, 2, 1);
    int late = listen_to(page);
    wait_for_listeners(page, 2);
    say(page, "end", 3, 1);
    mt_page_free(page, INT64_C(60000000000));
    for (int i = 0; i < 2; i++) {
        char *text = read_all(i ? late : early);
        assert_non_null(strstr(text, "Content-Type: text/event-stream"));
        assert_string_equal(strstr(text, "\r\n\r\n") + 4,
                            "event: begin\ndata: {\"n\":0,\"x\":\"x\"}\n\n"
                            "data: {\"n\":1,\"x\":\"x\"}\n\ndata: {\"n\":2,\"x\":\"x\"}\n\n"
                            "event: end\ndata: {\"n\":3,\"x\":\"x\"}\n\n");
        free(text);
    }
}

/* Who goes away is forgotten. */
static void test_leaving(void **state) {
    (void)state;
    mt_page *page = begin(0);
    int fd = listen_to(page);
    wait_for_listeners(page, 1);
    close(fd);
    wait_for_listeners(page, 0);
    fd = listen_to(page);
    wait_for_listeners(page, 1);
    mt_page_free(page, 0);
    free(read_all(fd));
    /* Who goes while the page does: both are heard of at once. */
    for (int i = 0; i < 200; i++) {
        page = begin(0);
        fd = listen_to(page);
        wait_for_listeners(page, 1);
        close(fd);
        mt_page_free(page, -INT64_C(10000000000));
    }
}

/* Ten listeners and ten who ask for the page and read nothing; one who reads hears all that lasts and the
 * last moment. What is said comes to 40 MB for each: it is neither waited for nor kept. */
static void test_readers_that_never_read(void **state) {
    (void)state;
    enum { SILENT = 10, SAID = 10000, BYTES = 4000 };
    mt_page *page = begin(0);
    int silent[2 * SILENT];
    for (int i = 0; i < 2 * SILENT; i++) {
        silent[i] = i % 2 ? connect_to(page) : listen_to(page);
        if (i % 2)
            server_say(silent[i], "GET / HTTP/1.1\r\n"); /* and nothing more */
    }
    wait_for_listeners(page, SILENT);
    say(page, "begin", 0, 1);
    for (int i = 1; i <= SAID; i++)
        say(page, NULL, i, BYTES);
    pthread_mutex_lock(&page->lock);
    size_t kept = page->history.count;
    pthread_mutex_unlock(&page->lock);
    assert_in_range(kept, MT_PAGE_MOMENTS / 2, MT_PAGE_MOMENTS + 1);
    int reading = listen_to(page);
    wait_for_listeners(page, SILENT + 1);
    say(page, "end", SAID + 1, 1);
    char last[64];
    snprintf(last, sizeof last, "\"n\":%d,", SAID);
    size_t length = 0, room = (size_t)(MT_PAGE_MOMENTS + 2) * (BYTES + 64);
    char *text = calloc(room, 1);
    while (!strstr(text + (length < 20000 ? 0 : length - 20000), "event: end\ndata: {")) {
        ssize_t got = recv(reading, text + length, room - length - 1, 0);
        assert_true(got > 0);
        length += (size_t)got;
    }
    assert_non_null(strstr(text, "event: begin\ndata: {\"n\":0,"));
    assert_non_null(strstr(text, last));
    long before = 0;
    size_t moments = 0;
    for (const char *at = text; (at = strstr(at, "\"n\":")); moments++, at += 4) {
        long number = strtol(at + 4, NULL, 10);
        assert_true(moments == 0 || number > before);
        before = number;
    }
    assert_in_range(moments, kept, MT_PAGE_MOMENTS + 2);
    free(text);
    mt_page_free(page, 0);
    close(reading);
    for (int i = 0; i < 2 * SILENT; i++)
        close(silent[i]);
}

/* More than there are places for are closed, and the others go on being served. */
static void test_too_many(void **state) {
    (void)state;
    enum { MORE = 8 };
    mt_page *page = begin(0);
    int fds[MT_PAGE_READERS + MORE], closed = 0;
    for (int i = 0; i < MT_PAGE_READERS + MORE; i++)
        fds[i] = listen_to(page);
    wait_for_listeners(page, MT_PAGE_READERS);
    for (int i = 0; i < MT_PAGE_READERS + MORE; i++) {
        struct pollfd wait = {.fd = fds[i], .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 60000), 1);
        char head[16];
        closed += recv(fds[i], head, sizeof head, 0) <= 0;
    }
    assert_int_equal(closed, MORE);
    for (int i = 0; i < MT_PAGE_READERS + MORE; i++)
        close(fds[i]);
    wait_for_listeners(page, 0);
    answers(page, "GET /", "200", HTML);
    mt_page_free(page, 0);
}

static void test_refusals(void **state) {
    (void)state;
    mt_error error;
    mt_page *page = begin(0);
    mt_page_options options = {.host = "127.0.0.1",
                               .port = mt_page_port(page),
                               .token = TOKEN,
                               .html = {HTML, sizeof HTML - 1}};
    assert_null(mt_page_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_non_null(strstr(error.message, "cannot listen"));
    mt_page_free(page, 0);
    options.host = "nowhere";
    assert_null(mt_page_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    options.host = "127.0.0.1";
    static const char *const tokens[] = {
        "", "a b", "a&b", "a/b",
        "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        options.token = tokens[i];
        assert_null(mt_page_open(&options, &error));
        assert_int_equal(error.code, MT_ERROR_VALUE);
    }
    char drawn[2][MT_PAGE_DRAWN + 1];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mt_page_draw_token(drawn[i], &error), MT_OK);
        assert_int_equal(strspn(drawn[i], "0123456789abcdef"), MT_PAGE_DRAWN);
        assert_int_equal(strlen(drawn[i]), MT_PAGE_DRAWN);
    }
    assert_string_not_equal(drawn[0], drawn[1]);
    mt_page_free(NULL, 0);
}

/* What was said stays when there is no memory for more, in a history without a thread. */
static void test_memory(void **state) {
    (void)state;
    mt_error error;
    mt_page_history history = {0};
    assert_int_equal(mt_page_note(&history, "begin", (mt_span){"{}", 2}, &error), MT_OK);
    for (uint64_t n = 1, failed = 1; failed; n++) {
        mt_memory_fail_at(n, 0);
        failed = 0;
        for (int i = 0; i < 20 && !failed; i++)
            failed = mt_page_note(&history, NULL, (mt_span){"{}", 2}, &error) != MT_OK;
        if (failed)
            assert_int_equal(error.code, MT_ERROR_MEMORY);
        mt_memory_fail_at(0, 0);
        uint64_t before = 0;
        size_t count = 0;
        for (const mt_page_event *event; (event = mt_page_after(&history, before)); count++)
            before = event->number;
        assert_int_equal(before, history.said);
        assert_int_equal(count, history.count);
    }
    mt_page_forget(&history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_readers_that_never_read),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
