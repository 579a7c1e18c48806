/* The blocks of a trace as a tree: any ids in, prefix ids out.
 *
 * A trace's hash_ids are taken as contents: the same id after the same ids is the same block, after
 * others it is another one, so that every block has one parent. Blocks are numbered 0, 1, 2, ... by
 * first appearance. The most that a trace asks for:
 *
 *   1. The ids are that already (the format's rule): nothing is looked up, a block takes 4 bytes.
 *   2. Each id stands for one block, whatever number it is: ids are numbered
 *      (prefix/block/numbering.h), and a block takes 19 to 29 more.
 *   3. Any ids: blocks are looked up by keys of all the ids on their path (hash/ids.h), and one
 *      takes 31 to 36 more than 4; while the first of these is taken in, 8 more.
 *
 * Each follows from the one before it, without a second look at the requests. */
#ifndef MT_PREFIX_BLOCK_TREE_H
#define MT_PREFIX_BLOCK_TREE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_prefix_tree mt_prefix_tree;

#define MT_NO_BLOCK UINT32_MAX         /* the parent of a first block */
#define MT_TREE_LIMIT (UINT32_MAX - 1) /* blocks of one tree, at most */

/* NULL on failure. */
mt_prefix_tree *mt_prefix_tree_new(mt_error *error);

/* The path of one request: blocks[i] becomes the block of hash_ids[0..i], for all i < count. The
 * first *known of them were there before, the others are new and numbered consecutively. On failure
 * (memory, more than 2^32 - 2 blocks, Ctrl-C) the tree can only be freed. */
mt_code mt_prefix_tree_add(mt_prefix_tree *tree, const uint64_t *hash_ids, size_t count,
                           uint32_t *blocks, size_t *known, mt_error *error);

/* Distinct blocks so far. */
uint32_t mt_prefix_tree_count(const mt_prefix_tree *tree);

/* Were all ids the numbers of their blocks so far, the format's rule? Not known once sealed. */
int mt_prefix_tree_is_plain(const mt_prefix_tree *tree);

/* parents[b] is the block before b, MT_NO_BLOCK where there is none; valid until the next add. */
const uint32_t *mt_prefix_tree_parents(const mt_prefix_tree *tree);

/* No more requests will come: gives back all memory but the parents'. */
void mt_prefix_tree_seal(mt_prefix_tree *tree);

void mt_prefix_tree_free(mt_prefix_tree *tree); /* NULL is allowed */

#endif
