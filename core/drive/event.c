#include "drive/event.h"

#include "text/json.h"
#include "text/swar.h"

#include <string.h>

/* --- walking the text ---------------------------------------------------------------------------- */

/* Each byte is looked at once, and only as far as is needed to find the way: brackets must match and
 * members have names; what is in a string nobody asks for is not checked. */
typedef struct walker {
    const char *at, *end;
    int is_bad; /* this is no JSON; `at` is the end then */
} walker;

static int fail(walker *cursor) {
    cursor->is_bad = 1;
    cursor->at = cursor->end;
    return 0;
}

/* The next byte that is not white space; 0 at the end. */
static char peek(walker *cursor) {
    while (cursor->at < cursor->end && (unsigned char)*cursor->at <= ' ')
        cursor->at++;
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

/* After the string whose opening quote is at `at`; NULL when it does not end. */
static const char *after_string(const char *at, const char *end) {
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
static const char *after_brackets(const char *at, const char *end) {
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
static mt_span take_value(walker *cursor) {
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
static int enter(walker *cursor, char open) {
    if (peek(cursor) != open) {
        take_value(cursor);
        return 0;
    }
    cursor->at++;
    return 1;
}

/* Inside a bracket: is there a next item? `is_first` is 1 before the first. At the closing bracket
 * it goes outside. */
static int next_item(walker *cursor, char close, int *is_first) {
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
static int next_member(walker *cursor, mt_span *name, int *is_first) {
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

static int is_string(mt_span value) {
    return value.length >= 2 && value.text[0] == '"';
}

static mt_span without_quotes(mt_span value) {
    return is_string(value) ? (mt_span){value.text + 1, value.length - 2} : (mt_span){"", 0};
}

/* A whole number; MT_COUNT_ABSENT when it is none. */
static int64_t number_of(mt_span value) {
    mt_decimal decimal;
    if (mt_decimal_scan(value.text, value.length, 0, &decimal) != 0 || decimal.negative ||
        !decimal.exact || decimal.magnitude > INT64_MAX)
        return MT_COUNT_ABSENT;
    return (int64_t)decimal.magnitude;
}

static int64_t take_count(walker *cursor) {
    mt_span value = take_value(cursor);
    return is(value, "null") ? MT_COUNT_NULL : number_of(value);
}

/* --- usage -------------------------------------------------------------------------------------- */

static void read_details(walker *cursor, const char *name, int64_t *count) {
    mt_span member;
    int is_first = 1;
    if (peek(cursor) == 'n')
        *count = MT_COUNT_NULL;
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &member, &is_first))
        if (is(member, name))
            *count = take_count(cursor);
        else
            take_value(cursor);
}

static void read_usage(walker *cursor, mt_said *said) {
    mt_span name;
    int is_first = 1;
    if (!enter(cursor, '{'))
        return;
    said->says |= MT_SAYS_USAGE;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "prompt_tokens"))
            said->prompt_tokens = take_count(cursor);
        else if (is(name, "completion_tokens"))
            said->completion_tokens = take_count(cursor);
        else if (is(name, "prompt_tokens_details"))
            read_details(cursor, "cached_tokens", &said->cached_tokens);
        else if (is(name, "completion_tokens_details"))
            read_details(cursor, "reasoning_tokens", &said->reasoning_tokens);
        else
            take_value(cursor);
}

/* --- choices ------------------------------------------------------------------------------------ */

/* What one choice says. */
typedef struct choice_said {
    unsigned says;
    int is_empty; /* a text, and nothing in it */
} choice_said;

/* A value that begins with `open` is content; null and other things are not. Gives it. */
static mt_span take_content(walker *cursor, char open, mt_said *said, choice_said *choice) {
    mt_span value = take_value(cursor);
    if (value.length < 2 || value.text[0] != open)
        return (mt_span){"", 0};
    if (value.length == 2) {
        choice->is_empty = 1;
        return (mt_span){"", 0};
    }
    choice->says |= MT_SAYS_CONTENT;
    if (said->content.length == 0)
        said->content = value;
    return value;
}

/* The answer's text, of the first choice that has one. */
static void take_text(walker *cursor, mt_said *said, choice_said *choice) {
    mt_span value = take_content(cursor, '"', said, choice);
    if (said->text.length == 0)
        said->text = without_quotes(value);
}

/* delta of a chunk, message of a whole answer. */
static void read_delta(walker *cursor, mt_said *said, choice_said *choice) {
    mt_span name;
    int is_first = 1;
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "content"))
            take_text(cursor, said, choice);
        else if (is(name, "reasoning_content") || is(name, "reasoning") || is(name, "refusal"))
            take_content(cursor, '"', said, choice);
        else if (is(name, "tool_calls"))
            take_content(cursor, '[', said, choice);
        else if (is(name, "function_call"))
            take_content(cursor, '{', said, choice);
        else if (is_string(take_value(cursor)) && is(name, "role"))
            choice->says |= MT_SAYS_ROLE;
}

static void read_choice(walker *cursor, mt_said *said) {
    mt_span name;
    int is_first = 1;
    choice_said choice = {0, 0};
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &name, &is_first)) {
        if (is(name, "delta") || is(name, "message")) {
            read_delta(cursor, said, &choice);
        } else if (is(name, "text")) {
            take_text(cursor, said, &choice);
        } else {
            mt_span value = without_quotes(take_value(cursor));
            if (value.length > 0 && is(name, "finish_reason")) { /* TGI's is "" until the end */
                choice.says |= MT_SAYS_FINISH;
                said->finish_reason = value;
            }
        }
    }
    if (choice.is_empty && !(choice.says & (MT_SAYS_CONTENT | MT_SAYS_ROLE | MT_SAYS_FINISH)))
        choice.says |= MT_SAYS_LIVE;
    said->says |= choice.says;
}

static void read_choices(walker *cursor, mt_said *said) {
    int is_first = 1;
    if (!enter(cursor, '['))
        return;
    said->says |= MT_SAYS_CHOICES;
    while (next_item(cursor, ']', &is_first))
        read_choice(cursor, said);
}

/* --- errors ------------------------------------------------------------------------------------- */

/* A member that both forms of an error have. */
static void read_error_member(walker *cursor, mt_span name, mt_said *said) {
    mt_span value = take_value(cursor);
    if (is(name, "message") || is(name, "detail")) {
        said->error_message = without_quotes(value);
    } else if (is(name, "code") || is(name, "http_status_code") || is(name, "status")) {
        int64_t status = number_of(is_string(value) ? without_quotes(value) : value);
        if (status > 0 && status < 1000)
            said->error_status = (int)status;
    }
}

static void read_error(walker *cursor, mt_said *said) {
    mt_span name;
    int is_first = 1;
    char byte = peek(cursor);
    if (byte != 'n')
        said->says |= MT_SAYS_ERROR;
    if (byte != '{')
        said->error_message = without_quotes(take_value(cursor));
    else if (enter(cursor, '{'))
        while (next_member(cursor, &name, &is_first))
            read_error_member(cursor, name, said);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static void read_members(walker *cursor, mt_said *said) {
    mt_span name;
    mt_said flat = {0};
    int is_first = 1, is_error_object = 0;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "choices"))
            read_choices(cursor, said);
        else if (is(name, "usage"))
            read_usage(cursor, said);
        else if (is(name, "error"))
            read_error(cursor, said);
        else if (is(name, "object"))
            is_error_object = is(take_value(cursor), "\"error\"");
        else
            read_error_member(cursor, name, &flat);
    /* {"object":"error","message":...}, {"message":...,"type":...,"code":400}, {"detail":...} */
    if (is_error_object || (flat.error_message.length > 0 && !(said->says & MT_SAYS_CHOICES))) {
        said->says |= MT_SAYS_ERROR;
        if (said->error_message.length == 0)
            said->error_message = flat.error_message;
        if (said->error_status == 0)
            said->error_status = flat.error_status;
    }
}

int mt_said_read(const char *text, size_t length, mt_said *said) {
    *said = (mt_said){.prompt_tokens = MT_COUNT_ABSENT,
                      .completion_tokens = MT_COUNT_ABSENT,
                      .cached_tokens = MT_COUNT_ABSENT,
                      .reasoning_tokens = MT_COUNT_ABSENT};
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r'))
        length--;
    if (is((mt_span){text, length}, "[DONE]")) {
        said->says = MT_SAYS_DONE;
        return 0;
    }
    walker cursor = {text, text + length, 0};
    if (peek(&cursor) != '{')
        return -1;
    cursor.at++;
    read_members(&cursor, said);
    return cursor.is_bad || peek(&cursor) != '\0' || cursor.at != cursor.end ? -1 : 0;
}
