/* What servers speak beside OpenAI's API. What nobody measures by is left out of the answers. */
#include "drive/mock/api.h"

#include <time.h>

static const char *reason_of(const mt_answer_text *text, const char *stop) {
    return text->ends_by_itself ? stop : "length";
}

static void put_count(mt_bytes *out, const char *before, uint64_t count) {
    mt_bytes_text(out, before);
    mt_bytes_number(out, count);
}

static void put_quoted_words(mt_bytes *out, const mt_answer_text *text, uint64_t first,
                             uint64_t count) {
    mt_bytes_text(out, "\"");
    mt_say_words(out, text, first, count);
    mt_bytes_text(out, "\"");
}

/* Token ids as a list. */
static void put_ids(mt_bytes *out, const mt_answer_text *text, uint64_t first, uint64_t count) {
    mt_bytes_text(out, "[");
    for (uint64_t i = first; i < first + count; i++)
        put_count(out, i > first ? "," : "", mt_say_word(text, i));
    mt_bytes_text(out, "]");
}

/* --- Text Generation Inference: an event a token, the last one with all of the text ------------- */

static void put_tgi_token(mt_bytes *out, const mt_answer_text *text, uint64_t index, int is_last) {
    size_t start = mt_say_event(out, text->api);
    put_count(out, "{\"index\":", index + 1);
    put_count(out, ",\"token\":{\"id\":", mt_say_word(text, index));
    mt_bytes_text(out, ",\"text\":");
    put_quoted_words(out, text, index, 1);
    mt_bytes_text(out, ",\"logprob\":-0.5,\"special\":false}");
    mt_bytes_text(out, ",\"generated_text\":");
    if (is_last) {
        put_quoted_words(out, text, 0, text->output_tokens);
        mt_bytes_format(out, ",\"details\":{\"finish_reason\":\"%s\"",
                        reason_of(text, "eos_token"));
        put_count(out, ",\"generated_tokens\":", text->output_tokens);
        put_count(out, ",\"seed\":null,\"input_length\":", text->prompt_tokens);
        mt_bytes_text(out, "}}");
    } else {
        mt_bytes_text(out, "null,\"details\":null}");
    }
    mt_say_event_end(out, text->api, start);
}

static void say_tgi_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_last) {
    for (uint64_t i = 0; i < count; i++)
        put_tgi_token(out, text, text->said + i, is_last && i + 1 == count);
}

static void say_tgi_answer(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, "{\"generated_text\":");
    put_quoted_words(out, text, 0, text->output_tokens);
    if (!text->lacks_reason) {
        mt_bytes_format(out, ",\"details\":{\"finish_reason\":\"%s\"",
                        reason_of(text, "eos_token"));
        put_count(out, ",\"generated_tokens\":", text->output_tokens);
        mt_bytes_text(out, ",\"seed\":null,\"prefill\":[],\"tokens\":[]}");
    }
    mt_bytes_text(out, "}");
}

static const mt_member tgi_members[] = {{"inputs", MT_MEMBER_PROMPT},
                                        {"parameters", MT_MEMBER_INSIDE},
                                        {"max_new_tokens", MT_MEMBER_MOST},
                                        {NULL, 0}};

/* --- Ollama: lines of JSON ---------------------------------------------------------------------- */

static void put_ollama_beginning(mt_bytes *out, const mt_answer_text *text) {
    time_t seconds = (time_t)text->created;
    struct tm date;
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &date));
    mt_bytes_text(out, "{\"model\":\"");
    mt_bytes_put(out, text->model.text, text->model.length);
    mt_bytes_format(out, "\",\"created_at\":\"%s\",", stamp);
}

static void put_ollama_text(mt_bytes *out, const mt_answer_text *text, uint64_t first,
                            uint64_t count) {
    mt_bytes_text(out, text->is_chat ? "\"message\":{\"role\":\"assistant\",\"content\":"
                                     : "\"response\":");
    put_quoted_words(out, text, first, count);
    mt_bytes_text(out, text->is_chat ? "}," : ",");
}

static void put_ollama_end(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_format(out, "\"done\":true,\"done_reason\":\"%s\"", reason_of(text, "stop"));
    put_count(out, ",\"prompt_eval_count\":", text->prompt_tokens);
    put_count(out, ",\"eval_count\":", text->output_tokens);
    mt_bytes_text(out, "}");
}

static void say_ollama_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                              int is_last) {
    (void)is_last;
    if (count == 0)
        return;
    size_t start = mt_say_event(out, text->api);
    put_ollama_beginning(out, text);
    put_ollama_text(out, text, text->said, count);
    mt_bytes_text(out, "\"done\":false}");
    mt_say_event_end(out, text->api, start);
}

static void say_ollama_finish(mt_bytes *out, const mt_answer_text *text) {
    size_t start = mt_say_event(out, text->api);
    put_ollama_beginning(out, text);
    put_ollama_text(out, text, 0, 0);
    put_ollama_end(out, text);
    mt_say_event_end(out, text->api, start);
}

static void say_ollama_answer(mt_bytes *out, const mt_answer_text *text) {
    put_ollama_beginning(out, text);
    put_ollama_text(out, text, 0, text->output_tokens);
    if (text->lacks_reason)
        mt_bytes_text(out, "\"done\":false}");
    else
        put_ollama_end(out, text);
}

#define OLLAMA_MEMBERS                                                                             \
    {"model", MT_MEMBER_MODEL}, {"stream", MT_MEMBER_STREAM}, {"options", MT_MEMBER_INSIDE},       \
        {"num_predict", MT_MEMBER_MOST}, {                                                         \
        NULL, 0                                                                                    \
    }

static const mt_member ollama_chat_members[] = {{"messages", MT_MEMBER_MESSAGES}, OLLAMA_MEMBERS};
static const mt_member ollama_text_members[] = {{"prompt", MT_MEMBER_PROMPT}, OLLAMA_MEMBERS};

/* --- llama.cpp ---------------------------------------------------------------------------------- */

static void put_llamacpp_text(mt_bytes *out, const mt_answer_text *text, uint64_t first,
                              uint64_t count) {
    mt_bytes_text(out, "{\"index\":0,\"content\":");
    put_quoted_words(out, text, first, count);
    mt_bytes_text(out, ",\"tokens\":");
    put_ids(out, text, first, count);
    mt_bytes_text(out, ",\"id_slot\":0");
}

static void put_llamacpp_end(mt_bytes *out, const mt_answer_text *text) {
    mt_bytes_text(out, ",\"stop\":true,\"model\":\"");
    mt_bytes_put(out, text->model.text, text->model.length);
    mt_bytes_format(out, "\",\"stop_type\":\"%s\"", text->ends_by_itself ? "eos" : "limit");
    put_count(out, ",\"tokens_predicted\":", text->output_tokens);
    put_count(out, ",\"tokens_evaluated\":", text->prompt_tokens);
    put_count(out,
              ",\"truncated\":false,\"tokens_cached\":", text->prompt_tokens + text->output_tokens);
    mt_say_timings(out, text);
    mt_bytes_text(out, "}");
}

static void say_llamacpp_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                                int is_last) {
    (void)is_last;
    if (count == 0)
        return;
    size_t start = mt_say_event(out, text->api);
    put_llamacpp_text(out, text, text->said, count);
    put_count(out, ",\"stop\":false,\"tokens_predicted\":", text->said + count);
    put_count(out, ",\"tokens_evaluated\":", text->prompt_tokens);
    mt_bytes_text(out, "}");
    mt_say_event_end(out, text->api, start);
}

static void say_llamacpp_finish(mt_bytes *out, const mt_answer_text *text) {
    size_t start = mt_say_event(out, text->api);
    put_llamacpp_text(out, text, 0, 0);
    put_llamacpp_end(out, text);
    mt_say_event_end(out, text->api, start);
}

static void say_llamacpp_answer(mt_bytes *out, const mt_answer_text *text) {
    put_llamacpp_text(out, text, 0, text->output_tokens);
    if (text->lacks_reason)
        mt_bytes_text(out, ",\"stop\":false}");
    else
        put_llamacpp_end(out, text);
}

static const mt_member llamacpp_members[] = {{"prompt", MT_MEMBER_PROMPT},
                                             {"n_predict", MT_MEMBER_MOST},
                                             {"stream", MT_MEMBER_STREAM},
                                             {"ignore_eos", MT_MEMBER_IGNORE_EOS},
                                             {NULL, 0}};

/* --- SGLang: each event has all of the text so far ---------------------------------------------- */

static void put_sglang_text(mt_bytes *out, const mt_answer_text *text, uint64_t said, int is_end) {
    mt_bytes_text(out, "{\"text\":");
    put_quoted_words(out, text, 0, said);
    mt_bytes_text(out, ",\"output_ids\":");
    put_ids(out, text, 0, said);
    mt_bytes_text(out, ",\"meta_info\":{\"id\":\"");
    char *digits = mt_bytes_room(out, 16);
    if (digits) {
        mt_bytes_hex(digits, text->number, 16);
        out->length += 16;
    }
    mt_bytes_text(out, "\",\"finish_reason\":");
    if (!is_end || text->lacks_reason)
        mt_bytes_text(out, "null");
    else if (text->ends_by_itself)
        mt_bytes_text(out, "{\"type\":\"stop\",\"matched\":2}");
    else
        mt_bytes_format(out, "{\"type\":\"length\",\"length\":%llu}",
                        (unsigned long long)text->output_tokens);
    put_count(out, ",\"prompt_tokens\":", text->prompt_tokens);
    put_count(out, ",\"completion_tokens\":", said);
    put_count(out, ",\"cached_tokens\":", text->cached_tokens);
    mt_bytes_text(out, "}}");
}

static void say_sglang_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                              int is_last) {
    size_t start = mt_say_event(out, text->api);
    put_sglang_text(out, text, text->said + count, is_last);
    mt_say_event_end(out, text->api, start);
}

static void say_sglang_answer(mt_bytes *out, const mt_answer_text *text) {
    put_sglang_text(out, text, text->output_tokens, 1);
}

static const mt_member sglang_members[] = {
    {"text", MT_MEMBER_PROMPT},           {"input_ids", MT_MEMBER_PROMPT},
    {"stream", MT_MEMBER_STREAM},         {"sampling_params", MT_MEMBER_INSIDE},
    {"max_new_tokens", MT_MEMBER_MOST},   {"min_new_tokens", MT_MEMBER_LEAST},
    {"ignore_eos", MT_MEMBER_IGNORE_EOS}, {NULL, 0}};

/* --- Triton's generate extension, before TensorRT-LLM: nothing tells the last event ------------- */

static void put_triton_text(mt_bytes *out, const mt_answer_text *text, uint64_t first,
                            uint64_t count) {
    mt_bytes_text(out, "{\"model_name\":\"");
    mt_bytes_put(out, text->model.text, text->model.length);
    mt_bytes_text(out, "\",\"model_version\":\"1\",\"sequence_end\":false,\"sequence_id\":0,"
                       "\"sequence_start\":false,\"text_output\":");
    put_quoted_words(out, text, first, count);
    mt_bytes_text(out, "}");
}

static void say_triton_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count,
                              int is_last) {
    (void)is_last;
    if (count == 0)
        return;
    size_t start = mt_say_event(out, text->api);
    put_triton_text(out, text, text->said, count);
    mt_say_event_end(out, text->api, start);
}

static void say_triton_answer(mt_bytes *out, const mt_answer_text *text) {
    put_triton_text(out, text, 0, text->output_tokens);
}

static const mt_member triton_members[] = {{"text_input", MT_MEMBER_PROMPT},
                                           {"max_tokens", MT_MEMBER_MOST},
                                           {"min_length", MT_MEMBER_LEAST},
                                           {NULL, 0}};

/* --- the table ---------------------------------------------------------------------------------- */

static const mt_api apis[] = {
    {"tgi", "/generate_stream", tgi_members, 100, "data:", "\n\n", MT_STREAMS_ALWAYS,
     MT_ERRORS_TEXT, 0, 0, say_tgi_tokens, NULL, say_tgi_answer},
    {"tgi", "/generate", tgi_members, 100, "data:", "\n\n", MT_STREAMS_NEVER, MT_ERRORS_TEXT, 0, 0,
     say_tgi_tokens, NULL, say_tgi_answer},
    {"ollama", "/api/chat", ollama_chat_members, 128, "", "\n", MT_STREAMS_UNLESS_REFUSED,
     MT_ERRORS_BARE, 1, 0, say_ollama_tokens, say_ollama_finish, say_ollama_answer},
    {"ollama", "/api/generate", ollama_text_members, 128, "", "\n", MT_STREAMS_UNLESS_REFUSED,
     MT_ERRORS_BARE, 1, 0, say_ollama_tokens, say_ollama_finish, say_ollama_answer},
    {"llamacpp", "/completion", llamacpp_members, 128, "data: ", "\n\n", MT_STREAMS_IF_ASKED,
     MT_ERRORS_NESTED, 0, 0, say_llamacpp_tokens, say_llamacpp_finish, say_llamacpp_answer},
    {"sglang", "/generate", sglang_members, 128, "data: ", "\n\n", MT_STREAMS_IF_ASKED,
     MT_ERRORS_NESTED, 0, 1, say_sglang_tokens, NULL, say_sglang_answer},
    {"triton", "/v2/models/*/generate_stream", triton_members, 16, "data: ", "\n\n",
     MT_STREAMS_ALWAYS, MT_ERRORS_BARE, 0, 0, say_triton_tokens, NULL, say_triton_answer},
    {"triton", "/v2/models/*/generate", triton_members, 16, "data: ", "\n\n", MT_STREAMS_NEVER,
     MT_ERRORS_BARE, 0, 0, say_triton_tokens, NULL, say_triton_answer},
};

/* Is it this path? What stands for its star is the model. */
static int is_at(const mt_api *api, mt_span path, mt_span *model) {
    const char *star = strchr(api->path, '*');
    size_t length = strlen(api->path), before = star ? (size_t)(star - api->path) : length;
    size_t after = star ? length - before - 1 : 0;
    *model = (mt_span){"", 0};
    if (path.length < before + after || memcmp(path.text, api->path, before) != 0)
        return 0;
    if (!star)
        return path.length == length;
    *model = (mt_span){path.text + before, path.length - before - after};
    for (size_t i = 0; i < model->length; i++)
        if (strchr("/\"\\", model->text[i]))
            return 0;
    return model->length > 0 && memcmp(star + 1, path.text + path.length - after, after) == 0;
}

const mt_api *mt_api_at(const mt_dialect *dialect, mt_span path, mt_span *model) {
    if (is_at(&mt_api_chat, path, model))
        return &mt_api_chat;
    if (is_at(&mt_api_completions, path, model))
        return &mt_api_completions;
    if (is_at(&mt_api_embeddings, path, model))
        return &mt_api_embeddings;
    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++)
        if (strcmp(apis[i].dialect, dialect->name) == 0 && is_at(&apis[i], path, model))
            return &apis[i];
    for (size_t i = 0; i < mt_provider_api_count; i++)
        if (strcmp(mt_provider_apis[i].dialect, dialect->name) == 0 &&
            is_at(&mt_provider_apis[i], path, model))
            return &mt_provider_apis[i];
    return NULL;
}
