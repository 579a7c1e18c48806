/* What AIPerf and GenAI-Perf are going to send, their inputs.json: each body of a request is one.
 *
 * AIPerf's is {"data": [{"session_id", "payloads": [a body a turn]}]} (SessionPayloads in dataset_models.py of
 * github.com/ai-dynamo/aiperf); GenAI-Perf's is {"data": [{"payload": [a body], "session_id": [...], "delay":
 * [...], "timestamp": [...]}]}, the last three where there are sessions or a schedule, in milliseconds, and for
 * Triton the inputs themselves in the place of a payload (genai_perf/inputs/converters of
 * github.com/triton-inference-server/perf_analyzer). A delay there counts from the answer to the record that says
 * it, so it is the next one's. Tokens are counted in the texts; the answer is as long as it may be, where the body
 * limits it.
 *
 * Both write of a turn only its own messages, and put before them, when they send it, what was said before. So a
 * later body is such a turn's where it neither begins with all messages of the body before it nor has an answer
 * in it: what it repeats of that one's first messages, the system's prompt, is said once, the messages are added
 * to the prompt before and its answer, which is taken to be as long as it might be. The file is in memory as a
 * whole.
 *
 * Bodies may stand one after another as well, as AIPerf's raw_payload has them, or OpenAI's batches, {"custom_id",
 * "body"}: they are requests of their own. */
#include "base/memory.h"
#include "base/text.h"
#include "text/texts.h"
#include "trace/log/lines.h"
#include "trace/log/objects.h"
#include "trace/log/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 48, MILLISECOND_DIGITS = 6 };
#define NO_SESSION UINT32_MAX

typedef struct body {
    const char *at; /* in the file's object; its line: */
    uint64_t line;
    mt_span time, delay;   /* raw; length 0: there is none */
    uint32_t session;      /* a text, or NO_SESSION */
    uint32_t order, place; /* by its session's first body; in the file */
} body;

typedef struct inputs_log {
    mt_log base;
    mt_json_list list;
    body *bodies;
    size_t count, capacity, next;
    uint32_t sessions; /* so far, named or not */
    uint32_t *orders;  /* of the sessions with a name */
    size_t order_capacity;
    mt_texts names;
    mt_speech speech;
    mt_span said;        /* the messages of the body before, of the same session */
    int goes_on;         /* speech has what was said up to the answer of the body before, */
    uint64_t answer;     /* which has so many tokens */
    mt_text answer_name; /* of the answer in between */
    char *token, *model;
    size_t token_capacity, model_capacity;
} inputs_log;

static int bad(inputs_log *self, const char *at, mt_error *error, const char *message) {
    return mt_objects_bad(&self->base, &self->list, at, error, message);
}

static int bad_speech(mt_speech *speech, const char *at, mt_error *error, const char *message) {
    return bad((inputs_log *)speech->log, at, error, message);
}

static void inputs_close(mt_log *log) {
    inputs_log *self = (inputs_log *)log;
    mt_json_list_free(&self->list);
    mt_free(self->bodies);
    mt_free(self->orders);
    mt_texts_free(&self->names);
    mt_speech_free(&self->speech);
    mt_free(self->answer_name.bytes);
    mt_free(self->token);
    mt_free(self->model);
}

/* ---- which bodies there are ---- */

/* The session's number and order; several bodies without a name are one that is called by its number. */
static int take_session(inputs_log *self, mt_span id, int is_one, body *one, mt_error *error) {
    char number[NAME_ROOM];
    mt_span token = id;
    one->session = NO_SESSION;
    one->order = self->sessions;
    if (!mt_lines_is_name(id)) {
        if (is_one) {
            self->sessions++;
            return 0;
        }
        int length = snprintf(number, sizeof number, "\"session %u\"", self->sessions + 1);
        token = (mt_span){number, (size_t)length};
    }
    size_t known = self->names.count;
    if (mt_lines_token(token, &self->token, &self->token_capacity, &token, error) != 0)
        return -1;
    if (mt_texts_intern(&self->names, token.text, token.length, &one->session) != 0 ||
        MT_GROW(self->orders, self->order_capacity, self->names.count) != 0)
        return mt_lines_no_memory(error);
    if (one->session == known)
        self->orders[known] = self->sessions++;
    one->order = self->orders[one->session];
    return 0;
}

static int add_body(inputs_log *self, const body *one, mt_error *error) {
    if (MT_GROW(self->bodies, self->capacity, self->count + 1) != 0)
        return mt_lines_no_memory(error);
    self->bodies[self->count] = *one;
    self->bodies[self->count].place = (uint32_t)self->count;
    mt_json_list_locate(&self->list, one->at, &self->bodies[self->count].line, &(uint64_t){0});
    self->count++;
    return 0;
}

/* A session of AIPerf's, or a record of GenAI-Perf's. 0 or -1. */
static int add_record(inputs_log *self, const mt_json *json, const char *at, mt_error *error) {
    mt_span id = {"", 0}, payloads = {"", 0}, payload = {"", 0}, delay = {"", 0}, time = {"", 0};
    const mt_line_member members[] = {{"session_id", &id},   {"payloads", &payloads},
                                      {"payload", &payload}, {"body", &payload},
                                      {"delay", &delay},     {"timestamp", &time}};
    mt_json_items items;
    mt_json_item first, item;
    (void)mt_lines_members(json, at, members, sizeof members / sizeof *members, NULL);
    body one = {.at = at, .time = mt_payload_only(time), .delay = mt_payload_only(delay)};
    mt_span bodies = payloads.length > 0 ? payloads : payload;
    if (bodies.length > 0 && !mt_lines_is_object(bodies) && !mt_json_items_of_list(&items, bodies))
        return bad(self, bodies.text, error, "payloads must be a list of requests");
    if (bodies.length == 0 || mt_lines_is_object(bodies)) {
        one.at = bodies.length > 0 ? bodies.text : at;
        return take_session(self, mt_payload_only(id), 1, &one, error) != 0
                   ? -1
                   : add_body(self, &one, error);
    }
    if (mt_json_items_next(&items, &first) <= 0)
        return 0;
    int is_more = mt_json_items_next(&items, &item) > 0;
    one.at = first.value.text;
    if (take_session(self, mt_payload_only(id), !is_more, &one, error) != 0 ||
        add_body(self, &one, error) != 0)
        return -1;
    for (; is_more; is_more = mt_json_items_next(&items, &item) > 0) {
        one.at = item.value.text;
        if (add_body(self, &one, error) != 0)
            return -1;
    }
    return 0;
}

static int by_session(const void *a, const void *b) {
    const body *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static int read_file(inputs_log *self, mt_error *error) {
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_span data = {"", 0}, said = {"", 0};
    const mt_line_member members[] = {{"data", &data}, {"messages", &said}, {"body", &said}};
    mt_json_items items;
    mt_json_item item;
    self->count = self->next = 0;
    self->goes_on = 0;
    if (mt_lines_members(&json, json.begin, members, 3, NULL) != 0)
        return mt_objects_bad_json(&self->base, &self->list, error);
    if (said.length > 0)
        return add_record(self, &json, json.begin, error);
    if (data.length == 0 || !mt_json_items_of_list(&items, data))
        return bad(self, self->list.text, error,
                   "data is missing: this is no inputs.json of AIPerf or GenAI-Perf");
    while (mt_json_items_next(&items, &item) > 0) {
        if (!mt_lines_is_object(item.value))
            return bad(self, item.value.text, error, "an element of data must be an object");
        if (add_record(self, &json, item.value.text, error) != 0)
            return -1;
    }
    if (self->count > 1)
        qsort(self->bodies, self->count, sizeof *self->bodies, by_session);
    return 0;
}

/* ---- a body ---- */

static int is_said_by(const mt_json *json, mt_span message, const char *who) {
    mt_span role = {"", 0};
    const mt_line_member member = {"role", &role};
    return mt_lines_is_object(message) &&
           mt_lines_members(json, message.text, &member, 1, NULL) == 0 &&
           mt_json_same_text(role, who);
}

/* How many messages the lists begin with both; *rest, the bytes of `list` after them. *is_all: `before` has no
 * more. */
static size_t common(mt_span before, mt_span list, int *is_all) {
    mt_json_items a, b;
    mt_json_item x, y;
    size_t count = 0;
    *is_all = 0;
    if (!mt_json_items_of_list(&a, before) || !mt_json_items_of_list(&b, list))
        return 0;
    for (;; count++) {
        *is_all = mt_json_items_next(&a, &x) <= 0;
        if (*is_all || mt_json_items_next(&b, &y) <= 0 || x.value.length != y.value.length ||
            memcmp(x.value.text, y.value.text, x.value.length) != 0)
            return count;
    }
}

/* Are the messages those of a turn only, which follow what was said before? Then *skipped of them have been
 * said. */
static int is_turn(const inputs_log *self, const mt_json *json, mt_span messages, size_t *skipped) {
    mt_json_items items;
    mt_json_item item;
    int is_all;
    if (!self->goes_on || self->said.length == 0 || !mt_json_items_of_list(&items, messages))
        return 0;
    *skipped = common(self->said, messages, &is_all);
    while (mt_json_items_next(&items, &item) > 0)
        if (is_said_by(json, item.value, "\"assistant\""))
            return 0;
    return !is_all;
}

/* Says the messages after the first ones. 0 or -1. */
static int say_rest(inputs_log *self, const mt_json *json, mt_span messages, size_t skipped,
                    mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    (void)mt_json_items_of_list(&items, messages);
    for (size_t i = 0; mt_json_items_next(&items, &item) > 0; i++)
        if (i >= skipped && mt_speech_all(&self->speech, json, item.value, "messages", error) != 0)
            return -1;
    return 0;
}

static int take_times(inputs_log *self, const body *one, const body *before, mt_request *request,
                      mt_error *error) {
    mt_log *log = &self->base;
    if (one->time.length > 0) {
        if (mt_objects_time(log, &self->list, one->at, one->time, "timestamp", &request->time_ns,
                            error) != 0)
            return -1;
        request->has |= MT_HAS_TIME;
    }
    if (before && before->delay.length > 0) {
        if (mt_objects_duration(log, &self->list, one->at, before->delay, "delay",
                                MILLISECOND_DIGITS, &request->delay_ns, error) != 0)
            return -1;
        request->has |= MT_HAS_DELAY;
    }
    return 0;
}

/* Says the answer to the body before, of which only the length is known. 0 or -1. */
static int say_answer(inputs_log *self, const body *one, mt_error *error) {
    char turn[NAME_ROOM];
    uint64_t tokens;
    mt_text *name = &self->answer_name;
    mt_span session = mt_texts_get(&self->names, one->session);
    int length = snprintf(turn, sizeof turn, ":%llu", (unsigned long long)self->speech.tokens);
    if (__builtin_add_overflow(self->speech.tokens, self->answer, &tokens))
        tokens = UINT64_MAX;
    if (mt_objects_check_prompt(&self->base, &self->list, one->at, tokens, error) != 0)
        return -1;
    name->length = 0;
    if (mt_text_add(name, session.text, session.length) != 0 ||
        mt_text_add(name, turn, (size_t)length) != 0)
        return mt_lines_no_memory(error);
    return mt_speech_unknown(&self->speech, self->answer, (mt_span){name->bytes, name->length},
                             error);
}

/* Says the body's prompt. 0 or -1. */
static int say_prompt(inputs_log *self, const mt_json *json, const body *one,
                      const mt_payload *payload, mt_error *error) {
    size_t skipped = 0;
    int is_next = is_turn(self, json, payload->messages, &skipped);
    self->goes_on = 0;
    if (is_next) {
        if (say_answer(self, one, error) != 0 ||
            say_rest(self, json, payload->messages, skipped, error) != 0)
            return -1;
    } else {
        mt_speech_begin(&self->speech);
        if (mt_payload_say(payload, &self->speech, json, one->at, error) != 0)
            return -1;
    }
    return mt_objects_check_prompt(&self->base, &self->list, one->at, self->speech.tokens, error);
}

static int take_body(inputs_log *self, const body *one, const body *before, mt_log_row *row,
                     mt_error *error) {
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_request *request = &row->request;
    mt_payload payload;
    if (!before || *one->at != '{')
        self->goes_on = 0;
    if (*one->at != '{')
        return bad(self, one->at, error, "a request must be an object");
    (void)mt_payload_read(&json, one->at, &payload); /* it is JSON */
    if (say_prompt(self, &json, one, &payload, error) != 0 ||
        mt_speech_prompt(&self->speech, request, error) != 0 ||
        take_times(self, one, before, request, error) != 0)
        return -1;
    int limit = mt_payload_limit(&payload, &self->speech, &request->output_length, error);
    if (limit < 0)
        return -1;
    request->has |= limit > 0 ? MT_HAS_OUTPUT_LENGTH : 0;
    if (one->session != NO_SESSION) {
        request->session = mt_texts_get(&self->names, one->session);
        request->has |= MT_HAS_SESSION;
        self->answer = request->output_length;
        self->said = payload.messages;
        self->goes_on = 1;
    }
    return mt_lines_text(mt_payload_only(payload.model), &self->model, &self->model_capacity,
                         &row->model, error);
}

static int inputs_next(mt_log *log, mt_log_row *row, mt_error *error) {
    inputs_log *self = (inputs_log *)log;
    while (self->next == self->count) {
        int status = mt_json_list_next(&self->list, error);
        if (status <= 0)
            return status;
        if (read_file(self, error) != 0) {
            self->count = 0;
            return -1;
        }
    }
    const body *one = &self->bodies[self->next];
    const body *before = self->next > 0 && one->session != NO_SESSION &&
                                 self->bodies[self->next - 1].session == one->session
                             ? one - 1
                             : NULL;
    self->next++;
    row->request.line = one->line;
    return take_body(self, one, before, row, error) == 0 ? 1 : -1;
}

static mt_code inputs_open(mt_log *log, mt_error *error) {
    inputs_log *self = (inputs_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "object";
    self->speech = (mt_speech){.log = log, .bad = bad_speech};
    log->has_model = 1;
    return MT_OK;
}

static int has_one_of(const char *text, size_t length, const char *const *words) {
    while (*words && !mt_log_has_word(text, length, *words))
        words++;
    return *words != NULL;
}

static int inputs_recognises(const char *text, size_t length) {
    static const char *const of_data[] = {"\"payloads\"", "\"payload\"", "\"text_input\"",
                                          "\"request_output_len\"", NULL};
    static const char *const of_body[] = {"\"max_tokens\"", "\"max_completion_tokens\"",
                                          "\"stream\"", NULL};
    if (mt_log_has_word(text, length, "\"data\"") && has_one_of(text, length, of_data))
        return 1;
    if (mt_log_has_word(text, length, "\"custom_id\"") && mt_log_has_word(text, length, "\"body\""))
        return 1;
    return mt_log_has_word(text, length, "\"messages\"") &&
           mt_log_has_word(text, length, "\"model\"") && has_one_of(text, length, of_body);
}

const mt_log_kind mt_log_inputs_json = {
    .format = {.name = "inputs-json", .title = "AIPerf", .block_size = MT_LOG_BLOCK_SIZE},
    .has_texts = 1,
    .ids_are_of_texts = 1,
    .default_time_digits = MILLISECOND_DIGITS,
    .size = sizeof(inputs_log),
    .recognises = inputs_recognises,
    .member = "payloads",
    .open = inputs_open,
    .next = inputs_next,
    .close = inputs_close};
