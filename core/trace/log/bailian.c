/* Bailian's logs: a request a line, whose conversation is told by the chat before it. */
#include "base/memory.h"
#include "hash/ids.h"
#include "trace/log/lines.h"
#include "text/texts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct bailian_log {
    mt_log base;
    mt_texts chats;  /* every chat_id, and parents before their own line */
    uint32_t *roots; /* of each: the first turn's, or itself */
    size_t root_capacity;
    uint64_t *ids;
    size_t id_capacity;
    char *extra, *token, *type;
    size_t extra_capacity, token_capacity, type_capacity;
} bailian_log;

/* The members of a line. */
typedef struct bailian_line {
    mt_span timestamp, input_length, output_length, hash_ids, chat_id, parent_chat_id, type;
} bailian_line;

static void bailian_close(mt_log *log) {
    bailian_log *self = (bailian_log *)log;
    mt_texts_free(&self->chats);
    mt_free(self->roots);
    mt_free(self->ids);
    mt_free(self->extra);
    mt_free(self->token);
    mt_free(self->type);
}

/* Appends a member to the extra ones. 0 or -1 (memory). */
static int add_extra(bailian_log *self, mt_span *extra, const mt_json_item *item) {
    size_t more = item->name.length + item->value.length + sizeof ", \"\": ";
    if (MT_GROW(self->extra, self->extra_capacity, extra->length + more) != 0)
        return -1;
    int length =
        snprintf(self->extra + extra->length, more, "%s\"%.*s\": ", extra->length > 0 ? ", " : "",
                 (int)item->name.length, item->name.text);
    char *to = self->extra + extra->length + length;
    memcpy(to, item->value.text, item->value.length);
    to += item->value.length;
    *extra = (mt_span){self->extra, (size_t)(to - self->extra)};
    return 0;
}

/* Where a member of ours goes, NULL for any other. */
static mt_span *place_of(bailian_line *line, const mt_json_item *item) {
    if (mt_json_named(item, "timestamp"))
        return &line->timestamp;
    if (mt_json_named(item, "input_length"))
        return &line->input_length;
    if (mt_json_named(item, "output_length"))
        return &line->output_length;
    if (mt_json_named(item, "hash_ids"))
        return &line->hash_ids;
    if (mt_json_named(item, "chat_id"))
        return &line->chat_id;
    return mt_json_named(item, "parent_chat_id") ? &line->parent_chat_id : NULL;
}

/* Takes the line apart; what is not ours, and who is whose turn, becomes `extra`. 0 or -1. */
static int bailian_members(bailian_log *self, const mt_json *json, uint64_t number,
                           bailian_line *line, mt_span *extra, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    int status = mt_json_items_begin(&items, json, json->begin, '{', "an object ('{')");
    while (status == 0 && (status = mt_json_items_next(&items, &item)) > 0) {
        mt_span *place = place_of(line, &item);
        if (place)
            *place = item.value;
        int is_written = mt_json_named(&item, "session_id") || mt_json_named(&item, "delay") ||
                         mt_json_named(&item, "stream");
        if (mt_json_named(&item, "type"))
            line->type = item.value;
        int is_extra = !place || place == &line->chat_id || place == &line->parent_chat_id;
        if (is_extra && !is_written && add_extra(self, extra, &item) != 0)
            return mt_lines_no_memory(error);
        status = 0;
    }
    if (status < 0)
        return mt_lines_bad_json(&self->base, number, error);
    return mt_lines_end(&self->base, json, items.at, number, error);
}

/* The number of a chat, a root of its own when it is new. It is known by its id as a JSON string:
 * other tools take no numbers for a session. 0 or -1 (memory). */
static int number_chat(bailian_log *self, mt_span id, uint32_t *number) {
    size_t known = self->chats.count, length;
    if (MT_GROW(self->token, self->token_capacity, id.length + 2) != 0)
        return -1;
    id.text = id.length > 0 ? id.text : "";
    if (id.text[0] == '"') {
        length = mt_json_normalise(id.text, id.length, self->token);
    } else {
        self->token[0] = self->token[id.length + 1] = '"';
        memcpy(self->token + 1, id.text, id.length);
        length = id.length + 2;
    }
    if (mt_texts_intern(&self->chats, self->token, length, number) != 0)
        return -1;
    if (*number < known)
        return 0;
    if (MT_GROW(self->roots, self->root_capacity, self->chats.count) != 0) {
        mt_texts_truncate(&self->chats, known);
        return -1;
    }
    self->roots[*number] = *number;
    return 0;
}

/* The session is named after its first turn. */
static int find_session(bailian_log *self, const mt_json *json, uint64_t number,
                        const bailian_line *line, mt_request *request, mt_error *error) {
    mt_span parent_id = line->parent_chat_id;
    uint32_t chat, parent;
    if (!mt_lines_is_name(line->chat_id))
        return line->chat_id.length == 0
                   ? mt_log_bad_row(&self->base, number, 0, error, "chat_id is missing")
                   : mt_lines_bad_value(&self->base, json, number, line->chat_id, "chat_id",
                                        "a number or a string", error);
    int has_parent = mt_lines_is_name(parent_id) &&
                     !(parent_id.length == 2 && memcmp(parent_id.text, "-1", 2) == 0);
    int failed = number_chat(self, line->chat_id, &chat) != 0;
    if (!failed && has_parent) {
        failed = number_chat(self, parent_id, &parent) != 0;
        if (!failed)
            self->roots[chat] = self->roots[parent];
    }
    if (failed)
        return mt_lines_no_memory(error);
    request->session = mt_texts_get(&self->chats, self->roots[chat]);
    request->has |= MT_HAS_SESSION;
    return 0;
}

/* The ids of the line, `join` of them a block, as hashes of what the prompt has up to a block's end;
 * their number must fit the input. */
static int read_ids(bailian_log *self, const mt_json *json, uint64_t number, mt_span list,
                    mt_request *request, mt_error *error) {
    uint64_t join = self->base.options.block_size / MT_LOG_BAILIAN_BLOCK_SIZE, count = 0, id;
    mt_json_items items;
    mt_json_item item;
    mt_key chain = {0, 0};
    size_t blocks = 0;
    if (mt_json_items_begin(&items, json, list.text, '[', "a list of ids ('[')") != 0)
        return mt_lines_bad_json(&self->base, number, error);
    while (mt_json_items_next(&items, &item) > 0) { /* the line's walk has checked it */
        if (mt_json_count(item.value, &id) != 0)
            return mt_lines_bad_value(&self->base, json, number, item.value, "an id of hash_ids",
                                      "a whole number of at least 0", error);
        if (count++ % join == 0) {
            if (MT_GROW(self->ids, self->id_capacity, ++blocks) != 0)
                return mt_lines_no_memory(error);
        }
        chain = mt_key_number(chain, id);
        self->ids[blocks - 1] = chain.low;
    }
    uint64_t wanted = mt_blocks_of(request->input_length, MT_LOG_BAILIAN_BLOCK_SIZE);
    if (count > 0 && count != wanted)
        return mt_log_bad_row(&self->base, number, 0, error,
                              "hash_ids has %" PRIu64 " id%s, but input_length %" PRIu64
                              " makes %" PRIu64 " block%s of 16 tokens",
                              count, count == 1 ? "" : "s", request->input_length, wanted,
                              wanted == 1 ? "" : "s");
    request->hash_ids = self->ids;
    request->hash_count = blocks;
    request->has |= MT_HAS_HASH_IDS;
    return 0;
}

/* The request's type, a string, as a text. 0 or -1. */
static int find_type(bailian_log *self, mt_span type, mt_log_row *row, mt_error *error) {
    if (type.length == 0 || type.text[0] != '"')
        return 0;
    if (MT_GROW(self->type, self->type_capacity, type.length) != 0)
        return mt_lines_no_memory(error);
    row->log_type = (mt_span){self->type, mt_json_decode(type.text, type.length, self->type)};
    return 0;
}

static int bailian_next(mt_log *log, mt_log_row *row, mt_error *error) {
    bailian_log *self = (bailian_log *)log;
    mt_request *request = &row->request;
    bailian_line line = {0};
    mt_json json;
    uint64_t number;
    int status = mt_lines_next(log, &json, &number, error);
    if (status <= 0)
        return status;
    request->line = number;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    if (bailian_members(self, &json, number, &line, &request->extra, error) != 0 ||
        mt_lines_time(log, &json, number, line.timestamp, &request->time_ns, error) != 0 ||
        mt_lines_count(log, &json, number, line.input_length, "input_length",
                       &request->input_length, error) != 0 ||
        mt_log_check_prompt(log, request->input_length, "input_length", number, error) != 0 ||
        mt_lines_output(log, &json, number, line.output_length, request, error) != 0 ||
        find_session(self, &json, number, &line, request, error) != 0 ||
        find_type(self, line.type, row, error) != 0)
        return -1;
    if (line.hash_ids.length > 0 && !mt_json_is_null(line.hash_ids) &&
        read_ids(self, &json, number, line.hash_ids, request, error) != 0)
        return -1;
    return 1;
}

static mt_code bailian_open(mt_log *log, mt_error *error) {
    (void)error;
    log->has_type = 1;
    return MT_OK;
}

static int bailian_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"chat_id\"");
}

static mt_code bailian_check(const mt_log_options *options, mt_error *error) {
    if (options->block_size % MT_LOG_BAILIAN_BLOCK_SIZE == 0)
        return MT_OK;
    return mt_fail(error, MT_ERROR_VALUE,
                   "a bailian log has blocks of 16 tokens: the block size must be a multiple of "
                   "16, not %" PRIu64,
                   options->block_size);
}

const mt_log_kind mt_log_bailian = {
    .format = {.name = "bailian", .title = "Bailian", .block_size = MT_LOG_BAILIAN_BLOCK_SIZE},
    .default_time_digits = 9,
    .size = sizeof(bailian_log),
    .recognises = bailian_recognises,
    .member = "chat_id",
    .check = bailian_check,
    .open = bailian_open,
    .next = bailian_next,
    .close = bailian_close};
