#include "trace/writer.h"

#include "text/swar.h"

#include <string.h>

/* Most bytes of one number and of the names and separators of one request, and what a number may
 * write beyond its own end. */
enum { NUMBER_BYTES = 20, TIME_BYTES = 24, NAMES_BYTES = 160, SLACK = 8 };

enum { EIGHT_DIGITS = 100000000, DIGITS_OF_MILLISECOND = 6 };

/* value < 10^8 without leading zeros. Writes eight bytes whatever their number. */
static inline char *write_small(uint32_t value, char *to) {
    uint64_t digits = mt_value_digits(value);
    /* The last digit is written even when it is 0. */
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) >> 3;
    mt_store_word(to, (digits | MT_BYTES('0')) >> (8 * zeros));
    return to + (8 - zeros);
}

static inline char *write_eight(uint32_t value, char *to) {
    mt_store_word(to, mt_value_digits(value) | MT_BYTES('0'));
    return to + 8;
}

char *mt_write_u64(uint64_t value, char *to) {
    if (value < EIGHT_DIGITS)
        return write_small((uint32_t)value, to);
    uint64_t high = value / EIGHT_DIGITS;
    if (high < EIGHT_DIGITS) {
        to = write_small((uint32_t)high, to);
    } else {
        to = write_small((uint32_t)(high / EIGHT_DIGITS), to);
        to = write_eight((uint32_t)(high % EIGHT_DIGITS), to);
    }
    return write_eight((uint32_t)(value % EIGHT_DIGITS), to);
}

char *mt_write_milliseconds(int64_t nanoseconds, int digits, char *to) {
    static const uint64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    uint64_t magnitude = (uint64_t)nanoseconds;
    uint64_t unit = units[digits]; /* nanoseconds of the last digit that may be written */
    if (nanoseconds < 0)
        magnitude = 0 - magnitude;
    magnitude = (magnitude + unit / 2) / unit * unit;
    if (nanoseconds < 0 && magnitude != 0)
        *to++ = '-';
    to = mt_write_u64(magnitude / units[0], to);
    uint32_t fraction = (uint32_t)(magnitude % units[0]);
    if (fraction == 0)
        return to;
    /* Six digits with their leading zeros, as the last six of eight. */
    uint64_t eight = mt_value_digits(fraction) | MT_BYTES('0');
    char text[8];
    mt_store_word(text, eight);
    int length = DIGITS_OF_MILLISECOND;
    while (text[1 + length] == '0')
        length--;
    *to++ = '.';
    memcpy(to, text + 2, (size_t)length);
    return to + length;
}

static size_t json_bound(const mt_request *request) {
    return request->hash_count * (NUMBER_BYTES + 2) + request->session.length +
           request->stream.length + request->extra.length + 2 * (size_t)NUMBER_BYTES +
           2 * (size_t)TIME_BYTES + NAMES_BYTES + SLACK;
}

/* The mark and, unless compact, a space; both bytes are written whichever it is. */
static inline char *write_separator(char mark, int compact, char *to) {
    to[0] = mark;
    to[1] = ' ';
    return to + (compact ? 1 : 2);
}

/* Ids below 10^8, which in a prompt mostly count up: the text of the one after is that of the one
 * before with its last digit raised, up to a 9. */
typedef struct counting {
    uint64_t next, text, last; /* last: one in the place of the last digit */
    size_t length;
    unsigned left; /* times that the last digit can be raised */
} counting;

static inline char *write_counting(uint64_t id, counting *at, char *to) {
    if (id == at->next && at->left > 0) {
        at->text += at->last;
        at->left--;
    } else {
        uint64_t digits = mt_value_digits((uint32_t)id);
        unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) >> 3;
        at->text = (digits | MT_BYTES('0')) >> (8 * zeros);
        at->length = 8 - zeros;
        at->last = UINT64_C(1) << (56 - 8 * zeros);
        at->left = 9 - (unsigned)(digits >> 56);
    }
    at->next = id + 1;
    mt_store_word(to, at->text);
    return to + at->length;
}

static char *write_span(mt_span span, char *to) {
    memcpy(to, span.text, span.length);
    return to + span.length;
}

static char *write_ids(const mt_request *request, int compact, char *to) {
    const mt_ids_text *text = &request->ids_text;
    counting at = {.left = 0};
    if (!compact && text->text.length > 0 && text->ids == request->hash_ids &&
        text->count == request->hash_count)
        return write_span(text->text, to);
    *to++ = '[';
    for (size_t i = 0; i < request->hash_count; i++) {
        uint64_t id = request->hash_ids[i];
        if (i > 0)
            to = write_separator(',', compact, to);
        to = id < EIGHT_DIGITS ? write_counting(id, &at, to) : mt_write_u64(id, to);
    }
    *to++ = ']';
    return to;
}

/* The separator that is due, the name in quotes and the colon. `first` is cleared. */
static inline char *write_name(const char *name, size_t length, int compact, int *first, char *to) {
    if (!*first)
        to = write_separator(',', compact, to);
    *first = 0;
    memcpy(to, name, length);
    to += length;
    return write_separator(':', compact, to);
}

#define NAME(text) "\"" text "\"", sizeof(text) + 1, compact, &first

static char *write_json(const mt_request *request, const mt_trace_format *format, char *to) {
    int compact = format->compact, first = 1;
    unsigned has = request->has;
    *to++ = '{';
    if (has & MT_HAS_TIME) {
        to = write_name(NAME("timestamp"), to);
        to = mt_write_milliseconds(request->time_ns, format->timestamp_digits, to);
    }
    if (has & MT_HAS_INPUT_LENGTH)
        to = mt_write_u64(request->input_length, write_name(NAME("input_length"), to));
    if (has & MT_HAS_OUTPUT_LENGTH)
        to = mt_write_u64(request->output_length, write_name(NAME("output_length"), to));
    if (has & MT_HAS_HASH_IDS)
        to = write_ids(request, compact, write_name(NAME("hash_ids"), to));
    if (has & MT_HAS_SESSION)
        to = write_span(request->session, write_name(NAME("session_id"), to));
    if (has & MT_HAS_DELAY) {
        to = write_name(NAME("delay"), to);
        to = mt_write_milliseconds(request->delay_ns, format->timestamp_digits, to);
    }
    if (has & MT_HAS_STREAM)
        to = write_span(request->stream, write_name(NAME("stream"), to));
    if (request->extra.length > 0) {
        if (!first)
            to = write_separator(',', compact, to);
        to = write_span(request->extra, to);
    }
    *to++ = '}';
    *to++ = '\n';
    return to;
}

static const mt_format_kind json_lines = {"jsonl", json_bound, write_json};

const mt_format_kind *const mt_format_kinds[] = {&json_lines, NULL};

static const mt_format_kind *kind_of(const mt_trace_format *format) {
    return format->kind ? format->kind : mt_format_kinds[0];
}

size_t mt_request_bound(const mt_request *request, const mt_trace_format *format) {
    return kind_of(format)->bound(request);
}

char *mt_request_write(const mt_request *request, const mt_trace_format *format, char *to) {
    return kind_of(format)->write(request, format, to);
}

mt_code mt_trace_write(mt_output *output, const mt_request *request, const mt_trace_format *format,
                       mt_error *error) {
    const mt_format_kind *kind = kind_of(format);
    char *to = mt_output_room(output, kind->bound(request), error);
    if (!to)
        return mt_code_of(error);
    mt_output_advance(output, (size_t)(kind->write(request, format, to) - to));
    return MT_OK;
}
