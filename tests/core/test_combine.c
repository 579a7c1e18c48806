/* Steps that put traces together, in order, or one lap after the other; memory that is out in any
 * step. */
#include "steps_support.h"
#include "trace_support.h"
#include "sweep.h"

#include "stats/grid.h"

/* ---- merging and joining ---- */

static const char left[] = "{\"timestamp\": 0, \"hash_ids\": [0, 1], \"session_id\": \"x\"}\n"
                           "{\"delay\": 5, \"session_id\": \"x\"}\n"
                           "{\"timestamp\": 20, \"hash_ids\": [0, 2]}\n";
static const char right[] = "{\"timestamp\": 0, \"hash_ids\": [0], \"session_id\": \"x\"}\n"
                            "{\"timestamp\": 10, \"hash_ids\": [0, 1], \"session_id\": 7}\n";

static mt_source *both(void **state, int join, int64_t gap, int parts) {
    mt_error error;
    mt_source *inputs[] = {source_of(state, "left.jsonl", left),
                           source_of(state, "right.jsonl", right)};
    return join ? mt_source_join(inputs, 2, gap, parts, &error)
                : mt_source_merge(inputs, 2, parts, &error);
}

static void test_merge(void **state) {
    gives(state, both(state, 0, 0, 1),
          "{\"timestamp\": 0, \"hash_ids\": [0, 1], \"session_id\": \"x\"}\n"
          "{\"session_id\": \"x\", \"delay\": 5}\n"
          "{\"timestamp\": 0, \"hash_ids\": [0], \"session_id\": \"x\"}\n"
          "{\"timestamp\": 10, \"hash_ids\": [0, 1], \"session_id\": 7}\n"
          "{\"timestamp\": 20, \"hash_ids\": [0, 2]}\n");
    gives(state, both(state, 0, 0, 0),
          "{\"timestamp\": 0, \"hash_ids\": [0, 2], \"session_id\": \"x\"}\n"
          "{\"session_id\": \"x\", \"delay\": 5}\n"
          "{\"timestamp\": 0, \"hash_ids\": [1], \"session_id\": \"x/2\"}\n"
          "{\"timestamp\": 10, \"hash_ids\": [1, 3], \"session_id\": \"7/2\"}\n"
          "{\"timestamp\": 20, \"hash_ids\": [0, 4]}\n");
}

static void test_join(void **state) {
    gives(state, both(state, 1, -1, 1),
          "{\"timestamp\": 0, \"hash_ids\": [0, 1], \"session_id\": \"x\"}\n"
          "{\"session_id\": \"x\", \"delay\": 5}\n"
          "{\"timestamp\": 20, \"hash_ids\": [0, 2]}\n"
          "{\"timestamp\": 0, \"hash_ids\": [0], \"session_id\": \"x\"}\n"
          "{\"timestamp\": 10, \"hash_ids\": [0, 1], \"session_id\": 7}\n");
    /* A mean gap, 20 ms, after 20. */
    gives(state, both(state, 1, -1, 0),
          "{\"timestamp\": 0, \"hash_ids\": [0, 1], \"session_id\": \"x\"}\n"
          "{\"session_id\": \"x\", \"delay\": 5}\n"
          "{\"timestamp\": 20, \"hash_ids\": [0, 2]}\n"
          "{\"timestamp\": 40, \"hash_ids\": [3], \"session_id\": \"x/2\"}\n"
          "{\"timestamp\": 50, \"hash_ids\": [3, 4], \"session_id\": \"7/2\"}\n");
    mt_error error;
    mt_source *far[] = {
        source_of(state, "a", "{\"timestamp\": 5}\n"), source_of(state, "b", ""),
        source_of(state, "c", "{}\n{\"timestamp\": 1000000}\n{\"timestamp\": 1}\n")};
    fails_after(state, mt_source_join(far, 3, 2000000, 0, &error),
                "{\"timestamp\": 5}\n{}\n{\"timestamp\": 7}\n", MT_ERROR_VALUE, 3, "--sort");
}

static void test_inputs_that_fail(void **state) {
    mt_error error;
    mt_source *inputs[] = {source_of(state, "a", "{\"timestamp\": 4}\n{\"timestamp\": 9}\n"),
                           source_of(state, "b", "{\"timestamp\": 5}\n{\"timestamp\": 3}\n")};
    fails_after(state, mt_source_merge(inputs, 2, 0, &error),
                "{\"timestamp\": 4}\n{\"timestamp\": 5}\n", MT_ERROR_INPUT, 2,
                "timestamp 3 is smaller than the 5 before it: merging needs traces in the order");
    mt_source *large[] = {source_of(state, "a", "{\"hash_ids\": [1]}\n"),
                          source_of(state, "b", "{\"hash_ids\": [18446744073709551615]}\n")};
    fails_after(state, mt_source_merge(large, 2, 0, &error), "{\"hash_ids\": [2]}\n",
                MT_ERROR_VALUE, 1, "hash id 18446744073709551615 is too large");
    large[0] = source_of(state, "a", "{\"hash_ids\": [1]}\n");
    large[1] = source_of(state, "b", "{\"hash_ids\": [18446744073709551615]}\n");
    fails_after(state, mt_source_join(large, 2, 0, 0, &error), "{\"hash_ids\": [1]}\n",
                MT_ERROR_VALUE, 1, "--renumber");
    refused(mt_source_merge(NULL, 0, 0, &error), &error, "no trace");
    refused(mt_source_join(NULL, 0, 0, 0, &error), &error, "no trace");
    large[0] = source_of(state, "a", "");
    large[1] = NULL;
    assert_null(mt_source_merge(large, 2, 0, &error));
    large[0] = source_of(state, "a", "");
    assert_null(mt_source_join(large, 2, 0, 0, &error));
}

/* Many inputs, against a plain search for the next one. */
static void test_merge_many(void **state) {
    enum { INPUTS = 9, MOST = 60 };
    static char texts[INPUTS][MOST * 64], expected[INPUTS * MOST * 64];
    uint64_t random = 3;
    int times[INPUTS][MOST], counts[INPUTS], at[INPUTS] = {0};
    mt_source *inputs[INPUTS];
    mt_error error;
    for (int i = 0; i < INPUTS; i++) {
        char name[16], *to = texts[i];
        int time = 0;
        *to = '\0';
        counts[i] = (int)below(&random, MOST);
        for (int k = 0; k < counts[i]; k++) {
            times[i][k] = time += (int)below(&random, 4);
            to += sprintf(to, "{\"timestamp\": %d, \"stream\": \"%d\"}\n", time, i); // NOLINT
        }
        snprintf(name, sizeof name, "%d", i);
        inputs[i] = source_of(state, name, texts[i]);
    }
    char *to = expected;
    for (int best = 0; best >= 0;) {
        best = -1;
        for (int i = 0; i < INPUTS; i++)
            if (at[i] < counts[i] && (best < 0 || times[i][at[i]] < times[best][at[best]]))
                best = i;
        if (best >= 0)
            to += sprintf(to, "{\"timestamp\": %d, \"stream\": \"%d\"}\n", // NOLINT
                          times[best][at[best]++], best);
    }
    gives(state, mt_source_merge(inputs, INPUTS, 1, &error), expected);
}

/* ---- sorting ---- */

enum { MANY = 5000 };

typedef struct row {
    int time, number;
} row;

static int compare_rows(const void *a, const void *b) {
    const row *x = a, *y = b;
    return x->time != y->time ? (x->time < y->time ? -1 : 1) : (x->number > y->number) * 2 - 1;
}

/* Random times with many ties; every 20th has none and stays behind the one before it. */
static void make_rows(char *text, char *sorted) {
    static row rows[MANY];
    uint64_t random = 11;
    for (int i = 0; i < MANY; i++)
        rows[i] = (row){i > 0 && i % 20 == 0 ? rows[i - 1].time : (int)below(&random, MANY / 3), i};
    for (int pass = 0; pass < 2; pass++) {
        char *to = pass == 0 ? text : sorted;
        for (int i = 0; i < MANY; i++) {
            int n = rows[i].number;
            if (n > 0 && n % 20 == 0)
                to += sprintf(to, "{\"output_length\": %d}\n", n); // NOLINT
            else
                to += sprintf(to,
                              "{\"timestamp\": %d, \"output_length\": %d, " // NOLINT
                              "\"hash_ids\": [%d], \"session_id\": \"s%d\", \"a\": %d}\n",
                              rows[i].time, n, n * 7, n % 5, n);
        }
        qsort(rows, MANY, sizeof *rows, compare_rows);
    }
}

static void test_sort(void **state) {
    static char text[MANY * 128], sorted[MANY * 128];
    mt_error error;
    make_rows(text, sorted);
    /* In memory; in 30 runs or so; nearly a run a request. */
    for (size_t memory = 100; memory <= 4000000; memory *= 200)
        gives(state, mt_step_sort(source_of(state, "in.jsonl", text), memory, &error), sorted);
    gives(state, mt_step_sort(source_of(state, "in.jsonl", sorted), 0, &error), sorted);
    gives(state, mt_step_sort(source_of(state, "in.jsonl", ""), 1, &error), "");
}

static void test_no_temporary_file(void **state) {
    static char text[MANY * 128], sorted[MANY * 128];
    mt_error error;
    make_rows(text, sorted);
    setenv("TMPDIR", "/nowhere", 1);
    fails_after(state, mt_step_sort(source_of(state, "in.jsonl", text), 100, &error), "",
                MT_ERROR_IO, 0, "cannot open");
    unsetenv("TMPDIR");
}

/* ---- laps ---- */

static const char song[] = "{\"timestamp\": 100, \"hash_ids\": [5, 6], \"session_id\": \"a\"}\n"
                           "{\"timestamp\": 120, \"hash_ids\": [5, 9]}\n";

static void test_repeat(void **state) {
    mt_error error;
    mt_repeat repeat = {.laps = 3};
    gives(state, mt_step_repeat(source_of(state, "in.jsonl", song), &repeat, &error),
          "{\"timestamp\": 100, \"hash_ids\": [5, 6], \"session_id\": \"a\"}\n"
          "{\"timestamp\": 120, \"hash_ids\": [5, 9]}\n"
          "{\"timestamp\": 140, \"hash_ids\": [5, 6], \"session_id\": \"a/2\"}\n"
          "{\"timestamp\": 160, \"hash_ids\": [5, 9]}\n"
          "{\"timestamp\": 180, \"hash_ids\": [5, 6], \"session_id\": \"a/3\"}\n"
          "{\"timestamp\": 200, \"hash_ids\": [5, 9]}\n");
    repeat = (mt_repeat){.laps = 2, .every_ns = 1000000000, .fresh_ids = 1, .common_root = 1};
    gives(state, mt_step_repeat(source_of(state, "in.jsonl", song), &repeat, &error),
          "{\"timestamp\": 100, \"hash_ids\": [5, 6], \"session_id\": \"a\"}\n"
          "{\"timestamp\": 120, \"hash_ids\": [5, 9]}\n"
          "{\"timestamp\": 1100, \"hash_ids\": [5, 16], \"session_id\": \"a/2\"}\n"
          "{\"timestamp\": 1120, \"hash_ids\": [5, 19]}\n");
    repeat.laps = 1;
    gives(state, mt_step_repeat(source_of(state, "in.jsonl", song), &repeat, &error), song);
    gives(state, mt_step_repeat(source_of(state, "in.jsonl", ""), &repeat, &error), "");
    repeat = (mt_repeat){.laps = 2};
    gives(state, mt_step_repeat(source_of(state, "in.jsonl", "{}\n"), &repeat, &error), "{}\n{}\n");
    fails_after(
        state,
        mt_step_repeat(source_of(state, "in.jsonl", "{\"timestamp\": 3}\n"), &repeat, &error),
        "{\"timestamp\": 3}\n", MT_ERROR_VALUE, 0, "at one instant");
    repeat.fresh_ids = 1;
    fails_after(
        state,
        mt_step_repeat(source_of(state, "in.jsonl", "{\"hash_ids\": [18446744073709551615]}\n"),
                       &repeat, &error),
        "{\"hash_ids\": [18446744073709551615]}\n", MT_ERROR_VALUE, 1, "--renumber");
    repeat.laps = 0;
    refused(mt_step_repeat(source_of(state, "in.jsonl", ""), &repeat, &error), &error, "once");
}

/* From the temporary file the same comes as from memory. */
static void test_repeat_from_disk(void **state) {
    static char text[MANY * 128], sorted[MANY * 128], expected[3 * MANY * 128];
    mt_error error;
    mt_repeat repeat = {.laps = 3, .fresh_ids = 1};
    make_rows(text, sorted);
    mt_source *source = mt_step_repeat(source_of(state, "in.jsonl", sorted), &repeat, &error);
    char *to = expected;
    mt_request request;
    static const mt_trace_format format = {0, 6};
    while (mt_source_next(source, &request, &error) == 1)
        to = mt_request_write(&request, &format, to);
    *to = '\0';
    mt_source_free(source);
    for (repeat.memory = 1; repeat.memory < 10000000; repeat.memory *= 1000)
        gives(state, mt_step_repeat(source_of(state, "in.jsonl", sorted), &repeat, &error),
              expected);
}

/* ---- ticks of a clock ---- */

static const char ticks[] = "{\"timestamp\": 0}\n{\"timestamp\": 1}\n{\"delay\": 1}\n"
                            "{\"timestamp\": 2999}\n{\"timestamp\": 3000}\n{\"timestamp\": 9000}\n";

static void test_dequantize(void **state) {
    mt_error error;
    int64_t times[] = {0, 1000000, 2999000000, 3000000000, 9000000000}, found[5];
    mt_grid grid = {.period_ns = 3000000000};
    assert_int_equal(mt_grid_spread(&grid, 6, times, 5, &error), MT_OK);
    mt_source *source =
        mt_step_dequantize(source_of(state, "in.jsonl", ticks), grid.period_ns, 0, 6, &error);
    mt_request request;
    for (int i = 0, k = 0; i < 6; i++) {
        assert_int_equal(mt_source_next(source, &request, &error), 1);
        assert_int_equal(request.line, i + 1);
        if (request.has & MT_HAS_TIME)
            found[k++] = request.time_ns;
    }
    assert_int_equal(mt_source_next(source, &request, &error), 0);
    mt_source_free(source);
    assert_memory_equal(times, found, sizeof times);
    fails_after(state, mt_step_dequantize(source_of(state, "in.jsonl", ticks), 0, 0, 6, &error), "",
                MT_ERROR_INPUT, 0, "lie on no grid (5 looked at)");
    gives(state, mt_step_dequantize(source_of(state, "in.jsonl", ""), 0, 0, 6, &error), "");
    source = mt_step_dequantize(
        source_of(state, "in.jsonl", "{\"timestamp\": 3000}\n{\"timestamp\": 2}\n"), 3000000000, 0,
        0, &error);
    assert_int_equal(mt_source_next(source, &request, &error), -1);
    assert_int_equal(error.line, 2);
    assert_non_null(strstr(error.message, "--sort"));
    mt_source_free(source);
    refused(mt_step_dequantize(source_of(state, "in.jsonl", ""), -1, 0, 0, &error), &error,
            "above 0");
}

/* A recorded clock, found. */
static void test_dequantize_found(void **state) {
    static char text[MANY * 32];
    static int64_t times[MANY];
    uint64_t random = 8;
    int64_t now = 0;
    char *to = text;
    mt_error error;
    for (int i = 0; i < MANY; i++) {
        now += (int64_t)below(&random, 500);
        times[i] = now / 2000 * 2000 * 1000000;
        to += sprintf(to, "{\"timestamp\": %d}\n", (int)(now / 2000 * 2000)); // NOLINT
    }
    mt_grid grid;
    assert_int_equal(mt_grid_detect(times, MANY, &grid, &error), MT_OK);
    assert_int_equal(grid.period_ns, 2000000000);
    assert_int_equal(mt_grid_spread(&grid, 1, times, MANY, &error), MT_OK);
    mt_source *source = mt_step_dequantize(source_of(state, "in.jsonl", text), 0, 0, 1, &error);
    mt_request request;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(mt_source_next(source, &request, &error), 1);
        assert_int_equal(request.time_ns, times[i]);
    }
    mt_source_free(source);
}

/* ---- memory ---- */

static int keep_all(void *context, const mt_request *request, mt_error *error) {
    (void)context, (void)request, (void)error;
    return 1;
}

static void release_nothing(void *context) {
    (void)context;
}

/* All steps on one another. */
static mt_code run_all_steps(void **state, mt_error *error) {
    static char text[40 * 160];
    char *to = text;
    for (int i = 0; i < 40; i++)
        to += sprintf(to, // NOLINT
                      "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": 3, "
                      "\"hash_ids\": [0, %d], \"session_id\": \"s%d\", \"stream\": \"m\", "
                      "\"priority\": 1}\n",
                      i / 4 * 1000, 700 + i, i + 1, i % 20);
    mt_request request;
    mt_repeat repeat = {.laps = 2, .fresh_ids = 1, .memory = 1000};
    mt_filter filter = {keep_all, release_nothing, NULL};
    write_file(in_folder(state, "in.jsonl"), text, strlen(text));
    mt_source *inputs[2];
    for (int i = 0; i < 2; i++) {
        mt_trace_reader *reader = mt_trace_open(in_folder(state, "in.jsonl"), 0, error);
        mt_source *input = reader ? mt_source_reader(reader, error) : NULL;
        input = mt_step_sort(input, 2000, error);
        input = mt_step_dequantize(input, i ? 1000000000 : 0, 0, 0, error);
        input = mt_step_sessions(input, MT_ROWS_UNKNOWN, MT_ROWS_DELTA, 512, error);
        inputs[i] = mt_step_fit(input, 512, 1000, error);
    }
    mt_source *top = mt_source_merge(inputs, 2, 0, error);
    top = mt_source_join(&top, 1, 0, 0, error);
    top = mt_step_window(top, INT64_MIN, INT64_MAX, 0, error);
    top = mt_step_where(top, &filter, error);
    top = mt_step_thin(top, 1, 0, error);
    top = mt_step_shard(top, 0, 1, error);
    top = mt_step_repeat(top, &repeat, error);
    top = mt_step_scale(top, 1.5, 2, 512, error);
    top = mt_step_speed(top, 2, error);
    top = mt_step_from_zero(top, error);
    top = mt_step_shift(top, 5, error);
    top = mt_step_renumber(top, 1, error);
    top = mt_step_first(top, UINT64_MAX, error);
    int status = -1, count = 0;
    while (top && (status = mt_source_next(top, &request, error)) > 0)
        count++;
    mt_source_free(top);
    if (status == 0)
        assert_int_equal(count, 160);
    return status == 0 ? MT_OK : error->code;
}

static void test_out_of_memory(void **state) {
    for (sweep all = {0}; sweep_next(&all);)
        all.code = run_all_steps(state, &all.error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_merge),
        WITH_FOLDER(test_join),
        WITH_FOLDER(test_inputs_that_fail),
        WITH_FOLDER(test_merge_many),
        WITH_FOLDER(test_sort),
        WITH_FOLDER(test_no_temporary_file),
        WITH_FOLDER(test_repeat),
        WITH_FOLDER(test_repeat_from_disk),
        WITH_FOLDER(test_dequantize),
        WITH_FOLDER(test_dequantize_found),
        WITH_FOLDER(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("combine", tests, NULL, NULL);
}
