/* Dynamo's rows: Mooncake's, some names of their own for the same members, and those of agents, by
 * which requests wait for each other. They are requests already, and stay what they are. */
#include "base/memory.h"
#include "base/text.h"
#include "text/texts.h"
#include "trace/log/lines.h"

typedef struct dynamo_log {
    mt_log base;
    mt_texts sessions; /* whose first row was there */
    uint64_t *ids;
    char *token;
    size_t id_capacity, token_capacity;
    mt_text extra;
} dynamo_log;

typedef struct dynamo_line {
    mt_span timestamp, input, output, ids, delay, session, waits;
} dynamo_line;

static void dynamo_close(mt_log *log) {
    dynamo_log *self = (dynamo_log *)log;
    mt_texts_free(&self->sessions);
    mt_free(self->ids);
    mt_free(self->token);
    mt_free(self->extra.bytes);
}

/* Where a member of a trace goes, by either of its names; NULL for any other. */
static mt_span *place_of(dynamo_line *line, const mt_json_item *item) {
    const struct {
        const char *name;
        mt_span *place;
    } members[] = {{"timestamp", &line->timestamp},  {"created_time", &line->timestamp},
                   {"input_length", &line->input},   {"input_tokens", &line->input},
                   {"output_length", &line->output}, {"output_tokens", &line->output},
                   {"hash_ids", &line->ids},         {"delay", &line->delay},
                   {"delay_ms", &line->delay},       {"session_id", &line->session}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (mt_json_named(item, members[i].name))
            return members[i].place;
    return NULL;
}

static int add_extra(dynamo_log *self, const mt_json_item *item, mt_error *error) {
    mt_text *extra = &self->extra;
    if ((extra->length > 0 && mt_text_add(extra, ", ", 2) != 0) ||
        mt_text_add(extra, "\"", 1) != 0 ||
        mt_text_add(extra, item->name.text, item->name.length) != 0 ||
        mt_text_add(extra, "\": ", 3) != 0 ||
        mt_text_add(extra, item->value.text, item->value.length) != 0)
        return mt_lines_no_memory(error);
    return 0;
}

/* Takes the line apart: what no request has a place for becomes its extra members. 0 or -1. */
static int take_members(dynamo_log *self, const mt_json *json, uint64_t number, dynamo_line *line,
                        mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    self->extra.length = 0;
    int status = mt_json_items_begin(&items, json, json->begin, '{', "an object ('{')");
    while (status == 0 && (status = mt_json_items_next(&items, &item)) > 0) {
        mt_span *place = place_of(line, &item);
        status = 0;
        if (mt_json_named(&item, "wait_for") && !mt_json_is_null(item.value))
            line->waits = item.value;
        if (place && place->length > 0)
            return mt_log_bad_row(&self->base, number,
                                  (uint64_t)(item.value.text - json->begin) + 1, error,
                                  "%.*s says again what another member has said",
                                  (int)item.name.length, item.name.text);
        if (place && !mt_json_is_null(item.value))
            *place = item.value;
        else if (!place && !mt_json_named(&item, "stream") && add_extra(self, &item, error) != 0)
            return -1;
    }
    if (status < 0)
        return mt_lines_bad_json(&self->base, number, error);
    return mt_lines_end(&self->base, json, items.at, number, error);
}

static int take_ids(dynamo_log *self, const mt_json *json, uint64_t number, mt_span list,
                    mt_request *request, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    if (list.length == 0)
        return 0;
    if (mt_json_items_begin(&items, json, list.text, '[', "a list of ids ('[')") != 0)
        return mt_lines_bad_json(&self->base, number, error);
    while (mt_json_items_next(&items, &item) > 0) { /* checked by the line's walk */
        if (MT_GROW(self->ids, self->id_capacity, request->hash_count + 1) != 0)
            return mt_lines_no_memory(error);
        if (mt_json_count(item.value, &self->ids[request->hash_count++]) != 0)
            return mt_lines_bad_value(&self->base, json, number, item.value, "an id of hash_ids",
                                      "a whole number of at least 0", error);
    }
    request->hash_ids = self->ids;
    request->has |= MT_HAS_HASH_IDS;
    return 0;
}

/* The session, and whether this is its first row: 1 or 0; -1. */
static int take_session(dynamo_log *self, const mt_json *json, uint64_t number, mt_span session,
                        mt_request *request, mt_error *error) {
    uint32_t found;
    size_t known = self->sessions.count;
    if (session.length == 0)
        return 1;
    if (!mt_lines_is_name(session))
        return mt_lines_bad_value(&self->base, json, number, session, "session_id",
                                  "a string or a number", error);
    if (mt_lines_token(session, &self->token, &self->token_capacity, &request->session, error) != 0)
        return -1;
    if (mt_texts_intern(&self->sessions, request->session.text, request->session.length, &found) !=
        0)
        return mt_lines_no_memory(error);
    request->has |= MT_HAS_SESSION;
    return found == known;
}

/* Times, of which one who waits for nobody needs the first. */
static int take_times(dynamo_log *self, const mt_json *json, uint64_t number,
                      const dynamo_line *line, int begins, mt_request *request, mt_error *error) {
    mt_log *log = &self->base;
    if (line->delay.length > 0) {
        if (mt_lines_duration(log, json, number, line->delay, "delay", log->options.time_digits,
                              &request->delay_ns, error) != 0)
            return -1;
        request->has |= MT_HAS_DELAY;
    }
    if (line->timestamp.length == 0 && (!begins || line->waits.length > 0))
        return 0;
    request->has |= MT_HAS_TIME;
    return mt_lines_time(log, json, number, line->timestamp, &request->time_ns, error);
}

/* Without its length a prompt is as long as its blocks, whose size the caller then says. */
static int take_lengths(dynamo_log *self, const mt_json *json, uint64_t number,
                        const dynamo_line *line, mt_request *request, mt_error *error) {
    mt_log *log = &self->base;
    request->has |= MT_HAS_INPUT_LENGTH;
    if (line->input.length == 0 && request->hash_count > 0) {
        if (log->options.block_size == 0)
            return mt_log_bad_row(log, number, 0, error,
                                  "input_length is missing, and --block-size does not say how long "
                                  "the prompt's blocks are");
        request->input_length = request->hash_count * log->options.block_size;
    } else if (mt_lines_count(log, json, number, line->input, "input_length",
                              &request->input_length, error) != 0) {
        return -1;
    }
    if (mt_log_check_prompt(log, request->input_length, "input_length", number, error) != 0)
        return -1;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return mt_lines_count(log, json, number, line->output, "output_length", &request->output_length,
                          error);
}

static int dynamo_next(mt_log *log, mt_log_row *row, mt_error *error) {
    dynamo_log *self = (dynamo_log *)log;
    mt_request *request = &row->request;
    dynamo_line line = {0};
    mt_json json;
    uint64_t number;
    int status = mt_lines_next(log, &json, &number, error);
    if (status <= 0)
        return status;
    request->line = number;
    if (take_members(self, &json, number, &line, error) != 0 ||
        take_ids(self, &json, number, line.ids, request, error) != 0)
        return -1;
    int begins = take_session(self, &json, number, line.session, request, error);
    if (begins < 0 || take_times(self, &json, number, &line, begins, request, error) != 0 ||
        take_lengths(self, &json, number, &line, request, error) != 0)
        return -1;
    request->extra = (mt_span){self->extra.bytes, self->extra.length};
    return 1;
}

/* Its rows have names, or names for members that no other trace has. */
static int dynamo_recognises(const char *text, size_t length) {
    int has_ids = mt_log_has_word(text, length, "\"hash_ids\"");
    int has_other_names = mt_log_has_word(text, length, "\"input_tokens\"") ||
                          mt_log_has_word(text, length, "\"output_tokens\"") ||
                          mt_log_has_word(text, length, "\"created_time\"") ||
                          mt_log_has_word(text, length, "\"delay_ms\"");
    return (has_ids && has_other_names) ||
           (mt_log_has_word(text, length, "\"request_id\"") &&
            (has_ids || mt_log_is_trace(text, length)) &&
            !mt_log_has_word(text, length, "\"dynamo.request.trace"));
}

const mt_log_kind mt_log_dynamo = {.format = {.name = "dynamo", .title = "Dynamo"},
                                   .has_waits = 1,
                                   .default_time_digits = 6,
                                   .size = sizeof(dynamo_log),
                                   .recognises = dynamo_recognises,
                                   .member = "request_id",
                                   .next = dynamo_next,
                                   .close = dynamo_close};
