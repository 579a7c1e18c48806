/* A plan's times with learnt prompts: the one's times, the other's requests, the plan's end. */
#include "learned_support.h"
#include "plan_support.h"

#include "load/run_synthesis.h"

static const mt_synthesis_options plain = {.seed = 3,
                                           .block_size = TRACE_BLOCK_SIZE,
                                           .prefix_len_multiplier = 1,
                                           .prompt_len_multiplier = 1,
                                           .osl_multiplier = 1,
                                           .prefix_root_multiplier = 1,
                                           .max_isl = UINT64_MAX,
                                           .max_osl = UINT64_MAX};

static mt_synthesis *synthesis_of(mt_model *model, double speedup) {
    const mt_synthesis_times none = {.speedup = speedup};
    mt_error error;
    mt_synthesis *synthesis = mt_synthesis_new(model, NULL, &plain, &none, 0, &error);
    if (!synthesis)
        fail_msg("%s", error.message);
    return synthesis;
}

static mt_process *even_of(double rate) {
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_even(curve, 0, NULL);
    assert_non_null(process);
    mt_curve_release(curve);
    return process;
}

/* Two streams: ten a second, and three a second, of prompts that nobody sees. */
static mt_run *run_of(double duration) {
    mt_error error;
    mt_plan *plan = new_plan(512);
    add_stream(plan, "a", even_of(10), lengths_of(fixed(9), 0, NULL), unique_prompt(), NULL);
    add_stream(plan, "b", poisson_of(constant(3)), lengths_of(fixed(9), 0, NULL), unique_prompt(),
               NULL);
    mt_run_options options = mt_run_defaults();
    options.duration = duration;
    options.seed = 5;
    mt_run *run = mt_run_open(plan, &options, &error);
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
    mt_synthesis *synthesis = synthesis_of(model, 4), *alone = synthesis_of(model, 4);
    mt_run *run = run_of(20), *twin = run_of(20);
    size_t count = 0;
    int got;
    while ((got = mt_run_synthesize(run, synthesis, &made, &error)) > 0) {
        assert_int_equal(mt_run_next(twin, &planned, &error), 1);
        int64_t quarter = (planned.time_ns + 2) / 4;
        assert_in_range(made.time_ns, quarter > 0 ? quarter - 1 : 0, quarter + 1);
        assert_true(made.has & MT_HAS_TIME);
        assert_int_equal(mt_synthesis_next(alone, &learnt, &error), MT_OK);
        made.has &= ~(unsigned)MT_HAS_TIME;
        learnt.time_ns = made.time_ns;
        assert_same_fields(&made, &learnt);
        count++;
    }
    assert_int_equal(got, 0);
    assert_int_equal(mt_run_next(twin, &planned, &error), 0);
    assert_true(count > 200); /* 260 on average */
    assert_int_equal(mt_run_synthesize(run, synthesis, &made, &error), 0);
    mt_run_close(run);
    mt_run_close(twin);
    mt_synthesis_free(synthesis);
    mt_synthesis_free(alone);
    mt_model_release(model);
}

static void test_times_too_large(void **state) {
    (void)state;
    static plain_trace trace;
    mt_error error = {0};
    mt_request made;
    int got;
    mt_model *model = random_model(2, &trace);
    mt_synthesis *synthesis = synthesis_of(model, 1e-12);
    mt_run *run = run_of(2);
    while ((got = mt_run_synthesize(run, synthesis, &made, &error)) > 0)
        assert_int_equal(made.time_ns, 0);
    assert_int_equal(got, -1);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "292 years"));
    mt_run_close(run);
    mt_synthesis_free(synthesis);
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_of_one_requests_of_the_other),
        cmocka_unit_test(test_times_too_large),
    };
    return cmocka_run_group_tests_name("runs with learnt prompts", tests, NULL, NULL);
}
