/* A million draws of each law against its distribution function, written down a second time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "distribution_makers.h"
#include "goodness.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laws),
        cmocka_unit_test(test_lognormal_by_median),
        cmocka_unit_test(test_length_biased),
    };
    return cmocka_run_group_tests_name("distribution", tests, NULL, NULL);
}
