/* What requests are drawn: where they stop in the tree, their tails and lengths. */
#include "prefix/radix/sampler_state.h"

#include "base/fetch.h"

/* What is drawn for a prompt: places in the radix's lists, tails and remainders only for a request
 * that has them. */
typedef struct places {
    uint64_t request, tail, remainder;
} places;

static places draw_places(mt_radix_sampler *sampler) {
    const mt_radix *radix = sampler->radix;
    places drawn = {.request = mt_random_below(&sampler->prompt, mt_radix_requests(radix))};
    if (drawn.request >= radix->paths)
        return drawn;
    if (drawn.request >= radix->ended)
        drawn.tail = mt_random_below(&sampler->prompt, radix->tail_count);
    drawn.remainder = mt_random_below(&sampler->prompt, radix->paths);
    return drawn;
}

/* The same from the first two blocks of its random numbers; 0 where those may not be enough. */
static int take_places(const mt_radix *radix, const mt_random_pair *first,
                       const mt_random_pair *second, places *drawn) {
    if (!mt_random_take_below(first->first, mt_radix_requests(radix), &drawn->request))
        return 0;
    if (drawn->request >= radix->paths)
        return 1;
    uint64_t number = first->second;
    if (drawn->request >= radix->ended) {
        if (!mt_random_take_below(number, radix->tail_count, &drawn->tail))
            return 0;
        number = second->first;
    }
    return mt_random_take_below(number, radix->paths, &drawn->remainder);
}

static MT_FETCHES void fetch_lists(const mt_radix *radix, const places *drawn, uint64_t output) {
    __builtin_prefetch((const uint64_t *)radix->outputs.data + output);
    if (drawn->request >= radix->paths) {
        __builtin_prefetch((const uint64_t *)radix->pathless_input.data + drawn->request -
                           radix->paths);
        return;
    }
    __builtin_prefetch((const uint32_t *)radix->stops.data + drawn->request);
    __builtin_prefetch((const uint64_t *)radix->remainders.data + drawn->remainder);
    if (drawn->request >= radix->ended)
        __builtin_prefetch((const uint32_t *)radix->tails.data + drawn->tail);
}

static mt_radix_prompt prompt_of(const mt_radix_sampler *sampler, const places *drawn_places) {
    const mt_radix *radix = sampler->radix;
    mt_radix_prompt drawn = {0};
    uint64_t request = drawn_places->request;
    if (request >= radix->paths) {
        const uint64_t *inputs = radix->pathless_input.data;
        drawn.input_length = mt_radix_stretched_input(sampler, inputs[request - radix->paths]);
        return drawn;
    }
    drawn.knows_blocks = 1;
    drawn.stop = ((const uint32_t *)radix->stops.data)[request];
    const mt_radix_step *steps = sampler->steps.data, *stop = &steps[drawn.stop];
    __builtin_prefetch(&steps[stop->parent]); /* for the ids */
    drawn.context = stop->reach;
    if (request >= radix->ended)
        drawn.tail = mt_radix_stretched_tail(
            sampler, ((const uint32_t *)radix->tails.data)[drawn_places->tail]);
    uint64_t remainder = ((const uint64_t *)radix->remainders.data)[drawn_places->remainder];
    drawn.input_length = mt_radix_tokens(sampler, drawn.context + drawn.tail, remainder);
    return drawn;
}

static void look_ahead(mt_radix_sampler *sampler) {
    const mt_radix *radix = sampler->radix;
    const uint64_t *outputs = radix->outputs.data;
    uint64_t from = sampler->number, requests = mt_radix_requests(radix), output[MT_RADIX_AHEAD];
    mt_random_pair first[MT_RADIX_AHEAD], second[MT_RADIX_AHEAD], of_output[MT_RADIX_AHEAD];
    places drawn[MT_RADIX_AHEAD];
    mt_random_pairs(sampler->prompt.key, from, 0, MT_RADIX_AHEAD, first);
    mt_random_pairs(sampler->prompt.key, from, 1, MT_RADIX_AHEAD, second);
    mt_random_pairs(sampler->output.key, from, 0, MT_RADIX_AHEAD, of_output);
    for (uint64_t i = 0; i < MT_RADIX_AHEAD; i++) {
        if (!take_places(radix, &first[i], &second[i], &drawn[i])) {
            mt_random_seek(&sampler->prompt, from + i);
            drawn[i] = draw_places(sampler);
        }
        if (!mt_random_take_below(of_output[i].first, requests, &output[i])) {
            mt_random_seek(&sampler->output, from + i);
            output[i] = mt_random_below(&sampler->output, requests);
        }
        fetch_lists(radix, &drawn[i], output[i]);
    }
    for (uint64_t i = 0; i < MT_RADIX_AHEAD; i++)
        if (drawn[i].request < radix->paths)
            __builtin_prefetch((const mt_radix_step *)sampler->steps.data +
                               ((const uint32_t *)radix->stops.data)[drawn[i].request]);
    for (uint64_t i = 0; i < MT_RADIX_AHEAD; i++) {
        sampler->ahead[i] = prompt_of(sampler, &drawn[i]);
        sampler->outputs_ahead[i] = mt_synthesis_output(&sampler->options, outputs[output[i]]);
    }
    sampler->ahead_from = from;
    sampler->ahead_to = from + MT_RADIX_AHEAD;
}

static int passes(const mt_radix_sampler *sampler, const mt_radix_prompt *drawn) {
    const mt_synthesis_options *options = &sampler->options;
    return drawn->input_length >= options->min_isl && drawn->input_length <= options->max_isl;
}

/* A prompt that passes in place of one that does not. */
static mt_code draw_again(mt_radix_sampler *sampler, mt_radix_prompt *drawn, mt_error *error) {
    mt_random_seek(&sampler->prompt, sampler->number); /* the first draw comes again */
    for (int i = 0; i < MT_SYNTHESIS_DRAWS; i++) {
        places drawn_places = draw_places(sampler);
        *drawn = prompt_of(sampler, &drawn_places);
        if (passes(sampler, drawn))
            return MT_OK;
    }
    return mt_synthesis_nothing_passes(&sampler->options, error);
}

mt_code mt_radix_draw(mt_radix_sampler *sampler, mt_radix_prompt **drawn, uint64_t *output,
                      mt_error *error) {
    if (sampler->number == sampler->ahead_to)
        look_ahead(sampler);
    uint64_t place = sampler->number - sampler->ahead_from;
    *drawn = &sampler->ahead[place];
    *output = sampler->outputs_ahead[place];
    return passes(sampler, *drawn) ? MT_OK : draw_again(sampler, *drawn, error);
}
