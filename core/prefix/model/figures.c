#define _GNU_SOURCE /* qsort_r */
#include "prefix/model/figures.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is single ----
 * Places of descriptions are sorted so that equal ones stand side by side, in whatever order. */

typedef int comparison(const mt_model *model, const mt_description *a, const mt_description *b);

static int compare_lengths(const mt_model *model, const mt_description *a,
                           const mt_description *b) {
    uint64_t first = mt_model_input_length(model, a), second = mt_model_input_length(model, b);
    if (first != second)
        return first < second ? -1 : 1;
    return (a->output > b->output) - (a->output < b->output);
}

typedef struct sorting {
    const mt_model *model;
    comparison *compare;
} sorting;

static int compare_places(const void *a, const void *b, void *how_to) {
    const sorting *how = how_to;
    const mt_description *all = how->model->descriptions;
    return how->compare(how->model, &all[*(const size_t *)a], &all[*(const size_t *)b]);
}

static uint64_t count_single(const mt_model *model, comparison *compare, size_t *places) {
    sorting how = {model, compare};
    uint64_t count = 0;
    for (size_t i = 0; i < model->count; i++)
        places[i] = i;
    qsort_r(places, model->count, sizeof *places, compare_places, &how);
    for (size_t i = 0; i < model->count; i++)
        count += (i == 0 || compare_places(&places[i - 1], &places[i], &how) != 0) &&
                 (i + 1 == model->count || compare_places(&places[i], &places[i + 1], &how) != 0);
    return count;
}

/* ---- summaries ---- */

typedef enum value { INPUT, OUTPUT, SHARED } value;

/* 0 where a request has no such value. */
static int value_of(const mt_model *model, const mt_description *description, value which,
                    double *to) {
    double input = (double)mt_model_input_length(model, description);
    double shared = (double)description->shared * (double)model->block_size;
    switch (which) {
    case INPUT:
        *to = input;
        return 1;
    case OUTPUT:
        *to = (double)description->output;
        return description->output != MT_MODEL_NO_OUTPUT;
    default:
        *to = shared < input ? shared : input;
        return mt_description_blocks(description) > 0;
    }
}

static void summarise(const mt_model *model, value which, double *values, mt_summary *summary) {
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++)
        count += (size_t)value_of(model, &model->descriptions[i], which, &values[count]);
    mt_summarise(values, count, summary);
}

static void find_distances(const mt_model *model, mt_weighted *values, mt_quantiles *quantiles) {
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++) {
        const mt_description *description = &model->descriptions[i];
        if (description->run_count > 0) {
            size_t deepest = description->run_begin + description->run_count - 1;
            values[count++] = (mt_weighted){.value = model->runs[deepest].distance, .weight = 1};
        }
    }
    mt_quantiles_of(values, count, quantiles);
}

mt_code mt_model_describe(const mt_model *model, mt_model_figures *figures, mt_error *error) {
    /* One after the other: numbers, numbers with weights, places. */
    void *scratch = mt_allocate(model->count, sizeof(mt_weighted));
    if (!scratch)
        return mt_fail_memory(error, "figures of a model");
    memset(figures, 0, sizeof *figures);
    summarise(model, INPUT, scratch, &figures->input_length);
    summarise(model, OUTPUT, scratch, &figures->output_length);
    summarise(model, SHARED, scratch, &figures->shared_length);
    find_distances(model, scratch, &figures->distance);
    figures->single_lengths = count_single(model, compare_lengths, scratch);
    figures->single_descriptions = count_single(model, mt_model_compare, scratch);
    for (size_t i = 0; i < model->count; i++) {
        figures->shared += model->descriptions[i].shared;
        figures->returning += model->descriptions[i].returning;
        figures->unique += model->descriptions[i].unique;
        figures->instants += i == 0 || model->gaps_ns[i] > 0;
        figures->span_ns += model->gaps_ns[i];
    }
    mt_free(scratch);
    return MT_OK;
}
