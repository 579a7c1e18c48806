#include "drive/replay.h"

#include "base/heap.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "drive/answer.h"
#include "drive/rows.h"
#include "text/json_items.h"
#include "trace/writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    READ_AT_ONCE = 1024, /* rows between two looks at the driver */
    CLOSED_AHEAD = 64,   /* requests of the closed loop that wait in the driver, beside the slots */
    RECENT_SECONDS = 5,
    NANOSECONDS = 1000000000
};

static const int64_t horizon_ns = NANOSECONDS; /* requests due within it are prepared */

static int is_sooner(mt_row *const *a, mt_row *const *b) {
    if ((*a)->due_ns != (*b)->due_ns)
        return (*a)->due_ns < (*b)->due_ns;
    return (*a)->asked.number < (*b)->asked.number;
}

MT_HEAP(row_heap, mt_row *, is_sooner) /* NOLINT(bugprone-sizeof-expression): of a pointer */

typedef struct group {
    mt_results results;
} group;

/* Metrics of the last seconds: one histogram is filled while the other is complete. */
typedef struct last_seconds {
    mt_log_histogram ttft[2], itl[2], lag[2];
    int now;
    int64_t turn_ns;
} last_seconds;

struct mt_replay {
    mt_source *source;
    mt_driver *driver;
    mt_replay_options options;
    int source_ended, is_stopped, waits_for_others, is_live;
    int64_t next_planned_ns; /* of a live source: of its next request, as far as is known */
    int64_t stopped_ns;
    int has_first, got_first; /* the first row, or what came in its place, was read ahead */
    mt_request first;
    mt_error first_error;
    uint64_t begun_before;    /* what the driver had begun for others */
    uint64_t begun_in_window; /* closed loop: until its end; 0: that has not come */
    uint64_t read, offered, ended;
    int64_t last_planned_ns;
    mt_row *rows; /* all that have not ended */
    size_t held, held_bytes;
    row_heap due;          /* rows whose due time is known and that are not prepared */
    mt_outgoing *prepared; /* the driver had no room for it */
    mt_row *prepared_row;
    mt_texts session_names, row_names, group_names;
    mt_replay_session **sessions;
    size_t session_capacity;
    mt_named_row *named;
    size_t named_count, named_capacity;
    mt_results results, outside;
    group **groups;
    size_t group_count, group_capacity;
    mt_text body, scratch;
    mt_random cancel_draws;
    last_seconds *recent;
    uint64_t input_bytes;
    mt_output *lines, *record, *inputs; /* NULL once they have failed */
    uint64_t write_failures;
    mt_error write_error;
};

/* ---- rows --------------------------------------------------------------------------------------- */

static void link_row(mt_replay *replay, mt_row *row) {
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

static void free_row(mt_replay *replay, mt_row *row) {
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
    return row_heap_push(&replay->due, row) == 0 ? MT_OK
                                                 : mt_fail_memory(error, "requests that are due");
}

/* One of those that the rows in the list wait for has ended. */
static mt_code release(mt_replay *replay, mt_waiter **list, int64_t end_ns, mt_error *error) {
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

/* ---- reading ------------------------------------------------------------------------------------ */

/* Completes an error about the request with where that stands. */
static void place_error(const mt_replay *replay, const mt_request *request, mt_error *error) {
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

static mt_code session_of(mt_replay *replay, mt_row *row, mt_error *error) {
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

/* Whom it waits for, and when it is due if for nobody. */
static mt_code place_row(mt_replay *replay, mt_row *row, mt_error *error) {
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
        row->name = (uint64_t)number + 1;
        if (code == MT_OK)
            replay->named[number].is_there = 1;
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

static void describe(mt_replay *replay, mt_row *row) {
    const mt_request *request = &row->request;
    row->asked.request = request;
    row->asked.number = replay->read++;
    row->asked.line = request->line;
    row->asked.has_input = (request->has & MT_HAS_INPUT_LENGTH) != 0;
    row->asked.has_output = (request->has & MT_HAS_OUTPUT_LENGTH) != 0;
    row->asked.input = row->asked.has_input ? request->input_length : 0;
    row->asked.output = row->asked.has_output ? request->output_length : 0;
    row->asked.planned_ns = request->has & MT_HAS_TIME ? request->time_ns : 0;
    if (row->asked.planned_ns > replay->last_planned_ns)
        replay->last_planned_ns = row->asked.planned_ns;
}

static mt_code group_of(mt_replay *replay, mt_row *row, mt_error *error) {
    const char *by = replay->options.by;
    uint32_t number;
    if (!by)
        return MT_OK;
    mt_span value = mt_request_member(&row->request, by);
    if (value.length == 0)
        value = (mt_span){"null", 4};
    if (mt_texts_intern(&replay->group_names, value.text, value.length, &number) != 0 ||
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
        MT_GROW(replay->groups, replay->group_capacity, replay->group_names.count) != 0)
        return mt_fail_memory(error, "results by member");
    if (number == replay->group_count) {
        group *one = mt_allocate(1, sizeof *one);
        if (!one)
            return mt_fail_memory(error, "results by member");
        mt_results_begin(&one->results, replay->options.objectives,
                         replay->options.objective_count);
        replay->groups[replay->group_count++] = one;
    }
    row->group = number + 1;
    return MT_OK;
}

static const int64_t far_ns = INT64_MAX / 4; /* later than any request, and can be added to */

/* Asks a live source when its next request is due: as mt_source_soonest. */
static int look_ahead(mt_replay *replay, mt_error *error) {
    int status = mt_source_soonest(replay->source, &replay->next_planned_ns, error);
    if (status != 1 || replay->next_planned_ns > far_ns)
        replay->next_planned_ns = far_ns;
    return status;
}

/* Reads one row: 1; 0 at the end, or when a live source has none before an answer; -1 on failure.
 */
static int read_row(mt_replay *replay, mt_error *error) {
    mt_request request = replay->first;
    int got = replay->got_first;
    if (replay->has_first && got < 0)
        *error = replay->first_error;
    if (!replay->has_first)
        got = mt_source_next(replay->source, &request, error);
    replay->has_first = 0;
    if (got <= 0) {
        replay->source_ended = got < 0 || !replay->is_live || look_ahead(replay, error) == 0;
        return got;
    }
    mt_row *row = mt_row_copy(&request);
    if (!row)
        return mt_failed(mt_fail_memory(error, "requests that wait"));
    link_row(replay, row);
    row->answer_ticket = replay->is_live ? mt_source_ticket(replay->source) : 0;
    mt_code code = session_of(replay, row, error);
    if (code == MT_OK)
        code = group_of(replay, row, error);
    if (code != MT_OK)
        return -1;
    int begins = !row->session || row->asked.turn == 0;
    mt_span list = mt_request_member(&request, "wait_for");
    int waits = list.length > 0 && !mt_json_is_null(list);
    if (begins && !waits && replay->options.slots == 0 && !(request.has & MT_HAS_TIME))
        return fail_row(replay, &request, error,
                        row->session ? "the first turn of a session has no timestamp"
                                     : "the request has no timestamp (--concurrency N sends "
                                       "without)");
    describe(replay, row);
    if (place_row(replay, row, error) == MT_OK)
        return 1;
    place_error(replay, &request, error);
    return -1;
}

/* Is it time to read another row? 1, 0, or -1 on failure. */
static int wants_row(mt_replay *replay, int64_t now_ns, mt_error *error) {
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
    if (planned_ns < 0 || replay->options.start_ns + planned_ns <= now_ns + horizon_ns)
        return 1;
    return replay->waits_for_others && !replay->is_live && replay->held_bytes < MT_REPLAY_AHEAD;
}

/* ---- sending ------------------------------------------------------------------------------------ */

static void lose_output(mt_replay *replay, mt_output **output, const mt_error *error) {
    if (replay->write_failures++ == 0)
        replay->write_error = *error;
    *output = NULL;
}

static void write_input(mt_replay *replay, const mt_row *row) {
    mt_error error;
    if (!replay->inputs || replay->input_bytes + replay->body.length > replay->options.input_bytes)
        return;
    const char *before = replay->input_bytes == 0 ? "" : ",\n";
    replay->input_bytes += replay->body.length;
    static const char id[] = "{\"session_id\": ", bodies[] = ", \"payloads\": [", end[] = "]}";
    char number[40];
    mt_span session = row->request.session;
    if (!(row->request.has & MT_HAS_SESSION))
        session = (mt_span){number, (size_t)snprintf(number, sizeof number, "\"%llu\"",
                                                     (unsigned long long)row->asked.number)};
    if (mt_output_write(replay->inputs, before, strlen(before), &error) != MT_OK ||
        mt_output_write(replay->inputs, id, sizeof id - 1, &error) != MT_OK ||
        mt_output_write(replay->inputs, session.text, session.length, &error) != MT_OK ||
        mt_output_write(replay->inputs, bodies, sizeof bodies - 1, &error) != MT_OK ||
        mt_output_write(replay->inputs, replay->body.bytes, replay->body.length, &error) != MT_OK ||
        mt_output_write(replay->inputs, end, sizeof end - 1, &error) != MT_OK)
        lose_output(replay, &replay->inputs, &error);
}

static mt_outgoing *prepare(mt_replay *replay, mt_row *row, mt_error *error) {
    const mt_replay_options *options = &replay->options;
    replay->body.length = 0;
    mt_code code =
        mt_body_write(&options->body, &row->request, row->asked.number,
                      row->session ? &row->session->conversation : NULL, &replay->body, error);
    if (code != MT_OK) {
        place_error(replay, &row->request, error);
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
            prepared->cancel_after_ns = 1 + (int64_t)(seconds * NANOSECONDS);
    }
    write_input(replay, row);
    return prepared;
}

/* Offers what is due soon: 0, or -1 on failure. */
static int offer_due(mt_replay *replay, int64_t now_ns, mt_error *error) {
    int64_t ahead_ns = replay->options.slots > 0 ? 0 : horizon_ns;
    for (;;) {
        if (replay->prepared) {
            if (!mt_driver_offer(replay->driver, replay->prepared))
                return 0;
            replay->prepared = NULL;
            replay->prepared_row->offer = ++replay->offered;
        }
        if (replay->due.count == 0 || replay->due.items[0]->due_ns > now_ns + ahead_ns)
            return 0;
        mt_row *row = row_heap_pop(&replay->due);
        replay->prepared = prepare(replay, row, error);
        replay->prepared_row = row;
        if (!replay->prepared)
            return -1;
    }
}

/* ---- what comes back ---------------------------------------------------------------------------- */

static void note_recent(mt_replay *replay, const mt_exchange *exchange, const mt_asked *asked,
                        int64_t now_ns) {
    static int ttft = -1, itl, lag;
    last_seconds *recent = replay->recent;
    double value;
    if (ttft < 0) {
        itl = mt_measure_by_name("itl");
        lag = mt_measure_by_name("lag");
        ttft = mt_measure_by_name("ttft");
    }
    if (now_ns >= recent->turn_ns) {
        recent->now = !recent->now;
        recent->ttft[recent->now] = (mt_log_histogram){0};
        recent->itl[recent->now] = (mt_log_histogram){0};
        recent->lag[recent->now] = (mt_log_histogram){0};
        recent->turn_ns = now_ns + (int64_t)RECENT_SECONDS * NANOSECONDS;
    }
    if (mt_measures[lag].of(exchange, asked, &value))
        mt_log_histogram_add(&recent->lag[recent->now], value);
    if (exchange->failure != MT_FAILURE_NONE)
        return;
    if (mt_measures[ttft].of(exchange, asked, &value))
        mt_log_histogram_add(&recent->ttft[recent->now], value);
    if (mt_measures[itl].of(exchange, asked, &value))
        mt_log_histogram_add(&recent->itl[recent->now], value);
}

/* The row's own members, each with a comma after it, but for those that a record has of its own: the row
 * may come from one. */
static int add_other_members(mt_text *text, mt_span extra) {
    mt_json json = {extra.text, extra.text + extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    if (extra.length == 0)
        return 0;
    mt_json_items_bare(&items, &json);
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_json_named(&item, "due") || mt_json_named(&item, "sent") ||
            mt_json_named(&item, "answered") || mt_json_named(&item, "outcome"))
            continue;
        if (mt_text_add(text, "\"", 1) != 0 ||
            mt_text_add(text, item.name.text, item.name.length) != 0 ||
            mt_text_add(text, "\": ", 3) != 0 ||
            mt_text_add(text, item.value.text, item.value.length) != 0 ||
            mt_text_add(text, ", ", 2) != 0)
            return -1;
    }
    return 0;
}

/* What was sent, as a row of a trace: when it left, what the server counted, and when it was due and
 * answered as members of ours. */
static mt_code write_record(mt_replay *replay, const mt_row *row, const mt_exchange *exchange,
                            mt_error *error) {
    static const mt_trace_format format = {.timestamp_digits = 6};
    char members[256];
    mt_request request = row->request;
    int64_t start = replay->options.start_ns;
    if (exchange->begun_ns == MT_NEVER)
        return MT_OK;
    request.has |= MT_HAS_TIME;
    request.time_ns = exchange->begun_ns - start;
    if (exchange->prompt_tokens >= 0 && !(request.has & MT_HAS_INPUT_LENGTH)) {
        request.has |= MT_HAS_INPUT_LENGTH;
        request.input_length = (uint64_t)exchange->prompt_tokens;
    }
    if (exchange->failure == MT_FAILURE_NONE) {
        request.has |= MT_HAS_OUTPUT_LENGTH;
        request.output_length = mt_answer_tokens(exchange);
    }
    int length = snprintf(members, sizeof members, "\"due\": %.6f, ",
                          (double)(exchange->due_ns - start) / 1e6);
    const struct {
        const char *name;
        int64_t moment;
    } moments[] = {{"sent", exchange->sent_ns}, {"answered", exchange->end_ns}};
    for (int i = 0; i < 2; i++)
        if (moments[i].moment != MT_NEVER)
            length += snprintf(members + length, sizeof members - (size_t)length, "\"%s\": %.6f, ",
                               moments[i].name, (double)(moments[i].moment - start) / 1e6);
    snprintf(members + length, sizeof members - (size_t)length, "\"outcome\": \"%s\"",
             mt_failure_name((mt_failure)exchange->failure));
    replay->scratch.length = 0;
    if (add_other_members(&replay->scratch, request.extra) != 0 ||
        mt_text_add(&replay->scratch, members, strlen(members)) != 0)
        return mt_fail_memory(error, "record");
    request.extra = (mt_span){replay->scratch.bytes, replay->scratch.length};
    return mt_trace_write(replay->record, &request, &format, error);
}

static void write_result(mt_replay *replay, const mt_row *row, const mt_exchange *exchange) {
    mt_error error;
    const mt_replay_options *options = &replay->options;
    if (replay->lines) {
        char ids[2][MT_REQUEST_ID_ROOM];
        mt_span session =
            row->request.has & MT_HAS_SESSION ? row->request.session : (mt_span){"null", 4};
        mt_request_id(options->seed, row->asked.number, ids[0]);
        mt_correlation_id(options->seed, &row->request, row->asked.number, ids[1]);
        if (mt_results_write_line(replay->lines, exchange, &row->asked, options->epoch_ns, ids[0],
                                  ids[1], session.text, session.length, &error) != MT_OK)
            lose_output(replay, &replay->lines, &error);
    }
    if (replay->record && write_record(replay, row, exchange, &error) != MT_OK)
        lose_output(replay, &replay->record, &error);
}

/* What was not sent because the run was stopped before it was due has never been due. */
static int was_due(const mt_replay *replay, const mt_exchange *exchange) {
    return exchange->failure != MT_FAILURE_NOT_SENT || !replay->is_stopped ||
           (exchange->due_ns != MT_NEVER && exchange->due_ns <= replay->stopped_ns);
}

static mt_code count(mt_replay *replay, const mt_row *row, const mt_exchange *exchange,
                     mt_error *error) {
    mt_results *results = row->asked.is_outside ? &replay->outside : &replay->results;
    mt_code code = mt_results_add(results, exchange, &row->asked, error);
    if (code == MT_OK && row->group > 0 && !row->asked.is_outside)
        code =
            mt_results_add(&replay->groups[row->group - 1]->results, exchange, &row->asked, error);
    return code;
}

/* What the events say that the driver has kept for an adapter. An answer that it cannot read is accounted for
 * as malformed, and the run ends. */
static mt_code read_kept(const mt_replay *replay, mt_exchange *exchange, mt_error *error) {
    const mt_adapter *adapter = &replay->options.adapter;
    if (!exchange->kept || !adapter->event)
        return MT_OK;
    mt_code code = mt_answer_read_kept(exchange, adapter->event, adapter->context, error);
    if (code != MT_OK) {
        exchange->failure = MT_FAILURE_MALFORMED;
        snprintf(exchange->text, sizeof exchange->text, "%.*s", MT_EXCHANGE_TEXT - 1,
                 error->message);
    }
    return code;
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
        write_result(replay, row, exchange);
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
        code = release(replay, &row->waiters, end_ns, error);
    if (code == MT_OK && row->name > 0) {
        mt_named_row *named = &replay->named[row->name - 1];
        named->has_ended = 1;
        named->end_ns = end_ns;
        code = release(replay, &named->waiters, end_ns, error);
    }
    free_row(replay, row);
    replay->ended++;
    mt_free(exchange->gaps);
    mt_free(exchange->answer);
    mt_free(exchange->kept);
    return read != MT_OK ? read : code;
}

static int take_results(mt_replay *replay, int64_t now_ns, mt_error *error) {
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

/* ---- the run ------------------------------------------------------------------------------------ */

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
    replay->source = source;
    replay->is_live = mt_source_is_live(source);
    replay->driver = driver;
    replay->options = *options;
    replay->last_planned_ns = -1;
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
    return replay;
}

void mt_replay_start(mt_replay *replay, int64_t start_ns) {
    replay->options.start_ns = start_ns;
}

/* When there is something to do again. */
static int64_t next_moment(const mt_replay *replay, int64_t now_ns, int64_t until_ns) {
    int64_t next = until_ns;
    if (replay->due.count > 0) {
        int64_t ahead = replay->options.slots > 0 ? 0 : horizon_ns / 2;
        int64_t due = replay->due.items[0]->due_ns - ahead;
        if (!replay->prepared && due < next)
            next = due;
    }
    if (!replay->source_ended && !replay->is_stopped && replay->options.slots == 0) {
        int64_t planned_ns = replay->is_live ? replay->next_planned_ns : replay->last_planned_ns;
        int64_t read = replay->options.start_ns + planned_ns - horizon_ns / 2;
        if (read < next)
            next = read;
    }
    return next > now_ns ? next : now_ns;
}

static int has_ended(const mt_replay *replay) {
    return replay->source_ended && replay->held == 0;
}

static const char *reason_not_sent(const mt_replay *replay, const mt_row *row) {
    if (replay->is_stopped)
        return "the run was stopped";
    return row->misses_name ? "it waits for a request_id that is not there"
                            : "it waits for requests that were not sent (or that wait for it)";
}

/* Rows that wait for somebody who never comes are not sent. */
static int end_hopeless(mt_replay *replay, int64_t now_ns, mt_error *error) {
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
    while (replay->rows) {
        mt_row *row = replay->rows;
        mt_exchange exchange;
        /* In the closed loop a request is due when it leaves. */
        mt_exchange_begin(&exchange, 0, replay->options.slots > 0 ? MT_NEVER : row->due_ns);
        exchange.failure = MT_FAILURE_NOT_SENT;
        snprintf(exchange.text, sizeof exchange.text, "%s", reason_not_sent(replay, row));
        if (settle(replay, row, &exchange, now_ns, error) != MT_OK)
            return -1;
    }
    replay->due.count = 0;
    return 0;
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
        int taken = take_results(replay, now_ns, error);
        if (taken < 0)
            return -1;
        int got = 0, wants = 0;
        for (int i = 0; i < READ_AT_ONCE && (wants = wants_row(replay, now_ns, error)) > 0; i++)
            if ((got = read_row(replay, error)) < 0)
                return -1;
        if (wants < 0)
            return -1;
        if (!replay->is_stopped && offer_due(replay, now_ns, error) < 0)
            return -1;
        if (is_stuck(replay) && end_hopeless(replay, now_ns, error) < 0)
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
    *progress = (mt_replay_progress){.read = replay->read,
                                     .offered = replay->offered,
                                     .ended = replay->ended,
                                     .done = inside->done + outside->done,
                                     .failed = inside->failed + outside->failed,
                                     .cancelled = inside->cancelled + outside->cancelled,
                                     .not_sent = inside->not_sent + outside->not_sent,
                                     .held = replay->held,
                                     .source_ended = replay->source_ended,
                                     .last_planned_ns = replay->last_planned_ns,
                                     .write_failures = replay->write_failures,
                                     .write_error = replay->write_error};
    percentiles_of(replay->recent->ttft, progress->recent_ttft);
    percentiles_of(replay->recent->itl, progress->recent_itl);
    percentiles_of(replay->recent->lag, progress->recent_lag);
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
    return &replay->groups[i]->results;
}

void mt_replay_free(mt_replay *replay) {
    if (!replay)
        return;
    while (replay->rows)
        free_row(replay, replay->rows);
    for (size_t i = 0; i < replay->session_names.count; i++) {
        mt_conversation_free(&replay->sessions[i]->conversation);
        mt_free(replay->sessions[i]);
    }
    for (size_t i = 0; i < replay->named_count; i++)
        free_waiters(replay->named[i].waiters);
    for (size_t i = 0; i < replay->group_count; i++) {
        mt_results_free(&replay->groups[i]->results);
        mt_free(replay->groups[i]);
    }
    mt_results_free(&replay->results);
    mt_results_free(&replay->outside);
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
