/* Distributions of a number: values that are built once, combined, and drawn from many times.
 *
 * An mt_distribution is immutable and reference counted (not atomically: one thread). Its
 * parameters are mt_parameter: a number, or a function of time (a rate curve, to a caller who has
 * one), read at the time given to the draw and with the seed of the generator's key (of the call,
 * where there is no generator). A draw uses the generator it is given and nothing else. A combined
 * distribution retains its parts and a maker retains its parameters; the caller still releases its
 * own. Makers return NULL and fill error: MT_ERROR_VALUE with what is allowed, or MT_ERROR_MEMORY.
 *
 * Sources: where the distribution function has an inverse, inversion (the normal's by Wichura
 * 1988), one 64-bit draw a value; gamma by Marsaglia & Tsang 2000 (shape < 1 by their boost); zipf
 * by rejection-inversion (Hoermann & Derflinger 1996); Poisson by inversion below a mean of 10 and
 * by transformed rejection PTRS above (Hoermann 1993); weighted choice by alias tables (Vose 1991).
 */
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
    void (*retain)(void *context);                           /* NULL: nothing to do */
    void (*release)(void *context);                          /* NULL: nothing to do */
    char *(*text)(void *context, char *buffer, size_t size); /* as mt_distribution_text */
    double (*duration)(
        void *context); /* seconds; the last value holds after it. NULL: it never ends */
} mt_parameter;

/* A parameter that is a number. */
static inline mt_parameter mt_number(double value) {
    mt_parameter parameter = {value, NULL, NULL, NULL, NULL, NULL, NULL};
    return parameter;
}

/* A distribution by its name and its parameters' names, in any order:
 *
 *     fixed        value
 *     uniform      low, high: continuous on [low, high); low <= high
 *     normal       mean; std >= 0 or cv >= 0 (standard deviation / mean)
 *     lognormal    mean > 0 or median > 0; cv >= 0, std >= 0, p99, or, with median, sigma >= 0 (of
 *                  the logarithm)
 *     exponential  mean > 0
 *     gamma        mean > 0, cv > 0: its shape is 1/cv^2
 *     weibull      mean > 0, shape > 0
 *     pareto       mean > 0, shape > 1 (a smaller one has no mean): the smallest value is mean *
 *                  (shape - 1) / shape
 *     geometric    mean >= 1
 *     zipf         n, s: 1..n; 1 <= n <= 2^53 whole, s >= 0
 *
 * mt_distribution_forms lists which go together. A `mean` may be left out beside a shape (gamma cv,
 * weibull shape, ...): the mean is then 1 and the value only a shape (mt_distribution_is_shape). */
typedef struct mt_named_parameter {
    const char *name;
    mt_parameter value;
} mt_named_parameter;

mt_distribution *mt_distribution_make(const char *name, const mt_named_parameter *given,
                                      size_t count, mt_error *error);

/* A way to give a distribution's parameters. */
typedef struct mt_distribution_form {
    const char *name;         /* "lognormal" */
    const char *parameter[2]; /* "mean", "cv"; the second is NULL where there is only one */
} mt_distribution_form;

/* Form number `index`, those of one name together and the commonest first; NULL past the last. */
const mt_distribution_form *mt_distribution_forms(size_t index);

/* One of `count` >= 1 finite values, each as likely, or by `weights` when not NULL; copied. */
mt_distribution *mt_distribution_empirical(const double *values, const double *weights,
                                           size_t count, mt_error *error);
/* One of `count` >= 1 parts, by weight. */
mt_distribution *mt_distribution_mix(mt_distribution *const *parts, const double *weights,
                                     size_t count, mt_error *error);
/* part * factor + offset; factor not 0. */
mt_distribution *mt_distribution_affine(mt_distribution *part, double factor, double offset,
                                        mt_error *error);
/* part's draws moved into [low, high] (-INFINITY, INFINITY: no bound). */
mt_distribution *mt_distribution_clamp(mt_distribution *part, double low, double high,
                                       mt_error *error);

/* The distribution as it is where its draws are rounded to whole numbers (lengths, turns): uniform
 * then gives each whole number in [low, high] as often, the ends too; every other law is itself.
 * Mixes, clamps and a uniform that is multiplied or moved are seen through; a mix or clamp that is
 * multiplied afterwards is not. */
mt_distribution *mt_distribution_whole(mt_distribution *distribution, mt_error *error);

mt_distribution *mt_distribution_retain(mt_distribution *distribution); /* returns it */
void mt_distribution_release(mt_distribution *distribution);            /* NULL is allowed */

/* One value; `time` (seconds) is what parameters that depend on it are read at. A parameter that
 * is out of its range at that time is moved to the nearest allowed one. Clamped draws are exactly
 * what they would be without the clamp, then moved. */
double mt_distribution_draw(const mt_distribution *distribution, mt_random *random, double time);

/* A value > 0 by the length-biased law (density x f(x) / mean, x > 0) at time 0, which the gap that
 * covers a random instant has. Exact for every kind: by a known law (gamma: shape + 1; lognormal:
 * mu + sigma^2; mix: by weight * mean, ...) or else by inverting the partial mean to the last bit,
 * some 20 microseconds. 0 when no value above 0 can come out. */
double mt_distribution_draw_length_biased(const mt_distribution *distribution, mt_random *random);

/* The mean at `time`, to 1e-9 relative: everything is in closed form. */
double mt_distribution_mean(const mt_distribution *distribution, uint64_t seed, double time);

/* The mean of the whole number a length becomes: rounded to the nearest whole (halves up, floor(x +
 * 0.5)), then moved into [low, high] (whole numbers or infinite); to 1e-6 relative, 5e-6 for a zipf
 * or geometric times a fraction whose draws pass 10^5. Up to some milliseconds: sums over whole
 * numbers.
 */
double mt_distribution_mean_rounded(const mt_distribution *distribution, uint64_t seed, double time,
                                    double low, double high);

/* P(X <= x) at `time`. */
double mt_distribution_probability_below(const mt_distribution *distribution, double x,
                                         uint64_t seed, double time);

/* The smallest and largest value that can come out, at time 0 (-INFINITY, INFINITY: no bound); the
 * first to check that gaps are positive. */
double mt_distribution_lowest(const mt_distribution *distribution);
double mt_distribution_highest(const mt_distribution *distribution);

/* The expression as a script would write it, "lognormal{mean=2400, cv=1.2} + 3": at most size
 * bytes, terminated, "..." for what does not fit (size >= 4). Returns buffer. */
char *mt_distribution_text(const mt_distribution *distribution, char *buffer, size_t size);

/* Does any parameter depend on time? */
int mt_distribution_varies(const mt_distribution *distribution);

/* Seconds after which a parameter that depends on time has ended and keeps its last value, the first of
 * several; INFINITY: none ends. */
double mt_distribution_duration(const mt_distribution *distribution);

/* Is every draw the same number, for which no random one is taken? Then *value becomes it. */
int mt_distribution_is_fixed(const mt_distribution *distribution, double *value);

/* Was a mean left out somewhere in it? Such a value has a shape (gaps that are scaled anyway) but
 * no length of its own. */
int mt_distribution_is_shape(const mt_distribution *distribution);

#endif
