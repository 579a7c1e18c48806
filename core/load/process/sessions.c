/* sessions: turns that wait for the answer before, and then think. */
#include "load/process/process.h"

#include "base/heap.h"
#include "load/lengths.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TURN_BITS = 20 }; /* of an item: the session is above, the turn below */

static const uint64_t most_turns = (uint64_t)1 << TURN_BITS;

typedef struct sessions_process {
    mt_process base;
    mt_process *starts;
    mt_session_shape shape;
} sessions_process;

/* A session that waits for its next turn. */
typedef struct due_turn {
    double time;
    uint64_t number; /* of the turns that waited: equal times come in this order */
    mt_process_session *session;
} due_turn;

static int is_sooner(const due_turn *a, const due_turn *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

MT_HEAP(turn_heap, due_turn, is_sooner)

typedef struct sessions_state {
    mt_process_state base;
    mt_process_state *starts;
    int starts_wait; /* they are a closed loop: told when a session has ended */
    turn_heap due;
    uint64_t waited;             /* turns that ever waited */
    mt_process_session *in_hand; /* of the last event, when that is not settled */
    mt_random turns, thoughts;
    uint64_t count; /* sessions begun */
} sessions_state;

static mt_code sessions_open(mt_process_state *base, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    const sessions_process *process = (const sessions_process *)base->process;
    state->turns = mt_process_random(&base->context, "turns");
    state->thoughts = mt_process_random(&base->context, "think");
    state->starts = mt_process_open(process->starts, &base->context, error);
    state->starts_wait = mt_process_wants_answers(process->starts);
    return state->starts ? MT_OK : mt_code_of(error);
}

static uint64_t item_of(const mt_process_session *session) {
    return session->ordinal << TURN_BITS | session->turn;
}

static void fill_event(const sessions_state *state, mt_event *event, mt_process_session *session,
                       double time) {
    const sessions_process *process = (const sessions_process *)state->base.process;
    *event = (mt_event){.time = time,
                        .item = item_of(session),
                        .turn = session->turn,
                        .delay = session->turn > 0 ? session->delay : NAN,
                        .session = session,
                        .rules = &process->shape.rules};
}

/* How many turns the session that begins now has. */
static mt_code draw_turns(sessions_state *state, mt_process_session *session, double start,
                          mt_error *error) {
    const sessions_process *process = (const sessions_process *)state->base.process;
    mt_random_seek(&state->turns, session->ordinal);
    double turns = mt_distribution_draw(process->shape.turns, &state->turns, start);
    if (!isfinite(turns))
        return mt_fail(error, MT_ERROR_VALUE, "sessions: %g turns came out at t = %.9g s", turns,
                       start);
    session->turns = mt_whole_tokens(turns, 1);
    if (session->turns > most_turns)
        session->turns = most_turns;
    return MT_OK;
}

static int begin_session(sessions_state *state, mt_event *event, mt_error *error) {
    mt_event start;
    int got = mt_process_next(state->starts, &start, error);
    if (got <= 0)
        return got;
    size_t size = state->base.context.session_size;
    mt_process_session *session = mt_allocate_zero(1, size > 0 ? size : sizeof *session);
    if (!session)
        return mt_failed(mt_fail_memory(error, "session"));
    state->in_hand = session;
    session->ordinal = state->starts_wait ? start.item : state->count++;
    if (draw_turns(state, session, start.time, error) != MT_OK)
        return -1;
    fill_event(state, event, session, start.time);
    return 1;
}

static int sessions_next(mt_process_state *base, mt_event *event, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    double start;
    int got = mt_process_soonest(state->starts, &start, error);
    if (got >= 0 && state->due.count > 0 && (got == 0 || state->due.items[0].time <= start)) {
        due_turn due = turn_heap_pop(&state->due);
        fill_event(state, event, due.session, due.time);
        state->in_hand = due.session;
        return 1;
    }
    return got > 0 ? begin_session(state, event, error) : got;
}

static int sessions_soonest(mt_process_state *base, double *time, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    int got = mt_process_soonest(state->starts, time, error);
    if (got < 0 || state->due.count == 0)
        return got;
    if (got == 0 || state->due.items[0].time <= *time)
        *time = state->due.items[0].time;
    return 1;
}

static int sessions_are_closed(const mt_process *process) {
    return mt_process_is_closed(((const sessions_process *)process)->starts);
}

static int sessions_await(const mt_process_state *base, const mt_event *event) {
    const sessions_state *state = (const sessions_state *)base;
    return state->starts_wait || event->session->turn + 1 < event->session->turns;
}

/* The session has ended: where it was a user's, that user goes on. */
static mt_code settle_start(sessions_state *state, const mt_event *event, double end,
                            mt_error *error) {
    const mt_event start = {.time = event->time, .item = event->session->ordinal};
    const mt_answer whole = {.end = end};
    int last;
    if (state->in_hand == event->session)
        state->in_hand = NULL;
    return mt_process_settle(state->starts, &start, &whole, &last, error);
}

/* The answer takes its time, then the user thinks. */
static mt_code sessions_settle(mt_process_state *base, const mt_event *event,
                               const mt_answer *answer, int *last, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    const mt_session_shape *shape = &((const sessions_process *)base->process)->shape;
    mt_process_session *session = event->session;
    double takes = shape->first_token + shape->per_token * (double)answer->output_length;
    double end = isnan(answer->end) ? event->time + takes : answer->end;
    *last = answer->is_rejected || session->turn + 1 >= session->turns;
    if (*last)
        return settle_start(state, event, answer->is_rejected ? event->time : end, error);
    state->in_hand = session; /* should it fail */
    session->turn++;
    mt_random_seek(&state->thoughts, item_of(session));
    session->delay = mt_distribution_draw(shape->think, &state->thoughts, event->time);
    if (!(session->delay >= 0) || isinf(session->delay))
        return mt_fail(error, MT_ERROR_VALUE,
                       "sessions: a think time of %g s came out at t = %.9g s", session->delay,
                       event->time);
    due_turn due = {end + session->delay, state->waited++, session};
    if (turn_heap_push(&state->due, due) != 0)
        return mt_fail_memory(error, "session");
    state->in_hand = NULL;
    return MT_OK;
}

static void free_session(const mt_process_state *base, mt_process_session *session) {
    if (session && base->context.session_release)
        base->context.session_release(session);
    mt_free(session);
}

static void sessions_close(mt_process_state *base) {
    sessions_state *state = (sessions_state *)base;
    for (size_t i = 0; i < state->due.count; i++)
        free_session(base, state->due.items[i].session);
    free_session(base, state->in_hand);
    mt_free(state->due.items);
    mt_process_close(state->starts);
}

/* The share of sessions that have a turn k, counted from 0. */
static double share_with_turn(const mt_distribution *turns, uint64_t k, uint64_t seed) {
    if (k == 0)
        return 1;
    return 1 - mt_distribution_probability_below(turns, (double)k + 0.5, seed, 0);
}

/* Mean turn of a request, counted from 0: sum k P(turns > k) / sum P(turns > k). */
static double mean_turn(const mt_distribution *turns, uint64_t seed) {
    double requests = 1, sum = 0; /* the first turn always comes */
    for (uint64_t k = 1; k < most_turns; k++) {
        double more = share_with_turn(turns, k, seed);
        if (!(more > 1e-12))
            break;
        requests += more;
        sum += (double)k * more;
    }
    return sum / requests;
}

static mt_code sessions_expect(mt_process *base, const mt_process_context *context,
                               mt_process_expectation *expectation, mt_error *error) {
    const sessions_process *process = (const sessions_process *)base;
    mt_code code = mt_process_expect(process->starts, context, expectation, error);
    if (code != MT_OK)
        return code;
    const mt_distribution *turns = process->shape.turns;
    expectation->sessions = expectation->requests;
    expectation->mean_turns =
        mt_distribution_mean_rounded(turns, context->seed, 0, 1, (double)most_turns);
    expectation->requests *= expectation->mean_turns;
    expectation->mean_turn = mean_turn(turns, context->seed);
    return MT_OK;
}

/* Adds what the starts bring, later by `offset` bins. */
static void add_shifted(const mt_process_bins *bins, const double *starts, double offset,
                        double share) {
    size_t whole = (size_t)offset;
    double late = offset - (double)whole; /* the part that falls into the bin after */
    for (size_t i = 0; i + whole < bins->count; i++) {
        bins->requests[i + whole] += share * (1 - late) * starts[i];
        if (i + whole + 1 < bins->count)
            bins->requests[i + whole + 1] += share * late * starts[i];
    }
}

static mt_code sessions_expect_bins(mt_process *base, const mt_process_context *context,
                                    double answer_tokens, const mt_process_bins *bins,
                                    mt_error *error) {
    const sessions_process *process = (const sessions_process *)base;
    const mt_session_shape *shape = &process->shape;
    mt_process_bins starts = *bins;
    starts.requests = mt_allocate_zero(bins->count, sizeof *starts.requests);
    if (!starts.requests)
        return mt_fail_memory(error, "sessions");
    mt_code code = mt_process_expect_bins(process->starts, context, 0, &starts, error);
    double turn = shape->first_token + shape->per_token * answer_tokens +
                  mt_distribution_mean(shape->think, context->seed, 0);
    double step = turn / bins->horizon * (double)bins->count;
    memset(bins->requests, 0, bins->count * sizeof *bins->requests);
    for (uint64_t k = 0; code == MT_OK && k < most_turns; k++) {
        double share = share_with_turn(shape->turns, k, context->seed);
        double offset = k > 0 ? (double)k * step : 0;
        if (!(share > 1e-6) || !(offset < (double)bins->count))
            break;
        add_shifted(bins, starts.requests, offset, share);
    }
    mt_free(starts.requests);
    return code;
}

static mt_curve *sessions_curve(const mt_process *process) {
    return mt_process_curve(((const sessions_process *)process)->starts);
}

static double sessions_duration(const mt_process *process) {
    return mt_process_duration(((const sessions_process *)process)->starts);
}

/* ", compact=..., max_input=...": the rules that there are. */
static void rules_text(const mt_context_rules *rules, char *buffer, size_t size) {
    char keep[120];
    size_t used = 0;
    buffer[0] = '\0';
    if (rules->clear_at > 0)
        used += (size_t)snprintf(buffer, size, ", clear={at=%llu, keep=%llu, share=%.9g}",
                                 (unsigned long long)rules->clear_at,
                                 (unsigned long long)rules->clear_keep, rules->clear_share);
    if (rules->compact_at > 0 && used < size)
        used += (size_t)snprintf(buffer + used, size - used, ", compact={at=%llu, keep=%s}",
                                 (unsigned long long)rules->compact_at,
                                 mt_distribution_text(rules->compact_keep, keep, sizeof keep));
    if (rules->max_input > 0 && used < size)
        snprintf(buffer + used, size - used, ", max_input=%llu",
                 (unsigned long long)rules->max_input);
}

static void sessions_text(const mt_process *base, char *buffer, size_t size) {
    const sessions_process *process = (const sessions_process *)base;
    const mt_session_shape *shape = &process->shape;
    char starts[200], turns[120], think[120], service[80] = "", rules[280];
    if (shape->first_token > 0 || shape->per_token > 0)
        snprintf(service, sizeof service, ", service={ttft=%.9g, per_token=%.9g}",
                 shape->first_token, shape->per_token);
    rules_text(&shape->rules, rules, sizeof rules);
    snprintf(buffer, size, "sessions{starts=%s, turns=%s, think=%s%s%s}",
             mt_process_text(process->starts, starts, sizeof starts),
             mt_distribution_text(shape->turns, turns, sizeof turns),
             mt_distribution_text(shape->think, think, sizeof think), service, rules);
}

static void sessions_release(mt_process *base) {
    sessions_process *process = (sessions_process *)base;
    mt_process_release(process->starts);
    mt_distribution_release(process->shape.turns);
    mt_distribution_release(process->shape.think);
    mt_distribution_release(process->shape.rules.compact_keep);
}

static const mt_process_kind sessions_kind = {.name = "sessions",
                                              .state_size = sizeof(sessions_state),
                                              .open = sessions_open,
                                              .next = sessions_next,
                                              .soonest = sessions_soonest,
                                              .has_sessions = 1,
                                              .is_closed = sessions_are_closed,
                                              .awaits = sessions_await,
                                              .settle = sessions_settle,
                                              .close = sessions_close,
                                              .expect = sessions_expect,
                                              .expect_bins = sessions_expect_bins,
                                              .curve = sessions_curve,
                                              .duration = sessions_duration,
                                              .text = sessions_text,
                                              .release = sessions_release};

mt_process *mt_process_sessions(mt_process *starts, const mt_session_shape *shape,
                                mt_error *error) {
    if (mt_process_has_sessions(starts))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "sessions: starts must be a plain arrival process, not %s",
                               starts->kind->name));
    if (!(mt_distribution_lowest(shape->think) >= 0))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "sessions: think must not be negative: min=0 keeps it there"));
    if (!(shape->first_token >= 0 && shape->per_token >= 0))
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "sessions: service times must not be negative"));
    mt_process *process = mt_process_new(&sessions_kind, sizeof(sessions_process), NULL, error);
    if (process) {
        sessions_process *sessions = (sessions_process *)process;
        sessions->starts = mt_process_retain(starts);
        sessions->shape = *shape;
        mt_distribution_retain(shape->think);
        sessions->shape.rules.compact_keep = NULL;
        sessions->shape.turns = mt_distribution_whole(shape->turns, error);
        if (shape->rules.compact_at > 0 && sessions->shape.turns)
            sessions->shape.rules.compact_keep =
                mt_distribution_whole(shape->rules.compact_keep, error);
        if (!sessions->shape.turns ||
            (shape->rules.compact_at > 0 && !sessions->shape.rules.compact_keep)) {
            mt_process_release(process);
            return NULL;
        }
    }
    return process;
}

const mt_context_rules *mt_process_rules(const mt_process *process) {
    return process->kind == &sessions_kind ? &((const sessions_process *)process)->shape.rules
                                           : NULL;
}

int mt_process_has_formula(const mt_process *process) {
    const mt_context_rules *rules = mt_process_rules(process);
    return !rules || (rules->clear_at == 0 && rules->compact_at == 0 && rules->max_input == 0);
}
