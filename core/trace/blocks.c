#include "trace/blocks.h"

#include <stdio.h>

/* A block size at which `tokens` make `blocks` blocks: the least power of two from 16 on; 0 when
 * there is none. */
static uint64_t fitting_block_size(uint64_t tokens, uint64_t blocks) {
    for (uint64_t size = 16; size <= (uint64_t)1 << 20; size *= 2)
        if (mt_blocks_of(tokens, size) == blocks)
            return size;
    return 0;
}

mt_code mt_check_blocks(const mt_request *request, uint64_t block_size, mt_error *error) {
    uint64_t blocks = mt_blocks_of(request->input_length, block_size);
    size_t given = request->hash_count;
    if (given == 0 || given == blocks || !(request->has & MT_HAS_INPUT_LENGTH))
        return MT_OK;
    uint64_t other = fitting_block_size(request->input_length, given);
    char hint[64] = "";
    if (other)
        snprintf(hint, sizeof hint, "; it fits a block size of %llu", (unsigned long long)other);
    return mt_fail(
        error, MT_ERROR_INPUT,
        "hash_ids has %zu id%s, but input_length %llu makes %llu block%s of %llu tokens%s", given,
        given == 1 ? "" : "s", (unsigned long long)request->input_length,
        (unsigned long long)blocks, blocks == 1 ? "" : "s", (unsigned long long)block_size, hint);
}
