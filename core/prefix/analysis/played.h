/* A trace played through caches: how much of each request hits, and what that makes of all.
 *
 * hits[] has one entry for each request that the locality has taken in: its leading blocks that
 * hit, whatever the cache. It comes from one of four places. LRU caches, and those without limit
 * that forget what was not used for a time, are read off the runs that the locality keeps
 * (prefix/cache/history.h), in a step a run. First in, first out takes a number a block. Any other
 * cache is played through; a request's path
 * is walked in the prefix tree from its last block up, so that nothing but that block is kept of
 * it. */
#ifndef MT_PREFIX_ANALYSIS_PLAYED_H
#define MT_PREFIX_ANALYSIS_PLAYED_H

#include "prefix/analysis/locality.h"
#include "prefix/cache/replicas.h"

/* Requests taken in: the entries of hits[]. */
size_t mt_locality_requests(const mt_locality *locality);

/* In an LRU cache of `size` blocks. */
void mt_locality_hits_lru(const mt_locality *locality, uint64_t size, mt_touch_order order,
                          uint32_t *hits);

/* In a cache without limit that forgets what was not used for more than ttl_ns. Times must be there
 * and not go back (mt_locality_result). */
void mt_locality_hits_by_age(const mt_locality *locality, int64_t ttl_ns, uint32_t *hits);

/* In a cache of `size` blocks that evicts first what came first. Memory: 8 bytes a block. On
 * failure (memory, Ctrl-C) hits[] is not filled. */
mt_code mt_locality_hits_fifo(const mt_locality *locality, uint64_t size, mt_touch_order order,
                              uint32_t *hits, mt_error *error);

/* In the cache that `spec` says; its `requests` is filled in here. rule: what a policy that looks
 * ahead tries to have as much of as it can; hits[] has all hits. With a time to live, times must be
 * there and not go back. On failure (memory, Ctrl-C) hits[] is not filled. */
mt_code mt_locality_play(const mt_locality *locality, const mt_cache_spec *spec, mt_hit_rule rule,
                         uint32_t *hits, mt_error *error);

/* The same, in the cheapest of the four ways. */
mt_code mt_locality_hits(const mt_locality *locality, const mt_cache_spec *spec, mt_hit_rule rule,
                         uint32_t *hits, mt_error *error);

/* The same on replicas, with tiers or without, that were opened for this, whose counts then say the rest.
 * Sessions are those of the locality. */
mt_code mt_locality_play_replicas(const mt_locality *locality, mt_replicas *replicas,
                                  uint32_t *hits, mt_error *error);

/* What hits make of all requests that have blocks. */
typedef struct mt_played {
    uint64_t requests, blocks, tokens; /* those there are */
    mt_hit_ratio ratio;                /* NaN where there is nothing to divide by */
    double within; /* of all blocks: hits up to the deepest that the own session touched last */
} mt_played;

mt_played mt_locality_tally(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule);

/* The same of LRU caches of sizes[0..count), which rise: played[0..count), without hits[] and in one pass
 * for all. */
enum { MT_MOST_TALLIED = 64 };
void mt_locality_tally_lru(const mt_locality *locality, const uint64_t *sizes, size_t count,
                           mt_touch_order order, mt_hit_rule rule, mt_played *played);

/* Puts the request that was taken in last into a group, 0, 1, 2, ...; it is in group 0 before. */
void mt_locality_set_group(mt_locality *locality, uint32_t group);

/* The same of each group's requests, whose numbers are all below `count`. */
void mt_locality_tally_groups(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule,
                              mt_played *groups, size_t count);

#endif
