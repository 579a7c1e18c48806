/* Times from one source, the rest from a synthesis: the one's times, the other's requests, the first
 * one's end. */
#include "learned_support.h"
#include "plan_support.h"

#include "load/run/run.h"
#include "prefix/synthesis/synthesis.h"

static const mt_synthesis_options plain = {
    .seed = 3, .block_size = TRACE_BLOCK_SIZE, MT_SYNTHESIS_PLAIN};

static mt_synthesis *synthesis_of(mt_model *model, double speedup) {
    const mt_synthesis_times none = {.speedup = speedup};
    const mt_origin origin = {.model = model};
    mt_error error;
    mt_synthesis *synthesis = mt_synthesis_new(&origin, &plain, &none, 0, &error);
    if (!synthesis)
        fail_msg("%s", error.message);
    return synthesis;
}

/* The requests of the first at the times of the second. */
static mt_source *timed(mt_synthesis *synthesis, mt_source *below) {
    mt_source *source = mt_step_synthesis(below, synthesis, NULL);
    assert_non_null(source);
    mt_synthesis_release(synthesis);
    return source;
}

static mt_process *even_of(double rate) {
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_even(curve, 0, NULL);
    assert_non_null(process);
    mt_curve_release(curve);
    return process;
}

/* Two streams: ten a second, and three a second, of prompts that nobody sees. */
static mt_source *run_of(double duration) {
    mt_error error;
    mt_plan *plan = new_plan(512);
    add_stream(plan, "a", even_of(10), lengths_of(fixed(9), 0, NULL), unique_prompt(), NULL);
    add_stream(plan, "b", poisson_of(constant(3)), lengths_of(fixed(9), 0, NULL), unique_prompt(),
               NULL);
    mt_run_options options = mt_run_defaults();
    options.duration = duration;
    options.seed = 5;
    mt_source *run = mt_source_run(plan, &options, &error);
    if (!run)
        fail_msg("%s", error.message);
    mt_plan_release(plan);
    return run;
}

static void test_times_of_one_requests_of_the_other(void **state) {
    (void)state;
    static plain_trace trace;
    mt_error error = {0};
    mt_request made, planned, learnt;
    mt_model *model = random_model(2, &trace);
    mt_source *twin = run_of(20), *source = timed(synthesis_of(model, 4), run_of(20));
    mt_synthesis *own = synthesis_of(model, 4);
    mt_source *alone = mt_source_synthesis(own, UINT64_MAX, &error);
    mt_synthesis_release(own);
    assert_string_equal(mt_source_name(source), "the plan");
    assert_string_equal(mt_source_name(alone), "the synthesis");
    size_t count = 0;
    int got;
    while ((got = mt_source_next(source, &made, &error)) > 0) {
        assert_int_equal(mt_source_next(twin, &planned, &error), 1);
        int64_t quarter = (planned.time_ns + 2) / 4;
        assert_in_range(made.time_ns, quarter > 0 ? quarter - 1 : 0, quarter + 1);
        assert_true(made.has & MT_HAS_TIME);
        assert_int_equal(mt_source_next(alone, &learnt, &error), 1);
        made.has &= ~(unsigned)MT_HAS_TIME;
        learnt.time_ns = made.time_ns;
        assert_same_fields(&made, &learnt);
        count++;
    }
    assert_int_equal(got, 0);
    assert_int_equal(mt_source_next(twin, &planned, &error), 0);
    assert_true(count > 200); /* 260 on average */
    assert_int_equal(mt_source_next(source, &made, &error), 0);
    mt_source_free(source);
    mt_source_free(twin);
    mt_source_free(alone);
    mt_model_release(model);
}

/* Any source gives times; a request without one has none in the end either. */
static void test_times_of_columns(void **state) {
    (void)state;
    static plain_trace trace;
    mt_columns columns = {0};
    mt_error error = {0};
    mt_request made, request = {.has = MT_HAS_TIME, .time_ns = 8000};
    mt_model *model = random_model(2, &trace);
    assert_int_equal(mt_columns_append(&columns, &request, &error), MT_OK);
    request = (mt_request){.has = MT_HAS_INPUT_LENGTH, .input_length = 3};
    assert_int_equal(mt_columns_append(&columns, &request, &error), MT_OK);
    mt_source *source = timed(synthesis_of(model, 4), mt_source_columns(&columns, &error));
    assert_int_equal(mt_source_next(source, &made, &error), 1);
    assert_int_equal(made.time_ns, 2000);
    assert_true(made.hash_count > 0);
    assert_int_equal(mt_source_next(source, &made, &error), 1);
    assert_false(made.has & MT_HAS_TIME);
    assert_true(made.has & MT_HAS_HASH_IDS);
    assert_int_equal(mt_source_next(source, &made, &error), 0);
    mt_source_free(source);
    mt_columns_free(&columns);
    mt_model_release(model);
}

static void test_times_too_large(void **state) {
    (void)state;
    static plain_trace trace;
    mt_error error = {0};
    mt_request made;
    int got;
    mt_model *model = random_model(2, &trace);
    mt_source *source = timed(synthesis_of(model, 1e-12), run_of(2));
    while ((got = mt_source_next(source, &made, &error)) > 0)
        assert_int_equal(made.time_ns, 0);
    assert_int_equal(got, -1);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "292 years"));
    mt_source_free(source);
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_of_one_requests_of_the_other),
        cmocka_unit_test(test_times_of_columns),
        cmocka_unit_test(test_times_too_large),
    };
    return cmocka_run_group_tests_name("times of one source, requests of a synthesis", tests, NULL,
                                       NULL);
}
