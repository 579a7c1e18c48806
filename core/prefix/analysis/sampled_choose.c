/* Which blocks are in a sample.
 *
 * A family is in it with a chance that grows with the requests that use it, so that what has most of the
 * hits is known best, and every block is as likely as it can be at that: share = min(1, max(rate / 4,
 * a * uses)), where `a` makes the blocks of the sample as many as they should be (sampling with
 * probability proportional to size: Horvitz, Thompson, "A generalization of sampling without replacement
 * from a finite universe", 1952). */
#include "prefix/analysis/sampled_state.h"

#include "base/interrupt.h"

#include <math.h>

#define OFTEN 3.0  /* uses, times one over the rate: of blocks that are in all samples */
#define LEAST 0.25 /* of the rate: the share of a family that one request uses */

/* What is known of blocks while members are chosen. */
typedef struct choice {
    mt_big depths, families; /* uint32_t by block; a family is named by its first block */
    double *blocks;          /* by uses: of families that are used so often */
    uint32_t often;          /* uses from which on a block is in all samples */
    double share;            /* of a family: this a use */
} choice;

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014: its mixing. */
static uint64_t mixed(uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* Finds each block's depth and family, and how many blocks are in families by their uses. */
static mt_code find_families(choice *self, const mt_block_sample *sample, mt_error *error) {
    uint32_t count = mt_prefix_tree_count(sample->locality->tree);
    mt_tree_parents parents = mt_prefix_tree_parents(sample->locality->tree);
    size_t bytes = ((size_t)count + 1) * sizeof(uint32_t);
    self->often = (uint32_t)fmin(ceil(OFTEN / sample->rate), 1e6);
    self->blocks = mt_allocate_zero((size_t)self->often + 1, sizeof *self->blocks);
    if (!self->blocks || mt_big_reserve(&self->depths, bytes) ||
        mt_big_reserve(&self->families, bytes))
        return mt_fail_memory(error, "sample");
    uint32_t *depth = self->depths.data, *family = self->families.data;
    for (uint32_t block = 0; block < count; block++) {
        uint32_t parent = mt_parent_of(parents, block),
                 uses = mt_history_visits(sample->locality->history, block);
        int has_family = parent != MT_NO_BLOCK && family[parent] != MT_NO_BLOCK;
        depth[block] = parent == MT_NO_BLOCK ? 0 : depth[parent] + 1;
        family[block] = has_family ? family[parent] : uses < self->often ? block : MT_NO_BLOCK;
        if (has_family)
            uses = mt_history_visits(sample->locality->history, family[block]);
        if (family[block] != MT_NO_BLOCK)
            self->blocks[uses]++;
    }
    return MT_OK;
}

static double share_of(const choice *self, double rate, double uses) {
    return fmin(1, fmax(LEAST * rate, self->share * uses));
}

/* Finds the share a use at which the sample has as many blocks as it should, by halving. */
static void find_share(choice *self, double rate) {
    double all = 0, low = 0, high = 1;
    for (uint32_t uses = 0; uses < self->often; uses++)
        all += self->blocks[uses];
    for (int i = 0; i < 60; i++) {
        double chosen = 0;
        self->share = (low + high) / 2;
        for (uint32_t uses = 0; uses < self->often; uses++)
            chosen += self->blocks[uses] * share_of(self, rate, uses);
        *(chosen > rate * all ? &high : &low) = self->share;
    }
}

static mt_code add_member(mt_block_sample *sample, uint32_t above, uint32_t depth, uint64_t hash,
                          double share, mt_error *error) {
    if (MT_GROW(sample->members, sample->capacity, sample->count + 1) ||
        MT_GROW(sample->weights, sample->weight_capacity, sample->count + 1) ||
        MT_GROW(sample->part_weights, sample->part_capacity, sample->count + 1))
        return mt_fail_memory(error, "sample");
    float weight = (float)(1 / share);
    sample->weights[sample->count] = weight;
    sample->part_weights[sample->count] = weight > 1 ? MT_SAMPLE_PARTS * weight : 1;
    sample->members[sample->count++] =
        (mt_sample_member){above, depth, (uint32_t)(mixed(hash) % MT_SAMPLE_GROUPS)};
    return sample->count % 65536 == 0 ? mt_poll_interrupt(error) : MT_OK;
}

static mt_code choose(choice *self, mt_block_sample *sample, mt_error *error) {
    uint32_t count = mt_prefix_tree_count(sample->locality->tree);
    mt_tree_parents parents = mt_prefix_tree_parents(sample->locality->tree);
    if (mt_big_reserve(&sample->nearest, ((size_t)count + 1) * sizeof(uint32_t)))
        return mt_fail_memory(error, "sample");
    uint32_t *nearest = sample->nearest.data;
    const uint32_t *depth = self->depths.data, *family = self->families.data;
    for (uint32_t block = 0; block < count; block++) {
        uint32_t parent = mt_parent_of(parents, block);
        uint32_t above = parent == MT_NO_BLOCK ? MT_NO_MEMBER : nearest[parent];
        uint64_t hash = 0;
        double share = 1;
        nearest[block] = above;
        if (sample->rate < 1 && family[block] != MT_NO_BLOCK) {
            uint32_t uses = mt_history_visits(sample->locality->history, family[block]);
            hash = mixed(mixed(sample->seed) ^ family[block]);
            share = share_of(self, sample->rate, uses);
            if ((double)(hash >> 11) * 0x1p-53 >= share)
                continue;
        }
        nearest[block] = (uint32_t)sample->count;
        mt_code code = add_member(sample, above, depth[block], hash, share, error);
        if (code)
            return code;
    }
    return MT_OK;
}

mt_code mt_sample_choose(mt_block_sample *sample, mt_error *error) {
    choice self = {0};
    mt_code code = find_families(&self, sample, error);
    if (code == MT_OK) {
        find_share(&self, sample->rate);
        code = choose(&self, sample, error);
    }
    mt_big_free(&self.depths);
    mt_big_free(&self.families);
    mt_free(self.blocks);
    return code;
}

size_t mt_sample_find(const mt_block_sample *sample, size_t r, uint32_t *path, size_t *rare) {
    const mt_locality_row *row = &sample->locality->rows[r];
    size_t count = 0;
    *rare = 0;
    if (row->blocks == 0)
        return 0;
    uint32_t leaf = ((const uint32_t *)sample->nearest.data)[row->leaf];
    for (uint32_t at = leaf; at != MT_NO_MEMBER; at = sample->members[at].parent)
        count++;
    size_t i = count;
    for (uint32_t at = leaf; at != MT_NO_MEMBER; at = sample->members[at].parent) {
        path[--i] = at;
        *rare += sample->weights[at] == 1;
    }
    return count;
}
