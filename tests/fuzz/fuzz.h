/* What fuzz targets share. A target is a file of this folder with libFuzzer's LLVMFuzzerTestOneInput:
 * it checks laws that hold of every input. `make fuzz` builds and runs them (tests/fuzz/run); its
 * seeds are the files in a folder of its name, and the lines of a .txt of its name. */
#ifndef FUZZ_H
#define FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(int condition) {
    if (!condition)
        abort();
}

/* A file of these bytes that has no name on a disk; close it in the end. */
static inline int file_of(const void *data, size_t size) {
    int file = memfd_create("fuzz", 0);
    check(file >= 0 && write(file, data, size) == (ssize_t)size);
    return file;
}

/* A path that opens it from its beginning; valid until the next call. */
static inline const char *path_of(int file) {
    static char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return path;
}

#endif
