/* Every distribution against a plain slow version: its draws and its length-biased draws against
 * its distribution function and partial means, and those against sums and integrals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "goodness.h"
#include "random/distribution.h"
#include "random/kind.h"

enum { MANY = 400000, BIASED = 50000 };

static double values[MANY];
static const mt_when start = {0, 0};

static mt_distribution *make(const char *name, const char *first, double a, const char *second,
                             double b) {
    mt_named_parameter given[2] = {{first, mt_number(a)}, {second, mt_number(b)}};
    mt_error error;
    mt_distribution *made = mt_distribution_make(name, given, second ? 2 : 1, &error);
    if (!made)
        fail_msg("%s", error.message);
    return made;
}

/* Combines and releases the part. */
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

static mt_distribution *mix(mt_distribution *a, double weight_a, mt_distribution *b,
                            double weight_b) {
    mt_distribution *parts[2] = {a, b};
    double weights[2] = {weight_a, weight_b};
    mt_distribution *made = mt_distribution_mix(parts, weights, 2, NULL);
    assert_non_null(made);
    mt_distribution_release(a);
    mt_distribution_release(b);
    return made;
}

static mt_distribution *empirical(int weighted) {
    static const double list[] = {7, -2, 3.5, 7, 100};
    static const double weights[] = {1, 2, 0.5, 0, 4};
    mt_distribution *made = mt_distribution_empirical(list, weighted ? weights : NULL, 5, NULL);
    assert_non_null(made);
    return made;
}

enum { CONTINUOUS, WHOLE, ATOMS };

typedef struct example {
    mt_distribution *distribution;
    int values; /* CONTINUOUS; WHOLE numbers; or with ATOMS among them */
    double mean;
} example;

enum { EXAMPLES = 38 };

/* One of everything, with the mean that its parameters say (NaN: for the sums to find). */
static void make_examples(example *e) {
    size_t n = 0;
#define ADD(kind, mean, made) e[n++] = (example){made, kind, mean}
    ADD(ATOMS, 3.25, make("fixed", "value", 3.25, NULL, 0));
    ADD(CONTINUOUS, 7, make("uniform", "low", 4, "high", 10));
    ADD(ATOMS, 4, make("uniform", "low", 4, "high", 4));
    ADD(CONTINUOUS, -5, make("normal", "mean", -5, "cv", 0.4));
    ADD(CONTINUOUS, 50, make("normal", "mean", 50, "std", 3));
    ADD(ATOMS, 50, make("normal", "mean", 50, "std", 0));
    ADD(CONTINUOUS, 2400, make("lognormal", "mean", 2400, "cv", 1.2));
    ADD(ATOMS, 2400, make("lognormal", "mean", 2400, "cv", 0));
    ADD(CONTINUOUS, 30, make("lognormal", "mean", 30, "std", 60));
    ADD(CONTINUOUS, 900, make("lognormal", "mean", 900, "p99", 8000));
    ADD(CONTINUOUS, 5 * sqrt(1.25), make("lognormal", "median", 5, "cv", 0.5));
    ADD(CONTINUOUS, NAN, make("lognormal", "median", 5, "std", 4));
    ADD(CONTINUOUS, NAN, make("lognormal", "median", 500, "p99", 4000));
    ADD(CONTINUOUS, 5 * exp(0.32), make("lognormal", "median", 5, "sigma", 0.8));
    ADD(CONTINUOUS, 12, make("exponential", "mean", 12, NULL, 0));
    ADD(CONTINUOUS, 8, make("gamma", "mean", 8, "cv", 0.3));
    ADD(CONTINUOUS, 8, make("gamma", "mean", 8, "cv", 2));
    ADD(CONTINUOUS, 6, make("weibull", "mean", 6, "shape", 0.7));
    ADD(CONTINUOUS, 6, make("weibull", "mean", 6, "shape", 3));
    ADD(CONTINUOUS, 10, make("pareto", "mean", 10, "shape", 3.5));
    ADD(WHOLE, 7, make("geometric", "mean", 7, NULL, 0));
    ADD(WHOLE, 1, make("geometric", "mean", 1, NULL, 0));
    ADD(WHOLE, NAN, make("zipf", "n", 500, "s", 0.6));
    ADD(WHOLE, NAN, make("zipf", "n", 500, "s", 1.4));
    ADD(WHOLE, 50.5, make("zipf", "n", 100, "s", 0));
    ADD(ATOMS, 115.5 / 5, empirical(0));
    ADD(ATOMS, (7 - 4 + 1.75 + 400) / 7.5, empirical(1));
    ADD(CONTINUOUS, 0.7 * 12 + 0.3 * 5,
        mix(make("exponential", "mean", 12, NULL, 0), 7, make("uniform", "low", 0, "high", 10), 3));
    ADD(ATOMS, 0.25 * 12 + 0.75 * 20,
        mix(make("exponential", "mean", 12, NULL, 0), 1, make("fixed", "value", 20, NULL, 0), 3));
    ADD(CONTINUOUS, 27, affine(make("exponential", "mean", 12, NULL, 0), 2, 3));
    ADD(CONTINUOUS, 24, affine(make("exponential", "mean", 12, NULL, 0), 2, 0));
    ADD(CONTINUOUS, 4, affine(make("pareto", "mean", 10, "shape", 3.5), 1, -6));
    ADD(CONTINUOUS, 8, affine(make("uniform", "low", 0, "high", 10), -1, 13));
    ADD(WHOLE, 18, affine(make("geometric", "mean", 7, NULL, 0), 3, -3));
    ADD(WHOLE, 93, affine(make("geometric", "mean", 7, NULL, 0), -1, 100));
    ADD(ATOMS, NAN, clamp(make("lognormal", "mean", 100, "cv", 2), 20, 300));
    ADD(ATOMS, NAN, clamp(make("normal", "mean", 2, "std", 5), 0, INFINITY));
    ADD(WHOLE, NAN, clamp(affine(make("geometric", "mean", 7, NULL, 0), 1, 2), 4, 20));
#undef ADD
    assert_int_equal(n, EXAMPLES);
}

static void release_examples(example *e) {
    for (size_t i = 0; i < EXAMPLES; i++)
        mt_distribution_release(e[i].distribution);
}

static const char *text_of(const mt_distribution *distribution) {
    static char text[200];
    return mt_distribution_text(distribution, text, sizeof text);
}

static mt_random generator(const char *name, uint64_t seed) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, name, strlen(name), "test", 4));
    return random;
}

/* ---- draws ---- */

static double below_value(const void *context, double x) {
    return mt_distribution_probability_below(context, x, 0, 0);
}

/* E[X; 0 < X <= x] / E[X; X > 0] */
static double biased_below_value(const void *context, double x) {
    double at_zero = mt_distribution_split(context, start, 0, 1).mean_above;
    return 1 - mt_distribution_split(context, start, x, 1).mean_above / at_zero;
}

/* Each different value is a bin, or each run of values under 10 expected. The law's jump at a value
 * is what lies between just before and at it. */
static double atoms_p(const mt_distribution *d, size_t count, int biased) {
    double before = 0;
    double statistic = 0;
    double freedom = -1;
    size_t drawn = 0;
    double at_zero = mt_distribution_split(d, start, 0, 1).mean_above;
    for (size_t i = 0; i < count;) {
        size_t next = i;
        while (next < count && values[next] == values[i])
            next++;
        mt_split split = mt_distribution_split(d, start, values[i], 1);
        double below = biased ? 1 - split.mean_above / at_zero : split.below;
        if (next == count)
            below = 1;
        drawn += next - i;
        double expected = (double)count * (below - before);
        i = next;
        if (expected < 10 && i < count)
            continue;
        statistic += ((double)drawn - expected) * ((double)drawn - expected) / fmax(expected, 1e-3);
        freedom++;
        before = below;
        drawn = 0;
    }
    return freedom > 0 ? chi_square_p(statistic, freedom) : statistic < 1e-6;
}

/* Mixed laws: Kolmogorov's test on values made continuous, each atom (a value that came more than
 * once) spread over its jump. */
static double spread_p(const mt_distribution *d, size_t count, mt_random *random, int biased) {
    double at_zero = mt_distribution_split(d, start, 0, 1).mean_above;
    double n = (double)count;
    double distance = 0;
    mt_sort(values, count);
    for (size_t i = 0; i < count;) {
        double x = values[i];
        int is_atom = i + 1 < count && values[i + 1] == x;
        mt_split at = mt_distribution_split(d, start, x, 1);
        double high = biased ? 1 - at.mean_above / at_zero : at.below;
        mt_split before = is_atom ? mt_distribution_split(d, start, x, 0) : at;
        double low = biased ? 1 - before.mean_above / at_zero : before.below;
        for (; i < count && values[i] == x; i++)
            values[i] = low + (high - low) * mt_random_uniform(random);
    }
    mt_sort(values, count);
    for (size_t i = 0; i < count; i++)
        distance = fmax(distance, fmax(values[i] - (double)i / n, (double)(i + 1) / n - values[i]));
    return kolmogorov_p(distance, n);
}

static double law_p(const example *e, size_t count, mt_random *random, int biased) {
    const mt_distribution *d = e->distribution;
    if (e->values == ATOMS)
        return spread_p(d, count, random, biased);
    if (e->values == CONTINUOUS)
        return kolmogorov_test(values, count, biased ? biased_below_value : below_value, d);
    mt_sort(values, count);
    return atoms_p(d, count, biased);
}

/* Draws into values and looks at bounds and mean: four and a half standard errors are one in
 * 150 000. */
static void draw_many(const mt_distribution *d, size_t count, mt_random *random) {
    double low = mt_distribution_lowest(d);
    double high = mt_distribution_highest(d);
    double mean = mt_distribution_mean(d, 0, 0);
    double sum = 0;
    double squares = 0;
    for (size_t k = 0; k < count; k++) {
        double x = values[k] = mt_distribution_draw(d, random, 0);
        if (!(x >= low && x <= high))
            fail_msg("%s: %g", text_of(d), x);
        sum += x - mean;
        squares += (x - mean) * (x - mean);
    }
    if (!(fabs(sum) <= 4.5 * sqrt(squares) + 1e-9 * (fabs(mean) + 1) * (double)count))
        fail_msg("%s: mean %g", text_of(d), mean + sum / (double)count);
}

static void test_draws(void **state) {
    (void)state;
    example e[EXAMPLES];
    make_examples(e);
    for (size_t i = 0; i < EXAMPLES; i++) {
        const mt_distribution *d = e[i].distribution;
        mt_random random = generator("draws", i);
        /* What combines others draws from them: fewer will do. */
        int is_plain = d->kind == &mt_law_kind || d->kind == &mt_empirical_kind;
        size_t count = is_plain ? MANY : MANY / 5;
        draw_many(d, count, &random);
        double p = law_p(&e[i], count, &random, 0);
        if (!(p > GOODNESS_BOUND))
            fail_msg("%s: p = %g", text_of(d), p);
    }
    release_examples(e);
}

static void test_length_biased_draws(void **state) {
    (void)state;
    example e[EXAMPLES];
    make_examples(e);
    for (size_t i = 0; i < EXAMPLES; i++) {
        const mt_distribution *d = e[i].distribution;
        mt_random random = generator("biased", i);
        if (!(mt_distribution_lowest(d) >= 0) && e[i].mean < 0)
            continue; /* hardly ever positive */
        /* By inversion a draw costs 60 looks at the law. */
        size_t count = d->kind == &mt_law_kind ? BIASED : BIASED / 5;
        for (size_t k = 0; k < count; k++) {
            values[k] = mt_distribution_draw_length_biased(d, &random);
            if (!(values[k] > 0 && values[k] <= mt_distribution_highest(d)))
                fail_msg("%s: %g", text_of(d), values[k]);
        }
        double p = law_p(&e[i], count, &random, 1);
        if (!(p > GOODNESS_BOUND))
            fail_msg("length-biased %s: p = %g", text_of(d), p);
    }
    release_examples(e);
    mt_distribution *negative = make("fixed", "value", -3, NULL, 0);
    mt_random random = generator("biased", 0);
    assert_true(mt_distribution_draw_length_biased(negative, &random) == 0);
    mt_distribution_release(negative);
}

/* ---- the law itself ---- */

static double probability_at(const mt_distribution *d, double x) {
    return mt_distribution_split(d, start, x, 1).below -
           mt_distribution_split(d, start, x, 0).below;
}

/* E[X; X <= x] = x F(x) - the integral of F up to x, by Simpson's rule over pieces that double in
 * length away from `from`, F(from) = 0 or as good as that. */
static double mean_by_integral(const mt_distribution *d, double from, double x) {
    double sum = 0;
    double length = (x - from) * 1e-9;
    for (double a = from; a < x; a += length, length *= 1.004) {
        double b = fmin(a + length, x);
        sum +=
            (b - a) / 6 * (below_value(d, a) + 4 * below_value(d, (a + b) / 2) + below_value(d, b));
    }
    return x * below_value(d, x) - sum;
}

static void assert_near(const mt_distribution *d, double x, double got, double want,
                        double absolute) {
    if (!(fabs(got - want) <= absolute))
        fail_msg("%s at %g: %.15g is not %.15g", text_of(d), x, got, want);
}

/* Both sides of a cut add up, grow, and are what a plain integral or sum says. */
static void test_splits(void **state) {
    (void)state;
    example e[EXAMPLES];
    make_examples(e);
    for (size_t i = 0; i < EXAMPLES; i++) {
        const mt_distribution *d = e[i].distribution;
        double mean = mt_distribution_mean(d, 0, 0);
        double scale = fabs(mean) + 1;
        double low = mt_distribution_lowest(d);
        if (isinf(low))
            low = mean - 60;
        double sum = mt_distribution_split(d, start, low, 0).mean_below;
        for (int step = 0; step <= 40; step++) {
            double x = low + step * scale / 8;
            if (e[i].values == WHOLE) {
                x = low + step;
                sum += x * probability_at(d, x);
            }
            mt_split split = mt_distribution_split(d, start, x, 1);
            assert_near(d, x, split.below + split.above, 1, 1e-13);
            assert_near(d, x, split.mean_below + split.mean_above, mean, 1e-12 * scale);
            assert_true(below_value(d, x) == split.below);
            if (e[i].values == WHOLE)
                assert_near(d, x, split.mean_below, sum, 1e-10 * scale);
            else if (e[i].values == CONTINUOUS && step % 8 == 5)
                assert_near(d, x, split.mean_below, mean_by_integral(d, low, x), 1e-5 * scale);
        }
    }
    release_examples(e);
}

static void test_means(void **state) {
    (void)state;
    example e[EXAMPLES];
    make_examples(e);
    for (size_t i = 0; i < EXAMPLES; i++) {
        const mt_distribution *d = e[i].distribution;
        double mean = mt_distribution_mean(d, 0, 0);
        if (!isnan(e[i].mean))
            assert_near(d, 0, mean, e[i].mean, 1e-9 * fabs(e[i].mean));
    }
    release_examples(e);
}

/* What cv, std and p99 promise. */
static void test_spread(void **state) {
    (void)state;
    mt_distribution *d = make("lognormal", "mean", 900, "p99", 8000);
    assert_near(d, 8000, below_value(d, 8000), 0.99, 1e-12);
    mt_distribution_release(d);
    d = make("lognormal", "median", 500, "p99", 4000);
    assert_near(d, 4000, below_value(d, 4000), 0.99, 1e-12);
    assert_near(d, 500, below_value(d, 500), 0.5, 1e-12);
    mt_distribution_release(d);
    static const struct {
        const char *name, *first, *second;
        double a, b, deviation;
    } known[] = {
        {"lognormal", "mean", "cv", 20, 0.5, 10},     {"lognormal", "mean", "std", 20, 5, 5},
        {"lognormal", "median", "std", 20, 5, 5},     {"normal", "mean", "cv", 20, 0.5, 10},
        {"gamma", "mean", "cv", 20, 0.5, 10},         {"gamma", "mean", "cv", 20, 1.5, 30},
        {"uniform", "low", "high", 4, 16, 3.4641016}, {"exponential", "mean", NULL, 20, 0, 20},
        {"weibull", "mean", "shape", 20, 1, 20},      {"geometric", "mean", NULL, 20, 0, 19.493589},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        d = make(known[i].name, known[i].first, known[i].a, known[i].second, known[i].b);
        mt_random random = generator("spread", i);
        for (size_t k = 0; k < MANY; k++)
            values[k] = mt_distribution_draw(d, &random, 0);
        mt_summary summary;
        mt_summarise(values, MANY, &summary);
        assert_near(d, 0, summary.sample_deviation, known[i].deviation, 0.015 * known[i].deviation);
        mt_distribution_release(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws),  cmocka_unit_test(test_length_biased_draws),
        cmocka_unit_test(test_splits), cmocka_unit_test(test_means),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests_name("distribution law", tests, NULL, NULL);
}
