/* Hit ratios of caches from a sample of the blocks, for traces so long that playing each cache
 * through takes its time.
 *
 * Spatial sampling (Waldspurger, Park, Garthwaite, Ahmad, "Efficient MRC construction with SHARDS",
 * FAST 2015), of *families*: a block that few requests use, without ancestors that few use, and all
 * blocks below it are in the sample or not, by a hash of its number, with all their uses; the cache
 * is as much smaller. Single blocks will not do: one hits only when all before it do, and what a
 * policy does to those would not be seen. Blocks with many uses (10 times one over the rate), the
 * prompts that many share, are always in, with the weight of one.
 *
 * How far a policy is from LRU is what is estimated, both being played on the same sample; LRU itself
 * is known exactly. So what hits in both is sampled without error, and so is much of what a sample's
 * size is off by. The error is the standard error of the ratio: the families of the sample fall into
 * 32 groups by another part of the hash, and the differences of the groups say how much chance there
 * is. It falls with the square root of the families in the sample. Sizes should be at
 * least 1000 blocks of the sample.
 *
 * Memory: 4 bytes a block and 12 a block of the sample, and what the cache takes of it. Time: a few
 * steps a request and a sampled block. */
#ifndef MT_PREFIX_ANALYSIS_SAMPLED_H
#define MT_PREFIX_ANALYSIS_SAMPLED_H

#include "prefix/analysis/played.h"

typedef struct mt_block_sample mt_block_sample;

typedef struct mt_sampled {
    mt_played played;   /* estimated */
    mt_hit_ratio error; /* standard errors */
} mt_sampled;

/* A sample of the blocks taken in so far, each family with probability `rate` (above 0, at most 1), by
 * `seed`. It uses the locality, which must not change. NULL on failure. */
mt_block_sample *mt_block_sample_new(const mt_locality *locality, double rate, uint64_t seed,
                                     mt_error *error);

/* The cache of the spec, of its whole size, estimated; it has no time to live. */
mt_code mt_block_sample_play(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                             mt_sampled *sampled, mt_error *error);

void mt_block_sample_free(mt_block_sample *sample); /* NULL is allowed */

#endif
