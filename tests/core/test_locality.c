/* How a trace behaves in a cache: known answers, cases by hand, memory that is out. */
#include "prefix/analysis/locality.h"

#include "base/interrupt.h"
#include "prefix/analysis/analysis.h"
#include "prefix/block/numbering.h"
#include "skip_support.h"
#include "prefix_support.h"
#include "sweep.h"
#include "trace/source/source.h"
#include "locality_support.h"

#include <math.h>
#include <sys/resource.h>

/* ---- by hand ---- */

enum { BLOCK = 100 };

/* A request at that second, of `tokens` in blocks of BLOCK; session: a JSON token, NULL: none. */
static void add(mt_locality *locality, int64_t time, uint64_t tokens, const uint64_t *ids,
                const char *session) {
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                          .time_ns = time * second,
                          .input_length = tokens,
                          .hash_ids = ids,
                          .hash_count = (size_t)((tokens + BLOCK - 1) / BLOCK)};
    if (session) {
        request.has |= MT_HAS_SESSION;
        request.session = (mt_span){session, strlen(session)};
    }
    assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
}

/* Block 0 comes back after 0, 1, 2, then after 0, 3, 4, 5 (distances 3 and 4, those of 3 and 4 are
 * 4 as well: what was touched before them is touched again). */
static void test_hits_by_hand(void **state) {
    (void)state;
    mt_locality *locality = new_locality(BLOCK);
    add(locality, 0, 300, (uint64_t[]){0, 1, 2}, NULL);
    add(locality, 5, 350, (uint64_t[]){0, 3, 4, 5}, NULL);
    add(locality, 7, 420, (uint64_t[]){0, 3, 4, 6, 7}, NULL);
    add(locality, 9, 250, (uint64_t[]){0, 1, 2}, NULL);
    mt_hit_curve *curve = curve_of(locality);
    static const uint64_t hits[] = {0, 0, 0, 1, 4, 5, 5, 5, 7, 7};
    for (uint64_t size = 0; size < 10; size++)
        assert_near(mt_hit_curve_at(curve, size).block, (double)hits[size] / 15);
    mt_hit_ratio ratio = mt_hit_curve_at(curve, 4);
    assert_near(ratio.block, 4.0 / 15);
    assert_near(ratio.request, (1.0 / 4 + 3.0 / 5) / 4);
    assert_near(ratio.token, 400.0 / 1320);
    ratio = mt_hit_curve_at(curve, MT_INFINITE_CACHE);
    assert_near(ratio.block, 7.0 / 15);
    assert_near(ratio.request, (1.0 / 4 + 3.0 / 5 + 1) / 4);
    assert_near(ratio.token, 650.0 / 1320);
    assert_int_equal(mt_hit_curve_size(curve, 0.9), 8);
    assert_int_equal(mt_hit_curve_size(curve, 1), 8);
    assert_int_equal(mt_hit_curve_size(curve, 5.0 / 7), 5);
    assert_int_equal(mt_hit_curve_size(curve, 0.1), 3);
    assert_int_equal(mt_hit_curve_size(curve, 0), 0);
    mt_hit_curve_free(curve);
    mt_hit_curve_free(NULL);

    mt_locality_result result = finish(locality);
    assert_int_equal(result.totals.requests, 4);
    assert_int_equal(result.totals.blocks, 15);
    assert_int_equal(result.totals.tokens, 1320);
    assert_int_equal(result.distinct_blocks, 8);
    assert_int_equal(result.hits, 7);
    assert_int_equal(result.reuse_time.count, 7);
    assert_true(result.reuse_time.min == 2 && result.reuse_time.max == 9);
    assert_near(result.reuse_time.mean, (5 + 3 * 2 + 2 + 2 * 9) / 7.0);
    mt_locality_free(locality);
}

/* Says how many sessions there are, and how many hits lie within them. */
static void assert_sessions(const mt_locality *locality, uint64_t sessions, uint64_t single,
                            uint64_t hits_within) {
    mt_locality_result result = finish(locality);
    assert_int_equal(result.sessions, sessions);
    assert_int_equal(result.single, single);
    assert_int_equal(result.hits_within, hits_within);
}

static void test_inferred_sessions(void **state) {
    (void)state;
    mt_locality *locality = new_locality(BLOCK);
    add(locality, 0, 250, (uint64_t[]){0, 1, 2}, NULL);
    assert_sessions(locality, 1, 1, 0);
    /* goes on, the partial block filled up */
    add(locality, 5, 450, (uint64_t[]){0, 1, 3, 4, 5}, NULL);
    assert_sessions(locality, 1, 0, 2);
    assert_true(finish(locality).think_time.mean == 5);
    /* shares the start only */
    add(locality, 6, 250, (uint64_t[]){0, 6, 7}, NULL);
    assert_sessions(locality, 2, 1, 2);
    /* lacks a full block of the one before it */
    add(locality, 8, 550, (uint64_t[]){0, 1, 3, 8, 9, 10}, NULL);
    assert_sessions(locality, 3, 2, 2);
    /* all full blocks, and no longer than what it would go on from */
    add(locality, 9, 250, (uint64_t[]){0, 6, 11}, NULL);
    assert_sessions(locality, 4, 3, 2);
    /* longer, but block 6 has been touched by two sessions */
    add(locality, 9, 350, (uint64_t[]){0, 6, 12, 13}, NULL);
    assert_sessions(locality, 5, 4, 2);
    /* the first again, from before its last turn: who touched 4 last is its own, 0 to 3 are not any
     * more, yet lie before it */
    add(locality, 20, 470, (uint64_t[]){0, 1, 3, 4, 14}, NULL);
    assert_sessions(locality, 5, 4, 6);
    assert_true(finish(locality).think_time.max == 15);
    assert_int_equal(finish(locality).turns.count, 5);
    assert_true(finish(locality).turns.max == 3);
    mt_locality_free(locality);
}

static void test_given_sessions(void **state) {
    (void)state;
    mt_locality *locality = new_locality(BLOCK);
    add(locality, 0, 200, (uint64_t[]){0, 1}, "\"a\"");
    add(locality, 1, 200, (uint64_t[]){0, 2}, "7");
    add(locality, 4, 300, (uint64_t[]){0, 1, 3}, "\"a\""); /* 0 lies before 1, which is its own */
    add(locality, 9, 200, (uint64_t[]){0, 2}, "\"7\"");    /* another one than 7 */
    add(locality, 9, 200, (uint64_t[]){9, 10}, "7");
    mt_locality_result result = finish(locality);
    assert_int_equal(result.given, 5);
    assert_int_equal(result.sessions, 3);
    assert_int_equal(result.single, 1);
    assert_int_equal(result.hits, 1 + 2 + 2);
    assert_int_equal(result.hits_within, 2);
    assert_int_equal(result.think_time.count, 2);
    assert_true(result.think_time.min == 4 && result.think_time.max == 8);

    /* A delay is the think time, also without a timestamp. */
    mt_request request = {
        .has = MT_HAS_DELAY | MT_HAS_SESSION, .delay_ns = 30 * second, .session = {"7", 1}};
    assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    result = finish(locality);
    assert_int_equal(result.think_time.count, 3);
    assert_true(result.think_time.max == 30);
    assert_int_equal(result.reuse_time.count, 5); /* of all that have blocks the time is known */
    assert_int_equal(result.totals.requests, 5);
    mt_locality_free(locality);
}

/* Without times, or with times that go back, there are no reuse times. */
static void test_times(void **state) {
    (void)state;
    mt_locality *locality = new_locality(BLOCK);
    add(locality, 10, 100, (uint64_t[]){0}, NULL);
    add(locality, 20, 100, (uint64_t[]){0}, NULL);
    assert_int_equal(finish(locality).reuse_time.count, 1);
    add(locality, 15, 100, (uint64_t[]){0}, NULL);
    mt_locality_result result = finish(locality);
    assert_int_equal(result.backward, 1);
    assert_int_equal(result.reuse_time.count, 0);
    assert_true(result.first_ns == 10 * second && result.last_ns == 20 * second);
    int64_t times[3];
    assert_int_equal(mt_locality_times(locality, NULL), 3);
    assert_int_equal(mt_locality_times(locality, times), 3);
    assert_memory_equal(times, ((int64_t[]){10 * second, 20 * second, 15 * second}), sizeof times);
    mt_locality_free(locality);

    locality = new_locality(BLOCK);
    mt_request request = {.has = MT_HAS_HASH_IDS, .hash_ids = (uint64_t[]){4}, .hash_count = 1};
    assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    result = finish(locality);
    assert_int_equal(result.timed, 0);
    assert_int_equal(result.reuse_time.count, 0);
    assert_int_equal(result.hits, 1);
    assert_int_equal(result.totals.tokens, 2 * BLOCK);
    mt_locality_free(locality);
}

static void test_nothing(void **state) {
    (void)state;
    mt_locality *locality = new_locality(BLOCK);
    mt_request request = {.has = MT_HAS_INPUT_LENGTH, .input_length = 5};
    mt_shared_prefix prefixes[3];
    size_t count;
    for (int requests = 0; requests < 2; requests++) {
        mt_locality_result result = finish(locality);
        assert_int_equal(result.totals.requests, 0);
        assert_int_equal(result.sessions, 0);
        assert_int_equal(result.turns.count, 0);
        mt_hit_curve *curve = curve_of(locality);
        assert_true(isnan(mt_hit_curve_at(curve, 5).block));
        assert_int_equal(mt_hit_curve_size(curve, 0.9), 0);
        mt_hit_curve_free(curve);
        assert_int_equal(mt_locality_prefixes(locality, prefixes, 3, &count, NULL), MT_OK);
        assert_int_equal(count, 0);
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    }
    mt_locality_free(locality);
    mt_locality_free(NULL);
    mt_error error;
    assert_null(mt_locality_new(0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
}

/* ---- the conversation trace ---- */

static mt_locality *read_conversation(void) {
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    mt_locality *locality = new_locality(512);
    mt_request request;
    int status;
    while ((status = mt_source_next(reader, &request, NULL)) > 0)
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    assert_int_equal(status, 0);
    mt_source_free(reader);
    return locality;
}

static void test_conversation_trace(void **state) {
    (void)state;
    mt_locality *locality = read_conversation();
    mt_locality_result result = finish(locality);
    assert_int_equal(result.distinct_blocks, 182790);
    assert_int_equal(result.totals.blocks, 288500);
    assert_int_equal(result.hits, 105710);
    assert_int_equal(result.reuse_time.count, 105710);
    mt_hit_curve *curve = curve_of(locality);
    mt_hit_ratio infinite = mt_hit_curve_at(curve, MT_INFINITE_CACHE);
    assert_near(infinite.request, 0.38425808746366197);
    assert_true(fabs(infinite.block - 0.366) < 0.0005);
    assert_true(fabs(infinite.token - 0.374) < 0.0005);
    /* Published figures of three sizes have three digits. */
    assert_true(fabs(mt_hit_curve_at(curve, 10000).block - 0.211) < 0.0005);
    assert_true(fabs(mt_hit_curve_at(curve, 30000).block - 0.326) < 0.0005);
    assert_near(mt_hit_curve_at(curve, 182790).block, infinite.block);
    mt_hit_curve_free(curve);
    mt_locality_free(locality);
}

/* ---- Ctrl-C and memory ---- */

static void test_interrupt(void **state) {
    (void)state;
    mt_locality *locality = new_locality(BLOCK);
    add(locality, 0, 100, (uint64_t[]){0}, NULL);
    mt_request request = {0};
    mt_locality_result result;
    mt_shared_prefix prefix;
    size_t count;
    mt_interrupt_flag = 1;
    assert_int_equal(mt_locality_add(locality, &request, NULL), MT_ERROR_INTERRUPTED);
    assert_int_equal(mt_locality_finish(locality, &result, NULL), MT_ERROR_INTERRUPTED);
    assert_int_equal(mt_locality_prefixes(locality, &prefix, 1, &count, NULL),
                     MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_locality_free(locality);
}

/* All that there is to ask; the first failure's code. */
static mt_code ask_all(const mt_locality *locality, mt_error *error) {
    mt_locality_result result;
    mt_shared_prefix prefixes[4];
    size_t count;
    mt_code code = mt_locality_finish(locality, &result, error);
    if (code == MT_OK)
        code = mt_locality_prefixes(locality, prefixes, 4, &count, error);
    if (code != MT_OK)
        return code;
    mt_hit_curve *curve = mt_locality_hit_curve(locality, MT_TOUCH_ROOT, MT_HIT_ALL, error);
    mt_hit_curve_free(curve);
    return curve ? MT_OK : error->code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    static played play;
    uint64_t random = 3;
    make_played(&play, IDS_OF_CONTENT, &random);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_locality *locality = mt_locality_new(TRACE_BLOCK_SIZE, &all.error);
        all.code = locality ? MT_OK : all.error.code;
        for (size_t r = 0; all.code == MT_OK && r < TRACE_REQUESTS; r++) {
            char name[16];
            mt_request request = request_of(&play, r, name, sizeof name);
            all.code = mt_locality_add(locality, &request, &all.error);
        }
        if (all.code == MT_OK)
            all.code = ask_all(locality, &all.error);
        mt_locality_free(locality);
    }
}

/* 10^7 distinct blocks, with ids in no order, in 800 MB beside the analysis of lengths. Takes a few
 * seconds and 600 MB: only with MOONTIDE_SLOW_TESTS=1. */
static void test_ten_million_blocks(void **state) {
    (void)state;
    only_when_slow_is_wanted();
    enum { COUNT = 20, MANY = 500000 };
    mt_numbering *numbering = mt_numbering_new(NULL);
    mt_analysis *analysis = mt_analysis_new(BLOCK, NULL);
    mt_locality *locality = new_locality(BLOCK);
    for (uint64_t r = 0; r < MANY; r++) {
        uint64_t ids[COUNT];
        for (uint64_t i = 0; i < COUNT; i++)
            ids[i] = (r * COUNT + i) * UINT64_C(0x9E3779B97F4A7C15);
        mt_request request = {.has = MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_HASH_IDS,
                              .input_length = COUNT * BLOCK,
                              .hash_ids = mt_numbering_of(numbering, ids, COUNT, NULL),
                              .hash_count = COUNT};
        assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    }
    mt_analysis_result lengths;
    assert_int_equal(mt_analysis_finish(analysis, &lengths, NULL), MT_OK);
    assert_int_equal(finish(locality).distinct_blocks, (uint64_t)COUNT * MANY);
    mt_hit_curve_free(curve_of(locality));
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    print_message("10^7 blocks: %ld MB\n", usage.ru_maxrss / 1024);
    assert_true(usage.ru_maxrss < 800L * 1024);
    mt_numbering_free(numbering);
    mt_analysis_free(analysis);
    mt_locality_free(locality);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits_by_hand),
        cmocka_unit_test(test_inferred_sessions),
        cmocka_unit_test(test_given_sessions),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_conversation_trace),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_ten_million_blocks),
    };
    return cmocka_run_group_tests_name("locality", tests, NULL, NULL);
}
