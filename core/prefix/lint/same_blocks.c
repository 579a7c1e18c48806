#include "prefix/lint/same_blocks.h"

#include "base/memory.h"
#include "prefix/lint/block_fit.h"
#include "prefix/lint/sized.h"
#include "trace/source/kind.h"

#include <inttypes.h>
#include <string.h>

enum { FEW_SEVERAL = 10, MOST_PROMPTS = 100 };

/* What is known of a source. */
typedef struct known_size {
    uint64_t size;     /* for people; 0: nothing is known */
    uint64_t least[2]; /* every size from least to most fits: with one id a block, and */
    uint64_t most[2];  /* with ids of whole blocks only; least > most: none does */
    char *name;        /* of its source */
} known_size;

/* What all of them share; the last one frees it. */
typedef struct sizes {
    size_t users;
    known_size stated, found; /* the first that was stated, and found */
} sizes;

typedef struct looking {
    mt_block_fit fits[2]; /* one id a block; whole blocks only */
    int has_begun;
} looking;

typedef struct same_step {
    mt_source base;
    sizes *shared;
    looking *look; /* NULL: its size is known, or will not be */
} same_step;

static int may_be_one(const known_size *a, const known_size *b) {
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            uint64_t least = a->least[i] > b->least[j] ? a->least[i] : b->least[j];
            uint64_t most = a->most[i] < b->most[j] ? a->most[i] : b->most[j];
            if (least <= most)
                return 1;
        }
    return 0;
}

static mt_code refuse(const known_size *a, const known_size *b, mt_error *error) {
    uint64_t small = a->size < b->size ? a->size : b->size, large = a->size + b->size - small;
    if (large % small == 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "%s has blocks of %" PRIu64 " tokens and %s of %" PRIu64
                       ": a trace has blocks of one size (moontide cat --reblock %" PRIu64
                       " makes the small ones as large)",
                       a->name, a->size, b->name, b->size, large);
    return mt_fail(
        error, MT_ERROR_VALUE,
        "%s has blocks of %" PRIu64 " tokens and %s of %" PRIu64
        ": a trace has blocks of one size (moontide cat --reblock makes blocks larger by "
        "whole numbers)",
        a->name, a->size, b->name, b->size);
}

/* Takes in what is known of the source. */
static mt_code tell(same_step *self, known_size *own, int is_stated, mt_error *error) {
    sizes *shared = self->shared;
    const char *name = mt_source_name(self->base.below);
    known_size *place = is_stated ? &shared->stated : &shared->found;
    own->name = mt_allocate(strlen(name) + 1, 1);
    if (!own->name)
        return mt_fail_memory(error, "a trace's name");
    memcpy(own->name, name, strlen(name) + 1);
    mt_code code = MT_OK;
    if (shared->stated.size > 0 && !may_be_one(&shared->stated, own))
        code = refuse(&shared->stated, own, error);
    else if (shared->found.size > 0 && !may_be_one(&shared->found, own))
        code = refuse(&shared->found, own, error);
    if (code == MT_OK && place->size == 0)
        *place = *own;
    else
        mt_free(own->name);
    return code;
}

/* What its prompts so far say. */
static mt_code tell_found(same_step *self, mt_error *error) {
    known_size own = {.size = 0};
    for (int i = 0; i < 2; i++) {
        const mt_block_fit *fit = &self->look->fits[i];
        uint64_t size = fit->several < FEW_SEVERAL ? 0 : mt_block_fit_all(fit);
        own.least[i] = size > 0 ? fit->least : 1;
        own.most[i] = size > 0 ? fit->most : 0;
        own.size = own.size > 0 ? own.size : size;
    }
    return own.size > 0 ? tell(self, &own, 0, error) : MT_OK;
}

static mt_code look_at(same_step *self, const mt_request *request, mt_error *error) {
    looking *look = self->look;
    if (!look->has_begun) {
        uint64_t size = mt_stated_block_size(request);
        if (size > 0) {
            known_size own = {.size = size, .least = {size, size}, .most = {size, size}};
            mt_free(look);
            self->look = NULL;
            return tell(self, &own, 1, error);
        }
        mt_block_fit_start(&look->fits[0], 0, 0);
        mt_block_fit_start(&look->fits[1], 0, 1);
        look->has_begun = 1;
    }
    mt_block_fit_add(&look->fits[0], request);
    mt_block_fit_add(&look->fits[1], request);
    return MT_OK;
}

static int same_next(mt_source *source, mt_request *request, mt_error *error) {
    same_step *self = (same_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (!self->look || status < 0)
        return status;
    mt_code code = status > 0 ? look_at(self, request, error) : MT_OK;
    if (code == MT_OK && self->look &&
        (status == 0 || self->look->fits[0].prompts == MOST_PROMPTS)) {
        if (self->look->has_begun)
            code = tell_found(self, error);
        mt_free(self->look);
        self->look = NULL;
    }
    return code == MT_OK ? status : mt_failed(code);
}

static void let_go(sizes *shared) {
    if (shared && --shared->users == 0) {
        mt_free(shared->stated.name);
        mt_free(shared->found.name);
        mt_free(shared);
    }
}

static void same_release(mt_source *source) {
    same_step *self = (same_step *)source;
    mt_free(self->look);
    let_go(self->shared);
}

static const mt_source_kind same_kind = {.next = same_next, .release = same_release};

/* The step on one source, which is freed where it cannot be made. */
static mt_source *put_on(mt_source *below, sizes *shared, mt_error *error) {
    same_step *self = (same_step *)mt_source_over(below, &same_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->shared = shared;
    shared->users++;
    self->look = mt_allocate_zero(1, sizeof *self->look);
    if (self->look)
        return &self->base;
    mt_fail_memory(error, "sizes of blocks");
    mt_source_free(&self->base);
    return NULL;
}

mt_code mt_step_same_blocks(mt_source **sources, size_t count, mt_error *error) {
    sizes *shared = mt_allocate_zero(1, sizeof *shared);
    int is_whole = shared != NULL;
    if (shared)
        shared->users = 1;
    else
        mt_fail_memory(error, "sizes of blocks");
    for (size_t i = 0; i < count && is_whole; i++) {
        sources[i] = put_on(sources[i], shared, error);
        is_whole = sources[i] != NULL;
    }
    for (size_t i = 0; i < count && !is_whole; i++) {
        mt_source_free(sources[i]);
        sources[i] = NULL;
    }
    let_go(shared);
    return is_whole ? MT_OK : mt_code_of(error);
}
