/* Several traces as one, one after the other. */
#include "trace/step/inputs.h"
#include "trace/step/times.h"

typedef struct join_source {
    mt_several all;
    int64_t gap_ns;       /* -1: a mean gap */
    int64_t shift_ns;     /* of the current input's times */
    int is_placed;        /* shift_ns is known: the current input has had a time */
    mt_span_of_time span; /* of the current input, after the shift */
    int64_t end_ns;       /* where the inputs before it ended, their gap added */
    uint64_t offset;      /* of the current input's ids */
    uint64_t next_id;     /* larger than all before the current input, and of it so far */
} join_source;

/* The current input is at its end: what the next one starts from. */
static int go_on(join_source *self, mt_error *error) {
    if (self->span.count > 0) {
        int64_t gap = self->gap_ns >= 0 ? self->gap_ns : mt_mean_gap(&self->span);
        if (__builtin_add_overflow(self->span.last_ns, gap, &self->end_ns))
            return mt_failed(
                mt_fail(error, MT_ERROR_VALUE, "joined, the time is more than 292 years"));
    }
    self->offset = self->next_id;
    self->span = (mt_span_of_time){0};
    self->is_placed = 0;
    mt_several_go_on(&self->all);
    return 0;
}

static int place(join_source *self, mt_request *request, mt_error *error) {
    if (request->has & MT_HAS_TIME) {
        if (!self->is_placed)
            self->shift_ns = self->all.current > 0 ? self->end_ns - request->time_ns : 0;
        self->is_placed = 1;
        if (__builtin_add_overflow(request->time_ns, self->shift_ns, &request->time_ns) ||
            request->time_ns < 0)
            return mt_source_fail(&self->all.base, request, error, MT_ERROR_VALUE,
                                  "its time does not fit behind the trace before: joining needs "
                                  "traces in the order of their times (--sort)");
        mt_span_of_time_add(&self->span, request);
    }
    return 1;
}

static int number(join_source *self, mt_request *request, mt_error *error) {
    mt_code code = mt_several_name(&self->all, request, error);
    if (code == MT_OK && self->all.current > 0 && self->all.kept == MT_INPUTS_APART)
        code = mt_apart_ids(&self->all.apart, request, 0, 1, self->offset, error);
    for (size_t i = 0; code == MT_OK && i < request->hash_count; i++) {
        uint64_t id = request->hash_ids[i];
        if (id >= self->next_id)
            self->next_id = id == UINT64_MAX ? id : id + 1;
    }
    return code == MT_OK ? 1 : mt_source_place(&self->all.base, request, error);
}

static int join_next(mt_source *source, mt_request *request, mt_error *error) {
    join_source *self = (join_source *)source;
    int status;
    while ((status = mt_source_next(self->all.inputs[self->all.current], request, error)) == 0) {
        if (self->all.current + 1 == self->all.count)
            return 0;
        if (go_on(self, error) != 0)
            return -1;
    }
    if (status < 0 || self->all.kept == MT_INPUTS_PARTS || self->all.count == 1)
        return status;
    if (number(self, request, error) < 0)
        return -1;
    return place(self, request, error);
}

static const mt_source_kind join_kind = {.next = join_next,
                                         .release = mt_several_release,
                                         .name = mt_several_source,
                                         .skipped = mt_several_skipped};

mt_source *mt_source_join(mt_source *const *inputs, size_t count, int64_t gap_ns, mt_inputs kept,
                          mt_error *error) {
    join_source *self =
        (join_source *)mt_several_new(&join_kind, sizeof *self, inputs, count, kept, error);
    if (!self)
        return NULL;
    self->gap_ns = gap_ns;
    return &self->all.base;
}
