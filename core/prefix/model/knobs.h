/* A model's knobs: models that differ from the one given in one thing.
 *
 * Each takes a model that knows its chains (MT_ERROR_VALUE otherwise) and leaves it as it is; what
 * it gives has one reference and is a model as learnt from a trace: it can be described, written,
 * changed again, and requests can be made after it. No random numbers: the same model and number
 * give the same model. NULL on failure. Time and memory are those of learning from a trace of as
 * many requests; mt_model_with_cliff learns up to thirty times.
 *
 * "Kept" below is kept exactly; starts of short sessions may change places within a stretch of the
 * trace, as when a model is made (prefix/model/chains.h). */
#ifndef MT_PREFIX_MODEL_KNOBS_H
#define MT_PREFIX_MODEL_KNOBS_H

#include "base/error.h"
#include "prefix/model/model.h"

/* What the knobs turn, as it is. */
typedef struct mt_model_measures {
    double sharing; /* of all blocks, those that earlier requests had: the hit ratio of a cache
                                without limit. NaN where there are no blocks */
    double session_length;   /* mean turns a session. NaN where chains are not known, as the next */
    double sessions_at_once; /* mean number between their first request and their last, from the
                                first request of all to the last. NaN where all come at one instant */
    uint64_t cliff;          /* blocks: the smallest LRU cache that has half of the hits that one
                                without limit has; 0 where nothing is shared */
} mt_model_measures;

/* MT_ERROR_MEMORY. */
mt_code mt_model_measure(const mt_model *model, mt_model_measures *measures, mt_error *error);

/* `factor` times as much sharing, 0 to 1: each request shares that part of what it shared, from its
 * beginning on, and has blocks of its own in place of the rest. Parts of blocks are carried on from
 * request to request, so that their sum is right to half a block. Kept: lengths, times,
 * sessions. */
mt_model *mt_model_with_sharing(const mt_model *model, double factor, mt_error *error);

/* Sessions of `turns` turns on average, right to one turn of all. What follows a session's first
 * turn is cut off, or goes on as it had gone, from its second turn on again, its context growing
 * on. So sessions of one turn stay, and the number of all cannot fall below one a session
 * (MT_ERROR_VALUE, as where there are only such, for more than MT_KNOB_TURNS turns in all and for
 * prompts beyond MT_BLOCKS_LIMIT). Kept: when sessions begin, and the turns that were there before
 * and stay. */
mt_model *mt_model_with_session_length(const mt_model *model, double turns, mt_error *error);

#define MT_KNOB_TURNS ((size_t)1 << 26)

/* `sessions` at once on average, within a tick of the source's clock. Fewer than there are: the
 * times between the starts of sessions grow. More: as often as they are to be, rounded up, each
 * session comes (prefix/model/copies.h), and then the same. So the model has as many times the
 * requests, and the rate of requests moves as the number of sessions does. MT_ERROR_VALUE where no
 * session lasts, and for more than MT_KNOB_TURNS turns. Kept: what a session is, its lengths and
 * times within, and what is shared, but that copies share what many chains branch off. */
mt_model *mt_model_with_sessions_at_once(const mt_model *model, double sessions, mt_error *error);

/* The cliff at `size` blocks, to two per cent, by as many sessions at once as that takes, as above.
 * MT_ERROR_VALUE where it cannot be there, saying how near it comes, or takes more than 2^21
 * turns. */
mt_model *mt_model_with_cliff(const mt_model *model, uint64_t size, mt_error *error);

#endif
