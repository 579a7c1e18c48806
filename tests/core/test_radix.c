/* Building the radix tree: known answers, a plain slow version beside it, raw ids, what is refused,
 * the check of the weights, memory that is out, twenty million blocks. */
#include "prefix/radix/radix.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/radix/state.h"
#include "skip_support.h"
#include "radix_support.h"
#include "sweep.h"

#include <sys/resource.h>

typedef struct expected_node {
    uint64_t id, parent;
    uint32_t length, visited, end, to_leaf;
} expected_node;

static void assert_node(const mt_radix *radix, const expected_node *expected) {
    size_t count;
    const mt_radix_node *nodes = mt_radix_nodes(radix, &count);
    uint32_t n = mt_radix_find(radix, expected->id);
    assert_true(n < count);
    assert_int_equal(mt_radix_id(radix, n), expected->id);
    assert_int_equal(mt_radix_id(radix, nodes[n].parent), expected->parent);
    assert_int_equal(nodes[n].length, expected->length);
    assert_int_equal(nodes[n].visited, expected->visited);
    assert_int_equal(nodes[n].end, expected->end);
    assert_int_equal(nodes[n].to_leaf, expected->to_leaf);
}

static void assert_children(const mt_radix *radix, uint64_t id, const uint64_t *expected,
                            size_t expected_count) {
    size_t count;
    const uint32_t *children = mt_radix_children(radix, mt_radix_find(radix, id), &count);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mt_radix_id(radix, children[i]), expected[i]);
}

static void assert_tails(const mt_radix *radix, const uint32_t *expected, size_t expected_count) {
    size_t count;
    const uint32_t *tails = mt_radix_leaf_lengths(radix, &count);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(tails[i], expected[i]);
}

static size_t size_of(const mt_radix *radix) {
    size_t count;
    mt_radix_nodes(radix, &count);
    return count;
}

static const uint64_t root = MT_RADIX_ROOT_ID;

static void check_structure(int raw) {
    mt_radix *radix = radix_of(structure_lists, COUNT_OF(structure_lists), BLOCK, raw);
    assert_int_equal(size_of(radix), 4);
    assert_node(radix, &(expected_node){root, root, 0, 6, 0, 1});
    assert_node(radix, &(expected_node){1, root, 2, 3, 1, 0});
    assert_node(radix, &(expected_node){4, 1, 3, 2, 1, 1});
    assert_node(radix, &(expected_node){8, root, 2, 2, 1, 1});
    assert_children(radix, root, (uint64_t[]){1, 8}, 2);
    assert_children(radix, 1, (uint64_t[]){4}, 1);
    assert_children(radix, 4, NULL, 0);
    assert_children(radix, 8, NULL, 0);
    assert_tails(radix, (uint32_t[]){2, 2, 2}, 3);
    assert_int_equal(mt_radix_depth(radix), 2);
    assert_int_equal(mt_radix_requests(radix), 6);
    assert_int_equal(mt_radix_find(radix, 0), MT_RADIX_NO_NODE);
    assert_int_equal(mt_radix_find(radix, 5), MT_RADIX_NO_NODE);
    assert_int_equal(mt_radix_find(radix, 99), MT_RADIX_NO_NODE);
    mt_radix_free(radix);
}

static void test_structure(void **state) {
    (void)state;
    check_structure(0);
    check_structure(1);
}

static void test_worked_example(void **state) {
    (void)state;
    mt_radix *radix = radix_of(worked_lists, COUNT_OF(worked_lists), BLOCK, 0);
    assert_int_equal(size_of(radix), 4);
    assert_node(radix, &(expected_node){root, root, 0, 4, 0, 0});
    assert_node(radix, &(expected_node){0, root, 1, 4, 0, 1});
    assert_node(radix, &(expected_node){1, 0, 1, 3, 1, 0});
    assert_node(radix, &(expected_node){2, 1, 1, 2, 1, 1});
    assert_tails(radix, (uint32_t[]){1, 2}, 2);
    mt_radix_free(radix);
}

static void test_normalised(void **state) {
    (void)state;
    static const id_list lists[] = {LIST(5, 6), LIST(5, 6)};
    mt_radix *radix = radix_of(lists, 2, BLOCK, 0);
    assert_int_equal(size_of(radix), 2);
    assert_node(radix, &(expected_node){1, root, 2, 2, 2, 0});
    mt_radix_free(radix);
    radix = radix_of(lists, 2, BLOCK, 1);
    assert_node(radix, &(expected_node){6, root, 2, 2, 2, 0});
    mt_radix_free(radix);
    /* The same id after another one is another block. */
    static const id_list twice[] = {LIST(5, 5), LIST(5, 5, 5), LIST(6, 5)};
    radix = radix_of(twice, 3, BLOCK, 0);
    assert_node(radix, &(expected_node){1, root, 2, 2, 1, 1});
    assert_tails(radix, (uint32_t[]){1, 2}, 2);
    mt_radix_free(radix);
}

static void test_small(void **state) {
    (void)state;
    static const id_list lists[] = {LIST(0, 1, 2), LIST(0, 1, 2), LIST(0, 1, 2)};
    mt_radix *radix = radix_of(lists, 1, BLOCK, 0); /* one request: no core */
    assert_int_equal(size_of(radix), 1);
    assert_node(radix, &(expected_node){root, root, 0, 1, 0, 1});
    assert_tails(radix, (uint32_t[]){3}, 1);
    assert_int_equal(mt_radix_depth(radix), 0);
    mt_radix_free(radix);

    radix = radix_of(lists, 3, BLOCK, 0); /* all the same: no tails */
    assert_node(radix, &(expected_node){root, root, 0, 3, 0, 0});
    assert_node(radix, &(expected_node){2, root, 3, 3, 3, 0});
    assert_tails(radix, NULL, 0);
    mt_radix_free(radix);

    radix = radix_of(lists, 0, 0, 0); /* nothing */
    assert_int_equal(size_of(radix), 1);
    assert_node(radix, &(expected_node){root, root, 0, 0, 0, 0});
    mt_radix_free(radix);
    mt_radix_free(NULL);
}

/* Requests without blocks are no paths. */
static void test_without_ids(void **state) {
    (void)state;
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    mt_request request = request_of(NULL, 0, 100, 3);
    assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    request.has &= ~(unsigned)MT_HAS_HASH_IDS;
    assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    assert_node(radix, &(expected_node){root, root, 0, 0, 0, 0});
    assert_int_equal(mt_radix_requests(radix), 2);
    mt_radix_free(radix);
}

/* ---- beside a plain slow version --------------------------------------------------------------
 */

enum { REQUESTS = 50, MOST_BLOCKS = 8 };

/* The first request that begins with the first `length` ids of request r. */
static size_t first_with(const id_list *lists, size_t r, size_t length) {
    size_t first = 0;
    while (lists[first].count < length ||
           memcmp(lists[first].ids, lists[r].ids, length * sizeof(uint64_t)) != 0)
        first++;
    return first;
}

typedef struct plain_block {
    uint32_t number;             /* by first appearance */
    uint32_t visited, end, once; /* once: children that one request visited */
    int goes_on;                 /* it has a child with as many visits */
} plain_block;

/* What is known of the block after the first `length` ids of each request; the root is length 0. */
static void count_plainly(const id_list *lists, plain_block of[REQUESTS][MOST_BLOCKS + 1]) {
    uint32_t number = 0;
    memset(of, 0, REQUESTS * sizeof *of);
    for (size_t r = 0; r < REQUESTS; r++)
        for (size_t length = 0; length <= lists[r].count; length++) {
            plain_block *block = &of[first_with(lists, r, length)][length];
            if (block->visited++ == 0 && length > 0)
                block->number = number++;
            block->end += length > 0 && lists[r].count == length;
        }
    for (size_t r = 0; r < REQUESTS; r++)
        for (size_t length = 1; length <= lists[r].count; length++) {
            const plain_block *block = &of[r][length];
            plain_block *parent = &of[first_with(lists, r, length - 1)][length - 1];
            parent->once += block->visited == 1;
            parent->goes_on |= block->visited > 1 && block->visited == parent->visited;
        }
}

static void compare_node(const mt_radix *radix, const id_list *lists, size_t r, size_t length,
                         plain_block of[REQUESTS][MOST_BLOCKS + 1]) {
    const plain_block *block = &of[r][length];
    expected_node expected = {block->number, root, 1, block->visited, block->end, block->once};
    for (size_t above = length - 1; above > 0; above--) {
        const plain_block *parent = &of[first_with(lists, r, above)][above];
        if (parent->visited != block->visited) {
            expected.parent = parent->number;
            break;
        }
        expected.length++;
    }
    assert_node(radix, &expected);
}

static void compare_with_plain(const id_list *lists) {
    static plain_block of[REQUESTS][MOST_BLOCKS + 1];
    mt_radix *radix = radix_of(lists, REQUESTS, BLOCK, 0);
    uint32_t tails[REQUESTS];
    size_t nodes = 1, tail_count = 0;
    count_plainly(lists, of);
    for (size_t r = 0; r < REQUESTS; r++) {
        uint32_t tail = 0;
        for (size_t length = 1; length <= lists[r].count; length++) {
            if (of[r][length].visited > 1 && !of[r][length].goes_on) {
                compare_node(radix, lists, r, length, of);
                nodes++;
            }
            tail += of[r][length].visited == 1;
        }
        if (tail > 0)
            tails[tail_count++] = tail;
    }
    assert_int_equal(size_of(radix), nodes);
    assert_tails(radix, tails, tail_count);
    assert_int_equal(mt_radix_check(radix, NULL), MT_OK);
    mt_radix_free(radix);
}

static void test_against_plain(void **state) {
    (void)state;
    static id_list lists[REQUESTS];
    uint64_t random = 3;
    for (int round = 0; round < 60; round++) {
        uint64_t ids = 1 + below(&random, 3); /* few ids: much is shared, many chains */
        uint64_t base = round % 3 ? below(&random, 1000) : 0;
        for (size_t r = 0; r < REQUESTS; r++) {
            lists[r].count = (size_t)below(&random, MOST_BLOCKS + 1);
            for (size_t i = 0; i < lists[r].count; i++)
                lists[r].ids[i] = base + below(&random, i == 0 ? ids : 1 + ids / 2);
        }
        compare_with_plain(lists);
    }
}

/* ---- raw ids ----------------------------------------------------------------------------------
 */

static void test_raw_names(void **state) {
    (void)state;
    static const id_list lists[] = {LIST(900, 7), LIST(900, 7, UINT64_MAX - 1), LIST(3, 2, 1),
                                    LIST(900, 7, UINT64_MAX - 1), LIST(3, 2)};
    mt_radix *radix = radix_of(lists, COUNT_OF(lists), 0, 1);
    assert_int_equal(size_of(radix), 4);
    assert_node(radix, &(expected_node){7, root, 2, 3, 1, 0});
    assert_node(radix, &(expected_node){UINT64_MAX - 1, 7, 1, 2, 2, 0});
    assert_node(radix, &(expected_node){2, root, 2, 2, 1, 1});
    assert_children(radix, root, (uint64_t[]){7, 2}, 2); /* by first appearance */
    assert_int_equal(mt_radix_find(radix, 900), MT_RADIX_NO_NODE);
    mt_radix_free(radix);
}

static void assert_two_parents(const id_list *lists, size_t count, const char *message) {
    mt_error error;
    mt_radix *radix = mt_radix_new(0, 1, NULL);
    for (size_t i = 0; i < count; i++) {
        mt_request request = request_of(lists[i].ids, lists[i].count, 1, 1);
        request.line = 10 + i;
        mt_code code = mt_radix_add(radix, &request, &error);
        assert_int_equal(code, i + 1 < count ? MT_OK : MT_ERROR_INPUT);
    }
    assert_string_equal(error.message, message);
    assert_int_equal(error.line, 10 + count - 1);
    mt_radix_free(radix);
}

static void test_two_parents(void **state) {
    (void)state;
    assert_two_parents((id_list[]){LIST(1, 7), LIST(2, 7)}, 2, "id 7 has two parents, 1 and 2");
    assert_two_parents((id_list[]){LIST(1, 7), LIST(7)}, 2, "id 7 has two parents, 1 and the root");
    assert_two_parents((id_list[]){LIST(7), LIST(1, 7)}, 2, "id 7 has two parents, the root and 1");
    assert_two_parents((id_list[]){LIST(5, 5)}, 1, "id 5 has two parents, the root and 5");
    assert_two_parents((id_list[]){LIST(1, UINT64_MAX)}, 1,
                       "id 18446744073709551615 is too large: it stands for the root");
    assert_two_parents((id_list[]){LIST(1, 2, 3), LIST(1, 3)}, 2, "id 3 has two parents, 2 and 1");
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_refused(void **state) {
    (void)state;
    mt_error error;
    static const uint64_t ids[] = {0, 1};
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    mt_request request = request_of(ids, 2, 1, 1);
    request.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    assert_int_equal(mt_radix_add(radix, &request, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, "output_length is missing, and the synthesis needs it");
    assert_int_equal(error.line, 7);
    request = request_of(ids, 2, 1, 1);
    request.input_length = 1025;
    assert_int_equal(mt_radix_add(radix, &request, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message,
                        "hash_ids has 2 ids, but input_length 1025 makes 3 blocks of "
                        "512 tokens; it fits a block size of 1024");
    assert_int_equal(mt_radix_requests(radix), 0);
    request = request_of(ids, 2, 1, 1); /* what was refused has left no trace */
    assert_int_equal(mt_radix_add(radix, &request, &error), MT_OK);
    assert_int_equal(mt_radix_finish(radix, &error), MT_OK);
    assert_node(radix, &(expected_node){root, root, 0, 1, 0, 1});
    assert_int_equal(mt_radix_add(radix, &request, &error), MT_ERROR_VALUE);
    assert_int_equal(mt_radix_finish(radix, &error), MT_ERROR_VALUE);
    mt_radix_free(radix);

    radix = mt_radix_new(BLOCK, 0, NULL);
    assert_int_equal(mt_radix_finish(radix, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, "no requests");
    mt_radix_free(radix);
}

/* A tree alone needs no lengths. */
static void test_tree_alone(void **state) {
    (void)state;
    static const uint64_t ids[] = {0, 1};
    mt_radix *radix = mt_radix_new(0, 0, NULL);
    mt_request request = {.has = MT_HAS_HASH_IDS, .hash_ids = ids, .hash_count = 2};
    assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    assert_tails(radix, (uint32_t[]){2}, 1);
    mt_radix_free(radix);
}

static void assert_broken(mt_radix *radix, uint32_t *number, const char *message) {
    mt_error error;
    (*number)++;
    assert_int_equal(mt_radix_check(radix, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, message);
    (*number)--;
    assert_int_equal(mt_radix_check(radix, &error), MT_OK);
}

static void test_check(void **state) {
    (void)state;
    mt_radix *radix = radix_of(structure_lists, COUNT_OF(structure_lists), BLOCK, 0);
    mt_radix_node *nodes = radix->nodes.data;
    uint32_t four = mt_radix_find(radix, 4);
    assert_broken(radix, &nodes[four].end, "node 4: 2 requests came, but 3 ended or went on");
    assert_broken(radix, &nodes[four].to_leaf, "node 4: 2 requests came, but 3 ended or went on");
    assert_broken(radix, &nodes[four].visited, "node 1: 3 requests came, but 4 ended or went on");
    assert_broken(radix, &nodes[0].visited, "node -1: 7 requests came, but 6 ended or went on");
    mt_radix_free(radix);
}

static void test_interrupt(void **state) {
    (void)state;
    mt_radix *radix = mt_radix_new(0, 0, NULL);
    mt_request request = request_of((uint64_t[]){0}, 1, 1, 1);
    assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    mt_interrupt_flag = 1;
    assert_int_equal(mt_radix_finish(radix, NULL), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_radix_free(radix);
}

/* ---- memory -----------------------------------------------------------------------------------
 */

static void test_out_of_memory(void **state) {
    (void)state;
    for (int raw = 0; raw < 2; raw++) {
        for (sweep all = {0}; sweep_next(&all);) { /* of a tree that makes everything grow */
            enum { MANY = 400 };
            mt_radix *radix = mt_radix_new(BLOCK, raw, &all.error);
            all.code = radix ? MT_OK : all.error.code;
            for (uint64_t r = 0; all.code == MT_OK && r < MANY; r++) {
                uint64_t ids[40];
                size_t count = (size_t)(r % 40);
                for (size_t i = 0; i < count; i++) /* ids of no order, the first half shared */
                    ids[i] = (i < count / 2 ? 0 : 1 + r) * 1000 + 999 - i;
                mt_request request = request_of(ids, count, 5, 1);
                all.code = mt_radix_add(radix, &request, &all.error);
            }
            if (all.code == MT_OK)
                all.code = mt_radix_finish(radix, &all.error);
            mt_radix_free(radix);
        }
    }
}

/* 2 * 10^7 distinct blocks with ids in no order, all of them in the core and no two of them in one
 * node: 2 GB in all. Takes 15 seconds: only with MOONTIDE_SLOW_TESTS=1. */
static void test_twenty_million_blocks(void **state) {
    (void)state;
    only_when_slow_is_wanted();
    enum { COUNT = 20, MANY = 1000000 };
    uint64_t ids[COUNT];
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    for (size_t pass = 0; pass <= COUNT; pass++)
        for (uint64_t r = 0; r < MANY; r++) {
            size_t count = pass == 0 ? COUNT : pass;
            for (uint64_t i = 0; i < count; i++)
                ids[i] = (r * COUNT + i) * UINT64_C(0x9E3779B97F4A7C15);
            mt_request request = request_of(ids, count, 5, 1);
            assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
        }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    assert_int_equal(size_of(radix), COUNT * MANY + 1);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    print_message("2 * 10^7 core nodes, %llu requests: %ld MB\n",
                  (unsigned long long)mt_radix_requests(radix), usage.ru_maxrss / 1024);
    assert_true(usage.ru_maxrss < 2000000L);
    mt_radix_free(radix);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),     cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_normalised),    cmocka_unit_test(test_small),
        cmocka_unit_test(test_without_ids),   cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_raw_names),     cmocka_unit_test(test_two_parents),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_tree_alone),
        cmocka_unit_test(test_check),         cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_twenty_million_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
