#include "load/run/names.h"

#include "load/process/branch.h"
#include "trace/writer.h"

#include <string.h>

enum { NUMBER_ROOM = 40 }; /* what mt_write_u64 may overwrite */

static int add_number(mt_text *text, char mark, uint64_t number) {
    char digits[NUMBER_ROOM];
    digits[0] = mark;
    char *end = mt_write_u64(number, digits + 1);
    return mt_text_add(text, digits, (size_t)(end - digits));
}

/* The name without its closing quote; of the forefather that is `up` generations above. */
static int add_name(mt_text *text, const mt_lane *lane, const mt_process_session *session,
                    unsigned up) {
    int failed = mt_text_add(text, lane->tag, lane->tag_length - 1) != 0 ||
                 add_number(text, '-', session->ordinal) != 0;
    for (unsigned i = 0; !failed && session->family && i + up < session->family->level; i++)
        failed = add_number(text, '.', session->family->path[i]) != 0;
    return failed;
}

/* A turn of it, as a JSON string. */
static int add_turn(mt_text *text, const mt_lane *lane, const mt_process_session *session,
                    unsigned up, uint64_t turn) {
    return add_name(text, lane, session, up) || add_number(text, ':', turn) ||
           mt_text_add(text, "\"", 1);
}

static int add_child_turn(mt_text *text, const mt_lane *lane, const mt_process_session *session,
                          mt_turn_name name) {
    return add_name(text, lane, session, 0) || add_number(text, '.', name.child) ||
           add_number(text, ':', name.turn) || mt_text_add(text, "\"", 1);
}

static int begin_member(mt_text *text, size_t begin, int compact, const char *name) {
    const char *comma = compact ? "," : ", ", *colon = compact ? "\":" : "\": ";
    return (text->length > begin && mt_text_add(text, comma, strlen(comma)) != 0) ||
           mt_text_add(text, "\"", 1) != 0 || mt_text_add(text, name, strlen(name)) != 0 ||
           mt_text_add(text, colon, strlen(colon)) != 0;
}

mt_code mt_name_member(mt_text *text, size_t begin, int compact, const char *name,
                       const char *value, mt_error *error) {
    if (begin_member(text, begin, compact, name) || mt_text_add(text, value, strlen(value)) != 0)
        return mt_fail_memory(error, "members of a request");
    return MT_OK;
}

mt_code mt_name_session(mt_text *text, const mt_lane *lane, const mt_process_session *session,
                        mt_error *error) {
    if (add_name(text, lane, session, 0) || mt_text_add(text, "\"", 1) != 0)
        return mt_fail_memory(error, "session id");
    return MT_OK;
}

static int add_comma(mt_text *text, int compact) {
    return mt_text_add(text, compact ? "," : ", ", compact ? 1 : 2);
}

/* What the event's request waits for: what its join waited for, its own last turn, or the turn that
 * started its session. */
static int add_waits(mt_text *text, int compact, const mt_lane *lane, const mt_event *event) {
    const mt_session_family *family = event->session->family;
    if (mt_text_add(text, "[", 1) != 0)
        return 1;
    for (size_t i = 0; i < family->wait_count; i++)
        if ((i > 0 && add_comma(text, compact)) ||
            add_child_turn(text, lane, event->session, family->waits[i]))
            return 1;
    if (family->wait_count == 0 &&
        (event->turn > 0 ? add_turn(text, lane, event->session, 0, event->turn - 1)
                         : add_turn(text, lane, event->session, 1, family->parent_turn)))
        return 1;
    return mt_text_add(text, "]", 1);
}

static int add_branches(mt_text *text, int compact, const mt_lane *lane, const mt_event *event) {
    const mt_session_family *family = event->session->family;
    if (mt_text_add(text, "[", 1) != 0)
        return 1;
    for (uint64_t i = family->starting; i > 0; i--)
        if (add_child_turn(text, lane, event->session, (mt_turn_name){family->born - i + 1, 0}) ||
            (i > 1 && add_comma(text, compact)))
            return 1;
    return mt_text_add(text, "]", 1);
}

mt_code mt_name_request(mt_text *text, size_t begin, int compact, const mt_lane *lane,
                        const mt_event *event, mt_error *error) {
    const mt_session_family *family = event->session ? event->session->family : NULL;
    if (!family)
        return MT_OK;
    int failed = begin_member(text, begin, compact, "request_id") ||
                 add_turn(text, lane, event->session, 0, event->turn);
    if (!failed && (event->turn > 0 || family->level > 0))
        failed =
            begin_member(text, begin, compact, "wait_for") || add_waits(text, compact, lane, event);
    if (!failed && family->starting > 0)
        failed = begin_member(text, begin, compact, "branches") ||
                 add_branches(text, compact, lane, event);
    return failed ? mt_fail_memory(error, "members of a request") : MT_OK;
}
