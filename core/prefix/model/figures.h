/* What a model holds, in a few figures: to show it, and what it gives away. */
#ifndef MT_PREFIX_MODEL_FIGURES_H
#define MT_PREFIX_MODEL_FIGURES_H

#include "prefix/model/model.h"
#include "stats/quantiles.h"
#include "stats/summary.h"

typedef struct mt_model_figures {
    mt_summary input_length;            /* tokens */
    mt_summary output_length;           /* tokens, of the requests that have one */
    mt_summary shared_length;           /* tokens of the shared blocks, where blocks are known */
    uint64_t shared, returning, unique; /* blocks, of all requests */
    mt_quantiles distance;              /* blocks: of the deepest shared one of each request */
    uint64_t instants;                  /* at which requests came */
    int64_t span_ns;                    /* from the first to the last of them */
    uint64_t single_lengths;            /* requests whose pair of lengths no other has */
    uint64_t single_descriptions;       /* requests whose description no other has */
} mt_model_figures;

/* MT_ERROR_MEMORY on failure. */
mt_code mt_model_describe(const mt_model *model, mt_model_figures *figures, mt_error *error);

#endif
