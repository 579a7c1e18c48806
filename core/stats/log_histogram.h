/* A histogram of fixed size for numbers over many orders of magnitude: each power of two is cut into
 * equally wide bins, so that a value, and a percentile, is within 1/128 of the true one, relatively. Mean, deviation,
 * smallest and largest are exact (to rounding). */
#ifndef MT_STATS_LOG_HISTOGRAM_H
#define MT_STATS_LOG_HISTOGRAM_H

#include <stdint.h>

enum {
    MT_LOG_HISTOGRAM_LOWEST = -24, /* the smallest power of two told apart from 0 */
    MT_LOG_HISTOGRAM_HIGHEST = 40,
    MT_LOG_HISTOGRAM_CUTS = 128,
    MT_LOG_HISTOGRAM_BINS =
        (MT_LOG_HISTOGRAM_HIGHEST - MT_LOG_HISTOGRAM_LOWEST) * MT_LOG_HISTOGRAM_CUTS + 1
};

/* Zero it: empty. 64 KiB. */
typedef struct mt_log_histogram {
    uint64_t count;
    double sum, mean, squares; /* mean and sum of squared distances from it (Welford 1962) */
    double min, max;           /* once count is not 0 */
    uint64_t bins[MT_LOG_HISTOGRAM_BINS]; /* bins[0]: below 2^LOWEST, negative ones too */
} mt_log_histogram;

/* Counts a finite value. */
void mt_log_histogram_add(mt_log_histogram *histogram, double value);

/* Adds all that `other` has counted. */
void mt_log_histogram_merge(mt_log_histogram *histogram, const mt_log_histogram *other);

/* The percentile (0..100), as in stats/summary.h, between the two nearest ranks, but for the width of a
 * bin; NaN when it is empty. */
double mt_log_histogram_percentile(const mt_log_histogram *histogram, double percentile);

/* Population deviation; NaN when it is empty. */
double mt_log_histogram_deviation(const mt_log_histogram *histogram);

#endif
