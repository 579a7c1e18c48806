#include "trace/turns.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

mt_turn *mt_turns_of(mt_turns *turns, mt_span session, mt_error *error) {
    size_t known = turns->sessions.count;
    uint32_t number;
    if (MT_GROW(turns->turns, turns->capacity, known + 1) ||
        mt_texts_intern(&turns->sessions, session.text, session.length, &number))
        return mt_null(mt_fail_memory(error, "sessions"));
    if (number == known)
        turns->turns[number] = (mt_turn){0};
    return &turns->turns[number];
}

mt_code mt_turn_keep(mt_turn *turn, const mt_request *request, mt_error *error) {
    size_t count = request->hash_count;
    if (count > 0) {
        if (MT_GROW(turn->hash_ids, turn->hash_capacity, count) != 0)
            return mt_fail_memory(error, "sessions");
        memcpy(turn->hash_ids, request->hash_ids, count * sizeof *turn->hash_ids);
    }
    turn->hash_count = count;
    turn->input_length = request->input_length;
    turn->output_length = request->output_length;
    turn->line = request->line;
    turn->count++;
    return MT_OK;
}

void mt_turns_free(mt_turns *turns) {
    for (size_t i = 0; i < turns->sessions.count; i++)
        mt_free(turns->turns[i].hash_ids);
    mt_free(turns->turns);
    mt_texts_free(&turns->sessions);
    *turns = (mt_turns){0};
}

static void count(uint64_t *pairs, uint64_t *first, const mt_request *request) {
    if ((*pairs)++ == 0)
        *first = request->line;
}

void mt_rows_look(mt_rows_evidence *evidence, const mt_turn *before, const mt_request *request) {
    if (before->count == 0)
        return;
    if (before->hash_count >= 2 && request->hash_count > 0) {
        size_t shared = 0;
        while (shared < before->hash_count && shared < request->hash_count &&
               before->hash_ids[shared] == request->hash_ids[shared])
            shared++;
        if (shared + 1 >= before->hash_count)
            count(&evidence->continued, &evidence->first_continued, request);
        else if (shared == 0)
            count(&evidence->apart, &evidence->first_apart, request);
    } else if (request->has & MT_HAS_INPUT_LENGTH && before->input_length > 0) {
        uint64_t whole;
        if (!__builtin_add_overflow(before->input_length, before->output_length, &whole) &&
            request->input_length >= whole)
            count(&evidence->longer, &evidence->first_longer, request);
        else
            count(&evidence->shorter, &evidence->first_shorter, request);
    }
}

mt_rows mt_rows_guess(const mt_rows_evidence *evidence) {
    double by_ids = (double)evidence->continued + (double)evidence->apart;
    if (by_ids > 0) {
        double share = (double)evidence->continued / by_ids;
        return share >= 0.8 ? MT_ROWS_CUMULATIVE : share <= 0.2 ? MT_ROWS_DELTA : MT_ROWS_UNKNOWN;
    }
    double by_length = (double)evidence->longer + (double)evidence->shorter;
    double share = by_length > 0 ? (double)evidence->longer / by_length : NAN;
    if (share >= 0.9)
        return MT_ROWS_CUMULATIVE;
    return share < 2.0 / 3 ? MT_ROWS_DELTA : MT_ROWS_UNKNOWN;
}
