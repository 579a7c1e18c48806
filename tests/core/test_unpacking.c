/* A compressed file unpacked ahead by a thread: the same as by the caller, however it ends. */
#include "file_support.h"
#include "thread_support.h"

#include "base/file/compression.h"
#include "base/thread.h"
#include "base/file/unpacking.h"

#include <fcntl.h>

enum { LINES = 120000, SIZE = 1 << 22 };

static char plain[SIZE], got[SIZE];

/* Numbers that do not pack well: some megabyte of packed bytes. */
static size_t make_plain(void) {
    size_t length = 0;
    uint64_t random = 7;
    for (int i = 0; i < LINES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        length += (size_t)sprintf(plain + length, "%llu\n", (unsigned long long)random);
    }
    return length;
}

/* Packs `length` bytes of it into the file; returns how many bytes that has. */
static size_t pack(const char *path, size_t length) {
    mt_compressor *compressor = mt_compressor_new(mt_compression_of(path), NULL);
    FILE *file = fopen(path, "wb");
    mt_span left = {plain, length}, packed;
    size_t size = 0;
    for (int more = 1; more;) {
        more = mt_compress(compressor, &left, MT_COMPRESS_END, &packed);
        size += fwrite(packed.text, 1, packed.length, file);
    }
    assert_int_equal(fclose(file), 0);
    mt_compressor_free(compressor);
    return size;
}

static int threads_before; /* of the process, with no file open */

/* So many threads unpack. One that was joined may be seen for a moment longer. */
static void assert_threads(int expected) {
    for (int i = 0; i < 10000 && count_threads() != threads_before + expected; i++)
        usleep(1000);
    assert_int_equal(count_threads() - threads_before, expected);
}

/* Reads until the end, in rooms of `room` bytes: the bytes into `got`, how many into *length.
 * Returns the status, and again the same when asked again. */
static ptrdiff_t read_all(const char *path, size_t room, int is_ahead, size_t *length,
                          mt_error *error) {
    int fd = open(path, O_RDONLY);
    mt_unpacking *unpacking = mt_unpacking_new(fd, path, mt_compression_of(path), NULL);
    ptrdiff_t status;
    *length = 0;
    assert_threads(0);
    while ((status = mt_unpacking_read(unpacking, got + *length, room, error)) > 0) {
        if (*length == 0) /* there is more in the file than it may have ahead */
            assert_threads(is_ahead && mt_processors() > 1);
        *length += (size_t)status;
    }
    assert_int_equal(mt_unpacking_read(unpacking, got + *length, room, error), status);
    mt_unpacking_free(unpacking);
    close(fd);
    return status;
}

static void test_whole(void **state) {
    static const char *const names[] = {"a.gz", "a.zst"};
    size_t length = make_plain(), seen;
    for (size_t i = 0; i < 2; i++)
        for (size_t room = 1000; room < SIZE; room *= 17) {
            const char *path = in_folder(state, names[i]);
            mt_error error = {0};
            pack(path, length);
            memset(got, 0, length);
            assert_int_equal(read_all(path, room, 1, &seen, &error), 0);
            assert_int_equal(seen, length);
            assert_memory_equal(got, plain, length);
            pack(path, 1000); /* small: no thread */
            assert_int_equal(read_all(path, room, 0, &seen, &error), 0);
            assert_int_equal(seen, 1000);
        }
}

/* Cut, and with something behind it: what comes before is given, then the error, with the file's
 * name. */
static void test_failures(void **state) {
    size_t length = make_plain(), seen;
    const char *path = in_folder(state, "a.gz");
    mt_error error = {0};
    size_t size = pack(path, length);
    assert_int_equal(truncate(path, (off_t)(size - size / 4)), 0);
    assert_int_equal(read_all(path, 5000, 1, &seen, &error), -1);
    assert_int_equal(error.code, MT_ERROR_INPUT);
    assert_string_equal(error.source, path);
    assert_string_equal(error.message, "damaged gzip data: the file is cut");
    assert_in_range(seen, length / 2, length - 1);
    assert_memory_equal(got, plain, seen);

    pack(path, length);
    FILE *file = fopen(path, "ab");
    fputs("a line\n", file);
    fclose(file);
    assert_int_equal(read_all(path, 5000, 1, &seen, &error), -1);
    assert_int_equal(seen, length);
    assert_memory_equal(got, plain, length);
    assert_non_null(strstr(error.message, "stands something else"));
}

/* Left at any point, the thread ends; several may go at once, and those beyond the most have
 * none. */
static void test_left(void **state) {
    enum { FILES = 7 };
    size_t length = make_plain();
    const char *path = in_folder(state, "a.gz");
    pack(path, length);
    for (int round = 0; round < 20; round++) {
        mt_unpacking *all[FILES];
        int fds[FILES];
        assert_threads(0);
        for (int i = 0; i < FILES; i++) {
            fds[i] = open(path, O_RDONLY);
            all[i] = mt_unpacking_new(fds[i], path, "gzip", NULL);
        }
        for (int i = 0; i < FILES; i++) {
            size_t at = 0, most = (size_t)round * 100000;
            ptrdiff_t step = i == 0 && round == 0 ? 0 : 1; /* one that was never asked */
            while (step > 0 && at <= most &&
                   (step = mt_unpacking_read(all[i], got, 70000, NULL)) > 0) {
                assert_memory_equal(got, plain + at, (size_t)step);
                at += (size_t)step;
            }
        }
        if (round < 10) /* none of them is near the file's end */
            assert_threads(mt_processors() > 1 ? 4 : 0);
        for (int i = 0; i < FILES; i++) {
            mt_unpacking_free(all[i]);
            close(fds[i]);
        }
    }
}

static void *nothing(void *context) {
    return context;
}

/* A sanitizer's own thread comes with the first of the process. */
static void start_first_thread(void) {
    pthread_t first;
    if (pthread_create(&first, NULL, nothing, NULL) == 0)
        pthread_join(first, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_whole),
        WITH_FOLDER(test_failures),
        WITH_FOLDER(test_left),
    };
    start_first_thread();
    threads_before = count_threads();
    return cmocka_run_group_tests_name("unpacking", tests, NULL, NULL);
}
