/* Lines of JSON of any kind: an object a line, whose members the caller names, as the columns of
 * any CSV. */
#include "base/memory.h"
#include "text/csv_field.h"
#include "trace/log/lines.h"

#include <stdio.h>
#include <string.h>

enum { QUOTE_SIZE = 64, NAMES_SIZE = 256 };
enum { MOST_PARTS = 64 }; /* of a sum, a bit each in `seen` */

typedef struct members_log {
    mt_log base;
    char *names[MT_LOG_ROLES]; /* of members, or paths to them; NULL: there is none */
    char *token, *model, *type;
    size_t token_capacity, model_capacity, type_capacity;
    uint64_t seen[MT_LOG_ROLES]; /* parts of its sum that some row had */
    int is_sum[MT_LOG_ROLES];    /* some row's tokens were added up; */
    int has_whole[MT_LOG_ROLES]; /* some had a member of the whole name, with its + */
    int knows_kind;              /* has_dates holds */
    uint64_t first_line;         /* whose time decided so */
} members_log;

static mt_code members_open(mt_log *log, mt_error *error) {
    members_log *self = (members_log *)log;
    for (size_t role = 0; role < MT_LOG_ROLES; role++) {
        const char *name = log->options.columns[role];
        if (!name)
            continue;
        size_t size = strlen(name) + 1;
        self->names[role] = mt_allocate(size, 1);
        if (!self->names[role])
            return mt_fail_memory(error, "log reader");
        memcpy(self->names[role], name, size);
    }
    log->has_model = self->names[MT_LOG_MODEL] != NULL;
    log->has_type = self->names[MT_LOG_TYPE] != NULL;
    return MT_OK;
}

static void members_close(mt_log *log) {
    members_log *self = (members_log *)log;
    for (size_t role = 0; role < MT_LOG_ROLES; role++)
        mt_free(self->names[role]);
    mt_free(self->token);
    mt_free(self->model);
    mt_free(self->type);
}

/* ---- where a value stands ---- */

/* How much of a path the member's name is: all of it, or up to a point; 0: it is another name. */
static size_t part_of(const mt_json_item *item, const char *path) {
    enum { LONGEST = 256 };
    char plain[LONGEST];
    mt_span name = item->name;
    if (memchr(name.text, '\\', name.length)) {
        if (name.length + 2 > sizeof plain)
            return 0;
        name = (mt_span){plain, mt_json_decode(name.text - 1, name.length + 2, plain)};
    }
    if (name.length == 0 || name.length > strlen(path) || memcmp(path, name.text, name.length) != 0)
        return 0;
    return path[name.length] == '\0' || path[name.length] == '.' ? name.length : 0;
}

/* The value at a path in the object at `at`; a member of the path's whole name goes before one of
 * an object in it, a later one before an earlier one. The object is known to be JSON. */
static void find(const mt_json *json, const char *at, const char *path, mt_span *value) {
    mt_json_items items;
    mt_json_item item;
    int is_whole = 0;
    if (mt_json_items_begin(&items, json, at, '{', "an object ('{')") != 0)
        return;
    while (mt_json_items_next(&items, &item) > 0) {
        size_t length = part_of(&item, path);
        if (length == 0)
            continue;
        if (path[length] == '\0') {
            *value = item.value;
            is_whole = 1;
        } else if (!is_whole && item.value.text[0] == '{') {
            find(json, item.value.text, path + length + 1, value);
        }
    }
}

/* "'a', 'b'": what the row has instead, cut where it gets long. */
static const char *list_members(const mt_json *json, char *buffer, size_t size) {
    mt_json_items items;
    mt_json_item item;
    size_t used = 0;
    buffer[0] = '\0';
    if (mt_json_items_begin(&items, json, json->begin, '{', "an object ('{')") != 0)
        return buffer;
    while (mt_json_items_next(&items, &item) > 0) {
        char quoted[QUOTE_SIZE];
        mt_quote(item.name.text, item.name.length, quoted, sizeof quoted);
        if (used + strlen(quoted) + sizeof "'', , ..." > size) {
            snprintf(buffer + used, size - used, ", ...");
            break;
        }
        used += (size_t)snprintf(buffer + used, size - used, "%s'%s'", used ? ", " : "", quoted);
    }
    return buffer;
}

/* ---- values ---- */

static int fail_missing(members_log *self, const mt_json *json, uint64_t line, int role,
                        mt_error *error) {
    char listed[NAMES_SIZE], quoted[QUOTE_SIZE];
    const char *name = self->names[role];
    return mt_log_bad_row(&self->base, line, 0, error, "'%s' is missing; the row has %s",
                          mt_quote(name, strlen(name), quoted, sizeof quoted),
                          list_members(json, listed, sizeof listed));
}

static int is_none(mt_span value) {
    return value.length == 0 || mt_json_is_null(value);
}

/* What a string says, in a buffer; -1 where it is too long for a number or a date. */
static int text_of(mt_span value, char *buffer, size_t size, mt_span *text) {
    if (value.length > size)
        return -1;
    *text = (mt_span){buffer, mt_json_decode(value.text, value.length, buffer)};
    return 0;
}

/* A whole number of at least 0, or one in a string. */
static int take_tokens(members_log *self, const mt_json *json, uint64_t line, const char *name,
                       mt_span value, uint64_t *tokens, mt_error *error) {
    char buffer[QUOTE_SIZE];
    mt_span text = {"", 0};
    int64_t number = -1;
    if (value.length > 0 && value.text[0] != '"' && mt_json_count(value, tokens) == 0)
        return 0;
    if (value.length > 0 && value.text[0] == '"' &&
        text_of(value, buffer, sizeof buffer, &text) == 0 &&
        mt_csv_integer(text.text, text.length, &number) == 0 && number >= 0) {
        *tokens = (uint64_t)number;
        return 0;
    }
    return mt_lines_bad_value(&self->base, json, line, value, name, "a whole number of at least 0",
                              error);
}

/* The tokens of a role: of one member, or of several with + between their names, of which those that
 * a row lacks count nothing. One must be there, and each in some row (check_parts). */
static int take_count(members_log *self, const mt_json *json, uint64_t line, int role,
                      mt_span value, uint64_t *tokens, mt_error *error) {
    char *name = self->names[role], *part = name;
    uint64_t one = 0;
    uint64_t bit = 1;
    int found = 0, failed = 0;
    if (!is_none(value)) {
        self->has_whole[role] = 1;
        return take_tokens(self, json, line, name, value, tokens, error);
    }
    *tokens = 0;
    do {
        char *plus = strchr(part, '+');
        mt_span of_part = {"", 0};
        if (plus)
            *plus = '\0';
        find(json, json->begin, part, &of_part);
        self->seen[role] |= of_part.length > 0 ? bit : 0;
        bit <<= 1;
        if (!failed && !is_none(of_part)) {
            found = 1;
            failed = take_tokens(self, json, line, part, of_part, &one, error);
            if (!failed && __builtin_add_overflow(*tokens, one, tokens))
                failed = mt_lines_bad_sum(&self->base, line, name, error);
        }
        if (plus) {
            *plus = '+';
            self->is_sum[role] = 1;
        }
        part = plus ? plus + 1 : NULL;
    } while (part);
    return failed ? -1 : found ? 0 : fail_missing(self, json, line, role, error);
}

/* A part that no row had has another name in this log: the sums would all lack it. */
static int check_parts(members_log *self, mt_error *error) {
    char quoted[QUOTE_SIZE], of[QUOTE_SIZE];
    for (int role = MT_LOG_INPUT; role <= MT_LOG_OUTPUT; role++) {
        const char *part = self->names[role];
        if (self->has_whole[role] || !self->is_sum[role])
            continue;
        for (uint64_t bit = 1; part; bit <<= 1) {
            size_t length = strcspn(part, "+");
            if (!(self->seen[role] & bit))
                return mt_failed(mt_fail_at(
                    error, MT_ERROR_INPUT, self->base.name, 0, 0, "no row has '%s', a part of '%s'",
                    mt_quote(part, length, quoted, sizeof quoted),
                    mt_quote(self->names[role], strlen(self->names[role]), of, sizeof of)));
            part = part[length] ? part + length + 1 : NULL;
        }
    }
    return 0;
}

static int take_time(members_log *self, const mt_json *json, uint64_t line, mt_span value,
                     int64_t *time, mt_error *error) {
    const char *name = self->names[MT_LOG_TIMESTAMP];
    int is_date;
    if (mt_lines_time_of(&self->base, json, line, value, name, time, &is_date, error) != 0)
        return -1;
    if (self->knows_kind && self->base.has_dates != is_date)
        return mt_log_bad_row(&self->base, line, (uint64_t)(value.text - json->begin) + 1, error,
                              "%s is a %s, that of line %llu is a %s", name,
                              is_date ? "date" : "number", (unsigned long long)self->first_line,
                              is_date ? "number" : "date");
    if (!self->knows_kind)
        self->first_line = line;
    self->knows_kind = 1;
    self->base.has_dates = is_date;
    return 0;
}

/* A string; a number, true or false as it is written. */
static int take_label(mt_span value, char **to, size_t *capacity, mt_span *label, mt_error *error) {
    if (is_none(value) || value.text[0] == '{' || value.text[0] == '[')
        return 0;
    if (value.text[0] == '"')
        return mt_lines_text(value, to, capacity, label, error);
    if (MT_GROW(*to, *capacity, value.length) != 0)
        return mt_lines_no_memory(error);
    memcpy(*to, value.text, value.length);
    *label = (mt_span){*to, value.length};
    return 0;
}

/* An empty string is no session, as an empty field of a CSV is none. */
static int take_session(members_log *self, const mt_json *json, uint64_t line, mt_span value,
                        mt_request *request, mt_error *error) {
    if (is_none(value) || (value.length == 2 && value.text[0] == '"'))
        return 0;
    if (!mt_lines_is_name(value))
        return mt_lines_bad_value(&self->base, json, line, value, self->names[MT_LOG_SESSION],
                                  "a string or a number", error);
    request->has |= MT_HAS_SESSION;
    return mt_lines_token(value, &self->token, &self->token_capacity, &request->session, error);
}

/* ---- rows ---- */

/* The values by role; the time is there. */
static int find_values(members_log *self, const mt_json *json, uint64_t line, mt_span *values,
                       mt_error *error) {
    for (int role = 0; role < MT_LOG_ROLES; role++) {
        values[role] = (mt_span){"", 0};
        if (!self->names[role])
            continue; /* those that are needed have names: members_check */
        find(json, json->begin, self->names[role], &values[role]);
        int may_be_sum = role == MT_LOG_INPUT || role == MT_LOG_OUTPUT;
        if (role < MT_LOG_NEEDED_ROLES && !may_be_sum && is_none(values[role]))
            return fail_missing(self, json, line, role, error);
    }
    return 0;
}

static int members_next(mt_log *log, mt_log_row *row, mt_error *error) {
    members_log *self = (members_log *)log;
    mt_request *request = &row->request;
    mt_span values[MT_LOG_ROLES] = {{"", 0}};
    mt_json json;
    uint64_t line;
    const char *end;
    int status = mt_lines_next(log, &json, &line, error);
    if (status == 0)
        return check_parts(self, error);
    if (status < 0)
        return status;
    request->line = line;
    if (mt_lines_members(&json, json.begin, NULL, 0, &end) != 0)
        return mt_lines_bad_json(log, line, error);
    if (mt_lines_end(log, &json, end, line, error) != 0 ||
        find_values(self, &json, line, values, error) != 0 ||
        take_time(self, &json, line, values[MT_LOG_TIMESTAMP], &request->time_ns, error) != 0 ||
        take_count(self, &json, line, MT_LOG_INPUT, values[MT_LOG_INPUT], &request->input_length,
                   error) != 0 ||
        mt_log_check_prompt(log, request->input_length, self->names[MT_LOG_INPUT], line, error) !=
            0 ||
        take_count(self, &json, line, MT_LOG_OUTPUT, values[MT_LOG_OUTPUT], &request->output_length,
                   error) != 0)
        return -1;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH;
    if (take_session(self, &json, line, values[MT_LOG_SESSION], request, error) != 0 ||
        take_label(values[MT_LOG_MODEL], &self->model, &self->model_capacity, &row->model, error) !=
            0 ||
        take_label(values[MT_LOG_TYPE], &self->type, &self->type_capacity, &row->log_type, error) !=
            0)
        return -1;
    return 1;
}

/* What is added up has a name each. */
static mt_code check_sum(const char *name, mt_error *error) {
    size_t parts = 0;
    char quoted[QUOTE_SIZE];
    for (const char *part = name; part; parts++) {
        size_t length = strcspn(part, "+");
        if (length == 0 || parts == MOST_PARTS)
            return mt_fail(error, MT_ERROR_VALUE,
                           "what is added up are names of members with a + between them, at most "
                           "%d, not '%s'",
                           MOST_PARTS, mt_quote(name, strlen(name), quoted, sizeof quoted));
        part = part[length] ? part + length + 1 : NULL;
    }
    return MT_OK;
}

static mt_code members_check(const mt_log_options *options, mt_error *error) {
    for (size_t role = 0; role < MT_LOG_NEEDED_ROLES; role++)
        if (!options->columns[role])
            return mt_fail(error, MT_ERROR_VALUE,
                           "a log of format json needs the names of its members: timestamp, input "
                           "and output");
    mt_code code = check_sum(options->columns[MT_LOG_INPUT], error);
    return code ? code : check_sum(options->columns[MT_LOG_OUTPUT], error);
}

/* It is recognised by nothing but the names that the caller gives. */
static int members_recognises(const char *text, size_t length) {
    (void)text;
    (void)length;
    return 0;
}

const mt_log_kind mt_log_members = {.format = {.name = "json",
                                               .title = "JSON lines",
                                               .takes_columns = 1,
                                               .block_size = MT_LOG_BLOCK_SIZE},
                                    .default_time_digits = 9,
                                    .size = sizeof(members_log),
                                    .recognises = members_recognises,
                                    .check = members_check,
                                    .open = members_open,
                                    .next = members_next,
                                    .close = members_close};
