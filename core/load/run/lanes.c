#include "load/run/lanes.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

mt_code mt_run_lanes_advance(mt_run_lanes *lanes, mt_error *error) {
    int got = mt_lane_advance(lanes->waiting.items[0], error);
    if (got < 0)
        return mt_code_of(error);
    if (got > 0)
        mt_lane_heap_sift_down(&lanes->waiting, 0);
    else
        mt_lane_heap_pop(&lanes->waiting);
    return MT_OK;
}

static int by_name(const void *a, const void *b) {
    const mt_lane *const *first = a;
    const mt_lane *const *second = b;
    return strcmp((*first)->stream->name, (*second)->stream->name);
}

/* Takes the heap's room for the lanes by name. */
static int rank_lanes(mt_run_lanes *lanes, const mt_plan *plan) {
    if (MT_GROW(lanes->waiting.items, lanes->waiting.capacity, lanes->count) != 0) // NOLINT
        return -1;
    mt_lane **names = lanes->waiting.items;
    for (size_t i = 0; i < lanes->count; i++) {
        lanes->lanes[i].stream = mt_plan_stream(plan, i);
        names[i] = &lanes->lanes[i];
    }
    qsort((void *)names, lanes->count, sizeof(void *), by_name);
    for (size_t i = 0; i < lanes->count; i++)
        names[i]->rank = i;
    return 0;
}

mt_code mt_run_lanes_open(mt_run_lanes *lanes, const mt_plan *plan, const mt_run_options *options,
                          mt_error *error) {
    size_t count = mt_plan_stream_count(plan);
    lanes->lanes = mt_allocate_zero(count, sizeof *lanes->lanes);
    if (!lanes->lanes)
        return mt_fail_memory(error, "streams");
    lanes->count = count;
    if (rank_lanes(lanes, plan) != 0)
        return mt_fail_memory(error, "streams");
    for (size_t i = 0; i < count; i++) {
        mt_lane *lane = &lanes->lanes[i];
        mt_code code = mt_lane_open(lane, mt_plan_block_size(plan), options, error);
        if (code != MT_OK)
            return code;
        int got = mt_lane_advance(lane, error);
        if (got < 0)
            return mt_code_of(error);
        if (got > 0 && mt_lane_heap_push(&lanes->waiting, lane) != 0)
            return mt_fail_memory(error, "streams");
    }
    return MT_OK;
}

void mt_run_lanes_close(mt_run_lanes *lanes) {
    for (size_t i = 0; i < lanes->count; i++)
        mt_lane_close(&lanes->lanes[i]);
    mt_free(lanes->lanes);
    mt_free((void *)lanes->waiting.items);
}
