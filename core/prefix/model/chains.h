/* Who continues whom: the chains of a model.
 *
 * A request continues a chain when the request that touched its deepest shared block last is that
 * chain's last one, when no other chain has touched that block, and when it is longer and has all
 * of that request's blocks, but for a last one that was not full. Where a chain has been continued
 * so before, it also may fall back, by at most 15 % of that request or 4 blocks. Where requests
 * have session ids, these say it; what goes on with a session without its id belongs to it.
 * Otherwise it begins a chain: where it branches off, from which turn, is its *origin*.
 *
 * Chains stand in the order in which they begin, but for *stretches* of the trace: within one,
 * those that are alone in their family and of one sort (prefix/model/families.h) have their starts
 * in order and themselves in the order of their contents. So which of these came first is not
 * known. Families of several chains keep their places and starts. For the model and who makes
 * requests after it. */
#ifndef MT_PREFIX_MODEL_CHAINS_H
#define MT_PREFIX_MODEL_CHAINS_H

#include "base/error.h"
#include "prefix/model/model.h"
#include "text/texts.h"

/* What is known of a request while a trace is learnt. */
typedef struct mt_chain_link {
    uint32_t before;       /* the request that it continues, or MT_NO_TURN */
    uint32_t chain;        /* its chain's number, by first request */
    uint32_t next;         /* the request that continues it, or MT_NO_TURN */
    uint64_t input_length; /* tokens */
    uint32_t is_grown;     /* its chain has been continued by a longer prompt */
    uint32_t blocks;       /* of its prompt */
    uint32_t known;        /* of these, those that earlier requests had */
    uint32_t deepest;      /* number of the last of them */
    uint32_t first;        /* number that its first new block has, or would have */
    int64_t delay_ns;      /* since the answer to `before`; -1: not known */
} mt_chain_link;

typedef struct mt_chain_links {
    uint64_t block_size;  /* to be set */
    mt_chain_link *links; /* by request */
    size_t count, capacity;
    uint32_t chain_count, block_count;
    uint32_t *touched_by; /* by block: the one chain, or MT_NO_TURN: several */
    size_t block_capacity;
    mt_texts names; /* of sessions */
    uint32_t *last; /* request of each of them */
    size_t last_capacity;
} mt_chain_links;

/* Takes in a request: `path` are its blocks' numbers, `known` of which earlier requests had; owner
 * touched the deepest of these last. *links is zero at first, but for the block size.
 * MT_ERROR_MEMORY. */
mt_code mt_chain_links_add(mt_chain_links *links, const mt_request *request, const uint32_t *path,
                           size_t count, size_t known, uint32_t owner, mt_error *error);

/* Makes the model's chains; description_of[i] is the number of request i's description, times are
 * those of the gaps. MT_ERROR_MEMORY. */
mt_code mt_chain_links_finish(const mt_chain_links *links, mt_model *model,
                              const uint32_t *description_of, mt_error *error);

void mt_chain_links_free(mt_chain_links *links);

/* So many chains that branch off one turn come as they come: it is a system prompt, say. */
enum { MT_MANY_BRANCHES = 8 };

/* Puts the turns in an order in which each stands behind the turn before it and behind its origin,
 * those that come sooner first where these allow it: order[0..count). MT_ERROR_VALUE when they go
 * round in a circle (that of a file), MT_ERROR_MEMORY. times: of each turn. */
mt_code mt_model_order_turns(const mt_model *model, const int64_t *times, uint32_t *order,
                             mt_error *error);

/* Does a prompt that has the first `known` of a chain's last `blocks` fall back by no more than one
 * that goes on may? */
int mt_falls_back_little(uint32_t blocks, size_t known);

/* An answer of `output` tokens takes at least so long, nanoseconds, where a source does not say:
 * 200 ms to the first token, 20 ms each. 0 where it is not known (MT_MODEL_NO_OUTPUT) or beyond 146
 * years. */
int64_t mt_answer_ns(uint64_t output);

/* The same of an answer of the model's: as its trace's delays say, if they do. */
int64_t mt_model_answer_ns(const mt_model *model, uint64_t output);

/* When each turn comes, nanoseconds from the first chain's start on, into times[0..count). */
void mt_model_turn_times(const mt_model *model, int64_t *times);

#endif
