/* CSV files: random ones against a plain parser, cut at every byte and into any blocks. */
#include "file_support.h"
#include "trace_support.h"
#include "csv_support.h"

#include "text/csv_reader.h"
#include "text/foreign_data.h"

#include <sys/wait.h>
#include <zlib.h>

static void test_cut_at_every_byte(void **state) {
    static const char text[] =
        "time,\"in,\"\"x\"\"\",c\r\n\n1,\"two\nlines\",\"\"\r\n\"\"\"\",a b,\r"
        "\n\xC3\xA4,\"\r\n\r\",'\n ,\"\", \n\"last\",1,\"\"\"\"";
    for (size_t length = 0; length < sizeof text; length++)
        compare_text(state, text, length);
    assert_int_equal(compare_text(state, text, sizeof text - 1), 5);
}

static void test_random_bytes(void **state) {
    static const char alphabet[] = "ab,,,\"\"\"\n\n\r\x80";
    uint64_t seed = 1, rows = 0;
    for (int i = 0; i < 10000; i++) {
        char text[64];
        size_t length = below(&seed, sizeof text);
        for (size_t k = 0; k < length; k++)
            text[k] =
                alphabet[below(&seed, below(&seed, 20) ? sizeof alphabet - 1 : sizeof alphabet)];
        if (!mt_foreign_data(text, length)) /* zeros make it look like UTF-16 */
            rows += compare_text(state, text, length);
    }
    assert_true(rows > 1000);
}

/* A field as a writer might put it, quoted where it must be and sometimes where it need not. */
static size_t write_field(uint64_t *seed, char *to) {
    static const char *const pieces[] = {"a",
                                         "1.5",
                                         " ",
                                         "\t",
                                         ",",
                                         "\"\"",
                                         "\n",
                                         "\r\n",
                                         "\r",
                                         "\xE6\xBD\xAE",
                                         "long words that fill the buffers"};
    size_t most = sizeof pieces / sizeof *pieces, length = 1;
    int is_quoted = below(seed, 2) == 0;
    to[0] = '"';
    for (uint64_t n = below(seed, 6); n > 0; n--) {
        const char *piece = pieces[below(seed, most)];
        is_quoted |= strpbrk(piece, ",\"\r\n") != NULL;
        length += (size_t)sprintf(to + length, "%s", piece);
    }
    to[length++] = '"';
    if (is_quoted)
        return length;
    memmove(to, to + 1, length - 2);
    return length - 2;
}

/* A whole CSV of `width` columns and at least `wanted` bytes into *text; returns its length. */
static size_t write_csv(uint64_t *seed, size_t width, size_t wanted, char **text, uint64_t *rows) {
    static const char *const ends[] = {"\n", "\r\n", "\r", "\n\n"};
    size_t length = 0;
    *text = malloc(wanted + width * 256);
    assert_non_null(*text);
    for (size_t i = 0; i < width; i++)
        length += (size_t)sprintf(*text + length, "%sc%zu", i ? "," : "", i);
    (*text)[length++] = '\n';
    for (*rows = 0; length < wanted; ++*rows) {
        for (size_t i = 0; i < width; i++) {
            if (i > 0)
                (*text)[length++] = ',';
            length += write_field(seed, *text + length);
        }
        length += (size_t)sprintf(*text + length, "%s", ends[below(seed, 4)]);
    }
    return length;
}

static void test_what_a_writer_writes(void **state) {
    uint64_t seed = 2, rows;
    char *text;
    for (size_t width = 2; width < 40; width += 7) {
        size_t length = write_csv(&seed, width, 20000, &text, &rows);
        assert_int_equal(compare_text(state, text, length), rows);
        free(text);
    }
    /* Longer than the input's blocks, so that they end anywhere in a row. */
    size_t length = write_csv(&seed, 5, 900000, &text, &rows);
    assert_int_equal(compare_text(state, text, length), rows);
    mt_error error;
    const char *path = in_folder(state, "in.csv.gz");
    gzFile file = gzopen(path, "wb1");
    assert_int_equal(gzwrite(file, text, (unsigned)length), length);
    gzclose(file);
    assert_int_equal(compare(mt_csv_open(path, &error), &error, text, length), rows);
    free(text);
}

/* Through a pipe the blocks are as small as the writer's writes. */
static void test_small_blocks(void **state) {
    uint64_t seed = 3, rows;
    char *text;
    mt_error error;
    const char *path = in_folder(state, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    size_t length = write_csv(&seed, 3, 4000, &text, &rows);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        FILE *pipe = fopen(path, "wb");
        if (!pipe)
            _exit(1);
        setvbuf(pipe, NULL, _IONBF, 0);
        fwrite("\xEF", 1, 1, pipe);
        fwrite("\xBB", 1, 1, pipe);
        fwrite("\xBF", 1, 1, pipe);
        for (size_t i = 0; i < length; i++)
            fwrite(text + i, 1, 1, pipe);
        fclose(pipe);
        _exit(0);
    }
    assert_int_equal(compare(mt_csv_open(path, &error), &error, text, length), rows);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_cut_at_every_byte),
        WITH_FOLDER(test_random_bytes),
        WITH_FOLDER(test_what_a_writer_writes),
        WITH_FOLDER(test_small_blocks),
    };
    return cmocka_run_group_tests_name("csv against a plain parser", tests, NULL, NULL);
}
