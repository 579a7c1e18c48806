/* Requests from random radix trees: rules that hold whatever the options, and copies. */
#include "prefix/radix/radix.h"

#include "base/memory.h"
#include "goodness.h"
#include "prefix/block/tree.h"
#include "random/generator.h"
#include "radix_support.h"
#include "sampler_support.h"

/* Ids must be prefix ids, new ones consecutive: then the tree of prefixes gives the same numbers.
 */
static void assert_prefix_ids(mt_prefix_tree *tree, const mt_synthetic *request) {
    uint32_t *blocks = malloc(request->hash_count * sizeof *blocks);
    size_t known;
    assert_non_null(blocks);
    assert_int_equal(
        mt_prefix_tree_add(tree, request->hash_ids, request->hash_count, blocks, &known, NULL),
        MT_OK);
    for (size_t i = 0; i < request->hash_count; i++)
        assert_int_equal(blocks[i], request->hash_ids[i]);
    assert_true(known <= request->context_blocks); /* tails are never seen again */
    free(blocks);
}

static void check_rules(const mt_radix *radix, const mt_synthesis_options *options) {
    mt_radix_sampler *sampler = sampler_of(radix, options);
    mt_prefix_tree *tree = mt_prefix_tree_new(NULL);
    mt_synthetic request = {0};
    for (int i = 0; i < 300; i++) {
        next(sampler, &request);
        assert_in_range(request.input_length, options->min_isl, options->max_isl);
        assert_in_range(request.output_length, options->min_osl, options->max_osl);
        if (!request.knows_blocks) {
            assert_int_equal(request.hash_count, 0);
            assert_int_equal(request.context_blocks, 0);
            continue;
        }
        assert_true(request.hash_count >= 1);
        assert_in_range(request.input_length - (request.hash_count - 1) * BLOCK, 1, BLOCK);
        assert_prefix_ids(tree, &request);
    }
    mt_free(request.hash_ids);
    mt_prefix_tree_free(tree);
    mt_radix_sampler_free(sampler);
}

static void test_rules(void **state) {
    (void)state;
    static const double multipliers[] = {0.01, 0.5, 1, 1.5, 3, 40};
    static const uint64_t copies[] = {1, 2, 1000000000, UINT64_MAX};
    uint64_t random = 11;
    for (uint64_t round = 0; round < 40; round++) {
        mt_radix *radix =
            random_tree(random + round, 1 + (size_t)below(&random, 200), 1 + below(&random, 4));
        mt_synthesis_options options = plain_options;
        options.seed = round;
        options.prefix_len_multiplier = multipliers[below(&random, COUNT_OF(multipliers))];
        options.prompt_len_multiplier = multipliers[below(&random, COUNT_OF(multipliers))];
        options.osl_multiplier = multipliers[below(&random, COUNT_OF(multipliers))];
        options.prefix_root_multiplier = copies[below(&random, COUNT_OF(copies))];
        options.min_osl = below(&random, 100);
        options.max_osl = options.min_osl + below(&random, 200);
        check_rules(radix, &options);
        mt_radix_free(radix);
    }
    mt_radix *radix = random_tree(1, 400, 2);
    mt_synthesis_options options = plain_options;
    options.min_isl = 3 * BLOCK;
    options.max_isl = 5 * BLOCK + 17;
    check_rules(radix, &options);
    mt_radix_free(radix);
}

/* Requests without blocks come as often as in the trace, with one of its ISLs, stretched. */
static void test_without_ids(void **state) {
    (void)state;
    enum { DRAWS = 8000 };
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    for (uint64_t i = 0; i < 4; i++) {
        mt_request request = request_of((uint64_t[]){0}, i == 0, i == 1 ? 0 : 100 * i + 1, 1);
        assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    mt_synthesis_options options = plain_options;
    options.prompt_len_multiplier = 3;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_synthetic request = {0};
    double counts[4] = {0}, expected[4] = {DRAWS / 4, DRAWS / 4, DRAWS / 4, DRAWS / 4};
    for (int i = 0; i < DRAWS; i++) {
        next(sampler, &request);
        assert_int_equal(request.hash_count, request.knows_blocks ? 3 : 0);
        size_t which = request.input_length == 2 * BLOCK + 1 ? 0
                       : request.input_length == 0           ? 1
                       : request.input_length == 603         ? 2
                                                             : 3;
        assert_true(which != 3 || request.input_length == 903);
        assert_int_equal(request.knows_blocks, which == 0);
        counts[which]++;
    }
    assert_true(chi_square_test(counts, expected, 4) > GOODNESS_BOUND);
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

/* What is drawn does not depend on options that do not concern it; seeds differ. */
static void test_random_numbers(void **state) {
    (void)state;
    enum { DRAWS = 200 };
    mt_radix *radix = random_tree(2, 300, 3);
    mt_synthesis_options others[3] = {plain_options, plain_options, plain_options};
    others[0].prefix_root_multiplier = 5;
    others[1].osl_multiplier = 2;
    others[2].seed = 2;
    for (size_t k = 0; k < 3; k++) {
        mt_radix_sampler *first = sampler_of(radix, &plain_options);
        mt_radix_sampler *second = sampler_of(radix, &others[k]);
        mt_synthetic a = {0}, b = {0};
        int same = 0;
        for (int i = 0; i < DRAWS; i++) {
            next(first, &a);
            next(second, &b);
            same += a.input_length == b.input_length && a.hash_count == b.hash_count &&
                    a.context_blocks == b.context_blocks &&
                    b.output_length == a.output_length * (k == 1 ? 2 : 1);
        }
        if (k < 2)
            assert_int_equal(same, DRAWS);
        else
            assert_true(same < DRAWS / 2);
        mt_free(a.hash_ids);
        mt_free(b.hash_ids);
        mt_radix_sampler_free(first);
        mt_radix_sampler_free(second);
    }
    mt_radix_free(radix);
}

static uint64_t drawn_at(const char *purpose, uint64_t item, uint64_t bound) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "synthesize", 10, purpose, strlen(purpose)));
    mt_random_seek(&random, item);
    return mt_random_below(&random, bound);
}

/* Request k draws at item k, whatever those before it drew. */
static void test_addresses(void **state) {
    (void)state;
    enum { REQUESTS = 10 };
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        mt_request request = request_of(NULL, 0, 1 + i, 100 + i);
        assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    mt_synthesis_options options = plain_options;
    options.min_isl = 2;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_synthetic request = {0};
    int redrawn = 0;
    for (uint64_t item = 0; item < 100; item++) {
        next(sampler, &request);
        uint64_t first = drawn_at("prompt", item, REQUESTS);
        if (first == 0)
            redrawn++;
        else
            assert_int_equal(request.input_length, 1 + first);
        assert_int_equal(request.output_length, 100 + drawn_at("output", item, REQUESTS));
    }
    assert_true(redrawn > 0);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);

    static const id_list lists[] = {LIST(0), LIST(0)};
    radix = radix_of(lists, 2, BLOCK, 0);
    options = plain_options;
    options.prefix_root_multiplier = REQUESTS;
    sampler = sampler_of(radix, &options);
    uint64_t id_of[REQUESTS], next_id = 0;
    memset(id_of, 0xff, sizeof id_of);
    for (uint64_t item = 0; item < 100; item++) {
        next(sampler, &request);
        uint64_t copy = drawn_at("copy", item, REQUESTS);
        if (id_of[copy] == UINT64_MAX)
            id_of[copy] = next_id++;
        assert_int_equal(request.hash_ids[0], id_of[copy]);
    }
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

/* Three copies of one path: three sets of ids, each as often. */
static void test_copies(void **state) {
    (void)state;
    enum { DRAWS = 6000 };
    static const id_list lists[] = {LIST(0, 1), LIST(0, 1), LIST(0, 1, 2)};
    mt_radix *radix = radix_of(lists, 2, BLOCK, 0);
    mt_synthesis_options options = plain_options;
    options.prefix_root_multiplier = 3;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_synthetic request = {0};
    double counts[3] = {0}, expected[3] = {DRAWS / 3, DRAWS / 3, DRAWS / 3};
    for (int i = 0; i < DRAWS; i++) {
        next(sampler, &request);
        assert_in_range(request.hash_ids[0], 0, 5);
        assert_int_equal(request.hash_ids[0] % 2, 0);
        assert_int_equal(request.hash_ids[1], request.hash_ids[0] + 1);
        counts[request.hash_ids[0] / 2]++;
    }
    assert_true(chi_square_test(counts, expected, 3) > GOODNESS_BOUND);
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),          cmocka_unit_test(test_without_ids),
        cmocka_unit_test(test_random_numbers), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
