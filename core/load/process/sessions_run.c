/* Sessions as they run: turns that wait for the answer before, and then think. */
#include "load/process/sessions_state.h"

#include "load/lengths.h"

#include <math.h>

mt_code mt_sessions_open(mt_process_state *base, mt_error *error) {
    mt_sessions_state *state = (mt_sessions_state *)base;
    const mt_sessions_process *process = (const mt_sessions_process *)base->process;
    state->turns = mt_process_random(&base->context, "turns");
    state->thoughts = mt_process_random(&base->context, "think");
    state->services = mt_process_random(&base->context, "service");
    state->branchings = mt_process_random(&base->context, "branch");
    state->starts = mt_process_open(process->starts, &base->context, error);
    state->starts_wait = mt_process_wants_answers(process->starts);
    return state->starts ? MT_OK : mt_code_of(error);
}

mt_code mt_sessions_push(mt_sessions_state *state, mt_due_turn due, mt_error *error) {
    due.number = state->waited++;
    return mt_due_heap_push(&state->due, due) == 0 ? MT_OK : mt_fail_memory(error, "session");
}

/* How many turns the session that begins now has. */
mt_code mt_session_draw_turns(mt_sessions_state *state, mt_process_session *session, double start,
                              mt_error *error) {
    const mt_session_shape *shape = mt_session_shape_of(state, session);
    mt_random_seek(&state->turns,
                   mt_session_level(session) > 0 ? session->address : session->ordinal);
    double turns = mt_distribution_draw(shape->turns, &state->turns, start);
    if (!isfinite(turns))
        return mt_fail(error, MT_ERROR_VALUE, "sessions: %g turns came out at t = %.9g s", turns,
                       start);
    session->turns = mt_whole_tokens(turns, 1);
    if (session->turns > MT_MOST_TURNS)
        session->turns = MT_MOST_TURNS;
    return MT_OK;
}

/* A session that begins; NULL when out of memory. */
mt_process_session *mt_session_new(const mt_sessions_state *state, mt_process_session *parent,
                                   uint64_t number) {
    size_t size = state->base.context.session_size;
    mt_process_session *session = mt_allocate_zero(1, size > 0 ? size : sizeof *session);
    if (!session || mt_sessions_of(state)->branch_count == 0)
        return session;
    session->family = mt_family_new(parent, number);
    if (!session->family) {
        mt_free(session);
        return NULL;
    }
    return session;
}

static mt_code fill_event(mt_sessions_state *state, mt_event *event, mt_process_session *session,
                          double time, mt_error *error) {
    const mt_session_shape *shape = mt_session_shape_of(state, session);
    int waits = session->turn > 0 || mt_session_level(session) > 0;
    *event = (mt_event){.time = time,
                        .item = mt_session_item(session),
                        .turn = session->turn,
                        .delay = waits ? session->delay : NAN,
                        .session = session,
                        .rules = &shape->rules};
    mt_session_family *family = session->family;
    if (!family)
        return MT_OK;
    family->started = family->starting;
    mt_code code = mt_children_draw(state, session, time, &family->starting, error);
    if (code == MT_OK)
        family->born += family->starting;
    return code;
}

static int begin_session(mt_sessions_state *state, mt_event *event, mt_error *error) {
    mt_event start;
    int got = mt_process_next(state->starts, &start, error);
    if (got <= 0)
        return got;
    mt_process_session *session = mt_session_new(state, NULL, 0);
    if (!session)
        return mt_failed(mt_fail_memory(error, "session"));
    state->in_hand = session;
    session->ordinal = state->starts_wait ? start.item : state->count++;
    session->address = session->ordinal << MT_TURN_BITS;
    if (mt_session_draw_turns(state, session, start.time, error) != MT_OK ||
        fill_event(state, event, session, start.time, error) != MT_OK)
        return -1;
    return 1;
}

int mt_sessions_next(mt_process_state *base, mt_event *event, mt_error *error) {
    mt_sessions_state *state = (mt_sessions_state *)base;
    double start;
    if (mt_children_end(state, error) != MT_OK)
        return -1;
    int got = mt_process_soonest(state->starts, &start, error);
    if (got >= 0 && state->due.count > 0 && (got == 0 || state->due.items[0].time <= start)) {
        mt_due_turn due = mt_due_heap_pop(&state->due);
        state->in_hand = due.session;
        return fill_event(state, event, due.session, due.time, error) == MT_OK ? 1 : -1;
    }
    return got > 0 ? begin_session(state, event, error) : got;
}

int mt_sessions_soonest(mt_process_state *base, double *time, mt_error *error) {
    mt_sessions_state *state = (mt_sessions_state *)base;
    if (mt_children_end(state, error) != MT_OK)
        return -1;
    int got = mt_process_soonest(state->starts, time, error);
    if (got < 0 || state->due.count == 0)
        return got;
    if (got == 0 || state->due.items[0].time <= *time)
        *time = state->due.items[0].time;
    return 1;
}

int mt_sessions_await(const mt_process_state *base, const mt_event *event) {
    const mt_sessions_state *state = (const mt_sessions_state *)base;
    const mt_process_session *session = event->session;
    if (session->turn + 1 < session->turns)
        return 1;
    return mt_session_level(session) > 0 ? session->family->join != NULL : state->starts_wait;
}

void mt_process_session_release(mt_process_session *session) {
    mt_family_free(session->family);
    session->family = NULL;
}

void mt_session_free(const mt_process_state *base, mt_process_session *session) {
    if (session && base->context.session_release)
        base->context.session_release(session);
    if (session)
        mt_process_session_release(session);
    mt_free(session);
}

/* The session has ended: where it was a user's, that user goes on. */
static mt_code settle_start(mt_sessions_state *state, const mt_event *event, double end,
                            mt_error *error) {
    const mt_event start = {.time = event->time, .item = event->session->ordinal};
    const mt_answer whole = {.end = end};
    int last;
    if (state->in_hand == event->session)
        state->in_hand = NULL;
    return mt_process_settle(state->starts, &start, &whole, &last, error);
}

/* When the answer to the event ends, as the process plans it. */
static mt_code plan_end(mt_sessions_state *state, const mt_event *event, const mt_answer *answer,
                        double *end, mt_error *error) {
    const mt_session_shape *shape = mt_session_shape_of(state, event->session);
    *end = event->time + shape->first_token + shape->per_token * (double)answer->output_length;
    if (!shape->service)
        return MT_OK;
    uint64_t tokens = answer->input_length + answer->output_length;
    double seconds;
    while (state->under_way.count > 0 && state->under_way.items[0].end <= event->time)
        state->in_flight -= mt_answer_heap_pop(&state->under_way).tokens;
    state->in_flight += tokens;
    mt_random_seek(&state->services, event->item);
    mt_code code = mt_service_draw(shape->service, &state->services, event->time, state->in_flight,
                                   answer->output_length, &seconds, error);
    if (code != MT_OK)
        return code;
    *end = event->time + seconds;
    return mt_answer_heap_push(&state->under_way, (mt_answer_under_way){*end, tokens}) == 0
               ? MT_OK
               : mt_fail_memory(error, "session");
}

/* The answer takes its time, then the user thinks. */
mt_code mt_sessions_settle(mt_process_state *base, const mt_event *event, const mt_answer *answer,
                           int *last, mt_error *error) {
    mt_sessions_state *state = (mt_sessions_state *)base;
    mt_process_session *session = event->session;
    const mt_session_shape *shape = mt_session_shape_of(state, session);
    double end = answer->end;
    if (!answer->is_rejected && isnan(end)) {
        mt_code planned = plan_end(state, event, answer, &end, error);
        if (planned != MT_OK) {
            state->in_hand = session;
            return planned;
        }
    }
    *last = answer->is_rejected || session->turn + 1 >= session->turns;
    if (*last) {
        if (answer->is_rejected)
            end = event->time;
        if (mt_session_level(session) == 0)
            return settle_start(state, event, end, error);
        mt_code code = mt_child_settle(state, event, end, answer->is_rejected, error);
        *last = code == MT_OK; /* else it is still the process's */
        return code;
    }
    state->in_hand = session; /* should it fail */
    session->turn++;
    mt_random_seek(&state->thoughts, mt_session_item(session));
    session->delay = mt_distribution_draw(shape->think, &state->thoughts, event->time);
    if (!(session->delay >= 0) || isinf(session->delay))
        return mt_fail(error, MT_ERROR_VALUE,
                       "sessions: a think time of %g s came out at t = %.9g s", session->delay,
                       event->time);
    int waits;
    mt_code code = mt_children_start(state, event, end, &waits, error);
    if (code == MT_OK && !waits)
        code = mt_sessions_push(
            state, (mt_due_turn){.time = end + session->delay, .session = session}, error);
    if (code == MT_OK)
        state->in_hand = NULL;
    return code;
}

void mt_sessions_close(mt_process_state *base) {
    mt_sessions_state *state = (mt_sessions_state *)base;
    for (size_t i = 0; i < state->due.count; i++)
        mt_session_free(base, state->due.items[i].session);
    for (mt_join_point *join = state->joins.first, *after; join; join = after) {
        after = join->after;
        mt_session_free(base, join->parent);
        mt_free(join);
    }
    mt_session_free(base, state->in_hand);
    mt_free(state->due.items);
    mt_free(state->under_way.items);
    mt_process_close(state->starts);
}
