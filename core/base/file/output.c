#define _GNU_SOURCE /* O_TMPFILE */
#include "base/file/output_state.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_FOLLOWED = 40, OPEN_LIMIT = 1024 };

/* Names a second Ctrl-C must remove: the handler cannot be given an argument. */
static const char *volatile open_temporaries[OPEN_LIMIT];
static volatile sig_atomic_t slots_used; /* of them, ever: the rest is not even looked at */

static void remember_temporary(mt_output *output) {
    output->slot = -1;
    for (int i = 0; i < OPEN_LIMIT && output->slot < 0; i++)
        if (!open_temporaries[i]) {
            slots_used = i < slots_used ? slots_used : i + 1;
            open_temporaries[i] = output->temporary;
            output->slot = i;
        }
}

static void forget_temporary(mt_output *output) {
    if (output->slot >= 0)
        open_temporaries[output->slot] = NULL;
    output->slot = -1;
}

/* Of an interrupted run, "TARGET.part" files of which nobody knows yet. */
static char untold_parts[16][PATH_MAX];
static volatile sig_atomic_t untold_count;

/* What is linked and remembered while this holds is both or neither, whenever the second Ctrl-C comes. */
static void hold_signals(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

static void remember_part(const char *final) {
    int count = (int)(sizeof untold_parts / sizeof *untold_parts);
    if (untold_count < count) {
        snprintf(untold_parts[untold_count], sizeof *untold_parts, "%s", final);
        untold_count = untold_count + 1;
    }
}

void mt_output_parts_are_told(void) {
    untold_count = 0;
}

void mt_output_remove_untold(void) {
    for (int i = 0; i < untold_count; i++)
        unlink(untold_parts[i]);
}

void mt_output_remove_temporaries(void) {
    for (int i = 0; i < slots_used; i++)
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

/* Length of the target's folder with its slash; 0: the working folder. */
static int folder_length(const mt_output *output) {
    const char *slash = strrchr(output->target, '/');
    return slash ? (int)(slash - output->target) + 1 : 0;
}

/* Makes a name beside the target that nothing has yet, until `made` takes it (0; else -1 with errno
 * set). It says which process it belongs to. 0, or -1 with errno set. */
static int take_temporary(mt_output *output, int (*made)(mt_output *output)) {
    enum { ADDED = 64, TRIES = 1000 };
    size_t size = strlen(output->target) + ADDED;
    int folder = folder_length(output);
    output->temporary = mt_allocate(size, 1);
    errno = ENOMEM;
    if (!output->temporary)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        snprintf(output->temporary, size, "%.*s.%.200s.moontide-%ld-%d", folder, output->target,
                 output->target + folder, (long)getpid(), i);
        /* Remembered before it is there: a second Ctrl-C may come in between. */
        if (access(output->temporary, F_OK) == 0)
            continue;
        remember_temporary(output);
        if (made(output) == 0)
            return 0;
        int problem = errno;
        forget_temporary(output);
        errno = problem;
        if (problem != EEXIST)
            break;
    }
    mt_free(output->temporary);
    output->temporary = NULL;
    return -1;
}

static int open_named(mt_output *output) {
    output->fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return output->fd < 0 ? -1 : 0;
}

/* A file without a name, which is gone with the process, gets one: 0 or -1. */
static int link_unnamed(const mt_output *output, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", output->fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static int link_temporary(mt_output *output) {
    return link_unnamed(output, output->temporary);
}

/* Opens a file in the target's folder, with the mode the target has or will have: without a name
 * where the system has such files, for nothing is left of those however the process ends. */
static int open_temporary(mt_output *output, const struct stat *old, mt_error *error) {
    int folder = folder_length(output);
    char *place = mt_copy_text(folder ? output->target : ".", folder ? (size_t)folder : 1);
    if (!place)
        return mt_failed(mt_fail_memory(error, "output name"));
    if (access("/proc/self/fd", F_OK) == 0)
        output->fd = open(place, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (output->fd < 0 && take_temporary(output, open_named) != 0) {
        char what[MT_ERROR_MESSAGE_SIZE / 2];
        int problem = errno;
        snprintf(what, sizeof what, "cannot write in the folder '%s'", place);
        mt_free(place);
        return mt_failed(mt_fail_errno(error, output->name, what, problem));
    }
    mt_free(place);
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

static int start_compression(mt_output *output, const char *path, mt_error *error) {
    const char *method = mt_compression_of(path);
    mt_error problem;
    if (!method || (output->compressor = mt_compressor_new(method, &problem)))
        return 0;
    return mt_failed(mt_fail_at(error, problem.code, output->name, 0, 0, "%s", problem.message));
}

mt_output *mt_output_open(const char *path, mt_error *error) {
    mt_output *output = mt_new(sizeof *output, "output", error);
    const char *name = strcmp(path, "-") == 0 ? "standard output" : path;
    if (!output)
        return NULL;
    output->fd = -1;
    output->slot = -1;
    output->capacity = MT_OUTPUT_BLOCK;
    output->name = mt_copy_text(name, strlen(name));
    output->buffer = mt_allocate(output->capacity, 1);
    if (!output->name || !output->buffer) {
        mt_fail_memory(error, "output buffer");
        mt_output_abandon(output);
        return NULL;
    }
    if (open_target(output, path, error) != 0 || start_compression(output, path, error) != 0) {
        mt_output_abandon(output);
        return NULL;
    }
    return output;
}

static void release(mt_output *output) {
    mt_beside_free(output->ahead.beside);
    mt_free(output->ahead.buffer);
    forget_temporary(output);
    if (output->close_fd && output->fd >= 0)
        close(output->fd);
    mt_compressor_free(output->compressor);
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

/* Closes the file and gives it the name `final` in place of what has it. */
static mt_code put_in_place(mt_output *output, const char *final, mt_error *error) {
    int is_unnamed = output->target && !output->temporary;
    int is_placed = is_unnamed && link_unnamed(output, final) == 0;
    if (is_unnamed && !is_placed &&
        (errno != EEXIST || take_temporary(output, link_temporary) != 0))
        return mt_fail_errno(error, output->name, "cannot rename", errno);
    int is_open = output->close_fd;
    output->close_fd = 0;
    if (is_open && close(output->fd) != 0) { /* which can be what reports a full disk */
        int problem = errno;
        if (is_placed)
            unlink(final);
        return mt_fail_errno(error, output->name, "cannot write", problem);
    }
    if (output->temporary && rename(output->temporary, final) != 0)
        return mt_fail_errno(error, output->name, "cannot rename", errno);
    return MT_OK;
}

static mt_code finish_as(mt_output *output, const char *suffix, mt_error *error) {
    char final[PATH_MAX] = "";
    mt_code code = mt_output_drain(output, MT_COMPRESS_END, error);
    if (code == MT_OK && output->target &&
        snprintf(final, sizeof final, "%s%s", output->target, suffix) >= (int)sizeof final)
        code = mt_fail_errno(error, output->name, "cannot rename", ENAMETOOLONG);
    if (code == MT_OK) {
        sigset_t before;
        int is_part = *suffix && output->target && mt_interrupted();
        hold_signals(&before);
        code = put_in_place(output, final, error);
        if (code == MT_OK && is_part)
            remember_part(final);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    /* Whether it is broken is known only then; one more Ctrl-C does not stop it. */
    while (mt_output_await(output, NULL) == MT_ERROR_INTERRUPTED) {
    }
    if (output->broken && output->target && !output->compressor && output->whole > 0 &&
        ftruncate(output->fd, (off_t)output->whole) == 0)
        output->broken = 0;
    return finish_as(output, ".part", error);
}

/* Is a process writing the file that has this name? Its lock ends with it; where a file system knows
 * no locks, nobody can tell. */
static int is_being_written(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int is_locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return is_locked;
}

mt_code mt_output_show_part(mt_output *output, mt_error *error) {
    static const char suffix[] = ".part";
    if (!output->target)
        return MT_OK;
    size_t size = strlen(output->target) + sizeof suffix;
    char *part = mt_allocate(size, 1);
    if (!part)
        return mt_fail_memory(error, "output name");
    snprintf(part, size, "%s%s", output->target, suffix);
    if (is_being_written(part)) {
        mt_free(part);
        return mt_fail_at(error, MT_ERROR_IO, output->name, 0, 0,
                          "another process is writing this file");
    }
    (void)flock(output->fd, LOCK_EX | LOCK_NB); /* no other process has it open */
    unlink(part);
    if ((output->temporary ? rename(output->temporary, part) : link_unnamed(output, part)) != 0) {
        mt_free(part);
        return mt_fail_errno(error, output->name, "cannot write", errno);
    }
    forget_temporary(output);
    mt_free(output->temporary);
    output->temporary = part;
    return MT_OK;
}

const char *mt_output_name(const mt_output *output) {
    return output->name;
}

const char *mt_output_target(const mt_output *output) {
    return output->target;
}

int mt_output_replaces(const char *path, const char *input) {
    struct stat target, source;
    int is_there =
        strcmp(path, "-") == 0 ? fstat(STDOUT_FILENO, &target) == 0 : stat(path, &target) == 0;
    int is_known =
        strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &source) == 0 : stat(input, &source) == 0;
    return is_there && is_known && S_ISREG(source.st_mode) && target.st_dev == source.st_dev &&
           target.st_ino == source.st_ino;
}
