#include "prefix/analysis/played.h"

#include "base/interrupt.h"
#include "prefix/analysis/locality_state.h"

#include <math.h>
#include <string.h>

size_t mt_locality_requests(const mt_locality *locality) {
    return locality->row_count;
}

/* ---- read off the runs ---- */

void mt_locality_hits_lru(const mt_locality *locality, uint64_t size, uint32_t *hits) {
    memset(hits, 0, locality->row_count * sizeof *hits);
    for (size_t i = 0; i < locality->run_count; i++)
        if (locality->runs[i].distance <= size)
            hits[locality->runs[i].request] += locality->runs[i].blocks;
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

/* ---- what comes next ---- */

/* Blocks [begin, end) of a request's path: who touches them next. */
typedef struct use {
    uint32_t request, begin, end;
} use;

/* The uses of all requests: those of request r are uses[first[r]..first[r + 1]), in no order. */
typedef struct future {
    size_t *first;
    use *uses;
} future;

static void free_future(future *self) {
    mt_free(self->first);
    mt_free(self->uses);
}

/* Who touched a run last is told who touches it next. */
static mt_code see_future(const mt_locality *locality, future *self, mt_error *error) {
    size_t rows = locality->row_count;
    self->first = mt_allocate_zero(rows + 2, sizeof *self->first);
    self->uses = mt_allocate(locality->run_count, sizeof *self->uses);
    if (!self->first || !self->uses)
        return mt_fail_memory(error, "cache");
    for (size_t i = 0; i < locality->run_count; i++)
        self->first[locality->runs[i].owner + 2]++;
    for (size_t r = 2; r < rows + 2; r++)
        self->first[r] += self->first[r - 1];
    uint32_t end = 0;
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        uint32_t begin = i > 0 && run[-1].request == run->request ? end : 0;
        end = begin + run->blocks;
        self->uses[self->first[run->owner + 1]++] = (use){run->request, begin, end};
    }
    return MT_OK;
}

/* next[0..count) of request r's path. */
static void next_uses(const mt_locality *locality, const future *self, mt_hit_rule rule, size_t r,
                      uint32_t *next) {
    memset(next, 0xff, locality->rows[r].blocks * sizeof *next); /* MT_NEVER */
    for (size_t i = self->first[r]; i < self->first[r + 1]; i++) {
        const use *here = &self->uses[i];
        size_t end = mt_hits_by(rule, here->end, locality->rows[here->request].blocks);
        for (size_t at = here->begin; at < end; at++)
            next[at] = here->request;
    }
}

/* ---- played through ---- */

static size_t longest_path(const mt_locality *locality) {
    size_t longest = 0;
    for (size_t r = 0; r < locality->row_count; r++)
        longest = locality->rows[r].blocks > longest ? locality->rows[r].blocks : longest;
    return longest;
}

/* The path of request r. */
static void find_path(const mt_locality *locality, size_t r, uint32_t *path) {
    const uint32_t *parents = mt_prefix_tree_parents(locality->tree);
    uint32_t block = locality->rows[r].leaf;
    for (size_t i = locality->rows[r].blocks; i-- > 0; block = parents[block])
        path[i] = block;
}

mt_code mt_locality_walk(const mt_locality *locality, mt_locality_step *step, void *context,
                         uint32_t *hits, mt_error *error) {
    uint32_t *blocks = mt_allocate(longest_path(locality), sizeof *blocks);
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
    future future;  /* of a policy that looks ahead */
    uint32_t *next; /* the same: of one path */
} play;

static mt_code play_request(void *context, size_t request, const mt_cache_path *path,
                            uint32_t *hits, mt_error *error) {
    play *self = context;
    mt_cache_path here = *path;
    mt_code code = mt_cache_reserve(self->cache, mt_prefix_tree_count(self->locality->tree), error);
    if (code)
        return code;
    if (self->next) {
        next_uses(self->locality, &self->future, self->rule, request, self->next);
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
    if (!(self->next = mt_allocate(longest_path(self->locality), sizeof *self->next)))
        return mt_fail_memory(error, "cache");
    return see_future(self->locality, &self->future, error);
}

mt_code mt_locality_play(const mt_locality *locality, const mt_cache_spec *spec, mt_hit_rule rule,
                         uint32_t *hits, mt_error *error) {
    play self = {.locality = locality, .rule = rule};
    mt_code code = open_play(&self, spec, error);
    if (code == MT_OK)
        code = mt_locality_walk(locality, play_request, &self, hits, error);
    mt_cache_close(self.cache);
    free_future(&self.future);
    mt_free(self.next);
    return code;
}

mt_code mt_locality_hits(const mt_locality *locality, const mt_cache_spec *spec, mt_hit_rule rule,
                         uint32_t *hits, mt_error *error) {
    int is_lru = spec->policy == &mt_policy_lru && spec->order == MT_TOUCH_ROOT;
    int is_endless = spec->size >= mt_prefix_tree_count(locality->tree);
    if (is_lru && spec->ttl_ns == MT_NO_TTL)
        mt_locality_hits_lru(locality, spec->size, hits);
    else if (is_endless && spec->ttl_ns != MT_NO_TTL && spec->since == MT_TTL_SINCE_USE)
        mt_locality_hits_by_age(locality, spec->ttl_ns, hits);
    else
        return mt_locality_play(locality, spec, rule, hits, error);
    return mt_poll_interrupt(error);
}

/* ---- summed up ---- */

mt_played mt_locality_tally(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule) {
    const mt_hit_totals *totals = &locality->so_far.totals;
    double share = 0;
    uint64_t blocks = 0, tokens = 0, within = 0;
    for (size_t r = 0; r < locality->row_count; r++) {
        const mt_locality_row *row = &locality->rows[r];
        uint32_t here = (uint32_t)mt_hits_by(rule, hits[r], row->blocks);
        if (here == 0)
            continue;
        share += (double)here / (double)row->blocks;
        blocks += here;
        tokens += mt_locality_tokens(locality, row, here);
        within += here < row->within ? here : row->within;
    }
    return (mt_played){.requests = totals->requests,
                       .blocks = totals->blocks,
                       .tokens = totals->tokens,
                       .ratio = {mt_ratio_of(share, totals->requests),
                                 mt_ratio_of((double)blocks, totals->blocks),
                                 mt_ratio_of((double)tokens, totals->tokens)},
                       .within = mt_ratio_of((double)within, totals->blocks)};
}
