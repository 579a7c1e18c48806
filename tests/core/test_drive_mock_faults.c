/* The mock's failures, each as a client sees it; its times; its log; that a seed gives the same. */
#include "mock_support.h"

#include "base/memory.h"

static const char stream[] = "{\"prompt\":\"a b\",\"max_tokens\":6,\"stream\":true}";
static const char whole[] = "{\"prompt\":\"a b\",\"max_tokens\":6}";

static void test_names(void **state) {
    (void)state;
    static const char *const known[] = {
        "refused",          "first_byte_timeout", "gap_timeout",     "stall",
        "total_timeout",    "reset_before_byte",  "reset_in_header", "reset_mid_stream",
        "closed_mid_event", "closed_before_byte", "not_http",        "bad_chunk_size",
        "status",           "status_404",         "status_599",      "overload",
        "error_event",      "malformed",          "truncated",       "no_content",
        "no_done",          "stale_connection"};
    static const char *const unknown[] = {"",
                                          "ok",
                                          "name_unknown",
                                          "tls",
                                          "not_sent",
                                          "status_200",
                                          "status_600",
                                          "status_4xx",
                                          "status_4000",
                                          "cancelled_after",
                                          "no_descriptor"};
    mt_mock_fault fault;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mt_mock_fault_by_name(known[i], &fault) != 0)
            fail_msg("%s", known[i]);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        if (mt_mock_fault_by_name(unknown[i], &fault) != -1)
            fail_msg("%s", unknown[i]);
    assert_int_equal(mt_mock_fault_by_name("status_418", &fault), 0);
    assert_int_equal(fault.status, 418);
}

static void start_failing(running_mock *mock, mt_mock_fault *fault, const char *name,
                          const char *dialect) {
    mt_mock_options options = quick();
    assert_int_equal(mt_mock_fault_by_name(name, fault), 0);
    fault->share = 1;
    options.faults = fault;
    options.fault_count = 1;
    options.dialect = dialect;
    start_mock(mock, options);
}

/* How it ended: HTTP's problem, the status, the events. */
static void test_each_failure(void **state) {
    (void)state;
    static const struct {
        const char *name, *body;
        int status, problem, os_error;
        const char *shape, *text;
    } rows[] = {
        {"reset_before_byte", stream, 0, MT_HTTP_CLOSED_BEFORE_BYTE, ECONNRESET, "", NULL},
        {"closed_before_byte", stream, 0, MT_HTTP_CLOSED_BEFORE_BYTE, 0, "", NULL},
        {"reset_in_header", stream, 200, MT_HTTP_CLOSED_IN_HEADER, ECONNRESET, "", NULL},
        {"reset_mid_stream", stream, 200, MT_HTTP_CLOSED_IN_BODY, ECONNRESET, "C C C", NULL},
        {"reset_mid_stream", whole, 200, MT_HTTP_CLOSED_IN_BODY, ECONNRESET, "", NULL},
        {"closed_mid_event", stream, 200, MT_HTTP_CLOSED_IN_BODY, 0, "C C C", "data: {\"id\":\""},
        {"closed_mid_event", whole, 200, MT_HTTP_CLOSED_IN_BODY, 0, "", NULL},
        {"not_http", stream, 0, MT_HTTP_NOT_HTTP, 0, "", NULL},
        {"bad_chunk_size", stream, 200, MT_HTTP_BAD_CHUNK, 0, "C C C", NULL},
        {"bad_chunk_size", whole, 200, MT_HTTP_BAD_CHUNK, 0, "", NULL},
        {"status", stream, 500, MT_HTTP_FINE, 0, "", "\"code\":500"},
        {"status_418", stream, 418, MT_HTTP_FINE, 0, "", "\"code\":418"},
        {"overload", stream, 503, MT_HTTP_FINE, 0, "", "\"code\":503"},
        {"error_event", stream, 200, MT_HTTP_FINE, 0, "C C C E D", NULL},
        {"error_event", whole, 200, MT_HTTP_FINE, 0, "", "{\"error\":{\"message\":"},
        {"malformed", stream, 200, MT_HTTP_FINE, 0, "", "<html>"},
        {"truncated", stream, 200, MT_HTTP_FINE, 0, "C C C", NULL},
        {"truncated", whole, 200, MT_HTTP_FINE, 0, "", "\"finish_reason\":null"},
        {"no_content", stream, 200, MT_HTTP_FINE, 0, "F D", NULL},
        {"no_content", whole, 200, MT_HTTP_FINE, 0, "", "\"text\":\"\""},
        {"no_done", stream, 200, MT_HTTP_FINE, 0, "C C C C C CF", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_fault fault;
        start_failing(&mock, &fault, rows[i].name, "vllm");
        heard *answer = ask(&mock, TEXT, rows[i].body);
        if (answer->http.problem != rows[i].problem || answer->http.status != rows[i].status ||
            answer->os_error != rows[i].os_error || strcmp(answer->shape, rows[i].shape) != 0)
            fail_msg("%s: status %d, %s, %s, events %s", rows[i].name, answer->http.status,
                     mt_http_problem_text(answer->http.problem), strerror(answer->os_error),
                     answer->shape);
        if (rows[i].text && !strstr(answer->body, rows[i].text))
            fail_msg("%s: %s", rows[i].name, answer->body);
        free(answer);
        mt_mock_counts counts = stop_mock(&mock);
        assert_int_equal(counts.requests, 1);
        assert_int_equal(counts.failed, 1);
        assert_int_equal(counts.answered + counts.refused + counts.aborted, 0);
    }
}

/* Those that go on for ever: what comes in 0.3 s. */
static void test_failures_that_last(void **state) {
    (void)state;
    static const struct {
        const char *name, *wanted;
        int comments;
    } rows[] = {{"first_byte_timeout", NULL, 0},
                {"stall", "\"text\"", 0},
                {"total_timeout", "\"text\"", 1}};
    for (size_t i = 0; i < 3; i++) {
        running_mock mock;
        mt_mock_fault fault;
        start_failing(&mock, &fault, rows[i].name, "vllm");
        int fd = connect_to(&mock);
        struct timeval patience = {0, 250000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        send_request(fd, TEXT, stream);
        pause_ms(300);
        char got[8192];
        ssize_t length = recv(fd, got, sizeof got - 1, 0);
        got[length > 0 ? length : 0] = '\0';
        assert_int_equal(strstr(got, "text/event-stream") != NULL, rows[i].wanted != NULL);
        assert_int_equal(strstr(got, "\r\n:\n\n\r\n") != NULL, rows[i].comments);
        assert_null(strstr(got, "[DONE]"));
        length = recv(fd, got, sizeof got, 0);
        assert_true(rows[i].comments ? length > 0 : length < 0 && errno == EAGAIN);
        close(fd);
        pause_ms(20);
        mt_mock_counts counts = stop_mock(&mock);
        assert_int_equal(counts.failed, 1);
        assert_int_equal(counts.aborted, 0);
    }
}

/* Each failure is one "failed" of the log and no other end; what broke off midway is none that finished. Neither
 * what is asked for beside the model nor what a client leaves before its failure is a failure's. */
static void test_each_failure_in_the_log(void **state) {
    static const struct {
        const char *name, *body;
        int finishes;
    } rows[] = {
        {"reset_before_byte", stream, 0}, {"closed_before_byte", stream, 0},
        {"reset_in_header", stream, 0},   {"reset_mid_stream", stream, 0},
        {"closed_mid_event", stream, 0},  {"not_http", stream, 0},
        {"bad_chunk_size", stream, 0},    {"status_418", stream, 0},
        {"overload", stream, 0},          {"error_event", stream, 0},
        {"error_event", whole, 0},        {"malformed", stream, 0},
        {"truncated", stream, 0},         {"truncated", whole, 0},
        {"no_content", stream, 1},        {"no_done", stream, 1},
    };
    const char *path = in_folder(state, "log.csv");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_fault fault;
        mt_mock_options options = quick();
        assert_int_equal(mt_mock_fault_by_name(rows[i].name, &fault), 0);
        fault.share = 1;
        options.faults = &fault;
        options.fault_count = 1;
        options.log = path;
        start_mock(&mock, options);
        free(ask(&mock, TEXT, rows[i].body));
        free(ask(&mock, "/nowhere", ""));
        heard *page = ask(&mock, "/metrics", "");
        int finished = !strstr(page->body, "finished_reason=\"length\",model_name=\"mock\"} 0");
        free(page);
        assert_int_equal(stop_mock(&mock).failed, 1);
        char log[512] = "";
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        log[fread(log, 1, sizeof log - 1, file)] = '\0';
        fclose(file);
        const char *failed = strstr(log, "\n0,failed,");
        if (finished != rows[i].finishes || !failed || strchr(failed + 1, '\n')[1] != '\0' ||
            strstr(log, ",end,") || strstr(log, ",refused,"))
            fail_msg("%s: finished %d, log %s", rows[i].name, finished, log);
    }
}

static void test_left_before_its_failure(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_fault fault;
    mt_mock_options options = quick();
    mt_distribution *ttft = always(60000);
    assert_int_equal(mt_mock_fault_by_name("truncated", &fault), 0);
    fault.share = 1;
    options.faults = &fault;
    options.fault_count = 1;
    options.ttft = ttft;
    start_mock(&mock, options);
    int fd = connect_to(&mock);
    send_request(fd, TEXT, whole);
    pause_ms(20);
    close(fd);
    pause_ms(20);
    mt_mock_counts counts = stop_mock(&mock);
    mt_distribution_release(ttft);
    assert_int_equal(counts.aborted, 1);
    assert_int_equal(counts.failed, 0);
}

static void test_refused(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_fault fault;
    start_failing(&mock, &fault, "refused", "vllm");
    assert_int_equal(connect_to(&mock), -1);
    assert_int_equal(errno, ECONNREFUSED);
    stop_mock(&mock);
    /* Half of each second. */
    mt_mock_options options = quick();
    fault.share = 0.5;
    options.faults = &fault;
    options.fault_count = 1;
    start_mock(&mock, options);
    int refused = 0, served = 0;
    for (int i = 0; i < 60; i++) {
        int fd = connect_to(&mock);
        refused += fd < 0;
        if (fd >= 0) {
            send_request(fd, "/health", "");
            heard *answer = hear(fd);
            served += answer->http.status == 200;
            free(answer);
            close(fd);
        }
        pause_ms(40);
    }
    assert_in_range(refused, 6, 54);
    assert_in_range(served, 6, 54);
    stop_mock(&mock);
}

static void test_stale_connection(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_fault fault;
    start_failing(&mock, &fault, "stale_connection", "vllm");
    int fd = connect_to(&mock);
    send_request(fd, TEXT, whole);
    heard *answer = hear(fd);
    assert_int_equal(answer->http.status, 200);
    free(answer);
    send_request(fd, TEXT, whole);
    answer = hear(fd);
    assert_int_equal(answer->http.problem, MT_HTTP_CLOSED_BEFORE_BYTE);
    free(answer);
    close(fd);
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.answered, 1);
    assert_int_equal(counts.failed, 1);
}

/* In 400 requests of which 30 % and 20 % fail, by a chi-square with two degrees of freedom at 0.1 %:
 * 13.8. The same seed fails the same ones. */
static void test_shares(void **state) {
    (void)state;
    enum { REQUESTS = 400 };
    static int statuses[2][REQUESTS];
    for (int run = 0; run < 2; run++) {
        running_mock mock;
        mt_mock_fault faults[2];
        mt_mock_options options = quick();
        mt_mock_fault_by_name("status_500", &faults[0]);
        mt_mock_fault_by_name("overload", &faults[1]);
        faults[0].share = 0.3;
        faults[1].share = 0.2;
        options.faults = faults;
        options.fault_count = 2;
        options.seed = 7;
        start_mock(&mock, options);
        int fd = connect_to(&mock);
        double counts[3] = {0};
        for (int i = 0; i < REQUESTS; i++) {
            send_request(fd, TEXT, whole);
            heard *answer = hear(fd);
            statuses[run][i] = answer->http.status;
            counts[answer->http.status == 500 ? 0 : answer->http.status == 503 ? 1 : 2]++;
            free(answer);
        }
        close(fd);
        stop_mock(&mock);
        double expected[3] = {0.3 * REQUESTS, 0.2 * REQUESTS, 0.5 * REQUESTS}, chi_square = 0;
        for (int i = 0; i < 3; i++)
            chi_square += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
        assert_true(chi_square < 13.8);
    }
    assert_memory_equal(statuses[0], statuses[1], sizeof statuses[0]);
}

/* --- times -------------------------------------------------------------------------------------- */

/* Milliseconds that an answer takes; the machine may add some. */
static double taken_ms(const running_mock *mock, const char *body) {
    int64_t begun = now_ns();
    heard *answer = ask(mock, TEXT, body);
    assert_int_equal(answer->http.status, 200);
    free(answer);
    return (double)(now_ns() - begun) * 1e-6;
}

/* An answer takes so many milliseconds: never less, and one of many no more than 15 above, for other programs may
 * have the machine in between. How often it was asked for. */
static int assert_takes(const running_mock *mock, const char *body, double wanted) {
    double least = 1e9;
    int asked = 0;
    for (; asked < 60 && least > wanted + 15; asked++) {
        double taken = taken_ms(mock, body);
        least = taken < least ? taken : least;
    }
    if (least < wanted || least > wanted + 15)
        fail_msg("%.3f ms instead of %.3f", least, wanted);
    return asked;
}

static void test_times(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    mt_distribution *ttft = always(20), *itl = always(6), *two = always(2);
    options.ttft = ttft;
    options.itl = itl;
    options.prefill_per_token_ms = 2;
    options.kv_blocks = 10;
    options.block_size = 4;
    start_mock(&mock, options);
    /* 20 ms, 2 tokens of 2 ms, 5 gaps of 6 ms. */
    assert_takes(&mock, stream, 20 + 4 + 30);
    assert_takes(&mock, whole, 20 + 4 + 30);
    /* 5 of 9 tokens are cached the second time. */
    static const char nine[] = "{\"prompt\":[1,2,3,4,5,6,7,8,9],\"max_tokens\":1,\"stream\":true}";
    assert_true(taken_ms(&mock, nine) >= 20 + 18);
    assert_takes(&mock, nine, 20 + 2);
    stop_mock(&mock);
    options.tokens_per_chunk = two;
    options.prefill_per_token_ms = 0;
    start_mock(&mock, options);
    assert_takes(&mock, stream, 20 + 4 * 6); /* chunks of tokens 2, 4 and 6 */
    stop_mock(&mock);
    mt_distribution_release(ttft);
    mt_distribution_release(itl);
    mt_distribution_release(two);
}

/* Two run in two slots: all takes three times as long. */
static void test_load_factor(void **state) {
    (void)state;
    static const char one_token[] = "{\"prompt\":\"a b\",\"max_tokens\":1}";
    static const char endless[] = "{\"prompt\":\"a\",\"max_tokens\":100000,\"stream\":true}";
    running_mock mock;
    mt_mock_options options = quick();
    mt_distribution *ttft = always(30), *itl = always(20);
    options.ttft = ttft;
    options.itl = itl;
    options.slots = 2;
    options.load_factor = 3;
    start_mock(&mock, options);
    assert_takes(&mock, one_token, 30);
    int other = connect_to(&mock);
    send_request(other, TEXT, endless);
    char byte;
    assert_int_equal(1, recv(other, &byte, 1, 0)); /* it runs, and is at no end */
    assert_takes(&mock, one_token, 90);
    close(other);
    stop_mock(&mock);
    mt_distribution_release(ttft);
    mt_distribution_release(itl);
}

/* A silence of 600 ms is broken every 100 ms: less often where other programs have the machine. */
static void test_ping(void **state) {
    (void)state;
    for (int is_stream = 0; is_stream < 2; is_stream++) {
        running_mock mock;
        mt_mock_options options = quick();
        mt_distribution *ttft = always(600);
        options.ttft = ttft;
        options.ping_s = 0.1;
        start_mock(&mock, options);
        heard *answer = ask(&mock, TEXT, is_stream ? stream : whole);
        int comments = 0;
        for (const char *at = answer->body; (at = strstr(at, ":\n\n")); at++)
            comments++;
        assert_in_range(comments, is_stream ? 2 : 0, is_stream ? 6 : 0);
        assert_string_equal(answer->shape, is_stream ? "C C C C C CF D" : "");
        free(answer);
        assert_takes(&mock, is_stream ? stream : whole, 600);
        stop_mock(&mock);
        mt_distribution_release(ttft);
    }
}

static mt_code time_by_length(void *context, mt_mock_timing *timing, mt_error *error) {
    (void)error;
    *(mt_mock_timing *)context = *timing;
    if (timing->prompt_tokens == 5)
        return mt_fail(error, MT_ERROR_CALLBACK, "five is too much");
    timing->ttft_ms = 10 * (double)timing->prompt_tokens;
    timing->itl_ms = 4;
    return MT_OK;
}

static void test_timing_function(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_timing seen = {0};
    mt_mock_options options = quick();
    options.timing = time_by_length;
    options.timing_context = &seen;
    start_mock(&mock, options);
    int asked = assert_takes(&mock, stream, 20 + 5 * 4);
    assert_int_equal(seen.prompt_tokens, 2);
    assert_int_equal(seen.output_tokens, 6);
    assert_int_equal(seen.running, 1);
    assert_int_equal(seen.number, asked - 1);
    assert_true(seen.itl_ms < 0);
    int fd = connect_to(&mock);
    send_request(fd, TEXT, "{\"prompt\":\"a b c d e\"}");
    while (!mock.is_over)
        pause_ms(1);
    close(fd);
    assert_int_equal(mock.code, MT_ERROR_CALLBACK);
    assert_string_equal(mock.error.message, "five is too much");
    stop_mock(&mock);
}

/* The log's lines: request, event, tokens, time. */
static void test_log(void **state) {
    running_mock mock;
    const char *path = in_folder(state, "log.csv");
    mt_mock_options options = quick();
    mt_distribution *itl = always(5);
    options.itl = itl;
    options.log = path;
    start_mock(&mock, options);
    int64_t begun = now_ns();
    free(ask(&mock, TEXT, stream));
    int64_t ended = now_ns();
    free(ask(&mock, TEXT, "{"));
    stop_mock(&mock);
    mt_distribution_release(itl);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static const char *const events[] = {"received", "tokens", "tokens", "tokens",   "tokens",
                                         "tokens",   "tokens", "end",    "received", "refused"};
    char line[128], event[32];
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "request,event,tokens,time_ns\n");
    long long before = begun, request, tokens, time, tokens_at[7] = {0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(fscanf(file, "%lld,%31[a-z],%lld,%lld\n", &request, event, &tokens, &time),
                         4);
        assert_string_equal(event, events[i]);
        assert_int_equal(request, i >= 8);
        assert_true(time >= before && (i >= 7 || time <= ended));
        before = time;
        if (i < 7)
            tokens_at[i] = time;
        assert_int_equal(tokens, i >= 1 && i <= 6 ? 1 : i == 7 ? 6 : 0);
    }
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    assert_true(tokens_at[6] - tokens_at[0] >= 25000000); /* a late one delays no other */
}

static void test_seeds(void **state) {
    (void)state;
    char *bodies[3];
    for (int i = 0; i < 3; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.seed = i == 2 ? 6 : 5;
        mt_distribution *lengths = mt_distribution_uniform(mt_number(3), mt_number(40), NULL);
        options.output_tokens = lengths;
        start_mock(&mock, options);
        heard *answer = ask(&mock, TEXT, "{\"prompt\":\"a\",\"max_tokens\":100}");
        bodies[i] = mt_copy_text(answer->said.content.text, answer->said.content.length);
        free(answer);
        stop_mock(&mock);
        mt_distribution_release(lengths);
    }
    assert_string_equal(bodies[0], bodies[1]);
    assert_string_not_equal(bodies[0], bodies[2]);
    for (int i = 0; i < 3; i++)
        mt_free(bodies[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_each_failure),
        cmocka_unit_test(test_failures_that_last),
        cmocka_unit_test_setup_teardown(test_each_failure_in_the_log, make_folder, remove_folder),
        cmocka_unit_test(test_left_before_its_failure),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stale_connection),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_load_factor),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_timing_function),
        cmocka_unit_test_setup_teardown(test_log, make_folder, remove_folder),
        cmocka_unit_test(test_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
