/* The reader of profile_export.jsonl: one walk over the bytes of a line, which hands out its members
 * by tables of names. */
#include "drive/measure/requests_reading.h"

#include "base/file/input.h"
#include "base/interrupt.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>

static int read_members(mt_run_reading *self, mt_json_walk *of) {
    const mt_json *json = of->json;
    int has_failed = 0, has_metrics = 0, has_metadata = 0, status;
    uint8_t was_cancelled = 0;
    int64_t code = 0;
    while ((status = mt_json_walk_next(of)) > 0) {
        int went = 0;
        if (mt_json_walk_is(of, "metadata")) {
            has_metadata = 1;
            went = mt_run_read_metadata(self, json, &of->at, &was_cancelled);
        } else if (mt_json_walk_is(of, "metrics")) {
            has_metrics = 1;
            went = mt_run_read_metrics(self, json, &of->at);
        } else if (!mt_json_walk_is(of, "error")) {
            went = mt_json_walk_pass(of);
        } else if (!mt_json_take_null(of)) {
            has_failed = 1;
            went = mt_run_read_error(self, json, &of->at, &code);
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
        row->failure = (int16_t)mt_run_failure_of(mt_run_requests_text(self->requests, row->name),
                                                  code, was_cancelled);
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

static int read_line(mt_run_reading *self, const mt_json *json) {
    mt_run_requests *requests = self->requests;
    mt_json_walk of;
    if (grow_rows(requests) != 0)
        return mt_run_reading_no_memory(self);
    self->row = &requests->rows[requests->count];
    *self->row = (mt_run_request){
        .number = requests->count,
        .lacks_number = 1,
        .part = self->part,
        .usage_said = 1, /* unless the line denies it: other tools count by themselves */
        .due_ns = MT_NEVER,
        .begun_ns = MT_NEVER,
        .sent_ns = MT_NEVER,
        .answer_ns = MT_NEVER,
        .end_ns = MT_NEVER,
        .chunk_ns = MT_NEVER};
    for (int i = 0; i < MT_MEASURES; i++)
        if (requests->metrics[i])
            requests->metrics[i][requests->count] = NAN;
    if (requests->error_inputs)
        requests->error_inputs[requests->count] = NAN;
    size_t gaps = requests->gap_count;
    const char *at = mt_json_space(json, json->begin);
    if (mt_json_walk_begin(&of, json, at, '{', "an object: a request of a run") != 0 ||
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
static int add_line(mt_run_reading *self, const mt_line *line, uint64_t place, int *cut,
                    mt_error *error) {
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
    mt_run_reading self = {.requests = requests, .part = part};
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
