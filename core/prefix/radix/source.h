/* What the radix method learns from a trace in one pass: the tree of its prefixes
 * (prefix/radix/radix.h), and the gaps between its arrivals. It is finished by finishing its tree,
 * immutable from then on, and shared by counting references. */
#ifndef MT_PREFIX_RADIX_SOURCE_H
#define MT_PREFIX_RADIX_SOURCE_H

#include "base/error.h"
#include "prefix/radix/radix.h"
#include "trace/record.h"

typedef struct mt_radix_source {
    size_t references;
    uint64_t block_size;
    mt_radix *tree;   /* finished once the source is */
    int64_t *gaps_ns; /* from the request before to each of `count`, the first being 0 */
    size_t count, capacity;
    int64_t last_time_ns;
} mt_radix_source;

/* block_size: tokens a block, at least 1. One reference; NULL on failure. */
mt_radix_source *mt_radix_source_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order. Required are both lengths, ids that fit the block size
 * where there are any, and a timestamp that does not decrease; otherwise MT_ERROR_INPUT with the
 * request's line (source left empty), and the request is left out. After any other failure (memory,
 * Ctrl-C) the source can only be released. */
mt_code mt_radix_source_add(mt_radix_source *source, const mt_request *request, mt_error *error);

mt_radix_source *mt_radix_source_retain(mt_radix_source *source); /* returns it */
void mt_radix_source_release(mt_radix_source *source);            /* NULL is allowed */

#endif
