#include "drive/mock/ask.h"

#include "base/memory.h"
#include "drive/mock/mock.h"
#include "text/json_items.h"

typedef struct reader {
    const mt_api *api;
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

enum { PARTS_DEPTH = 2 }; /* a part of a message may have a content, whose parts have none */

static mt_code read_content(reader *reading, mt_span value, int depth);

/* A content's parts: [{"type":"text","text":...}, {"type":"tool_result","content":...}, ...]. */
static mt_code read_parts(reader *reading, mt_span value, int depth) {
    mt_json_items parts, members;
    mt_json_item part, member;
    mt_json json = json_of(value, NULL);
    mt_json_items_begin(&parts, &json, value.text, '[', "");
    while (mt_json_items_next(&parts, &part) > 0) {
        if (mt_json_items_begin(&members, &parts.json, part.value.text, '{', "") != 0)
            return refuse(reading, "messages: a part of a content must be an object");
        while (mt_json_items_next(&members, &member) > 0) {
            mt_code code = MT_OK;
            if (mt_json_named(&member, "text") && is_string(member.value))
                code = add_words(reading, member.value);
            else if (mt_json_named(&member, "content"))
                code = read_content(reading, member.value, depth + 1);
            if (code != MT_OK)
                return code;
        }
    }
    return MT_OK;
}

/* A text, or parts; anything else has no words. */
static mt_code read_content(reader *reading, mt_span value, int depth) {
    if (is_string(value))
        return add_words(reading, value);
    return value.length > 0 && value.text[0] == '[' && depth < PARTS_DEPTH
               ? read_parts(reading, value, depth)
               : MT_OK;
}

/* A message, or, where `is_input` and it has no role, an item of another type: a call of a tool, which has
 * arguments, or what came of one, its output. */
static mt_code read_message(reader *reading, mt_span message, int is_input) {
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(message, NULL);
    mt_span role = {"", 0}, type = {"", 0}, content = {"", 0}, tool = {"", 0};
    if (mt_json_items_begin(&items, &json, message.text, '{', "") != 0)
        return refuse(reading, "messages: a message must be an object");
    while (mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, "role"))
            role = item.value;
        else if (mt_json_named(&item, "type"))
            type = item.value;
        else if (mt_json_named(&item, "content") || mt_json_named(&item, "parts"))
            content = item.value;
        else if (mt_json_named(&item, "arguments") || mt_json_named(&item, "output"))
            tool = item.value;
    if (!is_string(role) && is_input && is_string(type) &&
        !mt_json_same_text(type, "\"message\"")) {
        role = type;
        content = tool;
    }
    if (!is_string(role))
        return refuse(reading, "messages: a message needs a role");
    uint32_t mark = 0;
    for (size_t i = 0; i < role.length; i++)
        mark = mark * 31 + (unsigned char)role.text[i];
    for (int i = 0; i < MT_MOCK_MESSAGE_TOKENS; i++)
        if (add_token(reading, mark + (uint32_t)i) != MT_OK)
            return MT_ERROR_MEMORY;
    return read_content(reading, content, 0);
}

/* `is_input`: of OpenAI's responses, which may be a text, and have items that are no messages. */
static mt_code read_messages(reader *reading, mt_span value, int is_input) {
    reading->ask->is_chat = 1;
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(value, NULL);
    mt_code code = MT_OK;
    if (is_input && is_string(value)) {
        reading->has_prompt = 1;
        return add_words(reading, value);
    }
    if (mt_json_items_begin(&items, &json, value.text, '[', "") != 0)
        return refuse(reading, "messages must be a list");
    while (code == MT_OK && mt_json_items_next(&items, &item) > 0) {
        reading->has_prompt = 1;
        code = read_message(reading, item.value, is_input);
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

/* How many tokens at most; where an API has none of that, below 0 is as good as not given. */
static mt_code read_most(reader *reading, const mt_json_item *item, uint64_t *most) {
    if (reading->api->dialect && item->value.text[0] == '-')
        return MT_OK;
    return read_count(reading, item, most);
}

static mt_code read_choices(reader *reading, const mt_json_item *item) {
    uint64_t choices = 1;
    mt_code code = read_count(reading, item, &choices);
    return code == MT_OK && choices != 1 ? refuse(reading, "n must be 1") : code;
}

static mt_code read_model(reader *reading, mt_span value) {
    if (!is_string(value))
        return refuse(reading, "model must be a text");
    reading->ask->model = (mt_span){value.text + 1, value.length - 2};
    return MT_OK;
}

static const mt_member *member_named(const mt_api *api, const mt_json_item *item) {
    const mt_member *member = api->members;
    while (member->name && !mt_json_named(item, member->name))
        member++;
    return member->name ? member : NULL;
}

static void note_first(mt_span *first, mt_span name) {
    if (first->length == 0)
        *first = name;
}

static mt_code read_member(reader *reading, const mt_json_item *item, int is_inside);

/* An object whose members are looked at; no further one in it. */
static mt_code read_inside(reader *reading, const mt_json_item *item) {
    mt_json_items items;
    mt_json_item inner;
    mt_json json = json_of(item->value, NULL);
    mt_code code = MT_OK;
    if (mt_json_is_null(item->value))
        return MT_OK;
    if (mt_json_items_begin(&items, &json, item->value.text, '{', "") != 0)
        return mt_fail(reading->error, MT_ERROR_INPUT, "%.*s must be an object",
                       (int)item->name.length, item->name.text);
    while (code == MT_OK && mt_json_items_next(&items, &inner) > 0)
        code = read_member(reading, &inner, 1);
    return code;
}

static mt_code read_member(reader *reading, const mt_json_item *item, int is_inside) {
    mt_ask *ask = reading->ask;
    const mt_member *member = member_named(reading->api, item);
    if (!member || (is_inside && member->meaning == MT_MEMBER_INSIDE)) {
        note_first(&ask->unknown, item->name);
        return MT_OK;
    }
    switch (member->meaning) {
    case MT_MEMBER_INSIDE:
        return read_inside(reading, item);
    case MT_MEMBER_MODEL:
        return read_model(reading, item->value);
    case MT_MEMBER_PROMPT:
        return read_prompt(reading, item->value);
    case MT_MEMBER_MESSAGES:
        return read_messages(reading, item->value, mt_json_named(item, "input"));
    case MT_MEMBER_STREAM:
        return read_flag(reading, item, &ask->is_stream);
    case MT_MEMBER_STREAM_OPTIONS:
        return read_stream_options(reading, item->value);
    case MT_MEMBER_MOST:
        return read_most(reading, item, &reading->usual_most);
    case MT_MEMBER_COMPLETION_MOST:
        return read_most(reading, item, &reading->completion_most);
    case MT_MEMBER_CHOICES:
        return read_choices(reading, item);
    case MT_MEMBER_LEAST:
        note_first(&ask->forcing, item->name);
        return read_count(reading, item, &ask->least_tokens);
    case MT_MEMBER_IGNORE_EOS:
        note_first(&ask->forcing, item->name);
        return read_flag(reading, item, &ask->ignores_eos);
    default:
        return MT_OK;
    }
}

/* The name of what holds the prompt. */
static const char *prompt_name(const mt_api *api) {
    const mt_member *member = api->members;
    while (member->meaning != MT_MEMBER_PROMPT && member->meaning != MT_MEMBER_MESSAGES)
        member++;
    return member->name;
}

/* What the members say together. */
static mt_code conclude(reader *reading) {
    static const uint64_t not_given = UINT64_MAX;
    mt_ask *ask = reading->ask;
    if (!reading->has_prompt)
        return mt_fail(reading->error, MT_ERROR_INPUT, "%s is required", prompt_name(reading->api));
    ask->most_tokens = reading->completion_most != not_given ? reading->completion_most
                       : reading->usual_most != not_given    ? reading->usual_most
                                                             : reading->api->usual_tokens;
    if (ask->most_tokens == 0 || ask->most_tokens > UINT32_MAX)
        return refuse(reading, "max_tokens must be at least 1 and below 2^32");
    if (ask->least_tokens > ask->most_tokens)
        return refuse(reading, "min_tokens must not be above max_tokens");
    if (reading->api->streams == MT_STREAMS_ALWAYS || reading->api->streams == MT_STREAMS_NEVER)
        ask->is_stream = reading->api->streams == MT_STREAMS_ALWAYS;
    ask->prompt_tokens = reading->tokens->count;
    return ask->prompt_tokens > 0 ? MT_OK : refuse(reading, "the prompt is empty");
}

mt_code mt_ask_read(mt_span body, const mt_api *api, mt_ask *ask, mt_ask_tokens *tokens,
                    mt_error *error) {
    reader reading = {api, ask, tokens, error, 0, UINT64_MAX, UINT64_MAX};
    mt_json_items items;
    mt_json_item item;
    mt_json json = json_of(body, error);
    int result;
    *ask = (mt_ask){.is_stream = api->streams == MT_STREAMS_UNLESS_REFUSED};
    tokens->count = 0;
    if (mt_json_items_begin(&items, &json, body.text, '{', "a JSON object") != 0)
        return MT_ERROR_INPUT;
    while ((result = mt_json_items_next(&items, &item)) > 0) {
        mt_code code = read_member(&reading, &item, 0);
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
    return conclude(&reading);
}
