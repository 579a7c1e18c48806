/* Requests packed one after the other in memory: what a step keeps that must look at several before
 * it can pass on the first. */
#ifndef MT_TRACE_SOURCE_BATCH_H
#define MT_TRACE_SOURCE_BATCH_H

#include "base/error.h"
#include "trace/source/source.h"

/* Bytes that mt_pack writes for the request, a multiple of 8. */
size_t mt_packed_size(const mt_request *request);

/* The request and all it points to, to `to`, aligned to 8 bytes. For this process only. */
void mt_pack(const mt_request *request, char *to);

/* What mt_pack wrote, pointing into `from`; returns its size. */
size_t mt_unpack(const char *from, mt_request *request);

/* Zero it, add requests, free it. */
typedef struct mt_batch {
    char *bytes;
    size_t used, capacity;
    size_t *places; /* of each request in bytes */
    size_t count, place_capacity;
} mt_batch;

/* Appends a copy of *request. MT_ERROR_MEMORY leaves the batch as it was. */
mt_code mt_batch_add(mt_batch *batch, const mt_request *request, mt_error *error);

/* Request i (0-based, i < count); valid until the next add or clear. */
void mt_batch_get(const mt_batch *batch, size_t i, mt_request *request);

/* Forgets the requests, keeps the memory. */
void mt_batch_clear(mt_batch *batch);

void mt_batch_free(mt_batch *batch);

/* Looking ahead: the first requests of a source are read before the first is passed on. */
typedef struct mt_ahead {
    mt_batch batch;
    size_t at;
    int has_failed; /* the source, behind those requests */
    mt_error failure;
} mt_ahead;

/* So many at most, and so many bytes of them. */
enum { MT_AHEAD_REQUESTS = 20000, MT_AHEAD_BYTES = 1 << 26 };

/* Reads the first requests of `below` into ahead->batch. A bad line among them is reported in its place, by
 * mt_ahead_next; another failure at once. */
mt_code mt_ahead_look(mt_ahead *ahead, mt_source *below, mt_error *error);

/* mt_source_next of `below`, those looked at first. */
int mt_ahead_next(mt_ahead *ahead, mt_source *below, mt_request *request, mt_error *error);

#endif
