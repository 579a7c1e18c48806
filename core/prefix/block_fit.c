#include "prefix/block_fit.h"

void mt_lines_add(mt_lines *lines, uint64_t line) {
    if (lines->count < MT_LINES_KEPT)
        lines->line[lines->count] = line;
    lines->count++;
}

void mt_block_fit_start(mt_block_fit *fit, uint64_t given) {
    static const uint64_t likely[] = {512, 16, 64, 128, 32, 256, 1024};
    *fit = (mt_block_fit){0};
    if (given > 0)
        fit->sizes[fit->count++].size = given;
    for (size_t i = 0; i < sizeof likely / sizeof *likely; i++)
        if (likely[i] != given)
            fit->sizes[fit->count++].size = likely[i];
}

/* n blocks for so many tokens. ceil(tokens / size) without overflow. */
static int is_fit(uint64_t size, uint64_t tokens, uint64_t blocks) {
    return tokens > 0 && (tokens - 1) / size + 1 == blocks;
}

void mt_block_fit_add(mt_block_fit *fit, const mt_request *request) {
    if (!(request->has & MT_HAS_INPUT_LENGTH) || request->hash_count == 0)
        return;
    fit->prompts++;
    for (size_t i = 0; i < fit->count; i++) {
        mt_size_fit *one = &fit->sizes[i];
        if (is_fit(one->size, request->input_length, request->hash_count)) {
            one->fits++;
            continue;
        }
        if (one->misfits.count == 0) {
            one->input_length = request->input_length;
            one->hash_count = request->hash_count;
        }
        mt_lines_add(&one->misfits, request->line);
    }
}

const mt_size_fit *mt_block_fit_best(const mt_block_fit *fit) {
    const mt_size_fit *best = &fit->sizes[0];
    for (size_t i = 1; i < fit->count; i++)
        if (fit->sizes[i].fits > best->fits)
            best = &fit->sizes[i];
    return best;
}
