/* Results of vLLM's bench serve (--save-detailed) and SGLang's bench_serving (--output-details), one run or
 * several one after another: the run becomes the trace that it was.
 *
 * An object of a run has a value a request in each of its lists: input_lens and output_lens (tokens), errors (a
 * text, empty where there was none), and of newer vLLMs start_times, seconds of a clock of the client's own, and
 * queue_times, seconds that a request waited in the client before: it was due so much earlier (vllm/benchmarks/serve.py of github.com/vllm-project/vllm, python/sglang/bench_serving.py of
 * github.com/sgl-project/sglang). Without start_times there are lengths only, and no times. A request that failed
 * has no output length. Runs in one file each count from their own clock's start. A run whose lists do not fit
 * together is a bad row as a whole. One run is in memory at a time. */
#include "base/memory.h"
#include "text/json_items.h"
#include "trace/log/lines.h"
#include "trace/log/objects.h"

#include <stdio.h>

enum { STARTS, INPUTS, OUTPUTS, ERRORS, QUEUES, LISTS };

static const char *const list_names[LISTS] = {"start_times", "input_lens", "output_lens", "errors",
                                              "queue_times"};

typedef struct vllm_bench_log {
    mt_log base;
    mt_json_list list;
    mt_json_items items[LISTS];
    int has[LISTS];
    uint64_t left; /* requests of the run that are not given out */
    char *model_text;
    size_t model_capacity;
    mt_span model; /* in model_text */
} vllm_bench_log;

static void vllm_bench_close(mt_log *log) {
    vllm_bench_log *self = (vllm_bench_log *)log;
    mt_json_list_free(&self->list);
    mt_free(self->model_text);
}

/* How many elements the list has, which is known to be JSON; -1: it is no list. */
static int64_t count_of(mt_span value) {
    mt_json_items items;
    mt_json_item item;
    int64_t count = 0;
    if (!mt_json_items_of_list(&items, value))
        return -1;
    while (mt_json_items_next(&items, &item) > 0)
        count++;
    return count;
}

/* The lists of the run that the object is. 0 or -1. */
static int begin_run(vllm_bench_log *self, mt_error *error) {
    mt_log *log = &self->base;
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_span lists[LISTS] = {{"", 0}}, model = {"", 0};
    const mt_line_member members[] = {
        {list_names[STARTS], &lists[STARTS]},   {list_names[INPUTS], &lists[INPUTS]},
        {list_names[OUTPUTS], &lists[OUTPUTS]}, {list_names[ERRORS], &lists[ERRORS]},
        {list_names[QUEUES], &lists[QUEUES]},   {"model_id", &model}};
    int64_t counts[LISTS] = {0};
    char message[128];
    if (mt_lines_members(&json, json.begin, members, sizeof members / sizeof *members, NULL) != 0)
        return mt_objects_bad_json(log, &self->list, error);
    for (int i = 0; i < LISTS; i++) {
        self->has[i] = lists[i].length > 0;
        if (!self->has[i] && (i == INPUTS || i == OUTPUTS)) {
            snprintf(message, sizeof message,
                     "%s is missing: the run was saved without --save-detailed (SGLang's "
                     "--output-details)",
                     list_names[i]);
            return mt_objects_bad(log, &self->list, self->list.text, error, message);
        }
        if (!self->has[i])
            continue;
        counts[i] = count_of(lists[i]);
        if (counts[i] < 0)
            snprintf(message, sizeof message, "%s must be a list", list_names[i]);
        else if (counts[i] != counts[INPUTS] && i > INPUTS)
            snprintf(message, sizeof message, "%s has %lld values, input_lens %lld", list_names[i],
                     (long long)counts[i], (long long)counts[INPUTS]);
        else
            continue;
        return mt_objects_bad(log, &self->list, lists[i].text, error, message);
    }
    if (self->has[STARTS] && counts[STARTS] != counts[INPUTS]) {
        snprintf(message, sizeof message, "start_times has %lld values, input_lens %lld",
                 (long long)counts[STARTS], (long long)counts[INPUTS]);
        return mt_objects_bad(log, &self->list, lists[STARTS].text, error, message);
    }
    for (int i = 0; i < LISTS; i++)
        if (self->has[i])
            (void)mt_json_items_of_list(&self->items[i], lists[i]);
    self->left = (uint64_t)counts[INPUTS];
    return mt_lines_text(model, &self->model_text, &self->model_capacity, &self->model, error);
}

static int vllm_bench_next(mt_log *log, mt_log_row *row, mt_error *error) {
    vllm_bench_log *self = (vllm_bench_log *)log;
    mt_request *request = &row->request;
    mt_json_item item[LISTS];
    while (self->left == 0) {
        int status = mt_json_list_next(&self->list, error);
        if (status <= 0)
            return status;
        if (begin_run(self, error) != 0)
            return -1;
    }
    self->left--;
    for (int i = 0; i < LISTS; i++) {
        item[i].value = (mt_span){"", 0};
        if (self->has[i])
            (void)mt_json_items_next(&self->items[i], &item[i]); /* they are counted */
    }
    const char *at = item[INPUTS].value.text;
    int64_t queued = 0;
    request->line = self->list.text_line;
    if (self->has[STARTS] &&
        mt_objects_time(log, &self->list, at, item[STARTS].value, "a value of start_times",
                        &request->time_ns, error) != 0)
        return -1;
    if (self->has[STARTS] && self->has[QUEUES] &&
        mt_objects_time(log, &self->list, at, item[QUEUES].value, "a value of queue_times", &queued,
                        error) != 0)
        return -1;
    if (__builtin_sub_overflow(request->time_ns, queued, &request->time_ns))
        return mt_objects_bad(log, &self->list, at, error, "a request was due over 292 years ago");
    if (mt_objects_count(log, &self->list, at, item[INPUTS].value, "a value of input_lens",
                         &request->input_length, error) != 0 ||
        mt_objects_check_prompt(log, &self->list, at, request->input_length, error) != 0)
        return -1;
    request->has = MT_HAS_INPUT_LENGTH | (self->has[STARTS] ? MT_HAS_TIME : 0);
    row->model = self->model;
    mt_span failure = item[ERRORS].value; /* "" without quotes: there is no such list */
    if (failure.length > 2 && failure.text[0] == '"')
        return 1;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return mt_objects_count(log, &self->list, at, item[OUTPUTS].value, "a value of output_lens",
                            &request->output_length, error) == 0
               ? 1
               : -1;
}

static mt_code vllm_bench_open(mt_log *log, mt_error *error) {
    vllm_bench_log *self = (vllm_bench_log *)log;
    (void)error;
    self->list.input = log->input;
    self->list.what = "run";
    log->has_model = 1;
    return MT_OK;
}

/* A run that was saved without details is known too, and refused with what it lacks. */
static int vllm_bench_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"input_lens\"") ||
           (mt_log_has_word(text, length, "\"total_input_tokens\"") &&
            mt_log_has_word(text, length, "\"request_throughput\""));
}

const mt_log_kind mt_log_vllm_bench = {
    .format = {.name = "vllm-bench", .title = "vLLM", .block_size = MT_LOG_BLOCK_SIZE},
    .default_time_digits = 9,
    .size = sizeof(vllm_bench_log),
    .recognises = vllm_bench_recognises,
    .member = "input_lens",
    .open = vllm_bench_open,
    .next = vllm_bench_next,
    .close = vllm_bench_close};
