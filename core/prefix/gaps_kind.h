/* What the files of gaps share: the state of each kind, and its three steps. */
#ifndef MT_PREFIX_GAPS_KIND_H
#define MT_PREFIX_GAPS_KIND_H

#include "prefix/gaps.h"
#include "random/generator.h"

/* Cells, from the grid (1 ns at least) to the week and then doubled until 2^63 ns: two and a half
 * lengths a decade. */
enum { MT_GAPS_LENGTHS = 64 };

/* Where a source's times may lie: at multiples of `step` ns. When they only lie near those, as
 * behind a timer that is a little early or late, cells begin `phase` ns after the multiples, where
 * there are next to none. */
typedef struct mt_gaps_grid {
    int64_t step; /* 0: a single instant */
    int64_t phase;
} mt_gaps_grid;

mt_gaps_grid mt_gaps_grid_of(const int64_t *times, size_t count);

/* Different times among the nondecreasing `count` >= 1. */
size_t mt_gaps_instants(const int64_t *times, size_t count);

/* Nested lengths of cells: each divides the next. */
typedef struct mt_gaps_cells {
    int64_t length[MT_GAPS_LENGTHS]; /* ns; [0] is the grid */
    size_t count;                    /* the largest, length[count - 1], stays in place */
} mt_gaps_cells;

/* The lengths for a source of `count` requests over `period` ns, a multiple of `grid`. */
void mt_gaps_cells_make(mt_gaps_cells *cells, int64_t grid, int64_t period, size_t count);

/* A cell under way. Requests are numbered as in the source. */
typedef struct mt_gaps_frame {
    int64_t source, made; /* where it begins in the source's lap and in the one being made */
    size_t first, end;    /* its requests */
    size_t most;          /* requests that are copied together */
    int64_t parts;        /* whole parts in it */
    int64_t shift;        /* the part that comes first */
    int64_t next;         /* 0..parts - 1, then `parts` for an incomplete one */
    int64_t rest;         /* the incomplete part's length; 0: none */
    size_t level;         /* of its parts, in mt_gaps_cells */
    int moved;            /* some cell around it was */
} mt_gaps_frame;

typedef struct mt_gaps_source {
    int64_t *times; /* ns since the first cell began */
    size_t count;
    int64_t lead;   /* ns from there to the first request */
    int64_t period; /* ns from lap to lap */
    mt_gaps_cells cells;
    uint64_t lap;
    int64_t lap_start;  /* ns */
    size_t next, end;   /* requests being copied */
    int64_t offset;     /* what their times are moved by */
    size_t depth;       /* frames in use; 0: between laps */
    mt_gaps_frame frames[MT_GAPS_LENGTHS + 1];
} mt_gaps_source;

typedef struct mt_gaps_iid {
    size_t *sizes;  /* requests of each instant */
    int64_t *waits; /* from each instant but the last to the next */
    size_t count;   /* instants */
    uint64_t instant;
    size_t left; /* requests still to come at it */
    int64_t time;
} mt_gaps_iid;

/* From the source's times, 0 first, nondecreasing, count >= 1. _source_start takes the array. */
mt_code mt_gaps_iid_start(mt_gaps_iid *iid, const int64_t *times, size_t count, mt_error *error);
void mt_gaps_source_start(mt_gaps_source *source, int64_t *times, size_t count);

/* The next time, or -1 once times pass 2^63 - 1. */
int64_t mt_gaps_iid_next(mt_gaps_iid *iid, mt_random *random);
int64_t mt_gaps_source_next(mt_gaps_source *source, mt_random *random);

/* A source of one instant comes again after this. */
#define MT_GAPS_LONE_PERIOD INT64_C(1000000000)

#endif
