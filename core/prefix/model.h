/* What a synthesiser learns from a trace: one description a request, in no order of time, and the
 * sequence of gaps between arrivals.
 *
 * A description says how long a request's parts are and how long ago, in distinct blocks touched
 * since, the parts it shares had been touched; not what was in them. Its prompt is
 *
 *     shared (known before) | returning (new, touched again by a later request) | unique
 *
 * in whole blocks, then the tokens of the last block. The shared part is split into runs
 * (prefix/history.h). Descriptions are sorted by their contents, so that their order says nothing
 * about the trace's, and a model read from a file is the model that was learnt. */
#ifndef MT_PREFIX_MODEL_H
#define MT_PREFIX_MODEL_H

#include "base/error.h"
#include "trace/record.h"

/* Blocks [end of the run before, end) of the shared part, whose first block comes back after
 * `distance` distinct blocks, itself included. */
typedef struct mt_model_run {
    uint32_t end;
    uint32_t distance;
} mt_model_run;

#define MT_MODEL_NO_OUTPUT UINT64_MAX

typedef struct mt_description {
    uint64_t run_begin; /* its runs: model->runs[run_begin .. run_begin + run_count) */
    uint32_t run_count;
    uint32_t shared, returning, unique; /* blocks */
    uint64_t elapsed; /* blocks touched, again and again counted, since the deepest shared block was */
    uint32_t previous; /* distance at which the touch before had found the deepest shared block; 0: it was new */
    uint32_t visits; /* requests that had touched the deepest shared block */
    uint32_t first_return; /* of the shared blocks, those that come back for the first time */
    uint32_t beyond; /* returning blocks that the request it attaches to has after the shared ones */
    uint64_t tokens; /* of the last block; without blocks: of the whole prompt, nothing being known
                        of its blocks */
    uint64_t output; /* OSL, or MT_MODEL_NO_OUTPUT */
} mt_description;

typedef struct mt_model {
    uint64_t block_size;
    mt_description *descriptions;
    size_t count;
    mt_model_run *runs;
    size_t run_count;
    int64_t *gaps_ns; /* count of them: from each request to the next in the trace's order, the first
                         from the trace's beginning; NULL: left out */
} mt_model;

void mt_model_free(mt_model *model); /* NULL is allowed */

/* ---- learning ---- */

typedef struct mt_learner mt_learner;

/* block_size: tokens a block, at least 1. NULL on failure. */
mt_learner *mt_learner_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order: input_length is required, and a timestamp that does not
 * decrease. MT_ERROR_INPUT with the request's line (source left empty) otherwise; the request is
 * left out then. */
mt_code mt_learner_add(mt_learner *learner, const mt_request *request, mt_error *error);

/* The model of all requests so far, or NULL. MT_ERROR_INPUT when there are none. The learner can
 * only be freed afterwards. */
mt_model *mt_learner_finish(mt_learner *learner, mt_error *error);

void mt_learner_free(mt_learner *learner); /* NULL is allowed */

#endif
