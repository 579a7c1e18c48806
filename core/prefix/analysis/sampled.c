#include "prefix/analysis/sampled.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "prefix/analysis/future.h"
#include "prefix/analysis/locality_state.h"

#include <math.h>
#include <string.h>

enum { GROUPS = 128, CONTROLS = 3, MEASURES = 4 };

#define NONE UINT32_MAX
#define OFTEN 3.0 /* uses, times one over the rate: of blocks that are in all samples */

/* A block of the sample. */
typedef struct member {
    uint32_t parent; /* the next one above it that is in the sample, NONE where there is none */
    uint32_t depth;  /* its place in the paths it is in, from 0 */
    uint32_t group;
} member;

struct mt_block_sample {
    const mt_locality *locality;
    double rate;
    uint64_t seed;
    mt_big nearest;  /* uint32_t by block: the member that it is, or that is next above it; NONE */
    member *members; /* numbered by first appearance, as blocks are */
    float *weights;  /* by member: blocks that it stands for */
    size_t count, capacity, weight_capacity;
    uint32_t *hits[2]; /* by request: of the whole in an LRU cache, and first in, first out */
    uint32_t *path;    /* scratch: members of a request, then their next uses */
    uint32_t *next;    /* scratch: of all blocks of a request */
};

/* Hits by request, block, token and within sessions, summed over the uses of the sample, weighted. */
typedef struct sums {
    double of[MEASURES];
} sums;

/* The policy's own and those of the controls. */
typedef struct tally {
    sums own, controls[CONTROLS];
} tally;

/* ---- which blocks ---- */

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014: its mixing. */
static uint64_t mixed(uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static mt_code add_member(mt_block_sample *sample, uint32_t above, uint32_t depth, uint64_t hash,
                          double share, mt_error *error) {
    if (MT_GROW(sample->members, sample->capacity, sample->count + 1) ||
        MT_GROW(sample->weights, sample->weight_capacity, sample->count + 1))
        return mt_fail_memory(error, "sample");
    sample->weights[sample->count] = (float)(1 / share);
    sample->members[sample->count++] = (member){above, depth, (uint32_t)(mixed(hash) % GROUPS)};
    return sample->count % 65536 == 0 ? mt_poll_interrupt(error) : MT_OK;
}

/* Depths and families of blocks are needed for a moment, those of members stay. */
static mt_code choose(mt_block_sample *sample, mt_big *depths, mt_big *families, mt_error *error) {
    uint32_t count = mt_prefix_tree_count(sample->locality->tree);
    const uint32_t *parents = mt_prefix_tree_parents(sample->locality->tree);
    size_t bytes = ((size_t)count + 1) * sizeof(uint32_t);
    if (mt_big_reserve(&sample->nearest, bytes) || mt_big_reserve(depths, bytes) ||
        mt_big_reserve(families, bytes))
        return mt_fail_memory(error, "sample");
    uint32_t *nearest = sample->nearest.data, *depth = depths->data, *family = families->data;
    double most = OFTEN / sample->rate;
    for (uint32_t block = 0; block < count; block++) {
        uint32_t parent = parents[block];
        uint64_t hash = 0;
        double share = 1;
        depth[block] = parent == MT_NO_BLOCK ? 0 : depth[parent] + 1;
        family[block] = NONE;
        nearest[block] = parent == MT_NO_BLOCK ? NONE : nearest[parent];
        if (sample->rate < 1 && mt_history_visits(sample->locality->history, block) < most) {
            family[block] =
                parent != MT_NO_BLOCK && family[parent] != NONE ? family[parent] : block;
            hash = mixed(mixed(sample->seed) ^ family[block]);
            share = sample->rate;
            if ((double)(hash >> 11) * 0x1p-53 >= share)
                continue;
        }
        uint32_t above = nearest[block];
        nearest[block] = (uint32_t)sample->count;
        mt_code code = add_member(sample, above, depth[block], hash, share, error);
        if (code)
            return code;
    }
    return MT_OK;
}

mt_block_sample *mt_block_sample_new(const mt_locality *locality, double rate, uint64_t seed,
                                     mt_error *error) {
    mt_assert(rate > 0 && rate <= 1);
    mt_block_sample *sample = mt_new(sizeof *sample, "sample", error);
    if (!sample)
        return NULL;
    size_t longest = mt_locality_longest(locality);
    mt_big depths = {0}, families = {0};
    sample->locality = locality;
    sample->rate = rate;
    sample->seed = seed;
    for (int i = 0; i < 2; i++)
        sample->hits[i] = mt_allocate(locality->row_count, sizeof *sample->hits[i]);
    sample->path = mt_allocate(2 * longest, sizeof *sample->path);
    sample->next = mt_allocate(longest, sizeof *sample->next);
    mt_code code = !sample->hits[0] || !sample->hits[1] || !sample->path || !sample->next
                       ? mt_fail_memory(error, "sample")
                       : choose(sample, &depths, &families, error);
    mt_big_free(&depths);
    mt_big_free(&families);
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
    mt_free(sample->hits[0]);
    mt_free(sample->hits[1]);
    mt_free(sample->path);
    mt_free(sample->next);
    mt_free(sample);
}

/* The members of request r, from the root on; how many there are. */
static size_t find_members(const mt_block_sample *sample, size_t r, uint32_t *path) {
    const mt_locality_row *row = &sample->locality->rows[r];
    if (row->blocks == 0)
        return 0;
    uint32_t leaf = ((const uint32_t *)sample->nearest.data)[row->leaf];
    size_t count = 0;
    for (uint32_t at = leaf; at != NONE; at = sample->members[at].parent)
        count++;
    size_t i = count;
    for (uint32_t at = leaf; at != NONE; at = sample->members[at].parent)
        path[--i] = at;
    return count;
}

/* ---- the size of the sample's cache ---- */

/* An LRU cache of the whole: it holds what the requests from `oldest` on touched last. */
typedef struct window {
    uint32_t *blocks; /* by request: blocks that it touched last */
    double *weight;   /* of the members among them */
    uint32_t *owner;  /* by member: who touched it last; NONE */
    uint64_t held;
    double held_weight;
    size_t oldest;
} window;

static void give_up(window *self, uint32_t request, uint32_t blocks, double weight) {
    self->blocks[request] -= blocks;
    self->weight[request] -= weight;
    if (request < self->oldest)
        return;
    self->held -= blocks;
    self->held_weight -= weight;
}

/* The request touches its blocks, whose runs are [run, end). */
static void pass(window *self, mt_block_sample *sample, size_t r, size_t run, size_t end) {
    const mt_locality *locality = sample->locality;
    for (; run < end; run++)
        give_up(self, locality->runs[run].owner, locality->runs[run].blocks, 0);
    size_t count = find_members(sample, r, sample->path);
    double weight = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = sample->path[i];
        double here = (double)sample->weights[at];
        if (self->owner[at] != NONE)
            give_up(self, self->owner[at], 0, here);
        self->owner[at] = (uint32_t)r;
        weight += here;
    }
    self->blocks[r] = locality->rows[r].blocks;
    self->weight[r] = weight;
    self->held += self->blocks[r];
    self->held_weight += weight;
}

/* What the sample holds of an LRU cache of `size` blocks, a mean over the requests that find it full, in
 * parts of what it should be. */
static mt_code mean_held(mt_block_sample *sample, uint64_t size, double *share, mt_error *error) {
    const mt_locality *locality = sample->locality;
    size_t rows = locality->row_count, run = 0, end = 0;
    window self = {mt_allocate(rows + 1, sizeof *self.blocks),
                   mt_allocate(rows + 1, sizeof *self.weight),
                   mt_allocate(sample->count + 1, sizeof *self.owner),
                   0,
                   0,
                   0};
    int is_there = self.blocks && self.weight && self.owner;
    mt_code code = is_there ? MT_OK : mt_fail_memory(error, "sample");
    double held = 0, weight = 0;
    if (is_there)
        memset(self.owner, 0xff, sample->count * sizeof *self.owner);
    for (size_t r = 0; is_there && code == MT_OK && r < rows; r++, run = end) {
        while (end < locality->run_count && locality->runs[end].request == r)
            end++;
        pass(&self, sample, r, run, end);
        for (; self.held > size; self.oldest++) {
            self.held -= self.blocks[self.oldest];
            self.held_weight -= self.weight[self.oldest];
        }
        held += self.oldest > 0 ? (double)self.held : 0;
        weight += self.oldest > 0 ? self.held_weight : 0;
        if (r % 4096 == 0)
            code = mt_poll_interrupt(error);
    }
    *share = weight > 0 ? weight / held : 1;
    mt_free(self.blocks);
    mt_free(self.weight);
    mt_free(self.owner);
    return code;
}

/* ---- playing ---- */

enum { OF_ENDLESS, OF_LRU, OF_FIFO };

typedef struct play {
    mt_block_sample *sample;
    mt_hit_rule rule;
    mt_cache *cache, *lru, *fifo; /* of the sample */
    mt_future future;             /* of a policy that looks ahead */
    tally all;                    /* weighted sums over the sample */
    tally groups[GROUPS];         /* of those that may not have been in it, times sqrt(1 - share) */
    sums off
        [2]; /* how far the sample's caches are from what its members had in those of the whole */
} play;

static void add_values(tally *to, size_t place, const size_t *hits, const double *values,
                       double factor) {
    for (int m = 0; m < MEASURES; m++) {
        double value = values[m] * factor;
        to->own.of[m] += place < hits[0] ? value : 0;
        to->controls[OF_LRU].of[m] += place < hits[OF_LRU] ? value : 0;
        to->controls[OF_FIFO].of[m] += place < hits[OF_FIFO] ? value : 0;
        to->controls[OF_ENDLESS].of[m] += value;
    }
}

/* Counts the members of request r's path; hits[]: the policy's, and the controls' from the second on. */
static void count_path(play *self, size_t r, size_t count, const size_t *hits) {
    const mt_block_sample *sample = self->sample;
    const mt_locality_row *row = &sample->locality->rows[r];
    for (size_t i = 0; i < count; i++) {
        const member *here = &sample->members[sample->path[i]];
        uint32_t depth = here->depth;
        if (depth >= row->known)
            break; /* nothing hits from here on */
        if (mt_hits_by(self->rule, depth + 1, row->blocks) == depth)
            continue; /* the last block, which does not count */
        double tokens = (double)(mt_locality_tokens(sample->locality, row, depth + 1) -
                                 mt_locality_tokens(sample->locality, row, depth));
        double values[MEASURES] = {1.0 / row->blocks, 1, tokens, depth < row->within};
        double weight = (double)sample->weights[sample->path[i]];
        add_values(&self->all, i, hits, values, weight);
        if (weight > 1)
            add_values(&self->groups[here->group], i, hits, values, weight * sqrt(1 - 1 / weight));
        for (int k = 0; k < 2; k++)
            for (int m = 0; m < MEASURES; m++)
                self->off[k].of[m] +=
                    weight * values[m] * ((i < hits[OF_LRU + k]) - (depth < sample->hits[k][r]));
    }
}

static mt_code play_request(play *self, size_t r, mt_error *error) {
    mt_block_sample *sample = self->sample;
    mt_cache_path path = {.blocks = sample->path};
    path.count = find_members(sample, r, sample->path);
    if (path.count == 0)
        return MT_OK;
    mt_code code = mt_cache_reserve(self->cache, sample->count, error);
    if (code)
        return code;
    size_t hits[CONTROLS];
    hits[OF_LRU] = mt_cache_access(self->lru, &path);
    hits[OF_FIFO] = mt_cache_access(self->fifo, &path);
    if (self->future.first) {
        uint32_t *next = sample->path + path.count;
        mt_future_of(&self->future, sample->locality, self->rule, r, sample->next);
        for (size_t i = 0; i < path.count; i++)
            next[i] = sample->next[sample->members[sample->path[i]].depth];
        path.next = next;
    }
    hits[0] = mt_cache_access(self->cache, &path);
    count_path(self, r, path.count, hits);
    return MT_OK;
}

static mt_cache *open_cache(const mt_block_sample *sample, const mt_cache_spec *spec, double most,
                            mt_error *error) {
    mt_cache *cache = mt_cache_open(spec, error);
    if (cache)
        mt_cache_weigh(cache, sample->weights, most);
    if (cache && mt_cache_reserve(cache, sample->count, error) == MT_OK)
        return cache;
    mt_cache_close(cache);
    return NULL;
}

static mt_code open_play(play *self, const mt_cache_spec *spec, mt_error *error) {
    mt_block_sample *sample = self->sample;
    double share = 1, most = INFINITY;
    if (spec->size < mt_prefix_tree_count(sample->locality->tree)) {
        mt_code code = mean_held(sample, spec->size, &share, error);
        if (code)
            return code;
        most = (double)spec->size * share;
    }
    mt_cache_spec here = *spec;
    here.requests = (uint32_t)sample->locality->row_count;
    here.ttl_ns = MT_NO_TTL;
    if (spec->size < UINT64_MAX)
        here.size = (uint64_t)fmax(1, nearbyint((double)spec->size * sample->rate));
    mt_cache_spec lru = here, fifo = here;
    lru.policy = &mt_policy_lru;
    lru.order = MT_TOUCH_ROOT;
    fifo.policy = &mt_policy_fifo;
    if (!(self->cache = open_cache(sample, &here, most, error)) ||
        !(self->lru = open_cache(sample, &lru, most, error)) ||
        !(self->fifo = open_cache(sample, &fifo, most, error)))
        return mt_code_of(error);
    return spec->policy->looks_ahead ? mt_future_see(&self->future, sample->locality, error)
                                     : MT_OK;
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
    mt_future_free(&self->future);
    return code;
}

/* ---- what it says ---- */

/* The value of group g: place 0..CONTROLS-1 the controls, CONTROLS the policy's own. */
static double value_of(const tally *one, int place, int m) {
    return place < CONTROLS ? one->controls[place].of[m] : one->own.of[m];
}

/* Products of the groups' deviations: of each control with each, and with the policy's own. */
static void find_products(const play *self, int m, const double *mean,
                          double products[CONTROLS][CONTROLS + 1]) {
    for (int i = 0; i < CONTROLS; i++)
        for (int j = 0; j <= CONTROLS; j++) {
            products[i][j] = 0;
            for (int g = 0; g < GROUPS; g++)
                products[i][j] += (value_of(&self->groups[g], i, m) - mean[i]) *
                                  (value_of(&self->groups[g], j, m) - mean[j]);
        }
}

/* Least squares by Gauss and Jordan; the slope of a control that says nothing beyond those before it is
 * 0. Gives how many say something. */
static int find_slopes(double products[CONTROLS][CONTROLS + 1], double *slopes) {
    double least[CONTROLS];
    int used[CONTROLS] = {0}, count = 0;
    for (int i = 0; i < CONTROLS; i++)
        least[i] = 1e-6 * products[i][i];
    for (int k = 0; k < CONTROLS; k++) {
        if (!(products[k][k] > least[k]))
            continue;
        used[k] = 1;
        count++;
        for (int i = 0; i < CONTROLS; i++) {
            double factor = i == k ? 0 : products[i][k] / products[k][k];
            for (int j = 0; j <= CONTROLS; j++)
                products[i][j] -= factor * products[k][j];
        }
    }
    for (int k = 0; k < CONTROLS; k++)
        slopes[k] = used[k] ? products[k][CONTROLS] / products[k][k] : 0;
    return count;
}

/* Estimates the sum of measure m from the controls' sums over the whole; gives its standard error. */
static double estimate(const play *self, int m, double whole[CONTROLS][MEASURES], double *sum) {
    double mean[CONTROLS + 1] = {0}, products[CONTROLS][CONTROLS + 1], slopes[CONTROLS];
    for (int i = 0; i <= CONTROLS; i++)
        for (int g = 0; g < GROUPS; g++)
            mean[i] += value_of(&self->groups[g], i, m) / GROUPS;
    find_products(self, m, mean, products);
    int count = find_slopes(products, slopes);
    *sum = self->all.own.of[m];
    for (int k = 0; k < CONTROLS; k++)
        *sum += slopes[k] * (whole[k][m] - self->all.controls[k].of[m]);
    double squares = 0, off = 0;
    for (int g = 0; g < GROUPS; g++) {
        double rest = value_of(&self->groups[g], CONTROLS, m) - mean[CONTROLS];
        for (int k = 0; k < CONTROLS; k++)
            rest -= slopes[k] * (value_of(&self->groups[g], k, m) - mean[k]);
        squares += rest * rest;
    }
    for (int k = 0; k < 2; k++)
        off += self->off[k].of[m] * self->off[k].of[m];
    return sqrt(squares * GROUPS / (GROUPS - 1 - count) + off / 2);
}

/* Sums of what a tally gives as ratios. */
static void sums_of(const mt_played *played, double *to) {
    to[0] = played->ratio.request * (double)played->requests;
    to[1] = played->ratio.block * (double)played->blocks;
    to[2] = played->ratio.token * (double)played->tokens;
    to[3] = played->within * (double)played->blocks;
}

/* What the controls come to over the whole, and the hits of two of them; *all: of an endless cache. */
static mt_code find_whole(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                          double whole[CONTROLS][MEASURES], mt_played *all, mt_error *error) {
    const mt_locality *locality = sample->locality;
    mt_locality_hits_lru(locality, UINT64_MAX, sample->hits[0]);
    *all = mt_locality_tally(locality, sample->hits[0], rule);
    sums_of(all, whole[OF_ENDLESS]);
    mt_locality_hits_lru(locality, spec->size, sample->hits[0]);
    mt_played played = mt_locality_tally(locality, sample->hits[0], rule);
    sums_of(&played, whole[OF_LRU]);
    mt_code code = mt_locality_hits_fifo(locality, spec->size, spec->order, sample->hits[1], error);
    if (code)
        return code;
    played = mt_locality_tally(locality, sample->hits[1], rule);
    sums_of(&played, whole[OF_FIFO]);
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
    double whole[CONTROLS][MEASURES], values[MEASURES], misses[MEASURES];
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
        misses[m] = estimate(self, m, whole, &values[m]);
    if (code == MT_OK)
        set_ratios(sampled, &all, values, misses);
    mt_free(self);
    return code;
}
