#include "prefix/analysis/locality.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "prefix/analysis/locality_state.h"

mt_locality *mt_locality_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1"));
    mt_locality *locality = mt_new(sizeof *locality, "cache analysis", error);
    if (!locality)
        return NULL;
    locality->block_size = block_size;
    locality->tree = mt_prefix_tree_new(error);
    locality->history = locality->tree ? mt_history_new(error) : NULL;
    if (!locality->history) {
        mt_locality_free(locality);
        return NULL;
    }
    return locality;
}

void mt_locality_seal(mt_locality *locality) {
    locality->is_sealed = 1;
    mt_prefix_tree_seal(locality->tree);
}

void mt_locality_free(mt_locality *locality) {
    if (!locality)
        return;
    mt_prefix_tree_free(locality->tree);
    mt_history_free(locality->history);
    mt_texts_free(&locality->sessions.names);
    mt_free(locality->sessions.list);
    mt_free(locality->sessions.of_name);
    mt_free(locality->rows);
    mt_free(locality->runs);
    mt_free(locality->path);
    mt_free(locality);
}

static mt_code make_room(mt_locality *locality, size_t blocks, mt_error *error) {
    if (locality->is_sealed)
        return mt_fail(error, MT_ERROR_VALUE, "the cache analysis takes no more requests");
    if (MT_GROW(locality->rows, locality->row_capacity, locality->row_count + 1) ||
        MT_GROW(locality->path, locality->path_capacity, blocks))
        return mt_fail_memory(error, "cache analysis");
    return MT_OK;
}

/* Keeps the runs that the request's path fell into. */
static mt_code keep_runs(mt_locality *locality, const mt_touch *touch, mt_error *error) {
    if (MT_GROW(locality->runs, locality->run_capacity, locality->run_count + touch->run_count))
        return mt_fail_memory(error, "cache analysis");
    uint32_t begin = 0;
    for (size_t i = 0; i < touch->run_count; i++) {
        const mt_touch_run *run = &touch->runs[i];
        locality->runs[locality->run_count++] =
            (mt_locality_run){.request = touch->request,
                              .owner = run->owner,
                              .blocks = run->end - begin,
                              .distance = (uint32_t)run->distance};
        begin = run->end;
    }
    return MT_OK;
}

/* How many of the request's blocks lie up to the deepest that its session touched last. */
static uint32_t within_session(const mt_locality *locality, const mt_touch *touch,
                               uint32_t session) {
    for (size_t i = touch->run_count; session != MT_NO_SESSION && i-- > 0;)
        if (locality->rows[touch->runs[i].owner].session == session)
            return touch->runs[i].end;
    return 0;
}

static void count_time(mt_locality_result *so_far, int64_t time_ns) {
    if (so_far->timed == 0)
        so_far->first_ns = so_far->last_ns = time_ns;
    so_far->timed++;
    so_far->backward += time_ns < so_far->last_ns;
    if (time_ns < so_far->first_ns)
        so_far->first_ns = time_ns;
    if (time_ns > so_far->last_ns)
        so_far->last_ns = time_ns;
}

mt_code mt_locality_add(mt_locality *locality, const mt_request *request, mt_error *error) {
    size_t count = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0, known;
    mt_locality_result *so_far = &locality->so_far;
    mt_touch *touch = &locality->touch;
    mt_code code;
    if ((code = mt_poll_interrupt(error)) || (code = make_room(locality, count, error)) ||
        (code = mt_prefix_tree_add(locality->tree, request->hash_ids, count, locality->path, &known,
                                   error)))
        return code;
    /* Whose session it may continue is looked at behind the touch. */
    if (known > 0)
        __builtin_prefetch(
            &locality->rows[mt_history_owner(locality->history, locality->path[known - 1])]);
    if ((code = mt_history_touch(locality->history, locality->path, count, known, touch, error)) ||
        (code = keep_runs(locality, touch, error)))
        return code;
    mt_locality_row *row = &locality->rows[locality->row_count];
    *row = (mt_locality_row){
        .time_ns = request->has & MT_HAS_TIME ? request->time_ns : MT_NO_TIME,
        .input_length = request->has & MT_HAS_INPUT_LENGTH ? request->input_length
                                                           : count * locality->block_size,
        .output_length =
            request->has & MT_HAS_OUTPUT_LENGTH ? request->output_length : MT_NO_LENGTH,
        .blocks = (uint32_t)count,
        .known = (uint32_t)known,
        .leaf = count > 0 ? locality->path[count - 1] : 0,
    };
    if ((code = mt_locality_join_session(locality, request, error)))
        return code;
    row->within = within_session(locality, touch, row->session);
    mt_assert(row->within <= row->known && row->known <= row->blocks);
    locality->row_count++;
    if (row->time_ns != MT_NO_TIME)
        count_time(so_far, row->time_ns);
    if (count > 0) {
        so_far->totals.requests++;
        so_far->totals.blocks += count;
        so_far->totals.tokens += row->input_length;
        so_far->hits += known;
        so_far->hits_within += row->within;
    }
    return MT_OK;
}
