#include "prefix/model/text.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"
#include "trace/writer.h"

#include <string.h>

enum { NUMBER_BYTES = 26 }; /* of any number here, with what stands before or behind it */

typedef struct writer {
    mt_output *output;
    mt_error *error;
    char line[8 * NUMBER_BYTES], *at; /* what was put and not written yet is line[0..at) */
} writer;

static void put(writer *w, char before, uint64_t value) {
    *w->at++ = before;
    w->at = mt_write_u64(value, w->at);
}

/* Writes what was put so far. */
static mt_code flush(writer *w) {
    size_t length = (size_t)(w->at - w->line);
    w->at = w->line;
    return mt_output_write(w->output, w->line, length, w->error);
}

static mt_code end_line(writer *w) {
    *w->at++ = '\n';
    return flush(w);
}

static mt_code write_text(writer *w, const char *text) {
    return mt_output_write(w->output, text, strlen(text), w->error);
}

static mt_code write_named(writer *w, const char *name, uint64_t value) {
    mt_code code = write_text(w, name);
    put(w, ' ', value);
    return code ? code : end_line(w);
}

/* ---- descriptions ---- */

static int same_blocks(const mt_description *a, const mt_description *b) {
    return a->shared == b->shared && a->returning == b->returning && a->unique == b->unique;
}

static mt_code write_blocks(writer *w, const mt_description *description) {
    w->at = mt_write_u64(description->shared, w->at);
    put(w, ' ', description->returning);
    put(w, ' ', description->unique);
    *w->at++ = ':';
    return end_line(w);
}

static mt_code write_description(writer *w, const mt_description *description,
                                 const mt_model_run *runs) {
    uint32_t count = description->run_count;
    w->at = mt_write_u64(description->tokens, w->at);
    if (description->output == MT_MODEL_NO_OUTPUT)
        w->at = stpcpy(w->at, " -");
    else
        put(w, ' ', description->output);
    if (count > 0) {
        put(w, ' ', description->visits);
        put(w, ' ', runs[count - 1].distance);
        put(w, ' ', description->elapsed);
        put(w, ' ', description->beyond);
        put(w, ' ', description->visits == 1 ? description->first_return : description->previous);
    }
    for (uint32_t i = 0; i + 1 < count; i++) {
        mt_code code = flush(w);
        if (code)
            return code;
        put(w, ' ', runs[i].end);
        put(w, ':', runs[i].distance);
    }
    return end_line(w);
}

static mt_code write_descriptions(writer *w, const mt_model *model) {
    mt_code code = write_text(w, "# shared returning unique: tokens output"
                                 " visits distance elapsed beyond return end:distance\n"
                                 "descriptions\n");
    for (size_t i = 0; i < model->count && !code; i++) {
        const mt_description *description = &model->descriptions[i];
        code = mt_poll_interrupt(w->error);
        if (!code && (i == 0 || !same_blocks(description, description - 1)))
            code = write_blocks(w, description);
        if (!code)
            code = write_description(w, description, model->runs + description->run_begin);
    }
    return code;
}

/* ---- arrivals ---- */

/* A line of a number (milliseconds, if `is_gap`, of nanoseconds) and how often. */
static mt_code write_counted(writer *w, int64_t value, int is_gap, uint64_t count) {
    w->at = is_gap ? mt_write_milliseconds(value, 6, w->at) : mt_write_u64((uint64_t)value, w->at);
    if (count != 1)
        put(w, ' ', count);
    return end_line(w);
}

/* The end of the instant that begins with request `i`. */
static size_t end_of_instant(const mt_model *model, size_t i) {
    do
        i++;
    while (i < model->count && model->gaps_ns[i] == 0);
    return i;
}

static size_t count_instants(const mt_model *model) {
    size_t instants = 1;
    for (size_t i = 1; i < model->count; i++)
        instants += model->gaps_ns[i] > 0;
    return instants;
}

static mt_code write_arrivals(writer *w, const mt_model *model) {
    mt_code code = write_text(w, "arrivals\n");
    for (size_t i = 0, next; i < model->count && !code; i = next) {
        next = end_of_instant(model, i);
        code = write_counted(w, i == 0 ? 0 : model->gaps_ns[i], 1, next - i);
    }
    return code;
}

/* Do all chains begin at instants? Those that are learnt do. */
static int begin_at_instants(const mt_model *model) {
    int64_t time = 0;
    size_t i = 0;
    for (size_t c = 0; c < model->chain_count; c++) {
        while (time < model->chains[c].start_ns && i + 1 < model->count)
            time += model->gaps_ns[++i];
        if (time != model->chains[c].start_ns)
            return 0;
    }
    return 1;
}

/* Instants after *time_ns, which moves on to `until`; *at is its request. */
static uint64_t instants_until(const mt_model *model, int64_t until, int64_t *time_ns, size_t *at) {
    uint64_t instants = 0;
    while (*time_ns < until) {
        int64_t gap = model->gaps_ns[++*at];
        instants += gap > 0;
        *time_ns += gap;
    }
    return instants;
}

static mt_code write_answers(writer *w, const mt_model_answers *answers) {
    if (answers->first_ns == 0 && answers->token_ns == 0)
        return MT_OK;
    mt_code code = write_text(w, "answers ");
    w->at = mt_write_milliseconds(answers->first_ns, 6, w->at);
    *w->at++ = ' ';
    w->at = mt_write_milliseconds(answers->token_ns, 6, w->at);
    return code ? code : end_line(w);
}

static mt_code write_chains(writer *w, const mt_model *model, int by_instants) {
    mt_code code = by_instants ? write_answers(w, &model->answers) : MT_OK;
    if (!code)
        code = write_named(w, "chains", model->chain_count);
    int64_t before = 0, time_ns = 0;
    size_t at = 0;
    for (size_t c = 0; c < model->chain_count && !code; c++) {
        const mt_model_chain *chain = &model->chains[c];
        for (uint32_t t = chain->first; t < chain->first + chain->count && !code; t++) {
            const mt_model_turn *turn = &model->turns[t];
            int is_first = t == chain->first;
            if (!is_first)
                *w->at++ = ' ';
            int64_t gap_ns = is_first ? chain->start_ns - before : turn->gap_ns;
            if (is_first && by_instants)
                w->at = mt_write_u64(instants_until(model, chain->start_ns, &time_ns, &at), w->at);
            else
                w->at = mt_write_milliseconds(gap_ns, 6, w->at);
            put(w, ' ', turn->description);
            if (turn->origin < MT_FROM_BEFORE)
                put(w, ':', turn->origin);
            code = flush(w);
        }
        before = chain->start_ns;
        if (!code)
            code = end_line(w);
    }
    return code;
}

/* Each different value of the sorted ones, and how often it comes. */
static mt_code write_tally(writer *w, const char *name, int64_t *values, size_t count, int is_gap) {
    mt_code code = write_text(w, name);
    if (code || (code = mt_sort_times(values, count, w->error)))
        return code;
    for (size_t i = 0, next; i < count && !code; i = next) {
        for (next = i + 1; next < count && values[next] == values[i];)
            next++;
        code = write_counted(w, values[i], is_gap, next - i);
    }
    return code;
}

static mt_code write_tallies(writer *w, const mt_model *model, size_t instants) {
    int64_t *values = mt_allocate(instants, sizeof *values);
    if (!values)
        return mt_fail_memory(w->error, "model");
    size_t count = 0;
    for (size_t i = 0, next; i < model->count; i = next) {
        next = end_of_instant(model, i);
        values[count++] = (int64_t)(next - i);
    }
    mt_code code = write_tally(w, "batches\n", values, count, 0);
    count = 0;
    for (size_t i = 1; i < model->count; i++)
        if (model->gaps_ns[i] > 0)
            values[count++] = model->gaps_ns[i];
    if (!code)
        code = write_tally(w, "gaps\n", values, count, 1);
    mt_free(values);
    return code;
}

mt_code mt_model_write(const mt_model *model, int keep_order, mt_output *output, mt_error *error) {
    writer w = {.output = output, .error = error};
    w.at = w.line;
    size_t instants = count_instants(model);
    int is_kept = keep_order && model->gaps_in_order;
    int has_chains = is_kept && model->chain_count > 0;
    int by_instants = has_chains && begin_at_instants(model);
    uint64_t version = by_instants ? 3 : has_chains ? 2 : 1;
    mt_code code;
    if ((code = write_text(&w, MT_MODEL_MAGIC)) || (code = write_named(&w, "", version)) ||
        (code = write_named(&w, "block_size", model->block_size)) ||
        (code = write_named(&w, "requests", model->count)) ||
        (code = write_named(&w, "runs", model->run_count)) ||
        (code = write_named(&w, "instants", instants)) ||
        (code = write_text(&w, is_kept ? "order kept\n" : "order left_out\n")) ||
        (code = write_descriptions(&w, model)))
        return code;
    if (!is_kept)
        return write_tallies(&w, model, instants);
    code = write_arrivals(&w, model);
    return code || model->chain_count == 0 ? code : write_chains(&w, model, by_instants);
}
