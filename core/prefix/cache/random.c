/* Any block, each as likely as every other: what a policy has to beat. The draws are those of the
 * seed, one after the other. */
#include "base/assert.h"
#include "base/memory.h"
#include "prefix/cache/policy.h"
#include "random/generator.h"

typedef struct random_cache {
    mt_policy_state state; /* entries: uint32_t, the block's place in `held` */
    uint32_t *held;        /* state.count blocks, in no order */
    size_t capacity;
    mt_random random;
} random_cache;

static void start(void *state) {
    random_cache *self = state;
    mt_random_begin(&self->random, self->state.seed, "cache", "evictions");
}

static mt_code reserve(void *state, size_t blocks, mt_error *error) {
    random_cache *self = state;
    size_t most = blocks < self->state.size ? blocks : (size_t)self->state.size;
    return MT_GROW(self->held, self->capacity, most) ? mt_fail_memory(error, "cache") : MT_OK;
}

static void release(void *state) {
    mt_free(((random_cache *)state)->held);
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    (void)state;
    (void)block;
    (void)next;
    return MT_NO_VICTIM;
}

static void drop(void *state, uint32_t block) {
    random_cache *self = state;
    uint32_t *places = self->state.entries, last = self->held[--self->state.count];
    self->held[places[block]] = last;
    places[last] = places[block];
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    random_cache *self = state;
    uint32_t *places = self->state.entries;
    (void)next;
    mt_assert(self->state.count < self->capacity);
    places[block] = (uint32_t)self->state.count;
    self->held[self->state.count++] = block;
    return MT_NO_VICTIM;
}

static uint32_t evict(void *state) {
    random_cache *self = state;
    uint32_t victim = self->held[mt_random_below(&self->random, self->state.count)];
    drop(self, victim);
    return victim;
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = evict(state);
    insert(state, block, next);
    return victim;
}

const mt_policy mt_policy_random = {.name = "random",
                                    .summary = "any block, each as likely",
                                    .state_size = sizeof(random_cache),
                                    .entry_size = sizeof(uint32_t),
                                    .start = start,
                                    .reserve = reserve,
                                    .release = release,
                                    .hit = hit,
                                    .insert = insert,
                                    .evict = evict,
                                    .replace = replace,
                                    .drop = drop};
