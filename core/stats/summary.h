/* Summaries of a list of numbers: the one place where means, deviations and percentiles are made.
 */
#ifndef MT_STATS_SUMMARY_H
#define MT_STATS_SUMMARY_H

#include "base/error.h"

/* A compensated sum (Neumaier 1974), zero at first: what each addition loses is kept beside it, and
 * the value is sum + lost. */
typedef struct mt_exact_sum {
    double sum, lost;
} mt_exact_sum;

void mt_exact_add(mt_exact_sum *total, double value);

typedef struct mt_summary {
    uint64_t count;
    double sum; /* compensated (Neumaier) */
    double mean;
    double population_deviation; /* divided by n */
    double sample_deviation;     /* divided by n - 1; NaN for one value */
    double min, max;
    double p25, median, p75, p90, p95, p99;
} mt_summary;

/* Sorts values[0..count) in place and summarises it; count = 0 gives count 0 and NaN elsewhere.
 * Two passes for the deviation. No NaN among the values. */
void mt_summarise(double *values, size_t count, mt_summary *summary);

/* The percentile (0..100) of *sorted* values by linear interpolation between the two nearest ranks
 * (position percentile/100 * (count-1)); NaN when count is 0. */
double mt_percentile(const double *sorted, size_t count, double percentile);

#endif
