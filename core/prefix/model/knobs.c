#include "prefix/model/knobs.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/unfold.h"

#include <math.h>
#include <stdlib.h>

/* ---- measures ---- */

typedef struct come_back {
    uint32_t distance, blocks;
} come_back;

/* The distance at or below which half of the shared blocks come back. */
static mt_code find_cliff(const mt_model *model, uint64_t *cliff, mt_error *error) {
    come_back *all = mt_allocate(model->run_count + 1, sizeof *all);
    if (!all)
        return mt_fail_memory(error, "measures of a model");
    size_t count = 0;
    double blocks = 0, so_far = 0;
    for (size_t i = 0; i < model->count; i++) {
        const mt_description *description = &model->descriptions[i];
        uint32_t begin = 0;
        for (uint32_t k = 0; k < description->run_count; k++) {
            const mt_model_run *run = &model->runs[description->run_begin + k];
            all[count++] = (come_back){run->distance, run->end - begin};
            blocks += run->end - begin;
            begin = run->end;
        }
    }
    qsort(all, count, sizeof *all, mt_by_u32);
    *cliff = 0;
    for (size_t i = 0; i < count && 2 * so_far < blocks; i++) {
        so_far += all[i].blocks;
        *cliff = all[i].distance;
    }
    mt_free(all);
    return MT_OK;
}

mt_code mt_model_measure(const mt_model *model, mt_model_measures *measures, mt_error *error) {
    double shared = 0, blocks = 0, span = 0, sessions = 0;
    for (size_t i = 0; i < model->count; i++) {
        shared += model->descriptions[i].shared;
        blocks += (double)mt_description_blocks(&model->descriptions[i]);
        span += (double)model->gaps_ns[i];
    }
    *measures = (mt_model_measures){.sharing = blocks > 0 ? shared / blocks : NAN,
                                    .session_length = NAN,
                                    .sessions_at_once = NAN};
    if (model->chain_count > 0) {
        for (size_t t = 0; t < model->count; t++)
            sessions += (double)model->turns[t].gap_ns;
        measures->session_length = (double)model->count / (double)model->chain_count;
        if (span > 0)
            measures->sessions_at_once = sessions / span;
    }
    return find_cliff(model, &measures->cliff, error);
}

/* ---- sharing ---- */

mt_model *mt_model_with_sharing(const mt_model *model, double factor, mt_error *error) {
    mt_unfolded unfolded = {0};
    mt_model *made = NULL;
    double carried = 0;
    if (!(factor >= 0 && factor <= 1))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "sharing must be between 0 and 1 times the source's, not %.17g",
                               factor));
    if (mt_unfold(model, &unfolded, error) == MT_OK) {
        for (size_t i = 0; i < unfolded.turn_count; i++) {
            mt_unfolded_turn *turn = &unfolded.turns[unfolded.order[i]];
            double wanted = factor * turn->shared + carried;
            double shared = fmin(fmax(floor(wanted + 0.5), 0), turn->shared);
            carried = wanted - shared;
            turn->shared = (uint32_t)shared;
        }
        made = mt_fold(&unfolded, error);
    }
    mt_unfolded_free(&unfolded);
    return made;
}
