/* Arrival processes that remember, closed ones and custom ones: long-run means, texts, memory that is out. */
#include "load_support.h"

#include "sweep.h"

#include <stdio.h>

/* ---- processes that remember ---- */

/* The mean count over many seeds against the expectation, within 4 deviations of that mean. */
static void check_mean(mt_process *process, double end, uint64_t runs) {
    double sum = 0, squares = 0;
    for (uint64_t seed = 0; seed < runs; seed++) {
        times all = run_process(process, seed, 1, end);
        sum += (double)all.count;
        squares += (double)all.count * (double)all.count;
        mt_free(all.at);
    }
    double mean = sum / (double)runs;
    double deviation = sqrt((squares / (double)runs - mean * mean) / (double)runs);
    assert_near(mean, expected_requests(process, 1, end), 4 * deviation);
}

static void test_means_are_kept(void **state) {
    (void)state;
    const double levels[] = {1, 8, 0}, dwells[] = {3, 0.5, 2};
    mt_curve *curve = mt_curve_sine(20, 15, 7, 1, NULL);
    mt_distribution *gaps = gamma_of(2);
    mt_process *all[] = {mt_process_poisson(curve, NULL),
                         mt_process_even(curve, 0.5, NULL),
                         mt_process_poisson_counts(curve, 0.25, NULL),
                         mt_process_renewal(curve, gaps, NULL),
                         mt_process_mmpp(curve, levels, dwells, 3, NULL),
                         mt_process_hawkes(curve, 0.7, 1.5, NULL)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (i == 1)
            assert_near(expected_requests(all[i], 1, 11), mt_curve_area(curve, 0, 0, 11), 1e-6);
        else
            check_mean(all[i], 11, 600);
        mt_process_release(all[i]);
    }
    mt_curve_release(curve);
    mt_distribution_release(gaps);
}

/* Levels 0 and 4 for equal times: half of the time silent, twice the rate in the other half, and a
 * mean from the first second on. */
static void test_mmpp_levels(void **state) {
    (void)state;
    const double levels[] = {0, 4}, dwells[] = {2, 2};
    mt_curve *curve = constant(30);
    mt_process *process = mt_process_mmpp(curve, levels, dwells, 2, NULL);
    enum { STREAMS = 4000 };
    double first = 0;
    for (uint64_t seed = 0; seed < STREAMS; seed++) {
        times all = run_process(process, seed, 1, 1);
        first += (double)all.count;
        mt_free(all.at);
    }
    /* Levels of 60 and 0 a second: the deviation of a count in 1 s is at most 31. */
    assert_near(first, 30.0 * STREAMS, 4 * 31 * sqrt(STREAMS));
    times all = run_process(process, 9, 1, 4000);
    double silent = 0;
    for (size_t k = 1; k < all.count; k++)
        if (all.at[k] - all.at[k - 1] > 0.25) /* e^-15 in the level of 60 */
            silent += all.at[k] - all.at[k - 1];
    assert_near(silent / 4000, 0.5, 0.06);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* Fano factor of counts over long windows: 1 / (1 - branching)^2. */
static void test_hawkes_bursts(void **state) {
    (void)state;
    enum { WINDOWS = 4000 };
    mt_curve *curve = constant(20);
    mt_process *process = mt_process_hawkes(curve, 0.5, 0.05, NULL);
    times all = run_process(process, 10, 1, WINDOWS * 5.0);
    double sum = 0, squares = 0;
    size_t k = 0;
    for (int i = 0; i < WINDOWS; i++) {
        double count = 0;
        for (; k < all.count && all.at[k] < 5.0 * (i + 1); k++)
            count++;
        sum += count;
        squares += count * count;
    }
    double mean = sum / WINDOWS;
    assert_near(mean, 100, 2);
    assert_near((squares / WINDOWS - mean * mean) / mean, 4, 0.4);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

static void test_recorded(void **state) {
    (void)state;
    mt_error error;
    const double given[] = {5, 6, 6, 8};
    mt_process *process = mt_process_recorded(given, 4, given[0], 2, 0, NULL);
    times all = run_process(process, 0, 1, 100);
    assert_int_equal(all.count, 4);
    assert_near(all.at[1], 0.5, 0);
    assert_near(all.at[3], 1.5, 0);
    assert_near(mt_process_duration(process, 1), 1.5, 1e-12);
    assert_near(mt_process_duration(process, 2), 0.75, 1e-12);
    assert_near(expected_requests(process, 1, 1.5), 3, 0);
    assert_near(expected_requests(process, 1, 100), 4, 0);
    mt_free(all.at);
    mt_process_release(process);

    process =
        mt_process_recorded(given, 4, given[0] - 2, 1, 1, NULL); /* from 2 s on, laps of 4 s */
    assert_near(expected_requests(process, 1, 2), 0, 0);
    assert_near(expected_requests(process, 1, 6.1), 5, 0);
    mt_process_release(process);
    process = mt_process_recorded(given, 4, given[0], 1, 1, NULL); /* laps of 4 s */
    all = run_process(process, 0, 1, 9);
    assert_int_equal(all.count, 9);
    assert_near(all.at[4], 4, 0);
    assert_near(all.at[8], 8, 0);
    assert_near(expected_requests(process, 1, 9), (double)all.count, 0);
    mt_free(all.at);
    mt_process_release(process);

    const double falling[] = {1, 0.5};
    assert_null(mt_process_recorded(falling, 2, falling[0], 1, 0, &error));
    assert_non_null(strstr(error.message, "request 2"));
    assert_null(mt_process_recorded(given, 0, given[0], 1, 0, &error));
    assert_null(mt_process_recorded(given, 4, given[0], 0, 0, &error));
}

static void test_closed_has_no_times(void **state) {
    (void)state;
    mt_error error;
    mt_process_expectation expectation;
    mt_distribution *think = fixed(1);
    mt_process *process = mt_process_closed(8, think, NULL);
    mt_process_context context = {.name = "main", .factor = 1, .end = 10};
    assert_true(mt_process_is_closed(process));
    assert_null(mt_process_open(process, &context, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_int_equal(mt_process_expect(process, &context, &expectation, &error), MT_ERROR_VALUE);
    mt_process_release(process);
    mt_distribution_release(think);
}

/* Users send at once, and again when they have thought about an answer; the end ends it. */
static void test_closed_waits_for_answers(void **state) {
    (void)state;
    mt_distribution *think = fixed(1.5);
    mt_process *process = mt_process_closed(2, think, NULL);
    const mt_process_context context = {.name = "main", .factor = 1, .end = 10, .live = 1};
    mt_process_state *opened = mt_process_open(process, &context, NULL);
    mt_answer answer = {.end = 6};
    mt_event first, second, event;
    double time;
    int last;
    assert_int_equal(mt_process_next(opened, &first, NULL), 1);
    assert_int_equal(mt_process_next(opened, &second, NULL), 1);
    assert_true(first.time == 0 && first.item == 0 && isnan(first.delay));
    assert_true(second.time == 0 && second.item == 1 && !second.session);
    assert_int_equal(mt_process_next(opened, &event, NULL), 0);
    assert_int_equal(mt_process_soonest(opened, &time, NULL), 0);
    assert_int_equal(mt_process_awaits(opened, &first), 1);
    assert_int_equal(mt_process_settle(opened, &second, &answer, &last, NULL), MT_OK);
    assert_true(last);
    answer.end = 4; /* later told, but sooner over */
    assert_int_equal(mt_process_settle(opened, &first, &answer, &last, NULL), MT_OK);
    assert_int_equal(mt_process_soonest(opened, &time, NULL), 1);
    assert_true(time == 5.5);
    assert_int_equal(mt_process_next(opened, &event, NULL), 1);
    assert_true(event.time == 5.5 && event.item == 2 && event.delay == 1.5);
    answer.end = 8.5; /* a user whose time is over by then stops */
    assert_int_equal(mt_process_settle(opened, &event, &answer, &last, NULL), MT_OK);
    assert_int_equal(mt_process_next(opened, &event, NULL), 1);
    assert_true(event.time == 7.5 && event.item == 3);
    answer.is_rejected = 1; /* or who leaves */
    assert_int_equal(mt_process_settle(opened, &event, &answer, &last, NULL), MT_OK);
    assert_int_equal(mt_process_next(opened, &event, NULL), 0);
    mt_process_close(opened);
    mt_process_release(process);
    mt_distribution_release(think);
}

/* A caller's own gaps: 1, 2, 3, ... tenths of a second, ten of them. */
static mt_code tenths_make(void *context, const mt_process_context *run, void **state,
                           mt_error *error) {
    (void)context;
    (void)run;
    (void)error;
    *state = calloc(1, sizeof(int));
    return *state ? MT_OK : MT_ERROR_MEMORY;
}

static mt_code tenths_next(void *state, double now, double *gap, mt_error *error) {
    (void)error;
    int k = ++*(int *)state;
    assert_near(now, 0.05 * k * (k - 1), 1e-12);
    *gap = k > 10 ? NAN : 0.1 * k;
    return MT_OK;
}

static void hold(void *context) {
    ++*(int *)context;
}

static void let_go(void *context) {
    --*(int *)context;
}

static void test_custom(void **state) {
    (void)state;
    int held = 0;
    mt_gap_source source = {&held, hold, let_go, tenths_make, tenths_next, free};
    mt_process *process = mt_process_custom(&source, NULL);
    assert_int_equal(held, 1);
    times all = run_process(process, 0, 1, 60);
    assert_int_equal(all.count, 10);
    assert_near(all.at[9], 5.5, 1e-12);
    mt_free(all.at);
    all = run_process(process, 0, 2, 1); /* twice as fast, cut */
    assert_int_equal(all.count, 5);
    assert_near(all.at[1], 0.15, 1e-12);
    mt_free(all.at);
    assert_true(isnan(expected_requests(process, 1, 60)));
    mt_process_release(process);
    assert_int_equal(held, 0);
}

static mt_process *sessions_of(mt_distribution *turns, mt_distribution *think) {
    mt_curve *curve = constant(1);
    mt_process *starts = mt_process_even(curve, 0, NULL);
    mt_session_shape shape = {.turns = turns, .think = think};
    mt_process *process = mt_process_sessions(starts, &shape, NULL);
    assert_non_null(process);
    mt_process_release(starts);
    mt_curve_release(curve);
    mt_distribution_release(turns);
    mt_distribution_release(think);
    return process;
}

/* One session a second, of three turns that are two and a half bins apart. */
static void test_expected_turns(void **state) {
    (void)state;
    enum { BINS = 10 };
    static const double wanted[BINS] = {1, 1, 1.5, 2, 2, 3, 3, 3, 3, 3};
    double found[BINS];
    mt_process *process = sessions_of(fixed(3), fixed(2.5));
    mt_process_context context = {.name = "main", .factor = 1, .end = 10};
    mt_process_bins bins = {.requests = found, .count = BINS, .horizon = 10};
    assert_int_equal(mt_process_expect_bins(process, &context, 0, &bins, NULL), MT_OK);
    for (int i = 0; i < BINS; i++)
        assert_near(found[i], wanted[i], 1e-9);
    mt_process_release(process);
}

static double growing(void *context, uint64_t seed, double time) {
    (void)context, (void)seed;
    return 1 + floor(time / 10);
}

static char *growing_text(void *context, char *buffer, size_t size) {
    (void)context;
    snprintf(buffer, size, "growing");
    return buffer;
}

/* Sessions that begin until the end of the run, with a turn more every ten seconds: 1 to 10 of them. */
static void test_expected_turns_over_time(void **state) {
    (void)state;
    const mt_parameter turns = {.at = growing, .text = growing_text};
    mt_process *process = sessions_of(mt_distribution_fixed(turns, NULL), fixed(1));
    assert_near(expected_requests(process, 1, 100), 10 * 55, 5); /* slices of 100 / 64 s */
    mt_process_release(process);
}

/* What a whole process expects is the sum of its bins. */
static void test_expected_bins(void **state) {
    (void)state;
    enum { BINS = 13 };
    double bins[BINS];
    const double recorded[] = {0, 1, 1, 5, 9};
    mt_curve *curve = mt_curve_sine(20, 15, 7, 1, NULL);
    mt_process *all[] = {mt_process_poisson(curve, NULL),
                         mt_process_poisson_counts(curve, 0.7, NULL),
                         mt_process_hawkes(curve, 0.5, 1, NULL),
                         mt_process_recorded(recorded, 5, recorded[0], 1, 0, NULL)};
    mt_process_context context = {.name = "main", .factor = 1.5, .end = 11};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double sum = 0;
        mt_process_bins over = {.requests = bins, .count = BINS, .horizon = 11};
        assert_int_equal(mt_process_expect_bins(all[i], &context, 0, &over, NULL), MT_OK);
        for (int b = 0; b < BINS; b++) {
            assert_true(bins[b] >= 0);
            sum += bins[b];
        }
        assert_near(sum, expected_requests(all[i], 1.5, 11), 1e-9);
        if (i == 0)
            assert_near(bins[4], 1.5 * mt_curve_area(curve, 0, 11 * 4.0 / BINS, 11 * 5.0 / BINS),
                        1e-9);
        mt_process_release(all[i]);
    }
    mt_curve_release(curve);
}

/* ---- texts, memory ---- */

static void test_texts(void **state) {
    (void)state;
    char text[256];
    mt_process *process = poisson_of(constant(20));
    assert_string_equal(mt_process_text(process, text, sizeof text), "poisson(const(20))");
    assert_string_equal(mt_process_text(process, text, 5), "pois");
    mt_process_release(process);
    process = renewal_of(5, gamma_of(3));
    assert_string_equal(mt_process_text(process, text, sizeof text),
                        "renewal(const(5), gamma{mean=1, cv=3})");
    mt_process_release(process);
}

typedef struct attempt_input {
    mt_curve *curve;
    mt_distribution *gaps;
    int kind;
} attempt_input;

/* A turn waits for the answer before it: as planned, or when it really came. */
static void test_answers_of_sessions(void **state) {
    (void)state;
    const double begin[] = {0};
    const mt_process_context context = {.name = "main", .factor = 1, .end = 10};
    mt_session_shape shape = {
        .turns = fixed(3), .think = fixed(2), .first_token = 0.5, .per_token = 0.1};
    mt_process *starts = mt_process_recorded(begin, 1, begin[0], 1, 0, NULL);
    mt_process *process = mt_process_sessions(starts, &shape, NULL);
    mt_process_state *opened = mt_process_open(process, &context, NULL);
    mt_answer answer = {.end = 7, .input_length = 5, .output_length = 10};
    mt_event event;
    int last;
    assert_int_equal(mt_process_next(opened, &event, NULL), 1);
    assert_true(event.time == 0 && event.turn == 0 && isnan(event.delay));
    assert_int_equal(mt_process_settle(opened, &event, &answer, &last, NULL), MT_OK);
    assert_false(last);
    assert_int_equal(mt_process_next(opened, &event, NULL), 1);
    assert_true(event.time == 9 && event.turn == 1 && event.delay == 2);
    answer.end = NAN; /* half a second, and a tenth for each of ten tokens */
    assert_int_equal(mt_process_settle(opened, &event, &answer, &last, NULL), MT_OK);
    assert_int_equal(mt_process_next(opened, &event, NULL), 1);
    assert_true(event.time == 9 + 1.5 + 2 && event.turn == 2);
    answer.is_rejected = 1;
    assert_int_equal(mt_process_settle(opened, &event, &answer, &last, NULL), MT_OK);
    assert_true(last);
    mt_free(event.session);
    assert_int_equal(mt_process_next(opened, &event, NULL), 0);
    mt_process_close(opened);
    mt_process_release(process);
    mt_process_release(starts);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
}

static mt_process *make_sessions(const attempt_input *input, mt_error *error) {
    mt_process *starts = mt_process_poisson(input->curve, error);
    mt_session_shape shape = {.turns = input->gaps, .think = input->gaps, .per_token = 0.1};
    mt_process *process = starts ? mt_process_sessions(starts, &shape, error) : NULL;
    mt_process_release(starts);
    return process;
}

static mt_process *make_kind(const attempt_input *input, mt_error *error) {
    const double numbers[] = {1, 2};
    switch (input->kind) {
    case 0:
        return mt_process_even(input->curve, 0, error);
    case 1:
        return mt_process_poisson(input->curve, error);
    case 2:
        return mt_process_poisson_counts(input->curve, 1, error);
    case 3:
        return mt_process_renewal(input->curve, input->gaps, error);
    case 4:
        return mt_process_mmpp(input->curve, numbers, numbers, 2, error);
    case 5:
        return mt_process_hawkes(input->curve, 0.5, 1, error);
    case 6:
        return mt_process_recorded(numbers, 2, numbers[0], 1, 1, error);
    default:
        return make_sessions(input, error);
    }
}

/* Runs to the end; sessions get answers of 10 tokens. */
static int run_to_end(mt_process_state *opened, mt_error *error) {
    const mt_answer answer = {.end = NAN, .input_length = 5, .output_length = 10};
    mt_event event;
    int got, last;
    while ((got = mt_process_next(opened, &event, error)) > 0) {
        if (mt_process_settle(opened, &event, &answer, &last, error) != MT_OK)
            return -1;
        if (last)
            mt_free(event.session);
    }
    return got;
}

static mt_code attempt(void *context, mt_error *error) {
    const attempt_input *input = context;
    mt_process *process = make_kind(input, error);
    if (!process)
        return mt_code_of(error);
    mt_process_context run = {.name = "main", .factor = 1, .end = 5};
    double requests[4];
    mt_process_bins bins = {.requests = requests, .count = 4, .horizon = 5};
    mt_process_state *opened = mt_process_open(process, &run, error);
    int got = opened ? run_to_end(opened, error) : -1;
    mt_process_close(opened);
    if (got == 0 && mt_process_expect_bins(process, &run, 10, &bins, error) != MT_OK)
        got = -1;
    mt_process_release(process);
    return got == 0 ? MT_OK : mt_code_of(error);
}

static void test_out_of_memory(void **state) {
    (void)state;
    attempt_input input = {.curve = constant(10), .gaps = gamma_of(2)};
    for (input.kind = 0; input.kind < 8; input.kind++)
        for (sweep all = {0}; sweep_next(&all);)
            all.code = attempt(&input, &all.error);
    mt_curve_release(input.curve);
    mt_distribution_release(input.gaps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means_are_kept),
        cmocka_unit_test(test_mmpp_levels),
        cmocka_unit_test(test_hawkes_bursts),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_closed_has_no_times),
        cmocka_unit_test(test_closed_waits_for_answers),
        cmocka_unit_test(test_custom),
        cmocka_unit_test(test_expected_bins),
        cmocka_unit_test(test_expected_turns),
        cmocka_unit_test(test_expected_turns_over_time),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_answers_of_sessions),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("process that remembers", tests, NULL, NULL);
}
