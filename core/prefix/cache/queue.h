/* Queues of blocks: who came first leaves first, and any may be taken out. A block is in one of a
 * policy's queues at most, so its links stand in the policy's entry of it. Every operation takes a
 * few steps. Private to this folder. */
#ifndef MT_PREFIX_CACHE_QUEUE_H
#define MT_PREFIX_CACHE_QUEUE_H

#include "base/assert.h"
#include "prefix/cache/policy.h"

#define MT_QUEUE_END UINT32_MAX

/* What an entry begins with. */
typedef struct mt_link {
    uint32_t newer, older; /* MT_QUEUE_END: there is none */
} mt_link;

typedef struct mt_queue {
    uint32_t newest, oldest; /* MT_QUEUE_END: it is empty */
    uint64_t count;
} mt_queue;

static inline void mt_queue_start(mt_queue *queue) {
    *queue = (mt_queue){MT_QUEUE_END, MT_QUEUE_END, 0};
}

/* The block's link, of entries of `size` bytes. */
static inline mt_link *mt_link_of(void *entries, size_t size, uint32_t block) {
    return (mt_link *)((char *)entries + size * block);
}

/* Puts the block between two neighbours in the queue, of which either may be MT_QUEUE_END. */
static inline void mt_queue_put(mt_queue *queue, void *entries, size_t size, uint32_t block,
                                uint32_t newer, uint32_t older) {
    *mt_link_of(entries, size, block) = (mt_link){newer, older};
    if (newer == MT_QUEUE_END)
        queue->newest = block;
    else
        mt_link_of(entries, size, newer)->older = block;
    if (older == MT_QUEUE_END)
        queue->oldest = block;
    else
        mt_link_of(entries, size, older)->newer = block;
    queue->count++;
}

/* Puts it at the end where the newest are. */
static inline void mt_queue_push(mt_queue *queue, void *entries, size_t size, uint32_t block) {
    mt_queue_put(queue, entries, size, block, MT_QUEUE_END, queue->newest);
}

static inline void mt_queue_take(mt_queue *queue, void *entries, size_t size, uint32_t block) {
    mt_link link = *mt_link_of(entries, size, block);
    mt_assert(queue->count > 0);
    if (link.newer == MT_QUEUE_END)
        queue->newest = link.older;
    else
        mt_link_of(entries, size, link.newer)->older = link.older;
    if (link.older == MT_QUEUE_END)
        queue->oldest = link.newer;
    else
        mt_link_of(entries, size, link.older)->newer = link.newer;
    queue->count--;
}

/* Takes out the oldest, which there is. */
static inline uint32_t mt_queue_pop(mt_queue *queue, void *entries, size_t size) {
    uint32_t block = queue->oldest;
    mt_assert(block != MT_QUEUE_END);
    mt_queue_take(queue, entries, size, block);
    return block;
}

/* The state of a policy that has one queue and evicts its oldest; its entries are mt_link. */
typedef struct mt_one_queue {
    mt_policy_state state;
    mt_queue queue;
} mt_one_queue;

/* Such a policy's start, insert, evict, replace and drop. */
void mt_one_queue_start(void *state);
uint32_t mt_one_queue_insert(void *state, uint32_t block, uint32_t next);
uint32_t mt_one_queue_evict(void *state);
uint32_t mt_one_queue_replace(void *state, uint32_t block, uint32_t next);
void mt_one_queue_drop(void *state, uint32_t block);

#endif
