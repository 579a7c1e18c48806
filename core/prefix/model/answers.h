/* How long a trace's answers took, as its delays say. Private to this room. */
#ifndef MT_PREFIX_MODEL_ANSWERS_H
#define MT_PREFIX_MODEL_ANSWERS_H

#include "base/error.h"
#include "prefix/model/chains.h"

/* Sets model->answers. A turn's delay counts from the end of the answer before it; so that answer
 * took what is left of the time between the two. A line is laid through these times and the
 * answers' lengths: through the medians of the shorter and of the longer half first, then by least
 * squares through those that are near (other turns waited for sub-agents, say). Nothing is known
 * where fewer than 16 turns have a delay, or where fewer than a quarter are near the line. times:
 * of the requests, ns. MT_ERROR_MEMORY. */
mt_code mt_answers_fit(const mt_chain_links *links, const int64_t *times, mt_model *model,
                       const uint32_t *description_of, mt_error *error);

#endif
