/* Quantiles of numbers that count several times: seconds weighted by blocks, say. */
#ifndef MT_STATS_QUANTILES_H
#define MT_STATS_QUANTILES_H

#include <stddef.h>
#include <stdint.h>

/* A number, and how often it counts. */
typedef struct mt_weighted {
    double value;
    uint64_t weight;
} mt_weighted;

/* As if each number stood in a list as often as it counts, with percentiles by linear interpolation
 * as in stats/summary.h. */
typedef struct mt_quantiles {
    uint64_t count; /* the list's length: the sum of the weights, below 2^53; 0: the rest is NaN */
    double mean, min, p10, p25, median, p75, p90, p95, p99, max;
} mt_quantiles;

/* Sorts values[0..count) in place and fills *quantiles. No NaN among the values. */
void mt_quantiles_of(mt_weighted *values, size_t count, mt_quantiles *quantiles);

#endif
