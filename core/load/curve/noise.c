/* Noise: the exponential of a stationary Ornstein-Uhlenbeck path on a grid, addressed by position.
 *
 * The path at grid point i needs none of the points before it. Every BLOCK-th point is drawn by
 * itself: the correlation over 64 correlation times is e^-64, too small for a double to show. The
 * points between are filled in by halving. Each is drawn from its law given its two neighbours; the
 * process is Markov, so nothing else matters. */
#include "load/curve/kind.h"

#include "random/distribution.h"

#include <math.h>
#include <stdio.h>

enum { STEPS_PER_TIME = 8, LEVELS = 9, BLOCK = 1 << LEVELS };

typedef struct noise {
    mt_curve base;
    double cv, corr_time;
    uint64_t number;
    double step;                              /* of the grid, s */
    double variance;                          /* of the logarithm */
    double weight[LEVELS], deviation[LEVELS]; /* of the middle of 2^(level + 1) steps */
} noise;

typedef struct noise_draws {
    const noise *curve;
    mt_random random;
} noise_draws;

static double normal_at(noise_draws *draws, uint64_t index) {
    mt_random_seek(&draws->random, index);
    return mt_draw_normal(&draws->random);
}

/* The path at grid point `index`. */
static double path_at(noise_draws *draws, uint64_t index) {
    const noise *self = draws->curve;
    uint64_t low = index / BLOCK * BLOCK, high = low + BLOCK;
    double left = normal_at(draws, low);
    if (low == index)
        return left;
    double right = normal_at(draws, high);
    for (int level = LEVELS - 1; level >= 0; level--) {
        uint64_t middle = low + (high - low) / 2;
        double value = self->weight[level] * (left + right) +
                       self->deviation[level] * normal_at(draws, middle);
        if (middle == index)
            return value;
        if (index < middle) {
            high = middle;
            right = value;
        } else {
            low = middle;
            left = value;
        }
    }
    return left; /* not reached: the last level leaves one point, the middle */
}

static void noise_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    const noise *self = (const noise *)curve;
    double index = floor(t / self->step);
    if (path->expected || index >= 0x1p53) { /* grid points would no longer differ */
        mt_series_constant(series, t, INFINITY, 1);
        return;
    }
    if ((index + 1) * self->step <= t)
        index++;
    else if (index * self->step > t)
        index--;
    char purpose[32];
    int length = snprintf(purpose, sizeof purpose, "noise %llu", (unsigned long long)self->number);
    noise_draws draws = {.curve = self};
    mt_random_start(&draws.random, mt_random_key_of(path->seed, "", 0, purpose, (size_t)length));
    double deviation = sqrt(self->variance), shift = -0.5 * self->variance;
    double left = exp(deviation * path_at(&draws, (uint64_t)index) + shift);
    double right = exp(deviation * path_at(&draws, (uint64_t)index + 1) + shift);
    double slope = (right - left) / self->step;
    mt_series_line(series, t, (index + 1) * self->step, left + slope * (t - index * self->step),
                   slope);
}

static double noise_at(const mt_curve *curve, const mt_realisation *path, double t) {
    mt_series series;
    noise_piece(curve, path, t, &series);
    return series.coefficient[0];
}

static void noise_text(const mt_curve *curve, mt_text_writer *writer) {
    const noise *self = (const noise *)curve;
    MT_WRITE(writer, "noise{cv=#, corr_time=#}", self->cv, self->corr_time);
}

static const mt_curve_kind noise_kind = {MT_BINDS_ATOM, noise_at,   noise_piece,
                                         NULL,          noise_text, NULL};

/* The variance v of the logarithm that gives the curve the coefficient of variation cv. At grid
 * points the square of the curve's cv is e^v - 1. A straight line between two points, whose
 * values are correlated as e^(v rho) - 1, flattens it to (2 (e^v - 1) + (e^(v rho) - 1)) / 3 on
 * average. */
static double logarithm_variance(double cv) {
    double rho = exp(-1.0 / STEPS_PER_TIME);
    double low = log1p(cv * cv), high = 2 * low;
    for (int i = 0; i < 200 && low < high; i++) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high)
            break;
        if ((2 * expm1(middle) + expm1(middle * rho)) / 3 < cv * cv)
            low = middle;
        else
            high = middle;
    }
    return high;
}

mt_curve *mt_curve_noise(double cv, double corr_time, uint64_t number, mt_error *error) {
    if (!(cv >= 0 && cv <= 100))
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "cv must be between 0 and 100, not %g", cv));
    if (!mt_curve_check_positive(corr_time, 0, "corr_time", error))
        return NULL;
    noise *made = (noise *)mt_curve_make(sizeof *made, &noise_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->cv = cv;
    made->corr_time = corr_time;
    made->number = number;
    made->step = corr_time / STEPS_PER_TIME;
    made->variance = logarithm_variance(cv);
    for (int level = 0; level < LEVELS; level++) {
        double correlation = exp(-(double)(1 << level) / STEPS_PER_TIME);
        double square = correlation * correlation;
        made->weight[level] = correlation / (1 + square);
        made->deviation[level] = sqrt((1 - square) / (1 + square));
    }
    made->base.period = 0;
    made->base.noisy = 1;
    return &made->base;
}

static int has_number(const mt_curve *curve, uint64_t number) {
    if (!curve || !curve->noisy)
        return 0;
    if (curve->kind == &noise_kind)
        return ((const noise *)curve)->number == number;
    return has_number(curve->parts[0], number) || has_number(curve->parts[1], number);
}

int mt_curve_share_noise(const mt_curve *a, const mt_curve *b) {
    if (!a || !a->noisy || !b->noisy)
        return 0;
    if (a->kind == &noise_kind)
        return has_number(b, ((const noise *)a)->number);
    return mt_curve_share_noise(a->parts[0], b) || mt_curve_share_noise(a->parts[1], b);
}
