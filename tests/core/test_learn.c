/* Learning a model: a trace by hand, a plain slow version of everything a description says, traces
 * that have little to learn from, what is refused, memory that is out, the conversation trace. */
#include "skip_support.h"
#include "model_support.h"
#include "sweep.h"

#include "base/memory.h"
#include "trace/source/source.h"

#include <unistd.h>

enum { BLOCK = 16 };

static mt_request request_at(int64_t time_ns, uint64_t input, uint64_t output, const uint64_t *ids,
                             size_t count) {
    return (mt_request){.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                               MT_HAS_HASH_IDS,
                        .time_ns = time_ns,
                        .input_length = input,
                        .output_length = output,
                        .hash_ids = ids,
                        .hash_count = count,
                        .line = 7};
}

/* [0 1] 20 tokens at 5 s, [0 1 2] 40 at 6, [3 4] 32 at 6, [0 1] 30 at 8. */
static mt_model *learn_by_hand(void) {
    mt_learner *learner = new_learner(BLOCK);
    learn(learner, request_at(5000000000, 20, 11, (uint64_t[]){0, 1}, 2));
    learn(learner, request_at(6000000000, 40, 12, (uint64_t[]){0, 1, 2}, 3));
    learn(learner, request_at(6000000000, 32, 13, (uint64_t[]){3, 4}, 2));
    learn(learner, request_at(8000000000, 30, 14, (uint64_t[]){0, 1}, 2));
    return finish_learner(learner);
}

static void test_by_hand(void **state) {
    (void)state;
    mt_model *model = learn_by_hand();
    static const mt_description wanted[] = {{.unique = 2, .tokens = 16, .output = 13},
                                            {.returning = 2, .tokens = 4, .output = 11},
                                            {.shared = 2,
                                             .run_count = 1,
                                             .visits = 2,
                                             .previous = 2,
                                             .elapsed = 5,
                                             .beyond = 0,
                                             .tokens = 14,
                                             .output = 14},
                                            {.shared = 2,
                                             .unique = 1,
                                             .run_count = 1,
                                             .visits = 1,
                                             .first_return = 2,
                                             .elapsed = 2,
                                             .tokens = 8,
                                             .output = 12}};
    static const uint32_t distances[] = {0, 0, 5, 2};
    assert_int_equal(model->block_size, BLOCK);
    assert_int_equal(model->count, 4);
    for (size_t i = 0; i < 4; i++) {
        const mt_description *description = &model->descriptions[i];
        assert_same_description(description, &wanted[i]);
        if (description->run_count == 0)
            continue;
        assert_int_equal(model->runs[description->run_begin].end, 2);
        assert_int_equal(model->runs[description->run_begin].distance, distances[i]);
    }
    assert_int_equal(model->run_count, 2);
    assert_true(model->gaps_in_order);
    assert_memory_equal(model->gaps_ns, ((int64_t[]){0, 1000000000, 0, 2000000000}),
                        4 * sizeof(int64_t));
    mt_model_release(model);
}

/* [0], [0 1 2], [0 3], [0 1 2]: the last one's blocks 1 and 2 have been touched longer ago than
 * block 0, and who had touched them had nothing beyond that came back. */
static void test_two_runs(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    learn(learner, request_at(0, 16, 1, (uint64_t[]){0}, 1));
    learn(learner, request_at(0, 48, 1, (uint64_t[]){0, 1, 2}, 3));
    learn(learner, request_at(0, 32, 1, (uint64_t[]){0, 3}, 2));
    learn(learner, request_at(0, 48, 1, (uint64_t[]){0, 1, 2}, 3));
    mt_model *model = finish_learner(learner);
    const mt_description *last = &model->descriptions[3];
    assert_int_equal(last->shared, 3);
    assert_int_equal(last->run_count, 2);
    assert_memory_equal(&model->runs[last->run_begin], ((mt_model_run[]){{1, 2}, {3, 4}}),
                        2 * sizeof(mt_model_run));
    assert_int_equal(last->first_return, 2);
    assert_int_equal(last->elapsed, 5);
    /* Who touched block 0 before [0 3] went on with two blocks that came back. */
    assert_int_equal(model->descriptions[1].unique, 1);
    assert_int_equal(model->descriptions[1].beyond, 2);
    assert_int_equal(model->descriptions[1].previous, 1);
    mt_model_release(model);
}

/* ---- a plain slow version ----------------------------------------------------------------------
 * Every touch in one list; what a description says is counted in it. */

typedef struct slow_trace {
    uint32_t touched[TRACE_REQUESTS * TRACE_BLOCKS];
    size_t begin[TRACE_REQUESTS + 1]; /* of each request's touches */
} slow_trace;

typedef struct slow_description {
    mt_description description;
    mt_model_run runs[TRACE_BLOCKS];
} slow_description;

static void list_touches(const plain_trace *trace, slow_trace *slow) {
    size_t count = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        slow->begin[r] = count;
        for (size_t i = 0; i < trace->count[r]; i++)
            slow->touched[count++] = trace->block[r][i];
    }
    slow->begin[TRACE_REQUESTS] = count;
}

/* Distinct blocks from the last touch of block i of request r, before its own, to its own; and the
 * request of that touch. */
static uint32_t slow_distance(const plain_trace *trace, const slow_trace *slow, size_t r, size_t i,
                              size_t *owner) {
    size_t own = slow->begin[r] + i, last = own, distinct = 0;
    do
        last--;
    while (slow->touched[last] != trace->block[r][i]);
    for (size_t at = last; at < own; at++) {
        size_t before = last;
        while (slow->touched[before] != slow->touched[at])
            before++;
        distinct += before == at;
    }
    *owner = r - 1;
    while (slow->begin[*owner] > last)
        --*owner;
    return (uint32_t)distinct;
}

/* Requests before `until` that touched the block. */
static uint32_t slow_visits(const slow_trace *slow, uint32_t block, size_t until) {
    uint32_t count = 0;
    for (size_t at = 0; at < slow->begin[until]; at++)
        count += slow->touched[at] == block;
    return count;
}

/* The three leading bits. */
static uint32_t leading_bits(uint32_t distance) {
    uint32_t below = 0;
    while (distance >> below >= 8)
        below++;
    return distance >> below << below;
}

static void describe_shared(const plain_trace *trace, const slow_trace *slow, size_t r,
                            slow_description *to) {
    mt_description *description = &to->description;
    size_t known = trace->known[r], owner = 0, ignored;
    uint32_t deepest = trace->block[r][known - 1];
    for (size_t i = 0; i < known; i++) {
        uint32_t distance = slow_distance(trace, slow, r, i, &owner);
        if (i == 0 || distance != to->runs[description->run_count - 1].distance)
            description->run_count++;
        to->runs[description->run_count - 1] = (mt_model_run){(uint32_t)i + 1, distance};
        description->first_return += slow_visits(slow, trace->block[r][i], r) == 1;
    }
    description->visits = slow_visits(slow, deepest, r);
    description->elapsed = slow->begin[r] - slow->begin[owner];
    for (size_t i = known; i < trace->count[owner]; i++)
        description->beyond += slow_visits(slow, trace->block[owner][i], TRACE_REQUESTS) > 1;
    if (trace->known[owner] >= known)
        description->previous =
            leading_bits(slow_distance(trace, slow, owner, known - 1, &ignored));
}

static slow_description describe(const plain_trace *trace, const slow_trace *slow, size_t r) {
    mt_request request = timed_request(trace, r);
    slow_description made = {{0}, {{0, 0}}};
    mt_description *description = &made.description;
    size_t known = trace->known[r], count = trace->count[r];
    description->shared = (uint32_t)known;
    for (size_t i = known; i < count; i++) {
        int comes_back = slow_visits(slow, trace->block[r][i], TRACE_REQUESTS) > 1;
        *(comes_back ? &description->returning : &description->unique) += 1;
    }
    description->tokens =
        count > 0 ? request.input_length - (count - 1) * TRACE_BLOCK_SIZE : request.input_length;
    description->output =
        request.has & MT_HAS_OUTPUT_LENGTH ? request.output_length : MT_MODEL_NO_OUTPUT;
    if (known > 0)
        describe_shared(trace, slow, r, &made);
    return made;
}

static int compare_slow(const void *a, const void *b) {
    const mt_description *x = a, *y = b;
    const uint64_t first[] = {x->shared,  x->returning, x->unique,       x->tokens, x->output,
                              x->elapsed, x->previous,  x->first_return, x->beyond, x->run_count};
    const uint64_t second[] = {y->shared,  y->returning, y->unique,       y->tokens, y->output,
                               y->elapsed, y->previous,  y->first_return, y->beyond, y->run_count};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        if (first[i] != second[i])
            return first[i] < second[i] ? -1 : 1;
    const slow_description *left = a, *right = b;
    for (uint32_t i = 0; i < x->run_count; i++) {
        if (left->runs[i].end != right->runs[i].end)
            return left->runs[i].end < right->runs[i].end ? -1 : 1;
        if (left->runs[i].distance != right->runs[i].distance)
            return left->runs[i].distance < right->runs[i].distance ? -1 : 1;
    }
    return 0;
}

/* Of which sort a description is, and its visits: these are dealt among descriptions of a sort. */
typedef struct visited {
    uint32_t shared, returns, turns_off, visits;
} visited;

static visited visited_of(const mt_description *description) {
    return (visited){description->shared, description->returning > 0, description->beyond > 0,
                     description->visits};
}

static int compare_visited(const void *a, const void *b) {
    return memcmp(a, b, sizeof(visited));
}

static void assert_visits_are_dealt(const mt_model *model, const slow_description *slow) {
    static visited dealt[TRACE_REQUESTS], wanted[TRACE_REQUESTS];
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        dealt[i] = visited_of(&model->descriptions[i]);
        wanted[i] = visited_of(&slow[i].description);
    }
    qsort(dealt, TRACE_REQUESTS, sizeof(visited), compare_visited);
    qsort(wanted, TRACE_REQUESTS, sizeof(visited), compare_visited);
    assert_memory_equal(dealt, wanted, sizeof dealt);
}

static void assert_as_slow(const plain_trace *trace, const mt_model *model) {
    static slow_trace slow;
    static slow_description wanted[TRACE_REQUESTS];
    list_touches(trace, &slow);
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        wanted[r] = describe(trace, &slow, r);
    qsort(wanted, TRACE_REQUESTS, sizeof wanted[0], compare_slow);
    assert_int_equal(model->count, TRACE_REQUESTS);
    assert_visits_are_dealt(model, wanted);
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        const mt_description *description = &model->descriptions[i];
        mt_description expected = wanted[i].description;
        expected.visits = description->visits;
        assert_same_description(description, &expected);
        for (uint32_t k = 0; k < description->run_count; k++) {
            assert_int_equal(model->runs[description->run_begin + k].end, wanted[i].runs[k].end);
            assert_int_equal(model->runs[description->run_begin + k].distance,
                             wanted[i].runs[k].distance);
        }
    }
}

/* What the file's reader takes for granted of numbers that belong together. */
static void assert_consistent(const mt_model *model) {
    uint64_t returning = 0, first_return = 0;
    for (size_t i = 0; i < model->count; i++) {
        const mt_description *description = &model->descriptions[i];
        returning += description->returning;
        first_return += description->first_return;
        assert_int_equal(description->run_count > 0, description->shared > 0);
        if (description->shared == 0)
            continue;
        const mt_model_run *runs = model->runs + description->run_begin;
        assert_int_equal(runs[description->run_count - 1].end, description->shared);
        for (uint32_t k = 0; k < description->run_count; k++) {
            assert_true(runs[k].distance >= runs[k].end);
            assert_true(k == 0 ||
                        (runs[k].end > runs[k - 1].end && runs[k].distance > runs[k - 1].distance));
        }
        assert_true(description->elapsed >= runs[description->run_count - 1].distance);
        assert_int_equal(description->visits == 1, description->first_return > 0);
        assert_int_equal(description->visits == 1, description->previous == 0);
    }
    assert_int_equal(returning, first_return);
}

static void test_against_slow(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 1;
    for (int round = 0; round < 40; round++) {
        make_plain_trace(&trace, (id_kind)(round % ID_KINDS), &random);
        mt_model *model = learn_plain(&trace);
        assert_as_slow(&trace, model);
        assert_consistent(model);
        mt_model_release(model);
    }
}

/* What ids there are does not matter: any 64 bits, as long as equal ones stay equal. */
static void test_ids_do_not_matter(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 2;
    make_plain_trace(&trace, IDS_OF_CONTENT, &random);
    mt_model *before = learn_plain(&trace);
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        for (size_t i = 0; i < trace.count[r]; i++)
            trace.ids[r][i] = UINT64_MAX - trace.ids[r][i] * UINT64_C(0x9E3779B97F4A7C15);
    mt_model *after = learn_plain(&trace);
    assert_same_model(before, after);
    mt_model_release(before);
    mt_model_release(after);
}

/* The order of descriptions says nothing about the trace's: requests that share nothing may come in
 * any. */
static void test_order_of_the_trace(void **state) {
    (void)state;
    enum { COUNT = 48, STRETCH = 4 }; /* of single turns; the order of stretches is known */
    mt_model *models[2];
    for (int turned = 0; turned < 2; turned++) {
        mt_learner *learner = new_learner(BLOCK);
        for (size_t k = 0; k < COUNT; k++) {
            size_t i = turned ? k / STRETCH * STRETCH + STRETCH - 1 - k % STRETCH : k;
            uint64_t ids[] = {10 * i, 10 * i + 1, 10 * i + 2};
            size_t count = i * 7 % 3 + 1;
            learn(learner, request_at((int64_t)k, count * BLOCK - i % 5, i * 13 % 17, ids, count));
        }
        models[turned] = finish_learner(learner);
    }
    assert_same_model(models[0], models[1]);
    mt_model_release(models[0]);
    mt_model_release(models[1]);
}

/* ---- little to learn from ---- */

static void test_one_request(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    learn(learner, request_at(1000, 17, 0, (uint64_t[]){UINT64_MAX, 0}, 2));
    mt_model *model = finish_learner(learner);
    assert_int_equal(model->count, 1);
    assert_int_equal(model->run_count, 0);
    assert_same_description(model->descriptions,
                            &(mt_description){.unique = 2, .tokens = 1, .output = 0});
    assert_int_equal(model->gaps_ns[0], 0);
    mt_model_release(model);
}

/* The same prompt again and again, all at one instant: it is new once, and comes back for the first
 * time once. */
static void test_identical_requests(void **state) {
    (void)state;
    enum { COUNT = 100 };
    mt_learner *learner = new_learner(BLOCK);
    for (int i = 0; i < COUNT; i++)
        learn(learner, request_at(77, 3 * BLOCK, 5, (uint64_t[]){8, 9, 7}, 3));
    mt_model *model = finish_learner(learner);
    assert_int_equal(model->run_count, COUNT - 1);
    assert_int_equal(model->descriptions[0].returning, 3);
    for (uint32_t i = 1; i < COUNT; i++) {
        const mt_description *description = &model->descriptions[i];
        assert_int_equal(description->shared, 3);
        assert_int_equal(description->visits, i);
        assert_int_equal(description->elapsed, 3);
        assert_int_equal(description->previous, i == 1 ? 0 : 3);
        assert_int_equal(description->first_return, i == 1 ? 3 : 0);
        assert_memory_equal(&model->runs[description->run_begin], (&(mt_model_run){3, 3}),
                            sizeof(mt_model_run));
        assert_int_equal(model->gaps_ns[i], 0);
    }
    mt_model_release(model);
}

static void test_no_repetition(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    for (uint64_t i = 0; i < 30; i++)
        learn(learner, request_at((int64_t)i, 2 * BLOCK, i, (uint64_t[]){2 * i, 2 * i + 1}, 2));
    mt_model *model = finish_learner(learner);
    assert_int_equal(model->run_count, 0);
    for (size_t i = 0; i < model->count; i++)
        assert_same_description(&model->descriptions[i],
                                &(mt_description){.unique = 2, .tokens = BLOCK, .output = i});
    mt_model_release(model);
}

/* Nothing known of the blocks: only lengths are learnt. Such requests do not touch anything. */
static void test_without_ids(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    mt_request request = request_at(0, 100, 3, NULL, 0);
    learn(learner, request_at(0, BLOCK, 1, (uint64_t[]){4}, 1));
    learn(learner, request);
    request.has &= ~(unsigned)(MT_HAS_HASH_IDS | MT_HAS_OUTPUT_LENGTH);
    request.input_length = 0;
    learn(learner, request);
    learn(learner, request_at(0, BLOCK, 1, (uint64_t[]){4}, 1));
    mt_model *model = finish_learner(learner);
    assert_int_equal(model->count, 4);
    assert_same_description(&model->descriptions[0],
                            &(mt_description){.tokens = 0, .output = MT_MODEL_NO_OUTPUT});
    assert_same_description(&model->descriptions[1], &(mt_description){.tokens = 100, .output = 3});
    assert_int_equal(model->descriptions[3].elapsed, 1);
    assert_int_equal(model->runs[0].distance, 1);
    mt_model_release(model);
}

/* ---- what is refused ---- */

static void refused(mt_learner *learner, mt_request request, const char *message) {
    mt_error error;
    assert_int_equal(mt_learner_add(learner, &request, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, message);
    assert_int_equal(error.line, 7);
    assert_string_equal(error.source, "");
}

/* What is refused is left out: the model is that of the rest. */
static void test_refused(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    mt_error error;
    assert_null(mt_learner_finish(learner, &error));
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_string_equal(error.message, "no requests");
    mt_learner_free(learner);
    learner = new_learner(BLOCK);
    learn(learner, request_at(5000000000, 20, 11, (uint64_t[]){0, 1}, 2));
    mt_request request = request_at(0, 20, 1, (uint64_t[]){0, 1}, 2);
    refused(learner, request,
            "the timestamp is earlier than the one before ('moontide cat --sort' puts a trace in "
            "order)");
    request.has &= ~(unsigned)MT_HAS_TIME;
    refused(learner, request, "timestamp is missing, and learning needs it");
    request = request_at(6000000000, 40, 1, (uint64_t[]){0, 1}, 2);
    refused(learner, request,
            "hash_ids has 2 ids, but input_length 40 makes 3 blocks of 16 tokens; it fits a block "
            "size of 32");
    request.has &= ~(unsigned)MT_HAS_INPUT_LENGTH;
    refused(learner, request, "input_length is missing, and learning needs it");
    static const uint64_t first_id = 9; /* the others are not looked at */
    refused(learner,
            request_at(9000000000, BLOCK * (MT_MODEL_MOST_BLOCKS + 1), 1, &first_id,
                       MT_MODEL_MOST_BLOCKS + 1),
            "hash_ids has 16777217 blocks, of at most 16777216 that a model describes");
    learn(learner, request_at(6000000000, 40, 12, (uint64_t[]){0, 1, 2}, 3));
    learn(learner, request_at(6000000000, 32, 13, (uint64_t[]){3, 4}, 2));
    learn(learner, request_at(8000000000, 30, 14, (uint64_t[]){0, 1}, 2));
    mt_model *model = finish_learner(learner), *wanted = learn_by_hand();
    assert_same_model(model, wanted);
    mt_model_release(model);
    mt_model_release(wanted);
    assert_null(mt_learner_new(0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    mt_learner_free(NULL);
    mt_model_release(NULL);
}

static void test_out_of_memory(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 3;
    make_plain_trace(&trace, IDS_MIXED, &random);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_learner *learner = mt_learner_new(TRACE_BLOCK_SIZE, &all.error);
        all.code = learner ? MT_OK : all.error.code;
        for (size_t r = 0; all.code == MT_OK && r < TRACE_REQUESTS; r++) {
            mt_request request = timed_request(&trace, r);
            all.code = mt_learner_add(learner, &request, &all.error);
        }
        mt_model *model = all.code == MT_OK ? mt_learner_finish(learner, &all.error) : NULL;
        if (!model)
            all.code = all.error.code;
        mt_model_release(model);
        mt_learner_free(learner);
    }
}

/* A model outlives who made it, as long as somebody holds it. */
static void test_references(void **state) {
    (void)state;
    mt_model *model = learn_by_hand();
    assert_ptr_equal(mt_model_retain(model), model);
    mt_model_release(model);
    assert_int_equal(model->count, 4);
    mt_model_release(model);
}

/* Requests, runs, shared and distinct blocks as other programs count them. */
static void test_conversation_trace(void **state) {
    (void)state;
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    mt_learner *learner = new_learner(512);
    mt_request request;
    while (mt_source_next(reader, &request, NULL) == 1)
        learn(learner, request);
    mt_source_free(reader);
    mt_model *model = finish_learner(learner);
    uint64_t shared = 0, fresh = 0;
    for (size_t i = 0; i < model->count; i++) {
        shared += model->descriptions[i].shared;
        fresh += model->descriptions[i].returning + model->descriptions[i].unique;
    }
    assert_int_equal(model->count, 12031);
    assert_int_equal(model->run_count, 16708);
    assert_int_equal(shared, 105710);
    assert_int_equal(fresh, 182790);
    assert_consistent(model);
    mt_model_release(model);
}

/* Requests that share one block, longer and longer: visits do not tell which came first. */
static void test_visits_tell_no_order(void **state) {
    (void)state;
    enum { COUNT = 200 };
    mt_learner *learner = new_learner(BLOCK);
    uint64_t ids[COUNT + 1], next = 1;
    ids[0] = 0;
    for (int i = 0; i < COUNT; i++) {
        size_t count = (size_t)(i * 37 % COUNT) + 2; /* so that lengths are in no order */
        for (size_t k = 1; k < count; k++)
            ids[k] = next++;
        learn(learner, request_at(i, count * BLOCK, 5, ids, count));
    }
    mt_model *model = finish_learner(learner);
    int as_it_was = 0;
    for (int i = 1; i < COUNT; i++) { /* description i is new apart from one block: i came then */
        const mt_description *description = &model->descriptions[i];
        int came = 0;
        while ((uint32_t)(came * 37 % COUNT) + 1 != description->unique)
            came++;
        as_it_was += description->visits == (uint32_t)came;
    }
    assert_in_range(as_it_was, 0, 30);
    mt_model_release(model);
}

/* A request without an id that goes on with a session, before the session does: each is in a chain. */
static void test_some_with_sessions(void **state) {
    (void)state;
    mt_learner *learner = new_learner(BLOCK);
    uint64_t paths[][3] = {{0}, {0, 1}, {0, 2}, {0, 2, 3}, {0, 2, 4}};
    static const size_t counts[] = {1, 2, 2, 3, 3};
    static const int is_named[] = {1, 0, 1, 0, 1};
    for (size_t i = 0; i < 5; i++) {
        mt_request request =
            request_at((int64_t)i * 1000000000, counts[i] * BLOCK, 10, paths[i], counts[i]);
        if (is_named[i]) {
            request.has |= MT_HAS_SESSION;
            request.session = (mt_span){"\"a\"", 3};
        }
        learn(learner, request);
    }
    mt_model *model = finish_learner(learner);
    assert_int_equal(model->count, 5);
    size_t turns = 0;
    for (size_t c = 0; c < model->chain_count; c++) {
        assert_int_equal(model->chains[c].first, turns);
        turns += model->chains[c].count;
    }
    assert_int_equal(turns, 5);
    for (size_t t = 0; t < turns; t++)
        assert_true(model->turns[t].description < 5 && (t == 0) == (model->turns[t].gap_ns == 0));
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_two_runs),
        cmocka_unit_test(test_against_slow),
        cmocka_unit_test(test_visits_tell_no_order),
        cmocka_unit_test(test_ids_do_not_matter),
        cmocka_unit_test(test_order_of_the_trace),
        cmocka_unit_test(test_some_with_sessions),
        cmocka_unit_test(test_one_request),
        cmocka_unit_test(test_identical_requests),
        cmocka_unit_test(test_no_repetition),
        cmocka_unit_test(test_without_ids),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_conversation_trace),
    };
    return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
