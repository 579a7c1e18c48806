/* Logs as sources, and the steps that make a trace of them: prompts against a plain version, several
 * logs, what is measured. */
#include "file_support.h"
#include "goodness.h"
#include "trace_support.h"
#include "sweep.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "random/generator.h"
#include "trace/log/source.h"
#include "trace/end/ends.h"
#include "trace/step/steps.h"

#include <inttypes.h>
#include <math.h>

/* A log, how its rows are taken, and what it gave. */
typedef struct part {
    const char *text;
    double speed;
    mt_log_summary summary;
} part;

/* How the trace is made. */
typedef struct conversion {
    mt_log_options log;
    mt_log_wanted wanted;
    mt_prompts prompts;
    int once; /* without a first look */
} conversion;

static const conversion plain = {.log = {.time_digits = -1},
                                 .wanted = {.limit = UINT64_MAX},
                                 .prompts = {.block_size = 128, .hash_blocks = 10000}};

/* The requests of the log in order, from 0, at its speed. */
static mt_source *open_part(void **state, const conversion *how, const part *one, uint64_t number,
                            uint64_t rows_before, mt_error *error) {
    const char *path = in_folder(state, "log");
    mt_log_wanted wanted = how->wanted;
    unlink(path);
    write_file(path, one->text, strlen(one->text));
    wanted.number = number;
    wanted.rows_before = rows_before;
    mt_log *log = mt_log_open(path, &how->log, error);
    mt_source *source = log ? mt_source_log(log, &wanted, error) : NULL;
    source = mt_step_from_zero(mt_step_sort(source, 0, error), error);
    return one->speed == 1 ? source : mt_step_speed(source, one->speed, error);
}

/* All logs, one after the other. */
static mt_source *open_parts(void **state, const conversion *how, const part *parts, size_t count,
                             mt_error *error) {
    mt_source *sources[4];
    uint64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        sources[i] = open_part(state, how, &parts[i], i, rows, error);
        for (const char *at = parts[i].text; *at; at++)
            rows += *at == '\n';
        rows--; /* the header */
    }
    return mt_source_join(sources, count, 0, MT_INPUTS_SHARED_IDS, error);
}

/* The trace as a source, measured: NULL with the error when it cannot be made. */
static mt_source *open_trace(void **state, const conversion *how, const part *parts, size_t count,
                             mt_error *error) {
    mt_source *ahead = how->once ? NULL : open_parts(state, how, parts, count, error);
    if (!how->once && !ahead)
        return NULL;
    mt_source *below = open_parts(state, how, parts, count, error);
    return mt_step_measure(mt_step_prompts(below, ahead, &how->prompts, error), 0, 0, error);
}

static mt_code write_source(void **state, mt_source *source, mt_error *error) {
    mt_trace_format format = {.timestamp_digits = 6};
    mt_written written;
    mt_output *output = mt_output_open(in_folder(state, "trace"), error);
    if (!output)
        return error->code;
    mt_code code = mt_source_write(source, output, &format, UINT64_MAX, &written, error);
    if (code == MT_OK)
        return mt_output_finish(output, error);
    mt_output_abandon(output);
    return code;
}

static uint64_t distinct; /* ids of the last trace */

/* The whole way; the trace is in the folder's file "trace". */
static void convert(void **state, const conversion *how, const part *parts, size_t count,
                    mt_step_measures *measures) {
    mt_error error;
    mt_source *source = open_trace(state, how, parts, count, &error);
    if (!source || write_source(state, source, &error) != MT_OK)
        fail_msg("%s:%d: %s", error.source, (int)error.line, error.message);
    if (measures)
        assert_non_null(mt_source_measures(source, measures));
    distinct = mt_source_prompt_ids(source);
    mt_source_free(source);
}

/* One log, whose trace is this text. */
static void assert_trace(void **state, const conversion *how, const char *log, const char *trace) {
    part one = {.text = log, .speed = 1};
    convert(state, how, &one, 1, NULL);
    assert_content(in_folder(state, "trace"), trace);
}

#define HEAD "Timestamp,Model,Request tokens,Response tokens,Log Type,Session ID\n"

/* ---- known answers ---- */

static void test_sessions(void **state) {
    static const char log[] = HEAD "10,m,300,100,,7\n"
                                   "11.25,m,128,0,,8\n"
                                   "12,m,500,100,,7\n" /* 300 and 100 of before, 100 new */
                                   "13,m,200,5,,7\n"   /* ends inside the first prompt */
                                   "14,m,300,5,,7\n"   /* is the first prompt */
                                   "15,m,10,1,,\"9\"\n";
    assert_trace(
        state, &plain, log,
        "{\"timestamp\": 0, \"input_length\": 300, \"output_length\": 100, \"hash_ids\": [0, "
        "1, 2], \"session_id\": \"7\", \"model\": \"m\"}\n"
        "{\"timestamp\": 1250, \"input_length\": 128, \"output_length\": 0, \"hash_ids\": "
        "[3], \"session_id\": \"8\", \"model\": \"m\"}\n"
        "{\"timestamp\": 2000, \"input_length\": 500, \"output_length\": 100, \"hash_ids\": "
        "[0, 1, 4, 5], \"session_id\": \"7\", \"model\": \"m\"}\n"
        "{\"timestamp\": 3000, \"input_length\": 200, \"output_length\": 5, \"hash_ids\": "
        "[0, 6], \"session_id\": \"7\", \"model\": \"m\"}\n"
        "{\"timestamp\": 4000, \"input_length\": 300, \"output_length\": 5, \"hash_ids\": "
        "[0, 1, 2], \"session_id\": \"7\", \"model\": \"m\"}\n"
        "{\"timestamp\": 5000, \"input_length\": 10, \"output_length\": 1, \"hash_ids\": "
        "[7], \"session_id\": \"9\", \"model\": \"m\"}\n");
}

static void test_bailian(void **state) {
    conversion how = plain;
    how.prompts.block_size = 16;
    assert_trace(
        state, &how,
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

static void test_rows(void **state) {
    /* Model, type, skip, cap, in this order; the earliest kept request is at 0. */
    static const char log[] = HEAD "1,A,1,1,x,\n2,B,2,1,x,\n3,A,3,1,y,\n7,A,4,1,x,\n8,A,5,1,x,\n"
                                   "9,A,6,1,x,\n9,A,7,1,y,\n11,A,8,0,x,\n";
    conversion how = plain;
    part one = {.text = log, .speed = 4};
    mt_log_summary summary;
    mt_error error;
    char why[512];
    how.wanted = (mt_log_wanted){.model = "A", .log_type = "x", .skip = 1, .limit = 3};
    convert(state, &how, &one, 1, NULL);
    assert_content(in_folder(state, "trace"),
                   "{\"timestamp\": 0, \"input_length\": 4, \"output_length\": 1, \"hash_ids\": "
                   "[0], \"model\": \"A\", \"log_type\": \"x\"}\n"
                   "{\"timestamp\": 250, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": "
                   "[1], \"model\": \"A\", \"log_type\": \"x\"}\n"
                   "{\"timestamp\": 500, \"input_length\": 6, \"output_length\": 1, \"hash_ids\": "
                   "[2], \"model\": \"A\", \"log_type\": \"x\"}\n");
    mt_source *source = open_part(state, &how, &one, 0, 0, &error);
    assert_int_equal(write_source(state, source, &error), MT_OK);
    assert_non_null(mt_source_log_of(source, &summary));
    assert_int_equal(summary.rows, 8);
    assert_int_equal(summary.of_model, 7);
    assert_int_equal(summary.of_type, 5);
    assert_int_equal(summary.after_skip, 4);
    assert_int_equal(summary.kept, 3);
    assert_int_equal(summary.first_ns, INT64_C(7000000000));
    assert_int_equal(summary.last_ns, INT64_C(9000000000));
    mt_source_free(source);
    how.wanted = (mt_log_wanted){.model = "A", .log_type = "z", .limit = 3};
    source = open_part(state, &how, &one, 0, 0, &error);
    assert_int_equal(write_source(state, source, &error), MT_OK);
    assert_string_equal(mt_source_log_nothing(source, why, sizeof why),
                        "no row has the log type 'z'; there are 'x', 'y'");
    mt_source_free(source);
}

/* ---- several logs ---- */

static void test_several_logs(void **state) {
    part logs[] = {{.text = HEAD "100,m,300,1,,5\n104,m,300,1,,\n", .speed = 2},
                   {.text = HEAD "7,m,300,1,,5\n6,m,300,1,,\n8,m,300,2,,5\n", .speed = 1},
                   {.text = HEAD "0,m,1,1,,\n", .speed = 1}};
    mt_step_measures result;
    convert(state, &plain, logs, 3, &result);
    assert_content(
        in_folder(state, "trace"),
        "{\"timestamp\": 0, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": [0, "
        "1, 2], \"session_id\": \"5\", \"model\": \"m\"}\n"
        "{\"timestamp\": 2000, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": "
        "[3, 4, 5], \"model\": \"m\"}\n"
        "{\"timestamp\": 2000, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": "
        "[6, 7, 8], \"model\": \"m\"}\n"
        "{\"timestamp\": 3000, \"input_length\": 300, \"output_length\": 1, \"hash_ids\": "
        "[9, 10, 11], \"session_id\": \"5/2\", \"model\": \"m\"}\n"
        "{\"timestamp\": 4000, \"input_length\": 300, \"output_length\": 2, \"hash_ids\": "
        "[9, 10, 11], \"session_id\": \"5/2\", \"model\": \"m\"}\n"
        "{\"timestamp\": 4000, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": "
        "[12], \"model\": \"m\"}\n");
    assert_int_equal(result.sessions, 2);
    assert_int_equal(result.requests, 6);
}

/* Ids of one log mean nothing in another; words do. */
static void test_contents_of_several_logs(void **state) {
    const char *bailian = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                          "\"output_length\": 5, \"hash_ids\": [7]}\n";
    const char *texts = "[{\"messages\": [{\"role\": \"user\", \"content\": \"a b\"}, {\"role\": "
                        "\"gpt\"}]}]";
    mt_step_measures result;
    part ids[] = {{.text = bailian, .speed = 1}, {.text = bailian, .speed = 1}};
    part words[] = {{.text = texts, .speed = 1}, {.text = texts, .speed = 1}};
    convert(state, &plain, ids, 2, &result);
    assert_int_equal(distinct, 2);
    convert(state, &plain, words, 2, &result);
    assert_int_equal(distinct, 1);
}

static void test_backwards(void **state) {
    part one = {.text = HEAD "7,m,1,1,,\n6,m,1,1,,\n8,m,1,1,,\n7,m,1,1,,\n", .speed = 1};
    mt_log_summary summary;
    mt_error error;
    mt_source *source = open_part(state, &plain, &one, 0, 0, &error);
    assert_int_equal(write_source(state, source, &error), MT_OK);
    mt_source_log_of(source, &summary);
    assert_int_equal(summary.backwards, 2);
    assert_int_equal(summary.backwards_line, 3);
    mt_source_free(source);
}

static void assert_refused(void **state, const conversion *how, const char *text, mt_code code,
                           const char *message) {
    part one = {.text = text, .speed = 1};
    mt_error error = {0};
    mt_source *source = open_trace(state, how, &one, 1, &error);
    assert_null(source);
    if (!strstr(error.message, message))
        fail_msg("'%s' is not in '%s'", message, error.message);
    assert_int_equal(error.code, code);
}

static void test_refused(void **state) {
    conversion how = plain;
    const char *azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,1\n";
    const char *bailian = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                          "\"output_length\": 5, \"hash_ids\": [7]}\n";
    assert_refused(state, &how, HEAD "-9e9,m,1,1,,\n9e9,m,1,1,,\n", MT_ERROR_VALUE, "292 years");
    how.wanted.model = "x";
    assert_refused(state, &how, azure, MT_ERROR_INPUT,
                   "the log (azure) has no column of models to filter by");
    how.wanted = (mt_log_wanted){.log_type = "x", .limit = UINT64_MAX};
    assert_refused(state, &how, azure, MT_ERROR_INPUT, "no column of log types");
    how = plain;
    how.prompts.block_size = 8;
    assert_refused(state, &how, bailian, MT_ERROR_INPUT, "hash_ids");
    how.prompts.block_size = 0;
    assert_refused(state, &how, azure, MT_ERROR_VALUE, "blocks of at least 1 token");
}

/* Prompts of what is no log: drawn by the request's place in the trace, and lengths are needed. */
static void test_prompts_of_columns(void **state) {
    mt_columns columns = {0};
    mt_error error;
    mt_request request = {.has = MT_HAS_INPUT_LENGTH, .input_length = 300}, made;
    assert_int_equal(mt_columns_append(&columns, &request, &error), MT_OK);
    request.input_length = 0;
    assert_int_equal(mt_columns_append(&columns, &request, &error), MT_OK);
    request.has = 0;
    assert_int_equal(mt_columns_append(&columns, &request, &error), MT_OK);
    mt_source *source = mt_step_first(mt_source_columns(&columns, &error), 2, &error);
    source = mt_step_prompts(source, NULL, &plain.prompts, &error);
    assert_int_equal(mt_source_next(source, &made, &error), 1);
    assert_int_equal(made.hash_count, 3);
    assert_int_equal(mt_source_next(source, &made, &error), 1);
    assert_int_equal(made.hash_count, 0);
    assert_int_equal(mt_source_next(source, &made, &error), 0);
    assert_int_equal(mt_source_next(source, &made, &error), 0);
    mt_source_free(source);
    source = mt_step_prompts(mt_source_columns(&columns, &error), NULL, &plain.prompts, &error);
    assert_int_equal(mt_source_next(source, &made, &error), -1);
    assert_non_null(strstr(error.message, "no input_length"));
    mt_source_free(source);
    mt_columns_free(&columns);
    (void)state;
}

/* ---- against a plain version ---- */

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
    mt_source *trace = mt_source_open(in_folder(state, "trace"), 0, &error);
    assert_non_null(trace);
    for (size_t i = 0; i < ROWS; i++) {
        const plain_row *row = &rows[i];
        assert_int_equal(mt_source_next(trace, &request, &error), 1);
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
    assert_int_equal(mt_source_next(trace, &request, &error), 0);
    mt_source_free(trace);
}

static void test_against_plain(void **state) {
    static const uint64_t hash_blocks[] = {0, 1, 3, 20, 10000};
    static plain_row rows[ROWS];
    for (uint64_t n = 0; n < 20; n++) {
        conversion how = plain;
        how.prompts = (mt_prompts){.block_size = BLOCK,
                                   .hash_blocks = hash_blocks[n % 5],
                                   .seed = n,
                                   .no_sessions = n % 3 == 2};
        how.once = n % 4 == 3;
        char *text = make_log(n, rows, n % 2 == 1);
        part one = {.text = text, .speed = 1};
        convert(state, &how, &one, 1, NULL);
        compare(state, rows, hash_blocks[n % 5], n, n % 3 == 2);
        free(text);
    }
}

/* Whatever comes after it, a request has its blocks; and with a first look or without. */
static void test_in_pieces(void **state) {
    static plain_row rows[ROWS];
    conversion how = plain;
    how.prompts.block_size = BLOCK;
    how.prompts.hash_blocks = 5;
    char *text = make_log(3, rows, 0);
    part one = {.text = text, .speed = 1};
    convert(state, &how, &one, 1, NULL);
    char whole[PATH_SIZE], command[2 * PATH_SIZE + 64];
    strcpy(whole, in_folder(state, "whole"));
    assert_int_equal(rename(in_folder(state, "trace"), whole), 0);
    how.once = 1;
    convert(state, &how, &one, 1, NULL);
    snprintf(command, sizeof command, "cmp '%s' '%s'", whole, in_folder(state, "trace"));
    assert_int_equal(system(command), 0); // NOLINT: paths of ours
    how.wanted.limit = 100;
    convert(state, &how, &one, 1, NULL);
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
    conversion how = plain;
    mt_error error;
    mt_request request;
    how.prompts.hash_blocks = CONTENTS - 1;
    to += sprintf(to, HEAD); // NOLINT
    for (size_t i = 0; i < MANY; i++)
        to += sprintf(to, "1,m,5,5,,\n"); // NOLINT
    part one = {.text = text, .speed = 1};
    convert(state, &how, &one, 1, NULL);
    mt_source *trace = mt_source_open(in_folder(state, "trace"), 0, &error);
    while (mt_source_next(trace, &request, &error) == 1) {
        assert_in_range(request.hash_ids[0], 0, CONTENTS - 1);
        counts[request.hash_ids[0]]++;
    }
    mt_source_free(trace);
    for (size_t i = 0; i < CONTENTS; i++)
        expected[i] = (double)MANY / CONTENTS;
    assert_true(chi_square_test(counts, expected, CONTENTS) >= GOODNESS_BOUND);
    free(text);
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not %.17g", value, expected);
}

/* ---- what is measured ---- */

static void test_measures(void **state) {
    part one = {.text = HEAD "0,m,100,4,,\n10,m,200,0,,\n30,m,600,2,,\n40,m,300,0,,\n", .speed = 1};
    mt_step_measures result;
    mt_error error;
    mt_source *source = mt_step_measure(open_trace(state, &plain, &one, 1, &error),
                                        INT64_C(40000000000), 20, &error);
    assert_int_equal(write_source(state, source, &error), MT_OK);
    const uint64_t *in_bin = mt_source_measures(source, &result);
    assert_near(result.input.min, 100, 0);
    assert_near(result.input.max, 600, 0);
    assert_near(result.input.mean, 300, 1e-12);
    assert_near(result.input.sample_deviation, sqrt(140000.0 / 3), 1e-9);
    assert_near(result.output.mean, 1.5, 1e-12);
    assert_int_equal(result.longest, 602);
    assert_int_equal(result.without_output, 2);
    assert_int_equal(result.blocks, 1 + 2 + 5 + 3);
    assert_int_equal(mt_source_prompt_ids(source), 1 + 2 + 5 + 3);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(in_bin[i], i == 0 || i == 5 || i == 15 || i == 19);
    mt_source_free(source);
    source = open_part(state, &plain, &one, 0, 0, &error);
    assert_null(mt_source_measures(source, &result));
    assert_null(mt_step_measure(source, 0, 20, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
}

/* ---- the world ---- */

static void test_interrupted(void **state) {
    part one = {.text = HEAD "2,m,100,4,,\n1,m,300,4,,\n", .speed = 1};
    conversion how = plain;
    mt_error error;
    how.once = 1;
    mt_source *source = open_trace(state, &how, &one, 1, &error);
    mt_interrupt_flag = 1;
    assert_int_equal(write_source(state, source, &error), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_source_free(source);
}

static void test_memory_runs_out(void **state) {
    part logs[] = {{.text = HEAD "2,A,100,4,t,a\n1,B,300,4,t,\n1,A,300,4,u,\n", .speed = 1},
                   {.text = HEAD "2,A,100,4,t,a\n1,A,300,4,t,\n", .speed = 1}};
    part chats[] = {{.text = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                             "\"output_length\": 5, \"hash_ids\": [7], \"x\": 1}\n",
                     .speed = 1},
                    {.text = "{\"chat_id\": 1, \"timestamp\": 2, \"input_length\": 16, "
                             "\"output_length\": 5, \"hash_ids\": [7]}\n",
                     .speed = 1}};
    for (int is_chats = 0; is_chats < 2; is_chats++) {
        conversion how = plain;
        how.wanted.model = is_chats ? NULL : "A";
        how.wanted.log_type = is_chats ? NULL : "t";
        how.prompts.block_size = is_chats ? 16 : 128;
        for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
            mt_source *source = open_trace(state, &how, is_chats ? chats : logs, 2, &all.error);
            all.code = source ? write_source(state, source, &all.error) : all.error.code;
            mt_source_free(source);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_sessions),
        WITH_FOLDER(test_bailian),
        WITH_FOLDER(test_rows),
        WITH_FOLDER(test_several_logs),
        WITH_FOLDER(test_contents_of_several_logs),
        WITH_FOLDER(test_backwards),
        WITH_FOLDER(test_refused),
        WITH_FOLDER(test_prompts_of_columns),
        WITH_FOLDER(test_against_plain),
        WITH_FOLDER(test_in_pieces),
        WITH_FOLDER(test_draws_are_uniform),
        WITH_FOLDER(test_measures),
        WITH_FOLDER(test_interrupted),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("conversion", tests, NULL, NULL);
}
