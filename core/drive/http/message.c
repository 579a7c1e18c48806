#include "drive/http/message.h"

#include <string.h>
#include <strings.h>

enum {
    FIRST_LINE,
    HEADER_LINE,
    BODY_COUNTED,
    BODY_UNTIL_CLOSE,
    CHUNK_SIZE,
    CHUNK_DATA,
    CHUNK_DATA_END,
    TRAILER,
    ENDED,
    FAILED
};

static const char *const problems[MT_HTTP_PROBLEMS] = {
    [MT_HTTP_FINE] = "fine",
    [MT_HTTP_NOT_HTTP] = "not HTTP",
    [MT_HTTP_BAD_HEADER] = "a bad header line",
    [MT_HTTP_HEADER_TOO_LONG] = "the header is too long",
    [MT_HTTP_BAD_LENGTH] = "a bad Content-Length",
    [MT_HTTP_BAD_ENCODING] = "a Transfer-Encoding other than chunked",
    [MT_HTTP_BAD_CHUNK] = "a bad chunk size",
    [MT_HTTP_CLOSED_BEFORE_BYTE] = "closed without a byte",
    [MT_HTTP_CLOSED_IN_HEADER] = "closed in the header",
    [MT_HTTP_CLOSED_IN_BODY] = "closed in the body",
};

const char *mt_http_problem_text(mt_http_problem problem) {
    return problems[problem];
}

void mt_http_begin(mt_http *http, int kind) {
    http->content_length = -1;
    http->retry_after_s = -1;
    http->status = 0;
    http->content_type = MT_HTTP_CONTENT_OTHER;
    http->method = MT_HTTP_METHOD_OTHER;
    http->is_chunked = http->keeps_alive = http->expects = 0;
    http->problem = MT_HTTP_FINE;
    http->state = FIRST_LINE;
    http->kind = (uint8_t)kind;
    http->line_length = 0;
    http->header_bytes = 0;
    http->left = 0;
    http->target[0] = '\0';
}

static int fail(mt_http *http, mt_http_problem problem) {
    http->problem = (uint8_t)problem;
    http->state = FAILED;
    return MT_HTTP_BAD;
}

/* --- lines -------------------------------------------------------------------------------------- */

/* The next line without its end, at most MT_HTTP_LINE bytes of it: 1; 0 when its end is not there
 * yet; -1 beyond the limit. The line is in the input, or in http->line when it came in parts. */
static int take_line(mt_http *http, mt_span *unread, mt_span *line) {
    const char *end = memchr(unread->text, '\n', unread->length);
    size_t length = end ? (size_t)(end - unread->text) : unread->length;
    size_t used = end ? length + 1 : length;
    *line = (mt_span){unread->text, length < MT_HTTP_LINE ? length : MT_HTTP_LINE};
    if (!end || http->line_length > 0) {
        size_t room = MT_HTTP_LINE - http->line_length;
        size_t kept = line->length < room ? line->length : room;
        memcpy(http->line + http->line_length, line->text, kept);
        http->line_length = (uint8_t)(http->line_length + kept);
        *line = (mt_span){http->line, http->line_length};
    }
    unread->text += used;
    unread->length -= used;
    http->header_bytes += (uint32_t)(used < MT_HTTP_HEADER_LIMIT ? used : MT_HTTP_HEADER_LIMIT + 1);
    if (http->header_bytes > MT_HTTP_HEADER_LIMIT)
        return -1;
    if (!end)
        return 0;
    http->line_length = 0;
    if (line->length > 0 && line->text[line->length - 1] == '\r')
        line->length--;
    return 1;
}

static int is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

/* All digits, at most 18 of them: the number; else -1. */
static int64_t number_of(mt_span text) {
    int64_t number = 0;
    if (text.length == 0 || text.length > 18)
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        if (!is_digit(text.text[i]))
            return -1;
        number = number * 10 + (text.text[i] - '0');
    }
    return number;
}

static int is_word(mt_span text, const char *word) {
    return text.length == strlen(word) && strncasecmp(text.text, word, text.length) == 0;
}

static mt_span without_space(mt_span text) {
    while (text.length > 0 && (*text.text == ' ' || *text.text == '\t'))
        text.text++, text.length--;
    while (text.length > 0 &&
           (text.text[text.length - 1] == ' ' || text.text[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* Is the word among those that commas part? */
static int has_word(mt_span list, const char *word) {
    while (list.length > 0) {
        const char *comma = memchr(list.text, ',', list.length);
        size_t length = comma ? (size_t)(comma - list.text) : list.length;
        if (is_word(without_space((mt_span){list.text, length}), word))
            return 1;
        size_t used = comma ? length + 1 : length;
        list.text += used;
        list.length -= used;
    }
    return 0;
}

/* --- the first line ----------------------------------------------------------------------------- */

/* "HTTP/1.x": 1.1 keeps a connection unless told otherwise, 1.0 does not. 0, or -1. */
static int read_version(mt_http *http, const char *text, size_t length) {
    if (length != 8 || memcmp(text, "HTTP/1.", 7) != 0 || !is_digit(text[7]))
        return -1;
    http->keeps_alive = text[7] != '0';
    return 0;
}

static int read_status_line(mt_http *http, mt_span line) {
    const char *text = line.text;
    if (line.length < 12 || read_version(http, text, 8) != 0 || text[8] != ' ' || text[9] < '1' ||
        text[9] > '9' || !is_digit(text[10]) || !is_digit(text[11]) ||
        (line.length > 12 && text[12] != ' '))
        return -1;
    http->status = (uint16_t)((text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0'));
    return 0;
}

static int read_request_line(mt_http *http, mt_span line) {
    const char *end = line.text + line.length;
    const char *space = memchr(line.text, ' ', line.length);
    if (!space || space == line.text)
        return -1;
    const char *target = space + 1;
    const char *after = memchr(target, ' ', (size_t)(end - target));
    if (!after || after == target || read_version(http, after + 1, (size_t)(end - after - 1)) != 0)
        return -1;
    mt_span method = {line.text, (size_t)(space - line.text)};
    http->method = is_word(method, "GET")    ? MT_HTTP_METHOD_GET
                   : is_word(method, "HEAD") ? MT_HTTP_METHOD_HEAD
                   : is_word(method, "POST") ? MT_HTTP_METHOD_POST
                                             : MT_HTTP_METHOD_OTHER;
    size_t length = (size_t)(after - target);
    length = length < MT_HTTP_TARGET ? length : MT_HTTP_TARGET - 1;
    memcpy(http->target, target, length);
    http->target[length] = '\0';
    return 0;
}

/* What is no answer is known by its first bytes, before its line ends, if it ever does. */
static int begins_well(const mt_http *http, mt_span line) {
    static const char version[] = "HTTP/1.";
    size_t length = line.length < 7 ? line.length : 7;
    return http->kind == MT_HTTP_REQUEST || memcmp(line.text, version, length) == 0;
}

/* --- header lines ------------------------------------------------------------------------------- */

mt_http_content mt_http_content_of(mt_span value) {
    const char *semicolon = memchr(value.text, ';', value.length);
    if (semicolon)
        value = without_space((mt_span){value.text, (size_t)(semicolon - value.text)});
    return is_word(value, "text/event-stream")  ? MT_HTTP_CONTENT_EVENTS
           : is_word(value, "application/json") ? MT_HTTP_CONTENT_JSON
           : is_word(value, "text/html")        ? MT_HTTP_CONTENT_HTML
                                                : MT_HTTP_CONTENT_OTHER;
}

static mt_http_problem take_length(mt_http *http, mt_span value) {
    int64_t length = number_of(value);
    if (length < 0 || (http->content_length >= 0 && http->content_length != length))
        return MT_HTTP_BAD_LENGTH;
    http->content_length = length;
    return MT_HTTP_FINE;
}

static mt_http_problem take_header(mt_http *http, mt_span name, mt_span value) {
    switch (name.length) { /* most names are told apart by their length */
    case 6:
        if (is_word(name, "Expect"))
            http->expects = (uint8_t)is_word(value, "100-continue");
        break;
    case 10:
        if (is_word(name, "Connection")) {
            if (has_word(value, "close"))
                http->keeps_alive = 0;
            else if (has_word(value, "keep-alive"))
                http->keeps_alive = 1;
        }
        break;
    case 11:
        if (is_word(name, "Retry-After"))
            http->retry_after_s = number_of(value);
        break;
    case 12:
        if (is_word(name, "Content-Type"))
            http->content_type = (uint8_t)mt_http_content_of(value);
        break;
    case 14:
        if (is_word(name, "Content-Length"))
            return take_length(http, value);
        break;
    case 17:
        if (is_word(name, "Transfer-Encoding")) {
            if (!is_word(value, "chunked"))
                return MT_HTTP_BAD_ENCODING;
            http->is_chunked = 1;
        }
        break;
    default:
        break;
    }
    return MT_HTTP_FINE;
}

static mt_http_problem read_header_line(mt_http *http, mt_span line) {
    const char *colon = memchr(line.text, ':', line.length);
    /* Of a line that is cut, the colon may be in what is not looked at. */
    if (!colon)
        return line.length == MT_HTTP_LINE ? MT_HTTP_FINE : MT_HTTP_BAD_HEADER;
    mt_span name = {line.text, (size_t)(colon - line.text)};
    if (name.length == 0 || memchr(name.text, ' ', name.length) ||
        memchr(name.text, '\t', name.length))
        return MT_HTTP_BAD_HEADER;
    mt_span value = {colon + 1, line.length - name.length - 1};
    return take_header(http, name, without_space(value));
}

/* The empty line was read: what comes now. */
static int end_header(mt_http *http) {
    int is_answer = http->kind == MT_HTTP_ANSWER;
    http->header_bytes = 0;
    if (is_answer && http->status < 200 && http->status != 101) {
        mt_http_begin(http, http->kind);
        return MT_HTTP_MORE;
    }
    if (is_answer && (http->status < 200 || http->status == 204 || http->status == 304))
        http->state = ENDED;
    else if (http->is_chunked)
        http->state = CHUNK_SIZE;
    else if (http->content_length >= 0 || !is_answer) {
        http->left = http->content_length > 0 ? (uint64_t)http->content_length : 0;
        http->state = http->left > 0 ? BODY_COUNTED : ENDED;
    } else {
        http->keeps_alive = 0;
        http->state = BODY_UNTIL_CLOSE;
    }
    return MT_HTTP_HEAD;
}

static int read_header(mt_http *http, mt_span *unread) {
    mt_span line;
    int taken = take_line(http, unread, &line);
    int is_first = http->state == FIRST_LINE;
    if (is_first && !begins_well(http, line))
        return fail(http, MT_HTTP_NOT_HTTP);
    if (taken < 0)
        return fail(http, MT_HTTP_HEADER_TOO_LONG);
    if (taken == 0)
        return MT_HTTP_MORE;
    if (is_first) {
        if (http->kind == MT_HTTP_REQUEST && line.length == 0)
            return MT_HTTP_MORE; /* an empty line before a request is passed over */
        if (http->kind == MT_HTTP_REQUEST && line.length == MT_HTTP_LINE)
            return fail(http, MT_HTTP_HEADER_TOO_LONG);
        if ((http->kind == MT_HTTP_REQUEST ? read_request_line : read_status_line)(http, line) != 0)
            return fail(http, MT_HTTP_NOT_HTTP);
        http->state = HEADER_LINE;
        return MT_HTTP_MORE;
    }
    if (line.length == 0)
        return end_header(http);
    mt_http_problem problem = read_header_line(http, line);
    return problem == MT_HTTP_FINE ? MT_HTTP_MORE : fail(http, problem);
}

/* --- the body ----------------------------------------------------------------------------------- */

static int hex_digit(char byte) {
    if (is_digit(byte))
        return byte - '0';
    int lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A size in hexadecimal, then nothing, spaces or an extension. */
static int read_chunk_size(mt_http *http, mt_span line) {
    uint64_t size = 0;
    size_t at = 0;
    for (int digit; at < line.length && (digit = hex_digit(line.text[at])) >= 0; at++) {
        if (size >> 58)
            return -1;
        size = size << 4 | (uint64_t)digit;
    }
    if (at == 0 ||
        (at < line.length && line.text[at] != ';' && line.text[at] != ' ' && line.text[at] != '\t'))
        return -1;
    http->left = size;
    http->state = size > 0 ? CHUNK_DATA : TRAILER;
    http->header_bytes = 0;
    return 0;
}

/* The line end after a chunk's data, and nothing else. */
static int read_chunk_end(mt_http *http, mt_span *unread) {
    char byte = *unread->text++;
    unread->length--;
    if (byte == '\r' && http->header_bytes == 0) {
        http->header_bytes = 1;
        return MT_HTTP_MORE;
    }
    http->header_bytes = 0;
    http->state = CHUNK_SIZE;
    return byte == '\n' ? MT_HTTP_MORE : fail(http, MT_HTTP_BAD_CHUNK);
}

/* The line before a chunk, or one of the trailers. */
static int read_chunk_line(mt_http *http, mt_span *unread) {
    mt_span line;
    int is_size = http->state == CHUNK_SIZE;
    int taken = take_line(http, unread, &line);
    if (is_size && line.length > 0 && hex_digit(line.text[0]) < 0)
        return fail(http, MT_HTTP_BAD_CHUNK);
    if (taken < 0)
        return fail(http, is_size ? MT_HTTP_BAD_CHUNK : MT_HTTP_HEADER_TOO_LONG);
    if (taken == 0)
        return MT_HTTP_MORE;
    if (is_size)
        return read_chunk_size(http, line) == 0 ? MT_HTTP_MORE : fail(http, MT_HTTP_BAD_CHUNK);
    if (line.length == 0)
        http->state = ENDED;
    return MT_HTTP_MORE;
}

static int read_body(mt_http *http, mt_span *unread, mt_span *body) {
    size_t length = unread->length;
    if (http->state != BODY_UNTIL_CLOSE) {
        if (length > http->left)
            length = (size_t)http->left;
        http->left -= length;
        if (http->left == 0)
            http->state = http->state == CHUNK_DATA ? CHUNK_DATA_END : ENDED;
    }
    *body = (mt_span){unread->text, length};
    unread->text += length;
    unread->length -= length;
    return MT_HTTP_BODY;
}

int mt_http_next(mt_http *http, mt_span *unread, mt_span *body) {
    for (int what;;) {
        if (http->state == ENDED)
            return MT_HTTP_END;
        if (http->state == FAILED)
            return MT_HTTP_BAD;
        if (unread->length == 0)
            return MT_HTTP_MORE;
        switch (http->state) {
        case FIRST_LINE:
        case HEADER_LINE:
            what = read_header(http, unread);
            break;
        case CHUNK_DATA_END:
            what = read_chunk_end(http, unread);
            break;
        case CHUNK_SIZE:
        case TRAILER:
            what = read_chunk_line(http, unread);
            break;
        default:
            return read_body(http, unread, body);
        }
        if (what != MT_HTTP_MORE)
            return what;
    }
}

int mt_http_close(mt_http *http) {
    switch (http->state) {
    case ENDED:
        return MT_HTTP_END;
    case BODY_UNTIL_CLOSE:
        http->state = ENDED;
        return MT_HTTP_END;
    case FAILED:
        return MT_HTTP_BAD;
    case FIRST_LINE:
        return fail(http,
                    http->line_length == 0 ? MT_HTTP_CLOSED_BEFORE_BYTE : MT_HTTP_CLOSED_IN_HEADER);
    case HEADER_LINE:
        return fail(http, MT_HTTP_CLOSED_IN_HEADER);
    default:
        return fail(http, MT_HTTP_CLOSED_IN_BODY);
    }
}
