/* What the files of the locality analysis (prefix/analysis/locality.h) share. */
#ifndef MT_PREFIX_ANALYSIS_LOCALITY_STATE_H
#define MT_PREFIX_ANALYSIS_LOCALITY_STATE_H

#include "base/memory.h"
#include "prefix/cache/history.h"
#include "prefix/analysis/locality.h"
#include "prefix/block/tree.h"
#include "text/texts.h"

#define MT_NO_TIME INT64_MIN
#define MT_NO_SESSION UINT32_MAX
#define MT_NO_LENGTH UINT64_MAX

/* One request of the trace; its number is that in the history. */
typedef struct mt_locality_row {
    int64_t time_ns;  /* MT_NO_TIME: none */
    int64_t think_ns; /* since the turn before; MT_NO_TIME: not known, or the first turn */
    uint64_t input_length;
    uint64_t output_length; /* MT_NO_LENGTH: none */
    uint32_t blocks, known; /* known: the leading ones that hit in an infinite cache */
    uint32_t within;        /* of those, up to the deepest that its session touched last */
    uint32_t session;
    uint32_t shared; /* its leading blocks that more than one session had touched, it included */
    uint32_t leaf;   /* its last block, if it has any */
    uint32_t group;  /* 0 unless somebody said another */
} mt_locality_row;

/* A run of a request (prefix/cache/history.h), kept. */
typedef struct mt_locality_run {
    uint32_t request, owner;
    uint32_t blocks;
    uint32_t distance;
} mt_locality_run;

typedef struct mt_locality_session {
    uint32_t turns;
    uint32_t last; /* request */
} mt_locality_session;

/* The sessions there are. */
typedef struct mt_locality_sessions {
    mt_locality_session *list;
    uint32_t *of_name; /* by the number of its name: the session */
    mt_texts names;
    size_t count, name_count;
    size_t capacity, name_capacity;
} mt_locality_sessions;

struct mt_locality {
    uint64_t block_size;
    int is_sealed;
    mt_locality_result so_far; /* what is counted request by request */
    mt_prefix_tree *tree;
    mt_history *history;
    mt_locality_sessions sessions;

    mt_locality_row *rows;
    mt_locality_run *runs;
    size_t row_count, run_count, row_capacity, run_capacity;

    /* Of the request that was added last: its blocks, and what they found in the history. */
    uint32_t *path;
    size_t path_capacity;
    mt_touch touch;
};

/* The session of the request whose row is the next one (all but its session, what it shares and
 * think_ns are there), and these two. */
mt_code mt_locality_join_session(mt_locality *locality, const mt_request *request, mt_error *error);

/* The tokens of the request's first `blocks` blocks. */
uint64_t mt_locality_tokens(const mt_locality *locality, const mt_locality_row *row,
                            uint32_t blocks);

/* Blocks that requests after the owner of the run touched last, when the run's request came: what an LRU
 * cache holds before the first block of the run, where requests touch their blocks from the leaf on. Those
 * of the run follow it there one by one, and its last one's distance is no more than the run's. `before`:
 * the request's blocks before the run. */
static inline uint64_t mt_locality_newer(const mt_locality *locality, const mt_locality_run *run,
                                         uint32_t before) {
    return run->distance - (locality->rows[run->owner].blocks - before);
}

/* So many of the run's blocks hit in an LRU cache of `size` blocks that is touched from the leaf on, where
 * all `before` it do; where one of them does not, none. */
static inline uint32_t mt_locality_held_of_run(const mt_locality *locality,
                                               const mt_locality_run *run, uint32_t before,
                                               uint64_t size) {
    uint64_t newer = mt_locality_newer(locality, run, before);
    if (size <= newer)
        return 0;
    return size - newer < run->blocks ? (uint32_t)(size - newer) : run->blocks;
}

/* Blocks of the longest path. */
size_t mt_locality_longest(const mt_locality *locality);

/* What a cache does with each request; fills *hits. */
typedef mt_code mt_locality_step(void *context, size_t request, const mt_cache_path *path,
                                 uint32_t *hits, mt_error *error);

/* Takes the step for each request, in order, with its path; fills hits[]. */
mt_code mt_locality_walk(const mt_locality *locality, mt_locality_step *step, void *context,
                         uint32_t *hits, mt_error *error);

#endif
