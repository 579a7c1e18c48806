/* How unlike its source a part is, of what has been counted of both (prefix/reuse/chains_judge.h): what
 * each difference counts, and what they come to. */
#include "prefix/reuse/chains_judge.h"

#include <math.h>

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
/* Of so few sessions one more is soon there, and matters much. */
enum { FEW_SESSIONS = 8 };
/* So far off costs nothing, in parts of the sessions or of turns that go on, whichever are fewer. */
static const double spare_sessions = 0.05;
static const double few_sessions_weight = 1.3;

mt_judge_weights mt_reuse_weights_of(const mt_reuse_judge *judge) {
    const mt_reuse_chains *chains = judge->chains;
    if (judge->requests == chains->model->count)
        return all_weights;
    if (!mt_reuse_is_few(chains))
        return many_weights;
    int is_lone = chains->at_once < lone && judge->wanted < FEW_SESSIONS;
    int is_brief = 2 * judge->whole.sessions > judge->whole.turns;
    return is_lone ? lone_weights : is_brief ? brief_weights : few_weights;
}

void mt_reuse_vary(double tokens, double squares, double requests, double count_squares,
                   double windows, size_t k, mt_reuse_tally *sum) {
    double mean = tokens / windows, mean_count = requests / windows;
    sum->variation[k] = mean > 0 ? sqrt(fmax(0, squares / windows - mean * mean)) / mean : -1;
    sum->bunching[k] =
        requests > 0 ? fmax(0, count_squares - requests * mean_count) / (windows - 1) / mean_count
                     : -1;
}

/* The largest distance of the sums of hits by LRU distance, and its mean: behind the last bin that has any the
 * sums stay as they are. */
static double lru_apart(const mt_reuse_judge *judge, const mt_reuse_block_hits *part,
                        double *mean) {
    const double *whole = judge->lru_sums;
    size_t count = part->distances, wholes = judge->whole.hits.distances;
    double sum = 0, most = 0, all = 0, here = 0, parts_or_one = part->all > 0 ? part->all : 1;
    count = count > wholes ? count : wholes;
    for (size_t i = 0; i < count; i++) {
        sum += part->lru[i];
        here = fabs(sum / parts_or_one - whole[i]);
        most = here > most ? here : most;
        all += here;
    }
    *mean = (all + here * (double)(MT_REUSE_DISTANCES - count)) / MT_REUSE_DISTANCES;
    return most;
}

/* The largest distance of the sums of a distribution of lengths. */
static double lengths_apart(const double *part, double parts, const double *whole) {
    double sum = 0, most = 0, parts_or_one = parts > 0 ? parts : 1;
    for (size_t i = 0; i < MT_JUDGE_LENGTHS; i++) {
        sum += part[i];
        double here = fabs(sum / parts_or_one - whole[i]);
        most = here > most ? here : most;
    }
    return most;
}

/* The largest difference of two lists of blocks, in parts of all. */
static double most_apart(const double *part, const mt_reuse_block_hits *parts, const double *whole,
                         const mt_reuse_block_hits *wholes, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count && parts->all > 0 && wholes->all > 0; i++)
        most = fmax(most, fabs(part[i] / parts->all - whole[i] / wholes->all));
    return most;
}

double mt_reuse_unlike_lengths(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    return length_weight * lengths_apart(part->inputs, part->turns, judge->input_sums) +
           length_weight / 2 * lengths_apart(part->outputs, part->turns, judge->output_sums);
}

/* A turn that comes or leaves moves each sum of a distribution by one in all turns, at most. */
double mt_reuse_unlike_lengths_of(double turns, double all) {
    return (length_weight + length_weight / 2) * turns / (all > 0 ? all : 1);
}

double mt_reuse_unlike_clock(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    const mt_reuse_tally *whole = &judge->whole;
    double sum = 0;
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
double mt_reuse_unlike_early(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
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

double mt_reuse_unlike_tenths(const mt_reuse_judge *judge, const mt_reuse_tally *part) {
    double worst = 0, sum = 0;
    for (size_t k = 0; k < MT_JUDGE_TENTHS; k++) {
        double off = fabs(part->tenths[k] - judge->whole.tenths[k]);
        worst = off > worst ? off : worst;
        sum += off > spare_tenth ? off - spare_tenth : 0;
    }
    return judge->weights.worst_tenth * worst + judge->weights.tenths * sum;
}

double mt_reuse_unlike_lru(const mt_reuse_judge *judge) {
    const mt_reuse_block_hits *one = &judge->part.hits, *other = &judge->whole.hits;
    double mean, worst = lru_apart(judge, one, &mean);
    return judge->weights.worst * worst + MT_JUDGE_MEAN * mean +
           mt_reuse_unlike_tenths(judge, &judge->part) +
           judge->weights.age * most_apart(one->kept, one, other->kept, other, MT_REUSE_AGES);
}

double mt_reuse_unlike_fifo(const mt_reuse_judge *judge) {
    const mt_reuse_block_hits *one = &judge->part.hits, *other = &judge->whole.hits;
    return judge->weights.fifo * most_apart(one->fifo, one, other->fifo, other, MT_REUSE_FIFOS);
}
