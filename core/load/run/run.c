#include "load/run/run.h"

#include "base/beside.h"
#include "base/memory.h"
#include "load/run/batch.h"
#include "load/run/lanes.h"
#include "trace/source/kind.h"

enum {
    BATCHES = 2,
    BATCH_REQUESTS = 512,  /* made before ids are looked up, so that look-ups can be prefetched */
    BATCH_BLOCKS = 1 << 16 /* a batch with more blocks than this is full */
};

/* A request that was handed out by a live run and waits for its answer: its address is the ticket.
 */
typedef struct flight {
    mt_draft draft;
    struct flight *before, *after;
} flight;

typedef struct run_source {
    mt_source base;
    mt_plan *plan;
    mt_run_options options;
    mt_run_lanes lanes;
    mt_ids *ids;
    mt_run_batch both[BATCHES];
    mt_run_batch *batch; /* the one that is handed out */
    size_t next;         /* its draft to hand out next */
    mt_run_batch *ahead; /* the one after it, where a thread gives the ids of that; else NULL */
    mt_beside *beside;   /* that thread */
    flight *flights;     /* of a live run */
    uint64_t ticket;     /* of the last request */
    uint64_t ordinals;   /* given so far */
    size_t next_id;
    unsigned batches;         /* made while there was no thread */
    uint64_t made;            /* requests, over all batches */
    double last_time;         /* of the last of them */
    uint64_t at_once;         /* of them, in a row, those of that time */
    mt_run_session *finished; /* freed at the next call: its ids are still in the caller's hands */
    mt_error failure;         /* once it has failed it fails for ever */
} run_source;

mt_run_options mt_run_defaults(void) {
    return (mt_run_options){
        .duration = 60, .most = UINT64_MAX, .most_at_once = UINT64_MAX, .factor = 1};
}

/* ---- making a batch ---- */

/* Does the draft wait for a real answer? Then nothing is settled now. */
static int awaits(const run_source *run, const mt_draft *draft) {
    return run->options.live && !draft->is_rejected &&
           mt_process_awaits(draft->lane->process, &draft->event);
}

static mt_code settle_now(run_source *run, const mt_draft *draft, mt_error *error) {
    if (awaits(run, draft))
        return MT_OK;
    const mt_answer answer = mt_draft_planned_answer(draft);
    return mt_draft_settle(draft, &answer, error);
}

/* Arrivals that stand still: a mistake rather than a load. */
static mt_code count_at_once(run_source *run, double time, mt_error *error) {
    run->at_once = run->made > 1 && time == run->last_time ? run->at_once + 1 : 1;
    run->last_time = time;
    if (run->at_once < run->options.most_at_once)
        return MT_OK;
    return mt_fail(
        error, MT_ERROR_VALUE,
        "%llu requests come at the same time, t = %.9g s: the arrivals stand still there "
        "(--yes makes them all the same)",
        (unsigned long long)run->at_once, time);
}

/* The draft of the lane's event, which is there. */
static mt_code make_draft(run_source *run, mt_run_batch *batch, mt_lane *lane, mt_error *error) {
    mt_draft *draft = &batch->drafts[batch->count];
    mt_code code = mt_lane_take(lane, error);
    if (code == MT_OK)
        code = mt_draft_make(&batch->shared, lane, draft, error);
    if (code == MT_OK && !lane->is_over) {
        code = settle_now(run, draft, error);
        if (code == MT_OK && !draft->is_rejected) {
            batch->count++;
            run->made++;
            code = count_at_once(run, draft->event.time, error);
        }
    }
    if (code == MT_OK && run->made < run->options.most)
        code = mt_run_lanes_look(&run->lanes, lane, error);
    return code;
}

/* Makes the next drafts. A failure is the batch's. */
static void make_drafts(run_source *run, mt_run_batch *batch) {
    mt_drafts *shared = &batch->shared;
    mt_lane *lane;
    mt_code code = MT_OK;
    batch->count = shared->keys.count = shared->text.length = 0;
    while (code == MT_OK && (lane = mt_run_lanes_soonest(&run->lanes)) &&
           batch->count < batch->limit && shared->keys.count < BATCH_BLOCKS &&
           run->made < run->options.most)
        code = make_draft(run, batch, lane, &batch->failure);
    if (code == MT_OK)
        mt_run_batch_make_room(batch, &batch->failure);
}

static void number_ahead(void *context) {
    run_source *run = context;
    mt_run_batch_number(run->ahead, run->ids);
}

/* Makes the batch and its ids. */
static void make_batch(run_source *run, mt_run_batch *batch) {
    make_drafts(run, batch);
    if (batch->failure.code != MT_OK)
        return;
    if (run->options.live)
        mt_run_batch_number_live(batch);
    else
        mt_run_batch_number(batch, run->ids);
}

/* Has the thread go on with the batch after the next one. */
static void make_ahead(run_source *run) {
    make_drafts(run, run->ahead);
    if (run->ahead->failure.code == MT_OK && run->ahead->count > 0)
        mt_beside_begin(run->beside);
}

/* Every so many batches it is asked whether a thread is worth having: where so many keys of one are looked up that
 * it takes some times as long as waking a thread does. */
enum { BATCHES_ASKED_AFTER = 16, KEYS_WORTH_A_THREAD = 1024 };

static void ask_for_thread(run_source *run) {
    if (run->beside || run->options.live || ++run->batches % BATCHES_ASKED_AFTER != 0 ||
        mt_run_batch_keys(run->batch) < KEYS_WORTH_A_THREAD)
        return;
    mt_beside *beside = mt_beside_new(MT_BESIDE_NUMBERS, number_ahead, run);
    if (beside && mt_run_batch_open(&run->both[1], BATCH_REQUESTS, NULL) == MT_OK) {
        run->beside = beside;
        run->ahead = &run->both[1];
    } else {
        mt_beside_free(beside);
    }
}

/* The next batch becomes the current one: 1, or -1 when Ctrl-C came before its ids did. */
static int next_batch(run_source *run, mt_error *error) {
    if (!run->beside) {
        make_batch(run, run->batch);
    } else if (mt_beside_wait(run->beside, error) != MT_OK) {
        return -1;
    } else {
        mt_run_batch *over = run->batch;
        run->batch = run->ahead;
        run->ahead = over;
    }
    run->next = run->next_id = 0;
    if (run->batch->failure.code != MT_OK) {
        run->failure = run->batch->failure;
        return 1;
    }
    ask_for_thread(run);
    if (run->beside)
        make_ahead(run);
    return 1;
}

/* ---- handing out ---- */

static mt_code report_failure(const run_source *run, mt_error *error) {
    if (error)
        *error = run->failure;
    return run->failure.code;
}

/* Completes the draft's request with what its batch has of it. */
static mt_code finish_draft(run_source *run, mt_draft *draft, mt_error *error) {
    mt_request *request = &draft->request;
    mt_run_session *session = mt_run_session_of(&draft->event);
    const char *text = run->batch->shared.text.bytes;
    request->hash_ids = run->batch->ids + run->next_id;
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
    int has_history = !draft->parent || draft->history == 0 ||
                      mt_run_session_ids(session, 0, draft->parent->ids, draft->history, error);
    mt_run_session_free(mt_run_session_leave(draft->parent));
    request->session = (mt_span){text + draft->token_begin, draft->token_end - draft->token_begin};
    request->hash_ids = has_history ? mt_run_session_ids(session, draft->history, request->hash_ids,
                                                         request->hash_count, error)
                                    : NULL;
    request->hash_count += draft->history;
    run->finished = mt_run_session_leave(session);
    return request->hash_ids ? MT_OK : mt_code_of(error);
}

/* A live run's request that waits for its answer gets a ticket. */
static mt_code give_ticket(run_source *run, const mt_draft *draft, mt_error *error) {
    run->ticket = 0;
    if (!awaits(run, draft))
        return MT_OK;
    flight *one = mt_allocate(1, sizeof *one);
    if (!one)
        return mt_fail_memory(error, "requests that wait for answers");
    *one = (flight){.draft = *draft, .after = run->flights};
    if (one->after)
        one->after->before = one;
    run->flights = one;
    run->ticket = (uint64_t)(uintptr_t)one;
    return MT_OK;
}

static int run_next(mt_source *source, mt_request *request, mt_error *error) {
    run_source *run = (run_source *)source;
    mt_run_session_free(run->finished);
    run->finished = NULL;
    if (run->failure.code == MT_OK && run->next == run->batch->count && next_batch(run, error) < 0)
        return -1;
    if (run->failure.code == MT_OK && run->batch->count == 0)
        return 0;
    if (run->failure.code == MT_OK) {
        mt_draft *draft = &run->batch->drafts[run->next++];
        if (finish_draft(run, draft, &run->failure) == MT_OK &&
            give_ticket(run, draft, &run->failure) == MT_OK) {
            *request = draft->request;
            return 1;
        }
    }
    return report_failure(run, error), -1;
}

/* ---- answers ---- */

static int run_soonest(mt_source *source, int64_t *time_ns, mt_error *error) {
    run_source *run = (run_source *)source;
    const mt_lane *lane = mt_run_lanes_soonest(&run->lanes);
    if (run->failure.code != MT_OK)
        return report_failure(run, error), -1;
    if (run->made >= run->options.most)
        return 0;
    if (!lane)
        return run->flights ? MT_SOURCE_WAITS : 0;
    *time_ns = lane->time < 9e9 ? (int64_t)(lane->time * 1e9) : INT64_MAX;
    return 1;
}

static uint64_t run_ticket(const mt_source *source) {
    return ((const run_source *)source)->ticket;
}

static void take_flight(run_source *run, flight *one) {
    if (one->before)
        one->before->after = one->after;
    else
        run->flights = one->after;
    if (one->after)
        one->after->before = one->before;
}

static mt_code run_settle(mt_source *source, uint64_t ticket, const mt_source_answer *given,
                          mt_error *error) {
    run_source *run = (run_source *)source;
    flight *one = (flight *)(uintptr_t)ticket; /* NOLINT(performance-no-int-to-ptr) */
    mt_answer answer = {.is_rejected = 1};
    if (given && run->failure.code == MT_OK)
        answer = (mt_answer){.end = (double)given->end_ns * 1e-9,
                             .input_length = given->input_length,
                             .output_length = given->output_length};
    take_flight(run, one);
    mt_error problem;
    mt_code code = mt_draft_settle(&one->draft, &answer, &problem);
    if (code == MT_OK)
        code = mt_run_lanes_look(&run->lanes, one->draft.lane, &problem);
    mt_free(one);
    if (code != MT_OK && run->failure.code == MT_OK)
        run->failure = problem;
    return run->failure.code == MT_OK ? MT_OK : report_failure(run, error);
}

static uint64_t run_ordinal(const mt_source *source) {
    const run_source *run = (const run_source *)source;
    return run->batch->drafts[run->next - 1].ordinal;
}

int mt_source_run_is_ahead(const mt_source *source) {
    return ((const run_source *)source)->beside != NULL;
}

static const char *run_name(const mt_source *source) {
    (void)source;
    return "the plan";
}

static void leave_draft(const mt_draft *draft) {
    mt_run_session_free(mt_run_session_leave(draft->parent));
    mt_run_session_free(mt_run_session_leave(mt_run_session_of(&draft->event)));
}

static void run_release(mt_source *source) {
    run_source *run = (run_source *)source;
    for (flight *one; (one = run->flights);) {
        const mt_answer none = {.is_rejected = 1};
        mt_error ignored;
        take_flight(run, one);
        mt_draft_settle(&one->draft, &none, &ignored);
        mt_free(one);
    }
    mt_beside_free(run->beside);
    for (size_t i = run->next; i < run->batch->count; i++)
        leave_draft(&run->batch->drafts[i]);
    for (size_t i = 0; run->ahead && i < run->ahead->count; i++)
        leave_draft(&run->ahead->drafts[i]);
    mt_run_session_free(run->finished);
    mt_run_lanes_close(&run->lanes);
    mt_ids_free(run->ids);
    for (int i = 0; i < BATCHES; i++)
        mt_run_batch_close(&run->both[i]);
    mt_plan_release(run->plan);
}

static const mt_source_kind run_kind = {
    .next = run_next, .release = run_release, .name = run_name, .ordinal = run_ordinal};

static const mt_live_kind run_live = {
    .soonest = run_soonest, .ticket = run_ticket, .settle = run_settle};

static const mt_source_kind live_run_kind = {.next = run_next,
                                             .release = run_release,
                                             .name = run_name,
                                             .ordinal = run_ordinal,
                                             .live = &run_live};

static mt_code open_parts(run_source *run, mt_error *error) {
    const mt_run_options *options = &run->options;
    mt_code code = mt_run_lanes_open(&run->lanes, run->plan, options, error);
    if (code != MT_OK)
        return code;
    if (mt_run_batch_open(run->batch, options->live ? 1 : BATCH_REQUESTS, error) != MT_OK)
        return mt_code_of(error);
    if (options->live)
        return MT_OK;
    double keys = mt_plan_remembered(run->plan, options->seed, options->duration, options->factor,
                                     options->most);
    run->ids = mt_ids_new_halved(keys < 1e18 ? (uint64_t)keys : (uint64_t)1e18, error);
    return run->ids ? MT_OK : mt_code_of(error);
}

/* Does anything in the plan wait for answers? */
static int has_waits(const mt_plan *plan) {
    for (size_t i = 0; i < mt_plan_stream_count(plan); i++)
        if (mt_process_wants_answers(mt_plan_stream(plan, i)->process))
            return 1;
    return 0;
}

mt_source *mt_source_run(mt_plan *plan, const mt_run_options *options, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    int is_live = options->live && has_waits(plan);
    run_source *run =
        (run_source *)mt_source_new(is_live ? &live_run_kind : &run_kind, sizeof *run, report);
    if (!run)
        return NULL;
    run->plan = mt_plan_retain(plan);
    run->options = *options;
    run->options.live = is_live;
    run->batch = &run->both[0];
    for (int i = 0; i < BATCHES; i++)
        run->both[i].shared = (mt_drafts){.block_size = mt_plan_block_size(plan),
                                          .compact = options->compact,
                                          .whole_milliseconds = options->whole_milliseconds,
                                          .ordinals = &run->ordinals};
    if (open_parts(run, report) == MT_OK)
        return &run->base;
    mt_source_free(&run->base);
    return NULL;
}
