#include "trace/end/ends.h"

#include <string.h>

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

mt_code mt_source_bins(mt_source *source, int64_t from_ns, int64_t to_ns, mt_time_bin *bins,
                       size_t count, mt_error *error) {
    /* Differences as doubles: times may lie 2^64 ns apart. */
    double span = (double)to_ns - (double)from_ns;
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    int status;
    memset(bins, 0, count * sizeof *bins);
    while ((status = mt_source_next(source, &request, report)) > 0) {
        if (!(request.has & MT_HAS_TIME) || request.time_ns < from_ns || request.time_ns > to_ns)
            continue;
        double place = ((double)request.time_ns - (double)from_ns) / span * (double)count;
        size_t bin = place < (double)count ? (size_t)place : count - 1;
        add(&bins[bin], &request);
    }
    return status < 0 ? report->code : MT_OK;
}
