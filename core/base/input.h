/* Reading files a line at a time: big reads, no copy; decompressed when the name says that they are
 * compressed (base/compression.h). UTF-8's byte order mark is passed over, at a file's beginning
 * and at that of a line, where files with one were put together. */
#ifndef MT_BASE_INPUT_H
#define MT_BASE_INPUT_H

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

/* Opens path for reading; "-" is standard input. A directory is an error. NULL on failure. */
mt_input *mt_input_open(const char *path, mt_error *error);

/* The next line. Returns 1 with *line filled, 0 at the end of the file, -1 on failure
 * (MT_ERROR_IO; MT_ERROR_INPUT for a line over MT_LINE_LIMIT or damaged gzip data). */
int mt_input_line(mt_input *input, mt_line *line, mt_error *error);

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
