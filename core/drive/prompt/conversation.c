#include "drive/prompt/conversation.h"

#include "base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t digest_of(const mt_request *request, uint64_t blocks) {
    return XXH3_64bits(request->hash_ids, blocks * sizeof *request->hash_ids);
}

/* Blocks that lie wholly in the prompt and have an id. */
static uint64_t whole_blocks(const mt_request *request, uint64_t block_size) {
    uint64_t whole = request->input_length / block_size;
    return whole < request->hash_count ? whole : request->hash_count;
}

static void forget(mt_conversation *conversation) {
    while (conversation->count > 0)
        mt_free(conversation->ends[--conversation->count].text);
}

int mt_conversation_continue(mt_conversation *conversation, const mt_request *request,
                             uint64_t block_size) {
    if (conversation->count == 0)
        return 0;
    const mt_turn_end *last = &conversation->ends[conversation->count - 1];
    if (request->input_length > last->answer &&
        whole_blocks(request, block_size) >= conversation->blocks &&
        digest_of(request, conversation->blocks) == conversation->digest)
        return 1;
    forget(conversation);
    return 0;
}

mt_code mt_conversation_add(mt_conversation *conversation, const mt_request *request,
                            uint64_t block_size, uint64_t key, mt_error *error) {
    if (mt_reserve((void **)&conversation->ends, &conversation->capacity, conversation->count + 1,
                   sizeof *conversation->ends) != 0)
        return mt_fail_memory(error, "turns of a session");
    uint64_t answer = request->has & MT_HAS_OUTPUT_LENGTH ? request->output_length : 0;
    conversation->ends[conversation->count++] =
        (mt_turn_end){request->input_length, request->input_length + answer, key, NULL, 0};
    conversation->blocks = whole_blocks(request, block_size);
    conversation->digest = digest_of(request, conversation->blocks);
    return MT_OK;
}

/* The last turn, if its prompt has so many tokens. */
static mt_turn_end *last_turn(const mt_conversation *conversation, uint64_t prompt) {
    mt_turn_end *ends = conversation->ends;
    size_t count = conversation->count;
    return count > 0 && ends[count - 1].prompt == prompt ? &ends[count - 1] : NULL;
}

void mt_conversation_answered(mt_conversation *conversation, uint64_t prompt, uint64_t tokens) {
    mt_turn_end *last = last_turn(conversation, prompt);
    if (last)
        last->answer = prompt + tokens;
}

void mt_conversation_heard(mt_conversation *conversation, uint64_t prompt, char *text,
                           size_t length) {
    mt_turn_end *last = last_turn(conversation, prompt);
    if (!last || last->text) {
        mt_free(text);
        return;
    }
    last->text = text;
    last->text_length = length;
}

void mt_conversation_free(mt_conversation *conversation) {
    forget(conversation);
    mt_free(conversation->ends);
    *conversation = (mt_conversation){0};
}
