/* Prompts that come back when the source's did.
 *
 * Two ways. From chains (prefix/reuse/chains.h): who continues whom, and when, is the source's. By
 * distances alone, for models that do not know their chains and for prompts that get their times
 * elsewhere one by one; what follows is of these.
 *
 * Each request is made after one description of the model (prefix/model/model.h), and each
 * description is used once in a lap: so lengths, and what hits in an infinite cache, are the
 * source's exactly after whole laps, and lap follows lap without drift. A plan
 * (prefix/reuse/plan.h) says who is to come back to whom; when, is decided by the distance: a
 * request is due when its prefix is as far back in the history (prefix/reuse/history.h), in
 * distinct blocks touched since, as the description says. Requests that nothing is due for are
 * dealt in between. Where the place foreseen is too near or too far by then, or the sums of errors
 * want something else, the best of those near the distance is taken (prefix/reuse/choice.h). What
 * cannot be placed well waits a while; at the end of a lap all that is left is placed, nearest to
 * its distance first.
 *
 * With prefix_root_multiplier = n there are n such populations with a history and laps of their
 * own, and each request belongs to one of them, as likely to each.
 *
 * Memory: about 170 bytes a description, for each population that has made a request, and 100 to
 * 200 for each request within reach of the largest distance. Random numbers: (seed, "synthesize"
 * or, for population n > 0, "synthesize/n", "plan" | "wait"), and (seed, "synthesize", "copy"). */
#ifndef MT_PREFIX_REUSE_REUSE_H
#define MT_PREFIX_REUSE_REUSE_H

#include "base/error.h"
#include "prefix/model/model.h"
#include "prefix/synthetic.h"

typedef struct mt_reuse mt_reuse;

/* Makes requests after `model`, which is retained. NULL on failure: MT_ERROR_VALUE for options that
 * mt_synthesis_check refuses, a block size that is not the model's, a filter that nothing passes,
 * requests longer than MT_BLOCKS_LIMIT, and more populations than fit into
 * MT_REUSE_MEMORY. */
mt_reuse *mt_reuse_new(mt_model *model, const mt_synthesis_options *options, mt_error *error);

/* The same from the model's chains, which it must have. */
mt_reuse *mt_reuse_new_of_chains(mt_model *model, const mt_synthesis_options *options,
                                 mt_error *error);

/* Bytes that the populations' plans may take together. */
#define MT_REUSE_MEMORY ((uint64_t)4 << 30)

/* The next request, without end. Polls for Ctrl-C. On failure (MT_ERROR_MEMORY,
 * MT_ERROR_INTERRUPTED) the state can only be freed. */
mt_code mt_reuse_next(mt_reuse *reuse, mt_synthetic *made, mt_error *error);

/* Of one that is made from chains, before the first request: times are spread over the ticks of the
 * source's clock. */
void mt_reuse_spread(mt_reuse *reuse);

void mt_reuse_free(mt_reuse *reuse); /* NULL is allowed */

#endif
