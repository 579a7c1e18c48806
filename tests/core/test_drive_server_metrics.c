/* What servers say at /metrics, as known answers: a few lines of each, and what is no sample. */
#include "drive/server_metrics.h"

#include "file_support.h"

#include <math.h>
#include <string.h>

static int read_text(const char *text, double *values) {
    return mt_server_metrics_read((mt_span){text, strlen(text)}, values);
}

static void test_servers(void **state) {
    (void)state;
    struct {
        const char *text;
        double values[MT_SERVER_METRICS]; /* in the order of the names */
    } rows[] = {
        {"# HELP vllm:num_requests_running Number of requests\n"
         "# TYPE vllm:num_requests_running gauge\n"
         "vllm:num_requests_running{engine=\"0\",model_name=\"a b\"} 3.0\n"
         "vllm:num_requests_running{engine=\"1\",model_name=\"a b\"} 4.0\n"
         "vllm:num_requests_waiting{engine=\"0\"} 2\n"
         "vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.25\n"
         "vllm:prefix_cache_queries_total 100\nvllm:prefix_cache_queries_created 1.7e9\n"
         "vllm:prefix_cache_hits_total 40\nvllm:prompt_tokens_total 1.5e+3\n"
         "vllm:prompt_tokens_cached_total 7\nvllm:generation_tokens_total 20 1700000000000\n"
         "vllm:num_preemptions_total 1\n"
         "vllm:request_success_total{finished_reason=\"stop\"} 5\n"
         "vllm:request_success_total{finished_reason=\"length\"} 7\n",
         {7, 2, 0.375, NAN, 100, 40, 1500, 7, 20, 1, 12, NAN}},
        {"sglang:num_running_reqs{x=\"1\"} 5\nsglang:num_queue_reqs 1\nsglang:token_usage 0.1\n"
         "sglang:cached_tokens_total{cache_source=\"device\"} 3\n"
         "sglang:cached_tokens_total{cache_source=\"host\"} 4\nsglang:prompt_tokens_total 9\n"
         "sglang:generation_tokens_total 8\nsglang:cache_hit_rate{rank=\"0\"} 0.9\n"
         "sglang:cache_hit_rate{rank=\"1\"} 0.7\nsglang:num_aborted_requests_total 2\n",
         {5, 1, 0.1, 0.8, NAN, NAN, 9, 7, 8, NAN, NAN, 2}},
        {"trtllm_num_requests_running 1\ntrtllm_num_requests_waiting 2\n"
         "trtllm_kv_cache_utilization 0.3",
         {1, 2, 0.3, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}},
        /* Triton, with TensorRT-LLM in it ... */
        {"nv_inference_request_success{model=\"ensemble\",version=\"1\"} 9\n"
         "nv_inference_request_failure{model=\"ensemble\",reason=\"BACKEND\",version=\"1\"} 1\n"
         "nv_inference_pending_request_count{model=\"ensemble\",version=\"1\"} 7\n"
         "nv_trt_llm_request_metrics{model=\"t\",request_type=\"context\",version=\"1\"} 1\n"
         "nv_trt_llm_request_metrics{model=\"t\",request_type=\"scheduled\",version=\"1\"} 3\n"
         "nv_trt_llm_request_metrics{model=\"t\",request_type=\"max\",version=\"1\"} 512\n"
         "nv_trt_llm_request_metrics{request_type=\"waiting\",model=\"t\"} 4\n"
         "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"tokens_per\",model=\"t\"} 64\n"
         "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"used\",model=\"t\"} 50\n"
         "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"max\",model=\"t\"} 200\n",
         {3, 4, 0.25, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 9, 1}},
        {"nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"used\",model=\"t\"} 50\n"
         "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"max\",model=\"t\"} 200\n"
         "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"fraction\",model=\"t\"} 0.5\n",
         {NAN, NAN, 0.5, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}},
        /* ... and with another backend: no label is taken for another's. */
        {"nv_inference_request_success{model=\"a\"} 9\nnv_inference_request_success{model=\"b\"} "
         "2\n"
         "nv_inference_pending_request_count{model=\"a\"} 7\n"
         "nv_trt_llm_request_metrics{my_request_type=\"scheduled\"} 3\n"
         "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"used\"} 50\n",
         {NAN, 7, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 11, NAN}},
        {"llamacpp:requests_processing 1\r\nllamacpp:requests_deferred 0\r\n"
         "llamacpp:prompt_tokens_total 30\r\nllamacpp:tokens_predicted_total 31\r\n",
         {1, 0, NAN, NAN, NAN, NAN, 30, NAN, 31, NAN, NAN, NAN}},
        {"tgi_batch_current_size 6\ntgi_queue_size 7\ntgi_request_failure{err=\"validation\"} 3\n",
         {6, 7, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 3}},
        {"dynamo_frontend_inflight_requests{model=\"m\"} 2\n"
         "dynamo_frontend_queued_requests{model=\"m\"} 3\n"
         "dynamo_frontend_cached_tokens 5\ndynamo_frontend_output_tokens_total 6\n",
         {2, 3, NAN, NAN, NAN, NAN, NAN, 5, 6, NAN, NAN, NAN}},
        {"lmdeploy:num_requests_running 1\nlmdeploy:num_requests_waiting 2\n"
         "lmdeploy:gpu_cache_usage_perc 0.75\nlmdeploy:prompt_tokens_total 10\n"
         "lmdeploy:prefix_cache_hit_rate 0.5\nlmdeploy:cached_tokens_total "
         "4\nlmdeploy:generation_tokens_total 5\n",
         {1, 2, 0.75, 0.5, NAN, NAN, 10, 4, 5, NAN, NAN, NAN}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double values[MT_SERVER_METRICS];
        int found = 0;
        for (int k = 0; k < MT_SERVER_METRICS; k++)
            found += !isnan(rows[i].values[k]);
        assert_int_equal(read_text(rows[i].text, values), found);
        for (int k = 0; k < MT_SERVER_METRICS; k++) {
            assert_int_equal(isnan(values[k]), isnan(rows[i].values[k]));
            if (!isnan(values[k]))
                assert_true(fabs(values[k] - rows[i].values[k]) < 1e-12);
        }
    }
}

static void test_braces_inside_labels(void **state) {
    (void)state;
    double values[MT_SERVER_METRICS];
    assert_int_equal(read_text("tgi_queue_size{a=\"}\",b=\"\\\"} 9\"} 4\n", values), 1);
    assert_true(values[MT_SERVER_WAITING] == 4);
}

static void test_no_samples(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n",
        "{\"iter\": 1}",
        "tgi_queue_size",
        "tgi_queue_size ",
        "tgi_queue_size NaN\n",
        "tgi_queue_size +Inf\n",
        "tgi_queue_size 1x\n",
        "tgi_queue_size{a=\"b 4\n",
        "tgi_queue_size{a=\"\\",
        "tgi_queue_sizes 4\n",
        "#tgi_queue_size 4\n",
        "tgi_queue_size_bucket{le=\"1\"} 4\n",
        "tgi_queue_size 1111111111111111111111111111111111111111111111111111111111111111e999\n",
    };
    double values[MT_SERVER_METRICS];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(read_text(texts[i], values), 0);
}

static void test_names(void **state) {
    (void)state;
    for (int i = 0; i < MT_SERVER_METRICS; i++) {
        assert_non_null(mt_server_metric_names[i]);
        assert_int_equal(mt_server_metric_is_counter((mt_server_metric)i), i > MT_SERVER_HIT_RATE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_braces_inside_labels),
        cmocka_unit_test(test_no_samples),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
