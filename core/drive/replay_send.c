#include "drive/replay_state.h"

#include "text/json_items.h"

#include <string.h>

/* How long after its due time a user gives up on the row's answer: the row's own `cancel_after` in ms
 * (null, false, 0: never), else as drawn for the run; 0: never. */
static mt_code patience_of(const mt_replay *replay, const mt_row *row, int64_t *patience_ns,
                           mt_error *error) {
    mt_distribution *of_run = replay->options.cancel_after;
    mt_span own = mt_request_member(&row->request, "cancel_after");
    *patience_ns = 0;
    if (own.length > 0) {
        int is_none = mt_json_is_null(own) || (own.length == 5 && *own.text == 'f');
        if (is_none ||
            (mt_decimal_whole(own.text, own.length, 6, patience_ns) == 0 && *patience_ns >= 0))
            return MT_OK;
        return mt_fail(error, MT_ERROR_INPUT,
                       "cancel_after must be a number of milliseconds or null, not %.*s",
                       own.length < 40 ? (int)own.length : 40, own.text);
    }
    if (of_run) {
        mt_random draws = replay->cancel_draws;
        mt_random_seek(&draws, row->asked.number);
        double seconds = mt_distribution_draw(of_run, &draws, (double)row->asked.planned_ns * 1e-9);
        if (seconds > 0 && seconds < 9e9)
            *patience_ns = 1 + (int64_t)(seconds * MT_REPLAY_SECOND);
    }
    return MT_OK;
}

/* Stands for a request that the adapter could not make: the first line of why is told with it, as with an
 * answer that it could not read. */
static mt_outgoing *unmade(mt_replay *replay, mt_error *error) {
    size_t length = strcspn(error->message, "\n");
    mt_outgoing *prepared = mt_outgoing_new(length);
    if (!prepared) {
        mt_fail_memory(error, "request");
        return NULL;
    }
    if (replay->unmade++ == 0)
        replay->adapter_error = *error;
    prepared->failure = MT_FAILURE_ADAPTER;
    memcpy(prepared->bytes, error->message, length);
    return prepared;
}

/* The request of the row; NULL on failure. */
static mt_outgoing *make(mt_replay *replay, const mt_row *row, mt_error *error) {
    const mt_replay_options *options = &replay->options;
    const mt_adapter *adapter = &options->adapter;
    mt_head_options head = options->heads[row->endpoint];
    uint64_t number = row->asked.number;
    if (adapter->request) {
        mt_code code =
            adapter->request(adapter->context, &row->request, number, &replay->body, &head, error);
        if (code != MT_OK)
            return code == MT_ERROR_CALLBACK ? unmade(replay, error) : NULL;
        replay->made++;
    }
    mt_outgoing *prepared =
        mt_head_prepare(&head, &row->request, number, &replay->body, &replay->scratch, error);
    if (prepared)
        mt_replay_write_input(replay, row);
    return prepared;
}

static mt_outgoing *prepare(mt_replay *replay, mt_row *row, mt_error *error) {
    const mt_replay_options *options = &replay->options;
    replay->body.length = 0;
    int64_t patience_ns;
    mt_code code = patience_of(replay, row, &patience_ns, error);
    if (code == MT_OK)
        code =
            mt_body_write(&options->body, &row->request, row->asked.number,
                          row->session ? &row->session->conversation : NULL, &replay->body, error);
    if (code != MT_OK) {
        mt_replay_place_error(replay, &row->request, error);
        return NULL;
    }
    mt_outgoing *prepared = make(replay, row, error);
    if (!prepared)
        return NULL;
    prepared->ticket = (uint64_t)(uintptr_t)row;
    prepared->endpoint = (uint16_t)row->endpoint;
    prepared->due_ns = options->slots > 0 ? MT_NEVER : row->due_ns;
    prepared->cancel_after_ns = patience_ns;
    return prepared;
}

int mt_replay_offer_due(mt_replay *replay, int64_t now_ns, mt_error *error) {
    int64_t ahead_ns = replay->options.slots > 0 ? 0 : MT_REPLAY_HORIZON;
    for (;;) {
        if (replay->prepared) {
            if (!mt_driver_offer(replay->driver, replay->prepared))
                return 0;
            replay->prepared = NULL;
            replay->prepared_row->offer = ++replay->offered;
        }
        if (replay->made == 0 && replay->unmade >= MT_ADAPTER_TRIES) {
            *error = replay->adapter_error;
            return -1;
        }
        if (replay->due.count == 0 || replay->due.items[0]->due_ns > now_ns + ahead_ns)
            return 0;
        mt_row *row = mt_row_heap_pop(&replay->due);
        replay->prepared = prepare(replay, row, error);
        replay->prepared_row = row;
        if (!replay->prepared)
            return -1;
    }
}
