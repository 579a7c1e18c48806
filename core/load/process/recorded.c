/* Times that are given: a trace's own, and the closed loop, which has none. */
#include "load/process/process.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- times of a trace ---- */

typedef struct recorded_process {
    mt_process base;
    double *times; /* the first is 0 */
    size_t count;
    double speed;
    double period; /* seconds from one lap to the next at speed 1; 0: one lap */
} recorded_process;

typedef struct recorded_state {
    mt_process_state base;
    uint64_t k;
} recorded_state;

static double time_of(const recorded_process *process, uint64_t k, double factor) {
    uint64_t lap = k / process->count;
    double time = process->times[k % process->count] + (double)lap * process->period;
    return time / (process->speed * factor);
}

static int recorded_next(mt_process_state *base, mt_event *event, mt_error *error) {
    (void)error;
    recorded_state *state = (recorded_state *)base;
    const recorded_process *process = (const recorded_process *)base->process;
    if (process->period == 0 && state->k >= process->count)
        return 0;
    double time = time_of(process, state->k, base->context.factor);
    if (!(time < base->context.end))
        return 0;
    mt_event_plain(event, time, state->k++);
    return 1;
}

/* How many recorded times lie before `time` of one lap at speed 1. */
static size_t count_before(const recorded_process *process, double time) {
    size_t low = 0, high = process->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (process->times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static mt_code recorded_expect(mt_process *base, const mt_process_context *context,
                               mt_process_expectation *expectation, mt_error *error) {
    (void)error;
    const recorded_process *process = (const recorded_process *)base;
    double end = context->end * process->speed * context->factor, laps = 0;
    if (process->period > 0) {
        laps = floor(end / process->period);
        end -= laps * process->period;
    }
    expectation->requests = laps * (double)process->count + (double)count_before(process, end);
    return MT_OK;
}

/* Just after the last recorded time, so that this one lies before the end. */
static double recorded_duration(const mt_process *base) {
    const recorded_process *process = (const recorded_process *)base;
    if (process->period > 0)
        return INFINITY;
    return nextafter(process->times[process->count - 1] / process->speed, INFINITY);
}

static void recorded_text(const mt_process *base, char *buffer, size_t size) {
    const recorded_process *process = (const recorded_process *)base;
    snprintf(buffer, size, "times_of(%zu requests in %.9g s, {speed=%.9g%s})", process->count,
             process->times[process->count - 1], process->speed,
             process->period > 0 ? ", wrap=true" : "");
}

static void recorded_release(mt_process *process) {
    mt_free(((recorded_process *)process)->times);
}

static const mt_process_kind recorded_kind = {.name = "times_of",
                                              .state_size = sizeof(recorded_state),
                                              .next = recorded_next,
                                              .expect = recorded_expect,
                                              .duration = recorded_duration,
                                              .text = recorded_text,
                                              .release = recorded_release};

static int check_times(const double *times, size_t count, double speed, int wrap, mt_error *error) {
    if (count == 0)
        return mt_fail(error, MT_ERROR_VALUE, "times_of: the trace has no requests");
    if (!(speed > 0) || !isfinite(speed))
        return mt_fail(error, MT_ERROR_VALUE, "times_of: speed must be above 0, not %g", speed);
    for (size_t i = 1; i < count; i++)
        if (!(times[i] >= times[i - 1]))
            return mt_fail(
                error, MT_ERROR_VALUE,
                "times_of: the times decrease at request %zu of the trace (%.9g s after %.9g s): "
                "moontide cat --sort puts them in order",
                i + 1, times[i], times[i - 1]);
    if (wrap && times[count - 1] == times[0])
        return mt_fail(error, MT_ERROR_VALUE,
                       "times_of: all requests come at one instant, wrap has no period");
    return MT_OK;
}

mt_process *mt_process_recorded(const double *times, size_t count, double speed, int wrap,
                                mt_error *error) {
    if (check_times(times, count, speed, wrap, error) != MT_OK)
        return NULL;
    mt_process *base = mt_process_new(&recorded_kind, sizeof(recorded_process), NULL, error);
    if (!base)
        return NULL;
    recorded_process *process = (recorded_process *)base;
    process->times = mt_allocate(count, sizeof *times);
    if (!process->times) {
        mt_process_release(base);
        mt_fail_memory(error, "times");
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        process->times[i] = times[i] - times[0];
    process->count = count;
    process->speed = speed;
    if (wrap)
        process->period = process->times[count - 1] * (double)count / (double)(count - 1);
    return base;
}

/* ---- the closed loop ---- */

typedef struct closed_process {
    mt_process base;
    uint64_t users;
    mt_distribution *think;
} closed_process;

static mt_code no_times(mt_error *error) {
    return mt_fail(
        error, MT_ERROR_VALUE,
        "closed: a closed loop sends when an answer has come: it has no times of its own "
        "and is for driving an endpoint");
}

static mt_code closed_open(mt_process_state *state, mt_error *error) {
    (void)state;
    return no_times(error);
}

static int closed_next(mt_process_state *state, mt_event *event, mt_error *error) {
    (void)state;
    (void)event;
    no_times(error);
    return -1;
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

static const mt_process_kind closed_kind = {.name = "closed",
                                            .state_size = sizeof(mt_process_state),
                                            .open = closed_open,
                                            .next = closed_next,
                                            .expect = closed_expect,
                                            .text = closed_text,
                                            .release = closed_release};

mt_process *mt_process_closed(uint64_t users, mt_distribution *think, mt_error *error) {
    if (users == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "closed: users must be at least 1"));
    if (!(mt_distribution_lowest(think) >= 0))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "closed: think must not be negative: min=0 keeps it there"));
    mt_process *process = mt_process_new(&closed_kind, sizeof(closed_process), NULL, error);
    if (process) {
        ((closed_process *)process)->users = users;
        ((closed_process *)process)->think = mt_distribution_retain(think);
    }
    return process;
}

uint64_t mt_process_closed_users(const mt_process *process) {
    return process->kind == &closed_kind ? ((const closed_process *)process)->users : 0;
}
