/* Lengths times a factor, and the hash ids of prompts that become longer or shorter.
 *
 * Block j of the new prompt ends where (j + 1) / factor blocks of the old one end: it is shared
 * where the old block it ends in, number e, is. So its id is made from that block's id and from how
 * many new blocks ended in it before: id * stride + that count. An old id standing for all before
 * it, a new one does as well. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "trace/blocks.h"
#include "trace/source/kind.h"

#include <math.h>

typedef struct scale_step {
    mt_source base;
    double input, output;
    uint64_t block_size;
    uint64_t stride; /* more than the new blocks that end in one old block */
    uint64_t *ids;
    size_t capacity;
} scale_step;

static const double most_tokens = 9e18;

/* length * factor in whole tokens; 0, or -1 when it does not fit. */
static int scale_length(uint64_t length, double factor, uint64_t *scaled) {
    if (factor == 1)
        return *scaled = length, 0;
    double value = round((double)length * factor);
    if (value >= most_tokens)
        return -1;
    *scaled = (uint64_t)value;
    return 0;
}

/* The first new block that ends in old block e. */
static uint64_t first_in(const scale_step *self, uint64_t e) {
    return (uint64_t)floor((double)e * self->input);
}

/* Fills self->ids with `count` ids made of the request's. */
static int stretch(const scale_step *self, const mt_request *request, size_t count,
                   mt_error *error) {
    uint64_t last = request->hash_count - 1, e = 0;
    for (size_t j = 0; j < count; j++) {
        while (e < last && first_in(self, e + 1) <= j)
            e++;
        uint64_t part = j - first_in(self, e);
        if (part >= self->stride)
            return mt_source_fail(&self->base, request, error, MT_ERROR_VALUE,
                                  "a prompt of %zu blocks cannot be scaled", count);
        if (__builtin_mul_overflow(request->hash_ids[e], self->stride, &self->ids[j]) ||
            __builtin_add_overflow(self->ids[j], part, &self->ids[j]))
            return mt_source_fail(&self->base, request, error, MT_ERROR_VALUE,
                                  "hash id %llu is too large to be scaled: moontide cat --renumber "
                                  "numbers them from 0",
                                  (unsigned long long)request->hash_ids[e]);
    }
    return 1;
}

static int scale_ids(scale_step *self, mt_request *request, mt_error *error) {
    uint64_t count = (uint64_t)ceil((double)request->hash_count * self->input);
    if (request->has & MT_HAS_INPUT_LENGTH)
        count = mt_blocks_of(request->input_length, self->block_size);
    if (count > MT_BLOCKS_LIMIT)
        return mt_source_fail(&self->base, request, error, MT_ERROR_VALUE,
                              "a prompt of %llu blocks is too long to be scaled",
                              (unsigned long long)count);
    if (MT_GROW(self->ids, self->capacity, (size_t)count) != 0)
        return mt_failed(mt_fail_memory(error, "hash ids"));
    if (stretch(self, request, (size_t)count, error) < 0)
        return -1;
    request->hash_ids = self->ids;
    request->hash_count = (size_t)count;
    return 1;
}

static int scale_next(mt_source *source, mt_request *request, mt_error *error) {
    scale_step *self = (scale_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0)
        return status;
    if (self->input != 1 && mt_source_check_blocks(source, request, self->block_size, error) != 0)
        return -1;
    if (scale_length(request->output_length, self->output, &request->output_length) != 0 ||
        scale_length(request->input_length, self->input, &request->input_length) != 0)
        return mt_source_fail(source, request, error, MT_ERROR_VALUE,
                              "multiplied, a length is more than 9e18 tokens");
    if (request->has & MT_HAS_INPUT_LENGTH && request->input_length == 0)
        request->input_length = 1;
    if (self->input == 1 || request->hash_count == 0)
        return 1;
    return scale_ids(self, request, error);
}

static void scale_release(mt_source *source) {
    mt_free(((scale_step *)source)->ids);
}

static const mt_source_kind scale_kind = {.next = scale_next, .release = scale_release};

mt_source *mt_step_scale(mt_source *below, double input, double output, uint64_t block_size,
                         mt_error *error) {
    static const double most = 1e6; /* a factor beyond is a mistake */
    if (!(input > 0 && input <= most && output > 0 && output <= most))
        return mt_source_refuse(below, error,
                                "scale: factors must be above 0 and at most %g, not %g and %g",
                                most, input, output);
    if (block_size == 0)
        return mt_source_refuse(below, error, "scale: the block size must be at least 1");
    scale_step *self = (scale_step *)mt_source_over(below, &scale_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->input = input;
    self->output = output;
    self->block_size = block_size;
    self->stride = (uint64_t)ceil(input) + 1;
    return &self->base;
}
