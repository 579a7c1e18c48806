/* The bootstrap over blocks: its statistics against lists written out, its interval by known answers,
 * and how often it says that samples alike differ. */
#include "stats/bootstrap.h"

#include "base/sort.h"
#include "goodness.h"
#include "random/generator.h"
#include "random/special.h"
#include "stats/summary.h"
#include "sweep.h"
#include "trace_support.h"

#include <math.h>

enum { B = MT_BOOTSTRAP_BLOCKS, MOST = 1000 };

/* ---- statistics ---- */

/* Each value as often in a list as its block is taken. */
static size_t written_out(const float *values, const uint32_t *block_of, size_t count,
                          const uint16_t *times, double *list) {
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; !isnan(values[i]) && k < (times ? times[block_of[i]] : 1U); k++)
            list[length++] = (double)values[i];
    qsort(list, length, sizeof *list, mt_by_double);
    return length;
}

static void compare(const float *values, const uint32_t *block_of, size_t count,
                    const uint16_t *times) {
    static double list[MOST * B];
    mt_blocked *blocked = mt_blocked_new(values, block_of, count, B, NULL);
    assert_non_null(blocked);
    size_t length = written_out(values, block_of, count, times, list);
    for (double percentile = 0; percentile <= 100; percentile += 2.5) {
        double value = mt_blocked_percentile(blocked, times, percentile);
        double expected = mt_percentile(list, length, percentile);
        if (length == 0)
            assert_true(isnan(value) && isnan(expected));
        else
            assert_true(fabs(value - expected) <= 1e-9 * (1 + fabs(expected)));
    }
    mt_blocked_free(blocked);
}

static void test_percentiles(void **state) {
    (void)state;
    uint64_t random = 1;
    static float values[MOST];
    static uint32_t block_of[MOST];
    for (int round = 0; round < 300; round++) {
        size_t count = (size_t)below(&random, round % 3 == 0 ? MOST : 12);
        uint16_t times[B];
        for (size_t i = 0; i < count; i++) {
            values[i] = (float)below(&random, round % 2 ? 20 : 100000) / 8 - 1;
            if (below(&random, 10) == 0)
                values[i] = NAN;
            block_of[i] = (uint32_t)below(&random, B);
        }
        for (unsigned k = 0; k < B; k++)
            times[k] = (uint16_t)below(&random, 3);
        compare(values, block_of, count, times);
        compare(values, block_of, count, NULL);
    }
}

static void test_extreme_values(void **state) {
    (void)state;
    float values[] = {-3e38F, -1e30F, -1, -1e-30F, -0.0F, 0, 1e-30F, 1, 3e38F};
    uint32_t block_of[9] = {0};
    mt_blocked *blocked = mt_blocked_new(values, block_of, 9, 1, NULL);
    assert_int_equal(mt_blocked_count(blocked), 9);
    for (int i = 0; i < 9; i++)
        assert_true(mt_blocked_percentile(blocked, NULL, 12.5 * i) == (double)values[i]);
    mt_blocked_free(blocked);
}

static void test_ratios(void **state) {
    (void)state;
    double above[] = {1, 2, 3}, below[] = {1, 0, 2};
    uint16_t times[] = {0, 2, 1}, none[] = {0, 0, 0};
    assert_true(mt_ratio_of(above, below, 3, NULL) == 2);
    assert_true(mt_ratio_of(above, below, 3, times) == 3.5);
    assert_true(isnan(mt_ratio_of(above, below, 3, none)));
}

/* ---- blocks and resamples ---- */

static void test_blocks(void **state) {
    (void)state;
    for (uint64_t units = 1; units < 300; units++) {
        uint32_t blocks = mt_bootstrap_blocks(units), before = 0;
        uint64_t sizes[B] = {0};
        assert_int_equal(blocks, units < B ? units : B);
        for (uint64_t i = 0; i < units; i++) {
            uint32_t block = mt_bootstrap_block(i, units);
            assert_true(block < blocks && block >= before);
            before = block;
            sizes[block]++;
        }
        for (uint32_t k = 0; k < blocks; k++)
            assert_true(sizes[k] == units / blocks || sizes[k] == units / blocks + 1);
    }
    assert_int_equal(mt_bootstrap_block(UINT64_C(99999999), UINT64_C(100000000)), B - 1);
}

static void test_resamples(void **state) {
    (void)state;
    mt_resamples one, again, other, named;
    assert_int_equal(mt_resamples_draw(&one, B, 1, "a", NULL), MT_OK);
    assert_int_equal(mt_resamples_draw(&again, B, 1, "a", NULL), MT_OK);
    assert_int_equal(mt_resamples_draw(&other, B, 2, "a", NULL), MT_OK);
    assert_int_equal(mt_resamples_draw(&named, B, 1, "b", NULL), MT_OK);
    size_t bytes = (size_t)one.count * B * sizeof *one.times;
    assert_memory_equal(one.times, again.times, bytes);
    assert_true(memcmp(one.times, other.times, bytes) != 0);
    assert_true(memcmp(one.times, named.times, bytes) != 0);
    static const uint16_t pinned[B] = {0, 1, 0, 2, 2, 0, 0, 2, 2, 1};
    assert_memory_equal(one.times, pinned, sizeof pinned);
    /* How often a block stands in a resample is binomial. */
    double counts[5] = {0}, expected[5], chance = pow(1 - 1.0 / B, B), rest = one.count;
    for (uint32_t i = 0; i < one.count; i++) {
        unsigned sum = 0;
        for (uint32_t k = 0; k < B; k++)
            sum += one.times[(size_t)i * B + k];
        assert_int_equal(sum, B);
        unsigned first = one.times[(size_t)i * B];
        counts[first < 4 ? first : 4]++;
    }
    for (int i = 0; i < 4; i++) {
        expected[i] = chance * one.count;
        rest -= expected[i];
        chance *= (double)(B - i) / (i + 1) / (B - 1);
    }
    expected[4] = rest;
    assert_true(chi_square_test(counts, expected, 5) > 0.001);
    mt_resamples_free(&one);
    mt_resamples_free(&again);
    mt_resamples_free(&other);
    mt_resamples_free(&named);
}

/* ---- intervals ---- */

/* Of 10 blocks: 2.2622 of Student's t with 9 degrees times the root of 10 / 9 is 2.3845 of the normal, which
 * leaves 0.8551 % on either side. */
static void test_interval(void **state) {
    (void)state;
    enum { COUNT = 4001 };
    static double replicates[COUNT];
    double low, high;
    for (int i = 0; i < COUNT; i++)
        replicates[i] = (i * 7) % COUNT;
    assert_int_equal(mt_bootstrap_interval(replicates, COUNT, 10, 0.95, &low, &high), 0);
    assert_true(fabs(low - 34.2) < 0.3);
    assert_true(fabs(high - 3965.8) < 0.3);
    /* So many blocks that it is the normal's: 2.5 % on either side. */
    assert_int_equal(mt_bootstrap_interval(replicates, COUNT, 1000000, 0.95, &low, &high), 0);
    assert_true(fabs(low - 100) < 0.1 && fabs(high - 3900) < 0.1);
    for (int i = 0; i < COUNT / 20; i++)
        replicates[i] = NAN;
    assert_int_equal(mt_bootstrap_interval(replicates, COUNT, 10, 0.95, &low, &high), 0);
    for (int i = 0; i <= COUNT / 20; i++)
        replicates[i * 19] = NAN;
    assert_int_equal(mt_bootstrap_interval(replicates, COUNT, 10, 0.95, &low, &high), -1);
    assert_true(isnan(low) && isnan(high));
    assert_int_equal(mt_bootstrap_interval(replicates, 0, 10, 0.95, &low, &high), -1);
    replicates[0] = 1;
    assert_int_equal(mt_bootstrap_interval(replicates, 1, 7, 0.95, &low, &high), -1);
}

/* ---- two samples ---- */

enum { VALUES = 1000 };

typedef struct two {
    float values[2][VALUES];
    uint32_t block_of[VALUES];
} two;

static double normal(mt_random *random) {
    double p = mt_random_positive(random), tail = p < 0.5 ? p : 1 - p;
    return mt_normal_quantile(p - 0.5, tail > 1e-300 ? tail : 1e-300);
}

/* A run: log-normal values of which each is correlated with the one before. */
static void draw_run(mt_random *random, double correlation, float *values) {
    double now = normal(random);
    for (int i = 0; i < VALUES; i++) {
        now = correlation * now + sqrt(1 - correlation * correlation) * normal(random);
        values[i] = (float)(100 * exp(0.3 * now + 0.1 * normal(random)));
    }
}

/* The interval of the difference of a percentile, of the mean where it is negative. */
static void interval_of(const two *both, int is_paired, double percentile, uint64_t seed,
                        double *low, double *high) {
    static double replicates[MT_BOOTSTRAP_RESAMPLES];
    mt_resamples tables[2];
    mt_blocked *samples[2];
    double sums[2][B] = {{0}}, counts[2][B] = {{0}};
    for (int r = 0; r < 2; r++) {
        assert_int_equal(mt_resamples_draw(&tables[r], B, seed, r && !is_paired ? "b" : "a", NULL),
                         MT_OK);
        samples[r] = mt_blocked_new(both->values[r], both->block_of, VALUES, B, NULL);
        for (int i = 0; i < VALUES; i++) {
            sums[r][both->block_of[i]] += (double)both->values[r][i];
            counts[r][both->block_of[i]]++;
        }
    }
    for (uint32_t i = 0; i < tables[0].count; i++) {
        double value[2];
        for (int r = 0; r < 2; r++) {
            const uint16_t *times = tables[r].times + (size_t)i * B;
            value[r] = percentile < 0 ? mt_ratio_of(sums[r], counts[r], B, times)
                                      : mt_blocked_percentile(samples[r], times, percentile);
        }
        replicates[i] = value[1] - value[0];
    }
    assert_int_equal(mt_bootstrap_interval(replicates, tables[0].count, B, 0.95, low, high), 0);
    for (int r = 0; r < 2; r++) {
        mt_blocked_free(samples[r]);
        mt_resamples_free(&tables[r]);
    }
}

static void place_in_blocks(two *both) {
    for (uint64_t i = 0; i < VALUES; i++)
        both->block_of[i] = mt_bootstrap_block(i, VALUES);
}

/* Of 120 pairs alike 6 are expected to differ; 15 or more would be as many as 1 in 1000 times by
 * chance, if the intervals are right. */
static void test_false_alarms(void **state) {
    (void)state;
    static two both;
    static const double percentiles[] = {-1, 50, 99};
    mt_random random;
    place_in_blocks(&both);
    for (int correlated = 0; correlated < 2; correlated++) {
        int differ[3] = {0};
        mt_random_begin(&random, 1, "pairs", correlated ? "correlated" : "independent");
        for (uint64_t pair = 0; pair < 120; pair++) {
            mt_random_seek(&random, pair);
            for (int r = 0; r < 2; r++)
                draw_run(&random, correlated ? 0.9 : 0, both.values[r]);
            for (int s = 0; s < 3; s++) {
                double low, high;
                interval_of(&both, 0, percentiles[s], pair, &low, &high);
                differ[s] += low > 0 || high < 0;
            }
        }
        for (int s = 0; s < 3; s++)
            assert_in_range(differ[s], 1, 14);
    }
}

/* The second is the first and 1 more: paired, that is all there is. */
static void test_pairing(void **state) {
    (void)state;
    static two both;
    mt_random random;
    double low, high;
    place_in_blocks(&both);
    mt_random_begin(&random, 5, "pairing", "");
    draw_run(&random, 0.9, both.values[0]);
    for (int i = 0; i < VALUES; i++) {
        both.values[0][i] = rintf(both.values[0][i]);
        both.values[1][i] = both.values[0][i] + 1;
    }
    for (double percentile = -1; percentile < 100; percentile += 50) {
        interval_of(&both, 1, percentile, 0, &low, &high);
        assert_true(fabs(low - 1) < 1e-9 && fabs(high - 1) < 1e-9);
        interval_of(&both, 0, percentile, 0, &low, &high);
        assert_true(low < -1 && high > 3);
    }
}

/* A tenth slower is seen each time, and the interval holds it. */
static void test_power(void **state) {
    (void)state;
    static two both;
    mt_random random;
    place_in_blocks(&both);
    mt_random_begin(&random, 6, "power", "");
    for (uint64_t pair = 0; pair < 50; pair++) {
        double low, high;
        mt_random_seek(&random, pair);
        for (int r = 0; r < 2; r++)
            draw_run(&random, 0, both.values[r]);
        for (int i = 0; i < VALUES; i++)
            both.values[1][i] *= 1.1F;
        interval_of(&both, 0, -1, pair, &low, &high);
        assert_true(low > 0 && low < 10.6 && high > 10.4);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    float values[300] = {3, 2, 1};
    uint32_t block_of[300] = {0};
    for (sweep all = {0}; sweep_next(&all);) {
        mt_resamples table;
        mt_blocked *blocked = mt_blocked_new(values, block_of, 300, B, &all.error);
        all.code = blocked ? mt_resamples_draw(&table, B, 0, "a", &all.error) : all.error.code;
        mt_blocked_free(blocked);
        if (blocked)
            mt_resamples_free(&table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles),  cmocka_unit_test(test_extreme_values),
        cmocka_unit_test(test_ratios),       cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_resamples),    cmocka_unit_test(test_interval),
        cmocka_unit_test(test_false_alarms), cmocka_unit_test(test_pairing),
        cmocka_unit_test(test_power),        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("bootstrap", tests, NULL, NULL);
}
