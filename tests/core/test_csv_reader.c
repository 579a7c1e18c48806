/* CSV files: known ones, and what is wrong with others. */
#include "skip_support.h"
#include "file_support.h"
#include "trace_support.h"
#include "sweep.h"
#include "csv_support.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "text/csv_reader.h"

#include <zlib.h>

/* ---- comparing ---- */

static mt_csv_reader *open_well(void **state, const char *text) {
    mt_error error;
    mt_csv_reader *reader = open_text(state, text, strlen(text), &error);
    if (!reader)
        fail_msg("line %d: %s", (int)error.line, error.message);
    return reader;
}

static void assert_row(const mt_csv_row *row, uint64_t line, size_t count,
                       const char *const *fields) {
    assert_int_equal(row->line, line);
    assert_int_equal(row->count, count);
    for (size_t i = 0; i < count; i++)
        assert_span(row->fields[i], fields[i]);
}

#define NEXT_ROW(reader, line, ...)                                                                \
    do {                                                                                           \
        static const char *const fields[] = {__VA_ARGS__};                                         \
        mt_csv_row next;                                                                           \
        assert_int_equal(mt_csv_next((reader), &next, NULL), 1);                                   \
        assert_row(&next, (line), sizeof fields / sizeof *fields, fields);                         \
    } while (0)

static void assert_end(mt_csv_reader *reader) {
    mt_csv_row row;
    assert_int_equal(mt_csv_next(reader, &row, NULL), 0);
    assert_int_equal(mt_csv_next(reader, &row, NULL), 0);
    mt_csv_close(reader);
}

/* ---- known files ---- */

static void test_plain(void **state) {
    mt_csv_reader *reader = open_well(state, "time,rps\n0,1.5\n60, 2 \n,\n");
    assert_int_equal(mt_csv_header(reader)->count, 2);
    assert_int_equal(mt_csv_header(reader)->line, 1);
    assert_string_equal(mt_csv_name(reader), ((folder *)*state)->file);
    NEXT_ROW(reader, 2, "0", "1.5");
    NEXT_ROW(reader, 3, "60", " 2 ");
    NEXT_ROW(reader, 4, "", "");
    assert_end(reader);
    mt_csv_close(NULL);
}

static void test_quotes(void **state) {
    mt_csv_reader *reader = open_well(state, "a,\"b, \"\"c\"\"\"\n\"x\",\"\"\n\"1\n2\r\n3\",y\n"
                                             "\"\"\"\",\",\"\n");
    assert_span(mt_csv_header(reader)->fields[1], "b, \"c\"");
    NEXT_ROW(reader, 2, "x", "");
    NEXT_ROW(reader, 3, "1\n2\r\n3", "y");
    NEXT_ROW(reader, 6, "\"", ",");
    assert_end(reader);
}

static void test_line_ends_and_blank_lines(void **state) {
    mt_csv_reader *reader =
        open_well(state, "\n\r\na,b\r\n\r\n1,2\r\n\n3,4\r5,6\n\r7,\"\r8\"\r\n\n\n9,0");
    assert_int_equal(mt_csv_header(reader)->line, 3);
    NEXT_ROW(reader, 5, "1", "2");
    NEXT_ROW(reader, 7, "3", "4");
    NEXT_ROW(reader, 8, "5", "6");
    NEXT_ROW(reader, 10, "7", "\r8");
    NEXT_ROW(reader, 14, "9", "0");
    assert_end(reader);
    reader = open_well(state, "one\n\n\"\"\nx\n");
    NEXT_ROW(reader, 3, "");
    NEXT_ROW(reader, 4, "x");
    assert_end(reader);
}

static void test_byte_order_mark(void **state) {
    mt_csv_reader *reader = open_well(state, "\xEF\xBB\xBF\"time\",b\n1,2\n");
    assert_int_equal(mt_csv_column(reader, "time", 4), 0);
    NEXT_ROW(reader, 2, "1", "2");
    assert_end(reader);
    static const char *const almost[] = {"\xEF", "\xEF\xBB", "\xEF,b\n1,2\n", "\xEF\xBB,b\n1,2"};
    for (size_t i = 0; i < sizeof almost / sizeof *almost; i++)
        compare_text(state, almost[i], strlen(almost[i]));
    mt_error error;
    assert_null(open_text(state, "\xEF\xBB\xBF", 3, &error));
    assert_null(open_text(state, "\xEF\xBB\xBF\"a\"b", 7, &error));
    assert_int_equal(error.column, 4); /* the mark is not of the line */
}

static void test_columns(void **state) {
    mt_csv_reader *reader = open_well(state, " time ,rps,rps,\t,\"in, out\"\n");
    assert_int_equal(mt_csv_column(reader, "time", 4), 0);
    assert_int_equal(mt_csv_column(reader, "rps", 3), MT_CSV_SEVERAL);
    assert_int_equal(mt_csv_column(reader, "", 0), 3);
    assert_int_equal(mt_csv_column(reader, "in, out", 7), 4);
    assert_int_equal(mt_csv_column(reader, "tim", 3), MT_CSV_NONE);
    assert_int_equal(mt_csv_column(reader, "timer", 5), MT_CSV_NONE);
    assert_int_equal(mt_csv_column(reader, "Time", 4), MT_CSV_NONE);
    assert_end(reader);
}

/* ---- what is wrong ---- */

/* Reads all of the text, which must fail there with a message that contains `part`. */
static void assert_wrong(void **state, const char *text, size_t length, uint64_t line,
                         uint64_t column, const char *part) {
    mt_error error = {0}, again = {0};
    mt_csv_row row;
    mt_csv_reader *reader = open_text(state, text, length, &error);
    if (reader) {
        int status;
        while ((status = mt_csv_next(reader, &row, &error)) == 1)
            ;
        assert_int_equal(status, -1);
        assert_int_equal(mt_csv_next(reader, &row, &again), -1);
        assert_string_equal(again.message, error.message);
        assert_int_equal(mt_csv_next(reader, &row, NULL), -1);
    }
    mt_csv_close(reader);
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_string_equal(error.source, ((folder *)*state)->file);
    assert_int_equal(error.line, line);
    assert_int_equal(error.column, column);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
}

#define WRONG(text, line, column, part)                                                            \
    assert_wrong(state, (text), sizeof(text) - 1, (line), (column), (part))

static void test_errors(void **state) {
    WRONG("", 0, 0, "the file is empty");
    WRONG("\n\r\n", 0, 0, "the file is empty");
    WRONG("a,b\n1,2\n\n3\n", 4, 0, "the row has 1 field, the header has 2");
    WRONG("a,b\n\"1\n\n\",2,3\n5,6\n", 2, 0, "the row has 3 fields, the header has 2");
    WRONG("a,b\n1,2\n3", 3, 0, "1 field, the header has 2 (the file ends without a newline here");
    WRONG("a,b\n1,\"2\n3\n\n4\n", 2, 0, "a quote that opens here is never closed");
    WRONG("a,b\n\"1\n2\",\"3\n4", 3, 0, "a quote that opens here is never closed");
    WRONG("a,b\n\"1\n2\n\",\n\n\n\"", 7, 0, "a quote that opens here is never closed");
    WRONG("a,b\n1, \"2\"\n", 2, 4, "a quote inside a field");
    WRONG("a,b\n\"x\ny\" ,2\n", 3, 3, "after the closing quote, found ' ,2'");
    WRONG("a,b\n1,\"2\"3\r\n", 2, 6, "after the closing quote, found '3'");
    WRONG("a\"b\n", 1, 2, "a quote inside a field");
    WRONG("a,b\n1,2\n3,\0\n", 3, 3, "a NUL byte");
    WRONG("\xFF\xFE"
          "a\0,\0b\0\n\0",
          1, 0, "UTF-16");
}

/* After a bad row that can be passed over the next call gives the row after it. */
static void assert_recovers(void **state, const char *text, uint64_t bad_line, uint64_t line) {
    mt_csv_row row;
    mt_error error;
    mt_csv_reader *reader = open_text(state, text, strlen(text), &error);
    assert_non_null(reader);
    assert_int_equal(mt_csv_recover(reader), 0);
    NEXT_ROW(reader, 2, "1", "2");
    assert_int_equal(mt_csv_next(reader, &row, &error), -1);
    assert_int_equal(error.line, bad_line);
    assert_int_equal(mt_csv_recover(reader), 1);
    assert_int_equal(mt_csv_recover(reader), 0);
    NEXT_ROW(reader, line, "8", "9");
    assert_end(reader);
}

static void test_recovering(void **state) {
    mt_csv_row row;
    mt_error error;
    assert_recovers(state, "a,b\n1,2\n3\n8,9\n", 3, 4);
    assert_recovers(state, "a,b\n1,2\n3,4,5\n\n8,9", 3, 5);
    assert_recovers(state, "a,b\r\n1,2\r\n3\r\n8,9\r\n", 3, 4);
    assert_recovers(state, "a,b\n1,2\n\"3\n\",4,5\n8,9\n", 3, 5);
    assert_recovers(state, "a,b\n1,2\n3,4\"5\n8,9\n", 3, 4);
    assert_recovers(state, "a,b\n1,2\n\"3\"x,\"\n8,9\n", 3, 4);
    assert_recovers(state, "a,b\r1,2\r3,\"4\"5\r8,9\r", 3, 4);
    assert_recovers(state, "a,b\n1,2\n\"3\n4\"5,6\n8,\"9\"\n", 4, 5);
    /* What swallows the rest of the file, or is no text, is the end. */
    static const char *const hopeless[] = {"a,b\n1,2\n\"3,4\n8,9\n", "a,b\n1,2\n3,\x01\n8,9\n"};
    for (size_t i = 0; i < 2; i++) {
        char text[64];
        size_t length = strlen(hopeless[i]);
        memcpy(text, hopeless[i], length);
        for (size_t k = 0; k < length; k++)
            text[k] = text[k] == '\x01' ? '\0' : text[k];
        mt_csv_reader *reader = open_text(state, text, length, &error);
        assert_non_null(reader);
        NEXT_ROW(reader, 2, "1", "2");
        assert_int_equal(mt_csv_next(reader, &row, &error), -1);
        assert_int_equal(mt_csv_recover(reader), 0);
        assert_int_equal(mt_csv_next(reader, &row, &error), -1);
        mt_csv_close(reader);
    }
}

/* The rest of a bad line may end only some blocks later. */
static void test_recovering_over_blocks(void **state) {
    size_t length = 700000;
    char *text = malloc(length);
    mt_csv_row row;
    mt_error error;
    memset(text, 'x', length);
    memcpy(text, "a,b\n1\"2", 7);
    memcpy(text + length - 5, "\n8,9\n", 5);
    mt_csv_reader *reader = open_text(state, text, length, &error);
    assert_non_null(reader);
    assert_int_equal(mt_csv_next(reader, &row, &error), -1);
    assert_int_equal(mt_csv_recover(reader), 1);
    NEXT_ROW(reader, 3, "8", "9");
    mt_csv_close(reader);
    free(text);
}

static void test_too_many_columns(void **state) {
    size_t length = 300000;
    char *text = malloc(length);
    mt_error error;
    memset(text, ',', length);
    assert_null(open_text(state, text, length, &error));
    assert_int_equal(error.line, 1);
    assert_non_null(strstr(error.message, "more than 65536 columns"));
    free(text);
}

static void test_errors_of_the_world(void **state) {
    mt_error error;
    assert_null(mt_csv_open(in_folder(state, "missing.csv"), &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_null(mt_csv_open(((folder *)*state)->path, &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    write_file(in_folder(state, "damaged.csv.gz"), "\x1f\x8b\x08\x00nonsense", 12);
    assert_null(mt_csv_open(((folder *)*state)->file, &error));
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_string_equal(error.source, ((folder *)*state)->file);
    assert_null(mt_csv_open(((folder *)*state)->file, NULL));
}

static void test_field_limit(void **state) {
    const size_t limit = MT_CSV_FIELD_LIMIT;
    char *text = malloc(2 * limit);
    mt_csv_row row;
    for (int is_long = 0; is_long <= 1; is_long++)
        for (int is_quoted = 0; is_quoted <= 1; is_quoted++) {
            size_t length = (size_t)sprintf(text, "a,b\n0,1\n2,%s", is_quoted ? "\"" : "");
            size_t bytes = limit - (size_t)is_quoted;
            memset(text + length, 'x', bytes + (size_t)is_long);
            strcpy(text + length + bytes + (size_t)is_long, is_quoted ? "\"\n5,6\n" : "\n5,6\n");
            if (is_long) {
                assert_wrong(state, text, strlen(text), 3, 0, "a field of more than 1 MiB");
                continue;
            }
            mt_csv_reader *reader = open_well(state, text);
            NEXT_ROW(reader, 2, "0", "1");
            assert_int_equal(mt_csv_next(reader, &row, NULL), 1);
            assert_int_equal(row.fields[1].length, bytes);
            NEXT_ROW(reader, 4, "5", "6");
            assert_end(reader);
        }
    /* A quote that is never closed swallows no whole file. */
    strcpy(text, "a,b\n1,2\n3,\"");
    memset(text + strlen(text), '\n', 2 * limit - strlen(text) - 1);
    text[2 * limit - 1] = '\0';
    assert_wrong(state, text, 2 * limit - 1, 3, 0, "is its quote ever closed?");
    free(text);
}

/* Fields beyond the header's take no memory: the row's own room is there after two requests. */
static void test_many_fields_are_not_kept(void **state) {
    size_t length = 300000;
    char *text = malloc(length);
    mt_csv_row row;
    mt_error error;
    memset(text, ',', length);
    memcpy(text, "a,b\n", 4);
    mt_csv_reader *reader = open_text(state, text, length, &error);
    assert_non_null(reader);
    mt_memory_fail_at(3, 1);
    assert_int_equal(mt_csv_next(reader, &row, &error), -1);
    mt_memory_fail_at(0, 0);
    mt_csv_close(reader);
    free(text);
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_int_equal(error.line, 2);
    assert_non_null(strstr(error.message, "the row has 299997 fields, the header has 2"));
}

static void test_interrupted(void **state) {
    mt_csv_reader *reader = open_well(state, "a\n1\n");
    mt_csv_row row;
    mt_error error;
    mt_interrupt_flag = 1;
    assert_int_equal(mt_csv_next(reader, &row, &error), -1);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    assert_null(mt_csv_open(((folder *)*state)->file, &error));
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    NEXT_ROW(reader, 2, "1");
    assert_end(reader);
}

/* ---- memory ---- */

/* libcsv asks again for less when it is refused once: with `sticky` it is refused for good. */
static void run_out_of_memory(const char *path, int sticky) {
    for (sweep all = {.sticky = sticky, .may_do_without = !sticky}; sweep_next(&all);) {
        mt_csv_row row;
        int status = -1;
        mt_csv_reader *reader = mt_csv_open(path, &all.error);
        if (reader)
            while ((status = mt_csv_next(reader, &row, &all.error)) == 1)
                ;
        all.code = status == -1 ? all.error.code : MT_OK;
        mt_csv_close(reader);
    }
}

static void test_memory_runs_out(void **state) {
    char text[20000], path[PATH_SIZE];
    size_t length = (size_t)sprintf(text, "a,b\n1,2\n3,\"");
    memset(text + length, 'x', sizeof text - length);
    memcpy(text + sizeof text - 2, "\"\n", 2);
    strcpy(path, in_folder(state, "in.csv"));
    write_file(path, text, sizeof text);
    run_out_of_memory(path, 0);
    run_out_of_memory(path, 1);
}

static void test_real_file(void **state) {
    (void)state;
    const char *path = real_data("azure_llm_inference_conv.csv");
    mt_csv_row row;
    uint64_t rows = 0, bytes = 0;
    mt_csv_reader *reader = mt_csv_open(path, NULL);
    assert_non_null(reader);
    assert_int_equal(mt_csv_column(reader, "GeneratedTokens", 15), 2);
    NEXT_ROW(reader, 2, "2023-11-16 18:15:46.6805900", "374", "44");
    for (rows = 1; mt_csv_next(reader, &row, NULL) == 1; rows++)
        for (size_t i = 0; i < 3; i++)
            bytes += row.fields[i].length;
    assert_int_equal(rows, 19366);
    assert_int_equal(row.line, 19367);
    assert_true(bytes > 600000);
    mt_csv_close(reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_plain),
        WITH_FOLDER(test_quotes),
        WITH_FOLDER(test_line_ends_and_blank_lines),
        WITH_FOLDER(test_byte_order_mark),
        WITH_FOLDER(test_columns),
        WITH_FOLDER(test_errors),
        WITH_FOLDER(test_recovering),
        WITH_FOLDER(test_recovering_over_blocks),
        WITH_FOLDER(test_too_many_columns),
        WITH_FOLDER(test_errors_of_the_world),
        WITH_FOLDER(test_field_limit),
        WITH_FOLDER(test_many_fields_are_not_kept),
        WITH_FOLDER(test_interrupted),
        WITH_FOLDER(test_memory_runs_out),
        cmocka_unit_test(test_real_file),
    };
    return cmocka_run_group_tests_name("csv reader", tests, NULL, NULL);
}
