/* The hit ratio of an LRU cache of prefixes against its size: a value, exact at every size.
 *
 * Prefix-aware hits, as serving engines have them: in a cache of `size` blocks a block hits when it
 * and every block before it in the request has a reuse distance of at most `size`
 * (prefix/cache/history.h). Where requests touch their blocks from the root on, those of a run have one
 * distance and hit together; where they touch them from the leaf on, a run hits from its first block on,
 * one block more with each block of cache. */
#ifndef MT_PREFIX_CACHE_HIT_CURVE_H
#define MT_PREFIX_CACHE_HIT_CURVE_H

#include "base/error.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks of one request that begin to hit at one size. */
typedef struct mt_hits {
    uint64_t size; /* of the cache, blocks: they hit in this one and in all larger ones */
    double share;  /* of the request's blocks */
    uint64_t blocks, tokens;
} mt_hits;

/* What the hits are compared with. Requests without hash_ids count nowhere. */
typedef struct mt_hit_totals {
    uint64_t requests, blocks, tokens;
} mt_hit_totals;

/* One ratio, weighted in three ways; NaN where there is nothing to divide by. */
typedef struct mt_hit_ratio {
    double request; /* mean over the requests of the share of their blocks that hit */
    double block;   /* hits / blocks */
    double token;   /* tokens of the blocks that hit / tokens */
} mt_hit_ratio;

/* part / total, NaN where that is 0. */
static inline double mt_ratio_of(double part, uint64_t total) {
    return total > 0 ? part / (double)total : NAN;
}

/* Blocks of one request that begin to hit one by one: the first in a cache of newer + 1 blocks, the next in
 * newer + 2, and so on. */
typedef struct mt_hit_ramp {
    uint64_t newer;  /* blocks that such a cache holds before them */
    uint64_t blocks; /* at least 1 */
    double share;    /* of the request's blocks, that each of them is */
    uint64_t tokens; /* of each, but the last one has */
    uint64_t last_tokens;
} mt_hit_ramp;

typedef struct mt_hit_curve mt_hit_curve;

#define MT_INFINITE_CACHE UINT64_MAX

/* Takes hits[0..count) of all requests in any order and sorts them in place; they stay the
 * caller's. NULL on failure. Memory: 32 bytes a different size. */
mt_hit_curve *mt_hit_curve_new(mt_hits *hits, size_t count, const mt_hit_totals *totals,
                               mt_error *error);

/* The same of ramps, which stay the caller's. Memory: 64 bytes a ramp and more while it is made. */
mt_hit_curve *mt_hit_curve_of_ramps(const mt_hit_ramp *ramps, size_t count,
                                    const mt_hit_totals *totals, mt_error *error);

/* At `size` blocks. O(log sizes). */
mt_hit_ratio mt_hit_curve_at(const mt_hit_curve *curve, uint64_t size);

/* The least cache with at least `share` (0 to 1) of the infinite one's hits, in blocks; 0 when
 * nothing ever hits. */
uint64_t mt_hit_curve_size(const mt_hit_curve *curve, double share);

void mt_hit_curve_free(mt_hit_curve *curve); /* NULL is allowed */

#endif
