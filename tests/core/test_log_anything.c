/* Logs of every format: spoilt bytes, and memory that is out. */
#include "file_support.h"
#include "trace_support.h"
#include "sweep.h"
#include "log_support.h"

#include "text/json_list.h"
#include "trace/log/log.h"

/* ---- anything at all ---- */

/* A good log with some of its bytes changed, cut or doubled is read, or refused with a message. */
static void spoil(void **state, const char *format, const char *good, uint64_t seed) {
    enum { MOST = 2048 };
    static const char bytes[] = "\"\\{}[],:\n\r0-.eE \t\x80nulx";
    char text[2 * MOST];
    size_t length = strlen(good);
    assert_in_range(length, 1, MOST);
    mt_log_options options = {.time_digits = -1,
                              .block_size = 16,
                              .format = format,
                              .skip_bad_rows = (int)below(&seed, 2)};
    memcpy(text, good, length + 1);
    for (uint64_t n = 1 + below(&seed, 4); n > 0; n--) {
        size_t at = below(&seed, length), size = below(&seed, length - at);
        if (below(&seed, 8) == 0 && length + size < sizeof text) { /* a piece twice */
            memmove(text + at + size, text + at, length - at);
            length += size;
        } else if (below(&seed, 8) == 0) {
            length = at + 1;
        } else {
            text[at] = bytes[below(&seed, sizeof bytes - 1)];
        }
    }
    text[length] = '\0';
    mt_error error = {0};
    mt_log_row row;
    int status = -1;
    uint64_t rows = 0;
    mt_log *log = open_text(state, &options, text, &error);
    if (log)
        while ((status = mt_log_next(log, &row, &error)) == 1) {
            rows++;
        }
    assert_in_range(status + 1, 0, 1);
    if (status == -1)
        assert_true(error.code == MT_ERROR_INPUT && error.message[0] != '\0');
    if (log && status == 0)
        assert_int_equal(rows + mt_log_skipped(log, NULL), mt_log_facts_of(log).rows);
    mt_log_close(log);
}

/* Agents, of each kind of log that has them. */
static const char dynamo[] =
    "{\"request_id\": \"a\", \"session_id\": 1, \"timestamp\": 0, \"input_l"
    "ength\": 40, \"output_length\": 5, \"hash_ids\": [1, 2, 3], \"branches"
    "\": [\"b\"]}\n"
    "{\"request_id\": \"b\", \"created_time\": 5.5, \"input_tokens\": 16, "
    "\"output_tokens\": 5, \"hash_ids\": [9], \"wait_for\": [\"a\"], \"dela"
    "y_ms\": 3}\n";

static const char dynamo_trace[] =
    "{\"timestamp\": 5, \"event\": {\"schema\": \"dynamo.request.trace.v1\""
    ", \"event_type\": \"request_end\", \"event_time_unix_ms\": 2000, \"age"
    "nt_context\": {\"session_id\": \"m\"}, \"request\": {\"request_id\": "
    "\"A\", \"model\": \"x\", \"output_tokens\": 6, \"request_received_ms\""
    ": 1000, \"total_time_ms\": 500.5, \"replay\": {\"trace_block_size\": 1"
    "6, \"input_length\": 20, \"input_sequence_hashes\": [1, 2]}}}}\n"
    "{\"schema\": \"dynamo.request.trace.v1\", \"event_type\": \"tool_end\""
    ", \"event_time_unix_ms\": 3000, \"session_id\": \"m\", \"tool\": {\"st"
    "arted_at_unix_ms\": 1600, \"duration_ms\": 40}}\n"
    "{\"schema\": \"dynamo.request.trace.v1\", \"event_type\": \"request_en"
    "d\", \"event_time_unix_ms\": 2900, \"agent_context\": {\"session_id\":"
    " \"s\", \"parent_session_id\": \"m\"}, \"request\": {\"request_id\": "
    "\"S\", \"input_tokens\": 3, \"output_tokens\": 6, \"request_received_m"
    "s\": 1700}}\n"
    "{\"schema\": \"dynamo.request.trace.v1\", \"event_type\": \"request_en"
    "d\", \"event_time_unix_ms\": 5000, \"agent_context\": {\"session_id\":"
    " \"m\"}, \"request\": {\"request_id\": \"B\", \"input_tokens\": 3, \"o"
    "utput_tokens\": 6, \"request_received_ms\": 4000}}\n";

static const char weka[] = "{\"id\": \"w\", \"block_size\": 16, \"hash_id_scope\": \"local\", \"re"
                           "quests\": [{\"t\": 0, \"in\": 20, \"out\": 3, \"hash_ids\": [1], \"api"
                           "_time\": 1, \"model\": \"m\"},\n"
                           " {\"type\": \"subagent\", \"t\": 2, \"duration_ms\": 900, \"requests\""
                           ": [{\"t\": 0, \"in\": 16, \"out\": 3, \"hash_ids\": [4], \"api_time\":"
                           " 0.5}]},\n"
                           " {\"t\": 5, \"in\": 40, \"out\": 3, \"hash_ids\": [1, 2], \"think_time"
                           "\": 1}]}\n";

static const char lmcache[] =
    "{\"timestamp\": 1700000000000000, \"session_id\": \"s\", \"input\": \""
    "so long a text that it fills a block, or more than one\", \"output\": "
    "\"f g h\"}\n"
    "{\"session_id\": \"s\", \"pre_gap\": 0.5, \"output_length\": 9, \"inpu"
    "t\": [{\"role\": \"user\", \"content\": \"a b\"}, {\"tool_calls\": [{"
    "\"function\": {\"name\": \"x\", \"arguments\": \"y\"}}]}]}\n";

#define ROLLED(second, type, payload)                                                              \
    "{\"timestamp\": \"1970-01-01T00:00:" second "Z\", \"type\": \"" type                          \
    "\", \"payload\": {" payload "}}\n"

static const char rollout[] =
    ROLLED("02", "session_meta",
           "\"id\": \"00000000-07d0-7000-8000-000000000001\", \"forked_from_id\": "
           "\"00000000-03e8-7000-8000-000000000001\"")
        ROLLED("02", "session_meta", "\"id\": \"00000000-03e8-7000-8000-000000000001\"")
            ROLLED("02", "turn_context", "\"turn_id\": \"00000000-03e9-7000-8000-000000000001\"")
                ROLLED("02", "event_msg",
                       "\"type\": \"token_count\", \"info\": {\"total_token_usage\": {}, "
                       "\"last_token_usage\": {\"input_tokens\": 5, \"output_tokens\": 2}}")
                    ROLLED("04", "turn_context",
                           "\"turn_id\": \"00000000-0fa0-7000-8000-"
                           "000000000001\", \"model\": \"m\"") ROLLED("05", "event_msg",
                                                                      "\"type\": \"user_message\"")
                        ROLLED("06", "response_item", "\"type\": \"reasoning\"")
                            ROLLED("07", "event_msg",
                                   "\"type\": \"token_count\", \"info\": {\"total_token_usage\": "
                                   "{\"input_tokens\": 9}, \"last_token_usage\": "
                                   "{\"input_tokens\": 7, \"output_tokens\": 3}}");

static void test_codex(void **state) {
    assert_rows(state, &plain, "codex", rollout,
                "0 8 5000000000 7 3 \"00000000-07d0-7000-8000-000000000001\" m/\n");
}

static const char observations[] =
    "[{\"traceId\": \"t\", \"startTime\": \"1970-01-01T00:00:02Z\", \"model\": \"m\", "
    "\"usageDetails\": {\"input\": 5, \"output\": 2}},\n {\"traceId\": \"t\", \"type\": "
    "\"SPAN\"}, {\"sessionId\": \"s\", \"observations\": [{\"startTime\": "
    "\"1970-01-01 00:00:03\", \"usage\": {\"input\": \"7\", \"total\": 9}}]}]\n";
static const char observations_csv[] =
    "traceId,startTime,usageDetails\na,1970-01-01,\"{\"\"input\"\": 3, \"\"output\"\": 1}\"\n";

static void test_langfuse(void **state) {
    assert_rows(state, &plain, "langfuse", observations,
                "0 1 2000000000 5 2 \"t\" m/\n1 2 3000000000 7 0 \"s\"\n");
    assert_rows(state, &plain, "langfuse", observations_csv, "0 2 0 3 1 \"a\"\n");
}

static const char mini_swe[] =
    "{\"info\": {\"model_stats\": {}}, \"messages\": [{\"role\": \"user\", \"timestamp\": 1.5}, "
    "{\"role\": \"assistant\", \"extra\": {\"timestamp\": 3, \"response\": {\"model\": \"m\", "
    "\"created\": 2, \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 2}}}}, "
    "{\"object\": \"response\", \"extra\": {\"timestamp\": 4}, \"usage\": {\"input_tokens\": 9, "
    "\"output_tokens\": 1}}]}\n";
static const char swe_agent[] =
    "{\"trajectory\": [{\"query\": [{\"content\": \"so long a text that it fills a block\"}, "
    "{\"tool_calls\": [{\"name\": \"x\"}]}], \"response\": \"a b\", \"execution_time\": 0.5},\n"
    "{\"query\": []}, {\"messages\": [{\"content\": \"c\"}], \"response\": null}]}\n";

static void test_trajectories(void **state) {
    mt_log_options words = {.time_digits = -1, .token_rule = MT_TOKEN_WORD, .block_size = 4};
    assert_rows(state, &plain, "mini-swe-agent", mini_swe,
                "0 1 1500000000 7 2 \"trajectory 1\" m/\n1 1 4000000000 9 1 \"trajectory 1\"\n");
    assert_rows(state, &words, "swe-agent", swe_agent,
                "0 1 10 2 \"trajectory 1\" [3]\n1 2 1 0 \"trajectory 1\" [1]\n");
}

static const char results[] = "{\"metadata\": {\"conversation_id\": \"c\", \"x_correlation_id\": "
                              "\"x\", \"request_start_ns\": 5}, "
                              "\"metrics\": {\"input_sequence_length\": {\"value\": 9}, "
                              "\"output_sequence_length\": {\"value\": 2}}}\n"
                              "{\"metadata\": {\"conversation_id\": \"c\", \"x_correlation_id\": "
                              "\"y\", \"credit_issued_ns\": 7}, "
                              "\"metrics\": {\"error_isl\": {\"value\": 8}}}\n";
static const char vllm_run[] =
    "{\"model_id\": \"m\", \"input_lens\": [5, 6], \"output_lens\": [1, 0], \"errors\": [\"\", "
    "\"x\"], "
    "\"start_times\": [1.5, 2]}\n{\"input_lens\": [7], \"output_lens\": [3]}\n";
static const char guidellm[] =
    "{\"type_\": \"r\", \"benchmarks\": [{\"requests\": "
    "{\"successful\": [{\"info\": {\"conversation_id\": \"c\"}, \"request_start_time\": 1, "
    "\"prompt_tokens\": 5, \"output_tokens\": 6}], \"errored\": "
    "[{\"start_time\": 2, \"prompt_tokens\": "
    "7}]}}]}\n";
static const char inference_perf[] =
    "[{\"start_time\": 1.5, \"end_time\": 2, \"request\": \"r\", \"info\": {\"input_tokens\": 4, "
    "\"response_metrics\": {\"output_tokens\": 2, \"server_usage\": {\"prompt_tokens\": 5}}}},\n"
    "{\"start_time\": 3, \"info\": {\"input_tokens\": 1}, \"error\": {}}]\n";

static const char inputs[] =
    "{\"data\": [{\"session_id\": \"s\", \"payloads\": [{\"messages\": [{\"role\": \"user\", "
    "\"content\": \"a "
    "b c d e\"}], \"max_tokens\": 3, \"tools\": [1]}, {\"messages\": [{\"content\": \"f\"}]}]},\n"
    "{\"payload\": [{\"prompt\": [[1, 2]], \"model\": \"m\"}], \"session_id\": [\"t\"], \"delay\": "
    "[5], "
    "\"timestamp\": [7]}, {\"text_input\": [\"x\"], \"session_id\": [\"t\"], "
    "\"sampling_parameters\": "
    "\"{\\\"max_tokens\\\": 2}\"}]}\n";
static const char profile[] =
    "{\"experiments\": [{\"experiment\": 1, \"requests\": [{\"timestamp\": 5, \"sequence_id\": 3, "
    "\"request_inputs\": {\"payload\": \"{\\\"prompt\\\": \\\"a b\\\"}\"}, "
    "\"response_timestamps\": [6, 9], "
    "\"response_outputs\": [{\"response\": \"data: {\\\"choices\\\": [{\\\"delta\\\": "
    "{\\\"content\\\": "
    "\\\"x\\\"}}]}\"}, {\"response\": \"data: {\\\"choices\\\": [{\\\"text\\\": \\\" "
    "y\\\"}]}\"}]},\n"
    "{\"timestamp\": 19, \"sequence_id\": 3, \"request_inputs\": {\"input_ids\": [4, 5, 6, 7]}, "
    "\"response_outputs\": [{\"output_ids\": [[1], 2]}]}]}]}\n";

static void test_bodies(void **state) {
    mt_log_options words = {.time_digits = -1, .token_rule = MT_TOKEN_WORD, .block_size = 4};
    assert_rows(state, &words, "inputs-json", inputs,
                "0 1 6 3 \"s\" [2]\n1 1 10 0 \"s\" [3]\n2 2 7000000 2 0 \"t\" m/ [1]\n3 2 1 2 "
                "\"t\" [1]\n");
    /* What follows a body that is none does not go on from what came before it. */
    mt_log_options lenient = words;
    lenient.skip_bad_rows = 1;
    assert_rows(state, &lenient, "inputs-json",
                "{\"data\": [{\"session_id\": \"s\", \"payloads\": [{\"messages\": [{\"content\": "
                "\"a b c d e\"}]}, 5, {\"messages\": [{\"content\": \"f\"}]}]}]}",
                "0 1 5 0 \"s\" [2]\n2 1 1 0 \"s\" [1]\n");
    assert_rows(state, &words, "perf-analyzer", profile, "0 1 5 2 2 3 [1]\n1 2 19 4 2 3 [1]\n");
}

/* Of a conversation that is had several times; as numbers, which have no quotes to part them. */
#define OF_SESSION(conversation, correlation, time)                                                \
    "{\"metadata\": {\"conversation_id\": " conversation ", \"x_correlation_id\": " correlation    \
    ", \"credit_issued_ns\": " time "}, \"metrics\": {\"error_isl\": {\"value\": 9}}}\n"

static void test_benchmarks(void **state) {
    assert_rows(state, &plain, "vllm-bench", vllm_run,
                "0 1 1500000000 5 1 m/\n1 1 2000000000 6 0 m/\n2 2 7 3\n");
    assert_rows(state, &plain, "results", results, "0 1 5 9 2 \"c\"\n1 2 7 8 0 \"c/2\"\n");
    assert_rows(state, &plain, "results",
                OF_SESSION("12", "3", "1") OF_SESSION("1", "23", "2") OF_SESSION("1", "5", "3")
                    OF_SESSION("1", "23", "4"),
                "0 1 1 9 0 12\n1 2 2 9 0 1\n2 3 3 9 0 \"1/2\"\n3 4 4 9 0 1\n");
    REFUSED(&plain, 1, 0, "metadata is missing", "{}\n" OF_SESSION("1", "2", "3"));
    assert_rows(state, &plain, "guidellm", guidellm,
                "0 1 1000000000 5 6 \"c\"\n1 1 2000000000 7 0\n");
    assert_rows(state, &plain, "inference-perf", inference_perf,
                "0 1 1500000000 5 2\n1 2 3000000000 1 0\n");
}

static void test_spoilt_bytes(void **state) {
    for (uint64_t seed = 0; seed < 1500; seed++) {
        spoil(state, "burstgpt", BURSTGPT "1,2,3,\"a\"\"\"\n2.5,20,0,\n3,\"5\",6,x\n", 4 * seed);
        spoil(state, "bailian",
              BAILIAN ", \"hash_ids\": [1, 2], \"x\": {\"y\": 3}}\n" BAILIAN "}\n", 4 * seed + 1);
        spoil(state, "aibrix",
              "{\"timestamp\": 1, \"requests\": [{\"prompt_length\": 3, \"output_length\": 4}, "
              "{\"prompt_length\": 5, \"output_length\": 6, \"session_id\": \"s\"}]}\n",
              4 * seed + 2);
        spoil(state, "sharegpt", conversations, 4 * seed + 3);
        if (seed % 3 != 0)
            continue; /* longer ones */
        spoil(state, "dynamo", dynamo, seed);
        spoil(state, "dynamo-trace", dynamo_trace, seed);
        spoil(state, "weka", weka, seed);
        spoil(state, "lmcache", lmcache, seed);
        spoil(state, "claude-code", transcript, seed);
        spoil(state, "otel", spans, seed);
        spoil(state, "codex", rollout, seed);
        spoil(state, "langfuse", observations, seed);
        spoil(state, "mini-swe-agent", mini_swe, seed);
        spoil(state, "swe-agent", swe_agent, seed);
        spoil(state, "results", results, seed);
        spoil(state, "vllm-bench", vllm_run, seed);
        spoil(state, "guidellm", guidellm, seed);
        spoil(state, "inference-perf", inference_perf, seed);
        spoil(state, "inputs-json", inputs, seed);
        spoil(state, "perf-analyzer", profile, seed);
        spoil(state, "langfuse", observations_csv, seed);
    }
}

/* Positions in an object of a list: asked for forwards, again, and backwards. */
static void test_places(void **state) {
    static const char text[] = "\n[{\"a\": 1,\n \"b\":\n2}, {\"c\": 3}]";
    static const struct {
        size_t at;
        uint64_t line, column;
    } places[] = {{0, 2, 2}, {9, 3, 1}, {10, 3, 2}, {10, 3, 2}, {15, 4, 1}, {16, 4, 2}, {1, 2, 3}};
    const char *path = in_folder(state, "list");
    mt_error error = {0};
    write_file(path, text, strlen(text));
    mt_input *input = mt_input_open(path, &error);
    mt_json_list list = {.input = input, .what = "thing"};
    uint64_t line, column;
    assert_int_equal(mt_json_list_next(&list, &error), 1);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        mt_json_list_locate(&list, list.text + places[i].at, &line, &column);
        assert_int_equal(line, places[i].line);
        assert_int_equal(column, places[i].column);
    }
    assert_int_equal(mt_json_list_next(&list, &error), 1);
    mt_json_list_locate(&list, list.text + 1, &line, &column);
    assert_int_equal(line, 4);
    assert_int_equal(column, 6);
    mt_json_list_free(&list);
    mt_input_close(input);
}

/* ---- memory ---- */

static void run_out_of_memory(void **state, const char *text) {
    mt_log_options options = {.time_digits = -1, .block_size = 16};
    for (sweep all = {.sticky = 1}; sweep_next(&all);) {
        mt_log_row row;
        int status = -1;
        const char *path = in_folder(state, "log");
        write_file(path, text, strlen(text));
        mt_log *log = mt_log_open(path, &options, &all.error);
        if (log)
            while ((status = mt_log_next(log, &row, &all.error)) == 1)
                ;
        all.code = status == 0 ? MT_OK : all.error.code;
        mt_log_close(log);
    }
}

static void test_memory_runs_out(void **state) {
    run_out_of_memory(state, BURSTGPT "1,1,1,session\n2,2,2,\n");
    run_out_of_memory(state, BAILIAN ", \"hash_ids\": [1, 2], \"x\": 3}\n");
    run_out_of_memory(state, "{\"timestamp\": 1, \"requests\": [{\"prompt_length\": 3, "
                             "\"output_length\": 4}]}\n");
    run_out_of_memory(state, conversations);
    run_out_of_memory(state, dynamo);
    run_out_of_memory(state, dynamo_trace);
    run_out_of_memory(state, weka);
    run_out_of_memory(state, lmcache);
    run_out_of_memory(state, transcript);
    run_out_of_memory(state, spans);
    run_out_of_memory(state, rollout);
    run_out_of_memory(state, observations);
    run_out_of_memory(state, mini_swe);
    run_out_of_memory(state, swe_agent);
    run_out_of_memory(state, results);
    run_out_of_memory(state, vllm_run);
    run_out_of_memory(state, guidellm);
    run_out_of_memory(state, inference_perf);
    run_out_of_memory(state, inputs);
    run_out_of_memory(state, profile);
    run_out_of_memory(state, observations_csv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_codex),           WITH_FOLDER(test_langfuse),
        WITH_FOLDER(test_trajectories),    WITH_FOLDER(test_benchmarks),
        WITH_FOLDER(test_bodies),          WITH_FOLDER(test_places),
        WITH_FOLDER(test_memory_runs_out), WITH_FOLDER(test_spoilt_bytes),
    };
    return cmocka_run_group_tests_name("log of anything", tests, NULL, NULL);
}
