#include "prefix/block/tree.h"

#include "base/memory.h"
#include "hash/ids.h"

struct mt_prefix_tree {
    uint32_t count;
    mt_big parents; /* uint32_t */
    mt_ids *ids;    /* NULL as long as the trace's ids are the blocks' numbers */
    mt_key *keys;   /* of the request being added */
    uint64_t *numbers;
    size_t key_capacity, number_capacity;
};

#define BLOCKS_LIMIT (UINT32_MAX - 1)

mt_prefix_tree *mt_prefix_tree_new(mt_error *error) {
    mt_prefix_tree *tree = mt_allocate_zero(1, sizeof *tree);
    if (!tree)
        mt_fail_memory(error, "prefix tree");
    return tree;
}

void mt_prefix_tree_seal(mt_prefix_tree *tree) {
    mt_ids_free(tree->ids);
    mt_free(tree->keys);
    mt_free(tree->numbers);
    tree->ids = NULL;
    tree->keys = NULL;
    tree->numbers = NULL;
    tree->key_capacity = tree->number_capacity = 0;
}

void mt_prefix_tree_free(mt_prefix_tree *tree) {
    if (!tree)
        return;
    mt_prefix_tree_seal(tree);
    mt_big_free(&tree->parents);
    mt_free(tree);
}

uint32_t mt_prefix_tree_count(const mt_prefix_tree *tree) {
    return tree->count;
}

const uint32_t *mt_prefix_tree_parents(const mt_prefix_tree *tree) {
    return tree->parents.data;
}

static mt_code make_room(mt_prefix_tree *tree, size_t blocks, mt_error *error) {
    if (blocks > BLOCKS_LIMIT - tree->count)
        return mt_fail(error, MT_ERROR_VALUE, "too many blocks for one tree");
    size_t bytes = (tree->count + blocks) * sizeof(uint32_t);
    if (mt_big_reserve(&tree->parents, bytes) || MT_GROW(tree->keys, tree->key_capacity, blocks) ||
        MT_GROW(tree->numbers, tree->number_capacity, blocks))
        return mt_fail_memory(error, "prefix tree");
    return MT_OK;
}

/* Takes the ids as blocks' numbers. 0 and nothing added when they are not. */
static int add_plain(mt_prefix_tree *tree, const uint64_t *hash_ids, size_t count, uint32_t *blocks,
                     size_t *known) {
    uint32_t *parents = tree->parents.data;
    uint32_t parent = MT_NO_BLOCK;
    size_t i = 0;
    for (; i < count && hash_ids[i] < tree->count; i++) {
        uint32_t block = (uint32_t)hash_ids[i];
        if (parents[block] != parent)
            return 0;
        blocks[i] = parent = block;
    }
    for (size_t k = i; k < count; k++)
        if (hash_ids[k] != tree->count + (k - i))
            return 0;
    *known = i;
    for (; i < count; i++) {
        blocks[i] = tree->count++;
        parents[blocks[i]] = parent;
        parent = blocks[i];
    }
    return 1;
}

enum { BATCH = 4096 }; /* keys entered at once */

/* Enters all blocks there are, whose numbers are their ids, into the table of keys. */
static mt_code enter_all(mt_prefix_tree *tree, mt_key *keys, uint64_t *numbers, mt_error *error) {
    const uint32_t *parents = tree->parents.data;
    mt_code code = MT_OK;
    for (uint32_t b = 0; b < tree->count; b++)
        keys[b] = mt_key_number(parents[b] == MT_NO_BLOCK ? (mt_key){0, 0} : keys[parents[b]], b);
    for (size_t b = 0; code == MT_OK && b < tree->count; b += BATCH) {
        size_t left = tree->count - b;
        code = mt_ids_of(tree->ids, keys + b, left < BATCH ? left : BATCH, numbers, error);
    }
    return code;
}

static mt_code begin_hashing(mt_prefix_tree *tree, mt_error *error) {
    mt_code code = MT_OK;
    mt_big keys = {0};
    uint64_t *numbers = mt_allocate(BATCH, sizeof *numbers);
    if (!numbers || mt_big_reserve(&keys, tree->count * sizeof(mt_key)))
        code = mt_fail_memory(error, "prefix tree");
    else if (!(tree->ids = mt_ids_new(tree->count, error)))
        code = MT_ERROR_MEMORY;
    else
        code = enter_all(tree, keys.data, numbers, error);
    mt_big_free(&keys);
    mt_free(numbers);
    return code;
}

static mt_code add_hashed(mt_prefix_tree *tree, const uint64_t *hash_ids, size_t count,
                          uint32_t *blocks, size_t *known, mt_error *error) {
    mt_key key = {0, 0};
    for (size_t i = 0; i < count; i++)
        tree->keys[i] = key = mt_key_number(key, hash_ids[i]);
    mt_code code = mt_ids_of(tree->ids, tree->keys, count, tree->numbers, error);
    if (code)
        return code;
    uint32_t *parents = tree->parents.data;
    uint32_t before = tree->count;
    *known = 0;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = (uint32_t)tree->numbers[i];
        if (blocks[i] < before) {
            *known = i + 1;
        } else {
            parents[blocks[i]] = i > 0 ? blocks[i - 1] : MT_NO_BLOCK;
            tree->count++;
        }
    }
    return MT_OK;
}

mt_code mt_prefix_tree_add(mt_prefix_tree *tree, const uint64_t *hash_ids, size_t count,
                           uint32_t *blocks, size_t *known, mt_error *error) {
    *known = 0;
    if (count == 0)
        return MT_OK;
    mt_code code = make_room(tree, count, error);
    if (code)
        return code;
    if (!tree->ids) {
        if (add_plain(tree, hash_ids, count, blocks, known))
            return MT_OK;
        if ((code = begin_hashing(tree, error)))
            return code;
    }
    return add_hashed(tree, hash_ids, count, blocks, known, error);
}
