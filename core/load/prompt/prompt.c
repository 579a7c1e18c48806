#include "load/prompt/prompt.h"

#include "base/assert.h"
#include "base/memory.h"
#include "trace/blocks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int mt_key_list_add(mt_key_list *list, mt_key key) {
    if (list->count == list->capacity && MT_GROW(list->keys, list->capacity, list->count + 1) != 0)
        return -1;
    list->keys[list->count++] = key;
    return 0;
}

/* ---- the value ---- */

void mt_prompt_release(mt_prompt *prompt) {
    if (!prompt || --prompt->references > 0)
        return;
    if (prompt->kind->release)
        prompt->kind->release(prompt);
    mt_free(prompt->text);
    mt_free(prompt);
}

mt_prompt *mt_prompt_retain(mt_prompt *prompt) {
    prompt->references++;
    return prompt;
}

mt_prompt *mt_prompt_new(const mt_prompt_kind *kind, size_t size, const char *text,
                         mt_error *error) {
    mt_prompt *prompt = mt_new(size, "prompt source", error);
    if (!prompt)
        return NULL;
    prompt->kind = kind;
    prompt->references = 1;
    prompt->text = mt_copy_text(text, strlen(text));
    if (!prompt->text) {
        mt_prompt_release(prompt);
        mt_fail_memory(error, "prompt source");
        return NULL;
    }
    return prompt;
}

const char *mt_prompt_text(const mt_prompt *prompt) {
    return prompt->text;
}

int mt_prompt_decides(const mt_prompt *prompt, mt_prompt_mean *mean) {
    return prompt->kind->decides ? prompt->kind->decides(prompt, mean) : 0;
}

int mt_prompt_decides_first(const mt_prompt *prompt, double requests, mt_prompt_mean *mean) {
    if (!mt_prompt_decides(prompt, mean))
        return 0;
    if (prompt->kind->first && isfinite(requests))
        prompt->kind->first(prompt, fmax(1, round(requests)), mean);
    return 1;
}

double mt_prompt_shared_mean(const mt_prompt *prompt) {
    return prompt->kind->shared_mean ? prompt->kind->shared_mean(prompt) : 0;
}

double mt_prompt_whole_shared_mean(const mt_prompt *prompt, uint64_t block_size) {
    if (prompt->kind->whole_shared_mean)
        return prompt->kind->whole_shared_mean(prompt, block_size);
    double block = (double)block_size;
    return floor(mt_prompt_shared_mean(prompt) / block) * block;
}

double mt_prompt_remembered(const mt_prompt *prompt, double requests, double input_length,
                            uint64_t block_size) {
    if (!prompt->kind->remembered || !(requests > 0))
        return 0;
    return prompt->kind->remembered(prompt, requests, input_length, block_size);
}

/* ---- one stream's use of it ---- */

mt_key mt_key_enter(mt_key parent, mt_key names) {
    return mt_key_child(parent, &names, sizeof names);
}

mt_prompt_state *mt_prompt_open(mt_prompt *prompt, const char *stream, uint64_t variant,
                                uint64_t seed, uint64_t block_size, mt_error *error) {
    mt_prompt_state *state = mt_new(prompt->kind->state_size, "prompt source", error);
    if (!state)
        return NULL;
    state->prompt = mt_prompt_retain(prompt);
    state->block_size = block_size;
    state->own = mt_key_number(mt_key_namespace(stream, strlen(stream)), variant);
    if (prompt->kind->open && prompt->kind->open(state, stream, seed, error) != MT_OK) {
        mt_prompt_close(state);
        return NULL;
    }
    return state;
}

void mt_prompt_close(mt_prompt_state *state) {
    if (!state)
        return;
    if (state->prompt->kind->close)
        state->prompt->kind->close(state);
    mt_prompt_release(state->prompt);
    mt_free(state);
}

mt_code mt_prompt_check_blocks(uint64_t blocks, mt_error *error) {
    if (blocks <= MT_BLOCKS_LIMIT)
        return MT_OK;
    return mt_fail(error, MT_ERROR_VALUE, "a prompt of %llu blocks is too long (at most %llu)",
                   (unsigned long long)blocks, (unsigned long long)MT_BLOCKS_LIMIT);
}

mt_code mt_prompt_make(mt_prompt_state *state, mt_random *random, const mt_prompt_wish *wish,
                       mt_key_list *list, mt_prompt_made *made, mt_error *error) {
    size_t before = list->count;
    mt_key root = {0, 0};
    *made = (mt_prompt_made){.input_length = wish->tokens,
                             .is_chain = state->prompt->kind->makes_chains};
    if (wish->model_length > 0)
        root = mt_key_child(root, wish->model, wish->model_length);
    if (state->prompt->kind->make) {
        mt_code code = state->prompt->kind->make(state, random, wish, root, list, made, error);
        if (code != MT_OK)
            return code;
    }
    if (made->at_end)
        return MT_OK;
    uint64_t blocks = mt_blocks_of(made->input_length, state->block_size);
    mt_assert(made->input_length >= 1 && list->count - before <= blocks);
    made->fresh = blocks - (list->count - before);
    return mt_prompt_check_blocks(blocks, error);
}

/* ---- unique ---- */

static const mt_prompt_kind unique_kind = {
    .name = "unique", .makes_chains = 1, .state_size = sizeof(mt_prompt_state)};

mt_prompt *mt_prompt_unique(mt_error *error) {
    return mt_prompt_new(&unique_kind, sizeof(mt_prompt), "unique()", error);
}

/* ---- random_blocks ---- */

typedef struct random_blocks {
    mt_prompt base;
    uint64_t total;
} random_blocks;

static mt_code random_blocks_make(mt_prompt_state *state, mt_random *random,
                                  const mt_prompt_wish *wish, mt_key root, mt_key_list *list,
                                  mt_prompt_made *made, mt_error *error) {
    (void)made;
    uint64_t total = ((const random_blocks *)state->prompt)->total;
    uint64_t blocks = mt_blocks_of(wish->tokens, state->block_size);
    mt_code code = mt_prompt_check_blocks(blocks, error);
    if (code != MT_OK)
        return code;
    root = mt_key_enter(root, state->own);
    for (uint64_t i = 0; i < blocks; i++) {
        root = mt_key_number(root, mt_random_below(random, total));
        if (mt_key_list_add(list, root) != 0)
            return mt_fail_memory(error, "prompt blocks");
    }
    return MT_OK;
}

/* At depth d there are total^d prefixes. */
static double random_blocks_remembered(const mt_prompt *prompt, double requests,
                                       double input_length, uint64_t block_size) {
    double total = (double)((const random_blocks *)prompt)->total;
    double left = ceil(input_length / (double)block_size);
    double ways = 1, keys = 0;
    for (; left >= 1 && ways < requests && total > 1; left--) {
        ways *= total;
        keys += fmin(ways, requests);
    }
    return keys + left * fmin(ways, requests);
}

static const mt_prompt_kind random_blocks_kind = {.name = "random_blocks",
                                                  .makes_chains = 1,
                                                  .state_size = sizeof(mt_prompt_state),
                                                  .make = random_blocks_make,
                                                  .remembered = random_blocks_remembered};

mt_prompt *mt_prompt_random_blocks(uint64_t total, mt_error *error) {
    char text[64];
    if (total == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "random_blocks: total must be at least 1"));
    snprintf(text, sizeof text, "random_blocks{total=%llu}", (unsigned long long)total);
    mt_prompt *prompt = mt_prompt_new(&random_blocks_kind, sizeof(random_blocks), text, error);
    if (prompt)
        ((random_blocks *)prompt)->total = total;
    return prompt;
}
