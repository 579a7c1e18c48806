/* The blocks of a trace as a tree: any ids in, prefix ids out.
 *
 * A trace's hash_ids are taken as contents: the same id after the same ids is the same block, after
 * others it is another one, so that every block has one parent. Blocks are numbered 0, 1, 2, ... by
 * first appearance. The most that a trace asks for:
 *
 *   1. The ids are that already (the format's rule): nothing is looked up, a block takes a quarter of a byte.
 *   2. Each id stands for one block, whatever number it is: ids are numbered
 *      (prefix/block/numbering.h), and a block takes 19 to 29 more.
 *   3. Any ids: blocks are looked up by keys of all the ids on their path (hash/ids.h), and one
 *      takes 31 to 36 more; while the first of these is taken in, 8 more.
 *
 * Each follows from the one before it, without a second look at the requests. The new blocks of a request, its
 * run, each have the one before them as parent, all but the first: where runs begin, and the parent of each, 4
 * bytes a request, is all that is kept of parents. */
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

/* Of 64 blocks in a row. */
typedef struct mt_tree_word {
    uint64_t begins; /* of which of them a run begins there: bits */
    uint64_t before; /* how many runs begin before the first of them */
} mt_tree_word;

/* The parents of all blocks; valid until the next add. */
typedef struct mt_tree_parents {
    const mt_tree_word *words;
    const uint32_t *of_runs; /* by run: the parent of its first block */
} mt_tree_parents;

mt_tree_parents mt_prefix_tree_parents(const mt_prefix_tree *tree);

/* The block before `block`, MT_NO_BLOCK where there is none. */
static inline uint32_t mt_parent_of(mt_tree_parents parents, uint32_t block) {
    const mt_tree_word *word = &parents.words[block / 64];
    uint64_t bit = UINT64_C(1) << block % 64;
    if (!(word->begins & bit))
        return block - 1;
    return parents.of_runs[word->before + (unsigned)__builtin_popcountll(word->begins & (bit - 1))];
}

/* No more requests will come: gives back all memory but the parents'. */
void mt_prefix_tree_seal(mt_prefix_tree *tree);

void mt_prefix_tree_free(mt_prefix_tree *tree); /* NULL is allowed */

#endif
