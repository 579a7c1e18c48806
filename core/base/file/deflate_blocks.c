#include "base/file/deflate_blocks.h"

#include <stdint.h>
#include <string.h>

/* FAST bits of a code are looked up at once, longer ones bit by bit: they are rare. */
enum { LONGEST = 15, FAST = 10, MOST_SYMBOLS = 288, MATCHES = 257, LENGTH_CODES = 19 };

/* A table's entry holds how many bits a code has, with the extra bits behind it, and above them what it
 * says. */
enum { BITS = 6, BITS_MASK = (1 << BITS) - 1, LITERAL = 0, MATCH, END_OF_BLOCK, IS_LONG = 1023 };

typedef struct code {
    uint16_t fast[1 << FAST]; /* entries by the next bits; 0: none begins so */
    uint16_t counts[LONGEST + 1];
    uint16_t entries[MOST_SYMBOLS]; /* by length and then symbol: the order of the codes */
} code;

typedef struct walk {
    const unsigned char *bytes;
    size_t length; /* bytes */
    size_t at;     /* bits */
    code lengths, distances;
} walk;

/* The next 57 bits at least, zeros behind the end. */
static uint64_t peek(const walk *self) {
    uint64_t bits = 0;
    size_t from = self->at / 8;
    if (from + sizeof bits <= self->length)
        memcpy(&bits, self->bytes + from, sizeof bits);
    else if (from < self->length)
        memcpy(&bits, self->bytes + from, self->length - from);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    return bits >> self->at % 8;
}

static unsigned take(walk *self, unsigned bits) {
    unsigned value = (unsigned)(peek(self) & ((1U << bits) - 1));
    self->at += bits;
    return value;
}

/* ---- codes ---- */

static unsigned reversed(unsigned value, unsigned bits) {
    unsigned other = 0;
    for (; bits > 0; bits--, value >>= 1)
        other = other << 1 | (value & 1);
    return other;
}

/* Of a code of `length` bits for a literal or the length of a match. */
static uint16_t entry_of_length(unsigned symbol, unsigned length) {
    unsigned at = symbol - MATCHES, extra = at < 8 || at == 28 ? 0 : at / 4 - 1;
    if (symbol < 256)
        return (uint16_t)(LITERAL << BITS | length);
    return symbol == 256 ? (uint16_t)(END_OF_BLOCK << BITS | length)
                         : (uint16_t)(MATCH << BITS | (length + extra));
}

static uint16_t entry_of_distance(unsigned symbol, unsigned length) {
    return (uint16_t)(length + (symbol < 4 ? 0 : symbol / 2 - 1));
}

/* The canonical code (RFC 1951, 3.2.2) of these lengths. -1: there are more codes than bits for them. */
static int make_code(code *self, const unsigned char *lengths, unsigned symbols,
                     uint16_t (*entry_of)(unsigned symbol, unsigned length)) {
    unsigned next[LONGEST + 2] = {0}, index[LONGEST + 2] = {0};
    memset(self->fast, 0, sizeof self->fast);
    memset(self->counts, 0, sizeof self->counts);
    for (unsigned i = 0; i < symbols; i++)
        self->counts[lengths[i]]++;
    self->counts[0] = 0;
    for (unsigned length = 1; length <= LONGEST; length++) {
        if (next[length] + self->counts[length] > 1U << length)
            return -1;
        next[length + 1] = (next[length] + self->counts[length]) << 1;
        index[length + 1] = index[length] + self->counts[length];
    }
    for (unsigned i = 0; i < symbols; i++) {
        unsigned length = lengths[i];
        if (length == 0)
            continue;
        uint16_t entry = entry_of(i, length);
        unsigned first = reversed(next[length]++, length);
        self->entries[index[length]++] = entry;
        if (length > FAST)
            self->fast[first & ((1 << FAST) - 1)] = IS_LONG << BITS;
        else
            for (; first < 1 << FAST; first += 1U << length)
                self->fast[first] = entry;
    }
    return 0;
}

/* Of literals that one look sees whole, the first one's entry passes all. Those that begin with fewer bits are
 * single still when they are looked at. */
static void join_literals(code *self) {
    for (unsigned bits = 1 << FAST; bits-- > 0;) {
        unsigned length = self->fast[bits], next;
        if (length == 0 || length >= MATCH << BITS)
            continue;
        while ((next = self->fast[bits >> length]) < MATCH << BITS && next > 0 &&
               length + next <= FAST)
            length += next;
        self->fast[bits] = (uint16_t)length;
    }
}

/* The entry of the code that begins these bits; 0: none does. */
static uint16_t look_up(const code *self, uint64_t bits) {
    uint16_t entry = self->fast[bits & ((1 << FAST) - 1)];
    if (entry >> BITS != IS_LONG)
        return entry;
    unsigned value = 0, first = 0, index = 0; /* first: the least code of that length */
    for (unsigned length = 1; length <= LONGEST; length++, bits >>= 1) {
        value |= bits & 1;
        if (value - first < self->counts[length])
            return self->entries[index + value - first];
        index += self->counts[length];
        first = (first + self->counts[length]) << 1;
        value <<= 1;
    }
    return 0;
}

/* ---- blocks ---- */

static int pass_stored(walk *self) {
    self->at = (self->at + 7) / 8 * 8;
    size_t length = take(self, 16);
    if (take(self, 16) != (length ^ 0xFFFF))
        return -1;
    self->at += 8 * length;
    return 0;
}

static int fixed_codes(walk *self) {
    unsigned char lengths[MOST_SYMBOLS], distances[30];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    memset(distances, 5, sizeof distances);
    return make_code(&self->lengths, lengths, MOST_SYMBOLS, entry_of_length) |
           make_code(&self->distances, distances, sizeof distances, entry_of_distance);
}

static uint16_t entry_of_symbol(unsigned symbol, unsigned length) {
    return (uint16_t)(symbol << BITS | length);
}

/* The lengths of a block's own codes, which are coded themselves. 16 repeats the one before, 17 and 18 give
 * zeros. */
static int read_lengths(walk *self, unsigned char *lengths, unsigned count) {
    for (unsigned i = 0; i < count;) {
        uint16_t entry = look_up(&self->lengths, peek(self));
        unsigned symbol = entry >> BITS, times = 1;
        if (entry == 0 || (symbol == 16 && i == 0))
            return -1;
        self->at += entry & BITS_MASK;
        if (symbol >= 16)
            times = symbol == 16 ? 3 + take(self, 2)
                                 : (symbol == 17 ? 3 + take(self, 3) : 11 + take(self, 7));
        if (times > count - i)
            return -1;
        memset(lengths + i, symbol < 16 ? (int)symbol : symbol == 16 ? lengths[i - 1] : 0, times);
        i += times;
    }
    return 0;
}

static int own_codes(walk *self) {
    static const unsigned char order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    unsigned char lengths[MOST_SYMBOLS + 32], of_lengths[LENGTH_CODES] = {0};
    unsigned symbols = 257 + take(self, 5), distances = 1 + take(self, 5),
             given = 4 + take(self, 4);
    for (unsigned i = 0; i < given; i++)
        of_lengths[order[i]] = (unsigned char)take(self, 3);
    if (make_code(&self->lengths, of_lengths, LENGTH_CODES, entry_of_symbol) != 0 ||
        read_lengths(self, lengths, symbols + distances) != 0)
        return -1;
    return make_code(&self->lengths, lengths, symbols, entry_of_length) |
           make_code(&self->distances, lengths + symbols, distances, entry_of_distance);
}

/* Whether there is a distance behind what the next bits say is not asked, for that cannot be foreseen: it
 * counts, or counts nothing. */
static int pass_coded(walk *self) {
    enum { MASK = (1 << FAST) - 1 };
    join_literals(&self->lengths);
    while (self->at / 8 < self->length) {
        uint64_t bits = peek(self);
        unsigned entry = self->lengths.fast[bits & MASK], kind = entry >> BITS, distance;
        if (kind > MATCH || entry == 0) {
            entry = look_up(&self->lengths, bits);
            kind = entry >> BITS;
            if (entry == 0)
                return -1;
        }
        bits >>= entry & BITS_MASK;
        distance = self->distances.fast[bits & MASK];
        if (distance - 1 >= BITS_MASK && kind == MATCH &&
            (distance = look_up(&self->distances, bits)) == 0)
            return -1;
        self->at += (entry & BITS_MASK) + (distance & (0U - (kind == MATCH)));
        if (kind == END_OF_BLOCK)
            return 0;
    }
    return -1;
}

int mt_deflate_find(mt_span packed, mt_deflate_places *places) {
    walk self = {.bytes = (const unsigned char *)packed.text, .length = packed.length};
    for (int is_last = 0; !is_last;) {
        places->last = self.at;
        is_last = (int)take(&self, 1);
        unsigned kind = take(&self, 2);
        if (kind == 3 || (kind == 1 && fixed_codes(&self) != 0) ||
            (kind == 2 && own_codes(&self) != 0))
            return -1;
        if ((kind == 0 ? pass_stored(&self) : pass_coded(&self)) != 0 ||
            self.at > 8 * packed.length)
            return -1;
    }
    places->end = self.at;
    return 0;
}
