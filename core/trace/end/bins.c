#include "trace/end/ends.h"

#include <string.h>

size_t mt_time_bin_of(const mt_request *request, int64_t from_ns, int64_t to_ns, size_t count) {
    if (!(request->has & MT_HAS_TIME) || request->time_ns < from_ns || request->time_ns > to_ns)
        return count;
    /* Differences as doubles: times may lie 2^64 ns apart. */
    double span = (double)to_ns - (double)from_ns;
    double place = ((double)request->time_ns - (double)from_ns) / span * (double)count;
    return place < (double)count ? (size_t)place : count - 1;
}

mt_code mt_source_bins(mt_source *source, int64_t from_ns, int64_t to_ns, mt_time_bin *bins,
                       size_t count, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    int status;
    memset(bins, 0, count * sizeof *bins);
    while ((status = mt_source_next(source, &request, report)) > 0) {
        size_t bin = mt_time_bin_of(&request, from_ns, to_ns, count);
        if (bin < count)
            mt_time_bin_add(&bins[bin], &request);
    }
    return status < 0 ? report->code : MT_OK;
}
