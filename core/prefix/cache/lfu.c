/* Least frequently used: the block that was used least often since it was put in leaves first, of
 * equals the one that was used longest ago. One queue holds all blocks, those used least often at
 * its old end, and the newest of each frequency is known, behind which the next one goes (as in
 * Shah, Mitra, Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010). */
#include "base/memory.h"
#include "prefix/cache/queue.h"

typedef struct entry {
    mt_link link;
    uint32_t uses; /* since it was put in, that included; 0 is in use nowhere */
} entry;

typedef struct lfu {
    mt_policy_state state;
    mt_queue queue;   /* by uses, then by last use */
    uint32_t *newest; /* by uses: the last one used of those blocks; MT_QUEUE_END: there is none */
    size_t most;      /* uses that a block may have got by now */
    size_t filled;    /* newest[0..filled) */
    size_t capacity;
} lfu;

static void start(void *state) {
    mt_queue_start(&((lfu *)state)->queue);
}

/* Each block is used once at most until the next call. */
static mt_code reserve(void *state, size_t blocks, mt_error *error) {
    lfu *self = state;
    (void)blocks;
    if (MT_GROW(self->newest, self->capacity, self->most + 3))
        return mt_fail_memory(error, "cache");
    while (self->filled < self->most + 3)
        self->newest[self->filled++] = MT_QUEUE_END;
    return MT_OK;
}

static void release(void *state) {
    mt_free(((lfu *)state)->newest);
}

/* Takes the block out, and out of those of its frequency. */
static void drop(void *state, uint32_t block) {
    lfu *self = state;
    entry *entries = self->state.entries;
    uint32_t uses = entries[block].uses, older = entries[block].link.older;
    if (self->newest[uses] == block)
        self->newest[uses] =
            older != MT_QUEUE_END && entries[older].uses == uses ? older : MT_QUEUE_END;
    mt_queue_take(&self->queue, entries, sizeof *entries, block);
    self->state.count = self->queue.count;
}

/* Puts it in as the newest of its frequency; `older` is the newest of those used less often. */
static void put(lfu *self, uint32_t block, uint32_t uses, uint32_t older) {
    entry *entries = self->state.entries;
    if (self->newest[uses] != MT_QUEUE_END)
        older = self->newest[uses];
    uint32_t newer = older == MT_QUEUE_END ? self->queue.oldest : entries[older].link.newer;
    mt_queue_put(&self->queue, entries, sizeof *entries, block, newer, older);
    entries[block].uses = uses;
    self->newest[uses] = block;
    self->state.count = self->queue.count;
    if (uses > self->most)
        self->most = uses;
}

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    lfu *self = state;
    entry *entries = self->state.entries;
    uint32_t uses = entries[block].uses;
    (void)next;
    /* Behind the newest of its frequency: that is itself, when it was the only one left. */
    uint32_t older = self->newest[uses] == block ? entries[block].link.older : self->newest[uses];
    drop(self, block);
    put(self, block, uses + 1, older);
    return MT_NO_VICTIM;
}

static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    lfu *self = state;
    (void)next;
    put(self, block, 1, MT_QUEUE_END);
    return MT_NO_VICTIM;
}

static uint32_t evict(void *state) {
    lfu *self = state;
    uint32_t victim = self->queue.oldest;
    drop(self, victim);
    return victim;
}

static uint32_t replace(void *state, uint32_t block, uint32_t next) {
    uint32_t victim = evict(state);
    insert(state, block, next);
    return victim;
}

const mt_policy mt_policy_lfu = {.name = "lfu",
                                 .summary = "the block used least often since it was put in",
                                 .state_size = sizeof(lfu),
                                 .entry_size = sizeof(entry),
                                 .start = start,
                                 .reserve = reserve,
                                 .release = release,
                                 .hit = hit,
                                 .insert = insert,
                                 .evict = evict,
                                 .replace = replace,
                                 .drop = drop};
