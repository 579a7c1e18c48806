/* The history that synthesised requests leave behind: beside a plain list of blocks in the order of
 * their last touch, where everything is counted out. */
#include "prefix/reuse/history.h"

#include "base/memory.h"
#include "trace_support.h"
#include "sweep.h"

enum { REQUESTS = 300, LONGEST = 40, MOST = REQUESTS * 12, AROUND = 12 };

/* Requests by number, blocks by id. */
typedef struct plain {
    uint32_t count, slot[REQUESTS]; /* MT_NO_SLOT: forgotten */
    uint32_t length[REQUESTS], core[REQUESTS];
    uint64_t path[REQUESTS][LONGEST];
    uint64_t order[MOST]; /* the latest touch first */
    size_t blocks;
    uint32_t owner[MOST], visits[MOST];
} plain;

/* Sizes close together and far apart, the same one twice, up to what is kept. */
static void set_sizes(mt_reuse_history *history) {
    for (uint64_t j = 0; j < MT_REUSE_SIZES; j++)
        history->sizes[j] = 1 + j / 2 * (j / 2);
    history->keep = history->sizes[MT_REUSE_SIZES - 1] + 20;
}

static size_t place_of(const uint64_t *order, size_t count, uint64_t block) {
    size_t place = 0;
    while (place < count && order[place] != block)
        place++;
    return place;
}

/* The block's distance, 0 when it is new. */
static uint64_t touch(uint64_t *order, size_t *count, uint64_t block) {
    size_t place = place_of(order, *count, block);
    uint64_t distance = place < *count ? place + 1 : 0;
    if (distance == 0)
        ++*count;
    memmove(order + 1, order, place * sizeof *order);
    order[0] = block;
    return distance;
}

static uint64_t plain_distance(const plain *all, uint32_t request) {
    uint64_t distance = 0;
    for (size_t i = 0; i < all->blocks; i++)
        distance += all->owner[all->order[i]] >= request;
    return distance;
}

static uint32_t plain_low(const plain *all, uint32_t request) {
    uint32_t low = 0;
    while (low < all->length[request] && all->owner[all->path[request][low]] != request)
        low++;
    return low;
}

/* Blocks of the path's first `depth` that hit in a cache of each size: up to the first miss. */
static void plain_hits(const plain *all, const uint64_t *path, uint32_t depth, const uint64_t *size,
                       float *hits) {
    static uint64_t order[MOST];
    uint64_t farthest = 0;
    size_t count = all->blocks;
    memcpy(order, all->order, count * sizeof *order);
    memset(hits, 0, MT_REUSE_SIZES * sizeof *hits);
    for (uint32_t i = 0; i < depth; i++) {
        uint64_t distance = touch(order, &count, path[i]);
        farthest = distance > farthest ? distance : farthest;
        for (int j = 0; j < MT_REUSE_SIZES; j++)
            if (farthest <= size[j])
                hits[j] = (float)(i + 1);
    }
}

/* ---- comparing ---- */

static void assert_hits(const mt_reuse_history *history, const plain *all, uint32_t owner,
                        const uint64_t *path, uint32_t depth) {
    float hits[MT_REUSE_SIZES], wanted[MT_REUSE_SIZES];
    uint32_t first_return = 0;
    mt_reuse_hits(history, all->slot[owner], depth, hits);
    plain_hits(all, path, depth, history->sizes, wanted);
    for (int j = 0; j < MT_REUSE_SIZES; j++)
        assert_true(hits[j] == wanted[j]);
    for (uint32_t i = 0; i < depth; i++)
        first_return += all->visits[path[i]] == 1;
    assert_int_equal(mt_reuse_first_return(history, all->slot[owner], depth), first_return);
}

/* Slots whose block depth - 1 is theirs and may come back, sorted by how near they are. */
static uint32_t plain_nearest(const mt_reuse_history *history, uint32_t around, uint32_t depth,
                              uint32_t most, uint32_t *found) {
    uint32_t count = 0;
    for (uint32_t apart = 0; count < most && apart <= history->slot_count; apart++)
        for (int newer = 0; newer < (apart > 0 ? 2 : 1) && count < most; newer++) {
            int64_t s = newer ? (int64_t)around + apart : (int64_t)around - apart;
            if (s >= 0 && s < history->slot_count && history->slots[s].low < depth &&
                depth <= history->slots[s].core)
                found[count++] = (uint32_t)s;
        }
    return count;
}

static uint32_t assert_nearest(mt_reuse_history *history, uint32_t around, uint32_t depth,
                               uint32_t most) {
    uint32_t found[AROUND], wanted[AROUND];
    uint32_t count = plain_nearest(history, around, depth, most, wanted);
    assert_int_equal(mt_reuse_nearest(history, around, depth, most, found), count);
    for (uint32_t k = 0; k < count; k++)
        assert_int_equal(found[k], wanted[k]);
    return count;
}

/* All slots' distances and own parts, and who owns each block. */
static void assert_slots(const mt_reuse_history *history, const plain *all) {
    for (uint32_t r = 0; r < all->count; r++) {
        uint32_t s = all->slot[r];
        if (s == MT_NO_SLOT)
            continue;
        assert_int_equal(mt_parts_distance(&history->parts, s), plain_distance(all, r));
        assert_int_equal(history->slots[s].low, plain_low(all, r));
        assert_int_equal(history->slots[s].length, all->length[r]);
        assert_int_equal(history->slots[s].core, all->core[r]);
        for (uint32_t depth = 1; depth <= all->core[r]; depth++)
            assert_int_equal(mt_reuse_owner(history, history->slots[s].node, depth),
                             all->slot[all->owner[all->path[r][depth - 1]]]);
    }
}

/* ---- placing ---- */

/* A place that somebody may come back to: a request and a depth, the owner still in the history. 0
 * shared blocks when the dice say so. */
static uint32_t draw_place(const plain *all, uint64_t *random, uint32_t *depth, uint32_t *owner) {
    *depth = 0;
    *owner = 0;
    if (all->count == 0 || below(random, 5) == 0)
        return 0;
    uint32_t back = (uint32_t)(below(random, 2) ? below(random, all->count) : below(random, 12));
    uint32_t r = back < all->count ? all->count - 1 - back : 0;
    uint32_t most = all->core[r] < LONGEST - 8 ? all->core[r] : LONGEST - 8;
    uint32_t shared = below(random, 2) ? most : (uint32_t)below(random, most + 1);
    if (shared == 0 || all->slot[all->owner[all->path[r][shared - 1]]] == MT_NO_SLOT)
        return 0;
    *owner = all->owner[all->path[r][shared - 1]];
    *depth = shared;
    return r;
}

static void place_plain(plain *all, const uint64_t *ids, uint32_t core, uint32_t length) {
    uint32_t r = all->count++;
    all->core[r] = core;
    all->length[r] = length;
    memcpy(all->path[r], ids, length * sizeof *ids);
    for (uint32_t i = 0; i < length; i++) {
        touch(all->order, &all->blocks, ids[i]);
        all->owner[ids[i]] = r;
        all->visits[ids[i]]++;
    }
}

/* One random request, placed in both. */
static mt_code place(mt_reuse_history *history, plain *all, uint64_t *random, uint64_t *next_id,
                     mt_error *error) {
    uint64_t ids[LONGEST], first = *next_id;
    uint32_t shared, owner, r = draw_place(all, random, &shared, &owner);
    if (shared > 0)
        assert_hits(history, all, owner, all->path[r], shared);
    uint32_t returning = (uint32_t)below(random, 5), unique = (uint32_t)below(random, 4);
    uint32_t length = shared + returning + unique;
    if (length == 0)
        length = unique = 1;
    mt_code code = mt_reuse_place(history, shared > 0 ? all->slot[owner] : MT_NO_SLOT, shared,
                                  returning, unique, next_id, ids, error);
    if (code)
        return code;
    if (shared > 0)
        assert_memory_equal(ids, all->path[r], shared * sizeof *ids);
    for (uint32_t i = shared; i < length; i++)
        assert_int_equal(ids[i], first + i - shared);
    assert_int_equal(*next_id, first + length - shared);
    all->slot[all->count] = history->slot_count - 1;
    place_plain(all, ids, shared + returning, length);
    return MT_OK;
}

static void assert_some_nearest(mt_reuse_history *history, uint64_t *random) {
    uint32_t around = (uint32_t)below(random, history->slot_count);
    uint32_t depth = 1 + (uint32_t)below(random, 10);
    assert_nearest(history, around, depth, 1 + (uint32_t)below(random, AROUND));
}

static void test_against_plain(void **state) {
    (void)state;
    static plain all;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        uint64_t random = seed, next_id = 0;
        mt_reuse_history history = {0};
        memset(&all, 0, sizeof all);
        set_sizes(&history);
        mt_reuse_history_begin(&history);
        while (all.count < REQUESTS) {
            assert_int_equal(place(&history, &all, &random, &next_id, NULL), MT_OK);
            assert_some_nearest(&history, &random);
            if (all.count % 20 == 0)
                assert_slots(&history, &all);
        }
        assert_int_equal(history.parts.total, all.blocks);
        mt_reuse_history_free(&history);
    }
}

/* What was split still ends where it did: A has five blocks, B leaves it after three, C after one;
 * D comes back to A's end. */
static void test_splitting(void **state) {
    (void)state;
    mt_reuse_history history = {0};
    uint64_t ids[8], next_id = 100;
    set_sizes(&history);
    mt_reuse_history_begin(&history);
    assert_int_equal(mt_reuse_place(&history, MT_NO_SLOT, 0, 5, 0, &next_id, ids, NULL), MT_OK);
    assert_int_equal(mt_reuse_place(&history, 0, 3, 1, 1, &next_id, ids, NULL), MT_OK);
    assert_memory_equal(ids, ((uint64_t[]){100, 101, 102, 105, 106}), 5 * sizeof *ids);
    assert_int_equal(history.node_count, 3);
    assert_int_equal(mt_reuse_place(&history, 1, 1, 0, 1, &next_id, ids, NULL), MT_OK);
    assert_memory_equal(ids, ((uint64_t[]){100, 107}), 2 * sizeof *ids);
    assert_int_equal(history.node_count, 4);
    uint32_t end_of_a = history.slots[0].node;
    assert_int_equal(history.nodes[end_of_a].end, 5);
    assert_int_equal(mt_reuse_owner(&history, end_of_a, 5), 0);
    assert_int_equal(mt_reuse_owner(&history, end_of_a, 3), 1);
    assert_int_equal(mt_reuse_owner(&history, end_of_a, 1), 2);
    assert_int_equal(mt_reuse_first_return(&history, 0, 5), 2);
    assert_int_equal(mt_parts_distance(&history.parts, 0), 8);
    assert_int_equal(mt_parts_distance(&history.parts, 1), 6);
    assert_int_equal(mt_parts_distance(&history.parts, 2), 2);
    assert_int_equal(mt_reuse_place(&history, 0, 5, 0, 0, &next_id, ids, NULL), MT_OK);
    assert_memory_equal(ids, ((uint64_t[]){100, 101, 102, 103, 104}), 5 * sizeof *ids);
    assert_int_equal(history.node_count, 4);
    assert_int_equal(history.slots[0].low, 5);
    assert_int_equal(next_id, 108);
    mt_reuse_history_free(&history);
}

/* ---- nearest, over many slots ---- */

/* Prefixes that get rare towards the old: groups of slots in which nobody is left, or nobody deep
 * enough. Looked at again and again, in between others take away what was there. */
static void test_nearest_among_many(void **state) {
    (void)state;
    enum { SLOTS = 5000, DEEP = 6 };
    mt_reuse_history history = {0};
    uint64_t random = 3, next_id = 0, ids[LONGEST];
    uint32_t none = 0, some = 0, found[AROUND];
    set_sizes(&history);
    mt_reuse_history_begin(&history);
    for (uint32_t s = 0; s < SLOTS; s++) {
        uint32_t shared = s > 0 ? (uint32_t)below(&random, DEEP) : 0;
        if (shared > 0 && mt_reuse_nearest(&history, (uint32_t)below(&random, s), shared, 1, found))
            assert_int_equal(
                mt_reuse_place(&history, found[0], shared, s % 1500 < 300, 1, &next_id, ids, NULL),
                MT_OK);
        else
            assert_int_equal(mt_reuse_place(&history, MT_NO_SLOT, 0,
                                            s % 1500 < 20 ? (uint32_t)below(&random, DEEP) : 0, 1,
                                            &next_id, ids, NULL),
                             MT_OK);
        if (s % 8 > 0)
            continue;
        uint32_t around = (uint32_t)below(&random, s + 1);
        uint32_t count =
            assert_nearest(&history, around, 1 + (uint32_t)below(&random, DEEP + 3), AROUND);
        none += count == 0;
        some += count == AROUND;
    }
    assert_true(none > 10 && some > 10);
    mt_reuse_history_free(&history);
}

/* ---- forgetting ---- */

/* Who is gone, and that the others are as they were, in their order. */
static void forget(mt_reuse_history *history, plain *all) {
    uint32_t moved[REQUESTS], kept = 0, nodes[REQUESTS];
    for (uint32_t r = 0; r < all->count; r++)
        nodes[r] = all->slot[r] != MT_NO_SLOT ? history->slots[all->slot[r]].node : MT_NO_NODE;
    mt_reuse_forget(history, moved);
    for (uint32_t r = 0; r < all->count; r++) {
        if (all->slot[r] == MT_NO_SLOT)
            continue;
        int stays = plain_distance(all, r) <= history->keep && plain_low(all, r) < all->length[r];
        assert_int_equal(moved[all->slot[r]], stays ? kept : MT_NO_SLOT);
        all->slot[r] = stays ? kept++ : MT_NO_SLOT;
    }
    assert_int_equal(history->slot_count, kept);
    for (uint32_t r = 0; r < all->count; r++)
        if (nodes[r] != MT_NO_NODE)
            assert_int_equal(mt_reuse_owner(history, nodes[r], all->core[r]),
                             all->slot[all->owner[all->path[r][all->core[r] - 1]]]);
}

static void test_forgetting(void **state) {
    (void)state;
    static plain all;
    uint32_t forgotten = 0, reused = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        uint64_t random = seed, next_id = 0;
        mt_reuse_history history = {0};
        memset(&all, 0, sizeof all);
        set_sizes(&history);
        mt_reuse_history_begin(&history);
        while (all.count < REQUESTS) {
            uint32_t nodes = history.node_count, free = history.free_nodes;
            assert_int_equal(place(&history, &all, &random, &next_id, NULL), MT_OK);
            assert_some_nearest(&history, &random);
            reused += history.free_nodes != free;
            assert_true(free == MT_NO_NODE || history.node_count <= nodes + 1);
            if (all.count % 7 == 0) {
                uint32_t before = history.slot_count;
                forget(&history, &all);
                forgotten += before - history.slot_count;
                assert_slots(&history, &all);
            }
        }
        mt_reuse_history_free(&history);
    }
    assert_true(forgotten > 1000 && reused > 1000);
}

/* What is kept is what bounds memory, not the requests made. */
static void test_memory_is_bounded(void **state) {
    (void)state;
    enum { MANY = 100000, KEPT = 20000 };
    mt_reuse_history history = {.keep = KEPT};
    uint64_t random = 5, next_id = 0, ids[LONGEST];
    uint32_t found[1], forgets = 0, most_nodes = 0;
    size_t most_slots = 0;
    uint32_t *moved = malloc(4 * KEPT * sizeof *moved);
    for (uint64_t j = 0; j < MT_REUSE_SIZES; j++)
        history.sizes[j] = (j + 1) * KEPT / MT_REUSE_SIZES;
    mt_reuse_history_begin(&history);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t shared = (uint32_t)below(&random, 8), from = MT_NO_SLOT;
        if (history.slot_count > 0 && shared > 0 &&
            mt_reuse_nearest(&history, (uint32_t)below(&random, history.slot_count), shared, 1,
                             found))
            from = found[0];
        assert_int_equal(mt_reuse_place(&history, from, from != MT_NO_SLOT ? shared : 0,
                                        (uint32_t)below(&random, 4),
                                        1 + (uint32_t)below(&random, 3), &next_id, ids, NULL),
                         MT_OK);
        most_slots = history.slot_count > most_slots ? history.slot_count : most_slots;
        most_nodes = history.node_count > most_nodes ? history.node_count : most_nodes;
        if (history.slot_count >= history.forget_at) {
            assert_true(history.slot_count <= 4 * KEPT);
            mt_reuse_forget(&history, moved);
            assert_true(history.parts.total <= KEPT);
            forgets++;
        }
    }
    assert_true(forgets >= 5);
    assert_true(most_slots <= 2 * KEPT && most_nodes <= 4 * KEPT);
    assert_true(history.slot_capacity <= 4 * KEPT && history.node_capacity <= 8 * KEPT);
    free(moved);
    mt_reuse_history_free(&history);
}

/* ---- memory that is out ---- */

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep each = {0}; sweep_next(&each);) {
        static plain all;
        mt_reuse_history history = {0};
        each.code = MT_OK;
        uint64_t random = 7, next_id = 0;
        memset(&all, 0, sizeof all);
        set_sizes(&history);
        mt_reuse_history_begin(&history);
        while (each.code == MT_OK && all.count < REQUESTS)
            each.code = place(&history, &all, &random, &next_id, &each.error);
        mt_reuse_history_free(&history);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain),      cmocka_unit_test(test_splitting),
        cmocka_unit_test(test_nearest_among_many), cmocka_unit_test(test_forgetting),
        cmocka_unit_test(test_memory_is_bounded),  cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("reuse history", tests, NULL, NULL);
}
