/* Blocks that were numbered one behind the other. */
#ifndef MT_PREFIX_BLOCK_RUN_H
#define MT_PREFIX_BLOCK_RUN_H

#include <stdint.h>
#include <string.h>

/* The ids first, first + 1, ... into to[0..count), two at a time. */
static inline void mt_write_run(uint64_t *to, uint64_t first, uint64_t count) {
    uint64_t __attribute__((vector_size(16))) next = {first, first + 1}, step = {2, 2};
    uint64_t *end = to + (count & ~UINT64_C(1));
    for (; to < end; to += 2, next += step)
        memcpy(to, &next, sizeof next);
    if (count & 1)
        *to = next[0];
}

#endif
