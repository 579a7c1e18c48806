#include "drive/measure/sample.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

const int mt_percentiles[MT_PERCENTILES] = {1, 5, 10, 25, 50, 75, 90, 95, 99};

/* From here on the histogram counts. */
static mt_code begin_histogram(mt_sample *sample, mt_error *error) {
    sample->histogram = mt_allocate_zero(1, sizeof *sample->histogram);
    if (!sample->histogram)
        return mt_fail_memory(error, "histogram of a metric");
    for (size_t i = 0; i < sample->count; i++)
        mt_log_histogram_add(sample->histogram, (double)sample->values[i]);
    mt_free(sample->values);
    sample->values = NULL;
    sample->count = sample->capacity = 0;
    return MT_OK;
}

mt_code mt_sample_add(mt_sample *sample, double value, mt_error *error) {
    if (!sample->histogram && sample->count == MT_SAMPLE_EXACT) {
        mt_code code = begin_histogram(sample, error);
        if (code != MT_OK)
            return code;
    }
    if (sample->histogram) {
        mt_log_histogram_add(sample->histogram, value);
        sample->sum += value;
        return MT_OK;
    }
    if (mt_reserve((void **)&sample->values, &sample->capacity, sample->count + 1,
                   sizeof *sample->values) != 0)
        return mt_fail_memory(error, "values of a metric");
    sample->values[sample->count++] = (float)value;
    sample->sum += value;
    return MT_OK;
}

mt_code mt_sample_merge(mt_sample *sample, const mt_sample *other, mt_error *error) {
    mt_code code = MT_OK;
    if (other->histogram && !sample->histogram)
        code = begin_histogram(sample, error);
    if (code == MT_OK && other->histogram) {
        mt_log_histogram_merge(sample->histogram, other->histogram);
        sample->sum += other->sum;
    }
    for (size_t i = 0; code == MT_OK && i < other->count; i++)
        code = mt_sample_add(sample, (double)other->values[i], error);
    return code;
}

static int ascending(const void *a, const void *b) {
    float first = *(const float *)a, second = *(const float *)b;
    return (first > second) - (first < second);
}

static double percentile_of(const float *sorted, size_t count, double percentile) {
    double rank = percentile / 100 * (double)(count - 1);
    size_t below = (size_t)rank;
    double share = rank - (double)below, low = (double)sorted[below];
    return below + 1 < count ? low + share * ((double)sorted[below + 1] - low) : low;
}

static void summarise_values(mt_sample *sample, mt_sample_summary *summary) {
    size_t count = sample->count;
    double kept = 0, squares = 0; /* of the values as they are kept, or equal ones would deviate */
    qsort(sample->values, count, sizeof *sample->values, ascending);
    for (size_t i = 0; i < count; i++)
        kept += (double)sample->values[i];
    for (size_t i = 0; i < count; i++) {
        double distance = (double)sample->values[i] - kept / (double)count;
        squares += distance * distance;
    }
    summary->avg = sample->sum / (double)count;
    summary->std = sqrt(squares / (double)count);
    summary->min = (double)sample->values[0];
    summary->max = (double)sample->values[count - 1];
    for (int i = 0; i < MT_PERCENTILES; i++)
        summary->percentiles[i] = percentile_of(sample->values, count, mt_percentiles[i]);
}

void mt_sample_summarise(mt_sample *sample, mt_sample_summary *summary) {
    const mt_log_histogram *histogram = sample->histogram;
    *summary = (mt_sample_summary){.count = histogram ? histogram->count : sample->count,
                                   .avg = NAN,
                                   .min = NAN,
                                   .max = NAN,
                                   .std = NAN,
                                   .sum = sample->sum};
    for (int i = 0; i < MT_PERCENTILES; i++)
        summary->percentiles[i] = NAN;
    if (summary->count == 0)
        return;
    if (!histogram) {
        summarise_values(sample, summary);
        return;
    }
    summary->avg = histogram->mean;
    summary->std = mt_log_histogram_deviation(histogram);
    summary->min = histogram->min;
    summary->max = histogram->max;
    for (int i = 0; i < MT_PERCENTILES; i++)
        summary->percentiles[i] = mt_log_histogram_percentile(histogram, mt_percentiles[i]);
}

double mt_sample_percentile(mt_sample *sample, double percentile) {
    if (sample->histogram)
        return mt_log_histogram_percentile(sample->histogram, percentile);
    if (sample->count == 0)
        return NAN;
    qsort(sample->values, sample->count, sizeof *sample->values, ascending);
    return percentile_of(sample->values, sample->count, percentile);
}

void mt_sample_free(mt_sample *sample) {
    mt_free(sample->values);
    mt_free(sample->histogram);
    *sample = (mt_sample){0};
}
