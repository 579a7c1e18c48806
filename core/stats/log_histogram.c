#include "stats/log_histogram.h"

#include <math.h>

static unsigned bin_of(double value) {
    int exponent;
    double mantissa = frexp(value, &exponent); /* 0.5 <= mantissa < 1 */
    exponent--;
    if (!(value > 0) || exponent < MT_LOG_HISTOGRAM_LOWEST)
        return 0;
    if (exponent >= MT_LOG_HISTOGRAM_HIGHEST)
        return MT_LOG_HISTOGRAM_BINS - 1;
    unsigned cut = (unsigned)((2 * mantissa - 1) * MT_LOG_HISTOGRAM_CUTS);
    return 1 + (unsigned)(exponent - MT_LOG_HISTOGRAM_LOWEST) * MT_LOG_HISTOGRAM_CUTS + cut;
}

/* The lower edge of a bin above 0. */
static double edge_of(unsigned bin) {
    unsigned power = (bin - 1) / MT_LOG_HISTOGRAM_CUTS, cut = (bin - 1) % MT_LOG_HISTOGRAM_CUTS;
    return ldexp(1 + (double)cut / MT_LOG_HISTOGRAM_CUTS, MT_LOG_HISTOGRAM_LOWEST + (int)power);
}

void mt_log_histogram_add(mt_log_histogram *histogram, double value) {
    if (histogram->count == 0 || value < histogram->min)
        histogram->min = value;
    if (histogram->count == 0 || value > histogram->max)
        histogram->max = value;
    histogram->count++;
    histogram->sum += value;
    double distance = value - histogram->mean;
    histogram->mean += distance / (double)histogram->count;
    histogram->squares += distance * (value - histogram->mean);
    histogram->bins[bin_of(value)]++;
}

void mt_log_histogram_merge(mt_log_histogram *histogram, const mt_log_histogram *other) {
    if (other->count == 0)
        return;
    double before = (double)histogram->count, more = (double)other->count;
    double distance = other->mean - histogram->mean;
    histogram->min = before > 0 ? fmin(histogram->min, other->min) : other->min;
    histogram->max = before > 0 ? fmax(histogram->max, other->max) : other->max;
    histogram->squares += other->squares + distance * distance * before * more / (before + more);
    histogram->mean += distance * more / (before + more);
    histogram->sum += other->sum;
    histogram->count += other->count;
    /* Nothing lies in the bins outside, which are most of them. */
    for (unsigned i = bin_of(other->min), last = bin_of(other->max); i <= last; i++)
        histogram->bins[i] += other->bins[i];
}

/* Where a walk up the bins stands: at a bin, and how many values are in those below it. */
typedef struct bin_place {
    unsigned bin;
    uint64_t below;
} bin_place;

/* About the value that has `rank` values below it, walking on from *at. Values of a bin are taken to
 * lie evenly in it. */
static double value_at(const mt_log_histogram *histogram, uint64_t rank, bin_place *at) {
    while (at->bin + 1 < MT_LOG_HISTOGRAM_BINS && at->below + histogram->bins[at->bin] <= rank)
        at->below += histogram->bins[at->bin++];
    if (rank == 0 || at->bin == 0)
        return histogram->min;
    if (rank + 1 >= histogram->count)
        return histogram->max;
    double low = edge_of(at->bin), high = edge_of(at->bin + 1);
    double inside = ((double)(rank - at->below) + 0.5) / (double)histogram->bins[at->bin];
    return fmin(fmax(low + (high - low) * inside, histogram->min), histogram->max);
}

double mt_log_histogram_percentile(const mt_log_histogram *histogram, double percentile) {
    if (histogram->count == 0)
        return NAN;
    double rank = percentile / 100 * (double)(histogram->count - 1), whole = floor(rank);
    bin_place at = {bin_of(histogram->min), 0};
    double low = value_at(histogram, (uint64_t)whole, &at);
    if (rank == whole)
        return low;
    /* Between two values, as summaries have it: they may lie far apart. */
    return low + (value_at(histogram, (uint64_t)whole + 1, &at) - low) * (rank - whole);
}

double mt_log_histogram_deviation(const mt_log_histogram *histogram) {
    return histogram->count == 0 ? NAN : sqrt(histogram->squares / (double)histogram->count);
}
