/* Random expressions of curves against plain ones that are evaluated and summed directly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "curve_oracle.h"

enum { EXPRESSIONS = 200, VALUES = 200, SPANS = 4, ARRIVALS = 60 };

static const uint64_t seed = 7;
static const double longest = 100; /* s of an expression that are looked at */

typedef void checker(const plain_tree *tree, const plain *p, double end);

/* Calls check with random expressions; the first ones are simple. */
static void for_expressions(const char *name, checker *check) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, name, strlen(name), "test", 4));
    plain_tree *tree = malloc(sizeof *tree);
    assert_non_null(tree);
    *tree = (plain_tree){.random = &random, .seed = seed};
    for (uint64_t i = 0; i < EXPRESSIONS; i++) {
        mt_random_seek(&random, i);
        const plain *p = plain_random(tree, (int)(4 * i / EXPRESSIONS));
        assert_non_null(p->curve);
        check(tree, p, fmin(p->duration, longest));
        plain_release(tree);
    }
    free(tree);
}

/* Fails with the expression when two numbers differ by more than `allowed`. */
static void hold(const plain *p, const char *what, double where, double got, double want,
                 double allowed) {
    char text[400];
    if (!(fabs(got - want) <= allowed))
        fail_msg("%s at %.17g is %.17g, not %.17g (off by %g, allowed %g), of\n%s", what, where,
                 got, want, got - want, allowed, mt_curve_text(p->curve, text, sizeof text));
}

static void check_values(const plain_tree *tree, const plain *p, double end) {
    if (isfinite(p->duration))
        hold(p, "duration", 0, mt_curve_duration(p->curve), p->duration, 1e-12 * p->duration);
    else
        assert_true(isinf(mt_curve_duration(p->curve)));
    double scale = plain_scale(tree, p, end);
    for (int i = 0; i < VALUES; i++) {
        double t = plain_between((plain_tree *)tree, -5, end + 5);
        hold(p, "value", t, mt_curve_at(p->curve, seed, t), plain_at(tree, p, t), 1e-10 * scale);
    }
}

static void test_values(void **state) {
    (void)state;
    for_expressions("values", check_values);
}

static void check_areas(const plain_tree *tree, const plain *p, double end) {
    double scale = plain_scale(tree, p, end);
    plain_area of = {tree, p, 0};
    for (int i = 0; i < SPANS; i++) {
        double t0 = i ? plain_between((plain_tree *)tree, 0, end) : 0;
        double t1 = i ? plain_between((plain_tree *)tree, t0, end) : end;
        double want = plain_area_of(&of, t0, t1, 1e-11 * scale);
        hold(p, "area", t1, mt_curve_area(p->curve, seed, t0, t1), want,
             1e-10 * scale * (t1 - t0) + 1e-10 * scale);
    }
}

static void test_areas(void **state) {
    (void)state;
    for_expressions("areas", check_areas);
}

/* Nothing is above the maximum, and it is no higher than the curve's own values by more than what a
 * line between two of them could hide. */
static void check_maximum(const plain_tree *tree, const plain *p, double end) {
    enum { GRID = 20000 };
    mt_error error;
    mt_curve *part = mt_curve_take(p->curve, end, &error);
    assert_non_null(part);
    double maximum = mt_curve_max(part, seed, end);
    double scale = plain_scale(tree, p, end);
    double highest = -INFINITY, steepest = 0, before = 0;
    for (int i = 0; i < GRID; i++) {
        double value = plain_at(tree, p, end * i / GRID);
        highest = fmax(highest, value);
        if (i > 0)
            steepest = fmax(steepest, fabs(value - before));
        before = value;
    }
    mt_curve_release(part);
    if (maximum < highest)
        hold(p, "maximum", end, maximum, highest, 1e-10 * scale);
    else
        hold(p, "maximum", end, maximum, highest, 2 * steepest + 1e-10 * scale);
}

static void test_maxima(void **state) {
    (void)state;
    for_expressions("maxima", check_maximum);
}

/* The clock's times, areas and rates over one expression, forward. */
static void check_clock(const plain_tree *tree, const plain *p, double end) {
    mt_error error;
    double scale = plain_scale(tree, p, end), allowed = 1e-10 * scale * (1 + end);
    plain_area of = {tree, p, 1};
    double total;
    assert_int_equal(mt_curve_total(p->curve, seed, end, &total, &error), MT_OK);
    hold(p, "total", end, total, plain_area_of(&of, 0, end, 1e-11 * scale), allowed);
    mt_clock *times = mt_clock_open(p->curve, seed, 1, end, &error);
    mt_clock *areas = mt_clock_open(p->curve, seed, 1, end, &error);
    assert_true(times && areas);
    double before = 0, area_before = 0;
    for (int i = 0; i < ARRIVALS; i++) {
        double wanted = total * (i + 0.5) / ARRIVALS, t, area, rate;
        if (total <= 1e-9 * scale)
            break;
        assert_int_equal(mt_clock_time(times, wanted, &t, &error), MT_OK);
        assert_true(t >= before && t < end);
        area_before += plain_area_of(&of, before, t, 1e-12 * scale);
        hold(p, "time's area", t, area_before, wanted, allowed);
        assert_int_equal(mt_clock_area(areas, t, &area, &error), MT_OK);
        hold(p, "clock's area", t, area, wanted, allowed);
        before = t;
        t = plain_between((plain_tree *)tree, t, end);
        if (i + 1 < ARRIVALS)
            continue;
        assert_int_equal(mt_clock_rate(areas, t, &rate, &error), MT_OK);
        hold(p, "rate", t, rate, fmax(plain_at(tree, p, t), 0), 1e-9 * scale);
    }
    double t;
    assert_int_equal(mt_clock_time(times, total * (1 + 1e-9) + 1e-9, &t, &error), MT_OK);
    assert_true(isinf(t));
    mt_clock_close(times);
    mt_clock_close(areas);
}

static void test_clocks(void **state) {
    (void)state;
    for_expressions("clocks", check_clock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_areas),
        cmocka_unit_test(test_maxima),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests_name("curve_random", tests, NULL, NULL);
}
