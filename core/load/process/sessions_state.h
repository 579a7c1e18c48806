/* What sessions are while they run, and what the files that share their work offer each other:
 *   sessions.c           the value: made, checked, with its branches
 *   sessions_run.c       turns that wait for the answer before, and then think
 *   sessions_children.c  sub-agents: started by turns, awaited by their parents
 *   sessions_expect.c    what they bring on average
 *   sessions_text.c      as a script would write them
 * Functions that can fail give MT_OK or a code, or as those of mt_process_kind, with *error. */
#ifndef MT_LOAD_PROCESS_SESSIONS_STATE_H
#define MT_LOAD_PROCESS_SESSIONS_STATE_H

#include "base/heap.h"
#include "load/process/branch.h"

typedef struct mt_sessions_process {
    mt_process base;
    mt_process *starts;
    mt_session_shape shape;
    mt_branch_shape branches[MT_BRANCH_LEVELS];
    size_t branch_count;
} mt_sessions_process;

/* A session that waits for its next turn; or the end of a child, which a join waits for. */
typedef struct mt_due_turn {
    double time;
    uint64_t number; /* of those that waited: equal times come in this order */
    mt_process_session *session;
    mt_join_point *join; /* NULL: a turn */
    mt_turn_name last;   /* of the child */
} mt_due_turn;

static inline int mt_due_is_sooner(const mt_due_turn *a, const mt_due_turn *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

MT_HEAP(mt_due_heap, mt_due_turn, mt_due_is_sooner)

/* An answer under way, as planned. */
typedef struct mt_answer_under_way {
    double end;
    uint64_t tokens;
} mt_answer_under_way;

static inline int mt_answer_ends_sooner(const mt_answer_under_way *a,
                                        const mt_answer_under_way *b) {
    return a->end < b->end;
}

MT_HEAP(mt_answer_heap, mt_answer_under_way, mt_answer_ends_sooner)

typedef struct mt_sessions_state {
    mt_process_state base;
    mt_process_state *starts;
    int starts_wait; /* they are a closed loop: told when a session has ended */
    mt_due_heap due;
    uint64_t waited;             /* turns that ever waited */
    mt_process_session *in_hand; /* of the last event, when that is not settled */
    mt_joins joins;
    mt_answer_heap under_way; /* where services follow the load */
    uint64_t in_flight;       /* their tokens */
    mt_random turns, thoughts, branchings, services;
    uint64_t count; /* sessions begun by the starts */
} mt_sessions_state;

static inline unsigned mt_session_level(const mt_process_session *session) {
    return session->family ? session->family->level : 0;
}

static inline uint64_t mt_session_item(const mt_process_session *session) {
    return session->address | session->turn;
}

static inline const mt_sessions_process *mt_sessions_of(const mt_sessions_state *state) {
    return (const mt_sessions_process *)state->base.process;
}

static inline const mt_session_shape *mt_session_shape_of(const mt_sessions_state *state,
                                                          const mt_process_session *session) {
    unsigned level = mt_session_level(session);
    const mt_sessions_process *process = mt_sessions_of(state);
    return level > 0 ? &process->branches[level - 1].child : &process->shape;
}

/* ---- sessions_run.c ---- */

mt_code mt_sessions_open(mt_process_state *base, mt_error *error);
int mt_sessions_next(mt_process_state *base, mt_event *event, mt_error *error);
int mt_sessions_soonest(mt_process_state *base, double *time, mt_error *error);
int mt_sessions_await(const mt_process_state *base, const mt_event *event);

/* The answer takes its time, then the user thinks. */
mt_code mt_sessions_settle(mt_process_state *base, const mt_event *event, const mt_answer *answer,
                           int *last, mt_error *error);
void mt_sessions_close(mt_process_state *base);

/* A session that begins; NULL when out of memory. */
mt_process_session *mt_session_new(const mt_sessions_state *state, mt_process_session *parent,
                                   uint64_t number);

/* A session and all that it has; NULL is allowed. */
void mt_session_free(const mt_process_state *base, mt_process_session *session);

/* How many turns the session that begins now has. */
mt_code mt_session_draw_turns(mt_sessions_state *state, mt_process_session *session, double start,
                              mt_error *error);

/* The turn, or the end of a child, comes at its time. */
mt_code mt_sessions_push(mt_sessions_state *state, mt_due_turn due, mt_error *error);

/* ---- sessions_children.c ---- */

/* How many children the session's turn starts; the last turn starts none. */
mt_code mt_children_draw(mt_sessions_state *state, const mt_process_session *session, double time,
                         uint64_t *children, mt_error *error);

/* The children that the event's turn starts come with its answer. *waits: its session waits for
 * them. */
mt_code mt_children_start(mt_sessions_state *state, const mt_event *event, double end, int *waits,
                          mt_error *error);

/* A child has ended: a join may wait for it. */
mt_code mt_child_settle(mt_sessions_state *state, const mt_event *event, double end,
                        int is_rejected, mt_error *error);

/* Children that have ended by the time of the next turn let their parents go on. */
mt_code mt_children_end(mt_sessions_state *state, mt_error *error);

/* ---- sessions_expect.c, sessions_text.c ---- */

mt_code mt_sessions_expect(mt_process *base, const mt_process_context *context,
                           mt_process_expectation *expectation, mt_error *error);
mt_code mt_sessions_expect_bins(mt_process *base, const mt_process_context *context,
                                double answer_tokens, const mt_process_bins *bins, mt_error *error);
void mt_sessions_text(const mt_process *base, char *buffer, size_t size);

#endif
