/* The prefixes that most requests share. */
#include "base/interrupt.h"
#include "base/run.h"
#include "prefix/analysis/locality_state.h"

#include <string.h>

typedef struct ranking {
    const mt_locality *locality;
    mt_tree_parents parents;
    mt_shared_prefix *prefixes;
    size_t count, most;
} ranking;

static uint64_t depth_of(mt_tree_parents parents, uint32_t block) {
    uint64_t depth = 0;
    for (; block != MT_NO_BLOCK; block = mt_parent_of(parents, block))
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

/* Ranks the prefix that ends in `block`; blocks come from the last to the first, and of equal prefixes the
 * one that came first is the first. */
static void consider(ranking *list, uint32_t block, uint64_t visits) {
    size_t at = list->count;
    if (at == list->most && visits < list->prefixes[at - 1].requests)
        return;
    uint64_t depth = depth_of(list->parents, block);
    while (at > 0 &&
           (list->prefixes[at - 1].requests < visits ||
            (list->prefixes[at - 1].requests == visits && list->prefixes[at - 1].blocks <= depth)))
        at--;
    if (at == list->most)
        return;
    if (list->count < list->most)
        list->count++;
    memmove(list->prefixes + at + 1, list->prefixes + at,
            (list->count - at - 1) * sizeof *list->prefixes);
    list->prefixes[at] = (mt_shared_prefix){visits, depth, tokens_of(list->locality, block, depth)};
}

/* How often a block has to have come again to be ranked now. */
static uint32_t least_returns(const ranking *list) {
    return list->count < list->most ? 1 : (uint32_t)list->prefixes[list->count - 1].requests - 1;
}

/* Of the blocks below `end`, how many there are up to the last that has come again so often: few have. */
static uint32_t up_to_again(const uint32_t *returns, uint32_t end, uint32_t least) {
    enum { SOME = 4 };
    mt_four_u32 some, leasts = {least, least, least, least};
    for (; end >= SOME; end -= SOME) {
        memcpy(&some, returns + end - SOME, sizeof some);
        __typeof__(some >= leasts) have = some >= leasts;
        if ((have[0] | have[1] | have[2] | have[3]) != 0)
            break;
    }
    while (end > 0 && returns[end - 1] < least)
        end--;
    return end;
}

/* Ranks all prefixes. A block that has a child which as many requests have touched ends none: such are
 * marked in `inner`, a zeroed bit for each block, and children come before their parents here. Of those that
 * come too seldom to be ranked none is looked at: their parents, if as many have touched them, come too seldom too. */
static mt_code rank_all(ranking *list, uint64_t *inner, mt_error *error) {
    enum { AT_ONCE = 65536 };
    const uint32_t *returns = mt_history_returns(list->locality->history);
    uint32_t since = 0;
    for (uint32_t end = mt_prefix_tree_count(list->locality->tree); !mt_interrupted(); since = 0)
        while (since < AT_ONCE) {
            if (list->most == 0 || (end = up_to_again(returns, end, least_returns(list))) == 0)
                return MT_OK;
            uint32_t block = --end, parent = mt_parent_of(list->parents, block);
            since++;
            if (parent != MT_NO_BLOCK && returns[parent] == returns[block])
                inner[parent / 64] |= (uint64_t)1 << parent % 64;
            if (!(inner[block / 64] >> block % 64 & 1))
                consider(list, block, (uint64_t)returns[block] + 1);
        }
    return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
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
