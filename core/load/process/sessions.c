/* sessions: a plain process begins them; they have turns, and sub-agents. The value. */
#include "load/process/given.h"
#include "load/process/sessions_state.h"

#include <math.h>

enum { MOST_REQUESTS = 1000000 }; /* of a session and its sub-agents, on average */

static int sessions_are_closed(const mt_process *process) {
    return mt_process_is_closed(((const mt_sessions_process *)process)->starts);
}

static mt_curve *sessions_curve(const mt_process *process) {
    return mt_process_curve(((const mt_sessions_process *)process)->starts);
}

static double sessions_duration(const mt_process *process, double factor) {
    return mt_process_duration(((const mt_sessions_process *)process)->starts, factor);
}

static void release_shape(mt_session_shape *shape) {
    mt_distribution_release(shape->turns);
    mt_distribution_release(shape->think);
    mt_distribution_release(shape->rules.compact_keep);
    mt_service_release(shape->service);
}

static void sessions_release(mt_process *base) {
    mt_sessions_process *process = (mt_sessions_process *)base;
    mt_process_release(process->starts);
    release_shape(&process->shape);
    for (size_t i = 0; i < process->branch_count; i++) {
        release_shape(&process->branches[i].child);
        mt_distribution_release(process->branches[i].count);
    }
}

static const mt_process_kind sessions_kind = {.name = "sessions",
                                              .state_size = sizeof(mt_sessions_state),
                                              .open = mt_sessions_open,
                                              .next = mt_sessions_next,
                                              .soonest = mt_sessions_soonest,
                                              .has_sessions = 1,
                                              .is_closed = sessions_are_closed,
                                              .awaits = mt_sessions_await,
                                              .settle = mt_sessions_settle,
                                              .close = mt_sessions_close,
                                              .expect = mt_sessions_expect,
                                              .expect_bins = mt_sessions_expect_bins,
                                              .curve = sessions_curve,
                                              .duration = sessions_duration,
                                              .text = mt_sessions_text,
                                              .release = sessions_release};

static mt_code check_shape(const mt_session_shape *shape, mt_error *error) {
    if (!(mt_distribution_lowest(shape->think) >= 0))
        return mt_fail(error, MT_ERROR_VALUE,
                       "sessions: think must not be negative: min=0 keeps it there");
    if (!(shape->first_token >= 0 && shape->per_token >= 0))
        return mt_fail(error, MT_ERROR_VALUE, "sessions: service times must not be negative");
    return MT_OK;
}

/* A copy that owns its parts. */
static mt_code copy_shape(mt_session_shape *copy, const mt_session_shape *shape, mt_error *error) {
    *copy = *shape;
    mt_distribution_retain(shape->think);
    mt_service_retain(shape->service);
    copy->rules.compact_keep = NULL;
    copy->turns = mt_distribution_whole(shape->turns, error);
    if (shape->rules.compact_at > 0 && copy->turns)
        copy->rules.compact_keep = mt_distribution_whole(shape->rules.compact_keep, error);
    int is_whole = copy->turns && (copy->rules.compact_at == 0 || copy->rules.compact_keep);
    return is_whole ? MT_OK : MT_ERROR_MEMORY;
}

mt_process *mt_process_sessions(mt_process *starts, const mt_session_shape *shape,
                                mt_error *error) {
    if (mt_process_has_sessions(starts))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "sessions: starts must be a plain arrival process, not %s",
                               starts->kind->name));
    if (check_shape(shape, error) != MT_OK)
        return NULL;
    mt_process *process = mt_process_new(&sessions_kind, sizeof(mt_sessions_process), NULL, error);
    if (process) {
        mt_sessions_process *sessions = (mt_sessions_process *)process;
        sessions->starts = mt_process_retain(starts);
        if (copy_shape(&sessions->shape, shape, error) != MT_OK) {
            mt_process_release(process);
            return NULL;
        }
    }
    return process;
}

/* Does the level ever start a child? Its last turn does not. */
static mt_code check_branch(const mt_session_shape *parent, const mt_branch_shape *branch,
                            mt_error *error) {
    double most = mt_distribution_highest(parent->turns);
    uint64_t first = branch->every > 0 ? branch->every : 1;
    if (!((branch->every > 0 || (branch->chance > 0 && branch->chance <= 1)) && branch->count))
        return mt_fail(error, MT_ERROR_VALUE, "branch: chance must be above 0 and at most 1");
    if (most + 0.5 >= (double)first + 1)
        return MT_OK;
    return mt_fail(
        error, MT_ERROR_VALUE,
        "branch: no turn ever starts a sub-agent: turn %llu would be the first, sessions "
        "have at most %.9g turns, and their last one starts none",
        (unsigned long long)first, most);
}

static mt_code add_branch(mt_sessions_process *process, const mt_branch_shape *branch,
                          mt_error *error) {
    size_t level = process->branch_count;
    const mt_session_shape *parent =
        level > 0 ? &process->branches[level - 1].child : &process->shape;
    mt_session_shape child = branch->child;
    if (isnan(child.first_token)) {
        child.first_token = parent->first_token;
        child.per_token = parent->per_token;
        child.service = parent->service;
    }
    mt_code code = check_branch(parent, branch, error);
    if (code == MT_OK)
        code = check_shape(&child, error);
    if (code != MT_OK)
        return code;
    mt_branch_shape *copy = &process->branches[process->branch_count++];
    *copy = *branch;
    copy->count = mt_distribution_whole(branch->count, error);
    code = copy_shape(&copy->child, &child, error);
    return copy->count ? code : MT_ERROR_MEMORY;
}

mt_process *mt_process_branched(mt_process *sessions, const mt_branch_shape *levels, size_t count,
                                mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    if (sessions->kind != &sessions_kind || count < 1 || count > MT_BRANCH_LEVELS)
        return mt_null(mt_fail(report, MT_ERROR_VALUE,
                               "branch: sessions have 1 to %d levels of sub-agents",
                               MT_BRANCH_LEVELS));
    const mt_sessions_process *plain = (const mt_sessions_process *)sessions;
    mt_process *process = mt_process_sessions(plain->starts, &plain->shape, report);
    if (!process)
        return NULL;
    mt_sessions_process *branched = (mt_sessions_process *)process;
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < count; i++)
        code = add_branch(branched, &levels[i], report);
    double requests =
        code == MT_OK ? mt_branch_requests(&branched->shape, branched->branches, count, 0, 0) : 0;
    if (requests > MOST_REQUESTS)
        code = mt_fail(report, MT_ERROR_VALUE,
                       "branch: a session and its sub-agents bring %.3g requests on average, at "
                       "most %d: fewer levels, a smaller count or chance",
                       requests, MOST_REQUESTS);
    if (code == MT_OK)
        return process;
    mt_process_release(process);
    return NULL;
}

const mt_branch_shape *mt_process_branches(const mt_process *process, size_t *count) {
    const mt_sessions_process *sessions = (const mt_sessions_process *)process;
    *count = process->kind == &sessions_kind ? sessions->branch_count : 0;
    return *count > 0 ? sessions->branches : NULL;
}

const mt_context_rules *mt_process_rules(const mt_process *process) {
    return process->kind == &sessions_kind ? &((const mt_sessions_process *)process)->shape.rules
                                           : NULL;
}

mt_process *mt_process_starts(mt_process *process) {
    return process->kind == &sessions_kind ? ((mt_sessions_process *)process)->starts : process;
}

mt_process *mt_process_restarted(mt_process *process, mt_process *starts, mt_error *error) {
    if (process->kind != &sessions_kind)
        return mt_process_retain(starts);
    const mt_sessions_process *sessions = (const mt_sessions_process *)process;
    mt_process *made = mt_process_sessions(starts, &sessions->shape, error);
    if (!made || sessions->branch_count == 0)
        return made;
    mt_process *whole =
        mt_process_branched(made, sessions->branches, sessions->branch_count, error);
    mt_process_release(made);
    return whole;
}

static int shape_follows_time(const mt_session_shape *shape) {
    return mt_distribution_varies(shape->turns) || mt_distribution_varies(shape->think) ||
           (shape->rules.compact_keep && mt_distribution_varies(shape->rules.compact_keep)) ||
           (shape->service && mt_service_follows_time(shape->service));
}

int mt_process_follows_time(const mt_process *process) {
    if (process->kind != &sessions_kind)
        return 0;
    const mt_sessions_process *sessions = (const mt_sessions_process *)process;
    int follows = shape_follows_time(&sessions->shape);
    for (size_t i = 0; i < sessions->branch_count; i++)
        follows = follows || shape_follows_time(&sessions->branches[i].child) ||
                  mt_distribution_varies(sessions->branches[i].count);
    return follows;
}

double mt_process_shape_duration(const mt_process *process) {
    if (process->kind != &sessions_kind)
        return INFINITY;
    const mt_session_shape *shape = &((const mt_sessions_process *)process)->shape;
    return fmin(mt_distribution_duration(shape->turns), mt_distribution_duration(shape->think));
}

int mt_process_follows_load(const mt_process *process) {
    if (process->kind != &sessions_kind)
        return 0;
    const mt_sessions_process *sessions = (const mt_sessions_process *)process;
    const mt_session_service *service = sessions->shape.service;
    int follows = service && mt_service_follows_load(service);
    for (size_t i = 0; i < sessions->branch_count; i++) {
        service = sessions->branches[i].child.service;
        follows = follows || (service && mt_service_follows_load(service));
    }
    return follows;
}

int mt_process_has_formula(const mt_process *process) {
    if (mt_process_gives_lengths(process) || mt_process_follows_load(process) ||
        mt_process_follows_time(process))
        return 0;
    const mt_context_rules *rules = mt_process_rules(process);
    size_t branches;
    mt_process_branches(process, &branches);
    return !rules || (branches == 0 && rules->clear_at == 0 && rules->compact_at == 0 &&
                      rules->max_input == 0);
}
