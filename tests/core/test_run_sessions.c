/* Runs of sessions and of prompts of a trace: turns and branches, their ids, shards and expectation. */
#include "plan_support.h"
#include "run_support.h"

#include "load/run/run.h"
#include "trace/step/steps.h"

/* ---- sessions ---- */

/* Position of the turn before of the same session, or the item itself. */
static const kept *turn_before(const kept_run *all, size_t i) {
    for (size_t j = i; j-- > 0;)
        if (strcmp(all->items[j].session, all->items[i].session) == 0)
            return &all->items[j];
    return &all->items[i];
}

static void check_turn(const kept *now, const kept *before, uint64_t max_input) {
    const mt_request *a = &before->request, *b = &now->request;
    assert_int_equal(b->turn, a->turn + 1);
    assert_true(b->has & MT_HAS_DELAY);
    /* The answer before takes 0.2 s and 10 ms a token; then comes the delay. */
    int64_t due = a->time_ns + 200000000 + (int64_t)a->output_length * 10000000 + b->delay_ns;
    assert_near((double)b->time_ns, (double)due, 3);
    assert_true(b->input_length > a->input_length + a->output_length);
    assert_true(max_input == 0 || b->input_length <= max_input);
    /* Whole blocks of the prompt before come again; its last part and the answer are new ids. */
    assert_int_equal(common_ids(now, before), a->input_length / 64);
    assert_string_equal(now->extra, before->extra);
}

static void test_sessions(void **state) {
    (void)state;
    mt_plan *plan = session_plan(5, 0);
    mt_run_options options = options_of(20);
    kept_run all = run_all(plan, &options);
    size_t turns[5] = {0};
    assert_trace_rules(&all, 64);
    for (size_t i = 0; i < all.count; i++) {
        const kept *item = &all.items[i];
        if (!(item->request.has & MT_HAS_SESSION))
            continue;
        assert_true(strncmp(item->session, "\"talk-", 6) == 0);
        turns[item->request.turn]++;
        if (item->request.turn == 0)
            assert_false(item->request.has & MT_HAS_DELAY);
        else
            check_turn(item, turn_before(&all, i), 0);
    }
    for (int t = 0; t < 5; t++) /* sessions begun before the end run on */
        assert_int_equal(turns[t], turns[0]);
    assert_near((double)turns[0], 600, 4 * sqrt(600));
    free_run(&all);
    mt_plan_release(plan);
}

static void test_sessions_end_at_max_input(void **state) {
    (void)state;
    mt_plan *plan = session_plan(1000, 1500);
    mt_run_options options = options_of(10);
    kept_run all = run_all(plan, &options);
    size_t later = 0;
    assert_trace_rules(&all, 64);
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i].request.turn > 0) {
            check_turn(&all.items[i], turn_before(&all, i), 1500);
            later++;
        }
    assert_true(later > 1000);
    free_run(&all);
    mt_plan_release(plan);
}

/* The sub-agents of a run that ends early, in the middle of joins, leave nothing behind. */
static void test_branches(void **state) {
    (void)state;
    for (int join = MT_JOIN_NONE; join <= MT_JOIN_ANY; join++) {
        mt_plan *plan = branched_plan((mt_join_kind)join, 30);
        mt_run_options options = options_of(3);
        kept_run all = run_all(plan, &options);
        assert_trace_rules(&all, 64);
        size_t children = 0;
        for (size_t i = 0; i < all.count; i++)
            children += strchr(all.items[i].session, '.') != NULL;
        assert_true(children > all.count / 2);
        free_run(&all);
        for (options.most = 1; options.most < 300; options.most += 7) {
            kept_run some = run_all(plan, &options);
            assert_int_equal(some.count, options.most);
            free_run(&some);
        }
        mt_plan_release(plan);
    }
}

/* All turns of a session are in one shard; a step over the run that hides where it comes from finds
 * the same sessions by their names. */
static void test_session_shards(void **state) {
    (void)state;
    mt_plan *plan = session_plan(4, 0);
    check_shards(plan, 3, UINT64_MAX);
    mt_run_options options = options_of(20);
    mt_error error = {0};
    kept_run all = run_shard(plan, &options, 1, 3);
    mt_source *hidden = mt_step_first(mt_source_run(plan, &options, &error), UINT64_MAX, &error);
    kept_run named = keep_all(mt_step_shard(hidden, 1, 3, &error), &error);
    assert_int_equal(named.count, all.count);
    for (size_t i = 0; i < all.count; i++)
        assert_same(&named.items[i], &all.items[i]);
    free_run(&named);
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i].request.turn > 0)
            assert_int_equal(turn_before(&all, i)->request.turn, all.items[i].request.turn - 1);
    free_run(&all);
    mt_plan_release(plan);
}

/* Means of sessions: turns carry the history along. */
static void test_session_expectation(void **state) {
    (void)state;
    mt_plan *plan = new_plan(64);
    add_stream(plan, "talk", sessions_of(40, 6, 0), lengths_of(lognormal(90, 1), 1, fixed(40)),
               prefix_of(300, 2, NULL), NULL);
    mt_expectation expectation;
    assert_int_equal(mt_plan_expect(plan, 0, 0, 50, 1, &expectation, NULL), MT_OK);
    assert_near(expectation.sessions, 2000, 1e-6);
    assert_near(expectation.requests, 12000, 1e-6);
    mt_run_options options = options_of(50);
    kept_run all = run_all(plan, &options);
    double input = 0;
    for (size_t i = 0; i < all.count; i++)
        input += (double)all.items[i].request.input_length;
    assert_near((double)all.count, 12000, 4 * 6 * sqrt(2000));
    assert_near(input / (double)all.count, expectation.input_mean, 0.02 * expectation.input_mean);
    free_run(&all);
    mt_plan_release(plan);
}

/* Closing in the midst of sessions loses and frees nothing twice (the sanitizers watch). */
static void test_close_early(void **state) {
    (void)state;
    mt_plan *plan = session_plan(7, 900);
    for (int stop = 0; stop < 1500; stop += 97) {
        mt_run_options options = options_of(20);
        mt_request request;
        mt_source *run = mt_source_run(plan, &options, NULL);
        assert_non_null(run);
        for (int i = 0; i < stop; i++)
            assert_int_equal(mt_source_next(run, &request, NULL), 1);
        mt_source_free(run);
    }
    mt_run_options options = options_of(20);
    options.most = 333;
    kept_run all = run_all(plan, &options);
    assert_int_equal(all.count, 333);
    free_run(&all);
    mt_plan_release(plan);
}

/* ---- prompts of a trace ---- */

static void test_recorded_prompts(void **state) {
    (void)state;
    static const uint64_t wanted[] = {0, 1, 0, 0, 2};
    for (int wrap = 0; wrap < 2; wrap++) {
        mt_plan *plan = recorded_plan(wrap, 512);
        mt_run_options options = options_of(20);
        kept_run all = run_all(plan, &options);
        assert_true(wrap ? all.count > 50 : all.count == 3);
        for (size_t i = 0; i < all.count; i++) {
            const mt_request *request = &all.items[i].request;
            size_t k = i % 3, begin = k ? trace_ends[k - 1] : 0;
            assert_int_equal(request->input_length, trace_inputs[k]);
            assert_int_equal(!(request->has & MT_HAS_OUTPUT_LENGTH), k == 1);
            assert_int_equal(request->hash_count, trace_ends[k] - begin);
            assert_memory_equal(all.items[i].ids, wanted + begin,
                                request->hash_count * sizeof *wanted);
        }
        free_run(&all);
        mt_plan_release(plan);
    }
}

/* Keys of chains, keys of no chain, and blocks without any come mixed, and are numbered as they come. */
static void test_prompts_of_all_kinds(void **state) {
    (void)state;
    mt_plan *plan = recorded_plan(1, 512);
    add_random(plan);
    add_chat(plan);
    add_batch(plan);
    mt_run_options options = options_of(100);
    kept_run all = run_all(plan, &options);
    assert_near((double)all.count, 6500, 4 * sqrt(5500));
    assert_trace_rules(&all, 512);
    free_run(&all);
    mt_plan_release(plan);
}

static void test_recorded_prompts_need_their_block_size(void **state) {
    (void)state;
    mt_error error;
    mt_plan *plan = recorded_plan(0, 256);
    mt_run_options options = options_of(20);
    assert_null(mt_source_run(plan, &options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "request 1 of the trace has 2 hash ids for 600 tokens"));
    mt_plan_release(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_sessions_end_at_max_input),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_session_shards),
        cmocka_unit_test(test_session_expectation),
        cmocka_unit_test(test_close_early),
        cmocka_unit_test(test_recorded_prompts),
        cmocka_unit_test(test_prompts_of_all_kinds),
        cmocka_unit_test(test_recorded_prompts_need_their_block_size),
    };
    return cmocka_run_group_tests_name("run of sessions", tests, NULL, NULL);
}
