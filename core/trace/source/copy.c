#include "trace/source/copy.h"

mt_code mt_trace_copy(mt_source *source, mt_output *output, const mt_trace_format *format,
                      uint64_t most, uint64_t *written, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    *written = 0;
    while (*written < most) {
        int status = mt_source_next(source, &request, report);
        if (status <= 0)
            return status < 0 ? report->code : MT_OK;
        mt_code code = mt_trace_write(output, &request, format, report);
        if (code != MT_OK)
            return code;
        ++*written;
    }
    return MT_OK;
}
