#include "prefix/cache/cache.h"

#include "base/assert.h"
#include "base/memory.h"
#include "prefix/cache/queue.h"

#include <math.h>

struct mt_cache {
    mt_cache_spec spec;
    size_t blocks;  /* numbers that there is room for */
    mt_big held;    /* a bit each: does the cache hold it */
    mt_big entries; /* of the policy */
    /* With a time to live: int64_t each, what a block's age is counted from; and all held in the order of
     * these times (mt_link each). */
    mt_big times, links;
    mt_queue ages;
    mt_policy_state *state;
    const float *weights; /* by block; NULL: each is 1 */
    double weight, room;  /* where blocks are weighed: of those held, and what they may be */
};

mt_cache *mt_cache_open(const mt_cache_spec *spec, mt_error *error) {
    mt_assert(spec->size > 0 && spec->ttl_ns >= 0);
    mt_cache *cache = mt_new(sizeof *cache, "cache", error);
    if (!cache)
        return NULL;
    cache->spec = *spec;
    if (!(cache->state = mt_new(spec->policy->state_size, "cache", error))) {
        mt_free(cache);
        return NULL;
    }
    cache->state->size = spec->size;
    cache->state->seed = spec->seed;
    cache->state->requests = spec->requests;
    mt_queue_start(&cache->ages);
    if (spec->policy->start)
        spec->policy->start(cache->state);
    return cache;
}

void mt_cache_close(mt_cache *cache) {
    if (!cache)
        return;
    if (cache->spec.policy->release)
        cache->spec.policy->release(cache->state);
    mt_big_free(&cache->held);
    mt_big_free(&cache->entries);
    mt_big_free(&cache->times);
    mt_big_free(&cache->links);
    mt_free(cache->state);
    mt_free(cache);
}

mt_code mt_cache_reserve(mt_cache *cache, size_t blocks, mt_error *error) {
    const mt_policy *policy = cache->spec.policy;
    if (blocks > cache->blocks) {
        if (mt_big_reserve(&cache->held, (blocks / 64 + 1) * sizeof(uint64_t)) ||
            mt_big_reserve(&cache->entries, blocks * policy->entry_size) ||
            (cache->spec.ttl_ns != MT_NO_TTL &&
             (mt_big_reserve(&cache->times, blocks * sizeof(int64_t)) ||
              mt_big_reserve(&cache->links, blocks * sizeof(mt_link)))))
            return mt_fail_memory(error, "cache");
        cache->blocks = blocks;
        cache->state->entries = cache->entries.data;
    }
    return policy->reserve ? policy->reserve(cache->state, cache->blocks, error) : MT_OK;
}

void mt_cache_weigh(mt_cache *cache, const float *weights, double most) {
    mt_assert(cache->state->count == 0 && !cache->spec.policy->looks_ahead &&
              cache->spec.ttl_ns == MT_NO_TTL);
    cache->state->size = UINT64_MAX;
    cache->room = most;
    cache->weights = weights;
}

int mt_cache_holds(const mt_cache *cache, uint32_t block) {
    const uint64_t *held = cache->held.data;
    return block < cache->blocks && (held[block / 64] >> block % 64 & 1);
}

static void set_held(mt_cache *cache, uint32_t block, int is_held) {
    uint64_t *word = (uint64_t *)cache->held.data + block / 64, bit = (uint64_t)1 << block % 64;
    *word = is_held ? *word | bit : *word & ~bit;
}

/* Evicts while more is held than that. Puts no block in. */
static void evict_weight(mt_cache *cache, double most) {
    while (cache->weight > most && cache->state->count > 0) {
        uint32_t victim = cache->spec.policy->evict(cache->state);
        cache->weight -= (double)cache->weights[victim];
        set_held(cache, victim, 0);
    }
}

/* Touches a block by its weight. What leaves is told where it is one that was there, not where it
 * makes room: there may be many. */
static uint32_t touch_weighed(mt_cache *cache, uint32_t block) {
    const mt_policy *policy = cache->spec.policy;
    if (!mt_cache_holds(cache, block)) {
        evict_weight(cache, nextafter(cache->room, 0));
        policy->insert(cache->state, block, MT_NEVER_USED);
        set_held(cache, block, 1);
        cache->weight += (double)cache->weights[block];
        return MT_NO_VICTIM;
    }
    uint32_t victim = policy->hit(cache->state, block, MT_NEVER_USED);
    if (victim != MT_NO_VICTIM) {
        set_held(cache, victim, 0);
        cache->weight -= (double)cache->weights[victim];
    }
    return victim;
}

/* Touches a block with a policy that looks ahead. Gives what is held no more: the block itself, where
 * it is refused. */
static uint32_t touch_ahead(mt_cache *cache, uint32_t block, uint32_t next) {
    const mt_policy *policy = cache->spec.policy;
    uint32_t victim = MT_NO_VICTIM;
    if (mt_cache_holds(cache, block)) {
        victim = policy->hit(cache->state, block, next);
    } else {
        if (policy->insert(cache->state, block, next) != MT_NO_VICTIM)
            return block;
        set_held(cache, block, 1);
        if (cache->state->count > cache->spec.size)
            victim = policy->evict(cache->state);
    }
    if (victim != MT_NO_VICTIM)
        set_held(cache, victim, 0);
    return victim;
}

/* The same of a cache that is neither. This is where a trace that is played spends its time: one call of
 * the policy, and no question that has the same answer for all blocks. */
static uint32_t touch(mt_cache *cache, uint32_t block) {
    const mt_policy *policy = cache->spec.policy;
    uint64_t *word = (uint64_t *)cache->held.data + block / 64, bit = (uint64_t)1 << block % 64;
    mt_assert(block < cache->blocks);
    uint32_t (*take)(void *, uint32_t, uint32_t) = policy->hit;
    if (!(*word & bit)) {
        take = cache->state->count == cache->spec.size ? policy->replace : policy->insert;
        *word |= bit;
    }
    uint32_t victim = take(cache->state, block, MT_NEVER_USED);
    if (victim != MT_NO_VICTIM)
        set_held(cache, victim, 0);
    return victim;
}

static uint32_t touch_otherwise(mt_cache *cache, uint32_t block, uint32_t next) {
    return cache->weights ? touch_weighed(cache, block) : touch_ahead(cache, block, next);
}

static int is_plain(const mt_cache *cache) {
    return !cache->weights && !cache->spec.policy->looks_ahead;
}

uint32_t mt_cache_touch(mt_cache *cache, uint32_t block) {
    return is_plain(cache) ? touch(cache, block) : touch_otherwise(cache, block, MT_NEVER_USED);
}

void mt_cache_drop(mt_cache *cache, uint32_t block) {
    cache->spec.policy->drop(cache->state, block);
    set_held(cache, block, 0);
}

uint64_t mt_cache_count(const mt_cache *cache) {
    return cache->state->count;
}

static int is_fresh(const mt_cache *cache, uint32_t block, int64_t time_ns) {
    int64_t age, since = ((const int64_t *)cache->times.data)[block];
    return !__builtin_sub_overflow(time_ns, since, &age) && age <= cache->spec.ttl_ns;
}

size_t mt_cache_leading(const mt_cache *cache, const mt_cache_path *path) {
    int ages = cache->spec.ttl_ns != MT_NO_TTL;
    size_t hits = 0;
    while (hits < path->count && mt_cache_holds(cache, path->blocks[hits]) &&
           (!ages || is_fresh(cache, path->blocks[hits], path->time_ns)))
        hits++;
    return hits;
}

/* Lets go of what is too old now. Times never fall, so these are the oldest. */
static void forget_old(mt_cache *cache, int64_t now) {
    while (cache->ages.oldest != MT_QUEUE_END && !is_fresh(cache, cache->ages.oldest, now))
        mt_cache_drop(cache, mt_queue_pop(&cache->ages, cache->links.data, sizeof(mt_link)));
}

/* Touches a block of which ages are kept; is_new: its age begins now, which it does in any case where it was
 * not held. */
static void touch_aged(mt_cache *cache, uint32_t block, uint32_t next, int64_t now, int is_new) {
    int was_held = mt_cache_holds(cache, block);
    uint32_t victim = is_plain(cache) ? touch(cache, block) : touch_otherwise(cache, block, next);
    if (victim != MT_NO_VICTIM && (victim != block || was_held))
        mt_queue_take(&cache->ages, cache->links.data, sizeof(mt_link), victim);
    if (victim == block || (was_held && !is_new))
        return;
    if (was_held)
        mt_queue_take(&cache->ages, cache->links.data, sizeof(mt_link), block);
    mt_queue_push(&cache->ages, cache->links.data, sizeof(mt_link), block);
    ((int64_t *)cache->times.data)[block] = now;
}

/* Touches all of the path, of which the first `hits` hit, in the order of touching. */
static void touch_path(mt_cache *cache, const mt_cache_path *path, size_t hits) {
    int looks_ahead = cache->spec.policy->looks_ahead, has_ages = cache->spec.ttl_ns != MT_NO_TTL;
    int is_simple = is_plain(cache) && !has_ages, is_by_use = cache->spec.since == MT_TTL_SINCE_USE;
    size_t first = 0, step = 1;
    mt_assert(!looks_ahead || path->next || path->count == 0);
    if (cache->spec.order == MT_TOUCH_LEAF && !looks_ahead) {
        first = path->count - 1;
        step = SIZE_MAX; /* one back */
    }
    for (size_t at = first, i = 0; i < path->count; i++, at += step) {
        uint32_t next = looks_ahead ? path->next[at] : MT_NEVER_USED;
        if (is_simple)
            touch(cache, path->blocks[at]);
        else if (has_ages)
            touch_aged(cache, path->blocks[at], next, path->time_ns, is_by_use || at >= hits);
        else
            touch_otherwise(cache, path->blocks[at], next);
    }
}

size_t mt_cache_access(mt_cache *cache, const mt_cache_path *path) {
    if (cache->spec.ttl_ns != MT_NO_TTL)
        forget_old(cache, path->time_ns);
    size_t hits = mt_cache_leading(cache, path);
    touch_path(cache, path, hits);
    return hits;
}
