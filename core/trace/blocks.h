/* How many blocks a prompt has, and whether its hash_ids are as many. */
#ifndef MT_TRACE_BLOCKS_H
#define MT_TRACE_BLOCKS_H

#include "base/error.h"
#include "trace/record.h"

/* ceil(tokens / block_size); block_size >= 1. */
static inline uint64_t mt_blocks_of(uint64_t tokens, uint64_t block_size) {
    return tokens / block_size + (tokens % block_size != 0);
}

/* No prompt of more blocks is made: it would be a mistake's, take gigabytes, and its line would
 * pass the reader's limit of 1 GiB. */
#define MT_BLOCKS_LIMIT (UINT64_C(1) << 27)

/* Refuses a request whose hash_ids are not one a block of its input_length: MT_ERROR_INPUT with the
 * numbers and a block size that would fit, where a common one does, no source and no line. A
 * request that lacks either, or has an empty list, is MT_OK. */
mt_code mt_check_blocks(const mt_request *request, uint64_t block_size, mt_error *error);

#endif
