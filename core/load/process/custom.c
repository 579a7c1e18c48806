/* A caller's own process: gaps from a function. */
#include "load/process/process.h"

#include <math.h>
#include <stdio.h>

typedef struct custom_process {
    mt_process base;
    mt_gap_source source;
} custom_process;

/* So many requests at one time are a function that goes nowhere. */
enum { MOST_AT_ONCE = 1000000 };

typedef struct custom_state {
    mt_process_state base;
    void *state;
    int is_made;
    double now; /* seconds at rate factor 1 */
    uint64_t k;
    double since;     /* when the time last moved by a nanosecond */
    uint64_t at_once; /* requests since then */
} custom_state;

static mt_code custom_open(mt_process_state *base, mt_error *error) {
    custom_state *state = (custom_state *)base;
    const mt_gap_source *source = &((const custom_process *)base->process)->source;
    mt_code code = source->make(source->context, &base->context, &state->state, error);
    state->is_made = code == MT_OK;
    return code;
}

static int custom_next(mt_process_state *base, mt_event *event, mt_error *error) {
    custom_state *state = (custom_state *)base;
    const mt_gap_source *source = &((const custom_process *)base->process)->source;
    double gap;
    if (source->next(state->state, state->now, &gap, error) != MT_OK)
        return -1;
    if (isnan(gap))
        return 0;
    if (!(gap >= 0) || !isfinite(gap))
        return mt_failed(mt_fail(
            error, MT_ERROR_VALUE,
            "arrivals: the function returned a gap of %g at t = %.9g s; it must be at least 0 "
            "seconds, or nil at the end",
            gap, state->now));
    int has_moved = state->now + gap >= state->since + 1e-9;
    if (has_moved)
        state->since = state->now + gap;
    state->at_once = has_moved ? 0 : state->at_once + 1;
    if (state->at_once >= MOST_AT_ONCE)
        return mt_failed(mt_fail(
            error, MT_ERROR_VALUE,
            "arrivals: the function returned a gap of 0 (or too small to move the time) %d times "
            "in a row at t = %.9g s: such a load would never end",
            MOST_AT_ONCE, state->now));
    state->now += gap;
    double time = state->now / base->context.factor;
    if (!(time < base->context.end))
        return 0;
    mt_event_plain(event, time, state->k++);
    return 1;
}

static void custom_close(mt_process_state *base) {
    custom_state *state = (custom_state *)base;
    if (state->is_made)
        ((const custom_process *)base->process)->source.close(state->state);
}

/* Nothing is known of it before it runs. */
static mt_code custom_expect(mt_process *process, const mt_process_context *context,
                             mt_process_expectation *expectation, mt_error *error) {
    (void)process;
    (void)context;
    (void)error;
    expectation->requests = NAN;
    return MT_OK;
}

static void custom_text(const mt_process *process, char *buffer, size_t size) {
    (void)process;
    snprintf(buffer, size, "arrivals(function)");
}

static void custom_release(mt_process *process) {
    const mt_gap_source *source = &((const custom_process *)process)->source;
    source->release(source->context);
}

static const mt_process_kind custom_kind = {.name = "arrivals",
                                            .state_size = sizeof(custom_state),
                                            .open = custom_open,
                                            .next = custom_next,
                                            .close = custom_close,
                                            .expect = custom_expect,
                                            .text = custom_text,
                                            .release = custom_release};

mt_process *mt_process_custom(const mt_gap_source *source, mt_error *error) {
    mt_process *process = mt_process_new(&custom_kind, sizeof(custom_process), NULL, error);
    if (process) {
        ((custom_process *)process)->source = *source;
        source->retain(source->context);
    }
    return process;
}
