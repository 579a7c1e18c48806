/* Power series: arithmetic and the first sign change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/curve/series.h"

#include <math.h>

#define assert_near(got, wanted, tolerance)                                                        \
    do {                                                                                           \
        double got_ = (got), wanted_ = (wanted);                                                   \
        if (!(fabs(got_ - wanted_) <= (tolerance)))                                                \
            fail_msg("%s is %.17g, not %.17g", #got, got_, wanted_);                               \
    } while (0)

/* The product of (x - root[i]) over [0, length]. */
static mt_series with_roots(const double *roots, int count, double length) {
    mt_series series, factor;
    mt_series_constant(&series, 0, length, 1);
    for (int i = 0; i < count; i++) {
        mt_series_line(&factor, 0, length, -roots[i], 1);
        mt_series_multiply(&series, &factor);
    }
    return series;
}

static void sign_changes(void **state) {
    (void)state;
    const double simple[] = {0.3, 0.7}, both_sides[] = {-0.2, 0.55, 1.4};
    const double touching[] = {0.25, 0.25}, touching_then[] = {0.25, 0.25, 0.8};
    const double half[] = {0.5}, half_and[] = {0.5, 2, 3}, at_start[] = {0, 0.6, 2};
    const double close[] = {0.4, 0.4000001, 0.9}, third[] = {0.3, 0.3, 0.3};
    const double none[] = {-1, -2, 3};
    const double many[] = {0.9, 0.8, 0.71, 0.62, 0.55, 0.47, 0.36, 0.28, 0.19, 0.11};
    const struct {
        const double *roots;
        int count;
        double first, tolerance;
    } cases[] = {
        {simple, 2, 0.3, 1e-15},   {both_sides, 3, 0.55, 1e-15},
        {touching, 2, 1, 0},       {touching_then, 3, 0.8, 1e-15},
        {half, 1, 0.5, 0},         {half_and, 3, 0.5, 1e-15},
        {at_start, 3, 0.6, 1e-15}, {close, 3, 0.4, 1e-8},
        {third, 3, 0.3, 1e-4},     {none, 3, 1, 0},
        {many, 10, 0.11, 1e-9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mt_series series = with_roots(cases[i].roots, cases[i].count, 1);
        double x = mt_series_sign_change(&series);
        if (!(fabs(x - cases[i].first) <= cases[i].tolerance))
            fail_msg("case %zu: %.17g, not %.17g", i, x, cases[i].first);
    }
    mt_series zero;
    mt_series_constant(&zero, 3, INFINITY, 0);
    assert_true(isinf(mt_series_sign_change(&zero)));
}

static void arithmetic(void **state) {
    (void)state;
    mt_series a, b;
    mt_series_line(&a, 2, 10, 1, 3);
    mt_series_line(&b, 2, 7, 4, -3);
    mt_series sum = a;
    mt_series_add(&sum, 1, &b);
    assert_int_equal(sum.degree, 0); /* a sum that is constant is known to be */
    assert_near(sum.coefficient[0], 5, 0);
    assert_near(sum.end, 7, 0);
    mt_series product = a;
    mt_series_multiply(&product, &b);
    assert_near(mt_series_at(&product, 2), 7 * -2, 1e-14);
    assert_near(mt_series_integral(&product, 1), 4 + 9.0 / 2 - 3, 1e-14);
    mt_series moved = product;
    mt_series_recentre(&moved, 1.5);
    assert_near(mt_series_at(&moved, 0.5), mt_series_at(&product, 2), 1e-13);
    mt_series quotient = a;
    mt_series_line(&b, 2, 10, 4, 1);
    mt_series_divide(&quotient, &b);
    assert_true(quotient.end > 2 && quotient.end < 10); /* no further than it holds */
    double x = quotient.end - 2;
    assert_near(mt_series_at(&quotient, x), (1 + 3 * x) / (4 + x), 1e-14);
    mt_series_constant(&b, 2, 10, 0);
    mt_series_divide(&a, &b);
    assert_true(isinf(a.coefficient[0]));
}

/* sin^2 twice over: too many terms, so the stretch is cut and what is left is right. */
static void too_many_terms(void **state) {
    (void)state;
    mt_series sine;
    mt_series_constant(&sine, 0, 2, 0);
    double term = 1;
    for (int k = 0; k <= MT_SERIES_DEGREE; k++) {
        const double signs[] = {0, 1, 0, -1};
        sine.coefficient[k] = signs[k % 4] * term;
        term /= k + 1;
    }
    sine.degree = MT_SERIES_DEGREE;
    mt_series power = sine;
    for (int i = 0; i < 3; i++)
        mt_series_multiply(&power, &sine);
    assert_true(power.end > 0.01 && power.end < 2);
    for (double part = 0; part <= 1; part += 0.125) {
        double x = part * power.end;
        assert_near(mt_series_at(&power, x), pow(sin(x), 4), 1e-14 * mt_series_bound(&power));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sign_changes),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(too_many_terms),
    };
    return cmocka_run_group_tests_name("curve_series", tests, NULL, NULL);
}
