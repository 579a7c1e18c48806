/* How sure a difference between two samples is: the bootstrap over blocks.
 *
 * A sample's values come in blocks. A resample takes as many blocks as there are, with replacement,
 * so a block stands in it 0, 1, 2, ... times with all its values, and the statistic is computed
 * again. Blocks are stretches of time, of whole sessions where there are sessions, because latencies
 * near in time are alike: the server's queue, batch and cache are the same for them. Resampling
 * single values takes them for independent, and its interval is too narrow (Kuensch, "The jackknife
 * and the bootstrap for general stationary observations", 1989; Carlstein, "The use of subseries
 * values for estimating the variance of a general statistic", 1986). Blocks are few and long, as in
 * the method of batch means (Schmeiser, "Batch size effects in the analysis of simulation output",
 * 1982, advises 10 to 30): no correlation has to be estimated in order to choose their length.
 *
 * Why 10: of 400 pairs of runs of 1000 values alike, the means were said to differ in 3 % (10
 * blocks), 4 % (32 blocks) and 5 % (single values) where values are independent; in 6, 9 and 55 %
 * where they are correlated by 0.9 from one to the next; percentiles likewise. Ten blocks make the
 * interval a seventh wider than single values do where those would have been right. Values that are
 * alike over a tenth of the sample and more are beyond it: with 0.98 from one to the next, 12 % of
 * such pairs were said to differ, and 5 % of pairs of 5000 values.
 *
 * Two samples of the same requests are paired by resampling both with one table: what a stretch of
 * requests does to both then falls out of the difference.
 *
 * The interval is the percentile interval (Efron and Tibshirani, "An introduction to the bootstrap",
 * 1993, chapter 13). It suits percentiles: its ends are made of values of the sample, where the
 * basic interval (Davison and Hinkley, "Bootstrap methods and their application", 1997, chapter 5)
 * turns a long tail to the wrong side, and BCa needs a jackknife, which fails for percentiles. With
 * few blocks it is too narrow; its levels are widened as Student's t is over the normal (Hesterberg,
 * "What teachers should know about the bootstrap", The American Statistician 69, 2015).
 *
 * Cost: the values are sorted once; then a percentile of a resample takes less than 1 us, whatever
 * their number, because it is kept how many values of each block lie below every few hundredth of
 * them. 16 bytes a value while sorting, 8 afterwards. */
#ifndef MT_STATS_BOOTSTRAP_H
#define MT_STATS_BOOTSTRAP_H

#include "base/error.h"

enum {
    MT_BOOTSTRAP_BLOCKS = 10, /* of a sample; fewer units than that are a block each */
    MT_BOOTSTRAP_FEWEST = 8,  /* of fewer blocks nothing can be said */
    MT_BOOTSTRAP_RESAMPLES = 4000
};

/* The block of unit number `unit`, 0 <= unit < units: stretches of units as equal as can be. */
uint32_t mt_bootstrap_block(uint64_t unit, uint64_t units);

/* How many blocks `units` units make. */
uint32_t mt_bootstrap_blocks(uint64_t units);

/* ---- resamples ---- */

/* A table: how often each block stands in each resample. */
typedef struct mt_resamples {
    uint32_t count, blocks;
    uint16_t *times; /* times[resample * blocks + block] */
} mt_resamples;

/* Draws the table, MT_BOOTSTRAP_RESAMPLES of 1 or more blocks, with the generator of (seed, name,
 * "blocks"), a resample an item. The caller frees it. MT_ERROR_MEMORY. */
mt_code mt_resamples_draw(mt_resamples *resamples, uint32_t blocks, uint64_t seed, const char *name,
                          mt_error *error);

void mt_resamples_free(mt_resamples *resamples);

/* ---- samples ---- */

typedef struct mt_blocked mt_blocked;

/* The values with the block of each, below `blocks`; NaN is no value. They are kept as floats, as
 * the results of a run are. NULL: out of memory, or interrupted. */
mt_blocked *mt_blocked_new(const float *values, const uint32_t *block_of, size_t count,
                           uint32_t blocks, mt_error *error);

void mt_blocked_free(mt_blocked *blocked);

/* How many values there are. */
uint64_t mt_blocked_count(const mt_blocked *blocked);

/* The percentile (0..100), by linear interpolation between ranks as in stats/summary.h, of a list
 * in which the values of block k stand times[k] times; NULL: once. NaN when the list is empty. */
double mt_blocked_percentile(const mt_blocked *blocked, const uint16_t *times, double percentile);

/* A statistic that is a sum over another (a mean, a rate, a share), from the sums of each block:
 * above over below, block k taken times[k] times; NULL: once. NaN for 0 over 0. */
double mt_ratio_of(const double *above, const double *below, uint32_t blocks,
                   const uint16_t *times);

/* ---- intervals ---- */

/* The interval of a statistic of which there are `count` replicates, one a resample, NaN where a
 * resample has none: sorts them. `blocks`: of the sample that has fewer. level: 0.95. 0, or -1 with
 * NaN in both where there are fewer than MT_BOOTSTRAP_FEWEST blocks, or more than one replicate in
 * 20 is NaN. */
int mt_bootstrap_interval(double *replicates, size_t count, uint32_t blocks, double level,
                          double *low, double *high);

#endif
