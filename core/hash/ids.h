/* From content to hash ids.
 *
 * A block's key is 128 bits of XXH3 chained over contents: key(block) = XXH3_128(key(parent) ||
 * content). So the key stands for the block and everything before it, and no look-up waits for the
 * one before. A table turns keys into ids 0, 1, 2, ... by first appearance. Blocks that cannot come
 * back are only numbered (mt_ids_fresh), in the same id space, and cost no memory.
 *
 * Contents are never compared, only keys. Among n different blocks two share a key with a
 * probability of about n^2 / 2^129 (the birthday bound): 1.5e-21 for a thousand million blocks,
 * which is far below the chance that the machine's memory flips a bit unnoticed in that time. XXH3
 * is no cryptographic hash: somebody who sets out to construct a collision might, but would only
 * spoil a load of his own making.
 *
 * A halved table is for ids that are never turned back into keys. It keeps 88 of a key's 128 bits,
 * so that two of n blocks are taken for one with a probability of at most n^2 / 2^89: 1.6e-9 for a
 * thousand million, 1.6e-15 for a million. Blocks that are known to come in chains cost less still:
 * a block is then sought only among those after the same parent, and 64 bits are enough for one
 * that lies where it is expected: a wrong one is taken with a probability of 2^-64 a look-up.
 *
 * Keys are the same on every machine of one byte order; contents are hashed as the bytes they are.
 *
 * Memory: 16 bytes a remembered key, 11 to 16 for its slot once there are many (half to three
 * quarters of the slots are in use) and, for keys first seen after the first fresh id, 5 for their
 * id. So 10^8 keys take 2.7 to 3.7 GB, growth included: slots are extended by remapping and filled
 * anew from the keys, so that old and new never exist together. A halved table takes 8 bytes a key,
 * and slots as above only for keys that came alone and for one key of each chain with anything new;
 * while its slots grow the old ones exist beside the new. */
#ifndef MT_HASH_IDS_H
#define MT_HASH_IDS_H

#include "base/error.h"

typedef struct mt_key {
    uint64_t low, high;
} mt_key;

/* The key of a block with `bytes` of content after the block `parent` ({0, 0}: no block before it).
 */
mt_key mt_key_child(mt_key parent, const void *content, size_t bytes);

/* The same for content that is one 64-bit number; equal to mt_key_child(parent, &number, 8). */
mt_key mt_key_number(mt_key parent, uint64_t number);

/* A root of its own for a namespace, so that equal contents in two namespaces get two ids. */
mt_key mt_key_namespace(const char *name, size_t length);

typedef struct mt_ids mt_ids;

/* Ids stay below this: a table that would pass it fails with MT_ERROR_VALUE. */
#define MT_IDS_LIMIT ((uint64_t)1 << 40)

/* A table that expects about `expected` different keys (0: unknown). It begins with at most 1 GiB
 * and grows as needed. NULL on failure. */
mt_ids *mt_ids_new(uint64_t expected, mt_error *error);

/* The same for a halved table, whose slots begin small whatever is expected. */
mt_ids *mt_ids_new_halved(uint64_t expected, mt_error *error);

/* A table that knows `count` different keys from the start: key_of(context, keys, i) is the one
 * with the id i, keys[0..i) those before it. For a caller that has numbered without a table so far.
 * NULL on failure (memory, Ctrl-C). */
mt_ids *mt_ids_of_known(uint64_t count,
                        mt_key (*key_of)(const void *context, const mt_key *keys, uint64_t i),
                        const void *context, mt_error *error);

enum { MT_IDS_BATCH = 256 }; /* keys to make and hand over at once */

/* out[i] = id of keys[i], new ones given in order; where a key is {0, 0} the next id is given
 * without being remembered, so that content and fresh blocks may come mixed. Overlaps the memory
 * accesses of a batch, so hand over hundreds at a time. Polls for Ctrl-C. On failure (memory,
 * MT_IDS_LIMIT, Ctrl-C) ids already given stay given. */
mt_code mt_ids_of(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out, mt_error *error);

/* The ids of one chain, in a halved table: each key but the first was made over the one before it
 * (mt_key_child), nobody comes to it in another way, and keys {0, 0} follow at its end only. Its
 * keys must not be asked for through mt_ids_of. On failure none is given. */
mt_code mt_ids_of_chain(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out,
                        mt_error *error);

/* The key will be asked for soon: starts to fetch the memory that this needs. */
void mt_ids_expect(const mt_ids *ids, mt_key key);

/* Numbers `count` blocks that cannot come back; returns the first of the consecutive ids, or
 * UINT64_MAX (and gives none) when they would pass MT_IDS_LIMIT. */
uint64_t mt_ids_fresh(mt_ids *ids, uint64_t count);

/* The key behind an id, so that blocks can be put after it: a fresh id has one of its own.
 * 0, or -1 when the id was never given or the table is a halved one. O(log n) once there are fresh
 * ids. */
int mt_ids_key(const mt_ids *ids, uint64_t id, mt_key *key);

/* Ids given so far (the next one). */
uint64_t mt_ids_count(const mt_ids *ids);

/* Bytes of memory in use. */
uint64_t mt_ids_memory(const mt_ids *ids);

/* NULL is allowed. */
void mt_ids_free(mt_ids *ids);

#endif
