#include "drive/rows.h"

#include "base/memory.h"
#include "text/json_items.h"

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
    at = copy_span(&row->request.session, at + ids);
    at = copy_span(&row->request.stream, at);
    copy_span(&row->request.extra, at);
    return row;
}

mt_span mt_row_member(const mt_request *request, const char *name) {
    mt_json json = {request->extra.text, request->extra.text + request->extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    if (request->extra.length == 0)
        return (mt_span){"", 0};
    mt_json_items_bare(&items, &json);
    while (mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, name))
            return item.value;
    return (mt_span){"", 0};
}
