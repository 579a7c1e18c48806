#include "drive/mock/cache.h"

#include "base/memory.h"

#include <string.h>

/* Blocks are numbered 1 to capacity; 0 is none, and the ring's head. */
typedef struct block {
    mt_key key;
    uint32_t newer, older;
} block;

struct mt_mock_cache {
    block *blocks; /* 0: its `older` is the block used last, its `newer` the one to leave */
    uint32_t *slots;
    uint64_t mask; /* of the slots, at least twice as many as blocks */
    uint32_t count, capacity;
};

mt_mock_cache *mt_mock_cache_new(uint64_t blocks) {
    mt_mock_cache *cache = mt_allocate_zero(1, sizeof *cache);
    if (!cache)
        return NULL;
    uint64_t slots = 16;
    while (slots < 2 * blocks)
        slots *= 2;
    cache->capacity = (uint32_t)blocks;
    cache->mask = slots - 1;
    cache->blocks = mt_allocate_zero(blocks + 1, sizeof *cache->blocks);
    cache->slots = mt_allocate_zero(slots, sizeof *cache->slots);
    if (!cache->blocks || !cache->slots) {
        mt_mock_cache_free(cache);
        return NULL;
    }
    return cache;
}

void mt_mock_cache_clear(mt_mock_cache *cache) {
    memset(cache->slots, 0, (cache->mask + 1) * sizeof *cache->slots);
    cache->count = 0;
    cache->blocks[0] = (block){{0, 0}, 0, 0};
}

static void unlink_block(mt_mock_cache *cache, uint32_t number) {
    block *gone = &cache->blocks[number];
    cache->blocks[gone->newer].older = gone->older;
    cache->blocks[gone->older].newer = gone->newer;
}

static void link_newest(mt_mock_cache *cache, uint32_t number) {
    block *head = &cache->blocks[0];
    cache->blocks[number].newer = 0;
    cache->blocks[number].older = head->older;
    cache->blocks[head->older].newer = number;
    head->older = number;
}

/* The slot of the key, or the free one where it would be. */
static uint64_t slot_of(const mt_mock_cache *cache, mt_key key) {
    uint64_t slot = key.low & cache->mask;
    for (uint32_t number; (number = cache->slots[slot]) != 0; slot = (slot + 1) & cache->mask)
        if (cache->blocks[number].key.low == key.low && cache->blocks[number].key.high == key.high)
            break;
    return slot;
}

/* Frees a slot: those behind it move up, so that no search ends early (Knuth, 6.4 R). */
static void free_slot(mt_mock_cache *cache, uint64_t hole) {
    for (uint64_t slot = hole;;) {
        slot = (slot + 1) & cache->mask;
        uint32_t number = cache->slots[slot];
        if (number == 0)
            break;
        uint64_t home = cache->blocks[number].key.low & cache->mask;
        if (((slot - home) & cache->mask) >= ((slot - hole) & cache->mask)) {
            cache->slots[hole] = number;
            hole = slot;
        }
    }
    cache->slots[hole] = 0;
}

int mt_mock_cache_use(mt_mock_cache *cache, mt_key key) {
    uint64_t slot = slot_of(cache, key);
    uint32_t number = cache->slots[slot];
    if (number != 0) {
        unlink_block(cache, number);
        link_newest(cache, number);
        return 1;
    }
    if (cache->count < cache->capacity) {
        number = ++cache->count;
    } else {
        number = cache->blocks[0].newer;
        unlink_block(cache, number);
        free_slot(cache, slot_of(cache, cache->blocks[number].key));
        slot = slot_of(cache, key);
    }
    cache->blocks[number].key = key;
    cache->slots[slot] = number;
    link_newest(cache, number);
    return 0;
}

uint64_t mt_mock_cache_count(const mt_mock_cache *cache) {
    return cache->count;
}

void mt_mock_cache_free(mt_mock_cache *cache) {
    if (!cache)
        return;
    mt_free(cache->blocks);
    mt_free(cache->slots);
    mt_free(cache);
}
