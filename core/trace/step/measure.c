/* Requests counted and measured while they pass. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "stats/tally.h"
#include "trace/source/kind.h"

typedef struct measure_step {
    mt_source base;
    mt_step_measures so_far; /* without its summaries */
    mt_tally input, output;
    int64_t end_ns;
    size_t bins;
    uint64_t in_bin[MT_MEASURE_BINS];
} measure_step;

static mt_code measure(measure_step *self, const mt_request *request, mt_error *error) {
    mt_step_measures *all = &self->so_far;
    all->requests++;
    all->sessions +=
        request->has & MT_HAS_SESSION && request->has & MT_HAS_TURN && request->turn == 0;
    int has_output = (request->has & MT_HAS_OUTPUT_LENGTH) != 0;
    all->without_input += request->input_length == 0;
    all->without_output += has_output && request->output_length == 0;
    if (request->input_length + request->output_length > all->longest)
        all->longest = request->input_length + request->output_length;
    all->blocks += request->hash_count;
    if (self->bins > 0 && request->has & MT_HAS_TIME && request->time_ns >= 0) {
        double place = (double)request->time_ns / (double)self->end_ns * (double)self->bins;
        self->in_bin[place < (double)self->bins ? (size_t)place : self->bins - 1]++;
    }
    if (mt_tally_add(&self->input, request->input_length) != 0 ||
        (has_output && mt_tally_add(&self->output, request->output_length) != 0))
        return mt_fail_memory(error, "tally of lengths");
    return MT_OK;
}

static int measure_next(mt_source *source, mt_request *request, mt_error *error) {
    int status = mt_source_next(source->below, request, error);
    if (status > 0 && measure((measure_step *)source, request, error) != MT_OK)
        return -1;
    return status;
}

static void measure_release(mt_source *source) {
    measure_step *self = (measure_step *)source;
    mt_tally_free(&self->input);
    mt_tally_free(&self->output);
}

static const mt_source_kind measure_kind = {.next = measure_next, .release = measure_release};

mt_source *mt_step_measure(mt_source *below, int64_t end_ns, size_t bins, mt_error *error) {
    if (bins > MT_MEASURE_BINS || (bins > 0 && end_ns <= 0))
        return mt_source_refuse(below, error, "measure: at most %d bins of time",
                                (int)MT_MEASURE_BINS);
    measure_step *self = (measure_step *)mt_source_over(below, &measure_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->end_ns = end_ns;
    self->bins = bins;
    return &self->base;
}

const uint64_t *mt_source_measures(mt_source *source, mt_step_measures *measures) {
    measure_step *self = (measure_step *)source;
    if (source->kind != &measure_kind)
        return NULL;
    *measures = self->so_far;
    if (mt_tally_summarise(&self->input, &measures->input) != 0 ||
        mt_tally_summarise(&self->output, &measures->output) != 0)
        return NULL;
    return self->in_bin;
}
