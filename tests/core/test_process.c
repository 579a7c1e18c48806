/* Arrival processes: known times, the laws they follow, long-run means, memory that is out. */
#include "load_support.h"

#include "goodness.h"
#include "sweep.h"

#include <stdio.h>

enum { MANY = 1000000 };

/* ---- even ---- */

static void test_even_known_times(void **state) {
    (void)state;
    mt_curve *curve = constant(10);
    mt_process *process = mt_process_even(curve, 0, NULL);
    times all = run_process(process, 0, 1, 60);
    assert_int_equal(all.count, 600);
    for (size_t k = 0; k < all.count; k++)
        assert_near(all.at[k], (double)k / 10, 1e-12);
    mt_free(all.at);
    mt_process_release(process);

    process = mt_process_even(curve, 0.25, NULL);
    all = run_process(process, 0, 1, 60);
    assert_int_equal(all.count, 600);
    assert_near(all.at[0], 0.025, 1e-15);
    assert_near(all.at[599], 59.925, 1e-11);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* Area t^2/2 of a ramp from 0 to 10 in 10 s: t_k = sqrt(2 k). */
static void test_even_on_a_ramp(void **state) {
    (void)state;
    mt_curve *curve = mt_curve_ramp(0, 10, 10, NULL);
    mt_process *process = mt_process_even(curve, 0, NULL);
    times all = run_process(process, 0, 1, 100);
    assert_int_equal(all.count, 50);
    for (size_t k = 0; k < all.count; k++)
        assert_near(all.at[k], sqrt(2 * (double)k), 1e-9);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* A tenth of a number of requests a second, for so many seconds: as many as the product says, wherever
 * rounding puts the one that would come at the end. Cut by the run and by the curve. */
static void test_even_counts(void **state) {
    (void)state;
    for (int tenths = 1; tenths < 100; tenths++)
        for (int seconds = 10; seconds <= 100; seconds += 10)
            for (int is_endless = 0; is_endless < 2; is_endless++) {
                mt_curve *curve =
                    mt_curve_constant(tenths / 10.0, is_endless ? INFINITY : seconds, NULL);
                mt_process *process = mt_process_even(curve, 0, NULL);
                times all = run_process(process, 0, 1, is_endless ? seconds : INFINITY);
                assert_int_equal(all.count, tenths * seconds / 10);
                mt_free(all.at);
                mt_process_release(process);
                mt_curve_release(curve);
            }
}

static void test_even_refuses(void **state) {
    (void)state;
    mt_error error;
    mt_curve *curve = constant(1);
    assert_null(mt_process_even(curve, 1, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "phase"));
    assert_null(mt_process_even(curve, -0.1, &error));
    assert_null(mt_process_even(curve, NAN, &error));
    mt_curve_release(curve);
}

/* ---- poisson ---- */

static double exponential_below(const void *context, double x) {
    (void)context;
    return x > 0 ? -expm1(-x) : 0;
}

/* Turns times into the curve's areas between them. */
static void to_area_gaps(times *all, mt_curve *curve, double end) {
    mt_clock *clock = mt_clock_open(curve, 0, 1, end, NULL);
    double before = 0;
    for (size_t k = 0; k < all->count; k++) {
        double area;
        assert_int_equal(mt_clock_area(clock, all->at[k], &area, NULL), MT_OK);
        all->at[k] = area - before;
        before = area;
    }
    mt_clock_close(clock);
}

static void check_exponential(times *all) {
    double sum = 0, squares = 0, largest = 0, n = (double)all->count;
    for (size_t k = 0; k < all->count; k++) {
        sum += all->at[k];
        squares += all->at[k] * all->at[k];
        largest = fmax(largest, all->at[k]);
    }
    double mean = sum / n;
    assert_near(mean, 1, 0.005);
    assert_near(sqrt(squares / n - mean * mean) / mean, 1, 0.01);
    assert_true(largest > 10);
    assert_true(kolmogorov_test(all->at, all->count, exponential_below, NULL) > GOODNESS_BOUND);
}

static void test_poisson_gaps(void **state) {
    (void)state;
    mt_process *process = poisson_of(constant(1000));
    times all = run_process(process, 1, 1, MANY / 1000.0);
    assert_near((double)all.count, MANY, 4 * 1000); /* 4 standard deviations */
    to_area_gaps(&all, mt_process_curve(process), INFINITY);
    check_exponential(&all);
    mt_free(all.at);
    mt_process_release(process);
}

static void test_poisson_on_a_sine(void **state) {
    (void)state;
    enum { BINS = 50 };
    double counts[BINS] = {0}, expected[BINS];
    double end = 1000;
    mt_process *process = poisson_of(mt_curve_sine(1000, 800, 130, 20, NULL));
    times all = run_process(process, 2, 1, end);
    for (size_t k = 0; k < all.count; k++)
        counts[(size_t)(all.at[k] / end * BINS)]++;
    for (int i = 0; i < BINS; i++)
        expected[i] =
            mt_curve_area(mt_process_curve(process), 0, end * i / BINS, end * (i + 1) / BINS);
    assert_true(chi_square_test(counts, expected, BINS) > GOODNESS_BOUND);
    to_area_gaps(&all, mt_process_curve(process), end);
    check_exponential(&all);
    mt_free(all.at);
    mt_process_release(process);
}

/* A quiet half minute, then a short storm: the integral comes, whatever the gap before was. */
static void test_poisson_after_silence(void **state) {
    (void)state;
    enum { RUNS = 200 };
    const double rates[] = {0.05, 50}, durations[] = {30, 5};
    double total = 0, storm = 0, integral = 30 * 0.05 + 5 * 50.0;
    mt_curve *curve = mt_curve_steps(rates, durations, 2, NULL);
    mt_process *process = poisson_of(curve);
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        times all = run_process(process, seed, 1, 60);
        total += (double)all.count;
        for (size_t k = 0; k < all.count; k++)
            storm += all.at[k] >= 30;
        mt_free(all.at);
    }
    assert_near(total, RUNS * integral, 4 * sqrt(RUNS * integral));
    assert_near(storm, RUNS * 250.0, 4 * sqrt(RUNS * 250.0));
    mt_process_release(process);
}

/* The same draws at every scale: request k comes when the area reaches the same s_k. */
static void test_scale_keeps_the_draws(void **state) {
    (void)state;
    mt_process *process = poisson_of(constant(20));
    times once = run_process(process, 7, 1, 60), twice = run_process(process, 7, 2, 30);
    assert_int_equal(once.count, twice.count);
    for (size_t k = 0; k < once.count; k++)
        assert_near(twice.at[k], once.at[k] / 2, 1e-12);
    mt_free(once.at);
    mt_free(twice.at);
    mt_process_release(process);
}

static void test_seeds_and_names_differ(void **state) {
    (void)state;
    mt_process *process = poisson_of(constant(20));
    times first = run_process(process, 1, 1, 60), second = run_process(process, 2, 1, 60),
          again = run_process(process, 1, 1, 60);
    assert_int_equal(first.count, again.count);
    assert_memory_equal(first.at, again.at, first.count * sizeof *first.at);
    assert_true(first.at[0] != second.at[0]);
    mt_event event;
    mt_process_context other = {.seed = 1, .name = "other", .factor = 1, .end = 60};
    mt_process_state *opened = mt_process_open(process, &other, NULL);
    assert_int_equal(mt_process_next(opened, &event, NULL), 1);
    assert_true(first.at[0] != event.time);
    mt_process_close(opened);
    mt_free(first.at);
    mt_free(second.at);
    mt_free(again.at);
    mt_process_release(process);
}

/* A rate that is no number is an error that names its time. */
static void test_not_a_number(void **state) {
    (void)state;
    mt_error error;
    mt_event event;
    mt_curve *zero = mt_curve_ramp(5, -5, 10, NULL), *one = constant(1);
    mt_curve *curve = mt_curve_divide(one, zero, NULL);
    mt_process *process = poisson_of(curve);
    mt_process_context context = {.name = "main", .factor = 1, .end = 10};
    mt_process_state *opened = mt_process_open(process, &context, &error);
    int got = 1;
    while (opened && got > 0)
        got = mt_process_next(opened, &event, &error);
    assert_true(!opened || got < 0);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "t = "));
    mt_process_close(opened);
    mt_process_release(process);
    mt_curve_release(zero);
    mt_curve_release(one);
}

/* ---- poisson_counts ---- */

/* Every interval's requests stand evenly from its start, to the last bit. */
static void check_even_inside(const times *all, double interval, double end) {
    size_t k = 0;
    for (int i = 0; i * interval < end; i++) {
        double begin = i * interval, stop = fmin((i + 1) * interval, end);
        size_t count = 0;
        while (k + count < all->count && all->at[k + count] < stop)
            count++;
        for (size_t j = 0; j < count; j++)
            assert_near(all->at[k + j], begin + (stop - begin) * (double)j / (double)count, 0);
        k += count;
    }
    assert_int_equal(k, all->count);
}

static void test_counts_are_even_inside(void **state) {
    (void)state;
    mt_curve *curve = mt_curve_sine(7.5, 2.5, 10, 2.5, NULL);
    mt_process *process = mt_process_poisson_counts(curve, 1, NULL);
    times all = run_process(process, 3, 1, 100.5);
    check_even_inside(&all, 1, 100.5);
    /* Rates at the intervals' starts, the last of them half a second. */
    double expected = 0;
    for (int i = 0; i < 100; i++)
        expected += mt_curve_at(curve, 0, i);
    expected += mt_curve_at(curve, 0, 100) * 0.5;
    assert_near(expected_requests(process, 1, 100.5), expected, 1e-9);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

static void test_counts_are_poisson(void **state) {
    (void)state;
    enum { INTERVALS = 100000, MOST = 40 };
    double counts[MOST] = {0}, expected[MOST];
    mt_curve *curve = constant(12);
    mt_process *process = mt_process_poisson_counts(curve, 1, NULL);
    times all = run_process(process, 4, 1, INTERVALS);
    size_t k = 0;
    for (int i = 0; i < INTERVALS; i++) {
        size_t count = 0;
        while (k < all.count && all.at[k] < i + 1) {
            count++;
            k++;
        }
        counts[count < MOST ? count : MOST - 1]++;
    }
    double p = exp(-12), left = INTERVALS;
    for (int n = 0; n < MOST; n++) {
        expected[n] = n == MOST - 1 ? left : p * INTERVALS;
        left -= expected[n];
        p *= 12.0 / (n + 1);
    }
    assert_true(chi_square_test(counts, expected, MOST) > GOODNESS_BOUND);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

static void test_counts_refuse(void **state) {
    (void)state;
    mt_error error;
    mt_curve *curve = constant(1e12);
    assert_null(mt_process_poisson_counts(curve, 0, &error));
    assert_non_null(strstr(error.message, "interval"));
    assert_null(mt_process_poisson_counts(curve, INFINITY, &error));
    mt_process *process = mt_process_poisson_counts(curve, 1, NULL);
    mt_process_context context = {.name = "main", .factor = 1, .end = 10};
    mt_process_state *opened = mt_process_open(process, &context, NULL);
    mt_event event;
    assert_int_equal(mt_process_next(opened, &event, &error), -1);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    mt_process_close(opened);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* ---- renewal ---- */

static mt_distribution *gamma_of(double cv) {
    return mt_distribution_gamma(mt_number(1), mt_number(cv), NULL);
}

/* Gaps are released; the curve is a constant rate. */
static mt_process *renewal_of(double rate, mt_distribution *gaps) {
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_renewal(curve, gaps, NULL);
    assert_non_null(process);
    mt_curve_release(curve);
    mt_distribution_release(gaps);
    return process;
}

/* The curve's mean holds in every second, the first one included, for any gaps. */
static void check_first_second(mt_process *process, double tolerance) {
    enum { STREAMS = 2000, SECONDS = 4 };
    double counts[SECONDS] = {0};
    for (uint64_t seed = 0; seed < STREAMS; seed++) {
        times all = run_process(process, seed, 1, SECONDS);
        for (size_t k = 0; k < all.count; k++)
            counts[(size_t)all.at[k]]++;
        mt_free(all.at);
    }
    for (int i = 0; i < SECONDS; i++)
        assert_near(counts[i], STREAMS * 50.0, tolerance);
    mt_process_release(process);
}

static void test_renewal_from_the_first_second(void **state) {
    (void)state;
    /* Variance of a count in 1 s at most rate * cv^2 and a little: 4 deviations of the sum. */
    check_first_second(renewal_of(50, gamma_of(3)), 4000);
    check_first_second(renewal_of(50, gamma_of(0.3)), 1000);
    check_first_second(renewal_of(50, mt_distribution_lognormal(mt_number(7), mt_number(2), NULL)),
                       4000);
    check_first_second(renewal_of(50, mt_distribution_weibull(mt_number(1), mt_number(0.6), NULL)),
                       4000);
    check_first_second(renewal_of(50, fixed(3)), 200);
}

static void test_renewal_gamma_one_is_poisson(void **state) {
    (void)state;
    mt_process *process = renewal_of(1000, gamma_of(1));
    times all = run_process(process, 5, 1, MANY / 1000.0);
    to_area_gaps(&all, mt_process_curve(process), INFINITY);
    check_exponential(&all);
    mt_free(all.at);
    mt_process_release(process);
}

/* The first gap of fixed gaps is uniform on (0, 1) of them; all others are fixed. */
static double uniform_below(const void *context, double x) {
    (void)context;
    return fmin(fmax(x, 0), 1);
}

static void test_renewal_stationary_start(void **state) {
    (void)state;
    enum { STREAMS = 2000 };
    double first[STREAMS];
    mt_process *process = renewal_of(4, fixed(9));
    for (uint64_t seed = 0; seed < STREAMS; seed++) {
        times all = run_process(process, seed, 1, 10);
        first[seed] = 4 * all.at[0];
        for (size_t k = 1; k < all.count; k++)
            assert_near(all.at[k] - all.at[k - 1], 0.25, 1e-9);
        mt_free(all.at);
    }
    assert_true(kolmogorov_test(first, STREAMS, uniform_below, NULL) > GOODNESS_BOUND);
    mt_process_release(process);
}

static void test_renewal_cv(void **state) {
    (void)state;
    mt_process *process = renewal_of(100, gamma_of(2));
    times all = run_process(process, 6, 1, 5000);
    double sum = 0, squares = 0, n = (double)all.count - 1;
    for (size_t k = 1; k < all.count; k++) {
        double gap = all.at[k] - all.at[k - 1];
        sum += gap;
        squares += gap * gap;
    }
    assert_near(n, 500000, 4 * 2 * sqrt(500000)); /* deviation of a count: cv * sqrt(count) */
    assert_near(sqrt(squares / n / (sum / n * sum / n) - 1), 2, 0.03);
    mt_free(all.at);
    mt_process_release(process);
}

static void test_renewal_refuses(void **state) {
    (void)state;
    mt_error error;
    mt_curve *curve = constant(1);
    mt_distribution *normal = mt_distribution_normal(mt_number(1), mt_number(1), NULL);
    mt_distribution *zero = fixed(0);
    assert_null(mt_process_renewal(curve, normal, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "normal{"));
    assert_null(mt_process_renewal(curve, zero, &error));
    mt_distribution_release(normal);
    mt_distribution_release(zero);
    mt_curve_release(curve);
}

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
    mt_process *process = mt_process_recorded(given, 4, 2, 0, NULL);
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

    process = mt_process_recorded(given, 4, 1, 1, NULL); /* laps of 4 s */
    all = run_process(process, 0, 1, 9);
    assert_int_equal(all.count, 9);
    assert_near(all.at[4], 4, 0);
    assert_near(all.at[8], 8, 0);
    assert_near(expected_requests(process, 1, 9), (double)all.count, 0);
    mt_free(all.at);
    mt_process_release(process);

    const double falling[] = {1, 0.5};
    assert_null(mt_process_recorded(falling, 2, 1, 0, &error));
    assert_non_null(strstr(error.message, "request 2"));
    assert_null(mt_process_recorded(given, 0, 1, 0, &error));
    assert_null(mt_process_recorded(given, 4, 0, 0, &error));
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
    mt_process *all[] = {
        mt_process_poisson(curve, NULL), mt_process_poisson_counts(curve, 0.7, NULL),
        mt_process_hawkes(curve, 0.5, 1, NULL), mt_process_recorded(recorded, 5, 1, 0, NULL)};
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
    mt_process *starts = mt_process_recorded(begin, 1, 1, 0, NULL);
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
        return mt_process_recorded(numbers, 2, 1, 1, error);
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
        cmocka_unit_test(test_even_known_times),
        cmocka_unit_test(test_even_on_a_ramp),
        cmocka_unit_test(test_even_counts),
        cmocka_unit_test(test_even_refuses),
        cmocka_unit_test(test_poisson_gaps),
        cmocka_unit_test(test_poisson_on_a_sine),
        cmocka_unit_test(test_poisson_after_silence),
        cmocka_unit_test(test_scale_keeps_the_draws),
        cmocka_unit_test(test_seeds_and_names_differ),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_counts_are_even_inside),
        cmocka_unit_test(test_counts_are_poisson),
        cmocka_unit_test(test_counts_refuse),
        cmocka_unit_test(test_renewal_from_the_first_second),
        cmocka_unit_test(test_renewal_gamma_one_is_poisson),
        cmocka_unit_test(test_renewal_stationary_start),
        cmocka_unit_test(test_renewal_cv),
        cmocka_unit_test(test_renewal_refuses),
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
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
