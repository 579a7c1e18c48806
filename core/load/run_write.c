/* Where a run's requests go: an output, or a digest. */
#include "load/run.h"

#include "base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

mt_code mt_run_write(mt_run *run, mt_output *output, const mt_trace_format *format,
                     uint64_t *written, mt_error *error) {
    mt_request request;
    int got;
    *written = 0;
    while ((got = mt_run_next(run, &request, error)) > 0) {
        mt_code code = mt_trace_write(output, &request, format, error);
        if (code != MT_OK)
            return code;
        ++*written;
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
