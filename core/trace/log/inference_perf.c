/* Results of inference-perf, its per_request_lifecycle_metrics.json: a list with an object a request, which
 * becomes the trace that the run was.
 *
 * Of an object start_time (seconds of a clock of the client's own) and info: what the server says in
 * response_metrics.server_usage (prompt_tokens, completion_tokens), else what the client counted, input_tokens,
 * response_metrics.output_tokens, and of older versions output_tokens (reportgen/base.py and apis/base.py of
 * github.com/kubernetes-sigs/inference-perf). A request whose error is not null has no output length. One request
 * is in memory at a time. */
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

static int is_object(mt_span value) {
    return value.length > 0 && value.text[0] == '{';
}

static mt_span first_of(mt_span a, mt_span b, mt_span c) {
    return a.length > 0 ? a : b.length > 0 ? b : c;
}

static int inference_perf_next(mt_log *log, mt_log_row *row, mt_error *error) {
    inference_perf_log *self = (inference_perf_log *)log;
    mt_request *request = &row->request;
    mt_span start = {"", 0}, info = {"", 0}, failure = {"", 0}; /* of the object, */
    mt_span input = {"", 0}, output = {"", 0}, made = {"", 0};  /* its info, */
    mt_span counted = {"", 0}, usage = {"", 0};                 /* the response_metrics there, */
    mt_span prompt = {"", 0}, completion = {"", 0}, none = {"", 0}; /* and their server_usage */
    const mt_line_member outer[] = {{"start_time", &start}, {"info", &info}, {"error", &failure}};
    const mt_line_member of_info[] = {
        {"input_tokens", &input}, {"output_tokens", &output}, {"response_metrics", &made}};
    const mt_line_member of_made[] = {{"output_tokens", &counted}, {"server_usage", &usage}};
    const mt_line_member of_usage[] = {{"prompt_tokens", &prompt},
                                       {"completion_tokens", &completion}};
    int status = mt_json_list_next(&self->list, error);
    if (status <= 0)
        return status;
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    const char *at = json.begin;
    request->line = self->list.text_line;
    if (mt_lines_members(&json, at, outer, 3, NULL) != 0)
        return mt_objects_bad_json(log, &self->list, error);
    if (is_object(info))
        (void)mt_lines_members(&json, info.text, of_info, 3, NULL);
    if (is_object(made))
        (void)mt_lines_members(&json, made.text, of_made, 2, NULL);
    if (is_object(usage))
        (void)mt_lines_members(&json, usage.text, of_usage, 2, NULL);
    if (mt_objects_time(log, &self->list, at, start, "start_time", &request->time_ns, error) != 0 ||
        mt_objects_count(log, &self->list, at, first_of(prompt, input, none), "input_tokens",
                         &request->input_length, error) != 0 ||
        mt_objects_check_prompt(log, &self->list, at, request->input_length, error) != 0)
        return -1;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH;
    if (failure.length > 0)
        return 1;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return mt_objects_count(log, &self->list, at, first_of(completion, counted, output),
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
           mt_log_has_word(text, length, "\"request\"");
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
