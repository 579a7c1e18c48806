/* The slab: blocks keep what is in them, none overlaps another, freed ones come again, and running
 * out of memory loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/sanitizer.h"
#include "base/slab.h"

static size_t below(uint64_t *random, size_t limit) {
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*random >> 33) % limit;
}

typedef struct held {
    unsigned char *block;
    size_t bytes;
    unsigned char mark;
} held;

static void check(const held *one) {
    for (size_t i = 0; i < one->bytes; i++)
        assert_int_equal(one->block[i], one->mark);
}

static void fill(held *one, unsigned char mark) {
    one->mark = mark;
    if (one->bytes > 0)
        memset(one->block, mark, one->bytes);
}

/* Mostly small sizes, some of the heap, and sometimes none. */
static size_t drawn_size(uint64_t *random) {
    switch (below(random, 8)) {
    case 0:
        return 0;
    case 1:
        return 1 + below(random, 3000);
    default:
        return 1 + below(random, MT_SLAB_LARGEST + 8);
    }
}

static void test_contents(void **state) {
    (void)state;
    enum { HELD = 500, STEPS = 50000 };
    static held all[HELD];
    mt_slab slab = {0};
    uint64_t random = 1;
    for (int step = 0; step < STEPS; step++) {
        held *one = &all[below(&random, HELD)];
        size_t wanted = drawn_size(&random), kept = one->bytes < wanted ? one->bytes : wanted;
        check(one);
        one->block = mt_slab_resize(&slab, one->block, one->bytes, wanted);
        assert_int_equal(one->block == NULL, wanted == 0);
        assert_int_equal((uintptr_t)one->block % 8, 0);
        one->bytes = kept;
        check(one);
        one->bytes = wanted;
        fill(one, (unsigned char)step);
    }
    for (int i = 0; i < HELD; i++) {
        check(&all[i]);
        all[i].block = mt_slab_resize(&slab, all[i].block, all[i].bytes, 0);
    }
    mt_slab_free(&slab);
    assert_null(slab.newest.data);
}

/* What is freed is what comes next: chunks do not grow. */
static void test_used_again(void **state) {
    (void)state;
    mt_slab slab = {0};
    void *first = mt_slab_resize(&slab, NULL, 0, 56);
    size_t bytes = slab.chunk_bytes;
    for (int i = 0; i < 100000; i++) {
        void *table = mt_slab_resize(&slab, NULL, 0, 56);
        void *nodes = mt_slab_resize(&slab, NULL, 0, 96);
        assert_ptr_not_equal(table, first);
        assert_null(mt_slab_resize(&slab, nodes, 96, 0));
        assert_null(mt_slab_resize(&slab, table, 56, 0));
    }
    assert_int_equal(slab.chunk_bytes, bytes);
    assert_null(mt_slab_resize(&slab, first, 56, 0));
    mt_slab_free(&slab);
}

/* Within its class a block stays where it is. */
static void test_stays(void **state) {
    (void)state;
    mt_slab slab = {0};
    void *block = mt_slab_resize(&slab, NULL, 0, 33);
#if !MT_HAS_SANITIZER
    assert_ptr_equal(mt_slab_resize(&slab, block, 33, 40), block);
    assert_ptr_equal(mt_slab_resize(&slab, block, 40, 34), block);
    assert_ptr_not_equal(mt_slab_resize(&slab, NULL, 0, 34), block);
#else
    mt_slab_resize(&slab, block, 33, 0);
#endif
    mt_slab_free(&slab);
}

static void test_many(void **state) {
    (void)state;
    enum { BLOCKS = 200000 }; /* 22 MB: the last chunks are huge pages */
    mt_slab slab = {0};
    void *newest = NULL;
    for (size_t i = 0; i < BLOCKS; i++) {
        void *block = mt_slab_resize(&slab, NULL, 0, 112);
        memcpy(block, &newest, sizeof newest);
        newest = block;
    }
#if !MT_HAS_SANITIZER
    assert_in_range(slab.chunk_bytes, BLOCKS * 112, BLOCKS * 112 + BLOCKS * 112 / 4);
#endif
    size_t count = 0;
    while (newest) {
        void *block = newest;
        memcpy(&newest, block, sizeof newest);
        mt_slab_resize(&slab, block, 112, 0);
        count++;
    }
    assert_int_equal(count, BLOCKS);
    mt_slab_free(&slab);
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_slab slab = {0};
    mt_memory_fail_at(1, 1);
    assert_null(mt_slab_resize(&slab, NULL, 0, 24));
    assert_null(mt_slab_resize(&slab, NULL, 0, 2000));
    mt_memory_fail_at(0, 0);
    held one = {mt_slab_resize(&slab, NULL, 0, 2000), 2000, 0};
    fill(&one, 7);
    mt_memory_fail_at(1, 1);
    assert_null(mt_slab_resize(&slab, one.block, 2000, 4000));
    check(&one);
    assert_ptr_equal(mt_slab_resize(&slab, one.block, 2000, 1000), one.block);
    one.block = mt_slab_resize(&slab, one.block, 1000, 100); /* no memory for a new one: it stays */
    mt_memory_fail_at(0, 0);
    assert_non_null(one.block);
    one.bytes = 100;
    check(&one);
    /* From here on it is a small block as any other, whose memory is the heap's. */
    unsigned char *begin = one.block;
    one.block = mt_slab_resize(&slab, one.block, 100, 96);
    check(&(held){one.block, 96, 7});
    mt_slab_resize(&slab, one.block, 96, 0);
    mt_slab_free(&slab);
#if !MT_HAS_SANITIZER
    mt_free(begin);
#else
    (void)begin;
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),      cmocka_unit_test(test_used_again),
        cmocka_unit_test(test_stays),         cmocka_unit_test(test_many),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
