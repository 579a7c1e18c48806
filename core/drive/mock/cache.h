/* A prefix cache: the keys of the blocks used last, the one used longest ago leaves first. Private to
 * the mock. */
#ifndef MT_DRIVE_MOCK_CACHE_H
#define MT_DRIVE_MOCK_CACHE_H

#include "hash/ids.h"

typedef struct mt_mock_cache mt_mock_cache;

/* 1 <= blocks < 2^31. NULL when out of memory. */
mt_mock_cache *mt_mock_cache_new(uint64_t blocks);

/* Uses the block: 1 when it was there; else 0, and it is now. */
int mt_mock_cache_use(mt_mock_cache *cache, mt_key key);

/* Forgets all. */
void mt_mock_cache_clear(mt_mock_cache *cache);

uint64_t mt_mock_cache_count(const mt_mock_cache *cache);

/* NULL is allowed. */
void mt_mock_cache_free(mt_mock_cache *cache);

#endif
