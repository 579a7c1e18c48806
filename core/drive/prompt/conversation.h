/* A session as a server sees it: turns that each begin with all that was said before.
 *
 * A row says how long its whole prompt is (cumulative rows) and which blocks it has. What earlier
 * turns sent must stand in a later prompt as it was sent, also within the block in which a turn
 * ended, whose id is another one once it is whole: so the ends of the turns are remembered, 40 bytes
 * each, with what stood in the block there. Of answers the text is kept only where it is told. */
#ifndef MT_DRIVE_PROMPT_CONVERSATION_H
#define MT_DRIVE_PROMPT_CONVERSATION_H

#include "base/error.h"
#include "trace/record.h"

typedef struct mt_turn_end {
    uint64_t prompt, answer; /* tokens from the conversation's start to the end of each */
    uint64_t key;            /* of the block that the prompt ends in */
    char *text; /* the answer as it was heard, JSON without the quotes; NULL: words of its length */
    size_t text_length;
} mt_turn_end;

/* Zero it; mt_conversation_free frees what it holds. */
typedef struct mt_conversation {
    mt_turn_end *ends;
    size_t count, capacity;
    uint64_t ticket;         /* of its first turn: blocks without an id are this one's own */
    uint64_t blocks, digest; /* of the whole blocks of the last prompt: how many, and their ids */
} mt_conversation;

/* Does the request go on with the conversation: is its prompt longer than all that was said, and
 * does it begin with the same whole blocks? If not, the conversation is emptied: the request begins
 * it anew. Returns 1 or 0. */
int mt_conversation_continue(mt_conversation *conversation, const mt_request *request,
                             uint64_t block_size);

/* Remembers the request as a turn: its prompt, and an answer of output_length tokens (0 where it has
 * none). `key` is that of the block in which the prompt ends. */
mt_code mt_conversation_add(mt_conversation *conversation, const mt_request *request,
                            uint64_t block_size, uint64_t key, mt_error *error);

/* The answer to the last turn, whose prompt has `prompt` tokens, has so many itself, not as many as
 * were planned. A prompt that the conversation does not end with changes nothing. */
void mt_conversation_answered(mt_conversation *conversation, uint64_t prompt, uint64_t tokens);

/* The same turn's answer was this text, which the conversation owns from now on: it stands in the
 * messages of later turns. */
void mt_conversation_heard(mt_conversation *conversation, uint64_t prompt, char *text,
                           size_t length);

void mt_conversation_free(mt_conversation *conversation);

#endif
