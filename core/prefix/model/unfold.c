#include "prefix/model/unfold.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/model/chains.h"
#include "trace/writer.h"

#include <stdlib.h>

void mt_unfolded_free(mt_unfolded *unfolded) {
    mt_free(unfolded->turns);
    mt_free(unfolded->chains);
    mt_free(unfolded->order);
    *unfolded = (mt_unfolded){0};
}

/* ---- unfolding ---- */

static void set_turn(const mt_model *model, uint32_t t, mt_unfolded_turn *turn) {
    const mt_model_turn *from = &model->turns[t];
    const mt_description *description = &model->descriptions[from->description];
    *turn = (mt_unfolded_turn){.tokens = description->tokens,
                               .output = description->output,
                               .shared = description->shared,
                               .blocks = (uint32_t)mt_description_blocks(description),
                               .trunk = from->origin == MT_FROM_BEFORE ? t - 1 : from->origin,
                               .gap_ns = from->gap_ns};
}

mt_code mt_unfold(const mt_model *model, mt_unfolded *unfolded, mt_error *error) {
    if (model->chain_count == 0)
        return mt_fail(error, MT_ERROR_VALUE, "who continues whom is not known");
    unfolded->block_size = model->block_size;
    unfolded->answers = model->answers;
    unfolded->turn_count = model->count;
    unfolded->chain_count = model->chain_count;
    unfolded->turns = mt_allocate(model->count, sizeof *unfolded->turns);
    unfolded->chains = mt_allocate(model->chain_count, sizeof *unfolded->chains);
    unfolded->order = mt_allocate(model->count, sizeof *unfolded->order);
    int64_t *times = mt_allocate(model->count, sizeof *times);
    mt_code code = MT_OK;
    if (!unfolded->turns || !unfolded->chains || !unfolded->order || !times) {
        code = mt_fail_memory(error, "turns of a model");
    } else {
        for (uint32_t t = 0; t < model->count; t++)
            set_turn(model, t, &unfolded->turns[t]);
        for (size_t c = 0; c < model->chain_count; c++)
            unfolded->chains[c] = model->chains[c];
        mt_model_turn_times(model, times);
        code = mt_model_order_turns(model, times, unfolded->order, error);
    }
    mt_free(times);
    return code;
}

/* ---- folding ---- */

typedef struct folded_event {
    int64_t time_ns;
    uint32_t rank; /* in the order of turns, which decides between equal times */
    uint32_t turn, chain;
} folded_event;

typedef struct folding {
    const mt_unfolded *from;
    uint32_t *creators; /* by turn: who has the last of its shared blocks for its own */
    uint64_t *first_id; /* by turn: of its own blocks */
    folded_event *events;
    size_t event_count;
    uint64_t *ids;
    size_t id_capacity;
} folding;

/* On the path of a turn's trunk, the turn that has the last shared block for its own. */
static void find_creators(folding *f) {
    const mt_unfolded *from = f->from;
    uint64_t next_id = 0;
    for (size_t i = 0; i < from->turn_count; i++) {
        uint32_t t = from->order[i], at = MT_NO_TURN;
        const mt_unfolded_turn *turn = &from->turns[t];
        if (turn->shared > 0)
            for (at = turn->trunk; from->turns[at].shared >= turn->shared;)
                at = f->creators[at];
        mt_assert(turn->shared <= turn->blocks);
        f->creators[t] = at;
        f->first_id[t] = next_id;
        next_id += turn->blocks - turn->shared;
    }
}

static int by_event(const void *a, const void *b) {
    const folded_event *first = a, *second = b;
    if (first->time_ns != second->time_ns)
        return first->time_ns < second->time_ns ? -1 : 1;
    return (first->rank > second->rank) - (first->rank < second->rank);
}

static mt_code list_events(folding *f, mt_error *error) {
    const mt_unfolded *from = f->from;
    uint32_t *ranks = mt_allocate(from->turn_count, sizeof *ranks);
    mt_code code = MT_OK;
    if (!ranks)
        return mt_fail_memory(error, "turns of a model");
    for (uint32_t i = 0; i < from->turn_count; i++)
        ranks[from->order[i]] = i;
    for (uint32_t c = 0; c < from->chain_count && !code; c++) {
        const mt_model_chain *chain = &from->chains[c];
        int64_t time_ns = chain->start_ns;
        for (uint32_t t = chain->first; t < chain->first + chain->count && !code; t++) {
            if (__builtin_add_overflow(time_ns, from->turns[t].gap_ns, &time_ns))
                code = mt_fail(error, MT_ERROR_VALUE, "a turn comes after more than 292 years");
            f->events[f->event_count++] =
                (folded_event){.time_ns = time_ns, .rank = ranks[t], .turn = t, .chain = c};
        }
    }
    if (code == MT_OK)
        qsort(f->events, f->event_count, sizeof *f->events, by_event);
    mt_free(ranks);
    return code;
}

/* The turn's path, into f->ids[0 .. its blocks). */
static mt_code fill_path(folding *f, uint32_t turn, mt_error *error) {
    const mt_unfolded *from = f->from;
    uint32_t depth = from->turns[turn].blocks;
    if (MT_GROW(f->ids, f->id_capacity, depth))
        return mt_fail_memory(error, "request's blocks");
    for (; depth > 0; turn = f->creators[turn])
        for (uint32_t shared = from->turns[turn].shared; depth > shared;) {
            depth--;
            f->ids[depth] = f->first_id[turn] + (depth - shared);
        }
    return MT_OK;
}

static mt_code learn_event(folding *f, const folded_event *event, mt_learner *learner,
                           mt_error *error) {
    const mt_unfolded_turn *turn = &f->from->turns[event->turn];
    char session[24];
    char *end = mt_write_u64(event->chain, session);
    mt_code code = mt_poll_interrupt(error);
    if (code || (code = fill_path(f, event->turn, error)))
        return code;
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_SESSION,
                          .time_ns = event->time_ns,
                          .input_length = turn->tokens,
                          .session = {session, (size_t)(end - session)}};
    if (turn->blocks > 0) {
        request.has |= MT_HAS_HASH_IDS;
        request.hash_ids = f->ids;
        request.hash_count = turn->blocks;
        request.input_length += (turn->blocks - 1) * f->from->block_size;
    }
    if (turn->output != MT_MODEL_NO_OUTPUT) {
        request.has |= MT_HAS_OUTPUT_LENGTH;
        request.output_length = turn->output;
    }
    return mt_learner_add(learner, &request, error);
}

mt_model *mt_fold(const mt_unfolded *unfolded, mt_error *error) {
    size_t made = 0;
    for (size_t c = 0; c < unfolded->chain_count; c++)
        made += unfolded->chains[c].count;
    folding f = {.from = unfolded,
                 .creators = mt_allocate(unfolded->turn_count, sizeof *f.creators),
                 .first_id = mt_allocate(unfolded->turn_count, sizeof *f.first_id),
                 .events = mt_allocate(made, sizeof *f.events)};
    mt_learner *learner = mt_learner_new(unfolded->block_size, error);
    mt_model *model = NULL;
    mt_code code;
    if (!learner)
        goto done;
    if (!f.creators || !f.first_id || !f.events) {
        mt_fail_memory(error, "turns of a model");
        goto done;
    }
    find_creators(&f);
    code = list_events(&f, error);
    for (size_t i = 0; i < f.event_count && !code; i++)
        code = learn_event(&f, &f.events[i], learner, error);
    if (code == MT_OK)
        model = mt_learner_finish(learner, error);
    if (model)
        model->answers = unfolded->answers;
done:
    mt_learner_free(learner);
    mt_free(f.creators);
    mt_free(f.first_id);
    mt_free(f.events);
    mt_free(f.ids);
    return model;
}
