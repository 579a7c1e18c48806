/* Messages and addresses: known answers, each in every split, and what is refused by name. */
#include "drive/http/message.h"
#include "drive/http/url.h"

#include "../fuzz/http.h"
#include "file_support.h"

#include <stdio.h>

static heard answer(const char *text) {
    check_all_splits(MT_HTTP_ANSWER, (const uint8_t *)text, strlen(text));
    return listen(MT_HTTP_ANSWER, (const uint8_t *)text, strlen(text), 0);
}

static heard request(const char *text) {
    check_all_splits(MT_HTTP_REQUEST, (const uint8_t *)text, strlen(text));
    return listen(MT_HTTP_REQUEST, (const uint8_t *)text, strlen(text), 0);
}

#define OK "HTTP/1.1 200 OK\r\n"

static void test_counted_body(void **state) {
    (void)state;
    heard got = answer("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; "
                       "charset=utf-8\r\nretry-after:  7 \r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(got.messages, 1);
    assert_int_equal(got.bodies, 5);
    assert_int_equal(got.http.problem, MT_HTTP_CLOSED_BEFORE_BYTE); /* of the next one */
    mt_http http;
    mt_http_begin(&http, MT_HTTP_ANSWER);
    mt_span unread = {OK "Content-Type: text/event-stream\nContent-Length: 3\n\nabcHTTP", 61}, body;
    unread.length = strlen(unread.text);
    assert_int_equal(mt_http_next(&http, &unread, &body), MT_HTTP_HEAD);
    assert_int_equal(http.status, 200);
    assert_int_equal(http.content_type, MT_HTTP_CONTENT_EVENTS);
    assert_int_equal(http.content_length, 3);
    assert_true(http.keeps_alive);
    assert_int_equal(mt_http_next(&http, &unread, &body), MT_HTTP_BODY);
    assert_int_equal(body.length, 3);
    assert_memory_equal(body.text, "abc", 3);
    assert_int_equal(mt_http_next(&http, &unread, &body), MT_HTTP_END);
    assert_int_equal(unread.length, 4);
}

static void test_heads(void **state) {
    (void)state;
    struct {
        const char *text;
        int status, content_type, keeps_alive, last;
        int retry_after_s;
    } rows[] = {
        {"HTTP/1.1 429 \r\nRetry-After: 12\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 429,
         MT_HTTP_CONTENT_OTHER, 0, MT_HTTP_END, 12},
        {"HTTP/1.1 429\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\nConnection: x, Close\r\n"
         "Content-Length: 0\r\n\r\n",
         429, MT_HTTP_CONTENT_OTHER, 0, MT_HTTP_END, -1},
        {"HTTP/1.0 200 OK\r\nContent-Type: TEXT/HTML ; a=b\r\n\r\n<html>", 200,
         MT_HTTP_CONTENT_HTML, 0, MT_HTTP_END, -1},
        {OK "content-type:application/json\r\n\r\n{}", 200, MT_HTTP_CONTENT_JSON, 0, MT_HTTP_END,
         -1},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
         "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
         204, MT_HTTP_CONTENT_OTHER, 0, MT_HTTP_END, -1},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n", 101,
         MT_HTTP_CONTENT_OTHER, 0, MT_HTTP_END, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        heard got = answer(rows[i].text);
        assert_int_equal(got.http.status, rows[i].status);
        assert_int_equal(got.http.content_type, rows[i].content_type);
        assert_int_equal(got.http.keeps_alive, rows[i].keeps_alive);
        assert_int_equal(got.http.retry_after_s, rows[i].retry_after_s);
        assert_int_equal(got.last, rows[i].last);
    }
}

static void test_chunks(void **state) {
    (void)state;
    heard got = answer(OK "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                          "5\r\nhello\r\n00006;name=\"x\"\r\n world\r\nA  \n0123456789\n"
                          "0\r\nTrailer: x\r\nno colon\r\n\r\n");
    assert_int_equal(got.last, MT_HTTP_END);
    assert_int_equal(got.messages, 1);
    assert_int_equal(got.bodies, 21);
    heard same = answer(OK "Content-Length: 21\r\nConnection: close\r\n\r\nhello world0123456789");
    assert_true(got.sum == same.sum);
    /* Chunked is what counts when a length is given as well. */
    got = answer(OK "Content-Length: 2\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_int_equal(got.messages, 1);
    assert_int_equal(got.bodies, 3);
}

static void test_body_until_close(void **state) {
    (void)state;
    heard got = answer(OK "\r\nall of it");
    assert_int_equal(got.last, MT_HTTP_END);
    assert_int_equal(got.bodies, 9);
}

static void test_answers_refused(void **state) {
    (void)state;
    struct {
        const char *text;
        mt_http_problem problem;
    } rows[] = {
        {"", MT_HTTP_CLOSED_BEFORE_BYTE},
        {"HTT", MT_HTTP_CLOSED_IN_HEADER},
        {OK, MT_HTTP_CLOSED_IN_HEADER},
        {OK "Content-Length: 3\r\n", MT_HTTP_CLOSED_IN_HEADER},
        {OK "Content-Length: 3\r\n\r\nab", MT_HTTP_CLOSED_IN_BODY},
        {OK "Transfer-Encoding: chunked\r\n\r\n", MT_HTTP_CLOSED_IN_BODY},
        {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", MT_HTTP_CLOSED_IN_BODY},
        {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nab", MT_HTTP_CLOSED_IN_BODY},
        {"SSH-2.0-OpenSSH_9.2", MT_HTTP_NOT_HTTP},
        {"\x16\x03\x01", MT_HTTP_NOT_HTTP},
        {"\r\n" OK "\r\n", MT_HTTP_NOT_HTTP},
        {"HTTP/2 200\r\n\r\n", MT_HTTP_NOT_HTTP},
        {"HTTP/1.1 20 OK\r\n\r\n", MT_HTTP_NOT_HTTP},
        {"HTTP/1.1 2000 OK\r\n\r\n", MT_HTTP_NOT_HTTP},
        {"HTTP/1.1 000 OK\r\n\r\n", MT_HTTP_NOT_HTTP},
        {OK "no colon\r\n\r\n", MT_HTTP_BAD_HEADER},
        {OK ": no name\r\n\r\n", MT_HTTP_BAD_HEADER},
        {OK "Content-Length : 3\r\n\r\nabc", MT_HTTP_BAD_HEADER},
        {OK "A: b\r\n folded: 1\r\n\r\n", MT_HTTP_BAD_HEADER},
        {OK "Content-Length: x\r\n\r\n", MT_HTTP_BAD_LENGTH},
        {OK "Content-Length: -1\r\n\r\n", MT_HTTP_BAD_LENGTH},
        {OK "Content-Length:\r\n\r\n", MT_HTTP_BAD_LENGTH},
        {OK "Content-Length: 9999999999999999999\r\n\r\n", MT_HTTP_BAD_LENGTH},
        {OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", MT_HTTP_BAD_LENGTH},
        {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", MT_HTTP_BAD_ENCODING},
        {OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", MT_HTTP_BAD_CHUNK},
        {OK "Transfer-Encoding: chunked\r\n\r\n\r\n", MT_HTTP_BAD_CHUNK},
        {OK "Transfer-Encoding: chunked\r\n\r\n3x\r\nabc\r\n", MT_HTTP_BAD_CHUNK},
        {OK "Transfer-Encoding: chunked\r\n\r\n-3\r\n", MT_HTTP_BAD_CHUNK},
        {OK "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", MT_HTTP_BAD_CHUNK},
        {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", MT_HTTP_BAD_CHUNK},
        {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\rX", MT_HTTP_BAD_CHUNK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        heard got = answer(rows[i].text);
        if (got.last != MT_HTTP_BAD || got.http.problem != rows[i].problem)
            fail_msg("%s: %s", rows[i].text, mt_http_problem_text(got.http.problem));
        assert_true(strlen(mt_http_problem_text(rows[i].problem)) > 0);
    }
}

/* A server that says nothing sensible is known before its line ends. */
static void test_not_http_at_the_first_byte(void **state) {
    (void)state;
    heard got = listen(MT_HTTP_ANSWER, (const uint8_t *)"x", 1, 0);
    assert_int_equal(got.last, MT_HTTP_BAD);
    assert_int_equal(got.http.problem, MT_HTTP_NOT_HTTP);
}

/* `before`, a line of `count` times x, "\r\n\r\n". */
static heard long_line(int kind, const char *before, size_t count) {
    size_t length = strlen(before);
    char *text = malloc(length + count + 5);
    memcpy(text, before, length);
    memset(text + length, 'x', count);
    memcpy(text + length + count, "\r\n\r\n", 5);
    check_all_splits(kind, (const uint8_t *)text, length + count + 4);
    heard got = listen(kind, (const uint8_t *)text, length + count + 4, 0);
    free(text);
    return got;
}

static void test_limits(void **state) {
    (void)state;
    heard got =
        long_line(MT_HTTP_ANSWER, OK "Connection: close\r\nContent-Length: 0\r\nCookie: ", 60000);
    assert_int_equal(got.last, MT_HTTP_END);
    got = long_line(MT_HTTP_ANSWER, OK "Cookie: ", 66000);
    assert_int_equal(got.http.problem, MT_HTTP_HEADER_TOO_LONG);
    got = long_line(MT_HTTP_ANSWER, OK "Transfer-Encoding: chunked\r\n\r\n3;", 66000);
    assert_int_equal(got.http.problem, MT_HTTP_BAD_CHUNK);
    got = long_line(MT_HTTP_ANSWER, OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", 66000);
    assert_int_equal(got.http.problem, MT_HTTP_HEADER_TOO_LONG);
    got = long_line(MT_HTTP_REQUEST, "GET /", 200);
    assert_int_equal(got.http.problem, MT_HTTP_HEADER_TOO_LONG);
}

static void test_requests(void **state) {
    (void)state;
    heard got = request("\r\nPOST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                        "Expect: 100-continue\r\nConnection: close\r\n\r\nhello");
    assert_int_equal(got.last, MT_HTTP_END);
    assert_int_equal(got.http.method, MT_HTTP_METHOD_POST);
    assert_string_equal(got.http.target, "/v1/chat/completions");
    assert_int_equal(got.http.expects, 1);
    assert_int_equal(got.bodies, 5);
    got = request("HEAD /health HTTP/1.0\r\n\r\n");
    assert_int_equal(got.http.method, MT_HTTP_METHOD_HEAD);
    got = request("GET / HTTP/1.1\r\n\r\nPUT /x HTTP/1.0\r\n\r\n");
    assert_int_equal(got.messages, 2);
    assert_int_equal(got.http.method, MT_HTTP_METHOD_OTHER);
    assert_false(got.http.keeps_alive);
    got = request("GET /0123456789012345678901234567890123456789012345678901234567890123456789"
                  "0123456789012345678901234567 "
                  "HTTP/1.0\r\n\r\n");
    assert_int_equal(strlen(got.http.target), MT_HTTP_TARGET - 1);
    static const char *const bad[] = {"GET\r\n\r\n",           "GET /\r\n\r\n",
                                      "GET  HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
                                      " / HTTP/1.1\r\n\r\n",   "GET / HTTP/1.1 \r\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(request(bad[i]).http.problem, MT_HTTP_NOT_HTTP);
}

static void test_addresses(void **state) {
    (void)state;
    struct {
        const char *text, *host, *path, *authority;
        int is_secure, is_ipv6, port;
    } rows[] = {
        {"http://localhost:8000", "localhost", "", "localhost:8000", 0, 0, 8000},
        {"http://localhost", "localhost", "", "localhost", 0, 0, 80},
        {"HTTPS://api.example.com/v1/", "api.example.com", "/v1", "api.example.com", 1, 0, 443},
        {"http://127.0.0.1:1/a/b", "127.0.0.1", "/a/b", "127.0.0.1:1", 0, 0, 1},
        {"http://[::1]:65535/", "::1", "", "[::1]:65535", 0, 1, 65535},
        {"http://[fe80::1%eth0]", "fe80::1%eth0", "", "[fe80::1%eth0]", 0, 1, 80},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_url url;
        mt_error error = {0};
        assert_int_equal(mt_url_read(rows[i].text, &url, &error), MT_OK);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.path.length, strlen(rows[i].path));
        assert_memory_equal(url.path.text, rows[i].path, url.path.length);
        assert_int_equal(url.authority.length, strlen(rows[i].authority));
        assert_memory_equal(url.authority.text, rows[i].authority, url.authority.length);
        assert_int_equal(url.is_secure, rows[i].is_secure);
        assert_int_equal(url.is_ipv6, rows[i].is_ipv6);
        assert_int_equal(url.port, rows[i].port);
    }
}

static void test_addresses_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"localhost:8000", "must begin with http://"},
        {"ftp://a", "must begin with http://"},
        {"", "must begin with http://"},
        {"http://", "names no host"},
        {"http:///v1", "names no host"},
        {"http://:80", "names no host"},
        {"http://a:0", "the port must be"},
        {"http://a:65536", "the port must be"},
        {"http://a:", "the port must be"},
        {"http://a:8o", "the port must be"},
        {"http://[::1]x", "the port must be"},
        {"http://::1", "in brackets"},
        {"http://[::1", "']'"},
        {"http://[]", "names no host"},
        {"http://a b", "not well-formed"},
        {"http://a\x01", "not well-formed"},
        {"http://me:secret@a", "user or password"},
        {"http://a/v1?x=1", "query"},
        {"http://a#x", "query or fragment"},
        {"http://a/v 1", "space"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_url url;
        mt_error error = {0};
        assert_int_equal(mt_url_read(rows[i][0], &url, &error), MT_ERROR_VALUE);
        if (!strstr(error.message, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], error.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_body),    cmocka_unit_test(test_heads),
        cmocka_unit_test(test_chunks),          cmocka_unit_test(test_body_until_close),
        cmocka_unit_test(test_answers_refused), cmocka_unit_test(test_not_http_at_the_first_byte),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_requests),
        cmocka_unit_test(test_addresses),       cmocka_unit_test(test_addresses_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
