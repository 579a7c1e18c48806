/* What a trace says of its prefixes: context, unique prompt, theoretical hit rate.
 *
 * A (position, id) pair is *repeated* when it occurs in more than one place of the trace. All pairs
 * of a request repeated: context = ISL, unique prompt = 0. Otherwise context = repeated pairs *
 * block size, unique prompt = ISL - context. Theoretical hit rate of a request: leading ids already
 * seen in earlier requests / ids (infinite cache). Requests without ids count in Input and Output
 * Length only.
 *
 * "Repeated" looks at the whole trace, the future included, so a request's context is known at the
 * end; instead of every request's ids only the request a pair came first in is kept until the pair
 * comes again. Memory: 32 bytes a request; nothing a pair beside a locality that takes the requests in
 * too, as long as ids are as the format has them (prefix/block/tree.h); else 8 a distinct pair as long
 * as each id stands at one position, and 23 to 33 from the first request on that breaks this. Ids that
 * are not consecutive from 0 take 19 to 29 more each (prefix/block/numbering.h). Ids are arbitrary
 * 64-bit numbers, and one id may stand at several positions. */
#ifndef MT_PREFIX_ANALYSIS_ANALYSIS_H
#define MT_PREFIX_ANALYSIS_ANALYSIS_H

#include "prefix/analysis/locality.h"
#include "stats/summary.h"

typedef struct mt_analysis mt_analysis;

typedef struct mt_analysis_result {
    uint64_t requests;
    uint64_t blocks;         /* all ids counted */
    uint64_t distinct_pairs; /* distinct (position, id) */
    mt_summary input_length, context_length, unique_prompt_length, output_length;
    mt_summary theoretical_hit_rate;
} mt_analysis_result;

/* What a request is measured by; one without ids has no context, unique prompt and hit rate. */
typedef enum mt_metric {
    MT_METRIC_INPUT_LENGTH,
    MT_METRIC_CONTEXT_LENGTH,
    MT_METRIC_UNIQUE_PROMPT_LENGTH,
    MT_METRIC_OUTPUT_LENGTH,
    MT_METRIC_THEORETICAL_HIT_RATE
} mt_metric;

/* block_size: tokens a block, at least 1. NULL on failure. */
mt_analysis *mt_analysis_new(uint64_t block_size, mt_error *error);

/* Requests without output_length are taken in from now on: they count in all but Output Length. */
void mt_analysis_allow_no_output(mt_analysis *analysis);

/* The locality takes in the same requests, each of them before the analysis does, and is there as long
 * as requests come: what it knows need not be known twice. Before the first request. */
void mt_analysis_share(mt_analysis *analysis, const mt_locality *locality);

/* Is the request one that mt_analysis_add takes in? It needs input_length and output_length and, where
 * there are ids, ceil(input_length / block_size) of them. If not, MT_ERROR_INPUT with the request's line
 * and the member's name in the message (source left empty). */
mt_code mt_analysis_check(const mt_analysis *analysis, const mt_request *request, mt_error *error);

/* Takes in one request that mt_analysis_check has said MT_OK to, in trace order. After a failure
 * (memory, Ctrl-C) the analysis can only be freed. */
mt_code mt_analysis_add(mt_analysis *analysis, const mt_request *request, mt_error *error);

/* The result over all requests so far; more may be added afterwards. No requests at all is
 * MT_ERROR_INPUT ("no requests"). */
mt_code mt_analysis_finish(mt_analysis *analysis, mt_analysis_result *result, mt_error *error);

/* One metric of all requests so far that have it, in their order. Returns how many; writes them to
 * `values`, or nothing when that is NULL. */
size_t mt_analysis_values(const mt_analysis *analysis, mt_metric metric, double *values);

/* Was what prompts share drawn, as a converter does that knows only their lengths? Of requests without
 * a session, prompts' first blocks come again as often, and as evenly over the trace, as when each is
 * drawn uniformly from a number of them, and two blocks as when the second is drawn too. Returns that
 * number; 0 when it does not look so, or so few come again that nobody can tell. */
double mt_analysis_drawn_from(const mt_analysis *analysis);

/* No more requests will come: gives back what only they need, all but 32 bytes a request. Adding one
 * is MT_ERROR_VALUE from then on. */
void mt_analysis_seal(mt_analysis *analysis);

void mt_analysis_free(mt_analysis *analysis); /* NULL is allowed */

#endif
