/* Items waiting for a moment, the earliest first. Private to the reuse method
 * (prefix/reuse/reuse.h). */
#ifndef MT_PREFIX_REUSE_HEAP_H
#define MT_PREFIX_REUSE_HEAP_H

#include "base/heap.h"

typedef struct mt_reuse_wait {
    double moment;
    uint32_t item;
    uint32_t tries;
} mt_reuse_wait;

static inline int mt_reuse_is_sooner(const mt_reuse_wait *a, const mt_reuse_wait *b) {
    return a->moment < b->moment;
}

MT_HEAP(mt_reuse_heap, mt_reuse_wait, mt_reuse_is_sooner)

#endif
