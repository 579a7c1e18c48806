/* Series of numbers made small enough to draw: of a million points what an eye can tell apart.
 *
 * Points are x[i], y[i]. A NaN is no value and is passed over. Bins are `count` equally long
 * stretches of [from, to]; what lies outside is in none, what lies at `to` is in the last. Nothing
 * here changes its input unless it says so. */
#ifndef MT_STATS_SERIES_H
#define MT_STATS_SERIES_H

#include "base/error.h"

enum { MT_THIN_KEPT = 4 }; /* points of a bucket that are kept at most */

/* Which points to draw so that no extreme is lost: of each of `buckets` equally long stretches of x
 * the first, the smallest, the largest and the last. x does not go down. kept has room for
 * MT_THIN_KEPT * buckets indices, which go up; returns how many there are. Where all points fit, all
 * that are numbers are kept. */
size_t mt_series_thin(const double *x, const double *y, size_t count, size_t buckets, size_t *kept);

/* Percentiles (0..100, as in stats/summary.h) of the y of each bin of x: quantiles[bin * wanted + i]
 * is percentiles[i]; NaN in a bin without values. MT_ERROR_MEMORY. */
mt_code mt_series_quantiles(const double *x, const double *y, size_t count, double from, double to,
                            size_t bins, const double *percentiles, size_t wanted,
                            double *quantiles, mt_error *error);

/* Adds the weights (NULL: 1 each) of the x of each bin to sums. */
void mt_series_sums(const double *x, const double *weights, size_t count, double from, double to,
                    double *sums, size_t bins);

/* Points of the distribution function of *sorted* values: at equal steps of the share and, at either
 * end, at steps that halve until one value is left, so that the tails show. points is at least 4, x
 * and share have room for that many + MT_CDF_TAILS; returns how many there are, 0 without values. */
enum { MT_CDF_TAILS = 128 };
size_t mt_series_cdf(const double *sorted, size_t count, size_t points, double *x, double *share);

/* How many of `count` stretches begins[i] to ends[i] are going on: at each of up to 2 * count moments
 * of x the level from there on. Sorts both, each for itself. A stretch with a NaN must not be among
 * them. Moments of equal time are one; returns how many there are. */
size_t mt_series_levels(double *begins, double *ends, size_t count, double *x, double *levels);

#endif
