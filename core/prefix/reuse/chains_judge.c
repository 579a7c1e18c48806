#include "prefix/reuse/chains_judge.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/chains.h"
#include "prefix/model/families.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What looking at a request costs, as that of so many runs: to put it in its place, to count it, and in
 * the caches. */
enum { SORT_WORK = 16, COUNT_WORK = 8, LRU_WORK = 24, FIFO_WORK = 4 };

/* Pauses as long, to a tenth. */
static const double alike = 1.1;

void mt_reuse_judge_free(mt_reuse_judge *judge) {
    mt_free(judge->inputs);
    mt_free(judge->input_bins);
    mt_free(judge->output_bins);
    mt_free(judge->pauses);
    mt_free(judge->events);
    mt_free(judge->gaps);
    mt_free(judge->lost);
    mt_reuse_caches_free(&judge->caches);
    mt_reuse_sessions_free(&judge->sessions);
    mt_reuse_listed_free(&judge->listed);
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

static mt_code read_turns(mt_reuse_judge *judge, mt_error *error) {
    const mt_reuse_chains *chains = judge->chains;
    size_t count = chains->model->count;
    uint64_t *outputs = mt_allocate(2 * count, sizeof *outputs);
    if (!outputs)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < count; t++) {
        const mt_description *from = mt_reuse_description(chains, t);
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

/* Of the tokens in windows so long the standard deviation over the mean, of requests the variance over it; the
 * last window is left out. */
static void vary(const mt_reuse_judge *judge, size_t count, size_t k, mt_reuse_tally *sum) {
    int64_t first = judge->events[0].time_ns, at = 0,
            end = mt_judge_window_at(judge->events[count - 1].time_ns - first, k);
    double tokens = 0, squares = 0, here = 0, requests = 0, count_squares = 0, here_count = 0;
    sum->variation[k] = sum->bunching[k] = -1;
    if (end < MT_JUDGE_LEAST_WINDOWS)
        return;
    for (size_t i = 0; i < count; i++) {
        int64_t w = mt_judge_window_at(judge->events[i].time_ns - first, k);
        if (w > at) {
            squares += here * here;
            count_squares += here_count * here_count;
            here = here_count = 0;
            at = w;
        }
        if (w == end)
            break;
        here += (double)judge->inputs[judge->events[i].turn];
        tokens += (double)judge->inputs[judge->events[i].turn];
        here_count++;
        requests++;
    }
    mt_reuse_vary(tokens, squares, requests, count_squares, (double)end, k, sum);
}

/* What needs no cache. */
static void count_requests(mt_reuse_judge *judge, size_t count, mt_reuse_tally *sum) {
    for (size_t i = 0; i < count; i++) {
        uint32_t turn = judge->events[i].turn;
        sum->inputs[judge->input_bins[turn]]++;
        sum->outputs[judge->output_bins[turn]]++;
    }
    sum->turns = (double)count;
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++)
        vary(judge, count, k, sum);
    int64_t lasts = judge->events[count - 1].time_ns - judge->events[0].time_ns;
    sum->rate = lasts > 0 ? (double)count / (double)lasts : 0;
    judge->work += COUNT_WORK * (double)count;
}

static mt_reuse_pause pause_of(const mt_reuse_judge *judge, int64_t gap) {
    if (gap < 0)
        return MT_PAUSE_NONE;
    if ((double)gap > alike * (double)judge->pause)
        return MT_PAUSE_LONG;
    return alike * (double)gap < (double)judge->pause ? MT_PAUSE_SHORT : MT_PAUSE_LIKE;
}

static void count_session(mt_reuse_judge *judge, size_t at, mt_reuse_tally *sum) {
    const mt_reuse_judged *events = judge->events;
    uint32_t before =
        mt_reuse_sessions_take(&judge->sessions, &judge->caches, events, at, judge->inputs);
    judge->gaps[at] = before > 0 ? events[at].time_ns - events[before - 1].time_ns : -1;
    if (before > 0) {
        sum->pauses[pause_of(judge, judge->gaps[at])]++;
        sum->early += judge->gaps[at] < mt_reuse_fastest_ns(judge->chains, events[before - 1].turn);
    }
}

static void count_lru(mt_reuse_judge *judge, size_t count, mt_reuse_tally *sum) {
    double all = 0, known = 0; /* before this tenth */
    mt_reuse_caches_clear(&judge->caches);
    judge->lost_count = 0;
    judge->sessions.count = 0;
    for (size_t i = 0, tenth = 0; i < count; i++) {
        if (mt_reuse_caches_touch(&judge->caches, judge->events, i, &sum->hits) > 0)
            judge->lost[judge->lost_count++] = judge->events[i].turn;
        count_session(judge, i, sum);
        if ((i + 1) * MT_JUDGE_TENTHS / count > tenth) {
            double here = sum->hits.all - all;
            sum->tenths[tenth++] = here > 0 ? (sum->hits.known - known) / here : 0;
            tenth = (i + 1) * MT_JUDGE_TENTHS / count;
            all = sum->hits.all;
            known = sum->hits.known;
        }
    }
    sum->sessions = judge->sessions.count;
    judge->work += LRU_WORK * (double)count + (double)judge->caches.run_count / 8;
}

/* The sums of a distribution, in parts of all. */
static void sum_up(const double *counts, double all, double *sums, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += counts[i];
        sums[i] = all > 0 ? sum / all : 0;
    }
}

/* All of the source's turns, in order of time. */
static mt_code list_whole(mt_reuse_judge *judge, mt_error *error) {
    const mt_reuse_chains *chains = judge->chains;
    const int64_t *times = mt_reuse_is_few(chains) ? chains->times : chains->when;
    judge->event_count = 0;
    for (uint32_t t = 0; t < chains->model->count; t++)
        if (times[t] >= 0 && times[t] < MT_REUSE_DROPPED)
            judge->events[judge->event_count++] = (mt_reuse_judged){times[t], t};
    return mt_sort_by_number(judge->events, judge->event_count, sizeof *judge->events, error);
}

/* Which events there are, in order of time. */
static mt_code list_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                         mt_error *error) {
    const mt_reuse_judged *all;
    mt_code code = mt_reuse_list(&judge->listed, pieces, error);
    size_t count = judge->listed.count, first = 0;
    if (code)
        return code;
    for (all = judge->listed.events; first < count && all[first].time_ns < phase;)
        first++;
    judge->event_count = count - first;
    for (size_t i = first; i < count; i++)
        judge->events[i - first] = (mt_reuse_judged){all[i].time_ns - phase, all[i].turn};
    judge->end = first < count ? all[count - 1].time_ns - phase : 0;
    return MT_OK;
}

static void count_list_work(mt_reuse_judge *judge) {
    judge->work +=
        (double)judge->chains->model->chain_count + SORT_WORK * (double)judge->event_count;
}

/* The source has been played: its median pause, and which turns come after a longer one. */
static mt_code read_pauses(mt_reuse_judge *judge, mt_error *error) {
    int64_t *sorted = mt_allocate(judge->event_count, sizeof *sorted);
    size_t count = 0;
    if (!sorted)
        return mt_fail_memory(error, "synthesiser");
    for (size_t i = 0; i < judge->event_count; i++)
        if (judge->gaps[i] >= 0)
            sorted[count++] = judge->gaps[i];
    mt_code code = mt_sort_times(sorted, count, error);
    judge->pause = count > 0 ? sorted[count / 2] : 0;
    mt_free(sorted);
    memset(judge->whole.pauses, 0, sizeof judge->whole.pauses);
    for (size_t i = 0; i < judge->event_count; i++) {
        mt_reuse_pause pause = pause_of(judge, judge->gaps[i]);
        judge->pauses[judge->events[i].turn] = (uint8_t)pause;
        if (pause != MT_PAUSE_NONE)
            judge->whole.pauses[pause]++;
    }
    return code;
}

/* The source, for what is known of it: as it came where few families make a stretch, else as the lap has
 * dealt it. For within a stretch the model lists what begins by what it is, not by when it came
 * (prefix/model/chains.h), which gathers the long ones. */
static mt_code judge_whole(mt_reuse_judge *judge, mt_error *error) {
    mt_code code = list_whole(judge, error);
    if (code)
        return code;
    count_list_work(judge);
    mt_reuse_tally *sum = &judge->whole;
    *sum = (mt_reuse_tally){0};
    count_requests(judge, judge->event_count, sum);
    count_lru(judge, judge->event_count, sum);
    sum_up(sum->inputs, sum->turns, judge->input_sums, MT_JUDGE_LENGTHS);
    sum_up(sum->outputs, sum->turns, judge->output_sums, MT_JUDGE_LENGTHS);
    sum_up(sum->hits.lru, sum->hits.all, judge->lru_sums, MT_REUSE_DISTANCES);
    if ((code = read_pauses(judge, error)))
        return code;
    judge->wanted = sum->sessions * (double)judge->requests / (double)judge->event_count;
    judge->weights = mt_reuse_weights_of(judge);
    mt_reuse_caches_set_sizes(&judge->caches, &sum->hits,
                              (double)judge->requests / (double)judge->event_count);
    judge->work +=
        mt_reuse_caches_play_fifo(&judge->caches, judge->events, judge->event_count, &sum->hits);
    return MT_OK;
}

/* What costs least is looked at first. */
mt_code mt_reuse_judge_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                            double limit, double *result, mt_error *error) {
    mt_reuse_tally *sum = &judge->part;
    size_t count = judge->requests;
    mt_code code = list_part(judge, pieces, phase, error);
    *result = INFINITY;
    count_list_work(judge);
    if (code || judge->event_count < count)
        return code;
    judge->lasts = judge->events[count - 1].time_ns;
    for (size_t k = 0; k + 1 < MT_JUDGE_TENTHS; k++)
        judge->ends[k] = judge->events[(k + 1) * count / MT_JUDGE_TENTHS].time_ns;
    if (judge->chains->arrivals &&
        (code = mt_reuse_take_arrivals(judge->chains, judge->events, judge->event_count, error)))
        return code;
    memset(sum, 0,
           offsetof(mt_reuse_tally, hits.lru) + sum->hits.distances * sizeof *sum->hits.lru);
    count_requests(judge, count, sum);
    *result = mt_reuse_unlike_lengths(judge, sum) + mt_reuse_unlike_clock(judge, sum);
    if (*result >= limit)
        return MT_OK;
    count_lru(judge, count, sum);
    *result += mt_reuse_unlike_lru(judge) + mt_reuse_unlike_sessions(judge, sum) +
               mt_reuse_unlike_early(judge, sum);
    if (*result >= limit)
        return MT_OK;
    judge->work += FIFO_WORK * (double)count +
                   mt_reuse_caches_play_fifo(&judge->caches, judge->events, count, &sum->hits);
    *result += mt_reuse_unlike_fifo(judge);
    return MT_OK;
}

mt_code mt_reuse_judge_open(mt_reuse_judge *judge, mt_reuse_chains *chains, size_t requests,
                            mt_error *error) {
    size_t count = chains->model->count;
    judge->chains = chains;
    judge->requests = requests;
    judge->inputs = mt_allocate(count, sizeof *judge->inputs);
    judge->input_bins = mt_allocate(count, sizeof *judge->input_bins);
    judge->output_bins = mt_allocate(count, sizeof *judge->output_bins);
    judge->pauses = mt_allocate(count, sizeof *judge->pauses);
    judge->events = mt_allocate(count, sizeof *judge->events);
    judge->gaps = mt_allocate(count, sizeof *judge->gaps);
    judge->lost = mt_allocate(count, sizeof *judge->lost);
    if (!judge->inputs || !judge->input_bins || !judge->output_bins || !judge->pauses ||
        !judge->events || !judge->gaps || !judge->lost)
        return mt_fail_memory(error, "synthesiser");
    memset(judge->pauses, MT_PAUSE_NONE, count);
    mt_code code = mt_reuse_caches_open(&judge->caches, chains, error);
    if (code == MT_OK)
        code = mt_reuse_sessions_open(&judge->sessions, count, error);
    if (code == MT_OK)
        code = mt_reuse_listed_open(&judge->listed, chains, error);
    if (code == MT_OK)
        code = read_turns(judge, error);
    if (code == MT_OK)
        code = judge_whole(judge, error);
    return code;
}
