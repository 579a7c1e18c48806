/* Requests in memory as a source. */
#include "trace/source/kind.h"

typedef struct columns_source {
    mt_source base;
    mt_columns *columns;
    size_t at;
} columns_source;

static int columns_next(mt_source *source, mt_request *request, mt_error *error) {
    columns_source *self = (columns_source *)source;
    (void)error;
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
    const mt_columns *columns = ((const columns_source *)source)->columns;
    return columns->origin ? columns->origin : "columns";
}

static const mt_source_kind columns_kind = {
    .next = columns_next, .release = columns_release, .name = columns_name};

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
