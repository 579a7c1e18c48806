/* Output: what each kind of target becomes, and what is left when writing fails. */
#include "skip_support.h"
#include "file_support.h"
#include "sweep.h"

#include "base/file/input.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/file/output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <zlib.h>

static mt_output *open_well(const char *path) {
    mt_error error;
    mt_output *output = mt_output_open(path, &error);
    if (!output)
        fail_msg("%s: %s", path, error.message);
    return output;
}

static void write_text(mt_output *output, const char *text) {
    mt_error error;
    assert_int_equal(mt_output_write(output, text, strlen(text), &error), MT_OK);
}

static void test_new_file(void **state) {
    const char *path = in_folder(state, "new");
    struct stat info;
    mode_t mask = umask(027);
    mt_output *output = open_well(path);
    umask(mask);
    write_text(output, "hello ");
    assert_int_equal(access(path, F_OK), -1);
    write_text(output, "there");
    assert_int_equal(mt_output_bytes(output), 11);
    assert_string_equal(mt_output_name(output), path);
    assert_string_equal(mt_output_target(output), path);
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    assert_content(path, "hello there");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_int_equal(entries(state), 1);
}

static void test_old_file_keeps_its_mode(void **state) {
    const char *path = in_folder(state, "old");
    struct stat info;
    write_file(path, "before", 6);
    chmod(path, 0604);
    mt_output *output = open_well(path);
    write_text(output, "after");
    assert_content(path, "before");
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    assert_content(path, "after");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0604);
}

static void test_abandoned(void **state) {
    const char *path = in_folder(state, "old");
    write_file(path, "before", 6);
    mt_output *output = open_well(path);
    write_text(output, "after");
    assert_int_equal(mt_output_flush(output, NULL), MT_OK);
    mt_output_abandon(output);
    assert_content(path, "before");
    assert_int_equal(entries(state), 1);
    mt_output_abandon(NULL);
}

/* What is being written can be seen, takes its place at the end, and is gone where it is abandoned. */
static void test_shown_part(void **state) {
    char path[PATH_SIZE], part[PATH_SIZE];
    snprintf(path, sizeof path, "%s", in_folder(state, "shown"));
    snprintf(part, sizeof part, "%s", in_folder(state, "shown.part"));
    write_file(path, "old\n", 4);
    write_file(part, "of an earlier one\n", 18);
    for (int i = 0; i < 3; i++) {
        mt_output *output = mt_output_open(path, NULL);
        assert_int_equal(mt_output_show_part(output, NULL), MT_OK);
        assert_content(part, "");
        assert_int_equal(mt_output_write(output, "new\n", 4, NULL), MT_OK);
        assert_int_equal(mt_output_flush(output, NULL), MT_OK);
        assert_content(part, "new\n");
        assert_content(path, "old\n");
        if (i == 0)
            mt_output_abandon(output);
        else if (i == 1)
            assert_int_equal(mt_output_finish_part(output, NULL), MT_OK);
        else
            assert_int_equal(mt_output_finish(output, NULL), MT_OK);
        assert_int_equal(access(part, F_OK) == 0, i == 1);
    }
    assert_content(path, "new\n");
    assert_int_equal(entries(state), 1);
    mt_output *output = mt_output_open("/dev/null", NULL);
    assert_int_equal(mt_output_show_part(output, NULL), MT_OK); /* nothing to show */
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
}

/* A part that is being written is nobody else's to replace, until its writer has gone. */
static void test_part_of_another(void **state) {
    char path[PATH_SIZE];
    mt_error error;
    snprintf(path, sizeof path, "%s", in_folder(state, "shared"));
    mt_output *first = open_well(path), *second = open_well(path);
    write_text(first, "first\n");
    assert_int_equal(mt_output_show_part(first, NULL), MT_OK);
    assert_int_equal(mt_output_show_part(second, &error), MT_ERROR_IO);
    assert_string_equal(error.message, "another process is writing this file");
    mt_output_abandon(second);
    assert_int_equal(mt_output_finish(first, NULL), MT_OK);
    assert_content(path, "first\n");
    second = open_well(path);
    write_text(second, "second\n");
    assert_int_equal(mt_output_show_part(second, NULL), MT_OK);
    assert_int_equal(mt_output_finish(second, NULL), MT_OK);
    assert_content(path, "second\n");
    assert_int_equal(entries(state), 1);
}

static void test_part(void **state) {
    char part[PATH_SIZE + 8];
    const char *path = in_folder(state, "old");
    snprintf(part, sizeof part, "%s.part", path);
    write_file(path, "before", 6);
    mt_output *output = open_well(path);
    write_text(output, "half");
    assert_int_equal(mt_output_finish_part(output, NULL), MT_OK);
    assert_content(path, "before");
    assert_content(part, "half");
    assert_int_equal(entries(state), 2);
}

/* Files without a name are not to be had from here on, as on some networks' file systems. */
static int forbid_unnamed_files(void) {
    enum { UNNAMED = 020000000 }; /* O_TMPFILE, without O_DIRECTORY */
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, UNNAMED, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In a process of its own, which may not come back from what it forbids itself. */
static void in_a_child(int (*work)(void **state), void **state) {
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(work(state));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int with_named_files(void **state) {
    char name[PATH_SIZE + 48], content[16] = "";
    mt_error error;
    folder *made = *state;
    const char *path = in_folder(state, "old");
    if (!forbid_unnamed_files())
        return 2;
    mt_output *kept = mt_output_open(path, &error), *removed = mt_output_open(path, &error);
    snprintf(name, sizeof name, "%s/.old.moontide-%ld-0", made->path, (long)getpid());
    if (!kept || !removed || entries(state) != 3 || access(name, F_OK) != 0)
        return 3;
    if (mt_output_write(kept, "after", 5, &error) || mt_output_finish(kept, &error))
        return 4;
    mt_output_remove_temporaries();
    if (entries(state) != 1)
        return 5;
    mt_output_abandon(removed);
    FILE *file = fopen(path, "rb");
    int is_new = file && fread(content, 1, sizeof content, file) == 5 && !strcmp(content, "after");
    if (file)
        fclose(file);
    return is_new ? 0 : 6;
}

/* Where a file needs a name from the start it says whose it is, and is removed. */
static void test_named_temporaries(void **state) {
    write_file(in_folder(state, "old"), "before", 6);
    in_a_child(with_named_files, state);
}

/* Nothing is left of a process that is killed. */
static void test_killed(void **state) {
    const char *path = in_folder(state, "old");
    write_file(path, "before", 6);
    pid_t child = fork();
    if (child == 0) {
        mt_output *output = mt_output_open(path, NULL);
        if (mt_output_write(output, "after", 5, NULL) == MT_OK)
            mt_output_flush(output, NULL);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(entries(state), 1);
    assert_content(path, "before");
}

/* Links are followed: relative ones from their own folder, and those whose file is not there yet.
 */
static void test_symlinks(void **state) {
    char link[PATH_SIZE], target[PATH_SIZE];
    struct stat info;
    assert_int_equal(mkdir(in_folder(state, "sub"), 0700), 0);
    strcpy(target, in_folder(state, "sub/target"));
    strcpy(link, in_folder(state, "link"));
    assert_int_equal(symlink("middle", link), 0);
    assert_int_equal(symlink("sub/target", in_folder(state, "middle")), 0);
    for (int round = 0; round < 2; round++) {
        mt_output *output = open_well(link);
        assert_string_equal(mt_output_target(output), target);
        write_text(output, round ? "second" : "first");
        assert_int_equal(mt_output_finish(output, NULL), MT_OK);
        assert_content(target, round ? "second" : "first");
        assert_int_equal(lstat(link, &info), 0);
        assert_true(S_ISLNK(info.st_mode));
    }
    assert_int_equal(symlink("loop", in_folder(state, "loop")), 0);
    mt_error error;
    assert_null(mt_output_open(in_folder(state, "loop"), &error));
    assert_int_equal(error.code, MT_ERROR_IO);
}

static void test_refused_targets(void **state) {
    mt_error error;
    folder *made = *state;
    assert_null(mt_output_open(made->path, &error));
    assert_string_equal(error.message, "is a directory, not a file");
    assert_null(mt_output_open("", &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_null(mt_output_open(in_folder(state, "missing/file"), &error));
    assert_non_null(strstr(error.message, "missing/'"));
    assert_string_equal(error.source, made->file);
    write_file(in_folder(state, "file"), "", 0);
    assert_null(mt_output_open(in_folder(state, "file/below"), &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_null(mt_output_open("/dev/fd/987654", &error));
    assert_int_equal(error.code, MT_ERROR_IO);
    assert_int_equal(entries(state), 1);
}

/* A named pipe is written as it is and stays one. */
static void test_pipe(void **state) {
    const char *path = in_folder(state, "pipe");
    struct stat info;
    char got[8] = "";
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    mt_output *output = open_well(path);
    assert_null(mt_output_target(output));
    write_text(output, "hello");
    assert_int_equal(mt_output_flush(output, NULL), MT_OK);
    assert_int_equal(read(reader, got, sizeof got), 5);
    assert_string_equal(got, "hello");
    close(reader);
    signal(SIGPIPE, SIG_IGN);
    mt_error error;
    write_text(output, "nobody");
    assert_int_equal(mt_output_finish(output, &error), MT_ERROR_CLOSED);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(entries(state), 1);
}

/* A name for an open descriptor goes on where the descriptor stands. */
static void test_descriptor(void **state) {
    char name[32];
    const char *path = in_folder(state, "log");
    write_file(path, "one ", 4);
    int fd = open(path, O_WRONLY | O_APPEND);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    mt_output *output = open_well(name);
    write_text(output, "two");
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    assert_content(path, "one two");
    assert_int_equal(write(fd, "!", 1), 1);
    close(fd);
    assert_content(path, "one two!");
}

/* A device that is always full, made for the test. */
static void test_full_disk(void **state) {
    char path[PATH_SIZE];
    struct stat info;
    mt_error error;
    strcpy(path, in_folder(state, "full"));
    int fd = mknod(path, S_IFCHR | 0666, makedev(1, 7)) == 0 ? open(path, O_WRONLY) : -1;
    if (fd < 0)
        skip_because("no device can be made here");
    close(fd);
    for (int compressed = 0; compressed < 2; compressed++) {
        char *large = calloc(1, 1 << 20);
        if (compressed)
            assert_int_equal(rename(path, in_folder(state, "full.gz")), 0);
        mt_output *output = open_well(((folder *)*state)->file);
        mt_code code = MT_OK;
        uint64_t random = 1;
        for (size_t i = 0; i < 1 << 20; i++) /* nothing that compresses well */
            large[i] =
                (char)((random = random * 6364136223846793005U + 1442695040888963407U) >> 56);
        code = mt_output_write(output, large, 1 << 20, &error);
        if (code == MT_OK)
            code = mt_output_flush(output, &error);
        assert_int_equal(code, MT_ERROR_IO);
        assert_non_null(strstr(error.message, "No space left on device"));
        /* Once bytes are lost nothing succeeds any more. */
        assert_int_equal(mt_output_flush(output, NULL), MT_ERROR_IO);
        assert_int_equal(mt_output_finish(output, &error), MT_ERROR_IO);
        assert_non_null(strstr(error.message, "No space left on device"));
        free(large);
        assert_int_equal(stat(((folder *)*state)->file, &info), 0);
        assert_true(S_ISCHR(info.st_mode));
    }
}

/* A limit on the size of files: the write fails half way, the old file stays. */
static void test_failed_write_keeps_the_old_file(void **state) {
    const char *path = in_folder(state, "old");
    write_file(path, "before", 6);
    pid_t child = fork();
    if (child == 0) {
        char *large = calloc(1, 4 << 20);
        mt_error error;
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        mt_output *output = mt_output_open(path, &error);
        mt_code code = mt_output_write(output, large, 4 << 20, &error);
        mt_code last = mt_output_finish(output, &error);
        free(large);
        _exit(code == MT_ERROR_IO && last == MT_ERROR_IO ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_content(path, "before");
    assert_int_equal(entries(state), 1);
}

/* What is asked for as room, whatever its size, arrives in order. */
static void test_room(void **state) {
    const char *path = in_folder(state, "rooms");
    mt_output *output = open_well(path);
    uint64_t total = 0;
    for (size_t size = 1; size < 3000000; size = 3 * size + 7) {
        char *room = mt_output_room(output, size, NULL);
        assert_non_null(room);
        memset(room, (int)('a' + size % 26), size);
        mt_output_advance(output, size - size / 3);
        total += size - size / 3;
        assert_int_equal(mt_output_bytes(output), total);
    }
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    FILE *file = fopen(path, "rb");
    for (size_t size = 1; size < 3000000; size = 3 * size + 7)
        for (size_t i = 0; i < size - size / 3; i++)
            if (getc(file) != (int)('a' + size % 26))
                fail_msg("wrong byte in the piece of %zu", size);
    assert_int_equal(getc(file), EOF);
    fclose(file);
}

static void test_gzip(void **state) {
    const char *path = in_folder(state, "trace.gz");
    mt_output *output = open_well(path);
    char line[64], expected[64];
    for (int i = 0; i < 100000; i++) {
        snprintf(line, sizeof line, "line %d\n", i);
        write_text(output, line);
        if (i == 50000)
            assert_int_equal(mt_output_flush(output, NULL), MT_OK);
    }
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    gzFile file = gzopen(path, "rb");
    for (int i = 0; i < 100000; i++) {
        snprintf(expected, sizeof expected, "line %d\n", i);
        assert_non_null(gzgets(file, line, sizeof line));
        assert_string_equal(line, expected);
    }
    assert_null(gzgets(file, line, sizeof line));
    assert_int_equal(gzdirect(file), 0);
    gzclose(file);
}

static void test_memory_runs_out(void **state) {
    const char *path = in_folder(state, "old.gz");
    write_file(path, "before", 6);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_output *output = mt_output_open(path, &all.error);
        if (output && mt_output_room(output, 1 << 20, &all.error) == NULL)
            all.code = MT_ERROR_MEMORY;
        mt_output_abandon(output);
        all.code = output ? all.code : all.error.code;
        assert_content(path, "before");
        assert_int_equal(entries(state), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_new_file),
        WITH_FOLDER(test_old_file_keeps_its_mode),
        WITH_FOLDER(test_abandoned),
        WITH_FOLDER(test_part),
        WITH_FOLDER(test_shown_part),
        WITH_FOLDER(test_part_of_another),
        WITH_FOLDER(test_named_temporaries),
        WITH_FOLDER(test_killed),
        WITH_FOLDER(test_symlinks),
        WITH_FOLDER(test_refused_targets),
        WITH_FOLDER(test_pipe),
        WITH_FOLDER(test_descriptor),
        WITH_FOLDER(test_full_disk),
        WITH_FOLDER(test_failed_write_keeps_the_old_file),
        WITH_FOLDER(test_room),
        WITH_FOLDER(test_gzip),
        WITH_FOLDER(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
