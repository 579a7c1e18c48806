/* Hit ratios of caches from a sample of the blocks, for traces so long that playing each cache
 * through takes its time.
 *
 * Spatial sampling (Waldspurger, Park, Garthwaite, Ahmad, "Efficient MRC construction with SHARDS",
 * FAST 2015), of *families*: a block that few requests use, without ancestors that few use, and all
 * blocks below it are in the sample or not, by a hash of its number, with all their uses; the cache
 * is as much smaller. Single blocks will not do: one hits only when all before it do, and what a
 * policy does to those would not be seen. Families are in with a chance that grows with their uses, and
 * blocks with many uses (3 times one over the rate), the prompts that many share, are always in. Blocks
 * weigh what they stand for, one over their chance, and the cache holds so much weight. How much is not the
 * nominal size: it is what the sample's members were of a whole LRU cache of that size, on average, which
 * its runs tell.
 *
 * Three policies' hits are known over the whole: LRU, first in first out, and no limit at all. The
 * first two are played on the sample too, and what the sample has too much or too little of them
 * corrects the policy's own hits, by least squares over 128 groups of families (regression estimator:
 * Cochran, "Sampling techniques", 1977, chapter 7).
 *
 * A cache of a sample is not quite a cache: a request that comes back throws out more of its own blocks
 * where the cache is small, and queues have fewer blocks to be in order. So four quarters of the sample are
 * played too, each in a cache of its own. What they hit more or less, of the same blocks, tells what the
 * size does: half of it is taken off the estimate, and it is part of the error.
 *
 * The error is the standard error: in one square root, what the groups leave unexplained, how far off LRU
 * and first in first out on the sample are from what its members had in the whole, and what the quarters
 * say. It falls with the square root of the families in the sample. Sizes should be at least 1000 blocks of
 * the sample.
 *
 * How far off, in points of the hit ratio by block. At 1/100 of 10^8 blocks of sessions, in caches of 300
 * 000 and 3 000 000 blocks: CLOCK 0.05 and 0.15, random 0.13 and 0.09, the optimum 0.05 and 0.05, S3-FIFO
 * 0.33 and 0.24, LFU 0.28 and 0.36, SIEVE 0.02 and 3.04. At 1/10 of 10^7 blocks, which is as many, of
 * sessions, of documents and of a mixture with agents: CLOCK up to 0.23, random, S3-FIFO and LFU mostly
 * below 0.5, up to 0.8, SIEVE up to 1.7. So CLOCK, and random and the optimum on sessions, are within 0.2
 * points; the others have what their error says. SIEVE keeps what it has for very long or changes all of
 * it, and when hangs on a few blocks: once in a dozen times it was four standard errors off, and its error
 * counts twice for that.
 *
 * Memory: 4 bytes a block and 8 more for a moment, 8 more while first in, first out is played, 32 a request,
 * 24 a block of the sample, and what seven caches take of it. Time: that of first in, first out over the
 * whole, and a few steps a request and a sampled block, four times more for blocks that are always in. */
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
