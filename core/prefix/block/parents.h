/* The block before every block, by the ids as they are: whether each has only one. */
#ifndef MT_PREFIX_BLOCK_PARENTS_H
#define MT_PREFIX_BLOCK_PARENTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_parents mt_parents;

/* An id that follows one id here and followed another one before. */
typedef struct mt_parents_conflict {
    uint64_t id;
    int has_now, has_before; /* 0: it begins the prompt */
    uint64_t now, before;    /* the ids it follows */
    uint64_t line;           /* where it came first */
} mt_parents_conflict;

mt_parents *mt_parents_new(mt_error *error); /* NULL on failure */

/* Takes in the ids of a request in line `line`. *conflicts is how many of them followed another id
 * when they came first, *first (may be NULL) the first of these. Memory: 16 to 64 bytes a distinct
 * id as long as ids are at most four times as large as there are different ones; from the first
 * larger one on, what is larger takes 47 to 52. */
mt_code mt_parents_add(mt_parents *parents, const uint64_t *hash_ids, size_t count, uint64_t line,
                       size_t *conflicts, mt_parents_conflict *first, mt_error *error);

void mt_parents_free(mt_parents *parents); /* NULL is allowed */

#endif
