/* Values, areas and means of random expressions against the plain slow version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "curve_oracle.h"

static const double end = 37.31;

static void random_values(void **state) {
    (void)state;
    uint64_t random = 1;
    int different = 0;
    for (int n = 0; n < 3000; n++) {
        oracle *plain = oracle_random(&random, 4);
        mt_curve *curve = oracle_curve(plain);
        for (int i = 0; i < 20; i++) {
            double t = oracle_number(&random, 0, 60) + 0.00123; /* not where pieces meet */
            double got = mt_curve_at(curve, 0, t), wanted = oracle_at(plain, t);
            /* Rounding may put t on the other side of a jump: seldom. */
            if (!(fabs(got - wanted) <= 1e-9 * (1 + fabs(wanted))))
                different++;
        }
        mt_curve_release(curve);
        oracle_free(plain);
    }
    assert_true(different <= 3);
}

static void random_areas(void **state) {
    (void)state;
    uint64_t random = 2;
    double worst = 0;
    for (int n = 0; n < 400; n++) {
        oracle *plain = oracle_random(&random, n % 4 + 1);
        mt_curve *curve = oracle_curve(plain);
        double t0 = oracle_number(&random, 0, 10), t1 = oracle_number(&random, 12, end);
        double size = oracle_area(plain, oracle_size, t0, t1, 1e-3) + 1e-3;
        double wanted = oracle_area(plain, oracle_at, t0, t1, 1e-11 * size);
        double error = fabs(mt_curve_area(curve, 0, t0, t1) - wanted) / size;
        worst = fmax(worst, error);
        if (!(error <= 1e-9)) {
            char text[512];
            fail_msg("%s: area of [%g, %g] is %.15g, not %.15g", mt_curve_text(curve, text, 512),
                     t0, t1, mt_curve_area(curve, 0, t0, t1), wanted);
        }
        mt_curve_release(curve);
        oracle_free(plain);
    }
    assert_true(worst > 0); /* two ways of computing it */
}

/* The area of a whole is that of its parts, wherever it is cut. */
static void parts_add_up(void **state) {
    (void)state;
    uint64_t random = 3;
    for (int n = 0; n < 300; n++) {
        oracle *plain = oracle_random(&random, 4);
        mt_curve *curve = oracle_curve(plain);
        double parts = 0, size = 1e-3;
        for (int i = 0; i < 40; i++) {
            double part = mt_curve_area(curve, 0, end * i / 40, end * (i + 1) / 40);
            parts += part;
            size += fabs(part);
        }
        double whole = mt_curve_area(curve, 0, 0, end);
        if (!(fabs(whole - parts) <= 1e-10 * size)) {
            char text[512];
            fail_msg("%s: %.15g, by parts %.15g", mt_curve_text(curve, text, 512), whole, parts);
        }
        mt_curve_release(curve);
        oracle_free(plain);
    }
}

/* No value is above the maximum, and one comes near it. */
static void maxima(void **state) {
    (void)state;
    uint64_t random = 4;
    enum { SAMPLES = 20000 };
    for (int n = 0; n < 60; n++) {
        oracle *plain = oracle_random(&random, 3);
        mt_curve *endless = oracle_curve(plain), *curve = mt_curve_take(endless, end, NULL);
        double best = -INFINITY;
        for (int i = 0; i < SAMPLES; i++)
            best = fmax(best, oracle_at(plain, end * (i + 0.5) / SAMPLES));
        double max = mt_curve_max(curve, 0, 0), size = 1 + fabs(best);
        assert_true(best <= max + 1e-10 * size);
        assert_true(max - best <= 0.05 * size);
        mt_curve_release(curve);
        mt_curve_release(endless);
        oracle_free(plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_values),
        cmocka_unit_test(random_areas),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(maxima),
    };
    return cmocka_run_group_tests_name("curve_area", tests, NULL, NULL);
}
