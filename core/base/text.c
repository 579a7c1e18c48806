#include "base/text.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mt_text_add(mt_text *text, const char *bytes, size_t length) {
    if (MT_GROW(text->bytes, text->capacity, text->length + length) != 0)
        return -1;
    if (length > 0) /* else there may be no memory yet, and memcpy takes no NULL */
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    return 0;
}

size_t mt_number_text(double value, char *buffer) {
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(buffer, MT_NUMBER_ROOM, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    return (size_t)length;
}

static void write_bytes(mt_text_writer *writer, const char *bytes, size_t length) {
    if (writer->used < writer->size) {
        size_t room = writer->size - writer->used;
        memcpy(writer->buffer + writer->used, bytes, length < room ? length : room);
    }
    writer->used += length;
}

void mt_write_text(mt_text_writer *writer, const char *text) {
    write_bytes(writer, text, strlen(text));
}

void mt_write_numbers(mt_text_writer *writer, const char *pattern, const double *numbers) {
    char number[MT_NUMBER_ROOM];
    for (const char *mark; (mark = strchr(pattern, '#')) != NULL; pattern = mark + 1) {
        double value = *numbers++;
        write_bytes(writer, pattern, (size_t)(mark - pattern));
        if (isinf(value))
            mt_write_text(writer, value > 0 ? "math.huge" : "-math.huge");
        else
            write_bytes(writer, number, mt_number_text(value, number));
    }
    mt_write_text(writer, pattern);
}

char *mt_text_written(const mt_text_writer *writer) {
    size_t end = writer->used < writer->size ? writer->used : writer->size - 1;
    if (writer->used >= writer->size && writer->size > 4)
        memcpy(writer->buffer + writer->size - 4, "...", 3);
    writer->buffer[end] = '\0';
    return writer->buffer;
}
