/* What a conversion is; only conversion*.c includes it. */
#ifndef MT_TRACE_CONVERSION_STATE_H
#define MT_TRACE_CONVERSION_STATE_H

#include "hash/ids.h"
#include "random/generator.h"
#include "trace/columns.h"
#include "trace/conversion.h"

/* The values of a column that is filtered by, for the message when none of them is the wanted one.
 */
typedef struct mt_conversion_filter {
    char *wanted; /* NULL: none */
    size_t length;
    mt_texts values;
    uint64_t kept;
} mt_conversion_filter;

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
    uint64_t *seen; /* pairs of words: which beginnings of drawn prompts were met, and met again */
    uint64_t seen_mask; /* over the bits of all first words of the pairs */
    mt_ids *ids;
    mt_key *keys; /* of a batch's blocks */
    uint64_t *batch_ids;
    size_t key_capacity, id_capacity;
    uint64_t blocks;
};

/* The row that is written as the i-th. */
static inline size_t mt_conversion_row(const mt_conversion *conversion, size_t i) {
    return conversion->order ? conversion->order[i] : i;
}

/* Puts the rows into the order of their times. (conversion_order.c) */
mt_code mt_conversion_sort(mt_conversion *conversion, mt_error *error);

#endif
