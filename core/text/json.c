#include "text/json.h"

#include "base/utf8.h"
#include "text/swar.h"

enum { QUOTE_SIZE = 48 };

const char *mt_json_fail(const mt_json *json, const char *at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_fail_list(json->error, MT_ERROR_INPUT, NULL, 0, (uint64_t)(at - json->begin) + 1, format,
                 arguments);
    va_end(arguments);
    return NULL;
}

const char *mt_json_unexpected(const mt_json *json, const char *at, const char *expected) {
    char found[QUOTE_SIZE];
    if (at >= json->end)
        return mt_json_fail(json, at, "expected %s, but the line ends", expected);
    mt_quote(at, (size_t)(json->end - at), found, sizeof found);
    return mt_json_fail(json, at, "expected %s, found '%s'", expected, found);
}

char *mt_json_quote(const mt_json *json, const char *at, char *buffer, size_t size) {
    mt_json quiet = {json->begin, json->end, NULL};
    const char *after = mt_json_value(&quiet, at);
    return mt_quote(at, (size_t)((after ? after : json->end) - at), buffer, size);
}

const char *mt_json_skip_space(const mt_json *json, const char *at) {
    while (at < json->end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* How many of the word's first bytes are printable ASCII other than '"' and '\', 0 to 8. (What is
 * taken away may be borrowed from the next byte only by a byte that is none of these.) */
static inline unsigned plain_bytes(uint64_t word) {
    uint64_t quote = word ^ MT_BYTES('"');
    uint64_t backslash = word ^ MT_BYTES('\\');
    uint64_t marked =
        word | (word - MT_BYTES(0x20)) | (quote - MT_BYTES(1)) | (backslash - MT_BYTES(1));
    marked &= MT_BYTES(0x80);
    return marked ? (unsigned)__builtin_ctzll(marked) >> 3 : 8;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The position after the escape that starts with the backslash at `at`. */
static const char *skip_escape(const mt_json *json, const char *at) {
    if (at + 1 >= json->end)
        return mt_json_fail(json, at, "the line ends inside a string");
    if (at[1] != 'u') {
        if (at[1] == '\0' || !strchr("\"\\/bfnrt", at[1]))
            return mt_json_unexpected(json, at, "an escape that JSON knows");
        return at + 2;
    }
    for (int i = 2; i < 6; i++)
        if (at + i >= json->end || hex_value(at[i]) < 0)
            return mt_json_unexpected(json, at, "four hexadecimal digits after \\u");
    return at + 6;
}

const char *mt_json_string(const mt_json *json, const char *at) {
    const char *start = at++;
    for (;;) {
        for (unsigned plain = 8; plain == 8 && json->end - at >= 8; at += plain)
            plain = plain_bytes(mt_load_word(at));
        if (at >= json->end) {
            char found[QUOTE_SIZE];
            mt_quote(start, (size_t)(json->end - start), found, sizeof found);
            return mt_json_fail(json, start, "the line ends inside the string '%s'", found);
        }
        unsigned char byte = (unsigned char)*at;
        if (byte == '"')
            return at + 1;
        if (byte == '\\') {
            at = skip_escape(json, at);
            if (!at)
                return NULL;
        } else if (byte < 0x20) {
            return mt_json_fail(json, at, "a control byte (0x%02X) inside a string", byte);
        } else if (byte < 0x80) {
            at++;
        } else {
            size_t length = mt_utf8_sequence(at, (size_t)(json->end - at));
            if (length == 0)
                return mt_json_fail(json, at, "byte 0x%02X is not UTF-8", byte);
            at += length;
        }
    }
}

static const char *skip_digits(const mt_json *json, const char *at) {
    while (at < json->end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

const char *mt_json_number(const mt_json *json, const char *at) {
    const char *start = at;
    if (at < json->end && *at == '-')
        at++;
    const char *digits = at;
    at = skip_digits(json, at);
    if (at == digits)
        return mt_json_unexpected(json, start, "a number");
    if (*digits == '0' && at - digits > 1)
        return mt_json_unexpected(json, start, "a number without leading zeros");
    if (at < json->end && *at == '.') {
        digits = at + 1;
        at = skip_digits(json, digits);
        if (at == digits)
            return mt_json_unexpected(json, start, "digits after a number's point");
    }
    if (at < json->end && (*at == 'e' || *at == 'E')) {
        digits = at + 1;
        if (digits < json->end && (*digits == '+' || *digits == '-'))
            digits++;
        at = skip_digits(json, digits);
        if (at == digits)
            return mt_json_unexpected(json, start, "digits in a number's exponent");
    }
    return at;
}

/* The position after the string, number or literal at `at`. */
static const char *skip_scalar(const mt_json *json, const char *at) {
    if (at >= json->end)
        return mt_json_unexpected(json, at, "a value");
    if (*at == '"')
        return mt_json_string(json, at);
    if (*at == '-' || (*at >= '0' && *at <= '9'))
        return mt_json_number(json, at);
    if (mt_json_is(json, at, "true", 4) || mt_json_is(json, at, "null", 4))
        return at + 4;
    if (mt_json_is(json, at, "false", 5))
        return at + 5;
    return mt_json_unexpected(json, at, "a value");
}

/* The position after a member's name and colon. */
static const char *skip_name(const mt_json *json, const char *at) {
    at = mt_json_space(json, at);
    if (at >= json->end || *at != '"')
        return mt_json_unexpected(json, at, "a member's name in quotes");
    at = mt_json_string(json, at);
    if (!at)
        return NULL;
    at = mt_json_space(json, at);
    if (at >= json->end || *at != ':')
        return mt_json_unexpected(json, at, "':' after a member's name");
    return at + 1;
}

/* The open containers, each a list or an object, innermost last. */
typedef struct nesting {
    unsigned depth;
    unsigned char is_object[MT_JSON_DEPTH];
} nesting;

/* Walks from `at` into containers, until it has passed a value that has none inside. */
static const char *enter(const mt_json *json, const char *at, nesting *open) {
    for (;;) {
        at = mt_json_space(json, at);
        if (at >= json->end || (*at != '{' && *at != '['))
            return skip_scalar(json, at);
        unsigned char is_object = *at == '{';
        const char *inside = mt_json_space(json, at + 1);
        if (open->depth == MT_JSON_DEPTH)
            return mt_json_fail(json, at, "values are nested more than %d deep", MT_JSON_DEPTH);
        if (inside < json->end && *inside == (is_object ? '}' : ']'))
            return inside + 1;
        open->is_object[open->depth++] = is_object;
        at = is_object ? skip_name(json, inside) : inside;
        if (!at)
            return NULL;
    }
}

const char *mt_json_value(const mt_json *json, const char *at) {
    nesting open;
    open.depth = 0;
    at = enter(json, at, &open);
    while (at && open.depth > 0) {
        int is_object = open.is_object[open.depth - 1];
        at = mt_json_space(json, at);
        if (at < json->end && *at == ',') {
            at = is_object ? skip_name(json, at + 1) : at + 1;
            if (at)
                at = enter(json, at, &open);
        } else if (at < json->end && *at == (is_object ? '}' : ']')) {
            open.depth--;
            at++;
        } else {
            return mt_json_unexpected(json, at, is_object ? "',' or '}'" : "',' or ']'");
        }
    }
    return at;
}

mt_code mt_json_check(const char *text, size_t length, mt_error *error) {
    mt_json json = {text, text + length, error};
    const char *at = mt_json_value(&json, text);
    if (!at)
        return MT_ERROR_INPUT;
    at = mt_json_space(&json, at);
    if (at == json.end)
        return MT_OK;
    mt_json_unexpected(&json, at, "nothing after the value");
    return MT_ERROR_INPUT;
}

/* The four hexadecimal digits at `at`. */
static unsigned code_unit(const char *at) {
    unsigned unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (unsigned)hex_value(at[i]);
    return unit;
}

static char *put_utf8(unsigned point, char *to) {
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xC0 | point >> 6);
        *to++ = (char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *to++ = (char)(0xE0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
        *to++ = (char)(0x80 | (point & 0x3F));
    } else {
        *to++ = (char)(0xF0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 0x3F));
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
        *to++ = (char)(0x80 | (point & 0x3F));
    }
    return to;
}

size_t mt_json_decode(const char *token, size_t length, char *to) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *at = token + 1, *end = token + length - 1;
    char *start = to;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
        } else if (at[1] != 'u') {
            *to++ = meanings[strchr(names, at[1]) - names];
            at += 2;
        } else {
            unsigned point = code_unit(at + 2);
            at += 6;
            int is_high = point >= 0xD800 && point < 0xDC00;
            if (is_high && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
                unsigned low = code_unit(at + 2);
                if (low >= 0xDC00 && low < 0xE000) {
                    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
                    at += 6;
                }
            }
            if (point >= 0xD800 && point < 0xE000)
                point = 0xFFFD;
            to = put_utf8(point, to);
        }
    }
    return (size_t)(to - start);
}

/* One byte of a string token: escaped where it must be, in the shortest form. */
static char *put_byte(char byte, char *to) {
    static const char names[] = "\"\\bfnrt", meanings[] = "\"\\\b\f\n\r\t";
    static const char hex[] = "0123456789abcdef";
    const char *known = byte ? strchr(meanings, byte) : NULL;
    if (known) {
        *to++ = '\\';
        *to++ = names[known - meanings];
    } else if ((unsigned char)byte < 0x20) {
        to[0] = '\\';
        to[1] = 'u';
        to[2] = to[3] = '0';
        to[4] = hex[(unsigned char)byte >> 4];
        to[5] = hex[byte & 0xF];
        to += 6;
    } else {
        *to++ = byte;
    }
    return to;
}

size_t mt_json_encode(const char *text, size_t length, char *to) {
    char *start = to;
    *to++ = '"';
    for (size_t i = 0; i < length; i++)
        to = put_byte(text[i], to);
    *to++ = '"';
    return (size_t)(to - start);
}

/* The bytes of the escape at `at`, both halves of a surrogate pair. *is_half: one half stands alone. */
static size_t escape_length(const char *at, const char *end, int *is_half) {
    *is_half = 0;
    if (at[1] != 'u')
        return 2;
    unsigned unit = code_unit(at + 2);
    if (unit < 0xD800 || unit >= 0xE000)
        return 6;
    int is_pair = unit < 0xDC00 && end - at > 12 && at[6] == '\\' && at[7] == 'u' &&
                  (code_unit(at + 8) & 0xFC00) == 0xDC00;
    *is_half = !is_pair;
    return is_pair ? 12 : 6;
}

size_t mt_json_normalise(const char *token, size_t length, char *to) {
    const char *at = token, *end = token + length;
    char *start = to, quoted[14] = "\"", plain[12];
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        int is_half;
        size_t used = escape_length(at, end, &is_half);
        if (is_half) {
            for (size_t i = 0; i < used; i++)
                *to++ = at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] + 'a' - 'A') : at[i];
        } else {
            memcpy(quoted + 1, at, used);
            size_t bytes = mt_json_decode(quoted, used + 2, plain);
            for (size_t i = 0; i < bytes; i++)
                to = put_byte(plain[i], to);
        }
        at += used;
    }
    return (size_t)(to - start);
}
