/* Requests that name others which were left out: a filter, a share or a cut takes requests away, and
 * those that wait for them (wait_for), or start them (branches), would name nobody.
 *
 * Two looks come first, at what is kept and at the whole; then the step drops the names of those
 * that the whole has and that are not kept. When requests come, stays, by the whole trace's own
 * times. Who waits for nobody any more, has no time and is its session's first that is kept, gets
 * the time at which it would have come: after the last answer that it waited for, its delay and
 * tool_wait_ms; the delay goes. Who still waits for others, or for its session's turn before, has
 * the delay longer by what those left out took beyond these. A request without a time comes in the
 * same way, of a session after the turn before. Names that the whole has not either stay.
 *
 *     mt_lost *lost = mt_lost_new(&service, &error);
 *     mt_lost_look_at_kept(lost, the same requests as `source`, &error)
 *     if (mt_lost_names_any(lost)) {
 *         mt_lost_look_at_whole(lost, the whole, &error)
 *         source = mt_step_lost(source, lost, &error);
 *     }
 *     mt_lost_release(lost);
 *
 * Memory, where a name goes: 40 bytes a request of the whole and 4 a name that one without a time waits
 * for; a text and 5 bytes a request id, two texts and 12 bytes a session. Else the request ids' alone. */
#ifndef MT_TRACE_STEP_LOST_H
#define MT_TRACE_STEP_LOST_H

#include "trace/source/source.h"
#include "trace/step/steps.h"

typedef struct mt_lost mt_lost;

/* So far. */
typedef struct mt_lost_counts {
    uint64_t requests; /* that had a name dropped */
    uint64_t names;    /* different requests left out that one of them waited for or started */
    uint64_t times;    /* requests that got a time */
    uint64_t delays;   /* requests that got a longer delay */
} mt_lost_counts;

/* service: what an answer takes. NULL on failure (MT_ERROR_MEMORY). */
mt_lost *mt_lost_new(const mt_service *service, mt_error *error);

mt_lost *mt_lost_retain(mt_lost *lost); /* returns it */
void mt_lost_release(mt_lost *lost);    /* NULL is allowed */

/* Reads the source to its end and frees it. MT_ERROR_MEMORY, or what the source fails with. */
mt_code mt_lost_look_at_kept(mt_lost *lost, mt_source *kept, mt_error *error);
mt_code mt_lost_look_at_whole(mt_lost *lost, mt_source *whole, mt_error *error);

/* Does one of the kept name one that is not kept? */
int mt_lost_names_any(const mt_lost *lost);

/* Is there one that waits and has no time? Then requests may be out of the order of their times. */
int mt_lost_may_time(const mt_lost *lost);

mt_lost_counts mt_lost_count(const mt_lost *lost);

/* The step, after both looks; lost is retained. */
mt_source *mt_step_lost(mt_source *below, mt_lost *lost, mt_error *error);

#endif
