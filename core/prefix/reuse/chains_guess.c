#include "prefix/reuse/chains_guess.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* What counting a turn costs, as that of so many runs. */
enum { TURN_WORK = 4 };

void mt_reuse_guess_free(mt_reuse_guess *guess) {
    mt_free(guess->next);
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++)
        mt_free(guess->windows[k].all);
}

/* The chains of a unit make a list, from its first one on. */
static void link_chains(mt_reuse_guess *guess) {
    const mt_reuse_chains *chains = guess->judge->chains;
    for (uint32_t c = (uint32_t)chains->model->chain_count; c-- > 0;)
        guess->next[c] = MT_NO_TURN;
    for (uint32_t c = (uint32_t)chains->model->chain_count; c-- > 0;) {
        uint32_t first = chains->units[c];
        if (first == c)
            continue;
        guess->next[c] = guess->next[first];
        guess->next[first] = c;
    }
}

mt_code mt_reuse_guess_open(mt_reuse_guess *guess, mt_reuse_judge *judge, mt_error *error) {
    guess->judge = judge;
    guess->next = mt_allocate(judge->chains->model->chain_count, sizeof *guess->next);
    if (!guess->next)
        return mt_fail_memory(error, "synthesiser");
    link_chains(guess);
    const mt_reuse_block_hits *hits = &judge->whole.hits;
    double sum = 0;
    for (size_t b = 0; b < MT_REUSE_DISTANCES; b++) {
        sum += hits->lru[b];
        if (hits->lru[b] > 0)
            guess->bins = b / MT_GUESS_JOINED + 1;
        guess->whole[b / MT_GUESS_JOINED] = hits->all > 0 ? sum / hits->all : 0;
    }
    return MT_OK;
}

/* sign: 1 or -1. */
static void count_in_windows(mt_reuse_guess *guess, int64_t time, double tokens, double sign) {
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++) {
        mt_reuse_guess_windows *windows = &guess->windows[k];
        size_t w = (size_t)mt_judge_window_at(time, k);
        if (w >= windows->count)
            continue;
        mt_reuse_guess_window *here = &windows->all[w];
        windows->sums.tokens += sign * tokens;
        windows->sums.requests += sign;
        windows->squares.tokens += (sign * 2 * here->tokens + tokens) * tokens;
        windows->squares.requests += sign * 2 * here->requests + 1;
        here->tokens += sign * tokens;
        here->requests += sign;
    }
}

static void count_turn(mt_reuse_guess *guess, uint32_t turn, int64_t time, double sign) {
    const mt_reuse_judge *judge = guess->judge;
    const mt_reuse_gain *gain = &judge->caches.gains[turn];
    mt_reuse_tally *sums = &guess->sums;
    size_t tenth = 0;
    while (tenth + 1 < MT_JUDGE_TENTHS && time >= guess->ends[tenth])
        tenth++;
    double blocks = sign * (double)judge->caches.prompts[turn].blocks;
    sums->hits.all += blocks;
    guess->blocks[tenth] += blocks;
    for (size_t g = 0; g < MT_REUSE_GAINS; g++)
        guess->known[tenth] += sign * gain->blocks[g];
    for (size_t g = 0; g < MT_REUSE_GAINS; g++)
        guess->lru[gain->bins[g] / MT_GUESS_JOINED] += sign * gain->blocks[g];
    sums->turns += sign;
    guess->moved++;
    sums->inputs[judge->input_bins[turn]] += sign;
    sums->outputs[judge->output_bins[turn]] += sign;
    count_in_windows(guess, time, (double)judge->inputs[turn], sign);
}

/* A turn that begins a session in the source does so here; so does the first one of a chain. */
static void count_session(mt_reuse_guess *guess, uint32_t turn, int is_first, double sign) {
    uint8_t pause = is_first ? MT_PAUSE_NONE : guess->judge->pauses[turn];
    if (pause == MT_PAUSE_NONE)
        guess->sums.sessions += sign;
    else
        guess->sums.pauses[pause] += sign;
}

/* More windows than requests say nothing; nor do any, where the pieces do not say when requests come. */
static mt_code begin_windows(mt_reuse_guess *guess, mt_error *error) {
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++) {
        mt_reuse_guess_windows *all = &guess->windows[k];
        size_t count = (size_t)mt_judge_window_at(guess->lasts, k);
        int is_known = !guess->judge->chains->arrivals && count < guess->judge->requests;
        all->count = is_known ? count : 0;
        all->sums = all->squares = (mt_reuse_guess_window){0};
        if (MT_GROW(all->all, all->capacity, all->count + 1))
            return mt_fail_memory(error, "synthesiser");
        memset(all->all, 0, all->count * sizeof *all->all);
    }
    return MT_OK;
}

/* Sums are of one clock, that of pieces: where the part takes other times, an event has those. */
static int64_t time_in_pieces(const mt_reuse_judge *judge, const mt_reuse_judged *event) {
    const mt_reuse_arrivals *arrivals = judge->chains->arrivals;
    return arrivals ? arrivals->placed[event->turn].was : event->time_ns;
}

mt_code mt_reuse_guess_begin(mt_reuse_guess *guess, int64_t phase, mt_error *error) {
    const mt_reuse_judge *judge = guess->judge;
    guess->phase = phase;
    guess->lasts = judge->lasts;
    mt_code code = begin_windows(guess, error);
    if (code)
        return code;
    memcpy(guess->ends, judge->ends, sizeof guess->ends);
    memset(guess->known, 0, sizeof guess->known);
    memset(guess->blocks, 0, sizeof guess->blocks);
    memset(guess->lru, 0, sizeof guess->lru);
    guess->sums = (mt_reuse_tally){.sessions = judge->part.sessions};
    memcpy(guess->sums.pauses, judge->part.pauses, sizeof guess->sums.pauses);
    for (size_t i = 0; i < judge->requests; i++)
        count_turn(guess, judge->events[i].turn, time_in_pieces(judge, &judge->events[i]), 1);
    return MT_OK;
}

void mt_reuse_guess_count(mt_reuse_guess *guess, uint32_t chain, const mt_reuse_piece *piece,
                          double sign) {
    const mt_reuse_chains *chains = guess->judge->chains;
    if (piece->earlier_ns == MT_REUSE_DROPPED)
        return;
    for (uint32_t c = chain; c != MT_NO_TURN; c = guess->next[c]) {
        const mt_model_chain *all = &chains->model->chains[c];
        int is_seen = 0;
        guess->judge->work += TURN_WORK * (double)all->count;
        for (uint32_t t = all->first; t < all->first + all->count; t++) {
            int64_t time = mt_reuse_time_in_piece(chains, piece, chains->when[t]) - guess->phase;
            if (time < 0 || time > guess->lasts)
                continue;
            count_session(guess, t, !is_seen, sign);
            count_turn(guess, t, time, sign);
            is_seen = 1;
        }
    }
}

/* In LRU caches; sums->hits.all is not 0. */
static double unlike_lru(const mt_reuse_guess *guess) {
    double sum = 0, worst = 0, mean = 0, share = 1 / guess->sums.hits.all;
    for (size_t b = 0; b < guess->bins; b++) {
        sum += guess->lru[b];
        double here = fabs(sum * share - guess->whole[b]);
        worst = here > worst ? here : worst;
        mean += here;
    }
    return guess->judge->weights.worst * worst + MT_JUDGE_MEAN * mean / MT_GUESS_DISTANCES;
}

static void set_clock(mt_reuse_guess *guess) {
    mt_reuse_tally *sums = &guess->sums;
    for (size_t k = 0; k < MT_JUDGE_WINDOWS; k++) {
        const mt_reuse_guess_windows *all = &guess->windows[k];
        sums->variation[k] = sums->bunching[k] = -1;
        if (all->count >= MT_JUDGE_LEAST_WINDOWS)
            mt_reuse_vary(all->sums.tokens, all->squares.tokens, all->sums.requests,
                          all->squares.requests, (double)all->count, k, sums);
    }
    sums->rate = guess->lasts > 0 ? sums->turns / (double)guess->lasts : 0;
    if (guess->judge->chains->arrivals) /* as many as there are to be */
        sums->rate = guess->judge->whole.rate * sums->turns / (double)guess->judge->requests;
}

/* All but lengths; INFINITY where too little is there. */
static double unlike_but_lengths(mt_reuse_guess *guess) {
    mt_reuse_tally *sums = &guess->sums;
    if (sums->turns < 1 || sums->sessions < 1 || sums->hits.all < 1)
        return INFINITY;
    set_clock(guess);
    for (size_t k = 0; k < MT_JUDGE_TENTHS; k++)
        sums->tenths[k] = guess->blocks[k] > 0 ? guess->known[k] / guess->blocks[k] : 0;
    return mt_reuse_unlike_clock(guess->judge, sums) + mt_reuse_unlike_tenths(guess->judge, sums) +
           mt_reuse_unlike_sessions(guess->judge, sums) + unlike_lru(guess);
}

double mt_reuse_guess_mark(mt_reuse_guess *guess) {
    guess->lengths = mt_reuse_unlike_lengths(guess->judge, &guess->sums);
    guess->turns = guess->sums.turns;
    guess->moved = 0;
    return unlike_but_lengths(guess) + guess->lengths;
}

/* Lengths take long and change least: where the rest is more than the limit they are not looked at. */
double mt_reuse_guess_unlike(mt_reuse_guess *guess, double limit) {
    const mt_reuse_tally *sums = &guess->sums;
    double rest = unlike_but_lengths(guess), fewest = fmin(guess->turns, sums->turns);
    double least = guess->lengths - mt_reuse_unlike_lengths_of((double)guess->moved, fewest);
    return rest + (rest + least > limit ? least : mt_reuse_unlike_lengths(guess->judge, sums));
}
