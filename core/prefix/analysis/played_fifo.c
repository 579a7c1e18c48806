/* First in, first out, without a queue: blocks leave in the order in which they came, so a cache of
 * n blocks holds a block as long as fewer than n others came after it. Each block's number among
 * all that came is all there is to know, and nothing is ever evicted. */
#include "prefix/analysis/locality_state.h"
#include "prefix/analysis/played.h"

typedef struct play {
    uint64_t *came; /* by block: which one it was when it last came, from 1 on; 0: it never did */
    uint64_t count; /* blocks that came so far */
    uint64_t size;
    mt_touch_order order;
} play;

static int is_held(const play *self, uint32_t block) {
    uint64_t came = self->came[block];
    return came > 0 && self->count - came < self->size;
}

static void touch(play *self, uint32_t block) {
    if (!is_held(self, block))
        self->came[block] = ++self->count;
}

static mt_code play_request(void *context, size_t request, const mt_cache_path *path,
                            uint32_t *hits, mt_error *error) {
    play *self = context;
    uint32_t leading = 0;
    (void)request;
    (void)error;
    while (leading < path->count && is_held(self, path->blocks[leading]))
        leading++;
    *hits = leading;
    if (self->order == MT_TOUCH_ROOT)
        for (size_t i = leading; i < path->count; i++)
            touch(self, path->blocks[i]);
    else
        for (size_t i = path->count; i-- > 0;)
            touch(self, path->blocks[i]);
    return MT_OK;
}

mt_code mt_locality_hits_fifo(const mt_locality *locality, uint64_t size, mt_touch_order order,
                              uint32_t *hits, mt_error *error) {
    mt_big came = {0};
    if (mt_big_reserve(&came, (mt_prefix_tree_count(locality->tree) + 1) * sizeof(uint64_t)))
        return mt_fail_memory(error, "cache");
    play self = {came.data, 0, size, order};
    mt_code code = mt_locality_walk(locality, play_request, &self, hits, error);
    mt_big_free(&came);
    return code;
}
