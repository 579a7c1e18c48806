/* A fuzz target: the rows of a CSV, written again with a quote around every field, are the same rows;
 * and what its fields say as numbers agrees. */
#include "fuzz.h"

#include "text/csv_field.h"
#include "text/csv_reader.h"

typedef struct text {
    char *bytes;
    size_t length;
} text;

static void add(text *to, const char *bytes, size_t length) {
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

/* The text must have room. */
static void write_row(text *to, const mt_csv_row *row) {
    for (size_t i = 0; i < row->count; i++) {
        add(to, i ? ",\"" : "\"", i ? 2 : 1);
        for (size_t k = 0; k < row->fields[i].length; k++)
            add(to, row->fields[i].text[k] == '"' ? "\"\"" : row->fields[i].text + k,
                row->fields[i].text[k] == '"' ? 2 : 1);
        add(to, "\"", 1);
    }
    add(to, "\n", 1);
}

static void check_field(mt_span field) {
    double number = 0;
    int64_t whole = 0, time = 0;
    int is_number = mt_csv_number(field.text, field.length, &number) == 0;
    if (mt_csv_integer(field.text, field.length, &whole) == 0)
        check(is_number && number == (double)whole);
    if (mt_csv_nanoseconds(field.text, field.length, 0, &time) == 0)
        check(is_number && number - (double)time <= 0.5 && (double)time - number <= 0.5);
    mt_csv_date_time(field.text, field.length, &time);
}

/* Writes the header and all rows but the bad ones; returns how many rows. -1: no CSV. */
static int64_t copy(int file, text *to) {
    mt_error error = {0};
    mt_csv_reader *reader = mt_csv_open(path_of(file), &error);
    mt_csv_row row;
    int64_t rows = 0;
    uint64_t line = 0;
    int status;
    check(reader || (error.code == MT_ERROR_INPUT && error.message[0]));
    if (!reader)
        return -1;
    size_t columns = mt_csv_header(reader)->count;
    check(columns > 0);
    write_row(to, mt_csv_header(reader));
    while ((status = mt_csv_next(reader, &row, &error)) != 0) {
        if (status < 0) {
            check(error.code == MT_ERROR_INPUT && error.line > 0 && error.message[0]);
            if (!mt_csv_recover(reader))
                break;
            continue;
        }
        check(row.count == columns && row.line > line);
        line = row.line;
        for (size_t i = 0; i < row.count; i++)
            check_field(row.fields[i]);
        write_row(to, &row);
        rows++;
    }
    mt_csv_close(reader);
    return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t room = 4 * size + 16;
    text first = {malloc(room), 0}, second = {malloc(room), 0};
    check(first.bytes && second.bytes);
    int file = file_of(data, size);
    int64_t rows = copy(file, &first);
    close(file);
    if (rows >= 0) {
        file = file_of(first.bytes, first.length);
        check(copy(file, &second) == rows);
        check(first.length == second.length &&
              memcmp(first.bytes, second.bytes, first.length) == 0);
        close(file);
    }
    free(first.bytes);
    free(second.bytes);
    return 0;
}
