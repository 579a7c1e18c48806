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

static mt_key key_of(const void *context, const mt_key *keys, uint64_t id) {
    (void)context;
    (void)keys;
    return mt_key_number((mt_key){0, 0}, id);
}

const uint64_t *mt_numbering_of(mt_numbering *numbering, const uint64_t *ids, size_t count,
                                mt_error *error) {
    if (!numbering->ids && are_consecutive(numbering, ids, count))
        return ids;
    if (MT_GROW(numbering->numbers, numbering->capacity, count))
        return mt_null(mt_fail_memory(error, "numbers of ids"));
    if (!numbering->ids &&
        !(numbering->ids = mt_ids_of_known(numbering->consecutive, key_of, NULL, error)))
        return NULL;
    for (size_t done = 0; done < count; done += MT_IDS_BATCH) {
        mt_key keys[MT_IDS_BATCH];
        size_t some = count - done < MT_IDS_BATCH ? count - done : MT_IDS_BATCH;
        for (size_t i = 0; i < some; i++)
            keys[i] = key_of(NULL, NULL, ids[done + i]);
        if (mt_ids_of(numbering->ids, keys, some, numbering->numbers + done, error) != MT_OK)
            return NULL;
    }
    return numbering->numbers;
}
