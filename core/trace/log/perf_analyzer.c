/* What Perf Analyzer writes of a run for GenAI-Perf, its profile_export.json: all requests of all its experiments,
 * which follow one another, become the trace that the run was.
 *
 * An object has `experiments`, an experiment has `requests`, and a request its timestamp and its
 * response_timestamps (nanoseconds since 1970), its request_inputs and its response_outputs
 * (src/profile_data_exporter.cc of github.com/triton-inference-server/perf_analyzer). Inputs are a `payload`, the
 * body as JSON in a string, or Triton's own; outputs are a `response` each, a body or a piece of a stream of
 * events, or Triton's text_output or output_ids. Where the server counted (usage), its counts are the lengths;
 * else tokens are counted in the texts, of which the blocks are. A request whose answer says nothing failed: it
 * has no output length. The session is the inputs' session_id, else sequence_id; from the end of a session's
 * answer to its next request is that one's delay. The file is in memory as a whole. */
#include "base/memory.h"
#include "base/text.h"
#include "text/texts.h"
#include "trace/log/lines.h"
#include "trace/log/objects.h"
#include "trace/log/payload.h"
#include "trace/log/perf_answer.h"

/* No moment. */
#define NOTHING INT64_MIN

typedef struct perf_log {
    mt_log base;
    mt_json_list list;
    const char **requests; /* in the file's object */
    size_t count, capacity, next;
    mt_texts sessions;
    int64_t *ended; /* each session's last answer, or NOTHING */
    size_t ended_capacity;
    mt_speech speech;
    const char *at; /* what messages are about whose place is no place of the file */
    mt_text body;   /* a payload */
    mt_perf_answer answer;
    char *token, *model;
    size_t token_capacity, model_capacity;
} perf_log;

static int bad(perf_log *self, const char *at, mt_error *error, const char *message) {
    return mt_objects_bad(&self->base, &self->list, at, error, message);
}

static int bad_speech(mt_speech *speech, const char *at, mt_error *error, const char *message) {
    perf_log *self = (perf_log *)speech->log;
    return bad(self, self->at ? self->at : at, error, message);
}

static void perf_close(mt_log *log) {
    perf_log *self = (perf_log *)log;
    mt_json_list_free(&self->list);
    mt_free(self->requests);
    mt_texts_free(&self->sessions);
    mt_free(self->ended);
    mt_speech_free(&self->speech);
    mt_free(self->body.bytes);
    mt_perf_answer_free(&self->answer);
    mt_free(self->token);
    mt_free(self->model);
}

/* ---- which requests there are ---- */

static int read_file(perf_log *self, mt_error *error) {
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_span experiments = {"", 0};
    const mt_line_member member = {"experiments", &experiments};
    mt_json_items items, of_experiment;
    mt_json_item item, request;
    self->count = self->next = 0;
    if (mt_lines_members(&json, json.begin, &member, 1, NULL) != 0)
        return mt_objects_bad_json(&self->base, &self->list, error);
    if (experiments.length == 0 || !mt_json_items_of_list(&items, experiments))
        return bad(self, self->list.text, error,
                   "experiments is missing: this is no profile_export.json of Perf Analyzer");
    while (mt_json_items_next(&items, &item) > 0) {
        mt_span requests = {"", 0};
        const mt_line_member of = {"requests", &requests};
        if (mt_lines_is_object(item.value))
            (void)mt_lines_members(&json, item.value.text, &of, 1, NULL);
        if (requests.length == 0 || !mt_json_items_of_list(&of_experiment, requests))
            return bad(self, item.value.text, error, "an experiment lacks its requests");
        while (mt_json_items_next(&of_experiment, &request) > 0) {
            if (MT_GROW(self->requests, self->capacity, self->count + 1) != 0)
                return mt_lines_no_memory(error);
            self->requests[self->count++] = request.value.text;
        }
    }
    return 0;
}

/* ---- requests ---- */

/* When the last of the answer came; NOTHING: there was none. 0 or -1. */
static int take_end(perf_log *self, const char *at, mt_span times, int64_t *end, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    int64_t time;
    *end = NOTHING;
    if (!mt_json_items_of_list(&items, times))
        return 0;
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_objects_time(&self->base, &self->list, at, item.value, "a response's timestamp",
                            &time, error) != 0)
            return -1;
        if (time > *end)
            *end = time;
    }
    return 0;
}

static int take_session(perf_log *self, mt_span id, int64_t end, mt_request *request,
                        mt_error *error) {
    uint32_t number;
    mt_span name;
    if (!mt_lines_is_name(id))
        return 0;
    size_t known = self->sessions.count;
    if (mt_lines_token(id, &self->token, &self->token_capacity, &name, error) != 0)
        return -1;
    if (mt_texts_intern(&self->sessions, name.text, name.length, &number) != 0 ||
        MT_GROW(self->ended, self->ended_capacity, self->sessions.count) != 0)
        return mt_lines_no_memory(error);
    request->session = name;
    request->has |= MT_HAS_SESSION;
    if (number == known)
        self->ended[number] = NOTHING;
    if (self->ended[number] != NOTHING) {
        int64_t gap;
        request->has |= MT_HAS_DELAY;
        if (!__builtin_sub_overflow(request->time_ns, self->ended[number], &gap) && gap > 0)
            request->delay_ns = gap;
    }
    self->ended[number] = end;
    return 0;
}

/* Says the prompt, which is a body in a string or the inputs themselves. 0 or -1. */
static int take_inputs(perf_log *self, const mt_json *json, const char *at, mt_span inputs,
                       mt_span *session, mt_log_row *row, mt_error *error) {
    mt_span body = {"", 0};
    const mt_line_member members[] = {{"payload", &body}, {"session_id", session}};
    mt_json inside = *json;
    mt_payload payload;
    if (!mt_lines_is_object(inputs))
        return bad(self, at, error, "request_inputs is missing: what was sent is not known");
    (void)mt_lines_members(json, inputs.text, members, 2, NULL);
    *session = mt_payload_only(*session);
    body = mt_payload_only(body);
    const char *from = mt_lines_is_object(body) ? body.text : inputs.text;
    if (body.length > 0 && body.text[0] == '"') {
        self->at = body.text;
        self->body.length = 0;
        if (mt_perf_add_string(&self->body, body, error) != 0)
            return -1;
        inside = (mt_json){self->body.bytes, self->body.bytes + self->body.length, error};
        from = inside.begin;
    }
    if (from == self->body.bytes && self->body.length == 0)
        return bad(self, body.text, error, "payload must be a request, not \"\"");
    if (mt_payload_read(&inside, from, &payload) != 0)
        return mt_speech_bad_json(&self->speech, &inside, error);
    mt_speech_begin(&self->speech);
    if (mt_payload_say(&payload, &self->speech, &inside, from, error) != 0)
        return -1;
    return mt_lines_text(mt_payload_only(payload.model), &self->model, &self->model_capacity,
                         &row->model, error);
}

static int take_request(perf_log *self, const char *at, mt_log_row *row, mt_error *error) {
    mt_log *log = &self->base;
    mt_request *request = &row->request;
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_span time = {"", 0}, inputs = {"", 0}, outputs = {"", 0}, ends = {"", 0};
    mt_span sequence = {"", 0}, session = {"", 0};
    const mt_line_member members[] = {{"timestamp", &time},
                                      {"sequence_id", &sequence},
                                      {"request_inputs", &inputs},
                                      {"response_timestamps", &ends},
                                      {"response_outputs", &outputs}};
    const mt_perf_answer *of = &self->answer;
    int64_t end;
    self->at = NULL;
    if (*at != '{')
        return bad(self, at, error, "a request must be an object");
    (void)mt_lines_members(&json, at, members, sizeof members / sizeof *members, NULL);
    if (mt_objects_time(log, &self->list, at, time, "timestamp", &request->time_ns, error) != 0 ||
        take_end(self, at, ends, &end, error) != 0 ||
        mt_perf_answer_read(&self->answer, &json, outputs, error) != 0 ||
        take_inputs(self, &json, at, inputs, &session, row, error) != 0)
        return -1;
    request->has = MT_HAS_TIME;
    if (of->has_input) {
        request->input_length = of->input;
        request->has |= MT_HAS_INPUT_LENGTH;
    } else if (mt_speech_prompt(&self->speech, request, error) != 0) {
        return -1;
    }
    uint64_t said = self->speech.tokens;
    if (mt_speech_text(&self->speech, of->said.bytes, of->said.length, error) != 0 ||
        mt_objects_check_prompt(log, &self->list, at, request->input_length, error) != 0 ||
        take_session(self, session.length > 0 ? session : sequence, end, request, error) != 0)
        return -1;
    if (!of->has_failed && (of->has_output || of->said.length > 0)) {
        request->output_length = of->has_output ? of->output : self->speech.tokens - said;
        request->has |= MT_HAS_OUTPUT_LENGTH;
    }
    return 0;
}

static int perf_next(mt_log *log, mt_log_row *row, mt_error *error) {
    perf_log *self = (perf_log *)log;
    while (self->next == self->count) {
        int status = mt_json_list_next(&self->list, error);
        if (status <= 0)
            return status;
        if (read_file(self, error) != 0) {
            self->count = 0;
            return -1;
        }
    }
    const char *at = self->requests[self->next++];
    mt_json_list_locate(&self->list, at, &row->request.line, &(uint64_t){0});
    return take_request(self, at, row, error) == 0 ? 1 : -1;
}

static mt_code perf_open(mt_log *log, mt_error *error) {
    perf_log *self = (perf_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "object";
    self->speech = (mt_speech){.log = log, .bad = bad_speech};
    log->has_model = log->has_dates = 1;
    return MT_OK;
}

static int perf_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"experiments\"") &&
           mt_log_has_word(text, length, "\"experiment\"");
}

const mt_log_kind mt_log_perf_analyzer = {
    .format = {.name = "perf-analyzer", .title = "Perf Analyzer", .block_size = MT_LOG_BLOCK_SIZE},
    .has_texts = 1,
    .ids_are_of_texts = 1,
    .default_time_digits = 0,
    .size = sizeof(perf_log),
    .recognises = perf_recognises,
    .member = "experiments",
    .open = perf_open,
    .next = perf_next,
    .close = perf_close};
