/* CSV texts in files, their reader, and its rows. */
#ifndef CSV_SUPPORT_H
#define CSV_SUPPORT_H

#include "file_support.h"
#include "trace_support.h"

#include "text/csv_reader.h"

/* ---- a plain parser of a whole text ---- */

enum { MOST_FIELDS = 4096, MOST_BYTES = 1 << 15 };

/* What a text says, or one row of it: fields in `bytes`, and how it ends. */
typedef struct oracle {
    const char *text;
    size_t length, at, line_start;
    uint64_t line;
    int status; /* of the row: 1, 0 at the end, -1 */
    uint64_t row_line, error_line, error_column;
    char bytes[MOST_BYTES];
    mt_span fields[MOST_FIELDS];
    size_t used, count;
} oracle;

static inline int oracle_fails(oracle *o, uint64_t line, uint64_t column) {
    o->status = -1;
    o->error_line = line;
    o->error_column = column;
    return -1;
}

static inline int oracle_fails_here(oracle *o) {
    return oracle_fails(o, o->line, o->at - o->line_start + 1);
}

static inline int at_byte(const oracle *o, char byte) {
    return o->at < o->length && o->text[o->at] == byte;
}

static inline int at_line_end(const oracle *o) {
    return at_byte(o, '\n') || at_byte(o, '\r');
}

/* Over one byte, which it returns; an LF after a CR belongs to the same line end. */
static inline char step(oracle *o) {
    char byte = o->text[o->at++];
    int is_end = byte == '\n' || (byte == '\r' && !at_byte(o, '\n'));
    if (is_end) {
        o->line++;
        o->line_start = o->at;
    }
    return byte;
}

static inline void put(oracle *o, char byte) {
    assert_in_range(o->used, 0, MOST_BYTES - 1);
    o->bytes[o->used++] = byte;
    o->fields[o->count].length++;
}

static inline int oracle_quoted(oracle *o) {
    uint64_t opened = o->line;
    step(o);
    for (;;) {
        if (o->at == o->length)
            return oracle_fails(o, opened, 0);
        if (at_byte(o, '\0'))
            return oracle_fails_here(o);
        if (at_byte(o, '"')) {
            step(o);
            if (!at_byte(o, '"'))
                break;
        }
        put(o, step(o));
    }
    if (o->at < o->length && !at_byte(o, ',') && !at_line_end(o))
        return oracle_fails_here(o);
    return 0;
}

static inline int oracle_field(oracle *o) {
    assert_in_range(o->count, 0, MOST_FIELDS - 1);
    o->fields[o->count] = (mt_span){o->bytes + o->used, 0};
    if (at_byte(o, '"')) {
        if (oracle_quoted(o) != 0)
            return -1;
    } else {
        while (o->at < o->length && !at_byte(o, ',') && !at_line_end(o)) {
            if (at_byte(o, '"') || at_byte(o, '\0'))
                return oracle_fails_here(o);
            put(o, step(o));
        }
    }
    o->count++;
    return 0;
}

/* The next row; `width` 0: the header. */
static inline int oracle_row(oracle *o, size_t width) {
    o->used = o->count = 0;
    while (at_line_end(o))
        step(o);
    o->row_line = o->line;
    if (o->at == o->length)
        return o->status = 0;
    do {
        if (o->count > 0)
            step(o);
        if (oracle_field(o) != 0)
            return -1;
    } while (at_byte(o, ','));
    if (at_line_end(o))
        step(o);
    if (width > 0 && o->count != width)
        return oracle_fails(o, o->row_line, 0);
    return o->status = 1;
}

/* ---- comparing ---- */

static inline mt_csv_reader *open_text(void **state, const char *text, size_t length,
                                       mt_error *error) {
    const char *path = in_folder(state, "in.csv");
    unlink(path); /* a file cut to nothing and written again is written through by some systems */
    write_file(path, text, length);
    return mt_csv_open(path, error);
}

static inline void same_row(const mt_csv_row *row, const oracle *o) {
    assert_int_equal(row->line, o->row_line);
    assert_int_equal(row->count, o->count);
    for (size_t i = 0; i < row->count; i++)
        assert_same_span(row->fields[i], o->fields[i]);
}

static inline void same_error(const mt_error *error, const oracle *o) {
    assert_int_equal(error->code, MT_ERROR_INPUT);
    assert_int_equal(error->line, o->error_line);
    assert_int_equal(error->column, o->error_column);
}

/* Does the reader find in the text what the plain parser finds? Blanks around names are the
 * reader's to drop, so that the headers here have none. Returns the number of rows. */
static inline uint64_t compare(mt_csv_reader *reader, mt_error *error, const char *text,
                               size_t length) {
    oracle *o = calloc(1, sizeof *o);
    uint64_t rows = 0;
    assert_non_null(o);
    *o = (oracle){.text = text, .length = length, .line = 1};
    oracle_row(o, 0);
    if (o->status == 1) {
        if (!reader)
            fail_msg("line %d: %s", (int)error->line, error->message);
        same_row(mt_csv_header(reader), o);
        size_t width = o->count;
        mt_csv_row row;
        while (oracle_row(o, width) == 1) {
            assert_int_equal(mt_csv_next(reader, &row, error), 1);
            same_row(&row, o);
            rows++;
        }
        assert_int_equal(mt_csv_next(reader, &row, error), o->status);
    } else {
        assert_null(reader);
    }
    if (o->status == -1)
        same_error(error, o);
    mt_csv_close(reader);
    free(o);
    return rows;
}

static inline uint64_t compare_text(void **state, const char *text, size_t length) {
    mt_error error = {0};
    mt_csv_reader *reader = open_text(state, text, length, &error);
    return compare(reader, &error, text, length);
}

#endif
