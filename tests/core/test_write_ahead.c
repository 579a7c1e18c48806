/* Traces whose ids' digits a thread writes while the source makes the next requests: the same file, and each failure
 * as without. */
#include "file_support.h"
#include "sweep.h"
#include "thread_support.h"

#include "base/beside.h"
#include "base/thread.h"
#include "trace/end/ends.h"
#include "trace/source/kind.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { REQUESTS = 32000, IDS = 12, LIMIT = 8 << 18 };

/* ---- a source ---- */

typedef struct counting {
    mt_source base;
    int given, fails_at, interrupts_at; /* 0: never */
    int most_threads;                   /* of the process, at any time */
    uint64_t ids[IDS];
    char extra[32];
} counting;

static int counting_next(mt_source *source, mt_request *request, mt_error *error) {
    counting *self = (counting *)source;
    int i = self->given, length;
    if (i % 1000 == 0 && count_threads() > self->most_threads)
        self->most_threads = count_threads();
    if (i == REQUESTS)
        return 0;
    if (self->fails_at > 0 && i == self->fails_at)
        return mt_source_fail(source, NULL, error, MT_ERROR_VALUE, "no more");
    self->given++;
    for (int k = 0; k < IDS; k++)
        self->ids[k] = (uint64_t)i * 7919 % 10007 + (uint64_t)k * (uint64_t)(i % 3);
    length = snprintf(self->extra, sizeof self->extra, "\"number\": %d", i);
    *request = (mt_request){.has = MT_HAS_TIME | MT_HAS_HASH_IDS | MT_HAS_SESSION,
                            .time_ns = i * INT64_C(1234567),
                            .hash_ids = self->ids,
                            .hash_count = (size_t)(i % (2 * IDS) < IDS ? IDS : IDS - i % 2),
                            .session = {"\"one\"", 5},
                            .extra = {self->extra, (size_t)length}};
    if (self->interrupts_at > 0 && i == self->interrupts_at)
        mt_interrupt_flag = 1;
    return 1;
}

static const char *counting_name(const mt_source *source) {
    (void)source;
    return "the test";
}

static const mt_source_kind counting_kind = {.next = counting_next, .name = counting_name};

static counting *counting_new(void) {
    counting *self = (counting *)mt_source_new(&counting_kind, sizeof *self, NULL);
    assert_non_null(self);
    return self;
}

/* ---- files ---- */

static const mt_trace_format format = {.timestamp_digits = 6};

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

/* The first `count` requests and nothing else. */
static void assert_requests(const char *path, uint64_t count) {
    counting *source = counting_new();
    mt_request request;
    char *bytes, line[1024];
    size_t length = read_bytes(path, &bytes), at = 0;
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(mt_source_next(&source->base, &request, NULL), 1);
        size_t wanted = (size_t)(mt_request_write(&request, &format, line) - line);
        assert_in_range(wanted, 1, length - at);
        assert_memory_equal(bytes + at, line, wanted);
        at += wanted;
    }
    assert_int_equal(at, length);
    free(bytes);
    mt_source_free(&source->base);
}

static mt_output *open_output(const char *path) {
    mt_output *output = mt_output_open(path, NULL);
    assert_non_null(output);
    return output;
}

/* ---- the tests ---- */

/* By pieces, as a command that shows how far it is. A thread writes the file and one makes the text. */
static void test_same_bytes(void **state) {
    counting *source = counting_new();
    mt_output *output = open_output(in_folder(state, "ahead"));
    uint64_t written, all = 0, most = 11001;
    int before = count_threads();
    do {
        assert_int_equal(mt_source_write(&source->base, output, &format, most, &written, NULL),
                         MT_OK);
        all += written;
        assert_int_equal(source->given, all);
    } while (written == most);
    assert_int_equal(all, REQUESTS);
    assert_int_equal(source->most_threads, before + 2);
    assert_int_equal(count_threads(), before + 1);
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    assert_int_equal(count_threads(), before);
    assert_requests(in_folder(state, "ahead"), REQUESTS);
    mt_source_free(&source->base);
}

/* What is made before the failure is written, and counted. */
static void check_failure(void **state, counting *source, mt_code expected, uint64_t count) {
    mt_output *output = open_output(in_folder(state, "failed"));
    mt_error error;
    uint64_t written;
    int before = count_threads();
    mt_code code = mt_source_write(&source->base, output, &format, UINT64_MAX, &written, &error);
    mt_interrupt_flag = 0;
    assert_int_equal(code, expected);
    assert_int_equal(error.code, expected);
    assert_int_equal(written, count);
    assert_int_equal(source->most_threads, before + 2);
    assert_int_equal(mt_output_finish_part(output, NULL), MT_OK);
    assert_requests(in_folder(state, "failed.part"), count);
    mt_source_free(&source->base);
}

static void test_source_fails(void **state) {
    counting *source = counting_new();
    source->fails_at = 20500;
    check_failure(state, source, MT_ERROR_VALUE, 20500);
}

static void test_interrupted(void **state) {
    counting *source = counting_new();
    source->interrupts_at = 20500;
    check_failure(state, source, MT_ERROR_INTERRUPTED, 20501);
}

/* In a child, for which files end at LIMIT. 0: as it is to be. */
static int fill_disk(const char *path) {
    counting *source = counting_new();
    mt_error error = {0};
    uint64_t written;
    struct rlimit limit = {LIMIT, LIMIT};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    mt_output *output = mt_output_open(path, &error);
    if (mt_source_write(&source->base, output, &format, UINT64_MAX, &written, &error) !=
            MT_ERROR_IO ||
        !strstr(error.message, "cannot write") || strcmp(error.source, path) != 0)
        return 1;
    if (written >= REQUESTS || source->given >= REQUESTS || source->most_threads < 3)
        return 2;
    return mt_output_finish_part(output, &error) == MT_OK ? 0 : 3;
}

static void test_full_disk(void **state) {
    const char *path = in_folder(state, "full");
    struct stat info;
    pid_t child = fork();
    if (child == 0)
        _exit(fill_disk(path));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stat(in_folder(state, "full.part"), &info), 0);
    assert_in_range(info.st_size, LIMIT - 512, LIMIT);
    char *bytes;
    size_t length = read_bytes(in_folder(state, "full.part"), &bytes);
    uint64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += bytes[i] == '\n';
    free(bytes);
    assert_requests(in_folder(state, "full.part"), lines);
}

/* Where there is no memory for the thread, there is none of it. */
static void test_memory_runs_out(void **state) {
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        counting *source = (counting *)mt_source_new(&counting_kind, sizeof *source, &all.error);
        mt_output *output = source ? mt_output_open(in_folder(state, "scarce"), &all.error) : NULL;
        uint64_t written;
        all.code = all.error.code;
        if (output)
            all.code = mt_source_write(&source->base, output, &format, 8000, &written, &all.error);
        mt_output_abandon(output);
        mt_source_free(source ? &source->base : NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_same_bytes),      WITH_FOLDER(test_source_fails),
        WITH_FOLDER(test_interrupted),     WITH_FOLDER(test_full_disk),
        WITH_FOLDER(test_memory_runs_out),
    };
    if (mt_processors() < 2) {
        print_message("skipped: one processor has no thread beside it\n");
        return 0;
    }
    return cmocka_run_group_tests_name("write ahead", tests, NULL, NULL);
}
