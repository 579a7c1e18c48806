/* Arrival processes against theory: how counts scatter in windows of several lengths, how gaps are
 * distributed under a change of time, and the mean over time of those that remember.
 *
 * Every comparison has its bound from the sample's own standard error: 4 of them, which a right
 * process passes but for one test in 16 000; seeds are fixed. */
#include "load_support.h"

#include "goodness.h"

enum { SIGMAS = 4, WINDOWS = 4000 };

/* ---- dispersion: variance over mean of counts ---- */

/* Counts in WINDOWS windows [begin + i step, begin + i step + length) of one long run. */
static double *window_counts(mt_process *process, uint64_t seed, double begin, double length,
                             double step) {
    double *counts = calloc(WINDOWS, sizeof *counts);
    times all = run_process(process, seed, 1, begin + WINDOWS * step);
    assert_non_null(counts);
    for (size_t k = 0; k < all.count; k++) {
        double place = (all.at[k] - begin) / step;
        if (place >= 0 && place < WINDOWS && (place - floor(place)) * step < length)
            counts[(size_t)place]++;
    }
    mt_free(all.at);
    return counts;
}

/* Dispersion and its standard error by the delta method, from the central moments of the counts. */
static double dispersion_of(const double *counts, double *error) {
    double mean = 0, second = 0, third = 0, fourth = 0, n = WINDOWS;
    for (int i = 0; i < WINDOWS; i++)
        mean += counts[i] / n;
    for (int i = 0; i < WINDOWS; i++) {
        double off = counts[i] - mean;
        second += off * off / n;
        third += off * off * off / n;
        fourth += off * off * off * off / n;
    }
    double ratio = second / mean;
    double variance = (fourth - second * second) + ratio * ratio * second - 2 * ratio * third;
    *error = sqrt(variance / n) / mean;
    return ratio;
}

/* Windows apart by `gap` seconds, so that they are nearly independent. */
static void check_dispersion(mt_process *process, double length, double gap, double wanted) {
    double error;
    double *counts = window_counts(process, 11, gap, length, length + gap);
    double ratio = dispersion_of(counts, &error);
    assert_true(error < 0.1 * wanted); /* enough windows to tell */
    assert_near(ratio, wanted, SIGMAS * error);
    free(counts);
}

static void test_poisson_dispersion(void **state) {
    (void)state;
    mt_process *process = poisson_of(constant(30));
    check_dispersion(process, 0.1, 0, 1);
    check_dispersion(process, 1, 0, 1);
    check_dispersion(process, 5, 0, 1);
    mt_process_release(process);
}

/* Cox, Renewal Theory, 1962, section 4.5: a stationary count of mean m has the variance
 * cv^2 m + 1/6 + cv^4/2 - k/3 for large m, k the third central moment of a gap of mean 1: 2 cv^4 of
 * a gamma one. */
static void test_renewal_dispersion(void **state) {
    (void)state;
    const double cvs[] = {0.3, 2, 3};
    for (size_t i = 0; i < sizeof cvs / sizeof *cvs; i++) {
        double square = cvs[i] * cvs[i];
        mt_process *process = renewal_of(50, gamma_of(cvs[i]));
        check_dispersion(process, 4, 0.2 * square, square + (1 - square * square) / 6 / 200);
        check_dispersion(process, 8, 0.2 * square, square + (1 - square * square) / 6 / 400);
        mt_process_release(process);
    }
}

/* Gaps of two exponential phases: exact at every window, m/2 + (1 - exp(-4 m))/8. */
static void test_erlang_dispersion(void **state) {
    (void)state;
    const double lengths[] = {0.02, 0.1, 0.5};
    mt_process *process = renewal_of(10, gamma_of(sqrt(0.5)));
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        double mean = 10 * lengths[i];
        check_dispersion(process, lengths[i], 1, 0.5 + (1 - exp(-4 * mean)) / 8 / mean);
    }
    mt_process_release(process);
}

/* Variance that counts have beyond Poisson's when the rate's covariance is c exp(-s |lag|). */
static double beyond_poisson(double covariance, double decay, double length) {
    return 2 * covariance * (length / decay - (1 - exp(-decay * length)) / (decay * decay));
}

/* Two levels: the rate's covariance is p q (r1 - r2)^2 exp(-(a + b) |lag|) (Fischer &
 * Meier-Hellstern 1993). */
static void check_two_levels(double first, double second, double first_dwell, double second_dwell) {
    const double levels[] = {first, second}, dwells[] = {first_dwell, second_dwell};
    const double lengths[] = {0.1, 0.5, 3};
    double rate = 40, share = first_dwell / (first_dwell + second_dwell);
    double mean_level = share * first + (1 - share) * second;
    double difference = rate * (first - second) / mean_level;
    double decay = 1 / first_dwell + 1 / second_dwell;
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_mmpp(curve, levels, dwells, 2, NULL);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        double extra =
            beyond_poisson(share * (1 - share) * difference * difference, decay, lengths[i]);
        check_dispersion(process, lengths[i], 3 / decay, 1 + extra / (rate * lengths[i]));
    }
    mt_process_release(process);
    mt_curve_release(curve);
}

static void test_two_level_dispersion(void **state) {
    (void)state;
    check_two_levels(1, 4, 0.6, 0.4);
    check_two_levels(1, 0, 0.2, 0.8); /* on_off */
}

/* Three levels in turn: E[rate(u) | level] follows the chain's own equations, integrated in small
 * steps; the variance is the double integral of the covariance. */
static double three_level_variance(const double *rates, const double *dwells, double length) {
    enum { STEPS = 20000 };
    double value[3], share[3], mean = 0, total = dwells[0] + dwells[1] + dwells[2];
    double sum = 0, width = length / STEPS;
    for (int i = 0; i < 3; i++) {
        share[i] = dwells[i] / total;
        mean += share[i] * rates[i];
        value[i] = rates[i];
    }
    for (int step = 0; step < STEPS; step++) {
        double covariance = -mean * mean;
        for (int i = 0; i < 3; i++)
            covariance += share[i] * rates[i] * value[i];
        sum += 2 * (length - (step + 0.5) * width) * covariance * width;
        double first = value[0];
        for (int i = 0; i < 3; i++) {
            double next = i < 2 ? value[i + 1] : first;
            value[i] += width / dwells[i] * (next - value[i]);
        }
    }
    return mean * length + sum;
}

static void test_three_level_dispersion(void **state) {
    (void)state;
    const double levels[] = {1, 6, 0}, dwells[] = {0.5, 0.1, 0.3}, lengths[] = {0.1, 0.4, 2};
    double rates[3], rate = 60;
    for (int i = 0; i < 3; i++)
        rates[i] = rate * levels[i] / ((0.5 + 0.6) / 0.9);
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_mmpp(curve, levels, dwells, 3, NULL);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        check_dispersion(process, lengths[i], 2,
                         three_level_variance(rates, dwells, lengths[i]) / (rate * lengths[i]));
    mt_process_release(process);
    mt_curve_release(curve);
}

/* With alpha = branching/decay and beta = 1/decay the covariance density of a stationary Hawkes
 * process is m alpha (2 beta - alpha) / (2 (beta - alpha)) exp(-(beta - alpha) lag) (Hawkes 1971);
 * long windows give 1 / (1 - branching)^2. */
static void test_hawkes_dispersion(void **state) {
    (void)state;
    const double lengths[] = {0.05, 0.3, 8};
    double rate = 25, branching = 0.6, decay = 0.1;
    double alpha = branching / decay, beta = 1 / decay, fall = beta - alpha;
    double covariance = rate * alpha * (2 * beta - alpha) / (2 * fall);
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_hawkes(curve, branching, decay, NULL);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        double extra = beyond_poisson(covariance, fall, lengths[i]);
        check_dispersion(process, lengths[i], 2, 1 + extra / (rate * lengths[i]));
    }
    double limit = 1 + beyond_poisson(covariance, fall, 1e6) / (rate * 1e6);
    assert_near(limit, 1 / ((1 - branching) * (1 - branching)), 1e-4);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* ---- gaps under a change of time ---- */

static double exponential_below(const void *context, double x) {
    (void)context;
    return x > 0 ? -expm1(-x) : 0;
}

static double gamma_below(const void *context, double x) {
    double below, above, shape = *(const double *)context;
    mt_gamma_split(shape, fmax(0, x) * shape, &below, &above);
    return below;
}

/* Areas of the curve between requests, the one before the first left out; freed by the caller. */
static double *area_gaps(mt_process *process, const times *all) {
    double before = 0;
    double *gaps = calloc(all->count, sizeof *gaps);
    mt_clock *clock = mt_clock_open(mt_process_curve(process), 0, 1, INFINITY, NULL);
    assert_non_null(gaps);
    for (size_t k = 0; k < all->count; k++) {
        double area;
        assert_int_equal(mt_clock_area(clock, all->at[k], &area, NULL), MT_OK);
        if (k > 0)
            gaps[k - 1] = area - before;
        before = area;
    }
    mt_clock_close(clock);
    return gaps;
}

static void test_renewal_gaps_on_a_sine(void **state) {
    (void)state;
    double cv = 2, shape = 1 / (cv * cv);
    mt_curve *curve = mt_curve_sine(100, 90, 13, 4, NULL);
    mt_distribution *distribution = mt_distribution_gamma(mt_number(7), mt_number(cv), NULL);
    mt_process *process = mt_process_renewal(curve, distribution, NULL);
    times all = run_process(process, 21, 1, 1000);
    double *gaps = area_gaps(process, &all);
    assert_true(all.count > 90000);
    assert_true(kolmogorov_test(gaps, all.count - 1, gamma_below, &shape) > GOODNESS_BOUND);
    free(gaps);
    mt_free(all.at);
    mt_process_release(process);
    mt_distribution_release(distribution);
    mt_curve_release(curve);
}

/* Poisson arrivals switched on and off are a renewal process, whose gaps mix two exponentials
 * (Kuczura, "The interrupted Poisson process as an overflow process", 1973). */
typedef struct two_exponentials {
    double weight, fast, slow;
} two_exponentials;

static double two_exponentials_below(const void *context, double x) {
    const two_exponentials *mix = context;
    return 1 - mix->weight * exp(-mix->fast * x) - (1 - mix->weight) * exp(-mix->slow * x);
}

static void test_on_off_gaps(void **state) {
    (void)state;
    const double levels[] = {1, 0}, dwells[] = {2, 3};
    double rate = 20 * (2 + 3) / 2.0, leave = 1 / 2.0, back = 1 / 3.0;
    double sum = rate + leave + back, root = sqrt(sum * sum - 4 * rate * back);
    two_exponentials mix = {.fast = (sum + root) / 2, .slow = (sum - root) / 2};
    mix.weight = (rate - mix.slow) / root;
    mt_curve *curve = constant(20);
    mt_process *process = mt_process_mmpp(curve, levels, dwells, 2, NULL);
    times all = run_process(process, 22, 1, 10000);
    double *gaps = area_gaps(process, &all);
    for (size_t k = 0; k + 1 < all.count; k++)
        gaps[k] /= 20; /* back to seconds */
    assert_true(kolmogorov_test(gaps, all.count - 1, two_exponentials_below, &mix) >
                GOODNESS_BOUND);
    free(gaps);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* By the random time change (Papangelou 1972) the integrals of the rate given the past, between
 * requests, are exponential: what is left of the children still to come is `excited`. */
static void test_hawkes_gaps(void **state) {
    (void)state;
    double branching = 0.7, decay = 0.8, excited = 0;
    mt_curve *curve = mt_curve_sine(50, 40, 30, 7, NULL);
    mt_process *process = mt_process_hawkes(curve, branching, decay, NULL);
    times all = run_process(process, 23, 1, 2000);
    double *gaps = area_gaps(process, &all);
    assert_true(all.count > 80000);
    for (size_t k = 0; k + 1 < all.count; k++) {
        double left = (excited + branching) * exp(-(all.at[k + 1] - all.at[k]) / decay);
        gaps[k] = (1 - branching) * gaps[k] + (excited + branching - left);
        excited = left;
    }
    assert_true(kolmogorov_test(gaps, all.count - 1, exponential_below, NULL) > GOODNESS_BOUND);
    free(gaps);
    mt_free(all.at);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* ---- low rates ---- */

/* 360 +- 76: 4 deviations of sqrt(360). A generator that rounds up to one request a second would
 * make ten times as many. */
static void test_low_rates_stay_low(void **state) {
    (void)state;
    mt_process *process = poisson_of(constant(0.1));
    for (uint64_t seed = 0; seed < 20; seed++) {
        times all = run_process(process, seed, 1, 3600);
        assert_near((double)all.count, 360, 76);
        mt_free(all.at);
    }
    mt_process_release(process);
}

/* ---- means over time of what remembers ---- */

enum { BINS = 12 };

/* Counts of one run in BINS bins over [0, horizon); sessions are given answers of 50 tokens. */
static void count_bins(mt_process *process, uint64_t seed, double horizon, double *counts) {
    mt_process_context context = {.seed = seed, .name = "main", .factor = 1, .end = horizon};
    mt_event event;
    int got;
    mt_process_state *opened = mt_process_open(process, &context, NULL);
    assert_non_null(opened);
    memset(counts, 0, BINS * sizeof *counts);
    while ((got = mt_process_next(opened, &event, NULL)) > 0) {
        const mt_answer answer = {.end = NAN, .input_length = 10, .output_length = 50};
        int last;
        if (event.time < horizon)
            counts[(size_t)(event.time / horizon * BINS)]++;
        assert_int_equal(mt_process_settle(opened, &event, &answer, &last, NULL), MT_OK);
        if (last)
            mt_free(event.session);
    }
    assert_int_equal(got, 0);
    mt_process_close(opened);
}

/* Every bin's mean over many seeds is what is expected of it. */
static void check_bins(mt_process *process, double horizon, uint64_t runs) {
    double wanted[BINS], counts[BINS], sums[BINS] = {0}, squares[BINS] = {0}, n = (double)runs;
    mt_process_context context = {.name = "main", .factor = 1, .end = horizon};
    mt_process_bins bins = {.requests = wanted, .count = BINS, .horizon = horizon};
    assert_int_equal(mt_process_expect_bins(process, &context, 50, &bins, NULL), MT_OK);
    for (uint64_t seed = 0; seed < runs; seed++) {
        count_bins(process, seed, horizon, counts);
        for (int i = 0; i < BINS; i++) {
            sums[i] += counts[i];
            squares[i] += counts[i] * counts[i];
        }
    }
    for (int i = 0; i < BINS; i++) {
        double mean = sums[i] / n;
        assert_near(mean, wanted[i], SIGMAS * sqrt((squares[i] / n - mean * mean) / n));
    }
    mt_process_release(process);
}

/* A step: the process follows it smoothed by its memory. */
static mt_curve *step_curve(void) {
    const double rates[] = {5, 40}, durations[] = {12, 12};
    mt_curve *curve = mt_curve_steps(rates, durations, 2, NULL);
    assert_non_null(curve);
    return curve;
}

static void test_hawkes_follows_the_smoothed_curve(void **state) {
    (void)state;
    mt_curve *curve = step_curve();
    check_bins(mt_process_hawkes(curve, 0.6, 1, NULL), 24, 1500);
    mt_curve_release(curve);
}

static void test_levels_follow_the_curve(void **state) {
    (void)state;
    const double levels[] = {1, 5, 0}, dwells[] = {3, 1, 2};
    mt_curve *curve = step_curve();
    check_bins(mt_process_mmpp(curve, levels, dwells, 3, NULL), 24, 3000);
    mt_curve_release(curve);
}

/* Turns 2 s + 0.5 s + 50 * 0.03 s = 4 s apart, two bins: exact. */
static void test_sessions_follow_their_starts(void **state) {
    (void)state;
    mt_session_shape shape = {.turns = mt_distribution_geometric(mt_number(3), NULL),
                              .think = fixed(2),
                              .first_token = 0.5,
                              .per_token = 0.03};
    mt_process *starts = poisson_of(step_curve());
    mt_process *process = mt_process_sessions(starts, &shape, NULL);
    assert_non_null(process);
    mt_process_release(starts);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
    check_bins(process, 24, 1500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poisson_dispersion),
        cmocka_unit_test(test_renewal_dispersion),
        cmocka_unit_test(test_erlang_dispersion),
        cmocka_unit_test(test_two_level_dispersion),
        cmocka_unit_test(test_three_level_dispersion),
        cmocka_unit_test(test_hawkes_dispersion),
        cmocka_unit_test(test_renewal_gaps_on_a_sine),
        cmocka_unit_test(test_on_off_gaps),
        cmocka_unit_test(test_hawkes_gaps),
        cmocka_unit_test(test_low_rates_stay_low),
        cmocka_unit_test(test_hawkes_follows_the_smoothed_curve),
        cmocka_unit_test(test_levels_follow_the_curve),
        cmocka_unit_test(test_sessions_follow_their_starts),
    };
    return cmocka_run_group_tests_name("process laws", tests, NULL, NULL);
}
