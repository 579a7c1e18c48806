/* What the files of the sampled caches (prefix/analysis/sampled.h) share. Private to this folder. */
#ifndef MT_PREFIX_ANALYSIS_SAMPLED_STATE_H
#define MT_PREFIX_ANALYSIS_SAMPLED_STATE_H

#include "base/memory.h"
#include "prefix/analysis/locality_state.h"
#include "prefix/analysis/sampled.h"

/* Families fall into groups, for the standard error, and each group into one of a few parts of the
 * sample, which are played by themselves as well. */
enum { MT_SAMPLE_GROUPS = 128, MT_SAMPLE_PARTS = 4 };

/* Hits are counted by request, block, token and within sessions. */
enum { MT_SAMPLE_MEASURES = 4 };

/* Policies whose hits are known over the whole: no limit at all, LRU, first in first out. */
enum { MT_OF_ENDLESS, MT_OF_LRU, MT_OF_FIFO, MT_SAMPLE_CONTROLS };

#define MT_NO_MEMBER UINT32_MAX

/* A block of the sample. */
typedef struct mt_sample_member {
    uint32_t
        parent; /* the next one above it that is in the sample, MT_NO_MEMBER where there is none */
    uint32_t depth; /* its place in the paths it is in, from 0 */
    uint32_t group;
} mt_sample_member;

/* Sums over the uses of the sample, each by the weight of its block. */
typedef struct mt_sample_sums {
    double of[MT_SAMPLE_MEASURES];
} mt_sample_sums;

/* Hits of the policy itself, and of the controls. */
typedef struct mt_sample_tally {
    mt_sample_sums own, controls[MT_SAMPLE_CONTROLS];
} mt_sample_tally;

typedef struct mt_sample_counts {
    mt_sample_tally all;
    /* Of those that may not have been in the sample, times sqrt(1 - share). */
    mt_sample_tally groups[MT_SAMPLE_GROUPS];
    /* How much more the policy hits in the cache of each part than in that of the sample, of the same
     * blocks. */
    mt_sample_sums parts[MT_SAMPLE_PARTS];
    /* How far LRU, and first in first out, are in the sample's caches from what its members had in
     * those of the whole. */
    mt_sample_sums off[2];
} mt_sample_counts;

/* What all policies have in common at one size: what is known of the whole, and of two policies on the
 * sample. */
typedef struct mt_sample_common {
    uint64_t size; /* 0: nothing is known yet */
    mt_touch_order order;
    mt_hit_rule rule;
    double rooms[MT_SAMPLE_PARTS + 1]; /* weight of the cache of the sample, and of each part */
    mt_played all;                     /* of an endless cache */
    double whole[MT_SAMPLE_MEASURES][MT_SAMPLE_CONTROLS];
    mt_sample_counts counts; /* of the controls; of a policy itself nothing */
} mt_sample_common;

struct mt_block_sample {
    const mt_locality *locality;
    double rate;
    uint64_t seed;
    mt_big nearest; /* uint32_t by block: the member that it is, or that is next above it */
    mt_sample_member *members; /* numbered by first appearance, as blocks are */
    float *weights;      /* by member: blocks that it stands for; of one that is in all samples 1 */
    float *part_weights; /* the same in its part of the sample */
    size_t count, capacity, weight_capacity, part_capacity;
    uint32_t *hits[2];       /* by request: of the whole in an LRU cache, and first in, first out */
    uint32_t *path;          /* scratch: members of a request */
    mt_sample_common common; /* of the size that was played last */
};

/* Fills the sample with its members. */
mt_code mt_sample_choose(mt_block_sample *sample, mt_error *error);

/* Fills path[] with the members of request r, from the root on; how many there are. Of them, those from
 * *rare on are of one family that is not in all samples. */
size_t mt_sample_find(const mt_block_sample *sample, size_t r, uint32_t *path, size_t *rare);

/* The part of a member that is not in all samples. */
static inline size_t mt_sample_part(const mt_block_sample *sample, uint32_t member) {
    return sample->members[member].group % MT_SAMPLE_PARTS;
}

/* What the sample, shares[0], and each of its parts, shares[1..], hold of an LRU cache of `size` blocks:
 * the weight of those of its members that are there, a mean over the requests that find it full, in parts
 * of what it should be. */
mt_code mt_sample_held(mt_block_sample *sample, uint64_t size, double shares[MT_SAMPLE_PARTS + 1],
                       mt_error *error);

/* Plays LRU and first in, first out on the sample, in caches of the common rooms; fills the common counts.
 * hits[] must be there. */
mt_code mt_sample_play_controls(mt_block_sample *sample, mt_error *error);

/* Plays the policy on the sample and its parts, in caches of the common rooms; adds what it hits to the
 * counts, which begin as the common ones. */
mt_code mt_sample_play_policy(mt_block_sample *sample, const mt_cache_spec *spec,
                              mt_sample_counts *counts, mt_error *error);

/* Estimates the sum of measure m over the whole from what was counted and whole[], the controls' sums there;
 * gives its standard error. */
double mt_sample_estimate(const mt_sample_counts *counts, int m,
                          const double whole[MT_SAMPLE_CONTROLS], double *sum);

#endif
