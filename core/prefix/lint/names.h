/* Names of requests (request_id) that others wait for or start (wait_for, branches), and that no
 * request has. Zero it, add requests, find, free. Memory: a text and 9 bytes a name. Private to this
 * folder. */
#ifndef MT_PREFIX_LINT_NAMES_H
#define MT_PREFIX_LINT_NAMES_H

#include "base/error.h"
#include "text/texts.h"
#include "trace/record.h"
#include "prefix/lint/block_fit.h"

typedef struct mt_lint_names {
    mt_texts names; /* as they are written */
    uint8_t *is_there;
    uint64_t *first; /* line of the first request that names it */
    size_t there_capacity, first_capacity;
} mt_lint_names;

/* Takes in one request. MT_ERROR_MEMORY. */
mt_code mt_lint_names_add(mt_lint_names *names, const mt_request *request, mt_error *error);

/* The names that no request has: *lines are those where one stands first, name[0..size) the first of them
 * without quotes, cut. */
void mt_lint_names_find(const mt_lint_names *names, mt_lines *lines, char *name, size_t size);

void mt_lint_names_free(mt_lint_names *names);

#endif
