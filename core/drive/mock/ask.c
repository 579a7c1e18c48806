#include "drive/mock/ask.h"

#include "base/memory.h"
#include "drive/mock/mock.h"
#include "text/json_items.h"

enum { USUAL_TOKENS = 16 };

typedef struct reader {
    mt_ask *ask;
    mt_ask_tokens *tokens;
    mt_error *error;
    int has_prompt;
    uint64_t usual_most, completion_most; /* max_tokens, max_completion_tokens; 0: not given */
} reader;

static mt_code refuse(reader *reading, const char *what) {
    return mt_fail(reading->error, MT_ERROR_INPUT, "%s", what);
}

static mt_code add_token(reader *reading, uint32_t token) {
    mt_ask_tokens *tokens = reading->tokens;
    if (tokens->count == tokens->capacity &&
        MT_GROW(tokens->items, tokens->capacity, tokens->count + 1) != 0)
        return mt_fail_memory(reading->error, "the prompt's tokens");
    tokens->items[tokens->count++] = token;
    return MT_OK;
}

/* --- text --------------------------------------------------------------------------------------- */

/* White space at `at`, also written as an escape: its bytes, or 0. */
static size_t space_at(const char *at, const char *end) {
    if (*at == ' ')
        return 1;
    if (*at == '\\' && end - at >= 2)
        return at[1] == 'n' || at[1] == 't' || at[1] == 'r' ? 2 : 0;
    return 0;
}

/* The words of a string token. A word is hashed byte by byte (FNV-1a). */
static mt_code add_words(reader *reading, mt_span string) {
    const char *at = string.text + 1, *end = string.text + string.length - 1;
    while (at < end) {
        size_t space = space_at(at, end);
        if (space > 0) {
            at += space;
            continue;
        }
        uint32_t hash = 2166136261u;
        while (at < end && space_at(at, end) == 0) {
            if (*at == '\\' && end - at >= 2)
                hash = (hash ^ (unsigned char)*at++) * 16777619u;
            hash = (hash ^ (unsigned char)*at++) * 16777619u;
        }
        mt_code code = add_token(reading, hash);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

static int is_string(mt_span value) {
    return value.length >= 2 && value.text[0] == '"';
}

static mt_json json_of(mt_span value, mt_error *error) {
    return (mt_json){value.text, value.text + value.length, error};
}

/* --- prompts ------------------------------------------------------------------------------------ */

static mt_code add_ids(reader *reading, mt_span list) {
    reading->ask->has_ids = 1;
    const char *at = list.text + 1, *end = list.text + list.length - 1;
    while (at < end) {
        if (*at == ' ' || *at == ',' || *at == '\n' || *at == '\t' || *at == '\r') {
            at++; /* the list is JSON already */
            continue;
        }
        uint64_t id = 0;
        const char *first = at;
        while (at < end && *at >= '0' && *at <= '9' && id <= UINT32_MAX)
            id = id * 10 + (uint64_t)(*at++ - '0');
        if (at == first || id > UINT32_MAX)
            return refuse(reading, "prompt: a token id must be a whole number below 2^32");
        mt_code code = add_token(reading, (uint32_t)id);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

/* "text", [ids], ["text"] or [[ids]]. */
static mt_code read_prompt(reader *reading, mt_span value) {
    mt_json_items items;
    mt_json_item first, second;
    mt_json json = json_of(value, NULL);
    reading->has_prompt = 1;
    if (is_string(value))
        return add_words(reading, value);
    if (mt_json_items_begin(&items, &json, value.text, '[', "") != 0)
        return refuse(reading, "prompt must be a text or a list of token ids");
    if (mt_json_items_next(&items, &first) <= 0)
        return MT_OK;
    if (!is_string(first.value) && first.value.text[0] != '[')
        return add_ids(reading, value);
    if (mt_json_items_next(&items, &second) > 0)
        return refuse(reading, "prompt: one prompt a request");
    return is_string(first.value) ? add_words(reading, first.value) : add_ids(reading, first.value);
}

/* A content's parts: [{"type":"text","text":...}, ...]. */
static mt_code read_parts(reader *reading, mt_span value) {
    mt_json_items parts, members;
    mt_json_item part, member;
    mt_json json = json_of(value, NULL);
    mt_json_items_begin(&parts, &json, value.text, '[', "");
    while (mt_json_items_next(&parts, &part) > 0) {
        if (mt_json_items_begin(&members, &parts.json, part.value.text, '{', "") != 0)
            return refuse(reading, "messages: a part of a content must be an object");
        while (mt_json_items_next(&members, &member) > 0)
            if (mt_json_named(&member, "text") && is_string(member.value)) {
                mt_code code = add_words(reading, member.value);
                if (code != MT_OK)
                    return code;
            }
    }
    return MT_OK;
}

static mt_code read_message(reader *reading, mt_span message) {
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(message, NULL);
    mt_span role = {"", 0}, content = {"", 0};
    if (mt_json_items_begin(&items, &json, message.text, '{', "") != 0)
        return refuse(reading, "messages: a message must be an object");
    while (mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, "role"))
            role = item.value;
        else if (mt_json_named(&item, "content"))
            content = item.value;
    if (!is_string(role))
        return refuse(reading, "messages: a message needs a role");
    uint32_t mark = 0;
    for (size_t i = 0; i < role.length; i++)
        mark = mark * 31 + (unsigned char)role.text[i];
    for (int i = 0; i < MT_MOCK_MESSAGE_TOKENS; i++)
        if (add_token(reading, mark + (uint32_t)i) != MT_OK)
            return MT_ERROR_MEMORY;
    if (is_string(content))
        return add_words(reading, content);
    return content.length > 0 && content.text[0] == '[' ? read_parts(reading, content) : MT_OK;
}

static mt_code read_messages(reader *reading, mt_span value) {
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(value, NULL);
    mt_code code = MT_OK;
    if (mt_json_items_begin(&items, &json, value.text, '[', "") != 0)
        return refuse(reading, "messages must be a list");
    while (code == MT_OK && mt_json_items_next(&items, &item) > 0) {
        reading->has_prompt = 1;
        code = read_message(reading, item.value);
    }
    for (uint32_t i = 0; code == MT_OK && i < MT_MOCK_CHAT_TOKENS; i++)
        code = add_token(reading, i);
    return code;
}

/* --- other members ------------------------------------------------------------------------------ */

/* A whole number or null. */
static mt_code read_count(reader *reading, const mt_json_item *item, uint64_t *count) {
    if (mt_json_is_null(item->value) || mt_json_count(item->value, count) == 0)
        return MT_OK;
    return mt_fail(reading->error, MT_ERROR_INPUT, "%.*s must be a whole number of at least 0",
                   (int)item->name.length, item->name.text);
}

static mt_code read_flag(reader *reading, const mt_json_item *item, uint8_t *flag) {
    char first = item->value.text[0];
    if (first != 't' && first != 'f' && first != 'n')
        return mt_fail(reading->error, MT_ERROR_INPUT, "%.*s must be true or false",
                       (int)item->name.length, item->name.text);
    *flag = first == 't';
    return MT_OK;
}

static mt_code read_stream_options(reader *reading, mt_span value) {
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(value, NULL);
    mt_code code = MT_OK;
    if (mt_json_is_null(value))
        return MT_OK;
    if (mt_json_items_begin(&items, &json, value.text, '{', "") != 0)
        return refuse(reading, "stream_options must be an object");
    while (code == MT_OK && mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, "include_usage"))
            code = read_flag(reading, &item, &reading->ask->wants_usage);
        else if (mt_json_named(&item, "continuous_usage_stats"))
            code = read_flag(reading, &item, &reading->ask->wants_usage_always);
    return code;
}

static int is_known(const mt_json_item *item) {
    static const char *const names[] = {"temperature",
                                        "top_p",
                                        "seed",
                                        "stop",
                                        "user",
                                        "logprobs",
                                        "top_logprobs",
                                        "logit_bias",
                                        "tools",
                                        "tool_choice",
                                        "best_of",
                                        "echo",
                                        "suffix",
                                        "store",
                                        "metadata",
                                        "presence_penalty",
                                        "frequency_penalty",
                                        "response_format",
                                        "parallel_tool_calls",
                                        "reasoning_effort",
                                        "service_tier"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mt_json_named(item, names[i]))
            return 1;
    return 0;
}

static mt_code read_member(reader *reading, const mt_json_item *item) {
    mt_ask *ask = reading->ask;
    uint64_t choices = 1;
    if (mt_json_named(item, ask->is_chat ? "messages" : "prompt"))
        return ask->is_chat ? read_messages(reading, item->value)
                            : read_prompt(reading, item->value);
    if (mt_json_named(item, "model")) {
        if (!is_string(item->value))
            return refuse(reading, "model must be a text");
        ask->model = (mt_span){item->value.text + 1, item->value.length - 2};
        return MT_OK;
    }
    if (mt_json_named(item, "stream"))
        return read_flag(reading, item, &ask->is_stream);
    if (mt_json_named(item, "stream_options"))
        return read_stream_options(reading, item->value);
    if (mt_json_named(item, "max_tokens"))
        return read_count(reading, item, &reading->usual_most);
    if (mt_json_named(item, "max_completion_tokens"))
        return read_count(reading, item, &reading->completion_most);
    if (mt_json_named(item, "n")) {
        mt_code code = read_count(reading, item, &choices);
        return code == MT_OK && choices != 1 ? refuse(reading, "n must be 1") : code;
    }
    if (is_known(item))
        return MT_OK;
    int is_forcing = mt_json_named(item, "min_tokens") || mt_json_named(item, "ignore_eos");
    mt_span *stranger = is_forcing ? &ask->forcing : &ask->unknown;
    if (stranger->length == 0)
        *stranger = item->name;
    if (mt_json_named(item, "min_tokens"))
        return read_count(reading, item, &ask->least_tokens);
    return is_forcing ? read_flag(reading, item, &ask->ignores_eos) : MT_OK;
}

mt_code mt_ask_read(mt_span body, int is_chat, mt_ask *ask, mt_ask_tokens *tokens,
                    mt_error *error) {
    static const uint64_t not_given = UINT64_MAX;
    reader reading = {ask, tokens, error, 0, not_given, not_given};
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(body, error);
    int result;
    *ask = (mt_ask){.is_chat = (uint8_t)is_chat};
    tokens->count = 0;
    if (mt_json_items_begin(&items, &json, body.text, '{', "a JSON object") != 0)
        return MT_ERROR_INPUT;
    while ((result = mt_json_items_next(&items, &item)) > 0) {
        mt_code code = read_member(&reading, &item);
        if (code != MT_OK)
            return code;
    }
    if (result < 0)
        return MT_ERROR_INPUT;
    const char *after = mt_json_skip_space(&json, items.at);
    if (after != json.end) {
        mt_json_unexpected(&json, after, "nothing more");
        return MT_ERROR_INPUT;
    }
    if (!reading.has_prompt)
        return refuse(&reading, is_chat ? "messages is required" : "prompt is required");
    ask->most_tokens = reading.completion_most != not_given ? reading.completion_most
                       : reading.usual_most != not_given    ? reading.usual_most
                                                            : USUAL_TOKENS;
    if (ask->most_tokens == 0 || ask->most_tokens > UINT32_MAX)
        return refuse(&reading, "max_tokens must be at least 1 and below 2^32");
    if (ask->least_tokens > ask->most_tokens)
        return refuse(&reading, "min_tokens must not be above max_tokens");
    ask->prompt_tokens = tokens->count;
    return ask->prompt_tokens > 0 ? MT_OK : refuse(&reading, "the prompt is empty");
}
