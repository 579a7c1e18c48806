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
 * Of policies with `is_sampled` (prefix/cache/policy.h): CLOCK. All others are to be played whole, without
 * error. LRU and first in, first out are known whole at little cost. SIEVE, S3-FIFO, LFU and the optimum
 * keep blocks for very long or for very short, by what happens to a few of them: on samples they were up to
 * 3 points off, the optimum 0.8. Random was up to 0.57 off at 1/100 of 10^8 blocks.
 *
 * Three policies' hits are known over the whole: LRU, first in first out, and no limit at all. The
 * first two are played on the sample too, and what the sample has too much or too little of them
 * corrects the policy's own hits, by least squares over 128 groups of families (regression estimator:
 * Cochran, "Sampling techniques", 1977, chapter 7). That is done once a size, for all policies that are played
 * at it one after the other.
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
 * How far off, in points of the hit ratio by block. At 1/100 of 10^8 blocks, in caches of 300 000 and
 * 3 000 000 blocks, of sessions, three samples: CLOCK up to 0.07 and 0.16; of documents, one sample of each
 * of two traces: up to 0.19 and 0.13; of as many sessions' turns as questions about documents, one sample:
 * 0.02 and 0.21. At 1/10 of 10^7 blocks, which is as many, of sessions, of documents
 * and of a mixture, three samples and two sizes each: up to 0.17. None of these was further off than 2
 * standard errors. A smaller sample is further off: at 1/100 of 10^7 blocks, four samples and two sizes, up
 * to 0.9 points of sessions and 1.8 of documents.
 *
 * Memory: 4 bytes a block and 8 more for a moment, 8 more while first in, first out is played, 32 a request,
 * 24 a block of the sample, and what five caches take of it. It saves none: all of the trace is kept for the
 * controls.
 *
 * Time: a size costs that of first in, first out over the whole, and each policy a few steps a request and a
 * sampled block, four times more for blocks that are always in. The first is most of it: CLOCK at two sizes
 * took at 1/100 of 10^8 blocks of sessions 24 s and whole 23 s, of documents 15 s and 7 s. So a sample would
 * save time only where several policies are sampled at a size. */
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

/* The cache of the spec, of its whole size, estimated; its policy is sampled, and it has no time to live. What
 * policies have in common at a size is kept until another size, order of touching or rule is played: play
 * those of one size one after the other. After a failure (memory, Ctrl-C) it can be played again. */
mt_code mt_block_sample_play(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                             mt_sampled *sampled, mt_error *error);

void mt_block_sample_free(mt_block_sample *sample); /* NULL is allowed */

#endif
