/* Session rows from whole prompts to what each turn adds, and back. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "trace/step/apart.h"
#include "trace/source/batch.h"
#include "trace/blocks.h"
#include "trace/step/prefix_ids.h"
#include "trace/source/kind.h"

typedef struct sessions_step {
    mt_source base;
    mt_rows from, to;
    int has_turns; /* a session with two, as far as the guess has read */
    uint64_t block_size;
    mt_ahead ahead;
    mt_turns turns;
    mt_prefix_ids numbering; /* to cumulative */
    mt_apart apart;
} sessions_step;

static int fail(const sessions_step *self, const mt_request *request, mt_error *error,
                const char *what) {
    return mt_source_fail(&self->base, request, error, MT_ERROR_INPUT, "%s", what);
}

/* ---- what they are ---- */

static int guess(sessions_step *self, mt_error *error) {
    mt_rows_evidence evidence = {0};
    mt_turns turns = {0};
    mt_code code = mt_ahead_look(&self->ahead, self->base.below, error);
    for (size_t i = 0; code == MT_OK && i < self->ahead.batch.count; i++) {
        mt_request request;
        mt_batch_get(&self->ahead.batch, i, &request);
        if (!(request.has & MT_HAS_SESSION))
            continue;
        mt_turn *before = mt_turns_of(&turns, request.session, error);
        if (before)
            mt_rows_look(&evidence, before, &request);
        code = before ? mt_turn_keep(before, &request, error) : mt_code_of(error);
    }
    mt_turns_free(&turns);
    if (code != MT_OK)
        return -1;
    self->from = mt_rows_guess(&evidence);
    self->has_turns = evidence.continued + evidence.apart + evidence.longer + evidence.shorter > 0;
    if (self->from != MT_ROWS_UNKNOWN)
        return 0;
    if (!self->has_turns) {
        self->from = self->to; /* nothing to do */
        return 0;
    }
    return fail(self, NULL, error,
                "the session rows do not say whether they count whole prompts or only what each "
                "turn adds: say it (--sessions cumulative or --sessions delta)");
}

/* ---- to what each turn adds ---- */

static int to_delta(sessions_step *self, mt_turn *before, mt_request *request, mt_error *error) {
    mt_request whole = *request;
    uint64_t history;
    if (__builtin_add_overflow(before->input_length, before->output_length, &history))
        history = UINT64_MAX;
    if (before->count > 0 && request->input_length <= history)
        before->restarts++;
    else
        request->input_length -= history;
    uint64_t blocks = mt_blocks_of(request->input_length, self->block_size);
    if (blocks < request->hash_count) {
        request->hash_ids += request->hash_count - (size_t)blocks;
        request->hash_count = (size_t)blocks;
    }
    /* Only its lengths are needed of the turn before. */
    whole.hash_count = 0;
    if (mt_turn_keep(before, &whole, error) != MT_OK)
        return -1;
    if (before->restarts > 0 &&
        mt_apart_session(&self->apart, request, before->restarts + 1, error) != MT_OK)
        return -1;
    return 1;
}

/* ---- to whole prompts ---- */

static int to_cumulative(sessions_step *self, mt_turn *before, mt_request *request,
                         mt_error *error) {
    uint64_t history;
    if (__builtin_add_overflow(before->input_length, before->output_length, &history) ||
        __builtin_add_overflow(request->input_length, history, &request->input_length) ||
        request->input_length > UINT64_MAX / 2)
        return fail(self, request, error, "the session's prompt becomes longer than 2^63 tokens");
    mt_code code;
    if (before->count == 0 || request->hash_count == 0) {
        code = mt_number_prompt(&self->numbering, request, error);
    } else {
        uint64_t known = before->input_length / self->block_size;
        uint64_t count = mt_blocks_of(request->input_length, self->block_size);
        if (count > MT_BLOCKS_LIMIT)
            return fail(self, request, error, "the session's prompt becomes too long");
        if (known > before->hash_count)
            known = before->hash_count;
        code = mt_number_turn(&self->numbering, before->hash_ids, (size_t)known, (size_t)count,
                              request, error);
    }
    if (code == MT_OK)
        code = mt_turn_keep(before, request, error);
    return code == MT_OK ? 1 : -1;
}

/* ---- the step ---- */

static int convert(sessions_step *self, mt_request *request, mt_error *error) {
    if (!(request->has & MT_HAS_SESSION)) {
        if (self->to == MT_ROWS_DELTA)
            return 1;
        return mt_number_prompt(&self->numbering, request, error) == MT_OK ? 1 : -1;
    }
    if (!(request->has & MT_HAS_INPUT_LENGTH))
        return fail(self, request, error,
                    "a session's turn without input_length: its row cannot be converted");
    if (mt_source_check_blocks(&self->base, request, self->block_size, error) != 0)
        return -1;
    mt_turn *before = mt_turns_of(&self->turns, request->session, error);
    if (!before)
        return -1;
    return self->to == MT_ROWS_DELTA ? to_delta(self, before, request, error)
                                     : to_cumulative(self, before, request, error);
}

static int sessions_next(mt_source *source, mt_request *request, mt_error *error) {
    sessions_step *self = (sessions_step *)source;
    if (self->from == MT_ROWS_UNKNOWN && guess(self, error) != 0)
        return -1;
    int status = mt_ahead_next(&self->ahead, source->below, request, error);
    return status > 0 && self->from != self->to ? convert(self, request, error) : status;
}

static void sessions_release(mt_source *source) {
    sessions_step *self = (sessions_step *)source;
    mt_batch_free(&self->ahead.batch);
    mt_turns_free(&self->turns);
    mt_prefix_ids_free(&self->numbering);
    mt_apart_free(&self->apart);
}

static const mt_source_kind sessions_kind = {.next = sessions_next, .release = sessions_release};

mt_source *mt_step_sessions(mt_source *below, mt_rows from, mt_rows to, uint64_t block_size,
                            mt_error *error) {
    if (to == MT_ROWS_UNKNOWN || block_size == 0)
        return mt_source_refuse(below, error,
                                "sessions: rows become cumulative or delta, in blocks of at least "
                                "1 token");
    sessions_step *self =
        (sessions_step *)mt_source_over(below, &sessions_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->from = from;
    self->to = to;
    self->block_size = block_size;
    if (mt_prefix_ids_start(&self->numbering, error) != MT_OK) {
        mt_source_free(&self->base);
        return NULL;
    }
    return &self->base;
}

mt_source *mt_step_sessions_guessed(mt_source *below, mt_rows to, uint64_t block_size,
                                    mt_rows *found, mt_error *error) {
    mt_source *source = mt_step_sessions(below, MT_ROWS_UNKNOWN, to, block_size, error);
    sessions_step *self = (sessions_step *)source;
    if (self && guess(self, error) != 0) {
        mt_source_free(source);
        return NULL;
    }
    *found = self && self->has_turns ? self->from : MT_ROWS_UNKNOWN;
    return source;
}
