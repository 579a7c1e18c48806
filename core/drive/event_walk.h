/* A walk over the JSON of an event, inline for the sake of its speed. Private to event.c.
 *
 * Each byte is looked at once, and only as far as is needed to find the way: brackets must match and
 * members have names; what is in a string nobody asks for is not checked. */
#ifndef MT_DRIVE_EVENT_WALK_H
#define MT_DRIVE_EVENT_WALK_H

#include "base/span.h"
#include "drive/exchange.h" /* MT_COUNT_ABSENT, MT_COUNT_NULL */
#include "text/json.h"
#include "text/swar.h"

#include <string.h>

typedef struct walker {
    const char *at, *end;
    int is_bad; /* this is no JSON; `at` is the end then */
} walker;

static inline int fail(walker *cursor) {
    cursor->is_bad = 1;
    cursor->at = cursor->end;
    return 0;
}

/* The next byte that is not white space; 0 at the end. */
static inline char peek(walker *cursor) {
    while (cursor->at < cursor->end && (unsigned char)*cursor->at <= ' ')
        cursor->at++;
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

/* After the string whose opening quote is at `at`; NULL when it does not end. */
static inline const char *after_string(const char *at, const char *end) {
    for (at++; at < end;) {
        if (end - at >= 8) {
            uint64_t word = mt_load_word(at);
            uint64_t quote = word ^ MT_BYTES('"'), backslash = word ^ MT_BYTES('\\');
            uint64_t found =
                ((quote - MT_BYTES(1)) & ~quote) | ((backslash - MT_BYTES(1)) & ~backslash);
            found &= MT_BYTES(0x80);
            at += found ? (size_t)__builtin_ctzll(found) / 8 : 8;
            if (!found)
                continue;
        }
        if (*at == '"')
            return at + 1;
        at += *at == '\\' ? 2 : 1;
    }
    return NULL;
}

/* After the object or array that begins at `at`; NULL when its brackets do not match. */
static inline const char *after_brackets(const char *at, const char *end) {
    char open[MT_JSON_DEPTH];
    size_t depth = 0;
    while (at && at < end) {
        char byte = *at;
        if (byte == '"') {
            at = after_string(at, end);
            continue;
        }
        at++;
        if (byte == '{' || byte == '[') {
            if (depth == MT_JSON_DEPTH)
                return NULL;
            open[depth++] = byte;
        } else if (byte == '}' || byte == ']') {
            if (depth == 0 || open[--depth] != (byte == '}' ? '{' : '['))
                return NULL;
            if (depth == 0)
                return at;
        }
    }
    return NULL;
}

/* Passes over the value at the cursor and returns it; length 0 when there is none. */
static inline mt_span take_value(walker *cursor) {
    char byte = peek(cursor);
    const char *start = cursor->at, *after = start;
    if (byte == '"')
        after = after_string(start, cursor->end);
    else if (byte == '{' || byte == '[')
        after = after_brackets(start, cursor->end);
    else
        while (after < cursor->end && (unsigned char)*after > ' ' && *after != ',' &&
               *after != ']' && *after != '}')
            after++;
    if (!after || after == start) {
        fail(cursor);
        return (mt_span){"", 0};
    }
    cursor->at = after;
    return (mt_span){start, (size_t)(after - start)};
}

/* Goes inside when the value at the cursor begins with the bracket; else passes over it. */
static inline int enter(walker *cursor, char open) {
    if (peek(cursor) != open) {
        take_value(cursor);
        return 0;
    }
    cursor->at++;
    return 1;
}

/* Inside a bracket: is there a next item? `is_first` is 1 before the first. At the closing bracket
 * it goes outside. */
static inline int next_item(walker *cursor, char close, int *is_first) {
    char byte = peek(cursor);
    if (byte == close) {
        cursor->at++;
        return 0;
    }
    if (!*is_first) {
        if (byte != ',')
            return fail(cursor);
        cursor->at++;
    }
    *is_first = 0;
    return 1;
}

/* The same for members; the cursor is then at the member's value, which the caller takes. */
static inline int next_member(walker *cursor, mt_span *name, int *is_first) {
    if (!next_item(cursor, '}', is_first))
        return 0;
    if (peek(cursor) != '"')
        return fail(cursor);
    const char *start = cursor->at + 1;
    const char *after = after_string(cursor->at, cursor->end);
    if (!after)
        return fail(cursor);
    *name = (mt_span){start, (size_t)(after - start) - 1};
    cursor->at = after;
    if (peek(cursor) != ':')
        return fail(cursor);
    cursor->at++;
    return 1;
}

/* Inline: the length of a literal is then known. */
static inline int is(mt_span text, const char *word) {
    size_t length = strlen(word);
    return text.length == length && memcmp(text.text, word, length) == 0;
}

static inline int is_string(mt_span value) {
    return value.length >= 2 && value.text[0] == '"';
}

static inline mt_span without_quotes(mt_span value) {
    return is_string(value) ? (mt_span){value.text + 1, value.length - 2} : (mt_span){"", 0};
}

/* A whole number; MT_COUNT_ABSENT when it is none. */
static inline int64_t number_of(mt_span value) {
    mt_decimal decimal;
    if (mt_decimal_scan(value.text, value.length, 0, &decimal) != 0 || decimal.negative ||
        !decimal.exact || decimal.magnitude > INT64_MAX)
        return MT_COUNT_ABSENT;
    return (int64_t)decimal.magnitude;
}

static inline int64_t take_count(walker *cursor) {
    mt_span value = take_value(cursor);
    return is(value, "null") ? MT_COUNT_NULL : number_of(value);
}

#endif
