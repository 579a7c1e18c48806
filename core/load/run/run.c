#include "load/run/run.h"

#include "base/memory.h"
#include "hash/ids.h"
#include "load/run/draft.h"
#include "load/run/lanes.h"
#include "trace/source/kind.h"

enum {
    BATCH_REQUESTS = 512,  /* made before ids are looked up, so that look-ups can be prefetched */
    BATCH_BLOCKS = 1 << 16 /* a batch with more blocks than this is full */
};

typedef struct run_source {
    mt_source base;
    mt_plan *plan;
    mt_run_options options;
    mt_run_lanes lanes;
    mt_ids *ids;
    mt_draft *batch;
    size_t batch_count, next; /* the draft to hand out next */
    mt_drafts drafts;
    uint64_t *batch_ids;
    size_t id_capacity, next_id;
    uint64_t made;            /* requests, over all batches */
    mt_run_session *finished; /* freed at the next call: its ids are still in the caller's hands */
    mt_error failure;         /* once it has failed it fails for ever */
} run_source;

mt_run_options mt_run_defaults(void) {
    return (mt_run_options){.duration = 60, .most = UINT64_MAX, .factor = 1};
}

/* ---- making a batch ---- */

static mt_code make_batch(run_source *run, mt_error *error) {
    mt_drafts *drafts = &run->drafts;
    mt_lane *lane;
    run->batch_count = run->next = run->next_id = 0;
    drafts->keys.count = drafts->text.length = 0;
    while ((lane = mt_run_lanes_soonest(&run->lanes)) && run->batch_count < BATCH_REQUESTS &&
           drafts->keys.count < BATCH_BLOCKS && run->made < run->options.most) {
        mt_draft *draft = &run->batch[run->batch_count];
        mt_code code = mt_draft_make(drafts, lane, draft, error);
        if (code == MT_OK && !lane->is_over) {
            const mt_answer answer = mt_draft_planned_answer(draft);
            code = mt_draft_settle(draft, &answer, error);
            if (code == MT_OK && !draft->is_rejected) {
                run->batch_count++;
                run->made++;
            }
        }
        if (code == MT_OK && run->made < run->options.most)
            code = mt_run_lanes_advance(&run->lanes, error);
        if (code != MT_OK)
            return code;
    }
    if (MT_GROW(run->batch_ids, run->id_capacity, drafts->keys.count) != 0)
        return mt_fail_memory(error, "hash ids");
    return mt_ids_of(run->ids, drafts->keys.keys, drafts->keys.count, run->batch_ids, error);
}

/* ---- handing out ---- */

/* Completes the draft's request with what its batch has of it. */
static mt_code finish_draft(run_source *run, mt_draft *draft, mt_error *error) {
    mt_request *request = &draft->request;
    mt_run_session *session = mt_run_session_of(&draft->event);
    const char *text = run->drafts.text.bytes;
    request->hash_ids = run->batch_ids + run->next_id;
    request->hash_count = draft->blocks;
    run->next_id += draft->blocks;
    if (draft->extra_end > draft->extra_begin)
        request->extra =
            (mt_span){text + draft->extra_begin, draft->extra_end - draft->extra_begin};
    if (run->options.tags) {
        request->has |= MT_HAS_STREAM;
        request->stream = (mt_span){draft->lane->tag, draft->lane->tag_length};
    }
    if (!session)
        return MT_OK;
    request->session = (mt_span){text + draft->token_begin, draft->token_end - draft->token_begin};
    request->hash_ids =
        mt_run_session_ids(session, draft->history, request->hash_ids, request->hash_count, error);
    request->hash_count += draft->history;
    run->finished = mt_run_session_leave(session);
    return request->hash_ids ? MT_OK : mt_code_of(error);
}

static int run_next(mt_source *source, mt_request *request, mt_error *error) {
    run_source *run = (run_source *)source;
    mt_run_session_free(run->finished);
    run->finished = NULL;
    if (run->failure.code == MT_OK && run->next == run->batch_count)
        make_batch(run, &run->failure);
    if (run->failure.code == MT_OK && run->batch_count == 0)
        return 0;
    if (run->failure.code == MT_OK) {
        mt_draft *draft = &run->batch[run->next++];
        if (finish_draft(run, draft, &run->failure) == MT_OK) {
            *request = draft->request;
            return 1;
        }
    }
    if (error)
        *error = run->failure;
    return -1;
}

static uint64_t run_ordinal(const mt_source *source) {
    const run_source *run = (const run_source *)source;
    return run->batch[run->next - 1].ordinal;
}

static const char *run_name(const mt_source *source) {
    (void)source;
    return "the plan";
}

static void run_release(mt_source *source) {
    run_source *run = (run_source *)source;
    for (size_t i = run->next; i < run->batch_count; i++)
        mt_run_session_free(mt_run_session_leave(mt_run_session_of(&run->batch[i].event)));
    mt_run_session_free(run->finished);
    mt_run_lanes_close(&run->lanes);
    mt_ids_free(run->ids);
    mt_free(run->batch);
    mt_free(run->drafts.keys.keys);
    mt_free(run->drafts.text.bytes);
    mt_free(run->batch_ids);
    mt_plan_release(run->plan);
}

static const mt_source_kind run_kind = {
    .next = run_next, .release = run_release, .name = run_name, .ordinal = run_ordinal};

static mt_code open_parts(run_source *run, mt_error *error) {
    const mt_run_options *options = &run->options;
    mt_code code = mt_run_lanes_open(&run->lanes, run->plan, options, error);
    if (code != MT_OK)
        return code;
    if (!(run->batch = mt_allocate(BATCH_REQUESTS, sizeof *run->batch)))
        return mt_fail_memory(error, "run");
    double keys = mt_plan_remembered(run->plan, options->seed, options->duration, options->factor,
                                     options->most);
    run->ids = mt_ids_new(keys < 1e18 ? (uint64_t)keys : (uint64_t)1e18, error);
    return run->ids ? MT_OK : mt_code_of(error);
}

mt_source *mt_source_run(mt_plan *plan, const mt_run_options *options, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    run_source *run = (run_source *)mt_source_new(&run_kind, sizeof *run, report);
    if (!run)
        return NULL;
    run->plan = mt_plan_retain(plan);
    run->options = *options;
    run->drafts.block_size = mt_plan_block_size(plan);
    run->drafts.compact = options->compact;
    run->drafts.whole_milliseconds = options->whole_milliseconds;
    if (open_parts(run, report) == MT_OK)
        return &run->base;
    mt_source_free(&run->base);
    return NULL;
}
