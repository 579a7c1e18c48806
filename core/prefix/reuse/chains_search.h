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
    double most_work;
} mt_reuse_search;

/* Judges what stands in `here`, as far as the limit, and keeps it where it is the best. MT_ERROR_MEMORY;
 * MT_ERROR_INTERRUPTED. */
mt_code mt_reuse_judge_here(mt_reuse_search *search, double limit, double *unlike, mt_error *error);

/* Makes the best part more like the source, step by step. As mt_reuse_judge_here. */
mt_code mt_reuse_improve(mt_reuse_search *search, mt_error *error);

#endif
