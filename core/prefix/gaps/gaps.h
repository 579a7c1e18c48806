/* Arrival times drawn anew from a source's gaps.
 *
 * MT_GAPS_IID: the number of requests at one instant and the gap (above 0) to the next instant are
 * drawn independently from what the source has of each. That keeps both distributions and forgets
 * their order: bursts longer than an instant, and the rate's course, are lost. The source's order
 * does not matter: numbers of requests and gaps are drawn from sorted lists.
 *
 * MT_GAPS_SOURCE keeps how requests bunch, at every window, and the course of the rate. The source is
 * cut into runs of a hundred requests or fewer, and into parts of a run, at its longest gaps: a gap
 * that is the longest one of more requests is a cut, those within a run divide it, its parts and theirs,
 * down to single instants (the tree of single linkage, as clustering calls it). Of a gap's two sides
 * either may come first. So what stands close together still does, however long that lasts: a burst
 * stays one, as long and as dense, with the gaps before and behind it, and every gap of the source is
 * there once a lap. Each run comes in the one of eight such orders that keeps the sums of squares of the
 * counts so far, in windows of 1 s to half an hour, nearest to the source's: so errors of the variance
 * over mean cannot add up. (Moving runs of a series about, so that its dependence survives, is the block
 * bootstrap's idea: Kuensch, "The jackknife and the bootstrap for general stationary observations", 1989.
 * Runs of a given length, or cells of the clock, would cut bursts.)
 *
 * Times lie on the source's grid, the greatest common divisor of its gaps. A grid that is only kept
 * nearly, as behind a timer that is a little early or late, is found too (95 % of the instants
 * within a quarter of a period): then gaps stay near its multiples as the source's are.
 *
 * What *drawn anew* means: with each seed a request comes at another place, one of many within the
 * time that about a hundred requests take. A run takes as long as in the source, and begins and ends when
 * it did there; the two sides of its longest gap always change places. Few runs of more than 32 requests
 * keep their places, and two seeds put few at the same one. Where instants hold several requests, on a
 * grid of long periods, all of an instant move together, and a run may have two dozen instants instead. No
 * run takes more than an eighth of the source's time. How many requests come in a longer time is not drawn:
 * that is the course of the rate.
 *
 * Both kinds are unlimited. SOURCE goes through its source again and again, every lap in another order;
 * a lap takes the source's duration and one mean gap between instants. So the rate does not drift.
 *
 * A source of one instant (of one request, say) has no gap above 0: the instant comes again every
 * second, with as many requests.
 *
 * Memory: 8 bytes a request and 8 a run of the source (SOURCE), up to 33 more a request while it is cut; 16
 * an instant (IID). Random numbers: (seed, "synthesize", "arrivals"); the items are laps (SOURCE; which of
 * equally long gaps are cut is drawn of the same numbers as the first lap) or instants (IID: first the gap
 * before it, none before the first, then its requests). */
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
