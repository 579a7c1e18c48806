/* How far two sets of numbers are apart, whatever their sizes. */
#ifndef MT_STATS_DISTANCE_H
#define MT_STATS_DISTANCE_H

#include <stddef.h>

/* The two-sample Kolmogorov-Smirnov distance (Smirnov, "Table for estimating the goodness of fit of
 * empirical distributions", 1948): the largest difference between the two shares of values at most
 * x, over all x; 0 for equal distributions, 1 where all of one lie below all of the other. Equal
 * values are taken in together, so it is exact where values repeat. a[0..a_count) and b[0..b_count)
 * are in ascending order, no NaN among them; NaN when one of them is empty. */
double mt_ks_distance(const double *a, size_t a_count, const double *b, size_t b_count);

#endif
