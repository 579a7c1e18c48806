/* When the requests of a part come (prefix/reuse/chains_part.c), where nearly all of the source come by
 * themselves, in bursts: readers of documents, who know nothing of each other.
 *
 * A search that moves them one by one would scatter what came in a burst. So it only says in which order
 * they come, and their times are those of a stretch of the lap: of several, drawn, the one whose
 * counts per window and whose rate are most like the whole lap's. Where a few families make a stretch it
 * matters who runs beside whom, and they are not put in order so. */
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/reuse/chains_state.h"
#include "stats/dispersion.h"

#include <math.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

static const double by_themselves = 0.9; /* of all requests, where this is done */
static const double bunched = 2;         /* variance over mean: 1 by chance */
enum { STRETCHES = 128 };                /* of which one is taken */
enum { WINDOWS = 4 };
static const int64_t windows[WINDOWS] = {SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND};
enum { FEWEST_WINDOWS = 4 }; /* fewer say nothing, nor do those that hold so few requests: */
static const double fewest_held = 0.5;
static const double rate_weight = 4; /* of the rate beside counts in one window */

static double rate_of(const int64_t *times, size_t count) {
    return (double)count / (double)(times[count - 1] - times[0] + 1);
}

static int says_something(const mt_dispersion *counts) {
    return counts->windows >= FEWEST_WINDOWS && counts->mean >= fewest_held &&
           counts->variance_over_mean > 0;
}

/* Is there more of a bunch in them than chance makes? */
static int is_bunched(const int64_t *times, size_t count) {
    for (size_t w = 0; w < WINDOWS; w++) {
        mt_dispersion all;
        mt_disperse(times, count, windows[w], &all);
        if (says_something(&all) && all.variance_over_mean > bunched)
            return 1;
    }
    return 0;
}

/* How far apart counts per window of a part are, as a new trace, and of the whole. */
static double unlike(const int64_t *part, size_t requests, const int64_t *whole, size_t count) {
    double sum = rate_weight * fabs(log(rate_of(part, requests) / rate_of(whole, count)));
    for (size_t w = 0; w < WINDOWS; w++) {
        mt_dispersion here, there;
        mt_disperse(part, requests, windows[w], &here);
        mt_disperse(whole, count, windows[w], &there);
        if (says_something(&here) && says_something(&there))
            sum += fabs(log(here.variance_over_mean / there.variance_over_mean));
    }
    return sum;
}

/* Of the lap's times, in order, where the best of some stretches begins. part: room for one. */
static size_t find_stretch(const mt_reuse_chains *chains, const int64_t *times, size_t requests,
                           int64_t *part) {
    size_t count = chains->model->count, best = 0;
    double least = INFINITY;
    mt_random random = chains->random;
    mt_random_seek(&random, UINT64_MAX - 1); /* behind all laps, before the search's */
    for (int k = 0; k < STRETCHES; k++) {
        size_t begin = mt_random_below(&random, count - requests + 1);
        for (size_t i = 0; i < requests; i++)
            part[i] = times[begin + i] - times[begin];
        double here = unlike(part, requests, times, count);
        if (here < least) {
            least = here;
            best = begin;
        }
    }
    return best;
}

void mt_reuse_free_arrivals(mt_reuse_arrivals *arrivals) {
    if (!arrivals)
        return;
    mt_free(arrivals->times);
    mt_free(arrivals->after);
    mt_free(arrivals->placed);
    mt_free(arrivals);
}

mt_code mt_reuse_find_arrivals(mt_reuse_chains *chains, size_t requests, mt_error *error) {
    size_t count = chains->model->count;
    mt_reuse_arrivals *all = mt_new(sizeof *all, "synthesiser", error);
    int64_t *times = mt_allocate(count, sizeof *times);
    if (!all || !times || !(all->times = mt_allocate(requests, sizeof *all->times)) ||
        !(all->after = mt_allocate(count, sizeof *all->after)) ||
        !(all->placed = mt_allocate(count, sizeof *all->placed))) {
        mt_free(times);
        mt_reuse_free_arrivals(all);
        return mt_fail_memory(error, "synthesiser");
    }
    mt_code code = MT_OK;
    int is_so = !mt_reuse_is_few(chains) &&
                (double)mt_reuse_tie_turns(chains, 0, all->after) >= by_themselves * (double)count;
    if (is_so) {
        memcpy(times, chains->when, count * sizeof *times);
        code = mt_sort_times(times, count, error);
    }
    if (is_so && code == MT_OK && is_bunched(times, count)) {
        size_t begin = find_stretch(chains, times, requests, all->times);
        memcpy(all->times, times + begin, requests * sizeof *times);
        chains->arrivals = all;
        all = NULL;
    }
    mt_free(times);
    mt_reuse_free_arrivals(all);
    return code;
}

mt_code mt_reuse_take_arrivals(const mt_reuse_chains *chains, mt_reuse_judged *events, size_t count,
                               mt_error *error) {
    const mt_reuse_arrivals *all = chains->arrivals;
    size_t requests = chains->part_requests;
    int64_t end = events[requests - 1].time_ns, last = all->times[requests - 1] - all->times[0];
    for (uint32_t t = 0; t < chains->model->count; t++)
        all->placed[t].time = MT_REUSE_DROPPED;
    for (size_t i = 0; i < count; i++) {
        uint32_t before = all->after[events[i].turn];
        int64_t was = events[i].time_ns,
                time = i < requests ? all->times[i] - all->times[0] : last + (was - end);
        while (before != MT_NO_TURN && all->placed[before].time == MT_REUSE_DROPPED)
            before = all->after[before];
        if (before != MT_NO_TURN)
            time = all->placed[before].time + (was - all->placed[before].was);
        all->placed[events[i].turn] = (mt_reuse_placed){time, was};
        events[i].time_ns = time;
    }
    return mt_sort_by_number(events, count, sizeof *events, error);
}

mt_code mt_reuse_place_part(mt_reuse_chains *chains, mt_error *error) {
    size_t all = chains->model->count, count = 0;
    if (!chains->arrivals)
        return MT_OK;
    mt_reuse_judged *events = mt_allocate(all, sizeof *events);
    if (!events)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < all; t++)
        if (chains->when[t] >= chains->phase && chains->when[t] < MT_REUSE_DROPPED)
            events[count++] = (mt_reuse_judged){chains->when[t] - chains->phase, t};
    int64_t begin = chains->arrivals->times[0];
    mt_code code = mt_sort_by_number(events, count, sizeof *events, error);
    int64_t was = code == MT_OK ? events[count - 1].time_ns : 0;
    if (code == MT_OK)
        code = mt_reuse_take_arrivals(chains, events, count, error);
    for (size_t t = 0; t < all && !code; t++)
        chains->when[t] = MT_REUSE_DROPPED;
    for (size_t i = 0; i < count && !code; i++)
        chains->when[events[i].turn] = begin + events[i].time_ns;
    if (code == MT_OK) {
        chains->part_end += events[count - 1].time_ns - was;
        chains->phase = begin;
    }
    mt_free(events);
    return code;
}
