#include "trace/log/perf_answer.h"

#include "base/memory.h"
#include "trace/log/lines.h"

#include <string.h>

void mt_perf_answer_free(mt_perf_answer *self) {
    mt_free(self->stream.bytes);
    mt_free(self->said.bytes);
}

int mt_perf_add_string(mt_text *to, mt_span token, mt_error *error) {
    if (token.length == 0 || token.text[0] != '"')
        return 0;
    if (MT_GROW(to->bytes, to->capacity, to->length + token.length) != 0)
        return mt_lines_no_memory(error);
    to->length += mt_json_decode(token.text, token.length, to->bytes + to->length);
    return 0;
}

/* What a body of an answer says, or a piece of it, is added to self->said. 0 or -1 (memory). */
static int read_answer(mt_perf_answer *self, const char *text, size_t length, mt_error *error) {
    mt_json json = {text, text + length, NULL};
    mt_json_items items;
    mt_json_item item;
    mt_span choices = {"", 0}, usage = {"", 0}, failure = {"", 0}, made = {"", 0};
    mt_span prompt = {"", 0}, completion = {"", 0};
    const mt_line_member members[] = {{"choices", &choices},     {"usage", &usage},
                                      {"error", &failure},       {"text_output", &made},
                                      {"generated_text", &made}, {"text", &made}};
    const mt_line_member of_usage[] = {{"prompt_tokens", &prompt},
                                       {"completion_tokens", &completion}};
    if (mt_lines_members(&json, text, members, sizeof members / sizeof *members, NULL) != 0)
        return 0; /* a piece of something else */
    self->has_failed |= failure.length > 0;
    if (mt_lines_is_object(usage))
        (void)mt_lines_members(&json, usage.text, of_usage, 2, NULL);
    self->has_input |= mt_json_count(prompt, &self->input) == 0;
    self->has_output |= mt_json_count(completion, &self->output) == 0;
    if (mt_perf_add_string(&self->said, made, error) != 0)
        return -1;
    if (!mt_json_items_of_list(&items, choices))
        return 0;
    while (mt_json_items_next(&items, &item) > 0) {
        mt_span whole = {"", 0}, said[4] = {{"", 0}};
        const mt_line_member of_choice[] = {
            {"text", &said[0]}, {"message", &whole}, {"delta", &whole}};
        const mt_line_member of_message[] = {
            {"reasoning_content", &said[1]}, {"reasoning", &said[2]}, {"content", &said[3]}};
        if (mt_lines_is_object(item.value))
            (void)mt_lines_members(&json, item.value.text, of_choice, 3, NULL);
        if (mt_lines_is_object(whole))
            (void)mt_lines_members(&json, whole.text, of_message, 3, NULL);
        for (int i = 0; i < 4; i++)
            if (!(i == 2 && said[1].length > 0) &&
                mt_perf_add_string(&self->said, said[i], error) != 0)
                return -1;
    }
    return 0;
}

/* Adds a response to the stream of events: one may hold a piece of an event, or several. 0 or -1. */
static int add_response(mt_perf_answer *self, mt_span response, mt_error *error) {
    mt_text *to = &self->stream;
    size_t before = to->length;
    if (mt_perf_add_string(to, response, error) != 0)
        return -1;
    size_t length = to->length - before;
    if (before == 0 || length == 0)
        return 0;
    const char *text = to->bytes + before;
    int is_event = (length > 5 && memcmp(text, "data:", 5) == 0) ||
                   (length > 6 && memcmp(text, "event:", 6) == 0);
    if (!is_event && !(text[0] == '{' && to->bytes[0] == '{'))
        return 0;
    if (mt_text_add(to, "\n", 1) != 0)
        return mt_lines_no_memory(error);
    memmove(to->bytes + before + 1, to->bytes + before, length);
    to->bytes[before] = '\n';
    return 0;
}

/* May a line of a body that is laid out in many begin so? */
static int goes_on(char first) {
    return first == '}' || first == ']' || first == ',' || first == '"' || first == ' ' ||
           first == '\t';
}

/* Reads the lines of the stream of events, or its bodies. 0 or -1. */
static int read_stream(mt_perf_answer *self, mt_error *error) {
    if (self->stream.length == 0)
        return 0;
    const char *at = self->stream.bytes, *end = at + self->stream.length;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end, *stop = newline ? newline : end;
        if (stop - at > 5 && memcmp(at, "data:", 5) == 0)
            at += 5;
        while (at < stop && *at == ' ')
            at++;
        if (at < stop && *at == '{') {
            if (next < end && goes_on(*next)) /* a body of many lines */
                next = stop = end;
            if (read_answer(self, at, (size_t)(stop - at), error) != 0)
                return -1;
        }
        at = next;
    }
    return 0;
}

/* Triton's token ids, one or a list of them. */
static uint64_t count_ids(mt_span ids) {
    mt_json_items items;
    mt_json_item item;
    uint64_t count = 0;
    if (!mt_json_items_of_list(&items, ids))
        return ids.length > 0 && ids.text[0] != '"';
    while (mt_json_items_next(&items, &item) > 0)
        count += count_ids(item.value);
    return count;
}

int mt_perf_answer_read(mt_perf_answer *self, const mt_json *json, mt_span outputs,
                        mt_error *error) {
    mt_json_items items;
    mt_json_item item;
    self->stream.length = self->said.length = 0;
    self->input = self->output = 0;
    self->has_input = self->has_output = self->has_failed = 0;
    if (!mt_json_items_of_list(&items, outputs))
        return 0;
    while (mt_json_items_next(&items, &item) > 0) {
        mt_span response = {"", 0}, text = {"", 0}, ids = {"", 0};
        const mt_line_member members[] = {
            {"response", &response}, {"text_output", &text}, {"output_ids", &ids}};
        if (!mt_lines_is_object(item.value))
            continue;
        (void)mt_lines_members(json, item.value.text, members, 3, NULL);
        if (ids.length > 0) {
            self->output += count_ids(ids);
            self->has_output = 1;
        }
        if (mt_perf_add_string(&self->said, text, error) != 0 ||
            add_response(self, response, error) != 0)
            return -1;
    }
    return read_stream(self, error);
}
