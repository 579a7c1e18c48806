#include "load/run/draft.h"

#include "base/memory.h"
#include "load/process/branch.h"
#include "load/run/names.h"
#include "trace/blocks.h"

#include <math.h>
#include <string.h>

/* They need no keys behind a chain, or where no block has one: they get the next ids together. */
static mt_code add_fresh(mt_drafts *drafts, mt_draft *draft, uint64_t fresh, mt_error *error) {
    mt_key_list *keys = &drafts->keys;
    if (draft->is_chain || keys->count == draft->key_begin) {
        draft->fresh = fresh;
        return MT_OK;
    }
    if (MT_GROW(keys->keys, keys->capacity, keys->count + fresh) != 0)
        return mt_fail_memory(error, "prompt blocks");
    memset(keys->keys + keys->count, 0, fresh * sizeof *keys->keys);
    keys->count += fresh;
    return MT_OK;
}

/* The blocks of a prompt after the draft's history. It carries `said` tokens: where several prompts
 * carry the same answer, that of the turn with the item *answered, its whole blocks can come back;
 * else (NULL) the answer's blocks are new ones. */
static mt_code add_carried(mt_drafts *drafts, mt_draft *draft, uint64_t said,
                           const uint64_t *answered, mt_error *error) {
    uint64_t blocks = mt_blocks_of(draft->request.input_length, drafts->block_size);
    mt_code code = mt_prompt_check_blocks(blocks, error);
    if (code != MT_OK)
        return code;
    uint64_t at = draft->history, whole = answered ? said / drafts->block_size : 0;
    mt_key turn = mt_key_number(draft->lane->answers, answered ? *answered : 0);
    for (; at < whole; at++)
        if (mt_key_list_add(&drafts->keys, mt_key_number(turn, at)) != 0)
            return mt_fail_memory(error, "prompt blocks");
    return add_fresh(drafts, draft, blocks - at, error);
}

/* Do the children that start from a turn of the session carry what was said in it? */
static int is_inherited(const mt_lane *lane, const mt_process_session *session) {
    size_t levels;
    const mt_branch_shape *branches = mt_process_branches(lane->stream->process, &levels);
    return session->family && session->family->level < levels &&
           branches[session->family->level].inherits;
}

/* The prompt of a turn after the first: what was said so far, and what is new. */
static mt_code make_later_turn(mt_drafts *drafts, mt_draft *draft, uint64_t new_tokens,
                               mt_error *error) {
    const mt_event *event = &draft->event;
    mt_context *context = &mt_run_session_of(event)->context;
    mt_random summaries;
    mt_lane_draws(draft->lane, MT_LANE_SUMMARIES, event->item, &summaries);
    const mt_session_family *family = event->session->family;
    uint64_t answered = event->item - 1;
    int is_reset;
    mt_code code = mt_context_fit(context, event->rules, new_tokens, &summaries, event->time,
                                  &is_reset, error);
    mt_lane_failure(draft->lane, code, error);
    if (code == MT_OK && is_reset)
        code = mt_name_member(&drafts->text, draft->extra_begin, drafts->compact, "prefix_reset",
                              "true", error);
    if (code == MT_OK)
        code = mt_context_add(context, event->rules, new_tokens, error);
    if (code != MT_OK)
        return code;
    draft->history = context->common / drafts->block_size;
    draft->request.input_length = context->said + new_tokens;
    int is_shared =
        !is_reset && family && family->started > 0 && is_inherited(draft->lane, event->session);
    return add_carried(drafts, draft, context->said, is_shared ? &answered : NULL, error);
}

/* The first prompt of a sub-agent that begins as its parent's do: with all that was said, or with
 * the shared beginning. */
static mt_code make_child(mt_drafts *drafts, mt_draft *draft, uint64_t new_tokens,
                          mt_error *error) {
    const mt_session_family *family = draft->event.session->family;
    mt_run_session *parent = (mt_run_session *)family->parent;
    int inherits = is_inherited(draft->lane, &parent->base);
    uint64_t said = inherits ? parent->context.said : parent->context.shared;
    uint64_t common = said < parent->context.common ? said : parent->context.common;
    uint64_t answered = parent->base.address | family->parent_turn;
    draft->parent = parent;
    draft->history = common / drafts->block_size;
    draft->request.input_length = said + new_tokens;
    mt_run_session_of(&draft->event)->context.shared = parent->context.shared;
    return add_carried(drafts, draft, said, inherits ? &answered : NULL, error);
}

static mt_code make_prompt(mt_drafts *drafts, mt_draft *draft, const mt_prompt_wish *wish,
                           size_t class_index, mt_error *error) {
    mt_request *request = &draft->request;
    mt_prompt_made made;
    mt_code code = mt_lane_prompt(draft->lane, class_index, wish, &drafts->keys, &made, error);
    if (code != MT_OK)
        return code;
    draft->lane->is_over = made.at_end;
    draft->is_chain = made.is_chain;
    if (draft->event.session && wish->tokens_are_new)
        mt_run_session_of(&draft->event)->context.shared = made.input_length - wish->tokens;
    request->input_length = made.input_length;
    if (made.decides_output && !(request->has & MT_HAS_OUTPUT_LENGTH)) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = made.output_length;
    }
    return add_fresh(drafts, draft, made.fresh, error);
}

static const double most_seconds = 9223372036; /* in nanoseconds just within 63 bits */

/* Of seconds that are not negative; the nearest, halves up. */
static int64_t nanoseconds(double seconds, int whole_milliseconds) {
    enum { NANOSECONDS_OF_MILLISECOND = 1000000 };
    if (whole_milliseconds)
        return (int64_t)(1000 * seconds) * NANOSECONDS_OF_MILLISECOND;
    double exact = seconds * 1e9;
    int64_t whole = (int64_t)exact;
    return whole + (exact - (double)whole >= 0.5);
}

/* What is known before the prompt. */
static void begin_request(const mt_drafts *drafts, const mt_event *event,
                          const mt_length_draw *lengths, mt_request *request) {
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS;
    request->time_ns = nanoseconds(event->time, drafts->whole_milliseconds);
    request->turn = event->turn;
    if (event->session)
        request->has |= MT_HAS_SESSION | MT_HAS_TURN;
    if (lengths->has_output) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = lengths->output;
    }
    if (isfinite(event->delay)) {
        request->has |= MT_HAS_DELAY;
        request->delay_ns = nanoseconds(event->delay, drafts->whole_milliseconds);
    }
}

static mt_code make_content(mt_drafts *drafts, mt_draft *draft, mt_error *error) {
    const mt_event *event = &draft->event;
    mt_length_draw lengths;
    size_t class_index;
    uint64_t history = event->session ? mt_run_session_of(event)->context.said : 0;
    mt_code code = mt_lane_draw(draft->lane, history, &lengths, &class_index, error);
    if (code != MT_OK)
        return code;
    if (event->session && !(event->session->family && event->session->family->level > 0))
        mt_run_session_of(event)->class_index = class_index;
    if (!(event->time < most_seconds))
        return mt_fail(error, MT_ERROR_VALUE,
                       "a request at t = %.9g s: a trace lasts at most %.0f s (292 years)",
                       event->time, most_seconds);
    begin_request(drafts, event, &lengths, &draft->request);
    draft->token_begin = drafts->text.length;
    if (event->session)
        code = mt_name_session(&drafts->text, draft->lane, event->session, error);
    draft->token_end = drafts->text.length;
    if (code != MT_OK)
        return code;
    mt_prompt_wish wish = {.item = event->item,
                           .tokens = lengths.input,
                           .tokens_are_new = lengths.input_is_new,
                           .time = event->time * draft->lane->stream->pace};
    draft->extra_begin = drafts->text.length;
    if (draft->lane->has_fields)
        code =
            mt_lane_fields(draft->lane, class_index, drafts->compact, &drafts->text, &wish, error);
    if (code != MT_OK)
        return code;
    if (event->session && event->turn > 0)
        code = make_later_turn(drafts, draft, lengths.input, error);
    else if (event->session && event->session->family && mt_lane_follows_parent(draft->lane))
        code = make_child(drafts, draft, lengths.input, error);
    else
        code = make_prompt(drafts, draft, &wish, class_index, error);
    if (code == MT_OK && event->session)
        code = mt_name_request(&drafts->text, draft->extra_begin, drafts->compact, draft->lane,
                               event, error);
    draft->extra_end = drafts->text.length;
    return code;
}

/* A sub-agent belongs to the session that it comes from. */
static void begin_session(mt_drafts *drafts, mt_run_session *session, double time) {
    const mt_session_family *family = session->base.family;
    const mt_run_session *parent =
        family && family->level > 0 ? (const mt_run_session *)family->parent : NULL;
    session->begin = parent ? parent->begin : time;
    session->ordinal = parent ? parent->ordinal : drafts->ordinals++;
    if (parent)
        session->class_index = parent->class_index;
}

mt_code mt_draft_make(mt_drafts *drafts, mt_lane *lane, mt_draft *draft, mt_error *error) {
    size_t text_before = drafts->text.length;
    *draft = (mt_draft){.lane = lane, .key_begin = drafts->keys.count};
    mt_code code = mt_lane_take(lane, &draft->event, error);
    if (code != MT_OK)
        return code;
    const mt_event *event = &draft->event;
    mt_run_session *session = mt_run_session_of(event);
    if (session && event->turn == 0)
        begin_session(drafts, session, event->time);
    draft->ordinal = session ? session->ordinal : drafts->ordinals++;
    code = make_content(drafts, draft, error);
    if (code != MT_OK)
        return code;
    draft->is_rejected = event->turn > 0 && event->rules && event->rules->max_input > 0 &&
                         draft->request.input_length > event->rules->max_input;
    if (lane->is_over)
        drafts->ordinals--;
    if (lane->is_over || draft->is_rejected)
        drafts->text.length = text_before;
    if (draft->is_rejected) {
        drafts->keys.count = draft->key_begin;
        draft->fresh = 0;
    } else if (session && !lane->is_over) {
        session->waiting++;
    }
    if (draft->parent)
        draft->parent->waiting++;
    draft->keys = drafts->keys.count - draft->key_begin;
    drafts->fresh += draft->fresh;
    return MT_OK;
}

mt_answer mt_draft_planned_answer(const mt_draft *draft) {
    return (mt_answer){.end = NAN,
                       .input_length = draft->request.input_length,
                       .output_length = draft->request.output_length,
                       .is_rejected = draft->is_rejected};
}

mt_code mt_draft_settle(const mt_draft *draft, const mt_answer *answer, mt_error *error) {
    mt_run_session *session = mt_run_session_of(&draft->event);
    int last = 0;
    mt_code code = mt_process_settle(draft->lane->process, &draft->event, answer, &last, error);
    mt_lane_failure(draft->lane, code, error);
    if (!session)
        return code;
    session->has_ended = last;
    if (!answer->is_rejected)
        mt_context_answered(&session->context, answer->input_length, answer->output_length);
    if (last && session->waiting == 0)
        mt_run_session_free(session);
    return code;
}
