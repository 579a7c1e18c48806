#include "trace/step/shard.h"

#include "base/memory.h"
#include "trace/source/kind.h"
#include "trace/step/components.h"
#include "trace/step/steps.h"

enum { MOST_COUNTED = 1 << 16 };

typedef struct shard_step {
    mt_source base;
    mt_shard_state state;
    uint64_t ordinal;       /* the next one */
    uint64_t seen, *counts; /* requests of the whole, and of each shard */
    mt_components components;
} shard_step;

/* The ordinal of the request's component, a new one at its first request. */
static mt_code component_ordinal(shard_step *self, const mt_request *request, uint64_t *ordinal,
                                 mt_error *error) {
    mt_component component;
    mt_code code = mt_components_add(&self->components, request, &component, error);
    if (code != MT_OK)
        return code;
    self->state.session = component.session;
    if (component.head == MT_NO_COMPONENT) {
        *ordinal = self->ordinal++;
        return MT_OK;
    }
    uint64_t *known = &self->components.ordinals[component.head];
    if (*known == MT_NO_COMPONENT)
        *known = self->ordinal++;
    *ordinal = *known;
    uint64_t shards = self->state.shards;
    if (component.lost == MT_NO_COMPONENT || component.lost % shards == *known % shards)
        return MT_OK;
    mt_source_fail(&self->base, request, error, MT_ERROR_INPUT,
                   "it waits for requests that are in different shards already: who waits for whom "
                   "must be read before the trace is divided, from a file and not from a stream");
    return MT_ERROR_INPUT;
}

static int shard_next(mt_source *source, mt_request *request, mt_error *error) {
    shard_step *self = (shard_step *)source;
    mt_source *below = source->below;
    int status;
    while ((status = mt_source_next(below, request, error)) > 0) {
        uint64_t ordinal = 0;
        self->state.session = 0;
        if (below->kind->ordinal)
            ordinal = below->kind->ordinal(below);
        else if (component_ordinal(self, request, &ordinal, error) != MT_OK)
            return -1;
        self->state.number = self->seen++;
        if (self->counts)
            self->counts[ordinal % self->state.shards]++;
        if (ordinal % self->state.shards == self->state.shard)
            break;
        if (mt_source_is_live(below) &&
            mt_source_settle(below, mt_source_ticket(below), NULL, error) != MT_OK)
            return -1;
    }
    return status;
}

static void shard_release(mt_source *source) {
    shard_step *self = (shard_step *)source;
    mt_components_free(&self->components);
    mt_free(self->counts);
}

static const mt_shard_state *state_of(const mt_source *source) {
    return &((const shard_step *)source)->state;
}

static const mt_source_kind shard_kind = {
    .next = shard_next, .release = shard_release, .shard = state_of, .live = &mt_live_as_below};

mt_source *mt_step_shard(mt_source *below, uint64_t shard, uint64_t shards, mt_error *error) {
    if (shard >= shards)
        return mt_source_refuse(below, error, "a shard is from 0 to one below their number");
    shard_step *self = (shard_step *)mt_source_over(below, &shard_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->counts = shards <= MOST_COUNTED ? mt_allocate_zero(shards, sizeof *self->counts) : NULL;
    if (shards <= MOST_COUNTED && !self->counts) {
        mt_source_free(&self->base);
        return mt_null(mt_fail_memory(error, "counts of shards"));
    }
    self->state = (mt_shard_state){.shard = shard, .shards = shards, .counts = self->counts};
    return &self->base;
}

mt_source *mt_step_shard_look(mt_source *step, mt_source *ahead, mt_error *error) {
    mt_request request;
    mt_component component;
    int status = -1;
    if (step && ahead) {
        shard_step *self = (shard_step *)step;
        while ((status = mt_source_next(ahead, &request, error)) > 0)
            if (mt_components_add(&self->components, &request, &component, error) != MT_OK) {
                status = -1;
                break;
            }
    }
    mt_source_free(ahead);
    if (status == 0)
        return step;
    mt_source_free(step);
    return NULL;
}

const mt_shard_state *mt_step_shard_state(const mt_source *source) {
    return source->kind->shard ? source->kind->shard(source) : NULL;
}
