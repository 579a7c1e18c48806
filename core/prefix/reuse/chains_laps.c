#define _GNU_SOURCE /* qsort_r */
#include "prefix/reuse/chains_state.h"

#include "base/memory.h"
#include "prefix/gaps/gaps.h"
#include "prefix/model/chains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 16 };              /* turns that exchange gaps */
enum { PARTS = 16, LEAST_CHAINS = 4 }; /* of the trace, for what lasts; chains in each */

/* Gaps that may stand for one another: within a chain, and where two are joined. */
static const double alike = 1.1, joined_alike = 1.25;

/* ---- what lasts from lap to lap ---- */

/* Each turn's origin, resolved along who is before whom. */
static void resolve_origins(mt_reuse_chains *chains) {
    const mt_model *model = chains->model;
    for (size_t i = 0; i < model->count; i++) {
        uint32_t turn = chains->order[i], at = model->turns[turn].origin;
        if (at == MT_FROM_BEFORE) {
            at = chains->before[turn];
            while (chains->depths[at].known >= chains->depths[turn].known)
                at = chains->origin[at];
        }
        chains->origin[turn] = at;
    }
}

static void set_before(mt_reuse_chains *chains) {
    for (uint32_t t = 0; t < chains->model->count; t++)
        chains->before[t] = chains->heads[t] ? MT_NO_TURN : t - 1;
}

/* A block lasts if in every part of the trace a chain begins with it. */
static mt_code find_lasting(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    size_t parts = model->chain_count / LEAST_CHAINS;
    parts = parts > PARTS ? PARTS : parts;
    uint32_t *deepest = mt_allocate_zero(model->count, sizeof *deepest);
    uint32_t *touched = mt_allocate(model->count, sizeof *touched);
    uint32_t *seen = mt_allocate_zero(model->count, sizeof *seen);
    mt_code code = MT_OK;
    if (!deepest || !touched || !seen) {
        code = mt_fail_memory(error, "synthesiser");
        goto done;
    }
    set_before(chains);
    resolve_origins(chains);
    for (size_t part = 0; part < parts && parts >= 3 && !code; part++) {
        size_t count = 0;
        for (size_t c = part * model->chain_count / parts;
             c < (part + 1) * model->chain_count / parts; c++) {
            uint32_t turn = model->chains[c].first, depth = chains->depths[turn].core;
            while (depth > 0) {
                if (chains->depths[turn].shared < depth) {
                    if (deepest[turn] == 0)
                        touched[count++] = turn;
                    deepest[turn] = depth > deepest[turn] ? depth : deepest[turn];
                    depth = chains->depths[turn].shared;
                }
                turn = chains->origin[turn];
            }
        }
        for (size_t i = 0; i < count; i++) {
            uint32_t turn = touched[i];
            if (seen[turn] == part) {
                seen[turn]++;
                if (part == 0 || deepest[turn] < chains->lasting[turn])
                    chains->lasting[turn] = deepest[turn];
            }
            deepest[turn] = 0;
        }
    }
    for (size_t t = 0; t < model->count && !code; t++)
        if (seen[t] < parts)
            chains->lasting[t] = 0;
done:
    mt_free(deepest);
    mt_free(touched);
    mt_free(seen);
    return code;
}

/* Blocks are made anew, but for those that last: of their segments a new list is made. */
static mt_code forget_blocks(mt_reuse_chains *chains, mt_error *error) {
    mt_reuse_segment *kept = NULL;
    size_t capacity = 0;
    uint32_t count = 0;
    for (uint32_t t = 0; t < chains->model->count; t++) {
        uint32_t s = chains->lasting[t] > 0 ? chains->segment_of[t] : MT_NO_TURN;
        chains->segment_of[t] = s != MT_NO_TURN ? count : MT_NO_TURN;
        while (s != MT_NO_TURN) {
            if (MT_GROW(kept, capacity, (size_t)count + 1)) {
                mt_free(kept);
                return mt_fail_memory(error, "synthesiser");
            }
            mt_reuse_segment segment = chains->segments[s];
            int is_last = segment.end >= chains->lasting[t] || segment.next == MT_NO_TURN;
            kept[count] = (mt_reuse_segment){
                .first_id = segment.first_id,
                .end = segment.end < chains->lasting[t] ? segment.end : chains->lasting[t],
                .next = is_last ? MT_NO_TURN : count + 1};
            count++;
            s = is_last ? MT_NO_TURN : segment.next;
        }
    }
    mt_free(chains->segments);
    chains->segments = kept;
    chains->segment_count = count;
    chains->segment_capacity = capacity;
    return MT_OK;
}

/* ---- a part of the source ---- */

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

/* Where the part of so many requests that is most like the whole begins, as a time. */
static mt_code find_part(mt_reuse_chains *chains, size_t requests, mt_error *error) {
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
        mt_reuse_by_time(sooner, count, chains->times);
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

mt_code mt_reuse_laps_begin(mt_reuse_chains *chains, const mt_synthesis_options *options,
                            uint64_t number, mt_error *error) {
    char name[48] = "synthesize";
    uint64_t populations = options->prefix_root_multiplier;
    if (number > 0)
        snprintf(name, sizeof name, "synthesize/%llu", (unsigned long long)number);
    mt_random_begin(&chains->random, options->seed, name, "chains");
    chains->resample = options->resample;
    chains->slowness = (int64_t)populations;
    chains->phase = (int64_t)((double)chains->lap_length * ((double)number / (double)populations));
    memset(chains->segment_of, 0xff, chains->model->count * sizeof *chains->segment_of);
    mt_code code = mt_model_sort_chains(chains->model, chains->sorts, error);
    if (code == MT_OK && populations == 1 && options->requests > 0 &&
        options->requests < chains->model->count)
        code = find_part(chains, options->requests, error);
    return code ? code : find_lasting(chains, error);
}

/* ---- starts ---- */

/* Deals the chains of a sort, within each stretch, to their starts. */
static void deal_starts(mt_reuse_chains *chains, mt_chain_sort sort) {
    size_t stretch = mt_model_stretch(chains->model, sort), count = chains->model->chain_count;
    for (size_t begin = 0; begin < count && stretch > 1; begin += stretch) {
        size_t end = begin + stretch < count ? begin + stretch : count, found = 0;
        size_t of_sort[32]; /* no stretch is longer */
        for (size_t c = begin; c < end; c++)
            if (chains->sorts[c] == sort)
                of_sort[found++] = c;
        for (size_t i = found; i > 1; i--) {
            int64_t *one = &chains->starts[of_sort[i - 1]];
            int64_t *other = &chains->starts[of_sort[mt_random_below(&chains->random, i)]];
            int64_t start = *one;
            *one = *other;
            *other = start;
        }
    }
}

/* Moves the starts of tied chains by up to an eighth of the time to their neighbours: in order still,
 * and on the source's grid. */
static void move_tied(mt_reuse_chains *chains) {
    for (size_t c = 1; c + 1 < chains->model->chain_count; c++) {
        int64_t *start = &chains->starts[c];
        int64_t before = *start - start[-1], after = start[1] - *start;
        double most = (double)(before < after ? before : after) / 8;
        double by = (2 * mt_random_uniform(&chains->random) - 1) * most;
        if (chains->sorts[c] == MT_CHAIN_TIED && chains->grid > 0 && most > 0)
            *start += (int64_t)(by / (double)chains->grid) * chains->grid;
    }
}

/* Another realisation of the starts, that bunches alike (prefix/gaps/gaps.h). */
static mt_code resample_starts(mt_reuse_chains *chains, mt_error *error) {
    size_t count = chains->model->chain_count;
    int64_t *gaps_ns = mt_allocate(count, sizeof *gaps_ns);
    if (!gaps_ns)
        return mt_fail_memory(error, "synthesiser");
    for (size_t c = 0; c < count; c++)
        gaps_ns[c] = chains->starts[c] - (c > 0 ? chains->starts[c - 1] : chains->starts[0]);
    mt_gaps *gaps =
        mt_gaps_new(MT_GAPS_SOURCE, gaps_ns, count, mt_random_u64(&chains->random), error);
    mt_code code = gaps ? MT_OK : mt_code_of(error);
    for (size_t c = 0; c < count && !code; c++)
        code = mt_gaps_next(gaps, &chains->starts[c], error);
    mt_gaps_free(gaps);
    mt_free(gaps_ns);
    return code;
}

/* ---- gaps ---- */

static int64_t answer_ns(const mt_reuse_chains *chains, uint32_t turn) {
    return mt_answer_ns(chains->model->descriptions[chains->model->turns[turn].description].output);
}

/* May so long a gap stand where `was` stood, behind `before`? One is at most so many `times` the
 * other. */
static int may_replace(const mt_reuse_chains *chains, uint32_t before, int64_t gap, int64_t was,
                       double times) {
    int64_t answer = answer_ns(chains, before);
    return gap > 0 && gap >= (answer < was ? answer : was) && (double)gap <= times * (double)was &&
           (double)was <= times * (double)gap;
}

typedef struct gap_place {
    int64_t gap;
    uint32_t turn;
} gap_place;

static int by_gap(const void *a, const void *b) {
    const gap_place *first = a, *second = b;
    if (first->gap != second->gap)
        return first->gap < second->gap ? -1 : 1;
    return (first->turn > second->turn) - (first->turn < second->turn);
}

/* Of up to NEIGHBOURS turns in a row, those that have alike gaps exchange them. */
static void exchange_gaps(mt_reuse_chains *chains, gap_place *places, size_t count) {
    qsort(places, count, sizeof *places, by_gap);
    for (size_t i = 0; i + 1 < count; i++) {
        gap_place *a = &places[i], *b = &places[i + 1];
        if (mt_random_below(&chains->random, 2) == 0 ||
            !may_replace(chains, a->turn - 1, b->gap, a->gap, alike) ||
            !may_replace(chains, b->turn - 1, a->gap, b->gap, alike))
            continue;
        chains->when[a->turn] = b->gap;
        chains->when[b->turn] = a->gap;
        i++;
    }
}

/* When each turn comes, the gaps of a chain having changed places. */
static void deal_gaps(mt_reuse_chains *chains) {
    const mt_model *model = chains->model;
    gap_place places[NEIGHBOURS];
    for (size_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        uint32_t end = chain->first + chain->count;
        size_t count = 0;
        for (uint32_t t = chain->first + 1; t < end; t++) {
            int64_t gap = chains->times[t] - chains->times[t - 1];
            places[count++] = (gap_place){gap, t};
            chains->when[t] = gap;
            if (count == NEIGHBOURS || t + 1 == end) {
                exchange_gaps(chains, places, count);
                count = 0;
            }
        }
        int64_t time = chains->when[chain->first] = chains->starts[c];
        for (uint32_t t = chain->first + 1; t < end; t++)
            chains->when[t] = time += chains->when[t];
    }
}

/* ---- joints ---- */

static int by_joint(const void *a, const void *b, void *of_chains) {
    const mt_reuse_chains *chains = of_chains;
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    uint32_t one = chains->depths[first].known, other = chains->depths[second].known;
    if (one != other)
        return one < other ? -1 : 1;
    if (chains->when[first] != chains->when[second])
        return chains->when[first] < chains->when[second] ? -1 : 1;
    return (first > second) - (first < second);
}

static uint64_t blocks_of(const mt_reuse_chains *chains, uint32_t turn) {
    const mt_model *model = chains->model;
    return mt_description_blocks(&model->descriptions[model->turns[turn].description]);
}

/* May `turn` follow `before`, who had `other` after it? */
static int fits(const mt_reuse_chains *chains, uint32_t before, uint32_t turn, uint32_t other) {
    return chains->rank[before] < chains->rank[turn] &&
           blocks_of(chains, before) == blocks_of(chains, chains->before[turn]) &&
           may_replace(chains, before, chains->when[turn] - chains->when[before],
                       chains->when[other] - chains->when[before], joined_alike);
}

static mt_code join_pieces(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    uint32_t *joints = mt_allocate(model->count, sizeof *joints);
    size_t count = 0;
    if (!joints)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < model->count; t++)
        if (model->turns[t].origin == MT_FROM_BEFORE)
            joints[count++] = t;
    qsort_r(joints, count, sizeof *joints, by_joint, chains);
    for (size_t i = 0; i + 1 < count; i++) {
        uint32_t a = joints[i], b = joints[i + 1];
        uint32_t before_a = chains->before[a], before_b = chains->before[b];
        if (chains->depths[a].known != chains->depths[b].known || before_b == a ||
            !fits(chains, before_a, b, a) || !fits(chains, before_b, a, b) ||
            mt_random_below(&chains->random, 2) == 0)
            continue;
        chains->before[a] = before_b;
        chains->before[b] = before_a;
    }
    mt_free(joints);
    return MT_OK;
}

/* ---- events ---- */

static int by_event(const void *a, const void *b) {
    const mt_reuse_event *first = a, *second = b;
    if (first->time != second->time)
        return first->time < second->time ? -1 : 1;
    if (first->tie != second->tie)
        return first->tie < second->tie ? -1 : 1;
    return (first->turn > second->turn) - (first->turn < second->turn);
}

static int may_be_made(const mt_reuse_chains *chains, uint32_t turn) {
    return chains->items->item_of[chains->model->turns[turn].description] != MT_NOT_AN_ITEM;
}

/* The clock did not tick when the requests came, but they keep their order. */
static mt_code spread_events(mt_reuse_chains *chains, mt_error *error) {
    int64_t *times = mt_allocate(chains->event_count + 1, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "synthesiser");
    for (size_t i = 0; i < chains->event_count; i++)
        times[i] = chains->events[i].time;
    mt_code code = mt_grid_spread(&chains->clock, mt_random_u64(&chains->random), times,
                                  chains->event_count, error);
    for (size_t i = 0; i < chains->event_count && !code; i++)
        chains->events[i].time = times[i];
    mt_free(times);
    return code;
}

/* Of the lap's turns those that are made, in order of time. */
static mt_code list_events(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    chains->event_count = chains->next = 0;
    int64_t most = (INT64_MAX / chains->slowness - chains->lap_length) / 2;
    if (chains->lap > (uint64_t)(most / chains->lap_length))
        return mt_fail(error, MT_ERROR_VALUE, "arrival times pass 292 years");
    int64_t begin = (int64_t)chains->lap * chains->lap_length - chains->phase;
    for (size_t c = 0; c < model->chain_count; c++) {
        uint64_t tie = mt_random_u64(&chains->random);
        const mt_model_chain *chain = &model->chains[c];
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            int64_t time = begin + chains->when[t];
            chains->session[t] = MT_REUSE_NO_SESSION;
            if (may_be_made(chains, t) && time >= 0)
                chains->events[chains->event_count++] =
                    (mt_reuse_event){time * chains->slowness, tie, t};
        }
    }
    qsort(chains->events, chains->event_count, sizeof *chains->events, by_event);
    return chains->clock.period_ns > 0 ? spread_events(chains, error) : MT_OK;
}

mt_code mt_reuse_laps_next(mt_reuse_chains *chains, mt_error *error) {
    mt_random_seek(&chains->random, chains->lap);
    mt_code code = chains->lap > 0 ? forget_blocks(chains, error) : MT_OK;
    if (code)
        return code;
    set_before(chains);
    for (size_t c = 0; c < chains->model->chain_count; c++)
        chains->starts[c] = chains->times[chains->model->chains[c].first];
    if (chains->resample && (code = resample_starts(chains, error)))
        return code;
    move_tied(chains);
    deal_starts(chains, MT_CHAIN_SINGLE);
    deal_starts(chains, MT_CHAIN_LONG);
    deal_gaps(chains);
    if ((code = join_pieces(chains, error)))
        return code;
    resolve_origins(chains);
    code = list_events(chains, error);
    chains->lap++;
    return code;
}
