/* What a plan delivers on average. */
#include "load/plan.h"

#include "base/memory.h"

#include <math.h>

/* Means that change over time are computed in so many slices, weighted by the requests of each. */
enum { SLICES = 1024, SLICES_OF_DISTRIBUTIONS = 64, SLICES_ROUGHLY = 4 };

/* What a stream's classes are on average; lists have an entry a class. */
typedef struct class_means {
    double *shared; /* tokens before the new input */
    double *shares; /* of the requests, at one time */
    double *over_time;
    size_t count;
    int slices; /* of time, when they change over it */
} class_means;

/* 0, or -1 when out of memory. */
static int open_means(const mt_stream *stream, class_means *means) {
    means->count = mt_lengths_class_count(stream->lengths);
    means->shared = mt_allocate_zero(3 * means->count, sizeof *means->shared);
    if (!means->shared)
        return -1;
    means->shares = means->shared + means->count;
    means->over_time = means->shares + means->count;
    for (size_t i = 0; i < means->count; i++)
        means->shared[i] = mt_prompt_shared_mean(mt_stream_prompt(stream, i));
    return 0;
}

/* Adds what requests of number `weight` are at `time`. */
static mt_code add_slice(const mt_lengths *lengths, uint64_t seed, double time, double weight,
                         class_means *means, mt_lengths_mean *sum, mt_error *error) {
    mt_lengths_mean mean;
    mt_code code =
        mt_lengths_mean_at(lengths, seed, time, means->shared, means->shares, &mean, error);
    if (code != MT_OK)
        return code;
    sum->input += weight * mean.input;
    sum->output += weight * mean.output_share * mean.output;
    sum->output_share += weight * mean.output_share;
    sum->inside += weight * mean.inside;
    for (size_t i = 0; i < means->count; i++)
        means->over_time[i] += weight * means->shares[i];
    return MT_OK;
}

/* Adds the slices of [0, end) by the requests that the curve brings in them. */
static mt_code add_slices(const mt_stream *stream, const mt_process_context *context,
                          class_means *means, mt_lengths_mean *sum, double *total,
                          mt_error *error) {
    mt_curve *curve = mt_process_curve(stream->process);
    double end = fmin(context->end, mt_process_duration(stream->process, context->factor));
    mt_clock *clock = curve ? mt_clock_open(curve, context->seed, 1, context->end, error) : NULL;
    if (curve && !clock)
        return mt_code_of(error);
    if (clock)
        mt_clock_leap(clock);
    double before = 0, area = 0;
    mt_code code = MT_OK;
    for (int i = 0; code == MT_OK && i < means->slices; i++) {
        if (clock)
            code = mt_clock_area(clock, end * (i + 1) / means->slices, &area, error);
        else
            area = i + 1; /* its rate is not known: taken as constant */
        double weight = area - before;
        if (code != MT_OK || !(weight > 0))
            continue;
        code = add_slice(stream->lengths, context->seed,
                         stream->pace * end * (i + 0.5) / means->slices, weight, means, sum, error);
        *total += weight;
        before = area;
    }
    mt_clock_close(clock);
    return code;
}

static mt_code expect_lengths(const mt_stream *stream, const mt_process_context *context,
                              double requests, class_means *means, mt_lengths_mean *mean,
                              mt_error *error) {
    *mean = (mt_lengths_mean){0};
    double total = 0;
    double end = fmin(context->end, mt_process_duration(stream->process, context->factor));
    mt_code code = mt_lengths_check_end(stream->lengths, end * stream->pace, error);
    if (code != MT_OK)
        return code;
    if (mt_lengths_vary(stream->lengths) && requests != 0)
        code = add_slices(stream, context, means, mean, &total, error);
    if (code == MT_OK && !(total > 0)) {
        total = 1;
        code = add_slice(stream->lengths, context->seed, 0, 1, means, mean, error);
    }
    if (code != MT_OK)
        return code;
    mean->output = mean->output_share > 0 ? mean->output / mean->output_share : 0;
    mean->input /= total;
    mean->output_share /= total;
    mean->inside /= total;
    for (size_t i = 0; i < means->count; i++)
        means->over_time[i] /= total;
    return MT_OK;
}

/* Later turns carry what was said before. Let m be the mean turn of a request, counted from 0, and
 * p the share of first turns. With turns of N new tokens and answers of O (N1 and O1 in the first
 * turn): input = shared + N1 + (1 - p) (O1 + N) + (m - (1 - p)) (N + O). */
static mt_code expect_turns(const mt_stream *stream, const mt_process_expectation *arrivals,
                            uint64_t seed, const class_means *means, mt_lengths_mean *mean,
                            mt_error *error) {
    mt_lengths_mean first = *mean;
    double shared = mt_prompt_shared_mean(stream->prompt);
    double later_share = 1 - 1 / arrivals->mean_turns;
    double mean_shared = 0;
    for (size_t i = 0; i < means->count; i++)
        mean_shared += means->over_time[i] * means->shared[i];
    double later_new = mean->input - mean_shared, later_output = mean->output_share * mean->output;
    if (stream->first) {
        double share;
        mt_code code = mt_lengths_mean_at(stream->first, seed, 0, &shared, &share, &first, error);
        if (code != MT_OK)
            return code;
    }
    double first_output = first.output_share * first.output;
    double output_share = (1 - later_share) * first.output_share + later_share * mean->output_share;
    double output = (1 - later_share) * first_output + later_share * later_output;
    mean->input = first.input + later_share * (first_output + later_new) +
                  (arrivals->mean_turn - later_share) * (later_new + later_output);
    mean->output_share = output_share;
    mean->output = output_share > 0 ? output / output_share : 0;
    mean->inside = (1 - later_share) * first.inside;
    return MT_OK;
}

/* For a prompt source that decides lengths: its own means over the requests that there are, except for an output that the stream
 * gives. */
static void expect_decided(const mt_stream *stream, mt_lengths_mean *mean, double *requests) {
    mt_prompt_mean decided;
    if (!mt_prompt_decides_first(stream->prompt, *requests, &decided))
        return;
    mean->input = decided.input;
    mean->inside = 0;
    if (mean->output_share == 0) {
        mean->output = decided.output;
        mean->output_share = decided.output_share;
    }
    if (*requests > decided.most)
        *requests = decided.most;
}

/* Mean tokens of the shared part in requests of a class, and how many of them fill whole blocks.
 * Where `input=` gives the whole prompt, it can end inside the shared part; its last block is then
 * cut, by half a block on average. */
static void expect_shared(const mt_length_pair *pair, uint64_t seed, double shared, double block,
                          double *used, double *whole) {
    *used = shared;
    if (!pair->input || pair->input_is_new || !(shared > 0))
        return;
    double cut = mt_distribution_probability_below(pair->input, *whole, seed, 0) * (block - 1) / 2;
    *used = mt_distribution_mean_rounded(pair->input, seed, 0, 1, shared);
    if (*whole > 0)
        *whole = fmax(0, mt_distribution_mean_rounded(pair->input, seed, 0, 1, *whole) - cut);
}

static void expect_prompts(const mt_plan *plan, const mt_stream *stream, uint64_t seed,
                           const class_means *means, mt_expectation *expectation) {
    double block = (double)mt_plan_block_size(plan);
    /* Later turns of sessions add no keys to remember, only ids of their own. */
    double prompts = expectation->sessions > 0 ? expectation->sessions : expectation->requests;
    for (size_t i = 0; i < means->count; i++) {
        double share = means->over_time[i];
        double used, whole = mt_prompt_whole_shared_mean(mt_stream_prompt(stream, i),
                                                         mt_plan_block_size(plan));
        expect_shared(mt_lengths_class(stream->lengths, i), seed, means->shared[i], block, &used,
                      &whole);
        expectation->shared_mean += share * used;
        expectation->whole_shared_mean += share * whole;
        expectation->remembered +=
            mt_prompt_remembered(mt_stream_prompt(stream, i), share * prompts,
                                 expectation->input_mean, mt_plan_block_size(plan));
    }
}

static mt_code expect_stream(const mt_plan *plan, size_t index, uint64_t seed, double duration,
                             double factor, int slices, mt_expectation *expectation,
                             mt_error *error) {
    const mt_stream *stream = mt_plan_stream(plan, index);
    mt_process_context context = {.seed = seed,
                                  .name = stream->name,
                                  .factor = factor * stream->factor,
                                  .end = fmin(duration, stream->end)};
    mt_process_expectation arrivals;
    mt_lengths_mean mean;
    class_means means = {.slices = slices};
    *expectation = (mt_expectation){.clamped_at = -1};
    mt_code code = mt_process_expect(stream->process, &context, &arrivals, error);
    if (code != MT_OK)
        return code;
    if (open_means(stream, &means) != 0)
        return mt_fail_memory(error, "plan");
    code = expect_lengths(stream, &context, arrivals.requests, &means, &mean, error);
    if (code == MT_OK && mt_process_has_sessions(stream->process))
        code = expect_turns(stream, &arrivals, seed, &means, &mean, error);
    if (code == MT_OK) {
        expect_decided(stream, &mean, &arrivals.requests);
        expectation->requests = arrivals.requests;
        expectation->sessions = arrivals.sessions;
        expectation->clamped_at = arrivals.clamped_at;
        expectation->input_mean = mean.input;
        expectation->output_mean = mean.output;
        expectation->output_share = mean.output_share;
        expectation->inside = mean.inside;
        expect_prompts(plan, stream, seed, &means, expectation);
    }
    mt_free(means.shared);
    return code;
}

mt_code mt_plan_expect(const mt_plan *plan, size_t index, uint64_t seed, double duration,
                       double factor, mt_expectation *expectation, mt_error *error) {
    const mt_lengths *lengths = mt_plan_stream(plan, index)->lengths;
    int slices = mt_lengths_vary(lengths) == 2 ? SLICES_OF_DISTRIBUTIONS : SLICES;
    return expect_stream(plan, index, seed, duration, factor, slices, expectation, error);
}

/* Are there keys to remember at all? Most plans have only unique prompts. */
static int remembers(const mt_stream *stream) {
    for (size_t i = 0; i < mt_lengths_class_count(stream->lengths); i++)
        if (mt_prompt_remembered(mt_stream_prompt(stream, i), 1, 1e15, 1) > 0)
            return 1;
    return mt_prompt_remembered(stream->prompt, 1, 1e15, 1) > 0;
}

double mt_plan_remembered(const mt_plan *plan, uint64_t seed, double duration, double factor,
                          uint64_t most) {
    double keys = 0;
    for (size_t i = 0; i < mt_plan_stream_count(plan); i++) {
        mt_expectation expectation;
        if (remembers(mt_plan_stream(plan, i)) &&
            expect_stream(plan, i, seed, duration, factor, SLICES_ROUGHLY, &expectation, NULL) ==
                MT_OK &&
            expectation.requests > 0)
            keys += expectation.remembered * fmin(1, (double)most / expectation.requests);
    }
    return keys;
}
