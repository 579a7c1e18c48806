#include "load/run_synthesis.h"

int mt_run_synthesize(mt_run *run, mt_synthesis *synthesis, mt_request *request, mt_error *error) {
    mt_request planned;
    int got = mt_run_next(run, &planned, error);
    if (got <= 0)
        return got;
    return mt_synthesis_at(synthesis, planned.time_ns, request, error) == MT_OK ? 1 : -1;
}

mt_code mt_run_synthesize_write(mt_run *run, mt_synthesis *synthesis, mt_output *output,
                                const mt_trace_format *format, uint64_t most, uint64_t *written,
                                mt_error *error) {
    mt_request request;
    for (*written = 0; *written < most; ++*written) {
        int got = mt_run_synthesize(run, synthesis, &request, error);
        if (got <= 0)
            return got == 0 ? MT_OK : mt_code_of(error);
        mt_code code = mt_trace_write(output, &request, format, error);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}
