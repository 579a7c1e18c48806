#include "prefix/gaps/state.h"

#include "base/assert.h"

#include <math.h>
#include <string.h>

enum { TRIES = 8 }; /* orders of a run to choose from */

/* The source's ticks and one mean gap between instants. */
static int64_t lap_length_of(const mt_gaps_source *source, int64_t tick) {
    int64_t duration = source->times[source->count - 1] - source->times[0];
    size_t instants = mt_gaps_instants(source->times, source->count);
    double mean = (double)duration / (double)(instants - 1);
    int64_t ticks = (int64_t)(mean / (double)tick + 0.5);
    return (source->times[source->count - 1] / tick + (ticks > 1 ? ticks : 1)) * tick;
}

mt_code mt_gaps_source_start(mt_gaps_source *source, int64_t *times, size_t count,
                             mt_random *random, mt_error *error) {
    mt_gaps_grid grid = mt_gaps_grid_of(times, count);
    *source = (mt_gaps_source){.times = times, .count = count, .period = grid.period_ns};
    if (grid.period_ns == 0) {
        source->lap_length = source->period = MT_LONE_PERIOD;
    } else {
        source->lead = grid.cut_ns > 0 ? grid.period_ns - grid.cut_ns : 0;
        for (size_t i = 0; i < count; i++)
            times[i] += source->lead;
        source->lap_length = lap_length_of(source, grid.period_ns);
    }
    mt_code code = mt_gaps_cut(&source->runs, times, count, source->period, random, error);
    if (code) {
        source->times = NULL;
        return code;
    }
    source->run = source->runs.count;
    mt_gaps_windows_make(&source->windows, times, count);
    return MT_OK;
}

/* How many requests of the source come from `first` on and before that time. */
static int64_t requests_until(const mt_gaps_source *source, size_t first, int64_t time) {
    size_t low = first, high = source->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (source->times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return (int64_t)(low - first);
}

/* The run that begins with the request, and its instants. */
static void take_run(mt_gaps_source *source, size_t first, size_t end) {
    mt_gaps_tree *tree = &source->tree;
    int64_t start = source->times[first] / source->period;
    tree->count = 0;
    for (size_t i = first; i < end; i++) {
        int64_t tick = source->times[i] / source->period - start;
        if (tree->count > 0 && tick == tree->ticks[tree->count - 1])
            continue;
        mt_assert(tree->count < MT_GAPS_RUN);
        source->instants[tree->count] = i;
        tree->ticks[tree->count++] = tick;
    }
    source->instants[tree->count] = end;
}

/* Counts the run in the source's tally, and what follows it in the windows under way. */
static void tally_source(mt_gaps_source *source, int64_t ahead[MT_GAPS_WINDOWS]) {
    size_t end = source->instants[source->tree.count];
    int64_t offset = source->lap_start - source->lead;
    for (size_t i = source->instants[0]; i < end; i++)
        mt_gaps_tally_add(&source->windows, &source->source, source->times[i] + offset);
    for (size_t w = 0; w < source->windows.count; w++) {
        int64_t window_end = source->source.start[w] + source->windows.length[w];
        ahead[w] = requests_until(source, end, window_end - offset);
    }
}

/* By how much an instant's requests move: they come as early or late at its new tick as at its own. */
static int64_t offset_of(const mt_gaps_source *source, const mt_gaps_instant *instant) {
    int64_t ticks = instant->tick - source->tree.ticks[instant->source];
    return source->lap_start - source->lead + ticks * source->period;
}

static void tally_made(const mt_gaps_source *source, const mt_gaps_instant *turned,
                       mt_gaps_tally *made) {
    for (size_t k = 0; k < source->tree.count; k++) {
        const size_t *first = &source->instants[turned[k].source];
        int64_t offset = offset_of(source, &turned[k]);
        for (size_t i = first[0]; i < first[1]; i++)
            mt_gaps_tally_add(&source->windows, made, source->times[i] + offset);
    }
}

/* The run in the one of several orders that keeps the variances of counts nearest to the source's. */
static void choose(mt_gaps_source *source, mt_random *random) {
    mt_gaps_instant turned[MT_GAPS_RUN];
    int64_t ahead[MT_GAPS_WINDOWS];
    mt_gaps_tally best = source->made;
    double least = INFINITY;
    size_t tries = source->tree.count > 1 ? TRIES : 1;
    mt_gaps_grow(&source->tree, random);
    tally_source(source, ahead);
    for (size_t k = 0; k < tries; k++) {
        mt_gaps_tally made = source->made;
        mt_gaps_turn(&source->tree, random, turned);
        tally_made(source, turned, &made);
        double distance = mt_gaps_tally_distance(&source->windows, &made, &source->source, ahead);
        if (distance < least) {
            least = distance;
            best = made;
            memcpy(source->turned, turned, source->tree.count * sizeof *turned);
        }
    }
    source->made = best;
}

/* 0 when times would not fit. */
static int open_lap(mt_gaps_source *source, mt_random *random) {
    if (source->lap > 0) {
        if (source->lap_start > INT64_MAX - source->lap_length - source->lap_length)
            return 0;
        source->lap_start += source->lap_length;
    }
    mt_random_seek(random, source->lap++);
    source->run = 0;
    return 1;
}

int64_t mt_gaps_source_next(mt_gaps_source *source, mt_random *random) {
    if (source->next == source->end) {
        if (source->instant == source->tree.count) {
            if (source->run == source->runs.count && !open_lap(source, random))
                return -1;
            take_run(source, source->run > 0 ? source->runs.ends[source->run - 1] : 0,
                     source->runs.ends[source->run]);
            source->run++;
            source->instant = 0;
            choose(source, random);
        }
        const mt_gaps_instant *instant = &source->turned[source->instant++];
        source->next = source->instants[instant->source];
        source->end = source->instants[instant->source + 1];
        source->offset = offset_of(source, instant);
    }
    int64_t time = source->times[source->next++] + source->offset;
    return time < 0 ? 0 : time; /* the first instant's place, by a timer that was early elsewhere */
}
