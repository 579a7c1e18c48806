/* Processes that are a change of clock: even, poisson, renewal. Request k comes when the curve's
 * area reaches s_k; they differ in how s_k grows. */
#include "load/process/process.h"

#include "base/memory.h"
#include "random/ahead.h"

#include <math.h>
#include <stdio.h>

typedef struct clock_state {
    mt_process_state base;
    mt_random_key gaps;
    mt_random_ahead *ahead;
    mt_growing_sum area; /* s_k */
    uint64_t k;
    double scale; /* renewal: 1 / mean gap; 0 when it must be read at each time */
    double now;
    double total; /* even: the whole area, once it is needed; before that 0 */
} clock_state;

/* The event at area s_k. */
static int arrive(clock_state *state, mt_event *event, mt_error *error) {
    double time;
    if (mt_clock_time(state->base.clock, state->area.sum, &time, error) != MT_OK)
        return -1;
    if (!(time < state->base.context.end))
        return 0;
    state->now = time;
    mt_event_plain(event, time, state->k++);
    return 1;
}

/* ---- even ---- */

typedef struct even_process {
    mt_process base;
    double phase;
} even_process;

/* Is s_k the whole area but for rounding? Then it is the end, at which no request comes. Only the
 * last piece of the time is looked at: the area needs a clock of its own. Returns 0 or 1, -1 on
 * failure. */
static int is_at_end(clock_state *state, double time, mt_error *error) {
    static const double last_piece = 1e-3, rounding = 1e-12, least = 1e-9;
    const mt_process_context *context = &state->base.context;
    mt_curve *curve = state->base.process->curve;
    double end = fmin(context->end, mt_curve_duration(curve));
    if (!isfinite(end) || time < end * (1 - last_piece))
        return 0;
    if (state->total == 0) {
        mt_clock *clock = mt_clock_open(curve, context->seed, context->factor, end, error);
        mt_code code = clock ? mt_clock_area(clock, end, &state->total, error) : MT_ERROR_MEMORY;
        mt_clock_close(clock);
        if (code != MT_OK)
            return -1;
    }
    return state->total - state->area.sum < rounding * state->total + least;
}

/* s_k = phase + k is computed, not summed up: no rounding error grows with k. */
static int even_next(mt_process_state *base, mt_event *event, mt_error *error) {
    clock_state *state = (clock_state *)base;
    const even_process *process = (const even_process *)base->process;
    state->area.sum = process->phase + (double)state->k;
    int status = arrive(state, event, error);
    int at_end = status > 0 ? is_at_end(state, event->time, error) : 0;
    return at_end < 0 ? -1 : at_end ? 0 : status;
}

static void even_text(const mt_process *process, char *buffer, size_t size) {
    char curve[400];
    double phase = ((const even_process *)process)->phase;
    mt_curve_text(process->curve, curve, sizeof curve);
    if (phase > 0)
        snprintf(buffer, size, "even(%s, {phase=%.9g})", curve, phase);
    else
        snprintf(buffer, size, "even(%s)", curve);
}

static const mt_process_kind even_kind = {
    .name = "even", .state_size = sizeof(clock_state), .next = even_next, .text = even_text};

mt_process *mt_process_even(mt_curve *curve, double phase, mt_error *error) {
    if (!(phase >= 0 && phase < 1))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "even: phase must be at least 0 and below 1, not %g", phase));
    mt_process *process = mt_process_new(&even_kind, sizeof(even_process), curve, error);
    if (process)
        ((even_process *)process)->phase = phase;
    return process;
}

/* ---- poisson ---- */

static mt_code gaps_open(mt_process_state *base, mt_error *error) {
    (void)error;
    clock_state *state = (clock_state *)base;
    state->gaps = mt_process_random(&base->context, "gaps").key;
    return MT_OK;
}

/* The random numbers of the next gap. */
static void next_gap(clock_state *state, mt_random *random) {
    random->key = state->gaps;
    mt_random_seek_ahead(random, &state->ahead, state->k);
}

static void gaps_close(mt_process_state *base) {
    mt_free(((clock_state *)base)->ahead);
}

static int poisson_next(mt_process_state *base, mt_event *event, mt_error *error) {
    clock_state *state = (clock_state *)base;
    mt_random random;
    next_gap(state, &random);
    mt_growing_add(&state->area, mt_draw_exponential(&random));
    return arrive(state, event, error);
}

static void poisson_text(const mt_process *process, char *buffer, size_t size) {
    char curve[400];
    snprintf(buffer, size, "poisson(%s)", mt_curve_text(process->curve, curve, sizeof curve));
}

static const mt_process_kind poisson_kind = {.name = "poisson",
                                             .state_size = sizeof(clock_state),
                                             .open = gaps_open,
                                             .next = poisson_next,
                                             .close = gaps_close,
                                             .text = poisson_text};

mt_process *mt_process_poisson(mt_curve *curve, mt_error *error) {
    return mt_process_new(&poisson_kind, sizeof(mt_process), curve, error);
}

/* ---- renewal ---- */

typedef struct renewal_process {
    mt_process base;
    mt_distribution *gaps;
} renewal_process;

static mt_code renewal_open(mt_process_state *base, mt_error *error) {
    clock_state *state = (clock_state *)base;
    const renewal_process *process = (const renewal_process *)base->process;
    gaps_open(base, error);
    if (!mt_distribution_varies(process->gaps))
        state->scale = 1 / mt_distribution_mean(process->gaps, base->context.seed, 0);
    return MT_OK;
}

static int renewal_next(mt_process_state *base, mt_event *event, mt_error *error) {
    clock_state *state = (clock_state *)base;
    mt_distribution *gaps = ((const renewal_process *)base->process)->gaps;
    double scale = state->scale;
    if (scale == 0)
        scale = 1 / mt_distribution_mean(gaps, base->context.seed, state->now);
    mt_random random;
    next_gap(state, &random);
    double gap;
    if (state->k == 0) {
        gap = mt_distribution_draw_length_biased(gaps, &random);
        gap *= mt_random_positive(&random);
    } else {
        gap = mt_distribution_draw(gaps, &random, state->now);
    }
    if (!(gap >= 0) || !isfinite(gap * scale))
        return mt_failed(mt_fail(error, MT_ERROR_VALUE,
                                 "renewal: a gap of %g came out; gaps must be positive", gap));
    mt_growing_add(&state->area, gap * scale);
    return arrive(state, event, error);
}

static void renewal_text(const mt_process *process, char *buffer, size_t size) {
    char curve[300], gaps[200];
    mt_distribution_text(((const renewal_process *)process)->gaps, gaps, sizeof gaps);
    snprintf(buffer, size, "renewal(%s, %s)", mt_curve_text(process->curve, curve, sizeof curve),
             gaps);
}

static void renewal_release(mt_process *process) {
    mt_distribution_release(((renewal_process *)process)->gaps);
}

static const mt_process_kind renewal_kind = {.name = "renewal",
                                             .state_size = sizeof(clock_state),
                                             .open = renewal_open,
                                             .next = renewal_next,
                                             .close = gaps_close,
                                             .text = renewal_text,
                                             .release = renewal_release};

mt_process *mt_process_renewal(mt_curve *curve, mt_distribution *gaps, mt_error *error) {
    char text[200];
    mt_distribution_text(gaps, text, sizeof text);
    double mean = mt_distribution_mean(gaps, 0, 0);
    if (!(mt_distribution_lowest(gaps) >= 0) || !(mean > 0) || !isfinite(mean))
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE,
                    "renewal: gaps must be positive with a finite mean; %s has lowest value %g and "
                    "mean %g",
                    text, mt_distribution_lowest(gaps), mean));
    mt_process *process = mt_process_new(&renewal_kind, sizeof(renewal_process), curve, error);
    if (process)
        ((renewal_process *)process)->gaps = mt_distribution_retain(gaps);
    return process;
}
