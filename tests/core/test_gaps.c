/* Arrival times drawn anew: small sources by hand, what stays and what moves on sources of many
 * kinds, the bounds on real traces, what is refused, memory that is out. */
#include "prefix/gaps/gaps.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "goodness.h"
#include "random/generator.h"
#include "text/csv_reader.h"
#include "trace/source/source.h"
#include "skip_support.h"
#include "trace_support.h"
#include "sweep.h"

#include <math.h>

#define SECOND INT64_C(1000000000)

enum { SEEDS = 5 };

/* Times since the first request, ns. */
typedef struct times {
    int64_t *at;
    size_t count;
} times;

static times new_times(size_t most) {
    times made = {malloc((most + 1) * sizeof *made.at), 0};
    assert_non_null(made.at);
    return made;
}

static mt_gaps *new_gaps(mt_gaps_method kind, const times *source, uint64_t seed) {
    int64_t *gaps = calloc(source->count + 1, sizeof *gaps);
    assert_non_null(gaps);
    for (size_t i = 1; i < source->count; i++)
        gaps[i] = source->at[i] - source->at[i - 1];
    mt_error error;
    mt_gaps *made = mt_gaps_new(kind, gaps, source->count, seed, &error);
    if (!made)
        fail_msg("%s", error.message);
    free(gaps);
    return made;
}

static times synthesise(mt_gaps_method kind, const times *source, size_t count, uint64_t seed) {
    mt_gaps *gaps = new_gaps(kind, source, seed);
    times made = new_times(count);
    for (; made.count < count; made.count++) {
        assert_int_equal(mt_gaps_next(gaps, &made.at[made.count], NULL), MT_OK);
        int64_t before = made.count > 0 ? made.at[made.count - 1] : 0;
        if (made.at[made.count] < before)
            fail_msg("time %zu goes back", made.count);
    }
    assert_int_equal(made.at[0], 0);
    mt_gaps_free(gaps);
    return made;
}

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

static int is_same(const times *a, const times *b) {
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof *a->at) == 0;
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

static double uniform(uint64_t *random) {
    return (double)(next_random(random) >> 11) * 0x1p-53;
}

static double exponential(uint64_t *random) {
    return -log(1 - uniform(random));
}

/* A Poisson process of a rate that varies, by thinning; rounded down to the grid. */
static times poisson(double (*rate)(double), double most, double duration, int64_t grid) {
    uint64_t random = 3;
    times made = new_times((size_t)(most * duration * 1.2) + 100);
    int64_t first = -1;
    for (double t = exponential(&random) / most; t < duration; t += exponential(&random) / most) {
        if (uniform(&random) * most >= rate(t))
            continue;
        int64_t time = (int64_t)(t * 1e9) / grid * grid;
        first = first < 0 ? time : first;
        made.at[made.count++] = time - first;
    }
    return made;
}

static double rate_steady(double t) {
    (void)t;
    return 6;
}

static double rate_of_bursts(double t) { /* 20 s in 3 minutes, of another height each time */
    double k = floor(t / 180);
    return t - 180 * k < 20 ? 10 + 40 * fmod(k * 0.618, 1) : 0.5;
}

static double rate_of_days(double t) {
    return 0.05 + 0.5 * pow(sin(t / 86400 * 3.14159265), 4);
}

static double rate_of_steps(double t) {
    return fmod(floor(t / 700) * 7, 5) * 4 + 1;
}

/* Instants on a timer of `step` ns that is up to `off` ns early or late and idle at all but a share
 * of its ticks, with batches whose size drifts. */
static times timer(size_t ticks, int64_t step, int64_t off, double share) {
    uint64_t random = 5;
    double level = 6;
    times made = new_times(ticks * 64);
    for (size_t k = 0; k < ticks; k++) {
        double away = k > 0 ? 2 * uniform(&random) - 1 : 0;
        int64_t time = (int64_t)k * step + (int64_t)(away * (double)off);
        level = fmax(1, fmin(20, level + uniform(&random) - 0.5));
        size_t batch = (size_t)(level * 2 * uniform(&random)) + (k == 0);
        if (uniform(&random) >= share)
            batch = k == 0;
        for (size_t i = 0; i < batch; i++)
            made.at[made.count++] = time;
    }
    return made;
}

/* The counts of [0, windows * length). */
static double *counts_of(const times *of, int64_t length, size_t windows) {
    double *counts = calloc(windows, sizeof *counts);
    assert_non_null(counts);
    for (size_t i = 0; i < of->count; i++)
        if (of->at[i] / length < (int64_t)windows)
            counts[of->at[i] / length]++;
    return counts;
}

/* Variance over mean of the counts in consecutive windows, the last incomplete one left out. */
static double dispersion(const times *of, double seconds) {
    int64_t length = (int64_t)(seconds * 1e9);
    size_t windows = (size_t)(of->at[of->count - 1] / length);
    double sum = 0;
    double squares = 0;
    double *counts = counts_of(of, length, windows);
    for (size_t i = 0; i < windows; i++)
        sum += counts[i];
    double mean = sum / (double)windows;
    for (size_t i = 0; i < windows; i++)
        squares += (counts[i] - mean) * (counts[i] - mean);
    free(counts);
    return squares / (double)(windows - 1) / mean;
}

/* The error of the dispersion at a window, as a share: the mean over the seeds, and the worst. */
static double dispersion_error(const times *source, double seconds, double *worst) {
    double before = dispersion(source, seconds);
    double mean = 0;
    *worst = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        times made = synthesise(MT_GAPS_SOURCE, source, source->count, seed);
        double error = dispersion(&made, seconds) / before - 1;
        mean += error / SEEDS;
        *worst = fmax(*worst, fabs(error));
        free(made.at);
    }
    return fabs(mean);
}

static const double asked_windows[] = {1, 10, 60, 300};

static void assert_dispersions(const char *name, const times *source, double bound_of_mean,
                               double bound_of_each) {
    for (size_t w = 0; w < sizeof asked_windows / sizeof *asked_windows; w++) {
        double worst;
        double mean = dispersion_error(source, asked_windows[w], &worst);
        if (!(mean <= bound_of_mean && worst <= bound_of_each))
            fail_msg("%s: dispersion at %g s is off by %.1f %% (worst %.1f %%)", name,
                     asked_windows[w], 100 * mean, 100 * worst);
    }
}

/* The share of requests that end a run of more than 32, at more than two instants, that is at the
 * same times in both: same gaps, same place. */
static double unmoved(const times *a, const times *b) {
    size_t run = 0;
    size_t instants = 0;
    size_t found = 0;
    for (size_t i = 0; i < a->count; i++) {
        int is_same_time = a->at[i] == b->at[i];
        run = is_same_time ? run + 1 : 0;
        instants = is_same_time ? instants + (i > 0 && a->at[i] != a->at[i - 1]) : 0;
        found += run > 32 && instants > 2;
    }
    return (double)found / (double)a->count;
}

/* What has to hold for any source. `alike` bounds the runs that two seeds have at the same place:
 * where cells are cut by ticks, there are few ways to turn them. */
static void assert_drawn_anew(const char *name, const times *source, double alike) {
    times made[2];
    double duration = (double)source->at[source->count - 1];
    for (uint64_t seed = 0; seed < 2; seed++) {
        made[seed] = synthesise(MT_GAPS_SOURCE, source, source->count, seed);
        times again = synthesise(MT_GAPS_SOURCE, source, source->count, seed);
        assert_true(is_same(&made[seed], &again));
        assert_false(is_same(&made[seed], source));
        if (!(unmoved(source, &made[seed]) < 0.01))
            fail_msg("%s: %.2f %% of the runs stayed", name, 100 * unmoved(source, &made[seed]));
        double share = (double)made[seed].at[source->count - 1] / duration;
        if (!(fabs(share - 1) < 0.005))
            fail_msg("%s: lasts %.4f of the source's duration", name, share);
        free(again.at);
    }
    assert_false(is_same(&made[0], &made[1]));
    if (!(unmoved(&made[0], &made[1]) < alike))
        fail_msg("%s: %.2f %% of the runs are another seed's", name,
                 100 * unmoved(&made[0], &made[1]));
    free(made[0].at);
    free(made[1].at);
}

static void check_source(const char *name, times source, double alike) {
    assert_drawn_anew(name, &source, alike);
    assert_dispersions(name, &source, 0.05, 0.08);
    free(source.at);
}

static void test_sources(void **state) {
    (void)state;
    check_source("steady", poisson(rate_steady, 6, 3600, 1), 0.05);
    check_source("bursts", poisson(rate_of_bursts, 50, 7200, 1000000), 0.05);
    check_source("days", poisson(rate_of_days, 0.55, 2 * 86400, SECOND), 0.05);
    check_source("steps", poisson(rate_of_steps, 17, 3600, 1), 0.05);
    check_source("timer", timer(1200, 3 * SECOND, SECOND / 20, 1), 0.2);
    check_source("ticks of 2 s", timer(1800, 2 * SECOND, 0, 1), 0.4);
}

static int ascending(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int64_t *gaps_of(const times *of) {
    int64_t *gaps = calloc(of->count, sizeof *gaps);
    assert_non_null(gaps);
    for (size_t i = 1; i < of->count; i++)
        gaps[i] = of->at[i] - of->at[i - 1];
    return gaps;
}

/* A lap has the source's gaps, each once, in another order; the number of requests up to any time is the
 * source's but for a run's. */
static void test_gaps_and_course(void **state) {
    (void)state;
    enum { RUN = 100 };
    times source = poisson(rate_of_bursts, 50, 7200, 1);
    times made = synthesise(MT_GAPS_SOURCE, &source, source.count, 4);
    int64_t *before = gaps_of(&source), *after = gaps_of(&made);
    size_t same = 0;
    for (size_t i = 1; i < source.count; i++)
        same += before[i] == after[i];
    assert_true(same < source.count / 10);
    qsort(before, source.count, sizeof *before, ascending);
    qsort(after, source.count, sizeof *after, ascending);
    assert_memory_equal(before, after, source.count * sizeof *before);
    for (size_t i = RUN; i < source.count; i++) {
        assert_true(made.at[i] >= source.at[i - RUN]);
        assert_true(source.at[i] >= made.at[i - RUN]);
    }
    free(before);
    free(after);
    free(source.at);
    free(made.at);
}

/* Variance over mean of the counts in windows that begin anywhere. */
static double dispersion_anywhere(const times *of, double seconds) {
    enum { PHASES = 8 };
    double sum = 0;
    times moved = new_times(of->count);
    moved.count = of->count;
    for (size_t k = 0; k < PHASES; k++) {
        for (size_t i = 0; i < of->count; i++)
            moved.at[i] = of->at[i] + (int64_t)((double)k / PHASES * seconds * 1e9);
        sum += dispersion(&moved, seconds) / PHASES;
    }
    free(moved.at);
    return sum;
}

/* Bursts of ten seconds that begin at any time stay whole: at windows of every phase too, where runs cut by
 * the clock would have a fifth less of it. */
static double rate_of_short_bursts(double t) {
    double k = floor(t / 47);
    return t - 47 * k < 10 ? 8 + 4 * fmod(k * 0.618, 1) : 0;
}

static void test_bursts_stay_whole(void **state) {
    (void)state;
    static const double windows[] = {1, 2, 5, 10, 20, 30, 60, 120};
    times source = poisson(rate_of_short_bursts, 12, 1500, 1000000);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        times made = synthesise(MT_GAPS_SOURCE, &source, source.count, seed);
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            double share =
                dispersion_anywhere(&made, windows[w]) / dispersion_anywhere(&source, windows[w]);
            if (!(fabs(share - 1) < 0.03))
                fail_msg("seed %d, %g s: %.3f of the source's dispersion", (int)seed, windows[w],
                         share);
        }
        free(made.at);
    }
    free(source.at);
}

/* A gap is 0, or within `near` of a multiple of the grid. */
static void assert_multiples(const times *source, int64_t grid, int64_t near) {
    times made = synthesise(MT_GAPS_SOURCE, source, 3 * source->count, 2);
    for (size_t i = 1; i < made.count; i++) {
        int64_t gap = made.at[i] - made.at[i - 1];
        int64_t away = (gap + near) % grid;
        if (gap != 0 && (away > 2 * near || gap < grid - near))
            fail_msg("a gap of %.6f s on %.6f s", (double)gap / 1e9, (double)grid / 1e9);
    }
    free(made.at);
}

static void test_grids(void **state) {
    (void)state;
    static const int64_t grids[] = {3 * SECOND, 7 * SECOND, SECOND / 2, 333000000, 10, 12345};
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
        times source = timer(900, grids[i], 0, 1);
        assert_multiples(&source, grids[i], 0);
        free(source.at);
    }
}

/* A timer that is off by up to 50 ms: two instants differ by up to 100. */
static void test_timers(void **state) {
    (void)state;
    static const int64_t steps[] = {3 * SECOND, 5 * SECOND / 2, SECOND};
    static const double shares[] = {1, 0.5, 0.15};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
            times source = timer(3000, steps[i], SECOND / 20, shares[k]);
            assert_multiples(&source, steps[i], SECOND / 10);
            free(source.at);
        }
}

/* Laps follow one another at the source's rate, each turned anew. */
static void test_laps(void **state) {
    (void)state;
    enum { LAPS = 20 };
    times source = poisson(rate_of_bursts, 50, 3600, 1000);
    size_t count = source.count;
    double duration = (double)source.at[count - 1];
    times made = synthesise(MT_GAPS_SOURCE, &source, LAPS * count, 1);
    double period = duration * (double)count / (double)(count - 1);
    int64_t *lap[2];
    for (size_t k = 0; k < LAPS; k++) {
        assert_true(fabs((double)made.at[k * count] - (double)k * period) < 1e-3 * duration);
        lap[k % 2] = &made.at[k * count];
        size_t same = 0;
        for (size_t i = 1; i < count && k > 0; i++)
            same += lap[0][i] - lap[0][i - 1] == lap[1][i] - lap[1][i - 1];
        assert_true(same < count / 5);
    }
    free(source.at);
    free(made.at);
}

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

static double rate_of_slope(double t) {
    return 0.25 * t / 800;
}

/* A hundred requests in 800 s are few, but their course is there: none comes more than an eighth of that
 * sooner or later than its place in the order had it. */
static void test_course_of_small_source(void **state) {
    (void)state;
    times source = poisson(rate_of_slope, 0.25, 800, 1000000);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        times made = synthesise(MT_GAPS_SOURCE, &source, source.count, seed);
        for (size_t i = 0; i < source.count; i++)
            assert_true(llabs(made.at[i] - source.at[i]) <= 100 * SECOND);
        assert_false(is_same(&made, &source));
        free(made.at);
    }
    free(source.at);
}

/* ---- real traces ---- */

/* "2023-11-16 18:15:46.6805900": ns of its day. */
static int64_t time_of_day(mt_span text) {
    char copy[40] = {0};
    int hours, minutes;
    double seconds;
    assert_in_range(text.length, 20, sizeof copy - 1);
    memcpy(copy, text.text, text.length);
    assert_int_equal(sscanf(copy + 11, "%d:%d:%lf", &hours, &minutes, &seconds), 3);
    return ((int64_t)hours * 60 + minutes) * 60 * SECOND + llround(seconds * 1e7) * 100;
}

static void test_azure_log(void **state) {
    (void)state;
    mt_csv_reader *reader = mt_csv_open(real_data("azure_llm_inference_conv.csv"), NULL);
    assert_non_null(reader);
    times source = new_times(20000);
    mt_csv_row row;
    while (mt_csv_next(reader, &row, NULL) > 0) {
        assert_true(source.count < 20000);
        source.at[source.count] = time_of_day(row.fields[0]);
        if (source.count > 0)
            source.at[source.count] -= source.at[0];
        source.count++;
    }
    mt_csv_close(reader);
    source.at[0] = 0;
    assert_int_equal(source.count, 19366);
    assert_true(fabs(dispersion(&source, 60) - 16.4) < 0.05);
    assert_drawn_anew("Azure", &source, 0.05);
    assert_dispersions("Azure", &source, 0.01, 0.02);
    free(source.at);
}

static void test_conversation_trace(void **state) {
    (void)state;
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    times source = new_times(12031);
    mt_request request;
    while (mt_source_next(reader, &request, NULL) > 0) {
        assert_true(source.count < 12031);
        source.at[source.count++] = request.time_ns;
    }
    mt_source_free(reader);
    assert_int_equal(source.count, 12031);
    assert_drawn_anew("conversation", &source, 0.2);
    assert_dispersions("conversation", &source, 0.03, 0.06);
    assert_multiples(&source, 3 * SECOND, 4000000); /* instants are 1 ms early to 3 ms late */
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
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_sides),
        cmocka_unit_test(test_first_gap),
        cmocka_unit_test(test_iid_against_plain),
        cmocka_unit_test(test_iid_distribution),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_gaps_and_course),
        cmocka_unit_test(test_bursts_stay_whole),
        cmocka_unit_test(test_grids),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_laps),
        cmocka_unit_test(test_small_sources),
        cmocka_unit_test(test_course_of_small_source),
        cmocka_unit_test(test_azure_log),
        cmocka_unit_test(test_conversation_trace),
        cmocka_unit_test(test_dequantize),
        cmocka_unit_test(test_dequantize_refused),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_end_of_time),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
