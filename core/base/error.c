#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(mt_error *error, mt_code code, const char *source, uint64_t line, uint64_t column,
                 const char *format, va_list arguments) __attribute__((format(printf, 6, 0)));

static void fill(mt_error *error, mt_code code, const char *source, uint64_t line, uint64_t column,
                 const char *format, va_list arguments) {
    error->code = code;
    error->line = line;
    error->column = column;
    snprintf(error->source, sizeof error->source, "%s", source ? source : "");
    vsnprintf(error->message, sizeof error->message, format, arguments);
}

mt_code mt_fail(mt_error *error, mt_code code, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, NULL, 0, 0, format, arguments);
        va_end(arguments);
    }
    return code;
}

mt_code mt_fail_at(mt_error *error, mt_code code, const char *source, uint64_t line,
                   uint64_t column, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, source, line, column, format, arguments);
        va_end(arguments);
    }
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

/* Length of the well-formed UTF-8 sequence at text, 0 when there is none. */
static size_t utf8_length(const unsigned char *text, size_t left) {
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xC2 ? 0
                    : text[0] < 0xE0 ? 2
                    : text[0] < 0xF0 ? 3
                    : text[0] < 0xF5 ? 4
                                     : 0;
    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

char *mt_quote(const char *text, size_t length, char *buffer, size_t size) {
    size_t out = 0;
    for (size_t i = 0; i < length;) {
        size_t step = utf8_length((const unsigned char *)text + i, length - i);
        size_t need = step ? step : 1;
        if (out + need + 4 > size) {
            memcpy(buffer + out, "...", 3);
            out += 3;
            break;
        }
        if (step == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            buffer[out] = '?';
        else
            memcpy(buffer + out, text + i, need);
        out += need;
        i += need;
    }
    buffer[out] = '\0';
    return buffer;
}
