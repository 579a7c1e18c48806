/* Curves made of the values of others: sum, product, quotient, extremes, clamp, scaling. */
#include "load/curve/kind.h"

#include <math.h>

#define VALUE(part) mt_curve_value(curve->parts[part], path, t)

/* ---- how durations and periods combine ---- */

/* A period after which two curves of these periods both repeat. NAN when there is no common one. */
static double common_period(double a, double b) {
    if (a == 0 || b == 0)
        return a + b; /* NAN where one is */
    enum { MOST_PERIODS = 10000 };
    double shorter = fmin(a, b), longer = fmax(a, b);
    if (isnan(a) || isnan(b) || longer / shorter > 1e9)
        return NAN;
    for (int n = 1; n <= MOST_PERIODS; n++) {
        double ratio = n * longer / shorter;
        if (fabs(ratio - round(ratio)) <= 1e-12 * ratio)
            return n * longer;
    }
    return NAN;
}

/* A curve of `size` bytes over a and b: finite with endless is finite. Durations that differ only
 * by the rounding of sums (0.1 + 0.2 and 0.3) are the same. */
static mt_curve *combine(size_t size, const mt_curve_kind *kind, mt_curve *a, mt_curve *b,
                         mt_error *error) {
    double shorter = fmin(a->duration, b->duration), longer = fmax(a->duration, b->duration);
    if (isfinite(longer) && longer - shorter > 1e-10 * longer)
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE,
                    "the curves last %.15g s and %.15g s and cannot be combined: "
                    ":take(%.15g) cuts the long one, :pad(%.15g) adds silence to the short one",
                    a->duration, b->duration, shorter, longer));
    mt_curve *made = mt_curve_make(size, kind, a, b, error);
    if (!made)
        return NULL;
    made->duration = shorter;
    made->settled = fmax(a->settled, b->settled);
    made->period = common_period(a->period, b->period);
    return made;
}

static void operation_text(const mt_curve *curve, mt_text_writer *writer, const char *operator,
                           int left, int right) {
    mt_curve_write_part(writer, curve->parts[0], left);
    mt_write_text(writer, operator);
    mt_curve_write_part(writer, curve->parts[1], right);
}

/* ---- scaling: -a and a:scale_to{...} ---- */

typedef enum scale_kind { SCALE_NEGATE, SCALE_TO_MEAN, SCALE_TO_MAXIMUM } scale_kind;

typedef struct scaled {
    mt_curve base;
    double factor, target;
    scale_kind what;
} scaled;

static double scale_at(const mt_curve *curve, const mt_realisation *path, double t) {
    return ((const scaled *)curve)->factor * VALUE(0);
}

static void scale_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    mt_curve_piece(curve->parts[0], path, t, series);
    mt_series_scale(series, ((const scaled *)curve)->factor);
}

static double scale_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    return ((const scaled *)curve)->factor * mt_curve_area_of(curve->parts[0], path, t0, t1);
}

static void scale_text(const mt_curve *curve, mt_text_writer *writer) {
    const scaled *self = (const scaled *)curve;
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
    MT_WRITE(writer, self->what == SCALE_TO_MEAN ? ":scale_to{mean=#}" : ":scale_to{max=#}",
             self->target);
}

static void negative_text(const mt_curve *curve, mt_text_writer *writer) {
    mt_write_text(writer, "-");
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
}

static const mt_curve_kind scale_kinds = {MT_BINDS_ATOM, scale_at,   scale_piece,
                                          scale_area,    scale_text, NULL};
static const mt_curve_kind negative_kind = {MT_BINDS_MINUS, scale_at,      scale_piece,
                                            scale_area,     negative_text, NULL};

static mt_curve *scale_make(mt_curve *curve, double factor, double target, scale_kind what,
                            mt_error *error) {
    scaled *made = (scaled *)mt_curve_make(
        sizeof *made, what == SCALE_NEGATE ? &negative_kind : &scale_kinds, curve, NULL, error);
    if (!made)
        return NULL;
    made->factor = factor;
    made->target = target;
    made->what = what;
    made->base.duration = curve->duration;
    made->base.from = curve->from;
    made->base.to = curve->to;
    made->base.settled = curve->settled;
    made->base.period = curve->period;
    return &made->base;
}

mt_curve *mt_curve_scale_to(mt_curve *curve, double target, int by_maximum, mt_error *error) {
    const char *what = by_maximum ? "max" : "mean";
    if (!(target >= 0 && isfinite(target)))
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "%s must be finite and not negative, not %g",
                               what, target));
    if (isinf(curve->duration) && isnan(curve->period))
        return mt_null(mt_fail(
            error, MT_ERROR_VALUE,
            "an endless curve that does not repeat itself has no %s: end it with :take(d)", what));
    mt_realisation expected = {0, 1};
    double end = isinf(curve->duration) ? nextafter(curve->settled + curve->period, INFINITY)
                                        : curve->duration;
    double top = mt_curve_maximum_of(curve, &expected, 0, end);
    double now = by_maximum ? top : mt_curve_long_run_mean(curve, &expected);
    if (!(now > 1e-12 * top && isfinite(top))) { /* a mean of 0 may come out as a rounding error */
        mt_fail(error, MT_ERROR_VALUE, "a curve whose %s is %.3g cannot be scaled", what, now);
        return NULL;
    }
    return scale_make(curve, target / now, target, by_maximum ? SCALE_TO_MAXIMUM : SCALE_TO_MEAN,
                      error);
}

/* ---- sum ---- */

static double sum_at(const mt_curve *curve, const mt_realisation *path, double t) {
    return VALUE(0) + VALUE(1);
}

static void sum_piece(const mt_curve *curve, const mt_realisation *path, double t,
                      mt_series *series) {
    mt_series other;
    mt_curve_piece(curve->parts[0], path, t, series);
    mt_curve_piece(curve->parts[1], path, t, &other);
    mt_series_add(series, 1, &other);
}

static double sum_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    return mt_curve_area_of(curve->parts[0], path, t0, t1) +
           mt_curve_area_of(curve->parts[1], path, t0, t1);
}

static void sum_text(const mt_curve *curve, mt_text_writer *writer);

static const mt_curve_kind sum_kind = {MT_BINDS_SUM, sum_at, sum_piece, sum_area, sum_text, NULL};

/* Writes the terms from left to right. A subtracted term has its sign turned. */
static void terms_text(const mt_curve *curve, mt_text_writer *writer, int first) {
    if (curve->kind == &sum_kind) {
        terms_text(curve->parts[0], writer, first);
        terms_text(curve->parts[1], writer, 0);
    } else if (curve->kind == &negative_kind && !first) {
        mt_write_text(writer, " - ");
        mt_curve_write_part(writer, curve->parts[0], MT_BINDS_PRODUCT);
    } else {
        mt_write_text(writer, first ? "" : " + ");
        mt_curve_write_part(writer, curve, MT_BINDS_PRODUCT);
    }
}

static void sum_text(const mt_curve *curve, mt_text_writer *writer) {
    terms_text(curve, writer, 1);
}

static mt_curve *sum_make(mt_curve *a, mt_curve *b, mt_error *error) {
    mt_curve *made = combine(sizeof(mt_curve), &sum_kind, a, b, error);
    if (!made)
        return NULL;
    made->from = fmin(a->from, b->from);
    made->to = fmax(a->to, b->to);
    return made;
}

mt_curve *mt_curve_add(mt_curve *a, mt_curve *b, mt_error *error) {
    return mt_curve_join(&sum_kind, sum_make, a, b, error);
}

mt_curve *mt_curve_subtract(mt_curve *a, mt_curve *b, mt_error *error) {
    mt_curve *negative = scale_make(b, -1, 0, SCALE_NEGATE, error);
    if (!negative)
        return NULL;
    mt_curve *made = mt_curve_add(a, negative, error);
    mt_curve_release(negative);
    return made;
}

mt_curve *mt_curve_negate(mt_curve *curve, mt_error *error) {
    return scale_make(curve, -1, 0, SCALE_NEGATE, error);
}

/* ---- product and quotient ---- */

static double product_at(const mt_curve *curve, const mt_realisation *path, double t) {
    return VALUE(0) * VALUE(1);
}

static void product_piece(const mt_curve *curve, const mt_realisation *path, double t,
                          mt_series *series) {
    mt_series other;
    mt_curve_piece(curve->parts[0], path, t, series);
    mt_curve_piece(curve->parts[1], path, t, &other);
    mt_series_multiply(series, &other);
}

/* Is the curve constant from 0 to its end? Then *value becomes its value. */
static int is_constant(const mt_curve *curve, const mt_realisation *path, double *value) {
    if (curve->depth != 1 || curve->noisy)
        return 0;
    mt_series series;
    mt_curve_piece(curve, path, 0, &series);
    *value = series.coefficient[0];
    return series.degree == 0 && series.end == curve->duration;
}

static double product_area(const mt_curve *curve, const mt_realisation *path, double t0,
                           double t1) {
    double factor;
    for (int i = 0; i < 2; i++)
        if (is_constant(curve->parts[i], path, &factor))
            return factor * mt_curve_area_of(curve->parts[1 - i], path, t0, t1);
    return mt_curve_area_by_pieces(curve, path, t0, t1);
}

static void product_text(const mt_curve *curve, mt_text_writer *writer) {
    operation_text(curve, writer, " * ", MT_BINDS_PRODUCT, MT_BINDS_MINUS);
}

static const mt_curve_kind product_kind = {MT_BINDS_PRODUCT, product_at,   product_piece,
                                           product_area,     product_text, NULL};

mt_curve *mt_curve_multiply(mt_curve *a, mt_curve *b, mt_error *error) {
    mt_curve *made = combine(sizeof(mt_curve), &product_kind, a, b, error);
    if (made && mt_curve_share_noise(a, b))
        made->bent = 1;
    return made;
}

static double quotient_at(const mt_curve *curve, const mt_realisation *path, double t) {
    return VALUE(0) / VALUE(1);
}

static void quotient_piece(const mt_curve *curve, const mt_realisation *path, double t,
                           mt_series *series) {
    mt_series other;
    mt_curve_piece(curve->parts[0], path, t, series);
    mt_curve_piece(curve->parts[1], path, t, &other);
    mt_series_divide(series, &other);
}

static double quotient_area(const mt_curve *curve, const mt_realisation *path, double t0,
                            double t1) {
    double divisor;
    if (is_constant(curve->parts[1], path, &divisor) && divisor != 0)
        return mt_curve_area_of(curve->parts[0], path, t0, t1) / divisor;
    return mt_curve_area_by_pieces(curve, path, t0, t1);
}

static void quotient_text(const mt_curve *curve, mt_text_writer *writer) {
    operation_text(curve, writer, " / ", MT_BINDS_PRODUCT, MT_BINDS_MINUS);
}

static const mt_curve_kind quotient_kind = {MT_BINDS_PRODUCT, quotient_at,   quotient_piece,
                                            quotient_area,    quotient_text, NULL};

mt_curve *mt_curve_divide(mt_curve *a, mt_curve *b, mt_error *error) {
    mt_curve *made = combine(sizeof(mt_curve), &quotient_kind, a, b, error);
    if (made && b->noisy)
        made->bent = 1;
    return made;
}

/* ---- the larger and the smaller ---- */

typedef struct extreme {
    mt_curve base;
    int sign; /* 1: the larger; -1: the smaller */
} extreme;

static double extreme_at(const mt_curve *curve, const mt_realisation *path, double t) {
    double a = VALUE(0), b = VALUE(1);
    return isnan(a) || (((const extreme *)curve)->sign > 0 ? a > b : a < b) ? a : b;
}

/* Leaves in *a one of the two, up to where they cross. */
static void extreme_piece(const mt_curve *curve, const mt_realisation *path, double t,
                          mt_series *a) {
    mt_series b, difference;
    mt_curve_piece(curve->parts[0], path, t, a);
    mt_curve_piece(curve->parts[1], path, t, &b);
    difference = *a;
    mt_series_add(&difference, -1, &b);
    double end = difference.end, x = mt_series_sign_change(&difference);
    if (x < end - t)
        end = t + x;
    double middle = mt_series_at(&difference, difference.degree ? 0.5 * x : 0);
    if (!isfinite(middle))
        mt_series_constant(a, t, end, NAN);
    else if (middle * ((const extreme *)curve)->sign < 0)
        *a = b;
    a->end = end;
}

static void extreme_text(const mt_curve *curve, mt_text_writer *writer) {
    mt_write_text(writer, ((const extreme *)curve)->sign > 0 ? "max(" : "min(");
    operation_text(curve, writer, ", ", MT_BINDS_THEN, MT_BINDS_THEN);
    mt_write_text(writer, ")");
}

static const mt_curve_kind extreme_kind = {MT_BINDS_ATOM, extreme_at,   extreme_piece,
                                           NULL,          extreme_text, NULL};

static mt_curve *extreme_make(mt_curve *a, mt_curve *b, int sign, mt_error *error) {
    mt_curve *made = combine(sizeof(extreme), &extreme_kind, a, b, error);
    if (!made)
        return NULL;
    ((extreme *)made)->sign = sign;
    made->bent = made->noisy;
    return made;
}

mt_curve *mt_curve_maximum(mt_curve *a, mt_curve *b, mt_error *error) {
    return extreme_make(a, b, 1, error);
}

mt_curve *mt_curve_minimum(mt_curve *a, mt_curve *b, mt_error *error) {
    return extreme_make(a, b, -1, error);
}

/* ---- clamp ---- */

typedef struct clamped {
    mt_curve base;
    double low, high;
} clamped;

static double clamp_at(const mt_curve *curve, const mt_realisation *path, double t) {
    const clamped *self = (const clamped *)curve;
    double value = VALUE(0);
    return value < self->low ? self->low : value > self->high ? self->high : value;
}

/* Where the series first crosses `level`, seconds from its start. */
static double crossing(const mt_series *series, double level) {
    if (series->degree == 0 || isinf(level))
        return series->end - series->start;
    mt_series moved = *series;
    moved.coefficient[0] -= level;
    return mt_series_sign_change(&moved);
}

static void clamp_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    const clamped *self = (const clamped *)curve;
    mt_curve_piece(curve->parts[0], path, t, series);
    double x = fmin(crossing(series, self->low), crossing(series, self->high));
    double end = x < series->end - t ? t + x : series->end;
    double middle = mt_series_at(series, series->degree ? 0.5 * x : 0);
    if (middle < self->low)
        mt_series_constant(series, t, end, self->low);
    else if (middle > self->high)
        mt_series_constant(series, t, end, self->high);
    series->end = end;
}

static void clamp_text(const mt_curve *curve, mt_text_writer *writer) {
    const clamped *self = (const clamped *)curve;
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
    MT_WRITE(writer, ":clamp(#, #)", self->low, self->high);
}

static const mt_curve_kind clamp_kind = {MT_BINDS_ATOM, clamp_at,   clamp_piece,
                                         NULL,          clamp_text, NULL};

mt_curve *mt_curve_clamp(mt_curve *curve, double low, double high, mt_error *error) {
    if (!(low <= high))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "the lower bound must not be above the upper (%g > %g)", low, high));
    clamped *made = (clamped *)mt_curve_make(sizeof *made, &clamp_kind, curve, NULL, error);
    if (!made)
        return NULL;
    made->base.bent = curve->noisy;
    made->low = low;
    made->high = high;
    made->base.duration = curve->duration;
    made->base.settled = curve->settled;
    made->base.period = curve->period;
    return &made->base;
}
