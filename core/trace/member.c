#include "trace/member.h"

#include "text/json_items.h"

#include <string.h>

mt_span mt_request_member_of(const mt_request *request, const char *name, size_t length) {
    if (length == 10 && memcmp(name, "session_id", 10) == 0)
        return request->has & MT_HAS_SESSION ? request->session : (mt_span){"", 0};
    if (length == 6 && memcmp(name, "stream", 6) == 0 && request->has & MT_HAS_STREAM)
        return request->stream;
    mt_json json = {request->extra.text, request->extra.text + request->extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    mt_json_items_bare(&items, &json);
    while (request->extra.length > 0 && mt_json_items_next(&items, &item) > 0)
        if (item.name.length == length && memcmp(item.name.text, name, length) == 0)
            return item.value;
    return (mt_span){"", 0};
}

mt_span mt_request_member(const mt_request *request, const char *name) {
    return mt_request_member_of(request, name, strlen(name));
}
