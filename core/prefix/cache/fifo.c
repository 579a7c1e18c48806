/* First in, first out: being used changes nothing. */
#include "prefix/cache/queue.h"

typedef struct fifo {
    mt_policy_state state;
    mt_queue queue; /* by when they were put in */
} fifo;

static void start(void *state) {
    mt_queue_start(&((fifo *)state)->queue);
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    (void)state;
    (void)block;
    (void)next;
    return MT_NO_VICTIM;
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    fifo *self = state;
    uint32_t victim = MT_NO_VICTIM;
    (void)next;
    if (self->queue.count == self->state.size)
        victim = mt_queue_pop(&self->queue, self->state.entries, sizeof(mt_link));
    mt_queue_push(&self->queue, self->state.entries, sizeof(mt_link), block);
    self->state.count = self->queue.count;
    return victim;
}

static void drop(void *state, uint32_t block) {
    fifo *self = state;
    mt_queue_take(&self->queue, self->state.entries, sizeof(mt_link), block);
    self->state.count = self->queue.count;
}

const mt_policy mt_policy_fifo = {.name = "fifo",
                                  .summary = "the block that was put in first",
                                  .state_size = sizeof(fifo),
                                  .entry_size = sizeof(mt_link),
                                  .start = start,
                                  .hit = hit,
                                  .insert = insert,
                                  .drop = drop};
