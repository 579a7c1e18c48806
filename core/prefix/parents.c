#include "prefix/parents.h"

#include "base/memory.h"
#include "hash/ids.h"

typedef struct parent {
    uint64_t id;
    uint64_t line; /* shifted left by one; the lowest bit: there is a parent */
} parent;

struct mt_parents {
    mt_ids *ids;     /* of the ids, as contents without a block before them: 0, 1, 2, ... */
    mt_big by_index; /* parent */
    mt_key *keys;
    uint64_t *indices;
    size_t key_capacity, index_capacity;
};

mt_parents *mt_parents_new(mt_error *error) {
    mt_parents *parents = mt_allocate_zero(1, sizeof *parents);
    if (!parents) {
        mt_fail_memory(error, "parents of blocks");
        return NULL;
    }
    parents->ids = mt_ids_new(0, error);
    if (!parents->ids) {
        mt_free(parents);
        return NULL;
    }
    return parents;
}

void mt_parents_free(mt_parents *parents) {
    if (!parents)
        return;
    mt_ids_free(parents->ids);
    mt_big_free(&parents->by_index);
    mt_free(parents->keys);
    mt_free(parents->indices);
    mt_free(parents);
}

static mt_code make_room(mt_parents *parents, size_t count, mt_error *error) {
    uint64_t known = mt_ids_count(parents->ids);
    size_t bytes = (size_t)(known + count) * sizeof(parent);
    if (bytes > parents->by_index.bytes && bytes < 2 * parents->by_index.bytes)
        bytes = 2 * parents->by_index.bytes;
    if (mt_reserve((void **)&parents->keys, &parents->key_capacity, count, sizeof(mt_key)) ||
        mt_reserve((void **)&parents->indices, &parents->index_capacity, count, sizeof(uint64_t)) ||
        mt_big_reserve(&parents->by_index, bytes))
        return mt_fail_memory(error, "parents of blocks");
    return MT_OK;
}

static mt_parents_conflict conflict_of(const uint64_t *hash_ids, size_t i, const parent *before) {
    return (mt_parents_conflict){.id = hash_ids[i],
                                 .has_now = i > 0,
                                 .now = i > 0 ? hash_ids[i - 1] : 0,
                                 .has_before = (int)(before->line & 1),
                                 .before = before->id,
                                 .line = before->line >> 1};
}

mt_code mt_parents_add(mt_parents *parents, const uint64_t *hash_ids, size_t count, uint64_t line,
                       size_t *conflicts, mt_parents_conflict *first, mt_error *error) {
    *conflicts = 0;
    if (count == 0)
        return MT_OK;
    uint64_t known = mt_ids_count(parents->ids);
    mt_code code = make_room(parents, count, error);
    if (code != MT_OK)
        return code;
    for (size_t i = 0; i < count; i++)
        parents->keys[i] = mt_key_number((mt_key){0, 0}, hash_ids[i]);
    code = mt_ids_of(parents->ids, parents->keys, count, parents->indices, error);
    if (code != MT_OK)
        return code;
    parent *by_index = parents->by_index.data;
    for (size_t i = 0; i < count; i++) {
        parent *before = &by_index[parents->indices[i]];
        parent now = {i > 0 ? hash_ids[i - 1] : 0, line << 1 | (i > 0)};
        if (parents->indices[i] == known) { /* numbered in this order, so new here */
            *before = now;
            known++;
        } else if (before->id != now.id || (before->line & 1) != (now.line & 1)) {
            if ((*conflicts)++ == 0 && first)
                *first = conflict_of(hash_ids, i, before);
        }
    }
    return MT_OK;
}
