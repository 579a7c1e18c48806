#include "base/utf8.h"

size_t mt_utf8_sequence(const char *text, size_t left) {
    const unsigned char *byte = (const unsigned char *)text;
    unsigned low = 0x80, high = 0xBF; /* bounds of the second byte */
    size_t length;
    if (left == 0 || byte[0] > 0xF4 || (byte[0] >= 0x80 && byte[0] < 0xC2))
        return 0;
    if (byte[0] < 0x80)
        return 1;
    length = byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    if (byte[0] == 0xE0)
        low = 0xA0;
    else if (byte[0] == 0xED)
        high = 0x9F;
    else if (byte[0] == 0xF0)
        low = 0x90;
    else if (byte[0] == 0xF4)
        high = 0x8F;
    if (left < length || byte[1] < low || byte[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
    return length;
}
