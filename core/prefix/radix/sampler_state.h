/* What a sampler of a radix tree is, for the files that make it, draw for it and number its blocks. */
#ifndef MT_PREFIX_RADIX_SAMPLER_STATE_H
#define MT_PREFIX_RADIX_SAMPLER_STATE_H

#include "hash/ids.h"
#include "prefix/radix/state.h"
#include "random/generator.h"

/* What was drawn of a prompt. */
typedef struct mt_radix_prompt {
    int knows_blocks;
    uint32_t stop;          /* the last core node */
    uint64_t context, tail; /* blocks */
    uint64_t input_length;
} mt_radix_prompt;

/* Of a node. */
typedef struct mt_radix_step {
    uint64_t reach; /* blocks from the root to its end, stretched */
    uint64_t first; /* its first block's id and 1; 0: has not come up yet. Of one copy only */
    uint32_t parent;
} mt_radix_step;

/* Requests are drawn so many ahead: random numbers are cheaper made together, and what draws point
 * at is anywhere in memory, and is fetched together. A draw has an address, so that when it is made
 * changes nothing. */
enum { MT_RADIX_AHEAD = 16 };

struct mt_radix_sampler {
    const mt_radix *radix;
    mt_synthesis_options options;
    mt_random prompt, output, copy;
    uint64_t number; /* of the next request */
    uint64_t next_id;

    /* Of the requests from `ahead_from` on. */
    uint64_t ahead_from, ahead_to;
    mt_radix_prompt ahead[MT_RADIX_AHEAD];
    uint64_t outputs_ahead[MT_RADIX_AHEAD]; /* OSLs */

    mt_big steps;  /* mt_radix_step by node */
    mt_big firsts; /* of several copies, uint64_t by slot: as in a step */
    mt_ids *slots; /* numbers (copy, node); NULL for one copy, where the node is the slot */

    /* Of the path in hand, its deepest node first. */
    uint32_t *path;
    mt_key *keys;
    uint64_t *path_slots;
};

/* ---- lengths (sampler.c) ---- */

/* Blocks and tokens of the last one as a prompt's length; UINT64_MAX for what no number holds. */
uint64_t mt_radix_tokens(const mt_radix_sampler *sampler, uint64_t blocks, uint64_t remainder);

/* A tail's blocks. */
uint64_t mt_radix_stretched_tail(const mt_radix_sampler *sampler, uint64_t length);

/* The ISL of a request without blocks; 0 stays 0. */
uint64_t mt_radix_stretched_input(const mt_radix_sampler *sampler, uint64_t input_length);

/* ---- drawing (sampler_draw.c) ---- */

/* The request in hand: *drawn, in the sampler, is a prompt that passes the filter, *output its OSL.
 * MT_ERROR_VALUE where none passes. */
mt_code mt_radix_draw(mt_radix_sampler *sampler, mt_radix_prompt **drawn, uint64_t *output,
                      mt_error *error);

/* ---- ids (sampler_ids.c) ---- */

/* The prompt's ids, context and tail of them: the core nodes' blocks from the root on, then the
 * tail's. MT_ERROR_MEMORY. */
mt_code mt_radix_write_ids(mt_radix_sampler *sampler, const mt_radix_prompt *drawn, uint64_t *ids,
                           mt_error *error);

#endif
