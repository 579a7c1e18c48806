/* prompts_of: the prompts of a trace, their lengths with them. */
#include "load/prompt/prompt.h"

#include "base/memory.h"
#include "stats/summary.h"
#include "trace/blocks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const uint64_t no_output = UINT64_MAX;

typedef struct recorded_prompt {
    mt_prompt base;
    size_t count;
    int wrap;
    uint64_t *inputs, *outputs, *id_ends, *ids;
    mt_prompt_mean mean;
} recorded_prompt;

static uint64_t id_begin(const recorded_prompt *prompt, size_t i) {
    return i > 0 ? prompt->id_ends[i - 1] : 0;
}

/* Every request's ids must fit its length and the plan's block size. */
static mt_code recorded_open(mt_prompt_state *state, const char *stream, uint64_t seed,
                             mt_error *error) {
    (void)stream;
    (void)seed;
    const recorded_prompt *prompt = (const recorded_prompt *)state->prompt;
    for (size_t i = 0; i < prompt->count; i++) {
        uint64_t ids = prompt->id_ends[i] - id_begin(prompt, i);
        uint64_t input = prompt->inputs[i], block = state->block_size;
        if (ids > 0 && ids != mt_blocks_of(input, block))
            return mt_fail(
                error, MT_ERROR_VALUE,
                "prompts_of: request %zu of the trace has %llu hash ids for %llu tokens, "
                "which blocks of %llu tokens do not fit (block_size= of the workload)",
                i + 1, (unsigned long long)ids, (unsigned long long)input,
                (unsigned long long)block);
    }
    return MT_OK;
}

static mt_code recorded_make(mt_prompt_state *state, mt_random *random, const mt_prompt_wish *wish,
                             mt_key root, mt_key_list *list, mt_prompt_made *made,
                             mt_error *error) {
    (void)random;
    const recorded_prompt *prompt = (const recorded_prompt *)state->prompt;
    if (wish->item >= prompt->count && !prompt->wrap) {
        made->at_end = 1;
        return MT_OK;
    }
    size_t i = (size_t)(wish->item % prompt->count);
    made->input_length = prompt->inputs[i];
    made->decides_output = prompt->outputs[i] != no_output;
    made->output_length = made->decides_output ? prompt->outputs[i] : 0;
    root = mt_key_enter(root, state->own);
    for (uint64_t at = id_begin(prompt, i); at < prompt->id_ends[i]; at++)
        if (mt_key_list_add(list, mt_key_number(root, prompt->ids[at])) != 0)
            return mt_fail_memory(error, "prompt blocks");
    return MT_OK;
}

static double recorded_remembered(const mt_prompt *base, double requests, double input_length,
                                  uint64_t block_size) {
    (void)requests;
    (void)input_length;
    (void)block_size;
    const recorded_prompt *prompt = (const recorded_prompt *)base;
    return (double)id_begin(prompt, prompt->count);
}

static int recorded_decides(const mt_prompt *base, mt_prompt_mean *mean) {
    if (mean)
        *mean = ((const recorded_prompt *)base)->mean;
    return 1;
}

typedef struct length_sums {
    mt_exact_sum input, output;
    double count, outputs;
} length_sums;

/* Adds the first `count` requests, `times` times over. */
static void add_lengths(const recorded_prompt *prompt, size_t count, double times,
                        length_sums *sums) {
    for (size_t i = 0; i < count; i++) {
        mt_exact_add(&sums->input, times * (double)prompt->inputs[i]);
        if (prompt->outputs[i] == no_output)
            continue;
        mt_exact_add(&sums->output, times * (double)prompt->outputs[i]);
        sums->outputs += times;
    }
    sums->count += times * (double)count;
}

static mt_prompt_mean means_of(const length_sums *sums) {
    mt_prompt_mean mean = {.input = (sums->input.sum + sums->input.lost) / sums->count,
                           .output_share = sums->outputs / sums->count};
    if (sums->outputs > 0)
        mean.output = (sums->output.sum + sums->output.lost) / sums->outputs;
    return mean;
}

/* Whole rounds of the trace, and the beginning of one more. */
static void recorded_first(const mt_prompt *base, double requests, mt_prompt_mean *mean) {
    const recorded_prompt *prompt = (const recorded_prompt *)base;
    double count = (double)prompt->count;
    double rounds = floor(requests / count);
    if (rounds >= 1 && !prompt->wrap)
        return;
    length_sums sums = {0};
    if (rounds >= 1)
        add_lengths(prompt, prompt->count, rounds, &sums);
    add_lengths(prompt, (size_t)(requests - rounds * count), 1, &sums);
    double most = mean->most;
    *mean = means_of(&sums);
    mean->most = most;
}

static void recorded_release(mt_prompt *base) {
    recorded_prompt *prompt = (recorded_prompt *)base;
    mt_free(prompt->inputs);
    mt_free(prompt->outputs);
    mt_free(prompt->id_ends);
    mt_free(prompt->ids);
}

static const mt_prompt_kind recorded_kind = {.name = "prompts_of",
                                             .state_size = sizeof(mt_prompt_state),
                                             .open = recorded_open,
                                             .make = recorded_make,
                                             .remembered = recorded_remembered,
                                             .decides = recorded_decides,
                                             .first = recorded_first,
                                             .release = recorded_release};

static uint64_t *copy_of(const uint64_t *values, size_t count) {
    uint64_t *copy = mt_allocate(count, sizeof *copy);
    if (copy && count > 0)
        memcpy(copy, values, count * sizeof *copy);
    return copy;
}

static void set_means(recorded_prompt *prompt) {
    length_sums all = {0};
    add_lengths(prompt, prompt->count, 1, &all);
    prompt->mean = means_of(&all);
    prompt->mean.most = prompt->wrap ? INFINITY : (double)prompt->count;
}

mt_prompt *mt_prompt_recorded(const mt_recorded_prompts *recorded, int wrap, mt_error *error) {
    char text[64];
    size_t count = recorded->count;
    if (count == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "prompts_of: the trace has no requests"));
    snprintf(text, sizeof text, "prompts_of(%zu requests%s)", count, wrap ? ", {wrap=true}" : "");
    mt_prompt *base = mt_prompt_new(&recorded_kind, sizeof(recorded_prompt), text, error);
    if (!base)
        return NULL;
    recorded_prompt *prompt = (recorded_prompt *)base;
    prompt->wrap = wrap;
    prompt->inputs = copy_of(recorded->inputs, count);
    prompt->outputs = copy_of(recorded->outputs, count);
    prompt->id_ends = copy_of(recorded->id_ends, count);
    prompt->ids = copy_of(recorded->ids, (size_t)recorded->id_ends[count - 1]);
    if (!prompt->inputs || !prompt->outputs || !prompt->id_ends || !prompt->ids) {
        mt_prompt_release(base);
        mt_fail_memory(error, "prompt source");
        return NULL;
    }
    prompt->count = count;
    set_means(prompt);
    return base;
}
