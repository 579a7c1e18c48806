#include "trace/source/source.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/blocks.h"
#include "trace/source/kind.h"

#include <stdarg.h>
#include <stdio.h>

mt_source *mt_source_new(const mt_source_kind *kind, size_t size, mt_error *error) {
    mt_source *source = mt_allocate_zero(1, size);
    if (!source)
        mt_fail_memory(error, "source of requests");
    else
        source->kind = kind;
    return source;
}

mt_source *mt_source_over(mt_source *below, const mt_source_kind *kind, size_t size,
                          mt_error *error) {
    mt_source *source = below ? mt_source_new(kind, size, error) : NULL;
    if (source)
        source->below = below;
    else
        mt_source_free(below);
    return source;
}

mt_source *mt_source_refuse(mt_source *below, mt_error *error, const char *format, ...) {
    char message[MT_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (below) /* else it has failed before, and *error says how */
        mt_fail(error, MT_ERROR_VALUE, "%s", message);
    mt_source_free(below);
    return NULL;
}

int mt_source_place(const mt_source *source, const mt_request *request, mt_error *error) {
    if (error) {
        error->line = request ? request->line : 0;
        snprintf(error->source, sizeof error->source, "%s", mt_source_name(source));
    }
    return -1;
}

int mt_source_fail(const mt_source *source, const mt_request *request, mt_error *error,
                   mt_code code, const char *format, ...) {
    char message[MT_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    mt_fail(error, code, "%s", message);
    return mt_source_place(source, request, error);
}

int mt_source_check_blocks(const mt_source *source, const mt_request *request, uint64_t block_size,
                           mt_error *error) {
    mt_error misfit;
    if (mt_check_blocks(request, block_size, &misfit) == MT_OK)
        return 0;
    return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                          "%s (--block-size must be the trace's; --fit-ids cuts or adds ids)",
                          misfit.message);
}

int mt_source_next(mt_source *source, mt_request *request, mt_error *error) {
    return source->kind->next(source, request, error);
}

const char *mt_source_name(const mt_source *source) {
    while (!source->kind->name)
        source = source->below;
    return source->kind->name(source);
}

uint64_t mt_source_skipped(const mt_source *source, mt_error *first) {
    while (!source->kind->skipped)
        source = source->below;
    return source->kind->skipped(source, first);
}

mt_code mt_source_collect(mt_source *source, mt_columns *columns, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    int status;
    while ((status = mt_source_next(source, &request, report)) > 0) {
        mt_code code = mt_columns_append(columns, &request, report);
        if (code != MT_OK)
            return code;
    }
    return status < 0 ? report->code : MT_OK;
}

void mt_source_free(mt_source *source) {
    while (source) {
        mt_source *below = source->below;
        if (source->kind->release)
            source->kind->release(source);
        mt_free(source);
        source = below;
    }
}

/* ---- a reader -------------------------------------------------------------------------------- */

typedef struct reader_source {
    mt_source base;
    mt_trace_reader *reader;
} reader_source;

static int reader_next(mt_source *source, mt_request *request, mt_error *error) {
    return mt_trace_next(((reader_source *)source)->reader, request, error);
}

static void reader_release(mt_source *source) {
    mt_trace_close(((reader_source *)source)->reader);
}

static const char *reader_name(const mt_source *source) {
    return mt_trace_name(((const reader_source *)source)->reader);
}

static uint64_t reader_skipped(const mt_source *source, mt_error *first) {
    return mt_trace_skipped(((const reader_source *)source)->reader, first);
}

static const mt_source_kind reader_kind = {reader_next, reader_release, reader_name,
                                           reader_skipped};

mt_source *mt_source_reader(mt_trace_reader *reader, mt_error *error) {
    reader_source *self = (reader_source *)mt_source_new(&reader_kind, sizeof *self, error);
    if (!self) {
        mt_trace_close(reader);
        return NULL;
    }
    self->reader = reader;
    return &self->base;
}

/* ---- columns --------------------------------------------------------------------------------- */

typedef struct columns_source {
    mt_source base;
    mt_columns *columns;
    size_t at;
} columns_source;

static int columns_next(mt_source *source, mt_request *request, mt_error *error) {
    columns_source *self = (columns_source *)source;
    if (mt_interrupted())
        return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"), -1;
    if (self->at >= self->columns->count)
        return 0;
    mt_columns_prefetch(self->columns, self->at + 16);
    mt_columns_get(self->columns, self->at++, request);
    return 1;
}

/* Columns that were emptied meanwhile count no readers. */
static void columns_release(mt_source *source) {
    mt_columns *columns = ((columns_source *)source)->columns;
    if (columns->readers > 0)
        columns->readers--;
}

static const char *columns_name(const mt_source *source) {
    (void)source;
    return "columns";
}

static uint64_t columns_skipped(const mt_source *source, mt_error *first) {
    (void)source;
    if (first)
        *first = (mt_error){0};
    return 0;
}

static const mt_source_kind columns_kind = {columns_next, columns_release, columns_name,
                                            columns_skipped};

mt_source *mt_source_columns(mt_columns *columns, mt_error *error) {
    columns_source *self = (columns_source *)mt_source_new(&columns_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->columns = columns;
    columns->readers++;
    return &self->base;
}

mt_columns *mt_source_columns_of(const mt_source *source) {
    const columns_source *self = (const columns_source *)source;
    return source->kind == &columns_kind && self->at == 0 ? self->columns : NULL;
}
