/* Of several ways to deal a lap, the one most like the source in caches (prefix/reuse/chains_state.h). */
#include "base/memory.h"
#include "prefix/reuse/chains_judge.h"

#include <math.h>

enum { TRIES = 8, LEAST_TRIES = 2 };
#define MOST_WORK 1e7 /* runs and requests looked at, in all */

/* FIFO caches: of seven in ten of all different blocks, of half, ... */
enum { FIFOS = 9 };
static const double largest = 0.7071, smaller = 0.7071;

typedef struct deals {
    mt_reuse_chains *chains;
    mt_reuse_judge judge;
    mt_reuse_piece *pieces; /* all of the lap */
    double blocks;          /* that are different, of the source */
    double fifo[FIFOS];     /* hits, of the source */
} deals;

/* What FIFO caches hit of the events that were judged last. */
static void play(deals *d, double *hits) {
    mt_reuse_caches *caches = &d->judge.caches;
    double size = largest * d->blocks;
    for (size_t k = 0; k < FIFOS; k += MT_REUSE_FIFOS) {
        mt_reuse_block_hits some = {0};
        for (size_t i = 0; i < MT_REUSE_FIFOS; i++, size *= smaller)
            caches->sizes[i] = (uint64_t)size;
        d->judge.work +=
            mt_reuse_caches_play_fifo(caches, d->judge.events, d->judge.event_count, &some);
        for (size_t i = 0; i < MT_REUSE_FIFOS; i++)
            hits[k + i] = some.fifo[i];
    }
}

static mt_code open_deals(deals *d, mt_error *error) {
    mt_reuse_chains *chains = d->chains;
    size_t count = chains->model->chain_count;
    d->pieces = mt_allocate(count, sizeof *d->pieces);
    chains->units = mt_allocate(count, sizeof *chains->units);
    if (!d->pieces || !chains->units)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t c = 0; c < count; c++) {
        chains->units[c] = c;
        d->pieces[c] = mt_reuse_whole_piece();
    }
    mt_code code = mt_reuse_judge_open(&d->judge, chains, chains->model->count, error);
    if (code)
        return code;
    d->blocks = d->judge.whole.hits.all - d->judge.whole.hits.known;
    play(d, d->fifo);
    return MT_OK;
}

static mt_code judge(deals *d, double *unlike, mt_error *error) {
    mt_reuse_listed_forget(&d->judge.listed);
    mt_code code = mt_reuse_judge_part(&d->judge, d->pieces, 0, INFINITY, unlike, error);
    double hits[FIFOS], most = 0, mean = 0;
    if (code)
        return code;
    play(d, hits);
    for (size_t k = 0; k < FIFOS; k++) {
        double apart = fabs(hits[k] - d->fifo[k]) / fmax(1, d->judge.whole.hits.all);
        most = fmax(most, apart);
        mean += apart / FIFOS;
    }
    *unlike += d->judge.weights.worst * most + MT_JUDGE_MEAN * mean;
    return MT_OK;
}

mt_code mt_reuse_deal_well(mt_reuse_chains *chains, mt_reuse_deal *deal, mt_error *error) {
    mt_random chosen = chains->random, next = chains->random;
    deals d = {.chains = chains};
    double least = INFINITY, unlike = INFINITY;
    mt_code code = open_deals(&d, error);
    for (int k = 0; k < TRIES && (k < LEAST_TRIES || d.judge.work < MOST_WORK) && !code; k++) {
        mt_random from = chains->random;
        code = deal(chains, error);
        next = chains->random;
        code = code ? code : judge(&d, &unlike, error);
        if (unlike < least) {
            least = unlike;
            chosen = from;
        }
    }
    if (!code) {
        chains->random = chosen;
        code = deal(chains, error);
        chains->random = next;
    }
    mt_reuse_judge_free(&d.judge);
    mt_free(d.pieces);
    mt_free(chains->units);
    chains->units = NULL;
    return code;
}
