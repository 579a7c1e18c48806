/* The laws of whole numbers from 1: geometric and zipf. */
#include "random/law.h"

#include "random/special.h"

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
        return mt_all_above(mean);
    if (mean <= 1)
        return mt_all_below(mean);
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

const mt_law mt_laws_whole[] = {
    {.form = {"geometric", {"mean", NULL}},
     .range = {{.low = 1, .high = DBL_MAX}},
     .positional = 1,
     .whole = 1,
     .prepare = mt_prepare_value,
     .draw = geometric_draw,
     .draw_biased = geometric_draw_biased,
     .split = geometric_split,
     .mean = mt_mean_value,
     .bounds = geometric_bounds},
    {.form = {"zipf", {"n", "s"}},
     .range = {{.low = 1, .high = 0x1p53, .whole = 1}, {.low = 0, .high = 1000}},
     .whole = 1,
     .prepare = zipf_prepare,
     .draw = zipf_draw,
     .draw_biased = zipf_draw_biased,
     .split = zipf_split,
     .mean = zipf_mean,
     .bounds = zipf_bounds},
    {.form = {NULL, {NULL, NULL}}},
};
