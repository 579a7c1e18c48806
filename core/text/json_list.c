#include "text/json_list.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { QUOTE_SIZE = 64 };

/* Makes sure that there are unread bytes: 1, 0 at the end, -1. */
static int more(mt_json_list *list, mt_error *error) {
    if (list->unread_length > 0)
        return 1;
    if (mt_interrupted())
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    return mt_input_block(list->input, &list->unread, &list->unread_length, error);
}

static void step(mt_json_list *list) {
    if (*list->unread == '\n') {
        list->line++;
        list->column = 0;
    } else {
        list->column++;
    }
    list->unread++;
    list->unread_length--;
}

static int fail_here(mt_json_list *list, const char *want, mt_error *error) {
    char quoted[QUOTE_SIZE];
    if (list->unread_length == 0)
        mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(list->input), list->line + 1, 0,
                   "expected %s, but the file ends (it seems to be cut)", want);
    else
        mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(list->input), list->line + 1,
                   list->column + 1, "expected %s, found '%s'", want,
                   mt_quote(list->unread, list->unread_length < 24 ? list->unread_length : 24,
                            quoted, sizeof quoted));
    return -1;
}

/* The same for what the objects are called. */
static int fail_object(mt_json_list *list, const char *want, mt_error *error)
    __attribute__((format(printf, 2, 0)));

static int fail_object(mt_json_list *list, const char *want, mt_error *error) {
    char text[QUOTE_SIZE];
    snprintf(text, sizeof text, want, list->what);
    return fail_here(list, text, error);
}

/* Skips white space: 1 at a byte that is none, 0 at the end, -1. */
static int skip_space(mt_json_list *list, mt_error *error) {
    int status;
    while ((status = more(list, error)) > 0) {
        char byte = *list->unread;
        if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n')
            return 1;
        step(list);
    }
    return status;
}

/* The state of the scan for an object's end. */
typedef struct nesting {
    uint64_t depth;
    int in_string, is_escaped;
} nesting;

/* How many of the bytes belong to the object. *is_done becomes 1 when they end it. */
static size_t object_bytes(nesting *in, const char *text, size_t length, int *is_done) {
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (in->in_string) {
            if (in->is_escaped)
                in->is_escaped = 0;
            else if (byte == '\\')
                in->is_escaped = 1;
            else if (byte == '"')
                in->in_string = 0;
        } else if (byte == '"') {
            in->in_string = 1;
        } else if (byte == '{' || byte == '[') {
            in->depth++;
        } else if ((byte == '}' || byte == ']') && --in->depth == 0) {
            *is_done = 1;
            return i + 1;
        }
    }
    return length;
}

/* Appends the bytes to the object's text, and counts their lines and columns. */
static int take(mt_json_list *list, size_t length, mt_error *error) {
    if (list->text_length + length > MT_LINE_LIMIT)
        return mt_failed(mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(list->input),
                                    list->text_line, 0,
                                    "the %s that begins here is longer than 1 GiB", list->what));
    if (MT_GROW(list->text, list->text_capacity, list->text_length + length) != 0)
        return mt_failed(mt_fail_memory(error, list->what));
    memcpy(list->text + list->text_length, list->unread, length);
    list->text_length += length;
    const char *end = list->unread + length, *newline;
    while ((newline = memchr(list->unread, '\n', (size_t)(end - list->unread))) != NULL) {
        list->line++;
        list->column = 0;
        list->unread_length -= (size_t)(newline + 1 - list->unread);
        list->unread = newline + 1;
    }
    list->column += (size_t)(end - list->unread);
    list->unread_length -= (size_t)(end - list->unread);
    list->unread = end;
    return 0;
}

static int take_object(mt_json_list *list, mt_error *error) {
    nesting in = {0};
    int is_done = 0;
    list->text_length = list->located = 0;
    list->text_line = list->line + 1;
    list->text_column = list->column;
    while (!is_done) {
        int status = more(list, error);
        if (status < 0)
            return -1;
        if (status == 0)
            return mt_failed(mt_fail_at(
                error, MT_ERROR_INPUT, mt_input_name(list->input), list->text_line, 0,
                "the file ends inside the %s that begins here (it seems to be cut)", list->what));
        size_t length = object_bytes(&in, list->unread, list->unread_length, &is_done);
        if (take(list, length, error) != 0)
            return -1;
    }
    return 1;
}

/* Reads the list's bracket, if there is one. 1, 0 for an empty list, -1. */
static int begin_list(mt_json_list *list, mt_error *error) {
    int status = skip_space(list, error);
    if (status < 0)
        return -1;
    if (status == 0)
        return mt_failed(mt_fail_at(error, MT_ERROR_INPUT, mt_input_name(list->input), 0, 0,
                                    "the file is empty"));
    list->has_begun = 1;
    list->is_list = *list->unread == '[';
    if (list->is_list)
        step(list);
    else if (*list->unread != '{')
        return fail_object(list, "a list of %ss ('[')", error);
    return 1;
}

/* Checks that only white space follows the list. 0 or -1. */
static int end_list(mt_json_list *list, mt_error *error) {
    list->is_at_end = 1;
    step(list);
    int status = skip_space(list, error);
    return status > 0 ? fail_here(list, "the end of the file", error) : status;
}

int mt_json_list_next(mt_json_list *list, mt_error *error) {
    if (list->is_at_end)
        return 0;
    if (!list->has_begun && begin_list(list, error) < 0)
        return -1;
    int status = skip_space(list, error);
    if (status < 0 || (status == 0 && !list->is_list))
        return status;
    if (list->is_list && status > 0 && *list->unread == ']')
        return end_list(list, error);
    if (list->is_list && list->is_after) {
        if (status == 0 || *list->unread != ',')
            return fail_here(list, "',' or ']'", error);
        step(list);
        status = skip_space(list, error);
        if (status < 0)
            return -1;
    }
    if (status == 0 || *list->unread != '{')
        return fail_object(list, "a %s ('{')", error);
    list->is_after = 1;
    return take_object(list, error);
}

void mt_json_list_locate(mt_json_list *list, const char *at, uint64_t *line, uint64_t *column) {
    size_t end = (size_t)(at - list->text), from = list->located;
    if (from == 0 || end < from) {
        from = 0;
        list->located_line = list->text_line;
        list->located_column = list->text_column + 1;
    }
    const char *newline, *byte = list->text + from;
    while (byte < at && (newline = memchr(byte, '\n', (size_t)(at - byte)))) {
        list->located_line++;
        list->located_column = 1;
        byte = newline + 1;
    }
    list->located_column += (uint64_t)(at - byte);
    list->located = end;
    *line = list->located_line;
    *column = list->located_column;
}

void mt_json_list_free(mt_json_list *list) {
    mt_free(list->text);
}
