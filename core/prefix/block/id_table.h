/* Any 64-bit ids as the numbers 0, 1, 2, ... by first appearance: a hash table for ids whose number
 * is all that is asked for. (hash/ids.h is for contents, of which it keeps keys of 128 bits.)
 *
 * Slots lie in buckets of eight, a cache line each, so that a look-up that waits for memory waits
 * once. A slot is half of the id's hash and the id's number, under which the id itself lies in a
 * dense array. Its bucket follows from that half alone and rises with it. So the table grows where
 * it lies, from its end to its beginning: slots move up by a factor, both places run through memory
 * in order, no id is read, and old and new never exist together.
 *
 * Ids tend to come again after the ones they followed before. So each is first held against the id
 * whose number is the next one, which lies beside it; only where that fails is there anything to
 * look up, and then many at once, so that their cache misses overlap.
 *
 * Memory: 8 bytes an id, and 11 to 21 for its slot; from 12 M ids on, where slots double no more,
 * 11 to 16. */
#ifndef MT_PREFIX_BLOCK_ID_TABLE_H
#define MT_PREFIX_BLOCK_ID_TABLE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_id_table mt_id_table;

#define MT_ID_TABLE_LIMIT (UINT32_MAX - 1) /* different ids, at most */

/* A table with room for `expected` ids before it grows. NULL on failure. */
mt_id_table *mt_id_table_new(uint64_t expected, mt_error *error);

/* numbers[i] becomes the number of ids[i], new ones given in order; `numbers` may be `ids`. Polls
 * for Ctrl-C. On failure (memory, MT_ID_TABLE_LIMIT, Ctrl-C) the table can only be freed. */
mt_code mt_id_table_of(mt_id_table *table, const uint64_t *ids, size_t count, uint64_t *numbers,
                       mt_error *error);

/* The same of the leading ids that have a number already; gives how many these are. */
size_t mt_id_table_known(const mt_id_table *table, const uint64_t *ids, size_t count,
                         uint64_t *numbers);

/* Different ids so far. */
uint64_t mt_id_table_count(const mt_id_table *table);

/* Them, by number: valid until the table is asked again or freed. */
const uint64_t *mt_id_table_ids(const mt_id_table *table);

/* No more ids will come: gives back all memory but that of the ids. */
void mt_id_table_seal(mt_id_table *table);

void mt_id_table_free(mt_id_table *table); /* NULL is allowed */

#endif
