/* Requests from a radix tree: known answers, the walk's law, what is refused, what the method is known to lose on
 * the conversation trace, memory that is out. */
#include "prefix/radix/radix.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "goodness.h"
#include "prefix/cache/history.h"
#include "prefix/block/tree.h"
#include "skip_support.h"
#include "radix_support.h"
#include "sweep.h"
#include "trace/source/source.h"
#include "sampler_support.h"

/* ---- known answers ---- */

/* Core lengths doubled, tails untouched: each of the four ways is as likely, a tail has one or two
 * blocks. */
static void test_worked_example(void **state) {
    (void)state;
    enum { DRAWS = 4000 };
    static const uint64_t ways[][2] = {{2, 1}, {2, 2}, {4, 0}, {6, 0}, {6, 1}, {6, 2}};
    static const double shares[] = {.125, .125, .25, .25, .125, .125};
    double counts[6] = {0}, expected[6];
    mt_radix *radix = radix_of(worked_lists, COUNT_OF(worked_lists), BLOCK, 0);
    mt_synthesis_options options = plain_options;
    options.prefix_len_multiplier = 2;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_synthetic request = {0};
    for (int i = 0; i < DRAWS; i++) {
        next(sampler, &request);
        size_t way = 0;
        while (way < 6 && (ways[way][0] != request.context_blocks ||
                           ways[way][1] != request.hash_count - request.context_blocks))
            way++;
        assert_true(way < 6);
        counts[way]++;
    }
    for (size_t way = 0; way < 6; way++)
        expected[way] = shares[way] * DRAWS;
    assert_true(chi_square_test(counts, expected, 6) > GOODNESS_BOUND);
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
    mt_radix_sampler_free(NULL);
}

/* One path only: everything is known. */
static void test_one_path(void **state) {
    (void)state;
    static const id_list lists[] = {LIST(9, 8, 7), LIST(9, 8, 7)};
    mt_radix *radix = radix_of(lists, 2, BLOCK, 0);
    mt_radix_sampler *sampler = sampler_of(radix, &plain_options);
    mt_synthetic request = {0};
    for (int i = 0; i < 20; i++) {
        next(sampler, &request);
        assert_int_equal(request.hash_count, 3);
        assert_int_equal(request.context_blocks, 3);
        assert_memory_equal(request.hash_ids, ((uint64_t[]){0, 1, 2}), 3 * sizeof(uint64_t));
        assert_in_range(request.input_length, 2 * BLOCK + 1, 2 * BLOCK + 2);
        assert_in_range(request.output_length, 0, 1);
        assert_true(request.has_output && request.knows_blocks);
    }
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

static void test_stretch(void **state) {
    (void)state;
    assert_int_equal(mt_synthesis_stretch(7, 1), 7);
    assert_int_equal(mt_synthesis_stretch(7, 2), 14);
    assert_int_equal(mt_synthesis_stretch(3, 1.5), 4);
    assert_int_equal(mt_synthesis_stretch(1, 2.5), 2);
    assert_int_equal(mt_synthesis_stretch(3, 0.5), 2);
    assert_int_equal(mt_synthesis_stretch(4, 0.01), 1);
    assert_int_equal(mt_synthesis_stretch(1, 1e300), (uint64_t)1 << 53);
}

/* ---- the walk's law ---- */

/* A core whose nodes have 1, 2, 4, ... blocks, so that the blocks from the root on say which node a
 * path ended in. */
typedef struct planted {
    size_t parent;
    uint32_t length, ends, leaves;
} planted;

static const planted nodes_planted[] = {
    {0, 0, 0, 7},  {0, 1, 3, 1},  {0, 2, 0, 5},  {1, 4, 6, 0},
    {1, 8, 2, 11}, {2, 16, 4, 0}, {2, 32, 0, 2}, {4, 64, 9, 3},
};

enum { PLANTED = COUNT_OF(nodes_planted), PLANTED_BLOCKS = 128 };

/* The node's path, then `tail` blocks that no other request has. */
static void plant(mt_radix *radix, size_t node, uint64_t tail) {
    static uint64_t fresh = 1000000;
    uint64_t ids[PLANTED_BLOCKS];
    size_t count = 0;
    for (size_t n = node; n != 0; n = nodes_planted[n].parent)
        count += nodes_planted[n].length;
    size_t at = count;
    for (size_t n = node; n != 0; n = nodes_planted[n].parent)
        for (uint64_t i = nodes_planted[n].length; i-- > 0;)
            ids[--at] = 1000 * n + i;
    for (uint64_t i = 0; i < tail; i++)
        ids[count++] = fresh++;
    mt_request request = request_of(ids, count, 1, 1);
    assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
}

static mt_radix *planted_tree(void) {
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    for (size_t n = 0; n < PLANTED; n++) {
        for (uint32_t i = 0; i < nodes_planted[n].ends; i++)
            plant(radix, n, 0);
        for (uint32_t i = 0; i < nodes_planted[n].leaves; i++)
            plant(radix, n, 1 + i % 3);
    }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    return radix;
}

/* chance[2 * blocks] that a walk, step by step, ends in the node that so many blocks lead to;
 * chance[2 * blocks + 1] that it leaves the core there. */
static void walk(const mt_radix *radix, double *chance) {
    double through[PLANTED] = {1};
    size_t blocks[PLANTED] = {0}, count, child_count;
    const mt_radix_node *nodes = mt_radix_nodes(radix, &count);
    assert_int_equal(count, PLANTED);
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t *children = mt_radix_children(radix, n, &child_count);
        double weight = (double)nodes[n].end + nodes[n].to_leaf;
        for (size_t c = 0; c < child_count; c++)
            weight += nodes[children[c]].visited;
        for (size_t c = 0; c < child_count; c++) {
            through[children[c]] = through[n] * nodes[children[c]].visited / weight;
            blocks[children[c]] = blocks[n] + nodes[children[c]].length;
        }
        chance[2 * blocks[n]] = through[n] * nodes[n].end / weight;
        chance[2 * blocks[n] + 1] = through[n] * nodes[n].to_leaf / weight;
    }
}

static void test_law_of_walks(void **state) {
    (void)state;
    enum { DRAWS = 40000, TAILS = 3 };
    double expected[2 * PLANTED_BLOCKS] = {0}, counts[2 * PLANTED_BLOCKS] = {0};
    double tails[TAILS] = {0}, tail_shares[TAILS] = {0};
    mt_radix *radix = planted_tree();
    walk(radix, expected);
    mt_radix_sampler *sampler = sampler_of(radix, &plain_options);
    mt_synthetic request = {0};
    double with_tail = 0;
    for (int i = 0; i < DRAWS; i++) {
        next(sampler, &request);
        size_t tail = request.hash_count - request.context_blocks;
        counts[2 * request.context_blocks + (tail > 0)]++;
        if (tail > 0) {
            with_tail++;
            tails[tail - 1]++;
        }
    }
    for (size_t way = 0; way < COUNT_OF(expected); way++) {
        expected[way] *= DRAWS;
        assert_true(expected[way] > 0 || counts[way] == 0);
    }
    assert_true(chi_square_test(counts, expected, COUNT_OF(expected)) > GOODNESS_BOUND);

    size_t tail_count;
    const uint32_t *lengths = mt_radix_leaf_lengths(radix, &tail_count);
    for (size_t i = 0; i < tail_count; i++)
        tail_shares[lengths[i] - 1] += with_tail / (double)tail_count;
    assert_true(chi_square_test(tails, tail_shares, TAILS) > GOODNESS_BOUND);
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

/* Last blocks and OSLs are the trace's, each as often. */
static void test_empirical_lengths(void **state) {
    (void)state;
    enum { DRAWS = 20000, LISTS = COUNT_OF(structure_lists) };
    double remainders[LISTS] = {0}, outputs[LISTS] = {0}, expected[LISTS];
    mt_radix *radix = radix_of(structure_lists, LISTS, BLOCK, 0);
    mt_radix_sampler *sampler = sampler_of(radix, &plain_options);
    mt_synthetic request = {0};
    for (int i = 0; i < DRAWS; i++) {
        next(sampler, &request);
        uint64_t remainder = request.input_length - (request.hash_count - 1) * BLOCK;
        assert_in_range(remainder, 1, LISTS);
        assert_in_range(request.output_length, 0, LISTS - 1);
        remainders[remainder - 1]++;
        outputs[request.output_length]++;
    }
    for (size_t i = 0; i < LISTS; i++)
        expected[i] = (double)DRAWS / LISTS;
    assert_true(chi_square_test(remainders, expected, LISTS) > GOODNESS_BOUND);
    assert_true(chi_square_test(outputs, expected, LISTS) > GOODNESS_BOUND);
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

/* ---- what is refused ---- */

static void assert_refused(const mt_radix *radix, const mt_synthesis_options *options,
                           const char *message) {
    mt_error error;
    assert_null(mt_radix_sampler_new(radix, options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message, message);
}

static void test_refused(void **state) {
    (void)state;
    mt_radix *radix = radix_of(worked_lists, COUNT_OF(worked_lists), BLOCK, 0);
    mt_synthesis_options options = plain_options;
    options.prefix_len_multiplier = 0;
    assert_refused(radix, &options, "prefix length multiplier must be a positive number, not 0");
    options = plain_options;
    options.block_size = 16;
    assert_refused(radix, &options,
                   "a tree of blocks of 512 tokens makes no requests of blocks of 16");
    options = plain_options;
    options.prefix_len_multiplier = 1e9;
    assert_refused(radix, &options,
                   "requests would have up to 3000000002 blocks, and at most 134217728 are "
                   "possible: smaller multipliers or a max_isl are needed");
    options.prefix_len_multiplier = 1;
    options.prompt_len_multiplier = 1e300;
    assert_refused(radix, &options,
                   "requests would have up to 9007199254740995 blocks, and at most 134217728 are "
                   "possible: smaller multipliers or a max_isl are needed");
    mt_radix_free(radix);

    /* A request without blocks may be as long as numbers are. */
    radix = mt_radix_new(BLOCK, 0, NULL);
    mt_request request = request_of(NULL, 0, 1000, 1);
    assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    options.prompt_len_multiplier = 1e9;
    mt_radix_sampler_free(sampler_of(radix, &options));
    options.prompt_len_multiplier = 1e300;
    mt_radix_sampler_free(sampler_of(radix, &options));
    mt_radix_free(radix);
}

/* With a filter that only short requests pass, what is too long to be made is never made. */
static void test_filter_of_the_longest(void **state) {
    (void)state;
    static const id_list lists[] = {LIST(0, 1), LIST(0, 1, 2), LIST(3)};
    mt_radix *radix = radix_of(lists, 3, BLOCK, 0);
    mt_synthesis_options options = plain_options;
    options.prefix_len_multiplier = 1e300;
    options.max_isl = 5000;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_synthetic request = {0};
    for (int i = 0; i < 50; i++) {
        next(sampler, &request);
        assert_int_equal(request.hash_count, 1);
        assert_int_equal(request.hash_ids[0], i);
    }
    mt_free(request.hash_ids);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

/* So many nodes one after the other that their stretched lengths' sum is more than 2^64. */
static void test_longest_path(void **state) {
    (void)state;
    enum { DEPTH = 2100 };
    static uint64_t ids[DEPTH + 1];
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    for (size_t i = 1; i < DEPTH; i++) {
        for (size_t k = 0; k < i; k++)
            ids[k] = k;
        ids[i] = DEPTH + i;
        mt_request request = request_of(ids, i + 1, 5, 1);
        assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    assert_int_equal(mt_radix_depth(radix), DEPTH - 2);
    mt_synthesis_options options = plain_options;
    options.prefix_len_multiplier = 1e300;
    options.max_isl = 100 * BLOCK;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_synthetic request = {0};
    mt_error error;
    assert_int_equal(mt_radix_sampler_next(sampler, &request, &error), MT_ERROR_VALUE);
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

static void test_nothing_passes(void **state) {
    (void)state;
    mt_error error;
    mt_synthetic made = {0};
    mt_radix *radix = radix_of(worked_lists, COUNT_OF(worked_lists), BLOCK, 0);
    mt_synthesis_options options = plain_options;
    options.min_isl = 4000;
    options.max_isl = 5000;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    assert_int_equal(mt_radix_sampler_next(sampler, &made, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "no request has an ISL from 4000 (min_isl) to 5000 "
                                       "(max_isl): 10000 draws in a row");
    mt_radix_sampler_free(sampler);

    sampler = sampler_of(radix, &plain_options);
    mt_interrupt_flag = 1;
    assert_int_equal(mt_radix_sampler_next(sampler, &made, &error), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_radix_sampler_free(sampler);
    mt_radix_free(radix);
}

/* ---- memory ---- */

static void test_out_of_memory(void **state) {
    (void)state;
    mt_radix *radix = random_tree(4, 100, 3);
    for (uint64_t copies = 1; copies < 3; copies++) {
        for (sweep all = {0}; sweep_next(&all);) {
            mt_synthetic request = {0};
            mt_synthesis_options options = plain_options;
            options.prefix_root_multiplier = copies;
            mt_radix_sampler *sampler = mt_radix_sampler_new(radix, &options, &all.error);
            all.code = sampler ? MT_OK : all.error.code;
            for (int i = 0; all.code == MT_OK && i < 100; i++)
                all.code = mt_radix_sampler_next(sampler, &request, &all.error);
            mt_radix_sampler_free(sampler);
            mt_free(request.hash_ids);
        }
    }
    mt_radix_free(radix);
}

/* ---- the conversation trace ---- */

enum { CONVERSATION = 12031 };

static mt_source *open_conversation(void) {
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    return reader;
}

/* The largest difference of two samples' distribution functions; sorts both. */
static double distance_between(double *a, double *b, size_t count) {
    double largest = 0;
    mt_sort(a, count);
    mt_sort(b, count);
    for (size_t i = 0, j = 0; i < count && j < count;) {
        double at = fmin(a[i], b[j]);
        while (i < count && a[i] == at)
            i++;
        while (j < count && b[j] == at)
            j++;
        largest = fmax(largest, fabs((double)i - (double)j) / (double)count);
    }
    return largest;
}

/* What an LRU cache of `size` blocks would hit of a request. */
static uint64_t hits_of(const mt_touch *touch, uint64_t size) {
    uint64_t hits = 0;
    for (size_t i = 0; i < touch->run_count && touch->runs[i].distance <= size; i++)
        hits = touch->runs[i].end;
    return hits;
}

typedef struct behaviour {
    double input[CONVERSATION];
    double hit_10000, hit_30000; /* of blocks */
} behaviour;

static void sample_conversation(const mt_radix *radix, uint64_t seed, behaviour *what) {
    mt_synthesis_options options = plain_options;
    options.seed = seed;
    mt_radix_sampler *sampler = sampler_of(radix, &options);
    mt_prefix_tree *tree = mt_prefix_tree_new(NULL);
    mt_history *history = mt_history_new(NULL);
    mt_synthetic request = {0};
    uint32_t *blocks = malloc(1024 * sizeof *blocks);
    uint64_t all = 0, hits_10000 = 0, hits_30000 = 0;
    for (size_t i = 0; i < CONVERSATION; i++) {
        size_t known;
        mt_touch touch;
        next(sampler, &request);
        assert_true(request.hash_count <= 1024);
        assert_int_equal(
            mt_prefix_tree_add(tree, request.hash_ids, request.hash_count, blocks, &known, NULL),
            MT_OK);
        assert_int_equal(mt_history_touch(history, blocks, request.hash_count, known, &touch, NULL),
                         MT_OK);
        what->input[i] = (double)request.input_length;
        all += request.hash_count;
        hits_10000 += hits_of(&touch, 10000);
        hits_30000 += hits_of(&touch, 30000);
    }
    what->hit_10000 = (double)hits_10000 / (double)all;
    what->hit_30000 = (double)hits_30000 / (double)all;
    free(blocks);
    mt_free(request.hash_ids);
    mt_history_free(history);
    mt_prefix_tree_free(tree);
    mt_radix_sampler_free(sampler);
}

/* What independent draws are known to lose: short tails follow long contexts and the other way
 * round, so that ISL is far off (a lower quartile of 2306.5 becomes some 1400), and prefixes come
 * back at any time: LRU block hit ratios of 0.124 at 10 000 blocks and 0.214 at 30 000, where the
 * trace has 0.211 and 0.326. */
static void test_conversation_trace(void **state) {
    (void)state;
    enum { SEEDS = 3 };
    static double source[CONVERSATION];
    static behaviour made;
    mt_source *reader = open_conversation();
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    mt_request request;
    for (size_t i = 0; i < CONVERSATION; i++) {
        assert_int_equal(mt_source_next(reader, &request, NULL), 1);
        source[i] = (double)request.input_length;
        assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    }
    mt_source_free(reader);
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    double distance = 0, quartile = 0, hit_10000 = 0, hit_30000 = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sample_conversation(radix, seed, &made);
        distance += distance_between(source, made.input, CONVERSATION) / SEEDS;
        quartile += mt_percentile(made.input, CONVERSATION, 25) / SEEDS;
        hit_10000 += made.hit_10000 / SEEDS;
        hit_30000 += made.hit_30000 / SEEDS;
    }
    assert_in_range(100 * distance, 11, 16);
    assert_in_range(quartile, 1250, 1500);
    assert_true(fabs(hit_10000 - 0.124) < 0.008);
    assert_true(fabs(hit_30000 - 0.214) < 0.010);
    mt_radix_free(radix);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_one_path),
        cmocka_unit_test(test_stretch),
        cmocka_unit_test(test_law_of_walks),
        cmocka_unit_test(test_empirical_lengths),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_filter_of_the_longest),
        cmocka_unit_test(test_longest_path),
        cmocka_unit_test(test_nothing_passes),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_conversation_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
