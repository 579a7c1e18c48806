/* A trace's ids as the numbers 0, 1, 2, ... by first appearance, which costs what looks at them
 * less: equal ids become equal numbers, and nothing else about them changes.
 *
 * As long as new ids are consecutive from 0 already (the format's rule), nothing is stored. From
 * the first id on that is not, ids are looked up in a table (prefix/block/id_table.h): 19 to 29
 * bytes an id, those before included. */
#ifndef MT_PREFIX_BLOCK_NUMBERING_H
#define MT_PREFIX_BLOCK_NUMBERING_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_numbering mt_numbering;

mt_numbering *mt_numbering_new(mt_error *error); /* NULL on failure */

/* One that has taken in the ids 0 to count - 1. NULL on failure. */
mt_numbering *mt_numbering_after(uint64_t count, mt_error *error);

/* The numbers of ids[0..count), new ones given in order: `ids` itself where they are their numbers,
 * else an array that is valid until the next call. NULL on failure (memory, Ctrl-C), after which
 * the numbering can only be freed. */
const uint64_t *mt_numbering_of(mt_numbering *numbering, const uint64_t *ids, size_t count,
                                mt_error *error);

/* Different ids so far. */
uint64_t mt_numbering_count(const mt_numbering *numbering);

/* No more ids will come: gives back all memory but that of the ids, and returns them, by number;
 * NULL where they are their numbers. */
const uint64_t *mt_numbering_seal(mt_numbering *numbering);

void mt_numbering_free(mt_numbering *numbering); /* NULL is allowed */

#endif
