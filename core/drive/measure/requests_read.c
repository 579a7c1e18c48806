/* The reader of profile_export.jsonl: one walk over the bytes of a line, which hands out its
 * members by tables of names. */
#include "drive/measure/requests.h"

#include "base/input.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "text/json_items.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- walking ------------------------------------------------------------------------------------ */

/* A walk over the members of an object, or the elements of a list, that stops at each value before
 * it was looked at; whoever takes the value moves `at` behind it. */
typedef struct walk {
    const mt_json *json;
    const char *at;
    mt_span name;
    char close;
    int has_begun;
} walk;

/* Begins at the bracket `open` at `at`: 0, or -1 with the error filled. */
static int begin(walk *self, const mt_json *json, const char *at, char open, const char *expected) {
    if (at >= json->end || *at != open)
        return mt_json_unexpected(json, at, expected), -1;
    *self = (walk){json, at + 1, {"", 0}, open == '{' ? '}' : ']', 0};
    return 0;
}

/* The next one: 1 at its value, 0 behind the bracket, -1. */
static int next(walk *self) {
    const mt_json *json = self->json;
    const char *at = mt_json_space(json, self->at);
    if (at < json->end && *at == self->close) {
        self->at = at + 1;
        return 0;
    }
    if (self->has_begun) {
        if (at >= json->end || *at != ',')
            return mt_json_unexpected(json, at, self->close == '}' ? "',' or '}'" : "',' or ']'"),
                   -1;
        at = mt_json_space(json, at + 1);
    }
    self->has_begun = 1;
    if (self->close == '}') {
        if (at >= json->end || *at != '"')
            return mt_json_unexpected(json, at, "a member's name in quotes"), -1;
        const char *after = mt_json_string(json, at);
        if (!after)
            return -1;
        self->name = (mt_span){at + 1, (size_t)(after - at) - 2};
        at = mt_json_space(json, after);
        if (at >= json->end || *at != ':')
            return mt_json_unexpected(json, at, "':'"), -1;
        at = mt_json_space(json, at + 1);
    }
    self->at = at;
    return 1;
}

static int is_named(const walk *self, const char *name) {
    return mt_json_same_text(self->name, name);
}

/* Moves behind the value: 0 or -1. */
static int pass(walk *self) {
    const char *after = mt_json_value(self->json, self->at);
    self->at = after ? after : self->at;
    return after ? 0 : -1;
}

/* Passes over null: 1; 0 when it is something else. */
static int take_null(walk *self) {
    if (!mt_json_is(self->json, self->at, "null", 4))
        return 0;
    self->at += 4;
    return 1;
}

static int refuse(const walk *self, const char *what) {
    char found[48];
    mt_json_fail(self->json, self->at, "%.*s must be %s, not %s", (int)self->name.length,
                 self->name.text, what, mt_json_quote(self->json, self->at, found, sizeof found));
    return -1;
}

/* A number as a double. Short ones need no strtod: both parts are exact (Clinger 1990). */
static int take_number(walk *self, double *value) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *at = self->at, *end = self->json->end, *first = at, *point = NULL;
    uint64_t digits = 0;
    for (; at < end && at - first < 16; at++) {
        if (*at >= '0' && *at <= '9')
            digits = 10 * digits + (uint64_t)(*at - '0');
        else if (*at == '.' && !point && at > first)
            point = at;
        else
            break;
    }
    int is_plain = at > first && (at == end || *at == ',' || *at == '}' || *at == ']') &&
                   at - first < 16 && point != at - 1 &&
                   (*first != '0' || at - first == 1 || point == first + 1);
    if (is_plain) {
        *value = (double)digits / powers[point ? at - point - 1 : 0];
        self->at = at;
        return 0;
    }
    const char *after = mt_json_number(self->json, self->at);
    if (!after)
        return refuse(self, "a number");
    *value = strtod(self->at, NULL);
    self->at = after;
    return isfinite(*value) ? 0 : refuse(self, "a finite number");
}

/* A whole number times 10^scale. */
static int take_whole(walk *self, int scale, int64_t least, int64_t *value) {
    const char *after = mt_json_number(self->json, self->at);
    if (!after || mt_decimal_whole(self->at, (size_t)(after - self->at), scale, value) != 0 ||
        *value < least)
        return refuse(self, least == 0 ? "a number of at least 0" : "a number of 64 bits");
    self->at = after;
    return 0;
}

static int take_truth(walk *self, uint8_t *value) {
    *value = (uint8_t)mt_json_is(self->json, self->at, "true", 4);
    if (!*value && !mt_json_is(self->json, self->at, "false", 5))
        return refuse(self, "true or false");
    self->at += *value ? 4 : 5;
    return 0;
}

/* ---- rows --------------------------------------------------------------------------------------- */

typedef struct reading {
    mt_run_requests *requests;
    mt_run_request *row; /* the one that is being read, behind the last */
    char *text;          /* a message without its escapes */
    size_t text_capacity;
    uint32_t part;
    int is_memory_out;
    int field_hint, metric_hint; /* where the next member was on the line before */
} reading;

static int out_of_memory(reading *self) {
    self->is_memory_out = 1;
    return -1;
}

static int intern(reading *self, const char *text, size_t length, uint32_t *number) {
    if (mt_texts_intern(&self->requests->texts, text, length, number) != 0)
        return out_of_memory(self);
    ++*number;
    return 0;
}

/* The value, a string, without quotes and escapes, as a text. */
static int take_text(walk *self, reading *of, uint32_t *number) {
    const char *after = self->at < self->json->end && *self->at == '"'
                            ? mt_json_string(self->json, self->at)
                            : NULL;
    if (!after)
        return refuse(self, "a string");
    size_t length = (size_t)(after - self->at);
    if (MT_GROW(of->text, of->text_capacity, length) != 0)
        return out_of_memory(of);
    length = mt_json_decode(self->at, length, of->text);
    self->at = after;
    return intern(of, of->text, length, number);
}

/* The value as it stands there. */
static int take_raw(walk *self, reading *of, uint32_t *number) {
    const char *begins = self->at;
    if (take_null(self))
        return 0;
    return pass(self) != 0 ? -1 : intern(of, begins, (size_t)(self->at - begins), number);
}

static int take_phase(walk *self, mt_run_request *row) {
    static const char *const names[] = {"\"profiling\"", "\"outside\"", "\"warmup\""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mt_json_is(self->json, self->at, names[i], strlen(names[i]))) {
            self->at += strlen(names[i]);
            row->phase = (uint8_t)i;
            return 0;
        }
    return refuse(self, "\"profiling\", \"outside\" or \"warmup\"");
}

static int take_fields(walk *self, reading *of) {
    const char *begins = self->at;
    if (*begins != '{')
        return refuse(self, "an object");
    if (pass(self) != 0)
        return -1;
    return intern(of, begins + 1, (size_t)(self->at - begins) - 2, &of->row->fields);
}

/* ---- metadata ----------------------------------------------------------------------------------- */

enum { COUNT, MOMENT, SMALL, PART, TRUTH, SESSION, PHASE, FIELDS };

static const struct field {
    const char *name;
    int kind;
    size_t place;
} fields[] = {
    {"session_num", COUNT, offsetof(mt_run_request, number)},
    {"conversation_id", SESSION, 0},
    {"turn_index", COUNT, offsetof(mt_run_request, turn)},
    {"credit_issued_ns", MOMENT, offsetof(mt_run_request, due_ns)},
    {"request_start_ns", MOMENT, offsetof(mt_run_request, begun_ns)},
    {"request_sent_ns", MOMENT, offsetof(mt_run_request, sent_ns)},
    {"request_ack_ns", MOMENT, offsetof(mt_run_request, answer_ns)},
    {"request_end_ns", MOMENT, offsetof(mt_run_request, end_ns)},
    {"fields", FIELDS, 0},
    {"benchmark_phase", PHASE, 0},
    {"trace_line", COUNT, offsetof(mt_run_request, line)},
    {"http_status", SMALL, offsetof(mt_run_request, status)},
    {"was_resent", TRUTH, offsetof(mt_run_request, was_resent)},
    {"saw_done", TRUTH, offsetof(mt_run_request, saw_done)},
    {"usage_said", TRUTH, offsetof(mt_run_request, usage_said)},
    {"chunks", COUNT, offsetof(mt_run_request, chunks)},
    {"endpoint", SMALL, offsetof(mt_run_request, endpoint)},
    {"was_cancelled", TRUTH, 0},
    {"shard", PART, offsetof(mt_run_request, part)},
};
enum { FIELDS_KNOWN = sizeof fields / sizeof *fields };

static int take_field(walk *self, reading *of, const struct field *field, uint8_t *was_cancelled) {
    char *place = (char *)of->row + field->place;
    int64_t whole;
    if (take_null(self)) /* as if it were not there */
        return 0;
    switch (field->kind) {
    case COUNT:
        if (take_whole(self, 0, 0, &whole) != 0)
            return -1;
        memcpy(place, &(uint64_t){(uint64_t)whole}, sizeof(uint64_t));
        return 0;
    case MOMENT:
        if (take_whole(self, 0, INT64_MIN + 1, &whole) != 0)
            return -1;
        memcpy(place, &whole, sizeof whole);
        return 0;
    case SMALL:
        if (take_whole(self, 0, 0, &whole) != 0)
            return -1;
        if (whole > INT16_MAX)
            return mt_json_fail(self->json, self->at, "%s is too large", field->name), -1;
        memcpy(place, &(uint16_t){(uint16_t)whole}, sizeof(uint16_t));
        return 0;
    case PART:
        if (take_whole(self, 0, 0, &whole) != 0)
            return -1;
        if (whole > UINT32_MAX)
            return mt_json_fail(self->json, self->at, "%s is too large", field->name), -1;
        memcpy(place, &(uint32_t){(uint32_t)whole}, sizeof(uint32_t));
        return 0;
    case TRUTH:
        return take_truth(self, field->place ? (uint8_t *)place : was_cancelled);
    case SESSION:
        return take_raw(self, of, &of->row->session);
    case PHASE:
        return take_phase(self, of->row);
    default:
        return take_fields(self, of);
    }
}

static int read_metadata(reading *self, const mt_json *json, const char **at,
                         uint8_t *was_cancelled) {
    walk of;
    int status;
    if (begin(&of, json, *at, '{', "an object: the metadata of a request") != 0)
        return -1;
    while ((status = next(&of)) > 0) {
        int found = -1;
        for (int i = 0; found < 0 && i < FIELDS_KNOWN; i++) {
            int place = (self->field_hint + i) % FIELDS_KNOWN;
            if (is_named(&of, fields[place].name))
                found = place;
        }
        if (found >= 0)
            self->field_hint = (found + 1) % FIELDS_KNOWN;
        if ((found < 0 ? pass(&of) : take_field(&of, self, &fields[found], was_cancelled)) != 0)
            return -1;
    }
    *at = of.at;
    return status;
}

/* ---- metrics ------------------------------------------------------------------------------------ */

/* Sets the row's value in a column, which is made when it has its first. */
static int set_metric(reading *self, double **column, double value) {
    mt_run_requests *requests = self->requests;
    if (!*column) {
        *column = mt_allocate(requests->capacity, sizeof **column);
        if (!*column)
            return out_of_memory(self);
        for (size_t i = 0; i < requests->count; i++)
            (*column)[i] = NAN;
    }
    (*column)[requests->count] = value;
    return 0;
}

static int take_gaps(walk *self, reading *of) {
    mt_run_requests *requests = of->requests;
    walk list;
    int status;
    if (begin(&list, self->json, self->at, '[', "a list of numbers") != 0)
        return -1;
    list.name = self->name;
    of->row->gap = requests->gap_count;
    while ((status = next(&list)) > 0) {
        int64_t units;
        if (take_whole(&list, 4, 0, &units) != 0)
            return -1;
        if (MT_GROW(requests->gaps, requests->gap_capacity, requests->gap_count + 1) != 0)
            return out_of_memory(of);
        requests->gaps[requests->gap_count++] = units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
        of->row->gap_count++;
    }
    self->at = list.at;
    return status;
}

/* What a value in this unit of time is to be multiplied with for milliseconds; 0: it is none. */
static double milliseconds_of(mt_span unit) {
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"sec", 1e3}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (unit.length == strlen(units[i].name) &&
            memcmp(unit.text, units[i].name, unit.length) == 0)
            return units[i].factor;
    return 0;
}

/* The members `value` and `unit` of a metric; place: of a metric of ours, -1: error_isl, -2: the
 * gaps. */
static int take_metric(walk *self, reading *of, int place) {
    walk members;
    double value = NAN, factor = 1;
    int status;
    if (begin(&members, self->json, self->at, '{', "an object with value and unit") != 0)
        return -1;
    while ((status = next(&members)) > 0) {
        const char *begins = members.at;
        if (is_named(&members, "value")) {
            if (take_null(&members))
                continue;
            members.name = self->name;
            if ((place == -2 ? take_gaps(&members, of) : take_number(&members, &value)) != 0)
                return -1;
        } else if (pass(&members) != 0) {
            return -1;
        } else if (is_named(&members, "unit") && place >= 0 && *begins == '"' &&
                   strcmp(mt_measures[place].unit, "ms") == 0) {
            mt_span unit = {begins + 1, (size_t)(members.at - begins) - 2};
            factor = milliseconds_of(unit);
            if (factor == 0)
                return mt_json_fail(self->json, begins, "%s: there is no unit of time '%.*s'",
                                    mt_measures[place].key, (int)unit.length, unit.text),
                       -1;
        }
    }
    self->at = members.at;
    if (status != 0 || isnan(value))
        return status;
    mt_run_requests *requests = of->requests;
    return set_metric(of, place < 0 ? &requests->error_inputs : &requests->metrics[place],
                      factor == 1 ? value : value * factor);
}

/* The place of the metric among ours, as take_metric has it; -3: there is none. */
static int metric_named(reading *self, const walk *at) {
    for (int i = 0; i < MT_MEASURES; i++) {
        int place = (self->metric_hint + i) % MT_MEASURES;
        if (is_named(at, mt_measures[place].key)) {
            self->metric_hint = (place + 1) % MT_MEASURES;
            return place;
        }
    }
    return is_named(at, "error_isl") ? -1 : is_named(at, "inter_chunk_latency") ? -2 : -3;
}

static int read_metrics(reading *self, const mt_json *json, const char **at) {
    walk of;
    int status;
    if (begin(&of, json, *at, '{', "an object: the metrics of a request") != 0)
        return -1;
    while ((status = next(&of)) > 0) {
        int place = metric_named(self, &of);
        if ((place == -3 ? pass(&of) : take_metric(&of, self, place)) != 0)
            return -1;
    }
    *at = of.at;
    return status;
}

/* ---- outcomes ----------------------------------------------------------------------------------- */

/* What a failure of this name and code was. "status_404" and "overload_429" are ours with their
 * status; other tools' names are known by their codes. */
static int failure_of(mt_span name, int64_t code, int was_cancelled) {
    char text[64];
    if (name.length < sizeof text) {
        memcpy(text, name.text, name.length);
        text[name.length] = '\0';
        int failure = mt_failure_by_name(text);
        if (failure > 0)
            return failure;
        if (strncmp(text, "status_", 7) == 0)
            return MT_FAILURE_STATUS;
        if (strncmp(text, "overload_", 9) == 0)
            return MT_FAILURE_OVERLOAD;
    }
    if (was_cancelled)
        return MT_FAILURE_CANCELLED_AFTER;
    if (code == 429 || code == 503 || code == 529)
        return MT_FAILURE_OVERLOAD;
    return code >= 400 && code <= 599 ? MT_FAILURE_STATUS : MT_FAILURE_OTHER;
}

static int read_error(reading *self, const mt_json *json, const char **at, int64_t *code) {
    walk of;
    int status;
    if (begin(&of, json, *at, '{', "null or an object: the error of a request") != 0)
        return -1;
    while ((status = next(&of)) > 0) {
        if (take_null(&of))
            continue;
        if ((is_named(&of, "code")      ? take_whole(&of, 0, INT64_MIN + 1, code)
             : is_named(&of, "type")    ? take_text(&of, self, &self->row->name)
             : is_named(&of, "message") ? take_text(&of, self, &self->row->message)
                                        : pass(&of)) != 0)
            return -1;
    }
    *at = of.at;
    return status;
}

/* ---- lines -------------------------------------------------------------------------------------- */

static int read_members(reading *self, walk *of) {
    const mt_json *json = of->json;
    int has_failed = 0, has_metrics = 0, has_metadata = 0, status;
    uint8_t was_cancelled = 0;
    int64_t code = 0;
    while ((status = next(of)) > 0) {
        int went = 0;
        if (is_named(of, "metadata")) {
            has_metadata = 1;
            went = read_metadata(self, json, &of->at, &was_cancelled);
        } else if (is_named(of, "metrics")) {
            has_metrics = 1;
            went = read_metrics(self, json, &of->at);
        } else if (!is_named(of, "error")) {
            went = pass(of);
        } else if (!take_null(of)) {
            has_failed = 1;
            went = read_error(self, json, &of->at, &code);
        }
        if (went != 0)
            return -1;
    }
    if (status == 0 && !(has_metadata && has_metrics))
        return mt_json_fail(json, json->begin, "this is no request of a run: it has no %s",
                            has_metadata ? "metrics" : "metadata"),
               -1;
    if (status == 0 && (has_failed || was_cancelled)) {
        mt_run_request *row = self->row;
        row->failure = (int16_t)failure_of(mt_run_requests_text(self->requests, row->name), code,
                                           was_cancelled);
        if (row->status == 0 && code >= 100 && code <= 599)
            row->status = (int16_t)code;
    }
    return status;
}

static int grow_rows(mt_run_requests *requests) {
    size_t capacity = requests->capacity;
    if (requests->count < capacity)
        return 0;
    capacity = capacity ? 2 * capacity : 256;
    double **columns[MT_MEASURES + 1] = {&requests->error_inputs};
    for (int i = 0; i < MT_MEASURES; i++)
        columns[i + 1] = &requests->metrics[i];
    for (int i = 0; i <= MT_MEASURES; i++) {
        double *larger = *columns[i] ? mt_reallocate(*columns[i], capacity, sizeof *larger) : NULL;
        if (*columns[i] && !larger)
            return -1;
        *columns[i] = larger;
    }
    mt_run_request *rows = mt_reallocate(requests->rows, capacity, sizeof *rows);
    if (!rows)
        return -1;
    requests->rows = rows;
    requests->capacity = capacity;
    return 0;
}

static int read_line(reading *self, const mt_json *json) {
    mt_run_requests *requests = self->requests;
    walk of;
    if (grow_rows(requests) != 0)
        return out_of_memory(self);
    self->row = &requests->rows[requests->count];
    *self->row = (mt_run_request){.number = requests->count,
                                  .part = self->part,
                                  .due_ns = MT_NEVER,
                                  .begun_ns = MT_NEVER,
                                  .sent_ns = MT_NEVER,
                                  .answer_ns = MT_NEVER,
                                  .end_ns = MT_NEVER};
    for (int i = 0; i < MT_MEASURES; i++)
        if (requests->metrics[i])
            requests->metrics[i][requests->count] = NAN;
    if (requests->error_inputs)
        requests->error_inputs[requests->count] = NAN;
    size_t gaps = requests->gap_count;
    const char *at = mt_json_space(json, json->begin);
    if (begin(&of, json, at, '{', "an object: a request of a run") != 0 ||
        read_members(self, &of) != 0) {
        requests->gap_count = gaps;
        return -1;
    }
    at = mt_json_space(json, of.at);
    if (at < json->end) {
        mt_json_unexpected(json, at, "the end of the line");
        requests->gap_count = gaps;
        return -1;
    }
    return 0;
}

/* The line, which stands at byte `place` of its file: 1, 0 when it is cut and that may be, -1. */
static int add_line(reading *self, const mt_line *line, uint64_t place, int *cut, mt_error *error) {
    mt_run_requests *requests = self->requests;
    mt_json json = {line->text, line->text + line->length, error};
    if (read_line(self, &json) == 0) {
        self->row->place = place;
        self->row->length = line->length;
        requests->count++;
        return 1;
    }
    if (self->is_memory_out)
        return mt_failed(mt_fail_memory(error, "requests of a run"));
    if (line->terminated)
        return -1;
    if (cut) {
        *cut = 1;
        return 0;
    }
    mt_fail_at(error, MT_ERROR_INPUT, NULL, line->number, 0,
               "the file ends within this line: it is cut (%llu whole lines are before it)",
               (unsigned long long)(line->number - 1));
    return -1;
}

mt_code mt_run_requests_read(mt_run_requests *requests, const char *path, uint32_t part, int *cut,
                             mt_error *error) {
    enum { LOOK_EVERY = 256 };
    reading self = {.requests = requests, .part = part};
    mt_error own, *filled = error ? error : &own;
    mt_input *input = mt_input_open(path, filled);
    mt_line line;
    uint64_t place = 0;
    int status;
    if (!input)
        return filled->code;
    while ((status = mt_input_line(input, &line, filled)) > 0) {
        if (line.number % LOOK_EVERY == 0 && mt_interrupted()) {
            status = mt_failed(mt_fail(filled, MT_ERROR_INTERRUPTED, "interrupted"));
            break;
        }
        if (line.length > 0 && (status = add_line(&self, &line, place, cut, filled)) <= 0) {
            if (status < 0 && filled->code == MT_ERROR_INPUT) {
                filled->line = line.number;
                snprintf(filled->source, sizeof filled->source, "%s", mt_input_name(input));
            }
            break;
        }
        place += line.length + 1;
    }
    mt_input_close(input);
    mt_free(self.text);
    return status < 0 ? filled->code : MT_OK;
}
