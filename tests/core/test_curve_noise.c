/* Noise: reproducible by position, of the promised law. Seeds are fixed; the bounds are 4.9
 * standard errors, which a right generator passes but for one in a million. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/curve/curve.h"

#include <math.h>
#include <stdlib.h>

enum { SEEDS = 20000 };

static const double errors_allowed = 4.9;

static mt_curve *noise(double cv, double corr_time, uint64_t number) {
    mt_curve *made = mt_curve_noise(cv, corr_time, number, NULL);
    assert_non_null(made);
    return made;
}

/* The value's logarithm: the normal path behind it, scaled and moved. */
static double logarithm(const mt_curve *curve, uint64_t seed, double t) {
    return log(mt_curve_at(curve, seed, t));
}

static void same_again(void **state) {
    (void)state;
    mt_curve *a = noise(0.5, 8, 3), *b = noise(0.5, 8, 3), *other = noise(0.5, 8, 4);
    int same_seed = 0, same_number = 0;
    for (int i = 1000; i > 0; i--) { /* backwards in one, forwards in the other */
        double t = i * 1.7;
        double value = mt_curve_at(a, 7, t);
        mt_curve_at(b, 7, 1701.7 - t);
        assert_true(value == mt_curve_at(b, 7, t));
        assert_true(value > 0);
        same_seed += value == mt_curve_at(a, 8, t);
        same_number += value == mt_curve_at(other, 7, t);
    }
    assert_int_equal(same_seed, 0);
    assert_int_equal(same_number, 0);
    mt_curve_release(a);
    mt_curve_release(b);
    mt_curve_release(other);
}

static void straight_between(void **state) {
    (void)state;
    mt_curve *curve = noise(1, 8, 0); /* a grid of 1 s */
    for (int i = 0; i < 2000; i++) {
        double left = mt_curve_at(curve, 1, i), right = mt_curve_at(curve, 1, i + 1);
        assert_true(fabs(mt_curve_at(curve, 1, i + 0.25) - (0.75 * left + 0.25 * right)) < 1e-12);
        assert_true(fabs(mt_curve_area(curve, 1, i, i + 1) - 0.5 * (left + right)) < 1e-12);
    }
    mt_curve_release(curve);
}

/* Mean 1 and cv, averaged over a piece of the grid, over many seeds. */
static void mean_and_cv(void **state) {
    (void)state;
    const double cvs[] = {0.1, 0.5, 1};
    for (int c = 0; c < 3; c++) {
        mt_curve *curve = noise(cvs[c], 8, 0);
        double sum = 0, square = 0, fourth = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            double t = 37 + (double)(seed % 16) / 16;
            double value = mt_curve_at(curve, seed, t);
            sum += value;
            square += (value - 1) * (value - 1);
            fourth += pow(value - 1, 4);
        }
        double mean = sum / SEEDS, variance = square / SEEDS;
        double error = sqrt((fourth / SEEDS - variance * variance) / SEEDS);
        assert_true(fabs(mean - 1) <= errors_allowed * cvs[c] / sqrt(SEEDS));
        assert_true(fabs(variance - cvs[c] * cvs[c]) <= errors_allowed * error);
        mt_curve_release(curve);
    }
}

/* The logarithm at two grid points is correlated as e^(-lag / corr_time), also across the blocks of
 * 512 that points are made in. */
static void correlation(void **state) {
    (void)state;
    const double pairs[][2] = {{0, 1},     {3, 11},    {511, 512}, {500, 524},
                               {256, 257}, {100, 356}, {0, 512},   {1023, 1025}};
    mt_curve *curve = noise(0.3, 8, 0);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            double x = logarithm(curve, seed, pairs[i][0]);
            double y = logarithm(curve, seed, pairs[i][1]);
            a += x, b += y, aa += x * x, bb += y * y, ab += x * y;
        }
        a /= SEEDS, b /= SEEDS;
        double correlation =
            (ab / SEEDS - a * b) / sqrt((aa / SEEDS - a * a) * (bb / SEEDS - b * b));
        double wanted = exp(-(pairs[i][1] - pairs[i][0]) / 8);
        double error = (1 - wanted * wanted) / sqrt(SEEDS);
        if (!(fabs(correlation - wanted) <= errors_allowed * error))
            fail_msg("%g and %g: %g, not %g", pairs[i][0], pairs[i][1], correlation, wanted);
    }
    mt_curve_release(curve);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: the logarithm is normal at a point drawn directly, one made by the first
 * halving, and one by the last. sqrt(n) D above 2.69 has p = 1e-6. */
static void normal_law(void **state) {
    (void)state;
    static double values[SEEDS];
    const double at[] = {512, 256, 333};
    mt_curve *curve = noise(0.5, 8, 0);
    /* the variance of the logarithm solves (2 (e^v - 1) + (e^(v rho) - 1)) / 3 = cv^2 */
    double v = 0.25;
    for (int i = 0; i < 100; i++)
        v += 0.25 - (2 * expm1(v) + expm1(v * exp(-0.125))) / 3;
    for (int point = 0; point < 3; point++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            values[seed] = (logarithm(curve, seed, at[point]) + v / 2) / sqrt(v);
        qsort(values, SEEDS, sizeof values[0], compare);
        double distance = 0;
        for (int i = 0; i < SEEDS; i++) {
            double below = 0.5 * erfc(-values[i] / sqrt(2));
            distance = fmax(distance, fmax(below - (double)i / SEEDS, (i + 1.0) / SEEDS - below));
        }
        assert_true(sqrt(SEEDS) * distance < 2.69);
    }
    mt_curve_release(curve);
}

/* Far out, and where no noise is wanted. */
static void limits(void **state) {
    (void)state;
    mt_curve *curve = noise(0.5, 8, 0), *none = noise(0, 8, 0);
    assert_true(mt_curve_at(curve, 1, 1e12) > 0);
    assert_true(mt_curve_at(curve, 1, 1e300) == 1); /* beyond what a grid can tell apart */
    assert_true(mt_curve_at(none, 1, 5.5) == 1);
    assert_true(mt_curve_mean(curve, 1, 0) == 1); /* in the long run */
    mt_curve_release(curve);
    mt_curve_release(none);
}

/* scale_to takes noise as its mean: the factor does not depend on the seed. */
static void scaling(void **state) {
    (void)state;
    mt_curve *curve = noise(0.5, 8, 0), *wave = mt_curve_sine(3, 1, 60, 0, NULL);
    mt_curve *product = mt_curve_multiply(wave, curve, NULL);
    mt_curve *scaled = mt_curve_scale_to(product, 30, 0, NULL);
    for (uint64_t seed = 0; seed < 10; seed++)
        assert_true(fabs(mt_curve_at(scaled, seed, 9.5) - 10 * mt_curve_at(product, seed, 9.5)) <
                    1e-10);
    mt_curve_release(curve);
    mt_curve_release(wave);
    mt_curve_release(product);
    mt_curve_release(scaled);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_again),  cmocka_unit_test(straight_between),
        cmocka_unit_test(mean_and_cv), cmocka_unit_test(correlation),
        cmocka_unit_test(normal_law),  cmocka_unit_test(limits),
        cmocka_unit_test(scaling),
    };
    return cmocka_run_group_tests_name("curve_noise", tests, NULL, NULL);
}
