/* Traces of OpenTelemetry in JSON (OTLP), a line an export, as the collector's file exporter writes them:
 * each span of a call of a model is a request.
 *
 * By the conventions of generative AI (gen_ai.*), older and newer names, OpenInference's
 * (llm.token_count.*) and OpenLLMetry's (llm.request.type). Spans without a count of input tokens, and those
 * of agents, chains, tools and embeddings, are none: the spans of agents sum up what the calls below them
 * say. A call without a count of output tokens is a request without an output length. Calls of one
 * conversation (gen_ai.conversation.id, session.id) are turns of a session. */
#include "base/memory.h"
#include "trace/log/lines.h"

#include <string.h>

/* Where a request stands in its line. */
typedef struct span_found {
    mt_span time, input, output, model, session;
} span_found;

typedef struct otel_log {
    mt_log base;
    mt_json json; /* the line */
    uint64_t line;
    span_found *spans; /* of the line */
    size_t count, capacity, next;
    char *token, *model;
    size_t token_capacity, model_capacity;
} otel_log;

static void otel_close(mt_log *log) {
    otel_log *self = (otel_log *)log;
    mt_free(self->spans);
    mt_free(self->token);
    mt_free(self->model);
}

/* ---- a span ---- */

/* What an attribute is for; of those for one thing an earlier name goes before a later one. */
enum { INPUT, OUTPUT, MODEL, SESSION, OPERATION, ATTRIBUTES };

static const struct {
    const char *name;
    int place;
} names[] = {
    {"gen_ai.usage.input_tokens", INPUT},
    {"gen_ai.usage.prompt_tokens", INPUT},
    {"llm.token_count.prompt", INPUT},
    {"llm.usage.prompt_tokens", INPUT},
    {"gen_ai.usage.output_tokens", OUTPUT},
    {"gen_ai.usage.completion_tokens", OUTPUT},
    {"llm.token_count.completion", OUTPUT},
    {"llm.usage.completion_tokens", OUTPUT},
    {"gen_ai.request.model", MODEL},
    {"gen_ai.response.model", MODEL},
    {"llm.model_name", MODEL},
    {"gen_ai.conversation.id", SESSION},
    {"session.id", SESSION},
    {"gen_ai.operation.name", OPERATION},
    {"openinference.span.kind", OPERATION},
    {"llm.request.type", OPERATION},
};

enum { NAMES = sizeof names / sizeof *names };

/* The value of an attribute: {"stringValue":"a"}, {"intValue":"5"}; what is in it. */
static mt_span inside(const mt_json *json, mt_span value) {
    mt_json_items items;
    mt_json_item item;
    if (value.length == 0 || value.text[0] != '{' ||
        mt_json_items_begin(&items, json, value.text, '{', "an object") != 0 ||
        mt_json_items_next(&items, &item) <= 0)
        return (mt_span){"", 0};
    return item.value;
}

static void take_attributes(const mt_json *json, mt_span list, mt_span *found) {
    int rank[ATTRIBUTES];
    mt_json_items items;
    mt_json_item item;
    for (int i = 0; i < ATTRIBUTES; i++)
        rank[i] = NAMES;
    if (list.length == 0 || list.text[0] != '[' ||
        mt_json_items_begin(&items, json, list.text, '[', "a list") != 0)
        return;
    while (mt_json_items_next(&items, &item) > 0) {
        mt_span key = {"", 0}, value = {"", 0};
        const mt_line_member members[] = {{"key", &key}, {"value", &value}};
        if (item.value.text[0] != '{' ||
            mt_lines_members(json, item.value.text, members, 2, NULL) != 0 || key.length < 2)
            continue;
        for (int i = 0; i < NAMES; i++)
            if (i < rank[names[i].place] && key.length == strlen(names[i].name) + 2 &&
                memcmp(key.text + 1, names[i].name, key.length - 2) == 0) {
                rank[names[i].place] = i;
                found[names[i].place] = inside(json, value);
            }
    }
}

/* Is it a call of a model that makes text? Spans that do not say what they are may be. */
static int is_call(mt_span operation) {
    static const char *const calls[] = {
        "\"chat\"", "\"text_completion\"", "\"generate_content\"", "\"LLM\"",
        "\"llm\"",  "\"completion\"",      "\"responses\"",        "\"unknown\""};
    if (operation.length == 0)
        return 1;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (mt_json_same_text(operation, calls[i]))
            return 1;
    return 0;
}

static int add_span(otel_log *self, const char *at, mt_error *error) {
    mt_span time = {"", 0}, attributes = {"", 0}, found[ATTRIBUTES] = {{"", 0}};
    const mt_line_member members[] = {{"startTimeUnixNano", &time}, {"attributes", &attributes}};
    if (mt_lines_members(&self->json, at, members, 2, NULL) != 0)
        return 0; /* no object */
    take_attributes(&self->json, attributes, found);
    if (found[INPUT].length == 0 || !is_call(found[OPERATION]))
        return 0;
    if (MT_GROW(self->spans, self->capacity, self->count + 1) != 0)
        return mt_lines_no_memory(error);
    self->spans[self->count++] =
        (span_found){time, found[INPUT], found[OUTPUT], found[MODEL], found[SESSION]};
    return 0;
}

/* ---- a line ---- */

/* Goes down the lists `path[0]`, `path[1]`, ... of objects to the spans. 0 or -1 (memory). */
static int walk(otel_log *self, const char *at, const char *const *path, mt_error *error) {
    mt_span list = {"", 0};
    const mt_line_member member = {*path, &list};
    mt_json_items items;
    mt_json_item item;
    if (mt_lines_members(&self->json, at, &member, 1, NULL) != 0 || list.length == 0 ||
        list.text[0] != '[' ||
        mt_json_items_begin(&items, &self->json, list.text, '[', "a list") != 0)
        return 0;
    while (mt_json_items_next(&items, &item) > 0) {
        if (item.value.text[0] != '{')
            continue;
        int failed = path[1] ? walk(self, item.value.text, path + 1, error)
                             : add_span(self, item.value.text, error);
        if (failed)
            return -1;
    }
    return 0;
}

static int read_line(otel_log *self, mt_error *error) {
    static const char *const path[] = {"resourceSpans", "scopeSpans", "spans", NULL};
    static const char *const old_path[] = {"resourceSpans", "instrumentationLibrarySpans", "spans",
                                           NULL};
    const char *end;
    self->count = self->next = 0;
    int status = mt_lines_next(&self->base, &self->json, &self->line, error);
    if (status <= 0)
        return status;
    mt_error quiet;
    if (mt_lines_members(&self->json, self->json.begin, NULL, 0, &end) != 0) {
        if (self->line > 1)
            return mt_lines_bad_json(&self->base, self->line, error);
        quiet = *error; /* what a person laid out in many lines begins so */
        return mt_log_bad_row(&self->base, self->line, quiet.column, error,
                              "%s; an export stands in one line (jq -c makes one of many)",
                              quiet.message);
    }
    if (mt_lines_end(&self->base, &self->json, end, self->line, error) != 0)
        return -1;
    if (walk(self, self->json.begin, path, error) != 0 ||
        walk(self, self->json.begin, old_path, error) != 0)
        return -1;
    return 1;
}

/* ---- rows ---- */

/* A count, as a number or as the string that OTLP makes of it. */
static int take_count(otel_log *self, mt_span value, const char *name, uint64_t *count,
                      mt_error *error) {
    mt_span bare = value;
    if (bare.length >= 2 && bare.text[0] == '"')
        bare = (mt_span){bare.text + 1, bare.length - 2};
    if (bare.length > 0 && mt_json_count(bare, count) == 0)
        return 0;
    if (value.length == 0)
        return mt_log_bad_row(&self->base, self->line, 0, error, "%s of a span are missing", name);
    return mt_lines_bad_value(&self->base, &self->json, self->line, value, name,
                              "a whole number of at least 0", error);
}

static int otel_next(mt_log *log, mt_log_row *row, mt_error *error) {
    otel_log *self = (otel_log *)log;
    mt_request *request = &row->request;
    uint64_t time = 0;
    while (self->next == self->count) {
        int status = read_line(self, error);
        if (status <= 0)
            return status;
    }
    const span_found *one = &self->spans[self->next++];
    request->line = self->line;
    if (one->time.length == 0)
        return mt_log_bad_row(log, self->line, 0, error, "a span lacks startTimeUnixNano");
    if (take_count(self, one->time, "startTimeUnixNano", &time, error) != 0)
        return -1;
    if (time > INT64_MAX)
        return mt_lines_bad_value(log, &self->json, self->line, one->time, "startTimeUnixNano",
                                  "nanoseconds since 1970", error);
    request->time_ns = (int64_t)time;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    if (one->output.length > 0)
        request->has |= MT_HAS_OUTPUT_LENGTH;
    if (take_count(self, one->input, "the input tokens", &request->input_length, error) != 0 ||
        mt_log_check_prompt(log, request->input_length, "the prompt", self->line, error) != 0 ||
        (one->output.length > 0 &&
         take_count(self, one->output, "the output tokens", &request->output_length, error) != 0) ||
        mt_lines_text(one->model, &self->model, &self->model_capacity, &row->model, error) != 0)
        return -1;
    if (one->session.length > 2 && mt_lines_is_name(one->session)) {
        request->has |= MT_HAS_SESSION;
        if (mt_lines_token(one->session, &self->token, &self->token_capacity, &request->session,
                           error) != 0)
            return -1;
    }
    return 1;
}

static mt_code otel_open(mt_log *log, mt_error *error) {
    (void)error;
    log->has_model = log->has_dates = 1;
    return MT_OK;
}

static int otel_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"resourceSpans\"");
}

const mt_log_kind mt_log_otel = {
    .format = {.name = "otel", .title = "OpenTelemetry", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 0,
    .size = sizeof(otel_log),
    .recognises = otel_recognises,
    .member = "resourceSpans",
    .open = otel_open,
    .next = otel_next,
    .close = otel_close};
