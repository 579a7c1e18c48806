/* What a load is, counted: against figures made by hand and against plain sums. */
#include "trace_support.h"

#include "base/memory.h"
#include "stats/levels.h"
#include "sweep.h"
#include "trace/profile.h"

#include <math.h>

static void near(double value, double wanted) {
    if (!(fabs(value - wanted) <= 1e-9 * fmax(1, fabs(wanted))))
        fail_msg("%.17g, not %.17g", value, wanted);
}

/* From 0.5 to 2.25 a level of 2, from 1 to 3 a slope up to 4. */
static void test_levels(void **state) {
    (void)state;
    mt_levels levels = {.step = 1};
    double means[4];
    assert_int_equal(mt_levels_change(&levels, 0.5, 2, 0), 0);
    assert_int_equal(mt_levels_change(&levels, 2.25, -2, 0), 0);
    assert_int_equal(mt_levels_change(&levels, 1, 0, 2), 0);
    assert_int_equal(mt_levels_change(&levels, 3, -4, -2), 0);
    assert_int_equal(mt_levels_instant(&levels, 3.9, 7), 0);
    assert_int_equal(levels.count, 4);
    mt_levels_means(&levels, means);
    near(means[0], 1);
    near(means[1], 2 + 1);
    near(means[2], 0.5 + 3);
    near(means[3], 7);
    mt_levels_free(&levels);
}

static mt_request request_at(int64_t time_ns, uint64_t input, uint64_t output) {
    mt_request request;
    memset(&request, 0, sizeof request);
    request.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH;
    request.time_ns = time_ns;
    request.input_length = input;
    request.output_length = output;
    return request;
}

static const int64_t second = 1000000000;

/* In flight and tokens held, step by step, against an integral by small stretches. */
static void test_service(void **state) {
    (void)state;
    mt_profile_options options = {
        .step_ns = second, .to_ns = INT64_MAX, .is_served = 1, .ttft = 0.3, .per_token = 0.02};
    mt_error error;
    uint64_t random = 3;
    mt_profile *profile = mt_profile_new(&options, &error);
    assert_non_null(profile);
    enum { REQUESTS = 50, STEPS = 40, PARTS = 20000 };
    double flight[STEPS] = {0}, held[STEPS] = {0};
    for (int i = 0; i < REQUESTS; i++) {
        double time = (double)below(&random, 20000) / 1000;
        uint64_t input = below(&random, 500), output = below(&random, 600);
        mt_request request = request_at((int64_t)llround(time * 1e9), input, output);
        assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
        double first = time + 0.3, end = first + 0.02 * (double)output;
        for (int part = 0; part < STEPS * PARTS / 50; part++) {
            double at = (part + 0.5) * 50 / PARTS;
            int step = (int)at;
            if (at < time || at >= end)
                continue;
            flight[step] += 50.0 / PARTS;
            held[step] += ((double)input + fmax(0, at - first) / 0.02) * 50 / PARTS;
        }
    }
    double means[STEPS];
    assert_true(profile->in_flight.count <= STEPS);
    mt_levels_means(&profile->in_flight, means);
    for (size_t i = 0; i < profile->in_flight.count; i++)
        assert_true(fabs(means[i] - flight[i]) < 0.2);
    mt_levels_means(&profile->kv_tokens, means);
    for (size_t i = 0; i < profile->kv_tokens.count; i++)
        assert_true(fabs(means[i] - held[i]) < 100);
    mt_profile_release(profile);
}

static void test_counts(void **state) {
    (void)state;
    mt_profile_options options = {
        .step_ns = second, .to_ns = 2 * second, .from_first = 1, .by = "stream"};
    mt_error error;
    mt_profile *profile = mt_profile_new(&options, &error);
    mt_request request = request_at(1500000000, 10, 3);
    request.has |= MT_HAS_SESSION | MT_HAS_STREAM;
    request.session = (mt_span){"7", 1};
    request.stream = (mt_span){"\"a\"", 3};
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    request.time_ns = 3200000000;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    request = request_at(2 * second, 30, 5);
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    request.has = 0;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    assert_true(profile->requests == 4 && profile->timed == 3 && profile->within == 1);
    assert_true(profile->origin_ns == second && profile->step_count == 3);
    assert_true(profile->sessions.count == 1 && profile->without_session == 2);
    assert_true(profile->groups.count == 2 && profile->group_sums[0].requests == 2);
    assert_true(profile->group_sums[1].input == 30);
    assert_true(profile->steps[1].requests == 1 && profile->steps[1].output == 5);
    mt_profile_finish(profile);
    assert_true(profile->inputs.count == 3 && profile->inputs.values[2] == 30);
    mt_profile_release(profile);
}

/* A cache that remembers the last request's ids alone, and counts what it was asked. */
typedef struct last_cache {
    uint64_t asked, id;
    int is_released;
} last_cache;

static mt_code access_last(void *state, const mt_request *request, size_t *hits, mt_error *error) {
    last_cache *cache = state;
    cache->asked++;
    if (request->hash_ids[0] == 99)
        return mt_fail(error, MT_ERROR_INPUT, "the cache has no 99");
    *hits = request->hash_ids[0] == cache->id;
    cache->id = request->hash_ids[0];
    return MT_OK;
}

static void release_last(void *state) {
    ((last_cache *)state)->is_released = 1;
}

static void test_hits(void **state) {
    (void)state;
    mt_profile_options options = {.step_ns = second, .to_ns = INT64_MAX, .from_first = 1};
    mt_error error;
    last_cache cache = {0, 7, 0};
    mt_profile *profile = mt_profile_new(&options, &error);
    mt_profile_add_cache(profile, (mt_profile_cache){&cache, access_last, release_last});
    uint64_t ids[2] = {7, 8};
    mt_request request = request_at(0, 10, 3);
    request.hash_ids = ids;
    request.hash_count = 2;
    request.has |= MT_HAS_HASH_IDS;
    for (int i = 0; i < 3; i++) { /* at 0, 1500 and 3000 ms */
        request.time_ns = i * 3 * second / 2;
        ids[0] = i < 2 ? 7 : 5;
        assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    }
    /* What the series refuses the cache has not seen; what it refuses is not counted. */
    request.time_ns = -5 * second;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_ERROR_INPUT);
    assert_int_equal(cache.asked, 3);
    request.time_ns = 3 * second;
    ids[0] = 99;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, "the cache has no 99");
    /* One without a time is in no step, but in the cache. */
    request.has &= ~(unsigned)MT_HAS_TIME;
    ids[0] = 6;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    assert_int_equal(cache.id, 6);
    assert_true(profile->requests == 4 && profile->step_count == 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(profile->hits[i].blocks, i == 2 ? 0 : 2);
        assert_int_equal(profile->hits[i].hits, i < 2);
    }
    mt_profile_release(profile);
    assert_true(cache.is_released);
}

/* What cannot be counted is said, and what was counted before stays. */
static void test_refused(void **state) {
    (void)state;
    mt_profile_options options = {.step_ns = second, .to_ns = INT64_MAX, .is_served = 1};
    mt_error error;
    mt_profile *profile = mt_profile_new(&options, &error);
    mt_request request = request_at(second, 1, 1);
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_OK);
    request.time_ns = -1;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_ERROR_INPUT);
    assert_non_null(strstr(error.message, "cat --sort"));
    request.time_ns = 5000000 * second;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_ERROR_INPUT);
    assert_non_null(strstr(error.message, "--step"));
    request.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    assert_int_equal(mt_profile_add(profile, &request, &error), MT_ERROR_INPUT);
    assert_non_null(strstr(error.message, "output_length"));
    assert_true(profile->requests == 2);
    mt_profile_release(profile);
    options.step_ns = 0;
    assert_null(mt_profile_new(&options, &error));
}

static void test_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_profile_options options = {
            .step_ns = second, .to_ns = INT64_MAX, .is_served = 1, .ttft = 1, .by = "stream"};
        mt_profile *profile = mt_profile_new(&options, &all.error);
        all.code = profile ? MT_OK : all.error.code;
        for (int i = 0; i < 40 && all.code == MT_OK; i++) {
            mt_request request = request_at(i * second, 5, 5);
            request.has |= MT_HAS_SESSION;
            request.session = (mt_span){&"0123456789012345678901234567890123456789"[i], 1};
            all.code = mt_profile_add(profile, &request, &all.error);
        }
        mt_profile_release(profile);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels), cmocka_unit_test(test_service),
        cmocka_unit_test(test_counts), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hits),   cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
