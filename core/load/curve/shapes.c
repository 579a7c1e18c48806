/* The simple curves: constant, ramp, sine, spike. */
#include "load/curve/kind.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* ---- constant ---- */

typedef struct constant {
    mt_curve base;
    double rate;
} constant;

static double constant_at(const mt_curve *curve, const mt_realisation *path, double t) {
    (void)path, (void)t;
    return ((const constant *)curve)->rate;
}

static void constant_piece(const mt_curve *curve, const mt_realisation *path, double t,
                           mt_series *series) {
    (void)path;
    mt_series_constant(series, t, curve->duration, ((const constant *)curve)->rate);
}

static void constant_text(const mt_curve *curve, mt_text_writer *writer) {
    MT_WRITE(writer, "const(#", ((const constant *)curve)->rate);
    if (isfinite(curve->duration)) {
        MT_WRITE(writer, ", #", curve->duration);
    }
    mt_write_text(writer, ")");
}

static const mt_curve_kind constant_kind = {MT_BINDS_ATOM, constant_at,   constant_piece,
                                            NULL,          constant_text, NULL};

mt_curve *mt_curve_constant(double rate, double duration, mt_error *error) {
    if (!mt_curve_check_finite(rate, "the rate", error) ||
        !mt_curve_check_positive(duration, 1, "the duration", error))
        return NULL;
    constant *made = (constant *)mt_curve_make(sizeof *made, &constant_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->rate = rate;
    made->base.duration = duration;
    made->base.period = 0;
    return &made->base;
}

/* ---- ramp ---- */

typedef struct ramp {
    mt_curve base;
    double from, to;
} ramp;

static double ramp_at(const mt_curve *curve, const mt_realisation *path, double t) {
    (void)path;
    const ramp *self = (const ramp *)curve;
    return self->from + (self->to - self->from) * (t / curve->duration);
}

static void ramp_piece(const mt_curve *curve, const mt_realisation *path, double t,
                       mt_series *series) {
    const ramp *self = (const ramp *)curve;
    mt_series_line(series, t, curve->duration, ramp_at(curve, path, t),
                   (self->to - self->from) / curve->duration);
}

static void ramp_text(const mt_curve *curve, mt_text_writer *writer) {
    const ramp *self = (const ramp *)curve;
    MT_WRITE(writer, "ramp(#, #, #)", self->from, self->to, curve->duration);
}

static const mt_curve_kind ramp_kind = {MT_BINDS_ATOM, ramp_at, ramp_piece, NULL, ramp_text, NULL};

mt_curve *mt_curve_ramp(double a, double b, double duration, mt_error *error) {
    if (!mt_curve_check_finite(a, "the first rate", error) ||
        !mt_curve_check_finite(b, "the last rate", error) ||
        !mt_curve_check_positive(duration, 0, "the duration", error))
        return NULL;
    ramp *made = (ramp *)mt_curve_make(sizeof *made, &ramp_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->from = a;
    made->to = b;
    made->base.duration = duration;
    return &made->base;
}

/* ---- sine ---- */

typedef struct sine {
    mt_curve base;
    double mean, amplitude, period, phase;
} sine;

/* The angle at t, in (-2 pi, 2 pi). fmod is exact, so every period is like the first. */
static double sine_angle(const sine *self, double t) {
    return 2 * pi * (fmod(t - self->phase, self->period) / self->period);
}

static double sine_at(const mt_curve *curve, const mt_realisation *path, double t) {
    (void)path;
    const sine *self = (const sine *)curve;
    return self->mean + self->amplitude * sin(sine_angle(self, t));
}

/* Taylor's series; with 12 terms over a sixteenth of the period it is right to 3e-14 amplitudes. */
static void sine_piece(const mt_curve *curve, const mt_realisation *path, double t,
                       mt_series *series) {
    enum { DEGREE = 11 };
    (void)path;
    const sine *self = (const sine *)curve;
    double angle = sine_angle(self, t);
    double derivative[4] = {sin(angle), cos(angle), 0, 0};
    derivative[2] = -derivative[0];
    derivative[3] = -derivative[1];
    mt_series_constant(series, t, t + self->period / 16, 0);
    double power = self->amplitude;
    for (int k = 0; k <= DEGREE; k++) {
        series->coefficient[k] = power * derivative[k % 4];
        power *= 2 * pi / self->period / (k + 1);
    }
    series->coefficient[0] += self->mean;
    series->degree = self->amplitude == 0 ? 0 : DEGREE;
}

static double sine_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    (void)path;
    const sine *self = (const sine *)curve;
    /* cos a - cos b as a product, so that short spans lose no digits */
    double middle = sine_angle(self, t0 + 0.5 * (t1 - t0));
    double half = pi * (fmod(t1 - t0, 2 * self->period) / self->period);
    return self->mean * (t1 - t0) + self->amplitude * self->period / pi * sin(middle) * sin(half);
}

static void sine_text(const mt_curve *curve, mt_text_writer *writer) {
    const sine *self = (const sine *)curve;
    MT_WRITE(writer, "sine{mean=#, amp=#, period=#", self->mean, self->amplitude, self->period);
    if (self->phase != 0) {
        MT_WRITE(writer, ", phase=#", self->phase);
    }
    mt_write_text(writer, "}");
}

static const mt_curve_kind sine_kind = {MT_BINDS_ATOM, sine_at,   sine_piece,
                                        sine_area,     sine_text, NULL};

mt_curve *mt_curve_sine(double mean, double amplitude, double period, double phase,
                        mt_error *error) {
    if (!mt_curve_check_finite(mean, "mean", error) ||
        !mt_curve_check_finite(amplitude, "amp", error) ||
        !mt_curve_check_positive(period, 0, "period", error) ||
        !mt_curve_check_finite(phase, "phase", error))
        return NULL;
    sine *made = (sine *)mt_curve_make(sizeof *made, &sine_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->mean = mean;
    made->amplitude = amplitude;
    made->period = period;
    made->phase = phase;
    made->base.period = amplitude == 0 ? 0 : period;
    return &made->base;
}

/* ---- spike ---- */

typedef struct spike {
    mt_curve base;
    double at, height, rise, fall;
} spike;

static double spike_at(const mt_curve *curve, const mt_realisation *path, double t) {
    (void)path;
    const spike *self = (const spike *)curve;
    double part = t < self->at ? (self->at - t) / self->rise : (t - self->at) / self->fall;
    return self->height * fmax(1 - part, 0);
}

static void spike_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    const spike *self = (const spike *)curve;
    double value = spike_at(curve, path, t);
    if (t < self->at)
        mt_series_line(series, t, self->at, value, self->height / self->rise);
    else
        mt_series_line(series, t, curve->to, value, -self->height / self->fall);
}

static void spike_text(const mt_curve *curve, mt_text_writer *writer) {
    const spike *self = (const spike *)curve;
    MT_WRITE(writer, "spike{at=#, height=#, rise=#, fall=#}", self->at, self->height, self->rise,
             self->fall);
}

static const mt_curve_kind spike_kind = {MT_BINDS_ATOM, spike_at,   spike_piece,
                                         NULL,          spike_text, NULL};

mt_curve *mt_curve_spike(double at, double height, double rise, double fall, mt_error *error) {
    if (!mt_curve_check_finite(at, "at", error) ||
        !mt_curve_check_finite(height, "height", error) ||
        !mt_curve_check_finite(rise, "rise", error) || !mt_curve_check_finite(fall, "fall", error))
        return NULL;
    if (rise < 0 || fall < 0 || (rise == 0 && fall == 0))
        return mt_null(mt_fail(
            error, MT_ERROR_VALUE,
            "rise and fall must not be negative, and not both 0 (they are %g and %g)", rise, fall));
    spike *made = (spike *)mt_curve_make(sizeof *made, &spike_kind, NULL, NULL, error);
    if (!made)
        return NULL;
    made->at = at;
    made->height = height;
    made->rise = rise;
    made->fall = fall;
    made->base.from = fmax(at - rise, 0);
    made->base.to = at + fall;
    made->base.settled = fmax(at + fall, 0);
    made->base.period = 0;
    return &made->base;
}
