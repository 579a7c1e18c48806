/* Which session a request belongs to: the rule of prefix/analysis/locality.h. */
#include "prefix/analysis/locality_state.h"

/* The number of a new session. */
static mt_code begin_session(mt_locality_sessions *sessions, uint32_t *number, mt_error *error) {
    if (MT_GROW(sessions->list, sessions->capacity, sessions->count + 1))
        return mt_fail_memory(error, "sessions");
    *number = (uint32_t)sessions->count; /* no more than requests, which are fewer than 2^32 - 1 */
    sessions->list[sessions->count++] = (mt_locality_session){0, 0};
    return MT_OK;
}

/* The session of that name. */
static mt_code named_session(mt_locality_sessions *sessions, mt_span name, uint32_t *number,
                             mt_error *error) {
    uint32_t name_number;
    if (mt_texts_intern(&sessions->names, name.text, name.length, &name_number) ||
        MT_GROW(sessions->of_name, sessions->name_capacity, (size_t)name_number + 1))
        return mt_fail_memory(error, "sessions");
    if (name_number < sessions->name_count) {
        *number = sessions->of_name[name_number];
        return MT_OK;
    }
    mt_code code = begin_session(sessions, number, error);
    if (code == MT_OK)
        sessions->of_name[sessions->name_count++] = *number;
    return code;
}

/* The session that the request continues, MT_NO_SESSION when it continues none. */
static uint32_t continued_session(const mt_locality *locality) {
    const mt_locality_row *here = &locality->rows[locality->row_count];
    const mt_touch *touch = &locality->touch;
    if (touch->run_count == 0)
        return MT_NO_SESSION;
    const mt_locality_row *before = &locality->rows[touch->runs[touch->run_count - 1].owner];
    int has_partial_block = before->input_length % locality->block_size != 0;
    int has_its_blocks = touch->beyond == 0 || (touch->beyond == 1 && has_partial_block);
    if (has_its_blocks && here->input_length > before->input_length && before->shared < here->known)
        return before->session;
    return MT_NO_SESSION;
}

/* The leading blocks that more than one session has touched now that this one has. What a request
 * shared still holds for the blocks that it touched last; and a block that somebody shares is shared
 * by all before it. */
static uint32_t shared_blocks(const mt_locality *locality, uint32_t session) {
    const mt_touch *touch = &locality->touch;
    for (size_t i = touch->run_count; i-- > 0;) {
        uint32_t begin = i > 0 ? touch->runs[i - 1].end : 0, end = touch->runs[i].end;
        const mt_locality_row *owner = &locality->rows[touch->runs[i].owner];
        if (owner->session != session)
            return end;
        if (owner->shared > begin)
            return owner->shared < end ? owner->shared : end;
    }
    return 0;
}

/* The request's think time as its session's next turn. */
static int64_t think_time(const mt_locality *locality, const mt_request *request,
                          const mt_locality_session *session) {
    if (session->turns == 0)
        return MT_NO_TIME;
    if (request->has & MT_HAS_DELAY)
        return request->delay_ns;
    int64_t before = locality->rows[session->last].time_ns;
    int64_t here = locality->rows[locality->row_count].time_ns;
    return before == MT_NO_TIME || here == MT_NO_TIME || here < before ? MT_NO_TIME : here - before;
}

mt_code mt_locality_join_session(mt_locality *locality, const mt_request *request,
                                 mt_error *error) {
    mt_locality_sessions *sessions = &locality->sessions;
    mt_locality_row *here = &locality->rows[locality->row_count];
    mt_code code = MT_OK;
    here->think_ns = MT_NO_TIME;
    here->session = MT_NO_SESSION;
    if (request->has & MT_HAS_SESSION) {
        locality->so_far.given++;
        code = named_session(sessions, request->session, &here->session, error);
    } else if (here->blocks > 0 && (here->session = continued_session(locality)) == MT_NO_SESSION) {
        code = begin_session(sessions, &here->session, error);
    }
    if (code || here->session == MT_NO_SESSION)
        return code;
    mt_locality_session *session = &sessions->list[here->session];
    here->think_ns = think_time(locality, request, session);
    session->turns++;
    session->last = (uint32_t)locality->row_count;
    here->shared = shared_blocks(locality, here->session);
    return MT_OK;
}
