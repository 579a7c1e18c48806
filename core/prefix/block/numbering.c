#include "prefix/block/numbering.h"

#include "base/memory.h"
#include "base/run.h"
#include "prefix/block/id_table.h"

struct mt_numbering {
    uint64_t consecutive; /* ids below it are their numbers, while `ids` is NULL */
    mt_id_table *ids;
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

const uint64_t *mt_numbering_seal(mt_numbering *numbering) {
    mt_free(numbering->numbers);
    numbering->numbers = NULL;
    if (!numbering->ids)
        return NULL;
    mt_id_table_seal(numbering->ids);
    return mt_id_table_ids(numbering->ids);
}

void mt_numbering_free(mt_numbering *numbering) {
    if (!numbering)
        return;
    mt_id_table_free(numbering->ids);
    mt_free(numbering->numbers);
    mt_free(numbering);
}

uint64_t mt_numbering_count(const mt_numbering *numbering) {
    return numbering->ids ? mt_id_table_count(numbering->ids) : numbering->consecutive;
}

/* Whether the ids are their numbers; takes the new ones in if so. Most are a path as the format has it. */
static int are_consecutive(mt_numbering *numbering, const uint64_t *ids, size_t count) {
    uint64_t next = numbering->consecutive;
    size_t known = mt_known_of_path(ids, count, next);
    if (known != SIZE_MAX) {
        numbering->consecutive += count - known;
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (ids[i] > next)
            return 0;
        next += ids[i] == next;
    }
    numbering->consecutive = next;
    return 1;
}

enum { BATCH = 256 };

/* A table of the ids that were their numbers so far. */
static mt_id_table *table_of_consecutive(uint64_t count, mt_error *error) {
    mt_id_table *table = mt_id_table_new(count, error);
    mt_code code = MT_OK;
    if (!table)
        return NULL;
    for (uint64_t done = 0; code == MT_OK && done < count; done += BATCH) {
        uint64_t ids[BATCH], numbers[BATCH];
        size_t some = count - done < BATCH ? (size_t)(count - done) : BATCH;
        for (size_t i = 0; i < some; i++)
            ids[i] = done + i;
        code = mt_id_table_of(table, ids, some, numbers, error);
    }
    if (code == MT_OK)
        return table;
    mt_id_table_free(table);
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
    return mt_id_table_of(numbering->ids, ids, count, numbering->numbers, error) == MT_OK
               ? numbering->numbers
               : NULL;
}
