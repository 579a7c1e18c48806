#include "drive/measure/requests_reading.h"

#include "base/memory.h"

#include <stddef.h>
#include <string.h>

/* ---- texts ---- */

static int intern(mt_run_reading *self, const char *text, size_t length, uint32_t *number) {
    if (mt_texts_intern(&self->requests->texts, text, length, number) != 0)
        return mt_run_reading_no_memory(self);
    ++*number;
    return 0;
}

/* The value, a string, without quotes and escapes, as a text. */
static int take_text(mt_json_walk *self, mt_run_reading *of, uint32_t *number) {
    const char *after = self->at < self->json->end && *self->at == '"'
                            ? mt_json_string(self->json, self->at)
                            : NULL;
    if (!after)
        return mt_json_refuse(self, "a string");
    size_t length = (size_t)(after - self->at);
    if (MT_GROW(of->text, of->text_capacity, length) != 0)
        return mt_run_reading_no_memory(of);
    length = mt_json_decode(self->at, length, of->text);
    self->at = after;
    return intern(of, of->text, length, number);
}

/* The value as it stands there. */
static int take_raw(mt_json_walk *self, mt_run_reading *of, uint32_t *number) {
    const char *begins = self->at;
    if (mt_json_take_null(self))
        return 0;
    return mt_json_walk_pass(self) != 0 ? -1
                                        : intern(of, begins, (size_t)(self->at - begins), number);
}

static int take_phase(mt_json_walk *self, mt_run_request *row) {
    static const char *const names[] = {"\"profiling\"", "\"outside\"", "\"warmup\""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mt_json_is(self->json, self->at, names[i], strlen(names[i]))) {
            self->at += strlen(names[i]);
            row->phase = (uint8_t)i;
            return 0;
        }
    return mt_json_refuse(self, "\"profiling\", \"outside\" or \"warmup\"");
}

static int take_fields(mt_json_walk *self, mt_run_reading *of) {
    const char *begins = self->at;
    if (*begins != '{')
        return mt_json_refuse(self, "an object");
    if (mt_json_walk_pass(self) != 0)
        return -1;
    return intern(of, begins + 1, (size_t)(self->at - begins) - 2, &of->row->fields);
}

/* ---- metadata ---- */

enum { NUMBER, COUNT, MOMENT, SMALL, PART, TRUTH, SESSION, PHASE, FIELDS };

static const struct field {
    const char *name;
    int kind;
    size_t place;
} fields[] = {
    {"session_num", NUMBER, offsetof(mt_run_request, number)},
    {"conversation_id", SESSION, 0},
    {"turn_index", COUNT, offsetof(mt_run_request, turn)},
    {"credit_issued_ns", MOMENT, offsetof(mt_run_request, due_ns)},
    {"request_start_ns", MOMENT, offsetof(mt_run_request, begun_ns)},
    {"request_sent_ns", MOMENT, offsetof(mt_run_request, sent_ns)},
    {"request_ack_ns", MOMENT, offsetof(mt_run_request, answer_ns)},
    {"request_end_ns", MOMENT, offsetof(mt_run_request, end_ns)},
    {"last_chunk_ns", MOMENT, offsetof(mt_run_request, chunk_ns)},
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

static int take_field(mt_json_walk *self, mt_run_reading *of, const struct field *field,
                      uint8_t *was_cancelled) {
    char *place = (char *)of->row + field->place;
    int64_t whole;
    if (mt_json_take_null(self)) /* as if it were not there */
        return 0;
    switch (field->kind) {
    case NUMBER:
    case COUNT:
        if (mt_json_take_whole(self, 0, 0, &whole) != 0)
            return -1;
        memcpy(place, &(uint64_t){(uint64_t)whole}, sizeof(uint64_t));
        if (field->kind == NUMBER)
            of->row->lacks_number = 0;
        return 0;
    case MOMENT:
        if (mt_json_take_whole(self, 0, INT64_MIN + 1, &whole) != 0)
            return -1;
        if (whole > INT64_MAX / 2 || whole < -(INT64_MAX / 2)) /* two of them have a difference */
            return mt_json_fail(self->json, self->at, "%s is no time since 1970", field->name), -1;
        memcpy(place, &whole, sizeof whole);
        return 0;
    case SMALL:
        if (mt_json_take_whole(self, 0, 0, &whole) != 0)
            return -1;
        if (whole > INT16_MAX)
            return mt_json_fail(self->json, self->at, "%s is too large", field->name), -1;
        memcpy(place, &(uint16_t){(uint16_t)whole}, sizeof(uint16_t));
        return 0;
    case PART:
        if (mt_json_take_whole(self, 0, 0, &whole) != 0)
            return -1;
        if (whole > UINT32_MAX)
            return mt_json_fail(self->json, self->at, "%s is too large", field->name), -1;
        memcpy(place, &(uint32_t){(uint32_t)whole}, sizeof(uint32_t));
        return 0;
    case TRUTH:
        return mt_json_take_truth(self, field->place ? (uint8_t *)place : was_cancelled);
    case SESSION:
        return take_raw(self, of, &of->row->session);
    case PHASE:
        return take_phase(self, of->row);
    default:
        return take_fields(self, of);
    }
}

int mt_run_read_metadata(mt_run_reading *self, const mt_json *json, const char **at,
                         uint8_t *was_cancelled) {
    mt_json_walk of;
    int status;
    if (mt_json_walk_begin(&of, json, *at, '{', "an object: the metadata of a request") != 0)
        return -1;
    while ((status = mt_json_walk_next(&of)) > 0) {
        int found = -1;
        for (int i = 0; found < 0 && i < FIELDS_KNOWN; i++) {
            int place = (self->field_hint + i) % FIELDS_KNOWN;
            if (mt_json_walk_is(&of, fields[place].name))
                found = place;
        }
        if (found >= 0)
            self->field_hint = (found + 1) % FIELDS_KNOWN;
        if ((found < 0 ? mt_json_walk_pass(&of)
                       : take_field(&of, self, &fields[found], was_cancelled)) != 0)
            return -1;
    }
    *at = of.at;
    return status;
}

/* ---- failures ---- */

int mt_run_failure_of(mt_span name, int64_t code, int was_cancelled) {
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

int mt_run_read_error(mt_run_reading *self, const mt_json *json, const char **at, int64_t *code) {
    mt_json_walk of;
    int status;
    if (mt_json_walk_begin(&of, json, *at, '{', "null or an object: the error of a request") != 0)
        return -1;
    while ((status = mt_json_walk_next(&of)) > 0) {
        if (mt_json_take_null(&of))
            continue;
        if ((mt_json_walk_is(&of, "code")      ? mt_json_take_whole(&of, 0, INT64_MIN + 1, code)
             : mt_json_walk_is(&of, "type")    ? take_text(&of, self, &self->row->name)
             : mt_json_walk_is(&of, "message") ? take_text(&of, self, &self->row->message)
                                               : mt_json_walk_pass(&of)) != 0)
            return -1;
    }
    *at = of.at;
    return status;
}
