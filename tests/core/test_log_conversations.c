/* Logs of conversations and spans: every format's rows, and what is wrong with bad ones. */
#include "file_support.h"
#include "log_support.h"

#include "trace/log/log.h"

/* ---- conversations ---- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_sharegpt),
        WITH_FOLDER(test_contents),
        WITH_FOLDER(test_other_conversations),
        WITH_FOLDER(test_claude),
        WITH_FOLDER(test_otel),
        WITH_FOLDER(test_bad_sharegpt),
        WITH_FOLDER(test_long_conversations),
    };
    return cmocka_run_group_tests_name("log of conversations", tests, NULL, NULL);
}
