#include "prefix/reuse/chains_judge.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/chains.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

static const int64_t ages[MT_JUDGE_AGES] = {SECOND, 5 * SECOND, 30 * SECOND, 300 * SECOND};
static const int64_t windows[MT_JUDGE_WINDOWS] = {10 * SECOND, 60 * SECOND, 300 * SECOND};
enum { LEAST_WINDOWS = 4 };

/* What a difference counts: the hit ratio at the worst size most. Variations and rates are in parts
 * of the source's. */
static const double worst_weight = 3, mean_weight = 1, age_weight = 1.5, length_weight = 0.8;
static const double window_weight = 0.05, tenth_weight = 0.15, rate_weight = 0.1,
                    chain_weight = 0.15;

void mt_reuse_judge_free(mt_reuse_judge *judge) {
    mt_free(judge->inputs);
    mt_free(judge->path_begin);
    mt_free(judge->input_bins);
    mt_free(judge->output_bins);
    mt_free(judge->paths);
    mt_free(judge->owner);
    mt_free(judge->chain_of);
    mt_free(judge->is_seen);
    mt_free(judge->events);
    mt_free(judge->parts.sums);
}

static const mt_description *description_of(const mt_reuse_chains *chains, uint32_t turn) {
    return &chains->model->descriptions[chains->model->turns[turn].description];
}

/* ---- beginning ---- */

/* Into which of about equally full bins each length falls. */
static mt_code set_bins(const uint64_t *lengths, size_t count, uint8_t *bins, mt_error *error) {
    uint64_t edges[MT_JUDGE_LENGTHS], *sorted = mt_allocate(count, sizeof *sorted);
    if (!sorted)
        return mt_fail_memory(error, "synthesiser");
    memcpy(sorted, lengths, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, mt_by_u64);
    for (size_t b = 0; b < MT_JUDGE_LENGTHS; b++)
        edges[b] = sorted[b * count / MT_JUDGE_LENGTHS];
    mt_free(sorted);
    for (size_t t = 0; t < count; t++) {
        uint8_t bin = 0;
        while (bin + 1 < MT_JUDGE_LENGTHS && edges[bin + 1] <= lengths[t])
            bin++;
        bins[t] = bin;
    }
    return MT_OK;
}

/* Each turn's blocks that come back, numbered as they come; what it shares is its origin's. */
static void set_paths(mt_reuse_judge *judge) {
    const mt_reuse_chains *chains = judge->chains;
    uint32_t next = 0;
    for (size_t i = 0; i < chains->model->count; i++) {
        uint32_t turn = chains->order[i];
        const mt_description *from = description_of(chains, turn);
        uint32_t *path = judge->paths + judge->path_begin[turn];
        if (from->shared > 0)
            memcpy(path, judge->paths + judge->path_begin[chains->origin[turn]],
                   from->shared * sizeof *path);
        for (uint32_t b = 0; b < from->returning; b++)
            path[from->shared + b] = next++;
    }
    judge->block_count = next;
}

static mt_code read_turns(mt_reuse_judge *judge, mt_error *error) {
    const mt_reuse_chains *chains = judge->chains;
    size_t count = chains->model->count;
    uint64_t *outputs = mt_allocate(count, sizeof *outputs);
    if (!outputs)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < count; t++) {
        const mt_description *from = description_of(chains, t);
        judge->inputs[t] = mt_model_input_length(chains->model, from);
        outputs[t] = from->output;
    }
    mt_code code = set_bins(judge->inputs, count, judge->input_bins, error);
    if (code == MT_OK)
        code = set_bins(outputs, count, judge->output_bins, error);
    mt_free(outputs);
    return code;
}

/* ---- a part ---- */

static size_t distance_bin(uint64_t distance) {
    double size = distance > 1 ? 32 * log2((double)distance) : 0;
    return size < MT_JUDGE_DISTANCES - 1 ? (size_t)size : MT_JUDGE_DISTANCES - 1;
}

typedef struct walk {
    double hit, all; /* blocks of the tenth */
} walk;

/* Request number `at`, counted from one, touches its path: runs of one owner have one distance. */
static void touch(mt_reuse_judge *judge, size_t at, walk *w, mt_reuse_tally *sum) {
    const mt_reuse_judged *event = &judge->events[at - 1];
    const mt_description *from = description_of(judge->chains, event->turn);
    const uint32_t *path = judge->paths + judge->path_begin[event->turn];
    uint32_t core = from->shared + from->returning, d = 0, moved = 0;
    while (d < core && judge->owner[path[d]] != 0) {
        uint32_t begin = d, owner = judge->owner[path[d]];
        for (; d < core && judge->owner[path[d]] == owner; d++)
            judge->owner[path[d]] = (uint32_t)at;
        uint64_t distance = mt_parts_distance(&judge->parts, owner - 1) +
                            moved; /* all that it and later ones touched last */
        sum->hits[distance_bin(distance)] += d - begin;
        int64_t age = event->time_ns - judge->events[owner - 1].time_ns;
        for (size_t k = 0; k < MT_JUDGE_AGES; k++)
            sum->kept[k] += age <= ages[k] ? d - begin : 0;
        mt_parts_take(&judge->parts, owner - 1, d - begin);
        moved += d - begin;
    }
    w->hit += d;
    uint32_t length = core + from->unique;
    for (uint32_t b = d; b < core; b++)
        judge->owner[path[b]] = (uint32_t)at;
    mt_parts_append(&judge->parts, length);
    w->all += length;
    uint32_t chain = judge->chain_of[event->turn];
    sum->chains += !judge->is_seen[chain];
    judge->is_seen[chain] = 1;
    sum->turns++;
    sum->blocks += length;
    sum->inputs[judge->input_bins[event->turn]]++;
    sum->outputs[judge->output_bins[event->turn]]++;
}

/* Standard deviation over mean of the tokens in windows so long; the last one is left out. */
static double variation_of(const mt_reuse_judge *judge, size_t count, int64_t window) {
    int64_t first = judge->events[0].time_ns, at = 0, end = 0;
    double here = 0, sum = 0, squares = 0;
    end = (judge->events[count - 1].time_ns - first) / window;
    if (end < LEAST_WINDOWS)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int64_t w = (judge->events[i].time_ns - first) / window;
        if (w > at) {
            squares += here * here;
            here = 0;
            at = w;
        }
        if (w == end)
            break;
        here += (double)judge->inputs[judge->events[i].turn];
        sum += (double)judge->inputs[judge->events[i].turn];
    }
    double mean = sum / (double)end;
    return mean > 0 ? sqrt(fmax(0, squares / (double)end - mean * mean)) / mean : -1;
}

/* Runs the first `count` events. */
static void run(mt_reuse_judge *judge, size_t count, mt_reuse_tally *sum) {
    walk w = {0};
    *sum = (mt_reuse_tally){0};
    memset(judge->owner, 0, judge->block_count * sizeof *judge->owner);
    memset(judge->is_seen, 0, judge->chains->model->chain_count);
    judge->parts.count = 0;
    judge->parts.total = 0;
    for (size_t i = 0, tenth = 0; i < count; i++) {
        touch(judge, i + 1, &w, sum);
        if ((i + 1) * MT_JUDGE_TENTHS / count > tenth) {
            sum->tenths[tenth++] = w.all > 0 ? w.hit / w.all : 0;
            tenth = (i + 1) * MT_JUDGE_TENTHS / count;
            w.hit = w.all = 0;
        }
    }
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++)
        sum->variation[k] = variation_of(judge, count, windows[k]);
    int64_t lasts = judge->events[count - 1].time_ns - judge->events[0].time_ns;
    sum->rate = lasts > 0 ? (double)count / (double)lasts : 0;
    judge->work += sum->blocks + 16 * (double)count + (double)judge->block_count / 8;
}

/* The largest distance of two distributions' sums. */
static double apart(const double *part, double parts, const double *whole, double wholes,
                    size_t count, double *mean) {
    double sum = 0, most = 0, all = 0;
    for (size_t i = 0; i < count && parts > 0 && wholes > 0; i++) {
        sum += part[i] / parts - whole[i] / wholes;
        most = fmax(most, fabs(sum));
        all += fabs(sum) / (double)count;
    }
    if (mean)
        *mean = all;
    return most;
}

static double unlike(const mt_reuse_tally *part, const mt_reuse_tally *whole) {
    double mean, aged = 0, tenths = 0;
    double worst =
        apart(part->hits, part->blocks, whole->hits, whole->blocks, MT_JUDGE_DISTANCES, &mean);
    double sum = worst_weight * worst + mean_weight * mean;
    sum += length_weight *
           apart(part->inputs, part->turns, whole->inputs, whole->turns, MT_JUDGE_LENGTHS, NULL);
    sum += length_weight / 2 *
           apart(part->outputs, part->turns, whole->outputs, whole->turns, MT_JUDGE_LENGTHS, NULL);
    for (size_t k = 0; k < MT_JUDGE_AGES && part->blocks > 0 && whole->blocks > 0; k++)
        aged = fmax(aged, fabs(part->kept[k] / part->blocks - whole->kept[k] / whole->blocks));
    for (size_t k = 0; k < MT_JUDGE_TENTHS; k++)
        tenths = fmax(tenths, fabs(part->tenths[k] - whole->tenths[k]));
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++)
        if (part->variation[k] >= 0 && whole->variation[k] > 0)
            sum += window_weight * fmin(1, fabs(part->variation[k] / whole->variation[k] - 1));
    if (part->rate > 0 && whole->rate > 0)
        sum += rate_weight * fmin(2, fabs(log(part->rate / whole->rate)));
    sum += chain_weight *
           fmin(2, fabs(log(part->chains / part->turns / (whole->chains / whole->turns))));
    return sum + age_weight * aged + tenth_weight * tenths;
}

/* Which events there are, in order of time. */
static mt_code list_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                         mt_error *error) {
    const mt_reuse_chains *chains = judge->chains;
    judge->event_count = 0;
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        const mt_model_chain *chain = &chains->model->chains[c];
        const mt_reuse_piece *piece = pieces ? &pieces[chains->families[c]] : NULL;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            int64_t time = chains->times[t] - phase - (piece ? piece->earlier_ns : 0);
            if (time >= 0 && (!piece || mt_reuse_is_in_piece(piece, chains->times[t])))
                judge->events[judge->event_count++] = (mt_reuse_judged){time, t};
        }
    }
    mt_code code =
        mt_sort_by_number(judge->events, judge->event_count, sizeof *judge->events, error);
    judge->end = judge->event_count > 0 ? judge->events[judge->event_count - 1].time_ns : 0;
    return code;
}

mt_code mt_reuse_judge_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                            double *result, mt_error *error) {
    mt_reuse_tally sum;
    mt_code code = list_part(judge, pieces, phase, error);
    *result = INFINITY;
    judge->work += (double)judge->chains->model->chain_count;
    if (code || judge->event_count < judge->requests)
        return code;
    run(judge, judge->requests, &sum);
    judge->lasts = judge->events[judge->requests - 1].time_ns;
    *result = unlike(&sum, &judge->whole);
    return MT_OK;
}

mt_code mt_reuse_judge_open(mt_reuse_judge *judge, mt_reuse_chains *chains, size_t requests,
                            mt_error *error) {
    size_t count = chains->model->count;
    uint64_t blocks = 0, returning = 0;
    judge->chains = chains;
    judge->requests = requests;
    judge->inputs = mt_allocate(count, sizeof *judge->inputs);
    judge->path_begin = mt_allocate(count, sizeof *judge->path_begin);
    judge->input_bins = mt_allocate(count, sizeof *judge->input_bins);
    judge->output_bins = mt_allocate(count, sizeof *judge->output_bins);
    judge->chain_of = mt_allocate(count, sizeof *judge->chain_of);
    judge->is_seen = mt_allocate(chains->model->chain_count, 1);
    judge->events = mt_allocate(count, sizeof *judge->events);
    if (!judge->inputs || !judge->path_begin || !judge->input_bins || !judge->output_bins ||
        !judge->events || !judge->chain_of || !judge->is_seen ||
        MT_GROW(judge->parts.sums, judge->parts.capacity, count + 2))
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < count; t++) {
        const mt_description *from = description_of(chains, t);
        judge->path_begin[t] = blocks;
        blocks += (uint64_t)from->shared + from->returning;
        returning += from->returning;
    }
    for (uint32_t c = 0; c < chains->model->chain_count; c++)
        for (uint32_t t = 0; t < chains->model->chains[c].count; t++)
            judge->chain_of[chains->model->chains[c].first + t] = c;
    judge->paths = mt_allocate(blocks + 1, sizeof *judge->paths);
    judge->owner = mt_allocate(returning + 1, sizeof *judge->owner);
    if (!judge->paths || !judge->owner)
        return mt_fail_memory(error, "synthesiser");
    set_paths(judge);
    mt_code code = read_turns(judge, error);
    if (code == MT_OK && (code = list_part(judge, NULL, 0, error)) == MT_OK)
        run(judge, count, &judge->whole);
    return code;
}
