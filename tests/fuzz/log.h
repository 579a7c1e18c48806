/* What holds of the rows of any log, for the fuzz targets of logs. Whether bad rows are passed over or
 * end it makes no difference to the rows before; and no row is impossible. */
#ifndef FUZZ_LOG_H
#define FUZZ_LOG_H

#include "fuzz.h"

#include "trace/log/log.h"

static inline void check_row(const mt_log_row *row) {
    const mt_request *request = &row->request;
    check(request->has & MT_HAS_INPUT_LENGTH);
    check(request->line > 0);
    uint64_t seen = 0;
    for (size_t i = 0; i < request->hash_count; i++) /* all of them can be read */
        seen ^= request->hash_ids[i];
    check(request->hash_count > 0 || seen == 0);
}

static inline void check_same_row(const mt_log_row *a, const mt_log_row *b) {
    check(a->index == b->index && a->request.has == b->request.has &&
          a->request.line == b->request.line && a->request.time_ns == b->request.time_ns &&
          a->request.input_length == b->request.input_length &&
          a->request.output_length == b->request.output_length &&
          a->request.hash_count == b->request.hash_count);
}

/* The bytes as a log, which is opened as the options say. */
static inline void check_log(const uint8_t *data, size_t size, const mt_log_options *strict) {
    mt_error error = {0}, skipping = {0}, first = {0};
    mt_log_options lenient = *strict;
    lenient.skip_bad_rows = 1;
    int file = file_of(data, size);
    mt_log *log = mt_log_open(path_of(file), strict, &error);
    mt_log *passing = mt_log_open(path_of(file), &lenient, &skipping);
    check(!log == !passing);
    check(log ||
          ((error.code == MT_ERROR_INPUT || error.code == MT_ERROR_VALUE) && error.message[0]));
    if (log) {
        mt_log_row row, other;
        uint64_t rows = 0;
        int status, more = 1;
        while ((status = mt_log_next(log, &row, &error)) > 0) {
            check_row(&row);
            check(mt_log_next(passing, &other, &skipping) == 1);
            check_same_row(&row, &other);
            rows++;
        }
        check(status == 0 || (error.code == MT_ERROR_INPUT && error.line > 0 && error.message[0]));
        while ((more = mt_log_next(passing, &other, &skipping)) > 0) {
            check_row(&other);
            rows++;
        }
        uint64_t bad = mt_log_skipped(passing, &first);
        check(status < 0 || (more == 0 && bad == 0));
        check(more < 0 || mt_log_facts_of(passing).rows == rows + bad);
        check(bad == 0 || (first.line == error.line && first.column == error.column));
    }
    mt_log_close(log);
    mt_log_close(passing);
    close(file);
}

#endif
