#include "base/text.h"
#include "random/kind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mt_law_write(mt_law_writer *writer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t at = writer->used < writer->size ? writer->used : writer->size;
    int length = vsnprintf(writer->buffer + at, writer->size - at, format, arguments);
    va_end(arguments);
    writer->used += length > 0 ? (size_t)length : 0;
}

void mt_law_write_number(mt_law_writer *writer, double value) {
    if (isinf(value)) {
        mt_law_write(writer, value > 0 ? "math.huge" : "-math.huge");
        return;
    }
    char text[MT_NUMBER_ROOM];
    mt_number_text(value, text);
    mt_law_write(writer, "%s", text);
}

char *mt_distribution_text(const mt_distribution *distribution, char *buffer, size_t size) {
    mt_law_writer writer = {buffer, size, 0};
    distribution->kind->text(distribution, &writer);
    if (writer.used >= size)
        memcpy(buffer + size - 4, "...", 4);
    return buffer;
}
