/* Distributions as values: each follows its law, has its mean, and combines as it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "goodness.h"
#include "random/distribution.h"

enum { MANY = 1000000 };

static mt_random generator(uint64_t seed) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, "test", 4, "distribution", 12));
    return random;
}

/* ---- laws, written down a second time ---- */

typedef struct law {
    double a, b;
} law;

static double uniform_below(const void *context, double x) {
    const law *p = context;
    return fmin(fmax((x - p->a) / (p->b - p->a), 0), 1);
}

static double normal_below(const void *context, double x) {
    const law *p = context;
    return 0.5 * erfc(-(x - p->a) / p->b / sqrt(2));
}

static double lognormal_below(const void *context, double x) { /* mean, cv */
    const law *p = context;
    double variance = log(1 + p->b * p->b), mu = log(p->a) - variance / 2;
    return 0.5 * erfc(-(log(x) - mu) / sqrt(2 * variance));
}

static double exponential_below(const void *context, double x) {
    const law *p = context;
    return 1 - exp(-x / p->a);
}

static double gamma_below(const void *context, double x) { /* mean, cv */
    const law *p = context;
    double below, above, shape = 1 / (p->b * p->b);
    mt_gamma_split(shape, x * shape / p->a, &below, &above);
    return below;
}

static double weibull_below(const void *context, double x) { /* mean, shape */
    const law *p = context;
    return 1 - exp(-pow(x * tgamma(1 + 1 / p->b) / p->a, p->b));
}

static double pareto_below(const void *context, double x) { /* mean, shape */
    const law *p = context;
    double lowest = p->a * (p->b - 1) / p->b;
    return x < lowest ? 0 : 1 - pow(lowest / x, p->b);
}

/* KS of MANY draws, each at an item of its own; the distribution is released. */
static double p_value(mt_distribution *distribution, uint64_t seed,
                      double (*below)(const void *, double), const void *context) {
    assert_non_null(distribution);
    double *values = malloc(MANY * sizeof *values);
    mt_random random = generator(seed);
    for (int i = 0; i < MANY; i++) {
        mt_random_seek(&random, (uint64_t)i);
        values[i] = mt_distribution_draw(distribution, &random, 0);
    }
    double p = kolmogorov_test(values, MANY, below, context);
    free(values);
    mt_distribution_release(distribution);
    return p;
}

static void test_laws(void **state) {
    (void)state;
    const law ab = {-3, 8}, normal = {100, 15}, lognormal = {2400, 1.2}, wide = {10, 4};
    const law gamma = {5, 3}, regular = {5, 0.2}, weibull = {7, 0.7}, pareto = {9, 2.5};
    assert_true(p_value(mt_distribution_uniform(mt_number(-3), mt_number(8), NULL), 1,
                        uniform_below, &ab) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_normal(mt_number(100), mt_number(15), NULL), 2,
                        normal_below, &normal) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_lognormal(mt_number(2400), mt_number(1.2), NULL), 3,
                        lognormal_below, &lognormal) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_lognormal(mt_number(10), mt_number(4), NULL), 4,
                        lognormal_below, &wide) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_exponential(mt_number(5), NULL), 5, exponential_below,
                        &gamma) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_gamma(mt_number(5), mt_number(3), NULL), 6, gamma_below,
                        &gamma) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_gamma(mt_number(5), mt_number(0.2), NULL), 7, gamma_below,
                        &regular) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_weibull(mt_number(7), mt_number(0.7), NULL), 8,
                        weibull_below, &weibull) > GOODNESS_BOUND);
    assert_true(p_value(mt_distribution_pareto(mt_number(9), mt_number(2.5), NULL), 9, pareto_below,
                        &pareto) > GOODNESS_BOUND);
}

static void test_lognormal_by_median(void **state) {
    (void)state;
    double sigma = 0.8, cv = sqrt(exp(sigma * sigma) - 1);
    const law same = {100 * exp(sigma * sigma / 2), cv};
    assert_true(p_value(mt_distribution_lognormal_median(mt_number(100), mt_number(sigma), NULL),
                        12, lognormal_below, &same) > GOODNESS_BOUND);
}

/* The length-biased law x f(x) / mean: of an exponential it is a gamma of shape 2; of a gamma one
 * of shape + 1; of a lognormal one with mu + sigma^2. A mix has none in closed form for normal
 * parts. */
static void test_length_biased(void **state) {
    (void)state;
    double *values = malloc(MANY * sizeof *values);
    mt_distribution *gamma = mt_distribution_gamma(mt_number(5), mt_number(3), NULL);
    mt_distribution *weibull = mt_distribution_weibull(mt_number(2), mt_number(1), NULL);
    mt_random random = generator(61);
    double shape = 1.0 / 9, scale = 5 * 9;
    const law biased = {scale * (shape + 1), 1 / sqrt(shape + 1)};
    for (int i = 0; i < MANY; i++)
        values[i] = mt_distribution_draw_length_biased(gamma, &random);
    assert_true(kolmogorov_test(values, MANY, gamma_below, &biased) > GOODNESS_BOUND);
    const law two = {4, sqrt(0.5)}; /* weibull of shape 1 is exponential of mean 2 */
    for (int i = 0; i < MANY; i++)
        values[i] = mt_distribution_draw_length_biased(weibull, &random);
    assert_true(kolmogorov_test(values, MANY, gamma_below, &two) > GOODNESS_BOUND);
    mt_distribution_release(gamma);
    mt_distribution_release(weibull);
    free(values);
}

/* The mean of length-biased draws is E[X^2] / E[X]; a bound of 5 standard errors. */
static void check_biased_mean(mt_distribution *distribution, double first, double second,
                              double fourth_root) {
    mt_random random = generator(62);
    double sum = 0;
    for (int i = 0; i < 200000; i++)
        sum += mt_distribution_draw_length_biased(distribution, &random);
    assert_true(fabs(sum / 200000 - second / first) < 5 * fourth_root / sqrt(200000));
    mt_distribution_release(distribution);
}

static void test_length_biased_combinations(void **state) {
    (void)state;
    mt_distribution *parts[2] = {mt_distribution_fixed(mt_number(1), NULL),
                                 mt_distribution_fixed(mt_number(9), NULL)};
    static const double weights[] = {3, 1}, values[] = {1, 2, 7};
    check_biased_mean(mt_distribution_mix(parts, weights, 2, NULL), 3, 21, 4);
    check_biased_mean(mt_distribution_empirical(values, NULL, 3, NULL), 10.0 / 3, 54.0 / 3, 3);
    mt_distribution *uniform = mt_distribution_uniform(mt_number(0), mt_number(1), NULL);
    mt_distribution *affine = mt_distribution_affine(uniform, 4, 2, NULL); /* uniform on [2, 6) */
    mt_distribution *clamped = mt_distribution_clamp(uniform, 0.5, 2, NULL);
    check_biased_mean(affine, 4, 16 + 16.0 / 12, 1.5);
    check_biased_mean(clamped, 0.25 + 0.375, 0.125 + (1 - 0.125) / 3, 0.3);
    mt_distribution_release(uniform);
    mt_distribution_release(parts[0]);
    mt_distribution_release(parts[1]);
}

/* ---- means ---- */

static double sampled_mean(const mt_distribution *d, int rounded, double low, double high) {
    mt_random random = generator(71);
    double sum = 0;
    for (int i = 0; i < MANY; i++) {
        double x = mt_distribution_draw(d, &random, 0);
        sum += rounded ? fmin(fmax(round(x), low), high) : x;
    }
    return sum / MANY;
}

static void test_means(void **state) {
    (void)state;
    mt_distribution *all[] = {
        mt_distribution_fixed(mt_number(12.25), NULL),
        mt_distribution_uniform(mt_number(2), mt_number(7), NULL),
        mt_distribution_normal(mt_number(30), mt_number(20), NULL),
        mt_distribution_lognormal(mt_number(24), mt_number(1.2), NULL),
        mt_distribution_exponential(mt_number(3), NULL),
        mt_distribution_gamma(mt_number(4), mt_number(1.5), NULL),
        mt_distribution_weibull(mt_number(6), mt_number(1.8), NULL),
        mt_distribution_pareto(mt_number(9), mt_number(4), NULL),
        mt_distribution_geometric(mt_number(5), NULL),
        mt_distribution_zipf(mt_number(100), mt_number(1), NULL),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double mean = mt_distribution_mean(all[i], 0, 0);
        assert_true(fabs(sampled_mean(all[i], 0, 0, 0) - mean) < 0.01 * mean);
        double rounded = mt_distribution_mean_rounded(all[i], 0, 0, 2, 40);
        assert_true(fabs(sampled_mean(all[i], 1, 2, 40) - rounded) < 0.005 * rounded);
        mt_distribution_release(all[i]);
    }
}

static void test_exact_means(void **state) {
    (void)state;
    mt_distribution *normal = mt_distribution_normal(mt_number(0), mt_number(1), NULL);
    mt_distribution *half = mt_distribution_clamp(normal, 0, INFINITY, NULL);
    assert_true(fabs(mt_distribution_mean(half, 0, 0) - 1 / sqrt(2 * M_PI)) < 1e-9);
    mt_distribution *moved = mt_distribution_affine(half, -2, 10, NULL);
    assert_true(fabs(mt_distribution_mean(moved, 0, 0) - (10 - 2 / sqrt(2 * M_PI))) < 1e-8);
    assert_true(fabs(mt_distribution_probability_below(normal, 0, 0, 0) - 0.5) < 1e-15);
    assert_true(fabs(mt_distribution_probability_below(half, 0, 0, 0) - 0.5) < 1e-15);
    assert_true(mt_distribution_probability_below(half, -1e-9, 0, 0) == 0);
    mt_distribution *uniform = mt_distribution_uniform(mt_number(0), mt_number(10), NULL);
    assert_true(fabs(mt_distribution_mean_rounded(uniform, 0, 0, 1, 9) - 5) < 1e-5);
    mt_distribution_release(normal);
    mt_distribution_release(half);
    mt_distribution_release(moved);
    mt_distribution_release(uniform);
}

/* ---- parameters that depend on time ---- */

static double twice_the_time(void *context, uint64_t seed, double time) {
    (void)context;
    return 2 * time + (double)seed;
}

static void test_varying(void **state) {
    (void)state;
    mt_parameter varying = {.at = twice_the_time};
    mt_distribution *d = mt_distribution_exponential(varying, NULL);
    mt_distribution *sum = mt_distribution_affine(d, 1, 1, NULL);
    assert_true(mt_distribution_varies(sum));
    assert_true(mt_distribution_mean(sum, 0, 5) == 11);
    assert_true(mt_distribution_mean(sum, 3, 5) == 14);
    mt_random random = generator(81);
    double mean = 0;
    for (int i = 0; i < 100000; i++)
        mean += mt_distribution_draw(d, &random, 50) / 100000;
    /* The seed of the generator's key is read too: 2 * 50 + 81. */
    assert_true(fabs(mean - 181) < 5 * 181 / sqrt(100000));
    mt_distribution_release(sum);
    mt_distribution_release(d);
}

/* ---- what is refused, and memory ---- */

static void check_refused(mt_distribution *made, const mt_error *error) {
    assert_null(made);
    assert_int_equal(error->code, MT_ERROR_VALUE);
    assert_true(strlen(error->message) > 0);
}

static void test_refused(void **state) {
    (void)state;
    mt_error e;
    check_refused(mt_distribution_uniform(mt_number(3), mt_number(2), &e), &e);
    check_refused(mt_distribution_normal(mt_number(3), mt_number(-1), &e), &e);
    check_refused(mt_distribution_lognormal(mt_number(0), mt_number(1), &e), &e);
    check_refused(mt_distribution_lognormal(mt_number(NAN), mt_number(1), &e), &e);
    check_refused(mt_distribution_exponential(mt_number(0), &e), &e);
    check_refused(mt_distribution_gamma(mt_number(1), mt_number(0), &e), &e);
    check_refused(mt_distribution_weibull(mt_number(1), mt_number(0), &e), &e);
    check_refused(mt_distribution_pareto(mt_number(1), mt_number(1), &e), &e);
    check_refused(mt_distribution_geometric(mt_number(0.5), &e), &e);
    check_refused(mt_distribution_zipf(mt_number(0), mt_number(1), &e), &e);
    check_refused(mt_distribution_empirical(NULL, NULL, 0, &e), &e);
}

static mt_distribution *whole_tree(mt_error *error) {
    static const double values[] = {1, 2, 3}, weights[] = {1, 2};
    mt_distribution *parts[2] = {mt_distribution_empirical(values, NULL, 3, error), NULL};
    mt_distribution *mix = NULL, *affine = NULL, *clamped = NULL;
    if (parts[0])
        parts[1] = mt_distribution_gamma(mt_number(1), mt_number(2), error);
    if (parts[1])
        mix = mt_distribution_mix(parts, weights, 2, error);
    if (mix)
        affine = mt_distribution_affine(mix, 2, 1, error);
    if (affine)
        clamped = mt_distribution_clamp(affine, 1, 9, error);
    mt_distribution_release(parts[0]);
    mt_distribution_release(parts[1]);
    mt_distribution_release(mix);
    mt_distribution_release(affine);
    return clamped;
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_error error;
    for (uint64_t n = 1;; n++) {
        mt_memory_fail_at(n, 0);
        mt_distribution *d = whole_tree(&error);
        mt_memory_fail_at(0, 0);
        if (d) {
            mt_random random = generator(1);
            double x = mt_distribution_draw(d, &random, 0);
            assert_true(x >= 1 && x <= 9 && n > 4);
            mt_distribution_release(d);
            break;
        }
        assert_int_equal(error.code, MT_ERROR_MEMORY);
    }
}

static void test_text(void **state) {
    (void)state;
    char text[200];
    mt_distribution *d = mt_distribution_lognormal(mt_number(2400), mt_number(1.2), NULL);
    mt_distribution *moved = mt_distribution_affine(d, 1, 3, NULL);
    assert_string_equal(mt_distribution_text(moved, text, sizeof text),
                        "lognormal{mean=2400, cv=1.2} + 3");
    assert_string_equal(mt_distribution_text(moved, text, 6), "lo...");
    mt_distribution_release(moved);
    mt_distribution_release(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laws),          cmocka_unit_test(test_lognormal_by_median),
        cmocka_unit_test(test_length_biased), cmocka_unit_test(test_length_biased_combinations),
        cmocka_unit_test(test_means),         cmocka_unit_test(test_exact_means),
        cmocka_unit_test(test_varying),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests_name("distribution", tests, NULL, NULL);
}
