/* The mock under load: slots, the queue, its limits, the cache, connections. */
#include "../fuzz/ask.c"

#include "mock_support.h"

#include "base/memory.h"
#include "drive/mock/cache.h"

/* --- load ---------------------------------------------------------------------------------------- */

/* Waits until so many requests are in slots and so many in the queue, by the page of metrics. */
static void wait_until(const running_mock *mock, int running, int waiting) {
    char both[2][80];
    snprintf(both[0], sizeof both[0], "num_requests_running{engine=\"0\",model_name=\"mock\"} %d\n",
             running);
    snprintf(both[1], sizeof both[1], "num_requests_waiting{engine=\"0\",model_name=\"mock\"} %d\n",
             waiting);
    for (int is_so = 0, tries = 0; !is_so; tries++) {
        if (tries > 10000)
            fail_msg("there are never %d in slots and %d in the queue", running, waiting);
        heard *answer = ask(mock, "/metrics", "");
        is_so = strstr(answer->body, both[0]) && strstr(answer->body, both[1]);
        free(answer);
        if (!is_so)
            pause_ms(1);
    }
}

static void test_slots_and_queue(void **state) {
    (void)state;
    static const struct {
        const char *dialect, *body;
        int status, code;
    } rows[] = {
        {"vllm", CHAT_STREAM, 503, 503},
        {"sglang", CHAT_STREAM, 200, 503},
        {"sglang", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", 503, 503},
        {"tgi", CHAT_STREAM, 429, 0},
        {"dynamo", CHAT_STREAM, 529, 529},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        mt_distribution *slow = always(400);
        options.dialect = rows[i].dialect;
        options.slots = 1;
        options.queue = 1;
        options.ttft = slow;
        start_mock(&mock, options);
        int first = connect_to(&mock), second = connect_to(&mock);
        send_request(first, CHAT, CHAT_STREAM);
        wait_until(&mock, 1, 0);
        send_request(second, CHAT, CHAT_STREAM);
        wait_until(&mock, 1, 1);
        heard *answer = ask(&mock, CHAT, rows[i].body);
        assert_int_equal(answer->http.status, rows[i].status);
        assert_true(answer->said.says & MT_SAYS_ERROR);
        assert_int_equal(answer->said.error_status, rows[i].code);
        assert_int_equal(answer->http.retry_after_s, rows[i].status == 200 ? -1 : 1);
        free(answer);
        answer = hear(first);
        assert_int_equal(answer->said.completion_tokens, 3);
        free(answer);
        answer = hear(second);
        assert_int_equal(answer->said.completion_tokens, 3);
        free(answer);
        close(first);
        close(second);
        mt_mock_counts counts = stop_mock(&mock);
        assert_int_equal(counts.answered, 2);
        assert_int_equal(counts.refused, 1);
        mt_distribution_release(slow);
    }
}

static void test_those_who_leave(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    mt_distribution *slow = always(20000);
    options.slots = 1;
    options.ttft = slow;
    start_mock(&mock, options);
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = connect_to(&mock);
        send_request(clients[i], CHAT, CHAT_STREAM);
        wait_until(&mock, 1, i);
    }
    close(clients[1]); /* from the queue */
    wait_until(&mock, 1, 1);
    close(clients[0]); /* its slot is the third's */
    wait_until(&mock, 1, 0);
    close(clients[2]);
    wait_until(&mock, 0, 0);
    heard *answer = ask(&mock, "/metrics", ""); /* they are aborted, and finished in no other way */
    assert_non_null(strstr(answer->body, "finished_reason=\"abort\",model_name=\"mock\"} 3\n"));
    assert_non_null(strstr(answer->body, "finished_reason=\"length\",model_name=\"mock\"} 0\n"));
    assert_non_null(strstr(answer->body, "finished_reason=\"stop\",model_name=\"mock\"} 0\n"));
    assert_non_null(strstr(answer->body, "e2e_request_latency_seconds_count{engine=\"0\","
                                         "model_name=\"mock\"} 0\n"));
    free(answer);
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.aborted, 3);
    assert_int_equal(counts.answered, 0);
    mt_distribution_release(slow);
}

static void test_rate_limit(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.rate_limit = 5;
    start_mock(&mock, options);
    int answered = 0, limited = 0;
    int64_t begun = now_ns();
    for (int i = 0; i < 12; i++) {
        if (i == 8)
            pause_ms(400); /* still within the second */
        heard *answer = ask(&mock, TEXT, "{\"prompt\":\"a\",\"max_tokens\":1}");
        answered += answer->http.status == 200;
        limited += answer->http.status == 429;
        free(answer);
    }
    assert_int_equal(answered + limited, 12);
    /* 5 in any second, however they are spread over it. */
    assert_in_range(answered, 5, 5 * (1 + (now_ns() - begun) / 1000000000));
    stop_mock(&mock);
}

/* --- the cache ----------------------------------------------------------------------------------- */

static int64_t cached_of(const running_mock *mock, const char *prompt) {
    char body[512];
    snprintf(body, sizeof body, "{\"max_tokens\":1,\"prompt\":%s}", prompt);
    heard *answer = ask(mock, TEXT, body);
    assert_int_equal(answer->http.status, 200);
    int64_t cached = answer->said.cached_tokens;
    free(answer);
    return cached;
}

static void test_cache_rules(void **state) {
    (void)state;
    static const struct {
        int hits_all;
        int64_t same, longer, partial;
    } rows[] = {{0, 4, 8, 8}, {1, 8, 8, 10}};
    for (int i = 0; i < 2; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.kv_blocks = 100;
        options.block_size = 4;
        options.hits_all = rows[i].hits_all;
        start_mock(&mock, options);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8]"), 0);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8]"), rows[i].same);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8,9,10]"), rows[i].longer);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8,9,10]"), rows[i].partial);
        assert_int_equal(cached_of(&mock, "[9,2,3,4,5,6,7,8]"), 0); /* the prefix counts */
        free(ask(&mock, "/reset_prefix_cache", "{}"));
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8,9,10]"), 0);
        stop_mock(&mock);
    }
}

/* Each server has its own way to empty the cache, or none. */
static void test_cache_reset_of_dialects(void **state) {
    (void)state;
    struct {
        const char *dialect;
        int vllm, sglang; /* statuses of their ways */
    } rows[] = {{"vllm", 200, 404}, {"sglang", 404, 200}, {"openai", 404, 404}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.kv_blocks = 100;
        options.dialect = rows[i].dialect;
        start_mock(&mock, options);
        heard *first = ask(&mock, "/reset_prefix_cache", "{}");
        heard *second = ask(&mock, "/flush_cache", "{}");
        assert_int_equal(first->http.status, rows[i].vllm);
        assert_int_equal(second->http.status, rows[i].sglang);
        free(first);
        free(second);
        stop_mock(&mock);
    }
}

/* The oldest block leaves; so a prompt that is larger than the cache never hits. */
static void test_cache_size(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.kv_blocks = 2;
    options.block_size = 2;
    start_mock(&mock, options);
    assert_int_equal(cached_of(&mock, "\"a b c d e\""), 0);
    assert_int_equal(cached_of(&mock, "\"a b c d e\""), 4);
    assert_int_equal(cached_of(&mock, "\"x y z\""), 0); /* "a b" leaves */
    assert_int_equal(cached_of(&mock, "\"a b c d e\""), 0);
    assert_int_equal(cached_of(&mock, "\"a b c d e f g\""), 4);
    assert_int_equal(cached_of(&mock, "\"a b c d e f g\""), 0);
    stop_mock(&mock);
}

/* Against a list that is searched from its newest end. */
static void test_cache_against_a_list(void **state) {
    (void)state;
    enum { BLOCKS = 50, KEYS = 90, USES = 200000 };
    mt_mock_cache *cache = mt_mock_cache_new(BLOCKS);
    uint64_t list[BLOCKS], random = 1;
    size_t count = 0, hits = 0;
    for (int i = 0; i < USES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t key = (random >> 33) % KEYS * ((random >> 60) % 3 + 1) % KEYS;
        size_t at = 0;
        while (at < count && list[at] != key)
            at++;
        int wanted = at < count;
        if (!wanted)
            at = count < BLOCKS ? count++ : BLOCKS - 1;
        memmove(list + 1, list, at * sizeof *list);
        list[0] = key;
        hits += (size_t)wanted;
        /* Few different low halves: many share a slot. */
        assert_int_equal(mt_mock_cache_use(cache, (mt_key){key % 7, key}), wanted);
        assert_int_equal(mt_mock_cache_count(cache), count);
    }
    assert_in_range(hits, USES / 10, USES * 9 / 10);
    mt_mock_cache_clear(cache);
    assert_int_equal(mt_mock_cache_use(cache, (mt_key){1, 1}), 0);
    mt_mock_cache_free(cache);
}

/* --- connections --------------------------------------------------------------------------------- */

static void test_requests_in_pieces(void **state) {
    (void)state;
    running_mock mock;
    start_mock(&mock, quick());
    int fd = connect_to(&mock);
    static const char text[] =
        "POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{\"pro\r\n18\r\nmpt\":\"a b\",\"max_tokens\":\r\n2\r\n4}\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(send(fd, text + i, 1, 0), 1);
        if (i % 8 == 0)
            pause_ms(1);
    }
    heard *answer = hear(fd);
    assert_int_equal(answer->http.status, 200);
    assert_int_equal(answer->said.completion_tokens, 4);
    free(answer);
    /* Three at once, the last with a head that waits for "100 Continue". */
    send_text(
        fd, "GET /health HTTP/1.1\r\n\r\nPOST /v1/completions HTTP/1.1\r\nContent-Length: 29\r\n"
            "\r\n{\"prompt\":\"a\",\"max_tokens\":3}POST /tokenize HTTP/1.1\r\nExpect: 100-continue"
            "\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"prompt\":[5]}");
    char got[4096];
    size_t length = 0;
    for (ssize_t count; (count = recv(fd, got + length, sizeof got - 1 - length, 0)) > 0;)
        length += (size_t)count;
    got[length] = '\0';
    const char *first = strstr(got, "content-length: 0"),
               *second = strstr(got, "\"completion_tokens\":3");
    const char *third = strstr(got, "HTTP/1.1 100 Continue\r\n\r\n"),
               *fourth = strstr(got, "\"tokens\":[5]");
    assert_true(first && second && third && fourth);
    assert_true(first < second && second < third && third < fourth);
    assert_non_null(strstr(third, "connection: close"));
    close(fd);
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.connections, 1);
}

static void test_bad_requests(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"hello\r\n\r\n", "not HTTP"},
        {"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "Content-Length"},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "chunk"},
        {"POST /tokenize HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", NULL}};
    running_mock mock;
    start_mock(&mock, quick());
    for (size_t i = 0; i < 3; i++) {
        int fd = connect_to(&mock);
        send_text(fd, rows[i][0]);
        heard *answer = hear(fd);
        assert_int_equal(answer->http.status, 400);
        assert_non_null(strstr(answer->body, rows[i][1]));
        assert_false(answer->http.keeps_alive);
        char byte;
        assert_int_equal(recv(fd, &byte, 1, 0), 0);
        free(answer);
        close(fd);
    }
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.requests, 0);
}

static void test_connections_that_end(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.requests_per_connection = 3;
    options.idle_s = 0.1;
    start_mock(&mock, options);
    int fd = connect_to(&mock);
    for (int i = 0; i < 3; i++) {
        send_request(fd, TEXT, "{\"prompt\":\"a\"}");
        heard *answer = hear(fd);
        assert_int_equal(answer->http.keeps_alive, i < 2);
        free(answer);
    }
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    /* Idle after an answer; a connection that never asked is let be. */
    int fresh = connect_to(&mock);
    fd = connect_to(&mock);
    send_request(fd, "/health", "");
    free(hear(fd));
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    send_request(fresh, "/health", "");
    heard *answer = hear(fresh);
    assert_int_equal(answer->http.status, 200);
    free(answer);
    close(fresh);
    stop_mock(&mock);
}

/* An answer that is larger than a socket's buffers, to a client that reads late. */
static void test_slow_reader(void **state) {
    (void)state;
    running_mock mock;
    start_mock(&mock, quick());
    int fd = connect_to(&mock), small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_request(fd, TEXT, "{\"prompt\":\"a\",\"max_tokens\":500000}");
    pause_ms(50);
    size_t length = 0;
    char bytes[65536];
    mt_http http;
    mt_http_begin(&http, MT_HTTP_ANSWER);
    int what = MT_HTTP_MORE;
    while (what != MT_HTTP_END) {
        ssize_t count = recv(fd, bytes, sizeof bytes, 0);
        assert_true(count > 0);
        mt_span unread = {bytes, (size_t)count}, body;
        while ((what = mt_http_next(&http, &unread, &body)) == MT_HTTP_HEAD || what == MT_HTTP_BODY)
            length += what == MT_HTTP_BODY ? body.length : 0;
    }
    assert_int_equal(length, http.content_length);
    assert_true(length > 2000000);
    send_request(fd, "/health", ""); /* and it goes on */
    heard *answer = hear(fd);
    assert_int_equal(answer->http.status, 200);
    free(answer);
    close(fd);
    stop_mock(&mock);
}

static void test_opening(void **state) {
    (void)state;
    mt_distribution *zero = always(0);
    mt_mock_options options = quick();
    mt_error error = {0};
    options.ttft = options.itl = options.tokens_per_chunk = zero;
    mt_mock *first = mt_mock_open(&options, &error);
    assert_non_null(first);
    options.port = mt_mock_port(first);
    assert_null(mt_mock_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_non_null(strstr(error.message, "in use"));
    mt_mock_free(first);
    options.host = "no.such.host";
    assert_null(mt_mock_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    options.host = "127.0.0.1";
    options.dialect = "klingon";
    assert_null(mt_mock_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    /* The n-th allocation fails, until none does. */
    options = quick();
    options.ttft = options.itl = options.tokens_per_chunk = zero;
    options.kv_blocks = 100;
    mt_mock *opened = NULL;
    uint64_t n = 0;
    while (!opened) {
        mt_memory_fail_at(++n, 1);
        opened = mt_mock_open(&options, &error);
        mt_memory_fail_at(0, 0);
        assert_true(opened || error.code == MT_ERROR_MEMORY);
    }
    assert_in_range(n, 4, 10);
    mt_mock_free(opened);
    mt_distribution_release(zero);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_and_queue),
        cmocka_unit_test(test_those_who_leave),
        cmocka_unit_test(test_rate_limit),
        cmocka_unit_test(test_cache_rules),
        cmocka_unit_test(test_cache_reset_of_dialects),
        cmocka_unit_test(test_cache_size),
        cmocka_unit_test(test_cache_against_a_list),
        cmocka_unit_test(test_requests_in_pieces),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_connections_that_end),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
