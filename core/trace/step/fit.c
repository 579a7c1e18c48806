/* hash_ids as many as the prompt has blocks. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "trace/blocks.h"
#include "trace/source/kind.h"

#include <string.h>

typedef struct fit_step {
    mt_source base;
    uint64_t block_size, next_id;
    uint64_t *ids;
    size_t capacity;
} fit_step;

static int add_ids(fit_step *self, mt_request *request, uint64_t wanted, mt_error *error) {
    size_t have = request->hash_count;
    if (wanted > MT_BLOCKS_LIMIT || wanted - have > UINT64_MAX - self->next_id)
        return mt_source_fail(&self->base, request, error, MT_ERROR_INPUT,
                              "%zu hash_ids for %llu tokens: too many are missing", have,
                              (unsigned long long)request->input_length);
    if (MT_GROW(self->ids, self->capacity, (size_t)wanted) != 0)
        return mt_failed(mt_fail_memory(error, "hash ids"));
    memcpy(self->ids, request->hash_ids, have * sizeof *self->ids);
    for (size_t i = have; i < wanted; i++)
        self->ids[i] = self->next_id++;
    request->hash_ids = self->ids;
    request->hash_count = (size_t)wanted;
    return 1;
}

static int fit_next(mt_source *source, mt_request *request, mt_error *error) {
    fit_step *self = (fit_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0 || request->hash_count == 0 || !(request->has & MT_HAS_INPUT_LENGTH))
        return status;
    uint64_t length = request->input_length;
    uint64_t wanted = mt_blocks_of(length, self->block_size);
    if (wanted > request->hash_count)
        return add_ids(self, request, wanted, error);
    request->hash_count = (size_t)wanted;
    return 1;
}

static void fit_release(mt_source *source) {
    mt_free(((fit_step *)source)->ids);
}

static const mt_source_kind fit_kind = {.next = fit_next, .release = fit_release};

mt_source *mt_step_fit(mt_source *below, uint64_t block_size, uint64_t first_free,
                       mt_error *error) {
    if (block_size == 0)
        return mt_source_refuse(below, error, "fit: the block size must be at least 1");
    fit_step *self = (fit_step *)mt_source_over(below, &fit_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->block_size = block_size;
    self->next_id = first_free;
    return &self->base;
}
