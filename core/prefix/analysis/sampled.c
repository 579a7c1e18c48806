#include "prefix/analysis/sampled_state.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "prefix/analysis/future.h"

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
    sample->path = mt_allocate(2 * longest, sizeof *sample->path);
    sample->next = mt_allocate(longest, sizeof *sample->next);
    mt_code code = !sample->hits[0] || !sample->hits[1] || !sample->path || !sample->next
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
    mt_free(sample->next);
    mt_free(sample);
}

/* ---- playing ---- */

typedef struct play {
    mt_block_sample *sample;
    mt_hit_rule rule;
    mt_cache *cache, *lru, *fifo; /* of the sample */
    mt_cache *parts[PARTS];       /* the policy's, of each part */
    mt_future future;             /* of a policy that looks ahead */
    mt_sample_counts counts;
} play;

/* One member of a request's path, and what a hit there counts by each measure. */
typedef struct use {
    const mt_sample_member *member;
    double weight, part_weight;
    double values[MEASURES];
} use;

/* Member number `at` of request r's path; 0 from where on nothing hits in any cache, and for the last block
 * where that does not count. */
static int find_use(const play *self, size_t r, uint32_t at, use *found) {
    const mt_block_sample *sample = self->sample;
    const mt_locality_row *row = &sample->locality->rows[r];
    uint32_t depth = sample->members[at].depth;
    if (depth >= row->known || mt_hits_by(self->rule, depth + 1, row->blocks) == depth)
        return 0;
    double tokens = (double)(mt_locality_tokens(sample->locality, row, depth + 1) -
                             mt_locality_tokens(sample->locality, row, depth));
    *found = (use){&sample->members[at],
                   (double)sample->weights[at],
                   (double)sample->part_weights[at],
                   {1.0 / row->blocks, 1, tokens, depth < row->within}};
    return 1;
}

static void add_values(mt_sample_tally *to, size_t place, const size_t *hits, const double *values,
                       double factor) {
    for (int m = 0; m < MEASURES; m++) {
        double value = values[m] * factor;
        to->own.of[m] += place < hits[0] ? value : 0;
        to->controls[MT_OF_LRU].of[m] += place < hits[MT_OF_LRU] ? value : 0;
        to->controls[MT_OF_FIFO].of[m] += place < hits[MT_OF_FIFO] ? value : 0;
        to->controls[MT_OF_ENDLESS].of[m] += value;
    }
}

/* Counts how much more each part's cache hits than the sample's, of the blocks of that part and those that
 * are in all. */
static void count_parts(mt_sample_counts *counts, const use *here, int is_hit, size_t place,
                        const size_t *part_hits) {
    for (size_t part = 0; part < PARTS; part++) {
        int more = (place < part_hits[part]) - is_hit;
        if (more == 0 || (here->weight > 1 && here->member->group % PARTS != part))
            continue;
        for (int m = 0; m < MEASURES; m++)
            counts->parts[part].of[m] += more * here->part_weight * here->values[m];
    }
}

/* Counts the members of request r's path; hits[]: the policy's, and the controls' from the second on. */
static void count_path(play *self, size_t r, size_t count, const size_t *hits,
                       const size_t *part_hits) {
    const mt_block_sample *sample = self->sample;
    mt_sample_counts *counts = &self->counts;
    use here;
    for (size_t i = 0; i < count && find_use(self, r, sample->path[i], &here); i++) {
        const double *values = here.values;
        add_values(&counts->all, i, hits, values, here.weight);
        if (here.weight > 1)
            add_values(&counts->groups[here.member->group], i, hits, values,
                       here.weight * sqrt(1 - 1 / here.weight));
        for (int k = 0; k < 2; k++) {
            int off = (i < hits[MT_OF_LRU + k]) - (here.member->depth < sample->hits[k][r]);
            for (int m = 0; m < MEASURES; m++)
                counts->off[k].of[m] += here.weight * values[m] * off;
        }
        count_parts(counts, &here, i < hits[0], i, part_hits);
    }
}

/* Where the policy looks ahead, by member of the path the next request that uses it. */
static const uint32_t *look_ahead(play *self, size_t r, size_t count) {
    mt_block_sample *sample = self->sample;
    uint32_t *next = sample->path + count;
    if (!self->future.first)
        return NULL;
    mt_future_of(&self->future, sample->locality, self->rule, r, sample->next);
    for (size_t i = 0; i < count; i++)
        next[i] = sample->next[sample->members[sample->path[i]].depth];
    return next;
}

static mt_code play_request(play *self, size_t r, mt_error *error) {
    mt_block_sample *sample = self->sample;
    size_t rare, hits[CONTROLS], part_hits[PARTS];
    mt_cache_path path = {.blocks = sample->path};
    path.count = mt_sample_find(sample, r, sample->path, &rare);
    if (path.count == 0)
        return MT_OK;
    mt_code code = mt_cache_reserve(self->cache, sample->count, error);
    for (int part = 0; code == MT_OK && part < PARTS; part++)
        code = mt_cache_reserve(self->parts[part], sample->count, error);
    if (code)
        return code;
    path.next = look_ahead(self, r, path.count);
    hits[MT_OF_LRU] = mt_cache_access(self->lru, &path);
    hits[MT_OF_FIFO] = mt_cache_access(self->fifo, &path);
    hits[0] = mt_cache_access(self->cache, &path);
    size_t own = rare < path.count ? mt_sample_part(sample, sample->path[rare]) : 0;
    for (size_t part = 0; part < PARTS; part++) {
        mt_cache_path here = path;
        here.count = part == own ? path.count : rare;
        part_hits[part] = mt_cache_access(self->parts[part], &here);
    }
    count_path(self, r, path.count, hits, part_hits);
    return MT_OK;
}

static mt_cache *open_cache(const mt_block_sample *sample, const mt_cache_spec *spec,
                            const float *weights, double most, mt_error *error) {
    mt_cache *cache = mt_cache_open(spec, error);
    if (cache)
        mt_cache_weigh(cache, weights, most);
    if (cache && mt_cache_reserve(cache, sample->count, error) == MT_OK)
        return cache;
    mt_cache_close(cache);
    return NULL;
}

static mt_code open_caches(play *self, const mt_cache_spec *spec, const double *most,
                           mt_error *error) {
    mt_block_sample *sample = self->sample;
    mt_cache_spec here = *spec;
    here.requests = (uint32_t)sample->locality->row_count;
    here.ttl_ns = MT_NO_TTL;
    mt_cache_spec lru = here, fifo = here;
    lru.policy = &mt_policy_lru;
    lru.order = MT_TOUCH_ROOT;
    fifo.policy = &mt_policy_fifo;
    if (!(self->cache = open_cache(sample, &here, sample->weights, most[0], error)) ||
        !(self->lru = open_cache(sample, &lru, sample->weights, most[0], error)) ||
        !(self->fifo = open_cache(sample, &fifo, sample->weights, most[0], error)))
        return mt_code_of(error);
    for (int i = 0; i < PARTS; i++)
        if (!(self->parts[i] = open_cache(sample, &here, sample->part_weights, most[1 + i], error)))
            return mt_code_of(error);
    return MT_OK;
}

static mt_code open_play(play *self, const mt_cache_spec *spec, mt_error *error) {
    mt_block_sample *sample = self->sample;
    double most[PARTS + 1];
    int is_endless = spec->size >= mt_prefix_tree_count(sample->locality->tree);
    mt_code code = is_endless ? MT_OK : mt_sample_held(sample, spec->size, most, error);
    for (int i = 0; i <= PARTS; i++)
        most[i] = is_endless ? INFINITY : most[i] * (double)spec->size;
    if (code == MT_OK)
        code = open_caches(self, spec, most, error);
    if (code == MT_OK && spec->policy->looks_ahead)
        code = mt_future_see(&self->future, sample->locality, error);
    return code;
}

static mt_code play_all(play *self, const mt_cache_spec *spec, mt_error *error) {
    mt_code code = open_play(self, spec, error);
    for (size_t r = 0; code == MT_OK && r < self->sample->locality->row_count; r++) {
        if (r % 4096 == 0)
            code = mt_poll_interrupt(error);
        if (code == MT_OK)
            code = play_request(self, r, error);
    }
    mt_cache_close(self->cache);
    mt_cache_close(self->lru);
    mt_cache_close(self->fifo);
    for (int i = 0; i < PARTS; i++)
        mt_cache_close(self->parts[i]);
    mt_future_free(&self->future);
    return code;
}

/* ---- what it says ---- */

/* Sums of what a tally gives as ratios, as those of a control. */
static void set_sums(const mt_played *played, int control, double whole[MEASURES][CONTROLS]) {
    whole[0][control] = played->ratio.request * (double)played->requests;
    whole[1][control] = played->ratio.block * (double)played->blocks;
    whole[2][control] = played->ratio.token * (double)played->tokens;
    whole[3][control] = played->within * (double)played->blocks;
}

/* What the controls come to over the whole, and the hits of two of them; *all: of an endless cache. */
static mt_code find_whole(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                          double whole[MEASURES][CONTROLS], mt_played *all, mt_error *error) {
    const mt_locality *locality = sample->locality;
    mt_locality_hits_lru(locality, UINT64_MAX, sample->hits[0]);
    *all = mt_locality_tally(locality, sample->hits[0], rule);
    set_sums(all, MT_OF_ENDLESS, whole);
    mt_locality_hits_lru(locality, spec->size, sample->hits[0]);
    mt_played played = mt_locality_tally(locality, sample->hits[0], rule);
    set_sums(&played, MT_OF_LRU, whole);
    mt_code code = mt_locality_hits_fifo(locality, spec->size, spec->order, sample->hits[1], error);
    if (code)
        return code;
    played = mt_locality_tally(locality, sample->hits[1], rule);
    set_sums(&played, MT_OF_FIFO, whole);
    return MT_OK;
}

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
    double whole[MEASURES][CONTROLS], values[MEASURES], misses[MEASURES];
    mt_played all;
    play *self = mt_new(sizeof *self, "sample", error);
    if (!self)
        return mt_code_of(error);
    self->sample = sample;
    self->rule = rule;
    mt_code code = find_whole(sample, spec, rule, whole, &all, error);
    if (code == MT_OK)
        code = play_all(self, spec, error);
    for (int m = 0; code == MT_OK && m < MEASURES; m++)
        misses[m] = (spec->policy->is_erratic ? 2 : 1) *
                    mt_sample_estimate(&self->counts, m, whole[m], &values[m]);
    if (code == MT_OK)
        set_ratios(sampled, &all, values, misses);
    mt_free(self);
    return code;
}
