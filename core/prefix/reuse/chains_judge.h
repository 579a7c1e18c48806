/* How unlike its source a part of it is, as a new trace of its own: in a cache, on a clock, in its
 * lengths. Private to the reuse method (prefix/reuse/chains.h).
 *
 * A part is pieces of the source's families (prefix/model/families.h), each moved in time, some left
 * out; what comes before its begin is not made, nor what comes after so many requests. Its requests
 * are run through a cache that begins empty, and their distances, ages, lengths and tokens per
 * window are held against the whole source's.
 *
 * Memory: 4 bytes for each block of each prompt that ever comes back, and 40 bytes a request. */
#ifndef MT_PREFIX_REUSE_CHAINS_JUDGE_H
#define MT_PREFIX_REUSE_CHAINS_JUDGE_H

#include "prefix/cache/parts.h"
#include "prefix/reuse/chains_state.h"

enum { MT_JUDGE_LENGTHS = 64 };     /* bins, about equally full */
enum { MT_JUDGE_DISTANCES = 1025 }; /* 32 in a doubling: hits come at cliffs */
enum { MT_JUDGE_AGES = 4, MT_JUDGE_WINDOWS = 3, MT_JUDGE_TENTHS = 10 };

/* What a part is judged by. */
typedef struct mt_reuse_tally {
    double turns, inputs[MT_JUDGE_LENGTHS], outputs[MT_JUDGE_LENGTHS];
    double blocks, hits[MT_JUDGE_DISTANCES]; /* of the blocks that come back, by their distance */
    double kept[MT_JUDGE_AGES];              /* of them, those used so short a time ago */
    double tenths[MT_JUDGE_TENTHS];          /* hit ratio in a cache without limit */
    double variation[MT_JUDGE_WINDOWS];      /* of tokens per window; negative: too few windows */
    double chains;                           /* of which there are turns */
    double rate;                             /* requests a nanosecond; 0: one instant */
} mt_reuse_tally;

typedef struct mt_reuse_judged {
    int64_t time_ns;
    uint32_t turn;
} mt_reuse_judged;

typedef struct mt_reuse_judge {
    const mt_reuse_chains *chains;
    size_t requests; /* of a part */
    /* By turn. */
    uint64_t *inputs, *path_begin;
    uint8_t *input_bins, *output_bins;
    /* The paths, without blocks that never come back, and the place in the part of the last request
     * that touched each block, counted from one. */
    uint32_t *paths, *owner;
    uint32_t *chain_of; /* by turn */
    uint8_t *is_seen;   /* by chain */
    size_t block_count;
    /* The part. */
    mt_reuse_judged *events;
    mt_parts parts; /* of the cache */
    size_t event_count;
    int64_t lasts; /* until the last request that is asked for, since it begins */
    int64_t end;   /* until the last one that there would be */
    mt_reuse_tally whole;
    double work; /* blocks and requests that were looked at */
} mt_reuse_judge;

/* *judge must be zero; free it with mt_reuse_judge_free, on failure too. MT_ERROR_MEMORY. */
mt_code mt_reuse_judge_open(mt_reuse_judge *judge, mt_reuse_chains *chains, size_t requests,
                            mt_error *error);

/* How unlike the part is: 0 for one like the source in all; INFINITY where it has too few requests.
 * It begins at `phase` and has these pieces of families, at their first chains. Sets judge->lasts and end. */
mt_code mt_reuse_judge_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                            double *unlike, mt_error *error);

void mt_reuse_judge_free(mt_reuse_judge *judge);

#endif
