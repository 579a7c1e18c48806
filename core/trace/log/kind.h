/* How the kinds of log are made. Private to this folder. */
#ifndef MT_TRACE_LOG_KIND_H
#define MT_TRACE_LOG_KIND_H

#include "base/file/input.h"
#include "trace/blocks.h"
#include "trace/log/log.h"

/* A kind is a CSV, told by its columns, or JSON, which recognises itself by its first object; or
 * JSON that may be a CSV as well. What
 * it keeps of its own stands behind `base` in a struct of its own. */
typedef struct mt_log_kind {
    mt_log_format format;
    int has_no_times;
    int has_texts; /* whose tokens are counted here */
    int ids_are_of_texts;
    int starts_unknown; /* its sessions' times count from their own start: options.start says when
                           that is */
    int has_waits;      /* its rows may wait for others (waits.h) */
    int takes_folder;   /* opens a folder of files itself, log->input is NULL then */
    int default_time_digits;
    size_t size; /* of the kind's struct */
    /* CSV: its columns' names by role, NULL where it has none. JSON, and a kind that takes columns:
     * NULL. */
    const char *const *columns;
    /* JSON: does the text have what only this kind has? Its first object, or as much of the file as
     * was read at once. NULL: a CSV. */
    int (*recognises)(const char *text, size_t length);
    /* JSON that may stand in a CSV as well: has its first line the columns that only this kind has?
     * NULL: it is JSON only. */
    int (*recognises_header)(const char *text, size_t length);
    const char *member; /* the member by which a user would know it */
    /* Refuses options that do not fit the kind; NULL: all fit. */
    mt_code (*check)(const mt_log_options *options, mt_error *error);
    /* Takes the input (log->input is NULL afterwards, closed or kept) or leaves it there. NULL: it
     * is left. */
    mt_code (*open)(mt_log *log, mt_error *error);
    /* As mt_log_next, which counts the row: -1 with log->bad_row set when reading can go on after
     * the row; then the next call gives the row after. */
    int (*next)(mt_log *log, mt_log_row *row, mt_error *error);
    void (*close)(mt_log *log); /* NULL: there is nothing to do */
} mt_log_kind;

struct mt_log {
    const mt_log_kind *kind;
    mt_input *input; /* NULL when the kind has it */
    const char *name;
    mt_log_options options; /* time_digits and block_size resolved; texts belong to the caller and
                               are only read while opening */
    const mt_span *columns;
    size_t column_count;
    int has_model, has_type, has_dates;
    int ids_are_of_texts; /* as the kind's, unless it says otherwise */
    uint64_t passed_over; /* files of its folder that are none of its */
    int bad_row;
    int has_failed_ahead; /* failed_ahead is the next row */
    uint64_t rows, skipped, parts_without_text;
    mt_error first_skipped, failed_ahead;
};

/* Kind i of the table in log.c, NULL behind the last. */
const mt_log_kind *mt_log_kind_at(size_t i);

/* Has the text this word in it? */
int mt_log_has_word(const char *text, size_t length, const char *word);

/* Has the line, which is no row of a log, a member of a trace's? */
int mt_log_is_trace(const char *text, size_t length);

/* Fails about the row at `line`, which may be passed over. -1. */
int mt_log_bad_row(mt_log *log, uint64_t line, uint64_t column, mt_error *error, const char *format,
                   ...) __attribute__((format(printf, 5, 6)));

/* Is what has just failed a bad row that is passed over? Then it is counted: for who reads rows
 * before they are asked for. */
int mt_log_passes_over(mt_log *log, const mt_error *error);

/* For a kind that reads rows while it opens: a bad row that is not passed over is what mt_log_next
 * fails with, as it would have, and so is what ends the reading behind rows that were passed over;
 * any other failure is one of opening. */
mt_code mt_log_fails_later(mt_log *log, const mt_error *error);

/* Has the prompt not too many tokens? */
static inline int mt_log_prompt_fits(const mt_log *log, uint64_t tokens) {
    uint64_t size = log->options.block_size ? log->options.block_size : 1;
    return tokens / size <= MT_BLOCKS_LIMIT;
}

/* Refuses a prompt that does not fit. 0 or -1. */
int mt_log_check_prompt(mt_log *log, uint64_t tokens, const char *name, uint64_t line,
                        mt_error *error);

#endif
