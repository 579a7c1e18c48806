#include "drive/rows.h"

#include "base/memory.h"

#include <string.h>

static char *copy_span(mt_span *span, char *at) {
    if (span->length > 0)
        memcpy(at, span->text, span->length);
    span->text = at;
    return at + span->length;
}

mt_row *mt_row_copy(const mt_request *request) {
    size_t ids = request->hash_count * sizeof *request->hash_ids;
    size_t bytes = sizeof(mt_row) + ids + request->session.length + request->stream.length +
                   request->extra.length;
    mt_row *row = mt_allocate(1, bytes);
    if (!row)
        return NULL;
    memset(row, 0, sizeof *row);
    row->due_ns = row->base_ns = MT_NEVER;
    row->request = *request;
    row->bytes = bytes;
    char *at = (char *)(row + 1);
    if (ids > 0)
        memcpy(at, request->hash_ids, ids);
    row->request.hash_ids = (const uint64_t *)(void *)at;
    row->request.ids_text = (mt_ids_text){.ids = NULL};
    at = copy_span(&row->request.session, at + ids);
    at = copy_span(&row->request.stream, at);
    copy_span(&row->request.extra, at);
    return row;
}
