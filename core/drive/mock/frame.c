/* What all answers are made of: words, events, heads, errors. */
#include "drive/mock/api.h"
#include "text/json.h"

#include <stdarg.h>
#include <stdio.h>

void mt_bytes_format(mt_bytes *bytes, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *to = mt_bytes_room(bytes, (size_t)length + 1);
    if (to)
        bytes->length += (size_t)vsnprintf(to, (size_t)length + 1, format, again);
    va_end(again);
}

/* --- words -------------------------------------------------------------------------------------- */

/* Common words, so that one is one token in most vocabularies. */
static const char words[64][8] = {
    " the",  " of",    " and",  " to",    " in",    " is",   " that",  " for",  " it",    " as",
    " was",  " with",  " be",   " by",    " on",    " not",  " he",    " this", " are",   " or",
    " his",  " from",  " at",   " which", " but",   " have", " an",    " had",  " they",  " you",
    " were", " their", " one",  " all",   " we",    " can",  " her",   " has",  " there", " been",
    " if",   " more",  " when", " will",  " would", " who",  " so",    " no",   " out",   " up",
    " into", " them",  " then", " she",   " many",  " some", " these", " two",  " other", " time",
    " may",  " first", " any",  " new"};

uint32_t mt_say_word(const mt_answer_text *text, uint64_t index) {
    uint64_t mixed =
        (text->seed + text->number * 0x9e3779b97f4a7c15u + index) * 0xd1342543de82ef95u;
    return (uint32_t)((mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u >> 58);
}

void mt_say_words(mt_bytes *out, const mt_answer_text *text, uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count; i++)
        mt_bytes_text(out, words[mt_say_word(text, i)]);
}

/* --- framing ------------------------------------------------------------------------------------ */

enum { SIZE_DIGITS = 6, SIZE_LINE = SIZE_DIGITS + 2 };

size_t mt_say_chunk(mt_bytes *out) {
    size_t start = out->length;
    mt_bytes_text(out, "000000\r\n");
    return start;
}

void mt_say_chunk_end(mt_bytes *out, size_t start) {
    if (out->has_failed)
        return;
    mt_bytes_hex(out->data + start, out->length - start - SIZE_LINE, SIZE_DIGITS);
    mt_bytes_text(out, "\r\n");
}

size_t mt_say_event(mt_bytes *out, const mt_api *api) {
    size_t start = mt_say_chunk(out);
    mt_bytes_text(out, api->before);
    return start;
}

void mt_say_event_end(mt_bytes *out, const mt_api *api, size_t start) {
    mt_bytes_text(out, api->after);
    mt_say_chunk_end(out, start);
}

void mt_say_done(mt_bytes *out, const mt_api *api) {
    if (!api->has_done)
        return;
    size_t start = mt_say_event(out, api);
    mt_bytes_text(out, "[DONE]");
    mt_say_event_end(out, api, start);
}

void mt_say_comment(mt_bytes *out, const mt_api *api) {
    mt_bytes_text(out, api->is_lines ? "000001\r\n\n\r\n" : "000003\r\n:\n\n\r\n");
}

void mt_say_end(mt_bytes *out) {
    mt_bytes_text(out, "0\r\n\r\n");
}

/* --- heads -------------------------------------------------------------------------------------- */

static const char *reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

void mt_say_stream_head(mt_bytes *out, const mt_api *api, int closes) {
    mt_bytes_text(out, "HTTP/1.1 200 OK\r\nserver: moontide\r\ncontent-type: ");
    mt_bytes_text(out, api->is_lines ? "application/x-ndjson" : "text/event-stream; charset=utf-8");
    mt_bytes_text(out, "\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n");
    mt_bytes_text(out, closes ? "connection: close\r\n\r\n" : "\r\n");
}

void mt_say_head(mt_bytes *out, int status, const char *content_type, size_t length, int closes,
                 const char *more) {
    mt_bytes_text(out, "HTTP/1.1 ");
    mt_bytes_number(out, (uint64_t)status);
    mt_bytes_text(out, " ");
    mt_bytes_text(out, reason_of(status));
    mt_bytes_text(out, "\r\nserver: moontide\r\ncontent-type: ");
    mt_bytes_text(out, content_type);
    mt_bytes_text(out, "\r\ncontent-length: ");
    mt_bytes_number(out, length);
    mt_bytes_text(out, "\r\n");
    mt_bytes_text(out, more);
    mt_bytes_text(out, closes ? "connection: close\r\n\r\n" : "\r\n");
}

/* --- errors ------------------------------------------------------------------------------------- */

static const char *error_type(int status) {
    return status == 404                    ? "NotFoundError"
           : status == 429                  ? "RateLimitError"
           : status == 503 || status == 529 ? "ServiceUnavailableError"
           : status >= 400 && status < 500  ? "BadRequestError"
                                            : "InternalServerError";
}

/* Anthropic's names of them. */
static const char *typed_error(int status) {
    return status == 404                    ? "not_found_error"
           : status == 429                  ? "rate_limit_error"
           : status == 503 || status == 529 ? "overloaded_error"
           : status >= 400 && status < 500  ? "invalid_request_error"
                                            : "api_error";
}

static void put_error(mt_bytes *out, int errors, int status, const char *message) {
    char *quoted = mt_allocate(6 * strlen(message) + 3, 1);
    if (!quoted) {
        out->has_failed = 1;
        return;
    }
    quoted[mt_json_encode(message, strlen(message), quoted)] = '\0';
    const char *type = error_type(status);
    switch (errors) {
    case MT_ERRORS_TEXT:
        mt_bytes_format(out, "{\"error\":%s,\"error_type\":\"%s\"}", quoted,
                        status == 429 ? "overloaded" : "generation");
        break;
    case MT_ERRORS_BARE:
        mt_bytes_format(out, "{\"error\":%s}", quoted);
        break;
    case MT_ERRORS_TYPED:
        mt_bytes_format(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":%s}}",
                        typed_error(status), quoted);
        break;
    case MT_ERRORS_FLAT:
        mt_bytes_format(out,
                        "{\"object\":\"error\",\"message\":%s,\"type\":\"%s\",\"param\":null,"
                        "\"code\":%d}",
                        quoted, type, status);
        break;
    default:
        mt_bytes_format(out,
                        "{\"error\":{\"message\":%s,\"type\":\"%s\",\"param\":null,\"code\":%d}}",
                        quoted, type, status);
    }
    mt_free(quoted);
}

void mt_say_error_body(mt_bytes *out, const mt_dialect *dialect, const mt_api *api, int status,
                       const char *message) {
    put_error(out, api && api->dialect ? api->errors : dialect->errors, status, message);
}

void mt_say_error(mt_bytes *out, const mt_dialect *dialect, const mt_api *api, int status,
                  const char *message) {
    size_t start = mt_say_event(out, api);
    if (api->dialect)
        put_error(out, api->errors, status, message);
    else if (dialect->errors == MT_ERRORS_TEXT)
        mt_bytes_format(out, "{\"error\":{\"message\":\"%s\",\"http_status_code\":%d}}", message,
                        status);
    else /* in a stream of OpenAI's API all others use an `error` member */
        put_error(out, MT_ERRORS_NESTED, status, message);
    mt_say_event_end(out, api, start);
    if (dialect->is_done_after_error)
        mt_say_done(out, api);
}
