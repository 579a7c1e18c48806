/* Counts per window: by hand and at the edges of windows, beside a plain slow version, processes
 * whose dispersion is known, real traces. */
#include "stats/dispersion.h"

#include "base/memory.h"
#include "base/sort.h"
#include "random/distribution.h"
#include "stats/summary.h"
#include "text/csv_field.h"
#include "text/csv_reader.h"
#include "trace/source/source.h"
#include "skip_support.h"
#include "trace_support.h"

#include <math.h>

static const int64_t second = 1000000000;

static mt_dispersion disperse(const int64_t *times, size_t count, int64_t window) {
    mt_dispersion result;
    memset(&result, 0xEE, sizeof result);
    mt_disperse(times, count, window, &result);
    return result;
}

/* Counts 2, 0, 1 and an incomplete window: mean 1, variance ((1 + 1 + 0) / 2) = 1. */
static void test_by_hand(void **state) {
    (void)state;
    static const int64_t times[] = {0, 9, 20, 30, 35, 36};
    mt_dispersion result = disperse(times, 6, 10);
    assert_int_equal(result.windows, 3);
    assert_int_equal(result.requests, 3);
    assert_int_equal(result.peak, 3); /* of the incomplete one */
    assert_int_equal(result.last_requests, 3);
    assert_int_equal(result.last_ns, 6);
    assert_true(result.mean == 1);
    assert_true(result.variance == 1);
    assert_true(result.variance_over_mean == 1);
    assert_true(result.coefficient_of_variation == 1);
}

/* A request at the edge of two windows is in the later one; windows lie from 0 on, wherever the
 * first request is; time before its window does not count. */
static void test_edges(void **state) {
    (void)state;
    static const int64_t edges[] = {9, 10, 19, 20, 30};
    mt_dispersion result = disperse(edges, 5, 10);
    assert_int_equal(result.windows, 3);
    assert_int_equal(result.requests, 4);
    assert_int_equal(result.peak, 2);
    static const int64_t late[] = {105, 106, 111, 131};
    result = disperse(late, 4, 10);
    assert_int_equal(result.windows, 3);
    assert_int_equal(result.requests, 3);
    static const int64_t before_0[] = {-11, -10, -1, 0, 9, 10};
    result = disperse(before_0, 6, 10);
    assert_int_equal(result.windows, 3); /* [-20, -10), [-10, 0), [0, 10) */
    assert_int_equal(result.requests, 5);
    assert_int_equal(result.peak, 2);
}

static void test_nothing_to_count(void **state) {
    (void)state;
    static const int64_t one_window[] = {10, 19};
    mt_dispersion none[] = {disperse(NULL, 0, 10), disperse(one_window, 1, 10),
                            disperse(one_window, 2, 10)};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(none[i].windows, 0);
        assert_int_equal(none[i].requests, 0);
        assert_int_equal(none[i].peak, 0);
        assert_true(isnan(none[i].mean) && isnan(none[i].variance) &&
                    isnan(none[i].variance_over_mean) && isnan(none[i].coefficient_of_variation));
    }
    static const int64_t two_windows[] = {10, 19, 20};
    mt_dispersion result = disperse(two_windows, 3, 10);
    assert_int_equal(result.windows, 1);
    assert_true(result.mean == 2);
    assert_true(isnan(result.variance) && isnan(result.variance_over_mean) &&
                isnan(result.coefficient_of_variation));
}

/* Neither many empty windows nor the ends of 64 bits cost time or overflow. */
static void test_far_apart(void **state) {
    (void)state;
    static const int64_t ends[] = {INT64_MIN, INT64_MAX};
    mt_dispersion result = disperse(ends, 2, 1);
    assert_true(result.windows == UINT64_MAX);
    assert_int_equal(result.requests, 1);
    assert_true(fabs(result.variance_over_mean - 1) < 1e-12);
    result = disperse(ends, 2, INT64_MAX);
    assert_int_equal(result.windows, 3); /* -2, -1, 0, and that of INT64_MAX left out */
    static const int64_t since_1970[] = {INT64_C(1700000000000000000),
                                         INT64_C(1700000003000000000)};
    assert_int_equal(disperse(since_1970, 2, second).windows, 3);
}

/* A nanosecond decides, also where a double has no room for it. */
static void test_exact(void **state) {
    (void)state;
    int64_t edge = 9 * 1000000 * second; /* 9e15: neighbours as doubles are 1 to 2 apart */
    int64_t times[] = {edge - second, edge - 1, edge, edge + second - 1, edge + second};
    mt_dispersion result = disperse(times, 5, second);
    assert_int_equal(result.windows, 2);
    assert_true(result.mean == 2 && result.variance == 0);
    /* A variance of 2/3 beside squares of 1e14: a million requests in each window but two. */
    enum { WINDOWS = 4, EACH = 1000000 };
    int64_t *many = malloc((WINDOWS * EACH + 1) * sizeof *many);
    static const size_t counts[WINDOWS] = {EACH, EACH + 1, EACH - 1, EACH};
    size_t count = 0;
    for (int64_t window = 0; window < WINDOWS; window++)
        for (size_t i = 0; i < counts[window]; i++)
            many[count++] = window * second + (int64_t)i;
    many[count++] = WINDOWS * second;
    result = disperse(many, count, second);
    assert_true(result.mean == EACH && result.variance == 2.0 / 3);
    free(many);
}

/* ---- beside a plain slow version ---- */

enum { MOST = 300, MOST_WINDOWS = 2000 };

/* All windows from 0, the last one and the empty ones at the beginning left out. */
static void plain_dispersion(const int64_t *times, size_t count, int64_t window,
                             mt_summary *summary, double *last) {
    double counts[MOST_WINDOWS] = {0};
    size_t windows = (size_t)(times[count - 1] / window), first = (size_t)(times[0] / window);
    for (size_t i = 0; i < count; i++)
        counts[times[i] / window]++;
    mt_summarise(counts + first, windows - first, summary);
    *last = counts[windows];
}

static void test_against_plain(void **state) {
    (void)state;
    static const int64_t widths[] = {1, 2, 3, 7, 10, 64, 1000};
    uint64_t random = 3;
    for (int round = 0; round < 2000; round++) {
        int64_t times[MOST];
        size_t count = 1 + (size_t)below(&random, MOST);
        uint64_t range = 1 + below(&random, MOST_WINDOWS);
        for (size_t i = 0; i < count; i++)
            times[i] = (int64_t)below(&random, range);
        assert_int_equal(mt_sort_times(times, count, NULL), MT_OK);
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            mt_summary plain;
            double last;
            plain_dispersion(times, count, widths[w], &plain, &last);
            mt_dispersion result = disperse(times, count, widths[w]);
            assert_int_equal(result.windows, plain.count);
            if (plain.count == 0)
                continue;
            assert_true(result.mean == plain.mean);
            assert_true((double)result.peak == fmax(plain.max, last));
            assert_true((double)result.last_requests == last);
            assert_true((double)result.requests == plain.sum);
            if (plain.count == 1)
                continue;
            double deviation = sqrt(result.variance);
            assert_true(fabs(deviation - plain.sample_deviation) <= 1e-13 * deviation);
            assert_true(result.variance_over_mean == result.variance / result.mean);
        }
    }
}

/* ---- known processes ---- */

/* Of n windows of a Poisson process the statistic (n - 1) * variance / mean is about chi-square
 * with n - 1 degrees: its quotient has a deviation of sqrt(2 / (n - 1)). Bound: four deviations. */
static void test_poisson(void **state) {
    (void)state;
    enum { REQUESTS = 200000 };
    int64_t *times = malloc(REQUESTS * sizeof *times);
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "dispersion", 10, "test", 4));
    double now = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        now += -log(mt_random_positive(&random)) * 1e8; /* ten a second */
        times[i] = (int64_t)now;
    }
    static const int64_t widths[] = {100000000, 1000000000, 10000000000};
    for (size_t w = 0; w < 3; w++) {
        mt_dispersion result = disperse(times, REQUESTS, widths[w]);
        double bound = 4 * sqrt(2.0 / (double)(result.windows - 1));
        assert_true(result.windows > 1900);
        assert_true(fabs(result.variance_over_mean - 1) < bound);
    }
    free(times);
}

/* ---- real traces ---- */

typedef struct time_list {
    int64_t *times;
    size_t count, capacity;
} time_list;

static void add_time(time_list *list, int64_t time) {
    assert_int_equal(MT_GROW(list->times, list->capacity, list->count + 1), 0);
    list->times[list->count++] = time;
}

/* The variance over mean at some widths, to the digits given. */
static void assert_known(const time_list *list, const double (*known)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        mt_dispersion result = disperse(list->times, list->count, (int64_t)known[i][0] * second);
        if (!(fabs(result.variance_over_mean - known[i][1]) <= 1e-9 * known[i][1]))
            fail_msg("%g s: %.17g, not %.17g", known[i][0], result.variance_over_mean, known[i][1]);
    }
}

/* Figures made from the definition by a program of a few lines in another language. */
static void test_conversation_trace(void **state) {
    (void)state;
    static const double known[][2] = {{1, 7.89985215801304},
                                      {3, 5.79195007595904},
                                      {10, 2.1047509721580018},
                                      {60, 2.9457605800093742},
                                      {300, 7.978236296761461}};
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    time_list list = {NULL, 0, 0};
    mt_request request;
    while (mt_source_next(reader, &request, NULL) > 0)
        add_time(&list, request.time_ns);
    assert_int_equal(list.count, 12031);
    assert_known(&list, known, 5);
    mt_source_free(reader);
    mt_free(list.times);
}

static void test_azure_log(void **state) {
    (void)state;
    static const double known[][2] = {{1, 1.3855376398028632},
                                      {3, 1.9674813441363275},
                                      {10, 3.8680474623100567},
                                      {60, 16.411211042765483},
                                      {300, 61.70469943004625}};
    mt_csv_reader *reader = mt_csv_open(real_data("azure_llm_inference_conv.csv"), NULL);
    assert_non_null(reader);
    time_list list = {NULL, 0, 0};
    mt_csv_row row;
    while (mt_csv_next(reader, &row, NULL) > 0) {
        int64_t time;
        assert_int_equal(mt_csv_date_time(row.fields[0].text, row.fields[0].length, &time), 0);
        add_time(&list, list.count ? time - list.times[0] : time);
    }
    assert_int_equal(list.count, 19366);
    list.times[0] = 0;
    assert_known(&list, known, 5);
    mt_csv_close(reader);
    mt_free(list.times);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_nothing_to_count),
        cmocka_unit_test(test_far_apart),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_conversation_trace),
        cmocka_unit_test(test_azure_log),
    };
    return cmocka_run_group_tests_name("dispersion", tests, NULL, NULL);
}
