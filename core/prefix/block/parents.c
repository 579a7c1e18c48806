#include "prefix/block/parents.h"

#include "base/assert.h"
#include "base/memory.h"
#include "prefix/block/numbering.h"

struct mt_parents {
    uint32_t count;
    mt_numbering *numbering;
    mt_big blocks; /* uint32_t: the block before */
    mt_big ids;    /* uint64_t */
    mt_big lines;  /* uint64_t: where the block came first */
};

mt_parents *mt_parents_new(mt_error *error) {
    mt_parents *parents = mt_allocate_zero(1, sizeof *parents);
    if (!parents)
        mt_fail_memory(error, "parents of blocks");
    else if (!(parents->numbering = mt_numbering_new(error))) {
        mt_free(parents);
        parents = NULL;
    }
    return parents;
}

void mt_parents_seal(mt_parents *parents) {
    mt_numbering_free(parents->numbering);
    parents->numbering = NULL;
    mt_big_free(&parents->lines);
}

void mt_parents_free(mt_parents *parents) {
    if (!parents)
        return;
    mt_parents_seal(parents);
    mt_big_free(&parents->blocks);
    mt_big_free(&parents->ids);
    mt_free(parents);
}

uint32_t mt_parents_count(const mt_parents *parents) {
    return parents->count;
}

const uint32_t *mt_parents_blocks(const mt_parents *parents) {
    return parents->blocks.data;
}

const uint64_t *mt_parents_ids(const mt_parents *parents) {
    return parents->ids.data;
}

static mt_code make_room(mt_parents *parents, size_t count, mt_error *error) {
    if (count > MT_TREE_LIMIT - parents->count)
        return mt_fail(error, MT_ERROR_VALUE, "too many blocks for one tree");
    size_t most = parents->count + count;
    if (mt_big_reserve(&parents->blocks, most * sizeof(uint32_t)) ||
        mt_big_reserve(&parents->ids, most * sizeof(uint64_t)) ||
        mt_big_reserve(&parents->lines, most * sizeof(uint64_t)))
        return mt_fail_memory(error, "parents of blocks");
    return MT_OK;
}

static mt_parents_conflict conflict_of(const mt_parents *parents, uint32_t block, uint32_t now) {
    const uint64_t *ids = parents->ids.data, *lines = parents->lines.data;
    uint32_t before = ((const uint32_t *)parents->blocks.data)[block];
    return (mt_parents_conflict){.id = ids[block],
                                 .has_now = now != MT_NO_BLOCK,
                                 .now = now != MT_NO_BLOCK ? ids[now] : 0,
                                 .has_before = before != MT_NO_BLOCK,
                                 .before = before != MT_NO_BLOCK ? ids[before] : 0,
                                 .line = lines[block]};
}

mt_code mt_parents_add(mt_parents *parents, const uint64_t *hash_ids, size_t count, uint64_t line,
                       uint32_t *blocks, size_t *conflicts, mt_parents_conflict *first,
                       mt_error *error) {
    *conflicts = 0;
    mt_code code = make_room(parents, count, error);
    if (code || count == 0)
        return code;
    const uint64_t *numbers = mt_numbering_of(parents->numbering, hash_ids, count, error);
    if (!numbers)
        return mt_code_of(error);
    uint32_t *before = parents->blocks.data, parent = MT_NO_BLOCK;
    for (size_t i = 0; i < count; i++) {
        uint32_t block = (uint32_t)numbers[i];
        mt_assert(block <= parents->count);
        if (block == parents->count) {
            before[block] = parent;
            ((uint64_t *)parents->ids.data)[block] = hash_ids[i];
            ((uint64_t *)parents->lines.data)[block] = line;
            parents->count++;
        } else if (before[block] != parent && (*conflicts)++ == 0 && first) {
            *first = conflict_of(parents, block, parent);
        }
        if (blocks)
            blocks[i] = block;
        parent = block;
    }
    return MT_OK;
}
