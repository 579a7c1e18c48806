#include "drive/replay_state.h"

#include "base/interrupt.h"
#include "base/memory.h"

enum { READ_AT_ONCE = 1024 }; /* rows between two looks at the driver */

const char *const mt_recent_names[MT_RECENT_METRICS] = {"ttft", "itl", "lag", "latency"};

/* A trace whose times count from 1970 would be waited for for decades. */
static mt_code refuse_late_start(const mt_replay *replay, mt_error *error) {
    const int64_t day_ns = (int64_t)86400 * 1000000000;
    const mt_request *first = &replay->first;
    if (replay->got_first <= 0 || replay->is_live || replay->options.slots > 0 ||
        !(first->has & MT_HAS_TIME) || first->time_ns <= day_ns)
        return MT_OK;
    return mt_fail_at(error, MT_ERROR_INPUT, mt_source_name(replay->source), first->line, 0,
                      "the first request is due after %.0f days: 'moontide cat --from-zero' lets "
                      "times begin at 0 (--start leaves out what is before)",
                      (double)first->time_ns / (double)day_ns);
}

/* Results by endpoint are there of each, in their order, whether anything goes there or not. */
static mt_code name_endpoints(mt_replay *replay, mt_error *error) {
    mt_code code = MT_OK;
    if (!replay->options.by || !mt_is_by_endpoint(replay->options.by))
        return MT_OK;
    for (size_t i = 0; code == MT_OK && i < replay->options.head_count; i++) {
        char text[MT_ENDPOINT_ROOM];
        uint32_t number;
        code = mt_replay_group_of(replay, mt_endpoint_text((uint16_t)i, text), &number, error);
    }
    return code;
}

mt_replay *mt_replay_new(mt_source *source, mt_driver *driver, const mt_replay_options *options,
                         mt_error *error) {
    mt_replay *replay = mt_allocate_zero(1, sizeof *replay);
    if (replay)
        replay->recent = mt_allocate_zero(1, sizeof *replay->recent);
    if (!replay || !replay->recent) {
        mt_free(replay);
        mt_fail_memory(error, "replay");
        return NULL;
    }
    if (mt_run_phases_begin(&replay->phases, options->phase_ends_ns, options->phase_count,
                            options->objectives, options->objective_count, error) != MT_OK) {
        mt_free(replay->recent);
        mt_free(replay);
        return NULL;
    }
    for (int i = 0; i < MT_RECENT_METRICS; i++)
        replay->recent->places[i] = mt_measure_by_name(mt_recent_names[i]);
    replay->source = source;
    replay->is_live = mt_source_is_live(source);
    replay->driver = driver;
    replay->options = *options;
    replay->last_planned_ns = -1;
    replay->last_own_ns = MT_NEVER;
    mt_driver_load load;
    mt_driver_look(driver, &load);
    replay->begun_before = load.begun;
    replay->lines = options->lines;
    replay->record = options->record;
    replay->inputs = options->inputs;
    mt_random_start(&replay->cancel_draws,
                    mt_random_key_of(options->seed, "drive", 5, "cancel_after", 12));
    mt_results_begin(&replay->results, options->objectives, options->objective_count);
    mt_results_begin(&replay->outside, options->objectives, options->objective_count);
    replay->got_first = mt_source_next(source, &replay->first, &replay->first_error);
    replay->has_first = 1;
    if (refuse_late_start(replay, error) != MT_OK || name_endpoints(replay, error) != MT_OK) {
        mt_replay_free(replay);
        return NULL;
    }
    return replay;
}

void mt_replay_start(mt_replay *replay, int64_t start_ns) {
    replay->options.start_ns = start_ns;
}

/* When there is something to do again. */
static int64_t next_moment(const mt_replay *replay, int64_t now_ns, int64_t until_ns) {
    int64_t next = until_ns;
    if (replay->due.count > 0) {
        int64_t ahead = replay->options.slots > 0 ? 0 : MT_REPLAY_HORIZON / 2;
        int64_t due = replay->due.items[0]->due_ns - ahead;
        if (!replay->prepared && due < next)
            next = due;
    }
    if (!replay->source_ended && !replay->is_stopped && replay->options.slots == 0) {
        int64_t planned_ns = replay->is_live ? replay->next_planned_ns : replay->last_planned_ns;
        int64_t read = replay->options.start_ns + planned_ns - MT_REPLAY_HORIZON / 2;
        if (read < next)
            next = read;
    }
    return next > now_ns ? next : now_ns;
}

static int has_ended(const mt_replay *replay) {
    return replay->source_ended && replay->held == 0;
}

/* Nothing is in the driver or can get there. */
static int is_stuck(const mt_replay *replay) {
    return replay->offered == replay->ended && !replay->prepared &&
           (replay->is_stopped || (replay->source_ended && replay->due.count == 0));
}

int mt_replay_step(mt_replay *replay, int64_t until_ns, mt_error *error) {
    while (!has_ended(replay)) {
        int64_t now_ns = mt_now_ns();
        if (mt_interrupted() && !replay->is_stopped)
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"), -1;
        int taken = mt_replay_take_results(replay, now_ns, error);
        if (taken < 0)
            return -1;
        int got = 0, wants = 0;
        for (int i = 0;
             i < READ_AT_ONCE && (wants = mt_replay_wants_row(replay, now_ns, error)) > 0; i++)
            if ((got = mt_replay_read_row(replay, error)) < 0)
                return -1;
        if (wants < 0)
            return -1;
        if (!replay->is_stopped && mt_replay_offer_due(replay, now_ns, error) < 0)
            return -1;
        if (is_stuck(replay) && mt_replay_end_hopeless(replay, now_ns, error) < 0)
            return -1;
        if (now_ns >= until_ns)
            return !has_ended(replay);
        if (taken == 0 && got == 0)
            mt_driver_wait(replay->driver, next_moment(replay, now_ns, until_ns));
    }
    return 0;
}

void mt_replay_stop(mt_replay *replay, int64_t grace_until_ns, mt_failure failure) {
    if (!replay->is_stopped)
        replay->stopped_ns = mt_now_ns();
    replay->is_stopped = replay->source_ended = 1;
    if (replay->prepared) {
        mt_free(replay->prepared);
        replay->prepared = NULL;
    }
    mt_driver_stop_sending(replay->driver, grace_until_ns, failure);
}

static void percentiles_of(const mt_log_histogram *both, double *percentiles) {
    const mt_log_histogram *fuller = both[0].count >= both[1].count ? &both[0] : &both[1];
    percentiles[0] = mt_log_histogram_percentile(fuller, 50);
    percentiles[1] = mt_log_histogram_percentile(fuller, 99);
}

void mt_replay_look(mt_replay *replay, mt_replay_progress *progress) {
    const mt_results *inside = &replay->results, *outside = &replay->outside;
    *progress =
        (mt_replay_progress){.read = replay->read,
                             .offered = replay->offered,
                             .ended = replay->ended,
                             .done = inside->done + outside->done,
                             .failed = inside->failed + outside->failed,
                             .cancelled = inside->cancelled + outside->cancelled,
                             .not_sent = inside->not_sent + outside->not_sent,
                             .input_tokens = inside->input_tokens + outside->input_tokens,
                             .output_tokens = inside->output_tokens + outside->output_tokens,
                             .held = replay->held,
                             .source_ended = replay->source_ended,
                             .is_read_whole = replay->is_read_whole,
                             .last_planned_ns = replay->last_planned_ns,
                             .write_failures = replay->write_failures,
                             .write_error = replay->write_error};
    for (int i = 0; i < MT_RECENT_METRICS; i++)
        percentiles_of(replay->recent->metrics[i], progress->recent[i]);
}

/* Was the row due in the window, whose end is over? In the closed loop a request is due when it leaves,
 * and they leave in the order in which they are offered. */
static int is_of_window(const mt_replay *replay, const mt_row *row) {
    const mt_replay_options *options = &replay->options;
    if (options->slots > 0)
        return row->offer > 0 && row->offer <= replay->begun_in_window;
    return row->due_ns != MT_NEVER && row->due_ns - options->start_ns >= options->window_begin_ns &&
           row->due_ns - options->start_ns < options->window_end_ns;
}

int mt_replay_window_has_ended(mt_replay *replay) {
    const mt_replay_options *options = &replay->options;
    if (options->window_end_ns == INT64_MAX ||
        mt_now_ns() - options->start_ns < options->window_end_ns)
        return 0;
    int64_t planned_ns = replay->is_live ? replay->next_planned_ns : replay->last_planned_ns;
    if (options->slots == 0 && !replay->source_ended && planned_ns < options->window_end_ns)
        return 0; /* not all of it has been read */
    if (options->slots > 0 && replay->begun_in_window == 0) {
        mt_driver_load load;
        mt_driver_look(replay->driver, &load);
        replay->begun_in_window = load.begun - replay->begun_before;
    }
    for (const mt_row *row = replay->rows; row; row = row->after)
        if (is_of_window(replay, row))
            return 0;
    return 1;
}

mt_results *mt_replay_results(mt_replay *replay) {
    return &replay->results;
}

mt_results *mt_replay_outside(mt_replay *replay) {
    return &replay->outside;
}

size_t mt_replay_group_count(const mt_replay *replay) {
    return replay->group_count;
}

mt_results *mt_replay_group(mt_replay *replay, size_t i, mt_span *value) {
    *value = mt_texts_get(&replay->group_names, (uint32_t)i);
    return replay->groups[i];
}

mt_run_phases *mt_replay_phases(mt_replay *replay) {
    return &replay->phases;
}

void mt_replay_free(mt_replay *replay) {
    if (!replay)
        return;
    mt_replay_forget_waits(replay);
    while (replay->rows)
        mt_replay_drop_row(replay, replay->rows);
    for (size_t i = 0; i < replay->session_names.count; i++) {
        mt_conversation_free(&replay->sessions[i]->conversation);
        mt_free(replay->sessions[i]);
    }
    for (size_t i = 0; i < replay->group_count; i++) {
        mt_results_free(replay->groups[i]);
        mt_free(replay->groups[i]);
    }
    mt_results_free(&replay->results);
    mt_results_free(&replay->outside);
    mt_run_phases_free(&replay->phases);
    mt_free(replay->prepared);
    mt_free(replay->due.items);
    mt_free(replay->sessions);
    mt_free(replay->named);
    mt_free(replay->groups);
    mt_texts_free(&replay->session_names);
    mt_texts_free(&replay->row_names);
    mt_texts_free(&replay->group_names);
    mt_free(replay->body.bytes);
    mt_free(replay->scratch.bytes);
    mt_free(replay->recent);
    mt_free(replay);
}
