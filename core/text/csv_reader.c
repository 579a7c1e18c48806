#include "text/csv_reader.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "text/csv_library.h"
#include "text/foreign_data.h"

#include <stdio.h>
#include <string.h>

/* libcsv's buffer for a field grows in steps of this size, up to the limit and one byte: it asks
 * for room before it looks at the byte that ends the field. */
enum { FIELD_GROWTH = 1 << 12 };
#define FIELD_BUFFER_LIMIT (MT_CSV_FIELD_LIMIT + 1)

/* A row's fields one after the other. `bytes` may move until the row is whole; till then only the
 * lengths in `fields` are valid. */
typedef struct row_buffer {
    char *bytes;
    size_t used, byte_capacity;
    mt_span *fields;
    size_t count; /* of fields, also of those beyond `most`, which are not kept */
    size_t most;
    size_t field_capacity;
} row_buffer;

/* What is to be done before rows can be read on after a failure. */
typedef enum recovery {
    NO_RECOVERY,  /* the failure stays */
    AT_NEXT_ROW,  /* nothing is to be done: the row was whole */
    AT_NEXT_LINE, /* the rest of the line is passed over */
} recovery;

struct mt_csv_reader {
    mt_input *input;
    const mt_csv_library *csv;
    struct csv_parser parser;
    char delimiter;
    const char *unread; /* the rest of the input's block */
    size_t unread_length;
    uint64_t line;    /* of the next byte */
    uint64_t column;  /* bytes of that line before it */
    int after_return; /* the byte before was a CR: an LF now ends no other line */
    row_buffer names, row;
    row_buffer *target;   /* of the two, the one that is being read */
    int is_row_open;      /* it has begun and not ended */
    int is_row_done;      /* libcsv has reported its end */
    uint64_t row_line;    /* where it began */
    uint64_t field_line;  /* where its field that is not done began */
    int is_out_of_memory; /* a callback found no room */
    mt_csv_row header;
    mt_error failure; /* code MT_OK: none so far */
    recovery recovery;
};

/* ---- what libcsv calls ---- */

/* Refuses more memory than a field within the limit needs. */
static void *reallocate_field(void *block, size_t size) {
    return size > FIELD_BUFFER_LIMIT ? NULL : mt_reallocate(block, size, 1);
}

/* RFC 4180: "Spaces are considered part of a field and should not be ignored". */
static int no_byte_is_space(unsigned char byte) {
    (void)byte;
    return 0;
}

static int keep_field(row_buffer *row, const char *text, size_t length) {
    if (MT_GROW(row->bytes, row->byte_capacity, row->used + length + 1) != 0 ||
        MT_GROW(row->fields, row->field_capacity, row->count) != 0)
        return -1;
    if (length > 0)
        memcpy(row->bytes + row->used, text, length);
    row->fields[row->count - 1].length = length;
    row->used += length;
    return 0;
}

static void on_field(void *text, size_t length, void *data) {
    mt_csv_reader *reader = data;
    row_buffer *row = reader->target;
    if (++row->count <= row->most && !reader->is_out_of_memory)
        reader->is_out_of_memory = keep_field(row, text, length) != 0;
}

static void on_row(int last_byte, void *data) {
    mt_csv_reader *reader = data;
    (void)last_byte;
    reader->is_row_done = 1;
}

/* ---- failures ---- */

/* Keeps the failure for the calls to come. -1. */
static int keep_failure(mt_csv_reader *reader, mt_error *error) {
    if (error)
        *error = reader->failure;
    return -1;
}

/* Notes a failure at the line (and column). -1. */
static int fail(mt_csv_reader *reader, uint64_t line, uint64_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(mt_csv_reader *reader, uint64_t line, uint64_t column, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_fail_list(&reader->failure, MT_ERROR_INPUT, mt_input_name(reader->input), line, column,
                 format, arguments);
    va_end(arguments);
    return -1;
}

static int fail_memory(mt_csv_reader *reader) {
    return mt_failed(mt_fail_at(&reader->failure, MT_ERROR_MEMORY, mt_input_name(reader->input),
                                reader->row_line, 0, "out of memory (CSV row)"));
}

static const char *delimiter_name(char delimiter) {
    static const char *const names[][2] = {
        {",", "a comma"}, {";", "a semicolon"}, {"\t", "a tab"}, {"|", "a bar"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (delimiter == names[i][0][0])
            return names[i][1];
    return "the delimiter";
}

/* Says why libcsv stopped before byte `at` of the text it was given. */
static int fail_parse(mt_csv_reader *reader, const char *text, size_t length, size_t at) {
    char quoted[24];
    if (reader->csv->error(&reader->parser) != CSV_EPARSE)
        return reader->csv->get_buffer_size(&reader->parser) < FIELD_BUFFER_LIMIT
                   ? fail_memory(reader)
                   : fail(reader, reader->field_line, 0,
                          "a field of more than 1 MiB begins here (is its quote ever closed?)");
    reader->recovery = AT_NEXT_LINE;
    if (text[at] == CSV_QUOTE)
        return fail(reader, reader->line, reader->column + at + 1,
                    "a quote inside a field that does not begin with one (a field with quotes is "
                    "written \"say \"\"so\"\"\")");
    return fail(reader, reader->line, reader->column + at + 1,
                "expected %s or the end of the line after the closing quote, found '%s'",
                delimiter_name(reader->delimiter),
                mt_quote(text + at, length - at, quoted, sizeof quoted));
}

/* ---- rows ---- */

/* Gives libcsv the next bytes of one line, with its end or without. libcsv cannot be stopped
 * between two rows, so it never sees more than one line at once. 0 or -1. */
static int feed(mt_csv_reader *reader, const char *text, size_t length) {
    char last = text[length - 1];
    int is_end = last == '\n' || last == '\r';
    size_t fields_before = reader->target->count;
    if (!reader->is_row_open)
        reader->row_line = reader->field_line = reader->line;
    size_t parsed = reader->csv->parse(&reader->parser, text, length, on_field, on_row, reader);
    if (reader->is_out_of_memory)
        return fail_memory(reader);
    if (reader->target->count > fields_before)
        reader->field_line = reader->line;
    if (parsed < length)
        return fail_parse(reader, text, is_end ? length - 1 : length, parsed);
    reader->is_row_open = !reader->is_row_done && (reader->is_row_open || length > (size_t)is_end);
    if (is_end && !(last == '\n' && length == 1 && reader->after_return))
        reader->line++;
    reader->column = is_end ? 0 : reader->column + length;
    reader->after_return = last == '\r';
    return 0;
}

/* The length of the text up to and with its first line end, or up to and without a NUL byte. */
static size_t line_length(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte <= '\r' && (byte == '\n' || byte == '\r' || byte == '\0'))
            return byte == '\0' ? i : i + 1;
    }
    return length;
}

/* The next block of the file: 1, 0 at its end, -1. */
static int read_block(mt_csv_reader *reader) {
    if (mt_interrupted())
        return mt_failed(mt_fail(&reader->failure, MT_ERROR_INTERRUPTED, "interrupted"));
    return mt_input_block(reader->input, &reader->unread, &reader->unread_length, &reader->failure);
}

/* Ends a last row that has no line end. 0 or -1. */
static int finish(mt_csv_reader *reader) {
    if (reader->csv->fini(&reader->parser, on_field, on_row, reader) != 0)
        return fail(reader, reader->field_line, 0, "a quote that opens here is never closed");
    if (reader->is_out_of_memory)
        return fail_memory(reader);
    reader->is_row_open = 0;
    return 0;
}

/* Says where in `bytes` the fields are. */
static void place_fields(row_buffer *row) {
    const char *at = row->bytes;
    for (size_t i = 0; i < row->count && i < row->most; i++) {
        row->fields[i].text = at;
        at += row->fields[i].length;
    }
}

/* Reads the row of a line that has no quotes and lies whole in the block: the fields are what
 * stands between the delimiters, where they are. Most rows are such, and libcsv takes five times as
 * long. 1; 0 when the row is for libcsv; -1. */
static int read_plain_row(mt_csv_reader *reader, row_buffer *row) {
    const char *begin = reader->unread, *end = begin + reader->unread_length;
    if (reader->after_return && *begin == '\n') /* of a CRLF */
        begin++;
    if (MT_GROW(row->fields, row->field_capacity, row->most) != 0)
        return fail_memory(reader);
    size_t count = 0;
    const char *field = begin, *at = begin, delimiter = reader->delimiter;
    unsigned char highest = (unsigned char)(delimiter > '"' ? delimiter : '"');
    for (; at < end; at++) {
        if ((unsigned char)*at > highest)
            continue;
        if (*at == '"' || *at == '\0')
            return 0;
        if (*at != delimiter && *at != '\n' && *at != '\r')
            continue;
        if (count < row->most)
            row->fields[count] = (mt_span){field, (size_t)(at - field)};
        count++;
        field = at + 1;
        if (*at != delimiter)
            break;
    }
    /* libcsv sees to blank lines, which are no rows, and to fields that may be too long. */
    if (at == end || at == begin || (size_t)(at - begin) > MT_CSV_FIELD_LIMIT)
        return 0;
    row->count = count;
    reader->row_line = reader->line++;
    reader->after_return = *at == '\r';
    reader->unread = at + 1;
    reader->unread_length = (size_t)(end - reader->unread);
    return 1;
}

/* The next row into `target`, of which at most `most` fields are kept: 1, 0 at the end, -1. */
static int read_row(mt_csv_reader *reader, row_buffer *target, size_t most) {
    target->used = target->count = 0;
    target->most = most;
    reader->target = target;
    reader->is_row_done = 0;
    while (!reader->is_row_done) {
        if (reader->unread_length == 0) {
            int status = read_block(reader);
            if (status < 0)
                return -1;
            if (status == 0 && finish(reader) != 0)
                return -1;
            if (status == 0)
                break;
        }
        if (most != SIZE_MAX && !reader->is_row_open && reader->column == 0) {
            int status = read_plain_row(reader, target);
            if (status != 0)
                return status;
        }
        size_t length = line_length(reader->unread, reader->unread_length);
        if (length == 0)
            return fail(reader, reader->line, reader->column + 1,
                        "a NUL byte: this is not text (or UTF-16; a CSV is read as UTF-8)");
        if (feed(reader, reader->unread, length) != 0)
            return -1;
        if (most == SIZE_MAX && target->count > MT_CSV_COLUMNS_LIMIT)
            return fail(reader, reader->row_line, 0, "the header has more than %zu columns",
                        MT_CSV_COLUMNS_LIMIT);
        reader->unread += length;
        reader->unread_length -= length;
    }
    place_fields(target);
    return reader->is_row_done;
}

int mt_csv_next(mt_csv_reader *reader, mt_csv_row *row, mt_error *error) {
    size_t width = reader->header.count;
    if (reader->failure.code != MT_OK)
        return keep_failure(reader, error);
    if (mt_interrupted())
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    int status = read_row(reader, &reader->row, width);
    if (status < 0)
        return keep_failure(reader, error);
    if (status == 0)
        return 0;
    size_t count = reader->row.count;
    if (count != width) {
        reader->recovery = AT_NEXT_ROW;
        fail(reader, reader->row_line, 0, "the row has %zu field%s, the header has %zu%s", count,
             count == 1 ? "" : "s", width,
             reader->column > 0 ? " (the file ends without a newline here: it seems to be cut)"
                                : "");
        return keep_failure(reader, error);
    }
    *row = (mt_csv_row){reader->row.fields, count, reader->row_line};
    return 1;
}

/* Skips the rest of the line. 0 or -1. */
static int skip_line(mt_csv_reader *reader) {
    for (;;) {
        if (reader->unread_length == 0) {
            int status = read_block(reader);
            if (status <= 0)
                return status;
        }
        size_t length = line_length(reader->unread, reader->unread_length);
        if (length == 0)
            return -1;
        char last = reader->unread[length - 1];
        reader->unread += length;
        reader->unread_length -= length;
        reader->column += length;
        if (last == '\n' || last == '\r') {
            reader->line++;
            reader->column = 0;
            reader->after_return = last == '\r';
            return 0;
        }
    }
}

int mt_csv_recover(mt_csv_reader *reader) {
    recovery how = reader->recovery;
    reader->recovery = NO_RECOVERY;
    if (how == NO_RECOVERY)
        return 0;
    if (how == AT_NEXT_LINE) {
        /* Outside of an open quote this only sets the parser back to the beginning of a row. */
        reader->csv->fini(&reader->parser, NULL, NULL, NULL);
        reader->is_row_open = 0;
        if (skip_line(reader) != 0)
            return 0;
    }
    reader->failure.code = MT_OK;
    return 1;
}

/* ---- opening ---- */

/* The delimiter that the header speaks for. */
static char find_delimiter(const char *text, size_t length) {
    static const char candidates[] = ",;\t|";
    size_t counts[sizeof candidates] = {0}, best = 0;
    int in_quotes = 0;
    for (size_t i = 0; i < length && (in_quotes || (text[i] != '\n' && text[i] != '\r')); i++) {
        const char *found = strchr(candidates, text[i]);
        in_quotes ^= text[i] == '"';
        if (found && *found && !in_quotes)
            counts[found - candidates]++;
    }
    for (size_t i = 1; counts[0] == 0 && i < sizeof candidates - 1; i++)
        if (counts[i] > counts[best])
            best = i;
    return candidates[best];
}

static int is_delimiter(char byte) {
    return byte != '"' && byte != '\0' && byte != '\n' && byte != '\r';
}

/* Passes over a line "sep=;". 0 or -1. */
static int open_dialect(mt_csv_reader *reader) {
    enum { HEADER_MOST = 1 << 16, SEP_LENGTH = 4 };
    const char *text;
    size_t length;
    mt_line line;
    if (mt_check_text(reader->input, &reader->failure) != MT_OK ||
        mt_input_peek_line(reader->input, HEADER_MOST, &text, &length, &reader->failure) < 0)
        return -1;
    size_t end = SEP_LENGTH + 1;
    end += end < length && text[end] == '\r';
    if (end < length && text[end] == '\n' && memcmp(text, "sep=", SEP_LENGTH) == 0 &&
        is_delimiter(text[SEP_LENGTH])) {
        if (!reader->delimiter)
            reader->delimiter = text[SEP_LENGTH];
        mt_input_line(reader->input, &line, NULL); /* which is there */
        reader->line = 2;
    }
    while (length > 0 && (*text == '\n' || *text == '\r')) {
        text++;
        length--;
    }
    if (!reader->delimiter)
        reader->delimiter = find_delimiter(text, length);
    reader->csv->set_delim(&reader->parser, (unsigned char)reader->delimiter);
    return 0;
}

static int read_header(mt_csv_reader *reader) {
    row_buffer *names = &reader->names;
    reader->target = names;
    names->most = SIZE_MAX;
    if (open_dialect(reader) != 0)
        return -1;
    int status = read_row(reader, names, SIZE_MAX);
    if (status < 0)
        return -1;
    if (status == 0)
        return fail(reader, 0, 0, "the file is empty: a row with the columns' names was expected");
    for (size_t i = 0; i < names->count; i++)
        names->fields[i] = mt_span_trimmed(names->fields[i]);
    reader->header = (mt_csv_row){names->fields, names->count, reader->row_line};
    return 0;
}

mt_csv_reader *mt_csv_open(const char *path, mt_error *error) {
    mt_input *input = mt_input_open(path, error);
    return input ? mt_csv_open_input(input, '\0', error) : NULL;
}

mt_csv_reader *mt_csv_open_input(mt_input *input, char delimiter, mt_error *error) {
    const mt_csv_library *csv = mt_csv_library_of(error);
    if (!csv && error)
        snprintf(error->source, sizeof error->source, "%s", mt_input_name(input));
    mt_csv_reader *reader = csv ? mt_new(sizeof *reader, "CSV reader", error) : NULL;
    if (!reader) {
        mt_input_close(input);
        return NULL;
    }
    reader->csv = csv;
    reader->csv->init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI);
    reader->csv->set_realloc_func(&reader->parser, reallocate_field);
    reader->csv->set_free_func(&reader->parser, mt_free);
    reader->csv->set_space_func(&reader->parser, no_byte_is_space);
    reader->csv->set_blk_size(&reader->parser, FIELD_GROWTH);
    reader->line = 1;
    reader->input = input;
    reader->delimiter = delimiter;
    if (read_header(reader) != 0) {
        keep_failure(reader, error);
        mt_csv_close(reader);
        return NULL;
    }
    return reader;
}

/* ---- what it is like ---- */

char mt_csv_delimiter(const mt_csv_reader *reader) {
    return reader->delimiter;
}

const mt_csv_row *mt_csv_header(const mt_csv_reader *reader) {
    return &reader->header;
}

ptrdiff_t mt_csv_column(const mt_csv_reader *reader, const char *name, size_t length) {
    ptrdiff_t found = MT_CSV_NONE;
    for (size_t i = 0; i < reader->header.count; i++) {
        const mt_span *column = &reader->header.fields[i];
        if (column->length != length || (length > 0 && memcmp(column->text, name, length) != 0))
            continue;
        if (found != MT_CSV_NONE)
            return MT_CSV_SEVERAL;
        found = (ptrdiff_t)i;
    }
    return found;
}

const char *mt_csv_name(const mt_csv_reader *reader) {
    return mt_input_name(reader->input);
}

static void free_row(row_buffer *row) {
    mt_free(row->bytes);
    mt_free(row->fields);
}

void mt_csv_close(mt_csv_reader *reader) {
    if (!reader)
        return;
    reader->csv->free(&reader->parser);
    mt_input_close(reader->input);
    free_row(&reader->names);
    free_row(&reader->row);
    mt_free(reader);
}
