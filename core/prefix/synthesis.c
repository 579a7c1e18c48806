#include "prefix/synthesis.h"

#include "base/memory.h"
#include "prefix/reuse.h"
#include "trace/steps.h"

#include <math.h>
#include <stdio.h>

struct mt_synthesis {
    uint64_t block_size;
    mt_reuse *reuse; /* one of these two */
    mt_radix_sampler *sampler;
    mt_gaps *gaps; /* NULL: no times */
    double speedup;
    int compact;
    mt_synthetic made;
    char extra[96];
};

static mt_code open_times(mt_synthesis *synthesis, const mt_synthesis_times *times, uint64_t seed,
                          mt_error *error) {
    if (!(times->speedup > 0) || !isfinite(times->speedup))
        return mt_fail(error, MT_ERROR_VALUE, "speedup ratio must be a positive number, not %.17g",
                       times->speedup);
    synthesis->speedup = times->speedup;
    if (!times->gaps_ns)
        return MT_OK;
    mt_error problem;
    synthesis->gaps = mt_gaps_new(times->kind, times->gaps_ns, times->count, seed, &problem);
    if (synthesis->gaps)
        return MT_OK;
    if (error)
        *error = problem;
    return problem.code;
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
    mt_free(synthesis);
}

/* context_len and unique_user_prompt_len: the shared blocks in tokens, and the rest. */
static void set_extra(mt_synthesis *synthesis, mt_request *request) {
    const mt_synthetic *made = &synthesis->made;
    uint64_t context = made->context_blocks * synthesis->block_size;
    if (context > made->input_length)
        context = made->input_length;
    const char *form = synthesis->compact
                           ? "\"context_len\":%llu,\"unique_user_prompt_len\":%llu"
                           : "\"context_len\": %llu, \"unique_user_prompt_len\": %llu";
    int length =
        snprintf(synthesis->extra, sizeof synthesis->extra, form, (unsigned long long)context,
                 (unsigned long long)(made->input_length - context));
    request->extra = (mt_span){synthesis->extra, (size_t)length};
}

static mt_code set_time(mt_synthesis *synthesis, mt_request *request, mt_error *error) {
    int64_t time_ns;
    mt_code code = mt_gaps_next(synthesis->gaps, &time_ns, error);
    if (code)
        return code;
    if (mt_scale_time(time_ns, synthesis->speedup, &request->time_ns) != 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "the speedup ratio makes times of more than 292 years");
    request->has |= MT_HAS_TIME;
    return MT_OK;
}

mt_code mt_synthesis_next(mt_synthesis *synthesis, mt_request *request, mt_error *error) {
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
    return synthesis->gaps ? set_time(synthesis, request, error) : MT_OK;
}
