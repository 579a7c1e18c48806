/* The id table: 8-byte slots, found by open addressing with linear probing, over dense keys in
 * order of first appearance.
 *
 * As long as no fresh id was given, a key's id is its place among the keys. `straight` counts the
 * keys from that time; the ids of all later ones are kept in five bytes each (`numbers`), for they
 * have fresh ids between them. Fresh ids themselves are nowhere: what is not the id of a key is
 * fresh. */
#include "hash/ids.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"

#include <string.h>

/* A slot holds 24 bits of its key above the key's place + 1; 0 is an empty slot. */
enum { TAG_SHIFT = 40, NUMBER_BYTES = 5 };
#define PLACE_MASK (((uint64_t)1 << TAG_SHIFT) - 1)

/* Keys looked up together: enough to keep all of a core's outstanding misses busy. */
enum { GROUP = 64 };

/* What a table may begin with, and the bytes of slots from which on it grows by less. */
#define FIRST_BYTES ((uint64_t)1 << 30)
#define DOUBLED_BELOW ((size_t)256 << 20)

struct mt_ids {
    mt_big slots;      /* uint64_t[capacity] */
    mt_big keys;       /* mt_key[remembered] */
    mt_big numbers;    /* NUMBER_BYTES for each of the keys from place `straight` on */
    uint64_t capacity; /* slots */
    uint64_t remembered;
    uint64_t straight;
    uint64_t count; /* ids given, fresh ones included */
    mt_key fresh_root;
};

/* Keys that fit `capacity` slots: above three quarters probing gets long. */
static uint64_t fitting(uint64_t capacity) {
    return capacity / 4 * 3;
}

/* Maps the key's low half onto 0..capacity-1 without a division (Lemire 2019), so that a capacity
 * need not be a power of two. */
static uint64_t home(const mt_ids *ids, mt_key key) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)key.low * ids->capacity) >> 64);
}

static uint64_t tag_of(mt_key key) {
    return key.high & ~PLACE_MASK;
}

/* The first slot from `at` on that is empty or has the key's tag. */
static uint64_t probe(const mt_ids *ids, uint64_t tag, uint64_t at) {
    const uint64_t *slots = ids->slots.data;
    while (slots[at] != 0 && (slots[at] & ~PLACE_MASK) != tag)
        at = at + 1 == ids->capacity ? 0 : at + 1;
    return at;
}

static uint64_t number_at(const mt_ids *ids, uint64_t place) {
    if (place < ids->straight)
        return place;
    const unsigned char *at =
        (const unsigned char *)ids->numbers.data + (place - ids->straight) * NUMBER_BYTES;
    uint32_t low;
    memcpy(&low, at, sizeof low);
    return low | (uint64_t)at[4] << 32;
}

static void set_number(mt_ids *ids, uint64_t place, uint64_t id) {
    unsigned char *at = (unsigned char *)ids->numbers.data + (place - ids->straight) * NUMBER_BYTES;
    uint32_t low = (uint32_t)id;
    memcpy(at, &low, sizeof low);
    at[4] = (unsigned char)(id >> 32);
}

/* Fills the slots, all of them 0, from the keys. Not interruptible: half a table would give known
 * keys new ids. */
static void fill_slots(mt_ids *ids) {
    uint64_t *slots = ids->slots.data;
    const mt_key *keys = ids->keys.data;
    enum { AHEAD = 24 };
    for (uint64_t place = 0; place < ids->remembered; place++) {
        if (place + AHEAD < ids->remembered)
            __builtin_prefetch(&slots[home(ids, keys[place + AHEAD])], 1);
        uint64_t at = home(ids, keys[place]);
        while (slots[at] != 0)
            at = at + 1 == ids->capacity ? 0 : at + 1;
        slots[at] = tag_of(keys[place]) | (place + 1);
    }
}

/* Doubles small tables and makes big ones half as large again, which bounds what is never used. */
static int grow_slots(mt_ids *ids) {
    size_t before = ids->slots.bytes;
    if (mt_big_reserve(&ids->slots, before < DOUBLED_BELOW ? 2 * before : before / 2 * 3))
        return -1;
    memset(ids->slots.data, 0, before);
    ids->capacity = ids->slots.bytes / sizeof(uint64_t);
    fill_slots(ids);
    return 0;
}

/* Makes *big at least `bytes` long; half as long again as before when it must grow, so that growing
 * is rare. What is not touched takes no memory. */
static int extend(mt_big *big, uint64_t bytes) {
    if (bytes <= big->bytes)
        return 0;
    uint64_t ample = big->bytes + big->bytes / 2;
    return mt_big_reserve(big, ample > bytes ? ample : bytes);
}

/* Room for one more group of keys, so that nothing grows while the group is looked up. */
static mt_code make_room(mt_ids *ids, mt_error *error) {
    if (ids->count + GROUP > MT_IDS_LIMIT)
        return mt_fail(error, MT_ERROR_VALUE, "more than 2^40 hash ids");
    uint64_t wanted = ids->remembered + GROUP;
    if (extend(&ids->keys, wanted * sizeof(mt_key)) ||
        extend(&ids->numbers, (wanted - ids->straight) * NUMBER_BYTES) ||
        (wanted > fitting(ids->capacity) && grow_slots(ids)))
        return mt_fail_memory(error, "table of hash ids");
    return MT_OK;
}

/* Remembers a new key in the empty slot `at` and gives it the next id. */
static uint64_t remember(mt_ids *ids, mt_key key, uint64_t at) {
    uint64_t place = ids->remembered++;
    ((mt_key *)ids->keys.data)[place] = key;
    ((uint64_t *)ids->slots.data)[at] = tag_of(key) | (place + 1);
    if (place == ids->count)
        ids->straight = place + 1;
    else
        set_number(ids, place, ids->count);
    return ids->count++;
}

/* The id of a key, given the first slot that may hold it. */
static uint64_t look_up(mt_ids *ids, mt_key key, uint64_t at) {
    const uint64_t *slots = ids->slots.data;
    const mt_key *keys = ids->keys.data;
    uint64_t tag = tag_of(key);
    for (at = probe(ids, tag, at); slots[at] != 0;
         at = probe(ids, tag, at + 1 == ids->capacity ? 0 : at + 1)) {
        uint64_t place = (slots[at] & PLACE_MASK) - 1;
        if (keys[place].low == key.low && keys[place].high == key.high)
            return number_at(ids, place);
    }
    return remember(ids, key, at);
}

static int is_fresh(mt_key key) {
    return (key.low | key.high) == 0;
}

/* Up to GROUP keys in three passes, each of which has its misses overlap: slots, keys, ids. A slot
 * found in the second pass stays a valid place to start from in the third, for new keys only fill
 * empty slots. */
static void look_up_group(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out) {
    uint64_t found[GROUP];
    mt_assert(ids->remembered + count <= fitting(ids->capacity)); /* a probe finds an empty slot */
    mt_assert(ids->straight <= ids->remembered && ids->remembered <= ids->count);
    for (size_t i = 0; i < count; i++) {
        found[i] = home(ids, keys[i]);
        __builtin_prefetch((const uint64_t *)ids->slots.data + found[i], 1);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_fresh(keys[i]))
            continue;
        found[i] = probe(ids, tag_of(keys[i]), found[i]);
        uint64_t slot = ((const uint64_t *)ids->slots.data)[found[i]];
        if (slot == 0)
            continue;
        uint64_t place = (slot & PLACE_MASK) - 1;
        __builtin_prefetch((const mt_key *)ids->keys.data + place);
        if (place >= ids->straight)
            __builtin_prefetch((const unsigned char *)ids->numbers.data +
                               (place - ids->straight) * NUMBER_BYTES);
    }
    for (size_t i = 0; i < count; i++)
        out[i] = is_fresh(keys[i]) ? ids->count++ : look_up(ids, keys[i], found[i]);
}

mt_code mt_ids_of(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out, mt_error *error) {
    for (size_t done = 0; done < count; done += GROUP) {
        size_t some = count - done < GROUP ? count - done : GROUP;
        mt_code code = mt_poll_interrupt(error);
        if (code || (code = make_room(ids, error)))
            return code;
        look_up_group(ids, keys + done, some, out + done);
    }
    return MT_OK;
}

/* A table with room for `first` keys. */
static mt_ids *new_table(uint64_t first, mt_error *error) {
    static const char fresh_name[] = "moontide: blocks without content";
    mt_ids *ids = mt_new(sizeof *ids, "table of hash ids", error);
    if (!ids)
        return NULL;
    ids->fresh_root = mt_key_namespace(fresh_name, sizeof fresh_name - 1);
    if (mt_big_reserve(&ids->slots, (first + first / 3 + GROUP) * sizeof(uint64_t)) ||
        mt_big_reserve(&ids->keys, first * sizeof(mt_key))) {
        mt_fail_memory(error, "table of hash ids");
        mt_ids_free(ids);
        return NULL;
    }
    ids->capacity = ids->slots.bytes / sizeof(uint64_t);
    return ids;
}

mt_ids *mt_ids_new(uint64_t expected, mt_error *error) {
    const uint64_t most = FIRST_BYTES / 4 * 3 / (sizeof(mt_key) + sizeof(uint64_t));
    return new_table(expected < most ? expected + GROUP : most, error);
}

mt_ids *mt_ids_of_known(uint64_t count,
                        mt_key (*key_of)(const void *context, const mt_key *keys, uint64_t i),
                        const void *context, mt_error *error) {
    mt_ids *ids = new_table(count + GROUP, error);
    if (!ids)
        return NULL;
    mt_key *keys = ids->keys.data;
    for (uint64_t i = 0; i < count; i++) {
        if (mt_poll_interrupt(error)) {
            mt_ids_free(ids);
            return NULL;
        }
        keys[i] = key_of(context, keys, i);
    }
    ids->remembered = ids->straight = ids->count = count;
    mt_assert(count + GROUP <= fitting(ids->capacity));
    fill_slots(ids);
    return ids;
}

uint64_t mt_ids_fresh(mt_ids *ids, uint64_t count) {
    if (count > MT_IDS_LIMIT - ids->count)
        return UINT64_MAX;
    uint64_t first = ids->count;
    ids->count += count;
    return first;
}

int mt_ids_key(const mt_ids *ids, uint64_t id, mt_key *key) {
    if (id >= ids->count)
        return -1;
    /* Places and their ids both rise, so the place of an id can be searched. */
    uint64_t low = 0, high = ids->remembered;
    if (id < ids->straight) {
        low = id;
        high = id + 1;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (number_at(ids, middle) <= id)
            low = middle;
        else
            high = middle;
    }
    if (low < high && number_at(ids, low) == id)
        *key = ((const mt_key *)ids->keys.data)[low];
    else
        *key = mt_key_number(ids->fresh_root, id);
    return 0;
}

uint64_t mt_ids_count(const mt_ids *ids) {
    return ids->count;
}

uint64_t mt_ids_memory(const mt_ids *ids) {
    uint64_t numbered = ids->remembered - ids->straight;
    return sizeof *ids + ids->slots.bytes + ids->remembered * sizeof(mt_key) +
           numbered * NUMBER_BYTES;
}

void mt_ids_free(mt_ids *ids) {
    if (!ids)
        return;
    mt_big_free(&ids->slots);
    mt_big_free(&ids->keys);
    mt_big_free(&ids->numbers);
    mt_free(ids);
}
