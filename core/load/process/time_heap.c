#include "load/process/time_heap.h"

#include "base/memory.h"

static int sooner(const mt_due *a, const mt_due *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

int mt_time_heap_push(mt_time_heap *heap, double time, void *thing) {
    if (mt_reserve((void **)&heap->items, &heap->capacity, heap->count + 1, sizeof *heap->items) !=
        0)
        return -1;
    mt_due due = {time, heap->inserted++, thing};
    size_t at = heap->count++;
    while (at > 0 && sooner(&due, &heap->items[(at - 1) / 2])) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = due;
    return 0;
}

mt_due mt_time_heap_pop(mt_time_heap *heap) {
    mt_due top = heap->items[0];
    mt_due last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && sooner(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!sooner(&heap->items[child], &last))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    if (heap->count > 0)
        heap->items[at] = last;
    return top;
}

void mt_time_heap_free(mt_time_heap *heap) {
    mt_free(heap->items);
    *heap = (mt_time_heap){0};
}
