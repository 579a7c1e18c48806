/* Phases of a run by hand: which request and which gap is of which, the time to recover, memory. */
#include "drive/measure/phases.h"

#include "sweep.h"

#include <math.h>

enum { SECOND = 1000000000, MILLISECOND = 1000000 };
static const int64_t start_ns = 77 * (int64_t)SECOND;
static const int64_t ends[] = {10 * (int64_t)SECOND, 20 * (int64_t)SECOND, INT64_MAX};

static mt_run_phases three(void) {
    mt_run_phases phases;
    assert_int_equal(mt_run_phases_begin(&phases, ends, 3, NULL, 0, NULL), MT_OK);
    return phases;
}

/* An answer that was due so many seconds after the start, at once begun, with that TTFT; NaN: it
 * failed. */
static mt_request_outcome answer(double due, double ttft_ms) {
    mt_request_outcome counted = {.failure = isnan(ttft_ms) ? MT_FAILURE_STATUS : MT_FAILURE_NONE,
                                  .prompt_tokens = NAN,
                                  .cached_tokens = NAN,
                                  .due_ns = start_ns + llround(due * SECOND)};
    counted.begun_ns = counted.due_ns;
    counted.sent_ns = counted.last_ns = counted.stood_from_ns = counted.stood_until_ns = MT_NEVER;
    for (int i = 0; i < MT_MEASURES; i++)
        counted.values[i] = NAN;
    counted.values[MT_MEASURE_FIRST] = ttft_ms;
    return counted;
}

static void add(mt_run_phases *phases, double due, double ttft_ms) {
    mt_request_outcome counted = answer(due, ttft_ms);
    assert_int_equal(mt_run_phases_count(phases, &counted, start_ns, NULL), MT_OK);
}

static void test_requests(void **state) {
    (void)state;
    mt_run_phases phases = three();
    const double due[] = {0, 9.999999999, 10, 19.999999999, 20, 1e6, -0.000000001};
    for (int i = 0; i < 7; i++)
        add(&phases, due[i], i == 3 ? (double)NAN : 100.0 * i);
    mt_request_outcome unknown = answer(12, 5), never = answer(12, NAN);
    unknown.due_ns = MT_NEVER; /* another tool's: then when it was begun */
    never.due_ns = never.begun_ns = MT_NEVER;
    assert_int_equal(mt_run_phases_count(&phases, &unknown, start_ns, NULL), MT_OK);
    assert_int_equal(mt_run_phases_count(&phases, &never, start_ns, NULL), MT_OK);
    const uint64_t counts[][2] = {{2, 2}, {3, 2}, {2, 2}};
    for (int i = 0; i < 3; i++) {
        mt_results *results = &phases.list[i].results;
        assert_int_equal(results->due, counts[i][0]);
        assert_int_equal(results->done, counts[i][1]);
        assert_int_equal(results->samples[MT_MEASURE_FIRST].count, counts[i][1]);
    }
    mt_run_phases_free(&phases);
    assert_int_equal(mt_run_phases_begin(&phases, NULL, 0, NULL, 0, NULL), MT_OK);
    add(&phases, 1, 1); /* no phases: nothing to count */
    assert_int_equal(phases.first_count, 0);
    mt_run_phases_free(&phases);
}

/* Due in the first phase, ended in the second: what ended is the second's, and of no phase it is due in. */
static void test_ended(void **state) {
    (void)state;
    mt_run_phases phases = three();
    const double moments[] = {9.5, 10, 12, 19.999, 25, 1e6};
    for (int i = 0; i < 6; i++) {
        mt_request_outcome counted = answer(9, 100);
        counted.last_ns = start_ns + (int64_t)(moments[i] * 1e9);
        counted.output_tokens = 3;
        mt_run_phases_count_ended(&phases, &counted, start_ns);
    }
    const uint64_t counts[] = {1, 3, 2};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(phases.list[i].results.ended.done, counts[i]);
        assert_true(phases.list[i].results.ended.output_tokens == 3.0 * (double)counts[i]);
        assert_int_equal(phases.list[i].results.due, 0);
    }
    mt_run_phases_free(&phases);
}

/* Due at 9 s, first token at 9.5 s; then gaps of 0.4, 0.3 and 10 s (to 20.2 s, middle 15.2 s), and 0.5 s. */
static void test_gaps(void **state) {
    (void)state;
    const uint32_t gaps[] = {4000000, 3000000, 100000000, 5000000};
    mt_run_phases phases = three();
    mt_request_outcome counted = answer(9, 500);
    counted.gaps = gaps;
    counted.gap_count = 4;
    mt_run_phases_count_ended(&phases, &counted, start_ns); /* in the window or not */
    assert_true(phases.list[0].longest_gap_ns == 400 * (int64_t)MILLISECOND);
    assert_true(phases.list[1].longest_gap_ns == 10 * (int64_t)SECOND);
    assert_true(phases.list[2].longest_gap_ns == 500 * (int64_t)MILLISECOND);
    /* One of 0.2 s whose middle is the very end of the first phase is of the second. */
    const uint32_t edge[] = {2000000};
    mt_run_phases other = three();
    counted = answer(9.8, 100);
    counted.gaps = edge;
    counted.gap_count = 1;
    mt_run_phases_count_ended(&other, &counted, start_ns);
    assert_true(other.list[0].longest_gap_ns == 0);
    assert_true(other.list[1].longest_gap_ns == 200 * (int64_t)MILLISECOND);
    /* Of what failed only how long it stood still before its end: from 10.5 to 14.5 s. */
    mt_run_phases failed = three();
    counted.failure = MT_FAILURE_GAP_TIMEOUT;
    mt_run_phases_count_ended(&failed, &counted, start_ns);
    assert_true(failed.list[0].longest_gap_ns == 0 && failed.list[1].longest_gap_ns == 0);
    counted.stood_from_ns = start_ns + 10500 * (int64_t)MILLISECOND;
    counted.stood_until_ns = start_ns + 14500 * (int64_t)MILLISECOND;
    mt_run_phases_count_ended(&failed, &counted, start_ns);
    assert_true(failed.list[1].longest_gap_ns == 4 * (int64_t)SECOND);
    mt_run_phases_free(&phases);
    mt_run_phases_free(&other);
    mt_run_phases_free(&failed);
}

/* Ten of 100 ms before; afterwards a request every 0.1 s from 20 s on, with these TTFTs. */
static mt_recovery recovery_of(const double *ttft, int count, double *seconds) {
    mt_run_phases phases = three();
    for (int i = count - 1; i >= 0; i--) /* in any order */
        add(&phases, 20 + 0.1 * i, ttft[i]);
    for (int i = 0; i < 10; i++)
        add(&phases, i, 100);
    add(&phases, 15, 5000);
    mt_recovery recovery = mt_run_phases_recovery(&phases, 1, seconds);
    assert_int_equal(mt_run_phases_recovery(&phases, 0, seconds + 1), MT_RECOVERY_UNKNOWN);
    assert_int_equal(mt_run_phases_recovery(&phases, 2, seconds + 1), MT_RECOVERY_UNKNOWN);
    mt_run_phases_free(&phases);
    return recovery;
}

static void test_recovery(void **state) {
    (void)state;
    double ttft[40], seconds[2];
    for (int i = 0; i < 40; i++)
        ttft[i] = i < 20 ? 900 : 110;
    /* The window from request 15 on has five of either: its median is (900 + 110) / 2; from 16 on six
     * are back, which is 1.6 s after the end. */
    assert_int_equal(recovery_of(ttft, 40, seconds), MT_RECOVERY_DONE);
    assert_true(fabs(seconds[0] - 1.6) < 1e-9);
    /* Those that failed are as if their first token had never come. */
    for (int i = 0; i < 20; i++)
        ttft[i] = NAN;
    assert_int_equal(recovery_of(ttft, 40, seconds), MT_RECOVERY_DONE);
    assert_true(fabs(seconds[0] - 1.6) < 1e-9);
    /* Back within 10 %, and no further. */
    for (int i = 20; i < 40; i++)
        ttft[i] = 110.5;
    assert_int_equal(recovery_of(ttft, 40, seconds), MT_RECOVERY_NEVER);
    assert_true(fabs(seconds[0] - 3.9) < 1e-9);
    for (int i = 0; i < 40; i++)
        ttft[i] = i < 4 ? 900 : 20; /* faster than before is back, too; at once */
    assert_int_equal(recovery_of(ttft, 40, seconds), MT_RECOVERY_DONE);
    assert_true(seconds[0] == 0);
    assert_int_equal(recovery_of(ttft, 9, seconds), MT_RECOVERY_UNKNOWN);
    assert_int_equal(recovery_of(ttft, 0, seconds), MT_RECOVERY_UNKNOWN);
    assert_int_equal(recovery_of(ttft, 10, seconds), MT_RECOVERY_DONE);
}

/* Of each five requests one fails and the others take 100, 100, 200 and 200 ms, before the phase as after it: it is
 * as it was, and so is a median that has those that failed in it. */
static void test_recovery_to_failures_as_before(void **state) {
    (void)state;
    static const double ttft[] = {100, 200, NAN, 200, 100};
    double seconds = -1;
    mt_run_phases phases = three();
    for (int i = 0; i < 20; i++) {
        add(&phases, 0.4 * i, ttft[i % 5]);
        add(&phases, 20 + 0.4 * i, ttft[i % 5]);
    }
    assert_int_equal(mt_run_phases_recovery(&phases, 1, &seconds), MT_RECOVERY_DONE);
    assert_true(seconds == 0);
    mt_run_phases_free(&phases);
    /* Half of the first phase's failed: it has no base. */
    phases = three();
    for (int i = 0; i < 40; i++) {
        add(&phases, 0.2 * i, i % 2 ? NAN : 100);
        add(&phases, 20 + i, 100);
    }
    assert_int_equal(mt_run_phases_recovery(&phases, 1, &seconds), MT_RECOVERY_UNKNOWN);
    mt_run_phases_free(&phases);
}

static void test_recovery_needs_a_base(void **state) {
    (void)state;
    double seconds;
    mt_run_phases phases = three();
    assert_int_equal(mt_run_phases_recovery(&phases, 1, &seconds), MT_RECOVERY_UNKNOWN);
    for (int i = 0; i < 30; i++)
        add(&phases, 20 + i, 100);
    for (int i = 0; i < 9; i++)
        add(&phases, i, 100);
    assert_int_equal(mt_run_phases_recovery(&phases, 1, &seconds), MT_RECOVERY_UNKNOWN);
    add(&phases, 9.5, 100);
    assert_int_equal(mt_run_phases_recovery(&phases, 1, &seconds), MT_RECOVERY_DONE);
    mt_run_phases_free(&phases);
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_run_phases phases = {0};
        all.code = mt_run_phases_begin(&phases, ends, 3, NULL, 0, &all.error);
        for (int i = 0; all.code == MT_OK && i < 30; i++) {
            mt_request_outcome counted = answer(i, i % 3 ? 5 : NAN);
            all.code = mt_run_phases_count(&phases, &counted, start_ns, &all.error);
        }
        mt_run_phases_free(&phases);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_recovery_to_failures_as_before),
        cmocka_unit_test(test_recovery_needs_a_base),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("phases of a run", tests, NULL, NULL);
}
