/* How a trace behaves in a cache: hit ratios of an LRU cache of any size, how soon blocks come
 * back, which prefixes are shared by most, and who they come back for.
 *
 * Everything here follows the order of the trace, in which a cache would see the requests; ids are
 * taken as in prefix/block/tree.h, so that arbitrary ones will do. Distances are those of
 * prefix/cache/history.h, found in the same pass.
 *
 * *Sessions.* A request that has a session is a turn of that one. Where there is none, a request is
 * taken for the next turn after another one, A, when
 *   1. A is the last that touched the request's deepest known block;
 *   2. the request has all full blocks of A's prompt (the last block, partly filled, may have been
 *      filled up), and a longer prompt than A's: it continues what A had;
 *   3. nobody outside A's session has touched that block: it is no common start, such as a system
 *      prompt.
 * What continues nothing, begins a session. A request without blocks and without a session belongs
 * to none.
 *
 * Of the blocks that hit, those up to the deepest one that the request's own session touched last
 * are hits *within* the session (who touches a block touches all before it: the session had all of
 * them), the others hits *across* sessions.
 *
 * Memory: 8 bytes a block (and more where ids do not follow the format's rule,
 * prefix/block/tree.h), 80 a request, 16 a run, and what the session ids take. */
#ifndef MT_PREFIX_ANALYSIS_LOCALITY_H
#define MT_PREFIX_ANALYSIS_LOCALITY_H

#include "base/error.h"
#include "prefix/cache/cache.h"
#include "prefix/cache/hit_curve.h"
#include "stats/quantiles.h"
#include "trace/record.h"

typedef struct mt_locality mt_locality;

typedef struct mt_locality_result {
    mt_hit_totals totals; /* requests that have hash_ids, their blocks and tokens */
    uint64_t distinct_blocks;
    uint64_t hits;        /* blocks that hit in an infinite cache */
    uint64_t hits_within; /* those within sessions */

    uint64_t timed;            /* requests that have a time */
    uint64_t backward;         /* those whose time lies before the time of one before them */
    int64_t first_ns, last_ns; /* the earliest and the latest time */
    /* Seconds since a block that hits was touched last, by block. Count 0 unless all requests that
     * have blocks have a time and none is backward. */
    mt_quantiles reuse_time;

    uint64_t sessions;
    uint64_t given;  /* requests that had a session; that of all others was inferred */
    uint64_t single; /* sessions of one turn */
    mt_quantiles turns;
    /* Seconds between two turns of a session: the later one's delay where it has one, else from one
     * time to the other (the answer's own time is in it), which takes times that do not go back. */
    mt_quantiles think_time;
} mt_locality_result;

/* Blocks that many requests begin with, and no longer ones that as many begin with. */
typedef struct mt_shared_prefix {
    uint64_t requests;
    uint64_t blocks;
    uint64_t tokens;
} mt_shared_prefix;

/* A stretch of time. */
typedef struct mt_hit_bin {
    uint64_t requests;
    uint64_t blocks, hits;
    uint64_t distinct_blocks; /* its working set; not counted (0) where times go back */
} mt_hit_bin;

/* block_size: tokens a block, at least 1. NULL on failure. */
mt_locality *mt_locality_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order. That it has ceil(input_length / block_size) ids, or none,
 * is the caller's to check; one without input_length counts as of whole blocks. On failure (memory,
 * 2^32 - 2 requests or distinct blocks, Ctrl-C) the state can only be freed. */
mt_code mt_locality_add(mt_locality *locality, const mt_request *request, mt_error *error);

/* The figures over all requests so far; more may be added afterwards. */
mt_code mt_locality_finish(const mt_locality *locality, mt_locality_result *result,
                           mt_error *error);

/* The hit ratios over all requests so far, touched in that order, of what counts as a hit by the rule; for
 * the caller to free, NULL on failure. */
mt_hit_curve *mt_locality_hit_curve(const mt_locality *locality, mt_touch_order order,
                                    mt_hit_rule rule, mt_error *error);

/* Fills prefixes[0..*count) with the prefixes that most requests share, at most `most` of them:
 * falling by requests, then by length, then in order of first appearance. One request alone shares
 * nothing. */
mt_code mt_locality_prefixes(const mt_locality *locality, mt_shared_prefix *prefixes, size_t most,
                             size_t *count, mt_error *error);

/* Fills bins[0..count): bin i is [from_ns + i * width_ns, from_ns + (i + 1) * width_ns). Requests
 * without a time and those outside are left out; order does not matter. hits: by request, as
 * prefix/analysis/played.h gives them, counted by the rule; NULL: those of an infinite cache. */
void mt_locality_over_time(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule,
                           int64_t from_ns, int64_t width_ns, mt_hit_bin *bins, size_t count);

/* How many requests have a time; copies the times, in trace order, to times_ns unless it is
 * NULL. */
size_t mt_locality_times(const mt_locality *locality, int64_t *times_ns);

/* No more requests will come: gives back what only they need. Adding one is MT_ERROR_VALUE from then
 * on. */
void mt_locality_seal(mt_locality *locality);

void mt_locality_free(mt_locality *locality); /* NULL is allowed */

#endif
