/* AIBrix's logs: a line an instant, with the requests that leave together. */
#include "base/memory.h"
#include "trace/log/lines.h"

typedef struct aibrix_log {
    mt_log base;
    mt_json json; /* the line whose requests are given out */
    uint64_t line;
    int64_t time;
    int is_inside; /* there may be more of them */
    mt_json_items requests;
    char *token; /* the session's name */
    size_t token_capacity;
} aibrix_log;

/* Takes the next line's time and finds its list of requests: 1, 0 at the end, -1. */
static int aibrix_line(aibrix_log *self, mt_error *error) {
    mt_span timestamp = {"", 0}, requests = {"", 0};
    mt_json_items items;
    mt_json_item item;
    int status = mt_lines_next(&self->base, &self->json, &self->line, error);
    if (status <= 0)
        return status;
    status = mt_json_items_begin(&items, &self->json, self->json.begin, '{', "an object ('{')");
    while (status == 0 && (status = mt_json_items_next(&items, &item)) > 0) {
        if (mt_json_named(&item, "timestamp"))
            timestamp = item.value;
        else if (mt_json_named(&item, "requests"))
            requests = item.value;
        status = 0;
    }
    if (status < 0)
        return mt_lines_bad_json(&self->base, self->line, error);
    if (mt_lines_end(&self->base, &self->json, items.at, self->line, error) != 0 ||
        mt_lines_time(&self->base, &self->json, self->line, timestamp, &self->time, error) != 0)
        return -1;
    if (requests.length == 0)
        return mt_log_bad_row(&self->base, self->line, 0, error, "requests is missing");
    if (mt_json_items_begin(&self->requests, &self->json, requests.text, '[',
                            "a list of requests ('[')") != 0)
        return mt_lines_bad_json(&self->base, self->line, error);
    self->is_inside = 1;
    return 1;
}

static int aibrix_request(aibrix_log *self, mt_span object, mt_request *request, mt_error *error) {
    mt_span input = {"", 0}, output = {"", 0}, session = {"", 0};
    mt_log *log = &self->base;
    mt_json_items items;
    mt_json_item item;
    if (mt_json_items_begin(&items, &self->json, object.text, '{', "a request ('{')") != 0)
        return mt_lines_bad_json(log, self->line, error);
    while (mt_json_items_next(&items, &item) > 0) { /* checked by the line's walk */
        if (mt_json_named(&item, "prompt_length") || mt_json_named(&item, "Prompt Length"))
            input = item.value;
        else if (mt_json_named(&item, "output_length") || mt_json_named(&item, "Output Length"))
            output = item.value;
        else if (mt_json_named(&item, "session_id"))
            session = item.value;
    }
    if (mt_lines_count(log, &self->json, self->line, input, "prompt_length", &request->input_length,
                       error) != 0 ||
        mt_log_check_prompt(log, request->input_length, "prompt_length", self->line, error) != 0 ||
        mt_lines_output(log, &self->json, self->line, output, request, error) != 0)
        return -1;
    if (session.length == 0 || mt_json_is_null(session))
        return 1;
    if (!mt_lines_is_name(session))
        return mt_lines_bad_value(log, &self->json, self->line, session, "session_id",
                                  "a string or a number", error);
    if (MT_GROW(self->token, self->token_capacity, session.length) != 0)
        return mt_lines_no_memory(error);
    request->session =
        (mt_span){self->token, mt_json_normalise(session.text, session.length, self->token)};
    request->has |= MT_HAS_SESSION;
    return 1;
}

static int aibrix_next(mt_log *log, mt_log_row *row, mt_error *error) {
    aibrix_log *self = (aibrix_log *)log;
    mt_json_item item;
    for (;;) {
        if (self->is_inside) {
            self->requests.json.error = self->json.error = error;
            int status = mt_json_items_next(&self->requests, &item);
            self->is_inside = status > 0;
            if (status < 0)
                return mt_lines_bad_json(log, self->line, error);
            if (status > 0)
                break;
        }
        int status = aibrix_line(self, error);
        if (status <= 0)
            return status;
    }
    row->request.line = self->line;
    row->request.time_ns = self->time;
    row->request.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    return aibrix_request(self, item.value, &row->request, error);
}

static void aibrix_close(mt_log *log) {
    mt_free(((aibrix_log *)log)->token);
}

static int aibrix_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"requests\"");
}

const mt_log_kind mt_log_aibrix = {
    .format = {.name = "aibrix", .title = "AIBrix", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 6,
    .size = sizeof(aibrix_log),
    .recognises = aibrix_recognises,
    .member = "requests",
    .next = aibrix_next,
    .close = aibrix_close};
