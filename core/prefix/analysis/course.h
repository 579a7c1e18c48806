/* What else of a trace a synthetic one should have: how prompts begin, when hits come, how tokens
 * bunch, and whether turns wait for the answer that they continue.
 *
 * Sessions and hits are those of prefix/analysis/locality.h, over all requests taken in so far. */
#ifndef MT_PREFIX_ANALYSIS_COURSE_H
#define MT_PREFIX_ANALYSIS_COURSE_H

#include "prefix/analysis/locality.h"
#include "stats/variation.h"

/* The blocks that prompts begin with. */
typedef struct mt_roots {
    uint64_t count;     /* different ones */
    uint64_t requests;  /* that have blocks */
    uint64_t commonest; /* of them, those that begin with the commonest */
} mt_roots;

mt_roots mt_locality_roots(const mt_locality *locality);

/* Turns that could not have known what they continue. */
typedef struct mt_early {
    uint64_t turns; /* that have a time, as the turn before has, which has an output_length too */
    uint64_t early; /* of them, those that come before its answer could have ended */
} mt_early;

/* An answer ends ttft_ns + its tokens * token_ns (both at least 0) after its request came, no
 * sooner. */
mt_code mt_locality_early(const mt_locality *locality, int64_t ttft_ns, int64_t token_ns,
                          mt_early *result, mt_error *error);

/* Fills ratios[0..parts): the hit ratio by block of an infinite cache in each of so many parts of
 * the requests that have blocks, equally many in each, in order; NaN where a part has none. */
void mt_locality_hits_by_part(const mt_locality *locality, double *ratios, size_t parts);

/* Input tokens per window of width_ns, or with is_output output tokens, of the requests that have a
 * time (and an output_length); windows begin at time 0. */
mt_code mt_locality_tokens_vary(const mt_locality *locality, int is_output, int64_t width_ns,
                                mt_variation *result, mt_error *error);

/* How many think times (prefix/analysis/locality.h) and how many sessions there are; fills seconds
 * and turns with them, in no order, unless they are NULL. */
size_t mt_locality_think_times(const mt_locality *locality, double *seconds);
size_t mt_locality_turns(const mt_locality *locality, double *turns);

#endif
