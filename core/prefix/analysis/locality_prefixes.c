/* The prefixes that most requests share. */
#include "base/interrupt.h"
#include "prefix/analysis/locality_state.h"

#include <string.h>

typedef struct ranking {
    const mt_locality *locality;
    const uint32_t *parents;
    mt_shared_prefix *prefixes;
    size_t count, most;
} ranking;

static uint64_t depth_of(const uint32_t *parents, uint32_t block) {
    uint64_t depth = 0;
    for (; block != MT_NO_BLOCK; block = parents[block])
        depth++;
    return depth;
}

/* The tokens of the prefix that ends in `block`: where the last that touched it ends there too, all
 * that have it do or have filled it up. */
static uint64_t tokens_of(const mt_locality *locality, uint32_t block, uint64_t depth) {
    uint32_t owner = mt_history_owner(locality->history, block);
    const mt_locality_row *row = &locality->rows[owner];
    uint64_t whole = depth * locality->block_size;
    return row->blocks == depth && row->input_length < whole ? row->input_length : whole;
}

/* Ranks the prefix that ends in `block`; blocks come in order of first appearance. */
static void consider(ranking *list, uint32_t block, uint64_t visits) {
    size_t at = list->count;
    if (at == list->most && visits < list->prefixes[at - 1].requests)
        return;
    uint64_t depth = depth_of(list->parents, block);
    while (at > 0 &&
           (list->prefixes[at - 1].requests < visits ||
            (list->prefixes[at - 1].requests == visits && list->prefixes[at - 1].blocks < depth)))
        at--;
    if (at == list->most)
        return;
    if (list->count < list->most)
        list->count++;
    memmove(list->prefixes + at + 1, list->prefixes + at,
            (list->count - at - 1) * sizeof *list->prefixes);
    list->prefixes[at] = (mt_shared_prefix){visits, depth, tokens_of(list->locality, block, depth)};
}

/* Marks the shared blocks that have a child which as many requests have touched; those end no prefix. */
static void mark_inner(const uint32_t *returns, const uint32_t *parents, uint32_t count,
                       uint64_t *inner) {
    for (uint32_t block = 0; block < count; block++) {
        if (returns[block] == 0)
            continue;
        uint32_t parent = parents[block];
        if (parent != MT_NO_BLOCK && returns[parent] == returns[block])
            inner[parent / 64] |= (uint64_t)1 << parent % 64;
    }
}

/* Ranks all prefixes; inner: a zeroed bit for each block. */
static mt_code rank_all(ranking *list, uint64_t *inner, mt_error *error) {
    enum { AT_ONCE = 65536 };
    const uint32_t *returns = mt_history_returns(list->locality->history);
    uint32_t blocks = mt_prefix_tree_count(list->locality->tree);
    mark_inner(returns, list->parents, blocks, inner);
    for (uint32_t done = 0; list->most > 0 && done < blocks;) {
        uint32_t end = blocks - done < AT_ONCE ? blocks : done + AT_ONCE;
        if (mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        for (; done < end; done++)
            if (returns[done] > 0 && !(inner[done / 64] >> done % 64 & 1))
                consider(list, done, (uint64_t)returns[done] + 1);
    }
    return MT_OK;
}

mt_code mt_locality_prefixes(const mt_locality *locality, mt_shared_prefix *prefixes, size_t most,
                             size_t *count, mt_error *error) {
    uint64_t *inner =
        mt_allocate_zero(mt_prefix_tree_count(locality->tree) / 64 + 1, sizeof *inner);
    ranking list = {locality, mt_prefix_tree_parents(locality->tree), prefixes, 0, most};
    mt_code code = inner ? rank_all(&list, inner, error) : mt_fail_memory(error, "prefixes");
    *count = list.count;
    mt_free(inner);
    return code;
}
