/* Where the signs of a list of whole numbers stand in 64 bytes of text, a bit a byte, the first byte
 * lowest: what text/number_list.h looks through. By SSE2 where the processor's family has it, by
 * 64-bit words elsewhere; the two are the same. */
#ifndef MT_TEXT_MARKS_H
#define MT_TEXT_MARKS_H

#include "text/swar.h"

enum { MT_MARKS_BYTES = 64 };

typedef struct mt_marks {
    uint64_t digits, zeros, commas, spaces, closings; /* closings: ']' */
} mt_marks;

/* The top bits of a word's bytes as eight bits. */
static inline uint64_t mt_top_bits(uint64_t word) {
    return ((word & MT_BYTES(0x80)) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* The bytes of a word that are at most `most` (0 to 127) after `with` is taken away by exclusive or:
 * with 0, those that are `with`. No byte's sum carries into the next. */
static inline uint64_t mt_bytes_near(uint64_t word, uint8_t with, uint8_t most) {
    uint64_t value = word ^ MT_BYTES(with);
    return mt_top_bits(~(((value & MT_BYTES(0x7F)) + MT_BYTES(0x7F - most)) | value));
}

static inline mt_marks mt_marks_by_words(const char *text) {
    mt_marks marks = {0, 0, 0, 0, 0};
    for (unsigned at = 0; at < MT_MARKS_BYTES; at += 8) {
        uint64_t word = mt_load_word(text + at);
        marks.digits |= mt_bytes_near(word, '0', 9) << at;
        marks.zeros |= mt_bytes_near(word, '0', 0) << at;
        marks.commas |= mt_bytes_near(word, ',', 0) << at;
        marks.spaces |= mt_bytes_near(word, ' ', 0) << at;
        marks.closings |= mt_bytes_near(word, ']', 0) << at;
    }
    return marks;
}

#ifdef __SSE2__
#include <emmintrin.h>

static inline uint64_t mt_marked(__m128i bytes) {
    return (uint64_t)(uint32_t)_mm_movemask_epi8(bytes);
}

static inline mt_marks mt_marks_of(const char *text) {
    mt_marks marks = {0, 0, 0, 0, 0};
#pragma GCC unroll 4
    for (unsigned at = 0; at < MT_MARKS_BYTES; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + at));
        __m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
        __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
        marks.digits |= mt_marked(digits) << at;
        marks.zeros |= mt_marked(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('0'))) << at;
        marks.commas |= mt_marked(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(','))) << at;
        marks.spaces |= mt_marked(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '))) << at;
        marks.closings |= mt_marked(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(']'))) << at;
    }
    return marks;
}

#if defined __x86_64__ && defined __GNUC__
#define MT_HAS_AVX2
#include <immintrin.h>

#define MT_AVX2 __attribute__((target("avx2"), always_inline))

static inline MT_AVX2 uint64_t mt_marked_wide(__m256i bytes) {
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes);
}

static inline MT_AVX2 mt_marks mt_marks_by_avx2(const char *text) {
    mt_marks marks = {0, 0, 0, 0, 0};
#pragma GCC unroll 2
    for (unsigned at = 0; at < MT_MARKS_BYTES; at += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(text + at));
        __m256i value = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
        __m256i digits = _mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value);
        marks.digits |= mt_marked_wide(digits) << at;
        marks.zeros |= mt_marked_wide(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('0'))) << at;
        marks.commas |= mt_marked_wide(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(','))) << at;
        marks.spaces |= mt_marked_wide(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' '))) << at;
        marks.closings |= mt_marked_wide(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(']'))) << at;
    }
    return marks;
}
#endif
#else
static inline mt_marks mt_marks_of(const char *text) {
    return mt_marks_by_words(text);
}
#endif

#endif
