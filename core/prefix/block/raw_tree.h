/* The blocks of a trace as a tree, ids as they are: an id is a block wherever it stands, and must
 * always have the same one before it.
 *
 * Blocks are numbered 0, 1, 2, ... by first appearance. Memory: 39 to 44 bytes a block. */
#ifndef MT_PREFIX_BLOCK_RAW_TREE_H
#define MT_PREFIX_BLOCK_RAW_TREE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_raw_tree mt_raw_tree;

mt_raw_tree *mt_raw_tree_new(mt_error *error); /* NULL on failure */

/* The path of one request: blocks[i] becomes the number of hash_ids[i]. An id that came after
 * another one before is MT_ERROR_INPUT with its name, both parents' and `line`, and so is 2^64 - 1,
 * which stands for the root. On failure (those, memory, more than 2^32 - 2 blocks, Ctrl-C) the tree
 * can only be freed. */
mt_code mt_raw_tree_add(mt_raw_tree *tree, const uint64_t *hash_ids, size_t count, uint64_t line,
                        uint32_t *blocks, mt_error *error);

/* Distinct blocks so far. */
uint32_t mt_raw_tree_count(const mt_raw_tree *tree);

/* parents[b] is the block before b, MT_NO_BLOCK (prefix/block/tree.h) where there is none; ids[b] is the
 * trace's id of b. Valid until the next add. */
const uint32_t *mt_raw_tree_parents(const mt_raw_tree *tree);
const uint64_t *mt_raw_tree_ids(const mt_raw_tree *tree);

/* No more requests will come: gives back all memory but the parents' and the ids'. */
void mt_raw_tree_seal(mt_raw_tree *tree);

void mt_raw_tree_free(mt_raw_tree *tree); /* NULL is allowed */

#endif
