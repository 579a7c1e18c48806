/* What curves refuse, in which words; values that are not finite; memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "curve_support.h"

#define assert_refused(call, text)                                                                 \
    do {                                                                                           \
        mt_error error;                                                                            \
        assert_null(call);                                                                         \
        assert_int_equal(error.code, MT_ERROR_VALUE);                                              \
        assert_string_equal(error.message, text);                                                  \
    } while (0)

static void test_numbers(void **state) {
    (void)state;
    double one[] = {1, 1}, two[] = {1, 2}, bad[] = {1, NAN}, back[] = {2, 1}, zero[] = {0, 1};
    double endless[] = {INFINITY, 1}, negative[] = {-1, 1};
    assert_refused(mt_curve_constant(NAN, 1, &error), "the rate must be finite, not nan");
    assert_refused(mt_curve_constant(INFINITY, 1, &error), "the rate must be finite, not inf");
    assert_refused(mt_curve_constant(1, 0, &error), "the duration must be greater than 0, not 0");
    assert_refused(mt_curve_ramp(1, NAN, 1, &error), "the last rate must be finite, not nan");
    assert_refused(mt_curve_ramp(1, 2, INFINITY, &error),
                   "the duration must be greater than 0 and finite, not inf");
    assert_refused(mt_curve_steps(one, two, 0, &error), "there must be at least one step");
    assert_refused(mt_curve_steps(bad, two, 2, &error),
                   "the rate of step 2 must be finite, not nan");
    assert_refused(mt_curve_steps(one, zero, 2, &error),
                   "the duration of step 1 must be greater than 0 and finite, not 0");
    assert_refused(mt_curve_steps(one, endless, 2, &error),
                   "the duration of step 1 must be greater than 0 and finite, not inf");
    assert_refused(mt_curve_points(one, two, 0, 0, &error), "there must be at least one point");
    assert_refused(mt_curve_points(one, back, 2, 0, &error),
                   "times must increase: point 2 is at 1 s, the one before it at 2 s");
    assert_refused(mt_curve_points(one, one, 2, 0, &error),
                   "times must increase: point 2 is at 1 s, the one before it at 1 s");
    assert_refused(mt_curve_points(one, negative, 2, 0, &error),
                   "the time of point 1 must be finite and not negative, not -1");
    assert_refused(mt_curve_points(one, zero, 1, 0, &error),
                   "the time of the last point must be greater than 0 and finite, not 0");
    assert_refused(mt_curve_sampled(back, one, 2, 1, "f", &error),
                   "times must increase: point 2 is at 1 s, the one before it at 2 s");
    assert_refused(mt_curve_sine(1, 1, 0, 0, &error),
                   "period must be greater than 0 and finite, not 0");
    assert_refused(mt_curve_sine(1, 1, 5, NAN, &error), "phase must be finite, not nan");
    assert_refused(mt_curve_spike(1, 1, 0, 0, &error),
                   "rise and fall must not be negative, and not both 0 (they are 0 and 0)");
    assert_refused(mt_curve_spike(1, 1, -1, 2, &error),
                   "rise and fall must not be negative, and not both 0 (they are -1 and 2)");
    assert_refused(mt_curve_noise(-1, 1, 0, &error), "cv must be between 0 and 100, not -1");
    assert_refused(mt_curve_noise(1, 0, 0, &error),
                   "corr_time must be greater than 0 and finite, not 0");
}

static void test_operations(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    mt_curve *longer = keep(state, mt_curve_constant(1, 90, NULL));
    mt_curve *endless = keep(state, mt_curve_constant(1, INFINITY, NULL));
    typedef mt_curve *maker(mt_curve *, mt_curve *, mt_error *);
    maker *const make[] = {mt_curve_add,    mt_curve_subtract, mt_curve_multiply,
                           mt_curve_divide, mt_curve_maximum,  mt_curve_minimum};
    for (int i = 0; i < 6; i++) {
        const char *side = ":take(30) cuts the long one, :pad(90) adds silence to the short one";
        char text[200];
        (void)snprintf(text, sizeof text,
                       "the curves last 30 s and 90 s and cannot be combined: %s", side);
        assert_refused(make[i](ramp, longer, &error), text);
        (void)snprintf(text, sizeof text,
                       "the curves last 90 s and 30 s and cannot be combined: %s", side);
        assert_refused(make[i](longer, ramp, &error), text);
    }
    assert_refused(mt_curve_then(endless, ramp, &error),
                   "the curve on the left never ends, so nothing can follow it: "
                   "end it with :take(d)");
    assert_refused(mt_curve_loop(endless, 0, &error),
                   "the curve never ends, so it cannot be repeated: end it with :take(d)");
    assert_refused(mt_curve_take(ramp, -3, &error), "the duration must be greater than 0, not -3");
    assert_refused(mt_curve_pad(ramp, NAN, &error), "the duration must be greater than 0, not nan");
    assert_refused(mt_curve_shift(ramp, INFINITY, &error), "the delay must be finite, not inf");
    assert_refused(mt_curve_shift(ramp, -30, &error),
                   "shifting by -30 s drops all of the curve's 30 s");
    assert_refused(mt_curve_stretch(ramp, 0, &error),
                   "the factor must be greater than 0 and finite, not 0");
    assert_refused(mt_curve_speed(ramp, -1, &error),
                   "the factor must be greater than 0 and finite, not -1");
    assert_refused(mt_curve_clamp(ramp, 5, 4, &error),
                   "the lower bound must not be above the upper (5 > 4)");
}

static void test_scaling(void **state) {
    mt_curve *ramp = keep(state, mt_curve_ramp(0, 50, 30, NULL));
    mt_curve *negative = keep(state, mt_curve_negate(ramp, NULL));
    double times[] = {0, 1}, rates[] = {1, 2};
    mt_curve *sampled = keep(state, mt_curve_sampled(times, rates, 2, INFINITY, "f", NULL));
    assert_refused(mt_curve_scale_to(ramp, -1, 0, &error),
                   "mean must be finite and not negative, not -1");
    assert_refused(mt_curve_scale_to(ramp, INFINITY, 1, &error),
                   "max must be finite and not negative, not inf");
    assert_refused(mt_curve_scale_to(negative, 1, 0, &error),
                   "a curve whose mean is -25 cannot be scaled");
    assert_refused(mt_curve_scale_to(sampled, 1, 0, &error),
                   "an endless curve that does not repeat itself has no mean: "
                   "end it with :take(d)");
}

static void test_depth(void **state) {
    (void)state;
    mt_curve *curve = mt_curve_constant(1, INFINITY, NULL);
    mt_error error = {0};
    int depth = 1;
    for (;; depth++) {
        mt_curve *next = mt_curve_clamp(curve, -depth, depth, &error);
        if (!next)
            break;
        mt_curve_release(curve);
        curve = next;
    }
    assert_int_equal(depth, 500);
    assert_string_equal(error.message,
                        "a curve may have at most 500 operations one inside another");
    assert_true(mt_curve_at(curve, 0, 3) == 1);
    mt_curve_release(curve);
}

/* A denominator that passes 0 in the middle of a piece, or lies on it for a while. */
static void test_not_finite(void **state) {
    mt_curve *one = keep(state, mt_curve_constant(1, INFINITY, NULL));
    mt_curve *through = keep(state, mt_curve_ramp(1, -1, 10, NULL));
    mt_curve *pole = keep(state, mt_curve_divide(one, through, NULL));
    assert_near(mt_curve_at(pole, 0, 2.5), 2);
    assert_true(isinf(mt_curve_at(pole, 0, 5)));
    assert_true(isnan(mt_curve_area(pole, 0, 0, 10)));
    assert_near(mt_curve_area(pole, 0, 0, 4), 5 * log(5));
    assert_near(mt_curve_not_finite_at(pole, 0, 0, 10), 5);
    assert_true(mt_curve_not_finite_at(pole, 0, 0, 4.9) == -1);
    assert_true(isnan(mt_curve_max(pole, 0, 0)));
    double rates[] = {1, 0, 1}, durations[] = {2, 3, 2};
    mt_curve *steps = keep(state, mt_curve_steps(rates, durations, 3, NULL));
    mt_curve *none = keep(state, mt_curve_divide(steps, steps, NULL));
    assert_true(isnan(mt_curve_at(none, 0, 2)) && mt_curve_at(none, 0, 5) == 1);
    assert_true(mt_curve_not_finite_at(none, 0, 0, 7) == 2);
    assert_true(isnan(mt_curve_area(none, 0, 0, 7)) && mt_curve_area(none, 0, 0, 2) == 2);
}

/* ---- memory ---- */

/* One expression with every kind of curve in it; NULL when anything fails. Releases its parts. */
static mt_curve *everything(mt_error *error) {
    double rates[] = {1, 2, 3}, times[] = {10, 20, 30};
    mt_curve *part[24] = {NULL};
    int n = 0, whole = 1;
#define PART(made) (whole = whole && ((part[n++] = (made)) != NULL))
    PART(mt_curve_constant(1, INFINITY, error));
    PART(mt_curve_ramp(1, 2, 30, error));
    PART(mt_curve_steps(rates, times, 3, error));
    PART(mt_curve_points(rates, times, 3, 1, error));
    PART(mt_curve_sampled(times, rates, 3, INFINITY, "f", error));
    PART(mt_curve_sine(2, 1, 60, 0, error));
    PART(mt_curve_spike(5, 1, 2, 2, error));
    PART(mt_curve_noise(0.5, 10, 0, error));
    PART(mt_curve_add(part[0], part[1], error));
    PART(mt_curve_subtract(part[8], part[3], error));
    PART(mt_curve_multiply(part[9], part[7], error));
    PART(mt_curve_divide(part[10], part[5], error));
    PART(mt_curve_maximum(part[11], part[4], error));
    PART(mt_curve_minimum(part[12], part[6], error));
    PART(mt_curve_then(part[13], part[2], error));
    PART(mt_curve_negate(part[14], error));
    PART(mt_curve_take(part[15], 80, error));
    PART(mt_curve_pad(part[16], 90, error));
    PART(mt_curve_shift(part[17], 5, error));
    PART(mt_curve_loop(part[18], 0, error));
    PART(mt_curve_stretch(part[19], 2, error));
    PART(mt_curve_speed(part[20], 2, error));
    PART(mt_curve_clamp(part[21], -1, 9, error));
    PART(mt_curve_scale_to(part[1], 5, 0, error));
#undef PART
    mt_curve *made = whole ? mt_curve_add(part[22], part[23], error) : NULL;
    while (n > 0)
        mt_curve_release(part[--n]);
    return made;
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_curve *curve = NULL;
    uint64_t failures = 0;
    while (!curve) {
        mt_error error;
        mt_memory_fail_at(++failures, 1);
        curve = everything(&error);
        mt_memory_fail_at(0, 0);
        if (!curve)
            assert_int_equal(error.code, MT_ERROR_MEMORY);
    }
    assert_true(failures > 30); /* as many as there are curves, and the lists of some */
    mt_error error;
    mt_memory_fail_at(1, 1);
    assert_null(mt_clock_open(curve, 0, 1, 10, &error));
    mt_memory_fail_at(0, 0);
    assert_int_equal(error.code, MT_ERROR_MEMORY);
    mt_curve_release(curve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        curve_test(test_numbers), curve_test(test_operations), curve_test(test_scaling),
        curve_test(test_depth),   curve_test(test_not_finite), curve_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("curve_errors", tests, NULL, NULL);
}
