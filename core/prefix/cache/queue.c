#include "prefix/cache/queue.h"

void mt_one_queue_start(void *state) {
    mt_queue_start(&((mt_one_queue *)state)->queue);
}

uint32_t mt_one_queue_insert(void *state, uint32_t block, uint32_t next) {
    mt_one_queue *self = state;
    (void)next;
    mt_queue_push(&self->queue, self->state.entries, sizeof(mt_link), block);
    self->state.count = self->queue.count;
    return MT_NO_VICTIM;
}

uint32_t mt_one_queue_evict(void *state) {
    mt_one_queue *self = state;
    uint32_t victim = mt_queue_pop(&self->queue, self->state.entries, sizeof(mt_link));
    self->state.count = self->queue.count;
    return victim;
}

uint32_t mt_one_queue_replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = mt_one_queue_evict(state);
    mt_one_queue_insert(state, block, next);
    return victim;
}

void mt_one_queue_drop(void *state, uint32_t block) {
    mt_one_queue *self = state;
    mt_queue_take(&self->queue, self->state.entries, sizeof(mt_link), block);
    self->state.count = self->queue.count;
}
