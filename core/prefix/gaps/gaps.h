/* Arrival times drawn anew from a source's gaps.
 *
 * MT_GAPS_IID: the number of requests at one instant and the gap (above 0) to the next instant are
 * drawn independently from what the source has of each. That keeps both distributions and forgets
 * their order: bursts longer than an instant, and the rate's course, are lost. The source's order
 * does not matter: numbers of requests and gaps are drawn from sorted lists.
 *
 * MT_GAPS_SOURCE keeps how requests bunch, at every window, and the course of the rate. The
 * source's time is cut into cells, these into smaller cells, and so on, along the lengths that
 * people count by: ..., 0.1, 1, 10 s, 1, 5 min, 1 h. Of the cells that hold a hundred requests or
 * fewer, the largest are *turned*; on a grid so coarse that there are none, the smallest cells are.
 * A turned cell's parts change places in a circle, by a random number of places: 1 2 3 4 5 becomes
 * 4 5 1 2 3. Its parts are turned in the same way, and theirs, down to parts of about two dozen
 * requests, whose gaps among themselves are copied. So the counts in cells are the source's own
 * counts, in the same order above the turned cells and in another order within them. Whatever is
 * computed from these counts stays: variance over mean, peak, share of silent seconds. Windows that
 * are no cells are looked after too: each turning is chosen among four, the one that keeps the sums
 * of squares of the counts so far nearest to the source's, so that errors cannot add up. Moving
 * runs of a series about, so that its dependence survives, is the block bootstrap's idea (Kuensch,
 * "The jackknife and the bootstrap for general stationary observations", 1989); doing it within
 * nested cells is what saves the course.
 *
 * Times lie on the source's grid, the greatest common divisor of its gaps. A grid that is only kept
 * nearly, as behind a timer that is a little early or late, is found too (95 % of the instants
 * within a quarter of a period): then gaps stay near its multiples as the source's are.
 *
 * What *drawn anew* means: with each seed a request comes at another place, one of many within the
 * time that about a hundred requests take. No run of a few dozen requests keeps its original place,
 * except in the last, incomplete cells at the end of the source. Two seeds put few runs at the same
 * place. On a grid of long periods there are few places, and all requests of an instant move
 * together. How many requests a longer cell has is not drawn: that is the course of the rate.
 *
 * Both kinds are unlimited. SOURCE goes through its source again and again, every lap turned anew;
 * a lap takes the source's duration and one mean gap between instants. So the rate does not drift.
 *
 * A source of one instant (of one request, say) has no gap above 0: the instant comes again every
 * second, with as many requests.
 *
 * Memory: 8 bytes a request of the source (SOURCE), 16 an instant (IID). Random numbers: (seed,
 * "synthesize", "arrivals"); the items are laps (SOURCE) or instants (IID: first the gap before it,
 * none before the first, then its requests). */
#ifndef MT_PREFIX_GAPS_GAPS_H
#define MT_PREFIX_GAPS_GAPS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A source of one instant comes again after this, nanoseconds: here, and of what is made from
 * chains (prefix/reuse/). */
#define MT_LONE_PERIOD INT64_C(1000000000)

typedef enum mt_gaps_method { MT_GAPS_IID, MT_GAPS_SOURCE } mt_gaps_method;

typedef struct mt_gaps mt_gaps;

/* gaps_ns[i] is the time in nanoseconds from request i - 1 to request i; gaps_ns[0] is not looked
 * at: time begins with the first request. The gaps are copied. NULL on failure: MT_ERROR_VALUE for
 * no gaps, for one below 0 (the message names the request, from 1, and `cat --sort`), for a source
 * of more than 2^61 ns (73 years); MT_ERROR_MEMORY; MT_ERROR_INTERRUPTED. */
mt_gaps *mt_gaps_new(mt_gaps_method method, const int64_t *gaps_ns, size_t count, uint64_t seed,
                     mt_error *error);

/* The gaps of the same requests had their clock not ticked: their times are spread over the grid
 * that they lie on (stats/grid.h), by the seed, and spread_ns[0..count), which may be gaps_ns,
 * takes the gaps between them. The gaps must be in order: without it there are no times. Errors as
 * in mt_gaps_new, and MT_ERROR_VALUE where the times lie on no grid; spread_ns means nothing then.
 * Memory while it works: 24 bytes a request. */
mt_code mt_gaps_dequantize(const int64_t *gaps_ns, size_t count, uint64_t seed, int64_t *spread_ns,
                           mt_error *error);

/* The next request's time: 0 for the first instant drawn, wherever that was, then nondecreasing
 * nanoseconds. MT_ERROR_VALUE once times pass 2^63 - 1 ns (292 years), again on every further call.
 */
mt_code mt_gaps_next(mt_gaps *gaps, int64_t *time_ns, mt_error *error);

void mt_gaps_free(mt_gaps *gaps); /* NULL is allowed */

#endif
