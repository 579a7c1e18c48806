#include "load/process/branch.h"

#include "base/memory.h"

#include <math.h>

double mt_session_share_with_turn(const mt_distribution *turns, uint64_t k, uint64_t seed,
                                  double time) {
    if (k == 0)
        return 1;
    /* Below k + 1/2: what lies there itself is rounded up. */
    double below = nextafter((double)k + 0.5, 0);
    return 1 - mt_distribution_probability_below(turns, below, seed, time);
}

static double mean_turns(const mt_session_shape *shape, uint64_t seed, double time) {
    return mt_distribution_mean_rounded(shape->turns, seed, time, 1, (double)MT_MOST_TURNS);
}

/* Turns of a session that start children, on average. */
static double branching_turns(const mt_session_shape *shape, const mt_branch_shape *branch,
                              uint64_t seed, double time) {
    if (branch->every == 0)
        return branch->chance * (mean_turns(shape, seed, time) - 1);
    double sum = 0;
    for (uint64_t k = branch->every; k < MT_MOST_TURNS; k += branch->every) {
        double more = mt_session_share_with_turn(shape->turns, k, seed, time);
        if (!(more > 1e-12))
            break;
        sum += more;
    }
    return sum;
}

double mt_branch_requests(const mt_session_shape *shape, const mt_branch_shape *levels,
                          size_t count, uint64_t seed, double time) {
    double requests = mean_turns(shape, seed, time);
    if (count == 0)
        return requests;
    double children = branching_turns(shape, levels, seed, time) *
                      mt_distribution_mean_rounded(levels->count, seed, time, 1, INFINITY);
    return requests +
           children * mt_branch_requests(&levels->child, levels + 1, count - 1, seed, time);
}

/* ---- families ---- */

mt_session_family *mt_family_new(mt_process_session *parent, uint64_t number) {
    mt_session_family *family = mt_allocate_zero(1, sizeof *family);
    if (!family || !parent)
        return family;
    const mt_session_family *above = parent->family;
    for (unsigned i = 0; i < above->level; i++) {
        family->path[i] = above->path[i];
        family->addresses[i] = above->addresses[i];
    }
    family->path[above->level] = number;
    family->level = above->level + 1;
    family->parent = parent;
    return family;
}

void mt_family_free(mt_session_family *family) {
    if (!family)
        return;
    mt_free(family->waits);
    mt_free(family);
}

/* ---- joins ---- */

mt_join_point *mt_join_open(mt_joins *joins, mt_join_kind kind, uint64_t children) {
    mt_join_point *join = mt_allocate(1, sizeof *join);
    if (!join)
        return NULL;
    *join = (mt_join_point){.kind = kind, .alive = children, .after = joins->first};
    if (join->after)
        join->after->before = join;
    joins->first = join;
    return join;
}

static void close_join(mt_joins *joins, mt_join_point *join) {
    if (join->before)
        join->before->after = join->after;
    else
        joins->first = join->after;
    if (join->after)
        join->after->before = join->before;
    mt_free(join);
}

mt_code mt_join_end(mt_joins *joins, mt_join_point *join, mt_turn_name last,
                    mt_process_session **parent, mt_error *error) {
    *parent = NULL;
    join->alive--;
    if (join->parent) {
        mt_session_family *family = join->parent->family;
        if (MT_GROW(family->waits, family->wait_capacity, family->wait_count + 1) != 0)
            return mt_fail_memory(error, "session");
        family->waits[family->wait_count++] = last;
        if (join->kind == MT_JOIN_ANY || join->alive == 0) {
            *parent = join->parent;
            join->parent = NULL;
        }
    }
    if (join->alive == 0)
        close_join(joins, join);
    return MT_OK;
}
