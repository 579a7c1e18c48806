#include "prefix/radix/radix.h"

#include "prefix/block/check.h"
#include "prefix/radix/state.h"

#include <stdio.h>

mt_radix *mt_radix_new(uint64_t block_size, int raw, mt_error *error) {
    mt_radix *radix = mt_new(sizeof *radix, "radix tree", error);
    if (!radix)
        return NULL;
    radix->block_size = block_size;
    if (raw)
        radix->raw = mt_parents_new(error);
    else
        radix->tree = mt_prefix_tree_new(error);
    if (radix->raw || radix->tree)
        return radix;
    mt_radix_free(radix);
    return NULL;
}

static void free_building(mt_radix *radix) {
    mt_prefix_tree_free(radix->tree);
    mt_parents_free(radix->raw);
    radix->tree = NULL;
    radix->raw = NULL;
    mt_big_free(&radix->visited);
    mt_big_free(&radix->ends);
    mt_free(radix->path);
    radix->path = NULL;
}

void mt_radix_free(mt_radix *radix) {
    if (!radix)
        return;
    free_building(radix);
    mt_big_free(&radix->remainders);
    mt_big_free(&radix->pathless_input);
    mt_big_free(&radix->outputs);
    mt_big_free(&radix->nodes);
    mt_big_free(&radix->children);
    mt_big_free(&radix->tails);
    mt_big_free(&radix->stops);
    mt_big_free(&radix->raw_ids);
    mt_big_free(&radix->by_id);
    mt_free(radix);
}

/* ---- building ---- */

static mt_code make_room(mt_radix *radix, size_t blocks, mt_error *error) {
    size_t before = radix->raw ? mt_parents_count(radix->raw) : mt_prefix_tree_count(radix->tree);
    size_t by_block, lengths = radix->paths + radix->pathless + 1;
    if (lengths >= UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many requests for one tree");
    if (blocks > UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many blocks for one tree");
    by_block = (before + blocks) * sizeof(uint32_t);
    if (mt_big_reserve(&radix->visited, by_block) || mt_big_reserve(&radix->ends, by_block) ||
        MT_GROW(radix->path, radix->path_capacity, blocks))
        return mt_fail_memory(error, "radix tree");
    if (radix->block_size == 0)
        return MT_OK;
    size_t bytes = lengths * sizeof(uint64_t);
    if (mt_big_reserve(&radix->outputs, bytes) ||
        mt_big_reserve(blocks > 0 ? &radix->remainders : &radix->pathless_input, bytes))
        return mt_fail_memory(error, "radix tree");
    return MT_OK;
}

enum { NAME_SIZE = 32 };

/* "3"; "the root". */
static const char *name_of(int has_id, uint64_t id, char *name) {
    snprintf(name, NAME_SIZE, "%llu", (unsigned long long)id);
    return has_id ? name : "the root";
}

static mt_code find_raw_path(mt_radix *radix, const mt_request *request, mt_error *error) {
    mt_parents_conflict found;
    size_t conflicts;
    char id[NAME_SIZE], before[NAME_SIZE], now[NAME_SIZE];
    for (size_t i = 0; i < request->hash_count; i++)
        if (request->hash_ids[i] == UINT64_MAX)
            return mt_fail_at(error, MT_ERROR_INPUT, "", request->line, 0,
                              "id %s is too large: it stands for the root",
                              name_of(1, UINT64_MAX, id));
    mt_code code = mt_parents_add(radix->raw, request->hash_ids, request->hash_count, request->line,
                                  radix->path, &conflicts, &found, error);
    if (code == MT_OK && conflicts > 0)
        code = mt_fail_at(error, MT_ERROR_INPUT, "", request->line, 0,
                          "id %s has two parents, %s and %s", name_of(1, found.id, id),
                          name_of(found.has_before, found.before, before),
                          name_of(found.has_now, found.now, now));
    return code;
}

static mt_code find_path(mt_radix *radix, const mt_request *request, mt_error *error) {
    size_t known;
    if (radix->raw)
        return find_raw_path(radix, request, error);
    return mt_prefix_tree_add(radix->tree, request->hash_ids, request->hash_count, radix->path,
                              &known, error);
}

static void count_visits(mt_radix *radix, size_t blocks) {
    uint32_t *visited = radix->visited.data, *ends = radix->ends.data;
    for (size_t i = 0; i < blocks; i++)
        visited[radix->path[i]]++;
    ends[radix->path[blocks - 1]]++;
}

static void keep_lengths(mt_radix *radix, const mt_request *request, size_t blocks) {
    ((uint64_t *)radix->outputs.data)[radix->paths + radix->pathless] = request->output_length;
    if (blocks > 0)
        ((uint64_t *)radix->remainders.data)[radix->paths] =
            request->input_length - (blocks - 1) * radix->block_size;
    else
        ((uint64_t *)radix->pathless_input.data)[radix->pathless] = request->input_length;
}

mt_code mt_radix_add(mt_radix *radix, const mt_request *request, mt_error *error) {
    mt_code code = MT_OK;
    if (radix->is_finished)
        return mt_fail(error, MT_ERROR_VALUE, "the tree is finished");
    if (radix->block_size > 0)
        code = mt_check_request(request, radix->block_size, 1, "the synthesis", error);
    size_t blocks = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0;
    if (code || (code = make_room(radix, blocks, error)))
        return code;
    if (blocks > 0) {
        if ((code = find_path(radix, request, error)))
            return code;
        count_visits(radix, blocks);
    }
    if (radix->block_size > 0)
        keep_lengths(radix, request, blocks);
    if (blocks > 0)
        radix->paths++;
    else
        radix->pathless++;
    return MT_OK;
}

mt_code mt_radix_finish(mt_radix *radix, mt_error *error) {
    if (radix->is_finished)
        return mt_fail(error, MT_ERROR_VALUE, "the tree is finished");
    if (radix->block_size > 0 && mt_radix_requests(radix) == 0)
        return mt_fail(error, MT_ERROR_INPUT, "no requests");
    if (radix->raw)
        mt_parents_seal(radix->raw);
    else
        mt_prefix_tree_seal(radix->tree);
    mt_code code = mt_radix_contract(radix, error);
    if (code)
        return code;
    free_building(radix);
    radix->is_finished = 1;
    return mt_radix_check(radix, error);
}

/* ---- the finished tree ---- */

const mt_radix_node *mt_radix_nodes(const mt_radix *radix, size_t *count) {
    *count = radix->node_count;
    return radix->nodes.data;
}

const uint32_t *mt_radix_children(const mt_radix *radix, uint32_t node, size_t *count) {
    const mt_radix_node *nodes = radix->nodes.data;
    *count = nodes[node + 1].children_from - nodes[node].children_from;
    return (const uint32_t *)radix->children.data + nodes[node].children_from;
}

uint64_t mt_radix_id(const mt_radix *radix, uint32_t node) {
    if (node == 0)
        return MT_RADIX_ROOT_ID;
    if (radix->raw_ids.data)
        return ((const uint64_t *)radix->raw_ids.data)[node];
    return ((const mt_radix_node *)radix->nodes.data)[node].block;
}

/* Node number `place` in the order of ids: prefix ids have that of the nodes. */
static uint32_t node_in_order(const mt_radix *radix, uint32_t place) {
    return radix->by_id.data ? ((const uint32_t *)radix->by_id.data)[place] : place;
}

uint32_t mt_radix_find(const mt_radix *radix, uint64_t id) {
    uint32_t low = 1, high = radix->node_count;
    if (id == MT_RADIX_ROOT_ID)
        return 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mt_radix_id(radix, node_in_order(radix, middle)) < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == radix->node_count || mt_radix_id(radix, node_in_order(radix, low)) != id)
        return MT_RADIX_NO_NODE;
    return node_in_order(radix, low);
}

const uint32_t *mt_radix_leaf_lengths(const mt_radix *radix, size_t *count) {
    *count = radix->tail_count;
    return radix->tails.data;
}

uint32_t mt_radix_depth(const mt_radix *radix) {
    return radix->depth;
}

uint64_t mt_radix_requests(const mt_radix *radix) {
    return radix->paths + radix->pathless;
}

mt_code mt_radix_check(const mt_radix *radix, mt_error *error) {
    const mt_radix_node *nodes = radix->nodes.data;
    const uint32_t *children = radix->children.data;
    for (uint32_t n = 0; n < radix->node_count; n++) {
        uint64_t left = (uint64_t)nodes[n].to_leaf + nodes[n].end;
        for (uint32_t c = nodes[n].children_from; c < nodes[n + 1].children_from; c++)
            left += nodes[children[c]].visited;
        if (left != nodes[n].visited)
            return mt_fail(error, MT_ERROR_VALUE,
                           "node %lld: %u requests came, but %llu ended or went on",
                           n == 0 ? -1LL : (long long)mt_radix_id(radix, n), nodes[n].visited,
                           (unsigned long long)left);
    }
    return MT_OK;
}
