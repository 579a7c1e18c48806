/* One cache that is fed request by request, from wherever they come: any policy that need not know
 * what comes, at one size, over ids as they are in traces (prefix/block/tree.h); or tiers of
 * caches, or replicas of one or of tiers with a router before them.
 *
 * Memory: a quarter of a byte a distinct block and 4 a request, more where ids break the format's rule, what the
 * caches take (prefix/cache/cache.h, of several replicas prefix/cache/replicas.h), and where replicas go by session
 * their names. */
#ifndef MT_PREFIX_ANALYSIS_FED_H
#define MT_PREFIX_ANALYSIS_FED_H

#include "prefix/analysis/played.h"
#include "trace/record.h"

typedef struct mt_fed_cache mt_fed_cache;

/* servers: NULL, one cache. Where it matters, a request's session is the one it names; those that name
 * none are of no session. block_size: tokens a block; 0: not known, so that no request is held against it
 * and nothing is known by token. NULL on failure. */
mt_fed_cache *mt_fed_cache_new(const mt_cache_spec *spec, const mt_replica_spec *servers,
                               mt_hit_rule rule, uint64_t block_size, mt_error *error);

/* The request comes: *hits is how many of its leading blocks hit, by the rule. One without hash_ids
 * has none and changes nothing but that it goes to a replica, too. One whose hash_ids are not as
 * many as its input_length makes, and, where blocks are forgotten by age, one without a time or
 * with one before the last, is MT_ERROR_INPUT with the request's line (source left empty) and is
 * left out. After any other failure (memory, 2^32 - 2 distinct blocks, Ctrl-C) of which a part of the
 * request stays, all further ones are refused with its code. */
mt_code mt_fed_cache_access(mt_fed_cache *cache, const mt_request *request, size_t *hits,
                            mt_error *error);

/* The figures so far; `within` is NaN: nobody looked at sessions. */
mt_played mt_fed_cache_played(const mt_fed_cache *cache);

/* The replicas, or the one that is there. */
const mt_replicas *mt_fed_cache_replicas(const mt_fed_cache *cache);

/* Blocks held, those too old included, of all tiers or replicas together. */
uint64_t mt_fed_cache_held(const mt_fed_cache *cache);

void mt_fed_cache_free(mt_fed_cache *cache); /* NULL is allowed */

#endif
