/* A stretch of a curve as a power series about its start: what pieces of curves are made of.
 *
 * value(start + x) = sum of coefficient[k] * x^k for 0 <= x <= end - start. Sums and products of
 * series are exact but for rounding as long as the degree fits; where it does not, the stretch is
 * shortened until what is cut off is below 1e-15 of the series' bound. Nothing here allocates or
 * fails; a value that is not a number makes coefficient[0] not finite. */
#ifndef MT_LOAD_CURVE_SERIES_H
#define MT_LOAD_CURVE_SERIES_H

enum { MT_SERIES_DEGREE = 15 };

typedef struct mt_series {
    double start, end; /* seconds; end > start, INFINITY only when degree is 0 */
    int degree;        /* the last coefficient that counts */
    double coefficient[MT_SERIES_DEGREE + 1];
} mt_series;

/* *series = value (+ slope * x) from start to end. */
void mt_series_constant(mt_series *series, double start, double end, double value);
void mt_series_line(mt_series *series, double start, double end, double value, double slope);

/* The value, and the integral from 0, at x seconds after the start. */
double mt_series_at(const mt_series *series, double x);
double mt_series_integral(const mt_series *series, double x);

/* An upper bound of |value| over the stretch: the sum of the terms' sizes at its end. */
double mt_series_bound(const mt_series *series);

/* a becomes a + factor * b, a * b, a / b over the part that both cover; both start together. A
 * quotient whose denominator is 0 at the start (to 1e-13 of its bound) is not finite. */
void mt_series_add(mt_series *a, double factor, const mt_series *b);
void mt_series_multiply(mt_series *a, const mt_series *b);
void mt_series_divide(mt_series *a, const mt_series *b);
void mt_series_scale(mt_series *series, double factor);

/* Moves the origin of the coefficients by x, start and end stay: value(y) becomes value(x + y). */
void mt_series_recentre(mt_series *series, double x);

/* The first x in (0, end - start) at which the value changes its sign, or end - start: exact to the
 * last bits. Bernstein coefficients with subdivision (Lane & Riesenfeld 1981). */
double mt_series_sign_change(const mt_series *series);

/* The derivative over the same stretch. */
void mt_series_derivative(const mt_series *series, mt_series *derivative);

#endif
