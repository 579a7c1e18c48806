/* How arrivals bunch: requests per window of time, and how much their number varies.
 *
 * Windows of one width lie end to end from time 0 of the trace; an arrival at the edge of two is in
 * the later one. Counted are the windows from the one in which the first request comes up to, and
 * without, the one in which the last request comes: that one is incomplete, and the time before the
 * first request is no more part of a trace than the time after its last (an excerpt from the middle
 * of a day, times since 1970). Windows without requests in between count.
 *
 * The variance over the mean of the counts (index of dispersion; Cox and Lewis, "The statistical
 * analysis of series of events", 1966) is 1 for a Poisson process at every width, 0 for a regular
 * one, and grows with the width where arrivals bunch or the rate changes. */
#ifndef MT_STATS_DISPERSION_H
#define MT_STATS_DISPERSION_H

#include "base/error.h"

typedef struct mt_dispersion {
    uint64_t windows;       /* whole windows that are counted */
    uint64_t requests;      /* in these windows */
    uint64_t peak;          /* most requests in one window, the incomplete last one too */
    uint64_t last_requests; /* in the last window, which is in none of the other figures */
    int64_t last_ns;        /* of that window, up to the last request */
    /* Requests per window; sums are kept in whole numbers, exact up to 2^32 requests. NaN where
     * there is no whole window. */
    double mean;
    double variance;                 /* sample variance: divided by windows - 1; NaN for one */
    double variance_over_mean;       /* NaN for one window */
    double coefficient_of_variation; /* sample deviation over mean; NaN for one window */
} mt_dispersion;

/* Counts times_ns[0..count), nanoseconds in ascending order, in windows of window_ns (at least 1)
 * nanoseconds. O(count), whatever lies between two requests. */
void mt_disperse(const int64_t *times_ns, size_t count, int64_t window_ns, mt_dispersion *result);

#endif
