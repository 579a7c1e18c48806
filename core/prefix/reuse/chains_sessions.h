/* Which session a request of a part belongs to, as whoever sees the requests alone would say: the rule of
 * prefix/analysis/locality.h, of requests without ids. So what is left out of a chain, or falls back,
 * may begin a session. Private to the reuse method.
 *
 * Memory: 8 bytes a turn. */
#ifndef MT_PREFIX_REUSE_CHAINS_SESSIONS_H
#define MT_PREFIX_REUSE_CHAINS_SESSIONS_H

#include "prefix/reuse/chains_caches.h"

typedef struct mt_reuse_sessions {
    uint32_t *session; /* by event, numbers from 0 on */
    uint32_t *shared;  /* by event: leading blocks that several sessions have touched */
    uint32_t count;    /* of sessions; to begin again, 0 */
} mt_reuse_sessions;

/* *sessions must be zero; mt_reuse_sessions_free frees it, on failure too. MT_ERROR_MEMORY. */
mt_code mt_reuse_sessions_open(mt_reuse_sessions *sessions, size_t turns, mt_error *error);

/* Event `at`, which has just touched its prompt in these caches; those before it have been taken. Gives
 * the event that it goes on from, from 1 on; 0: it begins a session. inputs: tokens, by turn. */
uint32_t mt_reuse_sessions_take(mt_reuse_sessions *sessions, const mt_reuse_caches *caches,
                                const mt_reuse_judged *events, size_t at, const uint64_t *inputs);

void mt_reuse_sessions_free(mt_reuse_sessions *sessions);

#endif
