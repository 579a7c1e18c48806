/* The radix tree of a trace's prefixes, and requests drawn from it: the synthesis of independent
 * draws, which keeps who shares what with whom and forgets when.
 *
 * Building. Requests are fed one by one. Ids are made prefix ids first (prefix/block/tree.h), or
 * taken as they are where the tree is *raw*; then a block that comes after two different ones is an
 * error that names it. Every block counts the requests through it (*visited*) and those that end in
 * it. What at least two requests visited is the *core*; what one alone visited are unique tails.
 * Finishing contracts each chain of core blocks with equal visits into one node, which goes by its
 * last block and remembers how many blocks it is (*length*), and cuts the tails off, of which their
 * lengths are kept. Of a node it is known how many requests ended in it (*end*) and how many left
 * the core from it into a tail of their own (*to_leaf*); the rest went on to its children. So
 *
 *     visited = sum of the children's visited + to_leaf + end
 *
 * holds in every node, and is checked. The root stands before the first block; it is no block, is
 * never contracted, and its `visited` counts the requests with blocks.
 *
 * Drawing. A walk from the root goes to a child, into a tail or to an end with these frequencies.
 * The frequencies along a path multiply to (to_leaf or end of its last node) / (visited of the
 * root), for every `visited` in between stands once above and once below the line: so one uniform
 * number out of all requests is a whole walk. A tail's length, the tokens in the last block and the
 * OSL are drawn from those of all requests, each by itself.
 *
 * A request without hash_ids (absent or empty) is no path: its ISL is kept beside the tree. Such
 * requests are drawn as often as they came, with one of their ISLs (stretched by the prompt length
 * multiplier) and an OSL out of all, and know no blocks.
 *
 * Memory while building: 8 bytes a distinct block, more where the ids do not follow the
 * format's rule (prefix/block/tree.h; of a raw tree prefix/block/parents.h), 16 a request. A finished
 * tree has 32 a core node (44 raw), 4 a tail, 20 a request. */
#ifndef MT_PREFIX_RADIX_RADIX_H
#define MT_PREFIX_RADIX_RADIX_H

#include "base/error.h"
#include "prefix/synthetic.h"
#include "trace/record.h"

/* ---- building ---- */

typedef struct mt_radix mt_radix;

/* block_size: tokens a block; 0 for the tree alone: lengths are neither needed nor kept, and no
 * requests can be drawn. NULL on failure. */
mt_radix *mt_radix_new(uint64_t block_size, int raw, mt_error *error);

/* Takes in one request, in trace order. One that mt_check_request (prefix/block/check.h) refuses is
 * MT_ERROR_INPUT and left out. After any other failure (an id with two parents in a raw tree,
 * MT_ERROR_INPUT with the request's line; memory; 2^32 - 1 requests; Ctrl-C) the tree can only be
 * freed. */
mt_code mt_radix_add(mt_radix *radix, const mt_request *request, mt_error *error);

/* Contracts and prunes; to be called once, after the last request. With a block size no requests at
 * all are MT_ERROR_INPUT ("no requests"). On failure the tree can only be freed. */
mt_code mt_radix_finish(mt_radix *radix, mt_error *error);

void mt_radix_free(mt_radix *radix); /* NULL is allowed */

/* ---- the finished tree ---- */

/* Nodes are numbered from the root, 0, in order of first appearance: a parent comes before its
 * children. */
typedef struct mt_radix_node {
    uint32_t block;   /* its last block, numbered by first appearance; the root's is no block */
    uint32_t parent;  /* the root's is itself */
    uint32_t length;  /* blocks; the root's is 0 */
    uint32_t visited; /* requests through it */
    uint32_t end, to_leaf;  /* of them, those that end in it, and go on in a tail of their own */
    uint32_t children_from; /* its children's place in the list of all children */
} mt_radix_node;

#define MT_RADIX_ROOT_ID UINT64_MAX /* in place of an id: the root's */
#define MT_RADIX_NO_NODE UINT32_MAX

/* The nodes, the root included. */
const mt_radix_node *mt_radix_nodes(const mt_radix *radix, size_t *count);

/* The children of `node`, ascending. */
const uint32_t *mt_radix_children(const mt_radix *radix, uint32_t node, size_t *count);

/* The id of the node's last block: the prefix id, or in a raw tree the trace's own. */
uint64_t mt_radix_id(const mt_radix *radix, uint32_t node);

/* The node of that id; MT_RADIX_NO_NODE when there is none. O(log nodes). */
uint32_t mt_radix_find(const mt_radix *radix, uint64_t id);

/* The tails' lengths in blocks, in order of their first appearance. */
const uint32_t *mt_radix_leaf_lengths(const mt_radix *radix, size_t *count);

/* Nodes on the longest path, the root not counted. */
uint32_t mt_radix_depth(const mt_radix *radix);

/* Requests taken in, those without blocks included. */
uint64_t mt_radix_requests(const mt_radix *radix);

/* MT_OK, or MT_ERROR_VALUE with the node at which the weights do not add up. */
mt_code mt_radix_check(const mt_radix *radix, mt_error *error);

/* ---- drawing ---- */

typedef struct mt_radix_sampler mt_radix_sampler;

/* Draws from `radix`, which must be finished, be of the options' block size and live longer. A node
 * and a tail of n blocks become max(1, round(n * multiplier)) blocks. Each request belongs to one
 * of prefix_root_multiplier copies of the tree, which share no id. NULL on failure: MT_ERROR_VALUE
 * for options that mt_synthesis_check refuses, another block size, or a request that could get over
 * MT_BLOCKS_LIMIT blocks or 2^53 tokens. Memory: 24 bytes a node; with several copies some 58 more
 * for each node of a copy that has come up. */
mt_radix_sampler *mt_radix_sampler_new(const mt_radix *radix, const mt_synthesis_options *options,
                                       mt_error *error);

/* The next request. Its random numbers are those of (seed, "synthesize", "prompt" | "output" |
 * "copy") at the request's number. New ids are consecutive from 0; a tail's are never seen again. A
 * prompt outside [min_isl, max_isl] is drawn again; MT_ERROR_VALUE after MT_SYNTHESIS_DRAWS of them
 * in a row. On failure the sampler can only be freed. */
mt_code mt_radix_sampler_next(mt_radix_sampler *sampler, mt_synthetic *request, mt_error *error);

void mt_radix_sampler_free(mt_radix_sampler *sampler); /* NULL is allowed */

#endif
