#include "trace/log/speech.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { QUOTE_SIZE = 64 };

void mt_speech_begin(mt_speech *self) {
    self->id_count = 0;
    self->tokens = 0;
    self->part = 0;
    self->said = (mt_key){0, 0};
}

void mt_speech_free(mt_speech *self) {
    mt_free(self->ids);
    mt_free(self->prompt);
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

int mt_speech_text(mt_speech *self, const char *text, size_t length, mt_error *error) {
    return add_text(self, text, length) != 0 ? mt_failed(mt_fail_memory(error, "conversation")) : 0;
}

/* The same of a string's token. 0 or -1. */
static int say_string(mt_speech *self, mt_span token, mt_error *error) {
    if (MT_GROW(self->scratch, self->scratch_capacity, token.length) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    size_t length = mt_json_decode(token.text, token.length, self->scratch);
    return mt_speech_text(self, self->scratch, length, error);
}

int mt_speech_json(mt_speech *self, mt_span value, mt_error *error) {
    if (value.text[0] == '"')
        return say_string(self, value, error);
    return mt_json_is_null(value) ? 0 : mt_speech_text(self, value.text, value.length, error);
}

/* Adds a part of a message: a text, something that holds one (a tool's result has parts of its
 * own), a call of a tool, or none of these. 0 or -1. */
static int say_part(mt_speech *self, const mt_json *json, mt_span part, mt_error *error) {
    static const char *const texts[] = {"text",   "content", "value",    "parts",
                                        "output", "refusal", "thinking", "reasoning"};
    mt_json_items items;
    mt_json_item item;
    mt_span name = {"", 0}, input = {"", 0}, calls = {"", 0};
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
        else if (mt_json_named(&item, "tool_calls") || mt_json_named(&item, "function_call"))
            calls = item.value;
        has_text |= is_text;
        if (is_text &&
            mt_speech_content(self, json, item.value, "a part of value (content)", error) != 0)
            return -1;
    }
    if (input.length > 0) {
        has_text = 1;
        if ((name.length > 0 && mt_speech_json(self, name, error) != 0) ||
            mt_speech_json(self, input, error) != 0)
            return -1;
    }
    if (calls.length > 0 && !mt_json_is_null(calls)) {
        has_text = 1;
        if (mt_speech_calls(self, json, calls, error) != 0)
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
        if (is_said && mt_speech_json(self, item.value, error) != 0)
            return -1;
        if (is_inside && item.value.text[0] == '{' &&
            mt_speech_calls(self, json, item.value, error) != 0)
            return -1;
    }
    return 0;
}

/* Adds what stands in a list of what is said: a number is a token. 0 or -1. */
static int say_element(mt_speech *self, const mt_json *json, mt_span one, const char *name,
                       mt_error *error) {
    if (one.text[0] != '-' && (one.text[0] < '0' || one.text[0] > '9'))
        return mt_speech_all(self, json, one, name, error);
    self->said = mt_key_child(self->said, one.text, one.length);
    return add_token(self) != 0 ? mt_failed(mt_fail_memory(error, "conversation")) : 0;
}

int mt_speech_all(mt_speech *self, const mt_json *json, mt_span said, const char *name,
                  mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    if (said.text[0] != '[')
        return mt_speech_content(self, json, said, name, error);
    if (mt_json_items_begin(&items, json, said.text, '[', "a list ('[')") != 0)
        return mt_speech_bad_json(self, json, error);
    while (mt_json_items_next(&items, &item) > 0)
        if (say_element(self, json, item.value, name, error) != 0)
            return -1;
    return 0;
}

int mt_speech_unknown(mt_speech *self, uint64_t tokens, mt_span name, mt_error *error) {
    uint64_t size = self->log->options.block_size;
    uint64_t blocks = (self->tokens + tokens) / size;
    if (tokens == 0)
        return 0;
    self->said = mt_key_child(self->said, name.text, name.length);
    if (MT_GROW(self->ids, self->id_capacity, (size_t)blocks) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    while (self->id_count < blocks) {
        self->ids[self->id_count++] = self->said.low;
        self->said = mt_key_child(self->said, name.text, name.length);
    }
    self->tokens += tokens;
    return 0;
}

int mt_speech_prompt(mt_speech *self, mt_request *request, mt_error *error) {
    size_t whole = self->id_count;
    if (MT_GROW(self->prompt, self->prompt_capacity, whole + 1) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    if (whole > 0)
        memcpy(self->prompt, self->ids, whole * sizeof *self->ids);
    self->prompt[whole] = self->said.low;
    request->input_length = self->tokens;
    request->hash_ids = self->prompt;
    request->hash_count = whole + (self->tokens % self->log->options.block_size != 0);
    request->has |= MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS;
    return 0;
}
