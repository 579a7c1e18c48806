#include "trace/end/ends.h"

mt_code mt_source_write(mt_source *source, mt_output *output, const mt_trace_format *format,
                        uint64_t most, mt_written *written, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    *written = (mt_written){.last_ns = INT64_MIN};
    for (; written->count < most; written->count++) {
        int status = mt_source_next(source, &request, report);
        if (status <= 0)
            return status < 0 ? report->code : MT_OK;
        int64_t time = request.has & MT_HAS_TIME ? request.time_ns : INT64_MIN;
        mt_code code = mt_trace_write(output, &request, format, report);
        if (code != MT_OK)
            return code;
        written->last_ns = time;
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
