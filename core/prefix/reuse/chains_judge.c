#include "prefix/reuse/chains_judge.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/chains.h"
#include "prefix/model/families.h"
#include "prefix/reuse/lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

const int64_t mt_judge_windows[MT_JUDGE_WINDOWS] = {10 * SECOND, 60 * SECOND, 300 * SECOND};
/* What looking at a request costs, as that of so many runs: to put it in its place, to count it, and in
 * the caches. */
enum { SORT_WORK = 16, COUNT_WORK = 8, LRU_WORK = 24, FIFO_WORK = 4 };

/* What a difference counts: the hit ratio at the worst size most. Variations and rates are in parts
 * of the source's. */
static const double length_weight = 0.8;
static const double window_weight = 0.2, rate_weight = 0.1, session_weight = 0.8,
                    pause_weight = 0.6, early_weight = 2;
/* A session that begins is seen in a tenth where a few families make a stretch; where one session runs at a time
 * that cannot be helped. Where all of the source is made, its tenths, pauses and bunching are there. Of a few
 * sessions each moves the worst LRU hit ratio by much, and all else would give way to it. Where most sessions are
 * brief, of one request, tenths and bunching would hold the search fast. */
static const mt_judge_weights
    all_weights = {.worst = 8, .age = 1.5, .fifo = 0.5, .worst_tenth = 0.4},
    many_weights = {.worst = 20,
                    .age = 3,
                    .fifo = 0.5,
                    .worst_tenth = 1.6,
                    .tenths = 0.1,
                    .other_pause = 0.1,
                    .bunching = 0.02},
    few_weights = {.worst = 8,
                   .age = 3,
                   .fifo = 1,
                   .worst_tenth = 1.5,
                   .tenths = 0.6,
                   .other_pause = 0.1,
                   .bunching = 0.02},
    brief_weights =
        {.worst = 8, .age = 3, .fifo = 1, .worst_tenth = 1, .tenths = 0.4, .other_pause = 0.1},
    lone_weights = {.worst = 8, .age = 1.5, .fifo = 0.5, .worst_tenth = 1};
/* Requests that all come at one instant, of a source that lasts: no window counts them, and none is like it. */
static const double at_once = 1000;
static const double spare_tenth = 0.04, lone = 1.5;
static const double alike = 1.1;
/* Of so few sessions one more is soon there, and matters much. */
enum { FEW_SESSIONS = 8 };
/* So far off costs nothing, in parts of the sessions or of turns that go on, whichever are fewer. */
static const double spare_sessions = 0.05;
static const double few_sessions_weight = 1.3;

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

void mt_reuse_vary(double tokens, double squares, double requests, double count_squares,
                   double windows, size_t k, mt_reuse_tally *sum) {
    double mean = tokens / windows, mean_count = requests / windows;
    sum->variation[k] = mean > 0 ? sqrt(fmax(0, squares / windows - mean * mean)) / mean : -1;
    sum->bunching[k] =
        requests > 0 ? fmax(0, count_squares - requests * mean_count) / (windows - 1) / mean_count
                     : -1;
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

/* The largest distance of two distributions' sums, and its mean. */
static double apart(const double *part, double parts, const double *whole, size_t count,
                    double *mean) {
    double sum = 0, most = 0, all = 0, parts_or_one = parts > 0 ? parts : 1;
    for (size_t i = 0; i < count; i++) {
        sum += part[i];
        double here = fabs(sum / parts_or_one - whole[i]);
        most = here > most ? here : most;
        all += here;
    }
    *mean = all / (double)count;
    return most;
}

/* The same of distributions of lengths, which every guess asks for: without the mean, two bins at a time. */
static double lengths_apart(const double *part, double parts, const double *whole) {
    double sums[MT_JUDGE_LENGTHS], sum = 0, parts_or_one = parts > 0 ? parts : 1;
    mt_double_lanes most = {0, 0};
    const mt_double_bits positive = {INT64_MAX, INT64_MAX};
    for (size_t i = 0; i < MT_JUDGE_LENGTHS; i++)
        sums[i] = sum += part[i];
    for (size_t i = 0; i < MT_JUDGE_LENGTHS; i += MT_DOUBLE_LANES) {
        mt_double_lanes here, there;
        memcpy(&here, sums + i, sizeof here);
        memcpy(&there, whole + i, sizeof there);
        here = (mt_double_lanes)((mt_double_bits)(here / parts_or_one - there) & positive);
        mt_double_bits more = here > most;
        most = (mt_double_lanes)((more & (mt_double_bits)here) | (~more & (mt_double_bits)most));
    }
    return fmax(most[0], most[1]);
}

/* The largest difference of two lists of blocks, in parts of all. */
static double most_apart(const double *part, const mt_reuse_block_hits *parts, const double *whole,
                         const mt_reuse_block_hits *wholes, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count && parts->all > 0 && wholes->all > 0; i++)
        most = fmax(most, fabs(part[i] / parts->all - whole[i] / wholes->all));
    return most;
}

/* In its lengths and on a clock. */
double mt_reuse_unlike_requests(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    const mt_reuse_tally *whole = &judge->whole;
    double sum = length_weight * lengths_apart(part->inputs, part->turns, judge->input_sums);
    sum += length_weight / 2 * lengths_apart(part->outputs, part->turns, judge->output_sums);
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++)
        if (part->variation[k] >= 0 && whole->variation[k] > 0)
            sum += window_weight * fmin(2, fabs(part->variation[k] / whole->variation[k] - 1));
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++)
        if (part->bunching[k] >= 0 && whole->bunching[k] > 0)
            sum +=
                judge->weights.bunching * fmin(2, fabs(part->bunching[k] / whole->bunching[k] - 1));
    if (whole->rate > 0 && part->turns > 1) {
        double off = part->rate > 0 ? fmin(2, fabs(log(part->rate / whole->rate))) : at_once;
        sum += rate_weight * off;
    }
    return sum;
}

/* Where requests are put in order without their times, who goes on may come too soon. */
static double unlike_early(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    const mt_reuse_tally *whole = &judge->whole;
    double go_on = part->turns - part->sessions, goes_on = whole->turns - whole->sessions;
    if (!judge->chains->arrivals || go_on < 1 || goes_on < 1)
        return 0;
    return early_weight * fmax(0, part->early / go_on - whole->early / goes_on);
}

/* The median pause is like the source's where fewer than half are shorter, and fewer than half longer. */
double mt_reuse_unlike_sessions(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    double weight = judge->wanted < FEW_SESSIONS ? few_sessions_weight : session_weight;
    double go_on = part->turns - judge->wanted; /* turns */
    double spare = spare_sessions * fmax(0, fmin(1, go_on / judge->wanted));
    double off = fabs(log(fmax(1e-9, part->sessions) / judge->wanted));
    double sum = weight * fmin(2, fmax(0, off - spare));
    const double *pauses = part->pauses;
    double half = (pauses[MT_PAUSE_SHORT] + pauses[MT_PAUSE_LIKE] + pauses[MT_PAUSE_LONG]) / 2;
    double most = fmax(pauses[MT_PAUSE_SHORT], pauses[MT_PAUSE_LONG]);
    if (half > 0 && judge->pause > 0)
        sum += (most > half ? judge->weights.other_pause : 0) +
               pause_weight * fmax(0, most - half) / (2 * half);
    return sum;
}

static mt_judge_weights weights_of(const mt_reuse_judge *judge) {
    const mt_reuse_chains *chains = judge->chains;
    if (judge->requests == chains->model->count)
        return all_weights;
    if (!mt_reuse_is_few(chains))
        return many_weights;
    int is_lone = chains->at_once < lone && judge->wanted < FEW_SESSIONS;
    int is_brief = 2 * judge->whole.sessions > judge->whole.turns;
    return is_lone ? lone_weights : is_brief ? brief_weights : few_weights;
}

double mt_reuse_unlike_tenths(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    double worst = 0, sum = 0;
    for (size_t k = 0; k < MT_JUDGE_TENTHS; k++) {
        double off = fabs(part->tenths[k] - judge->whole.tenths[k]);
        worst = off > worst ? off : worst;
        sum += off > spare_tenth ? off - spare_tenth : 0;
    }
    return judge->weights.worst_tenth * worst + judge->weights.tenths * sum;
}

static double unlike_lru(const mt_reuse_judge *judge) {
    const mt_reuse_block_hits *one = &judge->part.hits, *other = &judge->whole.hits;
    double mean, worst = apart(one->lru, one->all, judge->lru_sums, MT_REUSE_DISTANCES, &mean);
    return judge->weights.worst * worst + MT_JUDGE_MEAN * mean +
           mt_reuse_unlike_tenths(judge, &judge->part) +
           judge->weights.age * most_apart(one->kept, one, other->kept, other, MT_REUSE_AGES);
}

static double unlike_fifo(const mt_reuse_judge *judge) {
    const mt_reuse_block_hits *one = &judge->part.hits, *other = &judge->whole.hits;
    return judge->weights.fifo * most_apart(one->fifo, one, other->fifo, other, MT_REUSE_FIFOS);
}

/* Which events there are, in order of time. */
static mt_code list_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                         mt_error *error) {
    const mt_reuse_chains *chains = judge->chains;
    int is_as_it_came = !pieces && mt_reuse_is_few(chains);
    const int64_t *times = is_as_it_came ? chains->times : chains->when;
    judge->event_count = 0;
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        const mt_model_chain *chain = &chains->model->chains[c];
        const mt_reuse_piece *piece = pieces ? &pieces[chains->units[c]] : NULL;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            int64_t time =
                (piece ? mt_reuse_time_in_piece(chains, piece, times[t]) : times[t]) - phase;
            if (time >= 0 && time < MT_REUSE_DROPPED - phase)
                judge->events[judge->event_count++] = (mt_reuse_judged){time, t};
        }
    }
    judge->work += (double)chains->model->chain_count + SORT_WORK * (double)judge->event_count;
    mt_code code =
        mt_sort_by_number(judge->events, judge->event_count, sizeof *judge->events, error);
    judge->end = judge->event_count > 0 ? judge->events[judge->event_count - 1].time_ns : 0;
    return code;
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
    mt_code code = list_part(judge, NULL, 0, error);
    if (code)
        return code;
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
    judge->weights = weights_of(judge);
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
    if (code || judge->event_count < count)
        return code;
    judge->lasts = judge->events[count - 1].time_ns;
    for (size_t k = 0; k + 1 < MT_JUDGE_TENTHS; k++)
        judge->ends[k] = judge->events[(k + 1) * count / MT_JUDGE_TENTHS].time_ns;
    if (judge->chains->arrivals &&
        (code = mt_reuse_take_arrivals(judge->chains, judge->events, judge->event_count, error)))
        return code;
    *sum = (mt_reuse_tally){0};
    count_requests(judge, count, sum);
    *result = mt_reuse_unlike_requests(judge, sum);
    if (*result >= limit)
        return MT_OK;
    count_lru(judge, count, sum);
    *result += unlike_lru(judge) + mt_reuse_unlike_sessions(judge, sum) + unlike_early(judge, sum);
    if (*result >= limit)
        return MT_OK;
    judge->work += FIFO_WORK * (double)count +
                   mt_reuse_caches_play_fifo(&judge->caches, judge->events, count, &sum->hits);
    *result += unlike_fifo(judge);
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
        code = read_turns(judge, error);
    if (code == MT_OK)
        code = judge_whole(judge, error);
    return code;
}
