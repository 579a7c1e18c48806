/* What a synthesiser learns from a trace: one description a request, in no order of time, the gaps
 * between arrivals, and who continues whom.
 *
 * A description says how long a request's parts are and how long ago, in distinct blocks touched
 * since, the parts it shares had been touched; not what was in them. Its prompt is
 *
 *     shared (known before) | returning (new, touched again by a later request) | unique
 *
 * in whole blocks, then the tokens of the last block. The shared part is split into runs
 * (prefix/cache/history.h). Descriptions are sorted by their contents, so that their order says
 * nothing about the trace's, and a model read from a file is the model that was learnt. */
#ifndef MT_PREFIX_MODEL_MODEL_H
#define MT_PREFIX_MODEL_MODEL_H

#include "base/error.h"
#include "trace/record.h"

/* Blocks [end of the run before, end) of the shared part, whose first block comes back after
 * `distance` distinct blocks, itself included. */
typedef struct mt_model_run {
    uint32_t end;
    uint32_t distance;
} mt_model_run;

#define MT_MODEL_NO_OUTPUT UINT64_MAX

/* Most blocks of a request that a model describes. More is taken for a mistake in the model's text: making
 * it would clear memory for minutes. */
#define MT_MODEL_MOST_BLOCKS ((uint64_t)1 << 24)

/* What one request is made of. Its counts of blocks sum up to MT_MODEL_MOST_BLOCKS at most; distances are
 * below 2^32. "Deepest" is the last of the shared blocks. */
typedef struct mt_description {
    uint64_t run_begin; /* its runs: model->runs[run_begin .. run_begin + run_count) */
    uint32_t run_count; /* 0 exactly where nothing is shared */
    uint32_t shared, returning, unique; /* blocks */
    uint32_t visits;       /* requests that had touched the deepest block; dealt among the alike
                              (prefix/model/alike.h), for it would be a request's rank otherwise */
    uint32_t first_return; /* of the shared blocks, those that come back for the first time */
    /* How many blocks followed the deepest one in the request that touched it last, counting only
     * blocks that some later request touches again. */
    uint32_t beyond;
    /* The distance at which that request had found the deepest block, rounded down to its three
     * leading bits. 0: it was new then. */
    uint32_t previous;
    uint64_t elapsed; /* blocks touched, repetitions counted, since the deepest was */
    uint64_t tokens;  /* in the last block; where nothing is known of blocks, of the whole prompt */
    uint64_t output;  /* OSL, or MT_MODEL_NO_OUTPUT */
} mt_description;

/* A turn of a chain (prefix/model/chains.h). */
#define MT_NO_TURN UINT32_MAX
#define MT_FROM_BEFORE (UINT32_MAX - 1)
typedef struct mt_model_turn {
    uint32_t description;
    /* The turn that made the deepest shared block; MT_FROM_BEFORE: whoever made it on the path of
     * the turn before; MT_NO_TURN: nothing is shared. */
    uint32_t origin;
    int64_t gap_ns; /* since the turn before; 0 for a chain's first turn */
} mt_model_turn;

typedef struct mt_model_chain {
    int64_t start_ns; /* since the first request */
    uint32_t first;   /* its turns are turns[first .. first + count) */
    uint32_t count;
} mt_model_chain;

/* How long answers took: so long to the first token, and for each. Both 0: not known. */
typedef struct mt_model_answers {
    int64_t first_ns, token_ns;
} mt_model_answers;

/* Immutable once made, and shared by counting references. */
typedef struct mt_model {
    size_t references;
    uint64_t block_size;
    mt_description *descriptions;
    size_t count; /* >= 1 */
    mt_model_run *runs;
    size_t run_count;
    int64_t *gaps_ns; /* count of them: from the request before to this one, the first being 0 */
    /* 1: gaps are in the trace's order. 0: the order was dropped. The numbers of requests at one
     * instant and the gaps between instants are each sorted, so that only their two distributions
     * are known, not which came with which. */
    int gaps_in_order;
    mt_model_chain *chains; /* in order of their starts */
    size_t chain_count;     /* 0: it is not known who continues whom */
    mt_model_turn *turns;   /* one a description */
    mt_model_answers answers;
} mt_model;

/* Blocks, and tokens, of the description's whole prompt. */
static inline uint64_t mt_description_blocks(const mt_description *description) {
    return (uint64_t)description->shared + description->returning + description->unique;
}

static inline uint64_t mt_model_input_length(const mt_model *model,
                                             const mt_description *description) {
    uint64_t blocks = mt_description_blocks(description);
    return description->tokens + (blocks > 0 ? (blocks - 1) * model->block_size : 0);
}

/* The order of descriptions: by everything that is written. */
int mt_model_compare(const mt_model *model, const mt_description *a, const mt_description *b);

mt_model *mt_model_retain(mt_model *model); /* returns it */
void mt_model_release(mt_model *model);     /* NULL is allowed */

/* ---- learning ---- */

typedef struct mt_learner mt_learner;

/* block_size: tokens a block, at least 1. NULL on failure. */
mt_learner *mt_learner_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order. Required are input_length, ids that fit the block size
 * where there are any, and a timestamp that does not decrease; otherwise MT_ERROR_INPUT with the
 * request's line (source left empty), and the request is left out. After any other failure (memory,
 * Ctrl-C) the learner can only be freed. */
mt_code mt_learner_add(mt_learner *learner, const mt_request *request, mt_error *error);

/* The model of all requests, with one reference, or NULL. MT_ERROR_INPUT when there are none. The
 * learner can only be freed afterwards. */
mt_model *mt_learner_finish(mt_learner *learner, mt_error *error);

void mt_learner_free(mt_learner *learner); /* NULL is allowed */

#endif
