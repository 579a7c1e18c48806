#include "trace/step/by_time.h"

#include "base/memory.h"

mt_code mt_by_time_start(mt_by_time *by_time, size_t count, mt_error *error) {
    by_time->times_ns = mt_allocate(count, sizeof *by_time->times_ns);
    by_time->heap = mt_allocate(count, sizeof *by_time->heap);
    if (!by_time->times_ns || !by_time->heap)
        return mt_fail_memory(error, "streams by time");
    for (size_t i = 0; i < count; i++)
        by_time->times_ns[i] = INT64_MIN;
    return MT_OK;
}

static int comes_before(const mt_by_time *by_time, size_t a, size_t b) {
    int64_t time_a = by_time->times_ns[a], time_b = by_time->times_ns[b];
    return time_a < time_b || (time_a == time_b && a < b);
}

static void sift_down(mt_by_time *by_time, size_t at) {
    size_t *heap = by_time->heap, moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < by_time->waiting; at = child) {
        if (child + 1 < by_time->waiting && comes_before(by_time, heap[child + 1], heap[child]))
            child++;
        if (!comes_before(by_time, heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void mt_by_time_add(mt_by_time *by_time, size_t number) {
    by_time->heap[by_time->waiting++] = number;
}

void mt_by_time_order(mt_by_time *by_time) {
    for (size_t i = by_time->waiting / 2; i-- > 0;)
        sift_down(by_time, i);
}

void mt_by_time_advance(mt_by_time *by_time, int has_more) {
    if (!has_more)
        by_time->heap[0] = by_time->heap[--by_time->waiting];
    if (by_time->waiting > 0)
        sift_down(by_time, 0);
}

void mt_by_time_free(mt_by_time *by_time) {
    mt_free(by_time->times_ns);
    mt_free(by_time->heap);
    *by_time = (mt_by_time){0};
}
