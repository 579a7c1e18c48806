/* learned: prompts that come back as those of a trace did, made anew, lengths with them. */
#include "load/prompt/prompt.h"

#include "base/memory.h"
#include "prefix/reuse/reuse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct learned_prompt {
    mt_prompt base;
    mt_model *model;
    mt_prompt_mean mean;
    double returning; /* new blocks of a request that can come back, on average */
} learned_prompt;

typedef struct learned_state {
    mt_prompt_state base;
    mt_reuse *reuse;
    mt_synthetic made;
} learned_state;

/* Every use of the source is a population of its own. Its seed is drawn for (seed, stream,
 * variant). */
static uint64_t population_seed(const mt_prompt_state *state, const char *stream, uint64_t seed) {
    char purpose[64];
    mt_random random;
    int length = snprintf(purpose, sizeof purpose, "learned prompts %016llx",
                          (unsigned long long)state->own.low);
    mt_random_start(&random,
                    mt_random_key_of(seed, stream, strlen(stream), purpose, (size_t)length));
    return mt_random_u64(&random);
}

static mt_code learned_open(mt_prompt_state *base, const char *stream, uint64_t seed,
                            mt_error *error) {
    learned_state *state = (learned_state *)base;
    const learned_prompt *prompt = (const learned_prompt *)base->prompt;
    mt_error problem;
    if (prompt->model->block_size != base->block_size)
        return mt_fail(error, MT_ERROR_VALUE,
                       "learned: the model was learnt with blocks of %llu tokens, and the workload "
                       "has blocks of %llu (block_size= of the workload)",
                       (unsigned long long)prompt->model->block_size,
                       (unsigned long long)base->block_size);
    mt_synthesis_options options = {.seed = population_seed(base, stream, seed),
                                    .block_size = base->block_size,
                                    MT_SYNTHESIS_PLAIN};
    state->reuse = mt_reuse_new(prompt->model, &options, &problem);
    if (state->reuse)
        return MT_OK;
    if (error)
        *error = problem;
    return problem.code;
}

static void learned_close(mt_prompt_state *base) {
    learned_state *state = (learned_state *)base;
    mt_reuse_free(state->reuse);
    mt_free(state->made.hash_ids);
}

/* The population's next prompt, whichever item asks. A prompt depends on those before it, and a
 * stream asks for them in its own order. */
static mt_code learned_make(mt_prompt_state *base, mt_random *random, const mt_prompt_wish *wish,
                            mt_key root, mt_key_list *list, mt_prompt_made *made, mt_error *error) {
    (void)random;
    (void)wish;
    learned_state *state = (learned_state *)base;
    const mt_synthetic *prompt = &state->made;
    mt_code code = mt_reuse_next(state->reuse, &state->made, error);
    if (code != MT_OK)
        return code;
    made->input_length = prompt->input_length;
    made->decides_output = prompt->has_output;
    made->output_length = prompt->has_output ? prompt->output_length : 0;
    root = mt_key_enter(root, base->own);
    for (size_t i = 0; i < prompt->lasting_blocks; i++)
        if (mt_key_list_add(list, mt_key_number(root, prompt->hash_ids[i])) != 0)
            return mt_fail_memory(error, "prompt blocks");
    return MT_OK;
}

static double learned_remembered(const mt_prompt *base, double requests, double input_length,
                                 uint64_t block_size) {
    (void)input_length;
    (void)block_size;
    return requests * ((const learned_prompt *)base)->returning;
}

static int learned_decides(const mt_prompt *base, mt_prompt_mean *mean) {
    if (mean)
        *mean = ((const learned_prompt *)base)->mean;
    return 1;
}

static void learned_release(mt_prompt *base) {
    mt_model_release(((learned_prompt *)base)->model);
}

static const mt_prompt_kind learned_kind = {.name = "learned",
                                            .state_size = sizeof(learned_state),
                                            .open = learned_open,
                                            .make = learned_make,
                                            .close = learned_close,
                                            .remembered = learned_remembered,
                                            .decides = learned_decides,
                                            .release = learned_release};

static void set_means(learned_prompt *prompt) {
    const mt_model *model = prompt->model;
    mt_prompt_mean *mean = &prompt->mean;
    double outputs = 0, count = (double)model->count;
    for (size_t i = 0; i < model->count; i++) {
        const mt_description *description = &model->descriptions[i];
        mean->input += (double)mt_model_input_length(model, description) / count;
        prompt->returning += (double)description->returning / count;
        if (description->output == MT_MODEL_NO_OUTPUT)
            continue;
        mean->output += (double)description->output;
        outputs += 1;
    }
    if (outputs > 0)
        mean->output /= outputs;
    mean->output_share = outputs / count;
    mean->most = INFINITY;
}

static mt_code check_lengths(const mt_model *model, mt_error *error) {
    for (size_t i = 0; i < model->count; i++)
        if (mt_model_input_length(model, &model->descriptions[i]) == 0)
            return mt_fail(error, MT_ERROR_VALUE,
                           "learned: the trace has a request with an input_length of 0");
    return MT_OK;
}

mt_prompt *mt_prompt_learned(mt_model *model, mt_error *error) {
    char text[64];
    if (check_lengths(model, error) != MT_OK)
        return NULL;
    snprintf(text, sizeof text, "learned(%zu requests)", model->count);
    mt_prompt *base = mt_prompt_new(&learned_kind, sizeof(learned_prompt), text, error);
    if (!base)
        return NULL;
    learned_prompt *prompt = (learned_prompt *)base;
    prompt->model = mt_model_retain(model);
    set_means(prompt);
    return base;
}
