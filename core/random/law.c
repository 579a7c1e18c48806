/* The named laws: each is one entry in the table at the end. */
#include "random/kind.h"

#include "random/special.h"

#include <float.h>
#include <math.h>

static const double z99 = 2.3263478740408411; /* the 0.99 quantile of the standard normal */

static mt_split all_below(double mean) {
    mt_split split = {1, 0, mean, 0};
    return split;
}

static mt_split all_above(double mean) {
    mt_split split = {0, 1, 0, mean};
    return split;
}

static void prepare_value(const double parameter[2], mt_prepared *p) {
    p->value = parameter[0];
}

static double mean_value(const mt_prepared *p) {
    return p->value;
}

static void bounds_positive(const mt_prepared *p, double *low, double *high) {
    (void)p;
    *low = 0;
    *high = INFINITY;
}

/* ---- fixed ---- */

static double fixed_draw(const mt_prepared *p, mt_random *random) {
    (void)random;
    return p->value;
}

static mt_split fixed_split(const mt_prepared *p, double x, int inclusive) {
    return p->value < x || (inclusive && p->value == x) ? all_below(p->value) : all_above(p->value);
}

static void fixed_bounds(const mt_prepared *p, double *low, double *high) {
    *low = *high = p->value;
}

/* ---- uniform ---- */

static mt_code uniform_check(const double parameter[2], mt_error *error) {
    if (parameter[0] > parameter[1])
        return mt_fail(error, MT_ERROR_VALUE,
                       "uniform: low must not be above high (they are %.15g and %.15g)",
                       parameter[0], parameter[1]);
    return MT_OK;
}

static void uniform_prepare(const double parameter[2], mt_prepared *p) {
    p->uniform.low = parameter[0];
    p->uniform.high = fmax(parameter[0], parameter[1]);
}

static double uniform_draw(const mt_prepared *p, mt_random *random) {
    double u = mt_random_uniform(random);
    return p->uniform.low + u * (p->uniform.high - p->uniform.low);
}

static double uniform_mean(const mt_prepared *p) {
    return p->uniform.low + (p->uniform.high - p->uniform.low) / 2;
}

static mt_split uniform_split(const mt_prepared *p, double x, int inclusive) {
    double low = p->uniform.low;
    double high = p->uniform.high;
    if (x < low || (x == low && !inclusive))
        return all_above(uniform_mean(p));
    if (x >= high)
        return all_below(uniform_mean(p));
    double below = (x - low) / (high - low);
    double above = (high - x) / (high - low);
    mt_split split = {below, above, below * (low + x) / 2, above * (x + high) / 2};
    return split;
}

static void uniform_bounds(const mt_prepared *p, double *low, double *high) {
    *low = p->uniform.low;
    *high = p->uniform.high;
}

/* ---- normal ---- */

static void normal_prepare(const double parameter[2], mt_prepared *p) {
    p->normal.mean = parameter[0];
    p->normal.deviation = parameter[1];
}

static void normal_prepare_cv(const double parameter[2], mt_prepared *p) {
    p->normal.mean = parameter[0];
    p->normal.deviation = fabs(parameter[0]) * parameter[1];
}

static double normal_draw(const mt_prepared *p, mt_random *random) {
    return p->normal.mean + p->normal.deviation * mt_draw_normal(random);
}

static double normal_mean(const mt_prepared *p) {
    return p->normal.mean;
}

static mt_split normal_split(const mt_prepared *p, double x, int inclusive) {
    double mean = p->normal.mean;
    double deviation = p->normal.deviation;
    if (deviation == 0)
        return mean < x || (inclusive && mean == x) ? all_below(mean) : all_above(mean);
    double z = (x - mean) / deviation;
    double density = deviation * exp(-z * z / 2) / sqrt(2 * M_PI);
    double below = mt_normal_below(z);
    double above = mt_normal_below(-z);
    mt_split split = {below, above, mean * below - density, mean * above + density};
    return split;
}

static void normal_bounds(const mt_prepared *p, double *low, double *high) {
    *low = p->normal.deviation > 0 ? -INFINITY : p->normal.mean;
    *high = p->normal.deviation > 0 ? INFINITY : p->normal.mean;
}

/* ---- lognormal ---- */

static void lognormal_of_mean(double mean, double sigma, mt_prepared *p) {
    p->lognormal.sigma = sigma;
    p->lognormal.mu = log(mean) - sigma * sigma / 2;
}

static void lognormal_of_median(double median, double sigma, mt_prepared *p) {
    p->lognormal.sigma = sigma;
    p->lognormal.mu = log(median);
}

static double sigma_of_cv(double cv) {
    return sqrt(log1p(cv * cv));
}

static void lognormal_mean_cv(const double parameter[2], mt_prepared *p) {
    lognormal_of_mean(parameter[0], sigma_of_cv(parameter[1]), p);
}

static void lognormal_mean_std(const double parameter[2], mt_prepared *p) {
    lognormal_of_mean(parameter[0], sigma_of_cv(parameter[1] / parameter[0]), p);
}

/* ln(p99 / mean) = z sigma - sigma^2 / 2; the smaller root, for the larger has its mean far out in
 * the tail. */
static void lognormal_mean_p99(const double parameter[2], mt_prepared *p) {
    double ratio = fmax(log(parameter[1] / parameter[0]), 0);
    double root = sqrt(fmax(z99 * z99 - 2 * ratio, 0));
    lognormal_of_mean(parameter[0], 2 * ratio / (z99 + root), p);
}

static mt_code lognormal_check_mean_p99(const double parameter[2], mt_error *error) {
    double ratio = parameter[1] / parameter[0];
    double most = exp(z99 * z99 / 2);
    if (!(ratio > 1) || ratio > most)
        return mt_fail(error, MT_ERROR_VALUE,
                       "lognormal: p99 must be above mean and at most %.2f times it (mean is "
                       "%.15g, p99 %.15g)",
                       most, parameter[0], parameter[1]);
    return MT_OK;
}

static void lognormal_median_cv(const double parameter[2], mt_prepared *p) {
    lognormal_of_median(parameter[0], sigma_of_cv(parameter[1]), p);
}

/* With w = e^(sigma^2): (w - 1) w = (std / median)^2. */
static void lognormal_median_std(const double parameter[2], mt_prepared *p) {
    double r = parameter[1] / parameter[0];
    double w_minus_1 = 2 * r * (r / (1 + hypot(1, 2 * r)));
    lognormal_of_median(parameter[0], sqrt(log1p(w_minus_1)), p);
}

static void lognormal_median_p99(const double parameter[2], mt_prepared *p) {
    lognormal_of_median(parameter[0], fmax(log(parameter[1] / parameter[0]), 0) / z99, p);
}

static mt_code lognormal_check_median_p99(const double parameter[2], mt_error *error) {
    if (!(parameter[1] > parameter[0]))
        return mt_fail(error, MT_ERROR_VALUE,
                       "lognormal: p99 must be above median (median is %.15g, p99 %.15g)",
                       parameter[0], parameter[1]);
    return MT_OK;
}

static void lognormal_median_sigma(const double parameter[2], mt_prepared *p) {
    lognormal_of_median(parameter[0], parameter[1], p);
}

static double lognormal_draw(const mt_prepared *p, mt_random *random) {
    return exp(p->lognormal.mu + p->lognormal.sigma * mt_draw_normal(random));
}

static double lognormal_draw_biased(const mt_prepared *p, mt_random *random) {
    double sigma = p->lognormal.sigma;
    return exp(p->lognormal.mu + sigma * sigma + sigma * mt_draw_normal(random));
}

static double lognormal_mean(const mt_prepared *p) {
    return exp(p->lognormal.mu + p->lognormal.sigma * p->lognormal.sigma / 2);
}

static mt_split lognormal_split(const mt_prepared *p, double x, int inclusive) {
    double mean = lognormal_mean(p);
    if (x <= 0)
        return all_above(mean);
    double sigma = p->lognormal.sigma;
    if (sigma == 0)
        return mean < x || (inclusive && mean == x) ? all_below(mean) : all_above(mean);
    double z = (log(x) - p->lognormal.mu) / sigma;
    mt_split split = {mt_normal_below(z), mt_normal_below(-z), mean * mt_normal_below(z - sigma),
                      mean * mt_normal_below(sigma - z)};
    return split;
}

static void lognormal_bounds(const mt_prepared *p, double *low, double *high) {
    *low = p->lognormal.sigma > 0 ? 0 : exp(p->lognormal.mu);
    *high = p->lognormal.sigma > 0 ? INFINITY : exp(p->lognormal.mu);
}

/* ---- exponential, gamma, weibull ---- */

static double exponential_draw(const mt_prepared *p, mt_random *random) {
    return p->value * mt_draw_exponential(random);
}

static double exponential_draw_biased(const mt_prepared *p, mt_random *random) {
    return p->value * (mt_draw_exponential(random) + mt_draw_exponential(random));
}

static mt_split exponential_split(const mt_prepared *p, double x, int inclusive) {
    (void)inclusive;
    if (x <= 0)
        return all_above(p->value);
    double mean_below, mean_above;
    mt_gamma_split(2, x / p->value, &mean_below, &mean_above);
    mt_split split = {-expm1(-x / p->value), exp(-x / p->value), p->value * mean_below,
                      p->value * mean_above};
    return split;
}

static void gamma_prepare(const double parameter[2], mt_prepared *p) {
    double cv = fmax(parameter[1], 1e-9); /* narrower ones would not differ by a draw's last bits */
    p->shaped.shape = 1 / (cv * cv);
    p->shaped.scale = parameter[0] / p->shaped.shape;
}

static double gamma_draw(const mt_prepared *p, mt_random *random) {
    return p->shaped.scale * mt_draw_gamma(random, p->shaped.shape);
}

static double gamma_draw_biased(const mt_prepared *p, mt_random *random) {
    return p->shaped.scale * mt_draw_gamma(random, p->shaped.shape + 1);
}

static double gamma_mean(const mt_prepared *p) {
    return p->shaped.scale * p->shaped.shape;
}

static mt_split gamma_split(const mt_prepared *p, double x, int inclusive) {
    (void)inclusive;
    double mean = gamma_mean(p);
    mt_split split;
    mt_gamma_split(p->shaped.shape, x / p->shaped.scale, &split.below, &split.above);
    mt_gamma_split(p->shaped.shape + 1, x / p->shaped.scale, &split.mean_below, &split.mean_above);
    split.mean_below *= mean;
    split.mean_above *= mean;
    return split;
}

static void weibull_prepare(const double parameter[2], mt_prepared *p) {
    p->shaped.shape = parameter[1];
    p->shaped.scale = parameter[0] / tgamma(1 + 1 / parameter[1]);
}

static double weibull_draw(const mt_prepared *p, mt_random *random) {
    return p->shaped.scale * pow(mt_draw_exponential(random), 1 / p->shaped.shape);
}

/* In y = (x / scale)^shape the density e^-y becomes y^(1 / shape) e^-y. */
static double weibull_draw_biased(const mt_prepared *p, mt_random *random) {
    double y = mt_draw_gamma(random, 1 + 1 / p->shaped.shape);
    return p->shaped.scale * pow(y, 1 / p->shaped.shape);
}

static double weibull_mean(const mt_prepared *p) {
    return p->shaped.scale * tgamma(1 + 1 / p->shaped.shape);
}

static mt_split weibull_split(const mt_prepared *p, double x, int inclusive) {
    (void)inclusive;
    double mean = weibull_mean(p);
    if (x <= 0)
        return all_above(mean);
    double y = pow(x / p->shaped.scale, p->shaped.shape);
    mt_split split = {-expm1(-y), exp(-y), 0, 0};
    mt_gamma_split(1 + 1 / p->shaped.shape, y, &split.mean_below, &split.mean_above);
    split.mean_below *= mean;
    split.mean_above *= mean;
    return split;
}

/* ---- pareto ---- */

static void pareto_prepare(const double parameter[2], mt_prepared *p) {
    p->shaped.shape = parameter[1];
    p->shaped.scale = parameter[0] * (parameter[1] - 1) / parameter[1];
}

static double pareto_draw(const mt_prepared *p, mt_random *random) {
    return p->shaped.scale * pow(mt_random_positive(random), -1 / p->shaped.shape);
}

static double pareto_draw_biased(const mt_prepared *p, mt_random *random) {
    return p->shaped.scale * pow(mt_random_positive(random), -1 / (p->shaped.shape - 1));
}

static double pareto_mean(const mt_prepared *p) {
    return p->shaped.scale * p->shaped.shape / (p->shaped.shape - 1);
}

static mt_split pareto_split(const mt_prepared *p, double x, int inclusive) {
    (void)inclusive;
    double mean = pareto_mean(p);
    if (x <= p->shaped.scale)
        return all_above(mean);
    double log_ratio = log(p->shaped.scale / x);
    double shape = p->shaped.shape;
    mt_split split = {-expm1(shape * log_ratio), exp(shape * log_ratio),
                      -mean * expm1((shape - 1) * log_ratio), mean * exp((shape - 1) * log_ratio)};
    return split;
}

static void pareto_bounds(const mt_prepared *p, double *low, double *high) {
    *low = p->shaped.scale;
    *high = INFINITY;
}

/* ---- geometric ---- */

/* The largest whole number that counts as below x. */
static double whole_below(double x, int inclusive) {
    double k = floor(x);
    return k == x && !inclusive ? k - 1 : k;
}

static double geometric_draw(const mt_prepared *p, mt_random *random) {
    return mt_draw_geometric(random, p->value);
}

/* k p^2 q^(k-1) is the law of a sum of two, less 1. */
static double geometric_draw_biased(const mt_prepared *p, mt_random *random) {
    return mt_draw_geometric(random, p->value) + mt_draw_geometric(random, p->value) - 1;
}

static mt_split geometric_split(const mt_prepared *p, double x, int inclusive) {
    double mean = p->value;
    double k = whole_below(x, inclusive);
    if (k < 1)
        return all_above(mean);
    if (mean <= 1)
        return all_below(mean);
    double log_above = k * log1p(-1 / mean);
    double above = exp(log_above);
    double below = -expm1(log_above);
    mt_split split = {below, above, mean * below - k * above, (k + mean) * above};
    return split;
}

static void geometric_bounds(const mt_prepared *p, double *low, double *high) {
    *low = 1;
    *high = p->value > 1 ? INFINITY : 1;
}

/* ---- zipf ---- */

static void zipf_prepare(const double parameter[2], mt_prepared *p) {
    mt_zipf_prepare(&p->zipf, floor(parameter[0]), parameter[1]);
}

static double zipf_draw(const mt_prepared *p, mt_random *random) {
    return mt_zipf_draw(&p->zipf, random);
}

/* Weight k^(1-s). Growing with k for s < 1: then a uniform k, kept with (k / n)^(1-s) >= its mean
 * of 1/2 or more. */
static double zipf_draw_biased(const mt_prepared *p, mt_random *random) {
    double n = p->zipf.n;
    double s = p->zipf.s;
    if (s >= 1)
        return mt_draw_zipf(random, n, s - 1);
    for (;;) {
        double k = 1 + (double)mt_random_below(random, (uint64_t)n);
        if (mt_random_uniform(random) < pow(k / n, 1 - s))
            return k;
    }
}

static double zipf_mean(const mt_prepared *p) {
    return mt_power_sum(1, p->zipf.n, p->zipf.s - 1) / mt_power_sum(1, p->zipf.n, p->zipf.s);
}

static mt_split zipf_split(const mt_prepared *p, double x, int inclusive) {
    double n = p->zipf.n;
    double s = p->zipf.s;
    double k = fmin(fmax(whole_below(x, inclusive), 0), n);
    double all = mt_power_sum(1, n, s);
    mt_split split = {mt_power_sum(1, k, s) / all, mt_power_sum(k + 1, n, s) / all,
                      mt_power_sum(1, k, s - 1) / all, mt_power_sum(k + 1, n, s - 1) / all};
    return split;
}

static void zipf_bounds(const mt_prepared *p, double *low, double *high) {
    *low = 1;
    *high = p->zipf.n;
}

/* ---- the table ---- */

#define ANY                                                                                        \
    { -DBL_MAX, 0, DBL_MAX, 0 }
#define ABOVE_0                                                                                    \
    { 0, 1, DBL_MAX, 0 }
#define FROM_0                                                                                     \
    { 0, 0, DBL_MAX, 0 }
/* Wider ones overflow on the way to their parameters. */
#define CV                                                                                         \
    { 0, 0, 1e6, 0 }
#define SIGMA                                                                                      \
    { 0, 0, 30, 0 }
#define LOGNORMAL(first, second, second_range, check, prepare)                                     \
    {                                                                                              \
        {"lognormal", {first, second}}, {ABOVE_0, second_range}, 0, 0, check, prepare,             \
            lognormal_draw, lognormal_draw_biased, lognormal_split, lognormal_mean,                \
            lognormal_bounds                                                                       \
    }

const mt_law mt_laws[] = {
    {{"fixed", {"value", NULL}},
     {ANY, ANY},
     1,
     0,
     NULL,
     prepare_value,
     fixed_draw,
     NULL,
     fixed_split,
     mean_value,
     fixed_bounds},
    {{"uniform", {"low", "high"}},
     {ANY, ANY},
     1,
     0,
     uniform_check,
     uniform_prepare,
     uniform_draw,
     NULL,
     uniform_split,
     uniform_mean,
     uniform_bounds},
    {{"normal", {"mean", "cv"}},
     {ANY, CV},
     0,
     0,
     NULL,
     normal_prepare_cv,
     normal_draw,
     NULL,
     normal_split,
     normal_mean,
     normal_bounds},
    {{"normal", {"mean", "std"}},
     {ANY, FROM_0},
     0,
     0,
     NULL,
     normal_prepare,
     normal_draw,
     NULL,
     normal_split,
     normal_mean,
     normal_bounds},
    LOGNORMAL("mean", "cv", CV, NULL, lognormal_mean_cv),
    LOGNORMAL("mean", "std", FROM_0, NULL, lognormal_mean_std),
    LOGNORMAL("mean", "p99", ABOVE_0, lognormal_check_mean_p99, lognormal_mean_p99),
    LOGNORMAL("median", "cv", CV, NULL, lognormal_median_cv),
    LOGNORMAL("median", "std", FROM_0, NULL, lognormal_median_std),
    LOGNORMAL("median", "p99", ABOVE_0, lognormal_check_median_p99, lognormal_median_p99),
    LOGNORMAL("median", "sigma", SIGMA, NULL, lognormal_median_sigma),
    {{"exponential", {"mean", NULL}},
     {ABOVE_0, ANY},
     1,
     0,
     NULL,
     prepare_value,
     exponential_draw,
     exponential_draw_biased,
     exponential_split,
     mean_value,
     bounds_positive},
    {{"gamma", {"mean", "cv"}},
     {ABOVE_0, {0, 1, 1e6, 0}},
     0,
     0,
     NULL,
     gamma_prepare,
     gamma_draw,
     gamma_draw_biased,
     gamma_split,
     gamma_mean,
     bounds_positive},
    {{"weibull", {"mean", "shape"}},
     {ABOVE_0, {0.01, 0, 1e6, 0}},
     0,
     0,
     NULL,
     weibull_prepare,
     weibull_draw,
     weibull_draw_biased,
     weibull_split,
     weibull_mean,
     bounds_positive},
    {{"pareto", {"mean", "shape"}},
     {ABOVE_0, {1, 1, DBL_MAX, 0}},
     0,
     0,
     NULL,
     pareto_prepare,
     pareto_draw,
     pareto_draw_biased,
     pareto_split,
     pareto_mean,
     pareto_bounds},
    {{"geometric", {"mean", NULL}},
     {{1, 0, DBL_MAX, 0}, ANY},
     1,
     1,
     NULL,
     prepare_value,
     geometric_draw,
     geometric_draw_biased,
     geometric_split,
     mean_value,
     geometric_bounds},
    {{"zipf", {"n", "s"}},
     {{1, 0, 0x1p53, 1}, {0, 0, 1000, 0}},
     0,
     1,
     NULL,
     zipf_prepare,
     zipf_draw,
     zipf_draw_biased,
     zipf_split,
     zipf_mean,
     zipf_bounds},
    {{NULL, {NULL, NULL}}, {ANY, ANY}, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
