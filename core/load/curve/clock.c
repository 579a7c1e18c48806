/* The curve as a clock: walks it piece by piece. The antiderivative of a piece turns time into
 * area; its inverse turns area into time. */
#include "load/curve/kind.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>

enum { PIECES_BETWEEN_POLLS = 4096, SILENT_PIECES = 1 << 24 };

/* A rate that is negative by less than this part of the largest rate so far is a rounding error,
 * and does not count as clamped. */
static const double negligible = 1e-10;

struct mt_clock {
    mt_curve *curve;
    mt_realisation path;
    double factor;
    double limit; /* the end of the clock, INFINITY: none */

    mt_series rate; /* the clamped piece from rate.start to rate.end */
    double length;  /* rate.end - rate.start */
    double piece_area;
    mt_exact_sum before; /* the area before the piece */

    double last_area, last_time; /* of the calls so far */
    double last_x;               /* where the last inversion in this piece ended */
    double largest;              /* bound of the rates so far */
    double clamped_at;
    unsigned pieces, silent;

    double settled, period; /* of a clock that leaps; else the period is 0 */
    double period_area;     /* -1 before it is known */
};

/* Clamps the piece: cuts it where the sign changes, and makes it 0 where it is negative. */
static void clamp_piece(mt_clock *clock) {
    mt_series *rate = &clock->rate;
    double length = rate->end - rate->start;
    double x = mt_series_sign_change(rate);
    clock->largest = fmax(clock->largest, mt_series_bound(rate));
    if (x < length) {
        rate->end = rate->start + x;
        if (rate->end <= rate->start)
            rate->end = nextafter(rate->start, INFINITY);
    }
    double middle = mt_series_at(rate, rate->degree ? 0.5 * x : 0);
    if (middle >= 0)
        return;
    if (clock->clamped_at < 0 && middle < -negligible * clock->largest)
        clock->clamped_at = rate->start;
    mt_series_constant(rate, rate->start, rate->end, 0);
}

static int is_finite(const mt_series *series) {
    for (int k = 0; k <= series->degree; k++)
        if (!isfinite(series->coefficient[k]))
            return 0;
    return 1;
}

/* Makes the piece that starts at t (before the limit) the current one. */
static mt_code enter(mt_clock *clock, double t, mt_error *error) {
    mt_assert(t < clock->limit);
    mt_series *rate = &clock->rate;
    mt_curve_piece(clock->curve, &clock->path, t, rate);
    mt_series_scale(rate, clock->factor);
    if (!is_finite(rate))
        return mt_fail(error, MT_ERROR_VALUE, "the rate is %s at t = %.15g s",
                       isnan(rate->coefficient[0]) ? "not a number" : "infinite", t);
    clamp_piece(clock);
    rate->end = fmin(rate->end, clock->limit);
    clock->length = rate->end - rate->start;
    clock->piece_area = fmax(mt_series_integral(rate, clock->length), 0);
    clock->last_x = 0;
    return MT_OK;
}

/* Goes to the next piece. There must be one: rate.end < limit. */
static mt_code advance(mt_clock *clock, mt_error *error) {
    clock->silent = clock->piece_area > 0 ? 0 : clock->silent + 1;
    if (clock->silent >= SILENT_PIECES && isinf(clock->limit))
        return mt_fail(error, MT_ERROR_VALUE,
                       "the rate stays 0 up to t = %.15g s, and the curve never ends",
                       clock->rate.end);
    if (++clock->pieces % PIECES_BETWEEN_POLLS == 0 && mt_interrupted())
        return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
    mt_exact_sum before = clock->before;
    mt_exact_add(&before, clock->piece_area);
    mt_series old = clock->rate;
    mt_code code = enter(clock, old.end, error);
    if (code)
        clock->rate = old; /* a second call fails in the same way */
    else
        clock->before = before;
    return code;
}

mt_clock *mt_clock_open(mt_curve *curve, uint64_t seed, double factor, double end,
                        mt_error *error) {
    if (!(factor >= 0 && isfinite(factor)))
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "a rate can be scaled by 0 or more, not by %g", factor));
    if (!(end >= 0))
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "the end must not be negative, not %g s", end));
    mt_clock *clock = mt_new(sizeof *clock, "clock", error);
    if (!clock)
        return NULL;
    clock->curve = mt_curve_retain(curve);
    clock->path.seed = seed;
    clock->factor = factor;
    clock->limit = fmin(end, mt_curve_duration(curve));
    clock->clamped_at = -1;
    mt_series_constant(&clock->rate, 0, 0, 0); /* an empty piece: the first call enters the first */
    return clock;
}

void mt_clock_leap(mt_clock *clock) {
    double period = mt_curve_period(clock->curve, &clock->settled);
    clock->period = period > 0 && !mt_curve_is_noisy(clock->curve) ? period : 0;
    clock->period_area = -1;
}

void mt_clock_close(mt_clock *clock) {
    if (!clock)
        return;
    mt_curve_release(clock->curve);
    mt_free(clock);
}

/* The x at which the piece's antiderivative is `area`, 0 <= area < piece_area. */
static double invert(const mt_clock *clock, double area) {
    const mt_series *rate = &clock->rate;
    double first = rate->coefficient[0];
    if (rate->degree == 0)
        return area / first;
    if (rate->degree == 1) {
        double root = sqrt(fmax(first * first + 2 * rate->coefficient[1] * area, 0));
        return area > 0 ? 2 * area / (first + root) : 0;
    }
    double low = clock->last_x, high = clock->length;
    double x = low;
    for (int i = 0; i < 100; i++) {
        double excess = mt_series_integral(rate, x) - area;
        double slope = mt_series_at(rate, x);
        if (excess > 0)
            high = x;
        else
            low = x;
        double next = x - excess / slope;
        if (!(next > low && next < high)) /* also when the slope is 0 */
            next = excess == 0 ? x : 0.5 * (low + high);
        double step = fabs(next - x);
        x = next;
        /* Stops where the rounding of x or of the area allows no better. */
        if (step <= 2 * DBL_EPSILON * fmax(x, fmin(area / slope, clock->length)))
            break;
    }
    return x;
}

mt_code mt_clock_time(mt_clock *clock, double area, double *time, mt_error *error) {
    if (!(area >= clock->last_area))
        return mt_fail(error, MT_ERROR_VALUE, "a clock goes forward: area %g after %g", area,
                       clock->last_area);
    clock->last_area = area;
    double rest;
    for (;;) {
        rest = (area - clock->before.sum) - clock->before.lost;
        if (rest < clock->piece_area)
            break;
        if (clock->rate.end >= clock->limit) {
            clock->last_time = clock->limit;
            *time = INFINITY;
            return MT_OK;
        }
        mt_code code = advance(clock, error);
        if (code)
            return code;
    }
    double x = invert(clock, fmax(rest, 0));
    x = fmin(fmax(x, clock->last_x), clock->length);
    clock->last_x = x;
    double t = clock->rate.start + x;
    if (t >= clock->limit)
        t = nextafter(clock->limit, 0);
    clock->last_time = fmax(t, clock->last_time);
    mt_assert(clock->last_time >= clock->rate.start && clock->last_time < clock->limit);
    *time = clock->last_time;
    return MT_OK;
}

/* Walks to the piece that t lies in; t beyond the limit stays in the last. */
static mt_code go_to(mt_clock *clock, double t, mt_error *error) {
    if (!(t >= clock->last_time))
        return mt_fail(error, MT_ERROR_VALUE, "a clock goes forward: t = %.15g s after %.15g s", t,
                       clock->last_time);
    clock->last_time = fmin(t, clock->limit);
    while (clock->rate.end <= t && clock->rate.end < clock->limit) {
        mt_code code = advance(clock, error);
        if (code)
            return code;
    }
    return MT_OK;
}

/* Walks one period on from the end of the piece in hand, and knows its area then. */
static mt_code walk_period(mt_clock *clock, mt_error *error) {
    double limit = clock->limit;
    mt_exact_sum area = {0, 0};
    mt_code code = MT_OK;
    clock->limit = clock->rate.end + clock->period;
    while (code == MT_OK && clock->rate.end < clock->limit) {
        code = advance(clock, error);
        if (code == MT_OK)
            mt_exact_add(&area, clock->piece_area);
    }
    clock->limit = limit;
    if (code == MT_OK)
        clock->period_area = area.sum + area.lost;
    return code;
}

/* Where the curve repeats itself: passes the whole periods that lie before t. */
static mt_code leap(mt_clock *clock, double t, mt_error *error) {
    enum { FEWEST_PERIODS = 3 }; /* fewer are walked as soon */
    mt_code code = MT_OK;
    if (t > clock->settled && clock->rate.end < clock->settled)
        code = go_to(clock, clock->settled, error);
    if (code != MT_OK || !(clock->rate.end >= clock->settled) ||
        !(fmin(t, clock->limit) - clock->rate.end > FEWEST_PERIODS * clock->period))
        return code;
    if (clock->period_area < 0)
        code = walk_period(clock, error);
    if (code != MT_OK)
        return code;
    double start = clock->rate.end;
    double periods = floor((fmin(t, clock->limit) - start) / clock->period) - 1;
    mt_exact_sum before = clock->before;
    mt_exact_add(&before, clock->piece_area);
    mt_exact_add(&before, periods * clock->period_area);
    mt_series old = clock->rate;
    code = enter(clock, start + periods * clock->period, error);
    if (code != MT_OK)
        clock->rate = old;
    else
        clock->before = before;
    return code;
}

mt_code mt_clock_area(mt_clock *clock, double t, double *area, mt_error *error) {
    mt_code code = clock->period > 0 ? leap(clock, t, error) : MT_OK;
    if (code == MT_OK)
        code = go_to(clock, t, error);
    if (code)
        return code;
    double x = fmin(t - clock->rate.start, clock->length);
    double here = x < clock->length ? fmax(mt_series_integral(&clock->rate, fmax(x, 0)), 0)
                                    : clock->piece_area;
    mt_exact_sum total = clock->before;
    mt_exact_add(&total, here);
    *area = total.sum + total.lost;
    return MT_OK;
}

mt_code mt_clock_rate(mt_clock *clock, double t, double *rate, mt_error *error) {
    mt_code code = go_to(clock, t, error);
    if (code)
        return code;
    *rate =
        t < clock->limit ? fmax(mt_series_at(&clock->rate, fmax(t - clock->rate.start, 0)), 0) : 0;
    return MT_OK;
}

double mt_clock_clamped_at(const mt_clock *clock) {
    return clock->clamped_at;
}

mt_code mt_curve_total(mt_curve *curve, uint64_t seed, double end, double *total, mt_error *error) {
    double limit = fmin(end, mt_curve_duration(curve));
    if (isinf(limit))
        return mt_fail(error, MT_ERROR_VALUE, "an endless curve has no whole area: give it an end");
    mt_clock *clock = mt_clock_open(curve, seed, 1, end, error);
    if (!clock)
        return mt_code_of(error);
    mt_code code = mt_clock_area(clock, limit, total, error);
    mt_clock_close(clock);
    return code;
}
