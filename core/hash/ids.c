#include "hash/ids_state.h"

#include "base/assert.h"
#include "base/interrupt.h"

/* Keys looked up together: enough to keep all of a core's outstanding misses busy. */
enum { GROUP = 64 };

/* What a table may begin with, and the bytes of slots from which on it grows by less. */
#define FIRST_BYTES ((uint64_t)1 << 30)
#define DOUBLED_BELOW ((size_t)256 << 20)

static size_t key_bytes(const mt_ids *ids) {
    return ids->is_halved ? sizeof(uint64_t) : sizeof(mt_key);
}

/* Fills the slots, all of them 0, from the keys. Not interruptible: half a table would give known
 * keys new ids. */
static void fill_slots(mt_ids *ids) {
    uint64_t *slots = ids->slots.data;
    const mt_key *keys = ids->keys.data;
    enum { AHEAD = 24 };
    for (uint64_t place = 0; place < ids->remembered; place++) {
        if (place + AHEAD < ids->remembered)
            __builtin_prefetch(&slots[mt_ids_home(ids, keys[place + AHEAD])], 1);
        uint64_t at = mt_ids_home(ids, keys[place]);
        while (slots[at] != 0)
            at = at + 1 == ids->capacity ? 0 : at + 1;
        slots[at] = mt_ids_tag(keys[place]) | (place + 1);
    }
}

/* A halved table's slots go over into new ones, for what they hold of their keys is nowhere else. In
 * both they lie in the order of their keys' low halves, nearly: only those are far apart. */
static int move_slots(mt_ids *ids, size_t bytes) {
    mt_big before = ids->slots, after = {0};
    if (mt_big_reserve(&after, bytes))
        return -1;
    uint64_t *slots = after.data;
    const uint64_t *old = before.data;
    ids->slots = after;
    ids->capacity = after.bytes / sizeof(uint64_t);
    enum { AHEAD = 32 };
    size_t count = before.bytes / sizeof *old;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count && old[i + AHEAD] != 0)
            __builtin_prefetch((const uint64_t *)ids->keys.data +
                               ((old[i + AHEAD] & MT_IDS_PLACE_MASK) - 1));
        if (old[i] == 0)
            continue;
        mt_key key = {.low = mt_ids_low(ids, (old[i] & MT_IDS_PLACE_MASK) - 1)};
        uint64_t at = mt_ids_home(ids, key);
        while (slots[at] != 0)
            at = at + 1 == ids->capacity ? 0 : at + 1;
        slots[at] = old[i];
    }
    mt_big_free(&before);
    return 0;
}

/* Doubles small tables and makes big ones half as large again, which bounds what is never used. */
static int grow_slots(mt_ids *ids) {
    size_t before = ids->slots.bytes;
    size_t after = before < DOUBLED_BELOW ? 2 * before : before / 2 * 3;
    if (ids->is_halved)
        return move_slots(ids, after);
    if (mt_big_reserve(&ids->slots, after))
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

mt_code mt_ids_make_room(mt_ids *ids, uint64_t count, uint64_t slots, mt_error *error) {
    if (count > MT_IDS_LIMIT - ids->count)
        return mt_fail(error, MT_ERROR_VALUE, "more than 2^40 hash ids");
    uint64_t wanted = ids->remembered + count;
    if (extend(&ids->keys, wanted * key_bytes(ids)) ||
        extend(&ids->numbers, (wanted - ids->straight) * MT_IDS_NUMBER_BYTES) ||
        (ids->slotted + slots > mt_ids_fitting(ids->capacity) && grow_slots(ids)))
        return mt_fail_memory(error, "table of hash ids");
    return MT_OK;
}

static uint64_t look_up(mt_ids *ids, mt_key key, uint64_t at) {
    uint64_t place = mt_ids_find(ids, key, &at);
    if (place != UINT64_MAX)
        return mt_ids_number(ids, place);
    place = mt_ids_append(ids, key);
    mt_ids_set_slot(ids, at, key, place);
    return ids->count - 1;
}

/* Up to GROUP keys in three passes, each of which has its misses overlap: slots, keys, ids. A slot
 * found in the second pass stays a valid place to start from in the third, for new keys only fill
 * empty slots. */
static void look_up_group(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out) {
    uint64_t found[GROUP];
    /* So a probe finds an empty slot. */
    mt_assert(ids->slotted + count <= mt_ids_fitting(ids->capacity));
    mt_assert(ids->straight <= ids->remembered && ids->remembered <= ids->count);
    for (size_t i = 0; i < count; i++) {
        found[i] = mt_ids_home(ids, keys[i]);
        __builtin_prefetch((const uint64_t *)ids->slots.data + found[i], 1);
    }
    for (size_t i = 0; i < count; i++) {
        if (mt_ids_is_fresh(keys[i]))
            continue;
        found[i] = mt_ids_probe(ids, mt_ids_tag(keys[i]), found[i]);
        uint64_t slot = ((const uint64_t *)ids->slots.data)[found[i]];
        if (slot == 0)
            continue;
        uint64_t place = (slot & MT_IDS_PLACE_MASK) - 1;
        __builtin_prefetch((const char *)ids->keys.data + place * key_bytes(ids));
        if (place >= ids->straight)
            __builtin_prefetch((const unsigned char *)ids->numbers.data +
                               (place - ids->straight) * MT_IDS_NUMBER_BYTES);
    }
    for (size_t i = 0; i < count; i++)
        out[i] = mt_ids_is_fresh(keys[i]) ? ids->count++ : look_up(ids, keys[i], found[i]);
}

mt_code mt_ids_of(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out, mt_error *error) {
    for (size_t done = 0; done < count; done += GROUP) {
        size_t some = count - done < GROUP ? count - done : GROUP;
        mt_code code = mt_poll_interrupt(error);
        if (code || (code = mt_ids_make_room(ids, GROUP, GROUP, error)))
            return code;
        look_up_group(ids, keys + done, some, out + done);
    }
    return MT_OK;
}

/* A table with room for `first` keys, and slots for `slots` of them. */
static mt_ids *new_table(uint64_t first, uint64_t slots, int is_halved, mt_error *error) {
    static const char fresh_name[] = "moontide: blocks without content";
    mt_ids *ids = mt_new(sizeof *ids, "table of hash ids", error);
    if (!ids)
        return NULL;
    ids->fresh_root = mt_key_namespace(fresh_name, sizeof fresh_name - 1);
    ids->is_halved = is_halved;
    if (mt_big_reserve(&ids->slots, (slots + slots / 3 + GROUP) * sizeof(uint64_t)) ||
        mt_big_reserve(&ids->keys, first * key_bytes(ids))) {
        mt_fail_memory(error, "table of hash ids");
        mt_ids_free(ids);
        return NULL;
    }
    ids->capacity = ids->slots.bytes / sizeof(uint64_t);
    return ids;
}

mt_ids *mt_ids_new(uint64_t expected, mt_error *error) {
    const uint64_t most = FIRST_BYTES / 4 * 3 / (sizeof(mt_key) + sizeof(uint64_t));
    uint64_t first = expected < most ? expected + GROUP : most;
    return new_table(first, first, 0, error);
}

mt_ids *mt_ids_new_halved(uint64_t expected, mt_error *error) {
    const uint64_t most = FIRST_BYTES / sizeof(uint64_t);
    return new_table(expected < most ? expected + GROUP : most, GROUP, 1, error);
}

mt_ids *mt_ids_of_known(uint64_t count,
                        mt_key (*key_of)(const void *context, const mt_key *keys, uint64_t i),
                        const void *context, mt_error *error) {
    mt_ids *ids = new_table(count + GROUP, count + GROUP, 0, error);
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
    ids->remembered = ids->slotted = ids->straight = ids->count = count;
    mt_assert(count + GROUP <= mt_ids_fitting(ids->capacity));
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
    if (id >= ids->count || ids->is_halved)
        return -1;
    /* Places and their ids both rise, so the place of an id can be searched. */
    uint64_t low = 0, high = ids->remembered;
    if (id < ids->straight) {
        low = id;
        high = id + 1;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (mt_ids_number(ids, middle) <= id)
            low = middle;
        else
            high = middle;
    }
    if (low < high && mt_ids_number(ids, low) == id)
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
    return sizeof *ids + ids->slots.bytes + ids->remembered * key_bytes(ids) +
           numbered * MT_IDS_NUMBER_BYTES;
}

void mt_ids_free(mt_ids *ids) {
    if (!ids)
        return;
    mt_big_free(&ids->slots);
    mt_big_free(&ids->keys);
    mt_big_free(&ids->numbers);
    mt_free(ids);
}
