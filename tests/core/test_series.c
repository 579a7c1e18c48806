/* Series made small enough to draw: extremes stay, bins and distributions are those of a plain count; and the
 * requests of each stream in bins of time. */
#include "sweep.h"
#include "trace_support.h"

#include "base/sort.h"
#include "stats/series.h"
#include "stats/summary.h"
#include "trace/columns.h"
#include "trace/end/ends.h"

#include <math.h>

static void test_thin_small(void **state) {
    (void)state;
    const double x[] = {0, 1, 2, NAN, 4}, y[] = {5, NAN, 7, 8, 9};
    size_t kept[8];
    assert_int_equal(mt_series_thin(x, y, 5, 2, kept), 3); /* all fit: those that are numbers */
    assert_true(kept[0] == 0 && kept[1] == 2 && kept[2] == 4);
    assert_int_equal(mt_series_thin(x, y, 0, 2, kept), 0);
}

static void test_thin_known(void **state) {
    (void)state;
    /* Two buckets of [0, 11]: 0..5 and 6..11. */
    const double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const double y[] = {3, 9, 4, 1, 2, 5, 7, 7, 7, 7, 0, 7};
    size_t kept[8];
    assert_int_equal(mt_series_thin(x, y, 12, 2, kept), 7);
    const size_t want[] = {0, 1, 3, 5, 6, 10, 11};
    assert_memory_equal(kept, want, sizeof want);
}

/* The smallest and the largest of every bucket are there, in order, and no more than there is room for. */
static void test_thin_keeps_extremes(void **state) {
    (void)state;
    enum { COUNT = 5000, BUCKETS = 37 };
    static double x[COUNT], y[COUNT];
    static size_t kept[MT_THIN_KEPT * BUCKETS];
    uint64_t random = 3;
    for (int round = 0; round < 50; round++) {
        double now = 0;
        for (size_t i = 0; i < COUNT; i++) {
            now += (double)below(&random, 5);
            x[i] = now;
            y[i] = below(&random, 20) == 0 ? NAN : (double)below(&random, 1000000);
        }
        size_t total = mt_series_thin(x, y, COUNT, BUCKETS, kept);
        assert_true(total <= MT_THIN_KEPT * BUCKETS);
        double low[BUCKETS], high[BUCKETS], kept_low[BUCKETS], kept_high[BUCKETS];
        for (size_t b = 0; b < BUCKETS; b++) {
            low[b] = kept_low[b] = INFINITY;
            high[b] = kept_high[b] = -INFINITY;
        }
        for (size_t i = 0; i < COUNT; i++) {
            size_t b = (size_t)((x[i] - x[0]) / (x[COUNT - 1] - x[0]) * BUCKETS);
            b = b < BUCKETS ? b : BUCKETS - 1;
            low[b] = fmin(low[b], y[i]);
            high[b] = fmax(high[b], y[i]);
        }
        for (size_t i = 0; i < total; i++) {
            assert_true(i == 0 || kept[i] > kept[i - 1]);
            size_t b = (size_t)((x[kept[i]] - x[0]) / (x[COUNT - 1] - x[0]) * BUCKETS);
            b = b < BUCKETS ? b : BUCKETS - 1;
            kept_low[b] = fmin(kept_low[b], y[kept[i]]);
            kept_high[b] = fmax(kept_high[b], y[kept[i]]);
        }
        assert_memory_equal(low, kept_low, sizeof low);
        assert_memory_equal(high, kept_high, sizeof high);
    }
}

static void test_sums(void **state) {
    (void)state;
    const double x[] = {0, 0.5, 1, 2, 2.5, NAN, -1}, weights[] = {1, 2, NAN, 8, 16, 32, 64};
    double sums[2] = {0, 0};
    mt_series_sums(x, NULL, 7, 0, 2, sums, 2);
    assert_true(sums[0] == 2 && sums[1] == 2); /* 1 and the end, 2 */
    mt_series_sums(x, weights, 7, 0, 2, sums, 2);
    assert_true(sums[0] == 5 && sums[1] == 10); /* added to what was there */
}

static void test_quantiles(void **state) {
    (void)state;
    enum { COUNT = 3000, BINS = 7 };
    static double x[COUNT], y[COUNT], one[COUNT];
    const double percentiles[] = {50, 99, 100};
    uint64_t random = 9;
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (double)below(&random, 600) / 100; /* 0 to 6 of 7: the last bin stays empty */
        y[i] = below(&random, 10) == 0 ? NAN : (double)below(&random, 1000);
    }
    double found[BINS * 3];
    for (sweep all = {0}; sweep_next(&all);)
        all.code = mt_series_quantiles(x, y, COUNT, 0, 7, BINS, percentiles, 3, found, &all.error);
    for (size_t bin = 0; bin < BINS; bin++) {
        size_t count = 0;
        for (size_t i = 0; i < COUNT; i++)
            if ((size_t)x[i] == bin && !isnan(y[i]))
                one[count++] = y[i];
        mt_sort(one, count);
        for (size_t k = 0; k < 3; k++) {
            double want = mt_percentile(one, count, percentiles[k]), got = found[bin * 3 + k];
            assert_true(isnan(want) ? isnan(got) && bin == 6 : got == want);
        }
    }
}

static void test_cdf(void **state) {
    (void)state;
    static double values[100000], x[100 + MT_CDF_TAILS], share[100 + MT_CDF_TAILS];
    assert_int_equal(mt_series_cdf(values, 0, 100, x, share), 0);
    values[0] = 7;
    assert_int_equal(mt_series_cdf(values, 1, 100, x, share), 1);
    assert_true(x[0] == 7 && share[0] == 1);
    for (size_t i = 0; i < 100000; i++)
        values[i] = (double)i;
    for (size_t count = 2; count <= 100000; count = count * 7 / 4 + 1) {
        size_t total = mt_series_cdf(values, count, 100, x, share);
        assert_true(total <= 100 + MT_CDF_TAILS);
        assert_true(x[0] == 0 && x[total - 1] == (double)(count - 1) && share[total - 1] == 1);
        for (size_t i = 0; i < total; i++) {
            assert_true(share[i] == (x[i] + 1) / (double)count);
            assert_true(i == 0 || x[i] > x[i - 1]);
            assert_true(i == 0 || share[i] - share[i - 1] <= 0.0201 + 1 / (double)count);
        }
        if (total > 3)
            assert_true(x[total - 2] == (double)(count - 2)); /* the tail is there value by value */
    }
}

static void test_levels(void **state) {
    (void)state;
    double begins[] = {5, 0, 1}, ends[] = {9, 2, 5}, x[6], levels[6];
    assert_int_equal(mt_series_levels(begins, ends, 3, x, levels), 5);
    const double want_x[] = {0, 1, 2, 5, 9}, want[] = {1, 2, 1, 1, 0};
    assert_memory_equal(x, want_x, sizeof want_x);
    assert_memory_equal(levels, want, sizeof want);
    assert_int_equal(mt_series_levels(begins, ends, 0, x, levels), 0);
}

/* ---- streams ---- */

static void append(mt_columns *columns, const char *stream, int64_t time, uint64_t input) {
    mt_error error;
    mt_request request;
    memset(&request, 0, sizeof request);
    request.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | (stream ? MT_HAS_STREAM : 0);
    request.time_ns = time;
    request.input_length = input;
    if (stream)
        request.stream = (mt_span){stream, strlen(stream)};
    assert_int_equal(mt_columns_append(columns, &request, &error), MT_OK);
}

static mt_code count_streams(mt_columns *columns, mt_stream_bins *bins, size_t most,
                             mt_error *error) {
    *bins = (mt_stream_bins){.most = most, .count = 2, .to_ns = 100};
    mt_source *source = mt_source_columns(columns, error);
    mt_code code = source ? mt_source_stream_bins(source, bins, error) : error->code;
    mt_source_free(source);
    return code;
}

static void test_streams(void **state) {
    (void)state;
    mt_columns columns = {0};
    mt_stream_bins bins;
    mt_error error;
    append(&columns, "\"a\"", 0, 1);
    append(&columns, "\"b\"", 60, 10);
    append(&columns, NULL, 70, 100);
    append(&columns, "\"a\"", 100, 1000);
    append(&columns, "\"a\"", 101, 10000); /* in no bin */
    assert_int_equal(count_streams(&columns, &bins, 8, &error), MT_OK);
    assert_int_equal(bins.names.count, 3);
    assert_span(mt_texts_get(&bins.names, 0), "\"a\"");
    assert_span(mt_texts_get(&bins.names, 2), "");
    assert_true(bins.bins[0].requests == 1 && bins.bins[1].requests == 1 &&
                bins.bins[1].input == 1000);
    assert_true(bins.bins[2].requests == 0 && bins.bins[3].input == 10 &&
                bins.bins[5].input == 100);
    assert_true(bins.whole[0].requests == 3 && bins.whole[0].input == 11001);
    mt_stream_bins_free(&bins);
    /* Only the first is told apart: the others are one. */
    assert_int_equal(count_streams(&columns, &bins, 1, &error), MT_OK);
    assert_int_equal(bins.names.count, 2);
    assert_span(mt_texts_get(&bins.names, 1), "");
    assert_true(bins.whole[1].requests == 2 && bins.whole[1].input == 110);
    mt_stream_bins_free(&bins);
    mt_columns unnamed = {0};
    append(&unnamed, NULL, 5, 1);
    append(&unnamed, NULL, 6, 2);
    assert_int_equal(count_streams(&unnamed, &bins, 8, &error), MT_OK);
    assert_true(bins.names.count == 1 && bins.whole[0].input == 3);
    mt_stream_bins_free(&bins);
    mt_columns_free(&unnamed);
    for (sweep all = {0}; sweep_next(&all);) {
        all.code = count_streams(&columns, &bins, 8, &all.error);
        mt_stream_bins_free(&bins);
    }
    mt_columns_free(&columns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thin_small),
        cmocka_unit_test(test_thin_known),
        cmocka_unit_test(test_thin_keeps_extremes),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_cdf),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
