/* Arrival times drawn anew: what stays and what moves on sources of many kinds and on real traces, with bounds. */
#include "prefix/gaps/gaps.h"

#include "text/csv_reader.h"
#include "trace/source/source.h"
#include "skip_support.h"
#include "gaps_support.h"

#include <math.h>

enum { SEEDS = 5 };

static int is_same(const times *a, const times *b) {
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof *a->at) == 0;
}

/* ---- sources of many kinds ---- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_gaps_and_course),
        cmocka_unit_test(test_bursts_stay_whole),
        cmocka_unit_test(test_grids),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_laps),
        cmocka_unit_test(test_course_of_small_source),
        cmocka_unit_test(test_azure_log),
        cmocka_unit_test(test_conversation_trace),
    };
    return cmocka_run_group_tests_name("gaps of sources", tests, NULL, NULL);
}
