/* The id table as its files share it: 8-byte slots, found by open addressing with linear probing,
 * over dense keys in order of first appearance.
 *
 * As long as no fresh id was given, a key's id is its place among the keys. `straight` counts the
 * keys from that time; the ids of all later ones are kept in five bytes each (`numbers`), for they
 * have fresh ids between them. Fresh ids themselves are nowhere: what is not the id of a key is
 * fresh.
 *
 * A halved table keeps the low half of each key, and in its slot 24 bits of the other half. Not all
 * of its keys have a slot: see ids_chain.c. */
#ifndef MT_HASH_IDS_STATE_H
#define MT_HASH_IDS_STATE_H

#include "base/memory.h"
#include "hash/ids.h"

#include <string.h>

/* A slot holds 24 bits of its key above the key's place + 1; 0 is an empty slot. */
enum { MT_IDS_TAG_SHIFT = 40, MT_IDS_NUMBER_BYTES = 5 };
#define MT_IDS_PLACE_MASK (((uint64_t)1 << MT_IDS_TAG_SHIFT) - 1)

struct mt_ids {
    mt_big slots;      /* uint64_t[capacity] */
    mt_big keys;       /* mt_key[remembered]; of a halved table uint64_t, the low halves */
    mt_big numbers;    /* MT_IDS_NUMBER_BYTES for each of the keys from place `straight` on */
    uint64_t capacity; /* slots */
    uint64_t remembered;
    uint64_t slotted; /* of those, keys that have a slot */
    uint64_t straight;
    uint64_t count; /* ids given, fresh ones included */
    mt_key fresh_root;
    int is_halved;
};

/* Keys that fit `capacity` slots: above three quarters probing gets long. */
static inline uint64_t mt_ids_fitting(uint64_t capacity) {
    return capacity / 4 * 3;
}

/* Maps the key's low half onto 0..capacity-1 without a division (Lemire 2019), so that a capacity
 * need not be a power of two. */
static inline uint64_t mt_ids_home(const mt_ids *ids, mt_key key) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)key.low * ids->capacity) >> 64);
}

static inline uint64_t mt_ids_tag(mt_key key) {
    return key.high & ~MT_IDS_PLACE_MASK;
}

/* The first slot from `at` on that is empty or has the key's tag. */
static inline uint64_t mt_ids_probe(const mt_ids *ids, uint64_t tag, uint64_t at) {
    const uint64_t *slots = ids->slots.data;
    while (slots[at] != 0 && (slots[at] & ~MT_IDS_PLACE_MASK) != tag)
        at = at + 1 == ids->capacity ? 0 : at + 1;
    return at;
}

static inline uint64_t mt_ids_number(const mt_ids *ids, uint64_t place) {
    if (place < ids->straight)
        return place;
    const unsigned char *at =
        (const unsigned char *)ids->numbers.data + (place - ids->straight) * MT_IDS_NUMBER_BYTES;
    uint32_t low;
    memcpy(&low, at, sizeof low);
    return low | (uint64_t)at[4] << 32;
}

static inline void mt_ids_set_number(mt_ids *ids, uint64_t place, uint64_t id) {
    unsigned char *at =
        (unsigned char *)ids->numbers.data + (place - ids->straight) * MT_IDS_NUMBER_BYTES;
    uint32_t low = (uint32_t)id;
    memcpy(at, &low, sizeof low);
    at[4] = (unsigned char)(id >> 32);
}

static inline uint64_t mt_ids_low(const mt_ids *ids, uint64_t place) {
    return ids->is_halved ? ((const uint64_t *)ids->keys.data)[place]
                          : ((const mt_key *)ids->keys.data)[place].low;
}

/* Is this the key at `place`, whose slot has its tag? */
static inline int mt_ids_is_at(const mt_ids *ids, uint64_t place, mt_key key) {
    return mt_ids_low(ids, place) == key.low &&
           (ids->is_halved || ((const mt_key *)ids->keys.data)[place].high == key.high);
}

/* The place of a key that has a slot; `at` is the first slot that may hold it. UINT64_MAX where
 * there is none: then *at has become the empty slot for it. */
static inline uint64_t mt_ids_find(const mt_ids *ids, mt_key key, uint64_t *at) {
    const uint64_t *slots = ids->slots.data;
    uint64_t tag = mt_ids_tag(key);
    for (*at = mt_ids_probe(ids, tag, *at); slots[*at] != 0;
         *at = mt_ids_probe(ids, tag, *at + 1 == ids->capacity ? 0 : *at + 1)) {
        uint64_t place = (slots[*at] & MT_IDS_PLACE_MASK) - 1;
        if (mt_ids_is_at(ids, place, key))
            return place;
    }
    return UINT64_MAX;
}

/* Remembers a new key, which gets the next id and as yet no slot. Returns its place. */
static inline uint64_t mt_ids_append(mt_ids *ids, mt_key key) {
    uint64_t place = ids->remembered++;
    if (ids->is_halved)
        ((uint64_t *)ids->keys.data)[place] = key.low;
    else
        ((mt_key *)ids->keys.data)[place] = key;
    if (place == ids->count)
        ids->straight = place + 1;
    else
        mt_ids_set_number(ids, place, ids->count);
    ids->count++;
    return place;
}

static inline void mt_ids_set_slot(mt_ids *ids, uint64_t at, mt_key key, uint64_t place) {
    ((uint64_t *)ids->slots.data)[at] = mt_ids_tag(key) | (place + 1);
    ids->slotted++;
}

static inline int mt_ids_is_fresh(mt_key key) {
    return (key.low | key.high) == 0;
}

/* Room for `count` more keys, `slots` of them with one, so that nothing grows while they are looked
 * up. */
mt_code mt_ids_make_room(mt_ids *ids, uint64_t count, uint64_t slots, mt_error *error);

#endif
