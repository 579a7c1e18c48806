/* Which part of the source a shorter trace is made after.
 *
 * It begins with a window of the source's time, with cells of it put together, or with stretches of it
 * laid one over the other, of which some trees of families (prefix/model/families.h) are drawn. A
 * window cuts sessions that go on, which then share nothing at its beginning; the others keep sessions
 * whole, but how many there are at once may differ. Where there are few units it may also begin with
 * stretches laid end to end, over which sessions go on (chains_stretches.c). Of several of each, the one
 * most like the whole source (prefix/reuse/chains_judge.h) is taken, and then made more alike step by step
 * (chains_steps.c): units and trees change places, are moved, cut, come in or are left out, and where there
 * are few units some requests in their middle are skipped (chains_skips.c); what has lost those that it
 * shares with is mended. What makes the part more like the whole is kept. All of it is the seed's, and
 * judged of the times that the lap has dealt.
 */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_search.h"

#include <math.h>
#include <string.h>

enum { PLACES = 17, STRIDE = 8 }; /* where a window may begin, and in which order they are tried */
enum { OFFSETS = 8, FOLDS = 16 }; /* which cells, and which trees may be kept */
enum { WAYS = 3, LEAST_TRIES = 2 };
enum { CELLS = 32 }; /* of the source's time */
/* Runs and requests looked at, in all, and half as many where the source has so many requests. The fewer units
 * there are, the rarer are the best parts: of few twice as many are looked at, of single ones four times. */
#define MOST_WORK 6e7
#define MANY_REQUESTS 5e4

enum { FEW_FAMILIES = 48 };            /* sessions are moved by themselves */
static const double spare_trees = 0.6; /* drawn, for what comes after the end */

mt_code mt_reuse_judge_here(mt_reuse_search *s, double limit, double *result, mt_error *error) {
    double unlike;
    mt_code code = mt_poll_interrupt(error);
    if (code || (code = mt_reuse_judge_part(&s->judge, s->here, s->phase, limit, &unlike, error)))
        return code;
    *result = unlike;
    if (unlike < s->unlike) {
        s->unlike = unlike;
        s->best_phase = s->phase;
        s->best_lasts = s->judge.lasts;
        s->best_end = s->judge.end;
        memcpy(s->best, s->here, s->chains->model->chain_count * sizeof *s->best);
    }
    return MT_OK;
}

/* ---- where it begins ---- */

/* Has each of the ways that were tried had its part of the work, of which half is for beginnings, and
 * at least a few tries? */
static int is_enough(const mt_reuse_search *s, int ways, size_t tries) {
    return tries >= LEAST_TRIES && s->judge.work > s->most_work / 2 * ways / WAYS;
}

/* Windows of so many requests: nothing moves, and they begin somewhere. */
static mt_code try_windows(mt_reuse_search *s, mt_error *error) {
    const mt_model *model = s->chains->model;
    size_t requests = s->judge.requests, spare = model->count - requests;
    int64_t *times = mt_allocate(model->count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "synthesiser");
    memcpy(times, s->chains->when, model->count * sizeof *times);
    mt_code code = mt_sort_times(times, model->count, error);
    double unlike;
    for (size_t k = 0; k < PLACES && !is_enough(s, 1, k) && !code; k++) {
        s->phase = times[spare * (k * STRIDE % PLACES) / (PLACES - 1)];
        code = mt_reuse_judge_here(s, s->unlike, &unlike, error);
    }
    mt_free(times);
    return code;
}

/* Cells, `most` of CELLS, the first one among them, laid end to end. */
static mt_code try_cells(mt_reuse_search *s, mt_error *error) {
    mt_code code = MT_OK;
    size_t most = s->judge.requests * CELLS / s->chains->model->count + 1;
    int64_t length = (s->chains->last / CELLS / s->step + 1) * s->step;
    double unlike;
    s->phase = 0;
    for (size_t offset = 0; offset < OFFSETS && most < CELLS && !is_enough(s, 2, offset) && !code;
         offset++) {
        int64_t end = 0, earlier[CELLS];
        for (size_t i = 0; i < CELLS; i++) {
            size_t at = i * most + (i > 0 ? offset * CELLS / OFFSETS : 0);
            int is_kept = i == 0 || at / CELLS != (at + most) / CELLS;
            earlier[i] = is_kept ? (int64_t)i * length - end : MT_REUSE_DROPPED;
            end += is_kept ? length : 0;
        }
        for (size_t i = 0; i < s->unit_count; i++) {
            size_t cell = (size_t)(s->trees[s->units[i].tree].start / length);
            s->here[s->units[i].chain].earlier_ns = earlier[cell < CELLS ? cell : CELLS - 1];
        }
        code = mt_reuse_judge_here(s, s->unlike, &unlike, error);
    }
    return code;
}

/* Stretches of time, each as long as the part, laid one over the other, and of the trees that begin in
 * them so many drawn as there would be requests. */
static mt_code try_folds(mt_reuse_search *s, mt_error *error) {
    const mt_model *model = s->chains->model;
    double share = (double)s->judge.requests / (double)model->count, unlike;
    int64_t length = ((int64_t)((double)s->chains->last * share) / s->step + 1) * s->step;
    mt_code code = MT_OK;
    s->phase = 0;
    for (size_t k = 0; k < FOLDS && !is_enough(s, 3, k) && !code; k++) {
        double kept = share * (1 + spare_trees * (double)k / FOLDS);
        for (uint32_t c = 0; c < model->chain_count; c++) {
            if (s->trees[c].first == MT_REUSE_NO_UNIT)
                continue;
            int is_kept = mt_random_uniform(&s->random) < kept;
            int64_t earlier = is_kept ? s->trees[c].start / length * length : MT_REUSE_DROPPED;
            for (uint32_t u = s->trees[c].first; u != MT_REUSE_NO_UNIT; u = s->units[u].next)
                s->here[s->units[u].chain].earlier_ns = earlier;
        }
        code = mt_reuse_judge_here(s, s->unlike, &unlike, error);
    }
    return code;
}

/* ---- all of it ---- */

/* Does the chain share nothing with the one that it goes on from but what that one began with? */
static int is_loose(const mt_reuse_chains *chains, uint32_t chain) {
    const mt_model *model = chains->model;
    uint32_t turn = model->chains[chain].first, origin = model->turns[turn].origin;
    if (origin >= MT_FROM_BEFORE)
        return 0;
    uint32_t began = model->chains[chains->chain_of[origin]].first;
    return mt_reuse_description(chains, turn)->shared <=
           mt_description_blocks(mt_reuse_description(chains, began));
}

/* Units are families; where there are few, sessions of which that is only for what all begin with
 * are units of their own. */
static void find_units(mt_reuse_chains *chains) {
    const mt_model *model = chains->model;
    size_t families = 0;
    for (uint32_t c = 0; c < model->chain_count; c++)
        families += chains->families[c] == c;
    for (uint32_t c = 0; c < model->chain_count; c++) {
        uint32_t origin = model->turns[model->chains[c].first].origin, family = chains->families[c];
        chains->units[c] = family;
        if (families >= FEW_FAMILIES || family == c)
            continue;
        uint32_t from = origin < MT_FROM_BEFORE ? chains->chain_of[origin] : family;
        chains->units[c] = is_loose(chains, c) ? c : from < c ? chains->units[from] : family;
    }
}

/* trees: room for a number a chain. */
static mt_code list_units(mt_reuse_search *s, uint32_t *trees, mt_error *error) {
    const mt_model *model = s->chains->model;
    mt_code code = mt_model_trees(model, trees, error);
    if (code)
        return code;
    find_units(s->chains);
    for (uint32_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        int64_t start = s->chains->when[chain->first],
                last = s->chains->when[chain->first + chain->count - 1];
        mt_reuse_tree *all = &s->trees[trees[c]];
        if (trees[c] == c)
            *all = (mt_reuse_tree){.first = MT_REUSE_NO_UNIT, .start = start};
        if (s->chains->units[c] == c) {
            s->place_of[c] = (uint32_t)s->unit_count;
            s->units[s->unit_count] =
                (mt_reuse_unit){.chain = c, .start = start, .tree = trees[c], .next = all->first};
            all->first = (uint32_t)s->unit_count++;
        }
        s->place_of[c] = s->place_of[s->chains->units[c]];
        mt_reuse_unit *here = &s->units[s->place_of[c]];
        here->start = start < here->start ? start : here->start;
        here->last = last > here->last ? last : here->last;
        s->here[c] = mt_reuse_whole_piece();
    }
    s->most_work *= s->unit_count < MT_REUSE_SINGLE_UNITS ? 4
                    : s->unit_count < MT_REUSE_FEW_UNITS  ? 2
                                                          : 1;
    code = mt_reuse_open_skips(s, error);
    return code ? code : mt_reuse_guess_open(&s->guess, &s->judge, error);
}

/* Whole sessions, where two and a half are wanted: fewer or more, by seed, so that turns a session are right on
 * average, and of seeds in a row as nearly as they can be. At least one. */
static double whole_of(double wanted, uint64_t seed) {
    enum { SEEDS = 1000 };
    double fewer = floor(wanted), more = fewer + 1, at = (double)(seed % SEEDS);
    if (fewer < 1)
        return 1;
    double share = (1 / wanted - 1 / more) / (1 / fewer - 1 / more); /* of seeds that have fewer */
    return floor(share * (at + 1)) > floor(share * at) ? fewer : more;
}

mt_code mt_reuse_find_part(mt_reuse_chains *chains, size_t requests, mt_error *error) {
    size_t count = chains->model->chain_count;
    chains->units = mt_allocate(count, sizeof *chains->units);
    mt_reuse_search s = {.chains = chains,
                         .unlike = INFINITY,
                         .most_work =
                             MOST_WORK / (1 + (double)chains->model->count / MANY_REQUESTS),
                         .random = chains->random};
    mt_random_seek(&s.random, UINT64_MAX); /* behind all laps */
    s.step = chains->clock.period_ns > 0 ? chains->clock.period_ns : chains->grid;
    s.units = mt_allocate(count, sizeof *s.units);
    s.trees = mt_allocate(count, sizeof *s.trees);
    for (size_t c = 0; c < count && s.trees; c++)
        s.trees[c].first = MT_REUSE_NO_UNIT;
    s.here = mt_allocate_zero(count, sizeof *s.here);
    s.now = mt_allocate_zero(count, sizeof *s.now);
    s.best = mt_allocate_zero(count, sizeof *s.best);
    s.place_of = mt_allocate(count, sizeof *s.place_of);
    s.lost = mt_allocate(chains->model->count, sizeof *s.lost);
    s.undo = mt_allocate(2 * count + 2, sizeof *s.undo);
    s.differ = mt_allocate(count, sizeof *s.differ);
    s.differs = mt_allocate_zero(count, sizeof *s.differs);
    uint32_t *trees = mt_allocate(count, sizeof *trees);
    int is_there = chains->units && s.units && s.here && s.now && s.best && s.trees && s.place_of &&
                   s.lost && s.undo && s.differ && s.differs && trees;
    mt_code code = is_there ? MT_OK : mt_fail_memory(error, "synthesiser");
    if (is_there && s.step > 0 &&
        (code = mt_reuse_find_arrivals(chains, requests, error)) == MT_OK &&
        (code = mt_reuse_judge_open(&s.judge, chains, requests, error)) == MT_OK &&
        (s.judge.wanted = whole_of(s.judge.wanted, chains->seed)) > 0 &&
        (code = list_units(&s, trees, error)) == MT_OK &&
        (code = try_windows(&s, error)) == MT_OK && (code = try_cells(&s, error)) == MT_OK &&
        (code = try_folds(&s, error)) == MT_OK &&
        (code = mt_reuse_try_stretches(&s, error)) == MT_OK &&
        (code = mt_reuse_improve(&s, error)) == MT_OK) {
        chains->pieces = s.best;
        chains->phase = s.best_phase;
        chains->part_end = s.best_end + chains->lap_length - chains->last;
        s.best = NULL;
    }
    mt_reuse_judge_free(&s.judge);
    mt_free(s.spare_skips);
    mt_free(s.place_of);
    mt_free(s.lost);
    mt_free(s.undo);
    mt_free(s.differ);
    mt_free(s.differs);
    mt_reuse_guess_free(&s.guess);
    mt_free(trees);
    mt_free(s.trees);
    mt_free(s.units);
    mt_free(s.here);
    mt_free(s.now);
    mt_free(s.best);
    return code;
}
