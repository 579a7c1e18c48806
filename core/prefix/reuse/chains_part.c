#define _GNU_SOURCE /* qsort_r */
/* Which part of the source a shorter trace is made after. */
#include "base/memory.h"
#include "prefix/reuse/chains_state.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 64, PLACES = 32 }; /* of input lengths, and where a part may begin */

static int by_number(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

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
    qsort(lengths, count, sizeof *lengths, by_number);
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

/* How unlike the whole the turns sooner[begin..end) are: the distance of their input lengths (that of
 * Kolmogorov and Smirnov), and the share of their blocks that are met too early, being of turns
 * before them. */
static double unlike(const mt_reuse_chains *chains, const uint32_t *sooner, const uint8_t *bins,
                     size_t begin, size_t end) {
    const mt_model *model = chains->model;
    double whole[BINS] = {0}, part[BINS] = {0}, most = 0, cold = 0, blocks = 0, sum = 0;
    int64_t since = chains->times[sooner[begin]];
    for (size_t t = 0; t < model->count; t++)
        whole[bins[t]] += 1 / (double)model->count;
    for (size_t i = begin; i < end; i++) {
        uint32_t t = sooner[i];
        const mt_description *from = &model->descriptions[model->turns[t].description];
        part[bins[t]] += 1 / (double)(end - begin);
        blocks += (double)mt_description_blocks(from);
        if (!chains->heads[t] && chains->times[t - 1] < since)
            cold += (double)from->shared;
    }
    for (size_t b = 0; b < BINS; b++) {
        sum += part[b] - whole[b];
        most = fabs(sum) > most ? fabs(sum) : most;
    }
    return most + (blocks > 0 ? cold / blocks : 0);
}

mt_code mt_reuse_find_part(mt_reuse_chains *chains, size_t requests, mt_error *error) {
    size_t count = chains->model->count, spare = count - requests;
    uint32_t *sooner = mt_allocate(count, sizeof *sooner);
    uint8_t *bins = mt_allocate(count, sizeof *bins);
    double least = INFINITY;
    mt_code code = MT_ERROR_MEMORY;
    if (!sooner || !bins)
        mt_fail_memory(error, "synthesiser");
    else if ((code = set_bins(chains, bins, error)) == MT_OK) {
        for (uint32_t t = 0; t < count; t++)
            sooner[t] = t;
        by_time(sooner, count, chains->times);
        for (size_t k = 0; k < PLACES; k++) {
            size_t begin = spare * k / (PLACES - 1);
            double here = unlike(chains, sooner, bins, begin, begin + requests);
            if (here < least) {
                least = here;
                chains->phase = chains->times[sooner[begin]];
            }
        }
    }
    mt_free(sooner);
    mt_free(bins);
    return code;
}
