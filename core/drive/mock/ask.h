/* What a request asks of the model, read from its JSON. Private to the mock. */
#ifndef MT_DRIVE_MOCK_ASK_H
#define MT_DRIVE_MOCK_ASK_H

#include "base/error.h"
#include "drive/mock/api.h"

typedef struct mt_ask {
    uint8_t has_ids; /* the prompt is token ids */
    uint8_t is_chat, is_stream, wants_usage, wants_usage_always, ignores_eos;
    uint64_t most_tokens, least_tokens; /* of the answer; at least 0 */
    uint64_t prompt_tokens;
    mt_span model;   /* as written, without quotes; length 0: none */
    mt_span forcing; /* the first of min_tokens, ignore_eos, which not all servers know */
    mt_span unknown; /* the first member that the API does not have; length 0: none */
} mt_ask;

/* The tokens of the prompt read last: ids as they are, words and a template's marks as a hash. */
typedef struct mt_ask_tokens {
    uint32_t *items;
    size_t count, capacity;
} mt_ask_tokens;

/* Reads the body of a request for an answer by this API. MT_OK; MT_ERROR_INPUT with a message for
 * the client; or MT_ERROR_MEMORY. Spans lie in the body. */
mt_code mt_ask_read(mt_span body, const mt_api *api, mt_ask *ask, mt_ask_tokens *tokens,
                    mt_error *error);

#endif
