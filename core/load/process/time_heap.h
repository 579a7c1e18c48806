/* A heap of things due, soonest first; equal times in order of insertion. */
#ifndef MT_LOAD_PROCESS_TIME_HEAP_H
#define MT_LOAD_PROCESS_TIME_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct mt_due {
    double time;     /* seconds */
    uint64_t number; /* of the insertion */
    void *thing;     /* the caller's; may be NULL */
} mt_due;

/* Zero it; free it with mt_time_heap_free (the things are the caller's). */
typedef struct mt_time_heap {
    mt_due *items;
    size_t count, capacity;
    uint64_t inserted;
} mt_time_heap;

/* 0, or -1 when out of memory. */
int mt_time_heap_push(mt_time_heap *heap, double time, void *thing);

/* Removes and returns the soonest; the heap is not empty. */
mt_due mt_time_heap_pop(mt_time_heap *heap);

void mt_time_heap_free(mt_time_heap *heap);

#endif
