#include "trace/source/batch.h"

#include "base/memory.h"

#include <string.h>

enum { ALIGNMENT = 8 };

size_t mt_packed_size(const mt_request *request) {
    size_t texts = request->session.length + request->stream.length + request->extra.length;
    size_t bytes = sizeof *request + request->hash_count * sizeof *request->hash_ids + texts;
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static char *pack_bytes(const void *from, size_t bytes, char *to) {
    if (bytes > 0)
        memcpy(to, from, bytes);
    return to + bytes;
}

void mt_pack(const mt_request *request, char *to) {
    to = pack_bytes(request, sizeof *request, to);
    to = pack_bytes(request->hash_ids, request->hash_count * sizeof *request->hash_ids, to);
    to = pack_bytes(request->session.text, request->session.length, to);
    to = pack_bytes(request->stream.text, request->stream.length, to);
    pack_bytes(request->extra.text, request->extra.length, to);
}

size_t mt_unpack(const char *from, mt_request *request) {
    memcpy(request, from, sizeof *request);
    const char *at = from + sizeof *request;
    request->hash_ids = (const uint64_t *)(const void *)at;
    request->ids_text = (mt_ids_text){.ids = NULL};
    at += request->hash_count * sizeof *request->hash_ids;
    request->session.text = at;
    at += request->session.length;
    request->stream.text = at;
    at += request->stream.length;
    request->extra.text = at;
    return mt_packed_size(request);
}

mt_code mt_batch_add(mt_batch *batch, const mt_request *request, mt_error *error) {
    size_t size = mt_packed_size(request);
    if (MT_GROW(batch->places, batch->place_capacity, batch->count + 1) ||
        MT_GROW(batch->bytes, batch->capacity, batch->used + size))
        return mt_fail_memory(error, "requests looked at together");
    mt_pack(request, batch->bytes + batch->used);
    batch->places[batch->count++] = batch->used;
    batch->used += size;
    return MT_OK;
}

void mt_batch_get(const mt_batch *batch, size_t i, mt_request *request) {
    mt_unpack(batch->bytes + batch->places[i], request);
}

void mt_batch_clear(mt_batch *batch) {
    batch->count = batch->used = 0;
}

void mt_batch_free(mt_batch *batch) {
    mt_free(batch->bytes);
    mt_free(batch->places);
    *batch = (mt_batch){0};
}

mt_code mt_ahead_look(mt_ahead *ahead, mt_source *below, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    while (ahead->batch.count < MT_AHEAD_REQUESTS && ahead->batch.used < MT_AHEAD_BYTES) {
        int status = mt_source_next(below, &request, report);
        if (status < 0 && report->code == MT_ERROR_INPUT && ahead->batch.count > 0) {
            ahead->has_failed = 1;
            ahead->failure = *report;
            break;
        }
        if (status < 0)
            return report->code;
        if (status == 0)
            break;
        mt_code code = mt_batch_add(&ahead->batch, &request, report);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

int mt_ahead_next(mt_ahead *ahead, mt_source *below, mt_request *request, mt_error *error) {
    if (ahead->at < ahead->batch.count) {
        mt_batch_get(&ahead->batch, ahead->at++, request);
        return 1;
    }
    if (ahead->batch.bytes)
        mt_batch_free(&ahead->batch);
    ahead->at = 0;
    if (ahead->has_failed) {
        if (error)
            *error = ahead->failure;
        return -1;
    }
    return mt_source_next(below, request, error);
}
