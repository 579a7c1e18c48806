/* What sessions bring on average: requests, turns, and when they come. */
#include "base/interrupt.h"
#include "load/process/sessions_state.h"

#include <math.h>
#include <string.h>

/* Turns that follow time are read in so many slices of the starts' time; each goes as far as this share of
 * sessions has turns, for a long tail would be walked once a slice. */
enum { SLICES = 64 };
static const double tail = 1e-12, tail_of_slice = 1e-6;

/* Adds what sessions of number `weight` that begin at `time` bring: requests, those of their first
 * level, and the sum of these requests' turns, counted from 0: sum k P(turns > k). */
static void add_sessions(const mt_sessions_process *process, uint64_t seed, double time,
                         double weight, double least, double *requests, double *turns,
                         double *sum) {
    const mt_distribution *drawn = process->shape.turns;
    *requests += weight * mt_branch_requests(&process->shape, process->branches,
                                             process->branch_count, seed, time);
    *turns += weight * mt_distribution_mean_rounded(drawn, seed, time, 1, (double)MT_MOST_TURNS);
    for (uint64_t k = 1; k < MT_MOST_TURNS; k++) {
        double more = mt_session_share_with_turn(drawn, k, seed, time);
        if (!(more > least))
            break;
        *sum += weight * (double)k * more;
    }
}

mt_code mt_sessions_expect(mt_process *base, const mt_process_context *context,
                           mt_process_expectation *expectation, mt_error *error) {
    const mt_sessions_process *process = (const mt_sessions_process *)base;
    mt_code code = mt_process_expect(process->starts, context, expectation, error);
    if (code != MT_OK)
        return code;
    double sessions = expectation->requests, requests = 0, turns = 0, sum = 0, weight = 0;
    double end = fmin(context->end, mt_process_duration(process->starts, context->factor));
    double starts[SLICES];
    mt_process_bins bins = {starts, SLICES, end};
    if (mt_process_follows_time(base) && isfinite(end) && sessions > 0) {
        code = mt_process_expect_bins(process->starts, context, 0, &bins, error);
        for (int i = 0; code == MT_OK && i < SLICES; i++)
            if (starts[i] > 0 && (code = mt_poll_interrupt(error)) == MT_OK) {
                add_sessions(process, context->seed, end * (i + 0.5) / SLICES, starts[i],
                             tail_of_slice, &requests, &turns, &sum);
                weight += starts[i];
            }
    }
    if (code == MT_OK && !(weight > 0)) {
        weight = 1;
        add_sessions(process, context->seed, 0, 1, tail, &requests, &turns, &sum);
    }
    expectation->sessions = sessions;
    expectation->requests = sessions * (requests / weight);
    expectation->mean_turns = turns / weight;
    expectation->mean_turn = sum / turns;
    return code;
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

mt_code mt_sessions_expect_bins(mt_process *base, const mt_process_context *context,
                                double answer_tokens, const mt_process_bins *bins,
                                mt_error *error) {
    const mt_sessions_process *process = (const mt_sessions_process *)base;
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
    for (uint64_t k = 0; code == MT_OK && k < MT_MOST_TURNS; k++) {
        double share = mt_session_share_with_turn(shape->turns, k, context->seed, 0);
        double offset = k > 0 ? (double)k * step : 0;
        if (!(share > 1e-6) || !(offset < (double)bins->count))
            break;
        add_shifted(bins, starts.requests, offset, share);
    }
    mt_free(starts.requests);
    return code;
}
