#include "load/run/lanes.h"

#include "base/fetch.h"
#include "base/memory.h"
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

static int sooner(const mt_waiting_lane *a, const mt_waiting_lane *b) {
    if (a->time != b->time)
        return a->time < b->time;
    return a->rank < b->rank;
}

static size_t *place_of(mt_run_lanes *lanes, const mt_lane *lane) {
    return &lanes->places[lane - lanes->lanes];
}

static void put(mt_run_lanes *lanes, const mt_waiting_lane *lane, size_t at) {
    lanes->heap[at] = *lane;
    *place_of(lanes, lane->lane) = at + 1;
}

/* Puts the lane where the place `at` is free: there, or nearer to the top or to the bottom. */
static void sift(mt_run_lanes *lanes, const mt_waiting_lane lane, size_t at) {
    mt_waiting_lane *heap = lanes->heap;
    for (; at > 0 && sooner(&lane, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(lanes, &heap[(at - 1) / 2], at);
    for (size_t child; (child = 2 * at + 1) < lanes->waiting; at = child) {
        if (child + 1 < lanes->waiting && sooner(&heap[child + 1], &heap[child]))
            child++;
        if (!sooner(&heap[child], &lane))
            break;
        put(lanes, &heap[child], at);
    }
    put(lanes, &lane, at);
}

/* Thousands of lanes are not in the processor's caches. The next but one is the second or the third:
 * it is fetched while the next one works, and then what it points at. */
static MT_FETCHES void fetch_next(const mt_run_lanes *lanes) {
    for (size_t i = 0; i < 3 && i < lanes->waiting; i++) {
        const mt_lane *lane = lanes->heap[i].lane;
        __builtin_prefetch(lane);
        __builtin_prefetch(&lane->keys);
    }
}

mt_code mt_run_lanes_look(mt_run_lanes *lanes, mt_lane *lane, mt_error *error) {
    size_t place = *place_of(lanes, lane);
    int got = mt_lane_look(lane, error);
    if (got < 0)
        return mt_code_of(error);
    if (got > 0 && lanes->waiting == 1 && place == 1) {
        lanes->heap[0].time = lane->time; /* nobody is before it */
    } else if (got > 0) {
        sift(lanes, (mt_waiting_lane){lane->time, lane->rank, lane},
             place > 0 ? place - 1 : lanes->waiting++);
    } else if (place > 0) {
        mt_waiting_lane last = lanes->heap[--lanes->waiting];
        *place_of(lanes, lane) = 0;
        if (last.lane != lane)
            sift(lanes, last, place - 1);
    }
    if (lanes->count > 1)
        fetch_next(lanes);
    return MT_OK;
}

static int by_name(const void *a, const void *b) {
    const mt_waiting_lane *first = a, *second = b;
    return strcmp(first->lane->stream->name, second->lane->stream->name);
}

/* How many bytes all names begin with. */
static size_t common_length(const mt_plan *plan) {
    const char *first = mt_plan_stream(plan, 0)->name;
    size_t length = strlen(first);
    for (size_t i = 1; i < mt_plan_stream_count(plan); i++) {
        const char *name = mt_plan_stream(plan, i)->name;
        size_t same = 0;
        while (same < length && name[same] == first[same])
            same++;
        length = same;
    }
    return length;
}

/* The first bytes of a text as a number that compares as strcmp does. */
static int64_t order_of(const char *text) {
    int64_t order = 0;
    for (size_t i = 0; i < sizeof order - 1; i++) { /* one less: it is not negative */
        order = order << 8 | (unsigned char)*text;
        text += *text != '\0';
    }
    return order;
}

/* Sorts the lanes of the heap by name: by the bytes that follow what all names begin with, in which thousands
 * of streams that are counted through differ; what is the same in these, as texts. */
static mt_code sort_by_name(mt_run_lanes *lanes, const mt_plan *plan, mt_error *error) {
    size_t count = lanes->count, begin = common_length(plan);
    mt_timed *orders = mt_allocate(count, sizeof *orders);
    if (!orders)
        return mt_fail_memory(error, "streams");
    for (size_t i = 0; i < count; i++)
        orders[i] = (mt_timed){order_of(mt_plan_stream(plan, i)->name + begin), i};
    mt_code code = mt_sort_by_time(orders, count, error);
    for (size_t i = 0; code == MT_OK && i < count; i++)
        lanes->heap[i].lane = &lanes->lanes[orders[i].place];
    for (size_t from = 0, to; code == MT_OK && from < count; from = to) {
        for (to = from + 1; to < count && orders[to].time_ns == orders[from].time_ns;)
            to++;
        if (to - from > 1)
            qsort(lanes->heap + from, to - from, sizeof *lanes->heap, by_name);
    }
    mt_free(orders);
    return code;
}

static mt_code rank_lanes(mt_run_lanes *lanes, const mt_plan *plan, mt_error *error) {
    for (size_t i = 0; i < lanes->count; i++)
        lanes->lanes[i].stream = mt_plan_stream(plan, i);
    if (lanes->count == 0)
        return MT_OK;
    mt_code code = sort_by_name(lanes, plan, error);
    for (size_t i = 0; code == MT_OK && i < lanes->count; i++)
        lanes->heap[i].lane->rank = i;
    return code;
}

mt_code mt_run_lanes_open(mt_run_lanes *lanes, const mt_plan *plan, const mt_run_options *options,
                          mt_error *error) {
    size_t count = mt_plan_stream_count(plan);
    lanes->lanes = mt_allocate_zero(count, sizeof *lanes->lanes);
    lanes->heap = mt_allocate_zero(count, sizeof *lanes->heap);
    lanes->places = mt_allocate_zero(count, sizeof *lanes->places);
    if (!lanes->lanes || !lanes->heap || !lanes->places)
        return mt_fail_memory(error, "streams");
    lanes->count = count;
    mt_code ranked = rank_lanes(lanes, plan, error);
    if (ranked != MT_OK)
        return ranked;
    for (size_t i = 0; i < count; i++) {
        mt_lane *lane = &lanes->lanes[i];
        mt_code code = mt_lane_open(lane, mt_plan_block_size(plan), options, error);
        if (code == MT_OK)
            code = mt_run_lanes_look(lanes, lane, error);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

void mt_run_lanes_close(mt_run_lanes *lanes) {
    for (size_t i = 0; i < lanes->count; i++)
        mt_lane_close(&lanes->lanes[i]);
    mt_free(lanes->lanes);
    mt_free(lanes->heap);
    mt_free(lanes->places);
}
