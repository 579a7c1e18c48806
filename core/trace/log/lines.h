/* What the logs of JSON lines share: lines, and the values in them
 * with messages about those that are not as they must be. What returns an int gives 0, or -1 with
 * the error filled, unless said otherwise; bad values are bad rows (mt_log_bad_row). */
#ifndef MT_TRACE_LOG_LINES_H
#define MT_TRACE_LOG_LINES_H

#include "base/text.h"
#include "text/json_items.h"
#include "trace/log/kind.h"

/* The next line that is not blank: 1 with *json around it, 0 at the end, -1. */
int mt_lines_next(mt_log *log, mt_json *json, uint64_t *number, mt_error *error);

/* Where the value of a member goes. */
typedef struct mt_line_member {
    const char *name;
    mt_span *value; /* of the last member of that name; as it was where there is none, or null */
} mt_line_member;

/* Finds members of the object at `at`; *end, unless NULL, is behind it. 0, or -1 with the error of
 * `json` filled: mt_lines_bad_json says where. */
int mt_lines_members(const mt_json *json, const char *at, const mt_line_member *members,
                     size_t count, const char **end);

/* Of values the first that is there; none of them is: an empty span. */
mt_span mt_lines_first(const mt_span *values, size_t count);

/* Adds file and line to what is wrong with the JSON. -1. */
int mt_lines_bad_json(mt_log *log, uint64_t line, mt_error *error);

/* "NAME must be WANT, not VALUE", with the column of the value, which stands in the line. -1. */
int mt_lines_bad_value(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                       const char *name, const char *want, mt_error *error);

/* "the sum of NAME is 2^64 or more". -1. */
int mt_lines_bad_sum(mt_log *log, uint64_t line, const char *name, mt_error *error);

/* The output_length of a request, which may be null: then it has none. */
int mt_lines_output(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                    mt_request *request, mt_error *error);

/* The member's value as a whole number of at least 0; as a time, which is a number, or a date
 * (mt_csv_date_time) or a number in a string. An empty span is a missing one. */
int mt_lines_count(mt_log *log, const mt_json *json, uint64_t line, mt_span value, const char *name,
                   uint64_t *count, mt_error *error);
int mt_lines_time(mt_log *log, const mt_json *json, uint64_t line, mt_span value, int64_t *time,
                  mt_error *error);

/* The same of a value that is there, of a member of another name. *is_date: it is a date. */
int mt_lines_time_of(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                     const char *name, int64_t *time, int *is_date, mt_error *error);

/* The member's value, a number of units of which 10^digits nanoseconds are one, as nanoseconds of
 * at least 0. */
int mt_lines_duration(mt_log *log, const mt_json *json, uint64_t line, mt_span value,
                      const char *name, int digits, int64_t *nanoseconds, mt_error *error);

/* -1, and the error that a reader of a log has no memory. */
static inline int mt_lines_no_memory(mt_error *error) {
    return mt_failed(mt_fail_memory(error, "log reader"));
}

/* A string as a text, in *to, which grows. An empty span, or no string, is none. 0, or -1
 * (memory). */
int mt_lines_text(mt_span value, char **to, size_t *capacity, mt_span *text, mt_error *error);

/* A name (mt_lines_is_name) as the token of a session, in *to, which grows. 0, or -1 (memory). */
int mt_lines_token(mt_span value, char **to, size_t *capacity, mt_span *token, mt_error *error);

/* The same token for a session that is had another time under the name: of time 2 "NAME/2", in *to, which grows.
 * The first time, 1, the token stays as it is. 0, or -1 (memory). */
int mt_lines_token_again(mt_span *token, uint32_t time, mt_text *to, mt_error *error);

/* Nothing but white space may follow the line's object, which ends at `at`. */
int mt_lines_end(mt_log *log, const mt_json *json, const char *at, uint64_t line, mt_error *error);

/* Is it a string or a number? Is it an object? */
int mt_lines_is_name(mt_span value);
int mt_lines_is_object(mt_span value);

#endif
