/* The clock: area to time and back, exactness, order, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "curve_oracle.h"

#include <string.h>

static const double pi = 3.14159265358979323846;

static mt_clock *open_clock(mt_curve *curve, double factor, double end) {
    mt_clock *clock = mt_clock_open(curve, 0, factor, end, NULL);
    assert_non_null(clock);
    mt_curve_release(curve); /* the clock has its own reference */
    return clock;
}

static double time_of(mt_clock *clock, double area) {
    double time = NAN;
    assert_int_equal(mt_clock_time(clock, area, &time, NULL), MT_OK);
    return time;
}

static double area_to(mt_clock *clock, double t) {
    double area = NAN;
    assert_int_equal(mt_clock_area(clock, t, &area, NULL), MT_OK);
    return area;
}

static double rate_at(mt_clock *clock, double t) {
    double rate = NAN;
    assert_int_equal(mt_clock_rate(clock, t, &rate, NULL), MT_OK);
    return rate;
}

#define assert_near(got, wanted, tolerance)                                                        \
    do {                                                                                           \
        double got_ = (got), wanted_ = (wanted);                                                   \
        if (!(fabs(got_ - wanted_) <= (tolerance)))                                                \
            fail_msg("%s is %.17g, not %.17g", #got, got_, wanted_);                               \
    } while (0)

static void constant_is_exact(void **state) {
    (void)state;
    mt_clock *clock = open_clock(mt_curve_constant(7, INFINITY, NULL), 1, INFINITY);
    for (int k = 0; k < 1000000; k++)
        if (time_of(clock, k) != k / 7.0)
            fail_msg("request %d", k);
    mt_clock_close(clock);
    clock = open_clock(mt_curve_constant(10, 10, NULL), 1, INFINITY);
    assert_true(time_of(clock, 0) == 0);
    assert_true(time_of(clock, 99) == 9.9);
    assert_true(isinf(time_of(clock, 100))); /* the end is outside */
    assert_true(isinf(time_of(clock, 1e9)));
    assert_true(area_to(clock, 10) == 100);
    mt_clock_close(clock);
}

static void ramp_is_a_root(void **state) {
    (void)state;
    mt_clock *clock = open_clock(mt_curve_ramp(0, 50, 30, NULL), 1, INFINITY);
    for (int k = 0; k < 750; k++)
        assert_near(time_of(clock, k), sqrt(2 * k * 30 / 50.0), 1e-14 * 30);
    mt_clock_close(clock);
    clock = open_clock(mt_curve_ramp(50, 0, 30, NULL), 1, INFINITY);
    for (int k = 0; k < 750; k++)
        assert_near(time_of(clock, k), 30 - sqrt(2 * (750 - k) * 30 / 50.0), 1e-13 * 30);
    mt_clock_close(clock);
}

/* A sine that touches 0, against its area in closed form. */
static void sine_inverts(void **state) {
    (void)state;
    mt_clock *clock = open_clock(mt_curve_sine(10, 10, 60, -15, NULL), 1, 1e6);
    for (int k = 0; k < 100000; k++) {
        double t = time_of(clock, 3.7 * k);
        double area = 10 * t + 10 * 60 / (2 * pi) * sin(2 * pi * t / 60);
        /* where the rate is near 0 the time is loose, the area never */
        assert_near(area, 3.7 * k, 1e-15 * 3.7 * k + 1e-11);
    }
    assert_true(mt_clock_clamped_at(clock) == -1); /* nothing but rounding below 0 */
    mt_clock_close(clock);
}

static void silence(void **state) {
    (void)state;
    const double rates[] = {10, 0, 10}, durations[] = {10, 10, 10};
    mt_clock *clock = open_clock(mt_curve_steps(rates, durations, 3, NULL), 1, INFINITY);
    assert_true(time_of(clock, 99) == 9.9);
    assert_true(time_of(clock, 100) == 20); /* where the rate is positive again */
    assert_true(time_of(clock, 150) == 25);
    assert_true(isinf(time_of(clock, 200)));
    mt_clock_close(clock);
    clock = open_clock(mt_curve_spike(100, 10, 0, 10, NULL), 1, INFINITY);
    assert_true(time_of(clock, 0) == 100);
    assert_true(isinf(time_of(clock, 50)));
    mt_clock_close(clock);
    clock = open_clock(mt_curve_constant(0, INFINITY, NULL), 1, INFINITY);
    assert_true(isinf(time_of(clock, 0)));
    mt_clock_close(clock);
    clock = open_clock(mt_curve_constant(5, INFINITY, NULL), 0, INFINITY);
    assert_true(isinf(time_of(clock, 0)));
    mt_clock_close(clock);
    clock = open_clock(mt_curve_constant(5, INFINITY, NULL), 1, 0);
    assert_true(isinf(time_of(clock, 0)));
    assert_true(area_to(clock, 10) == 0);
    mt_clock_close(clock);
}

static void factor_and_end(void **state) {
    (void)state;
    mt_clock *clock = open_clock(mt_curve_ramp(0, 10, 10, NULL), 3, 5);
    assert_near(rate_at(clock, 2), 6, 1e-14);
    assert_near(area_to(clock, 4), 24, 1e-14);
    assert_near(area_to(clock, 100), 37.5, 1e-14);
    assert_true(rate_at(clock, 100) == 0);
    mt_clock_close(clock);
    const double rates[] = {0, 10, 4}, times[] = {0, 10, 20};
    clock = open_clock(mt_curve_points(rates, times, 3, 0, NULL), 1, INFINITY);
    assert_near(rate_at(clock, 5), 5, 1e-14);
    assert_near(rate_at(clock, 15), 7, 1e-14);
    mt_clock_close(clock);
}

static void clamps_once(void **state) {
    (void)state;
    mt_clock *clock = open_clock(mt_curve_sine(0, 10, 60, 0, NULL), 1, 600);
    assert_near(area_to(clock, 600), 10 * 10 * 60 / pi, 1e-10);
    assert_near(mt_clock_clamped_at(clock), 30, 1e-12);
    mt_clock_close(clock);
    clock = open_clock(mt_curve_sine(10, 10, 60, 0, NULL), 1, 600);
    assert_near(area_to(clock, 600), 6000, 1e-9);
    assert_true(mt_clock_clamped_at(clock) == -1);
    mt_clock_close(clock);
}

/* Areas of random expressions clamped at 0 against the plain slow version, times back to areas. */
static void random_clocks(void **state) {
    (void)state;
    uint64_t random = 5;
    const double end = 29.77;
    for (int n = 0; n < 300; n++) {
        oracle *plain = oracle_random(&random, n % 4 + 1);
        mt_curve *curve = oracle_curve(plain);
        char text[512];
        mt_curve_text(curve, text, sizeof text);
        mt_clock *there = mt_clock_open(curve, 0, 1, end, NULL);
        mt_clock *back = open_clock(curve, 1, end);
        double size = oracle_area(plain, oracle_positive, 0, end, 1e-4) + 1e-6;
        double wanted = 0, before = 0, last = 0;
        for (int i = 1; i <= 8; i++) {
            double t = time_of(there, size * i / 9);
            if (isinf(t))
                break;
            if (!(t >= last && t < end))
                fail_msg("%s: time %.17g after %.17g", text, t, last);
            wanted += oracle_area(plain, oracle_positive, before, t, 1e-11 * size);
            if (!(fabs(wanted - size * i / 9) <= 1e-9 * size))
                fail_msg("%s: at %.15g the area is %.15g, not %.15g", text, t, wanted,
                         size * i / 9);
            if (!(fabs(area_to(back, t) - size * i / 9) <= 1e-12 * size))
                fail_msg("%s: time and area disagree at %.15g", text, t);
            before = last = t;
        }
        mt_clock_close(there);
        mt_clock_close(back);
        oracle_free(plain);
    }
}

/* Ten thousand steps, repeated: every request where it must be. */
static void many_steps(void **state) {
    (void)state;
    enum { STEPS = 10000 };
    static double rates[STEPS], durations[STEPS];
    for (int i = 0; i < STEPS; i++) {
        rates[i] = i % 7;
        durations[i] = 0.25 + i % 4;
    }
    mt_curve *steps = mt_curve_steps(rates, durations, STEPS, NULL);
    mt_curve *curve = mt_curve_loop(steps, 3, NULL);
    mt_curve_release(steps);
    double total;
    assert_int_equal(mt_curve_total(curve, 0, INFINITY, &total, NULL), MT_OK);
    mt_clock *clock = open_clock(curve, 1, INFINITY);
    double area = 0, start = 0;
    int request = 0;
    for (int i = 0; i < 3 * STEPS; i++) {
        double rate = rates[i % STEPS], duration = durations[i % STEPS];
        for (; request < area + rate * duration; request++)
            assert_near(time_of(clock, request), start + (request - area) / rate, 1e-9);
        area += rate * duration;
        start += duration;
    }
    assert_near(total, area, 1e-6);
    assert_true(isinf(time_of(clock, area)));
    mt_clock_close(clock);
}

static void breaks(mt_curve *curve, const char *part) {
    mt_error error;
    double time;
    mt_clock *clock = open_clock(curve, 1, 100);
    assert_int_equal(mt_clock_time(clock, 1e12, &time, &error), MT_ERROR_VALUE);
    if (!strstr(error.message, part))
        fail_msg("'%s' does not say '%s'", error.message, part);
    assert_int_equal(mt_clock_time(clock, 1e12, &time, &error), MT_ERROR_VALUE); /* again */
    mt_clock_close(clock);
}

static void errors(void **state) {
    (void)state;
    const double rates[] = {1, 0, 1}, durations[] = {5, 5, 100};
    mt_curve *steps = mt_curve_steps(rates, durations, 3, NULL);
    mt_curve *one = mt_curve_constant(1, INFINITY, NULL);
    breaks(mt_curve_divide(one, steps, NULL), "the rate is infinite at t = 5 s");
    breaks(mt_curve_divide(steps, steps, NULL), "the rate is not a number at t = 5 s");
    mt_curve_release(steps);
    mt_curve_release(one);
    mt_error error;
    double value;
    one = mt_curve_constant(1, INFINITY, NULL);
    assert_int_equal(mt_curve_total(one, 0, INFINITY, &value, &error), MT_ERROR_VALUE);
    assert_null(mt_clock_open(one, 0, -1, 1, &error));
    assert_null(mt_clock_open(one, 0, 1, NAN, &error));
    mt_clock *clock = open_clock(one, 1, 100);
    assert_true(time_of(clock, 5) == 5);
    assert_int_equal(mt_clock_time(clock, 4, &value, &error), MT_ERROR_VALUE);
    assert_int_equal(mt_clock_area(clock, 4, &value, &error), MT_ERROR_VALUE);
    assert_int_equal(mt_clock_rate(clock, 4, &value, &error), MT_ERROR_VALUE);
    assert_true(area_to(clock, 5) == 5);
    mt_clock_close(clock);
}

/* A clock that will never find a request gives up, and Ctrl-C is heard. */
static void endless_silence(void **state) {
    (void)state;
    mt_curve *part = mt_curve_constant(0, 10, NULL), *curve = mt_curve_loop(part, 0, NULL);
    mt_curve_release(part);
    mt_error error;
    double time;
    mt_clock *clock = mt_clock_open(curve, 0, 1, INFINITY, NULL);
    mt_interrupt_flag = 1;
    assert_int_equal(mt_clock_time(clock, 0, &time, &error), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    assert_int_equal(mt_clock_time(clock, 0, &time, &error), MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "the rate stays 0"));
    mt_clock_close(clock);
    mt_curve_release(curve);
}

/* A clock that leaps knows the areas of one that walks, negative rates clamped in both. */
static void leaps_over_periods(void **state) {
    (void)state;
    static const double times[] = {0, 0.3, 40, 41, 1000, 1000.5, 29999.5, 30001, 1e5, 1e5};
    const double rates[] = {3, 0, 8}, lengths[] = {2, 1.5, 0.5};
    mt_curve *sine = mt_curve_sine(1, 2, 7.3, 1, NULL);
    mt_curve *spike = mt_curve_spike(30000, 50, 10, 100, NULL);
    mt_curve *steps = mt_curve_steps(rates, lengths, 3, NULL);
    mt_curve *curves[] = {sine, mt_curve_add(sine, spike, NULL), mt_curve_loop(steps, 0, NULL),
                          mt_curve_loop(steps, 9, NULL)};
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        mt_clock *walks = mt_clock_open(curves[i], 0, 1.5, 1e5, NULL);
        mt_clock *leaps = mt_clock_open(curves[i], 0, 1.5, 1e5, NULL);
        mt_clock_leap(leaps);
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
            double area = area_to(walks, times[k]);
            assert_near(area_to(leaps, times[k]), area, 1e-9 + 1e-12 * area);
        }
        assert_near(mt_clock_clamped_at(leaps), mt_clock_clamped_at(walks), 0);
        assert_true(isinf(time_of(leaps, 1e9)));
        mt_clock_close(walks);
        mt_clock_close(leaps);
        mt_curve_release(curves[i]);
    }
    mt_curve_release(spike);
    mt_curve_release(steps);
}

/* What lies ahead is not walked to: 10^14 periods. */
static void leaps_far(void **state) {
    (void)state;
    mt_clock *clock = open_clock(mt_curve_sine(2, 1, 1, 0, NULL), 1, 1e14);
    mt_clock_leap(clock);
    assert_near(area_to(clock, 1e14), 2e14, 1);
    mt_clock_close(clock);
}

static void out_of_memory(void **state) {
    (void)state;
    mt_curve *curve = mt_curve_constant(1, 10, NULL);
    mt_error error;
    double total;
    mt_memory_fail_at(1, 0);
    assert_null(mt_clock_open(curve, 0, 1, 1, &error));
    assert_int_equal(error.code, MT_ERROR_MEMORY);
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_curve_total(curve, 0, 5, &total, &error), MT_ERROR_MEMORY);
    mt_memory_fail_at(0, 0);
    mt_curve_release(curve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_is_exact),
        cmocka_unit_test(ramp_is_a_root),
        cmocka_unit_test(sine_inverts),
        cmocka_unit_test(silence),
        cmocka_unit_test(factor_and_end),
        cmocka_unit_test(clamps_once),
        cmocka_unit_test(random_clocks),
        cmocka_unit_test(many_steps),
        cmocka_unit_test(errors),
        cmocka_unit_test(endless_silence),
        cmocka_unit_test(leaps_over_periods),
        cmocka_unit_test(leaps_far),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
