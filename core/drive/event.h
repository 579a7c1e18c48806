/* What an event of a stream says, or a whole answer: token-bearing content, a finish, usage, an
 * error. Read from its JSON bytes without a tree, for the OpenAI API's chat and completions in the
 * forms that vLLM, SGLang, TensorRT-LLM, Triton, llama.cpp, TGI, Ollama, Dynamo, LMDeploy, LiteLLM
 * and OpenAI give them, and DeepSeek, Moonshot, Mistral, xAI, Groq and OpenRouter where they differ. */
#ifndef MT_DRIVE_EVENT_H
#define MT_DRIVE_EVENT_H

#include "base/span.h"
#include "drive/exchange.h" /* MT_COUNT_ABSENT, MT_COUNT_NULL */

enum {
    MT_SAYS_DONE = 1 << 0,    /* it is "[DONE]" and nothing else */
    MT_SAYS_CONTENT = 1 << 1, /* text of the answer, of its reasoning or of a tool call: tokens */
    MT_SAYS_LIVE = 1 << 2,    /* a choice with empty text that is neither the first of a role nor
                                 a finish: tokens that make no text yet (half a character, a special
                                 token, a stop sequence held back) */
    MT_SAYS_ROLE = 1 << 3,    /* a role */
    MT_SAYS_FINISH = 1 << 4,  /* a finish_reason */
    MT_SAYS_USAGE = 1 << 5,   /* a usage that is not null */
    MT_SAYS_ERROR = 1 << 6,   /* an `error` that is not null, or an error in the flat form; or a
                                 finish_reason of an answer that is not whole (abort, error) */
    MT_SAYS_CHOICES = 1 << 7, /* `choices`, perhaps empty */
    /* The end is told, and this was not it: a finish_reason of null or "". */
    MT_SAYS_NO_END = 1 << 8,
    MT_SAYS_REASONING = 1 << 9, /* content is reasoning, or some of it is */
    MT_SAYS_WHOLE =
        1 << 10 /* by an adapter alone: the answer, which has no tokens (an embedding) */
};

/* Spans lie in the text that was read. */
typedef struct mt_said {
    unsigned says; /* MT_SAYS_... */
    /* MT_COUNT_ABSENT, MT_COUNT_NULL or the number. completion_tokens has the reasoning in it, whether
     * the server counted it there or beside. */
    int64_t prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens;
    mt_span content;       /* the first content: a string token with its quotes, or a list of tool
                              calls; length 0: none */
    mt_span text;          /* the answer's own text in it, without quotes, escapes as they are */
    mt_span finish_reason; /* without quotes; length 0: none */
    mt_span
        error_message; /* without quotes, escapes as they are; length 0: none. Of a finish_reason
                              it is a constant */
    int error_status;  /* the code that the error gives, when that is a number; 0: none */
    int64_t tokens;    /* that an adapter has counted in it; 0: not said */
} mt_said;

/* 0, or -1 when the text is no JSON object (nor "[DONE]"); *said is filled as far as it was read. */
int mt_said_read(const char *text, size_t length, mt_said *said);

#endif
