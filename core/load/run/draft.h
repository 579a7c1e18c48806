/* A request of a plan before its ids are known: made from a lane's event, and answered. */
#ifndef MT_LOAD_RUN_DRAFT_H
#define MT_LOAD_RUN_DRAFT_H

#include "load/run/lane.h"
#include "load/run/session.h"

typedef struct mt_draft {
    mt_request request;
    mt_lane *lane;
    mt_event event;         /* which the lane has taken */
    int is_rejected;        /* its prompt passes the session's limit: there is no request */
    uint64_t ordinal;       /* of its session, or its own, by first appearance in the run */
    mt_run_session *parent; /* whose leading blocks a sub-agent's first prompt has; or NULL */
    uint64_t
        history; /* leading blocks carried from the session's turn before, or from the parent */
    size_t key_begin;   /* in the drafts' list */
    size_t keys, fresh; /* blocks after those: with a key each, then those that have none, for they
                           cannot come back */
    int is_chain;       /* the keys are one (mt_ids_of_chain) */
    size_t extra_begin, extra_end, token_begin, token_end; /* in the texts */
} mt_draft;

/* What the drafts of one batch share. Zero it; free keys.keys and text.bytes. */
typedef struct mt_drafts {
    uint64_t block_size;
    int compact, whole_milliseconds;
    mt_key_list keys; /* of the drafts' blocks that have one; {0, 0}: cannot come back either */
    size_t fresh;     /* blocks without */
    mt_text text;
    uint64_t ordinals; /* given so far, in the whole run */
} mt_drafts;

/* Takes the lane's next event, which there is, and makes its request. When the lane has no more
 * prompts (lane->is_over) nothing was made. The event is not settled: mt_draft_settle must be called, before the lane advances
 * unless the run is live; for a lane that wants no answers (lane->wants_answers) that may be left out. */
mt_code mt_draft_make(mt_drafts *drafts, mt_lane *lane, mt_draft *draft, mt_error *error);

/* The answer as it was planned: of the planned lengths, at the time that the process gives it. */
mt_answer mt_draft_planned_answer(const mt_draft *draft);

/* The session moves on with the answer, or ends. A session that ends while none of its turns is
 * still to be handed out is freed. Until mt_draft_settle is called no later turn of the session
 * comes. */
mt_code mt_draft_settle(const mt_draft *draft, const mt_answer *answer, mt_error *error);

#endif
