/* Larger blocks. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "base/text.h"
#include "trace/member.h"
#include "trace/source/kind.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct reblock_step {
    mt_source base;
    uint64_t factor, size;
    uint64_t *ids;
    size_t capacity;
    mt_text extra;
} reblock_step;

/* What the request says of its blocks is true again. */
static mt_code say_size(reblock_step *self, mt_request *request, mt_error *error) {
    mt_span extra = request->extra;
    mt_span old = extra.length > 0 ? mt_request_member(request, "block_size") : extra;
    if (old.length == 0)
        return MT_OK;
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, self->size);
    size_t before = (size_t)(old.text - extra.text), after = before + old.length;
    self->extra.length = 0;
    if (mt_text_add(&self->extra, extra.text, before) != 0 ||
        mt_text_add(&self->extra, digits, (size_t)count) != 0 ||
        mt_text_add(&self->extra, extra.text + after, extra.length - after) != 0)
        return mt_fail_memory(error, "larger blocks");
    request->extra = (mt_span){self->extra.bytes, self->extra.length};
    return MT_OK;
}

/* An id names its block and all before it, so the last of several names them together. */
static int reblock_next(mt_source *source, mt_request *request, mt_error *error) {
    reblock_step *self = (reblock_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status > 0 && say_size(self, request, error) != MT_OK)
        return -1;
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
    reblock_step *self = (reblock_step *)source;
    mt_free(self->ids);
    mt_free(self->extra.bytes);
}

static const mt_source_kind reblock_kind = {.next = reblock_next, .release = reblock_release};

mt_source *mt_step_reblock(mt_source *below, uint64_t factor, uint64_t size, mt_error *error) {
    if (factor == 0)
        return mt_source_refuse(below, error, "blocks cannot become 0 times as large");
    reblock_step *self = (reblock_step *)mt_source_over(below, &reblock_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->factor = factor;
    self->size = size;
    return &self->base;
}
