#define _GNU_SOURCE /* mkostemp */
#include "base/output.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { OUTPUT_BLOCK = 1 << 18, LINKS_FOLLOWED = 40, OPEN_LIMIT = 1024 };

struct mt_output {
    int fd;
    int close_fd;
    gzFile gzip;     /* owns fd when not NULL */
    char *name;      /* for messages */
    char *target;    /* renamed to at the end; NULL: written directly */
    char *temporary; /* NULL: written directly */
    int slot;        /* in open_temporaries, -1: none */
    char *buffer;
    size_t capacity, used;
    uint64_t flushed;
    int broken; /* errno of a write that failed: bytes are lost, the file can no longer be whole */
};

/* Names a second Ctrl-C must remove: the handler cannot be given an argument. */
static const char *volatile open_temporaries[OPEN_LIMIT];

static void remember_temporary(mt_output *output) {
    output->slot = -1;
    for (int i = 0; i < OPEN_LIMIT && output->slot < 0; i++)
        if (!open_temporaries[i]) {
            open_temporaries[i] = output->temporary;
            output->slot = i;
        }
}

static void forget_temporary(mt_output *output) {
    if (output->slot >= 0)
        open_temporaries[output->slot] = NULL;
    output->slot = -1;
}

void mt_output_remove_temporaries(void) {
    for (int i = 0; i < OPEN_LIMIT; i++)
        if (open_temporaries[i])
            unlink(open_temporaries[i]);
}

/* The file that writing to path would change: links followed, a dangling one too. */
static char *resolve(const char *path, mt_error *error) {
    char current[PATH_MAX], link[PATH_MAX];
    if (snprintf(current, sizeof current, "%s", path) >= (int)sizeof current) {
        mt_fail_errno(error, path, "cannot write", ENAMETOOLONG);
        return NULL;
    }
    for (int i = 0; i < LINKS_FOLLOWED; i++) {
        ssize_t length = readlink(current, link, sizeof link - 1);
        if (length < 0) {
            char *copy = mt_copy_text(current, strlen(current));
            if (!copy)
                mt_fail_memory(error, "output name");
            return copy;
        }
        link[length] = '\0';
        char *slash = strrchr(current, '/');
        size_t folder = link[0] == '/' || !slash ? 0 : (size_t)(slash - current) + 1;
        if (folder + (size_t)length >= sizeof current) {
            mt_fail_errno(error, path, "cannot write", ENAMETOOLONG);
            return NULL;
        }
        memcpy(current + folder, link, (size_t)length + 1);
    }
    mt_fail_errno(error, path, "cannot write", ELOOP);
    return NULL;
}

/* Opens a temporary file beside the target, with the mode the target has or will have. */
static int open_temporary(mt_output *output, const struct stat *old, mt_error *error) {
    const char *slash = strrchr(output->target, '/');
    int folder = slash ? (int)(slash - output->target) + 1 : 0;
    size_t size = strlen(output->target) + sizeof ".moontide-XXXXXX" + 2;
    output->temporary = mt_allocate(size, 1);
    if (!output->temporary)
        return mt_failed(mt_fail_memory(error, "output name"));
    snprintf(output->temporary, size, "%.*s.%.200s.moontide-XXXXXX", folder, output->target,
             output->target + folder);
    /* Remembered before it is there: a second Ctrl-C may come in between. */
    remember_temporary(output);
    output->fd = mkostemp(output->temporary, O_CLOEXEC);
    if (output->fd < 0) {
        int problem = errno;
        forget_temporary(output);
        char what[MT_ERROR_MESSAGE_SIZE / 2];
        snprintf(what, sizeof what, "cannot write in the folder '%.*s'", folder ? folder : 1,
                 folder ? output->target : ".");
        mt_free(output->temporary);
        output->temporary = NULL;
        return mt_failed(mt_fail_errno(error, output->name, what, problem));
    }
    output->close_fd = 1;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(output->fd, old ? old->st_mode & 0777 : 0666 & ~mask) != 0)
        return mt_failed(mt_fail_errno(error, output->name, "cannot set the mode", errno));
    return 0;
}

/* The descriptor that a name such as /dev/fd/3 stands for, or -1. Opening such a name again would
 * write a redirected file from its start, whatever is in it and whatever others append to it. */
static int named_descriptor(const char *path) {
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) != 0 || path[length] < '0' || path[length] > '9')
            continue;
        char *end;
        errno = 0;
        long number = strtol(path + length, &end, 10);
        if (errno == 0 && *end == '\0' && number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

/* A descriptor that is written as it is, and closed at the end; -1 with errno set: failed. */
static int take_direct(mt_output *output, int fd, mt_error *error) {
    if (fd < 0 && errno == EINTR && mt_interrupted())
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    if (fd < 0)
        return mt_failed(mt_fail_errno(error, output->name, "cannot write", errno));
    output->fd = fd;
    output->close_fd = 1;
    return 0;
}

/* Waits for the reader of a named pipe. */
static int open_direct(mt_output *output, const char *path, mt_error *error) {
    int fd;
    do
        fd = open(path, O_WRONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR && !mt_interrupted());
    return take_direct(output, fd, error);
}

static int open_target(mt_output *output, const char *path, mt_error *error) {
    struct stat info;
    if (strcmp(path, "-") == 0) {
        output->fd = STDOUT_FILENO;
        return 0;
    }
    if (path[0] == '\0')
        return mt_failed(mt_fail(error, MT_ERROR_IO, "cannot write: the output's name is empty"));
    int given = named_descriptor(path);
    if (given >= 0)
        return take_direct(output, fcntl(given, F_DUPFD_CLOEXEC, 0), error);
    int exists = stat(path, &info) == 0;
    if (!exists && errno != ENOENT)
        return mt_failed(mt_fail_errno(error, output->name, "cannot write", errno));
    if (exists && S_ISDIR(info.st_mode))
        return mt_failed(
            mt_fail_at(error, MT_ERROR_IO, output->name, 0, 0, "is a directory, not a file"));
    if (exists && !S_ISREG(info.st_mode))
        return open_direct(output, path, error);
    if (exists && access(path, W_OK) != 0)
        return mt_failed(mt_fail_errno(error, output->name, "cannot write", errno));
    output->target = resolve(path, error);
    if (!output->target)
        return -1;
    return open_temporary(output, exists ? &info : NULL, error);
}

static int start_gzip(mt_output *output, const char *path, mt_error *error) {
    size_t length = strlen(path);
    if (length <= 3 || strcmp(path + length - 3, ".gz") != 0)
        return 0;
    output->gzip = gzdopen(output->fd, "wb6");
    if (!output->gzip)
        return mt_failed(mt_fail_memory(error, "gzip writer"));
    gzbuffer(output->gzip, OUTPUT_BLOCK);
    return 0;
}

mt_output *mt_output_open(const char *path, mt_error *error) {
    mt_output *output = mt_new(sizeof *output, "output", error);
    const char *name = strcmp(path, "-") == 0 ? "standard output" : path;
    if (!output)
        return NULL;
    output->fd = -1;
    output->slot = -1;
    output->capacity = OUTPUT_BLOCK;
    output->name = mt_copy_text(name, strlen(name));
    output->buffer = mt_allocate(output->capacity, 1);
    if (!output->name || !output->buffer) {
        mt_fail_memory(error, "output buffer");
        mt_output_abandon(output);
        return NULL;
    }
    if (open_target(output, path, error) != 0 || start_gzip(output, path, error) != 0) {
        mt_output_abandon(output);
        return NULL;
    }
    return output;
}

/* zlib leaves errno as it was when the trouble is not the system's. */
static ssize_t write_some(mt_output *output, const char *from, size_t bytes) {
    enum { MOST = 1 << 30 };
    if (!output->gzip)
        return write(output->fd, from, bytes);
    errno = 0;
    int wrote = gzwrite(output->gzip, from, (unsigned)(bytes > MOST ? MOST : bytes));
    if (wrote <= 0 && errno == 0)
        errno = EIO;
    return wrote > 0 ? wrote : -1;
}

/* Empties the buffer into the file or the compressor. */
static mt_code drain(mt_output *output, mt_error *error) {
    size_t done = 0;
    if (output->broken)
        return mt_fail_errno(error, output->name, "cannot write", output->broken);
    while (done < output->used) {
        ssize_t wrote = write_some(output, output->buffer + done, output->used - done);
        if (wrote > 0) {
            done += (size_t)wrote;
            continue;
        }
        int problem = wrote == 0 ? ENOSPC : errno;
        if (problem == EINTR && !output->gzip) {
            if (!mt_interrupted())
                continue;
            /* Keep what is not written yet: finish_part will try once more. */
            memmove(output->buffer, output->buffer + done, output->used - done);
            output->used -= done;
            output->flushed += done;
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        }
        while (done > 0 && output->buffer[done - 1] != '\n')
            done--;
        output->flushed += done; /* whole lines of it, for finish_part */
        output->used = 0;
        output->broken = problem;
        return mt_fail_errno(error, output->name, "cannot write", problem);
    }
    output->flushed += output->used;
    output->used = 0;
    return MT_OK;
}

mt_code mt_output_flush(mt_output *output, mt_error *error) {
    mt_code code = drain(output, error);
    if (code != MT_OK || !output->gzip)
        return code;
    errno = 0;
    if (gzflush(output->gzip, Z_SYNC_FLUSH) == Z_OK)
        return MT_OK;
    output->broken = errno ? errno : EIO;
    return mt_fail_errno(error, output->name, "cannot write", output->broken);
}

char *mt_output_room(mt_output *output, size_t bytes, mt_error *error) {
    if (output->capacity - output->used < bytes) {
        if (drain(output, error) != MT_OK)
            return NULL;
        if (MT_GROW(output->buffer, output->capacity, bytes) != 0)
            return mt_null(mt_fail_memory(error, "output buffer"));
    }
    return output->buffer + output->used;
}

void mt_output_advance(mt_output *output, size_t bytes) {
    output->used += bytes;
}

mt_code mt_output_write(mt_output *output, const void *data, size_t bytes, mt_error *error) {
    const char *from = data;
    while (bytes > 0) {
        if (output->used == output->capacity) {
            mt_code code = drain(output, error);
            if (code != MT_OK)
                return code;
        }
        size_t step = output->capacity - output->used;
        if (step > bytes)
            step = bytes;
        memcpy(output->buffer + output->used, from, step);
        output->used += step;
        from += step;
        bytes -= step;
    }
    return MT_OK;
}

static void release(mt_output *output) {
    forget_temporary(output);
    if (output->gzip)
        gzclose(output->gzip);
    else if (output->close_fd && output->fd >= 0)
        close(output->fd);
    mt_free(output->name);
    mt_free(output->target);
    mt_free(output->temporary);
    mt_free(output->buffer);
    mt_free(output);
}

void mt_output_abandon(mt_output *output) {
    if (!output)
        return;
    if (output->temporary)
        unlink(output->temporary);
    release(output);
}

/* Closing can be what reports a full disk. */
static mt_code close_file(mt_output *output, mt_error *error) {
    int failed = 0;
    errno = 0;
    if (output->gzip)
        failed = gzclose(output->gzip) != Z_OK;
    else if (output->close_fd)
        failed = close(output->fd) != 0;
    output->gzip = NULL;
    output->fd = -1;
    output->close_fd = 0;
    if (failed)
        return mt_fail_errno(error, output->name, "cannot write", errno ? errno : EIO);
    return MT_OK;
}

static mt_code finish_as(mt_output *output, const char *suffix, mt_error *error) {
    mt_code code = drain(output, error);
    if (code == MT_OK)
        code = close_file(output, error);
    if (code == MT_OK && output->temporary) {
        char final[PATH_MAX];
        if (snprintf(final, sizeof final, "%s%s", output->target, suffix) >= (int)sizeof final)
            code = mt_fail_errno(error, output->name, "cannot rename", ENAMETOOLONG);
        else if (rename(output->temporary, final) != 0)
            code = mt_fail_errno(error, output->name, "cannot rename", errno);
    }
    if (code != MT_OK) {
        mt_output_abandon(output);
        return code;
    }
    release(output);
    return MT_OK;
}

mt_code mt_output_finish(mt_output *output, mt_error *error) {
    return finish_as(output, "", error);
}

mt_code mt_output_finish_part(mt_output *output, mt_error *error) {
    if (output->broken && output->temporary && !output->gzip && output->flushed > 0 &&
        ftruncate(output->fd, (off_t)output->flushed) == 0)
        output->broken = 0;
    return finish_as(output, ".part", error);
}

const char *mt_output_name(const mt_output *output) {
    return output->name;
}

const char *mt_output_target(const mt_output *output) {
    return output->temporary ? output->target : NULL;
}

int mt_output_replaces(const char *path, const char *input) {
    struct stat target, source;
    if (strcmp(path, "-") == 0 || strcmp(input, "-") == 0)
        return 0;
    return stat(path, &target) == 0 && stat(input, &source) == 0 && S_ISREG(source.st_mode) &&
           target.st_dev == source.st_dev && target.st_ino == source.st_ino;
}

uint64_t mt_output_bytes(const mt_output *output) {
    return output->flushed + output->used;
}
