/* A part's requests in order of time (prefix/reuse/chains_judge.h), kept from one part to the next: the next
 * one mostly differs in few pieces, and only the turns of these are put in their places. Private to the reuse
 * method.
 *
 * Memory: 56 bytes a turn, and 33 a chain. */
#ifndef MT_PREFIX_REUSE_CHAINS_LISTED_H
#define MT_PREFIX_REUSE_CHAINS_LISTED_H

#include "prefix/reuse/chains_state.h"

typedef struct mt_reuse_listed {
    const mt_reuse_chains *chains;
    mt_reuse_judged *events; /* with times of the lap; those of one time in the order of turns */
    size_t count;
    mt_reuse_piece *pieces;      /* of which they are; as chains->pieces */
    uint8_t *differs;            /* by chain, at units' first: is its piece another one now? */
    int64_t *times;              /* by turn; MT_REUSE_DROPPED: it is not among them */
    mt_reuse_judged *put, *next; /* to work with */
    int is_known;                /* are there any? */
} mt_reuse_listed;

/* *listed must be zero; mt_reuse_listed_free frees it, on failure too. MT_ERROR_MEMORY. */
mt_code mt_reuse_listed_open(mt_reuse_listed *listed, const mt_reuse_chains *chains,
                             mt_error *error);

/* They become those of these pieces of units, at their first chains. MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED. */
mt_code mt_reuse_list(mt_reuse_listed *listed, const mt_reuse_piece *pieces, mt_error *error);

/* Turns may come at other times now (chains->when), or the pieces' skips have other places. */
void mt_reuse_listed_forget(mt_reuse_listed *listed);

void mt_reuse_listed_free(mt_reuse_listed *listed);

#endif
