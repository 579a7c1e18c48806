#include "trace/log/lines.h"

#include "base/memory.h"
#include "text/csv_field.h"
#include "text/json.h"
#include "trace/scanner.h"

#include <stdio.h>
#include <string.h>

enum { QUOTE_SIZE = 64 };

int mt_lines_next(mt_log *log, mt_json *json, uint64_t *number, mt_error *error) {
    mt_line line;
    int status;
    while ((status = mt_input_line(log->input, &line, error)) > 0) {
        *json = (mt_json){line.text, line.text + line.length, error};
        *number = line.number;
        const char *first = mt_json_space(json, json->begin);
        if (first < json->end && *first == '[' && line.number == 1)
            return mt_log_bad_row(log, line.number, (uint64_t)(first - json->begin) + 1, error,
                                  "expected an object ('{') a line, found a list (jq -c '.[]' "
                                  "makes lines of one)");
        if (first < json->end)
            return 1;
    }
    return status;
}

int mt_lines_members(const mt_json *json, const char *at, const mt_line_member *members,
                     size_t count, const char **end) {
    mt_json_items items;
    mt_json_item item;
    int status = mt_json_items_begin(&items, json, at, '{', "an object ('{')");
    while (status == 0 && (status = mt_json_items_next(&items, &item)) > 0) {
        for (size_t i = 0; i < count; i++)
            if (mt_json_named(&item, members[i].name) && !mt_json_is_null(item.value))
                *members[i].value = item.value;
        status = 0;
    }
    if (end)
        *end = items.at;
    return status;
}

mt_span mt_lines_first(const mt_span *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (values[i].length > 0)
            return values[i];
    return (mt_span){"", 0};
}

int mt_lines_bad_json(mt_log *log, uint64_t line, mt_error *error) {
    mt_error copy = *error;
    return mt_log_bad_row(log, line, copy.column, error, "%s", copy.message);
}

int mt_lines_bad_value(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                       const char *name, const char *want, mt_error *error) {
    char quoted[QUOTE_SIZE];
    return mt_log_bad_row(log, line, (uint64_t)(value.text - json->begin) + 1, error,
                          "%s must be %s, not %s", name, want,
                          mt_quote(value.text, value.length, quoted, sizeof quoted));
}

int mt_lines_count(mt_log *log, const mt_json *json, uint64_t line, mt_span value, const char *name,
                   uint64_t *count, mt_error *error) {
    if (value.length == 0 || mt_json_is_null(value))
        return mt_log_bad_row(log, line, 0, error, "%s is missing", name);
    if (mt_json_count(value, count) != 0)
        return mt_lines_bad_value(log, json, line, value, name, "a whole number of at least 0",
                                  error);
    return 0;
}

int mt_lines_duration(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                      const char *name, int digits, int64_t *nanoseconds, mt_error *error) {
    if (value.length == 0)
        return mt_log_bad_row(log, line, 0, error, "%s is missing", name);
    if (mt_decimal_whole(value.text, value.length, digits, nanoseconds) != 0 || *nanoseconds < 0)
        return mt_lines_bad_value(log, json, line, value, name, "a number of at least 0", error);
    return 0;
}

int mt_lines_text(mt_span value, char **to, size_t *capacity, mt_span *text, mt_error *error) {
    *text = (mt_span){"", 0};
    if (value.length == 0 || value.text[0] != '"')
        return 0;
    if (MT_GROW(*to, *capacity, value.length) != 0)
        return mt_lines_no_memory(error);
    *text = (mt_span){*to, mt_json_decode(value.text, value.length, *to)};
    return 0;
}

int mt_lines_token(mt_span value, char **to, size_t *capacity, mt_span *token, mt_error *error) {
    if (MT_GROW(*to, *capacity, value.length) != 0)
        return mt_lines_no_memory(error);
    *token = (mt_span){*to, mt_json_normalise(value.text, value.length, *to)};
    return 0;
}

int mt_lines_token_again(mt_span *token, uint32_t time, mt_text *to, mt_error *error) {
    char end[16];
    if (time == 1)
        return 0;
    int is_text = token->text[0] == '"', length = snprintf(end, sizeof end, "/%u\"", time);
    to->length = 0;
    if (mt_text_add(to, "\"", is_text ? 0 : 1) != 0 ||
        mt_text_add(to, token->text, token->length - (size_t)is_text) != 0 ||
        mt_text_add(to, end, (size_t)length) != 0)
        return mt_lines_no_memory(error);
    *token = (mt_span){to->bytes, to->length};
    return 0;
}

int mt_lines_bad_sum(mt_log *log, uint64_t line, const char *name, mt_error *error) {
    return mt_log_bad_row(log, line, 0, error, "the sum of %s is 2^64 or more", name);
}

int mt_lines_output(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                    mt_request *request, mt_error *error) {
    if (mt_json_is_null(value))
        return 0;
    request->has |= MT_HAS_OUTPUT_LENGTH;
    return mt_lines_count(log, json, line, value, "output_length", &request->output_length, error);
}

/* A number or a date as a CSV has it: 0, -1 when it is neither, -2 when it is out of range. */
static int time_of_string(const mt_log *log, mt_span value, int64_t *time, int *is_date) {
    char text[QUOTE_SIZE];
    if (value.length > sizeof text)
        return -1;
    size_t length = mt_json_decode(value.text, value.length, text);
    int status = mt_csv_nanoseconds(text, length, log->options.time_digits, time);
    *is_date = status == -1;
    return *is_date ? mt_csv_date_time(text, length, time) : status;
}

int mt_lines_time_of(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                     const char *name, int64_t *time, int *is_date, mt_error *error) {
    *is_date = 0;
    int status = *value.text == '"'
                     ? time_of_string(log, value, time, is_date)
                     : mt_decimal_whole(value.text, value.length, log->options.time_digits, time);
    if (status != 0)
        return mt_lines_bad_value(log, json, line, value, name,
                                  status == -1
                                      ? "a number or a date"
                                      : "within 292 years (--time-unit names another unit)",
                                  error);
    return 0;
}

int mt_lines_time(mt_log *log, const mt_json *json, uint64_t line, mt_span value, int64_t *time,
                  mt_error *error) {
    int is_date;
    if (value.length == 0 || mt_json_is_null(value))
        return mt_log_bad_row(log, line, 0, error, "timestamp is missing");
    return mt_lines_time_of(log, json, line, value, "timestamp", time, &is_date, error);
}

int mt_lines_end(mt_log *log, const mt_json *json, const char *at, uint64_t line, mt_error *error) {
    at = mt_json_space(json, at);
    if (at == json->end)
        return 0;
    mt_json_unexpected(json, at, "the end of the line");
    return mt_lines_bad_json(log, line, error);
}

int mt_lines_is_name(mt_span value) {
    return value.length > 0 && (value.text[0] == '"' || value.text[0] == '-' ||
                                (value.text[0] >= '0' && value.text[0] <= '9'));
}

int mt_lines_is_object(mt_span value) {
    return value.length > 0 && value.text[0] == '{';
}
