/* Roots, turns too early, hits and tokens over time, by hand; halves of a trace; memory that is
 * out. */
#include "prefix/analysis/course.h"

#include "base/memory.h"
#include "prefix/analysis/halves.h"
#include "prefix_support.h"
#include "sweep.h"

#include <math.h>

enum { BLOCK = 100 };

static const int64_t second = 1000000000;

/* A request of `tokens` in blocks of BLOCK; session: a JSON token, NULL: none. */
static mt_request request_of(int64_t ms, uint64_t tokens, uint64_t output, const uint64_t *ids,
                             const char *session) {
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH,
                          .time_ns = ms * 1000000,
                          .input_length = tokens,
                          .output_length = output};
    if (ids) {
        request.has |= MT_HAS_HASH_IDS;
        request.hash_ids = ids;
        request.hash_count = (size_t)((tokens + BLOCK - 1) / BLOCK);
    }
    if (session) {
        request.has |= MT_HAS_SESSION;
        request.session = (mt_span){session, strlen(session)};
    }
    return request;
}

static void add(mt_locality *locality, mt_request request) {
    assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
}

static mt_locality *new_locality(void) {
    mt_locality *locality = mt_locality_new(BLOCK, NULL);
    assert_non_null(locality);
    return locality;
}

static void test_roots(void **state) {
    (void)state;
    mt_locality *locality = new_locality();
    mt_roots roots = mt_locality_roots(locality);
    assert_int_equal(roots.count + roots.requests + roots.commonest, 0);
    add(locality, request_of(0, 200, 1, (uint64_t[]){7, 8}, NULL));
    add(locality, request_of(1, 200, 1, (uint64_t[]){9, 7}, NULL)); /* 7 is another block here */
    add(locality, request_of(2, 100, 1, (uint64_t[]){7}, NULL));
    add(locality, request_of(3, 100, 1, NULL, NULL));
    roots = mt_locality_roots(locality);
    assert_int_equal(roots.count, 2);
    assert_int_equal(roots.requests, 3);
    assert_int_equal(roots.commonest, 2);
    mt_locality_free(locality);
}

static mt_early early_of(const mt_locality *locality, int64_t ttft_ms, int64_t token_ms) {
    mt_early early;
    assert_int_equal(
        mt_locality_early(locality, ttft_ms * 1000000, token_ms * 1000000, &early, NULL), MT_OK);
    return early;
}

/* A session's turns at 0, 100, 250 and 10 ms, their answers of 100, 200, 5 and 5 tokens. */
static void test_early(void **state) {
    (void)state;
    mt_locality *locality = new_locality();
    add(locality, request_of(0, 100, 100, NULL, "1"));
    add(locality, request_of(0, 100, 999, NULL, "2")); /* nothing continues it */
    add(locality, request_of(100, 100, 200, NULL, "1"));
    add(locality, request_of(250, 100, 5, NULL, "1"));
    mt_early early = early_of(locality, 0, 1);
    assert_int_equal(early.turns, 2);
    assert_int_equal(early.early, 1); /* at 100 it has ended just so; at 250 it has not */
    assert_int_equal(early_of(locality, 1, 1).early, 2);
    assert_int_equal(early_of(locality, 0, 0).early, 0);
    assert_int_equal(early_of(locality, 0, INT64_MAX / 2000000).early, 2);
    add(locality, request_of(10, 100, 5, NULL, "1")); /* time goes back */
    assert_int_equal(early_of(locality, 0, 0).early, 1);
    mt_request untimed = request_of(0, 100, 5, NULL, "1");
    untimed.has &= ~(unsigned)(MT_HAS_TIME | MT_HAS_OUTPUT_LENGTH);
    add(locality, untimed);
    add(locality, request_of(300, 100, 5, NULL, "1"));
    mt_request silent = request_of(300, 100, 5, NULL, "1");
    silent.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    add(locality, silent);
    add(locality, request_of(300, 100, 5, NULL, "1"));
    early = early_of(locality, 0, 0);
    assert_int_equal(early.turns,
                     4); /* of the last four only the one after an answer with a time */
    assert_int_equal(early.early, 1);
    mt_locality_free(locality);
}

static void test_parts(void **state) {
    (void)state;
    mt_locality *locality = new_locality();
    double ratios[3];
    mt_locality_hits_by_part(locality, ratios, 3);
    assert_true(isnan(ratios[0]) && isnan(ratios[1]) && isnan(ratios[2]));
    static const uint64_t ids[] = {1, 2, 3, 4, 5};
    for (int i = 0; i < 7; i++) {
        add(locality, request_of(0, i < 2 ? 200 : 500, 1, ids, NULL));
        add(locality, request_of(0, 900, 1, NULL, NULL)); /* has no part */
    }
    /* Seven requests: two, two and three; of the first two blocks hit, of the second 2 + 5. */
    mt_locality_hits_by_part(locality, ratios, 3);
    assert_true(ratios[0] == 0.5 && ratios[1] == 0.7 && ratios[2] == 1);
    mt_locality_free(locality);
}

static double cv_of(const mt_locality *locality, int is_output, int64_t width) {
    mt_variation vary;
    assert_int_equal(mt_locality_tokens_vary(locality, is_output, width * second, &vary, NULL),
                     MT_OK);
    return vary.coefficient_of_variation;
}

/* Windows of a second, from -1 s: 300, 0, 500 tokens, and the last, which is incomplete. */
static void test_tokens(void **state) {
    (void)state;
    mt_locality *locality = new_locality();
    assert_true(isnan(cv_of(locality, 0, 1)));
    add(locality, request_of(1000, 200, 10, NULL, NULL));
    add(locality, request_of(1999, 300, 10, NULL, NULL));
    add(locality, request_of(2000, 900, 900, NULL, NULL));
    assert_true(isnan(cv_of(locality, 0, 1)));            /* one window */
    add(locality, request_of(-500, 300, 40, NULL, NULL)); /* out of order */
    double mean = 800.0 / 3, variance = (300 * 300 + 500 * 500 - 3 * mean * mean) / 2;
    assert_true(fabs(cv_of(locality, 0, 1) - sqrt(variance) / mean) < 1e-12);
    mean = 20, variance = (40 * 40 + 20 * 20 - 3 * mean * mean) / 2;
    assert_true(fabs(cv_of(locality, 1, 1) - sqrt(variance) / mean) < 1e-12);
    mt_request silent = request_of(100, 1, 7, NULL, NULL);
    silent.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    add(locality, silent);
    assert_true(fabs(cv_of(locality, 1, 1) - sqrt(variance) / mean) < 1e-12);
    assert_true(isnan(cv_of(locality, 0, 300)));
    mt_locality_free(locality);

    /* Windows that are alike vary by nothing; where nothing comes, no one can tell. */
    for (int is_output = 0; is_output < 2; is_output++) {
        locality = new_locality();
        for (int i = 0; i < 4; i++)
            add(locality, request_of(1000 * i, 100, 0, NULL, NULL));
        assert_true(is_output ? isnan(cv_of(locality, 1, 1)) : cv_of(locality, 0, 1) == 0);
        mt_locality_free(locality);
    }
}

static void test_samples(void **state) {
    (void)state;
    mt_locality *locality = new_locality();
    add(locality, request_of(0, 100, 1, NULL, "1"));
    add(locality, request_of(0, 100, 1, NULL, "2"));
    add(locality, request_of(1500, 100, 1, NULL, "1"));
    double values[3];
    assert_int_equal(mt_locality_think_times(locality, NULL), 1);
    assert_int_equal(mt_locality_think_times(locality, values), 1);
    assert_true(values[0] == 1.5);
    assert_int_equal(mt_locality_turns(locality, NULL), 2);
    mt_locality_turns(locality, values);
    assert_true(values[0] == 2 && values[1] == 1);
    mt_locality_free(locality);
}

/* ---- halves ---- */

enum { SESSIONS = 40, TURNS = 5 };

/* Sessions go whole to a half, which sees the hits that they have among themselves; alone ones each
 * where they are drawn. All share block 0. */
static void test_halves(void **state) {
    (void)state;
    mt_locality *whole = new_locality(), *parts[2] = {new_locality(), new_locality()};
    mt_halves *halves = mt_halves_new(3, NULL);
    int place[SESSIONS], alone[2] = {0, 0};
    uint64_t next = 1, ids[SESSIONS][TURNS + 1], highest[2] = {0, 0};
    for (int turn = 0; turn < TURNS; turn++)
        for (int s = 0; s < SESSIONS; s++) {
            char name[16];
            snprintf(name, sizeof name, "%d", s);
            ids[s][0] = 0;
            ids[s][turn + 1] = next++;
            mt_request part, request = request_of(0, (uint64_t)(turn + 2) * BLOCK, 1, ids[s], name);
            int which;
            add(whole, request);
            assert_int_equal(mt_halves_place(halves, whole, &request, &which, &part, NULL), MT_OK);
            if (turn > 0)
                assert_int_equal(which, place[s]);
            place[s] = which;
            assert_int_equal(part.hash_count, request.hash_count);
            assert_int_equal(part.hash_ids[0], 0);
            for (size_t i = 0; i < part.hash_count; i++) {
                assert_true(part.hash_ids[i] <= highest[which]); /* the format's rule */
                highest[which] += part.hash_ids[i] == highest[which];
            }
            add(parts[which], part);
            request = request_of(0, 50, 1, NULL, NULL);
            add(whole, request);
            assert_int_equal(mt_halves_place(halves, whole, &request, &which, &part, NULL), MT_OK);
            alone[which]++;
        }
    uint64_t hits = 0;
    for (int i = 0; i < 2; i++) {
        mt_locality_result result;
        assert_int_equal(mt_locality_finish(parts[i], &result, NULL), MT_OK);
        assert_true(result.sessions >= SESSIONS / 4);
        assert_int_equal(mt_halves_units(halves, i), result.sessions + (uint64_t)alone[i]);
        hits += result.hits;
    }
    /* In the whole only the first request ever misses block 0, here one of each half. */
    mt_locality_result result;
    assert_int_equal(mt_locality_finish(whole, &result, NULL), MT_OK);
    assert_int_equal(hits, result.hits - 1);
    assert_true(alone[0] > 70 && alone[1] > 70); /* of 200: four deviations are 28 */
    mt_halves_free(halves);
    for (int i = 0; i < 2; i++)
        mt_locality_free(parts[i]);
    mt_locality_free(whole);
}

static void test_memory(void **state) {
    (void)state;
    mt_locality *locality = new_locality();
    mt_request request = request_of(0, 100, 1, (uint64_t[]){0}, "1");
    add(locality, request);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_early early;
        mt_variation vary;
        mt_request part;
        int which;
        mt_halves *halves = mt_halves_new(0, &all.error);
        all.code = halves ? mt_halves_place(halves, locality, &request, &which, &part, &all.error)
                          : all.error.code;
        if (all.code == MT_OK)
            all.code = mt_locality_early(locality, 0, 1, &early, &all.error);
        if (all.code == MT_OK)
            all.code = mt_locality_tokens_vary(locality, 0, second, &vary, &all.error);
        mt_halves_free(halves);
    }
    mt_locality_free(locality);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),   cmocka_unit_test(test_early),
        cmocka_unit_test(test_parts),   cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_samples), cmocka_unit_test(test_halves),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
