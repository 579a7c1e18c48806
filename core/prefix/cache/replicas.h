/* Replicas of a server, each with a cache of its own or with tiers of them, and a router before them.
 *
 *   round-robin    request k goes to replica k modulo their number
 *   session        all requests of a session go to one replica; sessions take turns, and a request
 *                  of no session is one of its own
 *   prefix         to the replica that holds most of the request's leading blocks, where that is
 *                  at least half of them, else to the least loaded one (as the cache-aware router
 *                  of SGLang: Zheng et al., "SGLang: efficient execution of structured language
 *                  model programs", 2024)
 *   least-loaded   to the replica that had least to compute so far
 *
 * The *load* of a replica is the blocks that it had to compute so far, those that did not hit; it holds a
 * block when any of its tiers does. Of equals the first replica is taken. A router here knows what each
 * cache holds, which real ones guess from what they sent. One replica is a server by itself.
 *
 * Memory: of several replicas each numbers the blocks that came to it, by 19 to 29 bytes; what its caches
 * take is for these, and not for all blocks there are. */
#ifndef MT_PREFIX_CACHE_REPLICAS_H
#define MT_PREFIX_CACHE_REPLICAS_H

#include "prefix/cache/tiers.h"

enum { MT_MOST_REPLICAS = 4096 };

typedef enum mt_route {
    MT_ROUTE_ROUND_ROBIN,
    MT_ROUTE_SESSION,
    MT_ROUTE_PREFIX,
    MT_ROUTE_LEAST_LOADED
} mt_route;

#define MT_ROUTE_NO_SESSION UINT32_MAX

/* Servers to be opened. */
typedef struct mt_replica_spec {
    size_t count; /* from 1 to MT_MOST_REPLICAS */
    mt_route route;
    /* Of each, as mt_tiers_open has them. */
    const uint64_t *tiers; /* only read while opening */
    size_t tier_count;
} mt_replica_spec;

typedef struct mt_replica_counts {
    uint64_t requests, blocks;
    uint64_t hits; /* by the rule */
} mt_replica_counts;

typedef struct mt_replicas mt_replicas;

/* Each has the cache of the spec, or its tiers, as mt_tiers_open has them; replica i draws with the
 * spec's seed + i. NULL on failure. */
mt_replicas *mt_replicas_open(const mt_cache_spec *spec, const mt_replica_spec *servers,
                              mt_hit_rule rule, mt_error *error);

/* The request comes: where it goes, and its hits there. session: 0, 1, 2, ... by first appearance;
 * blocks: the numbers of the path are below it. */
mt_code mt_replicas_access(mt_replicas *replicas, const mt_cache_path *path, uint32_t session,
                           size_t blocks, size_t *hits, mt_error *error);

/* Of each replica, what happened so far; as many as there are. */
const mt_replica_counts *mt_replicas_counts(const mt_replicas *replicas);

/* Of each tier of one replica, and of all together (the size that of each replica's): as many as
 * mt_replicas_tier_count says, 0 where they have one cache each. */
const mt_tier_counts *mt_replicas_tiers(const mt_replicas *replicas, size_t replica);
size_t mt_replicas_tier_count(const mt_replicas *replicas);
void mt_replicas_all_tiers(const mt_replicas *replicas, mt_tier_counts counts[MT_MOST_TIERS]);

/* How many replicas, and blocks that all of them hold, those too old and copies included. */
size_t mt_replicas_count(const mt_replicas *replicas);
uint64_t mt_replicas_held(const mt_replicas *replicas);

/* How much more the replica with most to compute had than the mean one: 1 when all had as much, NaN
 * when none had any. */
double mt_replicas_imbalance(const mt_replicas *replicas);

void mt_replicas_close(mt_replicas *replicas); /* NULL is allowed */

#endif
