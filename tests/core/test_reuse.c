/* Prompts that come back when the source's did: what holds exactly after whole laps, what caches
 * make of them, rules that hold whatever the options, odd sources, memory that is out. */
#include "prefix/reuse/reuse.h"

#include "base/interrupt.h"
#include "prefix/reuse/population.h"
#include "skip_support.h"
#include "reuse_support.h"
#include "sweep.h"
#include "trace/reader.h"

static mt_reuse *reuse_of(mt_model *model, const mt_synthesis_options *options) {
    mt_error error = {0};
    mt_reuse *reuse = mt_reuse_new(model, options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(reuse);
    return reuse;
}

static void next(mt_reuse *reuse, mt_synthetic *made) {
    mt_error error = {0};
    mt_code code = mt_reuse_next(reuse, made, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(code, MT_OK);
}

static mt_synthesis_options with_seed(uint64_t seed) {
    mt_synthesis_options options = plain_options;
    options.seed = seed;
    return options;
}

/* ---- rules ------------------------------------------------------------------------------------
 */

/* Requests made so far. */
typedef struct made_trace {
    caches caches;
    uint8_t *is_last; /* by id: it was said that it never comes back */
    size_t capacity;
} made_trace;

static void open_made(made_trace *all) {
    *all = (made_trace){0};
    open_caches(&all->caches);
}

static void close_made(made_trace *all) {
    close_caches(&all->caches);
    mt_free(all->is_last);
}

/* Ids are prefix ids, numbered by first appearance: those that the tree finds when it looks at the
 * paths alone. Only what may come back does. */
static void assert_ids(made_trace *all, const mt_synthetic *made) {
    touch_caches(&all->caches, made->hash_ids, made->hash_count);
    assert_true(all->caches.known <= made->lasting_blocks);
    for (size_t i = 0; i < made->hash_count; i++) {
        uint64_t id = made->hash_ids[i];
        assert_int_equal(id, all->caches.path[i]);
        assert_int_equal(MT_GROW(all->is_last, all->capacity, (size_t)id + 1), 0);
        assert_true(i >= all->caches.known || !all->is_last[id]);
        all->is_last[id] = i >= made->lasting_blocks;
    }
}

/* The blocks fit the ISL, and the ISL the bounds. */
static void assert_rules(made_trace *all, const mt_synthetic *made,
                         const mt_synthesis_options *options) {
    uint64_t size = options->block_size;
    assert_true(made->input_length >= options->min_isl && made->input_length <= options->max_isl);
    assert_int_equal(made->knows_blocks, made->hash_count > 0);
    assert_true(made->context_blocks <= made->hash_count);
    assert_true(made->lasting_blocks <= made->context_blocks);
    assert_ids(all, made);
    if (made->hash_count == 0)
        return;
    assert_true(made->input_length > (made->hash_count - 1) * size);
    assert_true(made->input_length <= made->hash_count * size);
}

static void check_rules(mt_model *model, const mt_synthesis_options *options, uint64_t requests) {
    made_trace all;
    mt_synthetic made = {0};
    mt_reuse *reuse = reuse_of(model, options);
    open_made(&all);
    while (requests-- > 0) {
        next(reuse, &made);
        assert_rules(&all, &made, options);
    }
    close_made(&all);
    mt_free(made.hash_ids);
    mt_reuse_free(reuse);
}

static void test_rules(void **state) {
    (void)state;
    static const double multipliers[] = {1, 0.3, 2.5, 1e-9, 20};
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_model *model = model_of_kind((source_kind)kind, 250, 1);
        for (int p = 0; p < 25; p++) {
            mt_synthesis_options options = with_seed(1 + (uint64_t)p);
            options.prefix_len_multiplier = multipliers[p / 5];
            options.prompt_len_multiplier = multipliers[p % 5];
            options.prefix_root_multiplier = 1 + (uint64_t)p % 3;
            check_rules(model, &options, 600);
        }
        mt_model_release(model);
    }
}

/* What others came back to may be filtered out; nobody may be left to begin with. */
static void test_rules_of_filtered(void **state) {
    (void)state;
    static const double multipliers[] = {1, 0.4, 3};
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_model *model = model_of_kind((source_kind)kind, 400, 2);
        for (uint64_t p = 0; p < 18; p++) {
            mt_synthesis_options options = with_seed(1 + p);
            options.prefix_len_multiplier = multipliers[p % 3];
            options.min_isl = (uint64_t)((double)(p / 3 * 60) * multipliers[p % 3]);
            options.max_isl = p / 9 ? UINT64_MAX : options.min_isl + 2000;
            check_rules(model, &options, 1200);
        }
        mt_model_release(model);
    }
}

/* ---- laps -------------------------------------------------------------------------------------
 */

static int compare_pairs(const void *a, const void *b) {
    return memcmp(a, b, 2 * sizeof(uint64_t));
}

/* Every (ISL, OSL) of the source as often, and as many blocks that had been there before. */
static void test_laps(void **state) {
    (void)state;
    enum { REQUESTS = 900 };
    static source trace;
    static uint64_t source_pairs[REQUESTS][2], pairs[REQUESTS][2];
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        made_trace all;
        caches source_caches;
        mt_synthetic made = {0};
        make_source(&trace, (source_kind)kind, REQUESTS, 3);
        mt_model *model = model_of(&trace);
        mt_reuse *reuse = reuse_of(model, &plain_options);
        mt_model_release(model); /* which is still the synthesiser's */
        open_made(&all);
        open_caches(&source_caches);
        for (size_t r = 0; r < REQUESTS; r++) {
            source_pairs[r][0] = trace.input[r];
            source_pairs[r][1] = r + 1;
            touch_caches(&source_caches, trace.ids[r], trace.blocks[r]);
        }
        qsort(source_pairs, REQUESTS, sizeof *source_pairs, compare_pairs);
        for (uint64_t lap = 1; lap <= 3; lap++) {
            for (size_t r = 0; r < REQUESTS; r++) {
                next(reuse, &made);
                assert_rules(&all, &made, &plain_options);
                assert_int_equal(made.lasting_blocks, made.context_blocks);
                assert_true(made.has_output);
                pairs[r][0] = made.input_length;
                pairs[r][1] = made.output_length;
            }
            qsort(pairs, REQUESTS, sizeof *pairs, compare_pairs);
            assert_memory_equal(pairs, source_pairs, sizeof pairs);
            assert_int_equal(all.caches.infinite, lap * source_caches.infinite);
            assert_int_equal(all.caches.all, lap * source_caches.all);
        }
        close_made(&all);
        close_caches(&source_caches);
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
    }
}

/* ---- caches -----------------------------------------------------------------------------------
 */

static double difference(const caches *a, const caches *b, int size) {
    return (double)a->hits[size] / (double)a->all - (double)b->hits[size] / (double)b->all;
}

static mt_trace_reader *open_conversation(void) {
    mt_trace_reader *reader =
        mt_trace_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    return reader;
}

/* Adds what the source's caches and those of what is made differ by, as shares of the blocks. */
static void add_differences(const source *trace, mt_model *model, uint64_t seed, size_t times,
                            double *differences) {
    caches from, all;
    mt_synthetic made = {0};
    mt_synthesis_options options = with_seed(seed);
    mt_reuse *reuse = reuse_of(model, &options);
    open_caches(&from);
    open_caches(&all);
    for (size_t r = 0; r < trace->count; r++)
        touch_caches(&from, trace->ids[r], trace->blocks[r]);
    for (size_t r = 0; r < trace->count * times; r++) {
        next(reuse, &made);
        touch_caches(&all, made.hash_ids, made.hash_count);
    }
    for (int j = 0; j < CACHES; j++)
        differences[j] += difference(&all, &from, j);
    close_caches(&from);
    close_caches(&all);
    mt_free(made.hash_ids);
    mt_reuse_free(reuse);
}

static double largest(const double *differences, double seeds) {
    double most = 0;
    for (int j = 0; j < CACHES; j++)
        most = fmax(most, fabs(differences[j]) / seeds);
    return most;
}

/* LRU caches of twenty sizes: mean over the seeds 1 to 3 at equal length, seed 1 at four times the
 * length. Such short sources leave little choice: on longer ones the differences are smaller. */
static void test_caches(void **state) {
    (void)state;
    static source trace;
    static const double bound[SOURCE_KINDS] = {0.004, 0.001, 0.006};
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        double equal[CACHES] = {0}, longer[CACHES] = {0};
        make_source(&trace, (source_kind)kind, SOURCE_REQUESTS, 4);
        mt_model *model = model_of(&trace);
        for (uint64_t seed = 1; seed <= 3; seed++)
            add_differences(&trace, model, seed, 1, equal);
        add_differences(&trace, model, 1, 4, longer);
        mt_model_release(model);
        assert_true(largest(equal, 3) < bound[kind]);
        assert_true(largest(longer, 1) < bound[kind]);
    }
}

/* Requests come back when those of the source did that they are made after: mean error of the log
 * distance of the deepest shared block, where less than 150 blocks are all alike. */
static void test_distances(void **state) {
    (void)state;
    static source trace;
    static uint64_t wanted[SOURCE_REQUESTS];
    static const double bound[SOURCE_KINDS] = {0.06, 0.001, 0.18};
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        caches from, all;
        mt_synthetic made = {0};
        double apart = 0;
        uint32_t shared = 0;
        make_source(&trace, (source_kind)kind, SOURCE_REQUESTS, 11);
        mt_model *model = model_of(&trace);
        mt_reuse *reuse = reuse_of(model, &plain_options);
        open_caches(&from);
        open_caches(&all);
        for (size_t r = 0; r < trace.count; r++) {
            touch_caches(&from, trace.ids[r], trace.blocks[r]);
            wanted[r] = from.distance;
        }
        for (size_t r = 0; r < trace.count; r++) {
            next(reuse, &made);
            touch_caches(&all, made.hash_ids, made.hash_count);
            double distance = (double)wanted[made.output_length - 1];
            apart += fabs(log(fmax((double)all.distance, 150) / fmax(distance, 150)));
            shared += all.known > 0;
        }
        assert_true(apart / shared < bound[kind]);
        close_caches(&from);
        close_caches(&all);
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
        mt_model_release(model);
    }
}

/* The conversation trace at equal length: caches of all sizes within half a point, mean over the
 * seeds 1 to 3; the infinite one to the block. */
static void test_conversation_trace(void **state) {
    (void)state;
    enum { REQUESTS = 12031, SEEDS = 3, TOKENS = 512 };
    mt_trace_reader *reader = open_conversation();
    mt_learner *learner = mt_learner_new(TOKENS, NULL);
    mt_request request;
    caches from, all;
    double differences[CACHES] = {0};
    open_caches(&from);
    while (mt_trace_next(reader, &request, NULL) > 0) {
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
        touch_caches(&from, request.hash_ids, request.hash_count);
    }
    mt_trace_close(reader);
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    assert_int_equal(model->count, REQUESTS);
    for (uint64_t k = 0; k < SEEDS; k++) {
        mt_synthesis_options options = with_seed(1 + k);
        mt_synthetic made = {0};
        options.block_size = TOKENS;
        mt_reuse *reuse = reuse_of(model, &options);
        open_caches(&all);
        for (size_t r = 0; r < REQUESTS; r++) {
            next(reuse, &made);
            touch_caches(&all, made.hash_ids, made.hash_count);
        }
        assert_int_equal(all.infinite, from.infinite);
        assert_int_equal(all.all, from.all);
        for (int j = 0; j < CACHES; j++)
            differences[j] += difference(&all, &from, j);
        close_caches(&all);
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
    }
    assert_true(largest(differences, SEEDS) < 0.005);
    close_caches(&from);
    mt_model_release(model);
}

/* ---- a new trace ------------------------------------------------------------------------------
 */

/* Pairs of neighbouring requests that are a pair of neighbours of the source. */
static void test_neighbours(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_model *model = model_of_kind((source_kind)kind, 2000, 5);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            mt_synthesis_options options = with_seed(seed);
            mt_reuse *reuse = reuse_of(model, &options);
            mt_synthetic made = {0};
            uint64_t before = 0, pairs = 0;
            for (int r = 0; r < 2000; r++) {
                next(reuse, &made);
                pairs += r > 0 && made.output_length == before + 1;
                before = made.output_length;
            }
            assert_true(pairs < 20); /* 1 in 100 */
            mt_free(made.hash_ids);
            mt_reuse_free(reuse);
        }
        mt_model_release(model);
    }
}

/* Requests of the second that are not the first's. */
static uint32_t differing(mt_model *model, const mt_synthesis_options *a,
                          const mt_synthesis_options *b) {
    mt_reuse *one = reuse_of(model, a), *other = reuse_of(model, b);
    mt_synthetic x = {0}, y = {0};
    uint32_t count = 0;
    for (int r = 0; r < 1000; r++) {
        next(one, &x);
        next(other, &y);
        count += x.input_length != y.input_length || x.output_length != y.output_length ||
                 x.hash_count != y.hash_count ||
                 memcmp(x.hash_ids, y.hash_ids, x.hash_count * sizeof *x.hash_ids) != 0;
    }
    mt_free(x.hash_ids);
    mt_free(y.hash_ids);
    mt_reuse_free(one);
    mt_reuse_free(other);
    return count;
}

static void test_random_numbers(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 400, 6);
    mt_synthesis_options one = with_seed(1), other = with_seed(2);
    assert_int_equal(differing(model, &one, &one), 0);
    assert_true(differing(model, &one, &other) > 950);
    one.prefix_root_multiplier = other.prefix_root_multiplier = 3;
    assert_int_equal(differing(model, &one, &one), 0);
    assert_true(differing(model, &one, &other) > 950);
    mt_model_release(model);
}

/* ---- populations ------------------------------------------------------------------------------
 */

/* Who makes a request is drawn at its own place, each as likely; ids are of one population only,
 * and each population makes what it would make by itself. */
static void test_populations(void **state) {
    (void)state;
    enum { COPIES = 4, REQUESTS = 2000, IDS = REQUESTS * SOURCE_BLOCKS };
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 300, 7);
    mt_synthesis_options options = with_seed(3);
    mt_reuse_items items = {0};
    mt_reuse_population alone[COPIES];
    mt_synthetic made = {0}, by_itself = {0};
    mt_random copies;
    uint64_t made_by[COPIES] = {0}, next_id[COPIES] = {0};
    uint8_t *owner = calloc(IDS, 1);
    uint64_t *own_id = calloc(IDS, sizeof *own_id);
    options.prefix_root_multiplier = COPIES;
    mt_reuse *reuse = reuse_of(model, &options);
    memset(alone, 0, sizeof alone);
    assert_int_equal(mt_reuse_items_make(&items, model, &options, NULL), MT_OK);
    for (uint64_t p = 0; p < COPIES; p++)
        assert_int_equal(mt_reuse_population_open(&alone[p], &items, 3, p, NULL), MT_OK);
    mt_random_start(&copies, mt_random_key_of(3, "synthesize", 10, "copy", 4));
    for (uint64_t r = 0; r < REQUESTS; r++) {
        mt_random_seek(&copies, r);
        uint64_t p = mt_random_below(&copies, COPIES);
        next(reuse, &made);
        assert_int_equal(mt_reuse_population_next(&alone[p], &next_id[p], &by_itself, NULL), MT_OK);
        assert_int_equal(made.input_length, by_itself.input_length);
        assert_int_equal(made.output_length, by_itself.output_length);
        assert_int_equal(made.hash_count, by_itself.hash_count);
        for (size_t i = 0; i < made.hash_count; i++) {
            uint64_t id = made.hash_ids[i];
            assert_true(id < IDS);
            assert_true(owner[id] == 0 || owner[id] == p + 1);
            assert_true(owner[id] == 0 || own_id[id] == by_itself.hash_ids[i]);
            owner[id] = (uint8_t)(p + 1);
            own_id[id] = by_itself.hash_ids[i];
        }
        made_by[p]++;
    }
    for (int p = 0; p < COPIES; p++) { /* 500 each, standard deviation 19.4: five of them */
        assert_in_range(made_by[p], 403, 597);
        mt_reuse_population_free(&alone[p]);
    }
    free(owner);
    free(own_id);
    mt_free(made.hash_ids);
    mt_free(by_itself.hash_ids);
    mt_reuse_items_free(&items);
    mt_reuse_free(reuse);
    mt_model_release(model);
}

/* ---- odd sources ------------------------------------------------------------------------------
 */

/* Makes a model of `count` requests that all have the blocks 1 .. blocks; numbered from r * apart
 * on. */
static mt_model *model_of_alike(size_t count, uint64_t blocks, uint64_t apart) {
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    for (uint64_t r = 0; r < count; r++) {
        uint64_t ids[8];
        for (uint64_t i = 0; i < blocks; i++)
            ids[i] = r * apart + i;
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                              .input_length = blocks > 0 ? blocks * BLOCK : 77,
                              .hash_ids = ids,
                              .hash_count = blocks};
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    return model;
}

static void test_odd_sources(void **state) {
    (void)state;
    enum { MADE = 200 };
    static const struct {
        size_t count;
        uint64_t blocks, apart, distinct; /* distinct blocks of MADE requests */
    } odd[] = {{1, 3, 0, 3 * MADE},       /* one request, alone in each lap */
               {50, 3, 0, 3 * 4},         /* identical: all of a lap come back to its first */
               {50, 3, 8, 3 * MADE},      /* no repetition */
               {50, 0, 0, 0}};            /* no ids */
    for (size_t m = 0; m < sizeof odd / sizeof *odd; m++) {
        made_trace all;
        mt_synthetic made = {0};
        mt_model *model = model_of_alike(odd[m].count, odd[m].blocks, odd[m].apart);
        mt_reuse *reuse = reuse_of(model, &plain_options);
        open_made(&all);
        for (int r = 0; r < MADE; r++) {
            next(reuse, &made);
            assert_rules(&all, &made, &plain_options);
            assert_int_equal(made.hash_count, odd[m].blocks);
            assert_int_equal(made.input_length, odd[m].blocks > 0 ? 3 * BLOCK : 77);
            assert_false(made.has_output);
        }
        assert_int_equal(all.caches.all - all.caches.infinite, odd[m].distinct);
        close_made(&all);
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
        mt_model_release(model);
    }
}

/* Three requests of one length, the third of unknown blocks. */
static mt_model *model_of_length(uint64_t length, uint64_t block_size) {
    static const uint64_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8};
    mt_learner *learner = mt_learner_new(block_size, NULL);
    for (uint64_t r = 0; r < 3; r++) {
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                                     (r < 2 ? MT_HAS_HASH_IDS : 0),
                              .input_length = length,
                              .output_length = length,
                              .hash_ids = ids,
                              .hash_count = r < 2 ? 1 + (length - 1) / block_size : 0};
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    return model;
}

/* 2^53 tokens, in eight blocks or in a part of one. */
static void test_large_numbers(void **state) {
    (void)state;
    const uint64_t longest = (uint64_t)1 << 53;
    for (int power = 50; power <= 60; power += 10) {
        mt_synthesis_options options = plain_options;
        options.block_size = (uint64_t)1 << power;
        mt_model *model = model_of_length(longest, options.block_size);
        check_rules(model, &options, 30);
        options.prompt_len_multiplier = 1e9; /* nothing is unique; what is unknown is cut */
        options.osl_multiplier = 1e9;
        check_rules(model, &options, 30);
        mt_model_release(model);
    }
}

/* ---- refused ----------------------------------------------------------------------------------
 */

static void assert_refused(mt_model *model, const mt_synthesis_options *options,
                           const char *message) {
    mt_error error = {0};
    assert_null(mt_reuse_new(model, options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message, message);
    assert_null(mt_reuse_new(model, options, NULL));
    assert_int_equal(model->references, 1);
}

static void test_refused(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_DOCUMENTS, 100, 8);
    mt_synthesis_options options = plain_options;
    options.block_size = 512;
    assert_refused(model, &options, "the model's block size is 16, not 512");
    options = plain_options;
    options.prompt_len_multiplier = 0;
    assert_refused(model, &options, "prompt length multiplier must be a positive number, not 0");
    options = plain_options;
    options.prefix_len_multiplier = 1e9;
    assert_refused(model, &options,
                   "requests would have more than 134217728 blocks, or 2^53 tokens: smaller "
                   "multipliers or a max_isl are needed");
    options.max_isl = 1;
    assert_refused(model, &options,
                   "no request has an ISL from 0 (min_isl) to 1 (max_isl): 10000 draws in a row");
    mt_model_release(model);
    mt_reuse_free(NULL);
}

/* One population of 100 descriptions takes 21 096 bytes. */
static void test_too_many_populations(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_DOCUMENTS, 100, 8);
    mt_synthesis_options options = plain_options;
    options.prefix_root_multiplier = 203592;
    assert_refused(model, &options,
                   "a prefix root multiplier of 203592 is too much for the reuse method: with this "
                   "source at most 203591 populations fit into 4 GiB");
    options.prefix_root_multiplier = UINT64_MAX;
    assert_refused(model, &options,
                   "a prefix root multiplier of 18446744073709551615 is too much for the reuse "
                   "method: with this source at most 203591 populations fit into 4 GiB");
    options.prefix_root_multiplier = 203591;
    check_rules(model, &options, 50);
    mt_model_release(model);
}

static void test_interrupt(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_DOCUMENTS, 100, 9);
    mt_reuse *reuse = reuse_of(model, &plain_options);
    mt_synthetic made = {0};
    mt_error error;
    for (int r = 0; r < 10; r++)
        next(reuse, &made);
    mt_interrupt_flag = 1;
    mt_code code = mt_reuse_next(reuse, &made, &error);
    mt_interrupt_flag = 0;
    assert_int_equal(code, MT_ERROR_INTERRUPTED);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_free(made.hash_ids);
    mt_reuse_free(reuse);
    mt_model_release(model);
}

/* ---- memory that is out -----------------------------------------------------------------------
 */

static void test_out_of_memory(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 80, 10);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_synthesis_options options = plain_options;
        mt_synthetic made = {0};
        options.prefix_root_multiplier = 2;
        mt_reuse *reuse = mt_reuse_new(model, &options, &all.error);
        all.code = reuse ? MT_OK : all.error.code;
        for (int r = 0; all.code == MT_OK && r < 300; r++)
            all.code = mt_reuse_next(reuse, &made, &all.error);
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
        assert_int_equal(model->references, 1);
    }
    mt_model_release(model);
}

/* Forgetting takes memory too: after many requests, none is left from some time on. */
static void test_out_of_memory_late(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 80, 10);
    for (int made_before = 8185; made_before < 8195; made_before++) {
        mt_error error = {.code = MT_OK};
        mt_synthetic made = {0};
        mt_reuse *reuse = reuse_of(model, &plain_options);
        for (int r = 0; r < made_before; r++)
            next(reuse, &made);
        mt_memory_fail_at(1, 1);
        mt_code code = MT_OK;
        for (int r = 0; code == MT_OK && r < 20000; r++)
            code = mt_reuse_next(reuse, &made, &error);
        mt_memory_fail_at(0, 0);
        if (made_before <= 8191) {
            assert_int_equal(code, MT_ERROR_MEMORY);
            assert_int_equal(error.code, MT_ERROR_MEMORY);
        }
        mt_free(made.hash_ids);
        mt_reuse_free(reuse);
    }
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_rules_of_filtered),
        cmocka_unit_test(test_laps),
        cmocka_unit_test(test_caches),
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_conversation_trace),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_populations),
        cmocka_unit_test(test_odd_sources),
        cmocka_unit_test(test_large_numbers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many_populations),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_out_of_memory_late),
    };
    return cmocka_run_group_tests_name("reuse", tests, NULL, NULL);
}
