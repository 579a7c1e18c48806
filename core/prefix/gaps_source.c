#include "prefix/gaps_kind.h"

/* Requests of a smallest cell: at most these, and few enough that a largest cell has some. */
enum { MOST_TOGETHER = 24, LEAST_PIECES = 8 };

/* The source's cells and one mean gap between instants, on the grid. */
static int64_t period_of(const mt_gaps_source *source, int64_t step) {
    int64_t duration = source->times[source->count - 1] - source->times[0];
    size_t instants = mt_gaps_instants(source->times, source->count);
    double mean = (double)duration / (double)(instants - 1);
    double cells = (double)(source->times[source->count - 1] / step);
    double steps = mean / (double)step < 1 ? 1 : (double)(int64_t)(mean / (double)step + 0.5);
    if ((cells + steps) * (double)step >= 0x1p63)
        return INT64_MAX / step * step;
    return (int64_t)(cells + steps) * step;
}

void mt_gaps_source_start(mt_gaps_source *source, int64_t *times, size_t count) {
    mt_gaps_grid grid = mt_gaps_grid_of(times, count);
    *source = (mt_gaps_source){.times = times, .count = count};
    if (grid.step == 0) {
        source->period = MT_GAPS_LONE_PERIOD;
        mt_gaps_cells_make(&source->cells, source->period, source->period, count);
        return;
    }
    if (grid.phase > 0 && times[count - 1] < INT64_MAX - grid.step)
        source->lead = grid.step - grid.phase;
    for (size_t i = 0; i < count; i++)
        times[i] += source->lead;
    source->period = period_of(source, grid.step);
    mt_gaps_cells_make(&source->cells, grid.step, source->period, count);
}

/* The first request of [first, end) at `time` or later. */
static size_t request_at(const mt_gaps_source *source, size_t first, size_t end, int64_t time) {
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (source->times[middle] < time)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

/* Cuts a cell of `length` into parts of the given level and turns them. */
static void open_cell(mt_gaps_source *source, mt_gaps_frame cell, int64_t length,
                      mt_random *random) {
    int64_t part = source->cells.length[cell.level];
    cell.parts = length / part;
    cell.rest = length % part;
    if (cell.level + 1 < source->cells.count && cell.parts > 1) {
        uint64_t parts = (uint64_t)cell.parts;
        /* Two parts only: staying is the half of all that can happen. */
        int must_move = !cell.moved && parts > 2;
        cell.shift = (int64_t)(must_move ? 1 + mt_random_below(random, parts - 1)
                                         : mt_random_below(random, parts));
        cell.moved |= cell.shift != 0;
    }
    source->frames[source->depth++] = cell;
}

static void open_lap(mt_gaps_source *source, mt_random *random) {
    mt_gaps_frame whole = {.end = source->count, .level = source->cells.count - 1};
    mt_random_seek(random, source->lap);
    open_cell(source, whole, source->period, random);
}

static size_t most_together(size_t requests) {
    size_t most = requests / LEAST_PIECES;
    return most < 1 ? 1 : most > MOST_TOGETHER ? MOST_TOGETHER : most;
}

/* Takes the next part of the innermost cell: its requests are copied, or it is opened. */
static void next_part(mt_gaps_source *source, mt_random *random) {
    mt_gaps_frame *cell = &source->frames[source->depth - 1];
    if (cell->next == cell->parts + (cell->rest > 0)) {
        source->depth--;
        return;
    }
    int64_t place = cell->next++;
    int64_t index = place < cell->parts ? (place + cell->shift) % cell->parts : place;
    int64_t part = source->cells.length[cell->level];
    int64_t length = place < cell->parts ? part : cell->rest;
    mt_gaps_frame inner = {.source = cell->source + index * part,
                           .made = cell->made + place * part,
                           .moved = place < cell->parts && cell->moved};
    inner.first = request_at(source, cell->first, cell->end, inner.source);
    inner.end = request_at(source, inner.first, cell->end, inner.source + length);
    if (inner.first == inner.end)
        return;
    size_t requests = inner.end - inner.first;
    inner.most = source->depth == 1 ? most_together(requests) : cell->most;
    if (cell->level == 0 ||
        (inner.moved && (requests <= inner.most ||
                         source->times[inner.first] == source->times[inner.end - 1]))) {
        source->next = inner.first;
        source->end = inner.end;
        source->offset = inner.made - inner.source;
        return;
    }
    inner.level = cell->level - 1;
    open_cell(source, inner, length, random);
}

int64_t mt_gaps_source_next(mt_gaps_source *source, mt_random *random) {
    while (source->next == source->end) {
        if (source->depth > 0) {
            next_part(source, random);
        } else {
            open_lap(source, random);
        }
        if (source->depth == 0) {
            source->lap++;
            if (source->lap_start > INT64_MAX - source->period)
                return -1;
            source->lap_start += source->period;
        }
    }
    int64_t time = source->times[source->next++] + source->offset - source->lead;
    if (time < 0 && source->lap_start == 0)
        time = 0;
    return time > INT64_MAX - source->lap_start ? -1 : time + source->lap_start;
}
