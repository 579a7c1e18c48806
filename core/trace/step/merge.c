/* Several traces as one, by time: a heap of the inputs by the time of their next request. */
#include "base/memory.h"
#include "trace/step/by_time.h"
#include "trace/step/inputs.h"

typedef struct merge_source {
    mt_several all;
    mt_request *requests; /* the next one of each input */
    mt_by_time order;
    int has_begun;
} merge_source;

/* Reads the next request of an input. */
static int read_next(merge_source *self, mt_due *due, mt_error *error) {
    mt_source *input = self->all.inputs[due->number];
    mt_request *request = &self->requests[due->number];
    int status = mt_source_next(input, request, error);
    if (status <= 0 || !(request->has & MT_HAS_TIME))
        return status;
    if (request->time_ns < due->time_ns)
        return mt_source_fail_order(input, request, due->time_ns,
                                    "merging needs traces in the order of their times (--sort)",
                                    error);
    due->time_ns = request->time_ns;
    return 1;
}

static int begin(merge_source *self, mt_error *error) {
    for (size_t i = 0; i < self->all.count; i++) {
        mt_due due = {INT64_MIN, i};
        int status = read_next(self, &due, error);
        if (status > 0 && mt_by_time_push(&self->order, due) != 0)
            status = -1, mt_fail_memory(error, "inputs to merge");
        if (status < 0)
            return -1;
    }
    self->has_begun = 1;
    return 0;
}

/* Reads on where the last request came from: until now it was the caller's. */
static int read_on(merge_source *self, mt_error *error) {
    if (self->order.count == 0)
        return 0;
    int status = read_next(self, &self->order.items[0], error);
    if (status < 0)
        return -1;
    mt_by_time_advance(&self->order, status);
    return 0;
}

static int keep_apart(merge_source *self, mt_request *request, mt_error *error) {
    mt_several *all = &self->all;
    mt_code code = mt_several_name(all, request, error);
    if (code == MT_OK && all->kept == MT_INPUTS_APART)
        code = mt_apart_ids(&all->apart, request, 0, all->count, all->current, error);
    return code == MT_OK ? 1 : mt_source_place(&all->base, request, error);
}

static int merge_next(mt_source *source, mt_request *request, mt_error *error) {
    merge_source *self = (merge_source *)source;
    if ((self->has_begun ? read_on(self, error) : begin(self, error)) != 0)
        return -1;
    if (self->order.count == 0)
        return 0;
    self->all.current = self->order.items[0].number;
    *request = self->requests[self->all.current];
    return self->all.kept == MT_INPUTS_PARTS || self->all.count == 1
               ? 1
               : keep_apart(self, request, error);
}

static void merge_release(mt_source *source) {
    merge_source *self = (merge_source *)source;
    mt_free(self->requests);
    mt_free(self->order.items);
    mt_several_release(source);
}

static const mt_source_kind merge_kind = {.next = merge_next,
                                          .release = merge_release,
                                          .name = mt_several_source,
                                          .skipped = mt_several_skipped};

mt_source *mt_source_merge(mt_source *const *inputs, size_t count, mt_inputs kept,
                           mt_error *error) {
    merge_source *self =
        (merge_source *)mt_several_new(&merge_kind, sizeof *self, inputs, count, kept, error);
    if (!self)
        return NULL;
    self->requests = mt_allocate_zero(count, sizeof *self->requests);
    if (self->requests)
        return &self->all.base;
    mt_fail_memory(error, "inputs to merge");
    mt_source_free(&self->all.base);
    return NULL;
}
