/* Reading whole files: lines that are not requests, files that are cut, memory that is out. */
#include "file_support.h"
#include "trace_support.h"
#include "sweep.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/reader.h"

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

static void test_memory_runs_out(void **state) {
    char path[PATH_SIZE];
    strcpy(path, in_folder(state, "in.jsonl"));
    write_file(path, "{\"hash_ids\": [1, 2], \"a\": 1, \"delay\": 1, \"b\": 2}\n", 50);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_request request;
        mt_trace_reader *reader = mt_trace_open(path, 1, &all.error);
        int status = reader ? mt_trace_next(reader, &request, &all.error) : -1;
        all.code = status == 1 ? MT_OK : all.error.code;
        mt_trace_close(reader);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_blank_lines_and_crlf), WITH_FOLDER(test_bad_line),
        WITH_FOLDER(test_cut_last_line),        WITH_FOLDER(test_skipped_lines),
        WITH_FOLDER(test_interrupted),          WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
