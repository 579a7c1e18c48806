/* Caches below one another, as device, host and disk: what one evicts the next one keeps, and what
 * the last one evicts is gone. A block is in one of them at most.
 *
 * Hits are a request's leading blocks that any tier holds when it comes; each comes from the tier
 * that held it then. All blocks of a request go to the first tier, in the order of touching: those
 * that hit *move up* from where they stand by then, which is further down where blocks touched
 * before them pushed them out of their tier; those that stand below but come after a missing block
 * are computed, and their copies below are dropped. What the first tier evicts *moves down* to the
 * second, which may evict to the third, and so on. Every tier plays the policy. With LRU all tiers
 * together hold what one cache of their sizes' sum would.
 *
 * A cache without tiers is one as well (prefix/cache/cache.h), of which nobody counts what moves: so a
 * server has mt_tiers in any case. */
#ifndef MT_PREFIX_CACHE_TIERS_H
#define MT_PREFIX_CACHE_TIERS_H

#include "prefix/cache/cache.h"

enum { MT_MOST_TIERS = 16 };

typedef struct mt_tier_counts {
    uint64_t size;       /* blocks */
    uint64_t hits;       /* that came from it, by the rule */
    uint64_t moved_up;   /* from it to the first tier, of blocks that hit; 0 of the first */
    uint64_t moved_down; /* to it, when the tier above evicted them; 0 of the first */
    uint64_t evicted;    /* to the next tier, or from the last one for good */
} mt_tier_counts;

typedef struct mt_tiers mt_tiers;

/* sizes[0..count) from the first tier on, count up to MT_MOST_TIERS: of the spec everything but the size
 * counts, and it has no time to live. count 0: one cache, all of the spec. Its policy does not look
 * ahead. NULL on failure. */
mt_tiers *mt_tiers_open(const mt_cache_spec *spec, const uint64_t *sizes, size_t count,
                        mt_hit_rule rule, mt_error *error);

/* As mt_cache_reserve, mt_cache_leading and mt_cache_access. */
mt_code mt_tiers_reserve(mt_tiers *tiers, size_t blocks, mt_error *error);
size_t mt_tiers_leading(const mt_tiers *tiers, const mt_cache_path *path);
size_t mt_tiers_access(mt_tiers *tiers, const mt_cache_path *path);

/* Of each tier, what happened so far; as many as there are tiers. */
const mt_tier_counts *mt_tiers_counts(const mt_tiers *tiers);

/* How many tiers, 0 of one cache; and blocks that they hold, or it, those too old included. */
size_t mt_tiers_count(const mt_tiers *tiers);
uint64_t mt_tiers_held(const mt_tiers *tiers);

void mt_tiers_close(mt_tiers *tiers); /* NULL is allowed */

#endif
