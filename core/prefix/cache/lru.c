/* Least recently used. Of what it holds at every size at once see prefix/cache/history.h; this one
 * plays one size through, in whatever order blocks are touched. */
#include "prefix/cache/queue.h"

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    mt_one_queue *self = state;
    (void)next;
    if (self->queue.newest != block) {
        mt_queue_take(&self->queue, self->state.entries, sizeof(mt_link), block);
        mt_queue_push(&self->queue, self->state.entries, sizeof(mt_link), block);
    }
    return MT_NO_VICTIM;
}

const mt_policy mt_policy_lru = {.name = "lru",
                                 .summary = "the least recently used block",
                                 .state_size = sizeof(mt_one_queue),
                                 .entry_size = sizeof(mt_link),
                                 .start = mt_one_queue_start,
                                 .hit = hit,
                                 .insert = mt_one_queue_insert,
                                 .evict = mt_one_queue_evict,
                                 .replace = mt_one_queue_replace,
                                 .drop = mt_one_queue_drop};
