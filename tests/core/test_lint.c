/* Lint: each contradiction by hand, parents beside a plain slow version, memory that is out. */
#include "prefix/lint/lint.h"

#include "base/memory.h"
#include "trace_support.h"
#include "sweep.h"

#include <math.h>

static const int64_t ms = 1000000;

static mt_lint *new_lint(uint64_t block_size) {
    mt_lint *lint = mt_lint_new(block_size, NULL);
    assert_non_null(lint);
    return lint;
}

static void add(mt_lint *lint, const mt_request *request) {
    assert_int_equal(mt_lint_add(lint, request, NULL), MT_OK);
}

/* The result of what was taken in; frees the lint. */
static mt_lint_result result_of(mt_lint *lint) {
    mt_lint_result result;
    assert_int_equal(mt_lint_finish(lint, &result, NULL), MT_OK);
    mt_lint_free(lint);
    return result;
}

static mt_request prompt(uint64_t line, uint64_t input, const uint64_t *ids, size_t count) {
    return (mt_request){.has = MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                        .input_length = input,
                        .hash_ids = ids,
                        .hash_count = count,
                        .line = line};
}

static mt_request at_time(uint64_t line, int64_t time_ns) {
    return (mt_request){.has = MT_HAS_TIME, .time_ns = time_ns, .line = line};
}

static void test_nothing(void **state) {
    (void)state;
    mt_lint_result result = result_of(new_lint(0));
    assert_int_equal(result.requests, 0);
    assert_int_equal(result.block_size, 0);
    assert_int_equal(result.rows, MT_ROWS_UNKNOWN);
    assert_int_equal(result.unit, MT_UNIT_MILLISECONDS);
    assert_int_equal(result.grid.period_ns, 0);
}

static void test_order(void **state) {
    (void)state;
    mt_lint *lint = new_lint(0);
    static const int64_t times[] = {5, 7, 3, 4, 9, 8, 2, 1, 0, 0};
    for (uint64_t i = 0; i < 10; i++) {
        mt_request request = at_time(i + 1, times[i] * ms);
        add(lint, &request);
    }
    mt_lint_result result = result_of(lint);
    assert_int_equal(result.decreasing.count, 5);
    static const uint64_t lines[] = {3, 6, 7, 8, 9};
    assert_memory_equal(result.decreasing.line, lines, sizeof lines);
    assert_int_equal(result.decreased_to_ns, 3 * ms);
    assert_int_equal(result.from_ns, 7 * ms);
    assert_int_equal(result.span_ns, 9 * ms);
}

/* A request without a time: only where others have one, and no turn before it. */
static void test_without_time(void **state) {
    (void)state;
    mt_lint *lint = new_lint(0);
    mt_request bare = {.line = 1}, timed = at_time(2, 0);
    mt_request turn = {.has = MT_HAS_SESSION, .session = {"7", 1}, .line = 3};
    add(lint, &bare);
    mt_lint_result early;
    assert_int_equal(mt_lint_finish(lint, &early, NULL), MT_OK);
    assert_int_equal(early.without_time.count, 0);
    add(lint, &timed);
    add(lint, &turn);
    turn.line = 4;
    add(lint, &turn);
    mt_lint_result result = result_of(lint);
    assert_int_equal(result.without_time.count, 2);
    assert_int_equal(result.without_time.line[0], 1);
    assert_int_equal(result.without_time.line[1], 3);
}

/* ---- seconds ---- */

static mt_lint_result timed_load(size_t count, double gap_ms, uint64_t input, int64_t first_ns) {
    mt_lint *lint = new_lint(0);
    for (size_t i = 0; i < count; i++) {
        mt_request request = at_time(i + 1, first_ns + (int64_t)((double)i * gap_ms * 1e6));
        request.has |= MT_HAS_INPUT_LENGTH;
        request.input_length = input;
        add(lint, &request);
    }
    return result_of(lint);
}

static void test_seconds(void **state) {
    (void)state;
    /* 3.4 requests a second, written as seconds. */
    mt_lint_result result = timed_load(1000, 0.294, 12000, 0);
    assert_int_equal(result.unit_reason, MT_UNIT_LOAD);
    assert_int_equal(result.unit, MT_UNIT_SECONDS);
    assert_true(result.requests_a_second > 3400 && result.requests_a_second < 3410);
    assert_int_equal(timed_load(1000, 294, 12000, 0).unit, MT_UNIT_MILLISECONDS);
    /* Small prompts too, and large ones that few services could read. */
    assert_int_equal(timed_load(1000, 0.294, 100, 0).unit, MT_UNIT_SECONDS);
    assert_int_equal(timed_load(1000, 2, 120000, 0).unit, MT_UNIT_SECONDS);
    /* A hundred a second, the head of such a trace, few requests: nothing that cannot be. */
    assert_int_equal(timed_load(1000, 10, 9000, 0).unit, MT_UNIT_MILLISECONDS);
    assert_int_equal(timed_load(20, 10, 9000, 0).unit, MT_UNIT_MILLISECONDS);
    assert_int_equal(timed_load(1000, 200000, 9000, 0).unit, MT_UNIT_MILLISECONDS);
    /* One in 4 thousand seconds, and in 4 million. */
    assert_int_equal(timed_load(100, 4e6, 900, 0).unit, MT_UNIT_MICROSECONDS);
    assert_int_equal(timed_load(100, 4e9, 900, 0).unit, MT_UNIT_NANOSECONDS);
    assert_int_equal(timed_load(9, 0.294, 12000, 0).unit, MT_UNIT_MILLISECONDS);
    /* 2026 in seconds, and in milliseconds. */
    assert_int_equal(timed_load(3, 5, 1, INT64_C(1770000000) * ms).unit_reason, MT_UNIT_EPOCH);
    assert_int_equal(timed_load(3, 5, 1, INT64_C(1770000000000) * ms).unit, MT_UNIT_MILLISECONDS);
}

/* Requests at random, so many a second on average, in digits of so many nanoseconds. */
static mt_time_unit unit_with_ids(size_t count, double rate, uint64_t input, int64_t digit,
                                  int64_t ticks, size_t ids) {
    static const uint64_t numbers[] = {1, 2, 3, 4};
    mt_lint *lint = new_lint(0);
    uint64_t random = 7;
    double now = 0;
    for (size_t i = 0; i < count; i++) {
        now += -log((double)(1 + below(&random, 1000000)) / 1000001) * 1e9 / rate;
        mt_request request = at_time(i + 1, (int64_t)now / (digit * ticks) * digit * ticks);
        request.has |= MT_HAS_INPUT_LENGTH;
        request.input_length = input;
        if (ids > 0)
            request.has |= MT_HAS_HASH_IDS;
        request.hash_ids = numbers;
        request.hash_count = ids;
        add(lint, &request);
    }
    return result_of(lint).unit;
}

static mt_time_unit unit_of_random(size_t count, double rate, uint64_t input, int64_t digit,
                                   int64_t ticks) {
    return unit_with_ids(count, rate, input, digit, ticks, 0);
}

/* Busy traces that somebody made, in milliseconds with and without decimals. */
static void test_busy_milliseconds(void **state) {
    (void)state;
    const int64_t microsecond = 1000;
    assert_int_equal(unit_of_random(5000, 500, 2000, microsecond, 1), MT_UNIT_MILLISECONDS);
    assert_int_equal(unit_of_random(5000, 500, 2000, ms, 1), MT_UNIT_MILLISECONDS);
    assert_int_equal(unit_of_random(20000, 3000, 2000, microsecond, 1), MT_UNIT_MILLISECONDS);
    assert_int_equal(unit_of_random(20000, 3000, 2000, ms, 1), MT_UNIT_MILLISECONDS);
    /* Short ones are told by their ids and whole milliseconds. Others are logs, and so are those with
     * ids that are too busy, or have decimals. */
    assert_int_equal(unit_with_ids(600, 900, 2000, ms, 1, 4), MT_UNIT_MILLISECONDS);
    assert_int_equal(unit_with_ids(100, 500, 2000, ms, 1, 4), MT_UNIT_MILLISECONDS);
    assert_int_equal(unit_with_ids(600, 900, 2000, ms, 1, 0), MT_UNIT_SECONDS);
    assert_int_equal(unit_with_ids(2400, 2000, 2000, ms, 1, 4), MT_UNIT_SECONDS);
    assert_int_equal(unit_with_ids(600, 900, 2000, microsecond, 1, 4), MT_UNIT_SECONDS);
    assert_int_equal(unit_with_ids(600, 900, 2000, 1, 1, 4), MT_UNIT_SECONDS);
}

/* Logs in seconds: an hour in whole seconds, three hours with seven decimals, or in ticks of three
 * seconds; and what no test sends. */
static void test_logs_in_seconds(void **state) {
    (void)state;
    assert_int_equal(unit_of_random(3600, 1000, 2000, ms, 1), MT_UNIT_SECONDS);
    assert_int_equal(unit_of_random(10000, 900, 2000, 1, 1), MT_UNIT_SECONDS);
    assert_int_equal(unit_of_random(10000, 900, 2000, ms, 3), MT_UNIT_SECONDS);
    assert_int_equal(unit_of_random(100000, 15000, 6000, 1000, 1), MT_UNIT_SECONDS);
}

static void test_turns_in_seconds(void **state) {
    (void)state;
    for (int unit = 1; unit <= 1000; unit *= 1000) {
        mt_lint *lint = new_lint(0);
        for (uint64_t i = 0; i < 6; i++) {
            /* 300 tokens of answer, 30 seconds from turn to turn. */
            mt_request request = at_time(i + 1, (int64_t)i * 30 * unit * ms);
            request.has |= MT_HAS_SESSION | MT_HAS_OUTPUT_LENGTH;
            request.session = (mt_span){"\"a\"", 3};
            request.output_length = 300;
            add(lint, &request);
        }
        mt_lint_result result = result_of(lint);
        assert_int_equal(result.unit_reason, unit == 1 ? MT_UNIT_TURNS : MT_UNIT_NO_REASON);
    }
}

/* A grid of whole seconds, found though they were written as milliseconds. */
static void test_grid_of_seconds(void **state) {
    (void)state;
    for (int unit = 1; unit <= 1000; unit *= 1000) {
        mt_lint *lint = new_lint(0);
        uint64_t random = 4;
        int64_t now = 0;
        for (uint64_t i = 0; i < 2000; i++) {
            now += (int64_t)below(&random, 600);
            mt_request request = at_time(i + 1, now / 1000 * unit * ms);
            request.has |= MT_HAS_INPUT_LENGTH;
            request.input_length = 12000;
            add(lint, &request);
        }
        mt_lint_result result = result_of(lint);
        assert_int_equal(result.unit, unit == 1 ? MT_UNIT_SECONDS : MT_UNIT_MILLISECONDS);
        assert_int_equal(result.grid.period_ns, 1000 * ms);
    }
}

/* ---- blocks ---- */

static mt_lint_result cut_in(uint64_t size, uint64_t given, uint64_t odd_line) {
    mt_lint *lint = new_lint(given);
    static uint64_t ids[4000];
    uint64_t random = size;
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t input = 1 + below(&random, 3000);
        mt_request request = prompt(i + 1, input, ids, (size_t)((input + size - 1) / size));
        request.hash_count += i + 1 == odd_line;
        add(lint, &request);
    }
    return result_of(lint);
}

static void test_block_sizes(void **state) {
    (void)state;
    static const uint64_t sizes[] = {16, 32, 64, 128, 256, 512, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mt_lint_result result = cut_in(sizes[i], 0, 0);
        assert_int_equal(result.block_size, sizes[i]);
        assert_int_equal(result.size_fit.fits, 300);
        assert_int_equal(result.size_fit.misfits.count, 0);
        assert_int_equal(result.better_size, 0);
    }
    mt_lint_result odd = cut_in(64, 0, 200);
    assert_int_equal(odd.block_size, 64);
    assert_int_equal(odd.size_fit.misfits.count, 1);
    assert_int_equal(odd.size_fit.misfits.line[0], 200);
    /* A size that was given wrong, and one that only the caller could know. */
    mt_lint_result given = cut_in(16, 512, 0);
    assert_int_equal(given.block_size, 512);
    assert_true(given.size_fit.misfits.count > 250);
    assert_int_equal(given.better_size, 16);
    assert_int_equal(given.better_fits, 300);
    given = cut_in(48, 48, 0);
    assert_int_equal(given.size_fit.misfits.count, 0);
    assert_int_equal(given.better_size, 0);
    /* What any size fits is taken for the usual one. */
    mt_lint *lint = new_lint(0);
    mt_request small = prompt(1, 5, (uint64_t[]){3}, 1);
    add(lint, &small);
    assert_int_equal(result_of(lint).block_size, 512);
    lint = new_lint(0);
    mt_request empty = prompt(1, 0, (uint64_t[]){3}, 1);
    add(lint, &empty);
    mt_lint_result result = result_of(lint);
    assert_int_equal(result.empty_prompts.count, 1);
    assert_int_equal(result.size_fit.misfits.count, 1);
}

static void test_sessions(void **state) {
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        mt_lint *lint = new_lint(16);
        for (uint64_t i = 0; i < 30; i++) {
            uint64_t ids[40];
            for (uint64_t k = 0; k < 40; k++)
                ids[k] = whole ? k : 40 * i + k;
            mt_request request = prompt(i + 1, 16 * (i + 2), ids, (size_t)i + 2);
            request.has |= MT_HAS_SESSION;
            request.session = (mt_span){"\"a\"", 3};
            add(lint, &request);
        }
        mt_lint_result result = result_of(lint);
        assert_int_equal(result.rows, whole ? MT_ROWS_CUMULATIVE : MT_ROWS_DELTA);
        assert_int_equal(result.evidence.continued, whole ? 29 : 0);
        assert_int_equal(result.evidence.first_apart, whole ? 0 : 2);
    }
}

/* ---- parents ---- */

static void test_two_parents(void **state) {
    (void)state;
    mt_lint *lint = new_lint(16);
    mt_request requests[] = {
        prompt(3, 48, (uint64_t[]){0, 1, 2}, 3),
        prompt(4, 48, (uint64_t[]){0, 1, UINT64_MAX}, 3),
        prompt(5, 48, (uint64_t[]){9, 1, 2}, 3),       /* 1 after 9 */
        prompt(6, 32, (uint64_t[]){7, 7}, 2),          /* 7 after itself */
        prompt(7, 32, (uint64_t[]){UINT64_MAX, 1}, 2), /* as a first block; 1 again */
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        add(lint, &requests[i]);
    mt_lint_result result = result_of(lint);
    assert_int_equal(result.two_parents.count, 3);
    assert_int_equal(result.two_parents.line[0], 5);
    assert_int_equal(result.conflicts, 4);
    assert_int_equal(result.conflict.id, 1);
    assert_true(result.conflict.has_now && result.conflict.has_before);
    assert_int_equal(result.conflict.now, 9);
    assert_int_equal(result.conflict.before, 0);
    assert_int_equal(result.conflict.line, 3);
    assert_int_equal(result.next_id, INT64_MAX);
}

/* Small ids, ids over all 64 bits, and ids that begin small and become large. */
static void parents_against_plain(uint64_t factor, uint64_t large_from) {
    enum { REQUESTS = 300, MOST = 12, IDS = 60 };
    static const int unknown = -2, none = -1;
    int parent_of[IDS];
    uint64_t random = 1, total = 0;
    mt_parents *parents = mt_parents_new(NULL);
    for (int i = 0; i < IDS; i++)
        parent_of[i] = unknown;
    for (uint64_t r = 0; r < REQUESTS; r++) {
        uint64_t ids[MOST];
        size_t count = (size_t)below(&random, MOST), expected = 0, found;
        /* Mostly in a fixed order, so that some agree; spread over 64 bits. */
        for (size_t i = 0; i < count; i++)
            ids[i] = below(&random, 4) ? (i * 5) % IDS : below(&random, IDS);
        for (size_t i = 0; i < count; i++) {
            int now = i > 0 ? (int)ids[i - 1] : none;
            if (parent_of[ids[i]] == unknown)
                parent_of[ids[i]] = now;
            else
                expected += parent_of[ids[i]] != now;
        }
        for (size_t i = 0; i < count; i++)
            ids[i] *= ids[i] >= large_from ? factor : 1;
        assert_int_equal(mt_parents_add(parents, ids, count, r, NULL, &found, NULL, NULL), MT_OK);
        assert_int_equal(found, expected);
        total += found;
    }
    assert_true(total > 100);
    mt_parents_free(parents);
}

static void test_parents_against_plain(void **state) {
    (void)state;
    parents_against_plain(1, 0);
    parents_against_plain(UINT64_C(0x400000000000001), 0);
    parents_against_plain(UINT64_C(0x400000000000001), 30);
    mt_parents_free(NULL);
}

/* ---- memory ---- */

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_lint_result result;
        mt_lint *lint = mt_lint_new(0, &all.error);
        all.code = lint ? MT_OK : all.error.code;
        for (uint64_t r = 0; all.code == MT_OK && r < 400; r++) {
            char session[16];
            uint64_t ids[60];
            size_t count = 1 + (size_t)(r % 60);
            for (size_t i = 0; i < count; i++)
                ids[i] = r * 100 + i + (r % 2 << 40); /* at their places, and in the table */
            mt_request request = prompt(r, count * 512, ids, count);
            request.has |= MT_HAS_TIME | MT_HAS_SESSION;
            request.time_ns = (int64_t)r * ms;
            request.session =
                (mt_span){session, (size_t)snprintf(session, sizeof session, "%d", (int)r % 90)};
            all.code = mt_lint_add(lint, &request, &all.error);
        }
        if (all.code == MT_OK)
            all.code = mt_lint_finish(lint, &result, &all.error);
        mt_lint_free(lint);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),           cmocka_unit_test(test_order),
        cmocka_unit_test(test_without_time),      cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_busy_milliseconds), cmocka_unit_test(test_logs_in_seconds),
        cmocka_unit_test(test_turns_in_seconds),  cmocka_unit_test(test_grid_of_seconds),
        cmocka_unit_test(test_block_sizes),       cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_two_parents),       cmocka_unit_test(test_parents_against_plain),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
