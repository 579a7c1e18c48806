/* Reading CSV: RFC 4180 through libcsv in its strict mode, a row at a time, from files of any size.
 *
 * The delimiter is the caller's; or the one that a first line "sep=;" names, which spreadsheets
 * write and which is no row; or the comma. Where the header has no comma outside of quotes it is the
 * one it has most of, of semicolons, tabs and bars.
 *
 * The first row that is not blank is the header. A field may be quoted; in quotes stand delimiters,
 * line ends and "" for a quote. Lines end in LF, CRLF or CR. Blank lines are passed
 * over (an empty field alone in its row is written ""). Blanks are part of a
 * field, but not of a column's name.
 *
 * Failures are MT_ERROR_INPUT with file and line: a quote inside an unquoted field or something
 * after a closing one (with the column), a quote that is never closed (the line where it opened), a
 * field over MT_CSV_FIELD_LIMIT, a row with fewer or more fields than the header, a NUL byte, a
 * file without a header, data that are no text (text/foreign_data.h). Also MT_ERROR_MEMORY, and
 * what base/file/input.h says. */
#ifndef MT_TEXT_CSV_READER_H
#define MT_TEXT_CSV_READER_H

#include "base/error.h"
#include "base/file/input.h"
#include "base/span.h"

typedef struct mt_csv_reader mt_csv_reader;

/* A field has at most so many bytes, its closing quote counted; a header so many columns. */
#define MT_CSV_FIELD_LIMIT ((size_t)1 << 20)
#define MT_CSV_COLUMNS_LIMIT ((size_t)1 << 16)

typedef struct mt_csv_row {
    const mt_span *fields; /* as many as the header has, unquoted; valid until the next call */
    size_t count;
    uint64_t line; /* 1-based, where the row begins: a quoted field may span several */
} mt_csv_row;

/* Opens a CSV and reads its header; "-" is standard input, compressed files are unpacked. A header
 * alone is a CSV without rows. NULL on failure. */
mt_csv_reader *mt_csv_open(const char *path, mt_error *error);

/* The same over an input that is open, perhaps peeked into; it belongs to the reader from here on,
 * and is closed on failure too. delimiter: '\0' where it is to be found, else no quote, line end or
 * NUL. */
mt_csv_reader *mt_csv_open_input(mt_input *input, char delimiter, mt_error *error);

char mt_csv_delimiter(const mt_csv_reader *reader);

/* The next row: 1 with *row filled, 0 at the end, -1 on failure; every call after a failure within
 * a row fails the same way. A last row without a line end is a row; when its number of fields is
 * wrong the message says that the file seems to be cut. Polls for Ctrl-C. */
int mt_csv_next(mt_csv_reader *reader, mt_csv_row *row, mt_error *error);

/* After a failure: forgets the row that failed, so that the next call goes on with the line after
 * it. 1; or 0 when nobody knows where a row would begin: a quote that is never closed, a field that
 * is too long, a NUL byte, whatever is not MT_ERROR_INPUT. Then the failure stays. */
int mt_csv_recover(mt_csv_reader *reader);

/* The header: the columns' names without the blanks around them. Valid until the reader closes. */
const mt_csv_row *mt_csv_header(const mt_csv_reader *reader);

/* The index of the column called name[0..length), from 0; MT_CSV_NONE when there is none,
 * MT_CSV_SEVERAL when there are several. */
enum { MT_CSV_NONE = -1, MT_CSV_SEVERAL = -2 };
ptrdiff_t mt_csv_column(const mt_csv_reader *reader, const char *name, size_t length);

/* The name to use in messages: the path as given, "standard input" for "-". */
const char *mt_csv_name(const mt_csv_reader *reader);

void mt_csv_close(mt_csv_reader *reader); /* NULL is allowed */

#endif
