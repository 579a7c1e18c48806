/* Four numbers that the processor handles at once (vector types of GCC and clang; plain arithmetic
 * where it has none). Private to the reuse method (prefix/reuse/reuse.h). */
#ifndef MT_PREFIX_REUSE_LANES_H
#define MT_PREFIX_REUSE_LANES_H

#include <stdint.h>
#include <string.h>

enum { MT_LANES = 4 };
typedef float mt_lanes __attribute__((vector_size(MT_LANES * sizeof(float))));
typedef int32_t mt_lane_bits __attribute__((vector_size(MT_LANES * sizeof(float))));

static inline mt_lanes mt_lanes_of(const float *from) {
    mt_lanes four;
    memcpy(&four, from, sizeof four);
    return four;
}

static inline mt_lane_bits mt_lane_bits_of(const void *from) {
    mt_lane_bits four;
    memcpy(&four, from, sizeof four);
    return four;
}

static inline mt_lanes mt_lanes_absolute(mt_lanes four) {
    return (mt_lanes)((mt_lane_bits)four & 0x7fffffff);
}

static inline float mt_lanes_sum(mt_lanes four) {
    return (four[0] + four[1]) + (four[2] + four[3]);
}

#endif
