#include "prefix/gaps/state.h"

#include "base/assert.h"

#include <math.h>

/* Turning costs a little of how counts in neighbouring windows hang together, at windows about as
 * long as the cell: so it is kept to where few requests are, and chance is most of what is seen.
 * Turning, not shuffling: of the neighbours within a cell only one pair is parted. */
enum {
    MOST_TURNED = 100,  /* requests of a turned cell, unless the grid allows no smaller one */
    MOST_TOGETHER = 24, /* requests that may be copied as they are */
    LEAST_PIECES = 8,   /* fewer where a largest cell would not have so many pieces */
    /* A run that may be copied and has LEAST_TURNED requests or more is still turned once in
     * COPIES + 1 times, so that two seeds differ even where their cells coincide. */
    LEAST_TURNED = 4,
    COPIES = 3,
    TRIES = 4 /* ways of turning to choose from */
};

/* The source's cells and one mean gap between instants. */
static int64_t lap_length_of(const mt_gaps_source *source, int64_t tick) {
    int64_t duration = source->times[source->count - 1] - source->times[0];
    size_t instants = mt_gaps_instants(source->times, source->count);
    double mean = (double)duration / (double)(instants - 1);
    int64_t ticks = (int64_t)(mean / (double)tick + 0.5);
    return (source->times[source->count - 1] / tick + (ticks > 1 ? ticks : 1)) * tick;
}

void mt_gaps_source_start(mt_gaps_source *source, int64_t *times, size_t count) {
    mt_gaps_grid grid = mt_gaps_grid_of(times, count);
    *source = (mt_gaps_source){.times = times, .count = count};
    if (grid.period_ns == 0) {
        source->lap_length = grid.period_ns = MT_LONE_PERIOD;
    } else {
        source->lead = grid.cut_ns > 0 ? grid.period_ns - grid.cut_ns : 0;
        for (size_t i = 0; i < count; i++)
            times[i] += source->lead;
        source->lap_length = lap_length_of(source, grid.period_ns);
    }
    mt_gaps_cells_make(&source->cells, grid.period_ns, source->lap_length, count);
    mt_gaps_windows_make(&source->windows, times, count, &source->cells, source->lead == 0);
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

/* Cuts a cell of `length` into parts, and turns them when it is one of those. */
static void open_cell(mt_gaps_source *source, mt_gaps_frame cell, int64_t length,
                      mt_random *random) {
    int64_t part = source->cells.length[cell.level];
    cell.parts = length / part;
    cell.rest = length % part;
    if (cell.is_turned && cell.parts > 1) {
        uint64_t parts = (uint64_t)cell.parts;
        /* Of two parts, staying is half of all that can happen. */
        int must_move = !cell.is_moved && parts > 2;
        cell.shift = (int64_t)(must_move ? 1 + mt_random_below(random, parts - 1)
                                         : mt_random_below(random, parts));
        cell.is_moved |= cell.shift != 0;
    }
    mt_assert(source->depth <= MT_GAPS_LENGTHS && (cell.parts > 0 || cell.rest > 0));
    source->frames[source->depth++] = cell;
}

static void copy(mt_gaps_source *source, const mt_gaps_frame *cell) {
    source->next = cell->first;
    source->end = cell->end;
    source->offset = cell->made - cell->source - source->lead + source->lap_start;
}

static void tally_source(mt_gaps_source *source, const mt_gaps_frame *cell) {
    int64_t offset = source->lap_start - source->lead;
    for (size_t i = cell->first; i < cell->end; i++)
        mt_gaps_tally_add(&source->windows, &source->source, source->times[i] + offset);
}

static size_t most_together(size_t requests) {
    size_t most = requests / LEAST_PIECES;
    return most < 1 ? 1 : most > MOST_TOGETHER ? MOST_TOGETHER : most;
}

/* The next part of the innermost cell into *inner; returns its length, or 0 when there is none. */
static int64_t take_part(mt_gaps_source *source, mt_gaps_frame *inner) {
    mt_gaps_frame *cell = &source->frames[source->depth - 1];
    int64_t part = source->cells.length[cell->level];
    while (cell->next < cell->parts + (cell->rest > 0)) {
        int64_t place = cell->next++;
        int is_whole = place < cell->parts;
        int64_t index = is_whole ? (place + cell->shift) % cell->parts : place;
        int64_t length = is_whole ? part : cell->rest;
        *inner = (mt_gaps_frame){.source = cell->source + index * part,
                                 .made = cell->made + place * part,
                                 .most = cell->most,
                                 .is_turned = cell->is_turned,
                                 .is_moved = is_whole && cell->is_moved};
        inner->first = request_at(source, cell->first, cell->end, inner->source);
        inner->end = request_at(source, inner->first, cell->end, inner->source + length);
        if (inner->first < inner->end)
            return length;
    }
    return 0;
}

static void next_part(mt_gaps_source *source, mt_random *random);

/* Opens a cell in the one of several ways that keeps the variances of counts nearest to the
 * source's. The way is known by the generator that leads to it. */
static void choose(mt_gaps_source *source, mt_gaps_frame cell, int64_t length, mt_random *random) {
    double least = INFINITY;
    size_t depth = source->depth;
    cell.is_turned = 1;
    tally_source(source, &cell);
    for (int i = 0; i < TRIES; i++) {
        mt_random start = *random;
        mt_gaps_tally made = source->made;
        open_cell(source, cell, length, random);
        while (source->depth > depth) {
            next_part(source, random);
            while (source->next < source->end)
                mt_gaps_tally_add(&source->windows, &made,
                                  source->times[source->next++] + source->offset);
        }
        double distance = mt_gaps_tally_distance(&source->windows, &made, &source->source);
        if (distance < least) {
            least = distance;
            source->chosen = start;
        }
    }
    source->chosen_depth = depth;
    open_cell(source, cell, length, &source->chosen);
}

/* Takes the next part of the innermost cell: its requests are copied, or it is opened. */
static void next_part(mt_gaps_source *source, mt_random *random) {
    mt_gaps_frame inner;
    mt_assert(source->depth > 0);
    size_t level = source->frames[source->depth - 1].level;
    int64_t length = take_part(source, &inner);
    if (length == 0) {
        source->depth--;
        return;
    }
    size_t requests = inner.end - inner.first;
    if (source->depth == 1)
        inner.most = most_together(requests);
    int is_small = inner.is_moved && requests <= inner.most;
    if (level == 0 ||
        (is_small && (requests < LEAST_TURNED || mt_random_below(random, COPIES + 1) < COPIES))) {
        copy(source, &inner);
        if (!inner.is_turned)
            tally_source(source, &inner);
        return;
    }
    inner.level = level - 1;
    if (!inner.is_turned && (requests <= MOST_TURNED || inner.level == 0))
        choose(source, inner, length, random);
    else
        open_cell(source, inner, length, random);
}

/* The whole source is a cell, which is not turned unless it is the only one. 0 when its times
 * would not fit. */
static int open_lap(mt_gaps_source *source, mt_random *random) {
    if (source->lap > 0) {
        if (source->lap_start > INT64_MAX - source->lap_length - source->lap_length)
            return 0;
        source->lap_start += source->lap_length;
    }
    mt_random_seek(random, source->lap++);
    mt_gaps_frame whole = {.end = source->count,
                           .level = source->cells.count - 1,
                           .is_turned = source->cells.count == 1};
    open_cell(source, whole, source->lap_length, random);
    return 1;
}

int64_t mt_gaps_source_next(mt_gaps_source *source, mt_random *random) {
    while (source->next == source->end) {
        if (source->depth == 0 && !open_lap(source, random))
            return -1;
        if (source->depth <= source->chosen_depth)
            source->chosen_depth = 0;
        next_part(source, source->chosen_depth > 0 ? &source->chosen : random);
    }
    int64_t time = source->times[source->next++] + source->offset;
    if (time < 0)
        time = 0; /* the first instant's place, by a timer that was early elsewhere */
    mt_gaps_tally_add(&source->windows, &source->made, time);
    return time;
}
