/* Synthesised requests, by both methods: they are what the format asks for, the same for the same
 * seed, counted as they were made; and what is learnt for the radix method. */
#include "prefix/synthesis/synthesis.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "file_support.h"
#include "prefix/radix/source.h"
#include "prefix_support.h"
#include "trace/end/ends.h"

#include <math.h>

enum { MADE = 2000 };

/* A model or a radix source of one trace, its requests 250 ms apart, some of them together. */
typedef struct learnt {
    mt_model *model; /* one of these two */
    mt_radix_source *source;
} learnt;

static mt_request timed_request(const plain_trace *trace, size_t r) {
    mt_request request = plain_request(trace, r);
    request.has |= MT_HAS_TIME;
    request.time_ns = (int64_t)(r - r % 3) * 250000000;
    request.output_length = 10 + r;
    return request;
}

static mt_code learn_radix(const plain_trace *trace, learnt *from, mt_error *error) {
    if (!(from->source = mt_radix_source_new(TRACE_BLOCK_SIZE, error)))
        return mt_code_of(error);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        mt_request request = timed_request(trace, r);
        mt_code code = mt_radix_source_add(from->source, &request, error);
        if (code)
            return code;
    }
    return mt_radix_finish(from->source->tree, error);
}

static void learn_model(const plain_trace *trace, learnt *from) {
    mt_learner *learner = mt_learner_new(TRACE_BLOCK_SIZE, NULL);
    assert_non_null(learner);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        mt_request request = timed_request(trace, r);
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    from->model = mt_learner_finish(learner, NULL);
    assert_non_null(from->model);
    mt_learner_free(learner);
}

static learnt learn(int method) {
    static plain_trace trace;
    uint64_t random = 5;
    learnt from = {0};
    make_plain_trace(&trace, IDS_RENAMED, &random);
    if (method == 0)
        learn_model(&trace, &from);
    else
        assert_int_equal(learn_radix(&trace, &from, NULL), MT_OK);
    return from;
}

static void forget(learnt *from) {
    mt_model_release(from->model);
    mt_radix_source_release(from->source);
}

static const mt_synthesis_options plain_options = {
    .seed = 1, .block_size = TRACE_BLOCK_SIZE, MT_SYNTHESIS_PLAIN};

static mt_synthesis *open_synthesis(const learnt *from, const mt_synthesis_options *options,
                                    double speedup, mt_error *error) {
    const mt_synthesis_times times = {.are_drawn = 1, .kind = MT_GAPS_IID, .speedup = speedup};
    const mt_origin origin = {from->model, from->source};
    return mt_synthesis_new(&origin, options, &times, 0, error);
}

/* So many requests of the synthesis, which they take with them. */
static mt_source *requests_of(mt_synthesis *synthesis, uint64_t most) {
    assert_non_null(synthesis);
    mt_source *source = mt_source_synthesis(synthesis, most, NULL);
    assert_non_null(source);
    mt_synthesis_release(synthesis);
    return source;
}

/* The request's blocks make its ISL, and its ids are prefix ids by first appearance. parents[id] is
 * the id before it, plus one. */
static void check_request(const mt_request *request, uint64_t *parents, uint64_t *next_id) {
    size_t count = request->hash_count;
    assert_true(request->input_length > (count - 1) * TRACE_BLOCK_SIZE);
    assert_true(request->input_length <= count * TRACE_BLOCK_SIZE);
    for (size_t i = 0; i < count; i++) {
        uint64_t id = request->hash_ids[i], parent = i > 0 ? request->hash_ids[i - 1] + 1 : 0;
        assert_true(id <= *next_id && id < (uint64_t)MADE * 64);
        if (id == *next_id) {
            parents[id] = parent;
            ++*next_id;
        }
        assert_int_equal(parents[id], parent);
    }
}

typedef struct sums {
    double inputs[MADE], outputs[MADE];
    uint64_t blocks;
    int64_t last;
} sums;

static void compare_summary(mt_synthesis *synthesis, sums *made) {
    mt_synthesis_summary summary;
    mt_summary expected;
    assert_int_equal(mt_synthesis_summarise(synthesis, &summary, NULL), MT_OK);
    assert_int_equal(summary.requests, MADE);
    assert_int_equal(summary.blocks, made->blocks);
    assert_int_equal(summary.last_time_ns, made->last);
    mt_summarise(made->inputs, MADE, &expected);
    assert_true(summary.input_length.count == MADE && summary.input_length.sum == expected.sum);
    assert_true(summary.input_length.median == expected.median);
    mt_summarise(made->outputs, MADE, &expected);
    assert_true(summary.output_length.sum == expected.sum);
    /* Each request with blocks is its context and its unique prompt. */
    assert_int_equal(summary.context_length.count, summary.unique_prompt_length.count);
    assert_true(summary.context_length.count > 0);
}

static void check_synthesis(int method, double prefix, double prompt, uint64_t copies) {
    static uint64_t parents[MADE * 64];
    static sums made;
    learnt from = learn(method);
    mt_synthesis_options options = plain_options;
    options.prefix_len_multiplier = prefix;
    options.prompt_len_multiplier = prompt;
    options.prefix_root_multiplier = copies;
    mt_error error;
    mt_synthesis *synthesis = open_synthesis(&from, &options, 2, &error);
    assert_non_null(synthesis);
    mt_source *source = mt_source_synthesis(synthesis, MADE, &error);
    uint64_t next_id = 0;
    int64_t before = 0;
    made.blocks = 0;
    for (size_t i = 0; i < MADE; i++) {
        mt_request request;
        assert_int_equal(mt_source_next(source, &request, &error), 1);
        assert_true(request.time_ns >= before && (i > 0 || request.time_ns == 0));
        before = request.time_ns;
        assert_int_equal(request.time_ns % 375000000, 0); /* three gaps of 250 ms, twice as fast */
        if (request.hash_count > 0)
            check_request(&request, parents, &next_id);
        made.inputs[i] = (double)request.input_length;
        made.outputs[i] = (double)request.output_length;
        made.blocks += request.hash_count;
    }
    made.last = before;
    assert_true(before > 0 && next_id > 0);
    mt_request none;
    assert_int_equal(mt_source_next(source, &none, &error), 0);
    mt_source_free(source);
    compare_summary(synthesis, &made);
    mt_synthesis_release(synthesis);
    forget(&from);
}

static void test_requests(void **state) {
    (void)state;
    for (int method = 0; method < 2; method++) {
        check_synthesis(method, 1, 1, 1);
        check_synthesis(method, 2.5, 0.5, 3);
    }
}

/* ---- writing ---- */

static void write_to(const char *path, const learnt *from, uint64_t seed, int parts) {
    mt_synthesis_options options = plain_options;
    options.seed = seed;
    mt_source *source = requests_of(open_synthesis(from, &options, 1, NULL), MADE);
    mt_output *output = mt_output_open(path, NULL);
    mt_trace_format format = {.timestamp_digits = 0};
    mt_written written;
    assert_non_null(output);
    for (int i = 0; i < parts; i++) {
        assert_int_equal(
            mt_source_write(source, output, &format, (uint64_t)(MADE / parts), &written, NULL),
            MT_OK);
        assert_int_equal(written.count, MADE / parts);
    }
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    mt_source_free(source);
}

static int same_bytes(const char *a, const char *b) {
    FILE *first = fopen(a, "rb"), *second = fopen(b, "rb");
    assert_non_null(first);
    assert_non_null(second);
    int left, right;
    do {
        left = getc(first);
        right = getc(second);
    } while (left == right && left != EOF);
    fclose(first);
    fclose(second);
    return left == right;
}

static void test_same_seed_same_bytes(void **state) {
    char a[PATH_SIZE], b[PATH_SIZE];
    strcpy(a, in_folder(state, "a.jsonl"));
    strcpy(b, in_folder(state, "b.jsonl"));
    for (int method = 0; method < 2; method++) {
        learnt from = learn(method);
        write_to(a, &from, 1, 1);
        write_to(b, &from, 1, 4);
        assert_true(same_bytes(a, b));
        write_to(b, &from, 2, 1);
        assert_false(same_bytes(a, b));
        forget(&from);
    }
}

static void test_interrupted(void **state) {
    (void)state;
    learnt from = learn(1);
    mt_source *source = requests_of(open_synthesis(&from, &plain_options, 1, NULL), 5);
    mt_output *output = mt_output_open("/dev/null", NULL);
    mt_trace_format format = {.timestamp_digits = 0};
    mt_written written = {.count = 7};
    mt_error error;
    mt_interrupt_flag = 1;
    mt_code code = mt_source_write(source, output, &format, 5, &written, &error);
    mt_interrupt_flag = 0;
    assert_int_equal(code, MT_ERROR_INTERRUPTED);
    assert_int_equal(written.count, 0);
    mt_output_abandon(output);
    mt_source_free(source);
    forget(&from);
}

/* ---- what is refused ---- */

static void assert_refused(const learnt *from, const mt_synthesis_options *options, double speedup,
                           const char *message) {
    mt_error error;
    assert_null(open_synthesis(from, options, speedup, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message, message);
}

static void test_refused(void **state) {
    (void)state;
    for (int method = 0; method < 2; method++) {
        learnt from = learn(method);
        mt_synthesis_options options = plain_options;
        assert_refused(&from, &options, 0, "speedup ratio must be a positive number, not 0");
        assert_refused(&from, &options, NAN, "speedup ratio must be a positive number, not nan");
        options.prefix_len_multiplier = -1;
        assert_refused(&from, &options, 1,
                       "prefix length multiplier must be a positive number, not -1");
        options = plain_options;
        options.prefix_root_multiplier = 0;
        assert_refused(&from, &options, 1, "prefix root multiplier must be at least 1");
        forget(&from);
    }
}

/* Times that pass 292 years end it. */
static void test_times_out_of_range(void **state) {
    (void)state;
    learnt from = learn(1);
    mt_source *source = requests_of(open_synthesis(&from, &plain_options, 1e-300, NULL), 100);
    mt_request request;
    mt_error error;
    int got = 1;
    while (got > 0)
        got = mt_source_next(source, &request, &error);
    assert_int_equal(got, -1);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message, "the speedup ratio makes times of more than 292 years");
    mt_source_free(source);
    forget(&from);
}

/* ---- the radix method's source ---- */

static void assert_left_out(mt_radix_source *source, mt_request request, const char *message) {
    mt_error error;
    request.line = 9;
    assert_int_equal(mt_radix_source_add(source, &request, &error), MT_ERROR_INPUT);
    assert_int_equal(error.line, 9);
    assert_string_equal(error.message, message);
}

static void test_radix_source(void **state) {
    (void)state;
    mt_error error;
    mt_radix_source *source = mt_radix_source_new(16, &error);
    uint64_t ids[] = {5, 6};
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                                 MT_HAS_HASH_IDS,
                          .time_ns = 1000,
                          .input_length = 20,
                          .hash_ids = ids,
                          .hash_count = 2};
    assert_int_equal(mt_radix_source_add(source, &request, &error), MT_OK);
    mt_request bad = request;
    bad.has &= ~(unsigned)MT_HAS_TIME;
    assert_left_out(source, bad, "timestamp is missing, and synthesis needs it");
    bad = request;
    bad.time_ns = 999;
    assert_left_out(source, bad,
                    "the timestamp is earlier than the one before ('moontide cat --sort' puts a "
                    "trace in order)");
    bad = request;
    bad.hash_count = 1;
    bad.time_ns = 5000; /* is no time that later ones are measured from */
    assert_left_out(source, bad,
                    "hash_ids has 1 id, but input_length 20 makes 2 blocks of 16 tokens; it fits a "
                    "block size of 32");
    request.time_ns = 1500;
    assert_int_equal(mt_radix_source_add(source, &request, &error), MT_OK);
    assert_int_equal(mt_radix_finish(source->tree, &error), MT_OK);
    const int64_t *gaps = source->gaps_ns;
    assert_int_equal(source->count, 2);
    assert_true(gaps[0] == 0 && gaps[1] == 500);
    assert_int_equal(source->block_size, 16);
    assert_int_equal(mt_radix_requests(source->tree), 2);
    assert_ptr_equal(mt_radix_source_retain(source), source);
    mt_radix_source_release(source);
    assert_int_equal(mt_radix_requests(source->tree), 2);
    mt_radix_source_release(source);

    source = mt_radix_source_new(16, &error);
    assert_int_equal(mt_radix_finish(source->tree, &error), MT_ERROR_INPUT);
    assert_string_equal(error.message, "no requests");
    mt_radix_source_release(source);
    assert_null(mt_radix_source_new(0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
}

/* ---- memory ---- */

static mt_code synthesise(const learnt *from, mt_error *error) {
    mt_synthesis *synthesis = open_synthesis(from, &plain_options, 1, error);
    mt_source *source = synthesis ? mt_source_synthesis(synthesis, 50, error) : NULL;
    int got = source ? 1 : -1;
    mt_request request;
    while (got > 0)
        got = mt_source_next(source, &request, error);
    mt_synthesis_summary summary;
    mt_code code = got < 0 ? mt_code_of(error) : mt_synthesis_summarise(synthesis, &summary, error);
    mt_source_free(source);
    mt_synthesis_release(synthesis);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 5;
    make_plain_trace(&trace, IDS_RENAMED, &random);
    for (int method = 0; method < 2; method++) {
        mt_code code = MT_ERROR_MEMORY;
        uint64_t n = 0;
        while (code != MT_OK) {
            learnt from = method == 0 ? learn(0) : (learnt){0};
            mt_error error;
            mt_memory_fail_at(++n, 0);
            code = method == 0 ? MT_OK : learn_radix(&trace, &from, &error);
            if (code == MT_OK)
                code = synthesise(&from, &error);
            mt_memory_fail_at(0, 0);
            if (code != MT_OK)
                assert_int_equal(error.code, MT_ERROR_MEMORY);
            forget(&from);
        }
        assert_true(n > 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test_setup_teardown(test_same_seed_same_bytes, make_folder, remove_folder),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_times_out_of_range),
        cmocka_unit_test(test_radix_source),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
