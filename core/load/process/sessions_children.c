/* Sub-agents: sessions that turns of others start, and that these may wait for. */
#include "load/process/sessions_state.h"

#include "hash/ids.h"
#include "load/lengths.h"

enum { MOST_CHILDREN = 1 << 16 }; /* of one turn */

/* How many children the session's turn starts; the last turn starts none. */
mt_code mt_children_draw(mt_sessions_state *state, const mt_process_session *session, double time,
                         uint64_t *children, mt_error *error) {
    unsigned level = mt_session_level(session);
    *children = 0;
    if (level >= mt_sessions_of(state)->branch_count || session->turn + 1 >= session->turns)
        return MT_OK;
    const mt_branch_shape *branch = &mt_sessions_of(state)->branches[level];
    mt_random_seek(&state->branchings, mt_session_item(session));
    int starts = mt_random_uniform(&state->branchings) < branch->chance;
    if (branch->every > 0 ? (session->turn + 1) % branch->every != 0 : !starts)
        return MT_OK;
    double count = mt_distribution_draw(branch->count, &state->branchings, time);
    if (!(count < MOST_CHILDREN))
        return mt_fail(error, MT_ERROR_VALUE,
                       "branch: %g children of one turn came out at t = %.9g s", count, time);
    *children = mt_whole_tokens(count, 1);
    return MT_OK;
}

/* The child of that number comes at `time`. */
static mt_code start_child(mt_sessions_state *state, const mt_event *event, uint64_t number,
                           double time, mt_join_point *join, mt_error *error) {
    mt_process_session *parent = event->session;
    mt_process_session *child = mt_session_new(state, parent, number);
    if (!child)
        return mt_fail_memory(error, "session");
    mt_key key = mt_key_number((mt_key){event->item, mt_session_level(parent)}, number);
    child->ordinal = parent->ordinal;
    child->address = key.low << MT_TURN_BITS;
    child->family->addresses[child->family->level - 1] = child->address;
    child->family->parent_turn = event->turn;
    child->family->join = join;
    mt_code code = mt_session_draw_turns(state, child, time, error);
    if (code == MT_OK)
        code = mt_sessions_push(state, (mt_due_turn){.time = time, .session = child}, error);
    if (code != MT_OK)
        mt_session_free(&state->base, child);
    return code;
}

/* The children that the event's turn starts come with its answer. *waits: its session waits for
 * them. */
mt_code mt_children_start(mt_sessions_state *state, const mt_event *event, double end, int *waits,
                          mt_error *error) {
    mt_session_family *family = event->session->family;
    *waits = 0;
    if (!family)
        return MT_OK;
    family->wait_count = 0;
    if (family->starting == 0)
        return MT_OK;
    mt_join_kind kind = mt_sessions_of(state)->branches[family->level].join;
    mt_join_point *join = NULL;
    if (kind != MT_JOIN_NONE && !(join = mt_join_open(&state->joins, kind, family->starting)))
        return mt_fail_memory(error, "session");
    mt_code code = MT_OK;
    for (uint64_t i = 0; code == MT_OK && i < family->starting; i++)
        code = start_child(state, event, family->born - family->starting + 1 + i, end, join, error);
    *waits = code == MT_OK && join;
    if (*waits)
        join->parent = event->session;
    return code;
}

/* A child has ended: a join may wait for it. */
mt_code mt_child_settle(mt_sessions_state *state, const mt_event *event, double end,
                        int is_rejected, mt_error *error) {
    mt_session_family *family = event->session->family;
    mt_join_point *join = family->join;
    uint64_t last = is_rejected && event->turn > 0 ? event->turn - 1 : event->turn;
    if (state->in_hand == event->session)
        state->in_hand = NULL;
    family->join = NULL;
    if (!join)
        return MT_OK;
    mt_due_turn ended = {
        .time = end, .join = join, .last = {family->path[family->level - 1], last}};
    mt_code code = mt_sessions_push(state, ended, error);
    if (code != MT_OK)
        state->in_hand = event->session;
    return code;
}

/* Children that have ended by the time of the next turn let their parents go on. */
mt_code mt_children_end(mt_sessions_state *state, mt_error *error) {
    mt_process_session *in_hand = state->in_hand;
    mt_code code = MT_OK;
    while (code == MT_OK && state->due.count > 0 && state->due.items[0].join) {
        mt_due_turn ended = mt_due_heap_pop(&state->due);
        mt_process_session *parent;
        code = mt_join_end(&state->joins, ended.join, ended.last, &parent, error);
        if (code == MT_OK && parent) {
            state->in_hand = parent; /* should it fail */
            code = mt_sessions_push(
                state, (mt_due_turn){.time = ended.time + parent->delay, .session = parent}, error);
            if (code == MT_OK)
                state->in_hand = in_hand;
        }
    }
    return code;
}
