#include "trace/end/ends.h"

#include "base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

mt_code mt_source_digest(mt_source *source, const mt_trace_format *format, uint64_t most,
                         uint64_t *digest, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    char *line = NULL;
    size_t capacity = 0;
    mt_request request;
    mt_code code = MT_OK;
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_64bits_reset(state) != XXH_OK)
        code = mt_fail_memory(report, "digest");
    for (uint64_t i = 0; code == MT_OK && i < most; i++) {
        int status = mt_source_next(source, &request, report);
        if (status == 0)
            break;
        if (status < 0)
            code = report->code;
        else if (MT_GROW(line, capacity, mt_request_bound(&request, format)) != 0)
            code = mt_fail_memory(report, "digest");
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
