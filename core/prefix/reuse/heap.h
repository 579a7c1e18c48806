/* Items waiting for a moment, the earliest first. Private to the reuse method (prefix/reuse/reuse.h). */
#ifndef MT_PREFIX_REUSE_HEAP_H
#define MT_PREFIX_REUSE_HEAP_H

#include "base/memory.h"

#include <stdint.h>

typedef struct mt_reuse_wait {
    double moment;
    uint32_t item;
    uint32_t tries;
} mt_reuse_wait;

typedef struct mt_reuse_heap {
    mt_reuse_wait *waits;
    size_t count, capacity;
} mt_reuse_heap;

/* 0, or -1 when out of memory. */
static inline int mt_reuse_heap_push(mt_reuse_heap *heap, mt_reuse_wait wait) {
    if (mt_reserve((void **)&heap->waits, &heap->capacity, heap->count + 1, sizeof wait) != 0)
        return -1;
    size_t at = heap->count++;
    for (; at > 0 && heap->waits[(at - 1) / 2].moment > wait.moment; at = (at - 1) / 2)
        heap->waits[at] = heap->waits[(at - 1) / 2];
    heap->waits[at] = wait;
    return 0;
}

/* Of a heap that is not empty. */
static inline mt_reuse_wait mt_reuse_heap_pop(mt_reuse_heap *heap) {
    mt_reuse_wait first = heap->waits[0], last = heap->waits[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t next = 2 * at + 1;
        if (next >= heap->count)
            break;
        if (next + 1 < heap->count && heap->waits[next + 1].moment < heap->waits[next].moment)
            next++;
        if (heap->waits[next].moment >= last.moment)
            break;
        heap->waits[at] = heap->waits[next];
        at = next;
    }
    heap->waits[at] = last;
    return first;
}

#endif
