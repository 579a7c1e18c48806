#include "base/file/input.h"

#include "base/file/descriptors.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/file/compression.h"
#include "base/file/unpacking.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_BLOCK = 1 << 18, INPUT_SLACK = 64 };

struct mt_input {
    int fd;
    int close_fd;
    mt_unpacking *unpacking; /* NULL: the file is not compressed */
    char *name;
    char *buffer; /* capacity + INPUT_SLACK bytes */
    size_t capacity, begin, end;
    size_t searched; /* bytes after begin known to hold no newline */
    uint64_t lines;
    int at_end;
    int has_begun; /* the mark, or that there is none, was seen */
};

static const char mark[] = "\xEF\xBB\xBF";
enum { MARK_LENGTH = 3 };

static int open_path(mt_input *input, const char *path, mt_error *error) {
    int limit = 0; /* of files open at once, once it was met and raised */
    do             /* a named pipe without a writer is waited for */
        input->fd = open(path, O_RDONLY | O_CLOEXEC);
    while (input->fd < 0 && ((errno == EINTR && !mt_interrupted()) ||
                             (errno == EMFILE && !limit && (limit = mt_descriptors_raise()))));
    if (input->fd >= 0)
        return 0;
    if (errno == EINTR)
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    if (errno == EMFILE)
        return mt_failed(
            mt_fail_at(error, MT_ERROR_IO, path, 0, 0,
                       "cannot open: %d files are open at once, and that is this process's limit "
                       "(fewer at a time, or 'ulimit -n' to raise it)",
                       limit));
    return mt_failed(mt_fail_errno(error, path, "cannot open", errno));
}

static int open_source(mt_input *input, const char *path, mt_error *error) {
    struct stat info;
    if (strcmp(path, "-") == 0) {
        input->fd = STDIN_FILENO;
    } else {
        if (open_path(input, path, error) != 0)
            return -1;
        input->close_fd = 1;
    }
    if (fstat(input->fd, &info) != 0)
        return mt_failed(mt_fail_errno(error, input->name, "cannot open", errno));
    if (S_ISDIR(info.st_mode))
        return mt_failed(
            mt_fail_at(error, MT_ERROR_IO, input->name, 0, 0, "is a directory, not a file"));
    const char *method = input->close_fd ? mt_compression_of(path) : NULL;
    if (!method)
        return 0;
    input->unpacking = mt_unpacking_new(input->fd, input->name, method, error);
    return input->unpacking ? 0 : -1;
}

mt_input *mt_input_open(const char *path, mt_error *error) {
    mt_input *input = mt_new(sizeof *input, "input", error);
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (!input)
        return NULL;
    input->fd = -1;
    input->capacity = INPUT_BLOCK;
    input->name = mt_copy_text(name, strlen(name));
    input->buffer = mt_allocate(input->capacity + INPUT_SLACK, 1);
    if (!input->name || !input->buffer) {
        mt_fail_memory(error, "input buffer");
        mt_input_close(input);
        return NULL;
    }
    if (open_source(input, path, error) != 0) {
        mt_input_close(input);
        return NULL;
    }
    return input;
}

/* Reads up to `room` plain bytes; 0 at the end, -1 on failure. */
static ptrdiff_t read_some(mt_input *input, char *to, size_t room, mt_error *error) {
    return input->unpacking ? mt_unpacking_read(input->unpacking, to, room, error)
                            : mt_descriptor_read(input->fd, input->name, to, room, error);
}

/* Moves the unread bytes to the front and reads more behind them, growing when full. */
static int fill(mt_input *input, mt_error *error) {
    size_t unread = input->end - input->begin;
    if (input->begin > 0) {
        memmove(input->buffer, input->buffer + input->begin, unread);
        input->begin = 0;
        input->end = unread;
    }
    if (unread == input->capacity) {
        if (unread > MT_LINE_LIMIT)
            return mt_failed(mt_fail_at(error, MT_ERROR_INPUT, input->name, input->lines + 1, 0,
                                        "line is longer than 1 GiB"));
        char *larger = mt_reallocate(input->buffer, 2 * input->capacity + INPUT_SLACK, 1);
        if (!larger)
            return mt_failed(mt_fail_at(error, MT_ERROR_MEMORY, input->name, input->lines + 1, 0,
                                        "out of memory (line of more than %zu bytes)",
                                        input->capacity));
        input->buffer = larger;
        input->capacity *= 2;
    }
    /* Small enough to stay in the cache until it is read, however large a line made the buffer. */
    size_t room = input->capacity - input->end;
    if (room > INPUT_BLOCK)
        room = INPUT_BLOCK;
    ptrdiff_t got = read_some(input, input->buffer + input->end, room, error);
    if (got < 0)
        return -1;
    if (got == 0)
        input->at_end = 1;
    input->end += (size_t)got;
    memset(input->buffer + input->end, '\n', INPUT_SLACK);
    return 0;
}

/* Passes over the mark at the file's beginning. 0 or -1. */
static int begin(mt_input *input, mt_error *error) {
    int status = mt_input_begins(input, mark, error);
    input->has_begun = status >= 0;
    if (status > 0)
        input->begin += MARK_LENGTH;
    return status < 0 ? -1 : 0;
}

/* The line of from[0..length) that ends at `newline`; NULL: that is its last one, without its end. */
static inline void cut(const char *from, const char *newline, size_t length, mt_line *line) {
    line->text = from;
    line->length = newline ? (size_t)(newline - from) : length;
    line->terminated = newline != NULL;
    while (*line->text == mark[0] && line->length >= MARK_LENGTH &&
           memcmp(line->text, mark, MARK_LENGTH) == 0) {
        line->text += MARK_LENGTH;
        line->length -= MARK_LENGTH;
    }
}

int mt_input_line(mt_input *input, mt_line *line, mt_error *error) {
    if (!input->has_begun && begin(input, error) != 0)
        return -1;
    for (;;) {
        char *from = input->buffer + input->begin;
        size_t unread = input->end - input->begin;
        char *newline = unread > input->searched
                            ? memchr(from + input->searched, '\n', unread - input->searched)
                            : NULL;
        if (newline || (input->at_end && unread > 0)) {
            cut(from, newline, unread, line);
            line->number = ++input->lines;
            input->begin += (size_t)(line->text - from) + line->length + (newline ? 1 : 0);
            input->searched = 0;
            if (line->length > MT_LINE_LIMIT)
                return mt_failed(mt_fail_at(error, MT_ERROR_INPUT, input->name, line->number, 0,
                                            "line is longer than 1 GiB"));
            return 1;
        }
        if (input->at_end)
            return 0;
        input->searched = unread;
        if (fill(input, error) != 0)
            return -1;
    }
}

/* ---- lines by their places ---- */

static int is_plain_file(const mt_input *input, struct stat *info) {
    return input->close_fd && !input->unpacking && fstat(input->fd, info) == 0 &&
           S_ISREG(info->st_mode);
}

uint64_t mt_input_place(const mt_input *input) {
    struct stat info;
    off_t at = is_plain_file(input, &info) ? lseek(input->fd, 0, SEEK_CUR) : 0;
    uint64_t unread = input->end - input->begin;
    return at > 0 && (uint64_t)at > unread ? (uint64_t)at - unread : 0;
}

uint64_t mt_input_size(const mt_input *input) {
    struct stat info;
    return is_plain_file(input, &info) && info.st_size > 0 ? (uint64_t)info.st_size : 0;
}

/* The byte before the block, with which a line may end, the block, and in most cases the rest of its last
 * line. */
enum {
    FIRST_READ = 1 + MT_LINE_BLOCK + (MT_LINE_BLOCK >> 5),
    BLOCK_ROOM = 2 * MT_LINE_BLOCK,
    MOST_BLOCK_ROOM = 1 << 20
};

int mt_line_block_new(mt_line_block *block) {
    *block = (mt_line_block){.buffer = mt_allocate(BLOCK_ROOM + INPUT_SLACK, 1)};
    block->capacity = block->buffer ? BLOCK_ROOM : 0;
    return block->buffer ? 0 : -1;
}

void mt_line_block_free(mt_line_block *block) {
    mt_free(block->buffer);
    *block = (mt_line_block){0};
}

/* buffer[at..most) from the file's `place` on, or as many bytes as there are. Returns where they end. */
static size_t read_at(const mt_input *input, char *buffer, size_t at, size_t most, uint64_t place) {
    while (at < most) {
        ssize_t got = pread(input->fd, buffer + at, most - at, (off_t)place);
        if (got < 0 && errno == EINTR && !mt_interrupted())
            continue;
        if (got <= 0)
            break;
        at += (size_t)got;
        place += (uint64_t)got;
    }
    return at;
}

/* Twice the room. 0 or -1. */
static int grow_block(mt_line_block *block) {
    char *larger = block->capacity < MOST_BLOCK_ROOM
                       ? mt_reallocate(block->buffer, 2 * block->capacity + INPUT_SLACK, 1)
                       : NULL;
    if (!larger)
        return -1;
    block->buffer = larger;
    block->capacity *= 2;
    return 0;
}

int mt_input_line_block(const mt_input *input, uint64_t place, mt_line_block *block) {
    uint64_t begins = place - 1; /* the buffer, in the file */
    size_t used = read_at(input, block->buffer, 0, FIRST_READ, begins), looked = MT_LINE_BLOCK;
    block->count = block->place = 0;
    block->next = block->end = block->buffer;
    if (used <= looked)
        return 0;
    const char *first = memchr(block->buffer, '\n', MT_LINE_BLOCK), *last;
    if (!first) /* the line that it begins with began before it, and ends behind it */
        return 1;
    size_t skipped = (size_t)(first + 1 - block->buffer);
    while (!(last = memchr(block->buffer + looked, '\n', used - looked))) {
        looked = used;
        if (used == block->capacity && grow_block(block) != 0)
            return 0;
        used = read_at(input, block->buffer, used, block->capacity, begins + used);
        if (used == looked) /* the file's end */
            return 0;
    }
    memset(block->buffer + used, '\n', INPUT_SLACK);
    block->next = block->buffer + skipped;
    block->end = last + 1;
    block->place = begins + (uint64_t)(block->end - block->buffer);
    return 1;
}

int mt_line_block_next(mt_line_block *block, mt_line *line) {
    if (block->next == block->end)
        return 0;
    size_t length = (size_t)(block->end - block->next);
    const char *newline = memchr(block->next, '\n', length);
    cut(block->next, newline, length, line);
    line->number = ++block->count;
    block->next = newline + 1;
    return 1;
}

int mt_input_go_to(mt_input *input, uint64_t place, uint64_t lines, mt_error *error) {
    if (lseek(input->fd, (off_t)place, SEEK_SET) < 0)
        return mt_failed(mt_fail_errno(error, input->name, "cannot read", errno));
    input->begin = input->end = input->searched = 0;
    input->lines = lines;
    input->at_end = 0;
    return 0;
}

/* ---- bytes as they come ---- */

int mt_input_peek(mt_input *input, const char **bytes, size_t *length, mt_error *error) {
    if (!input->has_begun && begin(input, error) != 0)
        return -1;
    if (input->begin == input->end && !input->at_end && fill(input, error) != 0)
        return -1;
    *bytes = input->buffer + input->begin;
    *length = input->end - input->begin;
    return *length > 0;
}

int mt_input_peek_line(mt_input *input, size_t most, const char **bytes, size_t *length,
                       mt_error *error) {
    int status = mt_input_peek(input, bytes, length, error);
    while (status > 0 && *length < most && !input->at_end && !memchr(*bytes, '\n', *length)) {
        if (fill(input, error) != 0)
            return -1;
        status = mt_input_peek(input, bytes, length, error);
    }
    return status;
}

int mt_input_block(mt_input *input, const char **bytes, size_t *length, mt_error *error) {
    int status = mt_input_peek(input, bytes, length, error);
    if (status > 0)
        input->begin = input->end;
    return status;
}

int mt_input_begins(mt_input *input, const char *text, mt_error *error) {
    size_t length = strlen(text);
    if (!input->has_begun && text != mark && begin(input, error) != 0)
        return -1;
    while (input->end - input->begin < length && !input->at_end &&
           memcmp(input->buffer + input->begin, text, input->end - input->begin) == 0)
        if (fill(input, error) != 0)
            return -1;
    return input->end - input->begin >= length &&
           memcmp(input->buffer + input->begin, text, length) == 0;
}

const char *mt_input_name(const mt_input *input) {
    return input->name;
}

void mt_input_close(mt_input *input) {
    if (!input)
        return;
    mt_unpacking_free(input->unpacking);
    if (input->close_fd && input->fd >= 0)
        close(input->fd);
    mt_free(input->name);
    mt_free(input->buffer);
    mt_free(input);
}
