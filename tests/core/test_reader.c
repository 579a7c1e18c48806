/* Reading whole files and copying them: lines that are not requests, windows, speeds. */
#include "file_support.h"
#include "trace_support.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/copy.h"

static mt_trace_reader *open_text(void **state, const char *text, int skip_bad_lines) {
    mt_error error;
    const char *path = in_folder(state, "in.jsonl");
    write_file(path, text, strlen(text));
    mt_trace_reader *reader = mt_trace_open(path, skip_bad_lines, &error);
    if (!reader)
        fail_msg("%s", error.message);
    return reader;
}

static void test_blank_lines_and_crlf(void **state) {
    mt_trace_reader *reader = open_text(
        state, "\n{\"timestamp\": 1}\r\n \t\r\n\r\n{\"timestamp\": 2}\n\n{\"timestamp\": 3}", 0);
    static const uint64_t lines[] = {2, 5, 7};
    mt_request request;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mt_trace_next(reader, &request, NULL), 1);
        assert_int_equal(request.time_ns, 1000000 * (i + 1));
        assert_int_equal(request.line, lines[i]);
    }
    assert_int_equal(mt_trace_next(reader, &request, NULL), 0);
    assert_int_equal(mt_trace_next(reader, &request, NULL), 0);
    assert_int_equal(mt_trace_skipped(reader, NULL), 0);
    mt_trace_close(reader);
    mt_trace_close(NULL);
}

static void test_bad_line(void **state) {
    mt_trace_reader *reader = open_text(state, "{}\n\n{\"delay\": -1}\n{}\n", 0);
    mt_request request;
    mt_error error;
    assert_int_equal(mt_trace_next(reader, &request, NULL), 1);
    assert_int_equal(mt_trace_next(reader, &request, &error), -1);
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_int_equal(error.line, 3);
    assert_int_equal(error.column, 11);
    assert_string_equal(error.source, ((folder *)*state)->file);
    mt_trace_close(reader);
}

static void test_cut_last_line(void **state) {
    mt_trace_reader *reader = open_text(state, "{}\n{\"delay\": 1", 0);
    mt_request request;
    mt_error error;
    assert_int_equal(mt_trace_next(reader, &request, NULL), 1);
    assert_int_equal(mt_trace_next(reader, &request, &error), -1);
    assert_int_equal(error.line, 2);
    assert_non_null(strstr(error.message, "seems to be cut"));
    mt_trace_close(reader);
}

static void test_skipped_lines(void **state) {
    mt_trace_reader *reader =
        open_text(state, "junk\n{\"delay\": 1}\n\n{\"delay\": -1}\n{\"delay\": 2}\n{\"x", 1);
    mt_request request;
    mt_error first;
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(mt_trace_next(reader, &request, NULL), 1);
        assert_int_equal(request.delay_ns, 1000000 * i);
    }
    assert_int_equal(mt_trace_next(reader, &request, NULL), 0);
    assert_int_equal(mt_trace_skipped(reader, &first), 3);
    assert_int_equal(first.line, 1);
    assert_int_equal(first.code, MT_ERROR_INPUT);
    mt_trace_close(reader);
}

static void test_interrupted(void **state) {
    mt_trace_reader *reader = open_text(state, "{}\n", 0);
    mt_request request;
    mt_error error;
    mt_interrupt_flag = 1;
    assert_int_equal(mt_trace_next(reader, &request, &error), -1);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    assert_int_equal(mt_trace_next(reader, &request, &error), 1);
    mt_trace_close(reader);
}

/* ---- copying ----------------------------------------------------------------------------------
 */

static const mt_copy_options everything = {.start_ns = INT64_MIN,
                                           .end_ns = INT64_MAX,
                                           .limit = UINT64_MAX,
                                           .speed_ratio = 1,
                                           .format = {0, 6}};

static mt_code copy_text(void **state, const char *text, const mt_copy_options *options,
                         const char *expected, mt_error *error) {
    uint64_t written, lines = 0;
    mt_trace_reader *reader = open_text(state, text, 0);
    mt_output *output = mt_output_open(in_folder(state, "out.jsonl"), error);
    assert_non_null(output);
    mt_code code = mt_trace_copy(reader, output, options, &written, error);
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    assert_content(in_folder(state, "out.jsonl"), expected);
    for (const char *at = expected; *at; at++)
        lines += *at == '\n';
    assert_int_equal(written, lines);
    mt_trace_close(reader);
    return code;
}

static void copy_well(void **state, const char *text, const mt_copy_options *options,
                      const char *expected) {
    mt_error error;
    if (copy_text(state, text, options, expected, &error) != MT_OK)
        fail_msg("%s", error.message);
}

static const char four[] = "{\"timestamp\": 0}\n{\"timestamp\": 1000}\n{\"timestamp\": 1000, "
                           "\"delay\": 3}\n{\"timestamp\": 2000.5}\n";

static void test_copy_all(void **state) {
    copy_well(state, four, &everything, four);
    copy_well(state, "", &everything, "");
    mt_copy_options compact = everything;
    compact.format = (mt_trace_format){1, 0};
    copy_well(state, four, &compact,
              "{\"timestamp\":0}\n{\"timestamp\":1000}\n{\"timestamp\":1000,\"delay\":3}\n"
              "{\"timestamp\":2001}\n");
}

static void test_copy_window(void **state) {
    mt_copy_options window = everything;
    mt_error error;
    window.has_window = 1;
    window.start_ns = INT64_C(1000000000);
    window.end_ns = INT64_C(2000500000);
    copy_well(state, four, &window, "{\"timestamp\": 1000}\n{\"timestamp\": 1000, \"delay\": 3}\n");
    window.end_ns++;
    window.limit = 1;
    copy_well(state, four, &window, "{\"timestamp\": 1000}\n");
    window.limit = 0;
    copy_well(state, four, &window, "");
    window.limit = UINT64_MAX;
    window.end_ns = INT64_C(1000000001);
    /* Order is looked at beyond the window's end too. */
    assert_int_equal(copy_text(state,
                               "{\"timestamp\": 1000}\n{\"timestamp\": 9000}\n"
                               "{\"timestamp\": 8999.5}\n",
                               &window, "{\"timestamp\": 1000}\n", &error),
                     MT_ERROR_INPUT);
    assert_int_equal(error.line, 3);
    assert_non_null(strstr(error.message, "timestamp 8999.5 is smaller than the 9000 before it"));
    assert_int_equal(copy_text(state, "{\"delay\": 1}\n", &window, "", &error), MT_ERROR_INPUT);
    assert_int_equal(error.line, 1);
    assert_non_null(strstr(error.message, "no timestamp"));
}

static void test_copy_speed(void **state) {
    mt_copy_options faster = everything;
    mt_error error;
    faster.speed_ratio = 4;
    copy_well(state, four, &faster,
              "{\"timestamp\": 0}\n{\"timestamp\": 250}\n{\"timestamp\": 250, \"delay\": 0.75}\n"
              "{\"timestamp\": 500.125}\n");
    /* The window is on the trace's own clock. */
    faster.has_window = 1;
    faster.start_ns = INT64_C(2000000000);
    copy_well(state, four, &faster, "{\"timestamp\": 500.125}\n");
    faster.speed_ratio = 1e-9;
    assert_int_equal(copy_text(state, "{\"timestamp\": 123456789012}\n", &faster, "", &error),
                     MT_ERROR_VALUE);
    assert_int_equal(error.line, 1);
    faster.speed_ratio = 0;
    assert_int_equal(copy_text(state, four, &faster, "", &error), MT_ERROR_VALUE);
}

static void test_scaled_times(void **state) {
    (void)state;
    int64_t scaled;
    assert_int_equal(mt_scale_time(INT64_MAX, 1, &scaled), 0);
    assert_int_equal(scaled, INT64_MAX);
    assert_int_equal(mt_scale_time(INT64_C(1760000000000123457), 1, &scaled), 0);
    assert_int_equal(scaled, INT64_C(1760000000000123457));
    assert_int_equal(mt_scale_time(5, 2, &scaled), 0);
    assert_int_equal(scaled, 3);
    assert_int_equal(mt_scale_time(INT64_MAX, 0.5, &scaled), -1);
}

static void test_real_trace_is_the_same(void **state) {
    char path[PATH_SIZE], output_path[PATH_SIZE], command[3 * PATH_SIZE];
    const char *data = getenv("MOONTIDE_DATA");
    snprintf(path, sizeof path, "%s/mooncake_conversation_trace.jsonl",
             data ? data : "../shared/data");
    if (access(path, R_OK) != 0) {
        print_message("# no %s: the real trace is not tried\n", path);
        skip();
    }
    uint64_t written;
    strcpy(output_path, in_folder(state, "out.jsonl"));
    mt_trace_reader *reader = mt_trace_open(path, 0, NULL);
    mt_output *output = mt_output_open(output_path, NULL);
    assert_int_equal(mt_trace_copy(reader, output, &everything, &written, NULL), MT_OK);
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    mt_trace_close(reader);
    assert_int_equal(written, 12031);
    snprintf(command, sizeof command, "cmp '%s' '%s'", path, output_path);
    assert_int_equal(system(command), 0); // NOLINT: paths of ours
}

static void test_memory_runs_out(void **state) {
    char path[PATH_SIZE];
    uint64_t n = 1;
    strcpy(path, in_folder(state, "in.jsonl"));
    write_file(path, "{\"hash_ids\": [1, 2], \"a\": 1, \"delay\": 1, \"b\": 2}\n", 50);
    for (;; n++) {
        mt_error error = {0};
        mt_request request;
        mt_memory_fail_at(n, 0);
        mt_trace_reader *reader = mt_trace_open(path, 1, &error);
        int status = reader ? mt_trace_next(reader, &request, &error) : -1;
        mt_memory_fail_at(0, 0);
        mt_trace_close(reader);
        if (status == 1)
            break;
        assert_int_equal(status, -1);
        assert_int_equal(error.code, MT_ERROR_MEMORY);
    }
    assert_int_equal(n, 7); /* reader, input, name, buffer, ids, extra */
}

static int clean(void **state) {
    mt_interrupt_flag = 0;
    mt_memory_fail_at(0, 0);
    return remove_folder(state);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_blank_lines_and_crlf), WITH_FOLDER(test_bad_line),
        WITH_FOLDER(test_cut_last_line),        WITH_FOLDER(test_skipped_lines),
        WITH_FOLDER(test_interrupted),          WITH_FOLDER(test_copy_all),
        WITH_FOLDER(test_copy_window),          WITH_FOLDER(test_copy_speed),
        WITH_FOLDER(test_scaled_times),         WITH_FOLDER(test_real_trace_is_the_same),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
