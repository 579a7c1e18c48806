#include "drive/replay_state.h"

static mt_outgoing *prepare(mt_replay *replay, mt_row *row, mt_error *error) {
    const mt_replay_options *options = &replay->options;
    replay->body.length = 0;
    mt_code code =
        mt_body_write(&options->body, &row->request, row->asked.number,
                      row->session ? &row->session->conversation : NULL, &replay->body, error);
    if (code != MT_OK) {
        mt_replay_place_error(replay, &row->request, error);
        return NULL;
    }
    row->endpoint =
        (uint32_t)((options->by_session && row->session ? row->asked.session : row->asked.number) %
                   options->head_count);
    mt_head_options head = options->heads[row->endpoint];
    if (options->adapter.request &&
        options->adapter.request(options->adapter.context, &row->request, row->asked.number,
                                 &replay->body, &head, error) != MT_OK)
        return NULL;
    mt_outgoing *prepared = mt_head_prepare(&head, &row->request, row->asked.number, &replay->body,
                                            &replay->scratch, error);
    if (!prepared)
        return NULL;
    prepared->ticket = (uint64_t)(uintptr_t)row;
    prepared->endpoint = (uint16_t)row->endpoint;
    prepared->due_ns = options->slots > 0 ? MT_NEVER : row->due_ns;
    if (options->cancel_after) {
        mt_random_seek(&replay->cancel_draws, row->asked.number);
        double seconds = mt_distribution_draw(options->cancel_after, &replay->cancel_draws,
                                              (double)row->asked.planned_ns * 1e-9);
        if (seconds > 0 && seconds < 9e9)
            prepared->cancel_after_ns = 1 + (int64_t)(seconds * MT_REPLAY_SECOND);
    }
    mt_replay_write_input(replay, row);
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
        if (replay->due.count == 0 || replay->due.items[0]->due_ns > now_ns + ahead_ns)
            return 0;
        mt_row *row = mt_row_heap_pop(&replay->due);
        replay->prepared = prepare(replay, row, error);
        replay->prepared_row = row;
        if (!replay->prepared)
            return -1;
    }
}
