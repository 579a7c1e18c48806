/* Rate curves: functions of time, in requests per second, as immutable values with an algebra.
 *
 * A curve has a value at every t >= 0 (seconds) and a duration, INFINITY for an endless one;
 * outside [0, duration) it is 0. Values are signed inside an expression ("a - b + b" is "a") and
 * clamped to 0 where they are used as a rate: by mt_clock. Nothing here but noise is random, and
 * noise is drawn from (seed, its own number), so that a curve plotted is the curve that runs: every
 * evaluation takes the seed.
 *
 * Each kind of curve is one entry in a table (load/curve/kind.h): its value, the piece that starts
 * at a time, its exact area where there is a closed form, its text. Curves are reference counted,
 * without locks: one thread. Makers retain their parts, the caller still releases its own. Makers
 * return NULL and fill error (MT_ERROR_VALUE naming what is allowed, durations in seconds, or
 * saying that operations are nested too deep; MT_ERROR_MEMORY). */
#ifndef MT_LOAD_CURVE_CURVE_H
#define MT_LOAD_CURVE_CURVE_H

#include "base/error.h"

typedef struct mt_curve mt_curve;

/* rate for `duration` seconds (INFINITY: endless). */
mt_curve *mt_curve_constant(double rate, double duration, mt_error *error);
/* From a to b in a straight line over duration > 0. */
mt_curve *mt_curve_ramp(double a, double b, double duration, mt_error *error);
/* count >= 1 pieces, each durations[i] > 0 long (the last may be INFINITY) at rates[i]. */
mt_curve *mt_curve_steps(const double *rates, const double *durations, size_t count,
                         mt_error *error);
/* Through (times[i], rates[i]), times increasing, the first >= 0: straight lines, or with smooth a
 * monotone cubic (Fritsch & Carlson 1980). Holds the first rate from 0, ends at the last time. */
mt_curve *mt_curve_points(const double *rates, const double *times, size_t count, int smooth,
                          mt_error *error);
/* mean + amplitude * sin(2 pi (t - phase) / period); period > 0, phase in seconds. */
mt_curve *mt_curve_sine(double mean, double amplitude, double period, double phase,
                        mt_error *error);
/* 0, then straight up from at - rise to height at `at`, and straight down until at + fall. */
mt_curve *mt_curve_spike(double at, double height, double rise, double fall, mt_error *error);
/* Positive, mean 1, coefficient of variation cv (over all t). Its logarithm has the correlation
 * e^(-lag / corr_time); with that as r, the noise itself has ((1 + cv^2)^r - 1) / cv^2, but for the
 * straight lines: the exponential of a stationary Ornstein-Uhlenbeck path on a grid of corr_time / 8, straight lines
 * between. 0 <= cv <= 100. number tells this realisation from others of the same seed. Endless; any
 * t costs the same, whatever was read before. */
mt_curve *mt_curve_noise(double cv, double corr_time, uint64_t number, mt_error *error);
/* Straight lines through a sampled function (copied), the first rate held from 0 and the last to
 * the duration (INFINITY: endless). Times do not decrease; the same one twice is a jump. For
 * functions of scripts and for rates measured in a trace. label is its text. */
mt_curve *mt_curve_sampled(const double *times, const double *rates, size_t count, double duration,
                           const char *label, mt_error *error);

/* Finite with endless is finite; two finite ones of different durations are an error that gives
 * both and says what to do. Dividing by 0 shows where the value is read. */
mt_curve *mt_curve_add(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_subtract(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_negate(mt_curve *curve, mt_error *error);
mt_curve *mt_curve_multiply(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_divide(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_maximum(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_minimum(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_then(mt_curve *a, mt_curve *b, mt_error *error); /* a must end */

/* Ended at duration > 0, or followed by silence up to it; a curve that ends before (after) is
 * returned as it is. */
mt_curve *mt_curve_take(mt_curve *curve, double duration, mt_error *error);
mt_curve *mt_curve_pad(mt_curve *curve, double duration, mt_error *error);
mt_curve *mt_curve_shift(mt_curve *curve, double delay, mt_error *error);  /* < 0 drops the start */
mt_curve *mt_curve_loop(mt_curve *curve, uint64_t times, mt_error *error); /* 0: for ever */
/* Durations times factor > 0, the same rates; the same requests in 1 / factor of the time. */
mt_curve *mt_curve_stretch(mt_curve *curve, double factor, mt_error *error);
mt_curve *mt_curve_speed(mt_curve *curve, double factor, mt_error *error);
/* Held in [low, high]; either may be infinite. */
mt_curve *mt_curve_clamp(mt_curve *curve, double low, double high, mt_error *error);
/* Scaled so that its mean (or its maximum, with `by_maximum`) is target >= 0, noise taken as its
 * mean so that the factor is the same for every seed; the mean of a bent curve is estimated over seeds
 * (mt_curve_estimated_mean), the same ones always. Of an endless curve the mean in the long run
 * and the maximum of its first period; an error where it has none. */
mt_curve *mt_curve_scale_to(mt_curve *curve, double target, int by_maximum, mt_error *error);

mt_curve *mt_curve_retain(mt_curve *curve); /* returns it */
void mt_curve_release(mt_curve *curve);     /* NULL is allowed */

/* Seconds; INFINITY when endless. */
double mt_curve_duration(const mt_curve *curve);

/* Does the value depend on the seed? */
int mt_curve_is_noisy(const mt_curve *curve);

/* The period in seconds with which an endless curve repeats itself from *settled (s; may be NULL)
 * on, noise taken as its mean. 0 when it is constant from there; NAN when it never settles (a
 * sampled one) or is finite. */
double mt_curve_period(const mt_curve *curve, double *settled);

/* The signed value at t. May be NaN or infinite where an expression divides by 0. */
double mt_curve_at(const mt_curve *curve, uint64_t seed, double t);

/* The signed area over [t0, t1], t0 <= t1, finite: a closed form where there is one, else to 1e-9
 * relative. NaN when a value in between is not finite, or when interrupted. */
double mt_curve_area(const mt_curve *curve, uint64_t seed, double t0, double t1);

/* The same, noise counting as its mean: the mean of the areas over seeds, unless the curve is bent. */
double mt_curve_mean_area(const mt_curve *curve, double t0, double t1);

/* The first t in [t0, t1) where the value is not finite, -1 when there is none. */
double mt_curve_not_finite_at(const mt_curve *curve, uint64_t seed, double t0, double t1);

/* Is its value not in proportion to the noise in it (a clamp, an extreme or a divisor with noise, noise
 * times itself)? Then its mean over seeds has no formula. */
int mt_curve_is_bent(const mt_curve *curve);

/* The mean over [0, duration); of an endless curve over [0, horizon), or with horizon 0, where it
 * settles, in the long run (over a period). Of endless curves that settle, noise counts as its mean, 1;
 * the mean of a bent one is that of mt_curve_estimated_mean. */
double mt_curve_mean(const mt_curve *curve, uint64_t seed, double horizon);

/* The mean over seeds of a curve with noise, from so many values at times of their own, each of another
 * seed; the time as above. *error (may be NULL) becomes twice its standard error. */
#define MT_CURVE_SAMPLES 65536
double mt_curve_estimated_mean(const mt_curve *curve, double horizon, double *error);

/* The maximum (limits from the left included) over [0, duration); of an endless curve over [0, horizon),
 * or with horizon 0, where it settles and is not noisy, up to the end of its first period. */
double mt_curve_max(const mt_curve *curve, uint64_t seed, double horizon);

/* The expression as a script would write it, cut to size and terminated. Returns buffer. */
char *mt_curve_text(const mt_curve *curve, char *buffer, size_t size);

/* ---- the curve as a clock ---- */

/* The clamped curve from 0 to an end, walked forward piece by piece in bounded memory: area to time
 * and time to area. Pieces are polynomials that follow the curve to 1e-12 of its largest value
 * there; a call costs the same for a constant and for ten thousand pieces. */
typedef struct mt_clock mt_clock;

/* A clock over [0, min(end, duration)); values are multiplied by factor >= 0. NULL on failure. */
mt_clock *mt_clock_open(mt_curve *curve, uint64_t seed, double factor, double end, mt_error *error);

/* From now on mt_clock_area passes whole periods of a curve that repeats itself at once. The areas differ in their
 * last bits from those of a walk: for what is expected, not for a run, whose bytes they would be. */
void mt_clock_leap(mt_clock *clock);

/* The time of the request that has `area` requests before it: *time is the infimum of the t whose
 * area exceeds `area`. So area 0 gives the first t where the rate is > 0. An area that is reached
 * just before a silence gives the end of that silence. The whole area or more gives INFINITY. Areas
 * of successive calls must not decrease. MT_ERROR_VALUE when the curve is NaN or infinite on the
 * way (the message names t), or silent for 2^24 pieces of an endless clock. */
mt_code mt_clock_time(mt_clock *clock, double area, double *time, mt_error *error);

/* The area over [0, t]. Times of successive calls must not decrease, nor lie before a time already
 * returned. Use a second clock for a second place. */
mt_code mt_clock_area(mt_clock *clock, double t, double *area, mt_error *error);

/* The rate at t, under the same rule; INFINITY is never returned. */
mt_code mt_clock_rate(mt_clock *clock, double t, double *rate, mt_error *error);

/* The first t at which a negative value was met and clamped, or -1 when none was. */
double mt_clock_clamped_at(const mt_clock *clock);

void mt_clock_close(mt_clock *clock); /* NULL is allowed */

/* Whole clamped area over [0, min(end, duration)): what a process delivers on average.
 * MT_ERROR_VALUE as above. */
mt_code mt_curve_total(mt_curve *curve, uint64_t seed, double end, double *total, mt_error *error);

#endif
