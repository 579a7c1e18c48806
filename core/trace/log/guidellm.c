/* Reports of GuideLLM, as JSON: all requests of all their benchmarks, which follow one another, become the trace
 * that the runs were.
 *
 * An object has `benchmarks`, a benchmark has `requests`, and that the lists successful, incomplete and errored;
 * a request has request_start_time (seconds since 1970; of older versions start_time), prompt_tokens and
 * output_tokens (src/guidellm/schemas/request_stats.py of github.com/vllm-project/guidellm). One that failed has no
 * output length, and one that was cut may have none. info.conversation_id is the session, which of the second
 * benchmark is called "NAME/2". The report is in memory as a whole. */
#include "base/memory.h"
#include "text/json_items.h"
#include "trace/log/lines.h"
#include "trace/log/objects.h"

enum { COMPLETE, CUT, FAILED };

typedef struct guidellm_request {
    const char *at;     /* in the report */
    int end;            /* COMPLETE, ... */
    uint32_t benchmark; /* from 1 */
} guidellm_request;

typedef struct guidellm_log {
    mt_log base;
    mt_json_list list;
    guidellm_request *requests;
    size_t count, capacity, next;
    uint32_t benchmarks;
    mt_text session; /* a token */
    char *token;
    size_t token_capacity;
} guidellm_log;

static void guidellm_close(mt_log *log) {
    guidellm_log *self = (guidellm_log *)log;
    mt_json_list_free(&self->list);
    mt_free(self->requests);
    mt_free(self->session.bytes);
    mt_free(self->token);
}

/* Finds the requests of a list of theirs. 0 or -1. */
static int add_requests(guidellm_log *self, mt_span list, int end, mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    if (list.length == 0)
        return 0;
    if (!mt_json_items_of_list(&items, list))
        return mt_objects_bad(&self->base, &self->list, list.text, error,
                              "the requests of a benchmark must be lists");
    while (mt_json_items_next(&items, &item) > 0) {
        if (MT_GROW(self->requests, self->capacity, self->count + 1) != 0)
            return mt_lines_no_memory(error);
        self->requests[self->count++] = (guidellm_request){item.value.text, end, self->benchmarks};
    }
    return 0;
}

static int read_report(guidellm_log *self, mt_error *error) {
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_span benchmarks = {"", 0};
    const mt_line_member member = {"benchmarks", &benchmarks};
    mt_json_items items;
    mt_json_item item;
    self->count = self->next = 0;
    if (mt_lines_members(&json, json.begin, &member, 1, NULL) != 0)
        return mt_objects_bad_json(&self->base, &self->list, error);
    if (benchmarks.length == 0 || !mt_json_items_of_list(&items, benchmarks))
        return mt_objects_bad(&self->base, &self->list, self->list.text, error,
                              "benchmarks is missing: this is no report of GuideLLM");
    while (mt_json_items_next(&items, &item) > 0) {
        mt_span requests = {"", 0}, good = {"", 0}, cut = {"", 0}, failed = {"", 0};
        const mt_line_member of_benchmark = {"requests", &requests};
        const mt_line_member of_requests[] = {
            {"successful", &good}, {"incomplete", &cut}, {"errored", &failed}};
        self->benchmarks++;
        if (item.value.text[0] == '{')
            (void)mt_lines_members(&json, item.value.text, &of_benchmark, 1, NULL);
        if (requests.length > 0 && requests.text[0] == '{')
            (void)mt_lines_members(&json, requests.text, of_requests, 3, NULL);
        if (good.length + cut.length + failed.length == 0)
            return mt_objects_bad(&self->base, &self->list, item.value.text, error,
                                  "a benchmark lacks its requests");
        if (add_requests(self, good, COMPLETE, error) != 0 ||
            add_requests(self, cut, CUT, error) != 0 ||
            add_requests(self, failed, FAILED, error) != 0)
            return -1;
    }
    return 0;
}

/* The session of the request's info. 0 or -1 (memory). */
static int take_session(guidellm_log *self, const mt_json *json, mt_span info, uint32_t benchmark,
                        mt_request *request, mt_error *error) {
    mt_span id = {"", 0};
    const mt_line_member member = {"conversation_id", &id};
    if (!mt_lines_is_object(info) || mt_lines_members(json, info.text, &member, 1, NULL) != 0 ||
        !mt_lines_is_name(id))
        return 0;
    if (mt_lines_token(id, &self->token, &self->token_capacity, &request->session, error) != 0 ||
        mt_lines_token_again(&request->session, benchmark, &self->session, error) != 0)
        return -1;
    request->has |= MT_HAS_SESSION;
    return 0;
}

static int guidellm_next(mt_log *log, mt_log_row *row, mt_error *error) {
    guidellm_log *self = (guidellm_log *)log;
    mt_request *request = &row->request;
    mt_span start = {"", 0}, old_start = {"", 0}, input = {"", 0}, output = {"", 0}, info = {"", 0};
    const mt_line_member members[] = {{"info", &info},
                                      {"request_start_time", &start},
                                      {"start_time", &old_start},
                                      {"prompt_tokens", &input},
                                      {"output_tokens", &output}};
    while (self->next == self->count) {
        int status = mt_json_list_next(&self->list, error);
        if (status <= 0)
            return status;
        if (read_report(self, error) != 0) {
            self->count = 0;
            return -1;
        }
    }
    const guidellm_request *one = &self->requests[self->next++];
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_json_list_locate(&self->list, one->at, &request->line, &(uint64_t){0});
    if (*one->at != '{')
        return mt_objects_bad(log, &self->list, one->at, error, "a request must be an object");
    (void)mt_lines_members(&json, one->at, members, 5, NULL);
    if (mt_objects_time(log, &self->list, one->at, start.length > 0 ? start : old_start,
                        "request_start_time", &request->time_ns, error) != 0 ||
        mt_objects_count(log, &self->list, one->at, input, "prompt_tokens", &request->input_length,
                         error) != 0 ||
        mt_objects_check_prompt(log, &self->list, one->at, request->input_length, error) != 0)
        return -1;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    if (take_session(self, &json, info, one->benchmark, request, error) != 0)
        return -1;
    if (one->end == FAILED || (one->end == CUT && output.length == 0))
        return 1;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return mt_objects_count(log, &self->list, one->at, output, "output_tokens",
                            &request->output_length, error) == 0
               ? 1
               : -1;
}

static mt_code guidellm_open(mt_log *log, mt_error *error) {
    guidellm_log *self = (guidellm_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "report";
    log->has_dates = 1;
    return MT_OK;
}

static int guidellm_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"benchmarks\"") &&
           mt_log_has_word(text, length, "\"type_\"");
}

const mt_log_kind mt_log_guidellm = {
    .format = {.name = "guidellm", .title = "GuideLLM", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 9,
    .size = sizeof(guidellm_log),
    .recognises = guidellm_recognises,
    .member = "benchmarks",
    .open = guidellm_open,
    .next = guidellm_next,
    .close = guidellm_close};
