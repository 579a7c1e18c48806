/* The history that synthesised requests leave behind: which prefixes there are, and in which order
 * they were last touched. Private to the reuse method (prefix/reuse/reuse.h).
 *
 * Prefixes are a tree of *nodes*, each a stretch of blocks that share everything: who touched them
 * last, how many requests did. Only blocks that may come back are in it. Requests are *slots*, in
 * order of touching. As in prefix/cache/history.h, what a request touched last is always a suffix
 * of its path; so a slot knows at which depth its own part begins, and into whose part to go on
 * from there. The slots' own parts, from the newest back, add up to the distance at which a slot's
 * part comes back (prefix/cache/parts.h). For each size of a grid of cache sizes the oldest slot
 * that such a cache still has is kept up to date, so that the hits of a prefix at all sizes are
 * read off by walking along its few owners.
 *
 * What no cache of `keep` blocks would have any more is forgotten from time to time: memory depends
 * on `keep`, not on the number of requests. */
#ifndef MT_PREFIX_REUSE_HISTORY_H
#define MT_PREFIX_REUSE_HISTORY_H

#include "base/error.h"
#include "prefix/cache/parts.h"

#include <stddef.h>
#include <stdint.h>

#define MT_REUSE_SIZES 48 /* cache sizes of the grid */
#define MT_NO_SLOT UINT32_MAX
#define MT_NO_NODE UINT32_MAX

typedef struct mt_reuse_node {
    uint64_t first_id;   /* its blocks are numbered consecutively */
    uint32_t parent;     /* MT_NO_NODE: it begins a prefix; in the list of free nodes: the next */
    uint32_t begin, end; /* blocks [begin, end) of the prefix */
    uint32_t owner;      /* the slot that touched it last; MT_NO_SLOT: the node is free */
    uint32_t visits;     /* requests that touched it */
} mt_reuse_node;

typedef struct mt_reuse_slot {
    uint32_t node; /* where its blocks that may come back end; MT_NO_NODE: it has none */
    uint32_t top;  /* the node before its own part; MT_NO_NODE: all is its own */
    uint32_t low;  /* its own part is blocks [low, length) */
    uint32_t core; /* blocks [0, core) may come back */
    uint32_t length;
    uint32_t claim; /* who is to come back to it (the scheduler's word), UINT32_MAX: nobody */
} mt_reuse_slot;

/* Bounds over a group of slots: the smallest `low` and the largest `core` in it. */
typedef struct mt_reuse_reach {
    uint32_t low, core;
} mt_reuse_reach;

typedef struct mt_reuse_history {
    mt_reuse_node *nodes;
    uint32_t node_count, free_nodes; /* free_nodes: head of a list, MT_NO_NODE: empty */
    size_t node_capacity;

    mt_reuse_slot *slots;
    uint32_t slot_count;
    uint32_t forget_at; /* when there are so many slots, the old ones are forgotten */
    size_t slot_capacity;
    mt_parts parts;             /* the slots' own parts: the distances at which they come back */
    mt_reuse_reach *near, *far; /* of 32 and of 1024 slots */
    size_t near_capacity, far_capacity;

    uint64_t keep;                   /* blocks */
    uint64_t sizes[MT_REUSE_SIZES];  /* ascending */
    uint32_t oldest[MT_REUSE_SIZES]; /* the oldest slot that a cache of sizes[j] has in full */
    uint64_t held[MT_REUSE_SIZES];   /* its distance: blocks of it and all newer ones */
} mt_reuse_history;

/* keep and sizes must be set; the rest zero. */
void mt_reuse_history_begin(mt_reuse_history *history);

void mt_reuse_history_free(mt_reuse_history *history);

/* The slot that touched block `depth` - 1 of the prefix that ends in node last; MT_NO_SLOT when the
 * node was forgotten. depth >= 1, not beyond the node's end. */
uint32_t mt_reuse_owner(const mt_reuse_history *history, uint32_t node, uint32_t depth);

/* Blocks of the slot's first `depth` that hit at each size; the slot owns block depth - 1. */
void mt_reuse_hits(const mt_reuse_history *history, uint32_t slot, uint32_t depth,
                   float hits[MT_REUSE_SIZES]);

/* Of the slot's first `depth` blocks, those that one request alone has touched. */
uint32_t mt_reuse_first_return(const mt_reuse_history *history, uint32_t slot, uint32_t depth);

/* Slots that own block depth - 1 and may have it come back, those nearest to slot `around` first,
 * into found: at most `most`. Returns how many. */
uint32_t mt_reuse_nearest(mt_reuse_history *history, uint32_t around, uint32_t depth, uint32_t most,
                          uint32_t *found);

/* Places a request: its first `shared` blocks are those of the slot `from` (which owns block shared
 * - 1; unused where shared is 0), then `returning` and `unique` new ones, numbered from *next_id
 * on. ids[0 .. shared + returning + unique) are filled. The new slot is the last one. On failure
 * (MT_ERROR_MEMORY) the history can only be freed. */
mt_code mt_reuse_place(mt_reuse_history *history, uint32_t from, uint32_t shared,
                       uint32_t returning, uint32_t unique, uint64_t *next_id, uint64_t *ids,
                       mt_error *error);

/* Drops what is beyond `keep`: slot s becomes moved[s], MT_NO_SLOT when it is gone; moved has
 * slot_count entries (before). Due when slot_count has come to forget_at. */
void mt_reuse_forget(mt_reuse_history *history, uint32_t *moved);

#endif
