/* Whole-numbered samplers: Poisson, geometric, zipf, the alias table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "goodness.h"
#include "random/distribution.h"

enum { MANY = 1000000 };

static mt_random generator(uint64_t seed) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, "test", 4, "counts", 6));
    return random;
}

static double poisson_probability(double k, double mean) {
    return exp(k * log(mean) - mean - lgamma(k + 1));
}

/* Counts of k in low..low+bins-1 against their probabilities; both tails in the outer bins. */
static double poisson_p_value(double mean, uint64_t seed) {
    mt_random random = generator(seed);
    double spread = 8 * sqrt(mean) + 10;
    double low = floor(fmax(0, mean - spread));
    size_t bins = (size_t)(2 * spread + 2);
    double *counts = calloc(bins, sizeof *counts), *expected = calloc(bins, sizeof *expected);
    double sum = 0;
    for (size_t i = 0; i < bins; i++) {
        expected[i] = MANY * poisson_probability(low + (double)i, mean);
        sum += expected[i];
    }
    expected[bins - 1] += MANY - sum;
    for (int i = 0; i < MANY; i++) {
        mt_random_seek(&random, (uint64_t)i);
        double k = (double)mt_draw_poisson(&random, mean) - low;
        assert_true(k >= 0);
        counts[k < (double)bins ? (size_t)k : bins - 1]++;
    }
    double p = chi_square_test(counts, expected, bins);
    free(counts);
    free(expected);
    return p;
}

static void test_poisson(void **state) {
    (void)state;
    static const double means[] = {0.1, 1, 9.9, 10.1, 100};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        assert_true(poisson_p_value(means[i], 11 + i) > GOODNESS_BOUND);
}

/* At a mean of 1e6 the counts spread over 16 000 values: 200 bins of equal width of the
 * standardised count, each probability summed from the exact ones. */
static void test_poisson_of_a_large_mean(void **state) {
    (void)state;
    enum { BINS = 200, WIDTH = 50 };
    double mean = 1e6, low = mean - WIDTH * BINS / 2.0;
    double counts[BINS] = {0}, expected[BINS] = {0};
    for (int i = 0; i < BINS; i++)
        for (int j = 0; j < WIDTH; j++)
            expected[i] += MANY * poisson_probability(low + i * WIDTH + j, mean);
    mt_random random = generator(21);
    for (int i = 0; i < MANY; i++) {
        mt_random_seek(&random, (uint64_t)i);
        double bin = floor(((double)mt_draw_poisson(&random, mean) - low) / WIDTH);
        if (bin >= 0 && bin < BINS)
            counts[(int)bin]++;
    }
    assert_true(chi_square_test(counts, expected, BINS) > GOODNESS_BOUND);
}

static void test_poisson_edges(void **state) {
    (void)state;
    mt_random random = generator(3);
    assert_int_equal(mt_draw_poisson(&random, 0), 0);
    /* Mean and variance of 1e9 within 5 standard errors at 100 000 draws. */
    double sum = 0, squares = 0;
    for (int i = 0; i < 100000; i++) {
        double offset = (double)mt_draw_poisson(&random, 1e9) - 1e9;
        sum += offset;
        squares += offset * offset;
    }
    assert_true(fabs(sum / 1e5) < 5 * sqrt(1e9 / 1e5));
    assert_true(fabs(squares / 1e5 / 1e9 - 1) < 5 * sqrt(2 / 1e5));
}

static void test_geometric(void **state) {
    (void)state;
    enum { BINS = 100 };
    double mean = 7.5, counts[BINS] = {0}, expected[BINS] = {0}, rest = MANY;
    for (int i = 0; i + 1 < BINS; i++) {
        expected[i] = MANY * pow(1 - 1 / mean, i) / mean;
        rest -= expected[i];
    }
    expected[BINS - 1] = rest;
    mt_random random = generator(31);
    for (int i = 0; i < MANY; i++) {
        double k = mt_draw_geometric(&random, mean);
        assert_true(k >= 1 && k == floor(k));
        counts[k <= BINS ? (int)k - 1 : BINS - 1]++;
    }
    assert_true(chi_square_test(counts, expected, BINS) > GOODNESS_BOUND);
    for (int i = 0; i < 100; i++)
        assert_true(mt_draw_geometric(&random, 1) == 1);
}

static double zipf_p_value(int n, double s, uint64_t seed) {
    double *counts = calloc((size_t)n, sizeof *counts),
           *expected = calloc((size_t)n, sizeof *expected);
    double total = 0;
    for (int k = 1; k <= n; k++)
        total += pow(k, -s);
    for (int k = 1; k <= n; k++)
        expected[k - 1] = MANY * pow(k, -s) / total;
    mt_random random = generator(seed);
    for (int i = 0; i < MANY; i++) {
        double k = mt_draw_zipf(&random, n, s);
        assert_true(k >= 1 && k <= n && k == floor(k));
        counts[(int)k - 1]++;
    }
    double p = chi_square_test(counts, expected, (size_t)n);
    free(counts);
    free(expected);
    return p;
}

static void test_zipf(void **state) {
    (void)state;
    assert_true(zipf_p_value(1000, 1, 41) > GOODNESS_BOUND);
    assert_true(zipf_p_value(50, 0, 42) > GOODNESS_BOUND);
    assert_true(zipf_p_value(2000, 0.6, 43) > GOODNESS_BOUND);
    assert_true(zipf_p_value(300, 2.5, 44) > GOODNESS_BOUND);
    mt_random random = generator(45);
    for (int i = 0; i < 1000; i++) {
        assert_true(mt_draw_zipf(&random, 1, 1) == 1);
        double k = mt_draw_zipf(&random, 9007199254740992.0, 0.5);
        assert_true(k >= 1 && k <= 9007199254740992.0);
    }
}

static void test_alias(void **state) {
    (void)state;
    static const double weights[] = {3, 0, 1.5, 0.25, 8, 0, 1e-3, 2};
    enum { COUNT = sizeof weights / sizeof *weights };
    double counts[COUNT] = {0}, expected[COUNT], total = 0;
    mt_alias *alias = mt_alias_new(weights, COUNT, NULL);
    assert_non_null(alias);
    for (int i = 0; i < COUNT; i++)
        total += weights[i];
    for (int i = 0; i < COUNT; i++)
        expected[i] = MANY * weights[i] / total;
    mt_random random = generator(51);
    for (int i = 0; i < MANY; i++)
        counts[mt_alias_draw(alias, &random)]++;
    assert_true(counts[1] == 0 && counts[5] == 0);
    assert_true(chi_square_test(counts, expected, COUNT) > GOODNESS_BOUND);
    mt_alias_free(alias);
}

static void test_alias_errors(void **state) {
    (void)state;
    mt_error error;
    static const double none[] = {0, 0}, negative[] = {1, -1}, infinite[] = {1, INFINITY},
                        one[] = {5};
    assert_null(mt_alias_new(none, 2, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_null(mt_alias_new(negative, 2, &error));
    assert_null(mt_alias_new(infinite, 2, &error));
    assert_null(mt_alias_new(one, 0, &error));
    for (uint64_t n = 1;; n++) {
        mt_memory_fail_at(n, 0);
        mt_alias *alias = mt_alias_new(one, 1, &error);
        mt_memory_fail_at(0, 0);
        if (alias) {
            mt_random random = generator(1);
            assert_int_equal(mt_alias_draw(alias, &random), 0);
            mt_alias_free(alias);
            assert_true(n > 1);
            break;
        }
        assert_int_equal(error.code, MT_ERROR_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poisson),       cmocka_unit_test(test_poisson_of_a_large_mean),
        cmocka_unit_test(test_poisson_edges), cmocka_unit_test(test_geometric),
        cmocka_unit_test(test_zipf),          cmocka_unit_test(test_alias),
        cmocka_unit_test(test_alias_errors),
    };
    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
