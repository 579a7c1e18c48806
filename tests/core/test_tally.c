/* Tallies: the same summary as of a list with all the numbers in it. */
#include "stats/tally.h"

#include "base/memory.h"
#include "trace_support.h"
#include "sweep.h"

#include <math.h>

enum { MOST = 5000 };

static void assert_near(double value, double expected) {
    if (!(isnan(value) && isnan(expected)) && !(fabs(value - expected) <= 1e-12 * fabs(expected)))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void compare(const uint64_t *values, size_t count) {
    static double list[MOST];
    mt_tally tally = {0};
    mt_summary summary, expected;
    for (size_t i = 0; i < count; i++) {
        list[i] = (double)values[i];
        assert_int_equal(mt_tally_add(&tally, values[i]), 0);
    }
    assert_int_equal(mt_tally_summarise(&tally, &summary), 0);
    mt_summarise(list, count, &expected);
    assert_int_equal(summary.count, expected.count);
    assert_near(summary.sum, expected.sum);
    assert_near(summary.mean, expected.mean);
    assert_near(summary.population_deviation, expected.population_deviation);
    assert_near(summary.sample_deviation, expected.sample_deviation);
    assert_near(summary.min, expected.min);
    assert_near(summary.p25, expected.p25);
    assert_near(summary.median, expected.median);
    assert_near(summary.p75, expected.p75);
    assert_near(summary.max, expected.max);
    mt_tally_free(&tally);
    assert_int_equal(tally.used, 0);
}

static void test_known(void **state) {
    (void)state;
    mt_tally tally = {0};
    mt_summary summary;
    uint64_t values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(mt_tally_add(&tally, values[i]), 0);
    assert_int_equal(mt_tally_summarise(&tally, &summary), 0);
    assert_int_equal(tally.used, 5);
    assert_true(summary.count == 8 && summary.sum == 40 && summary.mean == 5);
    assert_true(summary.population_deviation == 2 && summary.min == 2 && summary.max == 9);
    assert_true(summary.p25 == 4 && summary.median == 4.5 && summary.p75 == 5.5);
    assert_int_equal(mt_tally_add(&tally, 100), 0); /* it goes on */
    assert_int_equal(mt_tally_summarise(&tally, &summary), 0);
    assert_true(summary.count == 9 && summary.max == 100);
    mt_tally_free(&tally);
}

static void test_none(void **state) {
    (void)state;
    compare(NULL, 0);
    compare((uint64_t[]){7}, 1);
}

/* Few values and many, small ones, and such as differ only in their high bits. */
static void test_against_list(void **state) {
    (void)state;
    static uint64_t values[MOST];
    uint64_t random = 1;
    for (int round = 0; round < 60; round++) {
        size_t count = 1 + (size_t)below(&random, round < 30 ? 20 : MOST);
        uint64_t different = round % 3 == 0 ? 5 : (uint64_t)1 << 20;
        int shift = round % 4 == 0 ? 33 : 0;
        for (size_t i = 0; i < count; i++)
            values[i] = below(&random, different) << shift;
        compare(values, count);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        mt_tally tally = {0};
        mt_summary summary;
        int status = 0;
        for (uint64_t i = 0; i < 3000 && status == 0; i++)
            status = mt_tally_add(&tally, 41 * i); /* small ones and others */
        if (status == 0)
            status = mt_tally_summarise(&tally, &summary);
        all.code = status == 0 ? MT_OK : MT_ERROR_MEMORY;
        mt_tally_free(&tally);
    }
}

/* Memory that fails for a while loses nothing: what was not taken in is taken in again. */
static void test_memory_comes_back(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    uint64_t failures = 0;
    for (uint64_t at = 1; at < 40; at++) {
        double list[COUNT];
        mt_tally tally = {0};
        mt_summary summary, expected;
        mt_memory_fail_at(at, 0);
        for (uint64_t i = 0; i < COUNT; i++) {
            list[i] = (double)(41 * i);
            int failed = mt_tally_add(&tally, 41 * i);
            if (failed)
                assert_int_equal(mt_tally_add(&tally, 41 * i), 0);
            failures += failed != 0;
        }
        mt_memory_fail_at(0, 0);
        assert_int_equal(mt_tally_summarise(&tally, &summary), 0);
        mt_summarise(list, COUNT, &expected);
        assert_int_equal(summary.count, COUNT);
        assert_near(summary.sum, expected.sum);
        assert_near(summary.p75, expected.p75);
        mt_tally_free(&tally);
    }
    assert_true(failures > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_against_list),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_memory_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
