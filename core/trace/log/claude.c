/* Transcripts of Claude Code, a line an entry, of one session or several one after another: each answer
 * of the model is a request.
 *
 * An answer stands in a line for each of its parts, with its usage in all of them, and once more in the
 * transcript of a session that went on from this one: its message's id and its requestId tell. The
 * largest count of its output is the last. Its prompt is what was read from the cache, what was written
 * there, and the rest. It was asked for when its session's last line before it was said that is not the
 * model's; from the last line of the session's answer before until then is its delay, where that line is
 * there. Lines of sub-agents (isSidechain) are sessions of their own. The transcript is read whole:
 * about 110 bytes an answer are kept. */
#include "base/memory.h"
#include "base/text.h"
#include "text/texts.h"
#include "trace/log/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* No moment. */
#define NOTHING INT64_MIN

typedef struct answer {
    int64_t time_ns, delay_ns; /* delay_ns: or NOTHING */
    uint64_t line, input, output;
    uint32_t session, model; /* texts */
} answer;

/* When things were said in a session, or NOTHING. */
typedef struct moments {
    int64_t asked; /* what is not answered yet */
    int64_t ended; /* the last line of its last answer */
} moments;

typedef struct claude_log {
    mt_log base;
    int is_read;
    answer *answers;
    size_t count, capacity, next;
    mt_texts ids; /* of the answers */
    mt_texts sessions, models;
    moments *moments; /* of each session */
    size_t moment_count, moment_capacity;
    mt_text scratch;
    char *model;
    size_t model_capacity;
} claude_log;

/* The values of a line. */
typedef struct entry {
    mt_span type, time, session, agent, side, request, message; /* of the line, */
    mt_span id, model, usage;                                   /* of its message, */
    mt_span input, made, cached, output;                        /* and of that one's usage */
} entry;

static void claude_close(mt_log *log) {
    claude_log *self = (claude_log *)log;
    mt_free(self->answers);
    mt_free(self->moments);
    mt_texts_free(&self->ids);
    mt_texts_free(&self->sessions);
    mt_texts_free(&self->models);
    mt_free(self->scratch.bytes);
    mt_free(self->model);
}

/* Takes apart what stands in the line. 0 or -1. */
static int take_entry(claude_log *self, const mt_json *json, uint64_t line, entry *of,
                      mt_error *error) {
    const mt_line_member outer[] = {{"type", &of->type},         {"timestamp", &of->time},
                                    {"sessionId", &of->session}, {"agentId", &of->agent},
                                    {"isSidechain", &of->side},  {"requestId", &of->request},
                                    {"message", &of->message}};
    const mt_line_member of_message[] = {
        {"id", &of->id}, {"model", &of->model}, {"usage", &of->usage}};
    const mt_line_member of_usage[] = {{"input_tokens", &of->input},
                                       {"cache_creation_input_tokens", &of->made},
                                       {"cache_read_input_tokens", &of->cached},
                                       {"output_tokens", &of->output}};
    const char *end;
    if (mt_lines_members(json, json->begin, outer, sizeof outer / sizeof *outer, &end) != 0)
        return mt_lines_bad_json(&self->base, line, error);
    if (mt_lines_end(&self->base, json, end, line, error) != 0)
        return -1;
    if (of->message.length > 0 && of->message.text[0] == '{')
        (void)mt_lines_members(json, of->message.text, of_message, 3, NULL); /* it is JSON */
    if (of->usage.length > 0 && of->usage.text[0] == '{')
        (void)mt_lines_members(json, of->usage.text, of_usage, 4, NULL);
    return 0;
}

static int is_string(mt_span value) {
    return value.length >= 2 && value.text[0] == '"';
}

/* The session's name as a token: sessionId, of a sub-agent with its agentId behind it. */
static int take_session(claude_log *self, const entry *of, uint32_t *session, mt_error *error) {
    mt_text *name = &self->scratch;
    int failed = 0;
    name->length = 0;
    failed |= mt_text_add(name, of->session.text, of->session.length - 1);
    if (mt_json_same_text(of->side, "true"))
        failed |= is_string(of->agent)
                      ? mt_text_add(name, ".", 1) ||
                            mt_text_add(name, of->agent.text + 1, of->agent.length - 2)
                      : mt_text_add(name, ".agents", 7);
    failed |= mt_text_add(name, "\"", 1);
    if (failed || mt_texts_intern(&self->sessions, name->bytes, name->length, session) != 0)
        return mt_lines_no_memory(error);
    if (*session == self->moment_count) {
        if (MT_GROW(self->moments, self->moment_capacity, self->moment_count + 1) != 0)
            return mt_lines_no_memory(error);
        self->moments[self->moment_count++] = (moments){NOTHING, NOTHING};
    }
    return 0;
}

/* Adds a count that may be missing. 0 or -1. */
static int add_count(claude_log *self, const mt_json *json, uint64_t line, mt_span value,
                     const char *name, uint64_t *sum, mt_error *error) {
    uint64_t count;
    if (value.length == 0)
        return 0;
    if (mt_lines_count(&self->base, json, line, value, name, &count, error) != 0)
        return -1;
    if (__builtin_add_overflow(*sum, count, sum))
        return mt_lines_bad_sum(&self->base, line, "a prompt's tokens", error);
    return 0;
}

/* What tells the answer from all others. Without a requestId an id may be a gateway's, the same for all:
 * then its session, which is a sub-agent's own, and its usage tell too. */
static int take_id(claude_log *self, const entry *of, uint64_t line, uint32_t session,
                   uint32_t *number, mt_error *error) {
    mt_text *id = &self->scratch;
    char digits[24];
    id->length = 0;
    int failed = mt_text_add(id, of->id.text, of->id.length);
    if (of->id.length == 0) {
        int length = snprintf(digits, sizeof digits, "%" PRIu64, line);
        failed |= mt_text_add(id, digits, (size_t)length);
    } else if (of->request.length > 0) {
        failed |= mt_text_add(id, of->request.text, of->request.length);
    } else {
        const mt_span parts[] = {mt_texts_get(&self->sessions, session), of->input, of->made,
                                 of->cached};
        for (size_t i = 0; i < 4; i++)
            failed |= mt_text_add(id, ",", 1) || mt_text_add(id, parts[i].text, parts[i].length);
    }
    return failed || mt_texts_intern(&self->ids, id->bytes, id->length, number) != 0
               ? mt_lines_no_memory(error)
               : 0;
}

/* When the answer was asked for, and how long after the one before. */
static void take_moments(moments *in, answer *one) {
    int64_t said = one->time_ns, delay;
    int is_asked = in->asked != NOTHING;
    one->delay_ns = NOTHING;
    if (is_asked && in->asked < said)
        one->time_ns = in->asked;
    if (is_asked && in->ended != NOTHING &&
        !__builtin_sub_overflow(one->time_ns, in->ended, &delay))
        one->delay_ns = delay > 0 ? delay : 0;
    *in = (moments){NOTHING, said};
}

/* One part of an answer; the first makes the request. 0 or -1. */
static int take_answer(claude_log *self, const mt_json *json, uint64_t line, const entry *of,
                       answer *one, mt_error *error) {
    mt_log *log = &self->base;
    mt_span model;
    uint32_t number;
    if (mt_lines_text(of->model, &self->model, &self->model_capacity, &model, error) != 0)
        return -1;
    if (model.length == 11 && memcmp(model.text, "<synthetic>", 11) == 0)
        return 0; /* what it said itself, of an error */
    if (add_count(self, json, line, of->input, "input_tokens", &one->input, error) != 0 ||
        add_count(self, json, line, of->made, "cache_creation_input_tokens", &one->input, error) !=
            0 ||
        add_count(self, json, line, of->cached, "cache_read_input_tokens", &one->input, error) !=
            0 ||
        add_count(self, json, line, of->output, "output_tokens", &one->output, error) != 0 ||
        mt_log_check_prompt(log, one->input, "the prompt", line, error) != 0 ||
        take_id(self, of, line, one->session, &number, error) != 0)
        return -1;
    moments *in = &self->moments[one->session];
    if (number < self->count) {
        answer *known = &self->answers[number];
        if (one->output > known->output)
            known->output = one->output;
        if (known->session == one->session && one->time_ns > in->ended) /* not a copy of it */
            in->ended = one->time_ns;
        return 0;
    }
    take_moments(in, one);
    one->line = line;
    if (mt_texts_intern(&self->models, model.text, model.length, &one->model) != 0 ||
        MT_GROW(self->answers, self->capacity, self->count + 1) != 0)
        return mt_lines_no_memory(error);
    self->answers[self->count++] = *one;
    return 0;
}

/* The next line: 1, 0 at the end, -1. */
static int read_line(claude_log *self, mt_error *error) {
    mt_log *log = &self->base;
    mt_json json;
    uint64_t line;
    int is_date = 0;
    int status = mt_lines_next(log, &json, &line, error);
    if (status <= 0)
        return status;
    entry of = {0};
    answer one = {0};
    if (take_entry(self, &json, line, &of, error) != 0)
        return -1;
    int is_answer = mt_json_same_text(of.type, "\"assistant\"") && of.usage.length > 0 &&
                    of.usage.text[0] == '{';
    if (!is_answer && !mt_json_same_text(of.type, "\"user\""))
        return 1; /* other entries say nothing of the load */
    if (!is_string(of.session))
        return mt_log_bad_row(log, line, 0, error, "sessionId is missing");
    if (of.time.length == 0)
        return mt_log_bad_row(log, line, 0, error, "timestamp is missing");
    if (mt_lines_time_of(log, &json, line, of.time, "timestamp", &one.time_ns, &is_date, error) !=
        0)
        return -1;
    if (!is_date)
        return mt_lines_bad_value(log, &json, line, of.time, "timestamp", "a date", error);
    log->has_dates = 1;
    if (take_session(self, &of, &one.session, error) != 0)
        return -1;
    if (is_answer)
        return take_answer(self, &json, line, &of, &one, error) == 0 ? 1 : -1;
    self->moments[one.session].asked = one.time_ns;
    return 1;
}

static int claude_next(mt_log *log, mt_log_row *row, mt_error *error) {
    claude_log *self = (claude_log *)log;
    int status;
    while (!self->is_read) {
        if ((status = read_line(self, error)) < 0)
            return -1;
        self->is_read = status == 0;
    }
    if (self->next == self->count)
        return 0;
    const answer *one = &self->answers[self->next++];
    mt_request *request = &row->request;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_SESSION;
    request->line = one->line;
    request->time_ns = one->time_ns;
    request->input_length = one->input;
    request->output_length = one->output;
    request->session = mt_texts_get(&self->sessions, one->session);
    if (one->delay_ns != NOTHING) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = one->delay_ns;
    }
    row->model = mt_texts_get(&self->models, one->model);
    return 1;
}

/* The first line may be an entry of any kind. */
static int claude_recognises(const char *text, size_t length) {
    static const char *const words[] = {"\"parentUuid\"", "\"leafUuid\"",
                                        "\"file-history-snapshot\"", "\"queue-operation\""};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mt_log_has_word(text, length, words[i]))
            return 1;
    return 0;
}

static mt_code claude_open(mt_log *log, mt_error *error) {
    (void)error;
    log->has_model = 1;
    return MT_OK;
}

const mt_log_kind mt_log_claude = {
    .format = {.name = "claude-code", .title = "Claude Code", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 9,
    .size = sizeof(claude_log),
    .recognises = claude_recognises,
    .member = "parentUuid",
    .open = claude_open,
    .next = claude_next,
    .close = claude_close};
