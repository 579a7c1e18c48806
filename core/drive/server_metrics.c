#include "drive/server_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const mt_server_metric_names[MT_SERVER_METRICS] = {
    "running",        "waiting",     "kv_use",        "cache_hit_rate",
    "prefix_queries", "prefix_hits", "prompt_tokens", "cached_tokens",
    "output_tokens",  "preemptions", "requests",      "failed_requests"};

int mt_server_metric_is_counter(mt_server_metric metric) {
    return metric >= MT_SERVER_PREFIX_QUERIES;
}

/* What stands for a metric where that itself is not there. */
enum { BLOCKS_USED = MT_SERVER_METRICS, BLOCKS, PENDING, VALUES };

/* Without the "_total" that counters may end in. */
static const struct {
    const char *name;
    int metric;
    const char *label; /* that it must have; NULL: whatever there is */
} known[] = {
    {"vllm:num_requests_running", MT_SERVER_RUNNING, NULL},
    {"vllm:num_requests_waiting", MT_SERVER_WAITING, NULL},
    {"vllm:kv_cache_usage_perc", MT_SERVER_KV_USE, NULL},
    {"vllm:gpu_cache_usage_perc", MT_SERVER_KV_USE, NULL},
    {"vllm:prefix_cache_queries", MT_SERVER_PREFIX_QUERIES, NULL},
    {"vllm:prefix_cache_hits", MT_SERVER_PREFIX_HITS, NULL},
    {"vllm:gpu_prefix_cache_queries", MT_SERVER_PREFIX_QUERIES, NULL},
    {"vllm:gpu_prefix_cache_hits", MT_SERVER_PREFIX_HITS, NULL},
    {"vllm:prompt_tokens", MT_SERVER_PROMPT_TOKENS, NULL},
    {"vllm:prompt_tokens_cached", MT_SERVER_CACHED_TOKENS, NULL},
    {"vllm:generation_tokens", MT_SERVER_OUTPUT_TOKENS, NULL},
    {"vllm:num_preemptions", MT_SERVER_PREEMPTIONS, NULL},
    {"vllm:request_success", MT_SERVER_REQUESTS, NULL},
    {"sglang:num_running_reqs", MT_SERVER_RUNNING, NULL},
    {"sglang:num_queue_reqs", MT_SERVER_WAITING, NULL},
    {"sglang:token_usage", MT_SERVER_KV_USE, NULL},
    {"sglang:cache_hit_rate", MT_SERVER_HIT_RATE, NULL},
    {"sglang:prompt_tokens", MT_SERVER_PROMPT_TOKENS, NULL},
    {"sglang:cached_tokens", MT_SERVER_CACHED_TOKENS, NULL},
    {"sglang:generation_tokens", MT_SERVER_OUTPUT_TOKENS, NULL},
    {"sglang:num_aborted_requests", MT_SERVER_FAILED, NULL},
    {"trtllm_num_requests_running", MT_SERVER_RUNNING, NULL},
    {"trtllm_num_requests_waiting", MT_SERVER_WAITING, NULL},
    {"trtllm_kv_cache_utilization", MT_SERVER_KV_USE, NULL},
    {"nv_trt_llm_request_metrics", MT_SERVER_RUNNING, "request_type=\"scheduled\""},
    {"nv_trt_llm_request_metrics", MT_SERVER_WAITING, "request_type=\"waiting\""},
    {"nv_trt_llm_kv_cache_block_metrics", MT_SERVER_KV_USE, "kv_cache_block_type=\"fraction\""},
    {"nv_trt_llm_kv_cache_block_metrics", BLOCKS_USED, "kv_cache_block_type=\"used\""},
    {"nv_trt_llm_kv_cache_block_metrics", BLOCKS, "kv_cache_block_type=\"max\""},
    {"nv_inference_pending_request_count", PENDING, NULL},
    {"nv_inference_request_success", MT_SERVER_REQUESTS, NULL},
    {"nv_inference_request_failure", MT_SERVER_FAILED, NULL},
    {"llamacpp:requests_processing", MT_SERVER_RUNNING, NULL},
    {"llamacpp:requests_deferred", MT_SERVER_WAITING, NULL},
    {"llamacpp:prompt_tokens", MT_SERVER_PROMPT_TOKENS, NULL},
    {"llamacpp:tokens_predicted", MT_SERVER_OUTPUT_TOKENS, NULL},
    {"tgi_batch_current_size", MT_SERVER_RUNNING, NULL},
    {"tgi_queue_size", MT_SERVER_WAITING, NULL},
    {"tgi_request_failure", MT_SERVER_FAILED, NULL},
    {"dynamo_frontend_inflight_requests", MT_SERVER_RUNNING, NULL},
    {"dynamo_frontend_queued_requests", MT_SERVER_WAITING, NULL},
    {"dynamo_frontend_cached_tokens", MT_SERVER_CACHED_TOKENS, NULL},
    {"dynamo_frontend_output_tokens", MT_SERVER_OUTPUT_TOKENS, NULL},
    {"lmdeploy:num_requests_running", MT_SERVER_RUNNING, NULL},
    {"lmdeploy:num_requests_waiting", MT_SERVER_WAITING, NULL},
    {"lmdeploy:gpu_cache_usage_perc", MT_SERVER_KV_USE, NULL},
    {"lmdeploy:prefix_cache_hit_rate", MT_SERVER_HIT_RATE, NULL},
    {"lmdeploy:prompt_tokens", MT_SERVER_PROMPT_TOKENS, NULL},
    {"lmdeploy:cached_tokens", MT_SERVER_CACHED_TOKENS, NULL},
    {"lmdeploy:generation_tokens", MT_SERVER_OUTPUT_TOKENS, NULL},
};

static int has_label(mt_span labels, const char *label) {
    size_t length = strlen(label);
    for (size_t at = 1; at + length < labels.length; at++)
        if ((labels.text[at - 1] == '{' || labels.text[at - 1] == ',' ||
             labels.text[at - 1] == ' ') &&
            !memcmp(labels.text + at, label, length))
            return 1;
    return 0;
}

/* The meaning of a sample by its name and its labels, with their braces; -1 for others. */
static int meaning(mt_span name, mt_span labels) {
    static const char total[] = "_total";
    size_t suffix = sizeof total - 1;
    if (name.length > suffix && !memcmp(name.text + name.length - suffix, total, suffix))
        name.length -= suffix;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == name.length &&
            !memcmp(known[i].name, name.text, name.length) &&
            (!known[i].label || has_label(labels, known[i].label)))
            return known[i].metric;
    return -1;
}

/* Just after the labels that begin at text[at] == '{'; `length` when they do not end. A brace inside a
 * value in quotes is none. */
static size_t after_labels(const char *text, size_t at, size_t length) {
    int is_quoted = 0;
    for (; at < length; at++) {
        if (is_quoted && text[at] == '\\')
            at++;
        else if (text[at] == '"')
            is_quoted = !is_quoted;
        else if (text[at] == '}' && !is_quoted)
            return at + 1;
    }
    return length;
}

/* One line, without its end: `name{labels} value [time]`. */
static void read_line(const char *line, size_t length, double *values, int *counts) {
    size_t at = 0;
    while (at < length && line[at] != '{' && line[at] != ' ' && line[at] != '\t')
        at++;
    mt_span name = {line, at};
    if (at < length && line[at] == '{')
        at = after_labels(line, at, length);
    int metric = meaning(name, (mt_span){line + name.length, at - name.length});
    if (metric < 0)
        return;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    char number[64]; /* strtod wants an end, and the text may have none */
    size_t digits = 0;
    while (at < length && line[at] != ' ' && line[at] != '\t' && line[at] != '\r' &&
           digits + 1 < sizeof number)
        number[digits++] = line[at++];
    number[digits] = '\0';
    if (digits + 1 == sizeof number)
        return; /* no number is so long */
    char *end;
    double value = strtod(number, &end);
    if (end == number || *end || !isfinite(value))
        return;
    values[metric] = counts[metric]++ ? values[metric] + value : value;
}

/* What is there under other names. */
static void fill_in(double *values, int *counts) {
    if (counts[MT_SERVER_WAITING] == 0 && counts[PENDING] > 0) {
        values[MT_SERVER_WAITING] = values[PENDING];
        counts[MT_SERVER_WAITING] = 1;
    }
    if (counts[MT_SERVER_KV_USE] == 0 && counts[BLOCKS_USED] > 0 && counts[BLOCKS] > 0 &&
        values[BLOCKS] > 0) {
        values[MT_SERVER_KV_USE] = values[BLOCKS_USED] / values[BLOCKS];
        counts[MT_SERVER_KV_USE] = 1;
    }
}

int mt_server_metrics_read(mt_span text, double said[MT_SERVER_METRICS]) {
    int counts[VALUES] = {0}, found = 0;
    double values[VALUES];
    for (int i = 0; i < VALUES; i++)
        values[i] = NAN;
    while (text.length > 0) {
        const char *end = memchr(text.text, '\n', text.length);
        size_t length = end ? (size_t)(end - text.text) : text.length;
        read_line(text.text, length, values, counts);
        size_t taken = length + (end ? 1 : 0);
        text = (mt_span){text.text + taken, text.length - taken};
    }
    for (int i = MT_SERVER_KV_USE; i <= MT_SERVER_HIT_RATE; i++)
        if (counts[i] > 1)
            values[i] /= counts[i];
    fill_in(values, counts);
    for (int i = 0; i < MT_SERVER_METRICS; i++) {
        said[i] = values[i];
        found += counts[i] > 0;
    }
    return found;
}
