/* Larger blocks. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "trace/source/kind.h"

typedef struct reblock_step {
    mt_source base;
    uint64_t factor;
    uint64_t *ids;
    size_t capacity;
} reblock_step;

/* An id names its block and all before it, so the last of several names them together. */
static int reblock_next(mt_source *source, mt_request *request, mt_error *error) {
    reblock_step *self = (reblock_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0 || !(request->has & MT_HAS_HASH_IDS) || request->hash_count == 0)
        return status;
    size_t count = (size_t)((request->hash_count - 1) / self->factor) + 1;
    if (MT_GROW(self->ids, self->capacity, count) != 0)
        return mt_failed(mt_fail_memory(error, "larger blocks"));
    for (size_t i = 0; i + 1 < count; i++)
        self->ids[i] = request->hash_ids[(i + 1) * self->factor - 1];
    self->ids[count - 1] = request->hash_ids[request->hash_count - 1];
    request->hash_ids = self->ids;
    request->hash_count = count;
    return status;
}

static void reblock_release(mt_source *source) {
    mt_free(((reblock_step *)source)->ids);
}

static const mt_source_kind reblock_kind = {.next = reblock_next, .release = reblock_release};

mt_source *mt_step_reblock(mt_source *below, uint64_t factor, mt_error *error) {
    if (factor == 0)
        return mt_source_refuse(below, error, "blocks cannot become 0 times as large");
    reblock_step *self = (reblock_step *)mt_source_over(below, &reblock_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->factor = factor;
    return &self->base;
}
