#include "text/json_walk.h"

#include "text/json_items.h"

#include <math.h>
#include <stdlib.h>

int mt_json_walk_begin(mt_json_walk *self, const mt_json *json, const char *at, char open,
                       const char *expected) {
    if (at >= json->end || *at != open)
        return mt_json_unexpected(json, at, expected), -1;
    *self = (mt_json_walk){json, at + 1, {"", 0}, open == '{' ? '}' : ']', 0};
    return 0;
}

int mt_json_walk_next(mt_json_walk *self) {
    const mt_json *json = self->json;
    const char *at = mt_json_space(json, self->at);
    if (at < json->end && *at == self->close) {
        self->at = at + 1;
        return 0;
    }
    if (self->has_begun) {
        if (at >= json->end || *at != ',')
            return mt_json_unexpected(json, at, self->close == '}' ? "',' or '}'" : "',' or ']'"),
                   -1;
        at = mt_json_space(json, at + 1);
    }
    self->has_begun = 1;
    if (self->close == '}') {
        if (at >= json->end || *at != '"')
            return mt_json_unexpected(json, at, "a member's name in quotes"), -1;
        const char *after = mt_json_string(json, at);
        if (!after)
            return -1;
        self->name = (mt_span){at + 1, (size_t)(after - at) - 2};
        at = mt_json_space(json, after);
        if (at >= json->end || *at != ':')
            return mt_json_unexpected(json, at, "':'"), -1;
        at = mt_json_space(json, at + 1);
    }
    self->at = at;
    return 1;
}

int mt_json_walk_is(const mt_json_walk *self, const char *name) {
    return mt_json_same_text(self->name, name);
}

int mt_json_walk_pass(mt_json_walk *self) {
    const char *after = mt_json_value(self->json, self->at);
    self->at = after ? after : self->at;
    return after ? 0 : -1;
}

int mt_json_take_null(mt_json_walk *self) {
    if (!mt_json_is(self->json, self->at, "null", 4))
        return 0;
    self->at += 4;
    return 1;
}

int mt_json_refuse(const mt_json_walk *self, const char *what) {
    char found[48];
    mt_json_fail(self->json, self->at, "%.*s must be %s, not %s", (int)self->name.length,
                 self->name.text, what, mt_json_quote(self->json, self->at, found, sizeof found));
    return -1;
}

/* Short numbers need no strtod: both parts are exact (Clinger 1990). */
int mt_json_take_number(mt_json_walk *self, double *value) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *at = self->at, *end = self->json->end, *first = at, *point = NULL;
    uint64_t digits = 0;
    for (; at < end && at - first < 16; at++) {
        if (*at >= '0' && *at <= '9')
            digits = 10 * digits + (uint64_t)(*at - '0');
        else if (*at == '.' && !point && at > first)
            point = at;
        else
            break;
    }
    int is_plain = at > first && (at == end || *at == ',' || *at == '}' || *at == ']') &&
                   at - first < 16 && point != at - 1 &&
                   (*first != '0' || at - first == 1 || point == first + 1);
    if (is_plain) {
        *value = (double)digits / powers[point ? at - point - 1 : 0];
        self->at = at;
        return 0;
    }
    const char *after = mt_json_number(self->json, self->at);
    if (!after)
        return mt_json_refuse(self, "a number");
    *value = strtod(self->at, NULL);
    self->at = after;
    return isfinite(*value) ? 0 : mt_json_refuse(self, "a finite number");
}

int mt_json_take_whole(mt_json_walk *self, int scale, int64_t least, int64_t *value) {
    const char *after = mt_json_number(self->json, self->at);
    if (!after || mt_decimal_whole(self->at, (size_t)(after - self->at), scale, value) != 0 ||
        *value < least)
        return mt_json_refuse(self, least == 0 ? "a number of at least 0" : "a number of 64 bits");
    self->at = after;
    return 0;
}

int mt_json_take_truth(mt_json_walk *self, uint8_t *value) {
    *value = (uint8_t)mt_json_is(self->json, self->at, "true", 4);
    if (!*value && !mt_json_is(self->json, self->at, "false", 5))
        return mt_json_refuse(self, "true or false");
    self->at += *value ? 4 : 5;
    return 0;
}
