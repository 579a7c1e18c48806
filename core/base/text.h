/* Text that is put together piece by piece, and numbers as text. */
#ifndef MT_BASE_TEXT_H
#define MT_BASE_TEXT_H

#include <stddef.h>

/* Growing text, without a terminator; zero it, free `bytes` with mt_free. */
typedef struct mt_text {
    char *bytes;
    size_t length, capacity;
} mt_text;

/* Appends bytes. 0, or -1 when out of memory. */
int mt_text_add(mt_text *text, const char *bytes, size_t length);

enum { MT_NUMBER_ROOM = 32 }; /* bytes for mt_number_text, the terminator among them */

/* The number as the shortest of 15, 16 or 17 digits that reads back as it, terminated: "0.1", "5",
 * "1e+20", "inf". Returns its length. */
size_t mt_number_text(double value, char *buffer);

#endif
