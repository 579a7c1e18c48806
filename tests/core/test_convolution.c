/* Convolution: by hand, at the ends of lists, and the transform beside plain sums. */
#include "stats/convolution.h"

#include "base/memory.h"
#include "random/generator.h"
#include "trace_support.h"

#include <math.h>

/* Two units in step 0 and one in step 2; each holds 3, then 1. */
static void test_by_hand(void **state) {
    (void)state;
    const double values[] = {2, 0, 1}, kernel[] = {3, 1};
    double sum[] = {10, 0, 0, 0, 0};
    assert_int_equal(mt_convolve(values, 3, kernel, 2, sum, 5), 0);
    const double wanted[] = {16, 2, 3, 1, 0};
    for (int i = 0; i < 5; i++)
        assert_true(sum[i] == wanted[i]);
}

/* What comes after the end of the sum is left out, and nothing is nothing. */
static void test_ends(void **state) {
    (void)state;
    const double values[] = {1, 1, 1}, kernel[] = {1, 1, 1, 1};
    double sum[] = {0, 0, 7};
    assert_int_equal(mt_convolve(values, 3, kernel, 4, sum, 2), 0);
    assert_true(sum[0] == 1 && sum[1] == 2 && sum[2] == 7);
    assert_int_equal(mt_convolve(values, 0, kernel, 4, sum, 2), 0);
    assert_int_equal(mt_convolve(values, 3, kernel, 0, sum, 2), 0);
    assert_true(sum[0] == 1 && sum[1] == 2);
}

/* 6000 x 5000 are more products than are summed up one by one. */
static void test_transform(void **state) {
    (void)state;
    enum { VALUES = 6000, KERNEL = 5000, COUNT = 9000 };
    double *values = mt_allocate_zero(VALUES + KERNEL + COUNT, sizeof *values);
    assert_non_null(values);
    double *kernel = values + VALUES, *sum = kernel + KERNEL;
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "", 0, "convolution", 11));
    for (int i = 0; i < VALUES; i++)
        values[i] = mt_random_uniform(&random);
    for (int i = 0; i < KERNEL; i++)
        kernel[i] = mt_random_uniform(&random);
    assert_int_equal(mt_convolve(values, VALUES, kernel, KERNEL, sum, COUNT), 0);
    for (int i = 0; i < COUNT; i += 7) {
        double wanted = 0;
        for (int j = 0; j <= i && j < VALUES; j++)
            if (i - j < KERNEL)
                wanted += values[j] * kernel[i - j];
        assert_true(fabs(sum[i] - wanted) < 1e-9);
    }
    /* Only the transform takes memory. */
    double before = sum[0];
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_convolve(values, 3, kernel, 4, sum + 1, 2), 0);
    assert_int_equal(mt_convolve(values, VALUES, kernel, KERNEL, sum, COUNT), -1);
    mt_memory_fail_at(0, 0);
    assert_true(sum[0] == before);
    mt_free(values);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_ends),
                                       cmocka_unit_test(test_transform)};
    return cmocka_run_group_tests_name("convolution", tests, NULL, NULL);
}
