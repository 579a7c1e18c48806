/* Quantiles of weighted numbers: the same as of a list in which each stands as often as it counts.
 */
#include "stats/quantiles.h"

#include "base/memory.h"
#include "stats/summary.h"
#include "trace_support.h"

#include <math.h>

enum { MOST = 40, LARGEST_WEIGHT = 9 };

static void assert_near(double value, double expected) {
    assert_true(fabs(value - expected) <= 1e-12 * (1 + fabs(expected)));
}

static void compare(mt_weighted *values, size_t count) {
    double list[MOST * LARGEST_WEIGHT];
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        for (uint64_t k = 0; k < values[i].weight; k++)
            list[length++] = values[i].value;
    mt_quantiles quantiles;
    mt_summary summary;
    mt_quantiles_of(values, count, &quantiles);
    mt_summarise(list, length, &summary);
    assert_int_equal(quantiles.count, length);
    assert_near(quantiles.mean, summary.mean);
    assert_true(quantiles.min == summary.min);
    assert_near(quantiles.p10, mt_percentile(list, length, 10));
    assert_near(quantiles.p25, summary.p25);
    assert_near(quantiles.median, summary.median);
    assert_near(quantiles.p75, summary.p75);
    assert_near(quantiles.p90, mt_percentile(list, length, 90));
    assert_near(quantiles.p99, mt_percentile(list, length, 99));
    assert_true(quantiles.max == summary.max);
}

static void test_against_list(void **state) {
    (void)state;
    uint64_t random = 1;
    for (int round = 0; round < 500; round++) {
        mt_weighted values[MOST];
        size_t count = 1 + (size_t)below(&random, MOST);
        for (size_t i = 0; i < count; i++)
            values[i] = (mt_weighted){(double)below(&random, 30) / 4 - 2,
                                      below(&random, LARGEST_WEIGHT + 1)};
        values[0].weight = 1 + below(&random, LARGEST_WEIGHT);
        compare(values, count);
    }
}

/* So many numbers that they are sorted in another way: all above zero, or not; and without memory
 * for it. The list has each of them once. */
static void test_many(void **state) {
    (void)state;
    enum { MANY = 5000 };
    static mt_weighted values[MANY];
    static double list[MANY];
    for (int way = 0; way < 3; way++) {
        uint64_t random = 3;
        for (size_t i = 0; i < MANY; i++) {
            list[i] = (double)below(&random, 1000000) / 7 - (way == 1 ? 70000 : 0);
            values[i] = (mt_weighted){list[i], 1};
        }
        mt_quantiles quantiles;
        mt_summary summary;
        mt_memory_fail_at(way == 2, 1);
        mt_quantiles_of(values, MANY, &quantiles);
        mt_memory_fail_at(0, 0);
        mt_summarise(list, MANY, &summary);
        for (size_t i = 0; i < MANY; i++)
            assert_true(values[i].value == list[i]);
        assert_near(quantiles.mean, summary.mean);
        assert_true(quantiles.median == summary.median && quantiles.max == summary.max);
    }
}

static void test_none(void **state) {
    (void)state;
    mt_quantiles quantiles;
    mt_weighted nothing = {3, 0};
    mt_quantiles_of(&nothing, 0, &quantiles);
    assert_int_equal(quantiles.count, 0);
    assert_true(isnan(quantiles.mean) && isnan(quantiles.min) && isnan(quantiles.max));
    mt_quantiles_of(&nothing, 1, &quantiles);
    assert_int_equal(quantiles.count, 0);
    assert_true(isnan(quantiles.median));
}

static void test_large_weights(void **state) {
    (void)state;
    mt_weighted values[] = {{7, UINT64_C(1) << 51}, {5, UINT64_C(1) << 51}};
    mt_quantiles quantiles;
    mt_quantiles_of(values, 2, &quantiles);
    assert_true(quantiles.mean == 6);
    assert_true(quantiles.p10 == 5);
    assert_true(quantiles.median == 6);
    assert_true(quantiles.p75 == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_list),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_large_weights),
    };
    return cmocka_run_group_tests_name("quantiles", tests, NULL, NULL);
}
