/* The logs that are CSV files: they differ in the names of their columns. */
#include "base/memory.h"
#include "text/csv_field.h"
#include "text/csv_reader.h"
#include "text/json.h"
#include "trace/log/guess.h"
#include "trace/log/kind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_SIZE = 64, NAMES_SIZE = 320 };

typedef struct csv_log {
    mt_log base;
    mt_csv_reader *csv;
    int has_decimal_comma;
    ptrdiff_t at[MT_LOG_ROLES]; /* index of the column; negative: there is none */
    int knows_kind;             /* has_dates holds */
    uint64_t first_line;        /* whose time decided so */
    char *token;                /* the session as a JSON string */
    size_t token_capacity;
} csv_log;

/* ---- columns ---- */

/* The column with this name, or else the only one with it in other letters' case; MT_CSV_NONE,
 * MT_CSV_SEVERAL. */
static ptrdiff_t find_column(const mt_span *names, size_t count, const char *name) {
    size_t length = strlen(name);
    ptrdiff_t exact = MT_CSV_NONE, near = MT_CSV_NONE;
    for (size_t i = 0; i < count; i++) {
        if (names[i].length != length || strncasecmp(names[i].text, name, length) != 0)
            continue;
        ptrdiff_t *found = memcmp(names[i].text, name, length) == 0 ? &exact : &near;
        *found = *found == MT_CSV_NONE ? (ptrdiff_t)i : MT_CSV_SEVERAL;
    }
    return exact != MT_CSV_NONE ? exact : near;
}

/* The first kind of the table whose needed columns are all there, NULL without one. */
static const mt_log_kind *kind_of(const mt_span *names, size_t count) {
    const mt_log_kind *kind;
    for (size_t i = 0; (kind = mt_log_kind_at(i)); i++) {
        size_t found = 0;
        while (kind->columns && found < MT_LOG_NEEDED_ROLES &&
               find_column(names, count, kind->columns[found]) != MT_CSV_NONE)
            found++;
        if (found == MT_LOG_NEEDED_ROLES)
            return kind;
    }
    return NULL;
}

/* "'a', 'b', 'c'", cut where it gets long. */
static const char *list_columns(const csv_log *self, char *buffer, size_t size) {
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < self->base.column_count; i++) {
        char quoted[QUOTE_SIZE];
        const mt_span *name = &self->base.columns[i];
        mt_quote(name->text, name->length, quoted, sizeof quoted);
        size_t wanted = strlen(quoted) + sizeof "'', ";
        if (used + wanted + sizeof "..." > size) {
            snprintf(buffer + used, size - used, "...");
            break;
        }
        used += (size_t)snprintf(buffer + used, size - used, "'%s'%s", quoted,
                                 i + 1 < self->base.column_count ? ", " : "");
    }
    return buffer;
}

static mt_code fail_header(const csv_log *self, mt_error *error, const char *what,
                           const char *name) {
    char listed[NAMES_SIZE], quoted[QUOTE_SIZE];
    mt_quote(name, strlen(name), quoted, sizeof quoted);
    return mt_fail_at(error, MT_ERROR_INPUT, self->base.name, mt_csv_header(self->csv)->line, 0,
                      "%s '%s'; the columns are %s", what, quoted,
                      list_columns(self, listed, sizeof listed));
}

static mt_code find_columns(csv_log *self, const char *const *names, mt_error *error) {
    for (size_t role = 0; role < MT_LOG_ROLES; role++) {
        self->at[role] = MT_CSV_NONE;
        if (!names[role])
            continue;
        self->at[role] = find_column(self->base.columns, self->base.column_count, names[role]);
        if (self->at[role] == MT_CSV_SEVERAL)
            return fail_header(self, error, "several columns are called", names[role]);
        int is_needed = role < MT_LOG_NEEDED_ROLES || self->base.kind->format.takes_columns;
        if (self->at[role] == MT_CSV_NONE && is_needed)
            return fail_header(self, error, "no column", names[role]);
    }
    self->base.has_model = self->at[MT_LOG_MODEL] >= 0;
    self->base.has_type = self->at[MT_LOG_TYPE] >= 0;
    return MT_OK;
}

/* "BurstGPT's (Timestamp, ...) nor Azure's (...)": what the columns of a known CSV are called. */
static const char *list_known(char *buffer, size_t size) {
    const mt_log_kind *kind;
    size_t used = 0;
    for (size_t i = 0; (kind = mt_log_kind_at(i)); i++)
        if (kind->columns && used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s's (%s, %s, %s)",
                                     used ? " nor " : "", kind->format.title,
                                     kind->columns[MT_LOG_TIMESTAMP], kind->columns[MT_LOG_INPUT],
                                     kind->columns[MT_LOG_OUTPUT]);
    return buffer;
}

static mt_code fail_unknown(const csv_log *self, mt_error *error) {
    char listed[NAMES_SIZE - 40], known[NAMES_SIZE]; /* the message is a long one */
    char guess[MT_LOG_GUESS_SIZE];
    mt_log_guess_columns(self->base.columns, self->base.column_count, guess, sizeof guess);
    return mt_fail_at(error, MT_ERROR_INPUT, self->base.name, mt_csv_header(self->csv)->line, 0,
                      "the columns are %s: neither %s; %s%s%s",
                      list_columns(self, listed, sizeof listed - strlen(guess)),
                      list_known(known, sizeof known),
                      self->base.column_count == 1 ? "--delimiter says what stands between them"
                                                   : "--columns says which of another CSV they are",
                      guess[0] ? ", perhaps " : "", guess);
}

/* "bailian, aibrix or sharegpt": the formats that are JSON. */
static const char *list_json(char *buffer, size_t size) {
    const mt_log_kind *kind, *last = NULL;
    size_t used = 0;
    for (size_t i = 0; (kind = mt_log_kind_at(i)); i++) {
        if (!kind->recognises)
            continue;
        if (last && used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "",
                                     last->format.name);
        last = kind;
    }
    if (last && used < size)
        snprintf(buffer + used, size - used, " or %s", last->format.name);
    return buffer;
}

/* JSON in its place is better said so than as a quote inside a field. */
static mt_code refuse_json(mt_log *log, mt_error *error) {
    const char *text;
    size_t length;
    char quoted[QUOTE_SIZE / 2], listed[NAMES_SIZE - 40], hint[NAMES_SIZE];
    int status = mt_input_peek(log->input, &text, &length, error);
    if (status < 0)
        return mt_code_of(error);
    mt_json json = {text, text + length, NULL};
    const char *at = mt_json_space(&json, text);
    if (at < json.end && *at == '[')
        at = mt_json_space(&json, at + 1);
    if (at >= json.end || *at != '{')
        return MT_OK;
    const char *newline = memchr(text, '\n', length);
    if (mt_log_is_trace(text, newline ? (size_t)(newline - text) : length))
        snprintf(hint, sizeof hint, "this is a trace already: 'moontide cat' passes a trace on");
    else
        snprintf(hint, sizeof hint, "--format %s reads JSON", list_json(listed, sizeof listed));
    return mt_fail_at(error, MT_ERROR_INPUT, log->name, 1, 1,
                      "expected a row with the columns' names, found JSON: '%s' (%s)",
                      mt_quote(text, length, quoted, sizeof quoted), hint);
}

static mt_code csv_open(mt_log *log, mt_error *error) {
    csv_log *self = (csv_log *)log;
    mt_input *input = log->input;
    mt_code code = refuse_json(log, error);
    if (code != MT_OK)
        return code;
    log->input = NULL;
    self->csv = mt_csv_open_input(input, log->options.delimiter, error);
    if (!self->csv)
        return mt_code_of(error);
    self->has_decimal_comma = mt_csv_delimiter(self->csv) != ',';
    log->columns = mt_csv_header(self->csv)->fields;
    log->column_count = mt_csv_header(self->csv)->count;
    if (log->kind->format.takes_columns)
        return find_columns(self, log->options.columns, error);
    if (!log->options.format) {
        const mt_log_kind *kind = kind_of(log->columns, log->column_count);
        if (!kind)
            return fail_unknown(self, error);
        log->kind = kind;
    }
    return find_columns(self, log->kind->columns, error);
}

static void csv_close(mt_log *log) {
    csv_log *self = (csv_log *)log;
    mt_csv_close(self->csv);
    mt_free(self->token);
}

/* ---- rows ---- */

static mt_span field_of(const csv_log *self, const mt_csv_row *row, int role) {
    if (self->at[role] < 0)
        return (mt_span){"", 0};
    return mt_span_trimmed(row->fields[self->at[role]]);
}

/* "column 'Request tokens'" */
static const char *column_name(const csv_log *self, int role, char *buffer, size_t size) {
    char quoted[QUOTE_SIZE];
    const mt_span *name = &self->base.columns[self->at[role]];
    mt_quote(name->text, name->length, quoted, sizeof quoted);
    snprintf(buffer, size, "column '%s'", quoted);
    return buffer;
}

static int refuse(csv_log *self, uint64_t line, int role, mt_span field, const char *want,
                  mt_error *error) {
    char name[QUOTE_SIZE + 16], quoted[QUOTE_SIZE];
    return mt_log_bad_row(&self->base, line, 0, error, "%s must be %s, not '%s'",
                          column_name(self, role, name, sizeof name), want,
                          mt_quote(field.text, field.length, quoted, sizeof quoted));
}

/* Plain digits, which nearly all fields are; 0 when it is anything else. */
static int plain_digits(mt_span field, uint64_t *value) {
    enum { MOST_DIGITS = 18 };
    if (field.length == 0 || field.length > MOST_DIGITS)
        return 0;
    uint64_t number = 0;
    for (size_t i = 0; i < field.length; i++) {
        unsigned digit = (unsigned)(field.text[i] - '0');
        if (digit > 9)
            return 0;
        number = 10 * number + digit;
    }
    *value = number;
    return 1;
}

/* The same for a time of whole seconds. */
static int plain_seconds(mt_span field, int digits, int64_t *time) {
    enum { SECOND_DIGITS = 9, SECOND = 1000000000 };
    uint64_t seconds;
    if (digits != SECOND_DIGITS || !plain_digits(field, &seconds) || seconds > INT64_MAX / SECOND)
        return 0;
    *time = (int64_t)(seconds * SECOND);
    return 1;
}

/* "1.000" is a thousand where semicolons stand between columns, as "1,000" is elsewhere. */
static int is_grouped(const csv_log *self, mt_span text) {
    return mt_csv_delimiter(self->csv) == ';' && text.length > 4 &&
           text.text[text.length - 4] == '.';
}

static int read_tokens(csv_log *self, const mt_csv_row *row, int role, uint64_t *tokens,
                       mt_error *error) {
    mt_span field = field_of(self, row, role), plain = field;
    char copy[MT_CSV_COPY];
    int64_t number;
    if (plain_digits(field, tokens))
        return 0;
    if (self->has_decimal_comma)
        plain = mt_csv_with_point(field, 1, copy);
    if (is_grouped(self, field) || mt_csv_integer(plain.text, plain.length, &number) != 0 ||
        number < 0)
        return refuse(self, row->line, role, field, "a whole number of at least 0", error);
    *tokens = (uint64_t)number;
    return 0;
}

static int read_time(csv_log *self, const mt_csv_row *row, int64_t *time, mt_error *error) {
    static const char *const units[] = {"nanoseconds",  "", "", "microseconds", "", "",
                                        "milliseconds", "", "", "seconds"};
    mt_span field = field_of(self, row, MT_LOG_TIMESTAMP), plain = field;
    const mt_log_options *options = &self->base.options;
    char name[QUOTE_SIZE + 16], quoted[QUOTE_SIZE], want[96];
    char copy[MT_CSV_COPY];
    if (self->has_decimal_comma)
        plain = mt_csv_with_point(field, 0, copy);
    int status = plain_seconds(field, options->time_digits, time)
                     ? 0
                     : mt_csv_nanoseconds(plain.text, plain.length, options->time_digits, time);
    int is_date = status == -1;
    if (is_date)
        status = mt_csv_date_time(field.text, field.length, time);
    if (status == -1) {
        snprintf(want, sizeof want, "a time in %s or a date (2023-11-16 18:15:46)",
                 units[options->time_digits]);
        return refuse(self, row->line, MT_LOG_TIMESTAMP, field, want, error);
    }
    if (status == -2) {
        snprintf(want, sizeof want, "within 292 years, in %s (--time-unit names another unit)",
                 units[options->time_digits]);
        return refuse(self, row->line, MT_LOG_TIMESTAMP, field, want, error);
    }
    if (!self->knows_kind) {
        self->base.has_dates = is_date;
        self->first_line = row->line;
        self->knows_kind = 1;
    } else if (self->base.has_dates != is_date) {
        return mt_log_bad_row(
            &self->base, row->line, 0, error, "%s: '%s' is a %s, line %llu has a %s",
            column_name(self, MT_LOG_TIMESTAMP, name, sizeof name),
            mt_quote(field.text, field.length, quoted, sizeof quoted), is_date ? "date" : "number",
            (unsigned long long)self->first_line, is_date ? "number" : "date");
    }
    return 0;
}

static int read_session(csv_log *self, const mt_csv_row *row, mt_request *request,
                        mt_error *error) {
    enum { LONGEST_ESCAPE = 6 };
    mt_span field = field_of(self, row, MT_LOG_SESSION);
    if (field.length == 0)
        return 0;
    if (MT_GROW(self->token, self->token_capacity, LONGEST_ESCAPE * field.length + 2) != 0)
        return mt_failed(mt_fail_memory(error, "log reader"));
    size_t length = mt_json_encode(field.text, field.length, self->token);
    mt_json quiet = {self->token, self->token + length, NULL};
    if (!mt_json_string(&quiet, self->token))
        return refuse(self, row->line, MT_LOG_SESSION, field, "UTF-8", error);
    request->session = (mt_span){self->token, length};
    request->has |= MT_HAS_SESSION;
    return 0;
}

static int csv_next(mt_log *log, mt_log_row *out, mt_error *error) {
    csv_log *self = (csv_log *)log;
    mt_request *request = &out->request;
    char name[QUOTE_SIZE + 16];
    mt_csv_row row;
    int status = mt_csv_next(self->csv, &row, error);
    if (status < 0)
        log->bad_row = mt_csv_recover(self->csv);
    if (status <= 0)
        return status;
    if (read_time(self, &row, &request->time_ns, error) != 0 ||
        read_tokens(self, &row, MT_LOG_INPUT, &request->input_length, error) != 0 ||
        read_tokens(self, &row, MT_LOG_OUTPUT, &request->output_length, error) != 0)
        return -1;
    if (!mt_log_prompt_fits(log, request->input_length) &&
        mt_log_check_prompt(log, request->input_length,
                            column_name(self, MT_LOG_INPUT, name, sizeof name), row.line,
                            error) != 0)
        return -1;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH;
    request->line = row.line;
    if (self->at[MT_LOG_SESSION] >= 0 && read_session(self, &row, request, error) != 0)
        return -1;
    if (log->has_model)
        out->model = field_of(self, &row, MT_LOG_MODEL);
    if (log->has_type)
        out->log_type = field_of(self, &row, MT_LOG_TYPE);
    return 1;
}

static mt_code check_columns(const mt_log_options *options, mt_error *error) {
    for (size_t role = 0; role < MT_LOG_NEEDED_ROLES; role++)
        if (!options->columns[role])
            return mt_fail(error, MT_ERROR_VALUE,
                           "a log of format csv needs the names of its columns: timestamp, input "
                           "and output");
    return MT_OK;
}

static const char *const burstgpt_columns[MT_LOG_ROLES] = {
    "Timestamp", "Request tokens", "Response tokens", "Session ID", "Model", "Log Type"};
static const char *const azure_columns[MT_LOG_ROLES] = {"TIMESTAMP", "ContextTokens",
                                                        "GeneratedTokens"};

#define CSV_KIND                                                                                   \
    .default_time_digits = 9, .size = sizeof(csv_log), .open = csv_open, .next = csv_next,         \
    .close = csv_close

const mt_log_kind mt_log_burstgpt = {
    .format = {.name = "burstgpt", .title = "BurstGPT", .block_size = MT_LOG_BLOCK_SIZE},
    .columns = burstgpt_columns,
    CSV_KIND};
const mt_log_kind mt_log_azure = {
    .format = {.name = "azure", .title = "Azure", .block_size = MT_LOG_BLOCK_SIZE},
    .columns = azure_columns,
    CSV_KIND};
const mt_log_kind mt_log_csv = {.format = {.name = "csv",
                                           .title = "any CSV",
                                           .takes_columns = 1,
                                           .block_size = MT_LOG_BLOCK_SIZE},
                                .check = check_columns,
                                CSV_KIND};
