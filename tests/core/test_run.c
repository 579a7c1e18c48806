/* Runs: the merge, ids, shards, digests, interruption, memory that is out. */
#include "plan_support.h"
#include "sweep.h"
#include "run_support.h"

#include "base/interrupt.h"
#include "load/run/run.h"
#include "trace/end/ends.h"
#include "trace/step/steps.h"

/* ---- plans ---- */

static mt_plan *three_streams(void) {
    mt_plan *plan = new_plan(64);
    add_random(plan);
    add_chat(plan);
    add_batch(plan);
    return plan;
}

static void test_rules(void **state) {
    (void)state;
    mt_plan *plan = three_streams();
    mt_run_options options = options_of(100);
    kept_run all = run_all(plan, &options);
    assert_near((double)all.count, 6000, 4 * sqrt(5000));
    assert_trace_rules(&all, 64);
    free_run(&all);
    mt_plan_release(plan);
}

/* The stream's own view: requests of one name, and how long a prefix each shares with the one
 * before. */
static size_t next_of(const kept_run *all, size_t from, const char *tag) {
    while (from < all->count && strcmp(all->items[from].stream, tag) != 0)
        from++;
    return from;
}

static void test_streams_do_not_disturb(void **state) {
    (void)state;
    mt_plan *alone = new_plan(64), *together = three_streams();
    add_chat(alone);
    mt_run_options options = options_of(30);
    kept_run one = run_all(alone, &options), all = run_all(together, &options);
    size_t j = 0, before = 0;
    for (size_t i = 0; i < one.count; i++) {
        j = next_of(&all, j, "\"chat\"");
        assert_true(j < all.count);
        const kept *a = &one.items[i], *b = &all.items[j];
        assert_int_equal(a->request.time_ns, b->request.time_ns);
        assert_int_equal(a->request.input_length, b->request.input_length);
        assert_string_equal(a->extra, b->extra);
        if (i > 0)
            assert_int_equal(common_ids(a, &one.items[i - 1]), common_ids(b, &all.items[before]));
        before = j++;
    }
    assert_int_equal(next_of(&all, j, "\"chat\""), all.count);
    free_run(&one);
    free_run(&all);
    mt_plan_release(alone);
    mt_plan_release(together);
}

/* Two streams on the same instants: by name, whatever the order of addition. */
static void test_ties_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"b", "c", "a"};
    mt_plan *plan = new_plan(64);
    for (size_t i = 0; i < 3; i++) {
        mt_curve *curve = constant(2);
        mt_process *process = mt_process_even(curve, 0, NULL);
        mt_curve_release(curve);
        add_stream(plan, names[i], process, lengths_of(fixed(10), 0, NULL), unique_prompt(), NULL);
    }
    mt_run_options options = options_of(5);
    kept_run all = run_all(plan, &options);
    assert_int_equal(all.count, 30);
    for (size_t i = 0; i < all.count; i++) {
        assert_int_equal(all.items[i].stream[1], "abc"[i % 3]);
        assert_int_equal(all.items[i].request.time_ns, (int64_t)(i / 3) * 500000000);
    }
    free_run(&all);
    mt_plan_release(plan);
}

static void test_shards(void **state) {
    (void)state;
    mt_plan *plan = three_streams();
    check_shards(plan, 4, UINT64_MAX);
    check_shards(plan, 3, 100);
    mt_plan_release(plan);
}

/* Request k has the same lengths and shares as much at every scale. */
static void test_scales_make_pairs(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    add_chat(plan);
    mt_run_options options = options_of(60);
    options.most = 500;
    kept_run once = run_all(plan, &options);
    options.factor = 2.5;
    kept_run faster = run_all(plan, &options);
    assert_int_equal(once.count, 500);
    assert_int_equal(faster.count, 500);
    for (size_t i = 0; i < 500; i++) {
        const kept *a = &once.items[i], *b = &faster.items[i];
        assert_int_equal(a->request.input_length, b->request.input_length);
        assert_memory_equal(a->ids, b->ids, a->request.hash_count * sizeof *a->ids);
        assert_string_equal(a->extra, b->extra);
        assert_near((double)b->request.time_ns, (double)a->request.time_ns / 2.5, 2);
    }
    free_run(&once);
    free_run(&faster);
    mt_plan_release(plan);
}

static void test_whole_milliseconds(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    add_chat(plan);
    mt_run_options options = options_of(60);
    kept_run exact = run_all(plan, &options);
    options.whole_milliseconds = 1;
    kept_run whole = run_all(plan, &options);
    for (size_t i = 0; i < exact.count; i++) {
        int64_t down = exact.items[i].request.time_ns / 1000000 * 1000000;
        int64_t got = whole.items[i].request.time_ns;
        assert_true(got == down || exact.items[i].request.time_ns % 1000000 < 2);
    }
    free_run(&exact);
    free_run(&whole);
    mt_plan_release(plan);
}

/* A different model shares nothing: the prefix has ids of its own for each. */
static void test_models_do_not_share(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    add_stream(plan, "main", poisson_of(constant(20)), lengths_of(fixed(10), 1, NULL),
               prefix_of(640, 1, NULL), model_field());
    mt_run_options options = options_of(10);
    kept_run all = run_all(plan, &options);
    for (size_t i = 1; i < all.count; i++) {
        int is_same = strcmp(all.items[i].extra, all.items[0].extra) == 0;
        assert_int_equal(common_ids(&all.items[i], &all.items[0]), is_same ? 10 : 0);
    }
    free_run(&all);
    mt_plan_release(plan);
}

/* A class's fields stand instead of the stream's. */
static void test_class_fields(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    mt_length_pair pairs[2] = {{.input = fixed(10)}, {.input = fixed(20)}};
    mt_curve *weights[2] = {constant(1), constant(1)};
    mt_lengths *lengths = mt_lengths_classes(pairs, weights, 2, NULL);
    mt_process *process = poisson_of(constant(20));
    mt_prompt *prompt = unique_prompt();
    mt_fields *stream_fields = mt_fields_new(NULL), *own[2] = {NULL, mt_fields_new(NULL)};
    mt_fields_constant(stream_fields, "\"kind\"", "\"plain\"", NULL);
    mt_fields_constant(own[1], "\"kind\"", "\"rag\"", NULL);
    mt_stream stream = {.name = "main",
                        .process = process,
                        .lengths = lengths,
                        .prompt = prompt,
                        .fields = stream_fields,
                        .class_fields = own,
                        .factor = 1,
                        .end = INFINITY};
    assert_int_equal(mt_plan_add(plan, &stream, NULL), MT_OK);
    mt_run_options options = options_of(10);
    kept_run all = run_all(plan, &options);
    size_t long_ones = 0;
    for (size_t i = 0; i < all.count; i++) {
        int is_long = all.items[i].request.input_length == 20;
        assert_string_equal(all.items[i].extra,
                            is_long ? "\"kind\": \"rag\"" : "\"kind\": \"plain\"");
        long_ones += (size_t)is_long;
    }
    assert_true(long_ones > 50 && all.count - long_ones > 50);
    free_run(&all);
    for (int i = 0; i < 2; i++) {
        mt_distribution_release(pairs[i].input);
        mt_curve_release(weights[i]);
    }
    mt_fields_release(stream_fields);
    mt_fields_release(own[1]);
    mt_lengths_release(lengths);
    mt_process_release(process);
    mt_prompt_release(prompt);
    mt_plan_release(plan);
}

/* ---- digests, counts, failures ---- */

static uint64_t digest_of(mt_plan *plan, uint64_t seed, uint64_t most) {
    mt_trace_format format = {.timestamp_digits = 3};
    mt_run_options options = mt_run_defaults();
    uint64_t digest;
    options.seed = seed;
    mt_source *run = mt_source_run(plan, &options, NULL);
    assert_int_equal(mt_source_digest(run, &format, most, &digest, NULL), MT_OK);
    mt_source_free(run);
    return digest;
}

static void test_digest(void **state) {
    (void)state;
    mt_plan *plan = three_streams(), *again = three_streams();
    assert_true(digest_of(plan, 1, 1000) == digest_of(again, 1, 1000));
    assert_true(digest_of(plan, 1, 1000) != digest_of(plan, 2, 1000));
    assert_true(digest_of(plan, 1, 1000) != digest_of(plan, 1, 999));
    mt_plan_release(plan);
    mt_plan_release(again);
}

static void test_count(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    mt_curve *curve = mt_curve_ramp(0, 20, 10, NULL);
    mt_process *process = mt_process_even(curve, 0, NULL);
    mt_curve_release(curve);
    add_stream(plan, "main", process, lengths_of(fixed(7), 0, fixed(3)), unique_prompt(), NULL);
    mt_run_options options = options_of(10);
    mt_source *run = mt_source_run(plan, &options, NULL);
    mt_time_bin bins[2];
    assert_int_equal(mt_source_bins(run, 0, 10000000000, bins, 2, NULL), MT_OK);
    assert_int_equal(bins[0].requests, 25); /* area 25 in the first half, 75 in the second */
    assert_int_equal(bins[1].requests, 75);
    assert_near(bins[1].input, 75 * 7, 0);
    assert_near(bins[0].output, 25 * 3, 0);
    mt_source_free(run);
    mt_plan_release(plan);
}

/* A failure stays: the requests of a broken batch are never handed out. */
static void test_stays_failed(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    mt_curve *one = constant(1), *zero = mt_curve_ramp(1, -1, 10, NULL);
    mt_curve *curve = mt_curve_divide(one, zero, NULL);
    mt_distribution *one_token = fixed(1);
    mt_length_pair pair = {.input = one_token};
    mt_lengths *lengths = mt_lengths_classes(&pair, &curve, 1, NULL);
    add_stream(plan, "main", poisson_of(constant(20)), lengths, unique_prompt(), NULL);
    mt_error error = {0};
    mt_request request;
    mt_run_options options = options_of(10);
    mt_source *run = mt_source_run(plan, &options, &error);
    int got = 1;
    while (run && got > 0)
        got = mt_source_next(run, &request, &error);
    assert_int_equal(got, -1);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    error = (mt_error){0};
    assert_int_equal(mt_source_next(run, &request, &error), -1);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    mt_source_free(run);
    mt_plan_release(plan);
    mt_distribution_release(one_token);
    mt_curve_release(one);
    mt_curve_release(zero);
    mt_curve_release(curve);
}

static void test_interrupted(void **state) {
    (void)state;
    mt_plan *plan = three_streams();
    mt_run_options options = options_of(60);
    mt_error error;
    mt_request request;
    mt_source *run = mt_source_run(plan, &options, &error);
    assert_int_equal(mt_source_next(run, &request, &error), 1);
    mt_interrupt_flag = 1;
    int got = 1;
    for (int i = 0; i < 2000 && got > 0; i++)
        got = mt_source_next(run, &request, &error);
    mt_interrupt_flag = 0;
    assert_int_equal(got, -1);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_source_free(run);
    mt_plan_release(plan);
}

static mt_code attempt(void *context, mt_error *error) {
    mt_request request;
    mt_run_options options = options_of(4);
    mt_source *run = mt_source_run(context, &options, error);
    int got = run ? 1 : -1;
    while (got > 0)
        got = mt_source_next(run, &request, error);
    mt_source_free(run);
    return got == 0 ? MT_OK : mt_code_of(error);
}

/* How many requests there will be is an estimate, which may do without its memory. */
static void test_out_of_memory(void **state) {
    (void)state;
    mt_plan *plan = three_streams();
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);)
        all.code = attempt(plan, &all.error);
    mt_plan_release(plan);
    plan = recorded_plan(1, 512);
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);)
        all.code = attempt(plan, &all.error);
    mt_plan_release(plan);
    for (int join = MT_JOIN_NONE; join <= MT_JOIN_ANY; join++) {
        plan = branched_plan((mt_join_kind)join, 5);
        for (sweep all = {.may_do_without = 1}; sweep_next(&all);)
            all.code = attempt(plan, &all.error);
        mt_plan_release(plan);
    }
    plan = session_plan(4, 700);
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);)
        all.code = attempt(plan, &all.error);
    mt_plan_release(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_streams_do_not_disturb),
        cmocka_unit_test(test_ties_by_name),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_scales_make_pairs),
        cmocka_unit_test(test_whole_milliseconds),
        cmocka_unit_test(test_models_do_not_share),
        cmocka_unit_test(test_class_fields),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_stays_failed),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
