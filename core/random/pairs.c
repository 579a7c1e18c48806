/* Philox4x32-10 of four items beside each other. A lane is 64 bits and holds a 32-bit word in its low
 * half; what the high half holds does not matter, for the multiplication does not see it. */
#include "random/generator.h"

#include "base/processor.h"

static void make_alone(mt_random_key key, uint64_t item, uint64_t draw, mt_random_pair *pair) {
    mt_random random = {.key = key, .item = item, .draw = draw};
    mt_random_next_block(&random);
    pair->first = mt_random_u64(&random);
    pair->second = mt_random_u64(&random);
}

#if defined __x86_64__ && defined __GNUC__
#define HAS_AVX2
#include <Random123/philox.h>
#include <immintrin.h>

enum { LANES = 4, ROUNDS = 10 };

#define WIDE(word) _mm256_set1_epi64x((long long)(uint64_t)(word))

__attribute__((target("avx2"))) static size_t
make_by_avx2(mt_random_key key, uint64_t item, uint64_t draw, size_t count, mt_random_pair *pairs) {
    size_t made = 0;
    for (; made + LANES <= count; made += LANES) {
        __m256i items = _mm256_add_epi64(WIDE(item + made), _mm256_set_epi64x(3, 2, 1, 0));
        __m256i a = WIDE(draw), b = WIDE(draw >> 32), c = items, d = _mm256_srli_epi64(items, 32);
        uint32_t first = key.word[0], second = key.word[1];
        for (int round = 0; round < ROUNDS; round++) {
            __m256i left = _mm256_mul_epu32(a, WIDE(PHILOX_M4x32_0));
            __m256i right = _mm256_mul_epu32(c, WIDE(PHILOX_M4x32_1));
            a = _mm256_xor_si256(_mm256_srli_epi64(right, 32), _mm256_xor_si256(b, WIDE(first)));
            b = right;
            c = _mm256_xor_si256(_mm256_srli_epi64(left, 32), _mm256_xor_si256(d, WIDE(second)));
            d = left;
            first += (uint32_t)PHILOX_W32_0;
            second += (uint32_t)PHILOX_W32_1;
        }
        /* The words a and b become each item's first number, c and d its second one. */
        __m256i numbers = _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xAA);
        __m256i others = _mm256_blend_epi32(c, _mm256_slli_epi64(d, 32), 0xAA);
        __m256i even = _mm256_unpacklo_epi64(numbers, others); /* of items 0 and 2 */
        __m256i odd = _mm256_unpackhi_epi64(numbers, others);
        __m256i *to = (__m256i *)(void *)&pairs[made];
        _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
        _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
    }
    return made;
}
#endif

void mt_random_pairs(mt_random_key key, uint64_t item, uint64_t draw, size_t count,
                     mt_random_pair *pairs) {
    size_t made = 0;
#ifdef HAS_AVX2
    if (mt_processor_has_avx2())
        made = make_by_avx2(key, item, draw, count, pairs);
#endif
    for (; made < count; made++)
        make_alone(key, item + made, draw, &pairs[made]);
}
