#include "text/json_items.h"

#include <string.h>

int mt_json_items_begin(mt_json_items *items, const mt_json *json, const char *at, char open,
                        const char *expected) {
    at = mt_json_space(json, at);
    if (at >= json->end || *at != open)
        return mt_json_unexpected(json, at, expected), -1;
    *items = (mt_json_items){*json, at + 1, open == '{' ? '}' : ']', 0};
    return 0;
}

int mt_json_items_of_list(mt_json_items *items, mt_span value) {
    mt_json json = {value.text, value.text + value.length, NULL};
    return value.length > 0 && value.text[0] == '[' &&
           mt_json_items_begin(items, &json, value.text, '[', "a list") == 0;
}

void mt_json_items_bare(mt_json_items *items, const mt_json *json) {
    *items = (mt_json_items){*json, json->begin, '\0', 0};
}

/* The name and the colon of a member: the position of its value, or NULL. */
static const char *read_name(const mt_json *json, const char *at, mt_span *name) {
    if (at >= json->end || *at != '"')
        return mt_json_unexpected(json, at, "a member's name in quotes");
    const char *after = mt_json_string(json, at);
    if (!after)
        return NULL;
    *name = (mt_span){at + 1, (size_t)(after - at) - 2};
    at = mt_json_space(json, after);
    if (at >= json->end || *at != ':')
        return mt_json_unexpected(json, at, "':'");
    return mt_json_space(json, at + 1);
}

int mt_json_items_next(mt_json_items *items, mt_json_item *item) {
    const mt_json *json = &items->json;
    const char *at = mt_json_space(json, items->at);
    *item = (mt_json_item){{"", 0}, {"", 0}};
    if (at == json->end && items->close == '\0')
        return 0;
    if (at < json->end && *at == items->close) {
        items->at = at + 1;
        return 0;
    }
    if (items->has_begun) {
        if (at >= json->end || *at != ',') {
            mt_json_unexpected(json, at, items->close == ']' ? "',' or ']'" : "',' or '}'");
            return -1;
        }
        at = mt_json_space(json, at + 1);
    }
    items->has_begun = 1;
    if (items->close != ']' && !(at = read_name(json, at, &item->name)))
        return -1;
    const char *after = mt_json_value(json, at);
    if (!after)
        return -1;
    item->value = (mt_span){at, (size_t)(after - at)};
    items->at = after;
    return 1;
}

int mt_json_same_text(mt_span text, const char *plain) {
    enum { MOST = 256 };
    char written[MOST];
    size_t length = strlen(plain);
    if (text.length > length && text.length <= MOST && memchr(text.text, '\\', text.length))
        text = (mt_span){written, mt_json_normalise(text.text, text.length, written)};
    return text.length == length && memcmp(text.text, plain, length) == 0;
}

int mt_json_named(const mt_json_item *item, const char *name) {
    return mt_json_same_text(item->name, name);
}

int mt_json_count(mt_span value, uint64_t *count) {
    mt_decimal decimal;
    if (mt_decimal_scan(value.text, value.length, 0, &decimal) != 0 || decimal.negative ||
        !decimal.exact)
        return -1;
    *count = decimal.magnitude;
    return 0;
}

int mt_json_is_null(mt_span value) {
    return value.length == 4 && memcmp(value.text, "null", 4) == 0;
}
