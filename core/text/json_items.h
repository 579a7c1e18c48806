/* Walking the members of a JSON object or the elements of an array, as bytes, without a tree. */
#ifndef MT_TEXT_JSON_ITEMS_H
#define MT_TEXT_JSON_ITEMS_H

#include "text/json.h"
#include "base/span.h"

typedef struct mt_json_items {
    mt_json json;
    const char *at; /* once there are no more: after the closing bracket */
    char close;     /* '}' or ']'; '\0': the members end with the text */
    int has_begun;
} mt_json_items;

typedef struct mt_json_item {
    mt_span name;  /* a member's, as it is written, without the quotes; an element has none */
    mt_span value; /* the raw value */
} mt_json_item;

/* Begins at the bracket `open` ('{' or '['), white space before it allowed. 0, or -1 with the
 * error of `json` filled ("expected EXPECTED, found ..."). */
int mt_json_items_begin(mt_json_items *items, const mt_json *json, const char *at, char open,
                        const char *expected);

/* Begins at the elements of a value that is known to be JSON: 1, or 0 where it is no list. */
int mt_json_items_of_list(mt_json_items *items, mt_span value);

/* Begins at the members of an object without its braces, which end with the text. */
void mt_json_items_bare(mt_json_items *items, const mt_json *json);

/* The next one: 1, 0 when there are no more, -1 with the error filled. */
int mt_json_items_next(mt_json_items *items, mt_json_item *item);

/* Is it this text, which needs no escapes and has up to 40 bytes, whether it is written with some or
 * not? Both with quotes, or both without. */
int mt_json_same_text(mt_span text, const char *plain);

/* Is it this name? */
int mt_json_named(const mt_json_item *item, const char *name);

/* The value as a whole number of at least 0, in any form that JSON has for it. 0, or -1 when it is
 * something else or does not fit. */
int mt_json_count(mt_span value, uint64_t *count);

/* Is it null? */
int mt_json_is_null(mt_span value);

#endif
