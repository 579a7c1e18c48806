#include "trace/step/lost_state.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/member.h"
#include "trace/source/kind.h"

mt_lost *mt_lost_new(const mt_service *service, mt_error *error) {
    mt_lost *self = mt_new(sizeof *self, "requests left out", error);
    if (self) {
        self->references = 1;
        self->service = *service;
    }
    return self;
}

mt_lost *mt_lost_retain(mt_lost *self) {
    self->references++;
    return self;
}

void mt_lost_release(mt_lost *self) {
    if (!self || --self->references > 0)
        return;
    mt_texts_free(&self->names);
    mt_texts_free(&self->sessions);
    mt_free(self->marks);
    mt_free(self->row_of_name);
    mt_free(self->last_of_session);
    mt_free(self->rows);
    mt_free(self->edges);
    mt_free(self->way);
    mt_free(self);
}

mt_lost_counts mt_lost_count(const mt_lost *self) {
    return self->counts;
}

int mt_lost_may_time(const mt_lost *self) {
    return self->may_time;
}

int mt_lost_names_any(const mt_lost *self) {
    for (size_t i = 0; i < self->names.count; i++)
        if ((self->marks[i] & (MT_LOST_NAMED | MT_LOST_KEPT)) == MT_LOST_NAMED)
            return 1;
    return 0;
}

/* ---- names ---- */

int mt_lost_number(mt_lost *self, mt_span name, uint32_t *number) {
    size_t known = self->names.count;
    if (MT_GROW(self->marks, self->mark_capacity, known + 1) != 0 ||
        MT_GROW(self->row_of_name, self->name_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->names, name.text, name.length, number) != 0)
        return -1;
    if (*number == known)
        self->marks[known] = 0, self->row_of_name[known] = 0;
    return 0;
}

static int mark_list(mt_lost *self, mt_span list) {
    mt_json_items items;
    mt_json_item item;
    uint32_t number;
    if (!mt_json_items_of_list(&items, list))
        return 0;
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_lost_number(self, item.value, &number) != 0)
            return -1;
        self->marks[number] |= MT_LOST_NAMED;
    }
    return 0;
}

static mt_code mark_kept(mt_lost *self, const mt_request *request, mt_error *error) {
    uint32_t number;
    mt_span name = mt_request_member(request, "request_id"),
            waits = mt_request_member(request, "wait_for");
    self->may_time |= waits.length > 0 && !(request->has & MT_HAS_TIME);
    if (name.length > 0) {
        if (mt_lost_number(self, name, &number) != 0)
            return mt_fail_memory(error, "request ids");
        self->marks[number] |= MT_LOST_KEPT;
    }
    if (mark_list(self, waits) != 0 || mark_list(self, mt_request_member(request, "branches")) != 0)
        return mt_fail_memory(error, "request ids");
    return MT_OK;
}

mt_code mt_lost_look_at_kept(mt_lost *self, mt_source *kept, mt_error *error) {
    mt_request request;
    mt_code code = MT_OK;
    int status = 0;
    while (code == MT_OK && (status = mt_source_next(kept, &request, error)) > 0)
        if (request.extra.length > 0)
            code = mark_kept(self, &request, error);
    mt_source_free(kept);
    return status < 0 ? mt_code_of(error) : code;
}

/* ---- the whole trace's times ---- */

int64_t mt_lost_sum(int64_t a, int64_t b) {
    int64_t both;
    return __builtin_add_overflow(a, b, &both) ? INT64_MAX : both;
}

int64_t mt_lost_wait(const mt_request *request) {
    int64_t tool_ns = 0;
    mt_span tool = mt_request_member(request, "tool_wait_ms");
    if (tool.length == 0 || mt_decimal_whole(tool.text, tool.length, 6, &tool_ns) != 0)
        tool_ns = 0;
    return mt_lost_sum(request->has & MT_HAS_DELAY ? request->delay_ns : 0, tool_ns);
}

/* The row's place in its session, whose last row it is now. 0 or -1 (memory). */
static int join_session(mt_lost *self, mt_span session, mt_lost_row *row) {
    size_t known = self->sessions.count;
    uint32_t number;
    if (MT_GROW(self->last_of_session, self->session_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->sessions, session.text, session.length, &number) != 0)
        return -1;
    row->before = number < known ? self->last_of_session[number] : 0;
    self->last_of_session[number] = (uint32_t)self->row_count + 1;
    return 0;
}

static int add_row(mt_lost *self, const mt_request *request) {
    mt_json_items items;
    mt_json_item item;
    uint32_t number;
    mt_lost_row row = {.time_ns = request->time_ns,
                       .wait_ns = mt_lost_wait(request),
                       .answer_ns = mt_service_answer(&self->service, request->output_length),
                       .state = request->has & MT_HAS_TIME ? MT_LOST_KNOWN : MT_LOST_UNKNOWN};
    mt_span name = mt_request_member(request, "request_id");
    if (MT_GROW(self->rows, self->row_capacity, self->row_count + 1) != 0 ||
        (request->has & MT_HAS_SESSION && join_session(self, request->session, &row) != 0))
        return -1;
    if (name.length > 0) {
        if (mt_lost_number(self, name, &number) != 0)
            return -1;
        self->row_of_name[number] = (uint32_t)self->row_count + 1;
    }
    if (row.state == MT_LOST_UNKNOWN &&
        mt_json_items_of_list(&items, mt_request_member(request, "wait_for")))
        while (mt_json_items_next(&items, &item) > 0)
            if (MT_GROW(self->edges, self->edge_capacity, self->edge_count + 1) != 0 ||
                mt_lost_number(self, item.value, &self->edges[self->edge_count++]) != 0)
                return -1;
    row.edge_end = self->edge_count;
    self->rows[self->row_count++] = row;
    return 0;
}

mt_code mt_lost_look_at_whole(mt_lost *self, mt_source *whole, mt_error *error) {
    mt_request request;
    int status = 0;
    while ((status = mt_source_next(whole, &request, error)) > 0)
        if (self->row_count >= UINT32_MAX - 1 || add_row(self, &request) != 0) {
            mt_fail_memory(error, "requests that wait");
            status = -1;
            break;
        }
    mt_source_free(whole);
    return status < 0 ? mt_code_of(error) : MT_OK;
}

/* One that the row waits for and whose time is not known, plus 1; 0: none is left, and *end_ns is when
 * the last of them has ended, 0 where it waits for none. A row on the way waits for itself, and is
 * passed over. */
static uint32_t next_awaited(const mt_lost *self, uint32_t row, int64_t *end_ns) {
    uint64_t edge = row > 0 ? self->rows[row - 1].edge_end : 0;
    uint32_t awaited = self->rows[row].before;
    *end_ns = 0;
    for (;;) {
        if (awaited != 0) {
            const mt_lost_row *other = &self->rows[awaited - 1];
            if (other->state == MT_LOST_UNKNOWN)
                return awaited;
            int64_t other_ns = mt_lost_sum(other->time_ns, other->answer_ns);
            if (other->state == MT_LOST_KNOWN && other_ns > *end_ns)
                *end_ns = other_ns;
        }
        if (edge == self->rows[row].edge_end)
            return 0;
        awaited = self->row_of_name[self->edges[edge++]];
    }
}

int mt_lost_find_time(mt_lost *self, uint32_t row) {
    size_t length = 0;
    uint32_t next = row + 1;
    while (next != 0 || length > 0) {
        int64_t end_ns;
        if (next != 0) {
            if (self->rows[next - 1].state != MT_LOST_UNKNOWN)
                return 0; /* the first one only */
            if (MT_GROW(self->way, self->way_capacity, length + 1) != 0)
                return -1;
            self->rows[next - 1].state = MT_LOST_ON_THE_WAY;
            self->way[length++] = next - 1;
        }
        uint32_t at = self->way[length - 1];
        next = next_awaited(self, at, &end_ns);
        if (next == 0) {
            self->rows[at].time_ns = mt_lost_sum(end_ns, self->rows[at].wait_ns);
            self->rows[at].state = MT_LOST_KNOWN;
            length--;
        }
    }
    return 0;
}
