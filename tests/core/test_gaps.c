/* Arrival times drawn anew: small sources by hand, off the grid, what is refused, memory that is out. */
#include "prefix/gaps/gaps.h"

#include "base/interrupt.h"
#include "goodness.h"
#include "random/generator.h"
#include "trace_support.h"
#include "sweep.h"
#include "gaps_support.h"

#include <math.h>

static void assert_times(mt_gaps_method kind, const int64_t *source, size_t source_count,
                         const int64_t *expected, size_t count) {
    int64_t copy[16];
    memcpy(copy, source, source_count * sizeof *source);
    times from = {copy, source_count};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        times made = synthesise(kind, &from, count, seed);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(made.at[i], expected[i] * SECOND);
        free(made.at);
    }
}

/* ---- by hand ---- */

/* One instant comes again every second; where all gaps are one, there is no other way. */
static void test_by_hand(void **state) {
    (void)state;
    for (mt_gaps_method kind = MT_GAPS_IID; kind <= MT_GAPS_SOURCE; kind++) {
        assert_times(kind, (int64_t[]){0}, 1, (int64_t[]){0, 1, 2, 3}, 4);
        assert_times(kind, (int64_t[]){0, 0, 0}, 3, (int64_t[]){0, 0, 0, 1, 1, 1, 2}, 7);
        assert_times(kind, (int64_t[]){0, 7 * SECOND}, 2, (int64_t[]){0, 7, 14, 21, 28}, 5);
        assert_times(kind, (int64_t[]){0, 1 * SECOND, 2 * SECOND}, 3, (int64_t[]){0, 1, 2, 3}, 4);
    }
}

/* What stands close together stays so: three requests a second apart, a pause, and two that are two seconds
 * apart, half a minute of that, eight times, so that a run is one such half minute. The pause is its longest
 * gap, so its sides change places; those of the shorter ones are alike. */
static void test_sides(void **state) {
    (void)state;
    enum { RUNS = 8, EACH = 5, LAPS = 50 };
    static const int64_t place[EACH] = {0, 1, 2, 12, 14}; /* the other way round 0, 2, 12, 13, 14 */
    int64_t at[RUNS * EACH];
    int turned = 0;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        at[i] = ((int64_t)(i / EACH) * 30 + place[i % EACH]) * SECOND;
    times source = {at, sizeof at / sizeof *at};
    times made = synthesise(MT_GAPS_SOURCE, &source, (size_t)LAPS * source.count, 1);
    int64_t lap = made.at[source.count];
    assert_in_range(lap, 224 * SECOND, 234 * SECOND); /* its time, and a mean gap */
    for (size_t i = 0; i < made.count; i += EACH) {
        const int64_t *run = &made.at[i];
        size_t k = i / EACH;
        int64_t start = (int64_t)(k / RUNS) * lap + (int64_t)(k % RUNS) * 30 * SECOND;
        int is_turned = run[1] - run[0] == 2 * SECOND;
        turned += is_turned;
        assert_int_equal(run[0], start);
        assert_int_equal(run[1], start + (is_turned ? 2 : 1) * SECOND);
        assert_int_equal(run[2], start + (is_turned ? 12 : 2) * SECOND);
        assert_int_equal(run[3], start + (is_turned ? 13 : 12) * SECOND);
        assert_int_equal(run[4], start + 14 * SECOND);
    }
    assert_int_equal(turned, RUNS * LAPS); /* the longest gap's sides always change places */
    free(made.at);
}

/* gaps_ns[0] is not looked at. */
static void test_first_gap(void **state) {
    (void)state;
    int64_t gaps[2][3] = {{-5, SECOND, SECOND}, {INT64_MAX, SECOND, SECOND}};
    for (int i = 0; i < 2; i++) {
        mt_gaps *made = mt_gaps_new(MT_GAPS_SOURCE, gaps[i], 3, 1, NULL);
        int64_t time = -1;
        assert_non_null(made);
        for (int k = 0; k < 4; k++) {
            assert_int_equal(mt_gaps_next(made, &time, NULL), MT_OK);
            assert_int_equal(time, k * SECOND);
        }
        mt_gaps_free(made);
    }
}

/* ---- independent draws ---- */

/* Beside a plain version: the item is the instant, its gap is drawn before its requests. */
static void test_iid_against_plain(void **state) {
    (void)state;
    enum { INSTANTS = 200 };
    int64_t at[] = {0, 0, 0, 5, 8, 8, 20};
    size_t sizes[] = {1, 1, 2, 3};
    int64_t waits[] = {3, 5, 12};
    times source = {at, 7};
    mt_gaps *gaps = new_gaps(MT_GAPS_IID, &source, 9);
    mt_random random;
    mt_random_start(&random, mt_random_key_of(9, "synthesize", 10, "arrivals", 8));
    int64_t expected = 0;
    for (uint64_t instant = 0; instant < INSTANTS; instant++) {
        mt_random_seek(&random, instant);
        if (instant > 0)
            expected += waits[mt_random_below(&random, 3)];
        size_t size = sizes[mt_random_below(&random, 4)];
        for (size_t i = 0; i < size; i++) {
            int64_t time = -1;
            assert_int_equal(mt_gaps_next(gaps, &time, NULL), MT_OK);
            assert_int_equal(time, expected);
        }
    }
    mt_gaps_free(gaps);
}

/* Both distributions are kept, and neither depends on the other or on what was drawn before. */
static void test_iid_distribution(void **state) {
    (void)state;
    enum { COUNT = 40000, CELLS = 27 };
    int64_t at[] = {0, 0, 0, 5, 8, 8, 20};
    times source = {at, 7};
    times made = synthesise(MT_GAPS_IID, &source, COUNT, 1);
    double counts[CELLS] = {0};
    double expected[CELLS];
    double instants = 0;
    size_t size = 1;
    size_t last_kind = 0;
    for (size_t i = 1; i < COUNT; i++) {
        int64_t wait = made.at[i] - made.at[i - 1];
        if (wait == 0) {
            size++;
            continue;
        }
        size_t kind = wait == 5 ? 0 : wait == 3 ? 1 : 2;
        assert_true(wait == 3 || wait == 5 || wait == 12);
        assert_in_range(size, 1, 3);
        counts[(size - 1) * 9 + last_kind * 3 + kind]++;
        instants++;
        size = 1;
        last_kind = kind;
    }
    for (size_t i = 0; i < CELLS; i++)
        expected[i] = instants * (i / 9 == 0 ? 0.5 : 0.25) / 9;
    assert_true(chi_square_test(counts, expected, CELLS) > GOODNESS_BOUND);
    free(made.at);
}

/* ---- sources of many kinds ---- */

/* Fifty requests, ten, three: times go on, and the rate is the source's. */
static void test_small_sources(void **state) {
    (void)state;
    times source = poisson(rate_steady, 6, 60, 1000);
    for (size_t count = 1; count <= 50; count++) {
        times small = {source.at, count};
        for (mt_gaps_method kind = MT_GAPS_IID; kind <= MT_GAPS_SOURCE; kind++) {
            enum { LAPS = 40 };
            times made = synthesise(kind, &small, LAPS * count, count);
            double expected = count == 1 ? (double)SECOND * (LAPS - 1)
                                         : (double)source.at[count - 1] / (double)(count - 1) *
                                               (double)(LAPS * count - 1);
            double share = (double)made.at[LAPS * count - 1] / expected;
            assert_true(fabs(share - 1) < (kind == MT_GAPS_SOURCE ? 0.05 : 0.6));
            free(made.at);
        }
    }
    free(source.at);
}

/* ---- off the grid ---- */

enum { TICKING = 600 };

/* Requests at ticks of 3 s, up to seven at one, with a timer that errs by up to 2 ms. */
static void make_ticking(int64_t *at, int64_t *gaps) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "", 0, "", 0));
    for (size_t i = 0; i < TICKING; i++) {
        int64_t jitter = (int64_t)mt_random_below(&random, 2000) * 1000;
        at[i] = i == 0 ? 0 : (int64_t)(i * i % 7 + i) / 7 * 3 * SECOND + jitter;
        if (i > 0 && at[i] < at[i - 1])
            at[i] = at[i - 1];
        gaps[i] = i == 0 ? 12345 : at[i] - at[i - 1];
    }
}

/* Each request stays within its tick, order kept, uniformly; in place too; by the seed. */
static void test_dequantize(void **state) {
    (void)state;
    int64_t at[TICKING], gaps[TICKING], spread[TICKING], other[TICKING], time = 0;
    make_ticking(at, gaps);
    assert_int_equal(mt_gaps_dequantize(gaps, TICKING, 1, spread, NULL), MT_OK);
    assert_int_equal(mt_gaps_dequantize(gaps, TICKING, 2, other, NULL), MT_OK);
    assert_memory_not_equal(spread, other, sizeof spread);
    assert_int_equal(spread[0], 0);
    /* The first request's place in its tick is not told: the least and the most that it can be. */
    int64_t least = 0, most = 3 * SECOND;
    size_t together = 0;
    for (size_t i = 1; i < TICKING; i++) {
        assert_true(spread[i] >= 0);
        together += spread[i] == 0;
        time += spread[i];
        int64_t tick = (at[i] + SECOND) / (3 * SECOND) * 3 * SECOND;
        least = tick - time > least ? tick - time : least;
        most = tick + 3 * SECOND - time < most ? tick + 3 * SECOND - time : most;
    }
    assert_true(least <= most + 4000000); /* ticks lie where the timer's middle is */
    assert_int_equal(together, 0);
    assert_int_equal(mt_gaps_dequantize(gaps, TICKING, 1, gaps, NULL), MT_OK);
    assert_memory_equal(gaps, spread, sizeof spread);
}

static void test_dequantize_refused(void **state) {
    (void)state;
    int64_t at[TICKING], gaps[TICKING], spread[TICKING];
    mt_error error;
    make_ticking(at, gaps);
    assert_int_equal(mt_gaps_dequantize(NULL, 0, 1, NULL, NULL), MT_OK);
    assert_int_equal(mt_gaps_dequantize(gaps, 19, 1, spread, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "the source's times lie on no grid (19 looked at): there is "
                                       "nothing to dequantize");
    gaps[2] = -1;
    assert_int_equal(mt_gaps_dequantize(gaps, TICKING, 1, spread, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "request 3 comes before the one ahead of it: times must not "
                                       "go back ('moontide cat --sort' puts a trace in order)");
    make_ticking(at, gaps);
    for (sweep all = {0}; sweep_next(&all);)
        all.code = mt_gaps_dequantize(gaps, TICKING, 1, spread, &all.error);
}

/* ---- what is refused ---- */

static void assert_refused(const int64_t *gaps, size_t count, const char *message) {
    for (mt_gaps_method kind = MT_GAPS_IID; kind <= MT_GAPS_SOURCE; kind++) {
        mt_error error = {.code = MT_OK};
        assert_null(mt_gaps_new(kind, gaps, count, 1, &error));
        assert_int_equal(error.code, MT_ERROR_VALUE);
        assert_string_equal(error.message, message);
        assert_null(mt_gaps_new(kind, gaps, count, 1, NULL));
    }
}

static void test_refused(void **state) {
    (void)state;
    assert_refused(NULL, 0, "there must be at least one request to learn gaps from");
    assert_refused((int64_t[]){0, 5, -1}, 3,
                   "request 3 comes before the one ahead of it: times must not go back "
                   "('moontide cat --sort' puts a trace in order)");
    assert_refused((int64_t[]){0, INT64_C(1) << 61, 1}, 3,
                   "request 3 comes more than 73 years after the first");
    assert_refused((int64_t[]){0, INT64_MAX}, 2,
                   "request 2 comes more than 73 years after the first");
    mt_gaps_free(NULL);
}

/* Times end where their numbers do, for good. */
static void test_end_of_time(void **state) {
    (void)state;
    for (mt_gaps_method kind = MT_GAPS_IID; kind <= MT_GAPS_SOURCE; kind++) {
        mt_error error = {.code = MT_OK};
        mt_gaps *gaps = mt_gaps_new(kind, (int64_t[]){0, INT64_C(1) << 61}, 2, 1, NULL);
        int64_t time = -1;
        int made = 0;
        assert_non_null(gaps);
        while (made < 10 && mt_gaps_next(gaps, &time, &error) == MT_OK)
            assert_int_equal(time, made++ * (INT64_C(1) << 61));
        assert_in_range(made, 2, 4);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(mt_gaps_next(gaps, &time, &error), MT_ERROR_VALUE);
            assert_string_equal(error.message, "arrival times pass 292 years");
        }
        mt_gaps_free(gaps);
    }
}

static void test_interrupt(void **state) {
    (void)state;
    enum { MANY = 5000 };
    int64_t *gaps = calloc(MANY, sizeof *gaps);
    mt_error error;
    mt_interrupt_flag = 1;
    mt_gaps *made = mt_gaps_new(MT_GAPS_SOURCE, gaps, MANY, 1, &error);
    mt_interrupt_flag = 0;
    assert_null(made);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    free(gaps);
}

static void test_out_of_memory(void **state) {
    (void)state;
    int64_t spaced[] = {0, 3, 0, 5};
    for (mt_gaps_method kind = MT_GAPS_IID; kind <= MT_GAPS_SOURCE; kind++) {
        for (sweep all = {0}; sweep_next(&all);) {
            mt_gaps *gaps = mt_gaps_new(kind, spaced, 4, 1, &all.error);
            all.code = gaps ? MT_OK : all.error.code;
            mt_gaps_free(gaps);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),          cmocka_unit_test(test_sides),
        cmocka_unit_test(test_first_gap),        cmocka_unit_test(test_iid_against_plain),
        cmocka_unit_test(test_iid_distribution), cmocka_unit_test(test_small_sources),
        cmocka_unit_test(test_dequantize),       cmocka_unit_test(test_dequantize_refused),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_end_of_time),
        cmocka_unit_test(test_interrupt),        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
