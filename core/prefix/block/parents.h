/* The blocks of a trace as a tree, ids as they are: an id is a block wherever it stands, and should
 * always have the same one before it.
 *
 * Blocks are numbered 0, 1, 2, ... by first appearance (prefix/block/numbering.h). Memory: 20 bytes
 * a block as long as new ids are consecutive from 0; 39 to 49 from the first one on that is not. */
#ifndef MT_PREFIX_BLOCK_PARENTS_H
#define MT_PREFIX_BLOCK_PARENTS_H

#include "prefix/block/tree.h"

typedef struct mt_parents mt_parents;

/* An id that follows one id here and followed another one before. */
typedef struct mt_parents_conflict {
    uint64_t id;
    int has_now, has_before; /* 0: it begins the prompt */
    uint64_t now, before;    /* the ids it follows */
    uint64_t line;           /* where it came first */
} mt_parents_conflict;

mt_parents *mt_parents_new(mt_error *error); /* NULL on failure */

/* Takes in the ids of a request in line `line`; blocks[i] (`blocks` may be NULL) becomes the number
 * of hash_ids[i]. *conflicts is how many of them followed another id when they came first, *first
 * (may be NULL) the first of these; the block before them stays what it was. On failure (memory,
 * more than 2^32 - 2 blocks, Ctrl-C) the parents can only be freed. */
mt_code mt_parents_add(mt_parents *parents, const uint64_t *hash_ids, size_t count, uint64_t line,
                       uint32_t *blocks, size_t *conflicts, mt_parents_conflict *first,
                       mt_error *error);

/* Distinct blocks so far. */
uint32_t mt_parents_count(const mt_parents *parents);

/* The first is the block before every block, MT_NO_BLOCK where there is none; the second is every
 * block's id in the trace. Valid until the next add. */
const uint32_t *mt_parents_blocks(const mt_parents *parents);
const uint64_t *mt_parents_ids(const mt_parents *parents);

/* No more requests will come: gives back all memory but that of these two. */
void mt_parents_seal(mt_parents *parents);

void mt_parents_free(mt_parents *parents); /* NULL is allowed */

#endif
