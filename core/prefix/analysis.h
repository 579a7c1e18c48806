/* What a trace says of its prefixes: context, unique prompt, theoretical hit rate.
 *
 * A (position, id) pair is *repeated* when it occurs in more than one place of the trace. All pairs
 * of a request repeated: context = ISL, unique prompt = 0. Otherwise context = repeated pairs *
 * block size, unique prompt = ISL - context. Theoretical hit rate of a request: leading ids already
 * seen in earlier requests / ids (infinite cache). Requests without ids count in Input and Output
 * Length only. */
#ifndef MT_PREFIX_ANALYSIS_H
#define MT_PREFIX_ANALYSIS_H

#include "base/error.h"
#include "stats/summary.h"
#include "trace/record.h"

typedef struct mt_analysis mt_analysis;

typedef struct mt_analysis_result {
    uint64_t requests;
    uint64_t blocks;         /* all ids counted */
    uint64_t distinct_pairs; /* distinct (position, id) */
    mt_summary input_length, context_length, unique_prompt_length, output_length;
    mt_summary theoretical_hit_rate;
} mt_analysis_result;

mt_analysis *mt_analysis_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order. Requires input_length and output_length and, where there
 * are ids, that they fit the block size; fails naming request->line's field, source left empty. */
mt_code mt_analysis_add(mt_analysis *analysis, const mt_request *request, mt_error *error);

/* The result over all requests so far. */
mt_code mt_analysis_finish(mt_analysis *analysis, mt_analysis_result *result, mt_error *error);

void mt_analysis_free(mt_analysis *analysis); /* NULL is allowed */

#endif
