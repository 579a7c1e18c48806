#include "stats/bootstrap.h"

#include "base/memory.h"
#include "base/sort.h"
#include "random/generator.h"
#include "random/special.h"
#include "stats/summary.h"

#include <math.h>
#include <string.h>

/* ---- blocks and resamples ---- */

uint32_t mt_bootstrap_blocks(uint64_t units) {
    return units < MT_BOOTSTRAP_BLOCKS ? (uint32_t)units : MT_BOOTSTRAP_BLOCKS;
}

uint32_t mt_bootstrap_block(uint64_t unit, uint64_t units) {
    return (uint32_t)((double)unit / (double)units * mt_bootstrap_blocks(units));
}

mt_code mt_resamples_draw(mt_resamples *resamples, uint32_t blocks, uint64_t seed, const char *name,
                          mt_error *error) {
    mt_random random;
    *resamples = (mt_resamples){.count = MT_BOOTSTRAP_RESAMPLES, .blocks = blocks};
    resamples->times =
        mt_allocate_zero((size_t)resamples->count * blocks, sizeof *resamples->times);
    if (!resamples->times)
        return mt_fail_memory(error, "resamples");
    mt_random_begin(&random, seed, name, "blocks");
    for (uint32_t i = 0; i < resamples->count; i++) {
        uint16_t *times = resamples->times + (size_t)i * blocks;
        mt_random_seek(&random, i);
        for (uint32_t k = 0; k < blocks; k++)
            times[mt_random_below(&random, blocks)]++;
    }
    return MT_OK;
}

void mt_resamples_free(mt_resamples *resamples) {
    mt_free(resamples->times);
    *resamples = (mt_resamples){0};
}

/* ---- samples ---- */

/* A value is the upper half of a key, as bits that compare as it does; its block is the lower. */
struct mt_blocked {
    int64_t *keys; /* ascending */
    size_t count, step;
    uint32_t blocks;
    uint32_t *below; /* below[i * blocks + k]: keys of block k before place i * step */
};

enum { FEWEST_STEP = 64, MOST_STEPS = 4096 };

static int64_t key_of(float value, uint32_t block) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits < 0)
        bits ^= INT32_MAX;
    return (int64_t)bits * (INT64_C(1) << 32) + block;
}

static double value_of(int64_t key) {
    int32_t bits = (int32_t)(key >> 32);
    float value;
    if (bits < 0)
        bits ^= INT32_MAX;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static uint32_t block_of_key(int64_t key) {
    return (uint32_t)(key & UINT32_MAX);
}

/* Counts the keys of each block before every step-th place. */
static mt_code count_below(mt_blocked *blocked, mt_error *error) {
    size_t blocks = blocked->blocks, steps;
    blocked->step = blocked->count / MOST_STEPS;
    if (blocked->step < FEWEST_STEP)
        blocked->step = FEWEST_STEP;
    steps = blocked->count / blocked->step + 1;
    blocked->below = mt_allocate_zero(steps * blocks, sizeof *blocked->below);
    if (!blocked->below)
        return mt_fail_memory(error, "values by block");
    for (size_t i = 0; i + 1 < steps; i++) {
        uint32_t *here = blocked->below + i * blocks, *next = here + blocks;
        memcpy(next, here, blocks * sizeof *here);
        for (size_t j = i * blocked->step; j < (i + 1) * blocked->step; j++)
            next[block_of_key(blocked->keys[j])]++;
    }
    return MT_OK;
}

mt_blocked *mt_blocked_new(const float *values, const uint32_t *block_of, size_t count,
                           uint32_t blocks, mt_error *error) {
    mt_blocked *blocked = mt_new(sizeof *blocked, "values by block", error);
    if (!blocked)
        return NULL;
    blocked->blocks = blocks;
    blocked->keys = mt_allocate(count, sizeof *blocked->keys);
    if (!blocked->keys)
        mt_fail_memory(error, "values by block");
    for (size_t i = 0; blocked->keys && i < count; i++)
        if (!isnan(values[i]))
            blocked->keys[blocked->count++] = key_of(values[i] + 0.0F, block_of[i]);
    if (!blocked->keys || mt_sort_times(blocked->keys, blocked->count, error) != MT_OK ||
        count_below(blocked, error) != MT_OK) {
        mt_blocked_free(blocked);
        return NULL;
    }
    return blocked;
}

void mt_blocked_free(mt_blocked *blocked) {
    if (!blocked)
        return;
    mt_free(blocked->keys);
    mt_free(blocked->below);
    mt_free(blocked);
}

uint64_t mt_blocked_count(const mt_blocked *blocked) {
    return blocked->count;
}

/* ---- percentiles of a resample ---- */

/* How long the list is before place number i * step of the keys. */
static uint64_t length_before(const mt_blocked *blocked, const uint16_t *times, size_t i) {
    const uint32_t *below = blocked->below + i * blocked->blocks;
    uint64_t length = 0;
    for (uint32_t k = 0; k < blocked->blocks; k++)
        length += (uint64_t)below[k] * times[k];
    return length;
}

/* Finds the place whose key stands at `rank` of the list; *left: how often it stands in the list
 * from there on. */
static size_t place_of(const mt_blocked *blocked, const uint16_t *times, uint64_t rank,
                       uint64_t *left) {
    size_t low = 0, high = blocked->count / blocked->step; /* length_before(low) <= rank */
    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (length_before(blocked, times, middle) <= rank)
            low = middle;
        else
            high = middle - 1;
    }
    uint64_t length = length_before(blocked, times, low);
    size_t place = low * blocked->step;
    while (length + times[block_of_key(blocked->keys[place])] <= rank)
        length += times[block_of_key(blocked->keys[place++])];
    *left = length + times[block_of_key(blocked->keys[place])] - rank;
    return place;
}

static uint64_t list_length(const mt_blocked *blocked, const uint16_t *times) {
    size_t steps = blocked->count / blocked->step;
    uint64_t length = length_before(blocked, times, steps);
    for (size_t i = steps * blocked->step; i < blocked->count; i++)
        length += times[block_of_key(blocked->keys[i])];
    return length;
}

static double between(double low, double high, double share) {
    return low + share * (high - low);
}

double mt_blocked_percentile(const mt_blocked *blocked, const uint16_t *times, double percentile) {
    uint64_t length = times ? list_length(blocked, times) : blocked->count;
    if (length == 0)
        return NAN;
    double position = percentile / 100 * (double)(length - 1);
    uint64_t rank = (uint64_t)position;
    double share = position - (double)rank;
    if (!times) {
        double low = value_of(blocked->keys[rank]);
        return rank + 1 < length ? between(low, value_of(blocked->keys[rank + 1]), share) : low;
    }
    uint64_t left;
    size_t place = place_of(blocked, times, rank, &left);
    double low = value_of(blocked->keys[place]);
    if (left > 1 || rank + 1 >= length)
        return low;
    do
        place++;
    while (times[block_of_key(blocked->keys[place])] == 0);
    return between(low, value_of(blocked->keys[place]), share);
}

/* ---- ratios ---- */

double mt_ratio_of(const double *above, const double *below, uint32_t blocks,
                   const uint16_t *times) {
    double sum_above = 0, sum_below = 0;
    for (uint32_t k = 0; k < blocks; k++) {
        double so_often = times ? (double)times[k] : 1;
        sum_above += so_often * above[k];
        sum_below += so_often * below[k];
    }
    return sum_above / sum_below;
}

/* ---- intervals ---- */

/* The quantile of Student's t from the normal's (Abramowitz and Stegun 1964, 26.7.5): within 1e-3
 * of it for 7 degrees of freedom at 95 %. */
static double student(double z, double degrees) {
    double square = z * z;
    double first = z * (square + 1) / 4;
    double second = z * ((5 * square + 16) * square + 3) / 96;
    double third = z * (((3 * square + 19) * square + 17) * square - 15) / 384;
    return z + (first + (second + third / degrees) / degrees) / degrees;
}

int mt_bootstrap_interval(double *replicates, size_t count, uint32_t blocks, double level,
                          double *low, double *high) {
    size_t there = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(replicates[i]))
            replicates[there++] = replicates[i];
    *low = *high = NAN;
    if (blocks < MT_BOOTSTRAP_FEWEST || there == 0 || count - there > count / 20)
        return -1;
    mt_sort(replicates, there);
    double tail = (1 - level) / 2, degrees = (double)blocks - 1;
    double z = -mt_normal_quantile(tail - 0.5, tail);
    double widened = mt_normal_below(-student(z, degrees) * sqrt((double)blocks / degrees));
    *low = mt_percentile(replicates, there, 100 * widened);
    *high = mt_percentile(replicates, there, 100 * (1 - widened));
    return 0;
}
