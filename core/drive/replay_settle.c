#include "drive/replay_state.h"

#include "base/memory.h"
#include "drive/answer.h"

#include <stdio.h>
#include <string.h>

enum { RECENT_SECONDS = 5 };

static void note_recent(mt_replay *replay, const mt_exchange *exchange, const mt_asked *asked,
                        int64_t now_ns) {
    mt_last_seconds *recent = replay->recent;
    double value;
    if (now_ns >= recent->turn_ns) {
        recent->now = !recent->now;
        for (int i = 0; i < MT_RECENT_METRICS; i++)
            recent->metrics[i][recent->now] = (mt_log_histogram){0};
        recent->turn_ns = now_ns + (int64_t)RECENT_SECONDS * MT_REPLAY_SECOND;
    }
    for (int i = 0; i < MT_RECENT_METRICS; i++)
        if ((i == MT_RECENT_LAG || exchange->failure == MT_FAILURE_NONE) &&
            mt_measures[recent->places[i]].of(exchange, asked, &value))
            mt_log_histogram_add(&recent->metrics[i][recent->now], value);
}

/* What was not sent because the run was stopped before it was due has never been due. */
static int was_due(const mt_replay *replay, const mt_exchange *exchange) {
    return exchange->failure != MT_FAILURE_NOT_SENT || !replay->is_stopped ||
           (exchange->due_ns != MT_NEVER && exchange->due_ns <= replay->stopped_ns);
}

/* What ended in the window, by member too, and in each phase, whenever it was due. */
static void count_ended(mt_replay *replay, const mt_row *row, const mt_request_outcome *counted) {
    const mt_replay_options *options = &replay->options;
    mt_results *in_window[] = {&replay->results,
                               row->group > 0 ? replay->groups[row->group - 1] : NULL};
    for (int i = 0; i < 2; i++)
        if (in_window[i])
            mt_results_count_ended(in_window[i], counted, options->start_ns,
                                   options->window_begin_ns, options->window_end_ns);
    mt_run_phases_count_ended(&replay->phases, counted, options->start_ns);
}

static mt_code count(mt_replay *replay, const mt_row *row, const mt_exchange *exchange,
                     mt_error *error) {
    mt_results *results = row->asked.is_outside ? &replay->outside : &replay->results;
    mt_request_outcome counted;
    mt_results_describe(exchange, &row->asked, &counted);
    mt_code code = mt_results_count(results, &counted, error);
    count_ended(replay, row, &counted);
    if (code != MT_OK || row->asked.is_outside)
        return code;
    if (row->group > 0)
        code = mt_results_count(replay->groups[row->group - 1], &counted, error);
    if (code == MT_OK)
        code = mt_run_phases_count(&replay->phases, &counted, replay->options.start_ns, error);
    return code;
}

/* What the events say that the driver has kept for an adapter. An answer that it cannot read has failed, as
 * one that the driver cannot read by itself has, and the first line of why is told with it: the run goes on. */
static mt_code read_kept(const mt_replay *replay, mt_exchange *exchange, mt_error *error) {
    const mt_adapter *adapter = &replay->options.adapter;
    if (!exchange->kept || !adapter->event)
        return MT_OK;
    mt_code code = mt_answer_read_kept(exchange, adapter->event, adapter->context, error);
    if (code == MT_OK)
        return MT_OK;
    exchange->failure = MT_FAILURE_MALFORMED;
    mt_quote(error->message, strcspn(error->message, "\n"), exchange->text, sizeof exchange->text);
    return code == MT_ERROR_CALLBACK ? MT_OK : code;
}

/* Tells a live source of the answer, and the conversation, whose history it becomes. */
static mt_code tell_source(mt_replay *replay, const mt_row *row, const mt_exchange *exchange,
                           int64_t end_ns, mt_error *error) {
    if (row->answer_ticket == 0 || replay->is_stopped)
        return MT_OK;
    mt_source_answer answer = {.end_ns = end_ns - replay->options.start_ns,
                               .input_length = row->asked.input,
                               .output_length = exchange->failure == MT_FAILURE_NONE
                                                    ? mt_answer_tokens(exchange)
                                                    : row->asked.output};
    if (row->session)
        mt_conversation_answered(&row->session->conversation, answer.input_length,
                                 answer.output_length);
    return mt_source_settle(replay->source, row->answer_ticket, &answer, error);
}

/* Counts an exchange and lets those go on that waited for it. Frees the row. */
static mt_code settle(mt_replay *replay, mt_row *row, mt_exchange *exchange, int64_t now_ns,
                      mt_error *error) {
    const mt_replay_options *options = &replay->options;
    if (exchange->due_ns == MT_NEVER)
        exchange->due_ns = exchange->begun_ns;
    int64_t since = exchange->due_ns - options->start_ns;
    row->asked.is_outside = exchange->due_ns != MT_NEVER &&
                            (since < options->window_begin_ns || since >= options->window_end_ns);
    mt_error later;
    mt_code code = MT_OK, read = read_kept(replay, exchange, error);
    if (read != MT_OK)
        error = &later;
    if (was_due(replay, exchange)) {
        code = count(replay, row, exchange, error);
        note_recent(replay, exchange, &row->asked, now_ns);
        mt_replay_write_result(replay, row, exchange);
    }
    int64_t end_ns = exchange->end_ns != MT_NEVER ? exchange->end_ns : now_ns;
    if (row->session && (row->session->end_ns == MT_NEVER || end_ns > row->session->end_ns))
        row->session->end_ns = end_ns;
    if (row->session && options->live_history && exchange->failure == MT_FAILURE_NONE &&
        exchange->answer) {
        mt_conversation_heard(&row->session->conversation, row->asked.input, exchange->answer,
                              exchange->answer_length);
        exchange->answer = NULL;
    }
    if (code == MT_OK)
        code = tell_source(replay, row, exchange, end_ns, error);
    if (code == MT_OK)
        code = mt_replay_release(replay, row, end_ns, error);
    mt_replay_drop_row(replay, row);
    replay->ended++;
    mt_free(exchange->gaps);
    mt_free(exchange->answer);
    mt_free(exchange->kept);
    return read != MT_OK ? read : code;
}

int mt_replay_take_results(mt_replay *replay, int64_t now_ns, mt_error *error) {
    mt_exchange exchange;
    int taken = 0;
    while (mt_driver_take(replay->driver, &exchange)) {
        mt_row *row = (mt_row *)(uintptr_t)exchange.ticket;
        if (settle(replay, row, &exchange, now_ns, error) != MT_OK)
            return -1;
        taken++;
    }
    return taken;
}

static const char *reason_not_sent(const mt_replay *replay, const mt_row *row) {
    if (replay->is_stopped)
        return "the run was stopped";
    return row->misses_name ? "it waits for a request_id that is not there"
                            : "it waits for requests that were not sent (or that wait for it)";
}

int mt_replay_end_hopeless(mt_replay *replay, int64_t now_ns, mt_error *error) {
    mt_replay_forget_waits(replay);
    while (replay->rows) {
        mt_row *row = replay->rows;
        mt_exchange exchange;
        /* In the closed loop a request is due when it leaves. */
        mt_exchange_begin(&exchange, 0, replay->options.slots > 0 ? MT_NEVER : row->due_ns);
        exchange.failure = MT_FAILURE_NOT_SENT;
        exchange.endpoint = (uint16_t)row->endpoint;
        snprintf(exchange.text, sizeof exchange.text, "%s", reason_not_sent(replay, row));
        if (settle(replay, row, &exchange, now_ns, error) != MT_OK)
            return -1;
    }
    replay->due.count = 0;
    return 0;
}
