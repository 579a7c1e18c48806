/* Distributions as values: makers and their errors, parameters that vary, ownership, text, and the
 * means of clamped and rounded draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "sweep.h"

#include "base/memory.h"
#include "distribution_makers.h"

enum { MANY = 200000 };

static mt_distribution *make(const char *name, const char *first, double a, const char *second,
                             double b) {
    mt_named_parameter given[2] = {{first, mt_number(a)}, {second, mt_number(b)}};
    mt_error error;
    mt_distribution *made = mt_distribution_make(name, given, first ? second ? 2 : 1 : 0, &error);
    if (!made)
        fail_msg("%s", error.message);
    return made;
}

/* The two combine and release their part. */
static mt_distribution *affine(mt_distribution *part, double factor, double offset) {
    mt_distribution *made = mt_distribution_affine(part, factor, offset, NULL);
    assert_non_null(made);
    mt_distribution_release(part);
    return made;
}

static mt_distribution *clamp(mt_distribution *part, double low, double high) {
    mt_distribution *made = mt_distribution_clamp(part, low, high, NULL);
    assert_non_null(made);
    mt_distribution_release(part);
    return made;
}

static mt_random generator(const char *name, uint64_t seed) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, name, strlen(name), "test", 4));
    return random;
}

static void check_text(mt_distribution *d, const char *want) {
    char text[200];
    assert_string_equal(mt_distribution_text(d, text, sizeof text), want);
    mt_distribution_release(d);
}

/* ---- means ---- */

/* The mean of min(max(round(X), low), high) by adding P(X >= k - 1/2) from `from`, which X never
 * rounds below, to `top`, which it as good as never passes. */
static double slow_rounded_mean(const mt_distribution *d, double low, double high, double from,
                                double top) {
    double mean = fmax(from, low);
    for (double k = mean + 1; k <= fmin(high, top); k++) {
        double before = nextafter(k - 0.5, -INFINITY);
        mean += 1 - mt_distribution_probability_below(d, before, 0, 0);
    }
    return mean;
}

static void check_rounded(mt_distribution *d, double low, double high, double from, double top,
                          double precision) {
    char text[200];
    mt_distribution_text(d, text, sizeof text);
    double got = mt_distribution_mean_rounded(d, 0, 0, low, high);
    double want = slow_rounded_mean(d, low, high, from, top);
    if (!(fabs(got - want) <= precision * fabs(want)))
        fail_msg("%s in [%g, %g]: %.12g is not %.12g", text, low, high, got, want);
    mt_random random = generator("rounded", 1);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < MANY; i++) {
        double x = floor(mt_distribution_draw(d, &random, 0) + 0.5);
        x = fmin(fmax(x, low), high) - want;
        sum += x;
        squares += x * x;
    }
    /* Four and a half standard errors: one in 150 000. */
    if (!(fabs(sum) <= 4.5 * sqrt(squares) + 1e-6 * fabs(want) * MANY))
        fail_msg("%s in [%g, %g]: draws say %.12g, not %.12g", text, low, high, want + sum / MANY,
                 want);
    mt_distribution_release(d);
}

static void test_rounded_means(void **state) {
    (void)state;
    const double none = INFINITY;
    check_rounded(make("lognormal", "mean", 2400, "cv", 1.2), 1, none, 0, 500000, 1e-6);
    check_rounded(make("lognormal", "mean", 2400, "cv", 1.2), 16, 30000, 0, 30000, 1e-6);
    check_rounded(make("lognormal", "mean", 3, "cv", 2), 1, none, 0, 5000, 1e-6);
    check_rounded(make("pareto", "mean", 3000, "shape", 2.2), 1, 90000, 0, 90000, 1e-6);
    check_rounded(make("uniform", "low", 0.3, "high", 7.9), 1, none, 0, 9, 1e-9);
    check_rounded(make("uniform", "low", 0.25, "high", 20000.75), 1, none, 0, 20001, 1e-6);
    check_rounded(make("normal", "mean", 5, "std", 4), 1, none, -60, 60, 1e-9);
    check_rounded(make("normal", "mean", 5, "std", 4), -none, none, -60, 60, 1e-9);
    check_rounded(make("normal", "mean", 1e5 + 0.4, "std", 0.1), 1, none, 99000, 101000, 1e-9);
    check_rounded(make("gamma", "mean", 0.2, "cv", 1), 0, none, 0, 20, 1e-9);
    check_rounded(make("exponential", "mean", 50000, NULL, 0), 1, none, 0, 2000000, 1e-6);
    check_rounded(make("weibull", "mean", 100, "shape", 0.5), 2, 400, 0, 400, 1e-6);
    check_rounded(make("fixed", "value", 2.5, NULL, 0), 1, none, 0, 9, 1e-12);
    check_rounded(make("geometric", "mean", 9, NULL, 0), 3, 20, 0, 20, 1e-9);
    check_rounded(make("zipf", "n", 1000, "s", 1.1), 2, 50, 0, 50, 1e-9);
}

static void test_rounded_means_of_combined(void **state) {
    (void)state;
    const double none = INFINITY;
    static const double list[] = {0.5, 1.49, 1.5, 2.5, 300.2};
    static const double weights[] = {1, 2, 3, 4, 5};
    check_rounded(mt_distribution_empirical(list, weights, 5, NULL), 1, none, 0, 400, 1e-9);
    mt_distribution *parts[2] = {make("exponential", "mean", 7, NULL, 0),
                                 mt_distribution_empirical(list, NULL, 5, NULL)};
    check_rounded(affine(mt_distribution_mix(parts, weights, 2, NULL), 1.3, 0.2), 1, none, 0, 500,
                  1e-8);
    mt_distribution_release(parts[0]);
    mt_distribution_release(parts[1]);
    check_rounded(affine(make("geometric", "mean", 9, NULL, 0), 0.5, 0), 0, none, 0, 400, 1e-9);
    check_rounded(affine(make("geometric", "mean", 9, NULL, 0), 3, 0.5), 5, 60, 0, 60, 1e-9);
    check_rounded(affine(make("geometric", "mean", 9, NULL, 0), -2, 10.3), -20, 6, -20, 10, 1e-9);
    check_rounded(affine(make("zipf", "n", 20000, "s", 1.1), 0.3, 0), 1, none, 0, 7000, 1e-6);
    check_rounded(affine(make("exponential", "mean", 9, NULL, 0), -1, 40), 0, none, 0, 50, 1e-8);
    /* Clamps at halves, and one inside another with a stretch between. */
    check_rounded(clamp(make("exponential", "mean", 4, NULL, 0), 2.5, 7.5), 0, none, 0, 20, 1e-9);
    check_rounded(clamp(affine(clamp(make("exponential", "mean", 4, NULL, 0), 1, 9), 2, 1), 4, 17),
                  5, none, 0, 30, 1e-9);
    check_rounded(clamp(make("normal", "mean", 4, "std", 3), 6, 6), 0, none, 0, 20, 1e-9);
}

/* The mean of a clamped draw by Simpson's rule: low + the integral of P(X > y). */
static void test_clamped_means(void **state) {
    (void)state;
    mt_distribution *plain[6] = {
        make("lognormal", "mean", 100, "cv", 2), make("normal", "mean", 20, "std", 30),
        make("gamma", "mean", 50, "cv", 0.7),    make("weibull", "mean", 40, "shape", 0.9),
        make("pareto", "mean", 30, "shape", 2),  make("exponential", "mean", 60, NULL, 0)};
    for (size_t i = 0; i < 6; i++) {
        double low = 20;
        double high = 150;
        double step = (high - low) / 20000;
        double mean = low;
        for (double x = low; x < high - step / 2; x += step) {
            double a = mt_distribution_probability_below(plain[i], x, 0, 0);
            double b = mt_distribution_probability_below(plain[i], x + step / 2, 0, 0);
            double c = mt_distribution_probability_below(plain[i], x + step, 0, 0);
            mean += step * (1 - (a + 4 * b + c) / 6);
        }
        mt_distribution *clamped = clamp(plain[i], low, high);
        double got = mt_distribution_mean(clamped, 0, 0);
        if (!(fabs(got - mean) <= 1e-8 * mean))
            fail_msg("distribution %zu: %.12g is not %.12g", i, got, mean);
        assert_true(mt_distribution_lowest(clamped) >= low);
        assert_true(mt_distribution_highest(clamped) == high);
        mt_distribution_release(clamped);
    }
}

/* Far bounds must change nothing: what a 1 - p that cancels would spoil. */
static void test_far_bounds(void **state) {
    (void)state;
    mt_distribution *d = clamp(make("lognormal", "mean", 1, "cv", 1), 1e-12, 1e15);
    assert_true(fabs(mt_distribution_mean(d, 0, 0) - 1) < 1e-12);
    mt_distribution_release(d);
    d = clamp(make("gamma", "mean", 1, "cv", 1), 0, 1e15);
    assert_true(fabs(mt_distribution_mean(d, 0, 0) - 1) < 1e-12);
    mt_distribution_release(d);
    /* A heavy tail is cut by E[X - high; X > high] = mean * (smallest / high)^(shape - 1) / shape.
     */
    d = clamp(make("pareto", "mean", 3, "shape", 1.5), 0, 1e12);
    double cut = 3 * sqrt(1 / 1e12) / 1.5;
    assert_true(fabs(mt_distribution_mean(d, 0, 0) - (3 - cut)) < 1e-9 * 3);
    mt_distribution_release(d);
}

/* ---- parameters that vary ---- */

typedef struct ramp {
    double slope;
    int references;
    uint64_t seed; /* last seen */
} ramp;

static double ramp_at(void *context, uint64_t seed, double time) {
    ramp *self = context;
    self->seed = seed;
    return self->slope * time;
}

static void ramp_retain(void *context) {
    ((ramp *)context)->references++;
}

static void ramp_release(void *context) {
    ((ramp *)context)->references--;
}

static char *ramp_text(void *context, char *buffer, size_t size) {
    (void)context;
    assert_true(size > 4);
    return memcpy(buffer, "ramp", 5);
}

static mt_parameter ramp_parameter(ramp *self) {
    mt_parameter parameter = {0, ramp_at, self, ramp_retain, ramp_release, ramp_text, NULL};
    return parameter;
}

static void test_varying(void **state) {
    (void)state;
    ramp slope = {2, 0, 0};
    mt_random random = generator("varying", 77);
    mt_distribution *d = mt_distribution_lognormal(ramp_parameter(&slope), mt_number(0.5), NULL);
    assert_non_null(d);
    assert_int_equal(slope.references, 1);
    assert_true(mt_distribution_varies(d));
    assert_true(fabs(mt_distribution_mean(d, 5, 10) - 20) < 1e-12);
    assert_int_equal(slope.seed, 5);
    mt_distribution *whole = affine(d, 3, 1);
    assert_true(mt_distribution_varies(whole));
    assert_true(fabs(mt_distribution_mean(whole, 0, 10) - 61) < 1e-12);
    /* The same draw at another time is the same quantile of another mean. */
    double first = mt_distribution_draw(whole, &random, 10);
    assert_int_equal(slope.seed, 77);
    mt_random_seek(&random, 0);
    double second = mt_distribution_draw(whole, &random, 30);
    assert_true(fabs((second - 1) / (first - 1) - 3) < 1e-12);
    char text[100];
    assert_string_equal(mt_distribution_text(whole, text, sizeof text),
                        "lognormal{mean=ramp, cv=0.5} * 3 + 1");
    mt_distribution_release(whole);
    assert_int_equal(slope.references, 0);
    mt_distribution *fixed = make("exponential", "mean", 3, NULL, 0);
    assert_false(mt_distribution_varies(fixed));
    mt_distribution_release(fixed);
}

/* Only what takes no random number is fixed: a uniform law of one value is not. */
static void test_fixed(void **state) {
    (void)state;
    double value = -1;
    mt_distribution *d = make("uniform", "low", 5, "high", 5);
    assert_false(mt_distribution_is_fixed(d, &value));
    mt_distribution_release(d);
    d = make("fixed", "value", 2.5, NULL, 0);
    assert_true(mt_distribution_is_fixed(d, &value));
    assert_true(value == 2.5);
    mt_distribution_release(d);
    ramp slope = {7, 0, 0};
    mt_named_parameter varying[] = {{"value", ramp_parameter(&slope)}};
    d = mt_distribution_make("fixed", varying, 1, NULL);
    assert_non_null(d);
    assert_false(mt_distribution_is_fixed(d, &value));
    mt_distribution_release(d);
}

/* Out of range at some time: the nearest allowed value, never NaN. */
static void test_varying_out_of_range(void **state) {
    (void)state;
    ramp slope = {-1, 0, 0};
    mt_random random = generator("varying", 1);
    mt_distribution *d = mt_distribution_geometric(ramp_parameter(&slope), NULL);
    assert_true(mt_distribution_draw(d, &random, 10) == 1);
    assert_true(mt_distribution_mean(d, 0, 10) == 1);
    mt_distribution_release(d);
    d = mt_distribution_exponential(ramp_parameter(&slope), NULL);
    assert_true(mt_distribution_draw(d, &random, 10) >= 0);
    assert_true(mt_distribution_mean(d, 0, 10) < 1e-300);
    mt_distribution_release(d);
    slope.slope = NAN;
    d = mt_distribution_gamma(mt_number(4), ramp_parameter(&slope), NULL);
    assert_true(fabs(mt_distribution_draw(d, &random, 10) - 4) < 1e-6);
    mt_distribution_release(d);
    slope.slope = 1; /* low above high: both are low */
    d = mt_distribution_uniform(ramp_parameter(&slope), mt_number(5), NULL);
    assert_true(mt_distribution_draw(d, &random, 9) == 9);
    mt_distribution_release(d);
    mt_named_parameter tail[2] = {{"median", mt_number(8)}, {"p99", ramp_parameter(&slope)}};
    d = mt_distribution_make("lognormal", tail, 2, NULL);
    assert_true(fabs(mt_distribution_draw(d, &random, 3) - 8) < 1e-12);
    mt_distribution_release(d);
    assert_int_equal(slope.references, 0);
}

/* ---- makers ---- */

static void test_text(void **state) {
    (void)state;
    check_text(make("fixed", "value", 3, NULL, 0), "fixed(3)");
    check_text(make("uniform", "high", 5, "low", 1), "uniform(1, 5)");
    check_text(make("normal", "mean", 10, "std", 2.5), "normal{mean=10, std=2.5}");
    check_text(make("lognormal", "p99", 8000, "median", 900), "lognormal{median=900, p99=8000}");
    check_text(make("zipf", "n", 1e6, "s", 1.1), "zipf{n=1000000, s=1.1}");
    check_text(make("exponential", "mean", 1.0 / 3, NULL, 0), "exponential(0.3333333333333333)");
    check_text(make("exponential", NULL, 0, NULL, 0), "exponential()");
    check_text(make("gamma", "cv", 2, NULL, 0), "gamma{cv=2}");
    check_text(affine(make("geometric", "mean", 7, NULL, 0), 2, 3), "geometric(7) * 2 + 3");
    check_text(affine(affine(make("geometric", "mean", 7, NULL, 0), 2, 3), 2, -10),
               "geometric(7) * 4 - 4");
    check_text(affine(make("geometric", "mean", 7, NULL, 0), -1, 10), "10 - geometric(7)");
    check_text(affine(make("geometric", "mean", 7, NULL, 0), -2, 0), "-geometric(7) * 2");
    check_text(clamp(make("geometric", "mean", 7, NULL, 0), 2, INFINITY),
               "geometric{mean=7, min=2}");
    check_text(clamp(make("gamma", "cv", 2, NULL, 0), -INFINITY, 9), "gamma{cv=2, max=9}");
    check_text(clamp(affine(make("fixed", "value", 2, NULL, 0), 1, 1), 0, 9),
               "(fixed(2) + 1):clamp(0, 9)");
    static const double list[] = {3, 1, 2, 4, 6, 5, 7};
    check_text(mt_distribution_empirical(list, NULL, 3, NULL), "empirical{1, 2, 3}");
    check_text(mt_distribution_empirical(list, list, 7, NULL),
               "empirical{1, 2, 3, 4, 5, ... (7 values)}");
    mt_distribution *parts[2] = {make("fixed", "value", 1, NULL, 0),
                                 make("exponential", "mean", 2, NULL, 0)};
    check_text(mt_distribution_mix(parts, list, 2, NULL),
               "mix{ {3, fixed(1)}, {1, exponential(2)} }");
    char cut[12];
    assert_string_equal(mt_distribution_text(parts[1], cut, sizeof cut), "exponent...");
    mt_distribution_release(parts[0]);
    mt_distribution_release(parts[1]);
}

static void test_shapes(void **state) {
    (void)state;
    mt_distribution *d = make("weibull", "shape", 2, NULL, 0);
    assert_true(mt_distribution_is_shape(d));
    assert_true(fabs(mt_distribution_mean(d, 0, 0) - 1) < 1e-14);
    mt_distribution *doubled = affine(d, 2, 0);
    assert_true(mt_distribution_is_shape(doubled));
    mt_distribution *plain = make("exponential", "mean", 1, NULL, 0);
    assert_false(mt_distribution_is_shape(plain));
    mt_distribution *parts[2] = {plain, doubled};
    static const double weights[] = {1, 1};
    mt_distribution *both = mt_distribution_mix(parts, weights, 2, NULL);
    assert_true(mt_distribution_is_shape(both));
    mt_distribution_release(both);
    mt_distribution_release(doubled);
    mt_distribution_release(plain);
}

static void refused(const char *name, const char *first, double a, const char *second, double b,
                    const char *message) {
    mt_named_parameter given[2] = {{first, mt_number(a)}, {second, mt_number(b)}};
    mt_error error = {0};
    assert_null(mt_distribution_make(name, given, first ? second ? 2 : 1 : 0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message, message);
}

static void test_errors(void **state) {
    (void)state;
    refused("lognormal", "mean", -3, "cv", 1, "lognormal: mean must be above 0 (it is -3)");
    refused("lognormal", "mean", 0, "cv", 1, "lognormal: mean must be above 0 (it is 0)");
    refused("lognormal", "mean", 3, "cv", -1, "lognormal: cv must be at least 0 (it is -1)");
    refused("lognormal", "mean", NAN, "cv", 1, "lognormal: mean must be finite (it is nan)");
    refused("lognormal", "median", 9, "p99", 9,
            "lognormal: p99 must be above median (median is 9, p99 9)");
    refused("lognormal", "mean", 9, "p99", 300,
            "lognormal: p99 must be above mean and at most 14.97 times it (mean is 9, p99 300)");
    refused("pareto", "mean", 9, "shape", 1, "pareto: shape must be above 1 (it is 1)");
    refused("geometric", "mean", 0.5, NULL, 0, "geometric: mean must be at least 1 (it is 0.5)");
    refused("geometric", NULL, 0, NULL, 0, "geometric: give mean");
    refused("zipf", "n", 2.5, "s", 1, "zipf: n must be a whole number (it is 2.5)");
    refused("zipf", "n", 1e17, "s", 1, "zipf: n must be at most 9007199254740992 (it is 1e+17)");
    refused("uniform", "low", 5, "high", 1,
            "uniform: low must not be above high (they are 5 and 1)");
    refused("normal", "std", 5, NULL, 0, "normal: give mean and cv, or mean and std");
    refused("gamma", "mean", 5, "sd", 1, "gamma: give mean and cv");
    refused("gama", "mean", 5, "cv", 1, "there is no distribution 'gama'");
    mt_error error;
    mt_distribution *d = make("fixed", "value", 1, NULL, 0);
    assert_null(mt_distribution_clamp(d, 3, 2, &error));
    assert_null(mt_distribution_clamp(d, NAN, 2, &error));
    assert_null(mt_distribution_affine(d, 0, 2, &error));
    assert_null(mt_distribution_affine(d, INFINITY, 2, &error));
    assert_null(mt_distribution_mix(&d, NULL, 0, &error));
    static const double not_a_number = NAN;
    assert_null(mt_distribution_empirical(&not_a_number, NULL, 1, &error));
    assert_string_equal(error.message, "empirical: value 1 must be finite (it is nan)");
    assert_null(mt_distribution_empirical(NULL, NULL, 0, &error));
    assert_null(mt_distribution_empirical(&(double){1}, &(double){-1}, 1, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    mt_distribution_release(d);
    mt_distribution_release(NULL);
}

/* Every form makes something whose text makes the same again: names in table and text agree. */
static void test_forms(void **state) {
    (void)state;
    const mt_distribution_form *form;
    size_t count = 0;
    for (; (form = mt_distribution_forms(count)); count++) {
        int is_uniform = strcmp(form->name, "uniform") == 0;
        mt_distribution *d =
            make(form->name, form->parameter[0], is_uniform ? 1 : 2, form->parameter[1], 3);
        char text[100];
        mt_distribution_text(d, text, sizeof text);
        assert_memory_equal(text, form->name, strlen(form->name));
        mt_distribution_release(d);
    }
    assert_true(count >= 16);
}

/* ---- memory ---- */

static mt_distribution *make_everything(mt_error *error) {
    static const double list[] = {3, 1, 2};
    mt_distribution *parts[3] = {NULL, NULL, NULL};
    mt_distribution *mixed = NULL;
    mt_distribution *moved = NULL;
    mt_distribution *made = NULL;
    parts[0] = mt_distribution_exponential(mt_number(2), error);
    if (parts[0])
        parts[1] = mt_distribution_empirical(list, list, 3, error);
    if (parts[1])
        parts[2] = mt_distribution_empirical(list, NULL, 3, error);
    if (parts[2])
        mixed = mt_distribution_mix(parts, list, 3, error);
    if (mixed)
        moved = mt_distribution_affine(mixed, 2, 1, error);
    if (moved)
        made = mt_distribution_clamp(moved, 0, 9, error);
    for (size_t i = 0; i < 3; i++)
        mt_distribution_release(parts[i]);
    mt_distribution_release(mixed);
    mt_distribution_release(moved);
    return made;
}

/* Each allocation fails in turn; the leak checker of the sanitizers looks for what is lost. */
static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_distribution *made = make_everything(&all.error);
        all.code = made ? MT_OK : all.error.code;
        mt_distribution_release(made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounded_means), cmocka_unit_test(test_rounded_means_of_combined),
        cmocka_unit_test(test_clamped_means), cmocka_unit_test(test_far_bounds),
        cmocka_unit_test(test_varying),       cmocka_unit_test(test_varying_out_of_range),
        cmocka_unit_test(test_text),          cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_fixed),
    };
    return cmocka_run_group_tests_name("distribution value", tests, NULL, NULL);
}
