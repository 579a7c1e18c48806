/* Trajectories of mini-SWE-agent (*.traj.json), one or several one after another or in a list: each answer of the
 * model is a request.
 *
 * An object is {"info", "messages", "instance_id", "trajectory_format"}; a message of the model has in `extra` the
 * server's response with its usage and the time when it came, those of tools the time when they were done
 * ("Output files" of mini-swe-agent.com; src/minisweagent/models/litellm_model.py of
 * github.com/SWE-agent/mini-swe-agent). The names of the usage are those of chat completions or of responses. A
 * request was asked for when the message before it was done, from the answer before until then is its delay;
 * where messages have no times, as those of the first versions, it was when the response was created, in whole
 * seconds, and there is no delay. A trajectory with an answer that lacks both, or its usage, is a bad row as a
 * whole. Answers in a wrong form, which the agent asked for again, are not in the file. One trajectory is in
 * memory at a time. */
#include "base/memory.h"
#include "text/json_items.h"
#include "text/json_list.h"
#include "trace/log/lines.h"
#include "trace/scanner.h"

#include <stdio.h>
#include <string.h>

/* No moment. */
#define NOTHING INT64_MIN

typedef struct answer {
    int64_t time_ns, delay_ns; /* delay: or NOTHING */
    uint64_t input, output;
    mt_span model;
} answer;

typedef struct mini_swe_log {
    mt_log base;
    mt_json_list list;
    uint64_t trajectories;
    answer *answers; /* of the trajectory that is given out */
    size_t count, capacity, next;
    char *token, *model;
    size_t token_length, token_capacity, model_capacity;
} mini_swe_log;

static void mini_swe_close(mt_log *log) {
    mini_swe_log *self = (mini_swe_log *)log;
    mt_json_list_free(&self->list);
    mt_free(self->answers);
    mt_free(self->token);
    mt_free(self->model);
}

/* ---- messages ---- */

static int bad(mini_swe_log *self, const char *at, mt_error *error, const char *message) {
    uint64_t line, column;
    mt_json_list_locate(&self->list, at, &line, &column);
    return mt_log_bad_row(&self->base, line, column, error, "%s", message);
}

/* Seconds; *time stays NOTHING where there are none. 0 or -1. */
static int take_seconds(mini_swe_log *self, mt_span value, const char *message, int64_t *time,
                        mt_error *error) {
    enum { DIGITS = 9 };
    *time = NOTHING;
    if (value.length > 0 && mt_decimal_whole(value.text, value.length, DIGITS, time) != 0)
        return bad(self, value.text, error, message);
    return 0;
}

/* The values of a message. */
typedef struct message {
    mt_span role, object, time, extra, usage;  /* its own, */
    mt_span extra_time, response;              /* of its extra, */
    mt_span created, model, response_usage;    /* of the response there, */
    mt_span prompt, completion, input, output; /* and of the usage of either */
} message;

/* The message is known to be JSON. */
static void take_message(const mt_json *json, const char *at, message *of) {
    const mt_line_member own[] = {{"role", &of->role},      {"object", &of->object},
                                  {"timestamp", &of->time}, {"extra", &of->extra},
                                  {"model", &of->model},    {"created_at", &of->created},
                                  {"usage", &of->usage}};
    const mt_line_member of_extra[] = {{"timestamp", &of->extra_time}, {"response", &of->response}};
    const mt_line_member of_response[] = {{"created", &of->created},
                                          {"created_at", &of->created},
                                          {"model", &of->model},
                                          {"usage", &of->response_usage}};
    const mt_line_member of_usage[] = {{"prompt_tokens", &of->prompt},
                                       {"completion_tokens", &of->completion},
                                       {"input_tokens", &of->input},
                                       {"output_tokens", &of->output}};
    (void)mt_lines_members(json, at, own, sizeof own / sizeof *own, NULL);
    if (mt_lines_is_object(of->extra))
        (void)mt_lines_members(json, of->extra.text, of_extra, 2, NULL);
    if (mt_lines_is_object(of->response))
        (void)mt_lines_members(json, of->response.text, of_response, 4, NULL);
    mt_span usage = mt_lines_is_object(of->response_usage) ? of->response_usage : of->usage;
    if (mt_lines_is_object(usage))
        (void)mt_lines_members(json, usage.text, of_usage, 4, NULL);
}

static int take_count(mini_swe_log *self, const char *at, mt_span value, const char *missing,
                      const char *wrong, uint64_t *count, mt_error *error) {
    if (value.length == 0)
        return bad(self, at, error, missing);
    return mt_json_count(value, count) == 0 ? 0 : bad(self, value.text, error, wrong);
}

/* An answer; `asked` and `ended` are of what stands before it. 0 or -1. */
static int add_answer(mini_swe_log *self, const char *at, const message *of, int64_t asked,
                      int64_t ended, int64_t time, mt_error *error) {
    answer one = {.delay_ns = NOTHING, .model = of->model};
    if (asked == NOTHING &&
        take_seconds(self, of->created, "created must be a number of seconds", &asked, error) != 0)
        return -1;
    if (asked == NOTHING)
        asked = time;
    if (asked == NOTHING)
        return bad(
            self, at, error,
            "when the answer was asked for is not known: no message here has a timestamp, and "
            "its response was not created at a time");
    one.time_ns = asked;
    if (ended != NOTHING)
        one.delay_ns = asked > ended ? (int64_t)((uint64_t)asked - (uint64_t)ended) : 0;
    if (take_count(self, at, of->prompt.length > 0 ? of->prompt : of->input,
                   "an answer lacks the usage of its response: prompt_tokens",
                   "prompt_tokens must be a whole number of at least 0", &one.input, error) != 0 ||
        take_count(self, at, of->completion.length > 0 ? of->completion : of->output,
                   "an answer lacks the usage of its response: completion_tokens",
                   "completion_tokens must be a whole number of at least 0", &one.output,
                   error) != 0)
        return -1;
    if (!mt_log_prompt_fits(&self->base, one.input))
        return bad(self, at, error, "the prompt is too large");
    if (MT_GROW(self->answers, self->capacity, self->count + 1) != 0)
        return mt_lines_no_memory(error);
    self->answers[self->count++] = one;
    return 0;
}

static int read_messages(mini_swe_log *self, const mt_json *json, mt_span messages,
                         mt_error *error) {
    int64_t asked = NOTHING, ended = NOTHING;
    mt_json_items items;
    mt_json_item item;
    if (mt_json_items_begin(&items, json, messages.text, '[', "a list of messages ('[')") != 0)
        return bad(self, messages.text, error, "messages must be a list");
    while (mt_json_items_next(&items, &item) > 0) {
        message of = {0};
        int64_t time;
        if (!mt_lines_is_object(item.value))
            return bad(self, item.value.text, error, "a message must be an object");
        take_message(json, item.value.text, &of);
        if (take_seconds(self, of.extra_time.length > 0 ? of.extra_time : of.time,
                         "timestamp must be a number of seconds", &time, error) != 0)
            return -1;
        if (!mt_json_same_text(of.role, "\"assistant\"") &&
            !mt_json_same_text(of.object, "\"response\"")) {
            if (time != NOTHING)
                asked = time;
            continue;
        }
        if (add_answer(self, item.value.text, &of, asked, ended, time, error) != 0)
            return -1;
        ended = time;
        asked = NOTHING;
    }
    return 0;
}

/* ---- trajectories ---- */

static int name_session(mini_swe_log *self, mt_span id, mt_error *error) {
    char number[48];
    mt_span token = id;
    if (!mt_lines_is_name(id)) {
        int length = snprintf(number, sizeof number, "\"trajectory %llu\"",
                              (unsigned long long)self->trajectories);
        token = (mt_span){number, (size_t)length};
    }
    mt_span kept;
    if (mt_lines_token(token, &self->token, &self->token_capacity, &kept, error) != 0)
        return -1;
    self->token_length = kept.length;
    return 0;
}

static int read_trajectory(mini_swe_log *self, mt_error *error) {
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_span messages = {"", 0}, id = {"", 0};
    const mt_line_member members[] = {{"messages", &messages}, {"instance_id", &id}};
    self->count = self->next = 0;
    self->trajectories++;
    if (mt_lines_members(&json, json.begin, members, 2, NULL) != 0) {
        mt_error copy = *error;
        return bad(self, self->list.text + (copy.column ? copy.column - 1 : 0), error,
                   copy.message);
    }
    if (messages.length == 0)
        return bad(self, self->list.text, error,
                   "messages is missing: this is no trajectory of mini-SWE-agent");
    if (name_session(self, id, error) == 0 && read_messages(self, &json, messages, error) == 0)
        return 0;
    self->count = 0;
    return -1;
}

static int mini_swe_next(mt_log *log, mt_log_row *row, mt_error *error) {
    mini_swe_log *self = (mini_swe_log *)log;
    mt_request *request = &row->request;
    while (self->next == self->count) {
        int status = mt_json_list_next(&self->list, error);
        if (status <= 0)
            return status;
        if (read_trajectory(self, error) != 0)
            return -1;
    }
    const answer *one = &self->answers[self->next++];
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_SESSION;
    request->line = self->list.text_line;
    request->time_ns = one->time_ns;
    request->input_length = one->input;
    request->output_length = one->output;
    request->session = (mt_span){self->token, self->token_length};
    if (one->delay_ns != NOTHING) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = one->delay_ns;
    }
    return mt_lines_text(one->model, &self->model, &self->model_capacity, &row->model, error) != 0
               ? -1
               : 1;
}

static mt_code mini_swe_open(mt_log *log, mt_error *error) {
    mini_swe_log *self = (mini_swe_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "trajectory";
    log->has_model = log->has_dates = 1;
    return MT_OK;
}

static int mini_swe_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"model_stats\"") &&
           !mt_log_has_word(text, length, "\"trajectory\"");
}

const mt_log_kind mt_log_mini_swe = {.format = {.name = "mini-swe-agent",
                                                .title = "mini-SWE-agent",
                                                .block_size = MT_LOG_BLOCK_SIZE},
                                     .default_time_digits = 9,
                                     .size = sizeof(mini_swe_log),
                                     .recognises = mini_swe_recognises,
                                     .member = "model_stats",
                                     .open = mini_swe_open,
                                     .next = mini_swe_next,
                                     .close = mini_swe_close};
