#include "prefix/block/parents.h"

#include "base/memory.h"
#include "hash/ids.h"

typedef struct parent {
    uint64_t id;
    uint64_t line; /* shifted left by two, over KNOWN and HAS_PARENT */
} parent;

enum { KNOWN = 1, HAS_PARENT = 2, LINE_SHIFT = 2, SPREAD = 4, FIRST_LIMIT = 1 << 18 };

struct mt_parents {
    /* Ids below `limit` stand at their own place. The limit grows with the ids that are known,
     * until the first id that is not below it: from then on those go through the table. */
    mt_big by_id; /* parent */
    uint64_t limit, known;
    mt_ids *ids;     /* of larger ids, as contents without a block before them; NULL: none yet */
    mt_big by_index; /* parent, by the numbers that `ids` gives: 0, 1, 2, ... */
};

mt_parents *mt_parents_new(mt_error *error) {
    mt_parents *parents = mt_allocate_zero(1, sizeof *parents);
    if (!parents) {
        mt_fail_memory(error, "parents of blocks");
        return NULL;
    }
    parents->limit = FIRST_LIMIT;
    return parents;
}

void mt_parents_free(mt_parents *parents) {
    if (!parents)
        return;
    mt_ids_free(parents->ids);
    mt_big_free(&parents->by_id);
    mt_big_free(&parents->by_index);
    mt_free(parents);
}

/* Makes *big hold element `index`, at least half as much again as it has. */
static int make_room(mt_big *big, uint64_t index) {
    size_t bytes = (size_t)(index + 1) * sizeof(parent);
    if (bytes <= big->bytes)
        return 0;
    size_t more = big->bytes + big->bytes / 2;
    return mt_big_reserve(big, bytes > more ? bytes : more);
}

/* The place of an id that is too large for its own. */
static parent *place_in_table(mt_parents *parents, uint64_t id, mt_error *error) {
    uint64_t index;
    mt_key key = mt_key_number((mt_key){0, 0}, id);
    if (!parents->ids && !(parents->ids = mt_ids_new(0, error)))
        return NULL;
    if (mt_ids_of(parents->ids, &key, 1, &index, error) != MT_OK)
        return NULL;
    if (make_room(&parents->by_index, index) != 0) {
        mt_fail_memory(error, "parents of blocks");
        return NULL;
    }
    return (parent *)parents->by_index.data + index;
}

static parent *place_of(mt_parents *parents, uint64_t id, mt_error *error) {
    if (!parents->ids && parents->limit < SPREAD * parents->known)
        parents->limit = SPREAD * parents->known;
    if (id >= parents->limit)
        return place_in_table(parents, id, error);
    if (make_room(&parents->by_id, id) != 0) {
        mt_fail_memory(error, "parents of blocks");
        return NULL;
    }
    return (parent *)parents->by_id.data + id;
}

static mt_parents_conflict conflict_of(const uint64_t *hash_ids, size_t i, const parent *before) {
    return (mt_parents_conflict){.id = hash_ids[i],
                                 .has_now = i > 0,
                                 .now = i > 0 ? hash_ids[i - 1] : 0,
                                 .has_before = (before->line & HAS_PARENT) != 0,
                                 .before = before->id,
                                 .line = before->line >> LINE_SHIFT};
}

mt_code mt_parents_add(mt_parents *parents, const uint64_t *hash_ids, size_t count, uint64_t line,
                       size_t *conflicts, mt_parents_conflict *first, mt_error *error) {
    *conflicts = 0;
    for (size_t i = 0; i < count; i++) {
        parent now = {i > 0 ? hash_ids[i - 1] : 0,
                      line << LINE_SHIFT | (i > 0 ? HAS_PARENT : 0) | KNOWN};
        parent *before = place_of(parents, hash_ids[i], error);
        if (!before)
            return mt_code_of(error);
        if (!(before->line & KNOWN)) {
            *before = now;
            parents->known++;
        } else if (before->id != now.id || (before->line & HAS_PARENT) != (now.line & HAS_PARENT)) {
            if ((*conflicts)++ == 0 && first)
                *first = conflict_of(hash_ids, i, before);
        }
    }
    return MT_OK;
}
