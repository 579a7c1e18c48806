/* What the tests of the reuse method share: sources of very different kinds, what is learnt of
 * them, and what a cache makes of requests. */
#ifndef REUSE_SUPPORT_H
#define REUSE_SUPPORT_H

#include "base/memory.h"
#include "prefix/cache/history.h"
#include "prefix/model/model.h"
#include "prefix/synthetic.h"
#include "prefix/block/tree.h"
#include "trace_support.h"

#include <math.h>

enum { BLOCK = 16, SOURCE_REQUESTS = 3000, SOURCE_BLOCKS = 64, SOURCE_GROUPS = 40 };

/* Request r has the OSL r + 1, so that whoever is made after it can be told. */
typedef struct source {
    size_t count, blocks[SOURCE_REQUESTS];
    uint64_t ids[SOURCE_REQUESTS][SOURCE_BLOCKS];
    uint64_t input[SOURCE_REQUESTS];
} source;

typedef enum source_kind {
    SOURCE_SESSIONS,  /* conversations that go on, some after long pauses */
    SOURCE_HOT,       /* one system prompt with unique tails, and requests by themselves */
    SOURCE_DOCUMENTS, /* long documents asked about again */
    SOURCE_KINDS
} source_kind;

/* A prompt that grows; `unique` blocks more end the request and come back to nobody. */
typedef struct growing {
    size_t count;
    uint64_t ids[SOURCE_BLOCKS];
} growing;

static inline void grow(growing *prompt, uint64_t blocks, uint64_t *next_id) {
    while (blocks-- > 0 && prompt->count < SOURCE_BLOCKS - 8)
        prompt->ids[prompt->count++] = (*next_id)++;
}

static inline void add_request(source *trace, const growing *prompt, uint64_t unique,
                               uint64_t *next_id, uint64_t *random) {
    size_t r = trace->count++, count = prompt->count;
    memcpy(trace->ids[r], prompt->ids, count * sizeof *prompt->ids);
    while (unique-- > 0)
        trace->ids[r][count++] = (*next_id)++;
    trace->blocks[r] = count;
    trace->input[r] = count * BLOCK - (count > 0 ? below(random, BLOCK) : 0);
}

/* Sessions begin with one of three system prompts; a few are left for long. */
static inline void add_session_turn(source *trace, growing *sessions, uint64_t *next_id,
                                    uint64_t *random) {
    uint64_t which = below(random, 4) > 0 ? below(random, 8) : below(random, SOURCE_GROUPS);
    growing *session = &sessions[which];
    if (session->count == 0 || session->count > 40 || below(random, 9) == 0) {
        session->count = 0;
        for (uint64_t id = 100 * below(random, 3); session->count < 4; id++)
            session->ids[session->count++] = id;
    }
    grow(session, below(random, 5), next_id);
    add_request(trace, session, below(random, 3) > 0, next_id, random);
}

static inline void add_hot(source *trace, growing *prompts, uint64_t *next_id, uint64_t *random) {
    growing none = {0};
    if (prompts[0].count == 0)
        grow(&prompts[0], 20, next_id);
    add_request(trace, below(random, 5) > 0 ? &prompts[0] : &none, 1 + below(random, 8), next_id,
                random);
}

/* The early ones are asked about more often; now and then one is replaced. */
static inline void add_document(source *trace, growing *documents, uint64_t *next_id,
                                uint64_t *random) {
    uint64_t which = below(random, 1 + below(random, SOURCE_GROUPS));
    if (documents[which].count == 0 || below(random, 30) == 0) {
        documents[which].count = 0;
        grow(&documents[which], 5 + below(random, 45), next_id);
    }
    add_request(trace, &documents[which], below(random, 3), next_id, random);
}

static inline void make_source(source *trace, source_kind kind, size_t requests, uint64_t seed) {
    growing groups[SOURCE_GROUPS];
    uint64_t random = seed, next_id = 1000;
    memset(groups, 0, sizeof groups);
    trace->count = 0;
    while (trace->count < requests)
        if (kind == SOURCE_SESSIONS)
            add_session_turn(trace, groups, &next_id, &random);
        else if (kind == SOURCE_HOT)
            add_hot(trace, groups, &next_id, &random);
        else
            add_document(trace, groups, &next_id, &random);
}

static inline mt_request source_request(const source *trace, size_t r) {
    return (mt_request){.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                               MT_HAS_HASH_IDS,
                        .time_ns = (int64_t)r,
                        .input_length = trace->input[r],
                        .output_length = r + 1,
                        .hash_ids = trace->ids[r],
                        .hash_count = trace->blocks[r]};
}

static inline mt_model *model_of(const source *trace) {
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    assert_non_null(learner);
    for (size_t r = 0; r < trace->count; r++) {
        mt_request request = source_request(trace, r);
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    assert_non_null(model);
    mt_learner_free(learner);
    return model;
}

/* What is learnt of a source of that kind, which is forgotten. */
static inline mt_model *model_of_kind(source_kind kind, size_t requests, uint64_t seed) {
    static source trace;
    make_source(&trace, kind, requests, seed);
    return model_of(&trace);
}

static const mt_synthesis_options plain_options = {.seed = 1,
                                                   .block_size = BLOCK,
                                                   .prefix_len_multiplier = 1,
                                                   .prompt_len_multiplier = 1,
                                                   .osl_multiplier = 1,
                                                   .prefix_root_multiplier = 1,
                                                   .max_isl = UINT64_MAX,
                                                   .max_osl = UINT64_MAX};

/* ---- caches -----------------------------------------------------------------------------------
 */

enum { CACHES = 20 };

/* Caches of 200 blocks and more, in steps that no grid of the method has, and what they hit. */
typedef struct caches {
    mt_prefix_tree *tree;
    mt_history *history;
    uint32_t *path;
    size_t path_capacity;
    /* Of the last request: blocks that had been there before, the distance of the last of them. */
    size_t known;
    uint64_t distance;
    uint64_t all, infinite, hits[CACHES];
} caches;

static inline uint64_t cache_size(int j) {
    return (uint64_t)(200 * pow(1.23, j));
}

static inline void open_caches(caches *all) {
    *all = (caches){.tree = mt_prefix_tree_new(NULL), .history = mt_history_new(NULL)};
    assert_true(all->tree && all->history);
}

static inline void close_caches(caches *all) {
    mt_prefix_tree_free(all->tree);
    mt_history_free(all->history);
    mt_free(all->path);
}

static inline void touch_caches(caches *all, const uint64_t *ids, size_t count) {
    mt_touch touch;
    assert_int_equal(MT_GROW(all->path, all->path_capacity, count), 0);
    assert_int_equal(mt_prefix_tree_add(all->tree, ids, count, all->path, &all->known, NULL),
                     MT_OK);
    assert_int_equal(mt_history_touch(all->history, all->path, count, all->known, &touch, NULL),
                     MT_OK);
    all->all += count;
    all->infinite += all->known;
    all->distance = touch.run_count > 0 ? touch.runs[touch.run_count - 1].distance : 0;
    for (int j = 0; j < CACHES; j++) {
        uint64_t hits = 0;
        for (size_t k = 0; k < touch.run_count && touch.runs[k].distance <= cache_size(j); k++)
            hits = touch.runs[k].end;
        all->hits[j] += hits;
    }
}

#endif
