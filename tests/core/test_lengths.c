/* Lengths: rounding and limits, classes by weights that change, means against draws. */
#include "load_support.h"

#include "goodness.h"
#include "sweep.h"
#include "load/lengths.h"

static mt_random random_at(uint64_t seed) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, "test", 4, "lengths", 7));
    return random;
}

/* output NAN: none. */
static mt_lengths *pair_of(double input, double output) {
    mt_length_pair pair = {.input = fixed(input), .output = isnan(output) ? NULL : fixed(output)};
    mt_lengths *lengths = mt_lengths_pair(&pair, NULL);
    mt_distribution_release(pair.input);
    mt_distribution_release(pair.output);
    return lengths;
}

static mt_length_draw draw_one(mt_lengths *lengths, double time) {
    mt_random random = random_at(0);
    mt_length_draw draw;
    mt_lengths_state *state = mt_lengths_open(lengths, 0, 10, NULL);
    assert_int_equal(mt_lengths_draw(state, &random, &(mt_length_event){.time = time}, &draw, NULL),
                     MT_OK);
    mt_lengths_close(state);
    return draw;
}

static void test_whole_tokens(void **state) {
    (void)state;
    assert_int_equal(mt_whole_tokens(2.4, 1), 2);
    assert_int_equal(mt_whole_tokens(2.5, 1), 3);
    assert_int_equal(mt_whole_tokens(-7, 1), 1);
    assert_int_equal(mt_whole_tokens(-7, 0), 0);
    assert_int_equal(mt_whole_tokens(0.4, 0), 0);
    assert_int_equal(mt_whole_tokens(0.5, 0), 1);
    assert_int_equal(mt_whole_tokens(nextafter(0.5, 0), 0), 0); /* half more would round up to 1 */
    assert_int_equal(mt_whole_tokens(4503599627370495.5, 0), (uint64_t)1 << 52);
    assert_int_equal(mt_whole_tokens(9007199254740991, 0), ((uint64_t)1 << 53) - 1);
    assert_int_equal(mt_whole_tokens(INFINITY, 0), (uint64_t)1 << 53);
    assert_int_equal(mt_whole_tokens(NAN, 1), 1);
    assert_int_equal(mt_whole_tokens(1e300, 1), (uint64_t)1 << 53);
}

static void test_limits(void **state) {
    (void)state;
    const double given[][4] = {{99.5, 20.4, 100, 20}, {0.2, 0.2, 1, 0}, {-5, -5, 1, 0}};
    for (size_t i = 0; i < 3; i++) {
        mt_lengths *lengths = pair_of(given[i][0], given[i][1]);
        mt_length_draw draw = draw_one(lengths, 0);
        assert_near((double)draw.input, given[i][2], 0);
        assert_near((double)draw.output, given[i][3], 0);
        assert_true(draw.has_output);
        mt_lengths_release(lengths);
    }
    mt_lengths *lengths = pair_of(7, NAN);
    assert_false(draw_one(lengths, 0).has_output);
    mt_lengths_release(lengths);
}

static void test_not_finite(void **state) {
    (void)state;
    mt_error error;
    mt_random random = random_at(0);
    mt_length_draw draw;
    mt_distribution *one = fixed(1e308);
    mt_length_pair pair = {.input = mt_distribution_affine(one, 1e10, 0, NULL)};
    mt_lengths *lengths = mt_lengths_pair(&pair, NULL);
    mt_lengths_state *opened = mt_lengths_open(lengths, 0, 10, NULL);
    assert_int_equal(mt_lengths_draw(opened, &random, &(mt_length_event){.time = 3}, &draw, &error),
                     MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "input"));
    assert_non_null(strstr(error.message, "t = 3 s"));
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
    mt_distribution_release(pair.input);
    mt_distribution_release(one);
}

/* Two classes with weights t and 10 - t. */
static mt_lengths *crossing(void) {
    mt_length_pair pairs[2] = {{.input = fixed(100), .output = fixed(10)},
                               {.input = fixed(900), .input_is_new = 1}};
    mt_curve *weights[2] = {mt_curve_ramp(0, 10, 10, NULL), mt_curve_ramp(10, 0, 10, NULL)};
    mt_lengths *lengths = mt_lengths_classes(pairs, weights, 2, NULL);
    mt_distribution_release(pairs[0].input);
    mt_distribution_release(pairs[0].output);
    mt_distribution_release(pairs[1].input);
    mt_curve_release(weights[0]);
    mt_curve_release(weights[1]);
    return lengths;
}

static void test_classes_over_time(void **state) {
    (void)state;
    enum { DRAWS = 100000, BINS = 10 };
    double firsts[BINS] = {0}, expected[BINS] = {0};
    size_t *classes = mt_allocate_zero(DRAWS, sizeof *classes);
    mt_lengths *lengths = crossing();
    assert_int_equal(mt_lengths_class_count(lengths), 2);
    assert_true(mt_lengths_vary(lengths));
    mt_lengths_state *opened = mt_lengths_open(lengths, 0, 10, NULL);
    mt_random random = random_at(3);
    for (int i = 0; i < DRAWS; i++) {
        double time = 10.0 * i / DRAWS;
        mt_length_draw draw;
        mt_random_seek(&random, (uint64_t)i);
        assert_int_equal(
            mt_lengths_draw(opened, &random, &(mt_length_event){.time = time}, &draw, NULL), MT_OK);
        assert_int_equal(draw.input, draw.class_index ? 900 : 100);
        assert_int_equal(draw.input_is_new, draw.class_index);
        assert_int_equal(draw.has_output, !draw.class_index);
        firsts[(size_t)time] += draw.class_index == 0;
        expected[(size_t)time] += time / 10;
        classes[i] = draw.class_index;
    }
    /* Back in time, as turns of a live run go: the same draws at the same times. */
    for (int i = DRAWS - 1; i >= 0; i -= 7) {
        mt_length_draw draw;
        mt_random_seek(&random, (uint64_t)i);
        mt_length_event event = {.time = 10.0 * i / DRAWS};
        assert_int_equal(mt_lengths_draw(opened, &random, &event, &draw, NULL), MT_OK);
        assert_int_equal(draw.class_index, classes[i]);
    }
    mt_free(classes);
    assert_true(chi_square_test(firsts, expected, BINS) > GOODNESS_BOUND);
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
}

static void test_means(void **state) {
    (void)state;
    mt_lengths_mean mean;
    double shared[2] = {0, 500}, shares[2];
    mt_lengths *lengths = crossing();
    assert_int_equal(mt_lengths_mean_at(lengths, 0, 2.5, shared, shares, &mean, NULL), MT_OK);
    assert_near(shares[0], 0.25, 1e-12);
    assert_near(shares[1], 0.75, 1e-12);
    assert_near(mean.input, 0.25 * 100 + 0.75 * 1400, 1e-9);
    assert_near(mean.output_share, 0.25, 1e-12);
    assert_near(mean.output, 10, 1e-12);
    assert_near(mean.inside, 0, 0);
    shared[0] = 100; /* the first class's whole prompts are the shared part */
    assert_int_equal(mt_lengths_mean_at(lengths, 0, 2.5, shared, shares, &mean, NULL), MT_OK);
    assert_near(mean.inside, 0.25, 1e-12);
    mt_lengths_release(lengths);
}

/* Rounded and clamped draws have the mean that is promised. */
static void test_mean_of_draws(void **state) {
    (void)state;
    enum { DRAWS = 200000 };
    mt_length_pair pair = {.input = mt_distribution_lognormal(mt_number(3), mt_number(2), NULL),
                           .output = mt_distribution_normal(mt_number(1), mt_number(2), NULL)};
    mt_lengths *lengths = mt_lengths_pair(&pair, NULL);
    mt_lengths_mean mean;
    double none = 0, share;
    assert_int_equal(mt_lengths_mean_at(lengths, 0, 0, &none, &share, &mean, NULL), MT_OK);
    mt_lengths_state *opened = mt_lengths_open(lengths, 0, 10, NULL);
    mt_random random = random_at(4);
    double input = 0, output = 0, squares = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        mt_length_draw draw;
        mt_random_seek(&random, i);
        mt_lengths_draw(opened, &random, &(mt_length_event){.time = 0}, &draw, NULL);
        input += (double)draw.input;
        squares += (double)draw.input * (double)draw.input;
        output += (double)draw.output;
    }
    double n = DRAWS, deviation = sqrt((squares / n - input / n * (input / n)) / n);
    assert_near(input / n, mean.input, 4 * deviation);
    assert_near(output / n, mean.output, 4 * 1.5 / sqrt(n));
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
    mt_distribution_release(pair.input);
    mt_distribution_release(pair.output);
}

/* One class, of weight 1 for 10 s and 0 for another 10. */
static mt_lengths *fading(void) {
    const double values[] = {1, 0}, durations[] = {10, 10};
    mt_length_pair pair = {.input = fixed(100)};
    mt_curve *weight = mt_curve_steps(values, durations, 2, NULL);
    mt_lengths *lengths = mt_lengths_classes(&pair, &weight, 1, NULL);
    mt_distribution_release(pair.input);
    mt_curve_release(weight);
    return lengths;
}

static void test_no_weight(void **state) {
    (void)state;
    mt_error error;
    mt_random random = random_at(0);
    mt_length_draw draw;
    mt_lengths *lengths = fading();
    mt_lengths_state *opened = mt_lengths_open(lengths, 0, 20, NULL);
    assert_int_equal(mt_lengths_draw(opened, &random, &(mt_length_event){.time = 9}, &draw, &error),
                     MT_OK);
    assert_int_equal(
        mt_lengths_draw(opened, &random, &(mt_length_event){.time = 11}, &draw, &error),
        MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "t = 11 s"));
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
    assert_null(mt_lengths_classes(NULL, NULL, 0, &error));
}

/* A weight must last as long as requests begin, and holds on for the turns after that. */
static void test_weights_that_end(void **state) {
    (void)state;
    enum { DRAWS = 1000 };
    mt_error error;
    mt_random random = random_at(7);
    mt_lengths *lengths = crossing();
    assert_null(mt_lengths_open(lengths, 0, 10.01, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "class 1 ends at 10 s"));
    mt_lengths_state *opened = mt_lengths_open(lengths, 0, 10, NULL);
    for (uint64_t i = 0; i < DRAWS; i++) {
        mt_length_draw draw;
        mt_random_seek(&random, i);
        assert_int_equal(
            mt_lengths_draw(opened, &random, &(mt_length_event){.time = 12}, &draw, NULL), MT_OK);
        assert_int_equal(draw.class_index, 0); /* 10 to 0 at the end */
    }
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
}

/* Pairs of a trace are drawn whole. */
static void test_recorded(void **state) {
    (void)state;
    enum { DRAWS = 30000 };
    const uint64_t inputs[] = {10, 20, 30}, outputs[] = {1, UINT64_MAX, 3};
    double counts[3] = {0}, expected[3] = {DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0};
    mt_lengths *lengths = mt_lengths_recorded(inputs, outputs, 3, NULL);
    assert_true(mt_lengths_gives_input(lengths, 0));
    mt_lengths_state *opened = mt_lengths_open(lengths, 0, 10, NULL);
    mt_random random = random_at(9);
    for (uint64_t i = 0; i < DRAWS; i++) {
        mt_length_draw draw;
        mt_random_seek(&random, i);
        assert_int_equal(
            mt_lengths_draw(opened, &random, &(mt_length_event){.time = 0}, &draw, NULL), MT_OK);
        size_t k = draw.input / 10 - 1;
        assert_int_equal(draw.has_output, k != 1);
        assert_int_equal(draw.output, k == 1 ? 0 : outputs[k]);
        assert_false(draw.input_is_new);
        counts[k]++;
    }
    assert_true(chi_square_test(counts, expected, 3) > GOODNESS_BOUND);
    mt_lengths_mean mean;
    double none = 0, share;
    assert_int_equal(mt_lengths_mean_at(lengths, 0, 0, &none, &share, &mean, NULL), MT_OK);
    assert_near(mean.input, 20, 1e-12);
    assert_near(mean.output, 2, 1e-12);
    assert_near(mean.output_share, 2.0 / 3, 1e-12);
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
    mt_error error;
    assert_null(mt_lengths_recorded(inputs, outputs, 0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
}

static mt_code attempt(void *context, mt_error *error) {
    (void)context;
    mt_random random = random_at(0);
    mt_length_draw draw;
    mt_length_pair pair = {.input = mt_distribution_fixed(mt_number(3), error)};
    if (!pair.input)
        return mt_code_of(error);
    mt_curve *weight = mt_curve_constant(1, INFINITY, error);
    mt_lengths *lengths = weight ? mt_lengths_classes(&pair, &weight, 1, error) : NULL;
    mt_distribution_release(pair.input);
    mt_curve_release(weight);
    mt_lengths_state *opened = lengths ? mt_lengths_open(lengths, 0, INFINITY, error) : NULL;
    mt_code code =
        opened ? mt_lengths_draw(opened, &random, &(mt_length_event){.time = 0}, &draw, error)
               : mt_code_of(error);
    mt_lengths_close(opened);
    mt_lengths_release(lengths);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(NULL, &all.error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_tokens), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_not_finite),   cmocka_unit_test(test_classes_over_time),
        cmocka_unit_test(test_means),        cmocka_unit_test(test_mean_of_draws),
        cmocka_unit_test(test_no_weight),    cmocka_unit_test(test_weights_that_end),
        cmocka_unit_test(test_recorded),     cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("lengths", tests, NULL, NULL);
}
