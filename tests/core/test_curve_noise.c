/* Noise: its law, its memory, and that it is the same wherever and in whatever order it is read.
 *
 * Bounds on means and correlations are five standard errors and more of what the fixed seed may
 * give: about one wrong alarm in a million seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "curve_support.h"
#include "goodness.h"

static const uint64_t seed = 11;

static void assert_within(double got, double want, double allowed) {
    if (!(fabs(got - want) <= allowed))
        fail_msg("%g is not %g, give or take %g", got, want, allowed);
}

/* Correlation of two lists. */
static double correlation(const double *a, const double *b, size_t count) {
    double n = (double)count, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (size_t i = 0; i < count; i++) {
        sa += a[i];
        sb += b[i];
        saa += a[i] * a[i];
        sbb += b[i] * b[i];
        sab += a[i] * b[i];
    }
    return (n * sab - sa * sb) / sqrt((n * saa - sa * sa) * (n * sbb - sb * sb));
}

/* Mean 1 and the cv asked for, lines between grid points counted in. */
static void test_moments(void **state) {
    enum { COUNT = 40000 };
    const double cvs[] = {0.1, 0.5, 1};
    for (int k = 0; k < 3; k++) {
        mt_curve *noise = keep(state, mt_curve_noise(cvs[k], 10, 0, NULL));
        double sum = 0, squares = 0;
        for (int i = 0; i < COUNT; i++) { /* 4.06 correlation times apart, all phases */
            double value = mt_curve_at(noise, seed, 40.618034 * i);
            assert_true(value > 0);
            sum += value;
            squares += value * value;
        }
        double mean = sum / COUNT;
        assert_within(mean, 1, 5.2 * cvs[k] / sqrt(COUNT));
        /* the fourth moment of a lognormal of cv 1 is large: 1 in 40 is five standard errors */
        assert_within(sqrt(squares / COUNT - mean * mean) / cvs[k], 1, k == 2 ? 0.12 : 0.03);
    }
}

static double normal_below(const void *context, double x) {
    (void)context;
    return 0.5 * erfc(-x / sqrt(2));
}

/* The logarithm at grid points is normal; those points come from every level of the halving. */
static void test_law(void **state) {
    enum { COUNT = 5000 };
    mt_curve *noise = keep(state, mt_curve_noise(0.5, 8, 0, NULL)); /* a grid of 1 s */
    double *values = calloc(COUNT, sizeof *values);
    assert_non_null(values);
    double sum = 0, squares = 0;
    for (int i = 0; i < COUNT; i++) {
        values[i] = log(mt_curve_at(noise, seed, 61.0 * i));
        sum += values[i];
        squares += values[i] * values[i];
    }
    double mean = sum / COUNT, variance = squares / COUNT - mean * mean;
    assert_within(mean, -variance / 2, 5 * sqrt(variance / COUNT)); /* or its mean would not be 1 */
    for (int i = 0; i < COUNT; i++)
        values[i] = (values[i] + variance / 2) / sqrt(variance);
    assert_true(kolmogorov_test(values, COUNT, normal_below, NULL) > GOODNESS_BOUND);
    free(values);
}

/* The logarithm's correlation at a lag of k steps is e^(-k/8). */
static void test_memory_of_the_path(void **state) {
    enum { COUNT = 1 << 17, LONGEST = 32 };
    mt_curve *noise = keep(state, mt_curve_noise(0.5, 8, 0, NULL));
    double *values = calloc(COUNT + LONGEST, sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < COUNT + LONGEST; i++)
        values[i] = log(mt_curve_at(noise, seed, i));
    const int lags[] = {1, 2, 3, 5, 8, 16, 32};
    for (size_t i = 0; i < sizeof lags / sizeof *lags; i++)
        assert_within(correlation(values, values + lags[i], COUNT), exp(-lags[i] / 8.0), 0.06);
    free(values);
}

/* One realisation for a seed and number, read in any order, through any expression. */
static void test_realisations(void **state) {
    enum { COUNT = 4000 };
    mt_curve *noise = keep(state, mt_curve_noise(0.5, 10, 0, NULL));
    mt_curve *same = keep(state, mt_curve_noise(0.5, 10, 0, NULL));
    mt_curve *other = keep(state, mt_curve_noise(0.5, 10, 1, NULL));
    mt_curve *ten = keep(state, mt_curve_constant(10, INFINITY, NULL));
    mt_curve *times_ten = keep(state, mt_curve_multiply(ten, noise, NULL));
    assert_true(mt_curve_is_noisy(times_ten) && !mt_curve_is_noisy(ten));
    double a[COUNT], b[COUNT], c[COUNT];
    for (int i = COUNT - 1; i >= 0; i--) {
        double t = 37.7 * i;
        a[i] = mt_curve_at(noise, seed, t);
        b[i] = mt_curve_at(other, seed, t);
        c[i] = mt_curve_at(noise, seed + 1, t);
        assert_near(mt_curve_at(times_ten, seed, t), 10 * a[i]);
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(mt_curve_at(same, seed, 37.7 * i) == a[i]);
    assert_within(correlation(a, b, COUNT), 0, 5 / sqrt(COUNT));
    assert_within(correlation(a, c, COUNT), 0, 5 / sqrt(COUNT));
}

static void test_without_spread(void **state) {
    mt_curve *noise = keep(state, mt_curve_noise(0, 10, 0, NULL));
    for (double t = 0; t < 100; t += 0.7)
        assert_near(mt_curve_at(noise, seed, t), 1);
    assert_near(mt_curve_area(noise, seed, 0, 55), 55);
}

/* In the long run it counts as 1, whatever the seed. */
static void test_mean(void **state) {
    mt_curve *noise = keep(state, mt_curve_noise(0.5, 10, 0, NULL));
    mt_curve *sine = keep(state, mt_curve_sine(20, 10, 60, 0, NULL));
    mt_curve *both = keep(state, mt_curve_multiply(sine, noise, NULL));
    assert_near(mt_curve_mean(both, seed, 0), 20);
    mt_curve *hour = keep(state, mt_curve_take(both, 3600, NULL));
    double own = mt_curve_mean(hour, seed, 0);
    assert_true(own != 20); /* what this realisation really has */
    assert_within(own, 20, 5 * 10 * sqrt(20 / 3600.0));
    assert_near(own * 3600, mt_curve_area(both, seed, 0, 3600));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        curve_test(test_moments),
        curve_test(test_law),
        curve_test(test_memory_of_the_path),
        curve_test(test_realisations),
        curve_test(test_without_spread),
        curve_test(test_mean),
    };
    return cmocka_run_group_tests_name("curve_noise", tests, NULL, NULL);
}
