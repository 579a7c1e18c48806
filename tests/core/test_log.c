/* Logs: every format's rows, what is wrong with bad ones, and reading on after them. */
#include "file_support.h"
#include "trace_support.h"
#include "sweep.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "text/json_list.h"
#include "trace/log/log.h"

#include <inttypes.h>

static mt_log *open_text(void **state, const mt_log_options *options, const char *text,
                         mt_error *error) {
    const char *path = in_folder(state, "log");
    unlink(path);
    write_file(path, text, strlen(text));
    return mt_log_open(path, options, error);
}

static const mt_log_options plain = {.time_digits = -1};

/* Appends the row as text: "INDEX LINE TIME INPUT OUTPUT [SESSION] [model=..] [(extra)] [N
 * contents]" */
static size_t show_row(const mt_log_row *row, char *to, size_t size) {
    const mt_request *request = &row->request;
    int n = snprintf(to, size, "%" PRIu64 " %" PRIu64 " ", row->index, request->line);
    size_t used = (size_t)n;
    if (request->has & MT_HAS_TIME)
        used += (size_t)snprintf(to + used, size - used, "%" PRId64 " ", request->time_ns);
    used += (size_t)snprintf(to + used, size - used, "%" PRIu64 " %" PRIu64, request->input_length,
                             request->output_length);
    if (request->has & MT_HAS_SESSION)
        used += (size_t)snprintf(to + used, size - used, " %.*s", (int)request->session.length,
                                 request->session.text);
    if (row->model.length + row->log_type.length > 0)
        used += (size_t)snprintf(to + used, size - used, " %.*s/%.*s", (int)row->model.length,
                                 row->model.text, (int)row->log_type.length, row->log_type.text);
    if (request->extra.length > 0)
        used += (size_t)snprintf(to + used, size - used, " (%.*s)", (int)request->extra.length,
                                 request->extra.text);
    if (request->has & MT_HAS_HASH_IDS)
        used += (size_t)snprintf(to + used, size - used, " [%zu]", request->hash_count);
    used += (size_t)snprintf(to + used, size - used, "\n");
    return used;
}

/* All rows of the text, which are as `expected` shows them; `format` is what the log is. */
static void assert_rows(void **state, const mt_log_options *options, const char *format,
                        const char *text, const char *expected) {
    char shown[4096] = "";
    size_t used = 0;
    mt_log_row row;
    mt_error error = {0};
    int status;
    mt_log *log = open_text(state, options, text, &error);
    if (!log)
        fail_msg("%d: %s", (int)error.line, error.message);
    assert_string_equal(mt_log_facts_of(log).format, format);
    while ((status = mt_log_next(log, &row, &error)) == 1)
        used += show_row(&row, shown + used, sizeof shown - used);
    if (status != 0)
        fail_msg("%d: %s", (int)error.line, error.message);
    assert_int_equal(mt_log_next(log, &row, &error), 0);
    mt_log_close(log);
    assert_string_equal(shown, expected);
}

/* The text is refused while opening or reading: code, line, column and a part of the message. */
static void assert_refused(void **state, const mt_log_options *options, const char *text,
                           mt_code code, uint64_t line, uint64_t column, const char *part) {
    mt_error error = {0};
    mt_log_row row;
    int status = -1;
    mt_log *log = open_text(state, options, text, &error);
    if (log)
        while ((status = mt_log_next(log, &row, &error)) == 1)
            ;
    mt_log_close(log);
    assert_int_equal(status, -1);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
    assert_int_equal(error.code, code);
    assert_int_equal(error.line, line);
    assert_int_equal(error.column, column);
    if (code == MT_ERROR_INPUT)
        assert_string_equal(error.source, ((folder *)*state)->file);
}

#define REFUSED(options, line, column, part, text)                                                 \
    assert_refused(state, (options), (text), MT_ERROR_INPUT, (line), (column), (part))

/* ---- CSV ---- */

static void test_burstgpt(void **state) {
    assert_rows(state, &plain, "burstgpt",
                "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                "5,ChatGPT,472,18,490,Conversation log\n"
                "45.25, GPT-4 ,1087,0,1087,API log\n",
                "0 2 5000000000 472 18 ChatGPT/Conversation log\n"
                "1 3 45250000000 1087 0 GPT-4/API log\n");
    /* Any order, a byte order mark, CRLF, quotes, letters' case, blank lines; sessions. */
    assert_rows(state, &plain, "burstgpt",
                "\xEF\xBB\xBF\"Response tokens\",Session ID,request TOKENS,Timestamp\r\n"
                "\r\n\"7\",\"a \"\"b\"\"\",\"12\",\"1e1\"\r\n0,,3.0,-2\r\n",
                "0 3 10000000000 12 7 \"a \\\"b\\\"\"\n"
                "1 4 -2000000000 3 0\n");
    /* An exact name before one that only looks like it. */
    assert_rows(state, &plain, "burstgpt",
                "timestamp,Timestamp,Request tokens,Response tokens\n9,1,2,3\n",
                "0 2 1000000000 2 3\n");
}

static void test_azure(void **state) {
    assert_rows(state, &plain, "azure",
                "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                "1970-01-01 00:00:01.6805901,374,44\n1970-01-01T00:00:02Z,396,109\n",
                "0 2 1680590100 374 44\n1 3 2000000000 396 109\n");
}

static void test_csv(void **state) {
    mt_log_options options = {.time_digits = 6,
                              .columns = {[MT_LOG_TIMESTAMP] = "at",
                                          [MT_LOG_INPUT] = "in",
                                          [MT_LOG_OUTPUT] = "out",
                                          [MT_LOG_SESSION] = "who",
                                          [MT_LOG_MODEL] = "model",
                                          [MT_LOG_TYPE] = "kind"}};
    const char *text = "who,kind,model,out,in,at,more\nx,k,m,1,2,1.5,\n";
    assert_rows(state, &options, "csv", text, "0 2 1500000 2 1 \"x\" m/k\n");
    options.format = "csv";
    options.time_digits = -1;
    assert_rows(state, &options, "csv", text, "0 2 1500000000 2 1 \"x\" m/k\n");
    options.time_digits = 0;
    assert_rows(state, &options, "csv", text, "0 2 2 2 1 \"x\" m/k\n");
    options.columns[MT_LOG_SESSION] = "nobody";
    REFUSED(&options, 1, 0,
            "no column 'nobody'; the columns are 'who', 'kind', 'model', 'out', 'in'", text);
    options.columns[MT_LOG_TIMESTAMP] = NULL;
    assert_refused(state, &options, text, MT_ERROR_VALUE, 0, 0, "needs the names of its columns");
    options.format = "azure";
    assert_refused(state, &options, text, MT_ERROR_VALUE, 0, 0, "names of columns are for");
    options.format = "excel";
    assert_refused(state, &options, text, MT_ERROR_VALUE, 0, 0, "no log format 'excel'");
}

#define BURSTGPT "Timestamp,Request tokens,Response tokens,Session ID\n"

static void test_bad_csv(void **state) {
    mt_log_options burstgpt = {.format = "burstgpt", .time_digits = -1};
    mt_log_options huge = {.time_digits = -1, .block_size = 1};
    REFUSED(&plain, 0, 0, "the file is empty", "");
    REFUSED(&plain, 0, 0, "the file is empty", " \n\n");
    REFUSED(&burstgpt, 0, 0, "the file is empty", "");
    REFUSED(&plain, 1, 0, "the columns are 'a', 'b': neither BurstGPT's", "a,b\n1,2\n");
    REFUSED(&burstgpt, 1, 0, "no column 'Request tokens'; the columns are 'Timestamp'",
            "Timestamp\n1\n");
    REFUSED(&plain, 1, 0, "several columns are called 'Timestamp'",
            "Timestamp,Timestamp,Request tokens,Response tokens\n");
    REFUSED(&burstgpt, 1, 1, "found JSON", "{\"timestamp\": 1}\n");
    REFUSED(&burstgpt, 1, 1, "found JSON", "[ {\"id\": 1}]\n");
    REFUSED(&plain, 3, 0, "the row has 2 fields, the header has 4", BURSTGPT "1,2,3,\n1,2\n");
    REFUSED(&plain, 2, 0, "a quote that opens here is never closed", BURSTGPT "1,2,3,\"\n1,2\n");
    REFUSED(&plain, 2, 0, "column 'Request tokens' must be a whole number of at least 0, not 'x'",
            BURSTGPT "1,x,3,\n");
    REFUSED(&plain, 2, 0, "column 'Request tokens' must be a whole number of at least 0, not '-3'",
            BURSTGPT "1,-3,3,\n");
    REFUSED(&plain, 2, 0, "column 'Request tokens' must be a whole number of at least 0, not '1.5'",
            BURSTGPT "1,1.5,3,\n");
    REFUSED(&plain, 2, 0, "column 'Response tokens' must be a whole number of at least 0, not ''",
            BURSTGPT "1,1,,\n");
    REFUSED(&plain, 2, 0, "must be a whole number of at least 0, not '9999999999999999999'",
            BURSTGPT "1,1,9999999999999999999,\n");
    REFUSED(&plain, 2, 0, "must be a time in seconds or a date (2023-11-16 18:15:46), not 'noon'",
            BURSTGPT "noon,1,1,\n");
    REFUSED(&plain, 2, 0, "not '2023-02-30 10:00'", BURSTGPT "2023-02-30 10:00,1,1,\n");
    REFUSED(&plain, 2, 0, "not 'NaN'", BURSTGPT "NaN,1,1,\n");
    REFUSED(&plain, 2, 0,
            "must be within 292 years, in seconds (--time-unit names another unit), not '1e10'",
            BURSTGPT "1e10,1,1,\n");
    REFUSED(&plain, 3, 0, "'2023-01-01' is a date, line 2 has a number",
            BURSTGPT "1,1,1,\n2023-01-01,1,1,\n");
    REFUSED(&plain, 2, 0, "column 'Session ID' must be UTF-8", BURSTGPT "1,1,1,\xFF\n");
    REFUSED(&huge, 2, 0, "is too large: 134217729 tokens are more than 134217728 blocks of 1",
            BURSTGPT "1,134217729,1,\n");
    huge.block_size = UINT64_MAX;
    assert_refused(state, &huge, BURSTGPT, MT_ERROR_VALUE, 0, 0, "is too large");
}

static void test_skipping(void **state) {
    mt_log_options options = {.time_digits = -1, .skip_bad_rows = 1};
    mt_error error, first;
    mt_log_row row;
    assert_rows(state, &options, "burstgpt",
                BURSTGPT "1,1,1,\nx,1,1,\n1,1\n2,2,2,a\"b\n3,0,3,\n4,4,4,\n",
                "0 2 1000000000 1 1\n4 6 3000000000 0 3\n5 7 4000000000 4 4\n");
    mt_log *log = open_text(state, &options, BURSTGPT "1,1\n2,2,2,\n-,1,1,\n", &error);
    assert_int_equal(mt_log_skipped(log, &first), 0);
    assert_int_equal(first.code, MT_OK);
    while (mt_log_next(log, &row, &error) == 1)
        ;
    assert_int_equal(mt_log_facts_of(log).rows, 3);
    assert_int_equal(mt_log_skipped(log, &first), 2);
    assert_int_equal(first.line, 2);
    assert_non_null(strstr(first.message, "the row has 2 fields"));
    mt_log_close(log);
    REFUSED(&options, 3, 0, "never closed", BURSTGPT "1,1\n\"1,1,1,\n2,2,2,\n");
}

/* ---- JSON lines ---- */

static void test_bailian(void **state) {
    mt_log_options twice = {.time_digits = -1, .block_size = 32};
    const char *text =
        "{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 61.1141234, \"input_length\": 40, "
        "\"output_length\": 5, \"type\": \"text\", \"turn\": 1, \"hash_ids\": [8, 9, 10]}\n\n"
        "{\"chat_id\": 2, \"parent_chat_id\": 1, \"timestamp\": 62, \"input_length\": 16, "
        "\"output_length\": 0, \"hash_ids\": [8], \"session_id\": \"own\"}\n"
        "{\"timestamp\": 63, \"chat_id\": \"x\", \"parent_chat_id\": 2, \"input_length\": 1, "
        "\"output_length\": 0}\n"
        "{\"timestamp\": 64, \"chat_id\": 7, \"parent_chat_id\": 99, \"input_length\": 1, "
        "\"output_length\": 0, \"hash_ids\": null}\n";
    assert_rows(state, &plain, "bailian", text,
                "0 1 61114123400 40 5 \"1\" /text (\"chat_id\": 1, \"parent_chat_id\": -1, "
                "\"type\": \"text\", \"turn\": 1) [3]\n"
                "1 3 62000000000 16 0 \"1\" (\"chat_id\": 2, \"parent_chat_id\": 1) [1]\n"
                "2 4 63000000000 1 0 \"1\" (\"chat_id\": \"x\", \"parent_chat_id\": 2)\n"
                "3 5 64000000000 1 0 \"99\" (\"chat_id\": 7, \"parent_chat_id\": 99)\n");
    mt_error error;
    mt_log_row row;
    mt_log *log = open_text(state, &twice, text, &error);
    assert_int_equal(mt_log_next(log, &row, &error), 1);
    assert_int_equal(row.request.hash_count, 2);
    assert_int_equal(mt_log_facts_of(log).block_size, 32);
    mt_log_close(log);
    twice.block_size = 40;
    assert_refused(state, &twice, text, MT_ERROR_VALUE, 0, 0, "must be a multiple of 16, not 40");
}

#define BAILIAN "{\"chat_id\": 1, \"timestamp\": 1, \"input_length\": 20, \"output_length\": 1"

static void test_bad_bailian(void **state) {
    mt_log_options options = {.format = "bailian", .time_digits = -1};
    REFUSED(&options, 1, 1, "expected an object ('{'), found 'Timestamp,Model'",
            "Timestamp,Model\n");
    REFUSED(&options, 2, 90, "expected ',' or '}', found ']'",
            BAILIAN "}\n" BAILIAN ", \"hash_ids\": [1, 2]]\n");
    REFUSED(&options, 1, 72, "expected the end of the line, found 'x'", BAILIAN "} x\n");
    REFUSED(&options, 1, 0, "chat_id is missing",
            "{\"timestamp\": 1, \"input_length\": 20, \"output_length\": 1}\n");
    REFUSED(&options, 1, 0, "timestamp is missing", "{\"chat_id\": 1}\n");
    REFUSED(&options, 1, 15, "timestamp must be a number or a date, not \"now\"",
            "{\"timestamp\": \"now\"}\n");
    REFUSED(&options, 1, 15, "timestamp must be within 292 years", "{\"timestamp\": 1e99}\n");
    REFUSED(&options, 1, 0, "input_length is missing", "{\"timestamp\": 1}\n");
    REFUSED(&options, 1, 34, "input_length must be a whole number of at least 0, not -3",
            "{\"timestamp\": 1, \"input_length\": -3}\n");
    REFUSED(&options, 1, 34, "not 2.5", "{\"timestamp\": 1, \"input_length\": 2.5}\n");
    REFUSED(&options, 1, 85, "an id of hash_ids must be a whole number of at least 0, not -1",
            BAILIAN ", \"hash_ids\": [-1, 2]}\n");
    REFUSED(&options, 1, 84, "expected a list of ids", BAILIAN ", \"hash_ids\": 7}\n");
    REFUSED(&options, 1, 0, "hash_ids has 3 ids, but input_length 20 makes 2 blocks of 16 tokens",
            BAILIAN ", \"hash_ids\": [1, 2, 3]}\n");
    REFUSED(&options, 1, 13, "chat_id must be a number or a string, not true",
            "{\"chat_id\": true, \"timestamp\": 1, \"input_length\": 20, \"output_length\": 1}\n");
}

static void test_aibrix(void **state) {
    assert_rows(state, &plain, "aibrix",
                "{\"timestamp\": 1.5, \"requests\": [{\"Prompt Length\": 5, \"Output Length\": 6}, "
                "{\"prompt_length\": 7, \"output_length\": 0, \"session_id\": \"s\"}]}\n"
                "{\"requests\": [], \"timestamp\": 2}\n"
                "{\"requests\": [{\"prompt_length\": 1, \"output_length\": 1, \"session_id\": 3}], "
                "\"timestamp\": 3}",
                "0 1 1500000 5 6\n1 1 1500000 7 0 \"s\"\n2 3 3000000 1 1 3\n");
}

static void test_bad_aibrix(void **state) {
    mt_log_options options = {.format = "aibrix", .time_digits = -1};
    REFUSED(&options, 1, 1, "expected an object ('{')", "a,b\n");
    REFUSED(&options, 1, 0, "requests is missing", "{\"timestamp\": 1}\n");
    REFUSED(&options, 1, 30, "expected a list of requests",
            "{\"timestamp\": 1, \"requests\": {}}\n");
    REFUSED(&options, 1, 31, "expected a request ('{'), found '5",
            "{\"timestamp\": 1, \"requests\": [5]}\n");
    REFUSED(&options, 1, 0, "prompt_length is missing", "{\"timestamp\": 1, \"requests\": [{}]}\n");
    REFUSED(&options, 1, 0, "output_length is missing",
            "{\"timestamp\": 1, \"requests\": [{\"prompt_length\": 1}]}\n");
    REFUSED(&options, 1, 48, "not \"5\"",
            "{\"timestamp\": 1, \"requests\": [{\"prompt_length\":\"5\"}]}\n");
    options.skip_bad_rows = 1;
    assert_rows(state, &options, "aibrix",
                "nonsense\n{\"timestamp\": 1, \"requests\": [{}, {\"prompt_length\": 1, "
                "\"output_length\": 2}, 5, {\"prompt_length\": 3, \"output_length\": 4}]}\n{}\n",
                "2 2 1000000 1 2\n4 2 1000000 3 4\n");
}

/* ---- conversations ---- */

static const char conversations[] =
    "[{\"id\": \"c1\", \"conversations\": [\n"
    "  {\"from\": \"human\", \"value\": \"a b\\tc\\nd \\u00e9 f\"},\n"
    "  {\"from\": \"gpt\", \"value\": \" g h \"},\n"
    "  {\"from\": \"human\", \"value\": \"i j\"},\n"
    "  {\"from\": \"gpt\", \"value\": null}]},\n"
    " {\"id\": \"c2\", \"messages\": [\n"
    "  {\"role\": \"assistant\", \"content\": \"hello\"},\n"
    "  {\"role\": \"user\", \"content\": \"a b c d z\"},\n"
    "  {\"role\": \"assistant\", \"content\": \"g h\"},\n"
    "  {\"role\": \"user\", \"content\": \"never answered\"}]},\n"
    " {\"items\": [{\"from\": \"user\", \"tokens\": 9}, {\"from\": \"gpt\", \"value\": \"x\", "
    "\"tokens\": 4},\n"
    "  {\"from\": \"user\", \"tokens\": 1}, {\"from\": \"gpt\", \"tokens\": 0}]}]\n";

static void test_sharegpt(void **state) {
    mt_log_options options = {.time_digits = -1, .block_size = 4, .token_rule = MT_TOKEN_WORD};
    assert_rows(state, &options, "sharegpt", conversations,
                "0 1 6 2 \"c1\" [2]\n1 1 10 0 \"c1\" [3]\n2 6 6 2 \"c2\" [2]\n"
                "3 11 9 4 \"conversation 3\"\n4 11 14 0 \"conversation 3\"\n");
    assert_rows(state, &plain, "sharegpt", "[]", "");
    /* One a line, without a list. */
    assert_rows(
        state, &plain, "sharegpt",
        "{\"id\": 5, \"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": "
        "\"gpt\", \"value\": \"b c\"}]}\n{\"id\": 6, \"conversations\": []}\n",
        "0 1 1 2 5 [1]\n");
    /* Of several ids null is none, and "id" goes before the others wherever it stands. */
#define NAMED(names)                                                                               \
    "{" names ", \"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": "         \
    "\"gpt\", \"value\": \"b c\"}]}\n"
    assert_rows(state, &plain, "sharegpt",
                NAMED("\"id\": \"x\", \"conversation_id\": null")
                    NAMED("\"conversation_hash\": \"h\", \"id\": 7, \"conversation_id\": \"c\""),
                "0 1 1 2 \"x\" [1]\n1 2 1 2 7 [1]\n");
}

/* The contents of a prompt's blocks are its words: equal beginnings are equal, a block that a
 * prompt ends in is none of the whole ones. */
static void test_contents(void **state) {
    mt_log_options options = {.time_digits = -1, .block_size = 2, .token_rule = MT_TOKEN_WORD};
    const char *text =
        "[{\"messages\": [{\"role\": \"user\", \"content\": \"a b c\"}, {\"role\": \"gpt\", "
        "\"content\": \"d e\"}, {\"role\": \"user\", \"content\": \"f\"}, {\"role\": \"gpt\"}]},"
        " {\"messages\": [{\"role\": \"user\", \"content\": \"a\\nb  c d x\"}, {\"role\": "
        "\"gpt\"}]},"
        " {\"messages\": [{\"role\": \"user\", \"content\": \"a b c\"}, {\"role\": \"gpt\"}]}]";
    uint64_t contents[4][3];
    mt_error error;
    mt_log_row row;
    mt_log *log = open_text(state, &options, text, &error);
    assert_non_null(log);
    assert_true(mt_log_facts_of(log).ids_are_of_texts);
    for (size_t i = 0; i < 4; i++) {
        static const size_t counts[] = {2, 3, 3, 2};
        assert_int_equal(mt_log_next(log, &row, &error), 1);
        assert_int_equal(row.request.hash_count, counts[i]);
        memcpy(contents[i], row.request.hash_ids, counts[i] * sizeof(uint64_t));
    }
    assert_int_equal(mt_log_next(log, &row, &error), 0);
    mt_log_close(log);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(contents[0][0], contents[i][0]); /* a b */
    assert_int_equal(contents[0][1], contents[3][1]);     /* c */
    assert_int_equal(contents[1][1], contents[2][1]);     /* c d */
    assert_true(contents[0][1] != contents[1][1]);
    assert_true(contents[1][2] != contents[2][2]); /* e f, x */
}

/* LMSYS's and WildChat's: another member, other names of a session. */
static void test_other_conversations(void **state) {
    mt_log_options options = {.format = NULL, .time_digits = -1};
    assert_rows(
        state, &options, "sharegpt",
        "{\"conversation_id\": \"c\", \"model\": \"v\", \"conversation\": [{\"content\": \"a b\", "
        "\"role\": \"user\"}, {\"content\": \"c\", \"role\": \"assistant\"}], \"turn\": 1}\n"
        "{\"conversation_hash\":\"h\",\"conversation\":[{\"content\":\"a\",\"role\":\"user\"},"
        "{\"content\":\"c d\",\"role\":\"assistant\"}]}\n",
        "0 1 2 1 \"c\" [1]\n1 2 1 2 \"h\" [1]\n");
}

/* ---- Claude Code ---- */

#define SAID(type, second, more)                                                                   \
    "{\"parentUuid\": null, \"sessionId\": \"s\", \"timestamp\": \"1970-01-01T00:00:" second       \
    "Z\", \"type\": \"" type "\"" more "}\n"
#define ANSWER(id, output)                                                                         \
    ", \"requestId\": \"r\", \"message\": {\"id\": \"" id "\", \"model\": \"m\", \"usage\": {"     \
    "\"input_tokens\": 4, \"cache_creation_input_tokens\": 20, \"cache_read_input_tokens\": 300, " \
    "\"output_tokens\": " output "}}"

static const char transcript[] =
    "{\"type\": \"summary\", \"summary\": \"t\", \"leafUuid\": \"u\"}\n" SAID("user", "01", "")
        SAID("assistant", "03", ANSWER("a", "1")) SAID("assistant", "04", ANSWER("a", "7"))
            SAID("user", "05", "") SAID("assistant", "06", ANSWER("a", "5"))
                SAID("assistant", "07", ANSWER("b", "9"));

static void test_claude(void **state) {
    /* An answer of three lines, the tool's result between them: the next was asked for then. */
    assert_rows(state, &plain, "claude-code", transcript,
                "0 3 1000000000 324 7 \"s\" m/\n1 7 5000000000 324 9 \"s\" m/\n");
    /* Nothing was said before it; what an error says is no answer; sub-agents; null counts. */
    assert_rows(state, &plain, "claude-code",
                SAID("assistant", "02", ANSWER("a", "1"))
                    SAID("assistant", "03",
                         ", \"message\": {\"id\": \"e\", \"model\": \"<synthetic>\", \"usage\": "
                         "{\"input_tokens\": 0}}")
                        SAID("user", "04", ", \"isSidechain\": true, \"agentId\": \"x\"")
                            SAID("assistant", "05",
                                 ", \"isSidechain\": true, \"agentId\": \"x\"" ANSWER("c", "null"))
                                SAID("assistant", "06", ", \"isSidechain\": true" ANSWER("d", "2")),
                "0 1 2000000000 324 1 \"s\" m/\n1 4 4000000000 324 0 \"s.x\" m/\n"
                "2 5 6000000000 324 2 \"s.agents\" m/\n");
    /* Without a requestId a gateway's one id is no answer's; without an id each line is one. */
    assert_rows(
        state, &plain, "claude-code",
        SAID("assistant", "01", ", \"message\": {\"id\": \"g\", \"usage\": {\"input_tokens\": 5}}")
            SAID("assistant", "02",
                 ", \"message\": {\"id\": \"g\", \"usage\": {\"input_tokens\": 5}}")
                SAID("assistant", "03",
                     ", \"message\": {\"id\": \"g\", \"usage\": {\"input_tokens\": 6}}")
                    SAID("assistant", "04", ", \"message\": {\"usage\": {\"input_tokens\": 6}}")
                        SAID("assistant", "05",
                             ", \"message\": {\"usage\": {\"input_tokens\": 6}}"),
        "0 1 1000000000 5 0 \"s\"\n1 3 3000000000 6 0 \"s\"\n2 4 4000000000 6 0 \"s\"\n"
        "3 5 5000000000 6 0 \"s\"\n");
    /* Two sub-agents of a session are told apart by it, too; what is no usage is no answer, and only true
     * is true. */
#define SAME ", \"message\": {\"id\": \"g\", \"usage\": {\"input_tokens\": 5}}"
    assert_rows(
        state, &plain, "claude-code",
        SAID("assistant", "01", ", \"isSidechain\": true, \"agentId\": \"x\"" SAME)
            SAID("assistant", "02", ", \"isSidechain\": true, \"agentId\": \"y\"" SAME)
                SAID("assistant", "03", ", \"isSidechain\": true, \"agentId\": \"x\"" SAME)
                    SAID("assistant", "04", ", \"message\": {\"id\": \"h\", \"usage\": 5}")
                        SAID("assistant", "05", ", \"isSidechain\": 1234" SAME),
        "0 1 1000000000 5 0 \"s.x\"\n1 2 2000000000 5 0 \"s.y\"\n2 5 5000000000 5 0 \"s\"\n");
    REFUSED(&plain, 1, 0, "the sum of a prompt's tokens is 2^64 or more",
            SAID("assistant", "01",
                 ", \"message\": {\"usage\": {\"input_tokens\": 18446744073709551615, "
                 "\"cache_read_input_tokens\": 1}}"));
    REFUSED(&plain, 1, 0, "sessionId is missing", "{\"parentUuid\": 1, \"type\": \"user\"}\n");
    REFUSED(&plain, 1, 0, "timestamp is missing",
            "{\"parentUuid\": 1, \"type\": \"user\", \"sessionId\": \"s\"}\n");
    REFUSED(&plain, 1, 66, "timestamp must be a date, not 5",
            "{\"parentUuid\": 1, \"type\": \"user\", \"sessionId\": \"s\", \"timestamp\": 5}\n");
    REFUSED(
        &plain, 1, 161, "input_tokens must be a whole number of at least 0, not -5",
        SAID(
            "assistant", "01",
            ", \"message\": {\"model\": \"m\", \"id\": \"g\", \"usage\": {\"input_tokens\": -5}}"));
    REFUSED(&plain, 2, 1, "expected an object", SAID("user", "01", "") "5\n");
}

/* ---- OpenTelemetry ---- */

/* The lists begin with what says nothing, so that all else begins with a comma. */
#define SPANS(spans)                                                                               \
    "{\"resourceSpans\": [{\"resource\": {}, \"scopeSpans\": [{\"spans\": [{}" spans "]}]}]}\n"
#define SPAN(time, attributes)                                                                     \
    ", {\"startTimeUnixNano\": " time ", \"attributes\": [{}" attributes "]}"
#define TEXT(key, value) ", {\"key\": \"" key "\", \"value\": {\"stringValue\": \"" value "\"}}"
#define COUNT(key, value) ", {\"key\": \"" key "\", \"value\": {\"intValue\": " value "}}"
#define COUNTS(input, output)                                                                      \
    COUNT("gen_ai.usage.input_tokens", input) COUNT("gen_ai.usage.output_tokens", output)
#define KIND(kind) TEXT("gen_ai.operation.name", kind)

static const char spans[] =
    SPANS(SPAN("\"2000\"", COUNTS("\"200\"", "13") KIND("chat") TEXT("gen_ai.conversation.id", "c")
                               TEXT("gen_ai.response.model", "b") TEXT("gen_ai.request.model", "a"))
              SPAN("1", "")) "\n" SPANS(SPAN("7", COUNTS("9", "1")));

static void test_otel(void **state) {
    assert_rows(state, &plain, "otel", spans, "0 1 2000 200 13 \"c\" a/\n1 3 7 9 1\n");
    /* Agents sum up, tools and embeddings make no text. */
    assert_rows(state, &plain, "otel",
                SPANS(SPAN("1", COUNTS("9", "1") KIND("invoke_agent"))
                          SPAN("2", COUNTS("9", "1") KIND("embeddings"))
                              SPAN("3", COUNTS("9", "1") KIND("text_completion"))),
                "0 1 3 9 1\n");
    /* Older names, and those of others. */
    assert_rows(state, &plain, "otel",
                SPANS(SPAN("4", COUNT("llm.token_count.prompt",
                                      "8") COUNT("llm.token_count.completion", "2")
                                    TEXT("openinference.span.kind", "LLM") TEXT("session.id", "o")))
                    SPANS(SPAN("5", COUNT("gen_ai.usage.prompt_tokens", "7")
                                        COUNT("gen_ai.usage.completion_tokens", "3"))),
                "0 1 4 8 2 \"o\"\n1 2 5 7 3\n");
    REFUSED(&plain, 1, 0, "a span lacks startTimeUnixNano",
            SPANS(", {\"attributes\": [{}" COUNTS("1", "1") "]}"));
    /* A call that was never answered has no output; an embedding is none, by any name. */
    assert_rows(state, &plain, "otel",
                SPANS(SPAN("1", COUNT("gen_ai.usage.input_tokens", "1"))
                          SPAN("2", COUNT("gen_ai.usage.prompt_tokens", "9")
                                        TEXT("llm.request.type", "embedding"))
                              SPAN("3", COUNTS("2", "4") TEXT("llm.request.type", "chat"))),
                "0 1 1 1 0\n1 1 3 2 4\n");
    REFUSED(&plain, 1, 170, "the input tokens must be a whole number of at least 0, not \"x\"",
            SPANS(SPAN("1", COUNTS("\"x\"", "1"))));
    REFUSED(&plain, 1, 89,
            "startTimeUnixNano must be nanoseconds since 1970, not 18446744073709551615",
            SPANS(SPAN("18446744073709551615", COUNTS("1", "1"))));
    REFUSED(&plain, 2, 4, "expected the end of the line", SPANS("") "{} x\n");
}

static void test_bad_sharegpt(void **state) {
    mt_log_options options = {.format = "sharegpt", .time_digits = -1};
    REFUSED(&options, 0, 0, "the file is empty", "\n");
    REFUSED(&options, 1, 1, "expected a list of conversations ('['), found 'Timestamp",
            "Timestamp,b\n");
    REFUSED(&options, 1, 2, "expected a conversation ('{'), found '5", "[5]");
    REFUSED(&options, 3, 0, "expected ',' or ']', but the file ends", "[{\"messages\": []}\n\n");
    REFUSED(&options, 2, 1, "expected ',' or ']', found '{", "[{\"messages\": []}\n{}]");
    REFUSED(&options, 1, 4, "expected the end of the file, found 'x", "[] x");
    REFUSED(&options, 2, 0, "the file ends inside the conversation that begins here",
            "[\n{\"messages\": [\"\n");
    REFUSED(&options, 1, 2, "a conversation needs conversations", "[{}]");
    REFUSED(&options, 1, 14, "expected a list of messages ('['), found '5", "[{\"messages\":5}]");
    REFUSED(&options, 2, 2, "expected a message ('{'), found '7", "[{\"messages\":\n[7]}]");
    REFUSED(&options, 2, 2, "needs from (or role)", "[{\"messages\":\n[{}]}]");
    REFUSED(&options, 2, 26, "value (content) must be a string or a list of parts, not 5",
            "[{\"messages\":\n[{\"from\":\"a\", \"content\": 5}]}]");
    REFUSED(&options, 2, 25, "tokens must be a whole number of at least 0, not -5",
            "[{\"messages\":\n[{\"from\":\"a\", \"tokens\": -5}]}]");
    REFUSED(&options, 3, 1, "this message does not say its tokens",
            "[{\"messages\":\n[{\"from\":\"a\", \"tokens\": 5},\n{\"from\": \"gpt\"}]}]");
    REFUSED(&options, 1, 7, "expected ':', found '}", "[{\"a\" }]");
    options.skip_bad_rows = 1;
    assert_rows(state, &options, "sharegpt",
                "[{}, {\"messages\": [{\"role\": \"user\", \"tokens\": 5}, {\"role\": \"gpt\", "
                "\"tokens\": 6}]}, {\"a\" }]",
                "1 1 5 6 \"conversation 2\"\n");
}

/* ---- which format it is ---- */

static void test_not_a_log(void **state) {
    REFUSED(&plain, 1, 0, "this is a trace already", "{\"timestamp\": 0, \"input_length\": 5}\n");
    REFUSED(&plain, 1, 0, "this is JSON, but of no log that is known", "{\"a\": 0}\n");
    mt_error error;
    assert_null(mt_log_open(in_folder(state, "none"), &plain, &error));
    assert_int_equal(error.code, MT_ERROR_IO);
}

static void test_interrupted(void **state) {
    mt_error error;
    mt_log_row row;
    mt_log *log = open_text(state, &plain, BURSTGPT "1,1,1,\n", &error);
    mt_interrupt_flag = 1;
    assert_int_equal(mt_log_next(log, &row, &error), -1);
    mt_interrupt_flag = 0;
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_log_close(log);
}

/* ---- anything at all ---- */

/* Objects of a list lie across the blocks that a file is read in; lines are counted all the same.
 */
static void test_long_conversations(void **state) {
    enum { LENGTH = 600000, MANY = 3 };
    char *text = malloc(MANY * (LENGTH + 200) + 100), *to = text;
    mt_error error;
    mt_log_row row;
    *to++ = '[';
    for (int i = 0; i < MANY; i++) {
        to += sprintf(to, "%s{\"messages\": [{\"role\": \"user\", \"content\": \"", // NOLINT
                      i ? ",\n" : "");
        for (int k = 0; k < LENGTH / 4; k++, to += 4)
            memcpy(to, k % 1000 == 999 ? "ab\\n" : "abc ", 4);
        to += sprintf(to, "\"},\n{\"role\": \"gpt\"}]}"); // NOLINT
    }
    memcpy(to, ",\n{}]", 6);
    mt_log_options words = {.time_digits = -1, .token_rule = MT_TOKEN_WORD};
    mt_log *log = open_text(state, &words, text, &error);
    assert_non_null(log);
    for (uint64_t i = 0; i < MANY; i++) {
        assert_int_equal(mt_log_next(log, &row, &error), 1);
        assert_int_equal(row.request.input_length, LENGTH / 4);
        assert_int_equal(row.request.line, 2 * i + 1);
    }
    assert_int_equal(mt_log_next(log, &row, &error), -1);
    assert_int_equal(error.line, 2 * MANY + 1);
    assert_int_equal(error.column, 1);
    mt_log_close(log);
    free(text);
}

/* A good log with some of its bytes changed, cut or doubled is read, or refused with a message. */
static void spoil(void **state, const char *format, const char *good, uint64_t seed) {
    enum { MOST = 2048 };
    static const char bytes[] = "\"\\{}[],:\n\r0-.eE \t\x80nulx";
    char text[2 * MOST];
    size_t length = strlen(good);
    assert_in_range(length, 1, MOST);
    mt_log_options options = {.time_digits = -1,
                              .block_size = 16,
                              .format = format,
                              .skip_bad_rows = (int)below(&seed, 2)};
    memcpy(text, good, length + 1);
    for (uint64_t n = 1 + below(&seed, 4); n > 0; n--) {
        size_t at = below(&seed, length), size = below(&seed, length - at);
        if (below(&seed, 8) == 0 && length + size < sizeof text) { /* a piece twice */
            memmove(text + at + size, text + at, length - at);
            length += size;
        } else if (below(&seed, 8) == 0) {
            length = at + 1;
        } else {
            text[at] = bytes[below(&seed, sizeof bytes - 1)];
        }
    }
    text[length] = '\0';
    mt_error error = {0};
    mt_log_row row;
    int status = -1;
    uint64_t rows = 0;
    mt_log *log = open_text(state, &options, text, &error);
    if (log)
        while ((status = mt_log_next(log, &row, &error)) == 1) {
            rows++;
        }
    assert_in_range(status + 1, 0, 1);
    if (status == -1)
        assert_true(error.code == MT_ERROR_INPUT && error.message[0] != '\0');
    if (log && status == 0)
        assert_int_equal(rows + mt_log_skipped(log, NULL), mt_log_facts_of(log).rows);
    mt_log_close(log);
}

/* Agents, of each kind of log that has them. */
static const char dynamo[] =
    "{\"request_id\": \"a\", \"session_id\": 1, \"timestamp\": 0, \"input_l"
    "ength\": 40, \"output_length\": 5, \"hash_ids\": [1, 2, 3], \"branches"
    "\": [\"b\"]}\n"
    "{\"request_id\": \"b\", \"created_time\": 5.5, \"input_tokens\": 16, "
    "\"output_tokens\": 5, \"hash_ids\": [9], \"wait_for\": [\"a\"], \"dela"
    "y_ms\": 3}\n";

static const char dynamo_trace[] =
    "{\"timestamp\": 5, \"event\": {\"schema\": \"dynamo.request.trace.v1\""
    ", \"event_type\": \"request_end\", \"event_time_unix_ms\": 2000, \"age"
    "nt_context\": {\"session_id\": \"m\"}, \"request\": {\"request_id\": "
    "\"A\", \"model\": \"x\", \"output_tokens\": 6, \"request_received_ms\""
    ": 1000, \"total_time_ms\": 500.5, \"replay\": {\"trace_block_size\": 1"
    "6, \"input_length\": 20, \"input_sequence_hashes\": [1, 2]}}}}\n"
    "{\"schema\": \"dynamo.request.trace.v1\", \"event_type\": \"tool_end\""
    ", \"event_time_unix_ms\": 3000, \"session_id\": \"m\", \"tool\": {\"st"
    "arted_at_unix_ms\": 1600, \"duration_ms\": 40}}\n"
    "{\"schema\": \"dynamo.request.trace.v1\", \"event_type\": \"request_en"
    "d\", \"event_time_unix_ms\": 2900, \"agent_context\": {\"session_id\":"
    " \"s\", \"parent_session_id\": \"m\"}, \"request\": {\"request_id\": "
    "\"S\", \"input_tokens\": 3, \"output_tokens\": 6, \"request_received_m"
    "s\": 1700}}\n"
    "{\"schema\": \"dynamo.request.trace.v1\", \"event_type\": \"request_en"
    "d\", \"event_time_unix_ms\": 5000, \"agent_context\": {\"session_id\":"
    " \"m\"}, \"request\": {\"request_id\": \"B\", \"input_tokens\": 3, \"o"
    "utput_tokens\": 6, \"request_received_ms\": 4000}}\n";

static const char weka[] = "{\"id\": \"w\", \"block_size\": 16, \"hash_id_scope\": \"local\", \"re"
                           "quests\": [{\"t\": 0, \"in\": 20, \"out\": 3, \"hash_ids\": [1], \"api"
                           "_time\": 1, \"model\": \"m\"},\n"
                           " {\"type\": \"subagent\", \"t\": 2, \"duration_ms\": 900, \"requests\""
                           ": [{\"t\": 0, \"in\": 16, \"out\": 3, \"hash_ids\": [4], \"api_time\":"
                           " 0.5}]},\n"
                           " {\"t\": 5, \"in\": 40, \"out\": 3, \"hash_ids\": [1, 2], \"think_time"
                           "\": 1}]}\n";

static const char lmcache[] =
    "{\"timestamp\": 1700000000000000, \"session_id\": \"s\", \"input\": \""
    "so long a text that it fills a block, or more than one\", \"output\": "
    "\"f g h\"}\n"
    "{\"session_id\": \"s\", \"pre_gap\": 0.5, \"output_length\": 9, \"inpu"
    "t\": [{\"role\": \"user\", \"content\": \"a b\"}, {\"tool_calls\": [{"
    "\"function\": {\"name\": \"x\", \"arguments\": \"y\"}}]}]}\n";

#define ROLLED(second, type, payload)                                                              \
    "{\"timestamp\": \"1970-01-01T00:00:" second "Z\", \"type\": \"" type                          \
    "\", \"payload\": {" payload "}}\n"

static const char rollout[] =
    ROLLED("02", "session_meta",
           "\"id\": \"00000000-07d0-7000-8000-000000000001\", \"forked_from_id\": "
           "\"00000000-03e8-7000-8000-000000000001\"")
        ROLLED("02", "session_meta", "\"id\": \"00000000-03e8-7000-8000-000000000001\"")
            ROLLED("02", "turn_context", "\"turn_id\": \"00000000-03e9-7000-8000-000000000001\"")
                ROLLED("02", "event_msg",
                       "\"type\": \"token_count\", \"info\": {\"total_token_usage\": {}, "
                       "\"last_token_usage\": {\"input_tokens\": 5, \"output_tokens\": 2}}")
                    ROLLED("04", "turn_context",
                           "\"turn_id\": \"00000000-0fa0-7000-8000-"
                           "000000000001\", \"model\": \"m\"") ROLLED("05", "event_msg",
                                                                      "\"type\": \"user_message\"")
                        ROLLED("06", "response_item", "\"type\": \"reasoning\"")
                            ROLLED("07", "event_msg",
                                   "\"type\": \"token_count\", \"info\": {\"total_token_usage\": "
                                   "{\"input_tokens\": 9}, \"last_token_usage\": "
                                   "{\"input_tokens\": 7, \"output_tokens\": 3}}");

static void test_codex(void **state) {
    assert_rows(state, &plain, "codex", rollout,
                "0 8 5000000000 7 3 \"00000000-07d0-7000-8000-000000000001\" m/\n");
}

static const char observations[] =
    "[{\"traceId\": \"t\", \"startTime\": \"1970-01-01T00:00:02Z\", \"model\": \"m\", "
    "\"usageDetails\": {\"input\": 5, \"output\": 2}},\n {\"traceId\": \"t\", \"type\": "
    "\"SPAN\"}, {\"sessionId\": \"s\", \"observations\": [{\"startTime\": "
    "\"1970-01-01 00:00:03\", \"usage\": {\"input\": \"7\", \"total\": 9}}]}]\n";
static const char observations_csv[] =
    "traceId,startTime,usageDetails\na,1970-01-01,\"{\"\"input\"\": 3, \"\"output\"\": 1}\"\n";

static void test_langfuse(void **state) {
    assert_rows(state, &plain, "langfuse", observations,
                "0 1 2000000000 5 2 \"t\" m/\n1 2 3000000000 7 0 \"s\"\n");
    assert_rows(state, &plain, "langfuse", observations_csv, "0 2 0 3 1 \"a\"\n");
}

static const char mini_swe[] =
    "{\"info\": {\"model_stats\": {}}, \"messages\": [{\"role\": \"user\", \"timestamp\": 1.5}, "
    "{\"role\": \"assistant\", \"extra\": {\"timestamp\": 3, \"response\": {\"model\": \"m\", "
    "\"created\": 2, \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 2}}}}, "
    "{\"object\": \"response\", \"extra\": {\"timestamp\": 4}, \"usage\": {\"input_tokens\": 9, "
    "\"output_tokens\": 1}}]}\n";
static const char swe_agent[] =
    "{\"trajectory\": [{\"query\": [{\"content\": \"so long a text that it fills a block\"}, "
    "{\"tool_calls\": [{\"name\": \"x\"}]}], \"response\": \"a b\", \"execution_time\": 0.5},\n"
    "{\"query\": []}, {\"messages\": [{\"content\": \"c\"}], \"response\": null}]}\n";

static void test_trajectories(void **state) {
    mt_log_options words = {.time_digits = -1, .token_rule = MT_TOKEN_WORD, .block_size = 4};
    assert_rows(state, &plain, "mini-swe-agent", mini_swe,
                "0 1 1500000000 7 2 \"trajectory 1\" m/\n1 1 4000000000 9 1 \"trajectory 1\"\n");
    assert_rows(state, &words, "swe-agent", swe_agent,
                "0 1 10 2 \"trajectory 1\" [3]\n1 2 1 0 \"trajectory 1\" [1]\n");
}

static const char results[] = "{\"metadata\": {\"conversation_id\": \"c\", \"x_correlation_id\": "
                              "\"x\", \"request_start_ns\": 5}, "
                              "\"metrics\": {\"input_sequence_length\": {\"value\": 9}, "
                              "\"output_sequence_length\": {\"value\": 2}}}\n"
                              "{\"metadata\": {\"conversation_id\": \"c\", \"x_correlation_id\": "
                              "\"y\", \"credit_issued_ns\": 7}, "
                              "\"metrics\": {\"error_isl\": {\"value\": 8}}}\n";
static const char vllm_run[] =
    "{\"model_id\": \"m\", \"input_lens\": [5, 6], \"output_lens\": [1, 0], \"errors\": [\"\", "
    "\"x\"], "
    "\"start_times\": [1.5, 2]}\n{\"input_lens\": [7], \"output_lens\": [3]}\n";
static const char guidellm[] =
    "{\"type_\": \"r\", \"benchmarks\": [{\"requests\": "
    "{\"successful\": [{\"info\": {\"conversation_id\": \"c\"}, \"request_start_time\": 1, "
    "\"prompt_tokens\": 5, \"output_tokens\": 6}], \"errored\": "
    "[{\"start_time\": 2, \"prompt_tokens\": "
    "7}]}}]}\n";
static const char inference_perf[] =
    "[{\"start_time\": 1.5, \"end_time\": 2, \"request\": \"r\", \"info\": {\"input_tokens\": 4, "
    "\"response_metrics\": {\"output_tokens\": 2, \"server_usage\": {\"prompt_tokens\": 5}}}},\n"
    "{\"start_time\": 3, \"info\": {\"input_tokens\": 1}, \"error\": {}}]\n";

static const char inputs[] =
    "{\"data\": [{\"session_id\": \"s\", \"payloads\": [{\"messages\": [{\"role\": \"user\", "
    "\"content\": \"a "
    "b c d e\"}], \"max_tokens\": 3, \"tools\": [1]}, {\"messages\": [{\"content\": \"f\"}]}]},\n"
    "{\"payload\": [{\"prompt\": [[1, 2]], \"model\": \"m\"}], \"session_id\": [\"t\"], \"delay\": "
    "[5], "
    "\"timestamp\": [7]}, {\"text_input\": [\"x\"], \"session_id\": [\"t\"], "
    "\"sampling_parameters\": "
    "\"{\\\"max_tokens\\\": 2}\"}]}\n";
static const char profile[] =
    "{\"experiments\": [{\"experiment\": 1, \"requests\": [{\"timestamp\": 5, \"sequence_id\": 3, "
    "\"request_inputs\": {\"payload\": \"{\\\"prompt\\\": \\\"a b\\\"}\"}, "
    "\"response_timestamps\": [6, 9], "
    "\"response_outputs\": [{\"response\": \"data: {\\\"choices\\\": [{\\\"delta\\\": "
    "{\\\"content\\\": "
    "\\\"x\\\"}}]}\"}, {\"response\": \"data: {\\\"choices\\\": [{\\\"text\\\": \\\" "
    "y\\\"}]}\"}]},\n"
    "{\"timestamp\": 19, \"sequence_id\": 3, \"request_inputs\": {\"input_ids\": [4, 5, 6, 7]}, "
    "\"response_outputs\": [{\"output_ids\": [[1], 2]}]}]}]}\n";

static void test_bodies(void **state) {
    mt_log_options words = {.time_digits = -1, .token_rule = MT_TOKEN_WORD, .block_size = 4};
    assert_rows(state, &words, "inputs-json", inputs,
                "0 1 6 3 \"s\" [2]\n1 1 10 0 \"s\" [3]\n2 2 7000000 2 0 \"t\" m/ [1]\n3 2 1 2 "
                "\"t\" [1]\n");
    assert_rows(state, &words, "perf-analyzer", profile, "0 1 5 2 2 3 [1]\n1 2 19 4 2 3 [1]\n");
}

static void test_benchmarks(void **state) {
    assert_rows(state, &plain, "vllm-bench", vllm_run,
                "0 1 1500000000 5 1 m/\n1 1 2000000000 6 0 m/\n2 2 7 3\n");
    assert_rows(state, &plain, "results", results, "0 1 5 9 2 \"c\"\n1 2 7 8 0 \"c/2\"\n");
    assert_rows(state, &plain, "guidellm", guidellm,
                "0 1 1000000000 5 6 \"c\"\n1 1 2000000000 7 0\n");
    assert_rows(state, &plain, "inference-perf", inference_perf,
                "0 1 1500000000 5 2\n1 2 3000000000 1 0\n");
}

static void test_spoilt_bytes(void **state) {
    for (uint64_t seed = 0; seed < 1500; seed++) {
        spoil(state, "burstgpt", BURSTGPT "1,2,3,\"a\"\"\"\n2.5,20,0,\n3,\"5\",6,x\n", 4 * seed);
        spoil(state, "bailian",
              BAILIAN ", \"hash_ids\": [1, 2], \"x\": {\"y\": 3}}\n" BAILIAN "}\n", 4 * seed + 1);
        spoil(state, "aibrix",
              "{\"timestamp\": 1, \"requests\": [{\"prompt_length\": 3, \"output_length\": 4}, "
              "{\"prompt_length\": 5, \"output_length\": 6, \"session_id\": \"s\"}]}\n",
              4 * seed + 2);
        spoil(state, "sharegpt", conversations, 4 * seed + 3);
        if (seed % 3 != 0)
            continue; /* longer ones */
        spoil(state, "dynamo", dynamo, seed);
        spoil(state, "dynamo-trace", dynamo_trace, seed);
        spoil(state, "weka", weka, seed);
        spoil(state, "lmcache", lmcache, seed);
        spoil(state, "claude-code", transcript, seed);
        spoil(state, "otel", spans, seed);
        spoil(state, "codex", rollout, seed);
        spoil(state, "langfuse", observations, seed);
        spoil(state, "mini-swe-agent", mini_swe, seed);
        spoil(state, "swe-agent", swe_agent, seed);
        spoil(state, "results", results, seed);
        spoil(state, "vllm-bench", vllm_run, seed);
        spoil(state, "guidellm", guidellm, seed);
        spoil(state, "inference-perf", inference_perf, seed);
        spoil(state, "inputs-json", inputs, seed);
        spoil(state, "perf-analyzer", profile, seed);
        spoil(state, "langfuse", observations_csv, seed);
    }
}

/* Positions in an object of a list: asked for forwards, again, and backwards. */
static void test_places(void **state) {
    static const char text[] = "\n[{\"a\": 1,\n \"b\":\n2}, {\"c\": 3}]";
    static const struct {
        size_t at;
        uint64_t line, column;
    } places[] = {{0, 2, 2}, {9, 3, 1}, {10, 3, 2}, {10, 3, 2}, {15, 4, 1}, {16, 4, 2}, {1, 2, 3}};
    const char *path = in_folder(state, "list");
    mt_error error = {0};
    write_file(path, text, strlen(text));
    mt_input *input = mt_input_open(path, &error);
    mt_json_list list = {.input = input, .what = "thing"};
    uint64_t line, column;
    assert_int_equal(mt_json_list_next(&list, &error), 1);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        mt_json_list_locate(&list, list.text + places[i].at, &line, &column);
        assert_int_equal(line, places[i].line);
        assert_int_equal(column, places[i].column);
    }
    assert_int_equal(mt_json_list_next(&list, &error), 1);
    mt_json_list_locate(&list, list.text + 1, &line, &column);
    assert_int_equal(line, 4);
    assert_int_equal(column, 6);
    mt_json_list_free(&list);
    mt_input_close(input);
}

/* ---- memory ---- */

static void run_out_of_memory(void **state, const char *text) {
    mt_log_options options = {.time_digits = -1, .block_size = 16};
    for (sweep all = {.sticky = 1}; sweep_next(&all);) {
        mt_log_row row;
        int status = -1;
        const char *path = in_folder(state, "log");
        write_file(path, text, strlen(text));
        mt_log *log = mt_log_open(path, &options, &all.error);
        if (log)
            while ((status = mt_log_next(log, &row, &all.error)) == 1)
                ;
        all.code = status == 0 ? MT_OK : all.error.code;
        mt_log_close(log);
    }
}

static void test_memory_runs_out(void **state) {
    run_out_of_memory(state, BURSTGPT "1,1,1,session\n2,2,2,\n");
    run_out_of_memory(state, BAILIAN ", \"hash_ids\": [1, 2], \"x\": 3}\n");
    run_out_of_memory(state, "{\"timestamp\": 1, \"requests\": [{\"prompt_length\": 3, "
                             "\"output_length\": 4}]}\n");
    run_out_of_memory(state, conversations);
    run_out_of_memory(state, dynamo);
    run_out_of_memory(state, dynamo_trace);
    run_out_of_memory(state, weka);
    run_out_of_memory(state, lmcache);
    run_out_of_memory(state, transcript);
    run_out_of_memory(state, spans);
    run_out_of_memory(state, rollout);
    run_out_of_memory(state, observations);
    run_out_of_memory(state, mini_swe);
    run_out_of_memory(state, swe_agent);
    run_out_of_memory(state, results);
    run_out_of_memory(state, vllm_run);
    run_out_of_memory(state, guidellm);
    run_out_of_memory(state, inference_perf);
    run_out_of_memory(state, inputs);
    run_out_of_memory(state, profile);
    run_out_of_memory(state, observations_csv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_burstgpt),
        WITH_FOLDER(test_azure),
        WITH_FOLDER(test_csv),
        WITH_FOLDER(test_bad_csv),
        WITH_FOLDER(test_skipping),
        WITH_FOLDER(test_bailian),
        WITH_FOLDER(test_bad_bailian),
        WITH_FOLDER(test_aibrix),
        WITH_FOLDER(test_bad_aibrix),
        WITH_FOLDER(test_sharegpt),
        WITH_FOLDER(test_contents),
        WITH_FOLDER(test_other_conversations),
        WITH_FOLDER(test_claude),
        WITH_FOLDER(test_otel),
        WITH_FOLDER(test_codex),
        WITH_FOLDER(test_langfuse),
        WITH_FOLDER(test_trajectories),
        WITH_FOLDER(test_benchmarks),
        WITH_FOLDER(test_bodies),
        WITH_FOLDER(test_places),
        WITH_FOLDER(test_bad_sharegpt),
        WITH_FOLDER(test_not_a_log),
        WITH_FOLDER(test_interrupted),
        WITH_FOLDER(test_memory_runs_out),
        WITH_FOLDER(test_long_conversations),
        WITH_FOLDER(test_spoilt_bytes),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
