/* Reading files a line at a time: big reads, no copy; decompressed when the name says that they are
 * compressed (base/file/compression.h). UTF-8's byte order mark is passed over, at a file's beginning
 * and at that of a line, where files with one were put together. */
#ifndef MT_BASE_FILE_INPUT_H
#define MT_BASE_FILE_INPUT_H

#include "base/error.h"

typedef struct mt_input mt_input;

/* One line is at most this long (bytes, without its end). */
#define MT_LINE_LIMIT ((size_t)1 << 30)

typedef struct mt_line {
    const char *text; /* in the input's buffer until the next call; not terminated by '\0', but at
                         least 64 readable bytes follow it, the first of them '\n' */
    size_t length;    /* bytes, the end-of-line not counted; a '\r' before it is */
    uint64_t number;  /* 1-based */
    int terminated;   /* 0: the file ended without a newline after it */
} mt_line;

/* Nothing but white space? */
static inline int mt_line_is_blank(const mt_line *line) {
    for (size_t i = 0; i < line->length; i++)
        if (line->text[i] != ' ' && line->text[i] != '\t' && line->text[i] != '\r')
            return 0;
    return 1;
}

/* Opens path for reading; "-" is standard input. A directory is an error. NULL on failure. */
mt_input *mt_input_open(const char *path, mt_error *error);

/* The next line. Returns 1 with *line filled, 0 at the end of the file, -1 on failure
 * (MT_ERROR_IO; MT_ERROR_INPUT for a line over MT_LINE_LIMIT or damaged gzip data). */
int mt_input_line(mt_input *input, mt_line *line, mt_error *error);

/* ---- the lines of a regular file by their places, for several readers at a time ---- */

/* Where the next unread byte is in the file. 0: that is not to be had, as it is no regular file, is packed, was
 * not opened by its path, or nothing of it has been read. */
uint64_t mt_input_place(const mt_input *input);

/* The bytes of the file as it is now; 0 where mt_input_place is. */
uint64_t mt_input_size(const mt_input *input);

/* Lines together: zero it, fill it again and again, free it. */
typedef struct mt_line_block {
    char *buffer;
    size_t capacity;
    const char *next, *end; /* in the buffer: what is left of them */
    uint64_t count;         /* how many of them were given */
    uint64_t place;         /* in the file, behind the last; 0: there is no line */
} mt_line_block;

/* A block has the lines that begin in so many bytes of the file. With MT_SCAN_ALL, of a build in which
 * threads scan every file, for tests, they are few. */
#ifdef MT_SCAN_ALL
enum { MT_LINE_BLOCK = 1 << 12 };
#else
enum { MT_LINE_BLOCK = 1 << 17 };
#endif

/* 0, or -1 when memory is out. */
int mt_line_block_new(mt_line_block *block);

void mt_line_block_free(mt_line_block *block);

/* The lines that begin at `place` or behind it, but before place + MT_LINE_BLOCK. place > 0. The input stays as
 * it is: threads may ask at the same time. 1, or 0: that cannot be done, as the file ends there, one of the
 * lines is longer than most (a MiB), or reading or memory failed: mt_input_line sees what it is. */
int mt_input_line_block(const mt_input *input, uint64_t place, mt_line_block *block);

/* The block's next line: 1, or 0 when none is left. Its number counts from 1 within the block. */
int mt_line_block_next(mt_line_block *block, mt_line *line);

/* Goes on with mt_input_line at the place, where a line begins, and `lines` are before it. 0 or -1. */
int mt_input_go_to(mt_input *input, uint64_t place, uint64_t lines, mt_error *error);

/* The next bytes as they come, for readers of other formats: returns 1 with *bytes and *length
 * (valid until the next call), 0 at the end, -1 on failure. Do not mix with mt_input_line. */
int mt_input_block(mt_input *input, const char **bytes, size_t *length, mt_error *error);

/* The same without taking them: the next call, of whichever kind, begins with these bytes. One byte
 * at least, unless the input is at its end. */
int mt_input_peek(mt_input *input, const char **bytes, size_t *length, mt_error *error);

/* The same with a whole line among them, as long as `most` bytes may hold it. */
int mt_input_peek_line(mt_input *input, size_t most, const char **bytes, size_t *length,
                       mt_error *error);

/* Does what is left to read begin with `text` (short: no terminator is looked for in the file)? 1
 * or 0, -1 on failure. Nothing is taken: it can be asked of a pipe. */
int mt_input_begins(mt_input *input, const char *text, mt_error *error);

/* The name to use in messages: the path as given, "standard input" for "-". */
const char *mt_input_name(const mt_input *input);

/* Closes and frees; NULL is allowed. */
void mt_input_close(mt_input *input);

#endif
