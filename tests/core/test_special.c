/* The special functions, against published values and identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "random/special.h"

static void assert_close(double got, double want, double relative) {
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("%.17g is not %.17g to %g", got, want, relative);
}

static void test_normal_quantile(void **state) {
    (void)state;
    assert_close(mt_normal_quantile(0.475, 0.025), 1.959963984540054, 1e-15);
    assert_close(mt_normal_quantile(0.49, 0.01), 2.3263478740408411, 1e-15);
    assert_close(mt_normal_quantile(1e-10 - 0.5, 1e-10), -6.3613409024040562, 1e-15);
    assert_true(mt_normal_quantile(0, 0.5) == 0);
    /* Through the distribution function and back, in all three of its regions. */
    for (double p = 0x1p-53; p < 0.5; p *= 1.07) {
        double z = mt_normal_quantile(p - 0.5, p);
        assert_close(mt_normal_below(z), p, 1e-14 * (1 + z * z));
        assert_true(mt_normal_quantile(0.5 - p, p) == -z);
    }
}

static void test_gamma(void **state) {
    (void)state;
    double below, above;
    mt_gamma_split(2, 1, &below, &above);
    assert_close(below, 0.26424111765711536, 1e-14); /* 1 - 2/e */
    mt_gamma_split(10, 10, &below, &above);
    assert_close(above, 0.45792971447185232, 1e-14);
    mt_gamma_split(3, 0, &below, &above);
    assert_true(below == 0 && above == 1);
    mt_gamma_split(3, INFINITY, &below, &above);
    assert_true(below == 1 && above == 0);
    for (double x = 1e-6; x < 600; x *= 1.5) {
        mt_gamma_split(1, x, &below, &above);
        assert_close(below, -expm1(-x), 1e-13);
        assert_close(above, exp(-x), 1e-13);
        mt_gamma_split(0.5, x, &below, &above);
        assert_close(below, erf(sqrt(x)), 1e-13);
        if (x > 0.5)
            assert_close(above, erfc(sqrt(x)), 1e-12);
    }
}

/* P(a, x) - P(a + 1, x) = x^a e^-x / Gamma(a + 1), also across the change of method at 1e7. */
static void test_gamma_recurrence(void **state) {
    (void)state;
    static const double shapes[] = {0.01, 0.7, 5, 123.4, 1e5, 1e7 - 0.5, 1e7, 1e9};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int z = -6; z <= 6; z++) {
            double a = shapes[i];
            double x = a + z * sqrt(a);
            if (x <= 0)
                continue;
            double below, above, below_next, above_next;
            mt_gamma_split(a, x, &below, &above);
            mt_gamma_split(a + 1, x, &below_next, &above_next);
            double step =
                exp(-mt_poisson_deviance(a, x) - mt_stirling_error(a)) / sqrt(2 * M_PI * a);
            assert_true(fabs(below - below_next - step) < 2e-12);
            assert_true(fabs(above_next - above - step) < 2e-12);
            assert_true(fabs(below + above - 1) < 1e-14);
        }
}

static void test_stirling_error(void **state) {
    (void)state;
    assert_close(mt_stirling_error(1), 0.081061466795327258, 1e-13);
    assert_close(mt_stirling_error(15.9), mt_stirling_error(16.1), 0.02);
    assert_close(mt_stirling_error(20), 0.0041663196919921, 1e-10);
    for (double n = 1; n < 60; n++) { /* ln n! */
        double want = lgamma(n + 1);
        double got = mt_stirling_error(n) + 0.5 * log(2 * M_PI * n) + n * log(n) - n;
        assert_true(fabs(got - want) < 1e-12 * (1 + want));
    }
}

static void test_poisson_deviance(void **state) {
    (void)state;
    assert_true(mt_poisson_deviance(5, 5) == 0);
    assert_close(mt_poisson_deviance(10, 1), 10 * log(10) - 9, 1e-15);
    /* Near x = m it is (x - m)^2 / (2 m) - (x - m)^3 / (6 m^2) + ... */
    double difference = 1000;
    double m = 1e9;
    assert_close(mt_poisson_deviance(m + difference, m),
                 difference * difference / (2 * m) -
                     difference * difference * difference / (6 * m * m),
                 1e-11);
    for (double x = 1; x < 4; x += 0.01) /* both sides of the change of method */
        assert_true(fabs(mt_poisson_deviance(x, 2) - (x * log(x / 2) + 2 - x)) < 1e-15 * 8);
}

static void test_power_sum(void **state) {
    (void)state;
    static const double exponents[] = {-1, -0.5, 0, 0.3, 0.999999999, 1, 1.000000001, 1.1, 2, 7.5};
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        double s = exponents[i];
        static const double from[] = {1, 3, 16, 17, 500};
        for (size_t j = 0; j < 5; j++) {
            double sum = 0;
            for (double k = 20000; k >= from[j]; k--)
                sum += pow(k, -s);
            assert_close(mt_power_sum(from[j], 20000, s), sum, 1e-12);
        }
    }
    assert_close(mt_power_sum(1, 1e15, 2), M_PI * M_PI / 6, 1e-14);
    assert_close(mt_power_sum(1, 1e12, 1), log(1e12) + 0.57721566490153286 + 0.5e-12, 1e-15);
    assert_true(mt_power_sum(5, 4, 1) == 0);
    assert_close(mt_power_sum(40, 40, 3), pow(40, -3), 1e-15);
    assert_true(mt_power_sum(1, 1e6, 1000) == 1);
}

static void test_expm1_over(void **state) {
    (void)state;
    assert_true(mt_expm1_over(0) == 1);
    assert_close(mt_expm1_over(1e-9), 1 + 5e-10, 1e-15);
    assert_close(mt_expm1_over(2), (exp(2) - 1) / 2, 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_quantile),  cmocka_unit_test(test_gamma),
        cmocka_unit_test(test_gamma_recurrence), cmocka_unit_test(test_stirling_error),
        cmocka_unit_test(test_poisson_deviance), cmocka_unit_test(test_power_sum),
        cmocka_unit_test(test_expm1_over),
    };
    return cmocka_run_group_tests_name("special", tests, NULL, NULL);
}
