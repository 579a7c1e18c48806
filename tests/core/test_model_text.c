/* The model's file: to the letter, read again, cut at every byte, everything that can be wrong with
 * it, mutations of it, memory that is out. */
#include "../fuzz/model.c"
#include "file_support.h"
#include "model_support.h"
#include "sweep.h"

#include "base/memory.h"
#include "prefix/gaps/gaps.h"
#include "prefix/reuse/reuse.h"

static mt_model *learn_by_hand(void) {
    static const uint64_t ids[] = {0, 1, 2, 3, 4, 5};
    static const struct {
        int64_t time_ns;
        uint64_t input, output;
        size_t first, count;
    } requests[] = {{0, 20, 11, 0, 2},         {1000000, 48, 12, 0, 3}, {1000000, 16, 13, 0, 1},
                    {2500000, 40, 1000, 0, 3}, {2500001, 30, 3, 4, 2},  {2500001, 40, 9, 0, 3},
                    {INT64_MAX, 500, 0, 0, 0}};
    mt_learner *learner = new_learner(16);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                              .time_ns = requests[i].time_ns,
                              .input_length = requests[i].input,
                              .output_length = requests[i].output,
                              .hash_ids = ids + requests[i].first,
                              .hash_count = requests[i].count};
        if (requests[i].output != 13)
            request.has |= MT_HAS_OUTPUT_LENGTH;
        learn(learner, request);
    }
    return finish_learner(learner);
}

#define FIRST_LINES "moontide model 1\n" SIZES
#define CHAINED_FIRST_LINES "moontide model 3\n" SIZES
#define SIZES                                                                                      \
    "block_size 16\n"                                                                              \
    "requests 7\n"                                                                                 \
    "runs 5\n"                                                                                     \
    "instants 5\n"
#define DESCRIPTIONS                                                                               \
    "# shared returning unique: tokens output visits distance elapsed beyond return "              \
    "end:distance\n"                                                                               \
    "descriptions\n"                                                                               \
    "0 0 0:\n"                                                                                     \
    "500 0\n"                                                                                      \
    "0 0 2:\n"                                                                                     \
    "14 3\n"                                                                                       \
    "0 2 0:\n"                                                                                     \
    "4 11\n"                                                                                       \
    "1 0 0:\n"                                                                                     \
    "16 - 2 3 3 2 2\n"                                                                             \
    "2 1 0:\n"                                                                                     \
    "16 12 1 2 2 0 2\n"                                                                            \
    "3 0 0:\n"                                                                                     \
    "8 9 2 5 5 0 3\n"                                                                              \
    "8 1000 1 3 4 0 1 1:1\n"
#define ARRIVALS                                                                                   \
    "arrivals\n"                                                                                   \
    "0\n"                                                                                          \
    "1 2\n"                                                                                        \
    "1.5\n"                                                                                        \
    "0.000001 2\n"                                                                                 \
    "9223372036852.275806\n"
#define TALLIES                                                                                    \
    "batches\n"                                                                                    \
    "1 3\n"                                                                                        \
    "2 2\n"                                                                                        \
    "gaps\n"                                                                                       \
    "0.000001\n"                                                                                   \
    "1\n"                                                                                          \
    "1.5\n"                                                                                        \
    "9223372036852.275806\n"

#define CHAINS                                                                                     \
    "chains 5\n"                                                                                   \
    "0 2 1 4 0 3\n"                                                                                \
    "2 6:1\n"                                                                                      \
    "1 1\n"                                                                                        \
    "0 5:1\n"                                                                                      \
    "1 0\n"

/* As older ones are, without chains; and as models are written. */
static const char whole[] = FIRST_LINES "order kept\n" DESCRIPTIONS ARRIVALS;
static const char chained[] = CHAINED_FIRST_LINES "order kept\n" DESCRIPTIONS ARRIVALS CHAINS;
static const char unordered[] = FIRST_LINES "order left_out\n" DESCRIPTIONS TALLIES;

static void write_model(const mt_model *model, int keep_order, const char *path) {
    mt_error error;
    mt_output *output = mt_output_open(path, &error);
    assert_non_null(output);
    assert_int_equal(mt_model_write(model, keep_order, output, &error), MT_OK);
    assert_int_equal(mt_output_finish(output, &error), MT_OK);
}

static mt_model *try_model(const char *path, mt_error *error) {
    mt_input *input = mt_input_open(path, error);
    assert_non_null(input);
    mt_model *model = mt_model_read(input, error);
    mt_input_close(input);
    return model;
}

static mt_model *read_model(const char *path) {
    mt_error error;
    mt_model *model = try_model(path, &error);
    if (!model)
        fail_msg("%s:%d:%d: %s", error.source, (int)error.line, (int)error.column, error.message);
    return model;
}

static void test_by_hand(void **state) {
    const char *path = in_folder(state, "by-hand.model");
    mt_model *model = learn_by_hand();
    write_model(model, 1, path);
    assert_content(path, chained);
    mt_model *again = read_model(path);
    assert_same_model(model, again);
    write_model(model, 0, path);
    assert_content(path, unordered);
    mt_model_release(again);
    again = read_model(path);
    assert_same_descriptions(model, again);
    assert_int_equal(again->gaps_in_order, 0);
    assert_memory_equal(again->gaps_ns,
                        ((int64_t[]){0, 1, 1000000, 1500000, 0, 9223372036852275806, 0}),
                        7 * sizeof(int64_t));
    /* What is not there cannot be written any more. */
    write_model(again, 1, path);
    assert_content(path, unordered);
    mt_model_release(model);
    mt_model_release(again);
}

/* A file that was written by hand may have comments and lines that end as elsewhere. */
static void test_comments(void **state) {
    const char *path = in_folder(state, "comments.model");
    char text[2 * sizeof chained];
    size_t length = 0;
    for (const char *byte = chained; *byte; byte++) {
        if (*byte == '\n')
            text[length++] = '\r';
        text[length++] = *byte;
    }
    length += (size_t)snprintf(text + length, sizeof text - length, "# over\n\n# indeed");
    write_file(path, text, length);
    mt_model *model = learn_by_hand(), *again = read_model(path);
    assert_same_model(model, again);
    mt_model_release(model);
    mt_model_release(again);
}

static void test_random_models(void **state) {
    static plain_trace trace;
    uint64_t random = 1;
    for (int round = 0; round < 40; round++) {
        const char *path = in_folder(state, round % 2 ? "random.model" : "random.model.gz");
        make_plain_trace(&trace, (id_kind)(round % ID_KINDS), &random);
        mt_model *model = learn_plain(&trace);
        write_model(model, 1, path);
        mt_model *again = read_model(path);
        assert_same_model(model, again);
        mt_model_release(again);
        mt_model_release(model);
    }
}

/* Times drawn independently need no order: they are those that the whole model gives. */
static void test_independent_gaps(void **state) {
    static plain_trace trace;
    uint64_t random = 5;
    make_plain_trace(&trace, IDS_RENAMED, &random);
    mt_model *model = learn_plain(&trace);
    const char *path = in_folder(state, "gaps.model");
    write_model(model, 0, path);
    mt_model *again = read_model(path);
    mt_gaps *first = mt_gaps_new(MT_GAPS_IID, model->gaps_ns, model->count, 3, NULL);
    mt_gaps *second = mt_gaps_new(MT_GAPS_IID, again->gaps_ns, again->count, 3, NULL);
    for (int i = 0; i < 1000; i++) {
        int64_t wanted, time_ns;
        assert_int_equal(mt_gaps_next(first, &wanted, NULL), MT_OK);
        assert_int_equal(mt_gaps_next(second, &time_ns, NULL), MT_OK);
        assert_int_equal(time_ns, wanted);
    }
    mt_gaps_free(first);
    mt_gaps_free(second);
    mt_model_release(model);
    mt_model_release(again);
}

/* What is made of a model that was read is what is made of the one that was learnt. */
static void test_same_synthesis(void **state) {
    static plain_trace trace;
    uint64_t random = 6;
    mt_synthesis_options options = {.seed = 4,
                                    .block_size = TRACE_BLOCK_SIZE,
                                    .prefix_len_multiplier = 1,
                                    .prompt_len_multiplier = 1,
                                    .osl_multiplier = 1,
                                    .prefix_root_multiplier = 2,
                                    .max_isl = UINT64_MAX,
                                    .max_osl = UINT64_MAX};
    const char *path = in_folder(state, "synthesis.model");
    mt_synthetic made = {0}, again = {0};
    make_plain_trace(&trace, IDS_OF_CONTENT, &random);
    mt_model *model = learn_plain(&trace);
    write_model(model, 1, path);
    mt_model *read = read_model(path);
    mt_reuse *first = mt_reuse_new(model, &options, NULL),
             *second = mt_reuse_new(read, &options, NULL);
    assert_non_null(first);
    assert_non_null(second);
    for (int i = 0; i < 3 * TRACE_REQUESTS; i++) {
        assert_int_equal(mt_reuse_next(first, &made, NULL), MT_OK);
        assert_int_equal(mt_reuse_next(second, &again, NULL), MT_OK);
        assert_int_equal(made.input_length, again.input_length);
        assert_int_equal(made.has_output, again.has_output);
        assert_int_equal(made.output_length, again.output_length);
        assert_int_equal(made.hash_count, again.hash_count);
        if (made.hash_count > 0)
            assert_memory_equal(made.hash_ids, again.hash_ids,
                                made.hash_count * sizeof *made.hash_ids);
    }
    mt_reuse_free(first);
    mt_reuse_free(second);
    mt_free(made.hash_ids);
    mt_free(again.hash_ids);
    mt_model_release(model);
    mt_model_release(read);
}

/* ---- what is refused ---- */

static mt_error refused(const char *path) {
    mt_error error = {0};
    mt_model *model = try_model(path, &error);
    if (model)
        fail_msg("%s was read", path);
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_string_equal(error.source, path);
    return error;
}

/* A file that lacks its end, at whatever byte, is no model; and says where it ends. */
static void test_cut(void **state) {
    const char *texts[] = {whole, unordered};
    for (int i = 0; i < 2; i++)
        for (size_t length = 0; length < strlen(texts[i]); length++) {
            const char *path = in_folder(state, "cut.model");
            write_file(path, texts[i], length);
            mt_error error = refused(path);
            uint64_t line = 1;
            for (size_t at = 0; at < length; at++)
                line += texts[i][at] == '\n';
            if (length < strlen(MT_MODEL_MAGIC)) {
                assert_non_null(strstr(error.message, "this is no model"));
            } else {
                assert_non_null(strstr(error.message, "it seems to be cut"));
                assert_int_equal(error.line, line);
            }
        }
}

static void test_cut_gzip(void **state) {
    const char *path = in_folder(state, "whole.model.gz");
    mt_model *model = learn_by_hand();
    write_model(model, 1, path);
    mt_model_release(model);
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_in_range(size, 100, sizeof bytes - 1);
    for (size_t length = 0; length < size; length++) {
        write_file(path, bytes, length);
        refused(path);
    }
}

/* The text with its first `from` replaced. */
static void write_changed(const char *path, const char *text, const char *from, const char *to) {
    char changed[2048];
    const char *at = strstr(text, from);
    assert_non_null(at);
    int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                          at + strlen(from));
    assert_in_range(length, 1, sizeof changed - 1);
    write_file(path, changed, (size_t)length);
}

static void test_wrong(void **state) {
    static const struct wrong {
        const char *from, *to;
        const char *message; /* with line and column */
    } ordered[] =
        {
            {"moontide model 1", "{\"timestamp\": 0}",
             "1: this is no model: it begins with '{\"timestamp\": 0}' "
             "(of a trace 'moontide learn TRACE -o NAME.model' makes one)"},
            {"model 1", "model 2",
             "28: chains should follow, but the file ends here: it seems to be cut"},
            {"model 1", "model 3",
             "28: chains should follow, but the file ends here: it seems to be cut"},
            {"model 1", "model 4",
             "1: a model of version 4: this moontide reads version 3, a newer one is needed"},
            {"model 1", "model 0",
             "1:16: the version must be between 1 and 18446744073709551615, not 0"},
            {"model 1", "model", "1:15: the version is missing"},
            {"model 1", "model 1a", "1:16: the version must be a whole number, not '1a'"},
            {"model 1", "model 1 2", "1:17: the line should end here, not go on with ' 2'"},
            {"model 1", "models", "1:15: a space and the version should follow, not 's'"},
            {"block_size 16", "block_size 0",
             "2:12: block_size must be between 1 and 9223372036854775807, not 0"},
            {"block_size 16", "blocksize 16", "2:1: a line with block_size should stand here"},
            {"block_size 16\n", "", "2:1: a line with block_size should stand here"},
            {"requests 7", "requests 0",
             "3:10: requests must be between 1 and 18446744073709551615, not 0"},
            {"requests 7", "requests -7", "3:10: requests must be a whole number, not '-7'"},
            {"requests 7", "requests 99999999999999999999",
             "3:10: requests must be between 1 and 18446744073709551615, not 99999999999999999999"},
            {"requests 7", "requests 6", "20: the descriptions have 3 runs, not 5"},
            {"requests 7", "requests 8", "22:1: tokens must be a whole number, not 'arrivals'"},
            {"runs 5", "runs 4", "21: the descriptions have 5 runs, not 4"},
            {"instants 5", "instants 8", "5:10: instants must be between 1 and 7, not 8"},
            {"instants 5", "instants 4", "26: the instants have 6 requests, not 7"},
            {"order kept", "order",
             "6:1: a line 'order kept' or 'order left_out' should stand here"},
            {"order kept", "order left_out", "22:1: a line 'batches' should stand here"},
            {"order kept", "order kept well",
             "6:11: the line should end here, not go on with ' well'"},
            {"descriptions\n0 0 0:\n", "descriptions\n",
             "9:1: a line 'shared returning unique:' should stand here"},
            {"0 0 2:", "0 0:", "11:4: a space and unique should follow, not ':'"},
            {"0 0 2:", "0 0 2", "11:4: the line should end here, not go on with ' 2'"},
            {"0 0 2:", "0 0 4294967296:",
             "11:5: unique must be between 0 and 4294967295, not 4294967296:"},
            {"0 0 2:", "0 2 4294967295:",
             "11: shared + returning + unique must be at most 16777216 blocks, not 4294967297"},
            {"0 0 2:", "0 1 16777216:",
             "11: shared + returning + unique must be at most 16777216 blocks, not 16777217"},
            {"14 3", "0 3", "12:1: tokens must be between 1 and 16, not 0"},
            {"14 3", "17 3", "12:1: tokens must be between 1 and 16, not 17"},
            {"14 3", "14", "12:3: output is missing"},
            {"14 3", "14 18446744073709551615",
             "12:4: output must be between 0 and 18446744073709551614, not 18446744073709551615"},
            {"14 3", "14 3 1", "12:5: the line should end here, not go on with ' 1'"},
            {"14 3", "14  3", "12:4: output must be a whole number, not ' 3'"},
            {"14 3\n", "14 3\n\n", "13:1: tokens is missing"},
            {"16 - 2 3 3 2 2", "16 - 2 3 3 2", "16:13: return is missing"},
            {"16 - 2 3 3 2 2", "16 - 2 3 2 2 2", "16: 2 blocks touched, 3 of them different"},
            {"16 - 2 3 3 2 2", "16 - 0 3 3 2 2", "16:6: visits must be between 1 and 7, not 0"},
            {"16 - 2 3 3 2 2", "16 - 2 0 3 2 2",
             "16:8: distance must be between 1 and 4294967295, not 0"},
            {"16 - 2 3 3 2 2", "16 - 2 3 3 2 0",
             "16: the block was visited before, at a distance of 0"},
            {"16 - 2 3 3 2 2", "16 - 2 3 3 2 2 1:2",
             "16: a run ends at block 1, not between 2 and 1"},
            {"16 - 2 3 3 2 2", "16 - 8 3 3 2 2", "16:6: visits must be between 1 and 7, not 8"},
            {"16 - 2 3 3 2 2", "16 - 2 6 9 2 2", "21: a distance of 6, but there are 5 blocks"},
            {"16 - 2 3 3 2 2", "16 - 2 3 3 2 6", "21: a distance of 6, but there are 5 blocks"},
            {"16 - 2 3 3 2 2", "16 - 2 3 15 2 2", "21: 15 blocks elapsed, but only 14 are touched"},
            {"16 12 1 2 2 0 2", "16 12 1 2 2 0 0",
             "18: 0 of 2 shared blocks come back for the first time"},
            {"16 12 1 2 2 0 2", "16 12 1 2 2 0 3",
             "18: 3 of 2 shared blocks come back for the first time"},
            {"16 12 1 2 2 0 2", "16 12 1 1 2 0 2",
             "18: a distance of 1 after one of 0, 2 blocks deep: they rise"},
            {"16 12 1 2 2 0 2", "16 12 1 2 2 0 1",
             "21: 2 blocks come back for the first time, but 3 are new and come back"},
            {"0 1 1:1", "0 1 1:3", "21: a distance of 3 after one of 3, 3 blocks deep: they rise"},
            {"0 1 1:1", "0 1 3:1", "21: a distance of 1 after one of 0, 3 blocks deep: they rise"},
            {"0 1 1:1", "0 1 0:1", "21:18: a run's end must be between 1 and 4294967295, not 0:1"},
            {"0 1 1:1", "0 1 1", "21:19: ':' and a distance should follow a run's end"},
            {"0 1 1:1", "0 1 1: 1:2", "21:20: a distance must be a whole number, not ' 1:2'"},
            {"0 1 1:1", "0 1 1:x", "21:20: a distance must be a whole number, not 'x'"},
            {"0 1 1:1", "0 1 2:2 1:1", "21: a run ends at block 1, not between 3 and 3"},
            {"arrivals\n0\n", "arrivals\n1\n", "23: the first gap must be 0"},
            {"1.5\n", "0\n", "25: only the first gap is 0"},
            {"1.5\n", "0.0000001\n", "25: only the first gap is 0"},
            {"1.5\n", "-1\n", "25:1: a gap of -1 ms is out of range"},
            {"1.5\n", "1.5s\n", "25:1: a gap must be a number of milliseconds, not '1.5s'"},
            {"1.5\n", "\n", "25:1: a gap must be a number of milliseconds, not ''"},
            {"1.5\n", "1.5 0\n", "25:5: requests must be between 1 and 7, not 0"},
            {"1.5\n", "1.5 6\n", "25: the instants have more than 7 requests"},
            {"1.5\n", "1.5 2\n", "27: the instants have more than 7 requests"},
            {"1 2\n", "1\n", "27: the instants have 6 requests, not 7"},
            {"1.5\n", "9223372036854.775807\n", "25: the gaps take longer than 292 years"},
            {"275806\n", "275806\n7\n", "28: the model is complete, but the file goes on"},
        },
      tallied[] = {
          {"batches\n1 3", "batches\n1 6", "23:3: instants must be between 1 and 5, not 6"},
          {"batches\n1 3\n2 2", "batches\n2 2\n1 3", "24: the requests of an instant must rise"},
          {"\n2 2\ng", "\n3 2\ng", "24: the instants have more than 7 requests"},
          {"batches\n1 3\n2 2", "batches\n1 5", "23: the instants have 5 requests, not 7"},
          {"batches\n1 3\n2 2", "batches\n8 5", "23:1: requests must be between 1 and 7, not 8"},
          {"gaps\n", "gaps\n0\n", "26: the gaps must rise"},
          {"\n1\n", "\n0.000001\n", "27: the gaps must rise"},
          {"\n1\n", "\n1 4\n", "27:3: times must be between 1 and 3, not 4"},
          {"1.5\n922", "922", "it seems to be cut"},
          {"\n1\n", "\n1 2\n", "29: the model is complete, but the file goes on"},
      };
    static const struct wrong chains[] = {
        {"chains 5", "5 chains", "28:1: a line with chains should stand here"},
        {"chains 5", "chains 8", "28:8: chains must be between 1 and 7, not 8"},
        {"chains 5", "chains 4", "32: the chains have 6 turns, not 7"},
        {"chains 5", "chains 6", "34: a chain should follow, but the file ends here"},
        {"0 2 1 4 0 3", "0 2 1 4 x 3", "29:9: a gap must be a number of milliseconds, not 'x'"},
        {"0 2 1 4 0 3", "0 2 1 4 0", "29:10: a description is missing"},
        {"0 2 1 4 0 3", "0 2 1 4 0 7", "29:11: a description must be between 0 and 6, not 7"},
        {"0 2 1 4 0 3", "0 2 1 4 0 2", "29: description 2 is of two turns"},
        {"0 2 1 4 0 3", "0 3 1 4 0 2", "29: turn 0 shares 1 blocks, and the turn before"},
        {"0 2 1 4 0 3", "0 4 1 2 0 3", "29: turn 0 shares 2 blocks, and the turn before"},
        {"2 6:1", "2 6:7", "30:5: an origin must be between 0 and 6, not 7"},
        {"2 6:1", "2 6:2", "33: turn 3 cannot share 3 blocks of turn 2"},
        {"2 6:1", "2 6:1x", "30:5: an origin must be a whole number, not '1x'"},
        {"\n1 1\n", "\n1 1:0\n", "31: a turn that shares nothing has an origin"},
        {"2 6:1", "6 6:1", "30:1: instants must be between 0 and 5, not 6"},
        {"2 6:1", "5 6:1", "30: a chain begins after the last instant"},
        {"2 6:1", "0.5 6:1", "30:1: instants must be a whole number, not '0.5'"},
        {"2 1 4 0 3", "2 9223372036854 4 1 3", "29: a turn comes after more than 292 years"},
        {"chains 5", "answers 1\nchains 5", "28:10: what a token of an answer takes is missing"},
        {"chains 5", "answers 1 x\nchains 5",
         "28:11: a gap must be a number of milliseconds, not 'x'"},
        {"chains 5", "answers 1 2 3\nchains 5", "28:12: "},
    };
    const char *path = in_folder(state, "wrong.model");
    int unlike = 0;
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        char text[2 * MT_ERROR_MESSAGE_SIZE];
        write_changed(path, chained, chains[i].from, chains[i].to);
        mt_error error = refused(path);
        error.source[0] = 0;
        if (!strstr(mt_error_text(&error, text, sizeof text), chains[i].message))
            print_message("'%s': %s, not %s\n", chains[i].to, text, chains[i].message), unlike++;
    }
    for (size_t i = 0; i < sizeof ordered / sizeof ordered[0] + sizeof tallied / sizeof tallied[0];
         i++) {
        size_t count = sizeof ordered / sizeof ordered[0];
        const char *from = i < count ? ordered[i].from : tallied[i - count].from;
        const char *to = i < count ? ordered[i].to : tallied[i - count].to;
        const char *message = i < count ? ordered[i].message : tallied[i - count].message;
        char text[2 * MT_ERROR_MESSAGE_SIZE];
        write_changed(path, i < count ? whole : unordered, from, to);
        mt_error error = refused(path);
        error.source[0] = 0;
        if (!strstr(mt_error_text(&error, text, sizeof text), message))
            print_message("'%s' for '%s': %s, not %s\n", to, from, text, message), unlike++;
    }
    assert_int_equal(unlike, 0);
}

/* Nobody could be first. */
static void test_all_share(void **state) {
    const char *path = in_folder(state, "all.model");
    const char text[] = "moontide model 1\nblock_size 16\nrequests 1\nruns 1\ninstants 1\norder "
                        "kept\ndescriptions\n1 1 0:\n4 4 1 1 1 0 1\narrivals\n0\n";
    write_file(path, text, sizeof text - 1);
    assert_string_equal(refused(path).message,
                        "every request shares something: none can be the first");
}

/* The input length is a number of 64 bits, as everywhere. */
static void test_long_prompt(void **state) {
    const char *path = in_folder(state, "long.model");
    const char text[] = "moontide model 1\nblock_size 9223372036854775807\nrequests 1\nruns 0\n"
                        "instants 1\norder kept\ndescriptions\n0 0 4:\n4 4\narrivals\n0\n";
    write_file(path, text, sizeof text - 1);
    assert_string_equal(refused(path).message, "a prompt of 2^64 tokens or more");
}

/* What is only announced takes no memory: 2^60 requests, half of which fit nowhere. */
static void test_announced(void **state) {
    const char *path = in_folder(state, "announced.model");
    write_changed(path, whole, "requests 7\nruns 5\ninstants 5",
                  "requests 1152921504606846976\nruns 1152921504606846976\n"
                  "instants 1152921504606846976");
    assert_string_equal(refused(path).message, "tokens must be a whole number, not 'arrivals'");
}

/* ---- mutations ---- */

static size_t mutate(char *text, size_t length, size_t size, uint64_t *random) {
    static const char likely[] = "0123456789 :.-\n#";
    size_t at = (size_t)below(random, length + 1);
    char byte = likely[below(random, sizeof likely - 1)];
    if (below(random, 3) == 0 && length < size) {
        memmove(text + at + 1, text + at, length - at);
        text[at] = byte;
        return length + 1;
    }
    if (at == length)
        return length;
    if (below(random, 2)) {
        text[at] = byte;
        return length;
    }
    memmove(text + at, text + at + 1, length - at - 1);
    return length - 1;
}

static void test_mutations(void **state) {
    (void)state;
    uint64_t random = 1;
    char text[sizeof whole + 64];
    for (int round = 0; round < 6000; round++) {
        const char *from = round % 2 ? whole : unordered;
        size_t length = strlen(from);
        memcpy(text, from, length);
        for (uint64_t changes = 1 + below(&random, 2); changes > 0; changes--)
            length = mutate(text, length, sizeof text, &random);
        LLVMFuzzerTestOneInput((const uint8_t *)text, length);
    }
}

/* ---- memory ---- */

static void test_out_of_memory(void **state) {
    const char *path = in_folder(state, "memory.model");
    mt_model *model = learn_by_hand();
    for (sweep all = {0}; sweep_next(&all);) {
        mt_model *again = NULL;
        all.code = MT_OK;
        mt_output *output = mt_output_open(path, &all.error);
        if (!output) {
            all.code = all.error.code;
        } else if ((all.code = mt_model_write(model, 0, output, &all.error)) == MT_OK) {
            all.code = mt_output_finish(output, &all.error);
        } else {
            mt_output_abandon(output);
        }
        if (all.code == MT_OK) {
            mt_input *input = mt_input_open(path, &all.error);
            again = input ? mt_model_read(input, &all.error) : NULL;
            mt_input_close(input);
            all.code = again ? MT_OK : all.error.code;
        }
        mt_model_release(again);
    }
    assert_int_equal(entries(state) > 0, 1);
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_random_models),  cmocka_unit_test(test_independent_gaps),
        cmocka_unit_test(test_same_synthesis), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_gzip),       cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_all_share),      cmocka_unit_test(test_long_prompt),
        cmocka_unit_test(test_announced),      cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("model_text", tests, make_folder, remove_folder);
}
