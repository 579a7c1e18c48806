/* A log as a source of requests: every step works on it, and every end takes it. */
#ifndef MT_TRACE_LOG_SOURCE_H
#define MT_TRACE_LOG_SOURCE_H

#include "trace/log/log.h"
#include "trace/source/source.h"

/* Which rows become requests, and what they have of the logs before this one. */
typedef struct mt_log_wanted {
    const char *model, *log_type; /* only these rows; NULL: all. Copied */
    uint64_t skip, limit; /* of those: not the first ones, and so many at most (UINT64_MAX: all).
                              The log is read to its end in any case, for its rows are counted */
    uint64_t number;      /* of the log among several, from 0: hash_ids that mean something within
                              one log only are others than those of logs with other numbers */
    uint64_t rows_before; /* of the logs before: a request's place counts on from there */
    int in_order;         /* a time before that of the request before it is MT_ERROR_INPUT */
} mt_log_wanted;

/* What a log gave so far. */
typedef struct mt_log_summary {
    uint64_t rows;              /* bad ones counted */
    uint64_t of_model, of_type; /* left after each filter */
    uint64_t after_skip;        /* and after the first were skipped */
    uint64_t kept;              /* given as requests; of these: */
    uint64_t timed;             /* have a time */
    int64_t first_ns, last_ns;  /* the earliest and the latest, where there is one */
    uint64_t backwards;         /* those that are earlier than the one before them, */
    uint64_t backwards_line;    /* and the first one's line */
} mt_log_summary;

/* The rows of the log, which the source takes over (when it fails, closes); their models and log types are
 * members `model` and `log_type`, unless a row has such already. Times are the log's own. MT_ERROR_INPUT
 * when the log lacks a column that is filtered by. mt_source_skipped counts bad rows. */
mt_source *mt_source_log(mt_log *log, const mt_log_wanted *wanted, mt_error *error);

/* The log of mt_source_log below the source or at it, and what it gave; NULL when there is none, or
 * several are put together. */
const mt_log *mt_source_log_of(const mt_source *source, mt_log_summary *summary);

/* Writes why the log of mt_source_log at the source or below it gave nothing, once it is read: a
 * sentence that says which values its filters could have found. Returns buffer. */
char *mt_source_log_nothing(const mt_source *source, char *buffer, size_t size);

#endif
