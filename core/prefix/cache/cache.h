/* A cache of prefixes: any policy at one size, played through request by request.
 *
 * A request is a path: the blocks of its prompt from the first on, as a prefix tree numbers them.
 * *Hits* are its leading blocks that the cache holds when it comes; the first one that is not there
 * ends them, for what follows a missing block cannot be used before that one is computed. Then the
 * request touches all its blocks, and each becomes held. It touches them from the root on, or from
 * the leaf on (mt_touch_order), as engines that free a request's blocks from its end on so that
 * leaves are evicted first. Which blocks are evicted, and what that means to those after them, says
 * prefix/cache/policy.h. A policy that looks ahead is touched from the root on in any case: nothing
 * it could do differently would hit more.
 *
 * For LRU touched from the root on, hits at every size at once come from prefix/cache/history.h:
 * the same figures.
 *
 * *Time to live.* A cache may also forget a block that has not been used for `ttl_ns`, or that was
 * written so long ago (mt_ttl_since): computed, since it did not hit, or put in again, since it was
 * evicted. Age equal to it still hits. What is too old when a request comes leaves before it is looked
 * for: it takes no room, and the policy knows nothing of it when it is put in again.
 *
 * Memory: a bit, and 4 to 12 bytes by policy, for each block there is; with a time to live 16 more. */
#ifndef MT_PREFIX_CACHE_CACHE_H
#define MT_PREFIX_CACHE_CACHE_H

#include "prefix/cache/policy.h"

typedef enum mt_touch_order { MT_TOUCH_ROOT, MT_TOUCH_LEAF } mt_touch_order;

typedef enum mt_ttl_since { MT_TTL_SINCE_USE, MT_TTL_SINCE_WRITE } mt_ttl_since;

/* What counts as a hit: all of a prompt, or what an engine can use that computes the last token of
 * every prompt, to have something to go on from (vLLM): all but the last block. Blocks are touched
 * and held all the same. */
typedef enum mt_hit_rule { MT_HIT_ALL, MT_HIT_VLLM } mt_hit_rule;

#define MT_NO_TTL INT64_MAX

/* A cache to be opened. */
typedef struct mt_cache_spec {
    const mt_policy *policy;
    uint64_t size; /* blocks, at least 1; UINT64_MAX: without limit */
    mt_touch_order order;
    int64_t ttl_ns; /* at least 0; MT_NO_TTL: it forgets nothing by age */
    mt_ttl_since since;
    uint64_t seed;
    uint32_t requests; /* that there will be, for a policy that looks ahead */
} mt_cache_spec;

/* A request as a cache sees it. */
typedef struct mt_cache_path {
    const uint32_t *blocks; /* from the root on; each stands there once */
    size_t count;
    /* By place: the next request that uses the block and in which it may hit, MT_NEVER_USED for none.
     * NULL unless the policy looks ahead. Never falls along the path. */
    const uint32_t *next;
    int64_t time_ns; /* what ages are counted from; not looked at without a time to live */
} mt_cache_path;

typedef struct mt_cache mt_cache;

/* NULL on failure. */
mt_cache *mt_cache_open(const mt_cache_spec *spec, mt_error *error);

/* Room for the numbers below `blocks`, before they are touched once each. */
mt_code mt_cache_reserve(mt_cache *cache, size_t blocks, mt_error *error);

/* Blocks take room by their weight, not one each: one is put in when those held weigh less than `most`,
 * so that what leaves is as much as what comes, on average, and mostly one for one. weights[]: by
 * number, at least 1, for all numbers that there will be; the caller keeps them. Before anything is
 * touched; the spec's size then says nothing. Not for policies that go by it (S3-FIFO) or look ahead. */
void mt_cache_weigh(mt_cache *cache, const float *weights, double most);

/* The hits that the path would have: leading blocks, `rule` left to the caller. */
size_t mt_cache_leading(const mt_cache *cache, const mt_cache_path *path);

/* The request comes: gives its hits and touches its blocks, for which there is room. */
size_t mt_cache_access(mt_cache *cache, const mt_cache_path *path);

/* Single blocks, for what is built of several caches: is it held; touch it,
 * which gives what is held no more, as in mt_policy; take it out, which is held. */
int mt_cache_holds(const mt_cache *cache, uint32_t block);
uint32_t mt_cache_touch(mt_cache *cache, uint32_t block);
void mt_cache_drop(mt_cache *cache, uint32_t block);

/* Blocks held, those included that have become too old since the last request. */
uint64_t mt_cache_count(const mt_cache *cache);

void mt_cache_close(mt_cache *cache); /* NULL is allowed */

/* The hits that count by a rule, of a request of `count` blocks. */
static inline size_t mt_hits_by(mt_hit_rule rule, size_t hits, size_t count) {
    return rule == MT_HIT_VLLM && hits == count && count > 0 ? count - 1 : hits;
}

#endif
