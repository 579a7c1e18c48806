/* Least recently used. Of what it holds at every size at once see prefix/cache/history.h; this one
 * plays one size through, in whatever order blocks are touched. */
#include "prefix/cache/queue.h"

typedef struct lru {
    mt_policy_state state;
    mt_queue queue; /* by last use */
} lru;

static void start(void *state) {
    mt_queue_start(&((lru *)state)->queue);
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    lru *self = state;
    (void)next;
    if (self->queue.newest != block) {
        mt_queue_take(&self->queue, self->state.entries, sizeof(mt_link), block);
        mt_queue_push(&self->queue, self->state.entries, sizeof(mt_link), block);
    }
    return MT_NO_VICTIM;
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    lru *self = state;
    uint32_t victim = MT_NO_VICTIM;
    (void)next;
    if (self->queue.count == self->state.size)
        victim = mt_queue_pop(&self->queue, self->state.entries, sizeof(mt_link));
    mt_queue_push(&self->queue, self->state.entries, sizeof(mt_link), block);
    self->state.count = self->queue.count;
    return victim;
}

static void drop(void *state, uint32_t block) {
    lru *self = state;
    mt_queue_take(&self->queue, self->state.entries, sizeof(mt_link), block);
    self->state.count = self->queue.count;
}

const mt_policy mt_policy_lru = {.name = "lru",
                                 .summary = "the least recently used block",
                                 .state_size = sizeof(lru),
                                 .entry_size = sizeof(mt_link),
                                 .start = start,
                                 .hit = hit,
                                 .insert = insert,
                                 .drop = drop};
