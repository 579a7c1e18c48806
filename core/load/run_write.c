/* Where a run's requests go: an output, a picture, a digest. */
#include "load/run.h"

#include "base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

mt_code mt_run_write(mt_run *run, mt_output *output, const mt_trace_format *format, uint64_t most,
                     uint64_t *written, mt_error *error) {
    mt_request request;
    for (*written = 0; *written < most; ++*written) {
        int got = mt_run_next(run, &request, error);
        if (got <= 0)
            return got == 0 ? MT_OK : mt_code_of(error);
        mt_code code = mt_trace_write(output, &request, format, error);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

mt_code mt_run_count(mt_run *run, double duration, mt_run_bin *bins, size_t count,
                     mt_error *error) {
    mt_request request;
    int got;
    memset(bins, 0, count * sizeof *bins);
    while ((got = mt_run_next(run, &request, error)) > 0) {
        double place = (double)request.time_ns * 1e-9 / duration * (double)count;
        if (!(place < (double)count))
            continue;
        mt_run_bin *bin = &bins[(size_t)place];
        bin->requests++;
        bin->input += (double)request.input_length;
        if (request.has & MT_HAS_OUTPUT_LENGTH) {
            bin->outputs++;
            bin->output += (double)request.output_length;
        }
    }
    return got == 0 ? MT_OK : mt_code_of(error);
}

mt_code mt_run_digest(mt_run *run, const mt_trace_format *format, uint64_t most, uint64_t *digest,
                      mt_error *error) {
    char *line = NULL;
    size_t capacity = 0;
    mt_request request;
    mt_code code = MT_OK;
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_64bits_reset(state) != XXH_OK)
        code = mt_fail_memory(error, "digest");
    for (uint64_t i = 0; code == MT_OK && i < most; i++) {
        int got = mt_run_next(run, &request, error);
        if (got == 0)
            break;
        if (got < 0)
            code = mt_code_of(error);
        else if (mt_reserve((void **)&line, &capacity, mt_request_bound(&request), 1) != 0)
            code = mt_fail_memory(error, "digest");
        else
            XXH3_64bits_update(state, line,
                               (size_t)(mt_request_write(&request, format, line) - line));
    }
    if (code == MT_OK)
        *digest = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    mt_free(line);
    return code;
}
