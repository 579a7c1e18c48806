/* Runs whose blocks get their ids in a thread: the same requests, the same failures, and nothing lost. */
#include "plan_support.h"
#include "sweep.h"

#include "base/beside.h"
#include "base/interrupt.h"
#include "base/thread.h"
#include "load/run/run.h"
#include "trace/end/ends.h"

enum { REQUESTS = 12000, THREADS = 4, FAILS_AT = 10500 };

/* ---- nobody else may have a thread ---- */

static void rest(void *context) {
    (void)context;
}

/* All threads that may give ids are in use from here to release_threads. */
static void take_threads(mt_beside **taken) {
    for (int i = 0; i < THREADS; i++)
        taken[i] = mt_beside_new(MT_BESIDE_NUMBERS, rest, NULL);
    assert_null(mt_beside_new(MT_BESIDE_NUMBERS, rest, NULL));
}

static void release_threads(mt_beside **taken) {
    for (int i = 0; i < THREADS; i++)
        mt_beside_free(taken[i]);
}

/* ---- plans ---- */

/* Prompts of 16 tokens a block that share beginnings of 20 blocks. */
static void add_shared(mt_plan *plan, mt_process *process) {
    add_stream(plan, "shared", process,
               lengths_of(mt_distribution_exponential(mt_number(600), NULL), 0, fixed(40)),
               prefix_of(320, 40, NULL), NULL);
}

static mt_plan *shared_plan(void) {
    mt_plan *plan = new_plan(16);
    add_shared(plan, poisson_of(constant(100)));
    return plan;
}

static mt_plan *plan_with_sessions(void) {
    mt_plan *plan = shared_plan();
    mt_process *begin = poisson_of(constant(30));
    mt_session_shape shape = {.turns = fixed(3),
                              .think = mt_distribution_exponential(mt_number(0.5), NULL),
                              .per_token = 0.01,
                              .rules.max_input = 900};
    add_stream(plan, "talk", mt_process_sessions(begin, &shape, NULL),
               lengths_of(mt_distribution_exponential(mt_number(120), NULL), 1, fixed(40)),
               prefix_of(300, 2, NULL), NULL);
    mt_process_release(begin);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
    return plan;
}

static mt_run_options all_of(void) {
    mt_run_options options = mt_run_defaults();
    options.duration = 1000;
    options.most = REQUESTS;
    options.tags = 1;
    return options;
}

/* ---- the same ---- */

/* What is written of a run of the plan, and whether a thread was there at its end. */
static uint64_t digest_of(mt_plan *plan, int *is_ahead) {
    mt_run_options options = all_of();
    mt_trace_format format = {.timestamp_digits = 6};
    mt_request request;
    uint64_t digest;
    mt_error error;
    mt_source *run = mt_source_run(plan, &options, &error);
    assert_non_null(run);
    assert_false(mt_source_run_is_ahead(run));
    assert_int_equal(mt_source_digest(run, &format, REQUESTS, &digest, &error), MT_OK);
    for (int i = 0; i < 3; i++) /* the end stays the end */
        assert_int_equal(mt_source_next(run, &request, &error), 0);
    *is_ahead = mt_source_run_is_ahead(run);
    mt_source_free(run);
    return digest;
}

static void test_same_requests(void **state) {
    (void)state;
    mt_plan *plan = plan_with_sessions();
    mt_beside *taken[THREADS];
    int is_ahead;
    uint64_t digest = digest_of(plan, &is_ahead);
    assert_true(is_ahead);
    take_threads(taken);
    assert_int_equal(digest_of(plan, &is_ahead), digest);
    assert_false(is_ahead);
    release_threads(taken);
    mt_plan_release(plan);
}

/* Blocks that cannot come back are numbered in no time. */
static void test_no_thread_for_little(void **state) {
    (void)state;
    mt_plan *plan = new_plan(16);
    int is_ahead;
    add_stream(plan, "main", poisson_of(constant(100)), lengths_of(fixed(600), 0, NULL),
               unique_prompt(), NULL);
    digest_of(plan, &is_ahead);
    assert_false(is_ahead);
    mt_plan_release(plan);
}

/* ---- failures ---- */

static void keep(void *context) {
    (void)context;
}

static mt_code counting_make(void *context, const mt_process_context *run, void **state,
                             mt_error *error) {
    (void)context;
    (void)run;
    (void)error;
    *state = calloc(1, sizeof(int));
    return *state ? MT_OK : MT_ERROR_MEMORY;
}

static mt_code counting_next(void *state, double now, double *gap, mt_error *error) {
    (void)now;
    *gap = 0.01;
    if (++*(int *)state <= FAILS_AT)
        return MT_OK;
    return mt_fail(error, MT_ERROR_CALLBACK, "no gap any more");
}

/* How many requests came before the failure, which is one for ever. */
static int before_failure(mt_plan *plan) {
    mt_run_options options = all_of();
    mt_error error = {0};
    mt_request request;
    int count = 0, got;
    mt_source *run = mt_source_run(plan, &options, &error);
    while ((got = mt_source_next(run, &request, &error)) == 1)
        count++;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(got, -1);
        assert_int_equal(error.code, MT_ERROR_CALLBACK);
        assert_string_equal(error.message, "no gap any more");
        error = (mt_error){0};
        got = mt_source_next(run, &request, &error);
    }
    mt_source_free(run);
    return count;
}

static void test_same_failure(void **state) {
    (void)state;
    mt_plan *plan = new_plan(16);
    mt_gap_source gaps = {NULL, keep, keep, counting_make, counting_next, free};
    mt_beside *taken[THREADS];
    add_shared(plan, mt_process_custom(&gaps, NULL));
    int count = before_failure(plan);
    assert_in_range(count, 8192, FAILS_AT);
    take_threads(taken);
    assert_int_equal(before_failure(plan), count);
    release_threads(taken);
    mt_plan_release(plan);
}

/* Ctrl-C, and then nobody wants the rest. */
static void test_interrupted(void **state) {
    (void)state;
    mt_plan *plan = plan_with_sessions();
    mt_run_options options = all_of();
    mt_request request;
    mt_error error;
    mt_source *run = mt_source_run(plan, &options, &error);
    for (int i = 0; i < 8192 + 700; i++)
        assert_int_equal(mt_source_next(run, &request, &error), 1);
    assert_true(mt_source_run_is_ahead(run));
    mt_interrupt_flag = 1;
    assert_int_equal(mt_source_next(run, &request, &error), -1);
    mt_interrupt_flag = 0;
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_source_free(run);
    mt_plan_release(plan);
}

static mt_code attempt(mt_plan *plan, mt_error *error) {
    mt_request request;
    mt_run_options options = all_of();
    mt_source *run = mt_source_run(plan, &options, error);
    int got = run ? 1 : -1;
    while (got > 0)
        got = mt_source_next(run, &request, error);
    mt_source_free(run);
    return got == 0 ? MT_OK : mt_code_of(error);
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_plan *plan = shared_plan();
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);)
        all.code = attempt(plan, &all.error);
    mt_plan_release(plan);
}

int main(void) {
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_same_requests), cmocka_unit_test(test_no_thread_for_little),
        cmocka_unit_test(test_same_failure),  cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_out_of_memory),
    };
    if (mt_processors() < 2) {
        print_message("skipped: one processor has no thread beside it\n");
        return 0;
    }
    return cmocka_run_group_tests_name("run ahead", all, NULL, NULL);
}
