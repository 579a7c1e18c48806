#include "prefix/model/reader.h"

#include "base/memory.h"
#include "prefix/model/chains.h"

typedef struct chains_reader {
    mt_model_reader *reader;
    uint8_t *seen;    /* descriptions */
    uint32_t turns;   /* so far */
    int64_t start_ns; /* of the chain */
    size_t at;        /* the request that comes then */
} chains_reader;

static uint64_t core_of(const mt_model *model, uint32_t turn) {
    const mt_description *from = &model->descriptions[model->turns[turn].description];
    return (uint64_t)from->shared + from->returning;
}

static uint32_t shared_of(const mt_model *model, uint32_t turn) {
    return model->descriptions[model->turns[turn].description].shared;
}

static mt_code add_gap(chains_reader *c, int64_t gap_ns, int64_t *time_ns) {
    if (gap_ns > INT64_MAX - *time_ns)
        return mt_model_fail_line(&c->reader->scan, "a turn comes after more than 292 years");
    *time_ns += gap_ns;
    return c->reader->scan.code;
}

/* "DESCRIPTION[:ORIGIN]" after a space. */
static mt_code read_turn(chains_reader *c, int is_first, int64_t gap_ns) {
    mt_model_scan *scan = &c->reader->scan;
    mt_model *model = c->reader->model;
    uint64_t last = model->count - 1;
    uint32_t description = (uint32_t)mt_model_next_number(scan, "a description", 0, last);
    uint32_t origin = MT_FROM_BEFORE;
    if (mt_model_take(scan, ":"))
        origin = (uint32_t)mt_model_number(scan, "an origin", 0, last);
    if (scan->code)
        return scan->code;
    if (c->turns > last || c->seen[description])
        return mt_model_fail_line(scan, "description %u is of two turns", description);
    c->seen[description] = 1;
    uint32_t turn = c->turns++, shared = model->descriptions[description].shared;
    if (shared == 0) {
        if (origin != MT_FROM_BEFORE)
            return mt_model_fail_line(scan, "a turn that shares nothing has an origin");
        origin = MT_NO_TURN;
    }
    model->turns[turn] = (mt_model_turn){description, origin, is_first ? 0 : gap_ns};
    if (origin == MT_FROM_BEFORE && (is_first || core_of(model, turn - 1) < shared))
        return mt_model_fail_line(scan,
                                  "turn %u shares %u blocks, and the turn before does not say "
                                  "of whom",
                                  turn, shared);
    return scan->code;
}

/* When the chain begins: so many instants after the one before, or (version 2) milliseconds. */
static mt_code read_start(chains_reader *c) {
    mt_model_scan *scan = &c->reader->scan;
    const mt_model *model = c->reader->model;
    if (c->reader->version < 3)
        return add_gap(c, mt_model_gap(scan), &c->start_ns);
    uint64_t instants = mt_model_number(scan, "instants", 0, c->reader->instants);
    while (instants > 0 && !scan->code) {
        if (c->at + 1 >= model->count)
            return mt_model_fail_line(scan, "a chain begins after the last instant");
        int64_t gap = model->gaps_ns[++c->at];
        c->start_ns += gap; /* no more than all of them, whose sum fits */
        instants -= gap > 0;
    }
    return scan->code;
}

/* "answers FIRST TOKEN", if that is what the line says; then the next one is read. */
static mt_code read_answers(mt_model_scan *scan, mt_model_answers *answers) {
    if (scan->code || !mt_model_take(scan, "answers "))
        return scan->code;
    answers->first_ns = mt_model_gap(scan);
    if (!scan->code && !mt_model_take(scan, " "))
        mt_model_fail(scan, "what a token of an answer takes is missing");
    answers->token_ns = mt_model_gap(scan);
    mt_model_line_end(scan);
    return mt_model_next_line(scan, "chains");
}

static mt_code read_chain(chains_reader *c, mt_model_chain *chain) {
    mt_model_scan *scan = &c->reader->scan;
    mt_model_next_line(scan, "a chain");
    if (read_start(c))
        return scan->code;
    *chain = (mt_model_chain){.start_ns = c->start_ns, .first = c->turns};
    int64_t time_ns = c->start_ns;
    read_turn(c, 1, 0);
    while (!scan->code && mt_model_take(scan, " ")) {
        int64_t gap_ns = mt_model_gap(scan);
        if (add_gap(c, gap_ns, &time_ns) == MT_OK)
            read_turn(c, 0, gap_ns);
    }
    chain->count = c->turns - chain->first;
    return mt_model_line_end(scan);
}

/* What holds of all turns together. */
static mt_code check_turns(chains_reader *c) {
    mt_model_scan *scan = &c->reader->scan;
    const mt_model *model = c->reader->model;
    if (c->turns != model->count)
        return mt_model_fail_line(scan, "the chains have %u turns, not %zu", c->turns,
                                  model->count);
    for (uint32_t t = 0; t < c->turns; t++) {
        uint32_t origin = model->turns[t].origin;
        if (origin < MT_FROM_BEFORE && (shared_of(model, origin) >= shared_of(model, t) ||
                                        core_of(model, origin) < shared_of(model, t)))
            return mt_model_fail_line(scan, "turn %u cannot share %u blocks of turn %u", t,
                                      shared_of(model, t), origin);
    }
    int64_t *times = mt_allocate(model->count, sizeof *times);
    uint32_t *order = mt_allocate(model->count, sizeof *order);
    mt_error problem;
    if (!times || !order) {
        scan->code = mt_fail_memory(scan->error, "model");
    } else {
        mt_model_turn_times(model, times);
        mt_code code = mt_model_order_turns(model, times, order, &problem);
        if (code == MT_ERROR_MEMORY)
            scan->code = mt_fail_memory(scan->error, "model");
        else if (code)
            mt_model_fail_line(scan, "%s", problem.message);
    }
    mt_free(times);
    mt_free(order);
    return scan->code;
}

mt_code mt_model_read_chains(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    mt_model *model = r->model;
    if (scan->code)
        return scan->code;
    mt_model_next_line(scan, "chains");
    if (r->version > 2 && read_answers(scan, &model->answers))
        return scan->code;
    if (!mt_model_take(scan, "chains"))
        mt_model_fail(scan, "a line with chains should stand here");
    uint64_t count = mt_model_next_number(scan, "chains", 1, model->count);
    mt_model_line_end(scan);
    if (scan->code)
        return scan->code;
    chains_reader c = {.reader = r, .seen = mt_allocate_zero(model->count, 1)};
    model->chains = mt_allocate(count, sizeof *model->chains);
    model->turns = mt_allocate(model->count, sizeof *model->turns);
    if (!c.seen || !model->chains || !model->turns) {
        mt_free(c.seen);
        return scan->code = mt_fail_memory(scan->error, "model");
    }
    for (model->chain_count = 0; !scan->code && model->chain_count < count; model->chain_count++)
        read_chain(&c, &model->chains[model->chain_count]);
    if (!scan->code)
        check_turns(&c);
    mt_free(c.seen);
    return scan->code;
}
