/* A new trace that behaves like the one it was learnt from: prompts by one of two methods, and
 * times. The reuse method (prefix/reuse.h) makes prompts come back when the source's did; the radix
 * method (prefix/radix.h) draws each prompt by itself. Times are drawn from the source's gaps
 * (prefix/gaps.h), or given by somebody else. */
#ifndef MT_PREFIX_SYNTHESIS_H
#define MT_PREFIX_SYNTHESIS_H

#include "base/error.h"
#include "prefix/gaps.h"
#include "prefix/model.h"
#include "prefix/radix.h"
#include "prefix/synthetic.h"
#include "trace/record.h"

typedef struct mt_synthesis mt_synthesis;

typedef struct mt_synthesis_times {
    const int64_t *gaps_ns; /* copied; NULL: all requests are made without a time */
    size_t count;
    mt_gaps_kind kind;
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

void mt_synthesis_free(mt_synthesis *synthesis); /* NULL is allowed */

#endif
