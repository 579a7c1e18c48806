#define _GNU_SOURCE /* memmem */
#include "trace/log/log.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/foreign.h"
#include "text/json.h"
#include "trace/log/kind.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- for the kinds --------------------------------------------------------------------------- */

int mt_log_bad_row(mt_log *log, uint64_t line, uint64_t column, mt_error *error, const char *format,
                   ...) {
    char message[MT_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    mt_fail_at(error, MT_ERROR_INPUT, log->name, line, column, "%s", message);
    log->bad_row = 1;
    return -1;
}

int mt_log_check_prompt(mt_log *log, uint64_t tokens, const char *name, uint64_t line,
                        mt_error *error) {
    if (mt_log_prompt_fits(log, tokens))
        return 0;
    if (tokens == 0)
        return mt_log_bad_row(log, line, 0, error, "%s must be at least 1, not 0", name);
    return mt_log_bad_row(log, line, 0, error,
                          "%s is too large: %" PRIu64 " tokens are more than %" PRIu64
                          " blocks of %" PRIu64,
                          name, tokens, MT_LOG_BLOCKS_LIMIT, log->options.block_size);
}

/* ---- which kind it is ------------------------------------------------------------------------ */

static const mt_log_kind *const kinds[] = {&mt_log_burstgpt, &mt_log_azure,  &mt_log_csv,
                                           &mt_log_bailian,  &mt_log_aibrix, &mt_log_sharegpt};

static const mt_log_kind *kind_called(const char *name, mt_error *error) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    mt_fail(error, MT_ERROR_VALUE, "there is no log format '%s'", name);
    return NULL;
}

int mt_log_is_trace(const char *text, size_t length) {
    static const char word[] = "\"input_length\"";
    return memmem(text, length, word, sizeof word - 1) != NULL;
}

static int contains(const char *text, size_t length, const char *word) {
    return memmem(text, length, word, strlen(word)) != NULL;
}

/* The kind of a JSON log by what stands in its first object, as far as the text goes. */
static const mt_log_kind *json_kind(const char *name, const char *text, size_t length,
                                    mt_error *error) {
    const char *newline = memchr(text, '\n', length);
    size_t line = newline && text[0] == '{' ? (size_t)(newline - text) : length;
    if (contains(text, line, "\"chat_id\""))
        return &mt_log_bailian;
    if (contains(text, line, "\"requests\""))
        return &mt_log_aibrix;
    if (text[0] == '[' || contains(text, line, "\"conversations\"") ||
        contains(text, line, "\"messages\""))
        return &mt_log_sharegpt;
    if (mt_log_is_trace(text, line))
        mt_fail_at(error, MT_ERROR_INPUT, name, 1, 0,
                   "this is a trace already, not a log ('moontide cat' passes a trace on)");
    else
        mt_fail_at(
            error, MT_ERROR_INPUT, name, 1, 0,
            "this is JSON, but of no log that is known: bailian has chat_id, aibrix requests, "
            "sharegpt conversations (--format says which it is)");
    return NULL;
}

/* The kind by the file's first bytes: JSON begins with a bracket. A CSV is of any CSV kind so far:
 * its header decides. */
static const mt_log_kind *find_kind(mt_input *input, mt_error *error) {
    const char *text;
    size_t length;
    int status = mt_input_peek(input, &text, &length, error);
    if (status < 0)
        return NULL;
    const char *foreign = mt_foreign_data(text, length);
    if (foreign) {
        mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(input), 1, 0, "%s", foreign);
        return NULL;
    }
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    while (length > 0 && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')) {
        text++;
        length--;
    }
    if (length == 0) {
        mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(input), 0, 0, "the file is empty");
        return NULL;
    }
    if (*text == '{' || *text == '[')
        return json_kind(mt_input_name(input), text, length, error);
    return &mt_log_burstgpt;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int has_column_names(const mt_log_columns *columns) {
    return columns->timestamp || columns->input || columns->output || columns->session ||
           columns->model || columns->log_type;
}

static mt_code check_options(const mt_log_options *options, const mt_log_kind *kind,
                             mt_error *error) {
    const mt_log_columns *columns = &options->columns;
    int is_csv = kind == &mt_log_csv;
    if (is_csv && !(columns->timestamp && columns->input && columns->output))
        return mt_fail(error, MT_ERROR_VALUE,
                       "a log of format csv needs the names of its columns: timestamp, input and "
                       "output");
    if (!is_csv && has_column_names(columns))
        return mt_fail(error, MT_ERROR_VALUE,
                       "names of columns are for the format csv, this log is %s", kind->name);
    if (options->block_size > MT_LOG_BLOCK_SIZE_LIMIT)
        return mt_fail(error, MT_ERROR_VALUE, "a block of %" PRIu64 " tokens is too large",
                       options->block_size);
    if (kind == &mt_log_bailian && options->block_size % MT_LOG_BAILIAN_BLOCK_SIZE != 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "a bailian log has blocks of 16 tokens: the block size must be a multiple "
                       "of 16, not %" PRIu64,
                       options->block_size);
    return MT_OK;
}

mt_log *mt_log_open(const char *path, const mt_log_options *options, mt_error *error) {
    const mt_log_kind *kind = NULL;
    mt_log *log = NULL;
    if (options->format && !(kind = kind_called(options->format, error)))
        return NULL;
    mt_input *input = mt_input_open(path, error);
    if (!input)
        return NULL;
    if (!kind && has_column_names(&options->columns))
        kind = &mt_log_csv;
    if (!kind)
        kind = find_kind(input, error);
    if (kind && check_options(options, kind, error) == MT_OK) {
        log = mt_allocate_zero(1, kind->size);
        if (!log)
            mt_fail_memory(error, "log reader");
    }
    if (!log) {
        mt_input_close(input);
        return NULL;
    }
    log->kind = kind;
    log->input = input;
    log->options = *options;
    if (log->options.time_digits < 0)
        log->options.time_digits = kind->default_time_digits;
    if (log->options.block_size == 0)
        log->options.block_size = kind->default_block_size;
    log->name = mt_input_name(input);
    if (kind->open && kind->open(log, error) != MT_OK) {
        mt_log_close(log);
        return NULL;
    }
    return log;
}

/* ---- reading --------------------------------------------------------------------------------- */

int mt_log_next(mt_log *log, mt_log_row *row, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    for (;;) {
        if (mt_interrupted()) {
            mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted");
            return -1;
        }
        log->bad_row = 0;
        *row = (mt_log_row){.index = log->rows};
        int status = log->kind->next(log, row, report);
        log->rows += status > 0 || log->bad_row;
        if (status >= 0 || !log->bad_row || !log->options.skip_bad_rows)
            return status;
        if (log->skipped++ == 0)
            log->first_skipped = *report;
    }
}

void mt_log_close(mt_log *log) {
    if (!log)
        return;
    if (log->kind->close)
        log->kind->close(log);
    mt_input_close(log->input);
    mt_free(log);
}

/* ---- what it is like ------------------------------------------------------------------------- */

const char *mt_log_format(const mt_log *log) {
    return log->kind->name;
}

const char *mt_log_name(const mt_log *log) {
    return log->name;
}

uint64_t mt_log_block_size(const mt_log *log) {
    return log->options.block_size;
}

const mt_span *mt_log_columns_of(const mt_log *log, size_t *count) {
    *count = log->column_count;
    return log->columns;
}

int mt_log_has_model(const mt_log *log) {
    return log->has_model;
}

int mt_log_has_type(const mt_log *log) {
    return log->has_type;
}

int mt_log_has_dates(const mt_log *log) {
    return log->has_dates;
}

int mt_log_contents_are_texts(const mt_log *log) {
    return log->kind->contents_are_texts;
}

uint64_t mt_log_rows(const mt_log *log) {
    return log->rows;
}

uint64_t mt_log_skipped(const mt_log *log, mt_error *first) {
    if (first) {
        *first = log->first_skipped;
        if (log->skipped == 0)
            first->code = MT_OK;
    }
    return log->skipped;
}
