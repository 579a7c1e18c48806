/* What is measured of a run: percentiles beside a plain sort, the histogram beside exact values, results put
 * together, the definitions of the metrics, the line of a request, memory that is out. */
#include "drive/measure/results.h"

#include "base/memory.h"
#include "trace_support.h"

#include "sweep.h"

#include <math.h>

static double uniform(uint64_t *random) {
    return (double)(next_random(random) >> 11) * 0x1p-53;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void assert_close(double value, double wanted, double relative) {
    if (!(fabs(value - wanted) <= relative * fabs(wanted) + 1e-12)) /* which NaN is not */
        fail_msg("%.12g is not %.12g", value, wanted);
}

/* ---- samples ---------------------------------------------------------------------------------- */

static void check_summary(const mt_sample_summary *summary, double *values, size_t count,
                          double tolerance) {
    double sum = 0, squares = 0;
    qsort(values, count, sizeof *values, ascending);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    for (size_t i = 0; i < count; i++)
        squares += pow(values[i] - sum / (double)count, 2);
    assert_int_equal(summary->count, count);
    assert_close(summary->avg, sum / (double)count, 1e-6);
    assert_close(summary->sum, sum, 1e-6);
    assert_close(summary->std, sqrt(squares / (double)count), 1e-4);
    assert_close(summary->min, values[0], 1e-6);
    assert_close(summary->max, values[count - 1], 1e-6);
    for (int i = 0; i < MT_PERCENTILES; i++) {
        double rank = mt_percentiles[i] / 100.0 * (double)(count - 1);
        size_t below = (size_t)rank, above = below + 1 < count ? below + 1 : below;
        double wanted = values[below] + (rank - (double)below) * (values[above] - values[below]);
        assert_close(summary->percentiles[i], wanted, tolerance);
    }
}

static void test_percentiles_are_a_plain_sort_s(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 10, 99, 100, 101, 20000};
    uint64_t random = 3;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        double *values = malloc(counts[c] * sizeof *values);
        mt_sample sample = {0};
        mt_sample_summary summary;
        for (size_t i = 0; i < counts[c]; i++) {
            values[i] = exp(10 * uniform(&random) - 3);
            assert_int_equal(mt_sample_add(&sample, values[i], NULL), MT_OK);
        }
        double some = mt_sample_percentile(&sample, 95);
        mt_sample_summarise(&sample, &summary);
        assert_close(some, summary.percentiles[7], 1e-12);
        for (double p = 0; p <= 100; p += 12.5) {
            double rank = p / 100 * (double)(counts[c] - 1), low = floor(rank);
            double below = (double)sample.values[(size_t)low];
            double above = (double)sample.values[(size_t)ceil(rank)];
            assert_close(mt_sample_percentile(&sample, p), below + (rank - low) * (above - below),
                         1e-9);
        }
        check_summary(&summary, values, counts[c], 1e-6);
        mt_sample_summarise(&sample, &summary); /* again, of sorted values */
        check_summary(&summary, values, counts[c], 1e-6);
        mt_sample_free(&sample);
        free(values);
    }
}

static void test_no_values(void **state) {
    (void)state;
    mt_sample sample = {0};
    mt_sample_summary summary;
    mt_sample_summarise(&sample, &summary);
    assert_int_equal(summary.count, 0);
    assert_true(isnan(summary.avg) && isnan(summary.percentiles[4]));
    assert_true(isnan(mt_sample_percentile(&sample, 50)));
    mt_sample_free(&sample);
}

/* Beyond MT_SAMPLE_EXACT values the histogram goes on with all of them. */
static void test_histogram_goes_on(void **state) {
    (void)state;
    size_t count = MT_SAMPLE_EXACT + 1000;
    double *values = malloc(count * sizeof *values);
    mt_sample sample = {0}, few = {0};
    mt_sample_summary summary;
    uint64_t random = 4;
    for (size_t i = 0; i < count; i++) {
        values[i] = exp(8 * uniform(&random));
        mt_sample *to = i < MT_SAMPLE_EXACT - 500 ? &sample : &few;
        assert_int_equal(mt_sample_add(to, values[i], NULL), MT_OK);
    }
    assert_null(sample.histogram);
    assert_int_equal(mt_sample_merge(&sample, &few, NULL), MT_OK);
    assert_non_null(sample.histogram);
    mt_sample_summarise(&sample, &summary);
    check_summary(&summary, values, count, 1.0 / 128);
    assert_close(mt_sample_percentile(&sample, 95), summary.percentiles[7], 1e-12);
    /* A histogram put into exact values. */
    assert_int_equal(mt_sample_merge(&few, &sample, NULL), MT_OK);
    mt_sample_summarise(&few, &summary);
    assert_int_equal(summary.count, count + 1500);
    mt_sample_free(&sample);
    mt_sample_free(&few);
    free(values);
}

/* Of few values far apart a percentile lies between two of them, not at the lower one. */
static void test_histogram_of_few(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 10, 60, 101};
    uint64_t random = 5;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        double values[101];
        mt_log_histogram *histogram = calloc(1, sizeof *histogram);
        for (size_t i = 0; i < counts[c]; i++)
            mt_log_histogram_add(histogram, values[i] = exp(12 * uniform(&random) - 4));
        qsort(values, counts[c], sizeof *values, ascending);
        for (double p = 0; p <= 100; p += 0.5) {
            double rank = p / 100 * (double)(counts[c] - 1);
            size_t below = (size_t)rank, above = below + 1 < counts[c] ? below + 1 : below;
            double wanted =
                values[below] + (rank - (double)below) * (values[above] - values[below]);
            assert_close(mt_log_histogram_percentile(histogram, p), wanted, 1.0 / 128);
        }
        assert_true(mt_log_histogram_percentile(histogram, 100) == values[counts[c] - 1]);
        free(histogram);
    }
}

/* ---- metrics ---------------------------------------------------------------------------------- */

static const int64_t ms = 1000000;

/* Due at 1 s, taken up 1 ms later, sent 2 ms later; tokens at 20, 25, 45 ms after that. */
static mt_exchange answered(void) {
    mt_exchange exchange;
    mt_exchange_begin(&exchange, 1, 1000 * ms);
    exchange.begun_ns = 1001 * ms;
    exchange.sent_ns = 1003 * ms;
    exchange.first_byte_ns = 1002 * ms;
    exchange.first_event_ns = 1011 * ms;
    exchange.first_content_ns = 1021 * ms;
    exchange.second_content_ns = 1026 * ms;
    exchange.last_content_ns = 1046 * ms;
    exchange.end_ns = 1050 * ms;
    exchange.contents = 3;
    exchange.completion_tokens = 6;
    exchange.prompt_tokens = 110;
    exchange.noted = MT_WAS_STREAM | MT_SAW_DONE | MT_HAS_KERNEL_STAMPS;
    exchange.status = 200;
    return exchange;
}

static double metric(const char *name, const mt_exchange *exchange, const mt_asked *asked) {
    double value;
    int place = mt_measure_by_name(name);
    assert_true(place >= 0);
    return mt_measures[place].of(exchange, asked, &value) ? value : NAN;
}

static void test_definitions(void **state) {
    (void)state;
    mt_asked asked = {.has_input = 1, .has_output = 1, .input = 100, .output = 8};
    mt_exchange exchange = answered();
    assert_close(metric("ttft", &exchange, &asked), 20, 1e-12);
    assert_close(metric("ttst", &exchange, &asked), 5, 1e-12);
    assert_close(metric("e2e", &exchange, &asked), 45, 1e-12);
    assert_close(metric("itl", &exchange, &asked), 5, 1e-12); /* (45 - 20) / (6 - 1) */
    assert_close(metric("output_token_throughput_per_user", &exchange, &asked), 200, 1e-12);
    assert_close(metric("lag", &exchange, &asked), 3, 1e-12);
    assert_close(metric("latency_from_due", &exchange, &asked), 46, 1e-12);
    assert_close(metric("time_to_first_token_from_due", &exchange, &asked), 21, 1e-12);
    assert_close(metric("time_to_first_byte", &exchange, &asked), 1, 1e-12);
    assert_close(metric("time_to_first_event", &exchange, &asked), 10, 1e-12);
    assert_close(metric("isl", &exchange, &asked), 110, 1e-12);
    assert_close(metric("osl", &exchange, &asked), 6, 1e-12);
    assert_close(metric("input_length_difference", &exchange, &asked), 10, 1e-12);
    assert_close(metric("output_length_difference", &exchange, &asked), -2, 1e-12);
    assert_close(metric("tokens_per_chunk", &exchange, &asked), 2, 1e-12);
    /* Absent and null are not 0. */
    assert_true(isnan(metric("cached_tokens", &exchange, &asked)));
    exchange.cached_tokens = MT_COUNT_NULL;
    assert_true(isnan(metric("cached_tokens", &exchange, &asked)));
    exchange.cached_tokens = 0;
    assert_close(metric("cached_tokens", &exchange, &asked), 0, 0);
    /* Of reasoning that was not streamed nothing came between the first token and the last. */
    exchange.completion_tokens = 206;
    exchange.reasoning_tokens = 200;
    assert_close(metric("itl", &exchange, &asked), 5, 1e-12);
    assert_close(metric("tokens_per_chunk", &exchange, &asked), 2, 1e-12);
    assert_close(metric("osl", &exchange, &asked), 206, 1e-12);
    assert_close(metric("output_token_count", &exchange, &asked), 6, 1e-12);
    exchange.completion_tokens = 200; /* which leaves the answer out: its 3 pieces count */
    assert_close(metric("itl", &exchange, &asked), 25.0 / 2, 1e-12);
    assert_close(metric("tokens_per_chunk", &exchange, &asked), 1, 1e-12);
    exchange.completion_tokens = 206;
    exchange.noted |= MT_SAW_REASONING;
    assert_close(metric("itl", &exchange, &asked), 25.0 / 205, 1e-12);
    exchange.completion_tokens = 6; /* less than there was reasoning */
    assert_close(metric("output_token_count", &exchange, &asked), 0, 0);
    exchange.reasoning_tokens = MT_COUNT_ABSENT;
    exchange.completion_tokens = exchange.prompt_tokens =
        MT_COUNT_ABSENT; /* chunks count, and the plan */
    assert_close(metric("osl", &exchange, &asked), 3, 1e-12);
    assert_close(metric("isl", &exchange, &asked), 100, 1e-12);
    assert_true(isnan(metric("input_length_difference", &exchange, &asked)));
    exchange.completion_tokens = 1;
    assert_true(isnan(metric("itl", &exchange, &asked)));
    exchange.noted = 0; /* a whole answer has no moments of tokens */
    assert_true(isnan(metric("ttft", &exchange, &asked)));
    assert_close(metric("e2e", &exchange, &asked), 49, 1e-12);
    assert_int_equal(mt_measure_by_name("tpot"), mt_measure_by_name("itl"));
    assert_int_equal(mt_measure_by_name("tpt"), -1);
}

/* ---- results ---------------------------------------------------------------------------------- */

static mt_exchange any_exchange(uint64_t *random) {
    mt_exchange exchange = answered();
    exchange.last_content_ns += (int64_t)below(random, 100) * ms;
    exchange.end_ns = exchange.last_content_ns;
    static const int failures[] = {MT_FAILURE_NONE,
                                   MT_FAILURE_NONE,
                                   MT_FAILURE_NONE,
                                   MT_FAILURE_STATUS,
                                   MT_FAILURE_CANCELLED_AFTER,
                                   MT_FAILURE_NOT_SENT};
    exchange.failure = failures[below(random, 6)];
    exchange.status = exchange.failure == MT_FAILURE_STATUS ? 500 + (int)below(random, 2) : 200;
    exchange.cached_tokens = below(random, 2) ? 10 : MT_COUNT_ABSENT;
    return exchange;
}

/* Begun at 10 s of a run that began at 100 s, answered 4 s later, of 7 tokens and 30. */
static mt_request_outcome four_seconds(void) {
    mt_request_outcome counted = {.failure = MT_FAILURE_NONE,
                                  .output_tokens = 7,
                                  .input_tokens = 30,
                                  .due_ns = 110000 * ms,
                                  .begun_ns = 110000 * ms,
                                  .last_ns = 114000 * ms};
    for (int i = 0; i < MT_MEASURES; i++)
        counted.values[i] = NAN;
    counted.values[MT_MEASURE_LATENCY] = 4000;
    return counted;
}

/* What ended in a span: [begin, end), and how long it was in flight in there. */
static void test_ended(void **state) {
    (void)state;
    static const struct {
        int64_t begin_s, end_s;
        uint64_t done;
        int64_t in_flight_s;
    } cases[] = {{10, 15, 1, 4}, {12, 15, 1, 2}, {14, 15, 1, 0}, {0, 14, 0, 4}, {11, 13, 0, 2},
                 {0, 10, 0, 0},  {15, 20, 0, 0}, {0, 12, 0, 2},  {-5, 20, 1, 4}};
    mt_objective objectives[] = {{MT_MEASURE_LATENCY, 4000}, {MT_MEASURE_LATENCY, 3999}};
    mt_request_outcome counted = four_seconds();
    mt_results results, other;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mt_results_begin(&results, objectives, 1);
        mt_results_count_ended(&results, &counted, 100000 * ms, cases[i].begin_s * 1000 * ms,
                               cases[i].end_s * 1000 * ms);
        assert_int_equal(results.ended.done, cases[i].done);
        assert_int_equal(results.ended.good, cases[i].done);
        assert_close(results.ended.output_tokens, 7.0 * (double)cases[i].done, 0);
        assert_close(results.ended.input_tokens, 30.0 * (double)cases[i].done, 0);
        assert_true(results.ended.in_flight_ns == cases[i].in_flight_s * 1000 * ms);
        assert_int_equal(results.due + results.done + results.good, 0);
    }
    mt_results_begin(&results, objectives, 2); /* not good; an open span */
    mt_results_count_ended(&results, &counted, 100000 * ms, INT64_MIN, INT64_MAX);
    assert_true(results.ended.done == 1 && results.ended.good == 0);
    assert_true(results.ended.in_flight_ns == 4000 * ms);
    counted.failure = MT_FAILURE_TRUNCATED;
    mt_results_count_ended(&results, &counted, 100000 * ms, INT64_MIN, INT64_MAX);
    counted = four_seconds();
    counted.last_ns = MT_NEVER;
    mt_results_count_ended(&results, &counted, 100000 * ms, INT64_MIN, INT64_MAX);
    counted = four_seconds();
    counted.begun_ns = MT_NEVER; /* ended, who knows since when in flight */
    mt_results_count_ended(&results, &counted, 100000 * ms, INT64_MIN, INT64_MAX);
    assert_true(results.ended.done == 2 && results.ended.in_flight_ns == 4000 * ms);
    mt_results_begin(&other, objectives, 2);
    counted = four_seconds();
    mt_results_count_ended(&other, &counted, 100000 * ms, 13000 * ms, 20000 * ms);
    assert_int_equal(mt_results_merge(&results, &other, NULL), MT_OK);
    assert_true(results.ended.done == 3 && results.ended.good == 0);
    assert_close(results.ended.output_tokens, 21, 0);
    assert_close(results.ended.input_tokens, 90, 0);
    assert_true(results.ended.in_flight_ns == 5000 * ms);
    mt_results_free(&results);
}

static void test_merge_is_adding_all(void **state) {
    (void)state;
    mt_objective objective = {mt_measure_by_name("e2e"), 80};
    mt_results parts[2], whole;
    mt_asked asked = {.has_input = 1, .input = 100};
    uint64_t random = 9;
    mt_results_begin(&whole, &objective, 1);
    for (int i = 0; i < 2; i++)
        mt_results_begin(&parts[i], &objective, 1);
    for (int i = 0; i < 400; i++) {
        uint32_t gaps[] = {50000, 200000};
        mt_exchange exchange = any_exchange(&random);
        exchange.gaps = gaps;
        exchange.gap_count = 2;
        assert_int_equal(mt_results_add(&whole, &exchange, &asked, NULL), MT_OK);
        assert_int_equal(mt_results_add(&parts[i % 3 == 0], &exchange, &asked, NULL), MT_OK);
    }
    assert_int_equal(mt_results_merge(&parts[0], &parts[1], NULL), MT_OK);
    assert_int_equal(whole.due, 400);
    assert_int_equal(whole.due, whole.done + whole.failed + whole.cancelled + whole.not_sent);
    assert_true(whole.good > 0 && whole.good < whole.done);
    assert_int_equal(parts[0].due, whole.due);
    assert_int_equal(parts[0].done, whole.done);
    assert_int_equal(parts[0].failed, whole.failed);
    assert_int_equal(parts[0].cancelled, whole.cancelled);
    assert_int_equal(parts[0].not_sent, whole.not_sent);
    assert_int_equal(parts[0].good, whole.good);
    assert_int_equal(parts[0].cached_said, whole.cached_said);
    assert_int_equal(parts[0].first_begun_ns, whole.first_begun_ns);
    assert_int_equal(parts[0].last_answer_ns, whole.last_answer_ns);
    assert_int_equal(parts[0].gaps->count, 2 * whole.done);
    assert_int_equal(whole.gaps->count, 2 * whole.done);
    assert_int_equal(whole.failure_count,
                     4); /* status_500, status_501, cancelled_after, not_sent */
    assert_int_equal(parts[0].failure_count, 4);
    uint64_t failures = 0;
    for (size_t i = 0; i < whole.failure_count; i++)
        failures += whole.failures[i].count;
    assert_int_equal(failures, whole.due - whole.done);
    for (int i = 0; i < MT_MEASURES; i++) {
        mt_sample_summary of_parts, of_whole;
        mt_sample_summarise(&parts[0].samples[i], &of_parts);
        mt_sample_summarise(&whole.samples[i], &of_whole);
        assert_int_equal(of_parts.count, of_whole.count);
        for (int p = 0; of_whole.count > 0 && p < MT_PERCENTILES; p++)
            assert_close(of_parts.percentiles[p], of_whole.percentiles[p], 0);
    }
    mt_results_free(&whole);
    mt_results_free(&parts[0]);
    mt_results_free(&parts[1]);
}

/* What lacks a metric of an objective is not good, but for times between tokens where there are not two. */
static void test_what_is_absent_is_not_good(void **state) {
    (void)state;
    mt_objective first[] = {{mt_measure_by_name("ttft"), 1e9}, {mt_measure_by_name("ttft"), 2e9}};
    mt_objective between[] = {{mt_measure_by_name("itl"), 1e9}, {mt_measure_by_name("ttst"), 1e9}};
    mt_asked asked = {0};
    mt_exchange streamed = answered(), whole = answered(), one_token = answered();
    whole.noted &= (uint8_t)~MT_WAS_STREAM;
    one_token.completion_tokens = 1;
    one_token.reasoning_tokens = MT_COUNT_ABSENT;
    one_token.contents = 1;
    one_token.second_content_ns = MT_NEVER;
    const mt_exchange *all[] = {&streamed, &whole, &one_token};
    mt_results of_first, of_between, merged;
    mt_results_begin(&of_first, first, 2);
    mt_results_begin(&of_between, between, 2);
    mt_results_begin(&merged, first, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mt_results_add(&of_first, all[i], &asked, NULL), MT_OK);
        assert_int_equal(mt_results_add(&of_between, all[i], &asked, NULL), MT_OK);
    }
    assert_int_equal(of_first.good, 2);
    assert_int_equal(of_first.lacking[MT_MEASURE_FIRST],
                     1); /* once, though two objectives name it */
    assert_int_equal(of_between.good, 2);
    assert_int_equal(of_between.lacking[MT_MEASURE_BETWEEN], 1);
    assert_int_equal(of_between.lacking[MT_MEASURE_SECOND], 1);
    assert_int_equal(mt_results_merge(&merged, &of_first, NULL), MT_OK);
    assert_int_equal(mt_results_merge(&merged, &of_first, NULL), MT_OK);
    assert_int_equal(merged.lacking[MT_MEASURE_FIRST], 2);
    mt_results_free(&of_first);
    mt_results_free(&of_between);
    mt_results_free(&merged);
}

static mt_code attempt(mt_error *error) {
    mt_results results, other;
    mt_asked asked = {0};
    uint32_t gaps[] = {1};
    mt_exchange exchange = answered(), failed = answered();
    exchange.gaps = gaps;
    exchange.gap_count = 1;
    failed.failure = MT_FAILURE_REFUSED;
    mt_results_begin(&results, NULL, 0);
    mt_results_begin(&other, NULL, 0);
    mt_code code = mt_results_add(&results, &exchange, &asked, error);
    if (code == MT_OK)
        code = mt_results_add(&results, &failed, &asked, error);
    if (code == MT_OK)
        code = mt_results_merge(&other, &results, error);
    mt_results_free(&results);
    mt_results_free(&other);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(&all.error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_are_a_plain_sort_s),
        cmocka_unit_test(test_no_values),
        cmocka_unit_test(test_histogram_goes_on),
        cmocka_unit_test(test_histogram_of_few),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_what_is_absent_is_not_good),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_merge_is_adding_all),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("measures of a run", tests, NULL, NULL);
}
