/* Results of inference-perf, its per_request_lifecycle_metrics.json: a list with an object a request, which
 * becomes the trace that the run was.
 *
 * Of an object start_time (seconds of a clock of the client's own) and info: what the server says in
 * response_metrics.server_usage (prompt_tokens, completion_tokens; Anthropic's input_tokens, which are those that
 * no cache knew, and output_tokens), else what the client counted, input_tokens or request_metrics.text.input_tokens,
 * response_metrics.output_tokens, and of older versions output_tokens (reportgen/base.py and apis/base.py of
 * github.com/kubernetes-sigs/inference-perf). Texts of requests and answers may be left out. A request whose error
 * is not null has no output length. One request is in memory at a time. */
#include "text/json_items.h"
#include "trace/log/lines.h"
#include "trace/log/objects.h"

typedef struct inference_perf_log {
    mt_log base;
    mt_json_list list;
} inference_perf_log;

static void inference_perf_close(mt_log *log) {
    mt_json_list_free(&((inference_perf_log *)log)->list);
}

/* What stands in an info; length 0: there is none. The first that is there counts. */
enum { SERVER, ANTHROPIC, CLIENT, CLIENT_TOO, SAYERS };
typedef struct counts {
    mt_span inputs[SAYERS], outputs[SAYERS];
    mt_span cached, made; /* beside Anthropic's input */
} counts;

static counts counts_of(const mt_json *json, mt_span info) {
    counts of = {.cached = {"", 0}};
    mt_span response = {"", 0}, usage = {"", 0}, request = {"", 0}, text = {"", 0};
    const mt_line_member of_info[] = {{"input_tokens", &of.inputs[CLIENT]},
                                      {"output_tokens", &of.outputs[CLIENT_TOO]},
                                      {"request_metrics", &request},
                                      {"response_metrics", &response}};
    const mt_line_member of_request = {"text", &text};
    const mt_line_member of_text = {"input_tokens", &of.inputs[CLIENT_TOO]};
    const mt_line_member of_response[] = {{"output_tokens", &of.outputs[CLIENT]},
                                          {"server_usage", &usage}};
    const mt_line_member of_usage[] = {
        {"prompt_tokens", &of.inputs[SERVER]},     {"completion_tokens", &of.outputs[SERVER]},
        {"input_tokens", &of.inputs[ANTHROPIC]},   {"cache_read_input_tokens", &of.cached},
        {"cache_creation_input_tokens", &of.made}, {"output_tokens", &of.outputs[ANTHROPIC]}};
    if (mt_lines_is_object(info))
        (void)mt_lines_members(json, info.text, of_info, 4, NULL);
    if (mt_lines_is_object(request))
        (void)mt_lines_members(json, request.text, &of_request, 1, NULL);
    if (mt_lines_is_object(text))
        (void)mt_lines_members(json, text.text, &of_text, 1, NULL);
    if (mt_lines_is_object(response))
        (void)mt_lines_members(json, response.text, of_response, 2, NULL);
    if (mt_lines_is_object(usage))
        (void)mt_lines_members(json, usage.text, of_usage, 6, NULL);
    return of;
}

/* The prompt's tokens. 0 or -1. */
static int take_input(inference_perf_log *self, const char *at, const counts *of, uint64_t *tokens,
                      mt_error *error) {
    mt_log *log = &self->base;
    mt_span first = mt_lines_first(of->inputs, SAYERS);
    int is_part = of->inputs[SERVER].length == 0 && of->inputs[ANTHROPIC].length > 0;
    uint64_t more;
    if (mt_objects_count(log, &self->list, at, first, "input_tokens", tokens, error) != 0)
        return -1;
    const mt_span caches[] = {of->cached, of->made};
    for (int i = 0; i < 2 && is_part; i++) {
        if (caches[i].length == 0)
            continue;
        if (mt_objects_count(log, &self->list, at, caches[i], "cached input_tokens", &more,
                             error) != 0)
            return -1;
        if (__builtin_add_overflow(*tokens, more, tokens))
            *tokens = UINT64_MAX;
    }
    return mt_objects_check_prompt(log, &self->list, at, *tokens, error);
}

static int inference_perf_next(mt_log *log, mt_log_row *row, mt_error *error) {
    inference_perf_log *self = (inference_perf_log *)log;
    mt_request *request = &row->request;
    mt_span start = {"", 0}, info = {"", 0}, failure = {"", 0};
    const mt_line_member outer[] = {{"start_time", &start}, {"info", &info}, {"error", &failure}};
    int status = mt_json_list_next(&self->list, error);
    if (status <= 0)
        return status;
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    const char *at = json.begin;
    request->line = self->list.text_line;
    if (mt_lines_members(&json, at, outer, 3, NULL) != 0)
        return mt_objects_bad_json(log, &self->list, error);
    const counts of = counts_of(&json, info);
    if (mt_objects_time(log, &self->list, at, start, "start_time", &request->time_ns, error) != 0 ||
        take_input(self, at, &of, &request->input_length, error) != 0)
        return -1;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    if (failure.length > 0)
        return 1;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return mt_objects_count(log, &self->list, at, mt_lines_first(of.outputs, SAYERS),
                            "output_tokens", &request->output_length, error) == 0
               ? 1
               : -1;
}

static mt_code inference_perf_open(mt_log *log, mt_error *error) {
    inference_perf_log *self = (inference_perf_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "request";
    return MT_OK;
}

static int inference_perf_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"start_time\"") &&
           mt_log_has_word(text, length, "\"end_time\"") &&
           (mt_log_has_word(text, length, "\"request\"") ||
            mt_log_has_word(text, length, "\"info\""));
}

const mt_log_kind mt_log_inference_perf = {.format = {.name = "inference-perf",
                                                      .title = "inference-perf",
                                                      .block_size = MT_LOG_BLOCK_SIZE},
                                           .default_time_digits = 9,
                                           .size = sizeof(inference_perf_log),
                                           .recognises = inference_perf_recognises,
                                           .member = "start_time",
                                           .open = inference_perf_open,
                                           .next = inference_perf_next,
                                           .close = inference_perf_close};
