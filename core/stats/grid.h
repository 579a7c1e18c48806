/* Clocks that tick: finding the grid that recorded times lie on, and taking it away.
 *
 * A log whose clock ticks every three seconds puts all requests of three seconds at one instant;
 * replayed as it is, it fires bursts that never happened. A grid is found where nearly all times
 * (99 in 100) lie within a small distance (4 ms, a twentieth of a short period) of offset + k *
 * period, the period is at least MT_GRID_LEAST, and requests share instants: evenly spaced requests
 * lie on a grid too, but one each. What a recording's clock showed between two ticks was the last
 * tick, so that the requests at a tick came in the period after it. (The grid on which a synthesis
 * may put new times is another question: prefix/gaps/state.h.) */
#ifndef MT_STATS_GRID_H
#define MT_STATS_GRID_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* The greatest common divisor of two numbers of at least 0, of which 0 is divided by all. */
int64_t mt_common_divisor(int64_t a, int64_t b);

/* Shorter periods are what milliseconds are anyway. */
#define MT_GRID_LEAST INT64_C(10000000)

typedef struct mt_grid {
    int64_t period_ns; /* 0: no grid */
    int64_t offset_ns; /* of the ticks, 0 <= offset < period */
    uint64_t times;    /* looked at */
    uint64_t instants; /* ticks that have a time */
    uint64_t off;      /* times that lie on no tick */
} mt_grid;

/* Looks for the grid of times_ns[0..count), nanoseconds in any order, at least 20 of them. MT_OK
 * with period 0 when there is none. Takes 16 bytes a time while it works, O(n log n). */
mt_code mt_grid_detect(const int64_t *times_ns, size_t count, mt_grid *grid, mt_error *error);

/* The number of the tick nearest to a time; ticks are numbered from the one at offset. */
int64_t mt_grid_tick(const mt_grid *grid, int64_t time_ns);

/* Spreads times_ns[0..count), which must not decrease, over the periods after their ticks: uniform,
 * independent and in order, so that the k-th time stays the k-th. What becomes of one tick's times
 * depends on the seed, the tick and their number alone: a whole trace at once and a tick at a time
 * come out the same. No time falls below 0. MT_ERROR_VALUE when the times decrease or a result
 * would not fit; the times may have changed in part then. */
mt_code mt_grid_spread(const mt_grid *grid, uint64_t seed, int64_t *times_ns, size_t count,
                       mt_error *error);

#endif
