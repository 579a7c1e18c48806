#include "drive/server_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const mt_server_metric_names[MT_SERVER_METRICS] = {
    "running",       "waiting",       "kv_use",        "prefix_queries", "prefix_hits",
    "prompt_tokens", "cached_tokens", "output_tokens", "preemptions"};

int mt_server_metric_is_counter(mt_server_metric metric) {
    return metric >= MT_SERVER_PREFIX_QUERIES;
}

/* Without the "_total" that counters may end in. */
static const struct {
    const char *name;
    mt_server_metric metric;
} known[] = {
    {"vllm:num_requests_running", MT_SERVER_RUNNING},
    {"vllm:num_requests_waiting", MT_SERVER_WAITING},
    {"vllm:kv_cache_usage_perc", MT_SERVER_KV_USE},
    {"vllm:gpu_cache_usage_perc", MT_SERVER_KV_USE},
    {"vllm:prefix_cache_queries", MT_SERVER_PREFIX_QUERIES},
    {"vllm:prefix_cache_hits", MT_SERVER_PREFIX_HITS},
    {"vllm:gpu_prefix_cache_queries", MT_SERVER_PREFIX_QUERIES},
    {"vllm:gpu_prefix_cache_hits", MT_SERVER_PREFIX_HITS},
    {"vllm:prompt_tokens", MT_SERVER_PROMPT_TOKENS},
    {"vllm:prompt_tokens_cached", MT_SERVER_CACHED_TOKENS},
    {"vllm:generation_tokens", MT_SERVER_OUTPUT_TOKENS},
    {"vllm:num_preemptions", MT_SERVER_PREEMPTIONS},
    {"sglang:num_running_reqs", MT_SERVER_RUNNING},
    {"sglang:num_queue_reqs", MT_SERVER_WAITING},
    {"sglang:token_usage", MT_SERVER_KV_USE},
    {"sglang:prompt_tokens", MT_SERVER_PROMPT_TOKENS},
    {"sglang:cached_tokens", MT_SERVER_CACHED_TOKENS},
    {"sglang:generation_tokens", MT_SERVER_OUTPUT_TOKENS},
    {"trtllm_num_requests_running", MT_SERVER_RUNNING},
    {"trtllm_num_requests_waiting", MT_SERVER_WAITING},
    {"trtllm_kv_cache_utilization", MT_SERVER_KV_USE},
    {"llamacpp:requests_processing", MT_SERVER_RUNNING},
    {"llamacpp:requests_deferred", MT_SERVER_WAITING},
    {"llamacpp:prompt_tokens", MT_SERVER_PROMPT_TOKENS},
    {"llamacpp:tokens_predicted", MT_SERVER_OUTPUT_TOKENS},
    {"tgi_batch_current_size", MT_SERVER_RUNNING},
    {"tgi_queue_size", MT_SERVER_WAITING},
    {"dynamo_frontend_inflight_requests", MT_SERVER_RUNNING},
    {"dynamo_frontend_queued_requests", MT_SERVER_WAITING},
    {"dynamo_frontend_cached_tokens", MT_SERVER_CACHED_TOKENS},
    {"dynamo_frontend_output_tokens", MT_SERVER_OUTPUT_TOKENS},
    {"lmdeploy:num_requests_running", MT_SERVER_RUNNING},
    {"lmdeploy:num_requests_waiting", MT_SERVER_WAITING},
    {"lmdeploy:gpu_cache_usage_perc", MT_SERVER_KV_USE},
    {"lmdeploy:prompt_tokens", MT_SERVER_PROMPT_TOKENS},
    {"lmdeploy:cached_tokens", MT_SERVER_CACHED_TOKENS},
    {"lmdeploy:generation_tokens", MT_SERVER_OUTPUT_TOKENS},
};

/* The meaning of a sample's name; -1 for others. */
static int meaning(mt_span name) {
    static const char total[] = "_total";
    size_t suffix = sizeof total - 1;
    if (name.length > suffix && !memcmp(name.text + name.length - suffix, total, suffix))
        name.length -= suffix;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == name.length && !memcmp(known[i].name, name.text, name.length))
            return (int)known[i].metric;
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
    int metric = meaning((mt_span){line, at});
    if (metric < 0)
        return;
    if (at < length && line[at] == '{')
        at = after_labels(line, at, length);
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

int mt_server_metrics_read(mt_span text, double values[MT_SERVER_METRICS]) {
    int counts[MT_SERVER_METRICS] = {0}, found = 0;
    for (int i = 0; i < MT_SERVER_METRICS; i++)
        values[i] = NAN;
    while (text.length > 0) {
        const char *end = memchr(text.text, '\n', text.length);
        size_t length = end ? (size_t)(end - text.text) : text.length;
        read_line(text.text, length, values, counts);
        size_t taken = length + (end ? 1 : 0);
        text = (mt_span){text.text + taken, text.length - taken};
    }
    if (counts[MT_SERVER_KV_USE] > 1)
        values[MT_SERVER_KV_USE] /= counts[MT_SERVER_KV_USE];
    for (int i = 0; i < MT_SERVER_METRICS; i++)
        found += counts[i] > 0;
    return found;
}
