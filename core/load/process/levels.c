/* mmpp: Poisson arrivals whose rate is the curve times a level that jumps at random. */
#include "load/process/process.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { POLL_LEVELS = 4096 };

typedef struct level {
    double value; /* scaled: mean 1 over time */
    double dwell; /* seconds, mean */
} level;

typedef struct levels_process {
    mt_process base;
    level *levels;
    size_t count;
} levels_process;

typedef struct levels_state {
    mt_process_state base;
    mt_clock *ahead; /* a second clock, at the end of the level in hand */
    mt_random gaps, dwells;
    size_t level;
    uint64_t visits; /* levels begun */
    double until;    /* seconds: when the level ends */
    double area;     /* of the curve, at the last request or the level's start */
    double until_area;
    uint64_t k;
} levels_state;

/* Puts the level's end one dwelling later. */
static mt_code dwell(levels_state *state, mt_error *error) {
    const levels_process *process = (const levels_process *)state->base.process;
    mt_random_seek(&state->dwells, 1 + state->visits++);
    state->until += mt_draw_exponential(&state->dwells) * process->levels[state->level].dwell;
    return mt_clock_area(state->ahead, state->until, &state->until_area, error);
}

/* A stationary start: a level is chosen by its share of time. What is left of its dwelling time is
 * exponential again. */
static mt_code levels_open(mt_process_state *base, mt_error *error) {
    levels_state *state = (levels_state *)base;
    const levels_process *process = (const levels_process *)base->process;
    state->gaps = mt_process_random(&base->context, "gaps");
    state->dwells = mt_process_random(&base->context, "levels");
    state->ahead = mt_clock_open(base->process->curve, base->context.seed, base->context.factor,
                                 base->context.end, error);
    if (!state->ahead)
        return mt_code_of(error);
    double total = 0;
    for (size_t i = 0; i < process->count; i++)
        total += process->levels[i].dwell;
    double left = mt_random_uniform(&state->dwells) * total;
    while (state->level + 1 < process->count && left >= process->levels[state->level].dwell)
        left -= process->levels[state->level++].dwell;
    return dwell(state, error);
}

static int levels_next(mt_process_state *base, mt_event *event, mt_error *error) {
    levels_state *state = (levels_state *)base;
    const levels_process *process = (const levels_process *)base->process;
    mt_random_seek(&state->gaps, state->k);
    double gap = mt_draw_exponential(&state->gaps);
    for (;;) {
        double value = process->levels[state->level].value;
        double room = value * (state->until_area - state->area);
        if (gap < room) {
            double time;
            state->area += gap / value;
            if (mt_clock_time(base->clock, state->area, &time, error) != MT_OK)
                return -1;
            if (!(time < base->context.end))
                return 0;
            mt_event_plain(event, time, state->k++);
            return 1;
        }
        if (state->until >= base->context.end)
            return 0;
        if (state->visits % POLL_LEVELS == 0 && mt_interrupted())
            return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
        gap -= room;
        state->area = state->until_area;
        state->level = (state->level + 1) % process->count;
        if (dwell(state, error) != MT_OK)
            return -1;
    }
}

static void levels_close(mt_process_state *base) {
    mt_clock_close(((levels_state *)base)->ahead);
}

static void levels_text(const mt_process *base, char *buffer, size_t size) {
    const levels_process *process = (const levels_process *)base;
    char curve[256], list[224], left[48] = "";
    size_t used = 0, i = 0;
    for (; i < process->count && used + 48 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%sx%.4g for %.4g s",
                                 i ? ", " : "", process->levels[i].value, process->levels[i].dwell);
    if (i < process->count)
        snprintf(left, sizeof left, ", and %zu more levels", process->count - i);
    snprintf(buffer, size, "mmpp(%s, {%s%s})", mt_curve_text(base->curve, curve, sizeof curve),
             list, left);
}

static void levels_release(mt_process *process) {
    mt_free(((levels_process *)process)->levels);
}

static const mt_process_kind levels_kind = {.name = "mmpp",
                                            .state_size = sizeof(levels_state),
                                            .open = levels_open,
                                            .next = levels_next,
                                            .close = levels_close,
                                            .text = levels_text,
                                            .release = levels_release};

mt_process *mt_process_mmpp(mt_curve *curve, const double *levels, const double *dwells,
                            size_t count, mt_error *error) {
    double time = 0, mean = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(levels[i] >= 0 && dwells[i] > 0) || levels[i] > 1e300 || dwells[i] > 1e300)
            return mt_null(mt_fail(
                error, MT_ERROR_VALUE,
                "mmpp: levels must be at least 0 and dwelling times above 0 (level %zu is %g "
                "for %g s)",
                i + 1, levels[i], dwells[i]));
        time += dwells[i];
        mean += levels[i] * dwells[i];
    }
    if (count == 0 || !(mean > 0))
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "mmpp: at least one level must be above 0"));
    mt_process *base = mt_process_new(&levels_kind, sizeof(levels_process), curve, error);
    if (!base)
        return NULL;
    levels_process *process = (levels_process *)base;
    process->levels = mt_allocate(count, sizeof *process->levels);
    if (!process->levels) {
        mt_process_release(base);
        mt_fail_memory(error, "levels");
        return NULL;
    }
    process->count = count;
    for (size_t i = 0; i < count; i++)
        process->levels[i] = (level){levels[i] * time / mean, dwells[i]};
    return base;
}
