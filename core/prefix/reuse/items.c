#include "prefix/reuse/items.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"
#include "trace/blocks.h"

#include <math.h>
#include <stdlib.h>

enum {
    LOG_SIZES = MT_REUSE_SIZES / 2, /* sizes of the grid that lie evenly over the logarithm */
    LEAST_SIZE = 150,               /* blocks: below it nobody asks how a cache does */
};

#define LONGEST_INPUT ((uint64_t)1 << 53)

/* How long the stretched prompt is at a depth of the source's. */
static uint64_t stretched(uint64_t depth, double multiplier) {
    return depth > 0 ? mt_synthesis_stretch(depth, multiplier) : 0;
}

/* Its last block may be the only one, and shorter than the others. */
static int is_too_long(uint64_t blocks, uint64_t tokens, uint64_t block_size) {
    return blocks > MT_BLOCKS_LIMIT || tokens > LONGEST_INPUT ||
           blocks - 1 > (LONGEST_INPUT - tokens) / block_size;
}

/* The item's lengths. 0, or -1 when it is too long to be made. */
static int set_lengths(mt_reuse_item *item, const mt_description *from, const mt_model *model,
                       const mt_synthesis_options *options) {
    double prefix = options->prefix_len_multiplier, prompt = options->prompt_len_multiplier;
    uint64_t shared = stretched(from->shared, prefix);
    uint64_t core = stretched((uint64_t)from->shared + from->returning, prefix);
    uint64_t unique = stretched(from->unique, prompt);
    uint64_t blocks = core + unique;
    item->knows_blocks = blocks > 0;
    item->has_output = from->output != MT_MODEL_NO_OUTPUT;
    item->output_length = item->has_output ? mt_synthesis_output(options, from->output) : 0;
    if (!item->knows_blocks) {
        item->input_length = from->tokens > 0 ? mt_synthesis_stretch(from->tokens, prompt) : 0;
        return 0;
    }
    if (is_too_long(blocks, from->tokens, model->block_size))
        return -1;
    item->input_length = (blocks - 1) * model->block_size + from->tokens;
    item->shared = (uint32_t)shared;
    item->returning = (uint32_t)(core - shared);
    item->unique = (uint32_t)unique;
    item->first_return = (uint32_t)(shared - stretched(from->shared - from->first_return, prefix));
    uint64_t beyond = stretched((uint64_t)from->shared + from->beyond, prefix) - shared;
    item->beyond = beyond < UINT32_MAX ? (uint32_t)beyond : UINT32_MAX;
    return 0;
}

/* Where all items of one model are shorter or longer than its descriptions, so are distances. */
static double distance_scale(const mt_reuse_items *items, const mt_model *model) {
    double blocks = 0;
    for (size_t i = 0; i < model->count; i++)
        blocks += (double)mt_description_blocks(&model->descriptions[i]);
    double share = (double)items->count / (double)model->count;
    return blocks > 0 && items->blocks > 0 ? items->blocks / (blocks * share) : 1;
}

mt_code mt_reuse_items_choose(mt_reuse_items *items, const mt_model *model,
                              const mt_synthesis_options *options, mt_error *error) {
    items->items = mt_allocate(model->count, sizeof *items->items);
    items->item_of = mt_allocate(model->count, sizeof *items->item_of);
    if (!items->items || !items->item_of)
        return mt_fail_memory(error, "synthesiser");
    for (size_t i = 0; i < model->count; i++) {
        items->item_of[i] = MT_NOT_AN_ITEM;
        mt_reuse_item item = {0};
        int too_long = set_lengths(&item, &model->descriptions[i], model, options) != 0;
        if (too_long && options->max_isl == UINT64_MAX)
            return mt_fail(error, MT_ERROR_VALUE,
                           "requests would have more than %llu blocks, or 2^53 tokens: smaller "
                           "multipliers or a max_isl are needed",
                           (unsigned long long)MT_BLOCKS_LIMIT);
        if (too_long || item.input_length < options->min_isl ||
            item.input_length > options->max_isl)
            continue;
        items->item_of[i] = items->count;
        items->items[items->count++] = item;
        items->blocks += (double)item.shared + item.returning + item.unique;
    }
    if (items->count == 0)
        return mt_synthesis_nothing_passes(options, error);
    items->mean_blocks = items->blocks / items->count;
    return MT_OK;
}

static uint32_t scaled(uint32_t distance, double scale) {
    return (uint32_t)fmin(round(distance * scale), UINT32_MAX);
}

/* Distances and runs, scaled; run.size is the scaled distance for now. */
static mt_code set_distances(mt_reuse_items *items, const mt_model *model,
                             const mt_synthesis_options *options, mt_error *error) {
    double scale = distance_scale(items, model);
    uint32_t count = 0;
    items->runs = mt_allocate(model->run_count + 1, sizeof *items->runs);
    items->kinships = mt_allocate(items->count, sizeof *items->kinships);
    if (!items->runs || !items->kinships)
        return mt_fail_memory(error, "synthesiser");
    for (size_t d = 0; d < model->count; d++) {
        uint32_t i = items->item_of[d];
        if (i == MT_NOT_AN_ITEM)
            continue;
        const mt_description *description = &model->descriptions[d];
        mt_reuse_item *item = &items->items[i];
        item->run_begin = count;
        item->run_count = description->run_count & 0x3fffffff;
        item->elapsed = (double)description->elapsed * scale;
        items->kinships[i] = (mt_reuse_kinship){.visits = description->visits,
                                                .previous = scaled(description->previous, scale)};
        for (uint32_t k = 0; k < description->run_count; k++) {
            const mt_model_run *run = &model->runs[description->run_begin + k];
            uint32_t distance = scaled(run->distance, scale);
            items->runs[count++] =
                (mt_reuse_run){.end = (uint32_t)stretched(run->end, options->prefix_len_multiplier),
                               .size = distance};
            item->distance = distance;
        }
        mt_assert((item->run_count == 0) == (item->shared == 0));
        if (item->distance > (double)items->farthest)
            items->farthest = (uint64_t)item->distance;
    }
    return MT_OK;
}

/* ---- the grid ---- */

typedef struct mass {
    uint32_t distance, blocks;
} mass;

/* The second half of the sizes: quantiles of the distances, weighted by the blocks that come back
 * at them. */
static void set_quantiles(mt_reuse_items *items, mass *masses, size_t count, uint64_t most) {
    double all = 0, so_far = 0;
    int j = LOG_SIZES;
    qsort(masses, count, sizeof *masses, mt_by_u32);
    for (size_t i = 0; i < count; i++)
        all += masses[i].blocks;
    for (size_t i = 0; i < count; i++) {
        so_far += masses[i].blocks;
        while (j < MT_REUSE_SIZES &&
               so_far >= all * (j - LOG_SIZES + 0.5) / (MT_REUSE_SIZES - LOG_SIZES))
            items->sizes[j++] = masses[i].distance;
    }
    while (j < MT_REUSE_SIZES)
        items->sizes[j++] = most;
}

static void set_sizes(mt_reuse_items *items, mass *masses) {
    const uint64_t least = 2 * (uint64_t)LEAST_SIZE;
    uint64_t most = items->farthest > least ? items->farthest : least;
    size_t count = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        const mt_reuse_item *item = &items->items[i];
        uint32_t begin = 0;
        for (uint32_t k = 0; k < item->run_count; k++) {
            const mt_reuse_run *run = &items->runs[item->run_begin + k];
            if (run->size > LEAST_SIZE && run->end > begin)
                masses[count++] = (mass){run->size, run->end - begin};
            begin = run->end;
        }
    }
    for (int j = 0; j < LOG_SIZES; j++)
        items->sizes[j] = (uint64_t)floor(
            LEAST_SIZE * pow((double)most / LEAST_SIZE, j / (double)(LOG_SIZES - 1)) + 0.5);
    set_quantiles(items, masses, count, most);
    qsort(items->sizes, MT_REUSE_SIZES, sizeof items->sizes[0], mt_by_u64);
    for (int j = 0; j < MT_REUSE_SIZES; j++) {
        double below = (double)items->sizes[j > 0 ? j - 1 : 0];
        double above = (double)items->sizes[j < MT_REUSE_SIZES - 1 ? j + 1 : j];
        items->weights[j] = (float)(log(above / below) / 2);
    }
}

/* From distances to places in the grid. */
static void place_runs(mt_reuse_items *items) {
    for (uint32_t i = 0; i < items->count; i++) {
        const mt_reuse_item *item = &items->items[i];
        uint32_t size = 0; /* distances rise within an item */
        for (uint32_t k = 0; k < item->run_count; k++) {
            mt_reuse_run *run = &items->runs[item->run_begin + k];
            while (size < MT_REUSE_SIZES && items->sizes[size] < run->size)
                size++;
            run->size = size;
        }
    }
}

mt_code mt_reuse_items_make(mt_reuse_items *items, const mt_model *model,
                            const mt_synthesis_options *options, mt_error *error) {
    mass *masses = mt_allocate(model->run_count + 1, sizeof *masses);
    mt_code code = MT_OK;
    if (!masses) {
        code = mt_fail_memory(error, "synthesiser");
    } else if ((code = mt_reuse_items_choose(items, model, options, error)) == MT_OK &&
               (code = set_distances(items, model, options, error)) == MT_OK) {
        set_sizes(items, masses);
        place_runs(items);
    }
    mt_free(masses);
    return code;
}

void mt_reuse_items_free(mt_reuse_items *items) {
    mt_free(items->items);
    mt_free(items->item_of);
    mt_free(items->runs);
    mt_free(items->kinships);
    *items = (mt_reuse_items){0};
}
