/* What steps over several inputs share. Private to this folder. */
#ifndef MT_TRACE_STEP_INPUTS_H
#define MT_TRACE_STEP_INPUTS_H

#include "trace/source/kind.h"
#include "trace/step/apart.h"
#include "trace/step/steps.h"

/* The first member of a struct of such a step. */
typedef struct mt_several {
    mt_source base;
    mt_source **inputs;     /* owned; NULL: done with */
    uint64_t skipped;       /* by those that are done with, */
    mt_error first_skipped; /* and the first of them */
    size_t count, current;  /* current: where the last request came from */
    mt_inputs kept;
    mt_apart apart;
} mt_several;

/* `size` zero bytes that begin with an mt_several of the inputs, which belong to it. NULL on
 * failure, also when there are none, and when NULL is among them, of which *error says something
 * already: then all are freed. */
mt_several *mt_several_new(const mt_source_kind *kind, size_t size, mt_source *const *inputs,
                           size_t count, mt_inputs kept, mt_error *error);

/* Makes the session and the request ids of the current input's request others than those of inputs
 * before. */
mt_code mt_several_name(mt_several *several, mt_request *request, mt_error *error);

/* Frees the current input, which is at its end, and goes on to the next one. */
void mt_several_go_on(mt_several *several);

/* The members of a kind; `release` frees the inputs. */
const char *mt_several_source(const mt_source *source);
uint64_t mt_several_skipped(const mt_source *source, mt_error *first);
void mt_several_release(mt_source *source);

#endif
