/* Steps that leave requests out and steps that move them; copying what they give. */
#include "skip_support.h"
#include "steps_support.h"
#include "sweep.h"
#include "trace/step/shard.h"
#include "trace_support.h"

static const char four[] = "{\"timestamp\": 0}\n{\"timestamp\": 1000}\n{\"timestamp\": 1000, "
                           "\"delay\": 3}\n{\"timestamp\": 2000.5}\n";

static mt_source *source_of_four(void **state) {
    return source_of(state, "in.jsonl", four);
}

static void test_copy(void **state) {
    gives(state, source_of_four(state), four);
    gives(state, source_of(state, "in.jsonl", ""), "");
    fails_after(state, source_of(state, "in.jsonl", "{}\n{\"delay\": -1}\n"), "{}\n",
                MT_ERROR_INPUT, 2, "delay");
    /* At most so many at a time. */
    mt_source *source = source_of_four(state);
    mt_output *output = mt_output_open(in_folder(state, "out.jsonl"), NULL);
    mt_trace_format compact = {.compact = 1, .timestamp_digits = 0};
    mt_written written;
    assert_int_equal(mt_source_write(source, output, &compact, 3, &written, NULL), MT_OK);
    assert_int_equal(written.count, 3);
    assert_int_equal(written.last_ns, 1000000000);
    assert_int_equal(mt_source_write(source, output, &compact, 3, &written, NULL), MT_OK);
    assert_int_equal(written.count, 1);
    assert_int_equal(written.last_ns, 2000500000);
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    mt_source_free(source);
    assert_content(in_folder(state, "out.jsonl"),
                   "{\"timestamp\":0}\n{\"timestamp\":1000}\n{\"timestamp\":1000,\"delay\":3}\n"
                   "{\"timestamp\":2001}\n");
}

static void test_real_trace_is_the_same(void **state) {
    char command[3 * PATH_SIZE];
    const char *path = real_data("mooncake_conversation_trace.jsonl");
    uint64_t written;
    mt_error error;
    mt_source *source = mt_source_open(path, 0, &error);
    assert_int_equal(write_all(state, source, &written, &error), MT_OK);
    assert_int_equal(written, 12031);
    snprintf(command, sizeof command, "cmp '%s' '%s'", path, in_folder(state, "out.jsonl"));
    assert_int_equal(system(command), 0); // NOLINT: paths of ours
}

static void test_columns(void **state) {
    mt_columns columns = {0};
    uint64_t count;
    mt_error error;
    mt_source *source = source_of_four(state);
    assert_int_equal(mt_source_collect(source, &columns, 3, &count, &error), MT_OK);
    assert_int_equal(count, 3);
    assert_int_equal(mt_source_collect(source, &columns, 3, &count, &error), MT_OK);
    assert_int_equal(count, 1);
    mt_source_free(source);
    assert_int_equal(columns.count, 4);
    source = mt_source_columns(&columns, &error);
    assert_int_equal(columns.readers, 1);
    assert_string_equal(mt_source_name(source), "columns");
    assert_int_equal(mt_source_skipped(source, &error), 0);
    assert_int_equal(error.code, MT_OK);
    gives(state, source, four);
    assert_int_equal(columns.readers, 0);
    mt_columns_free(&columns);
}

static void test_first(void **state) {
    mt_error error;
    gives(state, mt_step_first(source_of_four(state), 1, &error), "{\"timestamp\": 0}\n");
    gives(state, mt_step_first(source_of_four(state), 0, &error), "");
    gives(state, mt_step_first(source_of_four(state), 9, &error), four);
}

static void test_window(void **state) {
    mt_error error;
    int64_t start = INT64_C(1000000000), end = INT64_C(2000500000);
    gives(state, mt_step_window(source_of_four(state), start, end, 0, &error),
          "{\"timestamp\": 1000}\n{\"timestamp\": 1000, \"delay\": 3}\n");
    gives(state, mt_step_window(source_of_four(state), INT64_MIN, start, 0, &error),
          "{\"timestamp\": 0}\n");
    gives(state, mt_step_window(source_of_four(state), end, end + 1, 0, &error),
          "{\"timestamp\": 2000.5}\n");
    /* Order is looked at beyond the window's end too. */
    static const char back[] = "{\"timestamp\": 1000}\n{\"timestamp\": 9000}\n"
                               "{\"timestamp\": 8999.5}\n";
    fails_after(state, mt_step_window(source_of(state, "in.jsonl", back), 0, end, 0, &error),
                "{\"timestamp\": 1000}\n", MT_ERROR_INPUT, 3,
                "timestamp 8999.5 is smaller than the 9000 before it");
    fails_after(state,
                mt_step_window(source_of(state, "in.jsonl", "{\"delay\": 1}\n"), 0, end, 0, &error),
                "", MT_ERROR_INPUT, 1, "no timestamp");
    gives(state, mt_step_window(source_of_four(state), 1, 2, 0, &error), "");
    fails_after(state, mt_step_window(source_of_four(state), 1, 2, 1, &error), "", MT_ERROR_INPUT,
                0, "none of 4 requests lies in the window: the trace goes from 0 to 2.0005");
    gives(state, mt_step_window(source_of(state, "in.jsonl", ""), 1, 2, 1, &error), "");
}

/* ---- filters ---- */

static int released;

static int keep_delays(void *context, const mt_request *request, mt_error *error) {
    (void)error;
    ++*(int *)context;
    return (request->has & MT_HAS_DELAY) != 0;
}

static int keep_fails(void *context, const mt_request *request, mt_error *error) {
    (void)context;
    if (request->time_ns == 0)
        return 1;
    return mt_fail(error, MT_ERROR_CALLBACK, "no opinion"), -1;
}

static void release(void *context) {
    (void)context;
    released++;
}

static void test_where(void **state) {
    mt_error error;
    int seen = 0;
    released = 0;
    mt_filter filter = {keep_delays, release, &seen};
    gives(state, mt_step_where(source_of_four(state), &filter, &error),
          "{\"timestamp\": 1000, \"delay\": 3}\n");
    assert_int_equal(seen, 4);
    assert_int_equal(released, 1);
    filter.keep = keep_fails;
    fails_after(state, mt_step_where(source_of_four(state), &filter, &error),
                "{\"timestamp\": 0}\n", MT_ERROR_CALLBACK, 2, "no opinion");
    assert_null(mt_step_where(NULL, &filter, &error));
    assert_int_equal(released, 3);
}

/* ---- sessions kept together ---- */

enum { REQUESTS = 4000, SESSIONS = 700, TEXT_SIZE = REQUESTS * 64 };

/* Requests of sessions in a mixed order, every tenth without one. */
static const char *session_lines(void) {
    static char text[TEXT_SIZE];
    uint64_t random = 5;
    char *to = text;
    for (int i = 0; i < REQUESTS; i++) {
        if (i % 10 == 9)
            to += sprintf(to, "{\"timestamp\": %d}\n", i); // NOLINT
        else
            to += sprintf(to, "{\"timestamp\": %d, \"session_id\": \"s%d\"}\n", i, // NOLINT
                          (int)below(&random, SESSIONS));
    }
    return text;
}

/* Which requests, by their time, a source gives: 1 in kept. Frees it. */
static size_t requests_of(mt_source *source, char *kept) {
    mt_request request;
    size_t count = 0;
    memset(kept, 0, REQUESTS);
    while (mt_source_next(source, &request, NULL) == 1) {
        kept[request.time_ns / 1000000] = 1;
        count++;
    }
    mt_source_free(source);
    return count;
}

/* Of every session all requests are kept or none. */
static void assert_whole_sessions(void **state, const char *kept) {
    mt_texts sessions = {0};
    static signed char is_kept[SESSIONS];
    memset(is_kept, -1, sizeof is_kept);
    mt_source *all = source_of(state, "in.jsonl", session_lines());
    mt_request request;
    while (mt_source_next(all, &request, NULL) == 1) {
        uint32_t number;
        if (!(request.has & MT_HAS_SESSION))
            continue;
        mt_texts_intern(&sessions, request.session.text, request.session.length, &number);
        signed char now = kept[request.time_ns / 1000000];
        assert_true(is_kept[number] < 0 || is_kept[number] == now);
        is_kept[number] = now;
    }
    mt_source_free(all);
    mt_texts_free(&sessions);
}

static mt_source *thinned(void **state, double share, uint64_t seed) {
    return mt_step_thin(source_of(state, "in.jsonl", session_lines()), share, seed, NULL);
}

static void test_thin(void **state) {
    static char few[REQUESTS], many[REQUESTS], other[REQUESTS];
    size_t count = requests_of(thinned(state, 0.3, 1), few);
    /* 700 sessions of 5.1 requests on average: 1200 requests, standard deviation about 65. */
    assert_in_range(count, 1200 - 200, 1200 + 200);
    assert_whole_sessions(state, few);
    requests_of(thinned(state, 0.7, 1), many);
    for (size_t i = 0; i < REQUESTS; i++)
        assert_true(!few[i] || many[i]);
    requests_of(thinned(state, 0.3, 2), other);
    assert_memory_not_equal(few, other, REQUESTS);
    assert_int_equal(requests_of(thinned(state, 0, 1), few), 0);
    assert_int_equal(requests_of(thinned(state, 1, 1), few), REQUESTS);
    mt_error error;
    refused(mt_step_thin(source_of_four(state), 1.5, 0, &error), &error, "between 0 and 1");
    refused(mt_step_thin(source_of_four(state), 0.0 / 0.0, 0, &error), &error, "between 0 and 1");
}

/* Whoever waits for another stays with it, and so does who waits for both: when that is looked
 * up. */
static void test_components(void **state) {
    static const char three[] =
        "{\"timestamp\": 0, \"request_id\": \"a\"}\n{\"timestamp\": 1, \"request_id\": \"b\"}\n"
        "{\"timestamp\": 2, \"wait_for\": [\"a\", \"b\"]}\n";
    mt_error error;
    mt_source *step = mt_step_shard(source_of(state, "in.jsonl", three), 0, 2, &error);
    gives(state, mt_step_shard_look(step, source_of(state, "in.jsonl", three), &error), three);
    step = mt_step_shard(source_of(state, "in.jsonl", three), 1, 2, &error);
    gives(state, mt_step_shard_look(step, source_of(state, "in.jsonl", three), &error), "");
    mt_request request;
    step = mt_step_shard(source_of(state, "in.jsonl", three), 0, 2, &error);
    assert_int_equal(mt_source_next(step, &request, &error), 1);
    assert_int_equal(mt_source_next(step, &request, &error), -1);
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_int_equal(error.line, 3);
    mt_source_free(step);
    /* What cannot be looked through, and nothing to look into. */
    step = mt_step_shard(source_of(state, "in.jsonl", three), 0, 2, &error);
    assert_null(mt_step_shard_look(step, source_of(state, "bad.jsonl", "{\n"), &error));
    assert_int_equal(error.code, MT_ERROR_INPUT);
    for (sweep all = {.sticky = 1}; sweep_next(&all);) {
        mt_source *from = mt_source_open(in_folder(state, "in.jsonl"), 0, &all.error);
        mt_source *ahead =
            from ? mt_source_open(in_folder(state, "in.jsonl"), 0, &all.error) : NULL;
        int status = -1;
        if (ahead) {
            step = mt_step_shard_look(mt_step_shard(from, 0, 2, &all.error), ahead, &all.error);
            while (step && (status = mt_source_next(step, &request, &all.error)) > 0)
                ;
            mt_source_free(step);
        } else {
            mt_source_free(from);
        }
        all.code = status == 0 ? MT_OK : all.error.code;
    }
}

static void test_shards(void **state) {
    enum { SHARDS = 3 };
    static char all[REQUESTS], kept[REQUESTS];
    size_t count = 0;
    for (uint64_t i = 0; i < SHARDS; i++) {
        mt_source *source = source_of(state, "in.jsonl", session_lines());
        count += requests_of(mt_step_shard(source, i, SHARDS, NULL), kept);
        assert_whole_sessions(state, kept);
        for (size_t k = 0; k < REQUESTS; k++)
            all[k] |= kept[k];
    }
    assert_int_equal(count, REQUESTS);
    assert_null(memchr(all, 0, REQUESTS));
    /* Ordinals by first appearance: a, none, b, a, none. */
    mt_error error;
    static const char five[] = "{\"timestamp\": 0, \"session_id\": \"a\"}\n{\"timestamp\": 1}\n"
                               "{\"timestamp\": 2, \"session_id\": 7}\n"
                               "{\"timestamp\": 3, \"session_id\": \"a\"}\n{\"timestamp\": 4}\n";
    gives(state, mt_step_shard(source_of(state, "in.jsonl", five), 0, 2, &error),
          "{\"timestamp\": 0, \"session_id\": \"a\"}\n{\"timestamp\": 2, \"session_id\": 7}\n"
          "{\"timestamp\": 3, \"session_id\": \"a\"}\n");
    gives(state, mt_step_shard(source_of(state, "in.jsonl", five), 1, 2, &error),
          "{\"timestamp\": 1}\n{\"timestamp\": 4}\n");
    refused(mt_step_shard(source_of_four(state), 2, 2, &error), &error, "from 0 to one below");
    /* A shard knows the numbers of the whole, and how many requests each shard has. */
    static const uint64_t numbers[] = {1, 4}, sessions[] = {0, 0};
    mt_source *source = mt_step_shard(source_of(state, "in.jsonl", five), 1, 2, &error);
    mt_request request;
    const mt_shard_state *shard = mt_step_shard_state(source);
    assert_non_null(shard);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mt_source_next(source, &request, &error), 1);
        assert_int_equal(shard->number, numbers[i]);
        assert_int_equal(shard->session, sessions[i]);
    }
    assert_int_equal(mt_source_next(source, &request, &error), 0);
    assert_int_equal(shard->counts[0], 3);
    assert_int_equal(shard->counts[1], 2);
    mt_source_free(source);
    source = mt_step_shard(source_of(state, "in.jsonl", five), 0, 2, &error);
    shard = mt_step_shard_state(source);
    static const uint64_t of_first[][2] = {{0, 1}, {2, 2}, {3, 1}}; /* number, session */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mt_source_next(source, &request, &error), 1);
        assert_int_equal(shard->number, of_first[i][0]);
        assert_int_equal(shard->session, of_first[i][1]);
    }
    source = mt_step_first(source, 1, &error);
    assert_null(mt_step_shard_state(source)); /* it is no longer the last step */
    mt_source_free(source);
}

/* ---- times ---- */

static void test_shift(void **state) {
    mt_error error;
    static const char mixed[] = "{\"timestamp\": 500}\n{}\n{\"timestamp\": 20, \"delay\": 7}\n";
    gives(state, mt_step_shift(source_of(state, "in.jsonl", mixed), 1000000, &error),
          "{\"timestamp\": 501}\n{}\n{\"timestamp\": 21, \"delay\": 7}\n");
    gives(state,
          mt_step_from_zero(source_of(state, "in.jsonl", "{}\n{\"timestamp\": 7}\n"), &error),
          "{}\n{\"timestamp\": 0}\n");
    fails_after(state, mt_step_from_zero(source_of(state, "in.jsonl", mixed), &error),
                "{\"timestamp\": 0}\n{}\n", MT_ERROR_VALUE, 3, "lies below 0");
    fails_after(state, mt_step_shift(source_of(state, "in.jsonl", mixed), INT64_MAX, &error), "",
                MT_ERROR_VALUE, 1, "292 years");
}

static void test_speed(void **state) {
    mt_error error;
    gives(state, mt_step_speed(source_of_four(state), 4, &error),
          "{\"timestamp\": 0}\n{\"timestamp\": 250}\n{\"timestamp\": 250, \"delay\": 0.75}\n"
          "{\"timestamp\": 500.125}\n");
    /* Seconds taken for milliseconds, exactly. */
    gives(state,
          mt_step_speed(source_of(state, "in.jsonl", "{\"timestamp\": 1769990123.123456}\n"), 0.001,
                        &error),
          "{\"timestamp\": 1769990123123.456}\n");
    fails_after(state,
                mt_step_speed(source_of(state, "in.jsonl", "{\"timestamp\": 123456789012}\n"), 1e-9,
                              &error),
                "", MT_ERROR_VALUE, 1, "292 years");
    refused(mt_step_speed(source_of_four(state), 0, &error), &error, "positive");
    refused(mt_step_speed(source_of_four(state), 1.0 / 0.0, &error), &error, "positive");
}

static void test_scaled_times(void **state) {
    (void)state;
    int64_t scaled;
    assert_int_equal(mt_scale_time(INT64_MAX, 1, &scaled), 0);
    assert_int_equal(scaled, INT64_MAX);
    assert_int_equal(mt_scale_time(INT64_C(1760000000000123457), 1, &scaled), 0);
    assert_int_equal(scaled, INT64_C(1760000000000123457));
    assert_int_equal(mt_scale_time(5, 2, &scaled), 0);
    assert_int_equal(scaled, 3);
    assert_int_equal(mt_scale_time(INT64_MAX, 0.5, &scaled), -1);
}

static void test_interrupt(void **state) {
    mt_error error;
    mt_source *source = mt_step_sort(source_of_four(state), 0, &error);
    mt_request request;
    mt_interrupt_flag = 1;
    assert_int_equal(mt_source_next(source, &request, &error), -1);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_source_free(source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_copy),       WITH_FOLDER(test_real_trace_is_the_same),
        WITH_FOLDER(test_columns),    WITH_FOLDER(test_first),
        WITH_FOLDER(test_window),     WITH_FOLDER(test_where),
        WITH_FOLDER(test_thin),       WITH_FOLDER(test_shards),
        WITH_FOLDER(test_components), WITH_FOLDER(test_shift),
        WITH_FOLDER(test_speed),      WITH_FOLDER(test_scaled_times),
        WITH_FOLDER(test_interrupt),
    };
    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
