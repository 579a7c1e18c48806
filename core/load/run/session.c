#include "load/run/session.h"

#include "base/memory.h"

#include <string.h>

const uint64_t *mt_run_session_ids(mt_run_session *session, size_t history, const uint64_t *fresh,
                                   size_t count, mt_error *error) {
    if (MT_GROW(session->ids, session->id_capacity, history + count) != 0)
        return mt_null(mt_fail_memory(error, "session"));
    if (count > 0)
        memcpy(session->ids + history, fresh, count * sizeof *fresh);
    return session->ids;
}

mt_run_session *mt_run_session_leave(mt_run_session *session) {
    if (!session || --session->waiting > 0 || !session->has_ended)
        return NULL;
    return session;
}

void mt_run_session_release(mt_process_session *session) {
    mt_run_session *self = (mt_run_session *)session;
    mt_process_session_release(session);
    mt_context_free(&self->context);
    mt_free(self->ids);
}

void mt_run_session_free(mt_run_session *session) {
    if (!session)
        return;
    mt_run_session_release(&session->base);
    mt_free(session);
}
