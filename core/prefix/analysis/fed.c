#include "prefix/analysis/fed.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/block/check.h"
#include "prefix/block/tree.h"

#include <math.h>

struct mt_fed_cache {
    mt_hit_rule rule;
    uint64_t block_size;
    int has_ages;
    int64_t last_ns; /* of the request before, with ages */
    mt_cache *cache;
    mt_prefix_tree *tree;
    uint32_t *path;
    size_t capacity;
    mt_hit_totals totals;
    double share; /* of their blocks that hit, summed over requests */
    uint64_t hits, hit_tokens;
};

mt_fed_cache *mt_fed_cache_new(const mt_cache_spec *spec, mt_hit_rule rule, uint64_t block_size,
                               mt_error *error) {
    mt_fed_cache *fed = mt_new(sizeof *fed, "cache", error);
    if (!fed)
        return NULL;
    fed->rule = rule;
    fed->block_size = block_size;
    fed->has_ages = spec->ttl_ns != MT_NO_TTL;
    fed->last_ns = INT64_MIN;
    if ((fed->cache = mt_cache_open(spec, error)) && (fed->tree = mt_prefix_tree_new(error)))
        return fed;
    mt_fed_cache_free(fed);
    return NULL;
}

void mt_fed_cache_free(mt_fed_cache *cache) {
    if (!cache)
        return;
    mt_cache_close(cache->cache);
    mt_prefix_tree_free(cache->tree);
    mt_free(cache->path);
    mt_free(cache);
}

static mt_code check(const mt_fed_cache *cache, const mt_request *request, mt_error *error) {
    mt_code code = cache->block_size ? mt_check_blocks(request, cache->block_size, error) : MT_OK;
    if (code && error)
        error->line = request->line;
    if (code == MT_OK && cache->has_ages)
        code = mt_check_time(request, cache->last_ns, "a cache that forgets by age", error);
    return code;
}

/* Counts a request of `count` blocks, of which `hits` hit. */
static void count_request(mt_fed_cache *cache, const mt_request *request, size_t count,
                          size_t hits) {
    uint64_t whole = count * cache->block_size;
    uint64_t tokens = request->has & MT_HAS_INPUT_LENGTH ? request->input_length : whole;
    uint64_t hit_tokens = hits * cache->block_size;
    cache->totals.requests++;
    cache->totals.blocks += count;
    cache->totals.tokens += tokens;
    cache->share += (double)hits / (double)count;
    cache->hits += hits;
    cache->hit_tokens += hits == count || hit_tokens > tokens ? tokens : hit_tokens;
}

mt_code mt_fed_cache_access(mt_fed_cache *cache, const mt_request *request, size_t *hits,
                            mt_error *error) {
    size_t count = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0, known;
    mt_code code;
    *hits = 0;
    if ((code = mt_poll_interrupt(error)) || (code = check(cache, request, error)))
        return code;
    if (count == 0)
        return MT_OK;
    if (MT_GROW(cache->path, cache->capacity, count))
        return mt_fail_memory(error, "cache");
    if ((code = mt_prefix_tree_add(cache->tree, request->hash_ids, count, cache->path, &known,
                                   error)) ||
        (code = mt_cache_reserve(cache->cache, mt_prefix_tree_count(cache->tree), error)))
        return code;
    mt_cache_path path = {cache->path, count, NULL, request->time_ns};
    *hits = mt_hits_by(cache->rule, mt_cache_access(cache->cache, &path), count);
    cache->last_ns = request->time_ns;
    count_request(cache, request, count, *hits);
    return MT_OK;
}

mt_played mt_fed_cache_played(const mt_fed_cache *cache) {
    const mt_hit_totals *totals = &cache->totals;
    return (mt_played){
        .requests = totals->requests,
        .blocks = totals->blocks,
        .tokens = totals->tokens,
        .ratio = {mt_ratio_of(cache->share, totals->requests),
                  mt_ratio_of((double)cache->hits, totals->blocks),
                  mt_ratio_of((double)cache->hit_tokens, cache->block_size ? totals->tokens : 0)},
        .within = NAN};
}

uint64_t mt_fed_cache_held(const mt_fed_cache *cache) {
    return mt_cache_count(cache->cache);
}
