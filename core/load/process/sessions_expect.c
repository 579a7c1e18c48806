/* What sessions bring on average: requests, turns, and when they come. */
#include "load/process/sessions_state.h"

#include <string.h>

/* The share of sessions that have a turn k, counted from 0. */
static double share_with_turn(const mt_distribution *turns, uint64_t k, uint64_t seed) {
    if (k == 0)
        return 1;
    return 1 - mt_distribution_probability_below(turns, (double)k + 0.5, seed, 0);
}

/* Mean turn of a request, counted from 0: sum k P(turns > k) / sum P(turns > k). */
static double mean_turn(const mt_distribution *turns, uint64_t seed) {
    double requests = 1, sum = 0; /* the first turn always comes */
    for (uint64_t k = 1; k < MT_MOST_TURNS; k++) {
        double more = share_with_turn(turns, k, seed);
        if (!(more > 1e-12))
            break;
        requests += more;
        sum += (double)k * more;
    }
    return sum / requests;
}

mt_code mt_sessions_expect(mt_process *base, const mt_process_context *context,
                           mt_process_expectation *expectation, mt_error *error) {
    const mt_sessions_process *process = (const mt_sessions_process *)base;
    mt_code code = mt_process_expect(process->starts, context, expectation, error);
    if (code != MT_OK)
        return code;
    const mt_distribution *turns = process->shape.turns;
    expectation->sessions = expectation->requests;
    expectation->mean_turns =
        mt_distribution_mean_rounded(turns, context->seed, 0, 1, (double)MT_MOST_TURNS);
    expectation->requests *= mt_branch_requests(&process->shape, process->branches,
                                                process->branch_count, context->seed);
    expectation->mean_turn = mean_turn(turns, context->seed);
    return MT_OK;
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
        double share = share_with_turn(shape->turns, k, context->seed);
        double offset = k > 0 ? (double)k * step : 0;
        if (!(share > 1e-6) || !(offset < (double)bins->count))
            break;
        add_shifted(bins, starts.requests, offset, share);
    }
    mt_free(starts.requests);
    return code;
}
