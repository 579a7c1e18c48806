#include "prefix/cache/cache.h"

#include "base/assert.h"
#include "base/memory.h"

struct mt_cache {
    mt_cache_spec spec;
    size_t blocks;  /* numbers that there is room for */
    mt_big held;    /* a bit each: does the cache hold it */
    mt_big entries; /* of the policy */
    mt_big times;   /* int64_t each, with a time to live: what its age is counted from */
    mt_policy_state *state;
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
    mt_free(cache->state);
    mt_free(cache);
}

mt_code mt_cache_reserve(mt_cache *cache, size_t blocks, mt_error *error) {
    const mt_policy *policy = cache->spec.policy;
    if (blocks > cache->blocks) {
        if (mt_big_reserve(&cache->held, (blocks / 64 + 1) * sizeof(uint64_t)) ||
            mt_big_reserve(&cache->entries, blocks * policy->entry_size) ||
            (cache->spec.ttl_ns != MT_NO_TTL &&
             mt_big_reserve(&cache->times, blocks * sizeof(int64_t))))
            return mt_fail_memory(error, "cache");
        cache->blocks = blocks;
        cache->state->entries = cache->entries.data;
    }
    return policy->reserve ? policy->reserve(cache->state, cache->blocks, error) : MT_OK;
}

int mt_cache_holds(const mt_cache *cache, uint32_t block) {
    const uint64_t *held = cache->held.data;
    return block < cache->blocks && (held[block / 64] >> block % 64 & 1);
}

static void set_held(mt_cache *cache, uint32_t block, int is_held) {
    uint64_t *word = (uint64_t *)cache->held.data + block / 64, bit = (uint64_t)1 << block % 64;
    *word = is_held ? *word | bit : *word & ~bit;
}

static uint32_t touch(mt_cache *cache, uint32_t block, uint32_t next) {
    const mt_policy *policy = cache->spec.policy;
    mt_assert(block < cache->blocks);
    int is_held = mt_cache_holds(cache, block);
    uint32_t victim = is_held ? policy->hit(cache->state, block, next)
                              : policy->insert(cache->state, block, next);
    if (!is_held)
        set_held(cache, block, 1);
    if (victim != MT_NO_VICTIM)
        set_held(cache, victim, 0);
    mt_assert(cache->state->count <= cache->spec.size);
    return victim;
}

uint32_t mt_cache_touch(mt_cache *cache, uint32_t block) {
    return touch(cache, block, MT_NEVER_USED);
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

/* Notes when the path's blocks were used, or written where they did not hit. */
static void note_times(mt_cache *cache, const mt_cache_path *path, size_t hits) {
    int64_t *times = cache->times.data;
    for (size_t i = cache->spec.since == MT_TTL_SINCE_WRITE ? hits : 0; i < path->count; i++)
        times[path->blocks[i]] = path->time_ns;
}

size_t mt_cache_access(mt_cache *cache, const mt_cache_path *path) {
    size_t hits = mt_cache_leading(cache, path);
    int looks_ahead = cache->spec.policy->looks_ahead;
    mt_assert(!looks_ahead || path->next || path->count == 0);
    if (cache->spec.order == MT_TOUCH_ROOT || looks_ahead)
        for (size_t i = 0; i < path->count; i++)
            touch(cache, path->blocks[i], looks_ahead ? path->next[i] : MT_NEVER_USED);
    else
        for (size_t i = path->count; i-- > 0;)
            touch(cache, path->blocks[i], MT_NEVER_USED);
    if (cache->spec.ttl_ns != MT_NO_TTL)
        note_times(cache, path, hits);
    return hits;
}
