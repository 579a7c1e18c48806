/* Distributions by name with their parameters in place, as C tests want them (scripts give names:
 * mt_distribution_make). */
#ifndef MT_TESTS_DISTRIBUTION_MAKERS_H
#define MT_TESTS_DISTRIBUTION_MAKERS_H

#include "random/distribution.h"

static inline mt_distribution *of_two(const char *name, const char *first, mt_parameter a,
                                      const char *second, mt_parameter b, mt_error *error) {
    mt_named_parameter given[2] = {{first, a}, {second, b}};
    return mt_distribution_make(name, given, 2, error);
}

static inline mt_distribution *of_one(const char *name, const char *first, mt_parameter a,
                                      mt_error *error) {
    mt_named_parameter given = {first, a};
    return mt_distribution_make(name, &given, 1, error);
}

static inline mt_distribution *mt_distribution_fixed(mt_parameter value, mt_error *error) {
    return of_one("fixed", "value", value, error);
}

static inline mt_distribution *mt_distribution_uniform(mt_parameter low, mt_parameter high,
                                                       mt_error *error) {
    return of_two("uniform", "low", low, "high", high, error);
}

static inline mt_distribution *mt_distribution_normal(mt_parameter mean, mt_parameter deviation,
                                                      mt_error *error) {
    return of_two("normal", "mean", mean, "std", deviation, error);
}

static inline mt_distribution *mt_distribution_lognormal(mt_parameter mean, mt_parameter cv,
                                                         mt_error *error) {
    return of_two("lognormal", "mean", mean, "cv", cv, error);
}

static inline mt_distribution *
mt_distribution_lognormal_median(mt_parameter median, mt_parameter sigma, mt_error *error) {
    return of_two("lognormal", "median", median, "sigma", sigma, error);
}

static inline mt_distribution *mt_distribution_exponential(mt_parameter mean, mt_error *error) {
    return of_one("exponential", "mean", mean, error);
}

static inline mt_distribution *mt_distribution_gamma(mt_parameter mean, mt_parameter cv,
                                                     mt_error *error) {
    return of_two("gamma", "mean", mean, "cv", cv, error);
}

static inline mt_distribution *mt_distribution_weibull(mt_parameter mean, mt_parameter shape,
                                                       mt_error *error) {
    return of_two("weibull", "mean", mean, "shape", shape, error);
}

static inline mt_distribution *mt_distribution_pareto(mt_parameter mean, mt_parameter shape,
                                                      mt_error *error) {
    return of_two("pareto", "mean", mean, "shape", shape, error);
}

static inline mt_distribution *mt_distribution_geometric(mt_parameter mean, mt_error *error) {
    return of_one("geometric", "mean", mean, error);
}

static inline mt_distribution *mt_distribution_zipf(mt_parameter n, mt_parameter s,
                                                    mt_error *error) {
    return of_two("zipf", "n", n, "s", s, error);
}

#endif
