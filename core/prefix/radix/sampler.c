#include "prefix/radix/radix.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "hash/ids.h"
#include "prefix/block/check.h"
#include "prefix/radix/state.h"
#include "random/generator.h"

#define LONGEST_INPUT ((uint64_t)1 << 53)

/* What is drawn for a prompt: places in the radix's lists, tails and remainders only for a request
 * that has them. */
typedef struct places {
    uint64_t request, tail, remainder;
} places;

/* Requests are drawn so many ahead: what their draws point at is anywhere in memory, and is fetched
 * together. A draw has an address, so that when it is made changes nothing. */
enum { AHEAD = 16 };

struct mt_radix_sampler {
    const mt_radix *radix;
    mt_synthesis_options options;
    mt_random prompt, output, copy;
    uint64_t number; /* of the next request */
    uint64_t next_id;

    /* Of the requests from `ahead_from` on. */
    uint64_t ahead_from, ahead_to;
    places ahead[AHEAD];
    uint64_t outputs_ahead[AHEAD]; /* places in the list of OSLs */

    mt_big reach;  /* uint64_t by node: blocks from the root to its end, stretched */
    mt_big firsts; /* uint64_t by slot: the first block's id and 1; 0: has not come up yet */
    mt_ids *slots; /* numbers (copy, node); NULL for one copy, where the node is the slot */

    /* Of the path in hand, its deepest node first. */
    uint32_t *path;
    mt_key *keys;
    uint64_t *path_slots;
};

/* What was drawn of a prompt. */
typedef struct prompt {
    int knows_blocks;
    uint32_t stop;          /* the last core node */
    uint64_t context, tail; /* blocks */
    uint64_t input_length;
} prompt;

/* ---- making ---- */

void mt_radix_sampler_free(mt_radix_sampler *sampler) {
    if (!sampler)
        return;
    mt_big_free(&sampler->reach);
    mt_big_free(&sampler->firsts);
    mt_ids_free(sampler->slots);
    mt_free(sampler->path);
    mt_free(sampler->keys);
    mt_free(sampler->path_slots);
    mt_free(sampler);
}

/* Blocks and tokens of the last one as a prompt's length; UINT64_MAX for what no number holds. */
static uint64_t tokens_of(const mt_radix_sampler *sampler, uint64_t blocks, uint64_t remainder) {
    uint64_t whole, tokens;
    if (__builtin_mul_overflow(blocks - 1, sampler->options.block_size, &whole) ||
        __builtin_add_overflow(whole, remainder, &tokens))
        return UINT64_MAX;
    return tokens;
}

static uint64_t stretched_tail(const mt_radix_sampler *sampler, uint64_t length) {
    return mt_synthesis_stretch(length, sampler->options.prompt_len_multiplier);
}

/* The ISL of a request without blocks; 0 stays 0. */
static uint64_t stretched_input(const mt_radix_sampler *sampler, uint64_t input_length) {
    return input_length == 0 ? 0 : stretched_tail(sampler, input_length);
}

/* Paths are cut at a length that is never made, before their sum could overflow. */
static void stretch_nodes(mt_radix_sampler *sampler) {
    const mt_radix_node *nodes = sampler->radix->nodes.data;
    uint64_t *reach = sampler->reach.data;
    reach[0] = 0;
    for (uint32_t n = 1; n < sampler->radix->node_count; n++) {
        uint64_t to = reach[nodes[n].parent] +
                      mt_synthesis_stretch(nodes[n].length, sampler->options.prefix_len_multiplier);
        reach[n] = to < LONGEST_INPUT ? to : LONGEST_INPUT;
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
    const uint64_t *reach = sampler->reach.data;
    uint64_t most = 0, tail = stretched_tail(sampler, longest_tail(radix));
    for (uint32_t n = 0; n < radix->node_count; n++) {
        if (nodes[n].end > 0 && reach[n] > most)
            most = reach[n];
        if (nodes[n].to_leaf > 0 && reach[n] + tail > most)
            most = reach[n] + tail;
    }
    return most;
}

/* The longest request that passes the filter must be one that can be made. */
static mt_code check_longest(const mt_radix_sampler *sampler, mt_error *error) {
    const mt_radix *radix = sampler->radix;
    uint64_t max_isl = sampler->options.max_isl;
    uint64_t most = most_blocks(sampler);
    uint64_t input = stretched_input(sampler, largest(&radix->pathless_input, radix->pathless));
    if (most > 0) {
        uint64_t tokens = tokens_of(sampler, most, largest(&radix->remainders, radix->paths));
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
    size_t bytes = radix->node_count * sizeof(uint64_t);
    size_t longest = radix->depth;
    int has_copies = sampler->options.prefix_root_multiplier > 1;
    if (mt_big_reserve(&sampler->reach, bytes) ||
        (!has_copies && mt_big_reserve(&sampler->firsts, bytes)) ||
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
        stretch_nodes(sampler);
        code = check_longest(sampler, error);
    }
    if (code == MT_OK)
        return sampler;
    mt_radix_sampler_free(sampler);
    return NULL;
}

/* ---- drawing ---- */

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

static void fetch_lists(const mt_radix *radix, const places *drawn, uint64_t output) {
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

static void fetch_node(const mt_radix_sampler *sampler, uint32_t node) {
    __builtin_prefetch((const mt_radix_node *)sampler->radix->nodes.data + node);
    __builtin_prefetch((const uint64_t *)sampler->reach.data + node);
    if (!sampler->slots)
        __builtin_prefetch((const uint64_t *)sampler->firsts.data + node);
}

static void look_ahead(mt_radix_sampler *sampler) {
    const mt_radix *radix = sampler->radix;
    uint64_t from = sampler->number;
    for (uint64_t i = 0; i < AHEAD; i++) {
        mt_random_seek(&sampler->prompt, from + i);
        mt_random_seek(&sampler->output, from + i);
        sampler->ahead[i] = draw_places(sampler);
        sampler->outputs_ahead[i] = mt_random_below(&sampler->output, mt_radix_requests(radix));
        fetch_lists(radix, &sampler->ahead[i], sampler->outputs_ahead[i]);
    }
    for (uint64_t i = 0; i < AHEAD; i++)
        if (sampler->ahead[i].request < radix->paths)
            fetch_node(sampler, ((const uint32_t *)radix->stops.data)[sampler->ahead[i].request]);
    sampler->ahead_from = from;
    sampler->ahead_to = from + AHEAD;
}

static prompt prompt_of(const mt_radix_sampler *sampler, const places *drawn_places) {
    const mt_radix *radix = sampler->radix;
    prompt drawn = {0};
    uint64_t request = drawn_places->request;
    if (request >= radix->paths) {
        const uint64_t *inputs = radix->pathless_input.data;
        drawn.input_length = stretched_input(sampler, inputs[request - radix->paths]);
        return drawn;
    }
    drawn.knows_blocks = 1;
    drawn.stop = ((const uint32_t *)radix->stops.data)[request];
    drawn.context = ((const uint64_t *)sampler->reach.data)[drawn.stop];
    if (request >= radix->ended)
        drawn.tail =
            stretched_tail(sampler, ((const uint32_t *)radix->tails.data)[drawn_places->tail]);
    uint64_t remainder = ((const uint64_t *)radix->remainders.data)[drawn_places->remainder];
    drawn.input_length = tokens_of(sampler, drawn.context + drawn.tail, remainder);
    return drawn;
}

static int passes(const mt_radix_sampler *sampler, const prompt *drawn) {
    const mt_synthesis_options *options = &sampler->options;
    return drawn->input_length >= options->min_isl && drawn->input_length <= options->max_isl;
}

static mt_code draw_passing(mt_radix_sampler *sampler, prompt *drawn, mt_error *error) {
    *drawn = prompt_of(sampler, &sampler->ahead[sampler->number - sampler->ahead_from]);
    if (passes(sampler, drawn))
        return MT_OK;
    mt_random_seek(&sampler->prompt, sampler->number); /* the first draw comes again */
    for (int i = 0; i < MT_SYNTHESIS_DRAWS; i++) {
        places drawn_places = draw_places(sampler);
        *drawn = prompt_of(sampler, &drawn_places);
        if (passes(sampler, drawn))
            return MT_OK;
    }
    return mt_synthesis_nothing_passes(&sampler->options, error);
}

static uint64_t draw_copy(mt_radix_sampler *sampler) {
    if (!sampler->slots)
        return 0;
    mt_random_seek(&sampler->copy, sampler->number);
    return mt_random_below(&sampler->copy, sampler->options.prefix_root_multiplier);
}

static uint64_t output_of(const mt_radix_sampler *sampler) {
    const uint64_t *outputs = sampler->radix->outputs.data;
    uint64_t place = sampler->outputs_ahead[sampler->number - sampler->ahead_from];
    return mt_synthesis_output(&sampler->options, outputs[place]);
}

/* ---- ids ---- */

/* The slots of the copy's nodes on the path, firsts being as long as they need. */
static mt_code find_slots(mt_radix_sampler *sampler, size_t length, uint64_t copy,
                          mt_error *error) {
    if (!sampler->slots) {
        for (size_t i = 0; i < length; i++)
            sampler->path_slots[i] = sampler->path[i];
        return MT_OK;
    }
    for (size_t i = 0; i < length; i++)
        sampler->keys[i] = mt_key_number((mt_key){copy, 0}, sampler->path[i]);
    mt_code code = mt_ids_of(sampler->slots, sampler->keys, length, sampler->path_slots, error);
    if (code)
        return code;
    if (mt_big_reserve(&sampler->firsts, mt_ids_count(sampler->slots) * sizeof(uint64_t)))
        return mt_fail_memory(error, "synthesis");
    return MT_OK;
}

static uint64_t *write_run(uint64_t *to, uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        to[i] = first + i;
    return to + count;
}

/* The core nodes' blocks from the root on, then the tail's. */
static mt_code write_ids(mt_radix_sampler *sampler, const prompt *drawn, uint64_t copy,
                         uint64_t *ids, mt_error *error) {
    const mt_radix_node *nodes = sampler->radix->nodes.data;
    const uint64_t *reach = sampler->reach.data;
    size_t length = 0;
    for (uint32_t node = drawn->stop; node != 0; node = nodes[node].parent)
        sampler->path[length++] = node;
    mt_code code = find_slots(sampler, length, copy, error);
    if (code)
        return code;
    uint64_t *firsts = sampler->firsts.data;
    for (size_t i = length; i-- > 0;) {
        uint32_t node = sampler->path[i];
        mt_assert(reach[node] > reach[nodes[node].parent]);
        uint64_t *first = &firsts[sampler->path_slots[i]];
        uint64_t count = reach[node] - reach[nodes[node].parent];
        if (*first == 0) {
            *first = sampler->next_id + 1;
            sampler->next_id += count;
        }
        ids = write_run(ids, *first - 1, count);
    }
    write_run(ids, sampler->next_id, drawn->tail);
    sampler->next_id += drawn->tail;
    return MT_OK;
}

mt_code mt_radix_sampler_next(mt_radix_sampler *sampler, mt_synthetic *request, mt_error *error) {
    prompt drawn;
    mt_code code = mt_poll_interrupt(error);
    if (code)
        return code;
    if (sampler->number == sampler->ahead_to)
        look_ahead(sampler);
    if ((code = draw_passing(sampler, &drawn, error)))
        return code;
    size_t count = drawn.context + drawn.tail;
    if (MT_GROW(request->hash_ids, request->hash_capacity, count))
        return mt_fail_memory(error, "synthesis");
    if (drawn.knows_blocks &&
        (code = write_ids(sampler, &drawn, draw_copy(sampler), request->hash_ids, error)))
        return code;
    request->input_length = drawn.input_length;
    request->output_length = output_of(sampler);
    request->has_output = 1;
    request->hash_count = count;
    request->knows_blocks = drawn.knows_blocks;
    request->context_blocks = drawn.context;
    sampler->number++;
    return MT_OK;
}
