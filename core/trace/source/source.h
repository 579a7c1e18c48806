/* Sources of requests: the only way in which requests come, from a file, from memory, from a plan
 * (load/run/run.h) or from what was learnt of a trace (prefix/synthesis/synthesis.h).
 *
 * A source gives one request after the other, in memory that does not grow with their number unless
 * it says so. A step (trace/step/steps.h) is a source over the one below it and owns that one, so
 * that freeing the last step frees all. An end (trace/end/ends.h) takes what is left in any source.
 * How to make one: trace/source/kind.h. */
#ifndef MT_TRACE_SOURCE_SOURCE_H
#define MT_TRACE_SOURCE_SOURCE_H

#include "base/error.h"
#include "base/input.h"
#include "trace/columns.h"
#include "trace/record.h"

typedef struct mt_source mt_source;

/* The trace in a file, one request a line; blank lines are passed over, CRLF is tolerated. "-" is
 * standard input, compressed files are unpacked. skip_bad_lines: lines that do not scan are counted
 * and passed over instead of ending it. NULL on failure. A bad line fails with file, line and
 * column; the last line of a file that ends without a newline and does not scan says that the file
 * seems to be cut. */
mt_source *mt_source_open(const char *path, int skip_bad_lines, mt_error *error);

/* The same, but a regular file, which must be there and readable, is opened when its first request is
 * asked for: of a thousand that are joined one is open at a time. */
mt_source *mt_source_open_later(const char *path, int skip_bad_lines, mt_error *error);

/* The same of a file that is open already, which the source owns from now on, also on failure. */
mt_source *mt_source_open_input(mt_input *input, int skip_bad_lines, mt_error *error);

/* The requests of the columns, which the caller keeps alive; nothing may be appended to them as
 * long as columns->readers is not 0. */
mt_source *mt_source_columns(mt_columns *columns, mt_error *error);

/* The columns of a source that mt_source_columns made and that has given nothing yet; else NULL. */
mt_columns *mt_source_columns_of(const mt_source *source);

/* The next request: 1 with *request filled, valid until the next call; 0 at the end, and again at
 * every further call; -1 on failure, after which the source can only be freed. Looks for Ctrl-C,
 * which is MT_ERROR_INTERRUPTED, so that nobody who takes requests has to. */
int mt_source_next(mt_source *source, mt_request *request, mt_error *error);

/* The name of the input that the last request came from, as messages name it: a file's, "columns",
 * "the plan", "the synthesis". */
const char *mt_source_name(const mt_source *source);

/* Bad lines passed over so far by all files below; the first of them as an error (code MT_OK when
 * none; first may be NULL). */
uint64_t mt_source_skipped(const mt_source *source, mt_error *first);

/* Frees the source and all below it; NULL is allowed. */
void mt_source_free(mt_source *source);

#endif
