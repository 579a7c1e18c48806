#include "prefix/block/numbering.h"

#include "base/memory.h"
#include "hash/ids.h"

struct mt_numbering {
    uint64_t consecutive; /* ids below it are their numbers, while `ids` is NULL */
    mt_ids *ids;
    uint64_t *numbers; /* of the last call */
    size_t capacity;
};

mt_numbering *mt_numbering_new(mt_error *error) {
    return mt_new(sizeof(mt_numbering), "numbers of ids", error);
}

mt_numbering *mt_numbering_after(uint64_t count, mt_error *error) {
    mt_numbering *numbering = mt_numbering_new(error);
    if (numbering)
        numbering->consecutive = count;
    return numbering;
}

void mt_numbering_free(mt_numbering *numbering) {
    if (!numbering)
        return;
    mt_ids_free(numbering->ids);
    mt_free(numbering->numbers);
    mt_free(numbering);
}

uint64_t mt_numbering_count(const mt_numbering *numbering) {
    return numbering->ids ? mt_ids_count(numbering->ids) : numbering->consecutive;
}

/* Whether the ids are their numbers; takes the new ones in if so. */
static int are_consecutive(mt_numbering *numbering, const uint64_t *ids, size_t count) {
    uint64_t next = numbering->consecutive;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] > next)
            return 0;
        next += ids[i] == next;
    }
    numbering->consecutive = next;
    return 1;
}

/* A key for an id that needs no content hashed. The low half is the id by steps that can be undone
 * (the finisher of splitmix64: Steele, Lea, Flood 2014), so that a table which keeps nothing but that
 * half takes no id for another; the high half only spreads tags. It is never {0, 0}. */
static mt_key key_of(uint64_t id) {
    uint64_t low = id + UINT64_C(0x9e3779b97f4a7c15);
    low = (low ^ low >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    low = (low ^ low >> 27) * UINT64_C(0x94d049bb133111eb);
    low ^= low >> 31;
    return (mt_key){low, (low * UINT64_C(0xd6e8feb86659fd93)) | 1};
}

static mt_code look_up(mt_ids *table, const uint64_t *ids, size_t count, uint64_t *numbers,
                       mt_error *error) {
    for (size_t done = 0; done < count; done += MT_IDS_BATCH) {
        mt_key keys[MT_IDS_BATCH];
        size_t some = count - done < MT_IDS_BATCH ? count - done : MT_IDS_BATCH;
        for (size_t i = 0; i < some; i++)
            keys[i] = key_of(ids[done + i]);
        mt_code code = mt_ids_of(table, keys, some, numbers + done, error);
        if (code)
            return code;
    }
    return MT_OK;
}

/* A table of the ids that were their numbers so far. */
static mt_ids *table_of_consecutive(uint64_t count, mt_error *error) {
    mt_ids *table = mt_ids_new_halved(count, error);
    mt_code code = MT_OK;
    if (!table)
        return NULL;
    for (uint64_t done = 0; code == MT_OK && done < count; done += MT_IDS_BATCH) {
        uint64_t ids[MT_IDS_BATCH], numbers[MT_IDS_BATCH];
        size_t some = count - done < MT_IDS_BATCH ? (size_t)(count - done) : MT_IDS_BATCH;
        for (size_t i = 0; i < some; i++)
            ids[i] = done + i;
        code = look_up(table, ids, some, numbers, error);
    }
    if (code == MT_OK)
        return table;
    mt_ids_free(table);
    return NULL;
}

const uint64_t *mt_numbering_of(mt_numbering *numbering, const uint64_t *ids, size_t count,
                                mt_error *error) {
    if (!numbering->ids && are_consecutive(numbering, ids, count))
        return ids;
    if (MT_GROW(numbering->numbers, numbering->capacity, count))
        return mt_null(mt_fail_memory(error, "numbers of ids"));
    if (!numbering->ids && !(numbering->ids = table_of_consecutive(numbering->consecutive, error)))
        return NULL;
    return look_up(numbering->ids, ids, count, numbering->numbers, error) == MT_OK
               ? numbering->numbers
               : NULL;
}
