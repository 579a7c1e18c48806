/* Eight bytes of text at once in one 64-bit word, the first of them lowest: what the scanner and the
 * writer of traces look through text with. */
#ifndef MT_TEXT_SWAR_H
#define MT_TEXT_SWAR_H

#include <stdint.h>
#include <string.h>

#define MT_BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t mt_word_order(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

static inline uint64_t mt_load_word(const char *from) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return mt_word_order(word);
}

static inline void mt_store_word(char *to, uint64_t word) {
    word = mt_word_order(word);
    memcpy(to, &word, sizeof word);
}

/* How many of the word's first bytes are digits, 0 to 8. (The sum may carry into the next byte only
 * from a byte that is no digit; what follows that byte does not matter.) */
static inline unsigned mt_leading_digits(uint64_t word) {
    uint64_t value = word ^ MT_BYTES(0x30);
    uint64_t other = (value | (value + MT_BYTES(0x76))) & MT_BYTES(0x80);
    return other ? (unsigned)__builtin_ctzll(other) >> 3 : 8;
}

/* The number that the word's first `digits` bytes write, digits 1 to 8: pairs, then fours, then
 * eight are put together by one multiplication each. */
static inline uint64_t mt_digits_value(uint64_t word, unsigned digits) {
    word = (word & MT_BYTES(0x0F)) << (64 - 8 * digits);
    word = (word * (10 * 256 + 1)) >> 8 & UINT64_C(0x00FF00FF00FF00FF);
    word = (word * (100 * 65536 + 1)) >> 16 & UINT64_C(0x0000FFFF0000FFFF);
    return (word * ((UINT64_C(10000) << 32) + 1)) >> 32;
}

/* The eight decimal digits of value < 10^8 as bytes 0 to 9, the first digit lowest. The divisions
 * by 100 and by 10 are multiplications that are exact in these ranges. */
static inline uint64_t mt_value_digits(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (fours * 10486) >> 20 & UINT64_C(0x0000007F0000007F);
    uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (pairs * 103) >> 10 & UINT64_C(0x000F000F000F000F);
    return tens | (pairs - 10 * tens) << 8;
}

#endif
