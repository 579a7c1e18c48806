#include "load/run/run.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "hash/ids.h"
#include "load/run/draft.h"
#include "load/run/lanes.h"
#include "trace/source/kind.h"

enum {
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
    mt_draft *batch;
    size_t batch_limit, batch_count, next; /* the draft to hand out next */
    flight *flights;                       /* of a live run */
    uint64_t ticket;                       /* of the last request */
    mt_drafts drafts;
    uint64_t *batch_ids;
    size_t id_capacity, next_id;
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
    if (!draft->lane->wants_answers || awaits(run, draft))
        return MT_OK;
    const mt_answer answer = mt_draft_planned_answer(draft);
    return mt_draft_settle(draft, &answer, error);
}

/* The ids of a live run's request: the same whenever it comes. */
static void make_live_ids(run_source *run) {
    const mt_key_list *keys = &run->drafts.keys;
    if (run->batch_count == 0)
        return;
    mt_random draws;
    mt_lane_draws(run->batch->lane, MT_LANE_BLOCKS, run->batch->event.item, &draws);
    for (size_t i = 0; i < keys->count + run->drafts.fresh; i++) {
        int is_fresh = i >= keys->count || (keys->keys[i].low | keys->keys[i].high) == 0;
        run->batch_ids[i] = (is_fresh ? mt_random_u64(&draws) : keys->keys[i].low) >> 1;
    }
}

/* How many drafts ahead a chain's first keys are fetched, and how many of them: where it parts from
 * those before is seldom later. */
enum { DRAFTS_AHEAD = 16, KEYS_AHEAD = 2 };

static void expect_keys(const run_source *run, const mt_draft *draft, const mt_key *keys) {
    for (size_t i = 0; i < draft->keys && i < KEYS_AHEAD; i++)
        mt_ids_expect(run->ids, keys[i]);
}

/* The next ids, for blocks without keys. */
static mt_code number_fresh(run_source *run, uint64_t *out, size_t count, mt_error *error) {
    uint64_t first = mt_ids_fresh(run->ids, count);
    if (first == UINT64_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "more than 2^40 hash ids");
    for (size_t i = 0; i < count; i++)
        out[i] = first + i;
    return mt_poll_interrupt(error);
}

/* The ids of `count` keys of drafts before this one, then of its own, by themselves. */
static mt_code number_draft(run_source *run, const mt_draft *draft, const mt_key *keys,
                            size_t count, uint64_t *out, mt_error *error) {
    mt_code code = mt_ids_of(run->ids, keys, count, out, error);
    if (code == MT_OK && draft->is_chain && draft->keys > 0)
        code = mt_ids_of_chain(run->ids, keys + count, draft->keys, out + count, error);
    if (code == MT_OK && draft->fresh > 0)
        code = number_fresh(run, out + count + draft->keys, draft->fresh, error);
    return code;
}

/* The ids of the batch: of a chain at a time, of blocks without keys, and of all the keys between
 * two of these. */
static mt_code make_ids(run_source *run, mt_error *error) {
    const mt_key *keys = run->drafts.keys.keys;
    size_t waiting = 0; /* keys before this draft's that have no id yet */
    size_t ahead = 0;
    const mt_key *ahead_keys = keys;
    uint64_t *out = run->batch_ids;
    mt_code code = MT_OK;
    if (run->drafts.keys.count == 0)
        return number_fresh(run, out, run->drafts.fresh, error);
    for (size_t i = 0; code == MT_OK && i < run->batch_count; i++) {
        const mt_draft *draft = &run->batch[i];
        for (; ahead < run->batch_count && ahead < i + DRAFTS_AHEAD; ahead++) {
            expect_keys(run, &run->batch[ahead], ahead_keys);
            ahead_keys += run->batch[ahead].keys;
        }
        if (!draft->is_chain && draft->fresh == 0) {
            waiting += draft->keys;
            continue;
        }
        code = number_draft(run, draft, keys, waiting, out, error);
        keys += waiting + draft->keys;
        out += waiting + draft->keys + draft->fresh;
        waiting = 0;
    }
    if (code != MT_OK)
        return code;
    return mt_ids_of(run->ids, keys, waiting, out, error);
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

static mt_code make_batch(run_source *run, mt_error *error) {
    mt_drafts *drafts = &run->drafts;
    mt_lane *lane;
    run->batch_count = run->next = run->next_id = 0;
    drafts->keys.count = drafts->fresh = drafts->text.length = 0;
    while ((lane = mt_run_lanes_soonest(&run->lanes)) && run->batch_count < run->batch_limit &&
           drafts->keys.count + drafts->fresh < BATCH_BLOCKS && run->made < run->options.most) {
        mt_draft *draft = &run->batch[run->batch_count];
        mt_code code = mt_draft_make(drafts, lane, draft, error);
        if (code == MT_OK && !lane->is_over) {
            code = settle_now(run, draft, error);
            if (code == MT_OK && !draft->is_rejected) {
                run->batch_count++;
                run->made++;
                code = count_at_once(run, draft->event.time, error);
            }
        }
        if (code == MT_OK && run->made < run->options.most)
            code = mt_run_lanes_look(&run->lanes, lane, error);
        if (code != MT_OK)
            return code;
    }
    if (MT_GROW(run->batch_ids, run->id_capacity, drafts->keys.count + drafts->fresh) != 0)
        return mt_fail_memory(error, "hash ids");
    if (run->options.live)
        return make_live_ids(run), MT_OK;
    return make_ids(run, error);
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
    const char *text = run->drafts.text.bytes;
    request->hash_ids = run->batch_ids + run->next_id;
    request->hash_count = draft->keys + draft->fresh;
    run->next_id += request->hash_count;
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
    if (run->failure.code == MT_OK && run->next == run->batch_count)
        make_batch(run, &run->failure);
    if (run->failure.code == MT_OK && run->batch_count == 0)
        return 0;
    if (run->failure.code == MT_OK) {
        mt_draft *draft = &run->batch[run->next++];
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
    return run->batch[run->next - 1].ordinal;
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
    for (size_t i = run->next; i < run->batch_count; i++)
        leave_draft(&run->batch[i]);
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
    run->batch_limit = options->live ? 1 : BATCH_REQUESTS;
    if (!(run->batch = mt_allocate(run->batch_limit, sizeof *run->batch)))
        return mt_fail_memory(error, "run");
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
    run->drafts.block_size = mt_plan_block_size(plan);
    run->drafts.compact = options->compact;
    run->drafts.whole_milliseconds = options->whole_milliseconds;
    if (open_parts(run, report) == MT_OK)
        return &run->base;
    mt_source_free(&run->base);
    return NULL;
}
