#include "prefix/reuse/reuse.h"

#include "base/memory.h"
#include "prefix/reuse/chains.h"
#include "prefix/reuse/population.h"

struct mt_reuse {
    mt_model *model;
    mt_reuse_items items;
    mt_reuse_population **populations; /* NULL: has not made a request yet */
    uint64_t population_count;
    int of_chains; /* 1: there are these in place of populations */
    mt_reuse_chains **chains;
    uint64_t seed, made, next_id, next_session;
    int64_t first_time; /* of the chains' */
    mt_random copy_random;
};

enum { MEMORY_OF_CHAINS = 200 }; /* bytes a description, in each population */

static mt_code check(const mt_model *model, const mt_synthesis_options *options, mt_error *error) {
    mt_code code = mt_synthesis_check(options, error);
    if (code == MT_OK && options->block_size != model->block_size)
        code =
            mt_fail(error, MT_ERROR_VALUE, "the model's block size is %llu, not %llu",
                    (unsigned long long)model->block_size, (unsigned long long)options->block_size);
    return code;
}

static mt_code check_populations(const mt_reuse *reuse, mt_error *error) {
    uint64_t each = reuse->of_chains ? MEMORY_OF_CHAINS * reuse->model->count
                                     : mt_reuse_population_memory(&reuse->items);
    if (reuse->population_count <= MT_REUSE_MEMORY / each)
        return MT_OK;
    return mt_fail(error, MT_ERROR_VALUE,
                   "a prefix root multiplier of %llu is too much for the reuse method: with this "
                   "source at most %llu populations fit into %llu GiB",
                   (unsigned long long)reuse->population_count,
                   (unsigned long long)(MT_REUSE_MEMORY / each),
                   (unsigned long long)(MT_REUSE_MEMORY >> 30));
}

static mt_code open_chains(mt_reuse *reuse, const mt_synthesis_options *options, mt_error *error) {
    reuse->chains = mt_allocate_zero(reuse->population_count, sizeof(void *)); // NOLINT
    if (!reuse->chains)
        return mt_fail_memory(error, "synthesiser");
    for (uint64_t p = 0; p < reuse->population_count; p++)
        if (!(reuse->chains[p] =
                  mt_reuse_chains_open(reuse->model, &reuse->items, options, p, error)))
            return mt_code_of(error);
    return MT_OK;
}

static mt_reuse *new_reuse(mt_model *model, const mt_synthesis_options *options, int of_chains,
                           mt_error *error) {
    if (check(model, options, error) != MT_OK)
        return NULL;
    mt_reuse *reuse = mt_new(sizeof *reuse, "synthesiser", error);
    if (!reuse)
        return NULL;
    reuse->model = mt_model_retain(model);
    reuse->seed = options->seed;
    reuse->population_count = options->prefix_root_multiplier;
    mt_random_begin(&reuse->copy_random, options->seed, "synthesize", "copy");
    reuse->of_chains = of_chains;
    mt_code code = of_chains ? mt_reuse_items_choose(&reuse->items, model, options, error)
                             : mt_reuse_items_make(&reuse->items, model, options, error);
    if (code == MT_OK && (code = check_populations(reuse, error)) == MT_OK && of_chains)
        code = open_chains(reuse, options, error);
    else if (code == MT_OK &&
             !(reuse->populations = mt_allocate_zero(reuse->population_count, sizeof(void *))))
        code = mt_fail_memory(error, "synthesiser");
    if (code == MT_OK)
        return reuse;
    mt_reuse_free(reuse);
    return NULL;
}

mt_reuse *mt_reuse_new(mt_model *model, const mt_synthesis_options *options, mt_error *error) {
    return new_reuse(model, options, 0, error);
}

mt_reuse *mt_reuse_new_of_chains(mt_model *model, const mt_synthesis_options *options,
                                 mt_error *error) {
    return new_reuse(model, options, 1, error);
}

static void free_population(mt_reuse_population *population) {
    if (!population)
        return;
    mt_reuse_population_free(population);
    mt_free(population);
}

void mt_reuse_free(mt_reuse *reuse) {
    if (!reuse)
        return;
    for (uint64_t p = 0; reuse->populations && p < reuse->population_count; p++)
        free_population(reuse->populations[p]);
    mt_free(reuse->populations);
    for (uint64_t p = 0; reuse->chains && p < reuse->population_count; p++)
        mt_reuse_chains_free(reuse->chains[p]);
    mt_free(reuse->chains);
    mt_reuse_items_free(&reuse->items);
    mt_model_release(reuse->model);
    mt_free(reuse);
}

static mt_code open_population(mt_reuse *reuse, uint64_t number, mt_error *error) {
    mt_reuse_population *population = mt_new(sizeof *population, "synthesiser", error);
    if (!population)
        return MT_ERROR_MEMORY;
    mt_code code = mt_reuse_population_open(population, &reuse->items, reuse->seed, number, error);
    if (code)
        free_population(population);
    else
        reuse->populations[number] = population;
    return code;
}

void mt_reuse_spread(mt_reuse *reuse) {
    for (uint64_t p = 0; p < reuse->population_count; p++)
        mt_reuse_chains_spread(reuse->chains[p]);
}

/* The soonest request of all populations' chains. */
static mt_code next_of_chains(mt_reuse *reuse, mt_synthetic *made, mt_error *error) {
    uint64_t soonest = 0;
    int64_t least = INT64_MAX, time;
    for (uint64_t p = 0; p < reuse->population_count && reuse->population_count > 1; p++) {
        mt_code code = mt_reuse_chains_peek(reuse->chains[p], &time, error);
        if (code)
            return code;
        if (time < least) {
            least = time;
            soonest = p;
        }
    }
    mt_code code = mt_reuse_chains_next(reuse->chains[soonest], &reuse->next_id,
                                        &reuse->next_session, made, error);
    if (code)
        return code;
    if (reuse->made++ == 0)
        reuse->first_time = made->time_ns;
    made->time_ns -= reuse->first_time;
    return MT_OK;
}

mt_code mt_reuse_next(mt_reuse *reuse, mt_synthetic *made, mt_error *error) {
    if (reuse->of_chains)
        return next_of_chains(reuse, made, error);
    uint64_t number = 0;
    mt_random_seek(&reuse->copy_random, reuse->made++);
    if (reuse->population_count > 1)
        number = mt_random_below(&reuse->copy_random, reuse->population_count);
    mt_code code = MT_OK;
    if (!reuse->populations[number])
        code = open_population(reuse, number, error);
    return code
               ? code
               : mt_reuse_population_next(reuse->populations[number], &reuse->next_id, made, error);
}
