/* What is played on a sample: a policy with the sample's parts, and the controls. */
#include "prefix/analysis/sampled_state.h"

#include "base/interrupt.h"

#include <math.h>

enum { MEASURES = MT_SAMPLE_MEASURES, PARTS = MT_SAMPLE_PARTS };

/* One member of a request's path, and what a hit there counts by each measure. */
typedef struct use {
    const mt_sample_member *member;
    double weight, part_weight;
    double values[MEASURES];
} use;

/* Member number `at` of request r's path; 0 from where on nothing hits in any cache, and for the last block
 * where that does not count. */
static int find_use(const mt_block_sample *sample, size_t r, uint32_t at, use *found) {
    const mt_locality_row *row = &sample->locality->rows[r];
    uint32_t depth = sample->members[at].depth;
    if (depth >= row->known || mt_hits_by(sample->common.rule, depth + 1, row->blocks) == depth)
        return 0;
    double tokens = (double)(mt_locality_tokens(sample->locality, row, depth + 1) -
                             mt_locality_tokens(sample->locality, row, depth));
    *found = (use){&sample->members[at],
                   (double)sample->weights[at],
                   (double)sample->part_weights[at],
                   {1.0 / row->blocks, 1, tokens, depth < row->within}};
    return 1;
}

static void add_values(mt_sample_sums *to, const double *values, double factor) {
    for (int m = 0; m < MEASURES; m++)
        to->of[m] += values[m] * factor;
}

/* What a use counts where it may not have been in the sample; of one that is in all samples 0. */
static double factor_of_group(const use *here) {
    return here->weight * sqrt(1 - 1 / here->weight);
}

static mt_cache *open_cache(const mt_block_sample *sample, const mt_cache_spec *spec,
                            const float *weights, double room, mt_error *error) {
    mt_cache *cache = mt_cache_open(spec, error);
    if (cache)
        mt_cache_weigh(cache, weights, room);
    if (cache && mt_cache_reserve(cache, sample->count, error) == MT_OK)
        return cache;
    mt_cache_close(cache);
    return NULL;
}

/* ---- the controls ---- */

/* Adds what hits of a use to the controls, in the sample and in its group. */
static void count_controls(mt_sample_counts *counts, const use *here, const int *is_hit) {
    double factor = factor_of_group(here);
    mt_sample_tally *group = &counts->groups[here->member->group];
    for (int k = 0; k < MT_SAMPLE_CONTROLS; k++)
        if (is_hit[k]) {
            add_values(&counts->all.controls[k], here->values, here->weight);
            if (factor > 0)
                add_values(&group->controls[k], here->values, factor);
        }
}

/* One request: what it hits in both caches, and how far that is off from what it hits in the whole. */
static void play_request_of_controls(mt_block_sample *sample, size_t r, mt_cache *const caches[2]) {
    mt_sample_counts *counts = &sample->common.counts;
    size_t rare, hits[2];
    mt_cache_path path = {.blocks = sample->path};
    use here;
    path.count = mt_sample_find(sample, r, sample->path, &rare);
    for (int k = 0; k < 2; k++)
        hits[k] = mt_cache_access(caches[k], &path);
    for (size_t i = 0; i < path.count && find_use(sample, r, sample->path[i], &here); i++) {
        int is_hit[MT_SAMPLE_CONTROLS] = {1, i < hits[0], i < hits[1]};
        count_controls(counts, &here, is_hit);
        for (int k = 0; k < 2; k++) {
            int off = is_hit[1 + k] - (here.member->depth < sample->hits[k][r]);
            if (off)
                add_values(&counts->off[k], here.values, here.weight * off);
        }
    }
}

mt_code mt_sample_play_controls(mt_block_sample *sample, mt_error *error) {
    const mt_sample_common *common = &sample->common;
    mt_cache_spec lru = {.policy = &mt_policy_lru,
                         .size = common->size,
                         .order = MT_TOUCH_ROOT,
                         .ttl_ns = MT_NO_TTL};
    mt_cache_spec fifo = lru;
    fifo.policy = &mt_policy_fifo;
    fifo.order = common->order;
    mt_cache *caches[2] = {open_cache(sample, &lru, sample->weights, common->rooms[0], error),
                           NULL};
    if (caches[0])
        caches[1] = open_cache(sample, &fifo, sample->weights, common->rooms[0], error);
    mt_code code = caches[1] ? MT_OK : mt_code_of(error);
    for (size_t r = 0; code == MT_OK && r < sample->locality->row_count; r++) {
        if (r % 4096 == 0)
            code = mt_poll_interrupt(error);
        if (code == MT_OK)
            play_request_of_controls(sample, r, caches);
    }
    mt_cache_close(caches[0]);
    mt_cache_close(caches[1]);
    return code;
}

/* ---- a policy ---- */

typedef struct play {
    mt_block_sample *sample;
    mt_cache *cache;        /* of the sample */
    mt_cache *parts[PARTS]; /* of each part */
    mt_sample_counts *counts;
} play;

/* Counts how much more each part's cache hits than the sample's, of the blocks of that part and those that
 * are in all. */
static void count_parts(mt_sample_counts *counts, const use *here, int is_hit, size_t place,
                        const size_t *part_hits) {
    for (size_t part = 0; part < PARTS; part++) {
        int more = (place < part_hits[part]) - is_hit;
        if (more == 0 || (here->weight > 1 && here->member->group % PARTS != part))
            continue;
        add_values(&counts->parts[part], here->values, more * here->part_weight);
    }
}

/* Counts what hits of request r's path: in the sample's cache, and in those of the parts. */
static void count_hits(play *self, size_t r, size_t hits, const size_t *part_hits) {
    mt_sample_counts *counts = self->counts;
    size_t most = hits;
    use here;
    for (size_t part = 0; part < PARTS; part++)
        most = part_hits[part] > most ? part_hits[part] : most;
    for (size_t i = 0; i < most && find_use(self->sample, r, self->sample->path[i], &here); i++) {
        double factor = factor_of_group(&here);
        if (i < hits)
            add_values(&counts->all.own, here.values, here.weight);
        if (i < hits && factor > 0)
            add_values(&counts->groups[here.member->group].own, here.values, factor);
        count_parts(counts, &here, i < hits, i, part_hits);
    }
}

static void play_request(play *self, size_t r) {
    mt_block_sample *sample = self->sample;
    size_t rare, part_hits[PARTS];
    mt_cache_path path = {.blocks = sample->path};
    path.count = mt_sample_find(sample, r, sample->path, &rare);
    if (path.count == 0)
        return;
    size_t hits = mt_cache_access(self->cache, &path);
    size_t own = rare < path.count ? mt_sample_part(sample, sample->path[rare]) : 0;
    for (size_t part = 0; part < PARTS; part++) {
        mt_cache_path here = path;
        here.count = part == own ? path.count : rare;
        part_hits[part] = mt_cache_access(self->parts[part], &here);
    }
    count_hits(self, r, hits, part_hits);
}

static mt_code open_play(play *self, const mt_cache_spec *spec, mt_error *error) {
    mt_block_sample *sample = self->sample;
    const double *rooms = sample->common.rooms;
    if (!(self->cache = open_cache(sample, spec, sample->weights, rooms[0], error)))
        return mt_code_of(error);
    for (int i = 0; i < PARTS; i++)
        if (!(self->parts[i] = open_cache(sample, spec, sample->part_weights, rooms[1 + i], error)))
            return mt_code_of(error);
    return MT_OK;
}

mt_code mt_sample_play_policy(mt_block_sample *sample, const mt_cache_spec *spec,
                              mt_sample_counts *counts, mt_error *error) {
    play self = {.sample = sample, .counts = counts};
    *counts = sample->common.counts;
    mt_code code = open_play(&self, spec, error);
    for (size_t r = 0; code == MT_OK && r < sample->locality->row_count; r++) {
        if (r % 4096 == 0)
            code = mt_poll_interrupt(error);
        if (code == MT_OK)
            play_request(&self, r);
    }
    mt_cache_close(self.cache);
    for (int i = 0; i < PARTS; i++)
        mt_cache_close(self.parts[i]);
    return code;
}
