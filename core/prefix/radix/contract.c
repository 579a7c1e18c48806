/* From blocks to the core.
 *
 * Blocks are numbered by first appearance, so the new ones of a request follow one another: a tail,
 * which one request alone visited, is a run of consecutive numbers, and so is a chain of core
 * blocks with equal visits, for all its blocks came with the first of those requests. One pass in
 * order of the blocks does everything. */
#include "prefix/radix/state.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

/* The blocks as they were counted, and where the pass is. */
typedef struct blocks {
    int is_raw;                  /* a raw tree, else a tree of prefixes: */
    const uint32_t *raw_parents; /* of the one */
    mt_tree_parents parents;     /* of the other */
    const uint32_t *visited;
    uint32_t *ends;
    uint32_t count;
} blocks;

enum { POLLED = 1 << 16 }; /* Ctrl-C is asked for once in so many blocks */

/* What a block is, beside the one before it. */
typedef enum kind { NODE, SAME_NODE, TAIL, SAME_TAIL } kind;

static uint32_t parent_of(const blocks *all, uint32_t block) {
    return all->is_raw ? all->raw_parents[block] : mt_parent_of(all->parents, block);
}

static kind kind_of(const blocks *all, uint32_t block) {
    uint32_t parent = parent_of(all, block), visited = all->visited[block];
    if (visited == 1)
        return parent != MT_NO_BLOCK && all->visited[parent] == 1 ? SAME_TAIL : TAIL;
    return parent != MT_NO_BLOCK && all->visited[parent] == visited ? SAME_NODE : NODE;
}

static mt_code make_room(mt_radix *radix, const blocks *all, mt_error *error) {
    size_t nodes = 1, tails = 0;
    mt_code code;
    for (uint32_t b = 0; b < all->count; b++) {
        if (b % POLLED == 0 && (code = mt_poll_interrupt(error)))
            return code;
        kind what = kind_of(all, b);
        nodes += what == NODE;
        tails += what == TAIL;
    }
    /* list_children writes one node further than there are ends of children. */
    if (mt_big_reserve(&radix->nodes, (nodes + 2) * sizeof(mt_radix_node)) ||
        mt_big_reserve(&radix->children, nodes * sizeof(uint32_t)) ||
        mt_big_reserve(&radix->tails, tails * sizeof(uint32_t)) ||
        mt_big_reserve(&radix->stops, radix->paths * sizeof(uint32_t)) ||
        (radix->raw && mt_big_reserve(&radix->raw_ids, nodes * sizeof(uint64_t))))
        return mt_fail_memory(error, "radix tree");
    return MT_OK;
}

/* Nodes and tails. Once a core block's ends are taken, its node is kept in their place. */
static mt_code make_nodes(mt_radix *radix, blocks *all, mt_error *error) {
    mt_radix_node *nodes = radix->nodes.data;
    uint32_t *tails = radix->tails.data, *node_of = all->ends;
    uint32_t node_count = 1;
    uint64_t tail_count = 0;
    mt_code code;
    nodes[0].block = MT_NO_BLOCK;
    nodes[0].visited = (uint32_t)radix->paths;
    for (uint32_t b = 0; b < all->count; b++) {
        if (b % POLLED == 0 && (code = mt_poll_interrupt(error)))
            return code;
        kind what = kind_of(all, b);
        if (what == SAME_TAIL) {
            tails[tail_count - 1]++;
            continue;
        }
        uint32_t parent = parent_of(all, b);
        parent = parent == MT_NO_BLOCK ? 0 : node_of[parent];
        if (what == TAIL) {
            tails[tail_count++] = 1;
            nodes[parent].to_leaf++;
            continue;
        }
        uint32_t node = what == NODE ? node_count++ : parent;
        if (what == NODE)
            nodes[node].parent = parent;
        nodes[node].block = b;
        nodes[node].length++;
        nodes[node].visited = all->visited[b];
        nodes[node].end = all->ends[b];
        node_of[b] = node;
    }
    radix->node_count = node_count;
    radix->tail_count = tail_count;
    return MT_OK;
}

/* Every node's children, and the depth of the tree. A counting sort in one array:
 *   1. nodes[n + 2].children_from counts the children of n;
 *   2. summed up, nodes[n + 1].children_from is where the children of n begin;
 *   3. filling them in advances it to where the children of n end, which is where those of n + 1
 *      begin: so in the end nodes[n].children_from is where the children of n begin. */
static void list_children(mt_radix *radix) {
    mt_radix_node *nodes = radix->nodes.data;
    uint32_t *children = radix->children.data, *depths = children;
    uint32_t count = radix->node_count;
    depths[0] = 0;
    for (uint32_t n = 1; n < count; n++) {
        mt_assert(nodes[n].parent < n); /* its depth is known */
        depths[n] = depths[nodes[n].parent] + 1;
        if (depths[n] > radix->depth)
            radix->depth = depths[n];
        nodes[nodes[n].parent + 2].children_from++;
    }
    for (uint32_t n = 1; n <= count; n++)
        nodes[n + 1].children_from += nodes[n].children_from;
    for (uint32_t n = 1; n < count; n++)
        children[nodes[nodes[n].parent + 1].children_from++] = n;
    mt_assert(nodes[0].children_from == 0 && nodes[count].children_from == count - 1);
}

static void list_stops(mt_radix *radix) {
    const mt_radix_node *nodes = radix->nodes.data;
    uint32_t *stops = radix->stops.data;
    uint64_t count = 0;
    for (uint32_t n = 0; n < radix->node_count; n++)
        for (uint32_t i = 0; i < nodes[n].end; i++)
            stops[count++] = n;
    radix->ended = count;
    for (uint32_t n = 0; n < radix->node_count; n++)
        for (uint32_t i = 0; i < nodes[n].to_leaf; i++)
            stops[count++] = n;
}

typedef struct named_node {
    uint64_t id;
    uint32_t node;
} named_node;

/* The trace's own ids of a raw tree's nodes, and their order. */
static mt_code name_nodes(mt_radix *radix, mt_error *error) {
    const mt_radix_node *nodes = radix->nodes.data;
    const uint64_t *names = mt_parents_ids(radix->raw);
    uint64_t *ids = radix->raw_ids.data;
    named_node *order = mt_allocate(radix->node_count, sizeof *order);
    if (!order || mt_big_reserve(&radix->by_id, radix->node_count * sizeof(uint32_t))) {
        mt_free(order);
        return mt_fail_memory(error, "radix tree");
    }
    order[0] = (named_node){0, 0};
    for (uint32_t n = 1; n < radix->node_count; n++) {
        ids[n] = names[nodes[n].block];
        order[n] = (named_node){ids[n], n};
    }
    qsort(order + 1, radix->node_count - 1, sizeof *order, mt_by_u64);
    uint32_t *by_id = radix->by_id.data;
    for (uint32_t n = 0; n < radix->node_count; n++)
        by_id[n] = order[n].node;
    mt_free(order);
    return MT_OK;
}

mt_code mt_radix_contract(mt_radix *radix, mt_error *error) {
    blocks all = {.visited = radix->visited.data, .ends = radix->ends.data};
    all.is_raw = radix->raw != NULL;
    all.count = radix->raw ? mt_parents_count(radix->raw) : mt_prefix_tree_count(radix->tree);
    if (radix->raw)
        all.raw_parents = mt_parents_blocks(radix->raw);
    else
        all.parents = mt_prefix_tree_parents(radix->tree);
    mt_code code;
    if ((code = make_room(radix, &all, error)) || (code = make_nodes(radix, &all, error)))
        return code;
    list_children(radix);
    list_stops(radix);
    return radix->raw ? name_nodes(radix, error) : MT_OK;
}
