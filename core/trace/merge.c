/* Several traces as one, by time: a heap of the inputs by the time of their next request. */
#include "trace/steps.h"

#include "base/memory.h"
#include "trace/apart.h"
#include "trace/source_kind.h"
#include "trace/writer.h"

#include <string.h>

typedef struct merge_input {
    mt_source *source;
    mt_request request; /* the next one */
    int64_t time_ns;    /* its own, or that of the one before it */
} merge_input;

typedef struct merge_source {
    mt_source base;
    merge_input *inputs;
    size_t *heap; /* numbers of inputs that have a next request */
    size_t count, waiting;
    size_t current; /* the input whose request was given last */
    int has_begun, parts;
    mt_apart apart;
} merge_source;

static int comes_before(const merge_source *self, size_t a, size_t b) {
    int64_t time_a = self->inputs[a].time_ns, time_b = self->inputs[b].time_ns;
    return time_a < time_b || (time_a == time_b && a < b);
}

static void sift_down(merge_source *self, size_t at) {
    size_t moved = self->heap[at];
    for (size_t child; (child = 2 * at + 1) < self->waiting; at = child) {
        if (child + 1 < self->waiting &&
            comes_before(self, self->heap[child + 1], self->heap[child]))
            child++;
        if (!comes_before(self, self->heap[child], moved))
            break;
        self->heap[at] = self->heap[child];
    }
    self->heap[at] = moved;
}

static int fail_order(const merge_input *input, mt_error *error) {
    char now[32], then[32];
    *mt_write_milliseconds(input->request.time_ns, 6, now) = '\0';
    *mt_write_milliseconds(input->time_ns, 6, then) = '\0';
    return mt_source_fail(input->source, &input->request, error, MT_ERROR_INPUT,
                          "timestamp %s is smaller than the %s before it: merging needs traces in "
                          "the order of their times (--sort)",
                          now, then);
}

/* Reads the input's next request. */
static int advance(merge_input *input, mt_error *error) {
    int status = mt_source_next(input->source, &input->request, error);
    if (status <= 0 || !(input->request.has & MT_HAS_TIME))
        return status;
    if (input->request.time_ns < input->time_ns)
        return fail_order(input, error);
    input->time_ns = input->request.time_ns;
    return 1;
}

static int begin(merge_source *self, mt_error *error) {
    for (size_t i = 0; i < self->count; i++) {
        int status = advance(&self->inputs[i], error);
        if (status < 0)
            return -1;
        if (status > 0)
            self->heap[self->waiting++] = i;
    }
    for (size_t i = self->waiting / 2; i-- > 0;)
        sift_down(self, i);
    self->has_begun = 1;
    return 0;
}

/* Reads on where the last request came from: until now it was the caller's. */
static int read_on(merge_source *self, mt_error *error) {
    int status = advance(&self->inputs[self->current], error);
    if (status < 0)
        return -1;
    if (status == 0)
        self->heap[0] = self->heap[--self->waiting];
    if (self->waiting > 0)
        sift_down(self, 0);
    return 0;
}

static int keep_apart(merge_source *self, mt_request *request, mt_error *error) {
    size_t k = self->current;
    mt_error problem, *report = error ? error : &problem;
    mt_code code = mt_apart_ids(&self->apart, request, 0, self->count, k, report);
    if (code == MT_OK && k > 0)
        code = mt_apart_session(&self->apart, request, k + 1, report);
    if (code == MT_ERROR_VALUE) {
        char message[MT_ERROR_MESSAGE_SIZE];
        memcpy(message, report->message, sizeof message);
        return mt_source_fail(&self->base, request, report, code, "%s", message);
    }
    return code == MT_OK ? 1 : -1;
}

static int merge_next(mt_source *source, mt_request *request, mt_error *error) {
    merge_source *self = (merge_source *)source;
    if (!self->has_begun ? begin(self, error) != 0 : self->waiting > 0 && read_on(self, error) != 0)
        return -1;
    if (self->waiting == 0)
        return 0;
    self->current = self->heap[0];
    *request = self->inputs[self->current].request;
    return self->parts || self->count == 1 ? 1 : keep_apart(self, request, error);
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
    mt_free(self->heap);
    mt_apart_free(&self->apart);
}

static const mt_source_kind merge_kind = {merge_next, merge_release, merge_name, merge_skipped};

mt_source *mt_source_merge(mt_source *const *inputs, size_t count, int parts, mt_error *error) {
    merge_source *self = (merge_source *)mt_source_new(&merge_kind, sizeof *self, error);
    int is_whole = self != NULL && count > 0;
    if (self) {
        self->inputs = mt_allocate_zero(count, sizeof *self->inputs);
        self->heap = mt_allocate(count, sizeof *self->heap);
        self->parts = parts;
        if (!self->inputs || !self->heap) {
            mt_fail_memory(error, "inputs to merge");
            is_whole = 0;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_whole && inputs[i]) {
            self->inputs[self->count++] = (merge_input){inputs[i], {0}, INT64_MIN};
        } else {
            mt_source_free(inputs[i]);
            is_whole = 0;
        }
    }
    if (is_whole)
        return &self->base;
    if (count == 0)
        mt_fail(error, MT_ERROR_VALUE, "there is no trace to merge");
    if (self)
        mt_source_free(&self->base);
    return NULL;
}
