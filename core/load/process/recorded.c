/* Times that are given: a trace's own. */
#include "load/process/process.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct recorded_process {
    mt_process base;
    double *times; /* since the origin */
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
    if (process->period > 0 && end > process->times[0]) {
        laps = floor((end - process->times[0]) / process->period);
        end -= laps * process->period;
    }
    expectation->requests = laps * (double)process->count + (double)count_before(process, end);
    return MT_OK;
}

/* Just after the last recorded time, so that this one lies before the end. */
static double recorded_duration(const mt_process *base, double factor) {
    const recorded_process *process = (const recorded_process *)base;
    if (process->period > 0)
        return INFINITY;
    return nextafter(time_of(process, process->count - 1, factor), INFINITY);
}

static void recorded_text(const mt_process *base, char *buffer, size_t size) {
    const recorded_process *process = (const recorded_process *)base;
    char begin[40] = "";
    if (process->times[0] > 0)
        snprintf(begin, sizeof begin, " from %.9g s on", process->times[0]);
    snprintf(buffer, size, "times_of(%zu requests in %.9g s%s, {speed=%.9g%s})", process->count,
             process->times[process->count - 1] - process->times[0], begin, process->speed,
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

static int check_times(const double *times, size_t count, double origin, double speed, int wrap,
                       mt_error *error) {
    if (count == 0)
        return mt_fail(error, MT_ERROR_VALUE, "times_of: the trace has no requests");
    if (!(speed > 0) || !isfinite(speed))
        return mt_fail(error, MT_ERROR_VALUE, "times_of: speed must be above 0, not %g", speed);
    if (times[0] < origin)
        return mt_fail(error, MT_ERROR_VALUE,
                       "times_of: the trace begins %.9g s before 0: from_zero moves its times",
                       origin - times[0]);
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

mt_process *mt_process_recorded(const double *times, size_t count, double origin, double speed,
                                int wrap, mt_error *error) {
    if (check_times(times, count, origin, speed, wrap, error) != MT_OK)
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
        process->times[i] = times[i] - origin;
    process->count = count;
    process->speed = speed;
    if (wrap)
        process->period = (times[count - 1] - times[0]) * (double)count / (double)(count - 1);
    return base;
}
