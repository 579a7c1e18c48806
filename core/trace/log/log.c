#define _GNU_SOURCE /* memmem */
#include "trace/log/log.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "text/foreign_data.h"
#include "trace/log/guess.h"
#include "trace/log/kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a run leaves of its requests, of ours and AIPerf. */
#define MT_LOG_RESULTS_FILE "profile_export.jsonl"

/* ---- for the kinds ---- */

int mt_log_bad_row(mt_log *log, uint64_t line, uint64_t column, mt_error *error, const char *format,
                   ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_fail_list(error, MT_ERROR_INPUT, log->name, line, column, format, arguments);
    va_end(arguments);
    log->bad_row = 1;
    return -1;
}

int mt_log_check_prompt(mt_log *log, uint64_t tokens, const char *name, uint64_t line,
                        mt_error *error) {
    if (mt_log_prompt_fits(log, tokens))
        return 0;
    return mt_log_bad_row(
        log, line, 0, error,
        "%s is too large: %" PRIu64 " tokens are more than %" PRIu64 " blocks of %" PRIu64, name,
        tokens, MT_BLOCKS_LIMIT, log->options.block_size ? log->options.block_size : 1);
}

int mt_log_passes_over(mt_log *log, const mt_error *error) {
    if (!log->bad_row || !log->options.skip_bad_rows)
        return 0;
    log->bad_row = 0;
    log->rows++;
    if (log->skipped++ == 0)
        log->first_skipped = *error;
    return 1;
}

mt_code mt_log_fails_later(mt_log *log, const mt_error *error) {
    if (!log->bad_row && log->skipped == 0)
        return error->code;
    log->has_failed_ahead = 1;
    log->failed_ahead = *error;
    return MT_OK;
}

/* ---- which kind it is ---- */

extern const mt_log_kind mt_log_burstgpt, mt_log_azure, mt_log_csv, mt_log_langfuse, mt_log_bailian,
    mt_log_aibrix, mt_log_sharegpt, mt_log_results, mt_log_dynamo, mt_log_dynamo_trace, mt_log_weka,
    mt_log_lmcache, mt_log_claude, mt_log_codex, mt_log_mini_swe, mt_log_vllm_bench,
    mt_log_guidellm, mt_log_inference_perf, mt_log_perf_analyzer, mt_log_inputs_json,
    mt_log_swe_agent, mt_log_otel, mt_log_members;

/* All formats, in the order of lists and in which JSON is asked what it is: a kind whose members
 * another one has too comes before it. An entry here makes one known everywhere. */
static const mt_log_kind *const kinds[] = {
    &mt_log_burstgpt, &mt_log_azure,          &mt_log_csv,           &mt_log_langfuse,
    &mt_log_mini_swe, &mt_log_swe_agent,      &mt_log_bailian,       &mt_log_vllm_bench,
    &mt_log_guidellm, &mt_log_inference_perf, &mt_log_perf_analyzer, &mt_log_inputs_json,
    &mt_log_results,  &mt_log_dynamo,         &mt_log_dynamo_trace,  &mt_log_weka,
    &mt_log_aibrix,   &mt_log_lmcache,        &mt_log_claude,        &mt_log_codex,
    &mt_log_otel,     &mt_log_sharegpt,       &mt_log_members};

size_t mt_log_format_count(void) {
    return sizeof kinds / sizeof kinds[0];
}

mt_log_format mt_log_format_of(size_t i) {
    return kinds[i]->format;
}

const mt_log_kind *mt_log_kind_at(size_t i) {
    return i < mt_log_format_count() ? kinds[i] : NULL;
}

static const mt_log_kind *kind_called(const char *name, mt_error *error) {
    for (size_t i = 0; i < mt_log_format_count(); i++)
        if (strcmp(kinds[i]->format.name, name) == 0)
            return kinds[i];
    mt_fail(error, MT_ERROR_VALUE, "there is no log format '%s'", name);
    return NULL;
}

int mt_log_has_word(const char *text, size_t length, const char *word) {
    return memmem(text, length, word, strlen(word)) != NULL;
}

int mt_log_is_trace(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"input_length\"");
}

/* Is it the summary of a run, by ours or AIPerf, which has no requests in it? */
static int is_summary(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"moontide_version\"") ||
           mt_log_has_word(text, length, "\"aiperf_version\"") ||
           (mt_log_has_word(text, length, "\"wall_clock\"") &&
            mt_log_has_word(text, length, "\"start_ns\""));
}

/* The kind of a JSON log by what stands in its first object, as far as the text goes. */
static const mt_log_kind *json_kind(const char *name, const char *text, size_t length,
                                    mt_error *error) {
    const char *newline = memchr(text, '\n', length), *end = newline;
    while (end && end > text && strchr(" \t\r", end[-1]) && end[-1] != '\0')
        end--;
    /* An object that is more than one line is looked at as far as it is there; what has no members says nothing. */
    int is_line =
        newline && text[0] == '{' && end[-1] == '}' && memchr(text, '"', (size_t)(newline - text));
    size_t line = is_line ? (size_t)(newline - text) : length, used = 0;
    char known[MT_ERROR_MESSAGE_SIZE - MT_LOG_GUESS_SIZE] = "", guess[MT_LOG_GUESS_SIZE];
    if (is_summary(text, line))
        return mt_null(mt_fail_at(
            error, MT_ERROR_INPUT, name, 0, 0,
            "this is a run summed up: its requests are in the " MT_LOG_RESULTS_FILE " beside it"));
    for (size_t i = 0; i < mt_log_format_count(); i++) {
        if (!kinds[i]->recognises)
            continue;
        if (kinds[i]->recognises(text, line))
            return kinds[i];
        if (kinds[i]->member && used < sizeof known)
            used +=
                (size_t)snprintf(known + used, sizeof known - used, "%s%s%s %s", used ? ", " : "",
                                 kinds[i]->format.name, used ? "" : " has", kinds[i]->member);
    }
    if (mt_log_is_trace(text, line))
        mt_fail_at(error, MT_ERROR_INPUT, name, 1, 0,
                   "this is a trace already, not a log ('moontide cat' passes a trace on)");
    else
        mt_fail_at(error, MT_ERROR_INPUT, name, 1, 0,
                   "this is JSON, but of no log that is known: %s (--format says which it is, and "
                   "--columns names the members of other lines%s%s)",
                   known,
                   mt_log_guess_members(text, line, guess, sizeof guess)[0] ? ", perhaps " : "",
                   guess);
    return NULL;
}

/* The first kind that is a CSV. */
static const mt_log_kind *csv_kind(void) {
    for (size_t i = 0; i < mt_log_format_count(); i++)
        if (kinds[i]->columns)
            return kinds[i];
    return NULL;
}

/* The kind that knows the CSV's header, of those that are JSON too; else the first CSV. */
static const mt_log_kind *header_kind(const char *text, size_t length) {
    const char *newline = memchr(text, '\n', length);
    size_t line = newline ? (size_t)(newline - text) : length;
    for (size_t i = 0; i < mt_log_format_count(); i++)
        if (kinds[i]->recognises_header && kinds[i]->recognises_header(text, line))
            return kinds[i];
    return csv_kind();
}

/* The kind whose columns, or members, the caller names. */
static const mt_log_kind *named_kind(int is_json) {
    for (size_t i = 0; i < mt_log_format_count(); i++)
        if (kinds[i]->format.takes_columns && (kinds[i]->recognises != NULL) == is_json)
            return kinds[i];
    return NULL;
}

/* The file's first bytes without white space before them: 1, 0 where there are none, -1. */
static int first_bytes(mt_input *input, const char **text, size_t *length, mt_error *error) {
    if (mt_input_peek(input, text, length, error) < 0)
        return -1;
    while (*length > 0 && strchr(" \t\r\n", **text) && **text != '\0') {
        ++*text;
        --*length;
    }
    return *length > 0;
}

/* The kind by the file's first bytes: JSON begins with a bracket. A CSV is of any CSV kind so far:
 * its header decides. */
static const mt_log_kind *find_kind(mt_input *input, mt_error *error) {
    const char *text;
    size_t length;
    int status = first_bytes(input, &text, &length, error);
    if (status < 0)
        return NULL;
    if (status == 0)
        return mt_null(
            mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(input), 0, 0, "the file is empty"));
    if (*text == '{' || *text == '[')
        return json_kind(mt_input_name(input), text, length, error);
    return header_kind(text, length);
}

/* The kind of a log whose columns are named: lines of JSON begin with a brace. */
static const mt_log_kind *find_named_kind(mt_input *input, mt_error *error) {
    const char *text;
    size_t length;
    int status = first_bytes(input, &text, &length, error);
    return status < 0 ? NULL : named_kind(status > 0 && *text == '{');
}

/* ---- opening ---- */

static int has_column_names(const mt_log_options *options) {
    for (size_t role = 0; role < MT_LOG_ROLES; role++)
        if (options->columns[role])
            return 1;
    return 0;
}

/* Are there results of a run in the folder? */
static int has_results(const char *folder) {
    size_t size = strlen(folder) + sizeof "/" MT_LOG_RESULTS_FILE;
    char *path = mt_allocate(1, size);
    if (!path)
        return 0;
    snprintf(path, size, "%s/" MT_LOG_RESULTS_FILE, folder);
    int is_there = access(path, F_OK) == 0;
    mt_free(path);
    return is_there;
}

/* The kind of a folder. */
static const mt_log_kind *folder_kind(const char *path, mt_error *error) {
    if (has_results(path))
        return mt_null(mt_fail_at(
            error, MT_ERROR_INPUT, path, 0, 0,
            "this is the folder of a run: its requests are in the " MT_LOG_RESULTS_FILE " in it"));
    for (size_t i = 0; i < mt_log_format_count(); i++)
        if (kinds[i]->takes_folder)
            return kinds[i];
    mt_fail_at(error, MT_ERROR_INPUT, path, 0, 0, "this is a folder");
    return NULL;
}

static int is_folder(const char *path) {
    struct stat info;
    return strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static mt_code check_options(const mt_log_options *options, const mt_log_kind *kind,
                             mt_error *error) {
    if (!kind->format.takes_columns && has_column_names(options))
        return mt_fail(error, MT_ERROR_VALUE,
                       "names of columns are for the formats %s and %s, this log is %s",
                       named_kind(0)->format.name, named_kind(1)->format.name, kind->format.name);
    if (options->delimiter && kind->recognises)
        return mt_fail(error, MT_ERROR_VALUE, "a delimiter is for a CSV, this log is %s",
                       kind->format.name);
    if (!(options->tokens_per_char >= 0 && options->tokens_per_char <= 16))
        return mt_fail(error, MT_ERROR_VALUE, "%g tokens a character are none",
                       options->tokens_per_char);
    if (options->block_size > MT_LOG_BLOCK_SIZE_LIMIT)
        return mt_fail(error, MT_ERROR_VALUE, "a block of %" PRIu64 " tokens is too large",
                       options->block_size);
    if (options->start.law != MT_LOG_START_TOGETHER && !kind->starts_unknown)
        return mt_fail(error, MT_ERROR_VALUE,
                       "a start is for logs whose sessions' own is not known, this log is %s",
                       kind->format.name);
    return kind->check ? kind->check(options, error) : MT_OK;
}

mt_log *mt_log_open(const char *path, const mt_log_options *options, mt_error *error) {
    const mt_log_kind *kind = NULL;
    mt_log *log = NULL;
    if (options->format && !(kind = kind_called(options->format, error)))
        return NULL;
    int of_files = is_folder(path) && (!kind || kind->takes_folder);
    if (of_files && !kind && !(kind = folder_kind(path, error)))
        return NULL;
    mt_input *input = of_files ? NULL : mt_input_open(path, error);
    if (!input && !of_files)
        return NULL;
    mt_code code = input ? mt_check_text(input, error) : MT_OK;
    if (!kind && code == MT_OK)
        kind = has_column_names(options) ? find_named_kind(input, error) : find_kind(input, error);
    if (kind && code == MT_OK && check_options(options, kind, error) == MT_OK) {
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
        log->options.block_size = kind->format.block_size;
    log->name = input ? mt_input_name(input) : path;
    log->ids_are_of_texts = kind->ids_are_of_texts;
    if (kind->open && kind->open(log, error) != MT_OK) {
        mt_log_close(log);
        return NULL;
    }
    return log;
}

/* ---- reading ---- */

int mt_log_next(mt_log *log, mt_log_row *row, mt_error *error) {
    static const mt_log_row empty; /* copied: quicker than clearing */
    mt_error problem, *report = error ? error : &problem;
    for (;;) {
        if (mt_interrupted())
            return mt_failed(mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted"));
        if (log->has_failed_ahead) {
            *report = log->failed_ahead;
            log->rows += (uint64_t)log->bad_row;
            return -1;
        }
        log->bad_row = 0;
        *row = empty;
        row->index = log->rows;
        int status = log->kind->next(log, row, report);
        if (status < 0 && mt_log_passes_over(log, report))
            continue;
        log->rows += status > 0 || log->bad_row;
        return status;
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

/* ---- what it is like ---- */

mt_log_facts mt_log_facts_of(const mt_log *log) {
    return (mt_log_facts){.format = log->kind->format.name,
                          .name = log->name,
                          .block_size = log->options.block_size,
                          .columns = log->columns,
                          .column_count = log->column_count,
                          .has_times = !log->kind->has_no_times,
                          .has_dates = log->has_dates,
                          .has_texts = log->kind->has_texts,
                          .ids_are_of_texts = log->ids_are_of_texts,
                          .starts_unknown = log->kind->starts_unknown,
                          .has_waits = log->kind->has_waits,
                          .passed_over = log->passed_over,
                          .failed_at_row = log->bad_row && !log->options.skip_bad_rows,
                          .parts_without_text = log->parts_without_text,
                          .rows = log->rows};
}

uint64_t mt_log_skipped(const mt_log *log, mt_error *first) {
    if (first) {
        *first = log->first_skipped;
        if (log->skipped == 0)
            first->code = MT_OK;
    }
    return log->skipped;
}
