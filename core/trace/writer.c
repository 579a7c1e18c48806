#include "trace/writer.h"

#include "text/swar.h"

#include <string.h>

/* Most bytes of one number and of the names and separators of one request, and of what the last id may
 * write beyond its own NUMBER_BYTES and separator. */
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

static char *write_large(uint64_t value, char *to) {
    uint64_t high = value / EIGHT_DIGITS;
    if (high < EIGHT_DIGITS) {
        to = write_small((uint32_t)high, to);
    } else {
        to = write_small((uint32_t)(high / EIGHT_DIGITS), to);
        to = write_eight((uint32_t)(high % EIGHT_DIGITS), to);
    }
    return write_eight((uint32_t)(value % EIGHT_DIGITS), to);
}

static inline char *write_number(uint64_t value, char *to) {
    return value < EIGHT_DIGITS ? write_small((uint32_t)value, to) : write_large(value, to);
}

char *mt_write_u64(uint64_t value, char *to) {
    return write_number(value, to);
}

char *mt_write_milliseconds(int64_t nanoseconds, int digits, char *to) {
    enum { MILLISECOND = 1000000 };
    static const uint64_t units[] = {MILLISECOND, 100000, 10000, 1000, 100, 10, 1};
    uint64_t magnitude = (uint64_t)nanoseconds;
    uint64_t unit = units[digits]; /* nanoseconds of the last digit that may be written */
    if (nanoseconds < 0)
        magnitude = 0 - magnitude;
    if (digits == 0) /* the usual case, and a division by what is known takes no division */
        magnitude = (magnitude + MILLISECOND / 2) / MILLISECOND * MILLISECOND;
    else if (digits < DIGITS_OF_MILLISECOND)
        magnitude = (magnitude + unit / 2) / unit * unit;
    if (nanoseconds < 0 && magnitude != 0)
        *to++ = '-';
    to = write_number(magnitude / MILLISECOND, to);
    uint32_t fraction = (uint32_t)(magnitude % MILLISECOND);
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

/* Behind each member; behind the last one it is written over. */
static inline unsigned separator_length(int compact) {
    return compact ? 1 : 2;
}

static inline char *write_separator(int compact, char *to) {
    to[0] = ',';
    to[1] = ' ';
    return to + separator_length(compact);
}

/* An id below 10^8 and what stands behind it, as the 16 bytes that begin with it. In a prompt ids
 * mostly count up: the text of the one after is that of the one before with its last digit raised,
 * or, behind a 9, with the last two changed. */
typedef struct id_text {
    uint64_t word, rest; /* the first eight bytes and the others */
    uint64_t last;       /* one in the place of the last digit, which is in the first eight */
    unsigned left;       /* times that the last digit can be raised */
    unsigned length;     /* with the separator */
} id_text;

static inline id_text id_text_of(uint64_t id, int compact) {
    uint64_t separator = compact ? ',' : ',' | (uint64_t)' ' << 8;
    uint64_t digits = mt_value_digits((uint32_t)id);
    /* The last digit is written even when it is 0. */
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) & 56;
    uint64_t word = (digits | MT_BYTES('0')) >> zeros, rest = separator >> zeros;
    if (zeros > 0)
        word |= separator << (64 - zeros);
    return (id_text){.word = word,
                     .rest = rest,
                     .last = UINT64_C(1) << (56 - zeros),
                     .left = 9 - (unsigned)(digits >> 56),
                     .length = 8 - zeros / 8 + separator_length(compact)};
}

/* The next id's after one that ends in 9: false where more than two digits change. */
static inline int carry(id_text *text) {
    uint64_t tens = text->last >> 8;
    if (tens == 0 || (text->word & 15 * tens) == 9 * tens)
        return 0;
    text->word += tens - 9 * text->last;
    text->left = 9;
    return 1;
}

/* The next id's text after one that ends in another digit than 9, or in one that carry knows. */
static inline int count_up(id_text *text) {
    if (text->left == 0)
        return carry(text);
    text->word += text->last;
    text->left--;
    return 1;
}

/* Ids of nine digits and more, of which the last eight count up, each with the separator behind it,
 * to *to; returns the first that does not follow. */
static const uint64_t *write_large_ids(const uint64_t *ids, const uint64_t *end, int compact,
                                       char **to) {
    uint64_t id = *ids++, digits = mt_value_digits((uint32_t)(id % EIGHT_DIGITS));
    char *at = *to;
    size_t lead_length = (size_t)(write_number(id / EIGHT_DIGITS, at) - at);
    uint64_t lead = mt_load_word(at), lead_rest = mt_load_word(at + 8);
    id_text text = {.word = digits | MT_BYTES('0'),
                    .rest = compact ? ',' : ',' | (uint64_t)' ' << 8,
                    .last = UINT64_C(1) << 56,
                    .left = 9 - (unsigned)(digits >> 56),
                    .length = (unsigned)lead_length + 8 + separator_length(compact)};
    for (;;) {
        mt_store_word(at, lead);
        mt_store_word(at + 8, lead_rest);
        mt_store_word(at + lead_length, text.word);
        mt_store_word(at + lead_length + 8, text.rest);
        at += text.length;
        if (ids == end || *ids != ++id || id == 0 || !count_up(&text)) /* 0: behind the last */
            break;
        ids++;
    }
    *to = at;
    return ids;
}

/* The ids, each with the separator behind it. */
static inline char *write_each(const uint64_t *ids, size_t count, int compact, char *to) {
    const uint64_t *end = ids + count;
    while (ids < end) {
        uint64_t id = *ids;
        if (id >= EIGHT_DIGITS) {
            ids = write_large_ids(ids, end, compact, &to);
            continue;
        }
        id_text text = id_text_of(id, compact);
        for (ids++;; ids++) {
            mt_store_word(to, text.word);
            mt_store_word(to + 8, text.rest);
            to += text.length;
            if (ids == end || *ids != ++id || !count_up(&text))
                break;
        }
    }
    return to;
}

static char *write_span(mt_span span, char *to) {
    memcpy(to, span.text, span.length);
    return to + span.length;
}

static inline char *write_ids(const mt_request *request, int compact, char *to) {
    const mt_ids_text *text = &request->ids_text;
    if (!compact && text->text.length > 0 && text->ids == request->hash_ids &&
        text->count == request->hash_count)
        return write_span(text->text, to);
    *to++ = '[';
    if (request->hash_count > 0)
        to = write_each(request->hash_ids, request->hash_count, compact, to) -
             separator_length(compact);
    *to++ = ']';
    return to;
}

/* The name in quotes and the colon. */
#define NAME(text) compact ? "\"" text "\":" : "\"" text "\": ", sizeof(text) + (compact ? 2 : 3)

static inline char *write_name(const char *name, size_t length, char *to) {
    memcpy(to, name, length);
    return to + length;
}

static inline __attribute__((always_inline)) char *
write_members(const mt_request *request, int digits, int compact, char *to) {
    unsigned has = request->has;
    if (has & MT_HAS_TIME) {
        to = mt_write_milliseconds(request->time_ns, digits, write_name(NAME("timestamp"), to));
        to = write_separator(compact, to);
    }
    if (has & MT_HAS_INPUT_LENGTH) {
        to = write_number(request->input_length, write_name(NAME("input_length"), to));
        to = write_separator(compact, to);
    }
    if (has & MT_HAS_OUTPUT_LENGTH) {
        to = write_number(request->output_length, write_name(NAME("output_length"), to));
        to = write_separator(compact, to);
    }
    if (has & MT_HAS_HASH_IDS) {
        to = write_ids(request, compact, write_name(NAME("hash_ids"), to));
        to = write_separator(compact, to);
    }
    if (has & MT_HAS_SESSION) {
        to = write_span(request->session, write_name(NAME("session_id"), to));
        to = write_separator(compact, to);
    }
    if (has & MT_HAS_DELAY) {
        to = mt_write_milliseconds(request->delay_ns, digits, write_name(NAME("delay"), to));
        to = write_separator(compact, to);
    }
    if (has & MT_HAS_STREAM) {
        to = write_span(request->stream, write_name(NAME("stream"), to));
        to = write_separator(compact, to);
    }
    if (request->extra.length > 0)
        to = write_separator(compact, write_span(request->extra, to));
    return to;
}

static char *write_json(const mt_request *request, const mt_trace_format *format, char *to) {
    int digits = format->timestamp_digits;
    *to++ = '{';
    /* Each in its own code, in which names are whole and lengths are known. */
    char *end = format->compact ? write_members(request, digits, 1, to)
                                : write_members(request, digits, 0, to);
    if (end > to)
        end -= separator_length(format->compact);
    end[0] = '}';
    end[1] = '\n';
    return end + 2;
}

static const mt_format_kind json_lines = {"jsonl", json_bound, write_json};

const mt_format_kind *const mt_format_kinds[] = {&json_lines, NULL};

static const mt_format_kind *kind_of(const mt_trace_format *format) {
    return format->kind ? format->kind : mt_format_kinds[0];
}

int mt_writes_ids_text(const mt_trace_format *format) {
    return kind_of(format) == &json_lines && !format->compact;
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
