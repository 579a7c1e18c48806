/* Where pieces meet: rounding at a curve's ends, what long sums lose, what settles when, and where
 * a value below 0 is no more than rounding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/curve/curve.h"

#include <math.h>

/* An operation's result, its operand released. */
static mt_curve *of(mt_curve *made, mt_curve *operand) {
    mt_curve_release(operand);
    assert_non_null(made);
    return made;
}

static mt_curve *constant(double rate, double duration) {
    return mt_curve_constant(rate, duration, NULL);
}

static mt_curve *sine(void) {
    return mt_curve_sine(20, 10, 60, 0, NULL);
}

static mt_curve *then(mt_curve *a, mt_curve *b) {
    return of(of(mt_curve_then(a, b, NULL), a), b);
}

static mt_curve *less(mt_curve *a, mt_curve *b) {
    return of(of(mt_curve_subtract(a, b, NULL), a), b);
}

/* ---- the last moment ---- */

/* A tenth of a second has no exact binary: the last double before each round's end is still 7. */
static void the_last_moment_of_a_part(void **state) {
    (void)state;
    mt_curve *tenth = constant(7, 0.1);
    mt_curve *loop = mt_curve_loop(tenth, 0, NULL);
    for (int i = 1; i <= 100000; i++) {
        if (mt_curve_at(loop, 0, i * 0.1) != 7 || mt_curve_at(loop, 0, nextafter(i * 0.1, 0)) != 7)
            fail_msg("round %d", i);
    }
    mt_curve_release(loop);
    for (int i = 1; i <= 1000; i++) {
        mt_curve *changed[] = {mt_curve_shift(tenth, i * 0.7, NULL),
                               mt_curve_stretch(tenth, i * 0.7, NULL),
                               mt_curve_speed(tenth, i * 0.7, NULL), NULL};
        mt_curve *first = constant(7, i * 0.7);
        changed[3] = of(mt_curve_then(first, tenth, NULL), first);
        for (int k = 0; k < 4; k++) {
            double last = nextafter(mt_curve_duration(changed[k]), 0);
            double wanted = k == 2 ? 7 * (i * 0.7) : 7;
            if (mt_curve_at(changed[k], 0, last) != wanted)
                fail_msg("curve %d of %d is %g", k, i, mt_curve_at(changed[k], 0, last));
            mt_curve_release(changed[k]);
        }
    }
    mt_curve_release(tenth);
}

/* The last request may come at the end but for rounding; it is put before it. */
static void requests_come_before_the_end(void **state) {
    (void)state;
    for (int i = 1; i <= 2000; i++) {
        double end = i * 0.1, rate = i / 3.0, total, time;
        mt_curve *curve = constant(rate, end);
        assert_int_equal(mt_curve_total(curve, 0, end, &total, NULL), MT_OK);
        mt_clock *clock = mt_clock_open(curve, 0, 1, end, NULL);
        assert_int_equal(mt_clock_time(clock, nextafter(total, 0), &time, NULL), MT_OK);
        if (!(time < end))
            fail_msg("%.17g is not before %.17g", time, end);
        mt_clock_close(clock);
        mt_curve_release(curve);
    }
}

/* A million pieces: the area is still right to the last digits. */
static void long_sums_lose_nothing(void **state) {
    (void)state;
    mt_curve *tenth = constant(0.3, 0.1);
    mt_curve *loop = of(mt_curve_loop(tenth, 0, NULL), tenth);
    mt_clock *clock = mt_clock_open(loop, 0, 1, INFINITY, NULL);
    double area;
    assert_int_equal(mt_clock_area(clock, 1e5, &area, NULL), MT_OK);
    if (!(fabs(area - 3e4) <= 1e-11))
        fail_msg("off by %g", area - 3e4);
    mt_clock_close(clock);
    mt_curve_release(loop);
}

/* ---- below 0 by rounding ---- */

/* 0.3 - 0.1 - 0.2 is -2.8e-17 in doubles: no one's mistake, after a rate of 10 has been seen. */
static void rounding_is_no_clamp(void **state) {
    (void)state;
    mt_curve *nothing = less(less(constant(0.3, 5), constant(0.1, 5)), constant(0.2, 5));
    assert_true(mt_curve_at(nothing, 0, 1) < 0);
    mt_curve *curve = then(mt_curve_ramp(0, 10, 5, NULL), nothing);
    mt_clock *clock = mt_clock_open(curve, 0, 1, INFINITY, NULL);
    double area;
    assert_int_equal(mt_clock_area(clock, 10, &area, NULL), MT_OK);
    assert_true(area == 25 && mt_clock_clamped_at(clock) == -1);
    mt_clock_close(clock);
    mt_curve_release(curve);
    curve = then(mt_curve_ramp(0, 10, 5, NULL), constant(-1e-6, 5)); /* but this is one */
    clock = mt_clock_open(curve, 0, 1, INFINITY, NULL);
    assert_int_equal(mt_clock_area(clock, 10, &area, NULL), MT_OK);
    assert_true(area == 25 && mt_clock_clamped_at(clock) == 5);
    mt_clock_close(clock);
    mt_curve_release(curve);
}

/* ---- smooth points ---- */

static void check_monotone(mt_curve *curve) {
    double before = 0;
    for (int i = 0; i * 0.001 < mt_curve_duration(curve); i++) {
        double value = mt_curve_at(curve, 0, i * 0.001);
        if (!(value >= before))
            fail_msg("%g after %g at %g", value, before, i * 0.001);
        before = value;
    }
    mt_curve_release(curve);
}

/* Slopes of 1 and 9 side by side: with the mean of both at the middle point, the cubic would first
 * go down. Before them it stays level. */
static void smooth_stays_monotone(void **state) {
    (void)state;
    const double rates[] = {0, 0, 1, 10, 11}, times[] = {-1, 0, 1, 2, 3};
    for (size_t from = 0; from < 2; from++) {
        double shifted[5];
        for (size_t i = from; i < 5; i++)
            shifted[i - from] = times[i] - times[from];
        check_monotone(mt_curve_points(rates + from, shifted, 5 - from, 1, NULL));
    }
}

/* ---- what settles when ---- */

static void check_period(mt_curve *curve, double wanted, double wanted_settled) {
    double settled, period = mt_curve_period(curve, &settled);
    if (period != wanted || settled != wanted_settled)
        fail_msg("period %g from %g on, not %g from %g on", period, settled, wanted,
                 wanted_settled);
    mt_curve_release(curve);
}

static void periods_of_changed_curves(void **state) {
    (void)state;
    mt_curve *wave = sine(), *spike = mt_curve_spike(100, 80, 5, 20, NULL);
    check_period(mt_curve_stretch(wave, 2, NULL), 120, 0);
    check_period(mt_curve_speed(wave, 2, NULL), 30, 0);
    check_period(mt_curve_stretch(spike, 2, NULL), 0, 240);
    check_period(mt_curve_speed(spike, 4, NULL), 0, 30);
    check_period(mt_curve_shift(wave, 5, NULL), 60, 5);
    check_period(mt_curve_shift(spike, -50, NULL), 0, 70);
    check_period(then(mt_curve_ramp(0, 99, 30, NULL), sine()), 60, 30);
    mt_curve *ramp = mt_curve_ramp(0, 99, 30, NULL);
    check_period(mt_curve_pad(ramp, INFINITY, NULL), 0, 30);
    check_period(mt_curve_clamp(spike, 0, 9, NULL), 0, 120);
    mt_curve_release(ramp);
    mt_curve_release(wave);
    mt_curve_release(spike);
    /* what comes before it settles counts for the maximum and not for the mean */
    mt_curve *curve = then(mt_curve_ramp(0, 99, 30, NULL), sine());
    assert_true(mt_curve_max(curve, 0, 0) == 99);
    assert_true(fabs(mt_curve_mean(curve, 0, 0) - 20) < 1e-12);
    mt_curve_release(curve);
}

/* Noise never comes back: its maximum is that of the span asked for. */
static void maximum_of_noise(void **state) {
    (void)state;
    mt_curve *noise = mt_curve_noise(0.5, 8, 0, NULL); /* its grid: whole seconds */
    double best = 0;
    for (int i = 0; i <= 1000; i++)
        best = fmax(best, mt_curve_at(noise, 3, i));
    double maximum = mt_curve_max(noise, 3, 1000);
    assert_true(best > 1 && fabs(maximum - best) <= 1e-12 * best);
    mt_curve_release(noise);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_moment_of_a_part), cmocka_unit_test(requests_come_before_the_end),
        cmocka_unit_test(long_sums_lose_nothing),    cmocka_unit_test(rounding_is_no_clamp),
        cmocka_unit_test(smooth_stays_monotone),     cmocka_unit_test(periods_of_changed_curves),
        cmocka_unit_test(maximum_of_noise),
    };
    return cmocka_run_group_tests_name("curve_edges", tests, NULL, NULL);
}
