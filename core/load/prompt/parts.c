/* Prompts that begin with shared contents: parts are several in a row, shared_prefix is one
 * part. */
#include "load/prompt/prompt.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "load/lengths.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POLL_PICKS = 4096 };

typedef struct parts_prompt {
    mt_prompt base;
    mt_prompt_part *parts;
    size_t count;
} parts_prompt;

/* A part as one stream uses it. */
typedef struct part_state {
    mt_key contents; /* the namespace of its contents */
    mt_random sizes; /* the tokens of content c are drawn at item c */
} part_state;

typedef struct parts_state {
    mt_prompt_state base;
    part_state *parts;
} parts_state;

static void open_part(part_state *part, const parts_state *state, size_t index, const char *name,
                      const char *stream, uint64_t seed) {
    const char *owner = name ? name : stream;
    char purpose[64];
    int length;
    if (name) {
        part->contents = mt_key_number(mt_key_namespace(name, strlen(name)), UINT64_MAX);
        length = snprintf(purpose, sizeof purpose, "tokens of a named part");
    } else {
        part->contents = mt_key_number(state->base.own, index);
        length = snprintf(purpose, sizeof purpose, "tokens %016llx",
                          (unsigned long long)part->contents.low);
    }
    mt_random_start(&part->sizes,
                    mt_random_key_of(seed, owner, strlen(owner), purpose, (size_t)length));
}

static mt_code parts_open(mt_prompt_state *base, const char *stream, uint64_t seed,
                          mt_error *error) {
    parts_state *state = (parts_state *)base;
    const parts_prompt *prompt = (const parts_prompt *)base->prompt;
    state->parts = mt_allocate(prompt->count, sizeof *state->parts);
    if (!state->parts)
        return mt_fail_memory(error, "prompt source");
    for (size_t i = 0; i < prompt->count; i++)
        open_part(&state->parts[i], state, i, prompt->parts[i].name, stream, seed);
    return MT_OK;
}

static void parts_close(mt_prompt_state *base) {
    mt_free(((parts_state *)base)->parts);
}

/* The shared part while it is put together. Whole blocks become keys, each chained over its
 * content. */
typedef struct shared_part {
    uint64_t block_size;
    uint64_t tokens; /* so far */
    uint64_t limit;  /* most tokens: a prompt can end inside the shared part */
    mt_key chain;    /* key over the last whole block and what the next one holds so far */
} shared_part;

static mt_code append_content(shared_part *shared, mt_key contents, uint64_t content,
                              uint64_t tokens, mt_key_list *list, mt_error *error) {
    mt_assert(shared->tokens <= shared->limit);
    uint64_t done = 0, room = shared->limit - shared->tokens;
    uint64_t used = tokens < room ? tokens : room;
    mt_code code = mt_prompt_check_blocks((shared->tokens + used) / shared->block_size, error);
    if (code != MT_OK)
        return code;
    while (done < used) {
        uint64_t take = shared->block_size - shared->tokens % shared->block_size;
        if (take > used - done)
            take = used - done;
        uint64_t stretch[5] = {contents.low, contents.high, content, done, take};
        shared->chain = mt_key_child(shared->chain, stretch, sizeof stretch);
        shared->tokens += take;
        done += take;
        if (shared->tokens % shared->block_size == 0 && mt_key_list_add(list, shared->chain) != 0)
            return mt_fail_memory(error, "prompt blocks");
    }
    return MT_OK;
}

static uint64_t pick_content(const mt_prompt_part *part, mt_random *random, double time) {
    if (part->pick)
        return mt_whole_tokens(mt_distribution_draw(part->pick, random, time), 0);
    return part->uniform > 1 ? mt_random_below(random, part->uniform) : 0;
}

static mt_code parts_make(mt_prompt_state *base, mt_random *random, const mt_prompt_wish *wish,
                          mt_key root, mt_key_list *list, mt_prompt_made *made, mt_error *error) {
    parts_state *state = (parts_state *)base;
    const parts_prompt *prompt = (const parts_prompt *)base->prompt;
    shared_part shared = {.block_size = base->block_size, .chain = root};
    shared.limit = wish->tokens_are_new ? UINT64_MAX : wish->tokens;
    for (size_t i = 0; i < prompt->count; i++) {
        const mt_prompt_part *part = &prompt->parts[i];
        for (uint64_t n = 0; n < part->count && shared.tokens < shared.limit; n++) {
            if (n % POLL_PICKS == POLL_PICKS - 1 && mt_interrupted())
                return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
            uint64_t content = pick_content(part, random, wish->time);
            part_state *own = &state->parts[i];
            mt_random_seek(&own->sizes, content);
            double tokens = mt_distribution_draw(part->tokens, &own->sizes, 0);
            mt_code code = append_content(&shared, own->contents, content,
                                          mt_whole_tokens(tokens, 1), list, error);
            if (code != MT_OK)
                return code;
        }
    }
    if (wish->tokens_are_new)
        made->input_length = shared.tokens + wish->tokens;
    return MT_OK;
}

static double parts_shared_mean(const mt_prompt *base) {
    const parts_prompt *prompt = (const parts_prompt *)base;
    double tokens = 0;
    for (size_t i = 0; i < prompt->count; i++)
        tokens += (double)prompt->parts[i].count *
                  mt_distribution_mean_rounded(prompt->parts[i].tokens, 0, 0, 1, INFINITY);
    return tokens;
}

/* The mean of the whole blocks of `fixed` tokens and a drawn number of them: the sum of the chances that there
 * is one block more. Negative where these are too many. */
static double whole_mean(const mt_distribution *tokens, double fixed, double block) {
    static const double certain = 1 - 1e-9;
    enum { MOST_BLOCKS = 100000 };
    double whole = 0, below = 0;
    for (int k = 1; below < certain; k++) {
        if (k > MOST_BLOCKS)
            return -1;
        /* Draws are rounded, halves up. */
        below = mt_distribution_probability_below(tokens, k * block - fixed - 0.5, 0, 0);
        whole += (1 - below) * block;
    }
    return whole;
}

static double parts_whole_shared_mean(const mt_prompt *base, uint64_t block_size) {
    const parts_prompt *prompt = (const parts_prompt *)base;
    double block = (double)block_size, fixed = 0, value;
    const mt_distribution *drawn = NULL;
    uint64_t drawn_count = 0;
    for (size_t i = 0; i < prompt->count; i++) {
        const mt_prompt_part *part = &prompt->parts[i];
        if (mt_distribution_is_fixed(part->tokens, &value)) {
            fixed += (double)part->count * fmax(1, floor(value + 0.5));
        } else {
            drawn = part->tokens;
            drawn_count += part->count;
        }
    }
    if (drawn_count == 0)
        return floor(fixed / block) * block;
    double whole = drawn_count == 1 ? whole_mean(drawn, fixed, block) : -1;
    return whole >= 0 ? whole : fmax(0, parts_shared_mean(base) - (block - 1) / 2);
}

static double contents_of(const mt_prompt_part *part) {
    if (part->pick)
        return fmax(1, mt_distribution_highest(part->pick));
    return part->uniform > 1 ? (double)part->uniform : 1;
}

/* Every pick multiplies the number of different beginnings. */
static double parts_remembered(const mt_prompt *base, double requests, double input_length,
                               uint64_t block_size) {
    const parts_prompt *prompt = (const parts_prompt *)base;
    double ways = 1, keys = 0, left = floor(input_length / (double)block_size);
    for (size_t i = 0; i < prompt->count && left > 0; i++) {
        const mt_prompt_part *part = &prompt->parts[i];
        double blocks =
            mt_distribution_mean_rounded(part->tokens, 0, 0, 1, INFINITY) / (double)block_size;
        for (uint64_t n = 0; n < part->count && left > 0; n++) {
            ways = fmin(ways * contents_of(part), requests);
            keys += ways * fmin(blocks, left);
            left -= blocks;
            if (ways >= requests) { /* each further pick of this part adds as many keys */
                double rest = fmin((double)(part->count - n - 1) * blocks, fmax(0, left));
                keys += ways * rest;
                left -= rest;
                break;
            }
        }
    }
    return keys;
}

static void parts_release(mt_prompt *base) {
    parts_prompt *prompt = (parts_prompt *)base;
    for (size_t i = 0; i < prompt->count; i++) {
        mt_distribution_release(prompt->parts[i].tokens);
        mt_distribution_release(prompt->parts[i].pick);
        mt_free((char *)prompt->parts[i].name);
    }
    mt_free(prompt->parts);
}

static const mt_prompt_kind parts_kind = {.name = "parts",
                                          .makes_chains = 1,
                                          .state_size = sizeof(parts_state),
                                          .open = parts_open,
                                          .make = parts_make,
                                          .close = parts_close,
                                          .shared_mean = parts_shared_mean,
                                          .whole_shared_mean = parts_whole_shared_mean,
                                          .remembered = parts_remembered,
                                          .release = parts_release};

mt_prompt *mt_prompt_parts(const mt_prompt_part *parts, size_t count, const char *text,
                           mt_error *error) {
    mt_prompt *base = mt_prompt_new(&parts_kind, sizeof(parts_prompt), text, error);
    if (!base)
        return NULL;
    parts_prompt *prompt = (parts_prompt *)base;
    prompt->parts = mt_allocate_zero(count, sizeof *parts);
    int failed = prompt->parts == NULL;
    for (size_t i = 0; !failed && i < count; i++) {
        mt_prompt_part *part = &prompt->parts[prompt->count++];
        *part = parts[i];
        part->tokens = mt_distribution_whole(parts[i].tokens, NULL);
        part->pick = parts[i].pick ? mt_distribution_whole(parts[i].pick, NULL) : NULL;
        part->name = parts[i].name ? mt_copy_text(parts[i].name, strlen(parts[i].name)) : NULL;
        failed = !part->tokens || (parts[i].pick && !part->pick) || (parts[i].name && !part->name);
    }
    if (failed) {
        mt_prompt_release(base);
        mt_fail_memory(error, "prompt source");
        return NULL;
    }
    return base;
}
