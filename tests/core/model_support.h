/* What the tests of models share: learning from requests that are at hand, and comparing models. */
#ifndef MODEL_SUPPORT_H
#define MODEL_SUPPORT_H

#include "prefix/model/model.h"
#include "prefix_support.h"

static inline mt_learner *new_learner(uint64_t block_size) {
    mt_learner *learner = mt_learner_new(block_size, NULL);
    assert_non_null(learner);
    return learner;
}

static inline void learn(mt_learner *learner, mt_request request) {
    mt_error error;
    if (mt_learner_add(learner, &request, &error) != MT_OK)
        fail_msg("line %d: %s", (int)error.line, error.message);
}

/* The learner is freed. */
static inline mt_model *finish_learner(mt_learner *learner) {
    mt_model *model = mt_learner_finish(learner, NULL);
    assert_non_null(model);
    mt_learner_free(learner);
    return model;
}

/* A request of a plain trace, `gap` after gap apart, some at one instant. */
static inline mt_request timed_request(const plain_trace *trace, size_t r) {
    mt_request request = plain_request(trace, r);
    request.has |= MT_HAS_TIME;
    request.time_ns = (int64_t)(r / 3) * 1500001 + (r % 3 == 2) * 1000;
    request.output_length = r % 7;
    if (r % 11 == 0)
        request.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    return request;
}

static inline mt_model *learn_plain(const plain_trace *trace) {
    mt_learner *learner = new_learner(TRACE_BLOCK_SIZE);
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        learn(learner, timed_request(trace, r));
    return finish_learner(learner);
}

/* All fields but where the runs lie. */
static inline void assert_same_description(const mt_description *a, const mt_description *b) {
    mt_description first = *a, second = *b;
    first.run_begin = second.run_begin = 0;
    assert_memory_equal(&first, &second, sizeof first);
}

static inline void assert_same_descriptions(const mt_model *a, const mt_model *b) {
    assert_int_equal(a->block_size, b->block_size);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->run_count, b->run_count);
    for (size_t i = 0; i < a->count; i++) {
        const mt_description *first = &a->descriptions[i], *second = &b->descriptions[i];
        assert_same_description(first, second);
        if (first->run_count > 0)
            assert_memory_equal(a->runs + first->run_begin, b->runs + second->run_begin,
                                first->run_count * sizeof *a->runs);
    }
}

static inline void assert_same_model(const mt_model *a, const mt_model *b) {
    assert_same_descriptions(a, b);
    assert_int_equal(a->gaps_in_order, b->gaps_in_order);
    assert_memory_equal(a->gaps_ns, b->gaps_ns, a->count * sizeof *a->gaps_ns);
    assert_int_equal(a->chain_count, b->chain_count);
    for (size_t i = 0; i < a->chain_count; i++)
        assert_memory_equal(&a->chains[i], &b->chains[i], sizeof a->chains[i]);
    for (size_t i = 0; a->chain_count > 0 && i < a->count; i++)
        assert_memory_equal(&a->turns[i], &b->turns[i], sizeof a->turns[i]);
}

#endif
