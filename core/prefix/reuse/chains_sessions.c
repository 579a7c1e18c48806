#include "prefix/reuse/chains_sessions.h"

#include "base/memory.h"

void mt_reuse_sessions_free(mt_reuse_sessions *sessions) {
    mt_free(sessions->session);
    mt_free(sessions->shared);
}

mt_code mt_reuse_sessions_open(mt_reuse_sessions *sessions, size_t turns, mt_error *error) {
    sessions->session = mt_allocate(turns, sizeof *sessions->session);
    sessions->shared = mt_allocate(turns, sizeof *sessions->shared);
    return sessions->session && sessions->shared ? MT_OK : mt_fail_memory(error, "synthesiser");
}

/* Who goes on has all blocks of that prompt, but for a last one that was not full, is longer, and shares
 * more with it than many do. */
static int goes_on(const mt_reuse_sessions *sessions, const mt_reuse_caches *caches,
                   const mt_reuse_judged *events, size_t at, const uint64_t *inputs) {
    const mt_reuse_touched *last = &caches->touched[caches->touched_count - 1];
    uint32_t turn = events[at].turn, before = events[last->owner - 1].turn;
    uint32_t beyond = caches->prompts[before].blocks - last->end;
    int is_partial = inputs[before] % caches->chains->model->block_size != 0;
    return beyond <= (uint32_t)is_partial && inputs[turn] > inputs[before] &&
           sessions->shared[last->owner - 1] < last->end;
}

/* What a request shared still holds for the blocks that it touched last. */
static uint32_t shared_blocks(const mt_reuse_sessions *sessions, const mt_reuse_caches *caches,
                              uint32_t session) {
    for (size_t i = caches->touched_count; i-- > 0;) {
        uint32_t begin = i > 0 ? caches->touched[i - 1].end : 0, end = caches->touched[i].end,
                 owner = caches->touched[i].owner - 1, shared = sessions->shared[owner];
        if (sessions->session[owner] != session)
            return end;
        if (shared > begin)
            return shared < end ? shared : end;
    }
    return 0;
}

uint32_t mt_reuse_sessions_take(mt_reuse_sessions *sessions, const mt_reuse_caches *caches,
                                const mt_reuse_judged *events, size_t at, const uint64_t *inputs) {
    uint32_t before = 0;
    if (caches->touched_count > 0 && goes_on(sessions, caches, events, at, inputs))
        before = caches->touched[caches->touched_count - 1].owner;
    uint32_t session = before > 0 ? sessions->session[before - 1] : sessions->count++;
    sessions->session[at] = session;
    sessions->shared[at] = shared_blocks(sessions, caches, session);
    return before;
}
