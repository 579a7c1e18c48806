/* Distributions of a number: values that are built once, combined, and drawn from many times.
 *
 * An mt_distribution is immutable and reference counted. Its parameters are mt_parameter: a number,
 * or a function of time (a rate curve, to a caller who has one), read at the time given to the
 * draw and with the seed of the generator's key (of the call, where there is no generator). A draw
 * uses the generator it is given and nothing else. Makers take over no references: a combined
 * distribution retains its parts; the caller still releases its own. Makers return NULL and fill
 * error: MT_ERROR_VALUE with what is allowed, or MT_ERROR_MEMORY.
 *
 * Sources: normal by the polar method (Marsaglia & Bray 1964) or better; gamma by Marsaglia & Tsang
 * 2000 (shape < 1 by their boost); zipf by rejection-inversion (Hoermann & Derflinger 1996);
 * Poisson by inversion below a mean of 10 and by transformed rejection PTRS above (Hoermann 1993);
 * weighted choice by alias tables (Vose 1991). */
#ifndef MT_RANDOM_DISTRIBUTION_H
#define MT_RANDOM_DISTRIBUTION_H

#include "base/error.h"
#include "random/generator.h"

/* ---- plain samplers, for code that has its parameters at hand ---- */

double mt_draw_normal(mt_random *random);                   /* mean 0, deviation 1 */
double mt_draw_exponential(mt_random *random);              /* mean 1, > 0 */
double mt_draw_gamma(mt_random *random, double shape);      /* scale 1; shape > 0 */
uint64_t mt_draw_poisson(mt_random *random, double mean);   /* exact for 0 <= mean <= 1e9 */
double mt_draw_geometric(mt_random *random, double mean);   /* 1, 2, ...; mean >= 1 */
double mt_draw_zipf(mt_random *random, double n, double s); /* 1..n, weight k^-s; n >= 1, s >= 0 */

/* ---- weighted choice ---- */

typedef struct mt_alias mt_alias;

/* A table over `count` >= 1 finite weights >= 0, not all 0; O(count) memory and time. */
mt_alias *mt_alias_new(const double *weights, size_t count, mt_error *error);

/* An index 0..count-1 with its weight's probability; O(1). */
size_t mt_alias_draw(const mt_alias *alias, mt_random *random);

/* NULL is allowed. */
void mt_alias_free(mt_alias *alias);

/* ---- distributions as values ---- */

typedef struct mt_distribution mt_distribution;

typedef struct mt_parameter {
    double value;                                            /* used when at is NULL */
    double (*at)(void *context, uint64_t seed, double time); /* seconds since the start */
    void *context;
    void (*retain)(void *context); /* called by makers and by release; NULL: nothing */
    void (*release)(void *context);
} mt_parameter;

/* A parameter that is a number. */
static inline mt_parameter mt_number(double value) {
    mt_parameter parameter = {value, NULL, NULL, NULL, NULL};
    return parameter;
}

mt_distribution *mt_distribution_fixed(mt_parameter value, mt_error *error);
/* Continuous on [low, high); low <= high. */
mt_distribution *mt_distribution_uniform(mt_parameter low, mt_parameter high, mt_error *error);
/* deviation >= 0. */
mt_distribution *mt_distribution_normal(mt_parameter mean, mt_parameter deviation, mt_error *error);
/* mean > 0; cv (standard deviation / mean) >= 0. */
mt_distribution *mt_distribution_lognormal(mt_parameter mean, mt_parameter cv, mt_error *error);
/* By median > 0 and sigma >= 0 of the logarithm: what `median=` and `p99=` reduce to. */
mt_distribution *mt_distribution_lognormal_median(mt_parameter median, mt_parameter sigma,
                                                  mt_error *error);
mt_distribution *mt_distribution_exponential(mt_parameter mean, mt_error *error); /* mean > 0 */
/* mean > 0, cv > 0: shape 1/cv^2. */
mt_distribution *mt_distribution_gamma(mt_parameter mean, mt_parameter cv, mt_error *error);
/* mean > 0, shape > 0. */
mt_distribution *mt_distribution_weibull(mt_parameter mean, mt_parameter shape, mt_error *error);
/* mean > 0, shape > 1 (a smaller one has no mean): smallest value mean * (shape-1)/shape. */
mt_distribution *mt_distribution_pareto(mt_parameter mean, mt_parameter shape, mt_error *error);
mt_distribution *mt_distribution_geometric(mt_parameter mean, mt_error *error); /* mean >= 1 */
/* 1..n; 1 <= n <= 2^53 whole, s >= 0. */
mt_distribution *mt_distribution_zipf(mt_parameter n, mt_parameter s, mt_error *error);
/* One of `count` >= 1 finite values, each as likely, or by `weights` when not NULL; copied. */
mt_distribution *mt_distribution_empirical(const double *values, const double *weights,
                                           size_t count, mt_error *error);
/* One of `count` >= 1 parts, by weight. */
mt_distribution *mt_distribution_mix(mt_distribution *const *parts, const double *weights,
                                     size_t count, mt_error *error);
/* part * factor + offset. */
mt_distribution *mt_distribution_affine(mt_distribution *part, double factor, double offset,
                                        mt_error *error);
/* part's draws moved into [low, high] (-INFINITY, INFINITY: no bound). */
mt_distribution *mt_distribution_clamp(mt_distribution *part, double low, double high,
                                       mt_error *error);

mt_distribution *mt_distribution_retain(mt_distribution *distribution); /* returns it */
void mt_distribution_release(mt_distribution *distribution);            /* NULL is allowed */

/* One value; `time` (seconds) is what parameters that depend on it are read at. A parameter that
 * is out of its range at that time is moved to the nearest allowed one. */
double mt_distribution_draw(const mt_distribution *distribution, mt_random *random, double time);

/* A value by its length-biased law (density x f(x) / mean), which the gap that covers a random
 * instant has; for positive distributions. Exact for every kind (e.g. gamma: shape + 1; lognormal:
 * mu + sigma^2; empirical and mix: by weight * value); where there is no closed form, by inversion
 * of a numerically integrated law with relative error <= 1e-9. */
double mt_distribution_draw_length_biased(const mt_distribution *distribution, mt_random *random);

/* The mean at `time`, exact or to 1e-9 relative (clamped ones by integrating the distribution
 * function). */
double mt_distribution_mean(const mt_distribution *distribution, uint64_t seed, double time);

/* The mean of the whole number a length becomes: rounded to the nearest whole, then moved into
 * [low, high]; to 1e-6 relative. */
double mt_distribution_mean_rounded(const mt_distribution *distribution, uint64_t seed, double time,
                                    double low, double high);

/* P(X <= x) at `time`; what the means above integrate. */
double mt_distribution_probability_below(const mt_distribution *distribution, double x,
                                         uint64_t seed, double time);

/* The smallest value that can come out, at time 0: to check that gaps are positive. */
double mt_distribution_lowest(const mt_distribution *distribution);

/* The expression as a script would write it, "lognormal{mean=2400, cv=1.2} + 3": at most size
 * bytes, terminated. Returns buffer. */
char *mt_distribution_text(const mt_distribution *distribution, char *buffer, size_t size);

/* Does any parameter depend on time? */
int mt_distribution_varies(const mt_distribution *distribution);

#endif
