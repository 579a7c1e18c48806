/* The prefix tree: cases by hand, beside blocks found by comparing paths, memory that is out. */
#include "prefix/block/tree.h"

#include "base/memory.h"
#include "prefix_support.h"
#include "sweep.h"

static mt_prefix_tree *new_tree(void) {
    mt_prefix_tree *tree = mt_prefix_tree_new(NULL);
    assert_non_null(tree);
    return tree;
}

static void assert_parents(const mt_prefix_tree *tree, const uint32_t *expected, size_t count) {
    mt_tree_parents parents = mt_prefix_tree_parents(tree);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mt_parent_of(parents, (uint32_t)i), expected[i]);
}

/* Adds a path; its blocks must be `expected`, the first `known` of them known. */
static void assert_path(mt_prefix_tree *tree, const uint64_t *ids, const uint32_t *expected,
                        size_t count, size_t known) {
    uint32_t blocks[512];
    size_t found;
    assert_int_equal(mt_prefix_tree_add(tree, ids, count, blocks, &found, NULL), MT_OK);
    assert_int_equal(found, known);
    assert_memory_equal(blocks, expected, count * sizeof *blocks);
}

static void test_by_hand(void **state) {
    (void)state;
    mt_prefix_tree *tree = new_tree();
    assert_path(tree, (uint64_t[]){5, 6}, (uint32_t[]){0, 1}, 2, 0);
    assert_path(tree, (uint64_t[]){5, 6, 5}, (uint32_t[]){0, 1, 2}, 3, 2);
    assert_path(tree, (uint64_t[]){6, 5}, (uint32_t[]){3, 4}, 2, 0);
    assert_path(tree, (uint64_t[]){UINT64_MAX}, (uint32_t[]){5}, 1, 0);
    assert_path(tree, (uint64_t[]){5}, (uint32_t[]){0}, 1, 1);
    assert_path(tree, NULL, NULL, 0, 0);
    assert_int_equal(mt_prefix_tree_count(tree), 6);
    const uint32_t parents[] = {MT_NO_BLOCK, 0, 1, MT_NO_BLOCK, 3, MT_NO_BLOCK};
    assert_parents(tree, parents, 6);
    mt_prefix_tree_free(tree);
    mt_prefix_tree_free(NULL);
}

/* Ids that are numbered by first appearance, until one comes after another parent (1 after
 * nothing), is no next one, or comes twice in a request; the same where they had other names before. */
static void test_rule_broken(void **state) {
    (void)state;
    static const uint64_t breaking[][3] = {{1, 2, 3}, {0, 1, 4}, {0, 3, 3}, {0, 2, 3}, {3, 5, 4}};
    static const uint32_t expected[][3] = {{3, 4, 5}, {0, 1, 3}, {0, 3, 4}, {0, 3, 4}, {3, 4, 5}};
    static const size_t known[] = {0, 2, 1, 1, 0};
    static const uint64_t factors[] = {1, 1000, UINT64_C(0x9e3779b97f4a7c15)};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
            uint64_t ids[3], other[3];
            for (uint64_t i = 0; i < 3; i++) {
                ids[i] = i * factors[f];
                other[i] = breaking[k][i] * factors[f];
            }
            mt_prefix_tree *tree = new_tree();
            assert_true(mt_prefix_tree_is_plain(tree));
            assert_path(tree, ids, (uint32_t[]){0, 1, 2}, 3, 0);
            assert_int_equal(mt_prefix_tree_is_plain(tree), f == 0);
            assert_path(tree, other, expected[k], 3, known[k]);
            assert_false(mt_prefix_tree_is_plain(tree));
            assert_path(tree, other, expected[k], 3, 3);
            assert_path(tree, ids, (uint32_t[]){0, 1, 2}, 3, 3);
            mt_prefix_tree_free(tree);
        }
}

/* Runs that are longer than 64 blocks, one right behind its parent and one elsewhere; then one that is no path. */
static void test_long_runs(void **state) {
    (void)state;
    enum { FIRST = 200, SECOND = 264, THIRD = 400, FORK = 99, OTHER = 10 };
    static uint64_t ids[THIRD];
    static uint32_t blocks[THIRD], parents[THIRD + 1 + OTHER];
    mt_prefix_tree *tree = new_tree();
    for (uint32_t i = 0; i < THIRD; i++) {
        ids[i] = blocks[i] = i;
        parents[i] = i == 0 ? MT_NO_BLOCK : i == SECOND ? FORK : i - 1;
    }
    assert_path(tree, ids, blocks, FIRST, 0);
    assert_path(tree, ids, blocks, SECOND, FIRST);
    assert_path(tree, ids, blocks, SECOND, SECOND);
    for (uint32_t i = SECOND; i < THIRD; i++) /* behind FORK comes another end */
        ids[FORK + 1 + i - SECOND] = blocks[FORK + 1 + i - SECOND] = i;
    size_t forked = FORK + 1 + THIRD - SECOND;
    assert_path(tree, ids, blocks, forked, FORK + 1);
    for (size_t count = FORK; count <= forked; count++)
        assert_path(tree, ids, blocks, count, count);
    assert_true(mt_prefix_tree_is_plain(tree));
    assert_parents(tree, parents, THIRD);
    for (uint32_t i = 0; i <= SECOND; i++) /* where another run begins the path goes on */
        ids[i] = blocks[i] = i;
    blocks[SECOND] = THIRD;
    parents[THIRD] = SECOND - 1;
    assert_path(tree, ids, blocks, SECOND + 1, SECOND);
    assert_false(mt_prefix_tree_is_plain(tree));
    for (uint32_t i = 0; i < OTHER; i++) {
        ids[i] = 195 + i; /* across a begin, and after nothing */
        blocks[i] = THIRD + 1 + i;
        parents[THIRD + 1 + i] = i == 0 ? MT_NO_BLOCK : THIRD + i;
    }
    assert_path(tree, ids, blocks, OTHER, 0);
    assert_parents(tree, parents, THIRD + 1 + OTHER);
    mt_prefix_tree_free(tree);
}

static void compare_with_plain(const plain_trace *trace) {
    mt_prefix_tree *tree = new_tree();
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        assert_path(tree, trace->ids[r], trace->block[r], trace->count[r], trace->known[r]);
    assert_int_equal(mt_prefix_tree_count(tree), trace->blocks);
    assert_parents(tree, trace->parent, trace->blocks);
    mt_prefix_tree_free(tree);
}

static void test_against_plain(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 1;
    for (int kind = 0; kind < ID_KINDS; kind++)
        for (int round = 0; round < 10; round++) {
            make_plain_trace(&trace, (id_kind)kind, &random);
            compare_with_plain(&trace);
        }
}

/* Of a tree that turns to numbers half way, and at last to keys: a path of known ids from its end. */
static void test_out_of_memory(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 2;
    for (int kind = 0; kind < ID_KINDS; kind++) {
        make_plain_trace(&trace, (id_kind)kind, &random);
        for (sweep all = {0}; sweep_next(&all);) {
            uint32_t blocks[512];
            size_t known, last = 0;
            mt_prefix_tree *tree = mt_prefix_tree_new(&all.error);
            all.code = tree ? MT_OK : all.error.code;
            for (size_t r = 0; all.code == MT_OK && r < TRACE_REQUESTS; r++) {
                all.code = mt_prefix_tree_add(tree, trace.ids[r], trace.count[r], blocks, &known,
                                              &all.error);
                last = trace.count[r] > 1 ? r : last;
            }
            uint64_t turned[] = {trace.ids[last][1], trace.ids[last][0]};
            if (all.code == MT_OK)
                all.code = mt_prefix_tree_add(tree, turned, 2, blocks, &known, &all.error);
            mt_prefix_tree_free(tree);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_runs),     cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_rule_broken),   cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
