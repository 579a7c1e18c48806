/* Which block size a trace's prompts are cut in: of n blocks of a size s, (n - 1) * s < ISL <= n *
 * s; or, where only whole blocks have ids, n * s <= ISL < (n + 1) * s. */
#ifndef MT_PREFIX_LINT_BLOCK_FIT_H
#define MT_PREFIX_LINT_BLOCK_FIT_H

#include "trace/record.h"

enum { MT_BLOCK_SIZES = 8, MT_LINES_KEPT = 5 };

/* Lines where something was found: all are counted, the first ones kept. */
typedef struct mt_lines {
    uint64_t count;
    uint64_t line[MT_LINES_KEPT]; /* count of them, at most MT_LINES_KEPT */
} mt_lines;

void mt_lines_add(mt_lines *lines, uint64_t line);

/* How one size fits. */
typedef struct mt_size_fit {
    uint64_t size;
    uint64_t fits;
    mt_lines misfits;
    uint64_t input_length, hash_count; /* of the first that does not fit */
} mt_size_fit;

/* Sizes that are tried, the likeliest first: the one given (if any), 512, 16, 64, 128, 32, 256,
 * 1024. */
typedef struct mt_block_fit {
    mt_size_fit sizes[MT_BLOCK_SIZES];
    size_t count;
    int is_whole;     /* ids are of whole blocks only */
    uint64_t prompts; /* with ISL and hash ids */
    uint64_t several; /* of more than one block */
    /* Every size from least to most fits all prompts; least > most: none does. */
    uint64_t least, most;
    uint64_t by_sizes[1 << MT_BLOCK_SIZES]; /* prompts by the set of sizes that they fit */
} mt_block_fit;

/* given: 0, or a size that is tried as well. */
void mt_block_fit_start(mt_block_fit *fit, uint64_t given, int is_whole);

void mt_block_fit_add(mt_block_fit *fit, const mt_request *request);

/* The size that fits most prompts, of equal ones the likeliest. */
const mt_size_fit *mt_block_fit_best(const mt_block_fit *fit);

/* A size that is not among those tried and fits all prompts, where enough of them have several
 * blocks to say so: the largest power of two that does, or multiple of 10, or the largest. 0: none.
 */
uint64_t mt_block_fit_odd(const mt_block_fit *fit);

/* A size that fits all prompts, one of those tried or an odd one; 0: there is none. */
uint64_t mt_block_fit_all(const mt_block_fit *fit);

/* The size that fits all prompts that `size`, one of those tried, does not: traces of two block
 * sizes in one. NULL: there is none. */
const mt_size_fit *mt_block_fit_beside(const mt_block_fit *fit, const mt_size_fit *size);

#endif
