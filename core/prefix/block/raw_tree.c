#include "prefix/block/raw_tree.h"

#include "base/memory.h"
#include "hash/ids.h"
#include "prefix/block/tree.h"

#include <stdio.h>

struct mt_raw_tree {
    uint32_t count;
    mt_ids *numbers; /* by the id alone */
    mt_big parents;  /* uint32_t */
    mt_big ids;      /* uint64_t */
    mt_key *keys;    /* of the request being added */
    uint64_t *found;
    size_t key_capacity, found_capacity;
};

#define BLOCKS_LIMIT (UINT32_MAX - 1)

mt_raw_tree *mt_raw_tree_new(mt_error *error) {
    mt_raw_tree *tree = mt_allocate_zero(1, sizeof *tree);
    if (!tree) {
        mt_fail_memory(error, "raw tree");
        return NULL;
    }
    tree->numbers = mt_ids_new(0, error);
    if (!tree->numbers) {
        mt_raw_tree_free(tree);
        return NULL;
    }
    return tree;
}

void mt_raw_tree_seal(mt_raw_tree *tree) {
    mt_ids_free(tree->numbers);
    mt_free(tree->keys);
    mt_free(tree->found);
    tree->numbers = NULL;
    tree->keys = NULL;
    tree->found = NULL;
    tree->key_capacity = tree->found_capacity = 0;
}

void mt_raw_tree_free(mt_raw_tree *tree) {
    if (!tree)
        return;
    mt_raw_tree_seal(tree);
    mt_big_free(&tree->parents);
    mt_big_free(&tree->ids);
    mt_free(tree);
}

uint32_t mt_raw_tree_count(const mt_raw_tree *tree) {
    return tree->count;
}

const uint32_t *mt_raw_tree_parents(const mt_raw_tree *tree) {
    return tree->parents.data;
}

const uint64_t *mt_raw_tree_ids(const mt_raw_tree *tree) {
    return tree->ids.data;
}

static mt_code make_room(mt_raw_tree *tree, size_t blocks, mt_error *error) {
    if (blocks > BLOCKS_LIMIT - tree->count)
        return mt_fail(error, MT_ERROR_VALUE, "too many blocks for one tree");
    size_t most = tree->count + blocks;
    if (mt_big_reserve(&tree->parents, most * sizeof(uint32_t)) ||
        mt_big_reserve(&tree->ids, most * sizeof(uint64_t)) ||
        MT_GROW(tree->keys, tree->key_capacity, blocks) ||
        MT_GROW(tree->found, tree->found_capacity, blocks))
        return mt_fail_memory(error, "raw tree");
    return MT_OK;
}

enum { NAME_SIZE = 32 };

/* "3"; "the root". */
static const char *name_of(const mt_raw_tree *tree, uint32_t block, char *name) {
    const uint64_t *ids = tree->ids.data;
    if (block == MT_NO_BLOCK)
        return "the root";
    snprintf(name, NAME_SIZE, "%llu", (unsigned long long)ids[block]);
    return name;
}

static mt_code fail_two_parents(const mt_raw_tree *tree, uint32_t block, uint32_t other,
                                uint64_t line, mt_error *error) {
    char name[NAME_SIZE], first[NAME_SIZE], second[NAME_SIZE];
    const uint32_t *parents = tree->parents.data;
    return mt_fail_at(error, MT_ERROR_INPUT, "", line, 0, "id %s has two parents, %s and %s",
                      name_of(tree, block, name), name_of(tree, parents[block], first),
                      name_of(tree, other, second));
}

mt_code mt_raw_tree_add(mt_raw_tree *tree, const uint64_t *hash_ids, size_t count, uint64_t line,
                        uint32_t *blocks, mt_error *error) {
    mt_code code = make_room(tree, count, error);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++) {
        if (hash_ids[i] == UINT64_MAX)
            return mt_fail_at(error, MT_ERROR_INPUT, "", line, 0,
                              "id %llu is too large: it stands for the root",
                              (unsigned long long)UINT64_MAX);
        tree->keys[i] = mt_key_number((mt_key){0, 0}, hash_ids[i]);
    }
    if ((code = mt_ids_of(tree->numbers, tree->keys, count, tree->found, error)))
        return code;
    uint32_t *parents = tree->parents.data;
    uint64_t *ids = tree->ids.data;
    uint32_t parent = MT_NO_BLOCK;
    for (size_t i = 0; i < count; i++) {
        uint32_t block = (uint32_t)tree->found[i];
        if (block == tree->count) {
            parents[block] = parent;
            ids[block] = hash_ids[i];
            tree->count++;
        } else if (parents[block] != parent) {
            return fail_two_parents(tree, block, parent, line, error);
        }
        blocks[i] = parent = block;
    }
    return MT_OK;
}
