/* Memory: overflow is refused, growing keeps contents, the hook fails what it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/sanitizer.h"

static int switch_off(void **state) {
    (void)state;
    mt_memory_fail_at(0, 0);
    return 0;
}

static void test_overflow(void **state) {
    (void)state;
    void *block = mt_allocate(8, 8);
    size_t capacity = 8;
    mt_big big = {0};
    assert_null(mt_allocate(SIZE_MAX / 2, 3));
    assert_null(mt_allocate_zero(SIZE_MAX, 2));
    assert_null(mt_reallocate(block, SIZE_MAX / 4, 8));
    assert_int_equal(mt_reserve(&block, &capacity, SIZE_MAX / 4, 8), -1);
    assert_int_equal(capacity, 8);
    assert_int_equal(mt_big_reserve(&big, SIZE_MAX), -1);
    assert_null(big.data);
    mt_free(block);
}

static void test_nothing_can_be_freed(void **state) {
    (void)state;
    void *none = mt_allocate(0, 8);
    assert_non_null(none);
    mt_free(none);
    mt_free(NULL);
    mt_big big = {0};
    mt_big_free(&big);
    assert_int_equal(mt_big_reserve(&big, 0), 0);
    assert_null(big.data);
}

static void test_zero_and_copy(void **state) {
    (void)state;
    unsigned char *zero = mt_allocate_zero(1000, 3);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(zero[i], 0);
    mt_free(zero);
    char *copy = mt_copy_text("hello there", 5);
    assert_string_equal(copy, "hello");
    mt_free(copy);
    copy = mt_copy_text(NULL, 0);
    assert_string_equal(copy, "");
    mt_free(copy);
}

/* Each block once, whichever way it came and became larger; small ones not at all. */
static void test_what_is_held(void **state) {
    (void)state;
    const size_t before = mt_memory_held(), MIB = (size_t)1 << 20, SLACK = (size_t)64 << 10;
    void *small = mt_allocate(1000, 1), *block = mt_allocate(1, MIB);
    assert_in_range(mt_memory_held() - before, MIB, MIB + SLACK);
    block = mt_reallocate(block, 3, MIB);
    assert_in_range(mt_memory_held() - before, 3 * MIB, 3 * MIB + SLACK);
    block = mt_reallocate(block, 9, MIB); /* a mapping of its own */
    assert_in_range(mt_memory_held() - before, 9 * MIB, 11 * MIB);
    void *collected = mt_resize_collected(NULL, MIB);
    mt_big big = {0};
    size_t others = mt_memory_held();
    assert_int_equal(mt_big_reserve(&big, MIB), 0);
    assert_int_equal(mt_memory_held() - others, big.bytes);
    assert_int_equal(mt_big_reserve(&big, 5 * MIB), 0);
    assert_int_equal(mt_memory_held() - others, big.bytes);
    mt_memory_leave_out(big.bytes, 0);
    assert_int_equal(mt_memory_held(), others);
    mt_memory_leave_out(big.bytes, 1);
    mt_big_free(&big);
    assert_int_equal(mt_memory_held(), others);
    assert_null(mt_resize_collected(collected, 0));
    mt_free(block);
    mt_free(small);
    assert_int_equal(mt_memory_held(), before);
}

static void test_grow(void **state) {
    (void)state;
    uint32_t *numbers = NULL;
    size_t capacity = 0, growths = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        size_t before = capacity;
        assert_int_equal(MT_GROW(numbers, capacity, i + 1), 0);
        growths += capacity != before;
        numbers[i] = i;
    }
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(numbers[i], i);
    assert_in_range(growths, 1, 20);
    mt_memory_fail_at(1, 0);
    uint32_t *kept = numbers;
    size_t before = capacity;
    assert_int_equal(MT_GROW(numbers, capacity, capacity + 1), -1);
    assert_ptr_equal(numbers, kept);
    assert_int_equal(capacity, before);
    mt_free(numbers);
}

/* A list that grows from small blocks to large ones keeps what is in it. */
static void test_grow_large(void **state) {
    (void)state;
    uint64_t *numbers = NULL;
    size_t capacity = 0, count = 0;
    for (; count < 3 << 20; count++) {
        assert_int_equal(MT_GROW(numbers, capacity, count + 1), 0);
        numbers[count] = count * 7;
    }
    for (size_t i = 0; i < count; i++)
        if (numbers[i] != i * 7)
            fail();
    mt_free(numbers);
}

/* Small arrays take few steps to a large one; the pages of that are no more than were asked for. */
static void test_big_steps(void **state) {
    (void)state;
    static const size_t kib[] = {64, 256, 768, 1536, 2048};
    mt_big big = {0};
    for (size_t i = 0; i < sizeof kib / sizeof *kib; i++) {
        assert_int_equal(mt_big_reserve(&big, big.bytes + 1), 0);
        assert_int_equal(big.bytes, kib[i] << 10);
    }
    mt_big_free(&big);
}

static void test_big(void **state) {
    (void)state;
    mt_big big = {0};
    for (size_t wanted = 1000; wanted <= (size_t)64 << 20; wanted *= 2) {
        size_t before = big.bytes, step = wanted < 2 << 20 ? 64 << 10 : 2 << 20;
        assert_int_equal(mt_big_reserve(&big, wanted), 0);
        size_t most = wanted < 2 << 20 ? 4 * (wanted + step) : wanted + step;
        assert_true(big.bytes >= wanted && big.bytes < most);
        assert_int_equal(big.bytes % step, 0);
        if (big.bytes == before)
            continue;
        unsigned char *bytes = big.data;
        assert_true(before == 0 || bytes[before - 1] == 0xAB);
        for (size_t i = before; i < big.bytes; i += 4096)
            assert_int_equal(bytes[i], 0);
        bytes[big.bytes - 1] = 0xAB;
    }
    size_t bytes = big.bytes;
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_big_reserve(&big, bytes + 1), -1);
    assert_int_equal(big.bytes, bytes);
    assert_int_equal(mt_big_reserve(&big, 1), 0);
    mt_big_free(&big);
    assert_null(big.data);
    assert_int_equal(big.bytes, 0);
}

/* What is another's own grows, keeps its contents and ends, and no hook counts it. */
static void test_resize(void **state) {
    (void)state;
    mt_memory_fail_at(1, 1);
    unsigned char *block = NULL;
    for (size_t bytes = 1000, before = 0; bytes < (size_t)20 << 20; before = bytes, bytes *= 3) {
        block = mt_resize(block, bytes);
        assert_non_null(block);
        for (size_t i = 0; i < before; i += 500)
            assert_int_equal(block[i], i / 500 % 256);
        for (size_t i = 0; i < bytes; i += 500)
            block[i] = (unsigned char)(i / 500 % 256);
    }
    assert_int_equal(mt_memory_asked(), 0);
    unsigned char *other = mt_resize(NULL, (size_t)8 << 20), *third;
    memset(other, 0xCD, (size_t)8 << 20);
    assert_null(mt_resize(other, 0));
    other = mt_resize(NULL, (size_t)6 << 20); /* what was used before may be in it */
    mt_memory_fail_at(0, 0);
    third = mt_allocate_zero(5 << 20, 1); /* but not in this one */
    for (size_t i = 0; i < (size_t)5 << 20; i += 100)
        assert_int_equal(third[i], 0);
    mt_free(third);
    mt_free(other);
    block = mt_resize(block, 10);
    assert_int_equal(block[0], 0);
    assert_null(mt_resize(block, 0));
    mt_memory_fail_at(0, 0);
}

/* Bytes of this process that are in memory; 0: the system does not say. */
static size_t resident(void) {
    unsigned long all, here = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu %lu", &all, &here) != 2)
        here = 0;
    if (file)
        fclose(file);
    return here * (size_t)sysconf(_SC_PAGESIZE);
}

/* What is freed, and what a block no longer needs, is the system's again, but for one block of up to
 * 64 MiB. */
static void test_large_goes_back(void **state) {
    (void)state;
    enum { MIB = 1 << 20 };
    size_t before = resident();
    if (MT_HAS_SANITIZER || before == 0)
        skip();
    unsigned char *block = mt_allocate(160, MIB);
    assert_non_null(block);
    memset(block, 0xEF, (size_t)160 * MIB);
    assert_true(resident() >= before + (size_t)100 * MIB);
    block = mt_reallocate(block, 20, MIB); /* still a large one */
    assert_non_null(block);
    assert_true(resident() <= before + (size_t)40 * MIB);
    for (size_t i = 0; i < (size_t)20 * MIB; i += 4096)
        assert_int_equal(block[i], 0xEF);
    block = mt_reallocate(block, 100, MIB);
    assert_non_null(block);
    assert_int_equal(block[20 * MIB - 1], 0xEF);
    memset(block, 1, (size_t)100 * MIB);
    mt_free(block);
    assert_true(resident() <= before + (size_t)40 * MIB);
}

static void test_hook(void **state) {
    (void)state;
    mt_memory_fail_at(2, 0);
    void *first = mt_allocate(1, 1), *second = mt_allocate(1, 1), *third = mt_allocate(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(mt_memory_asked(), 3);
    mt_free(first);
    mt_free(third);
    mt_memory_fail_at(2, 1);
    first = mt_allocate(1, 1);
    assert_non_null(first);
    assert_null(mt_allocate_zero(1, 1));
    assert_null(mt_reallocate(NULL, 1, 1));
    assert_null(mt_copy_text("x", 1));
    mt_memory_fail_at(0, 0);
    second = mt_copy_text("x", 1);
    assert_non_null(second);
    mt_free(first);
    mt_free(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_overflow, switch_off),
        cmocka_unit_test_teardown(test_nothing_can_be_freed, switch_off),
        cmocka_unit_test_teardown(test_zero_and_copy, switch_off),
        cmocka_unit_test_teardown(test_what_is_held, switch_off),
        cmocka_unit_test_teardown(test_grow, switch_off),
        cmocka_unit_test_teardown(test_grow_large, switch_off),
        cmocka_unit_test_teardown(test_resize, switch_off),
        cmocka_unit_test_teardown(test_large_goes_back, switch_off),
        cmocka_unit_test(test_big_steps),
        cmocka_unit_test_teardown(test_big, switch_off),
        cmocka_unit_test_teardown(test_hook, switch_off),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
