#include "load/run_synthesis.h"

#include "trace/copy.h"

int mt_run_synthesize(mt_run *run, mt_synthesis *synthesis, double speedup, mt_request *request,
                      mt_error *error) {
    mt_request planned;
    int64_t time_ns;
    int got = mt_run_next(run, &planned, error);
    if (got <= 0)
        return got;
    if (mt_scale_time(planned.time_ns, speedup, &time_ns) != 0) {
        mt_fail(error, MT_ERROR_VALUE, "the speedup ratio makes times of more than 292 years");
        return -1;
    }
    if (mt_synthesis_next(synthesis, request, error) != MT_OK)
        return -1;
    request->has |= MT_HAS_TIME;
    request->time_ns = time_ns;
    return 1;
}
