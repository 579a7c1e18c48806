/* S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson, "FIFO queues are all you need for cache eviction",
 * SOSP 2023): three queues. New blocks go into a small one, a tenth of the cache. Those that leave
 * it and were used more than once there go over to the main one; the others are evicted, and only
 * their numbers are kept in a third, the ghosts, as many as the main queue holds blocks. A block
 * that is put in while its ghost is there goes to the main queue at once. What leaves the main queue
 * goes back into it when it was used, one use being taken off; else it is evicted.
 *
 * As in the paper uses are counted up to 3, a block that moves begins at 0 again, and the small
 * queue is the one that has to give while it has its tenth. */
#include "prefix/cache/queue.h"

enum { NOWHERE, SMALL, MAIN, GHOST, QUEUES };
enum { MOST_USES = 3 };

typedef struct entry {
    mt_link link;
    uint16_t queue, uses;
} entry;

typedef struct s3_fifo {
    mt_policy_state state;
    mt_queue queues[QUEUES];
    uint64_t small_size, main_size;
} s3_fifo;

static void start(void *state) {
    s3_fifo *self = state;
    for (int i = 0; i < QUEUES; i++)
        mt_queue_start(&self->queues[i]);
    self->small_size = self->state.size / 10 > 0 ? self->state.size / 10 : 1;
    self->main_size = self->state.size - self->small_size;
}

static void push(s3_fifo *self, int queue, uint32_t block) {
    entry *entries = self->state.entries;
    mt_queue_push(&self->queues[queue], entries, sizeof *entries, block);
    entries[block].queue = (uint16_t)queue;
    entries[block].uses = 0;
}

static uint32_t pop(s3_fifo *self, int queue) {
    entry *entries = self->state.entries;
    uint32_t block = mt_queue_pop(&self->queues[queue], entries, sizeof *entries);
    entries[block].queue = NOWHERE;
    return block;
}

static uint32_t evict_main(s3_fifo *self) {
    entry *entries = self->state.entries;
    for (;;) {
        uint32_t block = pop(self, MAIN);
        uint16_t uses = entries[block].uses;
        if (uses == 0)
            return block;
        push(self, MAIN, block);
        entries[block].uses = (uint16_t)(uses - 1);
    }
}

static uint32_t evict_small(s3_fifo *self) {
    entry *entries = self->state.entries;
    while (self->queues[SMALL].count > 0) {
        uint32_t block = pop(self, SMALL);
        if (entries[block].uses > 1) {
            push(self, MAIN, block);
            if (self->queues[MAIN].count > self->main_size)
                break;
            continue;
        }
        if (self->main_size > 0) {
            if (self->queues[GHOST].count == self->main_size)
                pop(self, GHOST);
            push(self, GHOST, block);
        }
        return block;
    }
    return evict_main(self);
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    s3_fifo *self = state;
    entry *here = (entry *)self->state.entries + block;
    (void)next;
    if (here->uses < MOST_USES)
        here->uses++;
    return MT_NO_VICTIM;
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    s3_fifo *self = state;
    entry *entries = self->state.entries;
    (void)next;
    int is_ghost = entries[block].queue == GHOST;
    if (is_ghost)
        mt_queue_take(&self->queues[GHOST], entries, sizeof *entries, block);
    push(self, is_ghost ? MAIN : SMALL, block);
    self->state.count++;
    return MT_NO_VICTIM;
}

static uint32_t evict(void *state) {
    s3_fifo *self = state;
    self->state.count--;
    return self->queues[SMALL].count >= self->small_size ? evict_small(self) : evict_main(self);
}

static void drop(void *state, uint32_t block) {
    s3_fifo *self = state;
    entry *entries = self->state.entries;
    mt_queue_take(&self->queues[entries[block].queue], entries, sizeof *entries, block);
    entries[block].queue = NOWHERE;
    self->state.count--;
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = evict(state);
    insert(state, block, next);
    return victim;
}

const mt_policy mt_policy_s3_fifo = {
    .name = "s3-fifo",
    .summary = "a small queue for what is new, a main one for what came back (SOSP 2023)",
    .state_size = sizeof(s3_fifo),
    .entry_size = sizeof(entry),
    .start = start,
    .hit = hit,
    .insert = insert,
    .evict = evict,
    .replace = replace,
    .drop = drop};
