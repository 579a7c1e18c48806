/* What the requests of sessions are called, and what they say of each other.
 *
 * A session is "STREAM-NUMBER", its second child "STREAM-NUMBER.2"; its turn 3 (from 0) is
 * "STREAM-NUMBER.2:3". Where a process has branches each request says its name, which it waits for
 * and which its answer starts: request_id, wait_for and branches. */
#ifndef MT_LOAD_RUN_NAMES_H
#define MT_LOAD_RUN_NAMES_H

#include "load/run/lane.h"

/* Appends a member to `text`, after a comma unless the members begin here; the value is JSON. */
mt_code mt_name_member(mt_text *text, size_t begin, int compact, const char *name,
                       const char *value, mt_error *error);

/* Appends the session's name as a JSON string. */
mt_code mt_name_session(mt_text *text, const mt_lane *lane, const mt_process_session *session,
                        mt_error *error);

/* Appends what the event's request says of itself and of others; nothing where its process has no
 * branches. The members begin at `begin`. */
mt_code mt_name_request(mt_text *text, size_t begin, int compact, const mt_lane *lane,
                        const mt_event *event, mt_error *error);

#endif
