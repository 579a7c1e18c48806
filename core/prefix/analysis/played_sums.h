/* Sums of what hits, for the files that make figures of them (prefix/analysis/played.h). */
#ifndef MT_PREFIX_ANALYSIS_PLAYED_SUMS_H
#define MT_PREFIX_ANALYSIS_PLAYED_SUMS_H

#include "prefix/analysis/locality_state.h"
#include "prefix/analysis/played.h"

/* Sums of some requests: those there are, and what hit. */
typedef struct mt_played_sums {
    mt_hit_totals totals;
    double share;
    uint64_t blocks, tokens, within;
} mt_played_sums;

/* Adds what hits of a request that has blocks: `hits` of them. */
static inline void mt_played_add_hits(mt_played_sums *to, const mt_locality *locality,
                                      const mt_locality_row *row, uint32_t hits) {
    to->share += (double)hits / (double)row->blocks;
    to->blocks += hits;
    to->tokens += hits > 0 ? mt_locality_tokens(locality, row, hits) : 0;
    to->within += hits < row->within ? hits : row->within;
}

/* The same, and the request to those there are. */
static inline void mt_played_add(mt_played_sums *to, const mt_locality *locality,
                                 const mt_locality_row *row, uint32_t hits) {
    to->totals.requests++;
    to->totals.blocks += row->blocks;
    to->totals.tokens += row->input_length;
    mt_played_add_hits(to, locality, row, hits);
}

static inline mt_played mt_played_of(const mt_played_sums *of) {
    const mt_hit_totals *totals = &of->totals;
    return (mt_played){.requests = totals->requests,
                       .blocks = totals->blocks,
                       .tokens = totals->tokens,
                       .ratio = {mt_ratio_of(of->share, totals->requests),
                                 mt_ratio_of((double)of->blocks, totals->blocks),
                                 mt_ratio_of((double)of->tokens, totals->tokens)},
                       .within = mt_ratio_of((double)of->within, totals->blocks)};
}

#endif
