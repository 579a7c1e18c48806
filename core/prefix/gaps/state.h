/* What the files of gaps share: the parts that each kind is made of. */
#ifndef MT_PREFIX_GAPS_STATE_H
#define MT_PREFIX_GAPS_STATE_H

#include "prefix/gaps/gaps.h"
#include "random/generator.h"

/* ---- the grid (grid.c) ---- */

/* Where a source's times may lie: at multiples of `period_ns`. When they only lie near those, as
 * behind a timer that is a little early or late, ticks begin `cut_ns` after the multiples, where
 * there are next to no times.
 *
 * This is not the grid of stats/grid.h, which asks whether a clock's ticks hide when requests came:
 * it looks for long periods only, wants several requests at a tick, and finds no grid in most
 * traces. Here every source has one, be it of 1 ns, since new times must lie where its own may. */
typedef struct mt_gaps_grid {
    int64_t period_ns; /* 0: a single instant */
    int64_t cut_ns;
} mt_gaps_grid;

/* `times` are nondecreasing, count >= 1. */
mt_gaps_grid mt_gaps_grid_of(const int64_t *times, size_t count);

/* How many different times there are. */
size_t mt_gaps_instants(const int64_t *times, size_t count);

/* ---- runs (runs.c) ---- */

enum { MT_GAPS_RUN = 100 };         /* requests in a run, at most, or */
enum { MT_GAPS_RUN_INSTANTS = 24 }; /* so many instants, if those have more; and */
enum { MT_GAPS_RUN_PART = 8 };      /* such a part of the source's time */

/* The source cut into runs: at each gap that is the longest one of more requests than a run may have, or
 * of more time. So a run is what stands close together, and the gaps beside it are longer than those in
 * it. Equally long gaps are cut in an order that is drawn. */
typedef struct mt_gaps_runs {
    size_t *ends; /* the request behind each run's last; ascending */
    size_t count;
} mt_gaps_runs;

/* times_ns are nondecreasing, count >= 1, gaps are counted in ticks of period_ns. Frees nothing on
 * failure: MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED. */
mt_code mt_gaps_cut(mt_gaps_runs *runs, const int64_t *times_ns, size_t count, int64_t period_ns,
                    mt_random *random, mt_error *error);

/* ---- a run turned (turn.c) ---- */

/* A run, cut at its longest gap, each part at its own, and so on to single instants: a tree. Of a gap's two
 * sides, either may come first, so that what stands close together still does. Instants are numbered in the
 * run, and so are gaps: gap k is before instant k. */
typedef struct mt_gaps_tree {
    size_t count;               /* instants */
    int64_t ticks[MT_GAPS_RUN]; /* when they come, since the first one */
    uint8_t root;               /* the longest gap, and the longest one on its either side; */
    uint8_t before[MT_GAPS_RUN], after[MT_GAPS_RUN]; /* 0: there is one instant */
} mt_gaps_tree;

/* The tree of ticks[0..count), which are set. Draws which of equally long gaps is the longest. */
void mt_gaps_grow(mt_gaps_tree *tree, mt_random *random);

/* An instant as it comes: which one of the run it is, and when, ticks since the first. */
typedef struct mt_gaps_instant {
    size_t source;
    int64_t tick;
} mt_gaps_instant;

/* Draws an order of the run's instants. Of the longest gap's sides the second always comes first, where there
 * are more than two instants: so that hardly anything stays where it was. */
void mt_gaps_turn(const mt_gaps_tree *tree, mt_random *random, mt_gaps_instant *made);

/* ---- counts in windows (tally.c) ---- */

enum { MT_GAPS_WINDOWS = 8 };

/* The windows that are looked after. */
typedef struct mt_gaps_windows {
    int64_t length[MT_GAPS_WINDOWS]; /* ns */
    double weight[MT_GAPS_WINDOWS];  /* one over the source's sum of squared deviations */
    size_t count;
} mt_gaps_windows;

/* Sums over the windows so far; all zero at time 0. */
typedef struct mt_gaps_tally {
    int64_t start[MT_GAPS_WINDOWS];  /* of the window under way */
    int64_t held[MT_GAPS_WINDOWS];   /* requests in it */
    double squares[MT_GAPS_WINDOWS]; /* of the counts, the one under way included */
} mt_gaps_tally;

/* Windows for a source: all that it fills often enough. */
void mt_gaps_windows_make(mt_gaps_windows *windows, const int64_t *times, size_t count);

static inline void mt_gaps_tally_add(const mt_gaps_windows *windows, mt_gaps_tally *tally,
                                     int64_t time) {
    for (size_t w = 0; w < windows->count; w++) {
        if (time - tally->start[w] >= windows->length[w]) {
            tally->start[w] = time - time % windows->length[w];
            tally->held[w] = 0;
        }
        tally->squares[w] += (double)(2 * tally->held[w]++ + 1);
    }
}

/* How far the variances of two tallies are apart, all windows together, once ahead[w] more requests have
 * come in each window under way. */
double mt_gaps_tally_distance(const mt_gaps_windows *windows, const mt_gaps_tally *a,
                              const mt_gaps_tally *b, const int64_t ahead[MT_GAPS_WINDOWS]);

/* ---- MT_GAPS_SOURCE (source.c) ---- */

typedef struct mt_gaps_source {
    int64_t *times; /* ns since the tick at or before the first request */
    size_t count;
    int64_t period;     /* ns, of the grid */
    int64_t lead;       /* ns from there to the first request */
    int64_t lap_length; /* ns from lap to lap */
    mt_gaps_runs runs;
    uint64_t lap;
    int64_t lap_start; /* ns */
    mt_gaps_windows windows;
    mt_gaps_tally source, made; /* of what the source has up to here, and what was made */
    size_t run;                 /* the next one to be taken; runs.count: the lap is at its end */
    mt_gaps_tree tree;          /* of the run under way */
    size_t instants[MT_GAPS_RUN + 1];    /* its instants' first requests, and the next run's */
    mt_gaps_instant turned[MT_GAPS_RUN]; /* its instants in the order chosen */
    size_t instant;                      /* of these, the next one to come */
    size_t next, end;                    /* requests of the one under way, and */
    int64_t offset;                      /* what their times are moved by */
} mt_gaps_source;

/* From the source's times, 0 first, nondecreasing, up to 2^61 ns. The array becomes the source's, if this
 * does not fail (as mt_gaps_cut). */
mt_code mt_gaps_source_start(mt_gaps_source *source, int64_t *times, size_t count,
                             mt_random *random, mt_error *error);

/* The next time, or -1 once times pass 2^63 - 1. */
int64_t mt_gaps_source_next(mt_gaps_source *source, mt_random *random);

/* ---- MT_GAPS_IID (iid.c) ---- */

typedef struct mt_gaps_iid {
    int64_t *sizes; /* requests of each instant, ascending */
    int64_t *waits; /* from each instant but the last to the next, ascending */
    size_t count;   /* instants */
    uint64_t instant;
    uint64_t left; /* requests still to come at it */
    int64_t time;
} mt_gaps_iid;

mt_code mt_gaps_iid_start(mt_gaps_iid *iid, const int64_t *times, size_t count, mt_error *error);
int64_t mt_gaps_iid_next(mt_gaps_iid *iid, mt_random *random); /* or -1, as above */

#endif
