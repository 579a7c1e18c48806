#include "prefix/reuse/chains.h"

#include "base/fetch.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/run.h"
#include "prefix/model/chains.h"
#include "prefix/reuse/chains_state.h"

#include <stdlib.h>
#include <string.h>

/* No source lasts longer, 73 years: what is computed from its times fits 63 bits. */
#define LONGEST (INT64_C(1) << 61)

/* ---- opening ---- */

void mt_reuse_chains_free(mt_reuse_chains *chains) {
    if (!chains)
        return;
    mt_free(chains->depths);
    mt_free(chains->times);
    mt_free(chains->order);
    mt_free(chains->rank);
    mt_free(chains->heads);
    mt_free(chains->has_branch);
    mt_free(chains->chain_of);
    mt_free(chains->ties);
    mt_free(chains->lasting);
    mt_free(chains->sorts);
    mt_free(chains->families);
    mt_free(chains->lasts);
    mt_free(chains->pieces);
    mt_reuse_free_arrivals(chains->arrivals);
    mt_free(chains->skips);
    mt_free(chains->units);
    mt_free(chains->moved);
    mt_free(chains->instants);
    mt_free(chains->instant_at);
    mt_free(chains->before);
    mt_free(chains->origin);
    mt_free(chains->when);
    mt_free(chains->answers);
    mt_free(chains->session);
    mt_free(chains->events);
    mt_free(chains->starts);
    mt_free(chains->segment_of);
    mt_free(chains->segments);
    mt_free(chains->hops);
    mt_free(chains);
}

static int has_memory(mt_reuse_chains *chains) {
    size_t count = chains->model->count, all = chains->model->chain_count;
    return (chains->depths = mt_allocate(count, sizeof *chains->depths)) &&
           (chains->times = mt_allocate(count, sizeof *chains->times)) &&
           (chains->order = mt_allocate(count, sizeof *chains->order)) &&
           (chains->rank = mt_allocate(count, sizeof *chains->rank)) &&
           (chains->heads = mt_allocate_zero(count, sizeof *chains->heads)) &&
           (chains->has_branch = mt_allocate_zero(count, sizeof *chains->has_branch)) &&
           (chains->lasting = mt_allocate_zero(count, sizeof *chains->lasting)) &&
           (chains->chain_of = mt_allocate(count, sizeof *chains->chain_of)) &&
           (chains->ties = mt_allocate(all, sizeof *chains->ties)) &&
           (chains->sorts = mt_allocate(all, sizeof *chains->sorts)) &&
           (chains->families = mt_allocate(all, sizeof *chains->families)) &&
           (chains->lasts = mt_allocate_zero(all, sizeof *chains->lasts)) &&
           (chains->moved = mt_allocate(all, sizeof *chains->moved)) &&
           (chains->before = mt_allocate(count, sizeof *chains->before)) &&
           (chains->origin = mt_allocate(count, sizeof *chains->origin)) &&
           (chains->when = mt_allocate(count, sizeof *chains->when)) &&
           (chains->answers = mt_allocate(count, sizeof *chains->answers)) &&
           (chains->session = mt_allocate(count, sizeof *chains->session)) &&
           (chains->events = mt_allocate(count, sizeof *chains->events)) &&
           (chains->starts = mt_allocate(all, sizeof *chains->starts)) &&
           (chains->segment_of = mt_allocate(count, sizeof *chains->segment_of));
}

static uint32_t limited(double depth) {
    return depth < UINT32_MAX ? (uint32_t)depth : UINT32_MAX;
}

/* How deep each turn's shared and lasting parts go, stretched, whether it may be made or not. */
static void set_depths(mt_reuse_chains *chains, double multiplier) {
    const mt_model *model = chains->model;
    for (size_t t = 0; t < model->count; t++) {
        const mt_description *from = &model->descriptions[model->turns[t].description];
        uint64_t core = (uint64_t)from->shared + from->returning;
        mt_reuse_depths *depths = &chains->depths[t];
        *depths = (mt_reuse_depths){.known = from->shared};
        if (from->shared > 0)
            depths->shared = limited((double)mt_synthesis_stretch(from->shared, multiplier));
        if (core > 0)
            depths->core = limited((double)mt_synthesis_stretch(core, multiplier));
    }
}

/* How long a lap takes: to the last request, and a gap between instants as long as they are on
 * average, on the source's grid. */
static mt_code set_lap_length(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    int64_t last = 0, grid = 0, instants = 1;
    for (size_t t = 0; t < model->count; t++) {
        last = chains->times[t] > last ? chains->times[t] : last;
        grid = mt_common_divisor(chains->times[t], grid);
        instants += model->gaps_ns[t] > 0;
    }
    if (last > LONGEST)
        return mt_fail(error, MT_ERROR_VALUE, "the source lasts more than 73 years");
    chains->grid = grid;
    chains->last = last;
    chains->lap_length = MT_LONE_PERIOD;
    if (grid > 0)
        chains->lap_length =
            (last + last / (instants > 1 ? instants - 1 : 1) + grid - 1) / grid * grid;
    return MT_OK;
}

mt_reuse_chains *mt_reuse_chains_open(const mt_model *model, const mt_reuse_items *items,
                                      const mt_synthesis_options *options, uint64_t number,
                                      mt_error *error) {
    mt_reuse_chains *chains = mt_new(sizeof *chains, "synthesiser", error);
    if (!chains)
        return NULL;
    chains->model = model;
    chains->items = items;
    if (!has_memory(chains)) {
        mt_fail_memory(error, "synthesiser");
        goto failed;
    }
    set_depths(chains, options->prefix_len_multiplier);
    mt_model_turn_times(model, chains->times);
    for (size_t c = 0; c < model->chain_count; c++)
        chains->heads[model->chains[c].first] = 1;
    if (mt_model_order_turns(model, chains->times, chains->order, error) != MT_OK)
        goto failed;
    for (uint32_t i = 0; i < model->count; i++)
        chains->rank[chains->order[i]] = i;
    if (set_lap_length(chains, error) != MT_OK || mt_reuse_clock_begin(chains, error) != MT_OK ||
        mt_reuse_laps_begin(chains, options, number, error) != MT_OK)
        goto failed;
    return chains;
failed:
    mt_reuse_chains_free(chains);
    return NULL;
}

/* ---- paths ---- */

/* The path of a turn from the root on, as pieces of the turns that made them. */
static mt_code find_hops(mt_reuse_chains *chains, uint32_t turn, uint32_t depth, mt_error *error) {
    chains->hop_count = 0;
    while (depth > 0) {
        if (chains->depths[turn].shared < depth) {
            if (MT_GROW(chains->hops, chains->hop_capacity, chains->hop_count + 1))
                return mt_fail_memory(error, "synthesiser");
            chains->hops[chains->hop_count++] = (mt_reuse_hop){turn, depth};
            depth = chains->depths[turn].shared;
        }
        turn = chains->origin[turn];
    }
    return MT_OK;
}

/* The turn's own blocks up to `depth`, made where nobody has touched them yet, into ids. */
static mt_code fill_own(mt_reuse_chains *chains, mt_reuse_hop hop, uint64_t *next_id, uint64_t *ids,
                        mt_error *error) {
    uint32_t at = chains->depths[hop.turn].shared, last = MT_NO_TURN;
    for (uint32_t s = chains->segment_of[hop.turn]; s != MT_NO_TURN && at < hop.depth;) {
        const mt_reuse_segment *segment = &chains->segments[s];
        uint32_t end = segment->end < hop.depth ? segment->end : hop.depth;
        if (at < end)
            mt_write_run(ids + at, segment->first_id, end - at);
        at = segment->end;
        last = s;
        s = segment->next;
    }
    if (at >= hop.depth)
        return MT_OK;
    if (MT_GROW(chains->segments, chains->segment_capacity, (size_t)chains->segment_count + 1))
        return mt_fail_memory(error, "synthesiser");
    uint32_t made = chains->segment_count++;
    chains->segments[made] = (mt_reuse_segment){*next_id, hop.depth, MT_NO_TURN};
    *(last == MT_NO_TURN ? &chains->segment_of[hop.turn] : &chains->segments[last].next) = made;
    mt_write_run(ids + at, *next_id, hop.depth - at);
    *next_id += hop.depth - at;
    return MT_OK;
}

static mt_code fill_path(mt_reuse_chains *chains, uint32_t turn, const mt_reuse_item *item,
                         uint64_t *next_id, mt_synthetic *made, mt_error *error) {
    uint32_t core = item->shared + item->returning;
    size_t length = (size_t)core + item->unique;
    mt_code code = find_hops(chains, turn, core, error);
    if (code)
        return code;
    if (MT_GROW(made->hash_ids, made->hash_capacity, length) != 0)
        return mt_fail_memory(error, "request's blocks");
    for (size_t h = chains->hop_count; h-- > 0;)
        if ((code = fill_own(chains, chains->hops[h], next_id, made->hash_ids, error)))
            return code;
    mt_write_run(made->hash_ids + core, *next_id, item->unique);
    *next_id += item->unique;
    made->hash_count = length;
    made->context_blocks = made->lasting_blocks = core;
    return MT_OK;
}

/* ---- making ---- */

mt_code mt_reuse_chains_peek(mt_reuse_chains *chains, int64_t *time_ns, mt_error *error) {
    while (chains->next == chains->event_count) {
        mt_code code = mt_poll_interrupt(error);
        if (code || (code = mt_reuse_laps_next(chains, error)))
            return code;
    }
    int64_t time = chains->events[chains->next].time;
    *time_ns = time > chains->last_time ? time : chains->last_time;
    return MT_OK;
}

static uint32_t turn_at(const mt_reuse_chains *chains, size_t event) {
    return chains->events[event].turn;
}

/* What the requests to come are made of is anywhere in memory: it is fetched while others are made,
 * what says where the next thing lies the sooner. */
static MT_FETCHES void fetch_ahead(const mt_reuse_chains *chains) {
    enum { THIRD = 4, SECOND = 8, FIRST = 12 }; /* requests before it is made */
    const mt_model_turn *turns = chains->model->turns;
    const uint32_t *item_of = chains->items->item_of;
    size_t next = chains->next;
    if (next + FIRST >= chains->event_count)
        return;
    uint32_t turn = turn_at(chains, next + FIRST);
    __builtin_prefetch(&turns[turn]);
    __builtin_prefetch(&chains->before[turn]);
    __builtin_prefetch(&chains->depths[turn]);
    __builtin_prefetch(&chains->origin[turn]);
    __builtin_prefetch(&chains->session[turn], 1);
    __builtin_prefetch(&chains->when[turn], 1);
    turn = turn_at(chains, next + SECOND);
    uint32_t before = chains->before[turn], origin = chains->origin[turn];
    __builtin_prefetch(&item_of[turns[turn].description]);
    if (before != MT_NO_TURN) {
        __builtin_prefetch(&chains->session[before]);
        __builtin_prefetch(&chains->when[before]);
        __builtin_prefetch(&chains->answers[before]);
    }
    if (origin != MT_NO_TURN) {
        __builtin_prefetch(&chains->depths[origin]);
        __builtin_prefetch(&chains->segment_of[origin]);
    }
    const char *item = (const char *)&chains->items
                           ->items[item_of[turns[turn_at(chains, next + THIRD)].description]];
    __builtin_prefetch(item);
    __builtin_prefetch(item + sizeof(mt_reuse_item) - 1);
}

static const mt_reuse_item *item_of(const mt_reuse_chains *chains, uint32_t turn) {
    uint32_t description = chains->model->turns[turn].description;
    return &chains->items->items[chains->items->item_of[description]];
}

/* From the end of the answer to `turn`, which was made, until now. */
static int64_t delay_after(const mt_reuse_chains *chains, uint32_t turn) {
    int64_t gap = chains->last_time - chains->when[turn], answer = chains->answers[turn];
    return gap > answer ? gap - answer : 0;
}

/* The turn that it goes on from, of those that a part has. */
static uint32_t before_of(const mt_reuse_chains *chains, uint32_t turn) {
    uint32_t before = chains->before[turn];
    while (chains->pieces && before != MT_NO_TURN && chains->when[before] >= MT_REUSE_DROPPED)
        before = chains->before[before];
    return before;
}

mt_code mt_reuse_chains_next(mt_reuse_chains *chains, uint64_t *next_id, uint64_t *next_session,
                             mt_synthetic *made, mt_error *error) {
    mt_code code = mt_reuse_chains_peek(chains, &chains->last_time, error);
    if (code)
        return code;
    fetch_ahead(chains);
    uint32_t turn = turn_at(chains, chains->next++), before = before_of(chains, turn);
    const mt_reuse_item *item = item_of(chains, turn);
    made->has_delay = before != MT_NO_TURN && chains->session[before] != MT_REUSE_NO_SESSION;
    chains->session[turn] = made->has_delay ? chains->session[before] : (*next_session)++;
    chains->when[turn] = chains->last_time; /* from here on, when it came */
    chains->answers[turn] =
        item->has_output ? mt_model_answer_ns(chains->model, item->output_length) : 0;
    made->delay_ns = made->has_delay ? delay_after(chains, before) : 0;
    made->has_session = 1;
    made->session = chains->session[turn];
    made->time_ns = chains->last_time;
    made->input_length = item->input_length;
    made->has_output = item->has_output;
    made->output_length = item->output_length;
    made->knows_blocks = item->knows_blocks;
    return fill_path(chains, turn, item, next_id, made, error);
}
