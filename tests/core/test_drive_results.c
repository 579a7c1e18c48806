/* Moments of a run: from when to when its requests were due and answered, and how late one was taken up; and
 * metrics that a line says are null. */
#include "drive/measure/requests.h"
#include "drive/measure/results.h"

#include "file_support.h"
#include "trace_support.h"

#include <math.h>

static const int64_t second = 1000000000;

/* Due, taken up and answered at these seconds; below 0: never. */
static mt_request_outcome outcome_of(double due, double begun, double answered, int failure) {
    mt_request_outcome counted = {.failure = failure,
                                  .due_ns = due < 0 ? MT_NEVER : (int64_t)(due * 1e9),
                                  .begun_ns = begun < 0 ? MT_NEVER : (int64_t)(begun * 1e9),
                                  .sent_ns = begun < 0 ? MT_NEVER : (int64_t)(begun * 1e9),
                                  .last_ns = answered < 0 ? MT_NEVER : (int64_t)(answered * 1e9)};
    for (int i = 0; i < MT_MEASURES; i++)
        counted.values[i] = NAN;
    return counted;
}

static void count(mt_results *results, mt_request_outcome counted) {
    assert_int_equal(mt_results_count(results, &counted, NULL), MT_OK);
}

static void test_moments(void **state) {
    (void)state;
    mt_results results, other;
    mt_results_begin(&results, NULL, 0);
    mt_results_begin(&other, NULL, 0);
    assert_true(results.first_due_ns == MT_NEVER && results.last_answer_ns == MT_NEVER);
    count(&results, outcome_of(5, 5.5, 9, MT_FAILURE_NONE));
    count(&results, outcome_of(3, 3.25, 4, MT_FAILURE_NONE));
    count(&results,
          outcome_of(2, 2.125, 20, MT_FAILURE_STATUS)); /* answers are of those that are done */
    count(&results, outcome_of(30, -1, -1, MT_FAILURE_NOT_SENT));
    assert_int_equal(results.due, 4);
    assert_true(results.first_due_ns == 2 * second && results.last_due_ns == 30 * second);
    assert_true(results.first_begun_ns == 13 * second / 4);
    assert_true(results.last_answer_ns == 9 * second);
    assert_true(results.last_sent_ns == 11 * second / 2);
    assert_true(results.longest_late_ns == second / 2);
    count(&other, outcome_of(1, 3, 40, MT_FAILURE_NONE));
    assert_int_equal(mt_results_merge(&results, &other, NULL), MT_OK);
    assert_int_equal(results.due, 5);
    assert_true(results.first_due_ns == second && results.last_due_ns == 30 * second);
    assert_true(results.first_begun_ns == 3 * second && results.last_answer_ns == 40 * second);
    assert_true(results.longest_late_ns == 2 * second);
    mt_results_free(&results);
    mt_results_free(&other);
}

/* A metric that is null is absent, whatever stands beside it; those after it are read. */
static void test_null(void **state) {
    static const char text[] = "{\"metadata\": {}, \"metrics\": {\"time_to_first_token\": "
                               "{\"value\": null, \"unit\": \"ms\"}, "
                               "\"request_latency\": {\"unit\": \"sec\", \"value\": 1.5}, "
                               "\"inter_token_latency\": {\"value\": null}}}\n";
    const char *path = in_folder(state, "requests.jsonl");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    mt_run_requests requests = {0};
    mt_error error = {0};
    if (mt_run_requests_read(&requests, path, 0, NULL, &error) != MT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(requests.count, 1);
    assert_true(isnan(mt_run_requests_metric(&requests, 0, mt_measure_by_name("ttft"))));
    assert_true(isnan(mt_run_requests_metric(&requests, 0, mt_measure_by_name("itl"))));
    assert_true(mt_run_requests_metric(&requests, 0, MT_MEASURE_LATENCY) == 1500);
    mt_run_requests_free(&requests);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments), WITH_FOLDER(test_null)};
    return cmocka_run_group_tests_name("moments of a run", tests, NULL, NULL);
}
