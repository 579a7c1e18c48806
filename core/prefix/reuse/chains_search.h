/* The search for the part of a source that a shorter trace is made after (chains_part.c): what it looks
 * at, and its steps (chains_steps.c). Private to the reuse method. */
#ifndef MT_PREFIX_REUSE_CHAINS_SEARCH_H
#define MT_PREFIX_REUSE_CHAINS_SEARCH_H

#include "prefix/reuse/chains_guess.h"

typedef struct mt_reuse_unit {
    uint32_t chain;      /* its first */
    uint32_t tree, next; /* that it is of (mt_model_trees), and the next one of it, or NO_UNIT */
    int64_t start, last; /* of its requests, in the lap */
} mt_reuse_unit;

#define MT_REUSE_NO_UNIT UINT32_MAX

/* Fewer units than that have skips (prefix/reuse/chains_state.h); only fewer than SINGLE_UNITS have all
 * MT_REUSE_SKIPS of them, others SOME_SKIPS. */
enum { MT_REUSE_FEW_UNITS = 256, MT_REUSE_SINGLE_UNITS = 16, MT_REUSE_SOME_SKIPS = 5 };

typedef struct mt_reuse_tree {
    uint32_t first; /* unit */
    int64_t start;
} mt_reuse_tree;

/* What a unit's piece was. */
typedef struct mt_reuse_was {
    uint32_t unit;
    mt_reuse_piece piece;
} mt_reuse_was;

typedef struct mt_reuse_search {
    mt_reuse_chains *chains;
    mt_reuse_judge judge;
    mt_reuse_guess guess;
    mt_random random;
    mt_reuse_unit *units;
    mt_reuse_tree *trees; /* by first chain */
    size_t unit_count;
    uint32_t *place_of; /* by chain: its unit's place among them */
    uint32_t *lost;     /* turns of the part that stands in `now`, as the judge's */
    size_t lost_count;
    int64_t step;                      /* all moves are multiples of it */
    mt_reuse_piece *here, *now, *best; /* by chain, as chains->pieces */
    /* What a change did, and units that differ from `now`, each once. */
    mt_reuse_was *undo;
    uint32_t *differ;
    uint8_t *differs; /* by unit */
    size_t undo_count, differ_count;
    int64_t phase, best_phase;    /* where the part begins */
    int64_t best_lasts, best_end; /* as the judge says */
    double unlike;                /* the best part's */
    mt_reuse_skips *spare_skips;  /* room for as many lists as chains->skips has; NULL: no skips */
    uint32_t skips_count;
    double most_work;
} mt_reuse_search;

/* Judges what stands in `here`, as far as the limit, and keeps it where it is the best. MT_ERROR_MEMORY;
 * MT_ERROR_INTERRUPTED. */
mt_code mt_reuse_judge_here(mt_reuse_search *search, double limit, double *unlike, mt_error *error);

/* The chain's first turn after that time of the lap; its end where there is none. */
uint32_t mt_reuse_first_after(const mt_reuse_search *search, const mt_model_chain *chain,
                              int64_t time);

/* How much time a skip leaves too little for an answer, ns, of the unit's chains at most; 0: none. */
int64_t mt_reuse_missing(const mt_reuse_search *search, uint32_t unit, const mt_reuse_skip *skip);

static inline mt_reuse_skips mt_reuse_no_skips(void) {
    mt_reuse_skips skips;
    for (size_t k = 0; k < MT_REUSE_SKIPS; k++)
        skips.all[k] = (mt_reuse_skip){INT64_MAX, INT64_MAX, 0};
    return skips;
}

/* How many a unit has at most. */
static inline size_t mt_reuse_most_skips(const mt_reuse_search *search) {
    return search->unit_count < MT_REUSE_SINGLE_UNITS ? MT_REUSE_SKIPS : MT_REUSE_SOME_SKIPS;
}

/* Makes room for skips, where there are few units. MT_ERROR_MEMORY. */
mt_code mt_reuse_open_skips(mt_reuse_search *search, mt_error *error);

/* The place of these skips among the chains'; 0 where there are none. */
uint32_t mt_reuse_add_skips(mt_reuse_search *search, const mt_reuse_skips *skips);

/* Before a step of the search: keeps the skips of `here`, `now` and `best` alone, if others took most of
 * the room. */
void mt_reuse_keep_skips(mt_reuse_search *search);

/* Tries parts that are stretches of the source's time, one after the other, over which sessions go on
 * (chains_stretches.c). As mt_reuse_judge_here. */
mt_code mt_reuse_try_stretches(mt_reuse_search *search, mt_error *error);

/* Makes the best part more like the source, step by step. As mt_reuse_judge_here. */
mt_code mt_reuse_improve(mt_reuse_search *search, mt_error *error);

#endif
