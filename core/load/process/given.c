#include "load/process/given.h"

#include "base/memory.h"
#include "text/texts.h"

#include <math.h>
#include <stdio.h>

/* So many requests at one time are a function that goes nowhere. */
enum { MOST_AT_ONCE = 1000000 };

typedef struct given_process {
    mt_process base;
    mt_request_function function;
} given_process;

typedef struct given_state {
    mt_process_state base;
    void *state;
    int is_made;
    uint64_t k, at_once;
    mt_texts names; /* of sessions */
    mt_process_session **sessions;
    size_t capacity;
    mt_given_request ahead; /* of the event that was yielded last */
} given_state;

static const mt_request_function *function_of(const mt_process_state *base) {
    return &((const given_process *)base->process)->function;
}

static mt_code given_open(mt_process_state *base, mt_error *error) {
    given_state *state = (given_state *)base;
    const mt_request_function *function = function_of(base);
    if (base->context.factor != 1)
        return mt_fail(
            error, MT_ERROR_VALUE,
            "requests: the function says when its requests come: no scale (--rate-scale) "
            "can apply to them");
    mt_code code = function->make(function->context, &base->context, &state->state, error);
    state->is_made = code == MT_OK;
    return code;
}

/* The session of that name, which may be new; NULL when out of memory. */
static mt_process_session *session_of(given_state *state, const char *name, size_t length) {
    uint32_t number;
    size_t known = state->names.count;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
    if (MT_GROW(state->sessions, state->capacity, known + 1) != 0 ||
        mt_texts_intern(&state->names, name, length, &number) != 0)
        return NULL;
    if (number < known)
        return state->sessions[number];
    size_t size = state->base.context.session_size;
    mt_process_session *session = mt_allocate_zero(1, size > 0 ? size : sizeof *session);
    if (!session) {
        mt_texts_truncate(&state->names, known);
        return NULL;
    }
    session->ordinal = number;
    state->sessions[number] = session;
    return session;
}

static int given_next(mt_process_state *base, mt_event *event, mt_error *error) {
    given_state *state = (given_state *)base;
    mt_given_request *request = &state->ahead;
    double before = state->k > 0 ? request->time : 0;
    int got = function_of(base)->next(state->state, request, error);
    if (got <= 0)
        return got;
    if (!(request->time >= before) || isinf(request->time))
        return mt_failed(mt_fail(error, MT_ERROR_VALUE,
                                 "requests: the function gave request %llu at t = %.9g s, after "
                                 "one at t = %.9g s: times must not decrease",
                                 (unsigned long long)state->k + 1, request->time, before));
    state->at_once = request->time > before ? 0 : state->at_once + 1;
    if (state->at_once >= MOST_AT_ONCE)
        return mt_failed(mt_fail(error, MT_ERROR_VALUE,
                                 "requests: the function gave %d requests in a row at t = %.9g s: "
                                 "such a load would never end",
                                 MOST_AT_ONCE, request->time));
    if (!(request->time < base->context.end))
        return 0;
    mt_event_plain(event, request->time, state->k++);
    event->given = request;
    if (!request->session)
        return 1;
    event->session = session_of(state, request->session, request->session_length);
    if (!event->session)
        return mt_failed(mt_fail_memory(error, "session"));
    event->turn = event->session->turn++;
    return 1;
}

/* Sessions go on as long as the function names them. */
static mt_code given_settle(mt_process_state *base, const mt_event *event, const mt_answer *answer,
                            int *last, mt_error *error) {
    (void)base;
    (void)answer;
    (void)error;
    *last = event->session == NULL;
    return MT_OK;
}

static int given_awaits(const mt_process_state *base, const mt_event *event) {
    (void)base;
    (void)event;
    return 0;
}

static void given_close(mt_process_state *base) {
    given_state *state = (given_state *)base;
    for (size_t i = 0; i < state->names.count; i++) {
        if (base->context.session_release)
            base->context.session_release(state->sessions[i]);
        mt_free(state->sessions[i]);
    }
    mt_free((void *)state->sessions);
    mt_texts_free(&state->names);
    if (state->is_made)
        function_of(base)->close(state->state);
}

/* Nothing is known of it before it runs. */
static mt_code given_expect(mt_process *process, const mt_process_context *context,
                            mt_process_expectation *expectation, mt_error *error) {
    (void)process;
    if (context->factor != 1)
        return mt_fail(
            error, MT_ERROR_VALUE,
            "requests: the function says when its requests come: no scale (--rate-scale) "
            "can apply to them");
    expectation->requests = NAN;
    return MT_OK;
}

static void given_text(const mt_process *process, char *buffer, size_t size) {
    (void)process;
    snprintf(buffer, size, "requests(function)");
}

static void given_release(mt_process *process) {
    const mt_request_function *function = &((const given_process *)process)->function;
    function->release(function->context);
}

static const mt_process_kind given_kind = {.name = "requests",
                                           .state_size = sizeof(given_state),
                                           .open = given_open,
                                           .next = given_next,
                                           .has_sessions = 0,
                                           .awaits = given_awaits,
                                           .settle = given_settle,
                                           .close = given_close,
                                           .expect = given_expect,
                                           .text = given_text,
                                           .release = given_release};

mt_process *mt_process_given(const mt_request_function *function, mt_error *error) {
    mt_process *process = mt_process_new(&given_kind, sizeof(given_process), NULL, error);
    if (process) {
        ((given_process *)process)->function = *function;
        function->retain(function->context);
    }
    return process;
}

int mt_process_gives_lengths(const mt_process *process) {
    return process->kind == &given_kind;
}
