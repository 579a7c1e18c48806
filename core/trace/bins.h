/* Requests over time: how many came in each of equally long bins, and how long they were. */
#ifndef MT_TRACE_BINS_H
#define MT_TRACE_BINS_H

#include "trace/columns.h"

typedef struct mt_time_bin {
    uint64_t requests;
    uint64_t inputs, outputs; /* requests that have an input_length, an output_length */
    double input, output;     /* sums of those, tokens */
} mt_time_bin;

/* The earliest and the latest time, nanoseconds. 0, or -1 when no request has one. */
int mt_columns_time_range(const mt_columns *columns, int64_t *first_ns, int64_t *last_ns);

/* Counts the requests with from_ns <= time <= to_ns into `count` bins; one at to_ns is in the last
 * one. from_ns < to_ns, count >= 1; bins need not be cleared. MT_OK or MT_ERROR_INTERRUPTED. */
mt_code mt_columns_time_bins(const mt_columns *columns, int64_t from_ns, int64_t to_ns,
                             mt_time_bin *bins, size_t count, mt_error *error);

#endif
