#include "load/lengths_rule.h"

#include "base/memory.h"

#include <math.h>

struct mt_length_rule {
    uint64_t references;
    mt_distribution **turns; /* NULL: a function */
    size_t count;
    mt_length_function function;
};

static mt_length_rule *new_rule(mt_error *error) {
    mt_length_rule *rule = mt_new(sizeof *rule, "lengths", error);
    if (rule)
        rule->references = 1;
    return rule;
}

mt_length_rule *mt_length_rule_turns(mt_distribution *const *turns, size_t count, mt_error *error) {
    if (count == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "by_turn: at least one length is needed"));
    mt_length_rule *rule = new_rule(error);
    if (!rule)
        return NULL;
    rule->turns = mt_allocate_zero(count, sizeof(mt_distribution *));
    if (!rule->turns) {
        mt_fail_memory(error, "lengths");
        mt_length_rule_release(rule);
        return NULL;
    }
    for (; rule->count < count; rule->count++) {
        rule->turns[rule->count] = mt_distribution_whole(turns[rule->count], error);
        if (!rule->turns[rule->count]) {
            mt_length_rule_release(rule);
            return NULL;
        }
    }
    return rule;
}

mt_length_rule *mt_length_rule_function(const mt_length_function *function, mt_error *error) {
    mt_length_rule *rule = new_rule(error);
    if (!rule)
        return NULL;
    rule->function = *function;
    function->retain(function->context);
    return rule;
}

mt_length_rule *mt_length_rule_retain(mt_length_rule *rule) {
    rule->references++;
    return rule;
}

void mt_length_rule_release(mt_length_rule *rule) {
    if (!rule || --rule->references > 0)
        return;
    for (size_t i = 0; rule->turns && i < rule->count; i++)
        mt_distribution_release(rule->turns[i]);
    mt_free((void *)rule->turns);
    if (rule->function.release)
        rule->function.release(rule->function.context);
    mt_free(rule);
}

int mt_length_rule_needs_turns(const mt_length_rule *rule) {
    return rule->turns != NULL;
}

double mt_length_rule_mean(const mt_length_rule *rule) {
    return rule->turns ? mt_distribution_mean_rounded(rule->turns[rule->count - 1], 0, 0, 0, 1e15)
                       : 0;
}

double mt_length_rule_duration(const mt_length_rule *rule) {
    double duration = INFINITY;
    for (size_t i = 0; rule->turns && i < rule->count; i++)
        duration = fmin(duration, mt_distribution_duration(rule->turns[i]));
    return duration;
}

mt_code mt_length_rule_draw(const mt_length_rule *rule, mt_random *random,
                            const mt_length_event *event, uint64_t low, double *tokens,
                            mt_error *error) {
    if (!rule->turns)
        return rule->function.call(rule->function.context, random, event, low, tokens, error);
    size_t turn = event->turn < rule->count ? (size_t)event->turn : rule->count - 1;
    *tokens = mt_distribution_draw(rule->turns[turn], random, event->time);
    return MT_OK;
}
