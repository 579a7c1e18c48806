#include "prefix/lint/block_fit.h"

#include "trace/blocks.h"

void mt_lines_add(mt_lines *lines, uint64_t line) {
    if (lines->count < MT_LINES_KEPT)
        lines->line[lines->count] = line;
    lines->count++;
}

void mt_block_fit_start(mt_block_fit *fit, uint64_t given, int is_whole) {
    static const uint64_t likely[] = {512, 16, 64, 128, 32, 256, 1024};
    *fit = (mt_block_fit){.least = 1, .most = UINT64_MAX, .is_whole = is_whole};
    if (given > 0)
        fit->sizes[fit->count++].size = given;
    for (size_t i = 0; i < sizeof likely / sizeof *likely; i++)
        if (likely[i] != given)
            fit->sizes[fit->count++].size = likely[i];
}

static uint64_t blocks_of(const mt_block_fit *fit, uint64_t tokens, uint64_t size) {
    return fit->is_whole ? tokens / size : mt_blocks_of(tokens, size);
}

/* The sizes at which `tokens` are `blocks` blocks: ceil(tokens / blocks) to below tokens / (blocks
 * - 1); of whole blocks, above tokens / (blocks + 1) up to tokens / blocks. */
static void narrow(mt_block_fit *fit, uint64_t tokens, uint64_t blocks) {
    uint64_t least = mt_blocks_of(tokens, blocks);
    uint64_t most = tokens == 0 ? 0 : blocks > 1 ? (tokens - 1) / (blocks - 1) : UINT64_MAX;
    if (fit->is_whole) {
        least = tokens / (blocks + 1) + 1;
        most = tokens / blocks;
    }
    if (least > fit->least)
        fit->least = least;
    if (most < fit->most)
        fit->most = most;
}

void mt_block_fit_add(mt_block_fit *fit, const mt_request *request) {
    if (!(request->has & MT_HAS_INPUT_LENGTH) || request->hash_count == 0)
        return;
    size_t set = 0;
    fit->prompts++;
    fit->several += request->hash_count > 1;
    narrow(fit, request->input_length, request->hash_count);
    for (size_t i = 0; i < fit->count; i++) {
        mt_size_fit *one = &fit->sizes[i];
        if (blocks_of(fit, request->input_length, one->size) == request->hash_count) {
            one->fits++;
            set |= (size_t)1 << i;
            continue;
        }
        if (one->misfits.count == 0) {
            one->input_length = request->input_length;
            one->hash_count = request->hash_count;
        }
        mt_lines_add(&one->misfits, request->line);
    }
    fit->by_sizes[set]++;
}

const mt_size_fit *mt_block_fit_best(const mt_block_fit *fit) {
    const mt_size_fit *best = &fit->sizes[0];
    for (size_t i = 1; i < fit->count; i++)
        if (fit->sizes[i].fits > best->fits)
            best = &fit->sizes[i];
    return best;
}

uint64_t mt_block_fit_odd(const mt_block_fit *fit) {
    enum { ENOUGH = 10 };
    if (fit->several < ENOUGH || fit->least > fit->most || fit->least == 0)
        return 0;
    uint64_t power = UINT64_C(1) << (63 - __builtin_clzll(fit->most));
    if (power >= fit->least)
        return power;
    uint64_t round = fit->most - fit->most % 10;
    return round >= fit->least ? round : fit->most;
}

uint64_t mt_block_fit_all(const mt_block_fit *fit) {
    const mt_size_fit *best = mt_block_fit_best(fit);
    return best->fits == fit->prompts ? best->size : mt_block_fit_odd(fit);
}

const mt_size_fit *mt_block_fit_beside(const mt_block_fit *fit, const mt_size_fit *size) {
    size_t at = (size_t)(size - fit->sizes);
    for (size_t i = 0; i < fit->count; i++) {
        uint64_t only_size = 0, only_this = 0, neither = 0;
        for (size_t set = 0; set < (size_t)1 << MT_BLOCK_SIZES; set++) {
            int has_size = (set >> at) & 1, has_this = (set >> i) & 1;
            only_size += has_size && !has_this ? fit->by_sizes[set] : 0;
            only_this += !has_size && has_this ? fit->by_sizes[set] : 0;
            neither += !has_size && !has_this ? fit->by_sizes[set] : 0;
        }
        if (neither == 0 && only_size > 0 && only_this > 0)
            return &fit->sizes[i];
    }
    return NULL;
}
