#include "prefix/block/numbering.h"

#include "base/memory.h"
#include "hash/ids.h"

struct mt_numbering {
    uint64_t consecutive; /* ids below it are their numbers, while `ids` is NULL */
    mt_ids *ids;
    mt_key *keys;
    uint64_t *numbers;
    size_t key_capacity, number_capacity;
};

mt_numbering *mt_numbering_new(mt_error *error) {
    mt_numbering *numbering = mt_allocate_zero(1, sizeof *numbering);
    if (!numbering)
        mt_fail_memory(error, "numbers of ids");
    return numbering;
}

void mt_numbering_free(mt_numbering *numbering) {
    if (!numbering)
        return;
    mt_ids_free(numbering->ids);
    mt_free(numbering->keys);
    mt_free(numbering->numbers);
    mt_free(numbering);
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

static int make_room(mt_numbering *numbering, size_t count) {
    return MT_GROW(numbering->keys, numbering->key_capacity, count) ||
           MT_GROW(numbering->numbers, numbering->number_capacity, count);
}

/* Enters the ids that were their numbers into the table. */
static mt_code begin_hashing(mt_numbering *numbering, mt_error *error) {
    enum { BATCH = 1024 };
    mt_key keys[BATCH];
    uint64_t numbers[BATCH];
    mt_code code = MT_OK;
    if (!(numbering->ids = mt_ids_new(numbering->consecutive, error)))
        return MT_ERROR_MEMORY;
    for (uint64_t id = 0; code == MT_OK && id < numbering->consecutive;) {
        size_t count = 0;
        for (; count < BATCH && id < numbering->consecutive; count++, id++)
            keys[count] = mt_key_number((mt_key){0, 0}, id);
        code = mt_ids_of(numbering->ids, keys, count, numbers, error);
    }
    return code;
}

const uint64_t *mt_numbering_of(mt_numbering *numbering, const uint64_t *ids, size_t count,
                                mt_error *error) {
    if (!numbering->ids) {
        if (are_consecutive(numbering, ids, count))
            return ids;
        if (begin_hashing(numbering, error) != MT_OK)
            return NULL;
    }
    if (make_room(numbering, count)) {
        mt_fail_memory(error, "numbers of ids");
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        numbering->keys[i] = mt_key_number((mt_key){0, 0}, ids[i]);
    if (mt_ids_of(numbering->ids, numbering->keys, count, numbering->numbers, error) != MT_OK)
        return NULL;
    return numbering->numbers;
}
