#include "load/run.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "hash/ids.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCH_REQUESTS = 512,   /* made before ids are looked up, so that look-ups can be prefetched */
    BATCH_BLOCKS = 1 << 16, /* a batch with more blocks than this is full */
    BLOCKS_LIMIT = 1 << 27, /* of one request: its line would pass the reader's limit of 1 GiB */
    TOKEN_ROOM = 64         /* of a session_id beside the stream's name */
};

/* A stream while it runs, with its next event in hand. */
typedef struct run_lane {
    const mt_stream *stream;
    size_t rank; /* by name */
    mt_process_state *process;
    mt_lengths_state *lengths, *first;
    mt_prompt_state **prompts; /* one a class, then the stream's own, for first turns */
    size_t classes;
    mt_random length_draws, prompt_draws, field_draws;
    char *tag; /* the name as a JSON string */
    size_t tag_length;
    mt_event event;
} run_lane;

/* A request of the batch before its ids are known. */
typedef struct run_draft {
    const run_lane *from;
    mt_session *session;
    uint64_t shard_ordinal;
    uint64_t history; /* leading blocks carried from the session's turn before */
    size_t blocks;    /* after those */
    size_t extra_begin, extra_end, token_begin, token_end;
    int last;
    mt_request request;
} run_draft;

struct mt_run {
    mt_plan *plan;
    mt_run_options options;
    run_lane *lanes;
    size_t lane_count;
    run_lane **heap; /* those that still have an event, soonest first */
    size_t heap_count;
    mt_ids *ids;
    run_draft *drafts;
    size_t draft_count, draft_next;
    mt_key_list keys;
    uint64_t *batch_ids;
    size_t batch_capacity, id_next;
    mt_text text;
    uint64_t made, ordinals;
    mt_session *finished; /* freed at the next call: its ids are still in the caller's hands */
};

mt_run_options mt_run_defaults(void) {
    return (mt_run_options){.duration = 60, .most = UINT64_MAX, .factor = 1, .shards = 1};
}

/* ---- merging ---- */

static int sooner(const run_lane *a, const run_lane *b) {
    if (a->event.time != b->event.time)
        return a->event.time < b->event.time;
    return a->rank < b->rank;
}

static void sift_down(mt_run *run, size_t at) {
    run_lane **heap = run->heap;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= run->heap_count)
            return;
        if (child + 1 < run->heap_count && sooner(heap[child + 1], heap[child]))
            child++;
        if (!sooner(heap[child], heap[at]))
            return;
        run_lane *moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* Replaces the event of the soonest lane by its next one. */
static mt_code advance_soonest(mt_run *run, mt_error *error) {
    run_lane *soonest = run->heap[0];
    int got = mt_process_next(soonest->process, &soonest->event, error);
    if (got < 0)
        return mt_code_of(error);
    if (got == 0)
        run->heap[0] = run->heap[--run->heap_count];
    if (run->heap_count > 0)
        sift_down(run, 0);
    return MT_OK;
}

/* ---- opening ---- */

static mt_code quote_name(run_lane *lane, mt_error *error) {
    const char *name = lane->stream->name;
    mt_text text = {0};
    int failed = mt_text_add(&text, "\"", 1);
    for (const char *c = name; *c; c++) {
        char escape[8];
        int length = 1;
        if (*c == '"' || *c == '\\')
            length = snprintf(escape, sizeof escape, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            length = snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*c);
        else
            escape[0] = *c;
        failed |= mt_text_add(&text, escape, (size_t)length);
    }
    failed |= mt_text_add(&text, "\"", 1);
    lane->tag = text.bytes;
    lane->tag_length = text.length;
    return failed ? mt_fail_memory(error, "stream name") : MT_OK;
}

static mt_random stream_random(const mt_run *run, const run_lane *lane, const char *purpose) {
    mt_process_context context = {.seed = run->options.seed, .name = lane->stream->name};
    return mt_process_random(&context, purpose);
}

/* Class `classes` is the stream itself. */
static mt_prompt *prompt_of_class(const run_lane *lane, size_t class_index) {
    const mt_stream *stream = lane->stream;
    if (class_index < lane->classes && stream->class_prompts && stream->class_prompts[class_index])
        return stream->class_prompts[class_index];
    return stream->prompt;
}

/* A state a source: classes that use the same one share it. */
static mt_code open_prompts(const mt_run *run, run_lane *lane, mt_error *error) {
    const mt_stream *stream = lane->stream;
    lane->classes = mt_lengths_class_count(stream->lengths);
    lane->prompts = mt_allocate_zero(lane->classes + 1, sizeof(mt_prompt_state *));
    if (!lane->prompts)
        return mt_fail_memory(error, "stream");
    for (size_t i = 0; i <= lane->classes; i++) {
        mt_prompt *prompt = prompt_of_class(lane, i);
        size_t first = 0;
        while (prompt_of_class(lane, first) != prompt)
            first++;
        if (first < i)
            lane->prompts[i] = lane->prompts[first];
        else
            lane->prompts[i] =
                mt_prompt_open(prompt, stream->name, prompt == stream->prompt ? 0 : i + 1,
                               run->options.seed, mt_plan_block_size(run->plan), error);
        if (!lane->prompts[i])
            return mt_code_of(error);
    }
    return MT_OK;
}

static mt_code open_lane(const mt_run *run, run_lane *lane, mt_error *error) {
    const mt_run_options *options = &run->options;
    mt_process_context context = {.seed = options->seed,
                                  .name = lane->stream->name,
                                  .factor = options->factor * lane->stream->factor,
                                  .end = fmin(options->duration, lane->stream->end)};
    lane->process = mt_process_open(lane->stream->process, &context, error);
    if (!lane->process)
        return mt_code_of(error);
    /* Sessions run on after the end, and their lengths with them. */
    lane->lengths = mt_lengths_open(lane->stream->lengths, options->seed, INFINITY, error);
    if (lane->stream->first)
        lane->first = mt_lengths_open(lane->stream->first, options->seed, INFINITY, error);
    if (!lane->lengths || (lane->stream->first && !lane->first))
        return mt_code_of(error);
    lane->length_draws = stream_random(run, lane, "lengths");
    lane->prompt_draws = stream_random(run, lane, "prompt");
    lane->field_draws = stream_random(run, lane, "fields");
    mt_code code = open_prompts(run, lane, error);
    return code == MT_OK ? quote_name(lane, error) : code;
}

/* Keys that will have to be remembered, as far as averages tell. */
static uint64_t expected_keys(const mt_run *run) {
    double keys = 0;
    for (size_t i = 0; i < run->lane_count; i++) {
        mt_expectation expectation;
        const mt_stream *stream = mt_plan_stream(run->plan, i);
        if (!(mt_prompt_remembered(stream->prompt, 1e9, 1) > 0))
            continue;
        if (mt_plan_expect(run->plan, i, run->options.seed, run->options.duration,
                           run->options.factor, &expectation, NULL) != MT_OK)
            continue;
        double requests = fmin(expectation.requests, (double)run->options.most);
        keys += requests * mt_prompt_remembered(stream->prompt, expectation.input_mean,
                                                mt_plan_block_size(run->plan));
    }
    return keys < 1e18 ? (uint64_t)keys : (uint64_t)1e18;
}

static void rank_lanes(mt_run *run) {
    for (size_t i = 0; i < run->lane_count; i++) {
        run->lanes[i].rank = 0;
        for (size_t j = 0; j < run->lane_count; j++)
            run->lanes[i].rank +=
                strcmp(run->lanes[j].stream->name, run->lanes[i].stream->name) < 0;
    }
}

static mt_code open_lanes(mt_run *run, mt_error *error) {
    size_t count = mt_plan_stream_count(run->plan);
    run->lanes = mt_allocate_zero(count, sizeof *run->lanes);
    run->heap = mt_allocate_zero(count, sizeof *run->heap);
    if (!run->lanes || !run->heap)
        return mt_fail_memory(error, "streams");
    run->lane_count = count;
    for (size_t i = 0; i < count; i++)
        run->lanes[i].stream = mt_plan_stream(run->plan, i);
    rank_lanes(run);
    for (size_t i = 0; i < count; i++) {
        run_lane *lane = &run->lanes[i];
        mt_code code = open_lane(run, lane, error);
        if (code != MT_OK)
            return code;
        int got = mt_process_next(lane->process, &lane->event, error);
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
        run->ids = mt_ids_new(expected_keys(run), error);
        if (!run->drafts || !run->ids)
            code = mt_fail_memory(error, "run");
    }
    if (code != MT_OK) {
        mt_run_close(run);
        return NULL;
    }
    return run;
}

/* ---- making a batch ---- */

static mt_code add_fresh(mt_run *run, uint64_t fresh, mt_error *error) {
    mt_key_list *keys = &run->keys;
    if (fresh > BLOCKS_LIMIT || mt_reserve((void **)&keys->keys, &keys->capacity,
                                           keys->count + fresh, sizeof *keys->keys) != 0)
        return mt_fail(error, MT_ERROR_MEMORY, "a prompt of %llu blocks is too long",
                       (unsigned long long)fresh);
    memset(keys->keys + keys->count, 0, fresh * sizeof *keys->keys);
    keys->count += fresh;
    return MT_OK;
}

/* Fields are drawn before the prompt: a different model shares nothing. */
static mt_code make_extra(mt_run *run, run_lane *lane, run_draft *draft, size_t class_index,
                          mt_prompt_wish *wish, mt_error *error) {
    const mt_fields *lists[2] = {lane->stream->fields, NULL};
    if (lane->stream->class_fields && class_index < lane->classes)
        lists[1] = lane->stream->class_fields[class_index];
    size_t model_offset = 0, model_length = 0;
    draft->extra_begin = run->text.length;
    mt_random_seek(&lane->field_draws, draft->session ? draft->session->ordinal : lane->event.item);
    for (size_t i = 0; i < 2; i++) {
        if (!lists[i])
            continue;
        int joined = run->text.length > draft->extra_begin;
        mt_code code =
            mt_fields_draw(lists[i], &lane->field_draws, wish->time, run->options.compact, joined,
                           &run->text, &model_offset, &model_length, error);
        if (code != MT_OK)
            return code;
    }
    draft->extra_end = run->text.length;
    if (model_length > 0)
        wish->model = run->text.bytes + model_offset;
    wish->model_length = model_length;
    return MT_OK;
}

static mt_code make_session_token(mt_run *run, const run_lane *lane, run_draft *draft,
                                  mt_error *error) {
    char token[TOKEN_ROOM];
    int length =
        snprintf(token, sizeof token, "-%llu\"", (unsigned long long)draft->session->ordinal);
    draft->token_begin = run->text.length;
    if (mt_text_add(&run->text, lane->tag, lane->tag_length - 1) != 0 ||
        mt_text_add(&run->text, token, (size_t)length) != 0)
        return mt_fail_memory(error, "session id");
    draft->token_end = run->text.length;
    return MT_OK;
}

/* The prompt of a turn after the first: what was said so far, and what is new. */
static mt_code make_later_turn(mt_run *run, run_draft *draft, const mt_length_draw *lengths,
                               mt_error *error) {
    uint64_t block = mt_plan_block_size(run->plan);
    mt_session *session = draft->session;
    draft->history = session->prompt_tokens / block;
    draft->request.input_length = session->history_tokens + lengths->input;
    uint64_t blocks = (draft->request.input_length + block - 1) / block;
    return add_fresh(run, blocks - draft->history, error);
}

static mt_code make_prompt(mt_run *run, run_lane *lane, run_draft *draft,
                           const mt_prompt_wish *wish, size_t class_index, mt_error *error) {
    mt_prompt_made made;
    mt_random_seek(&lane->prompt_draws, lane->event.item);
    mt_code code = mt_prompt_make(lane->prompts[class_index], &lane->prompt_draws, wish, &run->keys,
                                  &made, error);
    if (code != MT_OK)
        return code;
    draft->request.input_length = made.input_length;
    if (made.decides_output && !(draft->request.has & MT_HAS_OUTPUT_LENGTH)) {
        draft->request.has |= MT_HAS_OUTPUT_LENGTH;
        draft->request.output_length = made.output_length;
    }
    return add_fresh(run, made.fresh, error);
}

static int64_t nanoseconds(double seconds, int whole_milliseconds) {
    if (whole_milliseconds)
        return (int64_t)floor(1000 * seconds) * 1000000;
    return llround(seconds * 1e9);
}

/* After the lengths are known: the session moves on, or ends. */
static mt_code settle(mt_run *run, run_lane *lane, run_draft *draft, int rejected,
                      mt_error *error) {
    const mt_request *request = &draft->request;
    mt_session *session = draft->session;
    if (session && lane->event.turn == 0)
        session->shard_ordinal = run->ordinals++;
    draft->shard_ordinal = session ? session->shard_ordinal : run->ordinals++;
    if (session && !rejected) {
        session->prompt_tokens = request->input_length;
        session->history_tokens = request->input_length + request->output_length;
    }
    return mt_process_settle(lane->process, &lane->event, request->input_length,
                             request->output_length, rejected, &draft->last, error);
}

/* Makes a request of the soonest lane's event; *made is 0 when its session ended instead. */
static mt_code make_draft(mt_run *run, run_lane *lane, run_draft *draft, int *made,
                          mt_error *error) {
    const mt_event *event = &lane->event;
    mt_length_draw lengths;
    memset(draft, 0, sizeof *draft);
    draft->from = lane;
    draft->session = event->session;
    mt_random_seek(&lane->length_draws, event->item);
    int is_first = lane->first && event->turn == 0;
    mt_code code = mt_lengths_draw(is_first ? lane->first : lane->lengths, &lane->length_draws,
                                   event->time, &lengths, error);
    if (code != MT_OK)
        return code;
    mt_request *request = &draft->request;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS;
    request->time_ns = nanoseconds(event->time, run->options.whole_milliseconds);
    request->turn = event->turn;
    if (lengths.has_output) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = lengths.output;
    }
    if (isfinite(event->delay)) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = nanoseconds(event->delay, run->options.whole_milliseconds);
    }
    mt_prompt_wish wish = {
        .tokens = lengths.input, .tokens_are_new = lengths.input_is_new, .time = event->time};
    size_t class_index = is_first ? lane->classes : lengths.class_index;
    size_t keys_before = run->keys.count;
    code = make_extra(run, lane, draft, class_index, &wish, error);
    if (code == MT_OK && draft->session)
        code = make_session_token(run, lane, draft, error);
    if (code == MT_OK && draft->session && event->turn > 0)
        code = make_later_turn(run, draft, &lengths, error);
    else if (code == MT_OK)
        code = make_prompt(run, lane, draft, &wish, class_index, error);
    if (code != MT_OK)
        return code;
    int rejected =
        event->turn > 0 && event->max_input > 0 && request->input_length > event->max_input;
    if (rejected)
        run->keys.count = keys_before;
    draft->blocks = run->keys.count - keys_before;
    *made = !rejected;
    code = settle(run, lane, draft, rejected, error);
    if (rejected && draft->session)
        mt_session_free(draft->session);
    return code;
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
        if (code == MT_OK)
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

/* A session keeps its ids, so that its next turn begins with them. */
static mt_code session_ids(mt_run *run, run_draft *draft, const uint64_t *fresh, mt_error *error) {
    mt_session *session = draft->session;
    size_t total = draft->history + draft->blocks;
    if (mt_reserve((void **)&session->ids, &session->id_capacity, total, sizeof *session->ids) != 0)
        return mt_fail_memory(error, "session");
    if (draft->blocks > 0)
        memcpy(session->ids + draft->history, fresh, draft->blocks * sizeof *fresh);
    session->id_count = total;
    draft->request.hash_ids = session->ids;
    draft->request.hash_count = total;
    if (draft->last)
        run->finished = session;
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
    request->has |= MT_HAS_SESSION | MT_HAS_TURN;
    request->session.text = run->text.bytes + draft->token_begin;
    request->session.length = draft->token_end - draft->token_begin;
    return session_ids(run, draft, ids, error);
}

int mt_run_next(mt_run *run, mt_request *request, mt_error *error) {
    for (;;) {
        mt_session_free(run->finished);
        run->finished = NULL;
        if (run->draft_next == run->draft_count) {
            if (mt_interrupted()) {
                mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
                return -1;
            }
            if (make_batch(run, error) != MT_OK)
                return -1;
            if (run->draft_count == 0)
                return 0;
        }
        run_draft *draft = &run->drafts[run->draft_next++];
        if (finish_draft(run, draft, error) != MT_OK)
            return -1;
        if (draft->shard_ordinal % run->options.shards == run->options.shard) {
            *request = draft->request;
            return 1;
        }
    }
}

static void close_lane(run_lane *lane) {
    for (size_t i = 0; lane->prompts && i <= lane->classes; i++) {
        int is_first = 1;
        for (size_t j = 0; j < i; j++)
            is_first &= lane->prompts[j] != lane->prompts[i];
        if (is_first)
            mt_prompt_close(lane->prompts[i]);
    }
    mt_free(lane->prompts);
    mt_lengths_close(lane->lengths);
    mt_lengths_close(lane->first);
    mt_process_close(lane->process);
    mt_free(lane->tag);
}

void mt_run_close(mt_run *run) {
    if (!run)
        return;
    /* Sessions that ended in the batch at hand belong to nobody else any more. */
    for (size_t i = run->draft_next; i < run->draft_count; i++)
        if (run->drafts[i].last)
            mt_session_free(run->drafts[i].session);
    mt_session_free(run->finished);
    for (size_t i = 0; i < run->lane_count; i++)
        close_lane(&run->lanes[i]);
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
