#include "drive/replay_state.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/source/kind.h"
#include "trace/step/shard.h"

#include <stdio.h>

enum {
    CLOSED_AHEAD = 64
}; /* requests of the closed loop that wait in the driver, beside the slots */

void mt_replay_place_error(const mt_replay *replay, const mt_request *request, mt_error *error) {
    if (error->code != MT_ERROR_INPUT)
        return;
    error->line = request->line;
    snprintf(error->source, sizeof error->source, "%s", mt_source_name(replay->source));
}

static int fail_row(const mt_replay *replay, const mt_request *request, mt_error *error,
                    const char *message) {
    mt_fail_at(error, MT_ERROR_INPUT, mt_source_name(replay->source), request->line, 0, "%s",
               message);
    return -1;
}

/* Numbers are those of the whole, so that prompts and ids are; where the whole depends on answers, which only
 * its own shard knows, they are at least no other shard's. */
static void number_row(mt_replay *replay, mt_row *row) {
    const mt_shard_state *shard = mt_step_shard_state(replay->source);
    uint64_t read = replay->read++;
    row->asked.number = !shard            ? read
                        : replay->is_live ? read * shard->shards + shard->shard
                                          : shard->number;
    row->asked.number += replay->options.first_number;
    if (shard && shard->session > 0)
        row->asked.session = shard->session;
}

static void describe(mt_replay *replay, mt_row *row) {
    const mt_request *request = &row->request;
    row->asked.request = request;
    number_row(replay, row);
    row->asked.line = request->line;
    row->asked.has_input = (request->has & MT_HAS_INPUT_LENGTH) != 0;
    row->asked.has_output = (request->has & MT_HAS_OUTPUT_LENGTH) != 0;
    row->asked.input = row->asked.has_input ? request->input_length : 0;
    row->asked.output = row->asked.has_output ? request->output_length : 0;
    row->asked.planned_ns = request->has & MT_HAS_TIME ? request->time_ns : 0;
    if (row->asked.planned_ns > replay->last_planned_ns)
        replay->last_planned_ns = row->asked.planned_ns;
}

/* Where it will go: in turn, or where its session goes. */
static uint32_t endpoint_of(const mt_replay *replay, const mt_row *row) {
    const mt_replay_options *options = &replay->options;
    uint64_t turn = options->by_session && row->session ? row->asked.session : row->asked.number;
    return (uint32_t)(turn % options->head_count);
}

mt_code mt_replay_group_of(mt_replay *replay, mt_span value, uint32_t *number, mt_error *error) {
    if (mt_texts_intern(&replay->group_names, value.text, value.length, number) != 0 ||
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
        MT_GROW(replay->groups, replay->group_capacity, replay->group_names.count) != 0)
        return mt_fail_memory(error, "results by member");
    if (*number == replay->group_count) {
        mt_results *one = mt_allocate(1, sizeof *one);
        if (!one)
            return mt_fail_memory(error, "results by member");
        mt_results_begin(one, replay->options.objectives, replay->options.objective_count);
        replay->groups[replay->group_count++] = one;
    }
    return MT_OK;
}

static mt_code join_group(mt_replay *replay, mt_row *row, mt_error *error) {
    const char *by = replay->options.by;
    char text[MT_ENDPOINT_ROOM];
    uint32_t number;
    if (!by)
        return MT_OK;
    mt_span value = mt_is_by_endpoint(by) ? mt_endpoint_text((uint16_t)row->endpoint, text)
                                          : mt_request_member(&row->request, by);
    if (value.length == 0)
        value = (mt_span){"null", 4};
    mt_code code = mt_replay_group_of(replay, value, &number, error);
    if (code == MT_OK)
        row->group = number + 1;
    return code;
}

static const int64_t far_ns = INT64_MAX / 4; /* later than any request, and can be added to */

/* Asks a live source when its next request is due: as mt_source_soonest. */
static int look_ahead(mt_replay *replay, mt_error *error) {
    int status = mt_source_soonest(replay->source, &replay->next_planned_ns, error);
    if (status != 1 || replay->next_planned_ns > far_ns)
        replay->next_planned_ns = far_ns;
    return status;
}

/* Of a row that is due at its own time: one before that of the row before it would go out late, and the driver
 * would seem to be. */
static int is_in_order(mt_replay *replay, const mt_request *request, mt_error *error) {
    if (replay->is_live || replay->options.slots > 0)
        return 1;
    if (request->time_ns < replay->last_own_ns) {
        mt_source_fail_order(replay->source, request, replay->last_own_ns,
                             "what is sent by its times needs them in order (moontide cat --sort)",
                             error);
        return 0;
    }
    replay->last_own_ns = request->time_ns;
    return 1;
}

int mt_replay_read_row(mt_replay *replay, mt_error *error) {
    mt_request request = replay->first;
    int got = replay->got_first;
    if (replay->has_first && got < 0)
        *error = replay->first_error;
    if (!replay->has_first)
        got = mt_source_next(replay->source, &request, error);
    replay->has_first = 0;
    if (got <= 0) {
        replay->source_ended = got < 0 || !replay->is_live || look_ahead(replay, error) == 0;
        replay->is_read_whole = got == 0 && replay->source_ended;
        return got;
    }
    mt_row *row = mt_row_copy(&request);
    if (!row)
        return mt_failed(mt_fail_memory(error, "requests that wait"));
    mt_replay_hold_row(replay, row);
    row->answer_ticket = replay->is_live ? mt_source_ticket(replay->source) : 0;
    if (mt_replay_join_session(replay, row, error) != MT_OK)
        return -1;
    int begins = !row->session || row->asked.turn == 0;
    mt_span list = mt_request_member(&request, "wait_for");
    int waits = list.length > 0 && !mt_json_is_null(list);
    if (begins && !waits && replay->options.slots == 0 && !(request.has & MT_HAS_TIME))
        return fail_row(replay, &request, error,
                        row->session ? "the first turn of a session has no timestamp"
                                     : "the request has no timestamp (--concurrency N sends "
                                       "without)");
    if (begins && !waits && !is_in_order(replay, &request, error))
        return -1;
    describe(replay, row);
    row->endpoint = endpoint_of(replay, row);
    if (join_group(replay, row, error) != MT_OK)
        return -1;
    if (mt_replay_place_row(replay, row, error) == MT_OK)
        return 1;
    mt_replay_place_error(replay, &request, error);
    return -1;
}

int mt_replay_wants_row(mt_replay *replay, int64_t now_ns, mt_error *error) {
    if (replay->source_ended || replay->is_stopped)
        return 0;
    if (replay->has_first)
        return 1;
    if (replay->is_live) {
        int status = look_ahead(replay, error);
        if (status != 1)
            return status == 0 ? 1 : status < 0 ? -1 : 0; /* 1: to be told of the end */
    }
    if (replay->options.slots > 0) {
        mt_driver_load load;
        mt_driver_look(replay->driver, &load);
        return replay->due.count + load.waiting < replay->options.slots + CLOSED_AHEAD &&
               replay->held_bytes < MT_REPLAY_AHEAD;
    }
    int64_t planned_ns = replay->is_live ? replay->next_planned_ns : replay->last_planned_ns;
    if (planned_ns < 0 || replay->options.start_ns + planned_ns <= now_ns + MT_REPLAY_HORIZON)
        return 1;
    return replay->waits_for_others && !replay->is_live && replay->held_bytes < MT_REPLAY_AHEAD;
}
