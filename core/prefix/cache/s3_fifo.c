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
    uint64_t small_size, main_size; /* as `held` counts */
    double weight[QUEUES];          /* of each queue's blocks, where they are weighed */
} s3_fifo;

static void start(void *state) {
    s3_fifo *self = state;
    for (int i = 0; i < QUEUES; i++)
        mt_queue_start(&self->queues[i]);
    uint64_t room = self->state.room < 0x1p63 ? (uint64_t)self->state.room : UINT64_MAX;
    self->small_size = room / 10 > 0 ? room / 10 : 1;
    self->main_size = room - self->small_size;
}

/* From here on `weights` are the state's, or NULL, which those say who know that it is: there is nothing
 * left of weighing then. */

/* What a queue holds: blocks, or their weight. */
static inline uint64_t held(const s3_fifo *self, int queue, const float *weights) {
    return weights ? (uint64_t)self->weight[queue] : self->queues[queue].count;
}

static inline void push(s3_fifo *self, int queue, uint32_t block, const float *weights) {
    entry *entries = self->state.entries;
    mt_queue_push(&self->queues[queue], entries, sizeof *entries, block);
    entries[block].queue = (uint16_t)queue;
    entries[block].uses = 0;
    if (weights)
        self->weight[queue] += (double)weights[block];
}

static inline void take(s3_fifo *self, int queue, uint32_t block, const float *weights) {
    entry *entries = self->state.entries;
    mt_queue_take(&self->queues[queue], entries, sizeof *entries, block);
    entries[block].queue = NOWHERE;
    if (weights)
        self->weight[queue] -= (double)weights[block];
}

static inline uint32_t pop(s3_fifo *self, int queue, const float *weights) {
    uint32_t block = self->queues[queue].oldest;
    take(self, queue, block, weights);
    return block;
}

static inline uint32_t evict_main(s3_fifo *self, const float *weights) {
    entry *entries = self->state.entries;
    for (;;) {
        uint32_t block = pop(self, MAIN, weights);
        uint16_t uses = entries[block].uses;
        if (uses == 0)
            return block;
        push(self, MAIN, block, weights);
        entries[block].uses = (uint16_t)(uses - 1);
    }
}

/* Keeps the number of a block that left, and forgets older ones that there is no room for. */
static inline void remember(s3_fifo *self, uint32_t block, const float *weights) {
    uint64_t more = weights ? (uint64_t)weights[block] : 1;
    if (self->main_size == 0)
        return;
    while (self->queues[GHOST].count > 0 && held(self, GHOST, weights) + more > self->main_size)
        pop(self, GHOST, weights);
    push(self, GHOST, block, weights);
}

static inline uint32_t evict_small(s3_fifo *self, const float *weights) {
    entry *entries = self->state.entries;
    while (self->queues[SMALL].count > 0) {
        uint32_t block = pop(self, SMALL, weights);
        if (entries[block].uses <= 1) {
            remember(self, block, weights);
            return block;
        }
        push(self, MAIN, block, weights);
        if (held(self, MAIN, weights) > self->main_size)
            break;
    }
    return evict_main(self, weights);
}

static inline uint32_t take_out(s3_fifo *self, const float *weights) {
    self->state.count--;
    int is_small = held(self, SMALL, weights) >= self->small_size || self->queues[MAIN].count == 0;
    return is_small ? evict_small(self, weights) : evict_main(self, weights);
}

static inline void put_in(s3_fifo *self, uint32_t block, const float *weights) {
    entry *entries = self->state.entries;
    int is_ghost = entries[block].queue == GHOST;
    if (is_ghost)
        take(self, GHOST, block, weights);
    push(self, is_ghost ? MAIN : SMALL, block, weights);
    self->state.count++;
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
    (void)next;
    put_in(self, block, self->state.weights);
    return MT_NO_VICTIM;
}

static uint32_t evict(void *state) {
    s3_fifo *self = state;
    return take_out(self, self->state.weights);
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = take_out(state, NULL);
    (void)next;
    put_in(state, block, NULL);
    return victim;
}

static void drop(void *state, uint32_t block) {
    s3_fifo *self = state;
    take(self, ((entry *)self->state.entries)[block].queue, block, self->state.weights);
    self->state.count--;
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
