#include "prefix/radix/radix.h"

#include "base/interrupt.h"
#include "prefix/block/check.h"
#include "prefix/radix/sampler_state.h"

#define LONGEST_INPUT ((uint64_t)1 << 53)

/* ---- making ---- */

void mt_radix_sampler_free(mt_radix_sampler *sampler) {
    if (!sampler)
        return;
    mt_big_free(&sampler->steps);
    mt_big_free(&sampler->firsts);
    mt_ids_free(sampler->slots);
    mt_free(sampler->path);
    mt_free(sampler->keys);
    mt_free(sampler->path_slots);
    mt_free(sampler);
}

uint64_t mt_radix_tokens(const mt_radix_sampler *sampler, uint64_t blocks, uint64_t remainder) {
    uint64_t whole, tokens;
    if (__builtin_mul_overflow(blocks - 1, sampler->options.block_size, &whole) ||
        __builtin_add_overflow(whole, remainder, &tokens))
        return UINT64_MAX;
    return tokens;
}

uint64_t mt_radix_stretched_tail(const mt_radix_sampler *sampler, uint64_t length) {
    return mt_synthesis_stretch(length, sampler->options.prompt_len_multiplier);
}

uint64_t mt_radix_stretched_input(const mt_radix_sampler *sampler, uint64_t input_length) {
    return input_length == 0 ? 0 : mt_radix_stretched_tail(sampler, input_length);
}

/* Paths are cut at a length that is never made, before their sum could overflow. */
static void make_steps(mt_radix_sampler *sampler) {
    const mt_radix_node *nodes = sampler->radix->nodes.data;
    mt_radix_step *steps = sampler->steps.data;
    steps[0] = (mt_radix_step){0};
    for (uint32_t n = 1; n < sampler->radix->node_count; n++) {
        uint64_t to = steps[nodes[n].parent].reach +
                      mt_synthesis_stretch(nodes[n].length, sampler->options.prefix_len_multiplier);
        steps[n] = (mt_radix_step){.reach = to < LONGEST_INPUT ? to : LONGEST_INPUT,
                                   .parent = nodes[n].parent};
    }
}

static uint64_t largest(const mt_big *values, uint64_t count) {
    const uint64_t *list = values->data;
    uint64_t most = 0;
    for (uint64_t i = 0; i < count; i++)
        if (list[i] > most)
            most = list[i];
    return most;
}

static uint64_t longest_tail(const mt_radix *radix) {
    const uint32_t *tails = radix->tails.data;
    uint32_t most = 0;
    for (uint64_t i = 0; i < radix->tail_count; i++)
        if (tails[i] > most)
            most = tails[i];
    return most;
}

/* The blocks of the longest prompt that can be drawn. */
static uint64_t most_blocks(const mt_radix_sampler *sampler) {
    const mt_radix *radix = sampler->radix;
    const mt_radix_node *nodes = radix->nodes.data;
    const mt_radix_step *steps = sampler->steps.data;
    uint64_t most = 0, tail = mt_radix_stretched_tail(sampler, longest_tail(radix));
    for (uint32_t n = 0; n < radix->node_count; n++) {
        if (nodes[n].end > 0 && steps[n].reach > most)
            most = steps[n].reach;
        if (nodes[n].to_leaf > 0 && steps[n].reach + tail > most)
            most = steps[n].reach + tail;
    }
    return most;
}

/* The longest request that passes the filter must be one that can be made. */
static mt_code check_longest(const mt_radix_sampler *sampler, mt_error *error) {
    const mt_radix *radix = sampler->radix;
    uint64_t max_isl = sampler->options.max_isl;
    uint64_t most = most_blocks(sampler);
    uint64_t input =
        mt_radix_stretched_input(sampler, largest(&radix->pathless_input, radix->pathless));
    if (most > 0) {
        uint64_t tokens = mt_radix_tokens(sampler, most, largest(&radix->remainders, radix->paths));
        uint64_t passing = mt_blocks_of(max_isl, sampler->options.block_size);
        input = tokens > input ? tokens : input;
        most = passing < most ? passing : most;
    }
    if (most > MT_BLOCKS_LIMIT)
        return mt_fail(error, MT_ERROR_VALUE,
                       "requests would have up to %llu blocks, and at most %llu are possible: "
                       "smaller multipliers or a max_isl are needed",
                       (unsigned long long)most, (unsigned long long)MT_BLOCKS_LIMIT);
    if (input > LONGEST_INPUT && max_isl > LONGEST_INPUT)
        return mt_fail(error, MT_ERROR_VALUE,
                       "requests would have more than 2^53 tokens: smaller multipliers or a "
                       "max_isl are needed");
    return MT_OK;
}

static mt_code make_arrays(mt_radix_sampler *sampler, mt_error *error) {
    const mt_radix *radix = sampler->radix;
    size_t longest = radix->depth;
    int has_copies = sampler->options.prefix_root_multiplier > 1;
    if (mt_big_reserve(&sampler->steps, radix->node_count * sizeof(mt_radix_step)) ||
        !(sampler->path = mt_allocate(longest, sizeof *sampler->path)) ||
        !(sampler->keys = mt_allocate(longest, sizeof *sampler->keys)) ||
        !(sampler->path_slots = mt_allocate(longest, sizeof *sampler->path_slots)))
        return mt_fail_memory(error, "synthesis");
    if (has_copies && !(sampler->slots = mt_ids_new(0, error)))
        return MT_ERROR_MEMORY;
    return MT_OK;
}

static mt_code check_options(const mt_radix *radix, const mt_synthesis_options *options,
                             mt_error *error) {
    mt_code code = mt_synthesis_check(options, error);
    if (code)
        return code;
    if (radix->block_size == options->block_size)
        return MT_OK;
    return mt_fail(error, MT_ERROR_VALUE,
                   "a tree of blocks of %llu tokens makes no requests of blocks of %llu",
                   (unsigned long long)radix->block_size, (unsigned long long)options->block_size);
}

mt_radix_sampler *mt_radix_sampler_new(const mt_radix *radix, const mt_synthesis_options *options,
                                       mt_error *error) {
    if (check_options(radix, options, error))
        return NULL;
    mt_radix_sampler *sampler = mt_new(sizeof *sampler, "synthesis", error);
    if (!sampler)
        return NULL;
    sampler->radix = radix;
    sampler->options = *options;
    mt_random_begin(&sampler->prompt, options->seed, "synthesize", "prompt");
    mt_random_begin(&sampler->output, options->seed, "synthesize", "output");
    mt_random_begin(&sampler->copy, options->seed, "synthesize", "copy");
    mt_code code = make_arrays(sampler, error);
    if (code == MT_OK) {
        make_steps(sampler);
        code = check_longest(sampler, error);
    }
    if (code == MT_OK)
        return sampler;
    mt_radix_sampler_free(sampler);
    return NULL;
}

/* ---- the next request ---- */

mt_code mt_radix_sampler_next(mt_radix_sampler *sampler, mt_synthetic *request, mt_error *error) {
    mt_radix_prompt *drawn;
    mt_code code = mt_poll_interrupt(error);
    if (code || (code = mt_radix_draw(sampler, &drawn, &request->output_length, error)))
        return code;
    size_t count = drawn->context + drawn->tail;
    if (MT_GROW(request->hash_ids, request->hash_capacity, count))
        return mt_fail_memory(error, "synthesis");
    if (drawn->knows_blocks &&
        (code = mt_radix_write_ids(sampler, drawn, request->hash_ids, error)))
        return code;
    request->input_length = drawn->input_length;
    request->has_output = 1;
    request->hash_count = count;
    request->knows_blocks = drawn->knows_blocks;
    request->context_blocks = drawn->context;
    sampler->number++;
    return MT_OK;
}
