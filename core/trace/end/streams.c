#include "trace/end/ends.h"

#include "base/memory.h"

#include <string.h>

/* The number of the request's stream, with room for its bins. */
static mt_code number_of(mt_stream_bins *self, const mt_request *request, size_t *number,
                         mt_error *error) {
    int is_named = (request->has & MT_HAS_STREAM) != 0;
    mt_span name = is_named ? request->stream : (mt_span){"", 0};
    uint32_t found;
    size_t before = self->names.count;
    if (mt_texts_intern(&self->names, name.text, name.length, &found) != 0)
        return mt_fail_memory(error, "streams");
    if (found >= before && before >= self->most) {
        mt_texts_truncate(&self->names, before);
        if (mt_texts_intern(&self->names, "", 0, &found) != 0)
            return mt_fail_memory(error, "streams");
    }
    *number = found;
    if (found < before)
        return MT_OK;
    size_t count = self->names.count;
    if (MT_GROW(self->bins, self->bin_capacity, count * self->count) != 0 ||
        MT_GROW(self->whole, self->whole_capacity, count) != 0) {
        mt_texts_truncate(&self->names, before);
        return mt_fail_memory(error, "streams");
    }
    memset(self->bins + found * self->count, 0, self->count * sizeof *self->bins);
    memset(self->whole + found, 0, sizeof *self->whole);
    return MT_OK;
}

mt_code mt_source_stream_bins(mt_source *source, mt_stream_bins *self, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    int status;
    while ((status = mt_source_next(source, &request, report)) > 0) {
        size_t number = 0;
        if (number_of(self, &request, &number, report) != MT_OK)
            return report->code;
        mt_time_bin_add(&self->whole[number], &request);
        size_t bin = mt_time_bin_of(&request, self->from_ns, self->to_ns, self->count);
        if (bin < self->count)
            mt_time_bin_add(&self->bins[number * self->count + bin], &request);
    }
    return status < 0 ? report->code : MT_OK;
}

void mt_stream_bins_free(mt_stream_bins *self) {
    mt_texts_free(&self->names);
    mt_free(self->bins);
    mt_free(self->whole);
}
