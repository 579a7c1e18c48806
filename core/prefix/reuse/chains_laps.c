#include "prefix/reuse/chains_state.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/chains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 16 };              /* turns that exchange gaps */
enum { PARTS = 16, LEAST_CHAINS = 4 }; /* of the trace, for what lasts; chains in each */

/* Gaps that may stand for one another: within a chain (as turns to come), and where two are joined. */
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

/* ---- beginning ---- */

mt_code mt_reuse_laps_begin(mt_reuse_chains *chains, const mt_synthesis_options *options,
                            uint64_t number, mt_error *error) {
    char name[48] = "synthesize";
    uint64_t populations = options->prefix_root_multiplier;
    if (number > 0)
        snprintf(name, sizeof name, "synthesize/%llu", (unsigned long long)number);
    mt_random_begin(&chains->random, options->seed, name, "chains");
    chains->seed = options->seed;
    chains->resample = options->resample;
    chains->slowness = (int64_t)populations;
    memset(chains->segment_of, 0xff, chains->model->count * sizeof *chains->segment_of);
    mt_code code = mt_reuse_starts_begin(chains, error);
    if (code == MT_OK)
        code = find_lasting(chains, error);
    if (code == MT_OK && populations == 1 && options->requests > 0 &&
        options->requests < chains->model->count)
        chains->part_requests = options->requests;
    return code;
}

/* ---- gaps ---- */

int64_t mt_reuse_answer_ns(const mt_reuse_chains *chains, uint32_t turn) {
    return mt_model_answer_ns(chains->model, mt_reuse_description(chains, turn)->output);
}

/* May so long a gap stand where `was` stood, behind `before`? One is at most so many `times` the
 * other. */
static int may_replace(const mt_reuse_chains *chains, uint32_t before, int64_t gap, int64_t was,
                       double times) {
    int64_t answer = mt_reuse_answer_ns(chains, before);
    return gap > 0 && gap >= (answer < was ? answer : was) && (double)gap <= times * (double)was &&
           (double)was <= times * (double)gap;
}

typedef struct gap_place {
    int64_t gap;
    uint32_t turn;
} gap_place;

/* By their gaps; equal ones stay in the order of their turns. */
static void sort_gaps(gap_place *places, size_t count) {
    for (size_t i = 1; i < count; i++) {
        gap_place here = places[i];
        size_t to = i;
        for (; to > 0 && here.gap < places[to - 1].gap; to--)
            places[to] = places[to - 1];
        places[to] = here;
    }
}

/* Of up to NEIGHBOURS turns in a row, those that have alike gaps exchange them. */
static void exchange_gaps(mt_reuse_chains *chains, gap_place *places, size_t count) {
    sort_gaps(places, count);
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
        int64_t time = chains->starts[c] + mt_reuse_drift(chains, c);
        chains->when[chain->first] = time;
        for (uint32_t t = chain->first + 1; t < end; t++)
            chains->when[t] = time += chains->when[t];
    }
}

/* Of a part, units are moved or left out, and turns that are not in their unit's piece. */
static void take_pieces(mt_reuse_chains *chains) {
    const mt_model *model = chains->model;
    for (size_t c = 0; c < model->chain_count; c++) {
        const mt_reuse_piece *piece = &chains->pieces[chains->units[c]];
        const mt_model_chain *chain = &model->chains[c];
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
            chains->when[t] = mt_reuse_time_in_piece(chains, piece, chains->when[t]);
    }
}

/* ---- joints ---- */

/* Turns by how much of them is shared, then by when they come; equal ones stay in their order. */
static mt_code sort_joints(const mt_reuse_chains *chains, mt_timed *joints, size_t count,
                           mt_error *error) {
    mt_code code = mt_sort_by_time(joints, count, error);
    for (size_t i = 0; i < count; i++)
        joints[i].time_ns = chains->depths[joints[i].place].known;
    return code ? code : mt_sort_by_time(joints, count, error);
}

static uint64_t blocks_of(const mt_reuse_chains *chains, uint32_t turn) {
    return mt_description_blocks(mt_reuse_description(chains, turn));
}

/* May `turn` follow `before`, who had `other` after it? */
static int fits(const mt_reuse_chains *chains, uint32_t before, uint32_t turn, uint32_t other) {
    return chains->rank[before] < chains->rank[turn] &&
           blocks_of(chains, before) == blocks_of(chains, chains->before[turn]) &&
           may_replace(chains, before, chains->when[turn] - chains->when[before],
                       chains->when[other] - chains->when[before], joined_alike);
}

/* Turns from this one to its chain's end. */
static uint32_t tail_of(const mt_reuse_chains *chains, uint32_t turn) {
    const mt_model_chain *chain = &chains->model->chains[chains->chain_of[turn]];
    return chain->first + chain->count - turn;
}

/* Do they go on for about as long? Else what many go on with, of a document's readers say, would
 * gather at few. */
static int last_alike(const mt_reuse_chains *chains, uint32_t one, uint32_t other) {
    double a = tail_of(chains, one), b = tail_of(chains, other);
    return a <= alike * b && b <= alike * a;
}

static mt_code join_pieces(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    mt_timed *joints = mt_allocate(model->count, sizeof *joints);
    size_t count = 0;
    if (!joints)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t t = 0; t < model->count; t++)
        if (model->turns[t].origin == MT_FROM_BEFORE)
            joints[count++] = (mt_timed){chains->when[t], t};
    mt_code code = sort_joints(chains, joints, count, error);
    for (size_t i = 0; i + 1 < count && !code; i++) {
        uint32_t a = (uint32_t)joints[i].place, b = (uint32_t)joints[i + 1].place;
        uint32_t before_a = chains->before[a], before_b = chains->before[b];
        if (chains->depths[a].known != chains->depths[b].known ||
            (chains->when[a] >= MT_REUSE_DROPPED) != (chains->when[b] >= MT_REUSE_DROPPED) ||
            before_b == a || !last_alike(chains, a, b) || !fits(chains, before_a, b, a) ||
            !fits(chains, before_b, a, b) || mt_random_below(&chains->random, 2) == 0)
            continue;
        chains->before[a] = before_b;
        chains->before[b] = before_a;
    }
    mt_free(joints);
    return code;
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

/* Few at once, one time's say: into their places one by one. */
static void sort_few(mt_reuse_event *events, size_t count) {
    for (size_t i = 1; i < count; i++) {
        mt_reuse_event here = events[i];
        size_t to = i;
        for (; to > 0 && by_event(&here, &events[to - 1]) < 0; to--)
            events[to] = events[to - 1];
        events[to] = here;
    }
}

/* By time first; then those of one time. */
static mt_code sort_events(mt_reuse_event *events, size_t count, mt_error *error) {
    enum { MANY_AT_ONCE = 16 };
    mt_code code = mt_sort_by_number(events, count, sizeof *events, error);
    if (code)
        return code;
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && events[to].time == events[from].time;)
            to++;
        if (to - from > MANY_AT_ONCE)
            qsort(events + from, to - from, sizeof *events, by_event);
        else if (to - from > 1)
            sort_few(events + from, to - from);
    }
    return MT_OK;
}

static int may_be_made(const mt_reuse_chains *chains, uint32_t turn) {
    return chains->items->item_of[chains->model->turns[turn].description] != MT_NOT_AN_ITEM;
}

/* Of the lap's turns those that are made, in order of time. */
static mt_code list_events(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    chains->event_count = chains->next = 0;
    int64_t most = (INT64_MAX / chains->slowness - chains->lap_length) / 2;
    if (chains->lap > (uint64_t)(most / chains->lap_length))
        return mt_fail(error, MT_ERROR_VALUE, "arrival times pass 292 years");
    int64_t begin = (int64_t)chains->lap * chains->lap_length - chains->phase;
    if (chains->pieces && chains->lap > 0)
        begin -= chains->lap_length - chains->phase - chains->part_end;
    for (size_t c = 0; c < model->chain_count; c++) {
        uint64_t tie = mt_random_u64(&chains->random);
        const mt_model_chain *chain = &model->chains[c];
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            chains->session[t] = MT_REUSE_NO_SESSION;
            if (chains->when[t] >= MT_REUSE_DROPPED)
                continue;
            int64_t time = begin + mt_reuse_on_clock(chains, chains->when[t]);
            if (may_be_made(chains, t) && time >= 0)
                chains->events[chains->event_count++] =
                    (mt_reuse_event){time * chains->slowness, tie, t};
        }
    }
    mt_code code = sort_events(chains->events, chains->event_count, error);
    return code ? code : mt_reuse_spread_events(chains, error);
}

/* When the lap's turns come. */
static mt_code deal(mt_reuse_chains *chains, mt_error *error) {
    mt_code code = mt_reuse_deal_starts(chains, error);
    if (code)
        return code;
    deal_gaps(chains);
    return mt_reuse_place_arrivals(chains, error);
}

mt_code mt_reuse_laps_next(mt_reuse_chains *chains, mt_error *error) {
    mt_random_seek(&chains->random, chains->lap);
    mt_code code = chains->lap > 0 ? forget_blocks(chains, error) : MT_OK;
    if (code)
        return code;
    set_before(chains);
    int is_part = chains->part_requests > 0 && chains->lap == 0;
    int is_chosen =
        chains->lap == 0 && !is_part && mt_reuse_is_few(chains) && chains->at_once < MT_REUSE_MANY;
    code = is_chosen ? mt_reuse_deal_well(chains, deal, error) : deal(chains, error);
    if (code)
        return code;
    if (is_part) {
        if ((code = mt_reuse_find_part(chains, chains->part_requests, error)))
            return code;
        if (chains->pieces) {
            take_pieces(chains);
            if ((code = mt_reuse_place_part(chains, error)))
                return code;
        }
    }
    if ((code = join_pieces(chains, error)))
        return code;
    resolve_origins(chains);
    code = list_events(chains, error);
    chains->lap++;
    return code;
}
