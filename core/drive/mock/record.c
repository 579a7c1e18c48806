/* What is told of the server's work: the page of /metrics, and the log. */
#include "drive/mock/state.h"

#include <stdio.h>

/* --- latencies ---------------------------------------------------------------------------------- */

static const double bounds[MT_LATENCY_BUCKETS] = {
    0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
    0.75,  1,     2.5,  5,     7.5,  10,    20,  40,   80,  160, 640, 2560};

void mt_latency_add(mt_latencies *latencies, int64_t ns) {
    double seconds = (double)ns * 1e-9;
    int bucket = 0;
    while (bucket < MT_LATENCY_BUCKETS && seconds > bounds[bucket])
        bucket++;
    latencies->counts[bucket]++;
    latencies->sum += seconds;
}

/* --- the page ----------------------------------------------------------------------------------- */

static const char *model_of(const mt_mock *mock) {
    return mock->options.model ? mock->options.model : "mock";
}

static void put_value(mt_mock *mock, const char *name, const char *type, double value) {
    mt_bytes_format(&mock->page,
                    "# TYPE vllm:%s %s\nvllm:%s{engine=\"0\",model_name=\"%s\"} %.17g\n", name,
                    type, name, model_of(mock), value);
}

static void put_counter(mt_mock *mock, const char *name, uint64_t value) {
    put_value(mock, name, "counter", (double)value);
}

static void put_latencies(mt_mock *mock, const char *name, const mt_latencies *latencies) {
    mt_bytes *page = &mock->page;
    uint64_t below = 0;
    mt_bytes_format(page, "# TYPE vllm:%s histogram\n", name);
    for (int i = 0; i <= MT_LATENCY_BUCKETS; i++) {
        char bound[32] = "+Inf";
        if (i < MT_LATENCY_BUCKETS)
            snprintf(bound, sizeof bound, "%g", bounds[i]);
        below += latencies->counts[i];
        mt_bytes_format(page, "vllm:%s_bucket{engine=\"0\",model_name=\"%s\",le=\"%s\"} %llu\n",
                        name, model_of(mock), bound, (unsigned long long)below);
    }
    mt_bytes_format(page, "vllm:%s_count{engine=\"0\",model_name=\"%s\"} %llu\n", name,
                    model_of(mock), (unsigned long long)below);
    mt_bytes_format(page, "vllm:%s_sum{engine=\"0\",model_name=\"%s\"} %.9g\n", name,
                    model_of(mock), latencies->sum);
}

static void put_finished(mt_mock *mock, const char *reason, uint64_t count) {
    mt_bytes_format(&mock->page,
                    "vllm:request_success_total{engine=\"0\",finished_reason=\"%s\","
                    "model_name=\"%s\"} %llu\n",
                    reason, model_of(mock), (unsigned long long)count);
}

void mt_mock_metrics(mt_mock *mock) {
    double usage = 0;
    if (mock->cache) {
        usage = (double)mock->used_blocks / (double)mock->options.kv_blocks;
        usage = usage < 1 ? usage : 1;
    }
    mock->page.length = 0;
    put_value(mock, "num_requests_running", "gauge", (double)mock->running);
    put_value(mock, "num_requests_waiting", "gauge", (double)mock->waiting.count);
    put_value(mock, "kv_cache_usage_perc", "gauge", usage);
    put_counter(mock, "prefix_cache_queries_total", mock->queried_tokens);
    put_counter(mock, "prefix_cache_hits_total", mock->counts.cached_tokens);
    put_counter(mock, "prompt_tokens_total", mock->counts.prompt_tokens);
    put_counter(mock, "prompt_tokens_cached_total", mock->counts.cached_tokens);
    put_counter(mock, "generation_tokens_total", mock->counts.generated_tokens);
    put_counter(mock, "num_preemptions_total", 0);
    mt_bytes_text(&mock->page, "# TYPE vllm:request_success_total counter\n");
    put_finished(mock, "stop", mock->finished_stop);
    put_finished(mock, "length", mock->finished_length);
    put_finished(mock, "abort", mock->counts.aborted);
    put_latencies(mock, "time_to_first_token_seconds", &mock->ttft);
    put_latencies(mock, "inter_token_latency_seconds", &mock->itl);
    put_latencies(mock, "request_queue_time_seconds", &mock->queue);
    put_latencies(mock, "e2e_request_latency_seconds", &mock->e2e);
}

/* --- the log ------------------------------------------------------------------------------------ */

void mt_mock_log(mt_mock *mock, const mt_connection *connection, const char *event,
                 uint64_t tokens) {
    if (!mock->log || mock->fails)
        return;
    char line[96];
    int length = snprintf(line, sizeof line, "%llu,%s,%llu,%lld\n",
                          (unsigned long long)connection->text.number, event,
                          (unsigned long long)tokens, (long long)mt_mock_look_at_clock(mock));
    if (mt_output_write(mock->log, line, (size_t)length, &mock->error) != MT_OK)
        mock->fails = 1;
}
