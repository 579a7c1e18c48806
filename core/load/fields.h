/* Further members of a record (`fields=`), written as they are after ours. A member is a constant,
 * a number drawn from a distribution, or one of several values. It is drawn once a request, or once
 * a session where there are sessions. */
#ifndef MT_LOAD_FIELDS_H
#define MT_LOAD_FIELDS_H

#include "base/error.h"
#include "base/text.h"
#include "random/distribution.h"
#include "trace/record.h"

typedef struct mt_fields mt_fields;

mt_fields *mt_fields_new(mt_error *error);
mt_fields *mt_fields_retain(mt_fields *fields); /* returns it */
void mt_fields_release(mt_fields *fields);      /* NULL is allowed */

/* Adds a member; keys and values are raw JSON texts and are copied, key with its quotes. To be
 * called before the fields are shared. On failure (MT_ERROR_MEMORY; MT_ERROR_VALUE for weights that
 * are no weights) nothing is added. */
mt_code mt_fields_constant(mt_fields *fields, const char *key, const char *value, mt_error *error);
mt_code mt_fields_number(mt_fields *fields, const char *key, mt_distribution *distribution,
                         mt_error *error);
mt_code mt_fields_choice(mt_fields *fields, const char *key, const char *const *values,
                         const double *weights, size_t count, mt_error *error);

/* Appends `"key": value` for every member, joined by ", " (compact: ":" and ","). With `joined` it
 * starts with the separator. Where a member is "model", *model_offset and *model_length become the
 * place of its value in text; else both are left alone. MT_ERROR_VALUE when a drawn number is not
 * finite. */
mt_code mt_fields_draw(const mt_fields *fields, mt_random *random, double time, int compact,
                       int joined, mt_text *text, size_t *model_offset, size_t *model_length,
                       mt_error *error);

/* The same, without the members of which one of `count` lists over it (an entry may be NULL) has
 * the key: those hold in their place. What is left out is drawn nevertheless, so that the rest does
 * not depend on it. */
mt_code mt_fields_draw_beneath(const mt_fields *fields, const mt_fields *const *over, size_t count,
                               mt_random *random, double time, int compact, int joined,
                               mt_text *text, size_t *model_offset, size_t *model_length,
                               mt_error *error);

#endif
