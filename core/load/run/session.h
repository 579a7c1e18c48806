/* What a session carries from one turn to the next while a plan runs. */
#ifndef MT_LOAD_RUN_SESSION_H
#define MT_LOAD_RUN_SESSION_H

#include "load/run/context.h"

typedef struct mt_run_session {
    mt_process_session base; /* the process's, which makes it */
    double begin;            /* seconds: the first turn's time */
    uint64_t ordinal;        /* among all sessions and plain requests of the run */
    size_t class_index; /* of its last turn; a sub-agent's: of the turn that started its family */
    mt_context context; /* after the last turn that was answered */
    uint64_t *ids;      /* hash ids of the last turn handed out */
    size_t id_capacity;
    unsigned waiting; /* turns made but not handed out */
    int has_ended;
} mt_run_session;

/* NULL: a plain request's. */
static inline mt_run_session *mt_run_session_of(const mt_event *event) {
    return (mt_run_session *)event->session;
}

/* The session's `fresh` new ids after `history` ids of the turn before, which are kept for the next
 * turn: gives all of them. NULL when out of memory. */
const uint64_t *mt_run_session_ids(mt_run_session *session, size_t history, const uint64_t *fresh,
                                   size_t count, mt_error *error);

/* A turn was handed out, or thrown away: gives the session when it is over and nobody's any more.
 * NULL for NULL. */
mt_run_session *mt_run_session_leave(mt_run_session *session);

/* What it has beside its own bytes; for mt_process_context. */
void mt_run_session_release(mt_process_session *session);

void mt_run_session_free(mt_run_session *session); /* NULL is allowed */

#endif
