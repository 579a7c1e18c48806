#include "trace/log/speech.h"

#include "base/memory.h"

#include <stdio.h>

enum { QUOTE_SIZE = 64 };

void mt_speech_begin(mt_speech *self) {
    self->id_count = 0;
    self->tokens = 0;
    self->part = 0;
    self->said = (mt_key){0, 0};
}

void mt_speech_free(mt_speech *self) {
    mt_free(self->ids);
    mt_free(self->scratch);
}

int mt_speech_bad_json(mt_speech *self, const mt_json *json, mt_error *error) {
    char message[MT_ERROR_MESSAGE_SIZE];
    memcpy(message, error->message, sizeof message);
    return self->bad(self, json->begin + (error->column > 0 ? error->column - 1 : 0), error,
                     message);
}

int mt_speech_bad_value(mt_speech *self, mt_span value, const char *name, const char *want,
                        mt_error *error) {
    char message[MT_ERROR_MESSAGE_SIZE], quoted[QUOTE_SIZE];
    snprintf(message, sizeof message, "%s must be %s, not %s", name, want,
             mt_quote(value.text, value.length, quoted, sizeof quoted));
    return self->bad(self, value.text, error, message);
}

/* One more token: when it fills a block the block has an id. 0 or -1 (memory). */
static int add_token(mt_speech *self) {
    if (++self->tokens % self->log->options.block_size != 0)
        return 0;
    if (MT_GROW(self->ids, self->id_capacity, self->id_count + 1) != 0)
        return -1;
    self->ids[self->id_count++] = self->said.low;
    return 0;
}

/* Counts the tokens of a text into the conversation's blocks. 0 or -1 (memory). */
static int add_text(mt_speech *self, const char *text, size_t length) {
    double per_char = self->log->options.tokens_per_char;
    mt_token_rule rule = per_char > 0 ? MT_TOKEN_CHAR : self->log->options.token_rule;
    mt_token_state state = {0};
    while (length > 0) {
        int is_token;
        size_t bytes = mt_next_token(rule, &state, text, length, &is_token);
        if (is_token) {
            self->said = mt_key_child(self->said, text, bytes);
            for (self->part += per_char > 0 ? per_char : 1; self->part >= 1; self->part -= 1)
                if (add_token(self) != 0)
                    return -1;
        }
        text += bytes;
        length -= bytes;
    }
    return 0;
}

/* The same of a string's token. 0 or -1. */
static int say_string(mt_speech *self, mt_span token, mt_error *error) {
    if (MT_GROW(self->scratch, self->scratch_capacity, token.length) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    size_t length = mt_json_decode(token.text, token.length, self->scratch);
    if (add_text(self, self->scratch, length) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    return 0;
}

/* A call's arguments that are no string, as the JSON that a model reads. 0 or -1. */
static int say_json(mt_speech *self, mt_span value, mt_error *error) {
    if (value.text[0] == '"')
        return say_string(self, value, error);
    if (!mt_json_is_null(value) && add_text(self, value.text, value.length) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    return 0;
}

/* Adds a part of a message: a text, something that holds one (a tool's result has parts of its
 * own), a call of a tool, or none of these. 0 or -1. */
static int say_part(mt_speech *self, const mt_json *json, mt_span part, mt_error *error) {
    static const char *const texts[] = {"text",   "content", "value",    "parts",
                                        "output", "refusal", "thinking", "reasoning"};
    mt_json_items items;
    mt_json_item item;
    mt_span name = {"", 0}, input = {"", 0};
    int has_text = 0;
    if (part.text[0] == '"')
        return say_string(self, part, error);
    if (part.text[0] != '{')
        return mt_speech_bad_value(self, part, "a part of value (content)", "a string or an object",
                                   error);
    if (mt_json_items_begin(&items, json, part.text, '{', "a part of a message ('{')") != 0)
        return mt_speech_bad_json(self, json, error);
    while (mt_json_items_next(&items, &item) > 0) {
        int is_text = 0;
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            is_text |= mt_json_named(&item, texts[i]);
        if (mt_json_named(&item, "name"))
            name = item.value;
        else if (mt_json_named(&item, "input") || mt_json_named(&item, "arguments"))
            input = item.value;
        has_text |= is_text;
        if (is_text &&
            mt_speech_content(self, json, item.value, "a part of value (content)", error) != 0)
            return -1;
    }
    if (input.length > 0) {
        has_text = 1;
        if ((name.length > 0 && say_json(self, name, error) != 0) ||
            say_json(self, input, error) != 0)
            return -1;
    }
    self->log->parts_without_text += !has_text;
    return 0;
}

/* Adds what a message says: a string, a part or a list of them, nothing. 0 or -1. */
int mt_speech_content(mt_speech *self, const mt_json *json, mt_span content, const char *name,
                      mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    if (content.length == 0 || mt_json_is_null(content))
        return 0;
    if (content.text[0] == '"')
        return say_string(self, content, error);
    if (content.text[0] == '{')
        return say_part(self, json, content, error);
    if (content.text[0] != '[')
        return mt_speech_bad_value(self, content, name, "a string or a list of parts", error);
    if (mt_json_items_begin(&items, json, content.text, '[', "a list of parts ('[')") != 0)
        return mt_speech_bad_json(self, json, error);
    while (mt_json_items_next(&items, &item) > 0)
        if (!mt_json_is_null(item.value) && say_part(self, json, item.value, error) != 0)
            return -1;
    return 0;
}

/* Adds the tool calls of a message, a list of them or one: name and arguments, in them
 * or in their function. 0 or -1. */
int mt_speech_calls(mt_speech *self, const mt_json *json, mt_span calls, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    int is_list = calls.text[0] == '[';
    if (!is_list && calls.text[0] != '{')
        return 0;
    if (mt_json_items_begin(&items, json, calls.text, calls.text[0], "tool calls") != 0)
        return mt_speech_bad_json(self, json, error);
    while (mt_json_items_next(&items, &item) > 0) {
        int is_said = mt_json_named(&item, "name") || mt_json_named(&item, "arguments");
        int is_inside = is_list || mt_json_named(&item, "function");
        if (is_said && say_json(self, item.value, error) != 0)
            return -1;
        if (is_inside && item.value.text[0] == '{' &&
            mt_speech_calls(self, json, item.value, error) != 0)
            return -1;
    }
    return 0;
}
