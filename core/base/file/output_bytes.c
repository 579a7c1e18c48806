#include "base/file/output_state.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fewer bytes are written in less time than a thread is worth. */
enum { SMALL = 1 << 20 };

/* Writes the bytes, and takes them from the front of *bytes: on failure what is left are those that
 * are not written yet. */
static mt_code write_all(mt_output *output, mt_span *bytes, mt_error *error) {
    if (output->broken)
        return mt_fail_errno(error, output->name, "cannot write", output->broken);
    while (bytes->length > 0) {
        ssize_t wrote = write(output->fd, bytes->text, bytes->length);
        if (wrote > 0) {
            bytes->text += wrote;
            bytes->length -= (size_t)wrote;
            continue;
        }
        int problem = wrote == 0 ? ENOSPC : errno;
        if (problem == EINTR && !mt_interrupted())
            continue;
        if (problem == EINTR) /* finish_part will try once more */
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        output->broken = problem;
        return mt_fail_errno(error, output->name, "cannot write", problem);
    }
    return MT_OK;
}

static mt_code write_compressed(mt_output *output, mt_span *plain, mt_compress_until until,
                                mt_error *error) {
    for (int more = 1; more;) {
        mt_code code = write_all(output, &output->compressed, error);
        if (code != MT_OK)
            return code;
        more = mt_compress(output->compressor, plain, until, &output->compressed);
        if (more < 0) {
            output->broken = ENOMEM;
            return mt_fail_memory(error, "compression");
        }
    }
    return write_all(output, &output->compressed, error);
}

/* Takes from the front of *bytes what it writes to the file or gives to the compressor. */
static mt_code write_bytes(mt_output *output, mt_span *bytes, mt_compress_until until,
                           mt_error *error) {
    return output->compressor ? write_compressed(output, bytes, until, error)
                              : write_all(output, bytes, error);
}

/* Of buffer[0..used) all but the last `left` are written. */
static void count_written(mt_output *output, const char *buffer, size_t used, size_t left) {
    size_t whole = used - left;
    while (whole > 0 && buffer[whole - 1] != '\n')
        whole--;
    if (whole > 0)
        output->whole = output->flushed + whole;
    output->flushed += used - left;
}

/* ---- the thread ---- */

static void write_ahead(void *context) {
    mt_output *output = context;
    mt_output_ahead *ahead = &output->ahead;
    ahead->left = (mt_span){ahead->buffer, ahead->used};
    ahead->code = write_bytes(output, &ahead->left, MT_COMPRESS_SOME, &ahead->error);
}

/* Is there a thread? Only for a regular file: writing to another may wait, and then Ctrl-C must be
 * seen. */
static int has_ahead(mt_output *output) {
    struct stat info;
    mt_output_ahead *ahead = &output->ahead;
    if (!ahead->is_decided && output->flushed >= SMALL) {
        ahead->is_decided = 1;
        ahead->capacity = MT_OUTPUT_BLOCK;
        if (fstat(output->fd, &info) == 0 && S_ISREG(info.st_mode))
            ahead->buffer = mt_allocate(ahead->capacity, 1);
        if (ahead->buffer)
            ahead->beside = mt_beside_new(MT_BESIDE_OUTPUT, write_ahead, output);
    }
    return ahead->beside != NULL;
}

mt_code mt_output_await(mt_output *output, mt_error *error) {
    mt_output_ahead *ahead = &output->ahead;
    mt_code code = ahead->beside ? mt_beside_wait(ahead->beside, error) : MT_OK;
    if (code != MT_OK || ahead->used == 0)
        return code;
    count_written(output, ahead->buffer, ahead->used, ahead->left.length);
    ahead->used = 0;
    if (ahead->code == MT_OK)
        return MT_OK;
    output->used = 0; /* it stood behind what is lost */
    if (error)
        *error = ahead->error;
    return ahead->code;
}

/* Gives the buffer to the thread, which waits, and takes the other one. */
static void give_ahead(mt_output *output) {
    mt_output_ahead *ahead = &output->ahead;
    char *buffer = ahead->buffer;
    size_t capacity = ahead->capacity;
    ahead->buffer = output->buffer;
    ahead->capacity = output->capacity;
    ahead->used = output->used;
    output->buffer = buffer;
    output->capacity = capacity;
    output->used = 0;
    mt_beside_begin(ahead->beside);
}

mt_code mt_output_drain(mt_output *output, mt_compress_until until, mt_error *error) {
    mt_code code = mt_output_await(output, error);
    if (code != MT_OK)
        return code;
    if (until == MT_COMPRESS_SOME && output->used > 0 && !output->broken && has_ahead(output)) {
        give_ahead(output);
        return MT_OK;
    }
    mt_span left = {output->buffer, output->used};
    code = write_bytes(output, &left, until, error);
    count_written(output, output->buffer, output->used, left.length);
    if (output->broken && !output->compressor) {
        output->used = 0;
        return code;
    }
    memmove(output->buffer, left.text, left.length);
    output->used = left.length;
    return code;
}

mt_code mt_output_flush(mt_output *output, mt_error *error) {
    return mt_output_drain(output, MT_COMPRESS_FLUSH, error);
}

char *mt_output_room(mt_output *output, size_t bytes, mt_error *error) {
    if (output->capacity - output->used < bytes) {
        if (mt_output_drain(output, MT_COMPRESS_SOME, error) != MT_OK)
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
            mt_code code = mt_output_drain(output, MT_COMPRESS_SOME, error);
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

uint64_t mt_output_bytes(const mt_output *output) {
    return output->flushed + output->ahead.used + output->used;
}

int mt_output_is_ahead(const mt_output *output) {
    return output->ahead.beside != NULL;
}
