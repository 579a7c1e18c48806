/* Models of which one thing is changed: known answers of two sessions, what holds on sources of
 * every kind, what is refused, memory that is out. */
#include "prefix/model/knobs.h"

#include "model_support.h"
#include "reuse_support.h"
#include "sweep.h"

#define SECOND INT64_C(1000000000)

static void add_turn(mt_learner *learner, const char *session, int64_t second, size_t count,
                     const uint64_t *ids) {
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                                 MT_HAS_HASH_IDS | MT_HAS_SESSION,
                          .time_ns = second * SECOND,
                          .input_length = BLOCK * count,
                          .output_length = 1,
                          .session = {session, strlen(session)},
                          .hash_ids = ids,
                          .hash_count = count};
    learn(learner, request);
}

/* A has 4, 6 and 8 blocks at 0, 10 and 20 s, B 4 and 6 at 5 and 15 s, of which 2 are A's. */
static mt_model *two_sessions(void) {
    const uint64_t a[] = {1, 2, 3, 4, 5, 6, 7, 8}, b[] = {1, 2, 11, 12, 13, 14};
    mt_learner *learner = new_learner(BLOCK);
    add_turn(learner, "a", 0, 4, a);
    add_turn(learner, "b", 5, 4, b);
    add_turn(learner, "a", 10, 6, a);
    add_turn(learner, "b", 15, 6, b);
    add_turn(learner, "a", 20, 8, a);
    return finish_learner(learner);
}

static mt_model_measures measures_of(const mt_model *model) {
    mt_model_measures measures;
    assert_int_equal(mt_model_measure(model, &measures, NULL), MT_OK);
    return measures;
}

/* Frees the model, which must be one. */
static mt_model_measures measures_of_made(mt_model *model, size_t requests) {
    assert_non_null(model);
    assert_int_equal(model->count, requests);
    mt_model_measures measures = measures_of(model);
    mt_model_release(model);
    return measures;
}

static uint64_t blocks_of(const mt_model *model) {
    uint64_t blocks = 0;
    for (size_t i = 0; i < model->count; i++)
        blocks += mt_description_blocks(&model->descriptions[i]);
    return blocks;
}

static uint64_t shared_of(const mt_model *model) {
    uint64_t shared = 0;
    for (size_t i = 0; i < model->count; i++)
        shared += model->descriptions[i].shared;
    return shared;
}

static int64_t span_of(const mt_model *model) {
    int64_t span = 0;
    for (size_t i = 0; i < model->count; i++)
        span += model->gaps_ns[i];
    return span;
}

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

/* 2 + 4 + 4 + 6 of 28 blocks are shared. They come back after 4 blocks (four), 6 (six), 8 (two) and
 * 10 (four): half of them by 6. */
static void test_measures(void **state) {
    (void)state;
    mt_model *model = two_sessions();
    mt_model_measures now = measures_of(model);
    NEAR(now.sharing, 16 / 28.0);
    NEAR(now.session_length, 2.5);
    NEAR(now.sessions_at_once, 1.5);
    assert_int_equal(now.cliff, 6);
    size_t chains = model->chain_count;
    model->chain_count = 0;
    now = measures_of(model);
    assert_true(isnan(now.session_length) && isnan(now.sessions_at_once) && now.cliff == 6);
    model->chain_count = chains;
    mt_model_release(model);
}

static void test_sharing(void **state) {
    (void)state;
    mt_model *model = two_sessions();
    mt_model *same = mt_model_with_sharing(model, 1, NULL);
    assert_same_descriptions(model, same);
    assert_memory_equal(model->gaps_ns, same->gaps_ns, model->count * sizeof *model->gaps_ns);
    mt_model_release(same);
    mt_model *half = mt_model_with_sharing(model, 0.5, NULL);
    assert_int_equal(blocks_of(half), 28);
    assert_int_equal(shared_of(half), 8);
    assert_memory_equal(model->gaps_ns, half->gaps_ns, model->count * sizeof *model->gaps_ns);
    mt_model_measures now = measures_of_made(half, 5);
    NEAR(now.session_length, 2.5);
    NEAR(now.sessions_at_once, 1.5);
    now = measures_of_made(mt_model_with_sharing(model, 0, NULL), 5);
    assert_true(now.sharing == 0 && now.cliff == 0);
    NEAR(now.session_length, 2.5);
    mt_model_release(model);
}

/* Of three turns behind first ones one stays, A's; or there are six, A having four and B two. */
static void test_session_length(void **state) {
    (void)state;
    mt_model *model = two_sessions();
    mt_model *made = mt_model_with_session_length(model, 1.5, NULL);
    assert_int_equal(blocks_of(made), 4 + 6 + 4);
    assert_int_equal(shared_of(made), 4 + 2);
    NEAR(measures_of_made(made, 3).session_length, 1.5);
    made = mt_model_with_session_length(model, 4, NULL);
    assert_int_equal(blocks_of(made), 4 + 6 + 8 + 10 + 12 + 4 + 6 + 8);
    assert_int_equal(shared_of(made), 4 + 6 + 8 + 10 + 2 + 4 + 6);
    assert_int_equal(span_of(made), 40 * SECOND);
    mt_model_measures now = measures_of_made(made, 8);
    NEAR(now.session_length, 4);
    NEAR(now.sessions_at_once, (40 + 20) / 40.0);
    mt_model_release(model);
}

/* B begins at 30 s, so that 30 s of sessions are in 40; or there are two of each. */
static void test_sessions_at_once(void **state) {
    (void)state;
    mt_model *model = two_sessions();
    mt_model *made = mt_model_with_sessions_at_once(model, 0.75, NULL);
    assert_int_equal(span_of(made), 40 * SECOND);
    assert_int_equal(shared_of(made), 16);
    NEAR(measures_of_made(made, 5).sessions_at_once, 0.75);
    made = mt_model_with_sessions_at_once(model, 3, NULL);
    assert_int_equal(blocks_of(made), 56);
    assert_int_equal(shared_of(made), 32);
    mt_model_measures now = measures_of_made(made, 10);
    NEAR(now.sessions_at_once, 3);
    NEAR(now.session_length, 2.5);
    mt_model_release(model);
}

/* A system prompt of three blocks, off which twenty sessions branch, stays one in all copies. */
static void test_hot(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    for (uint64_t s = 0; s < 20; s++)
        for (uint64_t turn = 0; turn < 2; turn++) {
            uint64_t ids[5] = {1, 2, 3, 10 + s, 100 + s};
            char name[8];
            snprintf(name, sizeof name, "%d", (int)s);
            add_turn(learner, name, (int64_t)(2 * s + turn), 4 + turn, ids);
        }
    mt_model *model = finish_learner(learner);
    assert_int_equal(blocks_of(model) - shared_of(model), 3 + 2 * 20);
    mt_model_measures now = measures_of(model);
    mt_model *made = mt_model_with_sessions_at_once(model, 2.5 * now.sessions_at_once, NULL);
    assert_int_equal(blocks_of(made) - shared_of(made), 3 + 3 * 2 * 20);
    mt_model_measures then = measures_of_made(made, 120);
    assert_true(fabs(then.sessions_at_once / now.sessions_at_once - 2.5) <
                0.1); /* of ticks of 1 s */
    mt_model_release(model);
}

/* On sources of every kind: one thing moves as it is asked to, the others stay. */
static void test_sources(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_model *model = model_of_kind((source_kind)kind, 600, 4);
        mt_model_measures now = measures_of(model);
        for (int part = 0; part <= 4; part++) {
            mt_model *made = mt_model_with_sharing(model, part / 4.0, NULL);
            assert_int_equal(blocks_of(made), blocks_of(model));
            assert_int_equal(span_of(made), span_of(model));
            assert_true(fabs((double)shared_of(made) - part / 4.0 * (double)shared_of(model)) <= 1);
            NEAR(measures_of_made(made, 600).session_length, now.session_length);
        }
        mt_model *longer = mt_model_with_session_length(model, 2 * now.session_length, NULL);
        assert_true((longer == NULL) == (kind == SOURCE_HOT)); /* that has no second turns */
        if (!longer) {
            assert_true(now.session_length == 1 && now.sessions_at_once == 0);
            mt_model_release(model);
            continue;
        }
        assert_true(fabs((double)longer->count - 1200) <= 1);
        assert_int_equal(longer->chain_count, model->chain_count);
        mt_model_release(longer);
        for (int k = 1; k <= 8; k *= 2) {
            double wanted = k / 4.0 * now.sessions_at_once;
            mt_model *made = mt_model_with_sessions_at_once(model, wanted, NULL);
            mt_model_measures then = measures_of_made(made, k > 4 ? 1200 : 600);
            assert_true(fabs(then.sessions_at_once / wanted - 1) < 0.01);
            assert_true(fabs(then.sharing - now.sharing) < 0.02);
            NEAR(then.session_length, now.session_length);
        }
        mt_model_release(model);
    }
}

/* The cliff of sessions goes where it is asked to, to 2 %. */
static void test_cliff(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 1200, 5);
    uint64_t now = measures_of(model).cliff;
    for (uint64_t k = 1; k <= 6; k++) {
        uint64_t size = now * (k + 2) / 3;
        mt_model *made = mt_model_with_cliff(model, size, NULL);
        assert_non_null(made);
        assert_true(fabs((double)measures_of(made).cliff - (double)size) <= 0.02 * (double)size);
        assert_true(fabs(measures_of(made).session_length - measures_of(model).session_length) <
                    1e-9);
        mt_model_release(made);
    }
    mt_model_release(model);
}

static void refused(mt_model *made, const mt_error *error, const char *message) {
    assert_null(made);
    assert_string_equal(error->message, message);
    assert_int_equal(error->code, MT_ERROR_VALUE);
}

static void test_refused(void **state) {
    (void)state;
    mt_error e = {0};
    mt_model *model = two_sessions();
    refused(mt_model_with_sharing(model, 1.25, &e), &e,
            "sharing must be between 0 and 1 times the source's, not 1.25");
    refused(mt_model_with_sharing(model, NAN, &e), &e,
            "sharing must be between 0 and 1 times the source's, not nan");
    refused(mt_model_with_session_length(model, 0.5, &e), &e,
            "sessions would have 0.5 turns on average, and have one at least (now 2.5)");
    refused(mt_model_with_session_length(model, NAN, &e), &e,
            "sessions would have nan turns on average, and have one at least (now 2.5)");
    refused(mt_model_with_session_length(model, 1e9, &e), &e,
            "sessions would have 2e+09 turns together, more than 67108864");
    refused(mt_model_with_sessions_at_once(model, 0, &e), &e,
            "sessions at once must be above 0, not 0");
    refused(mt_model_with_sessions_at_once(model, NAN, &e), &e,
            "sessions at once must be above 0, not nan");
    refused(mt_model_with_sessions_at_once(model, 1e12, &e), &e,
            "so many sessions at once need 6.667e+11 times the source's, with more than 67108864 "
            "turns");
    refused(mt_model_with_sessions_at_once(model, 5e7, &e), &e,
            "so many sessions at once need 33333334 times the source's, with more than 67108864 "
            "turns");
    refused(mt_model_with_sessions_at_once(model, 1e-12, &e), &e,
            "a session begins after more than 292 years");
    refused(mt_model_with_cliff(model, 0, &e), &e, "the cliff is at 1 block or more, not at 0");
    refused(mt_model_with_cliff(model, UINT64_MAX, &e), &e,
            "the cliff cannot be at 18446744073709551616 blocks (now 6): that takes more than "
            "2097152 turns");
    refused(
        mt_model_with_cliff(model, 1, &e), &e,
        "the cliff cannot be at 1 blocks by how many sessions are at once: only as low as 6 (now "
        "6); multipliers of lengths move it too");
    model->chain_count = 0;
    refused(mt_model_with_sharing(model, 1, &e), &e, "who continues whom is not known");
    refused(mt_model_with_session_length(model, 1, &e), &e, "who continues whom is not known");
    refused(mt_model_with_sessions_at_once(model, 1, &e), &e, "who continues whom is not known");
    refused(mt_model_with_cliff(model, 9, &e), &e, "who continues whom is not known");
    model->chain_count = 2;
    mt_model_release(model);
    mt_learner *learner = new_learner(BLOCK);
    const uint64_t ids[] = {1, 2};
    add_turn(learner, "a", 3, 1, ids);
    add_turn(learner, "b", 3, 1, ids + 1);
    model = finish_learner(learner);
    refused(mt_model_with_session_length(model, 2, &e), &e,
            "no session has a second turn, so none can be longer or shorter");
    refused(
        mt_model_with_sessions_at_once(model, 2, &e), &e,
        "no session lasts, so there are never several at once: all have one turn, or all of theirs "
        "at one instant");
    refused(mt_model_with_cliff(model, 2, &e), &e,
            "nothing is shared, so there is no cliff to move");
    mt_model_release(model);
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 60, 10);
    mt_model_measures now = measures_of(model);
    for (int knob = 0; knob < 4; knob++)
        for (sweep all = {0}; sweep_next(&all);) {
            mt_model *made =
                knob == 0 ? mt_model_with_sharing(model, 0.5, &all.error)
                : knob == 1
                    ? mt_model_with_session_length(model, 2 * now.session_length, &all.error)
                : knob == 2
                    ? mt_model_with_sessions_at_once(model, 2 * now.sessions_at_once, &all.error)
                    : mt_model_with_cliff(model, now.cliff, &all.error);
            all.code = made ? MT_OK : all.error.code;
            mt_model_release(made);
        }
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_session_length),
        cmocka_unit_test(test_sessions_at_once),
        cmocka_unit_test(test_hot),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_cliff),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("model knobs", tests, NULL, NULL);
}
