/* Two finished runs against each other: which are paired, what their sums are, and differences by known
 * answers. */
#include "drive/measure/contrast.h"

#include "base/memory.h"
#include "stats/bootstrap.h"
#include "sweep.h"
#include "trace_support.h"

#include <math.h>

enum { TTFT = 0, ROWS = 200 };

static const int64_t second = 1000000000;

/* A run of ROWS requests, ten a second, each answered 100 ms after it was due: its time to the first token is
 * 20 ms and what its number makes of it. */
static void make_run(mt_run_requests *run, uint64_t seed) {
    *run = (mt_run_requests){.count = ROWS, .capacity = ROWS};
    run->rows = mt_allocate_zero(ROWS, sizeof *run->rows);
    static const int metrics[] = {TTFT, MT_MEASURE_LATENCY, MT_MEASURE_OUTPUT, MT_MEASURE_INPUT,
                                  MT_MEASURE_WANTED_INPUT};
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++)
        run->metrics[metrics[m]] = mt_allocate(ROWS, sizeof(double));
    for (size_t i = 0; i < ROWS; i++) {
        int64_t due = (int64_t)i * second / 10 + 1000 * second;
        run->rows[i] = (mt_run_request){.number = i,
                                        .line = i + 1,
                                        .due_ns = due,
                                        .begun_ns = due,
                                        .sent_ns = due,
                                        .answer_ns = due,
                                        .end_ns = due + second / 10};
        run->metrics[TTFT][i] = 20 + (double)below(&seed, 10);
        run->metrics[MT_MEASURE_LATENCY][i] = 100;
        run->metrics[MT_MEASURE_OUTPUT][i] = 5;
        run->metrics[MT_MEASURE_INPUT][i] = 30;
        run->metrics[MT_MEASURE_WANTED_INPUT][i] = 30 + (double)(i % 7);
    }
}

static mt_contrast *contrast_of(const mt_run_requests *first, const mt_run_requests *second_run) {
    mt_error error;
    mt_contrast *contrast =
        mt_contrast_new(first, second_run, &(mt_contrast_options){.seed = 1}, &error);
    assert_non_null(contrast);
    return contrast;
}

static mt_contrast_basis basis_of(const mt_run_requests *first, const mt_run_requests *other) {
    mt_contrast *contrast = contrast_of(first, other);
    mt_contrast_basis basis = *mt_contrast_basis_of(contrast);
    mt_contrast_free(contrast);
    return basis;
}

/* ---- which are paired ---- */

static void test_paired(void **state) {
    (void)state;
    mt_run_requests first, other;
    make_run(&first, 1);
    make_run(&other, 2);
    mt_contrast_basis basis = basis_of(&first, &other);
    assert_true(basis.is_paired && !basis.by_session);
    assert_int_equal(basis.matched, ROWS);
    assert_int_equal(basis.units[0], ROWS);
    assert_int_equal(basis.blocks[1], MT_BOOTSTRAP_BLOCKS);
    other.count = ROWS * 9 / 10;
    assert_true(basis_of(&first, &other).is_paired);
    other.count = ROWS * 9 / 10 - 1;
    assert_false(basis_of(&first, &other).is_paired);
    other.count = ROWS;
    other.rows[50].line = 7;
    assert_false(basis_of(&first, &other).is_paired);
    other.rows[50].line = 51;
    other.metrics[MT_MEASURE_WANTED_INPUT][199] = 99;
    assert_false(basis_of(&first, &other).is_paired);
    other.rows[199].phase = MT_PHASE_OUTSIDE;
    basis = basis_of(&first, &other);
    assert_true(basis.is_paired);
    assert_int_equal(basis.matched, ROWS - 1);
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

/* Requests of a lost shard have no number: none is taken for another, of its run or of the other. */
static void test_unnumbered(void **state) {
    (void)state;
    mt_run_requests first, other;
    make_run(&first, 1);
    make_run(&other, 2);
    for (size_t i = 0; i < 10; i++) {
        mt_run_request *row = &first.rows[ROWS - 10 + i];
        row->lacks_number = 1;
        row->number = i;
        row->line = 0;
    }
    mt_contrast_basis basis = basis_of(&first, &other);
    assert_true(basis.is_paired);
    assert_int_equal(basis.matched, ROWS - 10);
    assert_int_equal(basis.units[0], ROWS);
    for (size_t i = 0; i < 10; i++)
        other.rows[ROWS - 10 + i].lacks_number = 1;
    assert_int_equal(basis_of(&first, &other).matched, ROWS - 10);
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

/* Of a script's requests equal lengths say nothing where its seeds differed; lines of a trace do. */
static void test_drawn_apart(void **state) {
    (void)state;
    mt_run_requests runs[2];
    for (int has_lines = 0; has_lines < 2; has_lines++) {
        for (int r = 0; r < 2; r++) {
            make_run(&runs[r], 1);
            for (size_t i = 0; i < ROWS && !has_lines; i++)
                runs[r].rows[i].line = 0;
        }
        for (int drawn_apart = 0; drawn_apart < 2; drawn_apart++) {
            mt_contrast *contrast = mt_contrast_new(
                &runs[0], &runs[1], &(mt_contrast_options){.drawn_apart = drawn_apart}, NULL);
            assert_int_equal(mt_contrast_basis_of(contrast)->is_paired, has_lines || !drawn_apart);
            mt_contrast_free(contrast);
        }
        for (int r = 0; r < 2; r++)
            mt_run_requests_free(&runs[r]);
    }
}

/* Where neither says what was planned, equal numbers say nothing. */
static void test_unknown_plans(void **state) {
    (void)state;
    mt_run_requests runs[2];
    for (int r = 0; r < 2; r++) {
        make_run(&runs[r], 1);
        mt_free(runs[r].metrics[MT_MEASURE_WANTED_INPUT]);
        runs[r].metrics[MT_MEASURE_WANTED_INPUT] = NULL;
        for (size_t i = 0; i < ROWS; i++)
            runs[r].rows[i].line = 0;
    }
    assert_false(basis_of(&runs[0], &runs[1]).is_paired);
    for (int r = 0; r < 2; r++)
        mt_run_requests_free(&runs[r]);
}

/* Turns of 40 sessions, five each. */
static void make_sessions(mt_run_requests *run, const char *name) {
    for (size_t i = 0; i < ROWS; i++) {
        char text[32];
        uint32_t number;
        snprintf(text, sizeof text, "\"%s%d\"", name, (int)(i % 40));
        assert_int_equal(mt_texts_intern(&run->texts, text, strlen(text), &number), 0);
        run->rows[i].session = number + 1;
        run->rows[i].turn = i / 40;
    }
}

static void test_sessions(void **state) {
    (void)state;
    mt_run_requests first, other;
    make_run(&first, 1);
    make_run(&other, 2);
    make_sessions(&first, "a");
    mt_contrast_basis basis = basis_of(&first, &other); /* the other one has none */
    assert_true(basis.is_paired && !basis.by_session);
    make_sessions(&other, "a");
    for (size_t i = 0; i < ROWS; i++)
        other.rows[i].number = ROWS - i; /* sessions and turns count, whatever the order */
    basis = basis_of(&first, &other);
    assert_true(basis.is_paired && basis.by_session);
    assert_int_equal(basis.units[0], 40);
    assert_int_equal(basis.matched, ROWS);
    mt_texts_free(&other.texts);
    make_sessions(&other, "b");
    basis = basis_of(&first, &other);
    assert_true(!basis.is_paired && basis.by_session);
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

/* ---- differences ---- */

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-6 * (1 + fabs(expected))))
        fail_msg("%.9g is not %.9g", value, expected);
}

/* All are 3 ms slower, so that paired nothing is left to chance. */
static void test_known_answer(void **state) {
    (void)state;
    mt_run_requests first, other;
    mt_difference differences[MT_CONTRAST_STATISTICS];
    uint64_t counts[2];
    double width = 0;
    make_run(&first, 1);
    make_run(&other, 1);
    for (size_t i = 0; i < ROWS; i++)
        other.metrics[TTFT][i] += 3;
    for (int paired = 1; paired >= 0; paired--) {
        other.rows[5].line = paired ? 6 : 60;
        mt_contrast *contrast = contrast_of(&first, &other);
        assert_int_equal(mt_contrast_basis_of(contrast)->is_paired, paired);
        assert_int_equal(mt_contrast_metric(contrast, TTFT, counts, differences, NULL), MT_OK);
        assert_int_equal(counts[0], ROWS);
        for (int k = 0; k < MT_CONTRAST_STATISTICS; k++) {
            assert_near(differences[k].second - differences[k].first, 3);
            width = differences[k].high - differences[k].low;
            if (paired)
                assert_near(width, 0);
        }
        if (!paired)
            assert_true(differences[0].low < 2.9 && differences[0].low > 2 &&
                        differences[0].high > 3.1 && differences[0].high < 4);
        mt_contrast_free(contrast);
    }
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

static mt_difference rate_of(mt_contrast *contrast, const char *key) {
    mt_difference difference = {0};
    for (int i = 0; i < MT_CONTRAST_RATES; i++)
        if (strcmp(mt_contrast_rates[i].key, key) == 0)
            assert_int_equal(
                mt_contrast_of_rate(contrast, &mt_contrast_rates[i], &difference, NULL), MT_OK);
    return difference;
}

/* Requests are answered from 0 to 20 s. Of the second run the first fifth failed. */
static void test_rates(void **state) {
    (void)state;
    mt_run_requests first, other;
    mt_difference difference;
    const mt_objective objective = {TTFT, 24.5};
    make_run(&first, 1);
    make_run(&other, 1);
    for (size_t i = 0; i < ROWS / 5; i++)
        other.rows[i].failure = MT_FAILURE_REFUSED;
    mt_contrast_options options = {.objectives = &objective, .objective_count = 1};
    mt_contrast *contrast = mt_contrast_new(&first, &other, &options, NULL);
    difference = rate_of(contrast, "request_throughput");
    assert_near(difference.first, ROWS / 20.0);
    assert_near(difference.second, (ROWS - 40) / 16.0);
    difference = rate_of(contrast, "output_token_throughput");
    assert_near(difference.first, 50);
    difference = rate_of(contrast, "total_token_throughput");
    assert_near(difference.first, 350);
    difference = rate_of(contrast, "error_rate");
    assert_near(difference.first, 0);
    assert_near(difference.second, 0.2);
    assert_near(difference.low, 0); /* two blocks of ten: a resample may have none of them */
    double good = 0;
    for (size_t i = 0; i < ROWS; i++)
        good += first.metrics[TTFT][i] <= 24.5;
    assert_near(rate_of(contrast, "goodput").first, good / 20);
    assert_true(isnan(rate_of(contrast, "hit_ratio").first));
    mt_contrast_free(contrast);
    /* Of a window all that ended in it counts, whenever it was due: answers end at 0.1 s, 0.2 s, ... */
    for (size_t i = 0; i < ROWS; i++)
        first.rows[i].phase = i < 50 || i >= 100 ? MT_PHASE_OUTSIDE : MT_PHASE_PROFILING;
    options.windows[0] =
        (mt_contrast_window){1000 * second + second / 20, 1005 * second + second / 20, 0};
    first.rows[0].phase = MT_PHASE_WARMUP;
    contrast = mt_contrast_new(&first, &other, &options, NULL);
    difference = rate_of(contrast, "request_throughput");
    assert_near(difference.first, 49 / 5.0);
    assert_near(difference.second, (ROWS - 40) / 16.0);
    assert_near(rate_of(contrast, "output_token_throughput").first, 49);
    assert_near(rate_of(contrast, "total_token_throughput").first, 343);
    good = 0;
    for (size_t i = 1; i < 50; i++)
        good += first.metrics[TTFT][i] <= 24.5;
    assert_near(rate_of(contrast, "goodput").first, good / 5);
    mt_contrast_free(contrast);
    /* A part that began three seconds later has the window of its own clock so much later. */
    static const int64_t apart_ns[] = {3000000000};
    assert_int_equal(mt_run_requests_set_apart(&first, apart_ns, 1, NULL), MT_OK);
    assert_true(mt_run_requests_apart(&first, 7) == 3 * second);
    options.windows[0] =
        (mt_contrast_window){997 * second + second / 20, 1002 * second + second / 20, 1};
    contrast = mt_contrast_new(&first, &other, &options, NULL);
    assert_near(rate_of(contrast, "request_throughput").first, 49 / 5.0);
    mt_contrast_free(contrast);
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

static void test_gaps(void **state) {
    (void)state;
    mt_run_requests runs[2];
    mt_difference differences[MT_CONTRAST_STATISTICS];
    uint64_t counts[2];
    for (int r = 0; r < 2; r++) {
        make_run(&runs[r], 1);
        runs[r].gaps = mt_allocate((size_t)ROWS * 4, sizeof *runs[r].gaps);
        runs[r].gap_count = runs[r].gap_capacity = (size_t)ROWS * 4;
        for (size_t i = 0; i < ROWS; i++) {
            runs[r].rows[i].gap = 4 * i;
            runs[r].rows[i].gap_count = 4;
            for (size_t g = 0; g < 4; g++)
                runs[r].gaps[4 * i + g] = (uint32_t)(10000 * (g + 1) * (r == 0 ? 1 : 2));
        }
    }
    mt_contrast *contrast = contrast_of(&runs[0], &runs[1]);
    assert_int_equal(mt_contrast_gaps(contrast, counts, differences, NULL), MT_OK);
    assert_int_equal(counts[0], 4 * ROWS);
    assert_near(differences[0].first, 2.5);
    assert_near(differences[0].second, 5);
    assert_near(differences[0].low, 2.5);
    assert_near(differences[0].high, 2.5);
    mt_contrast_free(contrast);
    for (int r = 0; r < 2; r++)
        mt_run_requests_free(&runs[r]);
}

/* Seven requests are too few for an interval; none at all is no reason to fail. */
static void test_few(void **state) {
    (void)state;
    mt_run_requests first, other;
    mt_difference differences[MT_CONTRAST_STATISTICS];
    uint64_t counts[2];
    make_run(&first, 1);
    make_run(&other, 2);
    for (size_t rows = 0; rows <= 8; rows++) {
        first.count = other.count = rows;
        mt_contrast *contrast = contrast_of(&first, &other);
        assert_int_equal(mt_contrast_metric(contrast, TTFT, counts, differences, NULL), MT_OK);
        assert_int_equal(isnan(differences[0].low), rows < 8);
        assert_int_equal(isnan(differences[0].first), rows == 0);
        assert_int_equal(isnan(rate_of(contrast, "request_throughput").first), rows == 0);
        mt_contrast_free(contrast);
    }
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

static void test_no_memory(void **state) {
    (void)state;
    mt_run_requests first, other;
    make_run(&first, 1);
    make_run(&other, 2);
    make_sessions(&first, "a");
    make_sessions(&other, "a");
    for (sweep all = {0}; sweep_next(&all);) {
        mt_difference differences[MT_CONTRAST_STATISTICS];
        uint64_t counts[2];
        mt_contrast *contrast = mt_contrast_new(&first, &other, NULL, &all.error);
        all.code = contrast ? mt_contrast_metric(contrast, TTFT, counts, differences, &all.error)
                            : all.error.code;
        mt_contrast_free(contrast);
    }
    mt_run_requests_free(&first);
    mt_run_requests_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paired),      cmocka_unit_test(test_unnumbered),
        cmocka_unit_test(test_drawn_apart), cmocka_unit_test(test_unknown_plans),
        cmocka_unit_test(test_sessions),    cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_rates),       cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_few),         cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("contrast", tests, NULL, NULL);
}
