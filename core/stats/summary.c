#include "stats/summary.h"

#include "base/sort.h"

#include <math.h>

void mt_exact_add(mt_exact_sum *total, double value) {
    double sum = total->sum + value;
    if (fabs(total->sum) >= fabs(value))
        total->lost += (total->sum - sum) + value;
    else
        total->lost += (value - sum) + total->sum;
    total->sum = sum;
}

double mt_percentile(const double *sorted, size_t count, double percentile) {
    if (count == 0)
        return NAN;
    double position = percentile / 100 * (double)(count - 1);
    if (!(position > 0))
        return sorted[0];
    if (position >= (double)(count - 1))
        return sorted[count - 1];
    size_t rank = (size_t)position;
    double fraction = position - (double)rank;
    return sorted[rank] + fraction * (sorted[rank + 1] - sorted[rank]);
}

void mt_summarise(double *values, size_t count, mt_summary *summary) {
    mt_sort(values, count);
    mt_exact_sum sum = {0, 0};
    for (size_t i = 0; i < count; i++)
        mt_exact_add(&sum, values[i]);
    double mean = (sum.sum + sum.lost) / (double)count; /* NaN when there are none */
    mt_exact_sum squares = {0, 0};
    for (size_t i = 0; i < count; i++)
        mt_exact_add(&squares, (values[i] - mean) * (values[i] - mean));
    double square = squares.sum + squares.lost;
    summary->count = count;
    summary->sum = count ? sum.sum + sum.lost : NAN;
    summary->mean = count ? mean : NAN;
    summary->population_deviation = count ? sqrt(square / (double)count) : NAN;
    summary->sample_deviation = count > 1 ? sqrt(square / (double)(count - 1)) : NAN;
    summary->min = count ? values[0] : NAN;
    summary->max = count ? values[count - 1] : NAN;
    summary->p25 = mt_percentile(values, count, 25);
    summary->median = mt_percentile(values, count, 50);
    summary->p75 = mt_percentile(values, count, 75);
    summary->p90 = mt_percentile(values, count, 90);
    summary->p95 = mt_percentile(values, count, 95);
    summary->p99 = mt_percentile(values, count, 99);
}
