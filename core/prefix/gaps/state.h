/* What the files of gaps share: the parts that each kind is made of. */
#ifndef MT_PREFIX_GAPS_STATE_H
#define MT_PREFIX_GAPS_STATE_H

#include "prefix/gaps/gaps.h"
#include "random/generator.h"

/* ---- the grid (grid.c) ---- */

/* Where a source's times may lie: at multiples of `period_ns`. When they only lie near those, as
 * behind a timer that is a little early or late, cells begin `cut_ns` after the multiples, where
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

/* ---- cells (cells.c) ---- */

enum { MT_GAPS_LENGTHS = 32 };

/* Nested lengths of cells: each divides the next. */
typedef struct mt_gaps_cells {
    int64_t length[MT_GAPS_LENGTHS]; /* ns; [0] is the grid's period */
    size_t count;                    /* >= 1 */
} mt_gaps_cells;

/* The lengths for a source of `count` requests over `lap_length` ns, a multiple of `tick`. */
void mt_gaps_cells_make(mt_gaps_cells *cells, int64_t tick, int64_t lap_length, size_t count);

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

/* Windows for a source: all that it fills often enough, but those that its cells keep. */
void mt_gaps_windows_make(mt_gaps_windows *windows, const int64_t *times, size_t count,
                          const mt_gaps_cells *cells, int cells_begin_at_0);

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

/* How far the variances of two tallies are apart, all windows together. */
double mt_gaps_tally_distance(const mt_gaps_windows *windows, const mt_gaps_tally *a,
                              const mt_gaps_tally *b);

/* ---- MT_GAPS_SOURCE (source.c) ---- */

/* A cell under way. Requests are numbered as in the source. */
typedef struct mt_gaps_frame {
    int64_t source, made; /* where it begins in the source's lap and in the one being made */
    size_t first, end;    /* its requests */
    size_t most;          /* requests that are copied together */
    size_t level;         /* of its parts, in mt_gaps_cells */
    int64_t parts;        /* whole parts in it */
    int64_t rest;         /* the length of an incomplete one behind them; 0: none */
    int64_t shift;        /* the part that comes first */
    int64_t next;         /* 0..parts - 1, then `parts` for the incomplete one */
    int is_turned;        /* it, or one around it, is of those that are */
    int is_moved;         /* and by more than 0 places */
} mt_gaps_frame;

typedef struct mt_gaps_source {
    int64_t *times; /* ns since the first cell began */
    size_t count;
    int64_t lead;       /* ns from there to the first request */
    int64_t lap_length; /* ns from lap to lap */
    mt_gaps_cells cells;
    uint64_t lap;
    int64_t lap_start; /* ns */
    mt_gaps_windows windows;
    mt_gaps_tally source, made; /* of what the source has up to here, and what was made */
    size_t next, end;           /* requests being copied */
    int64_t offset;             /* what their times are moved by */
    mt_random chosen;           /* makes the cells above chosen_depth once more */
    size_t chosen_depth;        /* 0: there are none */
    size_t depth;               /* frames in use; 0: between laps */
    mt_gaps_frame frames[MT_GAPS_LENGTHS + 1];
} mt_gaps_source;

/* From the source's times, 0 first, nondecreasing, up to 2^61 ns; takes the array. */
void mt_gaps_source_start(mt_gaps_source *source, int64_t *times, size_t count);

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
