#define _GNU_SOURCE /* qsort_r */
/* Which part of the source a shorter trace is made after: a window of its time, or cells of it put
 * together, with the families that begin in them. A window cuts sessions that go on, which then
 * share nothing at its beginning; cells keep sessions whole, but how many there are at once may
 * differ. Of several of both, the part most like the whole is taken. */
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_state.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 64, SIZES = 129 };   /* of input lengths, and of distances: four in a doubling */
enum { PLACES = 32, OFFSETS = 8 }; /* where a window may begin, and which cells may be kept */

static uint64_t input_of(const mt_reuse_chains *chains, uint32_t turn) {
    const mt_model *model = chains->model;
    return mt_model_input_length(model, &model->descriptions[model->turns[turn].description]);
}

/* Into which of BINS about equally full ones each turn's input length falls. */
static mt_code set_bins(const mt_reuse_chains *chains, uint8_t *bins, mt_error *error) {
    size_t count = chains->model->count;
    uint64_t edges[BINS], *lengths = mt_allocate(count, sizeof *lengths);
    if (!lengths)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < count; t++)
        lengths[t] = input_of(chains, t);
    qsort(lengths, count, sizeof *lengths, mt_by_u64);
    for (size_t b = 0; b < BINS; b++)
        edges[b] = lengths[b * count / BINS];
    mt_free(lengths);
    for (uint32_t t = 0; t < count; t++) {
        uint8_t bin = 0;
        while (bin + 1 < BINS && edges[bin + 1] <= input_of(chains, t))
            bin++;
        bins[t] = bin;
    }
    return MT_OK;
}

static int by_turn_time(const void *a, const void *b, void *of_times) {
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    int64_t one = ((const int64_t *)of_times)[first], other = ((const int64_t *)of_times)[second];
    if (one != other)
        return one < other ? -1 : 1;
    return (first > second) - (first < second);
}

static void by_time(uint32_t *turns, size_t count, int64_t *times) {
    qsort_r(turns, count, sizeof *turns, by_turn_time, times);
}

/* What a part is judged by. */
typedef struct tally {
    double turns, lengths[BINS]; /* of the input lengths */
    double blocks, hits[SIZES];  /* of the blocks that come back, by their distance */
} tally;

static void add_turn(const mt_reuse_chains *chains, const uint8_t *bins, uint32_t turn, int is_cold,
                     tally *sum) {
    const mt_model *model = chains->model;
    const mt_description *from = &model->descriptions[model->turns[turn].description];
    sum->turns++;
    sum->lengths[bins[turn]]++;
    sum->blocks += (double)mt_description_blocks(from);
    uint32_t begin = 0;
    for (uint32_t r = 0; r < from->run_count && !is_cold; r++) {
        const mt_model_run *run = &model->runs[from->run_begin + r];
        double size = run->distance > 1 ? 4 * log2((double)run->distance) : 0;
        sum->hits[size < SIZES - 1 ? (size_t)size : SIZES - 1] += (double)(run->end - begin);
        begin = run->end;
    }
}

/* The largest distance of the two's input lengths (that of Kolmogorov and Smirnov), and of their
 * hit ratios in a cache of any size. */
static double unlike(const tally *part, const tally *whole) {
    double lengths = 0, hits = 0, most_lengths = 0, most_hits = 0;
    if (part->turns == 0)
        return INFINITY;
    for (size_t b = 0; b < BINS; b++) {
        lengths += part->lengths[b] / part->turns - whole->lengths[b] / whole->turns;
        most_lengths = fmax(most_lengths, fabs(lengths));
    }
    for (size_t j = 0; j < SIZES && part->blocks > 0 && whole->blocks > 0; j++) {
        hits += part->hits[j] / part->blocks - whole->hits[j] / whole->blocks;
        most_hits = fmax(most_hits, fabs(hits));
    }
    return most_lengths + most_hits;
}

typedef struct search {
    mt_reuse_chains *chains;
    size_t requests;
    uint32_t *sooner;
    uint8_t *bins;
    tally whole;
    double least; /* how unlike the best part so far is */
} search;

/* Tries windows of so many requests; the best one's begin is the phase. */
static void try_windows(search *s) {
    mt_reuse_chains *chains = s->chains;
    size_t spare = chains->model->count - s->requests;
    for (size_t k = 0; k < PLACES; k++) {
        size_t begin = spare * k / (PLACES - 1);
        int64_t since = chains->times[s->sooner[begin]];
        tally part = {0};
        for (size_t i = begin; i < begin + s->requests; i++) {
            uint32_t t = s->sooner[i];
            add_turn(chains, s->bins, t, !chains->heads[t] && chains->times[t - 1] < since, &part);
        }
        double here = unlike(&part, &s->whole);
        if (here < s->least) {
            s->least = here;
            chains->phase = since;
        }
    }
}

/* Lays `most` cells, the first one among them, end to end: where each kept one is moved to. */
static int64_t lay_cells(const mt_reuse_chains *chains, size_t most, size_t offset,
                         mt_reuse_cells *cells) {
    int64_t end = 0;
    cells->length = (chains->last / MT_REUSE_CELLS / cells->step + 1) * cells->step;
    for (size_t i = 0; i < MT_REUSE_CELLS; i++) {
        size_t at = i * most + (i > 0 ? offset * MT_REUSE_CELLS / OFFSETS : 0);
        int is_kept = i == 0 || at / MT_REUSE_CELLS != (at + most) / MT_REUSE_CELLS;
        cells->earlier_ns[i] = is_kept ? (int64_t)i * cells->length - end : MT_REUSE_DROPPED;
        end += is_kept ? cells->length : 0;
    }
    return end;
}

/* Tries cells; where the best ones are better than all windows, they stand in chains->cells. */
static void try_cells(search *s) {
    mt_reuse_chains *chains = s->chains;
    const mt_model *model = chains->model;
    mt_reuse_cells cells = {.step = chains->clock.period_ns > 0 ? chains->clock.period_ns
                                                                : chains->grid};
    size_t most = s->requests * MT_REUSE_CELLS / model->count + 1;
    if (cells.step == 0 || chains->last < MT_REUSE_CELLS * cells.step)
        return;
    for (size_t offset = 0; offset < OFFSETS && most < MT_REUSE_CELLS; offset++) {
        tally part = {0};
        cells.end = lay_cells(chains, most, offset, &cells);
        for (size_t c = 0; c < model->chain_count; c++) {
            const mt_model_chain *chain = &model->chains[c];
            int64_t start = model->chains[chains->trees[c]].start_ns;
            int64_t earlier = mt_reuse_cell_of(&cells, start);
            for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
                if (earlier != MT_REUSE_DROPPED && chains->times[t] - earlier < cells.end)
                    add_turn(chains, s->bins, t, 0, &part);
        }
        double here = unlike(&part, &s->whole);
        if (here < s->least && part.turns >= (double)s->requests) {
            s->least = here;
            chains->cells = cells;
            chains->phase = 0;
        }
    }
}

int64_t mt_reuse_cell_of(const mt_reuse_cells *cells, int64_t start_ns) {
    size_t cell = start_ns > 0 ? (size_t)(start_ns / cells->length) : 0;
    return cells->earlier_ns[cell < MT_REUSE_CELLS ? cell : MT_REUSE_CELLS - 1];
}

mt_code mt_reuse_find_part(mt_reuse_chains *chains, size_t requests, mt_error *error) {
    size_t count = chains->model->count;
    search s = {.chains = chains,
                .requests = requests,
                .sooner = mt_allocate(count, sizeof *s.sooner),
                .bins = mt_allocate(count, sizeof *s.bins),
                .least = INFINITY};
    mt_code code = MT_ERROR_MEMORY;
    if (!s.sooner || !s.bins)
        mt_fail_memory(error, "synthesiser");
    else if (!(chains->trees = mt_allocate(chains->model->chain_count, sizeof *chains->trees)))
        mt_fail_memory(error, "synthesiser");
    else if ((code = mt_model_trees(chains->model, chains->trees, error)) == MT_OK &&
             (code = set_bins(chains, s.bins, error)) == MT_OK) {
        for (uint32_t t = 0; t < count; t++) {
            s.sooner[t] = t;
            add_turn(chains, s.bins, t, 0, &s.whole);
        }
        by_time(s.sooner, count, chains->times);
        try_windows(&s);
        try_cells(&s);
    }
    mt_free(s.sooner);
    mt_free(s.bins);
    return code;
}
