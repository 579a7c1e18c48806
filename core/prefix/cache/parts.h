/* The part of its path that each request touched last, in order of touching; sums of them are reuse
 * distances (prefix/cache/history.h). A Fenwick tree (Fenwick, "A new data structure for cumulative
 * frequency tables", 1994): every operation takes O(log parts), appending O(1) on average. For
 * the two histories: that of a trace, and that of requests being made (prefix/reuse/history.h).
 * Private to this room. */
#ifndef MT_PREFIX_CACHE_PARTS_H
#define MT_PREFIX_CACHE_PARTS_H

#include "base/assert.h"
#include "base/memory.h"

/* Zero it; mt_free(parts.sums) ends it. */
typedef struct mt_parts {
    uint64_t *sums; /* sums[i], i from 1: of parts i - (lowest bit of i) up to i - 1 */
    size_t capacity;
    uint32_t count;
    uint64_t total; /* blocks of all parts */
} mt_parts;

/* Room for one more part: 0, or -1 when out of memory. */
static inline int mt_parts_reserve(mt_parts *parts) {
    return MT_GROW(parts->sums, parts->capacity, (size_t)parts->count + 2);
}

/* The next part, with so many blocks; there is room for it. */
static inline void mt_parts_append(mt_parts *parts, uint32_t blocks) {
    uint32_t at = ++parts->count;
    uint64_t sum = blocks;
    for (uint32_t step = 1; (at & step) == 0; step *= 2)
        sum += parts->sums[at - step];
    parts->sums[at] = sum;
    parts->total += blocks;
}

/* `blocks` of part number `part` become somebody else's. */
static inline void mt_parts_take(mt_parts *parts, uint32_t part, uint32_t blocks) {
    mt_assert(part < parts->count && blocks <= parts->total);
    for (uint64_t at = (uint64_t)part + 1; at <= parts->count; at += at & -at)
        parts->sums[at] -= blocks;
    parts->total -= blocks;
}

/* Blocks of part number `part` and all after it. */
static inline uint64_t mt_parts_distance(const mt_parts *parts, uint32_t part) {
    uint64_t older = 0;
    for (uint32_t at = part; at > 0; at &= at - 1)
        older += parts->sums[at];
    mt_assert(older <= parts->total);
    return parts->total - older;
}

#endif
