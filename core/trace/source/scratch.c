#define _GNU_SOURCE /* mkostemp */
#include "trace/source/scratch.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/source/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CURSOR_BYTES = 1 << 18 };

struct mt_scratch {
    int fd;
    uint64_t size;
    char folder[PATH_MAX];
};

static mt_code fail(const mt_scratch *scratch, const char *what, int problem, mt_error *error) {
    char name[PATH_MAX + 32];
    snprintf(name, sizeof name, "temporary file in %s", scratch->folder);
    return mt_fail_errno(error, name, what, problem);
}

mt_scratch *mt_scratch_open(mt_error *error) {
    const char *folder = getenv("TMPDIR");
    char path[PATH_MAX + 32];
    mt_scratch *scratch = mt_new(sizeof *scratch, "temporary file", error);
    if (!scratch)
        return NULL;
    snprintf(scratch->folder, sizeof scratch->folder, "%s", folder && *folder ? folder : "/tmp");
    snprintf(path, sizeof path, "%s/moontide-XXXXXX", scratch->folder);
    scratch->fd = mkostemp(path, O_CLOEXEC);
    if (scratch->fd < 0) {
        fail(scratch, "cannot open", errno, error);
        mt_free(scratch);
        return NULL;
    }
    unlink(path);
    return scratch;
}

mt_code mt_scratch_append(mt_scratch *scratch, const char *bytes, size_t count, mt_error *error) {
    while (count > 0) {
        if (mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        ssize_t wrote = pwrite(scratch->fd, bytes, count, (off_t)scratch->size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return fail(scratch, "cannot write", wrote == 0 ? ENOSPC : errno, error);
        scratch->size += (uint64_t)wrote;
        bytes += wrote;
        count -= (size_t)wrote;
    }
    return MT_OK;
}

uint64_t mt_scratch_size(const mt_scratch *scratch) {
    return scratch->size;
}

void mt_scratch_close(mt_scratch *scratch) {
    if (!scratch)
        return;
    close(scratch->fd);
    mt_free(scratch);
}

/* Sees to it that at least `wanted` bytes lie from begin on. */
static mt_code fill(mt_cursor *cursor, const mt_scratch *scratch, size_t wanted, mt_error *error) {
    size_t left = cursor->filled - cursor->begin;
    if (left >= wanted)
        return MT_OK;
    if (left > 0)
        memmove(cursor->buffer, cursor->buffer + cursor->begin, left);
    cursor->begin = 0;
    cursor->filled = left;
    size_t room = wanted > CURSOR_BYTES ? wanted : CURSOR_BYTES;
    if (MT_GROW(cursor->buffer, cursor->capacity, room) != 0)
        return mt_fail_memory(error, "temporary file");
    while (cursor->filled < wanted) {
        uint64_t most = cursor->end - cursor->at;
        room = cursor->capacity - cursor->filled;
        ssize_t got = pread(scratch->fd, cursor->buffer + cursor->filled,
                            most < room ? (size_t)most : room, (off_t)cursor->at);
        if (got < 0 && errno == EINTR && !mt_interrupted())
            continue;
        if (got < 0 && errno == EINTR)
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        if (got <= 0)
            return fail(scratch, "cannot read", got == 0 ? EIO : errno, error);
        cursor->at += (uint64_t)got;
        cursor->filled += (size_t)got;
    }
    return MT_OK;
}

int mt_cursor_next(mt_cursor *cursor, const mt_scratch *scratch, mt_request *request,
                   mt_error *error) {
    if (cursor->begin == cursor->filled && cursor->at == cursor->end)
        return 0;
    if (mt_interrupted())
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    if (fill(cursor, scratch, sizeof *request, error) != MT_OK)
        return -1;
    memcpy(request, cursor->buffer + cursor->begin, sizeof *request);
    if (fill(cursor, scratch, mt_packed_size(request), error) != MT_OK)
        return -1;
    cursor->begin += mt_unpack(cursor->buffer + cursor->begin, request);
    return 1;
}

void mt_cursor_free(mt_cursor *cursor) {
    mt_free(cursor->buffer);
    *cursor = (mt_cursor){0};
}
