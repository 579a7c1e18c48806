/* The clock, or second chance (Corbato, "A paging experiment with the Multics system", 1968): a
 * queue in which the oldest block goes back to the newest end, once, when it was used since it was
 * put there. The hand of a ring that stands still is the same thing. */
#include "prefix/cache/queue.h"

typedef struct entry {
    mt_link link;
    uint32_t is_used;
} entry;

typedef struct clock_cache {
    mt_policy_state state;
    mt_queue queue;
} clock_cache;

static void start(void *state) {
    mt_queue_start(&((clock_cache *)state)->queue);
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    clock_cache *self = state;
    (void)next;
    ((entry *)self->state.entries)[block].is_used = 1;
    return MT_NO_VICTIM;
}

static uint32_t evict(void *state) {
    clock_cache *self = state;
    entry *entries = self->state.entries;
    for (;;) {
        uint32_t block = mt_queue_pop(&self->queue, entries, sizeof *entries);
        if (!entries[block].is_used) {
            self->state.count = self->queue.count;
            return block;
        }
        entries[block].is_used = 0;
        mt_queue_push(&self->queue, entries, sizeof *entries, block);
    }
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    clock_cache *self = state;
    entry *entries = self->state.entries;
    (void)next;
    entries[block].is_used = 0;
    mt_queue_push(&self->queue, entries, sizeof *entries, block);
    self->state.count = self->queue.count;
    return MT_NO_VICTIM;
}

static void drop(void *state, uint32_t block) {
    clock_cache *self = state;
    mt_queue_take(&self->queue, self->state.entries, sizeof(entry), block);
    self->state.count = self->queue.count;
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = evict(state);
    insert(state, block, next);
    return victim;
}

const mt_policy mt_policy_clock = {.name = "clock",
                                   .summary = "first in, first out, with a second chance when used",
                                   .is_sampled = 1,
                                   .state_size = sizeof(clock_cache),
                                   .entry_size = sizeof(entry),
                                   .start = start,
                                   .hit = hit,
                                   .insert = insert,
                                   .evict = evict,
                                   .replace = replace,
                                   .drop = drop};
