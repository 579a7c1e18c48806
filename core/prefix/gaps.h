/* Arrival times drawn anew from a source's gaps.
 *
 * MT_GAPS_IID: the number of requests at one instant and the gap (above 0) to the next instant are
 * drawn independently from what the source has of each. That keeps both distributions and forgets
 * their order: bursts longer than an instant, and the rate's course, are lost.
 *
 * MT_GAPS_SOURCE keeps how requests bunch, at every window, and the course of the rate. The
 * source's time is cut into cells, these into smaller cells, and so on, along the clock's own
 * lengths (..., 1, 5, 10, 30 s, 1, 5, 10, 30 min, ...). Within each cell its parts are turned round
 * by a random number of places: 1 2 3 4 5 becomes 4 5 1 2 3. A part takes its requests along, so
 * the counts in cells of a given length are the source's own counts in another order, and whatever
 * is made of them (variance over mean, peak, share of silent seconds) stays; windows that are not
 * cells are made of few that are. The largest cells are not moved: they are the course. Cutting
 * ends at about a dozen requests, whose gaps among themselves are copied; the idea of moving runs
 * of a series, so that its dependence survives, is the block bootstrap's (Kuensch, "The jackknife
 * and the bootstrap for general stationary observations", 1989), turning within nested cells takes
 * its place of drawing.
 *
 * What *drawn anew* means: no such run of requests stays at its place in time, except within the
 * last, incomplete parts of the cells that the end of the source cuts; and another seed gives
 * another order. A run longer than the smallest cells is not copied at all but by chance.
 *
 * Both are unlimited. SOURCE goes through the source again and again, every lap turned anew; a lap
 * takes the source's duration and one mean gap between instants. Times lie on the source's grid:
 * the greatest common divisor of its gaps.
 *
 * A source of one instant (of one request, say) has no gap above 0: the instant comes again every
 * second, with as many requests.
 *
 * Random numbers: (seed, "synthesize", "arrivals"); the items are instants (IID) or laps. */
#ifndef MT_PREFIX_GAPS_H
#define MT_PREFIX_GAPS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum mt_gaps_kind { MT_GAPS_IID, MT_GAPS_SOURCE } mt_gaps_kind;

typedef struct mt_gaps mt_gaps;

/* gaps_ns[i] is the time in nanoseconds from request i - 1 to request i; gaps_ns[0] is not looked
 * at. count >= 1. The gaps are copied: 8 bytes each, and nothing more grows with them. NULL on
 * failure: MT_ERROR_VALUE for no gaps, for one below 0 (times that go back), for a sum that
 * passes 2^63 - 1 ns; MT_ERROR_MEMORY. */
mt_gaps *mt_gaps_new(mt_gaps_kind kind, const int64_t *gaps_ns, size_t count, uint64_t seed,
                     mt_error *error);

/* The next request's time: 0 for the first, then nondecreasing nanoseconds. MT_ERROR_VALUE once
 * times pass 2^63 - 1 ns (292 years), again on every further call. */
mt_code mt_gaps_next(mt_gaps *gaps, int64_t *time_ns, mt_error *error);

void mt_gaps_free(mt_gaps *gaps); /* NULL is allowed */

#endif
