#include "load/run/draft.h"

#include "base/memory.h"
#include "trace/blocks.h"
#include "trace/writer.h"

#include <math.h>
#include <string.h>

enum {
    TOKEN_ROOM = 40 /* of a session_id beside its stream's name, and what a number overwrites */
};

static mt_code add_fresh(mt_drafts *drafts, uint64_t fresh, mt_error *error) {
    mt_key_list *keys = &drafts->keys;
    if (MT_GROW(keys->keys, keys->capacity, keys->count + fresh) != 0)
        return mt_fail_memory(error, "prompt blocks");
    memset(keys->keys + keys->count, 0, fresh * sizeof *keys->keys);
    keys->count += fresh;
    return MT_OK;
}

/* The session_id: "STREAM-ORDINAL". */
static mt_code make_session_token(mt_drafts *drafts, mt_draft *draft, mt_error *error) {
    const mt_lane *lane = draft->lane;
    char token[TOKEN_ROOM];
    char *end = token;
    *end++ = '-';
    end = mt_write_u64(draft->event.session->ordinal, end);
    *end++ = '"';
    draft->token_begin = drafts->text.length;
    if (mt_text_add(&drafts->text, lane->tag, lane->tag_length - 1) != 0 ||
        mt_text_add(&drafts->text, token, (size_t)(end - token)) != 0)
        return mt_fail_memory(error, "session id");
    draft->token_end = drafts->text.length;
    return MT_OK;
}

/* The prompt of a turn after the first: what was said so far, and what is new. The answer's blocks
 * are new ones. */
static mt_code make_later_turn(mt_drafts *drafts, mt_draft *draft, uint64_t new_tokens,
                               mt_error *error) {
    const mt_run_session *session = mt_run_session_of(&draft->event);
    draft->history = session->prompt_tokens / drafts->block_size;
    draft->request.input_length = session->history_tokens + new_tokens;
    uint64_t blocks = mt_blocks_of(draft->request.input_length, drafts->block_size);
    mt_code code = mt_prompt_check_blocks(blocks, error);
    return code == MT_OK ? add_fresh(drafts, blocks - draft->history, error) : code;
}

static mt_code make_prompt(mt_drafts *drafts, mt_draft *draft, const mt_prompt_wish *wish,
                           size_t class_index, mt_error *error) {
    mt_request *request = &draft->request;
    mt_prompt_made made;
    mt_code code = mt_lane_prompt(draft->lane, class_index, wish, &drafts->keys, &made, error);
    if (code != MT_OK)
        return code;
    draft->lane->is_over = made.at_end;
    request->input_length = made.input_length;
    if (made.decides_output && !(request->has & MT_HAS_OUTPUT_LENGTH)) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = made.output_length;
    }
    return add_fresh(drafts, made.fresh, error);
}

static const double most_seconds = 9223372036; /* in nanoseconds just within 63 bits */

static int64_t nanoseconds(double seconds, int whole_milliseconds) {
    enum { NANOSECONDS_OF_MILLISECOND = 1000000 };
    if (whole_milliseconds)
        return (int64_t)floor(1000 * seconds) * NANOSECONDS_OF_MILLISECOND;
    return llround(seconds * 1e9);
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
    mt_code code = mt_lane_draw(draft->lane, &lengths, &class_index, error);
    if (code != MT_OK)
        return code;
    if (!(event->time < most_seconds))
        return mt_fail(error, MT_ERROR_VALUE,
                       "a request at t = %.9g s: a trace lasts at most %.0f s (292 years)",
                       event->time, most_seconds);
    begin_request(drafts, event, &lengths, &draft->request);
    if (event->session)
        code = make_session_token(drafts, draft, error);
    if (code != MT_OK)
        return code;
    mt_prompt_wish wish = {.item = event->item,
                           .tokens = lengths.input,
                           .tokens_are_new = lengths.input_is_new,
                           .time = event->time * draft->lane->stream->pace};
    draft->extra_begin = drafts->text.length;
    code = mt_lane_fields(draft->lane, class_index, drafts->compact, &drafts->text, &wish, error);
    draft->extra_end = drafts->text.length;
    if (code != MT_OK)
        return code;
    return event->session && event->turn > 0
               ? make_later_turn(drafts, draft, lengths.input, error)
               : make_prompt(drafts, draft, &wish, class_index, error);
}

mt_code mt_draft_make(mt_drafts *drafts, mt_lane *lane, mt_draft *draft, mt_error *error) {
    const mt_event *event = &lane->event;
    mt_run_session *session = mt_run_session_of(event);
    size_t keys_before = drafts->keys.count, text_before = drafts->text.length;
    memset(draft, 0, sizeof *draft);
    draft->lane = lane;
    draft->event = *event;
    if (session && event->turn == 0) {
        session->begin = event->time;
        session->ordinal = drafts->ordinals++;
    }
    draft->ordinal = session ? session->ordinal : drafts->ordinals++;
    mt_code code = make_content(drafts, draft, error);
    if (code != MT_OK)
        return code;
    draft->is_rejected =
        event->turn > 0 && event->max_input > 0 && draft->request.input_length > event->max_input;
    if (lane->is_over)
        drafts->ordinals--;
    if (lane->is_over || draft->is_rejected)
        drafts->text.length = text_before;
    if (draft->is_rejected)
        drafts->keys.count = keys_before;
    else if (session && !lane->is_over)
        session->waiting++;
    draft->blocks = drafts->keys.count - keys_before;
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
    if (!answer->is_rejected) {
        session->prompt_tokens = answer->input_length;
        session->history_tokens = answer->input_length + answer->output_length;
    }
    if (last && session->waiting == 0)
        mt_run_session_free(session);
    return code;
}
