/* A new trace that behaves like the one it was learnt from: prompts by one of two methods, and
 * times. The reuse method (prefix/reuse/reuse.h) makes prompts come back when the source's did; the
 * radix method (prefix/radix/radix.h) draws each prompt by itself. Times are drawn from the
 * source's gaps (prefix/gaps/gaps.h), or are those of other requests. */
#ifndef MT_PREFIX_SYNTHESIS_SYNTHESIS_H
#define MT_PREFIX_SYNTHESIS_SYNTHESIS_H

#include "base/error.h"
#include "prefix/gaps/gaps.h"
#include "prefix/model/model.h"
#include "prefix/radix/source.h"
#include "prefix/synthetic.h"
#include "stats/summary.h"
#include "trace/source/source.h"

typedef struct mt_synthesis mt_synthesis;

/* What requests are made after: one of the two, the other NULL. */
typedef struct mt_origin {
    mt_model *model;         /* the reuse method */
    mt_radix_source *source; /* the radix method; finished */
} mt_origin;

uint64_t mt_origin_requests(const mt_origin *origin);
uint64_t mt_origin_block_size(const mt_origin *origin);
int mt_origin_keeps_order(const mt_origin *origin); /* are its gaps in order? */

typedef struct mt_synthesis_times {
    int are_drawn; /* from the origin's gaps; 0: requests are made without a time */
    mt_gaps_method kind;
    int of_chains;     /* sessions begin and go on as those of the origin, where it knows them, at
                        * their own times; else distances alone say what comes back */
    int dequantize;    /* the gaps, in order, are taken off their grid first (prefix/gaps/gaps.h) */
    int with_sessions; /* requests say which session they are of and how long after its last answer
                        * they come, where that is known */
    double speedup;    /* > 0: all times are divided by it */
} mt_synthesis_times;

/* The options' block size must be the origin's, of which it keeps a reference. compact: the extra
 * members are written without spaces. One reference; NULL on failure (MT_ERROR_VALUE for what
 * mt_synthesis_check refuses and for another block size). */
mt_synthesis *mt_synthesis_new(const mt_origin *origin, const mt_synthesis_options *options,
                               const mt_synthesis_times *times, int compact, mt_error *error);

/* Its next `most` requests, fewer never; retains it. Their extra members are context_len and
 * unique_user_prompt_len (tokens), where their blocks are known. Fails with MT_ERROR_VALUE when the
 * filter lets nothing pass, or when a time is beyond 292 years. */
mt_source *mt_source_synthesis(mt_synthesis *synthesis, uint64_t most, mt_error *error);

/* A step: of the requests below only the times are used, divided by the speedup; all else of them
 * comes from the synthesis, whose own times are not drawn. Retains it. */
mt_source *mt_step_synthesis(mt_source *below, mt_synthesis *synthesis, mt_error *error);

/* What was made so far. Lengths in tokens; context and unique prompt are of the requests whose
 * blocks are known, the output length of those that have one (a count of 0: of none, then the rest
 * is NaN). */
typedef struct mt_synthesis_summary {
    uint64_t requests, blocks;
    int64_t last_time_ns; /* of the last request; 0 without times */
    mt_summary input_length, context_length, unique_prompt_length, output_length;
} mt_synthesis_summary;

/* Fills *summary; the synthesis can go on. MT_ERROR_MEMORY. Memory of the synthesis for this: 32 to
 * 64 bytes for each different length. */
mt_code mt_synthesis_summarise(mt_synthesis *synthesis, mt_synthesis_summary *summary,
                               mt_error *error);

void mt_synthesis_release(mt_synthesis *synthesis); /* NULL is allowed */

#endif
