/* The normal and the lognormal, by any pair of parameters that says how wide they are. */
#include "random/law.h"

#include "random/special.h"

static const double z99 = 2.3263478740408411; /* the 0.99 quantile of the standard normal */

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
        return mean < x || (inclusive && mean == x) ? mt_all_below(mean) : mt_all_above(mean);
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
        return mt_all_above(mean);
    double sigma = p->lognormal.sigma;
    if (sigma == 0)
        return mean < x || (inclusive && mean == x) ? mt_all_below(mean) : mt_all_above(mean);
    double z = (log(x) - p->lognormal.mu) / sigma;
    mt_split split = {mt_normal_below(z), mt_normal_below(-z), mean * mt_normal_below(z - sigma),
                      mean * mt_normal_below(sigma - z)};
    return split;
}

static void lognormal_bounds(const mt_prepared *p, double *low, double *high) {
    *low = p->lognormal.sigma > 0 ? 0 : exp(p->lognormal.mu);
    *high = p->lognormal.sigma > 0 ? INFINITY : exp(p->lognormal.mu);
}

/* One form of the lognormal: all are the same law but for their preparation. */
#define LOGNORMAL(first, second, second_range, check_pair, prepare_pair)                           \
    {                                                                                              \
        .form = {"lognormal", {first, second}}, .range = {{MT_ABOVE_0}, second_range},             \
        .check = (check_pair), .prepare = (prepare_pair), .draw = lognormal_draw,                  \
        .draw_biased = lognormal_draw_biased, .split = lognormal_split, .mean = lognormal_mean,    \
        .bounds = lognormal_bounds                                                                 \
    }
#define CV                                                                                         \
    { .low = 0, .high = MT_CV_LIMIT }
#define SIGMA                                                                                      \
    { .low = 0, .high = 30 }
#define STD                                                                                        \
    { MT_FROM_0 }
#define P99                                                                                        \
    { MT_ABOVE_0 }

const mt_law mt_laws_normal[] = {
    {.form = {"normal", {"mean", "cv"}},
     .range = {{MT_ANY}, {.low = 0, .high = MT_CV_LIMIT}},
     .prepare = normal_prepare_cv,
     .draw = normal_draw,
     .split = normal_split,
     .mean = normal_mean,
     .bounds = normal_bounds},
    {.form = {"normal", {"mean", "std"}},
     .range = {{MT_ANY}, {MT_FROM_0}},
     .prepare = normal_prepare,
     .draw = normal_draw,
     .split = normal_split,
     .mean = normal_mean,
     .bounds = normal_bounds},
    LOGNORMAL("mean", "cv", CV, NULL, lognormal_mean_cv),
    LOGNORMAL("mean", "std", STD, NULL, lognormal_mean_std),
    LOGNORMAL("mean", "p99", P99, lognormal_check_mean_p99, lognormal_mean_p99),
    LOGNORMAL("median", "cv", CV, NULL, lognormal_median_cv),
    LOGNORMAL("median", "std", STD, NULL, lognormal_median_std),
    LOGNORMAL("median", "p99", P99, lognormal_check_median_p99, lognormal_median_p99),
    LOGNORMAL("median", "sigma", SIGMA, NULL, lognormal_median_sigma),
    {.form = {NULL, {NULL, NULL}}},
};
