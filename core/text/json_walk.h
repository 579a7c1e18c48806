/* A walk over the members of a JSON object, or the elements of an array, that stops at each value
 * before it was looked at: whoever takes the value moves the walk behind it. One pass over the bytes,
 * where mt_json_items (text/json_items.h) looks at each value first to find its end.
 *
 * Numbers at the very end of the text are read by strtod: a byte that is part of no number must
 * follow the text, as one does behind a line of base/file/input.h. */
#ifndef MT_TEXT_JSON_WALK_H
#define MT_TEXT_JSON_WALK_H

#include "text/json.h"
#include "base/span.h"

typedef struct mt_json_walk {
    const mt_json *json;
    const char *at;
    mt_span name; /* of the member, as it is written, without the quotes */
    char close;   /* '}' or ']' */
    int has_begun;
} mt_json_walk;

/* Begins at the bracket `open` at `at`: 0, or -1 with the error filled ("expected EXPECTED, ..."). */
int mt_json_walk_begin(mt_json_walk *self, const mt_json *json, const char *at, char open,
                       const char *expected);

/* The next one: 1 at its value, 0 behind the bracket, -1. */
int mt_json_walk_next(mt_json_walk *self);

/* Is that the member's name? */
int mt_json_walk_is(const mt_json_walk *self, const char *name);

/* Moves behind the value: 0 or -1. */
int mt_json_walk_pass(mt_json_walk *self);

/* Fails with "NAME must be WHAT, not VALUE": -1. */
int mt_json_refuse(const mt_json_walk *self, const char *what);

/* Passes over null: 1; 0 when it is something else. */
int mt_json_take_null(mt_json_walk *self);

/* These take the value and move behind it: 0, or -1 when it is of another kind. A finite number; a
 * whole number times 10^scale, at least `least`; true or false as 1 or 0. */
int mt_json_take_number(mt_json_walk *self, double *value);
int mt_json_take_whole(mt_json_walk *self, int scale, int64_t least, int64_t *value);
int mt_json_take_truth(mt_json_walk *self, uint8_t *value);

#endif
