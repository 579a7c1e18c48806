/* The body of a request: JSON as the OpenAI-compatible servers take it, made from a row of a trace.
 *
 * A prompt has exactly input_length tokens by construction where it is sent as token ids. As words
 * it has so many words, less what a chat template adds, times words_per_token; both are learnt from
 * a server's own count (mt_body_options). */
#ifndef MT_DRIVE_PROMPT_BODY_H
#define MT_DRIVE_PROMPT_BODY_H

#include "base/error.h"
#include "drive/prompt/conversation.h"
#include "drive/prompt/words.h"
#include "base/text.h"
#include "trace/record.h"

enum {
    MT_API_CHAT,
    MT_API_TOKENS,
    MT_API_TEXT
}; /* /v1/chat/completions; /v1/completions with
                                                     token ids; the same with words */

/* A member of the body: its name, as it stands in JSON without the quotes, and its value as JSON. */
typedef struct mt_body_member {
    const char *name, *value;
} mt_body_member;

typedef struct mt_body_options {
    int api;                  /* MT_API_... */
    const char *model;        /* a JSON string token, with its quotes */
    const char *output_field; /* "max_tokens" */
    int forces_output;        /* also min_tokens and ignore_eos, so that the answer is that long */
    int streams;
    const mt_body_member *members; /* further ones of every request, in place of ours */
    size_t member_count;
    uint64_t block_size; /* tokens, >= 1 */
    uint64_t seed;
    mt_token_texts tokens;     /* of MT_API_TOKENS */
    uint64_t overhead;         /* tokens that the chat template adds to one message */
    uint64_t message_overhead; /* and to each further message */
} mt_body_options;

/* Appends the body of the request. `ticket` tells apart what has no id: the tokens of blocks without
 * one are the ticket's own. conversation (NULL: the request is no turn of a session) is asked for
 * what came before, and told of the request.
 *
 * Members of the row win over what would be made: `payload` is the whole body; `messages` (with
 * `tools`) and `text_input` are the prompt; the members of the object `extra` are added, in place of
 * ours of the same name. MT_ERROR_INPUT when they are of the wrong type, or when the row has neither
 * these nor input_length; MT_ERROR_MEMORY. */
mt_code mt_body_write(const mt_body_options *options, const mt_request *request, uint64_t ticket,
                      mt_conversation *conversation, mt_text *body, mt_error *error);

#endif
