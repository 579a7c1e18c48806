/* Replicas of a server, each with a cache of its own, and a router before them.
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
 * The *load* of a replica is the blocks that it had to compute so far, those that did not hit. Of
 * equals the first replica is taken. A router here knows what each cache holds, which real ones
 * guess from what they sent. */
#ifndef MT_PREFIX_CACHE_REPLICAS_H
#define MT_PREFIX_CACHE_REPLICAS_H

#include "prefix/cache/cache.h"

enum { MT_MOST_REPLICAS = 4096 };

typedef enum mt_route {
    MT_ROUTE_ROUND_ROBIN,
    MT_ROUTE_SESSION,
    MT_ROUTE_PREFIX,
    MT_ROUTE_LEAST_LOADED
} mt_route;

#define MT_ROUTE_NO_SESSION UINT32_MAX

typedef struct mt_replica_counts {
    uint64_t requests, blocks;
    uint64_t hits; /* by the rule */
} mt_replica_counts;

typedef struct mt_replicas mt_replicas;

/* count from 1 to MT_MOST_REPLICAS, each with the cache of the spec, whose policy does not look
 * ahead; replica i draws with the spec's seed + i. NULL on failure. */
mt_replicas *mt_replicas_open(const mt_cache_spec *spec, size_t count, mt_route route,
                              mt_hit_rule rule, mt_error *error);

/* The request comes: where it goes, and its hits there. session: 0, 1, 2, ... by first appearance;
 * blocks: the numbers of the path are below it. */
mt_code mt_replicas_access(mt_replicas *replicas, const mt_cache_path *path, uint32_t session,
                           size_t blocks, size_t *hits, mt_error *error);

/* Of each replica, what happened so far; as many as there are. */
const mt_replica_counts *mt_replicas_counts(const mt_replicas *replicas);

/* How many replicas, and blocks that all of them hold, those too old and copies included. */
size_t mt_replicas_count(const mt_replicas *replicas);
uint64_t mt_replicas_held(const mt_replicas *replicas);

/* How much more the replica with most to compute had than the mean one: 1 when all had as much, NaN
 * when none had any. */
double mt_replicas_imbalance(const mt_replicas *replicas);

void mt_replicas_close(mt_replicas *replicas); /* NULL is allowed */

#endif
