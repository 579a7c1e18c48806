/* The clock: area to time and back, its end, clamping, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "curve_support.h"

static mt_clock *open_clock(mt_curve *curve, double end) {
    mt_error error;
    mt_clock *clock = mt_clock_open(curve, 0, 1, end, &error);
    assert_non_null(clock);
    return clock;
}

static double time_of(mt_clock *clock, double area) {
    double time;
    mt_error error;
    if (mt_clock_time(clock, area, &time, &error))
        fail_msg("%s", error.message);
    return time;
}

static double area_of(mt_clock *clock, double time) {
    double area;
    mt_error error;
    if (mt_clock_area(clock, time, &area, &error))
        fail_msg("%s", error.message);
    return area;
}

static double rate_of(mt_clock *clock, double time) {
    double rate;
    mt_error error;
    if (mt_clock_rate(clock, time, &rate, &error))
        fail_msg("%s", error.message);
    return rate;
}

/* A constant rate is a plain division, however far. */
static void test_constant(void **state) {
    mt_curve *ten = keep(state, mt_curve_constant(10, INFINITY, NULL));
    mt_clock *clock = open_clock(ten, INFINITY);
    for (int i = 0; i < 100000; i++)
        assert_true(time_of(clock, i) == i / 10.0);
    assert_true(time_of(clock, 1e15) == 1e14);
    mt_clock_close(clock);
    mt_error error;
    clock = mt_clock_open(ten, 0, 2.5, INFINITY, &error);
    assert_non_null(clock);
    assert_true(time_of(clock, 100) == 4 && rate_of(clock, 4) == 25 && area_of(clock, 8) == 200);
    mt_clock_close(clock);
}

static void test_end(void **state) {
    mt_curve *ten = keep(state, mt_curve_constant(10, INFINITY, NULL));
    mt_clock *clock = open_clock(ten, 7);
    assert_true(time_of(clock, nextafter(70, 0)) < 7);
    assert_true(isinf(time_of(clock, 70)) && isinf(time_of(clock, 1e9)));
    mt_clock_close(clock);
    clock = open_clock(ten, 7);
    assert_true(area_of(clock, 7) == 70 && area_of(clock, 1e9) == 70 && rate_of(clock, 1e9) == 0);
    mt_clock_close(clock);
    clock = open_clock(ten, 0);
    assert_true(isinf(time_of(clock, 0)));
    mt_clock_close(clock);
    double total;
    mt_error error;
    assert_int_equal(mt_curve_total(ten, 0, 7, &total, &error), MT_OK);
    assert_true(total == 70);
    assert_int_equal(mt_curve_total(ten, 0, INFINITY, &total, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "an endless curve has no whole area: give it an end");
}

static void test_ramp(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    mt_clock *clock = open_clock(ramp, INFINITY);
    for (int i = 0; i < 750; i++)
        assert_near(time_of(clock, i), sqrt(i * 30 / 25.0));
    assert_true(isinf(time_of(clock, 750)));
    mt_clock_close(clock);
}

/* The times of a sine have no closed form, their areas have. */
static void test_sine(void **state) {
    mt_curve *sine = keep(state, mt_curve_sine(20, 20, 60, 0, NULL)); /* touches 0 at 45 */
    mt_clock *clock = open_clock(sine, INFINITY);
    for (int i = 0; i < 6000; i++) {
        double t = time_of(clock, i), angle = 2 * pi * t / 60;
        double area = 20 * t + 20 * 60 / (2 * pi) * (1 - cos(angle));
        assert_true(fabs(area - i) <= 1e-12 * (1 + i));
    }
    assert_true(mt_clock_clamped_at(clock) == -1);
    mt_clock_close(clock);
}

/* Times fall where there is a rate: at the end of a silence, not at its start. */
static void test_silence(void **state) {
    double rates[] = {0, 10, 0, 20}, durations[] = {3, 5, 7, 10};
    mt_curve *steps = keep(state, mt_curve_steps(rates, durations, 4, NULL));
    mt_clock *clock = open_clock(steps, INFINITY);
    assert_true(time_of(clock, 0) == 3);
    assert_true(time_of(clock, 49) == 7.9);
    assert_true(time_of(clock, 50) == 15 && time_of(clock, 50) == 15);
    assert_true(time_of(clock, 70) == 16);
    mt_clock_close(clock);
    clock = open_clock(steps, INFINITY);
    assert_true(area_of(clock, 3) == 0 && rate_of(clock, 3) == 10 && area_of(clock, 8) == 50);
    assert_true(rate_of(clock, 8) == 0 && area_of(clock, 14) == 50 && rate_of(clock, 15) == 20);
    mt_clock_close(clock);
    mt_curve *zero = keep(state, mt_curve_constant(0, INFINITY, NULL));
    clock = open_clock(zero, INFINITY);
    assert_true(isinf(time_of(clock, 0)));
    mt_clock_close(clock);
}

static void test_clamped(void **state) {
    mt_curve *sine = keep(state, mt_curve_sine(0, 10, 4, 0, NULL));
    mt_clock *clock = open_clock(sine, INFINITY);
    double half = 10 * 4 / pi; /* the area of one arch */
    assert_near(area_of(clock, 1), half / 2);
    assert_true(mt_clock_clamped_at(clock) == -1);
    assert_near(area_of(clock, 2), half);
    assert_near(area_of(clock, 4), half);
    assert_near(mt_clock_clamped_at(clock), 2);
    assert_near(area_of(clock, 400), 100 * half);
    assert_true(rate_of(clock, 403) == 0);
    assert_near(mt_clock_clamped_at(clock), 2); /* the first one */
    mt_clock_close(clock);
    mt_curve *three = keep(state, mt_curve_constant(3, INFINITY, NULL));
    mt_curve *less = keep(state, mt_curve_subtract(three, sine, NULL));
    mt_curve *again = keep(state, mt_curve_add(less, sine, NULL)); /* signed inside: 3 again */
    clock = open_clock(again, INFINITY);
    assert_near(area_of(clock, 1000), 3000);
    assert_true(mt_clock_clamped_at(clock) == -1);
    mt_clock_close(clock);
}

/* Ten thousand pieces: the same as adding them up. */
static void test_many_pieces(void **state) {
    enum { PIECES = 10000 };
    double *rates = calloc(PIECES, sizeof *rates), *durations = calloc(PIECES, sizeof *durations);
    assert_true(rates && durations);
    for (int i = 0; i < PIECES; i++) {
        rates[i] = (i * 7919) % 50; /* every fiftieth is silent */
        durations[i] = 0.5 + i % 3;
    }
    mt_curve *curve = keep(state, mt_curve_steps(rates, durations, PIECES, NULL));
    mt_clock *clock = open_clock(curve, INFINITY);
    double start = 0, area = 0;
    for (int i = 0; i < PIECES; i++) {
        double own = rates[i] * durations[i];
        if (own > 0) {
            double t = time_of(clock, area + 0.25 * own);
            assert_true(fabs(t - (start + 0.25 * durations[i])) <= 1e-11);
        }
        area += own;
        start += durations[i];
    }
    assert_true(isinf(time_of(clock, area)));
    mt_clock_close(clock);
    free(rates);
    free(durations);
}

/* Without an end: a loop a long way out is as exact as at the start. */
static void test_far(void **state) {
    mt_curve *round = keep(state, mt_curve_then(keep(state, mt_curve_ramp(0, 8, 3, NULL)),
                                                keep(state, mt_curve_constant(4, 1, NULL)), NULL));
    mt_curve *loop = keep(state, mt_curve_loop(round, 0, NULL)); /* 16 in 4 s */
    mt_clock *clock = open_clock(loop, INFINITY);
    for (int i = 0; i < 50000; i++)
        assert_true(time_of(clock, 16.0 * i + 14) == 4.0 * i + 3.5);
    mt_clock_close(clock);
}

static void test_refused(void **state) {
    mt_curve *ten = keep(state, mt_curve_constant(10, INFINITY, NULL));
    mt_error error;
    double got;
    assert_null(mt_clock_open(ten, 0, -1, 5, &error));
    assert_string_equal(error.message, "a rate can be scaled by 0 or more, not by -1");
    assert_null(mt_clock_open(ten, 0, 1, NAN, &error));
    assert_string_equal(error.message, "the end must not be negative, not nan s");
    mt_clock *clock = open_clock(ten, INFINITY);
    assert_true(time_of(clock, 100) == 10);
    assert_int_equal(mt_clock_time(clock, 99, &got, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "a clock goes forward: area 99 after 100");
    assert_int_equal(mt_clock_area(clock, 9, &got, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "a clock goes forward: t = 9 s after 10 s");
    assert_int_equal(mt_clock_rate(clock, NAN, &got, &error), MT_ERROR_VALUE);
    assert_true(time_of(clock, 200) == 20); /* and goes on */
    mt_clock_close(clock);
    mt_clock_close(NULL);
}

static void test_not_finite(void **state) {
    double rates[] = {1, 0, 1}, durations[] = {2, 3, 2};
    mt_curve *steps = keep(state, mt_curve_steps(rates, durations, 3, NULL));
    mt_curve *one = keep(state, mt_curve_constant(1, INFINITY, NULL));
    mt_curve *infinite = keep(state, mt_curve_divide(one, steps, NULL));
    mt_curve *undefined = keep(state, mt_curve_divide(steps, steps, NULL));
    mt_error error;
    double got;
    for (int i = 0; i < 2; i++) {
        mt_clock *clock = open_clock(i ? undefined : infinite, INFINITY);
        assert_true(time_of(clock, 1) == 1);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(mt_clock_time(clock, 3, &got, &error), MT_ERROR_VALUE);
            assert_string_equal(error.message, i ? "the rate is not a number at t = 2 s"
                                                 : "the rate is infinite at t = 2 s");
        }
        mt_clock_close(clock);
    }
    assert_int_equal(mt_curve_total(infinite, 0, 7, &got, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "the rate is infinite at t = 2 s");
}

/* A loop of silence never ends by itself: it is given up. Ctrl-C ends any walk. */
static void test_walks_that_end(void **state) {
    mt_curve *zero = keep(state, mt_curve_constant(0, 1, NULL));
    mt_curve *silence = keep(state, mt_curve_loop(zero, 0, NULL));
    mt_error error;
    double got;
    mt_clock *clock = open_clock(silence, INFINITY);
    assert_int_equal(mt_clock_time(clock, 0, &got, &error), MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "the rate stays 0 up to t = "));
    assert_non_null(strstr(error.message, " s, and the curve never ends"));
    mt_clock_close(clock);
    clock = open_clock(silence, INFINITY);
    mt_interrupt_flag = 1;
    assert_int_equal(mt_clock_area(clock, 1e9, &got, &error), MT_ERROR_INTERRUPTED);
    mt_curve *product = keep(state, mt_curve_multiply(silence, silence, NULL));
    assert_true(isnan(mt_curve_area(product, 0, 0, 1e9)));
    mt_interrupt_flag = 0;
    mt_clock_close(clock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        curve_test(test_constant),       curve_test(test_end),
        curve_test(test_ramp),           curve_test(test_sine),
        curve_test(test_silence),        curve_test(test_clamped),
        curve_test(test_many_pieces),    curve_test(test_far),
        curve_test(test_refused),        curve_test(test_not_finite),
        curve_test(test_walks_that_end),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
