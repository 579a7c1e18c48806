#include "prefix/block/tree.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/run.h"
#include "hash/ids.h"
#include "prefix/block/numbering.h"

struct mt_prefix_tree {
    uint32_t count, runs;
    mt_big words;            /* mt_tree_word by block / 64 */
    mt_big of_runs;          /* uint32_t by run */
    mt_numbering *numbering; /* of ids that are not their blocks' numbers; NULL else */
    mt_ids *keys;            /* NULL as long as each id stands for one block */
};

mt_prefix_tree *mt_prefix_tree_new(mt_error *error) {
    return mt_new(sizeof(mt_prefix_tree), "prefix tree", error);
}

void mt_prefix_tree_seal(mt_prefix_tree *tree) {
    mt_numbering_free(tree->numbering);
    tree->numbering = NULL;
    mt_ids_free(tree->keys);
    tree->keys = NULL;
}

void mt_prefix_tree_free(mt_prefix_tree *tree) {
    if (!tree)
        return;
    mt_prefix_tree_seal(tree);
    mt_big_free(&tree->words);
    mt_big_free(&tree->of_runs);
    mt_free(tree);
}

uint32_t mt_prefix_tree_count(const mt_prefix_tree *tree) {
    return tree->count;
}

int mt_prefix_tree_is_plain(const mt_prefix_tree *tree) {
    return !tree->numbering && !tree->keys;
}

mt_tree_parents mt_prefix_tree_parents(const mt_prefix_tree *tree) {
    return (mt_tree_parents){tree->words.data, tree->of_runs.data};
}

static mt_code make_room(mt_prefix_tree *tree, size_t blocks, mt_error *error) {
    if (blocks > MT_TREE_LIMIT - tree->count)
        return mt_fail(error, MT_ERROR_VALUE, "too many blocks for one tree");
    if (mt_big_reserve(&tree->words, ((tree->count + blocks) / 64 + 1) * sizeof(mt_tree_word)) ||
        mt_big_reserve(&tree->of_runs, ((size_t)tree->runs + 1) * sizeof(uint32_t)))
        return mt_fail_memory(error, "prefix tree");
    return MT_OK;
}

/* So many new blocks, at least one, the first after `parent`. */
static void add_run(mt_prefix_tree *tree, uint32_t parent, uint32_t blocks) {
    mt_tree_word *words = tree->words.data;
    uint32_t first = tree->count, last = first + (blocks - 1);
    if (first % 64 == 0)
        words[first / 64].before = tree->runs;
    words[first / 64].begins |= UINT64_C(1) << first % 64;
    ((uint32_t *)tree->of_runs.data)[tree->runs++] = parent;
    for (uint32_t word = first / 64 + 1; word <= last / 64; word++)
        words[word].before = tree->runs;
    tree->count += blocks;
}

/* 0 where each of the blocks behind `first` up to `last` has the one before it as parent. */
static uint32_t other_parents(mt_tree_parents parents, uint32_t first, uint32_t last) {
    uint32_t differing = 0;
    for (uint32_t at = first + 1, next; at <= last; at = next) {
        uint32_t bit = at % 64, left = last - at;
        uint64_t begins = parents.words[at / 64].begins >> bit;
        next = left < 63 - bit ? last + 1 : at + (64 - bit);
        if (begins << (left < 63 ? 63 - left : 0) == 0)
            continue;
        for (; at < next; at++)
            differing |= mt_parent_of(parents, at) ^ (at - 1);
    }
    return differing;
}

/* Takes the ids as blocks' numbers. 0 and nothing added when they are not. */
static int add_plain(mt_prefix_tree *tree, const uint64_t *hash_ids, size_t count, uint32_t *blocks,
                     size_t *known) {
    mt_tree_parents parents = mt_prefix_tree_parents(tree);
    uint32_t before = tree->count;
    size_t here = mt_known_of_path(hash_ids, count, before);
    if (here == SIZE_MAX)
        return 0;
    uint32_t parent = MT_NO_BLOCK, differing = 0;
    for (size_t i = 0, begin; (begin = i) < here; parent = blocks[i - 1]) {
        uint32_t first = (uint32_t)hash_ids[begin];
        differing |= mt_parent_of(parents, first) ^ parent;
        for (; i < here && hash_ids[i] == first + (i - begin); i++)
            blocks[i] = first + (uint32_t)(i - begin);
        differing |= other_parents(parents, first, blocks[i - 1]);
    }
    if (differing != 0)
        return 0;
    size_t further = count - here;
    if (further > 0) {
        mt_write_run_u32(blocks + here, before, 1, further);
        add_run(tree, parent, (uint32_t)further);
    }
    *known = here;
    return 1;
}

/* Blocks that each have an id of their own. */
typedef struct paths {
    mt_tree_parents parents;
    const uint64_t *ids; /* NULL: the blocks' numbers */
} paths;

static mt_key key_of(const void *context, const mt_key *keys, uint64_t block) {
    const paths *all = context;
    uint32_t parent = mt_parent_of(all->parents, (uint32_t)block);
    return mt_key_number(parent == MT_NO_BLOCK ? (mt_key){0, 0} : keys[parent],
                         all->ids ? all->ids[block] : block);
}

/* From 2 to 3. */
static mt_code begin_keys(mt_prefix_tree *tree, mt_error *error) {
    paths all = {mt_prefix_tree_parents(tree), mt_numbering_seal(tree->numbering)};
    tree->keys = mt_ids_of_known(tree->count, key_of, &all, error);
    mt_numbering_free(tree->numbering);
    tree->numbering = NULL;
    return tree->keys ? MT_OK : mt_code_of(error);
}

static mt_code add_hashed(mt_prefix_tree *tree, const uint64_t *hash_ids, size_t count,
                          uint32_t *blocks, size_t *known, mt_error *error) {
    mt_key keys[MT_IDS_BATCH], key = {0, 0};
    uint64_t numbers[MT_IDS_BATCH];
    uint32_t before = tree->count;
    *known = 0;
    for (size_t done = 0; done < count; done += MT_IDS_BATCH) {
        size_t some = count - done < MT_IDS_BATCH ? count - done : MT_IDS_BATCH;
        for (size_t i = 0; i < some; i++)
            keys[i] = key = mt_key_number(key, hash_ids[done + i]);
        mt_code code = mt_ids_of(tree->keys, keys, some, numbers, error);
        if (code)
            return code;
        for (size_t i = done; i < done + some; i++) {
            blocks[i] = (uint32_t)numbers[i - done];
            if (blocks[i] < before) {
                mt_assert(*known == i); /* who knows a block knows those before it */
                *known = i + 1;
            } else if (i == *known) { /* and all behind it are new */
                add_run(tree, i > 0 ? blocks[i - 1] : MT_NO_BLOCK, (uint32_t)(count - i));
            }
        }
    }
    mt_assert(tree->count == mt_ids_count(tree->keys));
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
    if (tree->keys)
        return add_hashed(tree, hash_ids, count, blocks, known, error);
    if (!tree->numbering && add_plain(tree, hash_ids, count, blocks, known))
        return MT_OK;
    if (!tree->numbering && !(tree->numbering = mt_numbering_after(tree->count, error)))
        return mt_code_of(error);
    const uint64_t *numbers = mt_numbering_of(tree->numbering, hash_ids, count, error);
    if (!numbers)
        return mt_code_of(error);
    if (add_plain(tree, numbers, count, blocks, known))
        return MT_OK;
    code = begin_keys(tree, error);
    return code ? code : add_hashed(tree, hash_ids, count, blocks, known, error);
}
