#include "prefix/analysis/sampled.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "prefix/analysis/future.h"
#include "prefix/analysis/locality_state.h"

#include <math.h>
#include <string.h>

enum { GROUPS = 32, EVERY = GROUPS };

#define NONE UINT32_MAX
#define OFTEN 10.0 /* uses, times one over the rate: of blocks that are in all samples */

/* A block of the sample. */
typedef struct member {
    uint32_t parent; /* the next one above it that is in the sample, NONE where there is none */
    uint32_t depth;  /* its place in the paths it is in, from 0 */
    uint32_t group;  /* EVERY: it is in all samples */
} member;

struct mt_block_sample {
    const mt_locality *locality;
    double rate;
    uint64_t seed;
    mt_big nearest;  /* uint32_t by block: the member that it is, or that is next above it; NONE */
    member *members; /* numbered by first appearance, as blocks are */
    size_t count, capacity;
    size_t every;   /* members that are in all samples */
    uint32_t *hits; /* scratch: by request */
    uint32_t *path; /* scratch: members of a request, then their next uses */
    uint32_t *next; /* scratch: of all blocks of a request */
};

/* Of three weights; by group. */
typedef struct difference {
    double request[GROUPS + 1], block[GROUPS + 1], token[GROUPS + 1], within[GROUPS + 1];
} difference;

/* ---- which blocks ---- */

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014: its mixing. */
static uint64_t mixed(uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static mt_code add_member(mt_block_sample *sample, uint32_t above, uint32_t depth, uint32_t group,
                          mt_error *error) {
    if (MT_GROW(sample->members, sample->capacity, sample->count + 1))
        return mt_fail_memory(error, "sample");
    sample->members[sample->count++] = (member){above, depth, group};
    sample->every += group == EVERY;
    return MT_OK;
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
        uint32_t parent = parents[block], group = EVERY;
        uint32_t above = parent == MT_NO_BLOCK ? NONE : nearest[parent];
        depth[block] = parent == MT_NO_BLOCK ? 0 : depth[parent] + 1;
        family[block] = NONE;
        nearest[block] = above;
        if (sample->rate < 1 && mt_history_visits(sample->locality->history, block) < most) {
            family[block] =
                parent != MT_NO_BLOCK && family[parent] != NONE ? family[parent] : block;
            uint64_t hash = mixed(mixed(sample->seed) ^ family[block]);
            if ((double)(hash >> 11) * 0x1p-53 >= sample->rate)
                continue;
            group = (uint32_t)(mixed(hash) % GROUPS);
        }
        nearest[block] = (uint32_t)sample->count;
        mt_code code = add_member(sample, above, depth[block], group, error);
        if (code == MT_OK && sample->count % 65536 == 0)
            code = mt_poll_interrupt(error);
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
    sample->hits = mt_allocate(locality->row_count, sizeof *sample->hits);
    sample->path = mt_allocate(2 * longest, sizeof *sample->path);
    sample->next = mt_allocate(longest, sizeof *sample->next);
    mt_code code = !sample->hits || !sample->path || !sample->next
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
    mt_free(sample->hits);
    mt_free(sample->path);
    mt_free(sample->next);
    mt_free(sample);
}

/* ---- playing ---- */

typedef struct play {
    mt_block_sample *sample;
    mt_hit_rule rule;
    mt_cache *cache, *lru; /* of the sample */
    mt_future future;      /* of a policy that looks ahead */
    difference differences;
} play;

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

/* Counts members [from, to) of the path as gained (sign 1) or lost (-1). */
static void count_difference(play *self, const mt_locality_row *row, size_t from, size_t to,
                             double gained) {
    const mt_block_sample *sample = self->sample;
    const mt_locality *locality = sample->locality;
    for (size_t i = from; i < to; i++) {
        const member *here = &sample->members[sample->path[i]];
        if (mt_hits_by(self->rule, here->depth + 1, row->blocks) == here->depth)
            continue; /* the last block, which does not count */
        uint64_t tokens = mt_locality_tokens(locality, row, here->depth + 1) -
                          mt_locality_tokens(locality, row, here->depth);
        double sign = here->group == EVERY ? gained * sample->rate : gained;
        self->differences.request[here->group] += sign / row->blocks;
        self->differences.block[here->group] += sign;
        self->differences.token[here->group] += sign * (double)tokens;
        self->differences.within[here->group] += here->depth < row->within ? sign : 0;
    }
}

static mt_code play_request(play *self, size_t r, mt_error *error) {
    mt_block_sample *sample = self->sample;
    const mt_locality_row *row = &sample->locality->rows[r];
    mt_cache_path path = {.blocks = sample->path};
    path.count = find_members(sample, r, sample->path);
    if (path.count == 0)
        return MT_OK;
    mt_code code = mt_cache_reserve(self->cache, sample->count, error);
    if (code)
        return code;
    size_t lru = mt_cache_access(self->lru, &path);
    if (self->future.first) {
        uint32_t *next = sample->path + path.count;
        mt_future_of(&self->future, sample->locality, self->rule, r, sample->next);
        for (size_t i = 0; i < path.count; i++)
            next[i] = sample->next[sample->members[sample->path[i]].depth];
        path.next = next;
    }
    size_t hits = mt_cache_access(self->cache, &path);
    count_difference(self, row, lru, hits, 1);
    count_difference(self, row, hits, lru, -1);
    return MT_OK;
}

static mt_code open_play(play *self, const mt_cache_spec *spec, mt_error *error) {
    mt_block_sample *sample = self->sample;
    mt_cache_spec here = *spec;
    here.requests = (uint32_t)sample->locality->row_count;
    here.ttl_ns = MT_NO_TTL;
    if (spec->size < UINT64_MAX) {
        double every = fmin((double)sample->every, (double)spec->size / 2);
        double size = nearbyint(every + ((double)spec->size - every) * sample->rate);
        here.size = size < 1 ? 1 : (uint64_t)size;
    }
    mt_cache_spec lru = here;
    lru.policy = &mt_policy_lru;
    lru.order = MT_TOUCH_ROOT;
    if (!(self->cache = mt_cache_open(&here, error)) || !(self->lru = mt_cache_open(&lru, error)))
        return mt_code_of(error);
    mt_code code = mt_cache_reserve(self->lru, sample->count, error);
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
    mt_future_free(&self->future);
    return code;
}

/* ---- what it says ---- */

/* Adds the differences of all groups to the ratio, in parts of `total`, and keeps it within what any
 * cache can have; gives the standard error. */
static double add_difference(double *ratio, double most, const double *groups, double rate,
                             uint64_t total) {
    double sum = 0, squares = 0;
    for (int i = 0; i < GROUPS; i++)
        sum += groups[i];
    for (int i = 0; i < GROUPS; i++)
        squares += (groups[i] - sum / GROUPS) * (groups[i] - sum / GROUPS);
    double scale = rate * (double)total;
    *ratio += (sum + groups[EVERY]) / scale;
    *ratio = fmin(fmax(*ratio, 0), most);
    return sqrt(squares * GROUPS / (GROUPS - 1) * (1 - rate)) / scale;
}

mt_code mt_block_sample_play(mt_block_sample *sample, const mt_cache_spec *spec, mt_hit_rule rule,
                             mt_sampled *sampled, mt_error *error) {
    static const play nothing;
    play self = nothing;
    self.sample = sample;
    self.rule = rule;
    mt_locality_hits_lru(sample->locality, UINT64_MAX, sample->hits);
    mt_played most = mt_locality_tally(sample->locality, sample->hits, rule);
    mt_locality_hits_lru(sample->locality, spec->size, sample->hits);
    mt_played *to = &sampled->played;
    *to = mt_locality_tally(sample->locality, sample->hits, rule);
    mt_code code = play_all(&self, spec, error);
    if (code)
        return code;
    const difference *by = &self.differences;
    mt_hit_ratio *ratio = &to->ratio, *miss = &sampled->error;
    double rate = sample->rate;
    miss->request =
        add_difference(&ratio->request, most.ratio.request, by->request, rate, to->requests);
    miss->block = add_difference(&ratio->block, most.ratio.block, by->block, rate, to->blocks);
    miss->token = add_difference(&ratio->token, most.ratio.token, by->token, rate, to->tokens);
    add_difference(&to->within, fmin(most.within, ratio->block), by->within, rate, to->blocks);
    return MT_OK;
}
