/* Differences of two runs by known answers: where answers lack a value, and how sure rates are of runs that
 * are steady and of runs that are not. */
#include "drive/measure/contrast.h"

#include "base/memory.h"
#include "trace_support.h"

#include <math.h>

enum { TTFT = 0, ROWS = 400 };

static const int64_t second = 1000000000;

/* A run whose requests are all sent at once; number i is answered after ends[i] s. */
static void make_run(mt_run_requests *run, const double *ends) {
    *run = (mt_run_requests){.count = ROWS, .capacity = ROWS};
    run->rows = mt_allocate_zero(ROWS, sizeof *run->rows);
    static const int metrics[] = {TTFT, MT_MEASURE_LATENCY, MT_MEASURE_OUTPUT, MT_MEASURE_INPUT,
                                  MT_MEASURE_WANTED_INPUT};
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        run->metrics[metrics[m]] = mt_allocate(ROWS, sizeof(double));
        for (size_t i = 0; i < ROWS; i++)
            run->metrics[metrics[m]][i] = 10;
    }
    for (size_t i = 0; i < ROWS; i++) {
        run->metrics[MT_MEASURE_LATENCY][i] = 1000 * ends[i];
        run->rows[i] = (mt_run_request){.number = i,
                                        .line = i + 1,
                                        .due_ns = second,
                                        .begun_ns = second,
                                        .sent_ns = second,
                                        .answer_ns = second,
                                        .end_ns = second + (int64_t)(ends[i] * 1e9)};
    }
}

static mt_contrast *contrast_of(const mt_run_requests *runs) {
    mt_contrast *contrast =
        mt_contrast_new(&runs[0], &runs[1], &(mt_contrast_options){.seed = 1}, NULL);
    assert_non_null(contrast);
    return contrast;
}

static void free_runs(mt_run_requests *runs) {
    mt_run_requests_free(&runs[0]);
    mt_run_requests_free(&runs[1]);
}

static void steady(double *ends) {
    for (size_t i = 0; i < ROWS; i++)
        ends[i] = ((double)i + 0.5) / 20;
}

/* Every fourth answer of the first run, and every third of the second, has no first token: the rest is 1 to
 * 400 ms, and 5 ms more in the second. */
static void test_values_that_lack(void **state) {
    (void)state;
    double ends[ROWS], sums[2] = {0, 0};
    uint64_t counts[2], wanted[2] = {0, 0};
    mt_run_requests runs[2];
    mt_difference differences[MT_CONTRAST_STATISTICS];
    steady(ends);
    for (int r = 0; r < 2; r++) {
        make_run(&runs[r], ends);
        for (size_t i = 0; i < ROWS; i++) {
            double value = (double)(i * 171 % ROWS) + 1 + 5 * r;
            runs[r].metrics[TTFT][i] = i % (size_t)(4 - r) == 1 ? NAN : value;
            if (i % (size_t)(4 - r) == 1)
                continue;
            sums[r] += value;
            wanted[r]++;
        }
    }
    mt_contrast *contrast = contrast_of(runs);
    assert_int_equal(mt_contrast_metric(contrast, TTFT, counts, differences, NULL), MT_OK);
    for (int r = 0; r < 2; r++)
        assert_int_equal(counts[r], wanted[r]);
    assert_true(fabs(differences[0].first - sums[0] / (double)wanted[0]) < 1e-9);
    assert_true(fabs(differences[0].second - sums[1] / (double)wanted[1]) < 1e-9);
    assert_true(differences[0].low < differences[0].second - differences[0].first);
    assert_true(differences[0].high > differences[0].second - differences[0].first);
    mt_contrast_free(contrast);
    free_runs(runs);
}

/* What comes before the phase that is compared has no part in it. */
static void test_warmed_up(void **state) {
    (void)state;
    double ends[ROWS];
    uint64_t counts[2];
    mt_run_requests runs[2];
    mt_difference differences[MT_CONTRAST_STATISTICS];
    steady(ends);
    for (int r = 0; r < 2; r++) {
        make_run(&runs[r], ends);
        for (size_t i = 0; i < ROWS; i++)
            runs[r].metrics[TTFT][i] = i < 10 ? 1000 : 7 + r;
        for (size_t i = 0; i < 10; i++)
            runs[r].rows[i].phase = MT_PHASE_WARMUP;
    }
    mt_contrast *contrast = contrast_of(runs);
    mt_contrast_basis basis = *mt_contrast_basis_of(contrast);
    assert_true(basis.is_paired && basis.matched == ROWS - 10 && basis.units[0] == ROWS - 10);
    assert_int_equal(mt_contrast_metric(contrast, TTFT, counts, differences, NULL), MT_OK);
    assert_true(counts[0] == ROWS - 10 && counts[1] == ROWS - 10);
    assert_true(differences[0].first == 7 && differences[0].second == 8);
    mt_contrast_free(contrast);
    free_runs(runs);
}

/* Sessions of ten turns each. Of one the second run lacks a turn: those after it stay with their like. */
static void test_turn_that_lacks(void **state) {
    (void)state;
    double ends[ROWS];
    mt_run_requests runs[2];
    steady(ends);
    for (int r = 0; r < 2; r++) {
        make_run(&runs[r], ends);
        for (size_t i = 0; i < ROWS; i++) {
            char text[16];
            uint32_t number;
            snprintf(text, sizeof text, "\"s%d\"", (int)(i / 10));
            assert_int_equal(mt_texts_intern(&runs[r].texts, text, strlen(text), &number), 0);
            runs[r].rows[i].session = number + 1;
            runs[r].rows[i].turn = i % 10;
        }
    }
    runs[1].rows[34].phase = MT_PHASE_OUTSIDE;
    mt_contrast *contrast = contrast_of(runs);
    mt_contrast_basis basis = *mt_contrast_basis_of(contrast);
    assert_true(basis.is_paired && basis.by_session);
    assert_int_equal(basis.matched, ROWS - 1);
    mt_contrast_free(contrast);
    free_runs(runs);
}

static mt_difference throughput_of(const mt_run_requests *runs) {
    mt_difference difference = {0};
    mt_contrast *contrast = contrast_of(runs);
    for (int i = 0; i < MT_CONTRAST_RATES; i++)
        if (strcmp(mt_contrast_rates[i].key, "request_throughput") == 0)
            assert_int_equal(
                mt_contrast_of_rate(contrast, &mt_contrast_rates[i], &difference, NULL), MT_OK);
    mt_contrast_free(contrast);
    return difference;
}

/* 20 answers a second for 20 s, in both runs: nothing is left to chance. Where the second has 60 a second in
 * each fourth second, and what is left over in the others, its throughput is as large and much less sure. */
static void test_steady_and_not(void **state) {
    (void)state;
    double ends[ROWS];
    mt_run_requests runs[2];
    steady(ends);
    make_run(&runs[0], ends);
    make_run(&runs[1], ends);
    mt_difference alike = throughput_of(runs);
    assert_true(fabs(alike.first - 20) < 0.1 && alike.second == alike.first);
    assert_true(fabs(alike.low) < 0.1 && fabs(alike.high) < 0.1);
    mt_run_requests_free(&runs[1]);
    size_t at = 0;
    for (size_t s = 0; s < 20; s++) {
        size_t some = s % 4 == 0 ? 60 : s % 4 == 3 ? 6 : 7;
        for (size_t k = 0; k < some; k++)
            ends[at++] = (double)s + ((double)k + 0.5) / (double)some;
    }
    assert_int_equal(at, ROWS);
    make_run(&runs[1], ends);
    mt_difference uneven = throughput_of(runs);
    assert_true(fabs(uneven.second - 20) < 0.2);
    assert_true(uneven.low < -2 && uneven.high > 2);
    /* The mean of 20 stretches whose deviation is 23 is right to 23 / sqrt(20), twice that in 95 of 100. */
    assert_true(uneven.low > -15 && uneven.high < 15);
    free_runs(runs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_that_lack),
        cmocka_unit_test(test_warmed_up),
        cmocka_unit_test(test_turn_that_lacks),
        cmocka_unit_test(test_steady_and_not),
    };
    return cmocka_run_group_tests_name("contrast, values", tests, NULL, NULL);
}
