#include "load/run/lanes.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int sooner(const mt_lane *a, const mt_lane *b) {
    if (a->event.time != b->event.time)
        return a->event.time < b->event.time;
    return a->rank < b->rank;
}

static void sift_down(mt_run_lanes *lanes, size_t at) {
    mt_lane **heap = lanes->heap;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= lanes->waiting)
            return;
        if (child + 1 < lanes->waiting && sooner(heap[child + 1], heap[child]))
            child++;
        if (!sooner(heap[child], heap[at]))
            return;
        mt_lane *moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

mt_code mt_run_lanes_advance(mt_run_lanes *lanes, mt_error *error) {
    int got = mt_lane_advance(lanes->heap[0], error);
    if (got < 0)
        return mt_code_of(error);
    if (got == 0)
        lanes->heap[0] = lanes->heap[--lanes->waiting];
    if (lanes->waiting > 0)
        sift_down(lanes, 0);
    return MT_OK;
}

static int by_name(const void *a, const void *b) {
    const mt_lane *const *first = a;
    const mt_lane *const *second = b;
    return strcmp((*first)->stream->name, (*second)->stream->name);
}

static void rank_lanes(mt_run_lanes *lanes, const mt_plan *plan) {
    for (size_t i = 0; i < lanes->count; i++) {
        lanes->lanes[i].stream = mt_plan_stream(plan, i);
        lanes->heap[i] = &lanes->lanes[i];
    }
    qsort((void *)lanes->heap, lanes->count, sizeof(void *), by_name);
    for (size_t i = 0; i < lanes->count; i++)
        lanes->heap[i]->rank = i;
}

mt_code mt_run_lanes_open(mt_run_lanes *lanes, const mt_plan *plan, const mt_run_options *options,
                          mt_error *error) {
    size_t count = mt_plan_stream_count(plan);
    lanes->lanes = mt_allocate_zero(count, sizeof *lanes->lanes);
    lanes->heap = mt_allocate_zero(count, sizeof(void *));
    if (!lanes->lanes || !lanes->heap)
        return mt_fail_memory(error, "streams");
    lanes->count = count;
    rank_lanes(lanes, plan);
    for (size_t i = 0; i < count; i++) {
        mt_lane *lane = &lanes->lanes[i];
        mt_code code = mt_lane_open(lane, mt_plan_block_size(plan), options, error);
        if (code != MT_OK)
            return code;
        int got = mt_lane_advance(lane, error);
        if (got < 0)
            return mt_code_of(error);
        if (got > 0)
            lanes->heap[lanes->waiting++] = lane;
    }
    for (size_t i = lanes->waiting; i-- > 0;)
        sift_down(lanes, i);
    return MT_OK;
}

void mt_run_lanes_close(mt_run_lanes *lanes) {
    for (size_t i = 0; i < lanes->count; i++)
        mt_lane_close(&lanes->lanes[i]);
    mt_free(lanes->lanes);
    mt_free(lanes->heap);
}
