/* Bytes that are put together before they are sent. Out of memory is remembered and told at the end.
 * Private to the mock. */
#ifndef MT_DRIVE_MOCK_BYTES_H
#define MT_DRIVE_MOCK_BYTES_H

#include "base/memory.h"
#include "base/span.h"

#include <stdint.h>
#include <string.h>

/* Zero it first; mt_free(bytes.data) in the end. */
typedef struct mt_bytes {
    char *data;
    size_t length, capacity;
    int has_failed;
} mt_bytes;

/* Room for `count` more bytes, or NULL. */
static inline char *mt_bytes_room(mt_bytes *bytes, size_t count) {
    if (bytes->capacity - bytes->length < count &&
        MT_GROW(bytes->data, bytes->capacity, bytes->length + count) != 0) {
        bytes->has_failed = 1;
        return NULL;
    }
    return bytes->data + bytes->length;
}

static inline void mt_bytes_put(mt_bytes *bytes, const char *text, size_t length) {
    char *to = length > 0 ? mt_bytes_room(bytes, length) : NULL;
    if (!to)
        return;
    memcpy(to, text, length);
    bytes->length += length;
}

/* Inline: the length of a literal is then known. */
static inline void mt_bytes_text(mt_bytes *bytes, const char *text) {
    mt_bytes_put(bytes, text, strlen(text));
}

static inline void mt_bytes_number(mt_bytes *bytes, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    mt_bytes_put(bytes, digits + at, sizeof digits - at);
}

/* `digits` hexadecimal digits of the number. */
static inline void mt_bytes_hex(char *to, uint64_t number, int digits) {
    for (int i = digits; i-- > 0; number >>= 4)
        to[i] = "0123456789abcdef"[number & 15];
}

/* printf, for what is not sent often. */
void mt_bytes_format(mt_bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
