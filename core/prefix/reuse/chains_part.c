/* Which part of the source a shorter trace is made after.
 *
 * It begins with a window of the source's time, with cells of it put together, or with stretches of it
 * laid one over the other, of which some trees of families (prefix/model/families.h) are drawn. A
 * window cuts sessions that go on, which then share nothing at its beginning; the others keep sessions
 * whole, but how many there are at once may differ. Of several of each, the one most like the whole
 * source (prefix/reuse/chains_judge.h) is taken, and then made more alike step by step: units and trees
 * change places, are moved, cut, come in or are left out; what has lost those that it shares with is
 * mended. What makes the part more like the whole is kept. All of it is the seed's, and judged of the
 * times that the lap has dealt.
 */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_judge.h"

#include <math.h>
#include <string.h>

enum { PLACES = 17, STRIDE = 8 }; /* where a window may begin, and in which order they are tried */
enum { OFFSETS = 8, FOLDS = 16 }; /* which cells, and which trees may be kept */
enum { WAYS = 3, LEAST_TRIES = 2 };
enum { CELLS = 32 };         /* of the source's time */
enum { MOST_STEPS = 40000 }; /* of improvement, and */
/* Runs and requests looked at, in all, and half as many where the source has so many requests. */
#define MOST_WORK 1.2e8
#define MANY_REQUESTS 5e4

enum { FEW_FAMILIES = 48 };                     /* sessions are moved by themselves */
enum { DRAWS = 8, LEANING = 4 };                /* units looked at */
static const double spare_trees = 0.6;          /* drawn, for what comes after the end */
static const double bolder = 1.3, shyer = 0.95; /* after a step that is kept, or not */
/* So much less alike is likely to be kept, at first, where there are fewer units than FEW, and such a
 * part of it elsewhere. */
static const double hottest = 0.02, cooler = 0.05;
enum { FEW = 256 };

#define NO_UNIT UINT32_MAX

typedef struct unit {
    uint32_t chain;      /* its first */
    uint32_t tree, next; /* that it is of (mt_model_trees), and the next one of it, or NO_UNIT */
    int64_t start, last; /* of its requests, in the lap */
} unit;

typedef struct tree {
    uint32_t first; /* unit */
    int64_t start;
    double novelty; /* which part of its blocks nobody had before */
} tree;

typedef struct search {
    mt_reuse_chains *chains;
    mt_reuse_judge judge;
    mt_random random;
    unit *units;
    tree *trees; /* by first chain */
    size_t unit_count;
    uint32_t *place_of; /* by chain: its unit's place among them */
    uint32_t *lost;     /* turns of the part that stands in `now`, as the judge's */
    size_t lost_count;
    int64_t step;                      /* all moves are multiples of it */
    mt_reuse_piece *here, *now, *best; /* by chain, as chains->pieces */
    int64_t phase, best_phase;         /* where the part begins */
    int64_t best_lasts, best_end;      /* as the judge says */
    double unlike;                     /* the best part's */
    double most_work;
} search;

/* Judges what stands in `here` and keeps it where it is the best. */
static mt_code judge_here(search *s, double limit, double *result, mt_error *error) {
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
static int is_enough(const search *s, int ways, size_t tries) {
    return tries >= LEAST_TRIES && s->judge.work > s->most_work / 2 * ways / WAYS;
}

/* Windows of so many requests: nothing moves, and they begin somewhere. */
static mt_code try_windows(search *s, mt_error *error) {
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
        code = judge_here(s, s->unlike, &unlike, error);
    }
    mt_free(times);
    return code;
}

/* Cells, `most` of CELLS, the first one among them, laid end to end. */
static mt_code try_cells(search *s, mt_error *error) {
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
        code = judge_here(s, s->unlike, &unlike, error);
    }
    return code;
}

/* Stretches of time, each as long as the part, laid one over the other, and of the trees that begin in
 * them so many drawn as there would be requests. */
static mt_code try_folds(search *s, mt_error *error) {
    const mt_model *model = s->chains->model;
    double share = (double)s->judge.requests / (double)model->count, unlike;
    int64_t length = ((int64_t)((double)s->chains->last * share) / s->step + 1) * s->step;
    mt_code code = MT_OK;
    s->phase = 0;
    for (size_t k = 0; k < FOLDS && !is_enough(s, 3, k) && !code; k++) {
        double kept = share * (1 + spare_trees * (double)k / FOLDS);
        for (uint32_t c = 0; c < model->chain_count; c++) {
            if (s->trees[c].first == NO_UNIT)
                continue;
            int is_kept = mt_random_uniform(&s->random) < kept;
            int64_t earlier = is_kept ? s->trees[c].start / length * length : MT_REUSE_DROPPED;
            for (uint32_t u = s->trees[c].first; u != NO_UNIT; u = s->units[u].next)
                s->here[s->units[u].chain].earlier_ns = earlier;
        }
        code = judge_here(s, s->unlike, &unlike, error);
    }
    return code;
}

/* ---- steps ---- */

static int is_in(const search *s, const unit *f) {
    const mt_reuse_piece *piece = &s->here[f->chain];
    int64_t end = f->last < piece->until ? f->last : piece->until;
    int64_t begin = f->start > piece->from ? f->start : piece->from;
    return piece->earlier_ns != MT_REUSE_DROPPED && end - piece->earlier_ns >= s->phase &&
           begin - piece->earlier_ns <= s->phase + s->best_lasts;
}

/* A unit that is in the part, or that is not, if a few draws find one. */
static const unit *draw_unit(search *s, int in) {
    const unit *found = NULL;
    for (size_t k = 0; k < DRAWS && (!found || is_in(s, found) != in); k++)
        found = &s->units[mt_random_below(&s->random, s->unit_count)];
    return found;
}

/* The unit shall begin at about that time, counted as the lap's are. */
static void place(search *s, const unit *u, double start) {
    s->here[u->chain].earlier_ns =
        (int64_t)floor(((double)u->start - start) / (double)s->step) * s->step;
}

static void leave_out(search *s, const unit *u) {
    s->here[u->chain].earlier_ns = MT_REUSE_DROPPED;
}

/* A time between its first request and its last. */
static int64_t draw_time(search *s, const unit *u) {
    return u->start + (int64_t)(mt_random_uniform(&s->random) * (double)(u->last - u->start));
}

/* It comes to where any part of it falls into the new trace. */
static void place_anywhere(search *s, const unit *u) {
    double lasts = (double)(u->last - u->start);
    place(s, u,
          (double)s->phase - lasts +
              mt_random_uniform(&s->random) * ((double)s->best_lasts + lasts));
}

/* Another one takes a unit's place: of a few, the one that the step leans to. */
static void replace(search *s, const unit *in, double lean) {
    const unit *out = draw_unit(s, 0);
    for (size_t k = 1; k < LEANING && lean != 0; k++) {
        const unit *another = draw_unit(s, 0);
        if (lean * (s->trees[another->tree].novelty - s->trees[out->tree].novelty) > 0)
            out = another;
    }
    place(s, out, (double)in->start - (double)s->here[in->chain].earlier_ns);
    leave_out(s, in);
}

/* All that hangs together with a unit comes in, as it hangs together, or is left out. */
static void change_tree(search *s) {
    const unit *one = &s->units[mt_random_below(&s->random, s->unit_count)];
    const tree *all = &s->trees[one->tree];
    int is_left_out = is_in(s, one);
    if (!is_left_out)
        place_anywhere(s, one);
    int64_t earlier = is_left_out ? MT_REUSE_DROPPED : s->here[one->chain].earlier_ns;
    for (uint32_t u = all->first; u != NO_UNIT; u = s->units[u].next)
        s->here[s->units[u].chain].earlier_ns = earlier;
}

/* A request that shares less than in the source, for whoever came before it there is not in the part, is
 * left out with its unit, or its unit is moved to where it has its beginning, or that other one comes
 * in. */
static void mend(search *s) {
    uint32_t turn = s->lost[mt_random_below(&s->random, s->lost_count)];
    const unit *one = &s->units[s->place_of[s->judge.chain_of[turn]]];
    const unit *before = &s->units[s->place_of[s->judge.chain_of[s->chains->origin[turn]]]];
    mt_reuse_piece *piece = &s->here[one->chain], *other = &s->here[before->chain];
    if (piece->earlier_ns == MT_REUSE_DROPPED)
        return;
    switch (mt_random_below(&s->random, 3)) {
    case 0:
        leave_out(s, one);
        break;
    case 1:
        if (one->start - piece->earlier_ns < s->phase)
            place(s, one,
                  (double)s->phase + mt_random_uniform(&s->random) * (double)s->best_lasts / 4);
        piece->from = one->start;
        break;
    default:
        *other = (mt_reuse_piece){piece->earlier_ns, before->start, other->until};
    }
}

/* One unit is changed, or a tree of them. lean: what is new comes in for what is known, above 0, or the
 * other way round. */
static void change(search *s, double lean) {
    const unit *one = draw_unit(s, 1);
    mt_reuse_piece *piece = &s->here[one->chain];
    int is_long = one->last > one->start;
    switch (mt_random_below(&s->random, s->lost_count > 0 ? 11 : 8)) {
    case 8:
    case 9:
    case 10:
        mend(s);
        break;
    case 0:
        leave_out(s, one);
        break;
    case 1:
        place_anywhere(s, draw_unit(s, 0));
        break;
    case 2: /* it is moved a little */
        if (is_in(s, one))
            place(s, one,
                  (double)one->start - (double)piece->earlier_ns +
                      (mt_random_uniform(&s->random) - 0.5) * (double)s->best_lasts / 4);
        break;
    case 3: /* its beginning or its end is left out, or made again */
        if (is_long)
            piece->from = mt_random_below(&s->random, 2) ? draw_time(s, one) : one->start;
        break;
    case 4:
        if (is_long)
            piece->until = mt_random_below(&s->random, 2) ? draw_time(s, one) : one->last;
        break;
    case 5:
        change_tree(s);
        break;
    default:
        if (is_in(s, one))
            replace(s, one, lean);
    }
}

/* What a step leans to: half of them to nothing. */
static double draw_lean(search *s) {
    size_t which = mt_random_below(&s->random, 4);
    return which == 0 ? 1 : which == 1 ? -1 : 0;
}

/* So many units change at a time as are found to be for the better, now and then. What makes the part
 * less alike is kept too, at first, as annealing does: else it would be caught where no single change
 * is for the better. */
static mt_code improve(search *s, mt_error *error) {
    mt_code code = MT_OK;
    size_t size = s->chains->model->chain_count * sizeof *s->now;
    double now = s->unlike, next = now, most = (double)s->unit_count / 16;
    s->phase = s->best_phase;
    memcpy(s->now, s->best, size);
    for (size_t k = 0; k < MOST_STEPS && s->judge.work < s->most_work && !code; k++) {
        double left = 1 - fmax((double)k / MOST_STEPS, s->judge.work / s->most_work);
        size_t changes =
            1 + (size_t)(most * mt_random_uniform(&s->random)) + mt_random_below(&s->random, 3);
        double lean = draw_lean(s);
        memcpy(s->here, s->now, size);
        for (size_t i = 0; i < changes; i++)
            change(s, lean);
        double heat = hottest * left * left * (s->unit_count < FEW ? 1 : cooler);
        double limit = now - heat * log(1 - mt_random_uniform(&s->random));
        code = judge_here(s, limit, &next, error);
        most *= next < limit ? bolder : shyer;
        most = fmin(most, (double)s->unit_count / 16);
        if (next < limit) {
            now = next;
            memcpy(s->now, s->here, size);
            s->lost_count = s->judge.lost_count;
            memcpy(s->lost, s->judge.lost, s->lost_count * sizeof *s->lost);
        }
    }
    return code;
}

/* ---- all of it ---- */

/* Does the chain share nothing with the one that it goes on from but what that one began with? */
static int is_loose(const mt_model *model, const uint32_t *chain_of, uint32_t chain) {
    uint32_t turn = model->chains[chain].first, origin = model->turns[turn].origin;
    if (origin >= MT_FROM_BEFORE)
        return 0;
    uint32_t began = model->chains[chain_of[origin]].first;
    return model->descriptions[model->turns[turn].description].shared <=
           mt_description_blocks(&model->descriptions[model->turns[began].description]);
}

/* Units are families; where there are few, sessions of which that is only for what all begin with
 * are units of their own. */
static void find_units(mt_reuse_chains *chains, const uint32_t *chain_of) {
    const mt_model *model = chains->model;
    size_t families = 0;
    for (uint32_t c = 0; c < model->chain_count; c++)
        families += chains->families[c] == c;
    for (uint32_t c = 0; c < model->chain_count; c++) {
        uint32_t origin = model->turns[model->chains[c].first].origin, family = chains->families[c];
        chains->units[c] = family;
        if (families >= FEW_FAMILIES || family == c)
            continue;
        uint32_t from = origin < MT_FROM_BEFORE ? chain_of[origin] : family;
        chains->units[c] = is_loose(model, chain_of, c) ? c
                           : from < c                   ? chains->units[from]
                                                        : family;
    }
}

/* New blocks of all its requests, in parts of all of them. */
static void set_novelty(search *s, const uint32_t *trees, double *blocks) {
    const mt_model *model = s->chains->model;
    for (uint32_t c = 0; c < model->chain_count; c++)
        for (uint32_t t = model->chains[c].first;
             t < model->chains[c].first + model->chains[c].count; t++) {
            const mt_description *from = &model->descriptions[model->turns[t].description];
            s->trees[trees[c]].novelty += (double)from->returning + from->unique;
            blocks[trees[c]] += (double)mt_description_blocks(from);
        }
    for (uint32_t c = 0; c < model->chain_count; c++)
        if (trees[c] == c && blocks[c] > 0)
            s->trees[c].novelty /= blocks[c];
}

/* trees: room for a number a chain; blocks: zeros. */
static mt_code list_units(search *s, uint32_t *trees, double *blocks, mt_error *error) {
    const mt_model *model = s->chains->model;
    mt_code code = mt_model_trees(model, trees, error);
    if (code)
        return code;
    find_units(s->chains, s->judge.chain_of);
    for (uint32_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        int64_t start = s->chains->when[chain->first],
                last = s->chains->when[chain->first + chain->count - 1];
        tree *all = &s->trees[trees[c]];
        if (trees[c] == c)
            *all = (tree){.first = NO_UNIT, .start = start};
        if (s->chains->units[c] == c) {
            s->place_of[c] = (uint32_t)s->unit_count;
            s->units[s->unit_count] =
                (unit){.chain = c, .start = start, .tree = trees[c], .next = all->first};
            all->first = (uint32_t)s->unit_count++;
        }
        s->place_of[c] = s->place_of[s->chains->units[c]];
        unit *here = &s->units[s->place_of[c]];
        here->start = start < here->start ? start : here->start;
        here->last = last > here->last ? last : here->last;
        s->here[c] = (mt_reuse_piece){.from = INT64_MIN, .until = INT64_MAX};
    }
    set_novelty(s, trees, blocks);
    return MT_OK;
}

mt_code mt_reuse_find_part(mt_reuse_chains *chains, size_t requests, mt_error *error) {
    size_t count = chains->model->chain_count;
    chains->units = mt_allocate(count, sizeof *chains->units);
    search s = {.chains = chains,
                .unlike = INFINITY,
                .most_work = MOST_WORK / (1 + (double)chains->model->count / MANY_REQUESTS),
                .random = chains->random};
    mt_random_seek(&s.random, UINT64_MAX); /* behind all laps */
    s.step = chains->clock.period_ns > 0 ? chains->clock.period_ns : chains->grid;
    s.units = mt_allocate(count, sizeof *s.units);
    s.trees = mt_allocate(count, sizeof *s.trees);
    for (size_t c = 0; c < count && s.trees; c++)
        s.trees[c].first = NO_UNIT;
    s.here = mt_allocate_zero(count, sizeof *s.here);
    s.now = mt_allocate_zero(count, sizeof *s.now);
    s.best = mt_allocate_zero(count, sizeof *s.best);
    s.place_of = mt_allocate(count, sizeof *s.place_of);
    s.lost = mt_allocate(chains->model->count, sizeof *s.lost);
    uint32_t *trees = mt_allocate(count, sizeof *trees);
    double *blocks = mt_allocate_zero(count, sizeof *blocks);
    int is_there = chains->units && s.units && s.here && s.now && s.best && s.trees && s.place_of &&
                   s.lost && trees && blocks;
    mt_code code = is_there ? MT_OK : mt_fail_memory(error, "synthesiser");
    if (is_there && s.step > 0 &&
        (code = mt_reuse_judge_open(&s.judge, chains, requests, error)) == MT_OK &&
        (code = list_units(&s, trees, blocks, error)) == MT_OK &&
        (code = try_windows(&s, error)) == MT_OK && (code = try_cells(&s, error)) == MT_OK &&
        (code = try_folds(&s, error)) == MT_OK && (code = improve(&s, error)) == MT_OK) {
        chains->pieces = s.best;
        chains->phase = s.best_phase;
        chains->part_end = s.best_end + chains->lap_length - chains->last;
        s.best = NULL;
    }
    mt_reuse_judge_free(&s.judge);
    mt_free(s.place_of);
    mt_free(s.lost);
    mt_free(trees);
    mt_free(blocks);
    mt_free(s.trees);
    mt_free(s.units);
    mt_free(s.here);
    mt_free(s.now);
    mt_free(s.best);
    return code;
}
