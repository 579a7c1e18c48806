/* OpenAI's two APIs, as each dialect has them. */
#include "drive/mock/api.h"

/* --- what chunks and answers share -------------------------------------------------------------- */

static void put_beginning(mt_bytes *out, const mt_answer_text *text, const char *object) {
    mt_bytes_text(out, text->is_chat ? "{\"id\":\"chatcmpl-" : "{\"id\":\"cmpl-");
    char *digits = mt_bytes_room(out, 16);
    if (digits) {
        mt_bytes_hex(digits, text->number, 16);
        out->length += 16;
    }
    mt_bytes_text(out, "\",\"object\":\"");
    mt_bytes_text(out, object);
    mt_bytes_text(out, "\",\"created\":");
    mt_bytes_number(out, (uint64_t)text->created);
    mt_bytes_text(out, ",\"model\":\"");
    mt_bytes_put(out, text->model.text, text->model.length);
    mt_bytes_text(out, "\",\"choices\":[");
}

static void put_reason(mt_bytes *out, const mt_answer_text *text, int is_last) {
    mt_bytes_text(out, ",\"finish_reason\":");
    if (!is_last || text->lacks_reason)
        mt_bytes_text(out, text->dialect->empty_reason && !text->is_chat ? "\"\"" : "null");
    else
        mt_bytes_text(out, text->ends_by_itself ? "\"stop\"" : "\"length\"");
    if (is_last && text->dialect->finish_extra)
        mt_bytes_text(out, text->dialect->finish_extra);
}

static int tells_cached(const mt_answer_text *text) {
    switch (text->dialect->cached) {
    case MT_CACHED_NEVER:
        return 0;
    case MT_CACHED_NOT_ZERO:
        return text->cached_tokens > 0;
    case MT_CACHED_WITH_CACHE:
        return text->has_cache;
    default:
        return 1;
    }
}

static void put_usage(mt_bytes *out, const mt_answer_text *text, uint64_t said) {
    mt_bytes_text(out, ",\"usage\":{\"prompt_tokens\":");
    mt_bytes_number(out, text->prompt_tokens);
    mt_bytes_text(out, ",\"total_tokens\":");
    mt_bytes_number(out, text->prompt_tokens + said);
    mt_bytes_text(out, ",\"completion_tokens\":");
    mt_bytes_number(out, said);
    if (tells_cached(text)) {
        mt_bytes_text(out, ",\"prompt_tokens_details\":{\"cached_tokens\":");
        mt_bytes_number(out, text->cached_tokens);
        mt_bytes_text(out, "}");
    }
    mt_bytes_text(out, "}");
}

void mt_say_timings(mt_bytes *out, const mt_answer_text *text) {
    if (text->dialect->has_timings)
        mt_bytes_format(out,
                        ",\"timings\":{\"cache_n\":%llu,\"prompt_n\":%llu,\"predicted_n\":%llu}",
                        (unsigned long long)text->cached_tokens,
                        (unsigned long long)(text->prompt_tokens - text->cached_tokens),
                        (unsigned long long)text->output_tokens);
}

/* --- chunks ------------------------------------------------------------------------------------- */

static void put_chunk_beginning(mt_bytes *out, const mt_answer_text *text) {
    put_beginning(out, text, text->is_chat ? "chat.completion.chunk" : "text_completion");
}

/* What a chunk that is not the last says of usage. */
static void put_no_usage(mt_bytes *out, const mt_answer_text *text, uint64_t said) {
    const mt_dialect *dialect = text->dialect;
    if (text->wants_usage && text->wants_usage_always)
        put_usage(out, text, said);
    else if (dialect->zero_usage && !text->is_chat)
        mt_bytes_text(out, ",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,"
                           "\"total_tokens\":0}");
    else if (dialect->says_null_usage && text->wants_usage)
        mt_bytes_text(out, ",\"usage\":null");
}

static void put_padding(mt_bytes *out, const mt_answer_text *text) {
    static const char padding[] = "aVbQeRkPz7Hq";
    if (!text->dialect->is_padded)
        return;
    mt_bytes_text(out, ",\"obfuscation\":\"");
    mt_bytes_put(out, padding, 1 + (size_t)(text->said * 7 + text->number) % 12);
    mt_bytes_text(out, "\"");
}

void mt_say_role(mt_bytes *out, const mt_answer_text *text) {
    size_t start = mt_say_event(out, text->api);
    put_chunk_beginning(out, text);
    mt_bytes_text(out, "{\"index\":0,\"delta\":{\"role\":\"assistant\"");
    mt_bytes_text(out, text->dialect->role_content);
    mt_bytes_text(out, "},\"finish_reason\":null}]");
    put_no_usage(out, text, 0);
    mt_bytes_text(out, "}");
    if (text->dialect->role_end)
        mt_bytes_text(out, text->dialect->role_end);
    mt_say_event_end(out, text->api, start);
}

/* Is the finish_reason in the chunk of the last tokens? */
static int finishes_with_text(const mt_answer_text *text) {
    int finish = text->dialect->finish;
    return finish == MT_FINISH_WITH_LAST || (finish == MT_FINISH_ALONE_IN_CHAT && !text->is_chat);
}

static int usage_is_beside_text(const mt_answer_text *text) {
    return text->dialect->usage_beside_text && !text->is_chat;
}

/* One choice: `count` tokens, and the end. */
static void put_choice(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_end) {
    const mt_dialect *dialect = text->dialect;
    if (!text->is_chat) {
        mt_bytes_text(out, "{\"index\":0,\"text\":\"");
        mt_say_words(out, text, text->said, count);
        mt_bytes_text(out, "\",\"logprobs\":null");
    } else {
        int has_role = dialect->role == MT_ROLE_ALWAYS ||
                       (dialect->role == MT_ROLE_IN_FIRST && text->said == 0 && count > 0);
        mt_bytes_text(out, "{\"index\":0,\"delta\":{");
        if (has_role && count > 0)
            mt_bytes_text(out, "\"role\":\"assistant\",");
        if (count > 0) {
            mt_bytes_text(out, "\"content\":\"");
            mt_say_words(out, text, text->said, count);
            mt_bytes_text(out, "\"");
        }
        mt_bytes_text(out, "}");
    }
    put_reason(out, text, is_end);
    mt_bytes_text(out, "}]");
}

static void say_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_last) {
    size_t start = mt_say_event(out, text->api);
    int is_end = is_last && finishes_with_text(text);
    put_chunk_beginning(out, text);
    put_choice(out, text, count, is_end);
    if (is_end && usage_is_beside_text(text) && text->wants_usage)
        put_usage(out, text, text->output_tokens);
    else
        put_no_usage(out, text, text->said + count);
    put_padding(out, text);
    mt_bytes_text(out, "}");
    mt_say_event_end(out, text->api, start);
}

static void say_finish(mt_bytes *out, const mt_answer_text *text) {
    int usage_is_said = !text->wants_usage || usage_is_beside_text(text);
    if (!finishes_with_text(text)) {
        size_t start = mt_say_event(out, text->api);
        put_chunk_beginning(out, text);
        put_choice(out, text, 0, 1);
        if (usage_is_beside_text(text) && text->wants_usage)
            put_usage(out, text, text->output_tokens);
        else
            put_no_usage(out, text, text->output_tokens);
        if (usage_is_said)
            mt_say_timings(out, text);
        mt_bytes_text(out, "}");
        mt_say_event_end(out, text->api, start);
    }
    if (!usage_is_said) {
        size_t start = mt_say_event(out, text->api);
        put_chunk_beginning(out, text);
        mt_bytes_text(out, "]");
        put_usage(out, text, text->output_tokens);
        mt_say_timings(out, text);
        mt_bytes_text(out, "}");
        mt_say_event_end(out, text->api, start);
    }
}

/* --- whole answers ------------------------------------------------------------------------------ */

static void say_answer(mt_bytes *out, const mt_answer_text *text) {
    put_beginning(out, text, text->is_chat ? "chat.completion" : "text_completion");
    mt_bytes_text(out, text->is_chat
                           ? "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
                           : "{\"index\":0,\"text\":\"");
    mt_say_words(out, text, 0, text->output_tokens);
    mt_bytes_text(out, text->is_chat ? "\"},\"logprobs\":null" : "\",\"logprobs\":null");
    put_reason(out, text, 1);
    mt_bytes_text(out, "}]");
    put_usage(out, text, text->output_tokens);
    mt_say_timings(out, text);
    mt_bytes_text(out, "}");
}

/* --- requests ----------------------------------------------------------------------------------- */

#define OPENAI_MEMBERS                                                                             \
    {"model", MT_MEMBER_MODEL}, {"stream", MT_MEMBER_STREAM},                                      \
        {"stream_options", MT_MEMBER_STREAM_OPTIONS}, {"max_tokens", MT_MEMBER_MOST},              \
        {"max_completion_tokens", MT_MEMBER_COMPLETION_MOST}, {"n", MT_MEMBER_CHOICES},            \
        {"min_tokens", MT_MEMBER_LEAST}, {"ignore_eos", MT_MEMBER_IGNORE_EOS}, {"temperature", 0}, \
        {"top_p", 0}, {"seed", 0}, {"stop", 0}, {"user", 0}, {"logprobs", 0}, {"top_logprobs", 0}, \
        {"logit_bias", 0}, {"tools", 0}, {"tool_choice", 0}, {"best_of", 0}, {"echo", 0},          \
        {"suffix", 0}, {"store", 0}, {"metadata", 0}, {"presence_penalty", 0},                     \
        {"frequency_penalty", 0}, {"response_format", 0}, {"parallel_tool_calls", 0},              \
        {"reasoning_effort", 0}, {"service_tier", 0}, {                                            \
        NULL, 0                                                                                    \
    }

static const mt_member chat_members[] = {{"messages", MT_MEMBER_MESSAGES}, OPENAI_MEMBERS};
static const mt_member completion_members[] = {{"prompt", MT_MEMBER_PROMPT}, OPENAI_MEMBERS};

const mt_api mt_api_chat = {.path = "/v1/chat/completions",
                            .members = chat_members,
                            .usual_tokens = 16,
                            .before = "data: ",
                            .after = "\n\n",
                            .has_done = 1,
                            .say_tokens = say_tokens,
                            .say_finish = say_finish,
                            .say_answer = say_answer};

const mt_api mt_api_completions = {.path = "/v1/completions",
                                   .members = completion_members,
                                   .usual_tokens = 16,
                                   .before = "data: ",
                                   .after = "\n\n",
                                   .has_done = 1,
                                   .say_tokens = say_tokens,
                                   .say_finish = say_finish,
                                   .say_answer = say_answer};
