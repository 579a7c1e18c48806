#include "drive/replay_state.h"

#include "base/memory.h"
#include "text/json_items.h"

void mt_replay_hold_row(mt_replay *replay, mt_row *row) {
    row->after = replay->rows;
    if (row->after)
        row->after->before = row;
    replay->rows = row;
    replay->held++;
    replay->held_bytes += row->bytes;
}

static void free_waiters(mt_waiter *waiter) {
    while (waiter) {
        mt_waiter *next = waiter->next;
        mt_free(waiter);
        waiter = next;
    }
}

void mt_replay_drop_row(mt_replay *replay, mt_row *row) {
    if (row->before)
        row->before->after = row->after;
    else
        replay->rows = row->after;
    if (row->after)
        row->after->before = row->before;
    replay->held--;
    replay->held_bytes -= row->bytes;
    if (row->session && row->session->last == row)
        row->session->last = NULL;
    free_waiters(row->waiters);
    mt_free(row);
}

static mt_code wait_on(mt_waiter **list, mt_row *row, mt_error *error) {
    mt_waiter *waiter = mt_allocate(1, sizeof *waiter);
    if (!waiter)
        return mt_fail_memory(error, "requests that wait");
    *waiter = (mt_waiter){row, *list};
    *list = waiter;
    row->pending++;
    return MT_OK;
}

/* The row's due time is known: it takes its turn. */
static mt_code make_due(mt_replay *replay, mt_row *row, int64_t due_ns, mt_error *error) {
    row->due_ns = due_ns;
    return mt_row_heap_push(&replay->due, row) == 0
               ? MT_OK
               : mt_fail_memory(error, "requests that are due");
}

/* One of those that the rows in the list wait for has ended. */
static mt_code release_list(mt_replay *replay, mt_waiter **list, int64_t end_ns, mt_error *error) {
    mt_code code = MT_OK;
    mt_waiter *waiter = *list;
    *list = NULL;
    for (mt_waiter *next; waiter; waiter = next) {
        next = waiter->next;
        mt_row *row = waiter->row;
        mt_free(waiter);
        if (row->base_ns == MT_NEVER || end_ns > row->base_ns)
            row->base_ns = end_ns;
        if (--row->pending == 0 && code == MT_OK)
            code = make_due(replay, row, row->base_ns + row->wait_ns, error);
    }
    return code;
}

mt_code mt_replay_join_session(mt_replay *replay, mt_row *row, mt_error *error) {
    uint32_t number;
    size_t known = replay->session_names.count;
    if (!(row->request.has & MT_HAS_SESSION))
        return MT_OK;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
    if (MT_GROW(replay->sessions, replay->session_capacity, known + 1) != 0)
        return mt_fail_memory(error, "sessions");
    replay->sessions[known] = NULL;
    if (mt_texts_intern(&replay->session_names, row->request.session.text,
                        row->request.session.length, &number) != 0)
        return mt_fail_memory(error, "sessions");
    if (number == known) {
        mt_replay_session *session = mt_allocate_zero(1, sizeof *session);
        if (!session) {
            mt_texts_truncate(&replay->session_names, known);
            return mt_fail_memory(error, "sessions");
        }
        session->end_ns = session->planned_ns = MT_NEVER;
        replay->sessions[number] = session;
    }
    row->session = replay->sessions[number];
    row->asked.session = (uint64_t)number + 1;
    row->asked.turn = row->session->turns++;
    return MT_OK;
}

static mt_code named_row(mt_replay *replay, mt_span name, uint32_t *number, mt_error *error) {
    if (mt_texts_intern(&replay->row_names, name.text, name.length, number) != 0 ||
        MT_GROW(replay->named, replay->named_capacity, replay->row_names.count) != 0)
        return mt_fail_memory(error, "request ids");
    while (replay->named_count < replay->row_names.count)
        replay->named[replay->named_count++] = (mt_named_row){.end_ns = MT_NEVER};
    return MT_OK;
}

/* The ids that the row's wait_for names: it waits for those that have not ended. */
static mt_code wait_for_named(mt_replay *replay, mt_row *row, mt_span list, mt_error *error) {
    mt_json json = {list.text, list.text + list.length, NULL};
    mt_json_items items;
    mt_json_item item;
    if (mt_json_items_begin(&items, &json, list.text, '[', "a list") != 0)
        return mt_fail(error, MT_ERROR_INPUT, "wait_for must be a list of request_ids");
    while (mt_json_items_next(&items, &item) > 0) {
        uint32_t number;
        mt_code code = named_row(replay, item.value, &number, error);
        if (code != MT_OK)
            return code;
        mt_named_row *named = &replay->named[number];
        if (!named->has_ended)
            code = wait_on(&named->waiters, row, error);
        else if (row->base_ns == MT_NEVER || named->end_ns > row->base_ns)
            row->base_ns = named->end_ns;
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

static int64_t milliseconds_member(const mt_request *request, const char *name) {
    int64_t nanoseconds;
    mt_span value = mt_request_member(request, name);
    if (value.length == 0 || mt_decimal_whole(value.text, value.length, 6, &nanoseconds) != 0)
        return 0;
    return nanoseconds;
}

/* How long the row waits after those it waits for: its delay, else as far as its timestamp is from that
 * of the session's turn before. */
static int64_t wait_of(const mt_row *row) {
    const mt_request *request = &row->request;
    if (request->has & MT_HAS_DELAY)
        return request->delay_ns;
    if (row->session && row->session->planned_ns != MT_NEVER && (request->has & MT_HAS_TIME))
        return request->time_ns > row->session->planned_ns
                   ? request->time_ns - row->session->planned_ns
                   : 0;
    return 0;
}

mt_code mt_replay_place_row(mt_replay *replay, mt_row *row, mt_error *error) {
    const mt_request *request = &row->request;
    mt_span waits = mt_request_member(request, "wait_for"),
            name = mt_request_member(request, "request_id");
    mt_code code = MT_OK;
    row->base_ns = MT_NEVER;
    row->wait_ns = wait_of(row);
    if (row->session && row->session->last) {
        code = wait_on(&row->session->last->waiters, row, error);
    } else if (row->session) {
        row->base_ns = row->session->end_ns;
    }
    if (code == MT_OK && waits.length > 0 && !mt_json_is_null(waits)) {
        code = wait_for_named(replay, row, waits, error);
        row->wait_ns += milliseconds_member(request, "tool_wait_ms");
        replay->waits_for_others = 1;
    }
    if (code == MT_OK && name.length > 0) {
        uint32_t number;
        code = named_row(replay, name, &number, error);
        if (code == MT_OK) {
            row->name = (uint64_t)number + 1;
            replay->named[number].is_there = 1;
        }
    }
    if (code != MT_OK)
        return code;
    if (row->session) {
        row->session->last = row;
        row->session->planned_ns =
            request->has & MT_HAS_TIME ? request->time_ns : row->session->planned_ns;
        replay->waits_for_others = 1;
    }
    if (row->pending > 0)
        return MT_OK;
    if (row->base_ns != MT_NEVER)
        return make_due(replay, row, row->base_ns + row->wait_ns, error);
    if (replay->options.slots > 0)
        return make_due(replay, row, replay->options.start_ns, error);
    return make_due(replay, row, replay->options.start_ns + request->time_ns, error);
}

mt_code mt_replay_release(mt_replay *replay, mt_row *row, int64_t end_ns, mt_error *error) {
    mt_code code = release_list(replay, &row->waiters, end_ns, error);
    if (code != MT_OK || row->name == 0)
        return code;
    mt_named_row *named = &replay->named[row->name - 1];
    named->has_ended = 1;
    named->end_ns = end_ns;
    return release_list(replay, &named->waiters, end_ns, error);
}

void mt_replay_forget_waits(mt_replay *replay) {
    for (mt_row *row = replay->rows; row; row = row->after) {
        free_waiters(row->waiters);
        row->waiters = NULL;
    }
    for (size_t i = 0; i < replay->named_count; i++) {
        for (mt_waiter *waiter = replay->named[i].waiters; waiter; waiter = waiter->next)
            waiter->row->misses_name |= !replay->named[i].is_there;
        free_waiters(replay->named[i].waiters);
        replay->named[i].waiters = NULL;
    }
}
