/* poisson_counts: a Poisson count an interval, evenly spread in it. */
#include "load/process/process.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>

enum { POLL_INTERVALS = 4096 };

typedef struct counts_process {
    mt_process base;
    double interval;
} counts_process;

typedef struct counts_state {
    mt_process_state base;
    mt_random random;
    uint64_t interval;     /* index of the one in hand, plus 1 */
    uint64_t count, given; /* requests in the interval, and how many of them were yielded */
    double begin, width;
    double end;
    uint64_t k;
} counts_state;

static const double most_in_interval = 1e9; /* mt_draw_poisson is exact up to this mean */

static mt_code counts_open(mt_process_state *base, mt_error *error) {
    (void)error;
    counts_state *state = (counts_state *)base;
    state->random = mt_process_random(&base->context, "counts");
    state->end = fmin(base->context.end, mt_curve_duration(base->process->curve));
    return MT_OK;
}

/* Interval `index`: its start and width; 0 when it begins at or after the end. */
static int interval_at(const counts_process *process, uint64_t index, double end, double *begin,
                       double *width) {
    *begin = (double)index * process->interval;
    *width = fmin((double)(index + 1) * process->interval, end) - *begin;
    return *begin < end;
}

static int counts_next(mt_process_state *base, mt_event *event, mt_error *error) {
    counts_state *state = (counts_state *)base;
    const counts_process *process = (const counts_process *)base->process;
    while (state->given == state->count) {
        double rate;
        if (state->interval % POLL_INTERVALS == 0 && mt_interrupted())
            return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
        if (!interval_at(process, state->interval, state->end, &state->begin, &state->width))
            return 0;
        if (mt_clock_rate(base->clock, state->begin, &rate, error) != MT_OK)
            return -1;
        if (rate * state->width > most_in_interval)
            return mt_failed(
                mt_fail(error, MT_ERROR_VALUE,
                        "poisson_counts: %.9g requests in the interval at t = %.9g s; at most %g",
                        rate * state->width, state->begin, most_in_interval));
        mt_random_seek(&state->random, state->interval++);
        state->count = mt_draw_poisson(&state->random, rate * state->width);
        state->given = 0;
    }
    double offset = state->width * (double)state->given++ / (double)state->count;
    mt_event_plain(event, state->begin + offset, state->k++);
    return 1;
}

/* Adds `requests`, evenly spread over [begin, begin + width), to the bins. */
static void add_spread(const mt_process_bins *bins, double begin, double width, double requests) {
    double bin = bins->horizon / (double)bins->count;
    double end = fmin(begin + width, bins->horizon);
    for (size_t i = (size_t)(begin / bin); i < bins->count && (double)i * bin < end; i++) {
        double overlap = fmin(end, (double)(i + 1) * bin) - fmax(begin, (double)i * bin);
        bins->requests[i] += requests * fmax(0, overlap) / width;
    }
}

/* The rates at the intervals' starts, which repeat themselves where the curve does. */
typedef struct interval_rates {
    mt_clock *clock;
    double *repeated; /* from interval `settled` on, so many: NULL where they do not repeat */
    uint64_t settled, count;
} interval_rates;

/* Are all multiples of it that are times of a run exact? */
static int is_exact(double seconds) {
    static const double finest = 1 << 20; /* parts of a second */
    return seconds > 0 && seconds < 1e9 && seconds * finest == round(seconds * finest);
}

/* Intervals after which a curve of this period is where it was, 0: more than can be kept, or never. */
static uint64_t common_count(double interval, double period) {
    enum { MOST_KEPT = 1 << 14 };
    if (!is_exact(interval) || !is_exact(period))
        return 0;
    for (uint64_t n = 1; n <= MOST_KEPT; n++)
        if (fmod((double)n * interval, period) == 0)
            return n;
    return 0;
}

static mt_code open_rates(interval_rates *rates, const counts_process *process,
                          const mt_process_context *context, double end, mt_error *error) {
    mt_curve *curve = process->base.curve;
    double settled, period = mt_curve_period(curve, &settled);
    *rates =
        (interval_rates){.clock = mt_clock_open(curve, context->seed, context->factor, end, error)};
    if (!rates->clock)
        return mt_code_of(error);
    if (!mt_curve_is_noisy(curve) && settled < end)
        rates->count = common_count(process->interval, period);
    if (rates->count == 0)
        return MT_OK;
    rates->settled = (uint64_t)ceil(settled / process->interval);
    rates->repeated = mt_allocate(rates->count, sizeof *rates->repeated);
    return rates->repeated ? MT_OK : mt_fail_memory(error, "rates");
}

/* At interval i, which begins at `begin`; one after the other is asked for. One more than repeat themselves is
 * walked to, so that a rate below 0 is met. */
static mt_code rate_at(interval_rates *rates, uint64_t i, double begin, double *rate,
                       mt_error *error) {
    int is_kept = rates->count > 0 && i >= rates->settled;
    uint64_t since = is_kept ? i - rates->settled : 0;
    if (is_kept && since > rates->count) {
        *rate = rates->repeated[since % rates->count];
        return MT_OK;
    }
    mt_code code = mt_clock_rate(rates->clock, begin, rate, error);
    if (code == MT_OK && is_kept && since < rates->count)
        rates->repeated[since] = *rate;
    return code;
}

static void close_rates(interval_rates *rates) {
    mt_clock_close(rates->clock);
    mt_free(rates->repeated);
}

/* One pass over the intervals, which adds what they bring to `expectation` and to the bins; either may be NULL. */
static mt_code expect_intervals(mt_process *base, const mt_process_context *context,
                                mt_process_expectation *expectation, const mt_process_bins *bins,
                                mt_error *error) {
    const counts_process *process = (const counts_process *)base;
    double end = fmin(context->end, mt_curve_duration(base->curve));
    interval_rates rates;
    mt_code code = open_rates(&rates, process, context, end, error);
    double begin, width, rate;
    for (uint64_t i = 0; code == MT_OK && interval_at(process, i, end, &begin, &width); i++) {
        code = rate_at(&rates, i, begin, &rate, error);
        if (code == MT_OK && i % POLL_INTERVALS == POLL_INTERVALS - 1)
            code = mt_poll_interrupt(error);
        if (code == MT_OK && expectation)
            expectation->requests += rate * width;
        if (code == MT_OK && bins)
            add_spread(bins, begin, width, rate * width);
    }
    if (code == MT_OK && expectation)
        expectation->clamped_at = mt_clock_clamped_at(rates.clock);
    close_rates(&rates);
    return code;
}

static mt_code counts_expect(mt_process *base, const mt_process_context *context,
                             mt_process_expectation *expectation, mt_error *error) {
    return expect_intervals(base, context, expectation, NULL, error);
}

static mt_code counts_expect_bins(mt_process *base, const mt_process_context *context,
                                  double answer_tokens, const mt_process_bins *bins,
                                  mt_error *error) {
    (void)answer_tokens;
    for (size_t i = 0; i < bins->count; i++)
        bins->requests[i] = 0;
    return expect_intervals(base, context, NULL, bins, error);
}

static void counts_text(const mt_process *process, char *buffer, size_t size) {
    char curve[400];
    snprintf(buffer, size, "poisson_counts(%s, %.9g)",
             mt_curve_text(process->curve, curve, sizeof curve),
             ((const counts_process *)process)->interval);
}

static const mt_process_kind counts_kind = {.name = "poisson_counts",
                                            .state_size = sizeof(counts_state),
                                            .open = counts_open,
                                            .next = counts_next,
                                            .expect = counts_expect,
                                            .expect_bins = counts_expect_bins,
                                            .text = counts_text};

mt_process *mt_process_poisson_counts(mt_curve *curve, double interval, mt_error *error) {
    if (!(interval > 0) || !isfinite(interval))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "poisson_counts: interval must be above 0 seconds, not %g",
                               interval));
    mt_process *process = mt_process_new(&counts_kind, sizeof(counts_process), curve, error);
    if (process)
        ((counts_process *)process)->interval = interval;
    return process;
}
