/* What all curves have in common: references, the bounds of their durations, walking them piece by
 * piece. */
#include "load/curve/kind.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"

#include <math.h>

/* Evaluating recurses on the C stack. Sums and sequences are kept balanced, so only other kinds,
 * nested in one another, can reach this depth. */
enum { DEPTH_LIMIT = 500, PIECES_BETWEEN_POLLS = 4096 };

mt_curve *mt_curve_make(size_t size, const mt_curve_kind *kind, mt_curve *a, mt_curve *b,
                        mt_error *error) {
    unsigned depth = 0;
    if (a)
        depth = a->depth;
    if (b && b->depth > depth)
        depth = b->depth;
    if (depth >= DEPTH_LIMIT)
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "a curve may have at most %d operations one inside another",
                               DEPTH_LIMIT));
    mt_curve *curve = mt_new(size, "rate curve", error);
    if (!curve)
        return NULL;
    curve->kind = kind;
    curve->references = 1;
    curve->parts[0] = mt_curve_retain(a);
    curve->parts[1] = mt_curve_retain(b);
    curve->depth = depth + 1;
    curve->noisy = (a && a->noisy) || (b && b->noisy);
    curve->bent = (a && a->bent) || (b && b->bent);
    curve->duration = INFINITY;
    curve->to = INFINITY;
    curve->period = NAN;
    return curve;
}

mt_curve *mt_curve_no_memory(mt_curve *curve, mt_error *error) {
    mt_curve_release(curve);
    mt_fail_memory(error, "rate curve");
    return NULL;
}

mt_curve *mt_curve_retain(mt_curve *curve) {
    if (curve)
        curve->references++;
    return curve;
}

void mt_curve_release(mt_curve *curve) {
    if (!curve || --curve->references > 0)
        return;
    if (curve->kind->release)
        curve->kind->release(curve);
    mt_curve_release(curve->parts[0]);
    mt_curve_release(curve->parts[1]);
    mt_free(curve);
}

int mt_curve_check_finite(double value, const char *what, mt_error *error) {
    if (isfinite(value))
        return 1;
    mt_fail(error, MT_ERROR_VALUE, "%s must be finite, not %g", what, value);
    return 0;
}

int mt_curve_check_positive(double value, int endless, const char *what, mt_error *error) {
    if (value > 0 && (endless || isfinite(value)))
        return 1;
    mt_fail(error, MT_ERROR_VALUE, "%s must be greater than 0%s, not %g", what,
            endless ? "" : " and finite", value);
    return 0;
}

double mt_curve_duration(const mt_curve *curve) {
    return curve->duration;
}

/* ---- values ---- */

double mt_curve_inside(const mt_curve *curve, double t) {
    if (!(t > 0))
        return 0;
    return t < curve->duration ? t : nextafter(curve->duration, 0);
}

double mt_curve_value(const mt_curve *curve, const mt_realisation *path, double t) {
    if (isnan(t))
        return t;
    if (t < curve->from || t >= curve->to || t >= curve->duration)
        return 0;
    return curve->kind->at(curve, path, t);
}

double mt_curve_at(const mt_curve *curve, uint64_t seed, double t) {
    mt_realisation path = {seed, 0};
    return mt_curve_value(curve, &path, t);
}

/* ---- pieces ---- */

void mt_curve_piece(const mt_curve *curve, const mt_realisation *path, double t,
                    mt_series *series) {
    mt_assert(t >= 0 && t < curve->duration);
    if (t < curve->from)
        mt_series_constant(series, t, curve->from, 0);
    else if (t >= curve->to)
        mt_series_constant(series, t, INFINITY, 0);
    else
        curve->kind->piece(curve, path, t, series);
    if (series->end > curve->duration)
        series->end = curve->duration;
    if (series->end <= t)
        series->end = nextafter(t, INFINITY);
    mt_assert(series->start == t && series->end <= curve->duration);
}

void mt_curve_piece_late(const mt_curve *part, const mt_realisation *path, double t, double offset,
                         mt_series *series) {
    mt_curve_piece(part, path, mt_curve_inside(part, t - offset), series);
    /* t may be a break in the whole's time that rounding puts just before the break in the part's
     * time. */
    while (offset + series->end <= t && series->end < part->duration)
        mt_curve_piece(part, path, series->end, series);
    series->start = t;
    series->end += offset;
}

double mt_curve_area_by_pieces(const mt_curve *curve, const mt_realisation *path, double t0,
                               double t1) {
    mt_exact_sum total = {0, 0};
    mt_series series;
    unsigned pieces = 0;
    for (double t = t0; t < t1; t = series.end) {
        mt_curve_piece(curve, path, t, &series);
        double area = mt_series_integral(&series, fmin(series.end, t1) - t);
        if (!isfinite(area))
            return NAN;
        mt_exact_add(&total, area);
        if (++pieces % PIECES_BETWEEN_POLLS == 0 && mt_interrupted())
            return NAN;
    }
    return total.sum + total.lost;
}

double mt_curve_area_of(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    t0 = fmax(t0, curve->from);
    t1 = fmin(t1, fmin(curve->to, curve->duration));
    if (!(t0 < t1))
        return 0;
    return curve->kind->area ? curve->kind->area(curve, path, t0, t1)
                             : mt_curve_area_by_pieces(curve, path, t0, t1);
}

double mt_curve_area(const mt_curve *curve, uint64_t seed, double t0, double t1) {
    mt_realisation path = {seed, 0};
    return mt_curve_area_of(curve, &path, t0, t1);
}

double mt_curve_mean_area(const mt_curve *curve, double t0, double t1) {
    mt_realisation expected = {0, 1};
    return mt_curve_area_of(curve, &expected, t0, t1);
}

double mt_curve_not_finite_at(const mt_curve *curve, uint64_t seed, double t0, double t1) {
    mt_realisation path = {seed, 0};
    mt_series series;
    t1 = fmin(t1, curve->duration);
    for (double t = fmax(t0, 0); t < t1; t = series.end) {
        mt_curve_piece(curve, &path, t, &series);
        if (!isfinite(mt_series_integral(&series, fmin(series.end, t1) - t)))
            return t;
    }
    return -1;
}

/* ---- mean and maximum ---- */

int mt_curve_is_noisy(const mt_curve *curve) {
    return curve->noisy;
}

double mt_curve_period(const mt_curve *curve, double *settled) {
    if (settled)
        *settled = curve->settled;
    return isfinite(curve->duration) ? NAN : curve->period;
}

int mt_curve_is_bent(const mt_curve *curve) {
    return curve->bent;
}

/* The mean over seeds, at times spread over [t0, t1), each with a seed of its own and in another one of
 * the `rounds` that follow each other. */
static double mean_of_samples(const mt_curve *curve, double t0, double t1, uint64_t rounds,
                              double *error) {
    mt_exact_sum sum = {0, 0}, squares = {0, 0};
    for (uint64_t i = 0; i < MT_CURVE_SAMPLES; i++) {
        double at = ((double)i + 0.5) / MT_CURVE_SAMPLES;
        double round = (double)(i * 7919 % rounds);
        double value = mt_curve_at(curve, i, t0 + (t1 - t0) * (round + at));
        mt_exact_add(&sum, value);
        mt_exact_add(&squares, value * value);
    }
    double mean = (sum.sum + sum.lost) / MT_CURVE_SAMPLES;
    double square = (squares.sum + squares.lost) / MT_CURVE_SAMPLES;
    if (error)
        *error = 2 * sqrt(fmax(0, square - mean * mean) / MT_CURVE_SAMPLES);
    return mean;
}

double mt_curve_estimated_mean(const mt_curve *curve, double horizon, double *error) {
    /* Noise must not stand at the same place of its grid in every round; a curve that is constant but for
     * noise may be read anywhere. */
    static const uint64_t rounds = 1000003;
    static const double anywhere = 1e4;
    if (isfinite(curve->duration) || horizon > 0 || isnan(curve->period))
        return mean_of_samples(curve, 0, fmin(horizon > 0 ? horizon : INFINITY, curve->duration), 1,
                               error);
    double period = curve->period > 0 ? curve->period : anywhere;
    return mean_of_samples(curve, curve->settled, curve->settled + period, rounds, error);
}

double mt_curve_long_run_mean(const mt_curve *curve, const mt_realisation *path) {
    if (isinf(curve->duration) && isnan(curve->period))
        return NAN;
    if (curve->bent && (path->expected || isinf(curve->duration)))
        return mt_curve_estimated_mean(curve, 0, NULL);
    if (isfinite(curve->duration))
        return mt_curve_area_of(curve, path, 0, curve->duration) / curve->duration;
    mt_realisation expected = {path->seed, 1};
    if (curve->period == 0)
        return mt_curve_value(curve, &expected, curve->settled);
    return mt_curve_area_of(curve, &expected, curve->settled, curve->settled + curve->period) /
           curve->period;
}

double mt_curve_mean(const mt_curve *curve, uint64_t seed, double horizon) {
    mt_realisation path = {seed, 0}, expected = {seed, 1};
    if (isfinite(curve->duration) || !(horizon > 0))
        return mt_curve_long_run_mean(curve, &path);
    if (isnan(curve->period))
        return mt_curve_area_of(curve, &path, 0, horizon) / horizon;
    if (curve->bent)
        return mt_curve_estimated_mean(curve, horizon, NULL);
    return mt_curve_area_of(curve, &expected, 0, horizon) / horizon;
}

/* The largest value of one series over [0, length]. It lies at an end or where the slope changes
 * sign. There the curve itself is evaluated, which is exact at its tops. */
static double series_maximum(const mt_curve *curve, const mt_realisation *path,
                             const mt_series *series, double length) {
    double first = mt_series_at(series, 0), last = first;
    if (series->degree > 0)
        last = mt_series_at(series, length);
    if (!isfinite(first) || !isfinite(last))
        return NAN;
    double best = fmax(first, last);
    mt_series slope;
    mt_series_derivative(series, &slope);
    slope.end = slope.start + length;
    while (slope.degree > 0) {
        double rest = slope.end - slope.start;
        double x = mt_series_sign_change(&slope);
        if (!(x > 0 && x < rest))
            break;
        best = fmax(best, mt_curve_value(curve, path, slope.start + x));
        mt_series_recentre(&slope, x);
        slope.start += x;
        slope.coefficient[0] = 0; /* its sign there is a rounding error */
    }
    return best;
}

double mt_curve_maximum_of(const mt_curve *curve, const mt_realisation *path, double t0,
                           double t1) {
    double best = -INFINITY;
    mt_series series;
    unsigned pieces = 0;
    t1 = fmin(t1, curve->duration);
    for (double t = t0; t < t1; t = series.end) {
        mt_curve_piece(curve, path, t, &series);
        double here = series_maximum(curve, path, &series, fmin(series.end, t1) - t);
        if (isnan(here))
            return NAN;
        best = fmax(best, here);
        if (++pieces % PIECES_BETWEEN_POLLS == 0 && mt_interrupted())
            return NAN;
    }
    return best;
}

double mt_curve_max(const mt_curve *curve, uint64_t seed, double horizon) {
    mt_realisation path = {seed, 0};
    double end = curve->duration;
    if (isinf(end) && (horizon > 0 || curve->noisy || isnan(curve->period)))
        end = horizon;
    else if (isinf(end))
        end = nextafter(curve->settled + curve->period, INFINITY);
    return mt_curve_maximum_of(curve, &path, 0, end);
}
