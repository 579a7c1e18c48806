/* What requests of agents say of each other, as members of a request. A session is "NAME", its
 * second sub-agent "NAME.2"; its turn 3 (from 0) is "NAME.2:3": as a plan's (load/run/names.h).
 * Private to this folder. What returns an int gives 0, or -1 when out of memory. */
#ifndef MT_TRACE_LOG_AGENT_H
#define MT_TRACE_LOG_AGENT_H

#include "base/span.h"
#include "base/text.h"

#include <stdint.h>

/* Appends `"NAME": ` to the members, after a comma unless they are the first. */
int mt_agent_member(mt_text *members, const char *name);

/* Appends the name of a turn: a string token (with its quotes), then ':' and the turn. */
int mt_agent_turn(mt_text *members, mt_span session, uint64_t turn);

/* Appends nanoseconds as milliseconds. */
int mt_agent_milliseconds(mt_text *members, int64_t nanoseconds);

#endif
