/* Curves: known values, areas, means, maxima, periods, texts; the algebra's laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "curve_support.h"

static void test_constant(void **state) {
    mt_curve *endless = keep(state, mt_curve_constant(20, INFINITY, NULL));
    assert_true(mt_curve_at(endless, 0, 0) == 20 && mt_curve_at(endless, 0, 1e12) == 20);
    assert_true(mt_curve_at(endless, 0, -1e-9) == 0);
    assert_true(isinf(mt_curve_duration(endless)) && mt_curve_mean(endless, 0, 0) == 20);
    assert_true(mt_curve_area(endless, 0, 3, 10) == 140 && mt_curve_max(endless, 0, 0) == 20);
    mt_curve *ended = keep(state, mt_curve_constant(20, 10, NULL));
    assert_true(mt_curve_at(ended, 0, nextafter(10, 0)) == 20 && mt_curve_at(ended, 0, 10) == 0);
    assert_true(mt_curve_area(ended, 0, 4, 1e9) == 120 && mt_curve_area(ended, 0, -5, 1) == 20);
    assert_true(mt_curve_area(ended, 0, 5, 5) == 0 && mt_curve_duration(ended) == 10);
}

static void test_ramp(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    assert_true(mt_curve_at(ramp, 0, 0) == 0 && mt_curve_at(ramp, 0, 15) == 25);
    assert_near(mt_curve_area(ramp, 0, 0, 30), 750);
    assert_near(mt_curve_area(ramp, 0, 10, 20), 250);
    assert_near(mt_curve_mean(ramp, 0, 0), 25);
    assert_near(mt_curve_max(ramp, 0, 0), 50); /* the limit at its end */
}

static void test_steps(void **state) {
    double rates[] = {10, 0, 20}, durations[] = {5, 5, 10};
    mt_curve *steps = keep(state, mt_curve_steps(rates, durations, 3, NULL));
    assert_true(mt_curve_at(steps, 0, 4.999) == 10 && mt_curve_at(steps, 0, 5) == 0 &&
                mt_curve_at(steps, 0, 10) == 20 && mt_curve_at(steps, 0, 20) == 0);
    assert_near(mt_curve_area(steps, 0, 0, 20), 250);
    assert_near(mt_curve_area(steps, 0, 4, 11), 30);
    assert_near(mt_curve_area(steps, 0, 6, 8), 0);
    assert_near(mt_curve_mean(steps, 0, 0), 12.5);
    assert_true(mt_curve_max(steps, 0, 0) == 20);
    durations[2] = INFINITY;
    mt_curve *endless = keep(state, mt_curve_steps(rates, durations, 3, NULL));
    double settled;
    assert_true(mt_curve_at(endless, 0, 1e9) == 20 && mt_curve_mean(endless, 0, 0) == 20);
    assert_true(mt_curve_period(endless, &settled) == 0 && settled == 10);
}

static void test_points(void **state) {
    double rates[] = {10, 20, 0}, times[] = {5, 10, 20};
    mt_curve *points = keep(state, mt_curve_points(rates, times, 3, 0, NULL));
    assert_true(mt_curve_at(points, 0, 0) == 10 && mt_curve_at(points, 0, 5) == 10);
    assert_near(mt_curve_at(points, 0, 7.5), 15);
    assert_near(mt_curve_at(points, 0, 15), 10);
    assert_near(mt_curve_area(points, 0, 0, 20), 50 + 75 + 100);
    assert_near(mt_curve_area(points, 0, 2, 7.5), 30 + 31.25);
    assert_near(mt_curve_area(points, 0, 12, 14), 28);
    assert_true(mt_curve_duration(points) == 20 && mt_curve_max(points, 0, 0) == 20);
}

/* Fritsch and Carlson's cubic: flat where two neighbours are equal, never beyond its points. */
static void test_smooth_points(void **state) {
    double rates[] = {0, 10, 10, 0}, times[] = {0, 10, 20, 30};
    mt_curve *smooth = keep(state, mt_curve_points(rates, times, 4, 1, NULL));
    for (double t = 10; t <= 20; t += 0.5)
        assert_near(mt_curve_at(smooth, 0, t), 10);
    assert_near(mt_curve_at(smooth, 0, 5), 6.25); /* slope 1 at 0, slope 0 at 10 */
    assert_near(mt_curve_area(smooth, 0, 0, 10), 50 + 100.0 / 12);
    assert_near(mt_curve_area(smooth, 0, 0, 30), 200 + 200.0 / 12);
    assert_near(mt_curve_max(smooth, 0, 0), 10);
    double steep[] = {0, 1, 100, 101}, at[] = {0, 1, 2, 30};
    mt_curve *monotone = keep(state, mt_curve_points(steep, at, 4, 1, NULL));
    double before = 0;
    for (double t = 0; t < 30; t += 0.01) {
        double value = mt_curve_at(monotone, 0, t);
        assert_true(value >= before);
        before = value;
    }
}

static void test_sine(void **state) {
    mt_curve *sine = keep(state, mt_curve_sine(20, 10, 60, 0, NULL));
    assert_near(mt_curve_at(sine, 0, 15), 30);
    assert_near(mt_curve_at(sine, 0, 45), 10);
    assert_near(mt_curve_at(sine, 0, 60e9 + 5), 25); /* the thousand millionth period too */
    assert_near(mt_curve_area(sine, 0, 0, 60), 1200);
    assert_near(mt_curve_area(sine, 0, 0, 30), 600 + 600 / pi);
    assert_near(mt_curve_area(sine, 0, 15, 15 + 1e-6), 30e-6);
    assert_true(mt_curve_max(sine, 0, 0) == 30 && mt_curve_mean(sine, 0, 0) == 20);
    double settled;
    assert_true(mt_curve_period(sine, &settled) == 60 && settled == 0);
    mt_curve *late = keep(state, mt_curve_sine(20, 10, 60, 7, NULL));
    assert_near(mt_curve_at(late, 0, 22), 30);
    mt_curve *upside_down = keep(state, mt_curve_sine(20, -10, 60, 0, NULL));
    assert_true(mt_curve_max(upside_down, 0, 0) == 30);
}

static void test_spike(void **state) {
    mt_curve *spike = keep(state, mt_curve_spike(100, 80, 5, 20, NULL));
    assert_true(mt_curve_at(spike, 0, 95) == 0 && mt_curve_at(spike, 0, 120) == 0);
    assert_near(mt_curve_at(spike, 0, 97.5), 40);
    assert_near(mt_curve_at(spike, 0, 100), 80);
    assert_near(mt_curve_at(spike, 0, 110), 40);
    assert_near(mt_curve_area(spike, 0, 0, 1000), 1000);
    assert_true(mt_curve_max(spike, 0, 0) == 80 && mt_curve_mean(spike, 0, 0) == 0);
    mt_curve *sudden = keep(state, mt_curve_spike(100, 80, 0, 20, NULL));
    assert_true(mt_curve_at(sudden, 0, nextafter(100, 0)) == 0 &&
                mt_curve_at(sudden, 0, 100) == 80 && mt_curve_max(sudden, 0, 0) == 80);
    mt_curve *cut = keep(state, mt_curve_spike(100, 80, 5, 0, NULL)); /* its top is a limit */
    assert_true(mt_curve_at(cut, 0, 100) == 0);
    assert_near(mt_curve_max(cut, 0, 0), 80);
}

/* A sampled curve holds its last value, and may jump. */
static void test_sampled(void **state) {
    double times[] = {0, 10, 10, 20}, rates[] = {0, 10, 50, 50};
    mt_curve *sampled = keep(state, mt_curve_sampled(times, rates, 4, INFINITY, "curve(f)", NULL));
    assert_near(mt_curve_at(sampled, 0, 9.999), 9.999);
    assert_true(mt_curve_at(sampled, 0, 10) == 50 && mt_curve_at(sampled, 0, 1e6) == 50);
    assert_near(mt_curve_area(sampled, 0, 0, 30), 50 + 1000);
    assert_true(isnan(mt_curve_period(sampled, NULL)));
    assert_near(mt_curve_mean(sampled, 0, 20), 27.5);
    assert_text(sampled, "curve(f)");
}

/* ---- algebra ---- */

/* Signed inside: what is taken off below 0 and added again leaves what was. */
static void test_signed(void **state) {
    mt_curve *a = keep(state, mt_curve_constant(5, INFINITY, NULL));
    mt_curve *b = keep(state, mt_curve_sine(10, 3, 7, 0, NULL));
    mt_curve *less = keep(state, mt_curve_subtract(a, b, NULL));
    assert_near(mt_curve_at(less, 0, 0), -5);
    assert_near(mt_curve_area(less, 0, 0, 7), -35);
    mt_curve *again = keep(state, mt_curve_add(less, b, NULL));
    for (double t = 0; t < 20; t += 0.37)
        assert_near(mt_curve_at(again, 0, t), 5);
    mt_curve *negative = keep(state, mt_curve_negate(b, NULL));
    assert_near(mt_curve_at(negative, 0, 7.0 / 4), -13);
}

static void test_finite_with_endless(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    mt_curve *two = keep(state, mt_curve_constant(2, INFINITY, NULL));
    typedef mt_curve *maker(mt_curve *, mt_curve *, mt_error *);
    maker *const make[] = {mt_curve_add,    mt_curve_subtract, mt_curve_multiply,
                           mt_curve_divide, mt_curve_maximum,  mt_curve_minimum};
    const double want[] = {27, 23, 50, 12.5, 25, 2}; /* at 15 */
    for (int i = 0; i < 6; i++) {
        mt_curve *both = keep(state, make[i](ramp, two, NULL));
        assert_true(mt_curve_duration(both) == 30 && mt_curve_at(both, 0, 30) == 0);
        assert_near(mt_curve_at(both, 0, 15), want[i]);
    }
    /* 0.1 + 0.2 is not 0.3 in binary, but no one would call these durations different. */
    mt_curve *parts =
        keep(state, mt_curve_then(keep(state, mt_curve_constant(1, 0.1, NULL)),
                                  keep(state, mt_curve_constant(1, 0.2, NULL)), NULL));
    mt_curve *whole = keep(state, mt_curve_constant(1, 0.3, NULL));
    assert_true(mt_curve_duration(parts) != 0.3);
    assert_non_null(keep(state, mt_curve_add(parts, whole, NULL)));
}

static void test_time(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    mt_curve *take = keep(state, mt_curve_take(ramp, 12, NULL));
    assert_true(mt_curve_duration(take) == 12 && mt_curve_at(take, 0, 12) == 0);
    assert_near(mt_curve_area(take, 0, 0, 100), 120);
    mt_curve *longer = keep(state, mt_curve_take(ramp, 99, NULL));
    assert_true(mt_curve_duration(longer) == 30);
    mt_curve *pad = keep(state, mt_curve_pad(ramp, 60, NULL));
    assert_true(mt_curve_duration(pad) == 60 && mt_curve_at(pad, 0, 45) == 0);
    assert_near(mt_curve_mean(pad, 0, 0), 12.5);
    mt_curve *late = keep(state, mt_curve_shift(ramp, 10, NULL));
    assert_true(mt_curve_duration(late) == 40 && mt_curve_at(late, 0, 9.9) == 0);
    assert_near(mt_curve_at(late, 0, 25), 25);
    mt_curve *early = keep(state, mt_curve_shift(ramp, -10, NULL));
    assert_true(mt_curve_duration(early) == 20);
    assert_near(mt_curve_at(early, 0, 0), 50.0 / 3);
    mt_curve *stretch = keep(state, mt_curve_stretch(ramp, 2, NULL));
    assert_true(mt_curve_duration(stretch) == 60);
    assert_near(mt_curve_at(stretch, 0, 30), 25);
    mt_curve *speed = keep(state, mt_curve_speed(ramp, 2, NULL));
    assert_true(mt_curve_duration(speed) == 15);
    assert_near(mt_curve_at(speed, 0, 7.5), 50);
    assert_near(mt_curve_area(speed, 0, 0, 15), 750); /* the same requests */
}

static void test_loop(void **state) {
    double rates[] = {1, 3}, durations[] = {2, 1};
    mt_curve *steps = keep(state, mt_curve_steps(rates, durations, 2, NULL));
    mt_curve *thrice = keep(state, mt_curve_loop(steps, 3, NULL));
    assert_true(mt_curve_duration(thrice) == 9 && mt_curve_at(thrice, 0, 8.5) == 3 &&
                mt_curve_at(thrice, 0, 9) == 0);
    assert_near(mt_curve_area(thrice, 0, 1, 8.5), 1 + 3 + 5 + 2 + 1.5);
    mt_curve *ever = keep(state, mt_curve_loop(steps, 0, NULL));
    double settled;
    assert_true(mt_curve_period(ever, &settled) == 3 && settled == 0);
    assert_true(mt_curve_at(ever, 0, 3e6 + 2.5) == 3 && mt_curve_at(ever, 0, 3e6) == 1);
    assert_near(mt_curve_area(ever, 0, 0, 3e9), 5e9);
    assert_near(mt_curve_mean(ever, 0, 0), 5.0 / 3);
    mt_curve *tenth = keep(state, mt_curve_constant(7, 0.1, NULL)); /* has no exact binary */
    mt_curve *many = keep(state, mt_curve_loop(tenth, 0, NULL));
    for (int i = 0; i < 1000; i++)
        assert_true(mt_curve_at(many, 0, i * 0.1) == 7);
}

static void test_clamp(void **state) {
    mt_curve *sine = keep(state, mt_curve_sine(0, 10, 4, 0, NULL));
    mt_curve *clamped = keep(state, mt_curve_clamp(sine, 0, 5, NULL));
    assert_true(mt_curve_at(clamped, 0, 1) == 5 && mt_curve_at(clamped, 0, 3) == 0);
    /* 5 from a twelfth to five twelfths of the period; 1 - cos(pi/6) on either side of it */
    double sides = 2 * 10 * 4 / (2 * pi) * (1 - cos(pi / 6));
    assert_near(mt_curve_area(clamped, 0, 0, 4), 5 * 4.0 / 3 + sides);
    assert_true(mt_curve_max(clamped, 0, 0) == 5);
    mt_curve *floor_only = keep(state, mt_curve_clamp(sine, -2, INFINITY, NULL));
    assert_true(mt_curve_at(floor_only, 0, 3) == -2 && mt_curve_at(floor_only, 0, 1) == 10);
}

static void test_scale_to(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    mt_curve *mean = keep(state, mt_curve_scale_to(ramp, 100, 0, NULL));
    assert_near(mt_curve_mean(mean, 0, 0), 100);
    mt_curve *top = keep(state, mt_curve_scale_to(ramp, 10, 1, NULL));
    assert_near(mt_curve_max(top, 0, 0), 10);
    mt_curve *sine = keep(state, mt_curve_sine(20, 10, 60, 0, NULL));
    mt_curve *noise = keep(state, mt_curve_noise(0.5, 10, 0, NULL));
    mt_curve *noisy = keep(state, mt_curve_multiply(sine, noise, NULL));
    mt_curve *scaled = keep(state, mt_curve_scale_to(noisy, 40, 0, NULL)); /* noise counts as 1 */
    for (uint64_t seed = 0; seed < 3; seed++)
        assert_near(mt_curve_at(scaled, seed, 33), 2 * mt_curve_at(noisy, seed, 33));
}

static void test_periods(void **state) {
    mt_curve *sixty = keep(state, mt_curve_sine(20, 10, 60, 0, NULL));
    mt_curve *ninety = keep(state, mt_curve_sine(20, 10, 90, 0, NULL));
    mt_curve *both = keep(state, mt_curve_add(sixty, ninety, NULL));
    double settled;
    assert_near(mt_curve_period(both, &settled), 180);
    mt_curve *spike = keep(state, mt_curve_spike(100, 80, 5, 20, NULL));
    mt_curve *with = keep(state, mt_curve_add(sixty, spike, NULL));
    assert_true(mt_curve_period(with, &settled) == 60 && settled == 120);
    assert_near(mt_curve_mean(with, 0, 0), 20); /* in the long run */
    mt_curve *odd = keep(state, mt_curve_sine(20, 10, 60 * sqrt(2), 0, NULL));
    assert_true(isnan(mt_curve_period(keep(state, mt_curve_add(sixty, odd, NULL)), NULL)));
    assert_true(isnan(mt_curve_period(keep(state, mt_curve_take(sixty, 5, NULL)), NULL)));
}

/* Ten thousand spikes added in a loop stay a shallow tree, with its terms in order. */
static void test_many_terms(void **state) {
    (void)state;
    enum { TERMS = 10000 };
    mt_curve *sum = mt_curve_constant(1, INFINITY, NULL);
    for (int i = 0; i < TERMS; i++) {
        mt_curve *spike = mt_curve_spike(i + 0.5, 10, 0.25, 0.25, NULL);
        mt_curve *next = mt_curve_add(sum, spike, NULL);
        assert_non_null(next);
        mt_curve_release(spike);
        mt_curve_release(sum);
        sum = next;
    }
    assert_near(mt_curve_at(sum, 0, 7777.5), 11);
    assert_near(mt_curve_area(sum, 0, 0, TERMS), TERMS * 3.5);
    char text[64];
    assert_string_equal(mt_curve_text(sum, text, sizeof text),
                        "const(1) + spike{at=0.5, height=10, rise=0.25, fall=0.25} + ...");
    mt_curve_release(sum);
}

/* ---- texts ---- */

static void test_texts(void **state) {
    double rates[] = {1, 2.5}, times[] = {2, 1e9};
    mt_curve *steps = keep(state, mt_curve_steps(rates, times, 2, NULL));
    mt_curve *points = keep(state, mt_curve_points(rates, times, 2, 0, NULL));
    mt_curve *smooth = keep(state, mt_curve_points(rates, times, 2, 1, NULL));
    mt_curve *a = keep(state, mt_curve_ramp(0, 0.1, 30, NULL));
    mt_curve *b = keep(state, mt_curve_constant(50, INFINITY, NULL));
    mt_curve *c = keep(state, mt_curve_sine(20, 10, 60, 5, NULL));
    mt_curve *sum = keep(state, mt_curve_add(a, b, NULL));
    mt_curve *then = keep(state, mt_curve_then(a, b, NULL));
    assert_text(steps, "steps{{1, 2}, {2.5, 1000000000}}");
    assert_text(points, "points{{1, 2}, {2.5, 1000000000}}");
    assert_text(smooth, "points{{1, 2}, {2.5, 1000000000}, smooth=true}");
    assert_text(c, "sine{mean=20, amp=10, period=60, phase=5}");
    assert_text(keep(state, mt_curve_noise(0.5, 10, 3, NULL)), "noise{cv=0.5, corr_time=10}");
    assert_text(then, "ramp(0, 0.1, 30) .. const(50)");
    assert_text(keep(state, mt_curve_multiply(sum, c, NULL)),
                "(ramp(0, 0.1, 30) + const(50)) * "
                "sine{mean=20, amp=10, period=60, phase=5}");
    assert_text(keep(state, mt_curve_subtract(b, sum, NULL)),
                "const(50) - (ramp(0, 0.1, 30) + const(50))");
    assert_text(keep(state, mt_curve_take(then, 9, NULL)),
                "(ramp(0, 0.1, 30) .. const(50)):take(9)");
    assert_text(keep(state, mt_curve_loop(a, 0, NULL)), "ramp(0, 0.1, 30):loop()");
    assert_text(keep(state, mt_curve_loop(a, 4, NULL)), "ramp(0, 0.1, 30):loop(4)");
    assert_text(keep(state, mt_curve_shift(b, -2, NULL)), "const(50):shift(-2)");
    assert_text(keep(state, mt_curve_negate(b, NULL)), "-const(50)");
    assert_text(keep(state, mt_curve_maximum(b, then, NULL)),
                "max(const(50), ramp(0, 0.1, 30) .. const(50))");
    assert_text(keep(state, mt_curve_clamp(b, 1, INFINITY, NULL)), "const(50):clamp(1, math.huge)");
    assert_text(keep(state, mt_curve_scale_to(b, 7, 1, NULL)), "const(50):scale_to{max=7}");
    assert_text(keep(state, mt_curve_divide(b, keep(state, mt_curve_divide(b, b, NULL)), NULL)),
                "const(50) / (const(50) / const(50))");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        curve_test(test_constant),      curve_test(test_ramp),
        curve_test(test_steps),         curve_test(test_points),
        curve_test(test_smooth_points), curve_test(test_sine),
        curve_test(test_spike),         curve_test(test_sampled),
        curve_test(test_signed),        curve_test(test_finite_with_endless),
        curve_test(test_time),          curve_test(test_loop),
        curve_test(test_clamp),         curve_test(test_scale_to),
        curve_test(test_periods),       curve_test(test_many_terms),
        curve_test(test_texts),
    };
    return cmocka_run_group_tests_name("curve", tests, NULL, NULL);
}
