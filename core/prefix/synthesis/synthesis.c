#include "prefix/synthesis/synthesis.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/reuse/reuse.h"
#include "stats/tally.h"
#include "trace/step/steps.h"

#include <math.h>

struct mt_synthesis {
    uint64_t block_size;
    mt_reuse *reuse; /* one of these two */
    mt_radix_sampler *sampler;
    mt_gaps *gaps; /* NULL: no times */
    double speedup;
    int compact;
    mt_synthetic made;
    char extra[128];
    uint64_t requests, blocks; /* made so far */
    int64_t last_time_ns;
    mt_tally input_lengths, contexts, unique_prompts, output_lengths;
};

static mt_code open_gaps(mt_synthesis *synthesis, const mt_synthesis_times *times, uint64_t seed,
                         mt_error *error) {
    const int64_t *gaps_ns = times->gaps_ns;
    int64_t *spread_ns = NULL;
    mt_error problem = {.code = MT_OK};
    if (times->dequantize) {
        if (!(spread_ns = mt_allocate(times->count, sizeof *spread_ns)))
            return mt_fail_memory(error, "gaps");
        mt_gaps_dequantize(gaps_ns, times->count, seed, spread_ns, &problem);
        gaps_ns = spread_ns;
    }
    if (problem.code == MT_OK)
        synthesis->gaps = mt_gaps_new(times->kind, gaps_ns, times->count, seed, &problem);
    mt_free(spread_ns);
    if (synthesis->gaps)
        return MT_OK;
    if (error)
        *error = problem;
    return problem.code;
}

static mt_code open_times(mt_synthesis *synthesis, const mt_synthesis_times *times, uint64_t seed,
                          mt_error *error) {
    if (!(times->speedup > 0) || !isfinite(times->speedup))
        return mt_fail(error, MT_ERROR_VALUE, "speedup ratio must be a positive number, not %.17g",
                       times->speedup);
    synthesis->speedup = times->speedup;
    return times->gaps_ns ? open_gaps(synthesis, times, seed, error) : MT_OK;
}

static mt_code open_prompts(mt_synthesis *synthesis, mt_model *model, const mt_radix *radix,
                            const mt_synthesis_options *options, mt_error *error) {
    mt_error problem = {.code = MT_OK};
    if (model)
        synthesis->reuse = mt_reuse_new(model, options, &problem);
    else
        synthesis->sampler = mt_radix_sampler_new(radix, options, &problem);
    if (synthesis->reuse || synthesis->sampler)
        return MT_OK;
    if (error)
        *error = problem;
    return problem.code;
}

mt_synthesis *mt_synthesis_new(mt_model *model, const mt_radix *radix,
                               const mt_synthesis_options *options, const mt_synthesis_times *times,
                               int compact, mt_error *error) {
    mt_synthesis *synthesis = mt_allocate_zero(1, sizeof *synthesis);
    if (!synthesis) {
        mt_fail_memory(error, "synthesis");
        return NULL;
    }
    synthesis->block_size = options->block_size;
    synthesis->compact = compact;
    if (open_times(synthesis, times, options->seed, error) ||
        open_prompts(synthesis, model, radix, options, error)) {
        mt_synthesis_free(synthesis);
        return NULL;
    }
    return synthesis;
}

void mt_synthesis_free(mt_synthesis *synthesis) {
    if (!synthesis)
        return;
    mt_reuse_free(synthesis->reuse);
    mt_radix_sampler_free(synthesis->sampler);
    mt_gaps_free(synthesis->gaps);
    mt_free(synthesis->made.hash_ids);
    mt_tally_free(&synthesis->input_lengths);
    mt_tally_free(&synthesis->contexts);
    mt_tally_free(&synthesis->unique_prompts);
    mt_tally_free(&synthesis->output_lengths);
    mt_free(synthesis);
}

/* The shared blocks in tokens. */
static uint64_t context_of(const mt_synthesis *synthesis) {
    const mt_synthetic *made = &synthesis->made;
    uint64_t context = made->context_blocks * synthesis->block_size;
    return context < made->input_length ? context : made->input_length;
}

static char *append(char *to, const char *text) {
    while (*text)
        *to++ = *text++;
    return to;
}

/* context_len and unique_user_prompt_len: the shared blocks, and the rest. */
static void set_extra(mt_synthesis *synthesis, mt_request *request) {
    uint64_t context = context_of(synthesis);
    char *end =
        append(synthesis->extra, synthesis->compact ? "\"context_len\":" : "\"context_len\": ");
    end = mt_write_u64(context, end);
    end = append(end, synthesis->compact ? ",\"unique_user_prompt_len\":"
                                         : ", \"unique_user_prompt_len\": ");
    end = mt_write_u64(synthesis->made.input_length - context, end);
    request->extra = (mt_span){synthesis->extra, (size_t)(end - synthesis->extra)};
}

/* Into the tallies of what was made. */
static mt_code count_request(mt_synthesis *synthesis, const mt_request *request, mt_error *error) {
    const mt_synthetic *made = &synthesis->made;
    uint64_t context = context_of(synthesis);
    if (mt_tally_add(&synthesis->input_lengths, made->input_length) ||
        (made->has_output && mt_tally_add(&synthesis->output_lengths, made->output_length)) ||
        (made->knows_blocks &&
         (mt_tally_add(&synthesis->contexts, context) ||
          mt_tally_add(&synthesis->unique_prompts, made->input_length - context))))
        return mt_fail_memory(error, "synthesis");
    synthesis->requests++;
    synthesis->blocks += request->hash_count;
    synthesis->last_time_ns = request->time_ns;
    return MT_OK;
}

static mt_code set_time(mt_synthesis *synthesis, int64_t time_ns, mt_request *request,
                        mt_error *error) {
    if (synthesis->speedup == 1)
        request->time_ns = time_ns;
    else if (mt_scale_time(time_ns, synthesis->speedup, &request->time_ns) != 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "the speedup ratio makes times of more than 292 years");
    request->has |= MT_HAS_TIME;
    return MT_OK;
}

/* All of the next request but its time. */
static mt_code make_request(mt_synthesis *synthesis, mt_request *request, mt_error *error) {
    mt_synthetic *made = &synthesis->made;
    mt_code code = synthesis->reuse ? mt_reuse_next(synthesis->reuse, made, error)
                                    : mt_radix_sampler_next(synthesis->sampler, made, error);
    if (code)
        return code;
    *request = (mt_request){.has = MT_HAS_INPUT_LENGTH, .input_length = made->input_length};
    if (made->has_output) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = made->output_length;
    }
    if (made->knows_blocks) {
        request->has |= MT_HAS_HASH_IDS;
        request->hash_ids = made->hash_ids;
        request->hash_count = made->hash_count;
        set_extra(synthesis, request);
    }
    return MT_OK;
}

mt_code mt_synthesis_next(mt_synthesis *synthesis, mt_request *request, mt_error *error) {
    int64_t time_ns;
    mt_code code = make_request(synthesis, request, error);
    if (code)
        return code;
    if (synthesis->gaps && ((code = mt_gaps_next(synthesis->gaps, &time_ns, error)) ||
                            (code = set_time(synthesis, time_ns, request, error))))
        return code;
    return count_request(synthesis, request, error);
}

mt_code mt_synthesis_at(mt_synthesis *synthesis, int64_t time_ns, mt_request *request,
                        mt_error *error) {
    mt_code code = make_request(synthesis, request, error);
    if (code || (code = set_time(synthesis, time_ns, request, error)))
        return code;
    return count_request(synthesis, request, error);
}

mt_code mt_synthesis_write(mt_synthesis *synthesis, mt_output *output,
                           const mt_trace_format *format, uint64_t count, uint64_t *written,
                           mt_error *error) {
    for (*written = 0; *written < count; ++*written) {
        mt_request request;
        if (mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        mt_code code = mt_synthesis_next(synthesis, &request, error);
        if (code || (code = mt_trace_write(output, &request, format, error)))
            return code;
    }
    return MT_OK;
}

mt_code mt_synthesis_summarise(const mt_synthesis *synthesis, mt_synthesis_summary *summary,
                               mt_error *error) {
    summary->requests = synthesis->requests;
    summary->blocks = synthesis->blocks;
    summary->last_time_ns = synthesis->last_time_ns;
    if (mt_tally_summarise(&synthesis->input_lengths, &summary->input_length) ||
        mt_tally_summarise(&synthesis->contexts, &summary->context_length) ||
        mt_tally_summarise(&synthesis->unique_prompts, &summary->unique_prompt_length) ||
        mt_tally_summarise(&synthesis->output_lengths, &summary->output_length))
        return mt_fail_memory(error, "synthesis");
    return MT_OK;
}
