/* Bodies of requests as servers take them, JSON, of which a log keeps the prompt and the length that the answer
 * may have: OpenAI's chat, completions, responses and embeddings, Anthropic's messages, TGI's and Triton's
 * generate, Triton's inputs, whose values stand in lists of one. Private to this folder. */
#ifndef MT_TRACE_LOG_PAYLOAD_H
#define MT_TRACE_LOG_PAYLOAD_H

#include "trace/log/speech.h"

/* Raw values; length 0: there is none. */
typedef struct mt_payload {
    mt_span tools, system, messages, prompt;
    mt_span model;    /* a string token */
    mt_span limit;    /* the most tokens that the answer may have, a number or its text; */
    uint64_t sampled; /* the same of Triton's sampling_parameters, where there is no other; */
    int has_sampled;  /* if they say it */
} mt_payload;

/* Finds what is said in the object at `at`. 0, or -1 with the error of `json` filled. */
int mt_payload_read(const mt_json *json, const char *at, mt_payload *payload);

/* Adds all that the prompt is made of: tools, then the system's text, then messages or a prompt. A body that has
 * neither of the last two, which stands at `at`, is a bad row. 0 or -1. */
int mt_payload_say(const mt_payload *payload, mt_speech *speech, const mt_json *json,
                   const char *at, mt_error *error);

/* The most tokens that the answer may have: 1; 0 where nothing says it; -1 a bad row. */
int mt_payload_limit(const mt_payload *payload, mt_speech *speech, uint64_t *tokens,
                     mt_error *error);

/* The only element of a list, as often as there is one in one; any other value is itself. */
mt_span mt_payload_only(mt_span value);

#endif
