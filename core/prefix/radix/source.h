/* What the radix method learns from a trace in one pass: the tree of its prefixes
 * (prefix/radix/radix.h), and the gaps between its arrivals. Immutable once finished, and shared by
 * counting references. */
#ifndef MT_PREFIX_RADIX_SOURCE_H
#define MT_PREFIX_RADIX_SOURCE_H

#include "base/error.h"
#include "prefix/radix/radix.h"
#include "trace/record.h"

typedef struct mt_radix_source mt_radix_source;

/* block_size: tokens a block, at least 1. One reference; NULL on failure. */
mt_radix_source *mt_radix_source_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order. Required are both lengths, ids that fit the block size
 * where there are any, and a timestamp that does not decrease; otherwise MT_ERROR_INPUT with the
 * request's line (source left empty), and the request is left out. After any other failure (memory,
 * Ctrl-C) the source can only be released. */
mt_code mt_radix_source_add(mt_radix_source *source, const mt_request *request, mt_error *error);

/* Once, after the last request. MT_ERROR_INPUT when there were none. On failure the source can only
 * be released. */
mt_code mt_radix_source_finish(mt_radix_source *source, mt_error *error);

/* The finished tree, which belongs to the source. */
const mt_radix *mt_radix_source_tree(const mt_radix_source *source);

/* Nanoseconds from the request before to each one, the first being 0; *count of them. */
const int64_t *mt_radix_source_gaps(const mt_radix_source *source, size_t *count);

uint64_t mt_radix_source_block_size(const mt_radix_source *source);

mt_radix_source *mt_radix_source_retain(mt_radix_source *source); /* returns it */
void mt_radix_source_release(mt_radix_source *source);            /* NULL is allowed */

#endif
