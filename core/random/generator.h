/* Random numbers by position, not by history: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011), taken from Random123.
 *
 * A key stands for (seed, name, purpose); a position is (item, draw). What item 5 draws does not
 * depend on what item 4 drew, so any item can be made first, on any shard, beside any other stream.
 * A draw is one 128-bit Philox block, counter {draw low, draw high, item low, item high}, used up
 * 32 bits at a time. */
#ifndef MT_RANDOM_GENERATOR_H
#define MT_RANDOM_GENERATOR_H

#include <stddef.h>
#include <stdint.h>

typedef struct mt_random_key {
    uint64_t seed; /* what the key was made from, for parameters that are noise curves */
    uint32_t word[2];
} mt_random_key;

typedef struct mt_random {
    mt_random_key key;
    uint64_t item;
    uint64_t draw; /* the next block to make */
    uint32_t block[4];
    uint32_t left; /* unused words of block */
} mt_random;

/* The key of (seed, name, purpose): XXH3-64 over seed, name_length, name, purpose_length, purpose
 * (the numbers as 8 bytes, low byte first), so that ("ab", "c") is not ("a", "bc"). word[0] is its
 * low half. */
mt_random_key mt_random_key_of(uint64_t seed, const char *name, size_t name_length,
                               const char *purpose, size_t purpose_length);

/* Goes to the first draw of `item`. */
static inline void mt_random_seek(mt_random *random, uint64_t item) {
    random->item = item;
    random->draw = 0;
    random->left = 0;
}

/* Starts at item 0, draw 0. */
static inline void mt_random_start(mt_random *random, mt_random_key key) {
    random->key = key;
    mt_random_seek(random, 0);
}

/* The same with the key of (seed, name, purpose), terminated texts. */
void mt_random_begin(mt_random *random, uint64_t seed, const char *name, const char *purpose);

/* Makes block number `draw` of the item and counts on: what the functions below do when the words
 * of the last block are used up. */
void mt_random_next_block(mt_random *random);

/* 32 uniform bits: the next word. */
static inline uint32_t mt_random_u32(mt_random *random) {
    if (random->left == 0)
        mt_random_next_block(random);
    return random->block[4 - random->left--];
}

/* 64 uniform bits: the next two words, the low half first. */
static inline uint64_t mt_random_u64(mt_random *random) {
    if (random->left == 0)
        mt_random_next_block(random);
    if (random->left >= 2) {
        uint32_t first = 4 - random->left;
        random->left -= 2;
        return random->block[first] | (uint64_t)random->block[first + 1] << 32;
    }
    uint64_t low = mt_random_u32(random);
    return low | (uint64_t)mt_random_u32(random) << 32;
}

/* Uniform in [0, 1), a multiple of 2^-53. */
static inline double mt_random_uniform(mt_random *random) {
    return (double)(mt_random_u64(random) >> 11) * 0x1p-53;
}

/* Uniform in (0, 1], a multiple of 2^-53: fit for a logarithm. */
static inline double mt_random_positive(mt_random *random) {
    return (double)((mt_random_u64(random) >> 11) + 1) * 0x1p-53;
}

/* Uniform in 0..bound-1 without bias (Lemire, "Fast random integer generation in an interval",
 * 2019); bound >= 1. */
uint64_t mt_random_below(mt_random *random, uint64_t bound);

/* ---- many items at once ---- */

/* A block as the two numbers that mt_random_u64 gives of it. */
typedef struct mt_random_pair {
    uint64_t first, second;
} mt_random_pair;

/* Block number `draw` of each of the `count` items from `item` on, into pairs[0..count): those of
 * mt_random_next_block, at a fraction of its cost where the processor has AVX2. */
void mt_random_pairs(mt_random_key key, uint64_t item, uint64_t draw, size_t count,
                     mt_random_pair *pairs);

/* mt_random_below from a number that is there: 0 where that one may have to be refused, and *below
 * means nothing. */
static inline int mt_random_take_below(uint64_t number, uint64_t bound, uint64_t *below) {
    unsigned __int128 product = (unsigned __int128)number * bound;
    *below = (uint64_t)(product >> 64);
    return (uint64_t)product >= bound;
}

#endif
