/* The mock as its clients see it: answers, dialects, refusals, slots, the cache, connections. */
#include "../fuzz/ask.c"

#include "mock_support.h"

#include "base/memory.h"
#include "drive/mock/cache.h"

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

#define CHAT_STREAM                                                                                \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":3,\"stream\":true,"      \
    "\"stream_options\":{\"include_usage\":true}}"
#define TEXT_STREAM                                                                                \
    "{\"prompt\":\"a b\",\"max_tokens\":3,\"stream\":true,\"stream_options\":{\"include_usage\":"  \
    "true}}"

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

/* --- load ---------------------------------------------------------------------------------------- */

static void test_slots_and_queue(void **state) {
    (void)state;
    static const struct {
        const char *dialect, *body;
        int status, code;
    } rows[] = {
        {"vllm", CHAT_STREAM, 503, 503},
        {"sglang", CHAT_STREAM, 200, 503},
        {"sglang", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", 503, 503},
        {"tgi", CHAT_STREAM, 429, 0},
        {"dynamo", CHAT_STREAM, 529, 529},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        mt_distribution *slow = always(100);
        options.dialect = rows[i].dialect;
        options.slots = 1;
        options.queue = 1;
        options.ttft = slow;
        start_mock(&mock, options);
        int first = connect_to(&mock), second = connect_to(&mock);
        send_request(first, CHAT, CHAT_STREAM);
        pause_ms(10);
        send_request(second, CHAT, CHAT_STREAM);
        pause_ms(10);
        heard *answer = ask(&mock, CHAT, rows[i].body);
        assert_int_equal(answer->http.status, rows[i].status);
        assert_true(answer->said.says & MT_SAYS_ERROR);
        assert_int_equal(answer->said.error_status, rows[i].code);
        assert_int_equal(answer->http.retry_after_s, rows[i].status == 200 ? -1 : 1);
        free(answer);
        answer = hear(first);
        assert_int_equal(answer->said.completion_tokens, 3);
        free(answer);
        answer = hear(second);
        assert_int_equal(answer->said.completion_tokens, 3);
        free(answer);
        close(first);
        close(second);
        mt_mock_counts counts = stop_mock(&mock);
        assert_int_equal(counts.answered, 2);
        assert_int_equal(counts.refused, 1);
        mt_distribution_release(slow);
    }
}

static void test_those_who_leave(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    mt_distribution *slow = always(20000);
    options.slots = 1;
    options.ttft = slow;
    start_mock(&mock, options);
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = connect_to(&mock);
        send_request(clients[i], CHAT, CHAT_STREAM);
        pause_ms(10);
    }
    close(clients[1]); /* from the queue */
    pause_ms(10);
    heard *answer = ask(&mock, "/metrics", "");
    assert_non_null(
        strstr(answer->body, "num_requests_running{engine=\"0\",model_name=\"mock\"} 1\n"));
    assert_non_null(
        strstr(answer->body, "num_requests_waiting{engine=\"0\",model_name=\"mock\"} 1\n"));
    free(answer);
    close(clients[0]); /* its slot is the third's */
    pause_ms(20);
    answer = ask(&mock, "/metrics", "");
    assert_non_null(
        strstr(answer->body, "num_requests_running{engine=\"0\",model_name=\"mock\"} 1\n"));
    assert_non_null(
        strstr(answer->body, "num_requests_waiting{engine=\"0\",model_name=\"mock\"} 0\n"));
    free(answer);
    close(clients[2]);
    pause_ms(20);
    answer = ask(&mock, "/metrics", ""); /* they are aborted, and finished in no other way */
    assert_non_null(strstr(answer->body, "finished_reason=\"abort\",model_name=\"mock\"} 3\n"));
    assert_non_null(strstr(answer->body, "finished_reason=\"length\",model_name=\"mock\"} 0\n"));
    assert_non_null(strstr(answer->body, "finished_reason=\"stop\",model_name=\"mock\"} 0\n"));
    assert_non_null(strstr(answer->body, "e2e_request_latency_seconds_count{engine=\"0\","
                                         "model_name=\"mock\"} 0\n"));
    free(answer);
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.aborted, 3);
    assert_int_equal(counts.answered, 0);
    mt_distribution_release(slow);
}

static void test_rate_limit(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.rate_limit = 5;
    start_mock(&mock, options);
    int answered = 0, limited = 0;
    int64_t begun = now_ns();
    for (int i = 0; i < 12; i++) {
        if (i == 8)
            pause_ms(400); /* still within the second */
        heard *answer = ask(&mock, TEXT, "{\"prompt\":\"a\",\"max_tokens\":1}");
        answered += answer->http.status == 200;
        limited += answer->http.status == 429;
        free(answer);
    }
    assert_int_equal(answered + limited, 12);
    /* 5 in any second, however they are spread over it. */
    assert_in_range(answered, 5, 5 * (1 + (now_ns() - begun) / 1000000000));
    stop_mock(&mock);
}

/* --- the cache ----------------------------------------------------------------------------------- */

static int64_t cached_of(const running_mock *mock, const char *prompt) {
    char body[512];
    snprintf(body, sizeof body, "{\"max_tokens\":1,\"prompt\":%s}", prompt);
    heard *answer = ask(mock, TEXT, body);
    assert_int_equal(answer->http.status, 200);
    int64_t cached = answer->said.cached_tokens;
    free(answer);
    return cached;
}

static void test_cache_rules(void **state) {
    (void)state;
    static const struct {
        int hits_all;
        int64_t same, longer, partial;
    } rows[] = {{0, 4, 8, 8}, {1, 8, 8, 10}};
    for (int i = 0; i < 2; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.kv_blocks = 100;
        options.block_size = 4;
        options.hits_all = rows[i].hits_all;
        start_mock(&mock, options);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8]"), 0);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8]"), rows[i].same);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8,9,10]"), rows[i].longer);
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8,9,10]"), rows[i].partial);
        assert_int_equal(cached_of(&mock, "[9,2,3,4,5,6,7,8]"), 0); /* the prefix counts */
        free(ask(&mock, "/reset_prefix_cache", "{}"));
        assert_int_equal(cached_of(&mock, "[1,2,3,4,5,6,7,8,9,10]"), 0);
        stop_mock(&mock);
    }
}

/* Each server has its own way to empty the cache, or none. */
static void test_cache_reset_of_dialects(void **state) {
    (void)state;
    struct {
        const char *dialect;
        int vllm, sglang; /* statuses of their ways */
    } rows[] = {{"vllm", 200, 404}, {"sglang", 404, 200}, {"openai", 404, 404}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        running_mock mock;
        mt_mock_options options = quick();
        options.kv_blocks = 100;
        options.dialect = rows[i].dialect;
        start_mock(&mock, options);
        heard *first = ask(&mock, "/reset_prefix_cache", "{}");
        heard *second = ask(&mock, "/flush_cache", "{}");
        assert_int_equal(first->http.status, rows[i].vllm);
        assert_int_equal(second->http.status, rows[i].sglang);
        free(first);
        free(second);
        stop_mock(&mock);
    }
}

/* The oldest block leaves; so a prompt that is larger than the cache never hits. */
static void test_cache_size(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.kv_blocks = 2;
    options.block_size = 2;
    start_mock(&mock, options);
    assert_int_equal(cached_of(&mock, "\"a b c d e\""), 0);
    assert_int_equal(cached_of(&mock, "\"a b c d e\""), 4);
    assert_int_equal(cached_of(&mock, "\"x y z\""), 0); /* "a b" leaves */
    assert_int_equal(cached_of(&mock, "\"a b c d e\""), 0);
    assert_int_equal(cached_of(&mock, "\"a b c d e f g\""), 4);
    assert_int_equal(cached_of(&mock, "\"a b c d e f g\""), 0);
    stop_mock(&mock);
}

/* Against a list that is searched from its newest end. */
static void test_cache_against_a_list(void **state) {
    (void)state;
    enum { BLOCKS = 50, KEYS = 90, USES = 200000 };
    mt_mock_cache *cache = mt_mock_cache_new(BLOCKS);
    uint64_t list[BLOCKS], random = 1;
    size_t count = 0, hits = 0;
    for (int i = 0; i < USES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t key = (random >> 33) % KEYS * ((random >> 60) % 3 + 1) % KEYS;
        size_t at = 0;
        while (at < count && list[at] != key)
            at++;
        int wanted = at < count;
        if (!wanted)
            at = count < BLOCKS ? count++ : BLOCKS - 1;
        memmove(list + 1, list, at * sizeof *list);
        list[0] = key;
        hits += (size_t)wanted;
        /* Few different low halves: many share a slot. */
        assert_int_equal(mt_mock_cache_use(cache, (mt_key){key % 7, key}), wanted);
        assert_int_equal(mt_mock_cache_count(cache), count);
    }
    assert_in_range(hits, USES / 10, USES * 9 / 10);
    mt_mock_cache_clear(cache);
    assert_int_equal(mt_mock_cache_use(cache, (mt_key){1, 1}), 0);
    mt_mock_cache_free(cache);
}

/* --- connections --------------------------------------------------------------------------------- */

static void test_requests_in_pieces(void **state) {
    (void)state;
    running_mock mock;
    start_mock(&mock, quick());
    int fd = connect_to(&mock);
    static const char text[] =
        "POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{\"pro\r\n18\r\nmpt\":\"a b\",\"max_tokens\":\r\n2\r\n4}\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(send(fd, text + i, 1, 0), 1);
        if (i % 8 == 0)
            pause_ms(1);
    }
    heard *answer = hear(fd);
    assert_int_equal(answer->http.status, 200);
    assert_int_equal(answer->said.completion_tokens, 4);
    free(answer);
    /* Three at once, the last with a head that waits for "100 Continue". */
    send_text(
        fd, "GET /health HTTP/1.1\r\n\r\nPOST /v1/completions HTTP/1.1\r\nContent-Length: 29\r\n"
            "\r\n{\"prompt\":\"a\",\"max_tokens\":3}POST /tokenize HTTP/1.1\r\nExpect: 100-continue"
            "\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"prompt\":[5]}");
    char got[4096];
    size_t length = 0;
    for (ssize_t count; (count = recv(fd, got + length, sizeof got - 1 - length, 0)) > 0;)
        length += (size_t)count;
    got[length] = '\0';
    const char *first = strstr(got, "content-length: 0"),
               *second = strstr(got, "\"completion_tokens\":3");
    const char *third = strstr(got, "HTTP/1.1 100 Continue\r\n\r\n"),
               *fourth = strstr(got, "\"tokens\":[5]");
    assert_true(first && second && third && fourth);
    assert_true(first < second && second < third && third < fourth);
    assert_non_null(strstr(third, "connection: close"));
    close(fd);
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.connections, 1);
}

static void test_bad_requests(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"hello\r\n\r\n", "not HTTP"},
        {"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "Content-Length"},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "chunk"},
        {"POST /tokenize HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", NULL}};
    running_mock mock;
    start_mock(&mock, quick());
    for (size_t i = 0; i < 3; i++) {
        int fd = connect_to(&mock);
        send_text(fd, rows[i][0]);
        heard *answer = hear(fd);
        assert_int_equal(answer->http.status, 400);
        assert_non_null(strstr(answer->body, rows[i][1]));
        assert_false(answer->http.keeps_alive);
        char byte;
        assert_int_equal(recv(fd, &byte, 1, 0), 0);
        free(answer);
        close(fd);
    }
    mt_mock_counts counts = stop_mock(&mock);
    assert_int_equal(counts.requests, 0);
}

static void test_connections_that_end(void **state) {
    (void)state;
    running_mock mock;
    mt_mock_options options = quick();
    options.requests_per_connection = 3;
    options.idle_s = 0.1;
    start_mock(&mock, options);
    int fd = connect_to(&mock);
    for (int i = 0; i < 3; i++) {
        send_request(fd, TEXT, "{\"prompt\":\"a\"}");
        heard *answer = hear(fd);
        assert_int_equal(answer->http.keeps_alive, i < 2);
        free(answer);
    }
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    /* Idle after an answer; a connection that never asked is let be. */
    int fresh = connect_to(&mock);
    fd = connect_to(&mock);
    send_request(fd, "/health", "");
    free(hear(fd));
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    send_request(fresh, "/health", "");
    heard *answer = hear(fresh);
    assert_int_equal(answer->http.status, 200);
    free(answer);
    close(fresh);
    stop_mock(&mock);
}

/* An answer that is larger than a socket's buffers, to a client that reads late. */
static void test_slow_reader(void **state) {
    (void)state;
    running_mock mock;
    start_mock(&mock, quick());
    int fd = connect_to(&mock), small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_request(fd, TEXT, "{\"prompt\":\"a\",\"max_tokens\":500000}");
    pause_ms(50);
    size_t length = 0;
    char bytes[65536];
    mt_http http;
    mt_http_begin(&http, MT_HTTP_ANSWER);
    int what = MT_HTTP_MORE;
    while (what != MT_HTTP_END) {
        ssize_t count = recv(fd, bytes, sizeof bytes, 0);
        assert_true(count > 0);
        mt_span unread = {bytes, (size_t)count}, body;
        while ((what = mt_http_next(&http, &unread, &body)) == MT_HTTP_HEAD || what == MT_HTTP_BODY)
            length += what == MT_HTTP_BODY ? body.length : 0;
    }
    assert_int_equal(length, http.content_length);
    assert_true(length > 2000000);
    send_request(fd, "/health", ""); /* and it goes on */
    heard *answer = hear(fd);
    assert_int_equal(answer->http.status, 200);
    free(answer);
    close(fd);
    stop_mock(&mock);
}

static void test_opening(void **state) {
    (void)state;
    mt_distribution *zero = always(0);
    mt_mock_options options = quick();
    mt_error error = {0};
    options.ttft = options.itl = options.tokens_per_chunk = zero;
    mt_mock *first = mt_mock_open(&options, &error);
    assert_non_null(first);
    options.port = mt_mock_port(first);
    assert_null(mt_mock_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_non_null(strstr(error.message, "in use"));
    mt_mock_free(first);
    options.host = "no.such.host";
    assert_null(mt_mock_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    options.host = "127.0.0.1";
    options.dialect = "klingon";
    assert_null(mt_mock_open(&options, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    /* The n-th allocation fails, until none does. */
    options = quick();
    options.ttft = options.itl = options.tokens_per_chunk = zero;
    options.kv_blocks = 100;
    mt_mock *opened = NULL;
    uint64_t n = 0;
    while (!opened) {
        mt_memory_fail_at(++n, 1);
        opened = mt_mock_open(&options, &error);
        mt_memory_fail_at(0, 0);
        assert_true(opened || error.code == MT_ERROR_MEMORY);
    }
    assert_in_range(n, 4, 10);
    mt_mock_free(opened);
    mt_distribution_release(zero);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_whole_answers),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_habits),
        cmocka_unit_test(test_chunks_and_ends),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_words_of_tools),
        cmocka_unit_test(test_other_pages),
        cmocka_unit_test(test_slots_and_queue),
        cmocka_unit_test(test_those_who_leave),
        cmocka_unit_test(test_rate_limit),
        cmocka_unit_test(test_cache_rules),
        cmocka_unit_test(test_cache_reset_of_dialects),
        cmocka_unit_test(test_cache_size),
        cmocka_unit_test(test_cache_against_a_list),
        cmocka_unit_test(test_requests_in_pieces),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_connections_that_end),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
