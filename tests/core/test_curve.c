/* Rate curves: known answers, rules of duration, texts, errors, running out of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sweep.h"

#include "base/memory.h"
#include "load/curve/curve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

#define assert_near(got, wanted, tolerance)                                                        \
    do {                                                                                           \
        double got_ = (got), wanted_ = (wanted);                                                   \
        if (!(fabs(got_ - wanted_) <= (tolerance)))                                                \
            fail_msg("%s is %.17g, not %.17g", #got, got_, wanted_);                               \
    } while (0)

/* The value of an operation, its operand released: expressions can be written in one line. */
static mt_curve *owned(mt_curve *made, mt_curve *a, mt_curve *b) {
    mt_curve_release(a);
    mt_curve_release(b);
    assert_non_null(made);
    return made;
}

static mt_curve *constant(double rate, double duration) {
    return mt_curve_constant(rate, duration, NULL);
}

static mt_curve *endless(double rate) {
    return constant(rate, INFINITY);
}

static mt_curve *ramp(double a, double b, double duration) {
    return mt_curve_ramp(a, b, duration, NULL);
}

static mt_curve *sine(double mean, double amplitude, double period, double phase) {
    return mt_curve_sine(mean, amplitude, period, phase, NULL);
}

static mt_curve *then(mt_curve *a, mt_curve *b) {
    return owned(mt_curve_then(a, b, NULL), a, b);
}

static mt_curve *plus(mt_curve *a, mt_curve *b) {
    return owned(mt_curve_add(a, b, NULL), a, b);
}

static mt_curve *minus(mt_curve *a, mt_curve *b) {
    return owned(mt_curve_subtract(a, b, NULL), a, b);
}

static mt_curve *times(mt_curve *a, mt_curve *b) {
    return owned(mt_curve_multiply(a, b, NULL), a, b);
}

static mt_curve *over(mt_curve *a, mt_curve *b) {
    return owned(mt_curve_divide(a, b, NULL), a, b);
}

static mt_curve *shifted(mt_curve *a, double delay) {
    return owned(mt_curve_shift(a, delay, NULL), a, NULL);
}

static mt_curve *looped(mt_curve *a, uint64_t rounds) {
    return owned(mt_curve_loop(a, rounds, NULL), a, NULL);
}

static mt_curve *taken(mt_curve *a, double duration) {
    return owned(mt_curve_take(a, duration, NULL), a, NULL);
}

static void check_values(mt_curve *curve, const double (*wanted)[2], size_t count) {
    for (size_t i = 0; i < count; i++)
        assert_near(mt_curve_at(curve, 0, wanted[i][0]), wanted[i][1], 1e-12);
    mt_curve_release(curve);
}

#define CHECK_VALUES(curve, ...)                                                                   \
    do {                                                                                           \
        const double wanted[][2] = {__VA_ARGS__};                                                  \
        check_values(curve, wanted, sizeof wanted / sizeof wanted[0]);                             \
    } while (0)

static void values(void **state) {
    (void)state;
    CHECK_VALUES(constant(20, 5), {-1, 0}, {0, 20}, {4.999, 20}, {5, 0});
    CHECK_VALUES(ramp(10, 40, 30), {0, 10}, {15, 25}, {29, 39}, {30, 0});
    CHECK_VALUES(sine(20, 10, 60, 0), {0, 20}, {15, 30}, {45, 10}, {6e8 + 15, 30}, {-1, 0});
    CHECK_VALUES(sine(20, 10, 60, 15), {15, 20}, {30, 30}, {0, 10});
    CHECK_VALUES(mt_curve_spike(10, 8, 4, 2, NULL), {5.9, 0}, {6, 0}, {8, 4}, {10, 8}, {11, 4},
                 {12, 0}, {100, 0});
    CHECK_VALUES(mt_curve_spike(10, 8, 0, 2, NULL), {9.999, 0}, {10, 8}, {11, 4});
    CHECK_VALUES(mt_curve_spike(10, 8, 2, 0, NULL), {9, 4}, {10, 0});
    const double rates[] = {10, 40, 20}, durations[] = {5, 1, 4}, at[] = {2, 4, 8};
    CHECK_VALUES(mt_curve_steps(rates, durations, 3, NULL), {0, 10}, {4.999, 10}, {5, 40}, {6, 20},
                 {9.999, 20}, {10, 0});
    CHECK_VALUES(mt_curve_points(rates, at, 3, 0, NULL), {0, 10}, {2, 10}, {3, 25}, {4, 40},
                 {6, 30}, {8, 0});
    const double jump_times[] = {1, 2, 2, 3}, jump_rates[] = {0, 10, 50, 50};
    CHECK_VALUES(mt_curve_sampled(jump_times, jump_rates, 4, INFINITY, "f", NULL), {0, 0}, {1.5, 5},
                 {2, 50}, {3, 50}, {1e9, 50});
}

static void operations(void **state) {
    (void)state;
    CHECK_VALUES(plus(ramp(0, 10, 10), endless(5)), {0, 5}, {5, 10}, {10, 0});
    CHECK_VALUES(minus(endless(5), endless(8)), {0, -3}); /* signed inside an expression */
    CHECK_VALUES(times(ramp(0, 10, 10), endless(5)), {2, 10});
    CHECK_VALUES(over(endless(12), ramp(1, 3, 10)), {0, 12}, {5, 6});
    CHECK_VALUES(then(constant(1, 2), constant(3, 4)), {1.9, 1}, {2, 3}, {5.9, 3}, {6, 0});
    CHECK_VALUES(taken(endless(7), 3), {2.9, 7}, {3, 0});
    CHECK_VALUES(shifted(ramp(0, 10, 10), 5), {4.9, 0}, {5, 0}, {10, 5}, {15, 0});
    CHECK_VALUES(shifted(ramp(0, 10, 10), -4), {0, 4}, {5, 9}, {6, 0});
    CHECK_VALUES(looped(ramp(0, 10, 10), 3), {0, 0}, {15, 5}, {29, 9}, {30, 0});
    CHECK_VALUES(looped(ramp(0, 10, 10), 0), {1e7 + 5, 5});
    mt_curve *a = ramp(0, 10, 10), *five = endless(5);
    CHECK_VALUES(mt_curve_pad(a, 20, NULL), {9, 9}, {10, 0}, {19, 0});
    CHECK_VALUES(mt_curve_stretch(a, 2, NULL), {10, 5}, {19, 9.5}, {20, 0});
    CHECK_VALUES(mt_curve_speed(a, 2, NULL), {2.5, 10}, {4, 16}, {5, 0});
    CHECK_VALUES(mt_curve_clamp(a, 2, 6, NULL), {1, 2}, {4, 4}, {8, 6}, {10, 0});
    CHECK_VALUES(mt_curve_maximum(a, five, NULL), {1, 5}, {8, 8});
    CHECK_VALUES(mt_curve_minimum(a, five, NULL), {1, 1}, {8, 5});
    CHECK_VALUES(mt_curve_negate(a, NULL), {1, -1});
    CHECK_VALUES(mt_curve_scale_to(a, 20, 0, NULL), {5, 20});
    CHECK_VALUES(mt_curve_scale_to(a, 20, 1, NULL), {5, 10});
    mt_curve_release(a);
    mt_curve_release(five);
}

static void check_area(mt_curve *curve, double t0, double t1, double wanted) {
    assert_near(mt_curve_area(curve, 0, t0, t1), wanted, 1e-12 * fmax(fabs(wanted), 1));
    mt_curve_release(curve);
}

static void areas(void **state) {
    (void)state;
    check_area(constant(20, 5), -3, 8, 100);
    check_area(ramp(0, 50, 30), 0, 30, 750);
    check_area(sine(20, 10, 60, 0), 0, 30, 600 + 600 / pi);
    check_area(sine(20, 10, 60, 0), 60e6, 60e6 + 30, 600 + 600 / pi);
    check_area(sine(0, 10, 60, 0), 1, 1 + 1e-6, 1e-5 * sin(2 * pi * (1 + 5e-7) / 60));
    check_area(mt_curve_spike(10, 8, 4, 2, NULL), 0, 1e9, 24);
    check_area(mt_curve_spike(1, 8, 4, 2, NULL), 0, 100, 8 + 7); /* the start is cut off */
    const double rates[] = {10, 40, 20}, durations[] = {5, 1, 4}, at[] = {2, 4, 8};
    check_area(mt_curve_steps(rates, durations, 3, NULL), 1, 9, 40 + 40 + 60);
    check_area(mt_curve_steps(rates, durations, 3, NULL), 5.25, 5.5, 10);
    check_area(mt_curve_points(rates, at, 3, 0, NULL), 0, 8, 20 + 50 + 120);
    check_area(mt_curve_points(rates, at, 3, 0, NULL), 3, 6, 32.5 + 70);
    check_area(looped(ramp(0, 10, 10), 0), 5, 1e9 + 5, 5e9);
    check_area(looped(ramp(0, 10, 10), 3), 0, 100, 150);
    check_area(times(sine(20, 10, 60, 0), sine(20, 10, 60, 0)), 0, 60, 60 * 450.0);
    check_area(over(endless(1), sine(2, 1, 10, 0)), 0, 10, 10 / sqrt(3));
    check_area(over(endless(1), ramp(1, 3, 2)), 0, 2, log(3));
    check_area(times(ramp(0, 1, 1), ramp(0, 1, 1)), 0, 1, 1.0 / 3);
    check_area(minus(endless(5), endless(8)), 0, 10, -30);
    mt_curve *wave = sine(0, 1, 2 * pi, 0);
    mt_curve *positive = mt_curve_clamp(wave, 0, INFINITY, NULL);
    mt_curve_release(wave);
    check_area(positive, 0, 20 * pi, 20);
}

/* A smooth curve passes through its points, is monotone between them, and its area is that of its
 * values. */
static void smooth_points(void **state) {
    (void)state;
    const double rates[] = {0, 1, 50, 50, 20, 21}, at[] = {0, 10, 11, 20, 30, 60};
    mt_curve *curve = mt_curve_points(rates, at, 6, 1, NULL);
    for (int i = 0; i < 5; i++)
        assert_near(mt_curve_at(curve, 0, at[i]), rates[i], 1e-12);
    double area = 0;
    const double step = 60.0 / 60000;
    for (int i = 0; i < 60000; i++) {
        double t = (i + 0.5) * step, value = mt_curve_at(curve, 0, t), size = 0;
        for (int k = 0; k < 5; k++)
            if (t >= at[k] && t <= at[k + 1]) {
                assert_true(value >= fmin(rates[k], rates[k + 1]) - 1e-9);
                assert_true(value <= fmax(rates[k], rates[k + 1]) + 1e-9);
                size = rates[k + 1] - rates[k];
            }
        double next = mt_curve_at(curve, 0, t + 1e-4 * step);
        assert_true((next - value) * size >= -1e-12);
        area += value * step;
    }
    assert_near(mt_curve_area(curve, 0, 0, 60), area, 1e-3);
    assert_near(mt_curve_area(curve, 0, 0, 25.5) + mt_curve_area(curve, 0, 25.5, 60),
                mt_curve_area(curve, 0, 0, 60), 1e-10);
    mt_curve_release(curve);
}

static void means_and_maxima(void **state) {
    (void)state;
    mt_curve *curve = sine(20, 10, 60, 7);
    assert_near(mt_curve_mean(curve, 0, 0), 20, 1e-12);
    assert_true(mt_curve_max(curve, 0, 0) == 30); /* exactly */
    mt_curve_release(curve);
    curve = then(ramp(0, 50, 30), constant(20, 10));
    assert_near(mt_curve_mean(curve, 0, 0), 950.0 / 40, 1e-12);
    assert_true(mt_curve_max(curve, 0, 0) == 50); /* never reached: the limit from the left */
    mt_curve_release(curve);
    /* 60 s and 90 s come together every 180 s */
    curve = plus(sine(20, 10, 60, 0), sine(5, 2, 90, 0));
    double settled;
    assert_near(mt_curve_period(curve, &settled), 180, 1e-9);
    assert_near(settled, 0, 0);
    assert_near(mt_curve_mean(curve, 0, 0), 25, 1e-12);
    mt_curve_release(curve);
    curve = plus(sine(20, 10, 60, 0), sine(5, 2, 60 * sqrt(2), 0));
    assert_true(isnan(mt_curve_period(curve, NULL)));
    mt_curve_release(curve);
    /* in the long run */
    curve = plus(mt_curve_spike(10, 100, 2, 2, NULL), endless(3));
    assert_near(mt_curve_mean(curve, 0, 0), 3, 0);
    assert_near(mt_curve_max(curve, 0, 0), 103, 0);
    mt_curve_release(curve);
    /* x (1 - x) on [0, 1] */
    curve = times(ramp(0, 1, 1), ramp(1, 0, 1));
    assert_near(mt_curve_max(curve, 0, 0), 0.25, 1e-15);
    mt_curve_release(curve);
    curve = shifted(looped(ramp(0, 10, 10), 0), 5);
    assert_near(mt_curve_period(curve, &settled), 10, 0);
    assert_near(settled, 5, 0);
    mt_curve_release(curve);
}

static void durations(void **state) {
    (void)state;
    mt_error error;
    mt_curve *short_one = constant(1, 30), *long_one = constant(2, 90), *for_ever = endless(3);
    assert_null(mt_curve_add(short_one, long_one, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message,
                        "the curves last 30 s and 90 s and cannot be combined: :take(30) cuts the "
                        "long one, :pad(90) adds silence to the short one");
    assert_null(mt_curve_subtract(long_one, short_one, &error));
    assert_null(mt_curve_multiply(short_one, long_one, &error));
    assert_null(mt_curve_divide(short_one, long_one, &error));
    assert_null(mt_curve_maximum(short_one, long_one, &error));
    assert_null(mt_curve_minimum(short_one, long_one, &error));
    mt_curve *sum = mt_curve_add(for_ever, long_one, &error);
    assert_true(mt_curve_duration(sum) == 90);
    mt_curve_release(sum);
    assert_null(mt_curve_then(for_ever, long_one, &error));
    assert_string_equal(error.message, "the curve on the left never ends, so nothing can follow "
                                       "it: end it with :take(d)");
    assert_null(mt_curve_loop(for_ever, 2, &error));
    assert_null(mt_curve_shift(short_one, -30, &error));
    assert_string_equal(error.message, "shifting by -30 s drops all of the curve's 30 s");
    /* rounding is not a difference */
    mt_curve *tenths = then(constant(1, 0.1), constant(1, 0.2)), *third = constant(1, 0.3);
    sum = mt_curve_add(tenths, third, &error);
    assert_non_null(sum);
    mt_curve_release(sum);
    mt_curve_release(tenths);
    mt_curve_release(third);
    /* a curve that ends sooner stays as it is, so does one that ends later */
    mt_curve *taken_one = mt_curve_take(short_one, 90, &error);
    mt_curve *padded = mt_curve_pad(long_one, 30, &error);
    assert_ptr_equal(taken_one, short_one);
    assert_ptr_equal(padded, long_one);
    mt_curve_release(taken_one);
    mt_curve_release(padded);
    mt_curve_release(short_one);
    mt_curve_release(long_one);
    mt_curve_release(for_ever);
}

static void refused(mt_curve *made, const mt_error *error, const char *part) {
    assert_null(made);
    assert_int_equal(error->code, MT_ERROR_VALUE);
    if (!strstr(error->message, part))
        fail_msg("'%s' does not say '%s'", error->message, part);
}

static void bad_values(void **state) {
    (void)state;
    mt_error e;
    refused(mt_curve_constant(NAN, 1, &e), &e, "the rate must be finite, not");
    refused(mt_curve_constant(1, 0, &e), &e, "the duration must be greater than 0, not 0");
    refused(mt_curve_ramp(0, 1, INFINITY, &e), &e, "greater than 0 and finite, not inf");
    refused(mt_curve_sine(INFINITY, 1, 60, 0, &e), &e, "mean must be finite, not inf");
    refused(mt_curve_sine(5, NAN, 60, 0, &e), &e, "amp must be finite, not nan");
    refused(mt_curve_sine(5, 1, INFINITY, 0, &e), &e, "period must be greater than 0");
    refused(mt_curve_sine(5, 1, 60, -INFINITY, &e), &e, "phase must be finite, not -inf");
    refused(mt_curve_sine(1, 1, -2, 0, &e), &e, "period must be greater than 0 and finite, not -2");
    refused(mt_curve_spike(1, 1, 0, 0, &e), &e, "not both 0");
    refused(mt_curve_noise(-1, 1, 0, &e), &e, "cv must be between 0 and 100, not -1");
    refused(mt_curve_noise(1, 0, 0, &e), &e, "corr_time must be greater than 0");
    const double one[] = {1, 1}, bad[] = {INFINITY, 1}, back[] = {2, 1}, zero[] = {0, 0};
    refused(mt_curve_steps(one, one, 0, &e), &e, "at least one step");
    refused(mt_curve_steps(bad, one, 2, &e), &e, "the rate of step 1 must be finite, not inf");
    refused(mt_curve_steps(one, bad, 2, &e), &e,
            "the duration of step 1 must be greater than 0 and");
    refused(mt_curve_points(one, one, 0, 0, &e), &e, "at least one point");
    refused(mt_curve_points(one, back, 2, 0, &e), &e,
            "times must increase: point 2 is at 1 s, the one before it at 2 s");
    refused(mt_curve_points(one, one, 2, 0, &e), &e, "times must increase");
    refused(mt_curve_points(one, zero, 1, 0, &e), &e, "the time of the last point");
    refused(mt_curve_points(bad, one, 1, 0, &e), &e, "the rate of point 1 must be finite");
    mt_curve *curve = sine(0, 1, 10, 0);
    refused(mt_curve_scale_to(curve, 5, 0, &e), &e, "cannot be scaled");
    refused(mt_curve_scale_to(curve, -5, 0, &e), &e,
            "mean must be finite and not negative, not -5");
    refused(mt_curve_stretch(curve, 0, &e), &e, "the factor must be greater than 0");
    refused(mt_curve_take(curve, 0, &e), &e, "the duration must be greater than 0");
    refused(mt_curve_clamp(curve, 2, 1, &e), &e, "must not be above");
    mt_curve_release(curve);
    const double t[] = {0, 1};
    curve = mt_curve_sampled(t, one, 2, INFINITY, "f", NULL);
    refused(mt_curve_scale_to(curve, 5, 0, &e), &e, "does not repeat itself");
    mt_curve_release(curve);
}

static void check_text(mt_curve *curve, const char *wanted) {
    char text[256];
    assert_string_equal(mt_curve_text(curve, text, sizeof text), wanted);
    mt_curve_release(curve);
}

static void texts(void **state) {
    (void)state;
    check_text(then(ramp(0, 50, 30), endless(50)), "ramp(0, 50, 30) .. const(50)");
    check_text(times(plus(endless(1), endless(2)), endless(3)), "(const(1) + const(2)) * const(3)");
    check_text(plus(endless(1), times(endless(2), endless(3))), "const(1) + const(2) * const(3)");
    check_text(minus(endless(1), plus(endless(2), endless(3))), "const(1) - (const(2) + const(3))");
    check_text(minus(minus(endless(1), endless(2)), endless(3)), "const(1) - const(2) - const(3)");
    check_text(over(endless(1), over(endless(2), endless(3))), "const(1) / (const(2) / const(3))");
    check_text(looped(then(constant(1, 2), constant(3, 4)), 2),
               "(const(1, 2) .. const(3, 4)):loop(2)");
    check_text(shifted(taken(sine(20, 10, 60, 5), 30), 0.1),
               "sine{mean=20, amp=10, period=60, phase=5}:take(30):shift(0.1)");
    check_text(mt_curve_noise(0.5, 10, 3, NULL), "noise{cv=0.5, corr_time=10}");
    check_text(mt_curve_spike(1, 2, 3, 4, NULL), "spike{at=1, height=2, rise=3, fall=4}");
    const double rates[] = {10, 1.0 / 3}, at[] = {2, 4};
    check_text(mt_curve_steps(rates, at, 2, NULL), "steps{{10, 2}, {0.3333333333333333, 4}}");
    check_text(mt_curve_points(rates, at, 2, 1, NULL),
               "points{{10, 2}, {0.3333333333333333, 4}, smooth=true}");
    mt_curve *a = ramp(0, 1, 2);
    check_text(mt_curve_scale_to(a, 5, 1, NULL), "ramp(0, 1, 2):scale_to{max=5}");
    check_text(mt_curve_clamp(a, -INFINITY, 5, NULL), "ramp(0, 1, 2):clamp(-math.huge, 5)");
    check_text(mt_curve_maximum(a, a, NULL), "max(ramp(0, 1, 2), ramp(0, 1, 2))");
    check_text(mt_curve_negate(a, NULL), "-ramp(0, 1, 2)");
    char cut[12];
    assert_string_equal(mt_curve_text(a, cut, sizeof cut), "ramp(0, ...");
    mt_curve_release(a);
}

/* A script that adds in a loop makes a sum of ten thousand terms; evaluating must not recurse so
 * deep, nor may releasing. */
static void long_sums(void **state) {
    (void)state;
    mt_curve *sum = endless(1), *sequence = constant(0, 1);
    for (int i = 0; i < 10000; i++) {
        sum = i % 2 ? plus(sum, endless(i)) : minus(sum, endless(i));
        sequence = i % 3 ? then(sequence, constant(i, 1)) : then(constant(i, 1), sequence);
        sum = i % 2 ? sum : plus(sum, endless(0));
    }
    assert_true(isfinite(mt_curve_at(sum, 0, 1)));
    assert_true(mt_curve_duration(sequence) == 10001);
    assert_near(mt_curve_area(sequence, 0, 0, 10001), 9999 * 5000.0, 1e-6);
    mt_curve_release(sum);
    mt_curve_release(sequence);
    mt_error error;
    mt_curve *deep = endless(1);
    while (deep) {
        mt_curve *next = mt_curve_clamp(deep, 0, 10, &error);
        mt_curve_release(deep);
        deep = next;
    }
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "one inside another"));
}

/* Ten thousand spikes, shifted, stretched and in sequence: each is still where it must be. */
static void many_spikes(void **state) {
    (void)state;
    mt_curve *sum = endless(0);
    for (int i = 0; i < 10000; i++)
        sum = minus(sum, mt_curve_spike(10 * i + 5, -i, 1, 2, NULL));
    sum = taken(sum, 100000);
    for (int i = 0; i < 10000; i += 7) {
        assert_near(mt_curve_at(sum, 0, 10 * i + 5), i, 1e-9);
        assert_near(mt_curve_at(sum, 0, 10 * i + 6), 0.5 * i, 1e-9);
        assert_near(mt_curve_at(sum, 0, 10 * i + 4), 0, 0);
    }
    assert_near(mt_curve_max(sum, 0, 0), 9999, 0);
    assert_near(mt_curve_area(sum, 0, 0, 100000), 1.5 * 9999 * 5000.0, 1e-3);
    mt_curve *moved = mt_curve_stretch(sum, 2, NULL);
    moved = shifted(then(constant(1, 7), then(moved, mt_curve_retain(sum))), 3);
    assert_near(mt_curve_at(moved, 0, 10 + 2 * 5005), 500, 1e-9);
    assert_near(mt_curve_at(moved, 0, 10 + 200000 + 5005), 500, 1e-9);
    assert_near(mt_curve_area(moved, 0, 0, 1e9), 7 + 4.5 * 9999 * 5000.0, 1e-3);
    double pieces = 0;
    for (int i = 0; i < 1000; i++)
        pieces += mt_curve_area(moved, 0, i * 301, (i + 1) * 301);
    assert_near(pieces, 7 + 4.5 * 9999 * 5000.0, 1e-3);
    mt_curve_release(moved);
    mt_curve_release(sum);
}

/* One of everything, in one expression; NULL when memory ran out, with nothing left over. */
static mt_curve *one_of_everything(mt_error *error) {
    const double rates[] = {10, 40}, at[] = {2, 4};
    mt_curve *steps = mt_curve_steps(rates, at, 2, error);
    mt_curve *loop = steps ? mt_curve_loop(steps, 0, error) : NULL;
    mt_curve *points = loop ? mt_curve_points(rates, at, 2, 1, error) : NULL;
    mt_curve *difference = points ? mt_curve_subtract(loop, points, error) : NULL;
    mt_curve *noise = difference ? mt_curve_noise(0.5, 3, 0, error) : NULL;
    mt_curve *product = noise ? mt_curve_multiply(difference, noise, error) : NULL;
    mt_curve *sampled = product ? mt_curve_sampled(at, rates, 2, 4, "f", error) : NULL;
    mt_curve *sum = sampled ? mt_curve_add(product, sampled, error) : NULL;
    mt_curve *clamped = sum ? mt_curve_clamp(sum, 0, 9, error) : NULL;
    mt_curve *const parts[] = {steps, loop, points, difference, noise, product, sampled, sum};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        mt_curve_release(parts[i]);
    return clamped;
}

static void out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_curve *curve = one_of_everything(&all.error);
        all.code = curve ? MT_OK : all.error.code;
        if (curve)
            assert_near(mt_curve_duration(curve), 4, 0);
        mt_curve_release(curve);
    }
}

/* Values that cannot be: where they are is found. */
static void not_finite(void **state) {
    (void)state;
    mt_curve *curve = over(endless(1), minus(ramp(0, 10, 10), endless(4)));
    assert_true(isinf(mt_curve_at(curve, 0, 4)));
    assert_true(isnan(mt_curve_area(curve, 0, 0, 10)));
    assert_near(mt_curve_area(curve, 0, 0, 3), -log(4), 1e-12);
    assert_near(mt_curve_not_finite_at(curve, 0, 0, 10), 4, 1e-9);
    assert_near(mt_curve_not_finite_at(curve, 0, 0, 3), -1, 0);
    mt_curve_release(curve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),        cmocka_unit_test(operations),
        cmocka_unit_test(areas),         cmocka_unit_test(smooth_points),
        cmocka_unit_test(durations),     cmocka_unit_test(means_and_maxima),
        cmocka_unit_test(bad_values),    cmocka_unit_test(texts),
        cmocka_unit_test(long_sums),     cmocka_unit_test(many_spikes),
        cmocka_unit_test(out_of_memory), cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests_name("curve", tests, NULL, NULL);
}
