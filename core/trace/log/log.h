/* Reading real logs: a row a request, whatever the file looks like.
 *
 *   burstgpt  CSV: Timestamp (seconds), Model, Request tokens, Response tokens, Log Type, and in
 * newer releases Session ID azure     CSV: TIMESTAMP (date and time), ContextTokens,
 * GeneratedTokens csv       CSV whose columns the caller names bailian   JSON lines: timestamp
 * (seconds), input_length, output_length, hash_ids (blocks of 16), chat_id, parent_chat_id (-1: the
 * first turn) aibrix    JSON lines: timestamp (milliseconds), requests: a list of objects with
 * prompt_length or "Prompt Length", output_length or "Output Length", and perhaps session_id
 *   sharegpt  a JSON list (or lines) of conversations, each a list of messages: every answer is a
 *             request; there are no times
 *
 * CSV is read as text/csv_reader.h says; columns stand in any order, their names in any case where
 * no column has the exact one. A time is a number or, in CSV, a date of ISO 8601: all of one kind.
 * Tokens are whole numbers, of the prompt at least 1. In a sharegpt log a message's tokens are its
 * words (between ASCII white space), or what its tokens, num_tokens, token_count or length says;
 * one such number anywhere in a conversation makes all its messages need one.
 *
 * A row that is not as it must be is MT_ERROR_INPUT with file and line, and names its column. */
#ifndef MT_TRACE_LOG_LOG_H
#define MT_TRACE_LOG_LOG_H

#include "base/error.h"
#include "trace/record.h"

typedef struct mt_log mt_log;

/* The names of a CSV's columns; NULL: there is none. The first three are needed. */
typedef struct mt_log_columns {
    const char *timestamp, *input, *output, *session, *model, *log_type;
} mt_log_columns;

typedef struct mt_log_options {
    const char *format;     /* a name of the list above; NULL: found from the file's beginning */
    mt_log_columns columns; /* of a "csv" log */
    int time_digits;        /* a number in the column of times counts 10^time_digits nanoseconds;
                               -1: as the format has it, "csv" in seconds */
    uint64_t
        block_size; /* tokens, at most MT_LOG_BLOCK_SIZE_LIMIT; 0: as the format has it (bailian 16,
                       else 128). Of a bailian log a multiple of 16: its blocks are joined */
    int skip_bad_rows; /* bad rows are counted and passed over */
} mt_log_options;

enum { MT_LOG_BLOCK_SIZE = 128, MT_LOG_BAILIAN_BLOCK_SIZE = 16 };
#define MT_LOG_BLOCK_SIZE_LIMIT ((uint64_t)1 << 31)

/* Blocks of one prompt: the line of a longer one would pass the trace reader's limit of 1 GiB. */
#define MT_LOG_BLOCKS_LIMIT ((uint64_t)1 << 27)

typedef struct mt_log_row {
    mt_request request; /* time_ns (since what the log counts from; absent in sharegpt), lengths,
                           session, extra, line. hash_ids: the contents of its blocks, where the log
                           knows them; two blocks are equal when what stands before them is too */
    uint64_t index;     /* which row of the log it is, from 0, bad ones counted */
    mt_span model, log_type; /* without blanks around them; length 0 where there is none */
} mt_log_row;

/* Opens a log; "-" is standard input, ".gz" is inflated. NULL on failure: also when the columns are
 * not there (MT_ERROR_INPUT, naming those that are), when options do not fit together or to the
 * format (MT_ERROR_VALUE). The options are copied. */
mt_log *mt_log_open(const char *path, const mt_log_options *options, mt_error *error);

/* The next row: 1 with *row filled (valid until the next call), 0 at the end, -1 on failure. After
 * a failure the log is not to be read on. Polls for Ctrl-C. */
int mt_log_next(mt_log *log, mt_log_row *row, mt_error *error);

const char *mt_log_format(const mt_log *log);
const char *mt_log_name(const mt_log *log); /* as given; "standard input" for "-" */
uint64_t mt_log_block_size(const mt_log *log);

/* The names of a CSV's columns; 0 of them for the others. */
const mt_span *mt_log_columns_of(const mt_log *log, size_t *count);

/* Has it a column of models, of log types? */
int mt_log_has_model(const mt_log *log);
int mt_log_has_type(const mt_log *log);

/* Were the times dates, so that they count from 1970? Known after the first row. */
int mt_log_has_dates(const mt_log *log);

/* Are equal contents equal in another log too (texts), or only within this one (ids)? */
int mt_log_contents_are_texts(const mt_log *log);

/* Rows so far, bad ones counted. */
uint64_t mt_log_rows(const mt_log *log);

/* Bad rows passed over so far, and the first of them as an error (code MT_OK when none). */
uint64_t mt_log_skipped(const mt_log *log, mt_error *first);

void mt_log_close(mt_log *log); /* NULL is allowed */

#endif
