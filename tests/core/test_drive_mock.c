/* The mock as its clients see it: answers, dialects, refusals. */
#include "../fuzz/ask.c"

#include "mock_support.h"

static int words_in(mt_span content) {
    int words = 0;
    for (size_t i = 0; i < content.length; i++)
        words += content.text[i] == ' ';
    return words;
}

#define EMBEDDINGS "/v1/embeddings"

/* One list of numbers for a text or ids, the same for the same request, and the prompt's tokens. */
static void test_embeddings(void **state) {
    (void)state;
    static const char *const bodies[] = {"{\"model\":\"m\",\"input\":\"a b c\"}",
                                         "{\"model\":\"m\",\"input\":[4,5,6],\"dimensions\":2}",
                                         "{\"model\":\"m\",\"input\":[[4,5,6]],\"stream\":true}"};
    for (int i = 0; i < 3; i++) {
        running_mock mock;
        start_mock(&mock, quick());
        heard *answer = ask(&mock, EMBEDDINGS, bodies[i]);
        assert_int_equal(200, answer->http.status);
        assert_int_equal(3, answer->said.prompt_tokens);
        assert_int_equal(MT_COUNT_ABSENT, answer->said.completion_tokens);
        assert_non_null(
            strstr(answer->body, "\"object\":\"embedding\",\"index\":0,\"embedding\":["));
        assert_non_null(strstr(answer->body, "],\"model\":\"m\",\"usage\":"));
        free(answer);
        answer = ask(&mock, "/metrics", "");
        assert_non_null(
            strstr(answer->body, "vllm:prompt_tokens_total{engine=\"0\",model_name=\"mock\"} 3\n"));
        assert_non_null(strstr(
            answer->body, "vllm:generation_tokens_total{engine=\"0\",model_name=\"mock\"} 0\n"));
        free(answer);
        stop_mock(&mock);
    }
}

static void test_whole_answers(void **state) {
    (void)state;
    running_mock mock;
    start_mock(&mock, quick());
    heard *answer = ask(&mock, CHAT,
                        "{\"model\":\"x/y\",\"messages\":[{\"role\":\"user\",\"content\":"
                        "\"one two\\nthree\"},{\"role\":\"assistant\",\"content\":[{\"type\":"
                        "\"text\",\"text\":\" four\"}]}],\"max_completion_tokens\":5,"
                        "\"max_tokens\":9}");
    assert_int_equal(answer->http.status, 200);
    assert_int_equal(answer->said.prompt_tokens,
                     4 + 2 * MT_MOCK_MESSAGE_TOKENS + MT_MOCK_CHAT_TOKENS);
    assert_int_equal(answer->said.completion_tokens, 5);
    assert_int_equal(answer->said.cached_tokens, MT_COUNT_ABSENT);
    assert_int_equal(words_in(answer->said.content), 5);
    assert_non_null(strstr(answer->body, "\"model\":\"x/y\""));
    assert_non_null(strstr(answer->body, "\"object\":\"chat.completion\""));
    free(answer);
    static const char *const prompts[] = {"[1,2, 3]", "[[7,8,9]]", "\"a  b c \"", "[\"a b c\"]"};
    for (size_t i = 0; i < 4; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"prompt\":%s}", prompts[i]);
        answer = ask(&mock, TEXT, body);
        assert_int_equal(answer->said.prompt_tokens, 3);
        assert_int_equal(answer->said.completion_tokens, 16);
        assert_memory_equal(answer->said.finish_reason.text, "length", 6);
        free(answer);
    }
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.answered, 5);
    assert_int_equal(counts.requests, 5);
    assert_int_equal(counts.generated_tokens, 5 + 4 * 16);
    assert_int_equal(counts.prompt_tokens, 15 + 12);
}

static void test_dialects(void **state) {
    (void)state;
    static const struct {
        const char *name, *chat, *text;
        int64_t cached;
    } rows[] = {
        {"vllm", "R C C CF U D", "C C CF U D", MT_COUNT_ABSENT},
        {"sglang", "R C C C F U D", "C C CF U D", MT_COUNT_ABSENT},
        {"trtllm", "R C C CF U D", "C C CF U D", 0},
        {"llamacpp", "R C C C F U D", "C C C FU D", 0},
        {"tgi", "RC RC RCF U D", "C C CFU D", MT_COUNT_ABSENT},
        {"ollama", "RC RC RC F U D", "CU CU CU FU U D", MT_COUNT_ABSENT},
        {"dynamo", "RC C CF U D", "C C CF U D", MT_COUNT_ABSENT},
        {"openai", "R C C C F U D", "C C C F U D", 0},
        {"triton", "R C C CF U D", "C C CF U D", MT_COUNT_ABSENT},
        {"anthropic", "R C C C F U D", "C C C F U D", 0},
        {"gemini", "RC C CF U D", "C C CF U D", MT_COUNT_ABSENT},
    };
    size_t count = sizeof rows / sizeof *rows;
    assert_null(mt_mock_dialect_name(count));
    for (size_t i = 0; i < count; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.dialect = rows[i].name;
        assert_string_equal(mt_mock_dialect_name(i), rows[i].name);
        start_mock(&mock, options);
        heard *chat = ask(&mock, CHAT, CHAT_STREAM), *text = ask(&mock, TEXT, TEXT_STREAM);
        if (strcmp(chat->shape, rows[i].chat) != 0 || strcmp(text->shape, rows[i].text) != 0)
            fail_msg("%s: %s | %s", rows[i].name, chat->shape, text->shape);
        assert_int_equal(chat->http.problem, MT_HTTP_FINE);
        assert_int_equal(chat->said.completion_tokens, 3);
        assert_int_equal(text->said.prompt_tokens, 2);
        assert_int_equal(text->said.completion_tokens, 3);
        assert_int_equal(text->said.cached_tokens, rows[i].cached);
        free(chat);
        free(text);
        /* Nothing of usage when it is not asked for; but Ollama's zeros. */
        text = ask(&mock, TEXT, "{\"prompt\":\"a\",\"max_tokens\":2,\"stream\":true}");
        assert_int_equal(strchr(text->shape, 'U') != NULL, strcmp(rows[i].name, "ollama") == 0);
        free(text);
        stop_mock(&mock);
    }
}

/* What is not in the events' meaning: bytes that a reader may stumble on. */
static void test_habits(void **state) {
    (void)state;
    static const struct {
        const char *dialect, *text;
        int is_there;
    } rows[] = {
        {"trtllm", "{\"role\":\"assistant\"},\"finish_reason\":null}]} \n\n", 1},
        {"llamacpp", "\"role\":\"assistant\",\"content\":null", 1},
        {"llamacpp", "\"timings\":", 1},
        {"openai", "\"obfuscation\":\"", 1},
        {"openai", "\"usage\":null", 1},
        {"sglang", "\"usage\":null", 1},
        {"sglang", "\"matched_stop\"", 1},
        {"vllm", "\"usage\":null", 0},
        {"vllm", "\"stop_reason\":null", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.dialect = rows[i].dialect;
        start_mock(&mock, options);
        heard *answer = ask(&mock, CHAT, CHAT_STREAM);
        if ((strstr(answer->body, rows[i].text) != NULL) != rows[i].is_there)
            fail_msg("%s: %s in %s", rows[i].dialect, rows[i].text, answer->body);
        free(answer);
        stop_mock(&mock);
    }
}

static void test_chunks_and_ends(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    mt_distribution *four = always(4), *six = always(6);
    options.tokens_per_chunk = four;
    options.output_tokens = six;
    start_mock(&mock, options);
    heard *answer = ask(&mock, TEXT, "{\"prompt\":\"a\",\"max_tokens\":10,\"stream\":true}");
    assert_string_equal(answer->shape, "C CF D");
    assert_non_null(strstr(answer->body, "\"finish_reason\":\"stop\""));
    free(answer);
    static const struct {
        const char *more;
        int tokens;
    } rows[] = {{"", 6},
                {",\"ignore_eos\":true", 10},
                {",\"min_tokens\":8", 8},
                {",\"min_tokens\":10", 10},
                {",\"ignore_eos\":false", 6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"prompt\":\"a\",\"max_tokens\":10%s}", rows[i].more);
        answer = ask(&mock, TEXT, body);
        assert_int_equal(answer->said.completion_tokens, rows[i].tokens);
        assert_int_equal(answer->said.finish_reason.text[0], rows[i].tokens < 10 ? 's' : 'l');
        free(answer);
    }
    answer = ask(&mock, TEXT,
                 "{\"prompt\":\"a\",\"max_tokens\":8,\"stream\":true,\"ignore_eos\":true,"
                 "\"stream_options\":{\"include_usage\":true,\"continuous_usage_stats\":true}}");
    assert_string_equal(answer->shape, "CU CFU U D");
    free(answer);
    stop_mock(&mock);
    mt_distribution_release(four);
    mt_distribution_release(six);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *dialect, *target, *body;
        int status;
        const char *message;
    } rows[] = {
        {"vllm", "/nothing", "", 404, "Not Found"},
        {"vllm", CHAT, "", 405, "Method Not Allowed"},
        {"vllm", "/health", "{}", 405, "Method Not Allowed"},
        {"vllm", "/generate", "{}", 404, "Not Found"},
        {"tgi", "/generate", "", 405, "Method Not Allowed"},
        {"tgi", "/generate", "{\"prompt\":\"a\"}", 400, "inputs is required"},
        {"tgi", "/generate_stream", "{\"inputs\":[1]}", 400, "must be a text"},
        {"tgi", "/generate", "{\"inputs\":\"a\",\"parameters\":1}", 400, "must be an object"},
        {"tgi", "/generate", "{\"inputs\":\"a\",\"parameters\":{\"max_new_tokens\":0}}", 400,
         "at least 1"},
        {"ollama", "/api/chat", "{}", 400, "messages is required"},
        {"sglang", "/generate", "{\"input_ids\":[-1]}", 400, "token id"},
        {"triton", "/v2/models/generate", "{}", 404, "Not Found"},
        {"triton", "/v2/models/a/b/generate", "{}", 404, "Not Found"},
        {"triton", "/v2/models/m/generate", "{}", 400, "text_input is required"},
        {"anthropic", "/v1/messages", "{}", 400, "messages is required"},
        {"anthropic", "/v1/messages", "", 405, "Method Not Allowed"},
        {"openai", "/v1/responses", "{\"input\":3}", 400, "must be a list"},
        {"openai", "/v1/responses", "{\"model\":\"m\",\"input\":\"a b\",\"max_output_tokens\":9}",
         200, NULL},
        {"openai", "/v1/responses",
         "{\"model\":\"m\",\"max_output_tokens\":9,\"input\":[{\"type\":\"message\",\"content\":"
         "\"a\"}]}",
         400, "needs a role"},
        {"openai", "/v1/messages", "{}", 404, "Not Found"},
        {"anthropic", "/v1/messages", "{\"messages\":\"a\"}", 400, "must be a list"},
        {"ollama", "/api/chat", "{\"messages\":\"a\"}", 400, "must be a list"},
        {"gemini", "/v1beta/models/m:generateContent",
         "{\"generationConfig\":{\"maxOutputTokens\":9},\"contents\":[{\"role\":\"user\"}]}", 200,
         NULL},
        {"gemini", "/v1beta/models/m:generateContent", "{}", 400, "contents is required"},
        {"vllm", TEXT, "{", 400, "member's name"},
        {"vllm", TEXT, "[]", 400, "a JSON object"},
        {"vllm", TEXT, "{\"prompt\":\"a\"} x", 400, "nothing more"},
        {"vllm", TEXT, "{}", 400, "prompt is required"},
        {"vllm", EMBEDDINGS, "{}", 400, "input is required"},
        {"vllm", EMBEDDINGS, "{\"input\":\"\"}", 400, "the prompt is empty"},
        {"vllm", EMBEDDINGS, "{\"input\":[\"a\",\"b\"]}", 400, "one prompt a request"},
        {"vllm", EMBEDDINGS, "", 405, "Method Not Allowed"},
        {"openai", EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\",\"max_tokens\":3}", 400,
         "max_tokens"},
        {"vllm", CHAT, "{}", 400, "messages is required"},
        {"vllm", CHAT, "{\"messages\":[]}", 400, "messages is required"},
        {"vllm", CHAT, "{\"messages\":[1]}", 400, "must be an object"},
        {"vllm", CHAT, "{\"messages\":[{\"content\":\"a\"}]}", 400, "needs a role"},
        {"vllm", CHAT, "{\"messages\":\"a\"}", 400, "must be a list"},
        {"vllm", TEXT, "{\"prompt\":\"\"}", 400, "empty"},
        {"vllm", TEXT, "{\"prompt\":[]}", 400, "empty"},
        {"vllm", TEXT, "{\"prompt\":{}}", 400, "a text or a list"},
        {"vllm", TEXT, "{\"prompt\":[1.5]}", 400, "token id"},
        {"vllm", TEXT, "{\"prompt\":[-1]}", 400, "token id"},
        {"vllm", TEXT, "{\"prompt\":[4294967296]}", 400, "token id"},
        {"vllm", TEXT, "{\"prompt\":[[1],[2]]}", 400, "one prompt"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"max_tokens\":0}", 400, "max_tokens"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"max_tokens\":-1}", 400, "max_tokens"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"max_tokens\":\"5\"}", 400, "max_tokens"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"max_tokens\":2,\"min_tokens\":3}", 400, "min_tokens"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"stream\":1}", 400, "stream must be true or false"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"stream_options\":1}", 400, "must be an object"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"n\":2}", 400, "n must be 1"},
        {"vllm", TEXT, "{\"prompt\":\"a\",\"model\":\"other\"}", 404, "`other` does not exist"},
        {"vllm", TEXT, "{\"prompt\":\"a\"}", 404, "does not exist"},
        {"vllm", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":100}", 400,
         "context length"},
        {"tgi", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":100}", 422,
         "context length"},
        {"tgi", TEXT, "{\"model\":\"m\",\"prompt\":[1]}", 400, "must be a text"},
        {"ollama", TEXT, "{\"model\":\"m\",\"prompt\":[1]}", 400, "must be a text"},
        {"openai", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"ignore_eos\":true}", 400,
         "ignore_eos"},
        {"trtllm", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"cache_salt\":\"x\"}", 400,
         "cache_salt"},
        {"trtllm", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"ignore_eos\":true}", 200, NULL},
        {"vllm", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"cache_salt\":\"x\"}", 200, NULL},
        {"openai", TEXT, "{\"model\":\"m\",\"prompt\":\"a\",\"temperature\":0}", 200, NULL},
        {"vllm", "/tokenize", "{}", 400, "prompt is required"},
    };
    running_mock mock = {0};
    const char *dialect = "";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(dialect, rows[i].dialect) != 0) {
            if (*dialect)
                stop_mock(&mock);
            mt_mock_options options = quick();
            options.dialect = dialect = rows[i].dialect;
            options.model = "m";
            options.most_tokens = 100;
            start_mock(&mock, options);
        }
        /* The fuzz target on all of its beginnings. */
        for (size_t length = 0; length <= strlen(rows[i].body); length++)
            LLVMFuzzerTestOneInput((const uint8_t *)rows[i].body, length);
        heard *answer = ask(&mock, rows[i].target, rows[i].body);
        if (answer->http.status != rows[i].status)
            fail_msg("%s: %d %s", rows[i].body, answer->http.status, answer->body);
        if (rows[i].message && !strstr(answer->body, rows[i].message))
            fail_msg("%s: %s", rows[i].body, answer->body);
        assert_int_equal((answer->said.says & MT_SAYS_ERROR) != 0, rows[i].status != 200);
        free(answer);
    }
    stop_mock(&mock);
}

/* What tools were asked for and what they said is read by a server too. */
static void test_words_of_tools(void **state) {
    (void)state;
    static const struct {
        const char *dialect, *target, *body;
        uint64_t words, messages;
    } rows[] = {
        {"openai", "/v1/responses",
         "{\"input\":[{\"role\":\"user\",\"content\":\"a "
         "b\"},{\"type\":\"function_call\",\"call_id\":\"c\","
         "\"name\":\"f\",\"arguments\":\"c d "
         "e\"},{\"type\":\"function_call_output\",\"call_id\":\"c\","
         "\"output\":\"f "
         "g\"},{\"type\":\"function_call_output\",\"output\":[{\"type\":\"input_text\","
         "\"text\":\"h\"}]},{\"type\":\"reasoning\",\"summary\":[]}]}",
         8, 5},
        {"anthropic", "/v1/messages",
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":\"a "
         "b\"},"
         "{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}]}]}]}",
         3, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.dialect = rows[i].dialect;
        start_mock(&mock, options);
        heard *answer = ask(&mock, rows[i].target, rows[i].body);
        if (answer->http.status != 200)
            fail_msg("%s: %d %s", rows[i].body, answer->http.status, answer->body);
        free(answer);
        assert_int_equal(stop_mock(&mock).prompt_tokens,
                         rows[i].words + rows[i].messages * MT_MOCK_MESSAGE_TOKENS +
                             MT_MOCK_CHAT_TOKENS);
    }
}

static void test_other_pages(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.kv_blocks = 8;
    start_mock(&mock, options);
    free(ask(&mock, TEXT, "{\"prompt\":\"a b c\",\"max_tokens\":7}"));
    free(ask(&mock, TEXT, "{\"prompt\":\"a b c\",\"max_tokens\":7,\"stream\":true}"));
    struct {
        const char *target, *body, *wanted;
    } rows[] = {
        {"/health", "", ""},
        {"/ping", "", ""},
        {"/v1/models", "", "\"id\":\"mock\""},
        {"/v1/models?x=1", "", "\"object\":\"list\""},
        {"/reset_prefix_cache", "{}", ""},
        {"/tokenize", "{\"prompt\":\"a b\"}", "{\"count\":2,"},
        {"/tokenize", "{\"prompt\":[5,6,7]}", "\"tokens\":[5,6,7]}"},
        {"/tokenize", "{\"messages\":[{\"role\":\"user\",\"content\":\"a b\"}]}", "{\"count\":9,"},
        {"/metrics", "", "vllm:num_requests_running{engine=\"0\",model_name=\"mock\"} 0\n"},
        {"/metrics", "", "vllm:prompt_tokens_total{engine=\"0\",model_name=\"mock\"} 6\n"},
        {"/metrics", "", "vllm:generation_tokens_total{engine=\"0\",model_name=\"mock\"} 14\n"},
        {"/metrics", "",
         "vllm:time_to_first_token_seconds_count{engine=\"0\",model_name=\"mock\"} 2\n"},
        {"/metrics", "",
         "vllm:inter_token_latency_seconds_count{engine=\"0\",model_name=\"mock\"} 6\n"},
        {"/metrics", "", "vllm:prefix_cache_queries_total{engine=\"0\",model_name=\"mock\"} 6\n"},
        {"/metrics", "", "finished_reason=\"length\",model_name=\"mock\"} 2\n"},
        {"/metrics", "", "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"mock\"} 0\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        heard *answer = ask(&mock, rows[i].target, rows[i].body);
        assert_int_equal(answer->http.status, 200);
        if (!strstr(answer->body, rows[i].wanted))
            fail_msg("%s: %s", rows[i].target, answer->body);
        free(answer);
    }
    stop_mock(&mock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embeddings),      cmocka_unit_test(test_whole_answers),
        cmocka_unit_test(test_dialects),        cmocka_unit_test(test_habits),
        cmocka_unit_test(test_chunks_and_ends), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_words_of_tools),  cmocka_unit_test(test_other_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
