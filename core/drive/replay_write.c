#include "drive/replay_state.h"

#include "base/memory.h"
#include "drive/answer.h"
#include "text/json_items.h"
#include "trace/writer.h"

#include <stdio.h>
#include <string.h>

static void lose_output(mt_replay *replay, mt_output **output, const mt_error *error) {
    if (replay->write_failures++ == 0)
        replay->write_error = *error;
    *output = NULL;
}

/* ---- bodies ------------------------------------------------------------------------------------- */

static const char not_shown[] = "\"(not shown)\"";

typedef struct hiding {
    const mt_replay_options *options;
    mt_text *shown;
    const char *at; /* all before it is in `shown` */
} hiding;

static int is_hidden(const mt_replay_options *options, const mt_json_item *item) {
    for (size_t i = 0; i < options->hidden_count; i++) {
        const char *name = options->hidden[i];
        size_t length = strlen(name);
        if (mt_json_named(item, name) || /* which is for names that are short */
            (item->name.length == length && memcmp(item->name.text, name, length) == 0))
            return 1;
    }
    return 0;
}

static int show_until(hiding *self, const char *end) {
    int status = mt_text_add(self->shown, self->at, (size_t)(end - self->at));
    self->at = end;
    return status;
}

/* Without what is hidden inside the value, which is JSON. 0, or -1 (memory). */
static int hide_in(hiding *self, mt_span value) {
    mt_json json = {value.text, value.text + value.length, NULL};
    mt_json_items items;
    mt_json_item item;
    int more;
    char open = value.length > 0 ? value.text[0] : '\0';
    if (open != '{' && open != '[')
        return 0;
    if (mt_json_items_begin(&items, &json, value.text, open, "an object or a list") != 0)
        return -1;
    while ((more = mt_json_items_next(&items, &item)) > 0) {
        if (open == '{' && is_hidden(self->options, &item)) {
            if (show_until(self, item.value.text) != 0 ||
                mt_text_add(self->shown, not_shown, sizeof not_shown - 1) != 0)
                return -1;
            self->at += item.value.length;
        } else if (hide_in(self, item.value) != 0) {
            return -1;
        }
    }
    return more;
}

/* The text as a string of JSON. */
static mt_span quoted(mt_text *to, mt_span text) {
    if (MT_GROW(to->bytes, to->capacity, 6 * text.length + 2) != 0)
        return (mt_span){not_shown, sizeof not_shown - 1};
    return (mt_span){to->bytes, mt_json_encode(text.text, text.length, to->bytes)};
}

/* The body as it may be shown. An adapter's may be any text: one that is no JSON is a string, and not shown where
 * something in it may be hidden. */
static mt_span shown_body(mt_replay *replay) {
    mt_span body = {replay->body.bytes, replay->body.length};
    if (replay->options.hidden_count == 0 && !replay->options.adapter.request)
        return body;
    int is_json = mt_json_check(body.text, body.length, NULL) == MT_OK;
    if (replay->options.hidden_count == 0)
        return is_json ? body : quoted(&replay->scratch, body);
    mt_json json = {body.text, body.text + body.length, NULL};
    hiding self = {&replay->options, &replay->scratch, mt_json_space(&json, json.begin)};
    mt_span value = {self.at, (size_t)(json.end - self.at)};
    replay->scratch.length = 0;
    if (!is_json || hide_in(&self, value) != 0 || show_until(&self, json.end) != 0)
        return (mt_span){not_shown, sizeof not_shown - 1};
    return (mt_span){replay->scratch.bytes, replay->scratch.length};
}

void mt_replay_write_input(mt_replay *replay, const mt_row *row) {
    mt_error error;
    if (!replay->inputs || replay->input_bytes + replay->body.length > replay->options.input_bytes)
        return;
    const char *before = replay->input_bytes == 0 ? "" : ",\n";
    mt_span body = shown_body(replay);
    replay->input_bytes += replay->body.length;
    static const char id[] = "{\"session_id\": ", bodies[] = ", \"payloads\": [", end[] = "]}";
    char number[40];
    mt_span session = row->request.session;
    if (!(row->request.has & MT_HAS_SESSION))
        session = (mt_span){number, (size_t)snprintf(number, sizeof number, "\"%llu\"",
                                                     (unsigned long long)row->asked.number)};
    if (mt_output_write(replay->inputs, before, strlen(before), &error) != MT_OK ||
        mt_output_write(replay->inputs, id, sizeof id - 1, &error) != MT_OK ||
        mt_output_write(replay->inputs, session.text, session.length, &error) != MT_OK ||
        mt_output_write(replay->inputs, bodies, sizeof bodies - 1, &error) != MT_OK ||
        mt_output_write(replay->inputs, body.text, body.length, &error) != MT_OK ||
        mt_output_write(replay->inputs, end, sizeof end - 1, &error) != MT_OK)
        lose_output(replay, &replay->inputs, &error);
}

/* The row's own members, each with a comma after it, but for those that a record has of its own: the row
 * may come from one. */
static int add_other_members(mt_text *text, mt_span extra) {
    mt_json json = {extra.text, extra.text + extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    if (extra.length == 0)
        return 0;
    mt_json_items_bare(&items, &json);
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_json_named(&item, "due") || mt_json_named(&item, "sent") ||
            mt_json_named(&item, "answered") || mt_json_named(&item, "outcome"))
            continue;
        if (mt_text_add(text, "\"", 1) != 0 ||
            mt_text_add(text, item.name.text, item.name.length) != 0 ||
            mt_text_add(text, "\": ", 3) != 0 ||
            mt_text_add(text, item.value.text, item.value.length) != 0 ||
            mt_text_add(text, ", ", 2) != 0)
            return -1;
    }
    return 0;
}

/* What was sent, as a row of a trace: when it left, what the server counted, and when it was due and
 * answered as members of ours. */
static mt_code write_record(mt_replay *replay, const mt_row *row, const mt_exchange *exchange,
                            mt_error *error) {
    static const mt_trace_format format = {.timestamp_digits = 6};
    char members[256];
    mt_request request = row->request;
    int64_t start = replay->options.start_ns;
    if (exchange->begun_ns == MT_NEVER)
        return MT_OK;
    request.has |= MT_HAS_TIME;
    request.time_ns = exchange->begun_ns - start;
    if (exchange->prompt_tokens >= 0 && !(request.has & MT_HAS_INPUT_LENGTH)) {
        request.has |= MT_HAS_INPUT_LENGTH;
        request.input_length = (uint64_t)exchange->prompt_tokens;
    }
    if (exchange->failure == MT_FAILURE_NONE) {
        request.has |= MT_HAS_OUTPUT_LENGTH;
        request.output_length = mt_answer_tokens(exchange);
    }
    int length = snprintf(members, sizeof members, "\"due\": %.6f, ",
                          (double)(exchange->due_ns - start) / 1e6);
    const struct {
        const char *name;
        int64_t moment;
    } moments[] = {{"sent", exchange->sent_ns}, {"answered", exchange->end_ns}};
    for (int i = 0; i < 2; i++)
        if (moments[i].moment != MT_NEVER)
            length += snprintf(members + length, sizeof members - (size_t)length, "\"%s\": %.6f, ",
                               moments[i].name, (double)(moments[i].moment - start) / 1e6);
    snprintf(members + length, sizeof members - (size_t)length, "\"outcome\": \"%s\"",
             mt_failure_name((mt_failure)exchange->failure));
    replay->scratch.length = 0;
    if (add_other_members(&replay->scratch, request.extra) != 0 ||
        mt_text_add(&replay->scratch, members, strlen(members)) != 0)
        return mt_fail_memory(error, "record");
    request.extra = (mt_span){replay->scratch.bytes, replay->scratch.length};
    return mt_trace_write(replay->record, &request, &format, error);
}

void mt_replay_write_result(mt_replay *replay, const mt_row *row, const mt_exchange *exchange) {
    mt_error error;
    const mt_replay_options *options = &replay->options;
    if (replay->lines) {
        char ids[2][MT_REQUEST_ID_ROOM];
        mt_span session =
            row->request.has & MT_HAS_SESSION ? row->request.session : (mt_span){"null", 4};
        mt_request_id(options->seed, row->asked.number, ids[0]);
        mt_correlation_id(options->seed, &row->request, row->asked.number, ids[1]);
        if (mt_results_write_line(replay->lines, exchange, &row->asked, options->epoch_ns, ids[0],
                                  ids[1], session.text, session.length, &error) != MT_OK)
            lose_output(replay, &replay->lines, &error);
    }
    if (replay->record && write_record(replay, row, exchange, &error) != MT_OK)
        lose_output(replay, &replay->record, &error);
}
