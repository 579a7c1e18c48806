/* Input: every line and where it is, however the file is cut into blocks. */
#include "file_support.h"
#include "sweep.h"

#include "base/file/compression.h"
#include "base/file/input.h"
#include "base/interrupt.h"
#include "base/memory.h"

#include <fcntl.h>
#include <zlib.h>

static mt_input *open_well(const char *path) {
    mt_error error;
    mt_input *input = mt_input_open(path, &error);
    if (!input)
        fail_msg("%s: %s", path, error.message);
    return input;
}

static void assert_line(mt_input *input, uint64_t number, const char *text, int terminated) {
    mt_line line;
    mt_error error = {0};
    if (mt_input_line(input, &line, &error) != 1)
        fail_msg("no line %d: %s", (int)number, error.message);
    assert_int_equal(line.number, number);
    assert_int_equal(line.length, strlen(text));
    assert_memory_equal(line.text, text, line.length);
    assert_int_equal(line.terminated, terminated);
    assert_int_equal(line.text[line.length], '\n');
}

static void assert_end(mt_input *input) {
    mt_line line;
    for (int i = 0; i < 2; i++)
        assert_int_equal(mt_input_line(input, &line, NULL), 0);
}

static void test_lines(void **state) {
    const char *path = in_folder(state, "lines");
    static const char text[] = "one\r\n\n\0two\nlast";
    write_file(path, text, sizeof text - 1);
    mt_input *input = open_well(path);
    mt_line line;
    assert_string_equal(mt_input_name(input), path);
    assert_line(input, 1, "one\r", 1);
    assert_line(input, 2, "", 1);
    assert_int_equal(mt_input_line(input, &line, NULL), 1);
    assert_int_equal(line.length, 4);
    assert_memory_equal(line.text, "\0two", 4);
    assert_line(input, 4, "last", 0);
    assert_end(input);
    mt_input_close(input);
}

static void test_empty_file(void **state) {
    const char *path = in_folder(state, "empty");
    const char *bytes;
    size_t length;
    write_file(path, "", 0);
    mt_input *input = open_well(path);
    assert_end(input);
    mt_input_close(input);
    input = open_well(path);
    assert_int_equal(mt_input_block(input, &bytes, &length, NULL), 0);
    mt_input_close(input);
    mt_input_close(NULL);
}

static void test_cannot_open(void **state) {
    mt_error error;
    folder *made = *state;
    assert_null(mt_input_open(in_folder(state, "missing"), &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_string_equal(error.source, made->file);
    assert_string_equal(error.message, "cannot open: No such file or directory");
    assert_null(mt_input_open(made->path, &error));
    assert_string_equal(error.message, "is a directory, not a file");
}

/* Line i has i % 5000 letters, so that block ends fall everywhere; one is larger than many blocks.
 */
static size_t line_length(int i) {
    return i == 700 ? 3000000 : (size_t)i * 37 % 5000;
}

static void write_long_lines(const char *path, int compressed) {
    FILE *plain = compressed ? NULL : fopen(path, "wb");
    gzFile gzip = compressed ? gzopen(path, "wb1") : NULL;
    for (int i = 0; i < 1000; i++) {
        size_t length = line_length(i);
        char *line = malloc(length + 1);
        memset(line, 'a' + i % 26, length);
        line[length] = '\n';
        if (plain)
            fwrite(line, 1, length + 1, plain);
        else
            gzwrite(gzip, line, (unsigned)length + 1);
        free(line);
    }
    if (plain)
        fclose(plain);
    else
        gzclose(gzip);
}

static void test_block_boundaries(void **state) {
    static const char *const names[] = {"long", "long.gz"};
    for (int compressed = 0; compressed < 2; compressed++) {
        const char *path = in_folder(state, names[compressed]);
        mt_line line;
        write_long_lines(path, compressed);
        mt_input *input = open_well(path);
        for (int i = 0; i < 1000; i++) {
            assert_int_equal(mt_input_line(input, &line, NULL), 1);
            assert_int_equal(line.length, line_length(i));
            assert_int_equal(line.number, i + 1);
            for (size_t k = 0; k < line.length; k++)
                if (line.text[k] != 'a' + i % 26)
                    fail_msg("line %d, byte %zu", i + 1, k);
            volatile char last = line.text[line.length + 63]; /* readable, says a sanitizer */
            (void)last;
            assert_int_equal(line.text[line.length], '\n');
        }
        assert_end(input);
        mt_input_close(input);
    }
}

static void test_blocks(void **state) {
    const char *path = in_folder(state, "long");
    const char *bytes;
    size_t length, total = 0, expected = 0;
    write_long_lines(path, 0);
    for (int i = 0; i < 1000; i++)
        expected += line_length(i) + 1;
    mt_input *input = open_well(path);
    while (mt_input_block(input, &bytes, &length, NULL) == 1) {
        assert_true(length > 0);
        total += length;
    }
    assert_int_equal(total, expected);
    mt_input_close(input);
}

static void test_peek(void **state) {
    const char *path = in_folder(state, "two");
    const char *bytes;
    size_t length;
    write_file(path, "one\ntwo", 7);
    mt_input *input = open_well(path);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mt_input_peek(input, &bytes, &length, NULL), 1);
        assert_int_equal(length, 7);
        assert_memory_equal(bytes, "one\ntwo", 7);
    }
    assert_line(input, 1, "one", 1);
    assert_int_equal(mt_input_peek(input, &bytes, &length, NULL), 1);
    assert_memory_equal(bytes, "two", 3);
    assert_int_equal(mt_input_block(input, &bytes, &length, NULL), 1);
    assert_memory_equal(bytes, "two", 3);
    assert_int_equal(mt_input_peek(input, &bytes, &length, NULL), 0);
    assert_int_equal(length, 0);
    assert_int_equal(mt_input_block(input, &bytes, &length, NULL), 0);
    mt_input_close(input);
}

/* What a file begins with can be asked without taking anything, of a pipe too. */
static void test_begins(void **state) {
    const char *path = in_folder(state, "begins");
    write_file(path, "one\ntwo", 7);
    mt_input *input = open_well(path);
    assert_int_equal(mt_input_begins(input, "one\ntwo", NULL), 1);
    assert_int_equal(mt_input_begins(input, "one\ntwo\n", NULL), 0);
    assert_int_equal(mt_input_begins(input, "two", NULL), 0);
    assert_line(input, 1, "one", 1);
    assert_int_equal(mt_input_begins(input, "two", NULL), 1);
    assert_line(input, 2, "two", 0);
    assert_int_equal(mt_input_begins(input, "", NULL), 1);
    assert_int_equal(mt_input_begins(input, "t", NULL), 0);
    assert_end(input);
    mt_input_close(input);

    int ends[2];
    char name[64];
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_int_equal(write(ends[1], "abc\n", 4), 4);
    input = open_well(name);
    assert_int_equal(mt_input_begins(input, "abc", NULL), 1);
    assert_int_equal(close(ends[1]), 0);
    assert_line(input, 1, "abc", 1);
    assert_end(input);
    mt_input_close(input);
    close(ends[0]);
}

static void test_damaged_gzip(void **state) {
    char path[PATH_SIZE];
    struct stat info;
    mt_line line;
    mt_error error;
    strcpy(path, in_folder(state, "damaged.gz"));
    write_long_lines(path, 1);
    assert_int_equal(stat(path, &info), 0);
    for (int kind = 0; kind < 2; kind++) {
        int status;
        if (kind == 0) { /* cut */
            assert_int_equal(truncate(path, info.st_size / 2), 0);
        } else { /* changed */
            write_long_lines(path, 1);
            int fd = open(path, O_WRONLY);
            assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, info.st_size / 2),
                             8);
            close(fd);
        }
        mt_input *input = open_well(path);
        do
            status = mt_input_line(input, &line, &error);
        while (status == 1);
        assert_int_equal(status, -1);
        assert_int_equal(error.code, MT_ERROR_INPUT);
        assert_non_null(strstr(error.message, "damaged gzip data"));
        assert_string_equal(error.source, path);
        mt_input_close(input);
    }
    /* A file that is not compressed is read as it is, whatever its name. */
    write_file(path, "plain\n", 6);
    mt_input *input = open_well(path);
    assert_line(input, 1, "plain", 1);
    mt_input_close(input);
}

/* The lines up to what stands behind compressed data are given, then it is an error; more of such
 * data go on, and so does gzip's padding. */
static void test_tails(void **state) {
    static const struct {
        const char *name, *tail;
        size_t length;
        int status;
    } cases[] = {{"a.gz", "", 0, 0},           {"a.gz", "\0\0\0", 3, 0},
                 {"a.gz", "x\n", 2, -1},       {"a.gz", "\0x", 2, -1},
                 {"a.gz", "\x1F", 1, -1},      {"a.zst", "", 0, 0},
                 {"a.zst", "x\n", 2, -1},      {"a.zst", "\0", 1, -1},
                 {"a.zst", "\x28\xB5", 2, -1}, {"a.zst", "\x50\x2A\x4D\x18\1\0\0\0y", 9, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int members = 1; members <= 3; members++) {
            const char *path = in_folder(state, cases[i].name);
            mt_error error = {0};
            mt_line line;
            FILE *all = fopen(path, "wb");
            for (int k = 0; k < members; k++) {
                mt_compressor *compressor = mt_compressor_new(mt_compression_of(path), NULL);
                mt_span plain = {"one\n", 4}, packed;
                assert_int_equal(mt_compress(compressor, &plain, MT_COMPRESS_END, &packed), 0);
                fwrite(packed.text, 1, packed.length, all);
                mt_compressor_free(compressor);
            }
            fwrite(cases[i].tail, 1, cases[i].length, all);
            fclose(all);
            mt_input *input = open_well(path);
            for (int k = 0; k < members; k++)
                assert_line(input, (uint64_t)k + 1, "one", 1);
            assert_int_equal(mt_input_line(input, &line, &error), cases[i].status);
            assert_int_equal(error.code, cases[i].status ? MT_ERROR_INPUT : MT_OK);
            mt_input_close(input);
        }
}

/* Marks at the file's beginning and at that of a line are no part of it; bytes like one are. */
static void test_marks(void **state) {
    static const char text[] = "\xEF\xBB\xBFone\n\xEF\xBB\xBF\ntw\xEF\xBB\xBFo\n\xEF\xBB\n\xEF";
    const char *path = in_folder(state, "marks");
    write_file(path, text, sizeof text - 1);
    mt_input *input = open_well(path);
    assert_int_equal(mt_input_begins(input, "one", NULL), 1);
    assert_line(input, 1, "one", 1);
    assert_line(input, 2, "", 1);
    assert_line(input, 3, "tw\xEF\xBB\xBFo", 1);
    assert_line(input, 4, "\xEF\xBB", 1);
    assert_line(input, 5, "\xEF", 0);
    assert_end(input);
    mt_input_close(input);
    const char *bytes;
    size_t length;
    write_file(path, text, 3);
    input = open_well(path);
    assert_int_equal(mt_input_block(input, &bytes, &length, NULL), 0);
    mt_input_close(input);
}

static void test_memory_runs_out(void **state) {
    const char *path = in_folder(state, "long");
    write_long_lines(path, 0);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_line line;
        int status = -1;
        mt_input *input = mt_input_open(path, &all.error);
        if (input)
            do
                status = mt_input_line(input, &line, &all.error);
            while (status == 1);
        all.code = status == 0 ? MT_OK : all.error.code;
        mt_input_close(input);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_lines),
        WITH_FOLDER(test_empty_file),
        WITH_FOLDER(test_cannot_open),
        WITH_FOLDER(test_block_boundaries),
        WITH_FOLDER(test_begins),
        WITH_FOLDER(test_blocks),
        WITH_FOLDER(test_peek),
        WITH_FOLDER(test_damaged_gzip),
        WITH_FOLDER(test_tails),
        WITH_FOLDER(test_marks),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
