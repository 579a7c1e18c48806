/* From logs to a clean trace: filters, order, times, and prompts for rows that only have lengths.
 *
 * In this order: keep the rows of a model and a log type, skip the first, cap the rest, divide
 * times by a speed, shift them so that the earliest request kept is at 0, sort by time (rows of one
 * time in the log's order), make the prompts. Several logs follow one another: the earliest row of
 * a log comes when the latest of the log before it does.
 *
 * Prompts. A row whose log knows the contents of its blocks has those. The turns of a session share
 * a growing prefix: the tokens of a session are one sequence, to which each turn adds what its
 * prompt has beyond the earlier turns' prompts and answers, and then its answer; a prompt is as
 * much of that sequence's beginning as its length says. A block that a prompt ends in counts as
 * another one than the whole block. The blocks of all other rows are drawn uniformly from
 * 0..hash_blocks, by a generator keyed by the seed and addressed by the row's place in the logs,
 * and go through the rolling hasher: a row's blocks depend neither on filters nor on the rows after
 * it. Ids are given in the trace's order, from 0.
 *
 * The sessions of different logs are different, though their names may be the same: those of the
 * second log get "2:" before the name, of the third "3:". */
#ifndef MT_TRACE_CONVERT_CONVERSION_H
#define MT_TRACE_CONVERT_CONVERSION_H

#include "base/output.h"
#include "trace/log/log.h"
#include "trace/writer.h"

typedef struct mt_conversion mt_conversion;

typedef struct mt_conversion_options {
    const char *model, *log_type; /* keep only these rows; NULL: all. Copied. */
    uint64_t skip, limit;         /* rows after the filters; UINT64_MAX: no limit */
    uint64_t hash_blocks;         /* the largest content that is drawn; below UINT64_MAX */
    uint64_t seed;
    int no_sessions; /* rows with a session are as those without, and lose its name */
} mt_conversion_options;

/* What one log gave. */
typedef struct mt_conversion_log {
    uint64_t rows;     /* bad ones counted */
    uint64_t bad;      /* passed over */
    uint64_t kept;     /* requests of the trace */
    int has_times;     /* of the kept rows: */
    int64_t first_ns;  /* the earliest time, as the log counts */
    int64_t last_ns;   /* and the latest */
    int64_t begins_ns; /* when the trace has them */
    int64_t ends_ns;
    uint64_t backwards;      /* rows earlier than the row before them, among those kept */
    uint64_t backwards_line; /* the first of them */
} mt_conversion_log;

typedef struct mt_length_statistics {
    uint64_t min, max;
    double mean;
    double sample_deviation; /* NaN for one request */
} mt_length_statistics;

enum { MT_CONVERSION_BINS = 20 };

typedef struct mt_conversion_result {
    uint64_t rows, bad;         /* of all logs */
    uint64_t of_model, of_type; /* rows left after each filter */
    uint64_t after_skip;        /* and after the first were skipped */
    uint64_t requests;          /* and the rest was capped */
    uint64_t sessions;          /* named in the trace */
    uint64_t without_output;    /* requests whose output has 0 tokens */
    uint64_t blocks, distinct;  /* ids written so far, and different ones */
    mt_length_statistics input, output;
    uint64_t longest; /* ISL + OSL */
    int has_times;
    int64_t duration_ns; /* from the first request to the last */
    /* Requests in equal bins of at least a second, at most MT_CONVERSION_BINS; none when the
     * duration is 0. The last one has its end in it. */
    size_t bins;
    double bin_seconds;
    uint64_t in_bin[MT_CONVERSION_BINS];
} mt_conversion_result;

/* NULL when out of memory. */
mt_conversion *mt_conversion_new(const mt_conversion_options *options, mt_error *error);

/* Begins to read from the next log, which stays the caller's and must stay open until
 * mt_conversion_end_log. Fails when it lacks a column that is filtered by (MT_ERROR_INPUT), or has
 * another block size than the first log (MT_ERROR_VALUE). */
mt_code mt_conversion_begin_log(mt_conversion *conversion, mt_log *log, mt_error *error);

/* Takes up to `most` rows; *taken is less at the log's end only. */
mt_code mt_conversion_read(mt_conversion *conversion, uint64_t most, uint64_t *taken,
                           mt_error *error);

/* The log is done: its times are divided by `speed` (> 0) and moved; *summary says what it gave.
 * Fails when a log with times follows one without or the reverse (MT_ERROR_INPUT), or when divided
 * times do not fit 64 bits of nanoseconds (MT_ERROR_VALUE). */
mt_code mt_conversion_end_log(mt_conversion *conversion, double speed, mt_conversion_log *summary,
                              mt_error *error);

/* No more logs: sorts where it must. Fails with MT_ERROR_INPUT when no row is left, saying why, and
 * which values a filter could have found. Rows are as they will be written afterwards. */
mt_code mt_conversion_finish(mt_conversion *conversion, mt_error *error);

/* Writes up to `most` more requests; *written is less at the end only. */
mt_code mt_conversion_write(mt_conversion *conversion, mt_output *output,
                            const mt_trace_format *format, uint64_t most, uint64_t *written,
                            mt_error *error);

/* After mt_conversion_finish. */
void mt_conversion_measure(const mt_conversion *conversion, mt_conversion_result *result);

void mt_conversion_free(mt_conversion *conversion); /* NULL is allowed */

#endif
