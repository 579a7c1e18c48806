/* closed: users that each wait for an answer before they send again. */
#include "load/process/process.h"

#include "base/heap.h"

#include <math.h>
#include <stdio.h>

typedef struct closed_process {
    mt_process base;
    uint64_t users;
    mt_distribution *think;
} closed_process;

/* A user's request to come. */
typedef struct due_request {
    double time;
    uint64_t item;
    double delay; /* NAN: its first */
} due_request;

static int is_sooner(const due_request *a, const due_request *b) {
    return a->time < b->time || (a->time == b->time && a->item < b->item);
}

MT_HEAP(request_heap, due_request, is_sooner)

typedef struct closed_state {
    mt_process_state base;
    request_heap due;
    mt_random thoughts;
} closed_state;

static mt_code no_times(mt_error *error) {
    return mt_fail(
        error, MT_ERROR_VALUE,
        "closed: a closed loop sends when an answer has come: it has no times of its own "
        "and is for driving an endpoint");
}

static mt_code add_request(closed_state *state, due_request due, mt_error *error) {
    if (!(due.time < state->base.context.end))
        return MT_OK; /* the user stops */
    return request_heap_push(&state->due, due) == 0 ? MT_OK : mt_fail_memory(error, "users");
}

static mt_code closed_open(mt_process_state *base, mt_error *error) {
    closed_state *state = (closed_state *)base;
    uint64_t users = ((const closed_process *)base->process)->users;
    if (!base->context.live)
        return no_times(error);
    state->thoughts = mt_process_random(&base->context, "users");
    mt_code code = MT_OK;
    for (uint64_t user = 0; code == MT_OK && user < users; user++)
        code = add_request(state, (due_request){0, user, NAN}, error);
    return code;
}

static int closed_next(mt_process_state *base, mt_event *event, mt_error *error) {
    closed_state *state = (closed_state *)base;
    (void)error;
    if (state->due.count == 0)
        return 0;
    due_request due = request_heap_pop(&state->due);
    mt_event_plain(event, due.time, due.item);
    event->delay = due.delay;
    return 1;
}

static int closed_soonest(mt_process_state *base, double *time, mt_error *error) {
    closed_state *state = (closed_state *)base;
    (void)error;
    if (state->due.count == 0)
        return 0;
    *time = state->due.items[0].time;
    return 1;
}

static mt_code closed_settle(mt_process_state *base, const mt_event *event, const mt_answer *answer,
                             int *last, mt_error *error) {
    closed_state *state = (closed_state *)base;
    const closed_process *process = (const closed_process *)base->process;
    *last = 1;
    if (answer->is_rejected)
        return MT_OK; /* the user leaves */
    double end = isnan(answer->end) ? event->time : answer->end;
    uint64_t item = event->item + process->users;
    mt_random_seek(&state->thoughts, item);
    double think = mt_distribution_draw(process->think, &state->thoughts, end);
    if (!(think >= 0) || isinf(think))
        return mt_fail(error, MT_ERROR_VALUE, "closed: a think time of %g s came out at t = %.9g s",
                       think, end);
    return add_request(state, (due_request){end + think, item, think}, error);
}

static void closed_close(mt_process_state *base) {
    mt_free(((closed_state *)base)->due.items);
}

static mt_code closed_expect(mt_process *process, const mt_process_context *context,
                             mt_process_expectation *expectation, mt_error *error) {
    (void)process;
    (void)context;
    (void)expectation;
    return no_times(error);
}

static void closed_text(const mt_process *base, char *buffer, size_t size) {
    const closed_process *process = (const closed_process *)base;
    char think[256];
    snprintf(buffer, size, "closed{users=%llu, think=%s}", (unsigned long long)process->users,
             mt_distribution_text(process->think, think, sizeof think));
}

static void closed_release(mt_process *process) {
    mt_distribution_release(((closed_process *)process)->think);
}

static int closed_is_closed(const mt_process *process) {
    (void)process;
    return 1;
}

static const mt_process_kind closed_kind = {.name = "closed",
                                            .state_size = sizeof(closed_state),
                                            .open = closed_open,
                                            .next = closed_next,
                                            .soonest = closed_soonest,
                                            .is_closed = closed_is_closed,
                                            .settle = closed_settle,
                                            .close = closed_close,
                                            .expect = closed_expect,
                                            .text = closed_text,
                                            .release = closed_release};

mt_process *mt_process_closed(uint64_t users, mt_distribution *think, mt_error *error) {
    if (users == 0) {
        mt_fail(error, MT_ERROR_VALUE, "closed: users must be at least 1");
        return NULL;
    }
    if (!(mt_distribution_lowest(think) >= 0)) {
        mt_fail(error, MT_ERROR_VALUE, "closed: think must not be negative: min=0 keeps it there");
        return NULL;
    }
    mt_process *process = mt_process_new(&closed_kind, sizeof(closed_process), NULL, error);
    if (process) {
        ((closed_process *)process)->users = users;
        ((closed_process *)process)->think = mt_distribution_retain(think);
    }
    return process;
}
