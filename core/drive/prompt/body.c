#include "drive/prompt/body.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/blocks.h"
#include "trace/writer.h"

#include <string.h>

/* ---- the members of a row that say what to send ---------------------------------------------- */

typedef struct row_members {
    mt_span payload, messages, tools, text_input, extra; /* length 0: absent */
} row_members;

static int is_of(mt_span value, char open) {
    return value.length > 0 && value.text[0] == open;
}

static mt_code read_members(const mt_request *request, row_members *members, mt_error *error) {
    *members = (row_members){0};
    mt_json json = {request->extra.text, request->extra.text + request->extra.length, error};
    mt_json_items items;
    mt_json_item item;
    int got;
    mt_json_items_bare(&items, &json);
    while ((got = mt_json_items_next(&items, &item)) > 0) {
        static const struct {
            const char *name;
            size_t place;
            char open;
            const char *must;
        } known[] = {
            {"payload", offsetof(row_members, payload), '{', "an object"},
            {"messages", offsetof(row_members, messages), '[', "a list"},
            {"tools", offsetof(row_members, tools), '[', "a list"},
            {"text_input", offsetof(row_members, text_input), '"', "a string"},
            {"extra", offsetof(row_members, extra), '{', "an object"},
        };
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (!mt_json_named(&item, known[i].name) || mt_json_is_null(item.value))
                continue;
            if (!is_of(item.value, known[i].open))
                return mt_fail(error, MT_ERROR_INPUT, "%s must be %s", known[i].name,
                               known[i].must);
            *(mt_span *)((char *)members + known[i].place) = item.value;
        }
    }
    return got < 0 ? mt_code_of(error) : MT_OK;
}

/* ---- text ------------------------------------------------------------------------------------- */

static mt_code add(mt_text *body, const char *bytes, size_t length, mt_error *error) {
    return mt_text_add(body, bytes, length) == 0 ? MT_OK : mt_fail_memory(error, "request body");
}

static mt_code add_text(mt_text *body, const char *text, mt_error *error) {
    return add(body, text, strlen(text), error);
}

/* ---- tokens of a prompt ----------------------------------------------------------------------- */

typedef struct prompt {
    const mt_body_options *options;
    const mt_request *request;
    const mt_conversation *conversation; /* NULL: none */
    uint64_t ticket;
} prompt;

static uint64_t key_of_block(const prompt *from, uint64_t block) {
    if (block < from->request->hash_count)
        return mt_block_key(from->options->seed, from->request->hash_ids[block]);
    int goes_on = from->conversation && from->conversation->count > 0;
    uint64_t owner = goes_on ? from->conversation->ticket : from->ticket;
    return mt_block_key(~from->options->seed, owner) + block;
}

/* The key of what stands at a token, and where that ends: the turn that wrote it says so in a block
 * in which turns end, else the block's id does. */
static uint64_t key_at(const prompt *from, uint64_t token, uint64_t *end) {
    uint64_t size = from->options->block_size, block = token / size;
    *end = (block + 1) * size;
    size_t low = 0, high = from->conversation ? from->conversation->count : 0;
    while (low < high) { /* the first turn whose prompt ends after the token */
        size_t middle = low + (high - low) / 2;
        if (from->conversation->ends[middle].prompt > token)
            high = middle;
        else
            low = middle + 1;
    }
    if (from->conversation && low < from->conversation->count) {
        const mt_turn_end *turn = &from->conversation->ends[low];
        if (turn->prompt < *end) {
            *end = turn->prompt;
            return turn->key;
        }
    }
    return key_of_block(from, block);
}

/* Appends tokens from..to-1 of the prompt, as words or as ids with commas after them. */
static mt_code add_tokens(const prompt *from, uint64_t begin, uint64_t to, mt_text *body,
                          mt_error *error) {
    uint64_t size = from->options->block_size;
    int as_ids = from->options->api == MT_API_TOKENS;
    size_t room = as_ids ? MT_TOKEN_ROOM : MT_WORD_ROOM;
    if (to - begin > MT_BLOCKS_LIMIT * 8)
        return mt_fail(error, MT_ERROR_INPUT, "a prompt of %llu tokens cannot be sent",
                       (unsigned long long)to);
    if (mt_reserve((void **)&body->bytes, &body->capacity,
                   body->length + (to - begin) * room + room, 1) != 0)
        return mt_fail_memory(error, "request body");
    char *at = body->bytes + body->length;
    for (uint64_t token = begin; token < to;) {
        uint64_t end, first = token / size * size, key = key_at(from, token, &end);
        if (end > to)
            end = to;
        at = as_ids ? mt_write_tokens(key, token - first, end - first, &from->options->tokens, at)
                    : mt_write_words(key, token - first, end - first, at);
        token = end;
    }
    body->length = (size_t)(at - body->bytes);
    return MT_OK;
}

/* A message of the tokens begin..end-1, less what the template adds to it. */
static mt_code add_message(const prompt *from, const char *role, uint64_t begin, uint64_t end,
                           uint64_t overhead, int joined, mt_text *body, mt_error *error) {
    uint64_t first = end - begin > overhead ? begin + overhead : end - (end > begin);
    mt_code code = add_text(body, joined ? ", {\"role\": \"" : "{\"role\": \"", error);
    if (code == MT_OK)
        code = add_text(body, role, error);
    if (code == MT_OK)
        code = add_text(body, "\", \"content\": \"", error);
    if (code == MT_OK)
        code = add_tokens(from, first, end, body, error);
    return code == MT_OK ? add_text(body, "\"}", error) : code;
}

/* The answer that was heard, as it was. */
static mt_code add_heard(const mt_turn_end *turn, mt_text *body, mt_error *error) {
    mt_code code = add_text(body, ", {\"role\": \"assistant\", \"content\": \"", error);
    if (code == MT_OK)
        code = add(body, turn->text, turn->text_length, error);
    return code == MT_OK ? add_text(body, "\"}", error) : code;
}

/* The conversation so far, message by message, and the request's own last. */
static mt_code add_messages(const prompt *from, mt_text *body, mt_error *error) {
    const mt_body_options *options = from->options;
    size_t turns = from->conversation ? from->conversation->count : 0;
    uint64_t begin = 0, overhead = options->overhead;
    mt_code code = add_text(body, "\"messages\": [", error);
    for (size_t i = 0; code == MT_OK && i < turns; i++) {
        const mt_turn_end *turn = &from->conversation->ends[i];
        code = add_message(from, "user", begin, turn->prompt, overhead, i > 0, body, error);
        overhead = options->message_overhead;
        if (code == MT_OK && turn->text)
            code = add_heard(turn, body, error);
        else if (code == MT_OK && turn->answer > turn->prompt)
            code = add_message(from, "assistant", turn->prompt, turn->answer, overhead, 1, body,
                               error);
        begin = turn->answer;
    }
    if (code == MT_OK)
        code = add_message(from, "user", begin, from->request->input_length, overhead, turns > 0,
                           body, error);
    return code == MT_OK ? add_text(body, "]", error) : code;
}

static mt_code add_prompt(const prompt *from, mt_text *body, mt_error *error) {
    if (from->options->api == MT_API_CHAT)
        return add_messages(from, body, error);
    int as_ids = from->options->api == MT_API_TOKENS;
    mt_code code = add_text(body, as_ids ? "\"prompt\": [" : "\"prompt\": \"", error);
    if (code == MT_OK)
        code = add_tokens(from, 0, from->request->input_length, body, error);
    if (code == MT_OK && as_ids && from->request->input_length > 0)
        body->length--; /* the last comma */
    return code == MT_OK ? add_text(body, as_ids ? "]" : "\"", error) : code;
}

/* What the row itself says: messages and tools, or a text. */
static mt_code add_given(const mt_body_options *options, const row_members *members, mt_text *body,
                         mt_error *error) {
    mt_code code;
    if (members->messages.length > 0) {
        code = add_text(body, "\"messages\": ", error);
        if (code == MT_OK)
            code = add(body, members->messages.text, members->messages.length, error);
    } else {
        int chats = options->api == MT_API_CHAT;
        code = add_text(
            body,
            chats ? "\"messages\": [{\"role\": \"user\", \"content\": " : "\"prompt\": ", error);
        if (code == MT_OK)
            code = add(body, members->text_input.text, members->text_input.length, error);
        if (code == MT_OK && chats)
            code = add_text(body, "}]", error);
    }
    if (code == MT_OK && members->tools.length > 0) {
        code = add_text(body, ", \"tools\": ", error);
        if (code == MT_OK)
            code = add(body, members->tools.text, members->tools.length, error);
    }
    return code;
}

/* ---- the other members ------------------------------------------------------------------------ */

/* Is `name` a member of the object `extra` of the row? */
static int row_has(mt_span extra, const char *name) {
    if (extra.length == 0)
        return 0;
    mt_json json = {extra.text, extra.text + extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    if (mt_json_items_begin(&items, &json, extra.text, '{', "an object") != 0)
        return 0;
    while (mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, name))
            return 1;
    return 0;
}

static int run_has(const mt_body_options *options, const char *name) {
    for (size_t i = 0; i < options->member_count; i++)
        if (strcmp(options->members[i].name, name) == 0)
            return 1;
    return 0;
}

static mt_code add_member(mt_text *body, const char *name, const char *value, mt_error *error) {
    mt_code code = add_text(body, "\"", error);
    if (code == MT_OK)
        code = add_text(body, name, error);
    if (code == MT_OK)
        code = add_text(body, "\": ", error);
    if (code == MT_OK)
        code = add_text(body, value, error);
    return code == MT_OK ? add_text(body, ", ", error) : code;
}

/* One of ours, unless the row or the run has its own. */
static mt_code add_own(const mt_body_options *options, mt_span extra, mt_text *body,
                       const char *name, const char *value, mt_error *error) {
    if (run_has(options, name) || row_has(extra, name))
        return MT_OK;
    return add_member(body, name, value, error);
}

static mt_code add_output(const mt_body_options *options, const mt_request *request, mt_span extra,
                          mt_text *body, mt_error *error) {
    if (!(request->has & MT_HAS_OUTPUT_LENGTH))
        return MT_OK;
    char number[32] = "";
    *mt_write_u64(request->output_length, number) = '\0';
    mt_code code = add_own(options, extra, body, options->output_field, number, error);
    if (code == MT_OK && options->forces_output)
        code = add_own(options, extra, body, "min_tokens", number, error);
    if (code == MT_OK && options->forces_output)
        code = add_own(options, extra, body, "ignore_eos", "true", error);
    return code;
}

/* The members of the row's `extra`, without its braces. */
static mt_code add_extra(mt_span extra, mt_text *body, mt_error *error) {
    if (extra.length == 0)
        return MT_OK;
    const char *begin = extra.text + 1, *end = extra.text + extra.length - 1;
    while (begin < end && strchr(" \t\r\n", *begin))
        begin++;
    if (begin == end)
        return MT_OK;
    mt_code code = add(body, begin, (size_t)(end - begin), error);
    return code == MT_OK ? add_text(body, ", ", error) : code;
}

static mt_code add_settings(const mt_body_options *options, const mt_request *request,
                            mt_span extra, mt_text *body, mt_error *error) {
    mt_code code = add_own(options, extra, body, "model", options->model, error);
    if (code == MT_OK)
        code = add_own(options, extra, body, "stream", options->streams ? "true" : "false", error);
    if (code == MT_OK && options->streams)
        code = add_own(options, extra, body, "stream_options", "{\"include_usage\": true}", error);
    if (code == MT_OK)
        code = add_output(options, request, extra, body, error);
    for (size_t i = 0; code == MT_OK && i < options->member_count; i++)
        if (!row_has(extra, options->members[i].name))
            code = add_member(body, options->members[i].name, options->members[i].value, error);
    return code == MT_OK ? add_extra(extra, body, error) : code;
}

mt_code mt_body_write(const mt_body_options *options, const mt_request *request, uint64_t ticket,
                      mt_conversation *conversation, mt_text *body, mt_error *error) {
    row_members members = {0};
    mt_code code = request->extra.length > 0 ? read_members(request, &members, error) : MT_OK;
    if (code != MT_OK)
        return code;
    if (members.payload.length > 0)
        return add(body, members.payload.text, members.payload.length, error);
    int is_given_prompt = members.messages.length > 0 || members.text_input.length > 0;
    if (!is_given_prompt && !(request->has & MT_HAS_INPUT_LENGTH))
        return mt_fail(error, MT_ERROR_INPUT,
                       "nothing says what to send: input_length, text_input, messages or payload");
    prompt from = {options, request, conversation, ticket};
    if (!is_given_prompt && conversation)
        mt_conversation_continue(conversation, request, options->block_size);
    code = add_text(body, "{", error);
    if (code == MT_OK)
        code = add_settings(options, request, members.extra, body, error);
    if (code == MT_OK)
        code = is_given_prompt ? add_given(options, &members, body, error)
                               : add_prompt(&from, body, error);
    if (code == MT_OK)
        code = add_text(body, "}", error);
    if (code == MT_OK && !is_given_prompt && conversation) {
        uint64_t last =
            request->input_length > 0 ? (request->input_length - 1) / options->block_size : 0;
        if (conversation->count == 0)
            conversation->ticket = ticket;
        code = mt_conversation_add(conversation, request, options->block_size,
                                   key_of_block(&from, last), error);
    }
    return code;
}
