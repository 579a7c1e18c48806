/* What events and whole answers say, in the forms of the servers there are; and streams recorded from
 * a real one, where they are at hand. */
#include "drive/event.h"
#include "drive/http/message.h"
#include "drive/http/sse.h"

#include "file_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DONE = MT_SAYS_DONE,
    CONTENT = MT_SAYS_CONTENT,
    LIVE = MT_SAYS_LIVE,
    ROLE = MT_SAYS_ROLE,
    FINISH = MT_SAYS_FINISH,
    USAGE = MT_SAYS_USAGE,
    ERROR = MT_SAYS_ERROR,
    CHOICES = MT_SAYS_CHOICES,
    REASONING = MT_SAYS_REASONING,
    NO_END = MT_SAYS_NO_END
};

static mt_said read_text(const char *text) {
    mt_said said;
    size_t length = strlen(text);
    char *copy = malloc(length + 1); /* of its own: the sanitizer sees a read beyond */
    memcpy(copy, text, length);
    assert_int_equal(mt_said_read(copy, length, &said), 0);
    free(copy);
    assert_int_equal(mt_said_read(text, length, &said), 0);
    return said;
}

static void assert_span(mt_span span, const char *text) {
    assert_int_equal(span.length, strlen(text));
    assert_memory_equal(span.text, text, span.length);
}

static void assert_text(const char *event, const char *text) {
    mt_said said;
    assert_int_equal(mt_said_read(event, strlen(event), &said), 0);
    assert_span(said.text, text);
}

#define CHOICE(x) "{\"id\":\"c\",\"choices\":[{\"index\":0," x "}]}"

/* Of all content only what the answer itself says, escapes and all. */
static void test_texts(void **state) {
    (void)state;
    assert_text(CHOICE("\"delta\":{\"content\":\" a\\n\\u00e9\"}"), " a\\n\\u00e9");
    assert_text(CHOICE("\"delta\":{\"content\":null,\"reasoning_content\":\"hm\"}"), "");
    assert_text(CHOICE("\"message\":{\"reasoning\":\"hm\",\"content\":\"a\"}"), "a");
    assert_text(CHOICE("\"text\":\" b\""), " b");
    assert_text(CHOICE("\"delta\":{\"content\":\"\"}"), "");
    assert_text("{\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"delta\":{\"content\":\"b\"}}]}",
                "a");
}

static void test_what_is_said(void **state) {
    (void)state;
    struct {
        const char *text;
        unsigned says;
    } rows[] = {
        {"[DONE]", DONE},
        {"[DONE] \r", DONE},
        {CHOICE("\"delta\":{\"content\":\" cat\"},\"finish_reason\":null"),
         CHOICES | CONTENT | NO_END},
        {CHOICE("\"delta\":{\"reasoning\":\"hm\"}"), CHOICES | CONTENT | REASONING},
        {CHOICE("\"delta\":{\"content\":null,\"reasoning_content\":\"hm\"}"),
         CHOICES | CONTENT | REASONING},
        {CHOICE("\"delta\":{\"content\":\"a\",\"reasoning_content\":null}"), CHOICES | CONTENT},
        {CHOICE("\"delta\":{\"content\":\"\",\"reasoning_details\":[{\"text\":\"hm\"}]}"),
         CHOICES | CONTENT | REASONING},
        {CHOICE(
             "\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"x\"},"
             "{\"summary\":\"x\",\"type\":\"reasoning.summary\"}]}"),
         CHOICES},
        {CHOICE("\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\"},"
                "{\"type\":\"reasoning.text\",\"text\":\"hm\"}]}"),
         CHOICES | CONTENT | REASONING},
        {CHOICE("\"delta\":{\"reasoning_details\":[]}"), CHOICES | LIVE},
        {CHOICE("\"delta\":{\"reasoning_details\":null}"), CHOICES},
        {CHOICE("\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
                "\"text\":\"hm\"}]}]}"),
         CHOICES | CONTENT | REASONING},
        {CHOICE("\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"thinking\"}]}"),
         CHOICES | CONTENT},
        {CHOICE("\"delta\":{\"content\":[]}"), CHOICES | LIVE},
        {CHOICE("\"delta\":{\"content\":[1,[2]]}"), CHOICES | CONTENT},
        {CHOICE("\"delta\":{\"audio\":{\"data\":\"AAAA\"}}"), CHOICES | CONTENT},
        {CHOICE("\"delta\":{\"audio\":null}"), CHOICES},
        {CHOICE("\"delta\":{\"tool_calls\":[{\"index\":0}]}"), CHOICES | CONTENT},
        {CHOICE("\"delta\":{\"role\":\"assistant\",\"content\":\"\"}"), CHOICES | ROLE},
        {CHOICE("\"delta\":{\"role\":\"assistant\",\"content\":null}"), CHOICES | ROLE},
        {CHOICE("\"delta\":{\"role\":\"assistant\"}"), CHOICES | ROLE},
        {CHOICE("\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}"), CHOICES | ROLE | CONTENT},
        {CHOICE("\"delta\":{\"content\":\"\"},\"finish_reason\":null"), CHOICES | LIVE | NO_END},
        {CHOICE("\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\""), CHOICES | FINISH},
        {CHOICE("\"delta\":{},\"finish_reason\":\"length\""), CHOICES | FINISH},
        {CHOICE("\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\""),
         CHOICES | CONTENT | FINISH},
        {CHOICE("\"text\":\"a\",\"finish_reason\":\"\""), CHOICES | CONTENT | NO_END},
        {CHOICE("\"text\":\"\",\"finish_reason\":null"), CHOICES | LIVE | NO_END},
        {CHOICE("\"text\":\"\",\"finish_reason\":\"length\""), CHOICES | FINISH},
        {CHOICE(
             "\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":\"stop\""),
         CHOICES | ROLE | CONTENT | FINISH},
        {"{\"choices\":[{\"delta\":{}}]}", CHOICES},
        {"{\"choices\":[],\"usage\":null}", CHOICES},
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}", CHOICES | USAGE},
        {" { \"choices\" : [ { \"delta\" : { \"content\" : \"a\" } } ] } ", CHOICES | CONTENT},
        {"{\"error\":null,\"choices\":[]}", CHOICES},
        {"{\"error\":{\"message\":\"m\"}}", ERROR},
        {"{\"object\":\"error\",\"message\":\"m\",\"code\":400}", ERROR},
        {"{\"message\":\"m\",\"type\":\"t\",\"code\":400}", ERROR},
        {"{}", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_said said = read_text(rows[i].text);
        if (said.says != rows[i].says)
            fail_msg("%s: %x instead of %x", rows[i].text, said.says, rows[i].says);
    }
}

static void test_spans(void **state) {
    (void)state;
    mt_said said =
        read_text(CHOICE("\"delta\":{\"content\":\"a\\n\"},\"finish_reason\":\"tool_calls\""));
    assert_span(said.content, "\"a\\n\"");
    assert_span(said.finish_reason, "tool_calls");
}

static void test_usage(void **state) {
    (void)state;
    struct {
        const char *usage;
        int64_t prompt, completion, cached, reasoning;
    } rows[] = {
        {"{\"prompt_tokens\":29,\"completion_tokens\":3,\"total_tokens\":32}", 29, 3,
         MT_COUNT_ABSENT, MT_COUNT_ABSENT},
        {"{\"prompt_tokens\":29,\"prompt_tokens_details\":null,\"completion_tokens_details\":null}",
         29, MT_COUNT_ABSENT, MT_COUNT_NULL, MT_COUNT_NULL},
        {"{\"prompt_tokens\":0,\"completion_tokens\":0,\"prompt_tokens_details\":"
         "{\"audio_tokens\":5,\"cached_tokens\":0},\"completion_tokens_details\":"
         "{\"reasoning_tokens\":7}}",
         0, 7, 0, 7},
        {"{\"prompt_tokens_details\":{\"cached_tokens\":null}}", MT_COUNT_ABSENT, MT_COUNT_ABSENT,
         MT_COUNT_NULL, MT_COUNT_ABSENT},
        /* Where others say what is cached; the nearest to OpenAI's wins. */
        {"{\"prompt_cache_hit_tokens\":64,\"prompt_cache_miss_tokens\":36}", MT_COUNT_ABSENT,
         MT_COUNT_ABSENT, 64, MT_COUNT_ABSENT},
        {"{\"cached_tokens\":0}", MT_COUNT_ABSENT, MT_COUNT_ABSENT, 0, MT_COUNT_ABSENT},
        {"{\"cache_read_input_tokens\":3,\"prompt_tokens_details\":null}", MT_COUNT_ABSENT,
         MT_COUNT_ABSENT, 3, MT_COUNT_ABSENT},
        {"{\"input_tokens_details\":{\"cached_tokens\":7},\"cached_tokens\":9}", MT_COUNT_ABSENT,
         MT_COUNT_ABSENT, 7, MT_COUNT_ABSENT},
        /* Reasoning in the answer's count, and beside it. */
        {"{\"prompt_tokens\":12,\"completion_tokens\":320,\"total_tokens\":332,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":300}}",
         12, 320, MT_COUNT_ABSENT, 300},
        {"{\"completion_tokens\":2,\"completion_tokens_details\":{\"reasoning_tokens\":317},"
         "\"total_tokens\":331,\"prompt_tokens\":12}",
         12, 319, MT_COUNT_ABSENT, 317},
        {"{\"prompt_tokens\":12,\"completion_tokens\":400,\"total_tokens\":512,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":100}}",
         12, 500, MT_COUNT_ABSENT, 100},
        {"{\"completion_tokens\":2,\"completion_tokens_details\":{\"reasoning_tokens\":5}}",
         MT_COUNT_ABSENT, 7, MT_COUNT_ABSENT, 5},
        {"{\"prompt_tokens\":12,\"completion_tokens\":2,\"total_tokens\":14,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":5}}",
         12, 2, MT_COUNT_ABSENT, 5},
        {"{\"completion_tokens\":4,\"completion_tokens_details\":"
         "{\"reasoning_tokens\":9223372036854775807}}",
         MT_COUNT_ABSENT, MT_COUNT_ABSENT, MT_COUNT_ABSENT, INT64_MAX},
        {"{\"prompt_tokens_details\":{},\"prompt_tokens\":-4,\"completion_tokens\":\"3\"}",
         MT_COUNT_ABSENT, MT_COUNT_ABSENT, MT_COUNT_ABSENT, MT_COUNT_ABSENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, "{\"choices\":[],\"usage\":%s}", rows[i].usage);
        mt_said said = read_text(text);
        assert_int_equal(said.prompt_tokens, rows[i].prompt);
        assert_int_equal(said.completion_tokens, rows[i].completion);
        assert_int_equal(said.cached_tokens, rows[i].cached);
        assert_int_equal(said.reasoning_tokens, rows[i].reasoning);
    }
}

/* Usage where others than OpenAI have it. */
static void test_usage_elsewhere(void **state) {
    (void)state;
    mt_said said =
        read_text("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"usage\":"
                  "{\"prompt_tokens\":9,\"completion_tokens\":4,\"cached_tokens\":8}}]}");
    assert_int_equal(said.says, CHOICES | FINISH | USAGE);
    assert_int_equal(said.prompt_tokens, 9);
    assert_int_equal(said.completion_tokens, 4);
    assert_int_equal(said.cached_tokens, 8);
    said = read_text("{\"choices\":[],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":9,"
                     "\"completion_tokens\":4,\"total_time\":0.1}}}");
    assert_int_equal(said.prompt_tokens, 9);
    assert_int_equal(said.completion_tokens, 4);
    said = read_text("{\"choices\":[],\"x_groq\":{\"id\":\"r\"}}");
    assert_int_equal(said.says, CHOICES);
    said = read_text("{\"choices\":[],\"timings\":{\"cache_n\":5,\"prompt_n\":4}}");
    assert_int_equal(said.cached_tokens, 5);
    said = read_text(
        "{\"choices\":[],\"timings\":{\"cache_n\":5},\"usage\":{\"prompt_tokens_details\":"
        "{\"cached_tokens\":6}}}");
    assert_int_equal(said.cached_tokens, 6);
}

/* An answer that the server broke off is an error, whatever else its last event says. */
static void test_broken_off(void **state) {
    (void)state;
    static const char *const reasons[] = {"abort",   "aborted",       "error", "cancelled",
                                          "timeout", "network_error", NULL};
    char text[256], message[64];
    for (const char *const *reason = reasons; *reason; reason++) {
        snprintf(text, sizeof text, CHOICE("\"delta\":{\"content\":\"\"},\"finish_reason\":\"%s\""),
                 *reason);
        snprintf(message, sizeof message, "finish_reason %s", *reason);
        mt_said said = read_text(text);
        assert_int_equal(said.says, CHOICES | FINISH | ERROR);
        assert_span(said.error_message, message);
        assert_int_equal(said.error_status, 0);
    }
    mt_said said =
        read_text(CHOICE("\"delta\":{},\"finish_reason\":\"insufficient_system_resource\""));
    assert_int_equal(said.error_status, 503);
    said = read_text("{\"error\":{\"message\":\"m\",\"code\":502},\"choices\":[{\"delta\":{},"
                     "\"finish_reason\":\"error\"}]}");
    assert_span(said.error_message, "m");
    assert_int_equal(said.error_status, 502);
    said = read_text("{\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}],"
                     "\"error\":{\"message\":\"m\",\"code\":502}}");
    assert_span(said.error_message, "m");
    static const char *const whole[] = {"stop", "length", "tool_calls", "content_filter", NULL};
    for (const char *const *reason = whole; *reason; reason++) {
        snprintf(text, sizeof text, CHOICE("\"delta\":{},\"finish_reason\":\"%s\""), *reason);
        assert_int_equal(read_text(text).says, CHOICES | FINISH);
    }
}

static void test_errors(void **state) {
    (void)state;
    struct {
        const char *text, *message;
        int status;
    } rows[] = {
        {"{\"error\":{\"message\":\"too "
         "\\\"long\\\"\",\"type\":\"t\",\"param\":null,\"code\":400}}",
         "too \\\"long\\\"", 400},
        {"{\"error\":{\"message\":\"m\",\"http_status_code\":503}}", "m", 503},
        {"{\"error\":{\"message\":\"m\",\"code\":\"429\"}}", "m", 429},
        {"{\"error\":{\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}}", "m", 0},
        {"{\"error\":{\"message\":\"m\",\"code\":null}}", "m", 0},
        {"{\"error\":\"Unauthorized\"}", "Unauthorized", 0},
        {"{\"error\":\"overloaded\",\"error_type\":\"overloaded\"}", "overloaded", 0},
        {"{\"error\":true}", "", 0},
        {"{\"object\":\"error\",\"message\":\"m\",\"type\":\"t\",\"code\":404}", "m", 404},
        {"{\"detail\":\"Not Found\"}", "Not Found", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_said said = read_text(rows[i].text);
        assert_int_equal(said.says, ERROR);
        assert_span(said.error_message, rows[i].message);
        assert_int_equal(said.error_status, rows[i].status);
    }
}

static void test_no_json(void **state) {
    (void)state;
    static const char *const rows[] = {"",        "<html>", "[]",       "{\"a\":1",  "{\"a\":1}x",
                                       "[DONE]x", "null",   "{\"a\":}", "{\"a\" 1}", "\xff"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_said said;
        if (mt_said_read(rows[i], strlen(rows[i]), &said) != -1)
            fail_msg("%s", rows[i]);
    }
}

/* --- streams of a real server ------------------------------------------------------------------- */

typedef struct stream_seen {
    int status, events, contents, finishes, dones, errors;
    int64_t prompt, completion;
} stream_seen;

static void see(stream_seen *seen, mt_span text) {
    mt_said said;
    assert_int_equal(mt_said_read(text.text, text.length, &said), 0);
    seen->events++;
    seen->contents += (said.says & CONTENT) != 0;
    seen->finishes += (said.says & FINISH) != 0;
    seen->dones += (said.says & DONE) != 0;
    seen->errors += (said.says & ERROR) != 0;
    if (said.says & USAGE) {
        seen->prompt = said.prompt_tokens;
        seen->completion = said.completion_tokens;
    }
}

static stream_seen read_stream(const char *bytes, size_t size, size_t step) {
    stream_seen seen = {0};
    static char whole[1 << 16];
    size_t whole_length = 0;
    mt_http http;
    mt_sse sse = {0};
    mt_http_begin(&http, MT_HTTP_ANSWER);
    for (size_t at = 0; at < size; at += step) {
        mt_span unread = {bytes + at, size - at < step ? size - at : step}, body, data;
        int what;
        while ((what = mt_http_next(&http, &unread, &body)) == MT_HTTP_HEAD ||
               what == MT_HTTP_BODY) {
            if (what == MT_HTTP_HEAD)
                seen.status = http.status;
            else if (http.content_type == MT_HTTP_CONTENT_EVENTS)
                while (mt_sse_next(&sse, &body, &data) == MT_SSE_EVENT)
                    see(&seen, data);
            else {
                memcpy(whole + whole_length, body.text, body.length);
                whole_length += body.length;
            }
        }
        assert_true(what == MT_HTTP_MORE || what == MT_HTTP_END);
    }
    assert_int_equal(mt_http_close(&http), MT_HTTP_END);
    if (whole_length > 0)
        see(&seen, (mt_span){whole, whole_length});
    mt_sse_free(&sse);
    return seen;
}

static void test_recorded_streams(void **state) {
    (void)state;
    struct {
        const char *name;
        stream_seen seen;
    } rows[] = {
        {"chat_stream_usage", {200, 7, 5, 1, 1, 0, 30, 5}},
        {"chat_whole", {200, 1, 1, 1, 0, 0, 29, 3}},
        {"completions_stream_ids", {200, 7, 5, 1, 1, 0, 5, 5}},
        {"completions_whole", {200, 1, 1, 1, 0, 0, 3, 3}},
        {"too_long", {200, 5, 3, 1, 1, 0, 2853, 3}},
        {"unknown_field", {200, 1, 1, 1, 0, 0, 2, 2}},
        {"not_found", {404, 1, 0, 0, 0, 1, 0, 0}},
        {"bad_json", {500, 1, 0, 0, 0, 1, 0, 0}},
    };
    const char *data_folder = getenv("MOONTIDE_DATA");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        static char bytes[1 << 16];
        snprintf(path, sizeof path, "%s/streams/%s.http",
                 data_folder ? data_folder : "../shared/data", rows[i].name);
        FILE *file = fopen(path, "rb");
        if (!file)
            skip();
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t step = 1; step <= sizeof bytes; step = step < 64 ? step + 1 : step * 4) {
            stream_seen seen = read_stream(bytes, size, step);
            if (memcmp(&seen, &rows[i].seen, sizeof seen) != 0)
                fail_msg("%s in steps of %d: %d, %d events, %d contents, %d finishes, %d dones, %d "
                         "errors, usage %d %d",
                         rows[i].name, (int)step, seen.status, seen.events, seen.contents,
                         seen.finishes, seen.dones, seen.errors, (int)seen.prompt,
                         (int)seen.completion);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_usage_elsewhere),
        cmocka_unit_test(test_broken_off),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_recorded_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
