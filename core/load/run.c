#include "load/run.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "hash/ids.h"
#include "load/run_lane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_REQUESTS = 512,   /* made before ids are looked up, so that look-ups can be prefetched */
    BATCH_BLOCKS = 1 << 16, /* a batch with more blocks than this is full */
    TOKEN_ROOM = 40 /* of a session_id beside the stream's name, and what a number writes too far */
};

/* A request of the batch before its ids are known. */
typedef struct run_draft {
    mt_request request;
    const mt_lane *from;
    mt_session *session; /* NULL: a plain request */
    uint64_t shard_ordinal;
    uint64_t history; /* leading blocks carried from the session's turn before */
    size_t blocks;    /* after those */
    size_t extra_begin, extra_end, token_begin, token_end; /* in the run's text */
} run_draft;

struct mt_run {
    mt_plan *plan;
    mt_run_options options;
    mt_lane *lanes;
    size_t lane_count;
    mt_lane **heap; /* those that still have an event, soonest first */
    size_t heap_count;
    mt_ids *ids;
    run_draft *drafts;
    size_t draft_count, draft_next;
    mt_key_list keys; /* of the batch, {0, 0} for a block that cannot come back */
    uint64_t *batch_ids;
    size_t batch_capacity, id_next;
    mt_text text;
    uint64_t made, ordinals;
    mt_session *finished; /* freed at the next call: its ids are still in the caller's hands */
    mt_error failure;     /* once it has failed it fails for ever */
};

mt_run_options mt_run_defaults(void) {
    return (mt_run_options){.duration = 60, .most = UINT64_MAX, .factor = 1, .shards = 1};
}

/* ---- merging ---- */

static int sooner(const mt_lane *a, const mt_lane *b) {
    if (a->event.time != b->event.time)
        return a->event.time < b->event.time;
    return a->rank < b->rank;
}

static void sift_down(mt_run *run, size_t at) {
    mt_lane **heap = run->heap;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= run->heap_count)
            return;
        if (child + 1 < run->heap_count && sooner(heap[child + 1], heap[child]))
            child++;
        if (!sooner(heap[child], heap[at]))
            return;
        mt_lane *moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* Replaces the event of the soonest lane by its next one. */
static mt_code advance_soonest(mt_run *run, mt_error *error) {
    int got = mt_lane_advance(run->heap[0], error);
    if (got < 0)
        return mt_code_of(error);
    if (got == 0)
        run->heap[0] = run->heap[--run->heap_count];
    if (run->heap_count > 0)
        sift_down(run, 0);
    return MT_OK;
}

/* ---- opening ---- */

static int by_name(const void *a, const void *b) {
    const mt_lane *const *first = a;
    const mt_lane *const *second = b;
    return strcmp((*first)->stream->name, (*second)->stream->name);
}

static void rank_lanes(mt_run *run) {
    for (size_t i = 0; i < run->lane_count; i++) {
        run->lanes[i].stream = mt_plan_stream(run->plan, i);
        run->heap[i] = &run->lanes[i];
    }
    qsort((void *)run->heap, run->lane_count, sizeof(void *), by_name);
    for (size_t i = 0; i < run->lane_count; i++)
        run->heap[i]->rank = i;
}

static mt_code open_lanes(mt_run *run, mt_error *error) {
    size_t count = mt_plan_stream_count(run->plan);
    run->lanes = mt_allocate_zero(count, sizeof *run->lanes);
    run->heap = mt_allocate_zero(count, sizeof(void *));
    if (!run->lanes || !run->heap)
        return mt_fail_memory(error, "streams");
    run->lane_count = count;
    rank_lanes(run);
    for (size_t i = 0; i < count; i++) {
        mt_lane *lane = &run->lanes[i];
        mt_code code = mt_lane_open(lane, mt_plan_block_size(run->plan), &run->options, error);
        if (code != MT_OK)
            return code;
        int got = mt_lane_advance(lane, error);
        if (got < 0)
            return mt_code_of(error);
        if (got > 0)
            run->heap[run->heap_count++] = lane;
    }
    for (size_t i = run->heap_count; i-- > 0;)
        sift_down(run, i);
    return MT_OK;
}

mt_run *mt_run_open(mt_plan *plan, const mt_run_options *options, mt_error *error) {
    mt_error own;
    if (!error)
        error = &own;
    if (options->shards == 0 || options->shard >= options->shards) {
        mt_fail(error, MT_ERROR_VALUE, "a shard is from 0 to one below their number");
        return NULL;
    }
    mt_run *run = mt_allocate_zero(1, sizeof *run);
    if (!run) {
        mt_fail_memory(error, "run");
        return NULL;
    }
    run->plan = mt_plan_retain(plan);
    run->options = *options;
    mt_code code = open_lanes(run, error);
    if (code == MT_OK) {
        run->drafts = mt_allocate(BATCH_REQUESTS, sizeof *run->drafts);
        if (!run->drafts)
            mt_fail_memory(error, "run");
    }
    if (run->drafts) {
        double keys = mt_plan_remembered(plan, options->seed, options->duration, options->factor,
                                         options->most);
        run->ids = mt_ids_new(keys < 1e18 ? (uint64_t)keys : (uint64_t)1e18, error);
    }
    if (!run->ids) {
        mt_run_close(run);
        return NULL;
    }
    return run;
}

/* ---- making a batch ---- */

static mt_code add_fresh(mt_run *run, uint64_t fresh, mt_error *error) {
    mt_key_list *keys = &run->keys;
    if (mt_reserve((void **)&keys->keys, &keys->capacity, keys->count + fresh,
                   sizeof *keys->keys) != 0)
        return mt_fail_memory(error, "prompt blocks");
    memset(keys->keys + keys->count, 0, fresh * sizeof *keys->keys);
    keys->count += fresh;
    return MT_OK;
}

/* The session_id: "STREAM-ORDINAL". */
static mt_code make_session_token(mt_run *run, const mt_lane *lane, run_draft *draft,
                                  mt_error *error) {
    char token[TOKEN_ROOM];
    char *end = token;
    *end++ = '-';
    end = mt_write_u64(draft->session->ordinal, end);
    *end++ = '"';
    draft->token_begin = run->text.length;
    if (mt_text_add(&run->text, lane->tag, lane->tag_length - 1) != 0 ||
        mt_text_add(&run->text, token, (size_t)(end - token)) != 0)
        return mt_fail_memory(error, "session id");
    draft->token_end = run->text.length;
    return MT_OK;
}

/* The prompt of a turn after the first: what was said so far, and what is new. The answer's blocks
 * are new ones. */
static mt_code make_later_turn(mt_run *run, run_draft *draft, uint64_t new_tokens,
                               mt_error *error) {
    uint64_t block = mt_plan_block_size(run->plan);
    const mt_session *session = draft->session;
    draft->history = session->prompt_tokens / block;
    draft->request.input_length = session->history_tokens + new_tokens;
    uint64_t blocks = (draft->request.input_length + block - 1) / block;
    mt_code code = mt_prompt_check_blocks(blocks, error);
    return code == MT_OK ? add_fresh(run, blocks - draft->history, error) : code;
}

static mt_code make_prompt(mt_run *run, mt_lane *lane, run_draft *draft, const mt_prompt_wish *wish,
                           size_t class_index, mt_error *error) {
    mt_prompt_made made;
    mt_code code = mt_lane_prompt(lane, class_index, wish, &run->keys, &made, error);
    if (code != MT_OK)
        return code;
    lane->is_over = made.at_end;
    draft->request.input_length = made.input_length;
    if (made.decides_output && !(draft->request.has & MT_HAS_OUTPUT_LENGTH)) {
        draft->request.has |= MT_HAS_OUTPUT_LENGTH;
        draft->request.output_length = made.output_length;
    }
    return add_fresh(run, made.fresh, error);
}

static const double most_seconds = 9223372036; /* in nanoseconds just within 63 bits */

static int64_t nanoseconds(double seconds, int whole_milliseconds) {
    enum { NANOSECONDS_OF_MILLISECOND = 1000000 };
    if (whole_milliseconds)
        return (int64_t)floor(1000 * seconds) * NANOSECONDS_OF_MILLISECOND;
    return llround(seconds * 1e9);
}

/* What is known before the prompt. */
static void begin_request(const mt_run *run, const mt_event *event, const mt_length_draw *lengths,
                          mt_request *request) {
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS;
    request->time_ns = nanoseconds(event->time, run->options.whole_milliseconds);
    request->turn = event->turn;
    if (event->session)
        request->has |= MT_HAS_SESSION | MT_HAS_TURN;
    if (lengths->has_output) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = lengths->output;
    }
    if (isfinite(event->delay)) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = nanoseconds(event->delay, run->options.whole_milliseconds);
    }
}

static mt_code make_content(mt_run *run, mt_lane *lane, run_draft *draft, mt_error *error) {
    const mt_event *event = &lane->event;
    mt_length_draw lengths;
    size_t class_index;
    mt_code code = mt_lane_draw(lane, &lengths, &class_index, error);
    if (code != MT_OK)
        return code;
    if (!(event->time < most_seconds))
        return mt_fail(error, MT_ERROR_VALUE,
                       "a request at t = %.9g s: a trace lasts at most %.0f s (292 years)",
                       event->time, most_seconds);
    begin_request(run, event, &lengths, &draft->request);
    if (event->session)
        code = make_session_token(run, lane, draft, error);
    if (code != MT_OK)
        return code;
    mt_prompt_wish wish = {.item = event->item,
                           .tokens = lengths.input,
                           .tokens_are_new = lengths.input_is_new,
                           .time = event->time};
    draft->extra_begin = run->text.length;
    code = mt_lane_fields(lane, class_index, run->options.compact, &run->text, &wish, error);
    draft->extra_end = run->text.length;
    if (code != MT_OK)
        return code;
    return event->session && event->turn > 0
               ? make_later_turn(run, draft, lengths.input, error)
               : make_prompt(run, lane, draft, &wish, class_index, error);
}

/* After the lengths are known the session moves on, or ends. */
static mt_code settle(mt_lane *lane, const run_draft *draft, int rejected, mt_error *error) {
    const mt_request *request = &draft->request;
    mt_session *session = draft->session;
    int last;
    mt_code code = mt_process_settle(lane->process, &lane->event, request->input_length,
                                     request->output_length, rejected, &last, error);
    if (code != MT_OK || !session)
        return mt_lane_failure(lane, code, error);
    session->has_ended = last;
    if (!rejected) {
        session->prompt_tokens = request->input_length;
        session->history_tokens = request->input_length + request->output_length;
        session->waiting++;
    } else if (session->waiting == 0) {
        mt_session_free(session);
    }
    return MT_OK;
}

/* Makes a request of the soonest lane's event; *made is 0 when its session ended instead. */
static mt_code make_draft(mt_run *run, mt_lane *lane, run_draft *draft, int *made,
                          mt_error *error) {
    const mt_event *event = &lane->event;
    mt_session *session = event->session;
    size_t keys_before = run->keys.count, text_before = run->text.length;
    memset(draft, 0, sizeof *draft);
    draft->from = lane;
    draft->session = session;
    if (session && event->turn == 0) {
        session->begin = event->time;
        session->shard_ordinal = run->ordinals++;
    }
    draft->shard_ordinal = session ? session->shard_ordinal : run->ordinals++;
    mt_code code = make_content(run, lane, draft, error);
    if (code != MT_OK)
        return code;
    if (lane->is_over) {
        run->text.length = text_before;
        run->ordinals--;
        return MT_OK;
    }
    int rejected =
        event->turn > 0 && event->max_input > 0 && draft->request.input_length > event->max_input;
    if (rejected) {
        run->keys.count = keys_before;
        run->text.length = text_before;
    }
    draft->blocks = run->keys.count - keys_before;
    *made = !rejected;
    return settle(lane, draft, rejected, error);
}

static mt_code make_batch(mt_run *run, mt_error *error) {
    run->draft_count = run->draft_next = 0;
    run->keys.count = run->id_next = 0;
    run->text.length = 0;
    mt_code code = MT_OK;
    while (code == MT_OK && run->heap_count > 0 && run->draft_count < BATCH_REQUESTS &&
           run->keys.count < BATCH_BLOCKS && run->made < run->options.most) {
        int made = 0;
        code = make_draft(run, run->heap[0], &run->drafts[run->draft_count], &made, error);
        if (code == MT_OK && made) {
            run->draft_count++;
            run->made++;
        }
        if (code == MT_OK && run->made < run->options.most)
            code = advance_soonest(run, error);
    }
    if (code != MT_OK)
        return code;
    if (mt_reserve((void **)&run->batch_ids, &run->batch_capacity, run->keys.count,
                   sizeof *run->batch_ids) != 0)
        return mt_fail_memory(error, "hash ids");
    return mt_ids_of_mixed(run->ids, run->keys.keys, run->keys.count, run->batch_ids, error);
}

/* ---- handing out ---- */

/* A draft leaves the batch; returns its session when that is over and nobody's any more. */
static mt_session *leave(const run_draft *draft) {
    mt_session *session = draft->session;
    if (!session)
        return NULL;
    session->waiting--;
    return session->has_ended && session->waiting == 0 ? session : NULL;
}

/* A session keeps its ids, so that its next turn begins with them. */
static mt_code session_ids(run_draft *draft, const uint64_t *fresh, mt_error *error) {
    mt_session *session = draft->session;
    size_t total = draft->history + draft->blocks;
    if (mt_reserve((void **)&session->ids, &session->id_capacity, total, sizeof *session->ids) != 0)
        return mt_fail_memory(error, "session");
    if (draft->blocks > 0)
        memcpy(session->ids + draft->history, fresh, draft->blocks * sizeof *fresh);
    draft->request.hash_ids = session->ids;
    draft->request.hash_count = total;
    return MT_OK;
}

static mt_code finish_draft(mt_run *run, run_draft *draft, mt_error *error) {
    mt_request *request = &draft->request;
    const uint64_t *ids = run->batch_ids + run->id_next;
    run->id_next += draft->blocks;
    request->hash_ids = ids;
    request->hash_count = draft->blocks;
    if (draft->extra_end > draft->extra_begin) {
        request->extra.text = run->text.bytes + draft->extra_begin;
        request->extra.length = draft->extra_end - draft->extra_begin;
    }
    if (run->options.tags) {
        request->has |= MT_HAS_STREAM;
        request->stream.text = draft->from->tag;
        request->stream.length = draft->from->tag_length;
    }
    if (!draft->session)
        return MT_OK;
    request->session.text = run->text.bytes + draft->token_begin;
    request->session.length = draft->token_end - draft->token_begin;
    mt_code code = session_ids(draft, ids, error);
    run->finished = leave(draft);
    return code;
}

/* The next draft, finished; NULL with MT_OK at the end. */
static mt_code next_draft(mt_run *run, run_draft **draft, mt_error *error) {
    *draft = NULL;
    mt_session_free(run->finished);
    run->finished = NULL;
    if (run->draft_next == run->draft_count) {
        if (mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        mt_code code = make_batch(run, error);
        if (code != MT_OK || run->draft_count == 0)
            return code;
    }
    *draft = &run->drafts[run->draft_next++];
    return finish_draft(run, *draft, error);
}

int mt_run_next(mt_run *run, mt_request *request, mt_error *error) {
    while (run->failure.code == MT_OK) {
        run_draft *draft;
        if (next_draft(run, &draft, &run->failure) != MT_OK)
            break;
        if (!draft)
            return 0;
        if (draft->shard_ordinal % run->options.shards == run->options.shard) {
            *request = draft->request;
            return 1;
        }
    }
    if (error)
        *error = run->failure;
    return -1;
}

void mt_run_close(mt_run *run) {
    if (!run)
        return;
    for (size_t i = run->draft_next; run->drafts && i < run->draft_count; i++)
        mt_session_free(leave(&run->drafts[i]));
    mt_session_free(run->finished);
    for (size_t i = 0; i < run->lane_count; i++)
        mt_lane_close(&run->lanes[i]);
    mt_free(run->lanes);
    mt_free(run->heap);
    mt_ids_free(run->ids);
    mt_free(run->drafts);
    mt_free(run->keys.keys);
    mt_free(run->batch_ids);
    mt_free(run->text.bytes);
    mt_plan_release(run->plan);
    mt_free(run);
}
