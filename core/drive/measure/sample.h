/* The values of one metric over a run, and what is said of them. Up to MT_SAMPLE_EXACT values are
 * kept, as floats, so that percentiles are exact; beyond, a histogram goes on
 * (stats/log_histogram.h). */
#ifndef MT_DRIVE_MEASURE_SAMPLE_H
#define MT_DRIVE_MEASURE_SAMPLE_H

#include "base/error.h"
#include "stats/log_histogram.h"

#include <stddef.h>

enum { MT_SAMPLE_EXACT = 10000000 };

/* Zero it; mt_sample_free frees what it holds. */
typedef struct mt_sample {
    float *values;
    size_t count, capacity;      /* of values; 0 once the histogram has taken them over */
    mt_log_histogram *histogram; /* NULL while values are exact */
    double sum;
} mt_sample;

/* A summary, with the statistics that the field's tools print. */
enum { MT_PERCENTILES = 9 };
extern const int mt_percentiles[MT_PERCENTILES]; /* 1, 5, 10, 25, 50, 75, 90, 95, 99 */
typedef struct mt_sample_summary {
    uint64_t count;                     /* 0: the rest is NaN */
    double avg, min, max, std, sum;     /* population deviation */
    double percentiles[MT_PERCENTILES]; /* linear between ranks */
} mt_sample_summary;

/* Adds a finite value. MT_ERROR_MEMORY leaves the sample as it was. */
mt_code mt_sample_add(mt_sample *sample, double value, mt_error *error);

/* Adds all values of `other`. */
mt_code mt_sample_merge(mt_sample *sample, const mt_sample *other, mt_error *error);

/* Sorts the values in place. */
void mt_sample_summarise(mt_sample *sample, mt_sample_summary *summary);

/* The value below which so many of a hundred are (0 to 100), as in the summary; NaN without values. Sorts the
 * values in place. */
double mt_sample_percentile(mt_sample *sample, double percentile);

void mt_sample_free(mt_sample *sample);

#endif
