/* Logs of requests: every format's rows, what is wrong with bad ones, and reading on after them. */
#include "file_support.h"
#include "log_support.h"

#include "base/interrupt.h"
#include "trace/log/log.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_burstgpt),    WITH_FOLDER(test_azure),       WITH_FOLDER(test_csv),
        WITH_FOLDER(test_bad_csv),     WITH_FOLDER(test_skipping),    WITH_FOLDER(test_bailian),
        WITH_FOLDER(test_bad_bailian), WITH_FOLDER(test_aibrix),      WITH_FOLDER(test_bad_aibrix),
        WITH_FOLDER(test_not_a_log),   WITH_FOLDER(test_interrupted),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
