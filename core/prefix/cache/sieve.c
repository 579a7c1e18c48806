/* SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is simpler than LRU", NSDI 2024): a queue in
 * which blocks stay where they were put. A hand goes from the oldest to the newest and round again;
 * it evicts the first block that was not used since it came by last. What was used stays where it
 * is, and what is new stands before the hand only when it has gone round.
 *
 * *Weighed blocks*, of a sample. The blocks that are newer than the hand become fewer by those of them that
 * are used, the more slowly the fewer they are, and the hand goes round when none is left: a large cache
 * may stay for long with a handful of them, and keep all else. A handful is less than what one block of a
 * sample stands for. So the hand stays with the newest block until as many were used there as it takes to
 * come from that one's weight down to 1, by a factor of e each. */
#include "prefix/cache/queue.h"

#include <math.h>

typedef struct entry {
    mt_link link;
    uint32_t is_used;
} entry;

typedef struct sieve {
    mt_policy_state state;
    mt_queue queue;
    uint32_t hand;  /* MT_QUEUE_END: at the oldest */
    int is_waiting; /* the hand is to stand at the next block that is put in */
    double used;    /* of the newest blocks, those by which the hand stayed */
} sieve;

static void start(void *state) {
    sieve *self = state;
    mt_queue_start(&self->queue);
    self->hand = MT_QUEUE_END;
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    sieve *self = state;
    (void)next;
    ((entry *)self->state.entries)[block].is_used = 1;
    return MT_NO_VICTIM;
}

static void drop(void *state, uint32_t block) {
    sieve *self = state;
    entry *entries = self->state.entries;
    if (self->hand == block)
        self->hand = entries[block].link.newer;
    mt_queue_take(&self->queue, entries, sizeof *entries, block);
    self->state.count = self->queue.count;
}

/* From here on `weights` are the state's, or NULL, which those say who know that it is: there is nothing
 * left of weighing then. */

/* The newest block was used, which the hand comes by: does the hand stay there? */
static inline int stays(sieve *self, uint32_t block, const float *weights) {
    if (!weights)
        return 0;
    if (++self->used < 1 + log((double)weights[block]))
        return 1;
    self->used = 0;
    return 0;
}

static inline uint32_t take_out(sieve *self, const float *weights) {
    entry *entries = self->state.entries;
    uint32_t block = self->hand == MT_QUEUE_END ? self->queue.oldest : self->hand;
    while (entries[block].is_used) {
        entries[block].is_used = 0;
        uint32_t newer = entries[block].link.newer;
        if (newer == MT_QUEUE_END && stays(self, block, weights))
            break;
        block = newer == MT_QUEUE_END ? self->queue.oldest : newer;
    }
    self->hand = block;
    drop(self, block);
    if (weights)
        self->is_waiting = self->hand == MT_QUEUE_END && weights[block] > 1;
    return block;
}

static inline void put_in(sieve *self, uint32_t block, const float *weights) {
    entry *entries = self->state.entries;
    entries[block].is_used = 0;
    mt_queue_push(&self->queue, entries, sizeof *entries, block);
    if (weights && self->is_waiting) {
        self->hand = block;
        self->is_waiting = 0;
    }
    self->state.count = self->queue.count;
}

static uint32_t evict(void *state) {
    sieve *self = state;
    return take_out(self, self->state.weights);
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    sieve *self = state;
    (void)next;
    put_in(self, block, self->state.weights);
    return MT_NO_VICTIM;
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = take_out(state, NULL);
    (void)next;
    put_in(state, block, NULL);
    return victim;
}

const mt_policy mt_policy_sieve = {
    .name = "sieve",
    .summary = "the first block not used since a hand came by last (NSDI 2024)",
    .is_erratic = 1,
    .state_size = sizeof(sieve),
    .entry_size = sizeof(entry),
    .start = start,
    .hit = hit,
    .insert = insert,
    .evict = evict,
    .replace = replace,
    .drop = drop};
