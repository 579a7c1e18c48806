#include "prefix/analysis/sampled_state.h"

#include "base/assert.h"
#include <math.h>

enum { CONTROLS = MT_SAMPLE_CONTROLS, MEASURES = MT_SAMPLE_MEASURES, PARTS = MT_SAMPLE_PARTS };

mt_block_sample *mt_block_sample_new(const mt_locality *locality, double rate, uint64_t seed,
                                     mt_error *error) {
    mt_assert(rate > 0 && rate <= 1);
    mt_block_sample *sample = mt_new(sizeof *sample, "sample", error);
    if (!sample)
        return NULL;
    size_t longest = mt_locality_longest(locality);
    sample->locality = locality;
    sample->rate = rate;
    sample->seed = seed;
    for (int i = 0; i < 2; i++)
        sample->hits[i] = mt_allocate(locality->row_count, sizeof *sample->hits[i]);
    sample->path = mt_allocate(longest, sizeof *sample->path);
    mt_code code = !sample->hits[0] || !sample->hits[1] || !sample->path
                       ? mt_fail_memory(error, "sample")
                       : mt_sample_choose(sample, error);
    if (code == MT_OK)
        return sample;
    mt_block_sample_free(sample);
    return NULL;
}

void mt_block_sample_free(mt_block_sample *sample) {
    if (!sample)
        return;
    mt_big_free(&sample->nearest);
    mt_free(sample->members);
    mt_free(sample->weights);
    mt_free(sample->part_weights);
    mt_free(sample->hits[0]);
    mt_free(sample->hits[1]);
    mt_free(sample->path);
    mt_free(sample);
}

/* ---- what policies have in common ---- */

/* Sums of what a tally gives as ratios, as those of a control. */
static void set_sums(const mt_played *played, int control, double whole[MEASURES][CONTROLS]) {
    whole[0][control] = played->ratio.request * (double)played->requests;
    whole[1][control] = played->ratio.block * (double)played->blocks;
    whole[2][control] = played->ratio.token * (double)played->tokens;
    whole[3][control] = played->within * (double)played->blocks;
}

/* What the controls come to over the whole, and the hits of two of them. */
static mt_code find_whole(mt_block_sample *sample, mt_error *error) {
    const mt_locality *locality = sample->locality;
    mt_sample_common *common = &sample->common;
    mt_locality_hits_lru(locality, UINT64_MAX, MT_TOUCH_ROOT, sample->hits[0]);
    common->all = mt_locality_tally(locality, sample->hits[0], common->rule);
    set_sums(&common->all, MT_OF_ENDLESS, common->whole);
    mt_locality_hits_lru(locality, common->size, MT_TOUCH_ROOT, sample->hits[0]);
    mt_played played = mt_locality_tally(locality, sample->hits[0], common->rule);
    set_sums(&played, MT_OF_LRU, common->whole);
    mt_code code =
        mt_locality_hits_fifo(locality, common->size, common->order, sample->hits[1], error);
    if (code)
        return code;
    played = mt_locality_tally(locality, sample->hits[1], common->rule);
    set_sums(&played, MT_OF_FIFO, common->whole);
    return MT_OK;
}

static mt_code find_rooms(mt_block_sample *sample, mt_error *error) {
    mt_sample_common *common = &sample->common;
    int is_endless = common->size >= mt_prefix_tree_count(sample->locality->tree);
    mt_code code = is_endless ? MT_OK : mt_sample_held(sample, common->size, common->rooms, error);
    for (int i = 0; i <= PARTS; i++)
        common->rooms[i] = is_endless ? INFINITY : common->rooms[i] * (double)common->size;
    return code;
}

/* Once a size, for all policies that are played at it one after the other. */
static mt_code find_common(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                           mt_error *error) {
    mt_sample_common *common = &sample->common;
    if (common->size == spec->size && common->order == spec->order && common->rule == rule)
        return MT_OK;
    *common = (mt_sample_common){.size = spec->size, .order = spec->order, .rule = rule};
    mt_code code = find_whole(sample, error);
    if (code == MT_OK)
        code = find_rooms(sample, error);
    if (code == MT_OK)
        code = mt_sample_play_controls(sample, error);
    if (code)
        common->size = 0;
    return code;
}

/* ---- what it says ---- */

/* What the sums are as ratios, within what any cache can have. */
static void set_ratios(mt_sampled *sampled, const mt_played *all, const double *values,
                       const double *misses) {
    double requests = (double)all->requests, blocks = (double)all->blocks;
    double tokens = (double)all->tokens;
    mt_hit_ratio *ratio = &sampled->played.ratio;
    sampled->played = *all;
    ratio->request = fmin(fmax(values[0] / requests, 0), all->ratio.request);
    ratio->block = fmin(fmax(values[1] / blocks, 0), all->ratio.block);
    ratio->token = fmin(fmax(values[2] / tokens, 0), all->ratio.token);
    sampled->played.within = fmin(fmax(values[3] / blocks, 0), fmin(all->within, ratio->block));
    sampled->error = (mt_hit_ratio){misses[0] / requests, misses[1] / blocks, misses[2] / tokens};
}

mt_code mt_block_sample_play(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                             mt_sampled *sampled, mt_error *error) {
    double values[MEASURES], misses[MEASURES];
    mt_assert(spec->policy->is_sampled && spec->ttl_ns == MT_NO_TTL);
    mt_sample_counts *counts = mt_new(sizeof *counts, "sample", error);
    if (!counts)
        return mt_code_of(error);
    mt_code code = find_common(sample, spec, rule, error);
    if (code == MT_OK)
        code = mt_sample_play_policy(sample, spec, counts, error);
    for (int m = 0; code == MT_OK && m < MEASURES; m++)
        misses[m] = mt_sample_estimate(counts, m, sample->common.whole[m], &values[m]);
    if (code == MT_OK)
        set_ratios(sampled, &sample->common.all, values, misses);
    mt_free(counts);
    return code;
}
