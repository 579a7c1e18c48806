#include "trace/log/waits.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/member.h"

#include <inttypes.h>
#include <stdio.h>

enum { QUOTE_SIZE = 64, CIRCLE_SIZE = 240, MOST_SHOWN = 4 };

void mt_waits_free(mt_waits *self) {
    mt_texts_free(&self->names);
    mt_texts_free(&self->sessions);
    mt_free(self->row_of_name);
    mt_free(self->last_of_session);
    mt_free(self->rows);
    mt_free(self->edges);
    mt_free(self->branches);
    mt_free(self->branch_rows);
}

/* ---- adding ---- */

static int is_name(mt_span value) {
    return value.length > 0 && (value.text[0] == '"' || value.text[0] == '-' ||
                                (value.text[0] >= '0' && value.text[0] <= '9'));
}

/* A token without its quotes, fit for a message. */
static char *shown(mt_span token, char *buffer, size_t size) {
    if (token.length >= 2 && token.text[0] == '"')
        token = (mt_span){token.text + 1, token.length - 2};
    return mt_quote(token.text, token.length, buffer, size);
}

static mt_code name_number(mt_waits *self, mt_span name, uint32_t *number, mt_error *error) {
    size_t known = self->names.count;
    if (MT_GROW(self->row_of_name, self->name_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->names, name.text, name.length, number) != 0)
        return mt_fail_memory(error, "request ids");
    if (*number == known)
        self->row_of_name[known] = 0;
    return MT_OK;
}

/* The next name of the member's list: 1, 0 at its end or where there is none, -1. */
static int next_name(mt_json_items *items, mt_span list, const char *member, mt_json_item *item,
                     mt_error *error) {
    mt_json json = {list.text, list.text + list.length, error};
    char quoted[QUOTE_SIZE];
    if (list.length == 0 || mt_json_is_null(list))
        return 0;
    if (!items->has_begun && !items->at &&
        mt_json_items_begin(items, &json, list.text, '[', "a list of request ids ('[')") != 0)
        return mt_failed(mt_fail(error, MT_ERROR_INPUT, "%s must be a list of request ids, not %s",
                                 member, mt_quote(list.text, list.length, quoted, sizeof quoted)));
    int status = mt_json_items_next(items, item);
    if (status > 0 && !is_name(item->value))
        return mt_failed(
            mt_fail(error, MT_ERROR_INPUT, "%s must be a list of request ids, not of %s", member,
                    mt_quote(item->value.text, item->value.length, quoted, sizeof quoted)));
    return status;
}

static mt_code add_edges(mt_waits *self, mt_span list, mt_error *error) {
    mt_json_items items = {0};
    mt_json_item item;
    int status;
    mt_code code = MT_OK;
    while (code == MT_OK && (status = next_name(&items, list, "wait_for", &item, error)) != 0) {
        if (status < 0)
            return mt_code_of(error);
        if (MT_GROW(self->edges, self->edge_capacity, self->edge_count + 1) != 0)
            return mt_fail_memory(error, "request ids");
        code = name_number(self, item.value, &self->edges[self->edge_count++], error);
    }
    return code;
}

static mt_code add_branches(mt_waits *self, mt_span list, mt_error *error) {
    mt_json_items items = {0};
    mt_json_item item;
    int status;
    mt_code code = MT_OK;
    while (code == MT_OK && (status = next_name(&items, list, "branches", &item, error)) != 0) {
        if (status < 0)
            return mt_code_of(error);
        size_t wanted = self->branch_count + 1;
        if (MT_GROW(self->branches, self->branch_capacity, wanted) != 0 ||
            MT_GROW(self->branch_rows, self->branch_row_capacity, wanted) != 0)
            return mt_fail_memory(error, "request ids");
        self->branch_rows[self->branch_count] = self->row_count;
        code = name_number(self, item.value, &self->branches[self->branch_count++], error);
    }
    return code;
}

static mt_code add_name(mt_waits *self, mt_span name, mt_error *error) {
    char quoted[QUOTE_SIZE];
    uint32_t number = 0;
    if (name.length == 0 || mt_json_is_null(name))
        return MT_OK;
    if (!is_name(name))
        return mt_fail(error, MT_ERROR_INPUT, "request_id must be a string or a number, not %s",
                       mt_quote(name.text, name.length, quoted, sizeof quoted));
    mt_code code = name_number(self, name, &number, error);
    if (code != MT_OK)
        return code;
    if (self->row_of_name[number] != 0)
        return mt_fail(error, MT_ERROR_INPUT, "request_id '%s' is that of line %" PRIu64 " already",
                       shown(name, quoted, sizeof quoted),
                       self->rows[self->row_of_name[number] - 1].line);
    self->row_of_name[number] = self->row_count + 1;
    return MT_OK;
}

static mt_code join_session(mt_waits *self, const mt_request *request, mt_waits_row *row,
                            mt_error *error) {
    size_t known = self->sessions.count;
    uint32_t number;
    if (!(request->has & MT_HAS_SESSION))
        return MT_OK;
    if (MT_GROW(self->last_of_session, self->session_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->sessions, request->session.text, request->session.length, &number) !=
            0)
        return mt_fail_memory(error, "sessions");
    row->before = number < known ? self->last_of_session[number] : 0;
    self->last_of_session[number] = self->row_count + 1;
    return MT_OK;
}

mt_code mt_waits_add(mt_waits *self, const mt_request *request, mt_error *error) {
    mt_waits_row row = {.line = request->line};
    if (MT_GROW(self->rows, self->row_capacity, self->row_count + 1) != 0)
        return mt_fail_memory(error, "rows that wait");
    mt_code code = add_name(self, mt_request_member(request, "request_id"), error);
    if (code == MT_OK)
        code = add_edges(self, mt_request_member(request, "wait_for"), error);
    if (code == MT_OK)
        code = add_branches(self, mt_request_member(request, "branches"), error);
    if (code == MT_OK)
        code = join_session(self, request, &row, error);
    if (code != MT_OK)
        return code;
    row.edge_end = self->edge_count;
    self->rows[self->row_count++] = row;
    return MT_OK;
}

/* ---- checking ---- */

static uint64_t edges_begin(const mt_waits *self, uint64_t row) {
    return row > 0 ? self->rows[row - 1].edge_end : 0;
}

static mt_code fail_name(const mt_waits *self, uint64_t row, const char *member, uint32_t name,
                         mt_error *error) {
    char quoted[QUOTE_SIZE];
    return mt_fail_at(error, MT_ERROR_INPUT, "", self->rows[row].line, 0,
                      "%s names the request_id '%s', which no row has", member,
                      shown(mt_texts_get(&self->names, name), quoted, sizeof quoted));
}

static mt_code check_names(const mt_waits *self, mt_error *error) {
    for (uint64_t row = 0, edge = 0; row < self->row_count; row++)
        for (; edge < self->rows[row].edge_end; edge++)
            if (self->row_of_name[self->edges[edge]] == 0)
                return fail_name(self, row, "wait_for", self->edges[edge], error);
    for (size_t i = 0; i < self->branch_count; i++)
        if (self->row_of_name[self->branches[i]] == 0)
            return fail_name(self, self->branch_rows[i], "branches", self->branches[i], error);
    return MT_OK;
}

/* A row on the way of the search, and which of those that it waits for is next. */
typedef struct place {
    uint64_t row, edge;
    int was_before; /* its session's row before it has been looked at */
} place;

/* The rows from `begin` on wait each for the next, and the last for the first. */
static mt_code fail_circle(const mt_waits *self, const place *way, size_t begin, size_t end,
                           mt_error *error) {
    char circle[CIRCLE_SIZE] = "";
    size_t used = 0;
    for (size_t i = begin; i <= end && i < begin + MOST_SHOWN && used < sizeof circle; i++)
        used += (size_t)snprintf(circle + used, sizeof circle - used, "%sline %" PRIu64,
                                 i == begin       ? ""
                                 : i == begin + 1 ? " for "
                                                  : ", it for ",
                                 self->rows[way[i < end ? i : begin].row].line);
    return mt_fail_at(error, MT_ERROR_INPUT, "", self->rows[way[begin].row].line, 0,
                      "rows wait for one another in a circle: %s%s", circle,
                      end - begin >= MOST_SHOWN ? ", and so on" : "");
}

/* The next row that the last one of the way waits for, plus 1; 0: there is none left. */
static uint64_t next_awaited(const mt_waits *self, place *last) {
    if (!last->was_before) {
        last->was_before = 1;
        if (self->rows[last->row].before != 0)
            return self->rows[last->row].before;
    }
    return last->edge < self->rows[last->row].edge_end
               ? self->row_of_name[self->edges[last->edge++]]
               : 0;
}

/* A search in depth: state 1 is on the way, 2 is done with. */
static mt_code find_circle(const mt_waits *self, uint8_t *state, mt_error *error) {
    place *way = NULL;
    size_t capacity = 0, length = 0;
    mt_code code = MT_OK;
    for (uint64_t from = 0; from < self->row_count && code == MT_OK; from++) {
        uint64_t next = from + 1;
        if (state[from])
            continue;
        while (code == MT_OK && (next != 0 || length > 0)) {
            if (next == 0) {
                state[way[--length].row] = 2;
            } else if (state[next - 1] == 1) {
                size_t begin = length;
                while (way[begin - 1].row != next - 1)
                    begin--;
                code = fail_circle(self, way, begin - 1, length, error);
            } else if (state[next - 1] == 0) {
                if (MT_GROW(way, capacity, length + 1) != 0)
                    code = mt_fail_memory(error, "rows that wait");
                else
                    way[length++] = (place){.row = next - 1, .edge = edges_begin(self, next - 1)};
                state[next - 1] = 1;
            }
            next = length > 0 ? next_awaited(self, &way[length - 1]) : 0;
        }
    }
    mt_free(way);
    return code;
}

mt_code mt_waits_check(const mt_waits *self, mt_error *error) {
    mt_code code = check_names(self, error);
    if (code != MT_OK || self->edge_count == 0)
        return code;
    uint8_t *state = mt_allocate_zero(self->row_count, 1);
    if (!state)
        return mt_fail_memory(error, "rows that wait");
    code = find_circle(self, state, error);
    mt_free(state);
    return code;
}
