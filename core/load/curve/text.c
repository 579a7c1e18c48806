/* Curves as the expressions that a script would write. */
#include "base/text.h"
#include "load/curve/kind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mt_curve_write(mt_curve_writer *writer, const char *format, ...) {
    if (writer->used + 1 >= writer->size)
        return;
    va_list arguments;
    va_start(arguments, format);
    size_t room = writer->size - writer->used;
    int wanted = vsnprintf(writer->buffer + writer->used, room, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        writer->used += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

void mt_curve_write_number(mt_curve_writer *writer, double value) {
    char text[MT_NUMBER_ROOM];
    mt_number_text(value, text);
    if (isinf(value))
        mt_curve_write(writer, value > 0 ? "math.huge" : "-math.huge");
    else
        mt_curve_write(writer, "%s", text);
}

void mt_curve_write_part(mt_curve_writer *writer, const mt_curve *part, int binds) {
    int bare = part->kind->binds >= binds;
    if (!bare)
        mt_curve_write(writer, "(");
    part->kind->text(part, writer);
    if (!bare)
        mt_curve_write(writer, ")");
}

char *mt_curve_text(const mt_curve *curve, char *buffer, size_t size) {
    mt_curve_writer writer = {buffer, size, 0};
    if (size == 0)
        return buffer;
    buffer[0] = '\0';
    mt_curve_write_part(&writer, curve, MT_BINDS_THEN);
    if (writer.used + 1 >= size && size > 4)
        memcpy(buffer + size - 4, "...", 4);
    return buffer;
}
