#include "random/generator.h"

#include "base/assert.h"

#include <Random123/philox.h>
#include <endian.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { NUMBERS = 3, NUMBER_BYTES = 8, SHORT = 240 /* bytes that XXH3 hashes without a state */ };

static unsigned char *put_number(unsigned char *to, uint64_t number) {
    number = htole64(number);
    memcpy(to, &number, NUMBER_BYTES);
    return to + NUMBER_BYTES;
}

static unsigned char *put_text(unsigned char *to, const char *text, size_t length) {
    memcpy(to, text, length);
    return to + length;
}

static uint64_t hash_long(const unsigned char *numbers, const char *name, size_t name_length,
                          const char *purpose, size_t purpose_length) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, numbers, 2 * (size_t)NUMBER_BYTES);
    XXH3_64bits_update(&state, name, name_length);
    XXH3_64bits_update(&state, numbers + 2 * (size_t)NUMBER_BYTES, NUMBER_BYTES);
    XXH3_64bits_update(&state, purpose, purpose_length);
    return XXH3_64bits_digest(&state);
}

/* Five of them are worked out for each stream of a plan: nearly all names are short, and a hash in one
 * go costs a fifth of one that is fed piece by piece. */
mt_random_key mt_random_key_of(uint64_t seed, const char *name, size_t name_length,
                               const char *purpose, size_t purpose_length) {
    unsigned char bytes[SHORT], *end = put_number(put_number(bytes, seed), name_length);
    uint64_t hash;
    if (name_length + purpose_length <= sizeof bytes - NUMBERS * (size_t)NUMBER_BYTES) {
        end = put_number(put_text(end, name, name_length), purpose_length);
        end = put_text(end, purpose, purpose_length);
        hash = XXH3_64bits(bytes, (size_t)(end - bytes));
    } else {
        put_number(end, purpose_length);
        hash = hash_long(bytes, name, name_length, purpose, purpose_length);
    }
    mt_random_key key = {seed, {(uint32_t)hash, (uint32_t)(hash >> 32)}};
    return key;
}

void mt_random_begin(mt_random *random, uint64_t seed, const char *name, const char *purpose) {
    mt_random_start(random, mt_random_key_of(seed, name, strlen(name), purpose, strlen(purpose)));
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
