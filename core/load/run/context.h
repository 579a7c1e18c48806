/* What a session's next prompt carries of what was said, and what the rules of its process take
 * away. */
#ifndef MT_LOAD_RUN_CONTEXT_H
#define MT_LOAD_RUN_CONTEXT_H

#include "load/process/process.h"

/* What a tool gave a turn; it still stands in the context. */
typedef struct mt_tool_output {
    uint64_t at, tokens; /* where it begins in the prompt, and how long it is */
} mt_tool_output;

/* Zero it; mt_context_free frees what it holds. */
typedef struct mt_context {
    uint64_t shared; /* tokens of the beginning that is shared with other sessions */
    uint64_t said;   /* tokens so far, of prompts and answers */
    uint64_t common; /* leading ones of them that stand in the last prompt as in the next one */
    mt_tool_output *outputs; /* in their order; where the rules clear them */
    size_t count, capacity;
} mt_context;

/* Makes room for a later turn of new_tokens, as the rules say (NULL: none); random, at the turn's
 * item, draws the length of a summary. *is_reset: the prompt does not carry the whole one before it.
 * MT_ERROR_VALUE: a length that is no number. */
mt_code mt_context_fit(mt_context *context, const mt_context_rules *rules, uint64_t new_tokens,
                       mt_random *random, double time, int *is_reset, mt_error *error);

/* A later turn adds new_tokens, of which the rules say how much is a tool's output. */
mt_code mt_context_add(mt_context *context, const mt_context_rules *rules, uint64_t new_tokens,
                       mt_error *error);

/* The last prompt had so many tokens, and its answer so many. */
void mt_context_answered(mt_context *context, uint64_t prompt, uint64_t answer);

void mt_context_free(mt_context *context);

#endif
