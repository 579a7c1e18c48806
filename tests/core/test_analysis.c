/* Prefix analysis: cases by hand, a plain slow version beside it, the conversation trace to all
 * digits, what is refused, memory that is out. */
#include "prefix/analysis/analysis.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/source/source.h"
#include "skip_support.h"
#include "trace_support.h"
#include "sweep.h"

#include <math.h>
#include <sys/resource.h>

enum { BLOCK = 512, MOST_BLOCKS = 16 };

static const unsigned all_members = MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_HASH_IDS;

static mt_request request_of(uint64_t input, uint64_t output, const uint64_t *ids, size_t count) {
    return (mt_request){.has = all_members,
                        .input_length = input,
                        .output_length = output,
                        .hash_ids = ids,
                        .hash_count = count,
                        .line = 7};
}

static mt_analysis *new_analysis(void) {
    mt_analysis *analysis = mt_analysis_new(BLOCK, NULL);
    assert_non_null(analysis);
    return analysis;
}

static void add(mt_analysis *analysis, uint64_t input, const uint64_t *ids, size_t count) {
    mt_request request = request_of(input, 1, ids, count);
    assert_int_equal(mt_analysis_check(analysis, &request, NULL), MT_OK);
    assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
}

static mt_analysis_result finish(mt_analysis *analysis) {
    mt_analysis_result result;
    assert_int_equal(mt_analysis_finish(analysis, &result, NULL), MT_OK);
    return result;
}

/* ISL 1000 [0, 1], 1500 [0, 1, 2], 600 [3, 4], 1024 [0, 1]: contexts 1000 (all repeated), 1024, 0,
 * 1024 (all); hits 0, 2/3, 0, 1. */
static void test_by_hand(void **state) {
    (void)state;
    mt_analysis *analysis = new_analysis();
    add(analysis, 1000, (uint64_t[]){0, 1}, 2);
    add(analysis, 1500, (uint64_t[]){0, 1, 2}, 3);
    add(analysis, 600, (uint64_t[]){3, 4}, 2);
    add(analysis, 1024, (uint64_t[]){0, 1}, 2);
    mt_analysis_result result = finish(analysis);
    assert_int_equal(result.requests, 4);
    assert_int_equal(result.blocks, 9);
    assert_int_equal(result.distinct_pairs, 5);
    assert_true(result.input_length.mean == 1031);
    assert_true(result.context_length.sum == 3048);
    assert_true(result.context_length.min == 0);
    assert_true(result.context_length.median == 1012);
    assert_true(result.context_length.max == 1024);
    assert_true(result.unique_prompt_length.sum == 1076);
    assert_true(result.unique_prompt_length.max == 600);
    assert_true(result.theoretical_hit_rate.min == 0);
    assert_true(result.theoretical_hit_rate.median == (2.0 / 3) / 2);
    assert_true(result.theoretical_hit_rate.max == 1);
    mt_analysis_free(analysis);
}

/* The same id at another position is another pair, but an id that was seen; the same id twice in
 * one request was not seen before it. */
static void test_positions(void **state) {
    (void)state;
    mt_analysis *analysis = new_analysis();
    add(analysis, 3 * BLOCK, (uint64_t[]){5, 9, 5}, 3);
    mt_analysis_result result = finish(analysis);
    assert_true(result.theoretical_hit_rate.max == 0);
    assert_true(result.context_length.max == 0);
    add(analysis, 3 * BLOCK, (uint64_t[]){9, 5, 7}, 3);
    result = finish(analysis);
    assert_true(result.context_length.max == 0);
    assert_true(result.theoretical_hit_rate.max == 2.0 / 3);
    assert_int_equal(result.distinct_pairs, 6);
    mt_analysis_free(analysis);
}

/* Without ids a request counts in Input and Output Length only. */
static void test_without_ids(void **state) {
    (void)state;
    mt_analysis *analysis = new_analysis();
    mt_request request = request_of(100, 30, NULL, 0);
    assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
    request.has &= ~(unsigned)MT_HAS_HASH_IDS;
    request.input_length = 0;
    assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
    mt_analysis_result result = finish(analysis);
    assert_int_equal(result.requests, 2);
    assert_true(result.input_length.mean == 50);
    assert_true(result.output_length.mean == 30);
    assert_int_equal(result.context_length.count, 0);
    assert_int_equal(result.unique_prompt_length.count, 0);
    assert_int_equal(result.theoretical_hit_rate.count, 0);
    assert_true(isnan(result.theoretical_hit_rate.mean));
    mt_analysis_free(analysis);
}

/* The values behind the summaries, in the order of the requests that have them. */
static void test_values(void **state) {
    (void)state;
    mt_analysis *analysis = new_analysis();
    double values[4];
    assert_int_equal(mt_analysis_values(analysis, MT_METRIC_INPUT_LENGTH, values), 0);
    add(analysis, 1000, (uint64_t[]){0, 1}, 2);
    add(analysis, 600, (uint64_t[]){3, 4}, 2);
    add(analysis, 77, NULL, 0);
    add(analysis, 1500, (uint64_t[]){0, 1, 2}, 3);
    static const double wanted[][4] = {
        [MT_METRIC_INPUT_LENGTH] = {1000, 600, 77, 1500},
        [MT_METRIC_CONTEXT_LENGTH] = {1000, 0, 1024},
        [MT_METRIC_UNIQUE_PROMPT_LENGTH] = {0, 600, 476},
        [MT_METRIC_OUTPUT_LENGTH] = {1, 1, 1, 1},
        [MT_METRIC_THEORETICAL_HIT_RATE] = {0, 0, 2.0 / 3},
    };
    for (int metric = 0; metric <= MT_METRIC_THEORETICAL_HIT_RATE; metric++) {
        int is_length = metric == MT_METRIC_INPUT_LENGTH || metric == MT_METRIC_OUTPUT_LENGTH;
        size_t count = is_length ? 4 : 3;
        assert_int_equal(mt_analysis_values(analysis, (mt_metric)metric, NULL), count);
        assert_int_equal(mt_analysis_values(analysis, (mt_metric)metric, values), count);
        assert_memory_equal(values, wanted[metric], count * sizeof *values);
    }
    mt_analysis_free(analysis);
}

/* Where it is allowed, a request without output_length counts in all but Output Length. */
static void test_without_output(void **state) {
    (void)state;
    mt_analysis *analysis = new_analysis();
    mt_request request = request_of(1000, 40, (uint64_t[]){0, 1}, 2);
    mt_request without = request_of(600, 0, (uint64_t[]){0, 2}, 2);
    without.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    assert_int_equal(mt_analysis_check(analysis, &without, NULL), MT_ERROR_INPUT);
    mt_analysis_allow_no_output(analysis);
    assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
    assert_int_equal(mt_analysis_check(analysis, &without, NULL), MT_OK);
    assert_int_equal(mt_analysis_add(analysis, &without, NULL), MT_OK);
    mt_analysis_result result = finish(analysis);
    assert_int_equal(result.requests, 2);
    assert_true(result.input_length.mean == 800);
    assert_true(result.context_length.mean == 512);
    assert_true(result.theoretical_hit_rate.max == 0.5);
    assert_int_equal(result.output_length.count, 1);
    assert_true(result.output_length.mean == 40);
    without.has &= ~(unsigned)MT_HAS_INPUT_LENGTH;
    mt_error error;
    assert_int_equal(mt_analysis_check(analysis, &without, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, "input_length is missing, and the analysis needs it");
    mt_analysis_free(analysis);
}

/* ---- beside a plain slow version ---- */

enum { REQUESTS = 120 };

typedef struct plain_trace {
    uint64_t input[REQUESTS];
    uint64_t ids[REQUESTS][MOST_BLOCKS];
    size_t count[REQUESTS];
} plain_trace;

static int is_repeated(const plain_trace *trace, size_t r, size_t position) {
    for (size_t other = 0; other < REQUESTS; other++)
        if (other != r && position < trace->count[other] &&
            trace->ids[other][position] == trace->ids[r][position])
            return 1;
    return 0;
}

static int was_seen(const plain_trace *trace, size_t r, uint64_t id) {
    for (size_t other = 0; other < r; other++)
        for (size_t i = 0; i < trace->count[other]; i++)
            if (trace->ids[other][i] == id)
                return 1;
    return 0;
}

/* The definitions word by word; values in the order of the requests. Returns how many have ids. */
static size_t plain_values(const plain_trace *trace, double *context, double *unique,
                           double *hits) {
    size_t values = 0;
    for (size_t r = 0; r < REQUESTS; r++) {
        uint64_t repeated = 0;
        size_t leading = 0, count = trace->count[r];
        if (count == 0)
            continue;
        for (size_t i = 0; i < count; i++)
            repeated += (uint64_t)is_repeated(trace, r, i);
        while (leading < count && was_seen(trace, r, trace->ids[r][leading]))
            leading++;
        uint64_t tokens = repeated == count ? trace->input[r] : repeated * BLOCK;
        context[values] = (double)tokens;
        unique[values] = (double)(trace->input[r] - tokens);
        hits[values++] = (double)leading / (double)count;
    }
    return values;
}

static void assert_summary(const mt_summary *summary, double *values, size_t count) {
    mt_summary plain;
    mt_summarise(values, count, &plain);
    assert_int_equal(summary->count, count);
    assert_true(summary->mean == plain.mean);
    assert_true(summary->population_deviation == plain.population_deviation);
    assert_true(summary->min == plain.min);
    assert_true(summary->p25 == plain.p25);
    assert_true(summary->median == plain.median);
    assert_true(summary->p75 == plain.p75);
    assert_true(summary->max == plain.max);
}

/* How ids come: below a bound from a base on, or the format's next id with some probability. */
typedef struct pattern {
    uint64_t base, bound, next_in_4;
} pattern;

static void make_trace(plain_trace *trace, const pattern *how, uint64_t *random) {
    uint64_t next = how->base;
    for (size_t r = 0; r < REQUESTS; r++) {
        trace->count[r] = (size_t)below(random, MOST_BLOCKS + 1);
        trace->input[r] = trace->count[r] * BLOCK;
        if (trace->count[r] > 0)
            trace->input[r] -= below(random, BLOCK);
        for (size_t i = 0; i < trace->count[r]; i++)
            trace->ids[r][i] =
                below(random, 4) < how->next_in_4 ? next++ : how->base + below(random, how->bound);
    }
}

/* As the format has it, up to request `until`, which and all later ones may break it: an id stands
 * at another position, or a new one is not the next. */
static void make_orderly_trace(plain_trace *trace, size_t until, uint64_t *random) {
    uint64_t next = 0;
    for (size_t r = 0; r < REQUESTS; r++) {
        size_t other = r > 0 ? (size_t)below(random, r) : 0;
        size_t shared = r > 0 ? (size_t)below(random, trace->count[other] + 1) : 0;
        trace->count[r] = shared + (size_t)below(random, MOST_BLOCKS - shared + 1);
        trace->input[r] = trace->count[r] * BLOCK;
        memcpy(trace->ids[r], trace->ids[other], shared * sizeof(uint64_t));
        for (size_t i = shared; i < trace->count[r]; i++)
            trace->ids[r][i] = next++;
        if (r >= until && trace->count[r] > 0)
            trace->ids[r][below(random, trace->count[r])] = below(random, next + 3);
    }
}

/* Beside a locality that takes the requests in too, or alone. */
static void compare_with_plain_beside(const plain_trace *trace, mt_locality *locality) {
    double context[REQUESTS], unique[REQUESTS], hits[REQUESTS];
    mt_analysis *analysis = new_analysis();
    if (locality)
        mt_analysis_share(analysis, locality);
    for (size_t r = 0; r < REQUESTS; r++) {
        mt_request request = request_of(trace->input[r], 10, trace->ids[r], trace->count[r]);
        if (locality)
            assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
        add(analysis, trace->input[r], trace->ids[r], trace->count[r]);
    }
    mt_analysis_result result = finish(analysis);
    size_t count = plain_values(trace, context, unique, hits);
    assert_summary(&result.context_length, context, count);
    assert_summary(&result.unique_prompt_length, unique, count);
    assert_summary(&result.theoretical_hit_rate, hits, count);
    mt_analysis_seal(analysis);
    mt_locality_free(locality);
    assert_int_equal(finish(analysis).distinct_pairs, result.distinct_pairs);
    mt_analysis_free(analysis);
}

static void compare_with_plain(const plain_trace *trace) {
    compare_with_plain_beside(trace, NULL);
    compare_with_plain_beside(trace, mt_locality_new(BLOCK, NULL));
}

static void test_against_plain(void **state) {
    (void)state;
    static const pattern patterns[] = {
        {0, 6, 0},                   /* few ids, all of them everywhere */
        {0, 300, 0},                 /* ids in no order */
        {0, 40, 3},                  /* mostly new ids, consecutive from 0 */
        {1000, 40, 3},               /* the same, not from 0 */
        {UINT64_MAX - 2000, 500, 1}, /* large ones */
        {0, 1, 4},                   /* none twice */
        {0, UINT64_C(1) << 63, 2},   /* consecutive ones among arbitrary ones */
    };
    static plain_trace trace;
    uint64_t random = 1;
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++)
        for (int round = 0; round < 6; round++) {
            make_trace(&trace, &patterns[p], &random);
            compare_with_plain(&trace);
        }
    for (size_t until = 0; until <= REQUESTS; until += 3) {
        make_orderly_trace(&trace, until, &random);
        compare_with_plain(&trace);
    }
}

/* ---- the conversation trace ---- */

typedef struct expected_summary {
    double mean, deviation, min, p25, median, p75, max;
} expected_summary;

static void assert_expected(const mt_summary *summary, const expected_summary *expected) {
    assert_true(summary->mean == expected->mean);
    assert_true(summary->population_deviation == expected->deviation);
    assert_true(summary->min == expected->min);
    assert_true(summary->p25 == expected->p25);
    assert_true(summary->median == expected->median);
    assert_true(summary->p75 == expected->p75);
    assert_true(summary->max == expected->max);
}

static void assert_conversation(const mt_analysis_result *result) {
    assert_int_equal(result->requests, 12031);
    assert_int_equal(result->distinct_pairs, 182790);
    assert_expected(&result->input_length,
                    &(expected_summary){12035.061341534369, 15800.344851301792, 891, 2306.5, 6909,
                                        15367, 126195});
    assert_expected(
        &result->context_length,
        &(expected_summary){6373.585487490649, 12024.627428204118, 512, 512, 1536, 7168, 122880});
    assert_expected(
        &result->unique_prompt_length,
        &(expected_summary){5661.475854043721, 12353.496775322432, 0, 350, 594, 6071.5, 125683});
    assert_expected(
        &result->output_length,
        &(expected_summary){342.6189011719724, 249.90803456204557, 1, 156.5, 350, 472, 2000});
    assert_expected(&result->theoretical_hit_rate,
                    &(expected_summary){0.38425808746366197, 0.33651244604875785, 0, 1.0 / 15,
                                        1.0 / 3, 2.0 / 3, 1});
}

static void test_conversation_trace(void **state) {
    (void)state;
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    mt_analysis *analysis = new_analysis();
    mt_request request;
    int status;
    while ((status = mt_source_next(reader, &request, NULL)) > 0)
        assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
    assert_int_equal(status, 0);
    mt_analysis_result result = finish(analysis);
    assert_conversation(&result);
    mt_analysis_free(analysis);
    mt_source_free(reader);
}

/* ---- what is refused ---- */

static void assert_refused(mt_analysis *analysis, const mt_request *request, const char *message) {
    mt_error error;
    assert_int_equal(mt_analysis_check(analysis, request, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, message);
    assert_string_equal(error.source, "");
    assert_int_equal(error.line, 7);
}

static void test_refused(void **state) {
    (void)state;
    static const uint64_t ids[200] = {0};
    mt_analysis *analysis = new_analysis();
    mt_request request = request_of(1000, 1, ids, 2);
    request.has &= ~(unsigned)MT_HAS_INPUT_LENGTH;
    assert_refused(analysis, &request, "input_length is missing, and the analysis needs it");
    request = request_of(1000, 1, ids, 2);
    request.has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    assert_refused(analysis, &request, "output_length is missing, and the analysis needs it");

    request = request_of(1000, 1, ids, 1);
    assert_refused(
        analysis, &request,
        "hash_ids has 1 id, but input_length 1000 makes 2 blocks of 512 tokens; it fits a "
        "block size of 1024");
    request = request_of(1000, 1, ids, 63);
    assert_refused(
        analysis, &request,
        "hash_ids has 63 ids, but input_length 1000 makes 2 blocks of 512 tokens; it fits "
        "a block size of 16");
    request = request_of(512, 1, ids, 3);
    assert_refused(analysis, &request,
                   "hash_ids has 3 ids, but input_length 512 makes 1 block of 512 tokens");
    request = request_of(0, 1, ids, 1);
    assert_refused(analysis, &request,
                   "hash_ids has 1 id, but input_length 0 makes 0 blocks of 512 tokens");

    /* What was refused has left no trace; ids at the edges of a block are right. */
    mt_error error;
    mt_analysis_result result;
    assert_int_equal(mt_analysis_finish(analysis, &result, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, "no requests");
    add(analysis, 512, ids, 1);
    add(analysis, 513, (uint64_t[]){1, 2}, 2);
    assert_int_equal(finish(analysis).requests, 2);
    assert_int_equal(finish(analysis).distinct_pairs, 3);
    mt_analysis_free(analysis);
    mt_analysis_free(NULL);
}

static void test_block_size(void **state) {
    (void)state;
    mt_error error;
    assert_null(mt_analysis_new(0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    mt_analysis *analysis = mt_analysis_new(UINT64_MAX, NULL);
    mt_request request = request_of(UINT64_MAX, 1, (uint64_t[]){3}, 1);
    assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_OK);
    assert_int_equal(finish(analysis).blocks, 1);
    mt_analysis_free(analysis);
}

static void test_interrupt(void **state) {
    (void)state;
    mt_analysis *analysis = new_analysis();
    add(analysis, 512, (uint64_t[]){1}, 1);
    mt_request request = request_of(512, 1, (uint64_t[]){2}, 1);
    mt_analysis_result result;
    mt_interrupt_flag = 1;
    assert_int_equal(mt_analysis_finish(analysis, &result, NULL), MT_ERROR_INTERRUPTED);
    assert_int_equal(mt_analysis_add(analysis, &request, NULL), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_analysis_free(analysis);
}

/* ---- memory ---- */

/* Of a trace that makes everything grow; beside a locality it is one as the format has it at first. */
static void sweep_memory(int is_shared) {
    for (sweep all = {0}; sweep_next(&all);) {
        enum { MANY = 3000 };
        mt_analysis_result result;
        mt_analysis *analysis = mt_analysis_new(BLOCK, &all.error);
        mt_locality *locality = NULL;
        if (analysis && is_shared && (locality = mt_locality_new(BLOCK, &all.error)))
            mt_analysis_share(analysis, locality);
        all.code = analysis && (locality || !is_shared) ? MT_OK : all.error.code;
        for (uint64_t r = 0; is_shared && all.code == MT_OK && r < 60; r++) {
            uint64_t ids[] = {0, 1 + r};
            mt_request request = request_of(2 * BLOCK, 1, ids, 2);
            if ((all.code = mt_locality_add(locality, &request, &all.error)) == MT_OK)
                all.code = mt_analysis_add(analysis, &request, &all.error);
        }
        for (uint64_t r = 0; all.code == MT_OK && r < MANY; r++) {
            uint64_t ids[60];
            size_t count = 1 + (size_t)(r % 60);
            for (size_t i = 0; i < count; i++)
                ids[i] = r % 2 ? r * 100 + i : i;
            mt_request request = request_of(count * BLOCK, 1, ids, count);
            if (!locality || (all.code = mt_locality_add(locality, &request, &all.error)) == MT_OK)
                all.code = mt_analysis_add(analysis, &request, &all.error);
        }
        if (all.code == MT_OK)
            all.code = mt_analysis_finish(analysis, &result, &all.error);
        mt_analysis_free(analysis);
        mt_locality_free(locality);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    sweep_memory(0);
    sweep_memory(1);
}

/* 10^7 distinct blocks in 800 MB. Takes a second or two and 400 MB: only with
 * MOONTIDE_SLOW_TESTS=1. */
static void test_ten_million_blocks(void **state) {
    (void)state;
    only_when_slow_is_wanted();
    enum { COUNT = 20, MANY = 500000 };
    uint64_t ids[COUNT];
    mt_analysis *analysis = new_analysis();
    for (uint64_t r = 0; r < MANY; r++) {
        for (uint64_t i = 0; i < COUNT; i++)
            ids[i] = r * COUNT + i;
        add(analysis, COUNT * BLOCK, ids, COUNT);
    }
    assert_int_equal(finish(analysis).distinct_pairs, (uint64_t)COUNT * MANY);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    print_message("10^7 blocks: %ld MB\n", usage.ru_maxrss / 1024);
    assert_true(usage.ru_maxrss < 800L * 1024);
    mt_analysis_free(analysis);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_without_ids),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_without_output),
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_conversation_trace),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_block_size),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_ten_million_blocks),
    };
    return cmocka_run_group_tests_name("analysis", tests, NULL, NULL);
}
