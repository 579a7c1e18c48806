/* Interned texts: equal bytes, equal number. Session and stream names of many requests are few. */
#ifndef MT_TEXT_TEXTS_H
#define MT_TEXT_TEXTS_H

#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* Zero it, add texts, free it. */
typedef struct mt_texts {
    char *bytes;
    size_t byte_count, byte_capacity;
    uint64_t *ends; /* text i is bytes[ends[i - 1] .. ends[i]) */
    size_t count, end_capacity;
    uint32_t *slots; /* text number + 1, 0: free; open addressing by XXH3 of the bytes */
    size_t slot_count;
} mt_texts;

/* The number of text[0..length), added when new: 0, 1, 2, ... by first appearance; at most
 * 2^32 - 2 texts. Returns 0, or -1 when out of memory with the texts as they were. */
int mt_texts_intern(mt_texts *texts, const char *text, size_t length, uint32_t *number);

/* Text number `number`; valid until the next intern. */
mt_span mt_texts_get(const mt_texts *texts, uint32_t number);

/* Forgets the texts from number `count` on. */
void mt_texts_truncate(mt_texts *texts, size_t count);

void mt_texts_free(mt_texts *texts);

#endif
