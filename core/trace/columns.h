/* Requests packed in columns: what a whole trace in memory is. A trace of plain arrivals takes 25
 * bytes a request; columns that no request has a value for take nothing. */
#ifndef MT_TRACE_COLUMNS_H
#define MT_TRACE_COLUMNS_H

#include "base/error.h"
#include "base/memory.h"
#include "stats/grid.h"
#include "trace/record.h"
#include "text/texts.h"

/* A growable array of `size`-byte elements, one a request; NULL data: no request has had a value
 * yet, and all of them count as 0. */
typedef struct mt_column {
    void *data;
    size_t capacity; /* elements */
} mt_column;

typedef struct mt_columns {
    size_t count;
    /* For appending: the columns that there are (held) have room for requests below this number. */
    size_t room;
    unsigned held;
    size_t readers; /* sources that read them now; nothing may be appended while there is one */
    /* One element a request. Read them through the functions below: an array may be NULL. */
    mt_column has;                         /* uint8_t: MT_HAS_... */
    mt_column time_ns, delay_ns;           /* int64_t */
    mt_column input_length, output_length; /* uint64_t */
    mt_column turn, line, place;           /* uint64_t */
    mt_column session, stream;             /* uint32_t: number in sessions, streams */
    mt_column hash_ends;  /* uint64_t: request i has ids hash_ids[ends[i - 1] .. ends[i]) */
    mt_column extra_ends; /* uint64_t: the same over extra_bytes */
    mt_big hash_ids;      /* uint64_t */
    mt_column extra_bytes;
    uint64_t hash_total; /* ids of all requests */
    mt_texts sessions, streams;
    char *origin; /* the file whose lines these are, for messages; NULL: of no one file */
} mt_columns;

/* Appends *request, all its fields copied. On failure (MT_ERROR_MEMORY) nothing is appended.
 * A zeroed mt_columns is an empty one. */
mt_code mt_columns_append(mt_columns *columns, const mt_request *request, mt_error *error);

/* Appends to `kept`, which is empty, the requests for whose number `wanted` is 1 (else it is 0). On
 * failure (MT_ERROR_MEMORY) it is empty again. In columns_choose.c. */
mt_code mt_columns_choose(const mt_columns *columns, const unsigned char *wanted, mt_columns *kept,
                          mt_error *error);

/* Request i (0-based, i < count) into *request; spans and ids point into the columns and are valid
 * until the next append. */
void mt_columns_get(const mt_columns *columns, size_t i, mt_request *request);

/* Asks for the memory of a request that is got some requests later: sessions' names lie anywhere. */
void mt_columns_prefetch(const mt_columns *columns, size_t i);

/* Which members request i has (MT_HAS_...). */
static inline unsigned mt_columns_has(const mt_columns *columns, size_t i) {
    return ((const uint8_t *)columns->has.data)[i];
}

/* Element i of an array of 64 bits each, without the rest of the request. */
static inline uint64_t mt_column_u64(const mt_column *column, size_t i) {
    return column->data ? ((const uint64_t *)column->data)[i] : 0;
}

/* The earliest and the latest time, nanoseconds. 0, or -1 when no request has one. */
int mt_columns_time_range(const mt_columns *columns, int64_t *first_ns, int64_t *last_ns);

/* The grid that the requests' times lie on (stats/grid.h); those without a time are left out. */
mt_code mt_columns_grid(const mt_columns *columns, mt_grid *grid, mt_error *error);

/* Says of which file's lines the requests are: a copy of the name. MT_ERROR_MEMORY. */
mt_code mt_columns_set_origin(mt_columns *columns, const char *name, mt_error *error);

/* Frees what the columns hold; they are empty afterwards. */
void mt_columns_free(mt_columns *columns);

#endif
