/* The APIs of hosted models that servers of open ones speak too: Anthropic's messages, OpenAI's
 * responses, Gemini's. What nobody measures by is left out of the answers. */
#include "drive/mock/api.h"

/* --- events with names: "event: NAME", then the JSON -------------------------------------------- */

static void put_count(mt_bytes *out, const char *before, uint64_t count) {
    mt_bytes_text(out, before);
    mt_bytes_number(out, count);
}

/* A further event of the HTTP chunk. Its JSON goes on after the type, up to end_named. */
static void begin_named(mt_bytes *out, const char *name) {
    mt_bytes_format(out, "event: %s\ndata: {\"type\":\"%s\"", name, name);
}

static void end_named(mt_bytes *out) {
    mt_bytes_text(out, "}\n\n");
}

/* One without anything but an index. */
static void put_marker(mt_bytes *out, const char *name, const char *more) {
    begin_named(out, name);
    mt_bytes_text(out, more);
    end_named(out);
}

static void put_words(mt_bytes *out, const mt_answer_text *text, uint64_t first, uint64_t count) {
    mt_bytes_text(out, "\"");
    mt_say_words(out, text, first, count);
    mt_bytes_text(out, "\"");
}

static void put_model(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, "\"");
    mt_bytes_put(out, text->model.text, text->model.length);
    mt_bytes_text(out, "\"");
}

/* --- Anthropic: what is cached is not in input_tokens -------------------------------------------- */

static const char *anthropic_reason(const mt_answer_text *text) {
    return text->lacks_reason ? "null" : text->ends_by_itself ? "\"end_turn\"" : "\"max_tokens\"";
}

static void put_anthropic_usage(mt_bytes *out, const mt_answer_text *text, uint64_t said) {
    put_count(out, ",\"usage\":{\"input_tokens\":", text->prompt_tokens - text->cached_tokens);
    put_count(out, ",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":",
              text->cached_tokens);
    put_count(out, ",\"output_tokens\":", said);
    mt_bytes_text(out, "}");
}

static void put_anthropic_message(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_format(out,
                    "\"id\":\"msg_%016llx\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
                    (unsigned long long)text->number);
    put_model(out, text);
}

static void say_anthropic_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                                 int is_last) {
    size_t start = mt_say_chunk(out);
    (void)is_last;
    if (text->said == 0) {
        begin_named(out, "message_start");
        mt_bytes_text(out, ",\"message\":{");
        put_anthropic_message(out, text);
        mt_bytes_text(out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
        put_anthropic_usage(out, text, 1);
        mt_bytes_text(out, "}");
        end_named(out);
        put_marker(out, "content_block_start",
                   ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
        put_marker(out, "ping", "");
    }
    if (count > 0) {
        begin_named(out, "content_block_delta");
        mt_bytes_text(out, ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":");
        put_words(out, text, text->said, count);
        mt_bytes_text(out, "}");
        end_named(out);
    }
    mt_say_chunk_end(out, start);
}

static void say_anthropic_finish(mt_bytes *out, const mt_answer_text *text) {
    size_t start = mt_say_chunk(out);
    put_marker(out, "content_block_stop", ",\"index\":0");
    begin_named(out, "message_delta");
    mt_bytes_format(out, ",\"delta\":{\"stop_reason\":%s,\"stop_sequence\":null}",
                    anthropic_reason(text));
    put_anthropic_usage(out, text, text->output_tokens);
    end_named(out);
    put_marker(out, "message_stop", "");
    mt_say_chunk_end(out, start);
}

static void say_anthropic_answer(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, "{");
    put_anthropic_message(out, text);
    mt_bytes_text(out, ",\"content\":[{\"type\":\"text\",\"text\":");
    put_words(out, text, 0, text->output_tokens);
    mt_bytes_format(out, "}],\"stop_reason\":%s,\"stop_sequence\":null", anthropic_reason(text));
    put_anthropic_usage(out, text, text->output_tokens);
    mt_bytes_text(out, "}");
}

static const mt_member anthropic_members[] = {{"messages", MT_MEMBER_MESSAGES},
                                              {"model", MT_MEMBER_MODEL},
                                              {"stream", MT_MEMBER_STREAM},
                                              {"max_tokens", MT_MEMBER_MOST},
                                              {"system", 0},
                                              {NULL, 0}};

/* --- OpenAI's responses ------------------------------------------------------------------------- */

static void put_response(mt_bytes *out, const mt_answer_text *text, const char *status) {
    mt_bytes_format(out,
                    "\"id\":\"resp_%016llx\",\"object\":\"response\",\"status\":\"%s\",\"model\":",
                    (unsigned long long)text->number, status);
    put_model(out, text);
}

static void put_responses_usage(mt_bytes *out, const mt_answer_text *text) {
    put_count(out, ",\"usage\":{\"input_tokens\":", text->prompt_tokens);
    put_count(out, ",\"input_tokens_details\":{\"cached_tokens\":", text->cached_tokens);
    put_count(out, "},\"output_tokens\":", text->output_tokens);
    put_count(out, ",\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":",
              text->prompt_tokens + text->output_tokens);
    mt_bytes_text(out, "}");
}

static const char *response_status(const mt_answer_text *text) {
    return text->lacks_reason ? "in_progress" : text->ends_by_itself ? "completed" : "incomplete";
}

static void put_why_incomplete(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, text->ends_by_itself || text->lacks_reason
                           ? ",\"incomplete_details\":null"
                           : ",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}");
}

static void say_responses_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                                 int is_last) {
    size_t start = mt_say_chunk(out);
    (void)is_last;
    if (text->said == 0) {
        begin_named(out, "response.created");
        mt_bytes_text(out, ",\"response\":{");
        put_response(out, text, "in_progress");
        mt_bytes_text(out, ",\"usage\":null}");
        end_named(out);
        put_marker(out, "response.content_part.added",
                   ",\"output_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\"}");
    }
    if (count > 0) {
        begin_named(out, "response.output_text.delta");
        mt_bytes_text(out, ",\"output_index\":0,\"content_index\":0,\"delta\":");
        put_words(out, text, text->said, count);
        end_named(out);
    }
    mt_say_chunk_end(out, start);
}

static void say_responses_finish(mt_bytes *out, const mt_answer_text *text) {
    size_t start = mt_say_chunk(out);
    begin_named(out, "response.output_text.done");
    mt_bytes_text(out, ",\"output_index\":0,\"text\":");
    put_words(out, text, 0, text->output_tokens);
    end_named(out);
    begin_named(out, text->ends_by_itself ? "response.completed" : "response.incomplete");
    mt_bytes_text(out, ",\"response\":{");
    put_response(out, text, response_status(text));
    put_why_incomplete(out, text);
    put_responses_usage(out, text);
    mt_bytes_text(out, "}");
    end_named(out);
    mt_say_chunk_end(out, start);
}

static void say_responses_answer(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, "{");
    put_response(out, text, response_status(text));
    mt_bytes_text(
        out,
        ",\"error\":null,\"output\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":["
        "{\"type\":\"output_text\",\"text\":");
    put_words(out, text, 0, text->output_tokens);
    mt_bytes_text(out, "}]}]");
    put_why_incomplete(out, text);
    put_responses_usage(out, text);
    mt_bytes_text(out, "}");
}

static const mt_member responses_members[] = {{"input", MT_MEMBER_MESSAGES},
                                              {"model", MT_MEMBER_MODEL},
                                              {"stream", MT_MEMBER_STREAM},
                                              {"max_output_tokens", MT_MEMBER_MOST},
                                              {"store", 0},
                                              {"tools", 0},
                                              {"temperature", 0},
                                              {"reasoning", 0},
                                              {NULL, 0}};

/* --- Gemini: each event is a whole answer's form, with the usage so far -------------------------- */

static void put_gemini(mt_bytes *out, const mt_answer_text *text, uint64_t first, uint64_t count,
                       int is_end) {
    mt_bytes_text(out, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":");
    put_words(out, text, first, count);
    mt_bytes_text(out, "}]},\"index\":0");
    if (is_end && !text->lacks_reason)
        mt_bytes_text(out, text->ends_by_itself ? ",\"finishReason\":\"STOP\""
                                                : ",\"finishReason\":\"MAX_TOKENS\"");
    put_count(out, "}],\"usageMetadata\":{\"promptTokenCount\":", text->prompt_tokens);
    put_count(out, ",\"candidatesTokenCount\":", first + count);
    put_count(out, ",\"totalTokenCount\":", text->prompt_tokens + first + count);
    if (text->cached_tokens > 0)
        put_count(out, ",\"cachedContentTokenCount\":", text->cached_tokens);
    mt_bytes_text(out, "},\"modelVersion\":");
    put_model(out, text);
    mt_bytes_text(out, "}");
}

static void say_gemini_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                              int is_last) {
    size_t start = mt_say_event(out, text->api);
    put_gemini(out, text, text->said, count, is_last);
    mt_say_event_end(out, text->api, start);
}

static void say_gemini_answer(mt_bytes *out, const mt_answer_text *text) {
    put_gemini(out, text, 0, text->output_tokens, 1);
}

static const mt_member gemini_members[] = {{"contents", MT_MEMBER_MESSAGES},
                                           {"generationConfig", MT_MEMBER_INSIDE},
                                           {"maxOutputTokens", MT_MEMBER_MOST},
                                           {"systemInstruction", 0},
                                           {NULL, 0}};

/* --- the table ---------------------------------------------------------------------------------- */

#define NAMED_ERROR "event: error\ndata: "
#define ANTHROPIC(dialect)                                                                         \
    {                                                                                              \
        dialect, "/v1/messages", anthropic_members, 16, NAMED_ERROR, "\n\n", MT_STREAMS_IF_ASKED,  \
            MT_ERRORS_TYPED, 0, 0, say_anthropic_tokens, say_anthropic_finish,                     \
            say_anthropic_answer                                                                   \
    }
#define RESPONSES(dialect)                                                                         \
    {                                                                                              \
        dialect, "/v1/responses", responses_members, 128, NAMED_ERROR, "\n\n",                     \
            MT_STREAMS_IF_ASKED, MT_ERRORS_NESTED, 0, 0, say_responses_tokens,                     \
            say_responses_finish, say_responses_answer                                             \
    }

const mt_api mt_provider_apis[] = {
    ANTHROPIC("anthropic"),
    ANTHROPIC("vllm"),
    ANTHROPIC("llamacpp"),
    ANTHROPIC("ollama"),
    RESPONSES("openai"),
    RESPONSES("vllm"),
    {"gemini", "/v1beta/models/*:streamGenerateContent", gemini_members, 128, "data: ", "\n\n",
     MT_STREAMS_ALWAYS, MT_ERRORS_NESTED, 0, 0, say_gemini_tokens, NULL, say_gemini_answer},
    {"gemini", "/v1beta/models/*:generateContent", gemini_members, 128, "data: ", "\n\n",
     MT_STREAMS_NEVER, MT_ERRORS_NESTED, 0, 0, say_gemini_tokens, NULL, say_gemini_answer},
};

const size_t mt_provider_api_count = sizeof mt_provider_apis / sizeof *mt_provider_apis;
