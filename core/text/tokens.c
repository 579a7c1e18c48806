#include "text/tokens.h"

#include "base/utf8.h"

/* What a code point is to a tokenizer. */
typedef enum script {
    BLANK, /* white space but for line ends */
    NEWLINE,
    MARK, /* punctuation and symbols */
    DIGIT,
    UPPER, /* ASCII */
    LOWER,
    LATIN,    /* other letters of Latin */
    ALPHABET, /* Greek, Cyrillic, Hebrew, Arabic */
    DENSE,    /* other alphabets, as those of India */
    SIGN,     /* Chinese, Japanese, Korean */
    PICTURE
} script;

typedef struct range {
    unsigned last; /* the range before ends before its first */
    script script;
} range;

/* Unicode's blocks from U+0080 on, roughly. */
static const range ranges[] = {
    {0xA0, BLANK},      {0xA9, MARK},       {0xAA, LATIN},    {0xB4, MARK},
    {0xB5, LATIN},      {0xB9, MARK},       {0xBA, LATIN},    {0xBF, MARK},
    {0x36F, LATIN},     {0x6FF, ALPHABET},  {0x8FF, DENSE},   {0x10FF, DENSE},
    {0x11FF, SIGN},     {0x1DFF, DENSE},    {0x1EFF, LATIN},  {0x1FFF, ALPHABET},
    {0x200A, BLANK},    {0x2BFF, MARK},     {0x2E7F, LATIN},  {0x2FFF, SIGN},
    {0x3000, BLANK},    {0xA4CF, SIGN},     {0xA95F, DENSE},  {0xA97F, SIGN},
    {0xABFF, DENSE},    {0xD7FF, SIGN},     {0xF8FF, MARK},   {0xFAFF, SIGN},
    {0xFB4F, LATIN},    {0xFDFF, ALPHABET}, {0xFE2F, MARK},   {0xFE4F, SIGN},
    {0xFEFF, ALPHABET}, {0xFFFF, SIGN},     {0x1AFFF, DENSE}, {0x1EFFF, SIGN},
    {0x1FFFF, PICTURE}, {0x3FFFF, SIGN},    {0x10FFFF, MARK},
};

static script ascii_script(unsigned byte) {
    if (byte >= 'a' && byte <= 'z')
        return LOWER;
    if (byte >= 'A' && byte <= 'Z')
        return UPPER;
    if (byte >= '0' && byte <= '9')
        return DIGIT;
    if (byte == '\n' || byte == '\r')
        return NEWLINE;
    return byte <= ' ' ? BLANK : MARK;
}

/* The code point at text[0..length), length > 0: its bytes, and what it is. */
static size_t look(const char *text, size_t length, script *which) {
    unsigned byte = (unsigned char)*text, point;
    if (byte < 0x80) {
        *which = ascii_script(byte);
        return 1;
    }
    size_t bytes = mt_utf8_sequence(text, length);
    *which = MARK;
    if (bytes < 2)
        return 1;
    point = byte & (0x7FU >> bytes);
    for (size_t i = 1; i < bytes; i++)
        point = point << 6 | ((unsigned char)text[i] & 0x3F);
    size_t i = 0;
    while (ranges[i].last < point)
        i++;
    *which = ranges[i].script;
    return bytes;
}

static int is_letter(script which) {
    return which == UPPER || which == LOWER || which == LATIN || which == ALPHABET ||
           which == DENSE;
}

/* The bytes of a word's beginning that are one token. In camelCase a capital begins a word. */
static size_t letters(const char *text, size_t length, script first) {
    static const size_t most[] = {
        [UPPER] = 6, [LOWER] = 6, [LATIN] = 4, [ALPHABET] = 3, [DENSE] = 2};
    size_t count = 0, at = 0, limit = most[first];
    script before = first, which;
    while (at < length && count < limit) {
        size_t bytes = look(text + at, length - at, &which);
        if (!is_letter(which) || (which == UPPER && before == LOWER))
            break;
        if (most[which] < limit)
            limit = most[which] > count ? most[which] : count + 1;
        before = which;
        at += bytes;
        count++;
    }
    return at;
}

/* The bytes from text[at] on of up to `most` code points of that kind. */
static size_t run_of(script wanted, const char *text, size_t length, size_t most) {
    size_t at = 0;
    script which;
    for (size_t count = 0; at < length && count < most; count++) {
        size_t bytes = look(text + at, length - at, &which);
        if (which != wanted)
            break;
        at += bytes;
    }
    return at;
}

/* White space in a row. Its last blank goes with what follows. */
static size_t white_space(const char *text, size_t length) {
    size_t at = 0, last = 0;
    script which = BLANK;
    while (at < length) {
        size_t bytes = look(text + at, length - at, &which);
        if (which != BLANK && which != NEWLINE)
            break;
        last = which == BLANK && text[at] == ' ' ? at : at + bytes;
        at += bytes;
    }
    return at < length && which != DIGIT && last > 0 ? last : at;
}

static size_t by_script(mt_token_state *state, const char *text, size_t length) {
    enum { MARKS = 3, DIGITS = 3, HALF_PICTURE = 2, MANY = 1 << 30 };
    script first, next = BLANK;
    size_t bytes = look(text, length, &first), before = 0;
    if (bytes < length)
        look(text + bytes, length - bytes, &next);
    if (first == BLANK || first == NEWLINE) {
        if (*text != ' ' || bytes == length || next == BLANK || next == NEWLINE || next == DIGIT)
            return white_space(text, length);
        before = bytes; /* a blank goes with the word or mark after it */
    } else if (first == MARK && is_letter(next)) {
        before = bytes; /* and so does a mark with a word */
    }
    text += before;
    length -= before;
    look(text, length, &first);
    if (is_letter(first))
        return before + letters(text, length, first);
    if (first == DIGIT)
        return before + run_of(DIGIT, text, length, DIGITS);
    if (first == SIGN) {
        state->is_second = !state->is_second;
        return before + run_of(SIGN, text, length, state->is_second ? 2 : 1);
    }
    if (first == PICTURE)
        return before + HALF_PICTURE; /* the other half are no UTF-8 by themselves */
    bytes = run_of(MARK, text, length, MARKS);
    return before + bytes + run_of(NEWLINE, text + bytes, length - bytes, MANY);
}

static int is_space(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

size_t mt_next_token(mt_token_rule rule, mt_token_state *state, const char *text, size_t length,
                     int *is_token) {
    size_t bytes = 1;
    script which;
    *is_token = 1;
    switch (rule) {
    case MT_TOKEN_SCRIPT:
        return by_script(state, text, length);
    case MT_TOKEN_WORD:
        *is_token = !is_space(*text);
        while (bytes < length && is_space(text[bytes]) == !*is_token)
            bytes++;
        return bytes;
    case MT_TOKEN_CHAR:
        return look(text, length, &which);
    case MT_TOKEN_BYTE:
        break;
    }
    return bytes;
}
