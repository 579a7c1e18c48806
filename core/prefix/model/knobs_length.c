#include "prefix/model/knobs.h"

#include "base/memory.h"
#include "prefix/model/chains.h"
#include "prefix/model/unfold.h"
#include "trace/blocks.h"

#include <math.h>

#define LONGEST_INPUT (UINT64_C(1) << 53)

typedef struct lengthening {
    const mt_unfolded *from;
    mt_unfolded to;
    uint32_t *counts; /* by chain: turns that it is to have */
    uint32_t *places; /* by turn of from, its place in to */
} lengthening;

/* Has the turn the beginning of the turn before it? */
static int continues(const mt_unfolded *from, uint32_t turn) {
    return from->turns[turn].shared > 0 && from->turns[turn].trunk == turn - 1;
}

/* How many turns each chain is to have: those behind the first, times the same number, the
 * fractions carried on from chain to chain. */
static mt_code set_counts(lengthening *l, double turns, mt_error *error) {
    const mt_unfolded *from = l->from;
    double chains = (double)from->chain_count, was = (double)from->turn_count, carried = 0;
    if (was == chains)
        return mt_fail(error, MT_ERROR_VALUE,
                       "no session has a second turn, so none can be longer or shorter");
    if (!(turns >= 1))
        return mt_fail(
            error, MT_ERROR_VALUE,
            "sessions would have %.4g turns on average, and have one at least (now %.4g)", turns,
            was / chains);
    if (!(turns * chains <= (double)MT_KNOB_TURNS))
        return mt_fail(error, MT_ERROR_VALUE,
                       "sessions would have %.4g turns together, more than %zu", turns * chains,
                       MT_KNOB_TURNS);
    double times = (turns * chains - chains) / (was - chains);
    for (size_t c = 0; c < from->chain_count; c++) {
        double wanted = times * (from->chains[c].count - 1) + carried, whole = floor(wanted + 0.5);
        whole = from->chains[c].count > 1 && whole > 0 ? whole : 0;
        carried = wanted - whole;
        l->counts[c] = (uint32_t)whole + 1;
    }
    return MT_OK;
}

/* Places for the turns of all chains, and for those that are cut off. */
static mt_code lay_out(lengthening *l, mt_error *error) {
    const mt_unfolded *from = l->from;
    size_t all = 0;
    l->to.block_size = from->block_size;
    l->to.chain_count = from->chain_count;
    if (!(l->to.chains = mt_allocate(from->chain_count, sizeof *l->to.chains)))
        goto failed;
    for (size_t c = 0; c < from->chain_count; c++) {
        const mt_model_chain *chain = &from->chains[c];
        l->to.chains[c] = (mt_model_chain){chain->start_ns, (uint32_t)all, l->counts[c]};
        for (uint32_t i = 0; i < chain->count; i++)
            l->places[chain->first + i] = (uint32_t)all + i;
        all += l->counts[c] > chain->count ? l->counts[c] : chain->count;
    }
    l->to.turn_count = all;
    l->to.turns = mt_allocate(all, sizeof *l->to.turns);
    l->to.order = mt_allocate(all, sizeof *l->to.order);
    if (l->to.turns && l->to.order)
        return MT_OK;
failed:
    mt_fail_memory(error, "turns of longer sessions");
    return MT_ERROR_MEMORY;
}

static uint32_t place_of(const lengthening *l, uint32_t trunk) {
    return trunk == MT_NO_TURN ? MT_NO_TURN : l->places[trunk];
}

/* What the step to `turn` makes of a session whose last turn is at `place` - 1: as far back, or to
 * the same depth where the step went far back. */
static mt_code repeat_step(lengthening *l, uint32_t turn, uint32_t place, mt_error *error) {
    const mt_unfolded_turn *step = &l->from->turns[turn], *before = step - 1;
    const mt_unfolded_turn *last = &l->to.turns[place - 1];
    mt_unfolded_turn made = *step;
    made.trunk = place_of(l, step->trunk);
    if (continues(l->from, turn)) {
        uint32_t own = step->blocks - step->shared, back = before->blocks - step->shared;
        if (mt_falls_back_little(before->blocks, step->shared))
            made.shared = last->blocks > back ? last->blocks - back : 0;
        else if (made.shared > last->blocks)
            made.shared = last->blocks;
        uint64_t blocks = (uint64_t)made.shared + own;
        if (blocks > MT_BLOCKS_LIMIT || step->tokens > LONGEST_INPUT ||
            (blocks > 0 && blocks - 1 > (LONGEST_INPUT - step->tokens) / l->from->block_size))
            return mt_fail(
                error, MT_ERROR_VALUE,
                "the longest session's prompts would have more than %llu blocks, or 2^53 "
                "tokens",
                (unsigned long long)MT_BLOCKS_LIMIT);
        made.blocks = (uint32_t)blocks;
        made.trunk = place - 1;
    }
    int64_t answer_ns = mt_answer_ns(last->output);
    if (made.gap_ns < answer_ns && step->gap_ns >= mt_answer_ns(before->output))
        made.gap_ns = answer_ns;
    l->to.turns[place] = made;
    return MT_OK;
}

static mt_code fill(lengthening *l, mt_error *error) {
    const mt_unfolded *from = l->from;
    size_t ordered = from->turn_count;
    for (uint32_t t = 0; t < from->turn_count; t++) {
        mt_unfolded_turn *turn = &l->to.turns[l->places[t]];
        *turn = from->turns[t];
        turn->trunk = place_of(l, turn->trunk);
        l->to.order[t] = l->places[from->order[t]];
    }
    for (size_t c = 0; c < from->chain_count; c++) {
        const mt_model_chain *chain = &from->chains[c], *to = &l->to.chains[c];
        for (uint32_t i = chain->count; i < to->count && chain->count > 1; i++) {
            uint32_t step = 1 + (i - 1) % (chain->count - 1);
            mt_code code = repeat_step(l, chain->first + step, to->first + i, error);
            if (code)
                return code;
            l->to.order[ordered++] = to->first + i;
        }
    }
    return MT_OK;
}

mt_model *mt_model_with_session_length(const mt_model *model, double turns, mt_error *error) {
    mt_unfolded from = {0};
    lengthening l = {.from = &from};
    mt_model *made = NULL;
    if (mt_unfold(model, &from, error) != MT_OK)
        goto done;
    l.counts = mt_allocate(from.chain_count, sizeof *l.counts);
    l.places = mt_allocate(from.turn_count, sizeof *l.places);
    if (!l.counts || !l.places) {
        mt_fail_memory(error, "turns of longer sessions");
        goto done;
    }
    if (set_counts(&l, turns, error) == MT_OK && lay_out(&l, error) == MT_OK &&
        fill(&l, error) == MT_OK)
        made = mt_fold(&l.to, error);
done:
    mt_free(l.counts);
    mt_free(l.places);
    mt_unfolded_free(&l.to);
    mt_unfolded_free(&from);
    return made;
}
