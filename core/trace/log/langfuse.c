/* Observations exported from Langfuse: each generation is a request.
 *
 * As JSON lines or a list (the export of its tables and to blob storage), pages of its API ({"data": [...]}), a
 * trace with its observations, or CSV, whose fields are the same texts. Names are those of the tables and the
 * API (startTime, usageDetails) or of the blob storage (start_time, usage_details): langfuse.com, "Blob storage
 * export field reference", and transformStreamToCsv.ts and observation-stream.ts of github.com/langfuse/langfuse.
 *
 * The usage is counts by name: those with "input" in the name make the prompt, those with "output" the answer,
 * for they do not overlap (langfuse.com, "Token and cost tracking"). Where the total is that of `input` and
 * `output` alone, the writer counted the others within these. Observations of another type than GENERATION are
 * no requests; a generation without usage is a bad row. The session is the observation's, else that of the
 * trace that it stands in, else the trace itself: the calls of a trace are its turns. */
#include "base/memory.h"
#include "base/text.h"
#include "text/csv_field.h"
#include "text/csv_reader.h"
#include "text/json_items.h"
#include "text/json_list.h"
#include "trace/log/lines.h"

#include <string.h>

/* What a member is for; of those for one thing an earlier name goes before a later one. */
enum { START, TYPE, MODEL, SESSION, TRACE, USAGE, INPUT, OUTPUT, PLACES };

static const struct {
    const char *name;
    int place;
} names[] = {
    {"startTime", START},     {"start_time", START},        {"type", TYPE},
    {"model", MODEL},         {"providedModelName", MODEL}, {"provided_model_name", MODEL},
    {"sessionId", SESSION},   {"session_id", SESSION},      {"traceId", TRACE},
    {"trace_id", TRACE},      {"usageDetails", USAGE},      {"usage_details", USAGE},
    {"usage", USAGE},         {"inputUsage", INPUT},        {"promptTokens", INPUT},
    {"inputTokens", INPUT},   {"outputUsage", OUTPUT},      {"completionTokens", OUTPUT},
    {"outputTokens", OUTPUT},
};

enum { NAMES = sizeof names / sizeof *names, QUOTE_SIZE = 64 };

typedef struct langfuse_log {
    mt_log base;
    mt_json_list list;
    mt_json_items inner; /* observations in the object of the list, */
    int is_inner;        /* which are not all given out; */
    mt_span outer;       /* and its session */
    mt_csv_reader *csv;  /* NULL: JSON */
    ptrdiff_t columns[PLACES];
    uint64_t line; /* of the CSV's row */
    char *token, *model;
    size_t token_capacity, model_capacity;
} langfuse_log;

static void langfuse_close(mt_log *log) {
    langfuse_log *self = (langfuse_log *)log;
    mt_json_list_free(&self->list);
    mt_csv_close(self->csv);
    mt_free(self->token);
    mt_free(self->model);
}

/* ---- messages ---- */

/* Fails about the value, or about the object that begins at `at`. -1. */
static int bad(langfuse_log *self, const char *at, mt_error *error, const char *message) {
    uint64_t line = self->line, column = 0;
    if (!self->csv)
        mt_json_list_locate(&self->list, at, &line, &column);
    return mt_log_bad_row(&self->base, line, column, error, "%s", message);
}

static int bad_value(langfuse_log *self, mt_span value, const char *name, const char *want,
                     mt_error *error) {
    char quoted[QUOTE_SIZE], message[3 * QUOTE_SIZE];
    mt_text_writer writer = {message, sizeof message, 0};
    mt_write_text(&writer, name);
    mt_write_text(&writer, " must be ");
    mt_write_text(&writer, want);
    mt_write_text(&writer, ", not ");
    mt_write_text(&writer, mt_quote(value.text, value.length, quoted, sizeof quoted));
    return bad(self, value.text, error, mt_text_written(&writer));
}

/* ---- values ---- */

/* Without the quotes of a JSON string; an escape in it stays one: no time and no number has any. */
static mt_span bare(const langfuse_log *self, mt_span value) {
    if (!self->csv && value.length >= 2 && value.text[0] == '"')
        return (mt_span){value.text + 1, value.length - 2};
    return mt_span_trimmed(value);
}

static int has_word(mt_span name, const char *word) {
    return mt_log_has_word(name.text, name.length, word);
}

/* A count, which may stand in quotes, as 64 bits do in some exports. 0 or -1. */
static int take_count(langfuse_log *self, mt_span value, const char *name, uint64_t *count,
                      mt_error *error) {
    mt_span plain = value;
    int64_t number;
    if (plain.length >= 2 && plain.text[0] == '"')
        plain = (mt_span){plain.text + 1, plain.length - 2};
    if (mt_csv_integer(plain.text, plain.length, &number) != 0 || number < 0)
        return bad_value(self, value, name, "whole numbers of at least 0", error);
    *count = (uint64_t)number;
    return 0;
}

/* What the usage says. */
typedef struct usage {
    uint64_t input, output, total;    /* of these names; */
    uint64_t all_inputs, all_outputs; /* and with all that are like them */
    int has_input, has_output, has_total;
} usage;

static int add(uint64_t *sum, uint64_t count) {
    return __builtin_add_overflow(*sum, count, sum);
}

/* 0 or -1. In a CSV the usage is JSON in a field, which nobody has checked. */
static int take_usage(langfuse_log *self, mt_span value, usage *of, mt_error *error) {
    mt_json json = {value.text, value.text + value.length, error};
    mt_json_items items;
    mt_json_item item;
    int status = 0;
    if (value.text[0] != '{' ||
        mt_json_items_begin(&items, &json, value.text, '{', "an object") != 0)
        return bad_value(self, value, "the usage", "an object of counts", error);
    while ((status = mt_json_items_next(&items, &item)) > 0) {
        uint64_t count = 0;
        int is_input = has_word(item.name, "input"), is_output = has_word(item.name, "output");
        int is_total = mt_json_named(&item, "total");
        if (mt_json_is_null(item.value) || !(is_input || is_output || is_total))
            continue;
        if (take_count(self, item.value, "the usage's counts", &count, error) != 0)
            return -1;
        if (is_total) {
            of->total = count;
            of->has_total = 1;
        }
        if (mt_json_named(&item, "input"))
            of->input = count;
        if (mt_json_named(&item, "output"))
            of->output = count;
        if ((is_input && add(&of->all_inputs, count)) ||
            (is_output && add(&of->all_outputs, count)))
            return bad(self, item.value.text, error, "the sum of the usage is 2^64 or more");
        of->has_input |= is_input;
        of->has_output |= is_output;
    }
    return status < 0 || mt_json_space(&json, items.at) != json.end
               ? bad_value(self, value, "the usage", "an object of counts", error)
               : 0;
}

static int take_tokens(langfuse_log *self, const char *at, const mt_span *found,
                       mt_request *request, mt_error *error) {
    usage of = {0};
    uint64_t named = 0;
    if (found[USAGE].length > 0 && take_usage(self, found[USAGE], &of, error) != 0)
        return -1;
    if (!of.has_input && found[INPUT].length > 0) {
        of.has_input = 1;
        if (take_count(self, found[INPUT], "the input tokens", &of.all_inputs, error) != 0)
            return -1;
    }
    if (!of.has_output && found[OUTPUT].length > 0) {
        of.has_output = 1;
        if (take_count(self, found[OUTPUT], "the output tokens", &of.all_outputs, error) != 0)
            return -1;
    }
    if (!of.has_input)
        return bad(self, at, error, "a generation lacks its usage of input tokens");
    int is_within = of.has_total && of.input > 0 && !add(&named, of.input) &&
                    !add(&named, of.output) && named == of.total;
    request->input_length = is_within ? of.input : of.all_inputs;
    request->output_length = is_within ? of.output : of.all_outputs;
    request->has |= MT_HAS_INPUT_LENGTH | (of.has_output ? MT_HAS_OUTPUT_LENGTH : 0);
    return 0;
}

/* The session as a token. 0 or -1. */
static int take_session(langfuse_log *self, const mt_span *found, mt_request *request,
                        mt_error *error) {
    enum { LONGEST_ESCAPE = 6 };
    mt_span name = found[SESSION].length > 0                  ? found[SESSION]
                   : self->is_inner && self->outer.length > 0 ? self->outer
                                                              : found[TRACE];
    if (name.length == 0)
        return 0;
    if (!self->csv && name.text[0] != '"')
        return bad_value(self, name, "the session", "a string", error);
    request->has |= MT_HAS_SESSION;
    if (!self->csv)
        return mt_lines_token(name, &self->token, &self->token_capacity, &request->session, error);
    if (MT_GROW(self->token, self->token_capacity, LONGEST_ESCAPE * name.length + 2) != 0)
        return mt_lines_no_memory(error);
    size_t length = mt_json_encode(name.text, name.length, self->token);
    mt_json quiet = {self->token, self->token + length, NULL};
    if (!mt_json_string(&quiet, self->token))
        return bad_value(self, name, "the session", "UTF-8", error);
    request->session = (mt_span){self->token, length};
    return 0;
}

/* ---- observations ---- */

/* Null, or an empty text? */
static int is_none(const langfuse_log *self, mt_span value) {
    return value.length == 0 ||
           (!self->csv && (mt_json_is_null(value) || (value.length == 2 && value.text[0] == '"')));
}

/* A request: 1; 0 for what is none, -1. */
static int take_observation(langfuse_log *self, const char *at, mt_span *found, mt_log_row *row,
                            mt_error *error) {
    mt_request *request = &row->request;
    for (int i = 0; i < PLACES; i++)
        if (is_none(self, found[i]))
            found[i] = (mt_span){"", 0};
    mt_span type = bare(self, found[TYPE]), time = bare(self, found[START]);
    if (type.length > 0 && !(type.length == 10 && memcmp(type.text, "GENERATION", 10) == 0))
        return 0;
    if (time.length == 0)
        return bad(self, at, error, "startTime is missing");
    if (mt_csv_date_time(time.text, time.length, &request->time_ns) != 0)
        return bad_value(self, found[START], "startTime", "a date", error);
    request->has = MT_HAS_TIME;
    if (take_tokens(self, at, found, request, error) != 0)
        return -1;
    if (!mt_log_prompt_fits(&self->base, request->input_length))
        return bad(self, at, error, "the prompt is too large");
    row->model = found[MODEL];
    if (!self->csv &&
        mt_lines_text(found[MODEL], &self->model, &self->model_capacity, &row->model, error) != 0)
        return -1;
    return take_session(self, found, request, error) == 0 ? 1 : -1;
}

/* The members of an object, and where it has a list of observations that list. 0 or -1. */
static int find_members(langfuse_log *self, const mt_json *json, const char *at, mt_span *found,
                        mt_span *list, mt_error *error) {
    int rank[PLACES];
    mt_json_items items;
    mt_json_item item;
    for (int i = 0; i < PLACES; i++)
        rank[i] = NAMES;
    int status = mt_json_items_begin(&items, json, at, '{', "an observation ('{')");
    while (status == 0 && (status = mt_json_items_next(&items, &item)) > 0) {
        for (int i = 0; i < NAMES; i++)
            if (i <= rank[names[i].place] && !mt_json_is_null(item.value) &&
                mt_json_named(&item, names[i].name)) {
                rank[names[i].place] = i;
                found[names[i].place] = item.value;
            }
        if (list && item.value.text[0] == '[' &&
            (mt_json_named(&item, "data") || mt_json_named(&item, "observations")))
            *list = item.value;
        status = 0;
    }
    if (status == 0)
        return 0;
    uint64_t line, column;
    mt_error copy = *error;
    mt_json_list_locate(&self->list, self->list.text + (copy.column ? copy.column - 1 : 0), &line,
                        &column);
    return mt_log_bad_row(&self->base, line, column, error, "%s", copy.message);
}

/* 1, 0 for what is no request, -1; *is_end: there are no more. */
static int next_json(langfuse_log *self, mt_log_row *row, int *is_end, mt_error *error) {
    mt_span found[PLACES] = {{"", 0}}, list = {"", 0};
    mt_json_item item;
    const char *at;
    mt_json json;
    if (self->is_inner) {
        self->inner.json.error = error; /* that of the call which began the list is gone */
        if (mt_json_items_next(&self->inner, &item) <= 0)
            return self->is_inner = 0; /* its JSON is checked */
        at = item.value.text;
        json = self->inner.json;
        if (find_members(self, &json, at, found, NULL, error) != 0)
            return -1;
    } else {
        int status = mt_json_list_next(&self->list, error);
        *is_end = status == 0;
        if (status <= 0)
            return status;
        at = self->list.text;
        json = (mt_json){at, at + self->list.text_length, error};
        if (find_members(self, &json, at, found, &list, error) != 0)
            return -1;
        if (list.length > 0 && found[START].length == 0) {
            self->outer = is_none(self, found[SESSION]) ? (mt_span){"", 0} : found[SESSION];
            self->is_inner =
                mt_json_items_begin(&self->inner, &json, list.text, '[', "a list") == 0;
            return 0;
        }
    }
    mt_json_list_locate(&self->list, at, &row->request.line, &(uint64_t){0});
    return take_observation(self, at, found, row, error);
}

static int next_of_csv(langfuse_log *self, mt_log_row *row, int *is_end, mt_error *error) {
    mt_span found[PLACES] = {{"", 0}};
    mt_csv_row fields;
    int status = mt_csv_next(self->csv, &fields, error);
    *is_end = status == 0;
    if (status < 0)
        self->base.bad_row = mt_csv_recover(self->csv);
    if (status <= 0)
        return status;
    self->line = row->request.line = fields.line;
    for (int i = 0; i < PLACES; i++)
        if (self->columns[i] >= 0)
            found[i] = mt_span_trimmed(fields.fields[self->columns[i]]);
    return take_observation(self, NULL, found, row, error);
}

static int langfuse_next(mt_log *log, mt_log_row *row, mt_error *error) {
    langfuse_log *self = (langfuse_log *)log;
    int is_end = 0, status;
    do {
        status = self->csv ? next_of_csv(self, row, &is_end, error)
                           : next_json(self, row, &is_end, error);
    } while (status == 0 && !is_end);
    return status;
}

/* ---- opening ---- */

static mt_code find_columns(langfuse_log *self, mt_error *error) {
    const mt_csv_row *header = mt_csv_header(self->csv);
    for (int i = 0; i < PLACES; i++)
        self->columns[i] = MT_CSV_NONE;
    for (int i = NAMES - 1; i >= 0; i--) {
        ptrdiff_t column = mt_csv_column(self->csv, names[i].name, strlen(names[i].name));
        if (column == MT_CSV_SEVERAL)
            return mt_fail_at(error, MT_ERROR_INPUT, self->base.name, header->line, 0,
                              "several columns are called '%s'", names[i].name);
        if (column >= 0)
            self->columns[names[i].place] = column;
    }
    if (self->columns[START] < 0 || (self->columns[USAGE] < 0 && self->columns[INPUT] < 0))
        return mt_fail_at(error, MT_ERROR_INPUT, self->base.name, header->line, 0,
                          "this is no export of Langfuse's observations: there is no column %s",
                          self->columns[START] < 0 ? "startTime" : "usageDetails");
    return MT_OK;
}

static mt_code langfuse_open(mt_log *log, mt_error *error) {
    langfuse_log *self = (langfuse_log *)log;
    const char *text;
    size_t length;
    if (mt_input_peek(log->input, &text, &length, error) < 0)
        return mt_code_of(error);
    mt_json json = {text, text + length, NULL};
    const char *first = mt_json_space(&json, text);
    log->has_model = log->has_dates = 1;
    if (first == json.end || *first == '{' || *first == '[') {
        self->list.input = log->input;
        self->list.what = "observation";
        return MT_OK;
    }
    mt_input *input = log->input;
    log->input = NULL;
    self->csv = mt_csv_open_input(input, '\0', error);
    if (!self->csv)
        return mt_code_of(error);
    return find_columns(self, error);
}

static int langfuse_recognises(const char *text, size_t length) {
    return (mt_log_has_word(text, length, "\"traceId\"") &&
            mt_log_has_word(text, length, "\"startTime\"")) ||
           (mt_log_has_word(text, length, "\"trace_id\"") &&
            mt_log_has_word(text, length, "\"start_time\""));
}

static int langfuse_recognises_header(const char *text, size_t length) {
    static const char *const words[][6] = {
        {"startTime", "start_time"},
        {"traceId", "trace_id"},
        {"usageDetails", "usage_details", "inputUsage", "promptTokens", "inputTokens"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        int found = 0;
        for (size_t j = 0; words[i][j]; j++)
            found |= mt_log_has_word(text, length, words[i][j]);
        if (!found)
            return 0;
    }
    return 1;
}

const mt_log_kind mt_log_langfuse = {
    .format = {.name = "langfuse", .title = "Langfuse", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 9,
    .size = sizeof(langfuse_log),
    .recognises = langfuse_recognises,
    .recognises_header = langfuse_recognises_header,
    .member = "traceId",
    .open = langfuse_open,
    .next = langfuse_next,
    .close = langfuse_close};
