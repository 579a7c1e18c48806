/* Sessions as a script would write them. */
#include "load/process/sessions_state.h"

#include <stdio.h>

/* ", compact=..., max_input=...": the rules that there are. */
static void rules_text(const mt_context_rules *rules, char *buffer, size_t size) {
    char keep[120];
    size_t used = 0;
    buffer[0] = '\0';
    if (rules->clear_at > 0)
        used += (size_t)snprintf(buffer, size, ", clear={at=%llu, keep=%llu, share=%.9g}",
                                 (unsigned long long)rules->clear_at,
                                 (unsigned long long)rules->clear_keep, rules->clear_share);
    if (rules->compact_at > 0 && used < size)
        used += (size_t)snprintf(buffer + used, size - used, ", compact={at=%llu, keep=%s}",
                                 (unsigned long long)rules->compact_at,
                                 mt_distribution_text(rules->compact_keep, keep, sizeof keep));
    if (rules->max_input > 0 && used < size)
        snprintf(buffer + used, size - used, ", max_input=%llu",
                 (unsigned long long)rules->max_input);
}

/* ", branch={every=5, count=..., ...}" and what is in it; gives how much of the buffer is used. */
static size_t branch_text(const mt_sessions_process *process, size_t level, char *buffer,
                          size_t size) {
    static const char *const joins[] = {"false", "all", "any"};
    if (level == process->branch_count || size == 0)
        return 0;
    const mt_branch_shape *branch = &process->branches[level];
    char when[40], count[120], turns[120], think[120], rules[280];
    if (branch->every > 0)
        snprintf(when, sizeof when, "every=%llu", (unsigned long long)branch->every);
    else
        snprintf(when, sizeof when, "chance=%.9g", branch->chance);
    rules_text(&branch->child.rules, rules, sizeof rules);
    int length =
        snprintf(buffer, size, ", branch={%s, count=%s, turns=%s, think=%s, inherit=%s, join=%s%s",
                 when, mt_distribution_text(branch->count, count, sizeof count),
                 mt_distribution_text(branch->child.turns, turns, sizeof turns),
                 mt_distribution_text(branch->child.think, think, sizeof think),
                 branch->inherits ? "true" : "false", joins[branch->join], rules);
    size_t used = length > 0 && (size_t)length < size ? (size_t)length : size - 1;
    used += branch_text(process, level + 1, buffer + used, size - used);
    return used + (size_t)snprintf(buffer + used, size - used, "}");
}

void mt_sessions_text(const mt_process *base, char *buffer, size_t size) {
    const mt_sessions_process *process = (const mt_sessions_process *)base;
    const mt_session_shape *shape = &process->shape;
    char starts[200], turns[120], think[120], service[280] = "", rules[280], branches[1024] = "";
    if (shape->service)
        mt_service_text(shape->service, service, sizeof service);
    else if (shape->first_token > 0 || shape->per_token > 0)
        snprintf(service, sizeof service, ", service={ttft=%.9g, per_token=%.9g}",
                 shape->first_token, shape->per_token);
    rules_text(&shape->rules, rules, sizeof rules);
    branch_text(process, 0, branches, sizeof branches);
    snprintf(buffer, size, "sessions{starts=%s, turns=%s, think=%s%s%s%s}",
             mt_process_text(process->starts, starts, sizeof starts),
             mt_distribution_text(shape->turns, turns, sizeof turns),
             mt_distribution_text(shape->think, think, sizeof think), service, rules, branches);
}
