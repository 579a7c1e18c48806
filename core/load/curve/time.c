/* Curves made by moving others in time: then, take, pad, shift, loop, stretch, speed. */
#include "load/curve/kind.h"

#include <math.h>

/* ---- one after the other ---- */

static double then_at(const mt_curve *curve, const mt_realisation *path, double t) {
    double change = curve->parts[0]->duration;
    if (t < change)
        return mt_curve_value(curve->parts[0], path, t);
    const mt_curve *second = curve->parts[1];
    return mt_curve_value(second, path, mt_curve_inside(second, t - change));
}

static void then_piece(const mt_curve *curve, const mt_realisation *path, double t,
                       mt_series *series) {
    double change = curve->parts[0]->duration;
    if (t < change)
        mt_curve_piece(curve->parts[0], path, t, series);
    else
        mt_curve_piece_late(curve->parts[1], path, t, change, series);
}

static double then_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    double change = curve->parts[0]->duration;
    return mt_curve_area_of(curve->parts[0], path, t0, fmin(t1, change)) +
           mt_curve_area_of(curve->parts[1], path, t0 - change, t1 - change);
}

static void then_text(const mt_curve *curve, mt_text_writer *writer) {
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_THEN);
    mt_write_text(writer, " .. ");
    mt_curve_write_part(writer, curve->parts[1], MT_BINDS_THEN);
}

static const mt_curve_kind then_kind = {MT_BINDS_THEN, then_at,   then_piece,
                                        then_area,     then_text, NULL};

static mt_curve *then_make(mt_curve *a, mt_curve *b, mt_error *error) {
    mt_curve *made = mt_curve_make(sizeof *made, &then_kind, a, b, error);
    if (!made)
        return NULL;
    made->duration = a->duration + b->duration;
    made->from = fmin(a->from, a->duration + b->from);
    made->to = fmax(a->to, a->duration + b->to);
    made->settled = a->duration + b->settled;
    made->period = b->period;
    return made;
}

mt_curve *mt_curve_then(mt_curve *a, mt_curve *b, mt_error *error) {
    if (isinf(a->duration))
        return mt_null(mt_fail(
            error, MT_ERROR_VALUE,
            "the curve on the left never ends, so nothing can follow it: end it with :take(d)"));
    return mt_curve_join(&then_kind, then_make, a, b, error);
}

/* ---- take and pad: another end ---- */

typedef struct ended {
    mt_curve base;
    int is_pad;
} ended;

static double ended_at(const mt_curve *curve, const mt_realisation *path, double t) {
    return mt_curve_value(curve->parts[0], path, t);
}

static void ended_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    if (t < curve->parts[0]->duration)
        mt_curve_piece(curve->parts[0], path, t, series);
    else
        mt_series_constant(series, t, curve->duration, 0);
}

static double ended_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    return mt_curve_area_of(curve->parts[0], path, t0, t1);
}

static void ended_text(const mt_curve *curve, mt_text_writer *writer) {
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
    MT_WRITE(writer, ((const ended *)curve)->is_pad ? ":pad(#)" : ":take(#)", curve->duration);
}

static const mt_curve_kind ended_kind = {MT_BINDS_ATOM, ended_at,   ended_piece,
                                         ended_area,    ended_text, NULL};

static mt_curve *ended_make(mt_curve *curve, double duration, int is_pad, mt_error *error) {
    ended *made = (ended *)mt_curve_make(sizeof *made, &ended_kind, curve, NULL, error);
    if (!made)
        return NULL;
    made->is_pad = is_pad;
    made->base.duration = duration;
    made->base.from = curve->from;
    made->base.to = curve->to;
    made->base.settled = curve->duration;
    made->base.period = 0;
    return &made->base;
}

mt_curve *mt_curve_take(mt_curve *curve, double duration, mt_error *error) {
    if (!mt_curve_check_positive(duration, 1, "the duration", error))
        return NULL;
    return duration >= curve->duration ? mt_curve_retain(curve)
                                       : ended_make(curve, duration, 0, error);
}

mt_curve *mt_curve_pad(mt_curve *curve, double duration, mt_error *error) {
    if (!mt_curve_check_positive(duration, 1, "the duration", error))
        return NULL;
    return duration <= curve->duration ? mt_curve_retain(curve)
                                       : ended_make(curve, duration, 1, error);
}

/* ---- shift ---- */

typedef struct shifted {
    mt_curve base;
    double delay;
} shifted;

static double shift_at(const mt_curve *curve, const mt_realisation *path, double t) {
    double delay = ((const shifted *)curve)->delay;
    const mt_curve *part = curve->parts[0];
    return t < delay ? 0 : mt_curve_value(part, path, mt_curve_inside(part, t - delay));
}

static void shift_piece(const mt_curve *curve, const mt_realisation *path, double t,
                        mt_series *series) {
    double delay = ((const shifted *)curve)->delay;
    if (t < delay)
        mt_series_constant(series, t, delay, 0);
    else
        mt_curve_piece_late(curve->parts[0], path, t, delay, series);
}

static double shift_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    double delay = ((const shifted *)curve)->delay;
    return mt_curve_area_of(curve->parts[0], path, t0 - delay, t1 - delay);
}

static void shift_text(const mt_curve *curve, mt_text_writer *writer) {
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
    MT_WRITE(writer, ":shift(#)", ((const shifted *)curve)->delay);
}

static const mt_curve_kind shift_kind = {MT_BINDS_ATOM, shift_at,   shift_piece,
                                         shift_area,    shift_text, NULL};

mt_curve *mt_curve_shift(mt_curve *curve, double delay, mt_error *error) {
    if (!mt_curve_check_finite(delay, "the delay", error))
        return NULL;
    if (!(curve->duration + delay > 0))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "shifting by %.15g s drops all of the curve's %.15g s", delay,
                               curve->duration));
    shifted *made = (shifted *)mt_curve_make(sizeof *made, &shift_kind, curve, NULL, error);
    if (!made)
        return NULL;
    made->delay = delay;
    made->base.duration = curve->duration + delay;
    made->base.from = fmax(curve->from + delay, 0);
    made->base.to = curve->to + delay;
    made->base.settled = fmax(curve->settled + delay, 0);
    made->base.period = curve->period;
    return &made->base;
}

/* ---- loop ---- */

typedef struct looped {
    mt_curve base;
    uint64_t times; /* 0: for ever */
} looped;

/* The start of the round that t lies in; *next is the start of the one after it. */
static double round_of(const mt_curve *curve, double t, double *next) {
    double length = curve->parts[0]->duration;
    double number = floor(t / length);
    if (number * length > t)
        number--;
    else if ((number + 1) * length <= t)
        number++;
    *next = (number + 1) * length;
    return number * length;
}

static double loop_at(const mt_curve *curve, const mt_realisation *path, double t) {
    double next, start = round_of(curve, t, &next);
    const mt_curve *part = curve->parts[0];
    return mt_curve_value(part, path, mt_curve_inside(part, t - start));
}

static void loop_piece(const mt_curve *curve, const mt_realisation *path, double t,
                       mt_series *series) {
    double next, start = round_of(curve, t, &next);
    mt_curve_piece_late(curve->parts[0], path, t, start, series);
    if (series->end >= start + curve->parts[0]->duration)
        series->end = next;
}

static double loop_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    const mt_curve *part = curve->parts[0];
    double next, last_next;
    double first = round_of(curve, t0, &next), last = round_of(curve, t1, &last_next);
    if (first == last)
        return mt_curve_area_of(part, path, t0 - first, t1 - first);
    double rounds = round((last - next) / part->duration);
    return mt_curve_area_of(part, path, t0 - first, part->duration) +
           (rounds > 0 ? rounds * mt_curve_area_of(part, path, 0, part->duration) : 0) +
           mt_curve_area_of(part, path, 0, t1 - last);
}

static void loop_text(const mt_curve *curve, mt_text_writer *writer) {
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
    uint64_t times = ((const looped *)curve)->times;
    if (times)
        MT_WRITE(writer, ":loop(#)", (double)times);
    else
        mt_write_text(writer, ":loop()");
}

static const mt_curve_kind loop_kind = {MT_BINDS_ATOM, loop_at,   loop_piece,
                                        loop_area,     loop_text, NULL};

mt_curve *mt_curve_loop(mt_curve *curve, uint64_t times, mt_error *error) {
    if (isinf(curve->duration))
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE,
                    "the curve never ends, so it cannot be repeated: end it with :take(d)"));
    looped *made = (looped *)mt_curve_make(sizeof *made, &loop_kind, curve, NULL, error);
    if (!made)
        return NULL;
    made->times = times;
    made->base.duration = times ? (double)times * curve->duration : INFINITY;
    made->base.period = curve->duration;
    return &made->base;
}

/* ---- stretch and speed ---- */

typedef struct paced {
    mt_curve base;
    double factor;
    int is_speed; /* faster, with higher rates; else only longer */
} paced;

static double to_part(const paced *self, double t) {
    return self->is_speed ? t * self->factor : t / self->factor;
}

static double from_part(const paced *self, double t) {
    return self->is_speed ? t / self->factor : t * self->factor;
}

static double pace_at(const mt_curve *curve, const mt_realisation *path, double t) {
    const paced *self = (const paced *)curve;
    const mt_curve *part = curve->parts[0];
    double value = mt_curve_value(part, path, mt_curve_inside(part, to_part(self, t)));
    return self->is_speed ? value * self->factor : value;
}

static void pace_piece(const mt_curve *curve, const mt_realisation *path, double t,
                       mt_series *series) {
    const paced *self = (const paced *)curve;
    const mt_curve *part = curve->parts[0];
    mt_curve_piece(part, path, mt_curve_inside(part, to_part(self, t)), series);
    while (from_part(self, series->end) <= t && series->end < part->duration)
        mt_curve_piece(part, path, series->end, series); /* as in mt_curve_piece_late */
    double pace = self->is_speed ? self->factor : 1 / self->factor;
    double power = self->is_speed ? self->factor : 1;
    for (int k = 0; k <= series->degree; k++) {
        series->coefficient[k] *= power;
        power *= pace;
    }
    series->start = t;
    series->end = from_part(self, series->end);
}

static double pace_area(const mt_curve *curve, const mt_realisation *path, double t0, double t1) {
    const paced *self = (const paced *)curve;
    double area = mt_curve_area_of(curve->parts[0], path, to_part(self, t0), to_part(self, t1));
    return self->is_speed ? area : area * self->factor;
}

static void pace_text(const mt_curve *curve, mt_text_writer *writer) {
    const paced *self = (const paced *)curve;
    mt_curve_write_part(writer, curve->parts[0], MT_BINDS_ATOM);
    MT_WRITE(writer, self->is_speed ? ":speed(#)" : ":stretch(#)", self->factor);
}

static const mt_curve_kind pace_kind = {MT_BINDS_ATOM, pace_at,   pace_piece,
                                        pace_area,     pace_text, NULL};

static mt_curve *pace_make(mt_curve *curve, double factor, int is_speed, mt_error *error) {
    if (!mt_curve_check_positive(factor, 0, "the factor", error))
        return NULL;
    paced *made = (paced *)mt_curve_make(sizeof *made, &pace_kind, curve, NULL, error);
    if (!made)
        return NULL;
    made->factor = factor;
    made->is_speed = is_speed;
    made->base.duration = from_part(made, curve->duration);
    made->base.from = from_part(made, curve->from);
    made->base.to = from_part(made, curve->to);
    made->base.settled = from_part(made, curve->settled);
    made->base.period = from_part(made, curve->period);
    return &made->base;
}

mt_curve *mt_curve_stretch(mt_curve *curve, double factor, mt_error *error) {
    return pace_make(curve, factor, 0, error);
}

mt_curve *mt_curve_speed(mt_curve *curve, double factor, mt_error *error) {
    return pace_make(curve, factor, 1, error);
}
