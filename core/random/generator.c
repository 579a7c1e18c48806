#include "random/generator.h"

#include "base/assert.h"

#include <Random123/philox.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void hash_number(XXH3_state_t *state, uint64_t number) {
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    XXH3_64bits_update(state, bytes, sizeof bytes);
}

mt_random_key mt_random_key_of(uint64_t seed, const char *name, size_t name_length,
                               const char *purpose, size_t purpose_length) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    hash_number(&state, seed);
    hash_number(&state, name_length);
    XXH3_64bits_update(&state, name, name_length);
    hash_number(&state, purpose_length);
    XXH3_64bits_update(&state, purpose, purpose_length);
    uint64_t hash = XXH3_64bits_digest(&state);
    mt_random_key key = {seed, {(uint32_t)hash, (uint32_t)(hash >> 32)}};
    return key;
}

void mt_random_start(mt_random *random, mt_random_key key) {
    random->key = key;
    mt_random_seek(random, 0);
}

void mt_random_begin(mt_random *random, uint64_t seed, const char *name, const char *purpose) {
    mt_random_start(random, mt_random_key_of(seed, name, strlen(name), purpose, strlen(purpose)));
}

void mt_random_seek(mt_random *random, uint64_t item) {
    random->item = item;
    random->draw = 0;
    random->left = 0;
}

void mt_random_next_block(mt_random *random) {
    philox4x32_ctr_t counter = {{(uint32_t)random->draw, (uint32_t)(random->draw >> 32),
                                 (uint32_t)random->item, (uint32_t)(random->item >> 32)}};
    philox4x32_key_t key = {{random->key.word[0], random->key.word[1]}};
    philox4x32_ctr_t block = philox4x32_R(10, counter, key);
    for (unsigned i = 0; i < 4; i++)
        random->block[i] = block.v[i];
    random->draw++;
    random->left = 4;
}

uint64_t mt_random_below(mt_random *random, uint64_t bound) {
    mt_assert(bound > 0);
    unsigned __int128 product = (unsigned __int128)mt_random_u64(random) * bound;
    if ((uint64_t)product < bound) {
        /* 2^64 mod bound of the low halves would make some results likelier: refuse them. */
        uint64_t refused = (0 - bound) % bound;
        while ((uint64_t)product < refused)
            product = (unsigned __int128)mt_random_u64(random) * bound;
    }
    return (uint64_t)(product >> 64);
}
