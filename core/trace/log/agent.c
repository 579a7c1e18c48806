#include "trace/log/agent.h"

#include "trace/writer.h"

#include <string.h>

enum { NUMBER_ROOM = 64 };

int mt_agent_member(mt_text *members, const char *name) {
    return (members->length > 0 && mt_text_add(members, ", ", 2) != 0) ||
                   mt_text_add(members, "\"", 1) != 0 ||
                   mt_text_add(members, name, strlen(name)) != 0 ||
                   mt_text_add(members, "\": ", 3) != 0
               ? -1
               : 0;
}

int mt_agent_turn(mt_text *members, mt_span session, uint64_t turn) {
    char end[NUMBER_ROOM] = ":";
    char *after = mt_write_u64(turn, end + 1);
    *after++ = '"';
    return mt_text_add(members, session.text, session.length - 1) != 0 ||
                   mt_text_add(members, end, (size_t)(after - end)) != 0
               ? -1
               : 0;
}

int mt_agent_milliseconds(mt_text *members, int64_t nanoseconds) {
    char number[NUMBER_ROOM];
    char *after = mt_write_milliseconds(nanoseconds, 6, number);
    return mt_text_add(members, number, (size_t)(after - number));
}
