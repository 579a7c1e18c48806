/* Requests of a finished run: lines that were written of exchanges give the very results that the
 * exchanges gave; AIPerf's lines; files that are cut or wrong; memory that is out. */
#include "drive/measure/merge.h"

#include "base/memory.h"
#include "file_support.h"
#include "trace_support.h"

#include "sweep.h"

#include <math.h>

static const int64_t epoch_ns = 1795951215428134876;

static const char *a_file(void **state, const char *text, size_t length) {
    const char *path = in_folder(state, "profile_export.jsonl");
    write_file(path, text, length);
    return path;
}

/* ---- written and read back -------------------------------------------------------------------- */

typedef struct many {
    mt_exchange exchange;
    mt_asked asked;
    mt_request row;
    uint32_t gaps[4];
    char fields[64];
} many;

/* Any exchange that a driver may give, in all of its forms. */
static void make_exchange(uint64_t *random, uint64_t number, many *one) {
    static const int failures[] = {MT_FAILURE_REFUSED,         MT_FAILURE_STATUS,
                                   MT_FAILURE_OVERLOAD,        MT_FAILURE_MALFORMED,
                                   MT_FAILURE_CANCELLED_AFTER, MT_FAILURE_CANCELLED_RUN_END,
                                   MT_FAILURE_NOT_SENT};
    *one = (many){.asked = {.number = number, .line = number + 1, .turn = below(random, 3)}};
    mt_exchange *e = &one->exchange;
    mt_exchange_begin(e, number, (int64_t)below(random, 1000000000));
    int is_stream = below(random, 4) > 0;
    int fails = below(random, 3) == 0;
    e->failure = fails ? failures[below(random, 7)] : MT_FAILURE_NONE;
    e->status = e->failure == MT_FAILURE_STATUS     ? 500 + (int)below(random, 3)
                : e->failure == MT_FAILURE_OVERLOAD ? (below(random, 2) ? 429 : 200)
                                                    : 200;
    if (fails)
        snprintf(e->text, sizeof e->text, "no \"%d\"\t\xc3\xa9", (int)below(random, 2));
    if (e->failure != MT_FAILURE_NOT_SENT) {
        e->begun_ns = e->due_ns + (int64_t)below(random, 1000);
        e->sent_ns = e->begun_ns + (int64_t)below(random, 100000);
        e->first_byte_ns = e->sent_ns + (int64_t)below(random, 1000000000);
        e->end_ns = e->first_byte_ns + (int64_t)below(random, 1000000000);
        e->read_lag_ns = (int64_t)below(random, 100000);
    }
    if (!fails) {
        e->contents = 1;
        if (is_stream) {
            e->contents = 1 + (uint32_t)below(random, 4);
            e->first_event_ns = e->first_content_ns = e->first_byte_ns;
            e->last_content_ns = e->contents > 1 ? e->end_ns - 5 : e->first_content_ns;
            if (e->contents > 1)
                e->second_content_ns = e->first_content_ns + 3;
            for (uint32_t i = 0; i + 1 < e->contents; i++)
                one->gaps[i] = (uint32_t)below(random, i ? 100 : UINT32_MAX);
            e->gap_count = e->contents - 1;
            e->gaps = one->gaps;
            e->together = (uint32_t)below(random, 2);
        }
        if (below(random, 2))
            e->completion_tokens = (int64_t)below(random, 9);
        if (below(random, 2))
            e->prompt_tokens = (int64_t)below(random, 900);
        e->cached_tokens = below(random, 2) ? (int64_t)below(random, 90) : MT_COUNT_NULL;
        e->reasoning_tokens = below(random, 2) ? 3 : MT_COUNT_ABSENT;
    }
    e->noted = (is_stream ? MT_WAS_STREAM : 0) | (below(random, 3) ? MT_SAW_DONE : 0) |
               (below(random, 5) ? 0 : MT_WAS_RESENT) |
               (below(random, 2) ? MT_HAS_KERNEL_STAMPS : 0);
    e->endpoint = (uint16_t)below(random, 3);
    one->asked.has_input = below(random, 4) > 0;
    one->asked.has_output = below(random, 4) > 0;
    one->asked.input = one->asked.has_input ? 10 + below(random, 1000) : 0;
    one->asked.output = one->asked.has_output ? below(random, 10) : 0;
    one->asked.is_outside = below(random, 5) == 0;
    snprintf(one->fields, sizeof one->fields, "\"tenant\": %d, \"ids\": [1, 2]",
             (int)below(random, 3));
    one->row.extra = (mt_span){one->fields, strlen(one->fields)};
    one->row.stream = (mt_span){"\"chat\"", 6};
    one->row.has = MT_HAS_STREAM;
}

static void write_exchange(mt_output *output, many *one) {
    const char *session = one->asked.number % 2 ? "null" : "\"s \\u00e9\"";
    one->asked.request = &one->row;
    assert_int_equal(mt_results_write_line(output, &one->exchange, &one->asked, epoch_ns, "id",
                                           "correlation", session, strlen(session), NULL),
                     MT_OK);
}

static void same_moment(int64_t read, int64_t written) {
    assert_true(read == (written == MT_NEVER ? MT_NEVER : written + epoch_ns));
}

static void same_results(mt_results *read, mt_results *run) {
    uint64_t counts[][2] = {{read->due, run->due},
                            {read->done, run->done},
                            {read->failed, run->failed},
                            {read->cancelled, run->cancelled},
                            {read->not_sent, run->not_sent},
                            {read->good, run->good},
                            {read->resent, run->resent},
                            {read->flagged, run->flagged},
                            {read->usage_said, run->usage_said},
                            {read->cached_said, run->cached_said},
                            {read->failure_count, run->failure_count}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i][0] != counts[i][1])
            fail_msg("count %d: %d is not %d", (int)i, (int)counts[i][0], (int)counts[i][1]);
    assert_true(read->prompt_tokens == run->prompt_tokens);
    assert_true(read->cached_tokens == run->cached_tokens);
    assert_true(read->output_tokens == run->output_tokens);
    assert_true(read->input_tokens == run->input_tokens);
    assert_true(read->failed_input == run->failed_input);
    same_moment(read->first_begun_ns, run->first_begun_ns);
    same_moment(read->last_answer_ns, run->last_answer_ns);
    same_moment(read->first_due_ns, run->first_due_ns);
    same_moment(read->last_due_ns, run->last_due_ns);
    same_moment(read->last_sent_ns, run->last_sent_ns);
    for (size_t i = 0; i < run->failure_count; i++) {
        assert_int_equal(read->failures[i].failure, run->failures[i].failure);
        assert_int_equal(read->failures[i].status, run->failures[i].status);
        assert_int_equal(read->failures[i].count, run->failures[i].count);
        assert_string_equal(read->failures[i].text, run->failures[i].text);
    }
    assert_int_equal(read->gaps->count, run->gaps->count);
    assert_memory_equal(read->gaps, run->gaps, sizeof *run->gaps);
    for (int i = 0; i < MT_MEASURES; i++) {
        mt_sample_summary a, b;
        mt_sample_summarise(&read->samples[i], &a);
        mt_sample_summarise(&run->samples[i], &b);
        if (a.count != b.count || (a.count > 0 && memcmp(&a, &b, sizeof a) != 0))
            fail_msg("%s: %.17g is not %.17g", mt_measures[i].key, a.avg, b.avg);
    }
}

static void test_results_of_lines_are_the_run_s(void **state) {
    enum { COUNT = 3000 };
    uint64_t random = 20;
    mt_objective objectives[] = {{mt_measure_by_name("ttft"), 400},
                                 {mt_measure_by_name("e2e"), 900}};
    mt_results run[2], read[2];
    mt_run_requests requests = {0};
    const char *path = in_folder(state, "profile_export.jsonl");
    mt_output *output = mt_output_open(path, NULL);
    for (int i = 0; i < 2; i++) {
        mt_results_begin(&run[i], objectives, 2);
        mt_results_begin(&read[i], objectives, 2);
    }
    many *all = malloc(COUNT * sizeof *all);
    for (uint64_t i = 0; i < COUNT; i++) {
        make_exchange(&random, i, &all[i]);
        if (all[i].exchange.gap_count > 0)
            all[i].exchange.gaps = all[i].gaps;
        assert_int_equal(
            mt_results_add(&run[all[i].asked.is_outside], &all[i].exchange, &all[i].asked, NULL),
            MT_OK);
        write_exchange(output, &all[i]);
    }
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    assert_int_equal(mt_run_requests_read(&requests, path, 7, NULL, NULL), MT_OK);
    assert_int_equal(requests.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const mt_run_request *row = &requests.rows[i];
        const mt_exchange *e = &all[i].exchange;
        assert_int_equal(row->number, i);
        assert_int_equal(row->line, i + 1);
        assert_int_equal(row->turn, all[i].asked.turn);
        assert_int_equal(row->part, 7);
        assert_int_equal(row->failure, e->failure);
        assert_int_equal(row->status, e->status);
        assert_int_equal(row->endpoint, e->endpoint);
        same_moment(row->due_ns, e->due_ns);
        same_moment(row->begun_ns, e->begun_ns);
        same_moment(row->sent_ns, e->sent_ns);
        same_moment(row->answer_ns, e->first_byte_ns);
        same_moment(row->end_ns, e->end_ns);
        char text[MT_ENDPOINT_ROOM], wanted[MT_ENDPOINT_ROOM];
        mt_span session = mt_run_requests_member(&requests, i, "session_id", text);
        assert_int_equal(session.length, i % 2 ? 0 : 10);
        mt_span tenant = mt_run_requests_member(&requests, i, "tenant", text),
                stream = mt_run_requests_member(&requests, i, "stream", text);
        assert_memory_equal(tenant.text, all[i].fields + 10, 1);
        assert_memory_equal(stream.text, "\"chat\"", 6);
        assert_int_equal(mt_run_requests_member(&requests, i, "ids", text).length, 0);
        mt_span endpoint = mt_run_requests_member(&requests, i, MT_BY_ENDPOINT, text);
        snprintf(wanted, sizeof wanted, "%u", e->endpoint);
        assert_int_equal(endpoint.length, strlen(wanted));
        assert_memory_equal(endpoint.text, wanted, endpoint.length);
        assert_int_equal(mt_results_add_row(&read[row->phase], &requests, i, NULL), MT_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(run[i].due > 100);
        same_results(&read[i], &run[i]);
        mt_results_free(&run[i]);
        mt_results_free(&read[i]);
    }
    mt_run_requests_free(&requests);
    free(all);
}

/* ---- lines of other tools --------------------------------------------------------------------- */

static const char aiperf[] =
    "{\"metadata\":{\"session_num\":45,\"x_request_id\":\"7609a2e7\",\"x_correlation_id\":"
    "\"32ee4f33\","
    "\"conversation_id\":\"77aa5b0e\",\"turn_index\":1,\"credit_issued_ns\":1762987200000000000,"
    "\"request_start_ns\":1762987200000000100,\"request_ack_ns\":null,"
    "\"request_end_ns\":1762987201000000100,\"worker_id\":\"worker_359d\","
    "\"record_processor_id\":\"record_processor_1f\",\"benchmark_phase\":\"profiling\","
    "\"was_cancelled\":false,\"cancellation_time_ns\":null},\"metrics\":{"
    "\"input_sequence_length\":{\"value\":550,\"unit\":\"tokens\"},"
    "\"time_to_first_token\":{\"value\":255.88656799999998,\"unit\":\"ms\"},"
    "\"request_latency\":{\"value\":0.75,\"unit\":\"sec\"},"
    "\"output_sequence_length\":{\"value\":3,\"unit\":\"tokens\"},"
    "\"inter_chunk_latency\":{\"value\":[4.898656,5.31639],\"unit\":\"ms\"},"
    "\"a_new_metric\":{\"value\":{\"p\":[1,{}]},\"unit\":\"x\"}},\"error\":null}\n"
    "{\"metadata\":{\"session_num\":46,\"benchmark_phase\":\"warmup\",\"was_cancelled\":false},"
    "\"metrics\":{\"error_isl\":{\"value\":550,\"unit\":\"tokens\"}},\"error\":{\"code\":429,"
    "\"type\":\"Too Many Requests\",\"message\":\"slow\\u0020down\"}}\n"
    "{\"metadata\":{\"was_cancelled\":true},\"metrics\":{},\"error\":{\"code\":499,"
    "\"type\":\"RequestCancellationError\",\"message\":\"gone\"}}\n"
    "\n"
    "{\"metadata\":{},\"metrics\":{},\"error\":{\"code\":null,\"type\":\"ClientConnectorError\","
    "\"message\":\"no\"}}\n";

/* A latency of which no moment can be told: the answer ended when the request did. */
static void test_endless_latency(void **state) {
    static const char text[] =
        "{\"metadata\": {\"request_start_ns\": 1000, \"request_end_ns\": 2000}, \"metrics\": "
        "{\"request_latency\": {\"value\": 1e300, \"unit\": \"ms\"}}}\n";
    const char *path = a_file(state, text, sizeof text - 1);
    mt_run_requests requests = {0};
    mt_results results;
    mt_results_begin(&results, NULL, 0);
    assert_int_equal(mt_run_requests_read(&requests, path, 0, NULL, NULL), MT_OK);
    assert_int_equal(mt_results_add_row(&results, &requests, 0, NULL), MT_OK);
    assert_int_equal(results.last_answer_ns, 2000);
    mt_results_free(&results);
    mt_run_requests_free(&requests);
}

static void test_aiperf_s_lines(void **state) {
    const char *path = a_file(state, aiperf, sizeof aiperf - 1);
    mt_run_requests requests = {0};
    mt_error error;
    if (mt_run_requests_read(&requests, path, 0, NULL, &error) != MT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(requests.count, 4);
    const mt_run_request *rows = requests.rows;
    assert_int_equal(rows[0].number, 45);
    assert_int_equal(rows[0].turn, 1);
    assert_true(rows[0].begun_ns == 1762987200000000100);
    assert_true(rows[0].answer_ns == MT_NEVER && rows[0].sent_ns == MT_NEVER);
    assert_int_equal(rows[0].failure, MT_FAILURE_NONE);
    assert_true(mt_run_requests_metric(&requests, 0, mt_measure_by_name("ttft")) ==
                255.88656799999998);
    assert_true(mt_run_requests_metric(&requests, 0, mt_measure_by_name("e2e")) == 750);
    assert_true(isnan(mt_run_requests_metric(&requests, 0, mt_measure_by_name("lag"))));
    assert_true(isnan(mt_run_requests_metric(&requests, 1, mt_measure_by_name("e2e"))));
    assert_int_equal(rows[0].gap_count, 2);
    assert_int_equal(requests.gaps[0], 48987);
    assert_int_equal(requests.gaps[1], 53164);
    assert_int_equal(rows[1].phase, MT_PHASE_WARMUP);
    assert_int_equal(rows[1].failure, MT_FAILURE_OVERLOAD);
    assert_int_equal(rows[1].status, 429);
    assert_memory_equal(mt_run_requests_text(&requests, rows[1].message).text, "slow down", 9);
    assert_int_equal(rows[2].failure, MT_FAILURE_CANCELLED_AFTER);
    assert_int_equal(rows[2].number, 2); /* it says none */
    assert_int_equal(rows[3].failure, MT_FAILURE_OTHER);
    mt_results results;
    mt_results_begin(&results, NULL, 0);
    for (size_t i = 0; i < requests.count; i++)
        assert_int_equal(mt_results_add_row(&results, &requests, i, NULL), MT_OK);
    assert_int_equal(results.done, 1);
    assert_int_equal(results.failed, 2);
    assert_int_equal(results.cancelled, 1);
    assert_true(results.failed_input == 550);
    assert_true(results.output_tokens == 3);
    assert_true(results.last_answer_ns == 1762987200750000100);
    mt_results_free(&results);
    mt_run_requests_free(&requests);
}

/* ---- what is wrong ---------------------------------------------------------------------------- */

static void test_bad_lines(void **state) {
    static const struct {
        const char *line;
        unsigned column; /* 0: any */
        const char *message;
    } bad[] = {
        {"[]", 1, "expected an object: a request of a run"},
        {"{\"timestamp\": 0, \"input_length\": 3}", 1,
         "this is no request of a run: it has no metadata"},
        {"{\"metadata\": {}, \"error\": null}", 1,
         "this is no request of a run: it has no metrics"},
        {"{\"metadata\": 3, \"metrics\": {}}", 14, "expected an object: the metadata of a request"},
        {"{\"metadata\": {\"session_num\": -1}, \"metrics\": {}}", 30,
         "session_num must be a number of at least 0, not -1"},
        {"{\"metadata\": {\"session_num\": 1.5e300}, \"metrics\": {}}", 30, "session_num must be"},
        {"{\"metadata\": {\"request_end_ns\": \"now\"}, \"metrics\": {}}", 33,
         "request_end_ns must be a number of 64 bits, not \"now\""},
        {"{\"metadata\": {\"credit_issued_ns\": -9223372036854775807}, \"metrics\": {}}", 0,
         "credit_issued_ns is no time since 1970"},
        {"{\"metadata\": {\"http_status\": 70000}, \"metrics\": {}}", 0,
         "http_status is too large"},
        {"{\"metadata\": {\"saw_done\": 1}, \"metrics\": {}}", 27,
         "saw_done must be true or false, not 1"},
        {"{\"metadata\": {\"benchmark_phase\": \"later\"}, \"metrics\": {}}", 34,
         "benchmark_phase must be \"profiling\""},
        {"{\"metadata\": {\"fields\": [1]}, \"metrics\": {}}", 25, "fields must be an object"},
        {"{\"metadata\": {}, \"metrics\": {\"request_latency\": 3}}", 0,
         "expected an object with value and unit"},
        {"{\"metadata\": {}, \"metrics\": {\"request_latency\": {\"value\": \"3\"}}}", 0,
         "request_latency must be a number, not \"3\""},
        {"{\"metadata\": {}, \"metrics\": {\"request_latency\": {\"value\": 01}}}", 0,
         "request_latency must be a number, not 01"},
        {"{\"metadata\": {}, \"metrics\": {\"request_latency\": {\"value\": 3., \"unit\": "
         "\"ms\"}}}",
         0, "request_latency must be a number"},
        {"{\"metadata\": {}, \"metrics\": {\"request_latency\": {\"value\": 1e999}}}", 0,
         "must be a finite number"},
        {"{\"metadata\": {}, \"metrics\": {\"request_latency\": {\"value\": 3, \"unit\": \"h\"}}}",
         0, "request_latency: there is no unit of time 'h'"},
        {"{\"metadata\": {}, \"metrics\": {\"inter_chunk_latency\": {\"value\": [1, null]}}}", 0,
         "inter_chunk_latency must be a number of at least 0, not null"},
        {"{\"metadata\": {}, \"metrics\": {}, \"error\": \"bad\"}", 0,
         "expected null or an object: the error of a request"},
        {"{\"metadata\": {}, \"metrics\": {}, \"error\": {\"type\": 3}}", 0,
         "type must be a string"},
        {"{\"metadata\": {}, \"metrics\": {}} x", 33, "expected the end of the line"},
        {"{\"metadata\": {} \"metrics\": {}}", 17, "expected ',' or '}'"},
        {"{\"metadata\": {}, \"metrics\": {\"x\": tru}}", 0, "expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        static const char good[] = "{\"metadata\": {}, \"metrics\": {}}";
        int length = snprintf(text, sizeof text, "%s\n%s\n%s\n", good, bad[i].line, good);
        const char *path = a_file(state, text, (size_t)length);
        mt_run_requests requests = {0};
        mt_error error = {0};
        int cut = 0;
        assert_int_equal(mt_run_requests_read(&requests, path, 0, &cut, &error), MT_ERROR_INPUT);
        if (!strstr(error.message, bad[i].message))
            fail_msg("%s\n'%s' is not '%s'", bad[i].line, error.message, bad[i].message);
        assert_int_equal(error.line, 2);
        assert_string_equal(error.source, path);
        if (bad[i].column)
            assert_int_equal(error.column, bad[i].column);
        assert_int_equal(requests.count, 1); /* those before it are there */
        mt_run_requests_free(&requests);
    }
    mt_run_requests requests = {0};
    mt_error error;
    assert_int_equal(mt_run_requests_read(&requests, "/no/such", 0, NULL, &error), MT_ERROR_IO);
    mt_run_requests_free(&requests);
}

/* Cut at any byte: never more requests than whole lines, and it is said. */
static void test_cut_files(void **state) {
    size_t first = (size_t)(strchr(aiperf, '\n') - aiperf) + 1,
           second = first + (size_t)(strchr(aiperf + first, '\n') - (aiperf + first)) + 1;
    for (size_t length = first; length <= second; length++) {
        const char *path = a_file(state, aiperf, length);
        mt_run_requests requests = {0}, strict = {0};
        mt_error error = {0};
        int cut = 0, is_whole = length == first || length >= second - 1;
        assert_int_equal(mt_run_requests_read(&requests, path, 0, &cut, &error), MT_OK);
        assert_int_equal(cut, !is_whole);
        assert_int_equal(requests.count, length >= second - 1 ? 2 : 1);
        mt_code code = mt_run_requests_read(&strict, path, 0, NULL, &error);
        assert_int_equal(code, is_whole ? MT_OK : MT_ERROR_INPUT);
        if (!is_whole) {
            assert_int_equal(error.line, 2);
            assert_non_null(strstr(error.message, "it is cut (1 whole lines are before it)"));
        }
        mt_run_requests_free(&requests);
        mt_run_requests_free(&strict);
    }
}

/* ---- shards ----------------------------------------------------------------------------------- */

static const char first_shard[] =
    "{\"metadata\": {\"session_num\": 0, \"request_end_ns\": 10}, \"metrics\": {}}\n"
    "{\"metadata\": {\"session_num\": 4, \"request_end_ns\": 40}, \"metrics\": {}}\n"
    "{\"metadata\": {\"session_num\": 2, \"request_end_ns\": 30}, \"metrics\": {}}\n";
static const char second_shard[] =
    "{\"metadata\": {\"session_num\": 1, \"request_end_ns\": 30}, \"metrics\": {}}\n"
    "{\"metadata\": {\"session_num\": 5}, \"metrics\": {}}\n"
    "{\"metadata\": {\"session_num\": 3, \"credit_issued_ns\": 35}, \"metrics\": {}}\n";

static mt_code merge_shards(void **state, const char *out, uint64_t missing, mt_error *error) {
    char paths[2][PATH_SIZE];
    const char *names[] = {paths[0], paths[1]};
    mt_run_requests requests = {0};
    mt_code code = MT_OK;
    mt_output *output = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", in_folder(state, i ? "second" : "first"));
        if (code == MT_OK)
            code = mt_run_requests_read(&requests, paths[i], i, NULL, error);
    }
    if (code == MT_OK && !(output = mt_output_open(out, error)))
        code = mt_code_of(error);
    if (code == MT_OK)
        code = mt_merge_write(&requests, names, 2, output, error);
    if (code == MT_OK)
        code = mt_merge_write_missing(output, 1, missing, "lost", error);
    if (code == MT_OK)
        code = mt_output_finish(output, error);
    else
        mt_output_abandon(output);
    mt_run_requests_free(&requests);
    return code;
}

static void write_shards(void **state) {
    write_file(in_folder(state, "first"), first_shard, sizeof first_shard - 1);
    write_file(in_folder(state, "second"), second_shard, sizeof second_shard - 1);
}

static void test_merged_lines_are_in_the_order_of_their_ends(void **state) {
    static const uint64_t order[] = {0, 2, 1, 3, 4, 5}, parts[] = {0, 0, 1, 1, 0, 1, 1, 1};
    char out[PATH_SIZE];
    mt_error error;
    mt_run_requests merged = {0};
    snprintf(out, sizeof out, "%s", in_folder(state, "out"));
    write_shards(state);
    assert_int_equal(merge_shards(state, out, 2, &error), MT_OK);
    assert_int_equal(mt_run_requests_read(&merged, out, 9, NULL, &error), MT_OK);
    assert_int_equal(merged.count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(merged.rows[i].part, parts[i]); /* the line says it */
        if (i < 6)
            assert_int_equal(merged.rows[i].number, order[i]);
        assert_int_equal(merged.rows[i].failure, i < 6 ? MT_FAILURE_NONE : MT_FAILURE_NOT_SENT);
    }
    mt_run_requests_free(&merged);
    /* A line of another tool has no place where its shard could stand. */
    write_file(in_folder(state, "second"), aiperf, sizeof aiperf - 1);
    assert_int_equal(merge_shards(state, out, 0, &error), MT_ERROR_INPUT);
    assert_non_null(strstr(error.message, "this line is not as moontide writes it"));
}

static void test_merge_out_of_memory(void **state) {
    char out[PATH_SIZE];
    snprintf(out, sizeof out, "%s", in_folder(state, "out"));
    write_shards(state);
    for (sweep all = {0}; sweep_next(&all);)
        all.code = merge_shards(state, out, 1, &all.error);
}

static void test_out_of_memory(void **state) {
    const char *path = a_file(state, aiperf, sizeof aiperf - 1);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_run_requests requests = {0};
        all.code = mt_run_requests_read(&requests, path, 0, NULL, &all.error);
        mt_results results;
        mt_results_begin(&results, NULL, 0);
        for (size_t i = 0; all.code == MT_OK && i < requests.count; i++)
            all.code = mt_results_add_row(&results, &requests, i, &all.error);
        mt_results_free(&results);
        mt_run_requests_free(&requests);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_results_of_lines_are_the_run_s),
        WITH_FOLDER(test_aiperf_s_lines),
        WITH_FOLDER(test_endless_latency),
        WITH_FOLDER(test_bad_lines),
        WITH_FOLDER(test_cut_files),
        WITH_FOLDER(test_merged_lines_are_in_the_order_of_their_ends),
        WITH_FOLDER(test_merge_out_of_memory),
        WITH_FOLDER(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("requests of a run", tests, NULL, NULL);
}
