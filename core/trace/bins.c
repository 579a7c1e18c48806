#include "trace/bins.h"

#include "base/interrupt.h"

#include <string.h>

enum { REQUESTS_BETWEEN_LOOKS = 1 << 16 };

int mt_columns_time_range(const mt_columns *columns, int64_t *first_ns, int64_t *last_ns) {
    const int64_t *times = columns->time_ns.data;
    int is_found = 0;
    for (size_t i = 0; times && i < columns->count; i++) {
        if (!(mt_columns_has(columns, i) & MT_HAS_TIME))
            continue;
        if (!is_found || times[i] < *first_ns)
            *first_ns = times[i];
        if (!is_found || times[i] > *last_ns)
            *last_ns = times[i];
        is_found = 1;
    }
    return is_found ? 0 : -1;
}

static void add(mt_time_bin *bin, const mt_request *request) {
    bin->requests++;
    if (request->has & MT_HAS_INPUT_LENGTH) {
        bin->inputs++;
        bin->input += (double)request->input_length;
    }
    if (request->has & MT_HAS_OUTPUT_LENGTH) {
        bin->outputs++;
        bin->output += (double)request->output_length;
    }
}

mt_code mt_columns_time_bins(const mt_columns *columns, int64_t from_ns, int64_t to_ns,
                             mt_time_bin *bins, size_t count, mt_error *error) {
    /* Differences as doubles: times may lie 2^64 ns apart. */
    double span = (double)to_ns - (double)from_ns;
    memset(bins, 0, count * sizeof *bins);
    for (size_t i = 0; i < columns->count; i++) {
        mt_request request;
        if (i % REQUESTS_BETWEEN_LOOKS == 0 && mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        if (!(mt_columns_has(columns, i) & MT_HAS_TIME))
            continue;
        mt_columns_get(columns, i, &request);
        if (request.time_ns < from_ns || request.time_ns > to_ns)
            continue;
        double place = ((double)request.time_ns - (double)from_ns) / span * (double)count;
        size_t bin = place < (double)count ? (size_t)place : count - 1;
        add(&bins[bin], &request);
    }
    return MT_OK;
}
