#include "load/process/process.h"

#include "base/assert.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

mt_process *mt_process_new(const mt_process_kind *kind, size_t size, mt_curve *curve,
                           mt_error *error) {
    mt_process *process = mt_new(size, "arrival process", error);
    if (!process)
        return NULL;
    process->kind = kind;
    process->references = 1;
    process->curve = curve ? mt_curve_retain(curve) : NULL;
    return process;
}

mt_process *mt_process_retain(mt_process *process) {
    process->references++;
    return process;
}

void mt_process_release(mt_process *process) {
    if (!process || --process->references > 0)
        return;
    if (process->kind->release)
        process->kind->release(process);
    mt_curve_release(process->curve);
    mt_free(process);
}

mt_curve *mt_process_curve(const mt_process *process) {
    return process->kind->curve ? process->kind->curve(process) : process->curve;
}

double mt_process_duration(const mt_process *process, double factor) {
    if (process->kind->duration)
        return process->kind->duration(process, factor);
    return process->curve ? mt_curve_duration(process->curve) : INFINITY;
}

const char *mt_process_name(const mt_process *process) {
    return process->kind->name;
}

int mt_process_has_sessions(const mt_process *process) {
    return process->kind->has_sessions;
}

int mt_process_is_closed(const mt_process *process) {
    return process->kind->is_closed && process->kind->is_closed(process);
}

int mt_process_wants_answers(const mt_process *process) {
    return process->kind->settle != NULL;
}

char *mt_process_text(const mt_process *process, char *buffer, size_t size) {
    process->kind->text(process, buffer, size);
    return buffer;
}

mt_random mt_process_random(const mt_process_context *context, const char *purpose) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(context->seed, context->name, strlen(context->name),
                                              purpose, strlen(purpose)));
    return random;
}

void mt_growing_add(mt_growing_sum *sum, double step) {
    double owed = step - sum->lost;
    if (owed < 0) { /* the sum is already ahead by more than this step */
        sum->lost = -owed;
        return;
    }
    double next = sum->sum + owed;
    sum->lost = (next - sum->sum) - owed;
    sum->sum = next;
}

void mt_event_plain(mt_event *event, double time, uint64_t k) {
    *event = (mt_event){.time = time, .item = k, .delay = NAN};
}

mt_process_state *mt_process_open(mt_process *process, const mt_process_context *context,
                                  mt_error *error) {
    mt_process_state *state = mt_new(process->kind->state_size, "arrival process", error);
    if (!state)
        return NULL;
    state->process = mt_process_retain(process);
    state->context = *context;
    if (process->curve) {
        state->clock =
            mt_clock_open(process->curve, context->seed, context->factor, context->end, error);
        if (!state->clock) {
            mt_process_close(state);
            return NULL;
        }
    }
    if (process->kind->open && process->kind->open(state, error) != MT_OK) {
        mt_process_close(state);
        return NULL;
    }
    return state;
}

int mt_process_next(mt_process_state *state, mt_event *event, mt_error *error) {
    int status = 1;
    if (state->has_ahead)
        *event = state->ahead;
    else
        status = state->process->kind->next(state, event, error);
    state->has_ahead = 0;
    if (status > 0) {
        mt_assert(state->context.live || event->time >= state->last_time);
        state->last_time = event->time;
    }
    return status;
}

int mt_process_soonest(mt_process_state *state, double *time, mt_error *error) {
    const mt_process_kind *kind = state->process->kind;
    if (kind->soonest)
        return kind->soonest(state, time, error);
    if (!state->has_ahead && !state->is_over) {
        int status = kind->next(state, &state->ahead, error);
        if (status < 0)
            return -1;
        state->has_ahead = status;
        state->is_over = !status;
    }
    *time = state->ahead.time;
    return state->has_ahead;
}

int mt_process_awaits(const mt_process_state *state, const mt_event *event) {
    const mt_process_kind *kind = state->process->kind;
    return kind->awaits ? kind->awaits(state, event) : kind->settle != NULL;
}

mt_code mt_process_settle(mt_process_state *state, const mt_event *event, const mt_answer *answer,
                          int *last, mt_error *error) {
    if (state->process->kind->settle)
        return state->process->kind->settle(state, event, answer, last, error);
    *last = 1;
    return MT_OK;
}

void mt_process_close(mt_process_state *state) {
    if (!state)
        return;
    if (state->process->kind->close)
        state->process->kind->close(state);
    mt_clock_close(state->clock);
    mt_process_release(state->process);
    mt_free(state);
}

/* The whole clamped area: what even, Poisson and renewal arrivals deliver on average. */
static mt_code expect_area(mt_process *process, const mt_process_context *context,
                           mt_process_expectation *expectation, mt_error *error) {
    mt_clock *clock =
        mt_clock_open(process->curve, context->seed, context->factor, context->end, error);
    if (!clock)
        return mt_code_of(error);
    mt_clock_leap(clock);
    mt_code code = mt_clock_area(clock, context->end, &expectation->requests, error);
    expectation->clamped_at = mt_clock_clamped_at(clock);
    mt_clock_close(clock);
    return code;
}

mt_code mt_process_expect(mt_process *process, const mt_process_context *context,
                          mt_process_expectation *expectation, mt_error *error) {
    *expectation = (mt_process_expectation){.mean_turns = 1, .clamped_at = -1};
    if (process->kind->expect)
        return process->kind->expect(process, context, expectation, error);
    return expect_area(process, context, expectation, error);
}

double mt_process_mean_over_noise(mt_process *process, const mt_process_context *context) {
    mt_process *starts = mt_process_starts(process);
    mt_curve *curve = starts->curve;
    if (!curve || starts->kind->expect || mt_curve_is_bent(curve))
        return NAN;
    double end = fmin(context->end, mt_curve_duration(curve));
    return context->factor * mt_curve_mean_area(curve, 0, end);
}

/* A kind with `expect` is asked up to the end of every bin. For the others the curve gives the
 * answer. */
static mt_code expect_until(mt_process *process, const mt_process_context *context, mt_clock *clock,
                            double end, double *requests, mt_error *error) {
    if (clock)
        return mt_clock_area(clock, end, requests, error);
    mt_process_context until = *context;
    mt_process_expectation expectation;
    until.end = end;
    mt_code code = mt_process_expect(process, &until, &expectation, error);
    *requests = expectation.requests;
    return code;
}

mt_code mt_process_expect_bins(mt_process *process, const mt_process_context *context,
                               double answer_tokens, const mt_process_bins *bins, mt_error *error) {
    if (process->kind->expect_bins)
        return process->kind->expect_bins(process, context, answer_tokens, bins, error);
    mt_clock *clock = NULL;
    if (!process->kind->expect) {
        clock = mt_clock_open(process->curve, context->seed, context->factor, context->end, error);
        if (!clock)
            return mt_code_of(error);
        mt_clock_leap(clock);
    }
    double before = 0;
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < bins->count; i++) {
        double requests, end = bins->horizon * (double)(i + 1) / (double)bins->count;
        code = expect_until(process, context, clock, fmin(end, context->end), &requests, error);
        bins->requests[i] = requests - before;
        before = requests;
    }
    mt_clock_close(clock);
    return code;
}
