/* The laws of positive numbers: exponential, gamma, weibull, pareto. */
#include "random/law.h"

#include "random/special.h"

/* ---- exponential ---- */

static double exponential_draw(const mt_prepared *p, mt_random *random) {
    return p->value * mt_draw_exponential(random);
}

static double exponential_draw_biased(const mt_prepared *p, mt_random *random) {
    return p->value * (mt_draw_exponential(random) + mt_draw_exponential(random));
}

static mt_split exponential_split(const mt_prepared *p, double x, int inclusive) {
    (void)inclusive;
    if (x <= 0)
        return mt_all_above(p->value);
    double mean_below, mean_above;
    mt_gamma_split(2, x / p->value, &mean_below, &mean_above);
    mt_split split = {-expm1(-x / p->value), exp(-x / p->value), p->value * mean_below,
                      p->value * mean_above};
    return split;
}

/* ---- gamma ---- */

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

/* ---- weibull ---- */

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
        return mt_all_above(mean);
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
        return mt_all_above(mean);
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

const mt_law mt_laws_positive[] = {
    {.form = {"exponential", {"mean", NULL}},
     .range = {{MT_ABOVE_0}},
     .positional = 1,
     .prepare = mt_prepare_value,
     .draw = exponential_draw,
     .draw_biased = exponential_draw_biased,
     .split = exponential_split,
     .mean = mt_mean_value},
    {.form = {"gamma", {"mean", "cv"}},
     .range = {{MT_ABOVE_0}, {.low = 0, .open = 1, .high = MT_CV_LIMIT}},
     .prepare = gamma_prepare,
     .draw = gamma_draw,
     .draw_biased = gamma_draw_biased,
     .split = gamma_split,
     .mean = gamma_mean},
    {.form = {"weibull", {"mean", "shape"}},
     .range = {{MT_ABOVE_0}, {.low = 0.01, .high = 1e6}},
     .prepare = weibull_prepare,
     .draw = weibull_draw,
     .draw_biased = weibull_draw_biased,
     .split = weibull_split,
     .mean = weibull_mean},
    {.form = {"pareto", {"mean", "shape"}},
     .range = {{MT_ABOVE_0}, {.low = 1, .open = 1, .high = DBL_MAX}},
     .prepare = pareto_prepare,
     .draw = pareto_draw,
     .draw_biased = pareto_draw_biased,
     .split = pareto_split,
     .mean = pareto_mean,
     .bounds = pareto_bounds},
    {.form = {NULL, {NULL, NULL}}},
};
