/* What the logs of JSON objects of any size share (text/json_list.h): values in them, with messages about those
 * that are not as they must be, at their line and column. What returns an int gives 0, or -1 with the error
 * filled; bad values are bad rows (mt_log_bad_row). Private to this folder. */
#ifndef MT_TRACE_LOG_OBJECTS_H
#define MT_TRACE_LOG_OBJECTS_H

#include "text/json_list.h"
#include "trace/log/kind.h"

/* The message about what stands at `at` in the object read last. -1. */
int mt_objects_bad(mt_log *log, mt_json_list *list, const char *at, mt_error *error,
                   const char *message);

/* Adds the place to what is wrong with the object's JSON, whose walk has filled the error. -1. */
int mt_objects_bad_json(mt_log *log, mt_json_list *list, mt_error *error);

/* The value as a whole number of at least 0; as a time in the log's unit; as a duration of at least 0, of units
 * that 10^digits nanoseconds are one of: both in nanoseconds. An empty span is a missing one, of the object at
 * `at`: "NAME is missing", "NAME must be WANT, not VALUE". */
int mt_objects_count(mt_log *log, mt_json_list *list, const char *at, mt_span value,
                     const char *name, uint64_t *count, mt_error *error);
int mt_objects_time(mt_log *log, mt_json_list *list, const char *at, mt_span value,
                    const char *name, int64_t *nanoseconds, mt_error *error);
int mt_objects_duration(mt_log *log, mt_json_list *list, const char *at, mt_span value,
                        const char *name, int digits, int64_t *nanoseconds, mt_error *error);

/* Is the prompt not too large? */
int mt_objects_check_prompt(mt_log *log, mt_json_list *list, const char *at, uint64_t tokens,
                            mt_error *error);

#endif
