/* A fuzz target in libFuzzer's shape: a stream gives the events that a slow and simple reader of it
 * finds, however it is split; and no event's text does harm to the reader of what it says.
 *   clang -std=c11 -D_DEFAULT_SOURCE -Icore -fsanitize=fuzzer,address,undefined -o fuzz-sse \
 *     tests/fuzz/sse.c core/drive/http/sse.c core/drive/event.c \
 *     core/text/{decimal,json}.c core/base/{error,memory,utf8}.c
 * Its seeds are in tests/fuzz/sse. */
#include "drive/event.h"
#include "drive/http/sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Events one after another: kind, length, bytes. */
typedef struct event_log {
    char *text;
    size_t length;
} event_log;

static void note(event_log *log, int is_error, const char *text, size_t length) {
    log->text[log->length++] = is_error ? 'E' : 'D';
    memcpy(log->text + log->length, &length, sizeof length);
    log->length += sizeof length;
    memcpy(log->text + log->length, text, length);
    log->length += length;
}

/* The standard's words, a byte at a time. The log must have room. */
static void read_simply(const char *text, size_t size, event_log *log) {
    char *data = malloc(size + 1), *line = malloc(size + 1);
    size_t data_length = 0, line_length = 0;
    int has_data = 0, is_error = 0;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, size -= 3;
    for (size_t at = 0; at < size; at++) {
        if (text[at] == '\n' && at > 0 && text[at - 1] == '\r')
            continue;
        if (text[at] != '\n' && text[at] != '\r') {
            line[line_length++] = text[at];
            continue;
        }
        line[line_length] = '\0';
        size_t name = 0;
        while (name < line_length && line[name] != ':')
            name++;
        size_t value = name + (name < line_length);
        value += value < line_length && line[value] == ' ';
        if (line_length == 0) {
            if (has_data)
                note(log, is_error, data, data_length);
            has_data = is_error = 0;
            data_length = 0;
        } else if ((name == 4 && memcmp(line, "data", 4) == 0) ||
                   (name == 5 && memcmp(line, "error", 5) == 0)) {
            is_error |= name == 5;
            if (has_data)
                data[data_length++] = '\n';
            memcpy(data + data_length, line + value, line_length - value);
            data_length += line_length - value;
            has_data = 1;
        } else if (name == 5 && memcmp(line, "event", 5) == 0) {
            is_error = line_length - value == 5 && memcmp(line + value, "error", 5) == 0;
        }
        line_length = 0;
    }
    free(data);
    free(line);
}

static void read_in_pieces(const char *text, size_t size, size_t piece, event_log *log) {
    mt_sse sse = {0};
    for (size_t at = 0; at < size;) {
        size_t length = piece == 0 ? size : 1 + (at * 7 + size) % piece;
        length = length < size - at ? length : size - at;
        char *bytes = malloc(length);
        memcpy(bytes, text + at, length);
        mt_span left = {bytes, length}, data;
        int what;
        while ((what = mt_sse_next(&sse, &left, &data)) == MT_SSE_EVENT)
            note(log, sse.is_error, data.text, data.length);
        if (what != MT_SSE_MORE || left.length != 0)
            abort();
        free(bytes);
        at += length;
    }
    mt_span rest;
    if (mt_sse_end(&sse, &rest) && rest.length > size)
        abort();
    mt_sse_free(&sse);
}

static void check_said(const event_log *log) {
    for (size_t at = 0; at < log->length;) {
        size_t length;
        memcpy(&length, log->text + at + 1, sizeof length);
        at += 1 + sizeof length;
        char *text = malloc(length + 1);
        memcpy(text, log->text + at, length);
        mt_said said;
        mt_said_read(text, length, &said);
        if (said.content.length > length || said.error_message.length > length ||
            said.text.length > length || said.finish_reason.length > length)
            abort();
        free(text);
        at += length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = size ? (const char *)data : "";
    size_t room = (size + 1) * (2 + sizeof(size_t));
    event_log wanted = {malloc(room), 0}, got = {malloc(room), 0};
    read_simply(text, size, &wanted);
    for (size_t piece = 0; piece <= 16; piece = piece * 2 + 1) {
        got.length = 0;
        read_in_pieces(text, size, piece, &got);
        if (got.length != wanted.length || memcmp(got.text, wanted.text, got.length) != 0)
            abort();
    }
    check_said(&wanted);
    free(wanted.text);
    free(got.text);
    return 0;
}
