/* What a cache forgets when it is full: a policy is one file here and one entry in policy.c.
 *
 * A policy knows blocks as the numbers 0, 1, 2, ... of a prefix tree and holds at most `size` of
 * them. It does not know what a path is: the driver (prefix/cache/cache.h) decides what hits, and
 * then tells the policy of each block of the request, one after the other, that it was used (`hit`,
 * when the cache holds it) or has to be put in (`insert`, when it does not). It also decides when
 * there is no room, and then asks the policy what leaves: together with what comes (`replace`), or, of a
 * policy that looks ahead and may refuse the block, after it (`evict`).
 *
 * *What is evicted, in terms of prefixes.* A policy evicts single blocks, wherever they stand, as
 * serving engines do with blocks that no running request uses. So a block may be evicted before
 * those that follow it: these stay, take room, and cannot hit until it is back, for a block hits
 * only when all before it do. When it is back they do, without being computed again. Nothing holds
 * on to the blocks of the request that is being served: one longer than the cache leaves its end.
 *
 * A policy's state begins with an mt_policy_state, which the driver fills. Entries, the bytes that a
 * policy needs of each block, are the driver's as well: zero at first, they grow when `reserve` was
 * called and move then. A policy that needs more memory has `reserve` and `release`; no other of
 * its functions can fail. Which block leaves depends on nothing but the order of calls and `seed`. */
#ifndef MT_PREFIX_CACHE_POLICY_H
#define MT_PREFIX_CACHE_POLICY_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define MT_NO_VICTIM UINT32_MAX  /* nothing was evicted */
#define MT_NEVER_USED UINT32_MAX /* a block that is not used again */

/* What every policy's state begins with. */
typedef struct mt_policy_state {
    uint64_t size;     /* blocks that it may hold, at least 1; the driver sees to it */
    uint64_t count;    /* blocks that it holds; the policy counts */
    void *entries;     /* entry_size bytes a block */
    uint64_t seed;     /* of what is drawn */
    uint32_t requests; /* how many there will be, for a policy that looks ahead; else 0 */
} mt_policy_state;

typedef struct mt_policy {
    const char *name;    /* as options name it */
    const char *summary; /* what leaves first, in half a line */
    int looks_ahead;     /* it needs `next`, and requests played from the first to the last */
    int is_sampled;      /* a sample of blocks tells its hits (prefix/analysis/sampled.h) */
    size_t state_size, entry_size; /* bytes of its state, and of each block */

    /* All three may be NULL. Starts the policy; the state's first part is filled, the rest is zero. */
    void (*start)(void *state);
    /* Blocks below `blocks` may be touched once each from now until the next call. */
    mt_code (*reserve)(void *state, size_t blocks, mt_error *error);
    void (*release)(void *state); /* frees what `reserve` took */

    /* The block is used, which the cache holds. next: the request (counted from 0) that will use it
     * next, MT_NEVER_USED when none will; only a policy that looks ahead is told. Gives what the cache
     * does not hold any more: nothing (MT_NO_VICTIM), another block, or the block itself. */
    uint32_t (*hit)(void *state, uint32_t block, uint32_t next);
    /* Puts in a block that the cache does not hold. Gives the block itself where it refuses it
     * (only one that looks ahead may), else MT_NO_VICTIM. */
    uint32_t (*insert)(void *state, uint32_t block, uint32_t next);
    /* Takes out what leaves first, of what the cache holds (which is something), and gives it. */
    uint32_t (*evict)(void *state);
    /* Both at once: takes out what leaves first, which it gives, then puts in the block. One call each
     * time that a full cache misses, not two. Not of weighed blocks. NULL of a policy that looks ahead. */
    uint32_t (*replace)(void *state, uint32_t block, uint32_t next);
    /* Takes out a block that the cache holds. */
    void (*drop)(void *state, uint32_t block);
} mt_policy;

/* The policies, in the order in which they are told of; *count of them. */
const mt_policy *const *mt_policies(size_t *count);

/* The policy of that name; NULL when there is none. */
const mt_policy *mt_policy_named(const char *name);

/* Each is told of where it stands. */
extern const mt_policy mt_policy_lru, mt_policy_fifo, mt_policy_clock, mt_policy_sieve,
    mt_policy_s3_fifo, mt_policy_lfu, mt_policy_random, mt_policy_optimum;

#endif
