#include "trace/log/source.h"

#include "base/memory.h"
#include "base/text.h"
#include "hash/ids.h"
#include "text/json.h"
#include "text/texts.h"
#include "trace/log/kind.h"
#include "trace/log/waits.h"
#include "trace/member.h"
#include "trace/source/kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Values of a filtered column that are remembered, and shown. */
enum { MOST_VALUES = 1000, SHOWN_VALUES = 8, QUOTE_SIZE = 48, LIST_SIZE = 320 };

/* Rows with one value of a column. */
typedef struct row_filter {
    char *wanted; /* NULL: all values */
    size_t length;
    mt_texts others; /* values that were refused */
} row_filter;

typedef struct log_source {
    mt_source base;
    mt_log *log;
    mt_log_wanted rows; /* its texts are in the filters */
    row_filter model, type;
    mt_log_summary summary;
    int64_t before_ns; /* time of the request before */
    uint64_t *ids;     /* made other ones than another log's */
    size_t id_capacity;
    mt_text
        members; /* of the request that was given last: those of the row and its model and type */
    char *value; /* one of these as JSON */
    size_t value_capacity;
    mt_waits waits; /* of the rows that were given, where the kind has some */
    int are_waits_checked;
} log_source;

/* Is the row with this value wanted? 1, 0, -1 (memory). */
static int passes(row_filter *filter, mt_span value) {
    uint32_t number;
    if (!filter->wanted ||
        (value.length == filter->length && memcmp(value.text, filter->wanted, value.length) == 0))
        return 1;
    return filter->others.count < MOST_VALUES &&
                   mt_texts_intern(&filter->others, value.text, value.length, &number) != 0
               ? -1
               : 0;
}

/* Is the row one of those to be given? 1, 0, -1 (memory). */
static int is_kept(log_source *self, const mt_log_row *row) {
    mt_log_summary *so_far = &self->summary;
    int status = passes(&self->model, row->model);
    if (status <= 0)
        return status;
    so_far->of_model++;
    status = passes(&self->type, row->log_type);
    if (status <= 0 || so_far->of_type++ < self->rows.skip)
        return status < 0 ? -1 : 0;
    so_far->after_skip++;
    return so_far->kept < self->rows.limit;
}

static void note_time(log_source *self, const mt_request *request) {
    mt_log_summary *so_far = &self->summary;
    int64_t time = request->time_ns;
    int is_first = so_far->timed++ == 0;
    if (is_first || time < so_far->first_ns)
        so_far->first_ns = time;
    if (is_first || time > so_far->last_ns)
        so_far->last_ns = time;
    if (!is_first && time < self->before_ns && so_far->backwards++ == 0)
        so_far->backwards_line = request->line;
    self->before_ns = time;
}

static mt_code rename_ids(log_source *self, mt_request *request, mt_error *error) {
    if (MT_GROW(self->ids, self->id_capacity, request->hash_count) != 0)
        return mt_fail_memory(error, "hash ids of a log");
    for (size_t i = 0; i < request->hash_count; i++)
        self->ids[i] = mt_key_number((mt_key){self->rows.number, 0}, request->hash_ids[i]).low;
    request->hash_ids = self->ids;
    return MT_OK;
}

/* Adds what a column of the row said as a member of the request. One that says nothing, or is no UTF-8, is
 * left out, and so is one that the request has already. 0 or -1 (memory). */
static int add_member(log_source *self, mt_request *request, const char *name, mt_span value) {
    enum { LONGEST_ESCAPE = 6 };
    if (value.length == 0 || mt_request_member(request, name).length > 0)
        return 0;
    if (MT_GROW(self->value, self->value_capacity, LONGEST_ESCAPE * value.length + 2) != 0)
        return -1;
    size_t length = mt_json_encode(value.text, value.length, self->value);
    mt_json quiet = {self->value, self->value + length, NULL};
    if (!mt_json_string(&quiet, self->value))
        return 0;
    mt_text *members = &self->members;
    if (request->extra.length == 0 || request->extra.text != members->bytes) {
        members->length = 0;
        if (mt_text_add(members, request->extra.text, request->extra.length) != 0)
            return -1;
    }
    if ((members->length > 0 && mt_text_add(members, ", ", 2) != 0) ||
        mt_text_add(members, "\"", 1) != 0 || mt_text_add(members, name, strlen(name)) != 0 ||
        mt_text_add(members, "\": ", 3) != 0 || mt_text_add(members, self->value, length) != 0)
        return -1;
    request->extra = (mt_span){members->bytes, members->length};
    return 0;
}

/* Names must be there, and nobody may wait for himself: known at the end. */
static int check_waits(log_source *self, mt_error *error) {
    mt_error problem;
    if (self->are_waits_checked || !self->log->kind->has_waits)
        return 0;
    self->are_waits_checked = 1;
    if (mt_waits_check(&self->waits, &problem) == MT_OK)
        return 0;
    if (problem.code != MT_ERROR_INPUT) {
        if (error)
            *error = problem;
        return -1;
    }
    mt_fail_at(error, MT_ERROR_INPUT, self->log->name, problem.line, 0, "%s%s", problem.message,
               self->summary.kept < self->log->rows
                   ? " (rows that are left out are not there: convert all of them, then moontide "
                     "cat --where)"
                   : "");
    return -1;
}

static int note_waits(log_source *self, const mt_request *request, mt_error *error) {
    mt_error problem;
    if (!self->log->kind->has_waits || mt_waits_add(&self->waits, request, &problem) == MT_OK)
        return 0;
    if (problem.code == MT_ERROR_INPUT)
        mt_fail_at(error, MT_ERROR_INPUT, self->log->name, request->line, 0, "%s", problem.message);
    else if (error)
        *error = problem;
    return -1;
}

static int log_next(mt_source *source, mt_request *request, mt_error *error) {
    log_source *self = (log_source *)source;
    mt_log_row row;
    int status, kept = 0;
    while (!kept && (status = mt_log_next(self->log, &row, error)) > 0) {
        kept = is_kept(self, &row);
        if (kept < 0)
            return mt_failed(mt_fail_memory(error, "values of a log's column"));
    }
    if (!kept)
        return status == 0 ? check_waits(self, error) : status;
    *request = row.request;
    request->place = self->rows.rows_before + row.index + 1;
    self->summary.kept++;
    /* What is a type there already is the row's own member. */
    mt_span type = mt_request_member(request, "type").length > 0 ? (mt_span){"", 0} : row.log_type;
    if (add_member(self, request, "model", row.model) != 0 ||
        add_member(self, request, "log_type", type) != 0)
        return mt_failed(mt_fail_memory(error, "members of a log's row"));
    if (note_waits(self, request, error) != 0)
        return -1;
    if (request->has & MT_HAS_TIME)
        note_time(self, request);
    if (self->rows.in_order && self->summary.backwards > 0)
        return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                              "earlier than the row before it: without --in-order rows are sorted");
    if (self->rows.number > 0 && request->hash_count > 0 && !self->log->ids_are_of_texts &&
        rename_ids(self, request, error) != MT_OK)
        return -1;
    return 1;
}

static void log_release(mt_source *source) {
    log_source *self = (log_source *)source;
    mt_log_close(self->log);
    mt_free(self->model.wanted);
    mt_free(self->type.wanted);
    mt_texts_free(&self->model.others);
    mt_texts_free(&self->type.others);
    mt_free(self->ids);
    mt_free(self->members.bytes);
    mt_free(self->value);
    mt_waits_free(&self->waits);
}

static const char *log_name(const mt_source *source) {
    return ((const log_source *)source)->log->name;
}

static uint64_t log_skipped(const mt_source *source, mt_error *first) {
    return mt_log_skipped(((const log_source *)source)->log, first);
}

static const mt_source_kind log_kind = {
    .next = log_next, .release = log_release, .name = log_name, .skipped = log_skipped};

/* Filters by a column that the log has. */
static mt_code open_filter(const mt_log *log, row_filter *filter, const char *value,
                           const char *what, int is_there, mt_error *error) {
    if (!value)
        return MT_OK;
    if (!is_there)
        return mt_fail_at(error, MT_ERROR_INPUT, log->name, 0, 0,
                          "the log (%s) has no column of %ss to filter by", log->kind->format.name,
                          what);
    filter->length = strlen(value);
    filter->wanted = mt_copy_text(value, filter->length);
    return filter->wanted ? MT_OK : mt_fail_memory(error, "filter of a log's rows");
}

mt_source *mt_source_log(mt_log *log, const mt_log_wanted *wanted, mt_error *error) {
    log_source *self = (log_source *)mt_source_new(&log_kind, sizeof *self, error);
    if (!self) {
        mt_log_close(log);
        return NULL;
    }
    self->log = log;
    self->rows = *wanted;
    if (open_filter(log, &self->model, wanted->model, "model", log->has_model, error) == MT_OK &&
        open_filter(log, &self->type, wanted->log_type, "log type", log->has_type, error) == MT_OK)
        return &self->base;
    mt_source_free(&self->base);
    return NULL;
}

static const log_source *find(const mt_source *source) {
    while (source && source->kind != &log_kind)
        source = source->below;
    return (const log_source *)source;
}

const mt_log *mt_source_log_of(const mt_source *source, mt_log_summary *summary) {
    const log_source *self = find(source);
    if (!self)
        return NULL;
    *summary = self->summary;
    summary->rows = self->log->rows;
    return self->log;
}

/* "'a', 'b' and 3 more": the first values, with "at least" where not all were remembered. */
static void list_values(const mt_texts *values, char *buffer, size_t size) {
    size_t used = 0, shown = values->count < SHOWN_VALUES ? values->count : SHOWN_VALUES;
    buffer[0] = '\0';
    for (size_t i = 0; i < shown && used < size; i++) {
        char quoted[QUOTE_SIZE];
        mt_span value = mt_texts_get(values, (uint32_t)i);
        mt_quote(value.text, value.length, quoted, sizeof quoted);
        used += (size_t)snprintf(buffer + used, size - used, "%s'%s'", i ? ", " : "", quoted);
    }
    if (values->count > shown && used < size)
        snprintf(buffer + used, size - used, " and %s%zu more",
                 values->count == MOST_VALUES ? "at least " : "", values->count - shown);
}

char *mt_source_log_nothing(const mt_source *source, char *buffer, size_t size) {
    char quoted[QUOTE_SIZE], listed[LIST_SIZE];
    mt_log_summary so_far = {0};
    const log_source *self = find(source);
    uint64_t bad = mt_log_skipped(mt_source_log_of(source, &so_far), NULL);
    const row_filter *filter = so_far.of_model == 0 ? &self->model : &self->type;
    if (so_far.rows == 0) {
        snprintf(buffer, size, "there are no rows");
    } else if (so_far.rows == bad) {
        snprintf(buffer, size, "all %" PRIu64 " rows are bad", bad);
    } else if (so_far.of_type == 0) {
        list_values(&filter->others, listed, sizeof listed);
        snprintf(buffer, size, "no row has the %s '%s'; there %s %s",
                 filter == &self->model ? "model" : "log type",
                 mt_quote(filter->wanted, filter->length, quoted, sizeof quoted),
                 filter->others.count == 1 ? "is" : "are", listed);
    } else {
        snprintf(buffer, size, "no row is left of %" PRIu64 ": the first %" PRIu64 " are skipped",
                 so_far.of_type, self->rows.skip);
    }
    return buffer;
}
