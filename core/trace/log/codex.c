/* Rollouts of OpenAI's Codex CLI, a line an item, of one session or several one after another in the order of
 * their names: each answer of the model is a request.
 *
 * A line is {"timestamp", "type", "payload"} (RolloutLine in the protocol of github.com/openai/codex; what
 * forks copy, from the issues of tools that count tokens: ccusage's 1370, cc-switch's 4982, agentsview's 657).
 * An answer's tokens stand in an event_msg of type token_count: info.last_token_usage, whose input_tokens
 * count those of the cache too and whose output_tokens those of the reasoning. The same total_token_usage
 * once more is a repeated figure, and a last usage without input an estimate after the history was made
 * shorter: no requests. An answer ended when its tokens were written. It was asked for at the last line before
 * its first item that is the user's or a tool's; from the end of the session's answer before it until then is
 * its delay.
 *
 * A session that was forked (forked_from_id), or an agent's, begins with a copy of what it comes from, its
 * session_meta and all, under new times. The copy ends with the first turn whose id was made after the
 * session's own: both are UUIDs with a time in them (version 7, RFC 9562). Where turns have no such id, a
 * fork's first own turn begins a second after it or later. Memory does not grow with the transcript. */
#include "base/memory.h"
#include "base/text.h"
#include "trace/log/lines.h"

#include <string.h>

/* No moment. */
#define NOTHING INT64_MIN

enum { MILLISECOND = 1000000, SECOND = 1000000000 };

typedef struct codex_log {
    mt_log base;
    mt_text session; /* its name, a token; empty: no session_meta so far, or a bad one */
    mt_text parent;  /* whose session_meta may be copied next; empty: nobody's */
    mt_text total;   /* the last total usage, as it was written */
    mt_span model;   /* of the turn, in model_text */
    char *model_text;
    size_t model_capacity;
    int is_copy, is_fork;      /* it copies another one now; copies its answers too */
    int64_t born_ns, began_ns; /* the session by its id, or its first line; its first line */
    int is_answering;          /* an item of the next answer was there; */
    int64_t asked_ns, next_ns; /* when that one, and the one after it, was asked for; or NOTHING */
    int64_t ended_ns;          /* the answer before; or NOTHING */
} codex_log;

/* The values of a line. */
typedef struct item {
    mt_span type, time, payload;                                              /* of the line, */
    mt_span kind, role, id, session, fork, parent, source, model, turn, info; /* its payload, */
    mt_span total, last;                                                      /* that one's info, */
    mt_span input, output; /* and its last usage */
} item;

static void codex_close(mt_log *log) {
    codex_log *self = (codex_log *)log;
    mt_free(self->session.bytes);
    mt_free(self->parent.bytes);
    mt_free(self->total.bytes);
    mt_free(self->model_text);
}

static int is_same(const mt_text *text, mt_span value) {
    return text->length == value.length && value.length > 0 &&
           memcmp(text->bytes, value.text, value.length) == 0;
}

static int keep(mt_text *text, mt_span value, mt_error *error) {
    text->length = 0;
    return value.length > 0 && mt_text_add(text, value.text, value.length) != 0
               ? mt_lines_no_memory(error)
               : 0;
}

/* ---- what stands in a line ---- */

/* 0 or -1. */
static int take_item(codex_log *self, const mt_json *json, uint64_t line, item *of,
                     mt_error *error) {
    const mt_line_member outer[] = {
        {"timestamp", &of->time}, {"type", &of->type}, {"payload", &of->payload}};
    const mt_line_member inner[] = {{"type", &of->kind},
                                    {"role", &of->role},
                                    {"id", &of->id},
                                    {"session_id", &of->session},
                                    {"forked_from_id", &of->fork},
                                    {"parent_thread_id", &of->parent},
                                    {"source", &of->source},
                                    {"model", &of->model},
                                    {"turn_id", &of->turn},
                                    {"info", &of->info}};
    const mt_line_member of_info[] = {{"total_token_usage", &of->total},
                                      {"last_token_usage", &of->last}};
    const mt_line_member of_usage[] = {{"input_tokens", &of->input},
                                       {"output_tokens", &of->output}};
    const char *end;
    if (mt_lines_members(json, json->begin, outer, sizeof outer / sizeof *outer, &end) != 0)
        return mt_lines_bad_json(&self->base, line, error);
    if (mt_lines_end(&self->base, json, end, line, error) != 0)
        return -1;
    if (mt_lines_is_object(of->payload)) /* it is JSON */
        (void)mt_lines_members(json, of->payload.text, inner, sizeof inner / sizeof *inner, NULL);
    if (mt_lines_is_object(of->info))
        (void)mt_lines_members(json, of->info.text, of_info, 2, NULL);
    if (mt_lines_is_object(of->last))
        (void)mt_lines_members(json, of->last.text, of_usage, 2, NULL);
    return 0;
}

/* Is the line of this type, and its payload of one of these, which end with NULL? */
static int is_kind(const item *of, const char *type, const char *const *kinds) {
    if (!mt_json_same_text(of->type, type))
        return 0;
    for (size_t i = 0; kinds[i]; i++)
        if (mt_json_same_text(of->kind, kinds[i]))
            return 1;
    return 0;
}

static int ends_with(mt_span value, const char *end) {
    size_t length = strlen(end);
    return value.length >= length && memcmp(value.text + value.length - length, end, length) == 0;
}

static int is_answer(const item *of) {
    return mt_json_same_text(of->type, "\"event_msg\"") &&
           mt_json_same_text(of->kind, "\"token_count\"") && of->info.length > 0;
}

static int begins_turn(const item *of) {
    static const char *const kinds[] = {"\"task_started\"", "\"turn_started\"", NULL};
    return mt_json_same_text(of->type, "\"turn_context\"") || is_kind(of, "\"event_msg\"", kinds);
}

/* Is it an item that the model made? */
static int is_made(const item *of) {
    static const char *const kinds[] = {"\"reasoning\"", NULL};
    if (!mt_json_same_text(of->type, "\"response_item\""))
        return 0;
    return mt_json_same_text(of->kind, "\"message\"")
               ? mt_json_same_text(of->role, "\"assistant\"")
               : ends_with(of->kind, "_call\"") || is_kind(of, "\"response_item\"", kinds);
}

/* Is it something that a prompt ends with? */
static int is_asked(const item *of) {
    static const char *const kinds[] = {"\"user_message\"", NULL};
    if (!mt_json_same_text(of->type, "\"response_item\""))
        return is_kind(of, "\"event_msg\"", kinds);
    return mt_json_same_text(of->kind, "\"message\"")
               ? !mt_json_same_text(of->role, "\"assistant\"")
               : ends_with(of->kind, "_output\"");
}

static int take_time(codex_log *self, const mt_json *json, uint64_t line, const item *of,
                     int64_t *time, mt_error *error) {
    mt_log *log = &self->base;
    int is_date = 0;
    if (of->time.length == 0)
        return mt_log_bad_row(log, line, 0, error, "timestamp is missing");
    if (mt_lines_time_of(log, json, line, of->time, "timestamp", time, &is_date, error) != 0)
        return -1;
    return is_date ? 0
                   : mt_lines_bad_value(log, json, line, of->time, "timestamp", "a date", error);
}

/* The time in a UUID of version 7, a token: milliseconds since 1970 in its first 48 bits. 0 or -1. */
static int time_of_id(mt_span id, int64_t *time) {
    enum { DIGITS = 13, VERSION = 15 }; /* those with the '-' among them; where it stands */
    uint64_t milliseconds = 0;
    if (id.length < VERSION + 2 || id.text[0] != '"' || id.text[VERSION] != '7')
        return -1;
    for (size_t i = 1; i <= DIGITS; i++) {
        static const char digits[] = "0123456789abcdef";
        if (i == 9 && id.text[i] == '-')
            continue;
        const char *digit = memchr(digits, id.text[i] | 0x20, sizeof digits - 1);
        if (!digit)
            return -1;
        milliseconds = milliseconds * 16 + (uint64_t)(digit - digits);
    }
    if (milliseconds > INT64_MAX / MILLISECOND)
        return -1;
    *time = (int64_t)milliseconds * MILLISECOND;
    return 0;
}

/* ---- sessions and turns ---- */

/* The session's parent, of which it may begin with a copy: that of a fork, else of an agent. */
static mt_span parent_of(const mt_json *json, const item *of) {
    mt_span agent = {"", 0}, spawn = {"", 0}, parent = {"", 0};
    const mt_line_member of_source = {"subagent", &agent};
    const mt_line_member of_agent = {"thread_spawn", &spawn};
    const mt_line_member of_spawn = {"parent_thread_id", &parent};
    if (of->fork.length > 0)
        return of->fork;
    if (mt_lines_is_object(of->source))
        (void)mt_lines_members(json, of->source.text, &of_source, 1, NULL);
    if (mt_lines_is_object(agent))
        (void)mt_lines_members(json, agent.text, &of_agent, 1, NULL);
    if (mt_lines_is_object(spawn))
        (void)mt_lines_members(json, spawn.text, &of_spawn, 1, NULL);
    return parent.length > 0 ? parent : of->parent;
}

static void forget_answers(codex_log *self) {
    self->is_answering = 0;
    self->asked_ns = self->next_ns = self->ended_ns = NOTHING;
}

/* A session_meta: a session begins, unless it is of the one that is read, or copied. 0 or -1. */
static int take_session(codex_log *self, const mt_json *json, uint64_t line, const item *of,
                        mt_error *error) {
    mt_span id = of->id.length > 0 ? of->id : of->session;
    if (is_same(&self->session, id))
        return 0;
    int is_copied = self->is_copy && is_same(&self->parent, id);
    if (!is_copied) {
        self->session.length = self->total.length = self->parent.length = 0;
        self->model = (mt_span){"", 0};
        if (id.length < 2 || id.text[0] != '"')
            return mt_log_bad_row(&self->base, line, 0, error, "a session_meta lacks its id");
        if (take_time(self, json, line, of, &self->began_ns, error) != 0 ||
            keep(&self->session, id, error) != 0)
            return -1;
        if (time_of_id(id, &self->born_ns) != 0)
            self->born_ns = self->began_ns;
        self->is_fork = of->fork.length > 0;
        forget_answers(self);
    }
    mt_span parent = parent_of(json, of);
    self->is_copy = is_copied || parent.length > 0;
    return keep(&self->parent, parent, error);
}

/* A turn begins, which may be the session's first own one. 0 or -1. */
static int take_turn(codex_log *self, const mt_json *json, uint64_t line, const item *of,
                     mt_error *error) {
    int64_t time = 0;
    if (self->next_ns != NOTHING)
        self->asked_ns = self->next_ns;
    self->next_ns = NOTHING;
    self->is_answering = 0;
    if (self->is_copy) {
        int is_own;
        if (time_of_id(of->turn, &time) == 0)
            is_own = time >= self->born_ns;
        else if (!self->is_fork)
            is_own = 1;
        else if (take_time(self, json, line, of, &time, error) != 0)
            return -1;
        else
            is_own = time >= self->began_ns + SECOND;
        if (is_own) {
            self->is_copy = 0;
            forget_answers(self);
        }
    }
    return of->model.length == 0 ? 0
                                 : mt_lines_text(of->model, &self->model_text,
                                                 &self->model_capacity, &self->model, error);
}

/* ---- rows ---- */

/* The figures of an answer: 1 when they are a request's, 0, -1. */
static int take_answer(codex_log *self, const mt_json *json, uint64_t line, const item *of,
                       mt_log_row *row, mt_error *error) {
    mt_log *log = &self->base;
    mt_request *request = &row->request;
    int64_t ended = 0, asked = self->asked_ns;
    if (self->session.length == 0)
        return mt_log_bad_row(log, line, 0, error, "no session_meta stands before it");
    if (!mt_lines_is_object(of->last))
        return mt_log_bad_row(log, line, 0, error, "last_token_usage is missing");
    if (is_same(&self->total, of->total))
        return 0;
    if (take_time(self, json, line, of, &ended, error) != 0 ||
        mt_lines_count(log, json, line, of->input, "input_tokens", &request->input_length, error) !=
            0 ||
        mt_log_check_prompt(log, request->input_length, "input_tokens", line, error) != 0 ||
        mt_lines_count(log, json, line, of->output, "output_tokens", &request->output_length,
                       error) != 0 ||
        keep(&self->total, of->total, error) != 0)
        return -1;
    if (request->input_length == 0)
        return 0;
    if (asked == NOTHING || asked > ended)
        asked = ended;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_SESSION;
    request->time_ns = asked;
    if (self->ended_ns != NOTHING) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = asked > self->ended_ns ? asked - self->ended_ns : 0;
    }
    request->session = (mt_span){self->session.bytes, self->session.length};
    row->model = self->model;
    self->is_answering = 0;
    self->asked_ns = self->next_ns;
    self->next_ns = NOTHING;
    self->ended_ns = ended;
    return !self->is_copy;
}

/* What was asked for, and began to be answered. 0 or -1. */
static int take_moment(codex_log *self, const mt_json *json, uint64_t line, const item *of,
                       mt_error *error) {
    int64_t time = 0;
    if (take_time(self, json, line, of, &time, error) != 0)
        return -1;
    if (is_asked(of)) {
        *(self->is_answering ? &self->next_ns : &self->asked_ns) = time;
    } else {
        self->is_answering = 1;
        if (self->asked_ns == NOTHING)
            self->asked_ns = time;
    }
    return 0;
}

static int codex_next(mt_log *log, mt_log_row *row, mt_error *error) {
    codex_log *self = (codex_log *)log;
    for (;;) {
        mt_json json;
        uint64_t line;
        item of = {0};
        int status = mt_lines_next(log, &json, &line, error);
        if (status <= 0)
            return status;
        row->request.line = line;
        if (take_item(self, &json, line, &of, error) != 0)
            return -1;
        if (mt_json_same_text(of.type, "\"session_meta\""))
            status = take_session(self, &json, line, &of, error);
        else if (begins_turn(&of))
            status = take_turn(self, &json, line, &of, error);
        else if (is_answer(&of))
            status = take_answer(self, &json, line, &of, row, error);
        else if (is_made(&of) || is_asked(&of))
            status = take_moment(self, &json, line, &of, error);
        else
            continue; /* other lines say nothing of the load */
        if (status != 0)
            return status;
    }
}

static int codex_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"session_meta\"");
}

static mt_code codex_open(mt_log *log, mt_error *error) {
    (void)error;
    log->has_model = log->has_dates = 1;
    forget_answers((codex_log *)log);
    return MT_OK;
}

const mt_log_kind mt_log_codex = {
    .format = {.name = "codex", .title = "Codex CLI", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 9,
    .size = sizeof(codex_log),
    .recognises = codex_recognises,
    .member = "session_meta",
    .open = codex_open,
    .next = codex_next,
    .close = codex_close};
