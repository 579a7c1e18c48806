/* Lists of conversations as ShareGPT has them: every answer is a request, whose prompt is all that
 * was said before. */
#include "base/memory.h"
#include "text/json_items.h"
#include "text/json_list.h"
#include "trace/log/lines.h"
#include "trace/log/speech.h"

#include <stdio.h>
#include <string.h>

/* A request of the conversation that is given out. */
typedef struct answer {
    uint64_t input, output;
    size_t whole_blocks; /* of the prompt */
    uint64_t end;        /* id of the block that the prompt ends in, when it is not whole */
} answer;

typedef struct conversation_log {
    mt_log base;
    mt_json_list list;
    uint64_t conversations;
    /* What it says. */
    answer *answers;
    size_t answer_count, answer_capacity, next_answer;
    int has_lengths; /* some message says its tokens */
    mt_speech speech;
    uint64_t *prompt; /* ids of the prompt that is given out */
    size_t prompt_capacity;
    char *token; /* the session's name */
    size_t token_length, token_capacity;
} conversation_log;

/* ---- what a conversation says ---- */

static int bad_at(conversation_log *self, const char *at, mt_error *error, const char *message) {
    uint64_t line, column;
    mt_json_list_locate(&self->list, at, &line, &column);
    return mt_log_bad_row(&self->base, line, column, error, "%s", message);
}

static int bad_speech(mt_speech *speech, const char *at, mt_error *error, const char *message) {
    return bad_at((conversation_log *)speech->log, at, error, message);
}

/* What a message is made of. */
typedef struct message {
    mt_span role, text, tokens, calls, whole;
} message;

static int read_message(conversation_log *self, const mt_json *json, mt_span object, message *out,
                        mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    *out = (message){.whole = object};
    if (mt_json_items_begin(&items, json, object.text, '{', "a message ('{')") != 0)
        return mt_speech_bad_json(&self->speech, json, error);
    while (mt_json_items_next(&items, &item) > 0) { /* the conversation's walk has checked it */
        if (mt_json_named(&item, "from") || mt_json_named(&item, "role"))
            out->role = item.value;
        else if (mt_json_named(&item, "value") || mt_json_named(&item, "content") ||
                 mt_json_named(&item, "text") || mt_json_named(&item, "parts"))
            out->text = item.value;
        else if (mt_json_named(&item, "tokens") || mt_json_named(&item, "num_tokens") ||
                 mt_json_named(&item, "token_count") || mt_json_named(&item, "length"))
            out->tokens = item.value;
        else if (mt_json_named(&item, "tool_calls") || mt_json_named(&item, "function_call"))
            out->calls = item.value;
    }
    if (out->role.length == 0)
        return bad_at(self, object.text, error, "a message needs from (or role): who says it");
    if (out->role.text[0] != '"')
        return mt_speech_bad_value(&self->speech, out->role, "from (role)", "a string", error);
    return 0;
}

static int is_answer(mt_span role) {
    static const char *const names[] = {"\"gpt\"",  "\"assistant\"", "\"chatgpt\"",
                                        "\"bard\"", "\"bing\"",      "\"model\""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (mt_json_same_text(role, names[i]))
            return 1;
    return 0;
}

/* Adds the message's tokens, said or counted, to what was said. 0 or -1. */
static int say(conversation_log *self, const mt_json *json, const message *one, mt_error *error) {
    uint64_t tokens;
    if (self->has_lengths) {
        if (one->tokens.length == 0)
            return bad_at(self, one->whole.text, error,
                          "this message does not say its tokens, others of the conversation do");
        if (mt_json_count(one->tokens, &tokens) != 0 ||
            __builtin_add_overflow(self->speech.tokens, tokens, &self->speech.tokens))
            return mt_speech_bad_value(&self->speech, one->tokens, "tokens",
                                       "a whole number of at least 0", error);
        return 0;
    }
    if (mt_speech_content(&self->speech, json, one->text, "value (content)", error) != 0)
        return -1;
    return one->calls.length > 0 ? mt_speech_calls(&self->speech, json, one->calls, error) : 0;
}

/* An answer is a request, unless nothing was said before it. */
static int answer_with(conversation_log *self, const mt_json *json, const message *one,
                       mt_error *error) {
    answer made = {self->speech.tokens, 0, self->speech.id_count, self->speech.said.low};
    if (self->speech.tokens > 0 &&
        mt_log_check_prompt(&self->base, self->speech.tokens, "the prompt", self->list.text_line,
                            error) != 0)
        return -1;
    if (say(self, json, one, error) != 0)
        return -1;
    made.output = self->speech.tokens - made.input;
    if (made.input == 0)
        return 0;
    if (MT_GROW(self->answers, self->answer_capacity, self->answer_count + 1) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    self->answers[self->answer_count++] = made;
    return 0;
}

/* The session's name: the conversation's id, or its number in the file. */
static int name_session(conversation_log *self, mt_span id, mt_error *error) {
    char number[48];
    mt_span token = id;
    if (!mt_lines_is_name(id)) {
        int length = snprintf(number, sizeof number, "\"conversation %llu\"",
                              (unsigned long long)self->conversations);
        token = (mt_span){number, (size_t)length};
    }
    if (MT_GROW(self->token, self->token_capacity, token.length) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    self->token_length = mt_json_normalise(token.text, token.length, self->token);
    return 0;
}

/* Finds the conversation's members; the whole text is JSON afterwards. Of its ids the one that is named
 * first here is taken, be it written before or behind the others; null is none. 0 or -1. */
static int read_members(conversation_log *self, const mt_json *json, mt_span *id, mt_span *messages,
                        mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    static const char *const ids[] = {"id", "conversation_id", "conversation_hash"};
    enum { IDS = sizeof ids / sizeof *ids };
    int rank = IDS;
    *id = *messages = (mt_span){"", 0};
    int status = mt_json_items_begin(&items, json, json->begin, '{', "a conversation ('{')");
    while (status == 0 && (status = mt_json_items_next(&items, &item)) > 0) {
        for (int i = 0; i < IDS && i <= rank; i++)
            if (mt_json_named(&item, ids[i]) && !mt_json_is_null(item.value)) {
                *id = item.value;
                rank = i;
            }
        if (mt_json_named(&item, "conversations") || mt_json_named(&item, "conversation") ||
            mt_json_named(&item, "messages") || mt_json_named(&item, "items"))
            *messages = item.value;
        status = 0;
    }
    if (status < 0)
        return mt_speech_bad_json(&self->speech, json, error);
    if (messages->length == 0)
        return bad_at(
            self, self->list.text, error,
            "a conversation needs conversations (or messages): the list of what was said");
    return 0;
}

/* Does any message say its tokens? */
static int find_lengths(conversation_log *self, const mt_json *json, mt_span messages,
                        mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    message one;
    self->has_lengths = 0;
    if (mt_json_items_begin(&items, json, messages.text, '[', "a list of messages ('[')") != 0)
        return mt_speech_bad_json(&self->speech, json, error);
    while (mt_json_items_next(&items, &item) > 0) {
        if (read_message(self, json, item.value, &one, error) != 0)
            return -1;
        self->has_lengths |= one.tokens.length > 0 && !mt_json_is_null(one.tokens);
    }
    return 0;
}

static int read_conversation(conversation_log *self, mt_error *error) {
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_json_items items;
    mt_json_item item;
    mt_span id, messages;
    message one;
    self->answer_count = self->next_answer = 0;
    mt_speech_begin(&self->speech);
    self->conversations++;
    if (read_members(self, &json, &id, &messages, error) != 0 ||
        name_session(self, id, error) != 0 || find_lengths(self, &json, messages, error) != 0 ||
        mt_json_items_begin(&items, &json, messages.text, '[', "a list of messages ('[')") != 0)
        return -1;
    while (mt_json_items_next(&items, &item) > 0) {
        if (read_message(self, &json, item.value, &one, error) != 0 ||
            (is_answer(one.role) ? answer_with(self, &json, &one, error)
                                 : say(self, &json, &one, error)) != 0) {
            self->answer_count = 0;
            return -1;
        }
    }
    return 0;
}

/* ---- rows ---- */

static mt_code conversations_open(mt_log *log, mt_error *error) {
    conversation_log *self = (conversation_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "conversation";
    self->speech = (mt_speech){.log = log, .bad = bad_speech};
    return MT_OK;
}

static void conversations_close(mt_log *log) {
    conversation_log *self = (conversation_log *)log;
    mt_json_list_free(&self->list);
    mt_free(self->answers);
    mt_speech_free(&self->speech);
    mt_free(self->prompt);
    mt_free(self->token);
}

/* The ids of the prompt: those of its whole blocks, then that of the one it ends in. */
static int give_ids(conversation_log *self, const answer *one, mt_request *request,
                    mt_error *error) {
    if (MT_GROW(self->prompt, self->prompt_capacity, one->whole_blocks + 1) != 0)
        return mt_failed(mt_fail_memory(error, "conversation"));
    if (one->whole_blocks > 0)
        memcpy(self->prompt, self->speech.ids, one->whole_blocks * sizeof *self->speech.ids);
    self->prompt[one->whole_blocks] = one->end;
    request->hash_ids = self->prompt;
    request->hash_count = one->whole_blocks + (one->input % self->base.options.block_size ? 1 : 0);
    request->has |= MT_HAS_HASH_IDS;
    return 1;
}

static int conversations_next(mt_log *log, mt_log_row *row, mt_error *error) {
    conversation_log *self = (conversation_log *)log;
    while (self->next_answer == self->answer_count) {
        int status = mt_json_list_next(&self->list, error);
        if (status <= 0)
            return status;
        if (read_conversation(self, error) != 0)
            return -1;
    }
    const answer *one = &self->answers[self->next_answer++];
    mt_request *request = &row->request;
    request->has = MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_SESSION;
    request->input_length = one->input;
    request->output_length = one->output;
    request->session = (mt_span){self->token, self->token_length};
    request->line = self->list.text_line;
    return self->has_lengths ? 1 : give_ids(self, one, request, error);
}

static int conversations_recognises(const char *text, size_t length) {
    return text[0] == '[' || mt_log_has_word(text, length, "\"conversations\"") ||
           mt_log_has_word(text, length, "\"conversation\":[") || /* LMSYS's and WildChat's */
           mt_log_has_word(text, length, "\"conversation\": [") ||
           mt_log_has_word(text, length, "\"messages\"");
}

const mt_log_kind mt_log_sharegpt = {
    .format = {.name = "sharegpt", .title = "ShareGPT", .block_size = MT_LOG_BLOCK_SIZE},
    .has_no_times = 1,
    .has_texts = 1,
    .ids_are_of_texts = 1,
    .size = sizeof(conversation_log),
    .recognises = conversations_recognises,
    .member = "conversations",
    .open = conversations_open,
    .next = conversations_next,
    .close = conversations_close};
