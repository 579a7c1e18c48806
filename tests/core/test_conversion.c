/* Conversions: prompts against a plain version, the order of steps, times, order, statistics. */
#include "file_support.h"
#include "goodness.h"
#include "trace_support.h"
#include "sweep.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "random/generator.h"
#include "trace/columns.h"
#include "trace/convert/conversion.h"

#include <inttypes.h>
#include <math.h>

enum { LARGE = 1 << 20 };

static const mt_conversion_options plain = {.limit = UINT64_MAX, .hash_blocks = 10000};

/* A log on the way through a conversion. */
typedef struct source {
    const char *text;
    double speed;
    mt_conversion_log summary;
} source;

/* Reads the logs and finishes: NULL with the error when anything fails. */
static mt_conversion *read_logs(void **state, const mt_conversion_options *options,
                                const mt_log_options *log_options, source *sources, size_t count,
                                uint64_t most, mt_error *error) {
    mt_conversion *conversion = mt_conversion_new(options, error);
    mt_code code = conversion ? MT_OK : error->code;
    for (size_t i = 0; i < count && code == MT_OK; i++) {
        const char *path = in_folder(state, "log");
        unlink(path);
        write_file(path, sources[i].text, strlen(sources[i].text));
        mt_log *log = mt_log_open(path, log_options, error);
        code = log ? mt_conversion_begin_log(conversion, log, error) : error->code;
        for (uint64_t taken = most; code == MT_OK && taken == most;)
            code = mt_conversion_read(conversion, most, &taken, error);
        if (code == MT_OK)
            code = mt_conversion_end_log(conversion, sources[i].speed, &sources[i].summary, error);
        mt_log_close(log);
    }
    if (code == MT_OK)
        code = mt_conversion_finish(conversion, error);
    if (code == MT_OK)
        return conversion;
    mt_conversion_free(conversion);
    return NULL;
}

/* Writes the trace `most` requests a time. */
static mt_code write_trace(void **state, mt_conversion *conversion, uint64_t most,
                           mt_error *error) {
    mt_trace_format format = {.timestamp_digits = 6};
    mt_output *output = mt_output_open(in_folder(state, "trace"), error);
    if (!output)
        return error->code;
    mt_code code = MT_OK;
    for (uint64_t written = most; code == MT_OK && written == most;)
        code = mt_conversion_write(conversion, output, &format, most, &written, error);
    if (code == MT_OK)
        return mt_output_finish(output, error);
    mt_output_abandon(output);
    return code;
}

/* The whole way; the trace is in the folder's file "trace". */
static void convert(void **state, const mt_conversion_options *options,
                    const mt_log_options *log_options, source *sources, size_t count,
                    mt_conversion_result *result) {
    mt_error error;
    mt_conversion *conversion =
        read_logs(state, options, log_options, sources, count, LARGE, &error);
    if (!conversion)
        fail_msg("%s:%d: %s", error.source, (int)error.line, error.message);
    assert_int_equal(write_trace(state, conversion, LARGE, &error), MT_OK);
    if (result)
        mt_conversion_measure(conversion, result);
    mt_conversion_free(conversion);
}

static const mt_log_options any_log = {.time_digits = -1};

/* One log, whose trace is this text. */
static void assert_trace(void **state, const mt_conversion_options *options,
                         const mt_log_options *log_options, const char *log, const char *trace) {
    source one = {.text = log, .speed = 1};
    convert(state, options, log_options, &one, 1, NULL);
    assert_content(in_folder(state, "trace"), trace);
}

#define HEAD "Timestamp,Model,Request tokens,Response tokens,Log Type,Session ID\n"

/* ---- known answers --------------------------------------------------------------------------- */

static void test_sessions(void **state) {
    static const char log[] = HEAD "10,m,300,100,,7\n"
                                   "11.25,m,128,0,,8\n"
                                   "12,m,500,100,,7\n" /* 300 and 100 of before, 100 new */
                                   "13,m,200,5,,7\n"   /* ends inside the first prompt */
                                   "14,m,300,5,,7\n"   /* is the first prompt */
                                   "15,m,10,1,,\"9\"\n";
    assert_trace(
        state, &plain, &any_log, log,
        "{\"timestamp\": 0, \"input_length\": 300, \"output_length\": 100, \"hash_ids\": [0, "
        "1, 2], \"session_id\": \"7\"}\n"
        "{\"timestamp\": 1250, \"input_length\": 128, \"output_length\": 0, \"hash_ids\": "
        "[3], \"session_id\": \"8\"}\n"
        "{\"timestamp\": 2000, \"input_length\": 500, \"output_length\": 100, \"hash_ids\": "
        "[0, 1, 4, 5], \"session_id\": \"7\"}\n"
        "{\"timestamp\": 3000, \"input_length\": 200, \"output_length\": 5, \"hash_ids\": "
        "[0, 6], \"session_id\": \"7\"}\n"
        "{\"timestamp\": 4000, \"input_length\": 300, \"output_length\": 5, \"hash_ids\": "
        "[0, 1, 2], \"session_id\": \"7\"}\n"
        "{\"timestamp\": 5000, \"input_length\": 10, \"output_length\": 1, \"hash_ids\": "
        "[7], \"session_id\": \"9\"}\n");
}

static void test_bailian(void **state) {
    assert_trace(
        state, &plain, &any_log,
        "{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 2, \"input_length\": 33, "
        "\"output_length\": 5, \"hash_ids\": [70, 80, 90]}\n"
        "{\"chat_id\": 2, \"parent_chat_id\": 1, \"timestamp\": 3, \"input_length\": 48, "
        "\"output_length\": 5, \"hash_ids\": [70, 80, 95]}\n"
        "{\"chat_id\": 3, \"parent_chat_id\": -1, \"timestamp\": 4, \"input_length\": 32, "
        "\"output_length\": 5, \"hash_ids\": [75, 80]}\n",
        "{\"timestamp\": 0, \"input_length\": 33, \"output_length\": 5, \"hash_ids\": [0, 1, 2], "
        "\"session_id\": \"1\", \"chat_id\": 1, \"parent_chat_id\": -1}\n"
        "{\"timestamp\": 1000, \"input_length\": 48, \"output_length\": 5, \"hash_ids\": [0, 1, "
        "3], "
        "\"session_id\": \"1\", \"chat_id\": 2, \"parent_chat_id\": 1}\n"
        "{\"timestamp\": 2000, \"input_length\": 32, \"output_length\": 5, \"hash_ids\": [4, 5], "
        "\"session_id\": \"3\", \"chat_id\": 3, \"parent_chat_id\": -1}\n");
}

static void test_steps(void **state) {
    /* Model, type, skip, cap, in this order; the earliest kept request is at 0. */
    static const char log[] = HEAD "1,A,1,1,x,\n2,B,2,1,x,\n3,A,3,1,y,\n7,A,4,1,x,\n8,A,5,1,x,\n"
                                   "9,A,6,1,x,\n9,A,7,1,y,\n11,A,8,0,x,\n";
    mt_conversion_options options = plain;
    source one = {.text = log, .speed = 4};
    mt_conversion_result result;
    options.model = "A";
    options.log_type = "x";
    options.skip = 1;
    options.limit = 3;
    convert(state, &options, &any_log, &one, 1, &result);
    assert_content(
        in_folder(state, "trace"),
        "{\"timestamp\": 0, \"input_length\": 4, \"output_length\": 1, \"hash_ids\": [0]}\n"
        "{\"timestamp\": 250, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": [1]}\n"
        "{\"timestamp\": 500, \"input_length\": 6, \"output_length\": 1, \"hash_ids\": [2]}\n");
    assert_int_equal(result.rows, 8);
    assert_int_equal(result.of_model, 7);
    assert_int_equal(result.of_type, 5);
    assert_int_equal(result.after_skip, 4);
    assert_int_equal(result.requests, 3);
    assert_int_equal(one.summary.first_ns, INT64_C(7000000000));
    assert_int_equal(one.summary.last_ns, INT64_C(9000000000));
    assert_int_equal(one.summary.ends_ns, 500000000);
}

/* ---- several logs ---------------------------------------------------------------------------- */

static void test_several_logs(void **state) {
    source logs[] = {{.text = HEAD "100,m,300,1,,5\n104,m,300,1,,\n", .speed = 2},
                     {.text = HEAD "7,m,300,1,,5\n6,m,300,1,,\n8,m,300,2,,5\n", .speed = 1},
                     {.text = HEAD "0,m,1,1,,\n", .speed = 1}};
    mt_conversion_result result;
    convert(state, &plain, &any_log, logs, 3, &result);
    assert_content(
        in_folder(state, "trace"),
        "{\"timestamp\": 0, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": [0, "
        "1, 2], \"session_id\": \"5\"}\n"
        "{\"timestamp\": 2000, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": "
        "[3, 4, 5]}\n"
        "{\"timestamp\": 2000, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": "
        "[6, 7, 8]}\n"
        "{\"timestamp\": 3000, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": "
        "[9, 10, 11], \"session_id\": \"2:5\"}\n"
        "{\"timestamp\": 4000, \"input_length\": 300, \"output_length\": 2, \"hash_ids\": "
        "[9, 10, 11], \"session_id\": \"2:5\"}\n"
        "{\"timestamp\": 4000, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": "
        "[12]}\n");
    assert_int_equal(result.duration_ns, INT64_C(4000000000));
    assert_int_equal(result.sessions, 2);
    assert_int_equal(logs[1].summary.backwards, 1);
    assert_int_equal(logs[1].summary.backwards_line, 3);
    assert_int_equal(logs[2].summary.begins_ns, INT64_C(4000000000));
}

/* Ids of one log mean nothing in another; words do. */
static void test_contents_of_several_logs(void **state) {
    const char *bailian = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                          "\"output_length\": 5, \"hash_ids\": [7]}\n";
    const char *texts = "[{\"messages\": [{\"role\": \"user\", \"content\": \"a b\"}, {\"role\": "
                        "\"gpt\"}]}]";
    mt_conversion_result result;
    source ids[] = {{.text = bailian, .speed = 1}, {.text = bailian, .speed = 1}};
    source words[] = {{.text = texts, .speed = 1}, {.text = texts, .speed = 1}};
    convert(state, &plain, &any_log, ids, 2, &result);
    assert_int_equal(result.distinct, 2);
    convert(state, &plain, &any_log, words, 2, &result);
    assert_int_equal(result.distinct, 1);
    assert_int_equal(result.has_times, 0);
}

static void assert_refused(void **state, const mt_conversion_options *options, source *sources,
                           size_t count, mt_code code, const char *part) {
    mt_error error = {0};
    mt_conversion *conversion = read_logs(state, options, &any_log, sources, count, LARGE, &error);
    assert_null(conversion);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
    assert_int_equal(error.code, code);
}

static void test_refused(void **state) {
    source burstgpt = {.text = HEAD "1,GPT-4,1,1,API log,\n2,ChatGPT,1,1,Chat,\n", .speed = 1};
    source azure = {.text = "TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,1\n", .speed = 1};
    source empty = {.text = HEAD, .speed = 1};
    source bailian = {.text = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                              "\"output_length\": 5}\n",
                      .speed = 1};
    source texts = {.text =
                        "[{\"messages\": [{\"role\": \"user\", \"content\": \"a b\"}, {\"role\": "
                        "\"gpt\"}]}]",
                    .speed = 1};
    source far = {.text = HEAD "-9e9,m,1,1,,\n9e9,m,1,1,,\n", .speed = 1};
    source slow = {.text = HEAD "0,m,1,1,,\n9e8,m,1,1,,\n", .speed = 0.05};
    mt_conversion_options options = plain;
    assert_refused(state, &options, &empty, 1, MT_ERROR_INPUT, "there are no rows");
    assert_refused(state, &options, &far, 1, MT_ERROR_VALUE, "span more than 292 years");
    assert_refused(state, &options, &slow, 1, MT_ERROR_VALUE, "at a speed of 0.05");
    assert_refused(state, &options, (source[]){burstgpt, bailian}, 2, MT_ERROR_VALUE,
                   "this log has blocks of 16 tokens, the one before of 128");
    assert_refused(state, &options, (source[]){burstgpt, texts}, 2, MT_ERROR_INPUT,
                   "a log with times and one without");
    assert_refused(state, &options, (source[]){texts, burstgpt}, 2, MT_ERROR_INPUT,
                   "a log with times and one without");
    options.skip = 2;
    assert_refused(state, &options, &burstgpt, 1, MT_ERROR_INPUT, "no row is left of 2");
    options.skip = 0;
    options.model = "gpt-4";
    assert_refused(state, &options, &burstgpt, 1, MT_ERROR_INPUT,
                   "no row has the model 'gpt-4'; there are 'GPT-4', 'ChatGPT'");
    assert_refused(state, &options, &azure, 1, MT_ERROR_INPUT,
                   "the log (azure) has no column of models to filter by");
    options.model = "GPT-4";
    options.log_type = "Chat";
    assert_refused(state, &options, &burstgpt, 1, MT_ERROR_INPUT,
                   "no row has the log type 'Chat'; there is 'API log'");
    options.model = NULL;
    assert_refused(state, &options, &azure, 1, MT_ERROR_INPUT, "no column of log types");
}

/* ---- against a plain version ----------------------------------------------------------------- */

enum { ROWS = 700, MOST_BLOCKS = 6, BLOCK = 16 };

typedef struct plain_row {
    int64_t time;
    uint64_t input, output;
    unsigned session; /* 0: none */
    size_t place;
} plain_row;

/* A block that has an id: what stands before it and what is in it. */
typedef struct plain_block {
    uint64_t parent, content, rest;
} plain_block;

typedef struct plain_ids {
    plain_block blocks[ROWS * MOST_BLOCKS];
    size_t count;
} plain_ids;

static uint64_t plain_id(plain_ids *ids, uint64_t parent, uint64_t content, uint64_t rest) {
    size_t i = 0;
    for (; i < ids->count; i++)
        if (ids->blocks[i].parent == parent && ids->blocks[i].content == content &&
            ids->blocks[i].rest == rest)
            return i;
    ids->blocks[ids->count++] = (plain_block){parent, content, rest};
    return i;
}

static int compare_rows(const void *a, const void *b) {
    const plain_row *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

/* Random rows as a CSV; `shuffled`: their times are in no order. */
static char *make_log(uint64_t seed, plain_row *rows, int shuffled) {
    char *text = malloc(ROWS * 64 + 256), *to = text;
    to += sprintf(to, HEAD); // NOLINT
    int64_t time = 0;
    for (size_t i = 0; i < ROWS; i++) {
        time = shuffled ? (int64_t)below(&seed, 50) : time + (int64_t)below(&seed, 3);
        rows[i] = (plain_row){.time = time,
                              .input = 1 + below(&seed, MOST_BLOCKS * BLOCK),
                              .output = below(&seed, 40),
                              .session = (unsigned)(below(&seed, 2) * below(&seed, 60)),
                              .place = i};
        to += sprintf(to, "%d,m,%d,%d,,", (int)time, (int)rows[i].input, // NOLINT
                      (int)rows[i].output);
        to += rows[i].session ? sprintf(to, "%u\n", rows[i].session) : sprintf(to, "\n"); // NOLINT
    }
    return text;
}

/* The trace is what the plain version makes of the rows. */
static void compare(void **state, plain_row *rows, uint64_t hash_blocks, uint64_t seed,
                    int no_sessions) {
    static plain_ids ids;
    mt_error error;
    mt_request request;
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, "convert", 7, "blocks", 6));
    ids.count = 0;
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < ROWS; i++)
        first = rows[i].time < first ? rows[i].time : first;
    qsort(rows, ROWS, sizeof *rows, compare_rows);
    mt_trace_reader *trace = mt_trace_open(in_folder(state, "trace"), 0, &error);
    assert_non_null(trace);
    for (size_t i = 0; i < ROWS; i++) {
        const plain_row *row = &rows[i];
        assert_int_equal(mt_trace_next(trace, &request, &error), 1);
        assert_int_equal(request.time_ns, (row->time - first) * INT64_C(1000000000));
        assert_int_equal(request.input_length, row->input);
        assert_int_equal(request.output_length, row->output);
        size_t count = (size_t)((row->input + BLOCK - 1) / BLOCK);
        assert_int_equal(request.hash_count, count);
        int has_session = row->session > 0 && !no_sessions;
        assert_int_equal((request.has & MT_HAS_SESSION) != 0, has_session);
        uint64_t parent = UINT64_MAX - (has_session ? row->session : 0);
        mt_random_seek(&random, row->place);
        for (size_t k = 0; k < count; k++) {
            uint64_t content = has_session ? k : mt_random_below(&random, hash_blocks + 1);
            uint64_t rest = has_session && k + 1 == count ? row->input % BLOCK : 0;
            parent = plain_id(&ids, parent, content, rest);
            assert_int_equal(request.hash_ids[k], parent);
        }
    }
    assert_int_equal(mt_trace_next(trace, &request, &error), 0);
    mt_trace_close(trace);
}

static void test_against_plain(void **state) {
    static const uint64_t hash_blocks[] = {0, 1, 3, 20, 10000};
    static plain_row rows[ROWS];
    mt_log_options log_options = {.time_digits = -1, .block_size = BLOCK};
    for (uint64_t n = 0; n < 20; n++) {
        mt_conversion_options options = plain;
        options.hash_blocks = hash_blocks[n % 5];
        options.seed = n;
        options.no_sessions = n % 3 == 2;
        char *text = make_log(n, rows, n % 2 == 1);
        source one = {.text = text, .speed = 1};
        convert(state, &options, &log_options, &one, 1, NULL);
        compare(state, rows, options.hash_blocks, n, options.no_sessions);
        free(text);
    }
}

/* However many rows are read and written at once, and whatever comes after them. */
static void test_in_pieces(void **state) {
    static plain_row rows[ROWS];
    mt_log_options log_options = {.time_digits = -1, .block_size = BLOCK};
    mt_conversion_options options = plain;
    mt_error error;
    options.hash_blocks = 5;
    char *text = make_log(3, rows, 0);
    source one = {.text = text, .speed = 1};
    convert(state, &options, &log_options, &one, 1, NULL);
    char whole[PATH_SIZE], command[2 * PATH_SIZE + 64];
    strcpy(whole, in_folder(state, "whole"));
    assert_int_equal(rename(in_folder(state, "trace"), whole), 0);
    mt_conversion *conversion = read_logs(state, &options, &log_options, &one, 1, 7, &error);
    assert_non_null(conversion);
    assert_int_equal(write_trace(state, conversion, 3, &error), MT_OK);
    mt_conversion_free(conversion);
    snprintf(command, sizeof command, "cmp '%s' '%s'", whole, in_folder(state, "trace"));
    assert_int_equal(system(command), 0); // NOLINT: paths of ours
    options.limit = 100;
    convert(state, &options, &log_options, &one, 1, NULL);
    snprintf(command, sizeof command, "head -n 100 '%s' | cmp - '%s'", whole,
             in_folder(state, "trace"));
    assert_int_equal(system(command), 0); // NOLINT: paths of ours
    free(text);
}

/* The contents of one-block prompts are uniform over 0..9, both included (p >= 1e-3 at seed 0). */
static void test_draws_are_uniform(void **state) {
    enum { MANY = 20000, CONTENTS = 10 };
    double counts[CONTENTS] = {0}, expected[CONTENTS];
    char *text = malloc(MANY * 16 + 256), *to = text;
    mt_conversion_options options = plain;
    mt_error error;
    mt_request request;
    options.hash_blocks = CONTENTS - 1;
    to += sprintf(to, HEAD); // NOLINT
    for (size_t i = 0; i < MANY; i++)
        to += sprintf(to, "1,m,5,5,,\n"); // NOLINT
    source one = {.text = text, .speed = 1};
    convert(state, &options, &any_log, &one, 1, NULL);
    mt_trace_reader *trace = mt_trace_open(in_folder(state, "trace"), 0, &error);
    while (mt_trace_next(trace, &request, &error) == 1) {
        assert_in_range(request.hash_ids[0], 0, CONTENTS - 1);
        counts[request.hash_ids[0]]++;
    }
    mt_trace_close(trace);
    for (size_t i = 0; i < CONTENTS; i++)
        expected[i] = (double)MANY / CONTENTS;
    assert_true(chi_square_test(counts, expected, CONTENTS) >= GOODNESS_BOUND);
    free(text);
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not %.17g", value, expected);
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void test_statistics(void **state) {
    source one = {.text = HEAD "0,m,100,4,,\n10,m,200,0,,\n30,m,600,2,,\n40,m,300,0,,\n",
                  .speed = 1};
    mt_conversion_result result;
    convert(state, &plain, &any_log, &one, 1, &result);
    assert_int_equal(result.input.min, 100);
    assert_int_equal(result.input.max, 600);
    assert_near(result.input.mean, 300, 1e-12);
    assert_near(result.input.sample_deviation, sqrt(140000.0 / 3), 1e-9);
    assert_near(result.output.mean, 1.5, 1e-12);
    assert_int_equal(result.longest, 602);
    assert_int_equal(result.without_output, 2);
    assert_int_equal(result.blocks, 1 + 2 + 5 + 3);
    assert_int_equal(result.duration_ns, INT64_C(40000000000));
    assert_int_equal(result.bins, 20);
    assert_near(result.bin_seconds, 2, 1e-12);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(result.in_bin[i], i == 0 || i == 5 || i == 15 || i == 19);
}

static void test_short_statistics(void **state) {
    source one = {.text = HEAD "5,m,100,4,,\n", .speed = 1};
    source instant = {.text = HEAD "5,m,100,4,,\n5,m,100,4,,\n", .speed = 1};
    source half = {.text = HEAD "5,m,1,4,,\n5.5,m,1,4,,\n", .speed = 1};
    source some = {.text = HEAD "5,m,1,4,,\n8.5,m,1,4,,\n", .speed = 1};
    mt_conversion_result result;
    convert(state, &plain, &any_log, &one, 1, &result);
    assert_int_equal(result.bins, 0);
    assert_true(isnan(result.input.sample_deviation));
    convert(state, &plain, &any_log, &instant, 1, &result);
    assert_int_equal(result.bins, 0);
    assert_near(result.input.sample_deviation, 0, 0);
    convert(state, &plain, &any_log, &half, 1, &result);
    assert_int_equal(result.bins, 1);
    assert_near(result.bin_seconds, 1, 0);
    assert_int_equal(result.in_bin[0], 2);
    convert(state, &plain, &any_log, &some, 1, &result);
    assert_int_equal(result.bins, 3);
    assert_near(result.bin_seconds, 3.5 / 3, 1e-12);
}

/* ---- the world ------------------------------------------------------------------------------- */

static void test_interrupted(void **state) {
    source one = {.text = HEAD "2,m,100,4,,\n1,m,300,4,,\n", .speed = 1};
    mt_error error;
    mt_trace_format format = {0};
    uint64_t written;
    mt_conversion *conversion = read_logs(state, &plain, &any_log, &one, 1, LARGE, &error);
    mt_output *output = mt_output_open(in_folder(state, "trace"), &error);
    mt_interrupt_flag = 1;
    assert_int_equal(mt_conversion_write(conversion, output, &format, 5, &written, &error),
                     MT_ERROR_INTERRUPTED);
    assert_int_equal(written, 0);
    mt_interrupt_flag = 0;
    mt_output_abandon(output);
    mt_conversion_free(conversion);
}

static void test_memory_runs_out(void **state) {
    source logs[] = {{.text = HEAD "2,A,100,4,t,a\n1,B,300,4,t,\n1,A,300,4,u,\n", .speed = 1},
                     {.text = HEAD "2,A,100,4,t,a\n1,A,300,4,t,\n", .speed = 1}};
    source chats[] = {{.text = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                               "\"output_length\": 5, \"hash_ids\": [7], \"x\": 1}\n",
                       .speed = 1},
                      {.text = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                               "\"output_length\": 5, \"hash_ids\": [7]}\n",
                       .speed = 1}};
    mt_conversion_options options = plain;
    for (int is_chats = 0; is_chats < 2; is_chats++) {
        options.model = is_chats ? NULL : "A";
        options.log_type = is_chats ? NULL : "t";
        for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
            mt_conversion *conversion =
                read_logs(state, &options, &any_log, is_chats ? chats : logs, 2, LARGE, &all.error);
            all.code =
                conversion ? write_trace(state, conversion, LARGE, &all.error) : all.error.code;
            mt_conversion_free(conversion);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_sessions),
        WITH_FOLDER(test_bailian),
        WITH_FOLDER(test_steps),
        WITH_FOLDER(test_several_logs),
        WITH_FOLDER(test_contents_of_several_logs),
        WITH_FOLDER(test_refused),
        WITH_FOLDER(test_against_plain),
        WITH_FOLDER(test_in_pieces),
        WITH_FOLDER(test_draws_are_uniform),
        WITH_FOLDER(test_statistics),
        WITH_FOLDER(test_short_statistics),
        WITH_FOLDER(test_interrupted),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("conversion", tests, NULL, NULL);
}
