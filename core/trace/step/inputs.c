#include "trace/step/inputs.h"

#include "base/memory.h"

#include <string.h>

mt_several *mt_several_new(const mt_source_kind *kind, size_t size, mt_source *const *inputs,
                           size_t count, mt_inputs kept, mt_error *error) {
    int is_whole = count > 0;
    for (size_t i = 0; i < count; i++)
        is_whole = is_whole && inputs[i];
    if (count == 0)
        mt_fail(error, MT_ERROR_VALUE, "there is no trace to put together");
    mt_several *self = is_whole ? (mt_several *)mt_source_new(kind, size, error) : NULL;
    mt_source **taken = self ? mt_allocate(count, sizeof(mt_source *)) : NULL;
    if (!taken) {
        if (self)
            mt_fail_memory(error, "inputs of a trace");
        mt_free(self);
        for (size_t i = 0; i < count; i++)
            mt_source_free(inputs[i]);
        return NULL;
    }
    memcpy(taken, inputs, count * sizeof(mt_source *));
    self->inputs = taken;
    self->count = count;
    self->kept = kept;
    return self;
}

mt_code mt_several_name(mt_several *several, mt_request *request, mt_error *error) {
    uint64_t number = several->current + 1;
    if (number == 1)
        return MT_OK;
    mt_code code = mt_apart_session(&several->apart, request, number, error);
    return code == MT_OK ? mt_apart_names(&several->apart, request, number, error) : code;
}

const char *mt_several_source(const mt_source *source) {
    const mt_several *self = (const mt_several *)source;
    return mt_source_name(self->inputs[self->current]);
}

uint64_t mt_several_skipped(const mt_source *source, mt_error *first) {
    const mt_several *self = (const mt_several *)source;
    uint64_t skipped = self->skipped;
    if (first)
        *first = self->first_skipped;
    for (size_t i = 0; i < self->count; i++)
        if (self->inputs[i])
            skipped += mt_source_skipped(self->inputs[i], skipped == 0 ? first : NULL);
    return skipped;
}

void mt_several_go_on(mt_several *self) {
    mt_source **input = &self->inputs[self->current++];
    self->skipped += mt_source_skipped(*input, self->skipped == 0 ? &self->first_skipped : NULL);
    mt_source_free(*input);
    *input = NULL;
}

void mt_several_release(mt_source *source) {
    mt_several *self = (mt_several *)source;
    for (size_t i = 0; i < self->count; i++)
        mt_source_free(self->inputs[i]);
    mt_free(self->inputs);
    mt_apart_free(&self->apart);
}
