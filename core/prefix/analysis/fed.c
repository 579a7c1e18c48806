#include "prefix/analysis/fed.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/block/check.h"
#include "prefix/block/tree.h"
#include "text/texts.h"

#include <math.h>

struct mt_fed_cache {
    mt_hit_rule rule;
    uint64_t block_size;
    int has_ages;
    int64_t last_ns; /* of the request before, with ages */
    mt_replicas *replicas;
    int goes_by_session;
    mt_texts sessions; /* names, by number */
    mt_prefix_tree *tree;
    uint32_t *path;
    size_t capacity;
    mt_hit_totals totals;
    double share; /* of their blocks that hit, summed over requests */
    uint64_t hits, hit_tokens;
    mt_code failure; /* of a request that the tree or the cache has only in part */
};

mt_fed_cache *mt_fed_cache_new(const mt_cache_spec *spec, const mt_replica_spec *servers,
                               mt_hit_rule rule, uint64_t block_size, mt_error *error) {
    static const mt_replica_spec one = {.count = 1};
    mt_fed_cache *fed = mt_new(sizeof *fed, "cache", error);
    if (!fed)
        return NULL;
    servers = servers ? servers : &one;
    fed->rule = rule;
    fed->block_size = block_size;
    fed->has_ages = spec->ttl_ns != MT_NO_TTL;
    fed->last_ns = INT64_MIN;
    fed->goes_by_session = servers->route == MT_ROUTE_SESSION;
    if ((fed->tree = mt_prefix_tree_new(error)) &&
        (fed->replicas = mt_replicas_open(spec, servers, rule, error)))
        return fed;
    mt_fed_cache_free(fed);
    return NULL;
}

void mt_fed_cache_free(mt_fed_cache *cache) {
    if (!cache)
        return;
    mt_replicas_close(cache->replicas);
    mt_texts_free(&cache->sessions);
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

/* The path comes to what there is; *hits: all of its leading blocks that hit. */
static mt_code play(mt_fed_cache *cache, const mt_request *request, const mt_cache_path *path,
                    size_t *hits, mt_error *error) {
    uint32_t session = MT_ROUTE_NO_SESSION;
    if (cache->goes_by_session && request->has & MT_HAS_SESSION &&
        mt_texts_intern(&cache->sessions, request->session.text, request->session.length, &session))
        return mt_fail_memory(error, "cache");
    return mt_replicas_access(cache->replicas, path, session, mt_prefix_tree_count(cache->tree),
                              hits, error);
}

mt_code mt_fed_cache_access(mt_fed_cache *cache, const mt_request *request, size_t *hits,
                            mt_error *error) {
    size_t count = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0, known;
    mt_code code;
    *hits = 0;
    if ((code = mt_poll_interrupt(error)) || (code = check(cache, request, error)))
        return code;
    if (cache->failure)
        return mt_fail(error, cache->failure,
                       "the cache holds a request in part since it failed: make a new one");
    if (MT_GROW(cache->path, cache->capacity, count))
        return mt_fail_memory(error, "cache");
    if (count > 0)
        code =
            mt_prefix_tree_add(cache->tree, request->hash_ids, count, cache->path, &known, error);
    mt_cache_path path = {cache->path, count, NULL, request->time_ns};
    if (code == MT_OK)
        code = play(cache, request, &path, hits, error);
    cache->failure = code;
    if (code || count == 0)
        return code;
    *hits = mt_hits_by(cache->rule, *hits, count);
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
    return mt_replicas_held(cache->replicas);
}

const mt_replicas *mt_fed_cache_replicas(const mt_fed_cache *cache) {
    return cache->replicas;
}
