/* Which part of the source a shorter trace is made after.
 *
 * It begins with a window of the source's time, or with cells of it put together, with the trees of
 * families (prefix/model/families.h) that begin in them. A window cuts sessions that go on, which
 * then share nothing at its beginning; cells keep sessions whole, but how many there are at once may
 * differ. Of several of both, the one most like the whole source (prefix/reuse/chains_judge.h) is
 * taken, and then made more alike step by step: trees change places, are moved, come in or are left
 * out, and what makes the part more like the whole is kept. So much is tried as takes about as long
 * as making some hundred thousand requests, and all of it is the seed's. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_judge.h"

#include <math.h>
#include <string.h>

enum { PLACES = 32, OFFSETS = 8 }; /* where a window may begin, and which cells may be kept */
enum { CELLS = 32 };               /* of the source's time */
enum { MOST_STEPS = 10000 };       /* of improvement, and */
#define MOST_WORK 1e8              /* blocks and requests looked at, in all */

static const double hottest = 0.02; /* so much less alike is likely to be kept, at first, */
enum { FEW = 256 };                 /* where there are fewer families */

typedef struct family {
    uint32_t chain;      /* its first */
    int64_t start, last; /* of its requests, in the source */
    int64_t tree_start;  /* of the families that it hangs together with */
} family;

typedef struct search {
    mt_reuse_chains *chains;
    mt_reuse_judge judge;
    mt_random random;
    family *families;
    size_t family_count;
    int64_t step;                      /* all moves are multiples of it */
    mt_reuse_piece *here, *now, *best; /* by chain, as chains->pieces */
    int64_t phase, best_phase;         /* where the part begins */
    int64_t best_lasts, best_end;      /* as the judge says */
    double unlike;                     /* the best part's */
} search;

/* Judges what stands in `here` and keeps it where it is the best. */
static mt_code judge_here(search *s, double *result, mt_error *error) {
    double unlike;
    mt_code code = mt_poll_interrupt(error);
    if (code || (code = mt_reuse_judge_part(&s->judge, s->here, s->phase, &unlike, error)))
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

/* Windows of so many requests: nothing moves, and they begin somewhere. */
static mt_code try_windows(search *s, mt_error *error) {
    const mt_model *model = s->chains->model;
    size_t requests = s->judge.requests, spare = model->count - requests;
    int64_t *times = mt_allocate(model->count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "synthesiser");
    memcpy(times, s->chains->times, model->count * sizeof *times);
    mt_code code = mt_sort_times(times, model->count, error);
    double unlike;
    for (size_t k = 0; k < PLACES && !code; k++) {
        s->phase = times[spare * k / (PLACES - 1)];
        code = judge_here(s, &unlike, error);
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
    for (size_t offset = 0; offset < OFFSETS && most < CELLS && !code; offset++) {
        int64_t end = 0, earlier[CELLS];
        for (size_t i = 0; i < CELLS; i++) {
            size_t at = i * most + (i > 0 ? offset * CELLS / OFFSETS : 0);
            int is_kept = i == 0 || at / CELLS != (at + most) / CELLS;
            earlier[i] = is_kept ? (int64_t)i * length - end : MT_REUSE_DROPPED;
            end += is_kept ? length : 0;
        }
        for (size_t i = 0; i < s->family_count; i++) {
            size_t cell = (size_t)(s->families[i].tree_start / length);
            s->here[s->families[i].chain].earlier_ns = earlier[cell < CELLS ? cell : CELLS - 1];
        }
        code = judge_here(s, &unlike, error);
    }
    return code;
}

/* ---- steps ---- */

static int is_in(const search *s, const family *f) {
    const mt_reuse_piece *piece = &s->here[f->chain];
    int64_t end = f->last < piece->until ? f->last : piece->until;
    int64_t begin = f->start > piece->from ? f->start : piece->from;
    return piece->earlier_ns != MT_REUSE_DROPPED && end - piece->earlier_ns >= s->phase &&
           begin - piece->earlier_ns <= s->phase + s->best_lasts;
}

static const family *draw_family(search *s) {
    return &s->families[mt_random_below(&s->random, s->family_count)];
}

/* The family shall begin at about that time, counted as the source's are. */
static void place(search *s, const family *f, double start) {
    s->here[f->chain].earlier_ns =
        (int64_t)floor(((double)f->start - start) / (double)s->step) * s->step;
}

/* A time between its first request and its last. */
static int64_t draw_time(search *s, const family *f) {
    return f->start + (int64_t)(mt_random_uniform(&s->random) * (double)(f->last - f->start));
}

/* One family is changed. */
static void change(search *s) {
    const family *one = draw_family(s), *other = draw_family(s);
    mt_reuse_piece *piece = &s->here[one->chain];
    double lasts = (double)(one->last - one->start), length = (double)s->best_lasts;
    switch (mt_random_below(&s->random, 6)) {
    case 0: /* it is left out */
        piece->earlier_ns = MT_REUSE_DROPPED;
        break;
    case 1: /* it comes to where any part of it falls into the new trace, */
        place(s, one, (double)s->phase - lasts + mt_random_uniform(&s->random) * (length + lasts));
        break;
    case 2: /* or is moved a little */
        if (is_in(s, one))
            place(s, one,
                  (double)one->start - (double)piece->earlier_ns +
                      (mt_random_uniform(&s->random) - 0.5) * length / 4);
        break;
    case 3: /* its beginning or its end is left out, or made again */
        piece->from = mt_random_below(&s->random, 2) ? draw_time(s, one) : one->start;
        break;
    case 4:
        piece->until = mt_random_below(&s->random, 2) ? draw_time(s, one) : one->last;
        break;
    default: /* it takes another one's place */
        if (is_in(s, one) != is_in(s, other)) {
            const family *in = is_in(s, one) ? one : other, *out = in == one ? other : one;
            place(s, out, (double)in->start - (double)s->here[in->chain].earlier_ns);
            s->here[in->chain].earlier_ns = MT_REUSE_DROPPED;
        }
    }
}

/* Many families change at first, then fewer and fewer. What makes the part less alike is kept too, at
 * first, as annealing does: else it would be caught where no single change is for the better. */
static mt_code improve(search *s, mt_error *error) {
    mt_code code = MT_OK;
    size_t many = s->family_count / 16, size = s->chains->model->chain_count * sizeof *s->now;
    double now = s->unlike, next = now;
    s->phase = s->best_phase;
    memcpy(s->now, s->best, size);
    for (size_t k = 0; k < MOST_STEPS && s->judge.work < MOST_WORK && !code; k++) {
        double left = 1 - fmax((double)k / MOST_STEPS, s->judge.work / MOST_WORK);
        size_t changes = 1 + (size_t)((double)many * left * mt_random_uniform(&s->random)) +
                         mt_random_below(&s->random, 3);
        memcpy(s->here, s->now, size);
        for (size_t i = 0; i < changes; i++)
            change(s);
        code = judge_here(s, &next, error);
        double heat = hottest * left * left * (s->family_count < FEW);
        if (next < now || (heat > 0 && mt_random_uniform(&s->random) < exp((now - next) / heat))) {
            now = next;
            memcpy(s->now, s->here, size);
        }
    }
    return code;
}

/* ---- all of it ---- */

/* places and trees: room for a number a chain. */
static mt_code list_families(search *s, uint32_t *places, uint32_t *trees, mt_error *error) {
    const mt_model *model = s->chains->model;
    mt_code code = mt_model_trees(model, trees, error);
    for (uint32_t c = 0; c < model->chain_count && !code; c++) {
        const mt_model_chain *chain = &model->chains[c];
        if (s->chains->families[c] == c) {
            places[c] = (uint32_t)s->family_count;
            s->families[s->family_count++] =
                (family){.chain = c,
                         .start = chain->start_ns,
                         .tree_start = model->chains[trees[c]].start_ns};
        }
        family *here = &s->families[places[s->chains->families[c]]];
        int64_t last = s->chains->times[chain->first + chain->count - 1];
        here->last = last > here->last ? last : here->last;
        s->here[c] = (mt_reuse_piece){.from = INT64_MIN, .until = INT64_MAX};
    }
    return code;
}

mt_code mt_reuse_find_part(mt_reuse_chains *chains, size_t requests, mt_error *error) {
    size_t count = chains->model->chain_count;
    search s = {.chains = chains, .unlike = INFINITY, .random = chains->random};
    mt_random_seek(&s.random, UINT64_MAX); /* behind all laps */
    s.step = chains->clock.period_ns > 0 ? chains->clock.period_ns : chains->grid;
    s.families = mt_allocate(count, sizeof *s.families);
    s.here = mt_allocate_zero(count, sizeof *s.here);
    s.now = mt_allocate_zero(count, sizeof *s.now);
    s.best = mt_allocate_zero(count, sizeof *s.best);
    uint32_t *places = mt_allocate(count, sizeof *places);
    uint32_t *trees = mt_allocate(count, sizeof *trees);
    int is_there = s.families && s.here && s.now && s.best && places && trees;
    mt_code code = is_there ? MT_OK : mt_fail_memory(error, "synthesiser");
    if (is_there && s.step > 0 && (code = list_families(&s, places, trees, error)) == MT_OK &&
        (code = mt_reuse_judge_open(&s.judge, chains, requests, error)) == MT_OK &&
        (code = try_windows(&s, error)) == MT_OK && (code = try_cells(&s, error)) == MT_OK &&
        (code = improve(&s, error)) == MT_OK) {
        chains->pieces = s.best;
        chains->phase = s.best_phase;
        chains->part_end = s.best_end + chains->lap_length - chains->last;
        s.best = NULL;
    }
    mt_reuse_judge_free(&s.judge);
    mt_free(places);
    mt_free(trees);
    mt_free(s.families);
    mt_free(s.here);
    mt_free(s.now);
    mt_free(s.best);
    return code;
}
