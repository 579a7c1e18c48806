#include "load/run/context.h"

#include "base/memory.h"
#include "load/lengths.h"

#include <math.h>
#include <string.h>

/* Takes away the outputs of all turns but the last ones. What stood after the first of them moves:
 * no block of it is the same. Gives whether there were any. */
static int clear_outputs(mt_context *context, const mt_context_rules *rules) {
    size_t keep = rules->clear_keep < context->count ? (size_t)rules->clear_keep : context->count;
    size_t gone = context->count - keep;
    uint64_t tokens = 0;
    if (gone == 0)
        return 0;
    if (context->outputs[0].at < context->common)
        context->common = context->outputs[0].at;
    for (size_t i = 0; i < gone; i++)
        tokens += context->outputs[i].tokens;
    memmove(context->outputs, context->outputs + gone, keep * sizeof *context->outputs);
    for (size_t i = 0; i < keep; i++)
        context->outputs[i].at -= tokens;
    context->count = keep;
    context->said -= tokens;
    return 1;
}

/* A summary takes the place of all that came after the shared beginning. */
static mt_code compact(mt_context *context, const mt_context_rules *rules, mt_random *random,
                       double time, mt_error *error) {
    double tokens = mt_distribution_draw(rules->compact_keep, random, time);
    if (!isfinite(tokens))
        return mt_fail(error, MT_ERROR_VALUE,
                       "compact: a summary of %g tokens came out at t = %.9g s", tokens, time);
    context->said = context->shared + mt_whole_tokens(tokens, 1);
    if (context->shared < context->common)
        context->common = context->shared;
    context->count = 0;
    return MT_OK;
}

mt_code mt_context_fit(mt_context *context, const mt_context_rules *rules, uint64_t new_tokens,
                       mt_random *random, double time, int *is_reset, mt_error *error) {
    *is_reset = 0;
    if (!rules)
        return MT_OK;
    if (rules->clear_at > 0 && context->said + new_tokens > rules->clear_at)
        *is_reset = clear_outputs(context, rules);
    if (rules->compact_at == 0 || context->said + new_tokens <= rules->compact_at)
        return MT_OK;
    *is_reset = 1;
    return compact(context, rules, random, time, error);
}

mt_code mt_context_add(mt_context *context, const mt_context_rules *rules, uint64_t new_tokens,
                       mt_error *error) {
    if (!rules || rules->clear_at == 0)
        return MT_OK;
    uint64_t tokens = (uint64_t)((double)new_tokens * rules->clear_share);
    if (tokens == 0)
        return MT_OK;
    if (MT_GROW(context->outputs, context->capacity, context->count + 1) != 0)
        return mt_fail_memory(error, "session");
    context->outputs[context->count++] = (mt_tool_output){context->said, tokens};
    return MT_OK;
}

void mt_context_answered(mt_context *context, uint64_t prompt, uint64_t answer) {
    context->said = prompt + answer;
    context->common = prompt;
}

void mt_context_free(mt_context *context) {
    mt_free(context->outputs);
}
