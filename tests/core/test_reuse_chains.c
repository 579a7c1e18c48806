/* Requests made from chains: what is the source's exactly, what caches make of them, sessions, what
 * lasts from lap to lap, populations, memory that is out. */
#include "prefix/reuse/reuse.h"

#include "reuse_support.h"
#include "sweep.h"

enum { REQUESTS = 1200 };

static mt_synthesis_options with_seed(uint64_t seed) {
    mt_synthesis_options options = plain_options;
    options.seed = seed;
    return options;
}

static mt_reuse *reuse_of(mt_model *model, const mt_synthesis_options *options) {
    mt_error error = {0};
    mt_reuse *reuse = mt_reuse_new_of_chains(model, options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(reuse);
    return reuse;
}

static void next(mt_reuse *reuse, mt_synthetic *made) {
    mt_error error = {0};
    mt_code code = mt_reuse_next(reuse, made, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(code, MT_OK);
}

/* After a lap each of the source's requests was made once, hits in an infinite cache are its own
 * and those of caches of all sizes within 0.025 (readers of a document move a little, and this is a
 * small source); ids are new in order, times never fall. */
static void test_laps(void **state) {
    (void)state;
    static source trace;
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        make_source(&trace, (source_kind)kind, REQUESTS, 3);
        mt_model *model = model_of(&trace);
        caches from;
        open_caches(&from);
        for (size_t r = 0; r < REQUESTS; r++)
            touch_caches(&from, trace.ids[r], trace.blocks[r]);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            mt_synthesis_options options = with_seed(seed);
            mt_reuse *reuse = reuse_of(model, &options);
            mt_synthetic made = {0};
            uint8_t times[REQUESTS] = {0};
            uint64_t next_id = 0, next_session = 0;
            int64_t last = 0;
            caches all;
            open_caches(&all);
            for (size_t r = 0; r < REQUESTS; r++) {
                next(reuse, &made);
                assert_in_range(made.output_length, 1, REQUESTS);
                assert_int_equal(made.input_length, trace.input[made.output_length - 1]);
                assert_int_equal(made.hash_count, trace.blocks[made.output_length - 1]);
                assert_int_equal(times[made.output_length - 1]++, 0);
                assert_true(made.time_ns >= last && made.session <= next_session);
                assert_true(r > 0 || made.time_ns == 0);
                last = made.time_ns;
                next_session += made.session == next_session;
                for (size_t i = 0; i < made.hash_count; i++) {
                    assert_true(made.hash_ids[i] <= next_id);
                    next_id += made.hash_ids[i] == next_id;
                }
                touch_caches(&all, made.hash_ids, made.hash_count);
            }
            assert_int_equal(all.all, from.all);
            assert_int_equal(all.infinite, from.infinite);
            for (int j = 0; j < CACHES; j++)
                assert_true(fabs((double)all.hits[j] - (double)from.hits[j]) <
                            0.025 * (double)from.all);
            close_caches(&all);
            mt_free(made.hash_ids);
            mt_reuse_free(reuse);
        }
        close_caches(&from);
        mt_model_release(model);
    }
}

/* Two sessions, one block a turn more each: what comes after what in each is known. */
static mt_model *two_sessions(size_t turns) {
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    uint64_t ids[2][64];
    for (size_t r = 0; r < 2 * turns; r++) {
        for (uint64_t i = 0; i < 64; i++)
            ids[r % 2][i] = i == 0 ? 7 : 1000 * (1 + r % 2) + i;
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                                     MT_HAS_HASH_IDS,
                              .time_ns = (int64_t)r * INT64_C(10000000000),
                              .input_length = BLOCK * (r / 2 + 2),
                              .output_length = r,
                              .hash_ids = ids[r % 2],
                              .hash_count = r / 2 + 2};
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    return model;
}

static void test_sessions(void **state) {
    (void)state;
    enum { TURNS = 30 };
    mt_model *model = two_sessions(TURNS);
    assert_int_equal(model->chain_count, 2);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        mt_synthesis_options options = with_seed(seed);
        mt_reuse *reuse = reuse_of(model, &options);
        mt_synthetic made = {0};
        size_t blocks[2] = {1, 1};
        int64_t before[2] = {0};
        for (size_t r = 0; r < 2 * TURNS; r++) {
            next(reuse, &made);
            assert_true(made.has_session && made.session < 2);
            assert_int_equal(made.hash_count, ++blocks[made.session]);
            if (blocks[made.session] > 2) /* the source's gaps are all 20 s */
                assert_int_equal(made.time_ns - before[made.session], INT64_C(20000000000));
            before[made.session] = made.time_ns;
        }
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
    }
    mt_model_release(model);
}

static uint64_t roots_of(mt_model *model, const mt_synthesis_options *options, size_t requests) {
    mt_reuse *reuse = reuse_of(model, options);
    mt_synthetic made = {0};
    uint64_t roots = 0, next_id = 0;
    for (size_t r = 0; r < requests; r++) {
        next(reuse, &made);
        roots += made.hash_ids[0] == next_id;
        for (size_t i = 0; i < made.hash_count; i++)
            next_id += made.hash_ids[i] == next_id;
    }
    mt_free(made.hash_ids);
    mt_reuse_free(reuse);
    return roots;
}

/* What all share stays one over laps, and there is one a population. */
static void test_roots(void **state) {
    (void)state;
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    for (uint64_t r = 0; r < 400; r++) {
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                              .time_ns = (int64_t)r * 1000000,
                              .input_length = 3 * BLOCK,
                              .hash_ids = (uint64_t[]){1, 2, 10 + r},
                              .hash_count = 3};
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    mt_synthesis_options options = plain_options;
    assert_int_equal(roots_of(model, &options, 2000), 1);
    options.prefix_root_multiplier = 3;
    assert_int_equal(roots_of(model, &options, 2000), 3);
    mt_model_release(model);
}

/* Seeds differ, the same seed does not; nor does asking for more than the source has. */
static void test_seeds(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_HOT, REQUESTS, 6);
    for (int resample = 0; resample < 2; resample++) {
        mt_synthesis_options one = with_seed(1), again = with_seed(1), other = with_seed(2);
        one.resample = again.resample = other.resample = resample;
        again.requests = 5000;
        mt_reuse *made_by[] = {reuse_of(model, &one), reuse_of(model, &again),
                               reuse_of(model, &other)};
        mt_synthetic made[3] = {{0}};
        int unlike = 0;
        for (int r = 0; r < REQUESTS; r++) {
            for (int k = 0; k < 3; k++)
                next(made_by[k], &made[k]);
            assert_int_equal(made[0].output_length, made[1].output_length);
            assert_int_equal(made[0].time_ns, made[1].time_ns);
            assert_int_equal(made[0].hash_count, made[1].hash_count);
            assert_memory_equal(made[0].hash_ids, made[1].hash_ids, 8 * made[0].hash_count);
            unlike += made[0].output_length != made[2].output_length;
        }
        assert_true(unlike > REQUESTS / 4);
        for (int k = 0; k < 3; k++) {
            mt_free(made[k].hash_ids);
            mt_reuse_free(made_by[k]);
        }
    }
    mt_model_release(model);
}

/* Fewer requests than the source's keep its lengths better than its first ones do: here these are
 * the short ones. */
static void test_part(void **state) {
    (void)state;
    enum { COUNT = 1000, PART = 250 };
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    for (uint64_t r = 0; r < COUNT; r++) {
        uint64_t length = r < 300 ? 10 : 500 + r % 100;
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH,
                              .time_ns = (int64_t)r * 1000000,
                              .input_length = length};
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    mt_synthesis_options options = plain_options;
    options.requests = PART;
    mt_reuse *reuse = reuse_of(model, &options);
    mt_synthetic made = {0};
    int short_ones = 0;
    for (int r = 0; r < PART; r++) {
        next(reuse, &made);
        assert_true(r > 0 || made.time_ns == 0);
        short_ones += made.input_length == 10;
    }
    assert_in_range(short_ones, PART / 5, 2 * PART / 5); /* 3 of 10 in the source */
    mt_free(made.hash_ids);
    mt_reuse_free(reuse);
    mt_model_release(model);
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 80, 10);
    /* Looking for a part asks for memory in each of its thousands of steps. */
    for (sweep all = {.all_of = 60, .stride = 5003}; sweep_next(&all);) {
        mt_synthesis_options options = with_seed(1);
        mt_synthetic made = {0};
        options.requests = 40;
        options.resample = 1;
        mt_reuse *reuse = mt_reuse_new_of_chains(model, &options, &all.error);
        all.code = reuse ? MT_OK : all.error.code;
        if (reuse)
            mt_reuse_spread(reuse);
        for (int r = 0; r < 200 && all.code == MT_OK; r++)
            all.code = mt_reuse_next(reuse, &made, &all.error);
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
    }
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laps),  cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_roots), cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_part),  cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("reuse chains", tests, NULL, NULL);
}
