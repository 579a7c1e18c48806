/* Runs of numbers, 5, 6, 7, ..., written and recognised several at a time: blocks are numbered so. */
#ifndef MT_BASE_RUN_H
#define MT_BASE_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((vector_size(16))) mt_two_u64;
typedef uint32_t __attribute__((vector_size(16))) mt_four_u32;

/* The ids first, first + 1, ... into to[0..count), two at a time. */
static inline void mt_write_run(uint64_t *to, uint64_t first, uint64_t count) {
    mt_two_u64 next = {first, first + 1}, step = {2, 2};
    uint64_t *end = to + (count & ~UINT64_C(1));
    for (; to < end; to += 2, next += step)
        memcpy(to, &next, sizeof next);
    if (count & 1)
        *to = next[0];
}

/* The numbers first, first + step, ... into to[0..count); a step of 0 fills. */
static inline void mt_write_run_u32(uint32_t *to, uint32_t first, uint32_t step, size_t count) {
    mt_four_u32 next = {first, first + step, first + 2 * step, first + 3 * step};
    mt_four_u32 steps = {4 * step, 4 * step, 4 * step, 4 * step};
    uint32_t *end = to + (count & ~(size_t)3);
    for (; to < end; to += 4, next += steps)
        memcpy(to, &next, sizeof next);
    uint32_t value = next[0];
    for (size_t left = count & 3; left > 0; left--, value += step)
        *to++ = value;
}

/* Are all of ids[0..count) below `limit`, which is at most 2^63? */
static inline int mt_are_below(const uint64_t *ids, size_t count, uint64_t limit) {
    /* The highest bit of id | (limit - 1 - id) is set where one is not. */
    mt_two_u64 highest = {limit - 1, limit - 1}, two, wrong = {0, 0};
    for (const uint64_t *end = ids + (count & ~(size_t)1); ids < end; ids += 2) {
        memcpy(&two, ids, sizeof two);
        wrong |= two | (highest - two);
    }
    uint64_t last = count & 1 ? *ids | (highest[0] - *ids) : 0;
    return (wrong[0] | wrong[1] | last) >> 63 == 0;
}

/* Are ids[0..count) first, first + 1, ...? */
static inline int mt_are_run(const uint64_t *ids, size_t count, uint64_t first) {
    mt_two_u64 next = {first, first + 1}, step = {2, 2}, two, wrong = {0, 0};
    for (const uint64_t *end = ids + (count & ~(size_t)1); ids < end; ids += 2, next += step) {
        memcpy(&two, ids, sizeof two);
        wrong |= two ^ next;
    }
    uint64_t last = count & 1 ? *ids ^ next[0] : 0;
    return (wrong[0] | wrong[1] | last) == 0;
}

/* A path as the format has it: leading ids below `next`, which were there before, and then next, next +
 * 1, ... to its end. Returns how many were there before; SIZE_MAX where ids[0..count) are no such path.
 * next is at most 2^63. */
static inline size_t mt_known_of_path(const uint64_t *ids, size_t count, uint64_t next) {
    size_t known = count;
    if (count > 0 && ids[count - 1] >= next) {
        uint64_t further = ids[count - 1] - next;
        if (further >= count)
            return SIZE_MAX;
        known = count - 1 - (size_t)further;
    }
    return mt_are_below(ids, known, next) && mt_are_run(ids + known, count - known, next)
               ? known
               : SIZE_MAX;
}

#endif
