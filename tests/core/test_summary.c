#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/sort.h"
#include "random/generator.h"
#include "stats/summary.h"

enum { MANY = 20000 };

static void assert_near(double got, double want) {
    if (!(fabs(got - want) <= 1e-14 * fabs(want)))
        fail_msg("%.17g is not %.17g", got, want);
}

static void test_known(void **state) {
    (void)state;
    double values[] = {9, 2, 5, 4, 12, 7, 8, 11, 9, 3, 7, 4, 12, 5, 4, 10, 9, 6, 9, 4};
    mt_summary summary;
    mt_summarise(values, 20, &summary);
    assert_int_equal(summary.count, 20);
    assert_true(summary.sum == 140 && summary.mean == 7);
    assert_near(summary.population_deviation, sqrt(178.0 / 20));
    assert_near(summary.sample_deviation, sqrt(178.0 / 19));
    assert_true(summary.min == 2 && summary.max == 12);
    assert_true(summary.p25 == 4 && summary.median == 7 && summary.p75 == 9);
}

static void test_small(void **state) {
    (void)state;
    mt_summary summary;
    mt_summarise(NULL, 0, &summary);
    assert_int_equal(summary.count, 0);
    assert_true(isnan(summary.sum) && isnan(summary.mean) && isnan(summary.population_deviation) &&
                isnan(summary.sample_deviation) && isnan(summary.min) && isnan(summary.max) &&
                isnan(summary.p25) && isnan(summary.median) && isnan(summary.p75));
    double one[] = {3.5};
    mt_summarise(one, 1, &summary);
    assert_true(summary.mean == 3.5 && summary.population_deviation == 0 &&
                isnan(summary.sample_deviation));
    assert_true(summary.p25 == 3.5 && summary.median == 3.5 && summary.p75 == 3.5);
    double two[] = {4, 1};
    mt_summarise(two, 2, &summary);
    assert_true(summary.p25 == 1.75 && summary.median == 2.5 && summary.p75 == 3.25);
}

/* What a plain sum and a sum of squares would lose. */
static void test_cancellation(void **state) {
    (void)state;
    double far[] = {1e100, 1, -1e100, 1};
    mt_summary summary;
    mt_summarise(far, 4, &summary);
    assert_true(summary.sum == 2);
    double close[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    mt_summarise(close, 4, &summary);
    assert_near(summary.sample_deviation, sqrt(30));
}

static void test_percentile(void **state) {
    (void)state;
    static const double sorted[] = {10, 20, 40, 80, 160};
    assert_true(isnan(mt_percentile(NULL, 0, 50)));
    assert_true(mt_percentile(sorted, 5, 0) == 10);
    assert_true(mt_percentile(sorted, 5, 100) == 160);
    assert_true(mt_percentile(sorted, 5, -3) == 10);
    assert_true(mt_percentile(sorted, 5, 120) == 160);
    assert_near(mt_percentile(sorted, 5, 90), 128); /* position 3.6 */
    assert_near(mt_percentile(sorted, 5, 12.5), 15);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double values[MANY], wanted[MANY];

static void check_sort(size_t count) {
    for (size_t i = 0; i < count; i++)
        wanted[i] = values[i];
    qsort(wanted, count, sizeof *wanted, by_value);
    mt_sort(values, count);
    for (size_t i = 0; i < count; i++)
        assert_true(values[i] == wanted[i]);
}

/* Orders in which quicksorts go wrong, at lengths around the change of method. */
static void test_sort(void **state) {
    (void)state;
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "sort", 4, "test", 4));
    static const size_t counts[] = {0, 1, 2, 3, 23, 24, 25, 26, 100, 1001, MANY};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int shape = 0; shape < 8; shape++) {
            size_t n = counts[c];
            for (size_t i = 0; i < n; i++) {
                double x = (double)i;
                double shapes[8] = {mt_random_uniform(&random),
                                    x,
                                    -x,
                                    1,
                                    (double)mt_random_below(&random, 3),
                                    i < n / 2 ? x : (double)n - x,
                                    (i & 1) ? x : -x,
                                    i % 7 ? INFINITY : -INFINITY};
                values[i] = shapes[shape];
            }
            check_sort(n);
        }
}

/* Musser's worst case for a median of three: it must not take quadratic time. With a first, middle,
 * last pivot that always splits off two, 20 000 values would nest 10 000 deep; heapsort takes over.
 */
static void test_sort_adversary(void **state) {
    (void)state;
    size_t half = MANY / 2;
    for (size_t i = 0; i < half; i++) {
        values[i] = (double)(i % 2 ? half + i : i + 1);
        values[half + i] = (double)(2 * (i + 1));
    }
    check_sort(MANY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),        cmocka_unit_test(test_small),
        cmocka_unit_test(test_cancellation), cmocka_unit_test(test_percentile),
        cmocka_unit_test(test_sort),         cmocka_unit_test(test_sort_adversary),
    };
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
