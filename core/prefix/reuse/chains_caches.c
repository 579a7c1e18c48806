#include "prefix/reuse/chains_caches.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

static const int64_t ages[MT_REUSE_AGES] = {SECOND, 5 * SECOND, 30 * SECOND, 300 * SECOND};
enum { BINS_IN_DOUBLING = 32 };
static const double largest_fifo = 0.8; /* of all different blocks */

void mt_reuse_caches_free(mt_reuse_caches *caches) {
    mt_free(caches->prompts);
    mt_free(caches->paths);
    mt_free(caches->weights);
    mt_free(caches->gains);
    mt_free(caches->owner);
    mt_free(caches->came);
    mt_free(caches->touched);
    mt_free(caches->parts.sums);
}

/* ---- the runs ---- */

/* What is needed to find them. */
typedef struct finder {
    const mt_reuse_chains *chains;
    size_t *own;      /* by turn: its first block, of all that are somebody's own and come back */
    uint32_t *ends;   /* by block: does a run end with it? then, how many end before it */
    uint32_t *shared; /* by turn: runs of what it shares */
} finder;

/* Whose own the last block of the turn's first `depth` is. */
static uint32_t maker_of(const mt_reuse_chains *chains, uint32_t turn, uint32_t depth) {
    while (mt_reuse_description(chains, turn)->shared >= depth)
        turn = chains->origin[turn];
    return turn;
}

/* A run ends where a prompt ends, but for what never comes back, and where another one parts. */
static void mark_ends(finder *f) {
    const mt_reuse_chains *chains = f->chains;
    for (uint32_t t = 0; t < chains->model->count; t++) {
        const mt_description *from = mt_reuse_description(chains, t);
        if (from->returning > 0)
            f->ends[f->own[t] + from->returning - 1] = 1;
        if (from->shared == 0)
            continue;
        uint32_t maker = maker_of(chains, chains->origin[t], from->shared);
        f->ends[f->own[maker] + from->shared - mt_reuse_description(chains, maker)->shared - 1] = 1;
    }
}

/* How many runs each turn shares, in an order in which whoever made them comes first. */
static void count_runs(finder *f, size_t blocks) {
    const mt_reuse_chains *chains = f->chains;
    uint32_t sum = 0;
    for (size_t b = 0; b <= blocks; b++) {
        uint32_t is_end = f->ends[b];
        f->ends[b] = sum;
        sum += is_end;
    }
    for (size_t i = 0; i < chains->model->count; i++) {
        uint32_t turn = chains->order[i], depth = mt_reuse_description(chains, turn)->shared;
        if (depth == 0)
            continue;
        uint32_t maker = maker_of(chains, chains->origin[turn], depth);
        size_t own = f->own[maker];
        f->shared[turn] = f->shared[maker] +
                          f->ends[own + depth - mt_reuse_description(chains, maker)->shared] -
                          f->ends[own];
    }
}

static uint32_t own_runs(const finder *f, uint32_t turn) {
    size_t own = f->own[turn];
    return f->ends[own + mt_reuse_description(f->chains, turn)->returning] - f->ends[own];
}

/* A turn's own runs are numbered in a row, from the number of those that end before its blocks. */
static void fill_paths(mt_reuse_caches *caches, const finder *f) {
    const mt_reuse_chains *chains = f->chains;
    for (size_t i = 0; i < chains->model->count; i++) {
        uint32_t turn = chains->order[i], shared = f->shared[turn],
                 *path = caches->paths + caches->prompts[turn].begin;
        const mt_description *from = mt_reuse_description(chains, turn);
        if (shared > 0)
            memcpy(path,
                   caches->paths +
                       caches->prompts[maker_of(chains, chains->origin[turn], from->shared)].begin,
                   shared * sizeof *path);
        uint32_t first = f->ends[f->own[turn]], count = own_runs(f, turn);
        for (uint32_t r = 0; r < count; r++)
            path[shared + r] = first + r;
        for (uint32_t b = 0; b < from->returning; b++)
            caches->weights[f->ends[f->own[turn] + b]]++;
    }
}

static mt_code find_runs(mt_reuse_caches *caches, finder *f, mt_error *error) {
    const mt_reuse_chains *chains = caches->chains;
    size_t count = chains->model->count, blocks = 0, all = 0, most = 0;
    for (uint32_t t = 0; t < count; t++) {
        f->own[t] = blocks;
        blocks += mt_reuse_description(chains, t)->returning;
    }
    f->ends = mt_allocate_zero(blocks + 1, sizeof *f->ends);
    if (!f->ends)
        return mt_fail_memory(error, "synthesiser");
    mark_ends(f);
    count_runs(f, blocks);
    caches->run_count = f->ends[blocks];
    for (uint32_t t = 0; t < count; t++) {
        const mt_description *from = mt_reuse_description(chains, t);
        uint32_t here = f->shared[t] + own_runs(f, t);
        caches->prompts[t] = (mt_reuse_prompt){
            .begin = all, .runs = here, .shared = from->shared, .unique = from->unique};
        caches->prompts[t].blocks = from->shared + from->returning + from->unique;
        most = here > most ? here : most;
        all += here;
    }
    size_t runs = (size_t)caches->run_count + 1;
    caches->paths = mt_allocate(all + 1, sizeof *caches->paths);
    caches->weights = mt_allocate_zero(runs, sizeof *caches->weights);
    caches->gains = mt_allocate_zero(count, sizeof *caches->gains);
    caches->owner = mt_allocate_zero(runs, sizeof *caches->owner);
    caches->came = mt_allocate_zero(runs, sizeof *caches->came);
    caches->touched = mt_allocate(most + 1, sizeof *caches->touched);
    if (!caches->paths || !caches->weights || !caches->gains || !caches->owner || !caches->came ||
        !caches->touched || MT_GROW(caches->parts.sums, caches->parts.capacity, count + 2))
        return mt_fail_memory(error, "synthesiser");
    fill_paths(caches, f);
    return MT_OK;
}

static size_t bin_of(uint64_t distance) {
    double size = distance > 1 ? BINS_IN_DOUBLING * log2((double)distance) : 0;
    return size < MT_REUSE_DISTANCES - 1 ? (size_t)size : MT_REUSE_DISTANCES - 1;
}

mt_code mt_reuse_caches_open(mt_reuse_caches *caches, const mt_reuse_chains *chains,
                             mt_error *error) {
    size_t count = chains->model->count;
    finder f = {.chains = chains};
    caches->chains = chains;
    for (uint32_t d = 0; d < MT_REUSE_NEAR; d++)
        caches->bins[d] = (uint16_t)bin_of(d);
    caches->prompts = mt_allocate(count, sizeof *caches->prompts);
    f.own = mt_allocate(count, sizeof *f.own);
    f.shared = mt_allocate_zero(count, sizeof *f.shared);
    mt_code code = caches->prompts && f.own && f.shared ? find_runs(caches, &f, error)
                                                        : mt_fail_memory(error, "synthesiser");
    mt_free(f.own);
    mt_free(f.ends);
    mt_free(f.shared);
    return code;
}

/* ---- playing ---- */

void mt_reuse_caches_clear(mt_reuse_caches *caches) {
    caches->before += caches->parts.count;
    caches->parts.count = 0;
    caches->parts.total = 0;
    if (caches->before < UINT32_MAX - (uint32_t)caches->chains->model->count)
        return;
    memset(caches->owner, 0, caches->run_count * sizeof *caches->owner);
    caches->before = 0;
}

/* Of large ones the first bits decide. */
size_t mt_reuse_distance_bin(const mt_reuse_caches *caches, uint64_t distance) {
    size_t halved = 0;
    for (; distance >= MT_REUSE_NEAR; distance /= 2)
        halved++;
    size_t bin = caches->bins[distance] + BINS_IN_DOUBLING * halved;
    return bin < MT_REUSE_DISTANCES - 1 ? bin : MT_REUSE_DISTANCES - 1;
}

/* Runs in a row that one request touched last have one distance: that of all that it and later ones
 * touched last. */
static uint32_t touch_lru(mt_reuse_caches *caches, const mt_reuse_judged *events, size_t at,
                          const uint32_t *path, size_t count, mt_reuse_block_hits *hits) {
    size_t d = 0;
    uint32_t moved = 0, most = 0;
    mt_reuse_gain *gain = &caches->gains[events[at].turn];
    *gain = (mt_reuse_gain){0};
    caches->touched_count = 0;
    uint32_t before = caches->before, me = before + (uint32_t)at + 1;
    while (d < count && caches->owner[path[d]] > before) {
        uint32_t its = caches->owner[path[d]], owner = its - before, blocks = 0;
        for (; d < count && caches->owner[path[d]] == its; d++) {
            blocks += caches->weights[path[d]];
            caches->owner[path[d]] = me;
        }
        uint64_t distance = mt_parts_distance(&caches->parts, owner - 1) + moved;
        size_t bin = mt_reuse_distance_bin(caches, distance), which = moved > 0;
        hits->lru[bin] += blocks;
        hits->distances = bin < hits->distances ? hits->distances : bin + 1;
        gain->blocks[which] += blocks;
        if (which == 0 || blocks > most) {
            gain->bins[which] = (uint16_t)bin;
            most = which ? blocks : 0;
        }
        int64_t age = events[at].time_ns - events[owner - 1].time_ns;
        for (size_t k = 0; k < MT_REUSE_AGES; k++)
            hits->kept[k] += age <= ages[k] ? blocks : 0;
        mt_parts_take(&caches->parts, owner - 1, blocks);
        moved += blocks;
        caches->touched[caches->touched_count++] = (mt_reuse_touched){owner, moved};
    }
    hits->known += moved;
    for (size_t i = d; i < count; i++)
        caches->owner[path[i]] = me;
    return moved;
}

uint32_t mt_reuse_caches_touch(mt_reuse_caches *caches, const mt_reuse_judged *events, size_t at,
                               mt_reuse_block_hits *hits) {
    const mt_reuse_prompt *prompt = &caches->prompts[events[at].turn];
    uint32_t known =
        touch_lru(caches, events, at, caches->paths + prompt->begin, prompt->runs, hits);
    mt_parts_append(&caches->parts, prompt->blocks);
    hits->all += prompt->blocks;
    return prompt->shared > known ? prompt->shared - known : 0;
}

/* A run's first block leaves first; whoever brings it back brings the whole run back, each block
 * just as the next one leaves. */
static void play_size(mt_reuse_caches *caches, const mt_reuse_judged *events, size_t count,
                      uint64_t size, double *hits) {
    uint64_t came = caches->all_came + size + 1, *came_of = caches->came,
             hit = 0; /* none is there */
    const uint32_t *weights = caches->weights;
    for (size_t i = 0; i < count; i++) {
        const mt_reuse_prompt *prompt = &caches->prompts[events[i].turn];
        const uint32_t *run = caches->paths + prompt->begin, *end = run + prompt->runs;
        for (; run < end && came - came_of[*run] <= size; run++)
            hit += weights[*run];
        for (; run < end; run++)
            if (came - came_of[*run] > size) {
                came_of[*run] = came;
                came += weights[*run];
            }
        came += prompt->unique;
    }
    caches->all_came = came;
    *hits += (double)hit;
}

double mt_reuse_caches_play_fifo(mt_reuse_caches *caches, const mt_reuse_judged *events,
                                 size_t count, mt_reuse_block_hits *hits) {
    double runs = 0, work = 0;
    for (size_t i = 0; i < count; i++)
        runs += (double)caches->prompts[events[i].turn].runs;
    for (size_t k = 0; k < MT_REUSE_FIFOS; k++)
        if (caches->sizes[k] > 0) {
            play_size(caches, events, count, caches->sizes[k], &hits->fifo[k]);
            work += runs;
        }
    return work;
}

void mt_reuse_caches_set_sizes(mt_reuse_caches *caches, const mt_reuse_block_hits *hits,
                               double part) {
    double size = largest_fifo * part * (hits->all - hits->known);
    for (size_t k = 0; k < MT_REUSE_FIFOS; k++, size /= 2)
        caches->sizes[k] = (uint64_t)size;
}
