#include "prefix/analysis/played.h"

#include "base/interrupt.h"
#include "prefix/analysis/future.h"
#include "prefix/analysis/played_sums.h"

#include <math.h>
#include <string.h>

size_t mt_locality_requests(const mt_locality *locality) {
    return locality->row_count;
}

/* ---- read off the runs ---- */

void mt_locality_hits_lru(const mt_locality *locality, uint64_t size, mt_touch_order order,
                          uint32_t *hits) {
    uint32_t request = UINT32_MAX, before = 0;
    memset(hits, 0, locality->row_count * sizeof *hits);
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        before = run->request == request ? before : 0;
        request = run->request;
        if (order == MT_TOUCH_LEAF)
            hits[request] += mt_locality_held_of_run(locality, run, before, size);
        else if (run->distance <= size)
            hits[request] += run->blocks;
        before += run->blocks;
    }
}

void mt_locality_hits_by_age(const mt_locality *locality, int64_t ttl_ns, uint32_t *hits) {
    memset(hits, 0, locality->row_count * sizeof *hits);
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        int64_t age, now = locality->rows[run->request].time_ns;
        if (!__builtin_sub_overflow(now, locality->rows[run->owner].time_ns, &age) && age <= ttl_ns)
            hits[run->request] += run->blocks;
    }
}

/* ---- played through ---- */

size_t mt_locality_longest(const mt_locality *locality) {
    size_t longest = 0;
    for (size_t r = 0; r < locality->row_count; r++)
        longest = locality->rows[r].blocks > longest ? locality->rows[r].blocks : longest;
    return longest;
}

/* The path of request r. */
static void find_path(const mt_locality *locality, size_t r, uint32_t *path) {
    mt_tree_parents parents = mt_prefix_tree_parents(locality->tree);
    uint32_t block = locality->rows[r].leaf;
    for (size_t i = locality->rows[r].blocks; i-- > 0; block = mt_parent_of(parents, block))
        path[i] = block;
}

mt_code mt_locality_walk(const mt_locality *locality, mt_locality_step *step, void *context,
                         uint32_t *hits, mt_error *error) {
    uint32_t *blocks = mt_allocate(mt_locality_longest(locality), sizeof *blocks);
    mt_code code = blocks ? MT_OK : mt_fail_memory(error, "cache");
    size_t since_poll = 0;
    for (size_t r = 0; code == MT_OK && r < locality->row_count; r++) {
        const mt_locality_row *row = &locality->rows[r];
        if ((since_poll += row->blocks + 1) > 65536) {
            since_poll = 0;
            if ((code = mt_poll_interrupt(error)))
                break;
        }
        find_path(locality, r, blocks);
        mt_cache_path path = {blocks, row->blocks, NULL, row->time_ns};
        code = step(context, r, &path, &hits[r], error);
    }
    mt_free(blocks);
    return code;
}

typedef struct play {
    const mt_locality *locality;
    mt_hit_rule rule;
    mt_cache *cache;
    mt_future future; /* of a policy that looks ahead */
    uint32_t *next;   /* the same: of one path */
} play;

static mt_code play_request(void *context, size_t request, const mt_cache_path *path,
                            uint32_t *hits, mt_error *error) {
    play *self = context;
    mt_cache_path here = *path;
    mt_code code = mt_cache_reserve(self->cache, mt_prefix_tree_count(self->locality->tree), error);
    if (code)
        return code;
    if (self->next) {
        mt_future_of(&self->future, self->locality, self->rule, request, self->next);
        here.next = self->next;
    }
    *hits = (uint32_t)mt_cache_access(self->cache, &here);
    return MT_OK;
}

/* Opens what the spec says, and looks ahead if it has to. */
static mt_code open_play(play *self, const mt_cache_spec *spec, mt_error *error) {
    mt_cache_spec here = *spec;
    here.requests = (uint32_t)self->locality->row_count;
    if (!(self->cache = mt_cache_open(&here, error)))
        return mt_code_of(error);
    if (!spec->policy->looks_ahead)
        return MT_OK;
    if (!(self->next = mt_allocate(mt_locality_longest(self->locality), sizeof *self->next)))
        return mt_fail_memory(error, "cache");
    return mt_future_see(&self->future, self->locality, error);
}

mt_code mt_locality_play(const mt_locality *locality, const mt_cache_spec *spec, mt_hit_rule rule,
                         uint32_t *hits, mt_error *error) {
    play self = {.locality = locality, .rule = rule};
    mt_code code = open_play(&self, spec, error);
    if (code == MT_OK)
        code = mt_locality_walk(locality, play_request, &self, hits, error);
    mt_cache_close(self.cache);
    mt_future_free(&self.future);
    mt_free(self.next);
    return code;
}

mt_code mt_locality_hits(const mt_locality *locality, const mt_cache_spec *spec, mt_hit_rule rule,
                         uint32_t *hits, mt_error *error) {
    int is_lru = spec->policy == &mt_policy_lru;
    int is_endless = spec->size >= mt_prefix_tree_count(locality->tree);
    if (is_lru && spec->ttl_ns == MT_NO_TTL)
        mt_locality_hits_lru(locality, spec->size, spec->order, hits);
    else if (is_endless && spec->ttl_ns != MT_NO_TTL && spec->since == MT_TTL_SINCE_USE)
        mt_locality_hits_by_age(locality, spec->ttl_ns, hits);
    else if (spec->policy == &mt_policy_fifo && spec->ttl_ns == MT_NO_TTL)
        return mt_locality_hits_fifo(locality, spec->size, spec->order, hits, error);
    else
        return mt_locality_play(locality, spec, rule, hits, error);
    return mt_poll_interrupt(error);
}

/* ---- summed up ---- */

mt_played mt_locality_tally(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule) {
    mt_played_sums all = {0};
    for (size_t r = 0; r < locality->row_count; r++) {
        const mt_locality_row *row = &locality->rows[r];
        if (row->blocks > 0)
            mt_played_add(&all, locality, row, (uint32_t)mt_hits_by(rule, hits[r], row->blocks));
    }
    return mt_played_of(&all);
}

void mt_locality_set_group(mt_locality *locality, uint32_t group) {
    locality->rows[locality->row_count - 1].group = group;
}

void mt_locality_tally_groups(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule,
                              mt_played *groups, size_t count) {
    for (size_t group = 0; group < count; group++) {
        mt_played_sums all = {0};
        for (size_t r = 0; r < locality->row_count; r++) {
            const mt_locality_row *row = &locality->rows[r];
            if (row->blocks > 0 && row->group == group)
                mt_played_add(&all, locality, row,
                              (uint32_t)mt_hits_by(rule, hits[r], row->blocks));
        }
        groups[group] = mt_played_of(&all);
    }
}
