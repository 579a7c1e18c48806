#include "trace/scanner.h"

#include "base/memory.h"
#include "text/json.h"
#include "text/number_list.h"
#include "text/swar.h"

#include <inttypes.h>
#include <stddef.h>

enum { QUOTE_SIZE = 48, NAME_LIMIT = 16 };

static const struct {
    int scale; /* nanoseconds are 10^scale of it */
    int64_t nanoseconds;
    const char *name, *want, *option;
} units[MT_TIME_UNITS] = {
    {6, 1000000, "milliseconds", "a number of milliseconds of at least 0", "ms"},
    {9, 1000000000, "seconds", "a number of seconds of at least 0", "s"},
    {3, 1000, "microseconds", "a number of microseconds of at least 0", "us"},
    {0, 1, "nanoseconds", "a number of nanoseconds of at least 0", "ns"}};

/* The members of ours, in the order of `members`. */
typedef enum member {
    TIMESTAMP,
    INPUT_LENGTH,
    OUTPUT_LENGTH,
    HASH_IDS,
    SESSION_ID,
    DELAY,
    STREAM,
    OTHER
} member;

static const struct {
    const char *name;
    size_t length;
    unsigned has;
} members[OTHER] = {{"timestamp", 9, MT_HAS_TIME},
                    {"input_length", 12, MT_HAS_INPUT_LENGTH},
                    {"output_length", 13, MT_HAS_OUTPUT_LENGTH},
                    {"hash_ids", 8, MT_HAS_HASH_IDS},
                    {"session_id", 10, MT_HAS_SESSION},
                    {"delay", 5, MT_HAS_DELAY},
                    {"stream", 6, MT_HAS_STREAM}};

/* What other tools call members of ours: read where ours is not there, and kept as it is beside. */
static const struct {
    const char *name;
    size_t length;
    member which;
} aliases[] = {{"created_time", 12, TIMESTAMP},
               {"input_tokens", 12, INPUT_LENGTH},
               {"output_tokens", 13, OUTPUT_LENGTH},
               {"delay_ms", 8, DELAY}};

enum { ALIASES = sizeof aliases / sizeof *aliases };

typedef struct scan {
    mt_json json;
    mt_scan_buffer *buffer;
    mt_request *request;
    unsigned seen;         /* MT_HAS_... of the names met, null members too */
    const char *separator; /* where the comma before the member stands; NULL before the first */
    const char *extra_end; /* in the text: where the last other member ended; NULL: none yet */
    size_t extra_copied;   /* bytes in buffer->extra; 0: the extra members are still one span */
    const char *alias[ALIASES]; /* their values in the text; NULL: not there */
} scan;

/* ---- numbers ---- */

/* A whole number of eight digits or more; its end, or NULL when it does not fit 64 bits. */
static __attribute__((noinline)) const char *long_count(const char *at, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned taken = 0;; taken += 8) {
        uint64_t word = mt_load_word(at);
        unsigned digits = mt_leading_digits(word);
        if (digits == 8 && taken < 16) {
            result = result * 100000000 + mt_digits_value(word, 8);
            at += 8;
            continue;
        }
        if (taken + digits > 20)
            return NULL;
        for (; digits > 0; digits--, at++)
            if (__builtin_mul_overflow(result, 10, &result) ||
                __builtin_add_overflow(result, (uint64_t)(*at - '0'), &result))
                return NULL;
        *value = result;
        return at;
    }
}

/* The fast path of all numbers: plain digits without a leading zero. Returns their end, or NULL
 * when there are none such. What follows them is the caller's to look at. Reads up to 32 bytes. */
static inline const char *plain_count(const char *at, uint64_t *value) {
    uint64_t word = mt_load_word(at);
    unsigned digits = mt_leading_digits(word);
    if (digits == 0 || (*at == '0' && digits > 1))
        return NULL;
    if (digits == 8)
        return long_count(at, value);
    *value = mt_digits_value(word, digits);
    return at + digits;
}

/* Can a number go on with this byte after its plain digits? */
static inline int is_number_byte(char byte) {
    return byte == '.' || byte == 'e' || byte == 'E';
}

/* Fails about the value at `at`: if it is JSON at all, it is not what `name` wants. */
static const char *wrong_value(const scan *s, const char *at, const char *name, const char *want) {
    char quote[QUOTE_SIZE];
    mt_error *error = s->json.error;
    mt_json walk = {s->json.begin, s->json.end, error};
    if (!mt_json_value(&walk, at))
        return NULL;
    return mt_json_fail(&s->json, at, "%s must be %s, not %s", name, want,
                        mt_json_quote(&s->json, at, quote, sizeof quote));
}

/* The number at `at`, which is out of range where *is_large becomes 1. */
static const char *scan_decimal(const scan *s, const char *at, const char *name, const char *want,
                                int scale, mt_decimal *decimal, int *is_large) {
    if (at >= s->json.end || (*at != '-' && (*at < '0' || *at > '9')))
        return wrong_value(s, at, name, want);
    const char *after = mt_json_number(&s->json, at);
    if (after)
        *is_large = mt_decimal_scan(at, (size_t)(after - at), scale, decimal) != 0;
    return after;
}

static const char *out_of_range(const scan *s, const char *at, const char *after,
                                const char *name) {
    char quote[QUOTE_SIZE];
    mt_quote(at, (size_t)(after - at), quote, sizeof quote);
    return mt_json_fail(&s->json, at, "%s is out of range: %s", name, quote);
}

/* A whole number in any of the forms that JSON has for it but the plain one. */
static __attribute__((noinline)) const char *scan_other_count(const scan *s, const char *at,
                                                              const char *name, uint64_t *value) {
    static const char want[] = "a whole number of at least 0";
    mt_decimal decimal = {0};
    int is_large = 0;
    const char *after = scan_decimal(s, at, name, want, 0, &decimal, &is_large);
    if (!after)
        return NULL;
    if (is_large)
        return out_of_range(s, at, after, name);
    if (decimal.negative || !decimal.exact)
        return wrong_value(s, at, name, want);
    *value = decimal.magnitude;
    return after;
}

/* A whole number of 0 to 2^64 - 1. */
static inline const char *scan_count(const scan *s, const char *at, const char *name,
                                     uint64_t *value) {
    const char *after = plain_count(at, value);
    return after && !is_number_byte(*after) ? after : scan_other_count(s, at, name, value);
}

/* A time that is too large for its unit: with one that it is likely to have, microseconds where
 * they are of this century since 1970, else nanoseconds. */
static const char *late_time(const scan *s, const char *at, const char *after, const char *name) {
    static const uint64_t least = UINT64_C(978307200000000000); /* 2001-01-01 */
    static const uint64_t most = UINT64_C(4102444800000000000); /* 2100-01-01 */
    mt_decimal decimal;
    size_t length = (size_t)(after - at);
    mt_time_unit unit = MT_UNIT_MICROSECONDS;
    if (mt_decimal_scan(at, length, units[unit].scale, &decimal) != 0 ||
        decimal.magnitude < least || decimal.magnitude > most) {
        unit = MT_UNIT_NANOSECONDS;
        if (mt_decimal_scan(at, length, units[unit].scale, &decimal) != 0 ||
            decimal.magnitude > INT64_MAX)
            return out_of_range(s, at, after, name);
    }
    if (s->buffer->unit != MT_UNIT_MILLISECONDS)
        return mt_json_fail(&s->json, at, "%s is out of range: more than 292 years", name);
    return mt_json_fail(&s->json, at,
                        "%s is out of range: more than 292 years (if these are %s, 'moontide cat "
                        "--time-unit %s' reads them)",
                        name, units[unit].name, units[unit].option);
}

/* A time in any of the forms that JSON has for it but the plain one, or one that is too large. */
static __attribute__((noinline)) const char *scan_other_time(const scan *s, const char *at,
                                                             const char *name, int64_t *value) {
    mt_time_unit unit = s->buffer->unit;
    mt_decimal decimal = {0};
    int is_large = 0;
    const char *after =
        scan_decimal(s, at, name, units[unit].want, units[unit].scale, &decimal, &is_large);
    if (!after)
        return NULL;
    if (decimal.negative)
        return wrong_value(s, at, name, units[unit].want);
    if (is_large || decimal.magnitude > INT64_MAX)
        return late_time(s, at, after, name);
    *value = (int64_t)decimal.magnitude;
    return after;
}

/* As the trace writes it in the text, nanoseconds in the record. */
static inline const char *scan_time(const scan *s, const char *at, const char *name,
                                    int64_t *value) {
    const int64_t unit = units[s->buffer->unit].nanoseconds;
    uint64_t whole;
    int64_t time;
    const char *after = plain_count(at, &whole);
    if (!after || is_number_byte(*after) || whole > INT64_MAX ||
        __builtin_mul_overflow((int64_t)whole, unit, &time))
        return scan_other_time(s, at, name, value);
    *value = time;
    return after;
}

/* ---- members of ours ---- */

static int more_ids(scan *s, size_t count) {
    mt_scan_buffer *buffer = s->buffer;
    if (count <= buffer->id_capacity ||
        (!buffer->is_fixed && MT_GROW(buffer->ids, buffer->id_capacity, count) == 0))
        return 0;
    mt_fail_memory(s->json.error, "ids of a request");
    return -1;
}

/* The list from a number on, in any form that JSON has for it. */
static const char *scan_any_ids(scan *s, const char *at, size_t *count) {
    const mt_json *json = &s->json;
    for (;;) {
        if (*count == s->buffer->id_capacity && more_ids(s, *count + 1) != 0)
            return NULL;
        at = scan_count(s, mt_json_space(json, at), "an id of hash_ids", &s->buffer->ids[*count]);
        if (!at)
            return NULL;
        ++*count;
        at = mt_json_space(json, at);
        if (*at == ']')
            return at + 1;
        if (*at != ',')
            return mt_json_unexpected(json, at, "',' or ']' in hash_ids");
        at = mt_json_space(json, at + 1);
    }
}

/* The list after its '[' as the text it is; NULL where that does not say what it is. */
static const char *leave_ids(const scan *s, const char *at) {
    size_t count;
    const char *after = mt_number_list_pass(at, &count);
    if (!after)
        return NULL;
    s->request->ids_text = (mt_ids_text){{at - 1, (size_t)(after - at) + 1}, NULL, count};
    s->request->hash_ids = NULL;
    s->request->hash_count = count;
    return after;
}

/* The list after its '[': many numbers at once as long as they are plain, then one by one. */
static const char *scan_ids(scan *s, const char *at) {
    mt_scan_buffer *buffer = s->buffer;
    mt_number_list list = {.is_spaced = (unsigned char)*at > ' '};
    const char *start = at - 1;
    at = mt_json_space(&s->json, at);
    if (*at == ']' && at < s->json.end) {
        at++;
        list.is_closed = 1;
    }
    for (size_t before = SIZE_MAX; !list.is_closed && list.count != before;) {
        before = list.count;
        if (more_ids(s, list.count + MT_NUMBERS_AT_ONCE) != 0)
            return NULL;
        list.values = buffer->ids;
        list.capacity = buffer->id_capacity;
        at = mt_number_list_read(&list, at);
    }
    if (!list.is_closed)
        at = scan_any_ids(s, at, &list.count);
    else if (list.is_spaced && list.count > 0)
        s->request->ids_text =
            (mt_ids_text){{start, (size_t)(at - start)}, buffer->ids, list.count};
    s->request->hash_ids = buffer->ids;
    s->request->hash_count = list.count;
    return at;
}

static const char *scan_hash_ids(scan *s, const char *at) {
    if (*at != '[')
        return wrong_value(s, at, "hash_ids", "a list of whole numbers");
    const char *after = s->buffer->leaves_ids ? leave_ids(s, at + 1) : NULL;
    return after ? after : scan_ids(s, at + 1);
}

/* The string at `at` as the token that equal strings have. */
static const char *scan_string(const scan *s, const char *at, char **buffer, size_t *capacity,
                               mt_span *token) {
    const char *after = mt_json_string(&s->json, at);
    if (!after)
        return NULL;
    *token = (mt_span){at, (size_t)(after - at)};
    if (!memchr(at, '\\', token->length))
        return after;
    if (MT_GROW(*buffer, *capacity, token->length) != 0)
        return mt_null(mt_fail_memory(s->json.error, "name of a session or stream"));
    *token = (mt_span){*buffer, mt_json_normalise(at, token->length, *buffer)};
    return after;
}

static const char *scan_session(const scan *s, const char *at, mt_span *token) {
    if (*at == '"')
        return scan_string(s, at, &s->buffer->session, &s->buffer->session_capacity, token);
    if (*at != '-' && (*at < '0' || *at > '9'))
        return wrong_value(s, at, "session_id", "a string or a number");
    const char *after = mt_json_number(&s->json, at);
    if (after)
        *token = (mt_span){at, (size_t)(after - at)};
    return after;
}

/* The value at `at` of a member of ours that is not null. */
static const char *scan_member(scan *s, member which, const char *at) {
    mt_request *request = s->request;
    switch (which) {
    case TIMESTAMP:
        return scan_time(s, at, "timestamp", &request->time_ns);
    case INPUT_LENGTH:
        return scan_count(s, at, "input_length", &request->input_length);
    case OUTPUT_LENGTH:
        return scan_count(s, at, "output_length", &request->output_length);
    case HASH_IDS:
        return scan_hash_ids(s, at);
    case SESSION_ID:
        return scan_session(s, at, &request->session);
    case DELAY:
        return scan_time(s, at, "delay", &request->delay_ns);
    case STREAM:
        return scan_string(s, at, &s->buffer->stream, &s->buffer->stream_capacity,
                           &request->stream);
    case OTHER:
        break;
    }
    return NULL;
}

/* ---- members of others ---- */

static int append_extra(scan *s, const char *from, const char *to) {
    mt_scan_buffer *buffer = s->buffer;
    size_t length = (size_t)(to - from);
    if (MT_GROW(buffer->extra, buffer->extra_capacity, s->extra_copied + length) != 0)
        return mt_failed(mt_fail_memory(s->json.error, "other members of a request"));
    memcpy(buffer->extra + s->extra_copied, from, length);
    s->extra_copied += length;
    return 0;
}

/* Keeps the member from..to. As long as they stand side by side they are one span of the text;
 * after that they are copied, each with the separator it had. */
static int keep_extra(scan *s, const char *from, const char *to) {
    mt_span *extra = &s->request->extra;
    if (!s->extra_end) {
        *extra = (mt_span){from, (size_t)(to - from)};
    } else if (s->extra_copied == 0 && s->separator == s->extra_end) {
        extra->length = (size_t)(to - extra->text);
    } else {
        if (s->extra_copied == 0 && append_extra(s, extra->text, extra->text + extra->length) != 0)
            return -1;
        if (append_extra(s, s->separator, to) != 0)
            return -1;
        *extra = (mt_span){s->buffer->extra, s->extra_copied};
    }
    s->extra_end = to;
    return 0;
}

/* ---- the line ---- */

static inline member match(const char *name, size_t length) {
    for (member which = TIMESTAMP; which < OTHER; which++)
        if (length == members[which].length && memcmp(name, members[which].name, length) == 0)
            return which;
    return OTHER;
}

/* Which member the name token is; a name may be written with escapes. */
static member which_member(const char *token, size_t length) {
    char plain[6 * NAME_LIMIT];
    if (length > sizeof plain)
        return OTHER;
    if (!memchr(token, '\\', length))
        return match(token + 1, length - 2);
    return match(plain, mt_json_decode(token, length, plain));
}

/* The canonical spelling `"name": ` of member `which`, which is the commonest next one: after it,
 * or NULL. Reads up to 16 bytes. */
static inline const char *expect_name(const char *at, member which) {
    switch (which) {
    case TIMESTAMP:
        return memcmp(at, "\"timestamp\": ", 13) == 0 ? at + 13 : NULL;
    case INPUT_LENGTH:
        return memcmp(at, "\"input_length\": ", 16) == 0 ? at + 16 : NULL;
    case OUTPUT_LENGTH:
        return memcmp(at, "\"output_length\": ", 17) == 0 ? at + 17 : NULL;
    case HASH_IDS:
        return memcmp(at, "\"hash_ids\": ", 12) == 0 ? at + 12 : NULL;
    case SESSION_ID:
        return memcmp(at, "\"session_id\": ", 14) == 0 ? at + 14 : NULL;
    case DELAY:
        return memcmp(at, "\"delay\": ", 9) == 0 ? at + 9 : NULL;
    case STREAM:
        return memcmp(at, "\"stream\": ", 10) == 0 ? at + 10 : NULL;
    default:
        return NULL;
    }
}

/* After the name and the colon of the member at `at`; which it is in *which. */
static const char *scan_name(const scan *s, const char *at, member *which) {
    const mt_json *json = &s->json;
    if (*at != '"' || at >= json->end)
        return mt_json_unexpected(json, at, "a member's name in quotes");
    const char *after = mt_json_string(json, at);
    if (!after)
        return NULL;
    *which = which_member(at, (size_t)(after - at));
    after = mt_json_space(json, after);
    if (*after != ':')
        return mt_json_unexpected(json, after, "':' after a member's name");
    return after + 1;
}

static void note_alias(scan *s, const char *name, const char *value) {
    for (size_t i = 0; i < ALIASES; i++) {
        size_t length = aliases[i].length;
        if (s->json.end - name > (ptrdiff_t)length + 2 && name[1 + length] == '"' &&
            memcmp(name + 1, aliases[i].name, length) == 0)
            s->alias[i] = value;
    }
}

/* Numbers only: a date under one of these names is another tool's own. */
static int take_aliases(scan *s) {
    for (size_t i = 0; i < ALIASES; i++) {
        const char *at = s->alias[i];
        unsigned has = members[aliases[i].which].has;
        if (!at || s->seen & has || *at < '0' || *at > '9')
            continue;
        s->request->has |= has;
        if (!scan_member(s, aliases[i].which, at))
            return -1;
    }
    return 0;
}

static const char *scan_any_member(scan *s, const char *at, member *guess) {
    const char *name = at;
    member which = *guess;
    at = expect_name(name, which);
    if (!at)
        at = scan_name(s, name, &which);
    if (!at)
        return NULL;
    at = mt_json_space(&s->json, at);
    *guess = which == OTHER ? OTHER : which + 1;
    if (which != OTHER) {
        unsigned has = members[which].has;
        if (s->seen & has)
            return mt_json_fail(&s->json, name, "%s appears twice", members[which].name);
        s->seen |= has;
        if (mt_json_is(&s->json, at, "null", 4))
            return at + 4;
        /* A "stream" that is no string (a request body's `true`) is not ours. */
        if (which != STREAM || *at == '"') {
            s->request->has |= has;
            return scan_member(s, which, at);
        }
    }
    const char *value = at;
    at = mt_json_value(&s->json, at);
    if (at && which == OTHER)
        note_alias(s, name, value);
    if (at && keep_extra(s, name, at) != 0)
        return NULL;
    return at;
}

/* Everything from the '{' on. Looking at *at without a bound is safe: `end` holds a '\n'. */
static const char *scan_object(scan *s, const char *at) {
    const mt_json *json = &s->json;
    member guess = TIMESTAMP;
    at = mt_json_space(json, at);
    if (*at != '{')
        return mt_json_unexpected(json, at, "a request ('{')");
    at = mt_json_space(json, at + 1);
    if (*at == '}')
        return at + 1;
    for (;;) {
        at = scan_any_member(s, at, &guess);
        if (!at)
            return NULL;
        const char *value_end = at;
        at = mt_json_space(json, at);
        if (*at == '}')
            return at + 1;
        if (*at != ',')
            return mt_json_unexpected(json, at, "',' or '}' after a member");
        s->separator = value_end;
        at = mt_json_space(json, at + 1);
    }
}

mt_code mt_scan_request(const char *text, size_t length, mt_scan_buffer *buffer,
                        mt_request *request, mt_error *error) {
    mt_error unwanted;
    scan s = {{text, text + length, error ? error : &unwanted},
              buffer,
              request,
              0,
              NULL,
              NULL,
              0,
              {NULL}};
    uint64_t line = request->line;
    *request = (mt_request){.line = line};
    s.json.error->code = MT_OK;
    const char *at = scan_object(&s, text);
    if (at) {
        at = mt_json_space(&s.json, at);
        if (at == s.json.end && take_aliases(&s) == 0)
            return MT_OK;
        if (at == s.json.end)
            return s.json.error->code;
        mt_json_unexpected(&s.json, at, "nothing after the request");
    }
    return s.json.error->code;
}

void mt_scan_buffer_free(mt_scan_buffer *buffer) {
    if (!buffer->is_fixed)
        mt_free(buffer->ids);
    mt_free(buffer->extra);
    mt_free(buffer->session);
    mt_free(buffer->stream);
    *buffer = (mt_scan_buffer){0};
}
