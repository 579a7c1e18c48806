#include "trace/end/ends.h"

mt_code mt_source_write(mt_source *source, mt_output *output, const mt_trace_format *format,
                        uint64_t most, uint64_t *written, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    for (*written = 0; *written < most; ++*written) {
        int status = mt_source_next(source, &request, report);
        if (status <= 0)
            return status < 0 ? report->code : MT_OK;
        mt_code code = mt_trace_write(output, &request, format, report);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

mt_code mt_source_collect(mt_source *source, mt_columns *columns, uint64_t most, uint64_t *appended,
                          mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    for (*appended = 0; *appended < most; ++*appended) {
        int status = mt_source_next(source, &request, report);
        if (status <= 0)
            return status < 0 ? report->code : MT_OK;
        mt_code code = mt_columns_append(columns, &request, report);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}
