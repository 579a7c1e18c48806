/* Sources of requests, and steps over them: a trace as a stream that is cut, moved and combined
 * while it passes, in memory that does not grow with its length unless a step says so.
 *
 * A source gives one request after the other. It begins with a reader or columns; a step
 * (trace/step/steps.h) is a source over the one below it and owns that one, so that freeing the last
 * step frees all. */
#ifndef MT_TRACE_SOURCE_SOURCE_H
#define MT_TRACE_SOURCE_SOURCE_H

#include "base/error.h"
#include "trace/columns.h"
#include "trace/reader.h"
#include "trace/record.h"

typedef struct mt_source mt_source;

/* All that is left in the reader, which the source takes over (when it fails, closes). */
mt_source *mt_source_reader(mt_trace_reader *reader, mt_error *error);

/* The requests of the columns, which the caller keeps alive; nothing may be appended to them as
 * long as columns->readers is not 0. */
mt_source *mt_source_columns(mt_columns *columns, mt_error *error);

/* The columns of a source that mt_source_columns made and that has given nothing yet; else NULL. */
mt_columns *mt_source_columns_of(const mt_source *source);

/* The next request: 1 with *request filled, valid until the next call; 0 at the end, and again at
 * every further call; -1 on failure, after which the source can only be freed. Polls for Ctrl-C. */
int mt_source_next(mt_source *source, mt_request *request, mt_error *error);

/* The name of the input that the last request came from, as messages name it; "columns" for
 * columns. */
const char *mt_source_name(const mt_source *source);

/* Bad lines passed over so far by all readers below; the first of them as an error (code MT_OK when
 * none). */
uint64_t mt_source_skipped(const mt_source *source, mt_error *first);

/* Appends all that is left to columns. MT_OK or the source's failure; what came before a failure
 * stays appended. */
mt_code mt_source_collect(mt_source *source, mt_columns *columns, mt_error *error);

/* Frees the source and all below it; NULL is allowed. */
void mt_source_free(mt_source *source);

#endif
