#include "prefix/reuse/history.h"

#include "base/assert.h"
#include "base/memory.h"
#include "prefix/reuse/lanes.h"

#include <string.h>

enum {
    NEAR = 32,              /* slots of a group */
    FAR = 1024,             /* slots of a larger one */
    LEAST_FORGOTTEN = 4096, /* slots: fewer are not worth the walk through all of them */
};

void mt_reuse_history_begin(mt_reuse_history *history) {
    history->free_nodes = MT_NO_NODE;
    history->forget_at = 2 * LEAST_FORGOTTEN;
}

void mt_reuse_history_free(mt_reuse_history *history) {
    mt_free(history->nodes);
    mt_free(history->slots);
    mt_free(history->parts.sums);
    mt_free(history->near);
    mt_free(history->far);
}

/* ---- distances ---- */

/* Grows every cache's content by the last slot, and lets go of the slots it has no room for. */
static void grow_caches(mt_reuse_history *history, uint32_t blocks) {
    for (int j = 0; j < MT_REUSE_SIZES; j++) {
        history->held[j] += blocks;
        while (history->held[j] > history->sizes[j]) {
            const mt_reuse_slot *slot = &history->slots[history->oldest[j]++];
            history->held[j] -= slot->length - slot->low;
        }
        mt_assert(history->oldest[j] == history->slot_count ||
                  history->held[j] == mt_parts_distance(&history->parts, history->oldest[j]));
    }
}

/* `blocks` of the slot's own part become somebody else's. */
static void take_away(mt_reuse_history *history, uint32_t slot, uint32_t blocks) {
    mt_parts_take(&history->parts, slot, blocks);
    for (int j = MT_REUSE_SIZES; j-- > 0 && slot >= history->oldest[j];)
        history->held[j] -= blocks;
}

/* ---- looking ---- */

/* The node that block depth - 1 is in, of the prefix that ends in `node`. */
static uint32_t node_at(const mt_reuse_history *history, uint32_t node, uint32_t depth) {
    while (history->nodes[node].begin >= depth)
        node = history->nodes[node].parent;
    return node;
}

uint32_t mt_reuse_owner(const mt_reuse_history *history, uint32_t node, uint32_t depth) {
    if (node == MT_NO_NODE || history->nodes[node].owner == MT_NO_SLOT)
        return MT_NO_SLOT;
    return history->nodes[node_at(history, node, depth)].owner;
}

/* Raises hits to `blocks` where the slot is still held. Numbers above 0 are in the order of their
 * bits. */
static void raise_hits(const mt_reuse_history *history, uint32_t slot, float blocks, float *hits) {
    const mt_lane_bits here = {(int32_t)slot, (int32_t)slot, (int32_t)slot, (int32_t)slot};
    const mt_lanes depth = {blocks, blocks, blocks, blocks};
    for (int j = 0; j < MT_REUSE_SIZES; j += MT_LANES) {
        mt_lane_bits before = mt_lane_bits_of(&hits[j]);
        mt_lane_bits held = mt_lane_bits_of(&history->oldest[j]) <= here;
        mt_lane_bits now = held & (mt_lane_bits)depth;
        mt_lane_bits lower = now > before;
        now = (now & lower) | (before & ~lower);
        memcpy(&hits[j], &now, sizeof now);
    }
}

void mt_reuse_hits(const mt_reuse_history *history, uint32_t slot, uint32_t depth,
                   float hits[MT_REUSE_SIZES]) {
    memset(hits, 0, MT_REUSE_SIZES * sizeof *hits);
    while (depth > 0) {
        raise_hits(history, slot, (float)depth, hits);
        uint32_t top = history->slots[slot].top;
        if (top == MT_NO_NODE || history->oldest[0] <= slot)
            return;
        depth = history->slots[slot].low;
        slot = history->nodes[top].owner;
    }
}

uint32_t mt_reuse_first_return(const mt_reuse_history *history, uint32_t slot, uint32_t depth) {
    uint32_t blocks = 0;
    for (uint32_t node = node_at(history, history->slots[slot].node, depth);
         node != MT_NO_NODE && history->nodes[node].visits == 1;
         node = history->nodes[node].parent) {
        const mt_reuse_node *here = &history->nodes[node];
        blocks += (here->end < depth ? here->end : depth) - here->begin;
    }
    return blocks;
}

static int reaches(const mt_reuse_reach *reach, uint32_t depth) {
    return reach->low < depth && depth <= reach->core;
}

static const mt_reuse_reach nowhere = {UINT32_MAX, 0};

static void widen(mt_reuse_reach *reach, mt_reuse_reach by) {
    if (by.low >= by.core)
        return;
    reach->low = by.low < reach->low ? by.low : reach->low;
    reach->core = by.core > reach->core ? by.core : reach->core;
}

static mt_reuse_reach reach_of(const mt_reuse_slot *slot) {
    return (mt_reuse_reach){slot->low, slot->core};
}

/* A group's reach as it is now: between two looks it only shrinks. */
static void look_at_near(mt_reuse_history *history, uint32_t group) {
    mt_reuse_reach reach = nowhere;
    for (uint32_t s = group * NEAR; s < (group + 1) * NEAR && s < history->slot_count; s++)
        widen(&reach, reach_of(&history->slots[s]));
    history->near[group] = reach;
}

static void look_at_far(mt_reuse_history *history, uint32_t group) {
    mt_reuse_reach reach = nowhere;
    enum { GROUPS = FAR / NEAR };
    for (uint32_t g = group * GROUPS; g < (group + 1) * GROUPS && g * NEAR < history->slot_count;
         g++)
        widen(&reach, history->near[g]);
    history->far[group] = reach;
}

/* Within the slots [begin, end) of one group of NEAR, from its edge or from the middle. */
static uint32_t find_in_near(mt_reuse_history *history, int64_t at, int step, uint32_t depth) {
    uint32_t group = (uint32_t)at / NEAR;
    int whole = step > 0 ? at % NEAR == 0 : at % NEAR == NEAR - 1;
    if (!reaches(&history->near[group], depth))
        return MT_NO_SLOT;
    for (; at >= 0 && at < history->slot_count && (uint32_t)at / NEAR == group; at += step)
        if (history->slots[at].low < depth && depth <= history->slots[at].core)
            return (uint32_t)at;
    if (whole)
        look_at_near(history, group);
    return MT_NO_SLOT;
}

/* The first slot after those of the group of `size` that `at` is in, in that direction. */
static int64_t beyond_group(int64_t at, int step, int64_t size) {
    return step > 0 ? (at / size + 1) * size : at / size * size - 1;
}

/* The next slot from `at` on, in direction `step` (1 or -1), that owns block depth - 1 and may have
 * it come back; MT_NO_SLOT at the end. */
static uint32_t next_owner(mt_reuse_history *history, int64_t at, int step, uint32_t depth) {
    while (at >= 0 && at < history->slot_count) {
        uint32_t group = (uint32_t)at / FAR;
        int whole = step > 0 ? at % FAR == 0 : at % FAR == FAR - 1;
        int64_t next = beyond_group(at, step, FAR);
        if (reaches(&history->far[group], depth)) {
            for (; at != next && at >= 0 && at < history->slot_count;
                 at = beyond_group(at, step, NEAR)) {
                uint32_t slot = find_in_near(history, at, step, depth);
                if (slot != MT_NO_SLOT)
                    return slot;
            }
            if (whole)
                look_at_far(history, group);
        }
        at = next;
    }
    return MT_NO_SLOT;
}

uint32_t mt_reuse_nearest(mt_reuse_history *history, uint32_t around, uint32_t depth, uint32_t most,
                          uint32_t *found) {
    uint32_t count = 0;
    uint32_t older = next_owner(history, around, -1, depth);
    uint32_t newer = next_owner(history, (int64_t)around + 1, 1, depth);
    while (count < most && (older != MT_NO_SLOT || newer != MT_NO_SLOT)) {
        int take_older =
            newer == MT_NO_SLOT || (older != MT_NO_SLOT && around - older <= newer - around);
        if (take_older) {
            found[count++] = older;
            older = next_owner(history, (int64_t)older - 1, -1, depth);
        } else {
            found[count++] = newer;
            newer = next_owner(history, (int64_t)newer + 1, 1, depth);
        }
    }
    return count;
}

/* ---- placing ---- */

static mt_code new_node(mt_reuse_history *history, mt_reuse_node node, uint32_t *number,
                        mt_error *error) {
    if (history->free_nodes != MT_NO_NODE) {
        *number = history->free_nodes;
        history->free_nodes = history->nodes[*number].parent;
    } else {
        if (history->node_count == MT_NO_NODE - 1 ||
            MT_GROW(history->nodes, history->node_capacity, (size_t)history->node_count + 1))
            return mt_fail_memory(error, "history of requests");
        *number = history->node_count++;
    }
    history->nodes[*number] = node;
    return MT_OK;
}

/* The node that ends at `depth` on the slot's path: what goes further is split off. */
static mt_code split_at(mt_reuse_history *history, uint32_t slot, uint32_t depth, uint32_t *number,
                        mt_error *error) {
    uint32_t lower = node_at(history, history->slots[slot].node, depth);
    *number = lower;
    if (history->nodes[lower].end == depth)
        return MT_OK;
    mt_reuse_node upper = history->nodes[lower];
    upper.end = depth;
    mt_code code = new_node(history, upper, number, error);
    if (code)
        return code;
    mt_reuse_node *rest = &history->nodes[lower]; /* keeps its number: paths end in it */
    rest->first_id += depth - rest->begin;
    rest->begin = depth;
    rest->parent = *number;
    return MT_OK;
}

/* The path that ends in `node`, at depth `end`, becomes the new slot's. */
static void touch(mt_reuse_history *history, uint32_t node, uint32_t end, uint32_t new_slot) {
    for (uint32_t at = node; at != MT_NO_NODE;) {
        uint32_t owner = history->nodes[at].owner;
        mt_reuse_slot *slot = &history->slots[owner];
        uint32_t before = slot->top, begin = slot->low;
        mt_assert(begin < end && end <= slot->length);
        take_away(history, owner, end - begin);
        slot->low = end;
        slot->top = at;
        end = begin;
        at = before;
    }
    for (uint32_t at = node; at != MT_NO_NODE; at = history->nodes[at].parent) {
        history->nodes[at].owner = new_slot;
        history->nodes[at].visits++;
    }
}

static void write_ids(const mt_reuse_history *history, uint32_t node, uint64_t *ids) {
    for (uint32_t at = node; at != MT_NO_NODE; at = history->nodes[at].parent) {
        const mt_reuse_node *here = &history->nodes[at];
        uint64_t id = here->first_id;
        for (uint32_t depth = here->begin; depth < here->end; depth++)
            ids[depth] = id++;
    }
}

/* Makes slot s known to its groups, which are begun by their first slot. */
static void join_groups(mt_reuse_history *history, uint32_t s) {
    if (s % NEAR == 0)
        history->near[s / NEAR] = nowhere;
    if (s % FAR == 0)
        history->far[s / FAR] = nowhere;
    widen(&history->near[s / NEAR], reach_of(&history->slots[s]));
    widen(&history->far[s / FAR], reach_of(&history->slots[s]));
}

static mt_code make_room(mt_reuse_history *history, mt_error *error) {
    size_t slots = (size_t)history->slot_count + 1;
    if (slots > INT32_MAX || MT_GROW(history->slots, history->slot_capacity, slots) ||
        mt_parts_reserve(&history->parts) ||
        MT_GROW(history->near, history->near_capacity, slots / NEAR + 1) ||
        MT_GROW(history->far, history->far_capacity, slots / FAR + 1))
        return mt_fail_memory(error, "history of requests");
    return MT_OK;
}

mt_code mt_reuse_place(mt_reuse_history *history, uint32_t from, uint32_t shared,
                       uint32_t returning, uint32_t unique, uint64_t *next_id, uint64_t *ids,
                       mt_error *error) {
    uint32_t node = MT_NO_NODE, me = history->slot_count;
    mt_assert(shared == 0 || /* `from` owns block shared - 1, which may come back */
              (history->slots[from].low < shared && shared <= history->slots[from].core));
    mt_code code = make_room(history, error);
    if (code == MT_OK && shared > 0)
        code = split_at(history, from, shared, &node, error);
    if (code)
        return code;
    touch(history, node, shared, me);
    write_ids(history, node, ids);
    if (returning > 0 && (code = new_node(history,
                                          (mt_reuse_node){.first_id = *next_id,
                                                          .parent = node,
                                                          .begin = shared,
                                                          .end = shared + returning,
                                                          .owner = me,
                                                          .visits = 1},
                                          &node, error)))
        return code;
    uint32_t length = shared + returning + unique;
    for (uint32_t depth = shared; depth < length; depth++)
        ids[depth] = (*next_id)++;
    history->slots[me] = (mt_reuse_slot){.node = node,
                                         .top = MT_NO_NODE,
                                         .core = shared + returning,
                                         .length = length,
                                         .claim = UINT32_MAX};
    history->slot_count++;
    join_groups(history, me);
    mt_parts_append(&history->parts, length);
    grow_caches(history, length);
    return MT_OK;
}

/* ---- forgetting ---- */

/* Gives every slot its new place: those in reach of `keep` that still have a part of their own. */
static uint32_t number_anew(const mt_reuse_history *history, uint32_t *moved) {
    uint32_t oldest = history->slot_count, kept = 0;
    uint64_t distance = 0;
    while (oldest > 0) {
        const mt_reuse_slot *slot = &history->slots[oldest - 1];
        if (distance + slot->length - slot->low > history->keep)
            break;
        distance += slot->length - slot->low;
        oldest--;
    }
    for (uint32_t s = 0; s < history->slot_count; s++) {
        int stays = s >= oldest && history->slots[s].low < history->slots[s].length;
        moved[s] = stays ? kept++ : MT_NO_SLOT;
    }
    return kept;
}

void mt_reuse_forget(mt_reuse_history *history, uint32_t *moved) {
    uint32_t before = history->slot_count;
    uint32_t kept = number_anew(history, moved);
    for (uint32_t n = 0; n < history->node_count; n++) {
        mt_reuse_node *node = &history->nodes[n];
        if (node->owner == MT_NO_SLOT)
            continue;
        node->owner = moved[node->owner];
        if (node->owner == MT_NO_SLOT) {
            node->parent = history->free_nodes;
            history->free_nodes = n;
        }
    }
    for (int j = 0; j < MT_REUSE_SIZES; j++) { /* a slot that is gone had nothing in reach */
        uint32_t oldest = history->oldest[j];
        while (oldest < before && moved[oldest] == MT_NO_SLOT)
            oldest++;
        history->oldest[j] = oldest < before ? moved[oldest] : kept;
    }
    history->parts.total = history->parts.count = 0;
    history->slot_count = 0;
    for (uint32_t s = 0; s < before; s++) {
        if (moved[s] == MT_NO_SLOT)
            continue;
        mt_reuse_slot slot = history->slots[s];
        history->slots[moved[s]] = slot;
        join_groups(history, moved[s]);
        history->slot_count = moved[s] + 1;
        mt_parts_append(&history->parts, slot.length - slot.low);
    }
    mt_assert(history->slot_count == kept && history->parts.count == kept);
    mt_assert(history->parts.total <= history->keep);
    history->forget_at = 2 * (kept > LEAST_FORGOTTEN ? kept : LEAST_FORGOTTEN);
}
