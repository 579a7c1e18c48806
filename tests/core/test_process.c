/* Arrival processes: even, of Poisson, renewal: known times, the laws they follow. */
#include "load_support.h"

#include "goodness.h"

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
                    mt_curve_constant(tenths / 10.0, is_endless ? (double)INFINITY : seconds, NULL);
                mt_process *process = mt_process_even(curve, 0, NULL);
                times all = run_process(process, 0, 1, is_endless ? seconds : (double)INFINITY);
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

/* What is expected is the sum of the rates at the intervals' starts, also where they repeat themselves, and where
 * a rate is below 0. */
static void test_counts_expect_every_start(void **state) {
    (void)state;
    const double intervals[] = {0.25, 1, 0.1, 40};
    const double rates[] = {3, 0, 8}, lengths[] = {2, 1.5, 0.5};
    mt_curve *steps = mt_curve_steps(rates, lengths, 3, NULL);
    mt_curve *curves[] = {mt_curve_sine(1, 2, 10, 3, NULL), mt_curve_loop(steps, 0, NULL),
                          mt_curve_sine(1, 2, 7.3, 3, NULL)};
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
            mt_process *process = mt_process_poisson_counts(curves[c], intervals[i], NULL);
            const double end = 333.2;
            double sum = 0;
            for (uint64_t k = 0; (double)k * intervals[i] < end; k++) {
                double begin = (double)k * intervals[i];
                sum += fmax(0, mt_curve_at(curves[c], 0, begin)) *
                       (fmin((double)(k + 1) * intervals[i], end) - begin);
            }
            assert_near(expected_requests(process, 1, end), sum, 1e-9);
            mt_process_release(process);
        }
        mt_curve_release(curves[c]);
    }
    mt_curve_release(steps);
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
        cmocka_unit_test(test_counts_expect_every_start),
        cmocka_unit_test(test_counts_refuse),
        cmocka_unit_test(test_renewal_from_the_first_second),
        cmocka_unit_test(test_renewal_gamma_one_is_poisson),
        cmocka_unit_test(test_renewal_stationary_start),
        cmocka_unit_test(test_renewal_cv),
        cmocka_unit_test(test_renewal_refuses),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
