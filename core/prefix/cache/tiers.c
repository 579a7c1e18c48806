#include "prefix/cache/tiers.h"

#include "base/assert.h"
#include "base/memory.h"

struct mt_tiers {
    mt_touch_order order;
    mt_hit_rule rule;
    int is_one; /* a cache without tiers, which is the first of them */
    size_t count;
    mt_cache *caches[MT_MOST_TIERS];
    mt_tier_counts counts[MT_MOST_TIERS];
};

mt_tiers *mt_tiers_open(const mt_cache_spec *spec, const uint64_t *sizes, size_t count,
                        mt_hit_rule rule, mt_error *error) {
    mt_assert(count <= MT_MOST_TIERS && !spec->policy->looks_ahead);
    mt_assert(count == 0 || spec->ttl_ns == MT_NO_TTL);
    mt_tiers *tiers = mt_new(sizeof *tiers, "cache", error);
    if (!tiers)
        return NULL;
    tiers->order = spec->order;
    tiers->rule = rule;
    tiers->is_one = count == 0;
    for (; tiers->count < count + (size_t)tiers->is_one; tiers->count++) {
        mt_cache_spec here = *spec;
        if (!tiers->is_one)
            here.size = sizes[tiers->count];
        tiers->counts[tiers->count].size = here.size;
        if (!(tiers->caches[tiers->count] = mt_cache_open(&here, error))) {
            mt_tiers_close(tiers);
            return NULL;
        }
    }
    return tiers;
}

void mt_tiers_close(mt_tiers *tiers) {
    if (!tiers)
        return;
    for (size_t i = 0; i < tiers->count; i++)
        mt_cache_close(tiers->caches[i]);
    mt_free(tiers);
}

mt_code mt_tiers_reserve(mt_tiers *tiers, size_t blocks, mt_error *error) {
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < tiers->count; i++)
        code = mt_cache_reserve(tiers->caches[i], blocks, error);
    return code;
}

/* The tier that holds the block; the number of tiers when none does. */
static size_t tier_of(const mt_tiers *tiers, uint32_t block) {
    size_t tier = 0;
    while (tier < tiers->count && !mt_cache_holds(tiers->caches[tier], block))
        tier++;
    return tier;
}

size_t mt_tiers_leading(const mt_tiers *tiers, const mt_cache_path *path) {
    if (tiers->is_one)
        return mt_cache_leading(tiers->caches[0], path);
    size_t hits = 0;
    while (hits < path->count && tier_of(tiers, path->blocks[hits]) < tiers->count)
        hits++;
    return hits;
}

/* Counts where the leading blocks come from; gives how many there are. */
static size_t count_hits(mt_tiers *tiers, const mt_cache_path *path) {
    size_t hits = 0, tier;
    while (hits < path->count && (tier = tier_of(tiers, path->blocks[hits])) < tiers->count) {
        hits++;
        tiers->counts[tier].hits += mt_hits_by(tiers->rule, hits, path->count) == hits;
    }
    return hits;
}

/* A block that hit moves up from where it is now: blocks touched before it may have pushed it down,
 * or out. */
static void touch(mt_tiers *tiers, uint32_t block, int is_hit) {
    size_t tier = tier_of(tiers, block);
    if (tier > 0 && tier < tiers->count) {
        mt_cache_drop(tiers->caches[tier], block);
        tiers->counts[tier].moved_up += (uint64_t)is_hit;
    }
    uint32_t moving = mt_cache_touch(tiers->caches[0], block);
    for (size_t at = 0; moving != MT_NO_VICTIM;
         moving = mt_cache_touch(tiers->caches[at], moving)) {
        tiers->counts[at].evicted++;
        if (++at == tiers->count)
            break;
        tiers->counts[at].moved_down++;
    }
}

size_t mt_tiers_access(mt_tiers *tiers, const mt_cache_path *path) {
    if (tiers->is_one)
        return mt_cache_access(tiers->caches[0], path);
    size_t hits = count_hits(tiers, path);
    for (size_t i = 0; i < path->count; i++) {
        size_t at = tiers->order == MT_TOUCH_ROOT ? i : path->count - 1 - i;
        touch(tiers, path->blocks[at], at < hits);
    }
    return hits;
}

const mt_tier_counts *mt_tiers_counts(const mt_tiers *tiers) {
    return tiers->counts;
}

size_t mt_tiers_count(const mt_tiers *tiers) {
    return tiers->is_one ? 0 : tiers->count;
}

uint64_t mt_tiers_held(const mt_tiers *tiers) {
    uint64_t held = 0;
    for (size_t i = 0; i < tiers->count; i++)
        held += mt_cache_count(tiers->caches[i]);
    return held;
}
