/* First in, first out: being used changes nothing. */
#include "prefix/cache/queue.h"

static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    (void)state;
    (void)block;
    (void)next;
    return MT_NO_VICTIM;
}

const mt_policy mt_policy_fifo = {.name = "fifo",
                                  .summary = "the block that was put in first",
                                  .state_size = sizeof(mt_one_queue),
                                  .entry_size = sizeof(mt_link),
                                  .start = mt_one_queue_start,
                                  .hit = hit,
                                  .insert = mt_one_queue_insert,
                                  .evict = mt_one_queue_evict,
                                  .replace = mt_one_queue_replace,
                                  .drop = mt_one_queue_drop};
