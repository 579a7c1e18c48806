/* The plain samplers and the alias table: each follows its law in a million draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "goodness.h"
#include "sweep.h"
#include "random/distribution.h"
#include "random/special.h"

enum { MANY = 1000000, MOST_BINS = 4096 };

static double values[MANY];

static mt_random generator(const char *name, uint64_t seed) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, name, strlen(name), "test", 4));
    return random;
}

static double normal_below(const void *context, double x) {
    (void)context;
    return mt_normal_below(x);
}

static double exponential_below(const void *context, double x) {
    (void)context;
    return -expm1(-x);
}

static double gamma_below(const void *context, double x) {
    double below, above;
    mt_gamma_split(*(const double *)context, x, &below, &above);
    return below;
}

static void test_normal(void **state) {
    (void)state;
    mt_random random = generator("normal", 1);
    for (size_t i = 0; i < MANY; i++)
        values[i] = mt_draw_normal(&random);
    assert_true(kolmogorov_test(values, MANY, normal_below, NULL) > GOODNESS_BOUND);
    /* The tails, which that test hardly sees: 32 bins beyond 3 standard deviations. */
    double counts[64] = {0};
    double expected[64];
    for (int i = 0; i < 64; i++)
        expected[i] = MANY * mt_normal_below(-3) / 32;
    for (size_t i = 0; i < MANY; i++)
        if (fabs(values[i]) > 3) {
            double rank = mt_normal_below(-fabs(values[i])) / mt_normal_below(-3);
            counts[(int)(rank * 32) + (values[i] > 0 ? 32 : 0)]++;
        }
    assert_true(chi_square_test(counts, expected, 64) > GOODNESS_BOUND);
}

static void test_exponential(void **state) {
    (void)state;
    mt_random random = generator("exponential", 1);
    for (size_t i = 0; i < MANY; i++) {
        values[i] = mt_draw_exponential(&random);
        assert_true(values[i] > 0);
    }
    assert_true(kolmogorov_test(values, MANY, exponential_below, NULL) > GOODNESS_BOUND);
}

static void test_gamma(void **state) {
    (void)state;
    static const double shapes[] = {0.05, 0.5, 1, 2.5, 40, 1e6};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        /* The test costs more than the draws where the shape is large. */
        size_t count = shapes[s] > 100 ? MANY / 20 : MANY;
        mt_random random = generator("gamma", s);
        for (size_t i = 0; i < count; i++)
            values[i] = mt_draw_gamma(&random, shapes[s]);
        assert_true(kolmogorov_test(values, count, gamma_below, &shapes[s]) > GOODNESS_BOUND);
    }
}

/* ---- whole numbers ---- */

static double counts[MOST_BINS], expected[MOST_BINS];

/* P(N <= k) under Poisson(mean) is Q(k + 1, mean). */
static double poisson_below(double k, double mean) {
    double below, above;
    if (k < 0)
        return 0;
    mt_gamma_split(k + 1, mean, &below, &above);
    return above;
}

/* Bins of `width` whole numbers over mean +- 8 deviations, the ends open. */
static double poisson_p(double mean, uint64_t seed) {
    double reach = 8 * sqrt(mean) + 8;
    double first = floor(fmax(mean - reach, 0));
    double width = ceil((mean + reach - first) / 200);
    size_t bins = (size_t)ceil((mean + reach - first) / width);
    double before = 0;
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < bins; i++) {
        double last = first + width * (double)(i + 1) - 1;
        double below = i + 1 == bins ? 1 : poisson_below(last, mean);
        expected[i] = MANY * (below - before);
        before = below;
    }
    mt_random random = generator("poisson", seed);
    for (int i = 0; i < MANY; i++) {
        double bin = floor(((double)mt_draw_poisson(&random, mean) - first) / width);
        counts[(size_t)fmin(fmax(bin, 0), (double)bins - 1)]++;
    }
    return chi_square_test(counts, expected, bins);
}

static void test_poisson(void **state) {
    (void)state;
    static const double means[] = {0.1, 1, 9.9, 10.1, 100, 1e6, 1e9};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        double p = poisson_p(means[i], i);
        if (!(p > GOODNESS_BOUND))
            fail_msg("Poisson of mean %g: p = %g", means[i], p);
    }
}

static void test_poisson_ends(void **state) {
    (void)state;
    mt_random random = generator("poisson", 99);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(mt_draw_poisson(&random, 0), 0);
        assert_int_equal(mt_draw_poisson(&random, 1e-300), 0);
        assert_int_equal(mt_draw_poisson(&random, -1), 0);
        assert_int_equal(mt_draw_poisson(&random, NAN), 0);
    }
}

static void test_geometric(void **state) {
    (void)state;
    static const double means[] = {1.02, 3, 250};
    for (size_t m = 0; m < 3; m++) {
        mt_random random = generator("geometric", m);
        memset(counts, 0, sizeof counts);
        for (int i = 0; i < MANY; i++) {
            double k = mt_draw_geometric(&random, means[m]);
            assert_true(k >= 1 && k == floor(k));
            counts[(size_t)fmin(k, MOST_BINS) - 1]++;
        }
        for (size_t k = 1; k <= MOST_BINS; k++)
            expected[k - 1] = MANY / means[m] * pow(1 - 1 / means[m], (double)k - 1);
        assert_true(chi_square_test(counts, expected, MOST_BINS) > GOODNESS_BOUND);
    }
    mt_random random = generator("geometric", 9);
    for (int i = 0; i < 1000; i++)
        assert_true(mt_draw_geometric(&random, 1) == 1);
    double sum = 0;
    for (int i = 0; i < MANY; i++)
        sum += mt_draw_geometric(&random, 1e12);
    assert_true(fabs(sum / MANY / 1e12 - 1) < 0.005); /* five standard errors */
}

static void test_zipf(void **state) {
    (void)state;
    static const double exponents[] = {0, 0.4, 1, 1.000001, 1.1, 2.5, 30};
    static const double sizes[] = {1, 2, 10, 4000};
    for (size_t s = 0; s < sizeof exponents / sizeof *exponents; s++)
        for (size_t m = 0; m < 4; m++) {
            double n = sizes[m];
            mt_random random = generator("zipf", 10 * s + m);
            int draws = n < 4000 ? MANY / 10 : MANY / 3;
            memset(counts, 0, sizeof counts);
            for (int i = 0; i < draws; i++) {
                double k = mt_draw_zipf(&random, n, exponents[s]);
                assert_true(k >= 1 && k <= n && k == floor(k));
                counts[(size_t)k - 1]++;
            }
            double total = 0;
            for (size_t k = 0; k < (size_t)n; k++)
                total += expected[k] = pow((double)k + 1, -exponents[s]);
            for (size_t k = 0; k < (size_t)n; k++)
                expected[k] *= draws / total;
            if (draws - expected[0] < 20) /* as good as always 1: nothing to compare */
                assert_true(counts[0] > draws - 100);
            else
                assert_true(chi_square_test(counts, expected, (size_t)n) > GOODNESS_BOUND);
        }
}

/* A hundred bins of as many draws each, over a range too long to count one by one. */
static void test_zipf_of_many(void **state) {
    (void)state;
    static const double exponents[] = {0.4, 1, 1.3};
    enum { BINS = 100 };
    double n = 1e9;
    for (size_t s = 0; s < 3; s++) {
        double all = mt_power_sum(1, n, exponents[s]);
        double edge[BINS + 1] = {0};
        for (size_t i = 1; i <= BINS; i++) { /* about as far apart as draws are */
            edge[i] = floor(pow(n, (double)i / BINS));
            double below = mt_power_sum(1, edge[i], exponents[s]);
            double before = mt_power_sum(1, edge[i - 1], exponents[s]);
            expected[i - 1] = MANY * (below - before) / all;
            counts[i - 1] = 0;
        }
        edge[BINS] = n;
        mt_random random = generator("zipf of many", s);
        for (int i = 0; i < MANY; i++) {
            double k = mt_draw_zipf(&random, n, exponents[s]);
            size_t bin = 0;
            while (k > edge[bin + 1])
                bin++;
            counts[bin]++;
        }
        assert_true(chi_square_test(counts, expected, BINS) > GOODNESS_BOUND);
    }
}

/* ---- the alias table ---- */

static void check_alias(const double *weights, size_t count, uint64_t seed) {
    mt_error error;
    mt_alias *alias = mt_alias_new(weights, count, &error);
    assert_non_null(alias);
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += weights[i];
    for (size_t i = 0; i < count; i++) {
        expected[i] = MANY * (weights[i] / total);
        counts[i] = 0;
    }
    mt_random random = generator("alias", seed);
    for (int i = 0; i < MANY; i++) {
        size_t drawn = mt_alias_draw(alias, &random);
        assert_true(drawn < count && weights[drawn] > 0);
        counts[drawn]++;
    }
    if (count > 1)
        assert_true(chi_square_test(counts, expected, count) > GOODNESS_BOUND);
    mt_alias_free(alias);
}

static void test_alias(void **state) {
    (void)state;
    static const double few[] = {3, 0, 1, 6};
    check_alias(few, 4, 1);
    check_alias(few, 1, 2);
    static const double tiny_sum[] = {1e-310, 3e-310};
    check_alias(tiny_sum, 2, 3);
    static const double huge_sum[] = {8e307, 4e307};
    check_alias(huge_sum, 2, 4);
    double many[1000];
    for (size_t i = 0; i < 1000; i++)
        many[i] = 1 / (double)(i + 1);
    check_alias(many, 1000, 5);
    /* Shares that are no sums of powers of two: rounding leaves cells over at the end. */
    for (size_t i = 0; i < 1000; i++)
        many[i] = i % 3 ? 0 : 0.1 * (double)(i % 7 + 1);
    check_alias(many, 1000, 6);
}

static void test_alias_errors(void **state) {
    (void)state;
    static const double negative[] = {1, -2};
    static const double not_a_number[] = {1, NAN};
    static const double infinite[] = {INFINITY};
    static const double nothing[] = {0, 0};
    static const double too_large[] = {1e308, 1e308};
    mt_error error;
    assert_null(mt_alias_new(negative, 2, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message, "weight 2 must be a finite number, 0 or more (it is -2)");
    assert_null(mt_alias_new(not_a_number, 2, &error));
    assert_null(mt_alias_new(infinite, 1, &error));
    assert_null(mt_alias_new(nothing, 2, &error));
    assert_string_equal(error.message, "at least one weight must be above 0");
    assert_null(mt_alias_new(too_large, 2, &error));
    assert_null(mt_alias_new(NULL, 0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    mt_alias_free(NULL);
}

static void test_alias_out_of_memory(void **state) {
    (void)state;
    static const double weights[] = {1, 2};
    for (sweep all = {0}; sweep_next(&all);) {
        mt_alias *alias = mt_alias_new(weights, 2, &all.error);
        all.code = alias ? MT_OK : all.error.code;
        mt_alias_free(alias);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_exponential),
        cmocka_unit_test(test_gamma),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_poisson_ends),
        cmocka_unit_test(test_geometric),
        cmocka_unit_test(test_zipf),
        cmocka_unit_test(test_zipf_of_many),
        cmocka_unit_test(test_alias),
        cmocka_unit_test(test_alias_errors),
        cmocka_unit_test(test_alias_out_of_memory),
    };
    return cmocka_run_group_tests_name("samplers", tests, NULL, NULL);
}
