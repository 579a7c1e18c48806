/* Plans: what is refused, what they deliver on average. */
#include "plan_support.h"
#include "sweep.h"

static mt_expectation expect(mt_plan *plan, size_t index, double duration, double factor) {
    mt_expectation expectation;
    mt_error error;
    if (mt_plan_expect(plan, index, 0, duration, factor, &expectation, &error) != MT_OK)
        fail_msg("%s", error.message);
    return expectation;
}

static void test_refuses(void **state) {
    (void)state;
    mt_error error;
    assert_null(mt_plan_new(0, &error));
    assert_non_null(strstr(error.message, "block_size"));
    assert_null(mt_plan_new(MT_PLAN_BLOCK_SIZE_LIMIT + 1, &error));
    mt_plan *plan = new_plan(512);
    add_stream(plan, "a", poisson_of(constant(1)), lengths_of(fixed(1), 0, NULL), unique_prompt(),
               NULL);
    mt_stream again = *mt_plan_stream(plan, 0);
    assert_int_equal(mt_plan_add(plan, &again, &error), MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "'a'"));
    assert_int_equal(mt_plan_stream_count(plan), 1);
    mt_plan_release(plan);
}

static void test_expectation(void **state) {
    (void)state;
    mt_plan *plan = new_plan(512);
    mt_curve *curve = mt_curve_ramp(10, 30, 100, NULL);
    add_stream(plan, "a", poisson_of(curve), lengths_of(fixed(100), 1, fixed(50)),
               prefix_of(2000, 4, NULL), NULL);
    mt_expectation whole = expect(plan, 0, 100, 1), half = expect(plan, 0, 50, 2);
    assert_near(whole.requests, 2000, 1e-6);
    assert_near(half.requests, 2 * 750, 1e-6);
    assert_near(whole.input_mean, 2100, 1e-9);
    assert_near(whole.output_mean, 50, 1e-9);
    assert_near(whole.output_share, 1, 0);
    assert_near(whole.shared_mean, 2000, 1e-9);
    assert_near(whole.whole_shared_mean, 1536, 1e-9);
    assert_near(whole.inside, 0, 0);
    assert_near(whole.clamped_at, -1, 0);
    assert_near(whole.remembered, 4 * 2000.0 / 512, 1e-6);
    assert_near(mt_plan_remembered(plan, 0, 100, 1, UINT64_MAX), whole.remembered, 1e-9);
    mt_plan_release(plan);
}

static void test_clamped(void **state) {
    (void)state;
    mt_plan *plan = new_plan(512);
    add_stream(plan, "a", poisson_of(mt_curve_ramp(10, -10, 20, NULL)),
               lengths_of(fixed(100), 0, NULL), unique_prompt(), NULL);
    mt_expectation expectation = expect(plan, 0, 20, 1);
    assert_near(expectation.requests, 50, 1e-6);
    assert_near(expectation.clamped_at, 10, 1e-6);
    assert_near(expectation.output_share, 0, 0);
    mt_plan_release(plan);
}

/* input= of 1 800 beside 2 000 shared tokens lies inside them; half of 1 800 or 2 200 does. */
static void test_inside(void **state) {
    (void)state;
    mt_plan *plan = new_plan(512);
    const double values[] = {1800, 2200};
    add_stream(plan, "all", poisson_of(constant(1)), lengths_of(fixed(1800), 0, NULL),
               prefix_of(2000, 1, NULL), NULL);
    add_stream(plan, "half", poisson_of(constant(1)),
               lengths_of(mt_distribution_empirical(values, NULL, 2, NULL), 0, NULL),
               prefix_of(2000, 1, NULL), NULL);
    assert_near(expect(plan, 0, 10, 1).inside, 1, 1e-9);
    assert_near(expect(plan, 1, 10, 1).inside, 0.5, 1e-9);
    mt_plan_release(plan);
}

/* Weights and rate rise together: more requests fall into the class that is common when they come.
 */
static void test_classes_weighed_by_requests(void **state) {
    (void)state;
    mt_plan *plan = new_plan(100);
    mt_length_pair pairs[2] = {{.input = fixed(100), .input_is_new = 1, .output = fixed(10)},
                               {.input = fixed(400), .input_is_new = 1}};
    mt_curve *weights[2] = {mt_curve_ramp(0, 1, 10, NULL), mt_curve_ramp(1, 0, 10, NULL)};
    mt_prompt *prompts[2] = {NULL, prefix_of(250, 1, NULL)};
    mt_lengths *lengths = mt_lengths_classes(pairs, weights, 2, NULL);
    mt_process *process = poisson_of(mt_curve_ramp(0, 60, 10, NULL));
    mt_stream stream = {.name = "a",
                        .process = process,
                        .lengths = lengths,
                        .prompt = unique_prompt(),
                        .class_prompts = prompts,
                        .factor = 1,
                        .end = INFINITY};
    assert_int_equal(mt_plan_add(plan, &stream, NULL), MT_OK);
    mt_expectation expectation = expect(plan, 0, 10, 1);
    double first = 2.0 / 3; /* integral of t * t / integral of t over [0, 1] */
    assert_near(expectation.requests, 300, 1e-6);
    assert_near(expectation.input_mean, first * 100 + (1 - first) * 650, 1e-3);
    assert_near(expectation.output_share, first, 1e-5);
    assert_near(expectation.output_mean, 10, 1e-9);
    assert_near(expectation.shared_mean, (1 - first) * 250, 1e-3);
    assert_near(expectation.whole_shared_mean, (1 - first) * 200, 1e-3);
    mt_prompt_release(stream.prompt);
    mt_prompt_release(prompts[1]);
    mt_process_release(process);
    mt_lengths_release(lengths);
    for (int i = 0; i < 2; i++) {
        mt_distribution_release(pairs[i].input);
        mt_distribution_release(pairs[i].output);
        mt_curve_release(weights[i]);
    }
    mt_plan_release(plan);
}

/* The end of a stream and its factor hold beside the run's own. */
static void test_end_and_factor(void **state) {
    (void)state;
    mt_plan *plan = new_plan(512);
    mt_process *process = poisson_of(constant(4));
    mt_lengths *lengths = lengths_of(fixed(1), 0, NULL);
    mt_prompt *prompt = unique_prompt();
    mt_stream stream = {.name = "a",
                        .process = process,
                        .lengths = lengths,
                        .prompt = prompt,
                        .factor = 3,
                        .end = 10};
    assert_int_equal(mt_plan_add(plan, &stream, NULL), MT_OK);
    assert_near(expect(plan, 0, 60, 2).requests, 10 * 4 * 3 * 2, 1e-9);
    mt_process_release(process);
    mt_lengths_release(lengths);
    mt_prompt_release(prompt);
    mt_plan_release(plan);
}

/* ---- lengths, prompts and sessions must fit together ---- */

static mt_prompt *recorded_prompts(void) {
    static const uint64_t inputs[] = {600, 100}, outputs[] = {7, UINT64_MAX}, ends[] = {2, 3},
                          ids[] = {0, 1, 0};
    mt_recorded_prompts recorded = {inputs, outputs, ends, ids, 2};
    mt_prompt *prompt = mt_prompt_recorded(&recorded, 0, NULL);
    assert_non_null(prompt);
    return prompt;
}

static mt_process *sessions(void) {
    mt_process *starts = poisson_of(constant(1));
    mt_session_shape shape = {.turns = fixed(3), .think = fixed(1)};
    mt_process *process = mt_process_sessions(starts, &shape, NULL);
    mt_process_release(starts);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
    return process;
}

static void refuses(mt_process *process, mt_lengths *lengths, mt_lengths *first, mt_prompt *prompt,
                    const char *why) {
    mt_error error;
    mt_plan *plan = new_plan(512);
    mt_stream stream = {.name = "x",
                        .process = process,
                        .lengths = lengths,
                        .first = first,
                        .prompt = prompt,
                        .factor = 1,
                        .end = INFINITY};
    assert_int_equal(mt_plan_add(plan, &stream, &error), MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, why));
    assert_non_null(strstr(error.message, "'x'"));
    mt_process_release(process);
    mt_lengths_release(lengths);
    mt_lengths_release(first);
    mt_prompt_release(prompt);
    mt_plan_release(plan);
}

static mt_lengths *no_input(void) {
    mt_length_pair pair = {0};
    return mt_lengths_pair(&pair, NULL);
}

static void test_lengths_fit(void **state) {
    (void)state;
    refuses(poisson_of(constant(1)), lengths_of(fixed(3), 0, NULL), NULL, recorded_prompts(),
            "their own lengths");
    refuses(poisson_of(constant(1)), no_input(), NULL, unique_prompt(), "how long");
    refuses(sessions(), lengths_of(fixed(3), 0, NULL), NULL, unique_prompt(), "new input");
    refuses(sessions(), no_input(), NULL, recorded_prompts(), "new input");
    refuses(sessions(), lengths_of(fixed(3), 1, NULL), lengths_of(fixed(3), 0, NULL),
            unique_prompt(), "new input");
    refuses(poisson_of(constant(1)), lengths_of(fixed(3), 1, NULL), lengths_of(fixed(3), 1, NULL),
            unique_prompt(), "first turn");
}

/* Prompts of a trace bring their means, and end the stream. */
static void test_recorded_expectation(void **state) {
    (void)state;
    mt_plan *plan = new_plan(512);
    add_stream(plan, "x", poisson_of(constant(1)), no_input(), recorded_prompts(), NULL);
    mt_expectation expectation = expect(plan, 0, 60, 1);
    assert_near(expectation.requests, 2, 0);
    assert_near(expectation.input_mean, 350, 1e-9);
    assert_near(expectation.output_mean, 7, 1e-9);
    assert_near(expectation.output_share, 0.5, 1e-9);
    mt_plan_release(plan);
}

static mt_code attempt(void *context, mt_error *error) {
    mt_stream stream = *(const mt_stream *)context;
    mt_plan *plan = mt_plan_new(16, error);
    if (!plan)
        return mt_code_of(error);
    mt_expectation expectation;
    mt_code code = mt_plan_add(plan, &stream, error);
    if (code == MT_OK)
        code = mt_plan_expect(plan, 0, 0, 10, 1, &expectation, error);
    mt_plan_release(plan);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_process *process = poisson_of(constant(4));
    mt_prompt *prompt = prefix_of(100, 2, "x");
    mt_lengths *lengths = lengths_of(fixed(1), 1, fixed(2));
    mt_fields *fields = mt_fields_new(NULL);
    mt_stream stream = {.name = "a",
                        .process = process,
                        .lengths = lengths,
                        .prompt = prompt,
                        .fields = fields,
                        .class_prompts = &prompt,
                        .class_fields = &fields,
                        .factor = 1,
                        .end = INFINITY};
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(&stream, &all.error);
    mt_process_release(process);
    mt_prompt_release(prompt);
    mt_lengths_release(lengths);
    mt_fields_release(fields);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_expectation),
        cmocka_unit_test(test_clamped),
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_classes_weighed_by_requests),
        cmocka_unit_test(test_end_and_factor),
        cmocka_unit_test(test_lengths_fit),
        cmocka_unit_test(test_recorded_expectation),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
