/* Curves as the expressions that a script would write. */
#include "load/curve/kind.h"

void mt_curve_write_part(mt_text_writer *writer, const mt_curve *part, int binds) {
    int bare = part->kind->binds >= binds;
    if (!bare)
        mt_write_text(writer, "(");
    part->kind->text(part, writer);
    if (!bare)
        mt_write_text(writer, ")");
}

char *mt_curve_text(const mt_curve *curve, char *buffer, size_t size) {
    mt_text_writer writer = {buffer, size, 0};
    if (size == 0)
        return buffer;
    mt_curve_write_part(&writer, curve, MT_BINDS_THEN);
    return mt_text_written(&writer);
}
