/* Reading traces: lines through the scanner, blank lines skipped, CRLF tolerated. */
#ifndef MT_TRACE_READER_H
#define MT_TRACE_READER_H

#include "base/error.h"
#include "base/input.h"
#include "trace/record.h"

typedef struct mt_trace_reader mt_trace_reader;

/* Opens a trace; "-" is standard input, ".gz" is inflated. NULL on failure. skip_bad_lines: lines
 * that do not scan are counted and passed over instead of ending the run. */
mt_trace_reader *mt_trace_open(const char *path, int skip_bad_lines, mt_error *error);

/* The same of a file that is open already, which the reader owns from now on, also on failure. */
mt_trace_reader *mt_trace_open_input(mt_input *input, int skip_bad_lines, mt_error *error);

/* The next request: 1 with *request filled (valid until the next call; line set), 0 at the end, -1
 * on failure with file, line and column. The last line of a file that ends without a newline and
 * does not scan says that the file seems to be cut. Polls for Ctrl-C. */
int mt_trace_next(mt_trace_reader *reader, mt_request *request, mt_error *error);

/* Lines passed over so far, and the first of them as an error (code MT_OK when none). */
uint64_t mt_trace_skipped(const mt_trace_reader *reader, mt_error *first);

const char *mt_trace_name(const mt_trace_reader *reader);

/* File size in bytes, 0 when unknown: a guess at how much will come. */
uint64_t mt_trace_size(const mt_trace_reader *reader);

void mt_trace_close(mt_trace_reader *reader); /* NULL is allowed */

#endif
