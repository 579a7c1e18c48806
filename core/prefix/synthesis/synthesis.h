/* A new trace that behaves like the one it was learnt from: prompts by one of two methods, and
 * times. The reuse method (prefix/reuse/reuse.h) makes prompts come back when the source's did; the radix
 * method (prefix/radix/radix.h) draws each prompt by itself. Times are drawn from the source's gaps
 * (prefix/gaps/gaps.h), or given by somebody else. */
#ifndef MT_PREFIX_SYNTHESIS_SYNTHESIS_H
#define MT_PREFIX_SYNTHESIS_SYNTHESIS_H

#include "base/error.h"
#include "base/output.h"
#include "prefix/gaps/gaps.h"
#include "prefix/model/model.h"
#include "prefix/radix/radix.h"
#include "prefix/synthetic.h"
#include "stats/summary.h"
#include "trace/record.h"
#include "trace/writer.h"

typedef struct mt_synthesis mt_synthesis;

typedef struct mt_synthesis_times {
    const int64_t *gaps_ns; /* copied; NULL: all requests are made without a time */
    size_t count;
    mt_gaps_method kind;
    int dequantize; /* the gaps, in order, are taken off their grid first (prefix/gaps/gaps.h) */
    double speedup; /* > 0: times are divided by it */
} mt_synthesis_times;

/* What to make requests from: exactly one of model and radix, which must have the options' block
 * size. The model is retained; the radix tree must be finished and live longer. compact: the extra
 * members are written without spaces. NULL on failure (MT_ERROR_VALUE for what mt_synthesis_check
 * refuses and for another block size). */
mt_synthesis *mt_synthesis_new(mt_model *model, const mt_radix *radix,
                               const mt_synthesis_options *options, const mt_synthesis_times *times,
                               int compact, mt_error *error);

/* The next request, unlimited in number; valid until the next call. Its extra members are
 * context_len and unique_user_prompt_len (tokens), where its blocks are known. MT_ERROR_VALUE when
 * the filter lets nothing pass. On failure the synthesis can only be freed. */
mt_code mt_synthesis_next(mt_synthesis *synthesis, mt_request *request, mt_error *error);

/* The next request at a time that somebody else gives (nanoseconds; the speedup divides it),
 * instead of one drawn from the gaps. */
mt_code mt_synthesis_at(mt_synthesis *synthesis, int64_t time_ns, mt_request *request,
                        mt_error *error);

/* The next `count` requests, written to output, which stays open. *written counts them, on failure
 * too. MT_ERROR_INTERRUPTED after Ctrl-C, with whole requests written. */
mt_code mt_synthesis_write(mt_synthesis *synthesis, mt_output *output,
                           const mt_trace_format *format, uint64_t count, uint64_t *written,
                           mt_error *error);

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
mt_code mt_synthesis_summarise(const mt_synthesis *synthesis, mt_synthesis_summary *summary,
                               mt_error *error);

void mt_synthesis_free(mt_synthesis *synthesis); /* NULL is allowed */

#endif
