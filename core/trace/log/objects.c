#include "trace/log/objects.h"

#include "text/json_items.h"
#include "trace/scanner.h"

enum { QUOTE_SIZE = 64 };

int mt_objects_bad(mt_log *log, mt_json_list *list, const char *at, mt_error *error,
                   const char *message) {
    uint64_t line, column;
    mt_json_list_locate(list, at, &line, &column);
    return mt_log_bad_row(log, line, column, error, "%s", message);
}

int mt_objects_bad_json(mt_log *log, mt_json_list *list, mt_error *error) {
    mt_error copy = *error;
    return mt_objects_bad(log, list, list->text + (copy.column ? copy.column - 1 : 0), error,
                          copy.message);
}

static int missing(mt_log *log, mt_json_list *list, const char *at, const char *name,
                   mt_error *error) {
    uint64_t line, column;
    mt_json_list_locate(list, at, &line, &column);
    return mt_log_bad_row(log, line, column, error, "%s is missing", name);
}

static int wrong(mt_log *log, mt_json_list *list, mt_span value, const char *name, const char *want,
                 mt_error *error) {
    uint64_t line, column;
    char quoted[QUOTE_SIZE];
    mt_json_list_locate(list, value.text, &line, &column);
    return mt_log_bad_row(log, line, column, error, "%s must be %s, not %s", name, want,
                          mt_quote(value.text, value.length, quoted, sizeof quoted));
}

int mt_objects_count(mt_log *log, mt_json_list *list, const char *at, mt_span value,
                     const char *name, uint64_t *count, mt_error *error) {
    if (value.length == 0)
        return missing(log, list, at, name, error);
    return mt_json_count(value, count) == 0
               ? 0
               : wrong(log, list, value, name, "a whole number of at least 0", error);
}

/* Of a unit that 10^digits nanoseconds are one of. */
static const char *numbers_of(int digits) {
    return digits == 9   ? "a number of seconds"
           : digits == 6 ? "a number of milliseconds"
           : digits == 3 ? "a number of microseconds"
                         : "a number of nanoseconds";
}

int mt_objects_time(mt_log *log, mt_json_list *list, const char *at, mt_span value,
                    const char *name, int64_t *nanoseconds, mt_error *error) {
    int digits = log->options.time_digits;
    if (value.length == 0)
        return missing(log, list, at, name, error);
    return mt_decimal_whole(value.text, value.length, digits, nanoseconds) == 0
               ? 0
               : wrong(log, list, value, name, numbers_of(digits), error);
}

int mt_objects_duration(mt_log *log, mt_json_list *list, const char *at, mt_span value,
                        const char *name, int digits, int64_t *nanoseconds, mt_error *error) {
    if (value.length == 0)
        return missing(log, list, at, name, error);
    return mt_decimal_whole(value.text, value.length, digits, nanoseconds) == 0 && *nanoseconds >= 0
               ? 0
               : wrong(log, list, value, name, "a time of at least 0", error);
}

int mt_objects_check_prompt(mt_log *log, mt_json_list *list, const char *at, uint64_t tokens,
                            mt_error *error) {
    uint64_t line, column;
    if (mt_log_prompt_fits(log, tokens))
        return 0;
    mt_json_list_locate(list, at, &line, &column);
    return mt_log_check_prompt(log, tokens, "the prompt", line, error);
}
