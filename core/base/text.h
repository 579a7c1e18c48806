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

/* Text in a buffer of a fixed size, which must not be 0: { buffer, size }. */
typedef struct mt_text_writer {
    char *buffer;
    size_t size, used; /* used may pass size: what the whole text needs */
} mt_text_writer;

void mt_write_text(mt_text_writer *writer, const char *text);

/* Writes the pattern, each '#' in it as the next number: as mt_number_text has it, infinity as
 * "math.huge". MT_WRITE(&writer, "ramp(#, #)", a, b) */
void mt_write_numbers(mt_text_writer *writer, const char *pattern, const double *numbers);
#define MT_WRITE(writer, pattern, ...)                                                             \
    mt_write_numbers(writer, pattern, (const double[]){__VA_ARGS__})

/* Terminates the text; one that does not fit ends in "...". Returns the buffer. */
char *mt_text_written(const mt_text_writer *writer);

#endif
