#include "drive/http/sse.h"

#include "base/memory.h"

#include <string.h>

enum { KEPT_CAPACITY = 4096 }; /* a larger buffer is given back after its event */

typedef enum line_kind { LINE_END, LINE_DATA, LINE_OTHER } line_kind;

static int append(mt_sse *sse, const char *text, size_t length) {
    if (sse->length + length > MT_SSE_LIMIT)
        return MT_SSE_TOO_LONG;
    if (MT_GROW(sse->text, sse->capacity, sse->length + length + 1) != 0)
        return MT_SSE_NO_MEMORY;
    memcpy(sse->text + sse->length, text, length);
    sse->length += length;
    return 0;
}

/* The line without its end, taken from *piece; 0 when the end is not there. */
static int take_line(mt_sse *sse, mt_span *piece, mt_span *line) {
    const char *feed = memchr(piece->text, '\n', piece->length);
    size_t length = feed ? (size_t)(feed - piece->text) : piece->length;
    const char *end = memchr(piece->text, '\r', length);
    if (!end && !feed)
        return 0;
    if (end) {
        length = (size_t)(end - piece->text);
        sse->is_after_cr = 1;
    }
    *line = (mt_span){piece->text, length};
    piece->text += length + 1;
    piece->length -= length + 1;
    if (sse->is_after_cr && piece->length > 0) {
        sse->is_after_cr = 0;
        if (*piece->text == '\n')
            piece->text++, piece->length--;
    }
    return 1;
}

static int is_named(mt_span line, const char *name, size_t length) {
    return line.length >= length && memcmp(line.text, name, length) == 0 &&
           (line.length == length || line.text[length] == ':');
}

static mt_span value_after(mt_span line, size_t name_length) {
    size_t skipped = name_length + (line.length > name_length);
    if (skipped < line.length && line.text[skipped] == ' ')
        skipped++;
    return (mt_span){line.text + skipped, line.length - skipped};
}

/* What a whole line is, and the value of a data line. */
static line_kind read_line(mt_sse *sse, mt_span line, mt_span *value) {
    if (!sse->has_begun) {
        sse->has_begun = 1;
        if (line.length >= 3 && memcmp(line.text, "\xef\xbb\xbf", 3) == 0)
            line.text += 3, line.length -= 3;
    }
    if (line.length == 0)
        return LINE_END;
    if (is_named(line, "data", 4)) {
        *value = value_after(line, 4);
        return LINE_DATA;
    }
    if (is_named(line, "error", 5)) { /* some builds of llama.cpp */
        sse->says_error = 1;
        *value = value_after(line, 5);
        return LINE_DATA;
    }
    if (is_named(line, "event", 5)) {
        *value = value_after(line, 5);
        sse->says_error = value->length == 5 && memcmp(value->text, "error", 5) == 0;
    }
    return LINE_OTHER;
}

/* Puts a data line's value, which may stand in sse->text behind the data, after the data. */
static int join(mt_sse *sse, mt_span value) {
    size_t needed = sse->data_length + value.length + 1;
    if (needed > MT_SSE_LIMIT)
        return MT_SSE_TOO_LONG;
    int is_inside = value.text >= sse->text && sse->text && value.text <= sse->text + sse->length;
    size_t offset = is_inside ? (size_t)(value.text - sse->text) : 0;
    if (MT_GROW(sse->text, sse->capacity, needed) != 0)
        return MT_SSE_NO_MEMORY;
    char *to = sse->text + sse->data_length;
    /* The name and its colon stood before the value: there is room for the LF. */
    memmove(to + sse->has_data, is_inside ? sse->text + offset : value.text, value.length);
    if (sse->has_data)
        *to = '\n';
    sse->data_length += value.length + sse->has_data;
    sse->length = sse->data_length;
    sse->has_data = 1;
    return 0;
}

/* Forgets the event that was given. */
static void begin_event(mt_sse *sse) {
    sse->is_given = 0;
    sse->has_data = 0;
    sse->says_error = 0;
    sse->data_length = sse->length = 0;
    if (sse->capacity > KEPT_CAPACITY) {
        mt_free(sse->text);
        sse->text = NULL;
        sse->capacity = 0;
    }
}

static int give(mt_sse *sse, mt_span event, mt_span *data) {
    sse->is_error = sse->says_error;
    sse->is_given = 1;
    *data = event;
    return MT_SSE_EVENT;
}

int mt_sse_next(mt_sse *sse, mt_span *piece, mt_span *data) {
    if (sse->is_given)
        begin_event(sse);
    if (sse->is_after_cr && piece->length > 0) {
        sse->is_after_cr = 0;
        if (*piece->text == '\n')
            piece->text++, piece->length--;
    }
    mt_span whole = {NULL, 0}; /* the only data line so far, still in the piece */
    mt_span line, value;
    int code = 0;
    while (code == 0 && piece->length > 0 && take_line(sse, piece, &line)) {
        if (sse->length > sse->data_length) { /* the line began in an earlier piece */
            if ((code = append(sse, line.text, line.length)) != 0)
                break;
            line = (mt_span){sse->text + sse->data_length, sse->length - sse->data_length};
        }
        line_kind kind = read_line(sse, line, &value);
        if (kind == LINE_DATA && (sse->has_data || whole.text)) {
            if (whole.text)
                code = join(sse, whole);
            whole.text = NULL;
            if (code == 0)
                code = join(sse, value);
        } else if (kind == LINE_DATA && sse->length == 0) {
            whole = value;
        } else if (kind == LINE_DATA) {
            code = join(sse, value);
        } else if (kind == LINE_OTHER) {
            sse->length = sse->data_length;
        } else if (whole.text) {
            return give(sse, whole, data);
        } else if (sse->has_data) {
            return give(sse, (mt_span){sse->text, sse->data_length}, data);
        } else {
            begin_event(sse); /* an event without data is none */
        }
    }
    if (code == 0 && whole.text)
        code = join(sse, whole);
    if (code == 0 && piece->length > 0) {
        code = append(sse, piece->text, piece->length);
        piece->text += piece->length;
        piece->length = 0;
    }
    return code;
}

int mt_sse_end(mt_sse *sse, mt_span *data) {
    *data = (mt_span){"", 0};
    if (sse->is_given || (sse->length == 0 && !sse->has_data))
        return 0;
    mt_span value;
    mt_span rest = {sse->text + sse->data_length, sse->length - sse->data_length};
    if (rest.length > 0 && read_line(sse, rest, &value) == LINE_DATA && join(sse, value) != 0)
        return 1;
    *data = (mt_span){sse->has_data ? sse->text : "", sse->data_length};
    sse->is_error = sse->says_error;
    return 1;
}

void mt_sse_free(mt_sse *sse) {
    mt_free(sse->text);
    *sse = (mt_sse){0};
}
