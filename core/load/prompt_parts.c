/* Prompts that begin with shared contents: shared_prefix is one part, parts are several in a row.
 */
#include "load/prompt.h"

#include "base/memory.h"
#include "load/lengths.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct parts_prompt {
    mt_prompt base;
    mt_prompt_part *parts;
    size_t count;
} parts_prompt;

typedef struct parts_state {
    mt_prompt_state base;
    mt_random *sizes; /* one a part: the tokens of content c are drawn at item c */
} parts_state;

static mt_code parts_open(mt_prompt_state *base, const char *owner, uint64_t seed,
                          mt_error *error) {
    parts_state *state = (parts_state *)base;
    const parts_prompt *prompt = (const parts_prompt *)base->prompt;
    state->sizes = mt_allocate(prompt->count, sizeof *state->sizes);
    if (!state->sizes)
        return mt_fail_memory(error, "prompt source");
    for (size_t i = 0; i < prompt->count; i++) {
        char purpose[64];
        int length = snprintf(purpose, sizeof purpose, "%s part %zu tokens",
                              base->prompt->name ? "shared" : "own", i);
        mt_random_start(&state->sizes[i],
                        mt_random_key_of(seed, owner, strlen(owner), purpose, (size_t)length));
    }
    return MT_OK;
}

static void parts_close(mt_prompt_state *base) {
    mt_free(((parts_state *)base)->sizes);
}

/* The shared part as it grows: whole blocks become keys, each chained over what stands in it. */
typedef struct shared_part {
    uint64_t block_size;
    uint64_t tokens; /* so far */
    uint64_t limit;  /* tokens that may be used: a prompt can end inside the shared part */
    mt_key chain;    /* key of the last whole block and of what the next one holds so far */
} shared_part;

static mt_code append_content(shared_part *shared, uint64_t part, uint64_t content, uint64_t tokens,
                              mt_key_list *list, mt_error *error) {
    uint64_t done = 0;
    while (done < tokens && shared->tokens < shared->limit) {
        uint64_t take = shared->block_size - shared->tokens % shared->block_size;
        if (take > tokens - done)
            take = tokens - done;
        if (take > shared->limit - shared->tokens)
            take = shared->limit - shared->tokens;
        uint64_t stretch[4] = {part, content, done, take};
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
        for (uint64_t n = 0; n < part->count; n++) {
            uint64_t content = pick_content(part, random, wish->time);
            mt_random_seek(&state->sizes[i], content);
            double tokens = mt_distribution_draw(part->tokens, &state->sizes[i], 0);
            mt_code code =
                append_content(&shared, i, content, mt_whole_tokens(tokens, 1), list, error);
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

static double parts_remembered(const mt_prompt *prompt, double input_length, uint64_t block_size) {
    return floor(fmin(parts_shared_mean(prompt), input_length) / (double)block_size);
}

static void parts_release(mt_prompt *base) {
    parts_prompt *prompt = (parts_prompt *)base;
    for (size_t i = 0; i < prompt->count; i++) {
        mt_distribution_release(prompt->parts[i].tokens);
        mt_distribution_release(prompt->parts[i].pick);
    }
    mt_free(prompt->parts);
}

static const mt_prompt_kind parts_kind = {.name = "parts",
                                          .state_size = sizeof(parts_state),
                                          .open = parts_open,
                                          .make = parts_make,
                                          .close = parts_close,
                                          .shared_mean = parts_shared_mean,
                                          .remembered = parts_remembered,
                                          .release = parts_release};

mt_prompt *mt_prompt_parts(const mt_prompt_part *parts, size_t count, const char *name,
                           const char *text, mt_error *error) {
    mt_prompt *base = mt_prompt_new(&parts_kind, sizeof(parts_prompt), name, text, error);
    if (!base)
        return NULL;
    parts_prompt *prompt = (parts_prompt *)base;
    prompt->parts = mt_allocate_zero(count, sizeof *parts);
    if (!prompt->parts) {
        mt_prompt_release(base);
        mt_fail_memory(error, "prompt source");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        prompt->parts[i] = parts[i];
        mt_distribution_retain(parts[i].tokens);
        if (parts[i].pick)
            mt_distribution_retain(parts[i].pick);
    }
    prompt->count = count;
    return base;
}
