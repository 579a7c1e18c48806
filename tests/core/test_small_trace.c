/* Known answers of the small trace in tests/data, counted there by other means: what every clone can
 * check. Run in the top folder, as tests/run does. */
#include "trace_support.h"

#include "base/memory.h"
#include "prefix/analysis/locality.h"
#include "prefix/lint/lint.h"
#include "prefix/model/model.h"
#include "stats/dispersion.h"
#include "trace/source/source.h"

#include <math.h>

enum { REQUESTS = 210, BLOCKS = 2198, DISTINCT = 778, BLOCK = 64 };

static mt_source *source;

static int open_trace(void **state) {
    (void)state;
    mt_error error;
    source = mt_source_open("tests/data/small.jsonl", 0, &error);
    if (!source)
        print_message("%s\n", error.message);
    return source ? 0 : -1;
}

static int close_trace(void **state) {
    (void)state;
    mt_source_free(source);
    return 0;
}

static int next(mt_request *request) {
    int status = mt_source_next(source, request, NULL);
    assert_true(status >= 0);
    return status;
}

static void assert_near(double value, double wanted) {
    if (!(fabs(value - wanted) <= 1e-12 * fabs(wanted)))
        fail_msg("%.17g is not %.17g", value, wanted);
}

static void test_requests(void **state) {
    (void)state;
    mt_request request;
    uint64_t requests = 0, input = 0, output = 0, blocks = 0, sessions = 0;
    while (next(&request)) {
        requests++;
        input += request.input_length;
        output += request.output_length;
        blocks += request.hash_count;
        sessions += (request.has & MT_HAS_SESSION) != 0;
    }
    assert_int_equal(requests, REQUESTS);
    assert_int_equal(input, 133597);
    assert_int_equal(output, 10752);
    assert_int_equal(blocks, BLOCKS);
    assert_int_equal(sessions, 119);
}

static void test_caches(void **state) {
    (void)state;
    static const struct {
        uint64_t blocks, hits;
        double by_request, tokens;
    } known[] = {{20, 781, 0.3470867729376133, 49984},
                 {50, 1174, 0.4952274943372973, 75136},
                 {100, 1365, 0.5642366799237717, 87360},
                 {MT_INFINITE_CACHE, BLOCKS - DISTINCT, 0.5874404447241752, 90880}};
    mt_locality *locality = mt_locality_new(BLOCK, NULL);
    mt_locality_result result;
    mt_request request;
    while (next(&request))
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    assert_int_equal(mt_locality_finish(locality, &result, NULL), MT_OK);
    assert_int_equal(result.distinct_blocks, DISTINCT);
    assert_int_equal(result.hits, BLOCKS - DISTINCT);
    mt_hit_curve *curve = mt_locality_hit_curve(locality, MT_TOUCH_ROOT, MT_HIT_ALL, NULL);
    assert_non_null(curve);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        mt_hit_ratio ratio = mt_hit_curve_at(curve, known[i].blocks);
        assert_near(ratio.block, (double)known[i].hits / BLOCKS);
        assert_near(ratio.request, known[i].by_request);
        assert_near(ratio.token, known[i].tokens / 133597);
    }
    mt_hit_curve_free(curve);
    mt_locality_free(locality);
}

static void test_bunching(void **state) {
    (void)state;
    static const struct {
        int64_t seconds;
        uint64_t windows, requests, peak;
        double variance_over_mean;
    } known[] = {{1, 396, 209, 12, 2.334576948700866},
                 {10, 40, 209, 36, 10.418230891915103},
                 {60, 6, 207, 71, 17.23768115942029}};
    int64_t times[REQUESTS];
    mt_request request;
    for (size_t r = 0; next(&request); r++)
        times[r] = request.time_ns;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        mt_dispersion result;
        mt_disperse(times, REQUESTS, known[i].seconds * 1000000000, &result);
        assert_int_equal(result.windows, known[i].windows);
        assert_int_equal(result.requests, known[i].requests);
        assert_int_equal(result.peak, known[i].peak);
        assert_near(result.variance_over_mean, known[i].variance_over_mean);
    }
}

static void test_lint(void **state) {
    (void)state;
    mt_lint *lint = mt_lint_new(0, NULL);
    mt_lint_result result;
    mt_request request;
    while (next(&request))
        assert_int_equal(mt_lint_add(lint, &request, NULL), MT_OK);
    assert_int_equal(mt_lint_finish(lint, &result, NULL), MT_OK);
    assert_int_equal(result.requests, REQUESTS);
    assert_int_equal(result.block_size, BLOCK);
    assert_int_equal(result.next_id, DISTINCT);
    assert_int_equal(result.decreasing.count, 0);
    assert_int_equal(result.conflicts, 0);
    assert_int_equal(result.rows, MT_ROWS_CUMULATIVE);
    assert_int_equal(result.unit, MT_UNIT_MILLISECONDS);
    mt_lint_free(lint);
}

static void test_model(void **state) {
    (void)state;
    mt_error error = {0};
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    mt_request request;
    while (next(&request))
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    mt_model *model = mt_learner_finish(learner, &error);
    assert_non_null(model);
    uint64_t shared = 0, returning = 0, unique = 0;
    for (size_t i = 0; i < model->count; i++) {
        shared += model->descriptions[i].shared;
        returning += model->descriptions[i].returning;
        unique += model->descriptions[i].unique;
    }
    assert_int_equal(model->count, REQUESTS);
    assert_int_equal(shared, BLOCKS - DISTINCT);
    assert_int_equal(returning, 199);
    assert_int_equal(unique, DISTINCT - 199);
    mt_model_release(model);
    mt_learner_free(learner);
}

#define WITH_TRACE(test) cmocka_unit_test_setup_teardown(test, open_trace, close_trace)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_TRACE(test_requests), WITH_TRACE(test_caches), WITH_TRACE(test_bunching),
        WITH_TRACE(test_lint),     WITH_TRACE(test_model),
    };
    return cmocka_run_group_tests_name("small trace", tests, NULL, NULL);
}
