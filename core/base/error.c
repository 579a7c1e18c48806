#include "base/error.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

mt_code mt_fail_list(mt_error *error, mt_code code, const char *source, uint64_t line,
                     uint64_t column, const char *format, va_list arguments) {
    if (!error)
        return code;
    error->code = code;
    error->line = line;
    error->column = column;
    error->can_be_skipped = 0;
    snprintf(error->source, sizeof error->source, "%s", source ? source : "");
    vsnprintf(error->message, sizeof error->message, format, arguments);
    return code;
}

mt_code mt_fail(mt_error *error, mt_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_fail_list(error, code, NULL, 0, 0, format, arguments);
    va_end(arguments);
    return code;
}

mt_code mt_fail_at(mt_error *error, mt_code code, const char *source, uint64_t line,
                   uint64_t column, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_fail_list(error, code, source, line, column, format, arguments);
    va_end(arguments);
    return code;
}

mt_code mt_fail_errno(mt_error *error, const char *source, const char *what, int errno_value) {
    mt_code code = errno_value == EPIPE ? MT_ERROR_CLOSED : MT_ERROR_IO;
    if (errno_value == ENOMEM)
        code = MT_ERROR_MEMORY;
    return mt_fail_at(error, code, source, 0, 0, "%s: %s", what, strerror(errno_value));
}

mt_code mt_fail_memory(mt_error *error, const char *what) {
    return mt_fail(error, MT_ERROR_MEMORY, "out of memory (%s)", what);
}

char *mt_error_text(const mt_error *error, char *buffer, size_t size) {
    char place[64] = "";
    if (error->line && error->column)
        snprintf(place, sizeof place, "%llu:%llu: ", (unsigned long long)error->line,
                 (unsigned long long)error->column);
    else if (error->line)
        snprintf(place, sizeof place, "%llu: ", (unsigned long long)error->line);
    const char *colon = !error->source[0] ? "" : error->line ? ":" : ": ";
    snprintf(buffer, size, "%s%s%s%s", error->source, colon, place, error->message);
    return buffer;
}

/* Length of the UTF-8 sequence at text that a message may show, 0 when there is none: control
 * characters are not shown (a terminal obeys those of U+0080..U+009F too). */
static size_t shown_length(const char *text, size_t left) {
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x20 || byte[0] == 0x7F)
        return 0;
    if (byte[0] == 0xC2 && left > 1 && byte[1] < 0xA0)
        return 0;
    return mt_utf8_sequence(text, left);
}

char *mt_quote(const char *text, size_t length, char *buffer, size_t size) {
    size_t out = 0;
    for (size_t i = 0; i < length;) {
        size_t step = shown_length(text + i, length - i);
        size_t need = step ? step : 1;
        int all_fits = out + (length - i) < size;
        if (!all_fits && out + need + 4 > size) {
            memcpy(buffer + out, "...", 3);
            out += 3;
            break;
        }
        if (step == 0)
            buffer[out] = '?';
        else
            memcpy(buffer + out, text + i, need);
        out += need;
        i += need;
    }
    buffer[out] = '\0';
    return buffer;
}
