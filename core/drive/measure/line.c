/* The line of a request in profile_export.jsonl. It says all that mt_results needs of the request
 * (drive/measure/requests.h), so that results made of lines are those of the run. */
#include "drive/measure/results.h"

#include "base/memory.h"
#include "base/text.h"
#include "text/json_items.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LINE_ROOM = 16384, /* without the row's own members beyond FIELD_ROOM, and without gaps */
    GAP_ROOM = 24,
    FIELD_ROOM = 4096,
    FIELD_MOST = 200, /* bytes of one: a longer one is marked */
    FIELD_MARK =
        48 /* room beside the name or the member: `"": {"left_out": 18446744073709551615}, ` */
};

typedef struct line {
    char *at, *end;
} line;

static void put(line *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(line *to, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to->at, (size_t)(to->end - to->at), format, arguments);
    va_end(arguments);
    if (length > 0 && length < to->end - to->at)
        to->at += length;
}

static const char *truth(int is) {
    return is ? "true" : "false";
}

static void put_moment(line *to, const char *name, int64_t moment, int64_t epoch_ns) {
    if (moment == MT_NEVER)
        put(to, "\"%s\": null, ", name);
    else
        put(to, "\"%s\": %" PRId64 ", ", name, moment + epoch_ns);
}

static int next_field(mt_json_items *items, mt_json_item *item, mt_span extra) {
    while (extra.length > 0 && mt_json_items_next(items, item) > 0)
        if (!strchr("[{", *item->value.text) && item->name.length <= FIELD_MOST)
            return 1;
    return 0;
}

/* Bytes that put_fields may need beyond FIELD_ROOM. */
static size_t fields_room(const mt_request *request) {
    if (!request || request->extra.length < FIELD_ROOM / 2)
        return 0;
    size_t room = 0;
    mt_json json = {request->extra.text, request->extra.text + request->extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    mt_json_items_bare(&items, &json);
    while (next_field(&items, &item, request->extra))
        room += FIELD_MOST + FIELD_MARK;
    return room;
}

/* The row's own members that are plain, by which results may be grouped later: "fields". Of one that is long only
 * the length is said, {"left_out": BYTES}. */
static void put_fields(line *to, const mt_request *request) {
    const char *between = "\"fields\": {";
    if (!request)
        return;
    if (request->has & MT_HAS_STREAM && request->stream.length <= FIELD_MOST) {
        put(to, "%s\"stream\": %.*s", between, (int)request->stream.length, request->stream.text);
        between = ", ";
    }
    mt_json json = {request->extra.text, request->extra.text + request->extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    mt_json_items_bare(&items, &json);
    while (next_field(&items, &item, request->extra)) {
        put(to, "%s\"%.*s\": ", between, (int)item.name.length, item.name.text);
        if (item.name.length + item.value.length > FIELD_MOST)
            put(to, "{\"left_out\": %zu}", item.value.length);
        else
            put(to, "%.*s", (int)item.value.length, item.value.text);
        between = ", ";
    }
    if (between[0] == ',')
        put(to, "}, ");
}

static void put_metrics(line *to, const mt_exchange *exchange, const mt_asked *asked) {
    const char *between = "";
    int is_done = exchange->failure == MT_FAILURE_NONE;
    put(to, "\"metrics\": {");
    for (int i = 0; i < MT_MEASURES; i++) {
        double value;
        char text[40];
        if (!(is_done || mt_measures[i].also_failed) || !mt_measures[i].of(exchange, asked, &value))
            continue;
        mt_number_text(value, text);
        put(to, "%s\"%s\": {\"value\": %s, \"unit\": \"%s\"}", between, mt_measures[i].key, text,
            mt_measures[i].unit);
        between = ", ";
    }
    if (is_done && exchange->gap_count > 0 && exchange->gaps) {
        put(to, "%s\"inter_chunk_latency\": {\"value\": [", between);
        for (uint32_t i = 0; i < exchange->gap_count; i++)
            put(to, "%s%u.%04u", i > 0 ? ", " : "", exchange->gaps[i] / 10000,
                exchange->gaps[i] % 10000);
        put(to, "], \"unit\": \"ms\"}");
    }
    if (!is_done && asked->has_input)
        put(to, "%s\"error_isl\": {\"value\": %" PRIu64 ", \"unit\": \"tokens\"}", between,
            asked->input);
    put(to, "}, ");
}

static void put_error(line *to, const mt_exchange *exchange) {
    char name[32], text[MT_EXCHANGE_TEXT], message[6 * MT_EXCHANGE_TEXT + 2];
    if (exchange->failure == MT_FAILURE_NONE) {
        put(to, "\"error\": null}\n");
        return;
    }
    mt_results_failure_name(exchange->failure, exchange->status, name);
    mt_quote(exchange->text, strlen(exchange->text), text, sizeof text);
    size_t length = mt_json_encode(text, strlen(text), message);
    int is_cancelled =
        exchange->failure >= MT_FAILURE_CANCELLED_AFTER && exchange->failure != MT_FAILURE_NOT_SENT;
    char code[16] = "null";
    if (is_cancelled || exchange->status >= 400) /* 499: closed by the client */
        snprintf(code, sizeof code, "%d", is_cancelled ? 499 : exchange->status);
    put(to, "\"error\": {\"code\": %s, \"type\": \"%s\", \"message\": %.*s}}\n", code, name,
        (int)length, message);
}

mt_code mt_results_write_line(mt_output *output, const mt_exchange *exchange, const mt_asked *asked,
                              int64_t epoch_ns, const char *request_id, const char *correlation_id,
                              const char *conversation, size_t conversation_length,
                              mt_error *error) {
    int is_cancelled =
        exchange->failure >= MT_FAILURE_CANCELLED_AFTER && exchange->failure != MT_FAILURE_NOT_SENT;
    size_t room = LINE_ROOM + conversation_length + fields_room(asked->request) +
                  (size_t)exchange->gap_count * GAP_ROOM;
    char *text = mt_output_room(output, room, error);
    if (!text)
        return mt_code_of(error);
    line to = {text, text + room};
    put(&to,
        "{\"metadata\": {\"session_num\": %" PRIu64 ", \"x_request_id\": \"%s\", "
        "\"x_correlation_id\": \"%s\", \"conversation_id\": %.*s, \"turn_index\": %" PRIu64 ", ",
        asked->number, request_id, correlation_id, (int)conversation_length, conversation,
        asked->turn);
    put_moment(&to, "credit_issued_ns", exchange->due_ns, epoch_ns);
    put_moment(&to, "request_start_ns", exchange->begun_ns, epoch_ns);
    put_moment(&to, "request_sent_ns", exchange->sent_ns, epoch_ns);
    put_moment(&to, "request_ack_ns", exchange->first_byte_ns, epoch_ns);
    put_moment(&to, "request_end_ns", exchange->end_ns, epoch_ns);
    put_moment(&to, "cancellation_time_ns", is_cancelled ? exchange->end_ns : MT_NEVER, epoch_ns);
    if (exchange->failure != MT_FAILURE_NONE && exchange->contents > 0)
        put_moment(&to, "last_chunk_ns", exchange->last_content_ns, epoch_ns);
    put(&to, "\"worker_id\": \"driver\", \"record_processor_id\": \"moontide\", ");
    put_fields(&to, asked->request);
    put(&to,
        "\"benchmark_phase\": \"%s\", \"was_cancelled\": %s, \"trace_line\": %" PRIu64
        ", \"http_status\": %d, \"was_resent\": %s, \"saw_done\": %s, \"usage_said\": %s, "
        "\"chunks\": %" PRIu32 ", \"endpoint\": %d}, ",
        asked->is_outside ? "outside" : "profiling", truth(is_cancelled), asked->line,
        exchange->status, truth(exchange->noted & MT_WAS_RESENT),
        truth(exchange->noted & MT_SAW_DONE), truth(mt_usage_is_said(exchange)), exchange->contents,
        exchange->endpoint);
    put_metrics(&to, exchange, asked);
    put_error(&to, exchange);
    mt_output_advance(output, (size_t)(to.at - text));
    return MT_OK;
}
