#include "trace/convert/conversion.h"

#include "base/memory.h"
#include "trace/convert/state.h"
#include "trace/step/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Values of a filtered column that are remembered, and shown. */
enum { MOST_VALUES = 1000, SHOWN_VALUES = 8, QUOTE_SIZE = 48, LIST_SIZE = 320 };

/* ---- making ---------------------------------------------------------------------------------- */

static int open_filter(mt_conversion_filter *filter, const char *wanted) {
    if (!wanted)
        return 0;
    filter->length = strlen(wanted);
    filter->wanted = mt_copy_text(wanted, filter->length);
    return filter->wanted ? 0 : -1;
}

mt_conversion *mt_conversion_new(const mt_conversion_options *options, mt_error *error) {
    mt_conversion *conversion = mt_allocate_zero(1, sizeof *conversion);
    if (conversion)
        conversion->options = *options;
    if (!conversion || open_filter(&conversion->model, options->model) != 0 ||
        open_filter(&conversion->log_type, options->log_type) != 0) {
        mt_conversion_free(conversion);
        mt_fail_memory(error, "conversion");
        return NULL;
    }
    return conversion;
}

static void close_filter(mt_conversion_filter *filter) {
    mt_free(filter->wanted);
    mt_texts_free(&filter->values);
}

void mt_conversion_free(mt_conversion *conversion) {
    if (!conversion)
        return;
    close_filter(&conversion->model);
    close_filter(&conversion->log_type);
    mt_columns_free(&conversion->rows);
    mt_free(conversion->name);
    mt_free(conversion->contents);
    mt_free(conversion->order);
    mt_met_twice_free(&conversion->met);
    mt_free(conversion->sessions);
    mt_big_free(&conversion->session_ids);
    mt_free(conversion->keys);
    mt_free(conversion->batch_ids);
    mt_ids_free(conversion->ids);
    mt_free(conversion);
}

/* ---- filters --------------------------------------------------------------------------------- */

/* Is the row with this value to be kept? 1, 0, -1 (memory). */
static int passes(mt_conversion_filter *filter, mt_span value) {
    if (!filter->wanted) {
        filter->kept++;
        return 1;
    }
    uint32_t number;
    if (value.length == filter->length && memcmp(value.text, filter->wanted, value.length) == 0) {
        filter->kept++;
        return 1;
    }
    if (filter->values.count < MOST_VALUES &&
        mt_texts_intern(&filter->values, value.text, value.length, &number) != 0)
        return -1;
    return 0;
}

static const char *list_values(const mt_texts *values, char *buffer, size_t size) {
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < values->count && i < SHOWN_VALUES; i++) {
        char quoted[QUOTE_SIZE];
        mt_span value = mt_texts_get(values, (uint32_t)i);
        mt_quote(value.text, value.length, quoted, sizeof quoted);
        used += (size_t)snprintf(buffer + used, size - used, "%s'%s'", i ? ", " : "", quoted);
        if (used >= size)
            return buffer;
    }
    if (values->count > SHOWN_VALUES)
        snprintf(buffer + used, size - used, " and %s%zu more",
                 values->count == MOST_VALUES ? "at least " : "", values->count - SHOWN_VALUES);
    return buffer;
}

static mt_code fail_filter(const mt_conversion_filter *filter, const char *what, mt_error *error) {
    char quoted[QUOTE_SIZE], listed[LIST_SIZE];
    return mt_fail(error, MT_ERROR_INPUT, "no row has the %s '%s'; there %s %s", what,
                   mt_quote(filter->wanted, filter->length, quoted, sizeof quoted),
                   filter->values.count == 1 ? "is" : "are",
                   list_values(&filter->values, listed, sizeof listed));
}

/* Why no row is left. */
static mt_code fail_empty(const mt_conversion *conversion, mt_error *error) {
    if (conversion->rows_found == 0)
        return mt_fail(error, MT_ERROR_INPUT, "there are no rows");
    if (conversion->rows_found == conversion->bad)
        return mt_fail(error, MT_ERROR_INPUT, "all %" PRIu64 " rows are bad", conversion->bad);
    if (conversion->model.kept == 0)
        return fail_filter(&conversion->model, "model", error);
    if (conversion->log_type.kept == 0)
        return fail_filter(&conversion->log_type, "log type", error);
    return mt_fail(error, MT_ERROR_INPUT,
                   "no row is left of %" PRIu64 ": the first %" PRIu64 " are skipped%s",
                   conversion->matched, conversion->options.skip,
                   conversion->options.limit == 0 ? ", and none is to be kept" : "");
}

/* ---- reading --------------------------------------------------------------------------------- */

static mt_code fail_column(const mt_log *log, const char *what, mt_error *error) {
    return mt_fail_at(error, MT_ERROR_INPUT, mt_log_name(log), 0, 0,
                      "the log (%s) has no column of %ss to filter by", mt_log_format(log), what);
}

mt_code mt_conversion_begin_log(mt_conversion *conversion, mt_log *log, mt_error *error) {
    uint64_t block_size = mt_log_block_size(log);
    if (conversion->model.wanted && !mt_log_has_model(log))
        return fail_column(log, "model", error);
    if (conversion->log_type.wanted && !mt_log_has_type(log))
        return fail_column(log, "log type", error);
    if (conversion->logs > 0 && block_size != conversion->block_size)
        return mt_fail(error, MT_ERROR_VALUE,
                       "%s: this log has blocks of %" PRIu64 " tokens, the one before of %" PRIu64
                       ": say the block size of all of them",
                       mt_log_name(log), block_size, conversion->block_size);
    conversion->block_size = block_size;
    conversion->log = log;
    conversion->log_first = conversion->rows.count;
    conversion->now =
        (mt_conversion_log){.begins_ns = conversion->end_ns, .ends_ns = conversion->end_ns};
    conversion->time_before = INT64_MIN;
    conversion->logs++;
    return MT_OK;
}

/* A session of the second log or a later one, renamed. 0 or -1 (memory). */
static int rename_session(mt_conversion *conversion, mt_request *request) {
    enum { NUMBER_BYTES = 24 };
    mt_span token = request->session;
    int is_string = token.text[0] == '"';
    void *name = conversion->name;
    int status = mt_reserve(&name, &conversion->name_capacity, token.length + NUMBER_BYTES, 1);
    conversion->name = name;
    if (status != 0)
        return -1;
    size_t used = (size_t)snprintf(conversion->name, NUMBER_BYTES, "\"%zu:", conversion->logs);
    size_t length = token.length - (is_string ? 1 : 0);
    memcpy(conversion->name + used, token.text + (is_string ? 1 : 0), length);
    used += length;
    if (!is_string)
        conversion->name[used++] = '"';
    request->session = (mt_span){conversion->name, used};
    return 0;
}

/* The contents of a later log that are ids of its own become other ones. 0 or -1 (memory). */
static int rename_contents(mt_conversion *conversion, mt_request *request) {
    void *contents = conversion->contents;
    int status = mt_reserve(&contents, &conversion->content_capacity, request->hash_count,
                            sizeof *conversion->contents);
    conversion->contents = contents;
    if (status != 0)
        return -1;
    for (size_t i = 0; i < request->hash_count; i++)
        conversion->contents[i] =
            mt_key_number((mt_key){conversion->logs, 0}, request->hash_ids[i]).low;
    request->hash_ids = conversion->contents;
    return 0;
}

/* Notes the row's time. */
static void note_time(mt_conversion *conversion, const mt_request *request, uint64_t line) {
    mt_conversion_log *now = &conversion->now;
    int64_t time = request->time_ns;
    if (!(request->has & MT_HAS_TIME))
        return;
    if (now->kept == 0 || time < now->first_ns)
        now->first_ns = time;
    if (now->kept == 0 || time > now->last_ns)
        now->last_ns = time;
    now->has_times = 1;
    if (time < conversion->time_before && now->backwards++ == 0)
        now->backwards_line = line;
    conversion->time_before = time;
}

static mt_code keep(mt_conversion *conversion, mt_log_row *row, mt_error *error) {
    mt_request *request = &row->request;
    int failed = 0;
    if (conversion->options.no_sessions)
        request->has &= ~(unsigned)MT_HAS_SESSION;
    if (conversion->logs > 1) {
        if (request->has & MT_HAS_SESSION)
            failed = rename_session(conversion, request) != 0;
        if (!failed && request->hash_count > 0 && !mt_log_contents_are_texts(conversion->log))
            failed = rename_contents(conversion, request) != 0;
    }
    if (failed)
        return mt_fail_memory(error, "conversion");
    note_time(conversion, request, request->line);
    request->line = conversion->places + row->index + 1;
    conversion->now.kept++;
    return mt_columns_append(&conversion->rows, request, error);
}

static mt_code take(mt_conversion *conversion, mt_log_row *row, mt_error *error) {
    int kept = passes(&conversion->model, row->model);
    if (kept > 0)
        kept = passes(&conversion->log_type, row->log_type);
    if (kept < 0)
        return mt_fail_memory(error, "conversion");
    if (kept == 0)
        return MT_OK;
    uint64_t place = conversion->matched++;
    if (place < conversion->options.skip || conversion->rows.count >= conversion->options.limit)
        return MT_OK;
    return keep(conversion, row, error);
}

mt_code mt_conversion_read(mt_conversion *conversion, uint64_t most, uint64_t *taken,
                           mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_log_row row;
    for (*taken = 0; *taken < most; ++*taken) {
        int status = mt_log_next(conversion->log, &row, report);
        if (status == 0)
            return MT_OK;
        if (status < 0)
            return report->code;
        mt_code code = take(conversion, &row, report);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Divides the log's times by the speed and moves them behind the logs before. */
static mt_code move_times(mt_conversion *conversion, double speed, mt_error *error) {
    mt_conversion_log *now = &conversion->now;
    int64_t *times = conversion->rows.time_ns.data;
    for (size_t i = conversion->log_first; i < conversion->rows.count; i++) {
        int64_t time;
        if (__builtin_sub_overflow(times[i], now->first_ns, &time) ||
            (speed != 1 && mt_scale_time(time, speed, &time) != 0) ||
            __builtin_add_overflow(time, conversion->end_ns, &time))
            return mt_fail(error, MT_ERROR_VALUE,
                           "%s: at a speed of %g, its times span more than 292 years",
                           mt_log_name(conversion->log), speed);
        times[i] = time;
        if (time > now->ends_ns)
            now->ends_ns = time;
    }
    conversion->end_ns = now->ends_ns;
    return MT_OK;
}

mt_code mt_conversion_end_log(mt_conversion *conversion, double speed, mt_conversion_log *summary,
                              mt_error *error) {
    mt_conversion_log *now = &conversion->now;
    now->rows = mt_log_rows(conversion->log);
    now->bad = mt_log_skipped(conversion->log, NULL);
    conversion->rows_found += now->rows;
    conversion->bad += now->bad;
    conversion->places += now->rows;
    if (conversion->log_first > 0 && now->kept > 0 && now->has_times != conversion->has_times)
        return mt_fail_at(error, MT_ERROR_INPUT, mt_log_name(conversion->log), 0, 0,
                          "a log with times and one without (sharegpt) cannot follow one another");
    if (now->kept > 0)
        conversion->has_times = now->has_times;
    if (now->has_times) {
        mt_code code = move_times(conversion, speed, error);
        if (code != MT_OK)
            return code;
    }
    conversion->is_unsorted |= now->backwards > 0;
    conversion->log = NULL;
    *summary = *now;
    return MT_OK;
}

mt_code mt_conversion_finish(mt_conversion *conversion, mt_error *error) {
    if (conversion->rows.count == 0)
        return fail_empty(conversion, error);
    return conversion->is_unsorted ? mt_conversion_sort(conversion, error) : MT_OK;
}
