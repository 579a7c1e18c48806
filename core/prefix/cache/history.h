/* The order in which blocks were last touched: what an LRU cache of any size would hold.
 *
 * A request touches its blocks from the first to the last. The *reuse distance* of a block is the
 * number of distinct blocks touched since its own last touch, itself included: an LRU cache of at
 * least so many blocks still has it (Mattson, Gecsei, Slutz, Traiger, "Evaluation techniques for
 * storage hierarchies", 1970). Blocks being prefix ids, who touches a block touches all before it;
 * so the blocks that one request touched last are always a suffix of its path, and a request's
 * known blocks fall into few *runs*, each last touched by one request. All blocks of a run have one
 * distance (what a later one of them lacks, touched before it by the run's owner, this request has
 * touched again), and it grows from run to run: a run and all before it hit, as serving engines
 * count prefix hits, in a cache of at least the run's distance. One number a request (how much of
 * its path is still its own) is the whole state, summed over requests (prefix/cache/parts.h).
 *
 * prefix/reuse/history.h is the history of requests that are being made. Both sum parts in the same
 * way, but they answer different questions. This one is given paths of numbered blocks, keeps all
 * of them, and says what each touch found. That one makes the blocks, forgets what no cache would
 * still have, and finds a request that has a given distance and depth.
 *
 * Memory: 8 bytes a block, but of blocks that never come again 4 (as far as whole pages of such lie
 * together), 16 a request. Time: O(runs * log requests) and a few steps a block. */
#ifndef MT_PREFIX_CACHE_HISTORY_H
#define MT_PREFIX_CACHE_HISTORY_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_history mt_history;

/* Leading known blocks [end of the run before, end) of a request. */
typedef struct mt_touch_run {
    uint32_t end;      /* blocks */
    uint32_t owner;    /* the request that touched them last, 0-based in order of touching */
    uint64_t distance; /* of each of its blocks: the least cache in which the run hits */
} mt_touch_run;

/* What one touch found; valid until the next. */
typedef struct mt_touch {
    uint32_t request; /* its number, 0-based */
    const mt_touch_run *runs;
    size_t run_count;      /* from the first block on; distances grow */
    uint32_t first_return; /* of the known blocks, those that only one request had touched */
    uint32_t visits; /* requests that had touched the deepest known block; 0: nothing is known */
    uint32_t beyond; /* blocks that the deepest block's owner has after it */
} mt_touch;

mt_history *mt_history_new(mt_error *error); /* NULL on failure */

/* Touches the path blocks[0..count) as mt_prefix_tree_add gave it (numbers, `known` of them known;
 * all requests of the tree, in its order). count may be 0: a request of unknown blocks. On failure
 * (memory, 2^32 - 1 requests) the history can only be freed. */
mt_code mt_history_touch(mt_history *history, const uint32_t *blocks, size_t count, size_t known,
                         mt_touch *touch, mt_error *error);

/* Requests that touched the block so far, one at least, and the last of them. mt_history_returns: how
 * many did after the first, of all blocks, by number; valid until the next touch. */
const uint32_t *mt_history_returns(const mt_history *history);
uint32_t mt_history_visits(const mt_history *history, uint32_t block);
uint32_t mt_history_owner(const mt_history *history, uint32_t block);

/* Distinct blocks that request `request` (already touched) and all after it touched last: the
 * distance of the first block that is still its own. */
uint64_t mt_history_distance(const mt_history *history, uint32_t request);

void mt_history_free(mt_history *history); /* NULL is allowed */

#endif
