/* SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is simpler than LRU", NSDI 2024): a queue in
 * which blocks stay where they were put. A hand goes from the oldest to the newest and round again;
 * it evicts the first block that was not used since it came by last. What was used stays where it
 * is, and what is new stands before the hand only when it has gone round. */
#include "prefix/cache/queue.h"

typedef struct entry {
    mt_link link;
    uint32_t is_used;
} entry;

typedef struct sieve {
    mt_policy_state state;
    mt_queue queue;
    uint32_t hand; /* MT_QUEUE_END: at the oldest */
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

static uint32_t evict(void *state) {
    sieve *self = state;
    entry *entries = self->state.entries;
    uint32_t block = self->hand == MT_QUEUE_END ? self->queue.oldest : self->hand;
    while (entries[block].is_used) {
        entries[block].is_used = 0;
        block = entries[block].link.newer;
        if (block == MT_QUEUE_END)
            block = self->queue.oldest;
    }
    self->hand = block;
    drop(self, block);
    return block;
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    sieve *self = state;
    entry *entries = self->state.entries;
    (void)next;
    entries[block].is_used = 0;
    mt_queue_push(&self->queue, entries, sizeof *entries, block);
    self->state.count = self->queue.count;
    return MT_NO_VICTIM;
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = evict(state);
    insert(state, block, next);
    return victim;
}

const mt_policy mt_policy_sieve = {
    .name = "sieve",
    .summary = "the first block not used since a hand came by last (NSDI 2024)",
    .state_size = sizeof(sieve),
    .entry_size = sizeof(entry),
    .start = start,
    .hit = hit,
    .insert = insert,
    .evict = evict,
    .replace = replace,
    .drop = drop};
