#include "prefix/lint/names.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/member.h"

void mt_lint_names_free(mt_lint_names *self) {
    mt_texts_free(&self->names);
    mt_free(self->is_there);
    mt_free(self->first);
}

static int number_of(mt_lint_names *self, mt_span name, uint64_t line, uint32_t *number) {
    size_t known = self->names.count;
    if (MT_GROW(self->is_there, self->there_capacity, known + 1) != 0 ||
        MT_GROW(self->first, self->first_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->names, name.text, name.length, number) != 0)
        return -1;
    if (*number == known) {
        self->is_there[known] = 0;
        self->first[known] = line;
    }
    return 0;
}

static int add_list(mt_lint_names *self, mt_span list, uint64_t line) {
    mt_json_items items;
    mt_json_item item;
    uint32_t number;
    if (!mt_json_items_of_list(&items, list))
        return 0;
    while (mt_json_items_next(&items, &item) > 0)
        if (number_of(self, item.value, line, &number) != 0)
            return -1;
    return 0;
}

mt_code mt_lint_names_add(mt_lint_names *self, const mt_request *request, mt_error *error) {
    uint32_t number;
    if (request->extra.length == 0)
        return MT_OK;
    mt_span name = mt_request_member(request, "request_id");
    if (name.length > 0) {
        if (number_of(self, name, request->line, &number) != 0)
            return mt_fail_memory(error, "request ids");
        self->is_there[number] = 1;
    }
    if (add_list(self, mt_request_member(request, "wait_for"), request->line) != 0 ||
        add_list(self, mt_request_member(request, "branches"), request->line) != 0)
        return mt_fail_memory(error, "request ids");
    return MT_OK;
}

void mt_lint_names_find(const mt_lint_names *self, mt_lines *lines, char *name, size_t size) {
    uint64_t line = 0;
    *lines = (mt_lines){0};
    name[0] = '\0';
    for (uint32_t i = 0; i < self->names.count; i++) {
        if (self->is_there[i])
            continue;
        mt_span text = mt_texts_get(&self->names, i);
        if (lines->count == 0) {
            int is_text = text.length >= 2 && text.text[0] == '"';
            mt_quote(text.text + is_text, text.length - 2 * (size_t)is_text, name, size);
        }
        if (lines->count == 0 || self->first[i] != line)
            mt_lines_add(lines, self->first[i]);
        line = self->first[i];
    }
}
