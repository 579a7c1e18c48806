/* Several traces as one, by time: a heap of the inputs by the time of their next request. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "trace/step/apart.h"
#include "trace/step/by_time.h"
#include "trace/source/kind.h"
#include "trace/step/times.h"

typedef struct merge_input {
    mt_source *source;
    mt_request request; /* the next one */
} merge_input;

typedef struct merge_source {
    mt_source base;
    merge_input *inputs;
    size_t count;
    mt_by_time order; /* times: a request's own, or that of the one before it */
    size_t current;   /* the input whose request was given last */
    int has_begun;
    mt_inputs kept;
    mt_apart apart;
} merge_source;

/* Reads the next request of input i. */
static int read_next(merge_source *self, size_t i, mt_error *error) {
    merge_input *input = &self->inputs[i];
    int64_t *time = &self->order.times_ns[i];
    int status = mt_source_next(input->source, &input->request, error);
    if (status <= 0 || !(input->request.has & MT_HAS_TIME))
        return status;
    if (input->request.time_ns < *time)
        return mt_fail_order(input->source, &input->request, *time,
                             "merging needs traces in the order of their times (--sort)", error);
    *time = input->request.time_ns;
    return 1;
}

static int begin(merge_source *self, mt_error *error) {
    for (size_t i = 0; i < self->count; i++) {
        int status = read_next(self, i, error);
        if (status < 0)
            return -1;
        if (status > 0)
            mt_by_time_add(&self->order, i);
    }
    mt_by_time_order(&self->order);
    self->has_begun = 1;
    return 0;
}

/* Reads on where the last request came from: until now it was the caller's. */
static int read_on(merge_source *self, mt_error *error) {
    if (self->order.waiting == 0)
        return 0;
    int status = read_next(self, self->current, error);
    if (status < 0)
        return -1;
    mt_by_time_advance(&self->order, status);
    return 0;
}

static int keep_apart(merge_source *self, mt_request *request, mt_error *error) {
    size_t k = self->current;
    mt_code code = MT_OK;
    if (self->kept == MT_INPUTS_APART)
        code = mt_apart_ids(&self->apart, request, 0, self->count, k, error);
    if (code == MT_OK && k > 0)
        code = mt_apart_session(&self->apart, request, k + 1, error);
    return code == MT_OK ? 1 : mt_source_place(&self->base, request, error);
}

static int merge_next(mt_source *source, mt_request *request, mt_error *error) {
    merge_source *self = (merge_source *)source;
    if ((self->has_begun ? read_on(self, error) : begin(self, error)) != 0)
        return -1;
    if (self->order.waiting == 0)
        return 0;
    self->current = self->order.heap[0];
    *request = self->inputs[self->current].request;
    return self->kept == MT_INPUTS_PARTS || self->count == 1 ? 1 : keep_apart(self, request, error);
}

static const char *merge_name(const mt_source *source) {
    const merge_source *self = (const merge_source *)source;
    return mt_source_name(self->inputs[self->current].source);
}

static uint64_t merge_skipped(const mt_source *source, mt_error *first) {
    const merge_source *self = (const merge_source *)source;
    uint64_t skipped = 0;
    if (first)
        *first = (mt_error){0};
    for (size_t i = 0; i < self->count; i++)
        skipped += mt_source_skipped(self->inputs[i].source, skipped == 0 ? first : NULL);
    return skipped;
}

static void merge_release(mt_source *source) {
    merge_source *self = (merge_source *)source;
    for (size_t i = 0; i < self->count; i++)
        mt_source_free(self->inputs[i].source);
    mt_free(self->inputs);
    mt_by_time_free(&self->order);
    mt_apart_free(&self->apart);
}

static const mt_source_kind merge_kind = {merge_next, merge_release, merge_name, merge_skipped};

mt_source *mt_source_merge(mt_source *const *inputs, size_t count, mt_inputs kept,
                           mt_error *error) {
    mt_source **taken = mt_source_take_all(inputs, count, error);
    if (!taken)
        return NULL;
    merge_source *self = (merge_source *)mt_source_new(&merge_kind, sizeof *self, error);
    merge_input *list = mt_allocate_zero(count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        if (self && list)
            list[i].source = taken[i];
        else
            mt_source_free(taken[i]);
    }
    mt_free(taken);
    if (!self || !list) {
        mt_free(list);
        mt_free(self);
        mt_fail_memory(error, "inputs to merge");
        return NULL;
    }
    self->inputs = list;
    self->count = count;
    self->kept = kept;
    if (mt_by_time_start(&self->order, count, error) == MT_OK)
        return &self->base;
    mt_source_free(&self->base);
    return NULL;
}
