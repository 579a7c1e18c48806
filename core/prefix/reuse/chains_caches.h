/* What caches make of a part of a source (prefix/reuse/chains_judge.h): LRU of every size, caches
 * that keep blocks for some time, and FIFO of some sizes. A block hits when all before it do.
 *
 * Prompts are held as *runs*: blocks in a row that whoever has one of them has all of. So they come,
 * are touched and leave together, and what is counted of runs is exact. Blocks that never come back
 * are only counted. Private to the reuse method.
 *
 * Memory: 4 bytes for each run of each prompt, 44 for each run that there is, 36 a turn. */
#ifndef MT_PREFIX_REUSE_CHAINS_CACHES_H
#define MT_PREFIX_REUSE_CHAINS_CACHES_H

#include "prefix/cache/parts.h"
#include "prefix/reuse/chains_state.h"

enum { MT_REUSE_DISTANCES = 1025 }; /* 32 in a doubling: hits come at cliffs */
enum { MT_REUSE_NEAR = 4096 };
enum { MT_REUSE_AGES = 4, MT_REUSE_FIFOS = 3 };

/* Blocks. */
typedef struct mt_reuse_block_hits {
    double all, known;              /* of the requests; those that an earlier one had */
    double kept[MT_REUSE_AGES];     /* of them, those used at most 1, 5, 30, 300 s ago */
    double fifo[MT_REUSE_FIFOS];    /* hits in each */
    size_t distances;               /* bins that may have any: those behind them are 0 */
    double lru[MT_REUSE_DISTANCES]; /* of the known, by distance (mt_reuse_distance_bin) */
} mt_reuse_block_hits;

/* What a turn hit in LRU caches when it was played last: the first blocks of its prompt at one
 * distance, and all others, at that of most of them. */
enum { MT_REUSE_GAINS = 2 };
typedef struct mt_reuse_gain {
    uint32_t blocks[MT_REUSE_GAINS];
    uint16_t bins[MT_REUSE_GAINS];
} mt_reuse_gain;

/* First blocks of a prompt, up to `end`, that one request touched last: the rest of those before it. */
typedef struct mt_reuse_touched {
    uint32_t owner, end; /* that event, from 1 on */
} mt_reuse_touched;

/* A turn's prompt, all that is asked of it in one place: turns come in any order. */
typedef struct mt_reuse_prompt {
    size_t begin; /* of its runs in paths */
    uint32_t runs, blocks, shared,
        unique; /* of its blocks those that others had, that never come back */
} mt_reuse_prompt;

typedef struct mt_reuse_caches {
    const mt_reuse_chains *chains;
    mt_reuse_prompt *prompts;  /* by turn */
    uint32_t *paths, *weights; /* numbers of runs; by run: its blocks */
    uint32_t run_count;
    mt_reuse_gain *gains; /* by turn */
    uint32_t before; /* so many requests had been touched before the caches were cleared last */
    uint32_t *owner; /* by run: the request that touched it last, counted with those, from 1 on */
    mt_reuse_touched
        *touched; /* known blocks of the prompt that was touched last, from its root on */
    size_t touched_count;
    uint64_t
        *came; /* by run: how many blocks had come to FIFOs, this one and earlier ones, before it */
    uint64_t all_came;              /* to all that have been played */
    uint64_t sizes[MT_REUSE_FIFOS]; /* 0: not played */
    mt_parts parts;
    uint16_t bins[MT_REUSE_NEAR]; /* of short distances */
} mt_reuse_caches;

/* The runs of the chains' prompts; *caches must be zero, mt_reuse_caches_free frees them, on failure
 * too. MT_ERROR_MEMORY. */
mt_code mt_reuse_caches_open(mt_reuse_caches *caches, const mt_reuse_chains *chains,
                             mt_error *error);

/* Nothing has been touched in the caches but FIFO. */
void mt_reuse_caches_clear(mt_reuse_caches *caches);

/* Request number `at`, from 0 on, of the events touches its prompt there; those before it have. Gives
 * how many blocks are new here that were known in the source. */
uint32_t mt_reuse_caches_touch(mt_reuse_caches *caches, const mt_reuse_judged *events, size_t at,
                               mt_reuse_block_hits *hits);

/* FIFOs of caches->sizes, that begin empty, take all these requests. Gives how many runs were looked
 * at. */
double mt_reuse_caches_play_fifo(mt_reuse_caches *caches, const mt_reuse_judged *events,
                                 size_t count, mt_reuse_block_hits *hits);

/* Sizes for the FIFOs: most of all different blocks that there are in a `part` of a trace with these
 * hits, half as many, ... Where nothing leaves a cache FIFO is like LRU. */
void mt_reuse_caches_set_sizes(mt_reuse_caches *caches, const mt_reuse_block_hits *hits,
                               double part);

/* Into which bin of distances that one falls, blocks. */
size_t mt_reuse_distance_bin(const mt_reuse_caches *caches, uint64_t distance);

void mt_reuse_caches_free(mt_reuse_caches *caches);

#endif
