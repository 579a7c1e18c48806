/* What a conversion is; only conversion*.c includes it. */
#ifndef MT_TRACE_CONVERT_STATE_H
#define MT_TRACE_CONVERT_STATE_H

#include "hash/ids.h"
#include "random/generator.h"
#include "trace/columns.h"
#include "trace/convert/conversion.h"
#include "trace/convert/met_twice.h"

/* The values of a column that is filtered by, for the message when none of them is the wanted one.
 */
typedef struct mt_conversion_filter {
    char *wanted; /* NULL: none */
    size_t length;
    mt_texts values;
    uint64_t kept;
} mt_conversion_filter;

/* A session whose prompts are made here. */
typedef struct mt_conversion_session {
    uint64_t first; /* where in session_ids its blocks begin */
    uint64_t known; /* whole blocks that have ids */
} mt_conversion_session;

struct mt_conversion {
    mt_conversion_options options; /* its texts are in the filters */
    mt_conversion_filter model, log_type;
    mt_columns rows; /* the kept ones; `line` is the row's place in the logs, from 1 */
    uint64_t rows_found, bad, matched;
    uint64_t block_size;
    /* The log that is read. */
    mt_log *log;
    size_t logs;           /* begun so far */
    size_t log_first;      /* its first kept row */
    uint64_t places;       /* of the logs before it */
    mt_conversion_log now; /* what it gave so far */
    int64_t time_before;
    char *name; /* a session's in the second log and later */
    size_t name_capacity;
    uint64_t *contents; /* of blocks that only this log knows */
    size_t content_capacity;
    int64_t end_ns; /* of the logs before */
    int has_times;  /* the rows of the logs before have times */
    int is_unsorted;
    /* What is written. */
    size_t *order; /* of the rows; NULL: as they are */
    size_t next;
    mt_random_key key;
    mt_met_twice met; /* beginnings of drawn prompts, ends of sessions' prompts */
    mt_conversion_session *sessions;
    mt_big session_ids; /* uint64_t: of the sessions' whole blocks */
    mt_ids *ids;
    mt_key *keys; /* of a batch's blocks */
    uint64_t *batch_ids;
    size_t key_capacity, id_capacity;
    uint64_t blocks;
};

/* A row on its way into the trace. */
typedef struct mt_conversion_row {
    mt_request request;
    enum { MT_PROMPT_DRAWN, MT_PROMPT_OF_SESSION, MT_PROMPT_OF_CONTENTS } kind;
    size_t blocks;
    mt_key keys[2]; /* drawn: of the first two blocks; of a session: [1], of the block it ends in */
    /* Of a session: */
    uint32_t session;
    uint64_t whole, known; /* whole blocks, and how many of them had ids before this row */
    uint64_t hidden;       /* an id of the session whose place the last block has taken */
} mt_conversion_row;

/* Makes what rows are written with, before the first. (conversion_prompts.c) */
mt_code mt_conversion_prepare(mt_conversion *conversion, mt_error *error);

/* Row i of the columns. Get some before their keys: memory accesses overlap then. */
void mt_conversion_get(const mt_conversion *conversion, size_t i, mt_conversion_row *row);

/* The keys of the row's blocks that need ids, at most row->blocks, for mt_ids_of; returns how
 * many. In the trace's order, each row once. */
size_t mt_conversion_keys(mt_conversion *conversion, mt_conversion_row *row, mt_key *keys);

/* Takes the ids of those keys; returns how many. The request is complete until
 * mt_conversion_written, which comes before the next row's call. */
size_t mt_conversion_ids(mt_conversion *conversion, mt_conversion_row *row, const uint64_t *ids);
void mt_conversion_written(mt_conversion *conversion, const mt_conversion_row *row);

/* Puts the rows into the order of their times. (conversion_order.c) */
mt_code mt_conversion_sort(mt_conversion *conversion, mt_error *error);

#endif
