/* A binary heap of any items (Williams 1964, "Algorithm 232: heapsort").
 *
 * MT_HEAP(heap_type, item_type, is_sooner) declares the type `name` and its functions, to be used in one
 * file or in a header private to a few. is_sooner(a, b) gets two pointers to constant items and is
 * a strict order: the item that is sooner than all others is items[0]. Items of which neither is
 * sooner come in no promised order, but always in the same one.
 *
 *     typedef struct due { double time; uint64_t number; } due;
 *     static int is_sooner(const due *a, const due *b) { ... }
 *     MT_HEAP(due_heap, due, is_sooner)
 *
 * A heap is zero at first; items[0..count) may be looked at, and mt_free(heap.items) ends it.
 *   name_push(&heap, item)       takes an item in: 0, or -1 when out of memory
 *   name_pop(&heap)              removes and returns items[0]; the heap is not empty
 *   name_sift_down(&heap, at)    items[at] has become later, and sinks to its place; at < count
 * A caller with an array of its own sets items, count and capacity, and frees the array itself. */
#ifndef MT_BASE_HEAP_H
#define MT_BASE_HEAP_H

#include "base/assert.h"
#include "base/memory.h"

#define MT_HEAP(heap_type, item_type, is_sooner)                                                   \
    typedef struct heap_type {                                                                     \
        item_type *items;                                                                          \
        size_t count, capacity;                                                                    \
    } heap_type;                                                                                   \
                                                                                                   \
    __attribute__((unused)) static int heap_type##_push(heap_type *heap, item_type item) {         \
        if (MT_GROW(heap->items, heap->capacity, heap->count + 1) != 0)                            \
            return -1;                                                                             \
        size_t at = heap->count++;                                                                 \
        for (; at > 0 && is_sooner(&item, &heap->items[(at - 1) / 2]); at = (at - 1) / 2)          \
            heap->items[at] = heap->items[(at - 1) / 2];                                           \
        heap->items[at] = item;                                                                    \
        mt_assert(at == 0 || !is_sooner(&heap->items[at], &heap->items[(at - 1) / 2]));            \
        return 0;                                                                                  \
    }                                                                                              \
                                                                                                   \
    __attribute__((unused)) static void heap_type##_sift_down(heap_type *heap, size_t at) {        \
        item_type item = heap->items[at];                                                          \
        for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {                       \
            if (child + 1 < heap->count &&                                                         \
                is_sooner(&heap->items[child + 1], &heap->items[child]))                           \
                child++;                                                                           \
            if (!is_sooner(&heap->items[child], &item))                                            \
                break;                                                                             \
            heap->items[at] = heap->items[child];                                                  \
        }                                                                                          \
        heap->items[at] = item;                                                                    \
    }                                                                                              \
                                                                                                   \
    __attribute__((unused)) static item_type heap_type##_pop(heap_type *heap) {                    \
        mt_assert(heap->count > 0);                                                                \
        item_type first = heap->items[0];                                                          \
        heap->items[0] = heap->items[--heap->count];                                               \
        if (heap->count > 0)                                                                       \
            heap_type##_sift_down(heap, 0);                                                        \
        mt_assert(heap->count == 0 || !is_sooner(&heap->items[0], &first));                        \
        return first;                                                                              \
    }

#endif
