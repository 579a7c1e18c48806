/* Folders and files for tests. */
#ifndef FILE_SUPPORT_H
#define FILE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "base/memory.h"

enum { PATH_SIZE = 512 };

typedef struct folder {
    char path[PATH_SIZE];
    char file[PATH_SIZE]; /* what in_folder gave last */
} folder;

static inline int make_folder(void **state) {
    folder *made = calloc(1, sizeof *made);
    strcpy(made->path, "/tmp/moontide-test-XXXXXX");
    *state = made;
    return mkdtemp(made->path) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    folder *made = *state;
    char command[PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", made->path);
    int status = system(command); // NOLINT: a path of ours
    free(made);
    return status;
}

/* A name in the folder, valid until the next call. */
static inline const char *in_folder(void **state, const char *name) {
    folder *made = *state;
    int length = snprintf(made->file, sizeof made->file, "%s/%s", made->path, name);
    assert_in_range(length, 1, PATH_SIZE - 1);
    return made->file;
}

static inline void write_file(const char *path, const char *text, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Is the file's content exactly `text`? */
static inline void assert_content(const char *path, const char *text) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is not there", path);
    char *content = malloc(strlen(text) + 2);
    size_t got = fread(content, 1, strlen(text) + 1, file);
    fclose(file);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(content, text, got);
    free(content);
}

/* How many entries the folder has. */
static inline int entries(void **state) {
    folder *made = *state;
    char command[PATH_SIZE + 32];
    int count = -1;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", made->path);
    FILE *pipe = popen(command, "r"); // NOLINT: a path of ours
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &count), 1); // NOLINT
    pclose(pipe);
    return count;
}

/* For tests that interrupt or run out of memory, and may fail in the midst of it. */
static inline int clean(void **state) {
    mt_interrupt_flag = 0;
    mt_memory_fail_at(0, 0);
    return remove_folder(state);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, clean)

#endif
