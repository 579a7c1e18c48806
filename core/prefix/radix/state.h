/* What a radix tree is made of, for the files that build it, contract it and draw from it. */
#ifndef MT_PREFIX_RADIX_STATE_H
#define MT_PREFIX_RADIX_STATE_H

#include "base/memory.h"
#include "prefix/block/parents.h"
#include "prefix/radix/radix.h"

struct mt_radix {
    uint64_t block_size; /* 0: lengths are not kept */
    int is_finished;

    /* While building: one of the two trees, and by block what requests did there. */
    mt_prefix_tree *tree;
    mt_parents *raw;
    mt_big visited, ends; /* uint32_t */
    uint32_t *path;       /* of the request being added */
    size_t path_capacity;

    /* Of the requests: `paths` have blocks, `pathless` have none. */
    uint64_t paths, pathless;
    mt_big remainders;     /* uint64_t by path: tokens in the last block */
    mt_big pathless_input; /* uint64_t: ISL */
    mt_big outputs;        /* uint64_t by request: OSL */

    /* Once finished. */
    uint32_t node_count, depth;
    mt_big nodes;    /* mt_radix_node; one more, so that every node's children end somewhere */
    mt_big children; /* uint32_t, nodes */
    mt_big tails;    /* uint32_t, blocks */
    mt_big stops;    /* uint32_t by path: the core node a request ended in, `ended` of them; then
                        the node it left the core from, of those that have a tail */
    uint64_t tail_count, ended;
    mt_big raw_ids; /* uint64_t by node; raw trees only */
    mt_big by_id;   /* uint32_t: nodes in order of their raw ids */
};

/* Turns the blocks and what was counted there into the core: nodes, children, tails, stops. */
mt_code mt_radix_contract(mt_radix *radix, mt_error *error);

#endif
