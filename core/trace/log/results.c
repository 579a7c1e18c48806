/* The results of a run, a line a request, as AIPerf's profile_export.jsonl and ours: the run becomes
 * the trace that it was.
 *
 * A session is one of x_correlation_id, and is called by its conversation_id. A run that is longer than
 * its data begins conversations anew, each time with another x_correlation_id: the second time it is
 * called "NAME/2", as sessions of a second trace are. About 100 bytes a session are kept. */
#include "base/memory.h"
#include "text/texts.h"
#include "trace/log/lines.h"

typedef struct results_log {
    mt_log base;
    mt_text name, both; /* the session's, a token; with its correlation */
    mt_texts names, sessions;
    uint32_t *times;       /* how often each name has begun */
    uint32_t *of_sessions; /* which time each session is */
    size_t time_capacity, session_capacity;
    char *token;
    size_t token_capacity;
} results_log;

enum { MOST_MEMBERS = 5 };

/* The values of named members of an object; those that are not there stay empty. 0, or -1 when it is
 * no object. */
static int members_of(mt_json *json, mt_span object, const char *const names[MOST_MEMBERS],
                      mt_span values[MOST_MEMBERS], const char **end) {
    mt_json_items items;
    mt_json_item item;
    int status = mt_json_items_begin(&items, json, object.text, '{', "an object ('{')");
    if (status != 0)
        return -1;
    while ((status = mt_json_items_next(&items, &item)) > 0)
        for (int i = 0; i < MOST_MEMBERS && names[i]; i++)
            if (mt_json_named(&item, names[i]))
                values[i] = item.value;
    if (end)
        *end = items.at;
    return status;
}

/* The number in {"value": 550, "unit": "tokens"}; empty where there is no such metric. 0 or -1. */
static int value_of(mt_json *json, mt_span metric, mt_span *value) {
    static const char *const names[MOST_MEMBERS] = {"value"};
    mt_span values[MOST_MEMBERS] = {{"", 0}};
    if (metric.length > 0 && members_of(json, metric, names, values, NULL) != 0)
        return -1;
    *value = values[0];
    return 0;
}

/* Which time the conversation of that name is had, from 1. 0 or -1 (memory). */
static int take_time_of(results_log *self, mt_span name, mt_span correlation, uint32_t *time) {
    uint32_t number, session;
    size_t known_names = self->names.count, known = self->sessions.count;
    self->both.length = 0;
    if (mt_text_add(&self->both, name.text, name.length) != 0 ||
        mt_text_add(&self->both, ",", 1) != 0 || /* 1 and 23 are not 12 and 3 */
        mt_text_add(&self->both, correlation.text, correlation.length) != 0 ||
        mt_texts_intern(&self->names, name.text, name.length, &number) != 0 ||
        MT_GROW(self->times, self->time_capacity, self->names.count) != 0 ||
        mt_texts_intern(&self->sessions, self->both.bytes, self->both.length, &session) != 0 ||
        MT_GROW(self->of_sessions, self->session_capacity, self->sessions.count) != 0)
        return -1;
    if (number == known_names)
        self->times[number] = 0;
    if (session == known)
        self->of_sessions[session] = ++self->times[number];
    *time = self->of_sessions[session];
    return 0;
}

static int take_session(results_log *self, mt_span id, mt_span correlation, mt_request *request,
                        mt_error *error) {
    uint32_t time = 1;
    if (!mt_lines_is_name(id))
        return 1;
    if (mt_lines_token(id, &self->token, &self->token_capacity, &request->session, error) != 0)
        return -1;
    request->has |= MT_HAS_SESSION;
    if (mt_lines_is_name(correlation) &&
        take_time_of(self, request->session, correlation, &time) != 0)
        return mt_lines_no_memory(error);
    return mt_lines_token_again(&request->session, time, &self->name, error) != 0 ? -1 : 1;
}

/* 1; 0 for a request of the warm-up; -1. */
static int take_row(results_log *self, mt_json *json, uint64_t line, mt_request *request,
                    mt_error *error) {
    static const char *const parts[MOST_MEMBERS] = {"metadata", "metrics", "payload"};
    static const char *const said[MOST_MEMBERS] = {"credit_issued_ns", "request_start_ns",
                                                   "conversation_id", "benchmark_phase",
                                                   "x_correlation_id"};
    static const char *const wanted[MOST_MEMBERS] = {"input_sequence_length",
                                                     "output_sequence_length", "error_isl"};
    mt_log *log = &self->base;
    mt_span part[MOST_MEMBERS] = {{"", 0}}, meta[MOST_MEMBERS] = {{"", 0}};
    mt_span metrics[MOST_MEMBERS] = {{"", 0}}, input, output, error_input;
    const char *end = NULL;
    if (members_of(json, (mt_span){json->begin, 0}, parts, part, &end) != 0)
        return mt_lines_bad_json(log, line, error);
    if (mt_lines_end(log, json, end, line, error) != 0)
        return -1;
    if (part[0].length == 0 || part[1].length == 0)
        return mt_log_bad_row(log, line, 0, error, "%s is missing%s",
                              part[0].length == 0 ? "metadata" : "metrics",
                              part[2].length > 0 ? " (of AIPerf's raw records profile_export.jsonl "
                                                   "beside them has the lengths)"
                                                 : "");
    if (members_of(json, part[0], said, meta, NULL) != 0 ||
        (!mt_json_is_null(part[1]) && members_of(json, part[1], wanted, metrics, NULL) != 0) ||
        value_of(json, metrics[0], &input) != 0 || value_of(json, metrics[1], &output) != 0 ||
        value_of(json, metrics[2], &error_input) != 0)
        return mt_lines_bad_json(log, line, error);
    if (input.length == 0) /* of a request that failed */
        input = error_input;
    if (meta[3].length > 0 && mt_log_has_word(meta[3].text, meta[3].length, "\"warmup\""))
        return 0;
    mt_span time = meta[0].length > 0 && !mt_json_is_null(meta[0]) ? meta[0] : meta[1];
    if (mt_lines_time(log, json, line, time, &request->time_ns, error) != 0 ||
        mt_lines_count(log, json, line, input, "input_sequence_length", &request->input_length,
                       error) != 0 ||
        mt_log_check_prompt(log, request->input_length, "input_sequence_length", line, error) != 0)
        return -1;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    /* A request that failed has no answer. */
    if (output.length > 0 && mt_lines_output(log, json, line, output, request, error) != 0)
        return -1;
    return take_session(self, meta[2], meta[4], request, error);
}

static int results_next(mt_log *log, mt_log_row *row, mt_error *error) {
    results_log *self = (results_log *)log;
    mt_json json;
    for (;;) {
        uint64_t line;
        int status = mt_lines_next(log, &json, &line, error);
        if (status <= 0)
            return status;
        row->request.line = line;
        if ((status = take_row(self, &json, line, &row->request, error)) != 0)
            return status;
    }
}

static void results_close(mt_log *log) {
    results_log *self = (results_log *)log;
    mt_free(self->token);
    mt_free(self->name.bytes);
    mt_free(self->both.bytes);
    mt_free(self->times);
    mt_free(self->of_sessions);
    mt_texts_free(&self->names);
    mt_texts_free(&self->sessions);
}

/* AIPerf's raw records are known too, and refused with where the lengths are. */
static int results_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"metadata\"") &&
           (mt_log_has_word(text, length, "\"metrics\"") ||
            (mt_log_has_word(text, length, "\"x_request_id\"") &&
             mt_log_has_word(text, length, "\"turn_index\"")));
}

const mt_log_kind mt_log_results = {
    .format = {.name = "results", .title = "results", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 0,
    .size = sizeof(results_log),
    .recognises = results_recognises,
    .member = "metadata",
    .next = results_next,
    .close = results_close};
