#include "base/text.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mt_text_add(mt_text *text, const char *bytes, size_t length) {
    if (MT_GROW(text->bytes, text->capacity, text->length + length) != 0)
        return -1;
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
