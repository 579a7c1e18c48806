/* JSON text, checked strictly by RFC 8259 and kept as bytes: what the scanner of trace lines and
 * the bindings build on. Nothing here makes a tree of values.
 *
 * The walking functions take a position inside [begin, end) and return the position after what they
 * name, or NULL with the error filled (MT_ERROR_INPUT, column, message; an error of NULL is
 * allowed). They never read at or beyond `end`. */
#ifndef MT_TEXT_JSON_H
#define MT_TEXT_JSON_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Values may be nested so deep. */
enum { MT_JSON_DEPTH = 512 };

typedef struct mt_json {
    const char *begin, *end; /* columns count from begin */
    mt_error *error;
} mt_json;

/* The first position from `at` on that is not white space; never NULL. */
const char *mt_json_skip_space(const mt_json *json, const char *at);

static inline const char *mt_json_space(const mt_json *json, const char *at) {
    if (at < json->end && (unsigned char)*at > ' ')
        return at;
    if (json->end - at > 1 && *at == ' ' && (unsigned char)at[1] > ' ')
        return at + 1;
    return mt_json_skip_space(json, at);
}

/* After the string, number or value that starts at `at`. Strings are valid UTF-8; an escape of half
 * a surrogate pair is grammatical and passes. */
const char *mt_json_string(const mt_json *json, const char *at);
const char *mt_json_number(const mt_json *json, const char *at);
const char *mt_json_value(const mt_json *json, const char *at);

/* Is `word` (a literal: "null") what stands at `at`? */
static inline int mt_json_is(const mt_json *json, const char *at, const char *word, size_t length) {
    return (size_t)(json->end - at) >= length && memcmp(at, word, length) == 0;
}

/* Fails with the column of `at`; returns NULL. */
const char *mt_json_fail(const mt_json *json, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails with "expected EXPECTED, found 'xyz'", or says that the text ends here; returns NULL. */
const char *mt_json_unexpected(const mt_json *json, const char *at, const char *expected);

/* The value at `at`, or what is left of the text when it is none, made fit for a message. */
char *mt_json_quote(const mt_json *json, const char *at, char *buffer, size_t size);

/* Checks that text[0..length) is one RFC 8259 value (white space around it allowed), nesting up to
 * 512 deep. MT_OK or MT_ERROR_INPUT with the column. */
mt_code mt_json_check(const char *text, size_t length, mt_error *error);

/* A decimal number, read from its text without a double. */
typedef struct mt_decimal {
    uint64_t magnitude; /* rounded half away from zero */
    int negative;       /* never with a magnitude of 0 */
    int exact;          /* 0: digits were rounded away */
} mt_decimal;

/* text[0..length), one JSON number and nothing else, times 10^scale. 0, -1 when it is not a JSON
 * number, -2 when its magnitude does not fit 64 bits. */
int mt_decimal_scan(const char *text, size_t length, int scale, mt_decimal *decimal);

/* A decimal JSON number times 10^scale (scale 6: milliseconds to nanoseconds) as a whole number,
 * rounded half away from zero. 0, -1 when it is not a JSON number, -2 when out of range. */
int mt_decimal_whole(const char *text, size_t length, int scale, int64_t *value);

/* The string token `token` (quotes included, checked before) with its escapes resolved, in UTF-8:
 * at most `length` bytes into `to`, which may be the token's own memory. Half a surrogate pair
 * becomes U+FFFD. Returns the number of bytes. */
size_t mt_json_decode(const char *token, size_t length, char *to);

/* text[0..length) as a string token, quotes included: at most 6 * length + 2 bytes. Bytes above 127
 * are copied as they are. Returns the number of bytes. */
size_t mt_json_encode(const char *text, size_t length, char *to);

/* The token (a string checked before, or anything without a backslash in it) in the form in which
 * equal strings are equal bytes: what mt_json_encode writes of what mt_json_decode reads, but half a
 * surrogate pair stays an escape. At most `length` bytes into `to`, which is not the token's memory.
 * Returns the number of bytes. */
size_t mt_json_normalise(const char *token, size_t length, char *to);

#endif
