/* Runs: the merge, ids, shards, sessions, digests, interruption, memory that is out. */
#include "plan_support.h"
#include "sweep.h"

#include "base/interrupt.h"
#include "load/run/run.h"
#include "trace/end/ends.h"
#include "trace/step/steps.h"

#include <stdio.h>

/* ---- requests kept ---- */

typedef struct kept {
    mt_request request;
    uint64_t *ids;
    char *session, *stream, *extra;
} kept;

typedef struct kept_run {
    kept *items;
    size_t count, capacity;
} kept_run;

static char *copy_span(mt_span span) {
    return mt_copy_text(span.text ? span.text : "", span.length);
}

static void keep(kept_run *all, const mt_request *request) {
    assert_int_equal(
        mt_reserve((void **)&all->items, &all->capacity, all->count + 1, sizeof *all->items), 0);
    kept *item = &all->items[all->count++];
    item->request = *request;
    item->ids = mt_allocate(request->hash_count, sizeof *item->ids);
    memcpy(item->ids, request->hash_ids, request->hash_count * sizeof *item->ids);
    item->session = copy_span(request->session);
    item->stream = copy_span(request->stream);
    item->extra = copy_span(request->extra);
}

static void free_run(kept_run *all) {
    for (size_t i = 0; i < all->count; i++) {
        mt_free(all->items[i].ids);
        mt_free(all->items[i].session);
        mt_free(all->items[i].stream);
        mt_free(all->items[i].extra);
    }
    mt_free(all->items);
}

/* What is left in the source, which is freed. */
static kept_run keep_all(mt_source *source, mt_error *error) {
    mt_request request;
    kept_run all = {0};
    int got;
    if (!source)
        fail_msg("%s", error->message);
    while ((got = mt_source_next(source, &request, error)) > 0)
        keep(&all, &request);
    if (got < 0)
        fail_msg("after %zu requests: %s", all.count, error->message);
    assert_int_equal(mt_source_next(source, &request, error), 0); /* the end stays the end */
    mt_source_free(source);
    return all;
}

static kept_run run_all(mt_plan *plan, const mt_run_options *options) {
    mt_error error = {0};
    return keep_all(mt_source_run(plan, options, &error), &error);
}

static kept_run run_shard(mt_plan *plan, const mt_run_options *options, uint64_t shard,
                          uint64_t shards) {
    mt_error error = {0};
    mt_source *run = mt_source_run(plan, options, &error);
    return keep_all(mt_step_shard(run, shard, shards, &error), &error);
}

static mt_run_options options_of(double duration) {
    mt_run_options options = mt_run_defaults();
    options.duration = duration;
    options.tags = 1;
    return options;
}

static void assert_same(const kept *a, const kept *b) {
    assert_int_equal(a->request.has, b->request.has);
    assert_int_equal(a->request.time_ns, b->request.time_ns);
    assert_int_equal(a->request.input_length, b->request.input_length);
    assert_int_equal(a->request.output_length, b->request.output_length);
    assert_int_equal(a->request.hash_count, b->request.hash_count);
    assert_memory_equal(a->ids, b->ids, a->request.hash_count * sizeof *a->ids);
    assert_string_equal(a->session, b->session);
    assert_string_equal(a->stream, b->stream);
    assert_string_equal(a->extra, b->extra);
}

/* Blocks fit the length; ids are numbered by first appearance without a gap, each with one parent.
 */
static void assert_trace_rules(const kept_run *all, uint64_t block_size) {
    uint64_t next = 0;
    size_t capacity = 0;
    uint64_t *parents = NULL; /* of an id: the id before it plus 1, 0 for none */
    for (size_t i = 0; i < all->count; i++) {
        const mt_request *request = &all->items[i].request;
        uint64_t blocks = request->hash_count;
        assert_true(blocks >= 1 && request->input_length > (blocks - 1) * block_size);
        assert_true(request->input_length <= blocks * block_size);
        if (i > 0)
            assert_true(request->time_ns >= all->items[i - 1].request.time_ns);
        for (uint64_t b = 0; b < blocks; b++) {
            uint64_t id = all->items[i].ids[b], parent = b ? all->items[i].ids[b - 1] + 1 : 0;
            assert_true(id <= next);
            if (id == next) {
                assert_int_equal(mt_reserve((void **)&parents, &capacity, ++next, sizeof *parents),
                                 0);
                parents[id] = parent;
            }
            assert_int_equal(parents[id], parent);
        }
    }
    mt_free(parents);
}

/* ---- plans ---- */

static mt_distribution *lognormal(double mean, double cv) {
    return mt_distribution_lognormal(mt_number(mean), mt_number(cv), NULL);
}

static mt_fields *model_field(void) {
    const char *const values[] = {"\"small\"", "\"large\""};
    const double weights[] = {1, 1};
    mt_fields *fields = mt_fields_new(NULL);
    assert_int_equal(mt_fields_choice(fields, "\"model\"", values, weights, 2, NULL), MT_OK);
    return fields;
}

static void add_chat(mt_plan *plan) {
    add_stream(plan, "chat", poisson_of(constant(20)), lengths_of(lognormal(300, 1), 1, fixed(5)),
               prefix_of(700, 5, NULL), model_field());
}

static void add_batch(mt_plan *plan) {
    mt_process *process = mt_process_even(constant(10), 0, NULL);
    mt_curve_release(mt_process_curve(process));
    add_stream(plan, "batch", process, lengths_of(lognormal(900, 0.5), 0, NULL), unique_prompt(),
               NULL);
}

static void add_random(mt_plan *plan) {
    mt_prompt *prompt = mt_prompt_random_blocks(3, NULL);
    add_stream(plan, "random", poisson_of(constant(30)), lengths_of(lognormal(200, 1), 0, NULL),
               prompt, NULL);
}

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

static size_t common_ids(const kept *a, const kept *b) {
    size_t n = 0;
    while (n < a->request.hash_count && n < b->request.hash_count && a->ids[n] == b->ids[n])
        n++;
    return n;
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

static void check_shards(mt_plan *plan, uint64_t shards, uint64_t most) {
    mt_run_options options = options_of(20);
    options.most = most;
    kept_run whole = run_all(plan, &options), *parts = calloc(shards, sizeof *parts);
    size_t *at = calloc(shards, sizeof *at), total = 0;
    assert_true(parts && at);
    for (uint64_t s = 0; s < shards; s++) {
        parts[s] = run_shard(plan, &options, s, shards);
        total += parts[s].count;
    }
    assert_int_equal(total, whole.count);
    if (most != UINT64_MAX)
        assert_int_equal(total, most);
    for (size_t i = 0; i < whole.count; i++) { /* each line is the next one of just one shard */
        uint64_t s = 0;
        while (s < shards &&
               (at[s] == parts[s].count ||
                parts[s].items[at[s]].request.time_ns != whole.items[i].request.time_ns ||
                parts[s].items[at[s]].ids[0] != whole.items[i].ids[0]))
            s++;
        assert_true(s < shards);
        assert_same(&whole.items[i], &parts[s].items[at[s]++]);
    }
    for (uint64_t s = 0; s < shards; s++)
        free_run(&parts[s]);
    free_run(&whole);
    free(parts);
    free(at);
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

/* ---- sessions ---- */

static mt_process *sessions_of(double starts, double turns, uint64_t max_input) {
    mt_process *begin = poisson_of(constant(starts));
    mt_session_shape shape = {.turns = fixed(turns),
                              .think = mt_distribution_exponential(mt_number(0.5), NULL),
                              .first_token = 0.2,
                              .per_token = 0.01,
                              .rules.max_input = max_input};
    mt_process *process = mt_process_sessions(begin, &shape, NULL);
    assert_non_null(process);
    mt_process_release(begin);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
    return process;
}

static mt_plan *session_plan(double turns, uint64_t max_input) {
    mt_plan *plan = new_plan(64);
    add_stream(plan, "talk", sessions_of(30, turns, max_input),
               lengths_of(lognormal(90, 1), 1, fixed(40)), prefix_of(300, 2, NULL), model_field());
    add_batch(plan);
    return plan;
}

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

/* Sessions whose turns start sub-agents, two levels of them, that carry what was said. */
static mt_plan *branched_plan(mt_join_kind join, double starts) {
    mt_plan *plan = new_plan(64);
    mt_process *plain = sessions_of(starts, 5, 0);
    mt_branch_shape levels[2] = {
        {.every = 2, .join = join, .inherits = 1, .count = fixed(2)},
        {.chance = 0.5, .join = MT_JOIN_ALL, .count = fixed(1)},
    };
    mt_stream_branch branches[2] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        levels[i].child =
            (mt_session_shape){.turns = fixed(3), .think = fixed(0.1), .first_token = NAN};
        levels[i].child.rules.max_input = 1300;
        branches[i].lengths = lengths_of(fixed(70), 1, fixed(40));
        branches[i].prompt = i > 0 ? prefix_of(200, 1, NULL) : NULL;
    }
    mt_stream stream = {.name = "agent",
                        .process = mt_process_branched(plain, levels, 2, NULL),
                        .lengths = lengths_of(fixed(90), 1, fixed(40)),
                        .prompt = prefix_of(300, 2, NULL),
                        .branches = branches,
                        .factor = 1,
                        .end = INFINITY};
    assert_non_null(stream.process);
    assert_int_equal(mt_plan_add(plan, &stream, NULL), MT_OK);
    for (size_t i = 0; i < 2; i++) {
        mt_distribution_release(levels[i].count);
        mt_distribution_release(levels[i].child.turns);
        mt_distribution_release(levels[i].child.think);
        mt_lengths_release(branches[i].lengths);
        mt_prompt_release(branches[i].prompt);
    }
    mt_process_release(plain);
    mt_process_release(stream.process);
    mt_lengths_release(stream.lengths);
    mt_prompt_release(stream.prompt);
    return plan;
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

static const uint64_t trace_inputs[] = {600, 100, 1024}, trace_outputs[] = {7, UINT64_MAX, 9},
                      trace_ends[] = {2, 3, 5}, trace_ids[] = {40, 50, 40, 40, 60};

static mt_plan *recorded_plan(int wrap, uint64_t block_size) {
    mt_recorded_prompts recorded = {trace_inputs, trace_outputs, trace_ends, trace_ids, 3};
    mt_length_pair pair = {0};
    mt_plan *plan = new_plan(block_size);
    add_stream(plan, "main", poisson_of(constant(5)), mt_lengths_pair(&pair, NULL),
               mt_prompt_recorded(&recorded, wrap, NULL), NULL);
    return plan;
}

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
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_sessions_end_at_max_input),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_session_shards),
        cmocka_unit_test(test_session_expectation),
        cmocka_unit_test(test_close_early),
        cmocka_unit_test(test_recorded_prompts),
        cmocka_unit_test(test_prompts_of_all_kinds),
        cmocka_unit_test(test_recorded_prompts_need_their_block_size),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_stays_failed),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
