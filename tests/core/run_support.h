/* Plans, and the requests of their runs kept. */
#ifndef RUN_SUPPORT_H
#define RUN_SUPPORT_H

#include "plan_support.h"

#include "load/run/run.h"
#include "trace/step/steps.h"

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

static inline char *copy_span(mt_span span) {
    return mt_copy_text(span.text ? span.text : "", span.length);
}

static inline void keep(kept_run *all, const mt_request *request) {
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

static inline void free_run(kept_run *all) {
    for (size_t i = 0; i < all->count; i++) {
        mt_free(all->items[i].ids);
        mt_free(all->items[i].session);
        mt_free(all->items[i].stream);
        mt_free(all->items[i].extra);
    }
    mt_free(all->items);
}

/* What is left in the source, which is freed. */
static inline kept_run keep_all(mt_source *source, mt_error *error) {
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

static inline kept_run run_all(mt_plan *plan, const mt_run_options *options) {
    mt_error error = {0};
    return keep_all(mt_source_run(plan, options, &error), &error);
}

static inline kept_run run_shard(mt_plan *plan, const mt_run_options *options, uint64_t shard,
                                 uint64_t shards) {
    mt_error error = {0};
    mt_source *run = mt_source_run(plan, options, &error);
    return keep_all(mt_step_shard(run, shard, shards, &error), &error);
}

static inline mt_run_options options_of(double duration) {
    mt_run_options options = mt_run_defaults();
    options.duration = duration;
    options.tags = 1;
    return options;
}

static inline void assert_same(const kept *a, const kept *b) {
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
static inline void assert_trace_rules(const kept_run *all, uint64_t block_size) {
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

static inline mt_distribution *lognormal(double mean, double cv) {
    return mt_distribution_lognormal(mt_number(mean), mt_number(cv), NULL);
}

static inline mt_fields *model_field(void) {
    const char *const values[] = {"\"small\"", "\"large\""};
    const double weights[] = {1, 1};
    mt_fields *fields = mt_fields_new(NULL);
    assert_int_equal(mt_fields_choice(fields, "\"model\"", values, weights, 2, NULL), MT_OK);
    return fields;
}

static inline void add_chat(mt_plan *plan) {
    add_stream(plan, "chat", poisson_of(constant(20)), lengths_of(lognormal(300, 1), 1, fixed(5)),
               prefix_of(700, 5, NULL), model_field());
}

static inline void add_batch(mt_plan *plan) {
    mt_process *process = mt_process_even(constant(10), 0, NULL);
    mt_curve_release(mt_process_curve(process));
    add_stream(plan, "batch", process, lengths_of(lognormal(900, 0.5), 0, NULL), unique_prompt(),
               NULL);
}

static inline void add_random(mt_plan *plan) {
    mt_prompt *prompt = mt_prompt_random_blocks(3, NULL);
    add_stream(plan, "random", poisson_of(constant(30)), lengths_of(lognormal(200, 1), 0, NULL),
               prompt, NULL);
}

static inline size_t common_ids(const kept *a, const kept *b) {
    size_t n = 0;
    while (n < a->request.hash_count && n < b->request.hash_count && a->ids[n] == b->ids[n])
        n++;
    return n;
}

static inline void check_shards(mt_plan *plan, uint64_t shards, uint64_t most) {
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

/* ---- sessions ---- */

static inline mt_process *sessions_of(double starts, double turns, uint64_t max_input) {
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

static inline mt_plan *session_plan(double turns, uint64_t max_input) {
    mt_plan *plan = new_plan(64);
    add_stream(plan, "talk", sessions_of(30, turns, max_input),
               lengths_of(lognormal(90, 1), 1, fixed(40)), prefix_of(300, 2, NULL), model_field());
    add_batch(plan);
    return plan;
}

/* Sessions whose turns start sub-agents, two levels of them, that carry what was said. */
static inline mt_plan *branched_plan(mt_join_kind join, double starts) {
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

/* ---- prompts of a trace ---- */

static const uint64_t trace_inputs[] = {600, 100, 1024}, trace_outputs[] = {7, UINT64_MAX, 9},
                      trace_ends[] = {2, 3, 5}, trace_ids[] = {40, 50, 40, 40, 60};

static inline mt_plan *recorded_plan(int wrap, uint64_t block_size) {
    mt_recorded_prompts recorded = {trace_inputs, trace_outputs, trace_ends, trace_ids, 3};
    mt_length_pair pair = {0};
    mt_plan *plan = new_plan(block_size);
    add_stream(plan, "main", poisson_of(constant(5)), mt_lengths_pair(&pair, NULL),
               mt_prompt_recorded(&recorded, wrap, NULL), NULL);
    return plan;
}

#endif
