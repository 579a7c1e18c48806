/* Curves given by numbers in a list: steps that jump, points that are joined. */
#include "load/curve/kind.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* The last i with times[i] <= t; count when there is none. No hint where to begin is needed: a
 * clock asks once a piece. */
static size_t last_not_after(const double *times, size_t count, double t) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (times[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? count : low - 1;
}

/* ---- steps ---- */

typedef struct steps {
    mt_curve base;
    size_t count;
    double *starts; /* count + 1: the last is the duration */
    double *rates;
    double *areas; /* of all pieces before */
} steps;

static double steps_at(const mt_curve *curve, const mt_realisation *path, double t) {
    (void)path;
    const steps *self = (const steps *)curve;
    return self->rates[last_not_after(self->starts, self->count, t)];
}

static void steps_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    (void)path;
    const steps *self = (const steps *)curve;
    size_t i = last_not_after(self->starts, self->count, t);
    mt_series_constant(series, t, self->starts[i + 1], self->rates[i]);
}

static double steps_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    (void)path;
    const steps *self = (const steps *)curve;
    size_t first = last_not_after(self->starts, self->count, t0);
    size_t last = last_not_after(self->starts, self->count, t1);
    if (first == last)
        return self->rates[first] * (t1 - t0);
    return self->rates[first] * (self->starts[first + 1] - t0) +
           (self->areas[last] - self->areas[first + 1]) +
           self->rates[last] * (t1 - self->starts[last]);
}

static void steps_text(const mt_curve *curve, mt_text_writer *writer) {
    const steps *self = (const steps *)curve;
    mt_write_text(writer, "steps{");
    for (size_t i = 0; i < self->count; i++) {
        MT_WRITE(writer, i ? ", {#, #}" : "{#, #}", self->rates[i],
                 self->starts[i + 1] - self->starts[i]);
        if (writer->used >= writer->size)
            return;
    }
    mt_write_text(writer, "}");
}

static void steps_release(mt_curve *curve) {
    steps *self = (steps *)curve;
    mt_free(self->starts);
    mt_free(self->rates);
    mt_free(self->areas);
}

static const mt_curve_kind steps_kind = {MT_BINDS_ATOM, steps_at,   steps_piece,
                                         steps_area,    steps_text, steps_release};

static int steps_are_good(const double *rates, const double *durations, size_t count,
                          mt_error *error) {
    if (count == 0) {
        mt_fail(error, MT_ERROR_VALUE, "there must be at least one step");
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(rates[i])) {
            mt_fail(error, MT_ERROR_VALUE, "the rate of step %zu must be finite, not %g", i + 1,
                    rates[i]);
            return 0;
        }
        if (!(durations[i] > 0) || (isinf(durations[i]) && i + 1 < count)) {
            mt_fail(error, MT_ERROR_VALUE,
                    "the duration of step %zu must be greater than 0%s, not %g", i + 1,
                    i + 1 < count ? " and finite" : "", durations[i]);
            return 0;
        }
    }
    return 1;
}

mt_curve *mt_curve_steps(const double *rates, const double *durations, size_t count,
                         mt_error *error) {
    if (!steps_are_good(rates, durations, count, error))
        return NULL;
    steps *made = (steps *)mt_curve_make(sizeof *made, &steps_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->count = count;
    made->starts = mt_allocate(count + 1, sizeof *made->starts);
    made->rates = mt_allocate(count, sizeof *made->rates);
    made->areas = mt_allocate(count, sizeof *made->areas);
    if (!made->starts || !made->rates || !made->areas)
        return mt_curve_no_memory(&made->base, error);
    memcpy(made->rates, rates, count * sizeof *rates);
    mt_exact_sum time = {0, 0}, area = {0, 0};
    for (size_t i = 0; i < count; i++) {
        made->starts[i] = time.sum + time.lost;
        made->areas[i] = area.sum + area.lost;
        if (isinf(durations[i]))
            break;
        mt_exact_add(&time, durations[i]);
        mt_exact_add(&area, rates[i] * durations[i]);
    }
    double end = isinf(durations[count - 1]) ? INFINITY : time.sum + time.lost;
    made->starts[count] = end;
    made->base.duration = end;
    made->base.settled = made->starts[count - 1];
    made->base.period = 0;
    return &made->base;
}

/* ---- points ---- */

typedef struct points {
    mt_curve base;
    size_t count;
    double *times;
    double *rates;
    double *slopes; /* at the points, of a smooth curve; NULL: straight lines */
    double *areas;  /* from 0 to each point */
    char *label;    /* text of a sampled curve; NULL: written as points */
} points;

/* The series from t on: the first rate before the points, the last rate after them, between two
 * points a line or a cubic. */
static void points_piece(const mt_curve *curve, const mt_realisation *path, double t,
                         mt_series *series) {
    (void)path;
    const points *self = (const points *)curve;
    size_t i = last_not_after(self->times, self->count, t);
    if (i == self->count) {
        mt_series_constant(series, t, self->times[0], self->rates[0]);
        return;
    }
    if (i + 1 == self->count) {
        mt_series_constant(series, t, curve->duration, self->rates[i]);
        return;
    }
    double length = self->times[i + 1] - self->times[i], x = t - self->times[i];
    double secant = (self->rates[i + 1] - self->rates[i]) / length;
    if (!self->slopes) {
        double part = x / length;
        mt_series_line(series, t, self->times[i + 1],
                       self->rates[i] + (self->rates[i + 1] - self->rates[i]) * part, secant);
        return;
    }
    double a = self->slopes[i], b = self->slopes[i + 1];
    mt_series_line(series, t, self->times[i + 1], self->rates[i], a);
    series->coefficient[1] = a;
    series->coefficient[2] = (3 * secant - 2 * a - b) / length;
    series->coefficient[3] = (a + b - 2 * secant) / (length * length);
    series->degree = 3;
    mt_series_recentre(series, x);
}

static double points_at(const mt_curve *curve, const mt_realisation *path, double t) {
    mt_series series;
    points_piece(curve, path, t, &series);
    return series.coefficient[0];
}

static double points_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    const points *self = (const points *)curve;
    size_t first = last_not_after(self->times, self->count, t0);
    size_t last = last_not_after(self->times, self->count, t1);
    mt_series series;
    points_piece(curve, path, t0, &series);
    if (first == last)
        return mt_series_integral(&series, t1 - t0);
    size_t next = first == self->count ? 0 : first + 1; /* the point that t0's piece ends at */
    double area = mt_series_integral(&series, self->times[next] - t0) +
                  (self->areas[last] - self->areas[next]);
    points_piece(curve, path, self->times[last], &series);
    return area + mt_series_integral(&series, t1 - self->times[last]);
}

static void points_text(const mt_curve *curve, mt_text_writer *writer) {
    const points *self = (const points *)curve;
    if (self->label) {
        mt_write_text(writer, self->label);
        return;
    }
    mt_write_text(writer, "points{");
    for (size_t i = 0; i < self->count && writer->used < writer->size; i++) {
        MT_WRITE(writer, i ? ", {#, #}" : "{#, #}", self->rates[i], self->times[i]);
    }
    mt_write_text(writer, self->slopes ? ", smooth=true}" : "}");
}

static void points_release(mt_curve *curve) {
    points *self = (points *)curve;
    mt_free(self->times);
    mt_free(self->rates);
    mt_free(self->slopes);
    mt_free(self->areas);
    mt_free(self->label);
}

static const mt_curve_kind points_kind = {MT_BINDS_ATOM, points_at,   points_piece,
                                          points_area,   points_text, points_release};

/* Slopes that make the cubic monotone wherever the points are: Fritsch & Carlson 1980. */
static void monotone_slopes(const double *times, const double *rates, size_t count,
                            double *slopes) {
    double before = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        double secant = (rates[i + 1] - rates[i]) / (times[i + 1] - times[i]);
        if (i == 0)
            slopes[i] = secant;
        else
            slopes[i] = before * secant > 0 ? 0.5 * (before + secant) : 0;
        slopes[i + 1] = secant;
        before = secant;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        double secant = (rates[i + 1] - rates[i]) / (times[i + 1] - times[i]);
        if (secant == 0) {
            slopes[i] = slopes[i + 1] = 0;
            continue;
        }
        double size = hypot(slopes[i] / secant, slopes[i + 1] / secant);
        if (size > 3) {
            slopes[i] *= 3 / size;
            slopes[i + 1] *= 3 / size;
        }
    }
}

static mt_curve *points_make(const double *rates, const double *times, size_t count, int smooth,
                             double duration, const char *label, mt_error *error) {
    points *made = (points *)mt_curve_make(sizeof *made, &points_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->count = count;
    made->times = mt_allocate(count, sizeof *times);
    made->rates = mt_allocate(count, sizeof *rates);
    made->areas = mt_allocate(count, sizeof *made->areas);
    made->slopes = smooth ? mt_allocate_zero(count, sizeof *made->slopes) : NULL;
    made->label = label ? mt_copy_text(label, strlen(label)) : NULL;
    if (!made->times || !made->rates || !made->areas || (smooth && !made->slopes) ||
        (label && !made->label))
        return mt_curve_no_memory(&made->base, error);
    memcpy(made->times, times, count * sizeof *times);
    memcpy(made->rates, rates, count * sizeof *rates);
    if (smooth)
        monotone_slopes(times, rates, count, made->slopes);
    mt_exact_sum area = {0, 0};
    mt_exact_add(&area, rates[0] * times[0]);
    for (size_t i = 0; i < count; i++) {
        made->areas[i] = area.sum + area.lost;
        if (i + 1 == count)
            break;
        double length = times[i + 1] - times[i];
        mt_exact_add(&area, 0.5 * (rates[i] + rates[i + 1]) * length);
        if (smooth)
            mt_exact_add(&area, (made->slopes[i] - made->slopes[i + 1]) * length * length / 12);
    }
    made->base.duration = duration;
    return &made->base;
}

/* strict: times must increase, else they may also stay (a jump). */
static int points_are_good(const double *rates, const double *times, size_t count, int strict,
                           mt_error *error) {
    if (count == 0) {
        mt_fail(error, MT_ERROR_VALUE, "there must be at least one point");
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(rates[i])) {
            mt_fail(error, MT_ERROR_VALUE, "the rate of point %zu must be finite, not %g", i + 1,
                    rates[i]);
            return 0;
        }
        if (!isfinite(times[i]) || times[i] < 0) {
            mt_fail(error, MT_ERROR_VALUE,
                    "the time of point %zu must be finite and not negative, not %g", i + 1,
                    times[i]);
            return 0;
        }
        if (i > 0 && (strict ? times[i] <= times[i - 1] : times[i] < times[i - 1])) {
            mt_fail(error, MT_ERROR_VALUE,
                    "times must increase: point %zu is at %g s, the one before it at %g s", i + 1,
                    times[i], times[i - 1]);
            return 0;
        }
    }
    return 1;
}

mt_curve *mt_curve_points(const double *rates, const double *times, size_t count, int smooth,
                          mt_error *error) {
    if (!points_are_good(rates, times, count, 1, error) ||
        !mt_curve_check_positive(times[count - 1], 0, "the time of the last point", error))
        return NULL;
    return points_make(rates, times, count, smooth, times[count - 1], NULL, error);
}

mt_curve *mt_curve_sampled(const double *times, const double *rates, size_t count, double duration,
                           const char *label, mt_error *error) {
    if (!points_are_good(rates, times, count, 0, error) ||
        !mt_curve_check_positive(duration, 1, "the duration", error))
        return NULL;
    return points_make(rates, times, count, 0, duration, label, error);
}
