/* sessions: turns that wait for the answer before, and then think; and their children. */
#include "load/process/branch.h"
#include "load/process/given.h"

#include "base/heap.h"
#include "hash/ids.h"
#include "load/lengths.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TURN_BITS = 20,          /* of an item: the session is above, the turn below */
    MOST_CHILDREN = 1 << 16, /* of one turn */
    MOST_REQUESTS = 1000000  /* of a session and its sub-agents, on average */
};

static const uint64_t most_turns = (uint64_t)1 << TURN_BITS;

typedef struct sessions_process {
    mt_process base;
    mt_process *starts;
    mt_session_shape shape;
    mt_branch_shape branches[MT_BRANCH_LEVELS];
    size_t branch_count;
} sessions_process;

/* A session that waits for its next turn; or the end of a child, which a join waits for. */
typedef struct due_turn {
    double time;
    uint64_t number; /* of those that waited: equal times come in this order */
    mt_process_session *session;
    mt_join_point *join; /* NULL: a turn */
    mt_turn_name last;   /* of the child */
} due_turn;

static int is_sooner(const due_turn *a, const due_turn *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

MT_HEAP(turn_heap, due_turn, is_sooner)

/* An answer under way, as planned. */
typedef struct answer_under_way {
    double end;
    uint64_t tokens;
} answer_under_way;

static int ends_sooner(const answer_under_way *a, const answer_under_way *b) {
    return a->end < b->end;
}

MT_HEAP(answer_heap, answer_under_way, ends_sooner)

typedef struct sessions_state {
    mt_process_state base;
    mt_process_state *starts;
    int starts_wait; /* they are a closed loop: told when a session has ended */
    turn_heap due;
    uint64_t waited;             /* turns that ever waited */
    mt_process_session *in_hand; /* of the last event, when that is not settled */
    mt_joins joins;
    answer_heap under_way; /* where services follow the load */
    uint64_t in_flight;    /* their tokens */
    mt_random turns, thoughts, branchings, services;
    uint64_t count; /* sessions begun by the starts */
} sessions_state;

static mt_code sessions_open(mt_process_state *base, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    const sessions_process *process = (const sessions_process *)base->process;
    state->turns = mt_process_random(&base->context, "turns");
    state->thoughts = mt_process_random(&base->context, "think");
    state->services = mt_process_random(&base->context, "service");
    state->branchings = mt_process_random(&base->context, "branch");
    state->starts = mt_process_open(process->starts, &base->context, error);
    state->starts_wait = mt_process_wants_answers(process->starts);
    return state->starts ? MT_OK : mt_code_of(error);
}

static unsigned level_of(const mt_process_session *session) {
    return session->family ? session->family->level : 0;
}

static uint64_t item_of(const mt_process_session *session) {
    return session->address | session->turn;
}

static const sessions_process *process_of(const sessions_state *state) {
    return (const sessions_process *)state->base.process;
}

static const mt_session_shape *shape_of(const sessions_state *state,
                                        const mt_process_session *session) {
    unsigned level = level_of(session);
    const sessions_process *process = process_of(state);
    return level > 0 ? &process->branches[level - 1].child : &process->shape;
}

/* How many children the session's turn starts; the last turn starts none. */
static mt_code draw_children(sessions_state *state, const mt_process_session *session, double time,
                             uint64_t *children, mt_error *error) {
    unsigned level = level_of(session);
    *children = 0;
    if (level >= process_of(state)->branch_count || session->turn + 1 >= session->turns)
        return MT_OK;
    const mt_branch_shape *branch = &process_of(state)->branches[level];
    mt_random_seek(&state->branchings, item_of(session));
    int starts = mt_random_uniform(&state->branchings) < branch->chance;
    if (branch->every > 0 ? (session->turn + 1) % branch->every != 0 : !starts)
        return MT_OK;
    double count = mt_distribution_draw(branch->count, &state->branchings, time);
    if (!(count < MOST_CHILDREN))
        return mt_fail(error, MT_ERROR_VALUE,
                       "branch: %g children of one turn came out at t = %.9g s", count, time);
    *children = mt_whole_tokens(count, 1);
    return MT_OK;
}

static mt_code fill_event(sessions_state *state, mt_event *event, mt_process_session *session,
                          double time, mt_error *error) {
    const mt_session_shape *shape = shape_of(state, session);
    int waits = session->turn > 0 || level_of(session) > 0;
    *event = (mt_event){.time = time,
                        .item = item_of(session),
                        .turn = session->turn,
                        .delay = waits ? session->delay : NAN,
                        .session = session,
                        .rules = &shape->rules};
    mt_session_family *family = session->family;
    if (!family)
        return MT_OK;
    family->started = family->starting;
    mt_code code = draw_children(state, session, time, &family->starting, error);
    if (code == MT_OK)
        family->born += family->starting;
    return code;
}

/* How many turns the session that begins now has. */
static mt_code draw_turns(sessions_state *state, mt_process_session *session, double start,
                          mt_error *error) {
    const mt_session_shape *shape = shape_of(state, session);
    mt_random_seek(&state->turns, level_of(session) > 0 ? session->address : session->ordinal);
    double turns = mt_distribution_draw(shape->turns, &state->turns, start);
    if (!isfinite(turns))
        return mt_fail(error, MT_ERROR_VALUE, "sessions: %g turns came out at t = %.9g s", turns,
                       start);
    session->turns = mt_whole_tokens(turns, 1);
    if (session->turns > most_turns)
        session->turns = most_turns;
    return MT_OK;
}

/* A session that begins; NULL when out of memory. */
static mt_process_session *new_session(const sessions_state *state, mt_process_session *parent,
                                       uint64_t number) {
    size_t size = state->base.context.session_size;
    mt_process_session *session = mt_allocate_zero(1, size > 0 ? size : sizeof *session);
    if (!session || process_of(state)->branch_count == 0)
        return session;
    session->family = mt_family_new(parent, number);
    if (!session->family) {
        mt_free(session);
        return NULL;
    }
    return session;
}

static int begin_session(sessions_state *state, mt_event *event, mt_error *error) {
    mt_event start;
    int got = mt_process_next(state->starts, &start, error);
    if (got <= 0)
        return got;
    mt_process_session *session = new_session(state, NULL, 0);
    if (!session)
        return mt_failed(mt_fail_memory(error, "session"));
    state->in_hand = session;
    session->ordinal = state->starts_wait ? start.item : state->count++;
    session->address = session->ordinal << TURN_BITS;
    if (draw_turns(state, session, start.time, error) != MT_OK ||
        fill_event(state, event, session, start.time, error) != MT_OK)
        return -1;
    return 1;
}

static mt_code push_due(sessions_state *state, due_turn due, mt_error *error) {
    due.number = state->waited++;
    return turn_heap_push(&state->due, due) == 0 ? MT_OK : mt_fail_memory(error, "session");
}

/* Children that have ended by the time of the next turn let their parents go on. */
static mt_code end_children(sessions_state *state, mt_error *error) {
    mt_process_session *in_hand = state->in_hand;
    mt_code code = MT_OK;
    while (code == MT_OK && state->due.count > 0 && state->due.items[0].join) {
        due_turn ended = turn_heap_pop(&state->due);
        mt_process_session *parent;
        code = mt_join_end(&state->joins, ended.join, ended.last, &parent, error);
        if (code == MT_OK && parent) {
            state->in_hand = parent; /* should it fail */
            code = push_due(
                state, (due_turn){.time = ended.time + parent->delay, .session = parent}, error);
            if (code == MT_OK)
                state->in_hand = in_hand;
        }
    }
    return code;
}

static int sessions_next(mt_process_state *base, mt_event *event, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    double start;
    if (end_children(state, error) != MT_OK)
        return -1;
    int got = mt_process_soonest(state->starts, &start, error);
    if (got >= 0 && state->due.count > 0 && (got == 0 || state->due.items[0].time <= start)) {
        due_turn due = turn_heap_pop(&state->due);
        state->in_hand = due.session;
        return fill_event(state, event, due.session, due.time, error) == MT_OK ? 1 : -1;
    }
    return got > 0 ? begin_session(state, event, error) : got;
}

static int sessions_soonest(mt_process_state *base, double *time, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    if (end_children(state, error) != MT_OK)
        return -1;
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
    const mt_process_session *session = event->session;
    if (session->turn + 1 < session->turns)
        return 1;
    return level_of(session) > 0 ? session->family->join != NULL : state->starts_wait;
}

void mt_process_session_release(mt_process_session *session) {
    mt_family_free(session->family);
    session->family = NULL;
}

static void free_session(const mt_process_state *base, mt_process_session *session) {
    if (session && base->context.session_release)
        base->context.session_release(session);
    if (session)
        mt_process_session_release(session);
    mt_free(session);
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

/* A child has ended: a join may wait for it. */
static mt_code settle_child(sessions_state *state, const mt_event *event, double end,
                            int is_rejected, mt_error *error) {
    mt_session_family *family = event->session->family;
    mt_join_point *join = family->join;
    uint64_t last = is_rejected && event->turn > 0 ? event->turn - 1 : event->turn;
    if (state->in_hand == event->session)
        state->in_hand = NULL;
    family->join = NULL;
    if (!join)
        return MT_OK;
    due_turn ended = {.time = end, .join = join, .last = {family->path[family->level - 1], last}};
    mt_code code = push_due(state, ended, error);
    if (code != MT_OK)
        state->in_hand = event->session;
    return code;
}

/* The child of that number comes at `time`. */
static mt_code start_child(sessions_state *state, const mt_event *event, uint64_t number,
                           double time, mt_join_point *join, mt_error *error) {
    mt_process_session *parent = event->session;
    mt_process_session *child = new_session(state, parent, number);
    if (!child)
        return mt_fail_memory(error, "session");
    mt_key key = mt_key_number((mt_key){event->item, level_of(parent)}, number);
    child->ordinal = parent->ordinal;
    child->address = key.low << TURN_BITS;
    child->family->parent_turn = event->turn;
    child->family->join = join;
    mt_code code = draw_turns(state, child, time, error);
    if (code == MT_OK)
        code = push_due(state, (due_turn){.time = time, .session = child}, error);
    if (code != MT_OK)
        free_session(&state->base, child);
    return code;
}

/* The children that the event's turn starts come with its answer. *waits: its session waits for
 * them. */
static mt_code start_children(sessions_state *state, const mt_event *event, double end, int *waits,
                              mt_error *error) {
    mt_session_family *family = event->session->family;
    *waits = 0;
    if (!family)
        return MT_OK;
    family->wait_count = 0;
    if (family->starting == 0)
        return MT_OK;
    mt_join_kind kind = process_of(state)->branches[family->level].join;
    mt_join_point *join = NULL;
    if (kind != MT_JOIN_NONE && !(join = mt_join_open(&state->joins, kind, family->starting)))
        return mt_fail_memory(error, "session");
    mt_code code = MT_OK;
    for (uint64_t i = 0; code == MT_OK && i < family->starting; i++)
        code = start_child(state, event, family->born - family->starting + 1 + i, end, join, error);
    *waits = code == MT_OK && join;
    if (*waits)
        join->parent = event->session;
    return code;
}

/* When the answer to the event ends, as the process plans it. */
static mt_code plan_end(sessions_state *state, const mt_event *event, const mt_answer *answer,
                        double *end, mt_error *error) {
    const mt_session_shape *shape = shape_of(state, event->session);
    *end = event->time + shape->first_token + shape->per_token * (double)answer->output_length;
    if (!shape->service)
        return MT_OK;
    uint64_t tokens = answer->input_length + answer->output_length;
    double seconds;
    while (state->under_way.count > 0 && state->under_way.items[0].end <= event->time)
        state->in_flight -= answer_heap_pop(&state->under_way).tokens;
    state->in_flight += tokens;
    mt_random_seek(&state->services, event->item);
    mt_code code = mt_service_draw(shape->service, &state->services, event->time, state->in_flight,
                                   answer->output_length, &seconds, error);
    if (code != MT_OK)
        return code;
    *end = event->time + seconds;
    return answer_heap_push(&state->under_way, (answer_under_way){*end, tokens}) == 0
               ? MT_OK
               : mt_fail_memory(error, "session");
}

/* The answer takes its time, then the user thinks. */
static mt_code sessions_settle(mt_process_state *base, const mt_event *event,
                               const mt_answer *answer, int *last, mt_error *error) {
    sessions_state *state = (sessions_state *)base;
    mt_process_session *session = event->session;
    const mt_session_shape *shape = shape_of(state, session);
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
        if (level_of(session) == 0)
            return settle_start(state, event, end, error);
        mt_code code = settle_child(state, event, end, answer->is_rejected, error);
        *last = code == MT_OK; /* else it is still the process's */
        return code;
    }
    state->in_hand = session; /* should it fail */
    session->turn++;
    mt_random_seek(&state->thoughts, item_of(session));
    session->delay = mt_distribution_draw(shape->think, &state->thoughts, event->time);
    if (!(session->delay >= 0) || isinf(session->delay))
        return mt_fail(error, MT_ERROR_VALUE,
                       "sessions: a think time of %g s came out at t = %.9g s", session->delay,
                       event->time);
    int waits;
    mt_code code = start_children(state, event, end, &waits, error);
    if (code == MT_OK && !waits)
        code = push_due(state, (due_turn){.time = end + session->delay, .session = session}, error);
    if (code == MT_OK)
        state->in_hand = NULL;
    return code;
}

static void sessions_close(mt_process_state *base) {
    sessions_state *state = (sessions_state *)base;
    for (size_t i = 0; i < state->due.count; i++)
        free_session(base, state->due.items[i].session);
    for (mt_join_point *join = state->joins.first, *after; join; join = after) {
        after = join->after;
        free_session(base, join->parent);
        mt_free(join);
    }
    free_session(base, state->in_hand);
    mt_free(state->due.items);
    mt_free(state->under_way.items);
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
    expectation->requests *= mt_branch_requests(&process->shape, process->branches,
                                                process->branch_count, context->seed);
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
    double answer = shape->service ? mt_service_mean(shape->service, answer_tokens)
                                   : shape->first_token + shape->per_token * answer_tokens;
    double turn = answer + mt_distribution_mean(shape->think, context->seed, 0);
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

/* ", branch={every=5, count=..., ...}" and what is in it; gives how much of the buffer is used. */
static size_t branch_text(const sessions_process *process, size_t level, char *buffer,
                          size_t size) {
    static const char *const joins[] = {"false", "all", "any"};
    if (level == process->branch_count || size == 0)
        return 0;
    const mt_branch_shape *branch = &process->branches[level];
    char when[40], count[120], turns[120], think[120], rules[280];
    if (branch->every > 0)
        snprintf(when, sizeof when, "every=%llu", (unsigned long long)branch->every);
    else
        snprintf(when, sizeof when, "chance=%.9g", branch->chance);
    rules_text(&branch->child.rules, rules, sizeof rules);
    int length =
        snprintf(buffer, size, ", branch={%s, count=%s, turns=%s, think=%s, inherit=%s, join=%s%s",
                 when, mt_distribution_text(branch->count, count, sizeof count),
                 mt_distribution_text(branch->child.turns, turns, sizeof turns),
                 mt_distribution_text(branch->child.think, think, sizeof think),
                 branch->inherits ? "true" : "false", joins[branch->join], rules);
    size_t used = length > 0 && (size_t)length < size ? (size_t)length : size - 1;
    used += branch_text(process, level + 1, buffer + used, size - used);
    return used + (size_t)snprintf(buffer + used, size - used, "}");
}

static void sessions_text(const mt_process *base, char *buffer, size_t size) {
    const sessions_process *process = (const sessions_process *)base;
    const mt_session_shape *shape = &process->shape;
    char starts[200], turns[120], think[120], service[280] = "", rules[280], branches[1024] = "";
    if (shape->service)
        mt_service_text(shape->service, service, sizeof service);
    else if (shape->first_token > 0 || shape->per_token > 0)
        snprintf(service, sizeof service, ", service={ttft=%.9g, per_token=%.9g}",
                 shape->first_token, shape->per_token);
    rules_text(&shape->rules, rules, sizeof rules);
    branch_text(process, 0, branches, sizeof branches);
    snprintf(buffer, size, "sessions{starts=%s, turns=%s, think=%s%s%s%s}",
             mt_process_text(process->starts, starts, sizeof starts),
             mt_distribution_text(shape->turns, turns, sizeof turns),
             mt_distribution_text(shape->think, think, sizeof think), service, rules, branches);
}

static void release_shape(mt_session_shape *shape) {
    mt_distribution_release(shape->turns);
    mt_distribution_release(shape->think);
    mt_distribution_release(shape->rules.compact_keep);
    mt_service_release(shape->service);
}

static void sessions_release(mt_process *base) {
    sessions_process *process = (sessions_process *)base;
    mt_process_release(process->starts);
    release_shape(&process->shape);
    for (size_t i = 0; i < process->branch_count; i++) {
        release_shape(&process->branches[i].child);
        mt_distribution_release(process->branches[i].count);
    }
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

static mt_code check_shape(const mt_session_shape *shape, mt_error *error) {
    if (!(mt_distribution_lowest(shape->think) >= 0))
        return mt_fail(error, MT_ERROR_VALUE,
                       "sessions: think must not be negative: min=0 keeps it there");
    if (!(shape->first_token >= 0 && shape->per_token >= 0))
        return mt_fail(error, MT_ERROR_VALUE, "sessions: service times must not be negative");
    return MT_OK;
}

/* A copy that owns its parts. */
static mt_code copy_shape(mt_session_shape *copy, const mt_session_shape *shape, mt_error *error) {
    *copy = *shape;
    mt_distribution_retain(shape->think);
    mt_service_retain(shape->service);
    copy->rules.compact_keep = NULL;
    copy->turns = mt_distribution_whole(shape->turns, error);
    if (shape->rules.compact_at > 0 && copy->turns)
        copy->rules.compact_keep = mt_distribution_whole(shape->rules.compact_keep, error);
    int is_whole = copy->turns && (copy->rules.compact_at == 0 || copy->rules.compact_keep);
    return is_whole ? MT_OK : MT_ERROR_MEMORY;
}

mt_process *mt_process_sessions(mt_process *starts, const mt_session_shape *shape,
                                mt_error *error) {
    if (mt_process_has_sessions(starts))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "sessions: starts must be a plain arrival process, not %s",
                               starts->kind->name));
    if (check_shape(shape, error) != MT_OK)
        return NULL;
    mt_process *process = mt_process_new(&sessions_kind, sizeof(sessions_process), NULL, error);
    if (process) {
        sessions_process *sessions = (sessions_process *)process;
        sessions->starts = mt_process_retain(starts);
        if (copy_shape(&sessions->shape, shape, error) != MT_OK) {
            mt_process_release(process);
            return NULL;
        }
    }
    return process;
}

/* Does the level ever start a child? Its last turn does not. */
static mt_code check_branch(const mt_session_shape *parent, const mt_branch_shape *branch,
                            mt_error *error) {
    double most = mt_distribution_highest(parent->turns);
    uint64_t first = branch->every > 0 ? branch->every : 1;
    if (!((branch->every > 0 || (branch->chance > 0 && branch->chance <= 1)) && branch->count))
        return mt_fail(error, MT_ERROR_VALUE, "branch: chance must be above 0 and at most 1");
    if (most + 0.5 >= (double)first + 1)
        return MT_OK;
    return mt_fail(
        error, MT_ERROR_VALUE,
        "branch: no turn ever starts a sub-agent: turn %llu would be the first, sessions "
        "have at most %.9g turns, and their last one starts none",
        (unsigned long long)first, most);
}

static mt_code add_branch(sessions_process *process, const mt_branch_shape *branch,
                          mt_error *error) {
    size_t level = process->branch_count;
    const mt_session_shape *parent =
        level > 0 ? &process->branches[level - 1].child : &process->shape;
    mt_session_shape child = branch->child;
    if (isnan(child.first_token)) {
        child.first_token = parent->first_token;
        child.per_token = parent->per_token;
        child.service = parent->service;
    }
    mt_code code = check_branch(parent, branch, error);
    if (code == MT_OK)
        code = check_shape(&child, error);
    if (code != MT_OK)
        return code;
    mt_branch_shape *copy = &process->branches[process->branch_count++];
    *copy = *branch;
    copy->count = mt_distribution_whole(branch->count, error);
    code = copy_shape(&copy->child, &child, error);
    return copy->count ? code : MT_ERROR_MEMORY;
}

mt_process *mt_process_branched(mt_process *sessions, const mt_branch_shape *levels, size_t count,
                                mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    if (sessions->kind != &sessions_kind || count < 1 || count > MT_BRANCH_LEVELS)
        return mt_null(mt_fail(report, MT_ERROR_VALUE,
                               "branch: sessions have 1 to %d levels of sub-agents",
                               MT_BRANCH_LEVELS));
    const sessions_process *plain = (const sessions_process *)sessions;
    mt_process *process = mt_process_sessions(plain->starts, &plain->shape, report);
    if (!process)
        return NULL;
    sessions_process *branched = (sessions_process *)process;
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < count; i++)
        code = add_branch(branched, &levels[i], report);
    double requests =
        code == MT_OK ? mt_branch_requests(&branched->shape, branched->branches, count, 0) : 0;
    if (requests > MOST_REQUESTS)
        code = mt_fail(report, MT_ERROR_VALUE,
                       "branch: a session and its sub-agents bring %.3g requests on average, at "
                       "most %d: fewer levels, a smaller count or chance",
                       requests, MOST_REQUESTS);
    if (code == MT_OK)
        return process;
    mt_process_release(process);
    return NULL;
}

const mt_branch_shape *mt_process_branches(const mt_process *process, size_t *count) {
    const sessions_process *sessions = (const sessions_process *)process;
    *count = process->kind == &sessions_kind ? sessions->branch_count : 0;
    return *count > 0 ? sessions->branches : NULL;
}

const mt_context_rules *mt_process_rules(const mt_process *process) {
    return process->kind == &sessions_kind ? &((const sessions_process *)process)->shape.rules
                                           : NULL;
}

int mt_process_has_formula(const mt_process *process) {
    if (mt_process_gives_lengths(process))
        return 0;
    const mt_context_rules *rules = mt_process_rules(process);
    size_t branches;
    mt_process_branches(process, &branches);
    if (rules && ((const sessions_process *)process)->shape.service &&
        mt_service_follows_load(((const sessions_process *)process)->shape.service))
        return 0;
    return !rules || (branches == 0 && rules->clear_at == 0 && rules->compact_at == 0 &&
                      rules->max_input == 0);
}
