/* Counting in bins: values between edges, and requests over time. */
#include "trace_support.h"

#include "base/interrupt.h"
#include "stats/histogram.h"
#include "trace/end/ends.h"

#include <math.h>

static void test_edges(void **state) {
    (void)state;
    const double edges[] = {-1, 0, 0.5, 10};
    assert_int_equal(mt_histogram_bin(edges, 3, -1), 0);
    assert_int_equal(mt_histogram_bin(edges, 3, -1e-300), 0);
    assert_int_equal(mt_histogram_bin(edges, 3, 0), 1);
    assert_int_equal(mt_histogram_bin(edges, 3, 0.5), 2);
    assert_int_equal(mt_histogram_bin(edges, 3, 10), 2); /* the last bin has its upper edge too */
    assert_true(mt_histogram_bin(edges, 3, 10.1) == MT_NO_BIN);
    assert_true(mt_histogram_bin(edges, 3, -1.1) == MT_NO_BIN);
    assert_true(mt_histogram_bin(edges, 3, NAN) == MT_NO_BIN);
    assert_int_equal(mt_histogram_bin(edges, 1, 0), 0);
}

/* The same as looking at one edge after the other. */
static void test_edges_plainly(void **state) {
    (void)state;
    uint64_t random = 5;
    for (int round = 0; round < 2000; round++) {
        double edges[12];
        size_t bins = 1 + (size_t)below(&random, 11);
        double edge = (double)below(&random, 100) - 50;
        for (size_t i = 0; i <= bins; i++) {
            edges[i] = edge;
            edge += 1 + (double)below(&random, 20);
        }
        double value = (double)below(&random, 300) - 60;
        size_t want = MT_NO_BIN;
        for (size_t i = 0; i < bins; i++)
            if (value >= edges[i] &&
                (value < edges[i + 1] || (i + 1 == bins && value == edges[bins])))
                want = i;
        assert_true(mt_histogram_bin(edges, bins, value) == want);
    }
}

static void append(mt_columns *columns, unsigned has, int64_t time, uint64_t input,
                   uint64_t output) {
    mt_error error;
    mt_request request;
    memset(&request, 0, sizeof request);
    request.has = has;
    request.time_ns = time;
    request.input_length = input;
    request.output_length = output;
    assert_int_equal(mt_columns_append(columns, &request, &error), MT_OK);
}

enum { ALL = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH };

static mt_code bins_of(mt_columns *columns, int64_t to, mt_time_bin *bins, mt_error *error) {
    mt_source *source = mt_source_columns(columns, error);
    mt_code code = mt_source_bins(source, 0, to, bins, 4, error);
    mt_source_free(source);
    return code;
}

static void test_time_range(void **state) {
    (void)state;
    mt_columns columns = {0};
    int64_t first, last;
    assert_int_equal(mt_columns_time_range(&columns, &first, &last), -1);
    append(&columns, MT_HAS_INPUT_LENGTH, 0, 5, 0);
    assert_int_equal(mt_columns_time_range(&columns, &first, &last), -1);
    append(&columns, ALL, 700, 1, 1);
    append(&columns, ALL, 300, 1, 1);
    append(&columns, MT_HAS_INPUT_LENGTH, 0, 5, 0);
    assert_int_equal(mt_columns_time_range(&columns, &first, &last), 0);
    assert_true(first == 300 && last == 700);
    mt_columns_free(&columns);
}

static void test_time_bins(void **state) {
    (void)state;
    mt_columns columns = {0};
    mt_time_bin bins[4];
    mt_error error;
    append(&columns, ALL, 0, 10, 1);
    append(&columns, ALL, 24, 20, 2);
    append(&columns, MT_HAS_TIME, 25, 0, 0);
    append(&columns, MT_HAS_TIME | MT_HAS_INPUT_LENGTH, 99, 30, 0);
    append(&columns, ALL, 100, 40, 3);                 /* the end is in the last bin */
    append(&columns, ALL, 101, 1000, 1000);            /* outside */
    append(&columns, MT_HAS_INPUT_LENGTH, 0, 1000, 0); /* no time */
    assert_int_equal(bins_of(&columns, 100, bins, &error), MT_OK);
    assert_int_equal(bins[0].requests, 2);
    assert_true(bins[0].input == 30 && bins[0].output == 3 && bins[0].outputs == 2);
    assert_true(bins[1].requests == 1 && bins[1].inputs == 0 && bins[1].outputs == 0);
    assert_int_equal(bins[2].requests, 0);
    assert_true(bins[3].requests == 2 && bins[3].inputs == 2 && bins[3].outputs == 1);
    assert_true(bins[3].input == 70 && bins[3].output == 3);
    append(&columns, ALL, INT64_MAX, 1, 1);
    assert_int_equal(bins_of(&columns, INT64_MAX, bins, &error), MT_OK);
    assert_true(bins[0].requests == 6 && bins[3].requests == 1);
    mt_interrupt_flag = 1;
    assert_int_equal(bins_of(&columns, 100, bins, &error), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_columns_free(&columns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_edges_plainly),
        cmocka_unit_test(test_time_range),
        cmocka_unit_test(test_time_bins),
    };
    return cmocka_run_group_tests_name("bins", tests, NULL, NULL);
}
