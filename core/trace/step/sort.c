/* External merge sort (Knuth, "The art of computer programming", volume 3, 5.4): as much as may lie
 * in memory is sorted at a time; the runs go to a temporary file and are merged from there. Equal
 * times keep their order: within a run by place, between runs by the run's number. */
#include "trace/step/steps.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"
#include "trace/source/batch.h"
#include "trace/step/by_time.h"
#include "trace/source/scratch.h"
#include "trace/source/kind.h"

#include <string.h>

static const size_t default_memory = (size_t)128 << 20;

typedef struct sort_run {
    mt_cursor cursor;
    mt_request request; /* the next one */
} sort_run;

typedef struct sort_step {
    mt_source base;
    size_t memory;
    int has_begun;
    int64_t last_ns;     /* of the last request that had a time */
    mt_columns *columns; /* those below: their requests stay there. NULL: below is no such source */
    mt_batch batch;      /* else requests not yet written to a run */
    mt_timed *entries;   /* a place is where the request lies in the batch or the columns */
    size_t count, entry_capacity, at;
    mt_scratch *scratch; /* NULL: all of it lies in memory */
    sort_run *runs;
    size_t run_count, run_capacity;
    mt_by_time order; /* of the runs */
    int is_ahead;     /* the run that comes next has given its request */
} sort_step;

/* ---- one run in memory ---- */

/* Writes the sorted batch behind what the file has, gathered into larger pieces. */
static mt_code write_sorted(sort_step *self, mt_error *error) {
    enum { PIECE = 1 << 18 };
    char *piece = NULL;
    size_t used = 0, capacity = 0;
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < self->batch.count; i++) {
        mt_request request;
        const char *from = self->batch.bytes + self->entries[i].place;
        size_t size = mt_unpack(from, &request);
        if (used > 0 && used + size > PIECE) {
            code = mt_scratch_append(self->scratch, piece, used, error);
            used = 0;
        }
        if (MT_GROW(piece, capacity, size > PIECE ? size : PIECE) != 0)
            code = mt_fail_memory(error, "sorting");
        if (code == MT_OK) {
            memcpy(piece + used, from, size);
            used += size;
        }
    }
    if (code == MT_OK)
        code = mt_scratch_append(self->scratch, piece, used, error);
    mt_free(piece);
    return code;
}

/* Makes a run of the batch. */
static mt_code write_run(sort_step *self, mt_error *error) {
    mt_code code = mt_sort_by_time(self->entries, self->count, error);
    if (code != MT_OK)
        return code;
    if (!self->scratch && !(self->scratch = mt_scratch_open(error)))
        return mt_code_of(error);
    if (MT_GROW(self->runs, self->run_capacity, self->run_count + 1) != 0)
        return mt_fail_memory(error, "sorting");
    uint64_t begin = mt_scratch_size(self->scratch);
    code = write_sorted(self, error);
    if (code != MT_OK)
        return code;
    self->runs[self->run_count++] =
        (sort_run){.cursor = {.at = begin, .end = mt_scratch_size(self->scratch)}};
    mt_batch_clear(&self->batch);
    self->count = 0;
    return MT_OK;
}

/* ---- the runs together ---- */

/* The next request of a run; one without a time keeps the time of the one before it, which lies in
 * the same run unless the trace begins with it: then its time comes before all. */
static int read_next(sort_step *self, mt_due *due, mt_error *error) {
    sort_run *run = &self->runs[due->number];
    int status = mt_cursor_next(&run->cursor, self->scratch, &run->request, error);
    if (status > 0 && run->request.has & MT_HAS_TIME)
        due->time_ns = run->request.time_ns;
    return status;
}

static mt_code begin_merging(sort_step *self, mt_error *error) {
    for (size_t i = 0; i < self->run_count; i++) {
        mt_due due = {INT64_MIN, i};
        if (read_next(self, &due, error) < 0)
            return mt_code_of(error);
        if (mt_by_time_push(&self->order, due) != 0)
            return mt_fail_memory(error, "sorting");
    }
    return MT_OK;
}

static int next_merged(sort_step *self, mt_request *request, mt_error *error) {
    if (self->is_ahead) {
        mt_due *due = &self->order.items[0];
        int status = read_next(self, due, error);
        if (status < 0)
            return -1;
        if (status == 0)
            mt_cursor_free(&self->runs[due->number].cursor);
        mt_by_time_advance(&self->order, status);
    }
    self->is_ahead = self->order.count > 0;
    if (!self->is_ahead)
        return 0;
    *request = self->runs[self->order.items[0].number].request;
    return 1;
}

/* ---- the step ---- */

static mt_code add_entry(sort_step *self, unsigned has, int64_t time_ns, size_t place,
                         mt_error *error) {
    if (MT_GROW(self->entries, self->entry_capacity, self->count + 1))
        return mt_fail_memory(error, "sorting");
    if (has & MT_HAS_TIME)
        self->last_ns = time_ns;
    self->entries[self->count++] = (mt_timed){self->last_ns, place};
    return MT_OK;
}

/* Columns below need only be told their order. */
static mt_code read_columns(sort_step *self, mt_error *error) {
    const int64_t *times = self->columns->time_ns.data;
    mt_code code = MT_OK;
    for (size_t i = 0; i < self->columns->count && code == MT_OK; i++)
        code = add_entry(self, mt_columns_has(self->columns, i), times ? times[i] : 0, i, error);
    return code == MT_OK ? mt_sort_by_time(self->entries, self->count, error) : code;
}

static mt_code add(sort_step *self, const mt_request *request, mt_error *error) {
    size_t bytes = self->batch.used + self->batch.count * sizeof(mt_timed);
    if (bytes > self->memory && request->has & MT_HAS_TIME) {
        mt_code code = write_run(self, error);
        if (code != MT_OK)
            return code;
    }
    mt_code code = add_entry(self, request->has, request->time_ns, self->batch.used, error);
    return code == MT_OK ? mt_batch_add(&self->batch, request, error) : code;
}

static mt_code read_all(sort_step *self, mt_error *error) {
    mt_request request;
    int status;
    mt_code code = MT_OK;
    self->columns = mt_source_columns_of(self->base.below);
    if (self->columns)
        return read_columns(self, error);
    while (code == MT_OK && (status = mt_source_next(self->base.below, &request, error)) > 0)
        code = add(self, &request, error);
    if (code != MT_OK || status < 0)
        return code != MT_OK ? code : mt_code_of(error);
    if (!self->scratch)
        return mt_sort_by_time(self->entries, self->count, error);
    if (self->batch.count > 0)
        code = write_run(self, error);
    mt_batch_free(&self->batch);
    return code == MT_OK ? begin_merging(self, error) : code;
}

static int sort_next(mt_source *source, mt_request *request, mt_error *error) {
    sort_step *self = (sort_step *)source;
    if (!self->has_begun && read_all(self, error) != MT_OK)
        return -1;
    self->has_begun = 1;
    if (self->scratch)
        return next_merged(self, request, error);
    if (mt_interrupted())
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    if (self->at == self->count)
        return 0;
    size_t place = self->entries[self->at++].place;
    if (self->columns) {
        mt_columns_prefetch(self->columns, place + 16);
        mt_columns_get(self->columns, place, request);
    } else
        mt_unpack(self->batch.bytes + place, request);
    return 1;
}

static void sort_release(mt_source *source) {
    sort_step *self = (sort_step *)source;
    for (size_t i = 0; i < self->run_count; i++)
        mt_cursor_free(&self->runs[i].cursor);
    mt_free(self->runs);
    mt_free(self->order.items);
    mt_free(self->entries);
    mt_batch_free(&self->batch);
    mt_scratch_close(self->scratch);
}

static const mt_source_kind sort_kind = {.next = sort_next, .release = sort_release};

mt_source *mt_step_sort(mt_source *below, size_t memory, mt_error *error) {
    sort_step *self = (sort_step *)mt_source_over(below, &sort_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->memory = memory ? memory : default_memory;
    self->last_ns = INT64_MIN;
    return &self->base;
}
