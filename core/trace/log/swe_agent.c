/* Trajectories of SWE-agent (*.traj), one or several one after another or in a list: each step is a request.
 *
 * An object is {"trajectory": [steps], "history", "info"}; a step has its `query`, the messages that the model
 * was sent (before 1.1 `messages`, nearly the same), its `response`, perhaps `tool_calls`, and the
 * `execution_time` of the action that followed, in seconds ("Output files" of swe-agent.com; sweagent/types.py of
 * github.com/SWE-agent/SWE-agent). It has neither times nor a step's tokens, which only the whole run's
 * info.model_stats sums up: tokens are counted in the texts, as a conversation's are, and a request waits for the
 * action of the step before, its delay. Steps without a query, those of a demonstration and those that failed
 * before the model was asked, are no requests; a trajectory without any query, and one that is no JSON, is a bad
 * row as a whole. One trajectory is in memory at a time. */
#include "base/memory.h"
#include "text/json_items.h"
#include "text/json_list.h"
#include "trace/log/lines.h"
#include "trace/log/speech.h"
#include "trace/scanner.h"

#include <stdio.h>

typedef struct swe_agent_log {
    mt_log base;
    mt_json_list list;
    mt_json json; /* of the trajectory */
    mt_json_items steps;
    int is_inside;    /* steps are not all given out; */
    int64_t delay_ns; /* the action of the one before took so long, */
    int has_delay;    /* if that is known */
    uint64_t trajectories;
    mt_speech speech;
    char *token; /* the session's name */
    size_t token_capacity, token_length;
} swe_agent_log;

static void swe_agent_close(mt_log *log) {
    swe_agent_log *self = (swe_agent_log *)log;
    mt_json_list_free(&self->list);
    mt_speech_free(&self->speech);
    mt_free(self->token);
}

static int bad(swe_agent_log *self, const char *at, mt_error *error, const char *message) {
    uint64_t line, column;
    mt_json_list_locate(&self->list, at, &line, &column);
    return mt_log_bad_row(&self->base, line, column, error, "%s", message);
}

static int bad_speech(mt_speech *speech, const char *at, mt_error *error, const char *message) {
    return bad((swe_agent_log *)speech->log, at, error, message);
}

/* ---- steps ---- */

/* The values of a step. */
typedef struct step {
    mt_span query, messages, response, calls, took;
} step;

static void take_step(const mt_json *json, const char *at, step *of) {
    const mt_line_member members[] = {{"query", &of->query},
                                      {"messages", &of->messages},
                                      {"response", &of->response},
                                      {"tool_calls", &of->calls},
                                      {"execution_time", &of->took}};
    (void)mt_lines_members(json, at, members, sizeof members / sizeof *members, NULL);
    if (of->query.length == 0)
        of->query = of->messages;
}

/* Was a model asked? A query that is an empty list is that of none. */
static int is_asked(const step *of) {
    return of->query.length > 2;
}

/* Says the messages. 0 or -1. */
static int say_query(swe_agent_log *self, mt_span query, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    mt_speech *speech = &self->speech;
    if (query.text[0] != '[' ||
        mt_json_items_begin(&items, &self->json, query.text, '[', "a list") != 0)
        return bad(self, query.text, error, "query must be a list of messages");
    while (mt_json_items_next(&items, &item) > 0) {
        mt_span content = {"", 0}, calls = {"", 0};
        const mt_line_member members[] = {{"content", &content}, {"tool_calls", &calls}};
        if (item.value.text[0] != '{')
            return bad(self, item.value.text, error, "a message of query must be an object");
        (void)mt_lines_members(&self->json, item.value.text, members, 2, NULL);
        if ((content.length > 0 &&
             mt_speech_content(speech, &self->json, content, "content", error) != 0) ||
            (calls.length > 0 && mt_speech_calls(speech, &self->json, calls, error) != 0))
            return -1;
    }
    return 0;
}

/* The step's request. 0 or -1. */
static int make_request(swe_agent_log *self, const char *at, const step *of, mt_request *request,
                        mt_error *error) {
    mt_speech *speech = &self->speech;
    mt_speech_begin(speech);
    if (say_query(self, of->query, error) != 0)
        return -1;
    if (!mt_log_prompt_fits(&self->base, speech->tokens))
        return bad(self, at, error, "the prompt is too large");
    if (mt_speech_prompt(speech, request, error) != 0)
        return -1;
    request->has |= MT_HAS_OUTPUT_LENGTH | MT_HAS_SESSION;
    if ((of->response.length > 0 &&
         mt_speech_content(speech, &self->json, of->response, "response", error) != 0) ||
        (of->calls.length > 0 && mt_speech_calls(speech, &self->json, of->calls, error) != 0))
        return -1;
    request->output_length = speech->tokens - request->input_length;
    request->session = (mt_span){self->token, self->token_length};
    if (self->has_delay) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = self->delay_ns;
    }
    return 0;
}

/* ---- trajectories ---- */

/* Are all steps as they must be, and is there one with a query? 0 or -1. */
static int check_steps(swe_agent_log *self, mt_span list, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    int found = 0, any = 0;
    if (mt_json_items_begin(&items, &self->json, list.text, '[', "a list of steps ('[')") != 0)
        return bad(self, list.text, error, "trajectory must be a list of steps");
    while (mt_json_items_next(&items, &item) > 0) {
        int64_t took;
        step of = {0};
        if (item.value.text[0] != '{')
            return bad(self, item.value.text, error, "a step must be an object");
        take_step(&self->json, item.value.text, &of);
        if (of.took.length > 0 &&
            (mt_decimal_whole(of.took.text, of.took.length, 9, &took) != 0 || took < 0))
            return bad(self, of.took.text, error,
                       "execution_time must be a number of seconds, at least 0");
        found |= is_asked(&of);
        any = 1;
    }
    return found || !any ? 0
                         : bad(self, list.text, error,
                               "no step has its query: what the model was sent is not known");
}

static int begin_trajectory(swe_agent_log *self, mt_error *error) {
    mt_span list = {"", 0};
    const mt_line_member members[] = {{"trajectory", &list}};
    char name[48];
    self->json = (mt_json){self->list.text, self->list.text + self->list.text_length, error};
    self->trajectories++;
    self->has_delay = 0;
    if (mt_lines_members(&self->json, self->json.begin, members, 1, NULL) != 0) {
        mt_error copy = *error;
        return bad(self, self->list.text + (copy.column ? copy.column - 1 : 0), error,
                   copy.message);
    }
    if (list.length == 0)
        return bad(self, self->list.text, error,
                   "trajectory is missing: this is no trajectory of SWE-agent");
    int length =
        snprintf(name, sizeof name, "\"trajectory %llu\"", (unsigned long long)self->trajectories);
    mt_span kept;
    if (mt_lines_token((mt_span){name, (size_t)length}, &self->token, &self->token_capacity, &kept,
                       error) != 0 ||
        check_steps(self, list, error) != 0)
        return -1;
    self->token_length = kept.length;
    self->is_inside = mt_json_items_begin(&self->steps, &self->json, list.text, '[', "a list") == 0;
    return 0;
}

static int swe_agent_next(mt_log *log, mt_log_row *row, mt_error *error) {
    swe_agent_log *self = (swe_agent_log *)log;
    for (;;) {
        mt_json_item item;
        step of = {0};
        if (!self->is_inside) {
            int status = mt_json_list_next(&self->list, error);
            if (status <= 0)
                return status;
            if (begin_trajectory(self, error) != 0)
                return -1;
        }
        self->json.error = self->steps.json.error = error;
        if (mt_json_items_next(&self->steps, &item) <= 0) { /* it is JSON */
            self->is_inside = 0;
            continue;
        }
        take_step(&self->json, item.value.text, &of);
        if (!is_asked(&of))
            continue;
        mt_json_list_locate(&self->list, item.value.text, &row->request.line, &(uint64_t){0});
        int status = make_request(self, item.value.text, &of, &row->request, error);
        self->has_delay = of.took.length > 0 &&
                          mt_decimal_whole(of.took.text, of.took.length, 9, &self->delay_ns) == 0;
        return status == 0 ? 1 : -1;
    }
}

static mt_code swe_agent_open(mt_log *log, mt_error *error) {
    swe_agent_log *self = (swe_agent_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "trajectory";
    self->speech = (mt_speech){.log = log, .bad = bad_speech};
    return MT_OK;
}

static int swe_agent_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"trajectory\"");
}

const mt_log_kind mt_log_swe_agent = {
    .format = {.name = "swe-agent", .title = "SWE-agent", .block_size = MT_LOG_BLOCK_SIZE},
    .has_no_times = 1,
    .has_texts = 1,
    .ids_are_of_texts = 1,
    .size = sizeof(swe_agent_log),
    .recognises = swe_agent_recognises,
    .member = "trajectory",
    .open = swe_agent_open,
    .next = swe_agent_next,
    .close = swe_agent_close};
