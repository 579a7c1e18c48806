/* Output that a thread writes while the next bytes are made: the same file as without, and nothing lost when
 * writing fails. */
#include "file_support.h"
#include "sweep.h"

#include "base/file/input.h"
#include "base/file/output.h"
#include "base/thread.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LINES = 45000, LINE_SIZE = 64, FILES = 5, THREADS = 4, LIMIT = 5 << 18 };

/* Line i of all these files, and its length. */
static size_t line_of(int i, char *to) {
    return (size_t)sprintf(to, "{\"timestamp\": %d, \"hash_ids\": [%d, %d]}\n", i, i * 7919 % 10007,
                           i * 31 % 977);
}

static int has_processors(void) {
    return mt_processors() > 1;
}

/* Writes the lines to all of the outputs, turn about. */
static void write_lines(mt_output *const *outputs, int count) {
    char line[LINE_SIZE];
    uint64_t bytes = 0;
    for (int i = 0; i < LINES; i++) {
        size_t length = line_of(i, line);
        bytes += length;
        for (int k = 0; k < count; k++) {
            char *to = mt_output_room(outputs[k], length, NULL);
            assert_non_null(to);
            memcpy(to, line, length);
            mt_output_advance(outputs[k], length);
            assert_int_equal(mt_output_bytes(outputs[k]), bytes);
        }
    }
}

static size_t read_bytes(const char *path, char **bytes) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    *bytes = malloc((size_t)info.st_size + 1);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(*bytes, 1, (size_t)info.st_size, file), info.st_size);
    fclose(file);
    return (size_t)info.st_size;
}

/* The first lines, at least `least` of them, and nothing else. Returns how many. */
static int assert_lines(const char *path, int least) {
    char line[LINE_SIZE];
    mt_line read;
    int count = 0, status;
    mt_input *input = mt_input_open(path, NULL);
    assert_non_null(input);
    while ((status = mt_input_line(input, &read, NULL)) == 1) {
        assert_true(read.terminated);
        assert_int_equal(read.length + 1, line_of(count++, line));
        assert_memory_equal(read.text, line, read.length);
    }
    assert_int_equal(status, 0);
    assert_true(count >= least);
    mt_input_close(input);
    return count;
}

/* There are four threads: the fifth file is written without one. */
static void same_bytes(void **state, const char *ending) {
    mt_output *outputs[FILES];
    char name[FILES][32], *first, *other;
    for (int k = 0; k < FILES; k++) {
        snprintf(name[k], sizeof name[k], "file%d%s", k, ending);
        outputs[k] = mt_output_open(in_folder(state, name[k]), NULL);
        assert_non_null(outputs[k]);
        assert_false(mt_output_is_ahead(outputs[k]));
    }
    write_lines(outputs, FILES);
    for (int k = 0; k < FILES; k++)
        assert_int_equal(mt_output_is_ahead(outputs[k]), has_processors() && k < THREADS);
    for (int k = 0; k < FILES; k++)
        assert_int_equal(mt_output_finish(outputs[k], NULL), MT_OK);
    size_t length = read_bytes(in_folder(state, name[0]), &first);
    for (int k = 1; k < FILES; k++) {
        assert_int_equal(read_bytes(in_folder(state, name[k]), &other), length);
        assert_memory_equal(first, other, length);
        free(other);
    }
    free(first);
    assert_int_equal(assert_lines(in_folder(state, name[0]), LINES), LINES);
}

static void test_plain(void **state) {
    same_bytes(state, "");
}

static void test_gzip(void **state) {
    same_bytes(state, ".gz");
}

static void test_zstd(void **state) {
    same_bytes(state, ".zst");
}

/* What is flushed is there for a reader, and what comes behind it is too in the end. */
static void test_flush(void **state) {
    const char *path = in_folder(state, "flushed");
    mt_output *output = mt_output_open(path, NULL);
    write_lines(&output, 1);
    assert_int_equal(mt_output_flush(output, NULL), MT_OK);
    assert_int_equal(mt_output_show_part(output, NULL), MT_OK);
    assert_lines(in_folder(state, "flushed.part"), LINES);
    assert_int_equal(mt_output_finish_part(output, NULL), MT_OK);
    assert_lines(in_folder(state, "flushed.part"), LINES);
}

/* Thrown away while the thread writes: nothing is left, and its place is another's. */
static void test_abandoned(void **state) {
    for (int i = 0; i < 2 * THREADS; i++) {
        mt_output *output = mt_output_open(in_folder(state, "never"), NULL);
        write_lines(&output, 1);
        assert_int_equal(mt_output_is_ahead(output), has_processors());
        mt_output_abandon(output);
    }
    assert_int_equal(access(in_folder(state, "never"), F_OK), -1);
}

/* In a child, for which files end at LIMIT: writes until it is refused, and once more. 0: as it is to be. */
static int fill_disk(const char *path, int is_kept) {
    char line[LINE_SIZE];
    mt_error error = {0};
    struct rlimit limit = {LIMIT, LIMIT};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    mt_output *output = mt_output_open(path, &error);
    mt_code code = MT_OK;
    for (int i = 0; i < LINES && code == MT_OK; i++)
        code = mt_output_write(output, line, line_of(i, line), &error);
    int is_refused = code == MT_ERROR_IO && strstr(error.message, "cannot write") != NULL &&
                     strcmp(error.source, path) == 0 && mt_output_bytes(output) <= LIMIT;
    is_refused &=
        mt_output_flush(output, &error) == MT_ERROR_IO || mt_output_bytes(output) <= LIMIT;
    code = is_kept ? mt_output_finish_part(output, &error) : mt_output_finish(output, &error);
    return is_refused && code == (is_kept ? MT_OK : MT_ERROR_IO) ? 0 : 1;
}

static void run_full_disk(const char *path, int is_kept) {
    pid_t child = fork();
    if (child == 0)
        _exit(fill_disk(path, is_kept));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_full_disk(void **state) {
    struct stat info;
    run_full_disk(in_folder(state, "lost"), 0);
    assert_int_equal(access(in_folder(state, "lost"), F_OK), -1);
    assert_int_equal(access(in_folder(state, "lost.part"), F_OK), -1);
    run_full_disk(in_folder(state, "kept"), 1);
    assert_lines(in_folder(state, "kept.part"), 1);
    assert_int_equal(stat(in_folder(state, "kept.part"), &info), 0);
    assert_in_range(info.st_size, LIMIT - LINE_SIZE, LIMIT);
}

/* Where there is no memory for the thread, there is none of it. */
static void test_memory_runs_out(void **state) {
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        mt_output *output = mt_output_open(in_folder(state, "scarce"), &all.error);
        all.code = output ? MT_OK : all.error.code;
        if (output) {
            write_lines(&output, 1);
            assert_int_equal(mt_output_finish(output, NULL), MT_OK);
            mt_memory_fail_at(0, 0);
            assert_lines(in_folder(state, "scarce"), LINES);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_plain),           WITH_FOLDER(test_gzip),      WITH_FOLDER(test_zstd),
        WITH_FOLDER(test_flush),           WITH_FOLDER(test_abandoned), WITH_FOLDER(test_full_disk),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("output_ahead", tests, NULL, NULL);
}
