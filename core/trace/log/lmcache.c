/* LMCache's lines of agents: a call a line, with its whole prompt as a text or a list of
 * messages. */
#include "base/memory.h"
#include "trace/log/lines.h"
#include "trace/log/speech.h"

typedef struct lmcache_log {
    mt_log base;
    mt_speech speech;
    const mt_json *json; /* the line that is read */
    uint64_t line;
    char *token, *model;
    size_t token_capacity, model_capacity;
} lmcache_log;

typedef struct lmcache_line {
    mt_span timestamp, session, input, output, output_length, gap, model;
} lmcache_line;

static int bad_speech(mt_speech *speech, const char *at, mt_error *error, const char *message) {
    lmcache_log *self = (lmcache_log *)speech->log;
    return mt_log_bad_row(speech->log, self->line, (uint64_t)(at - self->json->begin) + 1, error,
                          "%s", message);
}

static mt_code lmcache_open(mt_log *log, mt_error *error) {
    (void)error;
    log->has_model = 1;
    ((lmcache_log *)log)->speech = (mt_speech){.log = log, .bad = bad_speech};
    return MT_OK;
}

static void lmcache_close(mt_log *log) {
    lmcache_log *self = (lmcache_log *)log;
    mt_speech_free(&self->speech);
    mt_free(self->token);
    mt_free(self->model);
}

/* Adds a text, or all that messages say. 0 or -1. */
static int say(lmcache_log *self, mt_span said, const char *name, mt_error *error) {
    return mt_speech_all(&self->speech, self->json, said, name, error);
}

/* The prompt's tokens, and the ids of its blocks. */
static int take_prompt(lmcache_log *self, mt_span input, mt_request *request, mt_error *error) {
    mt_speech *speech = &self->speech;
    mt_speech_begin(speech);
    if (input.length == 0)
        return mt_log_bad_row(&self->base, self->line, 0, error, "input is missing");
    if (say(self, input, "input", error) != 0 ||
        mt_log_check_prompt(&self->base, speech->tokens, "input", self->line, error) != 0)
        return -1;
    return mt_speech_prompt(speech, request, error);
}

/* As long as it says, or as its text is. */
static int take_output(lmcache_log *self, const lmcache_line *said, mt_request *request,
                       mt_error *error) {
    if (said->output_length.length > 0)
        return mt_lines_output(&self->base, self->json, self->line, said->output_length, request,
                               error);
    if (said->output.length == 0)
        return 0;
    if (say(self, said->output, "output", error) != 0)
        return -1;
    request->output_length = self->speech.tokens - request->input_length;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return 0;
}

static int take_times(lmcache_log *self, const lmcache_line *said, mt_request *request,
                      mt_error *error) {
    if (said->timestamp.length > 0) {
        if (mt_lines_time(&self->base, self->json, self->line, said->timestamp, &request->time_ns,
                          error) != 0)
            return -1;
        request->has |= MT_HAS_TIME;
    }
    if (said->gap.length > 0) {
        if (mt_lines_duration(&self->base, self->json, self->line, said->gap, "pre_gap", 9,
                              &request->delay_ns, error) != 0)
            return -1;
        request->has |= MT_HAS_DELAY;
    }
    return 0;
}

static int take_session(lmcache_log *self, mt_span session, mt_request *request, mt_error *error) {
    if (session.length == 0)
        return 0;
    if (!mt_lines_is_name(session))
        return mt_lines_bad_value(&self->base, self->json, self->line, session, "session_id",
                                  "a string or a number", error);
    request->has |= MT_HAS_SESSION;
    return mt_lines_token(session, &self->token, &self->token_capacity, &request->session, error);
}

static int lmcache_next(mt_log *log, mt_log_row *row, mt_error *error) {
    lmcache_log *self = (lmcache_log *)log;
    lmcache_line said = {0};
    const mt_line_member members[] = {
        {"timestamp", &said.timestamp},
        {"session_id", &said.session},
        {"input", &said.input},
        {"output", &said.output},
        {"output_length", &said.output_length},
        {"pre_gap", &said.gap},
        {"model", &said.model},
    };
    mt_json json;
    const char *end;
    int status = mt_lines_next(log, &json, &self->line, error);
    if (status <= 0)
        return status;
    self->json = &json;
    row->request.line = self->line;
    if (mt_lines_members(&json, json.begin, members, sizeof members / sizeof *members, &end) != 0)
        return mt_lines_bad_json(log, self->line, error);
    if (mt_lines_end(log, &json, end, self->line, error) != 0 ||
        take_times(self, &said, &row->request, error) != 0 ||
        take_session(self, said.session, &row->request, error) != 0 ||
        take_prompt(self, said.input, &row->request, error) != 0 ||
        take_output(self, &said, &row->request, error) != 0)
        return -1;
    return mt_lines_text(said.model, &self->model, &self->model_capacity, &row->model, error) != 0
               ? -1
               : 1;
}

static int lmcache_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"input\"") &&
           mt_log_has_word(text, length, "\"session_id\"");
}

const mt_log_kind mt_log_lmcache = {
    .format = {.name = "lmcache", .title = "LMCache", .block_size = MT_LOG_BLOCK_SIZE},
    .has_texts = 1,
    .ids_are_of_texts = 1,
    .default_time_digits = 3,
    .size = sizeof(lmcache_log),
    .recognises = lmcache_recognises,
    .member = "input",
    .open = lmcache_open,
    .next = lmcache_next,
    .close = lmcache_close};
