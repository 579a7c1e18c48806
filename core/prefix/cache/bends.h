/* Sizes at which to show hit curves: where they bend. */
#ifndef MT_PREFIX_CACHE_BENDS_H
#define MT_PREFIX_CACHE_BENDS_H

#include "prefix/cache/hit_curve.h"

enum { MT_MOST_BENDS = 11 };

/* The two ends, then again and again the size at which straight lines through those there are miss one of
 * the curves most (Ramer 1972; Douglas and Peucker 1973): hit ratios by block over the logarithm of the
 * size, 512 sizes of three digits from 100 blocks on (1 where there are below 1000) to distinct_blocks, at
 * least 1. Fewer than the most where lines miss them by less than 0.004 everywhere.
 *
 * curves[0..count), at least one, are shown at the same sizes; distinct_blocks: of the one that has most.
 * Writes the sizes, which go up, and how many there are. Only memory can be missing. */
mt_code mt_hit_curve_bends(const mt_hit_curve *const *curves, size_t count,
                           uint64_t distinct_blocks, uint64_t sizes[MT_MOST_BENDS], size_t *found,
                           mt_error *error);

#endif
