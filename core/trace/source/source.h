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
#include "base/file/input.h"
#include "trace/columns.h"
#include "trace/record.h"
#include "trace/scanner.h"

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

/* What the times in the file of one of these are written in: milliseconds unless it is said before
 * the first request is asked for. */
void mt_source_set_unit(mt_source *file, mt_time_unit unit);

/* The requests of the columns, which the caller keeps alive; nothing may be appended to them as
 * long as columns->readers is not 0. */
mt_source *mt_source_columns(mt_columns *columns, mt_error *error);

/* The columns of a source that mt_source_columns made and that has given nothing yet; else NULL. */
mt_columns *mt_source_columns_of(const mt_source *source);

/* The next request: 1 with *request filled, valid until the next call; 0 at the end, and again at
 * every further call; -1 on failure, after which the source can only be freed. Looks for Ctrl-C,
 * which is MT_ERROR_INTERRUPTED, so that nobody who takes requests has to. */
int mt_source_next(mt_source *source, mt_request *request, mt_error *error);

/* The name of the input that the last request came from, as messages name it: a file's (also of
 * columns that were read from one), "columns", "the plan", "the synthesis". */
const char *mt_source_name(const mt_source *source);

/* Bad lines passed over so far by all files below; the first of them as an error (code MT_OK when
 * none; first may be NULL). */
uint64_t mt_source_skipped(const mt_source *source, mt_error *first);

/* Whoever takes the rest of the source writes ids as they are, or not at all: from now on a file need not make
 * numbers of them where their text stands for them (trace/record.h). Does nothing where a step on the way
 * looks at ids. */
void mt_source_leave_ids(mt_source *source);

/* ---- live sources ----
 *
 * A live source's later requests depend on how earlier ones were answered: a plan's sessions and
 * closed loops that are driven (load/run/run.h). Its requests need not come in the order of their
 * times, and mt_source_next also gives 0 when nothing can come before an answer has. Only steps that
 * pass answers down can be put on it; another step's constructor fails. */

int mt_source_is_live(const mt_source *source);

/* When the next request is due, as far as is known: 1 with *time_ns filled; MT_SOURCE_WAITS, when
 * that depends on answers; 0 when there is none; -1 on failure. A turn that ends its session because
 * its prompt would be too long shows only in mt_source_next, which may then have none to give. */
enum { MT_SOURCE_WAITS = 2 };
int mt_source_soonest(mt_source *source, int64_t *time_ns, mt_error *error);

/* The last request's ticket, to be settled with once; 0: nobody waits for its answer. */
uint64_t mt_source_ticket(const mt_source *source);

typedef struct mt_source_answer {
    int64_t end_ns;                       /* on the clock of the requests' times */
    uint64_t input_length, output_length; /* tokens */
} mt_source_answer;

/* The request of the ticket was answered so. NULL: it was not sent, and its session, or its user,
 * goes no further. Ticket 0 does nothing. */
mt_code mt_source_settle(mt_source *source, uint64_t ticket, const mt_source_answer *answer,
                         mt_error *error);

/* ---- the end ---- */

/* Frees the source and all below it; NULL is allowed. */
void mt_source_free(mt_source *source);

#endif
